--
-- Code of a table's owner meets no cursor of whoever works on the table, puts nothing in a table's place, and no trigger of anybody's own making
-- is taken for one of attach()
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_stranger_cursor;
DROP ROLE IF EXISTS regress_ks_prowler, regress_ks_neighbour, regress_ks_manager;
CREATE ROLE regress_ks_prowler;
CREATE ROLE regress_ks_neighbour;
CREATE ROLE regress_ks_manager;
CREATE DATABASE regression_kindly_stranger_cursor;
\c regression_kindly_stranger_cursor
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

-- The prowler's conversations are read in the order of an index, so that the cast of a column is run as rows are fetched; he writes down who
-- runs it, and moves and closes whatever cursor he finds by its name.
CREATE SCHEMA prowler AUTHORIZATION regress_ks_prowler;
CREATE SCHEMA neighbour AUTHORIZATION regress_ks_neighbour;
GRANT USAGE ON SCHEMA prowler TO PUBLIC;
SET ROLE regress_ks_prowler;
CREATE TABLE prowler.caught (who name, what text);
GRANT INSERT ON prowler.caught TO PUBLIC;
CREATE TYPE prowler.language AS ENUM ('en');
CREATE FUNCTION prowler.prowl() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n integer;
	c refcursor;
	found_row text;
