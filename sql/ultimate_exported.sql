--
-- Exported days: what they say does not change any more
--
-- a database of its own: who closes a day, and purges, is nobody else
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_exported;
CREATE DATABASE regression_kindly_exported;
\c regression_kindly_exported
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'Asia/Tokyo';
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

SELECT kindly_stats.create_conversation_table('conversation');
ALTER TABLE conversation ADD COLUMN own text;
INSERT INTO kindly_stats.bot_name VALUES (1, 'first name');
CREATE FUNCTION talk(bot bigint, id text, ended timestamptz) RETURNS void LANGUAGE sql AS $$
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (bot, id, '2000-01-01 00:00Z', ended)
$$;
SELECT talk(b, 'x' || b || d, timestamptz '2024-05-09 12:00Z' + d * interval '1 day') FROM generate_series(1, 2) AS b, generate_series(1, 3) AS d;
SELECT talk(1, 'open', NULL);
SELECT ultimate.export(1, '2024-05-10')::text AS document \gset
SELECT bot_id, day, exported_at <= now() AND exported_at > now() - interval '1 minute' AS just_now, bot_name, conversations FROM kindly_stats.exported;

--
-- What is refused
--
SELECT failure($$SELECT talk(1, 'late', '2024-05-10 00:00Z')$$);
SELECT failure($$SELECT talk(1, 'late', '2024-05-10 23:59:59.999999Z')$$);
SELECT failure($$UPDATE conversation SET labels = '{}' WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET test_mode = true WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET conversations_data = '{"a": 1}' WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET not_understood_messages_count = 1 WHERE conversation_id = 'x11'$$);
-- into the day, out of it, to another bot, within it; ended at last
SELECT failure($$UPDATE conversation SET conversation_end_time = '2024-05-10 01:00Z' WHERE conversation_id = 'x12'$$);
SELECT failure($$UPDATE conversation SET conversation_end_time = '2024-05-11 01:00Z' WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET conversation_end_time = NULL WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET bot_id = 2 WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET bot_id = 1 WHERE conversation_id = 'x21'$$);
SELECT failure($$UPDATE conversation SET conversation_end_time = conversation_end_time + interval '1 us' WHERE conversation_id = 'x11'$$);
SELECT failure($$UPDATE conversation SET conversation_end_time = '2024-05-10 01:00Z' WHERE conversation_id = 'open'$$);
SELECT failure($$DELETE FROM conversation WHERE conversation_id = 'x11'$$);
SELECT failure($$DELETE FROM conversation$$);
SELECT failure($$TRUNCATE conversation$$);
-- among many others, and in every way of writing
SELECT failure($$INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time)
	SELECT 1, 'many' || n, '2024-05-01 00:00Z', timestamptz '2024-05-11 00:00Z' + (n - 5000) * interval '1 us' FROM generate_series(1, 9000) AS n$$);
SELECT failure($$INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time)
	SELECT 1 + (n + 2) % 9, 'days' || n, '2000-01-01 00:00Z', timestamptz '2014-05-11 00:00Z' + n * interval '1 day' FROM generate_series(9000, 1, -1) AS n$$);
SELECT failure($$INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'x11', '2024-05-01 00:00Z', '2024-05-11 00:00Z')
	ON CONFLICT (bot_id, conversation_id) DO UPDATE SET conversation_end_time = EXCLUDED.conversation_end_time$$);
SELECT failure($$MERGE INTO conversation AS c USING (VALUES ('x11'), ('new')) AS v (id) ON c.conversation_id = v.id WHEN MATCHED THEN UPDATE SET channel = 'chat'
	WHEN NOT MATCHED THEN INSERT (bot_id, conversation_id, conversation_start_time) VALUES (1, v.id, '2024-05-01 00:00Z')$$);
SELECT failure($$MERGE INTO conversation AS c USING (VALUES ('x11')) AS v (id) ON c.conversation_id = v.id WHEN MATCHED THEN DELETE$$);
COPY conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) FROM stdin;
1	copied	2024-05-01 00:00Z	2024-05-10 00:00Z
\.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT failure($$SELECT talk(1, 'late', '2024-05-10 00:00Z')$$);
COMMIT;
-- two days of which the later has been exported
SELECT ultimate.export(2, '2024-05-12') -> 0 ->> 'conversation_id' AS id;
SELECT failure($$UPDATE conversation SET channel = 'chat' WHERE bot_id = 2$$);

