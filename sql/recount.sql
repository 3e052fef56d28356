--
-- Counting whole tables: one pass, in parallel or not, is what the triggers and plain SQL count
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS kindly_stats_recount;
CREATE DATABASE kindly_stats_recount;
\c kindly_stats_recount
\set SHOW_CONTEXT never
CREATE EXTENSION kindly_stats;
SET client_min_messages = warning;
SET timezone = 'UTC';
\pset format unaligned
SELECT kindly_stats.create_event_table('recount_event');
INSERT INTO recount_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path, button_id, rating_type, rating)
SELECT n % 3, timestamptz '2024-11-20Z' + n * interval '17 minutes', (ARRAY['user_message', 'bot_reply', 'button_click', 'feedback', 'unheard of'])[1 + n % 5],
       nullif('session ' || n / 12, 'session 7'), 'user ' || n / 30, (ARRAY['web', 'app', NULL])[1 + n / 12 % 3], (ARRAY['en', 'nb'])[1 + n / 12 % 2],
       n % 7 = 0, CASE WHEN n % 4 = 0 THEN 'www.example.com' END, nullif('/' || n % 6, '/0'), 'button ' || n % 4, 'emojis', 1 + n % 3
  FROM generate_series(1, 6000) AS n;

-- the sums of what the triggers wrote
CREATE TABLE by_triggers AS
SELECT r.bot_id, m.name, r.month, kindly_stats.sum(CASE r.measure WHEN '' THEN kindly_stats.part(r.tally, m.name) ELSE r.tally END) AS tally
  FROM kindly_stats.rollup AS r JOIN kindly_stats.measure AS m ON r.measure IN ('', m.name) GROUP BY 1, 2, 3;
CREATE FUNCTION differences() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM by_triggers AS t FULL JOIN kindly_stats.rollup AS r ON r.bot_id = t.bot_id AND r.measure = t.name AND r.month = t.month
     WHERE NOT kindly_stats.is_empty(CASE WHEN t.tally IS NULL THEN r.tally WHEN r.tally IS NULL THEN t.tally
                                          ELSE t.tally OPERATOR(kindly_stats.-) r.tally END)
$$;

-- as this session plans it
SELECT kindly_stats.rebuild();
SELECT differences(), (SELECT count(*) FROM kindly_stats.verify()) AS verified;

-- in parallel workers
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION planned_workers() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || replace(replace(kindly_stats.count_query('recount_event',
        '{}', 'event', NULL), '$1', 'NULL::bigint'), '$2', 'NULL::timestamptz') LOOP
        IF line ~ 'Workers Planned' THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;
SELECT planned_workers();
SELECT kindly_stats.rebuild();
SELECT differences(), (SELECT count(*) FROM kindly_stats.verify()) AS verified;

-- with hardly any memory for the groups
SET maintenance_work_mem = '1MB';
SET work_mem = '64kB';
SELECT kindly_stats.rebuild(1);
SELECT differences(), (SELECT count(*) FROM kindly_stats.verify()) AS verified;
RESET maintenance_work_mem;
RESET work_mem;

-- one measure, with a weight; and everything taken away again
SELECT kindly_stats.add_measure('points', '{feedback}', '{rating_type}', weight => 'rating');
SELECT sum(count), (SELECT sum(rating) FROM recount_event WHERE kind = 'feedback' AND bot_id = 1) AS plain
  FROM kindly_stats.stats_total(1, '2024-11-01', '2025-03-01', measure => 'points');
SELECT count(*) FROM kindly_stats.verify();
SELECT count(*) FROM kindly_stats.detach('recount_event');
CALL kindly_stats.compact();
SELECT count(*) FROM kindly_stats.rollup;

-- functions that are not for being called so
SELECT kindly_stats.count_mixed('event', NULL, '{bot_id,occurred_at}', bot_id, occurred_at, kind) FROM recount_event;
SELECT kindly_stats.count_mixed('event', NULL, NULL, bot_id) FROM recount_event;
SELECT kindly_stats.count_mixed('event', NULL, '{bot_id,occurred_at}', bot_id, occurred_at) FROM recount_event;
SELECT kindly_stats.count_mixed('event', NULL, '{bot_id,occurred_at,kind}', bot_id, kind, kind) FROM recount_event;
SELECT kindly_stats.total(kindly_stats.count_mixed('event', 'no measure', '{bot_id,occurred_at,kind}', bot_id, occurred_at, kind)) FROM recount_event;
SELECT kindly_stats.append_counts(NULL, NULL, NULL, false, false);
SELECT kindly_stats.month_start('2024-02-29 23:59:59.999999Z'), kindly_stats.month_start('1999-12-31 23:00Z'), kindly_stats.month_start('infinity');

\c :regression
DROP DATABASE kindly_stats_recount;
