-- fixtures.sql: what the documents' examples were counted from, a bot for each,
-- and a bot with a life of two years.  The regression tests of the same names
-- say what must not be counted; here it is the way through the servers that is
-- tested.

SELECT kindly_stats.create_event_table('chat_event') \g /dev/null

-- messages and chats: a session goes on for several days
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT bot, day + interval '86399.999999 s' * (n - 1) / (messages - 1), 'user_message', 'session ' || n % chats,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % chats % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 485, 1661), ('2019-07-02 00:00Z', 434, 1507), ('2019-07-03 00:00Z', 459, 1563),
	('2019-07-04 00:00Z', 446, 1572), ('2019-07-05 00:00Z', 355, 1227), ('2019-07-06 00:00Z', 283, 964)) AS d (day, chats, messages),
	generate_series(1, messages) AS n, (VALUES (2001)) AS b (bot);

-- replies and fallbacks whose rates are the documented ones; the documented counts are these divided by ten
INSERT INTO chat_event (bot_id, occurred_at, kind, is_fallback, source, language_code)
SELECT 2002, day + interval '86399.999999 s' * (n - 1) / (replies - 1), 'bot_reply', n <= fallbacks,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 1776, 14638), ('2019-07-02 00:00Z', 1618, 13405), ('2019-07-03 00:00Z', 1383, 13855),
	('2019-07-04 00:00Z', 1497, 14030), ('2019-07-05 00:00Z', 1144, 10999), ('2019-07-06 00:00Z', 948, 8704)) AS d (day, fallbacks, replies),
	generate_series(1, replies) AS n;

