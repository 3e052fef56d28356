--
-- LogicDialog: response, blocks
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

SELECT kindly_stats.create_event_table('logicdialog_responses_event');
INSERT INTO kindly_stats.bot_name VALUES (8131, 'responses');

-- Responses shown by a button's click, by natural language, by anything else; one that only is rated in these days.
INSERT INTO logicdialog_responses_event (bot_id, occurred_at, kind, session_id, source, language_code, response_id, response_trigger) VALUES
	(8131, '2024-04-01 00:00Z', 'bot_reply', 's1', 'web', 'en', 'welcome', NULL), (8131, '2024-04-01 09:00Z', 'bot_reply', 's2', 'web', 'en', 'welcome', 'timer'),
	(8131, '2024-04-01 09:01Z', 'bot_reply', 's2', 'web', 'en', 'Opening hours: "døgnåpent"', 'button'), (8131, '2024-04-01 09:02Z', 'bot_reply', 's2', 'web', 'en', 'welcome', 'natural_language'),
	(8131, '2024-04-01 09:03Z', 'bot_reply', 's2', 'app', 'nb', 'Opening hours: "døgnåpent"', 'natural_language'), (8131, '2024-04-03 09:00Z', 'bot_reply', 's3', NULL, NULL, 'Opening hours: "døgnåpent"', 'button'),
	(8131, '2024-04-03 09:01Z', 'bot_reply', 's3', 'web', 'en', 'prices', 'button'), (8131, '2024-04-03 23:59:59.999999Z', 'bot_reply', 's3', 'web', 'en', 'prices', 'natural_language'),
	(8131, '2024-04-03 10:00Z', 'bot_reply', 's4', 'web', 'en', 'Opening hours: "døgnåpent"', 'natural_language'),
	-- replies of which nobody knows what they were
	(8131, '2024-04-03 11:00Z', 'bot_reply', 's4', 'web', 'en', NULL, 'button'), (8131, '2024-04-03 11:01Z', 'bot_reply', 's4', 'web', 'en', NULL, NULL),
	(8131, '2024-04-03 11:02Z', 'bot_reply', 's4', 'web', 'en', '', 'Button');
INSERT INTO logicdialog_responses_event (bot_id, occurred_at, kind, session_id, source, response_id, response_trigger) VALUES
	(8131, '2024-04-01 09:05Z', 'response_liked', 's2', 'web', 'welcome', 'button'), (8131, '2024-04-01 09:06Z', 'response_disliked', 's2', 'web', 'welcome', NULL), (8131, '2024-04-03 09:05Z', 'response_liked', 's3', 'app', 'welcome', NULL),
	(8131, '2024-04-03 09:06Z', 'response_liked', 's3', 'web', 'prices', NULL), (8131, '2024-04-02 12:00Z', 'response_liked', 's9', 'web', 'seen in March', NULL), (8131, '2024-04-02 12:01Z', 'response_disliked', 's9', 'web', 'also seen in March', NULL),
	(8131, '2024-04-02 12:02Z', 'response_disliked', 's9', 'web', 'also seen in March', NULL), (8131, '2024-04-02 12:03Z', 'response_liked', 's9', 'web', NULL, 'button');
-- other kinds, the instants on both sides, another bot
INSERT INTO logicdialog_responses_event (bot_id, occurred_at, kind, session_id, response_id, response_trigger)
SELECT 8131, '2024-04-02 12:00Z', k, 's1', 'welcome', 'button' FROM unnest(ARRAY['user_message', 'button_click', 'response_shown', 'feedback']) AS k
UNION ALL
SELECT bot, at, k, 'other', 'other', 'button'
FROM (VALUES (8131, timestamptz '2024-03-31 23:59:59.999999Z'), (8131, '2024-04-04 00:00Z'), (8132, '2024-04-02 12:00Z')) AS v (bot, at), unnest(ARRAY['bot_reply', 'response_liked', 'response_disliked']) AS k;

