--
-- ChatBot.com: periods, from and to, dimensions, zones, and the setting kindly_stats.now
--
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

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

SELECT kindly_stats.create_event_table('period_event');
-- a message every six hours for three years, each a conversation of its own
INSERT INTO period_event (bot_id, occurred_at, kind, session_id)
SELECT 5301, at, 'user_message', at FROM generate_series(timestamptz '2017-01-01 00:00Z', '2019-12-31 18:00Z', interval '6 hours') AS at;

-- how many points, from which to which, and what they add up to
CREATE FUNCTION pg_temp.shape(answer json) RETURNS text LANGUAGE sql AS $$
SELECT format('%s points from %s to %s, total %s, max %s', json_array_length(answer -> 'data'), answer -> 'data' -> 0 ->> 'date',
	answer -> 'data' -> -1 ->> 'date', answer -> 'summary' ->> 'total', answer -> 'summary' ->> 'max')
$$;
CREATE VIEW pg_temp.period AS SELECT name, n FROM unnest(ARRAY['today', 'yesterday', 'last7days', 'last30days', 'thisMonth', 'lastMonth', 'last3Months', 'thisYear', 'lastYear']) WITH ORDINALITY AS p (name, n);

-- all periods, asked on a Wednesday afternoon
SET kindly_stats.now = '2019-03-27 14:05:06Z';
SELECT name, pg_temp.shape(chatbot_com.conversations(5301, period => name)) FROM pg_temp.period ORDER BY n;
SELECT name, pg_temp.shape(chatbot_com.conversations(5301, period => name, dimension => 'auto')) FROM pg_temp.period ORDER BY n;
SELECT name, pg_temp.shape(chatbot_com.conversations(5301, period => name, dimension => 'month')) FROM pg_temp.period ORDER BY n;
-- the default is the last 30 days, and names are read in any case
SELECT chatbot_com.conversations(5301)::text = chatbot_com.conversations(5301, period => 'last30days')::text AS default,
	chatbot_com.conversations(5301, period => NULL, dimension => NULL, tz => NULL)::text = chatbot_com.conversations(5301, period => 'LAST30DAYS', dimension => 'DAY', tz => 'utc')::text AS nulls;
