--
-- Conversations of a bot are looked for in the tables that have had any: what owners of other tables do to theirs is nobody else's affair
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_conversation_bot;
DROP ROLE IF EXISTS regress_ks_one, regress_ks_two, regress_ks_export, regress_ks_manager;
CREATE ROLE regress_ks_one;
CREATE ROLE regress_ks_two;
CREATE ROLE regress_ks_export;
CREATE ROLE regress_ks_manager;
CREATE DATABASE regression_kindly_conversation_bot;
\c regression_kindly_conversation_bot
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;
CREATE SCHEMA t1 AUTHORIZATION regress_ks_one;
CREATE SCHEMA t2 AUTHORIZATION regress_ks_two;
SELECT kindly_stats.create_conversation_table('t1.talk'), kindly_stats.create_conversation_table('t2.talk');
ALTER TABLE t1.talk OWNER TO regress_ks_one;
ALTER TABLE t2.talk OWNER TO regress_ks_two;
GRANT USAGE ON SCHEMA t1, t2 TO PUBLIC;
GRANT USAGE ON SCHEMA kindly_stats, ultimate TO regress_ks_export;
GRANT SELECT ON kindly_stats.exported, t1.talk, t2.talk TO regress_ks_export;
GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO regress_ks_export;
INSERT INTO t1.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count, triggered_intent_replies)
SELECT 1, 'c' || n, timestamptz '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + n * interval '1 day', 1, '[{"intent_name": "a", "not_meaningful": false}]' FROM generate_series(0, 19) AS n;
INSERT INTO t2.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT 2, 'c' || n, timestamptz '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + n * interval '1 day' FROM generate_series(0, 19) AS n;
CREATE VIEW list AS SELECT DISTINCT b.conversation_table, b.bot_id FROM kindly_stats.conversation_bot AS b;
SELECT * FROM list ORDER BY conversation_table::text, bot_id;

-- all that reads conversations of bot 1, each time of another day
CREATE FUNCTION asked(day date) RETURNS TABLE (what text, outcome text) LANGUAGE sql AS $$
	SELECT what, failure(format(query, day, day + 1, day + 2))
	  FROM (VALUES ('export', 'SELECT ultimate.export(1, %1$L)'), ('rows', 'SELECT ultimate.export_rows(1, %2$L)'),
			('intents', 'SELECT * FROM ultimate.first_last_intent(1, %1$L, %2$L)'),
			('first', 'SELECT * FROM ultimate.metrics_by_first_meaningful_intent(1, %1$L, %2$L, attribution => ''start'')'),
			('last', 'SELECT * FROM ultimate.metrics_by_last_meaningful_intent(1, %1$L, %2$L)'),
			('close', 'SELECT kindly_stats.close_day(1, %3$L)'), ('empty', 'SELECT ultimate.export(3, %1$L)')) AS q (what, query)
$$;
GRANT EXECUTE ON FUNCTION failure(text), asked(date) TO PUBLIC;

-- a lost column, of which no event trigger was told
SET session_replication_role = replica;
ALTER TABLE t2.talk RENAME conversation_end_time TO ended;
RESET session_replication_role;
SET ROLE regress_ks_export;
SELECT * FROM asked('2024-05-01');
SELECT failure('SELECT ultimate.export(2, ''2024-05-01'')');
-- code that fails as soon as a query is planned
RESET ROLE;
SET session_replication_role = replica;
ALTER TABLE t2.talk RENAME ended TO conversation_end_time;
RESET session_replication_role;
SET ROLE regress_ks_two;
CREATE FUNCTION t2.fail() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_setting('t2.quiet', true) = 'yes' THEN
		RETURN true;
	END IF;
	RAISE EXCEPTION 'not today';
END $$;
SET t2.quiet = 'yes';
CREATE INDEX fail ON t2.talk (bot_id) WHERE t2.fail();
RESET t2.quiet;
SET ROLE regress_ks_export;
SELECT * FROM asked('2024-05-04');
SELECT failure('SELECT ultimate.export(2, ''2024-05-01'')');
-- whoever verifies learns which table it was
RESET ROLE;
CREATE FUNCTION context_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN SQLERRM || ': ' || coalesce(substring(context FROM '[^\n]*as its owner'), 'somewhere');
END $$;
SELECT context_of(q) FROM unnest(ARRAY['SELECT * FROM kindly_stats.verify()', 'SELECT kindly_stats.rebuild()', 'SELECT ultimate.export(2, ''2024-05-01'')']) AS q;
-- and can do without that table, whose code stops detach(), too
BEGIN;
SELECT context_of('SELECT kindly_stats.detach(''t2.talk'')');
DO $$ DECLARE t name; BEGIN
	FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 't2.talk'::regclass AND NOT tgisinternal LOOP EXECUTE format('DROP TRIGGER %I ON t2.talk', t); END LOOP;
