-- Values that differ from the documented ones: rules of a mapping, through every door that reads it.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
CREATE FUNCTION refusal(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN format('%s | %s | %s', SQLSTATE, message, hint);
END
$$;
CREATE FUNCTION mapping(event_table regclass) RETURNS TABLE (logical text, mapped jsonb) LANGUAGE sql AS $$
    SELECT c.key, c.value FROM kindly_stats.event_table AS t, jsonb_each(t.columns) AS c WHERE t.event_table = mapping.event_table ORDER BY c.key COLLATE "C"
$$;
-- what is counted in all months of a bot
CREATE FUNCTION counted(bot kindly_stats.bot_id, VARIADIC measures text[]) RETURNS TABLE (measure text, count bigint, distinct_count bigint) LANGUAGE sql AS $$
    SELECT m, t.count, t.distinct_count FROM unnest(measures) AS m, kindly_stats.stats_total(bot, '1900-01-01', '2100-01-01', 'UTC', measure => m) AS t
$$;
CREATE VIEW differences AS SELECT * FROM kindly_stats.verify();

-- the functions that queries read with
SELECT path, kindly_rules.json_field(document, path) AS text, kindly_rules.json_field(document::jsonb, path) AS jsonb
  FROM (VALUES ('{"a": {"b": [1.50, "x\u00e9\n", {"c": true}]}, "d": null, "0": "zero"}')) AS d (document),
       (VALUES ('{a,b,0}'::text[]), ('{a,b,1}'), ('{a,b,2,c}'), ('{a,b,3}'), ('{a,b}'), ('{d}'), ('{0}'), ('{a,b,-1}'), ('{a,b,00}')) AS p (path);
SELECT kindly_rules.json_field('{"a": 1} and more', '{a}'), kindly_rules.json_field('', '{a}'), kindly_rules.json_field('{"a": 1, "a": 2}', '{a}');
SELECT refusal($$SELECT kindly_rules.json_field('{}', '{}')$$);
SELECT refusal($$SELECT kindly_rules.json_field('{}', array_fill('a'::text, '{17}'))$$);
SELECT refusal($$SELECT kindly_rules.json_field('{}'::jsonb, '{a,NULL}')$$);
-- twice in autumn, never in spring
SELECT t, kindly_rules.zoned_instant(t, 'Europe/Oslo') = t AT TIME ZONE 'Europe/Oslo' AS same, kindly_rules.zoned_instant(t, 'europe/oslo')
  FROM unnest(ARRAY['2024-10-27 01:59:59.999999', '2024-10-27 02:00', '2024-10-27 02:59', '2024-10-27 03:00', '2024-03-31 02:30', 'infinity', '-infinity']::timestamp[]) AS t;
SELECT refusal($$SELECT kindly_rules.zoned_instant('2024-01-01', 'Oslo5')$$);
SELECT kindly_rules.number_instant(1700000000123, 'milliseconds'), kindly_rules.number_instant(1700000000.123456::float8, 'seconds'),
       kindly_rules.number_instant(1700000000.5, 'seconds'), kindly_rules.number_instant(-1, 'seconds');
SELECT kindly_rules.number_instant('NaN'::float8, 'seconds'), kindly_rules.number_instant('NaN'::numeric, 'seconds'), kindly_rules.number_instant('Infinity'::float8, 'seconds'),
       kindly_rules.number_instant(-1e300::numeric, 'seconds'), kindly_rules.number_instant(9223372036854775807, 'seconds'), kindly_rules.number_instant('-1e400'::numeric, 'milliseconds');
SELECT refusal($$SELECT kindly_rules.number_instant(1, 'minutes')$$);
SELECT t, kindly_rules.boolean_of(t) FROM unnest(ARRAY['true', ' T ', 'yes', 'on', '1', 'no', '0', 'of', 'o', '2', '', ' ', 'truth']) AS t;
SELECT kindly_rules.whole_number('12'), kindly_rules.whole_number('-4.0'), kindly_rules.whole_number('4.5'), kindly_rules.whole_number(4.50), kindly_rules.whole_number(4.00), kindly_rules.whole_number('NaN'::numeric);

-- kinds by number, local instants, fields of three kinds of documents, texts for booleans, numerics for keys
CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, inbox_id integer, created_at timestamp, direction smallint, payload jsonb, raw json, note text,
    fallback text, paid numeric, score numeric);
