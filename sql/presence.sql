--
-- Who was there when: stats_active, stats_new_returning, stats_retention, stats_funnel, and groups, against plain SQL
--
SET timezone = 'Europe/Oslo';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
SET jit = off;
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

-- a small bot, to be read: anna comes on three days, bob on one, cleo after a month
SELECT kindly_stats.create_event_table('presence_event');
INSERT INTO presence_event (bot_id, occurred_at, kind, session_id, user_id, source, web_host, web_path) VALUES
	(3101, '2025-03-03 10:00', 'user_message', 's1', 'anna', 'web', 'a.example', '/'),
	(3101, '2025-03-04 00:10', 'user_message', 's2', 'anna', 'web', NULL, NULL),
	(3101, '2025-03-04 12:00', 'user_message', 's3', 'bob', 'app', 'a.example', '/b'),
	(3101, '2025-03-12 12:00', 'user_message', 's4', 'anna', 'app', NULL, NULL),
	(3101, '2025-04-03 12:00', 'user_message', 's5', 'cleo', 'web', NULL, NULL);
SELECT date::date, daily, last_7, last_28, last_30, round(stickiness::numeric, 3) AS stickiness
FROM kindly_stats.stats_active(3101, '2025-03-03', '2025-03-13') WHERE daily > 0 OR date IN ('2025-03-10', '2025-03-11');
SELECT date::date, daily, last_7, last_28, last_30 FROM kindly_stats.stats_active(3101, '2025-03-31', '2025-04-04');
SELECT date::date, distinct_count, new_count, returning_count, new_ratio FROM kindly_stats.stats_new_returning(3101, '2025-03-03', '2025-03-13') WHERE distinct_count > 0;
SELECT cohort_date::date AS cohort, size, age, date::date, distinct_count, ratio, is_partial FROM kindly_stats.stats_retention(3101, '2025-03-03', '2025-03-17');
SELECT * FROM kindly_stats.stats_funnel(3101, '2025-03-01', '2025-04-01', measures => '{messages,pages}');
SELECT value, date::date, count, distinct_count FROM kindly_stats.stats_series_by(3101, '2025-03-03', '2025-03-05');
SELECT * FROM kindly_stats.stats_total_by(3101, '2025-03-01', '2025-05-01', by => 'web_path', measure => 'pages');
-- by bot: as many as are visible
SELECT b.bot, t.* FROM unnest('{3101,3102}'::kindly_stats.bot_id[]) AS b(bot), kindly_stats.stats_total(b.bot, '2025-03-01', '2025-05-01') AS t;

-- two years of events that look random: many in one statement, a hundred one by one, then corrections and deletions
CREATE FUNCTION pg_temp.add_events(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO presence_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path)
SELECT 3102, timestamptz '2011-06-01 00:00Z' + interval '1 microsecond' * ((n::bigint * 48271000003 * 7919) % (400::bigint * 86400000000)),
	(ARRAY['user_message', 'user_message', 'bot_reply', 'other'])[1 + n % 4],
	nullif(n * 31 % 997, 0)::text, nullif(n * 17 % 211, 0)::text, (ARRAY['web', 'app', 'test', NULL, 'sms'])[1 + n / 10 % 5],
	(ARRAY['en', 'nb', NULL])[1 + n / 7 % 3], (ARRAY['a.example', 'b.example', NULL])[1 + n / 11 % 3], '/' || nullif(n / 13 % 6, 0)
FROM generate_series(first, last) AS n
$$;
SELECT pg_temp.add_events(1, 3000);
DO $$ BEGIN
	FOR n IN 3001 .. 3100 LOOP
		PERFORM pg_temp.add_events(n, n);
	END LOOP;
END $$;
UPDATE presence_event SET source = 'web', occurred_at = occurred_at + interval '40 days' WHERE user_id IN ('7', '70', '71') AND bot_id = 3102;
UPDATE presence_event SET session_id = '1', kind = 'user_message' WHERE user_id = '8';
DELETE FROM presence_event WHERE user_id IN ('9', '10') OR session_id = '100';

