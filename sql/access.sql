--
-- Who sees which bots: grants, row-level security, roles of the API, what tokens and logins get at
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_access;
DROP ROLE IF EXISTS regress_ks_bi, regress_ks_team, regress_ks_member, regress_ks_distant, regress_ks_writer, regress_ks_owner, "regress_KS ""odd""", regress_ks_renamed;
CREATE ROLE regress_ks_bi;
CREATE ROLE regress_ks_team;
CREATE ROLE regress_ks_member IN ROLE regress_ks_team;
CREATE ROLE regress_ks_distant NOINHERIT IN ROLE regress_ks_team;
CREATE ROLE regress_ks_writer;
CREATE ROLE regress_ks_owner;
CREATE ROLE "regress_KS ""odd""";
CREATE DATABASE regression_kindly_access;
\c regression_kindly_access
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;

-- before row-level security is enabled nobody is let in; without tables there is nothing to see
SELECT kindly_stats.visible_bots();
SELECT * FROM kindly_stats.api_keys();
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.signing_secret();
SELECT kindly_stats.create_event_table('public.event');
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.enable_row_security();
ALTER TABLE kindly_stats.rollup DISABLE ROW LEVEL SECURITY;
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SELECT kindly_stats.enable_row_security();
DROP POLICY kindly_stats_bots ON kindly_stats.bot_name;
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.enable_row_security();
SELECT tablename, policyname, permissive, roles, cmd, with_check IS NULL AS reads_only FROM pg_policies WHERE schemaname = 'kindly_stats' ORDER BY 1;

INSERT INTO event (bot_id, occurred_at, kind, session_id, source, language_code, is_fallback, button_id)
SELECT bot, timestamptz '2025-01-01' + n * interval '1 hour', k.kind, 's' || n % 5, 'web', 'en', k.kind = 'bot_reply' AND n % 2 = 0, CASE k.kind WHEN 'button_click' THEN 'b' END
  FROM generate_series(1, 3) AS bot, generate_series(1, 10 * bot) AS n, unnest(ARRAY['user_message', 'bot_reply', 'button_click']) AS k (kind);
INSERT INTO kindly_stats.bot_name VALUES (1, 'one'), (2, 'two'), (3, 'three');

