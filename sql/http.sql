--
-- kindly_api.request(): documented URLs as a proxy hands them on through PostgREST's settings
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_http;
CREATE DATABASE regression_kindly_http;
\c regression_kindly_http
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET client_min_messages = warning;
\pset format unaligned
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('public.event');
SELECT kindly_stats.create_conversation_table('public.conversation');
SELECT FROM kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();

-- every route leads to a function that is there, and its parameters to arguments of it; the bot is an argument, or named by client
SELECT DISTINCT r.path, r.schema, r.function FROM kindly_stats.routes() AS r
 WHERE (SELECT count(*) FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace(r.schema) AND p.proname = r.function) <> 1 ORDER BY 1;
SELECT r.path, r.parameter, r.argument FROM kindly_stats.routes() AS r JOIN pg_proc AS p ON p.pronamespace = to_regnamespace(r.schema) AND p.proname = r.function
 WHERE r.argument <> ALL (p.proargnames[1:p.pronargs]) ORDER BY 1, 2;
SELECT DISTINCT r.path FROM kindly_stats.routes() AS r JOIN pg_proc AS p ON p.pronamespace = to_regnamespace(r.schema) AND p.proname = r.function
 WHERE CASE WHEN 'bot' = ANY (p.proargnames[1:p.pronargs]) THEN 'bot' WHEN 'client' = ANY (p.proargnames[1:p.pronargs]) THEN 'client' END
	   IS DISTINCT FROM CASE r.schema WHEN 'logicdialog' THEN 'client' ELSE 'bot' END ORDER BY 1;
-- and every argument can be given
SELECT DISTINCT r.path, a.name FROM kindly_stats.routes() AS r JOIN pg_proc AS p ON p.pronamespace = to_regnamespace(r.schema) AND p.proname = r.function,
	   unnest(p.proargnames[1:p.pronargs]) AS a (name)
 WHERE a.name <> 'bot' AND r.path !~ (':' || a.name)
   AND NOT EXISTS (SELECT FROM kindly_stats.routes() AS o WHERE o.path = r.path AND o.argument = a.name) ORDER BY 1, 2;
SELECT count(DISTINCT path) FILTER (WHERE schema = 'sage') AS sage, count(DISTINCT path) FILTER (WHERE schema = 'chatbot_com') AS chatbot,
	   count(DISTINCT path) FILTER (WHERE schema = 'logicdialog') AS logicdialog, count(DISTINCT path) FILTER (WHERE schema = 'ultimate') AS ultimate
  FROM kindly_stats.routes();

-- the documented weeks: bot 1 talks, bot 2 has pages, bot 3 falls back, bot 4 hands over, is rated, has buttons and labels
INSERT INTO event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 1, day + interval '86399.999999 s' * (n - 1) / (messages - 1), 'user_message', 'session ' || n % chats,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 485, 1661), ('2019-07-02 00:00Z', 434, 1507), ('2019-07-03 00:00Z', 459, 1563),
	('2019-07-04 00:00Z', 446, 1572), ('2019-07-05 00:00Z', 355, 1227), ('2019-07-06 00:00Z', 283, 964)) AS d (day, chats, messages),
	generate_series(1, messages) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id, web_host, web_path)
SELECT 2, timestamptz '2019-07-01 00:00Z' + interval '518399.999999 s' * (n - 1) / (messages - 1), 'user_message', 'session ' || n % sessions, host, path
FROM (VALUES ('www.example.com', '/', 1615, 465), ('www.example.no', '/', 1512, 428), ('www.example.com', '/page', 784, 264),
	('www.example.com', '/blåbær', 7, 1)) AS p (host, path, messages, sessions), generate_series(1, messages) AS n;
INSERT INTO event (bot_id, occurred_at, kind, is_fallback)
SELECT 3, day + n * interval '1 s', 'bot_reply', n <= fallbacks
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 1776, 14638), ('2019-07-02 00:00Z', 1618, 13405), ('2019-07-03 00:00Z', 1383, 13855),
	('2019-07-04 00:00Z', 1497, 14030), ('2019-07-05 00:00Z', 1144, 10999), ('2019-07-06 00:00Z', 948, 8704)) AS d (day, fallbacks, replies),
	generate_series(1, replies) AS n;
INSERT INTO event (bot_id, occurred_at, kind)
SELECT 4, day + n * interval '1 minute', kind
FROM (VALUES (timestamptz '2019-09-16 00:00Z', 40, 58, 0, 44), ('2019-09-17 00:00Z', 27, 40, 0, 28), ('2019-09-18 00:00Z', 35, 44, 0, 35), ('2019-09-19 00:00Z', 55, 88, 0, 55),
	('2019-09-20 00:00Z', 64, 86, 0, 65), ('2019-09-21 00:00Z', 0, 0, 2, 0), ('2019-09-22 00:00Z', 0, 0, 1, 0)) AS d (day, ended, requests, closed, started),
	LATERAL (VALUES ('handover_ended', ended), ('handover_request', requests), ('handover_request_closed', closed), ('handover_started', started)) AS k (kind, count),
	generate_series(1, count) AS n;
