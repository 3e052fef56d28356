--
-- Sage: fallbacks/series, the number and fraction of bot replies that are fallbacks
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

SELECT kindly_stats.create_event_table('sage_fallbacks_series_event');

-- replies and fallbacks whose rates are the documented ones; the documented counts are these divided by ten
INSERT INTO sage_fallbacks_series_event (bot_id, occurred_at, kind, is_fallback, source, language_code)
SELECT 2021, day + interval '86399.999999 s' * (n - 1) / (replies - 1), 'bot_reply', CASE WHEN n <= fallbacks THEN true WHEN n % 2 = 0 THEN false END,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 1776, 14638), ('2019-07-02 00:00Z', 1618, 13405), ('2019-07-03 00:00Z', 1383, 13855),
	('2019-07-04 00:00Z', 1497, 14030), ('2019-07-05 00:00Z', 1144, 10999), ('2019-07-06 00:00Z', 948, 8704)) AS d (day, fallbacks, replies),
	generate_series(1, replies) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot
INSERT INTO sage_fallbacks_series_event (bot_id, occurred_at, kind, is_fallback) VALUES
	(2021, '2019-06-30 23:59:59.999999Z', 'bot_reply', true), (2021, '2019-07-07 00:00Z', 'bot_reply', true),
	(2021, '2019-07-03 12:00Z', 'user_message', true), (2021, '2019-07-03 12:00Z', 'handover_started', true),
	(2022, '2019-07-03 12:00Z', 'bot_reply', true);

SELECT sage.fallbacks_series(bot => 2021, "from" => '2019-07-01', "to" => '2019-07-07')::jsonb = '{
	"data": [
	{ "count": 1776, "date": "2019-07-01T00:00:00.000000", "rate": 0.12132805028009291 },
	{ "count": 1618, "date": "2019-07-02T00:00:00.000000", "rate": 0.1207012308839985 },
	{ "count": 1383, "date": "2019-07-03T00:00:00.000000", "rate": 0.09981955972573078 },
	{ "count": 1497, "date": "2019-07-04T00:00:00.000000", "rate": 0.10669992872416251 },
	{ "count": 1144, "date": "2019-07-05T00:00:00.000000", "rate": 0.10400945540503682 },
	{ "count": 948, "date": "2019-07-06T00:00:00.000000", "rate": 0.10891544117647059 }
	]
}'::jsonb AS as_documented;
-- order of the members, and every digit whatever extra_float_digits says
SELECT sage.fallbacks_series(2021, '2019-07-01', '2019-07-07');
SET extra_float_digits = -15;
SELECT sage.fallbacks_series(2021, '2019-07-01', '2019-07-03');
SET extra_float_digits = 0;

-- days without replies, with no fallback among them, with nothing else; and another bot
INSERT INTO sage_fallbacks_series_event (bot_id, occurred_at, kind, is_fallback) VALUES
	(2023, '2019-07-02 12:00Z', 'bot_reply', false), (2023, '2019-07-03 12:00Z', 'bot_reply', true),
	(2023, '2019-07-04 12:00Z', 'bot_reply', NULL), (2023, '2019-07-05 12:00Z', 'user_message', NULL);
SELECT sage.fallbacks_series(2023, '2019-07-01', '2019-07-06');
SELECT sage.fallbacks_series(2022, '2019-07-03', '2019-07-04');
SELECT sage.fallbacks_series(2099, '2019-07-03', '2019-07-04');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.fallbacks_series(2021, '2019-07-06T12:30:00.250000', '2019-07-06T18:00:00Z');
SELECT sage.fallbacks_series(2021, '2019-07-06', '2019-07-07T00:00:00.000001');

-- every zone, granularity and filter tells what plain SQL tells
CREATE FUNCTION pg_temp.check_fallbacks("from" timestamp, "to" timestamp, tz text, unit text, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamp, (x ->> 'count')::bigint, (x ->> 'rate')::float8
		FROM json_array_elements(sage.fallbacks_series(2021, %L, %L, %L, %L%s) -> 'data') AS x$q$,
		"from", "to", tz, unit, arguments),
	format($q$SELECT d, coalesce(e.fallbacks, 0), coalesce(e.fallbacks::float8 / e.replies, 0)
		FROM generate_series(date_trunc(%4$L, timestamp %1$L), %2$L::timestamp - interval '1 microsecond',
			CASE WHEN %4$L = 'quarter' THEN '3 months' ELSE '1 ' || %4$L END::interval) AS d
		LEFT JOIN (SELECT date_trunc(%4$L, occurred_at AT TIME ZONE %3$L) AS d, count(*) FILTER (WHERE is_fallback) AS fallbacks, count(*) AS replies
			FROM sage_fallbacks_series_event WHERE bot_id = 2021 AND kind = 'bot_reply' AND occurred_at AT TIME ZONE %3$L >= %1$L
			AND occurred_at AT TIME ZONE %3$L < %2$L AND %5$s GROUP BY 1) AS e USING (d)$q$,
		"from", "to", tz, unit, condition))
$$;
SELECT tz, unit FROM (VALUES ('UTC', 'hour'), ('Europe/Oslo', 'day'), ('America/Los_Angeles', 'week'), ('Asia/Kathmandu', 'hour'),
	('Asia/Kathmandu', 'month'), ('UTC', 'quarter'), ('Europe/Oslo', 'year')) AS r (tz, unit)
WHERE pg_temp.check_fallbacks('2019-06-30', '2019-07-06', tz, unit, '', 'true') <> 0;
SELECT sage.fallbacks_series(2021, '2019-07-01', '2019-07-03', 'Europe/Oslo');
SELECT sage.fallbacks_series(2021, '2019-07-01', '2019-07-08', granularity => 'week');
SELECT arguments, pg_temp.check_fallbacks('2019-07-01', '2019-07-07', 'Europe/Oslo', 'day', arguments, condition) AS differences FROM (VALUES
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => 'en'$$, $$language_code = 'en'$$), ($$, '-test', '-en,-nb'$$, $$source IS DISTINCT FROM 'test' AND language_code IS NULL$$),
	($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition);
SELECT sage.fallbacks_series(2021, '2019-07-01', '2019-07-02', sources => '-test');

-- hours: a week at most, by the local clock
SELECT json_array_length(sage.fallbacks_series(2021, '2019-10-21', '2019-10-28', 'Europe/Oslo', 'hour') -> 'data') AS hours_of_autumn;
SELECT pg_temp.failure($q$SELECT sage.fallbacks_series(2021, '2019-10-21', '2019-10-29', 'Europe/Oslo', 'hour')$q$);

-- a reply that is found out to be a fallback
UPDATE sage_fallbacks_series_event SET is_fallback = NOT is_fallback WHERE bot_id = 2023;
SELECT sage.fallbacks_series(2023, '2019-07-02', '2019-07-05');

DELETE FROM sage_fallbacks_series_event;
DROP TABLE sage_fallbacks_series_event;
