--
-- ChatBot.com: what is refused, with which SQLSTATE, and what the message says
--
SET timezone = 'Europe/Oslo';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
\pset tuples_only on

-- the answer where there is one, else state, message, detail, hint
CREATE FUNCTION pg_temp.try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE query INTO result;
	RETURN coalesce(left(result, 100), '(null)');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', state || ' ' || message, 'DETAIL ' || nullif(detail, ''), 'HINT ' || nullif(hint, ''));
END $$;

SELECT kindly_stats.create_event_table('bad_event');
INSERT INTO bad_event (bot_id, occurred_at, kind, session_id, source) VALUES (5601, '2019-03-17 10:00Z', 'user_message', 'a', 'widget');
SET kindly_stats.now = '2019-03-17 12:00Z';

-- every function without its arguments, with NULL in all of them, and in all but the bot: only the bot is needed
SELECT p.oid::regproc, pg_temp.try(format('SELECT %s()', p.oid::regproc)) AS without,
	pg_temp.try(format('SELECT %s(%s)', p.oid::regproc, (SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)))) AS nulls,
	pg_temp.try(format('SELECT %s(%s)', p.oid::regproc, (SELECT string_agg(CASE n WHEN 1 THEN '5601' ELSE 'NULL::' || t::regtype END, ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)))) AS nulls_but_bot
FROM pg_proc AS p WHERE p.pronamespace = 'chatbot_com'::regnamespace ORDER BY p.proname COLLATE "C";

-- each argument of each function that has it
CREATE FUNCTION pg_temp.try_argument(argument text, value text) RETURNS TABLE (function text, outcome text) LANGUAGE sql AS $$
SELECT string_agg(p.proname, ', ' ORDER BY p.proname COLLATE "C") AS functions, t.outcome
FROM pg_proc AS p, LATERAL pg_temp.try(format('SELECT chatbot_com.%I(5601, %I => %L)', p.proname, argument, value)) AS t (outcome)
WHERE p.pronamespace = 'chatbot_com'::regnamespace AND argument = ANY (p.proargnames) GROUP BY t.outcome ORDER BY min(p.proname COLLATE "C")
$$;
SELECT value, t.* FROM unnest(ARRAY['', 'garbage', 'today', '2019-13-01', '2019-03-17T25:00', 'infinity', '-infinity', '0044-03-15 BC', '10000-01-01', '2019-03-17; DROP TABLE x', '2019-03-18']) AS value, pg_temp.try_argument('from', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', 'garbage', 'infinity', '-infinity', '294000-01-01', '1974-01-01']) AS value, pg_temp.try_argument('to', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', 'tomorrow', 'last90days', ' today', 'thisMonth;', repeat('x', 200)]) AS value, pg_temp.try_argument('period', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', 'week', 'quarter', 'days', 'minute', ' day']) AS value, pg_temp.try_argument('dimension', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', 'story', 'language', 'source,storyId', 'storyId ']) AS value, pg_temp.try_argument('group', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', ' ', ',', '-', 'widget,', 'widget,-widget', '[]', '{}', '{widget', '["widget"', '[1]', '[null]', '{widget,NULL}', '{"a":1}']) AS value, pg_temp.try_argument('source', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', '-', 'a,-a', '[]', '{a', '["a",]']) AS value, pg_temp.try_argument('storyId', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['', 'Oslo5', 'oslo', 'right/Europe/Oslo', '+25:00', '../../etc/passwd', E'Europe/\nOslo', repeat('x', 1000)]) AS value, pg_temp.try_argument('tz', value) AS t;
SELECT value, t.* FROM unnest(ARRAY['721', '-735', '7', 'many', '1.5', '2147483648']) AS value, pg_temp.try_argument('offset', value) AS t;

-- a period that is not known is refused also where from and to win
SELECT pg_temp.try($q$SELECT chatbot_com.conversations(5601, '2019-03-17', '2019-03-18', 'fortnight')$q$);
-- ends that are on the wrong side of each other, or too far apart
SELECT pg_temp.try(format('SELECT chatbot_com.%I(5601, ''2019-03-18'', ''2019-03-17'')', name)), pg_temp.try(format('SELECT chatbot_com.%I(5601, ''2019-03-17'', ''2019-03-17'')', name)) FROM unnest(ARRAY['conversations', 'conversations_heatmap', 'conversations_interactions']) AS name;
SELECT pg_temp.try($q$SELECT chatbot_com.conversations(5601, '0001-01-01', '9999-12-31')$q$), pg_temp.try($q$SELECT chatbot_com.conversations(5601, '1900-01-01', dimension => 'hour')$q$), pg_temp.try($q$SELECT chatbot_com.conversations(5601, '-infinity', 'infinity', dimension => 'auto')$q$);
SELECT pg_temp.try($q$SELECT chatbot_com.conversations_heatmap(5601, '0001-01-01', '9999-12-31')$q$), pg_temp.try($q$SELECT chatbot_com.conversations_interactions(5601, '0001-01-01', '9999-12-31')$q$);
-- an argument that a report does not have, and a report that there is not
SELECT pg_temp.try($q$SELECT chatbot_com.conversations_heatmap(5601, dimension => 'day')$q$), pg_temp.try($q$SELECT chatbot_com.conversations_interactions(5601, source => 'widget')$q$), pg_temp.try($q$SELECT chatbot_com.conversations(5601, storyId => 'a')$q$), pg_temp.try($q$SELECT chatbot_com.conversations_sum(5601)$q$);

-- readers need the schemas, the rollup, the measures, and for interactions their catalogue; row-level security leaves rows out
CREATE ROLE regress_chatbot_reader;
SET ROLE regress_chatbot_reader;
SELECT pg_temp.try('SELECT chatbot_com.conversations(5601)');
RESET ROLE;
GRANT USAGE ON SCHEMA kindly_stats, chatbot_com TO regress_chatbot_reader;
SET ROLE regress_chatbot_reader;
SELECT p.proname, pg_temp.try(format('SELECT chatbot_com.%I(5601)', p.proname)) FROM pg_proc AS p WHERE p.pronamespace = 'chatbot_com'::regnamespace ORDER BY p.proname COLLATE "C";
RESET ROLE;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure TO regress_chatbot_reader;
SET ROLE regress_chatbot_reader;
SELECT pg_temp.try('SELECT chatbot_com.conversations_interactions(5601)');
RESET ROLE;
GRANT SELECT ON kindly_stats.interaction TO regress_chatbot_reader;
SET ROLE regress_chatbot_reader;
SELECT p.proname, pg_temp.try(format('SELECT chatbot_com.%I(5601, period => ''today'')', p.proname)) FROM pg_proc AS p WHERE p.pronamespace = 'chatbot_com'::regnamespace ORDER BY p.proname COLLATE "C";
RESET ROLE;
BEGIN;
ALTER TABLE kindly_stats.rollup ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_chatbot_policy ON kindly_stats.rollup USING (bot_id = 5602);
SET LOCAL ROLE regress_chatbot_reader;
SELECT pg_temp.try($q$SELECT chatbot_com.conversations(5601, period => 'today')$q$), pg_temp.try($q$SELECT chatbot_com.conversations(5601, period => 'today', "group" => 'source')$q$);
ROLLBACK;
DROP OWNED BY regress_chatbot_reader;
DROP ROLE regress_chatbot_reader;

DELETE FROM bad_event;
DROP TABLE bad_event;
