-- generate.sql: a year of made-up events of a few bots, the same on every run.
--
--     psql -v table=chat_event [-v bots=3] [-v sessions=12000] [-v year=2025]
--          [-v first_bot=1] [-v seed=1] -f test/generate.sql
--
-- Fills an event table that is there (kindly_stats.create_event_table).  Each bot
-- has `sessions` sessions, with about twelve events each: 2 to 20 messages in
-- turns, 40 seconds apart, of which about 11 % of the replies are fallbacks; and
-- button clicks, labels, handovers, feedback.  Office hours in Europe/Oslo are
-- busy, weekends are not.  Nothing is random: every figure is a hash of the bot,
-- the session and what is asked about it.

\if :{?bots} \else \set bots 3 \endif
\if :{?sessions} \else \set sessions 12000 \endif
\if :{?year} \else \set year 2025 \endif
\if :{?first_bot} \else \set first_bot 1 \endif
\if :{?seed} \else \set seed 1 \endif

SET client_min_messages = warning;
DROP TABLE IF EXISTS pg_temp.session, pg_temp.day, pg_temp.button, pg_temp.label;

-- A number in [0, 1) that depends on the key and the salt, and on nothing else.
CREATE OR REPLACE FUNCTION pg_temp.dice(key bigint, salt bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(key, salt) & 4503599627370495) / 4503599627370496.0::float8 $$;

-- The days of the year and where each ends on a scale of 0 to 1, by how busy it is.
CREATE TEMP TABLE day AS
SELECT array_agg(d ORDER BY d) AS dates, array_agg(scale ORDER BY d) AS scales
FROM (
	SELECT d, sum(busy) OVER (ORDER BY d) / sum(busy) OVER () AS scale
	FROM (
		SELECT d::date AS d,
			   CASE WHEN extract(isodow FROM d) > 5 THEN 0.45 ELSE 1 END
			   * (0.7 + 0.6 * extract(doy FROM d) / 366)::float8
			   * (0.85 + 0.3 * pg_temp.dice(extract(doy FROM d)::bigint, :seed)) AS busy
		FROM generate_series(make_date(:year, 1, 1), make_date(:year, 12, 31), interval '1 day') AS d
	) AS days
) AS scaled;

CREATE TEMP TABLE session AS
SELECT bot_id, key,
	   md5('session ' || key || ' ' || :seed)::uuid::text AS session_id,
	   'u' || (pg_temp.dice(key, :seed + 1) * :sessions * 0.6)::int AS user_id,
	   ((dates[width_bucket((n - 0.5) / :sessions, scales) + 1]
		 + make_interval(hours => width_bucket(pg_temp.dice(key, :seed + 2),
				ARRAY[.01, .015, .02, .025, .03, .04, .06, .10, .17, .25, .33, .41,
					  .48, .56, .64, .71, .76, .81, .855, .90, .94, .965, .985]::float8[]),
			secs => floor(pg_temp.dice(key, :seed + 3) * 3600e6) / 1e6)) AT TIME ZONE 'Europe/Oslo') AS starts,
	   2 + floor(pg_temp.dice(key, :seed + 4) * 19)::int AS messages,
	   (ARRAY['web', 'app', 'test'])[1 + width_bucket(pg_temp.dice(key, :seed + 5), ARRAY[.7, .93]::float8[])] AS source,
	   CASE WHEN pg_temp.dice(key, :seed + 6) < 0.35 THEN 'en' ELSE 'nb' END AS language_code,
	   (ARRAY['/', '/page', '/prices', '/help', '/help/returns', '/contact'])
			[1 + floor(power(pg_temp.dice(key, :seed + 7), 2) * 6)::int] AS web_path
FROM day,
	 generate_series(:first_bot::bigint, :first_bot + :bots - 1) AS bot_id,
	 generate_series(1, :sessions) AS n,
	 LATERAL (SELECT (bot_id << 32) + n AS key) AS k;

CREATE TEMP TABLE button AS
SELECT n, md5('button ' || n)::uuid::text AS button_id,
	   CASE WHEN n % 3 = 0 THEN 'quick_reply' ELSE 'dialogue_trigger' END AS button_type,
	   md5('dialogue ' || n / 3)::uuid::text AS dialogue_id
FROM generate_series(0, 11) AS n;

CREATE TEMP TABLE label AS
SELECT n, md5('label ' || n)::uuid::text AS label_id,
	   (ARRAY['order', 'return', 'invoice', 'complaint', 'opening hours', 'other'])[n + 1] AS label_text