INSERT INTO event (bot_id, occurred_at, kind)
SELECT 6, timestamptz '2019-09-16 00:00Z' + n * interval '1 hour', kind
FROM (VALUES ('handover_ended', 44), ('handover_request', 79), ('handover_request_closed', 3), ('handover_started', 47)) AS k (kind, count), generate_series(1, count) AS n;
INSERT INTO event (bot_id, occurred_at, kind, rating_type, rating) SELECT 4, timestamptz '2019-09-16 00:00Z' + n * interval '1 hour', 'feedback', 'binary', 1 + n % 2 FROM generate_series(1, 100) AS n;
INSERT INTO event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id)
SELECT 4, timestamptz '2019-09-16 00:00Z' + n * interval '1 minute', 'button_click', button, type, dialogue
FROM (VALUES
	('9d09d898-90d5-4ba9-879c-7faa0f3ec629', 'quick_reply', 46, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('6b0c5cc7-d612-4f1e-bfd9-6057130146f3', 'dialogue_trigger', 26, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('a75a41b7-0132-4c0c-9cf7-82cb500c8af9', 'dialogue_trigger', 23, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('17b666ac-0276-478b-a626-8659a90a1a25', 'quick_reply', 20, 'c4aaf069-a0b0-4eb1-ba65-81f46f8c8ecc'),
	('4f85b25b-b793-4d20-9479-3c2c5b224ebf', 'dialogue_trigger', 17, '72f96a8f-4aaf-4ac2-bb73-1cbec8f2aa57')
	) AS b (button, type, clicks, dialogue), generate_series(1, clicks) AS n
UNION ALL SELECT 4, '2019-09-18 12:00Z', 'button_click', 'other ' || n % 16, 'link', 'dialogue' FROM generate_series(1, 244) AS n;
INSERT INTO event (bot_id, occurred_at, kind, label_id, label_text)
SELECT 4, timestamptz '2019-09-16 00:00Z' + n * interval '1 minute', 'label_added', id, label
FROM (VALUES ('2e08978f-24f0-4207-97c0-8945e19b751e', 'Label 3', 2), ('50e57dca-9045-46bf-93d4-55de77795444', 'Another label', 2),
	('35bf04c0-392d-46a0-a741-4d660134d461', 'Some label', 5)) AS l (id, label, times), generate_series(1, times) AS n;
INSERT INTO event (bot_id, occurred_at, kind, source, language_code) VALUES
	(5, '2019-04-28 07:22:52.825Z', 'user_message', 'web', 'nb'), (5, '2019-07-01 00:00Z', 'user_message', 'test', NULL),
	(5, '2019-09-04 06:48:41.1Z', 'user_message', 'app', 'en');
INSERT INTO kindly_stats.bot_name VALUES (1, 'Talker'), (2, 'Pager');
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, channel, conversation_status, last_resolution, bot_messages_count,
	visitor_messages_count, not_understood_messages_count, triggered_intent_replies) VALUES
	(1, 'a', '2024-07-01 23:50Z', '2024-07-02 00:10Z', 'en', 'chat', 'botHandled', 'resolved', 3, 4, 1, '[{"intent_name": "Greeting", "intent_timestamp": "2024-07-01T23:50:01Z", "not_meaningful": false},
	 {"intent_name": "Where is my order", "intent_timestamp": "2024-07-01T23:51:00Z", "not_meaningful": false}]'),
	(1, 'b', '2024-07-02 10:00Z', '2024-07-02 10:05Z', 'nb', 'ticket', 'agent', 'escalated', 1, 2, 0, NULL),
	(2, 'c', '2024-07-02 10:00Z', '2024-07-02 10:05Z', 'en', 'chat', 'botHandled', 'informed', 1, 1, 0, NULL);

-- What PostgREST would answer to GET of this URL with a token of this bot: the body, or the error.
CREATE FUNCTION pg_temp.get(url text, bot text DEFAULT '1', method text DEFAULT 'GET', writes boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM set_config('request.method', method, true), set_config('request.headers', json_build_object('host', 'localhost', 'x-original-uri', url)::text, true),
			set_config('request.jwt.claims', format('{"bot":%s,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}', bot), true);
	RETURN CASE WHEN writes THEN kindly_api.request_volatile() ELSE kindly_api.request() END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SET ROLE kindly_api_user;

-- the documented requests with their documented answers; fallbacks are not divided by ten
SELECT pg_temp.get('/api/v1/stats/bot/5/meta/options', '5')::jsonb = '{"data": {"first": "2019-04-28T07:22:52.825000", "last": "2019-09-04T06:48:41.100000",
	"language_codes": ["en", "nb"], "sources": ["app", "test", "web"], "granularities": ["hour", "day", "week"]}}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/chats?from=2019-07-01&to=2019-07-07')::jsonb = '{"data": [
	{"count": 485, "date": "2019-07-01T00:00:00.000000"}, {"count": 434, "date": "2019-07-02T00:00:00.000000"}, {"count": 459, "date": "2019-07-03T00:00:00.000000"},
	{"count": 446, "date": "2019-07-04T00:00:00.000000"}, {"count": 355, "date": "2019-07-05T00:00:00.000000"}, {"count": 283, "date": "2019-07-06T00:00:00.000000"}]}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=2019-07-01&to=2019-07-07')::jsonb = '{"data": [
	{"count": 1661, "date": "2019-07-01T00:00:00.000000"}, {"count": 1507, "date": "2019-07-02T00:00:00.000000"}, {"count": 1563, "date": "2019-07-03T00:00:00.000000"},
	{"count": 1572, "date": "2019-07-04T00:00:00.000000"}, {"count": 1227, "date": "2019-07-05T00:00:00.000000"}, {"count": 964, "date": "2019-07-06T00:00:00.000000"}]}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/3/fallbacks/series?from=2019-07-01&to=2019-07-07', '3')::jsonb = '{"data": [
	{"count": 1776, "date": "2019-07-01T00:00:00.000000", "rate": 0.12132805028009291}, {"count": 1618, "date": "2019-07-02T00:00:00.000000", "rate": 0.1207012308839985},
	{"count": 1383, "date": "2019-07-03T00:00:00.000000", "rate": 0.09981955972573078}, {"count": 1497, "date": "2019-07-04T00:00:00.000000", "rate": 0.10669992872416251},
	{"count": 1144, "date": "2019-07-05T00:00:00.000000", "rate": 0.10400945540503682}, {"count": 948, "date": "2019-07-06T00:00:00.000000", "rate": 0.10891544117647059}]}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/3/fallbacks/total?from=2019-07-01&to=2019-07-07', '3')::jsonb = '{"data": {"count": 8366, "rate": 0.11061601724160727}}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/2/chatbubble/pages?from=2019-07-01&to=2019-07-07', '2')::jsonb = '{"data": [
	{"messages": 1615, "sessions": 465, "web_host": "www.example.com", "web_path": "/"}, {"messages": 1512, "sessions": 428, "web_host": "www.example.no", "web_path": "/"},
	{"messages": 784, "sessions": 264, "web_host": "www.example.com", "web_path": "/page"}]}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/4/takeovers/series?from=2019-09-16&to=2019-09-23', '4')::jsonb = '{"data": [
	{"date": "2019-09-16T00:00:00.000000", "ended": 40, "requests": 58, "requests_while_closed": 0, "started": 44},
	{"date": "2019-09-17T00:00:00.000000", "ended": 27, "requests": 40, "requests_while_closed": 0, "started": 28},
	{"date": "2019-09-18T00:00:00.000000", "ended": 35, "requests": 44, "requests_while_closed": 0, "started": 35},
	{"date": "2019-09-19T00:00:00.000000", "ended": 55, "requests": 88, "requests_while_closed": 0, "started": 55},
	{"date": "2019-09-20T00:00:00.000000", "ended": 64, "requests": 86, "requests_while_closed": 0, "started": 65},
	{"date": "2019-09-21T00:00:00.000000", "ended": 0, "requests": 0, "requests_while_closed": 2, "started": 0},
	{"date": "2019-09-22T00:00:00.000000", "ended": 0, "requests": 0, "requests_while_closed": 1, "started": 0}]}' AS as_documented;
-- (the documented totals are not those of the documented series)
SELECT pg_temp.get('/api/v1/stats/bot/6/takeovers/totals?from=2019-09-16&to=2019-09-23', '6')::jsonb = '{"data": {"ended": 44, "requests": 79, "requests_while_closed": 3, "started": 47}}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/4/feedback/summary?from=2019-09-16&to=2019-09-23', '4')::jsonb = '{"data": {
	"binary": [{"count": 50, "rating": 1, "ratio": 0.5}, {"count": 50, "rating": 2, "ratio": 0.5}],
	"emojis": [{"count": 0, "rating": 1, "ratio": 0.0}, {"count": 0, "rating": 2, "ratio": 0.0}, {"count": 0, "rating": 3, "ratio": 0.0}]}}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/4/buttons/most_clicked?from=2019-09-16&to=2019-09-23', '4')::jsonb = '{"data": [
	{"button_id": "9d09d898-90d5-4ba9-879c-7faa0f3ec629", "button_type": "quick_reply", "count": 46, "dialogue_id": "6a6de8f8-724d-4dc3-adcb-0b30373cfb3b", "ratio": 0.12234042553191489},
	{"button_id": "6b0c5cc7-d612-4f1e-bfd9-6057130146f3", "button_type": "dialogue_trigger", "count": 26, "dialogue_id": "6a6de8f8-724d-4dc3-adcb-0b30373cfb3b", "ratio": 0.06914893617021277},
	{"button_id": "a75a41b7-0132-4c0c-9cf7-82cb500c8af9", "button_type": "dialogue_trigger", "count": 23, "dialogue_id": "6a6de8f8-724d-4dc3-adcb-0b30373cfb3b", "ratio": 0.061170212765957445},
	{"button_id": "17b666ac-0276-478b-a626-8659a90a1a25", "button_type": "quick_reply", "count": 20, "dialogue_id": "c4aaf069-a0b0-4eb1-ba65-81f46f8c8ecc", "ratio": 0.05319148936170213},
	{"button_id": "4f85b25b-b793-4d20-9479-3c2c5b224ebf", "button_type": "dialogue_trigger", "count": 17, "dialogue_id": "72f96a8f-4aaf-4ac2-bb73-1cbec8f2aa57", "ratio": 0.04521276595744681}]}' AS as_documented;
