--
-- Readers without rights on tables: what they are shown of the catalog, and that they are answered as row-level security has it
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_reader;
CREATE DATABASE regression_kindly_reader TEMPLATE template0 ENCODING 'UTF8';
\c regression_kindly_reader
SET client_min_messages = warning;
SET timezone = 'UTC';
\pset format unaligned
\set VERBOSITY terse
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
SELECT kindly_stats.create_conversation_table('conversation');
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path, button_id, is_fallback, topic, interaction_type, interaction_name, interaction_id)
SELECT bot, timestamptz '2024-12-01 06:00Z' + n * interval '3 hours 7 minutes', (ARRAY['user_message', 'bot_reply', 'button_click', 'interaction'])[1 + n % 4], 's' || n / 3 % 60, 'u' || n % 23,
	(ARRAY['web', 'app'])[1 + n % 2], (ARRAY['nb', 'nb_NO', 'en'])[1 + n % 3], 'h', '/' || n % 5, 'b' || n % 4, n % 7 = 0, 't' || n % 3, 'intent', 'i' || n % 3, n % 3
FROM generate_series(1, 4) AS bot, generate_series(1, 100 + bot) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 5, '2024-12-05', 'user_message', 's';
-- the outermost event is no longer known exactly
DELETE FROM event WHERE bot_id <= 2 AND occurred_at < '2024-12-01 12:00Z';
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count)
SELECT bot, 'c' || n, timestamptz '2024-12-01Z' + n * interval '5 hours', timestamptz '2024-12-01 00:20Z' + n * interval '5 hours', n % 4 FROM generate_series(1, 4) AS bot, generate_series(1, 50) AS n;
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('1', 'one'), ('2', 'two'), ('9', 'nine');
CREATE ROLE regress_ks_tables;
CREATE ROLE regress_ks_analyst;
CREATE ROLE regress_ks_stranger;

-- before there is row-level security, SELECT on the view will do for all bots
GRANT USAGE ON SCHEMA kindly_stats, bi TO regress_ks_analyst, regress_ks_stranger;
GRANT SELECT ON ALL TABLES IN SCHEMA bi TO regress_ks_analyst, regress_ks_stranger;
GRANT SELECT ON kindly_stats.bot TO regress_ks_analyst;
SET ROLE regress_ks_analyst;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
SELECT count(DISTINCT bot_id) FROM bi.daily;
SELECT string_agg(id, ' ' ORDER BY id) FROM kindly_stats.bot;
SET ROLE regress_ks_stranger;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
SELECT count(*) FROM bi.daily;
SELECT count(*) FROM kindly_stats.bots();
RESET ROLE;
REVOKE SELECT ON kindly_stats.bot FROM regress_ks_analyst;

SELECT kindly_stats.enable_row_security() \g /dev/null
SELECT kindly_stats.grant_bot('regress_ks_tables', b, tables => true), kindly_stats.grant_bot('regress_ks_analyst', b) FROM unnest('{1,3,7}'::bigint[]) AS b \g /dev/null

-- what tools ask the catalog for
SET ROLE regress_ks_analyst;
SELECT table_schema, string_agg(table_name, ' ' ORDER BY table_name COLLATE "C") FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') GROUP BY 1;
SELECT table_schema, count(*) > 0 AS columns FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') GROUP BY 1;
SELECT n.nspname, string_agg(c.relname, ' ' ORDER BY c.relname COLLATE "C") FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND has_schema_privilege(n.oid, 'USAGE')
   AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')) GROUP BY 1;
SELECT schemaname, count(*) FROM pg_tables WHERE has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT') AND schemaname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1;
RESET ROLE;