INSERT INTO message (inbox_id, created_at, direction, payload, raw, note, fallback, paid, score) VALUES
    (88101, '2024-10-27 02:30', 0, '{"session": {"id": "s1"}, "users": ["u1"]}', '{"lang": "nb"}', '{"source": "web"}', 'no', 1.0, 4.0),
    (88101, '2024-10-27 02:45', 1, '{"session": {"id": "s1"}}', '{"lang": "nb"}', '{"source": "web"}', 'yes', NULL, NULL),
    (88101, '2024-10-27 03:30', 0, '{"session": {"id": 2}, "users": ["u1"]}', NULL, '{"source": "app"', NULL, 0, 4),
    (88101, '2024-10-27 03:31', 2, '{"session": {"id": "s9"}}', NULL, NULL, NULL, NULL, NULL),
    (88101, '2024-10-27 03:32', 3, NULL, NULL, NULL, NULL, NULL, 4.00),
    (88101, '2024-10-27 03:33', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT refusal($$SELECT kindly_stats.attach('message', '{"bot_id": "inbox_id", "occurred_at": "created_at", "kind": "direction"}')$$);
SELECT kindly_stats.attach('message', '{"bot_id": "inbox_id", "occurred_at": "created_at", "kind": "direction", "session_id": "payload->session->>id", "user_id": "payload -> ''users'' ->> 0",
    "language_code": "raw->>lang", "source": "note->>source", "is_fallback": "fallback", "paid": "paid", "rating": "score"}',
    kinds => '{"0": "user_message", "1": "bot_reply", "2": null, "3": "feedback"}', tz => 'Europe/Oslo');
SELECT * FROM mapping('message');
SELECT * FROM counted(88101, 'events', 'messages', 'users', 'replies', 'fallbacks', 'paid_messages', 'feedback');
-- the later one of two local times; hours of the zone
SELECT bucket, count FROM kindly_stats.stats_series(88101, '2024-10-27 02:00', '2024-10-27 04:00', 'Europe/Oslo', 'hour', 'messages') WHERE count > 0;
SELECT kindly_stats.stats_options(88101);
SELECT count(*) FROM differences;

-- what is written from now on; 4, 4.0 and 4.00 are one rating
INSERT INTO message (inbox_id, created_at, direction, payload, score)
SELECT 88101, '2024-11-01', n % 4, jsonb_build_object('session', jsonb_build_object('id', n / 8)), 4 + n * 0.0 FROM generate_series(1, 40) AS n;
SELECT key, count FROM kindly_stats.stats_top(88101, '2024-10-01', '2024-12-01', 'UTC', measure => 'feedback') ORDER BY 1;
SELECT * FROM counted(88101, 'events', 'messages', 'replies', 'feedback');
-- an update of a document that leaves what is read alone writes nothing, nor does one of what is no event
SELECT count(*) AS before FROM kindly_stats.rollup \gset
UPDATE message SET payload = payload || '{"read": true}', note = note || ' ', raw = '{"read": 1, "lang": "nb"}' WHERE raw ->> 'lang' = 'nb';
UPDATE message SET payload = payload || '{"read": true}' WHERE payload IS NOT NULL;
UPDATE message SET payload = '{"session": {"id": "another"}}' WHERE direction = 2;
SELECT count(*) - :before AS written FROM kindly_stats.rollup;
-- of an event to none, and back; the instant and the key move
UPDATE message SET direction = 2 WHERE id = 1;
SELECT * FROM counted(88101, 'messages');
UPDATE message SET direction = 0, created_at = created_at + interval '1 day', payload = jsonb_set(payload, '{session,id}', '"s2"') WHERE id = 1;
DELETE FROM message WHERE id = 3;
SELECT * FROM counted(88101, 'events', 'messages', 'replies', 'feedback');
SELECT count(*) FROM differences;
SELECT kindly_stats.rebuild(88101);