--
-- What is not
--
UPDATE conversation SET labels = labels, conversations_data = conversations_data, bot_messages_count = bot_messages_count;
UPDATE conversation SET own = 'mine';
SELECT talk(1, 'later', '2024-05-11 00:00Z'), talk(1, 'earlier', '2024-05-09 23:59:59.999999Z'), talk(2, 'of another bot', '2024-05-10 12:00Z'), talk(1, 'still open', NULL);
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'x11', '2024-05-01 00:00Z', '2024-05-11 00:00Z')
ON CONFLICT DO NOTHING;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'x11', '2024-05-01 00:00Z', '2024-05-11 00:00Z')
ON CONFLICT (bot_id, conversation_id) DO UPDATE SET own = 'again';
DELETE FROM conversation WHERE conversation_id = 'earlier';
-- a day's name of its bot stays, too
UPDATE kindly_stats.bot_name SET name = 'second name';
SELECT ultimate.export(1, '2024-05-10')::text = :'document' AS same;
SELECT ultimate.export(1, '2024-05-11') -> 0 ->> 'bot_name' AS name;
SELECT * FROM kindly_stats.verify();

-- what is rolled back has not been exported; nor has what a savepoint took back
BEGIN;
SELECT json_array_length(ultimate.export(1, '2024-05-12'));
SELECT failure($$SELECT talk(1, 'x', '2024-05-12 00:00Z')$$);
ROLLBACK;
SELECT talk(1, 'before it', '2024-05-12 00:00Z');
BEGIN;
SAVEPOINT s;
SELECT talk(1, 'and another', '2024-05-12 01:00Z');
SELECT json_array_length(ultimate.export(1, '2024-05-12'));
ROLLBACK TO s;
SELECT talk(1, 'after all', '2024-05-12 00:00Z');
SELECT json_array_length(ultimate.export(1, '2024-05-12'));
SELECT failure($$SELECT talk(1, 'too late', '2024-05-12 00:00Z')$$);
COMMIT;

--
-- A day without conversations has an empty document, and stays open for those that come
--
SELECT ultimate.export(8, '2024-05-10'), (SELECT count(*) FROM ultimate.export_rows(8, '2024-05-10')) AS rows;
SELECT count(*) FROM kindly_stats.exported WHERE bot_id = 8;
SELECT talk(8, 'backfill', '2024-05-10 12:00Z');
SELECT json_array_length(ultimate.export(8, '2024-05-10'));
SELECT failure($$SELECT talk(8, 'late', '2024-05-10 12:00Z')$$);
-- who closes it means it
SELECT kindly_stats.close_day(8, '2024-05-11'), ultimate.export(8, '2024-05-11');
SELECT failure($$SELECT talk(8, 'late', '2024-05-11 12:00Z')$$);
SELECT kindly_stats.reopen_day(8, '2024-05-10'), kindly_stats.reopen_day(8, '2024-05-11');
DELETE FROM conversation WHERE bot_id = 8;

--
-- Closing and reopening by hand
--
SELECT kindly_stats.close_day(2, '2024-05-10'), kindly_stats.close_day(2, '2024-05-10');
SELECT failure($$SELECT talk(2, 'late', '2024-05-10 00:00Z')$$);
SELECT json_array_length(ultimate.export(2, '2024-05-10'));
-- a person is erased, a late conversation comes in
SELECT kindly_stats.reopen_day(2, '2024-05-10');
DELETE FROM conversation WHERE conversation_id = 'of another bot';
SELECT talk(2, 'late', '2024-05-10 00:00Z');
SELECT kindly_stats.close_day(2, '2024-05-10');
SELECT ultimate.export_rows(2, '2024-05-10') ->> 'conversation_id' AS id;
SELECT kindly_stats.reopen_day(2, '2024-05-10'), kindly_stats.reopen_day(2, '2024-05-10');
SELECT failure('SELECT kindly_stats.close_day(NULL, ''2024-05-10'')'), failure('SELECT kindly_stats.close_day(2, NULL)'), failure('SELECT kindly_stats.close_day(2, ''infinity'')');
SELECT failure('SELECT kindly_stats.reopen_day(NULL, ''2024-05-10'')'), failure('SELECT kindly_stats.reopen_day(2, NULL)'), failure('SELECT kindly_stats.reopen_day(2, ''infinity'')');
SELECT regexp_replace(failure('SELECT kindly_stats.close_day(2, (now() AT TIME ZONE ''UTC'')::date)'), '\d{4}-\d\d-\d\d', 'TODAY');

-- a transaction that may not close a day, or must not, exports those that are closed
BEGIN READ ONLY;
SELECT ultimate.export(1, '2024-05-10')::text = :'document' AS same;
SELECT failure('SELECT ultimate.export(1, ''2024-05-20'')');
SELECT failure('SELECT kindly_stats.close_day(1, ''2024-05-20'')');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT ultimate.export(1, '2024-05-10')::text = :'document' AS same;
SELECT failure('SELECT ultimate.export_rows(1, ''2024-05-20'')');
SELECT failure('SELECT kindly_stats.close_day(1, ''2024-05-20'')');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM ultimate.export_rows(1, '2024-05-10');
SELECT failure('SELECT ultimate.export(1, ''2024-05-20'')');
COMMIT;

