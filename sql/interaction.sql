--
-- The catalogue of interactions: what is listed with 0, and how it comes there
--
-- a database of its own: verify(), roles and the bots are nobody else's
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_interaction;
CREATE DATABASE regression_kindly_interaction;
\c regression_kindly_interaction
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SET timezone = 'America/Los_Angeles';
SET datestyle = 'SQL, DMY';
SET jit = off;
\pset format unaligned
CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;
-- a report in short: name (id) value
CREATE FUNCTION report(bot bigint, story text DEFAULT NULL, first text DEFAULT '2019-03-17', last text DEFAULT '2019-03-19') RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(concat(coalesce(x ->> 'type' || ' ', ''), x ->> 'name', ' (' || (x ->> 'id') || ')', ' < ' || (x ->> 'parentId'), ' ', x ->> 'value'), ', ' ORDER BY n), '-')
FROM json_array_elements(chatbot_com.conversations_interactions(bot, first, last, "storyId" => story)) WITH ORDINALITY AS t (x, n)
$$;
SELECT failure('SELECT chatbot_com.conversations_interactions(1)');
SELECT kindly_stats.create_event_table('event');
-- and what the catalogue has
CREATE FUNCTION noted(bot bigint) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(string_agg(concat(coalesce(interaction_type || ' ', ''), interaction_name, ' (' || interaction_id || ')', ' < ' || interaction_parent_id, ' in ' || story_id), ', '
	ORDER BY interaction_type COLLATE "C", interaction_name COLLATE "C", interaction_id COLLATE "C", story_id COLLATE "C"), '-') FROM kindly_stats.interaction WHERE bot_id = bot
$$;

--
-- By hand
--
-- the documented example: three have never been reached
INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name, interaction_id) VALUES
	(1, NULL, 'foo', '5b07ff77c2376e30306d9b12'), (1, 'fallback', 'Fallback Interaction', NULL), (1, 'welcome', 'Welcome Interaction', NULL);
SELECT chatbot_com.conversations_interactions(1, '2019-03-17', '2019-03-19');
INSERT INTO event (bot_id, occurred_at, kind, interaction_id, interaction_name, interaction_type, interaction_parent_id) VALUES
	(1, '2019-03-17 10:00Z', 'interaction', '5b07ffafc2376e30306d9b16', 'bar', NULL, NULL), (1, '2019-03-18 10:00Z', 'interaction', '5b07ffafc2376e30306d9b16', 'bar', NULL, NULL),
	(1, '2019-03-18 11:00Z', 'interaction', NULL, 'Fallback Interaction', 'contextFallback', '5b07ffafc2376e30306d9b16');
SELECT chatbot_com.conversations_interactions(1, '2019-03-17', '2019-03-19') AS answer \gset
SELECT :'answer' = regexp_replace('[
    {
        "name": "bar",
        "id": "5b07ffafc2376e30306d9b16",
        "usage": 66.67,
        "value": 2
    },
    {
        "parentId": "5b07ffafc2376e30306d9b16",
        "type": "contextFallback",
        "name": "Fallback Interaction",
        "usage": 33.33,
        "value": 1
    },
    {
        "name": "foo",
        "id": "5b07ff77c2376e30306d9b12",
        "usage": 0,
        "value": 0
    },
    {
        "type": "fallback",
        "name": "Fallback Interaction",
        "usage": 0,
        "value": 0
    },
    {
        "type": "welcome",
        "name": "Welcome Interaction",
        "usage": 0,
        "value": 0
    }
]', '(?<=[\[{,])\s+|(?<=:)\s|\s+(?=[\]}])', '', 'g') AS as_documented, :'answer' AS answer;
-- one that is reached then, or listed twice, is one
INSERT INTO event (bot_id, occurred_at, kind, interaction_id, interaction_name) VALUES (1, '2019-03-18 12:00Z', 'interaction', '5b07ff77c2376e30306d9b12', 'foo');
INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name) VALUES (1, 'welcome', 'Welcome Interaction'), (1, 'welcome', 'Welcome Interaction');
SELECT report(1);
DELETE FROM kindly_stats.interaction WHERE bot_id = 1 AND interaction_type = 'welcome';
SELECT report(1);
-- by stories, as events
INSERT INTO kindly_stats.interaction (bot_id, interaction_name, story_id) VALUES (2, 'in a', 'a'), (2, 'in b', 'b'), (2, 'in both', 'a'), (2, 'in both', 'b'), (2, 'in none', NULL);
SELECT s, report(2, s) FROM unnest(ARRAY[NULL, 'a', 'b', 'a,b', '-a', '-a,-b', 'c']) AS s;
-- what is nothing; what is as long as no key is
SELECT failure('INSERT INTO kindly_stats.interaction (bot_id) VALUES (2)');
INSERT INTO event (bot_id, occurred_at, kind, interaction_name) VALUES (3, '2019-03-18 12:00Z', 'interaction', repeat('ø', 1500));
INSERT INTO kindly_stats.interaction (bot_id, interaction_name) VALUES (3, repeat('ø', 2000)), (3, '');
SELECT length(x ->> 'name'), x ->> 'value' AS value FROM json_array_elements(chatbot_com.conversations_interactions(3, '2019-03-17', '2019-03-19')) AS x;

