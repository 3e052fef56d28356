--
-- stats_series, stats_total, stats_options, fallback_rate
--
SET timezone = 'Europe/Oslo';
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

-- two years of events that look random: 8000 in one statement, a hundred one by one, then corrections and deletions
SET kindly_stats.compact_after = 0;
SELECT kindly_stats.create_event_table('stats_event');
CREATE FUNCTION pg_temp.add_events(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO stats_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path,
	button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating)
SELECT 3001, timestamptz '2019-01-01 00:00Z' + interval '1 microsecond' * ((n::bigint * 48271000003 * 7919) % (730::bigint * 86400000000)),
	(ARRAY['user_message', 'user_message', 'user_message', 'bot_reply', 'bot_reply', 'button_click', 'feedback', 'label_added', 'handover_started', 'other'])[1 + n % 10],
	nullif(n * 31 % 997, 0)::text, nullif(n * 17 % 211, 0)::text, (ARRAY['web', 'app', 'test', NULL, 'sms'])[1 + n / 10 % 5],
	(ARRAY['en', 'nb', NULL])[1 + n / 7 % 3], (ARRAY[true, false, NULL])[1 + n / 3 % 3],
	(ARRAY['a.example', 'b.example', NULL])[1 + n / 11 % 3], '/' || nullif(n / 13 % 6, 0), 'b' || nullif(n / 11 % 13, 0), (ARRAY['link', 'quick_reply'])[1 + n / 11 % 2],
	'd' || n / 11 % 3, 'l' || n / 11 % 5, (ARRAY['Å', 'a', 'B', NULL])[1 + n / 11 % 4], (ARRAY['binary', 'emojis'])[1 + n / 11 % 2], 1 + n / 17 % 3
FROM generate_series(first, last) AS n
$$;
SELECT pg_temp.add_events(1, 8000);
DO $$ BEGIN
	FOR n IN 8001 .. 8100 LOOP
		PERFORM pg_temp.add_events(n, n);
	END LOOP;
END $$;
UPDATE stats_event SET source = 'web', occurred_at = occurred_at + interval '400 days' WHERE user_id = '7';
UPDATE stats_event SET session_id = '1', kind = 'user_message' WHERE user_id = '8';
DELETE FROM stats_event WHERE user_id IN ('9', '10') OR session_id = '100';
ANALYZE stats_event;

-- what each measure counts, in plain SQL
CREATE TEMP TABLE plain (measure text, condition text, member text);
INSERT INTO plain VALUES ('events', 'true', 'NULL::text'), ('messages', $$kind = 'user_message'$$, 'session_id'),
	('users', $$kind = 'user_message'$$, 'user_id'), ('replies', $$kind = 'bot_reply'$$, 'NULL::text'),
	('fallbacks', $$kind = 'bot_reply' AND is_fallback$$, 'NULL::text'),
	('pages', $$kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)$$, 'session_id'),
	('buttons', $$kind = 'button_click'$$, 'NULL::text'), ('labels', $$kind = 'label_added'$$, 'NULL::text'),
	('feedback', $$kind = 'feedback'$$, 'user_id'), ('handovers_started', $$kind = 'handover_started'$$, 'NULL::text'),
	('handovers_ended', $$kind = 'handover_ended'$$, 'NULL::text');

-- every row of a series, against intervals() joined with the events
CREATE FUNCTION pg_temp.check_series("from" text, "to" text, tz text, unit text, measure text, arguments text DEFAULT '', filter text DEFAULT 'true')
RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format('SELECT bucket, date, count, distinct_count, is_partial FROM kindly_stats.stats_series(3001, %L, %L, %L, %L, %L%s)', "from", "to", tz, unit, measure, arguments),
	format('SELECT b.bucket, b.date, count(e.bot_id), count(DISTINCT %6$s), b.is_partial FROM kindly_stats.buckets(%1$L, %2$L, %3$L, %4$L) AS b'
		' LEFT JOIN (kindly_stats.intervals(%1$L, %2$L, %3$L, %4$L) AS i JOIN stats_event AS e ON e.bot_id = 3001'
		' AND e.occurred_at >= i.starts_at AND e.occurred_at < i.ends_at AND %5$s AND %7$s) ON i.bucket = b.bucket GROUP BY b.bucket, b.date, b.is_partial',
		"from", "to", tz, unit, condition, member, filter))
FROM plain WHERE plain.measure = check_series.measure
$$;
-- and against date_trunc, where that is right
CREATE FUNCTION pg_temp.check_trunc("from" timestamp, "to" timestamp, tz text, unit text, measure text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format('SELECT bucket, date, count, distinct_count FROM kindly_stats.stats_series(3001, %L, %L, %L, %L, %L) WHERE count <> 0', "from", "to", tz, unit, measure),
	format('SELECT date_trunc(%4$L, occurred_at, %3$L) AS b, date_trunc(%4$L, occurred_at, %3$L) AT TIME ZONE %3$L, count(*), count(DISTINCT %6$s) FROM stats_event WHERE bot_id = 3001'
		' AND occurred_at >= %1$L::timestamp AT TIME ZONE %3$L AND occurred_at < %2$L::timestamp AT TIME ZONE %3$L AND %5$s GROUP BY b',
		"from", "to", tz, unit, condition, member))
