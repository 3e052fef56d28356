--
-- Series and totals of many bots, each by itself, beside the same questions asked bot by bot
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_by_bot;
CREATE DATABASE regression_kindly_by_bot;
\c regression_kindly_by_bot
SET client_min_messages = warning;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
-- rows of all kinds: of single measures, mixed ones, new ones, such as span months, and some that take something away
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
SELECT 1 + n % 5, timestamptz '2025-01-01' + n * interval '11 minutes 1 second', (ARRAY['user_message', 'fallback'])[1 + (n % 9 = 0)::int],
       's' || n % 389, 'u' || n % 61, (ARRAY['web', 'app', NULL])[1 + n % 3], (ARRAY['en', 'nb'])[1 + n % 2]
  FROM generate_series(1, 9000) AS n;
DO $$ BEGIN
	FOR n IN 1 .. 60 LOOP
		INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id) VALUES (20 + n % 3, timestamptz '2025-02-27 20:00Z' + n * interval '2 hours', 'user_message', 's' || n, 'u' || n);
	END LOOP;
END $$;
DELETE FROM event WHERE session_id LIKE '%77';
CALL kindly_stats.compact(3);
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('4', 'Four');
-- no event any more
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (30, '2025-02-01', 'user_message', 'gone');
DELETE FROM event WHERE bot_id = 30;

