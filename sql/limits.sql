--
-- Arrays and texts that are too much or not what they seem, and what is cut.
--
\pset format unaligned
\pset null null
SET TimeZone = 'UTC';
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;

-- lists of bots
SELECT a, pg_temp.failure(format('SELECT kindly_stats.is_one_of(1, %L)', a)) AS failure FROM (VALUES
	('{NULL}'::bigint[]), ('{1,NULL}'), ('{NULL,1}')) AS v (a);
SELECT pg_temp.failure('SELECT kindly_stats.is_one_of(1, array_fill(NULL::bigint, ARRAY[100000]))');
SELECT a, kindly_stats.is_one_of(2, a) FROM (VALUES ('{}'::bigint[]), ('{2}'), ('[5:7]={1,2,3}'), ('{{1,2},{3,4}}'), ('{3,1}'), (NULL)) AS v (a);
-- one whose NULL went again keeps room for it
WITH holed AS (SELECT '{1,NULL,3}'::bigint[] AS a) SELECT kindly_stats.is_one_of(3, a[1:1] || a[3:3]) FROM holed;
SELECT kindly_stats.is_one_of(100000, array_agg(n)) FROM generate_series(1, 100000) AS n;

-- edges and buckets: NULL, none, one, with NULLs; with members, first seen and without
CREATE TEMP TABLE stored AS
SELECT 'messages' AS measure, kindly_stats.tally_agg('2025-01-01 00:00Z'::timestamptz + n * interval '1 hour', '{web,en}'::text[], (n % 7)::text) AS tally
FROM generate_series(0, 99) AS n;
SELECT e AS edges, b AS buckets, d AS "distinct", f AS first_seen,
	pg_temp.failure(format('SELECT kindly_stats.series_agg(measure, tally, ROW(%L, %L, %L, %L, NULL)::kindly_stats.tally_query, %L) FROM stored', 'messages', e, b, d, f)) AS failure
FROM (VALUES ('{2025-01-01,2025-01-02}', NULL), ('{-infinity,infinity}', NULL), ('{}', NULL), ('{}', '{}'), ('{}', '{0}'), ('{2025-01-01}', NULL), ('{2025-01-01}', '{}'), (NULL, NULL), ('{NULL}', NULL),
		('{NULL,2025-01-01}', NULL), ('{2025-01-02,2025-01-01}', NULL), ('{2025-01-01,2025-01-01}', '{0}'), ('{2025-01-01,2025-01-02}', '{NULL}'), ('{2025-01-01,2025-01-02}', '{0,1}'),
		('{2025-01-01,2025-01-02}', '{-1}'), ('{2025-01-01,2025-01-02}', '{-2}'), ('{2025-01-01,2025-01-02}', '{1000000}'), ('{{2025-01-01},{2025-01-02}}', NULL)) AS v (e, b),
	(VALUES (false, false), (true, false), (true, true)) AS w (d, f);
SELECT e AS edges, s AS with_series, pg_temp.failure(format('SELECT kindly_stats.top_agg(measure, tally, ROW(%L, %L, NULL, true, NULL)::kindly_stats.tally_query, ROW(0, 1, 5, false, %L::boolean)::kindly_stats.top_lines) FROM stored', 'messages', e, s)) AS failure
FROM (VALUES ('{2025-01-01,2025-01-02}'), ('{}'), ('{2025-01-01}'), (NULL), ('{NULL}')) AS v (e), (VALUES (false), (true)) AS w (s);
SELECT t AS take, s AS with_series, pg_temp.failure(format('SELECT kindly_stats.top_agg(measure, tally, ROW(%L, %L, NULL, true, NULL)::kindly_stats.tally_query, ROW(0, %s, 5, true, %L::boolean)::kindly_stats.top_lines) FROM stored', 'messages', '{-infinity,infinity}', t, s)) AS failure
FROM (VALUES (-2147483648), (-65), (-64), (-2), (-1), (0), (2147483647)) AS v (t), (VALUES (false), (true)) AS w (s);
SELECT kindly_stats.series_agg('messages', NULL::kindly_stats.tally, ROW('messages', ARRAY[now()], NULL, true, NULL)::kindly_stats.tally_query, true);
SELECT kindly_stats.series_agg(measure, tally, ROW('messages', ARRAY[now()], NULL, true, NULL)::kindly_stats.tally_query, false) FROM stored;
SELECT pg_temp.failure(format('SELECT kindly_stats.series_agg(measure, tally, ROW(%L, %L, NULL, true, %L)::kindly_stats.tally_query, false) FROM stored', 'messages', '{-infinity,infinity}', f)) FROM (VALUES
	('{}'), ('{NULL}'), ('{0}'), ('{+}'), ('{""}'), ('{0+web,NULL}'), ('{99999999999+x}'), ('{0+web,0-app,1+en}')) AS v (f);
