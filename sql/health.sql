-- What health() finds: each thing is provoked, and mended by the statement that it prints.
\set VERBOSITY terse
SET client_min_messages = warning;
-- a database of its own: what is found is nobody else's
CREATE DATABASE regression_kindly_health;
\c regression_kindly_health
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION kindly_stats;

-- roles of the API and time zones are the cluster's and the system's: they come further down
CREATE FUNCTION findings() RETURNS TABLE (severity text, object text, finding text, remedy text) LANGUAGE sql AS $$
	SELECT h.severity, h.object, h.finding, h.remedy FROM kindly_stats.health AS h WHERE h.object !~ '^(role|time zones)'
$$;
-- runs what the one finding says, and shows what is still found
CREATE FUNCTION mend() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	remedy text;
BEGIN
	SELECT f.remedy INTO STRICT remedy FROM findings() AS f;
	EXECUTE remedy;
	RETURN QUERY SELECT f.finding FROM findings() AS f;
	RETURN QUERY SELECT 'verify: ' || v::text FROM kindly_stats.verify() AS v;
END $$;

SELECT * FROM findings();
CREATE TABLE msg (bot_id bigint, occurred_at timestamptz, kind text, session_id text, is_fallback boolean) PARTITION BY RANGE (occurred_at);
CREATE TABLE msg_1 PARTITION OF msg FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
INSERT INTO msg SELECT i % 3, timestamptz '2025-01-01' + i * interval '1 hour', 'user_message', 's' || i FROM generate_series(1, 100) AS i;
SELECT kindly_stats.attach('msg');
SELECT * FROM findings();
SELECT mend();

-- partitions; DDL is not followed where event triggers are not fired
SET session_replication_role = replica;
CREATE TABLE msg_2 PARTITION OF msg FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
RESET session_replication_role;
INSERT INTO msg_2 VALUES (1, '2025-02-02', 'user_message', 's');
SELECT * FROM findings();
SELECT mend();
SET session_replication_role = replica;
DROP TRIGGER kindly_stats_delete ON msg_2;
RESET session_replication_role;
SELECT * FROM findings();
SELECT mend();

-- triggers
ALTER TABLE msg_1 DISABLE TRIGGER kindly_stats_delete;
DELETE FROM msg_1 WHERE session_id = 's1';
SELECT * FROM findings();
SELECT mend();
ALTER TABLE kindly_stats.measure DISABLE TRIGGER kindly_stats_changed;
SELECT * FROM findings();
SELECT mend();
ALTER TABLE msg_1 ENABLE REPLICA TRIGGER kindly_stats_insert;
SELECT severity, object FROM findings();
SELECT mend();

DROP RULE kindly_stats_no_merge ON msg;
SELECT * FROM findings();
SELECT mend();

-- columns
SET session_replication_role = replica;
ALTER TABLE msg DROP COLUMN session_id;
RESET session_replication_role;
SELECT * FROM findings();
SELECT kindly_stats.attach('msg', '{"session_id": null}');
SELECT kindly_stats.rebuild() > 0 AS rebuilt;
SELECT * FROM findings();
SET session_replication_role = replica;
ALTER TABLE msg ALTER COLUMN bot_id TYPE numeric;
RESET session_replication_role;
SELECT * FROM findings();
SELECT mend();

