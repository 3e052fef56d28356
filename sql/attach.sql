--
-- A table of another shape: other names and types, partitions of two levels
--
-- a database of its own: verify() and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_attach;
CREATE DATABASE regression_kindly_attach;
\c regression_kindly_attach
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'America/Los_Angeles';
SET datestyle = 'ISO, MDY';
SET jit = off;
CREATE SCHEMA desk;
CREATE TYPE desk.talk_kind AS ENUM ('user_message', 'bot_reply', 'handover_started', 'button_click', 'chat opened');
CREATE DOMAIN desk.brand AS integer CHECK (VALUE > 0);

CREATE TABLE desk.talk (
	no bigint, lang varchar(5), brand desk.brand, visitor char(12), "what happened" desk.talk_kind, "At" timestamptz,
	conversation uuid, failed boolean, vip boolean, page smallint, seconds integer
) PARTITION BY RANGE ("At");
CREATE TABLE desk.talk_2023 PARTITION OF desk.talk FOR VALUES FROM ('2023-01-01 00:00Z') TO ('2024-01-01 00:00Z');
CREATE TABLE desk.talk_2024 PARTITION OF desk.talk FOR VALUES FROM ('2024-01-01 00:00Z') TO ('2025-01-01 00:00Z') PARTITION BY LIST (brand);
CREATE TABLE desk.talk_2024_one PARTITION OF desk.talk_2024 FOR VALUES IN (1);
CREATE TABLE desk.talk_2024_more PARTITION OF desk.talk_2024 DEFAULT;
-- columns in another order, and one that is gone
CREATE TABLE desk.talk_2025 (seconds integer, gone text, page smallint, vip boolean, failed boolean, conversation uuid, "At" timestamptz,
	"what happened" desk.talk_kind, visitor char(12), brand desk.brand, lang varchar(5), no bigint);
ALTER TABLE desk.talk_2025 DROP COLUMN gone;
ALTER TABLE desk.talk ATTACH PARTITION desk.talk_2025 FOR VALUES FROM ('2025-01-01 00:00Z') TO ('2026-01-01 00:00Z');

-- Event number n; nothing in it is random.
CREATE FUNCTION desk.talk(n bigint, year int) RETURNS desk.talk
LANGUAGE sql AS $$
	SELECT n, CASE n % 4 WHEN 0 THEN 'nb' WHEN 1 THEN 'en' WHEN 2 THEN 'nn' END, 1 + (n % 3)::int, 'v' || n % 17,
		(ARRAY['user_message', 'user_message', 'bot_reply', 'handover_started', 'chat opened'])[1 + n % 5]::desk.talk_kind,
		make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC') + n * 7919 % 31000000 * interval '1 second',
		md5((n % 23)::text)::uuid, n % 7 = 0, CASE WHEN n % 3 > 0 THEN n % 2 = 0 END, CASE WHEN n % 11 > 2 THEN n % 6 END, (n % 100)::int - 20
$$;
INSERT INTO desk.talk SELECT t.* FROM generate_series(1, 1500) AS n, desk.talk(n, 2023 + (n / 7 % 3)::int) AS t;

-- What plain SQL makes of the table, in the shape of stats_series and stats_top.
CREATE VIEW desk.plain AS
SELECT brand::bigint AS bot, m.measure, ("At" AT TIME ZONE 'Europe/Oslo')::date AS day, count(*) AS n, count(DISTINCT m.member) AS members
FROM desk.talk, LATERAL (VALUES ('events', true, NULL::text), ('messages', "what happened" = 'user_message', conversation::text),
	('users', "what happened" = 'user_message', visitor::text), ('replies', "what happened" = 'bot_reply', NULL),
	('fallbacks', "what happened" = 'bot_reply' AND failed, NULL), ('handovers_started', "what happened" = 'handover_started', NULL),
	('pages', "what happened" = 'user_message' AND (page IS NOT NULL OR vip IS NOT NULL), conversation::text)) AS m (measure, counts, member)
