--
-- Sage: meta/options, what the statistics can be filtered by
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
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

SELECT kindly_stats.create_event_table('sage_options_event');

-- the documented bot: from its first to its last event
INSERT INTO sage_options_event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 2101, CASE n WHEN 1 THEN timestamptz '2019-04-28 07:22:52.825Z' WHEN 900 THEN '2019-09-04 06:48:41.1Z'
	ELSE timestamptz '2019-04-28 08:00Z' + n * interval '3 hours' END, 'user_message', n::text,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['nb', 'en', NULL])[1 + n % 3]
FROM generate_series(1, 900) AS n;
INSERT INTO sage_options_event (bot_id, occurred_at, kind) VALUES (2102, '2001-01-01 00:00Z', 'user_message');

SELECT sage.meta_options(bot => 2101)::jsonb = '{
	"data": {
	"first": "2019-04-28T07:22:52.825000",
	"last": "2019-09-04T06:48:41.100000",
	"language_codes": ["en", "nb"],
	"sources": ["app", "test", "web"],
	"granularities": ["hour", "day", "week"]
	}
}'::jsonb AS as_documented;
SELECT sage.meta_options(2101);
-- a bot without sources and languages, and one without events
SELECT sage.meta_options(2102);
SELECT sage.meta_options(2199);
SELECT pg_temp.failure($q$SELECT sage.meta_options()$q$);

-- as the documented client does: first and last are the range of the next question, and every message is in it
SELECT json_array_length(m -> 'data') AS days, m #>> '{data,0,date}' AS first_day, m #>> '{data,-1,date}' AS last_day,
	(SELECT sum((x ->> 'count')::int) FROM json_array_elements(m -> 'data') AS x) AS messages
FROM (SELECT sage.meta_options(2101) -> 'data' AS o) AS o, sage.sessions_messages(2101, o ->> 'first', o ->> 'last') AS m;

-- after the outermost events are deleted first and last are edges of quarter hours, outward; a repair makes them exact
DELETE FROM sage_options_event WHERE bot_id = 2101 AND session_id IN ('1', '900');
SELECT format('"first": "%s", "last": "%s"', to_char(min(occurred_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
	to_char(max(occurred_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')) AS plain FROM sage_options_event WHERE bot_id = 2101;
SELECT sage.meta_options(2101);
CALL kindly_stats.compact(2101);
SELECT sage.meta_options(2101);
SELECT kindly_stats.rebuild(2101);
SELECT sage.meta_options(2101);
-- moved within their quarter hour, where no count changes
UPDATE sage_options_event SET occurred_at = occurred_at + interval '7 seconds' WHERE bot_id = 2101
	AND occurred_at IN (SELECT min(occurred_at) FROM sage_options_event WHERE bot_id = 2101 UNION SELECT max(occurred_at) FROM sage_options_event WHERE bot_id = 2101);
SELECT first, last, (SELECT min(occurred_at) FROM sage_options_event WHERE bot_id = 2101) AS exact_first, (SELECT max(occurred_at) FROM sage_options_event WHERE bot_id = 2101) AS exact_last
FROM kindly_stats.stats_options(2101);
CALL kindly_stats.compact(2101);
SELECT first, last, (SELECT min(occurred_at) FROM sage_options_event WHERE bot_id = 2101) AS exact_first, (SELECT max(occurred_at) FROM sage_options_event WHERE bot_id = 2101) AS exact_last
FROM kindly_stats.stats_options(2101);
-- a new one beyond them, in microseconds
INSERT INTO sage_options_event (bot_id, occurred_at, kind, source, language_code) VALUES (2101, '2019-12-31 23:59:59.999999Z', 'feedback', 'E-Mail', 'Ελ');
SELECT sage.meta_options(2101);
-- sources and languages go with their last event
DELETE FROM sage_options_event WHERE bot_id = 2101 AND (source IN ('test', 'E-Mail') OR language_code = 'nb');
SELECT sage.meta_options(2101);
-- purged events stay known
SELECT kindly_stats.purge('sage_options_event', '2019-09-01 00:00Z') > 0 AS purged;
SELECT sage.meta_options(2101);
SELECT min(occurred_at) AS oldest_left FROM sage_options_event;

-- the outermost events deleted, and no table left that knows the next
SELECT kindly_stats.create_event_table('sage_left_event');
INSERT INTO sage_left_event (bot_id, occurred_at, kind) SELECT 2109, '2019-07-01 10:00Z'::timestamptz + n * interval '1 day', 'user_message' FROM generate_series(1, 3) AS n;
DELETE FROM sage_left_event WHERE occurred_at <> '2019-07-03 10:00Z';
SELECT kindly_stats.detach('sage_left_event', keep_statistics => true);
SELECT sage.meta_options(2109);
DROP TABLE sage_left_event;
DELETE FROM kindly_stats.rollup WHERE bot_id = 2109;

DELETE FROM sage_options_event;
DELETE FROM kindly_stats.rollup WHERE bot_id = 2101;
DROP TABLE sage_options_event;
