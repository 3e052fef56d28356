--
-- Built-in measures after an update of the extension that defines some anew
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_update_measures;
CREATE DATABASE regression_kindly_update_measures;
\c regression_kindly_update_measures
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
RESET client_min_messages;
-- without attached tables there is nothing to update
SELECT * FROM kindly_stats.update_measures();
SELECT kindly_stats.create_event_table('public.event');
-- each measure is as this version defines it
SELECT count(*) > 30 AS many, bool_and(built_in = '1.0') AS all_known FROM kindly_stats.measure;
SELECT * FROM kindly_stats.update_measures();

ALTER TABLE event ADD COLUMN mood text;
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, topic, mood)
SELECT 1, timestamptz '2025-01-01' + n * interval '7 hours', CASE n % 3 WHEN 0 THEN 'bot_reply' ELSE 'user_message' END, 's' || n / 3, 'u' || n / 9, 't' || n % 2, 'm' || n % 4
  FROM generate_series(1, 90) AS n;
-- what was changed, deleted or added by hand
UPDATE kindly_stats.measure SET kinds = '{bot_reply,user_message}' WHERE name = 'replies';
DELETE FROM kindly_stats.measure WHERE name = 'labels';
SELECT kindly_stats.rebuild() > 0 AS rebuilt;
SELECT kindly_stats.add_measure('moods', kinds => '{bot_reply}');
SELECT * FROM kindly_stats.update_measures();

-- a later version: one measure is defined otherwise, of those that were changed, too, and some are new
ALTER FUNCTION kindly_stats.built_in_measures() RENAME TO earlier_measures;
CREATE FUNCTION kindly_stats.built_in_measures()
    RETURNS TABLE (version text, name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text)
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM kindly_stats.earlier_measures()
    UNION ALL VALUES ('1.10', 'users', '{user_message,bot_reply}'::text[], '{}'::text[], 'user_id', NULL, NULL, NULL, 'event'),
                     ('1.9', 'users', '{bot_reply}', '{}', 'user_id', NULL, NULL, NULL, 'event'),
                     ('1.10', 'replies', '{bot_reply}', '{topic}', NULL, NULL, NULL, NULL, 'event'),
                     ('1.10', 'labels', '{label_added}', '{label_id}', NULL, NULL, NULL, NULL, 'event'),
                     ('1.10', 'moods', '{user_message}', '{mood}', NULL, NULL, NULL, NULL, 'event'),
                     ('1.10', 'feelings', '{user_message}', '{mood}', 'user_id', NULL, NULL, NULL, 'event')
$$;
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2025-01-01', '2026-01-01', measure => 'users');
SELECT severity, object, remedy FROM kindly_stats.health() WHERE object LIKE 'measure %' ORDER BY object COLLATE "C";
SELECT kindly_stats.purge('event', '2025-01-05');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM kindly_stats.update_measures();
ROLLBACK;
SELECT * FROM kindly_stats.update_measures();
SELECT * FROM kindly_stats.update_measures();
SELECT severity, object, remedy FROM kindly_stats.health() WHERE object LIKE 'measure %' ORDER BY object COLLATE "C";
SELECT name, kinds, keys, member, built_in FROM kindly_stats.measure WHERE name IN ('users', 'replies', 'labels', 'moods', 'feelings', 'messages') ORDER BY name;
-- counted anew from the events that are there
SELECT * FROM kindly_stats.verify();
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2025-01-06', '2026-01-01', measure => 'users');
SELECT count(*), count(DISTINCT user_id) FROM event WHERE occurred_at >= '2025-01-06' AND kind IN ('user_message', 'bot_reply');
SELECT key, count FROM kindly_stats.stats_top(1, '2025-01-06', '2026-01-01', 'UTC', 'feelings') ORDER BY key;
-- and so are later events
INSERT INTO event (bot_id, occurred_at, kind, user_id, mood) VALUES (1, '2025-12-31', 'bot_reply', 'v', 'm0'), (1, '2025-12-31', 'user_message', 'v', 'm9');
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2025-12-31', '2026-01-01', measure => 'users');
SELECT key, count FROM kindly_stats.stats_top(1, '2025-12-31', '2026-01-01', 'UTC', 'feelings');
SELECT * FROM kindly_stats.verify();
\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_update_measures;
