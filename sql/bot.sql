-- The type of bots, and bots whose ids are texts; in a database of its own, which row-level security stays in
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_bot;
CREATE DATABASE regression_kindly_bot TEMPLATE template0 ENCODING 'UTF8';
\c regression_kindly_bot
SET client_min_messages = warning;
\pset format unaligned
\set SHOW_CONTEXT never
CREATE EXTENSION kindly_stats;
-- integers, however they come, are their own number
SELECT '42'::kindly_stats.bot_id AS text, 42::kindly_stats.bot_id AS int4, 42::smallint::kindly_stats.bot_id AS int2, 42::bigint::kindly_stats.bot_id AS int8,
       42.00::kindly_stats.bot_id AS "numeric", varchar '42'::kindly_stats.bot_id AS "varchar", char(9) '42'::kindly_stats.bot_id AS bpchar,
       '-7'::kindly_stats.bot_id AS negative, '0'::kindly_stats.bot_id AS zero;
SELECT '9223372036854775807'::kindly_stats.bot_id AS most, '-9223372036854775808'::kindly_stats.bot_id AS least, (-9223372036854775808)::kindly_stats.bot_id AS least_numeric;
-- every other text has a number below -2^62, which is read as what it was written
SELECT t, t::kindly_stats.bot_id AS bot, t::kindly_stats.bot_id::bigint < -4611686018427387904 AS derived, t::kindly_stats.bot_id::text::kindly_stats.bot_id::bigint = t::kindly_stats.bot_id::bigint AS again
  FROM unnest(ARRAY['acme-support', 'Acme-support', '042', '+42', '-0', '--1', '-', ' 42', '42 ', '4e1', '42.0', '9223372036854775808', '-9223372036854775809', '99999999999999999999999',
                    'a/b?c=d&e%20', 'ботик', '🤖', 'NULL', '{1,2}', repeat('x', 2000)]) WITH ORDINALITY AS u (t, n)
 WHERE t IS NOT NULL ORDER BY n;
-- a UUID is the same in upper and lower case, as a text and as a uuid; what only looks like one is not
SELECT b::bigint = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::kindly_stats.bot_id::bigint AS same
  FROM unnest(ARRAY['f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid::kindly_stats.bot_id, 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', 'f81d4fae-7dec-11d0-a765-00A0C91E6BF6',
                    'f81d4fae7dec11d0a76500a0c91e6bf6', '{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}', 'f81d4fae-7dec-11d0-a765-00a0c91e6bg6']::kindly_stats.bot_id[]) WITH ORDINALITY AS u (b, n) ORDER BY n;
