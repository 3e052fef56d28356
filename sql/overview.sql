--
-- kindly_api.overview(): many cards in one answer, each as its own function says it
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_overview;
CREATE DATABASE regression_kindly_overview;
\c regression_kindly_overview
SET timezone = 'UTC';
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('public.event');
SELECT kindly_stats.create_conversation_table('public.conversation');
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, topic, is_fallback, web_path)
SELECT 1, timestamptz '2024-03-01 09:00Z' + n * interval '5 hours', (ARRAY['user_message', 'bot_reply'])[1 + n % 2], 's' || n / 4, 'u' || n % 7, (ARRAY['web', '-odd', '', NULL])[1 + n / 2 % 4],
	   (ARRAY['en', 'nb'])[1 + n / 2 % 2], (ARRAY['orders', NULL])[1 + n / 2 % 2], n % 10 = 1, '/' || n % 3
FROM generate_series(0, 199) AS n;
INSERT INTO event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id) VALUES (1, '2024-03-12Z', 'button_click', 'b', 'quick_reply', 'd'), (1, '2024-03-12Z', 'button_click', 'c', NULL, NULL);
INSERT INTO kindly_stats.interaction (bot_id, interaction_id, interaction_name) VALUES (1, 'd', 'Opening hours'), (2, 'c', 'of another bot');
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, conversation_status, last_resolution, triggered_intent_replies, bot_messages_count)
VALUES (1, 'c', '2024-03-12Z', '2024-03-12 01:00Z', 'botHandled', 'resolved', '[{"intent_name": "Track", "not_meaningful": false}]', 1);

CREATE TEMP TABLE answer AS
SELECT o.* FROM json_each(kindly_api.overview(1, '2024-03-10', '2024-03-20', 'Europe/Oslo', before_from => '2024-02-29', before_to => '2024-03-10')) AS o (card, answer);
CREATE FUNCTION pg_temp.now(card text) RETURNS jsonb LANGUAGE sql RETURN (SELECT a.answer::jsonb -> 'now' FROM answer AS a WHERE a.card = now.card);
-- all cards are there, and those that are compared have what was before
SELECT string_agg(card, ' ' ORDER BY card) FROM answer;
SELECT string_agg(card, ' ' ORDER BY card) FROM answer WHERE answer ->> 'before' IS NOT NULL;
-- each as its own function says it
SELECT pg_temp.now('chats') -> 'series' = (sage.sessions_chats(1, '2024-03-10', '2024-03-20', 'Europe/Oslo') -> 'data')::jsonb,
	   pg_temp.now('messages') -> 'series' = (sage.sessions_messages(1, '2024-03-10', '2024-03-20', 'Europe/Oslo') -> 'data')::jsonb,
	   pg_temp.now('pages') = (sage.chatbubble_pages(1, '2024-03-10', '2024-03-20', 'Europe/Oslo', 5) -> 'data')::jsonb;
SELECT pg_temp.now('chats') ->> 'chats', count(DISTINCT session_id), pg_temp.now('chats') ->> 'messages', count(*), pg_temp.now('users') ->> 'users', count(DISTINCT user_id) FROM event
 WHERE kind = 'user_message' AND occurred_at >= '2024-03-10 00:00 Europe/Oslo' AND occurred_at < '2024-03-20 00:00 Europe/Oslo';
SELECT sum(n::int), count(*) FROM jsonb_array_elements_text(pg_temp.now('heatmap')) AS n;
SELECT pg_temp.now('fallbacks') -> 'replies', pg_temp.now('topics'), pg_temp.now('links');
SELECT jsonb_pretty(pg_temp.now('buttons'));
SELECT pg_temp.now('outcomes') -> 'list', pg_temp.now('outcomes') #> '{rates,automation_rate}', pg_temp.now('intents');
-- by source, also without one, with values that lists need a backslash for
SELECT s ->> 'value', s ->> 'messages', s ->> 'chats' FROM jsonb_array_elements(pg_temp.now('sources')) AS s;
SELECT coalesce(source, 'none'), count(*), count(DISTINCT session_id) FROM event
 WHERE kind = 'user_message' AND occurred_at >= '2024-03-10 00:00 Europe/Oslo' AND occurred_at < '2024-03-20 00:00 Europe/Oslo' GROUP BY 1 ORDER BY 2 DESC, 1;
-- under a filter, those that it lets through
SELECT kindly_api.overview(1, '2024-03-10', '2024-03-20', sources => '{\\-odd,web}', cards => '{sources,intents}');
SELECT kindly_api.overview(1, '2024-03-10', '2024-03-20', sources => '{-\\-odd,-web}', cards => '{sources}');
-- who came in a range and never before: each user in one of two ranges beside each other
SELECT kindly_api.overview(1, '2024-03-01', '2024-03-02', cards => '{users}') #>> '{users,now,created}', kindly_api.overview(1, '2024-03-02', '2024-05-01', cards => '{users}') #>> '{users,now,created}',
	   count(DISTINCT user_id) FROM event WHERE kind = 'user_message';
-- a measure that has been taken away has nothing
DELETE FROM kindly_stats.measure WHERE name = 'topics';
SELECT kindly_api.overview(1, '2024-03-10', '2024-03-20', cards => '{topics}');
-- a bot without events
SELECT kindly_api.overview(3, '2024-03-10', '2024-03-11', cards => '{chats,users,sources,buttons}');
-- errors
SELECT kindly_api.overview(1, '2024-03-10', '2024-03-20', cards => '{chats,cats}');
SELECT kindly_api.overview(1, '2024-03-10', '2024-03-20', before_from => '2024-03-01');
SELECT kindly_api.overview(1, '2024-03-10');
SELECT kindly_api.overview(1, '2024-03-10', '2024-03-20', granularity => 'fortnight');
\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_overview;
