--
-- Sage: buttons/most_clicked, the buttons most clicked by users
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

SELECT kindly_stats.create_event_table('sage_buttons_event');

-- the documented buttons, and what makes their ratios: 376 clicks in all
INSERT INTO sage_buttons_event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id, source, language_code)
SELECT 2081, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / (clicks - 1), 'button_click', button, type, dialogue,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES
	('9d09d898-90d5-4ba9-879c-7faa0f3ec629', 'quick_reply', 46, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('6b0c5cc7-d612-4f1e-bfd9-6057130146f3', 'dialogue_trigger', 26, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('a75a41b7-0132-4c0c-9cf7-82cb500c8af9', 'dialogue_trigger', 23, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b'),
	('17b666ac-0276-478b-a626-8659a90a1a25', 'quick_reply', 20, 'c4aaf069-a0b0-4eb1-ba65-81f46f8c8ecc'),
	('4f85b25b-b793-4d20-9479-3c2c5b224ebf', 'dialogue_trigger', 17, '72f96a8f-4aaf-4ac2-bb73-1cbec8f2aa57')
	) AS b (button, type, clicks, dialogue), generate_series(1, clicks) AS n;
INSERT INTO sage_buttons_event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id)
SELECT 2081, '2019-09-18 12:00Z', 'button_click', 'other ' || n % 16, CASE WHEN n % 16 <> 3 THEN 'link' END, CASE WHEN n % 16 <> 3 THEN 'dialogue' END
FROM generate_series(1, 244) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot, a click on nothing that is known
INSERT INTO sage_buttons_event (bot_id, occurred_at, kind, button_id, button_type) VALUES
	(2081, '2019-09-15 23:59:59.999999Z', 'button_click', 'x', 'link'), (2081, '2019-09-23 00:00Z', 'button_click', 'x', 'link'),
	(2081, '2019-09-18 12:00Z', 'user_message', 'x', 'link'), (2082, '2019-09-18 12:00Z', 'button_click', 'x', 'link'),
	(2081, '2019-09-18 12:00Z', 'button_click', NULL, NULL);

SELECT sage.buttons_most_clicked(bot => 2081, "from" => '2019-09-16', "to" => '2019-09-23')::jsonb = '{
	"data": [
	{ "button_id": "9d09d898-90d5-4ba9-879c-7faa0f3ec629", "button_type": "quick_reply", "count": 46,
	"dialogue_id": "6a6de8f8-724d-4dc3-adcb-0b30373cfb3b", "ratio": 0.12234042553191489 },
	{ "button_id": "6b0c5cc7-d612-4f1e-bfd9-6057130146f3", "button_type": "dialogue_trigger", "count": 26,
	"dialogue_id": "6a6de8f8-724d-4dc3-adcb-0b30373cfb3b", "ratio": 0.06914893617021277 },
	{ "button_id": "a75a41b7-0132-4c0c-9cf7-82cb500c8af9", "button_type": "dialogue_trigger", "count": 23,
	"dialogue_id": "6a6de8f8-724d-4dc3-adcb-0b30373cfb3b", "ratio": 0.061170212765957445 },
	{ "button_id": "17b666ac-0276-478b-a626-8659a90a1a25", "button_type": "quick_reply", "count": 20,
	"dialogue_id": "c4aaf069-a0b0-4eb1-ba65-81f46f8c8ecc", "ratio": 0.05319148936170213 },
	{ "button_id": "4f85b25b-b793-4d20-9479-3c2c5b224ebf", "button_type": "dialogue_trigger", "count": 17,
	"dialogue_id": "72f96a8f-4aaf-4ac2-bb73-1cbec8f2aa57", "ratio": 0.04521276595744681 }
	]
}'::jsonb AS as_documented;
SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23');

-- limit; equal counts come in bytewise order; a part that is not known is null
SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', "limit" => 1);
SELECT x FROM json_array_elements(sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', "limit" => 2147483647) -> 'data') WITH ORDINALITY AS x (x, n) WHERE n > 4;
SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', NULL, NULL, NULL, NULL)::text
	= sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', 'UTC', 5)::text AS same_as_defaults;
SELECT pg_temp.failure($q$SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', "limit" => -1)$q$);
SELECT sage.buttons_most_clicked(2082, '2019-09-16', '2019-09-23');
SELECT sage.buttons_most_clicked(2099, '2019-09-16', '2019-09-23');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.buttons_most_clicked(2081, '2019-09-22T12:00:00', '2019-09-22T18:00:00', "limit" => 2);
SELECT sage.buttons_most_clicked(2081, '2019-09-23', '2019-09-24');

-- every zone, limit and filter tells what plain SQL tells, in the same order; ratios are of all clicks that pass the filter
CREATE FUNCTION pg_temp.check_buttons(tz text, "limit" int, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT n, x ->> 'button_id', x ->> 'button_type', x ->> 'dialogue_id', (x ->> 'count')::bigint, (x ->> 'ratio')::float8
		FROM json_array_elements(sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-19', %L, %s%s) -> 'data') WITH ORDINALITY AS x (x, n)$q$, tz, "limit", arguments),
	format($q$SELECT * FROM (SELECT row_number() OVER (ORDER BY count(*) DESC, button_id COLLATE "C", button_type COLLATE "C" NULLS FIRST, dialogue_id COLLATE "C" NULLS FIRST) AS n,
			button_id, button_type, dialogue_id, count(*), count(*)::float8 / sum(count(*)) OVER ()
		FROM sage_buttons_event WHERE bot_id = 2081 AND kind = 'button_click' AND button_id IS NOT NULL
		AND occurred_at >= timestamp '2019-09-16' AT TIME ZONE %1$L AND occurred_at < timestamp '2019-09-19' AT TIME ZONE %1$L AND %3$s
		GROUP BY button_id, button_type, dialogue_id) AS t WHERE n <= %2$s$q$, tz, "limit", condition))
$$;
SELECT arguments, array_agg(pg_temp.check_buttons(tz, "limit", arguments, condition) ORDER BY tz, "limit") AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, unnest(ARRAY[1, 5, 100]) AS "limit", (VALUES ('', 'true'),
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$), ($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition)
GROUP BY arguments ORDER BY arguments COLLATE "C";
SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', 'America/Los_Angeles', 2);
SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23', sources => 'web', "limit" => 2);

DELETE FROM sage_buttons_event;
SELECT sage.buttons_most_clicked(2081, '2019-09-16', '2019-09-23');
DROP TABLE sage_buttons_event;
