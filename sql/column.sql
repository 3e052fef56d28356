--
-- Columns that are added, dropped, renamed, retyped and generated after a table was attached: after each statement the statistics
-- are right, or it was refused
--
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_column;
CREATE DATABASE regression_kindly_column;
\c regression_kindly_column
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET jit = off;
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
RESET client_min_messages;
SET check_function_bodies = off;
CREATE FUNCTION state() RETURNS TABLE (events bigint, messages bigint, members bigint, first timestamptz, sources text, wrong bigint, below_zero bigint) LANGUAGE sql AS $$
	SELECT e.count, m.count, m.distinct_count, o.first, array_to_string(o.sources, ','), (SELECT count(*) FROM kindly_stats.verify()),
		(SELECT count(*) FROM kindly_stats.measure AS x, kindly_stats.stats_series(1, '2024-01-01', '2025-01-01', 'UTC', 'month', x.name) AS s WHERE s.count < 0)
	FROM kindly_stats.stats_total(1, '2024-01-01', '2025-01-01', measure => 'events') AS e,
		kindly_stats.stats_total(1, '2024-01-01', '2025-01-01') AS m, kindly_stats.stats_options(1) AS o
$$;
CREATE FUNCTION sources() RETURNS TABLE (source text, count bigint) LANGUAGE sql AS $$
	SELECT s, t.count FROM kindly_stats.stats_options(1) AS o, unnest(o.sources) AS s, kindly_stats.stats_total(1, '2024-01-01', '2025-01-01', sources => ARRAY[s]) AS t ORDER BY s COLLATE "C"
$$;
CREATE FUNCTION failure(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, message, hint);
END
$$;
CREATE TYPE what AS ENUM ('user_message', 'reply');
CREATE TABLE event (bot_id bigint, occurred_at timestamptz, kind what, session_id text);
SELECT kindly_stats.attach('event');
INSERT INTO event SELECT 1, timestamptz '2024-01-01 00:00:00.0006' + i * interval '1 day', 'user_message', 's' || i % 5 FROM generate_series(1, 20) AS i;
SELECT * FROM state();

--
-- Added: not read until the table is attached again
--
ALTER TABLE event ADD COLUMN source text DEFAULT 'web';
ALTER TABLE event ADD COLUMN anything text;
SELECT severity, object, finding, remedy FROM kindly_stats.tree_findings();
INSERT INTO event VALUES (1, '2024-03-01', 'user_message', 's1', 'app');
DELETE FROM event WHERE occurred_at < '2024-01-05';
SELECT * FROM state();
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM state();
-- nor is it read by a measure that is new
SELECT failure('SELECT kindly_stats.add_measure(''by_source'', keys => ''{source,anything}'')');
SELECT kindly_stats.add_measure('by_anything', keys => '{anything}');
UPDATE event SET anything = 'a' WHERE occurred_at < '2024-01-08';
SELECT key, count FROM kindly_stats.stats_top(1, '2024-01-01', '2025-01-01', 'UTC', 'by_anything');
SELECT * FROM state();
SELECT kindly_stats.attach('event');
SELECT * FROM state();
SELECT * FROM sources();
SELECT kindly_stats.add_measure('by_source', keys => '{source,anything}');
SELECT key, count FROM kindly_stats.stats_top(1, '2024-01-01', '2025-01-01', 'UTC', 'by_source');
DELETE FROM event WHERE source = 'app';
SELECT * FROM state();

--
-- Dropped: not while it is counted
--
SELECT failure('ALTER TABLE event DROP COLUMN source');
SELECT failure('ALTER TABLE event DROP COLUMN source, ADD COLUMN source text DEFAULT ''new''');
SELECT failure('ALTER TABLE event DROP COLUMN kind');
SELECT failure('DROP TYPE what CASCADE');
SELECT * FROM state();
SELECT kindly_stats.attach('event', '{"source": null}');
SELECT * FROM state();
ALTER TABLE event DROP COLUMN source, ADD COLUMN source text DEFAULT 'new';
SELECT * FROM state();
SELECT kindly_stats.attach('event');
SELECT * FROM state();
SELECT kindly_stats.attach('event', '{"source": "source"}');
SELECT * FROM state();

--
-- Renamed: the triggers are told
--
ALTER TABLE event RENAME COLUMN source TO origin;
ALTER TABLE event RENAME COLUMN occurred_at TO "When";
INSERT INTO event (bot_id, "When", kind, session_id, origin) VALUES (1, '2024-04-01', 'user_message', 's1', 'app');
SELECT * FROM state();
-- two columns that change their names
ALTER TABLE event RENAME COLUMN origin TO passing;
ALTER TABLE event RENAME COLUMN anything TO origin;
ALTER TABLE event RENAME COLUMN passing TO anything;
ALTER TABLE event ADD COLUMN source text;
INSERT INTO event (bot_id, "When", kind, session_id, origin, anything, source) VALUES (1, '2024-04-02', 'user_message', 's1', 'key', 'app', 'not read');
SELECT * FROM state();
SELECT * FROM sources();
SELECT columns ->> 'source' AS source, columns ->> 'anything' AS anything, columns ->> 'occurred_at' AS occurred_at FROM kindly_stats.event_table;
BEGIN;
ALTER TABLE event RENAME COLUMN "When" TO occurred_at;
ROLLBACK;
SELECT * FROM state();

