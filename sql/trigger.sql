--
-- Triggers of the user's own beside ours: whoever reads the rows of a statement first
--
SET timezone = 'UTC';
SET client_min_messages = warning;
\pset format unaligned
SELECT kindly_stats.create_event_table('trigger_event');
CREATE TABLE trigger_log (who text, rows bigint);
CREATE FUNCTION trigger_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP IN ('INSERT', 'UPDATE') THEN
		INSERT INTO trigger_log SELECT TG_NAME, count(*) FROM added;
	END IF;
	IF TG_OP IN ('DELETE', 'UPDATE') THEN
		INSERT INTO trigger_log SELECT TG_NAME, count(*) FROM removed;
	END IF;
	RETURN NULL;
END
$$;
-- triggers fire in the order of their names: before and after kindly_stats_insert
CREATE TRIGGER a_insert AFTER INSERT ON trigger_event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();
CREATE TRIGGER a_update AFTER UPDATE ON trigger_event REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();
CREATE TRIGGER a_delete AFTER DELETE ON trigger_event REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();
CREATE TRIGGER z_insert AFTER INSERT ON trigger_event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();
CREATE TRIGGER z_update AFTER UPDATE ON trigger_event REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();
CREATE TRIGGER z_delete AFTER DELETE ON trigger_event REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION trigger_note();

INSERT INTO trigger_event (bot_id, occurred_at, kind, session_id) SELECT 2201, '2025-01-01', 'user_message', 's' || n FROM generate_series(1, 5) AS n;
SELECT * FROM kindly_stats.stats_total(2201, '2025-01-01', '2025-01-02');
UPDATE trigger_event SET session_id = 'one' WHERE bot_id = 2201;
SELECT * FROM kindly_stats.stats_total(2201, '2025-01-01', '2025-01-02');
-- more rows than work_mem holds
SET work_mem = '64kB';
INSERT INTO trigger_event (bot_id, occurred_at, kind, session_id) SELECT 2201, '2025-01-01', 'user_message', 's' || n FROM generate_series(1, 5000) AS n;
SELECT * FROM kindly_stats.stats_total(2201, '2025-01-01', '2025-01-02');
DELETE FROM trigger_event WHERE bot_id = 2201 AND session_id <> 'one';
RESET work_mem;
SELECT * FROM kindly_stats.stats_total(2201, '2025-01-01', '2025-01-02');
SELECT who, rows, count(*) FROM trigger_log GROUP BY who, rows ORDER BY who COLLATE "C", rows;
SELECT count(*) FROM kindly_stats.verify(2201);

-- an event writes only what it has: without the measures of columns that it leaves NULL it writes the same bytes
BEGIN;
INSERT INTO trigger_event (bot_id, occurred_at, kind, session_id, user_id, source, is_fallback)
SELECT 2202, '2025-01-01', k, 's', 'u', 'web', false FROM unnest(ARRAY['user_message', 'bot_reply', 'button_click', 'label_added']) AS k;
WITH gone AS (
	DELETE FROM kindly_stats.measure WHERE name NOT IN ('events', 'messages', 'users', 'replies', 'fallbacks') RETURNING name)
SELECT count(*) > 20 AS most FROM gone;
INSERT INTO trigger_event (bot_id, occurred_at, kind, session_id, user_id, source, is_fallback)
SELECT 2203, '2025-01-01', k, 's', 'u', 'web', false FROM unnest(ARRAY['user_message', 'bot_reply', 'button_click', 'label_added']) AS k;
SELECT count(*) AS rows, count(DISTINCT r.tally::text) AS tallies FROM kindly_stats.rollup AS r WHERE r.bot_id IN (2202, 2203);
ROLLBACK;

DELETE FROM trigger_event;
DROP TABLE trigger_event, trigger_log;
DROP FUNCTION trigger_note();