-- pages, the third of which is not the last
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, web_host, web_path)
SELECT 2003, timestamptz '2019-07-01 00:00Z' + interval '518399.999999 s' * (n - 1) / (messages - 1), 'user_message', 'session ' || n % sessions, host, path
FROM (VALUES ('www.example.com', '/', 1615, 465), ('www.example.no', '/', 1512, 428), ('www.example.com', '/page', 784, 264),
	('www.example.com', '/blåbær?q="x"\', 783, 783)) AS p (host, path, messages, sessions), generate_series(1, messages) AS n;

-- handovers by day, and another bot's in all
INSERT INTO chat_event (bot_id, occurred_at, kind)
SELECT 2004, day + interval '86399.999999 s' * (n - 1) / greatest(times - 1, 1), kind
FROM (VALUES (timestamptz '2019-09-16 00:00Z', 40, 58, 0, 44), ('2019-09-17 00:00Z', 27, 40, 0, 28), ('2019-09-18 00:00Z', 35, 44, 0, 35),
	('2019-09-19 00:00Z', 55, 88, 0, 55), ('2019-09-20 00:00Z', 64, 86, 0, 65), ('2019-09-21 00:00Z', 0, 0, 2, 0),
	('2019-09-22 00:00Z', 0, 0, 1, 0)) AS d (day, ended, requests, closed, started),
	LATERAL (VALUES ('handover_ended', ended), ('handover_request', requests), ('handover_request_closed', closed), ('handover_started', started)) AS k (kind, times),
	generate_series(1, times) AS n
UNION ALL
SELECT 2005, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / (times - 1), kind
FROM (VALUES ('handover_ended', 44), ('handover_request', 79), ('handover_request_closed', 3), ('handover_started', 47)) AS k (kind, times),
	generate_series(1, times) AS n;

-- ratings
INSERT INTO chat_event (bot_id, occurred_at, kind, rating_type, rating)
SELECT 2006, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / 99, 'feedback', 'binary', 1 + n % 2
FROM generate_series(1, 100) AS n;

-- buttons: 376 clicks in all
INSERT INTO chat_event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id)
SELECT 2007, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / (clicks - 1), 'button_click', button, type, dialogue
FROM (VALUES
	('9d09d898-90d5-4ba9-879c-7faa0f3ec629', 'quick_reply', 46, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('6b0c5cc7-d612-4f1e-bfd9-6057130146f3', 'dialogue_trigger', 26, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('a75a41b7-0132-4c0c-9cf7-82cb500c8af9', 'dialogue_trigger', 23, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('17b666ac-0276-478b-a626-8659a90a1a25', 'quick_reply', 20, 'c4aaf069-a0b0-4eb1-ba65-81f46f8c8ecc'),
	('4f85b25b-b793-4d20-9479-3c2c5b224ebf', 'dialogue_trigger', 17, '72f96a8f-4aaf-4ac2-bb73-1cbec8f2aa57')
	) AS b (button, type, clicks, dialogue), generate_series(1, clicks) AS n
UNION ALL
SELECT 2007, '2019-09-18 12:00Z', 'button_click', 'other ' || n % 16, 'link', 'dialogue' FROM generate_series(1, 244) AS n;

-- labels
INSERT INTO chat_event (bot_id, occurred_at, kind, label_id, label_text)
SELECT 2008, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / (times - 1), 'label_added', id, label
FROM (VALUES ('2e08978f-24f0-4207-97c0-8945e19b751e', 'Label 3', 2), ('50e57dca-9045-46bf-93d4-55de77795444', 'Another label', 2),
	('35bf04c0-392d-46a0-a741-4d660134d461', 'Some label', 5)) AS l (id, label, times), generate_series(1, times) AS n;

-- the first and the last event, and what can be filtered by
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 2009, CASE n WHEN 1 THEN timestamptz '2019-04-28 07:22:52.825Z' WHEN 900 THEN '2019-09-04 06:48:41.1Z'
	ELSE timestamptz '2019-04-28 08:00Z' + n * interval '3 hours' END, 'user_message', n::text,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['nb', 'en', NULL])[1 + n % 3]
FROM generate_series(1, 900) AS n;

-- two years of bots 1 and 2
\set bots 2
\set sessions 400
\set table chat_event
\set year 2024
\ir ../generate.sql
\set year 2025
\set seed 101
\ir ../generate.sql

-- ChatBot.com: 1 to 7 of conversations, paid ones, messages of one conversation, and messages of each conversation, on seven
-- days up to the 23rd; all is asked on the 27th
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, paid)
SELECT bot, timestamptz '2019-03-16 00:00Z' + interval '24 h' * n + interval '1 h' * i, 'user_message', CASE WHEN bot > 2012 THEN 0 ELSE i END, bot = 2012
FROM generate_series(2011, 2014) AS bot, generate_series(1, 7) AS n, generate_series(1, n) AS i;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES (2015, '2019-03-24 00:30Z', 'user_message', 'one');
INSERT INTO chat_event (bot_id, occurred_at, kind, interaction_id, interaction_name, interaction_type, interaction_parent_id)
SELECT 2016, at, 'interaction', id, name, type, parent
FROM (VALUES (timestamptz '2019-03-20 12:00Z', 2, '5b07ffafc2376e30306d9b16', 'bar', NULL, NULL),
	('2019-03-20 12:00Z', 1, NULL, 'Fallback Interaction', 'contextFallback', '5b07ffafc2376e30306d9b16'), ('2018-03-20 12:00Z', 1, '5b07ff77c2376e30306d9b12', 'foo', NULL, NULL),
	('2018-03-20 12:00Z', 1, NULL, 'Fallback Interaction', 'fallback', NULL), ('2018-03-20 12:00Z', 1, NULL, 'Welcome Interaction', 'welcome', NULL)
	) AS i (at, times, id, name, type, parent), generate_series(1, times);
ALTER DATABASE :"DBNAME" SET kindly_stats.now = '2019-03-27 09:41:00Z';

-- LogicDialog's workspaces
INSERT INTO kindly_stats.bot_name (id, name) VALUES (1, 'First & last'), (2, 'second');

-- Ultimate's conversations, some of which went on after midnight or are open still
SELECT kindly_stats.create_conversation_table('conversation') \g /dev/null
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, channel, labels, conversations_data,
	conversation_status, last_resolution, triggered_intent_replies, bot_messages_count, visitor_messages_count, not_understood_messages_count)
SELECT bot, 'c' || n, at, CASE WHEN n % 50 <> 0 THEN at + n * interval '1 minute' END, (ARRAY['en', 'nb'])[1 + n % 2], (ARRAY['chat', 'ticket'])[1 + n % 3 / 2],
	ARRAY['label ' || n % 4], jsonb_build_object('order', n), (ARRAY['botHandled', 'agent', 'email', 'customEscalation', 'failedEscalation'])[1 + n % 5],
	(ARRAY['informed', 'resolved', 'escalated', 'undefined'])[1 + n % 4],
	jsonb_build_array(jsonb_build_object('intent_name', 'Greeting', 'not_meaningful', false, 'intent_timestamp', at),
		jsonb_build_object('intent_name', 'intent ' || n % 3, 'not_meaningful', false, 'intent_timestamp', at + interval '10 s')), n % 4, n % 6, n % 2
FROM generate_series(1, 2) AS bot, generate_series(1, 300) AS n, LATERAL (SELECT timestamptz '2024-06-30 12:00Z' + n * interval '9 minutes' AS at) AS t;

-- Bots whose ids are texts and UUIDs
CREATE TABLE text_event (bot_id text, occurred_at timestamptz, kind text, session_id text);
CREATE TABLE uuid_event (bot_id uuid, occurred_at timestamptz, kind text, session_id text);
SELECT kindly_stats.attach('text_event'), kindly_stats.attach('uuid_event') \g /dev/null
INSERT INTO text_event VALUES ('acme-support', '2024-06-01 12:00Z', 'user_message', 'a'), ('acme-support', '2024-06-02 12:00Z', 'user_message', 'b'), ('acme-support', '2024-06-02 13:00Z', 'user_message', 'c'),
	('shop/42 & "søk" 🤖', '2024-06-01 12:00Z', 'user_message', 'a'), ('4200', '2024-06-01 12:00Z', 'user_message', 'a');
INSERT INTO uuid_event SELECT 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '2024-06-02 12:00Z', 'user_message', n FROM generate_series(1, 3) AS n;
CREATE TABLE text_talk (LIKE conversation INCLUDING DEFAULTS);
ALTER TABLE text_talk ALTER COLUMN bot_id TYPE text;
SELECT kindly_stats.attach_conversations('text_talk') \g /dev/null
INSERT INTO text_talk (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count) VALUES ('acme-support', 't1', '2024-06-01 12:00Z', '2024-06-01 12:30Z', 1);
