--
-- Live and kept: whatever is purged, detached, dropped and rebuilt, in any order, what the tables have is live, and what is kept stays
--
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_kept;
CREATE DATABASE regression_kindly_kept;
\c regression_kindly_kept
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'UTC';
\pset format unaligned
\pset footer off
CREATE TABLE one (bot_id int, occurred_at timestamptz, kind text, session_id text, source text);
CREATE TABLE other (LIKE one);
CREATE TABLE parted (LIKE one) PARTITION BY RANGE (occurred_at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE FUNCTION add_events(event_table regclass, day date, number int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s SELECT 1 + n %% 2, $1 + n * interval ''1 hour 1 minute'', ''user_message'', ''s'' || n %% 5, (ARRAY[''web'', ''app''])[1 + n %% 3]'
				   ' FROM generate_series(1, $2) AS n', event_table) USING day, number;
END $$;
-- what is asked, live and kept, and whether the live part is what the tables have; nothing may ever be below zero
CREATE FUNCTION state() RETURNS TABLE (messages numeric, kept numeric, wrong bigint, positive boolean) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT sum(s.count),
		(SELECT coalesce(sum(kindly_stats.total(CASE r.measure WHEN '' THEN kindly_stats.keys_under(r.tally, 'messages') ELSE r.tally END)), 0)
		   FROM kindly_stats.rollup AS r WHERE r.measure IN ('', 'messages') AND r.kept),
		(SELECT count(*) FROM kindly_stats.verify()), min(s.count) >= 0 AND min(s.distinct_count) >= 0
	  FROM generate_series(1, 2) AS bot, kindly_stats.stats_series(bot, '2024-12-01', '2025-06-01') AS s;
END $$;
SELECT add_events('one', '2025-01-01', 100), add_events('other', '2025-01-01', 60), add_events('parted', '2025-01-20', 600);
SELECT kindly_stats.attach('one');
SELECT kindly_stats.attach('other');
SELECT kindly_stats.attach('parted');
SELECT * FROM state();
-- several tables, each with a purge of its own, and events older than it
SELECT kindly_stats.purge('one', '2025-01-03');
SELECT kindly_stats.purge('other', '2025-01-02');
SELECT kindly_stats.purge('parted', '2025-02-01');
SELECT * FROM state();
SELECT kindly_stats.rebuild();
SELECT add_events('one', '2025-01-01', 10), add_events('other', '2025-01-01', 10), add_events('parted', '2025-01-15', 10);
SELECT * FROM state();
SELECT kindly_stats.rebuild();
UPDATE one SET source = 'mail', occurred_at = occurred_at - interval '1 day' WHERE occurred_at < '2025-01-02';
DELETE FROM other WHERE occurred_at < '2025-01-01 05:00';
SELECT * FROM state();
SELECT kindly_stats.purge('one', '2025-01-03');
CALL kindly_stats.compact();
SELECT * FROM state();
SELECT kindly_stats.rebuild(1), kindly_stats.rebuild();
SELECT * FROM state();
-- detached: what is purged stays whether or not the rest does
SELECT kindly_stats.detach('other');
SELECT * FROM state();
SELECT kindly_stats.attach('other');
SELECT * FROM state();
SELECT kindly_stats.detach('one', keep_statistics => true);
SELECT * FROM state();
SELECT kindly_stats.rebuild();
SELECT * FROM state();
-- which would be counted twice
SELECT kindly_stats.attach('one');
SELECT kindly_stats.attach('one', '{"source": null}', true);
SELECT kindly_stats.forget_kept('other');
SELECT event_table, grain FROM kindly_stats.detached;
SELECT * FROM state();
SELECT kindly_stats.forget_kept('one');
SELECT * FROM state();
SELECT kindly_stats.attach('one');
SELECT * FROM state();
-- with events that were not kept
SELECT kindly_stats.detach('one', keep_statistics => true);
INSERT INTO one SELECT 1, '2025-04-01', 'user_message', 'late' FROM generate_series(1, 3);
SELECT kindly_stats.forget_kept('one');
SELECT * FROM state();
DELETE FROM one WHERE session_id = 'late';
-- what was deleted since stays
DELETE FROM one WHERE occurred_at > '2025-01-04 12:00';
SELECT kindly_stats.forget_kept('one');
SELECT kindly_stats.attach('one');
SELECT * FROM state();
-- a partition goes, or the whole table
DELETE FROM parted_1;
SELECT kindly_stats.detach('parted', keep_statistics => true);
ALTER TABLE parted DETACH PARTITION parted_2;
SELECT * FROM state();
-- what has left the tree since is kept, too, and is not counted twice: neither alone nor in another tree
SELECT kindly_stats.attach('parted_2');
CREATE TABLE other_tree (LIKE one) PARTITION BY RANGE (occurred_at);
SELECT kindly_stats.attach('other_tree');
ALTER TABLE other_tree ATTACH PARTITION parted_2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
DROP TABLE other_tree;
SELECT * FROM state();
BEGIN;
SELECT kindly_stats.forget_kept('parted_2');
SELECT kindly_stats.attach('parted_2');
SELECT * FROM state();
-- a partition that came since was not kept
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
SELECT add_events('parted_3', '2025-03-02', 10);
SELECT kindly_stats.forget_kept('parted');
SELECT kindly_stats.attach('parted');
SELECT * FROM state();
ROLLBACK;
SELECT * FROM state();
-- under its parent it is as little wanted as alone
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
SELECT kindly_stats.attach('parted');
SELECT kindly_stats.forget_kept('parted');
SELECT kindly_stats.attach('parted');
SELECT * FROM state();
SELECT kindly_stats.purge('parted', '2025-02-03');
DROP TABLE other;
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT * FROM state();
-- the extension goes, what is kept does not
SELECT first, last, sources FROM kindly_stats.stats_options(1);
SELECT count(*) FROM kindly_stats.stats_series(1, '2024-12-01', '2025-06-01') WHERE count > 0 AND distinct_count > 0;
DROP EXTENSION kindly_stats;
BEGIN;
DROP EXTENSION kindly_stats CASCADE;
ROLLBACK;
SELECT count(*) FROM kindly_stats.verify();
DROP EXTENSION kindly_stats CASCADE;
SELECT kept, count(*) > 0 AS some, count(saved) = count(*) AS saved FROM kindly_stats.rollup GROUP BY 1;
-- no rule is left, either
SELECT count(*) FROM pg_rewrite WHERE rulename = 'kindly_stats_no_merge';
SELECT add_events('one', '2025-03-01', 10);
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.rebuild();
SELECT kindly_stats.attach('parted');
SELECT kindly_stats.attach('one');
SELECT * FROM state();
SELECT first, last, sources FROM kindly_stats.stats_options(1);
SELECT kindly_stats.rebuild();
SELECT * FROM state();
-- twice, with nothing attached in between, and without anything that is kept
DROP EXTENSION kindly_stats CASCADE;
CREATE EXTENSION kindly_stats;
DROP EXTENSION kindly_stats CASCADE;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_tables();
SELECT kept, count(*) > 0 AS some FROM kindly_stats.rollup GROUP BY 1;
DELETE FROM kindly_stats.rollup;
DROP EXTENSION kindly_stats CASCADE;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.attach('parted');
SELECT count(*) FROM kindly_stats.verify();
-- another extension is none of its business
DROP EXTENSION IF EXISTS kindly_other CASCADE;
\c :regression
DROP DATABASE regression_kindly_kept;