CREATE TEMP TABLE plain (measure text, condition text, member text);
INSERT INTO plain VALUES ('messages', $$kind = 'user_message'$$, 'session_id'), ('users', $$kind = 'user_message'$$, 'user_id'),
	('pages', $$kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)$$, 'session_id');
CREATE TEMP TABLE asked (zone text, measure text, sources text[], filter text);
INSERT INTO asked SELECT z, p.measure, f.sources, f.filter
FROM unnest('{Europe/Oslo,America/St_Johns,Pacific/Apia,Atlantic/Azores}'::text[]) AS z, plain AS p,
	(VALUES (NULL::text[], 'true'), ('{web,app}', $$source IN ('web', 'app')$$), ('{-test}', $$source IS DISTINCT FROM 'test'$$)) AS f(sources, filter);

-- Who was there on which local date.
CREATE FUNCTION pg_temp.present(a asked) RETURNS TABLE (member text, day date) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT DISTINCT %s, (occurred_at AT TIME ZONE %L)::date FROM kept_event WHERE %s AND %s AND %1$s IS NOT NULL',
		(SELECT p.member FROM plain AS p WHERE p.measure = a.measure), a.zone, (SELECT p.condition FROM plain AS p WHERE p.measure = a.measure), a.filter);
END $$;
CREATE TEMP VIEW kept_event AS SELECT * FROM presence_event WHERE bot_id = 3102;

CREATE FUNCTION pg_temp.wrong(a asked) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE IF EXISTS there, first_day, expected_cohort, rows_of_pages;
	CREATE TEMP TABLE there AS SELECT * FROM pg_temp.present(a);
	CREATE TEMP TABLE first_day AS SELECT member, min(day) AS day FROM there GROUP BY member;
	CREATE TEMP TABLE expected_cohort AS
	SELECT date_trunc('week', f.day)::date AS cohort, date_trunc('week', t.day)::date AS week, count(DISTINCT member) AS members
	FROM there AS t JOIN first_day AS f USING (member) GROUP BY 1, 2;
	RETURN nullif(concat_ws(', ',
		(SELECT 'active ' || count(*) FROM kindly_stats.stats_active(3102, '2011-12-01', '2012-02-01', a.zone, a.measure, a.sources) AS s,
			LATERAL (SELECT count(DISTINCT member) FILTER (WHERE day = s.date::date) AS daily, count(DISTINCT member) FILTER (WHERE day > s.date::date - 7) AS last_7,
				count(DISTINCT member) FILTER (WHERE day > s.date::date - 28) AS last_28, count(DISTINCT member) AS last_30
				FROM there WHERE day > s.date::date - 30 AND day <= s.date::date) AS x
		 WHERE (s.daily, s.last_7, s.last_28, s.last_30) IS DISTINCT FROM (x.daily, x.last_7, x.last_28, x.last_30) HAVING count(*) > 0),
		(SELECT 'days ' || count(*) FROM kindly_stats.stats_active(3102, '2011-12-01', '2012-02-01', a.zone, a.measure, a.sources) AS s
		 HAVING count(*) <> 62 - (a.zone = 'Pacific/Apia')::int),
		(SELECT 'new ' || count(*) FROM kindly_stats.stats_new_returning(3102, '2011-11-28', '2012-02-20', a.zone, 'week', a.measure, a.sources) AS s,
			LATERAL (SELECT count(DISTINCT member) AS everybody, count(DISTINCT member) FILTER (WHERE f.day >= s.date::date) AS fresh
				FROM there AS t JOIN first_day AS f USING (member) WHERE date_trunc('week', t.day) = s.date) AS x
		 WHERE (s.distinct_count, s.new_count, s.returning_count) IS DISTINCT FROM (x.everybody, x.fresh, x.everybody - x.fresh) HAVING count(*) > 0),
		(SELECT 'retention ' || count(*) FROM kindly_stats.stats_retention(3102, '2011-11-28', '2012-02-20', a.zone, 'week', a.measure, a.sources) AS s
			LEFT JOIN expected_cohort AS o ON o.cohort = s.cohort_date AND o.week = s.cohort_date
			LEFT JOIN expected_cohort AS e ON e.cohort = s.cohort_date AND e.week = s.date
		 WHERE (s.size, s.distinct_count, s.age) IS DISTINCT FROM (coalesce(o.members, 0), coalesce(e.members, 0), (s.date::date - s.cohort_date::date) / 7)
		 HAVING count(*) > 0),
		(SELECT 'cohorts ' || count(*) FROM kindly_stats.stats_retention(3102, '2011-11-28', '2012-02-20', a.zone, 'week', a.measure, a.sources) HAVING count(*) <> 78)), '');