FROM plain WHERE plain.measure = check_trunc.measure
$$;
CREATE FUNCTION pg_temp.check_all() RETURNS TABLE (what text, differences bigint) LANGUAGE sql AS $$
SELECT concat_ws(' ', tz, unit, measure), pg_temp.check_series('2019-02-13 10:00', '2020-11-03 15:30', tz, unit, measure)
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Atlantic/Azores', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu', '+05:45']) AS tz,
	unnest(ARRAY['day', 'week', 'quarter']) AS unit, unnest(ARRAY['messages']) AS measure
UNION ALL
SELECT concat_ws(' ', tz, 'hour', measure), pg_temp.check_series('2019-10-26 10:30', '2019-11-04 11:30', tz, 'hour', measure)
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Atlantic/Azores', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['messages', 'events']) AS measure
UNION ALL
SELECT concat_ws(' ', 'every measure', unit, measure), pg_temp.check_series('2019-01-01', '2021-01-01', 'America/New_York', unit, measure)
FROM unnest(ARRAY['day', 'year']) AS unit, plain
UNION ALL
SELECT concat_ws(' ', 'date_trunc', tz, unit, measure), pg_temp.check_trunc('2019-03-01', '2020-08-01', tz, unit, measure)
FROM unnest(ARRAY['UTC', 'Europe/Oslo']) AS tz, unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year']) AS unit, unnest(ARRAY['messages', 'users']) AS measure
$$;
SELECT count(*) AS questions, count(*) FILTER (WHERE differences = 0) AS right_answers FROM pg_temp.check_all();
-- the same from rows that have been compacted
SELECT count(*) > 26 AS many_rows FROM kindly_stats.rollup WHERE bot_id = 3001 AND measure = '';
CALL kindly_stats.compact(3001);
SELECT count(*) AS too_many_rows FROM (SELECT FROM kindly_stats.rollup WHERE bot_id = 3001 AND cluster IS NULL GROUP BY month, measure HAVING count(*) > 1) AS m;
SELECT what, differences FROM pg_temp.check_all() WHERE differences <> 0;
SELECT * FROM kindly_stats.verify(3001);

-- defaults: messages by day, in the session's zone
SELECT * FROM kindly_stats.stats_series(3001, '2019-03-30', '2019-04-02');
SET timezone = 'America/Los_Angeles';
SELECT * FROM kindly_stats.stats_series(3001, '2019-03-30', '2019-04-02');
SELECT pg_temp.differences('SELECT * FROM kindly_stats.stats_series(3001, ''2019-03-30'', ''2019-04-02'', NULL, NULL, NULL, NULL, NULL, NULL, NULL)',
	'SELECT * FROM kindly_stats.stats_series(3001, ''2019-03-30'', ''2019-04-02'', ''America/Los_Angeles'', ''day'', ''messages'')');
SET timezone = 'Europe/Oslo';
-- a longer bucket that the range covers in part
SELECT * FROM kindly_stats.stats_series(3001, '2019-03-13', '2019-03-27', granularity => 'week');
SELECT * FROM kindly_stats.stats_series(3001, '2019-02-01', '2019-04-01', granularity => 'month', measure => 'users');
-- nothing there
SELECT * FROM kindly_stats.stats_series(3999, '2019-03-30', '2019-04-01');
SELECT * FROM kindly_stats.stats_series(3001, '1905-03-30', '1905-04-01', 'UTC');
-- hours without a limit
SELECT count(*), sum(count) = (SELECT count FROM kindly_stats.stats_total(3001, '2019-01-01', '2021-01-01')) AS all_of_them
FROM kindly_stats.stats_series(3001, '2019-01-01', '2021-01-01', granularity => 'hour');

-- stats_total: counts are sums of the series, distinct counts are not
CREATE FUNCTION pg_temp.check_total("from" timestamp, "to" timestamp, tz text, unit text, measure text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format('SELECT * FROM kindly_stats.stats_total(3001, %L, %L, %L, %L, %L)', "from", "to", tz, unit, measure),
	format('SELECT count(*), count(DISTINCT %6$s) FROM stats_event WHERE bot_id = 3001'
		' AND occurred_at >= date_trunc(%4$L, %1$L::timestamp) AT TIME ZONE %3$L AND occurred_at < (date_trunc(%4$L, %2$L::timestamp) + (''1 '' || %4$L)::interval) AT TIME ZONE %3$L AND %5$s',
		"from", "to", tz, unit, condition, member))