-- whatever is asked, the one is answered as the other, and both as the owner, of their bots
CREATE TABLE question (n int, q text);
GRANT SELECT ON question TO PUBLIC;
INSERT INTO question
SELECT row_number() OVER (), format(q, b) FROM unnest(ARRAY[
	$$kindly_stats.stats_total(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.stats_series(%1$L, '2024-12-01', '2025-01-01', 'Europe/Oslo', 'week', sources => '{web}')$$,
	$$kindly_stats.stats_top(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.stats_heatmap(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.stats_options(%1$L)$$,
	$$kindly_stats.stats_total_by(%1$L, '2024-12-01', '2025-01-01', by => 'web_path', measure => 'pages')$$, $$kindly_stats.stats_series_by(%1$L, '2024-12-01', '2025-01-01', granularity => 'month')$$,
	$$kindly_stats.stats_active(%1$L, '2024-12-01', '2024-12-10')$$, $$kindly_stats.stats_retention(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.stats_funnel(%1$L, '2024-12-01', '2025-01-01', measures => '{messages,pages}')$$,
	$$kindly_stats.stats_series_compared(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.stats_new_returning(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.languages(%1$L)$$,
	$$kindly_stats.stats_svg(%1$L, '2024-12-01', '2025-01-01')$$, $$kindly_stats.fallback_rate(%1$L, '2024-12-01', '2025-01-01')$$,
	$$sage.sessions_chats(%1$L, '2024-12-01', '2025-01-01')$$, $$sage.meta_options(%1$L)$$, $$chatbot_com.conversations_heatmap(%1$L, '2024-12-01', '2025-01-01')$$,
	$$chatbot_com.conversations_interactions(%1$L, '2024-12-01', '2025-01-01')$$, $$ultimate.metrics(%1$L, '2024-12-01', '2025-01-01')$$, $$logicdialog.message('2024-12-01', '2025-01-01', 'one')$$,
	$$(SELECT * FROM bi.daily WHERE bot_id = %1$L)$$, $$(SELECT date, bot_id, messages, new_users FROM bi.weekly WHERE bot_id IN (%1$L, '4', '3'))$$, $$(SELECT * FROM bi.buttons WHERE bot_id = %1$L OR bot_name = 'two')$$,
	$$(SELECT bot_id, sum(clicks) FROM bi.buttons GROUP BY 1)$$, $$(SELECT bot_id, bot_name, sum(messages) FROM bi.monthly GROUP BY 1, 2)$$, $$kindly_stats.bots()$$, $$kindly_stats.bot$$,
	$$kindly_stats.stats_total_by_bot('2024-12-01', '2025-01-01')$$, $$kindly_stats.stats_series_by_bot('2024-12-01', '2025-01-01', 'Europe/Oslo', 'month', bots => '{1,2,3}')$$]) AS q,
	generate_series(1, 7) AS b WHERE b = 1 OR q LIKE '%L%';
CREATE FUNCTION public.answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(a::text, E''\n'' ORDER BY a::text COLLATE "C") FROM %s AS a', query) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE answer (who name, n int, text text);
GRANT INSERT ON answer TO PUBLIC;
INSERT INTO answer SELECT 'owner', q.n, public.answer(q.q) FROM question AS q;
SET ROLE regress_ks_tables;
INSERT INTO answer SELECT current_user, q.n, public.answer(q.q) FROM question AS q;
SET ROLE regress_ks_analyst;
INSERT INTO answer SELECT current_user, q.n, public.answer(q.q) FROM question AS q;
-- plans that are kept are those of either
SET plan_cache_mode = force_generic_plan;
INSERT INTO answer SELECT 'again', q.n, public.answer(q.q) FROM question AS q;
RESET plan_cache_mode;
RESET ROLE;
SELECT count(*) AS questions, count(*) FILTER (WHERE a.text IS NOT DISTINCT FROM t.text) AS same, count(*) FILTER (WHERE a.text IS NOT DISTINCT FROM g.text) AS again, count(*) FILTER (WHERE a.text = o.text) > count(*) / 4 AS "as the owner",
	count(*) FILTER (WHERE a.text <> o.text) > count(*) / 4 AS less, count(*) FILTER (WHERE a.text ~ '^[0-9A-Z]{5} ') AS errors
  FROM question AS q LEFT JOIN answer AS o ON o.who = 'owner' AND o.n = q.n LEFT JOIN answer AS t ON t.who = 'regress_ks_tables' AND t.n = q.n LEFT JOIN answer AS a ON a.who = 'regress_ks_analyst' AND a.n = q.n LEFT JOIN answer AS g ON g.who = 'again' AND g.n = q.n;
SELECT q.q, left(a.text, 60) AS analyst, left(t.text, 60) AS tables FROM question AS q JOIN answer AS t ON t.who = 'regress_ks_tables' AND t.n = q.n JOIN answer AS a ON a.who = 'regress_ks_analyst' AND a.n = q.n WHERE a.text IS DISTINCT FROM t.text;
-- of the others' bots nothing
SELECT DISTINCT a.text FROM answer AS a JOIN question AS q USING (n) WHERE a.who = 'regress_ks_analyst' AND q.q ~ '^kindly_stats.stats_total\(''[2456]''';
SELECT string_agg(substring(a.text FROM '^\((\w+)'), ' ') FROM answer AS a JOIN question AS q USING (n) WHERE a.who = 'regress_ks_analyst' AND q.q ~ 'GROUP BY|bots\(\)';

SELECT * FROM kindly_stats.stats_total_by_bot('2024-12-01', '2025-01-01', bots => '{2,5,77}');
SELECT bot, name, date, count = (SELECT t.count FROM kindly_stats.stats_total(bot, '2024-12-01', '2025-01-01') AS t) AS same FROM kindly_stats.stats_series_by_bot('2024-12-01', '2025-01-01', granularity => 'month');

-- after an error, in a view, in a function of an owner's and in a cursor it is the caller who asks
SET ROLE regress_ks_analyst;
DO $$ BEGIN PERFORM * FROM kindly_stats.stats_total(1, '2024-12-01', '2025-01-01', measure => 'none'); EXCEPTION WHEN OTHERS THEN RAISE INFO '% %', SQLERRM, current_user; END $$;
SELECT current_user, (SELECT count FROM kindly_stats.stats_total(2, '2024-12-01', '2025-01-01'));
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT bot_id, date FROM bi.daily ORDER BY date, bot_id;
FETCH 1 FROM c;
COMMIT;
SELECT current_user;
FETCH 1 FROM c;
CLOSE c;
-- not the tables, nor as their owner
SELECT count(*) FROM kindly_stats.rollup;
SELECT count(*) FROM kindly_stats.measure;
SELECT count(*) FROM kindly_stats.event_table;
SELECT ultimate.export(1, '2024-12-01');
RESET ROLE;
CREATE VIEW shown AS SELECT bot_id, messages FROM bi.monthly;
CREATE VIEW totals AS SELECT b, t.count FROM generate_series(1, 4) AS b, kindly_stats.stats_total(b, '2024-12-01', '2025-01-01') AS t;
CREATE FUNCTION elevated(bot int) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count FROM kindly_stats.stats_total(bot, '2024-12-01', '2025-01-01') $$;
GRANT SELECT ON shown, totals TO PUBLIC;
SET ROLE regress_ks_analyst;
SELECT string_agg(DISTINCT bot_id, ' ') FROM shown;
SELECT string_agg(b || ' ' || (count > 0), ', ' ORDER BY b) FROM totals;
SELECT elevated(2) > 0 AS owner;
RESET ROLE;
-- a cursor shows the bots of the role that opened it, whoever fetches
CREATE FUNCTION fetched(cursor refcursor) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	line record;
BEGIN
	LOOP
		FETCH cursor INTO line;
		EXIT WHEN NOT FOUND;
		RETURN NEXT line::text;
	END LOOP;
END $$;
CREATE FUNCTION opened(cursor refcursor) RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN OPEN cursor FOR SELECT DISTINCT bot_id FROM bi.daily ORDER BY 1; RETURN cursor; END $$;
SET ROLE regress_ks_analyst;
BEGIN;
DECLARE every CURSOR FOR SELECT DISTINCT bot_id FROM bi.daily ORDER BY 1;
DECLARE named CURSOR FOR SELECT DISTINCT bot_id FROM bi.daily WHERE bot_name IN ('one', 'two') ORDER BY 1;
DECLARE other CURSOR FOR SELECT DISTINCT bot_id FROM bi.daily WHERE bot_id = '2';
SELECT f.* FROM unnest('{every,named,other}'::refcursor[]) AS c, fetched(c) AS f;
SELECT opened('owners');
FETCH ALL FROM owners;
COMMIT;
RESET ROLE;

-- nor does a number tell that there is a bot of a text, but to who sees it
CREATE TABLE chat (bot_id text, occurred_at timestamptz, kind text, session_id text);
SELECT kindly_stats.attach('chat');
INSERT INTO chat VALUES ('acme', '2024-12-05', 'user_message', 's'), ('rival', '2024-12-05', 'user_message', 's');
SELECT kindly_stats.grant_bot('regress_ks_tables', 'acme', tables => true), kindly_stats.grant_bot('regress_ks_analyst', 'acme') \g /dev/null
CREATE FUNCTION known() RETURNS text LANGUAGE sql AS $$
SELECT string_agg((kindly_stats.bot_text(b.id::kindly_stats.bot_id::bigint) = b.id)::text, ' ' ORDER BY b.id) FROM unnest('{acme,none,rival,2}'::text[]) AS b (id) $$;
SELECT current_user, known();
SET ROLE regress_ks_tables;
SELECT current_user, known();
SET ROLE regress_ks_analyst;
SELECT current_user, known();
SET ROLE regress_ks_stranger;
SELECT current_user, known();
RESET ROLE;
CREATE POLICY others ON kindly_stats.known_bot FOR SELECT TO regress_ks_tables USING (id = 'rival');
SET ROLE regress_ks_tables;
SELECT current_user, known();
RESET ROLE;
DROP POLICY others ON kindly_stats.known_bot;
SELECT kindly_stats.revoke_bot('regress_ks_tables', 'acme'), kindly_stats.revoke_bot('regress_ks_analyst', 'acme') \g /dev/null

-- a bot that is taken back is gone at once; with none left there are zeros
SELECT kindly_stats.revoke_bot('regress_ks_analyst', 1) \g /dev/null
SET ROLE regress_ks_analyst;
SELECT string_agg(id, ' ' ORDER BY id) FROM kindly_stats.bot;
SELECT count FROM kindly_stats.stats_total(1, '2024-12-01', '2025-01-01');
RESET ROLE;
DELETE FROM kindly_stats.bot_grant WHERE role = 'regress_ks_analyst';
SET ROLE regress_ks_analyst;
SELECT count(*) FROM bi.daily;
SELECT count(*), (SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01')) FROM kindly_stats.bot;
RESET ROLE;
SELECT kindly_stats.grant_bot('regress_ks_analyst', 3) \g /dev/null
-- the owner of the tables is bound by nothing, even where it is forced on owners
ALTER TABLE kindly_stats.rollup FORCE ROW LEVEL SECURITY;
SET ROLE regress_ks_analyst;
SELECT count > 0 AS any FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
RESET ROLE;
ALTER TABLE kindly_stats.rollup NO FORCE ROW LEVEL SECURITY;
-- policies of somebody else's hold for who has rights of his own, and nobody reads past them
CREATE POLICY none ON kindly_stats.rollup AS RESTRICTIVE FOR SELECT TO regress_ks_tables, regress_ks_analyst USING (bot_id = 1);
SET ROLE regress_ks_tables;
SELECT count > 0 AS any FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
SET ROLE regress_ks_analyst;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
SELECT count(*) FROM bi.daily;
RESET ROLE;
DROP POLICY none ON kindly_stats.rollup;
-- also of what holds names
CREATE POLICY none ON kindly_stats.bot_name AS RESTRICTIVE FOR SELECT TO regress_ks_tables, regress_ks_analyst USING (false);
SET ROLE regress_ks_tables;
SELECT string_agg(DISTINCT coalesce(bot_name, '-'), ' ') FROM bi.daily WHERE bot_id = '1';
SET ROLE regress_ks_analyst;
SELECT string_agg(DISTINCT coalesce(bot_name, '-'), ' ') FROM bi.daily WHERE bot_id = '3';
RESET ROLE;
DROP POLICY none ON kindly_stats.bot_name;
-- ours is what it was made, or is somebody else's
BEGIN;
ALTER POLICY kindly_stats_bots ON kindly_stats.rollup USING (kindly_stats.is_one_of(bot_id, (SELECT kindly_stats.visible_bots())) AND month < '2024-01-01');
SET LOCAL ROLE regress_ks_analyst;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
ROLLBACK;
BEGIN;
ALTER POLICY kindly_stats_bots ON kindly_stats.rollup USING (kindly_stats.is_one_of(bot_id, (SELECT kindly_stats.visible_bots() WHERE false)));
SET LOCAL ROLE regress_ks_analyst;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
ROLLBACK;
BEGIN;
ALTER POLICY kindly_stats_bots ON kindly_stats.rollup TO regress_ks_tables;
SET LOCAL ROLE regress_ks_analyst;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
ROLLBACK;
BEGIN;
DROP POLICY kindly_stats_bots ON kindly_stats.rollup;
SET LOCAL ROLE regress_ks_analyst;
SELECT count FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
ROLLBACK;
-- what concerns others is no matter
CREATE POLICY others ON kindly_stats.rollup FOR SELECT TO regress_ks_tables USING (true);
CREATE POLICY written ON kindly_stats.rollup FOR INSERT WITH CHECK (true);
SET ROLE regress_ks_tables;
SELECT count > 0 AS any FROM kindly_stats.stats_total(2, '2024-12-01', '2025-01-01');
SET ROLE regress_ks_analyst;
SELECT count > 0 AS any, (SELECT count FROM kindly_stats.stats_total(2, '2024-12-01', '2025-01-01')) AS other FROM kindly_stats.stats_total(3, '2024-12-01', '2025-01-01');
RESET ROLE;
-- who bypasses row-level security does so here
ALTER ROLE regress_ks_analyst BYPASSRLS;
SET ROLE regress_ks_analyst;
SELECT count(DISTINCT bot_id) FROM bi.daily;
RESET ROLE;

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_reader;
DROP ROLE regress_ks_tables, regress_ks_analyst, regress_ks_stranger;
