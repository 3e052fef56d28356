--
-- LogicDialog: user, active-channel, active-user-language, user/detail
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
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

SELECT kindly_stats.create_event_table('logicdialog_users_event');
INSERT INTO kindly_stats.bot_name VALUES (8111, 'users');

-- Ada writes on three days, Bo on the second and third, Cy, whose channel and language nobody knows, on the third; Dee had written long before.
-- Visitors without an identifier write, too.
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, country) VALUES
	(8111, '2023-12-24 18:00Z', 'user_message', 's0', 'dee', 'web', 'en', 'SE'),
	(8111, '2024-04-01 09:00Z', 'user_message', 's1', 'ada', 'web', 'en', 'NO'), (8111, '2024-04-01 09:01Z', 'user_message', 's1', 'ada', 'web', 'en', 'NO'),
	(8111, '2024-04-01 10:00Z', 'user_message', 's2', NULL, 'web', 'en', 'DK'),
	(8111, '2024-04-02 09:00Z', 'user_message', 's3', 'ada', 'Blåbær "app"', 'nb', 'NO'), (8111, '2024-04-02 10:00Z', 'user_message', 's4', 'bo', 'Blåbær "app"', 'nb', NULL),
	(8111, '2024-04-02 11:00Z', 'user_message', 's5', 'dee', 'web', 'en', 'SE'), (8111, '2024-04-02 23:59:59.999999Z', 'user_message', 's5', 'dee', 'web', 'nb', 'NO'),
	(8111, '2024-04-04 00:00Z', 'user_message', 's6', 'ada', 'web', 'en', 'NO'), (8111, '2024-04-04 09:30Z', 'user_message', 's7', 'bo', 'web', 'en', 'NO'),
	(8111, '2024-04-04 09:31Z', 'user_message', 's8', 'cy', NULL, NULL, NULL), (8111, '2024-04-04 09:32Z', 'user_message', 's9', NULL, 'telephone', 'fo', NULL);
-- ratings of theirs, and one by nobody
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, user_id, source, rating_type, rating) VALUES
	(8111, '2024-04-01 09:02Z', 'feedback', 'ada', 'web', 'binary', 2), (8111, '2024-04-02 09:02Z', 'feedback', 'ada', 'web', 'binary', 2), (8111, '2024-04-02 10:02Z', 'feedback', 'bo', 'web', 'binary', 2),
	(8111, '2024-04-04 09:02Z', 'feedback', 'ada', 'web', 'binary', 1), (8111, '2024-04-04 10:02Z', 'feedback', 'cy', 'web', 'emojis', 3), (8111, '2024-04-04 10:03Z', 'feedback', 'cy', 'web', 'emojis', NULL),
	(8111, '2024-04-04 10:04Z', 'feedback', 'dee', 'web', NULL, -1), (8111, '2024-04-04 10:05Z', 'feedback', NULL, 'web', 'emojis', 1), (8111, '2024-04-05 00:00Z', 'feedback', 'bo', 'web', 'binary', 1);
-- conversations that have not interacted with the bot at all: it greeted them, their chat was opened, handed over, rated, labelled
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, country)
SELECT 8111, timestamptz '2024-04-01 08:00Z' + n * interval '9 hours', k, 'silent' || n, 'mute' || n, 'kiosk', 'fi', 'FI'
FROM generate_series(0, 9) AS n, unnest(ARRAY['bot_reply', 'handover_request', 'handover_started', 'handover_ended', 'label_added', 'button_click', 'chat_opened', 'event_triggered', 'link_click']) AS k;
-- the instants on both sides, another bot
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, country) VALUES
	(8111, '2024-04-05 00:00Z', 'user_message', 'after', 'eve', 'web', 'en', 'US'), (8112, '2024-04-01 00:00Z', 'user_message', 'other', 'ada', 'web', 'en', 'US');