SELECT pg_temp.get('/api/v1/stats/bot/4/chatlabels/added?from=2019-09-16&to=2019-09-23', '4')::jsonb = '{"data": [
	{"count": 5, "label_id": "35bf04c0-392d-46a0-a741-4d660134d461", "label_text": "Some label"}, {"count": 2, "label_id": "50e57dca-9045-46bf-93d4-55de77795444", "label_text": "Another label"},
	{"count": 2, "label_id": "2e08978f-24f0-4207-97c0-8945e19b751e", "label_text": "Label 3"}]}' AS as_documented;

-- zone, granularity, limit; the same as the function, byte for byte
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=2019-07-01&to=2019-07-03&tz=Europe/Oslo&granularity=hour')
	= sage.sessions_messages(1, '2019-07-01', '2019-07-03', 'Europe/Oslo', 'hour')::text AS same,
	pg_temp.get('/api/v1/stats/bot/1/sessions/chats?to=2019-07-08T00%3A00%3A00.000Z&granularity=week&tz=America%2FLos_Angeles&from=2019-07-01T12:00:00-07:00')
	= sage.sessions_chats(1, '2019-07-01T12:00:00-07:00', '2019-07-08T00:00:00.000Z', 'America/Los_Angeles', 'week')::text AS same,
	pg_temp.get('/api/v1/stats/bot/1/sessions/chats?from=2019-07-01T00:00:00%2B02:00&to=2019-07-02&tz=%2B02:00')
	= sage.sessions_chats(1, '2019-07-01T00:00:00+02:00', '2019-07-02', '+02:00')::text AS same;
