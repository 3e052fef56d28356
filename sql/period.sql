--
-- Periods by name, and ranges beside earlier ones: leap days, months of unequal length, days of 23 and 25 hours
--
SET timezone = 'Europe/Oslo';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
\pset null -

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

-- half past midnight on Thursday, 29 February 2024, in Oslo; in New York still the day before
SELECT n AS name, p.*, y."to" AS new_york FROM unnest('{today,yesterday,last7days,last30days,thisWeek,lastWeek,thisMonth,lastMonth,last3Months,thisQuarter,lastQuarter,thisYear,lastYear}'::text[]) AS n,
	kindly_stats.period(n, 'Europe/Oslo', '2024-02-28 23:30Z') AS p, kindly_stats.period(n, 'America/New_York', '2024-02-28 23:30Z') AS y;
-- weeks and months of other calendars; names in any case
SELECT l AS locale, w."from", w."to", m."from" AS month_from, m."to" AS month_to
FROM unnest('{en-US,nb-NO,ar-EG,fa-IR}'::text[]) AS l, kindly_stats.period('LASTWEEK', 'UTC', '2025-03-05 12:00Z', l) AS w, kindly_stats.period('lastMonth', 'UTC', '2025-03-05 12:00Z', l) AS m;
-- what follows from the transaction's clock, whoever's date it is
SELECT p."from" = (now() AT TIME ZONE 'Pacific/Apia')::date AS today, p."to" - p."from" AS days FROM kindly_stats.period('today', 'Pacific/Apia') AS p;
-- against date_trunc, over a leap year and more
SELECT count(*) AS wrong FROM generate_series(timestamptz '2023-12-25 12:00Z', '2025-03-05', '1 day') AS n,
	LATERAL (VALUES ('thisWeek', date_trunc('week', n AT TIME ZONE 'UTC'), date_trunc('day', n AT TIME ZONE 'UTC') + interval '1 day'),
		('lastWeek', date_trunc('week', n AT TIME ZONE 'UTC') - interval '7 days', date_trunc('week', n AT TIME ZONE 'UTC')),
		('lastMonth', date_trunc('month', n AT TIME ZONE 'UTC') - interval '1 month', date_trunc('month', n AT TIME ZONE 'UTC')),
		('last3Months', date_trunc('month', n AT TIME ZONE 'UTC') - interval '3 months', date_trunc('month', n AT TIME ZONE 'UTC')),
		('lastQuarter', date_trunc('quarter', n AT TIME ZONE 'UTC') - interval '3 months', date_trunc('quarter', n AT TIME ZONE 'UTC')),
		('thisYear', date_trunc('year', n AT TIME ZONE 'UTC'), date_trunc('day', n AT TIME ZONE 'UTC') + interval '1 day'),
		('last30days', date_trunc('day', n AT TIME ZONE 'UTC') - interval '29 days', date_trunc('day', n AT TIME ZONE 'UTC') + interval '1 day')) AS x(name, first, last),
	LATERAL kindly_stats.period(x.name, 'UTC', n) AS p
WHERE (p."from", p."to") IS DISTINCT FROM (x.first::date, x.last::date);
SELECT pg_temp.failure(q) FROM unnest(ARRAY[
	$q$SELECT kindly_stats.period('last5days')$q$, $q$SELECT kindly_stats.period(NULL)$q$, $q$SELECT kindly_stats.period('today', 'Oslo5')$q$,
	$q$SELECT kindly_stats.period('today', now => 'infinity')$q$, $q$SELECT kindly_stats.period('lastYear', 'UTC', '0001-05-05Z')$q$,
	$q$SELECT kindly_stats.period('today', 'UTC', locale => 'x')$q$]) AS q;

-- as many events an hour as the day has, at every hour of 2023 to 2025
SELECT kindly_stats.create_event_table('compared_event');
INSERT INTO compared_event (bot_id, occurred_at, kind, session_id)
SELECT 3201, h, 'user_message', to_char(h, 'YYYYMMDD') || i FROM generate_series(timestamptz '2023-01-01', '2025-06-01', '1 hour') AS h, generate_series(1, 2) AS i
WHERE i = 1 OR extract(day FROM h) = 1;

