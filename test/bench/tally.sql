--
-- What tallies cost: sizes in bytes, times in milliseconds (median of several).
--
--     psql -X -q -f test/bench/tally.sql DATABASE
--
-- One made-up year: 812,000 events of 148,000 members, which come in short
-- visits, under 12 keys.  Kept as one tally a month, as many rows keep it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS kindly_stats;
SET search_path = kindly_stats, public;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET work_mem = '256MB';

CREATE FUNCTION pg_temp.ms(query text, times integer DEFAULT 5) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	took double precision[];
BEGIN
	FOR i IN 1 .. times LOOP
		began := clock_timestamp();
		EXECUTE query;
		took := took || extract(epoch FROM clock_timestamp() - began)::double precision * 1000;
	END LOOP;
	RETURN round((SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) t)::numeric, 3);
END $$;

SELECT setseed(0.25) \g /dev/null
CREATE TEMP TABLE visit AS
SELECT m, '2023-01-01Z'::timestamptz + random() * interval '364 days' AS at,
       ARRAY[(ARRAY['web', 'app', 'mail'])[1 + m % 3], (ARRAY['nb', 'en', 'sv', 'da'])[1 + m / 3 % 4]] AS key
FROM generate_series(1, 148000) m;
CREATE TEMP TABLE event AS
SELECT v.at + i * interval '90 seconds' AS at, v.key, 'session-' || md5(m::text) AS member
FROM visit v, generate_series(0, 4 + (v.m % 2) - (v.m % 74 = 1)::integer) i;
CREATE TEMP TABLE month AS
SELECT date_trunc('month', at) AS month, tally_agg(at, key, member) AS tally FROM event GROUP BY 1;
CREATE TEMP TABLE small AS
SELECT tally_agg(at, key, member) AS tally FROM (SELECT *, row_number() OVER (ORDER BY at) / 10 AS n FROM event) e GROUP BY n;
CREATE TEMP TABLE text AS SELECT tally::text AS digits FROM month;
ANALYZE;

-- The numbers of a header (doc/format.md), which are varints from its third byte on, and where it ends.
CREATE FUNCTION pg_temp.header(h bytea, OUT numbers bigint[], OUT size integer) LANGUAGE plpgsql AS $$
DECLARE
	number bigint;
	shift integer;
BEGIN
	size := 2;
	WHILE coalesce(cardinality(numbers), 0) < CASE get_byte(h, 1) & 6 WHEN 0 THEN 14 WHEN 6 THEN 18 ELSE 16 END LOOP
		number := 0;
		shift := 0;
		LOOP
			number := number | ((get_byte(h, size) & 127)::bigint << shift);
			shift := shift + 7;
			size := size + 1;
			EXIT WHEN get_byte(h, size - 1) < 128;
		END LOOP;
		numbers := numbers || number;
	END LOOP;
END $$;

\echo Sizes
SELECT (SELECT count(*) FROM event) AS events, (SELECT count(DISTINCT member) FROM event) AS members, count(*) AS tallies,
       sum((info(tally)).bytes) AS bytes, round(sum((info(tally)).bytes) / (SELECT count(*) FROM event)::numeric, 2) AS bytes_an_event
FROM month;
SELECT (info(sum(tally))).bytes AS in_one_tally FROM month;
-- where the parts begin: so much is read of one
SELECT size + n[c - 4] AS visits_at, size + n[c - 4] + n[c - 3] AS keys_at, size + n[c - 4] + n[c - 3] + n[c - 2] + n[c - 1] AS members_at, bytes
FROM (SELECT tally_send(tally) AS h FROM month WHERE month = '2023-03-01Z') AS x, length(h) AS bytes, pg_temp.header(h) AS p (n, size), cardinality(n) AS c;
SELECT pg_size_pretty(pg_relation_size('event')) AS table_of_events;

\echo Times
SELECT what, pg_temp.ms(query) AS ms FROM (VALUES
	('read the events alone', 'SELECT count(at), count(key), count(member) FROM event'),
	('tally_agg(at) of all', 'SELECT tally_agg(at) FROM event'),
	('tally_agg(at, key) of all', 'SELECT tally_agg(at, key) FROM event'),
	('tally_agg(at, key, member) of all', 'SELECT tally_agg(at, key, member) FROM event'),
	('tally_agg(at, key, member), by month', 'SELECT tally_agg(at, key, member) FROM event GROUP BY date_trunc(''month'', at)'),
	('sum of 12 tallies', 'SELECT sum(tally) FROM month'),
	('sum of 79,000 small tallies', 'SELECT sum(tally) FROM small'),
	('text to tally, all 12', 'SELECT count(digits::tally) FROM text'),
	('total, all 12', 'SELECT total(tally) FROM month'),
	('total of a key, all 12', 'SELECT total(tally, key => ''{web}'') FROM month'),
	('distinct_total, all 12', 'SELECT distinct_total(tally) FROM month'),
	('daily series with members, all 12', 'SELECT count(*) FROM month, series(tally, (SELECT array_agg(d) FROM generate_series(''2023-01-01Z''::timestamptz, ''2024-01-01Z'', ''1 day'') d))'),
	('top keys with members, all 12', 'SELECT count(*) FROM month, top(tally)')) q(what, query);