-- attached again: what it knows stays, and is counted anew where it changes
SELECT kindly_stats.attach('message');
SELECT kindly_stats.attach('message', kinds => '{"0": "user_message", "3": "user_message"}');
SELECT mapped FROM mapping('message') WHERE logical = 'kind';
SELECT * FROM counted(88101, 'events', 'messages', 'replies');
SELECT kindly_stats.attach('message', '{"kind": "direction"}') IS NOT NULL AS attached;
SELECT * FROM counted(88101, 'events', 'messages', 'replies');
SELECT kindly_stats.attach('message', kinds => '"bot_reply"') IS NOT NULL AS attached;
SELECT mapped FROM mapping('message') WHERE logical = 'kind';
SELECT * FROM counted(88101, 'events', 'messages', 'replies');
SELECT kindly_stats.attach('message', '{"kind": {"column": "direction", "values": {"0": "user_message", "1": "bot_reply", "2": null}}}', tz => 'UTC') IS NOT NULL AS attached;
SELECT mapped FROM mapping('message') WHERE logical IN ('kind', 'occurred_at');
SELECT count(*) FROM differences;

-- DDL: a renamed column of a rule, a document of another type, one that is dropped
ALTER TABLE message RENAME COLUMN payload TO doc;
ALTER TABLE message RENAME COLUMN created_at TO "at";
ALTER TABLE message RENAME COLUMN direction TO way;
SELECT * FROM mapping('message') WHERE mapped -> 'column' IS NOT NULL;
ALTER TABLE message ALTER COLUMN doc TYPE json;
ALTER TABLE message ALTER COLUMN doc TYPE text;
ALTER TABLE message ALTER COLUMN way TYPE text;
INSERT INTO message (inbox_id, "at", way, doc) VALUES (88101, '2024-11-02', '0', '{"session": {"id": "s3"}}'), (88101, '2024-11-02', '2', '{}'), (88101, '2024-11-02', '0', 'no JSON');
SELECT count(*) FROM differences;
SELECT refusal('ALTER TABLE message ALTER COLUMN doc TYPE bytea USING NULL');
SELECT refusal('ALTER TABLE message ALTER COLUMN "at" TYPE timestamptz');
SELECT refusal('ALTER TABLE message DROP COLUMN doc');
SELECT refusal('ALTER TABLE message DROP COLUMN way');
ALTER TABLE message ALTER COLUMN doc TYPE jsonb USING nullif(doc, 'no JSON')::jsonb;
SELECT count(*) FROM differences;
SELECT finding FROM kindly_stats.health() WHERE object LIKE '%message';
-- behind the back of event triggers
SET session_replication_role = replica;
ALTER TABLE message ALTER COLUMN doc TYPE bytea USING NULL;
RESET session_replication_role;
SELECT finding, remedy FROM kindly_stats.health() WHERE object LIKE '%message' ORDER BY 1;
SELECT refusal('INSERT INTO message (inbox_id, "at", way) VALUES (88101, ''2024-11-02'', ''0'')');
SET session_replication_role = replica;
ALTER TABLE message ALTER COLUMN doc TYPE jsonb USING NULL;
RESET session_replication_role;
SELECT kindly_stats.rebuild() > 0 AS changed;
SELECT count(*) FROM differences;