-- what one sees: every function, and the tables themselves
CREATE VIEW seen AS
SELECT current_user AS who, bot,
	   (SELECT count FROM kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01')) AS total,
	   (SELECT sum(count) FROM kindly_stats.stats_series(bot, '2025-01-01', '2025-02-01')) AS series,
	   (SELECT sum(count) FROM kindly_stats.stats_heatmap(bot, '2025-01-01', '2025-02-01')) AS heatmap,
	   (SELECT sum(count) FROM kindly_stats.stats_top(bot, '2025-01-01', '2025-02-01')) AS top,
	   (SELECT sum(count) FROM kindly_stats.top_buttons(bot, '2025-01-01', '2025-02-01')) AS buttons,
	   (SELECT count FROM kindly_stats.fallback_rate(bot, '2025-01-01', '2025-02-01')) AS fallbacks,
	   (SELECT to_char(last, 'DD HH24') FROM kindly_stats.stats_options(bot)) AS last,
	   sage.sessions_messages(bot, '2025-01-01', '2025-02-01', granularity => 'month') #>> '{data,0,count}' AS sage,
	   sage.meta_options(bot) #>> '{data,sources}' AS sources,
	   chatbot_com.conversations_messages(bot, '2025-01-01', '2025-02-01') #>> '{summary,total}' AS chatbot
  FROM generate_series(1, 3) AS bot;
GRANT SELECT ON seen TO PUBLIC;
CREATE FUNCTION pg_temp.look() RETURNS TABLE (bots bigint[], names text, in_rollup text, attached text) LANGUAGE sql AS $$
	SELECT kindly_stats.visible_bots(), (SELECT string_agg(name, ',' ORDER BY bot_id) FROM kindly_stats.bot_name),
		   (SELECT string_agg(DISTINCT bot_id::text, ',' ORDER BY bot_id::text) FROM kindly_stats.rollup), (SELECT string_agg(event_table::text, ',') FROM kindly_stats.event_tables())
$$;

SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SELECT kindly_stats.grant_bot('regress_ks_team', 2, tables => true);
SELECT kindly_stats.grant_bot('regress_ks_member', 3, tables => true);
SELECT kindly_stats.grant_bot('regress_KS "odd"', 3, tables => true);
SELECT kindly_stats.grant_bot('regress_ks_nobody', 3);
SELECT kindly_stats.grant_bot(NULL, 3);
SELECT kindly_stats.grant_bot('regress_ks_bi', NULL);
SELECT * FROM kindly_stats.bot_grant ORDER BY role COLLATE "C", bot_id;
SET ROLE regress_ks_bi;
SELECT * FROM seen;
SELECT * FROM pg_temp.look();
SET ROLE regress_ks_member;
SELECT * FROM seen;
SELECT * FROM pg_temp.look();
SET ROLE "regress_KS ""odd""";
SELECT bots FROM pg_temp.look();
RESET ROLE;
-- a member that does not inherit has not the team's rights, nor its bots
GRANT USAGE ON SCHEMA kindly_stats, sage, chatbot_com TO regress_ks_distant;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.bot_name, kindly_stats.measure TO regress_ks_distant;
SET ROLE regress_ks_distant;
SELECT * FROM pg_temp.look();
SELECT bot, total, sage FROM seen;
SET ROLE regress_ks_team;
SELECT * FROM pg_temp.look();
RESET ROLE;
-- owners and superusers see everything
SELECT * FROM pg_temp.look();
SELECT bot, total, sage FROM seen;

-- claims that a login writes itself gain nothing
SET ROLE regress_ks_bi;
SET request.jwt.claims = '{"bot":3,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}';
SELECT * FROM pg_temp.look();
SELECT bot, total, sage FROM seen;
RESET ROLE;
RESET request.jwt.claims;

-- grants and memberships that change count from the next query on, in the session that had kept the list, too
SET ROLE regress_ks_member;
SELECT kindly_stats.visible_bots();
RESET ROLE;
SELECT kindly_stats.revoke_bot('regress_ks_member', 3), kindly_stats.revoke_bot('regress_ks_member', 3);
SET ROLE regress_ks_member;
SELECT kindly_stats.visible_bots();
RESET ROLE;
REVOKE regress_ks_team FROM regress_ks_member;
SET ROLE regress_ks_member;
SELECT kindly_stats.visible_bots();
RESET ROLE;
GRANT regress_ks_team TO regress_ks_bi;
SET ROLE regress_ks_bi;
SELECT kindly_stats.visible_bots();
RESET ROLE;
REVOKE regress_ks_team FROM regress_ks_bi;
-- also taken back, at any isolation level: what is granted does not depend on the snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT kindly_stats.grant_bot('regress_ks_bi', 2, tables => true);
SET LOCAL ROLE regress_ks_bi;
SELECT kindly_stats.visible_bots();
SAVEPOINT one;
RESET ROLE;
SELECT kindly_stats.grant_bot('regress_ks_bi', 3, tables => true);
SET LOCAL ROLE regress_ks_bi;
SELECT kindly_stats.visible_bots();
ROLLBACK TO one;
SELECT kindly_stats.visible_bots();
ROLLBACK;
SET ROLE regress_ks_bi;
SELECT kindly_stats.visible_bots();
RESET ROLE;
-- a table's worth of grants
INSERT INTO kindly_stats.bot_grant SELECT 'regress_ks_bi', n FROM generate_series(2, 20000, 3) AS n;
SET ROLE regress_ks_bi;
SELECT cardinality(b), b[1:4], b = (SELECT array_agg(x ORDER BY x) FROM unnest(b) AS x) AS ascend FROM kindly_stats.visible_bots() AS b;
SELECT bot, total, sage FROM seen;
SELECT string_agg(name, ',' ORDER BY name) FROM kindly_stats.bot_name;
RESET ROLE;
DELETE FROM kindly_stats.bot_grant WHERE bot_id > 1 AND role = 'regress_ks_bi';
-- grants are by name: a role that is renamed has lost them
ALTER ROLE "regress_KS ""odd""" RENAME TO regress_ks_renamed;
SET ROLE regress_ks_renamed;
SELECT kindly_stats.visible_bots();
RESET ROLE;

-- plans that are kept, in one session for several roles, and in parallel workers
PREPARE look AS SELECT (SELECT CASE WHEN rolsuper THEN 'superuser' ELSE rolname END FROM pg_roles WHERE rolname = current_user) AS current_user, string_agg(DISTINCT bot_id::text, ',') AS bots FROM kindly_stats.rollup;
EXECUTE look;
SET ROLE regress_ks_bi;
EXECUTE look;
SET ROLE regress_ks_team;
EXECUTE look;
SET plan_cache_mode = force_generic_plan;
EXECUTE look;
SET ROLE regress_ks_bi;
EXECUTE look;
RESET plan_cache_mode;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', false) AS parallel;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT * FROM pg_temp.look();
SELECT bot, total, series, last, sage FROM seen;
SELECT count(*), min(bot_id), max(bot_id) FROM kindly_stats.rollup;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', false) AS parallel;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET row_security = off;
SELECT count(*) FROM kindly_stats.rollup;
RESET row_security;
-- a condition that tells what it sees is asked of visible rows only
CREATE FUNCTION pg_temp.tell(bot bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE WARNING 'bot %', bot; RETURN true; END $$;
SELECT count(*) FROM kindly_stats.bot_name WHERE pg_temp.tell(bot_id);
SELECT count(DISTINCT bot_id) FROM kindly_stats.rollup WHERE measure = '' AND pg_temp.tell(bot_id);
-- nor does a reader write
INSERT INTO kindly_stats.bot_name VALUES (4, 'four');
INSERT INTO kindly_stats.bot_grant VALUES ('regress_ks_bi', 2);
SELECT count(*) FROM kindly_stats.bot_grant;
SELECT kindly_stats.grant_bot('regress_ks_bi', 2, tables => true);
SELECT kindly_stats.create_api_key(1);
SELECT kindly_stats.enable_row_security();
RESET ROLE;

-- tables of conversations, too: until they are covered nobody is let in, and nobody has a right on them
SELECT kindly_stats.create_conversation_table('public.conversation');
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, channel, conversation_status, bot_messages_count)
SELECT bot, 'c' || n, timestamptz '2025-01-01' + n * interval '1 hour', timestamptz '2025-01-01' + n * interval '1 hour', 'chat', 'botHandled', 1 FROM generate_series(1, 3) AS bot, generate_series(1, bot) AS n;
CREATE TABLE parted (LIKE conversation INCLUDING GENERATED INCLUDING DEFAULTS) PARTITION BY LIST (bot_id);
ALTER TABLE parted RENAME bot_id TO "bot's";
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_other PARTITION OF parted DEFAULT;
SELECT kindly_stats.attach_conversations('parted', '{"bot_id": "bot''s"}');
INSERT INTO parted ("bot's", conversation_id, conversation_start_time, conversation_end_time, bot_messages_count)
SELECT bot, 'p' || n, timestamptz '2025-01-02' + n * interval '1 hour', timestamptz '2025-01-02' + n * interval '1 hour', 1 FROM generate_series(1, 3) AS bot, generate_series(1, bot) AS n;
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SET ROLE regress_ks_bi;
SELECT * FROM ultimate.first_last_intent(1, '2025-01-01', '2025-01-03');
RESET ROLE;
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.enable_row_security();
SET ROLE regress_ks_bi;
SELECT count(*) FROM conversation;
RESET ROLE;
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
GRANT SELECT ON parted_1, parted_other TO regress_ks_bi;
SET ROLE regress_ks_bi;
SELECT bot_id, count(*) FROM conversation GROUP BY 1;
SELECT "bot's", count(*) FROM parted GROUP BY 1;
SELECT (SELECT count(*) FROM parted_1) AS visible, (SELECT count(*) FROM parted_other) AS hidden;
SELECT bot, total_conversations, bot_handled_rate FROM generate_series(1, 3) AS bot, ultimate.metrics(bot, '2025-01-01', '2025-01-03');
SELECT bot, i.* FROM generate_series(1, 3) AS bot, ultimate.first_last_intent(bot, '2025-01-01', '2025-01-03') AS i;
-- closing a day is another right
SELECT ultimate.export(1, '2025-01-01');
RESET ROLE;
GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO regress_ks_bi;
SET ROLE regress_ks_bi;
SELECT json_array_length(ultimate.export(1, '2025-01-01'));
SELECT ultimate.export(2, '2025-01-01');
SELECT bot_id, day, conversations FROM kindly_stats.exported;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) FROM regress_ks_bi;
SELECT count(*) FROM kindly_stats.verify();
-- writers of conversations, with no grant of a bot, have all that they write
GRANT SELECT, INSERT, UPDATE, DELETE ON conversation TO regress_ks_writer;
GRANT INSERT ON parted TO regress_ks_writer;
SET ROLE regress_ks_writer;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, channel) VALUES (4, 'w', '2025-01-03', 'chat');
UPDATE conversation SET conversation_end_time = '2025-01-03 01:00', conversation_status = 'agent' WHERE conversation_id = 'w';
SELECT bot_id, count(*) FROM conversation GROUP BY 1 ORDER BY 1;
INSERT INTO parted ("bot's", conversation_id, conversation_start_time) VALUES (4, 'w', '2025-01-03');
DELETE FROM conversation WHERE conversation_id = 'w';
SELECT count(*) FROM conversation WHERE bot_id = 4;
RESET ROLE;
DELETE FROM parted WHERE conversation_id = 'w';
SELECT count(*) FROM kindly_stats.verify();