-- tables
SET session_replication_role = replica;
ALTER TABLE msg_2 SET UNLOGGED;
RESET session_replication_role;
SELECT * FROM findings();
SELECT mend();
CREATE TABLE plain (bot_id bigint, occurred_at timestamptz, kind text);
SELECT kindly_stats.attach('plain');
SET session_replication_role = replica;
CREATE TABLE child () INHERITS (plain);
RESET session_replication_role;
SELECT * FROM findings();
SELECT mend();
INSERT INTO plain VALUES (1, '2025-01-07', 'user_message');
SET client_min_messages = error;
DROP TRIGGER kindly_stats_insert ON plain;
RESET client_min_messages;
SELECT * FROM findings();
SELECT mend();
SELECT * FROM findings();
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE msg_far (is_fallback boolean, kind text, occurred_at timestamptz, bot_id bigint) SERVER nowhere;
SET session_replication_role = replica;
ALTER TABLE msg ATTACH PARTITION msg_far FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
RESET session_replication_role;
SELECT * FROM findings();
SET session_replication_role = replica;
ALTER TABLE msg DETACH PARTITION msg_far;
RESET session_replication_role;
SELECT * FROM findings();
-- attached for itself before it became a partition
CREATE TABLE msg_3 (LIKE msg);
INSERT INTO msg_3 VALUES (1, '2025-03-02', 'user_message');
SELECT kindly_stats.attach('msg_3');
SET session_replication_role = replica;
ALTER TABLE msg ATTACH PARTITION msg_3 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
RESET session_replication_role;
SELECT * FROM findings();
SELECT mend();

-- half counted
-- half counted when it was dropped
CREATE TABLE half (LIKE plain);
INSERT INTO half VALUES (1, '2025-01-05', 'user_message');
SELECT kindly_stats.check_attach('half', '{}'), kindly_stats.begin_attach('half', '{}');
DROP TABLE half;
SELECT severity, regexp_replace(object, '[0-9]+', 'n') AS object, finding, remedy FROM findings();
SELECT mend();
SELECT * FROM findings();
-- half counted when it became a partition
CREATE TABLE msg_half (LIKE msg);
INSERT INTO msg_half (bot_id, occurred_at, kind) VALUES (1, '2024-05-05', 'user_message');
SELECT kindly_stats.check_attach('msg_half', '{}'), kindly_stats.begin_attach('msg_half', '{}');
UPDATE kindly_stats.counting SET since = '2025-01-01';
ALTER TABLE msg ATTACH PARTITION msg_half FOR VALUES FROM ('2024-05-01') TO ('2024-06-01');
SELECT count(*) FROM kindly_stats.verify() WHERE measure = 'events';
SELECT * FROM findings();
CALL kindly_stats.attach_concurrently('msg');
SELECT * FROM kindly_stats.verify();
SELECT * FROM findings();
INSERT INTO kindly_stats.counting (event_table, since) VALUES ('msg', '2025-01-01');
UPDATE kindly_stats.measure SET counted = false WHERE name = 'pages';
SELECT * FROM findings();
SELECT * FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01', measure => 'pages');
CALL kindly_stats.attach_concurrently('msg');
CALL kindly_stats.add_measure_concurrently('pages');
SELECT * FROM findings();
SELECT * FROM kindly_stats.progress;

-- the last verification
UPDATE kindly_stats.verified SET verified_at = '2025-01-01';
SELECT * FROM findings();
SELECT mend();
DELETE FROM kindly_stats.rollup WHERE bot_id = 1;
SELECT kindly_stats.verify_all() > 0 AS found;
SELECT severity, object, regexp_replace(finding, '\d+ differences on .*', '... differences on ...') AS finding, remedy FROM findings();
SELECT mend();

-- a part of it
UPDATE kindly_stats.rollup SET tally = kindly_stats.tally_subtract(tally, kindly_stats.slice(tally, '2025-01-01Z', '2025-02-01Z')) WHERE bot_id = 1;
SELECT DISTINCT bot_id, month FROM kindly_stats.verify(1);
SELECT DISTINCT bot_id, month FROM kindly_stats.verify(1, '2025-01-31 23:59:59+00');
SELECT DISTINCT bot_id, month FROM kindly_stats.verify(since => '2025-02-01');
SELECT count(*) FROM kindly_stats.verify(2);
SELECT kindly_stats.rebuild(1);

