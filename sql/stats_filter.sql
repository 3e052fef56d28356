--
-- Filters of the typed functions: sources, language codes, keys
--
SET timezone = 'Europe/Oslo';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

CREATE FUNCTION pg_temp.differences(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) AS d', a, b) INTO result;
	RETURN result;
END $$;

CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;

SELECT kindly_stats.create_event_table('stats_filter_event');
INSERT INTO stats_filter_event (bot_id, occurred_at, kind, session_id, source, language_code, button_id, button_type)
SELECT 3031, timestamptz '2019-07-01 00:00Z' + n * interval '11 minutes', (ARRAY['user_message', 'button_click'])[1 + n % 2], (n * 31 % 97)::text,
	(ARRAY['web', 'app', 'test', NULL, '', '-test', 'Blåbær', 'a,b', '{x}', 'we'])[1 + n / 3 % 10], (ARRAY['en', 'nb', NULL, 'nb-NO'])[1 + n / 7 % 4],
	(ARRAY['b1', 'b2', NULL, ''])[1 + n / 5 % 4], (ARRAY['link', NULL])[1 + n / 11 % 2]
FROM generate_series(1, 2000) AS n;

-- both counts of a range, against plain SQL
CREATE FUNCTION pg_temp.check_filter(sources text[], languages text[], key text[], filter text) RETURNS bigint LANGUAGE sql AS $$
SELECT sum(pg_temp.differences(
	format('SELECT date, count, distinct_count FROM kindly_stats.stats_series(3031, ''2019-07-01'', ''2019-07-20'', ''UTC'', ''week'', %L, %L, %L, %L) WHERE count <> 0', measure, sources, languages, key),
	format('SELECT date_trunc(''week'', occurred_at AT TIME ZONE ''UTC''), count(*), CASE WHEN %2$L = ''messages'' THEN count(DISTINCT session_id) ELSE 0 END FROM stats_filter_event WHERE bot_id = 3031 AND kind = %1$L'
		' AND CASE WHEN %2$L = ''buttons'' THEN button_id IS NOT NULL OR button_type IS NOT NULL ELSE true END'
		' AND occurred_at < ''2019-07-20 00:00Z'' AND %3$s GROUP BY 1', kind, measure, filter)))
FROM (VALUES ('messages', 'user_message'), ('buttons', 'button_click')) AS m (measure, kind) WHERE key IS NULL OR measure = 'buttons'
$$;
CREATE FUNCTION pg_temp.check_all() RETURNS TABLE (sources text[], languages text[], key text[], differences bigint) LANGUAGE sql AS $$
SELECT sources::text[], languages::text[], key::text[], pg_temp.check_filter(sources::text[], languages::text[], key::text[], filter) FROM (VALUES
	('{web}', NULL, NULL, $q$source = 'web'$q$), ('{web,app}', NULL, NULL, $q$source IN ('web', 'app')$q$), ('{web,web}', NULL, NULL, $q$source = 'web'$q$),
	('{we}', NULL, NULL, $q$source = 'we'$q$), ('{WEB}', NULL, NULL, 'false'), ('{"web "}', NULL, NULL, 'false'), ('{"a,b"}', NULL, NULL, $q$source = 'a,b'$q$),
	('{"{x}"}', NULL, NULL, $q$source = '{x}'$q$), ('{Blåbær}', NULL, NULL, $q$source = 'Blåbær'$q$), ('{-Blåbær}', NULL, NULL, $q$source IS DISTINCT FROM 'Blåbær'$q$),
	-- without a source an event passes exclusion, never inclusion
	('{-test}', NULL, NULL, $q$source IS DISTINCT FROM 'test'$q$), ('{-test,-web}', NULL, NULL, $q$(source IS NULL OR source NOT IN ('test', 'web'))$q$),
	('{--test}', NULL, NULL, $q$source IS DISTINCT FROM '-test'$q$),
	-- a backslash takes what follows as it is
	('{"\\-test"}', NULL, NULL, $q$source = '-test'$q$), ('{"-\\-test"}', NULL, NULL, $q$source IS DISTINCT FROM '-test'$q$), ('{"\\"}', NULL, NULL, $q$source = ''$q$),
	('{"-\\"}', NULL, NULL, $q$source IS DISTINCT FROM ''$q$), ('{"\\web","\\-test","-\\test"}', NULL, NULL, $q$source IN ('web', '-test')$q$), ('{"\\\\"}', NULL, NULL, 'false'),
	 ('{-nowhere}', NULL, NULL, 'true'), ('{web,-test}', NULL, NULL, $q$source = 'web'$q$),
	('{{web,app},{test,we}}', NULL, NULL, $q$source IN ('web', 'app', 'test', 'we')$q$), ('[-3:-2]={web,app}', NULL, NULL, $q$source IN ('web', 'app')$q$),
	(NULL, '{nb}', NULL, $q$language_code = 'nb'$q$), (NULL, '{nb-NO,en}', NULL, $q$language_code IN ('nb-NO', 'en')$q$),
	(NULL, '{-nb}', NULL, $q$language_code IS DISTINCT FROM 'nb'$q$), (NULL, '{-nb-NO}', NULL, $q$language_code IS DISTINCT FROM 'nb-NO'$q$),
	('{web,app}', '{-nb}', NULL, $q$source IN ('web', 'app') AND language_code IS DISTINCT FROM 'nb'$q$),
	('{-web}', '{en}', NULL, $q$source IS DISTINCT FROM 'web' AND language_code = 'en'$q$), ('{en}', '{web}', NULL, 'false'),
	(NULL, NULL, '{b1}', $q$button_id = 'b1'$q$), (NULL, NULL, '{""}', $q$button_id = ''$q$), (NULL, NULL, '{NULL,link}', $q$button_type = 'link'$q$), (NULL, NULL, '{-b1}', 'false'),
	(NULL, NULL, '{b1,link}', $q$button_id = 'b1' AND button_type = 'link'$q$), (NULL, NULL, '{NULL,NULL,NULL}', 'true'), (NULL, NULL, '{NULL,NULL,d}', 'false'),
	('{-web}', '{-nb}', '{b2}', $q$source IS DISTINCT FROM 'web' AND language_code IS DISTINCT FROM 'nb' AND button_id = 'b2'$q$)) AS f (sources, languages, key, filter)
