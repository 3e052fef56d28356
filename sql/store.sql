--
-- Rows of the rollup put and taken without SQL, and where something else is to happen to them
--
-- a database of its own: the rollup is nobody else's
\set regression :DBNAME
SET client_min_messages = error;
DROP DATABASE IF EXISTS regression_kindly_store;
CREATE DATABASE regression_kindly_store;
\c regression_kindly_store
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = error;
CREATE EXTENSION kindly_stats;
SET timezone = 'UTC';
SELECT kindly_stats.create_event_table('store_event') \g /dev/null
SET kindly_stats.compact_after = 0;

-- so many events of so many bots, a statement each or all in one
CREATE PROCEDURE write_events(events integer, bots integer, at_once boolean) LANGUAGE plpgsql AS $$
BEGIN
	IF at_once THEN
		INSERT INTO store_event (bot_id, occurred_at, kind, session_id, source)
		SELECT 1 + i % bots, timestamptz '2024-01-31 20:00Z' + i * interval '10 minutes', 'user_message', 's' || i % 7, 'web' FROM generate_series(1, events) AS i;
	ELSE
		FOR i IN 1 .. events LOOP
			INSERT INTO store_event (bot_id, occurred_at, kind, session_id, source)
			VALUES (1 + i % bots, timestamptz '2024-01-31 20:00Z' + i * interval '10 minutes', 'user_message', 's' || i % 7, 'web');
		END LOOP;
	END IF;
END $$;
CREATE FUNCTION new_rows() RETURNS TABLE (rows bigint, new bigint, wrong bigint) LANGUAGE sql AS
	$$SELECT count(*), count(*) FILTER (WHERE id BETWEEN 0 AND 2305843009213693951), (SELECT count(*) FROM kindly_stats.verify()) FROM kindly_stats.rollup$$;
-- what a scan of each index finds is what the table has
CREATE FUNCTION entries() RETURNS TABLE (by_key boolean, by_measure boolean) LANGUAGE plpgsql AS $$
DECLARE
	all_rows bigint := (SELECT count(*) FROM kindly_stats.rollup);
	merged bigint := (SELECT count(*) FROM kindly_stats.rollup WHERE id < 0);
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_bitmapscan = off;
	by_key := (SELECT count(*) FROM kindly_stats.rollup WHERE bot_id > -9223372036854775808) = all_rows;
	by_measure := (SELECT count(*) FROM kindly_stats.rollup WHERE bot_id > -9223372036854775808 AND measure >= '' AND id < 0) = merged;
	RESET enable_seqscan;
	RESET enable_bitmapscan;
	RETURN NEXT;
END $$;

CALL write_events(40, 3, false);
SELECT * FROM new_rows(), entries();
CALL write_events(4000, 1000, true);
SELECT rows > 1000 AS many, wrong FROM new_rows();
SELECT * FROM entries();
-- a savepoint takes its rows along, and gives back what it took
BEGIN;
SAVEPOINT here;
CALL write_events(40, 3, false);
CALL kindly_stats.compact(1);
ROLLBACK TO here;
COMMIT;
SELECT wrong FROM new_rows();
CALL kindly_stats.compact();
SELECT new, wrong FROM new_rows();
SELECT * FROM entries();

-- nothing is written where nothing may be; a mark that is there because somebody holds an old snapshot would be
DELETE FROM kindly_stats.rollup WHERE cluster IS NOT NULL;
BEGIN READ ONLY;
CALL kindly_stats.compact(1);
ROLLBACK;
CALL write_events(3, 3, false);
BEGIN READ ONLY;
CALL kindly_stats.compact(1);
ROLLBACK;

-- a trigger sees each row, put and taken; so does a constraint, and a rule takes its part
CREATE TABLE seen (what text, bot_id bigint);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO public.seen VALUES (TG_OP, CASE WHEN TG_OP = 'INSERT' THEN NEW.bot_id ELSE OLD.bot_id END);
	RETURN NULL;
END $$;
CREATE TRIGGER see AFTER INSERT OR DELETE ON kindly_stats.rollup FOR EACH ROW EXECUTE FUNCTION see();
CALL write_events(6, 3, false);
CALL write_events(60, 12, true);
SELECT what, count(*) FROM seen GROUP BY what;
CALL kindly_stats.compact();
SELECT what, count(*) > 0 AS any FROM seen GROUP BY what ORDER BY what;
SELECT new, wrong FROM new_rows();
DROP TRIGGER see ON kindly_stats.rollup;
TRUNCATE seen;
CALL write_events(6, 3, false);
SELECT count(*) FROM seen;
ALTER TABLE kindly_stats.rollup ADD CONSTRAINT few CHECK (bot_id <> 5000);
INSERT INTO store_event (bot_id, occurred_at, kind) VALUES (5000, '2024-02-01Z', 'user_message');
ALTER TABLE kindly_stats.rollup DROP CONSTRAINT few;
CREATE RULE see AS ON INSERT TO kindly_stats.rollup DO ALSO INSERT INTO public.seen VALUES ('RULE', NEW.bot_id);
CALL write_events(2, 1, false);
DROP RULE see ON kindly_stats.rollup;
SELECT what, count(*) FROM seen GROUP BY what;