-- whose owner has no right in the extension
CREATE ROLE regress_ks_ruler;
ALTER TABLE message OWNER TO regress_ks_ruler;
INSERT INTO message (inbox_id, "at", way, doc) VALUES (88101, '2024-11-03', '0', '{"session": {"id": "s4"}}');
SELECT count(*) FROM differences;
SELECT kindly_stats.rebuild(88101);

-- purge by a local instant, and what is kept of a table
SELECT kindly_stats.purge('message', '2024-10-31 23:00Z');
SELECT * FROM counted(88101, 'messages', 'replies');
SELECT count(*) FROM differences;
SELECT kindly_stats.detach('message', keep_statistics => true);
SELECT kindly_stats.forget_kept('message');
SELECT kindly_stats.attach('message', '{"bot_id": "inbox_id", "occurred_at": {"column": "at", "tz": "UTC"}, "kind": {"column": "way", "values": {"0": "user_message", "1": "bot_reply", "2": null}}}') IS NOT NULL AS attached;
SELECT count(*) FROM differences;
SELECT kindly_stats.detach('message');
DROP TABLE message;
DROP ROLE regress_ks_ruler;

-- numbers as instants: exactly, and what is none
CREATE TABLE seconds (bot_id bigint, at double precision, kind text);
CREATE TABLE milliseconds (bot_id bigint, at bigint, kind text);
CREATE TABLE numerics (bot_id bigint, at numeric, kind text);
INSERT INTO seconds VALUES (88102, 1730000000.5, 'user_message'), (88102, 'NaN', 'user_message'), (88102, NULL, 'user_message');
INSERT INTO milliseconds VALUES (88103, 1730000000500, 'user_message'), (88103, -1, 'user_message');
INSERT INTO numerics VALUES (88104, 1730000000.5, 'user_message'), (88104, 'NaN', 'user_message');
SELECT refusal($$SELECT kindly_stats.attach('seconds', '{"occurred_at": "at"}')$$);
SELECT refusal($$SELECT kindly_stats.attach('seconds', '{"occurred_at": "at"}', tz => 'UTC')$$);
SELECT kindly_stats.attach('seconds', '{"occurred_at": "at"}', unit => 'seconds');
CALL kindly_stats.attach_concurrently('milliseconds', '{"occurred_at": "at"}', unit => 'milliseconds');
CALL kindly_stats.attach_concurrently('numerics', '{"occurred_at": {"column": "at", "unit": "seconds"}}', kinds => '{"user_message": "bot_reply"}');
SELECT b, first, last FROM unnest(ARRAY[88102, 88103, 88104]) AS b, kindly_stats.stats_options(b);
INSERT INTO seconds VALUES (88102, 'NaN', 'user_message'), (88102, 1730000000.000001, 'user_message');
SELECT * FROM counted(88102, 'messages') UNION ALL SELECT * FROM counted(88103, 'messages') UNION ALL SELECT * FROM counted(88104, 'replies');
-- refused as it is for timestamptz
SELECT refusal($$INSERT INTO seconds VALUES (88102, 'Infinity', 'user_message')$$);
SELECT refusal($$INSERT INTO seconds VALUES (88102, 1730000000000, 'user_message')$$);
SELECT refusal($$INSERT INTO milliseconds VALUES (88103, 9223372036854775807, 'user_message')$$);
SELECT count(*) FROM differences;
SELECT kindly_stats.purge('seconds', '2025-01-01'), kindly_stats.purge('milliseconds', '2000-01-01'), kindly_stats.purge('numerics', '2025-01-01');
SELECT count(*) FROM differences;
SELECT kindly_stats.detach(t) FROM unnest('{seconds,milliseconds,numerics}'::regclass[]) AS t;