END $$;
SELECT kindly_stats.rebuild();
SELECT * FROM kindly_stats.verify();
ROLLBACK;
SET ROLE regress_ks_two;
DROP INDEX t2.fail;
-- rights and policies of his
REVOKE SELECT ON t2.talk FROM regress_ks_export;
SET ROLE regress_ks_export;
SELECT * FROM asked('2024-05-07');
SELECT failure(format('SELECT ultimate.export(%s, ''2024-05-01'')', b)) FROM unnest(ARRAY[2, 3]) AS b;
SET ROLE regress_ks_two;
GRANT SELECT ON t2.talk TO regress_ks_export;
ALTER TABLE t2.talk ENABLE ROW LEVEL SECURITY;
CREATE POLICY his ON t2.talk USING (false);
SET ROLE regress_ks_export;
SELECT * FROM asked('2024-05-10') WHERE what <> 'empty';
SELECT failure(format('SELECT ultimate.export(%s, ''2024-05-01'')', b)) FROM unnest(ARRAY[2, 3]) AS b;
SET ROLE regress_ks_two;
ALTER TABLE t2.talk DISABLE ROW LEVEL SECURITY;
-- what he can do: write of bot 1 himself
INSERT INTO t2.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'x', '2024-05-01 00:00Z', '2024-05-13 00:30Z');
SET ROLE regress_ks_export;
SELECT failure('SELECT ultimate.export(1, ''2024-05-13'')');
RESET ROLE;
SELECT * FROM list ORDER BY conversation_table::text, bot_id;
SELECT kindly_stats.detach('t2.talk');
SELECT * FROM list ORDER BY conversation_table::text, bot_id;
SELECT failure('SELECT ultimate.export(1, ''2024-05-13'')');