BEGIN
	INSERT INTO prowler.caught VALUES (current_user, 'ran' || coalesce(' and saw ' || nullif(current_setting('operator.secret', true), ''), ''));
	FOR n IN 1..10 LOOP
		c := format('<unnamed portal %s>', n);
		BEGIN
			FETCH c INTO found_row;
			INSERT INTO prowler.caught VALUES (current_user, 'read ' || left(found_row, 60));
			MOVE FORWARD ALL FROM c;
			CLOSE c;
			INSERT INTO prowler.caught VALUES (current_user, 'closed a cursor');
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	RETURN 'en';
END $$;
CREATE FUNCTION prowler.as_text(prowler.language) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN prowler.prowl(); END $$;
CREATE CAST (prowler.language AS text) WITH FUNCTION prowler.as_text(prowler.language);
CREATE FUNCTION prowler.plan(x integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM prowler.prowl(); RETURN true; END $$;
RESET ROLE;
SELECT kindly_stats.create_conversation_table('prowler.talk'), kindly_stats.create_event_table('prowler.event');
SELECT count(*) FROM kindly_stats.detach('prowler.talk');
ALTER TABLE prowler.talk ALTER language TYPE prowler.language USING NULL;
ALTER TABLE prowler.talk OWNER TO regress_ks_prowler;
ALTER TABLE prowler.event OWNER TO regress_ks_prowler;
CREATE INDEX ON prowler.talk (bot_id, conversation_end_time, conversation_id COLLATE "C");
SELECT count(*) FROM kindly_stats.attach_conversations('prowler.talk');
SELECT kindly_stats.create_conversation_table('neighbour.talk');
ALTER TABLE neighbour.talk OWNER TO regress_ks_neighbour;
INSERT INTO prowler.talk (bot_id, conversation_id, language, conversation_start_time, conversation_end_time)
SELECT 1, 'c' || n, 'en', '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + n * interval '1 minute' FROM generate_series(0, 119) AS n;
INSERT INTO neighbour.talk (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT 2, 'private' || n, '2024-05-01 00:00Z', timestamptz '2024-05-01 01:00Z' + n * interval '1 minute' FROM generate_series(0, 119) AS n;
SELECT kindly_stats.close_day(1, '2024-05-01'), kindly_stats.close_day(2, '2024-05-01');
-- nor does he see what the session keeps for itself
SET operator.secret = 'a password';
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;

-- a cursor WITH HOLD is read to its end at COMMIT, in whatever order PostgreSQL comes to cursors then, which depends on their names
SELECT format('BEGIN; DECLARE %I CURSOR WITH HOLD FOR SELECT ultimate.export_rows(1, ''2024-05-01''); MOVE 1 FROM %1$I; COMMIT; CLOSE %1$I;', 'held ' || n)
  FROM generate_series(1, 16) AS n \gexec
SELECT who, what, count(*) FROM prowler.caught GROUP BY who, what ORDER BY 1, 2;
SHOW operator.secret;
RESET operator.secret;
TRUNCATE prowler.caught;

-- two exports side by side
SELECT count(*) FROM (SELECT ultimate.export_rows(2, '2024-05-01'), ultimate.export_rows(1, '2024-05-01') OFFSET 0) AS pairs;
SELECT who, what, count(*) FROM prowler.caught GROUP BY who, what ORDER BY 1, 2;
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_sort;

-- what is verified, and what is counted anew, after his table
CREATE INDEX ON prowler.event (bot_id) WHERE prowler.plan(1);
SELECT count(kindly_stats.create_event_table('public.event' || n)) FROM generate_series(1, 12) AS n;
INSERT INTO public.event12 (bot_id, occurred_at, kind, session_id) VALUES (12, '2024-05-01 12:07Z', 'user_message', 's');
DELETE FROM kindly_stats.rollup WHERE bot_id = 12;
\c
SET client_min_messages = warning;
SELECT measure FROM kindly_stats.verify(12);
\c
SET client_min_messages = warning;
SELECT kindly_stats.rebuild();
SELECT count FROM kindly_stats.stats_total(12, '2024-05-01', '2024-05-02');
\c
SET client_min_messages = warning;
SELECT kindly_stats.add_measure('again', '{user_message}');
SELECT count FROM kindly_stats.stats_total(12, '2024-05-01', '2024-05-02', measure => 'again');
SELECT DISTINCT who, what FROM prowler.caught ORDER BY 1, 2;

-- while one table is purged, its triggers delete from others no less than else
CREATE TABLE public.shared (bot_id bigint, occurred_at timestamptz, kind text);
SELECT count(*) FROM kindly_stats.attach('public.shared');
INSERT INTO public.shared SELECT 20, timestamptz '2024-05-01 12:00Z' + n * interval '1 hour', 'bot_reply' FROM generate_series(1, 5) AS n;
GRANT SELECT, DELETE ON public.shared TO regress_ks_prowler;
CREATE FUNCTION prowler.also() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.shared; RETURN OLD; END $$;
CREATE TRIGGER also BEFORE DELETE ON prowler.event FOR EACH ROW EXECUTE FUNCTION prowler.also();
INSERT INTO prowler.event (bot_id, occurred_at, kind) VALUES (1, '2024-01-01', 'bot_reply'), (1, '2024-05-01', 'bot_reply');
SELECT kindly_stats.purge('prowler.event', '2024-02-01');
SELECT (SELECT count(*) FROM public.shared), (SELECT count FROM kindly_stats.stats_total(20, '2024-05-01', '2024-05-03', measure => 'replies')), (SELECT count(*) FROM kindly_stats.verify(20));
CREATE RULE instead AS ON DELETE TO prowler.event DO INSTEAD NOTHING;
SELECT kindly_stats.purge('prowler.event', '2024-02-01');
DROP RULE instead ON prowler.event;

-- what creates nothing need not keep others from creating
BEGIN;
SELECT count(*) FROM kindly_stats.attach_conversations('neighbour.talk');
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 5 AND pid = pg_backend_pid();
COMMIT;

-- administrators may call the functions of triggers, with what arguments they like
SELECT kindly_stats.create_administrator_roles();
GRANT kindly_stats_admin TO regress_ks_manager;
CREATE SCHEMA manager AUTHORIZATION regress_ks_manager;
SET ROLE regress_ks_manager;
CREATE TABLE manager.t (bot text, ended text);
SELECT failure(format('CREATE OR REPLACE TRIGGER own AFTER INSERT ON manager.t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.%s;'
	' INSERT INTO manager.t VALUES (''long enough to be no number'', ''nor an instant'')', f))
  FROM unnest(ARRAY['guard_exported()', 'guard_exported(''x'')', 'guard_exported(''x'', ''{}'')', 'guard_exported(''x'', ''[]'')', 'guard_exported(''x'', ''["bot_id", "bot"]'')',
	'guard_exported(''x'', ''nonsense'')', 'guard_exported(''x'', ''{"bot_id": "bot", "conversation_end_time": "ended"}'')',
	'count_events()', 'count_events(''x'', ''event'')', 'count_events(''x'', ''event'', ''[]'')', 'count_events(''x'', ''nothing'', ''{"bot_id": "bot", "occurred_at": "ended"}'')',
	'measure_changed()', 'refuse_truncate()']) AS f;
-- and count what they may read: but what a view reads, its owner reads, or they
RESET ROLE;
CREATE TABLE public.secret (bot_id bigint, occurred_at timestamptz, kind text);
CREATE VIEW manager.view AS SELECT * FROM public.secret;
GRANT SELECT ON manager.view TO regress_ks_manager;
SET ROLE regress_ks_manager;
SELECT failure(format('SELECT kindly_stats.append_counts(%L, ''{}'', ''event'', NULL, false, false)', t)) FROM unnest(ARRAY['manager.view', 'public.secret', 'pg_catalog.pg_settings']) AS t;
RESET ROLE;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_stranger_cursor;
DROP ROLE regress_ks_prowler, regress_ks_neighbour, regress_ks_manager;
-- another database of the cluster may use these
DO $$ BEGIN DROP ROLE kindly_stats_admin, kindly_stats_monitor; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