-- one bot, one kind, one source for all rows; values of a key; weights that are no integers
CREATE TABLE trace (id text, ts timestamptz, "payload->>id" text, meta jsonb, seconds numeric, level text);
INSERT INTO trace VALUES ('t1', '2024-05-01', 's1', '{"country": "NO", "spent": "12"}', 30.0, 'ERROR'), ('t2', '2024-05-01', 's2', '{"country": "XX", "spent": 3.0}', 1.5, 'DEFAULT');
SELECT kindly_stats.attach('trace', '{"bot_id": {"constant": 88107}, "occurred_at": "ts", "session_id": "payload->>id", "source": {"constant": "api"}, "topic": {"constant": true},
    "country": {"column": "meta", "path": ["country"], "values": {"NO": "Norway", "XX": null}}, "paid": {"column": "level", "values": {"ERROR": "yes", "DEFAULT": "no"}}, "duration": "seconds"}', kinds => '"user_message"');
SELECT * FROM mapping('trace');
SELECT * FROM counted(88107, 'events', 'messages', 'paid_messages', 'countries', 'topics');
SELECT key, count FROM kindly_stats.stats_top(88107, '2024-05-01', '2024-05-02', 'UTC', measure => 'countries');
SELECT sources FROM kindly_stats.stats_options(88107);
SELECT kindly_stats.attach('trace', kinds => '"handover_ended"') IS NOT NULL AS attached;
SELECT * FROM counted(88107, 'handover_seconds', 'timed_handovers');
SELECT count(*) FROM differences;
SELECT kindly_stats.attach('trace', '{"duration": "meta->>spent"}') IS NOT NULL AS attached;
SELECT * FROM counted(88107, 'handover_seconds', 'timed_handovers');
SELECT count(*) FROM differences;
-- what adds nothing is not there for who needs it; so a weight must not come after that
SELECT kindly_stats.attach('trace', '{"duration": "seconds"}') IS NOT NULL AS attached;
INSERT INTO trace (ts, seconds) VALUES ('2024-05-02', 0.5), ('2024-05-02', 4);
SELECT * FROM counted(88107, 'handover_seconds', 'timed_handovers');
SELECT count(*) FROM differences;
SET client_min_messages = warning;
SELECT refusal($$SELECT kindly_stats.add_measure('needing', needed => 'seconds'), kindly_stats.add_measure('adding', weight => 'seconds')$$);
SELECT refusal($$DO 'BEGIN PERFORM kindly_stats.add_measure(''adding'', weight => ''seconds''); PERFORM kindly_stats.add_measure(''needing'', needed => ''seconds''); RAISE ''% %'', (SELECT count(*) FROM kindly_stats.verify()), (SELECT count FROM kindly_stats.stats_total(88107, ''2024-01-01'', ''2025-01-01'', ''UTC'', measure => ''needing'')); END'$$);
RESET client_min_messages;
SELECT kindly_stats.detach('trace');
DROP TABLE trace;

-- an enum's values are what they are called now
CREATE TYPE way AS ENUM ('in', 'out');
CREATE TABLE enumerated (bot_id bigint, occurred_at timestamptz, kind way);
INSERT INTO enumerated VALUES (88108, '2024-05-01', 'in'), (88108, '2024-05-01', 'out');
SELECT kindly_stats.attach('enumerated', kinds => '{"in": "user_message", "out": null}');
SELECT * FROM counted(88108, 'events', 'messages');
ALTER TYPE way RENAME VALUE 'in' TO 'incoming';
SELECT * FROM counted(88108, 'events', 'messages');
SELECT kindly_stats.attach('enumerated', kinds => '{"incoming": "user_message", "out": null}');
SELECT * FROM counted(88108, 'events', 'messages');
SELECT count(*) FROM differences;
SELECT kindly_stats.detach('enumerated');
DROP TABLE enumerated;
DROP TYPE way;

-- columns that are called like parts of a rule
CREATE TABLE odd (constant bigint, tz timestamptz, "values" text, path text, unit text);
INSERT INTO odd VALUES (88109, '2024-05-01', 'user_message', 's', 'web');
SELECT kindly_stats.attach('odd', '{"bot_id": "constant", "occurred_at": "tz", "kind": "values", "session_id": "path", "source": "unit"}');
SELECT * FROM counted(88109, 'events', 'messages');
SELECT count(*) FROM differences;
SELECT finding FROM kindly_stats.health() WHERE object LIKE '%odd';
SELECT kindly_stats.detach('odd');

