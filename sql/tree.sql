--
-- Tables that become partitions, cease to be, inherit, are swapped and dropped: after each statement the statistics are right, or
-- it was refused, or a warning says what is not counted
--
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_tree;
CREATE DATABASE regression_kindly_tree;
\c regression_kindly_tree
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET jit = off;
CREATE EXTENSION kindly_stats;
SET check_function_bodies = off;
-- what questions answer, what is in the rollup otherwise than in the tables, what is below zero, what health has to say
CREATE FUNCTION state() RETURNS TABLE (events numeric, messages numeric, members numeric, wrong bigint, below_zero bigint, findings bigint) LANGUAGE sql AS $$
	SELECT sum(e.count), sum(m.count), sum(m.distinct_count), (SELECT count(*) FROM kindly_stats.verify()),
		(SELECT count(*) FROM generate_series(1, 3) AS b, kindly_stats.measure AS x, kindly_stats.stats_series(b, '2024-01-01', '2026-01-01', 'UTC', 'month', x.name) AS s
		  WHERE s.count < 0),
		(SELECT count(*) FROM kindly_stats.tree_findings())
	FROM generate_series(1, 3) AS b, kindly_stats.stats_total(b, '2024-01-01', '2026-01-01', measure => 'events') AS e,
		kindly_stats.stats_total(b, '2024-01-01', '2026-01-01') AS m
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
CREATE FUNCTION fill(event_table regclass, month date, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s (bot_id, occurred_at, kind, session_id) SELECT 1 + i %% 3, $1 + i * interval ''1 minute'', ''user_message'', ''s'' || i FROM generate_series(1, $2) AS i', event_table)
	USING month, n;
END
$$;
CREATE TABLE event (bot_id bigint NOT NULL, occurred_at timestamptz NOT NULL, kind text, session_id text, source text) PARTITION BY RANGE (occurred_at);
SELECT kindly_stats.attach('event');

-- made in its place: covered at once
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
SELECT fill('event_1', '2024-01-02', 10);
SELECT fill('event', '2024-01-03', 10);
SELECT * FROM state();

-- attached with rows and with columns in another order
CREATE TABLE event_2 (source text, gone int, session_id text, kind text, occurred_at timestamptz NOT NULL, bot_id bigint NOT NULL);
ALTER TABLE event_2 DROP COLUMN gone;
SELECT fill('event_2', '2024-02-02', 10);
ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
SELECT * FROM state();
SELECT fill('event_2', '2024-02-03', 10);
DELETE FROM event WHERE occurred_at < '2024-02-02 00:05' AND occurred_at > '2024-02-01';
SELECT * FROM state();

-- one that was attached alone
CREATE TABLE event_3 (LIKE event);
SELECT fill('event_3', '2024-03-02', 10);
SELECT kindly_stats.attach('event_3');
SELECT * FROM state();
ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
SELECT fill('event', '2024-03-03', 10);
SELECT fill('event_3', '2024-03-04', 10);
SELECT * FROM state();
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM state();
SELECT event_table FROM kindly_stats.event_table;
-- one that was attached alone with other columns: counted as its parent counts it from now on
CREATE TABLE event_4 (LIKE event);
SELECT fill('event_4', '2024-04-02', 10);
UPDATE event_4 SET source = 'web';
SELECT kindly_stats.attach('event_4', '{"source": null, "session_id": null}');
SELECT count FROM kindly_stats.stats_total(1, '2024-04-01', '2024-05-01', sources => '{web}');
ALTER TABLE event ATTACH PARTITION event_4 FOR VALUES FROM ('2024-04-01') TO ('2024-05-01');
SELECT count FROM kindly_stats.stats_total(1, '2024-04-01', '2024-05-01', sources => '{web}');
SELECT * FROM state();
-- a tree below the tree
CREATE TABLE event_5 (LIKE event) PARTITION BY LIST (bot_id);
CREATE TABLE event_5_1 PARTITION OF event_5 FOR VALUES IN (1);
CREATE TABLE event_5_2 PARTITION OF event_5 DEFAULT;
SELECT fill('event_5', '2024-05-02', 10);
ALTER TABLE event ATTACH PARTITION event_5 FOR VALUES FROM ('2024-05-01') TO ('2024-06-01');
SELECT fill('event', '2024-05-03', 10);
SELECT fill('event_5', '2024-05-04', 10);
UPDATE event_5_1 SET kind = 'bot_reply' WHERE occurred_at < '2024-05-03';
SELECT * FROM state();

-- detached: an attached table of its own, whose events stay; and back again, in between written to
ALTER TABLE event DETACH PARTITION event_3;
SELECT fill('event_3', '2024-03-05', 10);
DELETE FROM event_3 WHERE occurred_at < '2024-03-02 00:05';
SELECT * FROM state();
SELECT event_table FROM kindly_stats.event_table ORDER BY event_table::text COLLATE "C";
ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
SELECT fill('event', '2024-03-06', 10);
SELECT * FROM state();
ALTER TABLE event DETACH PARTITION event_5;
SELECT fill('event_5_1', '2024-05-05', 0), fill('event_5', '2024-05-06', 10);
SELECT * FROM state();
ALTER TABLE event ATTACH PARTITION event_5 FOR VALUES FROM ('2024-05-01') TO ('2024-06-01');
SELECT * FROM state();
-- detached, detached for good, and back again with what it counts
ALTER TABLE event DETACH PARTITION event_3;
SELECT kindly_stats.detach('event_3');
SELECT fill('event_3', '2024-03-07', 10);
SELECT * FROM state();
ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
SELECT * FROM state();
ALTER TABLE event DETACH PARTITION event_3 CONCURRENTLY;
SELECT fill('event_3', '2024-03-08', 10);
SELECT * FROM state();
BEGIN;
ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
SELECT fill('event', '2024-03-09', 10);
ROLLBACK;
SELECT * FROM state();
-- of another parent, that is not attached, and that is
CREATE TABLE other (LIKE event) PARTITION BY RANGE (occurred_at);
SELECT failure($$ALTER TABLE other ATTACH PARTITION event_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')$$);
SELECT kindly_stats.attach('other');
ALTER TABLE other ATTACH PARTITION event_3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
SELECT fill('other', '2024-03-10', 10);
SELECT * FROM state();
SELECT event_table FROM kindly_stats.event_table ORDER BY event_table::text COLLATE "C";
-- a partition alone is not attached
CREATE TABLE third (LIKE event) PARTITION BY RANGE (occurred_at);
CREATE TABLE third_1 PARTITION OF third DEFAULT;
SELECT failure('SELECT kindly_stats.attach(''third_1'')');
SELECT failure('SELECT kindly_stats.attach(''event_5_1'')');
-- what nobody saw is refused later
ALTER EVENT TRIGGER kindly_stats_ddl_ended DISABLE;
CREATE TABLE fourth (LIKE event) PARTITION BY RANGE (occurred_at);
CREATE TABLE fourth_1 (LIKE event);
SELECT kindly_stats.attach('fourth_1');
ALTER TABLE fourth ATTACH PARTITION fourth_1 DEFAULT;
ALTER EVENT TRIGGER kindly_stats_ddl_ended ENABLE;
SELECT finding, remedy FROM kindly_stats.tree_findings();
SELECT failure('SELECT kindly_stats.attach(''fourth'')');
DROP TABLE fourth;
-- settings of the session make no difference
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET search_path = pg_temp, public;
SET quote_all_identifiers = on;
CREATE TABLE public.event_8 (LIKE event);
SELECT kindly_stats.attach('event_8');
ALTER TABLE event ATTACH PARTITION event_8 FOR VALUES FROM ('2024-08-01') TO ('2024-09-01');
ALTER TABLE event_8 DISABLE TRIGGER kindly_stats_insert;
ALTER TABLE event_8 ENABLE TRIGGER kindly_stats_insert;
ALTER TABLE event DETACH PARTITION event_8;
DROP TABLE event_8;
RESET standard_conforming_strings;
RESET escape_string_warning;
RESET search_path;
RESET quote_all_identifiers;
SELECT * FROM state();
-- nor can a tree of events take in conversations
SELECT kindly_stats.create_conversation_table('conversation');
CREATE TABLE mixed (LIKE conversation) PARTITION BY LIST (bot_id);
ALTER TABLE mixed ADD COLUMN occurred_at timestamptz, ADD COLUMN kind text;
ALTER TABLE conversation ADD COLUMN occurred_at timestamptz, ADD COLUMN kind text;
SELECT kindly_stats.attach('mixed');
SELECT failure('ALTER TABLE mixed ATTACH PARTITION conversation DEFAULT');
DROP TABLE mixed, conversation;

--
-- Inheritance, foreign tables, unlogged ones, tables of types
--
CREATE TABLE heap (LIKE event);
SELECT kindly_stats.attach('heap');
SELECT failure('CREATE TABLE child () INHERITS (heap)');
SELECT failure('CREATE TEMP TABLE child () INHERITS (heap)');
CREATE TABLE child (LIKE heap);
SELECT failure('ALTER TABLE child INHERIT heap');
SELECT failure('ALTER TABLE heap INHERIT child');
CREATE TABLE grandchild () INHERITS (child);
SELECT failure('SELECT kindly_stats.attach(''grandchild'')');
SELECT failure('SELECT kindly_stats.attach(''child'')');
DROP TABLE grandchild;
SELECT failure('ALTER TABLE heap SET UNLOGGED');
ALTER TABLE child SET UNLOGGED;
SELECT failure('SELECT kindly_stats.attach(''child'')');
SELECT failure($$CREATE UNLOGGED TABLE event_6 PARTITION OF event FOR VALUES FROM ('2024-06-01') TO ('2024-07-01')$$);
SELECT failure($$ALTER TABLE event ATTACH PARTITION child FOR VALUES FROM ('2024-06-01') TO ('2024-07-01')$$);
ALTER TABLE child SET LOGGED;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
SELECT failure($$CREATE FOREIGN TABLE event_6 PARTITION OF event FOR VALUES FROM ('2024-06-01') TO ('2024-07-01') SERVER nowhere$$);
CREATE FOREIGN TABLE abroad (bot_id bigint NOT NULL, occurred_at timestamptz NOT NULL, kind text, session_id text, source text) SERVER nowhere;
SELECT failure($$ALTER TABLE event ATTACH PARTITION abroad FOR VALUES FROM ('2024-06-01') TO ('2024-07-01')$$);
ALTER TABLE third ATTACH PARTITION abroad FOR VALUES FROM ('2024-06-01') TO ('2024-07-01');
SELECT failure('SELECT kindly_stats.attach(''third'')');
CREATE TYPE shape AS (bot_id bigint, occurred_at timestamptz, kind text, session_id text, source text);
CREATE TABLE shaped OF shape;
SELECT failure('SELECT kindly_stats.attach(''shaped'')');
ALTER TABLE heap ALTER COLUMN bot_id DROP NOT NULL, ALTER COLUMN occurred_at DROP NOT NULL;
SELECT failure('ALTER TABLE heap OF shape');
SELECT * FROM state();

--
-- Names
--
SET client_min_messages = notice;
-- a copy takes the place of an attached table
CREATE TABLE copy AS TABLE heap;
ALTER TABLE heap RENAME TO old_heap;
ALTER TABLE copy RENAME TO heap;
SELECT severity, object, finding, remedy FROM kindly_stats.tree_findings();
ALTER TABLE heap RENAME TO copy;
ALTER TABLE old_heap RENAME TO heap;
CREATE SCHEMA elsewhere;
ALTER TABLE heap SET SCHEMA elsewhere;
CREATE TABLE heap (LIKE event);
DROP TABLE heap;
ALTER TABLE elsewhere.heap SET SCHEMA public;
DROP SCHEMA elsewhere;
SELECT failure('ALTER TRIGGER kindly_stats_insert ON heap RENAME TO mine');
ALTER TABLE heap DISABLE TRIGGER ALL;
SELECT fill('heap', '2024-06-02', 3);
SELECT severity, object, finding, remedy FROM kindly_stats.tree_findings();
ALTER TABLE heap ENABLE TRIGGER ALL;
SELECT kindly_stats.rebuild() > 0 AS rebuilt;
ALTER TABLE heap DISABLE TRIGGER kindly_stats_truncate;
SELECT severity, object, finding, remedy FROM kindly_stats.tree_findings();
ALTER TABLE heap ENABLE TRIGGER kindly_stats_truncate;
DROP TRIGGER kindly_stats_delete ON heap;
SELECT severity, object, finding, remedy FROM kindly_stats.tree_findings();
DELETE FROM heap WHERE occurred_at < '2024-06-02 00:02';
SELECT count(*) > 0 AS wrong FROM kindly_stats.verify();
SELECT kindly_stats.attach('heap');
SELECT * FROM state();
DROP TRIGGER kindly_stats_insert ON heap;
SELECT kindly_stats.attach('heap');
SELECT * FROM state();
DROP TRIGGER kindly_stats_insert ON heap;
SELECT kindly_stats.rebuild() > 0 AS rebuilt;
DROP TRIGGER kindly_stats_update ON heap;
DROP TRIGGER kindly_stats_delete ON heap;
DROP TRIGGER kindly_stats_truncate ON heap;
SELECT * FROM state();
SELECT kindly_stats.attach('heap');
SELECT * FROM state();

--
-- Dropped: what was counted stays, and is kept
--
DROP TABLE event_2;
SELECT * FROM state();
DROP TABLE event_5_2, heap, child;
SELECT * FROM state();
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM state();
-- not after all
BEGIN;
DROP TABLE event_1;
SELECT * FROM state();
ROLLBACK;
DELETE FROM event_1 WHERE occurred_at < '2024-01-02 00:05';
SELECT * FROM state();
-- refused for another reason
CREATE VIEW looking AS SELECT FROM event_1;
SELECT failure('DROP TABLE event_1');
SELECT * FROM state();
DROP VIEW looking;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT failure('DROP TABLE event_1');
COMMIT;
-- by somebody who may, and by somebody who may not; neither has a right on the statistics
CREATE ROLE regress_ks_dropper;
SET ROLE regress_ks_dropper;
SELECT failure('DROP TABLE event_1');
CREATE TEMP TABLE mine ();
DROP TABLE mine;
RESET ROLE;
ALTER TABLE event OWNER TO regress_ks_dropper;
ALTER TABLE event_1 OWNER TO regress_ks_dropper;
GRANT CREATE ON SCHEMA public TO regress_ks_dropper;
SET ROLE regress_ks_dropper;
CREATE TABLE event_7 PARTITION OF event FOR VALUES FROM ('2024-07-01') TO ('2024-08-01');
ALTER TABLE event DETACH PARTITION event_1;
DROP TABLE event_1;
RESET ROLE;
SELECT * FROM state();
INSERT INTO event_7 VALUES (1, '2024-07-02', 'user_message', 'a');
SELECT * FROM state();
DROP OWNED BY regress_ks_dropper;
SELECT * FROM state();
SELECT event_table FROM kindly_stats.event_table ORDER BY event_table::text COLLATE "C";
-- with its schema
CREATE SCHEMA gone;
CREATE TABLE gone.event (LIKE other);
SELECT kindly_stats.attach('gone.event');
SELECT fill('gone.event', '2024-08-02', 10);
ALTER TABLE other SET SCHEMA gone;
SELECT failure('DROP SCHEMA gone');
SELECT * FROM state();
DROP SCHEMA gone CASCADE;
SELECT * FROM state();
SELECT count(*) FROM kindly_stats.event_table;
-- a foreign key deletes from a table that is not purged
CREATE TABLE chat (bot_id bigint, occurred_at timestamptz, kind text, session_id text PRIMARY KEY);
CREATE TABLE answer (bot_id bigint, occurred_at timestamptz, kind text, session_id text REFERENCES chat ON DELETE CASCADE);
SELECT kindly_stats.attach('chat'), kindly_stats.attach('answer');
SELECT fill('chat', '2024-09-02', 10);
INSERT INTO answer SELECT bot_id, occurred_at, 'bot_reply', session_id FROM chat;
SELECT * FROM state();
SELECT kindly_stats.purge('chat', '2024-09-02 00:06');
SELECT * FROM state();
SELECT sum(count) AS replies FROM generate_series(1, 3) AS b, kindly_stats.stats_total(b, '2024-09-01', '2024-10-01', measure => 'replies');
DROP TABLE chat, answer;
-- and from one that took its former name
CREATE TABLE chat (bot_id bigint, occurred_at timestamptz, kind text, session_id text PRIMARY KEY);
SELECT kindly_stats.attach('chat');
ALTER TABLE chat RENAME TO former;
CREATE TABLE chat (bot_id bigint, occurred_at timestamptz, kind text, session_id text REFERENCES former ON DELETE CASCADE);
SELECT kindly_stats.attach('chat');
SELECT fill('former', '2024-11-02', 10), fill('chat', '2024-11-02', 10);
SELECT * FROM state();
SELECT kindly_stats.purge('former', '2025-01-01');
SELECT * FROM state();
DROP TABLE former, chat;
-- triggers for replicas: of a partition that leaves and comes back, or that comes into a tree without; switched on as pg_restore does it
CREATE TABLE copied (bot_id bigint, occurred_at timestamptz, kind text, session_id text) PARTITION BY RANGE (occurred_at);
CREATE TABLE copied_1 PARTITION OF copied FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE copied_2 (LIKE copied);
SELECT kindly_stats.attach('copied');
SELECT kindly_stats.attach('copied_2', replica => true);
ALTER TABLE copied ATTACH PARTITION copied_2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
ALTER TABLE copied DETACH PARTITION copied_1;
ALTER TABLE copied ATTACH PARTITION copied_1 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
ALTER TABLE copied RENAME COLUMN session_id TO sid;
ALTER TABLE copied RENAME COLUMN sid TO session_id;
SET client_min_messages = error;
ALTER TABLE copied DISABLE TRIGGER ALL;
ALTER TABLE copied ENABLE TRIGGER ALL;
ALTER TABLE copied_1 DISABLE TRIGGER ALL;
ALTER TABLE copied_1 ENABLE TRIGGER ALL;
SET client_min_messages = warning;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname ~ '^kindly_stats_replica' ORDER BY 1, 2;
SET session_replication_role = replica;
SELECT fill('copied', '2025-01-05', 10), fill('copied', '2025-02-05', 10), fill('copied_1', '2025-01-06', 10);
TRUNCATE copied_2;
RESET session_replication_role;
SELECT * FROM state();
-- statement triggers that somebody enabled for replicas, too
ALTER TABLE copied ENABLE ALWAYS TRIGGER kindly_stats_insert;
SET session_replication_role = replica;
SELECT fill('copied', '2025-01-07', 10);
RESET session_replication_role;
SELECT * FROM state();
-- partitions of an owner who has no right on any function
CREATE ROLE regress_ks_copier;
GRANT CREATE ON SCHEMA public TO regress_ks_copier;
ALTER TABLE copied OWNER TO regress_ks_copier;
SET ROLE regress_ks_copier;
CREATE TABLE copied_3 PARTITION OF copied FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
ALTER TABLE copied DETACH PARTITION copied_3;
ALTER TABLE copied ATTACH PARTITION copied_3 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
RESET ROLE;
SET session_replication_role = replica;
SELECT fill('copied', '2025-03-05', 10);
RESET session_replication_role;
SELECT * FROM state();
ALTER TABLE copied OWNER TO CURRENT_USER;
DROP OWNED BY regress_ks_copier;
DROP ROLE regress_ks_copier;
SELECT * FROM state();
-- DETACH CONCURRENTLY that was stopped between its transactions
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'copied_1'::regclass;
\c -
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT count(*) FROM copied;
SELECT fill('copied_1', '2025-01-08', 10);
SELECT * FROM kindly_stats.tree_findings();
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM state();
ALTER TABLE copied DETACH PARTITION copied_1 FINALIZE;
SELECT * FROM state();
SELECT event_table FROM kindly_stats.event_table WHERE event_table::text LIKE '%copied%' ORDER BY event_table::text COLLATE "C";
-- the extension goes, and its triggers with it; then nobody looks
SET client_min_messages = warning;
DROP EXTENSION kindly_stats CASCADE;
SELECT count(*) FROM pg_event_trigger;
DROP TABLE copied, copied_1;
\c :regression
DROP DATABASE regression_kindly_tree;
DROP ROLE regress_ks_dropper;