--
-- Retyped: counted anew
--
ALTER TABLE event ALTER COLUMN "When" TYPE timestamptz(3);
SELECT * FROM state();
ALTER TABLE event ALTER COLUMN anything TYPE varchar(40);
ALTER TABLE event ALTER COLUMN anything TYPE varchar(3) USING 'x' || left(anything, 2), ALTER COLUMN bot_id TYPE integer, ADD COLUMN more int;
SELECT * FROM sources();
SELECT * FROM state();
ALTER TABLE event ALTER COLUMN anything TYPE text;
ALTER TABLE event ALTER COLUMN session_id TYPE integer USING substring(session_id FROM 2)::integer;
INSERT INTO event (bot_id, "When", kind, session_id) VALUES (1, '2024-04-03', 'user_message', 1);
SELECT * FROM state();
-- to types whose text every session has otherwise, and back after all
ALTER TABLE event ALTER COLUMN anything DROP DEFAULT;
SELECT failure('ALTER TABLE event ALTER COLUMN anything TYPE timestamptz USING now()');
SELECT failure('ALTER TABLE event ALTER COLUMN anything TYPE float8 USING 0.1');
SELECT failure('ALTER TABLE event ALTER COLUMN anything TYPE money USING 0.1::money');
SELECT failure('ALTER TABLE event ALTER COLUMN "When" TYPE timestamp');
ALTER TABLE event ALTER COLUMN anything TYPE text USING anything || '!';
BEGIN;
SAVEPOINT one;
ALTER TABLE event ALTER COLUMN anything TYPE text USING 1 / 0;
ROLLBACK TO one;
ALTER TABLE event ALTER COLUMN anything TYPE text USING anything || '?';
COMMIT;
SELECT * FROM sources();
SELECT * FROM state();
-- a value of an enum
ALTER TYPE what RENAME VALUE 'reply' TO 'bot_reply';
ALTER TYPE what RENAME VALUE 'user_message' TO 'message';
SELECT * FROM state();
ALTER TYPE what RENAME VALUE 'message' TO 'user_message';
ALTER TYPE what ADD VALUE 'button_click';
INSERT INTO event (bot_id, "When", kind) VALUES (1, '2024-04-04', 'button_click');
SELECT * FROM state();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT failure('ALTER TABLE event ALTER COLUMN anything TYPE varchar(5)');
SELECT failure('ALTER TYPE what RENAME VALUE ''button_click'' TO ''click''');
COMMIT;
SELECT * FROM state();

-- a measure that is gone leaves its columns behind, which nobody reads: they may go
DELETE FROM kindly_stats.measure WHERE name LIKE 'by_%';
ALTER TABLE event ALTER COLUMN bot_id TYPE bigint;
SELECT * FROM state();
SELECT kindly_stats.attach('event', '{"language_code": null}');
ALTER TABLE event DROP COLUMN origin;
SELECT * FROM state();
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM state();

--
-- Domains over domains, collations for which different texts are equal, conditions that are numbers
--
CREATE DOMAIN short AS text;
CREATE DOMAIN shorter AS short CHECK (length(VALUE) < 20);
CREATE DOMAIN real_number AS float8;
CREATE DOMAIN unreal AS real_number;
CREATE DOMAIN instant AS timestamptz;
CREATE DOMAIN moment AS instant;
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE talk (bot_id bigint, occurred_at moment, kind text COLLATE blind, session_id shorter COLLATE blind, source shorter COLLATE blind, language_code unreal, paid smallint);
SELECT failure('SELECT kindly_stats.attach(''talk'')');
ALTER TABLE talk DROP COLUMN language_code;
SELECT kindly_stats.attach('talk');
INSERT INTO talk VALUES (1, '2024-05-01', 'user_message', 'a', 'web', 0), (1, '2024-05-01', 'User_Message', 'A', 'Web', 1),
	(1, '2024-05-01', 'user_message', 'A', 'WEB', 2), (1, '2024-05-01', 'user_message', 'B', 'WEB', NULL), (1, '2024-05-01', 'user_message', 'B', 'WEB', -1);
SELECT * FROM state();
SELECT * FROM sources();
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2024-01-01', '2025-01-01', measure => 'paid_messages');
UPDATE talk SET paid = 1 - paid, kind = lower(kind);
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2024-01-01', '2025-01-01', measure => 'paid_messages');
SELECT * FROM state();
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM state();
ALTER TABLE talk ALTER COLUMN paid TYPE boolean USING paid > 0;
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2024-01-01', '2025-01-01', measure => 'paid_messages');
SELECT * FROM state();
CREATE TABLE settings (bot_id bigint, occurred_at timestamptz, kind text, source timestamptz, session_id float8, web_path money, language_code interval);
SELECT failure('SELECT kindly_stats.attach(''settings'')'), failure('SELECT kindly_stats.attach(''settings'', ''{"source": null}'')');

