--
-- Tallies: building, adding, asking
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

-- Parcels on their way: nothing that this extension was made for.
CREATE TEMP TABLE parcel AS
SELECT i, '2021-03-27 06:00:00Z'::timestamptz + i * interval '7 minutes 13.5 seconds' AS scanned_at,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'Tromsø' ELSE 'Oslo' END AS depot,
       CASE i % 11 WHEN 0 THEN NULL ELSE 'belt ' || i % 3 END AS belt,
       CASE i % 13 WHEN 0 THEN NULL ELSE 'P' || i * i % 401 END AS parcel_no,
       CASE i % 17 WHEN 0 THEN NULL ELSE (i % 50 - 5) * 10 END AS grams
FROM generate_series(1, 4000) i;
CREATE TEMP TABLE days AS SELECT array_agg(d ORDER BY d) AS edges
FROM generate_series('2021-03-27Z'::timestamptz, '2021-04-18Z', '1 day') d;

-- the four forms, and what a tally says about itself
SELECT (info(tally_agg(scanned_at))).* FROM parcel;
SELECT (info(tally_agg(scanned_at, ARRAY[depot]))).* FROM parcel;
SELECT (info(tally_agg(scanned_at, ARRAY[depot, belt], parcel_no))).* FROM parcel;
SELECT (info(tally_agg(scanned_at, ARRAY[depot, belt], parcel_no, grams))).* FROM parcel;
SELECT count(DISTINCT parcel_no), count(DISTINCT (depot, belt)), sum(grams) FROM parcel WHERE grams <> 0;
CREATE TEMP TABLE kept AS
SELECT tally_agg(scanned_at, ARRAY[depot, belt], parcel_no) AS scans, tally_agg(scanned_at, ARRAY[depot, belt], parcel_no, grams) AS weight
FROM parcel;

-- nothing, NULLs and zeros
SELECT tally_agg(scanned_at) IS NULL AS nothing FROM parcel WHERE false;
SELECT tally_agg(NULL) IS NULL AS no_instant, tally_agg(now(), '{}', 'x', NULL) IS NULL AS no_weight,
       tally_agg(now(), '{}', 'x', 0) IS NULL AS zero, sum(NULL::tally) IS NULL AS no_tally;
SELECT (info(tally_agg(at, key, member))).* FROM (VALUES ('2021-01-01Z'::timestamptz, NULL::text[], NULL::text),
       ('2021-01-01Z', '{}', NULL), (NULL, '{a}', 'x'), ('2021-01-01 00:15Z', NULL, 'x')) v(at, key, member);