END $$;
SELECT count(*) AS asked FROM asked;
SELECT a.zone, a.measure, a.filter, w FROM asked AS a, pg_temp.wrong(a) AS w WHERE w IS NOT NULL;
-- many rows of the rollup, then one a month; then all over again by a month, purged and kept
CALL kindly_stats.compact();
SELECT a.zone, a.measure, a.filter, w FROM asked AS a, pg_temp.wrong(a) AS w WHERE w IS NOT NULL;
DELETE FROM presence_event WHERE bot_id = 3102 AND user_id LIKE '1%' AND occurred_at > '2011-12-15';
CREATE TEMP TABLE gone AS SELECT * FROM presence_event WHERE bot_id = 3102 AND occurred_at < '2011-12-20';
SELECT kindly_stats.purge('presence_event', '2011-12-20') > 0 AS purged;
CREATE OR REPLACE TEMP VIEW kept_event AS SELECT * FROM presence_event WHERE bot_id = 3102 UNION ALL SELECT * FROM gone;
SELECT a.zone, a.measure, a.filter, w FROM asked AS a, pg_temp.wrong(a) AS w WHERE w IS NOT NULL;

-- hours and months, cohorts with an irregular first bucket; several measures of one column; groups
SELECT sum(distinct_count - new_count - returning_count) AS nothing, count(*) FROM kindly_stats.stats_new_returning(3102, '2012-01-10', '2012-01-12', 'UTC', 'hour');
SELECT count(*), bool_or(is_partial) AS some_partial FROM kindly_stats.stats_retention(3102, '2011-11-15', '2012-02-20', 'UTC', 'month');
SELECT f.step, f.distinct_count = x.expected AS right
FROM kindly_stats.stats_funnel(3102, '2011-12-01', '2012-03-01', 'UTC', '{messages,pages}', sources => '{-test}') AS f,
	(SELECT count(DISTINCT session_id) AS messages, count(DISTINCT session_id) FILTER (WHERE web_host IS NOT NULL OR web_path IS NOT NULL) AS pages FROM kept_event
	 WHERE kind = 'user_message' AND source IS DISTINCT FROM 'test' AND occurred_at >= '2011-12-01Z' AND occurred_at < '2012-03-01Z') AS e,
	LATERAL (SELECT CASE f.step WHEN 1 THEN e.messages ELSE e.pages END AS expected) AS x;
SELECT count(*) AS differences FROM (
	(SELECT value, date, count, distinct_count FROM kindly_stats.stats_series_by(3102, '2011-12-01', '2012-03-01', 'UTC', by => 'language_code', granularity => 'month')
	 EXCEPT ALL
	 SELECT language_code, date_trunc('month', occurred_at AT TIME ZONE 'UTC'), count(*), count(DISTINCT session_id) FROM kept_event
	 WHERE kind = 'user_message' AND occurred_at >= '2011-12-01Z' AND occurred_at < '2012-03-01Z' GROUP BY 1, 2)
	UNION ALL
	(SELECT value, NULL::timestamp, count, distinct_count FROM kindly_stats.stats_total_by(3102, '2011-12-01', '2012-03-01', 'UTC', by => 'web_host', measure => 'pages')
	 EXCEPT ALL
	 SELECT web_host, NULL::timestamp, count(*), count(DISTINCT session_id) FROM kept_event
	 WHERE kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL) AND occurred_at >= '2011-12-01Z' AND occurred_at < '2012-03-01Z' GROUP BY 1)) AS d;

