--
-- LogicDialog: nlp, message, message-groups, sentiment, events, urlTracking
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

SELECT kindly_stats.create_event_table('logicdialog_messages_event');
INSERT INTO kindly_stats.bot_name VALUES (8121, 'messages');

-- Inputs that matched an intent, that did not, and a button's text, which is no natural language.
INSERT INTO logicdialog_messages_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, topic, intent, matched, sentiment) VALUES
	(8121, '2024-04-01 09:00Z', 'user_message', 's1', 'ada', 'web', 'en', 'delivery', 'where_is_my_order', true, 'neutral'),
	(8121, '2024-04-01 09:01Z', 'user_message', 's1', 'ada', 'web', 'en', 'delivery', NULL, false, 'negative'),
	(8121, '2024-04-01 09:02Z', 'user_message', 's1', 'ada', 'web', 'en', NULL, NULL, NULL, NULL),
	(8121, '2024-04-01 12:00Z', 'user_message', 's2', 'bo', 'app', 'nb', 'Åpningstider "i dag"', 'opening_hours', true, 'positive'),
	(8121, '2024-04-01 23:59:59.999999Z', 'user_message', 's2', 'bo', 'app', 'nb', 'invoice', 'pay', true, 'positive'),
	(8121, '2024-04-03 00:00Z', 'user_message', 's2', 'bo', 'app', 'nb', 'invoice', NULL, false, 'negative'),
	(8121, '2024-04-03 10:00Z', 'user_message', 's3', NULL, NULL, NULL, 'delivery', 'where_is_my_order', true, 'negative'),
	(8121, '2024-04-03 10:01Z', 'user_message', NULL, NULL, NULL, NULL, '', 'empty', true, 'neutral'),
	(8121, '2024-04-03 10:02Z', 'user_message', 's4', NULL, NULL, NULL, NULL, NULL, true, 'furious');
-- what the bot says has neither topic nor sentiment, whatever its columns are
INSERT INTO logicdialog_messages_event (bot_id, occurred_at, kind, session_id, topic, matched, sentiment, event_name, url)
SELECT 8121, '2024-04-01 10:00Z', k, 's1', 'delivery', true, 'positive', CASE WHEN k <> 'event_triggered' THEN 'no event' END, CASE WHEN k <> 'link_click' THEN 'no link' END
FROM unnest(ARRAY['bot_reply', 'button_click', 'handover_started', 'event_triggered', 'link_click', 'feedback']) AS k;
-- events of the workspace, links in responses
INSERT INTO logicdialog_messages_event (bot_id, occurred_at, kind, session_id, event_name, url)
SELECT 8121, timestamptz '2024-04-01 00:00Z' + n * interval '1 hour', 'event_triggered', 's1', (ARRAY['Welcome', 'Timeout', 'Welcome', 'Zendesk: "created"'])[1 + n % 4], NULL FROM generate_series(0, 71) AS n
UNION ALL
SELECT 8121, timestamptz '2024-04-01 00:00Z' + n * interval '1 hour', 'link_click', 's1', NULL, (ARRAY['https://example.com/', 'https://example.com/?q=blåbær&a=1', 'https://example.com/', 'mailto:a@example.com', 'tel:1'])[1 + n % 5] FROM generate_series(0, 71) AS n;
-- the instants on both sides, another bot
INSERT INTO logicdialog_messages_event (bot_id, occurred_at, kind, session_id, topic, matched, sentiment, event_name, url)
SELECT bot, at, k, 'other', 'other', true, 'positive', 'other', 'other'
FROM (VALUES (8121, timestamptz '2024-03-31 23:59:59.999999Z'), (8121, '2024-04-04 00:00Z'), (8122, '2024-04-02 12:00Z')) AS v (bot, at), unnest(ARRAY['user_message', 'event_triggered', 'link_click']) AS k;

