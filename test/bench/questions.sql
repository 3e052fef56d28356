--
-- What questions cost beside hand-written SQL on the same events (medians in
-- milliseconds, and how many times quicker).
--
--     createdb bench
--     psql -X -q -f test/bench/questions.sql bench
--
-- One made-up bot: 150,000 sessions in a year, about 1.9 million events.  The
-- hand-written side has a covering index, work_mem and no JIT; each answer is
-- compared with ours first.  Needs some 800 MB and a minute or two.
--
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET jit = off;
SET work_mem = '256MB';
SET max_parallel_workers_per_gather = 0;
SET timezone = 'Europe/Oslo';
CREATE EXTENSION IF NOT EXISTS kindly_stats;
DROP TABLE IF EXISTS bench_event;
DROP TABLE IF EXISTS kindly_stats.rollup, kindly_stats.measure, kindly_stats.purged;
SELECT kindly_stats.create_event_table('bench_event') \g /dev/null

\set table bench_event
\set bots 1
\set sessions 150000
\set year 2025
\ir ../generate.sql
CALL kindly_stats.compact();
CREATE INDEX ON bench_event (bot_id, kind, occurred_at) INCLUDE (session_id, source, language_code, is_fallback);
VACUUM ANALYZE bench_event;
VACUUM ANALYZE kindly_stats.rollup;

-- Median of the prepared statement of that name, after one run that does not count.
CREATE FUNCTION pg_temp.ms(statement name, times integer) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	took double precision[];
BEGIN
	EXECUTE format('EXECUTE %I', statement);
	FOR i IN 1 .. times LOOP
		began := clock_timestamp();
		EXECUTE format('EXECUTE %I', statement);
		took := took || extract(epoch FROM clock_timestamp() - began)::double precision * 1000;
	END LOOP;
	RETURN (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) t)::numeric;
END $$;

