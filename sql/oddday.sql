--
-- Odd days: one event a minute, none lost, none counted twice
--
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET jit = off;
SET search_path = kindly_stats, public;

-- For each local date: how many minutes the clock showed it, how many of them
-- are in the bucket of that date, how many of another date are, and how many
-- are in two.  The clock is PostgreSQL's AT TIME ZONE on instants.
CREATE FUNCTION pg_temp.odd(zone text, first date, last date)
RETURNS TABLE (date date, bucket timestamptz, bucket_end timestamptz, minutes bigint, right_bucket bigint, wrong_bucket bigint, twice bigint)
LANGUAGE sql AS $$
	WITH clock AS MATERIALIZED (
		SELECT at, (at AT TIME ZONE zone)::date AS local
		FROM generate_series(first::timestamptz - interval '1 day', last::timestamptz + interval '2 days', interval '1 minute') at
	), placed AS MATERIALIZED (
		SELECT at, local, i.date::date, count(*) OVER (PARTITION BY at) AS times
		FROM kindly_stats.intervals(first, last + 1, zone) i JOIN clock ON at >= starts_at AND at < ends_at
	)
	SELECT d::date, b.bucket, b.bucket_end,
		(SELECT count(*) FROM clock WHERE local = d::date),
		(SELECT count(*) FROM placed p WHERE local = d::date AND p.date = local),
		(SELECT count(*) FROM placed p WHERE p.date = d::date AND p.date <> local),
		(SELECT count(*) FROM placed p WHERE p.date = d::date AND times > 1)
	FROM generate_series(first::timestamp, last, interval '1 day') d
		LEFT JOIN kindly_stats.buckets(first, last + 1, zone) b ON b.date = d
	ORDER BY d $$;

-- 23 and 25 hours
SELECT * FROM pg_temp.odd('Europe/Oslo', '2025-03-29', '2025-03-31');
SELECT * FROM pg_temp.odd('Europe/Oslo', '2025-10-25', '2025-10-27');
-- midnight comes twice: set back from 01:00
SELECT * FROM pg_temp.odd('Atlantic/Azores', '2025-10-25', '2025-10-27');
SELECT * FROM pg_temp.odd('America/Havana', '2025-11-01', '2025-11-03');
-- the clock is set back to 23:00 as midnight comes
SELECT * FROM pg_temp.odd('Asia/Beirut', '2024-10-26', '2024-10-28');
SELECT * FROM pg_temp.odd('America/Scoresbysund', '2024-10-26', '2024-10-28');
SELECT * FROM pg_temp.odd('America/Santiago', '2024-04-06', '2024-04-08');
SELECT * FROM pg_temp.odd('Africa/Cairo', '2024-10-31', '2024-11-01');
-- midnight does not exist
SELECT * FROM pg_temp.odd('Africa/Cairo', '2024-04-25', '2024-04-27');
SELECT * FROM pg_temp.odd('Asia/Beirut', '2024-03-30', '2024-04-01');
SELECT * FROM pg_temp.odd('America/Santiago', '2024-09-07', '2024-09-09');
SELECT * FROM pg_temp.odd('America/Scoresbysund', '2024-03-30', '2024-04-01');
-- half an hour
SELECT * FROM pg_temp.odd('Australia/Lord_Howe', '2024-04-06', '2024-04-08');
SELECT * FROM pg_temp.odd('Australia/Lord_Howe', '2024-10-05', '2024-10-07');
-- quarters of an hour
SELECT * FROM pg_temp.odd('Pacific/Chatham', '2024-04-06', '2024-04-08');
SELECT * FROM pg_temp.odd('Pacific/Chatham', '2024-09-28', '2024-09-30');
SELECT * FROM pg_temp.odd('Asia/Kathmandu', '1985-12-31', '1986-01-02');
-- dates that never were, and one that came twice
SELECT * FROM pg_temp.odd('Pacific/Apia', '2011-12-29', '2011-12-31');
SELECT * FROM pg_temp.odd('Pacific/Kwajalein', '1993-08-20', '1993-08-22');
SELECT * FROM pg_temp.odd('America/Juneau', '1867-10-17', '1867-10-20');
-- clocks of the tz database that ICU's copy does not have yet
SELECT * FROM pg_temp.odd('America/Coyhaique', '2025-03-19', '2025-03-21');
-- set back over midnight a minute after it: a day of two intervals
SELECT * FROM pg_temp.odd('America/St_Johns', '2006-10-27', '2006-10-30');
SELECT * FROM pg_temp.odd('America/St_Johns', '2006-10-29', '2006-10-29');
SELECT * FROM intervals('2006-10-28', '2006-10-30', 'America/St_Johns');
SELECT * FROM intervals('2006-10-29', '2006-10-30', 'America/St_Johns');
SELECT * FROM pg_temp.odd('Antarctica/Casey', '2010-03-03', '2010-03-06');

