-- Rows that span months: what a bot that has little counts stands in one, and everything that is said of a month is as if it stood alone.
SET client_min_messages = warning;
\pset format unaligned
-- its tables are nobody else's
SELECT current_database() AS regression \gset
CREATE DATABASE regression_kindly_span;
\c regression_kindly_span
SET client_min_messages = warning;
SET timezone = 'UTC';
\pset format unaligned
\pset footer off
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event') \g /dev/null
-- what plain SQL and the statistics say of each local day and month, in zones east and west of the edges of UTC months; nothing where they say the same
CREATE TABLE gone (LIKE event);
CREATE VIEW counted AS TABLE event UNION ALL TABLE gone;
CREATE FUNCTION differences() RETURNS TABLE (zone text, granularity text, bot bigint, start timestamptz, what text) LANGUAGE sql AS $$
	WITH plain AS (
		SELECT z.tz, u.unit, e.bot_id, date_trunc(u.unit, e.occurred_at, z.tz) AS at, count(*) AS count, count(DISTINCT e.session_id) AS members, count(*) FILTER (WHERE e.source = 'web') AS web
		  FROM counted AS e, (VALUES ('Pacific/Kiritimati'), ('UTC'), ('Asia/Kathmandu'), ('America/St_Johns'), ('Pacific/Pago_Pago')) AS z (tz), (VALUES ('day'), ('month')) AS u (unit)
		 WHERE e.kind = 'user_message' GROUP BY 1, 2, 3, 4),
	stored AS (
		SELECT z.tz, u.unit, b.bot_id, s.bucket AS at, s.count, s.distinct_count AS members, w.count AS web
		  FROM (VALUES ('Pacific/Kiritimati'), ('UTC'), ('Asia/Kathmandu'), ('America/St_Johns'), ('Pacific/Pago_Pago')) AS z (tz), (VALUES ('day'), ('month')) AS u (unit),
			   generate_series(1, 4) AS b (bot_id), kindly_stats.stats_series(b.bot_id, '2024-11-01', '2026-03-01', z.tz, u.unit) AS s
		  JOIN LATERAL kindly_stats.stats_series(b.bot_id, '2024-11-01', '2026-03-01', z.tz, u.unit, sources => '{web}') AS w ON w.bucket = s.bucket
		 WHERE s.count <> 0)
	SELECT tz, unit, bot_id, at, 'plain SQL: ' || (count, members, web)::text FROM (TABLE plain EXCEPT ALL TABLE stored) AS p
	UNION ALL
	SELECT tz, unit, bot_id, at, 'statistics: ' || (count, members, web)::text FROM (TABLE stored EXCEPT ALL TABLE plain) AS s
$$;
CREATE VIEW rows AS
SELECT bot_id, kept, count(*) AS rows, count(*) FILTER (WHERE month = '-infinity') AS spans, bool_and(measure = '') AS mixed FROM kindly_stats.rollup WHERE cluster IS NULL GROUP BY 1, 2 ORDER BY 1, 2;

-- one statement, one row a bot; bot 3 has one month alone
SET kindly_stats.compact_after = 0;
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source)
SELECT 1 + n % 2, timestamptz '2024-12-31 22:00Z' + n * interval '50 hours 15 minutes', 'user_message', 's' || n / 4, 'u' || n / 8, CASE WHEN n % 3 > 0 THEN 'web' END FROM generate_series(0, 159) AS n
UNION ALL SELECT 3, timestamptz '2025-05-31 23:00Z' - n * interval '1 hour', 'user_message', 's' || n, NULL, 'web' FROM generate_series(1, 5) AS n;
CALL kindly_stats.compact();
SELECT * FROM rows;
SELECT bot_id, count(*) AS months, min(m.month), max(m.month), sum(kindly_stats.total(kindly_stats.keys_under(kindly_stats.slice(tally, m.month::timestamptz, m.month + interval '1 month'), 'events'))) AS events
  FROM kindly_stats.rollup, kindly_stats.months(tally) AS m (month) GROUP BY 1 ORDER BY 1;
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
-- more of the same, in rows of their own until they are compacted
INSERT INTO event (bot_id, occurred_at, kind, session_id, source) SELECT 1, timestamptz '2025-01-20Z' + n * interval '40 days', 'user_message', 's' || n, 'web' FROM generate_series(0, 9) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-03-31 23:59:59.999999Z', 'user_message', 's3'), (3, '2025-08-01Z', 'user_message', 's3');
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
CALL kindly_stats.compact();
SELECT * FROM rows;
SELECT * FROM differences();
SELECT kindly_stats.rebuild();