SELECT pg_temp.get('/api/v1/stats/bot/2/chatbubble/pages?from=2019-07-01&to=2019-07-07&limit=1', '2');
SELECT pg_temp.get('/api/v1/stats/bot/2/chatbubble/pages?from=2019-07-01&to=2019-07-07&limit=10', '2');

-- lists: repeated keys, with and without brackets, encoded or not, both names of the languages
SELECT url, pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=2019-07-01&to=2019-07-02&' || url) FROM (VALUES
	(1, 'sources[]=web'), (2, 'sources=web'), (3, 'sources%5B%5D=web'), (4, 'sources%5b]=%77eb'),
	(5, 'sources[]=web&sources[]=app'), (6, 'sources=web&sources=app'), (7, 'sources=web,app'), (8, 'sources=web%2Capp'), (9, 'sources=%7Bweb,app%7D'),
	(10, 'sources=[%22web%22,%22app%22]'), (11, 'sources[]=web&sources=app'),
	(12, 'sources[]=-test'), (13, 'sources[]=web&sources[]=-test'), (14, 'sources[]=-test&language_codes[]=en&language_codes[]=nb'),
	(15, 'language_codes[]=en'), (16, 'language_code[]=en'), (17, 'language_code=en'), (18, 'language_code[]=en&language_codes[]=nb'), (19, 'language_codes[]=en&language_code[]=nb'),
	-- with brackets, or repeated, a value is one item whatever is in it
	(20, 'sources[]=web,app'), (21, 'sources=web,app&sources=test'), (22, 'sources[]=%22web%22'), (23, 'sources[]=we+b'), (24, 'sources[]=bl%C3%A5b%C3%A6r'),
	(25, '&&sources[]=web&'),
	(26, 'sources[]='), (27, 'sources'), (28, 'sources[]=web&sources[]=-web'), (29, 'sources=%7Bweb')) AS v (n, url) ORDER BY n;
