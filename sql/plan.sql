--
-- Plans of questions, inserts and compaction: an index, whatever happens to them in between
--
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_plan;
CREATE DATABASE regression_kindly_plan;
\c regression_kindly_plan
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
\pset format unaligned
SELECT kindly_stats.create_event_table('public.event');
SET kindly_stats.compact_after = 1;

-- scans of the rollup by a question, by an insert and its compaction; the table is so small that it would be scanned as a whole
CREATE PROCEDURE scan() LANGUAGE plpgsql AS $$
DECLARE
    before record;
    later record;
BEGIN
    COMMIT;
    SELECT seq_scan, idx_scan INTO before FROM pg_stat_xact_user_tables WHERE relid = 'kindly_stats.rollup'::regclass;
    PERFORM FROM kindly_stats.stats_series(1, '2025-01-01', '2025-02-01', 'Europe/Oslo', measure => 'messages');
    PERFORM FROM kindly_stats.stats_top(1, '2025-01-01', '2025-02-01', 'Europe/Oslo', 'buttons');
    PERFORM FROM kindly_stats.stats_options(1);
    INSERT INTO public.event (bot_id, occurred_at, kind) VALUES (1, '2025-01-10Z', 'user_message');
    SELECT seq_scan, idx_scan INTO later FROM pg_stat_xact_user_tables WHERE relid = 'kindly_stats.rollup'::regclass;
    RAISE WARNING '% sequential scans, by index: %', later.seq_scan - coalesce(before.seq_scan, 0), later.idx_scan > coalesce(before.idx_scan, 0);
END
$$;
CALL scan();
ANALYZE kindly_stats.rollup;
CALL scan();
DISCARD PLANS;
CALL scan();
SET search_path = pg_catalog;
CALL public.scan();
RESET search_path;
VACUUM ANALYZE kindly_stats.rollup;
CREATE INDEX another ON kindly_stats.rollup (month);
CALL scan();
DROP INDEX kindly_stats.another;
CALL scan();
-- another role, whose rows a policy chooses
CREATE ROLE regress_ks_plan;
GRANT USAGE ON SCHEMA public, kindly_stats TO regress_ks_plan;
GRANT SELECT, INSERT ON event TO regress_ks_plan;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.bot TO regress_ks_plan;
ALTER TABLE kindly_stats.rollup ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON kindly_stats.rollup FOR SELECT TO regress_ks_plan USING (bot_id = 1);
SET ROLE regress_ks_plan;
CALL scan();
RESET ROLE;
CALL scan();
SELECT sum(count) FROM kindly_stats.stats_series(1, '2025-01-01', '2025-02-01', 'Europe/Oslo');

\c :regression
DROP DATABASE regression_kindly_plan;
DROP ROLE regress_ks_plan;
