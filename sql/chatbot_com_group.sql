--
-- ChatBot.com: reports in groups, by source and by story
--
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

CREATE FUNCTION pg_temp.differences(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) AS d', a, b) INTO result;
	RETURN result;
END $$;

SELECT kindly_stats.create_event_table('group_event');

-- two conversations and six messages in the widget, two and two in slack, one of three in no source; story B has one conversation
-- with the most messages, story A two, and one has no story
INSERT INTO group_event (bot_id, occurred_at, kind, session_id, source, story_id, paid) VALUES
	(5201, '2019-03-17 10:00Z', 'user_message', 'w1', 'widget', 'B', true), (5201, '2019-03-17 10:01Z', 'user_message', 'w1', 'widget', 'B', true),
	(5201, '2019-03-17 10:02Z', 'user_message', 'w1', 'widget', 'B', true), (5201, '2019-03-17 10:03Z', 'user_message', 'w1', 'widget', 'B', NULL),
	(5201, '2019-03-18 10:00Z', 'user_message', 'w2', 'widget', 'A', true), (5201, '2019-03-18 10:01Z', 'user_message', 'w2', 'widget', 'A', false),
	(5201, '2019-03-17 11:00Z', 'user_message', 's1', 'slack', 'A', NULL), (5201, '2019-03-18 11:00Z', 'user_message', 's2', 'slack', NULL, NULL),
	(5201, '2019-03-18 12:00Z', 'user_message', 'n1', NULL, 'C', NULL), (5201, '2019-03-18 12:01Z', 'user_message', 'n1', NULL, 'C', NULL),
	(5201, '2019-03-18 12:02Z', 'user_message', 'n1', NULL, 'C', NULL),
	-- not counted: no message of a user, or not in the range
	(5201, '2019-03-17 10:00Z', 'bot_reply', 'w1', 'messenger', 'D', true), (5201, '2019-03-19 00:00Z', 'user_message', 'm1', 'messenger', 'D', true);

-- most conversations first, then by name, what has no source last; the summary of all is the same as without groups
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'source');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'storyId');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19');
-- messages: most messages first
SELECT chatbot_com.conversations_messages(5201, '2019-03-17', '2019-03-19', "group" => 'source');
SELECT chatbot_com.conversations_messages(5201, '2019-03-17', '2019-03-19', "group" => 'storyId');
SELECT chatbot_com.conversations_avg(5201, '2019-03-17', '2019-03-19', "group" => 'source');
SELECT chatbot_com.conversations_paid(5201, '2019-03-17', '2019-03-19', "group" => 'source');
SELECT chatbot_com.conversations_paid(5201, '2019-03-17', '2019-03-19', "group" => 'STORYID', dimension => 'month');

-- groups of lists: each group is one value of it
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'source', source => 'widget,slack', dimension => 'month');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'source', source => '-widget', dimension => 'month');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'storyId', "storyId" => 'A,C', dimension => 'month');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'storyId', "storyId" => '-A', dimension => 'month');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'storyId', source => 'widget', dimension => 'month');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'source', "storyId" => 'A', dimension => 'month');
SELECT chatbot_com.conversations(5201, '2019-03-17', '2019-03-19', "group" => 'source', source => 'nowhere', dimension => 'month');

-- a name is escaped as JSON has it, and is no list
INSERT INTO group_event (bot_id, occurred_at, kind, session_id, source, story_id) VALUES
	(5202, '2019-03-17 10:00Z', 'user_message', '1', E'a "quoted"\tone', '-minus'), (5202, '2019-03-17 10:00Z', 'user_message', '2', '', 'x,y'), (5202, '2019-03-17 10:00Z', 'user_message', '3', 'Blåbær', ''),
	(5202, '2019-03-17 10:00Z', 'user_message', '4', NULL, NULL);
SELECT chatbot_com.conversations(5202, '2019-03-17', '2019-03-18', "group" => 'source');
SELECT chatbot_com.conversations(5202, '2019-03-17', '2019-03-18', "group" => 'storyId');

