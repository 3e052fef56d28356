--
-- Odd days through stored events: one a minute, none lost, none counted twice
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_oddday_stats;
CREATE DATABASE regression_kindly_oddday_stats;
\c regression_kindly_oddday_stats
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET jit = off;
SET search_path = kindly_stats, public;
SELECT create_event_table('public.odd_event');

CREATE TEMP TABLE odd (bot bigint GENERATED ALWAYS AS IDENTITY, zone text, first date, last date);
INSERT INTO odd (zone, first, last) VALUES
	('Europe/Oslo', '2025-03-29', '2025-03-31'), ('Europe/Oslo', '2025-10-25', '2025-10-27'),
	('Atlantic/Azores', '2025-10-25', '2025-10-27'), ('America/Havana', '2025-11-01', '2025-11-03'),
	('Australia/Lord_Howe', '2024-04-06', '2024-04-08'), ('Australia/Lord_Howe', '2024-10-05', '2024-10-07'),
	('Africa/Cairo', '2024-04-25', '2024-04-27'), ('Africa/Cairo', '2024-10-31', '2024-11-02'),
	('Asia/Beirut', '2024-03-30', '2024-04-01'), ('Asia/Beirut', '2024-10-26', '2024-10-28'),
	('America/Santiago', '2024-04-06', '2024-04-08'), ('America/Santiago', '2024-09-07', '2024-09-09'),
	('Pacific/Apia', '2011-12-28', '2012-01-01'), ('Pacific/Chatham', '2024-04-06', '2024-04-08'),
	('Pacific/Chatham', '2024-09-28', '2024-09-30'), ('Asia/Kathmandu', '2024-01-01', '2024-01-02'),
	('America/Scoresbysund', '2024-10-26', '2024-10-28'), ('America/Coyhaique', '2025-03-19', '2025-03-21'),
	('America/Coyhaique', '2025-04-05', '2025-04-07');

-- A day more on both sides.  Each event has a session of its own, and the user is
-- the date that the local clock shows.
CREATE TEMP TABLE clock AS
SELECT bot, at, local, local::date AS day, local::date BETWEEN first AND last AS asked
FROM odd, generate_series(first::timestamptz - interval '38 hours', last::timestamptz + interval '62 hours', interval '1 minute') AS at,
	LATERAL (SELECT at AT TIME ZONE zone AS local) AS l;
ANALYZE clock;
INSERT INTO public.odd_event (bot_id, occurred_at, kind, session_id, user_id)
SELECT bot, at, 'user_message', at::text, day::text FROM clock;

-- Minutes of each local date, and what stats_series() and Sage have of it; there is
-- one user in a bucket that has no minute of another date.
SELECT o.zone, d::date AS day, s.bucket,
	(SELECT count(*) FROM clock AS c WHERE c.bot = o.bot AND c.day = d) AS minutes,
	s.count, s.distinct_count AS sessions, u.distinct_count AS users, j.count AS sage_chats
FROM odd AS o
	CROSS JOIN generate_series(o.first::timestamp, o.last, interval '1 day') AS d
	LEFT JOIN LATERAL stats_series(o.bot, o.first, o.last + 1, o.zone) AS s ON s.date = d
	LEFT JOIN LATERAL stats_series(o.bot, o.first, o.last + 1, o.zone, measure => 'users') AS u ON u.date = d
	LEFT JOIN LATERAL json_to_recordset(sage.sessions_chats(o.bot, o.first, o.last + 1, o.zone) -> 'data') AS j (count bigint, date timestamp) ON j.date = d
ORDER BY o.bot, d;

-- The whole range has each of them once.
SELECT count(*) AS ranges, count(*) FILTER (WHERE t.count = c.minutes AND t.distinct_count = c.minutes) AS right_totals
FROM odd AS o JOIN (SELECT bot, count(*) AS minutes FROM clock WHERE asked GROUP BY bot) AS c USING (bot),
	stats_total(o.bot, o.first, o.last + 1, o.zone) AS t;

-- Hours: each event in the hour that the clock shows between two changes of it; rows and different labels.
SELECT o.zone, o.first, count(*) AS hours, count(DISTINCT s.date) AS labels, sum(s.count) AS minutes,
	count(*) FILTER (WHERE s.count IS DISTINCT FROM c.minutes OR s.date IS DISTINCT FROM c.label) AS wrong, min(s.count) AS least, max(s.count) AS most
FROM odd AS o
	CROSS JOIN LATERAL stats_series(o.bot, o.first, o.last + 1, o.zone, 'hour') AS s
	LEFT JOIN (SELECT bot, min(at) AS bucket, date_trunc('hour', local) AS label, count(*) AS minutes
			   FROM clock WHERE asked GROUP BY bot, date_trunc('hour', local), local - (at AT TIME ZONE 'UTC')) AS c ON c.bot = o.bot AND c.bucket = s.bucket
GROUP BY o.bot, o.zone, o.first
ORDER BY o.bot;