-- an unknown bot, no members, a date that never was
SELECT count(*), sum(last_30) FROM kindly_stats.stats_active(3199, '2012-01-01', '2012-01-31');
SELECT sum(daily), sum(stickiness) FROM kindly_stats.stats_active(3102, '2012-01-01', '2012-01-31', measure => 'replies');
SELECT count(*) FROM kindly_stats.stats_active(3102, '2011-12-30', '2011-12-31', 'Pacific/Apia');
SELECT count(*) FROM kindly_stats.stats_retention(3102, '2011-12-30', '2011-12-31', 'Pacific/Apia', 'day');
SELECT * FROM kindly_stats.stats_funnel(3199, '2012-01-01', '2012-01-31', measures => '{messages,pages}');
SELECT count(*), min(date::date) FROM kindly_stats.stats_active(3102, '0001-01-03', '0001-01-05', 'UTC');

-- what makes no sense
SELECT pg_temp.failure(q) FROM unnest(ARRAY[
	$q$SELECT * FROM kindly_stats.stats_active(3102, '2012-01-01', '2012-01-31', measure => 'nothing')$q$,
	$q$SELECT * FROM kindly_stats.stats_active(3102, '2012-01-31', '2012-01-01')$q$,
	$q$SELECT * FROM kindly_stats.stats_active(NULL, '2012-01-31', '2012-01-01')$q$,
	$q$SELECT * FROM kindly_stats.stats_retention(3102, '2012-01-01', '2012-01-31', granularity => 'fortnight')$q$,
	$q$SELECT * FROM kindly_stats.stats_retention(3102, '1900-01-01', '2012-01-31', granularity => 'day')$q$,
	$q$SELECT * FROM kindly_stats.stats_retention(31, '0001-01-01', '2012-01-31')$q$,
	$q$SELECT * FROM kindly_stats.stats_funnel(3102, '2012-01-01', '2012-01-31')$q$,
	$q$SELECT * FROM kindly_stats.stats_funnel(3102, '2012-01-01', '2012-01-31', measures => '{messages}')$q$,
	$q$SELECT * FROM kindly_stats.stats_funnel(3102, '2012-01-01', '2012-01-31', measures => '{messages,users}')$q$,
	$q$SELECT * FROM kindly_stats.stats_funnel(3102, '2012-01-01', '2012-01-31', measures => '{messages,replies}')$q$,
	$q$SELECT * FROM kindly_stats.stats_funnel(3102, '2012-01-01', '2012-01-31', measures => '{messages,nothing}')$q$,
	$q$SELECT * FROM kindly_stats.stats_funnel(3102, '2012-01-01', '2012-01-31', measures => '{messages,NULL}')$q$,
	$q$SELECT * FROM kindly_stats.stats_series_by(3102, '2012-01-01', '2012-01-31', by => 'web_host')$q$,
	$q$SELECT * FROM kindly_stats.stats_total_by(3102, '2012-01-01', '2012-01-31', by => '')$q$,
	$q$SELECT kindly_stats.presence_agg(measure, tally, ROW('users', '{-infinity,infinity}', NULL, true, NULL)::kindly_stats.tally_query, '{7,1}', false) FROM kindly_stats.rollup$q$,
	$q$SELECT kindly_stats.presence_agg(measure, tally, ROW('users', '{-infinity,infinity}', NULL, true, NULL)::kindly_stats.tally_query, '{0}', false) FROM kindly_stats.rollup$q$,
	$q$SELECT kindly_stats.presence_agg(measure, tally, ROW('users', NULL, NULL, true, NULL)::kindly_stats.tally_query, '{1}', false) FROM kindly_stats.rollup$q$]) AS q;
-- one row, and a window that nothing fills
SELECT kindly_stats.presence_agg('users', NULL, ROW('users', '{-infinity,infinity}', NULL, true, NULL)::kindly_stats.tally_query, '{1,7}', false);
