--
-- Sage: sessions/messages, the number of messages from users
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

SELECT kindly_stats.create_event_table('sage_messages_event');

-- the documented days; their messages lie evenly from the first to the last instant of each
INSERT INTO sage_messages_event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 2001, day + interval '86399.999999 s' * (n - 1) / (messages - 1), 'user_message', day || '/' || n % 97,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 1661), ('2019-07-02 00:00Z', 1507), ('2019-07-03 00:00Z', 1563),
	('2019-07-04 00:00Z', 1572), ('2019-07-05 00:00Z', 1227), ('2019-07-06 00:00Z', 964)) AS d (day, messages),
	generate_series(1, messages) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot
INSERT INTO sage_messages_event (bot_id, occurred_at, kind, session_id) VALUES
	(2001, '2019-06-30 23:59:59.999999Z', 'user_message', 'before'), (2001, '2019-07-07 00:00Z', 'user_message', 'after'),
	(2001, '2019-07-03 12:00Z', 'bot_reply', 'other'), (2001, '2019-07-03 12:00Z', 'feedback', 'other'),
	(2002, '2019-07-03 12:00Z', 'user_message', 'another bot');

SELECT sage.sessions_messages(bot => 2001, "from" => '2019-07-01', "to" => '2019-07-07')::jsonb = '{
	"data": [
	{ "count": 1661, "date": "2019-07-01T00:00:00.000000" },
	{ "count": 1507, "date": "2019-07-02T00:00:00.000000" },
	{ "count": 1563, "date": "2019-07-03T00:00:00.000000" },
	{ "count": 1572, "date": "2019-07-04T00:00:00.000000" },
	{ "count": 1227, "date": "2019-07-05T00:00:00.000000" },
	{ "count": 964, "date": "2019-07-06T00:00:00.000000" }
	]
}'::jsonb AS as_documented;
-- order of the members, and how dates are written
SELECT sage.sessions_messages(2001, '2019-07-01', '2019-07-07');

-- "to" is exclusive; inside a day it reaches to the day's end, "from" to its beginning
SELECT "from", "to", sage.sessions_messages(2001, "from", "to")
FROM (VALUES ('2019-06-30', '2019-07-01'), ('2019-07-06T12:30:00.250000', '2019-07-06T12:30:00.250000'),
	('2019-07-06T12:30:00.250000', '2019-07-07T00:00:00'), ('2019-07-06', '2019-07-07T00:00:00.000001'),
	('2019-07-06T00:00:00Z', '2019-07-06T23:59:59.999999Z'), ('2019-07-06T02:00:00+02:00', '2019-07-07T02:00:00+02:00'),
	('20190706', '06 Jul 2019 18:00')) AS r ("from", "to");
SELECT (sage.sessions_messages(2001, date '2019-07-06', timestamp '2019-07-07 00:00'))::text
	= (sage.sessions_messages(2001, timestamptz '2019-07-06 00:00Z', varchar '2019-07-07'))::text AS types_of_moments;
-- every bucket is there; a bot without events has zeros
SELECT sage.sessions_messages(2001, '2019-07-07', '2019-07-10');
SELECT sage.sessions_messages(-9223372036854775808, '2019-07-07', '2019-07-09');

-- every zone and granularity tells what plain SQL tells
CREATE FUNCTION pg_temp.check_series(bot bigint, "from" timestamp, "to" timestamp, tz text, unit text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamp, (x ->> 'count')::bigint
		FROM json_array_elements(sage.sessions_messages(%s, %L, %L, %L, %L) -> 'data') AS x WHERE x ->> 'count' <> '0'$q$,
		bot, "from", "to", tz, unit),
	format($q$SELECT date_trunc(%5$L, e.occurred_at AT TIME ZONE %4$L), count(*) FROM sage_messages_event AS e
		WHERE e.bot_id = %1$s AND e.kind = 'user_message' AND e.occurred_at AT TIME ZONE %4$L >= %2$L
		AND e.occurred_at AT TIME ZONE %4$L < %3$L GROUP BY date_trunc(%5$L, e.occurred_at AT TIME ZONE %4$L)$q$,
		bot, "from", "to", tz, unit))
$$;
SELECT tz, unit, pg_temp.check_series(2001, '2019-07-02', '2019-07-06', tz, unit) AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu']) AS tz,
	unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year']) AS unit
WHERE pg_temp.check_series(2001, '2019-07-02', '2019-07-06', tz, unit) <> 0;
SELECT sage.sessions_messages(2001, '2019-07-01', '2019-07-07', 'Europe/Oslo');
SELECT sage.sessions_messages(2001, '2019-07-01', '2019-07-07', tz => 'America/Los_Angeles');
-- a week or month that the range covers in part is shown with its own first day
SELECT sage.sessions_messages(2001, '2019-07-02', '2019-07-08', granularity => 'week');
SELECT sage.sessions_messages(2001, '2019-06-15', '2019-07-02', granularity => 'month');
-- defaults, also for those who pass NULL
SELECT sage.sessions_messages(2001, '2019-07-01', '2019-07-07', NULL, NULL, NULL, NULL)::text
	= sage.sessions_messages(2001, '2019-07-01', '2019-07-07', 'UTC', 'day')::text AS same_as_defaults;

-- filters, in every form of a list
SELECT sources, condition,
	pg_temp.differences(
		format($q$SELECT (x ->> 'date')::timestamp, (x ->> 'count')::bigint
			FROM json_array_elements(sage.sessions_messages(2001, '2019-07-01', '2019-07-07', sources => %L) -> 'data') AS x$q$, sources),
		format($q$SELECT d, count(e.kind) FILTER (WHERE %s)
			FROM generate_series(timestamp '2019-07-01', '2019-07-06', '1 day') AS d
			JOIN sage_messages_event AS e ON e.bot_id = 2001 AND e.kind = 'user_message' AND date_trunc('day', e.occurred_at AT TIME ZONE 'UTC') = d
			GROUP BY d$q$, condition)) AS differences,
	sage.sessions_messages(2001, '2019-07-01', '2019-07-02', sources => sources) #>> '{data,0,count}' AS first_count
