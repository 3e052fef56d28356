--
-- Measures of one's own: counted from what is there, and kept up from then on
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_measure;
CREATE DATABASE regression_kindly_measure;
\c regression_kindly_measure
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'ISO, MDY';
SET jit = off;
CREATE SCHEMA own;
SELECT kindly_stats.create_event_table('own.event');
ALTER TABLE own.event ADD COLUMN took bigint, ADD COLUMN subject text, ADD COLUMN urgent boolean, ADD COLUMN operator_id uuid;
CREATE TABLE own.call (bot_id smallint, occurred_at timestamptz, kind text, secs integer, subject varchar, urgent boolean);

-- Event number n of the first table; nothing in it is random.
CREATE FUNCTION own.event(n bigint) RETURNS own.event
LANGUAGE sql AS $$
	SELECT e FROM jsonb_populate_record(NULL::own.event, jsonb_strip_nulls(jsonb_build_object(
		'bot_id', 1 + n % 3, 'occurred_at', timestamptz '2024-10-01 00:00Z' + n * 7919 % 12000000 * interval '1 second',
		'kind', (ARRAY['handover_started', 'handover_ended', 'user_message', 'bot_reply'])[1 + n % 4], 'event_id', md5(n::text)::uuid,
		'session_id', 's' || n % 40, 'source', CASE n % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'app' END,
		'took', CASE WHEN n % 5 > 0 THEN n % 1000 - 300 END, 'subject', CASE WHEN n % 7 > 0 THEN 'subject ' || n % 7 END,
		'urgent', CASE WHEN n % 3 > 0 THEN n % 6 = 1 END, 'operator_id', CASE WHEN n % 4 < 2 THEN md5((n % 9)::text) END))) AS e
$$;
INSERT INTO own.event SELECT e.* FROM generate_series(1, 3000) AS n, own.event(n) AS e;
INSERT INTO own.call SELECT bot_id, occurred_at, 'call', took, subject, urgent FROM generate_series(5000, 6000) AS n, own.event(n) AS e;
SELECT kindly_stats.attach('own.call', '{"took": "secs"}');
\echo :LAST_ERROR_SQLSTATE
SELECT kindly_stats.attach('own.call');

-- weight; member; condition; keys; all kinds; each from two tables, of which one has no such column
SELECT kindly_stats.add_measure('seconds', kinds => '{handover_ended,call}', weight => 'took');
SELECT kindly_stats.add_measure('agents', kinds => '{handover_started,handover_ended}', member => 'operator_id');
SELECT kindly_stats.add_measure('urgent', condition => 'urgent');
SELECT kindly_stats.add_measure('timed', kinds => '{handover_ended,call}', keys => '{kind,subject}', needed => 'took');
SELECT kindly_stats.add_measure('subjects', keys => '{subject,kind}', member => 'session_id');
SELECT kindly_stats.add_measure('urgent seconds by subject', '{handover_ended,bot_reply}', '{subject}', NULL, 'took', 'urgent');

CREATE VIEW own.plain AS
SELECT bot_id, m.name, (occurred_at AT TIME ZONE 'Asia/Kathmandu')::date AS day, sum(m.weight)::bigint AS n, count(DISTINCT m.member) AS members
FROM (SELECT bot_id, occurred_at, kind, session_id, operator_id::text, subject, took, urgent FROM own.event
	  UNION ALL SELECT bot_id, occurred_at, kind, NULL, NULL, subject, NULL, urgent FROM own.call) AS e,
	LATERAL (VALUES ('seconds', kind IN ('handover_ended', 'call'), took, NULL),
		('agents', kind IN ('handover_started', 'handover_ended'), 1, operator_id),
		('urgent', urgent, 1, NULL), ('timed', kind IN ('handover_ended', 'call') AND took IS NOT NULL, 1, NULL), ('subjects', subject IS NOT NULL OR kind IS NOT NULL, 1, session_id),
		('urgent seconds by subject', kind IN ('handover_ended', 'bot_reply') AND subject IS NOT NULL AND urgent, took, NULL)) AS m (name, counts, weight, member)
WHERE m.counts
GROUP BY 1, 2, 3 HAVING sum(m.weight) <> 0 OR count(DISTINCT m.member) <> 0;
CREATE VIEW own.stats AS
SELECT bot, m.name, s.date::date AS day, s.count AS n, s.distinct_count AS members
FROM generate_series(1, 3) AS bot, unnest('{seconds,agents,urgent,timed,subjects,urgent seconds by subject}'::text[]) AS m (name),
	kindly_stats.stats_series(bot, '2024-09-01', '2025-09-01', 'Asia/Kathmandu', 'day', m.name) AS s
WHERE s.count <> 0 OR s.distinct_count <> 0;
CREATE FUNCTION own.differences() RETURNS TABLE (plain_sql bigint, verified bigint)
LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM ((TABLE own.plain EXCEPT ALL TABLE own.stats) UNION ALL (TABLE own.stats EXCEPT ALL TABLE own.plain)) AS d),
		(SELECT count(*) FROM kindly_stats.verify())
$$;
SELECT name, count(*) AS days, sum(n) AS total FROM own.plain GROUP BY 1 ORDER BY name COLLATE "C";
SELECT * FROM own.differences();