-- what is replicated, row by row
CREATE TABLE copied (bot text, at double precision, doc json, PRIMARY KEY (bot, at));
SELECT kindly_stats.attach('copied', '{"bot_id": "bot", "occurred_at": "at", "kind": "doc->>kind", "session_id": "doc->>s"}', kinds => '{"in": "user_message", "note": null}', unit => 'seconds', replica => true);
SET session_replication_role = replica;
INSERT INTO copied VALUES ('88111', 1714600000, '{"kind": "in", "s": "a"}'), ('88111', 1714600001, '{"kind": "note"}'), ('88111', 'NaN', '{"kind": "in"}'), ('a bot', 1714600002, '{"kind": "in", "s": "b"}');
UPDATE copied SET doc = '{"kind": "in", "s": "c"}' WHERE at = 1714600001;
UPDATE copied SET doc = '{"kind": "note", "s": "c"}' WHERE at = 1714600000;
RESET session_replication_role;
SELECT * FROM counted(88111, 'events', 'messages');
SELECT count, distinct_count FROM kindly_stats.stats_total('a bot', '2024-01-01', '2025-01-01', 'UTC');
SELECT count(*) FROM differences;
SELECT kindly_stats.detach('copied');
DROP TABLE copied;
-- a bot that is a text, the same for all rows
CREATE TABLE single (at timestamptz);
SELECT kindly_stats.attach('single', '{"bot_id": {"constant": "the only one"}, "occurred_at": "at"}', kinds => '"user_message"');
INSERT INTO single VALUES ('2024-05-01'), ('2024-05-02');
DELETE FROM single WHERE at = '2024-05-01';
SELECT count FROM kindly_stats.stats_total('the only one', '2024-01-01', '2025-01-01', 'UTC');
SELECT count(*) FROM differences;
SELECT kindly_stats.rebuild('the only one');
SELECT kindly_stats.purge('single', '2025-01-01');
SELECT count FROM kindly_stats.stats_total('the only one', '2024-01-01', '2025-01-01', 'UTC');
SELECT count(*) FROM differences;
-- a number for its id is the same number, however it is written
SELECT kindly_stats.attach('single', '{"bot_id": {"constant": 88111.0}}');
SELECT mapped FROM mapping('single') WHERE logical = 'bot_id';
SELECT kindly_stats.detach('single');
DROP TABLE single;

-- partitions, and one that comes with rows
CREATE TABLE part (bot_id bigint, at timestamp, doc json) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE part_2 (doc json, at timestamp, bot_id bigint);
INSERT INTO part VALUES (88110, '2024-01-01 00:30', '{"k": "in", "s": "a"}');
INSERT INTO part_2 VALUES ('{"k": "in", "s": "a"}', '2024-02-01', 88110), ('{"k": "x"}', '2024-02-01', 88110);
SELECT kindly_stats.attach('part', '{"occurred_at": "at", "kind": "doc->>k", "session_id": "doc->>s"}', kinds => '{"in": "user_message", "x": null}', tz => 'Europe/Oslo');
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
INSERT INTO part_2 VALUES ('{"k": "in", "s": "b"}', '2024-02-01', 88110);
SELECT * FROM counted(88110, 'events', 'messages');
SELECT bucket::date, count FROM kindly_stats.stats_series(88110, '2023-12-01', '2024-03-01', 'UTC', 'month');
ALTER TABLE part DETACH PARTITION part_2;
INSERT INTO part_2 VALUES ('{"k": "in", "s": "c"}', '2024-02-01', 88110);
DROP TABLE part_1;
SELECT * FROM counted(88110, 'events', 'messages');
SELECT count(*) FROM differences;
SELECT kindly_stats.detach(t.event_table) FROM kindly_stats.event_table AS t WHERE t.event_table IN ('part'::regclass, 'part_2'::regclass) ORDER BY 1;

