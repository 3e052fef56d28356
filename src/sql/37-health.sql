-- What is wrong, or will be: one row per finding.  Nothing here reads an event table, so no code of its owner runs.

CREATE TYPE kindly_stats.finding AS (severity text, object text, finding text, remedy text);
COMMENT ON TYPE kindly_stats.finding IS
'what kindly_stats.health() finds: how bad it is, what it is about, a sentence, and what mends it

severity: error, where figures are wrong or will be; warning, where something gets slower or is about to fail; notice.';

CREATE FUNCTION kindly_stats.health_triggers() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- a table that is attached both by itself and through its parent
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('It is attached, and a partition of %s, which is attached, too: its events are counted twice.', a.event_table),
           format('SELECT kindly_stats.detach(%L); SELECT kindly_stats.attach(%L); SELECT kindly_stats.rebuild();', t.event_table, a.event_table)
      FROM kindly_stats.event_tables() AS t
      JOIN kindly_stats.event_tables() AS a ON a.grain = t.grain AND a.event_table <> t.event_table
       AND a.event_table IN (SELECT p.relid FROM pg_partition_ancestors(t.event_table) AS p);
    -- before there was a subscription
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('It is attached, and subscription %I replicates statistics of another server to kindly_stats.rollup: both write there.', s.subname),
           format('DROP SUBSCRIPTION %I; SELECT kindly_stats.rebuild();', s.subname)
      FROM kindly_stats.event_tables() AS t, pg_subscription_rel AS p JOIN pg_subscription AS s ON s.oid = p.srsubid
     WHERE p.srrelid = to_regclass('kindly_stats.rollup');
    RETURN QUERY
    SELECT 'error', r.relation::text,
           CASE WHEN r.relation = t.event_table THEN 'It has not all triggers that count its events: what is written is not counted.'
                ELSE format('This partition of %s has not all triggers that count: what is written straight to it is not counted.', t.event_table) END,
           format('SELECT kindly_stats.%s(%L); SELECT kindly_stats.rebuild();', CASE t.grain WHEN 'event' THEN 'attach' ELSE 'attach_conversations' END, t.event_table)
      FROM kindly_stats.event_tables() AS t, LATERAL kindly_stats.partition_tree(t.event_table) AS r (relation)
     WHERE (SELECT count(*) FROM pg_trigger AS g, unnest(ARRAY['insert', 'update', 'delete']) AS e
             WHERE g.tgrelid = r.relation AND g.tgname = kindly_stats.trigger_name(t.grain, e) AND g.tgfoid = 'kindly_stats.count_events()'::regprocedure) < 3
     ORDER BY 2;
    -- without the INSERT trigger it is not even known as an event table
    RETURN QUERY
    SELECT DISTINCT 'error', g.tgrelid::regclass::text, 'It has lost the trigger that counts what is inserted: what is written is not counted.',
           format('SELECT kindly_stats.attach(%L); SELECT kindly_stats.rebuild();', kindly_stats.tree_top(g.tgrelid)::text)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure) AND NOT kindly_stats.is_shard(g.tgrelid)
       AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = g.tgrelid)
       AND NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE t.event_table = kindly_stats.tree_top(g.tgrelid)) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('trigger %I of %s', g.tgname, g.tgrelid::regclass), 'It is disabled: what happens meanwhile is not counted, or not guarded.',
           format('%sALTER TABLE %s ENABLE TRIGGER %I; SELECT kindly_stats.rebuild();',
                  CASE WHEN kindly_stats.is_distributed(g.tgrelid) THEN 'SET citus.enable_unsafe_triggers = on; ' END, g.tgrelid::regclass, g.tgname)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure,
                        to_regprocedure('kindly_stats.guard_exported()'), 'kindly_stats.measure_changed()'::regprocedure)
       -- a trigger for each row may be one for what is replicated, and nothing else
       AND (g.tgenabled = 'D' OR g.tgenabled = 'R' AND g.tgtype & 1 = 0) AND NOT kindly_stats.is_shard(g.tgrelid)
     ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('trigger %I of %s', g.tgname, g.tgrelid::regclass), 'It is not enabled for replicas: what is replicated is not counted.',
           format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I; SELECT kindly_stats.rebuild();', g.tgrelid::regclass, g.tgname)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure) AND g.tgenabled IN ('D', 'O') ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('event trigger %I', e.evtname), 'It is disabled: tables can change without the statistics following.',
           format('ALTER EVENT TRIGGER %I ENABLE; SELECT kindly_stats.rebuild();', e.evtname)
      FROM pg_event_trigger AS e JOIN pg_depend AS d ON d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e'
      JOIN pg_extension AS x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid AND x.extname = 'kindly_stats'
     WHERE e.evtenabled IN ('D', 'R') ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', r.relation::text, 'The rule is gone that keeps MERGE away: what it moves from partition to partition may not be counted.',
           format('SELECT kindly_stats.refuse_merge(%L);', r.relation::text)
      FROM kindly_stats.event_tables() AS t, LATERAL kindly_stats.partition_tree(t.event_table) AS r (relation) JOIN pg_class AS c ON c.oid = r.relation AND c.relkind = 'p'
     WHERE NOT EXISTS (SELECT FROM pg_rewrite AS w WHERE w.ev_class = r.relation AND w.rulename = 'kindly_stats_no_merge') ORDER BY 2;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_triggers() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_triggers() IS 'internal: part of health(): triggers that are missing, doubled or disabled';

