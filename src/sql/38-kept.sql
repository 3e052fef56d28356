-- Kept statistics, of events that are in no attached table any more: what becomes of them when the extension is dropped, and when a
-- table that was detached comes back.

-- DROP EXTENSION ... CASCADE takes the column of tallies from the rollup.  Live rows can be counted again, kept ones cannot.
CREATE FUNCTION kindly_stats.save_kept() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_save_kept';
REVOKE EXECUTE ON FUNCTION kindly_stats.save_kept() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.save_kept() IS 'event trigger: puts what is kept where it stays while the extension is dropped';

CREATE EVENT TRIGGER kindly_stats_save_kept ON ddl_command_start WHEN TAG IN ('DROP EXTENSION') EXECUTE FUNCTION kindly_stats.save_kept();
COMMENT ON EVENT TRIGGER kindly_stats_save_kept IS 'keeps the statistics of purged events while the extension is dropped and created again';

CREATE FUNCTION kindly_stats.restore_kept() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- nothing is counted of the tables now, not even half
    IF to_regclass('kindly_stats.counting') IS NOT NULL THEN
        DELETE FROM kindly_stats.counting;
    END IF;
    IF EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'kindly_stats.rollup'::regclass AND a.attname = 'saved' AND NOT a.attisdropped) THEN
        DELETE FROM kindly_stats.rollup WHERE saved IS NULL OR NOT kept;
        ALTER TABLE kindly_stats.rollup ADD COLUMN tally kindly_stats.tally;
        UPDATE kindly_stats.rollup SET tally = (E'\\x' || encode(saved, 'hex'))::kindly_stats.tally;
        ALTER TABLE kindly_stats.rollup ALTER COLUMN tally SET NOT NULL;
        ALTER TABLE kindly_stats.rollup DROP COLUMN saved;
    ELSE
        -- what is left of the rows says nothing; grants and policies are worth keeping
        TRUNCATE kindly_stats.rollup;
        ALTER TABLE kindly_stats.rollup ADD COLUMN tally kindly_stats.tally NOT NULL;
    END IF;
    RAISE NOTICE 'statistics but those of events that are gone were dropped with the extension'
        USING HINT = 'Attach each event table again: the events that it has are counted.';
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.restore_kept() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.restore_kept() IS 'internal: gives kindly_stats.rollup its tallies back, those of events that are gone';

-- Tables that were detached and whose events stayed counted.

CREATE FUNCTION kindly_stats.note_kept(event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM kindly_stats.detached AS d
     WHERE d.event_table IN (SELECT kindly_stats.partition_tree(note_kept.event_table)) AND d.grain = note_kept.grain OR NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.event_table);
    -- a partition may leave its tree later, and is counted then, too
    INSERT INTO kindly_stats.detached (event_table, grain, columns)
    SELECT r, note_kept.grain, note_kept.columns FROM kindly_stats.partition_tree(note_kept.event_table) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.note_kept(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_kept(regclass, jsonb, text) IS 'internal: remembers that the events of a table are counted though it is not attached';

CREATE FUNCTION kindly_stats.require_not_kept(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    other regclass;
BEGIN
    SELECT d.event_table INTO other FROM kindly_stats.detached AS d JOIN kindly_stats.partition_tree(require_not_kept.event_table) AS r ON r = d.event_table
     ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the events of table "%" are counted already: its statistics were kept when it was detached', other
            USING ERRCODE = '55000', HINT = format('SELECT kindly_stats.forget_kept(%L) takes them out of the statistics; then attach it.', other);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_not_kept(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_not_kept(regclass) IS 'internal: refuses to count events twice (55000)';

CREATE FUNCTION kindly_stats.has_negative(tally kindly_stats.tally) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_has_negative';
REVOKE EXECUTE ON FUNCTION kindly_stats.has_negative(kindly_stats.tally) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_negative(kindly_stats.tally) IS 'internal: whether some weight of a tally is below zero';

CREATE FUNCTION kindly_stats.forget_kept(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d kindly_stats.detached;
    names text[];
    n record;
    measures text[];
    tallies kindly_stats.tally[];
    -- else partitions came since, which were not kept: those that were are read one by one
    is_whole boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('forget kept statistics');
    IF NOT kindly_stats.has_rollup() OR NOT EXISTS (SELECT FROM kindly_stats.detached AS t WHERE t.event_table = forget_kept.event_table) THEN
        RAISE EXCEPTION 'no statistics of table "%" were kept when it was detached', event_table
            USING ERRCODE = '55000', HINT = 'kindly_stats.detached lists the tables of which they were.';
    END IF;
    PERFORM kindly_stats.lock_repair();
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    is_whole := NOT EXISTS (SELECT FROM kindly_stats.partition_tree(forget_kept.event_table) AS r WHERE NOT EXISTS (SELECT FROM kindly_stats.detached AS t WHERE t.event_table = r));
    FOREACH d IN ARRAY ARRAY(SELECT t FROM kindly_stats.detached AS t WHERE t.event_table IN (SELECT kindly_stats.partition_tree(forget_kept.event_table)) ORDER BY t.event_table, t.grain)
    LOOP
        DELETE FROM kindly_stats.detached AS t WHERE t.event_table = d.event_table AND t.grain = d.grain;
        IF is_whole AND d.event_table = forget_kept.event_table
           OR NOT is_whole AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.event_table AND c.relkind = 'r') THEN
            PERFORM kindly_stats.append_counts(d.event_table, d.columns, d.grain, NULL, true, true);
        END IF;
    END LOOP;
    -- what was taken away lies in rows of its own; months that were not touched are as before.  Each is asked of the node that has its bot.
    names := ARRAY(SELECT m.name FROM kindly_stats.measure AS m);
    FOR n IN SELECT DISTINCT r.bot_id, r.month FROM (SELECT r.bot_id, kindly_stats.months(r.tally) AS month FROM kindly_stats.rollup AS r
                                                      WHERE r.kept AND kindly_stats.has_negative(r.tally)) AS r
    LOOP
        SELECT array_agg(u.measure), array_agg(u.tally) INTO measures, tallies
          FROM (SELECT r.measure, kindly_stats.sum(CASE r.month WHEN '-infinity' THEN kindly_stats.slice(r.tally, n.month::timestamp AT TIME ZONE 'UTC',
                                                                                                         (n.month + interval '1 month') AT TIME ZONE 'UTC') ELSE r.tally END) AS tally
                  FROM kindly_stats.rollup AS r WHERE r.bot_id = n.bot_id AND r.month IN (n.month, '-infinity') AND r.kept GROUP BY r.measure) AS u;
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM unnest(names) AS m (name)
             WHERE kindly_stats.has_negative((SELECT kindly_stats.sum(CASE u.measure WHEN '' THEN kindly_stats.keys_under(u.tally, m.name) ELSE u.tally END)
                                                FROM unnest(measures, tallies) AS u (measure, tally) WHERE u.measure IN ('', m.name))));
        RAISE EXCEPTION 'table "%" has events that were not kept when it was detached', event_table
            USING ERRCODE = '55000', HINT = 'Delete those that were written since, and insert them again once the table is attached.';
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.forget_kept(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.forget_kept(regclass) IS
'takes the events of a detached table out of what was kept, so that it can be attached again

event_table: a table that was detached with keep_statistics and has the events that it had then, or some of them: what was deleted since
stays counted.
Errors: 25001 at an isolation level above READ COMMITTED, 55000 where nothing was kept of the table, or less than it has now.';