-- verify and rebuild find one month that is wrong, and no other
UPDATE kindly_stats.rollup SET tally = kindly_stats.tally_subtract(tally, kindly_stats.slice(tally, '2025-03-01', '2025-04-01')) WHERE bot_id = 1;
SELECT DISTINCT bot_id, month, stored FROM kindly_stats.verify();
SELECT count(*) FROM kindly_stats.verify(since => '2025-04-01');
SELECT DISTINCT bot_id, month, stored FROM kindly_stats.verify(1, '2025-03-05');
SELECT kindly_stats.rebuild();
SELECT count(*) FROM kindly_stats.verify();
SELECT * FROM differences();
SELECT kindly_stats.rebuild();
-- what stands under a month that it is not of is looked for there by nobody
UPDATE kindly_stats.rollup SET month = '2025-06-01', id = -1 WHERE bot_id = 3 AND cluster IS NULL;
SELECT DISTINCT bot_id, month, stored, recounted FROM kindly_stats.verify(3) WHERE measure = 'events' ORDER BY month;
SELECT kindly_stats.rebuild(3) > 0 AS changed;
SELECT * FROM differences();

-- first and last event: to the microsecond, and after the outermost is gone outward, until it is looked for
SELECT first, last FROM kindly_stats.stats_options(1);
DELETE FROM event WHERE bot_id = 1 AND occurred_at IN (SELECT min(occurred_at) FROM event WHERE bot_id = 1 UNION ALL SELECT max(occurred_at) FROM event WHERE bot_id = 1);
CREATE FUNCTION ends(bot bigint) RETURNS TABLE (exact boolean, near boolean) LANGUAGE sql AS $$
	SELECT o.first = e.first AND o.last = e.last, o.first <= e.first AND o.first > e.first - interval '15 minutes' AND o.last >= e.last AND o.last <= e.last + interval '15 minutes'
	FROM kindly_stats.stats_options(bot) AS o, (SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM counted WHERE bot_id = bot) AS e
$$;
SELECT * FROM ends(1);
CALL kindly_stats.compact();
SELECT * FROM ends(1);
DELETE FROM event WHERE bot_id = 1 AND occurred_at < '2025-02-15';
SELECT near FROM ends(1);
CALL kindly_stats.compact();
SELECT near FROM ends(1);
SELECT kindly_stats.rebuild(1) > 0 AS changed;
SELECT * FROM ends(1);
SELECT kindly_stats.rebuild();
SELECT * FROM differences();

-- purged in the middle of a month
INSERT INTO gone SELECT * FROM event WHERE occurred_at < '2025-04-16 07:30Z';
SELECT kindly_stats.purge('event', '2025-04-16 07:30Z') > 0 AS purged;
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
CALL kindly_stats.compact();
SELECT * FROM rows;
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT * FROM ends(1);

-- a measure that comes, and one that goes: of what is kept only rows that have it are written anew
SELECT kindly_stats.add_measure('from the web', '{user_message}', member => 'session_id', condition => NULL, needed => 'source');
SELECT t.count = (SELECT count(*) FROM event WHERE bot_id = 2 AND source IS NOT NULL) AS same FROM kindly_stats.stats_total(2, '2024-01-01', '2027-01-01', measure => 'from the web') AS t;
CALL kindly_stats.compact();
SELECT * FROM rows;
SELECT count(*) FROM kindly_stats.verify();
INSERT INTO gone SELECT * FROM event WHERE bot_id = 2 AND occurred_at < '2025-06-01';
SELECT kindly_stats.purge('event', '2025-05-20') > 0 AS purged;
CALL kindly_stats.compact();
CREATE TABLE written AS SELECT bot_id, id FROM kindly_stats.rollup WHERE kept AND bot_id = 2;
SELECT kindly_stats.rebuild();
SELECT count(*) = (SELECT count(*) FROM written) AS untouched FROM kindly_stats.rollup JOIN written USING (bot_id, id);
DELETE FROM kindly_stats.measure WHERE name = 'from the web';
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT count(*) AS untouched FROM kindly_stats.rollup JOIN written USING (bot_id, id);
SELECT count(*) FROM kindly_stats.rollup WHERE NOT kindly_stats.is_empty(kindly_stats.keys_under(tally, 'from the web'));
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT kept, sum(kindly_stats.total(kindly_stats.keys_under(tally, 'events'))) AS events FROM kindly_stats.rollup WHERE bot_id = 2 GROUP BY 1 ORDER BY 1;

