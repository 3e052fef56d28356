--
-- Rights: who may write, who may read, and that nobody gets at another's rights
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_privilege;
DROP ROLE IF EXISTS regress_ks_writer, regress_ks_reader, regress_ks_one, regress_ks_two, regress_ks_app, regress_ks_nobody;
CREATE ROLE regress_ks_writer;
CREATE ROLE regress_ks_reader;
CREATE ROLE regress_ks_one;
CREATE ROLE regress_ks_two;
CREATE ROLE regress_ks_app;
CREATE ROLE regress_ks_nobody;
CREATE DATABASE regression_kindly_privilege;
\c regression_kindly_privilege
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
RESET client_min_messages;
SELECT kindly_stats.create_event_table('public.event');
GRANT SELECT, INSERT, UPDATE, DELETE ON event TO regress_ks_writer;
GRANT USAGE ON SCHEMA kindly_stats, sage TO regress_ks_reader, regress_ks_one, regress_ks_two, regress_ks_app, regress_ks_nobody;
CREATE FUNCTION pg_temp.wrong() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM kindly_stats.verify() $$;

-- writers of events need no right on the statistics, compaction included
SET ROLE regress_ks_writer;
SET kindly_stats.compact_after = 1;
INSERT INTO event (bot_id, occurred_at, kind, session_id, source)
SELECT bot, timestamptz '2025-01-01 00:00:00.25+00' + n * interval '1 hour', 'user_message', 's' || n % 5, 'web'
  FROM generate_series(1, 2) AS bot, generate_series(1, 50) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-05', 'user_message', 'x'), (2, '2025-01-05', 'user_message', 'x');
UPDATE event SET session_id = 'y' WHERE session_id = 'x';
DELETE FROM event WHERE bot_id = 2 AND session_id = 's1';
INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, 'infinity', 'user_message');
SELECT current_user;
SELECT count(*) FROM kindly_stats.rollup;
DO $$
BEGIN
	INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, 'infinity', 'user_message');
EXCEPTION WHEN datetime_field_overflow THEN
	RAISE NOTICE '% after an error in the trigger', current_user;
END
$$;
RESET kindly_stats.compact_after;
RESET ROLE;
SELECT pg_temp.wrong();