-- "The number of users created, and active within the selected time period."  Created is who writes for the first time of all.
SELECT logicdialog."user"('2024-04-01', '2024-04-05', 'users');
-- "Note, this filters out conversations that have not interacted with the bot at all."
SELECT count(DISTINCT user_id) AS mute, (SELECT sum((x ->> 'created')::int + (x ->> 'active')::int) FROM json_array_elements(logicdialog."user"('2024-04-01', '2024-04-05', 'users') -> 'data') AS x) AS without_them
FROM logicdialog_users_event WHERE user_id LIKE 'mute%';
SELECT count(*) AS among_channels FROM json_array_elements(logicdialog.active_channel('2024-04-01', '2024-04-05', 'users') -> 'data') AS x WHERE x::text ~ 'kiosk';
SELECT logicdialog.user_detail('2024-04-01', '2024-04-05', 'users')::text ~ 'kiosk|fi|FI' AS in_a_pie;
-- one of them breaks the silence: created then, not when first seen
BEGIN;
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id) VALUES (8111, '2024-04-03 12:00Z', 'user_message', 'silent0', 'mute0');
SELECT x FROM json_array_elements(logicdialog."user"('2024-04-01', '2024-04-05', 'users') -> 'data') AS x;
ROLLBACK;
-- a message that comes late makes its user older; one that is deleted, younger; one that changes hands, another's
BEGIN;
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id) VALUES (8111, '2024-04-01 12:00Z', 'user_message', 'late', 'cy'), (8111, '2001-01-01 12:00Z', 'user_message', 'late', 'bo');
SELECT x FROM json_array_elements(logicdialog."user"('2024-04-01', '2024-04-05', 'users') -> 'data') AS x;
DELETE FROM logicdialog_users_event WHERE session_id IN ('s0', 's1', 'late');
SELECT x FROM json_array_elements(logicdialog."user"('2024-04-01', '2024-04-05', 'users') -> 'data') AS x;
UPDATE logicdialog_users_event SET user_id = 'ada' WHERE user_id = 'bo';
SELECT x FROM json_array_elements(logicdialog."user"('2024-04-01', '2024-04-05', 'users') -> 'data') AS x;
ROLLBACK;
-- created in a bucket is created once, whatever the resolution
SELECT unit, (SELECT sum((x ->> 'created')::int) FROM json_array_elements(logicdialog."user"('2023-12-31', '2024-04-05', 'users', unit) -> 'data') AS x) AS created FROM unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter']) AS unit;
SELECT logicdialog."user"('2024-04-04T09:00', '2024-04-04T10:00', 'users', 'hour');

-- "The channel used by the users within the time period specified."
SELECT logicdialog.active_channel('2024-04-01', '2024-04-05', 'users');
SELECT logicdialog.active_channel('2024-04-01', '2024-04-05', 'users', 'month');
-- "Returns the language used by the user for the given time period."
SELECT logicdialog.active_user_language('2024-04-01', '2024-04-05', 'users');
SELECT logicdialog.active_user_language('2024-04-01', '2024-04-05', 'users', 'quarter');
-- "Pie chart data for channel, country, language and rating for the users in the selected time period."
SELECT logicdialog.user_detail('2024-04-01', '2024-04-05', 'users');
SELECT logicdialog.user_detail('2024-04-02', '2024-04-03', 'users') -> 'data';
-- what has no user is in no pie, but its messages are counted by channel
SELECT logicdialog.user_detail('2024-04-01', '2024-04-05', 'users')::text ~ 'telephone|fo' AS in_a_pie;
-- a table of one's own, whose ratings are no numbers, or not written as JSON has them; and whose columns have other names
CREATE TABLE logicdialog_users_own (bot_id bigint, occurred_at timestamptz, kind text, person uuid, channel varchar, stars text);
SELECT kindly_stats.attach('logicdialog_users_own', '{"user_id": "person", "source": "channel", "rating": "stars"}');
INSERT INTO logicdialog_users_own
SELECT 8111, '2024-05-01 12:00Z', k, lpad(n::text, 32, '0')::uuid, 'phone', CASE k WHEN 'feedback' THEN r END
FROM unnest(ARRAY['good', '', '007', '-0', ' 4', '1.5', '99999999999999999999', '5', '-5', '9223372036854775807']) WITH ORDINALITY AS t (r, n), unnest(ARRAY['user_message', 'feedback']) AS k;
SELECT logicdialog.user_detail('2024-05-01', '2024-05-02', 'users') -> 'data';
DELETE FROM logicdialog_users_own;
DROP TABLE logicdialog_users_own;
-- equal numbers come in bytewise order, nothing first
BEGIN;
DELETE FROM logicdialog_users_event WHERE session_id IN ('s1', 's2', 's3', 's5', 's6');
SELECT logicdialog.user_detail('2024-04-01', '2024-04-05', 'users') -> 'data';
ROLLBACK;

