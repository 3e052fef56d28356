-- Tallies in TOAST: stretches are fetched page by page, and by PostgreSQL where they are compressed.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS kindly_stats;
BEGIN;
SELECT kindly_stats.create_event_table('visited') \g /dev/null
CREATE FUNCTION pg_temp.visit() RETURNS void LANGUAGE sql AS $$
	INSERT INTO visited (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path)
	SELECT 77, timestamptz '2024-01-01 00:00Z' + n * interval '17 minutes', 'user_message', 'session ' || n / 4, 'user ' || n % 900,
		(ARRAY['web', 'app'])[1 + n % 2], 'en', 'www.example.com', '/' || repeat('a long way ', 20) || n % 97
	FROM generate_series(1, 20000) AS n
$$;
CREATE FUNCTION pg_temp.asked() RETURNS TABLE (question text, answer text) LANGUAGE sql AS $$
	SELECT 'pages', md5(string_agg(t::text, ';' ORDER BY t::text)) FROM kindly_stats.stats_total_by(77, '2024-01-01', '2024-08-25', 'UTC', 'web_path', measure => 'pages') AS t
	UNION ALL SELECT 'days', md5(string_agg(s::text, ';' ORDER BY s::text)) FROM kindly_stats.stats_series(77, '2024-01-01', '2024-08-25', 'Europe/Oslo') AS s
	UNION ALL SELECT 'filtered', md5(string_agg(s::text, ';' ORDER BY s::text)) FROM kindly_stats.stats_series(77, '2024-01-01', '2024-08-25', 'Europe/Oslo', sources => ARRAY['web']) AS s
	UNION ALL SELECT 'users', string_agg(format('%s: %s of %s', value, count, distinct_count), ', ' ORDER BY value) FROM kindly_stats.stats_total_by(77, '2024-01-01', '2024-08-25', 'UTC', measure => 'users')
$$;
SELECT pg_temp.visit();
CREATE TEMP TABLE plain AS SELECT * FROM pg_temp.asked();
SELECT * FROM plain WHERE question = 'users';
SELECT value, distinct_count = (SELECT count(DISTINCT session_id) FROM visited WHERE web_path = value AND occurred_at < '2024-08-25Z') AS "right"
FROM kindly_stats.stats_total_by(77, '2024-01-01', '2024-08-25', 'UTC', 'web_path', measure => 'pages') WHERE value LIKE '% 7' ORDER BY value COLLATE "C";
SELECT count(*) > 0 AS "in TOAST", count(pg_column_compression(tally)) AS compressed FROM kindly_stats.rollup WHERE bot_id = 77 AND pg_column_size(tally) > 8000;

-- the same, compressed
SELECT kindly_stats.detach('visited') \g /dev/null
ALTER TABLE kindly_stats.rollup ALTER tally SET STORAGE EXTENDED;
SELECT kindly_stats.attach('visited') \g /dev/null
SELECT count(pg_column_compression(tally)) > 0 AS compressed FROM kindly_stats.rollup WHERE bot_id = 77 AND pg_column_size(tally) > 3000;
SELECT question, p.answer = a.answer AS same FROM plain AS p FULL JOIN pg_temp.asked() AS a USING (question) ORDER BY question COLLATE "C";
ROLLBACK;