-- a period of its own use
SELECT t.count, t.previous_count, t.count_difference, t.count_ratio, t.previous_from::date, t.previous_to::date, t.is_partial
FROM kindly_stats.period('lastMonth', 'Europe/Oslo', '2025-04-11') AS p, kindly_stats.stats_total_compared(3201, p."from", p."to") AS t;
-- previous_period: whole months beside whole months, anything else beside as many days; a year and its weekdays; leap days
SELECT r.name, c AS compare, t.count, t.previous_count, t.previous_from::date, t.previous_to::date
FROM unnest('{previous_period,previous_year,previous_year_weekday}'::text[]) WITH ORDINALITY AS c(c, n),
	(VALUES ('month', '2025-03-01', '2025-04-01'), ('quarter', '2024-04-01', '2024-07-01'), ('week', '2025-03-24', '2025-03-31'), ('leap month', '2024-02-01', '2024-03-01'),
		('after it', '2025-02-01', '2025-03-01'), ('leap day', '2024-02-29', '2024-03-01'), ('till it', '2024-02-20', '2024-02-29')) AS r(name, first, last),
	kindly_stats.stats_total_compared(3201, r.first, r.last, compare => c) AS t ORDER BY r.name, c.n;
-- day by day: 29 February and the last days of longer months have no counterpart
SELECT date::date, count, previous_date::date, previous_count, count_difference, count_ratio, is_partial
FROM kindly_stats.stats_series_compared(3201, '2024-02-27', '2024-03-03', compare => 'previous_year');
SELECT date::date, previous_date::date FROM kindly_stats.stats_series_compared(3201, '2025-03-01', '2025-04-01') WHERE date >= '2025-03-27' OR date < '2025-03-03';
SELECT date::date, previous_date::date FROM kindly_stats.stats_series_compared(3201, '2025-04-01', '2025-07-01') WHERE extract(day FROM date) IN (1, 30, 31);
-- by weekday: always a Monday beside a Monday
SELECT count(*) FILTER (WHERE extract(dow FROM date) <> extract(dow FROM previous_date)) AS wrong, count(*) FROM kindly_stats.stats_series_compared(3201, '2024-01-01', '2025-01-01', compare => 'previous_year_weekday');
-- hours by the clock: one that was left out, and one that comes twice
SELECT to_char(bucket, 'DD HH24:MI TZH') AS hour, to_char(previous_bucket, 'DD HH24:MI TZH') AS earlier, count, previous_count
FROM kindly_stats.stats_series_compared(3201, '2025-03-30 00:00', '2025-03-30 05:00', granularity => 'hour', compare => 'previous_year_weekday');
SELECT to_char(bucket, 'DD HH24:MI TZH') AS hour, to_char(previous_bucket, 'DD HH24:MI TZH') AS earlier, count, previous_count
FROM kindly_stats.stats_series_compared(3201, '2024-10-27', '2024-10-28', granularity => 'hour') WHERE date < '2024-10-27 05:00';
SELECT to_char(bucket, 'DD HH24:MI TZH') AS hour, to_char(previous_bucket, 'DD HH24:MI TZH') AS earlier
FROM kindly_stats.stats_series_compared(3201, '2024-10-28', '2024-10-29', granularity => 'hour') WHERE date < '2024-10-28 04:00';
-- half a day
SELECT previous_from, previous_to, count, previous_count FROM kindly_stats.stats_total_compared(3201, '2025-01-02 12:00', '2025-01-03 00:00', granularity => 'hour');
-- weeks and months in order
SELECT date::date, previous_date::date, count, previous_count, is_partial FROM kindly_stats.stats_series_compared(3201, '2025-01-01', '2025-02-01', granularity => 'week', compare => 'previous_year');
SELECT date::date, previous_date::date, distinct_count, previous_distinct_count, distinct_count_difference FROM kindly_stats.stats_series_compared(3201, '2024-01-01', '2024-04-01', granularity => 'month', compare => 'previous_year');
-- each value is what stats_series says of its own bucket
SELECT count(*) AS wrong FROM kindly_stats.stats_series_compared(3201, '2024-02-01', '2025-03-01', compare => 'previous_year') AS c
	LEFT JOIN kindly_stats.stats_series(3201, '2023-01-01', '2025-06-01') AS s ON s.date = c.date
	LEFT JOIN kindly_stats.stats_series(3201, '2023-01-01', '2025-06-01') AS p ON p.date = (c.date - interval '1 year') AND extract(day FROM p.date) = extract(day FROM c.date)