--
-- By events
--
INSERT INTO event (bot_id, occurred_at, kind, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id)
SELECT 4, timestamptz '2019-03-17 10:00Z' + n * interval '1 hour', 'interaction', 'step', 'one', NULL, NULL, 'a' FROM generate_series(1, 3) AS n
UNION ALL SELECT 4, timestamptz '2019-03-17 10:00Z' + n * interval '20 days', 'interaction', 'step', 'two', NULL, 'p', NULL FROM generate_series(0, 2) AS n;
INSERT INTO event (bot_id, occurred_at, kind, source) VALUES (4, '2019-03-17 10:00Z', 'user_message', 'web');
SELECT report(4), noted(4);
-- while some are left, and when the last one is gone; a line for each, however often
DELETE FROM event WHERE bot_id = 4 AND interaction_name = 'one' AND occurred_at < '2019-03-17 12:00Z';
SELECT report(4), noted(4);
DELETE FROM event WHERE bot_id = 4 AND interaction_name = 'one' AND occurred_at < '2019-03-17 13:00Z';
DELETE FROM event WHERE bot_id = 4;
SELECT report(4), noted(4);
SELECT s, report(4, s) FROM unnest(ARRAY['a', '-a']) AS s;
CALL kindly_stats.compact(4);
SELECT report(4);
-- updates: what is no interaction any more, another bot's, renamed without an id, moved in time, and what changes nothing of it
INSERT INTO event (bot_id, occurred_at, kind, interaction_name, session_id) SELECT 5, '2019-03-17 10:00Z', 'interaction', i, 's' FROM unnest(ARRAY['kind', 'bot', 'name', 'moved', 'same', 'stays']) AS i;
UPDATE event SET kind = 'user_message' WHERE bot_id = 5 AND interaction_name = 'kind';
UPDATE event SET bot_id = 6 WHERE bot_id = 5 AND interaction_name = 'bot';
UPDATE event SET interaction_name = 'new name' WHERE bot_id = 5 AND interaction_name = 'name';
UPDATE event SET occurred_at = occurred_at + interval '1 hour' WHERE bot_id = 5 AND interaction_name = 'moved';
UPDATE event SET session_id = 't', interaction_name = 'same' WHERE bot_id = 5 AND interaction_name = 'same';
SELECT b, report(b), noted(b) FROM generate_series(5, 6) AS b;
-- rolled back it is nothing
BEGIN;
DELETE FROM event WHERE bot_id = 5 AND interaction_name = 'stays';
SELECT noted(5);
ROLLBACK;
SELECT noted(5);
-- serializable, in one transaction
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM event WHERE bot_id = 5 AND interaction_name = 'stays';
SELECT report(5);
COMMIT;
SELECT report(5), noted(5);
-- many at once, of several bots
INSERT INTO event (bot_id, occurred_at, kind, interaction_id, interaction_name) SELECT 7 + n % 3, timestamptz '2019-01-01 10:00Z' + n * interval '3 hours', 'interaction', 'i' || n % 100, 'n' FROM generate_series(1, 1000) AS n;
DELETE FROM event WHERE bot_id BETWEEN 7 AND 9;
SELECT bot_id, count(*), count(DISTINCT interaction_id) FROM kindly_stats.interaction WHERE bot_id BETWEEN 7 AND 9 GROUP BY 1 ORDER BY 1;
SELECT json_array_length(chatbot_com.conversations_interactions(8));
-- of a bot whose id is a text
CREATE TABLE texts (bot text, occurred_at timestamptz, kind text, interaction_name text);
SELECT kindly_stats.attach('texts', '{"bot_id": "bot"}');
INSERT INTO texts VALUES ('shop', '2019-03-17 10:00Z', 'interaction', 'deleted'), ('shop', '2019-03-17 10:00Z', 'interaction', 'left');
DELETE FROM texts WHERE interaction_name = 'deleted';
INSERT INTO kindly_stats.interaction (bot_id, interaction_name) VALUES (kindly_stats.bot_id('shop'), 'by hand');
SELECT x ->> 'name' AS name, x ->> 'value' AS value FROM json_array_elements(chatbot_com.conversations_interactions('shop', '2019-03-17', '2019-03-19')) AS x;
-- as they are replicated: row by row, and a TRUNCATE
CREATE TABLE replicated (LIKE event INCLUDING ALL);
SELECT kindly_stats.attach('replicated', replica => true);
INSERT INTO replicated (bot_id, occurred_at, kind, interaction_name) SELECT 10, '2019-03-17 10:00Z', 'interaction', i FROM unnest(ARRAY['deleted', 'before', 'truncated']) AS i;
SET session_replication_role = replica;
DELETE FROM replicated WHERE interaction_name = 'deleted';
UPDATE replicated SET interaction_name = 'after' WHERE interaction_name = 'before';
SELECT report(10), noted(10);
TRUNCATE replicated;
RESET session_replication_role;
SELECT report(10), noted(10);