-- many groups, buckets and zones: plain SQL tells the same
INSERT INTO group_event (bot_id, occurred_at, kind, session_id, source, story_id, paid)
SELECT 5203, timestamptz '2018-12-01 00:00Z' + interval '1 min' * (n * 7919 % 600000), 'user_message', n * 31 % 97,
	'source ' || nullif(n * 17 % 13, 0), 'story ' || nullif(n * 11 % 29, 0), (ARRAY[true, false, NULL])[1 + n / 12 % 3]
FROM generate_series(1, 5000) AS n;
CREATE FUNCTION pg_temp.check_groups(report text, member text, tz text, dimension text) RETURNS bigint LANGUAGE sql AS $$
SELECT pg_temp.differences(
	format($q$SELECT coalesce(g ->> %1$L, '-'), (x ->> 'date')::timestamptz, (x ->> 'value')::numeric
		FROM json_array_elements(chatbot_com.%2$I(5203, '2019-02-27', '2019-04-03', tz => %3$L, dimension => %4$L, "group" => %1$L) -> 'data') AS g,
		json_array_elements(g -> 'data') AS x WHERE x ->> 'value' <> '0'$q$, member, report, tz, dimension),
	format($q$SELECT coalesce(%5$I, '-'), date_trunc(%1$L, e.occurred_at, %2$L), trim_scale(round((%3$s)::numeric, 2)) FROM group_event AS e
		WHERE e.bot_id = 5203 AND e.kind = 'user_message' AND e.occurred_at AT TIME ZONE %2$L >= '2019-02-27'
		AND e.occurred_at AT TIME ZONE %2$L < '2019-04-03' AND %4$s GROUP BY 1, 2$q$,
		dimension, tz, CASE report WHEN 'conversations_messages' THEN 'count(*)' WHEN 'conversations_avg' THEN 'count(*)::numeric / count(DISTINCT e.session_id)'
		ELSE 'count(DISTINCT e.session_id)' END, CASE report WHEN 'conversations_paid' THEN 'e.paid' ELSE 'true' END || CASE member WHEN 'storyId' THEN ' AND e.story_id IS NOT NULL' ELSE '' END,
		CASE member WHEN 'storyId' THEN 'story_id' ELSE 'source' END))
$$;
SELECT report, member, tz, dimension, pg_temp.check_groups(report, member, tz, dimension) AS differences
FROM unnest(ARRAY['conversations', 'conversations_paid', 'conversations_messages', 'conversations_avg']) AS report, unnest(ARRAY['source', 'storyId']) AS member,
	(VALUES ('UTC', 'hour'), ('Europe/Oslo', 'day'), ('America/Los_Angeles', 'month'), ('Asia/Kathmandu', 'year')) AS z (tz, dimension)
ORDER BY report COLLATE "C", member COLLATE "C", tz COLLATE "C";

-- order: a group's total is no less than the next one's
SELECT report, member, bool_and(later IS NULL OR value > later OR value = later AND (name < later_name COLLATE "C" OR later_name IS NULL)) AS in_order, count(*) FROM (
	SELECT report, member, g ->> member AS name, lead(g ->> member) OVER w AS later_name, (g -> 'summary' ->> 'total')::numeric AS value, lead((g -> 'summary' ->> 'total')::numeric) OVER w AS later
	FROM unnest(ARRAY['source', 'storyId']) AS member, LATERAL (VALUES ('conversations', chatbot_com.conversations(5203, '2019-01-01', '2019-05-01', "group" => member)),
		('messages', chatbot_com.conversations_messages(5203, '2019-01-01', '2019-05-01', "group" => member)), ('paid', chatbot_com.conversations_paid(5203, '2019-01-01', '2019-05-01', "group" => member))) AS r (report, answer),
		json_array_elements(answer -> 'data') WITH ORDINALITY AS a (g, n) WINDOW w AS (PARTITION BY report, member ORDER BY n)) AS o
GROUP BY report, member ORDER BY report COLLATE "C", member COLLATE "C";

DELETE FROM group_event;
DROP TABLE group_event;
