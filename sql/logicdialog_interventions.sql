--
-- LogicDialog: intervention, intervention-detail, intervention/average-time and its series by agent
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

SELECT kindly_stats.create_event_table('logicdialog_interventions_event');
INSERT INTO kindly_stats.bot_name VALUES (8141, 'interventions');

-- Handovers: asked for, started, ended.  One is asked for only, one still goes on, of one nobody knows how long it took.
INSERT INTO logicdialog_interventions_event (bot_id, occurred_at, kind, session_id, source, language_code, topic, agent_id, duration) VALUES
	(8141, '2024-04-01 09:00Z', 'handover_request', 's1', 'web', 'en', 'delivery', NULL, NULL), (8141, '2024-04-01 09:01Z', 'handover_started', 's1', 'web', 'en', 'delivery', NULL, NULL),
	(8141, '2024-04-01 09:11Z', 'handover_ended', 's1', 'web', 'en', NULL, 'ada', 600),
	(8141, '2024-04-01 10:00Z', 'handover_request', 's2', 'web', 'nb', 'delivery', NULL, NULL), (8141, '2024-04-01 10:01Z', 'handover_started', 's2', 'web', 'nb', 'delivery', NULL, NULL),
	(8141, '2024-04-01 10:02Z', 'handover_ended', 's2', 'web', 'nb', NULL, 'ada', 61),
	(8141, '2024-04-01 11:00Z', 'handover_started', 's3', 'app', 'nb', 'invoice', NULL, NULL), (8141, '2024-04-01 11:05Z', 'handover_ended', 's3', 'app', 'nb', NULL, 'bo "the builder"', 299),
	(8141, '2024-04-01 23:50Z', 'handover_started', 's4', NULL, NULL, NULL, NULL, NULL), (8141, '2024-04-03 00:10Z', 'handover_ended', 's4', NULL, NULL, NULL, NULL, 87600),
	(8141, '2024-04-03 09:00Z', 'handover_started', 's5', 'web', 'en', NULL, NULL, NULL), (8141, '2024-04-03 09:00Z', 'handover_ended', 's5', 'web', 'en', NULL, 'ada', 0),
	(8141, '2024-04-03 10:00Z', 'handover_started', 's6', 'app', 'en', 'invoice', NULL, NULL), (8141, '2024-04-03 11:00Z', 'handover_ended', 's6', 'app', 'en', NULL, 'bo "the builder"', NULL),
	(8141, '2024-04-03 23:59:59.999999Z', 'handover_started', 's7', 'web', 'en', 'delivery', NULL, NULL),
	(8141, '2024-04-03 12:00Z', 'handover_request_closed', 's8', 'web', 'en', 'delivery', NULL, NULL);
-- other kinds, the instants on both sides, another bot
INSERT INTO logicdialog_interventions_event (bot_id, occurred_at, kind, session_id, source, topic, outcome, agent_id, duration)
SELECT 8141, '2024-04-02 12:00Z', k, 's1', 'web', 'delivery', 'solved', 'ada', 10 FROM unnest(ARRAY['user_message', 'bot_reply', 'handover', 'feedback']) AS k
UNION ALL
SELECT bot, at, k, 'other', 'web', 'other', 'other', 'other', 10
FROM (VALUES (8141, timestamptz '2024-03-31 23:59:59.999999Z'), (8141, '2024-04-04 00:00Z'), (8142, '2024-04-02 12:00Z')) AS v (bot, at), unnest(ARRAY['handover_started', 'handover_ended']) AS k;

-- "The number of interventions to live agents in the selected time period."
SELECT logicdialog.intervention('2024-04-01', '2024-04-04', 'interventions');
SELECT logicdialog.intervention('2024-04-01', '2024-04-04', 'interventions', 'week');

