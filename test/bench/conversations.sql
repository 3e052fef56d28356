-- conversations.sql: made-up conversations of one bot that ended on one day, the same on every run.
--
--     psql [-v conversations=1000000] -f test/bench/conversations.sql
--
-- Makes the table staged, like the one that kindly_stats.create_conversation_table() makes.  Nothing is random: every figure is a
-- hash of the conversation and of what is asked about it.

\if :{?conversations} \else \set conversations 1000000 \endif

CREATE FUNCTION dice(key bigint, what bigint) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended(key, what) & 4503599627370495) / 4503599627370496.0::float8;
CREATE FUNCTION pick(choices text[], key bigint, what bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN choices[1 + floor(dice(key, what) * cardinality(choices))::int];

CREATE UNLOGGED TABLE staged (LIKE conversation INCLUDING DEFAULTS);
INSERT INTO staged (bot_id, conversation_id, platform_conversation_id, conversation_start_time, conversation_end_time, language, channel, labels, conversations_data,
	conversation_status, last_resolution, triggered_replies, triggered_intent_replies, is_llm_conversation, "llm_responseGenerated_count",
	bot_messages_count, visitor_messages_count, not_understood_messages_count)
SELECT 1, md5(n::text)::uuid::text, 'ticket/' || n, ended - interval '1 hour' * dice(n, 2), ended, pick('{en,nb,de,fr}', n, 3), pick('{chat,chat,chat,ticket}', n, 4),
	ARRAY[pick('{order,return,delivery,invoice}', n, 5), 'campaign ' || n % 20],
	jsonb_build_object('orderNumber', n, 'country', pick('{NO,DE,FR,GB}', n, 6), 'loyalty', NULL, 'page', 'https://shop.example.com/articles/' || n % 1000),
	pick('{botHandled,botHandled,email,agent,customEscalation,failedEscalation}', n, 7), pick('{informed,resolved,escalated,undefined}', n, 8),
	jsonb_build_array(jsonb_build_object('reply_name', 'reply-' || n % 300), jsonb_build_object('reply_name', 'reply-' || n % 70)),
	jsonb_build_array(jsonb_build_object('intent_name', 'Greeting', 'intent_timestamp', ended - interval '30 minutes', 'not_meaningful', true),
		jsonb_build_object('intent_name', 'Intent ' || floor(dice(n, 9) * 200), 'intent_timestamp', ended - interval '20 minutes', 'not_meaningful', false),
		jsonb_build_object('intent_name', 'Intent ' || floor(dice(n, 10) * 200), 'intent_timestamp', ended - interval '10 minutes', 'not_meaningful', false)),
	n % 3 = 0, n % 3, 3 + n % 5, 2 + n % 4, n % 2
FROM (SELECT n, timestamptz '2025-01-01 00:00Z' + interval '1 day' * (n + dice(n, 1)) / (:conversations + 1) AS ended FROM generate_series(1, :conversations) AS n) AS c;
