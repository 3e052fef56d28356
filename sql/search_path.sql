--
-- Operators, functions and types of a user's own, in a schema before pg_catalog, must not be taken for the server's
--
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA hijack;
DO $$
DECLARE
	type_name text;
	operator_name text;
BEGIN
	FOREACH type_name IN ARRAY ARRAY['bigint', 'text', 'date', 'timestamptz', 'integer', 'oid', 'name', 'jsonb', 'boolean', 'uuid', '"char"', 'regclass', 'smallint'] LOOP
		EXECUTE format('CREATE FUNCTION hijack.compare(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS $q$ BEGIN RAISE EXCEPTION ''hijacked a comparison of %1$s''; END $q$', type_name);
		FOREACH operator_name IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>='] LOOP
			EXECUTE format('CREATE OPERATOR hijack.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = hijack.compare)', operator_name, type_name);
		END LOOP;
	END LOOP;
	FOREACH type_name IN ARRAY ARRAY['bigint', 'integer', 'double precision', 'numeric'] LOOP
		EXECUTE format('CREATE FUNCTION hijack.compute(%1$s, %1$s) RETURNS %1$s LANGUAGE plpgsql AS $q$ BEGIN RAISE EXCEPTION ''hijacked arithmetic of %1$s''; END $q$', type_name);
		FOREACH operator_name IN ARRAY ARRAY['+', '-', '*', '/', '%'] LOOP
			EXECUTE format('CREATE OPERATOR hijack.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = hijack.compute)', operator_name, type_name);
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION hijack.member(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked ->>'; END $$;
CREATE OPERATOR hijack.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = hijack.member);
CREATE FUNCTION hijack.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked unnest'; END $$;
CREATE FUNCTION hijack.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked format'; END $$;
CREATE FUNCTION hijack.quote_ident(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked quote_ident'; END $$;
CREATE FUNCTION hijack.min(timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked min'; END $$;
CREATE FUNCTION hijack.parse_ident(text) RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked parse_ident'; END $$;
CREATE FUNCTION hijack.gen_random_uuid() RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked gen_random_uuid'; END $$;
CREATE DOMAIN hijack.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN hijack.regclass AS pg_catalog.regclass CHECK (false);
CREATE DOMAIN hijack.int8 AS pg_catalog.int8 CHECK (false);
CREATE DOMAIN hijack.timestamptz AS pg_catalog.timestamptz CHECK (false);
CREATE DOMAIN hijack.uuid AS pg_catalog.uuid CHECK (false);
CREATE TABLE hijack.pg_class (oid pg_catalog.oid);
CREATE TABLE hijack.pg_trigger (tgrelid pg_catalog.oid);
CREATE TABLE hijack.rollup (bot_id pg_catalog.int8);

SET search_path = hijack, pg_catalog, public;
-- the trap works
SELECT 1::bigint = 1::bigint;
SELECT kindly_stats.create_event_table('public.path_event');
INSERT INTO public.path_event (bot_id, occurred_at, kind, session_id, source, language_code)
SELECT 5001, pg_catalog.timestamptz_pl_interval('2019-07-01 00:00Z', pg_catalog.make_interval(mins => n)), 'user_message', 's', 'web', 'en' FROM pg_catalog.generate_series(1, 300) AS n;
DO $$ BEGIN
	FOR i IN 1 .. 40 LOOP
		INSERT INTO public.path_event (bot_id, occurred_at, kind, is_fallback, button_id, rating_type, rating) VALUES (5001, '2019-07-01 10:00Z', 'bot_reply', true, 'b', 'binary', 1),
			(5001, '2019-07-01 11:00Z', 'button_click', NULL, 'b', NULL, NULL);
	END LOOP;
END $$;
UPDATE public.path_event SET source = 'app';
-- of several names the one that was used last is looked for
INSERT INTO public.path_event (bot_id, occurred_at, kind, interaction_type, interaction_name, interaction_id) VALUES
	(5001, '2019-07-01 10:00Z', 'interaction', 'block', 'old', 'i'), (5001, '2019-07-01 11:00Z', 'interaction', 'block', 'new', 'i');
SELECT sage.sessions_messages(5001, '2019-07-01', '2019-07-02', sources => '-web');
SELECT sage.sessions_chats(5001, '2019-07-01', '2019-07-02', sources => '{app}');
SELECT sage.fallbacks_series(5001, '2019-07-01', '2019-07-02');
SELECT sage.fallbacks_total(5001, '2019-07-01', '2019-07-02');
SELECT sage.chatbubble_pages(5001, '2019-07-01', '2019-07-02');
SELECT sage.takeovers_series(5001, '2019-07-01', '2019-07-02');
SELECT sage.takeovers_totals(5001, '2019-07-01', '2019-07-02');
SELECT sage.feedback_summary(5001, '2019-07-01', '2019-07-02');
SELECT sage.buttons_most_clicked(5001, '2019-07-01', '2019-07-02');
SELECT sage.chatlabels_added(5001, '2019-07-01', '2019-07-02');
SELECT chatbot_com.conversations(5001, '2019-07-01', '2019-07-02', "group" => 'source');
SELECT chatbot_com.conversations_heatmap(5001, '2019-07-01', '2019-07-02') IS NOT NULL;
SELECT chatbot_com.conversations_interactions(5001, '2019-07-01', '2019-07-02');
INSERT INTO kindly_stats.bot_name VALUES (5001, 'path');
SELECT logicdialog."user"('2019-07-01', '2019-07-02', 'path');
SELECT logicdialog.active_channel('2019-07-01', '2019-07-02', 'path');
SELECT logicdialog.user_detail('2019-07-01', '2019-07-02', 'path');
SELECT logicdialog.intervention_average_time('2019-07-01', '2019-07-02', 'path');
DELETE FROM kindly_stats.bot_name WHERE bot_id OPERATOR(pg_catalog.=) 5001;
SELECT * FROM kindly_stats.stats_series(5001, '2019-07-01', '2019-07-02', locale => 'nb-NO', granularity => 'week');
SELECT * FROM kindly_stats.stats_total(5001, '2019-07-01', '2019-07-02', measure => 'users');
SELECT * FROM kindly_stats.stats_top(5001, '2019-07-01', '2019-07-02');
SELECT * FROM kindly_stats.stats_heatmap(5001, '2019-07-01', '2019-07-02') LIMIT 1;
SELECT * FROM kindly_stats.fallback_rate(5001, '2019-07-01', '2019-07-02');
SELECT * FROM kindly_stats.top_buttons(5001, '2019-07-01', '2019-07-02');
SELECT kindly_stats.fallback_rate(x) FROM (VALUES (true), (false)) AS v (x);
SELECT * FROM kindly_stats.stats_total(5001, '2019-07-01', '2019-07-02', measure => 'nowhere');
-- the instant of the first event is asked of the event table
DELETE FROM public.path_event WHERE occurred_at OPERATOR(pg_catalog.=) '2019-07-01 00:01Z';
SELECT sage.meta_options(5001);
CALL kindly_stats.compact(5001);
SELECT * FROM kindly_stats.verify(5001);
SELECT kindly_stats.rebuild(5001);
SELECT kindly_stats.purge('public.path_event', '2019-07-01 01:00Z');
SELECT kindly_stats.detach('public.path_event');
SELECT kindly_stats.attach('public.path_event');
SELECT * FROM kindly_stats.buckets('2019-07-01', '2019-07-02', 'Oslo');
SELECT * FROM kindly_stats.buckets('2019-07-01', '2019-07-02', 'Europe/Oslo');

RESET search_path;
DELETE FROM path_event;
DELETE FROM kindly_stats.rollup WHERE bot_id = 5001;
DROP TABLE path_event;
DROP SCHEMA hijack CASCADE;
