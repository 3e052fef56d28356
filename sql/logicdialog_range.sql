--
-- LogicDialog: the range, its resolution and its time zone, as every answer says them
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

SELECT kindly_stats.create_event_table('logicdialog_range_event');
INSERT INTO kindly_stats.bot_name VALUES (8101, 'Range "8101" – æøå');
-- a message in each quarter hour of two years
INSERT INTO logicdialog_range_event (bot_id, occurred_at, kind, session_id, user_id)
SELECT 8101, at, 'user_message', 's', 'u' FROM generate_series(timestamptz '2023-07-01 00:00Z', '2025-06-30 23:59Z', '15 minutes') AS at;

-- all but the data; of the data the number of buckets, the first and the last
CREATE FUNCTION pg_temp.range(answer json, OUT "dateFrom" text, OUT "dateTo" text, OUT resolution text, OUT buckets int, OUT first text, OUT last text, OUT messages bigint)
LANGUAGE sql AS $$
SELECT answer ->> 'dateFrom', answer ->> 'dateTo', answer ->> 'resolution', json_array_length(answer -> 'data'), answer #>> '{data,0,date}', answer #>> '{data,-1,date}',
	(SELECT sum((x ->> 'messages')::bigint) FROM json_array_elements(answer -> 'data') AS x)
$$;
CREATE FUNCTION pg_temp.ask("from" text, "to" text, resolution text, tz text DEFAULT 'UTC') RETURNS json LANGUAGE sql AS $$
SELECT logicdialog.message("from", "to", 'Range "8101" – æøå', resolution, tz)
$$;

