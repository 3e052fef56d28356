--
-- Owners of tables are strangers: code that they put into their tables runs with their rights alone, or not at all
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_stranger;
DROP ROLE IF EXISTS regress_ks_tenant, regress_ks_asker, regress_ks_squatter;
CREATE ROLE regress_ks_tenant;
CREATE ROLE regress_ks_asker;
CREATE ROLE regress_ks_squatter;
CREATE DATABASE regression_kindly_stranger;
\c regression_kindly_stranger
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
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

-- a schema of the extension's name that somebody made before
GRANT CREATE ON DATABASE regression_kindly_stranger TO regress_ks_squatter;
SET ROLE regress_ks_squatter;
CREATE SCHEMA kindly_stats;
CREATE TABLE kindly_stats.api_secret (is_only boolean PRIMARY KEY DEFAULT true, secret text, created_at timestamptz);
RESET ROLE;
CREATE EXTENSION kindly_stats;
-- he may be the database's owner, but is none the more to be trusted by who creates extensions
ALTER DATABASE regression_kindly_stranger OWNER TO regress_ks_squatter;
CREATE EXTENSION kindly_stats;
ALTER DATABASE regression_kindly_stranger OWNER TO CURRENT_USER;
ALTER SCHEMA kindly_stats OWNER TO CURRENT_USER;
CREATE EXTENSION kindly_stats;
DROP TABLE kindly_stats.api_secret;
CREATE FUNCTION kindly_stats.sneaky() RETURNS integer LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION kindly_stats.sneaky() OWNER TO regress_ks_squatter;
CREATE EXTENSION kindly_stats;
DROP FUNCTION kindly_stats.sneaky();
CREATE VIEW kindly_stats.rollup AS SELECT 1;
ALTER VIEW kindly_stats.rollup OWNER TO regress_ks_squatter;
CREATE EXTENSION kindly_stats;
DROP VIEW kindly_stats.rollup;
CREATE EXTENSION kindly_stats;
SHOW search_path;
-- and tables of its names that belong to strangers later on
SELECT kindly_stats.create_event_table('public.event');
ALTER TABLE kindly_stats.rollup OWNER TO regress_ks_squatter;
SELECT failure(q) FROM unnest(ARRAY['SELECT kindly_stats.create_event_table(''event2'')', 'SELECT kindly_stats.verify()', 'SELECT kindly_stats.rebuild()',
	'SELECT kindly_stats.create_api_key(1)', 'SELECT kindly_stats.signing_secret()', 'SELECT kindly_stats.enable_row_security()']) AS q;
ALTER TABLE kindly_stats.rollup OWNER TO CURRENT_USER;
SELECT failure('SELECT kindly_stats.verify()');
REVOKE CREATE ON DATABASE regression_kindly_stranger FROM regress_ks_squatter;
DROP TABLE event;

