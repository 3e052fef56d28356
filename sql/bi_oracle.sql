-- Relations against plain SQL over the events: random conditions, in zones whose days are odd.
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_bi_oracle;
CREATE DATABASE regression_kindly_bi_oracle TEMPLATE template0 ENCODING 'UTF8';
\c regression_kindly_bi_oracle
SET client_min_messages = warning;
\pset format unaligned
CREATE EXTENSION kindly_stats;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT setseed(0.15);
CREATE TABLE chat (bot_id text NOT NULL, occurred_at timestamptz NOT NULL, kind text NOT NULL, session_id text, user_id text, source text,
                   is_fallback boolean, button_id text);
-- many events about changes of the clock
INSERT INTO chat
SELECT (ARRAY['42', 'acme', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '7'])[b],
       CASE WHEN random() < 0.5 THEN timestamptz '2024-02-10' + b * interval '9 days' + random() * interval '300 days'
            ELSE (ARRAY['2024-03-31', '2024-10-27', '2024-04-26', '2024-11-03', '2024-10-06', '2024-04-07'])[1 + floor(random() * 6)]::timestamptz - interval '1 day' + random() * interval '3 days' END,
       (ARRAY['user_message', 'bot_reply', 'button_click', 'user_message'])[1 + floor(random() * 4)], 's' || floor(random() * 60), 'u' || floor(random() * 40),
       (ARRAY['web', 'app', NULL])[1 + floor(random() * 3)], random() < 0.2, 'b' || floor(random() * 3)
  FROM generate_series(1, 4) AS b, generate_series(1, 500) AS i;
SELECT kindly_stats.attach('chat');
-- what is taken away must leave no row behind
DELETE FROM chat WHERE bot_id = '7' AND occurred_at < '2024-03-31 10:00';
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('acme', 'Acme');

-- Which hour, day, week and month of a zone each quarter hour belongs to; an hour ends where the clock is changed.
CREATE TABLE slot AS
SELECT z.tz, t AS at, (t AT TIME ZONE z.tz)::date AS day, date_trunc('hour', t AT TIME ZONE z.tz) AS hour, (t AT TIME ZONE z.tz) - (t AT TIME ZONE 'UTC') AS shift
  FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Atlantic/Azores', 'Africa/Cairo', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Kiritimati']) AS z (tz),
       generate_series(timestamptz '2023-12-25', '2025-02-01', interval '15 minutes') AS t;
CREATE TABLE bucket AS
SELECT 'hourly' AS relation, tz, hour::date AS date, hour, min(at) AS starts_at, hour::text || shift AS bucket FROM slot GROUP BY tz, hour, shift
UNION ALL SELECT 'daily', tz, day, day::timestamp, min(at), day::text FROM slot GROUP BY tz, day
UNION ALL SELECT 'weekly', tz, date_trunc('week', day)::date, date_trunc('week', day::timestamp), min(at), date_trunc('week', day)::date::text FROM slot GROUP BY tz, date_trunc('week', day), date_trunc('week', day::timestamp)
UNION ALL SELECT 'monthly', tz, date_trunc('month', day)::date, date_trunc('month', day::timestamp), min(at), date_trunc('month', day)::date::text FROM slot GROUP BY tz, date_trunc('month', day), date_trunc('month', day::timestamp);
CREATE TABLE expected AS
WITH event AS (
    SELECT r.relation, s.tz, e.*, CASE r.relation WHEN 'hourly' THEN s.hour::text || s.shift WHEN 'daily' THEN s.day::text
                                      WHEN 'weekly' THEN date_trunc('week', s.day)::date::text ELSE date_trunc('month', s.day)::date::text END AS bucket,
           min(e.occurred_at) FILTER (WHERE e.kind = 'user_message') OVER (PARTITION BY r.relation, s.tz, e.bot_id, e.user_id) AS first_seen
      FROM chat AS e JOIN slot AS s ON s.at = date_bin('15 minutes', e.occurred_at, '2000-01-01'), (VALUES ('hourly'), ('daily'), ('weekly'), ('monthly')) AS r (relation)),
first_last AS (
    SELECT e.relation, e.tz, e.bot_id, min(b.starts_at) AS first, max(b.starts_at) AS last
      FROM event AS e JOIN bucket AS b USING (relation, tz, bucket) GROUP BY 1, 2, 3)
