--
-- Sage: takeovers/series, the number of handovers
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

SELECT kindly_stats.create_event_table('sage_takeovers_series_event');

-- the documented days
INSERT INTO sage_takeovers_series_event (bot_id, occurred_at, kind, source, language_code)
SELECT 2041, day + interval '86399.999999 s' * (n - 1) / greatest(times - 1, 1), kind,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-09-16 00:00Z', 40, 58, 0, 44), ('2019-09-17 00:00Z', 27, 40, 0, 28), ('2019-09-18 00:00Z', 35, 44, 0, 35),
	('2019-09-19 00:00Z', 55, 88, 0, 55), ('2019-09-20 00:00Z', 64, 86, 0, 65), ('2019-09-21 00:00Z', 0, 0, 2, 0),
	('2019-09-22 00:00Z', 0, 0, 1, 0)) AS d (day, ended, requests, closed, started),
	LATERAL (VALUES ('handover_ended', ended), ('handover_request', requests), ('handover_request_closed', closed), ('handover_started', started)) AS k (kind, times),
	generate_series(1, times) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot
INSERT INTO sage_takeovers_series_event (bot_id, occurred_at, kind) VALUES
	(2041, '2019-09-15 23:59:59.999999Z', 'handover_started'), (2041, '2019-09-23 00:00Z', 'handover_ended'),
	(2041, '2019-09-18 12:00Z', 'handover'), (2041, '2019-09-18 12:00Z', 'user_message'), (2042, '2019-09-18 12:00Z', 'handover_request_closed');

SELECT sage.takeovers_series(bot => 2041, "from" => '2019-09-16', "to" => '2019-09-23')::jsonb = '{
	"data": [
	{ "date": "2019-09-16T00:00:00.000000", "ended": 40, "requests": 58, "requests_while_closed": 0, "started": 44 },
	{ "date": "2019-09-17T00:00:00.000000", "ended": 27, "requests": 40, "requests_while_closed": 0, "started": 28 },
	{ "date": "2019-09-18T00:00:00.000000", "ended": 35, "requests": 44, "requests_while_closed": 0, "started": 35 },
	{ "date": "2019-09-19T00:00:00.000000", "ended": 55, "requests": 88, "requests_while_closed": 0, "started": 55 },
	{ "date": "2019-09-20T00:00:00.000000", "ended": 64, "requests": 86, "requests_while_closed": 0, "started": 65 },
	{ "date": "2019-09-21T00:00:00.000000", "ended": 0, "requests": 0, "requests_while_closed": 2, "started": 0 },
	{ "date": "2019-09-22T00:00:00.000000", "ended": 0, "requests": 0, "requests_while_closed": 1, "started": 0 }
	]
}'::jsonb AS as_documented;
SELECT sage.takeovers_series(2041, '2019-09-16', '2019-09-23');

-- "to" is exclusive; inside a day it reaches to the day's end; zeros where there is nothing
SELECT sage.takeovers_series(2041, '2019-09-22T13:14:15', '2019-09-23T00:00:00.000001');
SELECT sage.takeovers_series(2099, '2019-09-16', '2019-09-18');
SELECT sage.takeovers_series(2041, '2019-09-24', '2019-09-25');

-- every zone, granularity and filter tells what plain SQL tells
CREATE FUNCTION pg_temp.check_takeovers("from" timestamp, "to" timestamp, tz text, unit text, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamp, (x ->> 'ended')::bigint, (x ->> 'requests')::bigint, (x ->> 'requests_while_closed')::bigint, (x ->> 'started')::bigint
		FROM json_array_elements(sage.takeovers_series(2041, %L, %L, %L, %L%s) -> 'data') AS x$q$,
		"from", "to", tz, unit, arguments),
	format($q$SELECT d, count(*) FILTER (WHERE kind = 'handover_ended'), count(*) FILTER (WHERE kind = 'handover_request'),
		count(*) FILTER (WHERE kind = 'handover_request_closed'), count(*) FILTER (WHERE kind = 'handover_started')
		FROM generate_series(date_trunc(%4$L, timestamp %1$L), %2$L::timestamp - interval '1 microsecond',
			CASE WHEN %4$L = 'quarter' THEN '3 months' ELSE '1 ' || %4$L END::interval) AS d
		LEFT JOIN sage_takeovers_series_event ON bot_id = 2041 AND date_trunc(%4$L, occurred_at AT TIME ZONE %3$L) = d
		AND occurred_at AT TIME ZONE %3$L >= %1$L AND occurred_at AT TIME ZONE %3$L < %2$L AND %5$s GROUP BY d$q$,
		"from", "to", tz, unit, condition))
$$;
SELECT tz, unit FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu']) AS tz,
	unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year']) AS unit
WHERE pg_temp.check_takeovers('2019-09-15', '2019-09-22', tz, unit, '', 'true') <> 0;
SELECT sage.takeovers_series(2041, '2019-09-16', '2019-09-18', 'Europe/Oslo');
SELECT sage.takeovers_series(2041, '2019-09-16', '2019-09-23', granularity => 'week');
SELECT arguments, pg_temp.check_takeovers('2019-09-16', '2019-09-23', 'Europe/Oslo', 'day', arguments, condition) AS differences FROM (VALUES
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => 'en'$$, $$language_code = 'en'$$), ($$, '-test', '-en,-nb'$$, $$source IS DISTINCT FROM 'test' AND language_code IS NULL$$),
	($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition);
SELECT sage.takeovers_series(2041, '2019-09-16', '2019-09-17', sources => '-test');

-- hours: a week at most, by the local clock
SELECT json_array_length(sage.takeovers_series(2041, '2019-10-21', '2019-10-28', 'Europe/Oslo', 'hour') -> 'data') AS hours_of_autumn;
SELECT pg_temp.failure($q$SELECT sage.takeovers_series(2041, '2019-10-21', '2019-10-29', 'Europe/Oslo', 'hour')$q$);

DELETE FROM sage_takeovers_series_event;
DROP TABLE sage_takeovers_series_event;