-- what is refused, and how it should be said
CREATE TABLE bad (bot_id bigint, occurred_at timestamptz, kind text, at timestamp, n integer, doc jsonb, t text, b bytea);
SELECT a AS arguments, refusal(format('SELECT kindly_stats.attach(''bad'', %s)', a)) FROM unnest(ARRAY[
    $$'{"session_id": "doc->session"}'$$, $$'{"session_id": "doc->>"}'$$, $$'{"session_id": "->>a"}'$$, $$'{"session_id": "nowhere->>a"}'$$, $$'{"session_id": "n->>a"}'$$,
    $$'{"session_id": "doc"}'$$, $$'{"session_id": {"column": "doc"}}'$$, $$'{"session_id": {}}'$$, $$'{"session_id": {"path": ["a"]}}'$$, $$'{"session_id": {"column": 1}}'$$,
    $$'{"session_id": {"column": "doc", "path": []}}'$$, $$'{"session_id": {"column": "doc", "path": "a"}}'$$, $$'{"session_id": {"column": "doc", "path": [null]}}'$$,
    $$'{"session_id": {"column": "doc", "path": ["a"], "tz": "UTC"}}'$$, $$'{"session_id": {"column": "t", "values": []}}'$$, $$'{"session_id": {"column": "t", "values": {"a": {}}}}'$$,
    $$'{"session_id": {"column": "doc", "values": {"a": "b"}}}'$$, $$'{"session_id": {"constant": null}}'$$, $$'{"session_id": {"constant": "a", "column": "t"}}'$$, $$'{"session_id": ["t"]}'$$,
    $$'{"bot_id": {"constant": ""}}'$$, $$'{"bot_id": {"constant": 1.5}}'$$, $$'{"bot_id": {"constant": 1e400}}'$$, $$'{"bot_id": {"constant": -9223372036854775808}}'$$, $$'{"bot_id": {"column": "t", "values": {"a": "1"}}}'$$, $$'{"occurred_at": {"constant": "2024-01-01"}}'$$, $$'{"occurred_at": {"column": "at", "tz": 1}}'$$,
    $$'{"occurred_at": {"column": "at", "tz": "Oslo5"}}'$$, $$'{"occurred_at": {"column": "n", "unit": "minutes"}}'$$, $$'{"occurred_at": {"column": "at", "unit": "seconds"}}'$$,
    $$'{"occurred_at": "doc->>at"}'$$, $$tz => 'Europe/Oslo'$$, $$tz => 'Nowhere'$$, $$unit => 'seconds'$$, $$'{"occurred_at": "n"}', unit => 'hours'$$, $$tz => 'UTC', unit => 'seconds'$$,
    $$'{"occurred_at": {"column": "at", "tz": "UTC"}}', tz => 'UTC'$$, $$kinds => '[]'$$, $$kinds => '1'$$, $$kinds => '{"a": ["b"]}'$$, $$'{"kind": null}', kinds => '{"a": "b"}'$$,
    $$'{"kind": {"column": "t", "values": {"a": "b"}}}', kinds => '{"a": "b"}'$$, $$'{"kind": {"constant": "a"}}', kinds => '{"a": "b"}'$$, $$'{"duration": "t"}'$$, $$'{"paid": "b"}'$$,
    $$'[]', kinds => '"a"'$$, $$NULL, kinds => '"a"'$$, $$'{"nonsense": {"constant": "a"}}'$$]) AS a;
SELECT refusal($$SELECT kindly_stats.attach_conversations('bad', '{"conversation_id": {"column": "t"}}')$$);
-- documents deeper than a text may be are read where they are jsonb; nothing else is
SELECT kindly_rules.json_field(d, '{a}') IS NULL AS text, kindly_rules.json_field(d::jsonb, '{a}') AS jsonb
  FROM (SELECT '{"a": "b", "deep": ' || repeat('[', 1000) || repeat(']', 1000) || '}') AS d (d);
