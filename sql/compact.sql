--
-- Compaction on demand: one row a bot, measure and month, however many there were
--
-- a database of its own: the rollup is nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_compact;
CREATE DATABASE regression_kindly_compact;
\c regression_kindly_compact
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'UTC';
\pset format unaligned
SELECT kindly_stats.create_event_table('public.event');
SET kindly_stats.compact_after = 0;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 1, timestamptz '2025-03-01Z' + n * interval '1 hour', 'user_message', 's' || n % 9 FROM generate_series(1, 100) AS n;
-- but for marks, which a compaction leaves where anybody holds an old snapshot
CREATE VIEW stored AS SELECT *, ctid AS place FROM kindly_stats.rollup WHERE cluster IS NULL;
SELECT count(*) AS rows, count(*) FILTER (WHERE measure = '') AS mixed FROM stored;

-- small mixed rows become one
CALL kindly_stats.compact();
SELECT measure, kindly_stats.total(tally), kindly_stats.distinct_total(tally) FROM stored ORDER BY measure;

-- more rows than one round takes, of a measure and mixed ones
INSERT INTO kindly_stats.rollup (bot_id, measure, month, tally)
SELECT r.bot_id, 'messages', r.month, kindly_stats.keys_under(r.tally, 'messages') FROM stored AS r, generate_series(1, 2499);
INSERT INTO kindly_stats.rollup (bot_id, measure, month, tally)
SELECT 2, '', '2025-03-01', kindly_stats.tally_agg('2025-03-05Z', ARRAY['messages', 'web', 'en'], 's' || n) FROM generate_series(1, 2500) AS n GROUP BY n;
CALL kindly_stats.compact();
SELECT bot_id, measure, kindly_stats.total(tally), kindly_stats.distinct_total(tally) FROM stored WHERE measure <> 'events' ORDER BY 1, 2;

-- small bots' rows stay mixed, whatever wrote them: one row a bot, whatever its months; compaction never makes them more
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 10 + n % 50, timestamptz '2025-01-15Z' + n % 7 * interval '30 days', 'user_message', 's' || n FROM generate_series(1, 700) AS n;
SELECT count(*) AS rows, bool_and(measure = '') AS mixed, count(DISTINCT (bot_id, month)) AS months FROM stored WHERE bot_id >= 10;
CALL kindly_stats.compact();
SELECT count(*) AS rows, bool_and(measure = '') AS mixed FROM stored WHERE bot_id >= 10;
SELECT kindly_stats.detach('event');
SELECT kindly_stats.attach('event');
SELECT count(*) AS rows, bool_and(measure = '') AS mixed FROM stored WHERE bot_id >= 10;
CALL kindly_stats.compact();
SELECT count(*) AS rows, bool_and(measure = '') AS mixed FROM stored WHERE bot_id >= 10;
SELECT count(*) FROM kindly_stats.verify() WHERE bot_id::bigint >= 10;

-- nor does it write those anew that a large statement wrote
INSERT INTO event (bot_id, occurred_at, kind) SELECT 2000 + n, '2025-01-15Z', 'user_message' FROM generate_series(1, 1500) AS n;
CREATE TABLE written AS SELECT bot_id, place FROM stored WHERE bot_id >= 2000;
CALL kindly_stats.compact();
SELECT count(*) FROM written AS w JOIN stored AS r ON r.bot_id = w.bot_id AND r.place = w.place;
DELETE FROM event WHERE bot_id >= 2000;

-- bots that come again and again in a statement have one row all the same, in little memory
SET work_mem = '64kB';
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 1000 + n * 7919 % 300, timestamptz '2025-01-15Z' + n % 2 * interval '30 days', 'user_message', 's' || n FROM generate_series(1, 3000) AS n;
RESET work_mem;
SELECT count(*) AS rows, count(DISTINCT (bot_id, month)) AS months FROM stored WHERE bot_id BETWEEN 1000 AND 1999;
SELECT count(*) FROM kindly_stats.verify() WHERE bot_id::bigint >= 1000;
-- what is taken away, too
SET work_mem = '64kB';
UPDATE event SET session_id = 'other' WHERE bot_id >= 1000 AND session_id > 's5';
DELETE FROM event WHERE bot_id >= 1200;
RESET work_mem;
SELECT count(*) FROM kindly_stats.verify() WHERE bot_id::bigint >= 1000;

-- a month that is over becomes one row a measure, as soon as a statement writes much of the next one; what little comes late stays beside it
SET kindly_stats.compact_after = 1;
CREATE PROCEDURE write_day(bot bigint, day timestamptz, events integer) LANGUAGE sql AS $$
	INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT bot, day + n * interval '20 seconds', 'user_message', day || ' ' || n FROM generate_series(1, events) AS n
$$;
CALL write_day(6000, '2025-01-10Z', 1500);
CALL write_day(6000, '2025-01-11Z', 1500);
CALL write_day(6000, '2025-01-12Z', 1500);
SELECT month, measure, count(*) FROM stored WHERE bot_id = 6000 GROUP BY 1, 2 ORDER BY 1, 2;
CALL write_day(6000, '2025-02-10Z', 3000);
SELECT month, measure, count(*) FROM stored WHERE bot_id = 6000 GROUP BY 1, 2 ORDER BY 1, 2;
CALL write_day(6000, '2025-01-13Z', 100);
CALL write_day(6000, '2025-02-11Z', 3000);
SELECT month, measure, count(*) FROM stored WHERE bot_id = 6000 GROUP BY 1, 2 ORDER BY 1, 2;
-- where more is late, it is taken along
CALL write_day(6000, '2025-01-14Z', 3000);
CALL write_day(6000, '2025-02-12Z', 3000);
SELECT month, measure, count(*) FROM stored WHERE bot_id = 6000 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM kindly_stats.verify() WHERE bot_id::bigint = 6000;
SET kindly_stats.compact_after = 0;
DELETE FROM event WHERE bot_id = 6000;

