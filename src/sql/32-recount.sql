-- Counting raw events: for attach and new measures, to verify and to repair.
--
-- No loop over a query is open while a table is read: its cursor has a name, by which code of the table's owner could move it, so that the
-- tables after his would be skipped.  So the work is listed first.

CREATE FUNCTION kindly_stats.column_expression(event_table regclass, columns jsonb, logical text, type text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule jsonb := CASE jsonb_typeof(columns -> logical) WHEN 'object' THEN columns -> logical ELSE '{}' END;
    base regtype;
    is_text boolean;
    result text;
BEGIN
    IF rule ? 'constant' AND logical = 'bot_id' THEN
        RETURN format('%L::bigint', (rule ->> 'constant')::kindly_stats.bot_id);
    ELSIF rule ? 'constant' THEN
        RETURN format(CASE type WHEN 'boolean' THEN 'kindly_rules.boolean_of(%L)' WHEN 'bigint' THEN 'kindly_rules.whole_number(%L::text)' ELSE '%L::text' END, rule ->> 'constant');
    END IF;
    SELECT format('e.%I', a.attname), kindly_stats.base_type(a.atttypid) INTO result, base FROM pg_attribute AS a
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = kindly_stats.mapped_column(columns -> logical);
    IF NOT FOUND THEN
        RETURN format('NULL::%s', type);
    ELSIF rule ? 'tz' THEN
        RETURN format('kindly_rules.zoned_instant(%s::timestamp, %L)', result, rule ->> 'tz');
    ELSIF rule ? 'unit' THEN
        RETURN format('kindly_rules.number_instant(%s::%s, %L)', result, CASE WHEN base IN ('float8'::regtype, 'numeric'::regtype) THEN base::text ELSE 'bigint' END, rule ->> 'unit');
    END IF;
    is_text := rule ?| '{path,values}' OR base IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype);
    IF rule ? 'path' THEN
        result := format('kindly_rules.json_field(%s::%s, %L)', result, CASE base WHEN 'jsonb'::regtype THEN 'jsonb' ELSE 'text' END,
                         ARRAY(SELECT p FROM jsonb_array_elements_text(rule -> 'path') WITH ORDINALITY AS p (p, number) ORDER BY number));
    ELSIF base = 'numeric'::regtype AND (type = 'text' OR is_text) THEN
        result := format('trim_scale(%s)', result);
    END IF;
    IF rule ? 'values' THEN
        result := format('CASE %1$s::text COLLATE "C" %2$s ELSE %1$s::text END', result,
                         (SELECT string_agg(format('WHEN %L THEN %L', v.key, v.value), ' ' ORDER BY v.key) FROM jsonb_each_text(rule -> 'values') AS v));
    END IF;
    RETURN format(CASE WHEN is_text AND type = 'boolean' THEN 'kindly_rules.boolean_of((%s)::text)'
                       WHEN is_text AND type = 'bigint' THEN 'kindly_rules.whole_number((%s)::text)'
                       WHEN base = 'numeric'::regtype AND type = 'bigint' THEN 'kindly_rules.whole_number(%s)'
                       WHEN rule = '{}' THEN '%s::%s'
                       ELSE '(%s)::%s' END, result, type);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.column_expression(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.column_expression(regclass, jsonb, text, text) IS 'internal: how a query names a logical column of an event table';

CREATE FUNCTION kindly_stats.has_text_bots(event_table regclass, columns jsonb) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindly_stats.base_type(a.atttypid) IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype) FROM pg_attribute AS a
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = columns ->> 'bot_id'
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_text_bots(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_text_bots(regclass, jsonb) IS 'internal: whether the bots of a table are texts or UUIDs';

CREATE FUNCTION kindly_stats.require_columns(event_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost text := (kindly_stats.lost_columns(event_table, columns))[1];
BEGIN
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION 'event table % has no column "%" for "%"', event_table, kindly_stats.mapped_column(columns -> lost), lost USING ERRCODE = '42703',
            HINT = format('If it was renamed, attach the table again with its new name, such as {"%s": "new_name"}; if it was dropped, with {"%1$s": null}.', lost);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_columns(regclass, jsonb) IS 'internal: refuses to count a table that has lost a column (42703)';

-- For verify(), which counts in SQL, so that it does not believe what the triggers' code counts.

-- What an event is for one measure, and when it counts it.  e is the table; head, with %I for the name, is how what all measures read of it is named.
CREATE FUNCTION kindly_stats.raw_measure(event_table regclass, columns jsonb, measure text, head text,
                                         OUT key text, OUT member text, OUT weight text, OUT condition text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m record;
    -- for a condition that is a number
    number_type text;
    keys text[];
BEGIN
    SELECT * INTO STRICT m FROM kindly_stats.measure AS r WHERE r.name = raw_measure.measure;
    SELECT CASE WHEN b.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'bigint' WHEN b.type = 'numeric'::regtype THEN 'numeric' END INTO number_type
      FROM pg_attribute AS a, LATERAL kindly_stats.base_type(a.atttypid) AS b (type)
     WHERE a.attrelid = event_table AND a.attname = columns ->> m.condition AND a.attnum > 0 AND NOT a.attisdropped;
    SELECT array_agg(kindly_stats.column_expression(event_table, columns, k.name, 'text') ORDER BY k.number) INTO keys
      FROM unnest(m.keys) WITH ORDINALITY AS k (name, number);
    key := format('ARRAY[%s]', concat_ws(', ', format(head, 'source'), format(head, 'language_code'), array_to_string(keys, ', ')));
    member := CASE WHEN m.member IS NULL THEN 'NULL::text' ELSE kindly_stats.column_expression(event_table, columns, m.member, 'text') END;
    weight := CASE WHEN m.weight IS NULL THEN '1::bigint' ELSE kindly_stats.column_expression(event_table, columns, m.weight, 'bigint') END;
    condition := concat_ws(' AND ', 'true',
        CASE WHEN m.kinds IS NOT NULL THEN format('%s COLLATE "C" = ANY (%L::text[])', format(head, 'kind'), m.kinds) END,
        CASE WHEN m.condition IS NOT NULL THEN format(CASE WHEN number_type IS NOT NULL THEN '%s > 0' ELSE '%s' END,
            CASE number_type WHEN 'numeric' THEN format('e.%I', columns ->> m.condition)
                 ELSE kindly_stats.column_expression(event_table, columns, m.condition, coalesce(number_type, 'boolean')) END) END,
        -- what adds nothing where it is a weight is not there
        CASE WHEN m.needed IS NOT NULL THEN format('%s IS NOT NULL', kindly_stats.column_expression(event_table, columns, m.needed,
            CASE WHEN EXISTS (SELECT FROM kindly_stats.measure AS w WHERE w.grain = m.grain AND w.weight = m.needed) THEN 'bigint' ELSE 'text' END)) END,
        CASE WHEN keys IS NOT NULL THEN format('coalesce(%s) IS NOT NULL', array_to_string(keys, ', ')) END);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_measure(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_measure(regclass, jsonb, text, text) IS 'internal: the part of raw_query() that is about one measure';

-- What a query reads that counts a table, or some of its shards, which are tables of this node.
CREATE FUNCTION kindly_stats.counted_rows(event_table regclass, shards regclass[]) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN shards IS NULL THEN event_table::text
                WHEN cardinality(shards) = 1 THEN shards[1]::text
                ELSE format('(%s)', coalesce((SELECT string_agg(format('SELECT * FROM %s', s), ' UNION ALL ' ORDER BY s) FROM unnest(shards) AS s),
                                             format('SELECT * FROM %s WHERE false', event_table))) END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.counted_rows(regclass, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.counted_rows(regclass, regclass[]) IS 'internal: what to select from to get the rows of a table, or of those of its shards';

-- SELECT what each measure of a grain adds up: one pass over the table, whose rows come once a measure that counts them.  $1 is a bot or NULL,
-- $2 an instant from which on, or NULL.
CREATE FUNCTION kindly_stats.raw_query(event_table regclass, columns jsonb, grain text, shards regclass[] DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped text;
    is_text boolean := kindly_stats.has_text_bots(event_table, columns);
    is_distributed boolean := shards IS NULL AND kindly_stats.is_distributed(event_table);
    -- what the table's owner runs cannot name the extension's functions: texts are left to who asks
    bot text := kindly_stats.column_expression(event_table, columns, 'bot_id', CASE WHEN is_text THEN 'text' ELSE 'bigint' END);
    at text := kindly_stats.column_expression(event_table, columns, 'occurred_at', 'timestamptz');
    head text := CASE WHEN is_distributed THEN 'e.%I' ELSE 'h.%I' END;
    names text[] := ARRAY(SELECT m.name FROM kindly_stats.measure AS m WHERE m.grain = raw_query.grain ORDER BY m.name);
    bots text := CASE WHEN is_text THEN format('NULL::bigint AS bot_id, %s AS text_bot', bot) ELSE format('%s AS bot_id, NULL::text AS text_bot', bot) END;
    shared text;
    filter text;
    measures text;
    m record;
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    -- a row whose kind is mapped to null is no event
    IF columns -> 'kind' -> 'values' IS NOT NULL THEN
        SELECT format(' AND coalesce(%s COLLATE "C" <> ALL (%L), true)',
                      kindly_stats.column_expression(event_table, columns #- '{kind,values}', 'kind', 'text'), array_agg(v.key)) INTO dropped
          FROM jsonb_each_text(columns -> 'kind' -> 'values') AS v WHERE v.value IS NULL HAVING count(*) > 0;
    END IF;
    SELECT string_agg(format('%s AS %s', CASE l.name WHEN 'occurred_at' THEN at ELSE kindly_stats.column_expression(event_table, columns, l.name, 'text') END,
                             split_part(format(head, CASE WHEN is_distributed THEN 'kindly_stats ' ELSE '' END || l.name), '.', 2)), ', ' ORDER BY l.number) INTO shared
      FROM unnest('{occurred_at,kind,source,language_code}'::text[]) WITH ORDINALITY AS l (name, number);
    -- the table's own indexes may know the instant
    filter := format('($1 IS NULL OR %s) AND %s IS NOT NULL AND ($2 IS NULL OR %s >= $2)%s', CASE WHEN is_text THEN 'true' ELSE format('%s = $1', bot) END, bot, at, dropped);
    IF NOT is_distributed THEN
        SELECT string_agg(format('SELECT %L::text, %s, %s, %s WHERE %s', n.name, r.key, r.member, r.weight, r.condition), ' UNION ALL ' ORDER BY n.number) INTO measures
          FROM unnest(names) WITH ORDINALITY AS n (name, number), LATERAL kindly_stats.raw_measure(event_table, columns, n.name, head) AS r;
        -- OFFSET 0 has what all measures read worked out once
        RETURN format('SELECT %s, h.occurred_at, m.measure, m.key, m.member, m.weight FROM %s AS e'
                      ' CROSS JOIN LATERAL (SELECT %s OFFSET 0) AS h CROSS JOIN LATERAL (%s) AS m (measure, key, member, weight)'
                      ' WHERE h.occurred_at IS NOT NULL AND %s',
            bots, kindly_stats.counted_rows(event_table, shards), shared, coalesce(measures, 'SELECT NULL::text, NULL::text[], NULL::text, NULL::bigint WHERE false'), filter);
    END IF;
    -- what shards are asked has no such subqueries: measures are numbers there
    SELECT string_agg(format('WHEN %s THEN %L::text', n.number, n.name), ' ' ORDER BY n.number) AS name,
           string_agg(format('WHEN %s THEN %s', n.number, r.key), ' ' ORDER BY n.number) AS key,
           string_agg(format('WHEN %s THEN %s', n.number, r.member), ' ' ORDER BY n.number) AS member,
           string_agg(format('WHEN %s THEN %s', n.number, r.weight), ' ' ORDER BY n.number) AS weight,
           string_agg(format('WHEN %s THEN %s', n.number, r.condition), ' ' ORDER BY n.number) AS condition INTO m
      FROM unnest(names) WITH ORDINALITY AS n (name, number),
           LATERAL kindly_stats.raw_measure(event_table, columns, n.name, replace(head, '%I', '"kindly_stats %s"')) AS r;
    RETURN format('SELECT %s, e."kindly_stats occurred_at" AS occurred_at, CASE m.number %s END AS measure, CASE m.number %s END AS key,'
                  ' CASE m.number %s END AS member, CASE m.number %s END AS weight'
                  ' FROM (SELECT e.*, %s FROM %s AS e WHERE %s) AS e CROSS JOIN pg_catalog.generate_series(1, %s) AS m (number)'
                  ' WHERE e."kindly_stats occurred_at" IS NOT NULL AND CASE m.number %s END',
        bots, m.name, m.key, m.member, m.weight, shared, event_table, filter, cardinality(names), m.condition);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_query(regclass, jsonb, text, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_query(regclass, jsonb, text, regclass[]) IS 'internal: the query that reads raw events once for a grain; shards: of these alone';

CREATE FUNCTION kindly_stats.raw_events(event_table regclass, grain text, bot kindly_stats.bot_id, since timestamptz DEFAULT NULL, shards regclass[] DEFAULT NULL)
    RETURNS TABLE (bot_id bigint, text_bot text, occurred_at timestamptz, measure text, key text[], member text, weight bigint)
    LANGUAGE C STABLE ROWS 100000 AS 'MODULE_PATHNAME', 'ks_raw_events';
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz, regclass[]) IS
'internal: the raw events, each once for each measure that counts it, read as their table''s owner

event_table: an attached table, all of whose rows the caller may read; grain: of the measures, one that counts it; bot: one only, NULL for all; since: events from then on, NULL for
all; shards: of the table, that lie on this node and are read instead, which the caller may read, too; NULL for the whole.  A table whose bots are texts gives all bots, each as text_bot; others give bot_id.
Errors: 22004, 42501 where the caller must not read all rows of the table, 42703 where a
column is missing, 55000 where the table is not counted so.';

-- One pass over a table for all measures, counted as the triggers do it.  The queries of the two functions below run as the table's owner:
-- his code in the table must not run with the caller's rights.

-- SELECT the columns that measures of a grain read; $1 is a bot or NULL.
CREATE FUNCTION kindly_stats.count_query(event_table regclass, columns jsonb, grain text, condition text, shard regclass DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- whose bots are texts, has all rows read: only who counts them tells whose they are
    of_bot text := CASE WHEN kindly_stats.has_text_bots(event_table, columns) THEN 'true'
                           ELSE kindly_stats.column_expression(event_table, columns, 'bot_id', 'bigint') || ' = $1' END;
    list text;
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    SELECT string_agg(format('e.%I AS %I', a.attname, l.logical), ', ' ORDER BY a.attnum, l.logical) INTO list
      FROM kindly_stats.logical_columns(grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = kindly_stats.mapped_column(columns -> l.logical);
    RETURN format('SELECT %s FROM %s AS e WHERE (%s) AND ($1 IS NULL OR %s)', list, coalesce(shard, event_table), condition, of_bot);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_query(regclass, jsonb, text, text, regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_query(regclass, jsonb, text, text, regclass) IS 'internal: the query that reads raw events once for all measures; shard: of it alone';

CREATE FUNCTION kindly_stats.append_counts(event_table regclass, columns jsonb, grain text, measure text, negate boolean, kept boolean)
    RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'ks_append_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.append_counts(regclass, jsonb, text, text, boolean, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.append_counts(regclass, jsonb, text, text, boolean, boolean) IS
'internal: counts the rows of a table and appends the sums to the rollup, or takes them away

event_table: a table that the caller may read; columns: how it names the documented ones; grain: of the measures; measure: one only,
NULL for all; negate: take them away; kept: among the rows about events that are in no table any more.
Errors: 22004, 42501 where the caller must not read all rows of the table, 42703 where a column is missing.';

CREATE FUNCTION kindly_stats.keep_counts(event_table regclass, columns jsonb, grain text, condition text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_keep_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.keep_counts(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.keep_counts(regclass, jsonb, text, text) IS
'internal: adds what rows of a table count to those rows of the rollup that are kept

event_table: an attached table; columns: how it names the documented ones; grain: of the measures; condition: on its rows, named e.  They have to be deleted
in the same transaction.';

CREATE FUNCTION kindly_stats.move_counts(relation regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_move_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.move_counts(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.move_counts(regclass, jsonb, text) IS
'internal: moves what the rows of a table count to those rows of the rollup that are kept

relation: an attached table or a partition; columns: how it names the documented ones; grain: of the measures.';

CREATE FUNCTION kindly_stats.repair(bot kindly_stats.bot_id DEFAULT NULL, measure text DEFAULT NULL, shard regclass DEFAULT NULL, shards jsonb DEFAULT NULL) RETURNS bigint
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.repair(kindly_stats.bot_id, text, regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair(kindly_stats.bot_id, text, regclass, jsonb) IS
'internal: makes live rows say what the attached tables have, and gives back how many months did not

bot, measure: one only, NULL for all; shard: of the rollup, on this node, and shards: those of event tables that lie beside it, by the tables'' numbers; NULL
for all.';

CREATE FUNCTION kindly_stats.lock_out_writers() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_out_writers';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_out_writers() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_out_writers() IS 'internal: locks attached tables and their partitions, whosever they are, against writers';

CREATE FUNCTION kindly_stats.lock_event_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.lock_out_writers();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_event_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_event_tables() IS 'internal: keeps writers of events out until the end of the transaction, and whoever repairs';

CREATE FUNCTION kindly_stats.check_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'a measure needs a name' USING ERRCODE = '22023', HINT = 'Names are free but for the empty one.';
    ELSIF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = check_measure.name) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'kindly_stats.measure lists the measures; a measure that changes its meaning needs a new name.';
    ELSIF EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.measure = name
                  OR r.measure = '' AND NOT kindly_stats.is_empty(kindly_stats.keys_under(r.tally, name))) THEN
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
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_measure(text, text[], text[], text, text, text, text, text) IS 'internal: refuses what can be no new measure (22023, 42710, 55000)';

CREATE FUNCTION kindly_stats.notice_kept(measure text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.kept) THEN
        RAISE NOTICE 'events that are gone are not in measure "%"', measure;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.notice_kept(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.notice_kept(text) IS 'internal: says so where a new measure cannot have all events that are counted';

-- A column that some measure adds up counts as present only where it adds something: fractions and texts that are no numbers do not.
-- Measures that need the column have been counted with those, if no measure added it up so far.
CREATE FUNCTION kindly_stats.check_weight(name text, weight text, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    needing text;
BEGIN
    SELECT m.name INTO needing FROM kindly_stats.measure AS m
     WHERE m.grain = check_weight.grain AND m.needed = check_weight.weight AND m.name <> check_weight.name ORDER BY m.name LIMIT 1;
    IF FOUND AND NOT EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.grain = check_weight.grain AND m.weight = check_weight.weight AND m.name <> check_weight.name)
       AND EXISTS (SELECT FROM kindly_stats.event_tables() AS e
                     JOIN pg_attribute AS a ON a.attrelid = e.event_table AND a.attname = kindly_stats.mapped_column(e.columns -> check_weight.weight)
                    WHERE e.grain = check_weight.grain AND (jsonb_typeof(e.columns -> check_weight.weight) = 'object' OR kindly_stats.base_type(a.atttypid) = 'numeric'::regtype)) THEN
        RAISE EXCEPTION 'measure "%" needs column "%", and counts values that cannot be added up', needing, weight
            USING ERRCODE = '55000', HINT = format('Delete the measure "%s" and rebuild(), add this one, and then that one again: it counts whole numbers alone then.', needing);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_weight(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_weight(text, text, text) IS 'internal: refuses a weight that would change what other measures count (55000)';

-- Makes attached tables read the columns of new measures, except those that other measures have been counted without.
CREATE FUNCTION kindly_stats.read_new_columns(grain text, known text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.event_table;
    wanted jsonb;
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT ROW(e.*)::kindly_stats.event_table FROM kindly_stats.event_tables() AS e WHERE e.grain = read_new_columns.grain ORDER BY e.event_table)
    LOOP
        wanted := kindly_stats.found_columns(t.event_table, '{}', grain) - known || kindly_stats.needed_columns(t.columns, grain);
        PERFORM kindly_stats.check_columns(t.event_table, wanted, grain);
        PERFORM kindly_stats.create_missing_triggers(t.event_table, wanted, grain);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.read_new_columns(text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.read_new_columns(text, text[]) IS
'internal: has attached tables read columns that measures of a grain read since

known: those that they read before.  Errors: 42703, 42804.';

-- Nodes commit one after the other, and one that crashes meanwhile later.  Until then, no writer there may count without the measure: he waits
-- for a shard that the transaction has locked.  LOCK TABLE does not lock shards, but what sets a trigger to what it is does.
-- Only for their owner: of one transaction's connections to a node, each has one role.
CREATE FUNCTION kindly_stats.lock_shards(grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY(
        SELECT DISTINCT ON (r) format('ALTER TABLE %s %s TRIGGER %I', r,
                                      CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, g.tgname)
          FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r JOIN pg_trigger AS g ON g.tgrelid = r JOIN pg_class AS c ON c.oid = r
         WHERE t.grain = lock_shards.grain AND kindly_stats.is_distributed(t.event_table) AND g.tgfoid = 'kindly_stats.count_events()'::regprocedure AND g.tgparentid = 0
           AND pg_get_userbyid(c.relowner) = current_user
         ORDER BY r, g.tgname)
    LOOP
        PERFORM kindly_stats.run_own(statement);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_shards(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_shards(text) IS 'internal: locks the shards of attached tables of a grain against writers, who are locked out already';

-- From here on all writers count it: those that do not know it are waited for.
CREATE FUNCTION kindly_stats.insert_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text, counted boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known_columns text[] := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(grain) AS l);
BEGIN
    INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, counted)
    VALUES (name, kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain, counted);
    PERFORM kindly_stats.read_new_columns(grain, known_columns);
    IF EXISTS (SELECT c FROM unnest(coalesce(keys, '{}') || member || weight || condition || needed) AS c
                WHERE c IS NOT NULL AND NOT EXISTS (
                    SELECT FROM kindly_stats.event_tables() AS e
                     WHERE e.grain = insert_measure.grain AND kindly_stats.column_expression(e.event_table, e.columns, c, 'text') NOT LIKE 'NULL::%'))
       AND EXISTS (SELECT FROM kindly_stats.event_tables() AS e WHERE e.grain = insert_measure.grain) THEN
        RAISE EXCEPTION 'no attached event table has all columns of measure "%"', name USING ERRCODE = '42703',
            HINT = 'Add the columns to the event table first, and attach it again to read those that were added since.';
    END IF;
    PERFORM kindly_stats.check_weight(name, weight, grain);
    PERFORM kindly_stats.lock_shards(grain);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.insert_measure(text, text[], text[], text, text, text, text, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.insert_measure(text, text[], text[], text, text, text, text, text, boolean) IS 'internal: adds a measure, of which nothing is counted yet (42703, 42804, 55000)';

CREATE FUNCTION kindly_stats.add_measure(name text, kinds text[] DEFAULT NULL, keys text[] DEFAULT '{}', member text DEFAULT NULL,
                                         weight text DEFAULT NULL, condition text DEFAULT NULL, needed text DEFAULT NULL,
                                         grain text DEFAULT 'event')
    RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('add a measure');
    PERFORM kindly_stats.lock_event_tables();
    PERFORM kindly_stats.check_measure(name, kinds, keys, member, weight, condition, needed, grain);
    -- from there on, nodes are asked as the owner of the tables
    PERFORM kindly_stats.notice_kept(name);
    PERFORM kindly_stats.insert_measure(name, kinds, keys, member, weight, condition, needed, grain, true);
    PERFORM kindly_stats.append_counts(t.event_table, t.columns, t.grain, name, false, false)
       FROM kindly_stats.event_tables() AS t WHERE t.grain = add_measure.grain ORDER BY t.event_table;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.add_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.add_measure(text, text[], text[], text, text, text, text, text) IS
'adds a measure and counts it from the events that are there

name: how questions name it; kinds: kinds of events that count, NULL for all; keys: columns to filter and group by, beyond source
and language_code (an event whose key columns are all NULL does not count); member: column whose distinct values are counted;
weight: integer column to add up instead of counting events, or numeric, of which whole numbers count; condition: boolean column that must be true, number that must be more than 0, or text that says true; needed: column that
must not be NULL; grain: event, or conversation_start or conversation_end to count conversations (which have no kinds) by the one
or the other.
It blocks writers while it counts; kindly_stats.add_measure_concurrently() does not.  Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703, 42804 for columns
that are missing or cannot be read, 42710 where the measure exists, 55000 where one of that name
was deleted and its counts are still there, or where another needs the weight and counts fractions of it.';

CREATE FUNCTION kindly_stats.update_measures() RETURNS TABLE (measure text, action text)
    LANGUAGE plpgsql ROWS 5 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o record;
    b record;
    known text[];
    grains text[] := '{}';
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('update measures');
    PERFORM kindly_stats.lock_event_tables();
    FOR o IN SELECT * FROM kindly_stats.outdated_measures()
    LOOP
        SELECT * INTO STRICT b FROM kindly_stats.newest_measures() AS n WHERE n.name = o.name;
        known := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(b.grain) AS l);
        IF o.action = 'add' THEN
            PERFORM kindly_stats.check_measure(b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain);
            INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, built_in)
            VALUES (b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version);
            PERFORM kindly_stats.read_new_columns(b.grain, known);
            PERFORM kindly_stats.notice_kept(b.name);
            PERFORM kindly_stats.append_counts(t.event_table, t.columns, t.grain, b.name, false, false)
               FROM kindly_stats.event_tables() AS t WHERE t.grain = b.grain ORDER BY t.event_table;
        ELSIF o.action = 'update' THEN
            UPDATE kindly_stats.measure AS m
               SET (kinds, keys, member, weight, condition, needed, grain, built_in) =
                   (b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version)
             WHERE m.name = b.name;
            PERFORM kindly_stats.read_new_columns(b.grain, known);
            IF EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.kept) THEN
                RAISE NOTICE 'events that are gone stay in measure "%" as they were counted', b.name;
            END IF;
            PERFORM kindly_stats.repair(NULL, b.name);
        ELSE
            -- its present definition is not that of this version either
            UPDATE kindly_stats.measure AS m SET built_in = b.version WHERE m.name = b.name;
        END IF;
        measure := o.name;
        action := CASE o.action WHEN 'add' THEN 'added' WHEN 'update' THEN 'updated' ELSE 'left as it was changed by hand' END;
        grains := grains || b.grain;
        RETURN NEXT;
    END LOOP;
    PERFORM kindly_stats.lock_shards(g) FROM (SELECT DISTINCT g FROM unnest(grains) AS g) AS d;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.update_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.update_measures() IS
'brings built-in measures up to the version of the extension, and counts what that changes

After ALTER EXTENSION kindly_stats UPDATE, where health() asks for it.  New measures are added and counted; those that are defined
otherwise are counted anew, but for events that are gone; those that were changed by hand, deleted or added by somebody are left as they
are.  A row for each measure that was looked at.  It blocks writers while it counts.
Errors: 25001 at an isolation level above READ COMMITTED, 42703, 42804 for columns that cannot be read, 55000 without attached tables.';

CREATE FUNCTION kindly_stats.purge(event_table regclass, before timestamptz) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_purge';
REVOKE EXECUTE ON FUNCTION kindly_stats.purge(regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge(regclass, timestamptz) IS
'deletes old events and keeps their statistics

event_table: an attached table; before: events that occurred before this instant are deleted, or conversations that ended before it.
What they count moves to those rows of kindly_stats.rollup that are kept.
Gives back their number.  A plain DELETE takes events out of the statistics instead.  Of a distributed table each node purges its own part, all at the same time and in a
transaction of its own; in a transaction block it is one transaction instead, in which writers of the table wait.  Errors: 0A000 where a
distributed table has another owner than the rollup and it is one transaction, 22008 for an infinite instant, 40001 where shards were moved again and again meanwhile,
55000 where the table is not attached, or a node could not do it.';

-- A month of a bot may be larger than a tally can be: so sums of fixed size are compared, of what is stored and of the raw events.

CREATE FUNCTION kindly_stats.compare_counts(internal, measure text, month date, tally kindly_stats.tally, at timestamptz, key text[], member text, weight bigint) RETURNS internal
    LANGUAGE C STABLE COST 100 AS 'MODULE_PATHNAME', 'ks_compare_counts';
CREATE FUNCTION kindly_stats.compare_final(internal) RETURNS text[]
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'ks_compare_final';
CREATE AGGREGATE kindly_stats.compare(measure text, month date, tally kindly_stats.tally, at timestamptz, key text[], member text, weight bigint) (
    SFUNC = kindly_stats.compare_counts, STYPE = internal, SSPACE = 256, FINALFUNC = kindly_stats.compare_final);
REVOKE EXECUTE ON FUNCTION kindly_stats.compare_counts(internal, text, date, kindly_stats.tally, timestamptz, text[], text, bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.compare_final(internal) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.compare(text, date, kindly_stats.tally, timestamptz, text[], text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.compare_counts(internal, text, date, kindly_stats.tally, timestamptz, text[], text, bigint) IS 'internal: transition function of compare()';
COMMENT ON FUNCTION kindly_stats.compare_final(internal) IS 'internal: final function of compare()';
COMMENT ON AGGREGATE kindly_stats.compare(text, date, kindly_stats.tally, timestamptz, text[], text, bigint) IS
'internal: the measures and months in which stored rows and raw events of a bot differ

A stored row has measure, month and tally, an event of a measure all but tally.  Gives back {{measure, days from 2000-01-01 to the month, total stored,
total recounted}, ...}; NULL where there is no difference.';

CREATE FUNCTION kindly_stats.live_rows(bot bigint, first date) RETURNS TABLE (bot_id bigint, measure text, month date, kept boolean, tally kindly_stats.tally)
    LANGUAGE plpgsql STABLE ROWS 100000 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF bot IS NULL THEN
        RETURN QUERY SELECT r.bot_id, r.measure, r.month, r.kept, r.tally FROM kindly_stats.rollup AS r
                      WHERE NOT r.kept AND (first IS NULL OR r.month >= first OR r.month = '-infinity');
    ELSE
        RETURN QUERY SELECT r.bot_id, r.measure, r.month, r.kept, r.tally FROM kindly_stats.rollup AS r
                      WHERE r.bot_id = bot AND NOT r.kept AND (first IS NULL OR r.month >= first OR r.month = '-infinity');
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.live_rows(bigint, date) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.live_rows(bigint, date) IS 'internal: live rows of the rollup, of all nodes, for verify(); bot, first month: NULL for all';

-- One pass over what is stored, and one over each table, whatever the number of measures.
CREATE FUNCTION kindly_stats.differences(bot bigint, since timestamptz, rollup text, shards jsonb DEFAULT NULL)
    RETURNS TABLE (number bigint, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    -- on most tables, compiling the query takes longer than running it
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    -- tallies are by month
    first date := date_trunc('month', since AT TIME ZONE 'UTC');
    raw text;
BEGIN
    SELECT string_agg(format('SELECT kindly_stats.raw_events(%s, %L, $1, $2%s) AS event', t.event_table::oid, t.grain,
                             CASE WHEN shards IS NOT NULL THEN
                                 format(', %L', ARRAY(SELECT s::oid::regclass FROM jsonb_array_elements_text(shards -> t.event_table::oid::text) AS s ORDER BY 1)) END),
                      ' UNION ALL ') INTO raw FROM kindly_stats.event_tables() AS t;
    raw := format($query$
        SELECT coalesce((u.event).bot_id, (u.event).text_bot::kindly_stats.bot_id::bigint) AS bot_id, date_trunc('month', (u.event).occurred_at AT TIME ZONE 'UTC')::date AS month,
               (u.event).measure, (u.event).occurred_at, (u.event).key, (u.event).member, (u.event).weight
          FROM (%s) AS u
        $query$, coalesce(raw, 'SELECT kindly_stats.raw_events(0, '''', $1, $2) AS event WHERE false'));
    RETURN QUERY EXECUTE format($query$
        WITH both_sides AS (
            SELECT r.bot_id, r.month, r.measure, r.tally, NULL::timestamptz AS occurred_at, NULL::text[] AS key, NULL::text AS member, NULL::bigint AS weight
              FROM %2$s AS r WHERE NOT r.kept AND ($1 IS NULL OR r.bot_id = $1) AND ($3 IS NULL OR r.month >= $3 OR r.month = '-infinity')
            UNION ALL
            SELECT e.bot_id, e.month, e.measure, NULL, e.occurred_at, e.key, e.member, e.weight FROM (%1$s) AS e WHERE $1 IS NULL OR e.bot_id = $1),
        compared AS (
            SELECT b.bot_id, kindly_stats.compare(b.measure, b.month, b.tally, b.occurred_at, b.key, b.member, b.weight) AS differences FROM both_sides AS b GROUP BY 1),
        -- only existing measures and the months that are asked for: a row that spans months has others, too
        different AS MATERIALIZED (
            SELECT d.bot_id, m.name AS measure, d.month, d.stored, d.recounted
              FROM (SELECT c.bot_id, c.differences[n][1] AS measure, date '2000-01-01' + c.differences[n][2]::integer AS month,
                           c.differences[n][3]::bigint AS stored, c.differences[n][4]::bigint AS recounted
                      FROM compared AS c CROSS JOIN generate_subscripts(c.differences, 1) AS n) AS d
              JOIN %3$s AS m ON m.name = d.measure WHERE $3 IS NULL OR d.month >= $3),
        members AS (
            SELECT d.bot_id, d.measure, d.month, count(DISTINCT e.member) AS members
              FROM (%1$s) AS e JOIN different AS d ON d.bot_id = e.bot_id AND d.month = e.month AND d.measure = e.measure
             WHERE EXISTS (SELECT FROM different) GROUP BY 1, 2, 3),
        stored_members AS (
            SELECT d.bot_id, d.measure, d.month,
                   (kindly_stats.series_agg(r.measure, r.tally, ROW(d.measure, ARRAY[d.month AT TIME ZONE 'UTC', (d.month + interval '1 month') AT TIME ZONE 'UTC'],
                                                                                     NULL, true, NULL)::kindly_stats.tally_query, false))[2] AS members
              FROM %2$s AS r JOIN different AS d ON r.bot_id = d.bot_id AND r.month IN (d.month, '-infinity') AND r.measure IN ('', d.measure) AND NOT r.kept
             WHERE EXISTS (SELECT FROM different) GROUP BY 1, 2, 3)
        SELECT d.bot_id, d.measure, d.month, d.stored, d.recounted, coalesce(s.members, 0), coalesce(m.members, 0)
          FROM different AS d
          LEFT JOIN stored_members AS s ON s.bot_id = d.bot_id AND s.month = d.month AND s.measure = d.measure
          LEFT JOIN members AS m ON m.bot_id = d.bot_id AND m.month = d.month AND m.measure = d.measure
         ORDER BY d.measure, d.bot_id, d.month
        $query$, raw, rollup, kindly_stats.rows_here('kindly_stats.measure'))
        USING bot, first::timestamp AT TIME ZONE 'UTC', first;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.differences(bigint, timestamptz, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.differences(bigint, timestamptz, text, jsonb) IS
'internal: where the rollup differs from the raw events

bot, since: as those of verify(); rollup: what to select its rows from; shards: lists of shards of event tables, by the tables'' numbers, that are read instead of
these; NULL for the tables.';

CREATE FUNCTION kindly_stats.verify(bot kindly_stats.bot_id DEFAULT NULL, since timestamptz DEFAULT NULL, local boolean DEFAULT false)
    RETURNS TABLE (bot_id text, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text;
    tables text[];
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        IF EXISTS (SELECT FROM kindly_stats.event_tables()) THEN
            RAISE EXCEPTION 'table kindly_stats.rollup is missing' USING ERRCODE = '55000',
                DETAIL = 'There are tables with the triggers that count, restored without the schema kindly_stats.', HINT = 'Call kindly_stats.rebuild().';
        END IF;
        RETURN;
    END IF;
    place := kindly_stats.place();
    IF place = 'here' THEN
        -- marks tell below which id there are no new rows: if there were, questions would not see them.  Most rows are merged, and ask for none.
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences(bot::bigint, since, '(SELECT s.* FROM kindly_stats.rollup AS s WHERE s.id < 0 OR s.id >= coalesce((
                            SELECT 9223372036854775807 - mark.id FROM kindly_stats.rollup AS mark WHERE mark.bot_id = s.bot_id AND mark.id >= 4611686018427387904
                               AND mark.cluster = kindly_stats.cluster() ORDER BY mark.id LIMIT 1), 0))') AS d;
        RETURN;
    END IF;
    tables := kindly_stats.spread_tables(place = 'worker' OR local);
    IF local THEN
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences_of(ARRAY[kindly_stats.verify_here(bot::bigint, since, tables)]) AS d;
    ELSIF tables IS NOT NULL AND kindly_stats.can_ask_nodes() THEN
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences_of(kindly_stats.verify_nodes(bot::bigint, since, tables)) AS d;
    ELSE
        -- rows are fetched to where tables are read: a query that named the rollup would run elsewhere, with what it calls
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences(bot::bigint, since, 'kindly_stats.live_rows($1, $3)') AS d;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz, boolean) IS
'counts the raw events anew and lists where the rollup differs

bot: one bot only; NULL for all.  since: only the UTC month of that instant and later ones; NULL for all; local: of bots whose rows are on this node only, where they are
distributed.  Without it each node verifies its own, all at the same time, each in one snapshot, so that writers need not wait; in a transaction block all of it is read here,
and what is written meanwhile may be taken for a difference.  No row means that there is no difference, down to the last key, quarter hour and member.  A measure or table that is
still being counted (view progress) is listed with what it has so far.
What is kept of events that are gone cannot be compared.
bot_id is the id that the user has.
kindly_stats.rebuild() repairs.  Errors: 08006 where a node does not answer, 40001 where shards were moved meanwhile, 55000 where tables were restored without the rollup, and on a
worker while there are attached tables that are the coordinator''s alone.';

CREATE FUNCTION kindly_stats.parts(tally kindly_stats.tally, names text[]) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_parts';
REVOKE EXECUTE ON FUNCTION kindly_stats.parts(kindly_stats.tally, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.parts(kindly_stats.tally, text[]) IS
'internal: a tally without the keys whose first part is none of the names; NULL where there are none';

-- Kept rows of a measure that was deleted; its live rows are removed by repair().
CREATE FUNCTION kindly_stats.forget_measures(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names text[] := ARRAY(SELECT m.name FROM kindly_stats.measure AS m);
    x record;
    merged boolean;
BEGIN
    FOR round IN 1 .. 10
    LOOP
        merged := false;
        DELETE FROM kindly_stats.rollup AS r WHERE r.kept AND r.measure <> '' AND (bot IS NULL OR r.bot_id = bot) AND r.measure <> ALL (names);
        -- row by row: each is on the node that has its bot
        FOR x IN SELECT k.bot_id, k.id, k.month, k.tally
                   FROM (SELECT r.bot_id, r.id, r.month, kindly_stats.parts(r.tally, names) AS tally
                           FROM kindly_stats.rollup AS r WHERE r.kept AND r.measure = '' AND (bot IS NULL OR r.bot_id = bot)) AS k WHERE k.tally IS NOT NULL
        LOOP
            DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id = x.bot_id AND r.id = x.id;
            -- compaction, which nothing keeps away on other nodes, has made it part of another row, which has what is to be kept of it, too
            merged := merged OR NOT FOUND;
            CONTINUE WHEN NOT FOUND OR kindly_stats.is_empty(x.tally);
            INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, kept, tally)
            VALUES (x.bot_id, '', x.month, kindly_stats.merged_id(x.month = '-infinity'), true, x.tally);
        END LOOP;
        EXIT WHEN NOT merged;
        IF round = 10 THEN
            RAISE EXCEPTION 'statistics of measures that are there no more were compacted again and again meanwhile' USING ERRCODE = '40001',
                HINT = 'Run kindly_stats.rebuild() again.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.forget_measures(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.forget_measures(bigint) IS 'internal: deletes what is kept of measures that are there no more';

CREATE FUNCTION kindly_stats.rebuild(bot kindly_stats.bot_id DEFAULT NULL, local boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables regclass[];
    measures text[];
    changed bigint;
    by_nodes boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('rebuild statistics');
    IF local AND kindly_stats.place() <> 'here' THEN
        RETURN kindly_stats.rebuild_here(bot::bigint);
    END IF;
    IF EXISTS (SELECT FROM kindly_stats.event_tables()) THEN
        -- restored tables have triggers, but perhaps there is no rollup yet
        PERFORM kindly_stats.create_tables();
    ELSIF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    IF EXISTS (SELECT FROM kindly_stats.conversation_tables()) THEN
        PERFORM kindly_stats.create_exported();
    END IF;
    by_nodes := kindly_stats.begin_repair();
    IF NOT by_nodes THEN
        PERFORM kindly_stats.require_owner(t.event_table) FROM kindly_stats.event_tables() AS t WHERE kindly_stats.is_distributed(t.event_table);
        PERFORM kindly_stats.forget_measures(bot::bigint);
    END IF;
    -- what is marked before the snapshot is taken is counted in it
    tables := ARRAY(SELECT c.event_table FROM kindly_stats.counting AS c);
    measures := ARRAY(SELECT m.name FROM kindly_stats.measure AS m WHERE NOT m.counted);
    IF by_nodes THEN
        changed := kindly_stats.repair_nodes(bot::bigint, NULL);
        -- they must not wait for what this transaction has locked
        PERFORM kindly_stats.forget_measures(bot::bigint);
    ELSE
        changed := kindly_stats.repair(bot);
    END IF;
    IF bot IS NULL THEN
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = ANY (tables);
        UPDATE kindly_stats.measure AS m SET counted = true WHERE m.name = ANY (measures);
    END IF;
    -- rows that were written without triggers
    PERFORM kindly_stats.note_all_conversation_bots(bot::bigint);
    RETURN changed;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rebuild(kindly_stats.bot_id, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rebuild(kindly_stats.bot_id, boolean) IS
'counts the events of all attached tables and makes the statistics say the same

bot: one bot only; NULL for all; local: of bots whose rows are on this node only, where they are distributed.  Gives back how many months of bots it had to replace: 0 where all was right, first and last event
included (a month of more than 64 MB is replaced in any case).  What attach_concurrently() and add_measure_concurrently() left undone is done then.  Statistics of events that are gone on purpose are kept.  It blocks nobody: what is written meanwhile stays counted; only
another repair waits, and compaction is put off.
Of distributed tables each node repairs its own, at the same time and in transactions of its own.  In a transaction block, and while there are attached tables that are the
coordinator''s alone, it is one transaction instead, in which writers of distributed tables wait.
Errors: 08006 where a node does not answer, 0A000 where a distributed table has another owner than the rollup and it is one transaction, 25001 at an isolation level above READ COMMITTED, 40001 where shards were
moved, or kept rows of deleted measures compacted, again and again meanwhile, 42501 where the caller must not read all rows of a table, 55000 where no event table has been attached, on a worker without local, or where a node could not do it.';
