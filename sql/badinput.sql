--
-- Bad input: what is refused, with which SQLSTATE, and what the message says
--
SET timezone = 'Europe/Oslo';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
\pset tuples_only on

-- the answer where there is one, else state, message, detail, hint
CREATE FUNCTION pg_temp.try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE query INTO result;
	RETURN coalesce(result, '(null)');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', state || ' ' || message, 'DETAIL ' || nullif(detail, ''), 'HINT ' || nullif(hint, ''));
END $$;

SELECT kindly_stats.create_event_table('bad_event');
INSERT INTO bad_event (bot_id, occurred_at, kind, session_id, source) VALUES (4001, '2019-07-01 10:00Z', 'user_message', 'a', 'web');

-- an unknown bot is an empty answer
SELECT sage.sessions_messages(4999, '2019-07-01', '2019-07-02');
SELECT sage.buttons_most_clicked(4999, '2019-07-01', '2019-07-02');
SELECT * FROM kindly_stats.stats_total(9223372036854775807, '2019-07-01', '2019-07-02');

-- moments
SELECT moment, pg_temp.try(format('SELECT sage.takeovers_totals(4001, %L, ''2019-07-02'')', moment)) FROM unnest(ARRAY['', 'garbage', 'today', '2019-13-01', '2019-02-30', '2019-07-01T25:00',
	'2019-07-01 10:00 Oslo5', 'infinity', '-infinity', '0044-03-15 BC', '294000-01-01', '99999999-01-01', '10000-01-01', '2019-07-03', '2019-07-02', '2019-07-01; DROP TABLE x', '2019-07-01T12']) AS moment;
SELECT moment, pg_temp.try(format('SELECT kindly_stats.stats_total(4001, ''2019-07-01'', %L)', moment)) FROM unnest(ARRAY['infinity', '294000-01-01', '2019-06-30', '2019-07-01', '2019-07-01 00:00:00.000001', NULL]) AS moment;
SELECT pg_temp.try($q$SELECT kindly_stats.stats_total(4001, 'infinity'::timestamptz, 'infinity'::date)$q$);
SELECT pg_temp.try($q$SELECT kindly_stats.stats_total(4001, '4714-11-24 BC'::timestamp, now())$q$);
-- the same moment twice is empty on an edge, and its day inside one
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01', '2019-07-01')$q$);
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01T12:00', '2019-07-01T12:00')$q$);
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01T12:00', '2019-07-01T12:00', granularity => 'hour')$q$);
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01T12:30', '2019-07-01T12:00')$q$);

-- zones
SELECT tz, pg_temp.try(format('SELECT sage.fallbacks_total(4001, ''2019-07-01'', ''2019-07-02'', %L)', tz)) FROM unnest(ARRAY['Oslo5', 'oslo', 'Europa/Oslo', 'right/Europe/Oslo', 'PST8PDT',
	'<+03>-3', '../../etc/passwd', '/etc/localtime', '', ' ', '+25:00', '+02', 'Europe/Oslo; x', E'Europe/\nOslo', 'utc', 'EUROPE/OSLO', '+05:45']) AS tz;
SELECT pg_temp.try(format('SELECT sage.fallbacks_total(4001, ''2019-07-01'', ''2019-07-02'', %L)', repeat('x', 1000000)));

-- granularities
SELECT granularity, pg_temp.try(format('SELECT sage.sessions_chats(4001, ''2019-07-01'', ''2019-07-02'', granularity => %L)', granularity)) FROM unnest(ARRAY['minute', '', 'days', ' day', NULL]) AS granularity;
SELECT pg_temp.try($q$SELECT sage.sessions_chats(4001, '2019-07-01', '2019-07-09', granularity => 'hour')$q$);
SELECT pg_temp.try($q$SELECT count(*) FROM kindly_stats.stats_series(4001, '0001-01-01', '9999-12-31')$q$);
SELECT pg_temp.try($q$SELECT count(*) FROM kindly_stats.stats_series(4001, '0001-01-01', '9999-12-31', 'UTC', 'month')$q$);
SELECT pg_temp.try($q$SELECT count(*) FROM kindly_stats.stats_heatmap(4001, '0001-01-01', '9999-12-31')$q$);
SELECT pg_temp.try($q$SELECT count(*) FROM kindly_stats.stats_series(4001, '2019-07-01', '2019-07-02', locale => 'xx-YY')$q$);

-- limits
SELECT "limit", pg_temp.try(format('SELECT sage.chatbubble_pages(4001, ''2019-07-01'', ''2019-07-02'', "limit" => %L)', "limit")) FROM unnest(ARRAY['0', '-1', '-2147483648', '2147483647', '2147483648', NULL, 'many']) AS "limit";
SELECT pg_temp.try($q$SELECT count(*) FROM kindly_stats.stats_top(4001, '2019-07-01', '2019-07-02', "limit" => 0)$q$);
SELECT pg_temp.try($q$SELECT count(*) FROM kindly_stats.top_buttons(4001, '2019-07-01', '2019-07-02', "limit" => -5)$q$);