-- what spans months of a bot that has much is split, and becomes part of the rows that these months have, however little is new in them; in one transaction, too
CREATE PROCEDURE write_months(bot bigint, months integer) LANGUAGE sql AS $$
	INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT bot, timestamptz '2025-01-20Z' + n * interval '1 month', 'user_message', 'x' || n FROM generate_series(1, months) AS n
$$;
CREATE VIEW month_rows AS
SELECT month, count(*) AS rows, count(DISTINCT measure) AS measures, bool_and(measure = '') AS mixed, count(*) FILTER (WHERE id >= 0) AS unmerged FROM stored WHERE bot_id = 6001 GROUP BY 1 ORDER BY 1;
CALL write_day(6001, '2025-02-01Z', 3000);
CALL write_day(6001, '2025-03-01Z', 3000);
CALL kindly_stats.compact(6001);
CALL write_months(6001, 3);
CALL write_months(6001, 3);
SELECT month, rows, unmerged FROM month_rows WHERE unmerged > 0;
CALL kindly_stats.compact(6001);
SELECT * FROM month_rows;
CALL write_months(6001, 4);
BEGIN;
CALL kindly_stats.compact(6001);
COMMIT;
SELECT * FROM month_rows;
-- and so is what was joined before the bot had much
CALL write_months(6001, 5);
UPDATE kindly_stats.rollup SET id = kindly_stats.merged_id(true) WHERE bot_id = 6001 AND month = '-infinity';
CALL kindly_stats.compact();
SELECT * FROM month_rows;
SELECT count(*) FROM kindly_stats.verify() WHERE bot_id::bigint = 6001;
DELETE FROM event WHERE bot_id = 6001;

-- new rows, more than one round takes: each round goes on where the one before ended, whether rows are taken without SQL or not
CREATE PROCEDURE write_new(bot bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 9000 LOOP
		INSERT INTO event (bot_id, occurred_at, kind) VALUES (bot, timestamptz '2025-03-01Z' + i * interval '1 minute', 'user_message');
	END LOOP;
END $$;
-- each is read once to see what there is to do, once to be taken, and stepped over once more if somebody holds an old snapshot
CREATE FUNCTION entries_read() RETURNS bigint LANGUAGE sql AS $$SELECT pg_stat_get_xact_tuples_returned('kindly_stats.rollup_pkey'::regclass)$$;
-- nor does it look for other rows among them, also where statistics say that no bot has many
ANALYZE kindly_stats.rollup;
CALL write_new(5000);
BEGIN;
SELECT entries_read() AS before \gset
CALL kindly_stats.compact(5000);
SELECT entries_read() - :before < 4 * 9000 AS few;
COMMIT;
SELECT count(*) FILTER (WHERE id >= 0) AS new, sum(kindly_stats.total(CASE measure WHEN '' THEN kindly_stats.keys_under(tally, 'events') WHEN 'events' THEN tally END)) AS events FROM stored WHERE bot_id = 5000;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE TRIGGER nothing AFTER INSERT ON kindly_stats.rollup FOR EACH STATEMENT EXECUTE FUNCTION nothing();
CALL write_new(5001);
CALL kindly_stats.compact(5001);
SELECT count(*) FILTER (WHERE id >= 0) AS new, sum(kindly_stats.total(CASE measure WHEN '' THEN kindly_stats.keys_under(tally, 'events') WHEN 'events' THEN tally END)) AS events FROM stored WHERE bot_id = 5001;
DROP TRIGGER nothing ON kindly_stats.rollup;
SELECT count(*) FROM kindly_stats.verify() WHERE bot_id::bigint >= 5000;
-- rows that somebody's trigger keeps are not counted once more in a sum, however many they are
CREATE TRIGGER nothing BEFORE DELETE ON kindly_stats.rollup FOR EACH ROW EXECUTE FUNCTION nothing();
INSERT INTO kindly_stats.rollup (bot_id, measure, month, tally)
SELECT b, '', '2025-03-01', kindly_stats.tally_agg('2025-03-05Z', ARRAY['messages', 'web', 'en'], 's' || n) FROM (VALUES (5002, 100), (5003, 1500)) AS of (b, rows), generate_series(1, rows) AS n GROUP BY b, n;
CALL kindly_stats.compact(5002);
CALL kindly_stats.compact(5003);
SELECT bot_id, sum(kindly_stats.total(tally)) FROM stored WHERE bot_id IN (5002, 5003) GROUP BY 1 ORDER BY 1;
DROP TRIGGER nothing ON kindly_stats.rollup;
CALL kindly_stats.compact(5003);
SELECT bot_id, count(*), sum(kindly_stats.total(tally)) FROM stored WHERE bot_id = 5003 GROUP BY 1 ORDER BY 1;
\c :regression
DROP DATABASE regression_kindly_compact;
