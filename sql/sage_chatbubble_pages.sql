--
-- Sage: chatbubble/pages, the most frequent web pages
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

SELECT kindly_stats.create_event_table('sage_pages_event');

-- the documented pages: messages and sessions; sessions go on from page to page and from day to day; then pages beyond the third
INSERT INTO sage_pages_event (bot_id, occurred_at, kind, session_id, web_host, web_path, source, language_code)
SELECT 2071, timestamptz '2019-07-01 00:00Z' + interval '518399.999999 s' * (n - 1) / (messages - 1), 'user_message', 'session ' || n % sessions, host, path,
	(ARRAY['web', 'app', 'test', NULL])[1 + n % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM (VALUES ('www.example.com', '/', 1615, 465), ('www.example.no', '/', 1512, 428), ('www.example.com', '/page', 784, 264),
	('www.example.com', '/blåbær?q="x"\', 783, 783), ('www.example.org', NULL, 3, 3), (NULL, '/', 3, 1), ('', '', 3, 2)) AS p (host, path, messages, sessions),
	generate_series(1, messages) AS n;
-- what must not be counted: the instants on both sides, other kinds, another bot, messages without a page
INSERT INTO sage_pages_event (bot_id, occurred_at, kind, session_id, web_host, web_path)
SELECT bot, at, kind, 'other', 'www.example.com', '/page' FROM generate_series(1, 10), (VALUES
	(2071, timestamptz '2019-06-30 23:59:59.999999Z', 'user_message'), (2071, '2019-07-07 00:00Z', 'user_message'),
	(2071, '2019-07-03 12:00Z', 'bot_reply'), (2072, '2019-07-03 12:00Z', 'user_message')) AS o (bot, at, kind);
INSERT INTO sage_pages_event (bot_id, occurred_at, kind, session_id)
SELECT 2071, '2019-07-03 12:00Z', 'user_message', 'no page ' || n FROM generate_series(1, 2000) AS n;

SELECT sage.chatbubble_pages(bot => 2071, "from" => '2019-07-01', "to" => '2019-07-07')::jsonb = '{
	"data": [
	{ "messages": 1615, "sessions": 465, "web_host": "www.example.com", "web_path": "/" },
	{ "messages": 1512, "sessions": 428, "web_host": "www.example.no", "web_path": "/" },
	{ "messages": 784, "sessions": 264, "web_host": "www.example.com", "web_path": "/page" }
	]
}'::jsonb AS as_documented;
SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07');

-- limit; a part of the page that is not known is null; equal counts come in bytewise order
SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', "limit" => 1);
SELECT x FROM json_array_elements(sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', "limit" => 2147483647) -> 'data') AS x;
SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', NULL, NULL, NULL, NULL)::text
	= sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', 'UTC', 3)::text AS same_as_defaults;
SELECT pg_temp.failure($q$SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', "limit" => 0)$q$);
SELECT sage.chatbubble_pages(2099, '2019-07-01', '2019-07-07');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.chatbubble_pages(2071, '2019-07-06T12:00:00', '2019-07-06T18:00:00', "limit" => 2);
SELECT sage.chatbubble_pages(2071, '2019-07-07', '2019-07-08');

-- every zone, limit and filter tells what plain SQL tells, in the same order
CREATE FUNCTION pg_temp.check_pages(tz text, "limit" int, arguments text, condition text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT n, x ->> 'web_host', x ->> 'web_path', (x ->> 'messages')::bigint, (x ->> 'sessions')::bigint
		FROM json_array_elements(sage.chatbubble_pages(2071, '2019-07-01', '2019-07-05', %L, %s%s) -> 'data') WITH ORDINALITY AS x (x, n)$q$, tz, "limit", arguments),
	format($q$SELECT * FROM (SELECT row_number() OVER (ORDER BY count(*) DESC, web_host COLLATE "C" NULLS FIRST, web_path COLLATE "C" NULLS FIRST) AS n,
			web_host, web_path, count(*), count(DISTINCT session_id)
		FROM sage_pages_event WHERE bot_id = 2071 AND kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)
		AND occurred_at >= timestamp '2019-07-01' AT TIME ZONE %1$L AND occurred_at < timestamp '2019-07-05' AT TIME ZONE %1$L AND %3$s
		GROUP BY web_host, web_path) AS t WHERE n <= %2$s$q$, tz, "limit", condition))
$$;
SELECT arguments, array_agg(pg_temp.check_pages(tz, "limit", arguments, condition) ORDER BY tz, "limit") AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, unnest(ARRAY[1, 3, 100]) AS "limit", (VALUES ('', 'true'),
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$), ($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition)
GROUP BY arguments ORDER BY arguments COLLATE "C";
SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', 'Europe/Oslo');
SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', sources => '-test', language_codes => 'en,nb');

-- a page that is visited no more leaves the list
DELETE FROM sage_pages_event WHERE bot_id = 2071 AND web_path = '/';
SELECT sage.chatbubble_pages(2071, '2019-07-01', '2019-07-07', "limit" => 2);

DELETE FROM sage_pages_event;
DROP TABLE sage_pages_event;
