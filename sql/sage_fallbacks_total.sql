--
-- Sage: fallbacks/total, the number and fraction of bot replies that are fallbacks, in all
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

SELECT kindly_stats.create_event_table('sage_fallbacks_total_event');

-- replies and fallbacks whose rates are the documented ones; the documented counts are these divided by ten
INSERT INTO sage_fallbacks_total_event (bot_id, occurred_at, kind, is_fallback, source, language_code)
SELECT 2031, day + interval '86399.999999 s' * (n - 1) / (replies - 1), 'bot_reply', CASE WHEN n <= fallbacks THEN true WHEN n % 2 = 0 THEN false END,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES (timestamptz '2019-07-01 00:00Z', 1776, 14638), ('2019-07-02 00:00Z', 1618, 13405), ('2019-07-03 00:00Z', 1383, 13855),
	('2019-07-04 00:00Z', 1497, 14030), ('2019-07-05 00:00Z', 1144, 10999), ('2019-07-06 00:00Z', 948, 8704)) AS d (day, fallbacks, replies),
	generate_series(1, replies) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot
INSERT INTO sage_fallbacks_total_event (bot_id, occurred_at, kind, is_fallback) VALUES
	(2031, '2019-06-30 23:59:59.999999Z', 'bot_reply', true), (2031, '2019-07-07 00:00Z', 'bot_reply', true),
	(2031, '2019-07-03 12:00Z', 'user_message', true), (2031, '2019-07-03 12:00Z', 'handover_started', true),
	(2032, '2019-07-03 12:00Z', 'bot_reply', true);

SELECT sage.fallbacks_total(bot => 2031, "from" => '2019-07-01', "to" => '2019-07-07')::jsonb
	= '{ "data": { "count": 8366, "rate": 0.11061601724160727 } }'::jsonb AS as_documented;
SELECT sage.fallbacks_total(2031, '2019-07-01', '2019-07-07');
-- each of the documented days alone, to the last digit
SELECT day, sage.fallbacks_total(2031, day, day + 1) #>> '{data,rate}' = rate AS as_documented
FROM (VALUES (date '2019-07-01', '0.12132805028009291'), ('2019-07-02', '0.1207012308839985'), ('2019-07-03', '0.09981955972573078'),
	('2019-07-04', '0.10669992872416251'), ('2019-07-05', '0.10400945540503682'), ('2019-07-06', '0.10891544117647059')) AS d (day, rate);

-- without replies, without fallbacks, nothing but fallbacks
SELECT sage.fallbacks_total(2031, '2019-07-08', '2019-07-09');
SELECT sage.fallbacks_total(2099, '2019-07-01', '2019-07-07');
SELECT sage.fallbacks_total(2032, '2019-07-01', '2019-07-07');
UPDATE sage_fallbacks_total_event SET is_fallback = false WHERE bot_id = 2032;
SELECT sage.fallbacks_total(2032, '2019-07-01', '2019-07-07');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.fallbacks_total(2031, '2019-07-01T23:59:59.999999', '2019-07-06T00:00:00.000001');
SELECT sage.fallbacks_total(2031, '2019-06-30', '2019-07-07T00:00:00.000001');

-- every zone and filter tells what plain SQL tells
SELECT tz, arguments, pg_temp.differences(
	format($q$SELECT (j #>> '{data,count}')::bigint, (j #>> '{data,rate}')::float8
		FROM sage.fallbacks_total(2031, '2019-07-02', '2019-07-05', %L%s) AS j$q$, tz, arguments),
	format($q$SELECT count(*) FILTER (WHERE is_fallback), coalesce(count(*) FILTER (WHERE is_fallback)::float8 / nullif(count(*), 0), 0)
		FROM sage_fallbacks_total_event WHERE bot_id = 2031 AND kind = 'bot_reply'
		AND occurred_at >= timestamp '2019-07-02' AT TIME ZONE %1$L AND occurred_at < timestamp '2019-07-05' AT TIME ZONE %1$L AND %2$s$q$, tz, condition)) AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, (VALUES ('', 'true'),
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$), ($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition);
SELECT sage.fallbacks_total(2031, '2019-07-01', '2019-07-07', 'Europe/Oslo');
SELECT sage.fallbacks_total(2031, '2019-07-01', '2019-07-07', sources => '-test', language_codes => '["en","nb"]');
SELECT sage.fallbacks_total(2031, '2019-07-01', '2019-07-07', NULL, NULL, NULL)::text
	= sage.fallbacks_total(2031, '2019-07-01', '2019-07-07', 'UTC')::text AS same_as_defaults;

DELETE FROM sage_fallbacks_total_event;
DROP TABLE sage_fallbacks_total_event;