-- an index of another kind, one with an expression, columns that were dropped and added again
CREATE INDEX ON kindly_stats.rollup USING brin (month);
CREATE INDEX extra ON kindly_stats.rollup ((bot_id % 2));
CALL write_events(30, 3, true);
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(*) FROM kindly_stats.rollup WHERE bot_id = 1 OR bot_id % 2 = 1) AS all FROM kindly_stats.rollup WHERE bot_id % 2 = 1;
RESET enable_seqscan;
DROP INDEX kindly_stats.extra, kindly_stats.rollup_month_idx;
CREATE INDEX extra ON kindly_stats.rollup (month) INCLUDE (kept);
CALL write_events(30, 3, true);
SET enable_seqscan = off;
SELECT count(*) = (SELECT rows FROM new_rows()) AS all FROM kindly_stats.rollup WHERE month >= '-infinity';
RESET enable_seqscan;
DROP INDEX kindly_stats.extra;
ALTER TABLE kindly_stats.rollup ADD note text;
CALL write_events(3, 3, false);
ALTER TABLE kindly_stats.rollup DROP note;
CALL write_events(30, 3, true);
SELECT wrong FROM new_rows();
SELECT * FROM entries();

-- published, but nobody could be told which rows are deleted
ALTER TABLE kindly_stats.rollup REPLICA IDENTITY NOTHING;
CREATE PUBLICATION store FOR TABLE kindly_stats.rollup;
CALL kindly_stats.compact(1);
DROP PUBLICATION store;
ALTER TABLE kindly_stats.rollup REPLICA IDENTITY DEFAULT;
CALL kindly_stats.compact();
SELECT new, wrong FROM new_rows();

-- with whose rights the rollup is written follows its owner at once
CREATE ROLE regress_ks_store;
GRANT USAGE, CREATE ON SCHEMA kindly_stats TO regress_ks_store;
CREATE TABLE writer (is_owner boolean);
GRANT INSERT ON writer TO regress_ks_store;
CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.writer VALUES (current_user = 'regress_ks_store'); RETURN NULL; END $$;
CREATE TRIGGER who AFTER INSERT ON kindly_stats.rollup FOR EACH ROW EXECUTE FUNCTION who();
CALL write_events(1, 1, true);
ALTER TABLE kindly_stats.rollup OWNER TO regress_ks_store;
CALL write_events(1, 1, true);
BEGIN;
ALTER TABLE kindly_stats.rollup OWNER TO CURRENT_USER;
CALL write_events(1, 1, true);
SELECT is_owner, count(*) FROM writer GROUP BY is_owner ORDER BY is_owner;
ROLLBACK;
CALL write_events(1, 1, true);
SELECT is_owner, count(*) FROM writer GROUP BY is_owner ORDER BY is_owner;
DROP TRIGGER who ON kindly_stats.rollup;
CALL write_events(1, 1, true);
SELECT wrong FROM new_rows();
ALTER TABLE kindly_stats.rollup OWNER TO CURRENT_USER;
CALL write_events(1, 1, true);
SELECT wrong FROM new_rows();

-- nor has whoever takes the name of the schema, which has another one now, the rights of the owner of its table
CREATE SEQUENCE stolen;
GRANT USAGE ON SEQUENCE stolen TO regress_ks_store;
CREATE FUNCTION steal() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
	IF current_user <> 'regress_ks_store' THEN
		PERFORM nextval('public.stolen');
	END IF;
	RETURN true;
END $$;
ALTER SCHEMA kindly_stats RENAME TO elsewhere;
CREATE SCHEMA kindly_stats AUTHORIZATION regress_ks_store;
CREATE FUNCTION kindly_stats.after_create(oid) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE VIEW kindly_stats.rollup AS
	SELECT bot_id, '' AS measure, date '2025-01-01' AS month, -1::bigint AS id, false AS kept, NULL::bigint AS cluster, ''::bytea AS tally FROM generate_series(1, 3) AS bot_id WHERE steal() OFFSET 0;
ALTER VIEW kindly_stats.rollup OWNER TO regress_ks_store;
SET kindly_stats.compact_after = 1;
DO $$ BEGIN
	INSERT INTO store_event (bot_id, occurred_at, kind, session_id) SELECT 1, timestamptz '2025-01-01' + n * interval '1 hour', 'user_message', 's' || n FROM generate_series(1, 2000) AS n;
EXCEPTION WHEN OTHERS THEN
	NULL;
END $$;
SELECT is_called FROM stolen;

\c :regression
DROP DATABASE regression_kindly_store;
DROP ROLE regress_ks_store;