-- instants on both sides of such a midnight: both days, also where the later
-- instant is on the earlier date
SELECT * FROM buckets('2006-10-29 02:30:30Z', '2006-10-29 02:40Z', 'America/St_Johns');
SELECT * FROM buckets('2006-10-29 02:30:30Z', '2006-10-29 12:00Z', 'America/St_Johns');
SELECT * FROM buckets('2006-10-29 02:40Z', '2006-10-29 02:50Z', 'America/St_Johns');
SELECT edges('2006-10-28', '2006-10-30', 'America/St_Johns');
-- a range that the clock jumped over has no bucket and is no error
SELECT * FROM buckets('2011-12-30', '2011-12-31', 'Pacific/Apia');
SELECT edges('2011-12-30', '2011-12-31', 'Pacific/Apia');
SELECT * FROM buckets('2025-03-30 02:00', '2025-03-30 02:30', 'Europe/Oslo', 'hour');
-- but its day and its week are there
SELECT * FROM buckets('2025-03-30 02:00', '2025-03-30 02:30', 'Europe/Oslo');
SELECT * FROM buckets('2011-12-30', '2012-01-01', 'Pacific/Apia', 'week');

-- hours: 23 and 25, one that was shown twice, half hours
SELECT * FROM buckets('2025-10-26 01:00', '2025-10-26 04:00', 'Europe/Oslo', 'hour');
SELECT count(*), count(DISTINCT bucket), count(DISTINCT date) FROM buckets('2025-10-26', '2025-10-27', 'Europe/Oslo', 'hour');
SELECT count(*), count(DISTINCT bucket), count(DISTINCT date) FROM buckets('2025-03-30', '2025-03-31', 'Europe/Oslo', 'hour');
SELECT * FROM intervals('2024-04-07 01:00', '2024-04-07 03:00', 'Australia/Lord_Howe', 'hour');
SELECT * FROM intervals('2024-10-06 01:00', '2024-10-06 04:00', 'Australia/Lord_Howe', 'hour');
-- a clock set back or ahead within an hour: what it shows before and after are buckets of their own
SELECT * FROM buckets('2024-04-07 02:00', '2024-04-07 05:00', 'Pacific/Chatham', 'hour');
SELECT * FROM buckets('2024-09-29 02:00', '2024-09-29 05:00', 'Pacific/Chatham', 'hour');
SELECT * FROM buckets('2024-09-28 14:00Z', '2024-09-28 14:01Z', 'Pacific/Chatham', 'hour');
-- the local clock shows 02:30 twice: "from" goes back to the first 02:00, "to"
-- reaches to the end of the second 02
SELECT * FROM buckets('2025-10-26 02:30', '2025-10-26 02:40', 'Europe/Oslo', 'hour');

-- every minute is in one hour bucket: that of its local hour, between two changes of the clock, which begins with the first such minute
CREATE FUNCTION pg_temp.wrong_hours(zone text, first timestamptz, last timestamptz)
RETURNS bigint LANGUAGE sql AS $$
	WITH hours AS MATERIALIZED (
		SELECT * FROM kindly_stats.intervals(first, last, zone, 'hour')),
	shown AS (
		SELECT at, date_trunc('hour', at AT TIME ZONE zone) AS label, (at AT TIME ZONE zone) - (at AT TIME ZONE 'UTC') AS ahead
		FROM generate_series(first - interval '1 hour', last - interval '1 minute', interval '1 minute') AS at)
	SELECT count(*)
	FROM (
		SELECT at, label, min(at) OVER (PARTITION BY label, ahead) AS start, count(bucket) AS times, min(bucket) AS bucket, min(date) AS date
		FROM shown LEFT JOIN hours ON at >= starts_at AND at < ends_at
		GROUP BY at, label, ahead) placed
	WHERE at >= first AND (times <> 1 OR date <> label OR bucket <> start) $$;
SELECT zone, pg_temp.wrong_hours(zone, first, first + interval '30 hours')
FROM (VALUES
	('Atlantic/Azores', timestamptz '2025-10-25 20:00Z'), ('Australia/Lord_Howe', '2024-04-06 03:00Z'),
	('Australia/Lord_Howe', '2024-10-05 03:00Z'), ('Africa/Cairo', '2024-04-25 10:00Z'),
	('America/St_Johns', '2006-10-28 20:00Z'), ('Antarctica/Casey', '2020-10-03 06:00Z'),
	('Pacific/Apia', '2011-12-29 23:00Z'), ('Pacific/Chatham', '2024-04-06 01:00Z'),
	('Asia/Kathmandu', '1985-12-31 06:00Z'), ('America/Caracas', '2016-04-30 22:00Z')) v(zone, first);