SELECT b.relation, b.date, b.hour, f.bot_id, n.name AS bot_name, b.starts_at, b.tz,
       count(e.*) FILTER (WHERE e.kind = 'user_message') AS messages,
       count(DISTINCT e.session_id) FILTER (WHERE e.kind = 'user_message') AS chats,
       count(DISTINCT e.user_id) FILTER (WHERE e.kind = 'user_message') AS users,
       count(DISTINCT e.user_id) FILTER (WHERE e.kind = 'user_message' AND e.occurred_at = e.first_seen) AS new_users,
       count(e.*) FILTER (WHERE e.kind = 'bot_reply') AS replies,
       count(e.*) FILTER (WHERE e.kind = 'bot_reply' AND e.is_fallback) AS fallbacks,
       count(e.*) FILTER (WHERE e.kind = 'bot_reply' AND e.is_fallback)::float8 / nullif(count(e.*) FILTER (WHERE e.kind = 'bot_reply'), 0) AS fallback_rate,
       count(e.*) AS events
  FROM first_last AS f JOIN bucket AS b ON b.relation = f.relation AND b.tz = f.tz AND b.starts_at BETWEEN f.first AND f.last
  LEFT JOIN event AS e ON e.relation = b.relation AND e.tz = b.tz AND e.bot_id = f.bot_id AND e.bucket = b.bucket
  LEFT JOIN kindly_stats.bot_name AS n ON n.id = f.bot_id
 GROUP BY 1, 2, 3, 4, 5, 6, 7;
CREATE INDEX ON expected (relation, tz, bot_id);
CREATE TABLE expected_by_source AS
SELECT s.tz, s.day AS date, e.bot_id, e.source, count(*) FILTER (WHERE e.kind = 'user_message') AS messages,
       count(DISTINCT e.session_id) FILTER (WHERE e.kind = 'user_message') AS chats, count(*) AS events
  FROM chat AS e JOIN slot AS s ON s.at = date_bin('15 minutes', e.occurred_at, '2000-01-01') GROUP BY 1, 2, 3, 4;
CREATE TABLE expected_buttons AS
SELECT s.tz, s.day AS date, e.bot_id, e.button_id, count(*) AS clicks
  FROM chat AS e JOIN slot AS s ON s.at = date_bin('15 minutes', e.occurred_at, '2000-01-01') WHERE e.kind = 'button_click' GROUP BY 1, 2, 3, 4;
ANALYZE expected;

-- A value of a column, written as tools do.
CREATE FUNCTION pick(choices text[]) RETURNS text LANGUAGE sql AS 'SELECT choices[1 + floor(random() * cardinality(choices))]';
CREATE FUNCTION moment_text() RETURNS text LANGUAGE sql AS $$
    SELECT pick(ARRAY[(timestamp '2024-01-15' + random() * interval '350 days')::text, (date '2024-01-15' + (random() * 350)::int)::text,
                      '2024-03-31', '2024-10-27', '2024-10-26 23:30:00', '2024-04-26', '2024-11-03'])