-- A tenant whose tables have code wherever PostgreSQL would run it for others: in constant index expressions, which are worked out when
-- a query is planned, in index expressions, in triggers, in policies.  It writes down who runs it, tries to read what is not his, to set
-- what stays, and to open what is read later.
CREATE SCHEMA tenant AUTHORIZATION regress_ks_tenant;
CREATE TABLE tenant.caught (who name, place text, headers text, claims text);
GRANT INSERT, SELECT ON tenant.caught TO PUBLIC;
GRANT USAGE ON SCHEMA tenant TO PUBLIC;
ALTER TABLE tenant.caught OWNER TO regress_ks_tenant;
SET ROLE regress_ks_tenant;
CREATE FUNCTION tenant.note(place text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO tenant.caught VALUES (current_user, place, current_setting('request.headers', true), current_setting('request.jwt.claims', true));
EXCEPTION WHEN read_only_sql_transaction OR feature_not_supported THEN
	NULL;
END $$;
CREATE FUNCTION tenant.bait(place text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM tenant.note(place);
	PERFORM set_config('search_path', 'tenant', false);
	PERFORM set_config('kindly_stats.now', '2001-01-01', false);
	PERFORM set_config('tenant.was_here', place, false);
	BEGIN
		EXECUTE 'SET ROLE postgres';
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	RETURN true;
END $$;
CREATE FUNCTION tenant.bait_row(place text, value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM tenant.bait(place);
	RETURN value;
END $$;
CREATE FUNCTION tenant.on_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tenant.bait('trigger');
	RETURN NULL;
END $$;
RESET ROLE;
SELECT kindly_stats.create_event_table('tenant.event'), kindly_stats.create_conversation_table('tenant.talk');
ALTER TABLE tenant.event OWNER TO regress_ks_tenant;
ALTER TABLE tenant.talk OWNER TO regress_ks_tenant;
SELECT kindly_stats.create_event_table('public.event'), kindly_stats.create_conversation_table('public.talk');
SET ROLE regress_ks_tenant;
INSERT INTO tenant.event (bot_id, occurred_at, kind, session_id) SELECT 1, timestamptz '2024-05-01 00:07Z' + n * interval '1 day', 'user_message', 's' || n FROM generate_series(0, 9) AS n;
INSERT INTO tenant.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count, conversation_status, triggered_intent_replies)
SELECT 1, 'c' || n, timestamptz '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + n * interval '1 day', 1, 'botHandled', '[{"intent_name": "a", "not_meaningful": false}]' FROM generate_series(0, 9) AS n;
CREATE INDEX ON tenant.event (bot_id) WHERE tenant.bait('event planned');
CREATE INDEX ON tenant.talk (bot_id) WHERE tenant.bait('talk planned');
CREATE INDEX ON tenant.event (tenant.bait_row('event indexed', bot_id));
CREATE INDEX ON tenant.talk (tenant.bait_row('talk indexed', bot_id));
CREATE TRIGGER bait AFTER DELETE ON tenant.event FOR EACH ROW EXECUTE FUNCTION tenant.on_delete();
CREATE TRIGGER bait AFTER DELETE ON tenant.talk FOR EACH ROW EXECUTE FUNCTION tenant.on_delete();
RESET ROLE;
INSERT INTO public.event (bot_id, occurred_at, kind, session_id) SELECT 2, timestamptz '2024-05-01 00:07Z' + n * interval '1 day', 'user_message', 's' || n FROM generate_series(0, 9) AS n;
INSERT INTO public.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count, conversation_status, triggered_intent_replies)
SELECT 2, 'c' || n, timestamptz '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + n * interval '1 day', 1, 'botHandled', '[{"intent_name": "b", "not_meaningful": false}]' FROM generate_series(0, 9) AS n;
-- neither table knows its first and last event from the rollup alone
DELETE FROM public.event WHERE occurred_at IN ('2024-05-01 00:07Z', '2024-05-10 00:07Z');
SET ROLE regress_ks_tenant;
DELETE FROM tenant.event WHERE occurred_at IN ('2024-05-01 00:07Z', '2024-05-10 00:07Z');
RESET ROLE;
RESET search_path;
GRANT USAGE ON SCHEMA kindly_stats, sage, ultimate TO regress_ks_asker;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.exported, tenant.talk, public.talk TO regress_ks_asker;
GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO regress_ks_asker;
TRUNCATE tenant.caught;

-- what plain SQL does, so that the bait is known to work
SET request.headers = '{"authorization": "Bearer of the asker"}';
SET request.jwt.claims = '{"bot": 2}';
SELECT count(*) FROM tenant.event;
SELECT DISTINCT who = current_user AS is_me, place, headers FROM tenant.caught ORDER BY 2;
SHOW search_path;
RESET search_path;
RESET kindly_stats.now;
RESET tenant.was_here;
TRUNCATE tenant.caught;

-- questions run nothing of his; what reads conversations runs it as him, without what the request brought
CREATE FUNCTION caught() RETURNS TABLE (who name, place text, headers text, claims text, path text, clock text, was_here text) LANGUAGE sql AS $$
	SELECT DISTINCT c.who, c.place, nullif(c.headers, ''), nullif(c.claims, ''), current_setting('search_path'), current_setting('kindly_stats.now'), nullif(current_setting('tenant.was_here', true), '')
	  FROM tenant.caught AS c ORDER BY 1, 2
$$;
SET ROLE regress_ks_asker;
SELECT first, last FROM kindly_stats.stats_options(1);
SELECT first, last FROM kindly_stats.stats_options(2);
SELECT sage.meta_options(1) -> 'data' ->> 'first' AS first;
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2024-05-01', '2024-06-01');
SELECT total_conversations FROM ultimate.metrics(1, '2024-05-01', '2024-06-01');
SELECT * FROM public.caught();
SELECT json_array_length(ultimate.export(2, '2024-05-03'));
SELECT json_array_length(ultimate.export(1, '2024-05-03'));
SELECT ultimate.export_rows(1, '2024-05-04') ->> 'conversation_id' AS id;
SELECT * FROM ultimate.first_last_intent(1, '2024-05-02', '2024-05-03');
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(1, '2024-05-01', '2024-06-01');
SELECT kindly_stats.close_day(1, '2024-05-05');
RESET ROLE;
SELECT * FROM caught();
TRUNCATE tenant.caught;

-- nor does maintenance by a superuser
SELECT kindly_stats.rebuild();
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.add_measure('again', '{user_message}');
SELECT kindly_stats.purge('tenant.event', '2024-05-05');
SELECT kindly_stats.detach('tenant.event');
SELECT kindly_stats.attach('tenant.event');
SELECT kindly_stats.detach('tenant.talk');
SELECT kindly_stats.attach_conversations('tenant.talk');
CALL kindly_stats.compact();
SELECT * FROM caught();
SELECT current_user = session_user AS still_me;
TRUNCATE tenant.caught;

GRANT USAGE ON SCHEMA ultimate, kindly_stats TO regress_ks_tenant;
GRANT SELECT ON kindly_stats.exported, kindly_stats.rollup, public.talk TO regress_ks_tenant;
-- cursors that are read on at COMMIT, when a security-restricted operation is over: inside one they are not held
SET ROLE regress_ks_tenant;
CREATE TABLE tenant.bait_table (x integer);
CREATE FUNCTION tenant.open_stream(x integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	c refcursor;
	r record;
BEGIN
	OPEN c FOR EXECUTE 'SELECT ultimate.first_last_intent(1, ''2024-05-01'', ''2024-06-01'')';
	FETCH c INTO r;
	RETURN x;
END $$;
INSERT INTO tenant.bait_table VALUES (1);
CREATE INDEX ON tenant.bait_table (tenant.open_stream(x));
RESET ROLE;
TRUNCATE tenant.caught;
ANALYZE tenant.bait_table;
SELECT name, is_holdable FROM pg_cursors;
SELECT * FROM caught();
-- outside they are, where one WITH HOLD reads them
TRUNCATE tenant.caught;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT ultimate.export_rows(1, '2024-05-04') ->> 'conversation_id' AS id;
FETCH held;
COMMIT;
FETCH held;
CLOSE held;
BEGIN;
DECLARE plain CURSOR FOR SELECT (ultimate.first_last_intent(1, '2024-05-01', '2024-06-01')).conversation_id;
FETCH 2 FROM plain;
COMMIT;
SELECT count(*) FROM pg_cursors;
SELECT DISTINCT who FROM tenant.caught;

-- a conversation of one bot in tables of two owners: whose rights should read both?
INSERT INTO public.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'elsewhere', '2024-05-08 00:00Z', '2024-05-08 00:30Z');
SELECT failure('SELECT ultimate.export(1, ''2024-05-08'')');

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_stranger;
DROP ROLE regress_ks_tenant, regress_ks_asker, regress_ks_squatter;