WHERE m.counts AND brand IS NOT NULL
GROUP BY 1, 2, 3;
CREATE VIEW desk.stats AS
SELECT bot, m.measure, s.date::date AS day, s.count AS n, s.distinct_count AS members
FROM generate_series(1, 4) AS bot, unnest('{events,messages,users,replies,fallbacks,handovers_started,pages}'::text[]) AS m (measure),
	kindly_stats.stats_series(bot, '2023-01-01', '2026-02-01', 'Europe/Oslo', 'day', m.measure) AS s
WHERE s.count <> 0;
CREATE VIEW desk.plain_pages AS
SELECT brand::bigint AS bot, page::text, vip::text, lang, count(*) AS n, count(DISTINCT conversation) AS members
FROM desk.talk WHERE "what happened" = 'user_message' AND lang = 'en' AND (page IS NOT NULL OR vip IS NOT NULL) GROUP BY 1, 2, 3, 4;
CREATE VIEW desk.stats_pages AS
SELECT bot, t.key[1] AS page, t.key[2] AS vip, 'en' AS lang, t.count AS n, t.distinct_count AS members
FROM generate_series(1, 4) AS bot, kindly_stats.stats_top(bot, '2022-12-01', '2026-02-01', 'UTC', 'pages', 1000000, NULL, '{en}') AS t;

-- Rows in which they differ, both ways, and those that verify() finds.
CREATE FUNCTION desk.differences() RETURNS TABLE (plain_sql bigint, pages bigint, verified bigint)
LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM ((TABLE desk.plain EXCEPT ALL TABLE desk.stats) UNION ALL (TABLE desk.stats EXCEPT ALL TABLE desk.plain)) AS d),
		(SELECT count(*) FROM ((TABLE desk.plain_pages EXCEPT ALL TABLE desk.stats_pages) UNION ALL (TABLE desk.stats_pages EXCEPT ALL TABLE desk.plain_pages)) AS d),
		(SELECT count(*) FROM kindly_stats.verify())
$$;

--
-- Attached with what is in it
--
SELECT kindly_stats.attach('desk.talk', '{"bot_id": "brand", "occurred_at": "At", "kind": "what happened", "session_id": "conversation",
	"user_id": "visitor", "is_fallback": "failed", "language_code": "lang", "source": null, "web_host": "page", "web_path": "vip"}');
SELECT event_table, columns ->> 'occurred_at' AS occurred_at FROM kindly_stats.event_table;
SELECT * FROM desk.differences();
SELECT count(*) > 1000 AS there_is_something_to_differ FROM desk.plain;
SELECT * FROM kindly_stats.stats_options(1);
SELECT * FROM kindly_stats.stats_top(2, '2023-01-01', '2026-01-01', 'UTC', 'pages', 4);
SELECT * FROM kindly_stats.stats_total(2, '2023-01-01', '2026-01-01', 'UTC', measure => 'pages', key => '{4,true}');

-- once more: nothing new to cover, nothing counted twice
SELECT kindly_stats.attach('desk.talk');
SELECT * FROM desk.differences();

