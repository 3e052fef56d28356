--
-- Tables of conversations: the documented properties, a table of another shape, partitions
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_conversation;
CREATE DATABASE regression_kindly_conversation;
\c regression_kindly_conversation
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'America/Los_Angeles';
SET datestyle = 'SQL, DMY';
SET jit = off;
\pset format unaligned
CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;
-- what is counted of a bot, by end and by start
CREATE FUNCTION counted(bot bigint) RETURNS TABLE (attribution text, total bigint, handled bigint, understood float8) LANGUAGE sql AS $$
SELECT a, m.total_conversations, m.bot_handled_conversations, m.messages_understood_rate
FROM unnest(ARRAY['end', 'start']) AS a, ultimate.metrics(bot, '2020-01-01', '2030-01-01', a) AS m
$$;

-- nothing is attached yet
SELECT failure('SELECT * FROM ultimate.metrics(1, ''2024-01-01'', ''2024-01-02'')');
SELECT failure('SELECT ultimate.export(1, ''2024-01-01'')');
SELECT failure('SELECT * FROM ultimate.first_last_intent(1, ''2024-01-01'', ''2024-01-02'')');
SELECT failure('SELECT kindly_stats.close_day(1, ''2024-01-01'')');
SELECT failure('SELECT kindly_stats.reopen_day(1, ''2024-01-01'')');

--
-- The table that is made
--
SELECT kindly_stats.create_conversation_table('conversation');
SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull AS "not null", attgenerated <> '' AS generated, pg_get_expr(adbin, adrelid) AS expression
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attrelid = 'conversation'::regclass AND attnum > 0 ORDER BY attnum;
SELECT indexdef FROM pg_indexes WHERE tablename = 'conversation' ORDER BY indexdef COLLATE "C";
SELECT tgname FROM pg_trigger WHERE tgrelid = 'conversation'::regclass ORDER BY tgname;
SELECT conversation_table, (SELECT count(*) FROM jsonb_object_keys(columns)) FROM kindly_stats.conversation_table;
SELECT event_table, grain FROM kindly_stats.event_table ORDER BY grain;
SELECT failure('SELECT kindly_stats.create_conversation_table(''conversation'')');
SELECT failure('SELECT kindly_stats.create_conversation_table(''a.b.c'')');
SELECT failure('SELECT kindly_stats.create_conversation_table(NULL)');
CREATE SCHEMA "Other One";
SELECT kindly_stats.create_conversation_table('"Other One"."Talk"');
DROP TABLE "Other One"."Talk";

-- what a row must not be
CREATE FUNCTION refused(columns text, value text) RETURNS text LANGUAGE sql AS $$
SELECT failure(format('INSERT INTO conversation (bot_id, conversation_id, conversation_start_time%1$s) VALUES (9, ''x'', ''2024-01-02 00:00Z''%2$s)',
	', ' || columns, ', ' || value))
$$;
SELECT refused('conversation_end_time', $$'2024-01-01 23:59Z'$$);
SELECT refused('channel', $$'phone'$$);
SELECT refused('labels', $$'{a,NULL}'$$);
SELECT refused('labels', $$'{{a},{b}}'$$);
SELECT refused('conversations_data', $$'["a"]'$$);
SELECT refused('triggered_replies', $$'{"a": 1}'$$);
SELECT refused('triggered_intent_replies', $$'{"intent_name": "a"}'$$);
SELECT refused('triggered_intent_replies', $$'[{"intent_name": "a"}, "b"]'$$);
SELECT refused('conversation_end_time', $$'infinity'$$);
SELECT failure($$INSERT INTO conversation (bot_id, conversation_id) VALUES (9, 'x')$$);
SELECT failure($$INSERT INTO conversation (bot_id, conversation_id, conversation_start_time) VALUES (9, 'x', now()), (9, 'x', now())$$);
-- and what it may: no value but the needed ones, empty ones, a status that nobody has thought of
SELECT refused('conversation_end_time', $$'2024-01-02 00:00Z'$$);
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, channel, labels, conversations_data, triggered_replies,
	triggered_intent_replies, conversation_status, last_resolution, bot_messages_count, visitor_messages_count, not_understood_messages_count)