FROM (VALUES ('web', $$source = 'web'$$), ('web,app', $$source IN ('web', 'app')$$), (' web , app ', $$source IN ('web', 'app')$$),
	('{web,app}', $$source IN ('web', 'app')$$), ('{"web", app}', $$source IN ('web', 'app')$$), ('["web","app"]', $$source IN ('web', 'app')$$),
	(' [ "web" , "app" ] ', $$source IN ('web', 'app')$$), ('web,web', $$source = 'web'$$),
	('-test', $$source IS DISTINCT FROM 'test'$$), ('-test,-app', $$source IS NULL OR source = 'web'$$),
	('{-test}', $$source IS DISTINCT FROM 'test'$$), ('["-test"]', $$source IS DISTINCT FROM 'test'$$),
	('web,-test', $$source = 'web'$$), ('we', $$false$$), ('Web', $$false$$), ('-nowhere', $$true$$)) AS f (sources, condition);
SELECT language_codes, sage.sessions_messages(2001, '2019-07-01', '2019-07-02', language_codes => language_codes) #>> '{data,0,count}' AS filtered,
	sage.sessions_messages(2001, '2019-07-01', '2019-07-02', sources => 'web,app', language_codes => language_codes) #>> '{data,0,count}' AS both
FROM unnest(ARRAY['en', 'nb', 'en,nb', '-en', '-en,-nb', '{en}', '["nb"]', 'da']) AS language_codes;

-- hours: a week at most, between dates by the local clock, so also the week of 169 hours, between instants by what has elapsed
INSERT INTO sage_messages_event (bot_id, occurred_at, kind, session_id)
SELECT 2003, timestamptz '2019-10-20 22:00Z' + n * interval '37 minutes', 'user_message', n::text FROM generate_series(0, 400) AS n;
SELECT json_array_length(sage.sessions_messages(2003, '2019-10-21', '2019-10-28', 'Europe/Oslo', 'hour') -> 'data') AS hours_of_autumn,
	json_array_length(sage.sessions_messages(2003, '2019-03-25', '2019-04-01', 'Europe/Oslo', 'hour') -> 'data') AS hours_of_spring,
	json_array_length(sage.sessions_messages(2003, '2019-10-20T22:00Z', '2019-10-27T22:00Z', 'Europe/Oslo', 'hour') -> 'data') AS hours_of_instants,
	json_array_length(sage.sessions_messages(2003, '2019-03-24T23:00Z', '2019-03-31T23:00Z', 'Europe/Oslo', 'hour') -> 'data') AS instants_of_spring,
	pg_temp.check_series(2003, '2019-10-21', '2019-10-27', 'Europe/Oslo', 'hour') AS differences;
SELECT x FROM json_array_elements(sage.sessions_messages(2003, '2019-10-27', '2019-10-28', 'Europe/Oslo', 'hour') -> 'data') WITH ORDINALITY AS x (x, n) WHERE n <= 5;
SELECT sum((x ->> 'count')::int) AS in_hours, (SELECT count(*) FROM sage_messages_event WHERE bot_id = 2003
	AND occurred_at >= '2019-10-20 22:00Z' AND occurred_at < '2019-10-27 23:00Z') AS in_the_week
FROM json_array_elements(sage.sessions_messages(2003, '2019-10-21', '2019-10-28', 'Europe/Oslo', 'hour') -> 'data') AS x;
SELECT pg_temp.failure($q$SELECT sage.sessions_messages(2003, '2019-10-21', '2019-10-29', 'Europe/Oslo', 'hour')$q$);
SELECT pg_temp.failure($q$SELECT sage.sessions_messages(2003, '2019-10-21', '2019-10-28T00:00:00.000001', 'Europe/Oslo', 'hour')$q$);
SELECT pg_temp.failure($q$SELECT sage.sessions_messages(2003, '2019-10-21', '2019-10-29', 'Europe/Oslo', 'HOUR')$q$);
SELECT pg_temp.failure($q$SELECT sage.sessions_messages(2003, '2019-10-20T22:00Z', '2019-10-27T23:00Z', 'Europe/Oslo', 'hour')$q$);
SELECT pg_temp.failure($q$SELECT sage.sessions_messages(2003, '2019-10-21', '2019-10-27T23:00Z', 'Europe/Oslo', 'hour')$q$);
SELECT pg_temp.failure($q$SELECT sage.sessions_messages(2003, '2019-03-25', '2019-04-01', 'Europe/Oslo', 'hour')$q$);

-- the next query knows: late events, corrections, deletions
INSERT INTO sage_messages_event (bot_id, occurred_at, kind) VALUES (2001, '2019-07-06 12:00Z', 'user_message');
SELECT sage.sessions_messages(2001, '2019-07-06', '2019-07-07');
UPDATE sage_messages_event SET kind = 'bot_reply' WHERE bot_id = 2001 AND session_id IS NULL;
SELECT sage.sessions_messages(2001, '2019-07-06', '2019-07-07');
DELETE FROM sage_messages_event WHERE bot_id = 2001 AND source = 'test';
SELECT sage.sessions_messages(2001, '2019-07-05', '2019-07-07');

DELETE FROM sage_messages_event;
SELECT sage.sessions_messages(2001, '2019-07-05', '2019-07-07');
DROP TABLE sage_messages_event;
