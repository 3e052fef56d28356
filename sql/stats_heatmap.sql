--
-- stats_heatmap: weekdays and hours of the local clock
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

-- two years of events that look random: 6000 in one statement, a hundred one by one, then corrections and deletions
SELECT kindly_stats.create_event_table('stats_heatmap_event');
CREATE FUNCTION pg_temp.add_events(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO stats_heatmap_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path,
	button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating)
SELECT 3021, timestamptz '2019-01-01 00:00Z' + interval '1 microsecond' * ((n::bigint * 48271000003 * 7919) % (730::bigint * 86400000000)),
	(ARRAY['user_message', 'user_message', 'user_message', 'bot_reply', 'bot_reply', 'button_click', 'feedback', 'label_added', 'handover_started', 'other'])[1 + n % 10],
	nullif(n * 31 % 997, 0)::text, nullif(n * 17 % 211, 0)::text, (ARRAY['web', 'app', 'test', NULL, 'sms'])[1 + n / 10 % 5],
	(ARRAY['en', 'nb', NULL])[1 + n / 7 % 3], (ARRAY[true, false, NULL])[1 + n / 3 % 3],
	(ARRAY['a.example', 'b.example', NULL])[1 + n / 11 % 3], '/' || nullif(n / 13 % 6, 0), 'b' || nullif(n / 11 % 13, 0), (ARRAY['link', 'quick_reply'])[1 + n / 11 % 2],
	'd' || n / 11 % 3, 'l' || n / 11 % 5, (ARRAY['Å', 'a', 'B', NULL])[1 + n / 11 % 4], (ARRAY['binary', 'emojis'])[1 + n / 11 % 2], 1 + n / 17 % 3
FROM generate_series(first, last) AS n
$$;
SELECT pg_temp.add_events(1, 6000);
DO $$ BEGIN
	FOR n IN 6001 .. 6100 LOOP
		PERFORM pg_temp.add_events(n, n);
	END LOOP;
END $$;
UPDATE stats_heatmap_event SET source = 'web', occurred_at = occurred_at + interval '400 days' WHERE user_id = '7';
UPDATE stats_heatmap_event SET session_id = '1', kind = 'user_message' WHERE user_id = '8';
DELETE FROM stats_heatmap_event WHERE user_id IN ('9', '10') OR session_id = '100';
ANALYZE stats_heatmap_event;

-- what each measure counts, in plain SQL
CREATE TEMP TABLE plain (measure text, condition text, member text);
INSERT INTO plain VALUES ('events', 'true', 'NULL::text'), ('messages', $$kind = 'user_message'$$, 'session_id'),
	('users', $$kind = 'user_message'$$, 'user_id'), ('replies', $$kind = 'bot_reply'$$, 'NULL::text'),
	('fallbacks', $$kind = 'bot_reply' AND is_fallback$$, 'NULL::text'),
	('pages', $$kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)$$, 'session_id'),
	('buttons', $$kind = 'button_click'$$, 'NULL::text'), ('labels', $$kind = 'label_added'$$, 'NULL::text'),
	('feedback', $$kind = 'feedback'$$, 'NULL::text'), ('handovers_started', $$kind = 'handover_started'$$, 'NULL::text'),
	('handovers_ended', $$kind = 'handover_ended'$$, 'NULL::text');

CREATE FUNCTION pg_temp.check_heatmap("from" timestamp, "to" timestamp, tz text, measure text, arguments text DEFAULT '', filter text DEFAULT 'true') RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format('SELECT day, hour, count, distinct_count FROM kindly_stats.stats_heatmap(3021, %L, %L, %L, %L%s)', "from", "to", tz, measure, arguments),
	format($q$SELECT day, hour, count(e.bot_id), count(DISTINCT %5$s) FROM generate_series(0, 6) AS day CROSS JOIN generate_series(0, 23) AS hour
		LEFT JOIN stats_heatmap_event AS e ON bot_id = 3021 AND occurred_at >= timestamp %1$L AT TIME ZONE %3$L AND occurred_at < timestamp %2$L AT TIME ZONE %3$L AND %4$s AND %6$s
		AND extract(dow FROM occurred_at AT TIME ZONE %3$L) = day AND extract(hour FROM occurred_at AT TIME ZONE %3$L) = hour GROUP BY day, hour$q$,
		"from", "to", tz, condition, member, filter))
FROM plain WHERE plain.measure = check_heatmap.measure
$$;
-- two years, a day, an hour, the days when clocks change, half hours
SELECT tz, measure, array_agg(pg_temp.check_heatmap("from"::timestamp, "to", tz, measure) ORDER BY "from" COLLATE "C") AS differences
FROM (VALUES ('2019-01-01', timestamp '2021-01-01'), ('2019-07-03', '2019-07-04'), ('2019-07-03 12:00', '2019-07-03 13:00'),
		('2019-10-27', '2019-10-28'), ('2019-03-31', '2019-04-01'), ('2019-12-29 22:00', '2020-01-05 03:00')) AS r ("from", "to"),
	unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu', 'Pacific/Auckland', 'Pacific/Pago_Pago']) AS tz, unnest(ARRAY['messages', 'replies', 'pages']) AS measure
GROUP BY tz, measure ORDER BY tz COLLATE "C", measure COLLATE "C";
-- before 2000, where instants are negative
INSERT INTO stats_heatmap_event (bot_id, occurred_at, kind, session_id)
SELECT 3021, timestamptz '1985-11-30 22:10Z' + n * interval '61 minutes', 'user_message', (n % 40)::text FROM generate_series(0, 400) AS n;
SELECT pg_temp.check_heatmap('1985-12-01', '1985-12-15', 'Europe/Oslo', 'messages') AS before_2000, pg_temp.check_heatmap('1985-12-01', '2019-03-15', 'America/New_York', 'messages') AS around_2000;
-- from and to reach outward to whole hours
SELECT pg_temp.differences($q$SELECT day, hour, count, distinct_count FROM kindly_stats.stats_heatmap(3021, '2019-03-10 10:59', '2019-11-10 11:01')$q$,
	$q$SELECT day, hour, count, distinct_count FROM kindly_stats.stats_heatmap(3021, '2019-03-10 10:00', '2019-11-10 12:00', 'Europe/Oslo', 'messages')$q$) AS differences;
-- filters and keys
SELECT arguments, pg_temp.check_heatmap('2019-01-01', '2020-01-01', 'Europe/Oslo', 'pages', arguments, filter) AS differences FROM (VALUES
	(', sources => ''{web,app}''', 'source IN (''web'', ''app'')'), (', language_codes => ''{-nb}''', 'language_code IS DISTINCT FROM ''nb'''),
	(', key => ''{a.example}''', 'web_host = ''a.example'''), (', key => ''{NULL,/3}''', 'web_path = ''/3'''), (', sources => ''{nowhere}''', 'false')) AS f (arguments, filter);
SELECT count(*) AS cells, min(day) AS sunday, max(day) AS saturday, min(hour) AS first, max(hour) AS last, sum(count) AS nothing FROM kindly_stats.stats_heatmap(3999, '2019-01-01', '2020-01-01');
CALL kindly_stats.compact(3021);
SELECT pg_temp.check_heatmap('2019-01-01', '2021-01-01', 'Europe/Oslo', 'messages') AS compacted;
SELECT day, hour, count, distinct_count FROM kindly_stats.stats_heatmap(3021, '2019-01-01', '2021-01-01', measure => 'users') WHERE day = 1 AND hour BETWEEN 8 AND 11;

DELETE FROM stats_heatmap_event;
DROP TABLE stats_heatmap_event;