-- a table that is detached and stays counted, and is forgotten again: all of it, and not when something came since
CREATE TABLE other (LIKE event INCLUDING ALL);
INSERT INTO other (bot_id, occurred_at, kind, session_id) SELECT 4, timestamptz '2025-01-31 23:00Z' + n * interval '20 days', 'user_message', 's' || n FROM generate_series(0, 9) AS n;
SELECT kindly_stats.attach('other');
SELECT * FROM rows WHERE bot_id = 4;
SELECT kindly_stats.detach('other', keep_statistics => true);
CALL kindly_stats.compact();
SELECT * FROM rows WHERE bot_id = 4;
SELECT count FROM kindly_stats.stats_series(4, '2025-01-01', '2025-08-01', 'UTC', 'month');
INSERT INTO other (bot_id, occurred_at, kind, session_id) VALUES (4, '2025-02-10', 'user_message', 'x');
SELECT kindly_stats.forget_kept('other');
DELETE FROM other WHERE session_id = 'x';
SELECT kindly_stats.forget_kept('other');
SELECT count(*) FROM kindly_stats.stats_series(4, '2025-01-01', '2025-08-01', 'UTC', 'month') WHERE count > 0;
CALL kindly_stats.compact();
SELECT * FROM rows WHERE bot_id = 4;
DROP TABLE other;

-- days whose conversations have been purged can be closed no more, and those beside them can
SELECT kindly_stats.create_conversation_table('talk');
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT 4, 'c' || n, timestamptz '2024-05-10 12:00Z' + n * interval '1 month', timestamptz '2024-05-10 13:00Z' + n * interval '1 month' FROM generate_series(0, 3) AS n;
SELECT kindly_stats.purge('talk', '2024-07-01');
CALL kindly_stats.compact();
SELECT * FROM rows WHERE bot_id = 4;
SELECT kindly_stats.close_day(4, '2024-06-10');
SELECT kindly_stats.close_day(4, '2024-06-11'), kindly_stats.close_day(4, '2024-07-10');
SELECT count(*) FROM kindly_stats.verify();

-- a bot that outgrows its row is taken apart, and nothing is lost on the way
DELETE FROM kindly_stats.rollup WHERE kept;
TRUNCATE gone;
INSERT INTO event (bot_id, occurred_at, kind, session_id, source) SELECT 2, timestamptz '2025-05-01Z' + n * interval '3 hours', 'user_message', 's' || n / 3, 'web' FROM generate_series(0, 1999) AS n;
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
CALL kindly_stats.compact();
SELECT spans, mixed FROM rows WHERE bot_id = 2;
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT * FROM ends(2);
-- inline, too
SET kindly_stats.compact_after = 1;
INSERT INTO event (bot_id, occurred_at, kind, session_id, source) SELECT 3, timestamptz '2025-05-01Z' + n * interval '3 hours', 'user_message', 's' || n / 3, 'web' FROM generate_series(0, 1999) AS n;
DO $$ BEGIN FOR i IN 1 .. 40 LOOP INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 3, timestamptz '2025-05-03Z' + i * n * interval '5 days', 'user_message', 'i' || i FROM generate_series(0, 1) AS n; END LOOP; END $$;
SELECT * FROM differences();
SELECT count(*) FROM kindly_stats.verify();
CALL kindly_stats.compact();
SELECT spans FROM rows WHERE bot_id = 3;
SELECT * FROM differences();
SELECT kindly_stats.rebuild();
-- what moved within its quarter hour, in a month of which the row that spans it has nothing else left, beside the month's own row
SET kindly_stats.compact_after = 0;
CREATE PROCEDURE moved(bot bigint, sign integer) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (bot, timestamptz '2025-03-10 10:07:00Z' + sign * interval '2 minutes', 'user_message', 'end');
	UPDATE kindly_stats.rollup SET id = -bot WHERE bot_id = bot;
	FOR n IN -2 .. 4 LOOP
		INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (bot, timestamptz '2025-03-10 15:00Z' - sign * n * interval '45 days', 'user_message', 's' || n);
	END LOOP;
	INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (bot, timestamptz '2025-03-10 12:00Z' + sign * interval '5 days', 'user_message', 'there and back');
	CREATE TABLE moved_ids AS SELECT id FROM kindly_stats.rollup WHERE bot_id = bot;
	UPDATE event SET occurred_at = occurred_at - CASE session_id WHEN 'end' THEN sign * interval '2 minutes' ELSE interval '1 hour' END WHERE bot_id = bot;
	UPDATE event SET occurred_at = occurred_at + interval '1 hour' WHERE bot_id = bot AND session_id <> 'end' AND session_id <> 's-1';
	WITH taken AS (DELETE FROM kindly_stats.rollup WHERE bot_id = bot AND id NOT IN (TABLE moved_ids) RETURNING tally)
	INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, tally) SELECT bot, '', '-infinity', 2305843009213693952 + bot, kindly_stats.sum(tally) FROM taken;
	DROP TABLE moved_ids;