SELECT char(20) 'acme-support'::kindly_stats.bot_id::bigint = 'acme-support'::kindly_stats.bot_id::bigint AS trimmed;
-- no bot's id
SELECT ''::kindly_stats.bot_id;
SELECT char(3) ''::kindly_stats.bot_id;
SELECT repeat('x', 2001)::kindly_stats.bot_id;
SELECT 42.5::kindly_stats.bot_id;
SELECT 'NaN'::numeric::kindly_stats.bot_id;
SELECT 1e30::kindly_stats.bot_id;
SELECT true::kindly_stats.bot_id;
SELECT NULL::kindly_stats.bot_id IS NULL AS none, NULL::text::kindly_stats.bot_id IS NULL AS no_text;
-- binary, as clients send it
CREATE TEMP TABLE sent (bot kindly_stats.bot_id);
INSERT INTO sent VALUES (42), ('acme-support'), ('f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid), (7::numeric), (NULL);
SELECT encode(kindly_stats.bot_id_send(bot), 'hex') AS bytes FROM sent;

-- Events of the same bots, with integers, texts, char(n), UUIDs and a domain for their ids
SET timezone = 'UTC';
SELECT kindly_stats.create_event_table('number_event') \g /dev/null
CREATE DOMAIN bot_name AS varchar(40) CHECK (VALUE <> 'nobody');
CREATE TABLE text_event (LIKE number_event INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE text_event ALTER COLUMN bot_id TYPE text;
CREATE TABLE bpchar_event (LIKE number_event INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE bpchar_event ALTER COLUMN bot_id TYPE char(30);
CREATE TABLE domain_event (LIKE number_event INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE domain_event ALTER COLUMN bot_id TYPE bot_name;
CREATE TABLE uuid_event (LIKE number_event INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE uuid_event ALTER COLUMN bot_id TYPE uuid USING NULL;
CREATE TABLE same (number bigint PRIMARY KEY, text text, bpchar char(30), domain bot_name, uuid uuid);
INSERT INTO same SELECT n, (ARRAY['acme-support', 'Ünïcode/ bot', '042'])[n - 7100], 'padded ' || n, 'of a domain ' || n, md5(n::text)::uuid FROM generate_series(7101, 7103) AS n;

CREATE TEMP TABLE event AS
SELECT 7101 + d[1] % 3 AS bot, timestamptz '2024-10-25 00:00Z' + n * interval '17 minutes 11 seconds' AS at,
       (ARRAY['user_message', 'bot_reply', 'button_click', 'label_added', 'feedback', 'handover_request', 'user_message', 'interaction'])[1 + d[2] % 8] AS kind,
       'session ' || d[3] % 40 AS session, 'user ' || d[4] % 15 AS "user", (ARRAY['web', 'app', NULL])[1 + d[5] % 3] AS source, (ARRAY['en', 'nb'])[1 + d[6] % 2] AS language,
       d[7] % 4 = 0 AS fallback, 'button ' || d[8] % 5 AS button, d[9] % 3 + 1 AS rating
  FROM generate_series(1, 600) AS n,
       LATERAL (SELECT array_agg(get_byte(decode(md5(n::text || ' bots'), 'hex'), i) ORDER BY i) AS d FROM generate_series(0, 9) AS i) AS dealt;
CREATE FUNCTION pg_temp.write(target regclass, id text, part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($q$INSERT INTO %s (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, button_id, button_type, web_host, label_text, rating_type, rating, interaction_name)
		SELECT s.%I, e.at, e.kind, e.session, e."user", e.source, e.language, e.fallback, e.button, 'quick_reply', 'host ' || e.rating, e.button, 'emojis', e.rating, e.button
		  FROM event AS e JOIN same AS s ON s.number = e.bot WHERE %s$q$, target, id, part);
END
$$;
-- half of them before they are attached, half of them after
SELECT pg_temp.write(id || '_event', id, 'extract(minute FROM e.at) < 30') FROM unnest('{text,bpchar,domain,uuid}'::text[]) AS id \g /dev/null
SELECT kindly_stats.attach((id || '_event')::regclass) FROM unnest('{text,bpchar,domain,uuid}'::text[]) AS id;
SELECT pg_temp.write(id || '_event', id, 'extract(minute FROM e.at) >= 30') FROM unnest('{text,bpchar,domain,uuid}'::text[]) AS id \g /dev/null
SELECT pg_temp.write('number_event', 'number', 'true') \g /dev/null
SELECT * FROM kindly_stats.verify();
-- each id as its table has it, once; integers need none
SELECT k.id, bool_and(k.bot_id = k.id::kindly_stats.bot_id::bigint AND k.bot_id < -4611686018427387904) AS derived, count(*) FROM kindly_stats.known_bot AS k GROUP BY k.id ORDER BY k.id;

-- every statistic is the same
CREATE FUNCTION pg_temp.answers(bot kindly_stats.bot_id) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT p.oid, n.nspname AS schema, p.proname AS name, p.proargnames AS arguments FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
		WHERE p.proargnames[1] = 'bot' AND (n.nspname IN ('sage', 'chatbot_com') OR n.nspname = 'kindly_stats' AND p.proname ~ '^(stats_|top_buttons|fallback_rate)') ORDER BY 2, 3
	LOOP
		RETURN QUERY EXECUTE format('SELECT %L || coalesce(string_agg(r::text, '' ''), '''') FROM %I.%I(bot => $1%s%s%s) AS r', f.name || ' ', f.schema, f.name,
			CASE WHEN 'from' = ANY (f.arguments) THEN ', "from" => ''2024-10-25'', "to" => ''2024-11-03''' END, CASE WHEN 'tz' = ANY (f.arguments) THEN ', tz => ''Europe/Oslo''' END,
			CASE WHEN 'measures' = ANY (f.arguments) THEN ', measures => ''{messages,pages}''' END) USING bot;
	END LOOP;
END
$$;
SELECT count(*) AS questions, count(*) FILTER (WHERE n.a = t.a) AS text, count(*) FILTER (WHERE n.a = b.a) AS bpchar, count(*) FILTER (WHERE n.a = d.a) AS domain, count(*) FILTER (WHERE n.a = u.a) AS uuid, count(DISTINCT n.a) AS answers
  FROM same AS s, LATERAL ROWS FROM (pg_temp.answers(s.number)) WITH ORDINALITY AS n (a, i) JOIN LATERAL ROWS FROM (pg_temp.answers(s.text)) WITH ORDINALITY AS t (a, i) USING (i)
  JOIN LATERAL ROWS FROM (pg_temp.answers(s.bpchar)) WITH ORDINALITY AS b (a, i) USING (i) JOIN LATERAL ROWS FROM (pg_temp.answers(s.domain)) WITH ORDINALITY AS d (a, i) USING (i)
  JOIN LATERAL ROWS FROM (pg_temp.answers(s.uuid)) WITH ORDINALITY AS u (a, i) USING (i);
-- whatever a client binds it as
PREPARE asked (text, varchar, uuid, bigint, numeric) AS
SELECT (SELECT count FROM kindly_stats.stats_total($1, '2024-10-25', '2024-11-03')), (SELECT count FROM kindly_stats.stats_total($2, '2024-10-25', '2024-11-03')),
       (SELECT count FROM kindly_stats.stats_total($3, '2024-10-25', '2024-11-03')), (SELECT count FROM kindly_stats.stats_total($4, '2024-10-25', '2024-11-03')),
       (SELECT count FROM kindly_stats.stats_total($5, '2024-10-25', '2024-11-03'));
EXECUTE asked('acme-support', 'acme-support', md5('7101')::uuid, 7101, 7101);

-- statements of all kinds, rolled back or not, find their bots
BEGIN;
SAVEPOINT a;
INSERT INTO text_event (bot_id, occurred_at, kind) VALUES ('rolled back', '2024-10-25', 'user_message'), ('kept', '2024-10-25', 'user_message');
ROLLBACK TO a;
INSERT INTO text_event (bot_id, occurred_at, kind) VALUES ('kept', '2024-10-25', 'user_message');
COMMIT;
UPDATE text_event SET bot_id = 'moved ' || bot_id WHERE bot_id IN ('kept', '042');
DELETE FROM text_event WHERE bot_id = 'moved kept';
COPY text_event (bot_id, occurred_at, kind, session_id) FROM stdin;
copied	2024-10-25	user_message	a
copied	2024-10-26	user_message	a
-7	2024-10-26	user_message	a
\.
-- ids as long as can be, and such as differ far behind
INSERT INTO text_event (bot_id, occurred_at, kind) SELECT repeat('long', 499) || n % 3, '2024-10-25', 'user_message' FROM generate_series(1, 9) AS n;
SELECT left(id, 20) AS id, length(id), (SELECT count FROM kindly_stats.stats_total(id, '2024-10-25', '2024-11-03', measure => 'events')) FROM kindly_stats.bot WHERE id !~ '^(padded|of a domain|[0-9a-f]{8}-)' ORDER BY kindly_stats.bot.id COLLATE "C";
SELECT * FROM kindly_stats.verify();
SELECT count(*) FROM kindly_stats.verify('moved 042');

-- refused where they are written
INSERT INTO text_event (bot_id, occurred_at, kind) VALUES ('', '2024-10-25', 'user_message');
INSERT INTO text_event (bot_id, occurred_at, kind) VALUES (repeat('x', 2001), '2024-10-25', 'user_message');
INSERT INTO text_event (bot_id, occurred_at, kind) VALUES ('-4611686018427387905', '2024-10-25', 'user_message');
INSERT INTO number_event (bot_id, occurred_at, kind) VALUES (-4611686018427387905, '2024-10-25', 'user_message');
INSERT INTO number_event (bot_id, occurred_at, kind) VALUES (-4611686018427387904, '2024-10-25', 'user_message');
-- two ids of one number: as if there were such
INSERT INTO kindly_stats.known_bot (bot_id, id) VALUES ('fifth'::kindly_stats.bot_id, 'sixth');
INSERT INTO text_event (bot_id, occurred_at, kind) VALUES ('fifth', '2024-10-25', 'user_message');
INSERT INTO kindly_stats.known_bot (bot_id, id) VALUES ('fifth'::kindly_stats.bot_id, 'fifth');
SELECT * FROM kindly_stats.health_bots();
DELETE FROM kindly_stats.known_bot WHERE id IN ('fifth', 'sixth');
CREATE TABLE empty_bot (bot_id text, occurred_at timestamptz, kind text);
INSERT INTO empty_bot VALUES (NULL, '2024-10-25', 'user_message'), ('', '2024-10-25', 'user_message');
SELECT kindly_stats.attach('empty_bot');
DELETE FROM empty_bot WHERE bot_id = '';
SELECT kindly_stats.attach('empty_bot');
SELECT kindly_stats.detach('empty_bot');
DROP TABLE empty_bot;

-- names
INSERT INTO kindly_stats.bot_name (id, name) VALUES (7101, 'First'), ('acme-support', 'Support'), ('D10F6F4A-7e6a-4d2b-9d3b-0c1f2e3a4b5c', 'Not seen yet');
SELECT id, number, name FROM kindly_stats.bot WHERE name IS NOT NULL ORDER BY name;
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('d10f6f4a-7e6a-4d2b-9d3b-0c1f2e3a4b5c', 'Twice');
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('', 'Nobody');
SELECT logicdialog.message('2024-10-25', '2024-11-03', 'Support')::jsonb - 'client' = logicdialog.message('2024-10-25', '2024-11-03', 'First')::jsonb - 'client' AS same;
UPDATE kindly_stats.bot_name SET name = 'Help' WHERE id = 'acme-support';
SELECT name FROM kindly_stats.bot WHERE id = 'acme-support';
-- the id is one everywhere, however the table of names spells a UUID
INSERT INTO kindly_stats.bot_name (id, name) SELECT upper(uuid::text), 'In capitals' FROM same WHERE number = 7102;
SELECT id = uuid::text AS listed, (SELECT count(*) > 0 FROM bi.daily AS d WHERE d.bot_id = s.uuid::text AND d.bot_name = 'In capitals') AS in_tools,
       (SELECT string_agg(t.bot, ',') FROM kindly_stats.stats_total_by_bot('2024-10-25', '2024-11-03', bots => ARRAY[s.uuid]::kindly_stats.bot_id[]) AS t) = uuid::text AS in_lists
  FROM kindly_stats.bot AS b JOIN same AS s ON b.id = s.uuid::text WHERE b.name = 'In capitals';
DELETE FROM kindly_stats.bot_name WHERE name = 'In capitals';

-- repairs, purges and DDL
DELETE FROM kindly_stats.known_bot WHERE id = 'acme-support';
SELECT kindly_stats.rebuild('acme-support');
SELECT kindly_stats.bot_text('acme-support'::kindly_stats.bot_id::bigint);
UPDATE kindly_stats.rollup SET tally = tally OPERATOR(kindly_stats.+) tally WHERE bot_id = 'acme-support'::kindly_stats.bot_id::bigint;
SELECT DISTINCT bot_id, month FROM kindly_stats.verify();
SELECT kindly_stats.rebuild('acme-support');
CALL kindly_stats.compact('acme-support');
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.purge('text_event', '2024-10-27') > 0 AS purged;
ALTER TABLE uuid_event ALTER COLUMN bot_id TYPE text;
INSERT INTO uuid_event (bot_id, occurred_at, kind) SELECT upper(uuid::text), '2024-10-25', 'user_message' FROM same;
SELECT * FROM kindly_stats.verify();
CREATE TABLE parted (LIKE text_event INCLUDING DEFAULTS) PARTITION BY LIST (bot_id);
CREATE TABLE parted_acme PARTITION OF parted FOR VALUES IN ('acme-support');
INSERT INTO parted SELECT * FROM text_event WHERE bot_id = 'acme-support';
SELECT kindly_stats.attach('parted');
CREATE TABLE parted_other (LIKE parted INCLUDING DEFAULTS);
INSERT INTO parted_other (bot_id, occurred_at, kind) VALUES ('partly', '2024-10-25', 'user_message');
ALTER TABLE parted ATTACH PARTITION parted_other DEFAULT;
ALTER TABLE parted DETACH PARTITION parted_acme;
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.bot_text('partly'::kindly_stats.bot_id::bigint);
SELECT count(*) FROM kindly_stats.health() WHERE severity = 'error';
SELECT kindly_stats.detach('parted_acme'), kindly_stats.detach('parted') \g /dev/null
DROP TABLE parted, parted_acme;
SELECT count(*) FROM same AS s, pg_temp.answers(s.uuid);

-- Conversations
SELECT kindly_stats.create_conversation_table('number_talk') \g /dev/null
CREATE TABLE text_talk (LIKE number_talk INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE text_talk ALTER COLUMN bot_id TYPE varchar(50);
CREATE TABLE bpchar_talk (LIKE number_talk INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE bpchar_talk ALTER COLUMN bot_id TYPE char(30);
CREATE TABLE domain_talk (LIKE number_talk INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE domain_talk ALTER COLUMN bot_id TYPE bot_name;
CREATE TABLE uuid_talk (LIKE number_talk INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE uuid_talk ALTER COLUMN bot_id TYPE uuid USING NULL;
CREATE FUNCTION pg_temp.talk(target regclass, id text, first int, last int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($q$INSERT INTO %s (bot_id, conversation_id, conversation_start_time, conversation_end_time, conversation_status, bot_messages_count, visitor_messages_count, triggered_intent_replies)
		SELECT s.%I, 'c' || n, timestamptz '2024-10-25 00:00Z' + n * interval '3 hours', timestamptz '2024-10-25 01:00Z' + n * interval '3 hours', (ARRAY['botHandled', 'agent'])[1 + n %% 2], n, n %% 4,
		       jsonb_build_array(jsonb_build_object('intent_name', 'intent ' || n %% 3, 'not_meaningful', false))
		  FROM generate_series(%s, %s) AS n, same AS s$q$, target, id, first, last);
END
$$;
SELECT pg_temp.talk(id || '_talk', id, 1, 10) FROM unnest('{text,bpchar,domain,uuid}'::text[]) AS id \g /dev/null
SELECT kindly_stats.attach_conversations((id || '_talk')::regclass) FROM unnest('{text,bpchar,domain,uuid}'::text[]) AS id;
SELECT pg_temp.talk(id || '_talk', id, 11, 20) FROM unnest('{text,bpchar,domain,uuid}'::text[]) AS id \g /dev/null
SELECT pg_temp.talk('number_talk', 'number', 1, 20) \g /dev/null
SELECT * FROM kindly_stats.verify();
CREATE FUNCTION pg_temp.talks(bot kindly_stats.bot_id) RETURNS text LANGUAGE sql AS $$
	SELECT concat((SELECT string_agg((d::jsonb - 'bot_id' - 'bot_name')::text, E'\n') FROM (SELECT ultimate.export_rows(bot, '2024-10-26') AS d) AS e),
	              (SELECT json_agg(m) FROM ultimate.metrics(bot, '2024-10-25', '2024-10-30') AS m), (SELECT json_agg(m) FROM ultimate.metrics(bot, '2024-10-25', '2024-10-30', attribution => 'start') AS m),
	              (SELECT json_agg(m) FROM ultimate.first_last_intent(bot, '2024-10-25', '2024-10-30') AS m), (SELECT json_agg(m) FROM ultimate.metrics_by_first_meaningful_intent(bot, '2024-10-25', '2024-10-30') AS m))
$$;
SELECT number, length(pg_temp.talks(number)) > 1000 AS any, pg_temp.talks(text) = pg_temp.talks(number) AS text, pg_temp.talks(bpchar) = pg_temp.talks(number) AS bpchar, pg_temp.talks(domain) = pg_temp.talks(number) AS domain, pg_temp.talks(uuid) = pg_temp.talks(number) AS uuid
  FROM same ORDER BY number;
-- each has the id that its user has
SELECT d ->> 'bot_id' AS bot_id, d ->> 'bot_name' AS bot_name FROM same AS s, unnest(ARRAY[s.number, s.text, s.bpchar, s.domain, s.uuid]::kindly_stats.bot_id[]) AS b, LATERAL (SELECT ultimate.export_rows(b, '2024-10-26') AS d LIMIT 1) AS e
 WHERE s.number = 7101;
-- indexes of the user's columns are good for it
SET enable_seqscan = off;
CREATE FUNCTION pg_temp.index_scans(target regclass) RETURNS bigint LANGUAGE sql AS 'SELECT sum(pg_stat_get_xact_numscans(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = target';
CREATE FUNCTION pg_temp.scans(target regclass, bot kindly_stats.bot_id) RETURNS TABLE (relation regclass, sequential boolean, by_index boolean) LANGUAGE plpgsql AS $$
DECLARE
	sequential_before bigint := pg_stat_get_xact_numscans(target);
	by_index_before bigint := pg_temp.index_scans(target);
BEGIN
	PERFORM ultimate.export(bot, '2024-10-25');
	RETURN QUERY SELECT target, pg_stat_get_xact_numscans(target) > sequential_before, pg_temp.index_scans(target) > by_index_before;
END
$$;
SELECT f.* FROM same AS s, LATERAL (SELECT * FROM pg_temp.scans('text_talk', s.text) UNION ALL SELECT * FROM pg_temp.scans('bpchar_talk', s.bpchar) UNION ALL SELECT * FROM pg_temp.scans('domain_talk', s.domain) UNION ALL SELECT * FROM pg_temp.scans('uuid_talk', s.uuid)) AS f
 WHERE s.number = 7102;
RESET enable_seqscan;
-- guarded days
UPDATE text_talk SET channel = 'chat' WHERE bot_id = 'acme-support' AND conversation_id = 'c10';
SELECT kindly_stats.reopen_day('acme-support', '2024-10-26'), kindly_stats.reopen_day('acme-support', '2024-10-26');
UPDATE text_talk SET channel = 'chat' WHERE bot_id = 'acme-support' AND conversation_id = 'c10';
SELECT kindly_stats.close_day('acme-support', '2024-10-26');
INSERT INTO text_talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES ('acme-support', 'late', '2024-10-26', '2024-10-26 01:00');
-- a UUID in several cases in one text column, and texts that a collation takes for the same
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE cased (LIKE number_talk INCLUDING DEFAULTS);
ALTER TABLE cased ALTER COLUMN bot_id TYPE text COLLATE any_case;
INSERT INTO cased (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT b, b || n, '2024-10-28', '2024-10-28 01:00' FROM unnest(ARRAY['f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', 'Case', 'case']) AS b, generate_series(1, 2) AS n;
SELECT kindly_stats.attach_conversations('cased');
INSERT INTO cased (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES ('f81D4fae-7dec-11d0-a765-00a0c91e6bf6', 'third', '2024-10-28', '2024-10-28 01:00');
SELECT b, json_array_length(ultimate.export(b, '2024-10-28')) FROM unnest(ARRAY['F81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'Case', 'case']) AS b;
SELECT * FROM kindly_stats.verify();

-- tables of somebody who has no right on the extension: they are read as him
CREATE ROLE regress_ks_acme;
ALTER TABLE domain_event OWNER TO regress_ks_acme;
ALTER TABLE domain_talk OWNER TO regress_ks_acme;
SET ROLE regress_ks_acme;
INSERT INTO domain_event (bot_id, occurred_at, kind) VALUES ('his own', '2024-10-25', 'user_message');
INSERT INTO domain_talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES ('his own', 'a', '2024-10-25', '2024-10-25 01:00');
RESET ROLE;
SELECT kindly_stats.rebuild('his own'), kindly_stats.close_day('his own', '2024-10-25'), json_array_length(ultimate.export('his own', '2024-10-25'));
SELECT * FROM kindly_stats.verify();

-- Rights
SELECT kindly_stats.enable_row_security() \g /dev/null
SELECT kindly_stats.grant_bot('regress_ks_acme', 'acme-support', tables => true);
SELECT kindly_stats.grant_bot('regress_ks_acme', uuid, tables => true) FROM same WHERE number = 7102;
GRANT SELECT ON same TO regress_ks_acme;
SET ROLE regress_ks_acme;
SELECT id, name FROM kindly_stats.bot ORDER BY id COLLATE "C";
SELECT s.text, (SELECT count FROM kindly_stats.stats_total(s.text, '2024-10-25', '2024-11-03', measure => 'events')) AS text, (SELECT count FROM kindly_stats.stats_total(s.uuid, '2024-10-25', '2024-11-03', measure => 'events')) AS uuid FROM same AS s ORDER BY s.number;
SELECT bot_id, count(*) FROM text_talk GROUP BY 1;
SELECT bot_id, count(*) FROM uuid_talk GROUP BY 1;
SELECT bot_id, count(*) FROM bpchar_talk GROUP BY 1;
SELECT ultimate.export('042', '2024-10-26');
RESET ROLE;
SELECT kindly_stats.revoke_bot('regress_ks_acme', 'acme-support'), kindly_stats.revoke_bot('regress_ks_acme', 'other');
SELECT left(kindly_stats.create_api_key('acme-support'), 3) AS text, left(kindly_stats.create_api_key(7101), 3) AS number, left(kindly_stats.create_api_key('9f81d4fa-7dec-11d0-a765-00a0c91e6bf6'), 3) AS not_seen;
SELECT bot_id, is_valid FROM kindly_stats.api_keys() ORDER BY bot_id COLLATE "C";
SELECT bot_id FROM kindly_stats.api_keys('acme-support');
SELECT kindly_stats.grant_bot('regress_ks_acme', 'Nobody''s yet', tables => true);
SELECT g.role, b.id FROM kindly_stats.bot_grant AS g JOIN kindly_stats.bot AS b ON b.number = g.bot_id ORDER BY b.id COLLATE "C";

-- what a restore finds when the extension comes back
DROP EXTENSION kindly_stats CASCADE;
SELECT to_regclass('kindly_stats.bot') IS NULL AS no_view, (SELECT count(*) FROM kindly_stats.bot_name) AS names, (SELECT count(*) > 0 FROM kindly_stats.known_bot) AS known;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.attach('text_event');
SELECT id, name FROM kindly_stats.bot WHERE name IS NOT NULL ORDER BY name;
SELECT * FROM kindly_stats.verify();

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_bot;
DROP ROLE regress_ks_acme;
