--
-- kindly_api.overview(): many cards in one answer, each as its own function says it
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_overview;
CREATE DATABASE regression_kindly_overview;
\c regression_kindly_overview
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('public.event');
-- who has no conversations is shown all the rest
SELECT kindly_api.overview(1, "from" => '2024-03-12', "to" => '2024-03-20') -> 'cards' -> 'intents';
SELECT kindly_stats.create_conversation_table('public.conversation');
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, topic, is_fallback, web_path)
SELECT 1, timestamptz '2024-03-01 09:00Z' + n * interval '5 hours', (ARRAY['user_message', 'bot_reply'])[1 + n % 2], 's' || n / 4, 'u' || n % 7, (ARRAY['web', '-odd', '', NULL])[1 + n / 2 % 4],
	   (ARRAY['en', 'nb'])[1 + n / 2 % 2], (ARRAY['orders', NULL])[1 + n / 2 % 2], n % 10 = 1, '/' || n % 3
FROM generate_series(0, 199) AS n;
INSERT INTO event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id) VALUES (1, '2024-03-12Z', 'button_click', 'b', 'quick_reply', 'd'), (1, '2024-03-12Z', 'button_click', 'c', NULL, NULL);
INSERT INTO kindly_stats.interaction (bot_id, interaction_id, interaction_name) VALUES (1, 'd', 'Opening hours'), (2, 'c', 'of another bot');
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, conversation_status, last_resolution, triggered_intent_replies, bot_messages_count)
VALUES (1, 'c', '2024-03-12Z', '2024-03-12 01:00Z', 'botHandled', 'resolved', '[{"intent_name": "Track", "not_meaningful": false}]', 1);

CREATE TEMP TABLE whole AS SELECT kindly_api.overview(1, "from" => '2024-03-12', "to" => '2024-03-20', tz => 'Europe/Oslo', compare => 'previous_period') AS answer;
CREATE TEMP TABLE card AS SELECT c.* FROM whole, json_each(answer -> 'cards') AS c (card, answer);
CREATE FUNCTION pg_temp.now(card text) RETURNS jsonb LANGUAGE sql RETURN (SELECT a.answer::jsonb -> 'now' FROM card AS a WHERE a.card = now.card);
CREATE FUNCTION pg_temp.series(list jsonb, field text) RETURNS jsonb LANGUAGE sql RETURN (SELECT jsonb_agg(l.line -> field ORDER BY l.n) FROM jsonb_array_elements(list) WITH ORDINALITY AS l (line, n));
-- all cards are there, and those that are compared have what was before
SELECT string_agg(card, ' ' ORDER BY card) FROM card;
SELECT string_agg(card, ' ' ORDER BY card) FROM card WHERE answer ->> 'before' IS NOT NULL;
SELECT answer -> 'bot', answer -> 'range' ->> 'from', answer -> 'range' ->> 'to', answer -> 'range' ->> 'granularity', answer -> 'before', answer -> 'life', answer -> 'sources', answer -> 'language_codes' FROM whole;
SELECT answer -> 'buckets' -> 'date' ->> 0, answer -> 'buckets' -> 'before' ->> 0, answer -> 'buckets' -> 'label', answer -> 'buckets' ->> 'end' FROM whole;
-- periods are those of period()
SELECT count(*), bool_and(p."from"::text = e.value ->> 0 AND p."to"::text = e.value ->> 1) FROM whole, json_each(answer -> 'periods') AS e, kindly_stats.period(e.key, 'Europe/Oslo') AS p;
-- each as its own function says it
SELECT pg_temp.now('chats') -> 'series' = pg_temp.series((sage.sessions_chats(1, '2024-03-12', '2024-03-20', 'Europe/Oslo') -> 'data')::jsonb, 'count'),
	   pg_temp.now('messages') -> 'series' = pg_temp.series((sage.sessions_messages(1, '2024-03-12', '2024-03-20', 'Europe/Oslo') -> 'data')::jsonb, 'count'),
	   pg_temp.series(pg_temp.now('pages'), 'members') = pg_temp.series((sage.chatbubble_pages(1, '2024-03-12', '2024-03-20', 'Europe/Oslo', 5) -> 'data')::jsonb, 'sessions');
