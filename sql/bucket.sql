--
-- Ranges, granularities and calendars
--
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = 'postgres';
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

-- "to" is exclusive; inside an hour or a day it reaches to the end
SELECT * FROM buckets('2019-07-01', '2019-07-03', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 23:59', '2019-07-02 00:00:00.000001', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 21:59:59.999999Z', '2019-07-01 22:00:00.000001Z', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 22:00Z', '2019-07-02 22:00Z', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 22:00Z', '2019-07-03', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 10:59', '2019-07-01 12:01', 'Asia/Kathmandu', 'hour');
SELECT * FROM buckets('2019-07-01 10:59Z', '2019-07-01 12:15Z', 'Asia/Kathmandu', 'hour');
-- the same moment twice is its hour or day
SELECT * FROM buckets('2019-07-01 12:00', '2019-07-01 12:00', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 12:00Z', '2019-07-01 12:00Z', 'Europe/Oslo');
SELECT * FROM buckets('2019-07-01 12:30', '2019-07-01 12:30', 'Europe/Oslo', 'hour');
SELECT * FROM buckets('2019-07-01 12:30Z', '2019-07-01 12:30Z', 'Europe/Oslo', 'hour');

-- longer units are whole in bucket and bucket_end, clipped in edges
SELECT * FROM buckets('2019-07-03', '2019-07-20', 'Europe/Oslo', 'week');
SELECT edges('2019-07-03', '2019-07-20', 'Europe/Oslo', 'week');
SELECT * FROM buckets('2019-07-01', '2019-07-15', 'Europe/Oslo', 'week');
SELECT * FROM buckets('2019-07-02', '2019-07-02 12:00', 'Europe/Oslo', 'week');
SELECT * FROM buckets('2019-02-10', '2019-05-01', 'Europe/Oslo', 'month');
SELECT * FROM buckets('2019-02-10', '2019-07-02', 'Europe/Oslo', 'quarter');
SELECT * FROM buckets('2018-02-10', '2020-01-01', 'Europe/Oslo', 'year');
SELECT * FROM buckets('2018-02-10', '2018-02-11', 'Europe/Oslo', 'YEAR');
SELECT edges('2018-12-30', '2020-01-02', 'Asia/Kathmandu', 'year');

-- every row of buckets, intervals and edges tells the same
SELECT granularity, count(*) AS buckets,
	count(*) FILTER (WHERE b.bucket <> i.bucket OR b.date <> i.date) AS other_bucket,
	count(*) FILTER (WHERE NOT b.is_partial AND (b.bucket <> i.starts_at OR b.bucket_end <> i.ends_at)) AS other_interval,
	count(*) FILTER (WHERE b.is_partial) AS partial,
	count(*) FILTER (WHERE e[n] <> i.starts_at OR e[n + 1] <> i.ends_at) AS other_edge
FROM unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year']) granularity,
	LATERAL edges('2017-05-17 15:30', '2021-02-11 07:45', 'America/Sao_Paulo', granularity) e,
	LATERAL ROWS FROM (
		buckets('2017-05-17 15:30', '2021-02-11 07:45', 'America/Sao_Paulo', granularity),
		intervals('2017-05-17 15:30', '2021-02-11 07:45', 'America/Sao_Paulo', granularity))
		WITH ORDINALITY AS x(bucket, bucket_end, date, is_partial, starts_at, ends_at, i_bucket, i_date, n),
	LATERAL (SELECT x.bucket, x.bucket_end, x.date, x.is_partial) b,
	LATERAL (SELECT x.starts_at, x.ends_at, x.i_bucket, x.i_date) i(starts_at, ends_at, bucket, date)
GROUP BY granularity ORDER BY granularity;

-- the first and the last years there are
SELECT * FROM buckets('0001-01-01', '0001-01-03', 'UTC', 'week', 'en-US');
SELECT * FROM buckets('9999-12-31', '9999-12-31 12:00', 'Asia/Tokyo', 'month');
SELECT count(*), min(date), max(date) FROM buckets('0001-01-01', '9999-12-31 12:00', 'Europe/Oslo', 'year');
-- beyond the tables of a zone, its rule goes on
SELECT * FROM buckets('2437-10-24', '2437-10-27', 'Europe/Oslo');
SELECT count(*) FROM generate_series(2430, 2450) y,
	LATERAL buckets(make_date(y, 1, 1), make_date(y + 1, 1, 1), 'Europe/Oslo') b
	WHERE b.bucket <> b.date AT TIME ZONE 'Europe/Oslo';

-- weeks by locale
SELECT locale, min(date)::date, to_char(min(date), 'Dy') AS first_day
FROM unnest(ARRAY[NULL, 'nb-NO', 'en-US', 'en_US', 'ar-EG', 'fa-IR', 'th-TH', 'de-DE', 'de-DE-u-fw-sun', 'dv-MV', 'en-US-u-rg-gbzzzz',
	'en-u-ca-iso8601', 'no', 'nb', 'es-419', 'pt-BR', 'zh-Hant-TW', 'de_DE@calendar=hebrew', 'de_DE.UTF-8']) locale,
	LATERAL buckets('2024-08-14', '2024-08-15', 'UTC', 'week', locale)
GROUP BY locale ORDER BY locale COLLATE "C";

-- months and years of other calendars begin on these days: Nowruz, Rosh
-- Hashanah, the Islamic, Chinese, Ethiopian and Indian new years
SELECT locale, array_agg(date::date ORDER BY date) FROM unnest(ARRAY[NULL, 'fa-IR', 'fa-IR-u-ca-gregory', 'fa_IR@calendar=gregorian',
	'he-IL', 'he-IL-u-ca-hebrew', 'ar-SA-u-ca-islamic-umalqura', 'ar-EG-u-ca-islamic-civil', 'zh-CN-u-ca-chinese', 'am-ET-u-ca-ethiopic', 'hi-IN-u-ca-indian',
	'th-TH', 'ja-JP-u-ca-japanese', 'zh-TW-u-ca-roc']) locale, LATERAL buckets('2023-12-31', '2026-01-01', 'UTC', 'year', locale)
GROUP BY locale ORDER BY locale COLLATE "C";
SELECT date::date, is_partial FROM buckets('2024-02-01', '2024-05-01', 'UTC', 'month', 'fa-IR');
SELECT date::date, is_partial FROM buckets('2024-02-01', '2024-05-01', 'UTC', 'month', 'he-IL-u-ca-hebrew');
SELECT date::date, is_partial FROM buckets('2024-08-20', '2024-09-12', 'UTC', 'month', 'am-ET-u-ca-ethiopic');
SELECT date::date, is_partial FROM buckets('2024-03-20', '2025-03-21', 'UTC', 'quarter', 'fa-IR');
SELECT date::date, is_partial FROM buckets('2024-02-01', '2024-05-01', 'UTC', 'quarter', 'th-TH');
-- Gregorian before its time, as PostgreSQL's dates are
SELECT date::date FROM buckets('1582-10-01', '1582-11-01', 'UTC', 'week', 'en-US');
SELECT date::date FROM buckets('1582-10-10', '1582-11-02', 'UTC', 'month', 'th-TH');
-- units of each calendar follow one another without a gap and hold the day
SELECT locale, granularity, count(*) > 70 AS many, count(*) FILTER (WHERE next <> bucket_end) AS gaps,
	min(bucket_end - bucket) AS shortest, max(bucket_end - bucket) AS longest
FROM unnest(ARRAY['fa-IR', 'he-IL-u-ca-hebrew', 'ar-SA-u-ca-islamic-umalqura', 'ar-EG-u-ca-islamic-civil', 'am-ET-u-ca-ethiopic', 'hi-IN-u-ca-indian', 'zh-CN-u-ca-chinese']) locale,
	unnest(ARRAY['month', 'year']) granularity,
	LATERAL (SELECT *, lead(bucket) OVER (ORDER BY bucket) AS next FROM buckets('1960-03-01', '2040-03-01', 'UTC', granularity, locale)) b
GROUP BY locale, granularity ORDER BY locale COLLATE "C", granularity;

-- spans of dashboards: one unit is that unit, others are refused with the nearest
SELECT span, count(*) FROM unnest(ARRAY['1h', '1d', '1w', '1M', '1y']) WITH ORDINALITY s (span, i), LATERAL buckets('2023-12-31', '2024-02-06', 'UTC', span)
GROUP BY i, span ORDER BY i;
SELECT span, pg_temp.failure(format('SELECT kindly_stats.edges(''2019-07-01'', ''2019-07-02'', ''UTC'', %L)', span))
FROM unnest(ARRAY['1ms', '30s', '1m', '4h', '5h', '12h', '24h', '2d', '3d', '7d', '14d', '15d', '30d', '2M', '3M', '5M', '7M', '12M', '365d', '2y', '999999y',
	'1H', '0h', '01h', '1', 'h', '1 h', '1h ', '-1h', '1.0h', '1hd', '9999999y', '$__interval']) span;

-- errors
SELECT q, pg_temp.failure('SELECT kindly_stats.edges(' || q || ')') FROM unnest(ARRAY[
	$$'2019-07-02', '2019-07-01'$$,
	$$'2019-07-02 00:00:00.000001', '2019-07-02'$$,
	$$'2019-07-02', '2019-07-01 12:00Z'$$,
	$$'2019-07-01', '2019-07-01'$$,
	$$'2019-07-01Z', '2019-07-01Z', 'UTC'$$,
	$$'2019-07-01', '2019-06-30 22:00Z', 'Europe/Oslo'$$,
	$$'2019-07-01 12:00', '2019-07-01 12:00', 'UTC', 'hour'$$,
	$$'2019-07-01 12:00Z', '2019-07-01 12:00Z', 'UTC', 'hour'$$,
	$$'0001-01-01', '9999-12-31'$$,
	$$'0001-01-01', '9999-12-31', 'UTC', 'hour'$$,
	$$'0001-01-01', '9999-12-31', 'UTC', 'week'$$,
	$$'2019-07-01', '2019-07-02', 'UTC', 'minute'$$,
	$$'2019-07-01', '2019-07-02', 'UTC', ''$$,
	$$'2019-07-01', '2019-07-02', 'UTC', NULL$$,
	$$'2019-07-01', '2019-07-02', 'UTC', 'quarter', 'he-IL-u-ca-hebrew'$$,
	$$'2019-07-01', '2019-07-02', 'UTC', 'quarter', 'zh-CN-u-ca-chinese'$$,
	$$'2019-07-01', '2019-07-02', 'UTC', 'quarter', 'am-ET-u-ca-ethiopic'$$]) q;
SELECT left(locale, 30) AS locale, left(pg_temp.failure(format('SELECT kindly_stats.edges(%L, %L, %L, %L, %L)', '2019-07-01', '2019-07-02', 'UTC', 'day', locale)), 100)
FROM unnest(ARRAY['', 'und', 'root', 'C', 'posix', 'xx-YY', 'en-XX', 'en US', 'de--DE', 'klingon', 'de-u-ca-foo', 'de-DE-u-fw-xyz',
	'US_en', 'nb-NO-u-ca-', E'nb\nNO', 'ñ', '%s%n', repeat('x', 200), repeat('nb-', 10000)]) locale;

-- ICU remembers new years for the Chinese and the Korean calendar in one place, though some are a day apart: 1988-02-17 and 1988-02-18
SELECT locale, array_agg(date::date ORDER BY date) FROM unnest(ARRAY['zh-CN-u-ca-chinese', 'ko-KR-u-ca-dangi', 'zh-CN-u-ca-chinese']) WITH ORDINALITY AS l (locale, n),
	LATERAL buckets('1987-06-01', '1989-06-01', 'UTC', 'year', locale) GROUP BY n, locale ORDER BY n;
