-- Random rows, written and changed at random, against what PostgreSQL's own operators make of them.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

CREATE FUNCTION one_of(VARIADIC texts text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT texts[1 + floor(random() * cardinality(texts))::integer]';
CREATE FUNCTION random_json(depth integer) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    kind float8 := random();
BEGIN
    IF depth = 0 OR kind < 0.2 THEN
        RETURN one_of('null', 'true', 'false', '0', '-1.50', '12', '1e2', '""', '"x"', '"\u00e9\n\"\\\/"', '"\ud83d\ude00"', ' "a b" ', '9223372036854775807');
    ELSIF kind < 0.75 THEN
        RETURN one_of('{', ' { ') || coalesce((SELECT string_agg(format('%s%s%s', one_of('"a"', '"b"', '"\u0061"', '"0"', '"é"', '"\u00e9"'), one_of(':', ' : '), random_json(depth - 1)), one_of(',', E' ,\n'))
                                                 FROM generate_series(1, floor(random() * 4)::integer)), '') || one_of('}', ' }');
    END IF;
    RETURN '[' || coalesce((SELECT string_agg(random_json(depth - 1), one_of(',', ' , ')) FROM generate_series(1, floor(random() * 4)::integer)), '') || one_of(']', E'\t]');
END
$$;
-- to something that is there, mostly
CREATE FUNCTION random_path(document jsonb) RETURNS text[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    path text[] := '{}';
    step text;
BEGIN
    WHILE random() < 0.95 LOOP
        SELECT k INTO step FROM (SELECT jsonb_object_keys(CASE jsonb_typeof(document) WHEN 'object' THEN document ELSE '{}' END)
                                 UNION ALL SELECT generate_series(0, CASE jsonb_typeof(document) WHEN 'array' THEN jsonb_array_length(document) ELSE 0 END - 1)::text) AS s (k)
         ORDER BY random() LIMIT 1;
        EXIT WHEN NOT FOUND;
        path := path || step;
        document := document #> ARRAY[step];
    END LOOP;
    RETURN CASE WHEN path = '{}' THEN ARRAY[one_of('a', 'b', '0')] ELSE path END;
END
$$;
-- what a text has where it is JSON, NULL elsewhere; whether something is there at all is said by jsonb, for which the last of equal names counts
CREATE FUNCTION plain_field(document text, path text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN jsonb_typeof(document::jsonb #> path) NOT IN ('object', 'array') THEN document::json #>> path END;
EXCEPTION
    WHEN invalid_text_representation OR untranslatable_character THEN RETURN NULL;
END
$$;
-- json holds escapes that are no text, but can be asked nothing then
CREATE FUNCTION is_unreadable(document text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM document::json;
    PERFORM document::jsonb;
    RETURN false;
EXCEPTION
    WHEN invalid_text_representation OR untranslatable_character THEN RETURN document LIKE '%\\u%';
END
$$;
CREATE FUNCTION plain_boolean(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN value::boolean;
EXCEPTION
    WHEN invalid_text_representation THEN RETURN NULL;
END
$$;
CREATE FUNCTION broken(document text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN random() < 0.8 OR length(document) < 2 THEN document
                ELSE overlay(document PLACING one_of('', '{', '}', ',', '"', '\', ':', '1', ' ', 'x') FROM 1 + floor(random() * (length(document) - 1))::integer FOR floor(random() * 3)::integer) END
$$;

-- fields, of texts that are JSON or nearly, and of jsonb
SELECT setseed(0.25);
CREATE TEMP TABLE document AS
SELECT good, CASE n % 3 WHEN 0 THEN ARRAY(SELECT one_of('a', 'b', '0', '1', 'é') FROM generate_series(1, 1 + n % 3)) ELSE random_path(good::jsonb) END AS path
  FROM (SELECT n, random_json(4) AS good FROM generate_series(1, 8000) AS n OFFSET 0) AS d;
SELECT count(*) AS documents, count(kindly_rules.json_field(good, path)) > 1000 AS found_often FROM document;
SELECT good, path, kindly_rules.json_field(good, path), good::json #>> path FROM document
 WHERE kindly_rules.json_field(good, path) IS DISTINCT FROM plain_field(good, path);
SELECT good, path FROM document
 WHERE kindly_rules.json_field(good::jsonb, path) IS DISTINCT FROM CASE WHEN jsonb_typeof(good::jsonb #> path) NOT IN ('object', 'array') THEN good::jsonb #>> path END;
SELECT bad, path FROM (SELECT broken(broken(good)) AS bad, path FROM document OFFSET 0) AS b WHERE kindly_rules.json_field(bad, path) IS DISTINCT FROM plain_field(bad, path) AND NOT is_unreadable(bad);
-- the rest against casts
SELECT t FROM (SELECT one_of('', ' ') || one_of('t', 'tru', 'TRUE', 'y', 'yes', 'on', 'o', 'of', 'off', 'n', 'no', '0', '1', '2', '01', '') || one_of('', E'\t', 'x') AS t FROM generate_series(1, 500) OFFSET 0) AS v
 WHERE kindly_rules.boolean_of(t) IS DISTINCT FROM plain_boolean(t);
SELECT n FROM (SELECT round((random() * 2e19 - 1e19)::numeric / one_of('1', '1e10', '1e18')::numeric, one_of('0', '1', '2')::integer) AS n FROM generate_series(1, 2000) OFFSET 0) AS v
 WHERE kindly_rules.whole_number(n) IS DISTINCT FROM CASE WHEN n = trunc(n) AND n BETWEEN -9223372036854775808 AND 9223372036854775807 THEN n::bigint END
    OR kindly_rules.whole_number(n::text) IS DISTINCT FROM kindly_rules.whole_number(n);
SELECT t, z FROM (SELECT timestamp '1880-01-01' + random() * interval '170 years' AS t, one_of('Europe/Oslo', 'America/Havana', 'Australia/Lord_Howe', 'Africa/Casablanca', 'UTC', 'Pacific/Apia') AS z
                    FROM generate_series(1, 5000) OFFSET 0) AS v
 WHERE kindly_rules.zoned_instant(t, z) IS DISTINCT FROM t AT TIME ZONE z;
-- near the clock changes of every zone
SELECT n.name, t FROM pg_timezone_names AS n, generate_series(timestamp '2024-03-09 00:07', '2024-03-31 23:00', '37 minutes') AS t
 WHERE n.name IN ('America/New_York', 'Europe/Oslo', 'Asia/Gaza') AND kindly_rules.zoned_instant(t, n.name) <> t AT TIME ZONE n.name;
SELECT x FROM (SELECT (random() * 5e9 - 1e9)::float8 AS x FROM generate_series(1, 5000) OFFSET 0) AS v
 WHERE kindly_rules.number_instant(x, 'seconds') <> to_timestamp(x) OR kindly_rules.number_instant(x * 1000, 'milliseconds') <> to_timestamp(x * 1000 / 1000)
    OR kindly_rules.number_instant(x::numeric, 'seconds') <> to_timestamp(x::numeric) OR kindly_rules.number_instant((x * 1000)::bigint, 'milliseconds') <> to_timestamp((x * 1000)::bigint / 1000.0);

-- One table by rules, and one with documented columns that PostgreSQL's operators fill from it, must count the same.
CREATE TABLE ruled (id bigint GENERATED ALWAYS AS IDENTITY, inbox integer, local timestamp, epoch float8, way smallint, doc jsonb, raw json, note text, truth text, paid numeric, score numeric, spent numeric);
CREATE VIEW plain AS
SELECT inbox - 100 AS bot_id, r.local AT TIME ZONE 'Europe/Oslo' AS occurred_at,
       CASE way WHEN 0 THEN 'user_message' WHEN 1 THEN 'bot_reply' WHEN 3 THEN 'feedback' WHEN 4 THEN 'handover_ended' ELSE way::text END AS kind,
       CASE WHEN jsonb_typeof(doc #> '{a,b}') NOT IN ('object', 'array') THEN doc #>> '{a,b}' END AS session_id,
       CASE WHEN json_typeof(raw #> '{a}') NOT IN ('object', 'array') THEN raw #>> '{a}' END AS user_id,
       plain_field(note, '{b}') AS source, 'nb'::text AS language_code, plain_boolean(truth) AS is_fallback, paid > 0 AS paid, trim_scale(score)::text AS rating,
       CASE plain_field(note, '{a}') WHEN 'x' THEN 'small' WHEN '12' THEN NULL ELSE plain_field(note, '{a}') END AS rating_type,
       CASE WHEN spent = trunc(spent) THEN spent::bigint END AS duration
  FROM ruled AS r WHERE way IS DISTINCT FROM 2;
CREATE FUNCTION random_rows(count integer) RETURNS TABLE (inbox integer, local timestamp, epoch float8, way smallint, doc jsonb, raw json, note text, truth text, paid numeric, score numeric, spent numeric)
    LANGUAGE sql VOLATILE AS $$
    SELECT 88300 + floor(random() * 3)::integer, v.local, extract(epoch FROM v.local), CASE WHEN random() < 0.95 THEN floor(random() * 6)::smallint END, random_json(3)::jsonb, random_json(3)::json,
           CASE WHEN random() < 0.9 THEN broken(random_json(2)) END, one_of('t', 'yes', 'no', '1', '', 'maybe', NULL), one_of('0', '-1', '0.5', '2.0', 'NaN', NULL)::numeric,
           one_of('1', '1.0', '2.50', '2.5', NULL)::numeric, one_of('1', '2.0', '2.5', '-3.00', NULL)::numeric
      FROM (SELECT CASE WHEN random() < 0.98 THEN timestamp '2024-10-20' + floor(random() * 2000) * interval '11 minutes' END AS local FROM generate_series(1, count)) AS v
$$;
SELECT setseed(0.5);
INSERT INTO ruled (inbox, local, epoch, way, doc, raw, note, truth, paid, score, spent) SELECT * FROM random_rows(800);
SELECT kindly_stats.attach('ruled', '{"bot_id": "inbox", "occurred_at": "local", "kind": "way", "session_id": "doc->a->>b", "user_id": "raw->>a", "source": "note->>b", "language_code": {"constant": "nb"},
    "is_fallback": "truth", "rating": "score", "rating_type": {"column": "note", "path": ["a"], "values": {"x": "small", "12": null}}, "duration": "spent"}',
    kinds => '{"0": "user_message", "1": "bot_reply", "2": null, "3": "feedback", "4": "handover_ended"}', tz => 'Europe/Oslo');
CREATE TABLE written AS TABLE plain;
SELECT kindly_stats.attach('written', '{"bot_id": "bot_id"}');
-- the rollups of a bot and of its twin, compared to the last key, quarter hour and member
CREATE VIEW differing AS
WITH counted AS (
    SELECT r.bot_id % 100 AS bot, r.bot_id < 88300 AS is_plain, m.name, kindly_stats.sum(CASE r.measure WHEN '' THEN kindly_stats.keys_under(r.tally, m.name) ELSE r.tally END) AS tally
      FROM kindly_stats.rollup AS r, kindly_stats.measure AS m WHERE r.measure IN ('', m.name) AND r.bot_id BETWEEN 88200 AND 88302 AND m.grain = 'event' GROUP BY 1, 2, 3)
SELECT bot, name, p.tally AS plain, r.tally AS ruled
  FROM (SELECT * FROM counted WHERE is_plain AND NOT kindly_stats.is_empty(tally)) AS p FULL JOIN (SELECT * FROM counted WHERE NOT is_plain AND NOT kindly_stats.is_empty(tally)) AS r USING (bot, name)
 WHERE kindly_stats.is_empty(p.tally OPERATOR(kindly_stats.-) r.tally) IS NOT TRUE;
CREATE PROCEDURE rewrite() LANGUAGE sql AS $$
    DELETE FROM written;
    INSERT INTO written SELECT * FROM plain;
$$;
SELECT string_agg(m.name, ' ' ORDER BY m.name) AS counted FROM kindly_stats.measure AS m, kindly_stats.stats_total(88201, '1900-01-01', '2100-01-01', 'UTC', measure => m.name) AS t
 WHERE m.grain = 'event' AND t.count <> 0;
SELECT * FROM differing;
SELECT * FROM kindly_stats.verify();
-- inserts, updates and deletes of some rows and of many, COPY
\set ECHO none
SELECT format('INSERT INTO ruled (inbox, local, epoch, way, doc, raw, note, truth, paid, score, spent) SELECT * FROM random_rows(%s)', n), format('DELETE FROM ruled WHERE id %% 17 = %s', n % 17),
       format('UPDATE ruled SET doc = doc || ''{"more": %s}'' WHERE jsonb_typeof(doc) = ''object'' AND id %% 3 = %s', n, n % 3),
       format('UPDATE ruled AS r SET (local, way, doc) = (v.local, v.way, v.doc) FROM (SELECT row_number() OVER () AS n, x.* FROM random_rows(200) AS x) AS v WHERE r.id %% 200 = v.n AND r.id %% 5 = %s', n % 5),
       format('UPDATE ruled SET note = broken(note), raw = random_json(2)::json, truth = one_of(''on'', ''off''), score = score * 1.0, spent = -spent, inbox = 88300 + (inbox + 1) %% 3 WHERE id %% 7 = %s', n % 7)
  FROM generate_series(1, 12) AS n \gexec
\set ECHO all
COPY ruled (inbox, local, way, doc, raw, note, truth, paid, score, spent) FROM stdin;
88301	2024-10-27 02:30:00	0	{"a": {"b": "s"}}	{"a": "u", "a": "v"}	{"b": "web"}	t	1	4.0	3
88301	2024-10-27 02:59:59.999999	1	{"a": {"b": 1.0}}	\N	{"b": "web"	TRUE	0.0	\N	\N
88302	infinity	2	\N	\N	\N	\N	\N	\N	\N
\.
SELECT count(*) FROM kindly_stats.verify();
-- the same once more, from the stored rows
CALL rewrite();
SELECT * FROM differing;
SELECT kindly_stats.rebuild() >= 0 AS rebuilt;
SELECT * FROM differing;
-- and by the second
SELECT kindly_stats.detach('ruled');
CREATE OR REPLACE VIEW plain AS
SELECT inbox - 100 AS bot_id, to_timestamp(epoch) AS occurred_at,
       CASE way WHEN 0 THEN 'user_message' WHEN 1 THEN 'bot_reply' WHEN 3 THEN 'feedback' WHEN 4 THEN 'handover_ended' ELSE way::text END AS kind,
       doc ->> 'a' AS session_id, NULL::text AS user_id, NULL::text AS source, 'nb'::text AS language_code, NULL::boolean AS is_fallback, paid > 0 AS paid, trim_scale(score)::text AS rating,
       NULL::text AS rating_type, NULL::bigint AS duration
  FROM ruled AS r WHERE (jsonb_typeof(doc -> 'a') IN ('object', 'array')) IS NOT TRUE;
DELETE FROM ruled WHERE jsonb_typeof(doc -> 'a') IN ('object', 'array') OR local = 'infinity';
SELECT kindly_stats.attach('ruled', '{"bot_id": "inbox", "occurred_at": "epoch", "session_id": "doc->>a", "language_code": {"constant": "nb"}, "rating": "score",
    "kind": {"column": "way", "values": {"0": "user_message", "1": "bot_reply", "3": "feedback", "4": "handover_ended"}}}', unit => 'seconds');
CALL rewrite();
SELECT * FROM differing;
SELECT * FROM kindly_stats.verify();
SELECT kindly_stats.detach('ruled'), kindly_stats.detach('written');
DROP VIEW differing, plain;
DROP TABLE ruled, written;
DROP PROCEDURE rewrite;
DROP FUNCTION random_rows, random_json, random_path, plain_field, is_unreadable, plain_boolean, broken, one_of;