SELECT (SELECT answer #> '{before,series}' FROM card WHERE card.card = 'messages')::jsonb = jsonb_agg(s.previous_count ORDER BY s.bucket) FROM kindly_stats.stats_series_compared(1, '2024-03-12', '2024-03-20', 'Europe/Oslo') AS s;
SELECT pg_temp.now('chats') ->> 'chats', count(DISTINCT session_id), pg_temp.now('chats') ->> 'messages', count(*), pg_temp.now('users') ->> 'users', count(DISTINCT user_id) FROM event
 WHERE kind = 'user_message' AND occurred_at >= '2024-03-12 00:00 Europe/Oslo' AND occurred_at < '2024-03-20 00:00 Europe/Oslo';
SELECT sum(n::int), count(*) FROM jsonb_array_elements_text(pg_temp.now('heatmap') -> 'counts') AS n;
SELECT sum(n::int), count(*) FROM jsonb_array_elements_text(pg_temp.now('heatmap') -> 'occurrences') AS n;
-- a range of more hours than may be asked for has all the rest
SET kindly_stats.max_buckets = 100;
SELECT e.key, e.value ->> 'now' IS NULL AS too_long FROM json_each(kindly_api.overview('1', "from" => '2024-03-10', "to" => '2024-03-16', cards => '{chats,heatmap}') -> 'cards') AS e ORDER BY 1;
SELECT e.key, e.value ->> 'now' IS NULL AS too_long FROM json_each(kindly_api.overview('1', "from" => '2024-03-10', "to" => '2024-03-14', cards => '{chats,heatmap}') -> 'cards') AS e ORDER BY 1;
RESET kindly_stats.max_buckets;
-- series of many days are in their order, also where memory for a join of them is short
SET work_mem = '64kB';
SELECT answer #> '{cards,fallbacks,now,replied}' #>> '{}' = (SELECT json_agg(s.count ORDER BY s.bucket) FROM kindly_stats.stats_series(1, '2004-01-01', '2034-01-01', 'UTC', 'day', 'replies') AS s)::text,
	   answer #> '{cards,fallbacks,now,series}' #>> '{}' = (SELECT json_agg(s.count ORDER BY s.bucket) FROM kindly_stats.stats_series(1, '2004-01-01', '2034-01-01', 'UTC', 'day', 'fallbacks') AS s)::text
  FROM kindly_api.overview(1, "from" => '2004-01-01', "to" => '2034-01-01', granularity => 'day', cards => '{fallbacks}') AS answer;
RESET work_mem;
SELECT pg_temp.now('fallbacks') -> 'replied', pg_temp.now('topics'), pg_temp.now('links');
SELECT jsonb_pretty(pg_temp.now('buttons'));
SELECT pg_temp.now('outcomes') -> 'list', pg_temp.now('outcomes') #> '{rates,automation_rate}', pg_temp.now('intents');
-- by source, also without one, with values that lists need a backslash for
SELECT s ->> 'value', s ->> 'count', s ->> 'members' FROM jsonb_array_elements(pg_temp.now('sources')) AS s ORDER BY (s ->> 'count')::int DESC, s ->> 'value' COLLATE "C";
SELECT coalesce(source, 'none'), count(*), count(DISTINCT session_id) FROM event
 WHERE kind = 'user_message' AND occurred_at >= '2024-03-12 00:00 Europe/Oslo' AND occurred_at < '2024-03-20 00:00 Europe/Oslo' GROUP BY 1 ORDER BY 2 DESC, 1;
-- under a filter, those that it lets through
CREATE FUNCTION pg_temp.cards(VARIADIC args text[]) RETURNS json LANGUAGE sql RETURN
	(SELECT kindly_api.overview(args[1], "from" => args[2], "to" => args[3], cards => args[4]::text[], sources => args[5]::text[], measure => args[6], key => args[7]::text[]) -> 'cards');
SELECT pg_temp.cards('1', '2024-03-10', '2024-03-20', '{sources,intents}', E'{\\\\-odd,web}', NULL, NULL);
SELECT pg_temp.cards('1', '2024-03-10', '2024-03-20', '{sources}', E'{-\\\\-odd,-web}', NULL, NULL);
-- one line of a list: its events, when they were, and of which sources
SELECT pg_temp.cards('1', '2024-03-10', '2024-03-13', '{row,sources,languages}', NULL, 'topics', '{orders}');
SELECT count(*), count(*) FILTER (WHERE source = 'web') FROM event WHERE kind = 'user_message' AND topic = 'orders' AND occurred_at >= '2024-03-10Z' AND occurred_at < '2024-03-13Z';
SELECT sum(n::int) FROM json_array_elements_text(pg_temp.cards('1', '2024-03-10', '2024-03-13', '{heatmap}', NULL, 'topics', '{orders}') #> '{heatmap,now,counts}') AS n;
-- who came in a range and never before: each user in one of two ranges beside each other
SELECT pg_temp.cards('1', '2024-03-01', '2024-03-02', '{users}', NULL, NULL, NULL) #>> '{users,now,created}', pg_temp.cards('1', '2024-03-02', '2024-05-01', '{users}', NULL, NULL, NULL) #>> '{users,now,created}',
	   count(DISTINCT user_id) FROM event WHERE kind = 'user_message';
-- a range that says itself how fine it is to be shown, and what it is compared with
SELECT a.*, o -> 'range' ->> 'granularity', json_array_length(o -> 'buckets' -> 'date') FROM (VALUES ('2024-03-10', '2024-03-12', NULL), ('2024-03-10', '2024-03-13', NULL), ('2024-01-01', '2024-05-01', NULL), ('2022-01-01', '2024-05-01', NULL),
	('2015-01-01', '2024-05-01', NULL), ('1990-01-01', '2024-05-01', NULL), ('2024-03-01', '2024-03-08', 'hour'), ('2024-03-01', '2024-03-09', 'hour'), ('2024-03-10 12:00', '2024-03-12 13:00Z', NULL)) AS a (f, t, g),
	LATERAL kindly_api.overview(1, "from" => a.f, "to" => a.t, granularity => a.g, cards => '{}') AS o;
SELECT o -> 'range' ->> 'period' AS period, o -> 'range' ->> 'from' AS "from", o -> 'range' ->> 'to' AS "to" FROM kindly_api.overview(1, cards => '{}') AS o
UNION ALL SELECT o -> 'range' ->> 'period', o -> 'range' ->> 'from', o -> 'range' ->> 'to' FROM kindly_api.overview(1, period => 'all', cards => '{}') AS o;
SELECT a.*, o -> 'before', o -> 'buckets' -> 'before' FROM (VALUES ('2024-03-10', 'previous_period'), ('2024-03-10', 'previous_year'), ('2024-04-01', 'previous_period')) AS a (f, c),
	LATERAL kindly_api.overview(1, "from" => a.f, "to" => '2024-05-01', compare => a.c, granularity => 'month', cards => '{}') AS o;
-- buckets end where their units do, in any calendar
SELECT o -> 'buckets' FROM kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', tz => 'Europe/Oslo', granularity => 'week', cards => '{}') AS o
UNION ALL SELECT o -> 'buckets' FROM kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', tz => 'Europe/Oslo', granularity => 'year', cards => '{}') AS o;
-- an answer has a validator
SELECT set_config('request.headers', json_build_object('if-none-match', current_setting('response.headers')::json -> 0 ->> 'ETag')::text, false) IS NULL FROM kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', cards => '{chats}') AS o WHERE o IS NOT NULL;
-- a measure that has been taken away has nothing
DELETE FROM kindly_stats.measure WHERE name = 'topics';
SELECT pg_temp.cards('1', '2024-03-10', '2024-03-20', '{topics}', NULL, NULL, NULL);
-- a bot without events
SELECT pg_temp.cards('3', '2024-03-10', '2024-03-11', '{chats,users,sources,buttons}', NULL, NULL, NULL);
SELECT o -> 'life', o -> 'range' ->> 'period', o -> 'before' FROM kindly_api.overview(3, compare => 'previous_period', cards => '{}') AS o;
-- all bots of a role, and none of anybody else's
SELECT kindly_stats.enable_row_security() IS NULL AS enabled \g /dev/null
CREATE ROLE regress_kindly_team NOLOGIN;
SELECT kindly_stats.grant_bot('regress_kindly_team', 1, tables => true), kindly_stats.grant_bot('regress_kindly_team', 3, tables => true) \g /dev/null
INSERT INTO kindly_stats.bot_name (id, name) VALUES (1, 'first');
GRANT USAGE ON SCHEMA kindly_api TO regress_kindly_team;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA kindly_api TO regress_kindly_team;
SET ROLE regress_kindly_team;
SELECT * FROM kindly_api.bots() ORDER BY 1;
SELECT o -> 'before', jsonb_pretty((o -> 'bots')::jsonb) FROM kindly_api.bots_overview("from" => '2024-03-12', "to" => '2024-03-20', tz => 'Europe/Oslo', compare => 'previous_period') AS o;
RESET ROLE;
DROP OWNED BY regress_kindly_team;
DROP ROLE regress_kindly_team;
-- errors
SELECT kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', cards => '{chats,cats}');
SELECT kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', measure => 'pages');
SELECT kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', measure => 'cats', key => '{x}', cards => '{row}');
SELECT kindly_api.overview(1, period => 'today', "to" => '2024-03-20');
SELECT kindly_api.overview(1, period => 'fortnight');
SELECT kindly_api.overview(1, "from" => '2024-03-10');
SELECT kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', granularity => 'fortnight');
SELECT kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', compare => 'never');
SELECT kindly_api.overview(1, "from" => '2024-03-10', "to" => '2024-03-20', tz => 'Nowhere');
SELECT kindly_api.bots_overview(period => 'today', "to" => '2024-03-20');
\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_overview;
