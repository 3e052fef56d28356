--
-- Roles of maintenance: what their members may do without being superusers, and what they may not
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_administration;
DROP ROLE IF EXISTS regress_ks_admin, regress_ks_monitor, regress_ks_tenant, regress_ks_reader;
CREATE ROLE regress_ks_admin;
CREATE ROLE regress_ks_monitor;
CREATE ROLE regress_ks_tenant;
CREATE ROLE regress_ks_reader;
CREATE DATABASE regression_kindly_administration;
\c regression_kindly_administration
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_administrator_roles();
SELECT kindly_stats.create_administrator_roles();
GRANT kindly_stats_admin TO regress_ks_admin;
GRANT kindly_stats_monitor TO regress_ks_monitor;
-- row-level security before and after the roles are made shows them all bots
SELECT kindly_stats.enable_row_security();

-- an administrator with tables of his own
GRANT CREATE, USAGE ON SCHEMA public TO regress_ks_admin;
SET ROLE regress_ks_admin;
SELECT kindly_stats.create_event_table('public.event');
SELECT kindly_stats.create_conversation_table('public.talk');
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 1 + n % 2, timestamptz '2024-05-01 00:00Z' + n * interval '1 hour', 'user_message', 's' || n % 7 FROM generate_series(1, 100) AS n;
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'a', '2024-05-01 10:00Z', '2024-05-01 11:00Z');
SELECT kindly_stats.detach('event');
SELECT kindly_stats.attach('event');
SELECT kindly_stats.add_measure('sessions', '{user_message}', member => 'session_id');
SELECT kindly_stats.purge('event', '2024-05-02');
DELETE FROM kindly_stats.rollup WHERE bot_id = 2;
SELECT count(*) > 0 AS differs FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT count(*) FROM kindly_stats.verify();
CALL kindly_stats.compact();
INSERT INTO kindly_stats.bot_name VALUES (1, 'one');
SELECT kindly_stats.close_day(1, '2024-05-01');
SELECT kindly_stats.reopen_day(1, '2024-05-01');
SELECT count FROM kindly_stats.stats_total(1, '2024-05-01', '2024-06-01');
SELECT kindly_stats.detach('talk');
SELECT kindly_stats.attach_conversations('talk');
-- not his business
SELECT failure(q) FROM unnest(ARRAY['SELECT kindly_stats.grant_bot(''regress_ks_admin'', 1)', 'SELECT kindly_stats.signing_secret()',
	'SELECT kindly_stats.create_signing_secret()', 'SELECT kindly_stats.create_api_key(1)', 'SELECT kindly_stats.enable_row_security()',
	'SELECT kindly_stats.create_administrator_roles()', 'SELECT kindly_stats.create_api_roles()', 'SELECT * FROM kindly_stats.api_secret']) AS q;
RESET ROLE;

-- tables of others: he needs what he does to them himself
CREATE SCHEMA tenant AUTHORIZATION regress_ks_tenant;
SET ROLE regress_ks_tenant;
CREATE TABLE tenant.event (bot_id bigint, occurred_at timestamptz, kind text, secret text);
INSERT INTO tenant.event VALUES (9, '2024-05-01', 'user_message', 'a');
SET ROLE regress_ks_admin;
SELECT failure(q) FROM unnest(ARRAY['SELECT kindly_stats.attach(''tenant.event'')',
	'SELECT kindly_stats.append_counts(''tenant.event'', ''{}'', ''event'', NULL, false, false)']) AS q;
RESET ROLE;
SELECT kindly_stats.attach('tenant.event');
GRANT USAGE ON SCHEMA tenant TO regress_ks_admin, regress_ks_monitor;
SET ROLE regress_ks_admin;
SELECT failure(q) FROM unnest(ARRAY['SELECT kindly_stats.append_counts(''tenant.event'', ''{}'', ''event'', NULL, false, false)',
	'SELECT kindly_stats.purge(''tenant.event'', ''2025-01-01'')', 'SELECT kindly_stats.raw_events(''tenant.event'', ''event'', NULL)',
	'SELECT kindly_stats.detach(''tenant.event'')', 'SELECT kindly_stats.rebuild()', 'SELECT kindly_stats.verify()']) AS q;
RESET ROLE;
GRANT SELECT, DELETE ON tenant.event TO regress_ks_admin;
SET ROLE regress_ks_admin;
SELECT kindly_stats.rebuild();
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.purge('tenant.event', '2025-01-01');
SELECT count FROM kindly_stats.stats_total(9, '2024-05-01', '2024-06-01');
RESET ROLE;
-- a part of the rows is not enough
ALTER TABLE tenant.event ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ks_admin;
SELECT failure(q) FROM unnest(ARRAY['SELECT kindly_stats.purge(''tenant.event'', ''2025-01-01'')', 'SELECT kindly_stats.rebuild()', 'SELECT kindly_stats.verify()']) AS q;
RESET ROLE;
ALTER TABLE tenant.event DISABLE ROW LEVEL SECURITY;

-- a monitor looks, and changes nothing
SET ROLE regress_ks_monitor;
SELECT failure('SELECT kindly_stats.verify()');
RESET ROLE;
GRANT SELECT ON event, talk, tenant.event TO regress_ks_monitor;
SET ROLE regress_ks_monitor;
SELECT count(*) FROM kindly_stats.verify();
SELECT count(DISTINCT bot_id) FROM kindly_stats.rollup;
SELECT * FROM kindly_stats.bot_name;
SELECT failure(q) FROM unnest(ARRAY['SELECT kindly_stats.rebuild()', 'CALL kindly_stats.compact()', 'DELETE FROM kindly_stats.rollup', 'SELECT kindly_stats.purge(''event'', ''2025-01-01'')',
	'SELECT kindly_stats.attach(''event'')', 'SELECT * FROM kindly_stats.api_key', 'SELECT kindly_stats.signing_secret()', 'INSERT INTO kindly_stats.measure (name) VALUES (''x'')']) AS q;
RESET ROLE;
-- and a reader of no bot sees nothing of it
GRANT USAGE ON SCHEMA kindly_stats TO regress_ks_reader;
GRANT SELECT ON kindly_stats.rollup TO regress_ks_reader;
SET ROLE regress_ks_reader;
SELECT count(*) FROM kindly_stats.rollup;
RESET ROLE;

-- everything that the roles may do and others may not: a new function is to be looked at before it stands here
SELECT p.oid::regprocedure::text COLLATE "C" AS name, has_function_privilege('kindly_stats_monitor', p.oid, 'EXECUTE') AS monitor
  FROM pg_proc AS p WHERE has_function_privilege('kindly_stats_admin', p.oid, 'EXECUTE') AND p.pronamespace = 'kindly_stats'::regnamespace
   AND NOT has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1;
-- roles of these names that are somebody else's
ALTER ROLE kindly_stats_monitor LOGIN;
SELECT failure('SELECT kindly_stats.create_administrator_roles()');
ALTER ROLE kindly_stats_monitor NOLOGIN;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_administration;
DROP ROLE regress_ks_admin, regress_ks_monitor, regress_ks_tenant, regress_ks_reader;
-- another database of the cluster may use these
DO $$ BEGIN DROP ROLE kindly_stats_admin, kindly_stats_monitor; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
