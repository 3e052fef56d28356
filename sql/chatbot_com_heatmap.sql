--
-- ChatBot.com: conversations.heatmap, the busiest hours of the week
--
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

SELECT kindly_stats.create_event_table('heatmap_event');

-- the documented one: one conversation, on a Sunday between midnight and one; the page shows two hours of each day
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id) VALUES
	(5401, '2019-03-17 00:00Z', 'user_message', 'a'), (5401, '2019-03-17 00:59:59.999999Z', 'user_message', 'a'), (5401, '2019-03-17 01:00Z', 'bot_reply', 'a'),
	(5401, '2019-03-17 01:00Z', 'user_message', NULL), (5401, '2019-03-16 23:59:59.999999Z', 'user_message', 'before'), (5401, '2019-03-24 00:00Z', 'user_message', 'after');
SELECT (SELECT json_agg((SELECT json_agg(cell) FROM json_array_elements(day) AS cell WHERE (cell ->> 'hour')::int < 2)) FROM json_array_elements(h) AS day)::jsonb = '[
  [
    {
      "day": 0,
      "hour": 0,
      "value": 1,
      "usage": 100
    },
    {
       "day": 0,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ],
  [
    {
      "day": 1,
      "hour": 0,
      "value": 0,
      "usage": 0
    },
    {
       "day": 1,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ],
  [
    {
      "day": 2,
      "hour": 0,
      "value": 0,
      "usage": 0
    },
    {
       "day": 2,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ],
  [
    {
      "day": 3,
      "hour": 0,
      "value": 0,
      "usage": 0
    },
    {
       "day": 3,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ],
  [
    {
      "day": 4,
      "hour": 0,
      "value": 0,
      "usage": 0
    },
    {
       "day": 4,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ],
  [
    {
      "day": 5,
      "hour": 0,
      "value": 0,
      "usage": 0
    },
    {
       "day": 5,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ],
  [
    {
      "day": 6,
      "hour": 0,
      "value": 0,
      "usage": 0
    },
    {
       "day": 6,
       "hour": 1,
       "value": 0,
       "usage": 0
    }
  ]
]'::jsonb AS as_documented FROM chatbot_com.conversations_heatmap(5401, '2019-03-17', '2019-03-24') AS h;
SELECT chatbot_com.conversations_heatmap(5401, '2019-03-17', '2019-03-24');
SELECT json_array_length(h) AS days, (SELECT array_agg(DISTINCT json_array_length(day)) FROM json_array_elements(h) AS day) AS hours,
	(SELECT bool_and((cell ->> 'day')::int = d - 1 AND (cell ->> 'hour')::int = n - 1) FROM json_array_elements(h) WITH ORDINALITY AS x (day, d), json_array_elements(day) WITH ORDINALITY AS y (cell, n)) AS in_order
FROM chatbot_com.conversations_heatmap(5499, '2019-03-17', '2019-03-24') AS h;

-- the cells that are not empty
CREATE FUNCTION pg_temp.cells(heatmap json) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(format('%s/%s: %s, %s %%', cell ->> 'day', cell ->> 'hour', cell ->> 'value', cell ->> 'usage'), '; ' ORDER BY d, n)
FROM json_array_elements(heatmap) WITH ORDINALITY AS x (day, d), json_array_elements(day) WITH ORDINALITY AS y (cell, n) WHERE cell ->> 'value' <> '0' OR cell ->> 'usage' <> '0'
$$;
-- usage has two decimals, half up: a third, two thirds; a seventh; one of eight hundred is an eighth of a percent
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id) SELECT bot, timestamptz '2019-03-18 09:00Z' + interval '1 h' * least(n, last), 'user_message', n
FROM (VALUES (5402, 3, 2), (5403, 7, 9), (5404, 800, 2)) AS b (bot, number, last), generate_series(1, number) AS n;
SELECT bot, pg_temp.cells(chatbot_com.conversations_heatmap(bot, '2019-03-18', '2019-03-19')) FROM generate_series(5402, 5404) AS bot;

-- a conversation counts once in a cell, though it may be in several, and in one on several Sundays
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id, source, story_id)
SELECT 5405, timestamptz '2019-03-17 10:00Z' + interval '1 day' * 7 * n, 'user_message', session, source, story FROM generate_series(0, 2) AS n,
	(VALUES ('a', 'widget', 'A'), ('b', 'slack', 'A'), ('c', NULL, NULL)) AS s (session, source, story);
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id, source, story_id) VALUES (5405, '2019-03-18 23:30Z', 'user_message', 'a', 'widget', 'B');
SET kindly_stats.now = '2019-03-27 12:00Z';
SELECT pg_temp.cells(chatbot_com.conversations_heatmap(5405)) AS last_30_days, pg_temp.cells(chatbot_com.conversations_heatmap(5405, period => 'yesterday')) AS yesterday,
	pg_temp.cells(chatbot_com.conversations_heatmap(5405, '2019-03-17', '2019-04-01', source => 'widget')) AS widget, pg_temp.cells(chatbot_com.conversations_heatmap(5405, '2019-03-17', '2019-04-01', source => '-widget')) AS not_widget,
	pg_temp.cells(chatbot_com.conversations_heatmap(5405, '2019-03-17', '2019-04-01', "storyId" => 'A')) AS story_a, pg_temp.cells(chatbot_com.conversations_heatmap(5405, '2019-03-17', '2019-04-01', "storyId" => 'A,B', source => 'widget,slack')) AS stories;

-- offset: minutes ahead of UTC, and the period's days are those of that clock
SELECT "offset", pg_temp.cells(chatbot_com.conversations_heatmap(5405, '2019-03-18', '2019-03-20', "offset" => "offset")) FROM unnest(ARRAY[NULL, 0, 15, 30, 60, 345, 720, -15, -720]) AS "offset";
SELECT "offset", pg_temp.cells(chatbot_com.conversations_heatmap(5405, period => 'thisMonth', "offset" => "offset")) FROM unnest(ARRAY[0, 720, -720]) AS "offset";
SELECT pg_temp.failure(format('SELECT chatbot_com.conversations_heatmap(5405, "offset" => %s)', arguments)) FROM unnest(ARRAY['735', '-735', '721', '-721', '1', '-20', '2147483647', '-2147483648', '0, tz => ''UTC''', '60, tz => ''Europe/Oslo''', 'NULL, tz => NULL']) AS arguments;
-- of the documented minutes, those of whole quarter hours; an error names the nearest of them, which do
CREATE TEMP TABLE asked_offset AS SELECT o AS minutes, pg_temp.failure(format('SELECT chatbot_com.conversations_heatmap(5405, "offset" => %s)', o)) AS answer FROM generate_series(-720, 720) AS o;
SELECT count(*), count(*) FILTER (WHERE answer = 'no error') AS accepted, count(*) FILTER (WHERE answer = 'no error' AND minutes % 15 = 0) AS of_quarter_hours, count(DISTINCT left(answer, 8)) AS outcomes FROM asked_offset;
SELECT count(*) AS refused, bool_and(f.minutes < a.minutes AND t.minutes > a.minutes AND t.minutes - f.minutes = 15 AND f.answer = 'no error' AND t.answer = 'no error') AS nearest
FROM asked_offset AS a, LATERAL regexp_match(a.answer, 'the nearest are (-?[0-9]+) and (-?[0-9]+)') AS n LEFT JOIN asked_offset AS f ON f.minutes = n[1]::int LEFT JOIN asked_offset AS t ON t.minutes = n[2]::int WHERE a.answer <> 'no error';

-- tz: right over switches.  In Oslo the hour from 00:00Z on is one o'clock in winter, two in summer; on the 27th of October two o'clock lasts two hours
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id)
SELECT 5406, at, 'user_message', at FROM generate_series(timestamptz '2019-10-26 21:30Z', '2019-10-27 03:30Z', interval '30 min') AS at;
SELECT pg_temp.cells(chatbot_com.conversations_heatmap(5406, '2019-10-26', '2019-10-29', tz => 'Europe/Oslo')) AS oslo;
SELECT pg_temp.cells(chatbot_com.conversations_heatmap(5406, '2019-10-26', '2019-10-29', "offset" => 60)) AS an_hour_ahead;
SELECT pg_temp.cells(chatbot_com.conversations_heatmap(5406, '2019-10-26', '2019-10-29', tz => 'Australia/Lord_Howe')) AS lord_howe;

-- a range that says only where it ends has more hours than there can be buckets: years without events do not count
SET kindly_stats.now = '2026-03-27 12:00Z';
SELECT pg_temp.cells(chatbot_com.conversations_heatmap(5406, "to" => '2026-01-01', tz => 'Europe/Oslo')) = pg_temp.cells(chatbot_com.conversations_heatmap(5406, '2019-10-26', '2019-10-29', tz => 'Europe/Oslo')) AS same,
	pg_temp.cells(chatbot_com.conversations_heatmap(5406, '0001-01-01', '9999-12-31', tz => 'Europe/Oslo')) = pg_temp.cells(chatbot_com.conversations_heatmap(5406, '2019-10-26', '2019-10-29', tz => 'Europe/Oslo')) AS same_of_all_years,
	pg_temp.cells(chatbot_com.conversations_heatmap(5406, '1950-01-01', '2019-10-27T02:00', tz => 'Europe/Oslo')) AS until_two, pg_temp.cells(chatbot_com.conversations_heatmap(5406, '2019-10-27T02:30', '2090-01-01', tz => 'Europe/Oslo')) AS from_two,
	pg_temp.cells(chatbot_com.conversations_heatmap(5499, "to" => '2026-01-01')) AS nothing;
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id) VALUES (5407, '1970-06-01 12:00Z', 'user_message', 'a'), (5407, '2019-06-01 12:00Z', 'user_message', 'a');
SELECT pg_temp.failure($$SELECT chatbot_com.conversations_heatmap(5407, '1900-01-01', '2026-01-01')$$);
SELECT pg_temp.cells(chatbot_com.conversations_heatmap(5407, "to" => '2026-01-01')) AS since_1974;