CREATE FUNCTION kindly_stats.health_columns() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN QUERY
        SELECT 'error', 'kindly_stats.rollup', format('It is missing, and %s has the triggers that count: it was restored without the schema kindly_stats.', min(t.event_table::text)),
               'SELECT kindly_stats.rebuild();'
          FROM kindly_stats.event_tables() AS t HAVING count(*) > 0;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('Its column "%s" for "%s" was renamed or dropped: writers get an error.', kindly_stats.mapped_column(t.columns -> l), l),
           format('SELECT kindly_stats.%s(%L, %L); -- or with its new name instead of null', CASE t.grain WHEN 'event' THEN 'attach' ELSE 'attach_conversations' END,
                  t.event_table, json_build_object(l, NULL))
      FROM kindly_stats.event_tables() AS t, LATERAL unnest(kindly_stats.lost_columns(t.event_table, t.columns)) AS l
     WHERE t.grain <> 'conversation_end' ORDER BY 2, 3;
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('Its column "%s" for "%s" has become of type %s, which cannot be counted: writers get an error.',
                                                a.attname, l.logical, format_type(a.atttypid, a.atttypmod)),
           -- DDL, while event triggers are enabled, would first count the table as it is
           format('SET session_replication_role = replica; ALTER TABLE %s ALTER COLUMN %I TYPE %s; RESET session_replication_role; SELECT kindly_stats.rebuild();',
                  t.event_table, a.attname,
                  CASE WHEN t.columns -> l.logical -> 'tz' IS NOT NULL THEN 'timestamp' WHEN t.columns -> l.logical -> 'unit' IS NOT NULL THEN 'double precision'
                       WHEN t.columns -> l.logical -> 'path' IS NOT NULL THEN 'jsonb' WHEN l.role = 'instant' THEN 'timestamptz' WHEN l.role = 'condition' THEN 'boolean'
                       WHEN l.role IN ('bot', 'weight') THEN 'bigint' ELSE 'text' END)
      FROM kindly_stats.event_tables() AS t
     CROSS JOIN LATERAL kindly_stats.logical_columns(t.grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = t.event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = CASE WHEN t.columns ? l.logical THEN kindly_stats.mapped_column(t.columns -> l.logical) ELSE l.logical END
     WHERE NOT kindly_stats.type_fits(l.role, t.columns -> l.logical, a.atttypid)
       AND t.grain <> 'conversation_end' ORDER BY 2, 3;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_columns() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_columns() IS 'internal: part of health(): columns that are gone or of a wrong type, a missing rollup';

CREATE FUNCTION kindly_stats.health_tables() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT 'warning', c.oid::regclass::text, 'It is unlogged: a crash empties it, and its statistics stay.', format('ALTER TABLE %s SET LOGGED;', c.oid::regclass)
      FROM kindly_stats.event_tables() AS t, LATERAL kindly_stats.partition_tree(t.event_table) AS r JOIN pg_class AS c ON c.oid = r
     WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', p.relid::text, format('It is a foreign table, and a partition of %s: its events are not counted.', t.event_table),
           format('ALTER TABLE %s DETACH PARTITION %s;', p.parentrelid, p.relid)
      FROM kindly_stats.event_tables() AS t, LATERAL pg_partition_tree(t.event_table) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind = 'f' ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'error', i.inhrelid::regclass::text, format('It inherits from %s: what is written straight to it is not counted.', t.event_table),
           format('ALTER TABLE %s NO INHERIT %s; SELECT kindly_stats.rebuild();', i.inhrelid::regclass, t.event_table)
      FROM kindly_stats.event_tables() AS t JOIN pg_inherits AS i ON i.inhparent = t.event_table JOIN pg_class AS c ON c.oid = t.event_table
     WHERE c.relkind = 'r' ORDER BY 2;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_tables() IS 'internal: part of health(): unlogged tables, foreign partitions, inheritance children';

CREATE FUNCTION kindly_stats.health_trees() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', c.relation::regclass::text, format('It is attached, but not %s, whose partition it is: what is written through that table is not counted.', kindly_stats.tree_top(c.relation)),
           format('SELECT kindly_stats.detach(%L); SELECT kindly_stats.attach(%L);', c.relation::regclass::text, kindly_stats.tree_top(c.relation)::text)
      FROM kindly_stats.covered_relation AS c JOIN pg_class AS r ON r.oid = c.relation AND r.relispartition
     WHERE NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE t.event_table = kindly_stats.tree_top(c.relation)) ORDER BY 2;
    RETURN QUERY
    SELECT 'notice', i.inhrelid::regclass::text, format('It is half detached from %s: nothing can be written through that table.', i.inhparent::regclass),
           format('ALTER TABLE %s DETACH PARTITION %s FINALIZE;', i.inhparent::regclass, i.inhrelid::regclass)
      FROM pg_inherits AS i WHERE i.inhdetachpending AND i.inhrelid IN (SELECT c.relation FROM kindly_stats.covered_relation AS c) ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', t.event_table::text, format('Table %s, which has its former name, is not attached.', t.known_as), format('SELECT kindly_stats.attach(%L);', t.known_as)
      FROM kindly_stats.event_tables() AS t WHERE to_regclass(t.known_as) <> t.event_table
       AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = to_regclass(t.known_as)) ORDER BY 2;
    RETURN QUERY
    SELECT 'notice', t.event_table::text, format('Its column "%s" is not counted: it was added later.', l.logical), format('SELECT kindly_stats.attach(%L);', t.event_table::text)
      FROM kindly_stats.event_tables() AS t, kindly_stats.logical_columns(t.grain) AS l
     WHERE t.grain = 'event' AND NOT t.columns ? l.logical
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t.event_table AND a.attname = l.logical AND a.attnum > 0 AND NOT a.attisdropped) ORDER BY 2, 3;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_trees() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_trees() IS 'internal: part of health(): parents and namesakes that are not attached, columns that came later';