-- kept up from then on
INSERT INTO own.event SELECT e.* FROM generate_series(3001, 4000) AS n, own.event(n) AS e;
INSERT INTO own.call SELECT bot_id, occurred_at, 'call', took, subject, urgent FROM generate_series(6001, 6500) AS n, own.event(n) AS e;
SELECT * FROM own.differences();
UPDATE own.event SET took = -took WHERE event_id::text < '1';
UPDATE own.event SET took = NULL, urgent = NOT urgent WHERE event_id::text BETWEEN '1' AND '2';
UPDATE own.event SET subject = NULL, operator_id = NULL WHERE event_id::text BETWEEN '2' AND '3';
UPDATE own.event SET urgent = NULL, kind = 'handover_ended' WHERE event_id::text BETWEEN '3' AND '4';
SELECT * FROM own.differences();
DELETE FROM own.event WHERE event_id::text > 'd';
CALL kindly_stats.compact();
SELECT * FROM own.differences();

-- a column that no measure reads: nothing is written
ALTER TABLE own.event ADD COLUMN remark text;
CREATE TEMP TABLE rows_before AS SELECT count(*) AS n FROM kindly_stats.rollup;
UPDATE own.event SET remark = 'seen';
SELECT count(*) - (SELECT n FROM rows_before) AS rows_more FROM kindly_stats.rollup;

-- weights beyond 64 bits are refused, and the statement with them
INSERT INTO own.event (bot_id, occurred_at, kind, took) SELECT 1, '2024-12-24 12:00Z', 'handover_ended', 9223372036854775807 FROM generate_series(1, 2);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM own.differences();

-- a measure that is rolled back has never been, also not for the session that made it
BEGIN;
SELECT kindly_stats.add_measure('never', '{user_message}');
INSERT INTO own.event SELECT e.* FROM generate_series(7000, 7100) AS n, own.event(n) AS e;
SELECT t.count = (SELECT count(*) FROM own.event WHERE bot_id = 1 AND kind = 'user_message') AS same
FROM kindly_stats.stats_total(1, '2024-01-01', '2026-01-01', measure => 'never') AS t;
ROLLBACK;
INSERT INTO own.event SELECT e.* FROM generate_series(7000, 7100) AS n, own.event(n) AS e;
SELECT count(*) FROM kindly_stats.stats_total(1, '2024-01-01', '2026-01-01', measure => 'never');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM own.differences();

-- a mapped column of a second table makes one measure of both
SELECT kindly_stats.detach('own.call');
SELECT * FROM kindly_stats.stats_total(1, '2024-01-01', '2026-01-01', 'UTC', measure => 'subjects', key => '{NULL,call}');
SELECT kindly_stats.attach('own.call', '{"took": "secs"}');
SELECT t.count = (SELECT coalesce(sum(took) FILTER (WHERE kind = 'handover_ended'), 0) FROM own.event WHERE bot_id = 1)
	+ (SELECT sum(secs) FROM own.call WHERE bot_id = 1) AS same
FROM kindly_stats.stats_total(1, '2024-01-01', '2026-01-01', 'UTC', measure => 'seconds') AS t;
SELECT count(*) FROM kindly_stats.verify();

-- one that was deleted leaves its counts behind: not to be counted twice
SELECT kindly_stats.add_measure('gone', keys => '{kind}');
DELETE FROM kindly_stats.measure WHERE name = 'gone';
SELECT kindly_stats.add_measure('gone', keys => '{kind}');
\echo :LAST_ERROR_SQLSTATE
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT kindly_stats.add_measure('gone', keys => '{kind}');
INSERT INTO own.event (bot_id, occurred_at, kind) VALUES (4, '2025-01-01 00:00Z', 'other');
DELETE FROM kindly_stats.measure WHERE name = 'gone';
SELECT kindly_stats.add_measure('gone', keys => '{kind}');
\echo :LAST_ERROR_SQLSTATE
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT kindly_stats.add_measure('gone', keys => '{kind}');
SELECT key, count FROM kindly_stats.stats_top(4, '2025-01-01', '2025-01-02', 'UTC', 'gone');
SELECT count(*) FROM kindly_stats.verify();
DELETE FROM kindly_stats.measure WHERE name = 'gone';
DELETE FROM own.event WHERE bot_id = 4;

-- a new measure cannot know what was purged
SELECT kindly_stats.purge('own.event', '2024-11-15 00:00Z') > 0 AS purged;
SET client_min_messages = notice;
SELECT kindly_stats.add_measure('late measure', '{user_message}', member => 'session_id');
SET client_min_messages = warning;
SELECT t.count = (SELECT count(*) FROM own.event WHERE bot_id = 2 AND kind = 'user_message') AS same
FROM kindly_stats.stats_total(2, '2024-01-01', '2026-01-01', 'UTC', measure => 'late measure') AS t;
SELECT count(*) FROM kindly_stats.verify();

-- all events gone, all statistics gone but the purged ones
DELETE FROM own.event;
SELECT kindly_stats.detach('own.call');
SELECT bool_and(s.date < '2024-11-15') AS purged_only FROM kindly_stats.stats_series(1, '2024-01-01', '2026-01-01', 'UTC', measure => 'subjects') AS s WHERE s.count <> 0 OR s.distinct_count <> 0;
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.detach('own.event');
DELETE FROM kindly_stats.measure WHERE name IN ('seconds', 'agents', 'urgent', 'subjects', 'urgent seconds by subject', 'late measure');
DROP SCHEMA own CASCADE;
\c :regression
DROP DATABASE regression_kindly_measure;