-- random events, offsets and zones: plain SQL tells the same
INSERT INTO heatmap_event (bot_id, occurred_at, kind, session_id, source, story_id)
SELECT 5408, timestamptz '2018-12-01 00:00Z' + interval '1 s' * (n::bigint * 7919777 % 40000000), 'user_message', n * 31 % 397, 'source ' || nullif(n * 17 % 5, 0), 'story ' || nullif(n * 11 % 7, 0)
FROM generate_series(1, 4000) AS n;
CREATE FUNCTION pg_temp.check_heatmap(clock text, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (cell ->> 'day')::int, (cell ->> 'hour')::int, (cell ->> 'value')::bigint, (cell ->> 'usage')::numeric
		FROM json_array_elements(chatbot_com.conversations_heatmap(5408, '2019-02-27', '2019-12-03'%s)) AS day, json_array_elements(day) AS cell WHERE cell ->> 'value' <> '0'$q$, arguments),
	format($q$SELECT d, h, n, trim_scale(round(100 * n / sum(n) OVER (), 2)) FROM (SELECT extract(dow FROM local)::int AS d, extract(hour FROM local)::int AS h, count(DISTINCT session_id) AS n
		FROM heatmap_event AS e, LATERAL (SELECT e.occurred_at AT TIME ZONE %s AS local) AS l WHERE e.bot_id = 5408 AND local >= '2019-02-27' AND local < '2019-12-03' AND %s GROUP BY 1, 2) AS counted$q$, clock, condition))
$$;
SELECT tz, pg_temp.check_heatmap(quote_literal(tz), format(', tz => %L', tz), 'true') AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Havana', 'Africa/Cairo']) AS tz;
SELECT "offset", pg_temp.check_heatmap(format('interval ''%s min''', "offset"), format(', "offset" => %s', "offset"), 'true') AS differences FROM generate_series(-720, 720, 195) AS "offset";
SELECT arguments, pg_temp.check_heatmap('interval ''0''', arguments, condition) AS differences FROM (VALUES (', source => ''source 1''', 'source = ''source 1'''), (', source => ''-source 1''', 'source IS DISTINCT FROM ''source 1'''),
	(', "storyId" => ''story 1,story 2''', 'story_id IN (''story 1'', ''story 2'')'), (', "storyId" => ''-story 1'', source => ''source 1,source 2''', 'story_id <> ''story 1'' AND source IN (''source 1'', ''source 2'')')) AS f (arguments, condition);

DELETE FROM heatmap_event;
DROP TABLE heatmap_event;
