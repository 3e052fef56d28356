-- Counting while others write: src/rollup/concurrent.c runs these functions, each in a transaction of its own.

CREATE FUNCTION kindly_stats.lock_within(tables regclass[]) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_lock_within';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_within(regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_within(regclass[]) IS
'internal: locks tables against writers within lock_timeout, or half a second where that is 0 (55P03)';

-- A table

CREATE FUNCTION kindly_stats.check_attach(event_table regclass, columns jsonb, kinds jsonb DEFAULT NULL, tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written jsonb;
BEGIN
    PERFORM kindly_stats.require_table(event_table);
    PERFORM kindly_stats.create_tables();
    written := kindly_stats.written_columns(event_table, columns, kinds, tz, unit);
    PERFORM kindly_stats.wanted_columns(event_table, written, 'event');
    PERFORM kindly_stats.tell_of_kinds(written -> 'kind');
    -- nobody should have to wait for a call that will be refused anyway
    IF NOT has_table_privilege(event_table, 'TRIGGER') OR NOT has_table_privilege(event_table, 'SELECT') THEN
        RAISE EXCEPTION 'permission denied for table %', event_table USING ERRCODE = '42501', HINT = 'Let the table''s owner attach it.';
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_attach(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_attach(regclass, jsonb, jsonb, text, text) IS 'internal: first step of attach_concurrently(): refuses what cannot be attached';

CREATE FUNCTION kindly_stats.begin_attach(event_table regclass, columns jsonb, kinds jsonb DEFAULT NULL, tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_within(ARRAY(SELECT r FROM kindly_stats.partition_tree(event_table) AS r ORDER BY r <> event_table, r));
    -- a partition that was added meanwhile is new to all writers
    IF EXISTS (SELECT FROM kindly_stats.create_missing_triggers(event_table,
                   kindly_stats.wanted_columns(event_table, kindly_stats.written_columns(event_table, columns, kinds, tz, unit), 'event'), 'event')) THEN
        INSERT INTO kindly_stats.counting (event_table) VALUES (begin_attach.event_table) ON CONFLICT DO NOTHING;
    END IF;
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.begin_attach(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.begin_attach(regclass, jsonb, jsonb, text, text) IS 'internal: second step of attach_concurrently(): triggers, mark; false where writers are in the way';

CREATE FUNCTION kindly_stats.finish_attach(event_table regclass) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_repair();
    -- somebody else may have finished this, or detached the table
    IF EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = finish_attach.event_table) THEN
        PERFORM kindly_stats.repair();
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = finish_attach.event_table;
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.finish_attach(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.finish_attach(regclass) IS 'internal: last step of attach_concurrently(): counts what is older than the triggers';

CREATE PROCEDURE kindly_stats.attach_concurrently(event_table regclass, columns jsonb DEFAULT '{}', kinds jsonb DEFAULT NULL,
                                                  tz text DEFAULT NULL, unit text DEFAULT NULL)
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_attach_concurrently';
REVOKE EXECUTE ON PROCEDURE kindly_stats.attach_concurrently(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.attach_concurrently(regclass, jsonb, jsonb, text, text) IS
'counts the events of a table from now on, and those that are in it, while others write

event_table, columns, kinds, tz, unit: as those of kindly_stats.attach().  Writers wait only while triggers are made, behind a lock that is tried for lock_timeout, or half a
second, again and again for some minutes.  Then all attached tables are counted in one snapshot, which is why the caller must be allowed to read
each of them; kindly_stats.progress shows how far it has come.  Until it is done, statistics have only what was written since,
and where more was deleted than that questions are refused (55000); the mark is in kindly_stats.counting.  After an error, a cancel or a crash, calling it again goes on from there, and kindly_stats.detach() undoes it.
Errors: those of attach() and of rebuild(), 25001 inside a transaction block, 55P03 where writers never made room.';

-- A measure

CREATE FUNCTION kindly_stats.check_new_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known kindly_stats.measure;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    ELSIF kindly_stats.place() = 'worker' THEN
        -- as lock_repair() says, but before the measure is there
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    SELECT * INTO known FROM kindly_stats.measure AS m WHERE m.name = check_new_measure.name AND NOT m.counted;
    IF NOT FOUND THEN
        PERFORM kindly_stats.check_measure(name, kinds, keys, member, weight, condition, needed, grain);
        PERFORM kindly_stats.notice_kept(name);
    -- to continue, its name is enough
    ELSIF NOT ((kinds, member, weight, condition, needed) IS NULL AND coalesce(keys, '{}') = '{}' AND grain = 'event')
          AND (kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain)
              IS DISTINCT FROM (known.kinds, known.keys, known.member, known.weight, known.condition, known.needed, known.grain) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'It is still being counted, with other arguments: to go on, call it with its name alone.';
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_new_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_new_measure(text, text[], text[], text, text, text, text, text) IS 'internal: first step of add_measure_concurrently(): refuses what can be no new measure';

CREATE FUNCTION kindly_stats.begin_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = begin_measure.name AND NOT m.counted) THEN
        RETURN true;
    END IF;
    PERFORM kindly_stats.lock_within(ARRAY(SELECT DISTINCT r FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r
                                            WHERE t.grain = begin_measure.grain ORDER BY r));
    PERFORM kindly_stats.insert_measure(name, kinds, keys, member, weight, condition, needed, grain, false);
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.begin_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.begin_measure(text, text[], text[], text, text, text, text, text) IS 'internal: second step of add_measure_concurrently(); false where writers are in the way';

CREATE FUNCTION kindly_stats.finish_measure(name text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_repair();
    IF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = finish_measure.name AND NOT m.counted) THEN
        PERFORM kindly_stats.repair(measure => name);
        UPDATE kindly_stats.measure AS m SET counted = true WHERE m.name = finish_measure.name;
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.finish_measure(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.finish_measure(text) IS 'internal: last step of add_measure_concurrently(): counts what is older than the measure';

CREATE PROCEDURE kindly_stats.add_measure_concurrently(name text, kinds text[] DEFAULT NULL, keys text[] DEFAULT '{}', member text DEFAULT NULL,
                                                       weight text DEFAULT NULL, condition text DEFAULT NULL, needed text DEFAULT NULL,
                                                       grain text DEFAULT 'event')
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_add_measure_concurrently';
REVOKE EXECUTE ON PROCEDURE kindly_stats.add_measure_concurrently(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.add_measure_concurrently(text, text[], text[], text, text, text, text, text) IS
'adds a measure and counts it from the events that are there, while others write

Arguments: those of kindly_stats.add_measure().  Writers wait only for an instant, as for attach_concurrently().  Until it is done, questions about
the measure are refused (55000); kindly_stats.progress shows how far it has come.  After an error, a cancel or a crash, calling it again
with the name alone goes on from there; deleting its row from kindly_stats.measure, and then rebuild(), undoes it.
Errors: those of add_measure(), 25001 inside a transaction block, 55P03 where writers never made room.';

-- Progress.  It is reported as that of COPY, with a mark; PostgreSQL decides who may see it.
CREATE VIEW kindly_stats.progress AS
SELECT p.pid,
       (ARRAY['count', 'rebuild', 'attach_concurrently', 'add_measure_concurrently'])[p.param12] AS command,
       nullif(p.relid, 0)::regclass AS event_table,
       (ARRAY['waiting for writers', 'counting events', 'writing statistics'])[p.param11] AS phase,
       p.param3 AS events,
       (SELECT sum(greatest(c.reltuples, 0))::bigint FROM pg_catalog.pg_class AS c
         WHERE c.oid = p.relid AND c.relkind <> 'p' OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(p.relid::regclass) AS t WHERE t.isleaf)) AS events_estimated
  FROM pg_catalog.pg_stat_get_progress_info('COPY') AS p
  JOIN pg_catalog.pg_database AS d ON d.oid = p.datid AND d.datname = current_database()
 WHERE p.param20 = 118100567813241;
COMMENT ON VIEW kindly_stats.progress IS
'sessions that count whole tables right now: which table, how many of about how many events they have read of it

command: attach_concurrently, add_measure_concurrently, rebuild, or count for attach(), detach() and add_measure(); phase: waiting for writers, counting
events, writing statistics.  Of other users'' sessions it shows what pg_stat_progress_copy does.';