-- writers of events, compaction, measures, repair and purging go on, whoever owns what and however strictly
GRANT SELECT, INSERT, UPDATE, DELETE ON event TO regress_ks_writer, regress_ks_bi;
GRANT USAGE ON SCHEMA kindly_stats TO regress_ks_owner;
GRANT CREATE ON SCHEMA kindly_stats TO regress_ks_owner;
ALTER TABLE kindly_stats.rollup OWNER TO regress_ks_owner;
ALTER TABLE kindly_stats.rollup FORCE ROW LEVEL SECURITY;
SET ROLE regress_ks_writer;
SET kindly_stats.compact_after = 1;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 2, '2025-01-06', 'user_message', 'z' || n FROM generate_series(1, 20) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (2, '2025-01-06', 'user_message', 'z');
UPDATE event SET session_id = 'zz' WHERE session_id = 'z1';
DELETE FROM event WHERE session_id = 'z2';
SET ROLE regress_ks_bi;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-06', 'user_message', 'z'), (2, '2025-01-06', 'user_message', 'z');
SELECT bot, total, sage FROM seen;
RESET kindly_stats.compact_after;
RESET ROLE;
CALL kindly_stats.compact();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.add_measure('by_user', keys => '{user_id}');
SELECT kindly_stats.rebuild();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.purge('event', '2025-01-01 06:00');
SELECT count(*) FROM kindly_stats.verify();
SELECT bot, total, sage FROM seen;
ALTER TABLE kindly_stats.rollup NO FORCE ROW LEVEL SECURITY;