-- One start for one hour, and one count, whoever answers.
INSERT INTO bot_name SELECT bot, 'Odd ' || bot FROM odd;
SELECT o.zone, o.first, count(*) AS hours, count(DISTINCT (s.bucket, s.date, s.count, c.value, l.messages, g.count)) AS different,
	count(*) FILTER (WHERE s.bucket IS DISTINCT FROM c.date OR s.bucket IS DISTINCT FROM l.date OR s.date IS DISTINCT FROM g.date
					 OR s.count IS DISTINCT FROM c.value OR s.count IS DISTINCT FROM l.messages OR s.count IS DISTINCT FROM g.count) AS wrong
FROM odd AS o,
	LATERAL ROWS FROM (stats_series(o.bot, o.first, o.first + 3, o.zone, 'hour'),
		json_to_recordset(chatbot_com.conversations_messages(o.bot, o.first, o.first + 3, dimension => 'hour', tz => o.zone) -> 'data') AS (date timestamptz, value bigint),
		json_to_recordset(logicdialog.message(o.first, o.first + 3, 'Odd ' || o.bot, 'hour', o.zone) -> 'data') AS (date timestamptz, messages bigint),
		json_to_recordset(sage.sessions_messages(o.bot, o.first, o.first + 3, o.zone, 'hour') -> 'data') AS (count bigint, date timestamp))
		AS x (s_bucket, s_date, s_count, s_distinct, s_partial, c_date, c_value, l_date, l_messages, g_count, g_date),
	LATERAL (SELECT s_bucket AS bucket, s_date AS date, s_count AS count) AS s, LATERAL (SELECT c_date AS date, c_value AS value) AS c,
	LATERAL (SELECT l_date AS date, l_messages AS messages) AS l, LATERAL (SELECT g_count AS count, g_date AS date) AS g
GROUP BY o.bot, o.zone, o.first
ORDER BY o.bot;

-- A cell of the heatmap is what the local clock shows, whichever of the two.
SELECT o.zone, o.first, sum(h.count) AS minutes, count(*) FILTER (WHERE h.count > 0) AS cells,
	count(*) FILTER (WHERE h.count <> coalesce(c.minutes, 0) OR h.distinct_count <> h.count) AS wrong, max(h.count) AS most
FROM odd AS o
	CROSS JOIN LATERAL stats_heatmap(o.bot, o.first, o.last + 1, o.zone) AS h
	LEFT JOIN (SELECT bot, extract(dow FROM local) AS day, extract(hour FROM local) AS hour, count(*) AS minutes
			   FROM clock WHERE asked GROUP BY 1, 2, 3) AS c ON c.bot = o.bot AND c.day = h.day AND c.hour = h.hour
GROUP BY o.bot, o.zone, o.first
ORDER BY o.bot;

--
-- St. John's set its clock back at 00:01, over midnight: a quarter hour of the
-- rollup has minutes of two days.  That is refused as long as there are events
-- in it; nothing is rounded in silence.
--
INSERT INTO public.odd_event (bot_id, occurred_at, kind, session_id)
SELECT 100, at, 'user_message', at::text
FROM generate_series(timestamptz '2006-10-28 00:00Z', '2006-10-31 00:00Z', interval '1 minute') AS at;
SELECT * FROM stats_series(100, '2006-10-28', '2006-10-31', 'America/St_Johns');
\echo :LAST_ERROR_SQLSTATE
SELECT sage.sessions_messages(100, '2006-10-28', '2006-10-31', 'America/St_Johns');
\echo :LAST_ERROR_SQLSTATE
-- a range that does not touch that night, and another zone
SELECT date, count FROM stats_series(100, '2006-10-30', '2006-10-31', 'America/St_Johns');
SELECT date, count FROM stats_series(100, '2006-10-29', '2006-10-30', 'America/Halifax');
-- no events in the quarter hours that are cut
DELETE FROM public.odd_event WHERE bot_id = 100 AND occurred_at >= '2006-10-29 02:30Z' AND occurred_at < '2006-10-29 02:45Z';
SELECT s.bucket, s.date, s.count, s.distinct_count, (
	SELECT count(*) FROM public.odd_event e WHERE e.bot_id = 100 AND (e.occurred_at AT TIME ZONE 'America/St_Johns')::date = s.date) AS minutes
FROM stats_series(100, '2006-10-28', '2006-10-31', 'America/St_Johns') AS s;
-- the day alone: its two intervals, and not what lies between
SELECT t.*, (SELECT count(*) FROM public.odd_event e WHERE e.bot_id = 100 AND (e.occurred_at AT TIME ZONE 'America/St_Johns')::date = '2006-10-29') AS minutes
FROM stats_total(100, '2006-10-29', '2006-10-30', 'America/St_Johns') AS t;
-- one event there and the question is refused again
INSERT INTO public.odd_event (bot_id, occurred_at, kind) VALUES (100, '2006-10-29 02:30:30Z', 'user_message');
SELECT * FROM stats_total(100, '2006-10-29', '2006-10-30', 'America/St_Johns');

SELECT * FROM verify();
SELECT detach('public.odd_event');
DROP TABLE public.odd_event;
\c :regression
DROP DATABASE regression_kindly_oddday_stats;