VALUES (9, 'y', '2024-01-02 00:00Z', '2024-01-02 00:00Z', 'ticket', '{}', '{}', '[]', '[]', 'botHandled', 'new one', 2, 4, 1),
	(9, 'open', '2024-01-02 00:00Z', NULL, 'chat', NULL, NULL, NULL, NULL, NULL, NULL, 1, 0, 0);
SELECT conversation_id, bot_messages_count FROM conversation ORDER BY conversation_id COLLATE "C";
SELECT * FROM counted(9);
UPDATE conversation SET conversation_end_time = '2024-01-03 00:00Z' WHERE conversation_id = 'open';
SELECT * FROM counted(9);
UPDATE conversation SET bot_messages_count = 0 WHERE conversation_id = 'y';
DELETE FROM conversation WHERE conversation_id = 'x';
SELECT * FROM counted(9);
SELECT * FROM kindly_stats.verify();
SELECT failure('TRUNCATE conversation');

--
-- A table of another shape: other names and types, partitions, columns that it does not have
--
CREATE TYPE way AS ENUM ('chat', 'ticket');
CREATE DOMAIN whose AS integer CHECK (VALUE > 0);
CREATE TABLE talk (gone text, source text, language_code text, brand whose NOT NULL, id uuid NOT NULL, "Began" timestamptz NOT NULL, "Ended" timestamptz, "Way" way,
	tags varchar(20)[], params json, outcome text, resolution varchar(30), answered smallint, said smallint, "not heard" bigint)
	PARTITION BY LIST (brand);
ALTER TABLE talk DROP COLUMN gone;
CREATE TABLE talk_1 PARTITION OF talk FOR VALUES IN (1);
CREATE TABLE talk_2 ("not heard" bigint, said smallint, answered smallint, resolution varchar(30), outcome text, params json, tags varchar(20)[], "Way" way,
	"Ended" timestamptz, "Began" timestamptz NOT NULL, id uuid NOT NULL, brand whose NOT NULL, language_code text, source text);
ALTER TABLE talk ATTACH PARTITION talk_2 FOR VALUES IN (2);
INSERT INTO talk (brand, id, "Began", "Ended", "Way", tags, params, outcome, resolution, answered, said, "not heard", source, language_code)
SELECT 1 + n % 2, md5(n::text)::uuid, timestamptz '2024-03-01 00:00Z' + n * interval '1 hour', timestamptz '2024-03-01 00:30Z' + n * interval '1 hour',
	CASE WHEN n % 3 = 0 THEN 'ticket' ELSE 'chat' END::way, ARRAY['t' || n % 3], json_build_object('n', n, 'none', NULL), CASE WHEN n % 4 = 0 THEN 'botHandled' ELSE 'agent' END,
	'informed', n % 5, 3, 1, 'not a channel', 'not a language'
FROM generate_series(1, 48) AS n;