-- "The number of natural language inputs that have had a success, and those that have not been able to match an intent"
SELECT logicdialog.nlp('2024-04-01', '2024-04-04', 'messages');
SELECT logicdialog.nlp('2024-04-01', '2024-04-04', 'messages', 'week');
-- a reviewer finds that an input did match, and that another one was no natural language
BEGIN;
UPDATE logicdialog_messages_event SET matched = true WHERE occurred_at = '2024-04-01 09:01Z';
UPDATE logicdialog_messages_event SET matched = NULL WHERE occurred_at = '2024-04-03 00:00Z';
SELECT x FROM json_array_elements(logicdialog.nlp('2024-04-01', '2024-04-04', 'messages') -> 'data') AS x;
ROLLBACK;
-- "The number of chat messages sent by the users in the selected time period."
SELECT logicdialog.message('2024-04-01', '2024-04-04', 'messages');
SELECT count(*) FROM logicdialog_messages_event WHERE bot_id = 8121 AND kind = 'user_message' AND occurred_at >= '2024-04-01 00:00Z' AND occurred_at < '2024-04-04 00:00Z';
-- "The identified topic the user was asking about for the days within the time period."
SELECT logicdialog.message_groups('2024-04-01', '2024-04-04', 'messages');
SELECT logicdialog.message_groups('2024-04-01', '2024-04-04', 'messages', 'month');
-- "The number of positive, negative and neutral conversations for the given time period."  One that showed several counts in each,
-- and in a longer bucket still once in each.
SELECT logicdialog.sentiment('2024-04-01', '2024-04-04', 'messages');
SELECT logicdialog.sentiment('2024-04-01', '2024-04-04', 'messages', 'month');
-- "A count of the number of times each event in the workspace has been called during the given time period."
SELECT logicdialog.events('2024-04-01', '2024-04-04', 'messages');
SELECT logicdialog.events('2024-04-01', '2024-04-02', 'messages');
-- "The counts of the links clicked on within the responses within the time period specified."
SELECT logicdialog.url_tracking('2024-04-01', '2024-04-04', 'messages');
SELECT logicdialog.url_tracking('2024-04-01T06:00', '2024-04-01T06:59:59Z', 'messages', 'hour');
-- what happens no more leaves the list
BEGIN;
DELETE FROM logicdialog_messages_event WHERE event_name = 'Welcome' OR url = 'https://example.com/';
SELECT logicdialog.events('2024-04-01', '2024-04-04', 'messages') -> 'data', logicdialog.url_tracking('2024-04-01', '2024-04-04', 'messages') -> 'data';
ROLLBACK;

-- every resolution and zone tells what plain SQL tells, over random messages of a year, too
INSERT INTO logicdialog_messages_event (bot_id, occurred_at, kind, session_id, topic, matched, sentiment)
SELECT 8121, timestamptz '2024-01-01 00:00Z' + ((hashint4(n)::bigint + 2147483648) * 366 * 86400 / 4294967296) * interval '1 second', CASE WHEN n % 7 = 0 THEN 'bot_reply' ELSE 'user_message' END,
	's' || n % 1700, 't' || n % 11, (ARRAY[true, true, false, NULL])[1 + n % 4], (ARRAY['positive', 'neutral', NULL, 'negative', 'other'])[1 + n % 5]
FROM generate_series(1, 5000) AS n;
-- the query's own columns: those of the answer's lines (x), those of plain SQL
CREATE FUNCTION pg_temp.check(call text, told text, lines text, counted text, condition text, tz text, unit text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamptz, %s FROM json_array_elements(logicdialog.%I('2024-01-01', '2025-01-01', 'messages', %L, %L) -> 'data') AS x%s$q$, told, call, unit, tz, lines),
	format($q$SELECT date_trunc(%3$L, occurred_at, %2$L), %1$s FROM logicdialog_messages_event WHERE bot_id = 8121 AND kind = 'user_message'
		AND occurred_at AT TIME ZONE %2$L >= date_trunc(%3$L, timestamp '2024-01-01') AND occurred_at AT TIME ZONE %2$L < '2025-01-01' AND %4$s$q$, counted, tz, unit, condition))
$$;
SELECT tz, unit, call FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['day', 'week', 'month', 'quarter']) AS unit, (VALUES
	('message', $q$(x ->> 'messages')::bigint$q$, '', 'count(*)', 'true GROUP BY 1'),
	('nlp', $q$(x ->> 'matched')::bigint, (x ->> 'unmatched')::bigint$q$, '', 'count(*) FILTER (WHERE matched), count(*) FILTER (WHERE NOT matched)', 'true GROUP BY 1'),
	('sentiment', $q$(x ->> 'positive')::bigint, (x ->> 'negative')::bigint, (x ->> 'neutral')::bigint$q$, '',
		(SELECT string_agg(format('count(DISTINCT session_id) FILTER (WHERE sentiment = %L)', s), ', ') FROM unnest(ARRAY['positive', 'negative', 'neutral']) AS s), 'true GROUP BY 1'),
	('message_groups', $q$t ->> 'topic', (t ->> 'messages')::bigint$q$, $q$, json_array_elements(x -> 'topics') AS t$q$, 'topic, count(*)', 'topic IS NOT NULL GROUP BY 1, 2')
) AS c (call, told, lines, counted, condition) WHERE pg_temp.check(call, told, lines, counted, condition, tz, unit) <> 0;

DELETE FROM logicdialog_messages_event;
DELETE FROM kindly_stats.bot_name WHERE bot_id = 8121;
DROP TABLE logicdialog_messages_event;
