--
-- Ultimate: replies and intents of conversations, in whatever form a table has them
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_reply;
CREATE DATABASE regression_kindly_reply;
\c regression_kindly_reply
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'America/Los_Angeles';
SET datestyle = 'SQL, DMY';
SET jit = off;
\pset format unaligned
CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;

--
-- What can be understood: one list in every form, one instant in every way of writing it
--
CREATE DOMAIN listed AS text CHECK (VALUE <> '');
CREATE TABLE form (name text PRIMARY KEY, type text);
INSERT INTO form VALUES ('a', 'jsonb'), ('b', 'json'), ('c', 'text'), ('d', 'varchar(4000)'), ('e', 'listed'), ('f', 'text[]'), ('g', 'varchar(2000)[]'), ('h', 'jsonb[]'), ('i', 'json[]');
SELECT format('CREATE TABLE talk_%s (bot_id int, conversation_id text, conversation_start_time timestamptz, conversation_end_time timestamptz, conversation_status text, bot_messages_count int,'
	' triggered_replies %s, triggered_intent_replies %2$s);', name, type) FROM form ORDER BY name \gexec
SELECT format('SELECT kindly_stats.attach_conversations(%L);', 'talk_' || name) FROM form ORDER BY name \gexec
\set intents '[{"intent_timestamp": "2023-01-05 10:11:12.123456 UTC", "intent_id": "6530f1a2b4c5d6e7f8091a2b", "intent_name": "Größe \\"7\\"", "not_meaningful": false, "score": 0.5}, {"intent_timestamp": 1672913473.000001, "intent_id": 12345678901234567890, "intent_name": "Bye", "not_meaningful": true}, {"intent_timestamp": "2023-01-05T12:11:11+02:00", "intent_name": "First", "not_meaningful": false}, {}]'
\set replies '[{"reply_timestamp": "2023-01-05T10:11:12Z", "reply_id": "r1", "reply_name": "Welcome", "reply_type": "text", "intent_id": null}]'
SELECT format('INSERT INTO talk_%s VALUES (1, %L, ''2023-01-05 10:11Z'', ''2023-01-05 11:00Z'', ''botHandled'', 1, %s, %s);', name, type,
	CASE WHEN type LIKE '%[]' THEN format('(SELECT array_agg(e::%1$s ORDER BY n) FROM jsonb_array_elements(%2$L) WITH ORDINALITY AS t (e, n))', left(type, -2), :'replies') ELSE format('%L', :'replies') END,
	CASE WHEN type LIKE '%[]' THEN format('(SELECT array_agg(e::%1$s ORDER BY n) FROM jsonb_array_elements(%2$L) WITH ORDINALITY AS t (e, n))', left(type, -2), :'intents') ELSE format('%L', :'intents') END)