\set mapping '{"bot_id": "brand", "conversation_id": "id", "conversation_start_time": "Began", "conversation_end_time": "Ended", "channel": "Way", "labels": "tags", "conversations_data": "params", "conversation_status": "outcome", "last_resolution": "resolution", "bot_messages_count": "answered", "visitor_messages_count": "said", "not_understood_messages_count": "not heard"}'
CREATE FUNCTION attaching(columns jsonb) RETURNS text LANGUAGE sql AS $$ SELECT failure(format('SELECT kindly_stats.attach_conversations(''talk'', %L)', columns)) $$;
SELECT failure('SELECT kindly_stats.attach_conversations(NULL)');
SELECT failure('SELECT kindly_stats.attach_conversations(''pg_class'')');
SELECT failure('SELECT kindly_stats.attach_conversations(''kindly_stats.exported'')');
SELECT attaching(NULL);
SELECT attaching('[]');
SELECT attaching('{"conversation": "id"}');
SELECT attaching('{"labels": 1}');
SELECT attaching('{}');
SELECT attaching(:'mapping'::jsonb - 'conversation_end_time');
SELECT attaching(:'mapping'::jsonb || '{"conversation_end_time": null}');
SELECT attaching(:'mapping'::jsonb - 'bot_messages_count');
SELECT attaching(:'mapping'::jsonb || '{"platform_conversation_id": "nowhere"}');
SELECT attaching(:'mapping'::jsonb || '{"bot_id": "params"}');
SELECT attaching(:'mapping'::jsonb || '{"conversation_start_time": "outcome"}');
SELECT attaching(:'mapping'::jsonb || '{"visitor_messages_count": "outcome"}');
SELECT attaching(:'mapping'::jsonb || '{"bot_messages_count": "outcome"}');
SELECT attaching(:'mapping'::jsonb || '{"test_mode": "said"}');
SELECT attaching(:'mapping'::jsonb || '{"labels": "outcome"}');
SELECT attaching(:'mapping'::jsonb || '{"conversations_data": "outcome"}');
SELECT attaching(:'mapping'::jsonb || '{"language": "tags"}');
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('talk'::regclass, 'talk_1'::regclass, 'talk_2'::regclass);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT attaching(:'mapping');
COMMIT;
SELECT kindly_stats.attach_conversations('talk', :'mapping');
SELECT kindly_stats.attach_conversations('talk', :'mapping');
SELECT kindly_stats.attach_conversations('talk');
SELECT attaching('{"conversation_status": "resolution"}');
SELECT attaching('{"platform_conversation_id": "outcome"}');
SELECT failure('SELECT kindly_stats.attach(''talk'')');
SELECT failure('SELECT kindly_stats.attach_conversations(''talk_1'')');
SELECT columns FROM kindly_stats.conversation_table WHERE conversation_table = 'talk'::regclass;
SELECT b, c.* FROM unnest(ARRAY[1, 2]) AS b, counted(b) AS c ORDER BY b, attribution;
SELECT total_conversations FROM ultimate.metrics(1, '2024-03-01', '2024-03-05', channels => 'ticket');
SELECT total_conversations FROM ultimate.metrics(1, '2024-03-01', '2024-03-05', channels => 'not a channel', languages => 'not a language');
SELECT jsonb_pretty(ultimate.export(1, '2024-03-01')::jsonb -> 0);

-- written to through the parent and straight into partitions
INSERT INTO talk_2 (brand, id, "Began", "Ended", outcome, answered, said, "not heard") VALUES (2, gen_random_uuid(), '2024-04-01 00:00Z', '2024-04-01 01:00Z', 'botHandled', 1, 1, 0);
UPDATE talk SET outcome = 'botHandled' WHERE brand = 2;
DELETE FROM talk_1 WHERE "Ended" >= '2024-03-02 00:00Z';
SELECT b, c.* FROM unnest(ARRAY[1, 2]) AS b, counted(b) AS c ORDER BY b, attribution;
SELECT * FROM kindly_stats.verify();
CREATE TABLE talk_3 PARTITION OF talk FOR VALUES IN (3);
SELECT kindly_stats.attach_conversations('talk');
INSERT INTO talk_3 (brand, id, "Began", "Ended") VALUES (3, gen_random_uuid(), '2024-04-01 00:00Z', '2024-04-01 01:00Z');
SELECT total FROM counted(3);

-- a column renamed unseen: writers and exports say what is missing
ALTER EVENT TRIGGER kindly_stats_ddl_ended DISABLE;
ALTER TABLE talk RENAME COLUMN tags TO labels;
ALTER EVENT TRIGGER kindly_stats_ddl_ended ENABLE;
SELECT failure($$INSERT INTO talk (brand, id, "Began") VALUES (1, gen_random_uuid(), '2024-04-01 00:00Z')$$);
SELECT failure($$SELECT ultimate.export(1, '2024-03-01')$$);
SELECT kindly_stats.attach_conversations('talk', '{"labels": "labels"}');
INSERT INTO talk (brand, id, "Began") VALUES (1, gen_random_uuid(), '2024-04-01 00:00Z');
ALTER TABLE talk DROP COLUMN labels;
SELECT kindly_stats.attach_conversations('talk', '{"labels": null}');
ALTER TABLE talk DROP COLUMN labels;
SELECT ultimate.export(2, '2024-03-01') -> 0 ->> 'labels' AS labels;
SELECT * FROM kindly_stats.verify();

