--
-- LogicDialog: what is refused, with which SQLSTATE, and what the message says
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
-- what a call of each of the sixteen functions says; one line where all say the same
CREATE FUNCTION pg_temp.all_say(arguments text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT count(*) || ' of them: ' || said FROM (SELECT pg_temp.try(format('SELECT %s(%s)', p.oid::regproc, arguments)) AS said FROM pg_proc AS p
	WHERE p.pronamespace = 'logicdialog'::regnamespace) AS t GROUP BY said ORDER BY said COLLATE "C"
$$;

SELECT kindly_stats.create_event_table('logicdialog_bad_event');
INSERT INTO kindly_stats.bot_name VALUES (8201, 'acme');
INSERT INTO logicdialog_bad_event (bot_id, occurred_at, kind, session_id, source) VALUES (8201, '2019-07-01 10:00Z', 'user_message', 'a', 'web');

-- nothing, NULLs, and each of the three that are needed
SELECT pg_temp.all_say('');
SELECT pg_temp.all_say('NULL, NULL, NULL, NULL, NULL');
SELECT pg_temp.all_say($$'2019-07-01'$$);
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-02'$$);
SELECT pg_temp.all_say($$"dateTo" => '2019-07-02', client => 'acme'$$);
SELECT pg_temp.all_say($$"dateFrom" => '2019-07-01', client => 'acme'$$);
-- all sixteen take the five and no others
SELECT count(*) FROM pg_proc WHERE pronamespace = 'logicdialog'::regnamespace;
SELECT count(*) FROM pg_temp.all_say($$'2019-07-01', '2019-07-02', 'acme', 'day', 'UTC', 'web'$$) AS said WHERE said ~ '42883';

-- each of the five wrong, in all sixteen
SELECT pg_temp.all_say($$'garbage', '2019-07-02', 'acme'$$);
SELECT pg_temp.all_say($$'infinity', '2019-07-02', 'acme'$$);
SELECT pg_temp.all_say($$'2019-07-01', '294000-01-01', 'acme'$$);
SELECT pg_temp.all_say($$'2019-07-03', '2019-07-02', 'acme'$$);
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-01', 'acme'$$);
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-02', 'nobody'$$);
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-02', 'acme', 'year'$$);
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-02', 'acme', 'day', 'Oslo5'$$);

-- moments
SELECT moment, pg_temp.try(format('SELECT logicdialog.intervention(%L, ''2019-07-02'', ''acme'')', moment)) FROM unnest(ARRAY['', 'today', '2019-13-01', '2019-02-30', '2019-07-01T25:00',
	'2019-07-01 10:00 Oslo5', '-infinity', '0044-03-15 BC', '294000-01-01', '99999999-01-01', '10000-01-01', '2019-07-02', '2019-07-01; DROP TABLE x', '1561932000000', '2019-07-01T10:57:12.873Z']) AS moment;
SELECT moment, pg_temp.try(format('SELECT logicdialog.intervention(''2019-07-01'', %L, ''acme'')', moment)) FROM unnest(ARRAY['', 'infinity', '2019-06-30', '2019-07-01', '2019-07-01 00:00:00.000001', '10000-01-01']) AS moment;
-- they are in the wrong order however far dateFrom is snapped back
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-20', '2019-07-19', 'acme', 'month')$q$);
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-20T10:30Z', '2019-07-20T10:29Z', 'acme', 'hour')$q$);
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-20T10:30', '2019-07-20T08:29Z', 'acme', 'day', 'Europe/Oslo')$q$);
-- empty: dateTo is exclusive
SELECT unit, pg_temp.try(format('SELECT logicdialog.message(%L, %1$L, ''acme'', %L)', moment, unit)) FROM (VALUES ('hour', '2019-07-01T10:00Z'), ('day', '2019-07-02'), ('week', '2019-07-01'), ('month', '2019-07-01T00:00:00Z'), ('quarter', '2019-07-01')) AS v (unit, moment);
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-10-27T01:00Z', '2019-10-27T01:00Z', 'acme', 'hour', 'Europe/Oslo')$q$);
SELECT pg_temp.try($q$SELECT logicdialog.message('2024-04-26T00:00', '2024-04-26T00:00', 'acme', 'day', 'Africa/Cairo')$q$);
SELECT pg_temp.try($q$SELECT logicdialog.message('2024-04-25T22:00Z', '2024-04-25T22:00Z', 'acme', 'day', 'Africa/Cairo')$q$);
-- more buckets than anybody reads
SELECT pg_temp.try($q$SELECT logicdialog.message('0001-01-01', '9999-12-31', 'acme', 'hour')$q$);
SELECT pg_temp.try($q$SELECT json_array_length(logicdialog.message('0001-01-01', '9999-12-31', 'acme', 'month') -> 'data')$q$);
SELECT pg_temp.try($q$SELECT logicdialog.message('0001-01-01T00:00Z', '0001-01-02T00:00Z', 'acme', 'day', 'America/New_York')$q$);

-- clients: names are compared as they are
SELECT client, pg_temp.try(format('SELECT logicdialog.intervention_average_time(''2019-07-01'', ''2019-07-02'', %L)', client)) FROM unnest(ARRAY['', ' ', 'Acme', 'acme ', '8201', 'acme''; DROP TABLE x; --', '%', 'acme']) AS client;
SELECT pg_temp.try(format('SELECT logicdialog.message(''2019-07-01'', ''2019-07-02'', %L)', repeat('æ', 100000)));
-- resolutions
SELECT resolution, pg_temp.try(format('SELECT logicdialog.intervention_average_time(''2019-07-01'', ''2019-07-02'', ''acme'', %L)', resolution)) FROM unnest(ARRAY['', 'minute', 'days', ' day', 'year', 'decade', 'MONTH', repeat('y', 61), NULL]) AS resolution;
-- zones
SELECT tz, pg_temp.try(format('SELECT logicdialog.intervention_average_time(''2019-07-01'', ''2019-07-02'', ''acme'', tz => %L)', tz)) FROM unnest(ARRAY['oslo', 'right/Europe/Oslo', '../../etc/passwd', '', '+25:00', 'EUROPE/OSLO', NULL]) AS tz;

-- a client whose bot has no events has zeros
INSERT INTO kindly_stats.bot_name VALUES (8299, 'quiet');
SELECT p.proname, pg_temp.try(format('SELECT %s(''2019-07-01'', ''2019-07-02'', ''quiet'') -> ''data''', p.oid::regproc)) FROM pg_proc AS p
WHERE p.pronamespace = 'logicdialog'::regnamespace ORDER BY p.proname COLLATE "C";

-- rights: readers need the schemas, the rollup and the names of bots
CREATE ROLE regress_kindly_reader;
GRANT USAGE ON SCHEMA kindly_stats TO regress_kindly_reader;
SET ROLE regress_kindly_reader;
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-01', '2019-07-02', 'acme')$q$);
RESET ROLE;
GRANT USAGE ON SCHEMA logicdialog TO regress_kindly_reader;
SET ROLE regress_kindly_reader;
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-02', 'acme'$$);
RESET ROLE;
GRANT SELECT ON kindly_stats.bot_name TO regress_kindly_reader;
SET ROLE regress_kindly_reader;
SELECT pg_temp.all_say($$'2019-07-01', '2019-07-02', 'acme'$$);
RESET ROLE;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure TO regress_kindly_reader;
SET ROLE regress_kindly_reader;
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-01', '2019-07-02', 'acme')$q$);
RESET ROLE;
-- row-level security: a client that one must not see is not known
BEGIN;
ALTER TABLE kindly_stats.bot_name ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_kindly_policy ON kindly_stats.bot_name USING (bot_id = 8299);
SET LOCAL ROLE regress_kindly_reader;
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-01', '2019-07-02', 'acme')$q$);
SELECT pg_temp.try($q$SELECT logicdialog.message('2019-07-01', '2019-07-02', 'quiet')$q$);
ROLLBACK;
DROP OWNED BY regress_kindly_reader;
DROP ROLE regress_kindly_reader;

DELETE FROM logicdialog_bad_event;
DELETE FROM kindly_stats.bot_name WHERE bot_id IN (8201, 8299);
DROP TABLE logicdialog_bad_event;
