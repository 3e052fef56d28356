--
-- Conversations and exported days: who may read, write and close what
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_export;
DROP ROLE IF EXISTS regress_ks_sender, regress_ks_export, regress_ks_closer, regress_ks_one, regress_ks_two, regress_ks_cron, regress_ks_nobody;
CREATE ROLE regress_ks_sender;
CREATE ROLE regress_ks_export;
CREATE ROLE regress_ks_closer;
CREATE ROLE regress_ks_one;
CREATE ROLE regress_ks_two;
CREATE ROLE regress_ks_cron;
CREATE ROLE regress_ks_nobody;
CREATE DATABASE regression_kindly_export;
\c regression_kindly_export
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_conversation_table('conversation');
INSERT INTO kindly_stats.bot_name VALUES (1, 'one');
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
CREATE FUNCTION exported(bot bigint, day date) RETURNS text LANGUAGE sql AS $$
SELECT failure(format('SELECT ultimate.export(%s, %L)', bot, day))
$$;

-- a sender needs no right on days, statistics or the schema
GRANT SELECT, INSERT, UPDATE, DELETE ON conversation TO regress_ks_sender;
SET ROLE regress_ks_sender;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT b, d || 'th', timestamptz '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + d * interval '1 day' FROM generate_series(1, 2) AS b, generate_series(1, 20) AS d;
SELECT failure('SELECT count(*) FROM kindly_stats.exported');
RESET ROLE;
SELECT kindly_stats.close_day(1, '2024-05-02');
SET ROLE regress_ks_sender;
SELECT failure('DELETE FROM conversation WHERE bot_id = 1');
UPDATE conversation SET channel = 'chat' WHERE bot_id = 2;
SELECT current_user;
RESET ROLE;

-- a reader: usage of the schemas, the conversations and the marks
SET ROLE regress_ks_export;
SELECT exported(1, '2024-05-02');
RESET ROLE;
GRANT USAGE ON SCHEMA kindly_stats, ultimate TO regress_ks_export, regress_ks_closer, regress_ks_one, regress_ks_two, regress_ks_cron, regress_ks_nobody;
SET ROLE regress_ks_export;
SELECT exported(1, '2024-05-02');
RESET ROLE;
GRANT SELECT ON kindly_stats.exported TO regress_ks_export;
SET ROLE regress_ks_export;
SELECT exported(1, '2024-05-02');
RESET ROLE;
GRANT SELECT ON conversation TO regress_ks_export;
SET ROLE regress_ks_export;
SELECT ultimate.export(1, '2024-05-02') -> 0 ->> 'conversation_id' AS id, ultimate.export(1, '2024-05-02') -> 0 ->> 'bot_name' AS name;
SELECT count(*) FROM ultimate.first_last_intent(1, '2024-05-02', '2024-05-04');
SELECT failure('SELECT * FROM ultimate.metrics(1, ''2024-05-02'', ''2024-05-04'')');
-- it does not close days, unless it may
SELECT exported(1, '2024-05-03');
SELECT failure('SELECT kindly_stats.close_day(1, ''2024-05-03'')');
SELECT failure('SELECT kindly_stats.reopen_day(1, ''2024-05-02'')');
SELECT failure('DELETE FROM kindly_stats.exported');
RESET ROLE;
GRANT SELECT ON kindly_stats.exported, conversation, kindly_stats.rollup TO regress_ks_closer, regress_ks_one, regress_ks_two;
GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO regress_ks_closer, regress_ks_one, regress_ks_two, regress_ks_cron;
SET ROLE regress_ks_closer;
SELECT exported(1, '2024-05-03');
SELECT bot_id, day, bot_name, conversations FROM kindly_stats.exported ORDER BY 1, 2;
SELECT failure('INSERT INTO kindly_stats.exported (bot_id, day, conversations) VALUES (1, ''2024-05-04'', 0)');
SELECT current_user;
RESET ROLE;
-- who closes days by the clock needs to see that they are closed, not what is in them
SET ROLE regress_ks_cron;
SELECT failure('SELECT kindly_stats.close_day(1, ''2024-05-04'')');
RESET ROLE;
GRANT SELECT ON kindly_stats.exported TO regress_ks_cron;
SET ROLE regress_ks_cron;
SELECT kindly_stats.close_day(1, '2024-05-04');
SELECT exported(1, '2024-05-04');
RESET ROLE;