--
-- Every way of writing
--
INSERT INTO desk.talk SELECT t.* FROM generate_series(2000, 2600) AS n, desk.talk(n, 2023 + (n / 7 % 3)::int) AS t;
SELECT * FROM desk.differences();
-- straight into partitions of both levels
INSERT INTO desk.talk_2023 SELECT t.* FROM generate_series(3000, 3100) AS n, desk.talk(n, 2023) AS t;
INSERT INTO desk.talk_2024 SELECT t.* FROM generate_series(3100, 3200) AS n, desk.talk(n, 2024) AS t;
INSERT INTO desk.talk_2024_one SELECT t.* FROM generate_series(3200, 3300) AS n, desk.talk(n, 2024) AS t WHERE brand = 1;
INSERT INTO desk.talk_2025 (no, brand, "At", "what happened", conversation, visitor, lang, page)
SELECT no, brand, "At", "what happened", conversation, visitor, lang, page FROM generate_series(3300, 3400) AS n, desk.talk(n, 2025) AS t;
SELECT * FROM desk.differences();
-- from partition to partition, through the parent and through one of its partitions
UPDATE desk.talk SET "At" = "At" + interval '400 days' WHERE no % 10 = 3 AND "At" < '2024-11-01';
UPDATE desk.talk SET brand = 1 + brand % 3 WHERE no % 10 = 4;
UPDATE desk.talk_2024 SET brand = 1 + brand % 4 WHERE no % 10 = 5;
SELECT * FROM desk.differences();
-- straight in a partition
UPDATE desk.talk_2025 SET "what happened" = 'user_message', conversation = NULL, visitor = 'v 1 ', page = NULL, vip = true WHERE no % 10 = 6;
UPDATE desk.talk_2024_more SET lang = 'en', failed = NOT failed WHERE no % 10 = 7;
DELETE FROM desk.talk_2023 WHERE no % 10 = 8;
DELETE FROM desk.talk WHERE no % 10 = 9;
SELECT * FROM desk.differences();
-- rows that cannot be counted, and that later can
INSERT INTO desk.talk_2023 (brand, "At", "what happened") VALUES (NULL, '2023-06-01', 'user_message'), (1, '2023-06-01', NULL);
SELECT * FROM desk.differences();
UPDATE desk.talk SET brand = 2, "what happened" = 'bot_reply' WHERE no IS NULL;
SELECT * FROM desk.differences();
-- PostgreSQL hands triggers wrong rows of a MERGE that moves rows from partition to partition: it is refused, prepared or not, below
-- the parent, too, but not on what cannot move rows
PREPARE merging AS MERGE INTO desk.talk_2024 AS t USING (VALUES (1)) AS s (no) ON t.no = s.no WHEN MATCHED THEN UPDATE SET brand = 1;
MERGE INTO desk.talk AS t USING (SELECT e.* FROM generate_series(2500, 2700) AS n, desk.talk(n, 2025) AS e) AS s ON t.no = s.no
WHEN MATCHED AND s.no % 2 = 0 THEN UPDATE SET "At" = s."At", lang = 'se', brand = 3
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED THEN INSERT (no, brand, "At", "what happened") VALUES (s.no, s.brand, s."At", s."what happened");
MERGE INTO desk.talk_2025 AS t USING (SELECT e.* FROM generate_series(2500, 2700) AS n, desk.talk(n, 2025) AS e) AS s ON t.no = s.no
WHEN MATCHED AND s.no % 2 = 0 THEN UPDATE SET "At" = s."At", lang = 'se', brand = 3
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED THEN INSERT (no, brand, "At", "what happened") VALUES (s.no, s.brand, s."At", s."what happened");
SELECT * FROM desk.differences();
-- a statement that writes through several CTEs
WITH gone AS (DELETE FROM desk.talk WHERE no BETWEEN 1 AND 50 RETURNING *),
	changed AS (UPDATE desk.talk SET vip = NOT vip WHERE no BETWEEN 51 AND 100 RETURNING *)
INSERT INTO desk.talk SELECT (desk.talk(no, 2024)).* FROM (TABLE gone UNION ALL TABLE changed) AS u;
SELECT * FROM desk.differences();
-- COPY
COPY desk.talk (no, brand, "At", "what happened", conversation, page) FROM STDIN (FORMAT csv);
5001,1,2023-02-03 04:05:06.789Z,user_message,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,1
5002,2,2024-02-03 04:05:06.789Z,user_message,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,
5003,4,2025-02-03 04:05:06.789Z,bot_reply,,3
\.
SELECT * FROM desk.differences();
TRUNCATE desk.talk;
TRUNCATE desk.talk_2024_one;
-- far more than fits into work_mem: written in parts, counted once
SET work_mem = '64kB';
\copy desk.talk (no, brand, "At", "what happened", conversation, visitor, lang, page) FROM PROGRAM 'awk ''BEGIN { for (n = 10000; n < 310000; n++) printf "%d,%d,%d-%02d-%02d %02d:%02d:%02dZ,%s,%08x-0000-0000-0000-%012x,w%d,%s,%d\n", n, 1 + n % 3, 2023 + n % 3, 1 + n % 12, 1 + n % 28, n % 24, n % 60, n % 59, n % 2 ? "user_message" : "bot_reply", n % 999, n % 991, n % 5000, n % 13 ? "nb" : "", n % 9 }''' (FORMAT csv)
RESET work_mem;
SELECT count(*) FROM desk.talk WHERE no >= 10000;
SELECT count(*) FROM kindly_stats.verify();
CALL kindly_stats.compact();
SELECT count(*) FROM kindly_stats.verify();
SET work_mem = '64kB';
UPDATE desk.talk SET "At" = "At" + interval '1 month' WHERE no >= 10000 AND "At" < '2025-11-01' AND no % 5 = 0;
DELETE FROM desk.talk WHERE no >= 10000 AND no % 3 = 0;
RESET work_mem;
SELECT count(*) FROM kindly_stats.verify();
DELETE FROM desk.talk WHERE no >= 20000;
SELECT * FROM desk.differences();

