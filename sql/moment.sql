--
-- moment: a reading of a wall clock, or an instant
--
SET timezone = 'Europe/Oslo';
SET datestyle = 'Postgres, MDY';
SET search_path = kindly_stats, public;

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

-- without a zone: local
SELECT t, t::moment FROM unnest(ARRAY[
	'2019-07-01', '2019-7-1', '1974-1-1', '20190701', '2019-07-01 10:00', '2019-07-01T10:00:00',
	'2019-04-28T07:22:52.825000', '  2019-07-01  ', '1 July 2019', '07/01/2019', '2019-182',
	'0044-03-15 BC', '2016-12-31 23:59:60', '2019-07-01 24:00:00', '294276-12-31 23:59:59.999999']) t;

-- with a zone: an instant, written in UTC
SELECT t, t::moment FROM unnest(ARRAY[
	'2024-04-16T10:57:12.873Z', '2019-07-01 10:00+02', '2019-07-01 10:00-03:30', '2019-07-01T10:00:00 +0530',
	'2019-07-01 10:00 Europe/Oslo', '2019-07-01 10:00 america/new_york', '2019-07-01 10:00 PST', '2019-07-01 10:00 Japan',
	'2019-07-01T10:00:00NZ', 'Mon Jul 01 10:00:00 2019 Singapore',
	'2019-07-01 Z', '0044-03-15T00:00:00Z BC']) t;

-- a number of 13 digits is an instant in milliseconds since 1970; no other number is anything
SELECT t, t::moment FROM unnest(ARRAY['1729900800000', ' 1729900800123 ', '1000000000000', '9999999999999']) t;
SELECT 1729900800123::moment, (1729900800123::moment)::text = '1729900800123'::moment::text AS same;
SELECT count(*) FROM buckets(1729900800000, 1730160000000, 'Europe/Oslo');
SELECT q, pg_temp.failure(q) FROM unnest(ARRAY[
	$$SELECT '1729900800'::kindly_stats.moment$$, $$SELECT '0729900800000'::kindly_stats.moment$$, $$SELECT '17299008000000'::kindly_stats.moment$$,
	$$SELECT '172990080000'::kindly_stats.moment$$, $$SELECT '-1729900800000'::kindly_stats.moment$$, $$SELECT '1729900800000.5'::kindly_stats.moment$$,
	$$SELECT '1729900800000Z'::kindly_stats.moment$$,
	$$SELECT kindly_stats.buckets(1729900800, 1730160000)$$, $$SELECT kindly_stats.buckets(20241026, 20241029)$$, $$SELECT kindly_stats.buckets(0, -1)$$,
	$$SELECT 999999999999::kindly_stats.moment$$, $$SELECT 10000000000000::kindly_stats.moment$$, $$SELECT (-9223372036854775808)::kindly_stats.moment$$]) q;

-- the order of day and month is DateStyle's, the year first is not
SET datestyle = 'SQL, DMY';
SELECT '07/01/2019'::moment, '2019-07-01'::moment, '0010-11-12'::moment;
RESET datestyle;
SET datestyle = 'Postgres, MDY';

-- now is the beginning of the transaction
SELECT 'now'::moment::text = now()::moment::text AS now, ' NOW '::moment::text = now()::moment::text AS "NOW";

-- infinity is read, and refused where it is used
SELECT 'infinity'::moment, '-infinity'::moment, 'infinity'::timestamptz::moment, '-infinity'::date::moment;
SELECT q, pg_temp.failure(q) FROM unnest(ARRAY[
	$$SELECT buckets('infinity', '2019-07-01')$$,
	$$SELECT buckets('2019-07-01', date 'infinity')$$,
	$$SELECT buckets('-infinity'::timestamptz, '2019-07-01')$$,
	$$SELECT buckets('0044-03-15 BC', '2019-07-01')$$,
	$$SELECT buckets('2019-07-01', '10000-01-01')$$,
	$$SELECT buckets('2019-07-01', '294276-12-31 23:59:59.999999')$$,
	$$SELECT buckets('4714-11-24 00:00:00+00 BC', '2019-07-01')$$]) q;

-- words that need a zone, or mean a time of day
SELECT t, pg_temp.failure(format('SELECT %L::kindly_stats.moment', t)) FROM unnest(ARRAY[
	'today', 'TOMORROW', 'yesterday', 'epoch', 'allballs', 'today 10:00', '2019-07-01 allballs', 'now 10:00',
	'2019-07-01 now']) t;