SELECT length(pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=2019-07-01&to=2019-07-02' || string_agg('&sources[]=source-' || n, ''))) AS many
  FROM generate_series(1, 350) AS n;

-- what is wrong with a parameter is said with its name
SELECT url, pg_temp.get('/api/v1/stats/bot/1/' || url) FROM (VALUES
	(1, 'sessions/messages'), (2, 'sessions/messages?from=2019-07-01'), (3, 'sessions/messages?from=2019-07-01&to='),
	(4, 'sessions/messages?from=yesterday&to=2019-07-02'), (5, 'sessions/messages?from=2019-07-02&to=2019-07-01'),
	(6, 'sessions/messages?from=2019-07-01&to=2019-07-02&tz=Oslo'), (7, 'sessions/messages?from=2019-07-01&to=2019-07-02&granularity=minute'),
	(8, 'sessions/messages?from=2019-07-01&to=2019-07-09&granularity=hour'), (9, 'sessions/messages?from=20190-07-01&to=30000-07-02'),
	(10, 'chatbubble/pages?from=2019-07-01&to=2019-07-02&limit=ten'), (11, 'chatbubble/pages?from=2019-07-01&to=2019-07-02&limit=0'),
	(12, 'chatbubble/pages?from=2019-07-01&to=2019-07-02&limit=99999999999'), (13, 'chatbubble/pages?from=2019-07-01&to=2019-07-02&limit=-5'),
	(14, 'sessions/messages?from=2019-07-01T00:00:00+02:00&to=2019-07-02'),
	-- given more than once
	(20, 'sessions/messages?from=2019-07-01&from=2019-07-01&to=2019-07-02'), (21, 'chatbubble/pages?from=2019-07-01&to=2019-07-02&limit=1&limit=1'),
	-- unknown here
	(30, 'sessions/messages?from=2019-07-01&to=2019-07-02&foo=bar'), (31, 'sessions/messages?from=2019-07-01&to=2019-07-02&limit[]=3'),
	(32, 'meta/options?from=2019-07-01&period=today'), (33, 'sessions/messages?From=2019-07-01&to[]=2019-07-02&sources[0]=web&sources[][]=web&=x&bot=2'),
	(34, 'sessions/messages?bl%C3%A5=1&%22=2&bl%C3%A5=3&a[]=&a='), (35, 'sessions/messages?a&b&c&d&e&f&g&h&i&j&k&l'), (36, 'feedback/summary?granularity[]=day'),
	(37, 'sessions/messages?from=x&from=y&unknown'),
	-- malformed
	(40, 'sessions/messages?from=%'), (41, 'sessions/messages?from=%zz'), (42, 'sessions/messages?from=2019-07-01%00'), (43, 'sessions/messages?from=%C3%28'),
	(44, 'sessions/messages?from=%ED%A0%80'), (45, 'sessions/messages?from=2019-07-01#top'), (46, 'sessions/messages?from=2019-07-01 00:00'), (47, 'sessions/mess%ages')) AS v (n, url) ORDER BY n;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?' || string_agg('a=' || n, '&')) FROM generate_series(1, 1001) AS n;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=' || repeat('9', 8192));
SELECT left(pg_temp.get('/api/v1/stats/bot/1/sessions/messages?to=2019-07-02&from=' || repeat('9', 8000)), 70);

-- what another endpoint of Sage's knows is no mistake, and is not read, whatever it says and however often
SELECT path, query, pg_temp.get('/api/v1/stats/bot/1/' || path || '?' || range || query) = pg_temp.get('/api/v1/stats/bot/1/' || path || '?' || range) AS same
  FROM (SELECT DISTINCT replace(r.path, '/api/v1/stats/bot/:bot/', ''), CASE WHEN r.parameter IS NULL THEN '' ELSE 'from=2019-07-01&to=2019-07-07' END
		  FROM kindly_stats.routes() AS r WHERE r.schema = 'sage') AS p (path, range),
	   (VALUES ('&granularity=day'), ('&granularity=parsec&granularity='), ('&limit=10'), ('&limit=-1&limit=many'),
		('&tz=Oslo&from=x&to=&from=y&sources[]=web&sources[]=-web&language_code[]=&language_codes=en')) AS q (query)
 WHERE NOT EXISTS (SELECT FROM kindly_stats.routes() AS o WHERE o.path = '/api/v1/stats/bot/:bot/' || p.path AND q.query ~ ('&' || o.parameter || '(\[\])?='))
 ORDER BY path COLLATE "C", query COLLATE "C";

