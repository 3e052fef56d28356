--
-- Sage: sessions/chats, the number of chats where users engaged with the bot
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

SELECT kindly_stats.create_event_table('sage_chats_event');

-- the documented days: chats (distinct sessions) and messages; a session goes on for several days
INSERT INTO sage_chats_event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 2011, day + interval '86399.999999 s' * (n - 1) / (messages - 1), 'user_message', 'session ' || n % chats,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % chats % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 485, 1661), ('2019-07-02 00:00Z', 434, 1507), ('2019-07-03 00:00Z', 459, 1563),
	('2019-07-04 00:00Z', 446, 1572), ('2019-07-05 00:00Z', 355, 1227), ('2019-07-06 00:00Z', 283, 964)) AS d (day, chats, messages),
	generate_series(1, messages) AS n;
-- what must not be counted: the instants on both sides, a chat where only the bot spoke, a message without a session, another bot
INSERT INTO sage_chats_event (bot_id, occurred_at, kind, session_id) VALUES
	(2011, '2019-06-30 23:59:59.999999Z', 'user_message', 'before'), (2011, '2019-07-07 00:00Z', 'user_message', 'after'),
	(2011, '2019-07-03 12:00Z', 'bot_reply', 'only the bot'), (2011, '2019-07-03 12:00Z', 'user_message', NULL),
	(2012, '2019-07-03 12:00Z', 'user_message', 'another bot');

SELECT sage.sessions_chats(bot => 2011, "from" => '2019-07-01', "to" => '2019-07-07')::jsonb = '{
	"data": [
	{ "count": 485, "date": "2019-07-01T00:00:00.000000" },
	{ "count": 434, "date": "2019-07-02T00:00:00.000000" },
	{ "count": 459, "date": "2019-07-03T00:00:00.000000" },
	{ "count": 446, "date": "2019-07-04T00:00:00.000000" },
	{ "count": 355, "date": "2019-07-05T00:00:00.000000" },
	{ "count": 283, "date": "2019-07-06T00:00:00.000000" }
	]
}'::jsonb AS as_documented;
SELECT sage.sessions_chats(2011, '2019-07-01', '2019-07-07');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.sessions_chats(2011, '2019-07-06T12:30:00.250000', '2019-07-06T12:30:00.250000');
SELECT sage.sessions_chats(2011, '2019-07-06', '2019-07-07T00:00:00.000001');
SELECT sage.sessions_chats(2011, '2019-06-29', '2019-07-01');
SELECT sage.sessions_chats(2099, '2019-07-07', '2019-07-09');

-- a chat counts once in every bucket it is in: weeks are not sums of days; plain SQL tells the same
CREATE FUNCTION pg_temp.check_chats("from" timestamp, "to" timestamp, tz text, unit text, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamp, (x ->> 'count')::bigint
		FROM json_array_elements(sage.sessions_chats(2011, %L, %L, %L, %L%s) -> 'data') AS x WHERE x ->> 'count' <> '0'$q$,
		"from", "to", tz, unit, arguments),
	format($q$SELECT date_trunc(%4$L, e.occurred_at AT TIME ZONE %3$L), count(DISTINCT e.session_id) FROM sage_chats_event AS e
		WHERE e.bot_id = 2011 AND e.kind = 'user_message' AND e.occurred_at AT TIME ZONE %3$L >= %1$L
		AND e.occurred_at AT TIME ZONE %3$L < %2$L AND %5$s GROUP BY date_trunc(%4$L, e.occurred_at AT TIME ZONE %3$L)$q$,
		"from", "to", tz, unit, condition))
$$;
SELECT tz, unit FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu', 'Australia/Lord_Howe']) AS tz,
	unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year']) AS unit
WHERE pg_temp.check_chats('2019-06-30', '2019-07-06', tz, unit, '', 'true') <> 0;
SELECT sage.sessions_chats(2011, '2019-07-01', '2019-07-08', 'UTC', 'week');
SELECT sage.sessions_chats(2011, '2019-07-01', '2019-07-07', 'Europe/Oslo');
SELECT sage.sessions_chats(2011, '2019-07-01', '2019-07-07', 'america/los_angeles', 'DAY');

-- filters
SELECT arguments, pg_temp.check_chats('2019-07-01', '2019-07-07', 'Europe/Oslo', unit, arguments, condition) AS differences
FROM unnest(ARRAY['day', 'month']) AS unit, (VALUES
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => 'en'$$, $$language_code = 'en'$$), ($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$),
	($$, '-test', 'en,nb'$$, $$source IS DISTINCT FROM 'test' AND language_code IN ('en', 'nb')$$),
	($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition) ORDER BY unit, arguments COLLATE "C";
SELECT sage.sessions_chats(2011, '2019-07-01', '2019-07-03', sources => '-test');
SELECT sage.sessions_chats(2011, '2019-07-01', '2019-07-03', sources => 'nowhere');

-- hours: a week at most, by the local clock
SELECT json_array_length(sage.sessions_chats(2011, '2019-10-21', '2019-10-28', 'Europe/Oslo', 'hour') -> 'data') AS hours_of_autumn;
SELECT pg_temp.failure($q$SELECT sage.sessions_chats(2011, '2019-10-21', '2019-10-29', 'Europe/Oslo', 'hour')$q$);

-- a chat leaves the count with its last message only, however its messages are spread over statements
INSERT INTO sage_chats_event (bot_id, occurred_at, kind, session_id)
SELECT 2013, '2019-07-01 10:00Z', 'user_message', 'a' FROM generate_series(1, 2);
INSERT INTO sage_chats_event (bot_id, occurred_at, kind, session_id) VALUES (2013, '2019-07-01 10:00Z', 'user_message', 'a');
SELECT sage.sessions_chats(2013, '2019-07-01', '2019-07-02');
DELETE FROM sage_chats_event WHERE ctid IN (SELECT ctid FROM sage_chats_event WHERE bot_id = 2013 LIMIT 2);
SELECT sage.sessions_chats(2013, '2019-07-01', '2019-07-02');
CALL kindly_stats.compact(2013);
SELECT sage.sessions_chats(2013, '2019-07-01', '2019-07-02');
UPDATE sage_chats_event SET occurred_at = '2019-07-02 10:00Z' WHERE bot_id = 2013;
SELECT sage.sessions_chats(2013, '2019-07-01', '2019-07-03');
DELETE FROM sage_chats_event WHERE bot_id = 2013;
SELECT sage.sessions_chats(2013, '2019-07-01', '2019-07-03');

DELETE FROM sage_chats_event;
DROP TABLE sage_chats_event;