--
-- Partitions that come and go
--
CREATE TABLE desk.talk_2026 PARTITION OF desk.talk FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2027-01-01 00:00Z');
INSERT INTO desk.talk (no, brand, "At", "what happened") VALUES (6001, 1, '2026-01-05', 'user_message');
SELECT kindly_stats.attach('desk.talk');
INSERT INTO desk.talk_2026 (no, brand, "At", "what happened") VALUES (6002, 1, '2026-01-06', 'user_message');
SELECT * FROM desk.differences();
-- what was written to a detached partition is still counted; back in its place all is well
ALTER TABLE desk.talk DETACH PARTITION desk.talk_2026;
INSERT INTO desk.talk_2026 (no, brand, "At", "what happened") VALUES (6003, 1, '2026-01-07', 'user_message');
SELECT bot_id, measure, month, stored, recounted FROM kindly_stats.verify() WHERE measure IN ('events', 'messages');
ALTER TABLE desk.talk ATTACH PARTITION desk.talk_2026 FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2027-01-01 00:00Z');
SELECT kindly_stats.attach('desk.talk');
SELECT * FROM desk.differences();
-- events that a table had before it became a partition: rebuild() counts them
CREATE TABLE desk.talk_2027 (LIKE desk.talk);
INSERT INTO desk.talk_2027 (no, brand, "At", "what happened") VALUES (6004, 1, '2027-01-07', 'user_message');
ALTER TABLE desk.talk ATTACH PARTITION desk.talk_2027 FOR VALUES FROM ('2027-01-01 00:00Z') TO ('2028-01-01 00:00Z');
SELECT kindly_stats.attach('desk.talk');
SELECT bot_id, measure, month, stored, recounted FROM kindly_stats.verify() WHERE measure IN ('events', 'messages');
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT * FROM kindly_stats.verify();
DELETE FROM desk.talk WHERE "At" > '2026-06-01';
SELECT * FROM desk.differences();

--
-- Purged and rebuilt from a session west of Greenwich: the month's first hours stay
--
INSERT INTO desk.talk (no, brand, "At", "what happened") VALUES (6005, 1, '2024-03-01 00:30Z', 'user_message'), (6006, 1, '2024-03-01 03:00Z', 'user_message');
CREATE TABLE desk.before AS TABLE desk.stats;
SELECT kindly_stats.purge('desk.talk', '2024-03-01 02:10Z') > 1000 AS purged;
SELECT min("At") FROM desk.talk;
SELECT count(*) FROM kindly_stats.verify();
SELECT count(*) AS differences FROM ((TABLE desk.before EXCEPT ALL TABLE desk.stats) UNION ALL (TABLE desk.stats EXCEPT ALL TABLE desk.before)) AS d;
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT count(*) FROM kindly_stats.verify();
SELECT count(*) AS differences FROM ((TABLE desk.before EXCEPT ALL TABLE desk.stats) UNION ALL (TABLE desk.stats EXCEPT ALL TABLE desk.before)) AS d;

--
-- Detached: the statistics stay, or those of the events that are there go
--
SELECT kindly_stats.detach('desk.talk', keep_statistics => true);
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'kindly\_stats%' AND tgrelid::regclass::text LIKE 'desk.%';
INSERT INTO desk.talk (no, brand, "At", "what happened") VALUES (6007, 1, '2024-05-01 00:30Z', 'user_message');
SELECT count(*) AS differences FROM ((TABLE desk.before EXCEPT ALL TABLE desk.stats) UNION ALL (TABLE desk.stats EXCEPT ALL TABLE desk.before)) AS d;
TRUNCATE desk.talk;
DROP SCHEMA desk CASCADE;
\c :regression
DROP DATABASE regression_kindly_attach;
