--
-- Tallies in text, in bytes, in tables, in workers and in variables
--
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET search_path = kindly_stats, public;

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

-- the example that doc/format.md tells byte by byte
CREATE TABLE small AS
SELECT tally_agg(at, key, member) AS t FROM (VALUES
    ('2019-07-01 10:07:00Z'::timestamptz, ARRAY['web', 'en'], 'anna'),
    ('2019-07-01 10:20:00Z', ARRAY['app', NULL], 'bo')) v(at, key, member);
SELECT n * 16 AS at, substr(encode(tally_send(t), 'hex'), n * 32 + 1, 32) AS bytes FROM small, generate_series(0, 9) n
WHERE n * 16 < (info(t)).bytes ORDER BY n;
SELECT t::text = '\x' || encode(tally_send(t), 'hex') AS text_is_hex, t::text::tally::text = t::text AS returns FROM small;
SELECT upper(substr(t::text, 3)) <> substr(t::text, 3) AS lower_case, ('\x' || upper(substr(t::text, 3)))::tally::text = t::text AS any_case FROM small;

-- text that is none
SELECT pg_temp.failure(format('SELECT %L::kindly_stats.tally', x)) FROM small,
	unnest(ARRAY['', '\', '\x', 'x01', '\x0', '\x0g', '\x 01', '\x01', '{}', substr(t::text, 3), t::text || '0', t::text || '00', left(t::text, -2), t::text || ' ']) x;
-- a later version; flags and numbers that nobody wrote; a key that is no text here
CREATE FUNCTION pg_temp.changed(t tally, at integer, bytes bytea) RETURNS text LANGUAGE sql AS
	$$SELECT '\x' || encode(overlay(tally_send(t) PLACING bytes FROM at + 1), 'hex')$$;
SELECT at, what, pg_temp.failure(format('SELECT %L::kindly_stats.tally', pg_temp.changed(t, at, bytes))) FROM small, (VALUES
	(0, 'later version', '\x02'::bytea), (0, 'no version', '\x00'), (1, 'flags', '\x12'), (1, 'all weights', '\x0a'), (1, 'no weight below zero', '\x03'),
	(1, 'nothing added', '\x00'), (1, 'nothing taken away', '\x06'), (2, 'keys', '\x7f'), (3, 'quarters', '\x7f'), (4, 'weights', '\x7f'), (5, 'members', '\x7f'), (6, 'entries', '\x7f'),
	(7, 'returns', '\x01'), (8, 'first quarter', '\xffffffff7f'), (11, 'last quarter', '\x7f'), (12, 'total', '\x03'), (13, 'first', '\xffffffffff'), (18, 'last', '\xffffffffff'), (23, 'end of quarters', '\x00'),
	(24, 'end of visits', '\x00'), (25, 'end of keys', '\xffffffff7f'), (27, 'size', '\x7f'), (28, 'quarters between', '\x05'), (30, 'first visits', '\x00'), (30, 'gaps', '\x06'), (32, 'no tail', '\x00'), (33, 'tails too long', '\x7f'), (35, 'part too long', '\x7f'), (35, 'parts that are other parts', '\x03'), (37, 'not UTF-8', '\xff'),
	(37, 'zero', '\x00'), (40, 'no key with this head', '\x00'), (41, 'a tail beyond the last', '\x08'), (41, 'wide entries', '\x01'), (43, 'wide weights', '\x09'), (45, 'last slot of a key', '\x01'), (46, 'entries of a key', '\x00'), (62, 'a quarter beyond the last', '\x06'), (80, 'a member beyond the last', '\x02')) v(at, what, bytes);

-- every byte changed, and some thousand changed at random: success, or an error that names the type or the reason
DO $$
DECLARE
	bytes bytea;
	states text[];
	tried integer := 0;
	kept integer := 0;
	t tally;
BEGIN
	PERFORM setseed(0.5);
	SELECT tally_send(s.t) INTO bytes FROM small s;
	FOR i IN 0 .. 3999 LOOP
		BEGIN
			tried := tried + 1;
			t := ('\x' || encode(set_byte(set_byte(bytes, i % length(bytes), (random() * 255)::integer),
				CASE WHEN i < 500 THEN i % length(bytes) ELSE (random() * (length(bytes) - 1))::integer END, (random() * 255)::integer), 'hex'))::tally;
			kept := kept + 1;
			-- what came in is good enough for every question
			PERFORM info(t), total(t), distinct_total(t), is_empty(t), series(t, ARRAY['-infinity', '2019-07-01Z', 'infinity']::timestamptz[]), top(t), keys_under(t, 'web');
			IF t::text::tally::text <> t::text THEN
				RAISE 'does not return: %', t;
			END IF;
		EXCEPTION WHEN OTHERS THEN
			IF SQLERRM <> 'invalid input syntax for type kindly_stats.tally' AND SQLERRM NOT LIKE 'tally %' AND SQLERRM NOT LIKE 'weights of a tally %' THEN
				RAISE 'unexpected: % %', SQLSTATE, SQLERRM;
			END IF;
			states := array_append(array_remove(states, SQLSTATE), SQLSTATE);
		END;
	END LOOP;
	RAISE NOTICE '% tried, some kept: %, states: %', tried, kept > 0, (SELECT array_agg(s ORDER BY s) FROM unnest(states) s);
END $$;

-- binary: to a file and back
\copy small TO 'results/tally_io.copy' WITH (FORMAT binary)
CREATE TABLE copied (t tally);
\copy copied FROM 'results/tally_io.copy' WITH (FORMAT binary)
SELECT c.t::text = s.t::text AS same FROM copied c, small s;
\copy (SELECT tally_send(t) || '\x00' FROM small) TO 'results/tally_io.copy' WITH (FORMAT binary)
\copy copied FROM 'results/tally_io.copy' WITH (FORMAT binary)
\copy (SELECT ''::bytea) TO 'results/tally_io.copy' WITH (FORMAT binary)
\copy copied FROM 'results/tally_io.copy' WITH (FORMAT binary)

-- rows of the events and of tallies, small and toasted
CREATE TABLE visit AS
SELECT i, '2022-01-01Z'::timestamptz + i % 9000 * interval '5 minutes' AS at, CASE i % 6 WHEN 0 THEN NULL ELSE 'site ' || i % 6 END AS site,
       CASE WHEN i % 10 > 0 THEN 'visitor ' || i % 7919 END AS visitor, CASE WHEN i % 50 = 0 THEN -1 ELSE i % 4 END AS pages
FROM generate_series(1, 60000) i;
ANALYZE visit;
CREATE TABLE kept AS
SELECT at::date AS day, tally_agg(at, ARRAY[site], visitor, pages) AS t FROM visit GROUP BY at::date;
SELECT count(*), min((info(t)).bytes) > 2000 AS toasted, max((info(t)).bytes) > 8000 AS chunks, min(total(t) - s) AS wrong, max(total(t) - s) AS wrong
FROM kept JOIN (SELECT at::date AS day, sum(pages) AS s FROM visit GROUP BY 1) v USING (day);
SELECT pg_column_size(t) = (info(t)).bytes AS not_compressed, attstorage FROM kept, pg_attribute
WHERE attrelid = 'kept'::regclass AND attname = 't' LIMIT 1;
UPDATE kept SET t = t + t WHERE day < '2022-01-03';
UPDATE kept SET t = t - t WHERE day = '2022-01-03';
DELETE FROM kept WHERE day = '2022-01-04';
SELECT total(sum(t)) = (SELECT sum(CASE WHEN at < '2022-01-03Z' THEN 2 WHEN at >= '2022-01-05Z' THEN 1 ELSE 0 END * pages) FROM visit) AS right FROM kept;
SELECT total(t, '2022-01-02Z', '2022-01-02 12:00Z', '{site 1}') = 2 * (SELECT sum(pages) FROM visit WHERE at >= '2022-01-02Z' AND at < '2022-01-02 12:00Z' AND site = 'site 1') AS right
FROM kept WHERE day = '2022-01-02';
-- other ways of storing answer alike
CREATE TABLE stored (how text, main tally, extended tally, plain tally);
ALTER TABLE stored ALTER main SET STORAGE main, ALTER extended SET STORAGE extended, ALTER plain SET STORAGE plain;
INSERT INTO stored SELECT 'large', t, t, NULL FROM kept WHERE day = '2022-01-09';
INSERT INTO stored SELECT 'small', t, t, t FROM small;
SELECT how, main::text = extended::text AS bytes, total(main) = total(extended) AS total, distinct_total(main) = distinct_total(extended) AS members, plain::text = main::text AS plain,
       total(extended, key => '{site 1}') AS of_key FROM stored;

-- damaged where they are stored: what the header says of the size is not believed
CREATE CAST (bytea AS tally) WITHOUT FUNCTION;
CREATE TABLE damaged (what text, t tally);
INSERT INTO damaged SELECT what, overlay(tally_send(t) PLACING bytes FROM at + 1)::tally FROM kept, (VALUES
	('as it was', 45, ''::bytea), ('size', 45, '\xff7f'), ('entries and size', 8, '\xff7f'), ('end of quarters', 39, '\x8001')) v(what, at, bytes) WHERE day = '2022-01-09';
UPDATE damaged SET t = overlay(tally_send(t) PLACING '\xff7f' FROM 46)::tally WHERE what = 'entries and size';
SELECT what, pg_temp.failure(format('SELECT total(t) FROM damaged WHERE what = %L', what)) AS total,
	pg_temp.failure(format('SELECT distinct_total(t) FROM damaged WHERE what = %L', what)) AS members,
	pg_temp.failure(format('SELECT distinct_total(t, key => ''{site 1}'') FROM damaged WHERE what = %L', what)) AS of_key FROM damaged ORDER BY what COLLATE "C";
DROP CAST (bytea AS tally);

-- parallel = serial = plain SQL, hashed and sorted
CREATE FUNCTION pg_temp.workers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ 'Workers Launched: [1-9]' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;
CREATE TEMP TABLE answer (how text, site text, t text);
INSERT INTO answer SELECT 'serial', site, tally_agg(at, ARRAY[site], visitor, pages) FROM visit GROUP BY site;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT pg_temp.workers('SELECT tally_agg(at, ARRAY[site], visitor, pages) FROM visit') AS tally_agg,
       pg_temp.workers('SELECT sum(t) FROM kept') AS sum;
SELECT (SELECT tally_agg(at, ARRAY[site], visitor, pages)::text FROM visit) = (SELECT sum(t::tally)::text FROM answer) AS parallel_is_serial;
INSERT INTO answer SELECT 'parallel', site, tally_agg(at, ARRAY[site], visitor, pages) FROM visit GROUP BY site;
SET enable_hashagg = off;
INSERT INTO answer SELECT 'parallel, sorted', site, tally_agg(at, ARRAY[site], visitor, pages) FROM visit GROUP BY site;
SET max_parallel_workers_per_gather = 0;
INSERT INTO answer SELECT 'sorted', site, tally_agg(at, ARRAY[site], visitor, pages) FROM visit GROUP BY site;
RESET enable_hashagg;
SET work_mem = '64kB';
INSERT INTO answer SELECT 'spilled', site, sum(t) FROM (SELECT site, i % 500, tally_agg(at, ARRAY[site], visitor, pages) AS t FROM visit GROUP BY site, i % 500) x GROUP BY site;
RESET work_mem;
SELECT count(DISTINCT how) AS ways, count(DISTINCT (site, t)) AS answers FROM answer;
SELECT count(*) FROM (
	SELECT site, total(t::tally) AS s, distinct_total(t::tally) AS d FROM answer WHERE how = 'parallel' EXCEPT ALL
	SELECT site, (SELECT sum(pages) FROM visit v WHERE v.site IS NOT DISTINCT FROM a.site),
	       (SELECT count(*) FROM (SELECT FROM visit v WHERE v.site IS NOT DISTINCT FROM a.site AND visitor IS NOT NULL GROUP BY visitor HAVING sum(pages) <> 0) x)
	FROM answer a WHERE how = 'serial') wrong;

-- FILTER, GROUPING SETS, windows
SELECT total(tally_agg(at) FILTER (WHERE site = 'site 1')) = count(*) FILTER (WHERE site = 'site 1') AS filter,
       tally_agg(at) FILTER (WHERE false) IS NULL AS none FROM visit;
SELECT site, i % 2 AS odd, total(tally_agg(at, NULL, visitor)) = count(*) AS right, distinct_total(tally_agg(at, NULL, visitor)) = count(DISTINCT visitor) AS members
FROM visit WHERE i <= 3000 GROUP BY GROUPING SETS ((site), (i % 2), ()) ORDER BY site COLLATE "C", odd;
SELECT bool_and(total = count) AS running, bool_and(members = least(i, 5)) AS members, count(*) FROM (
	SELECT i, total(tally_agg(at, NULL, 'm' || i % 5) OVER w) AS total, count(*) OVER w, distinct_total(tally_agg(at, NULL, 'm' || i % 5) OVER w) AS members
	FROM visit WHERE i <= 300 WINDOW w AS (ORDER BY i)) x;
SELECT bool_and(total(s) = c) AS moving FROM (
	SELECT sum(t) OVER w AS s, sum(total(t)) OVER w AS c FROM kept WINDOW w AS (ORDER BY day ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING)) x;

-- transition and combine functions by hand
SELECT tally_sum(NULL, NULL) IS NULL AS sum, tally_accumulate(NULL, NULL) IS NULL AS one, tally_accumulate(NULL, NULL, NULL, NULL, 1) IS NULL AS all;
SELECT tally_sum(t, NULL)::text = t::text AS state, tally_sum(NULL, t)::text = t::text AS value, tally_sum(t, t)::text = (t + t)::text AS both,
       tally_sum(tally_sum(tally_sum(NULL, t), t), -t)::text = (t + t - t)::text AS chain,
       tally_sum(tally_accumulate(t, '2019-07-01Z', NULL, 'carl', 2), NULL)::text = (t + tally_accumulate(NULL, '2019-07-01Z', NULL, 'carl', 2))::text AS flat_state,
       tally_accumulate(t, NULL, '{x}', 'y', 3)::text = t::text AS no_instant, total(tally_accumulate(tally_accumulate(NULL, '2019-07-01Z'), '2019-07-01Z', '{x}')) AS forms
FROM small;
SELECT pg_temp.failure($$SELECT tally_sum('\x01', NULL)$$), pg_temp.failure($$SELECT tally_sum(NULL, '\x')$$);
SELECT pg_temp.failure($$SELECT tally_accumulate(NULL, 'infinity')$$), pg_temp.failure($$SELECT tally_accumulate('\x', now())$$);

-- variables of plpgsql hold states that have not been packed
DO $$
DECLARE
	t tally;
	again tally;
	one tally := tally_agg('2021-01-01Z', '{a}', 'm') FROM (SELECT) x;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		t := tally_sum(t, one);
		IF i % 250 = 0 THEN
			again := t;
			t := tally_sum(t, t);
			t := t - again;
		END IF;
	END LOOP;
	RAISE NOTICE 'sum: %, %, %', total(t), distinct_total(t), total(again);
	FOR i IN 1 .. 1000 LOOP
		t := t + one;
	END LOOP;
	BEGIN
		t := tally_accumulate(t, '2021-01-02Z', '{b}', 'n', 5);
		t := tally_accumulate(t, '2021-01-02Z', '{{b}}', 'n', 5);
	EXCEPTION WHEN invalid_parameter_value THEN
		RAISE NOTICE 'after the error: %', total(t);
	END;
END $$;

-- a million rows, a million members: the bytes stay small, and memory goes again
SELECT (info(t)).keys, (info(t)).members, (info(t)).bytes < 16000000 AS small, total(t), distinct_total(t), distinct_total(t, key => '{7}')
FROM (SELECT tally_agg('2022-01-01Z'::timestamptz + i % 600000 * interval '1 second', ARRAY[(i % 100)::text], i::text) AS t FROM generate_series(1, 1000000) i) x;
DO $$
DECLARE
	before bigint;
	after bigint;
BEGIN
	FOR n IN 1 .. 12 LOOP
		PERFORM total(sum(t)), distinct_total(sum(t)) FROM kept;
		PERFORM tally_agg(at, ARRAY[site], visitor) OVER (ORDER BY i ROWS 10 PRECEDING) FROM visit LIMIT 1000;
		IF n = 4 THEN
			SELECT sum(total_bytes) INTO before FROM pg_backend_memory_contexts;
		END IF;
	END LOOP;
	SELECT sum(total_bytes) INTO after FROM pg_backend_memory_contexts;
	RAISE NOTICE 'memory stays: %', after < before + 1000000;
END $$;
DROP TABLE small, copied, visit, kept, stored;