-- a bot's first row: open, rolled back, rolled back to a savepoint, and written again
CREATE FUNCTION found(bot bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM ultimate.first_last_intent(bot, '2024-05-01', '2024-06-01', attribution => 'start') $$;
CREATE FUNCTION put(bot bigint, id text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO t1.talk (bot_id, conversation_id, conversation_start_time, bot_messages_count) VALUES (bot, id, '2024-05-02', 1)
$$;
SELECT put(10, 'a'), found(10);
SELECT found(10);
BEGIN;
SELECT put(11, 'a');
SELECT found(11);
ROLLBACK;
SELECT found(11), (SELECT count(*) FROM list WHERE bot_id = 11);
SELECT put(11, 'a');
SELECT found(11);
BEGIN;
SELECT put(12, 'a');
SAVEPOINT s;
SELECT put(13, 'a');
ROLLBACK TO s;
SELECT put(12, 'b'), put(13, 'b');
SAVEPOINT t;
SELECT put(13, 'c');
ROLLBACK TO t;
COMMIT;
SELECT found(12), found(13);
SELECT bot_id, count(*) FROM kindly_stats.conversation_bot WHERE bot_id BETWEEN 10 AND 13 GROUP BY 1 ORDER BY 1;
-- an update moves a conversation to a bot of which there was none; no bot is no bot
UPDATE t1.talk SET bot_id = 14 WHERE bot_id = 13;
SELECT found(13), found(14);
BEGIN;
SELECT put(15, 'a');
PREPARE TRANSACTION 'kindly_conversation_bot';
SELECT found(15);
SELECT put(15, 'b');
ROLLBACK PREPARED 'kindly_conversation_bot';
SELECT found(15);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT found(16);
SELECT put(16, 'a');
SELECT found(16);
COMMIT;
-- many bots in one statement, one line each
INSERT INTO t1.talk (bot_id, conversation_id, conversation_start_time) SELECT 1000 + n % 500, 'n' || n, '2024-05-02' FROM generate_series(1, 2000) AS n;
SELECT count(*), count(DISTINCT bot_id) FROM kindly_stats.conversation_bot WHERE bot_id >= 1000;

-- detached and attached again, in one session, while its bots are others; the name is not what counts
DELETE FROM t1.talk WHERE bot_id >= 1000 OR bot_id = 10;
SELECT kindly_stats.detach('t1.talk');
SELECT * FROM list;
ALTER TABLE t1.talk RENAME TO chat;
SELECT kindly_stats.attach_conversations('t1.chat');
SELECT * FROM list ORDER BY bot_id;
ALTER TABLE t1.chat RENAME TO talk;
SELECT put(10, 'a');
SELECT found(10);
-- rows without triggers, of which rebuild() learns
SET session_replication_role = replica;
SELECT put(17, 'a');
RESET session_replication_role;
SELECT found(17);
SELECT kindly_stats.rebuild() > 0 AS replaced;
SELECT found(17);
DROP TABLE t1.talk;
SELECT failure('SELECT found(17)');

-- partitions: written through the table, straight, attached with rows in it
CREATE TABLE t1.parted (bot integer, conversation_id text, conversation_start_time timestamptz, conversation_end_time timestamptz, bot_messages_count integer DEFAULT 1)
	PARTITION BY LIST (bot);
CREATE TABLE t1.low PARTITION OF t1.parted FOR VALUES IN (20, 21, 22) PARTITION BY LIST (bot);
CREATE TABLE t1.lowest PARTITION OF t1.low FOR VALUES IN (20, 21, 22);
INSERT INTO t1.parted VALUES (20, 'a', '2024-05-02');
SELECT kindly_stats.attach_conversations('t1.parted', '{"bot_id": "bot"}');
INSERT INTO t1.parted VALUES (21, 'a', '2024-05-02');
INSERT INTO t1.lowest VALUES (22, 'a', '2024-05-02');
CREATE TABLE t1.high (LIKE t1.parted INCLUDING ALL);
INSERT INTO t1.high VALUES (23, 'a', '2024-05-02');
ALTER TABLE t1.parted ATTACH PARTITION t1.high FOR VALUES IN (23, 24);
SELECT kindly_stats.attach_conversations('t1.parted', '{"bot_id": "bot"}');
INSERT INTO t1.high VALUES (24, 'a', '2024-05-02');
SELECT * FROM list ORDER BY bot_id;
SELECT b, found(b) FROM generate_series(20, 24) AS b;
-- one that leaves is a table of its own: what was written through its parent is found in it
ALTER TABLE t1.parted DETACH PARTITION t1.low;
SELECT * FROM list WHERE bot_id < 25 ORDER BY conversation_table::text, bot_id;
SELECT b, found(b) FROM generate_series(20, 24) AS b;
ALTER TABLE t1.parted ATTACH PARTITION t1.low FOR VALUES IN (20, 21, 22);
SELECT b, found(b) FROM generate_series(20, 24) AS b;

-- a trigger is known by what it does, not by its name
SELECT kindly_stats.create_event_table('public.event');
SELECT failure('ALTER TRIGGER kindly_stats_insert ON event RENAME TO mine');
-- no event trigger sees this
SET session_replication_role = replica;
ALTER TRIGGER kindly_stats_insert ON event RENAME TO mine;
ALTER TRIGGER kindly_stats_closed_insert ON t1.parted RENAME TO mine_too;
ALTER TRIGGER kindly_stats_conversation_end_insert ON t1.parted RENAME TO another;
RESET session_replication_role;
SELECT event_table, grain FROM kindly_stats.event_table ORDER BY event_table::text, grain;
SELECT conversation_table FROM kindly_stats.conversation_table;
SELECT kindly_stats.attach('event');
SELECT kindly_stats.attach_conversations('t1.parted', '{"bot_id": "bot"}');
SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE tgrelid IN ('event'::regclass, 't1.parted'::regclass) ORDER BY 1, 2;
INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, '2024-05-01', 'bot_reply');
SELECT count FROM kindly_stats.stats_total(1, '2024-05-01', '2024-05-02', measure => 'replies');
SELECT kindly_stats.rebuild() > 0 AS replaced;
INSERT INTO t1.parted VALUES (20, 'b', '2024-05-02');
SELECT * FROM kindly_stats.verify();
-- one with arguments that attach() would not write is not known
SELECT kindly_stats.create_administrator_roles();
GRANT kindly_stats_admin TO regress_ks_manager;
CREATE SCHEMA manager AUTHORIZATION regress_ks_manager;
SET ROLE regress_ks_manager;
CREATE TABLE manager.t (bot text);
SELECT failure(format('CREATE OR REPLACE TRIGGER own AFTER INSERT ON manager.t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.%s', f)),
	(SELECT count(*) FROM kindly_stats.event_table WHERE columns IS NOT NULL), (SELECT count(*) FROM kindly_stats.conversation_table WHERE columns IS NOT NULL)
  FROM unnest(ARRAY['guard_exported(''x'', ''nonsense'')', 'guard_exported(''x'', ''[]'')', 'guard_exported(''x'', ''{"bot_id": 1}'')', 'guard_exported('''', '''')',
	'count_events(''x'', ''event'', ''nonsense'')', 'count_events(''x'', ''nothing'', ''{}'')', 'count_events('''', '''', '''')', 'count_events(''x'', ''event'', ''{"a": "\ud800"}'')']) AS f;
DROP TABLE manager.t;
RESET ROLE;
SELECT a, kindly_stats.mapping(a) FROM unnest(ARRAY['{}', '{"a": "b"}', '{"a": null, "b\"\\\n\u001f": "ü''"}', '{"a":"b"}', '{"a": "b",}', '{"a": ["b"]}', '{"a": "\u0000"}', E'{"a": "\n"}', '', 'null']) AS a;
SELECT kindly_stats.mapping(j::text) = j AS same FROM (SELECT jsonb_build_object(string_agg(chr(n), ''), NULL, 'x', string_agg(chr(n), '')) AS j FROM generate_series(1, 400) AS n) AS all_characters;
SELECT kindly_stats.trigger_arguments(b) FROM unnest(ARRAY['', '\x', '\x00', '\x6100', '\x61', '\x610000620063'::bytea]) AS b;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_conversation_bot;
DROP ROLE regress_ks_one, regress_ks_two, regress_ks_export, regress_ks_manager;
-- another database of the cluster may use these
DO $$ BEGIN DROP ROLE kindly_stats_admin, kindly_stats_monitor; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