$$;
CREATE FUNCTION condition(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    op text := pick(ARRAY['=', '<', '<=', '>', '>=', '<>', '>=', '<']);
    type text := pick(ARRAY['date', 'timestamp', 'timestamptz']);
    col text := pick(CASE WHEN relation = 'hourly' THEN ARRAY['date', 'hour', 'starts_at', 'hour'] ELSE ARRAY['date', 'date', 'starts_at'] END);
    value text := moment_text();
    unit text := pick(ARRAY['hour', 'day', 'week', 'month', 'quarter', 'year']);
BEGIN
    IF type = 'date' THEN
        value := left(value, 10);
    END IF;
    RETURN CASE floor(random() * 21)::int
        WHEN 0 THEN format('bot_id = %L', pick(ARRAY['42', 'acme', 'F81D4FAE-7dec-11d0-a765-00a0c91e6bf6', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '042', 'nobody', '']))
        WHEN 1 THEN 'bot_id IN (''42'', ''acme'', ''7'', NULL)'
        WHEN 2 THEN 'bot_id::varchar = ANY (ARRAY[''7'', ''7'', ''42'']::varchar[])'
        WHEN 3 THEN format('%I BETWEEN %L::%s AND %L::%s', col, value, type, left(moment_text(), 10), type)
        WHEN 4 THEN format('date_trunc(%L, %I) %s %L::%s', unit, col, op, value, type)
        WHEN 5 THEN format('date_trunc(%L, %I::timestamp) %s date_trunc(%L, %L::timestamp)', unit, col, op, unit, value)
        WHEN 6 THEN format('%L::%s %s %I', value, type, op, col)
        WHEN 7 THEN format('%I IN (%L::%s, %L, NULL)', col, value, type, left(moment_text(), 10))
        WHEN 8 THEN format('(%I::date %s %L::%s OR bot_id = ''acme'')', col, op, value, type)
        WHEN 9 THEN format('NOT (%I %s %L::%s)', col, op, value, type)
        WHEN 10 THEN format('(starts_at AT TIME ZONE %L) %s %L::timestamp', pick(ARRAY['UTC', 'Asia/Tokyo', 'Europe/Oslo', 'X-100']), op, value)
        WHEN 11 THEN format(pick(ARRAY['bot_name %s ''Acme''', 'lower(bot_name) %s ''acme''']), pick(ARRAY['=', '<>', 'IS DISTINCT FROM']))
        WHEN 12 THEN format('%I %s (SELECT max(x) FROM (VALUES (%L::%s)) AS v (x))', col, op, value, type)
        WHEN 13 THEN format('%I > %L AND date < %L', col, pick(ARRAY['-infinity', '2023-01-01', '0044-03-15 BC']), pick(ARRAY['infinity', '5874897-12-31', '2024-07-01']))
        WHEN 14 THEN pick(ARRAY['messages > 3', 'extract(year FROM date) = 2024 AND bot_id > ''4''', 'true', 'date - date ''2024-05-01'' BETWEEN 0 AND 40'])
        WHEN 15 THEN format('%I %s interval %L %s %L::%s', col, pick(ARRAY['+', '-']), pick(ARRAY['7 days', '1 month', '-2 months', '36 hours', '1 month -10 days', '-100 hours', '1 year']), op, value, type)
        WHEN 16 THEN format('date %s %s %s %L::%s', pick(ARRAY['+', '-']), pick(ARRAY['7', '30', '(-45)', '0']), op, value, type)
        WHEN 17 THEN format('date_trunc(%L, %I + interval ''1 month'') - interval ''1 day'' %s %L::%s', unit, col, op, value, type)
        WHEN 18 THEN format('%I %s %s', col, op, pick(ARRAY['now() - interval ''800 days''', 'current_date - 750', 'current_timestamp - interval ''2 years 1 month''', 'localtimestamp - interval ''27 months''']))
        WHEN 19 THEN format('%I BETWEEN %L::date AND %2$L::date + interval ''1 month'' - interval ''1 second''', col, left(value, 10))
        ELSE format('%I %s %L::%s', col, op, value, type)
    END;
END
$$;
-- Conditions of conditions.
CREATE FUNCTION conditions(relation text, depth int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF depth = 0 OR random() < 0.3 THEN
        RETURN condition(relation);
    END IF;
    RETURN CASE floor(random() * 7)::int
        WHEN 0 THEN format('NOT (%s)', conditions(relation, depth - 1))
        WHEN 1 THEN format('(%s) IS TRUE', conditions(relation, depth - 1))
        WHEN 2 THEN format('(%s AND %s)', conditions(relation, depth - 1), conditions(relation, depth - 1))
        WHEN 3 THEN format('(%s OR %s OR %s)', conditions(relation, depth - 1), conditions(relation, depth - 1), conditions(relation, depth - 1))
        ELSE format('(%s OR %s)', conditions(relation, depth - 1), conditions(relation, depth - 1))
    END;
END
$$;
CREATE FUNCTION check_relations(n int, depth int DEFAULT 0) RETURNS TABLE (wrong text) LANGUAGE plpgsql AS $$
DECLARE
    relation text;
    columns text;
    conditions text;
    asked text;
    other text;
    zone text;
    differ boolean;
    filled int := 0;
    any_row boolean;
    zones text;
    literal text;
    literals text[];
BEGIN
    FOR i IN 1 .. n LOOP
        zone := pick(ARRAY['UTC', 'Europe/Oslo', 'Atlantic/Azores', 'Africa/Cairo', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Kiritimati']);
        PERFORM set_config('timezone', zone, true);
        relation := pick(ARRAY['daily', 'daily', 'hourly', 'weekly', 'monthly']);
        columns := pick(ARRAY['date, bot_id, messages, chats', 'bot_id, starts_at, users, new_users, fallback_rate', 'date, starts_at, bot_name, fallbacks, replies, events',
                              'bot_id, date, starts_at, tz, messages, chats, users, new_users, replies, fallbacks, fallback_rate, events', 'count(*), sum(messages)', 'chats']);
        SELECT string_agg(conditions(relation, depth), ' AND ') INTO conditions FROM generate_series(1, 1 + floor(random() * 3)::int);
        -- another zone than the session's, or several
        other := CASE WHEN random() < 0.2 THEN pick(ARRAY['Asia/Kathmandu', 'America/Havana']) ELSE zone END;
        zones := CASE WHEN other = zone OR random() < 0.5 THEN format('tz = %L', other)
                      ELSE format('(tz = %L OR tz = ''UTC'' AND %s OR tz IN (''Africa/Cairo'', NULL, %1$L))', other, condition(relation)) END;
        -- values that only the execution knows, each time the same plan
        literals := ARRAY[]::text[];
        IF random() < 0.4 THEN
            FOR literal IN SELECT DISTINCT m[1] FROM regexp_matches(conditions, '(''[-0-9: .]+'')::(?:date|timestamp)', 'g') AS m LIMIT 8 LOOP
                literals := literals || literal;
                conditions := replace(conditions, literal || '::', format('$%s::', cardinality(literals)));
            END LOOP;
        END IF;
        PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
        asked := format('SELECT %s FROM %%s WHERE %s', columns, conditions);
        EXECUTE format('PREPARE asked (text, text, text, text, text, text, text, text) AS WITH ours AS (%1$s), theirs AS (%2$s) SELECT EXISTS ((TABLE ours EXCEPT ALL TABLE theirs) UNION ALL (TABLE theirs EXCEPT ALL TABLE ours)), EXISTS (TABLE theirs)',
                       replace(asked, '%s', 'bi.' || relation) || CASE WHEN other <> zone THEN ' AND ' || zones ELSE '' END,
                       replace(asked, '%s', 'expected') || format(' AND relation = %L AND ', relation) || zones);
        EXECUTE format('EXECUTE asked (%s)', (SELECT string_agg(coalesce(literals[place], 'NULL'), ', ') FROM generate_series(1, 8) AS place)) INTO differ, any_row;
        DEALLOCATE asked;
        filled := filled + any_row::int;
        IF differ THEN
            wrong := concat(zone, ' ', relation, ' ', zones, ' ', literals, ': ', asked);
            RETURN NEXT;
        END IF;
    END LOOP;
    IF filled < n / 4 THEN
        wrong := 'too few queries had rows: ' || filled;
        RETURN NEXT;
    END IF;
END
$$;
SELECT * FROM check_relations(200);
SELECT * FROM check_relations(150, 2);

-- by key
SET timezone = 'America/Havana';
(SELECT date, bot_id, source, messages, chats, events FROM bi.daily_by_source EXCEPT ALL SELECT date, bot_id, source, messages, chats, events FROM expected_by_source WHERE tz = 'America/Havana')
UNION ALL (SELECT date, bot_id, source, messages, chats, events FROM expected_by_source WHERE tz = 'America/Havana' EXCEPT ALL SELECT date, bot_id, source, messages, chats, events FROM bi.daily_by_source);
SET timezone = 'Atlantic/Azores';
(SELECT date, bot_id, button_id, clicks FROM bi.buttons EXCEPT ALL SELECT date, bot_id, button_id, clicks FROM expected_buttons WHERE tz = 'Atlantic/Azores')
UNION ALL (SELECT date, bot_id, button_id, clicks FROM expected_buttons WHERE tz = 'Atlantic/Azores' EXCEPT ALL SELECT date, bot_id, button_id, clicks FROM bi.buttons);
SELECT date_trunc('month', date) AS month, sum(clicks) = (SELECT sum(clicks) FROM expected_buttons WHERE tz = 'Asia/Kathmandu' AND bot_id = 'acme' AND date BETWEEN '2024-03-01' AND '2024-03-31') AS same
  FROM bi.buttons WHERE tz = 'Asia/Kathmandu' AND bot_id = 'acme' AND date_trunc('month', date::timestamp) = '2024-03-01' GROUP BY 1;

-- joins hand bots and dates over
SET timezone = 'Europe/Oslo';
CREATE TABLE client (bot text, since date, until date);
INSERT INTO client VALUES ('42', '2024-03-20', '2024-04-10'), ('acme', '2024-10-20', '2024-11-10'), ('nobody', '2024-01-01', '2025-01-01'), (NULL, '2024-01-01', '2025-01-01');
ANALYZE client;
SELECT count(*) AS rows, sum(a.messages) = (SELECT sum(e.messages) FROM client AS c JOIN expected AS e ON e.bot_id = c.bot AND e.date >= c.since AND e.date < c.until WHERE e.relation = 'daily' AND e.tz = 'Europe/Oslo') AS same
  FROM client AS c JOIN bi.daily AS a ON a.bot_id = c.bot AND a.date >= c.since AND a.date < c.until;
SELECT count(*) AS rows, count(a.messages) AS found
  FROM client AS c LEFT JOIN LATERAL (SELECT * FROM bi.weekly AS w WHERE w.bot_id = c.bot AND w.starts_at >= c.since ORDER BY w.date LIMIT 2) AS a ON true;
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT count(*) AS rows, sum(a.messages) = (SELECT sum(e.messages) FROM client AS c JOIN expected AS e ON e.bot_id = c.bot AND e.date = c.since WHERE e.relation = 'daily' AND e.tz = 'Europe/Oslo') AS same
  FROM client AS c JOIN bi.daily AS a ON a.bot_id = c.bot AND a.date = c.since;
-- of a join's conditions with OR, too, each time anew
SELECT count(*) AS rows, sum(a.messages) = (SELECT sum(e.messages) FROM client AS c JOIN expected AS e ON e.bot_id = c.bot AND e.date = c.since OR e.bot_id = '7' AND e.date BETWEEN c.since AND c.since + 3
	WHERE e.relation = 'daily' AND e.tz = 'Europe/Oslo') AS same
  FROM client AS c JOIN bi.daily AS a ON a.bot_id = c.bot AND a.date = c.since OR a.bot_id = '7' AND a.date BETWEEN c.since AND c.since + 3;
SELECT c.bot, count(a.messages) > 0 AS any, sum(a.messages) IS NOT DISTINCT FROM (SELECT sum(e.messages) FROM expected AS e WHERE e.relation = 'hourly' AND e.tz = 'Europe/Oslo' AND (e.bot_id = c.bot AND e.hour < c.until OR e.bot_id = 'acme' AND e.date = c.since)) AS same
  FROM client AS c LEFT JOIN LATERAL (SELECT * FROM bi.hourly AS h WHERE h.bot_id = c.bot AND h.hour < c.until OR h.bot_id = 'acme' AND h.date = c.since OFFSET 0) AS a ON true GROUP BY c.bot, c.since, c.until ORDER BY 1;
RESET enable_hashjoin; RESET enable_mergejoin;

-- cursors go back and forth, and stop early
BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT row_number() OVER () AS n, date, bot_id, messages FROM bi.daily WHERE bot_id = '42' OR date >= '2024-10-01';
MOVE 5 FROM back;
FETCH 1 FROM back \gset once_
MOVE ALL FROM back;
MOVE ABSOLUTE 5 FROM back;
FETCH 1 FROM back \gset again_
SELECT (:'once_n', :'once_date', :'once_bot_id', :'once_messages') = (:'again_n', :'again_date', :'again_bot_id', :'again_messages') AS same;
COMMIT;
SELECT * FROM bi.daily WHERE bot_id = '42' OR bot_id = '7' LIMIT 0;

-- generic plans
SET plan_cache_mode = force_generic_plan;
PREPARE by_parameter (text, date, date) AS SELECT count(*), sum(messages) FROM bi.daily WHERE bot_id = $1 AND date >= $2 AND date < $3;
PREPARE by_array (text[], timestamptz) AS SELECT count(*), sum(messages) FROM bi.daily WHERE bot_id = ANY ($1) AND starts_at >= $2;
SELECT count(*), sum(messages) FROM expected WHERE relation = 'daily' AND tz = 'Europe/Oslo' AND bot_id = '42' AND date >= '2024-05-01' AND date < '2024-06-01';
EXECUTE by_parameter ('42', '2024-05-01', '2024-06-01');
EXECUTE by_parameter ('42', NULL, '2024-06-01');
SELECT count(*), sum(messages) FROM expected WHERE relation = 'daily' AND tz = 'Europe/Oslo' AND bot_id IN ('7', 'acme') AND starts_at >= '2024-05-01';
EXECUTE by_array ('{7,acme,acme,NULL}', '2024-05-01');
EXECUTE by_array ('{}', '2024-05-01');
\c postgres
DROP DATABASE regression_kindly_bi_oracle;