-- "if dateFrom is 2024-04-16T10:57:12.873Z but the resolution is set to month, then for the purpose of the returned data, dateFrom
-- will end up being 2024-04-01T00:00:00.000Z - ie, the start of the month"
SELECT logicdialog.message("dateFrom" => '2024-04-16T10:57:12.873Z', "dateTo" => '2024-06-01', client => 'Range "8101" – æøå', resolution => 'month');
SELECT pg_temp.ask('2024-04-16T10:57:12.873Z', '2024-06-01', 'month') ->> 'dateFrom' = '2024-04-01T00:00:00.000Z' AS as_documented;
-- "the value can be either hour, day, week, month or quarter": each modifies dateFrom to be the start of that resolution
SELECT r.* FROM unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter']) AS u, pg_temp.range(pg_temp.ask('2024-04-16T10:57:12.873Z', '2024-04-18T09:30:00.001Z', u)) AS r;
-- what lies between that start and dateFrom counts
SELECT r.messages = (SELECT count(*) FROM logicdialog_range_event WHERE occurred_at >= '2024-04-01 00:00Z' AND occurred_at < '2024-04-17 00:00Z') AS from_the_first_of_the_month
FROM pg_temp.range(pg_temp.ask('2024-04-16T10:57:12.873Z', '2024-04-17', 'month')) AS r;
-- all sixteen have one envelope; day is the default; letters may be large
SELECT count(DISTINCT a), min(a) FROM (SELECT (SELECT json_object_agg(k, v) FROM json_each_text(x) AS e (k, v) WHERE k <> 'data')::text AS a FROM (
	SELECT unnest(ARRAY[logicdialog."user"('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.nlp('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.message('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.active_channel('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.message_groups('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.sentiment('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.events('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.user_detail('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.response('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.url_tracking('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.blocks('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.intervention('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.intervention_average_time_by_agent_series('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.intervention_detail('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'), logicdialog.intervention_average_time('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month'),
		logicdialog.active_user_language('2024-04-16T10:57:12.873Z', '2024-04-17', c, 'month')]) FROM (SELECT 'Range "8101" – æøå' AS c) AS c) AS t (x)) AS t;
SELECT logicdialog.message('2024-04-16', '2024-04-18', 'Range "8101" – æøå')::text = logicdialog.message('2024-04-16', '2024-04-18', 'Range "8101" – æøå', 'Day', 'utc')::text AS defaults,
	logicdialog.message('2024-04-16', '2024-04-18', 'Range "8101" – æøå')::text = logicdialog.message('2024-04-16', '2024-04-18', 'Range "8101" – æøå', NULL, NULL)::text AS nulls;

-- dateTo is exclusive, and reaches to the end of its day, or of its hour
SELECT t, r.* FROM unnest(ARRAY['2024-04-16', '2024-04-16T00:00:00.001Z', '2024-04-16T23:59:59.999Z', '2024-04-17T00:00:00.000Z']) AS t, pg_temp.range(pg_temp.ask('2024-04-15', t, 'day')) AS r;
SELECT t, r.* FROM unnest(ARRAY['2024-04-16T10:00', '2024-04-16T10:00:00.001Z', '2024-04-16T10:59:59.999Z']) AS t, pg_temp.range(pg_temp.ask('2024-04-16T09:01', t, 'hour')) AS r;
-- a week, month or quarter is counted up to it
SELECT r.* FROM unnest(ARRAY['week', 'month', 'quarter']) AS u, pg_temp.range(pg_temp.ask('2024-04-16', '2024-07-03', u)) AS r;
-- the same moment twice is its day, or its hour; on a day's first instant, what is before it in its month
SELECT r.* FROM pg_temp.range(pg_temp.ask('2024-04-16T10:57', '2024-04-16T10:57', 'day')) AS r;
SELECT r.* FROM pg_temp.range(pg_temp.ask('2024-04-16T10:57', '2024-04-16T10:57', 'hour')) AS r;
SELECT r.* FROM pg_temp.range(pg_temp.ask('2024-04-16', '2024-04-16', 'month')) AS r;

-- weeks are ISO weeks, over the turn of the year, too
SELECT f, r.* FROM unnest(ARRAY['2023-12-31', '2024-01-01', '2024-12-29', '2024-12-30', '2025-01-05']) AS f, pg_temp.range(pg_temp.ask(f, (f::date + 1)::text, 'week')) AS r;
SELECT f, r.* FROM unnest(ARRAY['2024-01-31', '2024-02-29', '2024-03-31', '2024-12-31']) AS f, pg_temp.range(pg_temp.ask(f, (f::date + 1)::text, 'quarter')) AS r;

-- units begin in the zone that is asked for: what has no zone is read there, an instant is put on its clock
SELECT tz, r.* FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu', '+05:30']) AS tz, pg_temp.range(pg_temp.ask('2024-04-01', '2024-04-03', 'day', tz)) AS r;
SELECT tz, r.* FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu', 'W. Europe Standard Time']) AS tz, pg_temp.range(pg_temp.ask('2024-04-30T23:30:00Z', '2024-05-01T00:30:00Z', 'month', tz)) AS r;
SELECT tz, r.* FROM unnest(ARRAY['Asia/Kathmandu', 'Australia/Lord_Howe']) AS tz, pg_temp.range(pg_temp.ask('2024-04-16T10:57:12.873Z', '2024-04-16T11:57Z', 'hour', tz)) AS r;
-- clocks are changed: days of 23 and 25 hours, months that begin in summer and end in winter
SELECT f, r.* FROM (VALUES ('2024-03-30', '2024-04-02'), ('2024-10-26', '2024-10-29')) AS v (f, t), pg_temp.range(pg_temp.ask(f, t, 'day', 'Europe/Oslo')) AS r;
SELECT x FROM json_array_elements(pg_temp.ask('2024-10-26', '2024-10-29', 'day', 'Europe/Oslo') -> 'data') AS x;
SELECT f, r.* FROM (VALUES ('2024-03-31', '2024-04-01'), ('2024-10-27', '2024-10-28')) AS v (f, t), pg_temp.range(pg_temp.ask(f, t, 'hour', 'Europe/Oslo')) AS r;
SELECT x FROM json_array_elements(pg_temp.ask('2024-10-05', '2024-11-02', 'month', 'Europe/Oslo') -> 'data') AS x;
-- the hour that comes twice: an instant knows which one it is in, a reading means the first
SELECT f, r.* FROM unnest(ARRAY['2024-10-27T00:57Z', '2024-10-27T01:00Z', '2024-10-27T01:57Z', '2024-10-27T02:57', '2024-10-27T02:00Z']) AS f, pg_temp.range(pg_temp.ask(f, '2024-10-27T03:30Z', 'hour', 'Europe/Oslo')) AS r;
-- an hour of half an hour
SELECT x FROM json_array_elements(pg_temp.ask('2024-04-06T14:00Z', '2024-04-06T16:30Z', 'hour', 'Australia/Lord_Howe') -> 'data') AS x;
-- a clock that is changed within an hour: what it shows before and after are two, and the range between an hour's start and itself is none
SELECT x FROM json_array_elements(pg_temp.ask('2024-04-06T13:15Z', '2024-04-06T15:15Z', 'hour', 'Pacific/Chatham') -> 'data') AS x;
SELECT pg_temp.ask('2024-04-06T15:00Z', '2024-04-06T15:00Z', 'hour', 'Australia/Lord_Howe');
SELECT r.* FROM pg_temp.range(pg_temp.ask('2024-04-06T15:10Z', '2024-04-06T15:10Z', 'hour', 'Australia/Lord_Howe')) AS r;
-- midnight that never was, a date that never was
SELECT f, r.* FROM (VALUES ('2024-04-26', '2024-04-27'), ('2024-04-25T22:00Z', '2024-04-25T23:00Z')) AS v (f, t), pg_temp.range(pg_temp.ask(f, t, 'day', 'Africa/Cairo')) AS r;
SELECT pg_temp.ask('2011-12-30', '2011-12-31', 'day', 'Pacific/Apia');
SELECT logicdialog.user_detail('2011-12-30', '2011-12-31', 'Range "8101" – æøå', tz => 'Pacific/Apia');
SELECT logicdialog.active_channel('2011-12-29', '2012-01-01', 'Range "8101" – æøå', tz => 'Pacific/Apia');

-- whoever asks for what an answer says that it is about gets the same answer again
SELECT tz, unit, a, b FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Havana', 'Africa/Cairo', 'Atlantic/Azores', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Chatham']) AS tz,
	unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter']) AS unit,
	(VALUES ('2024-03-09T12:34Z', '2024-03-11T23:45Z'), ('2024-04-25T21:30Z', '2024-04-28T01:00Z'), ('2024-10-26T22:59:59.999Z', '2024-10-27T02:01Z'), ('2024-11-02T12:00', '2024-11-04T00:00'), ('2024-04-06T15:00Z', '2024-04-06T15:10Z')) AS v (f, t),
	pg_temp.ask(f, t, unit, tz) AS a, pg_temp.ask(a ->> 'dateFrom', a ->> 'dateTo', unit, tz) AS b
WHERE a::text <> b::text;
-- and what is counted are the messages between the two
SELECT tz, unit, r FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Havana', 'Africa/Cairo', 'Atlantic/Azores', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Chatham']) AS tz,
	unnest(ARRAY['hour', 'day', 'week', 'month', 'quarter']) AS unit,
	(VALUES ('2024-03-09T12:34Z', '2024-03-11T23:45Z'), ('2024-04-25T21:30Z', '2024-04-28T01:00Z'), ('2024-10-26T22:59:59.999Z', '2024-10-27T02:01Z'), ('2024-11-02T12:00', '2024-11-04T00:00'), ('2024-04-06T15:00Z', '2024-04-06T15:10Z')) AS v (f, t),
	pg_temp.range(pg_temp.ask(f, t, unit, tz)) AS r
WHERE r.messages <> (SELECT count(*) FROM logicdialog_range_event WHERE bot_id = 8101 AND occurred_at >= r."dateFrom"::timestamptz AND occurred_at < r."dateTo"::timestamptz)
	OR r.first <> r."dateFrom" OR r.messages = 0;

DELETE FROM logicdialog_range_event;
DELETE FROM kindly_stats.bot_name WHERE bot_id = 8101;
DROP TABLE logicdialog_range_event;
