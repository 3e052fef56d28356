--
-- stats_top, top_buttons
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
SELECT kindly_stats.create_event_table('stats_top_event');
CREATE FUNCTION pg_temp.add_events(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO stats_top_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path,
	button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating)
SELECT 3011, timestamptz '2019-01-01 00:00Z' + interval '1 microsecond' * ((n::bigint * 48271000003 * 7919) % (730::bigint * 86400000000)),
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
UPDATE stats_top_event SET source = 'web', occurred_at = occurred_at + interval '400 days' WHERE user_id = '7';
UPDATE stats_top_event SET session_id = '1', kind = 'user_message' WHERE user_id = '8';
DELETE FROM stats_top_event WHERE user_id IN ('9', '10') OR session_id = '100';
ANALYZE stats_top_event;

-- what each measure counts, in plain SQL
CREATE TEMP TABLE plain (measure text, condition text, member text);
INSERT INTO plain VALUES ('events', 'true', 'NULL::text'), ('messages', $$kind = 'user_message'$$, 'session_id'),
	('users', $$kind = 'user_message'$$, 'user_id'), ('replies', $$kind = 'bot_reply'$$, 'NULL::text'),
	('fallbacks', $$kind = 'bot_reply' AND is_fallback$$, 'NULL::text'),
	('pages', $$kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)$$, 'session_id'),
	('buttons', $$kind = 'button_click'$$, 'NULL::text'), ('labels', $$kind = 'label_added'$$, 'NULL::text'),
	('feedback', $$kind = 'feedback'$$, 'user_id'), ('handovers_started', $$kind = 'handover_started'$$, 'NULL::text'),
	('handovers_ended', $$kind = 'handover_ended'$$, 'NULL::text');

-- every line in its place, against plain SQL; ratios are of all that passes the filters
CREATE FUNCTION pg_temp.check_top(measure text, keys text, "limit" int, arguments text DEFAULT '', filter text DEFAULT 'true') RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format('SELECT * FROM kindly_stats.stats_top(3011, ''2019-02-01'', ''2020-09-15'', ''Asia/Kathmandu'', %L, %s%s) WITH ORDINALITY', measure, "limit", arguments),
	format($q$SELECT * FROM (SELECT ARRAY[%1$s], count(*), count(DISTINCT %2$s), count(*)::float8 / sum(count(*)) OVER (),
			row_number() OVER (ORDER BY count(*) DESC, %3$s) AS n
		FROM stats_top_event WHERE bot_id = 3011 AND occurred_at >= timestamp '2019-02-01' AT TIME ZONE 'Asia/Kathmandu'
		AND occurred_at < timestamp '2020-09-15' AT TIME ZONE 'Asia/Kathmandu' AND %4$s AND %5$s GROUP BY %1$s) AS t WHERE n <= %6$s$q$,
		keys, member, (SELECT string_agg(k || ' COLLATE "C" NULLS FIRST', ', ') FROM unnest(string_to_array(keys, ', ')) AS k), condition, filter, "limit"))
FROM plain WHERE plain.measure = check_top.measure
$$;
CREATE FUNCTION pg_temp.check_all() RETURNS TABLE (measure text, arguments text, differences bigint[]) LANGUAGE sql AS $$
SELECT measure, arguments, array_agg(pg_temp.check_top(measure, keys, "limit", arguments, filter) ORDER BY "limit")
FROM (VALUES ('buttons', 'button_id, button_type, dialogue_id'), ('pages', 'web_host, web_path'), ('labels', 'label_text, label_id'), ('feedback', 'rating_type, rating::text')) AS m (measure, keys),
	unnest(ARRAY[1, 5, 1000000]) AS "limit", (VALUES ('', 'true'), (', sources => ''{web}''', 'source = ''web'''), (', sources => ''{-web,-app}''', 'source IS DISTINCT FROM ''web'' AND source IS DISTINCT FROM ''app'''),
		(', language_codes => ''{nb}'', sources => ''{-test}''', 'language_code = ''nb'' AND source IS DISTINCT FROM ''test'''), (', sources => ''{nowhere}''', 'false')) AS f (arguments, filter)
GROUP BY measure, arguments
$$;
SELECT measure, arguments, differences FROM pg_temp.check_all() ORDER BY measure COLLATE "C", arguments COLLATE "C";
CALL kindly_stats.compact(3011);
SELECT measure, arguments, differences FROM pg_temp.check_all() WHERE differences <> '{0,0,0}';

-- with a part of the key given
SELECT key, pg_temp.check_top('buttons', 'button_id, button_type, dialogue_id', 100, format(', key => %L', key), filter) AS differences FROM (VALUES
	('{b3}', 'button_id = ''b3'''), ('{NULL,link}', 'button_type = ''link'''), ('{NULL,NULL,d1}', 'dialogue_id = ''d1'''), ('{b3,NULL,d1}', 'button_id = ''b3'' AND dialogue_id = ''d1'''),
	('{}', 'true'), ('{NULL}', 'true'), ('[5:6]={b3,link}', 'button_id = ''b3'' AND button_type = ''link'''), ('{none}', 'false')) AS k (key, filter);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_top(3011, '2019-01-01', '2020-01-01', key => '{a,b,c,d}')$q$);
SELECT pg_temp.failure($q$SELECT * FROM kindly_stats.stats_top(3011, '2019-01-01', '2020-01-01', key => '{{b3,link}}')$q$);

-- defaults: five buttons in the session's zone
SELECT * FROM kindly_stats.stats_top(3011, '2019-01-01', '2021-01-01');
SELECT * FROM kindly_stats.stats_top(3011, '2019-01-01', '2021-01-01', measure => 'pages', "limit" => 2);
SELECT pg_temp.differences('SELECT * FROM kindly_stats.stats_top(3011, ''2019-01-01'', ''2021-01-01'', NULL, NULL, NULL, NULL, NULL, NULL) WITH ORDINALITY',
	'SELECT * FROM kindly_stats.stats_top(3011, ''2019-01-01'', ''2021-01-01'', ''Europe/Oslo'', ''buttons'', 5) WITH ORDINALITY') AS differences;
-- a measure without key columns has one line
SELECT * FROM kindly_stats.stats_top(3011, '2019-01-01', '2021-01-01', measure => 'messages');
-- nothing there
SELECT * FROM kindly_stats.stats_top(3999, '2019-01-01', '2021-01-01');
SELECT * FROM kindly_stats.stats_top(3011, '2019-01-01', '2021-01-01', measure => 'handovers_ended');

-- top_buttons is stats_top with columns
SELECT pg_temp.differences('SELECT button_id, button_type, dialogue_id, count, ratio FROM kindly_stats.top_buttons(3011, ''2019-02-01'', ''2020-02-01'', ''UTC'', 7, ''{-web}'', ''{nb,en}'')',
	'SELECT key[1], key[2], key[3], count, ratio FROM kindly_stats.stats_top(3011, ''2019-02-01'', ''2020-02-01'', ''UTC'', ''buttons'', 7, ''{-web}'', ''{nb,en}'')') AS differences;
SELECT * FROM kindly_stats.top_buttons(3011, '2019-01-01', '2021-01-01');
SELECT count(*) FROM kindly_stats.top_buttons(3011, '2019-01-01', '2021-01-01', "limit" => 2147483647);
SELECT * FROM kindly_stats.top_buttons(3999, '2019-01-01', '2021-01-01');

DELETE FROM stats_top_event;
SELECT * FROM kindly_stats.top_buttons(3011, '2019-01-01', '2021-01-01');
DROP TABLE stats_top_event;
