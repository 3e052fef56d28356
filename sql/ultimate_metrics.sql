--
-- Ultimate: metrics of conversations
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
\pset null null
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
SELECT kindly_stats.create_conversation_table('ultimate_metrics');
CREATE FUNCTION pg_temp.talk(bot bigint, id text, started timestamptz, ended timestamptz, status text, resolution text, bot_messages int, visitor int, misunderstood int,
	channel text DEFAULT 'chat', language text DEFAULT 'en') RETURNS void LANGUAGE sql AS $$
INSERT INTO ultimate_metrics (bot_id, conversation_id, conversation_start_time, conversation_end_time, conversation_status, last_resolution, bot_messages_count,
	visitor_messages_count, not_understood_messages_count, channel, language) VALUES (bot, id, started, ended, status, resolution, bot_messages, visitor, misunderstood, channel, language)
$$;

-- each status and resolution of the page, one that it does not name, and none: what counts as what
SELECT pg_temp.talk(2401, s || r, '2024-10-27 10:00Z', '2024-10-27 11:00Z', nullif(s, '-'), nullif(r, '-'), 1, 2, 1)
FROM unnest(ARRAY['botHandled', 'email', 'agent', 'customEscalation', 'failedEscalation', 'abandoned', '-', '']) AS s, unnest(ARRAY['informed', 'resolved', 'escalated', 'undefined', '-']) AS r \g /dev/null
SELECT * FROM ultimate.metrics(2401, '2024-10-27', '2024-10-28') \gx
SELECT pg_temp.talk(2410 + n, 'x', '2024-10-27 10:00Z', '2024-10-27 11:00Z', s, NULL, 1, 0, 0)
FROM unnest(ARRAY['botHandled', 'email', 'agent', 'customEscalation', 'failedEscalation', 'abandoned', NULL, '']) WITH ORDINALITY AS s (s, n) \g /dev/null
SELECT s.status, m.bot_handled_rate AS handled, m.deflection_rate AS deflected, m.escalation_rate AS escalated, m.failed_escalation_rate AS failed
FROM unnest(ARRAY['botHandled', 'email', 'agent', 'customEscalation', 'failedEscalation', 'abandoned', NULL, '']) WITH ORDINALITY AS s (status, n),
	ultimate.metrics(2410 + n, '2024-10-27', '2024-10-28') AS m ORDER BY n;
SELECT pg_temp.talk(2420 + n, 'x', '2024-10-27 10:00Z', '2024-10-27 11:00Z', NULL, r, 1, 0, 0)
FROM unnest(ARRAY['informed', 'resolved', 'escalated', 'undefined', NULL]) WITH ORDINALITY AS s (r, n) \g /dev/null
SELECT s.r AS resolution, m.informed_rate AS informed, m.automation_rate AS automated FROM unnest(ARRAY['informed', 'resolved', 'escalated', 'undefined', NULL]) WITH ORDINALITY AS s (r, n),
	ultimate.metrics(2420 + n, '2024-10-27', '2024-10-28') AS m ORDER BY n;

-- nothing to be a part of: NULL, and no error
SELECT * FROM ultimate.metrics(2499, '2024-10-27', '2024-10-28') \gx
SELECT * FROM ultimate.metrics(2401, '2024-10-28', '2024-10-29', 'start') \gx
SELECT pg_temp.talk(2402, 'silent', '2024-10-27 10:00Z', '2024-10-27 11:00Z', 'agent', 'escalated', 0, 0, 0) \g /dev/null
SELECT total_conversations, escalation_rate, messages_understood_rate FROM ultimate.metrics(2402, '2024-10-27', '2024-10-28');
SELECT total_conversations, escalation_rate, messages_understood_rate FROM ultimate.metrics(2402, '2024-10-27', '2024-10-28', 'start');
SELECT pg_temp.talk(2402, 'all understood', '2024-10-28 10:00Z', '2024-10-28 11:00Z', NULL, NULL, 0, 7, 0), pg_temp.talk(2402, 'nothing', '2024-10-29 10:00Z', '2024-10-29 11:00Z', NULL, NULL, 0, 7, 7) \g /dev/null
SELECT messages_understood_rate FROM unnest(ARRAY['2024-10-28', '2024-10-29']) AS day, ultimate.metrics(2402, day, day::date + 1);