$$;
SELECT * FROM pg_temp.check_all();
CALL kindly_stats.compact(3031);
SELECT * FROM pg_temp.check_all() WHERE differences <> 0;
-- every source in turn adds up to all that have one
SELECT sum(count) AS by_source, (SELECT count(source) FROM stats_filter_event WHERE kind = 'user_message') AS plain
FROM unnest((SELECT sources FROM kindly_stats.stats_options(3031))) AS source, kindly_stats.stats_total(3031, '2019-07-01', '2019-08-01', sources => ARRAY[source]);

-- ten thousand values, and a long one
SELECT count FROM kindly_stats.stats_total(3031, '2019-07-01', '2019-08-01', 'UTC', sources => (SELECT array_agg('s' || n) FROM generate_series(1, 10000) AS n) || '{web}');
SELECT count FROM kindly_stats.stats_total(3031, '2019-07-01', '2019-08-01', 'UTC', sources => (SELECT array_agg('-s' || n) FROM generate_series(1, 10000) AS n) || '{-web}');
SELECT count(*) FROM stats_filter_event WHERE kind = 'user_message' AND source IS DISTINCT FROM 'web';
SELECT count FROM kindly_stats.stats_total(3031, '2019-07-01', '2019-08-01', 'UTC', sources => ARRAY[repeat('x', 1000000), 'web']);
INSERT INTO stats_filter_event (bot_id, occurred_at, kind, source) VALUES (3032, '2019-07-01 00:00Z', 'user_message', repeat('x', 1000000));
SELECT count FROM kindly_stats.stats_total(3032, '2019-07-01', '2019-08-01', 'UTC', sources => ARRAY[repeat('x', 1000000)]);
SELECT count FROM kindly_stats.stats_total(3032, '2019-07-01', '2019-08-01', 'UTC', sources => ARRAY[repeat('x', 1999)]);

-- filters that can only be mistakes
SELECT sources, pg_temp.failure(format('SELECT * FROM kindly_stats.stats_total(3031, ''2019-07-01'', ''2019-08-01'', sources => %L)', sources)) AS sources_failure
FROM unnest(ARRAY['{}', '{NULL}', '{web,NULL}', '{""}', '{-}', '{web,-}', '{web,-web}', '{-app,web,app}']) AS sources;
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_series(3031, '2019-07-01', '2019-08-01', language_codes => '{-nb,nb}')$q$);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_top(3031, '2019-07-01', '2019-08-01', language_codes => '{}')$q$);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_heatmap(3031, '2019-07-01', '2019-08-01', language_codes => '{-}')$q$);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.fallback_rate(3031, '2019-07-01', '2019-08-01', sources => '{}')$q$);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.top_buttons(3031, '2019-07-01', '2019-08-01', sources => '{}')$q$);
-- keys that the measure does not have
SELECT measure, key, pg_temp.failure(format('SELECT * FROM kindly_stats.stats_total(3031, ''2019-07-01'', ''2019-08-01'', measure => %L, key => %L)', measure, key)) AS key_failure
FROM (VALUES ('messages', '{}'), ('messages', '{NULL}'), ('messages', '{b1}'), ('buttons', '{b1,link,d,x}'), ('buttons', '{NULL,NULL,NULL,x}'), ('buttons', '{b1,NULL,NULL,NULL}'), ('buttons', '{{b1}}'),
	('nowhere', NULL), ('nowhere', '{b1}'), ('', NULL)) AS k (measure, key);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_total(3031, '2019-07-01', '2019-08-01', measure => 'buttons', key => array_fill('x'::text, ARRAY[10000]))$q$);
-- also where the bot has no events
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_total(3999, '2019-07-01', '2019-08-01', measure => 'nowhere')$q$);

DELETE FROM stats_filter_event;
DROP TABLE stats_filter_event;
