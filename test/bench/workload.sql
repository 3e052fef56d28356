-- workload.sql: a year of made-up events, the same on every run.
--
--     psql [-v sessions=400000] [-v seed=1] -f test/bench/workload.sql
--
-- Makes the view bench.event, which has the events in order of time, with the
-- columns of an event table.  Nothing is stored: ten times the sessions need no
-- more memory, for a day at a time is made and sorted.
--
-- 20 bots, of which the busiest has 37 % of the sessions; 2 to 20 messages a
-- session, 40 seconds apart, in turns, and one button click: 12 events on
-- average.  11 % of the replies are fallbacks.  Office hours in Europe/Oslo are
-- busy, weekends are not.  Nothing is random: every figure is a hash of the
-- session or message and of what is asked about it.

\if :{?sessions} \else \set sessions 400000 \endif
\if :{?seed} \else \set seed 1 \endif

CREATE SCHEMA IF NOT EXISTS bench;

-- A number in [0, 1) that depends on the key, on what is asked about it, and on the seed.
SELECT format('CREATE FUNCTION bench.dice(key bigint, what bigint) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended(key, %s + what) & 4503599627370495) / 4503599627370496.0::float8', 100 * :seed) \gexec

-- Days and their sessions, numbered through the year.
CREATE TABLE bench.day AS
SELECT day, coalesce(lag(last) OVER (ORDER BY day), 0) + 1 AS first, last
FROM (
	SELECT day, round(:sessions * sum(busy) OVER (ORDER BY day) / sum(busy) OVER ())::bigint AS last
	FROM (
		SELECT d::date AS day,
			   CASE WHEN extract(isodow FROM d) > 5 THEN 0.45 ELSE 1 END
			   * (0.7 + 0.6 * extract(doy FROM d) / 366)::float8
			   * (0.85 + 0.3 * bench.dice(extract(doy FROM d)::bigint, 10)) AS busy
		FROM generate_series(timestamp '2025-01-01', '2025-12-31', '1 day') AS d
	) AS days
) AS scaled;

-- Zipf: the share of the n-th bot is n ^ -1.255, of all 20; `scale` is where it ends.
CREATE TABLE bench.bot AS
SELECT n AS bot_id, share / sum(share) OVER () AS share, sum(share) OVER (ORDER BY n) / sum(share) OVER () AS scale
FROM (SELECT n, power(n, -1.255)::float8 AS share FROM generate_series(1, 20) AS n) AS shares;

CREATE TABLE bench.bots AS
SELECT array_agg(share ORDER BY bot_id) AS shares, array_agg(scale ORDER BY bot_id) FILTER (WHERE bot_id < 20) AS scales
FROM bench.bot;

-- 200 pages and 300 buttons, the first of each the most popular.
CREATE TABLE bench.page AS
SELECT n, CASE WHEN n % 4 = 3 THEN 'shop.example.com' ELSE 'www.example.com' END AS web_host,
	   CASE n WHEN 0 THEN '/' ELSE '/articles/' || substr(md5('page ' || n), 1, 4 + n % 20) END AS web_path
FROM generate_series(0, 199) AS n;

CREATE TABLE bench.button AS
SELECT n, md5('button ' || n)::uuid::text AS button_id,
	   CASE WHEN n % 3 = 0 THEN 'quick_reply' ELSE 'dialogue_trigger' END AS button_type,
	   md5('dialogue ' || n / 3)::uuid::text AS dialogue_id
FROM generate_series(0, 299) AS n;

CREATE FUNCTION bench.sessions(day date, first bigint, last bigint)
RETURNS TABLE (key bigint, bot_id bigint, starts timestamptz, exchanges integer, session_id text, user_id text,
			   source text, language_code text)
LANGUAGE sql STABLE
AS $$
	SELECT key, bot,
		   (day + make_interval(hours => width_bucket(bench.dice(key, 2), ARRAY[.01, .015, .02, .025, .03, .04, .06, .10, .17, .25,
					.33, .41, .48, .56, .64, .71, .76, .81, .855, .90, .94, .965, .985]::float8[]),
				secs => floor(bench.dice(key, 3) * 3600e6) / 1e6)) AT TIME ZONE 'Europe/Oslo',
		   1 + floor(bench.dice(key, 4) * 10)::integer,
		   md5('session ' || key)::uuid::text,
		   'user-' || bot || '-' || floor(bench.dice(key, 1) * shares[bot] * (SELECT max(d.last) FROM bench.day AS d) * 0.6),
		   (ARRAY['web', 'app', 'test'])[1 + width_bucket(bench.dice(key, 5), ARRAY[.7, .93]::float8[])],
		   CASE WHEN bench.dice(key, 6) < 0.35 THEN 'en' ELSE 'nb' END
	FROM bench.bots,
		 generate_series(first, last) AS n,
		 LATERAL (SELECT n AS key, 1 + width_bucket(bench.dice(n, 0), scales) AS bot OFFSET 0) AS s
$$;

CREATE FUNCTION bench.events(day date, first bigint, last bigint)
RETURNS TABLE (bot_id bigint, occurred_at timestamptz, kind text, event_id uuid, session_id text, user_id text, source text,
			   language_code text, is_fallback boolean, web_host text, web_path text, button_id text, button_type text,
			   dialogue_id text, label_id text, label_text text, rating_type text, rating smallint)
LANGUAGE sql STABLE
AS $$
	WITH session AS MATERIALIZED (
		SELECT * FROM bench.sessions(day, first, last)
	), message AS (
		SELECT s.*, i, key * 32 + i AS message
		FROM session AS s, generate_series(0, 2 * exchanges - 1) AS i
	), event AS (
		SELECT m.*, starts + i * interval '40 seconds' AS at, CASE i % 2 WHEN 0 THEN 'user_message' ELSE 'bot_reply' END AS kind,
			   CASE i % 2 WHEN 1 THEN bench.dice(message, 7) < 0.11 END AS is_fallback,
			   -- who talks goes on to another page now and then
			   CASE i % 2 WHEN 0 THEN floor(power(bench.dice(key * 32 + i / 6, 8), 3) * 200)::integer END AS page,
			   NULL::integer AS button
		FROM message AS m
		UNION ALL
		SELECT s.*, 0, key * 32 + 31, starts + interval '52 seconds', 'button_click', NULL, NULL,
			   floor(power(bench.dice(key, 9), 3) * 300)::integer
		FROM session AS s
	)
	SELECT e.bot_id, at, e.kind, md5(message::text)::uuid, e.session_id, e.user_id, e.source, e.language_code, e.is_fallback,
		   p.web_host, p.web_path, b.button_id, b.button_type, b.dialogue_id, NULL, NULL, NULL, NULL::smallint
	FROM event AS e
	LEFT JOIN bench.page AS p ON p.n = page
	LEFT JOIN bench.button AS b ON b.n = button
	ORDER BY at, message
$$;

CREATE VIEW bench.event AS
SELECT e.*
FROM (SELECT * FROM bench.day ORDER BY day OFFSET 0) AS d,
	 LATERAL bench.events(d.day, d.first, d.last) AS e;

ANALYZE bench.day, bench.bot, bench.bots, bench.page, bench.button;