FROM form ORDER BY name \gexec
CREATE TEMP TABLE document AS SELECT ultimate.export(1, '2023-01-05') AS document;
SELECT json_array_length(document), document -> 0 -> 'triggered_replies' AS replies, document -> 0 -> 'triggered_intent_replies' AS intents FROM document;
SELECT count(*), count(DISTINCT e ->> 'triggered_replies') AS replies, count(DISTINCT e ->> 'triggered_intent_replies') AS intents FROM document, json_array_elements(document) AS e;
SELECT first_intent, last_intent, count(*) FROM ultimate.first_last_intent(1, '2023-01-05', '2023-01-06') GROUP BY 1, 2;
SELECT * FROM ultimate.metrics_by_first_meaningful_intent(1, '2023-01-05', '2023-01-06');
SELECT * FROM ultimate.metrics_by_last_meaningful_intent(1, '2023-01-05', '2023-01-06');
-- no list, an empty one, one of texts, the text of one, an element that says nothing; a text is not sorted by its letters
CREATE FUNCTION exported(intents text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	INSERT INTO talk_a (bot_id, conversation_id, conversation_start_time, conversation_end_time, triggered_intent_replies) VALUES (2, 'x', '2023-02-01 00:00Z', '2023-02-01 01:00Z', intents::jsonb);
	SELECT (e -> 'triggered_intent_replies')::text || ' of ' || coalesce(f.first_intent, '-') INTO result FROM ultimate.export_rows(2, '2023-02-01') AS e, ultimate.first_last_intent(2, '2023-02-01', '2023-02-02') AS f;
	RAISE SQLSTATE 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN result;
WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
SELECT i, exported(i) FROM unnest(ARRAY[NULL, 'null', '[]', '[{}]', '"[]"', '"null"', '["{}", {"intent_name": "b"}]', '"[\"{\\\"intent_name\\\": \\\"c\\\"}\"]"']) AS i;
SELECT t, exported(jsonb_build_array(jsonb_build_object('intent_timestamp', t))::text)
FROM unnest(ARRAY['"2023-01-05"', '"2023-01-05T10:11"', '"2023-01-05 10:11:12"', '"2023-01-05 10:11:12.1234567Z"', '"2023-01-05t10:11:12,5z"', '"2023-01-05 10:11:12 utc"', '"2023-01-05 10:11:12UTC"', '"2023-01-05 10:11:12 +0530"',
	'"2023-01-05 10:11:12-03"', '"2024-02-29T23:59:59.999999-11:30"', '"0001-01-01T00:00:00Z"', '"0001-01-01T00:00:00+01"', '"9999-12-31T23:59:59-01"', '1672913472', '1672913472.123456', '1.672913472e9', '946684800', '4102444799', 'null']::jsonb[]) AS t;

--
-- What cannot: refused where it is written, with the conversation and the element
--
CREATE FUNCTION refused(value text, property text DEFAULT 'triggered_intent_replies', form text DEFAULT 'a') RETURNS text LANGUAGE sql AS $$
SELECT failure(format('INSERT INTO talk_%s (bot_id, conversation_id, conversation_start_time, %s) VALUES (3, ''fine'', now(), NULL), (3, ''c "7"'', now(), %L)', form, property, value))
$$;
SELECT refused('{"intent_name": "a"}');
SELECT refused('"Greeting"');
SELECT refused('7');
SELECT refused('["Greeting"]');
SELECT refused('[{}, null]');
SELECT refused('[{}, [{}]]');
SELECT refused('["[]"]');
SELECT refused('[{"intent_name": true}]');
SELECT refused('[{"intent_id": {}}]');
SELECT refused('[{"not_meaningful": "false"}]');
SELECT refused('[{"not_meaningful": 0}]');
SELECT refused('[{}, {"intent_timestamp": "yesterday"}]');
SELECT refused('[{"intent_timestamp": false}]');
SELECT refused('[{"intent_timestamp": 1672913472123}]');
SELECT refused('[{"intent_timestamp": 20230105}]');
SELECT refused('[{"intent_timestamp": "1672913472"}]');
SELECT refused('[{"intent_timestamp": "infinity"}]');
SELECT refused('[{"intent_timestamp": "2023-01-05T10:11:12 Europe/Oslo, which is one hour ahead of UTC in winter, and two in summer"}]');
SELECT refused('[{"reply_timestamp": "2023-01-05T24:00"}]', 'triggered_replies');
SELECT refused('[{"reply_type": []}]', 'triggered_replies');
-- of what the other list has nobody asks
SELECT refused('[{"reply_timestamp": "yesterday"}]');
SELECT refused('not JSON', form => 'c');
SELECT refused('[{"intent_name": "a"}', form => 'd');
SELECT refused('{"{\"intent_name\": \"a\"}","{a}"}', form => 'f');
SELECT refused('{"{\"intent_name\": \"a\"}",NULL}', form => 'g');
SELECT refused('{{"{}"},{"{}"}}', form => 'f');
SELECT count(*) FROM talk_a WHERE bot_id = 3;
-- JSON that jsonb cannot hold is an error of its own, and which conversation has it is in the context
CREATE FUNCTION circumstances(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, substring(context FROM '(?n)^"triggered.*$'));
END $$;
SELECT circumstances(format('INSERT INTO talk_%s (bot_id, conversation_id, conversation_start_time, triggered_intent_replies) VALUES (3, ''c "7"'', now(), %L)', form, value))
  FROM (VALUES ('b', '[{"intent_name": "a\u0000"}]'), ('b', '[{"intent_timestamp": 1e400000}]'), ('c', '[{"intent_timestamp": 1e400000}]'), ('c', repeat('[', 100000)), ('i', E'{"{\\"intent_name\\": \\"\\\\ud800\\"}"}')) AS v (form, value);
-- in an update, too, and only what it changes; nothing of a statement stays
INSERT INTO talk_a (bot_id, conversation_id, conversation_start_time, triggered_intent_replies) VALUES (3, 'u', now(), '[]');
SELECT failure('UPDATE talk_a SET triggered_intent_replies = ''{}'' WHERE conversation_id = ''u''');
ALTER TABLE talk_a DISABLE TRIGGER USER;
UPDATE talk_a SET triggered_intent_replies = '[{"intent_timestamp": "then", "intent_name": "x", "not_meaningful": false}]' WHERE conversation_id = 'u';
ALTER TABLE talk_a ENABLE TRIGGER USER;
UPDATE talk_a SET triggered_replies = '[]', conversation_end_time = '2023-03-01 00:00Z' WHERE conversation_id = 'u';
SELECT failure('UPDATE talk_a SET triggered_intent_replies = triggered_intent_replies || ''[{}]'' WHERE conversation_id = ''u''');
-- what no trigger has seen is an error of who reads it, which those who ask for names alone do not
SELECT failure('SELECT ultimate.export(3, ''2023-03-01'')');
SELECT failure('SELECT ultimate.export_rows(3, ''2023-03-01'')');
SELECT failure('SELECT ultimate.first_last_intent(3, ''2023-03-01'', ''2023-03-02'')');
SELECT failure('SELECT ultimate.metrics_by_first_meaningful_intent(3, ''2023-03-01'', ''2023-03-02'')');
DELETE FROM talk_a WHERE conversation_id = 'u';

--
-- Tables that come with rows
--
CREATE TABLE came (bot_id int, conversation_id uuid, conversation_start_time timestamptz, conversation_end_time timestamptz, bot_messages_count int, triggered_replies text, intents jsonb) PARTITION BY LIST (bot_id);
CREATE TABLE came_4 PARTITION OF came FOR VALUES IN (4);
INSERT INTO came SELECT 4, md5(n::text)::uuid, '2023-04-01 00:00Z', '2023-04-01 01:00Z', 1, CASE WHEN n = 300 THEN 'Hi' END, '[]' FROM generate_series(1, 400) AS n;
SELECT failure('SELECT kindly_stats.attach_conversations(''came'', ''{"triggered_intent_replies": "intents"}'')');
SELECT count(*) FROM kindly_stats.conversation_table WHERE conversation_table = 'came'::regclass;
UPDATE came SET triggered_replies = '[{"reply_timestamp": 1e400000}]' WHERE triggered_replies = 'Hi';
SELECT circumstances('SELECT kindly_stats.attach_conversations(''came'', ''{"triggered_intent_replies": "intents"}'')');
SELECT kindly_stats.attach_conversations('came', '{"triggered_intent_replies": "intents", "triggered_replies": null}');
SELECT json_array_length(ultimate.export(4, '2023-04-01'));
SELECT failure('SELECT kindly_stats.attach_conversations(''came'', ''{"conversation_id": "intents"}'')');
CREATE TABLE came_5 (LIKE came);
INSERT INTO came_5 VALUES (5, md5('5')::uuid, '2023-04-01 00:00Z', '2023-04-01 01:00Z', 1, NULL, '[{"intent_id": []}]');
SELECT failure('ALTER TABLE came ATTACH PARTITION came_5 FOR VALUES IN (5)');
UPDATE came_5 SET intents = '[{"intent_id": 5}]';
ALTER TABLE came ATTACH PARTITION came_5 FOR VALUES IN (5);
SELECT ultimate.export(5, '2023-04-01') -> 0 -> 'triggered_intent_replies' AS intents;
-- a column that becomes of another type
CREATE TABLE retyped (LIKE came);
SELECT kindly_stats.attach_conversations('retyped', '{"triggered_intent_replies": "intents"}');
SELECT failure('ALTER TABLE retyped ALTER COLUMN triggered_replies TYPE bytea USING triggered_replies::bytea');
ALTER TABLE retyped ALTER COLUMN triggered_replies TYPE jsonb USING triggered_replies::jsonb;
INSERT INTO retyped (bot_id, conversation_id, conversation_start_time) VALUES (6, md5('')::uuid, now());
SELECT failure('ALTER TABLE retyped ALTER COLUMN triggered_replies TYPE text USING ''Hi''');
ALTER EVENT TRIGGER kindly_stats_ddl_ended DISABLE;
ALTER TABLE retyped ALTER COLUMN triggered_replies TYPE bytea USING NULL;
ALTER EVENT TRIGGER kindly_stats_ddl_ended ENABLE;
SELECT failure('INSERT INTO retyped (bot_id, conversation_id, conversation_start_time) VALUES (6, md5('''')::uuid, now())');
SELECT kindly_stats.attach_conversations('retyped', '{"triggered_replies": null}');
INSERT INTO retyped (bot_id, conversation_id, conversation_start_time) VALUES (6, md5('')::uuid, now());
SELECT * FROM kindly_stats.verify();

\c :regression
DROP DATABASE regression_kindly_reply;
