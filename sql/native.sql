--
-- kindly_api's typed functions: those of kindly_stats, for the bot of the token
--
SET timezone = 'UTC';
SET client_min_messages = warning;
\pset format unaligned
-- a database of its own: other tests have their own roles' rights
CREATE DATABASE regression_kindly_native;
\c regression_kindly_native
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;

CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;

SELECT kindly_stats.create_event_table('native_event');
INSERT INTO native_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path, button_id, is_fallback)
SELECT bot, timestamptz '2024-09-20 06:00Z' + n * interval '3 hours 7 minutes', (ARRAY['user_message', 'bot_reply', 'button_click'])[1 + n % 3], 's' || n / 3 % 60, 'u' || n % 23,
	(ARRAY['web', 'app', NULL])[1 + n % 4 % 3], (ARRAY['nb', 'nb_NO', 'en'])[1 + n / 2 % 3], 'h', '/' || n % 5, 'b' || n % 4, n % 7 = 0
FROM generate_series(5201, 5202) AS bot, generate_series(1, 600) AS n;
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();

-- The arguments that each of them is called with, but for bot.
CREATE TEMPORARY TABLE common (name text, value text);
INSERT INTO common VALUES ('from', '''2024-10-01'''), ('to', '''2024-11-20'''), ('tz', '''Europe/Oslo'''), ('granularity', '''week'''), ('locale', '''nb-NO'''), ('sources', '''{-app}'''),
	('language_codes', '''{nb,nb_NO}'''), ('compare', '''previous_year_weekday'''), ('by', '''language_code'''), ('measures', '''{messages,pages}'''), ('name', '''lastMonth'''), ('now', '''2024-11-20Z'''),
	('style', '''short'''), ('title', '''T'''), ('kind', '''heatmap'''), ('top', '3'), ('limit', '3');
CREATE TEMPORARY TABLE wrapper AS
SELECT a.oid, a.proname AS name, a.proargnames[1:a.pronargs] @> '{bot}' AS of_bot,
	(SELECT string_agg(format('%I => %s', c.name, c.value), ', ') FROM common AS c WHERE c.name = ANY (a.proargnames[1:a.pronargs]) AND NOT (a.proname = 'languages' AND c.name = 'by')) AS passed,
	(SELECT string_agg(format('%I => %s', replace(c.name, 'top', 'limit'), c.value), ', ') FROM common AS c WHERE c.name = ANY (a.proargnames[1:a.pronargs]) AND NOT (a.proname = 'languages' AND c.name = 'by')) AS typed,
	CASE a.proname WHEN 'svg' THEN 'stats_svg' ELSE a.proname END AS source
FROM pg_proc AS a WHERE a.pronamespace = 'kindly_api'::regnamespace AND a.prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql') AND a.proname NOT IN ('buckets');
GRANT SELECT ON wrapper TO kindly_api_user;
SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM wrapper;
-- The arguments and columns of the two are the same.
SELECT w.name FROM wrapper AS w, pg_proc AS a, pg_proc AS s
WHERE a.oid = w.oid AND s.pronamespace = 'kindly_stats'::regnamespace AND s.proname = w.source AND s.prokind = 'f'
	AND (replace(array_to_string(a.proargnames, ' ')||' ', ' top ', ' limit ') <> array_to_string(s.proargnames, ' ')||' ' OR a.proargtypes <> s.proargtypes OR pg_get_function_result(a.oid) <> pg_get_function_result(s.oid));

CREATE FUNCTION pg_temp.answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(a::text, E''\n'') FROM %s AS a', query) INTO result;
	RETURN result;
END $$;
-- what each answers to its bot's token is what kindly_stats says of the bot; another bot is refused, and so is nobody's token
SET ROLE kindly_api_user;
SELECT set_config('request.jwt.claims', '{"bot":5201,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}', false) IS NULL AS claimed;
SELECT w.name, length(a.wrapped) > 4 AS answers, a.wrapped = a.typed AS same, w.of_bot, CASE WHEN w.of_bot THEN pg_temp.failure(format('SELECT count(*) FROM kindly_api.%I(5202%s)', w.name, ', ' || w.passed)) END AS other
FROM wrapper AS w, LATERAL (SELECT pg_temp.answer(format('kindly_api.%I(%s)', w.name, w.passed)), pg_temp.answer(format('kindly_stats.%I(%s)', w.source, concat_ws(', ', CASE WHEN w.of_bot THEN 'bot => 5201' END, w.typed)))) AS a (wrapped, typed)
ORDER BY w.name COLLATE "C";
SELECT set_config('request.jwt.claims', '', false) IS NULL AS claimed;
SELECT w.name, pg_temp.failure(format('SELECT count(*) FROM kindly_api.%I(%s)', w.name, w.passed)) FROM wrapper AS w WHERE w.of_bot ORDER BY w.name COLLATE "C";
RESET ROLE;

-- labels stand beside the buckets that a series has
SELECT b.label, b.is_partial, s.date = b.date AS same FROM kindly_api.buckets('2024-10-01', '2024-10-20', 'Europe/Oslo', 'week', 'nb-NO') AS b
JOIN kindly_stats.stats_series(5201, '2024-10-01', '2024-10-20', 'Europe/Oslo', 'week', locale => 'nb-NO') AS s USING (bucket) ORDER BY b.bucket;
SELECT string_agg(label, ' ' ORDER BY bucket) FROM kindly_api.buckets('2024-10-01', '2024-10-04', 'UTC', style => NULL);
SELECT string_agg(label, ' ' ORDER BY bucket) FROM kindly_api.buckets('2024-10-01', '2024-12-04', 'UTC', 'month', style => 'short');
SELECT pg_temp.failure('SELECT count(*) FROM kindly_api.buckets()'), pg_temp.failure($$SELECT label FROM kindly_api.buckets('2024-10-01', '2024-12-04', style => 'tall')$$);

-- weekdays in the order of the locale's week
SELECT l, string_agg(day::text, ' ' ORDER BY place) AS days, string_agg(name, ' ' ORDER BY place) FILTER (WHERE l !~ '^ar') AS names
FROM unnest('{nb-NO,en-US,ar-EG,de-DE-u-fw-sun,de-DE-u-ca-iso8601,NULL}'::text[]) AS l, kindly_stats.weekdays(l) GROUP BY l ORDER BY l COLLATE "C";
SELECT string_agg(name, ' ' ORDER BY place) FROM kindly_stats.weekdays(style => 'SHORT');
SELECT pg_temp.failure($$SELECT kindly_stats.weekdays('xx-YY')$$), pg_temp.failure($$SELECT kindly_stats.weekdays(style => 'tall')$$);
SELECT l, (SELECT array_agg(t[1]) FROM regexp_matches(kindly_stats.stats_svg(5201, '2024-10-01', '2024-11-01', locale => l, kind => 'heatmap'), 'text-anchor="end">([^<]*)<', 'g') AS t)
	= (SELECT array_agg(w.name ORDER BY w.place) FROM kindly_stats.weekdays(l, 'short') AS w) AS named,
	substring(kindly_stats.stats_svg(5201, '2024-10-01', '2024-10-02', 'UTC', locale => l, kind => 'heatmap') FROM '<g><rect[^>]*/><rect[^>]*y="([0-9.]*)"') AS first_row_with_any
FROM unnest('{nb-NO,en-US,NULL}'::text[]) AS l;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_native;
-- they may serve other databases of the cluster
DO $$ BEGIN DROP ROLE kindly_api_authenticator, kindly_api_anonymous, kindly_api_user, kindly_api_guest; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