-- by the day on which they ended, or on which they began and the bot spoke, open ones too
SELECT pg_temp.talk(2403, 'over midnight', '2024-10-27 23:00Z', '2024-10-28 01:00Z', 'botHandled', 'informed', 2, 3, 1),
	pg_temp.talk(2403, 'open', '2024-10-27 23:00Z', NULL, NULL, NULL, 1, 1, 1),
	pg_temp.talk(2403, 'suggestions', '2024-10-27 12:00Z', '2024-10-27 13:00Z', 'agent', 'escalated', 0, 5, 0) \g /dev/null
SELECT day, attribution, total_conversations, bot_handled_conversations, deflection_rate, messages_understood_rate
FROM unnest(ARRAY['2024-10-27', '2024-10-28']) AS day, unnest(ARRAY['end', 'start', NULL]) AS attribution, ultimate.metrics(2403, day, day::date + 1, attribution) ORDER BY day, attribution;
-- it ends; it is corrected; it goes
UPDATE ultimate_metrics SET conversation_end_time = '2024-10-28 02:00Z', conversation_status = 'email' WHERE bot_id = 2403 AND conversation_id = 'open';
SELECT attribution, total_conversations, escalation_rate FROM unnest(ARRAY['end', 'start']) AS attribution, ultimate.metrics(2403, '2024-10-27', '2024-10-29', attribution) ORDER BY 1;
UPDATE ultimate_metrics SET bot_messages_count = 0 WHERE bot_id = 2403;
SELECT attribution, total_conversations, escalation_rate FROM unnest(ARRAY['end', 'start']) AS attribution, ultimate.metrics(2403, '2024-10-27', '2024-10-29', attribution) ORDER BY 1;
DELETE FROM ultimate_metrics WHERE bot_id = 2403 AND conversation_id = 'suggestions';
SELECT total_conversations FROM ultimate.metrics(2403, '2024-10-27', '2024-10-29');

-- days of a zone; "to" is exclusive, inside a day it reaches to the day's end
SELECT pg_temp.talk(2404, 'h' || h, timestamptz '2024-10-26 00:00Z', timestamptz '2024-10-26 21:30Z' + h * interval '1 hour', 'botHandled', NULL, 1, 1, 0) FROM generate_series(0, 27) AS h \g /dev/null
SELECT tz, total_conversations FROM unnest(ARRAY[NULL, 'UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu', '+05:30']) AS tz, ultimate.metrics(2404, '2024-10-27', '2024-10-28', tz => tz);
SELECT total_conversations FROM ultimate.metrics(2404, '2024-10-27T12:00', '2024-10-27T12:00');
SELECT total_conversations FROM ultimate.metrics(2404, '2024-10-27T00:00:00Z', '2024-10-28T00:00:00.000001Z');
SELECT total_conversations FROM ultimate.metrics(bot => 2404, "from" => '2024-10-26', "to" => '2024-10-29');

-- channels and languages
SELECT pg_temp.talk(2405, c || l, '2024-10-27 10:00Z', '2024-10-27 11:00Z', 'botHandled', NULL, 1, 1, 0, nullif(c, '-'), nullif(l, '-'))
FROM unnest(ARRAY['chat', 'ticket', '-']) AS c, unnest(ARRAY['en', 'nb', '-', 'pt-BR']) AS l \g /dev/null
SELECT channels, languages, total_conversations, bot_handled_conversations FROM unnest(ARRAY[NULL, 'chat', 'chat,ticket', '-ticket', '["ticket"]', 'phone']) AS channels, unnest(ARRAY[NULL, 'en', '{pt-BR,nb}', '-en']) AS languages,
	ultimate.metrics(2405, '2024-10-27', '2024-10-28', channels => channels, languages => languages) ORDER BY channels COLLATE "C", languages COLLATE "C";