SELECT pg_temp.failure($$SELECT kindly_stats.series(tally, array_fill(now(), ARRAY[2000000])) FROM stored$$);
SELECT e, pg_temp.failure(format('SELECT kindly_stats.series(tally, %L) FROM stored', e)) FROM (VALUES ('{}'), ('{2025-01-01}'), ('{NULL}')) AS v (e);

-- lists that are too long, before they are taken apart
SELECT kindly_stats.create_event_table('limits_event');
SELECT pg_temp.failure($$SELECT kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', sources => array_fill('a'::text, ARRAY[20001]))$$);
SELECT pg_temp.failure($$SELECT kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', sources => array_fill('a'::text, ARRAY[20000]))$$);
SELECT pg_temp.failure($$SELECT kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', key => array_fill('a'::text, ARRAY[20001]))$$);
SELECT pg_temp.failure(format($$SELECT sage.sessions_chats(4201, '2025-01-01', '2025-02-01', sources => %s)$$, l)) FROM (VALUES
	($$repeat('a,', 19999) || 'a'$$), ($$repeat('a,', 20000) || 'a'$$), ($$'{' || repeat('a,', 20000) || 'a}'$$), ($$'[' || repeat('"a",', 20000) || '"a"]'$$),
	($$repeat('a', 2000000)$$), ($$repeat('a', 2000001)$$), ($$repeat('a,', 4000000)$$), ($$repeat('a,', 50000000)$$)) AS v (l);
SELECT pg_temp.failure($$SELECT kindly_stats.series_agg(measure, tally, ROW('messages', '{-infinity,infinity}', NULL, false, array_fill('0+a'::text, ARRAY[60000]))::kindly_stats.tally_query, false) FROM stored$$);
SELECT pg_temp.failure($$SELECT ultimate.first_meaningful_intent('[]', array_fill('a'::text, ARRAY[20001]))$$);

-- parts of keys are cut at a character, by triggers, recounts and questions alike; members are not
INSERT INTO limits_event (bot_id, occurred_at, kind, session_id, source, web_host, web_path)
SELECT 4201, '2025-01-01 00:00Z', 'user_message', repeat('s', 100000) || n, 'web', 'h', repeat('x', 1999) || 'ø' || repeat('y', n) FROM generate_series(1, 20) AS n;
INSERT INTO limits_event (bot_id, occurred_at, kind, session_id, source, web_host, web_path)
SELECT 4201, '2025-01-01 00:00Z', 'user_message', 's', 'web', 'h', repeat('z', 10000000 + n) FROM generate_series(1, 4) AS n;
SELECT left(key[2], 2), length(key[2]), octet_length(key[2]), count, distinct_count FROM kindly_stats.stats_top(4201, '2025-01-01', '2025-02-01', measure => 'pages', "limit" => 10);
SELECT count, distinct_count FROM kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', measure => 'pages', key => ARRAY['h', repeat('x', 1999) || 'ø' || 'other']);
SELECT count FROM kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', measure => 'pages', key => ARRAY['h', repeat('z', 10000000)]);
SELECT count FROM kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', measure => 'pages', key => ARRAY['h', repeat('z', 1999)]);
SELECT * FROM kindly_stats.verify(4201);
SELECT kindly_stats.rebuild(4201);
SELECT * FROM kindly_stats.verify(4201);
DELETE FROM limits_event WHERE bot_id = 4201;
SELECT count FROM kindly_stats.stats_total(4201, '2025-01-01', '2025-02-01', measure => 'pages');
SELECT * FROM kindly_stats.verify(4201);
SELECT length(key[1]), count, kindly_stats.total(t, key => ARRAY[repeat('k', 5000)]) FROM
	(SELECT kindly_stats.tally_agg('2025-01-01Z'::timestamptz, ARRAY[repeat('k', n)]) AS t FROM generate_series(1999, 3000) AS n) AS x, kindly_stats.top(t) ORDER BY 1;
-- the name of a measure is a part of keys, too
SELECT pg_temp.failure($$INSERT INTO kindly_stats.measure (name) VALUES (repeat('m', 2001))$$);
SELECT kindly_stats.detach('limits_event');