-- a transaction that writes to many days holds few locks, and still none is missed
BEGIN;
SELECT count(talk(3, 'd' || d, timestamptz '2023-01-01 00:00Z' + d * interval '1 day')) FROM generate_series(1, 60) AS d;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (3, 4) AND pid = pg_backend_pid();
SELECT count(talk(3, 'e' || d, timestamptz '2023-01-01 00:00Z' + d * interval '1 day')) FROM generate_series(50, 400) AS d;
SELECT objsubid, count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (3, 4) AND pid = pg_backend_pid() GROUP BY 1 ORDER BY 1;
SELECT kindly_stats.close_day(3, '2023-06-01');
SELECT failure($$SELECT talk(3, 'late', '2023-06-01 00:00Z')$$);
COMMIT;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (3, 4) AND pid = pg_backend_pid();
SELECT failure($$SELECT talk(3, 'late', '2023-06-01 00:00Z')$$);

--
-- What was exported and is gone is an error, never a shorter document
--
SELECT kindly_stats.purge('conversation', '2024-05-11 00:00Z');
SELECT failure('SELECT ultimate.export(1, ''2024-05-10'')');
SELECT failure('SELECT count(*) FROM ultimate.export_rows(1, ''2024-05-10'')');
SELECT failure('SELECT ultimate.export(2, ''2024-05-10'')');
SELECT failure('SELECT ultimate.export(2, ''2024-01-01'')');
SELECT json_array_length(ultimate.export(2, '2024-05-11'));
-- a day without conversations has lost none
SELECT kindly_stats.reopen_day(1, '2024-05-10');
SELECT failure('SELECT ultimate.export(1, ''2024-05-10'')');
-- behind the triggers
SET session_replication_role = replica;
DELETE FROM conversation WHERE conversation_id = 'x12';
RESET session_replication_role;
SELECT failure('SELECT ultimate.export(1, ''2024-05-11'')');
-- with the table; another one cannot take its place, but it can come back
SELECT json_array_length(ultimate.export(1, '2024-05-12'));
SELECT kindly_stats.create_conversation_table('other');
SELECT kindly_stats.detach('conversation');
SELECT failure('SELECT ultimate.export(1, ''2024-05-12'')');
CREATE TABLE third (LIKE conversation INCLUDING ALL);
INSERT INTO third (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'x', '2024-05-01 00:00Z', '2024-05-12 00:00Z');
SELECT failure('SELECT kindly_stats.attach_conversations(''third'')');
DELETE FROM third;
SELECT kindly_stats.attach_conversations('third');
DELETE FROM conversation WHERE bot_id = 1 AND conversation_end_time < '2024-05-12 00:00Z';
SELECT kindly_stats.attach_conversations('conversation');
SELECT json_array_length(ultimate.export(1, '2024-05-12'));
SELECT failure($$INSERT INTO third (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'x', '2024-05-01 00:00Z', '2024-05-12 00:00Z')$$);
-- marks outlive the extension
DROP EXTENSION kindly_stats CASCADE;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.attach_conversations('conversation');
SELECT json_array_length(ultimate.export(1, '2024-05-12'));
SELECT failure($$SELECT talk(1, 'late', '2024-05-12 00:00Z')$$);

--
-- Partitions, of which one takes over a row from another
--
CREATE TABLE parted (LIKE conversation INCLUDING ALL) PARTITION BY LIST (bot_id);
CREATE TABLE parted_7 PARTITION OF parted FOR VALUES IN (7);
CREATE TABLE parted_8 PARTITION OF parted FOR VALUES IN (8);
SELECT kindly_stats.attach_conversations('parted');
INSERT INTO parted (bot_id, conversation_id, conversation_start_time, conversation_end_time)
VALUES (7, 'a', '2024-05-01 00:00Z', '2024-05-10 00:00Z'), (8, 'b', '2024-05-01 00:00Z', '2024-05-10 00:00Z'), (8, 'c', '2024-05-01 00:00Z', '2024-05-13 00:00Z');
SELECT kindly_stats.close_day(7, '2024-05-10');
SELECT failure('UPDATE parted SET bot_id = 8 WHERE bot_id = 7');
SELECT failure('UPDATE parted SET bot_id = 7 WHERE conversation_id = ''b''');
SELECT failure('DELETE FROM parted_7');
SELECT failure($$INSERT INTO parted_7 (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (7, 'x', '2024-05-01 00:00Z', '2024-05-10 00:00Z')$$);
UPDATE parted SET bot_id = 7 WHERE conversation_id = 'c';
SELECT ultimate.export_rows(7, '2024-05-10') ->> 'conversation_id' AS id;

-- triggers are made by attach_conversations() alone
CREATE FUNCTION direct() RETURNS trigger LANGUAGE c AS '$libdir/kindly_stats', 'ks_guard_exported';
CREATE TABLE plain (a int);
CREATE TRIGGER t AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION direct();
SELECT failure('INSERT INTO plain VALUES (1)');
SELECT failure('SELECT kindly_stats.guard_exported()');

\c :regression
DROP DATABASE regression_kindly_exported;