-- the roles of the API, with exactly these rights
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.create_api_roles();
SELECT rolname, rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname LIKE 'kindly\_api\_%' ORDER BY 1;
SELECT r.rolname AS role, m.rolname AS member FROM pg_auth_members AS a JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS m ON m.oid = a.member
 WHERE 'kindly_api_user' IN (r.rolname, m.rolname) OR 'kindly_api_authenticator' IN (r.rolname, m.rolname) ORDER BY 1, 2;
SELECT r AS role, n.nspname AS schema FROM unnest(ARRAY['kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_user']) AS r, pg_namespace AS n
 WHERE has_schema_privilege(r, n.oid, 'USAGE') AND n.nspname !~ '^(pg_|information_schema|public$)' ORDER BY 1, 2;
SELECT r AS role, c.oid::regclass::text COLLATE "C" AS relation, string_agg(p, ',' ORDER BY p) AS privileges
  FROM unnest(ARRAY['kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_user']) AS r, pg_class AS c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
 WHERE c.relnamespace IN ('kindly_stats'::regnamespace, 'public'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> 'seen'
   AND has_table_privilege(r, c.oid, p) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT r AS role, p.oid::regprocedure::text COLLATE "C" AS function FROM unnest(ARRAY['kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_user']) AS r, pg_proc AS p
 WHERE p.pronamespace = 'kindly_api'::regnamespace AND has_function_privilege(r, p.oid, 'EXECUTE') ORDER BY 1, 2;
-- what may write is the export, which closes its day; no table and no view where PostgREST looks
SELECT p.oid::regprocedure::text COLLATE "C" AS function FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'kindly_stats'
 WHERE p.provolatile = 'v' AND has_function_privilege('kindly_api_user', p.oid, 'EXECUTE') AND has_schema_privilege('kindly_api_user', p.pronamespace, 'USAGE')
 ORDER BY 1;
SELECT c.oid::regclass FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = 'kindly_api' OR n.nspname IN (SELECT r.schema FROM kindly_stats.routes() AS r)) AND c.relkind <> 'c';