-- paths that are none
SELECT url, pg_temp.get(url) FROM (VALUES (1, '/'), (2, '/api/v1/stats/bot/1'), (3, '/api/v1/stats/bot/1/'), (4, '/api/v1/stats/bot/1/sessions/chats/'), (5, '/api/v1/stats/bot/1/sessions'),
	(6, '/api/v1/stats/bot//sessions/chats'), (7, '/api/v1/stats/bot/1/sessions%2Fchats'), (8, '/api/v1/stats/bot/one/sessions/chats'), (9, '/api/v1/stats/bot/01/sessions/chats'),
	(10, '/api/v1/stats/bot/1.0/sessions/chats'), (11, '/api/v1/stats/bot/99999999999999999999/sessions/chats'), (12, '/api/v1/stats/bot/1%00/sessions/chats'), (13, '/api/v1/stats/bot/-0/sessions/chats'),
	(14, '/api/v1/stats/bot/1/../2/sessions/chats'), (15, '//api/v1/stats/bot/1/sessions/chats'), (16, '/api/v2/bot/1/sage/auth'), (17, '/rpc/request'), (18, 'http://localhost/'), (19, ''),
	(20, '/api/v1/stats/bot/1/sessions/chats;DROP'), (21, '/API/v1/stats/bot/1/sessions/chats'), (22, '/' || repeat('a/', 20))) AS v (n, url) ORDER BY n;

-- whose token: another bot's, one of no bot, none that can be read; a bot is what the token says, digit by digit
SELECT bot, pg_temp.get('/api/v1/stats/bot/2/sessions/chats?from=2019-07-01&to=2019-07-02', bot) FROM (VALUES ('1'), ('2'), ('"2"'), ('2.0'), ('null'), ('[2]'), ('{"a":2}'), ('"x"'), ('20'), ('-2')) AS v (bot);
SELECT pg_temp.get('/api/v1/stats/bot/2/nonesuch', '1'), pg_temp.get('/api/v1/stats/bot/2/sessions/chats?x=%', '1');
SELECT pg_temp.get('/api/v1/stats/bot/9223372036854775807/sessions/chats?from=2019-07-01&to=2019-07-02', '9223372036854775807'),
	   pg_temp.get('/api/v1/stats/bot/-7/sessions/chats?from=2019-07-01&to=2019-07-02', '-7');
-- methods
SELECT method, left(pg_temp.get('/api/v1/stats/bot/1/sessions/chats?from=2019-07-01&to=2019-07-02', method => method), 60) FROM (VALUES ('GET'), ('HEAD'), ('POST'), ('PUT'), ('')) AS v (method);

-- ChatBot: the bot is the token's
SELECT pg_temp.get('/reports/conversations?from=2019-07-01&to=2019-07-03') = chatbot_com.conversations(1, '2019-07-01', '2019-07-03')::text AS same,
	   pg_temp.get('/reports/conversations.messages?from=2019-07-01&to=2019-07-03&dimension=hour&source=web&source=app&tz=Europe/Oslo')
	   = chatbot_com.conversations_messages(1, '2019-07-01', '2019-07-03', dimension => 'hour', source => 'web,app', tz => 'Europe/Oslo')::text AS same,
	   pg_temp.get('/reports/conversations.heatmap?from=2019-07-01&to=2019-07-03&offset=-120', '2') = chatbot_com.conversations_heatmap(2, '2019-07-01', '2019-07-03', "offset" => -120)::text AS same;
SELECT pg_temp.get('/reports/conversations?bot=2'), pg_temp.get('/reports/conversations.heatmap?source=web&source=app'), pg_temp.get('/reports/conversations.heatmap?offset=721'), pg_temp.get('/reports/conversation');

-- LogicDialog: a client that is not the token's bot is refused, whether there is one or not
SELECT client, left(pg_temp.get('/api/agent/analytics/message?dateFrom=2019-07-01&dateTo=2019-07-02' || client), 90)
  FROM (VALUES ('&client=Talker'), ('&client=Pager'), ('&client=Nobody'), ('&client='), (''), ('&client=Talker&client=Talker'), ('&client[]=Talker')) AS v (client);
SELECT pg_temp.get('/api/agent/analytics/message?dateFrom=2019-07-01&dateTo=2019-07-02&client=Talker&resolution=hour')
	= logicdialog.message('2019-07-01', '2019-07-02', 'Talker', 'hour')::text AS same;

-- Ultimate: metrics of conversations, and the export, which closes its day: the proxy makes POST of it
SELECT pg_temp.get('/api/v1/metrics/bot/1?from=2024-07-01&to=2024-07-03');
SELECT pg_temp.get('/api/v1/metrics/bot/1?from=2024-07-01&to=2024-07-03&attribution=start&channels[]=chat&languages[]=-nb&tz=UTC');
SELECT pg_temp.get('/api/v1/metrics/bot/1?from=2024-08-01&to=2024-08-02'), pg_temp.get('/api/v1/metrics/bot/2?from=2024-08-01&to=2024-08-02');
SELECT pg_temp.get('/api/v1/metrics/bot/1/first-last-intent?from=2024-07-01&to=2024-07-03');
SELECT pg_temp.get('/api/v1/metrics/bot/1/first-meaningful-intent?from=2024-07-01&to=2024-07-03'), pg_temp.get('/api/v1/metrics/bot/1/first-meaningful-intent?from=2024-07-01&to=2024-07-03&excluded[]=Greeting&excluded[]=Talk+to+a+human%2Fagent'),
	   pg_temp.get('/api/v1/metrics/bot/1/last-meaningful-intent?from=2024-07-01&to=2024-07-03&excluded=Greeting'), pg_temp.get('/api/v1/metrics/bot/1/last-meaningful-intent?from=2024-08-01&to=2024-08-03');