-- "The channel, topic and outcome of any live agent interventions started within the time period specified."
SELECT logicdialog.intervention_detail('2024-04-01', '2024-04-04', 'interventions');
-- The outcome is known later, and written to the event that started the handover: it is counted on the day it started.
UPDATE logicdialog_interventions_event SET outcome = 'solved' WHERE bot_id = 8141 AND kind = 'handover_started' AND session_id IN ('s1', 's3', 's5', 's6');
UPDATE logicdialog_interventions_event SET outcome = 'Kunden ga opp "igjen"' WHERE bot_id = 8141 AND kind = 'handover_started' AND session_id = 's4';
SELECT logicdialog.intervention_detail('2024-04-01', '2024-04-04', 'interventions');
SELECT x FROM json_array_elements(logicdialog.intervention_detail('2024-04-03', '2024-04-04', 'interventions') -> 'data') AS x;
-- one that is changed, and one that is taken back
UPDATE logicdialog_interventions_event SET outcome = 'not solved' WHERE bot_id = 8141 AND kind = 'handover_started' AND session_id = 's1';
UPDATE logicdialog_interventions_event SET outcome = NULL WHERE bot_id = 8141 AND kind = 'handover_started' AND session_id = 's5';
SELECT x FROM json_array_elements(logicdialog.intervention_detail('2024-04-01', '2024-04-04', 'interventions') -> 'data') AS x;
-- the outcome of anything else is none of an intervention
UPDATE logicdialog_interventions_event SET outcome = 'unheard of' WHERE bot_id = 8141 AND kind <> 'handover_started';
SELECT count(*) FROM json_array_elements(logicdialog.intervention_detail('2024-04-01', '2024-04-04', 'interventions') -> 'data') AS x WHERE x ->> 'outcome' = 'unheard of';
-- they are as many as there are interventions
SELECT sum((x ->> 'interventions')::int) FROM json_array_elements(logicdialog.intervention_detail('2024-04-01', '2024-04-04', 'interventions') -> 'data') AS x;

-- "The average time and duration for the the interventions within the time period specified."
SELECT logicdialog.intervention_average_time('2024-04-01', '2024-04-04', 'interventions');
SELECT logicdialog.intervention_average_time('2024-04-01', '2024-04-02', 'interventions');
-- no intervention ended, one that took no time, one of unknown duration
SELECT logicdialog.intervention_average_time('2024-04-02', '2024-04-03', 'interventions') -> 'data', logicdialog.intervention_average_time('2024-04-03T09:00', '2024-04-03T10:00', 'interventions', 'hour') -> 'data',
	logicdialog.intervention_average_time('2024-04-03T11:00', '2024-04-03T12:00', 'interventions', 'hour') -> 'data';
-- hundredths are rounded half up
BEGIN;
UPDATE logicdialog_interventions_event SET duration = CASE session_id WHEN 's1' THEN 100 WHEN 's2' THEN 100 ELSE 101 END WHERE bot_id = 8141 AND kind = 'handover_ended';
SELECT logicdialog.intervention_average_time('2024-04-01', '2024-04-02', 'interventions') -> 'data';
INSERT INTO logicdialog_interventions_event (bot_id, occurred_at, kind, session_id, duration) SELECT 8141, '2024-04-05 12:00Z', 'handover_ended', n::text, CASE n WHEN 1 THEN 1 ELSE 0 END FROM generate_series(1, 200) AS n;
SELECT logicdialog.intervention_average_time('2024-04-05', '2024-04-06', 'interventions') -> 'data';
ROLLBACK;

-- "The average time for a conversation that has been handed over to a live agent within the time period specified."  By agent.
SELECT logicdialog.intervention_average_time_by_agent_series('2024-04-01', '2024-04-04', 'interventions');
SELECT logicdialog.intervention_average_time_by_agent_series('2024-04-01', '2024-04-04', 'interventions', 'month');
-- a duration that comes late
BEGIN;
UPDATE logicdialog_interventions_event SET duration = 3600 WHERE bot_id = 8141 AND kind = 'handover_ended' AND session_id = 's6';
SELECT x FROM json_array_elements(logicdialog.intervention_average_time_by_agent_series('2024-04-01', '2024-04-04', 'interventions') -> 'data') AS x;
ROLLBACK;
-- an agent who is not in the events' table any more
BEGIN;
DELETE FROM logicdialog_interventions_event WHERE agent_id = 'ada';
SELECT logicdialog.intervention_average_time_by_agent_series('2024-04-01', '2024-04-04', 'interventions', 'week') -> 'data';
ROLLBACK;