-- rows that are to be merged
SET kindly_stats.compact_after = 0;
DO $$ BEGIN FOR i IN 1 .. 20 LOOP INSERT INTO msg VALUES (7, '2025-01-03', 'user_message'); END LOOP; END $$;
SELECT * FROM kindly_stats.health_rows(10);
CALL kindly_stats.compact();
SELECT * FROM kindly_stats.health_rows(10);

-- dead rows, and who keeps them; counted by PostgreSQL when it gets round to it
SELECT pg_stat_force_next_flush();
SELECT severity, object, regexp_replace(finding, '\d+', '...', 'g') AS finding, remedy FROM kindly_stats.health_dead_rows(1);
SELECT object, remedy FROM kindly_stats.horizon_holder() WHERE object LIKE 'prepared%';
VACUUM (ANALYZE) kindly_stats.rollup;
SELECT pg_stat_force_next_flush();
SELECT * FROM kindly_stats.health_dead_rows(1);

-- size
SELECT severity, object, regexp_replace(finding, '[\d.]+ (kB|bytes)', '...', 'g') AS finding, remedy FROM kindly_stats.health_size(0);
SELECT * FROM kindly_stats.health_size();

-- time zones
SELECT * FROM kindly_stats.health_zones('2025b', '2022e', '{Africa/Cairo}');
SELECT * FROM kindly_stats.health_zones('2022e', '2025b', '{}');
SELECT * FROM kindly_stats.health_zones('2022e', '2025b', '{Africa/Cairo,America/Asuncion,America/Mexico_City,Asia/Almaty,Egypt,Mexico/General}');
SELECT * FROM kindly_stats.health_zones(NULL, '2025b', '{Africa/Cairo}');
SELECT * FROM kindly_stats.health_zones(NULL, '2025b', '{}');
SELECT icu ~ '^\d{4}[a-z]' AS icu, coalesce(postgresql ~ '^\d{4}[a-z]', true) AS postgresql, 'Europe/Oslo' <> ALL (disagreeing) AS oslo FROM kindly_stats.zone_data();

-- roles and secrets
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.create_administrator_roles();
SELECT * FROM kindly_stats.health_roles();
ALTER ROLE kindly_api_authenticator NOLOGIN;
ALTER ROLE kindly_api_user LOGIN;
SELECT * FROM kindly_stats.health_roles();
ALTER ROLE kindly_api_authenticator LOGIN;
ALTER ROLE kindly_api_user NOLOGIN;
SELECT kindly_stats.rotate_signing_secret();
UPDATE kindly_stats.api_secret SET created_at = now() - interval '400 days';
SELECT * FROM kindly_stats.health_roles();
SELECT kindly_stats.rotate_signing_secret();
SELECT * FROM kindly_stats.health_roles();
SELECT kindly_stats.create_administrator_roles();

-- who may ask
SET ROLE kindly_stats_monitor;
SELECT * FROM kindly_stats.health WHERE object <> 'time zones';
SELECT created_at IS NOT NULL AS age FROM kindly_stats.api_secret;
SELECT secret FROM kindly_stats.api_secret;
RESET ROLE;
SET ROLE kindly_api_user;
SELECT * FROM kindly_stats.health;
RESET ROLE;

-- over HTTP
SET ROLE kindly_api_anonymous;
SELECT kindly_api.health(), nullif(current_setting('response.status', true), '') AS status;
RESET ROLE;
ALTER TABLE msg_1 DISABLE TRIGGER kindly_stats_delete;
SET ROLE kindly_api_anonymous;
BEGIN;
SELECT kindly_api.health();
SELECT current_setting('response.status');
COMMIT;
SELECT * FROM kindly_stats.health();
RESET ROLE;
SELECT mend();

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_health;
DO $$ BEGIN DROP ROLE kindly_stats_admin, kindly_stats_monitor; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
DO $$ BEGIN DROP ROLE kindly_api_authenticator, kindly_api_anonymous, kindly_api_user, kindly_api_guest; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