-- a token: its bot, and nothing else
SET ROLE kindly_api_user;
SELECT * FROM pg_temp.look();
SET request.jwt.claims = '{"bot":2,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}';
SELECT * FROM pg_temp.look();
SELECT * FROM seen;
SELECT count(*) FROM event;
SELECT count(*) FROM kindly_stats.api_key;
SELECT count(*) FROM kindly_stats.api_secret;
SELECT count(*) FROM kindly_stats.bot_grant;
SELECT count(*) FROM kindly_stats.rollup WHERE kept;
SELECT kindly_stats.signing_secret();
SELECT kindly_stats.rotate_signing_secret();
SELECT * FROM kindly_stats.api_keys();
SELECT kindly_stats.create_api_key(2);
SELECT kindly_stats.revoke_api_key('x');
SELECT kindly_stats.grant_bot('kindly_api_user', 1);
SELECT kindly_stats.random_text(1);
SELECT kindly_stats.rebuild();
SELECT kindly_stats.purge('event', '2025-01-02');
-- claims that say nothing show nothing
DO $$
DECLARE
	claims text;
BEGIN
	FOREACH claims IN ARRAY ARRAY['', '{}', '[]', 'null', '"2"', '{"bot":null}', '{"bot":"two"}', '{"bot":2.5}', '{"bot":[2]}', '{"bot":{"bot":2}}', '{"Bot":2}', '{"bot":99999999999999999999}'] LOOP
		PERFORM set_config('request.jwt.claims', claims, true);
		IF kindly_stats.visible_bots() <> '{}' OR EXISTS (SELECT FROM kindly_stats.rollup) OR EXISTS (SELECT FROM kindly_stats.bot_name) THEN
			RAISE WARNING '% shows %', claims, kindly_stats.visible_bots();
		END IF;
	END LOOP;
END
$$;
-- nor do those of a token that does not expire, or was not made for this
DO $$
DECLARE
	claims text;
BEGIN
	FOREACH claims IN ARRAY ARRAY['{"bot":2}', '{"bot":2,"exp":1}', '{"bot":2,"aud":"kindly_stats"}', '{"bot":2,"exp":null,"aud":"kindly_stats"}', '{"bot":2,"exp":1,"aud":null}',
		'{"bot":2,"exp":1,"aud":""}', '{"bot":2,"exp":1,"aud":"another"}', '{"bot":2,"exp":1,"aud":["another","kindly_stats"]}', '{"bot":2,"exp":1,"aud":"KINDLY_STATS"}'] LOOP
		PERFORM set_config('request.jwt.claims', claims, true);
		IF kindly_stats.visible_bots() <> '{}' OR EXISTS (SELECT FROM kindly_stats.rollup) OR EXISTS (SELECT FROM kindly_stats.bot_name) THEN
			RAISE WARNING '% shows %', claims, kindly_stats.visible_bots();
		END IF;
	END LOOP;
END
$$;
SET request.jwt.claims = 'no json';
SELECT count(*) FROM kindly_stats.rollup;
RESET ROLE;
RESET request.jwt.claims;
-- how much a request may ask for, and how long it may take: an operator's own values stay
SELECT r.rolname, c AS setting FROM pg_roles AS r, unnest(r.rolconfig) AS c WHERE r.rolname LIKE 'kindly_api_%' ORDER BY 1, 2;
ALTER ROLE kindly_api_user SET statement_timeout = '1min';
ALTER ROLE kindly_api_user RESET lock_timeout;
ALTER ROLE kindly_api_authenticator SET kindly_stats.max_buckets = 20000;
SELECT kindly_stats.create_api_roles();
SELECT r.rolname, c AS setting FROM pg_roles AS r, unnest(r.rolconfig) AS c WHERE r.rolname LIKE 'kindly_api_%' ORDER BY 1, 2;
ALTER ROLE kindly_api_user RESET ALL;
ALTER ROLE kindly_api_authenticator RESET ALL;
SELECT kindly_stats.create_api_roles();
-- nothing is granted to roles of the API; what is in the table all the same gives the role of tokens nothing, nor does membership in a team
SELECT kindly_stats.grant_bot('kindly_api_anonymous', 3);
SELECT kindly_stats.grant_bot('kindly_api_authenticator', 3);
SELECT kindly_stats.grant_bot('kindly_api_guest', 3);
SELECT kindly_stats.grant_bot('kindly_api_user', 3);
INSERT INTO kindly_stats.bot_grant (role, bot_id) VALUES ('kindly_api_user', 3);
GRANT regress_ks_team TO kindly_api_user;
SET ROLE kindly_api_user;
SELECT * FROM pg_temp.look();
RESET ROLE;
REVOKE regress_ks_team FROM kindly_api_user;
-- without a token
SET ROLE kindly_api_anonymous;
SELECT sage.meta_options(1);
SELECT * FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01');
SELECT * FROM kindly_api.stats_total(1, '2025-01-01', '2025-02-01');
SELECT kindly_api.request();
SELECT count(*) FROM kindly_stats.rollup;
-- nor by a plan that was made for a token
RESET ROLE;
SET plan_cache_mode = force_generic_plan;
PREPARE options AS SELECT sources FROM kindly_api.stats_options();
SET request.jwt.claims = '{"role": "kindly_api_user", "bot": 1, "exp": 1, "aud": "kindly_stats"}';
SET ROLE kindly_api_user;
EXECUTE options;
RESET request.jwt.claims;
SET ROLE kindly_api_anonymous;
EXECUTE options;
RESET plan_cache_mode;
DEALLOCATE options;
SET ROLE kindly_api_authenticator;
SELECT sage.meta_options(1);
SELECT kindly_api.auth();
RESET ROLE;