-- what makes no sense
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics()');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401)');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics("from" => ''2024-10-27'', "to" => ''2024-10-28'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-27'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-28'', ''2024-10-27'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''infinity'', ''infinity'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-28'', ''finish'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-28'', '''')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-28'', tz => ''Oslo5'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-28'', channels => '''')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-28'', channels => ''chat,-chat'')');
SELECT pg_temp.failure('SELECT * FROM ultimate.metrics(2401, ''2024-10-27'', ''2024-10-28'', languages => ''["en"'')');
SELECT f, pg_temp.failure(format('SELECT * FROM ultimate.%I()', f)), pg_temp.failure(format('SELECT * FROM ultimate.%I(2401)', f)),
	pg_temp.failure(format('SELECT * FROM ultimate.%I(2401, ''2024-10-27'', ''2024-10-28'', attribution => ''x'')', f)),
	pg_temp.failure(format('SELECT * FROM ultimate.%I(2401, ''2024-10-27'', ''2024-10-28'', tz => ''x'')', f)),
	pg_temp.failure(format('SELECT * FROM ultimate.%I(2401, ''2024-10-27'', ''2024-10-27'')', f))
FROM unnest(ARRAY['first_last_intent', 'metrics_by_first_meaningful_intent', 'metrics_by_last_meaningful_intent']) AS f;
SELECT excluded, pg_temp.failure(format('SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2401, ''2024-10-27'', ''2024-10-28'', %L)', excluded))
FROM (VALUES ('{a,NULL}'), (''), ('a,'), ('-a'), ('["a"'), ('[1]')) AS v (excluded);

