--
-- Calendars of locales: first days of weeks, months and years
--
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
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

SELECT kindly_stats.create_event_table('stats_locale_event');
INSERT INTO stats_locale_event (bot_id, occurred_at, kind, session_id)
SELECT 3041, timestamptz '2018-12-01 00:00Z' + n * interval '7 hours 11 minutes', 'user_message', (n % 9)::text FROM generate_series(1, 2000) AS n;

-- weeks begin on Monday by ISO and in Norway, on Sunday in the United States, on Saturday in Egypt
SELECT locale, s.* FROM unnest(ARRAY[NULL, 'nb-NO', 'en-US', 'ar-EG', 'de_DE']) AS locale,
	kindly_stats.stats_series(3041, '2019-03-02', '2019-03-17', 'Europe/Oslo', 'week', locale => locale) AS s;
CREATE FUNCTION pg_temp.check_week(locale text, first_dow int, tz text, arguments text DEFAULT '') RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format('SELECT date, count, distinct_count FROM kindly_stats.stats_series(3041, ''2019-01-10'', ''2020-05-20'', %L, ''week'', locale => %L%s)', tz, locale, arguments),
	format('SELECT (d - ((extract(dow FROM d)::int + 7 - %1$s) %% 7))::timestamp, count(*), count(DISTINCT session_id) FROM stats_locale_event, LATERAL (SELECT (occurred_at AT TIME ZONE %2$L)::date) AS l (d)'
		' WHERE bot_id = 3041 AND d >= ''2019-01-10'' AND d < ''2020-05-20'' GROUP BY 1', first_dow, tz))
$$;
SELECT locale, first_dow, array_agg(pg_temp.check_week(locale, first_dow, tz) ORDER BY tz) AS differences
FROM (VALUES (NULL, 1), ('nb-NO', 1), ('en-GB', 1), ('en-US', 0), ('ja-JP', 0), ('pt-BR', 0), ('ar-EG', 6), ('dv-MV', 5)) AS l (locale, first_dow), unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles']) AS tz
GROUP BY locale, first_dow ORDER BY locale COLLATE "C" NULLS FIRST;

-- days, months and years do not depend on a Gregorian locale
SELECT unit, pg_temp.differences(
	format('SELECT * FROM kindly_stats.stats_series(3041, ''2018-12-10'', ''2020-06-20'', ''Europe/Oslo'', %L)', unit),
	format('SELECT * FROM kindly_stats.stats_series(3041, ''2018-12-10'', ''2020-06-20'', ''Europe/Oslo'', %L, locale => ''en-US'')', unit)) AS differences
FROM unnest(ARRAY['hour', 'day', 'month', 'quarter', 'year']) AS unit;
-- other calendars count their own months and years; every event is in one of them
SELECT * FROM kindly_stats.stats_series(3041, '2019-02-20', '2019-05-01', 'Asia/Tehran', 'month', locale => 'fa-IR');
SELECT locale, unit, count(*) AS buckets, sum(count) AS events, (SELECT count FROM kindly_stats.stats_total(3041, '2019-01-01', '2020-01-01', 'Asia/Tehran', locale => locale)) AS total
FROM unnest(ARRAY['fa-IR', 'he-IL-u-ca-hebrew', 'th-TH', 'en-US@calendar=islamic-civil']) AS locale, unnest(ARRAY['month', 'year']) AS unit,
	kindly_stats.stats_series(3041, '2019-01-01', '2020-01-01', 'Asia/Tehran', unit, locale => locale) GROUP BY locale, unit ORDER BY locale COLLATE "C", unit;
SELECT locale, pg_temp.failure(format('SELECT * FROM kindly_stats.stats_series(3041, ''2019-01-01'', ''2020-01-01'', ''UTC'', ''week'', locale => %L)', locale)) AS answer
FROM unnest(ARRAY['xx-YY', 'not a locale', '', 'nb_NO.UTF-8']) AS locale;
-- a Windows zone name is the one of the locale's region
SELECT pg_temp.differences($q$SELECT * FROM kindly_stats.stats_series(3041, '2019-03-01', '2019-04-10', 'W. Europe Standard Time', locale => 'nb-NO')$q$,
	$q$SELECT * FROM kindly_stats.stats_series(3041, '2019-03-01', '2019-04-10', 'Europe/Oslo', locale => 'nb-NO')$q$) AS differences;

DELETE FROM stats_locale_event;
DROP TABLE stats_locale_event;
