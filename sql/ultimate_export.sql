--
-- Ultimate: the document of a day's conversations
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET bytea_output = 'escape';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
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

SELECT kindly_stats.create_conversation_table('ultimate_export');
INSERT INTO kindly_stats.bot_name VALUES (2301, 'Frida "the bot" Ø');
INSERT INTO ultimate_export VALUES
	-- every property has a value; it began on the day before
	(2301, 'f47ac10b', 'ticket/77', '2024-10-26 23:50:00.123456Z', '2024-10-27 00:10:00.000001Z', 'nb', 'chat', '{order,"with, comma","with \"quote\""}',
	 '{"name": "Ola", "empty": "", "none": null, "zero": 0, "no": false, "deep": {"none": null, "some": [null, 1]}}', true, 'botHandled', 'informed',
	 '[{"reply_timestamp": "2024-10-26T23:51:00.5Z", "reply_id": "6530f1a2b4c5d6e7f8091a2b", "reply_name": "Welcome \"!\"", "reply_type": "text", "intent_id": "i1", "language": "nb"}, {"reply_id": 7}]',
	 '[{"intent_name": "Greeting", "intent_timestamp": "2024-10-26 23:51:00 UTC", "not_meaningful": true}, {"intent_id": "i2", "intent_name": "Order \"7\"", "intent_timestamp": 1729986720.25, "not_meaningful": false}]',
	 true, 1, 2, 3, 4, 5, 6, 2147483647, 8),
	-- none has but those that must
	(2301, 'nothing', NULL, '2024-10-27 10:00Z', '2024-10-27 10:10Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	-- empty is not none
	(2301, 'empty', '', '2024-10-27 10:00Z', '2024-10-27 10:11Z', '', 'ticket', '{}', '{}', false, '', '', '[]', '[]', false, 0, 0, 0, 0, 0, 0, 0, 0),
	(2301, 'only nulls', '', '2024-10-27 10:00Z', '2024-10-27 10:12Z', '', 'ticket', '{""}', '{"a": null, "b": null}', false, '', '', '[]', '[{}]', false, 0, 0, 0, 0, 0, 0, 0, 0),
	-- the last and the next instant, one that is still open, another bot
	(2301, 'last', NULL, '2024-10-27 23:00Z', '2024-10-27 23:59:59.999999Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	(2301, 'next day', NULL, '2024-10-27 23:00Z', '2024-10-28 00:00Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	(2301, 'open', NULL, '2024-10-27 23:00Z', NULL, NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	(2302, 'f47ac10b', NULL, '2024-10-27 23:00Z', '2024-10-27 23:01Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	-- at the same instant: by their id, bytewise
	(2303, 'b', NULL, '2024-10-27 23:00Z', '2024-10-27 23:01Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	(2303, 'a', NULL, '2024-10-27 23:00Z', '2024-10-27 23:01Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	(2303, 'B', NULL, '2024-10-27 23:00Z', '2024-10-27 23:01Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT),
	(2303, 'z', NULL, '2024-10-27 22:00Z', '2024-10-27 23:00Z', NULL, NULL, NULL, NULL, DEFAULT, NULL, NULL, NULL, NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT);

SELECT ultimate.export_rows(2301, '2024-10-27') LIMIT 1;
CREATE TEMP TABLE document AS SELECT ultimate.export(2301, '2024-10-27') AS document;

-- every property in its order, with its documented type
SELECT p.number, p.name, json_typeof(p.value) AS type, t.documented, p.value
FROM document, json_each(document -> 0) WITH ORDINALITY AS p (name, value, number)
LEFT JOIN (VALUES ('bot_id', 'string'), ('bot_name', 'string'), ('conversation_id', 'string'), ('platform_conversation_id', 'string'), ('conversation_start_time', 'string'),
	('conversation_end_time', 'string'), ('language', 'string'), ('channel', 'string'), ('labels', 'string[]'), ('conversations_data', 'string'), ('test_mode', 'boolean'),
	('conversation_status', 'string'), ('last_resolution', 'string'), ('triggered_replies', 'object[]'), ('triggered_intent_replies', 'object[]'), ('is_llm_conversation', 'boolean'),
	('llm_notUnderstood_count', 'string'), ('llm_responseGenerated_count', 'string'), ('llm_errorOccurred_count', 'string'), ('llm_escalationRequired_count', 'string'),
	('llm_fallback_count', 'string'), ('bot_messages_count', 'string'), ('visitor_messages_count', 'string'), ('not_understood_messages_count', 'string')) AS t (name, documented)
	ON t.name = p.name
ORDER BY p.number;
-- elements of labels are strings, those of the lists objects with just these members; what is JSON inside a string can be read as JSON
SELECT json_typeof(e), e FROM document, json_array_elements(document -> 0 -> 'labels') AS e;
SELECT i, m.key, json_typeof(m.value), m.value FROM document, unnest('{triggered_replies,triggered_intent_replies}'::text[]) AS list,
	json_array_elements(document -> 0 -> list) WITH ORDINALITY AS e (e, i), json_each(e) WITH ORDINALITY AS m (key, value, n) ORDER BY list DESC, i, n;
SELECT (document -> 0 ->> 'conversations_data')::jsonb AS conversations_data FROM document;

-- no value is null, whatever the type, and empty is empty; conversations in the order in which they ended
SELECT e ->> 'conversation_id' AS id, string_agg(p.key, ' ' ORDER BY p.key COLLATE "C") FILTER (WHERE json_typeof(p.value) = 'null') AS nulls FROM document, json_array_elements(document) WITH ORDINALITY AS a (e, n), json_each(e) AS p GROUP BY n, 1 ORDER BY n;
SELECT e ->> 'conversation_id' AS id, e -> 'labels' AS labels, e -> 'conversations_data' AS data, e -> 'triggered_replies' AS replies, e -> 'triggered_intent_replies' AS intents,
	e -> 'language' AS language, e -> 'conversation_end_time' AS ended
FROM document, json_array_elements(document) WITH ORDINALITY AS a (e, n) ORDER BY n;
SELECT e ->> 'conversation_id' AS id FROM json_array_elements(ultimate.export(2303, '2024-10-27')) WITH ORDINALITY AS a (e, n) ORDER BY n;
SELECT e ->> 'conversation_id' AS id, e -> 'bot_name' AS name FROM json_array_elements(ultimate.export(2302, '2024-10-27')) AS e;
SELECT e ->> 'conversation_id' AS id FROM json_array_elements(ultimate.export(2301, '2024-10-28')) AS e;

-- an empty day, an unknown bot
SELECT ultimate.export(2301, '2024-10-26'), (SELECT count(*) FROM ultimate.export_rows(2301, '2024-10-26'));
SELECT ultimate.export(2399, '2024-10-27'), (SELECT count(*) FROM ultimate.export_rows(2399, '2024-10-27'));

-- row by row it is the same: in the SELECT list, in FROM, through a cursor, with LIMIT, in a function, beside another one
SELECT count(*) = 5 AND bool_and(a.e::text = r.e::text) AS same
FROM document, json_array_elements(document) WITH ORDINALITY AS a (e, n), ultimate.export_rows(2301, '2024-10-27') WITH ORDINALITY AS r (e, n) WHERE a.n = r.n;
SELECT ultimate.export_rows(bot => 2303, day => '2024-10-27') ->> 'conversation_id' AS a, ultimate.export_rows(2302, '2024-10-27') ->> 'conversation_id' AS b;
SELECT ultimate.export_rows(2303, '2024-10-27') ->> 'conversation_id' AS first_two LIMIT 2;
BEGIN;
DECLARE rows CURSOR FOR SELECT ultimate.export_rows(2303, '2024-10-27') ->> 'conversation_id' AS id;
FETCH 2 FROM rows;
SELECT count(*) FROM pg_cursors WHERE name <> 'rows';
MOVE ALL FROM rows;
SELECT count(*) FROM pg_cursors WHERE name <> 'rows';
COMMIT;
BEGIN;
DECLARE rows CURSOR FOR SELECT ultimate.export_rows(2303, '2024-10-27') ->> 'conversation_id' AS id;
FETCH 1 FROM rows;
CLOSE rows;
SELECT count(*) FROM pg_cursors;
DECLARE held CURSOR WITH HOLD FOR SELECT ultimate.export_rows(2303, '2024-10-27') ->> 'conversation_id' AS id;
COMMIT;
FETCH ALL FROM held;
CLOSE held;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT ultimate.export_rows(2303, '2024-10-27') ->> 'conversation_id' AS id;
FETCH 1 FROM held;
COMMIT;
FETCH 2 FROM held;
MOVE ALL FROM held;
CLOSE held;
SELECT count(*) FROM pg_cursors;
-- into a file: COPY's text format doubles backslashes; with these two characters, which JSON never has, lines come as they are
COPY (SELECT d -> 'conversations_data' FROM ultimate.export_rows(2301, '2024-10-27') AS d LIMIT 1) TO STDOUT;
COPY (SELECT d -> 'conversations_data' FROM ultimate.export_rows(2301, '2024-10-27') AS d LIMIT 1) TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
-- one that was not read to its end
BEGIN;
DECLARE rows CURSOR FOR SELECT ultimate.export_rows(2303, '2024-10-27') ->> 'conversation_id' AS id;
FETCH 1 FROM rows;
SAVEPOINT s;
DECLARE inner_rows CURSOR FOR SELECT ultimate.export_rows(2302, '2024-10-27') ->> 'conversation_id' AS id;
FETCH 1 FROM inner_rows;
ROLLBACK TO s;
FETCH 1 FROM rows;
COMMIT;
SELECT count(*) FROM pg_cursors;
-- outer rows that rescan it
SELECT b, count(*) FROM unnest(ARRAY[2302, 2303, 2303]) WITH ORDINALITY AS b (b, n), LATERAL (SELECT ultimate.export_rows(b, '2024-10-27') LIMIT 3) AS r GROUP BY b, n ORDER BY n;
SELECT (SELECT r ->> 'conversation_id' FROM ultimate.export_rows(b, '2024-10-27') AS r LIMIT 1) FROM unnest(ARRAY[2302, 2303]) AS b;

-- tables are read together, in one order
SELECT kindly_stats.create_conversation_table('ultimate_export_more');
INSERT INTO ultimate_export_more (bot_id, conversation_id, conversation_start_time, conversation_end_time)
VALUES (2304, '2', '2024-10-27 00:00Z', '2024-10-27 02:00Z'), (2304, '4', '2024-10-27 00:00Z', '2024-10-27 04:00Z');
INSERT INTO ultimate_export (bot_id, conversation_id, conversation_start_time, conversation_end_time)
VALUES (2304, '3', '2024-10-27 00:00Z', '2024-10-27 03:00Z'), (2304, '1', '2024-10-27 00:00Z', '2024-10-27 01:00Z');
SELECT ultimate.export_rows(2304, '2024-10-27') ->> 'conversation_id' AS id;
SELECT total_conversations FROM ultimate.metrics(2304, '2024-10-27', '2024-10-28');

-- settings change nothing
SELECT ultimate.export(2301, '2024-10-27')::text = document::text AS same FROM document;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'German';
SET search_path = pg_temp;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT ultimate.export(2301, '2024-10-27')::text = document::text AS same FROM document;
RESET search_path;
RESET enable_indexscan;
RESET enable_bitmapscan;

-- what cannot be answered
SELECT pg_temp.failure('SELECT ultimate.export()');
SELECT pg_temp.failure('SELECT ultimate.export(2301)');
SELECT pg_temp.failure('SELECT ultimate.export(day => ''2024-10-27'')');
SELECT pg_temp.failure('SELECT ultimate.export_rows(NULL, NULL)');
SELECT pg_temp.failure('SELECT ultimate.export_rows(2301, NULL)');
SELECT pg_temp.failure('SELECT ultimate.export(2301, ''infinity'')');
SELECT pg_temp.failure('SELECT ultimate.export(2301, ''-infinity'')');
SELECT pg_temp.failure('SELECT ultimate.export(2301, ''4713-01-01 BC'')');
SELECT pg_temp.failure('SELECT ultimate.export(2301, ''10000-01-01'')');
SELECT regexp_replace(pg_temp.failure('SELECT ultimate.export(2301, (now() AT TIME ZONE ''UTC'')::date)'), '\d{4}-\d\d-\d\d', 'TODAY');
SELECT regexp_replace(pg_temp.failure('SELECT ultimate.export_rows(2301, (now() AT TIME ZONE ''UTC'')::date + 1)'), '\d{4}-\d\d-\d\d', 'TOMORROW');
SELECT pg_temp.failure('SELECT ultimate.export(2301, ''9999-12-31'')');
SELECT pg_temp.failure('SELECT ultimate.export(2301, ''0001-01-01'')');
-- yesterday is over
SELECT ultimate.export(2301, (now() AT TIME ZONE 'UTC')::date - 1);

DELETE FROM kindly_stats.exported WHERE bot_id BETWEEN 2300 AND 2399;
DELETE FROM kindly_stats.bot_name WHERE bot_id = 2301;
DELETE FROM ultimate_export;
DELETE FROM ultimate_export_more;
DROP TABLE ultimate_export, ultimate_export_more;
