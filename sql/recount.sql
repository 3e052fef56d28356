--
-- Counting whole tables: one pass, in parallel or not, is what the triggers and plain SQL count
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_recount;
CREATE DATABASE regression_kindly_recount;
\c regression_kindly_recount
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'UTC';
\pset format unaligned
SELECT kindly_stats.create_event_table('recount_event');
INSERT INTO recount_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path, button_id, rating_type, rating)
SELECT n % 3, timestamptz '2024-11-20Z' + n * interval '17 minutes', (ARRAY['user_message', 'bot_reply', 'button_click', 'feedback', 'unheard of'])[1 + n % 5],
       nullif('session ' || n / 12, 'session 7'), 'user ' || n / 30, (ARRAY['web', 'app', NULL])[1 + n / 12 % 3], (ARRAY['en', 'nb'])[1 + n / 12 % 2],
       n % 7 = 0, CASE WHEN n % 4 = 0 THEN 'www.example.com' END, nullif('/' || n % 6, '/0'), 'button ' || n % 4, 'emojis', 1 + n % 3
  FROM generate_series(1, 6000) AS n;

-- the sums of what the triggers wrote
CREATE VIEW by_measure AS
SELECT r.bot_id, m.name, r.month, kindly_stats.sum(CASE r.measure WHEN '' THEN kindly_stats.keys_under(r.tally, m.name) ELSE r.tally END) AS tally
  FROM kindly_stats.rollup AS r JOIN kindly_stats.measure AS m ON r.measure IN ('', m.name) GROUP BY 1, 2, 3;
CREATE TABLE by_triggers AS SELECT * FROM by_measure;
CREATE FUNCTION differences() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM by_triggers AS t FULL JOIN by_measure AS r USING (bot_id, name, month)
     WHERE NOT kindly_stats.is_empty(CASE WHEN t.tally IS NULL THEN r.tally WHEN r.tally IS NULL THEN t.tally
                                          ELSE t.tally OPERATOR(kindly_stats.-) r.tally END)
$$;

-- everything lost, and counted from the events
SELECT kindly_stats.rebuild();
DELETE FROM kindly_stats.rollup;
SELECT kindly_stats.rebuild();
SELECT differences(), (SELECT count(*) FROM kindly_stats.verify()) AS verified;

-- one pass over the events and one over what is stored, whatever the number of measures
BEGIN;
SELECT pg_stat_get_xact_numscans('recount_event'::regclass) AS events, pg_stat_get_xact_numscans('kindly_stats.rollup'::regclass) AS stored \gset
SELECT count(*) FROM kindly_stats.verify();
SELECT pg_stat_get_xact_numscans('recount_event'::regclass) - :events AS events, pg_stat_get_xact_numscans('kindly_stats.rollup'::regclass) - :stored AS stored,
       (SELECT count(*) > 20 FROM kindly_stats.measure) AS many_measures;
ROLLBACK;
-- what is wrong is listed by measure: too much, too little, a member for another, mixed rows and others
BEGIN;
DELETE FROM kindly_stats.rollup WHERE bot_id = 2 AND month = '2025-01-01';
INSERT INTO kindly_stats.rollup (bot_id, measure, month, tally)
SELECT 1, 'messages', '2024-12-01', kindly_stats.tally_agg(at, ARRAY['web', 'en'], member, weight)
  FROM (VALUES (timestamptz '2024-12-24 08:00Z', 'nobody', 1), ('2024-12-24 08:00Z', 'somebody', 2)) AS v (at, member, weight);
INSERT INTO kindly_stats.rollup (bot_id, measure, month, tally)
SELECT 0, '', '2024-11-01', kindly_stats.tally_agg(at, key, member, weight)
  FROM (VALUES (timestamptz '2024-11-24 08:00Z', ARRAY['messages', 'web', 'en'], 'nobody', 1), ('2024-11-24 08:00Z', ARRAY['messages', 'web', 'en'], 'somebody', -1),
               ('2024-11-24 08:00Z', ARRAY['replies', 'web', 'en'], NULL, -5), ('2024-11-24 08:00Z', ARRAY['no measure any more', 'web', 'en'], NULL, 1)) AS v (at, key, member, weight);
SELECT * FROM kindly_stats.verify();
SELECT * FROM kindly_stats.verify(1);
SELECT count(*) FROM kindly_stats.verify(NULL, '2025-01-31');
ROLLBACK;

-- with hardly any memory for the groups
SET maintenance_work_mem = '1MB';
SET work_mem = '64kB';
DELETE FROM kindly_stats.rollup WHERE bot_id = 1;
SELECT kindly_stats.rebuild(1);
SELECT kindly_stats.rebuild();
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
SELECT count(*) FROM kindly_stats.rollup WHERE cluster IS NULL;

-- functions that are not for being called so
SELECT kindly_stats.append_counts(NULL, NULL, NULL, NULL, NULL, NULL);
SELECT kindly_stats.append_counts('recount_event', '{"session_id": "nonesuch"}', 'event', NULL, false, false);
SELECT kindly_stats.raw_events(NULL, NULL, NULL);
SELECT kindly_stats.raw_events('recount_event', 'event', NULL);

\c :regression
DROP DATABASE regression_kindly_recount;