-- lists in one text
SELECT list, pg_temp.try(format('SELECT sage.sessions_messages(4001, ''2019-07-01'', ''2019-07-02'', sources => %L)', list)) FROM unnest(ARRAY['', ' ', ',', '-', 'web,-', 'web,', 'web,-web', '-web,web', '{}', '[]', '{ }', '[ ]',
	'{web', '{web}}', '{web,}', '{,web}', '{we"b}', '{"web', '{"web\', '{{web}}', '{web,NULL}', '{null}', '{"NULL"}', '{w\eb}', '{\null}', '{web\', '{web} x', '{"web"x}', '[0:0]={web}',
	'["web"', '["web",]', '["web" "app"]', '[1]', '[null]', '[["web"]]', '[{"a":1}]', '["we\qb"]', '["\ud800"]', '["\udc00\ud800"]', '["a\u0000b"]', E'["a\nb"]', '["web"] x', '[web]', '["\u0077\u0065\u0062"]', '["\ud83d\ude00","web"]',
	'"web"', '{"a":1}', 'Blåbær {', '{Blåbær']) AS list;
SELECT pg_temp.try(format('SELECT sage.sessions_messages(4001, ''2019-07-01'', ''2019-07-02'', language_codes => %L)', '{' || repeat('å', 100000)));
SELECT pg_temp.try(format('SELECT sage.sessions_messages(4001, ''2019-07-01'', ''2019-07-02'', sources => %L)', (SELECT json_agg('s' || n)::text FROM generate_series(1, 10000) AS n)));

-- every function without its arguments, and with NULL in all of them
SELECT p.oid::regproc, pg_temp.try(format('SELECT %s()', p.oid::regproc)) AS without FROM pg_proc AS p
WHERE p.pronamespace = 'sage'::regnamespace AND p.pronargs = p.pronargdefaults ORDER BY p.proname COLLATE "C";
CREATE FUNCTION pg_temp.with_nulls(p pg_proc, known text[]) RETURNS text LANGUAGE sql AS $$
SELECT format('SELECT %s(%s)', p.oid::regproc, string_agg(coalesce(known[n], 'NULL') || '::' || t::regtype, ', ' ORDER BY n)) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)
$$;
SELECT p.oid::regproc, pg_temp.try(pg_temp.with_nulls(p, '{}')) AS nulls, pg_temp.try(pg_temp.with_nulls(p, '{4001}')) AS nulls_but_bot,
	left(pg_temp.try(pg_temp.with_nulls(p, ARRAY['4001', '''2019-07-01''', '''2019-07-02'''])), 230) AS nulls_but_range
FROM pg_proc AS p WHERE p.pronamespace IN ('sage'::regnamespace, 'kindly_stats'::regnamespace) AND p.prokind = 'f'
AND (p.pronamespace = 'sage'::regnamespace OR p.proname ~ '^(stats_|fallback_rate$|top_buttons)') ORDER BY p.oid::regproc::text COLLATE "C";

-- what cannot be an event table
CREATE VIEW bad_view AS SELECT * FROM bad_event;
CREATE TEMP TABLE bad_temporary (LIKE bad_event);
CREATE TABLE bad_bot (bot_id boolean, occurred_at timestamptz, kind text);
CREATE TABLE bad_local (bot_id bigint, occurred_at timestamp, kind text);
CREATE TABLE bad_integer (bot_id bigint, occurred_at timestamptz, kind text, is_fallback integer);
CREATE TABLE bad_json (bot_id bigint, occurred_at timestamptz, kind json);
CREATE TABLE bad_plain (bot_id bigint, occurred_at timestamptz, kind text);
SELECT name, pg_temp.try(format('SELECT kindly_stats.attach(%L)', name)) FROM unnest(ARRAY['bad_view', 'bad_temporary', 'pg_class', 'information_schema.sql_features', 'kindly_stats.rollup', 'bad_event_pkey',
	'bad_bot', 'bad_local', 'bad_integer', 'bad_json', 'nowhere', NULL]) AS name;