-- series against plain SQL: every bucket, those without anything, too
CREATE FUNCTION pg_temp.wrong_buckets(t tally, wanted text[], weight text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format($q$
		SELECT count(*) FROM series($1, (SELECT edges FROM days), $2) s FULL JOIN (
			SELECT d, coalesce(sum(%1$s), 0) AS c,
			       (SELECT count(*) FROM (SELECT FROM parcel WHERE scanned_at >= d AND scanned_at < d + interval '1 day'
			               AND ($2 IS NULL OR ($2[1] IS NULL OR depot = $2[1]) AND ($2[2] IS NULL OR belt = $2[2]))
			               AND parcel_no IS NOT NULL GROUP BY parcel_no HAVING sum(%1$s) <> 0) x) AS m
			FROM (SELECT unnest(edges[:cardinality(edges) - 1]) AS d FROM days) b
			LEFT JOIN parcel ON scanned_at >= d AND scanned_at < d + interval '1 day'
			      AND ($2 IS NULL OR ($2[1] IS NULL OR depot = $2[1]) AND ($2[2] IS NULL OR belt = $2[2]))
			GROUP BY d) p ON s.bucket = p.d
		WHERE (s.count, s.distinct_count) IS DISTINCT FROM (p.c, p.m)$q$, weight) INTO result USING t, wanted;
	RETURN result;
END $$;
SELECT wanted, pg_temp.wrong_buckets(scans, wanted, 'CASE WHEN i IS NOT NULL THEN 1 END'), pg_temp.wrong_buckets(weight, wanted, 'grams')
FROM kept, (VALUES (NULL::text[]), ('{}'), ('{Oslo}'), ('{""}'), ('{Tromsø,belt 1}'), ('{NULL,belt 2}'), ('{nowhere}')) v(wanted);
SELECT s.* FROM kept, series(scans, ARRAY['2021-03-27Z', '2021-03-28Z', '2021-03-28Z', '2021-04-02 12:00Z', '2030-01-01Z']::timestamptz[]) s;
SELECT count(*) FROM kept, series(scans, '{}');
SELECT count(*) FROM kept, series(scans, ARRAY['2021-03-27Z'::timestamptz]);
SELECT count(*) FROM kept, series(scans, NULL);
SELECT count(*) FROM series(NULL, ARRAY['2021-03-27Z', '2021-03-28Z']::timestamptz[]);

-- totals: open ends, the ends of time, a key
SELECT total(weight) = (SELECT sum(grams) FROM parcel) AS all,
       total(weight, '2021-04-01Z') = (SELECT sum(grams) FROM parcel WHERE scanned_at >= '2021-04-01Z') AS since,
       total(weight, "to" => '2021-04-01Z') = (SELECT sum(grams) FROM parcel WHERE scanned_at < '2021-04-01Z') AS until,
       total(weight, '-infinity', 'infinity', '{Oslo}') = (SELECT sum(grams) FROM parcel WHERE depot = 'Oslo') AS of_key,
       distinct_total(scans) = (SELECT count(DISTINCT parcel_no) FROM parcel) AS parcels,
       distinct_total(scans, '2021-04-01Z', '2021-04-02Z', '{NULL,belt 1}') = (SELECT count(DISTINCT parcel_no) FROM parcel
           WHERE belt = 'belt 1' AND scanned_at >= '2021-04-01Z' AND scanned_at < '2021-04-02Z') AS of_day_and_key,
       total(NULL) IS NULL AND distinct_total(NULL) IS NULL AS no_tally
FROM kept;
SELECT total(scans, '2021-04-01Z', '2021-04-01Z'), distinct_total(scans, '2030-01-01Z') FROM kept;

-- the heaviest keys, NULL and '' told apart
SELECT t.* FROM kept, top(scans) t;
SELECT t.* FROM kept, top(scans, 2, '2021-04-01Z', '2021-04-02Z', '{NULL,belt 1}') t;
SELECT count(*) FROM (
	(SELECT t.* FROM kept, top(weight, NULL) t EXCEPT ALL
	 SELECT ARRAY[depot, belt], sum(grams), (SELECT count(*) FROM (SELECT FROM parcel q WHERE (q.depot, q.belt) IS NOT DISTINCT FROM (p.depot, p.belt)
	     AND parcel_no IS NOT NULL GROUP BY parcel_no HAVING sum(grams) <> 0) x) FROM parcel p GROUP BY depot, belt)) wrong;
SELECT key, key IS NULL AS null, cardinality(key), count FROM (
	SELECT tally_agg('2021-01-01Z', key) AS t FROM (VALUES (NULL::text[]), ('{}'), (ARRAY[NULL::text]), (ARRAY['']), (ARRAY['', NULL]),
	       (ARRAY[NULL, '']), (ARRAY['a']), (ARRAY['ab']), (ARRAY['a', 'b']), (ARRAY['Å']), ('[7:8]={x,y}')) v(key)) x, top(t, NULL);

-- parts of time and of keys
SELECT total(slice(scans, '2021-04-01Z', '2021-04-02Z')) = total(scans, '2021-04-01Z', '2021-04-02Z') AS slice,
       is_empty((slice(scans, '-infinity', '2021-04-01Z') + slice(scans, '2021-04-01Z', 'infinity')) - scans) AS whole,
       is_empty(slice(scans, '2030-01-01Z', 'infinity')) AS beyond, is_empty(slice(scans, '2021-04-01Z', '2021-04-01Z')) AS nothing
FROM kept;
SELECT (info(slice(scans, '2021-04-01 00:15Z', '2021-04-02 12:45Z'))).* FROM kept;
SELECT t.* FROM kept, top(keys_under(scans, 'Oslo')) t;
SELECT is_empty(keys_under(scans, 'nowhere')), total(keys_under(scans, '')) = total(scans, key => '{""}') AS empty_name FROM kept;

-- adding and taking away
SELECT (scans + weight)::text = (weight + scans)::text AS commutes,
       is_empty(scans - scans) AS nothing_left,
       total(-weight) = -total(weight) AS negated,
       (- - weight)::text = weight::text AS twice,
       (scans - weight)::text = (scans + -weight)::text AS subtracts,
       distinct_total(scans + scans) = distinct_total(scans) AS members_once
FROM kept;
SELECT sum(t)::text = (SELECT scans::text FROM kept) AS of_days, count(*)
FROM (SELECT tally_agg(scanned_at, ARRAY[depot, belt], parcel_no) AS t FROM parcel GROUP BY scanned_at::date) d;
SELECT (SELECT tally_agg(scanned_at, ARRAY[depot, belt], parcel_no, -1) + (SELECT scans FROM kept) FROM parcel WHERE i > 3000)::text
     <> (SELECT tally_agg(scanned_at, ARRAY[depot, belt], parcel_no) FROM parcel WHERE i <= 3000)::text AS remembers_what_was_removed;
-- deleting an event and adding it again elsewhere: its member counts where it is now
SELECT s.* FROM (SELECT tally_agg('2021-01-01Z', '{}', 'x') + tally_agg('2021-01-01Z', '{}', 'y') - tally_agg('2021-01-01Z', '{}', 'x')
	+ tally_agg('2021-01-02Z', '{}', 'x') AS t) q, series(t, ARRAY['2021-01-01Z', '2021-01-02Z', '2021-01-03Z']::timestamptz[]) s;

-- a quarter hour that is cut is not empty because what keys or members have in it adds up to nothing
CREATE TEMP TABLE cancelling AS
SELECT what, tally_agg(at, ARRAY[key], member, weight) AS t FROM (VALUES
	('keys', timestamptz '2021-01-01Z', 'a', 'x', 1), ('keys', '2021-01-01Z', 'b', 'x', -1), ('members', '2021-01-01Z', 'a', 'x', 1), ('members', '2021-01-01Z', 'a', 'y', -1),
	('one with a member', '2021-01-01Z', 'a', 'x', 1), ('one with a member', '2021-01-01Z', 'a', NULL, -1), ('nothing', '2021-01-01Z', 'a', 'x', 1), ('nothing', '2021-01-01 00:14Z', 'a', 'x', -1))
	AS v (what, at, key, member, weight) GROUP BY what;
-- which are refused
SELECT what, pg_temp.failure(format($$SELECT series(%L, ARRAY['2020-01-01Z', '2021-01-01 00:05Z', '2022-01-01Z']::timestamptz[])$$, t)) LIKE '22023 | bucket edge lies inside%' AS series,
	pg_temp.failure(format($$SELECT total(%L, '2021-01-01 00:05Z')$$, t)) LIKE '22023 | bucket edge lies inside%' AS total, pg_temp.failure(format($$SELECT distinct_total(%L, "to" => '2021-01-01 00:05Z')$$, t)) LIKE '22023 | bucket edge lies inside%' AS distinct_total,
	pg_temp.failure(format($$SELECT top(%L, 5, '2021-01-01 00:05Z')$$, t)) LIKE '22023 | bucket edge lies inside%' AS top, pg_temp.failure(format($$SELECT total(%L, '2021-01-01 00:05Z', key => '{b}')$$, t)) LIKE '22023 | bucket edge lies inside%' AS of_b,
	pg_temp.failure(format($$SELECT total(%L, '2021-01-01 00:05Z', key => '{c}')$$, t)) LIKE '22023 | bucket edge lies inside%' AS of_c
FROM cancelling ORDER BY what;

-- the years that can be counted
SELECT (info(tally_agg(at))).* FROM (VALUES ('0001-01-01Z'::timestamptz), ('9999-12-31 23:59:59.999999Z')) v(at);
SELECT total(t, '2021-01-01Z'), total(t, '0001-01-01Z', '0001-01-02Z'), distinct_total(t, '-infinity', '4713-01-02 BC'), (info(slice(t, '4000-01-01 BC', '2021-01-01Z'))).last
FROM (SELECT tally_agg(at, NULL, 'm') AS t FROM (VALUES ('0001-01-01Z'::timestamptz), ('9999-12-31 23:59:59.999999Z')) v(at)) x;
SELECT pg_temp.failure(format('SELECT tally_agg(%L)', at)) FROM unnest('{infinity,-infinity,0001-12-31 23:59:59.999999Z BC,10000-01-01Z,294000-01-01Z}'::timestamptz[]) at;

-- sums that leave 64 bits
SELECT total(tally_agg('2021-01-01Z', '{}', 'x', w)) FROM (VALUES (9223372036854775806), (1), (-1), (1)) v(w);
SELECT pg_temp.failure($$SELECT tally_agg('2021-01-01Z', '{}', 'x', w) FROM (VALUES (9223372036854775807), (1)) v(w)$$);
SELECT pg_temp.failure($$SELECT tally_agg('2021-01-01Z', ARRAY[w::text], 'x', w) FROM (VALUES (9223372036854775807), (1)) v(w)$$);
SELECT pg_temp.failure($$SELECT tally_agg('2021-01-01Z'::timestamptz + w % 2 * interval '1 day', '{}', 'x', w) FROM (VALUES (9223372036854775807), (2)) v(w)$$);
SELECT pg_temp.failure($$SELECT t + t FROM (SELECT tally_agg('2021-01-01Z', '{}', NULL, 9223372036854775807) AS t) x$$);
SELECT pg_temp.failure($$SELECT sum(t) FROM (SELECT tally_agg('2021-01-01Z', '{}', NULL, -9223372036854775807) AS t FROM generate_series(1, 2) i GROUP BY i) x$$);
SELECT pg_temp.failure($$SELECT -tally_agg('2021-01-01Z', '{}', NULL, (-9223372036854775808)::bigint)$$);

-- arguments that are refused
SELECT pg_temp.failure($$SELECT series(scans, ARRAY['2021-03-28Z', '2021-03-27Z']::timestamptz[]) FROM kept$$);
SELECT pg_temp.failure($$SELECT series(scans, ARRAY['2021-03-28Z', NULL]::timestamptz[]) FROM kept$$);
SELECT pg_temp.failure($$SELECT series(scans, ARRAY['2021-03-28Z', '2021-03-29 00:07Z']::timestamptz[]) FROM kept$$);
SELECT pg_temp.failure($$SELECT series(scans, ARRAY['2020-03-28 00:07Z', '2021-03-29Z']::timestamptz[]) FROM kept$$);
SELECT pg_temp.failure($$SELECT total(scans, '2021-03-28 00:07Z') FROM kept$$);
SELECT pg_temp.failure($$SELECT distinct_total(scans, "to" => '2021-03-28 00:07Z') FROM kept$$);
SELECT pg_temp.failure($$SELECT top(scans, 5, '2021-03-28 00:07Z') FROM kept$$);
SELECT pg_temp.failure($$SELECT slice(scans, '2021-03-28 00:07Z', '2021-03-29Z') FROM kept$$);
SELECT pg_temp.failure($$SELECT slice(scans, '2021-03-29Z', '2021-03-28Z') FROM kept$$);
SELECT pg_temp.failure($$SELECT total(scans, '2021-03-29Z', '2021-03-28Z') FROM kept$$);
SELECT pg_temp.failure($$SELECT top(scans, 0) FROM kept$$);
SELECT pg_temp.failure($$SELECT total(scans, key => '{{a},{b}}') FROM kept$$);
SELECT pg_temp.failure($$SELECT tally_agg('2021-01-01Z', '{{a},{b}}')$$);
SELECT pg_temp.failure($$SELECT total(tally_agg('2021-01-01Z', array_fill('x'::text, ARRAY[64])))$$);
SELECT pg_temp.failure($$SELECT tally_agg('2021-01-01Z', array_fill('x'::text, ARRAY[65]))$$);
