--
-- Pictures: bar(), sparkline(), svg(), bars(), stats_svg()
--
SET timezone = 'UTC';
SET client_min_messages = warning;
SET search_path = public, kindly_stats;
SET jit = off;
\pset format unaligned
\pset null NULL

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

-- eighths of a character; something is never nothing, and nothing is nothing
SELECT value, bar(value, 16, 2) || '|' AS bar FROM unnest(ARRAY[0, 0.001, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15.9, 16, 17, -1]) AS value;
SELECT bar(1, 0), bar(NULL, 1), bar(0, 0) = '' AS empty, length(bar(7, 7)), length(bar(7, 7, 500));
SELECT sparkline('{0,1,2,3,4,5,6,7}'), sparkline('{0,0}'), sparkline('{5,NULL,5}'), sparkline('{}'), sparkline('{-3,1e300}'), sparkline('{0,0.001,1000}');
SELECT sparkline(array_agg(n % 5 ORDER BY n)) FROM generate_series(1::bigint, 20) AS n;

-- well formed, whatever the labels are: the only elements are ours
CREATE FUNCTION pg_temp.elements(picture text) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(name || ' ' || n, ', ' ORDER BY name COLLATE "C") FROM (
	SELECT name, count(*) AS n FROM unnest(xpath('//*', picture::xml)) AS e, LATERAL (SELECT substring(e::text FROM '^<([^ />]*)')) AS s (name) GROUP BY name) AS c
$$;
SELECT kind, pg_temp.elements(svg(ARRAY['<script>alert(1)</script>', 'a & b "q" ''', E'\x01\x0b\x1f\x7f', U&'\FFFE\FFFF', ']]>', '<!--', NULL, repeat('&', 1000)], '{1,2,3,NULL,5,6,7,8}', kind, '</svg><script>', E'<\x02')) AS elements
FROM unnest(ARRAY['line', 'bar', 'heatmap']) AS kind;
SELECT unnest(xpath('/s:svg/s:title/text()', p, a)), unnest(xpath('/s:svg/s:desc/text()', p, a)), unnest(xpath('/s:svg/@aria-label', p, a)), unnest(xpath('/s:svg/@role', p, a)), xpath('//s:circle/s:title/text()', p, a)
FROM (SELECT svg('{<a>,b}', '{1,2.5}', 'line', 'T & <b>')::text::xml, ARRAY[ARRAY['s', 'http://www.w3.org/2000/svg']]) AS x (p, a);
SELECT substring(svg('{Sun,Mon,Tue,Wed,Thu,Fri,Sat}', array_agg(n), 'heatmap') FROM '<desc>(.*)</desc>') FROM generate_series(0, 167) AS n;
-- the scale ends at the next of its steps
SELECT highest, (SELECT string_agg(t[1], ' ') FROM regexp_matches(svg(NULL, ARRAY[highest], 'bar'), 'text-anchor="end">([^<]*)<', 'g') AS t) AS scale
FROM unnest(ARRAY[0, 0.02, 1, 3, 4, 7, 10, 99, 101, 4000, 9999, 12345, 1e6, 7.5e9, 1e18, 1e300]) AS highest;
SELECT svg('{a}', NULL), svg(NULL, '{}') LIKE '%No values%' AS empty, svg('{a}', '{NULL}') LIKE '%No values%' AS nothing;
-- bounded: 2,000 values with the longest labels
SELECT kind, length(svg(array_fill(repeat('<', 5000), ARRAY[2000]), array_fill(123456789.123::float8, ARRAY[2000]), kind, repeat('<', 100000), repeat('<', 100000), 4000, 4000)) < 1500000 AS bounded FROM unnest(ARRAY['line', 'bar']) AS kind;

SELECT kindly_stats.create_event_table('picture_event');
INSERT INTO picture_event (bot_id, occurred_at, kind, session_id)
SELECT 5200, timestamptz '2024-10-24 08:00Z' + d * interval '1 day' + n * interval '7 minutes', 'user_message', 's' || n FROM generate_series(0, 6) AS d, generate_series(1, 5 * d) AS n;
SELECT * FROM bars(5200, '2024-10-24', '2024-10-31', 'Europe/Oslo', locale => 'nb-NO', width => 12);
SELECT bar, count FROM bars(5201, '2024-10-24', '2024-10-26');
SELECT s = svg('{"24. okt.","25. okt.","26. okt.","27. okt.","28. okt.","29. okt.","30. okt."}', '{0,5,10,15,20,25,30}', 'bar', 'messages') AS same FROM stats_svg(5200, '2024-10-24', '2024-10-31', 'Europe/Oslo', locale => 'nb-NO', kind => 'bar') AS s;
SELECT substring(stats_svg(5200, '2024-10-24', '2024-10-31', 'Europe/Oslo', kind => 'heatmap', title => 'Hours') FROM '<desc>(.*)</desc>');
-- an hour that came twice is no busier than one that came once, and one that never came is empty
SELECT substring(p FROM '<desc>(.*)</desc>') AS said, (SELECT string_agg(t[1], ', ') FROM regexp_matches(p, '<title>(Fri 10:00[^<]*|Sun 10:00[^<]*)<', 'g') AS t) AS cells,
	(SELECT count(*) FROM regexp_matches(stats_svg(5200, '2024-10-24', '2024-10-26', 'Europe/Oslo', kind => 'heatmap'), '<title>', 'g')) AS came
  FROM stats_svg(5200, '2024-10-24', '2024-11-02', 'Europe/Oslo', kind => 'heatmap', locale => 'en-GB') AS p;
-- a date that never was has no bucket
SELECT stats_svg(5200, '2011-12-30', '2011-12-31', 'Pacific/Apia') LIKE '%No values%' AS empty;
-- whatever the numbers, coordinates are some
SELECT v, k, svg('{a,b}', ARRAY[v, v], k) ~ '(Infinity|NaN|nan|inf)' AS broken FROM unnest('{5e-324,1e-299,1e300}'::float8[]) AS v, unnest('{line,bar,heatmap}'::text[]) AS k;

SELECT q, pg_temp.failure('SELECT ' || q) FROM unnest(ARRAY[
	$$bar('NaN', 1)$$, $$bar(1, 'Infinity')$$, $$bar(1, 1, 0)$$, $$bar(1, 1, 501)$$, $$sparkline('{NaN}')$$, $$sparkline('{{1},{2}}')$$, $$sparkline(array_fill(1::float8, ARRAY[2001]))$$,
	$$svg('{a}', '{1}', 'pie')$$, $$svg('{a}', '{1}', width => 119)$$, $$svg('{a}', '{1}', height => 4001)$$, $$svg('{a}', '{Infinity}')$$, $$svg('{a}', '{1e301}')$$, $$svg('{{a},{b}}', '{1}')$$,
	$$svg('{a}', array_fill(1::float8, ARRAY[169]), 'heatmap')$$, $$svg(array_fill('a'::text, ARRAY[2001]), '{1}')$$, $$stats_svg(NULL, '2024-10-24', '2024-10-31')$$,
	$$stats_svg(5200, '2024-10-24', '2024-10-31', kind => 'pie')$$, $$stats_svg(5200, '2000-01-01', '2024-10-31')$$]) AS q;

DELETE FROM picture_event;
DROP TABLE picture_event;
