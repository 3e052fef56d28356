-- What goes on after the upgrade: triggers, event triggers, compaction, new tables.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET client_min_messages = warning;
SET ROLE ks_upgrade_app;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES (1, '2027-01-05', 'user_message', 'new'), (7, '2027-01-05', 'user_message', 'new');
RESET ROLE;
INSERT INTO "Other app"."Event" VALUES ('acme-1', '2027-01-06', 'user_message', gen_random_uuid(), 'new', 3);
DELETE FROM "Other app"."Event" WHERE topic = 'topic 3';
SELECT 'counted', b, (SELECT count FROM kindly_stats.stats_total(b, '2027-01-01', '2027-02-01')) FROM unnest(ARRAY['1', '7', 'acme-1']) AS b;
CREATE TABLE loose (LIKE "Other app"."Event");
INSERT INTO loose VALUES ('acme-0', '2030-01-05', 'user_message', gen_random_uuid(), 'new', 3);
ALTER TABLE "Other app"."Event" DETACH PARTITION "Other app".second;
DELETE FROM "Other app".second WHERE "created at" >= '2030-01-01';
ALTER TABLE "Other app"."Event" ATTACH PARTITION loose FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
ALTER TABLE chat_event RENAME COLUMN web_path TO path;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, web_host, path) VALUES (1, '2027-01-07', 'user_message', 'new', 'acme.example', '/new');
SELECT 'attached', count FROM kindly_stats.stats_total('acme-0', '2030-01-01', '2031-01-01', 'UTC');
SELECT 'page', key, count FROM kindly_stats.stats_top(1, '2027-01-07', '2027-01-08', 'UTC', 'pages');
CALL kindly_stats.compact();
SELECT kindly_stats.add_measure('visits', kinds => '{visit}', member => 'session_id');
SELECT 'differences', count(*) FROM kindly_stats.verify();
SELECT 'rebuilt', kindly_stats.rebuild() > 0;
SELECT 'differences', count(*) FROM kindly_stats.verify();
DROP EXTENSION kindly_stats CASCADE;
SELECT 'left', count(*) FROM pg_event_trigger;
