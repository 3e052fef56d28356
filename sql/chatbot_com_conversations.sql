--
-- ChatBot.com: conversations, conversations.paid, conversations.messages, conversations.avg
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

SELECT kindly_stats.create_event_table('chatbot_event');

-- The documented month: 1 to 7 on seven days from the 17th on; bot 5101 has as many conversations (of one message, but for
-- every third, of two), 5102 as many paid ones, 5103 as many messages in one conversation, 5104 as many in each of two.
INSERT INTO chatbot_event (bot_id, occurred_at, kind, session_id, paid)
SELECT bot, timestamptz '2019-03-16 00:00Z' + interval '24 h' * n + interval '1 h' * i + interval '1 min' * message, 'user_message',
	CASE bot WHEN 5103 THEN 0 WHEN 5104 THEN i % 2 ELSE i END, bot = 5102 AND message = 1
FROM generate_series(5101, 5104) AS bot, generate_series(1, 7) AS n, generate_series(1, CASE bot WHEN 5104 THEN 2 * n ELSE n END) AS i,
	generate_series(1, CASE WHEN bot IN (5101, 5102) AND i % 3 = 0 THEN 2 ELSE 1 END) AS message;
-- what is not counted: the instants on both sides, what only the bot said, another bot, conversations that nobody pays for
INSERT INTO chatbot_event (bot_id, occurred_at, kind, session_id, paid)
SELECT bot, occurred_at, kind, 'not counted', true FROM generate_series(5101, 5104) AS bot, (VALUES (timestamptz '2019-02-28 23:59:59.999999Z', 'user_message'),
	('2019-03-28 00:00Z', 'user_message'), ('2019-03-20 12:00Z', 'bot_reply'), ('2019-03-20 12:00Z', 'button_click')) AS e (occurred_at, kind);
INSERT INTO chatbot_event (bot_id, occurred_at, kind, session_id, paid) VALUES
	(5100, '2019-03-20 12:00Z', 'user_message', 'another bot', true), (5102, '2019-03-20 12:00Z', 'user_message', 'free', false),
	(5102, '2019-03-21 12:00Z', 'user_message', 'nobody knows', NULL);
-- a message outside of any conversation is a message, and no conversation
INSERT INTO chatbot_event (bot_id, occurred_at, kind) VALUES (5101, '2019-03-20 12:00Z', 'user_message');

-- this month, asked on the 27th: the page shows the last 11 of 27 days, character for character
SET kindly_stats.now = '2019-03-27 09:41:00Z';
CREATE FUNCTION pg_temp.is_documented(answer json) RETURNS boolean LANGUAGE sql AS $$
SELECT json_array_length(answer -> 'data') = 27
	AND starts_with(answer::text, '{"data":[{"date":"2019-03-01T00:00:00.000Z","value":0},{"date":"2019-03-02T00:00:00.000Z","value":0}')
	AND right(answer::text, length(d)) = d
