-- events.sql: made-up events and conversations, the same on every run with the same
-- variables, in tables from which they are copied.
--
--     psql -v bots=6 -v rows=20000 -v seed=1 -f test/citus/events.sql
--
-- Makes tables staged_event and staged_conversation, with as many columns as they fill.

SET client_min_messages = warning;
SET timezone = 'UTC';

CREATE FUNCTION pg_temp.dice(key bigint, what bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
SELECT (hashint8extended(key, what) & 4503599627370495) / 4503599627370496.0::float8 $$;
CREATE FUNCTION pg_temp.pick(choices anycompatiblearray, key bigint, what bigint) RETURNS anycompatible LANGUAGE sql IMMUTABLE AS $$
SELECT choices[1 + floor(pg_temp.dice(key, what) * cardinality(choices))::int] $$;

CREATE TABLE staged_event AS
SELECT 1 + floor(power(pg_temp.dice(i, 1), 2) * :bots)::bigint AS bot_id,
	timestamptz '2024-01-01' + floor(pg_temp.dice(i, 2) * 366 * 96) * interval '15 minutes' + floor(pg_temp.dice(i, 3) * 900) * interval '1 second' AS occurred_at,
	pg_temp.pick('{user_message,user_message,bot_reply,bot_reply,button_click,label_added,feedback,handover_request,handover_request_closed,handover_started,handover_ended,event_triggered,link_click,response_liked,response_disliked,interaction}'::text[], i, 4) AS kind,
	md5('event ' || i)::uuid AS event_id, 's' || floor(pg_temp.dice(i, 5) * :rows / 6) AS session_id, 'u' || floor(pg_temp.dice(i, 6) * :rows / 20) AS user_id,
	pg_temp.pick('{web,app,test,NULL}'::text[], i, 7) AS source, pg_temp.pick('{nb,en,NULL,pt-BR}'::text[], i, 8) AS language_code, pg_temp.dice(i, 9) < 0.2 AS is_fallback,
	pg_temp.pick('{a.example,b.example}'::text[], i, 10) AS web_host, '/' || floor(pg_temp.dice(i, 11) * 5) AS web_path,
	'b' || floor(pg_temp.dice(i, 12) * 9) AS button_id, pg_temp.pick('{quick_reply,NULL}'::text[], i, 13) AS button_type, 'd' || floor(pg_temp.dice(i, 14) * 3) AS dialogue_id,
	pg_temp.pick('{1,NULL,2}'::text[], i, 15) AS label_id, pg_temp.pick('{order,NULL,return}'::text[], i, 16) AS label_text, pg_temp.pick('{binary,emojis,NULL}'::text[], i, 17) AS rating_type,
	(1 + floor(pg_temp.dice(i, 18) * 3))::smallint AS rating, pg_temp.pick('{delivery,prices,NULL}'::text[], i, 19) AS topic, pg_temp.pick('{true,false,NULL}'::boolean[], i, 20) AS matched,
	pg_temp.pick('{positive,negative,neutral,NULL}'::text[], i, 21) AS sentiment, pg_temp.pick('{NO,DK,NULL}'::text[], i, 22) AS country, pg_temp.pick('{Welcome,c}'::text[], i, 23) AS event_name,
	'r' || floor(pg_temp.dice(i, 24) * 9) AS response_id, pg_temp.pick('{button,NULL}'::text[], i, 25) AS response_trigger, 'https://example.com/' || floor(pg_temp.dice(i, 26) * 4) AS url,
	pg_temp.pick('{ada,bo,NULL}'::text[], i, 27) AS agent_id, pg_temp.pick('{solved,NULL}'::text[], i, 28) AS outcome, floor(pg_temp.dice(i, 29) * 3000)::int AS duration,
	pg_temp.pick('{s1,s2,NULL}'::text[], i, 30) AS story_id, pg_temp.dice(i, 31) < 0.3 AS paid, 'i' || floor(pg_temp.dice(i, 32) * 6) AS interaction_id, 'name' AS interaction_name,
	pg_temp.pick('{block,story}'::text[], i, 33) AS interaction_type
FROM generate_series(:seed * 1000000::bigint + 1, :seed * 1000000::bigint + :rows) AS i;

CREATE TABLE staged_conversation AS
SELECT 1 + floor(pg_temp.dice(i, 51) * :bots)::bigint AS bot_id, 'c' || i AS conversation_id, at AS conversation_start_time,
	CASE WHEN pg_temp.dice(i, 53) > 0.1 THEN at + pg_temp.dice(i, 54) * interval '30 hours' END AS conversation_end_time,
	pg_temp.pick('{en,nb,NULL}'::text[], i, 55) AS language, pg_temp.pick('{chat,ticket,NULL}'::text[], i, 56) AS channel,
	pg_temp.pick('{botHandled,email,agent,NULL}'::text[], i, 57) AS conversation_status, pg_temp.pick('{informed,resolved,escalated,NULL}'::text[], i, 58) AS last_resolution,
	CASE WHEN pg_temp.dice(i, 59) > 0.2 THEN (SELECT jsonb_agg(jsonb_build_object('intent_name', pg_temp.pick('{Greeting,Order,Help}'::text[], i * 8 + n, 60), 'not_meaningful', pg_temp.dice(i * 8 + n, 61) < 0.3,
		'intent_id', n::text, 'intent_timestamp', to_char(at + n * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) ORDER BY n)
		FROM generate_series(1, 1 + floor(pg_temp.dice(i, 62) * 4)::int) AS n) END AS triggered_intent_replies,
	floor(pg_temp.dice(i, 63) * 3)::int AS bot_messages_count, floor(pg_temp.dice(i, 64) * 6)::int AS visitor_messages_count, floor(pg_temp.dice(i, 65) * 2)::int AS not_understood_messages_count
FROM (SELECT i, timestamptz '2024-01-01' + floor(pg_temp.dice(i, 52) * 366 * 96) * interval '15 minutes' AS at FROM generate_series(:seed * 1000000::bigint + 1, :seed * 1000000::bigint + :rows / 10) AS i) AS t;