-- whether each message has a country, few countries or many: the same as plain SQL tells
INSERT INTO kindly_stats.bot_name VALUES (8113, 'few countries'), (8114, 'many countries'), (8115, 'others');
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, country)
SELECT bot, timestamptz '2023-01-01Z' + n * interval '397 minutes', 'user_message', 's' || n, 'u' || n * 7 % 300, (ARRAY['web', 'app', NULL])[1 + n % 5 % 3], (ARRAY['en', 'nb'])[1 + n % 7 % 2],
	'country ' || n * 37 % CASE bot WHEN 8113 THEN 40 ELSE 113 END
FROM unnest(ARRAY[8113, 8114]) AS bot, generate_series(1, 1200) AS n;
CREATE FUNCTION pg_temp.pies(bot bigint) RETURNS TABLE (pie text, name text, users bigint) LANGUAGE sql AS $$
	SELECT 'channel', source, count(DISTINCT user_id) FROM logicdialog_users_event WHERE bot_id = bot AND kind = 'user_message' GROUP BY 2
	UNION ALL SELECT 'language', language_code, count(DISTINCT user_id) FROM logicdialog_users_event WHERE bot_id = bot AND kind = 'user_message' GROUP BY 2
	UNION ALL SELECT 'country', country, count(DISTINCT user_id) FROM logicdialog_users_event WHERE bot_id = bot AND kind = 'user_message' AND country IS NOT NULL GROUP BY 2
$$;
CREATE FUNCTION pg_temp.shown(bot text) RETURNS TABLE (pie text, name text, users bigint) LANGUAGE sql AS $$
	SELECT pie, x ->> 'name', (x ->> 'users')::bigint
	FROM unnest(ARRAY['channel', 'country', 'language']) AS pie, json_array_elements(logicdialog.user_detail('2023-01-01', '2024-01-01', bot) -> 'data' -> pie) AS x
$$;
SELECT pg_temp.differences('SELECT * FROM pg_temp.pies(8113)', $$SELECT * FROM pg_temp.shown('few countries')$$) AS few,
	pg_temp.differences('SELECT * FROM pg_temp.pies(8114)', $$SELECT * FROM pg_temp.shown('many countries')$$) AS many, (SELECT count(*) FROM pg_temp.shown('many countries')) AS lines;
-- users without any country, then as many events less that have one
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
SELECT bot, '2023-05-05 05:00Z', 'user_message', 'nowhere', 'nobody', 'kiosk', 'fi' FROM unnest(ARRAY[8113, 8114]) AS bot;
SELECT pg_temp.differences('SELECT * FROM pg_temp.pies(8113)', $$SELECT * FROM pg_temp.shown('few countries')$$) AS few,
	pg_temp.differences('SELECT * FROM pg_temp.pies(8114)', $$SELECT * FROM pg_temp.shown('many countries')$$) AS many;
DELETE FROM logicdialog_users_event WHERE bot_id IN (8113, 8114) AND session_id IN ('s10', 's20');
SELECT pg_temp.differences('SELECT * FROM pg_temp.pies(8113)', $$SELECT * FROM pg_temp.shown('few countries')$$) AS few,
	pg_temp.differences('SELECT * FROM pg_temp.pies(8114)', $$SELECT * FROM pg_temp.shown('many countries')$$) AS many;
-- a measure that counts something else is no part of the users, even where its sum is the same
BEGIN;
UPDATE kindly_stats.measure SET kinds = '{feedback}' WHERE name = 'countries';
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, country) VALUES
	(8115, '2023-05-05 05:00Z', 'user_message', 's', 'ada', 'web', 'en', NULL), (8115, '2023-05-05 06:00Z', 'feedback', 's', 'bo', 'app', 'nb', 'NO');