FROM plain WHERE plain.measure = check_total.measure
$$;
SELECT measure, array_agg(pg_temp.check_total('2019-03-10 10:10', '2020-10-10 10:10', tz, unit, measure) ORDER BY unit, tz) AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['hour', 'day']) AS unit, plain GROUP BY measure ORDER BY measure COLLATE "C";
SELECT * FROM kindly_stats.stats_total(3001, '2019-03-10', '2019-03-12');
SELECT * FROM kindly_stats.stats_total(3001, '2019-03-10 12:00', '2019-03-12 12:00');
SELECT * FROM kindly_stats.stats_total(3001, '2019-03-10 12:00', '2019-03-12 12:00', granularity => 'hour');
SELECT * FROM kindly_stats.stats_total(3999, '2019-03-10', '2019-03-12');
-- in Havana, midnight came twice on 2019-11-03
SELECT pg_temp.differences($q$SELECT * FROM kindly_stats.stats_total(3001, '2019-11-02', '2019-11-05', 'America/Havana')$q$,
	$q$SELECT count(*), count(DISTINCT session_id) FROM stats_event WHERE bot_id = 3001 AND kind = 'user_message'
		AND (occurred_at AT TIME ZONE 'America/Havana')::date BETWEEN '2019-11-02' AND '2019-11-04'$q$) AS differences;

-- stats_options: exact instants
SELECT pg_temp.differences('SELECT * FROM kindly_stats.stats_options(3001)',
	$q$SELECT min(occurred_at), max(occurred_at), array_agg(DISTINCT source COLLATE "C") FILTER (WHERE source IS NOT NULL),
		array_agg(DISTINCT language_code COLLATE "C") FILTER (WHERE language_code IS NOT NULL) FROM stats_event WHERE bot_id = 3001$q$) AS differences;
SELECT * FROM kindly_stats.stats_options(3001);
SELECT * FROM kindly_stats.stats_options(3999);
-- without the outermost events, again and again: the edge of their quarter hour, outward, until a repair looks at the events
CREATE FUNCTION pg_temp.near_stats_event(bot bigint) RETURNS boolean LANGUAGE sql AS $$
	SELECT o.first <= e.first AND o.first > e.first - interval '15 minutes' AND o.last >= e.last AND o.last < e.last + interval '15 minutes'
	FROM kindly_stats.stats_options(bot) AS o, (SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM stats_event WHERE bot_id = bot) AS e
$$;
DO $$ BEGIN
	FOR i IN 1 .. 20 LOOP
		DELETE FROM stats_event WHERE bot_id = 3001 AND occurred_at IN (SELECT min(occurred_at) FROM stats_event WHERE bot_id = 3001 UNION SELECT max(occurred_at) FROM stats_event WHERE bot_id = 3001);
		IF i % 7 = 0 THEN
			CALL kindly_stats.compact(3001);
		END IF;
		ASSERT pg_temp.near_stats_event(3001);
	END LOOP;
END $$;
-- without a whole month
DELETE FROM stats_event WHERE bot_id = 3001 AND occurred_at < '2019-03-01 12:00Z';
SELECT pg_temp.near_stats_event(3001);
SELECT kindly_stats.rebuild(3001) > 0 AS changed;
SELECT first = (SELECT min(occurred_at) FROM stats_event WHERE bot_id = 3001) AS first, last = (SELECT max(occurred_at) FROM stats_event WHERE bot_id = 3001) AS last FROM kindly_stats.stats_options(3001);

-- fallback_rate: of the bot, and of any rows
SELECT pg_temp.differences('SELECT * FROM kindly_stats.fallback_rate(3001, ''2019-05-01'', ''2020-02-01'', sources => ''{-test}'')',
	$q$SELECT count(*) FILTER (WHERE is_fallback), count(*) FILTER (WHERE is_fallback)::float8 / count(*) FROM stats_event WHERE bot_id = 3001 AND kind = 'bot_reply'
		AND occurred_at >= '2019-05-01' AND occurred_at < '2020-02-01' AND source IS DISTINCT FROM 'test'$q$) AS differences;
SELECT * FROM kindly_stats.fallback_rate(3001, '2019-05-01', '2020-02-01', 'UTC', '{web,app}', '{-nb}');
SELECT count, rate IS NULL AS no_rate FROM kindly_stats.fallback_rate(3999, '2019-05-01', '2020-02-01');
SELECT kindly_stats.fallback_rate(x) AS rate FROM (VALUES (true), (false), (NULL), (true)) AS v (x);
SELECT kindly_stats.fallback_rate(x) IS NULL AS none, kindly_stats.fallback_rate(x) FILTER (WHERE x) IS NULL AS filtered FROM (VALUES (NULL::boolean)) AS v (x);
SELECT kindly_stats.fallback_rate(true) IS NULL AS empty FROM stats_event WHERE false;
SELECT kindly_stats.fallback_rate(is_fallback) = count(*) FILTER (WHERE is_fallback)::float8 / count(is_fallback) AS same FROM stats_event;
SELECT n, kindly_stats.fallback_rate(n = 2) OVER (ORDER BY n) FROM generate_series(1, 3) AS n;
-- in parallel, as in one go
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT kindly_stats.fallback_rate(is_fallback) = count(*) FILTER (WHERE is_fallback)::float8 / count(is_fallback) AS same FROM stats_event;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

DELETE FROM stats_event;
SELECT * FROM kindly_stats.stats_options(3001);
DROP TABLE stats_event;
