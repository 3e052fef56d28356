--
-- What buckets are called: bucket_label()
--
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET client_min_messages = warning;
SET search_path = kindly_stats, public;
\pset format unaligned

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

-- without a locale: ISO 8601, whatever the session's settings are
SELECT granularity, bucket_label('2019-07-01 13:30', granularity), bucket_label('2019-07-01 13:30', granularity, style => 'short')
FROM unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year', '1M', 'Week']) AS granularity;
SELECT bucket_label('2019-07-01'), bucket_label(date '2019-07-01'), bucket_label(NULL), bucket_label('0001-01-01', 'week'), bucket_label('9999-12-31 23:59:59.999999', 'hour');
-- as to_char has them
SELECT count(*) AS days, count(*) FILTER (WHERE bucket_label(d, 'day') <> to_char(d, 'YYYY-MM-DD') OR bucket_label(d, 'week') <> to_char(d, 'IYYY"-W"IW')
	OR bucket_label(d, 'month') <> to_char(d, 'YYYY-MM') OR bucket_label(d, 'quarter') <> to_char(d, 'YYYY"-Q"Q') OR bucket_label(d, 'hour') <> to_char(d, 'YYYY-MM-DD HH24:MI')) AS differences
FROM generate_series(timestamp '1896-02-27', '2104-03-02', '23 hours 15 minutes') AS d;

-- in languages, calendars and digits; of May, whose name all of ICU's versions write alike
SELECT locale, string_agg(bucket_label('2019-05-01', granularity, locale), ' | ' ORDER BY n) AS long, string_agg(bucket_label('2019-05-01', granularity, locale, 'short'), ' | ' ORDER BY n) AS short
FROM unnest(ARRAY['nb-NO', 'no', 'de_DE', 'en-US', 'fr-FR', 'fa-IR', 'th-TH', 'ja-JP-u-ca-japanese', 'zh-TW-u-ca-roc', 'he-IL-u-ca-hebrew', 'ar-EG-u-ca-islamic-civil',
	'en-u-ca-coptic', 'am-ET-u-ca-ethiopic', 'ar-EG-u-nu-latn']) AS locale,
	unnest(ARRAY['day', 'week', 'month', 'year']) WITH ORDINALITY AS g (granularity, n) GROUP BY locale ORDER BY locale COLLATE "C";
SELECT bucket_label('2019-05-01', 'quarter', 'nb-NO'), bucket_label('2019-05-01', 'quarter', 'fa-IR'), bucket_label('2019-05-01', 'quarter', 'nb-NO', 'SHORT');
SELECT bucket_label('2019-05-01 13:00', 'hour', 'nb-NO'), bucket_label('2019-05-01 13:00', 'hour', 'nb-NO', 'short');

-- the year of a week is the one that it is counted in
SELECT date::date, bucket_label(date, 'week'), bucket_label(date, 'week', 'nb-NO') FROM buckets('2020-12-21', '2021-01-18', 'UTC', 'week', 'nb-NO');
SELECT date::date, bucket_label(date, 'week', 'en-US'), bucket_label(date, 'week', 'en-US', 'short') FROM buckets('2020-12-20', '2021-01-17', 'UTC', 'week', 'en-US');
SELECT date::date, bucket_label(date, 'week', 'fa-IR') FROM buckets('2019-03-15', '2019-03-31', 'UTC', 'week', 'fa-IR');
SELECT date::date, bucket_label(date, 'week', 'th-TH') FROM buckets('2018-12-24', '2019-01-07', 'UTC', 'week', 'th-TH');
-- another first day of the week than the region's
SELECT date::date, bucket_label(date, 'week', 'de-DE-u-fw-sun') FROM buckets('2019-12-22', '2020-01-12', 'UTC', 'week', 'de-DE-u-fw-sun');

-- months of a Hebrew leap year; eras are those of the day
SELECT string_agg(bucket_label(date, 'month', 'en-US-u-ca-hebrew'), ', ' ORDER BY date) FROM buckets('2023-09-16', '2024-10-03', 'UTC', 'month', 'en-US-u-ca-hebrew');
SELECT string_agg(bucket_label(date, 'month', 'ja-JP-u-ca-japanese'), ' ' ORDER BY date) FROM buckets('2019-04-01', '2019-06-01', 'UTC', 'month', 'ja-JP-u-ca-japanese');

-- Gregorian dates before 1582 are PostgreSQL's, in which no day is missing
SELECT bucket_label('1500-02-28', 'day', 'en-US'), bucket_label('0001-01-01', 'month', 'en-US'), bucket_label('1582-10-10', 'day', 'en-US'), bucket_label('1582-10-15', 'day', 'th-TH');

-- arguments that change from row to row
SELECT string_agg(bucket_label('2019-07-01', granularity, locale, style), ' | ') FROM
	(VALUES ('day', 'nb-NO', 'long'), ('week', 'nb-NO', 'long'), ('week', 'nb-NO', 'short'), (NULL, 'fa-IR', NULL), ('week', NULL, NULL), ('week', 'fa-IR', 'short')) AS v (granularity, locale, style);

SELECT q, pg_temp.failure('SELECT kindly_stats.bucket_label(' || q || ')') FROM unnest(ARRAY[
	$$'2019-07-01', 'day', 'xx-YY'$$, $$'2019-07-01', 'day', ''$$, $$'2019-07-01', 'day', 'de-u-ca-foo'$$, $$'2019-07-01', 'day', 'nb_NO.UTF-8'$$, $$'2019-07-01', 'minute', 'nb-NO'$$,
	$$'2019-07-01', 'day', 'nb-NO', 'tiny'$$, $$'2019-07-01', 'quarter', 'he-IL-u-ca-hebrew'$$, $$'infinity'$$, $$'-infinity', 'day', 'nb-NO'$$, $$'10000-01-01'$$, $$'0001-12-31 BC'$$,
	$$'1582-10-14', 'day', 'th-TH'$$]) AS q;
-- after an error the next row is as good as the first
SELECT pg_temp.failure($$SELECT kindly_stats.bucket_label('2019-07-01', 'day', l) FROM unnest(ARRAY['nb-NO', 'xx-YY']) AS l$$);
SELECT bucket_label('2019-07-01', 'day', l) FROM unnest(ARRAY['nb-NO', 'en-US']) AS l;