WHERE (c.count, c.distinct_count, c.previous_count, c.previous_distinct_count, c.previous_date)
	IS DISTINCT FROM (s.count, s.distinct_count, p.count, p.distinct_count, p.date);
-- what is not over yet is partial, and so is what the range cuts
SELECT DISTINCT is_partial FROM kindly_stats.stats_series_compared(3201, (now() + interval '2 days')::date, (now() + interval '9 days')::date);
SELECT is_partial FROM kindly_stats.stats_total_compared(3201, '2025-01-01', (now() + interval '2 days')::date);
SELECT is_partial, previous_count, count_ratio FROM kindly_stats.stats_total_compared(3201, '2023-01-01', '2024-01-01');
-- a day that never was
SELECT count(*) FROM kindly_stats.stats_series_compared(3201, '2011-12-30', '2011-12-31', 'Pacific/Apia');
SELECT date::date, previous_date::date FROM kindly_stats.stats_series_compared(3201, '2012-12-29', '2013-01-01', 'Pacific/Apia', compare => 'previous_year');
SELECT pg_temp.failure(q) FROM unnest(ARRAY[
	$q$SELECT kindly_stats.stats_total_compared(3201, '2025-01-01', '2025-02-01', compare => 'last_year')$q$,
	$q$SELECT kindly_stats.stats_series_compared(3201, '2025-01-01', '2025-02-01', compare => '')$q$,
	$q$SELECT kindly_stats.stats_series_compared(3201, '0001-01-01', '0001-02-01')$q$,
	$q$SELECT kindly_stats.stats_total_compared(3201, '2025-01-01', '2025-02-01', measure => 'nothing')$q$]) AS q;

-- the heatmap: on Sunday 2025-03-30 there was no hour 2, on Sunday 2024-10-27 there were two
SELECT hour, count, occurrences, mean FROM kindly_stats.stats_heatmap(3201, '2025-03-30', '2025-03-31') WHERE day = 0 AND hour BETWEEN 1 AND 3;
SELECT hour, count, occurrences, mean FROM kindly_stats.stats_heatmap(3201, '2024-10-27', '2024-10-28') WHERE day = 0 AND hour BETWEEN 1 AND 3;
SELECT day, hour, occurrences, mean FROM kindly_stats.stats_heatmap(3201, '2024-10-28', '2024-10-28 02:00') WHERE occurrences > 0;
SELECT sum(occurrences), count(*) FILTER (WHERE mean IS NULL) AS never, min(occurrences), max(occurrences) FROM kindly_stats.stats_heatmap(3201, '2024-01-01', '2025-01-01');
-- against the hours themselves
SELECT z, count(*) AS wrong FROM unnest('{Europe/Oslo,Australia/Lord_Howe,Atlantic/Azores,Pacific/Apia}'::text[]) AS z,
	LATERAL (SELECT extract(dow FROM label)::int AS day, extract(hour FROM label)::int AS hour, count(*) AS times FROM kindly_stats.buckets('2024-09-01', '2025-05-01', z, 'hour') AS b(first, last, label, partial) GROUP BY 1, 2) AS b
	JOIN kindly_stats.stats_heatmap(3201, '2024-09-01', '2025-05-01', z) AS h USING (day, hour)
WHERE h.occurrences <> b.times OR h.mean <> h.count::float8 / b.times GROUP BY z;