-- What can be wrong with attached tables in spite of the event triggers, which can be disabled.
CREATE FUNCTION kindly_stats.tree_findings() RETURNS SETOF kindly_stats.finding
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM kindly_stats.health_triggers()
    UNION ALL SELECT * FROM kindly_stats.health_columns()
    UNION ALL SELECT * FROM kindly_stats.health_tables()
    UNION ALL SELECT * FROM kindly_stats.health_trees()
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tree_findings() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tree_findings() IS 'internal: part of health(): all about attached tables and their partitions';

CREATE FUNCTION kindly_stats.health_counting() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- a session that is counting holds this lock, see KS_LOCK_OF_REPAIR
    is_running boolean := EXISTS (SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()
                                   WHERE l.locktype = 'advisory' AND l.objsubid = 6 AND l.classid = 0 AND l.objid = 0 AND l.mode = 'ExclusiveLock');
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, c.event_table::text,
           format('Its events from before %s are not counted yet.', to_char(c.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;'
                WHEN EXISTS (SELECT FROM kindly_stats.conversation_tables() AS t WHERE t.conversation_table = c.event_table) THEN 'SELECT kindly_stats.rebuild();'
                ELSE format('CALL kindly_stats.attach_concurrently(%L);', c.event_table) END
      FROM kindly_stats.counting AS c WHERE c.event_table IN (SELECT t.event_table FROM kindly_stats.event_tables() AS t) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', CASE WHEN EXISTS (SELECT FROM pg_class AS r WHERE r.oid = c.event_table) THEN c.event_table::text ELSE format('table with OID %s', c.event_table) END,
           'It was dropped or is not attached any more, and was still being counted: statistics lack some of its events.', 'SELECT kindly_stats.rebuild();'
      FROM kindly_stats.counting AS c WHERE c.event_table NOT IN (SELECT t.event_table FROM kindly_stats.event_tables() AS t) ORDER BY 2;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, format('measure %s', m.name), 'It is still being counted: questions about it are refused.',
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;' ELSE format('CALL kindly_stats.add_measure_concurrently(%L);', m.name) END
      FROM kindly_stats.measure AS m WHERE NOT m.counted ORDER BY 2;
    RETURN QUERY
    SELECT 'warning', format('measure %s', o.name), 'The extension was updated since, and defines it otherwise or anew.', 'SELECT * FROM kindly_stats.update_measures();'
      FROM kindly_stats.outdated_measures() AS o ORDER BY 2;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_counting() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_counting() IS 'internal: part of health(): tables and measures that are half counted';

-- Writers refuse an id whose number belongs to another id, unless another transaction is writing that one at the same time.
CREATE FUNCTION kindly_stats.health_bots() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', 'kindly_stats.known_bot', format('Bots "%s" and "%s" have the same number, and so one statistic.', min(s.id), max(s.id)),
           format('-- in its tables, give one another id, such as: UPDATE ... SET bot_id = ... WHERE bot_id = %1$L; then'
                  ' DELETE FROM kindly_stats.known_bot WHERE id = %1$L; SELECT kindly_stats.rebuild();', max(s.id))
      FROM (SELECT k.bot_id, CASE WHEN k.id ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN lower(k.id) ELSE k.id END AS id
              FROM kindly_stats.known_bot AS k) AS s
     GROUP BY s.bot_id HAVING min(s.id) <> max(s.id);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_bots() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_bots() IS 'internal: part of health(): texts that have one number';

CREATE FUNCTION kindly_stats.health_rows(enough bigint DEFAULT 1000) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'warning', 'kindly_stats.rollup',
           format('%s months of bots have more than %s rows that are to be merged, bot %s has %s of %s: questions about them are slower than need be.',
                  count(*), enough, kindly_stats.bot_text((array_agg(m.bot_id ORDER BY m.rows DESC))[1]), max(m.rows), coalesce(to_char(nullif((array_agg(m.month ORDER BY m.rows DESC))[1], '-infinity'), 'YYYY-MM'), 'several months')),
           'CALL kindly_stats.compact();'
      FROM (SELECT r.bot_id, r.month, count(*) - count(DISTINCT r.measure) AS rows FROM kindly_stats.rollup AS r
             GROUP BY r.bot_id, r.month, r.kept HAVING count(*) - count(DISTINCT r.measure) > enough) AS m
    HAVING count(*) > 0;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_rows(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_rows(bigint) IS 'internal: part of health(): months that await compaction; enough: so many rows may do so';

-- The oldest holder of a snapshot, which keeps dead rows from being removed.
CREATE FUNCTION kindly_stats.horizon_holder() RETURNS TABLE (object text, age integer, remedy text)
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.object, age(h.xmin), h.remedy
      FROM (SELECT format('process %s (%s, %s)', a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), coalesce(a.state, 'running')), a.backend_xmin,
                   format('SELECT pg_terminate_backend(%s);', a.pid)
              FROM pg_stat_activity AS a
             WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid() AND (a.datname = current_database() OR a.datname IS NULL)
            UNION ALL
            SELECT format('replication slot %s', s.slot_name), s.xmin, format('SELECT pg_drop_replication_slot(%L);', s.slot_name)
              FROM pg_replication_slots AS s WHERE s.xmin IS NOT NULL
            UNION ALL
            SELECT format('prepared transaction %s', p.gid), p.transaction, format('ROLLBACK PREPARED %L;', p.gid)
              FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS h (object, xmin, remedy)
     ORDER BY age(h.xmin) DESC LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.horizon_holder() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.horizon_holder() IS 'internal: process, slot or prepared transaction with the oldest snapshot, its age, and what ends it';

CREATE FUNCTION kindly_stats.health_dead_rows(enough bigint DEFAULT 10000) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dead bigint := pg_stat_get_dead_tuples(to_regclass('kindly_stats.rollup'));
    live bigint := pg_stat_get_live_tuples(to_regclass('kindly_stats.rollup'));
    holder record;
BEGIN
    IF dead > greatest(enough, live) THEN
        SELECT * INTO holder FROM kindly_stats.horizon_holder() AS h WHERE h.age > 1000;
        RETURN NEXT ROW('warning', coalesce(holder.object, 'kindly_stats.rollup'),
            format('The rollup has %s dead rows beside %s live ones%s.', dead, live,
                   CASE WHEN holder.object IS NULL THEN ', which questions step over' ELSE format(', which cannot be removed: the snapshot of %s is %s transactions old', holder.object, holder.age) END),
            concat(holder.remedy || ' ', 'VACUUM kindly_stats.rollup;'))::kindly_stats.finding;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_dead_rows(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_dead_rows(bigint) IS 'internal: part of health(): dead rows and what keeps them; enough: so many may be there';

CREATE FUNCTION kindly_stats.health_size(slack bigint DEFAULT 67108864) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size bigint := pg_total_relation_size(to_regclass('kindly_stats.rollup'));
    tallies bigint;
BEGIN
    IF NOT kindly_stats.has_rollup() OR size <= slack THEN
        RETURN;
    END IF;
    -- besides its tally, a row and its index entries have about so many bytes
    SELECT coalesce(sum(pg_column_size(r.tally) + 150), 0) INTO tallies FROM kindly_stats.rollup AS r;
    IF size > slack + 2 * tallies THEN
        RETURN NEXT ROW('warning', 'kindly_stats.rollup', format('It has %s on disk for %s of tallies.', pg_size_pretty(size), pg_size_pretty(tallies)),
                        'VACUUM (FULL) kindly_stats.rollup; -- writers and questions wait for it')::kindly_stats.finding;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_size(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_size(bigint) IS 'internal: part of health(): a rollup much larger than what is in it; slack: bytes that it may have';

CREATE FUNCTION kindly_stats.verify_all() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_differences bigint;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    ELSIF kindly_stats.place() = 'worker' THEN
        -- it has not all tables, and does not note when it was
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    SELECT count(*) INTO found_differences FROM kindly_stats.verify();
    INSERT INTO kindly_stats.verified AS v (differences) VALUES (found_differences)
        ON CONFLICT (is_only) DO UPDATE SET verified_at = EXCLUDED.verified_at, differences = EXCLUDED.differences;
    RETURN found_differences;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify_all() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify_all() IS
'runs verify() over everything, and notes when it was and how many differences there were: for cron

health() says so where that is more than a week ago, or found something.  Errors: those of verify(), 55000 where no event table has been attached.';

CREATE FUNCTION kindly_stats.health_verification() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
BEGIN
    IF NOT EXISTS (SELECT FROM kindly_stats.event_tables()) OR to_regclass('kindly_stats.verified') IS NULL THEN
        RETURN;
    END IF;
    SELECT v.verified_at, v.differences INTO last FROM kindly_stats.verified AS v;
    IF last.differences > 0 THEN
        RETURN NEXT ROW('error', 'kindly_stats.rollup', format('verify_all() found %s differences on %s.', last.differences, to_char(last.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
                        'SELECT kindly_stats.rebuild(); SELECT kindly_stats.verify_all();')::kindly_stats.finding;
    ELSIF last.verified_at IS NULL THEN
        RETURN NEXT ROW('notice', 'kindly_stats.rollup', 'It has never been compared with the events.', 'SELECT kindly_stats.verify_all();')::kindly_stats.finding;
    ELSIF last.verified_at < now() - interval '7 days' THEN
        RETURN NEXT ROW('notice', 'kindly_stats.rollup', format('It was last compared with the events on %s.', to_char(last.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
                        'SELECT kindly_stats.verify_all();')::kindly_stats.finding;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_verification() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_verification() IS 'internal: part of health(): when verify_all() ran last, and what it found';

CREATE FUNCTION kindly_stats.zone_data(OUT postgresql text, OUT icu text, OUT disagreeing text[])
    LANGUAGE C STABLE COST 1000000 AS 'MODULE_PATHNAME', 'ks_zone_data';
REVOKE EXECUTE ON FUNCTION kindly_stats.zone_data() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.zone_data() IS
'how new the time zones of PostgreSQL and of ICU are, and which differ

postgresql, icu: versions such as 2025b; disagreeing: zones with other offsets within a year from now.  postgresql is NULL where its database does not say its version.  Statistics use PostgreSQL''s offsets alone; ICU is asked for calendars.';

CREATE FUNCTION kindly_stats.health_zones(postgresql text, icu text, disagreeing text[]) RETURNS SETOF kindly_stats.finding
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN cardinality(disagreeing) > 0 THEN 'warning' ELSE 'notice' END, 'time zones',
           format('PostgreSQL''s time zones are of %s, ICU''s of %s%s.', coalesce(postgresql, 'an unknown version'), icu,
                  CASE WHEN cardinality(disagreeing) > 0 THEN format('; within a year they differ in %s%s',
                      array_to_string(disagreeing[:5], ', '), CASE WHEN cardinality(disagreeing) > 5 THEN format(' and %s more', cardinality(disagreeing) - 5) END) END),
           'Update the package tzdata, or PostgreSQL where it has time zones of its own, and restart PostgreSQL.'
     WHERE coalesce(icu > postgresql, cardinality(disagreeing) > 0)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_zones(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_zones(text, text, text[]) IS 'internal: part of health(): time zones that are older than ICU''s; arguments: what zone_data() says';

CREATE FUNCTION kindly_stats.health_roles(oldest interval DEFAULT '1 year') RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    age interval;
BEGIN
    RETURN QUERY
    SELECT 'warning', format('role %I', r.rolname),
           CASE WHEN NOT w.needs_login THEN 'It can log in, past PostgREST: whoever does says himself which bot he may see.'
                ELSE 'It cannot log in, as PostgREST has to.' END,
           format('ALTER ROLE %I %s;', r.rolname, CASE WHEN w.needs_login THEN 'LOGIN' ELSE 'NOLOGIN' END)
      FROM (VALUES ('kindly_api_authenticator', true), ('kindly_api_anonymous', false), ('kindly_api_user', false), ('kindly_api_guest', false)) AS w (role, needs_login)
      JOIN pg_roles AS r ON r.rolname = w.role WHERE r.rolcanlogin <> w.needs_login ORDER BY 2;
    -- not every monitor may see that table
    IF has_column_privilege(to_regclass('kindly_stats.api_secret'), 'created_at', 'SELECT') THEN
        SELECT now() - s.created_at INTO age FROM kindly_stats.api_secret AS s;
        IF age > oldest THEN
            RETURN NEXT ROW('warning', 'kindly_stats.api_secret', format('The secret that signs tokens is %s days old.', extract(day FROM age)),
                            'SELECT kindly_stats.rotate_signing_secret(); -- and tell PostgREST')::kindly_stats.finding;
        END IF;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_roles(interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_roles(interval) IS 'internal: part of health(): roles that cannot log in, or must not; a secret older than oldest';

CREATE FUNCTION kindly_stats.health() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE COST 1000000 ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM kindly_stats.tree_findings()
    UNION ALL SELECT * FROM kindly_stats.health_counting()
    UNION ALL SELECT * FROM kindly_stats.health_verification()
    UNION ALL SELECT * FROM kindly_stats.health_bots()
    UNION ALL SELECT * FROM kindly_stats.health_rows()
    UNION ALL SELECT * FROM kindly_stats.health_dead_rows()
    UNION ALL SELECT * FROM kindly_stats.health_size()
    UNION ALL SELECT h.* FROM kindly_stats.zone_data() AS z, kindly_stats.health_zones(z.postgresql, z.icu, z.disagreeing) AS h
    UNION ALL SELECT * FROM kindly_stats.health_roles()
    UNION ALL SELECT * FROM kindly_stats.health_nodes();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health() IS
'what is wrong, or will be, and what mends it: a row a finding; none means that all is well

severity: error, where figures are wrong or will be, or cannot be had; warning, where something gets slower or is about to fail; notice.
object: what it is about; finding: a sentence; remedy: the statements that mend it.  It reads catalogs and the rollup, and no event
table: verify_all() does that, and its last result is among the findings.  Dead rows'' keepers are seen by members of pg_read_all_stats,
the secret''s age by members of kindly_stats_monitor.';

CREATE VIEW kindly_stats.health AS SELECT h.severity, h.object, h.finding, h.remedy FROM kindly_stats.health() AS h;
COMMENT ON VIEW kindly_stats.health IS 'kindly_stats.health() for monitoring tools that read tables; whoever selects needs EXECUTE on the function';

-- For everybody who may ask over HTTP: only the number, and only of what is found quickly.
CREATE FUNCTION kindly_stats.count_errors() RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM (SELECT * FROM kindly_stats.tree_findings()
                UNION ALL SELECT * FROM kindly_stats.health_counting()
                UNION ALL SELECT * FROM kindly_stats.health_verification()) AS f WHERE f.severity = 'error'
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_errors() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_errors() IS 'internal: how many findings of health() are errors';