SELECT x ->> 'bot_name' AS bot_name, x ->> 'conversation_id' AS id, x ->> 'bot_messages_count' AS messages
  FROM json_array_elements(pg_temp.get('/api/v1/export/bot/1/2024-07-02', method => 'POST', writes => true)::json) AS x;
SELECT pg_temp.get('/api/v1/export/bot/1/2024-07-02') = pg_temp.get('/api/v1/export/bot/1/2024-07-02', method => 'POST', writes => true) AS same_when_closed;
SELECT day, pg_temp.get('/api/v1/export/bot/1/' || day, method => 'POST', writes => true) FROM (VALUES ('2024-07-03'), ('2024-7-2'), ('today'), ('2024-13-01'), ('2023-02-29'), ('0000-01-01'), ('9999-12-31'), ('infinity'), ('02-07-2024'), ('2024-07-02?day=2024-07-03'), ('2024-07-02%20'), ('2024-07-0%C3%A5'), ('')) AS v (day);
SELECT pg_temp.get('/api/v1/export/bot/2/2024-07-02', method => 'POST', writes => true);
RESET ROLE;
SELECT bot_id, day, bot_name, conversations FROM kindly_stats.exported;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'gone', '2024-06-01 10:00Z', '2024-06-01 11:00Z');
SELECT kindly_stats.purge('conversation', '2024-07-01');
SET ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/export/bot/1/2024-06-01', method => 'POST', writes => true);

-- the native way: the token's bot, and no other
SELECT set_config('request.jwt.claims', '{"bot":1,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}', false) IS NULL AS claimed;
SELECT date, count, distinct_count FROM kindly_api.stats_series("from" => '2019-07-01', "to" => '2019-07-03', tz => 'UTC');
SELECT * FROM kindly_api.stats_total(1, '2019-07-01', '2019-07-07', 'UTC', sources => '{-test}');
SELECT count(*), sum(count) FROM kindly_api.stats_heatmap("from" => '2019-07-01', "to" => '2019-07-07', tz => 'UTC');
SELECT kindly_api.token();
SELECT first AT TIME ZONE 'UTC' AS first, sources, language_codes FROM kindly_api.stats_options();
SELECT * FROM kindly_api.stats_top("from" => '2019-07-01', "to" => '2019-07-07', measure => 'pages', top => 2);
SELECT * FROM kindly_api.fallback_rate("from" => '2019-07-01', "to" => '2019-07-07');
SELECT * FROM kindly_api.top_buttons("from" => '2019-07-01', "to" => '2019-07-07');
SELECT count(*) FROM kindly_api.stats_total(2, '2019-07-01', '2019-07-07');
SELECT count(*) FROM kindly_api.stats_options(2);
SELECT count(*) FROM kindly_api.stats_series();
-- a dialect's function shows nothing of another bot
SELECT sage.fallbacks_total(3, '2019-07-01', '2019-07-07'), sage.meta_options(4);
SELECT set_config('request.jwt.claims', '', false) IS NULL AS claimed;
SELECT kindly_api.token();
SELECT count(*) FROM kindly_api.stats_options();

-- what is known of a token, for the proxy: no more than can be in a header
SELECT kindly_api.token(), current_setting('response.headers') AS headers FROM set_config('request.jwt.claims', '{"bot":1,"key":"0123456789ab","role":"kindly_api_user","exp":1,"aud":"kindly_stats"}', true);
SELECT kindly_api.token(), current_setting('response.headers') AS headers FROM set_config('request.jwt.claims', '{"bot":1,"key":"a\r\nb: c","role":"kindly_api_user","exp":1,"aud":"kindly_stats"}', true);
-- how much may be asked for
BEGIN;
SET LOCAL kindly_stats.max_buckets = 9000;
SET LOCAL kindly_stats.max_limit = 1000;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=0001-01-01&to=9999-12-31&granularity=day');
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=2000-01-01&to=2024-08-22') ~ '^{"data"' AS answered;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/messages?from=2000-01-01&to=2024-08-23');
SELECT pg_temp.get('/api/v1/stats/bot/1/buttons/most_clicked?from=2019-07-01&to=2019-07-07&limit=1000') ~ '^{"data"' AS answered;
SELECT pg_temp.get('/api/v1/stats/bot/1/buttons/most_clicked?from=2019-07-01&to=2019-07-07&limit=1001');
COMMIT;
-- what the role has not been given is told to the log alone; nor does a client learn of what took too long
RESET ROLE;
BEGIN;
REVOKE SELECT ON kindly_stats.rollup FROM kindly_api_user;
SET LOCAL ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/chats?from=2019-07-01&to=2019-07-02');
ROLLBACK;
CREATE FUNCTION pg_temp.fails_as(state text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE FUNCTION sage.meta_options(bot bigint DEFAULT NULL) RETURNS json LANGUAGE plpgsql STABLE AS %L',
		format('BEGIN RAISE EXCEPTION ''of a table'' USING ERRCODE = %L, DETAIL = ''a detail'', HINT = ''a hint''; END', state));