--
-- By nothing else: what stays counted is listed as it is, what was counted by mistake is gone without a trace
--
CREATE TABLE parted (bot_id bigint, occurred_at timestamptz, kind text, interaction_name text, title text) PARTITION BY RANGE (occurred_at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2019-03-01 00:00Z') TO ('2019-03-18 00:00Z');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2019-03-18 00:00Z') TO ('2019-04-01 00:00Z');
INSERT INTO parted VALUES (11, '2019-03-17 10:00Z', 'interaction', 'one', 'eins'), (11, '2019-03-18 10:00Z', 'interaction', 'two', 'zwei'), (11, '2019-03-18 11:00Z', 'interaction', 'three', 'drei');
SELECT kindly_stats.attach('parted');
SELECT report(11);
SELECT kindly_stats.purge('parted', '2019-03-17 12:00Z');
SELECT report(11), noted(11);
DROP TABLE parted_1;
SELECT report(11), noted(11);
-- other columns
SELECT kindly_stats.attach('parted', '{"interaction_name": "title"}');
SELECT report(11), noted(11);
DELETE FROM parted WHERE title = 'drei';
-- detached with all that it counted; what was noted or kept stays
SELECT kindly_stats.detach('parted');
SELECT report(11), noted(11);
SELECT kindly_stats.attach('parted');
SELECT kindly_stats.detach('parted', keep_statistics => true);
SELECT report(11), noted(11);
SELECT * FROM kindly_stats.verify();

--
-- Names: what has an id is listed once, as it was called last
--
INSERT INTO event (bot_id, occurred_at, kind, interaction_id, interaction_name, story_id) VALUES
	(12, '2019-03-17 10:00Z', 'interaction', 'x', 'old', 'a'), (12, '2019-03-18 10:00Z', 'interaction', 'x', 'new', 'b'), (12, '2019-03-17 12:00Z', 'interaction', 'x', NULL, 'a'), (12, '2018-03-17 12:00Z', 'interaction', 'x', 'ancient', 'a'),
	(12, '2019-03-18 10:00Z', 'interaction', 'y', 'first of the same quarter hour', NULL), (12, '2019-03-18 10:14Z', 'interaction', 'y', 'the other', NULL),
	(12, '2018-03-18 10:00Z', 'interaction', 'z', 'z before', NULL), (12, '2017-03-18 10:14Z', 'interaction', 'z', 'z long before', NULL),
	-- without one, the name is all there is; an empty one is none
	(12, '2019-03-18 10:00Z', 'interaction', NULL, 'n', NULL), (12, '2019-03-18 10:00Z', 'interaction', NULL, 'm', NULL), (12, '2019-03-18 10:00Z', 'interaction', '', 'n', NULL), (12, '2019-03-18 10:00Z', 'interaction', '', 'm', NULL);