FROM generate_series(0, 5) AS n;

ANALYZE session;
SET work_mem = '256MB';

INSERT INTO :table (bot_id, occurred_at, kind, event_id, session_id, user_id, source, language_code,
	is_fallback, web_host, web_path, button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating)
WITH message AS (
	SELECT s.*, i, starts + i * interval '40 seconds' AS at,
		   key * 64 + i AS message_key
	FROM session AS s, generate_series(0, messages - 1) AS i
), event AS (
	SELECT bot_id, at AS occurred_at,
		   CASE WHEN i % 2 = 0 THEN 'user_message' ELSE 'bot_reply' END AS kind,
		   message_key, session_id, user_id, source, language_code,
		   CASE WHEN i % 2 = 1 THEN pg_temp.dice(message_key, :seed + 8) < 0.11 END AS is_fallback,
		   CASE WHEN i % 2 = 0 AND source = 'web'
				THEN CASE language_code WHEN 'en' THEN 'www.example.com' ELSE 'www.example.no' END END AS web_host,
		   CASE WHEN i % 2 = 0 AND source = 'web' THEN web_path END AS web_path,
		   NULL::int AS button, NULL::int AS label, NULL::text AS rating_type, NULL::int AS rating
	FROM message
	UNION ALL
	SELECT bot_id, at + interval '8 seconds', 'button_click', message_key,
		   session_id, user_id, source, language_code, NULL, NULL, NULL,
		   floor(power(pg_temp.dice(message_key, :seed + 10), 2) * 12)::int, NULL, NULL, NULL
	FROM message
	WHERE i % 2 = 1 AND pg_temp.dice(message_key, :seed + 9) < 0.2
	UNION ALL
	SELECT bot_id, starts + interval '65 seconds', 'label_added', key * 64 + 21,
		   session_id, user_id, source, language_code, NULL, NULL, NULL, NULL,
		   floor(power(pg_temp.dice(key, :seed + 12), 1.5) * 6)::int, NULL, NULL
	FROM session
	WHERE pg_temp.dice(key, :seed + 11) < 0.1
	UNION ALL
	-- Agents are there on working days from 8 to 16; most requests then start a
	-- handover, and most of these end.
	SELECT bot_id, asked + after, h.kind, key * 64 + 22 + h.step,
		   session_id, user_id, source, language_code, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM (
		SELECT s.*, starts + messages * interval '40 seconds' AS asked, pg_temp.dice(key, :seed + 14) AS luck,
			   extract(isodow FROM starts AT TIME ZONE 'Europe/Oslo') < 6
			   AND extract(hour FROM starts AT TIME ZONE 'Europe/Oslo') BETWEEN 8 AND 15 AS open
		FROM session AS s
		WHERE pg_temp.dice(key, :seed + 13) < 0.12
	) AS request
	JOIN (VALUES (true, 0, 'handover_request', interval '0', 1.0),
				 (true, 1, 'handover_started', interval '90 seconds', 0.75),
				 (true, 2, 'handover_ended', interval '700 seconds', 0.7),
				 (false, 3, 'handover_request_closed', interval '0', 1.0)) AS h(open, step, kind, after, chance)
		ON h.open = request.open AND luck < chance
	UNION ALL
	SELECT bot_id, starts + messages * interval '40 seconds' + interval '30 seconds', 'feedback', key * 64 + 30,
		   session_id, user_id, source, language_code, NULL, NULL, NULL, NULL, NULL,
		   CASE WHEN pg_temp.dice(key, :seed + 16) < 0.6 THEN 'binary' ELSE 'emojis' END,
		   1 + CASE WHEN pg_temp.dice(key, :seed + 16) < 0.6
					THEN (pg_temp.dice(key, :seed + 17) < 0.7)::int
					ELSE floor(sqrt(pg_temp.dice(key, :seed + 17)) * 3)::int END
	FROM session
	WHERE pg_temp.dice(key, :seed + 15) < 0.15
)
SELECT bot_id, occurred_at, kind, md5(kind || message_key || ' ' || :seed)::uuid, session_id, user_id, source,
	   language_code, is_fallback, web_host, web_path, button_id, button_type, dialogue_id, label_id, label_text,
	   rating_type, rating
FROM event
LEFT JOIN button ON button.n = event.button
LEFT JOIN label ON label.n = event.label
ORDER BY occurred_at, bot_id, message_key, kind;

RESET work_mem;
DROP TABLE session, day, button, label;
DROP FUNCTION pg_temp.dice(bigint, bigint);
