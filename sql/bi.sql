-- Relations for BI tools: what they are, who sees what, and what may be asked of them.
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_bi;
CREATE DATABASE regression_kindly_bi TEMPLATE template0 ENCODING 'UTF8';
\c regression_kindly_bi
SET client_min_messages = warning;
\pset format unaligned
CREATE EXTENSION kindly_stats;
SET timezone = 'Europe/Oslo';
SET datestyle = 'ISO';
-- what information_schema lists, which tools read
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'bi' ORDER BY table_name COLLATE "C";
SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema = 'bi' AND table_name = 'daily';
SELECT c.oid::regclass, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = 'bi'::regnamespace AND col_description(c.oid, a.attnum) IS NULL;
-- before the first event table
SELECT * FROM bi.daily LIMIT 0;
SELECT * FROM bi.daily;

SELECT kindly_stats.create_event_table('chat_event') \g /dev/null
SELECT kindly_stats.attach('chat_event') \g /dev/null
SELECT * FROM bi.daily;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path, button_id, label_id, label_text, rating_type, rating)
VALUES (1, '2024-06-29 23:30+02', 'user_message', 's1', 'u1', 'web', 'nb', NULL, 'example.com', '/a', NULL, NULL, NULL, NULL, NULL),
       (1, '2024-06-29 23:31+02', 'bot_reply', 's1', 'u1', 'web', 'nb', true, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (1, '2024-06-30 23:59+02', 'user_message', 's2', 'u2', 'web', 'nb', NULL, 'example.com', NULL, NULL, NULL, NULL, NULL, NULL),
       (1, '2024-07-02 00:01+02', 'user_message', 's2', 'u2', 'app', 'en', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (1, '2024-07-02 00:02+02', 'bot_reply', 's2', 'u2', 'app', 'en', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (1, '2024-07-02 10:00+02', 'button_click', 's2', 'u2', 'web', 'nb', NULL, NULL, NULL, 'yes', NULL, NULL, NULL, NULL),
       (1, '2024-07-02 10:00+02', 'label_added', 's2', 'u2', 'web', 'nb', NULL, NULL, NULL, NULL, 'l1', 'price', NULL, NULL),
       (1, '2024-07-02 10:01+02', 'feedback', 's2', 'u2', 'web', 'nb', NULL, NULL, NULL, NULL, NULL, NULL, 'binary', 1),
       (2, '2024-07-01 12:00+02', 'user_message', 's9', 'u9', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('1', 'Shop');

SELECT date, bot_id, bot_name, messages, chats, users, new_users, replies, fallbacks, fallback_rate, ratings, events, weekday, is_partial FROM bi.daily ORDER BY bot_id, date;
SELECT * FROM bi.hourly WHERE hour = '2024-07-02 10:00' AND bot_id = '1';
SELECT date, bot_id, messages, chats, users, new_users, starts_at FROM bi.weekly ORDER BY bot_id, date;
SELECT date, bot_id, messages, chats, users, new_users, starts_at FROM bi.monthly ORDER BY bot_id, date;
-- a month is one of the local dates, whatever zone they are in
SELECT date_trunc('month', date)::date AS month, sum(messages) FROM bi.daily WHERE bot_id = '1' GROUP BY 1 ORDER BY 1;
SELECT tz, date_trunc('month', date)::date AS month, sum(messages) FROM bi.daily WHERE bot_id = '1' AND tz IN ('UTC', 'Europe/Oslo') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT date, bot_id, source, messages, chats, users, replies, fallback_rate FROM bi.daily_by_source ORDER BY 1, 2, 3;
SELECT date, language_code, messages FROM bi.daily_by_language WHERE bot_id = '1' ORDER BY 1, 2;
SELECT date, web_host, web_path, messages, chats FROM bi.pages WHERE bot_id = '1' ORDER BY 1, 2, 3;
SELECT date, button_id, button_type, clicks FROM bi.buttons;
SELECT date, label_text, label_id, labels FROM bi.labels;
SELECT date, rating_type, rating, ratings, users FROM bi.ratings;
SELECT count(*) FROM bi.topics WHERE messages > 0;
SELECT count(*) FROM bi.interactions;
SELECT date, response_id, sent, likes, dislikes FROM bi.responses ORDER BY 1;
SELECT weekday, hour_of_day, sum(messages) AS messages FROM bi.heatmap WHERE bot_id = '1' GROUP BY 1, 2 HAVING sum(messages) > 0 ORDER BY 1, 2;

-- conversations by their start and by their end
SELECT kindly_stats.create_conversation_table('chat_conversation') \g /dev/null
INSERT INTO chat_conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, conversation_status, last_resolution, bot_messages_count, visitor_messages_count, not_understood_messages_count)
VALUES (1, 'c1', '2024-07-01 23:00+02', '2024-07-02 01:00+02', 'finished', 'resolved', 3, 4, 1),
       (1, 'c2', '2024-07-02 09:00+02', '2024-07-02 09:30+02', 'finished', NULL, 1, 2, 0);
SELECT date, conversations_started, visitor_messages_started, not_understood_rate_started, conversations_ended, not_understood_rate_ended FROM bi.conversations_daily WHERE bot_id = '1' ORDER BY date;
SELECT date, conversation_status, last_resolution, conversations_started, conversations_ended FROM bi.outcomes_daily ORDER BY 1, 2, 3;

-- the present day is not over
INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (3, now(), 'bot_reply');
SELECT date = current_date AS today, is_partial, replies FROM bi.daily WHERE bot_id = '3' AND date >= current_date - 7;
DELETE FROM chat_event WHERE bot_id = 3;
SELECT count(*) FROM bi.daily WHERE bot_id = '3';

-- what is read
-- without filters, whose terms PostgreSQL's versions put in another order
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		CONTINUE WHEN line ~ '^ *Filter: ';
		RETURN NEXT line;
	END LOOP;
END
$$;
SELECT pg_temp.plan($$SELECT date, messages FROM bi.daily WHERE bot_id = '1' AND date >= '2024-07-01' AND date < '2024-08-01' AND tz = 'Europe/Oslo'$$);
SELECT pg_temp.plan($$SELECT count(*) FROM bi.daily WHERE bot_id IN ('1', '2') AND date_trunc('month', starts_at) = '2024-07-01'$$);
SELECT pg_temp.plan($$SELECT bot_id, new_users FROM bi.hourly WHERE bot_name = 'Shop' AND hour > now() - interval '3 days'$$);
SELECT pg_temp.plan($$SELECT d.chats FROM kindly_stats.bot_name AS b JOIN LATERAL (SELECT * FROM bi.daily AS d WHERE d.bot_id = b.id AND d.date = b.bot_id::int + date '2024-06-30') AS d ON true WHERE b.name = 'Shop'$$);
SELECT d.chats FROM kindly_stats.bot_name AS b JOIN LATERAL (SELECT * FROM bi.daily AS d WHERE d.bot_id = b.id AND d.date = b.bot_id::int + date '2024-07-01') AS d ON true WHERE b.name = 'Shop';
-- names whatever their case, and weeks from Sunday, as tools ask for them
SELECT pg_temp.plan($$SELECT messages FROM bi.daily WHERE lower(bot_name) = 'shop'$$);
SELECT pg_temp.plan($$SELECT messages FROM bi.daily WHERE 'shop' = lower(bot_name) OR lower(bot_name) IN ('a', 'b')$$);
SELECT pg_temp.plan($$SELECT messages FROM bi.daily WHERE lower(bot_name COLLATE "C") = 'shop'$$);
SELECT pg_temp.plan($$SELECT messages FROM bi.daily WHERE date_trunc('week', date + 1)::date - 1 = '2024-06-30'$$);
SELECT pg_temp.plan($$SELECT messages FROM bi.daily WHERE date_trunc('week', date + interval '1 day') + interval '-1 day' >= timestamp '2024-06-30' AND date < '2024-07-07'$$);
SELECT (SELECT count(*) FROM bi.daily WHERE lower(bot_name) = 'shop') = count(*) AS same, count(*) > 0 AS some,
	(SELECT count(*) FROM bi.daily WHERE lower(bot_name) = 'Shop') AS none, (SELECT count(*) FROM bi.daily WHERE lower(bot_name) IN ('shop', 'x')) = count(*) AS any
  FROM bi.daily WHERE bot_name = 'Shop';
-- also of letters beyond ASCII, whatever the database's locale makes of them
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('2', chr(216) || 'rsta');
SELECT (SELECT count(*) FROM bi.daily WHERE lower(bot_name) = lower(chr(216) || 'rsta')) = count(*) AS same, count(*) > 0 AS some FROM bi.daily WHERE bot_id = '2';
DELETE FROM kindly_stats.bot_name WHERE id = '2';
-- OR leaves what either leaves, and says nothing where one of its branches does not; so do sums
SELECT pg_temp.plan($$SELECT date FROM bi.daily WHERE (bot_id = '1' AND date < '2024-07-02') OR (bot_id IN ('2', '3') AND (date = '2024-07-03' OR date >= '2025-01-01'))$$);
SELECT pg_temp.plan($$SELECT date FROM bi.daily WHERE NOT (date < '2024-07-01' OR bot_id <> '1' OR date + interval '1 month' > now()) AND (bot_id = '1' OR messages > 3)$$);
SELECT pg_temp.plan($$SELECT date FROM bi.daily WHERE (tz = 'Europe/Oslo' OR tz IN ('UTC', 'Asia/Tokyo')) AND (date > current_date - 7 OR date < '2020-01-01') IS TRUE$$);
SELECT bot_id, date FROM bi.daily WHERE (bot_id = '1' AND date < '2024-07-02') OR (bot_id IN ('2', '3') AND (date = '2024-07-03' OR date >= '2025-01-01')) ORDER BY 1, 2;
SELECT tz, count(*) FROM bi.daily WHERE tz = 'Europe/Oslo' AND bot_id = '1' OR tz = 'UTC' AND bot_id = '2' OR false GROUP BY 1 ORDER BY 1;
-- a zone that is joined is the zone that is read, however the tables are joined otherwise
CREATE TEMP TABLE zones AS SELECT 1 + n % 2 AS bot, z AS tz FROM unnest('{Europe/Oslo,Asia/Tokyo,UTC}'::text[]) WITH ORDINALITY AS z (z, n), generate_series(1, 10);
ANALYZE zones;
SELECT z.tz, count(DISTINCT d.date) > 1 AS "all" FROM zones AS z JOIN bi.daily AS d USING (tz) GROUP BY 1 ORDER BY 1;
SELECT z.tz, count(DISTINCT d.date) > 0 AS "all" FROM zones AS z LEFT JOIN bi.daily AS d ON d.tz = z.tz AND d.bot_id = z.bot::text GROUP BY 1 ORDER BY 1;
SELECT tz, count(*) > 1 AS "all" FROM bi.daily WHERE tz IN (SELECT tz FROM zones) AND bot_id = '1' GROUP BY 1 ORDER BY 1;
SELECT d.tz, count(DISTINCT w.date) > 0 AS "all" FROM bi.daily AS d JOIN bi.weekly AS w USING (bot_id, date, tz) JOIN zones USING (tz) GROUP BY 1 ORDER BY 1;
SELECT d.tz, count(*) > 0 AS "all" FROM bi.daily AS d JOIN zones AS z ON d.tz = z.tz OR d.tz = 'Asia/Tokyo' AND z.bot = 1 GROUP BY 1 ORDER BY 1;
-- between two of these relations it is the session's
SELECT count(DISTINCT date) > 0 AS "all" FROM bi.daily JOIN bi.weekly USING (bot_id, date, tz);
SELECT count(*) FROM bi.daily WHERE bot_id = '1' AND (date AT TIME ZONE '<+167>-167') AT TIME ZONE '<-167>167' AT TIME ZONE '<+167>-167' AT TIME ZONE '<-167>167' =
 (date '2024-07-02' AT TIME ZONE '<+167>-167') AT TIME ZONE '<-167>167' AT TIME ZONE '<+167>-167' AT TIME ZONE '<-167>167';

-- the session's zone is called what a condition may call it, however it was set
CREATE FUNCTION pg_temp.called(zone text, OUT called text, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	PERFORM set_config('timezone', zone, true);
	SELECT min(tz), string_agg(concat(date, starts_at, messages), ' ' ORDER BY date) INTO called, rows FROM bi.daily WHERE bot_id = '1';
	same := (SELECT string_agg(concat(date, starts_at, messages), ' ' ORDER BY date) FROM bi.daily WHERE bot_id = '1' AND tz = called) = rows;
END
$$;
SELECT z, c.* FROM unnest('{-02:00,+05:45,2,-7.5,GMT-02:00,"FOO-1BAR,M3.5.0/2,M10.5.0/3",X-100,Etc/GMT+5,Europe/Oslo}'::text[]) AS z, pg_temp.called(z) AS c;
SET timezone = '<+02>-02';
SELECT count(*) > 0 AS rows, min(starts_at AT TIME ZONE 'UTC')::time AS starts FROM bi.daily WHERE tz = current_setting('timezone');
SET timezone = 'UTC';
SELECT count(*) FROM bi.daily WHERE tz = '<+02>-02';
SET timezone = 'Europe/Oslo';
-- what is over is so as of kindly_stats.now
SET kindly_stats.now = '2024-07-02 12:00';
SELECT date, is_partial FROM bi.daily WHERE bot_id = '1' ORDER BY date;
SELECT bool_and(is_partial = (starts_at + interval '1 hour' > timestamptz '2024-07-02 12:00')) AS hours FROM bi.hourly;
SELECT d.count, d.is_partial FROM kindly_stats.stats_series_compared(1, '2024-07-01', '2024-07-04') AS d;
-- a bucket is partial everywhere, or nowhere: where the range cuts it, and where it is not over yet
SELECT unit, s.date::date, s.is_partial, bool_and(s.is_partial = b.is_partial) AS buckets, bool_and(s.is_partial = y.is_partial) AS by, bool_and(s.is_partial = n.is_partial) AS new, bool_and(s.is_partial = r.is_partial) AS retention,
	bool_and(s.is_partial = c.is_partial) AS compared
  FROM unnest(ARRAY['day', 'week']) AS unit, kindly_stats.stats_series(1, '2024-06-25', '2024-07-04', granularity => unit) AS s
  JOIN kindly_stats.buckets('2024-06-25', '2024-07-04', granularity => unit) AS b ON b.date = s.date
  LEFT JOIN kindly_stats.stats_series_by(1, '2024-06-25', '2024-07-04', granularity => unit) AS y ON y.date = s.date
  JOIN kindly_stats.stats_new_returning(1, '2024-06-25', '2024-07-04', granularity => unit) AS n ON n.date = s.date
  JOIN kindly_stats.stats_retention(1, '2024-06-25', '2024-07-04', granularity => unit) AS r ON r.date = s.date AND r.age = 0
  JOIN kindly_stats.stats_series_compared(1, '2024-06-25', '2024-07-04', granularity => unit, compare => 'previous_year_weekday') AS c ON c.date = s.date
 WHERE s.date >= '2024-06-30' OR unit = 'week' GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT * FROM kindly_stats.period('today');
RESET kindly_stats.now;

-- odd conditions
SELECT count(*) FROM bi.daily WHERE bot_id = '1' OR date = '2024-07-01';
SELECT count(*) FROM bi.daily WHERE NOT (bot_id = '1' AND date > '2024-06-30');
SELECT count(*) FROM bi.daily WHERE bot_id = NULL;
SELECT count(*) FROM bi.daily WHERE date = ANY (NULL::date[]);
SELECT count(*) FROM bi.daily WHERE bot_id = ANY ('{}');
SELECT count(*) FROM bi.daily WHERE bot_id = repeat('x', 3000) OR bot_id = '';
SELECT count(*) FROM bi.daily WHERE bot_id = repeat('x', 3000);
SELECT count(*) FROM bi.daily WHERE random() >= 0 AND bot_id = CASE WHEN random() < 2 THEN '1' END;
SELECT count(*) FROM bi.daily WHERE date BETWEEN '-infinity' AND 'infinity';
SELECT count(*) FROM bi.daily WHERE date = 'infinity';
SELECT count(*) FROM bi.daily WHERE starts_at > 'infinity';
SELECT count(*) FROM bi.daily WHERE date BETWEEN '2024-07-02' AND '2024-07-01';
SELECT count(*) FROM bi.hourly WHERE hour > '4713-01-01 BC' AND hour < '294276-12-31';
SELECT count(*) FROM bi.daily WHERE date > (SELECT max(date) - 2 FROM bi.daily) AND bot_id IN (SELECT id FROM kindly_stats.bot_name);
SELECT count(*) FROM bi.daily AS a JOIN bi.daily AS b USING (bot_id, date);
SELECT count(*) FROM bi.daily AS a WHERE EXISTS (SELECT FROM bi.buttons AS b WHERE b.bot_id = a.bot_id AND b.date = a.date);
SELECT a.date, (SELECT b.messages FROM bi.daily AS b WHERE b.bot_id = a.bot_id AND b.date = a.date - 1) AS before FROM bi.daily AS a WHERE bot_id = '1' ORDER BY 1;
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
SELECT count(*) FROM bi.daily WHERE bot_name = 'SHOP' COLLATE blind;
SELECT count(*) FROM bi.daily WHERE tz = 'Oslo5';
SELECT count(*) FROM bi.daily WHERE tz <> 'Europe/Oslo';
SELECT to_jsonb(d) ->> 'messages' AS whole FROM bi.daily AS d WHERE bot_id = '1' AND date = '2024-07-02';
SELECT tableoid::regclass, messages FROM kindly_stats.bi_daily WHERE bot_id = '1' AND date = '2024-07-02' FOR UPDATE;

-- cursors, also held ones; read-only and aborted transactions
BEGIN TRANSACTION READ ONLY;
DECLARE c CURSOR FOR SELECT date, messages FROM bi.daily WHERE bot_id = '1' ORDER BY date;
FETCH 2 FROM c;
SAVEPOINT s;
SELECT 1 / messages FROM bi.daily WHERE bot_id = '1';
ROLLBACK TO s;
FETCH 1 FROM c;
COMMIT;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT date, bot_id, messages FROM bi.daily;
FETCH 1 FROM held;
COMMIT;
FETCH 2 FROM held;
CLOSE held;
SET kindly_stats.max_buckets = 10;
SELECT count(*) FROM bi.hourly WHERE bot_id = '1';
RESET kindly_stats.max_buckets;

-- nothing is written
INSERT INTO bi.daily (date) VALUES ('2024-01-01');
UPDATE bi.daily SET messages = 0;
DELETE FROM bi.daily;
TRUNCATE kindly_stats.bi_daily;

-- tables of one's own
CREATE FOREIGN TABLE clicks (date date, bot_id text, button text OPTIONS (part '2'), clicks bigint OPTIONS (measure 'buttons')) SERVER kindly_stats OPTIONS (rows 'buttons', unit 'month');
SELECT * FROM clicks;
ALTER FOREIGN TABLE clicks ADD COLUMN color text;
SELECT * FROM clicks;
ALTER FOREIGN TABLE clicks DROP COLUMN color;
SELECT c, clicks FROM clicks AS c;
CREATE FOREIGN TABLE yearly (date date, messages bigint OPTIONS (measure 'messages')) SERVER kindly_stats OPTIONS (unit 'year');
CREATE FOREIGN TABLE quarterly (date date, bot_id text, chats bigint OPTIONS (measure 'messages', value 'members')) SERVER kindly_stats OPTIONS (unit 'quarter');
SELECT * FROM yearly WHERE date = '2024-01-01' ORDER BY messages;
SELECT * FROM quarterly WHERE bot_id = '1' AND date BETWEEN '2024-04-01' AND '2024-07-01' ORDER BY date;
ALTER FOREIGN TABLE clicks ADD COLUMN nothing bigint OPTIONS (measure 'nothing');
SELECT date, nothing FROM clicks;
ALTER FOREIGN TABLE clicks ADD COLUMN new bigint OPTIONS (measure 'users', value 'first_seen');
SELECT * FROM clicks;
CREATE FOREIGN TABLE wrong (date timestamptz) SERVER kindly_stats;
SELECT * FROM wrong;
CREATE FOREIGN TABLE wrong_option (date date) SERVER kindly_stats OPTIONS (zone 'UTC');
CREATE FOREIGN TABLE wrong_unit (date date) SERVER kindly_stats OPTIONS (unit 'minute');
CREATE FOREIGN TABLE wrong_part (p text OPTIONS (part '-1')) SERVER kindly_stats;
CREATE FOREIGN TABLE wrong_value (p bigint OPTIONS (value 'all')) SERVER kindly_stats;

-- whose rights count
CREATE ROLE regress_ks_reader;
GRANT USAGE ON SCHEMA kindly_stats, bi TO regress_ks_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA bi TO regress_ks_reader;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.bot_name TO regress_ks_reader;
SET ROLE regress_ks_reader;
SELECT bot_id, bot_name, sum(messages) FROM bi.daily GROUP BY 1, 2 ORDER BY 1;
RESET ROLE;
SELECT kindly_stats.enable_row_security() \g /dev/null
CREATE ROLE regress_ks_analyst;
CREATE ROLE regress_ks_stranger;
SET ROLE regress_ks_reader;
SELECT count(*) FROM bi.daily;
RESET ROLE;
SELECT kindly_stats.grant_bot('regress_ks_analyst', 2);
SET ROLE regress_ks_analyst;
SELECT bot_id, count(*), sum(messages) FROM bi.daily GROUP BY 1;
SELECT count(*) FROM bi.daily WHERE bot_id = '1';
SELECT bot_id, source, messages FROM bi.daily_by_source;
SELECT count(*) FROM bi.daily WHERE bot_name = 'Shop';
SELECT table_schema, count(*) FROM information_schema.tables WHERE table_schema = 'bi' GROUP BY 1;
CREATE FOREIGN TABLE pg_temp.own (date date) SERVER kindly_stats;
RESET ROLE;
-- a view of an administrator's shows a reader no more than he may see, and whoever has no right on the statistics nothing
CREATE VIEW shown AS SELECT * FROM bi.daily;
GRANT SELECT ON shown TO PUBLIC;
SET ROLE regress_ks_analyst;
SELECT DISTINCT bot_id FROM shown;
SET ROLE regress_ks_stranger;
SELECT count(*) FROM shown;
SELECT count(*) FROM bi.daily;
RESET ROLE;
\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_bi;
DROP ROLE regress_ks_analyst, regress_ks_reader, regress_ks_stranger;
