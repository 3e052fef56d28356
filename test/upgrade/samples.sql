-- Tallies of every shape, as text, with what they answer: one a line, to be kept for every version of the stored form.
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\t'
SET timezone = 'UTC';
SET search_path = pg_catalog, kindly_stats;
\set digest 'md5(concat_ws(chr(10), kindly_stats.total(tally), kindly_stats.distinct_total(tally), (SELECT string_agg(t::text, chr(10)) FROM kindly_stats.top(tally, NULL) AS t), (SELECT string_agg(s::text, chr(10)) FROM kindly_stats.series(tally, ARRAY(SELECT timestamptz \'1999-01-01Z\' + n * interval \'30 days\' FROM generate_series(0, 365) AS n)) AS s)))'
SELECT s.name, s.tally, :digest FROM (
SELECT 'one', kindly_stats.tally_agg('2019-07-01 10:07Z')
UNION ALL SELECT 'nothing', kindly_stats.tally_agg('2019-07-01 10:07Z') - kindly_stats.tally_agg('2019-07-01 10:07Z')
UNION ALL SELECT 'document', kindly_stats.tally_agg(at, key, member) FROM (VALUES
        ('2019-07-01 10:07:00Z'::timestamptz, ARRAY['web', 'en'], 'anna'), ('2019-07-01 10:20:00Z', ARRAY['app', NULL], 'bo')) AS v (at, key, member)
UNION ALL SELECT 'weights', kindly_stats.tally_agg('2020-02-29Z'::timestamptz + n * interval '7 hours', ARRAY[CASE n % 3 WHEN 0 THEN 'app' END, 'nb', 'a' || n % 7], NULL, (n - 40) * 1000003)
  FROM generate_series(1, 100) AS n
UNION ALL SELECT 'members', kindly_stats.tally_agg('2021-12-31 12:34:56.789Z'::timestamptz + n * interval '11 minutes', ARRAY['web', 'en', '/page/' || n % 5, NULL, ''], 'm' || n % 37)
  FROM generate_series(1, 150) AS n
UNION ALL SELECT 'taken away', kindly_stats.tally_agg('2022-05-05Z'::timestamptz + n * interval '3 hours', ARRAY['web'], 'm' || n) - kindly_stats.tally_agg('2022-05-05Z'::timestamptz + n * interval '6 hours', ARRAY['web'], 'm' || n)
  FROM generate_series(1, 40) AS n
UNION ALL SELECT 'many members', kindly_stats.tally_agg('2023-03-03Z'::timestamptz + n % 9 * interval '15 minutes', ARRAY['web', 'en'], 'm' || n % 300)
  FROM generate_series(1, 400) AS n
UNION ALL SELECT 'years', kindly_stats.tally_agg(at) FROM unnest('{0001-01-01 00:00Z,9999-12-31 23:59Z,2000-01-01 00:00Z}'::timestamptz[]) AS at
) AS s (name, tally);