CREATE TABLE bad_parent (bot_id bigint, occurred_at timestamptz, kind text);
CREATE TABLE bad_child () INHERITS (bad_parent);
SELECT pg_temp.try($q$SELECT kindly_stats.attach('bad_parent')$q$);
DROP TABLE bad_parent CASCADE;
SELECT columns, pg_temp.try(format('SELECT kindly_stats.attach(''bad_plain'', %L)', columns)) FROM unnest(ARRAY['{"session_id": "nowhere"}', '{"occurred_at": "kind"}', '{"bot_id": null}', '{"colour": "kind"}', '{"kind": 5}', '[]', '"kind"', '{', NULL]) AS columns;
SELECT pg_temp.try($q$SELECT kindly_stats.attach('bad_event', '{"session_id": "user_id"}')$q$);
SELECT name, pg_temp.try(format('SELECT kindly_stats.detach(%L)', name)), pg_temp.try(format('SELECT kindly_stats.purge(%L, now())', name)) FROM unnest(ARRAY['bad_plain', 'bad_view', 'pg_class']) AS name;
SELECT pg_temp.try(format('SELECT kindly_stats.purge(''bad_event'', %L)', before)) FROM unnest(ARRAY['infinity', '-infinity', '4714-11-24 BC', '294000-01-01']) AS before;
SELECT name, pg_temp.try(format('SELECT kindly_stats.create_event_table(%L)', name)) FROM unnest(ARRAY['bad_event', 'nowhere.event', 'a.b.c', '', 'a b', NULL]) AS name;

-- measures
SELECT arguments, pg_temp.try(format('SELECT kindly_stats.add_measure(%s)', arguments)) FROM unnest(ARRAY['NULL', '''''', '''messages''', '''bad'', kinds => ''{NULL}''', '''bad'', keys => ''{source,NULL}''', '''bad'', keys => ''{nowhere}''',
	'''bad'', member => ''user_id'', weight => ''rating''', '''bad'', weight => ''session_id''', '''bad'', condition => ''occurred_at''', '''bad'', needed => ''nowhere''', '''bad'', grain => ''day''', '''bad'', keys => array_fill(''source''::text, ''{61}'')']) AS arguments;
SELECT pg_temp.try($q$SELECT kindly_stats.stats_total(4001, '2019-07-01', '2019-07-02', measure => 'bad')$q$);

-- events that no calendar can show are refused by name, and nothing else is lost
SELECT at, pg_temp.try(format('INSERT INTO bad_event (bot_id, occurred_at, kind) VALUES (4001, ''2019-07-01 11:00Z'', ''user_message''), (4001, %L, ''user_message'') RETURNING 1', at))
FROM unnest(ARRAY['infinity', '-infinity', '294000-01-01', '10000-01-01 00:00Z', '0001-12-31 23:59Z BC', '4714-11-24 00:00Z BC']) AS at;
SELECT pg_temp.try($q$UPDATE bad_event SET occurred_at = 'infinity' RETURNING 1$q$);
SELECT pg_temp.try($q$TRUNCATE bad_event$q$);
INSERT INTO bad_event (bot_id, occurred_at, kind) VALUES (4001, '0001-01-01 00:00Z', 'user_message'), (4001, '9999-12-31 23:59:59.999999Z', 'user_message');
SELECT sage.meta_options(4001);
SELECT count(*), (SELECT count FROM kindly_stats.stats_total(4001, '0001-01-01', '9999-12-31', 'UTC', 'day')) FROM bad_event;
SELECT * FROM kindly_stats.verify(4001);

-- rights: readers need the schemas, the rollup and the measures, row-level security leaves rows out
CREATE ROLE regress_kindly_reader;
GRANT USAGE ON SCHEMA kindly_stats, sage TO regress_kindly_reader;
SET ROLE regress_kindly_reader;
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01', '2019-07-02')$q$);
SELECT pg_temp.try($q$SELECT sage.meta_options(4001)$q$);
SELECT pg_temp.try($q$SELECT kindly_stats.attach('bad_plain')$q$);
SELECT pg_temp.try($q$SELECT kindly_stats.add_measure('bad')$q$);
RESET ROLE;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure TO regress_kindly_reader;
SET ROLE regress_kindly_reader;
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01', '2019-07-02')$q$);
SELECT pg_temp.try($q$SELECT sage.takeovers_totals(4001, '2019-07-01', '2019-07-02')$q$);
SELECT pg_temp.try($q$SELECT sage.meta_options(4001) IS NOT NULL$q$);
SELECT pg_temp.try($q$SELECT kindly_stats.stats_total(4001, '2019-07-01', '2019-07-02', measure => 'bad')$q$);
RESET ROLE;
BEGIN;
ALTER TABLE kindly_stats.rollup ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_kindly_policy ON kindly_stats.rollup USING (bot_id = 4002);
SET LOCAL ROLE regress_kindly_reader;
SELECT pg_temp.try($q$SELECT sage.sessions_messages(4001, '2019-07-01', '2019-07-02')$q$);
SELECT pg_temp.try($q$SELECT sage.meta_options(4001)$q$);
ROLLBACK;
DROP OWNED BY regress_kindly_reader;
DROP ROLE regress_kindly_reader;

-- functions that only triggers call
SELECT pg_temp.try('SELECT kindly_stats.count_events()'), pg_temp.try('SELECT kindly_stats.refuse_truncate()'), pg_temp.try('SELECT kindly_stats.measure_changed()');

DELETE FROM bad_event;
DROP VIEW bad_view;
DROP TABLE bad_event, bad_bot, bad_local, bad_integer, bad_json, bad_plain;