-- the day is that of the zone asked for, whatever the session's: late in Los Angeles, early in Auckland
SELECT tz, name, pg_temp.shape(chatbot_com.conversations(5301, period => name, tz => tz)) FROM pg_temp.period, unnest(ARRAY['America/Los_Angeles', 'Pacific/Auckland']) AS tz
WHERE name IN ('today', 'yesterday', 'thisMonth') ORDER BY tz COLLATE "C", n;
-- on the first and last instant of a year, of a leap day, and of a month after a shorter one
CREATE FUNCTION pg_temp.shapes_at(now text) RETURNS TABLE (name text, shape text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('kindly_stats.now', now, false);
	RETURN QUERY SELECT p.name, pg_temp.shape(chatbot_com.conversations(5301, period => p.name)) FROM pg_temp.period AS p ORDER BY p.n;
END $$;
SELECT now, s.* FROM unnest(ARRAY['2018-01-01 00:00Z', '2018-12-31 23:59:59.999999Z', '2016-02-29 12:00Z', '2018-03-31 12:00Z', '2018-05-31 12:00Z']) AS now, pg_temp.shapes_at(now) AS s;

-- from and to win over the period when either is given; without from the range begins in 1974, without to it ends now
SET kindly_stats.now = '2019-03-27 14:05:06Z';
SELECT pg_temp.shape(chatbot_com.conversations(5301, '2019-03-20', '2019-03-22', 'lastYear')) AS both, pg_temp.shape(chatbot_com.conversations(5301, "from" => '2019-03-20', period => 'lastYear')) AS from,
	pg_temp.shape(chatbot_com.conversations(5301, "to" => '2017-01-03', period => 'lastYear')) AS to;
SELECT pg_temp.shape(chatbot_com.conversations(5301, "to" => '1974-1-2')), pg_temp.shape(chatbot_com.conversations(5301, "to" => '1974-1-2', tz => 'Asia/Tokyo')), pg_temp.shape(chatbot_com.conversations(5301, '1970-01-01', '1970-01-02'));
-- "to" is exclusive; inside a day (an hour) it reaches to its end, and so does now
SELECT pg_temp.shape(chatbot_com.conversations(5301, '2019-03-20 13:30', '2019-03-21 00:00:00.000001')) AS days, pg_temp.shape(chatbot_com.conversations(5301, '2019-03-20 13:30', '2019-03-20 18:00:00.000001', dimension => 'hour')) AS hours,
	pg_temp.shape(chatbot_com.conversations(5301, '2019-03-20', '2019-03-21')) AS day, pg_temp.shape(chatbot_com.conversations(5301, '2019-03-27', dimension => 'hour')) AS until_now;
-- instants and local moments
SELECT pg_temp.shape(chatbot_com.conversations(5301, '2019-03-20T00:00:00.000Z', '2019-03-21T00:00:00Z', tz => 'Europe/Oslo')) AS instants, pg_temp.shape(chatbot_com.conversations(5301, '2019-03-20', '2019-03-21', tz => 'Europe/Oslo')) AS local;
SELECT query, pg_temp.failure('SELECT chatbot_com.conversations(5301, ' || query || ')') FROM unnest(ARRAY['"from" => ''2019-03-28''', '"from" => ''2019-03-27T14:05:06Z''', '"from" => ''2019-03-27T14:05:05Z''',
	'"to" => ''1974-01-01''', '"to" => ''1973-06-01''', '"to" => ''1974-01-01T12:00''', '''2019-03-28'', ''2019-03-27''', '''2019-03-28'', ''2019-03-28''']) AS query;

-- dimension auto: hours up to two days, days up to 92, months up to 1096, and then years
SELECT days, auto = exact AS same, points, exact_dimension FROM (SELECT days, exact_dimension, json_array_length(chatbot_com.conversations(5301, '2017-01-01', until, dimension => 'auto') -> 'data') AS points,
	chatbot_com.conversations(5301, '2017-01-01', until, dimension => 'auto')::text AS auto, chatbot_com.conversations(5301, '2017-01-01', until, dimension => exact_dimension)::text AS exact
	FROM (VALUES (1::float8, 'hour'), (2, 'hour'), (2 + 1e-6, 'day'), (92, 'day'), (92 + 1e-6, 'month'), (1096, 'month'), (1096 + 1e-6, 'year'), (3000, 'year')) AS d (days, exact_dimension),
	LATERAL (SELECT timestamp '2017-01-01' + interval '1 day' * days AS until) AS u) AS a;
-- by the local clock: 23, 24 and 25 hours are all a day
SELECT day, pg_temp.shape(chatbot_com.conversations(5301, day, day + 2, dimension => 'auto', tz => 'Europe/Oslo')), pg_temp.shape(chatbot_com.conversations(5301, day, day + 1, dimension => 'hour', tz => 'Europe/Oslo'))
FROM unnest(ARRAY[date '2019-03-30', '2019-03-31', '2019-10-26', '2019-10-27']) AS day;
-- longer units: what the range covers of them, and the unit's true start
SELECT chatbot_com.conversations(5301, '2019-03-20', '2019-05-02', dimension => 'month');
SELECT chatbot_com.conversations(5301, '2019-03-20', '2019-05-02', dimension => 'year', tz => 'Asia/Kathmandu');
SELECT chatbot_com.conversations(5301, "from" => '2016-12-31', "to" => '2019-01-02', dimension => 'year');

-- date is an instant in UTC, also with tz: local days of 24, 23, 24, and of 24, 25 and 24 hours
SELECT chatbot_com.conversations(5301, '2019-03-30', '2019-04-02', tz => 'Europe/Oslo');
SELECT chatbot_com.conversations(5301, '2019-10-26', '2019-10-29', tz => 'Europe/Oslo');
-- the 25 hours of the longer one, two of which are called two
SELECT x ->> 'date' AS date, x ->> 'value' AS value FROM json_array_elements(chatbot_com.conversations(5301, '2019-10-27', '2019-10-28', tz => 'Europe/Oslo', dimension => 'hour') -> 'data') WITH ORDINALITY AS a (x, n)
WHERE n <= 5 OR n = 25 ORDER BY n;
-- where midnight does not exist, where it comes twice, and a day that never was
SELECT chatbot_com.conversations(5301, '2018-11-03', '2018-11-06', tz => 'America/Sao_Paulo') -> 'data' AS sao_paulo;
SELECT chatbot_com.conversations(5301, '2018-11-03', '2018-11-06', tz => 'America/Havana') -> 'data' AS havana;
SELECT chatbot_com.conversations(5301, '2011-12-29', '2012-01-01', tz => 'Pacific/Apia') -> 'data' AS apia;
SELECT chatbot_com.conversations(5301, '2011-12-30', '2011-12-31', tz => 'Pacific/Apia') AS never;
SET kindly_stats.now = '2011-12-30 18:00Z';
SELECT name, pg_temp.shape(chatbot_com.conversations(5301, period => name, tz => 'Pacific/Apia')) FROM pg_temp.period WHERE name LIKE '%day%' ORDER BY n;

-- the setting: an instant or nothing; without a zone, the session's
SET kindly_stats.now = '2019-03-27 23:30';
SELECT pg_temp.shape(chatbot_com.conversations(5301, period => 'today')) AS new_york;
SET timezone = 'Asia/Tokyo';
SELECT pg_temp.shape(chatbot_com.conversations(5301, period => 'today')) AS tokyo;
SELECT value, pg_temp.failure(format('SET kindly_stats.now = %L', value)) FROM unnest(ARRAY['garbage', ' ', 'infinity', '-infinity', 'epoch', '2019-02-30', '2019-13-01', '0001-12-31', '9999-01-01', '0044-03-15 BC', '294000-01-01',
	'2019-03-27 25:00', '2019-03-27 12:00 Oslo5', '2019-03-27 12:00 +99', repeat('x', 300), '0002-01-01 00:00Z', '9998-12-31 23:59:59Z', '2019-03-27 12:00 Europe/Oslo', '20190327T120000Z', 'now', '']) AS value;
SHOW kindly_stats.now;
-- the setting's farthest years can be asked about, too
SET kindly_stats.now = '0002-01-01 00:00Z';
SELECT name, pg_temp.shape(chatbot_com.conversations(5301, period => name)) FROM pg_temp.period WHERE name ~ 'Year|yesterday' ORDER BY n;
SET kindly_stats.now = '9998-12-31 23:59Z';
SELECT name, pg_temp.shape(chatbot_com.conversations(5301, period => name)) FROM pg_temp.period WHERE name ~ 'Year|today' ORDER BY n;
-- a parallel worker knows it, too, and the session's zone
SET timezone = 'America/New_York';
SET kindly_stats.now = '2019-03-27 23:30';
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'regress', false) IS NOT NULL AS parallel;
SELECT chatbot_com.conversations(5301, period => 'today');
SET kindly_stats.now = '2019-03-27 23:30Z';
SELECT chatbot_com.conversations(5301, period => 'today');
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', false) IS NOT NULL AS serial;
-- without it, the clock: the message of this transaction is of today
RESET kindly_stats.now;
INSERT INTO period_event (bot_id, occurred_at, kind, session_id) VALUES (5302, now(), 'user_message', 'now');
SELECT (chatbot_com.conversations(5302, period => 'today') -> 'summary' ->> 'total') || (chatbot_com.conversations(5302) -> 'summary' ->> 'total') || (chatbot_com.conversations(5302, "from" => '2019-01-01') -> 'summary' ->> 'total')
	IN ('111', '011') AS counted_unless_at_midnight;

DELETE FROM period_event;
DROP TABLE period_event;