END $$;
CREATE PROCEDURE take_outer(bot bigint) LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz;
BEGIN
	FOR at IN SELECT occurred_at FROM event WHERE bot_id = bot AND CASE bot WHEN 5 THEN occurred_at < '2025-03-10 10:00Z' ELSE occurred_at > '2025-03-10 10:15Z' END LOOP
		DELETE FROM event WHERE bot_id = bot AND occurred_at = at;
	END LOOP;
END $$;
CALL moved(5, 1);
CALL moved(6, -1);
SELECT bot_id, m.month FROM kindly_stats.rollup, kindly_stats.months(tally) AS m (month) WHERE bot_id IN (5, 6) AND id IN (2305843009213693957, 2305843009213693958) ORDER BY 1, 2;
CALL take_outer(5);
CALL take_outer(6);
SELECT near FROM ends(5) UNION ALL SELECT near FROM ends(6);
-- nor is it lost when the row is taken apart, since the bot has much, and taken apart again
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT b, CASE b WHEN 5 THEN timestamptz '2025-11-01Z' ELSE timestamptz '2024-06-01Z' END + n * interval '20 minutes', 'user_message', 'b' || n FROM generate_series(1, 1500) AS n, (VALUES (5), (6)) AS b (b);
CALL kindly_stats.compact();
SELECT near FROM ends(5) UNION ALL SELECT near FROM ends(6);
CALL kindly_stats.compact();
SELECT near FROM ends(5) UNION ALL SELECT near FROM ends(6);
SELECT bot_id, count(*) AS spans FROM kindly_stats.rollup WHERE bot_id IN (5, 6) AND month = '-infinity' GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT exact FROM ends(5) UNION ALL SELECT exact FROM ends(6);
SELECT spans FROM rows WHERE bot_id IN (5, 6);
SELECT kindly_stats.rebuild();

-- events that came and went, and one between them that moved meanwhile: their sum has nothing left, and takes the certainty from what stands beside it
SET kindly_stats.compact_after = 0;
DO $$ BEGIN FOR b IN 11 .. 20 LOOP
	INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (b, '2025-03-10 10:09Z', 'user_message', 'moves'), (b, '2025-03-10 18:05Z', 'user_message', 'moves');
	UPDATE kindly_stats.rollup SET id = -b WHERE bot_id = b;
	INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (b, '2025-03-01Z', 'user_message', 'goes'), (b, '2025-03-20Z', 'user_message', 'goes');
	UPDATE event SET occurred_at = occurred_at + CASE extract(hour FROM occurred_at) WHEN 10 THEN interval '-2 minutes' ELSE interval '2 minutes' END WHERE bot_id = b AND session_id = 'moves';
	-- as an inline compaction does that takes new rows alone
	SET LOCAL kindly_stats.compact_after = 1;
	DELETE FROM event WHERE bot_id = b AND session_id = 'goes';
	SET LOCAL kindly_stats.compact_after = 0;
END LOOP; END $$;
SELECT bool_and(e.near) AS near FROM generate_series(11, 20) AS b, ends(b) AS e;
-- nor where its month stands in rows of single measures
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 21, timestamptz '2025-03-10 10:09Z' + n * interval '15 minutes', 'user_message', 's' || n FROM generate_series(0, 1500) AS n;
CALL kindly_stats.compact(21);
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (21, '2025-03-01Z', 'user_message', 'goes'), (21, '2025-03-30Z', 'user_message', 'goes');
UPDATE event SET occurred_at = occurred_at - interval '2 minutes' WHERE bot_id = 21 AND session_id = 's0';
DELETE FROM event WHERE bot_id = 21 AND session_id = 'goes';
CALL kindly_stats.compact(21);
SELECT near FROM ends(21);
DELETE FROM event WHERE bot_id BETWEEN 11 AND 21;
CALL kindly_stats.compact();
SELECT * FROM rows WHERE bot_id BETWEEN 11 AND 21;
SELECT * FROM kindly_stats.verify();
\c :regression
DROP DATABASE regression_kindly_span;