-- a role that was there before, and may do more, is not taken for one of the API
DROP OWNED BY kindly_api_anonymous;
REVOKE kindly_api_anonymous FROM kindly_api_authenticator;
ALTER ROLE kindly_api_anonymous BYPASSRLS;
SELECT kindly_stats.create_api_roles();
ALTER ROLE kindly_api_anonymous NOBYPASSRLS LOGIN;
SELECT kindly_stats.create_api_roles();
ALTER ROLE kindly_api_anonymous NOLOGIN;
SELECT kindly_stats.create_api_roles();
SET ROLE kindly_api_anonymous;
SELECT kindly_api.request();
RESET ROLE;

-- names of a session's own, before the server's: what reads the grants as their owner calls none of them
CREATE SCHEMA evil AUTHORIZATION regress_ks_bi;
SET ROLE regress_ks_bi;
CREATE TABLE evil.log (who name, what text);
CREATE FUNCTION evil.note(what text) RETURNS boolean LANGUAGE sql AS $$ INSERT INTO evil.log VALUES (current_user, what); SELECT true $$;
CREATE FUNCTION evil.equal(name, name) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('name = name') $$;
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.equal);
CREATE FUNCTION evil.equal(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('bigint = bigint') $$;
CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.equal);
CREATE FUNCTION evil.pg_has_role(oid, oid, text) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('pg_has_role') $$;
CREATE FUNCTION evil.is_one_of(bigint, bigint[]) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('is_one_of') $$;
CREATE FUNCTION evil.visible_bots() RETURNS bigint[] LANGUAGE sql AS $$ SELECT '{1,2,3}'::bigint[] $$;
CREATE TABLE evil.bot_grant (role name, bot_id bigint);
INSERT INTO evil.bot_grant VALUES ('regress_ks_bi', 3);
CREATE VIEW evil.pg_roles AS SELECT oid, 'regress_ks_team'::name AS rolname FROM pg_catalog.pg_roles;
RESET ROLE;
SET search_path = evil, pg_catalog, public;
SELECT kindly_stats.revoke_bot('regress_ks_bi', 1), kindly_stats.grant_bot('regress_ks_bi', 1, tables => true), kindly_stats.has_row_security();
SET ROLE regress_ks_bi;
SELECT bots, names, in_rollup FROM pg_temp.look();
RESET ROLE;
RESET search_path;
SELECT * FROM evil.log;
DROP SCHEMA evil CASCADE;

-- when the extension is dropped its policies go, and row-level security shows nothing; grants wait for it to come back
DROP EXTENSION kindly_stats CASCADE;
SET ROLE regress_ks_bi;
SELECT count(*) FROM kindly_stats.bot_name;
RESET ROLE;
CREATE EXTENSION kindly_stats;
SET ROLE regress_ks_bi;
SELECT kindly_stats.visible_bots(), (SELECT count(*) FROM kindly_stats.bot_name) AS bots;
RESET ROLE;
SELECT kindly_stats.attach('event');
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('regress_ks_bi', 1, tables => true);
SET ROLE regress_ks_bi;
SELECT * FROM pg_temp.look();
SELECT bot, total FROM (SELECT bot, (SELECT count FROM kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01')) AS total FROM generate_series(1, 3) AS bot) AS s;
RESET ROLE;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_access;
DROP ROLE regress_ks_bi, regress_ks_team, regress_ks_member, regress_ks_distant, regress_ks_writer, regress_ks_owner, regress_ks_renamed;
-- they may serve other databases of the cluster
DO $$ BEGIN DROP ROLE kindly_api_authenticator, kindly_api_anonymous, kindly_api_user, kindly_api_guest; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