-- "The responses used to handle user queries within the time period specified.  Each entry will identify the number of views, likes
-- and dislikes for each response, along with an indication of if that response was triggered by a button, or through natural language."
SELECT logicdialog.response('2024-04-01', '2024-04-04', 'responses');
SELECT x FROM json_array_elements(logicdialog.response('2024-04-03', '2024-04-04', 'responses') -> 'data') AS x;
SELECT logicdialog.response('2024-04-02', '2024-04-03', 'responses');
SELECT x FROM json_array_elements(logicdialog.response('2024-03-31', '2024-04-01T00:00:00.001Z', 'responses', 'hour') -> 'data') AS x;
-- "A breakdown of which response was shown to the user by date within the time period selected."
SELECT logicdialog.blocks('2024-04-01', '2024-04-04', 'responses');
SELECT logicdialog.blocks('2024-04-01', '2024-04-04', 'responses', 'month');
-- a like that is taken back
BEGIN;
UPDATE logicdialog_responses_event SET kind = 'response_disliked' WHERE response_id = 'prices' AND kind = 'response_liked';
DELETE FROM logicdialog_responses_event WHERE response_id = 'seen in March';
SELECT x FROM json_array_elements(logicdialog.response('2024-04-01', '2024-04-04', 'responses') -> 'data') AS x;
ROLLBACK;
-- a response that was renamed
BEGIN;
UPDATE logicdialog_responses_event SET response_id = 'prices' WHERE response_id IN ('welcome', '');
SELECT x FROM json_array_elements(logicdialog.response('2024-04-01', '2024-04-04', 'responses') -> 'data') AS x;
SELECT x FROM json_array_elements(logicdialog.blocks('2024-04-01', '2024-04-04', 'responses') -> 'data') AS x;
ROLLBACK;

-- random ones of a year: every resolution and zone tells what plain SQL tells
INSERT INTO logicdialog_responses_event (bot_id, occurred_at, kind, source, response_id, response_trigger)
SELECT 8131, timestamptz '2024-01-01 00:00Z' + ((hashint4(n)::bigint + 2147483648) * 366 * 86400 / 4294967296) * interval '1 second', (ARRAY['bot_reply', 'bot_reply', 'response_liked', 'bot_reply', 'response_disliked'])[1 + n % 5],
	(ARRAY['web', 'app', NULL])[1 + n % 3], 'r' || floor(sqrt(n % 500)), (ARRAY['button', 'natural_language', 'natural_language', NULL])[1 + n % 4]
FROM generate_series(1, 5000) AS n;
CREATE FUNCTION pg_temp.check_response(tz text, unit text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT n, x ->> 'response', (x ->> 'views')::bigint, (x ->> 'likes')::bigint, (x ->> 'dislikes')::bigint, (x #>> '{triggers,button}')::bigint, (x #>> '{triggers,naturalLanguage}')::bigint
		FROM json_array_elements(logicdialog.response('2024-02-10', '2024-11-05', 'responses', %2$L, %1$L) -> 'data') WITH ORDINALITY AS t (x, n)$q$, tz, unit),
	format($q$SELECT row_number() OVER (ORDER BY count(*) FILTER (WHERE kind = 'bot_reply') DESC, response_id COLLATE "C"), response_id, count(*) FILTER (WHERE kind = 'bot_reply'),
			count(*) FILTER (WHERE kind = 'response_liked'), count(*) FILTER (WHERE kind = 'response_disliked'),
			count(*) FILTER (WHERE kind = 'bot_reply' AND response_trigger = 'button'), count(*) FILTER (WHERE kind = 'bot_reply' AND response_trigger = 'natural_language')
		FROM logicdialog_responses_event WHERE bot_id = 8131 AND kind IN ('bot_reply', 'response_liked', 'response_disliked') AND response_id IS NOT NULL
		AND occurred_at AT TIME ZONE %1$L >= date_trunc(%2$L, timestamp '2024-02-10') AND occurred_at AT TIME ZONE %1$L < '2024-11-05' GROUP BY 2$q$, tz, unit))
$$;
CREATE FUNCTION pg_temp.check_blocks(tz text, unit text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT (x ->> 'date')::timestamptz, r ->> 'response', (r ->> 'views')::bigint
		FROM json_array_elements(logicdialog.blocks('2024-02-10', '2024-11-05', 'responses', %2$L, %1$L) -> 'data') AS x, json_array_elements(x -> 'responses') AS r$q$, tz, unit),
	format($q$SELECT date_trunc(%2$L, occurred_at, %1$L), response_id, count(*)
		FROM logicdialog_responses_event WHERE bot_id = 8131 AND kind = 'bot_reply' AND response_id IS NOT NULL
		AND occurred_at AT TIME ZONE %1$L >= date_trunc(%2$L, timestamp '2024-02-10') AND occurred_at AT TIME ZONE %1$L < '2024-11-05' GROUP BY 1, 2$q$, tz, unit))
$$;
SELECT tz, unit FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter']) AS unit
WHERE pg_temp.check_response(tz, unit) <> 0 OR pg_temp.check_blocks(tz, unit) <> 0;

DELETE FROM logicdialog_responses_event;
DELETE FROM kindly_stats.bot_name WHERE bot_id = 8131;
DROP TABLE logicdialog_responses_event;