-- row-level security of conversations: each sees its own, and closes no other's days
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('regress_ks_one', 1, tables => true), kindly_stats.grant_bot('regress_ks_two', 2, tables => true);
ALTER TABLE kindly_stats.exported DISABLE ROW LEVEL SECURITY;
SET ROLE regress_ks_one;
SELECT json_array_length(ultimate.export(1, '2024-05-02')), (SELECT count(*) FROM ultimate.first_last_intent(1, '2024-05-01', '2024-06-01')), (SELECT count(*) FROM ultimate.first_last_intent(2, '2024-05-01', '2024-06-01'));
-- not even its own, as long as nothing says which these are
SELECT exported(1, '2024-05-05');
SELECT exported(2, '2024-05-05');
RESET ROLE;
ALTER TABLE kindly_stats.exported ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ks_one;
SELECT json_array_length(ultimate.export(1, '2024-05-05'));
SELECT exported(2, '2024-05-05');
SELECT failure('SELECT kindly_stats.close_day(2, ''2024-05-05'')');
-- nor is it told what has been closed
SET ROLE regress_ks_two;
SELECT json_array_length(ultimate.export(2, '2024-05-05'));
SELECT exported(1, '2024-05-05');
SELECT * FROM kindly_stats.exported WHERE bot_id = 1;
SELECT * FROM ultimate.metrics_by_last_meaningful_intent(1, '2024-05-01', '2024-06-01');
RESET ROLE;
SELECT bot_id, day FROM kindly_stats.exported WHERE day = '2024-05-05' ORDER BY bot_id;
-- policies of the table's owner are his code, which is not run for others: what they would hide is not given away either
CREATE POLICY channel ON conversation AS RESTRICTIVE FOR SELECT TO regress_ks_two USING (conversation_id = '5th');
SET ROLE regress_ks_two;
SELECT exported(2, '2024-05-05');
SELECT failure('SELECT ultimate.first_last_intent(2, ''2024-05-01'', ''2024-06-01'')');
SELECT count(*) FROM conversation;
SET ROLE regress_ks_one;
SELECT json_array_length(ultimate.export(1, '2024-05-06'));
RESET ROLE;
SELECT json_array_length(ultimate.export(2, '2024-05-05')), json_array_length(ultimate.export(2, '2024-05-06'));
SELECT bot_id, day, conversations FROM kindly_stats.exported WHERE day BETWEEN '2024-05-05' AND '2024-05-06' ORDER BY 1, 2;
DROP POLICY channel ON conversation;
-- row_security = off is an error where rows would be hidden
SET ROLE regress_ks_two;
SET row_security = off;
SELECT exported(2, '2024-05-05');
RESET row_security;
RESET ROLE;

-- what another bot's conversations are is not told by errors either, nor by waiting: a reader of bot 1 asks for days of bot 2 with and without any
CREATE POLICY channel ON conversation TO regress_ks_two USING (true);
CREATE POLICY everybody ON conversation USING (bot_id = 1);
SET ROLE regress_ks_one;
SELECT failure(format('SELECT ultimate.first_last_intent(2, %L, %L)', d, d + 1)) FROM unnest(ARRAY['2024-05-12', '2024-06-12']::date[]) AS d;
SELECT d, exported(2, d) FROM unnest(ARRAY['2024-05-12', '2024-06-12']::date[]) AS d;
RESET ROLE;
DROP POLICY channel ON conversation;
DROP POLICY everybody ON conversation;
SET ROLE regress_ks_one;
SELECT d, exported(2, d) FROM unnest(ARRAY['2024-05-12', '2024-06-12']::date[]) AS d;
-- an empty day of his own stays open, and one of others is not locked
BEGIN;
SELECT exported(1, '2024-06-12'), exported(2, '2024-06-13');
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND objsubid = 3 AND pid = pg_backend_pid();
COMMIT;
SELECT count(*) FROM kindly_stats.exported WHERE day = '2024-06-12';
RESET ROLE;
-- nor those whose tables he may not read at all
SET ROLE regress_ks_nobody;
SELECT failure(format('SELECT ultimate.first_last_intent(2, %L, %L)', d, d + 1)) FROM unnest(ARRAY['2024-05-12', '2024-06-12']::date[]) AS d;
RESET ROLE;

-- strict owners: policies that hold them, too, neither hide marks from writers nor conversations from who counts them
ALTER TABLE conversation OWNER TO regress_ks_sender;
ALTER TABLE conversation FORCE ROW LEVEL SECURITY;
GRANT CREATE ON SCHEMA kindly_stats TO regress_ks_closer;
ALTER TABLE kindly_stats.exported OWNER TO regress_ks_closer;
ALTER TABLE kindly_stats.exported FORCE ROW LEVEL SECURITY;
CREATE POLICY everything ON conversation TO regress_ks_sender USING (true) WITH CHECK (true);
SET ROLE regress_ks_sender;
SELECT failure('DELETE FROM conversation WHERE conversation_id = ''1th''');
RESET ROLE;
SET ROLE regress_ks_one;
SELECT json_array_length(ultimate.export(1, '2024-05-07'));
RESET ROLE;

-- a search path with other objects in it
CREATE SCHEMA evil;
CREATE FUNCTION evil.eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.eq);
CREATE FUNCTION evil.lt(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
CREATE OPERATOR evil.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.lt);
CREATE OPERATOR evil.>= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.lt);
CREATE FUNCTION evil.arrow(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil operator'; END $$;
CREATE OPERATOR evil.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = evil.arrow);
CREATE FUNCTION evil.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil function'; END $$;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil function'; END $$;
CREATE TABLE evil.exported (bot_id bigint, day date);
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN evil.timestamptz AS pg_catalog.timestamptz CHECK (false);
SET search_path = evil, pg_catalog, public;
SELECT pg_catalog.json_array_length(ultimate.export(1, '2024-05-08'));
SELECT ultimate.export_rows(1, '2024-05-08') OPERATOR(pg_catalog.->>) 'conversation_id' AS id;
SELECT kindly_stats.reopen_day(1, '2024-05-08');
SELECT total_conversations FROM ultimate.metrics(1, '2024-05-08', '2024-05-09');
SELECT * FROM ultimate.first_last_intent(1, '2024-05-08', '2024-05-09');
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(1, '2024-05-08', '2024-05-09');
SELECT kindly_stats.create_conversation_table('public.second');
SELECT kindly_stats.attach_conversations('public.second');
INSERT INTO public.second (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (5, 'x', '2024-05-01 00:00Z', '2024-05-02 00:00Z');
SELECT kindly_stats.close_day(5, '2024-05-02');
SELECT public.failure('UPDATE public.second SET labels = ''{}''');
SHOW search_path;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_export;
DROP ROLE regress_ks_sender, regress_ks_export, regress_ks_closer, regress_ks_one, regress_ks_two, regress_ks_cron, regress_ks_nobody;
