--
-- Series and totals of many bots together, beside plain SQL over the events
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_across_bots;
CREATE DATABASE regression_kindly_across_bots;
\c regression_kindly_across_bots
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
-- members who are members of several bots, in rows of all kinds: months with much and little, new ones, and some that take something away
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
SELECT 1 + n % 7, timestamptz '2025-01-01' + n * interval '11 minutes 1 second', 'user_message', 's' || n % 389, 'u' || n % 61, (ARRAY['web', 'app', NULL])[1 + n % 3], (ARRAY['en', 'nb'])[1 + n % 2]
  FROM generate_series(1, 12000) AS n;
DO $$ BEGIN
	FOR n IN 1 .. 40 LOOP
		INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id) VALUES (20 + n % 3, timestamptz '2025-02-28 20:00Z' + n * interval '20 minutes', 'user_message', 's' || n, 'u' || n);
	END LOOP;
END $$;
DELETE FROM event WHERE session_id LIKE '%77';
CALL kindly_stats.compact(3);

-- what the difference is, if there is one
CREATE FUNCTION differences(first text, last text, zone text, unit text, bots bigint[], sources text[] DEFAULT NULL) RETURNS TABLE (side text, bucket timestamptz, count bigint, distinct_count bigint)
LANGUAGE sql AS $$
	WITH asked AS (
		SELECT s.bucket, s.count, s.distinct_count FROM kindly_stats.stats_series_across_bots(first, last, zone, unit, 'messages', bots::text[]::kindly_stats.bot_id[], sources) AS s),
	counted AS (
		SELECT a.bucket, count(e.*), count(DISTINCT e.session_id)
		  FROM (SELECT s.bucket, lead(s.bucket) OVER (ORDER BY s.bucket) AS next FROM asked AS s) AS a
		  LEFT JOIN event AS e ON e.kind = 'user_message' AND e.occurred_at >= a.bucket AND e.occurred_at < coalesce(a.next, (SELECT t.bucket FROM kindly_stats.stats_series(1, last, last, zone, unit) AS t), kindly_stats.moment(last)::timestamptz)
		   AND (bots IS NULL OR e.bot_id = ANY (bots)) AND (sources IS NULL OR e.source = ANY (sources))
		 GROUP BY 1)
	(SELECT 'asked', * FROM asked EXCEPT ALL SELECT 'asked', * FROM counted) UNION ALL (SELECT 'counted', * FROM counted EXCEPT ALL SELECT 'counted', * FROM asked)
$$;