SELECT * FROM pg_temp.shown('others') ORDER BY 1;
ROLLBACK;

-- zones: the day of Kathmandu begins at 18:15
SELECT x FROM json_array_elements(logicdialog."user"('2024-04-01', '2024-04-05', 'users', tz => 'Asia/Kathmandu') -> 'data') AS x;

-- a year of random users: every resolution and zone tells what plain SQL tells
INSERT INTO logicdialog_users_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
SELECT 8111, timestamptz '2024-01-01 00:00Z' + ((hashint4(n)::bigint + 2147483648) * 366 * 86400 / 4294967296) * interval '1 second', CASE WHEN n % 3 = 0 THEN 'bot_reply' ELSE 'user_message' END,
	's' || n % 1700, 'u' || floor(sqrt(n)) || n % 10, (ARRAY['web', 'app', NULL])[1 + n % 3], (ARRAY['en', 'nb', 'de', NULL])[1 + n % 4]
FROM generate_series(1, 5000) AS n;
CREATE FUNCTION pg_temp.check_user(tz text, unit text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamptz, (x ->> 'created')::bigint, (x ->> 'active')::bigint FROM json_array_elements(logicdialog."user"('2024-01-01', '2025-01-01', 'users', %2$L, %1$L) -> 'data') AS x
		WHERE (x ->> 'active')::bigint > 0$q$, tz, unit),
	format($q$SELECT date_trunc(%2$L, occurred_at, %1$L), count(*) FILTER (WHERE occurred_at = first), count(DISTINCT user_id)
		FROM (SELECT DISTINCT occurred_at, user_id, min(occurred_at) OVER (PARTITION BY user_id) AS first
			FROM logicdialog_users_event AS e WHERE bot_id = 8111 AND kind = 'user_message' AND user_id IS NOT NULL) AS t
		WHERE occurred_at AT TIME ZONE %1$L >= date_trunc(%2$L, timestamp '2024-01-01') AND occurred_at AT TIME ZONE %1$L < '2025-01-01' GROUP BY 1$q$, tz, unit))
$$;
SELECT tz, unit FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['day', 'week', 'month', 'quarter']) AS unit WHERE pg_temp.check_user(tz, unit) <> 0;
CREATE FUNCTION pg_temp.check_groups(call text, list text, thing text, part text, tz text, unit text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamptz, c ->> %L, (c ->> 'users')::bigint, (c ->> 'messages')::bigint
		FROM json_array_elements(logicdialog.%I('2024-01-01', '2025-01-01', 'users', %L, %L) -> 'data') AS x, json_array_elements(x -> %L) AS c$q$, thing, call, unit, tz, list),
	format($q$SELECT date_trunc(%3$L, occurred_at, %2$L), %1$I, count(DISTINCT user_id), count(*)
		FROM logicdialog_users_event WHERE bot_id = 8111 AND kind = 'user_message' AND occurred_at AT TIME ZONE %2$L >= date_trunc(%3$L, timestamp '2024-01-01')
		AND occurred_at AT TIME ZONE %2$L < '2025-01-01' GROUP BY 1, 2$q$, part, tz, unit))
$$;
SELECT tz, unit, call FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter']) AS unit,
	(VALUES ('active_channel', 'channels', 'channel', 'source'), ('active_user_language', 'languages', 'language', 'language_code')) AS c (call, list, thing, part)
WHERE pg_temp.check_groups(call, list, thing, part, tz, unit) <> 0;

-- statistics outlive the events
SELECT logicdialog."user"('2024-01-01', '2025-01-01', 'users', 'month')::text AS before \gset
SELECT kindly_stats.purge('logicdialog_users_event', '2024-03-01 00:00Z') > 0 AS purged;
SELECT logicdialog."user"('2024-01-01', '2025-01-01', 'users', 'month')::text = :'before' AS same;

DELETE FROM logicdialog_users_event;
DELETE FROM kindly_stats.rollup WHERE bot_id = 8111;
DELETE FROM kindly_stats.bot_name WHERE bot_id = 8111;
DROP TABLE logicdialog_users_event;