SELECT report(12);
SELECT report(12, first => '2010-01-01', last => '2020-01-01');
SELECT s, report(12, s) FROM unnest(ARRAY['a', 'b', '-b']) AS s;
CALL kindly_stats.compact(12);
SELECT report(12);
-- the catalogue says otherwise only where no event has a name
INSERT INTO event (bot_id, occurred_at, kind, interaction_id) VALUES (12, '2019-03-18 10:00Z', 'interaction', 'w');
SELECT report(12);
INSERT INTO kindly_stats.interaction (bot_id, interaction_id, interaction_name) VALUES (12, 'x', 'by hand'), (12, 'w', 'w by hand');
SELECT report(12);
-- that of events that are left; else that noted last
DELETE FROM event WHERE bot_id = 12 AND interaction_name = 'new';
SELECT report(12);
DELETE FROM event WHERE bot_id = 12;
INSERT INTO kindly_stats.interaction (bot_id, interaction_id, interaction_name, noted_at) VALUES (12, 'x', 'by hand again', now() + interval '1 day'), (12, 'w', 'w by an earlier hand', '2000-01-01 00:00Z');
SELECT report(12);

--
-- Rights
--
CREATE ROLE regress_ks_reader;
GRANT USAGE ON SCHEMA kindly_stats, chatbot_com TO regress_ks_reader;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure TO regress_ks_reader;
SET ROLE regress_ks_reader;
SELECT failure('SELECT chatbot_com.conversations_interactions(1)');
SELECT failure('DELETE FROM kindly_stats.interaction');
RESET ROLE;
GRANT SELECT ON kindly_stats.interaction TO regress_ks_reader;
SET ROLE regress_ks_reader;
SELECT report(2);
RESET ROLE;
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('regress_ks_reader', 1, tables => true);
SET ROLE regress_ks_reader;
SELECT report(1), report(2), (SELECT array_agg(DISTINCT bot_id) FROM kindly_stats.interaction) AS seen;
RESET ROLE;
-- whoever writes events needs no right on it
CREATE ROLE regress_ks_writer;
GRANT SELECT, INSERT, DELETE ON event TO regress_ks_writer;
SET ROLE regress_ks_writer;
INSERT INTO event (bot_id, occurred_at, kind, interaction_name) VALUES (13, '2019-03-17 10:00Z', 'interaction', 'written');
DELETE FROM event WHERE bot_id = 13;
SELECT failure('SELECT FROM kindly_stats.interaction');
RESET ROLE;
SELECT report(13), noted(13);
SELECT kindly_stats.create_administrator_roles();
CREATE ROLE regress_ks_admin IN ROLE kindly_stats_admin;
SET ROLE regress_ks_admin;
INSERT INTO kindly_stats.interaction (bot_id, interaction_name) VALUES (13, 'by the administrator');
DELETE FROM kindly_stats.interaction WHERE bot_id = 13 AND interaction_name = 'written';
SELECT noted(13);
RESET ROLE;
SELECT r, p, has_table_privilege(r, 'kindly_stats.interaction', p) FROM unnest(ARRAY['kindly_stats_admin', 'kindly_stats_monitor']) AS r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p;
-- it outlives the extension
DROP EXTENSION kindly_stats CASCADE;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.attach('event');
SELECT report(2), report(4), report(12);

DROP OWNED BY regress_ks_reader, regress_ks_writer, regress_ks_admin, kindly_stats_admin, kindly_stats_monitor;

-- names of which no month says that they were used: what is taken away more often than it came is looked for in all months, and then no more
INSERT INTO event (bot_id, occurred_at, kind, interaction_id, interaction_name)
SELECT 91, at, 'interaction', 'renamed', name FROM (VALUES (timestamptz '2019-03-18 10:00Z', 'one'), ('2019-03-18 11:00Z', 'other'), ('2019-01-18 11:00Z', 'one')) AS e (at, name);
UPDATE kindly_stats.rollup SET tally = kindly_stats.tally_subtract(kindly_stats.tally_subtract(tally, tally), tally) WHERE bot_id = 91;
SELECT report(91);
DELETE FROM kindly_stats.rollup WHERE bot_id = 91;
SELECT report(91);
DELETE FROM event WHERE bot_id = 91;

\c :regression
DROP DATABASE regression_kindly_interaction;
DROP ROLE regress_ks_reader, regress_ks_writer, regress_ks_admin, kindly_stats_admin, kindly_stats_monitor;
