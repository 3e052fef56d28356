--
-- Ultimate: the SQL of the documented page, over exported documents that were loaded into a table
--
SET timezone = 'Asia/Tokyo';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
SELECT kindly_stats.create_conversation_table('ultimate_page');

-- 14,000 conversations that ended within nine days; of the first bot some are still open, of the second all are over within a day
CREATE FUNCTION pg_temp.dice(i bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
SELECT (hashint8extended(i, salt) & 9007199254740991)::float8 / 9007199254740992
$$;
CREATE FUNCTION pg_temp.pick(choices text[], i bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT choices[1 + floor(pg_temp.dice(i, salt) * cardinality(choices))::int]
$$;
INSERT INTO ultimate_page (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, channel, labels, conversations_data, test_mode, conversation_status, last_resolution,
	triggered_replies, triggered_intent_replies, is_llm_conversation, bot_messages_count, visitor_messages_count, not_understood_messages_count)
SELECT 2501 + (i % 5 = 0)::int, 'c' || i, ended - interval '24 hours' * pg_temp.dice(i, 2) ^ 4, CASE WHEN i % 40 <> 1 THEN ended END,
	pg_temp.pick('{en,nb,de,NULL}', i, 3), pg_temp.pick('{chat,ticket}', i, 4), CASE WHEN i % 3 = 0 THEN ARRAY['l' || i % 5] END, jsonb_build_object('n', i, 'none', NULL), i % 50 = 0,
	pg_temp.pick('{botHandled,botHandled,email,agent,customEscalation,failedEscalation,abandoned,NULL}', i, 5), pg_temp.pick('{informed,resolved,escalated,undefined,NULL}', i, 6), '[{"reply_name": "r"}]',
	CASE WHEN i % 11 > 0 THEN (
		SELECT coalesce(jsonb_agg(jsonb_build_object('intent_name', pg_temp.pick('{Greeting,Order,Return,Delivery,"Talk to a human/agent",Ærlig}', i * 10 + n, 7),
			'intent_timestamp', ended - interval '1 minute' * ((n * 7) % 11), 'not_meaningful', pg_temp.pick('{true,false,false,NULL}', i * 10 + n, 8)::boolean) ORDER BY n), '[]')
		FROM generate_series(1, floor(pg_temp.dice(i, 9) * 6)::int) AS n) END,
	i % 4 = 0, floor(pg_temp.dice(i, 10) * 5), floor(pg_temp.dice(i, 11) * 20), 0
FROM generate_series(1, 14000) AS i, LATERAL (SELECT timestamptz '2024-10-22 00:00Z' + interval '9 days' * pg_temp.dice(i, 1) AS ended) AS e;
UPDATE ultimate_page SET not_understood_messages_count = floor(visitor_messages_count * pg_temp.dice(hashtext(conversation_id), 12));

-- the documents of nine days, loaded as a customer would: numbers are numbers, intents are records
CREATE TYPE pg_temp.intent AS (intent_name text, intent_timestamp timestamptz, not_meaningful boolean);
CREATE TEMP TABLE document AS SELECT bot, day::date, ultimate.export(bot, day::date) AS document FROM generate_series(2501, 2502) AS bot, generate_series(timestamp '2024-10-22', '2024-10-30', '1 day') AS day;
CREATE TEMP TABLE all_loaded AS
SELECT d.day, r.bot_id::bigint, r.conversation_id, r.conversation_start_time::timestamptz, r.conversation_end_time::timestamptz, r.conversation_status, r.last_resolution,
	ARRAY(SELECT json_populate_record(NULL::pg_temp.intent, i.object) FROM json_array_elements(CASE WHEN json_typeof(r.triggered_intent_replies) = 'array' THEN r.triggered_intent_replies END)
		WITH ORDINALITY AS i (object, n) ORDER BY n) AS triggered_intent_replies,
	r.bot_messages_count::int, r.visitor_messages_count::int, r.not_understood_messages_count::int
FROM document AS d, json_to_recordset(d.document) AS r (bot_id text, conversation_id text, conversation_start_time text, conversation_end_time text, conversation_status text, last_resolution text,
	triggered_intent_replies json, bot_messages_count text, visitor_messages_count text, not_understood_messages_count text);
CREATE TEMP VIEW loaded AS SELECT * FROM all_loaded WHERE bot_id = 2501;
SELECT count(*) > 10000 AS enough, count(*) = (SELECT count(*) FROM ultimate_page WHERE bot_id = 2501 AND conversation_end_time IS NOT NULL) AS all_of_them,
	bool_and((conversation_end_time AT TIME ZONE 'UTC')::date = day) AS each_on_its_day, count(DISTINCT conversation_id) = count(*) AS none_twice FROM loaded;
-- and nothing was lost on the way
SELECT count(*) FROM loaded FULL JOIN (SELECT * FROM ultimate_page WHERE bot_id = 2501 AND conversation_end_time IS NOT NULL) AS p USING (conversation_id)
WHERE loaded.conversation_end_time IS DISTINCT FROM p.conversation_end_time OR loaded.conversation_start_time IS DISTINCT FROM p.conversation_start_time
	OR loaded.visitor_messages_count IS DISTINCT FROM p.visitor_messages_count;

-- "Ultimate Metrics"
CREATE FUNCTION pg_temp.page_metrics(days date[]) RETURNS TABLE (total_conversations bigint, bot_handled_conversations bigint, bot_handled_rate float8, deflection_rate float8, escalation_rate float8,
	failed_escalation_rate float8, informed_rate float8, automation_rate float8, messages_understood_rate float8) LANGUAGE sql AS $$
SELECT
--Total conversations
count(distinct conversation_id) total_conversations,
--Bot handled rate
count(distinct case when conversation_status = 'botHandled' then conversation_id end) bot_handled_conversations,
count(distinct case when conversation_status = 'botHandled' then conversation_id end)::float8/count(distinct conversation_id) bot_handled_rate,
--Deflection rate
count(distinct case when conversation_status not in ('email', 'agent', 'customEscalation') then conversation_id end)::float8/count(distinct conversation_id) deflection_rate,
--Escalation rate
count(distinct case when conversation_status in ('email', 'agent', 'customEscalation') then conversation_id end)::float8/count(distinct conversation_id) escalation_rate,
--Failed escalation rate
count(distinct case when conversation_status = 'failedEscalation' then conversation_id end)::float8/count(distinct conversation_id) failed_escalation_rate,
--Informed rate
count(distinct case when last_resolution = 'informed' then conversation_id end)::float8/count(distinct conversation_id) informed_rate,
--Automation rate
count(distinct case when last_resolution in ('informed', 'resolved') then conversation_id end)::float8/count(distinct conversation_id) automation_rate,
--Message understood rate
(sum(visitor_messages_count)-sum(not_understood_messages_count))::float8/sum(visitor_messages_count) messages_understood_rate
FROM loaded WHERE day = ANY (days)
$$;
SELECT * FROM pg_temp.page_metrics(ARRAY['2024-10-27'::date]) \gx
SELECT * FROM ultimate.metrics(2501, '2024-10-27', '2024-10-28') \gx
SELECT count(*) AS days, count(*) FILTER (WHERE p IS DISTINCT FROM m) AS different
FROM document AS d, pg_temp.page_metrics(ARRAY[d.day]) AS p, ultimate.metrics(2501, d.day, d.day + 1) AS m WHERE d.bot = 2501;
SELECT p = m AS same FROM pg_temp.page_metrics(ARRAY(SELECT day FROM document)) AS p, ultimate.metrics(2501, '2024-10-22', '2024-10-31') AS m;

-- "First / Last Intent from a conversation"
CREATE TEMP VIEW page_first_last AS
select distinct day, conversation_id,
triggered_intent_replies[1].intent_name first_intent,
triggered_intent_replies[cardinality(triggered_intent_replies)].intent_name last_intent
FROM loaded;
SELECT count(*) > 10000 AS enough, count(*) FILTER (WHERE p.first_intent IS DISTINCT FROM m.first_intent OR p.last_intent IS DISTINCT FROM m.last_intent) AS different,
	count(DISTINCT p.first_intent) AS intents, count(*) FILTER (WHERE p.first_intent IS NULL) > 1000 AS without
FROM (SELECT conversation_id, first_intent, last_intent FROM page_first_last) AS p FULL JOIN ultimate.first_last_intent(2501, '2024-10-22', '2024-10-31') AS m USING (conversation_id);
SELECT count(*) FROM ultimate.first_last_intent(2501, '2024-10-27', '2024-10-28') AS m FULL JOIN (SELECT * FROM page_first_last WHERE day = '2024-10-27') AS p USING (conversation_id)
WHERE p IS NULL OR m IS NULL;

-- "Metrics by first meaningful (or filtered) intent"
CREATE FUNCTION pg_temp.page_by_first(days date[]) RETURNS TABLE (first_meaningful_intent text, total_conversations bigint, bot_handled_rate float8) LANGUAGE sql AS $$
with meaningful_intents as (
select conversation_id, first_meaningful_intent, conversation_status from (
select distinct conversation_id, intent.intent_name first_meaningful_intent, conversation_status,
--order by ascending intent_timestamp for last intent
ROW_NUMBER() OVER (PARTITION BY conversation_id order by intent.intent_timestamp asc) rn
FROM loaded
LEFT JOIN UNNEST(triggered_intent_replies) intent ON true
--select only intents that are labeled as meaningful
where intent.not_meaningful is false
--filter for specific intents
and intent.intent_name not in ('Greeting', 'Talk to a human/agent') and day = ANY (days)) AS ranked
where rn=1)
--calculate metrics for each intent
select first_meaningful_intent,
count(distinct conversation_id) total_conversations,
count(distinct case when conversation_status = 'botHandled' then conversation_id end)::float8/count(distinct conversation_id) bot_handled_rate
from meaningful_intents group by first_meaningful_intent order by total_conversations desc, first_meaningful_intent COLLATE "C"
$$;
SELECT * FROM pg_temp.page_by_first(ARRAY['2024-10-27'::date]);
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(2501, '2024-10-27', '2024-10-28', '{Greeting,Talk to a human/agent}');
SELECT count(*) FROM (SELECT d.day, p.* FROM document AS d, pg_temp.page_by_first(ARRAY[d.day]) WITH ORDINALITY AS p WHERE d.bot = 2501) AS p
FULL JOIN (SELECT d.day, m.* FROM document AS d, ultimate.metrics_by_first_meaningful_intent(2501, d.day, d.day + 1, '{Greeting,Talk to a human/agent}') WITH ORDINALITY AS m WHERE d.bot = 2501) AS m
	USING (day, ordinality, first_meaningful_intent, total_conversations, bot_handled_rate) WHERE p IS NULL OR m IS NULL;
-- the last one is ordered by descending timestamp; here without excluded intents
CREATE TEMP VIEW page_by_last AS
with meaningful_intents as (select conversation_id, last_meaningful_intent, conversation_status from (
select distinct conversation_id, intent.intent_name last_meaningful_intent, conversation_status, ROW_NUMBER() OVER (PARTITION BY conversation_id order by intent.intent_timestamp desc) rn
FROM loaded LEFT JOIN UNNEST(triggered_intent_replies) intent ON true where intent.not_meaningful is false) AS ranked where rn=1)
select last_meaningful_intent, count(distinct conversation_id) total_conversations,
count(distinct case when conversation_status = 'botHandled' then conversation_id end)::float8/count(distinct conversation_id) bot_handled_rate
from meaningful_intents group by last_meaningful_intent order by total_conversations desc;
SELECT count(*) AS intents, count(*) FILTER (WHERE p IS NULL OR m IS NULL) AS different FROM page_by_last AS p
FULL JOIN ultimate.metrics_by_last_meaningful_intent(2501, '2024-10-22', '2024-10-31') AS m USING (last_meaningful_intent, total_conversations, bot_handled_rate);

-- "how can I achieve parity": of the files of day x and day x + 1, those that began on day x, with bot_messages_count > 0
CREATE FUNCTION pg_temp.parity(bot bigint, files int, spoken int) RETURNS TABLE (days bigint, different bigint, enough boolean) LANGUAGE sql AS $$
SELECT count(*), count(*) FILTER (WHERE p.total <> m.total_conversations OR p.handled <> m.bot_handled_conversations
	OR p.understood IS DISTINCT FROM round(m.messages_understood_rate::numeric, 12)), bool_and(m.total_conversations > 200)
FROM (SELECT x.day, count(*) AS total, count(*) FILTER (WHERE f.conversation_status = 'botHandled') AS handled,
		round(1 - sum(f.not_understood_messages_count)::numeric / sum(f.visitor_messages_count), 12) AS understood
	FROM document AS x JOIN all_loaded AS f ON f.bot_id = x.bot AND f.day BETWEEN x.day AND x.day + files - 1
	WHERE x.bot = parity.bot AND x.day < '2024-10-30' AND (f.conversation_start_time AT TIME ZONE 'UTC')::date = x.day AND f.bot_messages_count >= spoken GROUP BY x.day) AS p,
	ultimate.metrics(bot, p.day, p.day + 1, 'start') AS m
$$;
SELECT * FROM pg_temp.parity(2502, 2, 1);
-- not with one file, nor with what the bot said nothing in, nor while some are still open
SELECT different > 0 AS without_the_next_day FROM pg_temp.parity(2502, 1, 1);
SELECT different > 0 AS without_the_filter FROM pg_temp.parity(2502, 2, 0);
SELECT different > 0 AS while_some_are_open FROM pg_temp.parity(2501, 2, 1);

DELETE FROM kindly_stats.exported WHERE bot_id IN (2501, 2502);
DELETE FROM ultimate_page;
DROP TABLE ultimate_page CASCADE;
