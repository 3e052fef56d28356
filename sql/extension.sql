--
-- The extension dropped and created again, event tables and columns renamed, in one session with all its caches
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_extension;
CREATE DATABASE regression_kindly_extension;
\c regression_kindly_extension
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('public.event');
CREATE FUNCTION count_now() RETURNS TABLE (count bigint, distinct_count bigint, wrong bigint) LANGUAGE sql AS $$
	SELECT t.*, (SELECT count(*) FROM kindly_stats.verify()) FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01') AS t
$$;
SET kindly_stats.compact_after = 1;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-01', 'user_message', 'a1'), (1, '2025-01-01', 'user_message', 'a2');
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-01', 'user_message', 'a2');
SELECT * FROM count_now();

-- a table that is renamed, or moved, goes on
ALTER TABLE event RENAME TO chat;
INSERT INTO chat (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-01', 'user_message', 'a3');
CREATE SCHEMA "Chat bot";
ALTER TABLE chat SET SCHEMA "Chat bot";
ALTER TABLE "Chat bot".chat RENAME TO "Ev""ent";
INSERT INTO "Chat bot"."Ev""ent" (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-01', 'user_message', 'a4');
DELETE FROM "Chat bot"."Ev""ent" WHERE session_id = 'a1';
SELECT event_table FROM kindly_stats.event_table;
SELECT * FROM count_now();
SELECT first, last FROM kindly_stats.stats_options(1);
SELECT kindly_stats.purge('"Chat bot"."Ev""ent"', '2024-01-01');
ALTER TABLE "Chat bot"."Ev""ent" RENAME TO event;
ALTER TABLE "Chat bot".event SET SCHEMA public;
DROP SCHEMA "Chat bot";

-- a column that is renamed unseen is asked for
ALTER EVENT TRIGGER kindly_stats_ddl_ended DISABLE;
ALTER EVENT TRIGGER kindly_stats_ddl_dropped DISABLE;
ALTER TABLE event RENAME session_id TO "Sid";
INSERT INTO event (bot_id, occurred_at, kind, "Sid") VALUES (1, '2025-01-02', 'user_message', 'b');
DELETE FROM event;
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT kindly_stats.detach('event');
SELECT kindly_stats.add_measure('more', keys => ARRAY['user_id']);
SELECT kindly_stats.attach('event');
SELECT kindly_stats.attach('event', '{"session_id": "nonesuch"}');
BEGIN;
SELECT kindly_stats.attach('event', '{"session_id": "Sid", "user_id": "Sid"}');
SELECT count(*) FROM kindly_stats.verify();
ROLLBACK;
SELECT kindly_stats.attach('event', '[]');
SELECT kindly_stats.attach('event', NULL);
SELECT kindly_stats.attach('event', '{"session_id": "Sid"}');
INSERT INTO event (bot_id, occurred_at, kind, "Sid") VALUES (1, '2025-01-02', 'user_message', 'b');
SELECT * FROM count_now();
SELECT columns ->> 'session_id' AS session_id, columns ->> 'user_id' AS user_id FROM kindly_stats.event_table;
-- again, which changes nothing
SELECT kindly_stats.attach('event');
SELECT kindly_stats.attach('event', '{"session_id": "Sid"}');
-- a column that is gone
ALTER TABLE event DROP COLUMN web_path;
INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, '2025-01-02', 'user_message');
SELECT kindly_stats.attach('event', '{"web_path": null}');
INSERT INTO event (bot_id, occurred_at, kind, "Sid") VALUES (1, '2025-01-02', 'user_message', 'c');
SELECT * FROM count_now();
-- columns of a new measure are watched from then on
ALTER TABLE event ADD COLUMN theme text;
SELECT kindly_stats.add_measure('themes', keys => ARRAY['theme']);
INSERT INTO event (bot_id, occurred_at, kind, "Sid", theme) VALUES (1, '2025-01-02', 'user_message', 'c', 't');
ALTER TABLE event RENAME theme TO subject;
ALTER EVENT TRIGGER kindly_stats_ddl_ended ENABLE;
ALTER EVENT TRIGGER kindly_stats_ddl_dropped ENABLE;
INSERT INTO event (bot_id, occurred_at, kind, "Sid", subject) VALUES (1, '2025-01-02', 'user_message', 'c', 't');
SELECT kindly_stats.attach('event', '{"theme": "subject"}');
INSERT INTO event (bot_id, occurred_at, kind, "Sid", subject) VALUES (1, '2025-01-02', 'user_message', 'c', 't');
SELECT * FROM count_now();
SELECT count(*) FROM event;

-- dropped: not by accident; then event tables are ordinary tables
DROP EXTENSION kindly_stats;
SET client_min_messages = warning;
DROP EXTENSION kindly_stats CASCADE;
RESET client_min_messages;
INSERT INTO event (bot_id, occurred_at, kind, "Sid") VALUES (1, '2025-01-03', 'user_message', 'd');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'event'::regclass;
GRANT SELECT ON kindly_stats.rollup TO PUBLIC;
-- and created again: before the first table is attached, and after
CREATE EXTENSION kindly_stats;
SELECT * FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01');
SELECT * FROM kindly_stats.stats_options(1);
CALL kindly_stats.compact();
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT kindly_stats.add_measure('other');
SELECT kindly_stats.attach('event', '{"session_id": "Sid", "theme": "subject"}');
SELECT * FROM count_now();
INSERT INTO event (bot_id, occurred_at, kind, "Sid") VALUES (1, '2025-01-03', 'user_message', 'd');
INSERT INTO event (bot_id, occurred_at, kind, "Sid") SELECT n, '2025-01-03', 'user_message', 'd' FROM generate_series(1, 10) AS n;
DELETE FROM event WHERE "Sid" = 'c';
CALL kindly_stats.compact();
SELECT * FROM count_now();
SELECT first, last FROM kindly_stats.stats_options(1);
-- measures and grants of before are kept
SELECT string_agg(name, ',' ORDER BY name) FROM kindly_stats.measure WHERE name LIKE 'theme%';
SELECT has_table_privilege('public', 'kindly_stats.rollup', 'select');
-- changes of measures are heard of again
INSERT INTO kindly_stats.measure (name, kinds) VALUES ('late', ARRAY['user_message']);
INSERT INTO event (bot_id, occurred_at, kind) VALUES (11, '2025-01-03', 'user_message');
SELECT * FROM kindly_stats.stats_total(11, '2025-01-01', '2025-02-01', measure => 'late');
SELECT kindly_stats.rebuild();
SELECT * FROM count_now();

-- a table dropped while it is attached: what it counted stays, as with detach(keep_statistics => true)
SELECT kindly_stats.create_event_table('brief');
INSERT INTO brief (bot_id, occurred_at, kind, session_id) VALUES (12, '2025-01-03', 'user_message', 'd');
SELECT kindly_stats.purge('brief', '2025-01-01');
DROP TABLE brief;
SELECT event_table FROM kindly_stats.event_table;
SELECT * FROM kindly_stats.stats_total(12, '2025-01-01', '2025-02-01');
SELECT bot_id, measure, stored, recounted FROM kindly_stats.verify();
SELECT kindly_stats.rebuild();
SELECT * FROM kindly_stats.stats_total(12, '2025-01-01', '2025-02-01');
SELECT bot_id, measure, stored, recounted FROM kindly_stats.verify();
-- detached and attached with other columns, by one session
SELECT kindly_stats.detach('event');
SELECT count(*) FROM (SELECT kindly_stats.sum(tally) AS tally FROM kindly_stats.rollup GROUP BY bot_id, month) AS s WHERE NOT kindly_stats.is_empty(tally);
SELECT kindly_stats.attach('event', '{"session_id": "user_id", "user_id": "Sid", "theme": null}');
INSERT INTO event (bot_id, occurred_at, kind, user_id) VALUES (1, '2025-01-04', 'user_message', 'u');
SELECT * FROM count_now();

-- renamed, and not after all
BEGIN;
SAVEPOINT one;
ALTER TABLE event RENAME "Sid" TO user_name;
SELECT kindly_stats.attach('event', '{"user_id": "user_name"}');
INSERT INTO event (bot_id, occurred_at, kind, user_id, user_name) VALUES (1, '2025-01-04', 'user_message', 'u', 'v');
ROLLBACK TO one;
INSERT INTO event (bot_id, occurred_at, kind, user_id, "Sid") VALUES (1, '2025-01-04', 'user_message', 'u', 'v');
COMMIT;
INSERT INTO event (bot_id, occurred_at, kind, user_id, "Sid") VALUES (1, '2025-01-04', 'user_message', 'u', 'w');
SELECT * FROM count_now();

-- partitions that are dropped: what they counted stays
CREATE TABLE parted (LIKE event INCLUDING DEFAULTS) PARTITION BY RANGE (occurred_at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
SELECT kindly_stats.attach('parted');
INSERT INTO parted (bot_id, occurred_at, kind) SELECT 13, timestamptz '2025-01-11' + n * interval '1 day', 'user_message' FROM generate_series(0, 39) AS n;
BEGIN;
DROP TABLE parted_1;
SELECT kindly_stats.purge('parted', '2025-02-01');
COMMIT;
SELECT count FROM kindly_stats.stats_total(13, '2025-01-01', '2025-03-01');
SELECT count(*) FROM kindly_stats.verify();
SELECT kindly_stats.rebuild(13);
SELECT count FROM kindly_stats.stats_total(13, '2025-01-01', '2025-03-01');
DELETE FROM parted WHERE occurred_at >= '2025-02-10';
SELECT count FROM kindly_stats.stats_total(13, '2025-01-01', '2025-03-01');
DROP TABLE parted;
DELETE FROM kindly_stats.rollup WHERE bot_id = 13;

-- written from other triggers, functions, exception blocks and views
CREATE TABLE inbox (n integer);
CREATE FUNCTION inbox_to_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		INSERT INTO event (bot_id, occurred_at, kind, user_id) SELECT 1, '2025-01-05', 'user_message', 'n' || n FROM added;
		IF (SELECT bool_or(n % 2 = 0) FROM added) THEN
			RAISE EXCEPTION 'undone';
		END IF;
	EXCEPTION WHEN raise_exception THEN
		INSERT INTO event (bot_id, occurred_at, kind, user_id) VALUES (1, '2025-01-06', 'user_message', 'undone');
	END;
	RETURN NULL;
END
$$;
CREATE TRIGGER inbox AFTER INSERT ON inbox REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION inbox_to_event();
CREATE FUNCTION event_to_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.kind = 'user_message' AND pg_trigger_depth() < 3 THEN
		INSERT INTO event (bot_id, occurred_at, kind) VALUES (NEW.bot_id, NEW.occurred_at, 'bot_reply');
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER echo AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION event_to_event();
INSERT INTO inbox VALUES (1), (3);
INSERT INTO inbox VALUES (5), (6);
CREATE VIEW visible AS SELECT bot_id, occurred_at, kind, user_id FROM event WHERE bot_id = 1;
INSERT INTO visible VALUES (1, '2025-01-07', 'user_message', 'v');
UPDATE visible SET user_id = 'w' WHERE user_id = 'v';
WITH moved AS (DELETE FROM visible WHERE user_id = 'n1' RETURNING *)
INSERT INTO event (bot_id, occurred_at, kind, user_id) SELECT bot_id, occurred_at + interval '1 day', kind, user_id FROM moved;
BEGIN;
INSERT INTO visible VALUES (1, '2025-01-07', 'user_message', 'x');
SAVEPOINT one;
INSERT INTO visible VALUES (1, '2025-01-07', 'user_message', 'y');
ROLLBACK TO one;
DELETE FROM visible WHERE user_id = 'x';
INSERT INTO visible VALUES (1, '2025-01-07', 'user_message', 'z');
COMMIT;
SELECT * FROM count_now();
SELECT count(*) FROM event WHERE bot_id = 1;
SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01', measure => 'events');

-- compaction from a function, a procedure, an exception block, at other isolation levels
CREATE PROCEDURE janitor() LANGUAGE plpgsql AS $$
BEGIN
	CALL kindly_stats.compact();
	BEGIN
		CALL kindly_stats.compact(1);
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	FOR i IN 1..2 LOOP
		INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, '2025-01-08', 'user_message');
		CALL kindly_stats.compact();
		RAISE NOTICE '%', current_setting('transaction_isolation');
	END LOOP;
END
$$;
SET kindly_stats.compact_after = 0;
INSERT INTO visible VALUES (1, '2025-01-08', 'user_message', 'x');
CALL janitor();
SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0 AND cluster IS NULL;
INSERT INTO visible VALUES (1, '2025-01-08', 'user_message', 'x');
SET default_transaction_isolation = serializable;
CALL janitor();
SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0 AND cluster IS NULL;
INSERT INTO visible VALUES (1, '2025-01-08', 'user_message', 'x');
BEGIN;
CALL kindly_stats.compact();
COMMIT;
RESET default_transaction_isolation;
DO $$ BEGIN CALL kindly_stats.compact(); END $$;
SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0 AND cluster IS NULL;
CALL kindly_stats.compact(-1);
SELECT * FROM count_now();

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_extension;