-- readers need SELECT on the rollup
SET ROLE regress_ks_reader;
SELECT count(*) FROM kindly_stats.stats_series(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.stats_total(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.stats_top(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.stats_heatmap(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.stats_options(1);
SELECT * FROM kindly_stats.fallback_rate(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.top_buttons(1, '2025-01-01', '2025-01-02');
SELECT sage.sessions_chats(1, '2025-01-01', '2025-01-02');
SELECT sage.meta_options(1);
RESET ROLE;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure TO regress_ks_reader, regress_ks_one, regress_ks_two;
SET ROLE regress_ks_reader;
SELECT date, count, distinct_count FROM kindly_stats.stats_series(1, '2025-01-01', '2025-01-05');
SELECT * FROM kindly_stats.stats_total(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.stats_top(1, '2025-01-01', '2025-01-02');
SELECT * FROM kindly_stats.stats_options(1);
SELECT * FROM kindly_stats.fallback_rate(1, '2025-01-01', '2025-01-02');
SELECT sage.sessions_chats(1, '2025-01-01', '2025-01-02');
SELECT count(*) FROM event;

-- the next first and last event are not asked of the event table: edges of their quarter hours, whoever owns it
SET ROLE regress_ks_writer;
DELETE FROM event WHERE occurred_at IN (SELECT min(occurred_at) FROM event UNION ALL SELECT max(occurred_at) FROM event);
SET ROLE regress_ks_reader;
SELECT * FROM kindly_stats.stats_options(1);
SELECT sage.meta_options(1);
SELECT current_user;
SELECT count(*) FROM event;
RESET ROLE;
ALTER TABLE event OWNER TO regress_ks_writer;
SET ROLE regress_ks_reader;
SELECT first, last FROM kindly_stats.stats_options(1);
RESET ROLE;
-- policies that hold the owner, too, do not: triggers count every event
ALTER TABLE event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SET ROLE regress_ks_reader;
SELECT first, last FROM kindly_stats.stats_options(1);
RESET ROLE;
ALTER TABLE event DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;

-- row-level security decides what is seen, also by plans that were made for another role
ALTER TABLE kindly_stats.rollup ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON kindly_stats.rollup FOR SELECT TO regress_ks_one USING (bot_id = 1);
CREATE POLICY two ON kindly_stats.rollup FOR SELECT TO regress_ks_two USING (bot_id = 2);
CREATE VIEW seen AS
SELECT (SELECT CASE WHEN rolsuper THEN 'superuser' ELSE rolname END FROM pg_roles WHERE rolname = current_user) AS current_user, bot, (SELECT count FROM kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01')),
	   (SELECT sum(count) FROM kindly_stats.stats_series(bot, '2025-01-01', '2025-02-01')) AS series,
	   (SELECT sum(count) FROM kindly_stats.stats_heatmap(bot, '2025-01-01', '2025-02-01')) AS heatmap,
	   (SELECT first FROM kindly_stats.stats_options(bot)),
	   (SELECT sum((c ->> 'count')::bigint) FROM json_array_elements(sage.sessions_chats(bot, '2025-01-01', '2025-02-01', granularity => 'month') -> 'data') AS c) AS chats,
	   sage.meta_options(bot) -> 'data' ->> 'last' AS last
  FROM generate_series(1, 2) AS bot;
GRANT SELECT ON seen TO PUBLIC;
SELECT * FROM seen;
SET ROLE regress_ks_one;
SELECT * FROM seen;
SET ROLE regress_ks_two;
SELECT * FROM seen;
SET ROLE regress_ks_reader;
SELECT * FROM seen;
RESET ROLE;
SELECT * FROM seen;
SET ROLE regress_ks_one;
PREPARE seen AS SELECT (SELECT CASE WHEN rolsuper THEN 'superuser' ELSE rolname END FROM pg_roles WHERE rolname = current_user) AS current_user, bot, count, chats FROM seen;
EXECUTE seen;
SET ROLE regress_ks_two;
EXECUTE seen;
SET row_security = off;
EXECUTE seen;
RESET row_security;

-- writers go on, whoever owns the rollup and however strictly
RESET ROLE;
GRANT CREATE ON SCHEMA kindly_stats TO regress_ks_app;
ALTER TABLE kindly_stats.rollup OWNER TO regress_ks_app;
ALTER TABLE kindly_stats.rollup FORCE ROW LEVEL SECURITY;
SET ROLE regress_ks_writer;
SET kindly_stats.compact_after = 1;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 2, '2025-01-06', 'user_message', 'z' || n FROM generate_series(1, 20) AS n;
UPDATE event SET session_id = 'zz' WHERE session_id = 'z1';
DELETE FROM event WHERE session_id = 'z2';
RESET kindly_stats.compact_after;
RESET ROLE;
\c
\set VERBOSITY terse
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE FUNCTION pg_temp.wrong() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM kindly_stats.verify() $$;
SET kindly_stats.compact_after = 0;
SET ROLE regress_ks_writer;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (2, '2025-01-07', 'user_message', 'z');
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (2, '2025-01-07', 'user_message', 'z');
RESET ROLE;
SELECT pg_temp.wrong();
GRANT SELECT ON kindly_stats.measure TO regress_ks_app;
SET ROLE regress_ks_app;
SELECT * FROM kindly_stats.stats_total(2, '2025-01-01', '2025-02-01');
RESET ROLE;

-- who may compact needs no right on the rollup, and merges what he cannot see
GRANT EXECUTE ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) TO regress_ks_nobody;
SELECT count(*) > 0 AS new FROM kindly_stats.rollup WHERE id >= 0 AND cluster IS NULL;
SET ROLE regress_ks_nobody;
CALL kindly_stats.compact();
SELECT current_user;
RESET ROLE;
SELECT count(*) > 0 AS new FROM kindly_stats.rollup WHERE id >= 0 AND cluster IS NULL;
SELECT kindly_stats.purge('event', '2025-01-02');
SELECT pg_temp.wrong();
REVOKE EXECUTE ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) FROM regress_ks_nobody;

-- who may purge needs the right to delete the events, and none on the statistics
GRANT EXECUTE ON FUNCTION kindly_stats.purge(regclass, timestamptz) TO regress_ks_nobody, regress_ks_writer;
GRANT USAGE ON SCHEMA kindly_stats TO regress_ks_writer;
SET ROLE regress_ks_nobody;
SELECT kindly_stats.purge('event', '2025-01-03');
SHOW kindly_stats.keep_statistics;
SET ROLE regress_ks_writer;
SELECT kindly_stats.purge('event', '2025-01-03') > 0 AS purged;
SHOW kindly_stats.keep_statistics;
RESET ROLE;
SELECT pg_temp.wrong();
REVOKE EXECUTE ON FUNCTION kindly_stats.purge(regclass, timestamptz) FROM regress_ks_nobody, regress_ks_writer;

-- what writes is not for everybody
GRANT CREATE ON SCHEMA public TO regress_ks_nobody;
SET ROLE regress_ks_nobody;
CREATE TABLE mine (bot_id bigint, occurred_at timestamptz, kind text);
SELECT kindly_stats.attach('mine');
SELECT kindly_stats.create_event_table('public.mine2');
SELECT kindly_stats.detach('event');
SELECT kindly_stats.purge('event', '2025-01-02');
SELECT kindly_stats.add_measure('x');
SELECT kindly_stats.rebuild();
SELECT * FROM kindly_stats.verify();
CALL kindly_stats.compact();
CREATE TRIGGER kindly_stats_insert AFTER INSERT ON mine REFERENCING NEW TABLE AS kindly_stats_new
	FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.count_events('mine', '{}');
SET kindly_stats.keep_statistics = on;
INSERT INTO mine VALUES (1, now(), 'user_message');
RESET ROLE;
DROP TABLE mine;

-- names of the session's own: none of them runs with other rights, or at all
CREATE SCHEMA evil AUTHORIZATION regress_ks_nobody;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
SET ROLE regress_ks_nobody;
CREATE TABLE evil.log (who name, what text);
GRANT INSERT, SELECT ON evil.log TO PUBLIC;
CREATE FUNCTION evil.note(what text) RETURNS void LANGUAGE sql AS $$ INSERT INTO evil.log VALUES (current_user, what) $$;
DO $$
DECLARE
	t text;
	o text;
	f text;
BEGIN
	-- operators and functions that fit better, or come first
	FOREACH t IN ARRAY ARRAY['bigint', 'text', 'date', 'uuid', 'timestamptz', 'oid', 'name', 'jsonb', 'integer', 'text[]'] LOOP
		EXECUTE format('CREATE FUNCTION evil.op(pg_catalog.%1$s, pg_catalog.%1$s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.note(''operator of %1$s''); RETURN true; END $f$',
					   CASE t WHEN 'bigint' THEN 'int8' WHEN 'integer' THEN 'int4' ELSE t END);
		FOREACH o IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '||', '-', '->>', '@>', '?'] LOOP
			EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = evil.op)', o, t);
		END LOOP;
	END LOOP;
	FOREACH f IN ARRAY ARRAY['unnest(anyarray)', 'quote_ident(text)', 'quote_ident(name)', 'to_regclass(text)', 'jsonb_typeof(jsonb)', 'gen_random_uuid()',
							 'parse_ident(text)', 'current_schema()', 'convert_from(bytea, name)', 'format_type(oid, integer)', 'pg_column_size(anyelement)',
							 'date_trunc(text, timestamp)', 'array_length(anyarray, integer)', 'cardinality(anyarray)', 'length(bytea)', 'now()',
							 'jsonb_each(jsonb)', 'jsonb_each_text(jsonb)', 'array_position(anyarray, anyelement)', 'pg_partition_tree(regclass)'] LOOP
		EXECUTE format('CREATE FUNCTION evil.%s RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.note(%L); RETURN ''''; END $f$', f, f);
	END LOOP;
	FOREACH f IN ARRAY ARRAY['min', 'max', 'sum', 'count', 'string_agg', 'array_agg', 'bool_or', 'jsonb_object_agg'] LOOP
		FOREACH t IN ARRAY ARRAY['timestamptz', 'bigint', 'text', 'boolean', 'name'] LOOP
			EXECUTE format('CREATE FUNCTION evil.%s(%s) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.note(%L); RETURN ''''; END $f$', f, t, f);
		END LOOP;
	END LOOP;
END
$$;
CREATE TABLE evil.rollup (bot_id bigint, measure text, month date, id uuid, tally text);
CREATE TABLE evil.measure (name text, kinds text[], keys text[], member text, weight text, condition text);
CREATE TABLE evil.event_table (event_table regclass, columns jsonb);
CREATE TABLE evil.purged (event_table regclass, before timestamptz);
CREATE TABLE evil.pg_trigger (tgrelid oid);
CREATE TABLE evil.pg_class (oid oid, relowner oid);
CREATE TABLE evil.pg_attribute (attrelid oid);
CREATE DOMAIN evil.tally AS text;
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.note('domain') IS NULL);
CREATE DOMAIN evil.uuid AS pg_catalog.uuid CHECK (evil.note('domain') IS NULL);
CREATE DOMAIN evil.timestamptz AS pg_catalog.timestamptz CHECK (evil.note('domain') IS NULL);
RESET ROLE;
CREATE TEMP TABLE rollup (bot_id bigint, measure text, month date, id uuid, tally text);
CREATE TEMP TABLE measure (name text, kinds text[], keys text[], member text, weight text, condition text);
CREATE TEMP TABLE event_table (event_table regclass, columns jsonb);
CREATE TEMP TABLE purged (event_table regclass, before timestamptz);
CREATE TEMP TABLE pg_trigger (tgrelid oid);
CREATE TEMP TABLE pg_class (oid oid, relowner oid);
GRANT ALL ON rollup, measure, event_table, purged, pg_temp.pg_trigger, pg_temp.pg_class TO PUBLIC;
SET search_path = pg_temp, evil, pg_catalog, public;
SELECT kindly_stats.create_event_table('public.event2');
SELECT kindly_stats.attach('public.event2', '{"source": "source"}');
SELECT kindly_stats.add_measure('by_user', ARRAY['user_message'], ARRAY['user_id'], 'session_id');
SET kindly_stats.compact_after = 1;
INSERT INTO public.event2 (bot_id, occurred_at, kind, session_id, user_id) SELECT 3, '2025-01-06', 'user_message', 'z' OPERATOR(pg_catalog.||) n, 'u' FROM pg_catalog.generate_series(1, 20) AS n;
INSERT INTO public.event2 (bot_id, occurred_at, kind, session_id) VALUES (3, '2025-01-06', 'user_message', 'z');
UPDATE public.event2 SET session_id = 'y' WHERE session_id OPERATOR(pg_catalog.=) 'z';
DELETE FROM public.event2 WHERE session_id OPERATOR(pg_catalog.=) 'z1';
RESET kindly_stats.compact_after;
SET ROLE regress_ks_writer;
INSERT INTO public.event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-07', 'user_message', 'z');
UPDATE public.event SET session_id = 'y' WHERE session_id OPERATOR(pg_catalog.=) 'z';
DELETE FROM public.event WHERE session_id OPERATOR(pg_catalog.=) 'y' AND bot_id OPERATOR(pg_catalog.=) 1;
RESET ROLE;
CALL kindly_stats.compact();
SELECT kindly_stats.purge('public.event2', '2025-01-01');
SELECT kindly_stats.rebuild(3);
SELECT * FROM kindly_stats.verify();
SELECT * FROM kindly_stats.event_table WHERE pg_temp.wrong() OPERATOR(pg_catalog.>) 0;
SET ROLE regress_ks_one;
SELECT count, series, heatmap, first, chats, last FROM public.seen;
RESET ROLE;
SELECT * FROM kindly_stats.stats_top(3, '2025-01-01', '2025-02-01', measure => 'by_user');
SELECT * FROM kindly_stats.fallback_rate(3, '2025-01-01', '2025-02-01');
SELECT kindly_stats.fallback_rate(b) FROM (VALUES (true), (false)) AS v (b);
SELECT kindly_stats.detach('public.event2');
SELECT who, what, pg_catalog.count(*) FROM evil.log GROUP BY who, what;
SELECT * FROM pg_temp.rollup;
SELECT attname, atttypid::pg_catalog.regtype FROM pg_catalog.pg_attribute
 WHERE attrelid OPERATOR(pg_catalog.=) 'public.event2'::pg_catalog.regclass AND attnum OPERATOR(pg_catalog.>) 0::smallint ORDER BY attnum LIMIT 5;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_privilege;
DROP ROLE regress_ks_writer, regress_ks_reader, regress_ks_one, regress_ks_two, regress_ks_app, regress_ks_nobody;
