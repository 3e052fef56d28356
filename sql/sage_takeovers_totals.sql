--
-- Sage: takeovers/totals, the number of handovers in all
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

CREATE FUNCTION pg_temp.differences(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) AS d', a, b) INTO result;
	RETURN result;
END $$;

CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;

SELECT kindly_stats.create_event_table('sage_takeovers_totals_event');

-- the documented numbers, evenly from the first to the last instant of the week
INSERT INTO sage_takeovers_totals_event (bot_id, occurred_at, kind, source, language_code)
SELECT 2051, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / (times - 1), kind,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES ('handover_ended', 44), ('handover_request', 79), ('handover_request_closed', 3), ('handover_started', 47)) AS k (kind, times),
	generate_series(1, times) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot
INSERT INTO sage_takeovers_totals_event (bot_id, occurred_at, kind) VALUES
	(2051, '2019-09-15 23:59:59.999999Z', 'handover_started'), (2051, '2019-09-23 00:00Z', 'handover_ended'),
	(2051, '2019-09-18 12:00Z', 'handover'), (2051, '2019-09-18 12:00Z', 'user_message'), (2052, '2019-09-18 12:00Z', 'handover_request_closed');

SELECT sage.takeovers_totals(bot => 2051, "from" => '2019-09-16', "to" => '2019-09-23')::jsonb
	= '{ "data": { "ended": 44, "requests": 79, "requests_while_closed": 3, "started": 47 } }'::jsonb AS as_documented;
SELECT sage.takeovers_totals(2051, '2019-09-16', '2019-09-23');
SELECT sage.takeovers_totals(2099, '2019-09-16', '2019-09-23');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.takeovers_totals(2051, '2019-09-16T12:00:00', '2019-09-22T00:00:00.000001');
SELECT sage.takeovers_totals(2051, '2019-09-15', '2019-09-24');

-- every zone and filter tells what plain SQL tells
SELECT tz, arguments, pg_temp.differences(
	format($q$SELECT (j #>> '{data,ended}')::bigint, (j #>> '{data,requests}')::bigint, (j #>> '{data,requests_while_closed}')::bigint, (j #>> '{data,started}')::bigint
		FROM sage.takeovers_totals(2051, '2019-09-17', '2019-09-20', %L%s) AS j$q$, tz, arguments),
	format($q$SELECT count(*) FILTER (WHERE kind = 'handover_ended'), count(*) FILTER (WHERE kind = 'handover_request'),
		count(*) FILTER (WHERE kind = 'handover_request_closed'), count(*) FILTER (WHERE kind = 'handover_started')
		FROM sage_takeovers_totals_event WHERE bot_id = 2051
		AND occurred_at >= timestamp '2019-09-17' AT TIME ZONE %1$L AND occurred_at < timestamp '2019-09-20' AT TIME ZONE %1$L AND %2$s$q$, tz, condition)) AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Pacific/Auckland']) AS tz, (VALUES ('', 'true'),
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$), ($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition);
SELECT sage.takeovers_totals(2051, '2019-09-16', '2019-09-23', 'Pacific/Auckland');
SELECT sage.takeovers_totals(2051, '2019-09-16', '2019-09-23', sources => '-test', language_codes => '["en","nb"]');
SELECT sage.takeovers_totals(2051, '2019-09-16', '2019-09-23', NULL, NULL, NULL)::text
	= sage.takeovers_totals(2051, '2019-09-16', '2019-09-23', 'UTC')::text AS same_as_defaults;

DELETE FROM sage_takeovers_totals_event;
SELECT sage.takeovers_totals(2051, '2019-09-16', '2019-09-23');
DROP TABLE sage_takeovers_totals_event;
