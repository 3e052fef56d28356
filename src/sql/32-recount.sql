-- Counting from the raw events: for attach and new measures, to verify and to repair.

CREATE FUNCTION kindly_stats.column_expression(event_table regclass, columns jsonb, logical text, type text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT format('e.%I::%s', a.attname, type) FROM pg_attribute AS a
                      WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped
                        AND a.attname = CASE WHEN columns ? logical THEN columns ->> logical ELSE logical END),
                    format('NULL::%s', type))
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.column_expression(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.column_expression(regclass, jsonb, text, text) IS 'internal: how a query names a logical column of an event table';

CREATE FUNCTION kindly_stats.require_columns(event_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost text := (kindly_stats.lost_columns(event_table, columns))[1];
BEGIN
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION 'event table % has no column "%" for "%"', event_table, columns ->> lost, lost USING ERRCODE = '42703',
            HINT = format('If it was renamed, attach the table again with its new name, such as {"%s": "new_name"}; if it was dropped, with {"%1$s": null}.', lost);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_columns(regclass, jsonb) IS 'internal: refuses to count a table that has lost a column (42703)';

-- For verify(), which counts measure by measure in SQL, so that it does not believe what the triggers' code counts.
-- SELECT bot_id, month, tally of one measure; $1 is a bot or NULL, $2 the instant from which on to count or NULL.
CREATE FUNCTION kindly_stats.recount_query(event_table regclass, columns jsonb, measure text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m record;
    keys text[];
    bot text := kindly_stats.column_expression(event_table, columns, 'bot_id', 'bigint');
    at text := kindly_stats.column_expression(event_table, columns, 'occurred_at', 'timestamptz');
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    SELECT * INTO STRICT m FROM kindly_stats.measure AS r WHERE r.name = recount_query.measure;
    SELECT array_agg(kindly_stats.column_expression(event_table, columns, k.name, 'text') ORDER BY k.number) INTO keys
      FROM unnest(m.keys) WITH ORDINALITY AS k (name, number);
    RETURN format('SELECT %1$s AS bot_id, date_trunc(''month'', %2$s AT TIME ZONE ''UTC'')::date AS month,'
                  ' kindly_stats.tally_agg(%2$s, ARRAY[%3$s], %4$s, %5$s) AS tally FROM %6$s AS e'
                  ' WHERE ($1 IS NULL OR %1$s = $1) AND ($2 IS NULL OR %2$s >= $2) AND %1$s IS NOT NULL AND %2$s IS NOT NULL%7$s%8$s%9$s%10$s'
                  ' GROUP BY 1, 2',
        bot, at,
        concat_ws(', ', kindly_stats.column_expression(event_table, columns, 'source', 'text'),
                  kindly_stats.column_expression(event_table, columns, 'language_code', 'text'), array_to_string(keys, ', ')),
        CASE WHEN m.member IS NULL THEN 'NULL::text' ELSE kindly_stats.column_expression(event_table, columns, m.member, 'text') END,
        CASE WHEN m.weight IS NULL THEN '1' ELSE kindly_stats.column_expression(event_table, columns, m.weight, 'bigint') END,
        event_table,
        CASE WHEN m.kinds IS NOT NULL THEN format(' AND %s = ANY (%L)', kindly_stats.column_expression(event_table, columns, 'kind', 'text'), m.kinds) END,
        CASE WHEN m.condition IS NOT NULL THEN format(' AND %s', kindly_stats.column_expression(event_table, columns, m.condition, 'boolean')) END,
        CASE WHEN m.needed IS NOT NULL THEN format(' AND %s IS NOT NULL', kindly_stats.column_expression(event_table, columns, m.needed, 'text')) END,
        CASE WHEN keys IS NOT NULL THEN format(' AND coalesce(%s) IS NOT NULL', array_to_string(keys, ', ')) END);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.recount_query(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.recount_query(regclass, jsonb, text) IS 'internal: the query that counts one measure from the raw events';

-- One pass over a table for all measures: an aggregate that counts events as the triggers do.  The planner cannot know how many
-- months there are and takes each event for a group of its own: costs say that counting weighs more than combining, so that it counts
-- in parallel.

CREATE FUNCTION kindly_stats.month_start(at timestamptz) RETURNS date
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_month_start';
CREATE FUNCTION kindly_stats.count_step(internal, grain text, measure text, names text[], VARIADIC columns "any")
    RETURNS internal LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_count_step';
CREATE FUNCTION kindly_stats.count_combine(internal, internal)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_count_combine';
CREATE FUNCTION kindly_stats.count_serialize(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_count_serialize';
CREATE FUNCTION kindly_stats.count_deserialize(bytea, internal)
    RETURNS internal LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_count_deserialize';
CREATE FUNCTION kindly_stats.count_final(internal)
    RETURNS kindly_stats.tally LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_count_final';
CREATE AGGREGATE kindly_stats.count_mixed(grain text, measure text, names text[], VARIADIC columns "any") (
    SFUNC = kindly_stats.count_step, STYPE = internal, SSPACE = 10000, FINALFUNC = kindly_stats.count_final,
    COMBINEFUNC = kindly_stats.count_combine, SERIALFUNC = kindly_stats.count_serialize,
    DESERIALFUNC = kindly_stats.count_deserialize, PARALLEL = SAFE
);
CREATE FUNCTION kindly_stats.append_counts(query text, bot bigint, since timestamptz, negate boolean, with_bounds boolean)
    RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'ks_append_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.append_counts(text, bigint, timestamptz, boolean, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.month_start(timestamptz), kindly_stats.count_combine(internal, internal), kindly_stats.count_serialize(internal),
    kindly_stats.count_deserialize(bytea, internal), kindly_stats.count_final(internal) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_step(internal, text, text, text[], VARIADIC "any") FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_mixed(text, text, text[], VARIADIC "any") FROM PUBLIC;

COMMENT ON FUNCTION kindly_stats.month_start(timestamptz) IS 'internal: first day of the UTC month of an instant, as the rollup has it';
COMMENT ON FUNCTION kindly_stats.count_step(internal, text, text, text[], VARIADIC "any") IS 'internal: transition function of count_mixed';
COMMENT ON FUNCTION kindly_stats.count_combine(internal, internal) IS 'internal: combine function of count_mixed';
COMMENT ON FUNCTION kindly_stats.count_serialize(internal) IS 'internal: serialization function of count_mixed';
COMMENT ON FUNCTION kindly_stats.count_deserialize(bytea, internal) IS 'internal: deserialization function of count_mixed';
COMMENT ON FUNCTION kindly_stats.count_final(internal) IS 'internal: final function of count_mixed';
COMMENT ON AGGREGATE kindly_stats.count_mixed(text, text, text[], VARIADIC "any") IS
'internal: counts events as the triggers do, into a mixed tally

grain: of the measures; measure: one only, NULL for all; names: what the columns are called.';
COMMENT ON FUNCTION kindly_stats.append_counts(text, bigint, timestamptz, boolean, boolean) IS
'internal: appends what a query of (bot_id, month, mixed tally) gives to the rollup, or takes it away';

-- SELECT bot_id, month, tally of one measure or all; $1 is a bot or NULL, $2 the instant from which on to count or NULL.
CREATE FUNCTION kindly_stats.count_query(event_table regclass, columns jsonb, grain text, measure text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
    bot text := kindly_stats.column_expression(event_table, columns, 'bot_id', 'bigint');
    at text := kindly_stats.column_expression(event_table, columns, 'occurred_at', 'timestamptz');
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    SELECT array_agg(l.logical ORDER BY a.attnum) AS names, string_agg(format('e.%I', a.attname), ', ' ORDER BY a.attnum) AS list
      INTO found
      FROM kindly_stats.logical_columns(grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = CASE WHEN columns ? l.logical THEN columns ->> l.logical ELSE l.logical END;
    RETURN format('SELECT %1$s AS bot_id, kindly_stats.month_start(%2$s) AS month, kindly_stats.count_mixed(%3$L, %4$L, %5$L, %6$s) AS tally FROM %7$s AS e'
                  ' WHERE ($1 IS NULL OR %1$s = $1) AND ($2 IS NULL OR %2$s >= $2) AND %1$s IS NOT NULL AND %2$s IS NOT NULL'
                  ' GROUP BY 1, 2', bot, at, grain, measure, found.names, found.list, event_table);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_query(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_query(regclass, jsonb, text, text) IS 'internal: the query that counts the raw events once for all measures';

CREATE FUNCTION kindly_stats.recount(event_table regclass, columns jsonb, bot bigint, since timestamptz, sign integer, grain text, measure text DEFAULT NULL)
    RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindly_stats.append_counts(kindly_stats.count_query(event_table, columns, grain, measure), bot, since, sign < 0,
                                      grain = 'event' AND coalesce(measure, 'events') = 'events')
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.recount(regclass, jsonb, bigint, timestamptz, integer, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.recount(regclass, jsonb, bigint, timestamptz, integer, text, text) IS 'internal: adds the rows of a table to the rollup, or takes them away';

CREATE FUNCTION kindly_stats.lock_event_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t regclass;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    FOR t IN SELECT DISTINCT e.event_table FROM kindly_stats.event_table AS e ORDER BY e.event_table
    LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', t);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_event_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_event_tables() IS 'internal: keeps writers of events out until the end of the transaction';

CREATE FUNCTION kindly_stats.add_measure(name text, kinds text[] DEFAULT NULL, keys text[] DEFAULT '{}', member text DEFAULT NULL,
                                         weight text DEFAULT NULL, condition text DEFAULT NULL, needed text DEFAULT NULL,
                                         grain text DEFAULT 'event')
    RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
    horizon timestamptz;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('add a measure');
    PERFORM kindly_stats.lock_event_tables();
    IF coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'a measure needs a name' USING ERRCODE = '22023', HINT = 'Names are free but for the empty one.';
    ELSIF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = add_measure.name) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'kindly_stats.measure lists the measures; a measure that changes its meaning needs a new name.';
    ELSIF EXISTS (SELECT FROM kindly_stats.rollup AS r WHERE r.measure = name
                  OR r.measure = '' AND NOT kindly_stats.is_empty(kindly_stats.part(r.tally, name))) THEN
        RAISE EXCEPTION 'the rollup still has counts of a measure "%" that was deleted', name USING ERRCODE = '55000',
            HINT = 'kindly_stats.rebuild() takes them out; or choose another name.';
    ELSIF grain IS NULL OR grain NOT IN ('event', 'conversation_start', 'conversation_end') THEN
        RAISE EXCEPTION 'unknown grain "%"', grain USING ERRCODE = '22023', HINT = 'Grains are event, conversation_start and conversation_end.';
    ELSIF member IS NOT NULL AND weight IS NOT NULL THEN
        RAISE EXCEPTION 'measure "%" must not have both a member and a weight', name USING ERRCODE = '22023',
            HINT = 'A member whose weights add up to zero would not be counted: make two measures.';
    ELSIF array_position(kinds, NULL) IS NOT NULL OR array_position(keys, NULL) IS NOT NULL OR cardinality(keys) > 60 THEN
        RAISE EXCEPTION 'measure "%" needs kinds and keys without NULLs, and at most 60 keys', name USING ERRCODE = '22023',
            HINT = 'Leave kinds out to count events of every kind, keys for a measure without a top list.';
    END IF;
    INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain)
    VALUES (name, kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain);
    FOR t IN SELECT e.event_table, e.columns FROM kindly_stats.event_table AS e WHERE e.grain = add_measure.grain ORDER BY e.event_table
    LOOP
        PERFORM kindly_stats.check_columns(t.event_table, t.columns, grain);
        PERFORM kindly_stats.recount(t.event_table, t.columns, NULL, NULL, 1, grain, name);
        PERFORM kindly_stats.cover(t.event_table, kindly_stats.found_columns(t.event_table, t.columns, grain), grain);
        SELECT p.before INTO horizon FROM kindly_stats.purged AS p WHERE p.event_table = t.event_table;
        IF horizon IS NOT NULL THEN
            RAISE NOTICE 'events of "%" before % were purged and are not in measure "%"', t.event_table, horizon, name;
        END IF;
    END LOOP;
    IF EXISTS (SELECT c FROM unnest(coalesce(keys, '{}') || member || weight || condition || needed) AS c
                WHERE c IS NOT NULL AND NOT EXISTS (
                    SELECT FROM kindly_stats.event_table AS e
                     WHERE e.grain = add_measure.grain AND kindly_stats.column_expression(e.event_table, e.columns, c, 'text') NOT LIKE 'NULL::%'))
       AND EXISTS (SELECT FROM kindly_stats.event_table AS e WHERE e.grain = add_measure.grain) THEN
        RAISE EXCEPTION 'no attached event table has all columns of measure "%"', name USING ERRCODE = '42703',
            HINT = 'Add the columns to the event table first.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.add_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.add_measure(text, text[], text[], text, text, text, text, text) IS
'adds a measure and counts it from the events that are there

name: how questions name it; kinds: kinds of events that count, NULL for all; keys: columns to filter and group by, beyond source
and language_code (an event whose key columns are all NULL does not count); member: column whose distinct values are counted;
weight: integer column to add up instead of counting events; condition: boolean column that must be true; needed: column that
must not be NULL; grain: event, or conversation_start or conversation_end to count conversations (which have no kinds) by the one
or the other.
It blocks writers while it counts.  Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703, 42804 for columns
that are missing or cannot be read, 42710 where the measure exists, 55000 where one of that name
was deleted and its counts are still there.';

CREATE FUNCTION kindly_stats.purge(event_table regclass, before timestamptz) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_purge';
REVOKE EXECUTE ON FUNCTION kindly_stats.purge(regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge(regclass, timestamptz) IS
'deletes old events and keeps their statistics

event_table: an attached table; before: events that occurred before this instant, rounded down to a quarter hour, are deleted, or
conversations that ended before it.
Gives back their number.  A plain DELETE takes events out of the statistics instead.  Errors: 22008 for an infinite instant,
55000 where the table is not attached.';

CREATE FUNCTION kindly_stats.verify(bot bigint DEFAULT NULL)
    RETURNS TABLE (bot_id bigint, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m text;
    raw text;
    horizon timestamptz;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    SELECT coalesce(max(p.before), '-infinity') INTO horizon FROM kindly_stats.purged AS p;
    FOR m IN SELECT r.name FROM kindly_stats.measure AS r ORDER BY r.name
    LOOP
        SELECT string_agg(kindly_stats.recount_query(t.event_table, t.columns, m), ' UNION ALL ') INTO raw
          FROM kindly_stats.event_table AS t JOIN kindly_stats.measure AS r ON r.grain = t.grain WHERE r.name = m;
        RETURN QUERY EXECUTE format($query$
            WITH stored AS (
                SELECT r.bot_id, r.month, kindly_stats.slice(kindly_stats.sum(
                           CASE r.measure WHEN '' THEN kindly_stats.part(r.tally, %1$L) ELSE r.tally END), $2, 'infinity') AS tally
                  FROM kindly_stats.rollup AS r
                 WHERE r.measure IN ('', %1$L) AND ($1 IS NULL OR r.bot_id = $1) GROUP BY 1, 2),
            recounted AS (
                SELECT u.bot_id, u.month, kindly_stats.sum(u.tally) AS tally FROM (%2$s) AS u GROUP BY 1, 2)
            SELECT coalesce(s.bot_id, r.bot_id), %1$L, coalesce(s.month, r.month),
                   coalesce(kindly_stats.total(s.tally), 0), coalesce(kindly_stats.total(r.tally), 0),
                   coalesce(kindly_stats.distinct_total(s.tally), 0), coalesce(kindly_stats.distinct_total(r.tally), 0)
              FROM stored AS s FULL JOIN recounted AS r ON r.bot_id = s.bot_id AND r.month = s.month
             WHERE NOT kindly_stats.is_empty(CASE WHEN s.tally IS NULL THEN r.tally WHEN r.tally IS NULL THEN s.tally
                                                  ELSE s.tally OPERATOR(kindly_stats.-) r.tally END)
             ORDER BY 1, 3
            $query$, m, coalesce(raw, 'SELECT NULL::bigint AS bot_id, NULL::date AS month, NULL::kindly_stats.tally AS tally WHERE $1 = 0 AND $2 IS NULL'))
            USING bot, horizon;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify(bigint) IS
'counts the raw events anew and lists what the rollup has otherwise

bot: one bot only; NULL for all.  No row means that there is no difference, down to the last key, quarter hour and member.
Nothing before the latest instant in kindly_stats.purged can be compared, in whatever table; it is left out.
kindly_stats.rebuild() repairs.';

CREATE FUNCTION kindly_stats.rebuild(bot bigint DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
    horizon timestamptz;
BEGIN
    PERFORM kindly_stats.lock_event_tables();
    -- nor may compaction put sums where the deletion below, which began earlier, does not see them
    LOCK TABLE kindly_stats.rollup IN SHARE ROW EXCLUSIVE MODE;
    SELECT max(p.before) INTO horizon FROM kindly_stats.purged AS p;
    -- what was purged stands in the rollup alone: that part is kept
    WITH gone AS (
        DELETE FROM kindly_stats.rollup AS r WHERE bot IS NULL OR r.bot_id = bot RETURNING r.bot_id, r.measure, r.month, r.tally)
    INSERT INTO kindly_stats.rollup (bot_id, measure, month, tally)
    SELECT k.bot_id, k.name, k.month, k.tally
      FROM (SELECT g.bot_id, m.name, g.month, kindly_stats.slice(kindly_stats.sum(
                       CASE g.measure WHEN '' THEN kindly_stats.part(g.tally, m.name) ELSE g.tally END), '-infinity', horizon) AS tally
              FROM gone AS g JOIN kindly_stats.measure AS m ON g.measure IN ('', m.name)
             WHERE g.month::timestamp AT TIME ZONE 'UTC' < horizon GROUP BY 1, 2, 3) AS k
     WHERE NOT kindly_stats.is_empty(k.tally);
    FOR t IN SELECT e.event_table, e.columns, e.grain FROM kindly_stats.event_table AS e ORDER BY e.event_table, e.grain
    LOOP
        PERFORM kindly_stats.recount(t.event_table, t.columns, bot, horizon, 1, t.grain);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rebuild(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rebuild(bigint) IS
'counts the raw events anew into the rollup

bot: one bot only; NULL for all.  Statistics before the latest instant in kindly_stats.purged are kept as they are, late events
among them; later ones of tables that are attached no more are lost.  It blocks writers of events while it counts.
Error: 55000 where no event table has been attached.';
