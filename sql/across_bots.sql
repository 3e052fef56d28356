--
-- Series and totals of many bots together, beside plain SQL over the events
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_across_bots;
CREATE DATABASE regression_kindly_across_bots;
\c regression_kindly_across_bots
SET client_min_messages = warning;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
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
	edge AS (
		SELECT e.at, lead(e.at) OVER (ORDER BY e.at) AS next FROM unnest(kindly_stats.edges(first, last, zone, unit)) AS e (at)),
	counted AS (
		SELECT x.at, count(e.*), count(DISTINCT e.session_id)
		  FROM edge AS x LEFT JOIN event AS e ON e.kind = 'user_message' AND e.occurred_at >= x.at AND e.occurred_at < x.next
		   AND (bots IS NULL OR e.bot_id = ANY (bots)) AND (sources IS NULL OR e.source = ANY (sources))
		 WHERE x.next IS NOT NULL GROUP BY 1)
	(SELECT 'asked', * FROM asked EXCEPT ALL SELECT 'asked', * FROM counted) UNION ALL (SELECT 'counted', * FROM counted EXCEPT ALL SELECT 'counted', * FROM asked)
$$;
SELECT d.* FROM differences('2025-01-01', '2025-04-01', 'UTC', 'day', NULL) AS d LIMIT 5;
SELECT d.* FROM differences('2024-12-30', '2025-03-31', 'Asia/Kolkata', 'week', '{1,3,21,99}') AS d LIMIT 5;
SELECT d.* FROM differences('2025-02-01', '2025-03-01', 'Europe/Oslo', 'hour', '{2,20}', '{web}') AS d LIMIT 5;
SELECT d.* FROM differences('2024-01-01', '2026-01-01', 'America/St_Johns', 'month', '{}') AS d LIMIT 5;
SELECT t.count = (SELECT count(*) FROM event WHERE kind = 'user_message') AS count, t.distinct_count = (SELECT count(DISTINCT session_id) FROM event WHERE kind = 'user_message') AS members
  FROM kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01') AS t;
SELECT t.distinct_count = (SELECT count(DISTINCT user_id) FROM event WHERE bot_id IN (1, 2) AND language_code = 'nb') AS members
  FROM kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01', measure => 'users', bots => '{1,2}', language_codes => '{nb}') AS t;
-- of one bot it is what that bot has
SELECT count(*) AS buckets, count(*) FILTER (WHERE s = t) AS same FROM kindly_stats.stats_series_across_bots('2025-01-01', '2025-04-01', bots => '{4}') AS s
  JOIN kindly_stats.stats_series(4, '2025-01-01', '2025-04-01') AS t USING (bucket);
-- an edge within a quarter hour that has events is refused, as it is of one bot
SELECT count FROM kindly_stats.stats_total_across_bots('2025-01-02 03:07Z', '2025-01-02 09:00Z', '+00:07', 'hour');
SELECT count FROM kindly_stats.stats_total_across_bots('2025-01-01', '2025-02-01', measure => 'none');
SELECT count FROM kindly_stats.stats_total_across_bots('2025-01-01', '2025-02-01', bots => '{1,NULL}');
SELECT count FROM kindly_stats.stats_total_across_bots('2025-01-01', '2025-02-01', key => '{a,b}');
SELECT count FROM kindly_stats.stats_total_across_bots(NULL, '2025-02-01');
-- who sees some bots has those alone, whatever he asks for
SELECT FROM kindly_stats.enable_row_security();
CREATE ROLE regress_ks_across;
CREATE ROLE regress_ks_across_tables;
SELECT FROM kindly_stats.grant_bot('regress_ks_across', 1);
SELECT FROM kindly_stats.grant_bot('regress_ks_across', 2);
SELECT FROM kindly_stats.grant_bot('regress_ks_across_tables', 1, true);
SELECT FROM kindly_stats.grant_bot('regress_ks_across_tables', 2, true);
CREATE TABLE expected AS SELECT count(*) FILTER (WHERE bot_id IN (1, 2)) AS both, count(*) FILTER (WHERE bot_id = 2) AS second FROM event WHERE kind = 'user_message';
GRANT SELECT ON expected TO PUBLIC;
SET ROLE regress_ks_across;
SELECT a.count = x.both AS "all", b.count = x.second AS some, c.count AS others FROM expected AS x, kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01') AS a,
	kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01', bots => '{2,3}') AS b, kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01', bots => '{3}') AS c;
SET ROLE regress_ks_across_tables;
SELECT a.count = x.both AS "all", b.count = x.second AS some, c.count AS others FROM expected AS x, kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01') AS a,
	kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01', bots => '{2,3}') AS b, kindly_stats.stats_total_across_bots('2025-01-01', '2025-06-01', bots => '{3}') AS c;
RESET ROLE;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_across_bots;
DROP ROLE regress_ks_across, regress_ks_across_tables;