--
-- Generated: a stored one of an ordinary table only
--
CREATE TABLE msg (id int, created text, at timestamptz GENERATED ALWAYS AS (to_timestamp(id)) STORED, bot_id bigint, kind text) PARTITION BY LIST (bot_id);
CREATE TABLE msg_1 PARTITION OF msg FOR VALUES IN (1);
SELECT failure('SELECT kindly_stats.attach(''msg'', ''{"occurred_at": "at"}'')');
-- one whose partition computes what its parent does not: some versions let it be
CREATE TABLE half (id int, at timestamptz, bot_id bigint, kind text) PARTITION BY LIST (bot_id);
SELECT kindly_stats.attach('half', '{"occurred_at": "at"}');
CREATE TABLE half_1 (id int, at timestamptz GENERATED ALWAYS AS (to_timestamp(id)) STORED, bot_id bigint, kind text);
DO $$
BEGIN
	ALTER TABLE half ATTACH PARTITION half_1 FOR VALUES IN (1);
	RAISE 'attached';
EXCEPTION WHEN feature_not_supported OR datatype_mismatch THEN
END
$$;
CREATE TABLE single (id bigint, at timestamptz GENERATED ALWAYS AS (to_timestamp(id)) STORED, bot_id bigint, kind text);
SELECT kindly_stats.attach('single', '{"occurred_at": "at"}');
INSERT INTO single (id, bot_id, kind) VALUES (extract(epoch FROM timestamptz '2024-06-01'), 1, 'user_message');
UPDATE single SET id = id + 86400;
SELECT * FROM state();
DELETE FROM single;
SELECT * FROM state();
-- conversations in partitions whose columns lie otherwise
CREATE TABLE conversation (conversation_id text, gone int, bot_id bigint, conversation_start_time timestamptz, conversation_end_time timestamptz, bot_messages_count int) PARTITION BY LIST (bot_id);
ALTER TABLE conversation DROP COLUMN gone;
CREATE TABLE conversation_1 PARTITION OF conversation FOR VALUES IN (1);
SELECT kindly_stats.attach_conversations('conversation');
CREATE TABLE conversation_2 PARTITION OF conversation FOR VALUES IN (2);
INSERT INTO conversation VALUES ('a', 1, '2024-07-01', '2024-07-01 23:59:59.9', 1), ('b', 1, '2024-07-01', '2024-07-01', 0), ('c', 2, '2024-07-01', '2024-07-01', 1);
INSERT INTO conversation_1 (conversation_id, bot_id, conversation_start_time, conversation_end_time, bot_messages_count) VALUES ('d', 1, '2024-07-01', '2024-07-01', 1);
SELECT m, count FROM unnest('{conversations_started,conversations_ended}'::text[]) AS m, kindly_stats.stats_total(1, '2024-07-01', '2024-07-02', measure => m);
SELECT count(*) FROM kindly_stats.verify();
-- a day that was exported stays as it is
SELECT kindly_stats.close_day(1, '2024-07-01');
SELECT failure('ALTER TABLE conversation ALTER COLUMN conversation_end_time TYPE timestamptz(0)');
ALTER TABLE conversation ALTER COLUMN conversation_start_time TYPE timestamptz(0);
SELECT failure('ALTER TABLE conversation DROP COLUMN bot_messages_count');
SELECT failure($$CREATE TABLE extra (LIKE conversation); INSERT INTO extra VALUES ('e', 3, '2024-07-01', '2024-07-01', 1); ALTER TABLE conversation ATTACH PARTITION extra FOR VALUES IN (3)$$);
SELECT count FROM kindly_stats.stats_total(3, '2024-07-01', '2024-07-02', measure => 'conversations_started');
DELETE FROM conversation WHERE bot_id > 1;
SELECT failure('DELETE FROM conversation_1');
SELECT * FROM state();
SELECT severity, object, finding FROM kindly_stats.tree_findings();
-- a virtual one is never computed for triggers
SELECT current_setting('server_version_num')::int >= 180000 AS has_virtual \gset
\if :has_virtual
CREATE TABLE virtual (id bigint, at timestamptz GENERATED ALWAYS AS (to_timestamp(id)) VIRTUAL, bot_id bigint, kind text);
DO $$
BEGIN
	PERFORM kindly_stats.attach('virtual', '{"occurred_at": "at"}');
	RAISE 'attached';
EXCEPTION WHEN feature_not_supported THEN
END
$$;
\endif

SET client_min_messages = warning;
\c :regression
DROP DATABASE regression_kindly_column;
