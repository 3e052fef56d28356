-- What a cluster holds that is to be upgraded: tables of every kind, roles, keys, purged and kept statistics.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE ROLE ks_upgrade_app;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
CREATE SCHEMA "Other app";
CREATE TABLE "Other app"."Event" (dropped text, bot text, "created at" timestamptz, what text, conversation uuid, topic text, seconds integer)
    PARTITION BY RANGE ("created at");
ALTER TABLE "Other app"."Event" DROP COLUMN dropped;
CREATE TABLE "Other app".first PARTITION OF "Other app"."Event" FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE "Other app".second PARTITION OF "Other app"."Event" DEFAULT;
INSERT INTO "Other app"."Event"
SELECT 'acme-' || n % 2, timestamptz '2025-05-01Z' + n * interval '311 minutes', CASE n % 3 WHEN 0 THEN 'bot_reply' ELSE 'user_message' END,
       md5((n / 7)::text)::uuid, 'topic ' || n % 5, n % 100
  FROM generate_series(1, 1000) AS n;
SELECT kindly_stats.attach('"Other app"."Event"', '{"bot_id": "bot", "occurred_at": "created at", "kind": "what", "session_id": "conversation"}');
SELECT kindly_stats.create_conversation_table('talk');
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT 1 + n % 2, 't' || n, '2025-05-01Z', '2025-05-02Z' FROM generate_series(1, 9) AS n;
SELECT kindly_stats.add_measure('subjects', keys => '{topic}', member => 'session_id');
INSERT INTO kindly_stats.bot_name VALUES ('acme-1', 'Support'), (1, 'First');
INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name) VALUES (1, 'welcome', 'never reached');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path, is_fallback)
SELECT 1 + n % 3, timestamptz '2024-12-01Z' + n * interval '97 minutes', CASE n % 4 WHEN 0 THEN 'bot_reply' ELSE 'user_message' END, 's' || n / 6, 'u' || n / 50,
       CASE n % 5 WHEN 0 THEN 'app' ELSE 'web' END, CASE n % 7 WHEN 0 THEN 'nb' ELSE 'en' END, 'acme.example', '/page/' || n % 40, n % 11 = 0
  FROM generate_series(1, 6000) AS n;
DELETE FROM chat_event WHERE session_id IN ('s10', 's500');
UPDATE chat_event SET source = 'mail' WHERE session_id LIKE 's7%';
SELECT kindly_stats.purge('chat_event', '2025-03-15Z');
CALL kindly_stats.compact(1);
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) SELECT bot, timestamptz '2025-12-31 12:00Z' + n * interval '1 minute', 'user_message', 'm' || n
  FROM generate_series(1, 2) AS bot, generate_series(1, 9) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_event TO ks_upgrade_app;
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.create_administrator_roles();
SELECT kindly_stats.create_signing_secret();
SELECT length(kindly_stats.create_api_key(1, 'upgrade'));
-- tallies in tables of the user's own, and views of what may change from one server to the next
CREATE TABLE mine AS SELECT bot_id, kindly_stats.sum(tally) AS tally FROM kindly_stats.rollup WHERE measure = '' GROUP BY bot_id;
CREATE VIEW daily AS SELECT * FROM bi.daily WHERE bot_id = '1';