-- random ones of a year: every resolution and zone tells what plain SQL tells
INSERT INTO logicdialog_interventions_event (bot_id, occurred_at, kind, source, language_code, topic, outcome, agent_id, duration)
SELECT 8141, timestamptz '2024-01-01 00:00Z' + ((hashint4(n)::bigint + 2147483648) * 366 * 86400 / 4294967296) * interval '1 second', (ARRAY['handover_started', 'handover_ended'])[1 + n % 2],
	(ARRAY['web', 'app', '-web', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3], CASE WHEN n % 5 > 0 THEN 't' || n % 5 END, CASE WHEN n % 7 > 3 THEN 'o' || n % 7 END,
	CASE WHEN n % 11 > 0 THEN 'a' || n % 11 END, CASE WHEN n % 13 > 0 THEN n % 1000 END
FROM generate_series(1, 4000) AS n;
CREATE FUNCTION pg_temp.within(tz text, unit text) RETURNS text LANGUAGE sql AS $$
SELECT format('bot_id = 8141 AND occurred_at AT TIME ZONE %1$L >= date_trunc(%2$L, timestamp %3$L) AND occurred_at AT TIME ZONE %1$L < %4$L', tz, unit, '2024-02-10', '2024-11-05')
$$;
SELECT tz, unit, call FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'America/Los_Angeles', 'Asia/Kathmandu']) AS tz, unnest(ARRAY['day', 'week', 'month', 'quarter']) AS unit, LATERAL (VALUES
	('intervention', $q$SELECT (x ->> 'date')::timestamptz, (x ->> 'interventions')::bigint FROM json_array_elements(%s) AS x WHERE x ->> 'interventions' <> '0'$q$,
		format($q$SELECT date_trunc(%L, occurred_at, %L), count(*) FROM logicdialog_interventions_event WHERE kind = 'handover_started' AND %s GROUP BY 1$q$, unit, tz, pg_temp.within(tz, unit))),
	('intervention_detail', $q$SELECT n, x ->> 'channel', x ->> 'topic', x ->> 'outcome', (x ->> 'interventions')::bigint FROM json_array_elements(%s) WITH ORDINALITY AS t (x, n)$q$,
		format($q$SELECT row_number() OVER (ORDER BY count(*) DESC, source COLLATE "C" NULLS FIRST, topic COLLATE "C" NULLS FIRST, outcome COLLATE "C" NULLS FIRST), source, topic, outcome, count(*)
			FROM logicdialog_interventions_event WHERE kind = 'handover_started' AND %s GROUP BY 2, 3, 4$q$, pg_temp.within(tz, unit))),
	('intervention_average_time', $q$SELECT (x ->> 'interventions')::bigint, (x ->> 'averageSeconds')::numeric, (x ->> 'seconds')::bigint FROM json_build_array(%s) AS a, json_array_elements(a) AS x$q$,
		format($q$SELECT count(*), round(avg(duration), 2), sum(duration) FROM logicdialog_interventions_event WHERE kind = 'handover_ended' AND duration IS NOT NULL AND %s$q$, pg_temp.within(tz, unit))),
	('intervention_average_time_by_agent_series', $q$SELECT (x ->> 'date')::timestamptz, a ->> 'agent', (a ->> 'interventions')::bigint, (a ->> 'averageSeconds')::numeric, (a ->> 'seconds')::bigint
			FROM json_array_elements(%s) AS x, json_array_elements(x -> 'agents') AS a$q$,
		format($q$SELECT date_trunc(%L, occurred_at, %L), agent_id, count(*), round(avg(duration), 2), sum(duration)
			FROM logicdialog_interventions_event WHERE kind = 'handover_ended' AND duration IS NOT NULL AND %s GROUP BY 1, 2$q$, unit, tz, pg_temp.within(tz, unit)))
) AS c (call, told, counted)
WHERE pg_temp.differences(format(told, format($q$logicdialog.%I('2024-02-10', '2024-11-05', 'interventions', %L, %L) -> 'data'$q$, call, unit, tz)), counted) <> 0;

DELETE FROM logicdialog_interventions_event;
DELETE FROM kindly_stats.bot_name WHERE bot_id = 8141;
DROP TABLE logicdialog_interventions_event;