-- not a moment
SELECT t, pg_temp.failure(format('SELECT %L::kindly_stats.moment', t)) FROM unnest(ARRAY[
	'', ' ', 'NaN', 'nan', 'null', 'inf', '10:00', '2019', '2019-07', '2019-02-30', '2019-13-01',
	'2019-07-01 25:00', '2019-07-01 10:61', '2019-07-01T', '2019-07-01 10:00+99',
	'1 day', '2019-07-01 2019-07-02', '-', '+', ':', repeat('9', 40),
	'300000-01-01', '4715-01-01 BC', E'2019-07-01\b', 'æøå']) t;
SELECT left(pg_temp.failure(format('SELECT %L::kindly_stats.moment', repeat('2019-07-01 ', 40))), 24) AS too_long,
	left(pg_temp.failure($$SELECT '2019-07-01 10:00 Europe/Nowhere'::kindly_stats.moment$$), 5) AS no_such_zone;

-- dates reach further than moments
SELECT date '294276-12-31'::moment, date '4714-11-24 BC'::moment;
SELECT pg_temp.failure($$SELECT date '294277-01-01'::kindly_stats.moment$$),
	pg_temp.failure($$SELECT date '5874897-12-31'::kindly_stats.moment$$);

-- what is written is read as the same, whatever DateStyle and TimeZone are
CREATE TEMP TABLE written (style text, zone text, m moment);
INSERT INTO written SELECT style, zone, m
	FROM unnest(ARRAY['ISO, MDY', 'SQL, DMY', 'German, YMD', 'Postgres, MDY']) style,
		unnest(ARRAY['Asia/Kathmandu', 'America/St_Johns', 'UTC']) zone,
		(SELECT timestamp '4713-01-01 BC' + i * interval '97 years 103 days 7:11:13.000007' FROM generate_series(0, 3000) i) a(t),
		LATERAL (VALUES (t::moment), ((t AT TIME ZONE 'UTC')::moment)) v(m);
DO $$
DECLARE
	s record;
	wrong bigint;
BEGIN
	FOR s IN SELECT DISTINCT style, zone FROM pg_temp.written ORDER BY 1, 2 LOOP
		PERFORM set_config('datestyle', s.style, true), set_config('timezone', s.zone, true);
		SELECT count(*) INTO wrong FROM pg_temp.written w
			WHERE w.style = s.style AND w.zone = s.zone
				AND kindly_stats.moment_send(w.m::text::kindly_stats.moment) <> kindly_stats.moment_send(w.m);
		IF wrong > 0 THEN
			RAISE NOTICE '% %: % differ', s.style, s.zone, wrong;
		END IF;
	END LOOP;
END $$;
DROP TABLE written;

-- the binary form: value, kind, zero
SELECT t, moment_send(t::moment) FROM unnest(ARRAY['2000-01-01', '2000-01-01Z', '1999-12-31 23:59:59.999999', 'infinity']) t;

-- one function takes everything
PREPARE varchar_arguments(varchar, varchar) AS SELECT count(*) FROM buckets($1, $2, 'UTC');
EXECUTE varchar_arguments('2019-07-01', '2019-07-03T00:00:00Z');
PREPARE unknown_arguments AS SELECT count(*) FROM buckets($1, $2, 'UTC');
EXECUTE unknown_arguments('2019-07-01', '2019-07-03');
SELECT
	(SELECT count(*) FROM buckets('2019-07-01', '2019-07-03', 'UTC')) AS literal,
	(SELECT count(*) FROM buckets('2019-07-01'::text, '2019-07-03'::text, 'UTC')) AS text,
	(SELECT count(*) FROM buckets('2019-07-01'::varchar, '2019-07-03'::varchar(30), 'UTC')) AS varchar,
	(SELECT count(*) FROM buckets(date '2019-07-01', date '2019-07-03', 'UTC')) AS date,
	(SELECT count(*) FROM buckets(timestamp '2019-07-01', timestamp '2019-07-03', 'UTC')) AS timestamp,
	(SELECT count(*) FROM buckets(timestamptz '2019-07-01 00:00Z', timestamptz '2019-07-03 00:00Z', 'UTC')) AS timestamptz,
	(SELECT count(*) BETWEEN 7 AND 8 FROM buckets(now() - interval '7 days', now(), 'UTC')) AS now;
SELECT pg_temp.failure($$SELECT kindly_stats.buckets(NULL, '2019-07-03')$$),
	pg_temp.failure($$SELECT kindly_stats.buckets('2019-07-03', NULL)$$);
