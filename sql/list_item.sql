--
-- Names of every kind, there and back: each option, passed back, is the value that it stands for
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_names;
CREATE DATABASE regression_kindly_names;
\c regression_kindly_names
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('public.event');
SELECT kindly_stats.create_conversation_table('public.conversation');
SELECT count(*) > 0 AS enabled FROM kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();

-- What is counted of a name: 2,000 bytes, cut at a character.
CREATE FUNCTION pg_temp.counted(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	WHILE octet_length(name) > 2000 LOOP
		name := left(name, -1);
	END LOOP;
	RETURN name;
END $$;
-- The value that an item of a list includes.
CREATE FUNCTION pg_temp.meant(item text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT CASE WHEN item LIKE '\\%' THEN substr(item, 2) ELSE item END $$;
CREATE FUNCTION pg_temp.encoded(value text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
SELECT coalesce(string_agg('%' || upper(lpad(to_hex(get_byte(b, n)), 2, '0')), '' ORDER BY n), '') FROM convert_to(value, 'UTF8') AS b, generate_series(0, length(b) - 1) AS n
$$;

-- names put together of what may mean something to somebody, and some that are as long as names may be, or longer
CREATE TEMP TABLE piece AS SELECT * FROM unnest(ARRAY['-', '-', '\', '\', '--', '\\', '-\', '\-', ',', '"', '''', '{', '}', '[', ']', '[]', ' ', E'\t', E'\n', E'\r', E'\x01', E'\x7f', '%', '%2C', '+', '&',
	'=', '#', '?', '/', ';', '$', 'NULL', 'null', 'web', 'test', 'u0000', '\u0041', 'ø', '日本', '😀', E'\u0301', '<b>', '(empty)']) WITH ORDINALITY AS p (text, n);
CREATE TEMP TABLE name AS
SELECT name, row_number() OVER (ORDER BY name COLLATE "C") AS n FROM (
	SELECT DISTINCT coalesce((SELECT string_agg(text, '' ORDER BY k) FROM generate_series(1, i % 5) AS k, LATERAL (SELECT p.text FROM piece AS p
			WHERE p.n = 1 + abs(hashtext(i || ' ' || k)::bigint) % (SELECT count(*) FROM piece)) AS p), '') AS name FROM generate_series(0, 600) AS i
	UNION SELECT text FROM piece
	UNION SELECT repeat(c, times) || tail FROM unnest(ARRAY['x', 'ø', '日', '\', '-']) AS c, unnest(ARRAY[666, 667, 999, 1000, 1001, 1999, 2000, 2001]) AS times, unnest(ARRAY['', 'x']) AS tail
	UNION SELECT start || repeat('x', length) FROM unnest(ARRAY['-', '\', '-\']) AS start, unnest(ARRAY[1997, 1998, 1999, 2000, 2001]) AS length) AS made;
INSERT INTO event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 7, timestamptz '2024-01-01 00:00Z' + k * interval '1 minute', 'user_message', n || ' ' || k, name, name FROM name, generate_series(1, 1 + n % 5) AS k
UNION ALL SELECT 7, '2024-01-01 12:00Z', 'user_message', 'none ' || k, NULL, NULL FROM generate_series(1, 11) AS k;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, bot_messages_count)
SELECT 7, n || ' ' || k, '2024-01-01 00:00Z', '2024-01-01 00:10Z', name, 1 FROM name, generate_series(1, 1 + n % 5) AS k;
CREATE TEMP TABLE expected AS SELECT pg_temp.counted(name) AS value, sum(1 + n % 5)::bigint AS count FROM name GROUP BY 1;
CREATE TEMP TABLE option AS
SELECT n, item, pg_temp.meant(item) AS value, e.count, sum(e.count) OVER () + 11 AS total
FROM kindly_stats.stats_options(7), unnest(sources) WITH ORDINALITY AS o (item, n) LEFT JOIN expected AS e ON e.value = pg_temp.meant(item);
SELECT count(*) > 400 AS many_names, count(*) FILTER (WHERE octet_length(value) > 1997) > 10 AS long_ones FROM expected;
SELECT count(*) FILTER (WHERE o.item IS NULL) AS missing, count(*) FILTER (WHERE e.value IS NULL) AS unknown FROM expected AS e FULL JOIN option AS o USING (value);
SELECT item FROM option WHERE length(value) < 3 AND value ~ '^[-\\]?[-\\]?$' ORDER BY item COLLATE "C";
-- options are the same to all who list them
SELECT (SELECT array_agg(item ORDER BY n) FROM option) = sources AND sources = language_codes AS same,
	sources = ARRAY(SELECT json_array_elements_text(sage.meta_options(7) -> 'data' -> 'sources')) AND language_codes = ARRAY(SELECT json_array_elements_text(sage.meta_options(7) -> 'data' -> 'language_codes')) AS to_sage
FROM kindly_stats.stats_options(7);

-- as arrays
SELECT item FROM option WHERE count IS DISTINCT FROM (SELECT t.count FROM kindly_stats.stats_total(7, '2024-01-01', '2024-01-02', sources => ARRAY[item]) AS t)
	OR total - count IS DISTINCT FROM (SELECT t.count FROM kindly_stats.stats_total(7, '2024-01-01', '2024-01-02', language_codes => ARRAY['-' || item]) AS t);
-- all of them at once; nothing names what has no value, and nothing leaves it out
SELECT (SELECT t.count = (SELECT sum(e.count) FROM expected AS e) FROM kindly_stats.stats_total(7, '2024-01-01', '2024-01-02', sources => array_agg(item)) AS t) AS all_named,
	(SELECT t.count FROM kindly_stats.stats_total(7, '2024-01-01', '2024-01-02', sources => array_agg('-' || item)) AS t) AS unnamed FROM option;
-- as text: JSON, array literals, and values between commas where they can stand there
CREATE FUNCTION pg_temp.messages(list text) RETURNS bigint STABLE LANGUAGE sql AS $$
SELECT (sage.sessions_messages(7, '2024-01-01', '2024-01-02', sources => list) #>> '{data,0,count}')::bigint $$;
SELECT item FROM option WHERE count IS DISTINCT FROM pg_temp.messages(json_build_array(item)::text) OR total - count IS DISTINCT FROM pg_temp.messages(json_build_array('-' || item)::text)
	OR count IS DISTINCT FROM pg_temp.messages(ARRAY[item]::text) OR total - count IS DISTINCT FROM pg_temp.messages(ARRAY['-' || item]::text);
SELECT count(*) > 200 AS many, count(*) FILTER (WHERE count <> pg_temp.messages(item) OR total - count <> pg_temp.messages('-' || item)) AS wrong
FROM option WHERE item !~ '^[][{} \t\n\r]' AND item !~ '[ \t\n\r]$' AND item !~ ',';
-- behind a backslash anything can stand there but commas, and blanks at the end
SELECT count(*) > 200 AS many, count(*) FILTER (WHERE count <> pg_temp.messages('\' || value) OR total - count <> pg_temp.messages('-\' || value)) AS wrong
FROM option WHERE value !~ '[ \t\n\r]$' AND value !~ ',';
SELECT item FROM option WHERE count IS DISTINCT FROM (chatbot_com.conversations_messages(7, '2024-01-01', '2024-01-02', source => json_build_array(item)::text) #>> '{summary,total}')::bigint
	OR total - 11 - count IS DISTINCT FROM (SELECT total_conversations FROM ultimate.metrics(7, '2024-01-01', '2024-01-02', languages => json_build_array('-' || item)::text));
-- and in URLs
CREATE FUNCTION pg_temp.get(url text) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.method', 'GET', true), set_config('request.headers', json_build_object('host', 'localhost', 'x-original-uri', url)::text, true),
			set_config('request.jwt.claims', '{"bot":7,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}', true);
	RETURN kindly_api.request()::json;
END $$;
GRANT SELECT ON option TO kindly_api_user;
SET ROLE kindly_api_user;
SELECT item FROM option WHERE count IS DISTINCT FROM (pg_temp.get('/api/v1/stats/bot/7/sessions/messages?from=2024-01-01&to=2024-01-02&sources[]=' || pg_temp.encoded(item)) #>> '{data,0,count}')::bigint;
SELECT item FROM option WHERE total - count IS DISTINCT FROM (pg_temp.get('/api/v1/stats/bot/7/sessions/messages?from=2024-01-01&to=2024-01-02&language_codes%5B%5D=-' || pg_temp.encoded(item)) #>> '{data,0,count}')::bigint;
SELECT ARRAY(SELECT json_array_elements_text(pg_temp.get('/api/v1/stats/bot/7/meta/options') -> 'data' -> 'sources')) = array_agg(item ORDER BY n) AS the_same_options FROM option;
RESET ROLE;

-- an item is no value without something behind the minus or the backslash that says so; the same value by two names is one
CREATE FUNCTION pg_temp.failure(sources text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	RETURN (SELECT count FROM kindly_stats.stats_total(7, '2024-01-01', '2024-01-02', sources => sources));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;
SELECT sources, pg_temp.failure(sources) FROM (VALUES (ARRAY['']), (ARRAY['-']), (ARRAY['web', '-']), (ARRAY['\', '-\']), (ARRAY['web', '-\web']), (ARRAY['\-test', '--test']), (ARRAY['\web', 'web'])) AS s (sources);
SELECT count FROM expected WHERE value = 'web';

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_names;
-- they may serve other databases of the cluster
DO $$ BEGIN DROP ROLE kindly_api_authenticator, kindly_api_anonymous, kindly_api_user, kindly_api_guest; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