-- rebuilt, purged, detached
CREATE TABLE before AS SELECT b, c.* FROM unnest(ARRAY[1, 2, 3, 9]) AS b, counted(b) AS c;
SELECT kindly_stats.rebuild();
SELECT count(*) FROM ((TABLE before EXCEPT SELECT b, c.* FROM unnest(ARRAY[1, 2, 3, 9]) AS b, counted(b) AS c)) AS d;
SELECT kindly_stats.purge('talk', '2024-03-02 00:00Z');
SELECT count(*) FROM ((TABLE before EXCEPT SELECT b, c.* FROM unnest(ARRAY[1, 2, 3, 9]) AS b, counted(b) AS c)) AS d;
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.detach('conversation');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'conversation'::regclass;
SELECT * FROM counted(9);
SELECT kindly_stats.detach('talk', keep_statistics => true);
SELECT count(*) FROM kindly_stats.conversation_table;

-- a measure of one's own, of conversations
SELECT kindly_stats.attach_conversations('conversation');
SELECT kindly_stats.add_measure('llm_conversations', keys => '{channel}', condition => 'is_llm_conversation', grain => 'conversation_end');
UPDATE conversation SET is_llm_conversation = true WHERE bot_id = 9;
SELECT key, count FROM kindly_stats.stats_top(9, '2024-01-01', '2025-01-01', 'UTC', 'llm_conversations');
-- counted columns are renamed, which the triggers are told
ALTER TABLE conversation RENAME COLUMN conversation_status TO status;
ALTER TABLE conversation RENAME COLUMN channel TO "Way in";
ALTER TABLE conversation RENAME COLUMN conversation_end_time TO ended;
ALTER TABLE conversation RENAME COLUMN bot_messages_count TO spoken;
SELECT event_table, grain, columns FROM kindly_stats.event_table ORDER BY grain;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, ended, status, "Way in", spoken, is_llm_conversation)
VALUES (9, 'z', '2024-05-01 00:00Z', '2024-05-01 00:00Z', 'botHandled', 'chat', 1, true);
SELECT a, total_conversations, bot_handled_rate FROM unnest(ARRAY['end', 'start']) AS a, ultimate.metrics(9, '2024-05-01', '2024-05-02', a, channels => 'chat');
SELECT ultimate.export_rows(9, '2024-05-01') ->> 'channel' AS channel;
SELECT key, count FROM kindly_stats.stats_top(9, '2024-01-01', '2025-01-01', 'UTC', 'llm_conversations');
SELECT * FROM kindly_stats.verify(9);

-- instants without a zone: by columns that have one
CREATE TABLE zoneless (bot text, id uuid, began timestamp, "Closed" timestamp);
SELECT kindly_stats.attach_conversations('zoneless', '{"bot_id": "bot", "conversation_id": "id", "conversation_start_time": "Closed", "conversation_end_time": "Closed", "bot_messages_count": null}');
ALTER TABLE zoneless ADD began_at timestamptz GENERATED ALWAYS AS (began AT TIME ZONE 'Asia/Tokyo') STORED, ADD ended_at timestamptz GENERATED ALWAYS AS ("Closed" AT TIME ZONE 'Asia/Tokyo') STORED;
SELECT kindly_stats.attach_conversations('zoneless', '{"bot_id": "bot", "conversation_id": "id", "conversation_start_time": "began_at", "conversation_end_time": "ended_at", "bot_messages_count": null}');
INSERT INTO zoneless VALUES ('shop', md5('1')::uuid, '2024-05-01 08:00', NULL), ('shop', md5('2')::uuid, '2024-05-01 08:00', '2024-05-01 08:59:59');
UPDATE zoneless SET "Closed" = '2024-05-01 09:00' WHERE "Closed" IS NULL;
SELECT e ->> 'conversation_end_time' AS ended FROM ultimate.export_rows('shop', '2024-05-01') AS e;
SELECT * FROM kindly_stats.verify('shop');

\c :regression
DROP DATABASE regression_kindly_conversation;