--
-- Intents
--
-- [name, timestamp, not_meaningful] ...
CREATE FUNCTION pg_temp.intents(list jsonb) RETURNS jsonb LANGUAGE sql AS $$
SELECT coalesce(jsonb_agg(jsonb_build_object('intent_name', i -> 0, 'intent_timestamp', i -> 1, 'not_meaningful', i -> 2) ORDER BY n), '[]') FROM jsonb_array_elements(list) WITH ORDINALITY AS l (i, n)
$$;
-- or why there is none
CREATE FUNCTION pg_temp.first_and_last(list jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN concat_ws(' .. ', ultimate.first_meaningful_intent(list), ultimate.last_meaningful_intent(excluded => '{}', triggered_intent_replies => list));
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
SELECT list, pg_temp.first_and_last(pg_temp.intents(list))
FROM (VALUES ('[]'), ('[["a", "2024-10-27T10:00:00Z", false]]'), ('[["a", "2024-10-27T10:00:00Z", true]]'), ('[["a", "2024-10-27T10:00:00Z", null]]'), ('[["a", "2024-10-27T10:00:00Z", "false"]]'),
	-- by time, not by place; of the same time by place
	('[["b", "2024-10-27T10:00:01Z", false], ["a", "2024-10-27T10:00:00Z", false], ["c", "2024-10-27T10:00:02Z", false]]'),
	('[["a", "2024-10-27T10:00:00Z", false], ["b", "2024-10-27T10:00:00Z", false], ["c", "2024-10-27T10:00:00Z", false]]'),
	('[["m", "2024-10-27T09:00:00Z", true], ["a", "2024-10-27T10:00:00Z", false], ["m", "2024-10-27T11:00:00Z", true]]'),
	-- ways to write a time
	('[["b", "2024-10-27T12:00:00+02:00", false], ["a", "2024-10-27T09:59:59.999999Z", false], ["c", "2024-10-27 10:00:00.000001", false]]'),
	('[["b", "2024-10-27T10:00:00.5Z", false], ["a", "2024-10-27T10:00:00Z", false], ["c", "2024-10-27T06:00:01-0400", false]]'),
	('[["b", "2024-10-27T05:31+05:30", false], ["a", "2024-10-27", false], ["c", "2024-10-27T00:01:01+00", false]]'),
	('[["c", 1730023200.5, false], ["a", 1730023199, false], ["b", 1.7300232e9, false]]'),
	('[["b", "2024-10-27 10:00:01 UTC", false], ["a", "2024-10-27 10:00:00Z", false]]'),
	-- without a time: only where there is no other
	('[["x", null, false], ["a", "2024-10-27T10:00:00Z", false], ["z", null, false]]'), ('[["x", null, false], ["y", null, false]]'),
	-- what is no time is an error, but of an intent that does not count
	('[["x", "yesterday", true]]'), ('[["x", "yesterday", false]]'), ('[["x", "", false]]'), ('[["x", true, false]]'), ('[["x", "2024-02-3", false]]'), ('[["x", "2024-13-01", false]]'), ('[["x", "2023-02-29", false]]'),
	('[["x", "2024-02-03T25:00", false]]'), ('[["x", "2024-02-03T10:60", false]]'), ('[["x", "2024-02-03T10", false]]'), ('[["x", "2024-02-03T10:00:00.", false]]'), ('[["x", "2024-02-03T10:00:00Zz", false]]'),
	('[["x", "2024-02-03T10:00:00 CET", false]]'), ('[["x", "2024-02-03T10:00:00+25", false]]'), ('[["x", "1730023200", false]]'),
	-- numbers are seconds: not milliseconds, nor the first days of 1970
	('[["x", 1730023200123, false]]'), ('[["x", 1, false]]'), ('[["x", 946684799.999, false]]'), ('[["x", 946684800, false]]'), ('[["x", 4102444799.999999, false]]'), ('[["x", 4102444800, false]]'), ('[["x", -1e400, false]]'),
	-- no name
	('[[null, "2024-10-27T10:00:00Z", false], [7, "2024-10-27T10:00:00Z", false], ["", "2024-10-27T11:00:00Z", false]]')) AS v (text), LATERAL (SELECT text::jsonb AS list) AS l;
-- names that do not count; what is no list of intents
SELECT excluded, ultimate.first_meaningful_intent(i, excluded) AS first, ultimate.last_meaningful_intent(i, excluded) AS last
FROM (VALUES ('{}'::text[]), (NULL), ('{Greeting}'), ('{Greeting,"Talk to a human/agent"}'), ('{greeting,Order,Ord}'), ('{{Greeting},{Order}}'), ('{Greeting,Order,"Talk to a human/agent"}')) AS e (excluded),
	(SELECT pg_temp.intents('[["Greeting", 1700000001, false], ["Order", 1700000002, false], ["Greeting", 1700000003, false], ["Talk to a human/agent", 1700000004, false]]') AS i) AS i;
SELECT j, pg_temp.first_and_last(j) FROM unnest(ARRAY['{"intent_name": "a", "not_meaningful": false}', '"a"', '"[{\"intent_name\": \"a\", \"not_meaningful\": false}]"', '["{\"intent_name\": \"a\", \"not_meaningful\": false}"]',
	'null', '"null"', '1', '["a"]', '[1]', '[null]', '[[]]', '[{}]', '[{"intent_name": ["a"]}]', NULL]::jsonb[]) AS j;
SELECT ultimate.first_meaningful_intent();
SELECT pg_temp.failure('SELECT ultimate.first_meaningful_intent(''[]'', ARRAY[NULL])');
SELECT bool_and(ultimate.first_meaningful_intent(i) = 'i0' AND ultimate.last_meaningful_intent(i) = 'i4999' AND ultimate.first_meaningful_intent(i, e) = 'i2000') AS many
FROM (SELECT jsonb_agg(jsonb_build_object('intent_name', 'i' || n, 'intent_timestamp', 1700000000 + n, 'not_meaningful', false) ORDER BY n % 7, n) AS i, array_agg('i' || n) FILTER (WHERE n < 2000) AS e FROM generate_series(0, 4999) AS n) AS t;

-- conversations by them
UPDATE ultimate_metrics SET triggered_intent_replies = CASE conversation_id
	WHEN 'chaten' THEN pg_temp.intents('[["Greeting", 1700000001, true], ["Order", 1700000002, false], ["Return", 1700000003, false], ["Bye", 1700000004, true]]') WHEN 'chatnb' THEN pg_temp.intents('[["Order", 1700000002, false], ["Order", 1700000001, false]]')
	WHEN 'chat-' THEN pg_temp.intents('[["Return", 1700000002, false], ["Order", 1700000001, false]]') WHEN 'ticketen' THEN pg_temp.intents('[["Delivery", 1700000002, false]]') WHEN 'ticketnb' THEN '[]' WHEN 'ticket-' THEN '[{}]' END
WHERE bot_id = 2405;
UPDATE ultimate_metrics SET conversation_status = 'agent' WHERE bot_id = 2405 AND conversation_id = 'chatnb';
SELECT * FROM ultimate.first_last_intent(2405, '2024-10-27', '2024-10-28');
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2405, '2024-10-27', '2024-10-28');
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2405, '2024-10-27', '2024-10-28', '{Order}');
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2405, '2024-10-27', '2024-10-28', NULL);
SELECT * FROM ultimate.metrics_by_last_meaningful_intent(2405, '2024-10-27', '2024-10-28');
SELECT * FROM ultimate.metrics_by_last_meaningful_intent(2405, '2024-10-27', '2024-10-28', excluded => '{Return,Delivery}');
-- a list as any other: the same in all of its forms, and names of every kind behind a backslash
SELECT excluded, (SELECT string_agg(m.last_meaningful_intent, ',') FROM ultimate.metrics_by_last_meaningful_intent(2405, '2024-10-27', '2024-10-28', excluded => v.excluded) AS m) AS others
FROM (VALUES ('Return, Delivery'), ('["Return","Delivery"]'), ('{}'), ('\Return,\Delivery'), ('return')) AS v (excluded);
SELECT excluded, ultimate.first_meaningful_intent(i, excluded), ultimate.last_meaningful_intent(i, excluded)
FROM (VALUES (ARRAY['\-a']), (ARRAY['\\b']), (ARRAY['\']), (ARRAY['\-a', '\']), (ARRAY['\\b', 'c,d'])) AS v (excluded),
	(SELECT pg_temp.intents('[["-a", 1700000001, false], ["\\b", 1700000002, false], ["c,d", 1700000003, false], ["", 1700000004, false]]') AS i) AS i;
SELECT excluded, pg_temp.failure(format('SELECT ultimate.first_meaningful_intent(''[]'', %L)', excluded)) FROM unnest(ARRAY['{-a}', '{""}']) AS excluded;
UPDATE ultimate_metrics SET bot_messages_count = 0 WHERE bot_id = 2405 AND conversation_id = 'chaten';
UPDATE ultimate_metrics SET conversation_end_time = NULL WHERE bot_id = 2405 AND conversation_id = 'chatnb';
SELECT * FROM ultimate.first_last_intent(2405, '2024-10-27', '2024-10-28', 'start') LIMIT 2;
SELECT a, m.* FROM unnest(ARRAY['end', 'start']) AS a, ultimate.metrics_by_first_meaningful_intent(2405, '2024-10-27', '2024-10-28', attribution => a) AS m ORDER BY a, 2;
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2405, '2024-10-28', '2024-10-29');
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2499, '2024-10-27', '2024-10-28');
SELECT tz, count(*) FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles']) AS tz, ultimate.first_last_intent(2404, '2024-10-27', '2024-10-28', tz => tz) GROUP BY tz ORDER BY tz;
-- the clock was set back over midnight: minutes of the day before lie within the day
SELECT pg_temp.talk(2406, 'm' || m, '2006-10-28 00:00Z', timestamptz '2006-10-29 02:00Z' + m * interval '1 minute', NULL, NULL, 1, 1, 0) FROM generate_series(0, 89) AS m \g /dev/null
SELECT day, (SELECT count(*) FROM ultimate.first_last_intent(2406, day, day::date + 1, tz => 'America/St_Johns')) AS intents,
	(SELECT count(*) FROM ultimate_metrics WHERE bot_id = 2406 AND (conversation_end_time AT TIME ZONE 'America/St_Johns')::date = day::date) AS plain FROM unnest(ARRAY['2006-10-28', '2006-10-29']) AS day;

DELETE FROM ultimate_metrics;
DROP TABLE ultimate_metrics;