CREATE FUNCTION one_by_one(first text, last text, tz text, granularity text, measure text, bots kindly_stats.bot_id[], sources text[], language_codes text[], key text[])
RETURNS TABLE (bot text, name text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
LANGUAGE sql STABLE AS $$
	SELECT b.id, b.name, s.bucket, s.date, s.count, s.distinct_count, s.is_partial FROM kindly_stats.bots() AS b,
	       kindly_stats.stats_series(b.number::kindly_stats.bot_id, first, last, tz, granularity, measure, sources, language_codes, key) AS s
	 WHERE bots IS NULL OR b.number = ANY (bots::bigint[]) ORDER BY b.id COLLATE "C", s.bucket
$$;
CREATE FUNCTION total_one_by_one(first text, last text, tz text, granularity text, measure text, bots kindly_stats.bot_id[], sources text[], language_codes text[], key text[])
RETURNS TABLE (bot text, name text, count bigint, distinct_count bigint)
LANGUAGE sql STABLE AS $$
	SELECT b.id, b.name, t.count, t.distinct_count FROM kindly_stats.bots() AS b,
	       kindly_stats.stats_total(b.number::kindly_stats.bot_id, first, last, tz, granularity, measure, sources, language_codes, key) AS t
	 WHERE bots IS NULL OR b.number = ANY (bots::bigint[]) ORDER BY t.count DESC, b.id COLLATE "C"
$$;
-- the message of an error, or all rows in their order
CREATE FUNCTION answer(function text, first text, last text, tz text, granularity text, measure text, bots text, sources text[], language_codes text[], key text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(a::text, '' '' ORDER BY a.ordinality) FROM %s($1, $2, $3, $4, $5, %L, $6, $7, $8) WITH ORDINALITY AS a', function, bots)
	   INTO result USING first, last, tz, granularity, measure, sources, language_codes, key;
	RETURN coalesce(result, 'nothing');
EXCEPTION WHEN OTHERS THEN
	RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
CREATE FUNCTION asked_series(text, text, text, text, text, kindly_stats.bot_id[], text[], text[], text[])
RETURNS TABLE (bot text, name text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
LANGUAGE sql STABLE AS 'SELECT * FROM kindly_stats.stats_series_by_bot($1, $2, $3, $4, $5, $6, $7, $8, $9)';
CREATE FUNCTION asked_total(text, text, text, text, text, kindly_stats.bot_id[], text[], text[], text[])
RETURNS TABLE (bot text, name text, count bigint, distinct_count bigint)
LANGUAGE sql STABLE AS 'SELECT * FROM kindly_stats.stats_total_by_bot($1, $2, $3, $4, $5, $6, $7, $8, $9)';

CREATE TABLE question AS
SELECT r.first, r.last, z.tz, r.granularity, m.measure, b.bots, f.sources, f.language_codes, k.key
  FROM (VALUES ('2025-01-01', '2025-03-12', 'day'), ('2025-02-01', '2025-02-01', 'day'), ('2025-02-01', '2025-01-01', 'day'), ('2024-06-01', '2026-01-01', 'month'),
               ('2025-02-28', '2025-03-02', 'hour'), (NULL, NULL, 'day'), ('2025-01-06', '2025-02-03', 'week'), ('0001-01-01', '0003-01-01', 'year'),
               ('-infinity', 'infinity', 'year'), ('2025-01-01', NULL, 'day'), ('2025-01-01', '2025-02-01', NULL), ('2025-01-01', '2025-02-01', 'fortnight'),
               ('2025-01-01', '2025-02-01', 'hour')) AS r (first, last, granularity),
       (VALUES ('UTC'), ('Asia/Kathmandu'), ('Europe/Oslo'), (NULL), ('+00:07'), ('Nowhere')) AS z (tz),
       (VALUES ('messages'), ('users'), ('fallbacks'), ('none'), ('events'), (NULL)) AS m (measure),
       (VALUES (NULL), ('{99}'), ('{3,1,3,99}'), ('{22,30}'), ('{30}')) AS b (bots),
       (VALUES (NULL::text[], NULL::text[]), ('{web}', NULL), (NULL, '{nb,sv}'), ('{app,NULL}', '{en}'), ('{}', NULL)) AS f (sources, language_codes),
       (VALUES (NULL::text[]), ('{a,b,c,d,e}')) AS k (key);
-- where there are no bots, arguments are looked at nevertheless
DELETE FROM question WHERE bots = '{99}' AND (measure IS NOT NULL OR key IS NOT NULL);
-- some of all of them, which are not the same ones each time
CREATE FUNCTION differences(questions integer) RETURNS TABLE (function text, question text, asked text, alone text) LANGUAGE sql AS $$
	SELECT f.function, q::text, left(s.asked, 200), left(s.alone, 200)
	  FROM (SELECT * FROM question ORDER BY random() LIMIT questions) AS q,
	       (VALUES ('asked_series', 'one_by_one'), ('asked_total', 'total_one_by_one')) AS f (function, other),
	       LATERAL (SELECT answer(f.function, q.first, q.last, q.tz, q.granularity, q.measure, q.bots, q.sources, q.language_codes, q.key) AS asked,
	                       answer(f.other, q.first, q.last, q.tz, q.granularity, q.measure, q.bots, q.sources, q.language_codes, q.key) AS alone OFFSET 0) AS s
	 WHERE s.asked <> s.alone AND (s.alone <> 'nothing' OR s.asked NOT LIKE '22%') LIMIT 3
$$;
SELECT * FROM differences(150);
SELECT count(*) FROM kindly_stats.stats_total_by_bot('2025-01-01', '2025-02-01', bots => '{1,NULL}');
SELECT count(*) FROM kindly_stats.stats_total_by_bot('2025-01-01', '2025-02-01', bots => '{}');
-- a bucket is a row, which is not kept in memory for each
SELECT kindly_stats.create_event_table('many');
INSERT INTO many (bot_id, occurred_at, kind, session_id) SELECT 1000 + n, timestamptz '2025-01-01' + n * interval '1 hour', 'user_message', 's' FROM generate_series(1, 400) AS n;
BEGIN;
DECLARE rows CURSOR FOR SELECT b.bot FROM kindly_stats.stats_series_by_bot('2025-01-01', '2025-02-10', 'UTC', 'hour') AS b;
FETCH rows;
SELECT sum(used_bytes) < 1000000 AS few FROM pg_backend_memory_contexts WHERE name = 'ExprContext';
COMMIT;
DELETE FROM many;
-- who sees some bots has those alone, whatever he asks for
SELECT FROM kindly_stats.enable_row_security();
CREATE ROLE regress_ks_by_bot;
CREATE ROLE regress_ks_by_bot_tables;
CREATE ROLE regress_ks_by_bot_nobody;
GRANT SELECT ON question TO PUBLIC;
SELECT FROM kindly_stats.grant_bot('regress_ks_by_bot', 3);
SELECT FROM kindly_stats.grant_bot('regress_ks_by_bot', 22);
SELECT FROM kindly_stats.grant_bot('regress_ks_by_bot_tables', 3, true);
SET ROLE regress_ks_by_bot;
SELECT * FROM differences(25);
SELECT bot FROM kindly_stats.stats_total_by_bot('2025-01-01', '2025-06-01');
SET ROLE regress_ks_by_bot_tables;
SELECT * FROM differences(25);
SELECT bot FROM kindly_stats.stats_total_by_bot('2025-01-01', '2025-06-01');
SET ROLE regress_ks_by_bot_nobody;
SELECT bot FROM kindly_stats.stats_total_by_bot('2025-01-01', '2025-06-01');
RESET ROLE;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_by_bot;
DROP ROLE regress_ks_by_bot, regress_ks_by_bot_tables, regress_ks_by_bot_nobody;