FROM (SELECT substr(regexp_replace('{
  "data": [
    {
      "date": "2019-03-17T00:00:00.000Z",
      "value": 1
    },
    {
      "date": "2019-03-18T00:00:00.000Z",
      "value": 2
    },
    {
      "date": "2019-03-19T00:00:00.000Z",
      "value": 3
    },
    {
      "date": "2019-03-20T00:00:00.000Z",
      "value": 4
    },
    {
      "date": "2019-03-21T00:00:00.000Z",
      "value": 5
    },
    {
      "date": "2019-03-22T00:00:00.000Z",
      "value": 6
    },
    {
      "date": "2019-03-23T00:00:00.000Z",
      "value": 7
    },
    {
      "date": "2019-03-24T00:00:00.000Z",
      "value": 0
    },
    {
      "date": "2019-03-25T00:00:00.000Z",
      "value": 0
    },
    {
      "date": "2019-03-26T00:00:00.000Z",
      "value": 0
    },
    {
      "date": "2019-03-27T00:00:00.000Z",
      "value": 0
    }
  ],
  "summary": {
    "total": 28,
    "min": 0,
    "max": 7,
    "avg": 1.04
  }
}', '\s', '', 'g'), length('{"data":[') + 1) AS d) AS documented
$$;
SELECT pg_temp.is_documented(chatbot_com.conversations(bot => 5101, period => 'thisMonth')) AS conversations,
	pg_temp.is_documented(chatbot_com.conversations_paid(bot => 5102, period => 'thisMonth')) AS paid,
	pg_temp.is_documented(chatbot_com.conversations_messages(bot => 5103, period => 'thisMonth')) AS messages,
	pg_temp.is_documented(chatbot_com.conversations_avg(bot => 5104, period => 'thisMonth')) AS avg;
SELECT chatbot_com.conversations(5101, '2019-03-17', '2019-03-28');
-- each report counts what its name says: the same days of other bots are otherwise
SELECT bot, r.report, r.answer -> 'summary' AS summary FROM generate_series(5101, 5104) AS bot, LATERAL (VALUES
	('conversations', chatbot_com.conversations(bot, period => 'thisMonth')), ('paid', chatbot_com.conversations_paid(bot, period => 'thisMonth')),
	('messages', chatbot_com.conversations_messages(bot, period => 'thisMonth')), ('avg', chatbot_com.conversations_avg(bot, period => 'thisMonth'))) AS r (report, answer);
RESET kindly_stats.now;

-- two decimals, half up; no trailing zeros; 0 without conversations
SELECT chatbot_com.conversations_avg(5101, '2019-03-19', '2019-03-25');
INSERT INTO chatbot_event (bot_id, occurred_at, kind, session_id)
SELECT 5105, timestamptz '2019-03-01 00:00Z' + interval '24 h' * day + interval '1 s' * n, 'user_message', n % sessions
FROM (VALUES (1, 201, 200), (2, 203, 200), (3, 1000, 1000), (4, 15, 10), (5, 10, 3), (6, 20, 3), (7, 1000000 / 50, 1)) AS d (day, messages, sessions), generate_series(1, messages) AS n;
INSERT INTO chatbot_event (bot_id, occurred_at, kind) VALUES (5105, '2019-03-09 12:00Z', 'user_message');
SELECT chatbot_com.conversations_avg(5105, '2019-03-02', '2019-03-11');
SELECT chatbot_com.conversations_messages(5105, '2019-03-09', '2019-03-11');
-- 29 in 5800 days are half a hundredth a day, in 5801 a little less
SELECT days, chatbot_com.conversations(5101, '2019-03-17', timestamp '2019-03-17' + interval '1 day' * days) -> 'summary' AS summary FROM unnest(ARRAY[1, 3, 8, 9, 12, 5800, 5801]) AS days;

-- nothing was ever said
SELECT chatbot_com.conversations(5199, '2019-03-17', '2019-03-19');
SELECT chatbot_com.conversations_paid(5199, '2019-03-17', '2019-03-19', "group" => 'source');
SELECT chatbot_com.conversations_avg(5199, '2019-03-17', '2019-03-19', "group" => 'storyId');

-- a conversation counts once in every bucket it is in; plain SQL tells the same in any zone
INSERT INTO chatbot_event (bot_id, occurred_at, kind, session_id, source, story_id, paid)
SELECT 5106, timestamptz '2018-12-01 00:00Z' + interval '1 min' * (n * 7919 % 600000), 'user_message', n * 31 % 97,
	(ARRAY['widget', 'slack', 'messenger', NULL])[1 + n % 4], (ARRAY['5b07ffafc2376e30306d9b16', '5b07ff77c2376e30306d9b12', NULL])[1 + n / 4 % 3], (ARRAY[true, false, NULL])[1 + n / 12 % 3]
FROM generate_series(1, 3000) AS n;
CREATE FUNCTION pg_temp.check_report(report text, tz text, dimension text, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamptz, (x ->> 'value')::numeric
		FROM json_array_elements(chatbot_com.%I(5106, '2019-02-27', '2019-04-03', tz => %L, dimension => %L%s) -> 'data') AS x WHERE x ->> 'value' <> '0'$q$,
		report, tz, dimension, arguments),
	format($q$SELECT date_trunc(%1$L, e.occurred_at, %2$L), trim_scale(round((%3$s)::numeric, 2)) FROM chatbot_event AS e
		WHERE e.bot_id = 5106 AND e.kind = 'user_message' AND e.occurred_at AT TIME ZONE %2$L >= '2019-02-27'
		AND e.occurred_at AT TIME ZONE %2$L < '2019-04-03' AND %4$s GROUP BY 1$q$,
		dimension, tz, CASE report WHEN 'conversations_messages' THEN 'count(*)' WHEN 'conversations_avg' THEN 'count(*)::numeric / count(DISTINCT e.session_id)'
		ELSE 'count(DISTINCT e.session_id)' END, condition || CASE report WHEN 'conversations_paid' THEN ' AND e.paid' ELSE '' END))
$$;
SELECT report, tz, dimension FROM unnest(ARRAY['conversations', 'conversations_paid', 'conversations_messages', 'conversations_avg']) AS report,
	unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Asia/Kolkata']) AS tz,
	unnest(ARRAY['hour', 'day', 'month', 'year']) AS dimension
WHERE pg_temp.check_report(report, tz, dimension, '', 'true') <> 0;

-- sources and stories: one or a list, and with a minus what is left out; no source passes where a source is left out, but
-- a message without a story has no part in questions about stories
SELECT report, arguments, pg_temp.check_report(report, 'Europe/Oslo', 'day', arguments, condition) AS differences
FROM unnest(ARRAY['conversations', 'conversations_paid', 'conversations_messages', 'conversations_avg']) AS report, (VALUES
	($$, source => 'widget'$$, $$source = 'widget'$$), ($$, source => 'widget,slack'$$, $$source IN ('widget', 'slack')$$),
	($$, source => '["widget","slack"]'$$, $$source IN ('widget', 'slack')$$), ($$, source => '-slack'$$, $$source IS DISTINCT FROM 'slack'$$),
	($$, "storyId" => '5b07ffafc2376e30306d9b16'$$, $$story_id = '5b07ffafc2376e30306d9b16'$$),
	($$, "storyId" => '5b07ffafc2376e30306d9b16,5b07ff77c2376e30306d9b12'$$, $$story_id IS NOT NULL$$),
	($$, "storyId" => '-5b07ffafc2376e30306d9b16'$$, $$story_id <> '5b07ffafc2376e30306d9b16'$$),
	($$, source => '-slack', "storyId" => '{5b07ffafc2376e30306d9b16}'$$, $$source IS DISTINCT FROM 'slack' AND story_id = '5b07ffafc2376e30306d9b16'$$),
	($$, source => 'nowhere'$$, 'false'), ($$, "storyId" => 'nowhere'$$, 'false')) AS f (arguments, condition) ORDER BY arguments COLLATE "C", report COLLATE "C";

-- late, corrected and deleted events are in the very next answer
INSERT INTO chatbot_event (bot_id, occurred_at, kind, session_id, paid) VALUES (5107, '2019-03-17 10:00Z', 'user_message', 'a', false), (5107, '2019-03-17 11:00Z', 'user_message', 'a', false);
SELECT chatbot_com.conversations_avg(5107, '2019-03-17', '2019-03-18') -> 'data' AS avg, chatbot_com.conversations_paid(5107, '2019-03-17', '2019-03-18') -> 'data' AS paid;
UPDATE chatbot_event SET paid = true, session_id = CASE WHEN occurred_at < '2019-03-17 11:00Z' THEN 'b' ELSE 'a' END WHERE bot_id = 5107;
SELECT chatbot_com.conversations_avg(5107, '2019-03-17', '2019-03-18') -> 'data' AS avg, chatbot_com.conversations_paid(5107, '2019-03-17', '2019-03-18') -> 'data' AS paid;
DELETE FROM chatbot_event WHERE bot_id = 5107 AND session_id = 'b';
SELECT chatbot_com.conversations_avg(5107, '2019-03-17', '2019-03-18') -> 'data' AS avg, chatbot_com.conversations_paid(5107, '2019-03-17', '2019-03-18') -> 'data' AS paid;

DELETE FROM chatbot_event;
DROP TABLE chatbot_event;
