--
-- Sage: chatlabels/added, the most frequent labels added to chats
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

SELECT kindly_stats.create_event_table('sage_labels_event');

-- the documented labels, from the first to the last instant of the week
INSERT INTO sage_labels_event (bot_id, occurred_at, kind, label_id, label_text, source, language_code)
SELECT 2091, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / (times - 1), 'label_added', id, label,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES ('2e08978f-24f0-4207-97c0-8945e19b751e', 'Label 3', 2), ('50e57dca-9045-46bf-93d4-55de77795444', 'Another label', 2),
	('35bf04c0-392d-46a0-a741-4d660134d461', 'Some label', 5)) AS l (id, label, times), generate_series(1, times) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot
INSERT INTO sage_labels_event (bot_id, occurred_at, kind, label_id, label_text) VALUES
	(2091, '2019-09-15 23:59:59.999999Z', 'label_added', 'x', 'Before'), (2091, '2019-09-23 00:00Z', 'label_added', 'x', 'After'),
	(2091, '2019-09-18 12:00Z', 'label_removed', 'x', 'Removed'), (2091, '2019-09-18 12:00Z', 'user_message', 'x', 'Message'),
	(2091, '2019-09-18 12:00Z', 'label_added', NULL, NULL), (2092, '2019-09-18 12:00Z', 'label_added', 'x', 'Another bot');

SELECT sage.chatlabels_added(bot => 2091, "from" => '2019-09-16', "to" => '2019-09-23')::jsonb = '{
	"data": [
	{ "count": 5, "label_id": "35bf04c0-392d-46a0-a741-4d660134d461", "label_text": "Some label" },
	{ "count": 2, "label_id": "50e57dca-9045-46bf-93d4-55de77795444", "label_text": "Another label" },
	{ "count": 2, "label_id": "2e08978f-24f0-4207-97c0-8945e19b751e", "label_text": "Label 3" }
	]
}'::jsonb AS as_documented;
SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23');

-- limit; equal counts come in bytewise order of the text, then the id; a part that is not known is null
INSERT INTO sage_labels_event (bot_id, occurred_at, kind, label_id, label_text)
SELECT 2093, '2019-09-18 12:00Z', 'label_added', id, label FROM (VALUES ('b', 'B'), ('a', 'Ø'), ('c', 'a'), ('a', 'a'), (NULL, 'a'), ('z', NULL), ('d', '"quoted"'), ('e', E'line\nand\ttab')) AS l (id, label);
SELECT x FROM json_array_elements(sage.chatlabels_added(2093, '2019-09-18', '2019-09-19', "limit" => 100) -> 'data') AS x;
SELECT json_array_length(sage.chatlabels_added(2093, '2019-09-18', '2019-09-19') -> 'data') AS by_default;
SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', "limit" => 2);
SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', NULL, NULL, NULL, NULL)::text
	= sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', 'UTC', 5)::text AS same_as_defaults;
SELECT pg_temp.failure($q$SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', "limit" => 0)$q$);
SELECT sage.chatlabels_added(2099, '2019-09-16', '2019-09-23');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.chatlabels_added(2091, '2019-09-22T12:00:00', '2019-09-22T18:00:00');
SELECT sage.chatlabels_added(2091, '2019-09-15', '2019-09-15T12:00:00');
SELECT sage.chatlabels_added(2091, '2019-09-23', '2019-09-24');

-- every zone and filter tells what plain SQL tells, in the same order
SELECT arguments, array_agg(pg_temp.differences(
	format($q$SELECT n, x ->> 'label_text', x ->> 'label_id', (x ->> 'count')::bigint
		FROM json_array_elements(sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', %L, 100%s) -> 'data') WITH ORDINALITY AS x (x, n)$q$, tz, arguments),
	format($q$SELECT row_number() OVER (ORDER BY count(*) DESC, label_text COLLATE "C", label_id COLLATE "C"), label_text, label_id, count(*)
		FROM sage_labels_event WHERE bot_id = 2091 AND kind = 'label_added' AND label_id IS NOT NULL
		AND occurred_at >= timestamp '2019-09-16' AT TIME ZONE %1$L AND occurred_at < timestamp '2019-09-23' AT TIME ZONE %1$L AND %2$s
		GROUP BY label_text, label_id$q$, tz, condition)) ORDER BY tz) AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu', 'America/Los_Angeles']) AS tz, (VALUES ('', 'true'),
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$), ($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition)
GROUP BY arguments ORDER BY arguments COLLATE "C";
SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', 'America/Los_Angeles');
SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23', sources => '-test', language_codes => 'en,nb');

DELETE FROM sage_labels_event;
SELECT sage.chatlabels_added(2091, '2019-09-16', '2019-09-23');
DROP TABLE sage_labels_event;