-- Days of the year in Oslo by hand: date_trunc is right there.
PREPARE messages AS SELECT date, count FROM kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE messages_sage AS SELECT sage.sessions_messages(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE messages_sql AS SELECT d::timestamp AS date, count(e.occurred_at)
	FROM generate_series('2025-01-01'::date, '2025-12-31', '1 day') AS d
	LEFT JOIN bench_event AS e ON e.bot_id = 1 AND e.kind = 'user_message' AND e.occurred_at >= '2025-01-01 Europe/Oslo' AND e.occurred_at < '2026-01-01 Europe/Oslo'
	  AND (e.occurred_at AT TIME ZONE 'Europe/Oslo')::date = d::date GROUP BY 1 ORDER BY 1;
PREPARE chats AS SELECT date, distinct_count FROM kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE chats_sage AS SELECT sage.sessions_chats(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE chats_sql AS SELECT date_trunc('day', occurred_at, 'Europe/Oslo') AT TIME ZONE 'Europe/Oslo' AS date, count(DISTINCT session_id)
	FROM bench_event WHERE bot_id = 1 AND kind = 'user_message' AND occurred_at >= '2025-01-01 Europe/Oslo' AND occurred_at < '2026-01-01 Europe/Oslo' GROUP BY 1 ORDER BY 1;
PREPARE filtered AS SELECT date, distinct_count FROM kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', 'Europe/Oslo', sources => '{web,app}', language_codes => '{en}');
PREPARE filtered_sage AS SELECT sage.sessions_chats(1, '2025-01-01', '2026-01-01', 'Europe/Oslo', sources => 'web,app', language_codes => 'en');
PREPARE filtered_sql AS SELECT date_trunc('day', occurred_at, 'Europe/Oslo') AT TIME ZONE 'Europe/Oslo' AS date, count(DISTINCT session_id)
	FROM bench_event WHERE bot_id = 1 AND kind = 'user_message' AND occurred_at >= '2025-01-01 Europe/Oslo' AND occurred_at < '2026-01-01 Europe/Oslo'
	  AND source IN ('web', 'app') AND language_code = 'en' GROUP BY 1 ORDER BY 1;
PREPARE sessions AS SELECT distinct_count FROM kindly_stats.stats_total(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE sessions_sql AS SELECT count(DISTINCT session_id)
	FROM bench_event WHERE bot_id = 1 AND kind = 'user_message' AND occurred_at >= '2025-01-01 Europe/Oslo' AND occurred_at < '2026-01-01 Europe/Oslo';
PREPARE fallbacks AS SELECT count, rate FROM kindly_stats.fallback_rate(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE fallbacks_sage AS SELECT sage.fallbacks_series(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE fallbacks_sql AS SELECT count(*) FILTER (WHERE is_fallback), count(*) FILTER (WHERE is_fallback)::float8 / count(*)
	FROM bench_event WHERE bot_id = 1 AND kind = 'bot_reply' AND occurred_at >= '2025-01-01 Europe/Oslo' AND occurred_at < '2026-01-01 Europe/Oslo';
PREPARE pages AS SELECT key[1], key[2], count, distinct_count FROM kindly_stats.stats_top(1, '2025-01-01', '2026-01-01', 'Europe/Oslo', 'pages', 3);
PREPARE pages_sage AS SELECT sage.chatbubble_pages(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE pages_sql AS SELECT web_host, web_path, count(*), count(DISTINCT session_id)
	FROM bench_event WHERE bot_id = 1 AND kind = 'user_message' AND occurred_at >= '2025-01-01 Europe/Oslo' AND occurred_at < '2026-01-01 Europe/Oslo'
	  AND web_host IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, web_host COLLATE "C", web_path COLLATE "C" LIMIT 3;
PREPARE buttons AS SELECT button_id, button_type, dialogue_id, count FROM kindly_stats.top_buttons(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE buttons_sage AS SELECT sage.buttons_most_clicked(1, '2025-01-01', '2026-01-01', 'Europe/Oslo');
PREPARE buttons_sql AS SELECT button_id, button_type, dialogue_id, count(*)
	FROM bench_event WHERE bot_id = 1 AND kind = 'button_click' AND occurred_at >= '2025-01-01 Europe/Oslo' AND occurred_at < '2026-01-01 Europe/Oslo'
	GROUP BY 1, 2, 3 ORDER BY 4 DESC, button_id COLLATE "C", button_type COLLATE "C", dialogue_id COLLATE "C" LIMIT 5;
PREPARE options AS SELECT first, last FROM kindly_stats.stats_options(1);
PREPARE options_sage AS SELECT sage.meta_options(1);
PREPARE options_sql AS SELECT min(occurred_at), max(occurred_at) FROM bench_event WHERE bot_id = 1;
PREPARE nothing AS SELECT 1;

-- Both answers as one text each.
CREATE FUNCTION pg_temp.answer(statement name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	result text := '';
BEGIN
	FOR r IN EXECUTE format('EXECUTE %I', statement) LOOP
		result := result || r::text || E'\n';
	END LOOP;
	RETURN result;
END $$;

\echo Events and what they take
SELECT count(*) AS events, count(*) FILTER (WHERE kind = 'user_message') AS user_messages, count(DISTINCT session_id) AS sessions,
	pg_size_pretty(pg_total_relation_size('bench_event')) AS event_table, pg_size_pretty(pg_total_relation_size('kindly_stats.rollup')) AS rollup,
	round(100.0 * pg_total_relation_size('kindly_stats.rollup') / pg_total_relation_size('bench_event'), 1) AS percent
FROM bench_event;

\echo A year in Europe/Oslo: typed function (median of 200), hand-written SQL (median of 5), Sage JSON (median of 200)
SELECT question, equal_answers, ms, sql_ms, CASE WHEN sql_ms > ms THEN round(sql_ms / ms) END AS times_quicker, sage_ms
FROM (SELECT question, pg_temp.answer(name) = pg_temp.answer(name || '_sql') AS equal_answers,
		round(pg_temp.ms(name, 200), 2) AS ms, round(pg_temp.ms(name || '_sql', 5), 2) AS sql_ms,
		CASE WHEN name <> 'sessions' THEN round(pg_temp.ms(name || '_sage', 200), 2) END AS sage_ms
	FROM (VALUES ('daily messages (and chats)', 'messages'), ('daily chats (and messages)', 'chats'), ('the same, 2 of 3 sources, 1 language', 'filtered'),
		('distinct sessions of the year', 'sessions'), ('fallback rate; JSON: series', 'fallbacks'), ('top 3 pages with sessions', 'pages'),
		('top 5 buttons', 'buttons'), ('first and last event; JSON: options', 'options')) AS q (question, name)) AS measured;
SELECT round(pg_temp.ms('nothing', 200), 3) AS select_1_ms;