END $$;
BEGIN;
SELECT pg_temp.fails_as('42501');
SET LOCAL ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/1/meta/options');
RESET ROLE; SELECT pg_temp.fails_as('57014'); SET LOCAL ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/1/meta/options');
RESET ROLE; SELECT pg_temp.fails_as('55P03'); SET LOCAL ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/1/meta/options');
RESET ROLE; SELECT pg_temp.fails_as('55006'); SET LOCAL ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/1/meta/options');
RESET ROLE; SELECT pg_temp.fails_as('XX000'); SET LOCAL ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/1/meta/options');
ROLLBACK;
SET ROLE kindly_api_user;

-- in a read-only transaction, as GET is
BEGIN READ ONLY;
SELECT pg_temp.get('/api/v1/stats/bot/3/fallbacks/total?from=2019-07-01&to=2019-07-07', '3');
ROLLBACK;
-- a validator with each answer, and 304 for who has it: VALIDATOR stands for that of this answer, without its quotes
RESET ROLE;
CREATE FUNCTION pg_temp.poll(known text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	url text := '/api/v1/stats/bot/3/fallbacks/total?from=2019-07-01&to=2019-07-07';
	body text;
	validator text;
BEGIN
	body := pg_temp.get(url, '3');
	validator := (current_setting('response.headers')::json -> 0) ->> 'ETag';
	PERFORM set_config('response.status', '', true), set_config('response.headers', '', true),
			set_config('request.headers', json_build_object('x-original-uri', url, 'if-none-match', replace(known, 'VALIDATOR', substr(validator, 4, 32)))::text, true);
	RETURN concat_ws(' ', validator ~ '^W/"[0-9a-f]{32}"$', CASE kindly_api.request()::text WHEN 'null' THEN 'nothing' WHEN body THEN 'the body' END,
		(current_setting('response.headers')::json -> 0) ->> 'ETag' = validator, current_setting('response.status'));
END $$;
SET ROLE kindly_api_user;
SELECT known, pg_temp.poll(known) FROM unnest(ARRAY['W/"VALIDATOR"', '"VALIDATOR"', ' "x" ,W/"y",	W/"VALIDATOR" ', ',,"a, b","VALIDATOR"', '*', ', *', '',
	'VALIDATOR', '"VALIDATO"', '"VALIDATOR', '"x"', 'w/"VALIDATOR"', 'W/', '"', '"x', 'W/"VALIDATOR', ',', '"W/"VALIDATOR""', '"x, "VALIDATOR""', 'é']) AS known;
RESET ROLE;
-- nothing of the session decides what is called
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.concat(text, json, text) RETURNS text LANGUAGE sql AS $$ SELECT 'evil' $$;
CREATE FUNCTION evil.fallbacks_total(bot bigint, "from" kindly_stats.moment, "to" kindly_stats.moment) RETURNS json LANGUAGE sql AS $$ SELECT '"evil"'::json $$;
CREATE FUNCTION evil.json_object_field_text(json, text) RETURNS text LANGUAGE sql AS $$ SELECT '3' $$;
CREATE FUNCTION evil.less(pg_catalog.timestamptz, pg_catalog.timestamptz) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR evil.> (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.less);
SET search_path = evil, pg_catalog, public;
SET ROLE kindly_api_user;
SELECT pg_temp.get('/api/v1/stats/bot/3/fallbacks/total?from=2019-07-01&to=2019-07-07', '3'), pg_temp.get('/api/v1/metrics/bot/2?from=2024-07-01&to=2024-07-03', '2');
RESET ROLE;
RESET search_path;
-- who is not the role of tokens has no token, whatever the claims
SELECT pg_temp.get('/api/v1/stats/bot/1/sessions/chats?from=2019-07-01&to=2019-07-02');

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_http;
-- they may serve other databases of the cluster
DO $$ BEGIN DROP ROLE kindly_api_authenticator, kindly_api_anonymous, kindly_api_user, kindly_api_guest; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