-- whoever makes triggers of his own hurts himself alone
CREATE TRIGGER own AFTER INSERT ON bad REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.count_events('bad', 'event', '{"kind": {"a": "b"}, "bot_id": {"column": "bot_id", "path": ["a"]}}');
SELECT columns FROM kindly_stats.event_table WHERE event_table = 'bad'::regclass;
SELECT refusal($$INSERT INTO bad VALUES (1, '2024-01-01', 'x')$$);
DROP TRIGGER own ON bad;
-- types that are not read: a generated column has the value
CREATE TABLE odd_types (bot_id int NOT NULL, occurred_at timestamptz NOT NULL, kind text, rating real, seconds float8, address inet, tags text[],
    rating_number numeric GENERATED ALWAYS AS (rating::numeric) STORED, whole_seconds bigint GENERATED ALWAYS AS (round(seconds)::bigint) STORED,
    host text GENERATED ALWAYS AS (host(address)) STORED, first_tag text GENERATED ALWAYS AS (tags[1]) STORED);
SELECT a, refusal(format($$SELECT kindly_stats.attach('odd_types', %L)$$, a))
  FROM unnest(ARRAY['{"rating": "rating"}', '{"rating": null, "duration": "seconds"}', '{"rating": null, "session_id": "address"}', '{"rating": null, "topic": "tags"}']) AS a;
SELECT kindly_stats.attach('odd_types', '{"rating": "rating_number", "duration": "whole_seconds", "session_id": "host", "topic": "first_tag"}');
INSERT INTO odd_types (bot_id, occurred_at, kind, rating, seconds, address, tags) VALUES (7, '2024-05-01', 'feedback', 4.5, NULL, NULL, NULL), (7, '2024-05-01', 'handover_ended', NULL, 90.6, NULL, NULL),
    (7, '2024-05-01', 'user_message', NULL, NULL, '10.0.0.1', '{a,b}'), (7, '2024-05-01', 'user_message', NULL, NULL, '10.0.0.1/32', '{a}');
UPDATE odd_types SET tags = '{c}' WHERE address = '10.0.0.1' AND tags = '{a}';
SELECT m, key, count, distinct_count FROM unnest('{feedback,handover_seconds,messages,topics}'::text[]) AS m, kindly_stats.stats_top(7, '2024-05-01', '2024-05-02', 'UTC', measure => m) ORDER BY 1, 2;
SELECT * FROM kindly_stats.verify(7);
SELECT kindly_stats.detach('odd_types');
DROP TABLE odd_types;
-- a kind that no measure counts may be a slip; the hint lists what measures of other tests count, too
\set VERBOSITY terse
CREATE TABLE slip (bot_id int NOT NULL, occurred_at timestamptz NOT NULL, kind text);
SELECT kindly_stats.attach('slip', kinds => '{"in": "user_mesage", "out": "bot_reply", "note": null, "pay": "sold", "own": "sold"}');
SELECT kindly_stats.attach('slip', '{"kind": {"constant": "Sold"}}');
SELECT kindly_stats.add_measure('sales', '{sold}');
CALL kindly_stats.attach_concurrently('slip', kinds => '"sold"');
CALL kindly_stats.attach_concurrently('slip', '{"kind": {"column": "kind", "values": {"in": "user-message"}}}');
SELECT kindly_stats.attach('slip');
SELECT kindly_stats.detach('slip');
DELETE FROM kindly_stats.measure WHERE name = 'sales';
DROP TABLE slip;
\set VERBOSITY default
DROP TABLE bad, odd, part, part_2, seconds, milliseconds, numerics;
DROP VIEW differences;
DROP FUNCTION refusal, mapping, counted;
