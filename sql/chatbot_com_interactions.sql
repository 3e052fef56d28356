--
-- ChatBot.com: conversations.interactions, how often each interaction was used
--
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

SELECT kindly_stats.create_event_table('interaction_event');

-- the documented story: in the range, "bar" twice and its fallback once; the others were used before
INSERT INTO interaction_event (bot_id, occurred_at, kind, interaction_id, interaction_name, interaction_type, interaction_parent_id, story_id) VALUES
	(5501, '2019-03-17 10:00Z', 'interaction', '5b07ffafc2376e30306d9b16', 'bar', NULL, NULL, 'A'),
	(5501, '2019-03-18 10:00Z', 'interaction', '5b07ffafc2376e30306d9b16', 'bar', NULL, NULL, 'B'),
	(5501, '2019-03-18 11:00Z', 'interaction', NULL, 'Fallback Interaction', 'contextFallback', '5b07ffafc2376e30306d9b16', 'A'),
	(5501, '2018-01-01 10:00Z', 'interaction', NULL, 'Welcome Interaction', 'welcome', NULL, 'A'),
	(5501, '2019-03-19 00:00Z', 'interaction', '5b07ff77c2376e30306d9b12', 'foo', NULL, NULL, 'A'),
	(5501, '2019-03-16 23:59:59.999999Z', 'interaction', NULL, 'Fallback Interaction', 'fallback', NULL, NULL),
	-- no interactions: another kind, and one that nothing is known of; and another bot's
	(5501, '2019-03-17 10:00Z', 'user_message', 'x', 'not counted', NULL, NULL, 'A'), (5501, '2019-03-17 10:00Z', 'interaction', NULL, NULL, NULL, NULL, NULL),
	(5500, '2019-03-17 10:00Z', 'interaction', 'x', 'another bot''s', NULL, NULL, 'A');
-- character for character, but for the blanks
SELECT answer::text = regexp_replace('[
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
]', '(?<=[\[{,])\s+|(?<=:)\s|\s+(?=[\]}])', '', 'g') AS as_documented, answer
FROM chatbot_com.conversations_interactions(5501, '2019-03-17', '2019-03-19') AS answer;

-- of one story or some, all that ever were in them; what was in several is listed once
SELECT story, chatbot_com.conversations_interactions(5501, '2019-03-17', '2019-03-19', "storyId" => story) FROM unnest(ARRAY['A', 'B', 'A,B', '-A', '-B', 'nowhere']) AS story;
-- a range without any, a bot without any, and all there are
SELECT chatbot_com.conversations_interactions(5501, '2010-01-01', '2010-01-02'), chatbot_com.conversations_interactions(5599, '2019-03-17', '2019-03-19');
SELECT chatbot_com.conversations_interactions(5501, "to" => '2020-01-01');
-- periods, also by the clock of a zone
SET kindly_stats.now = '2019-03-18 12:00Z';
SELECT period, tz, x ->> 'name' AS name, x ->> 'usage' AS usage, x ->> 'value' AS value FROM (VALUES ('today', 'UTC'), ('yesterday', 'UTC'), ('yesterday', 'Asia/Tokyo'), ('lastYear', 'UTC')) AS p (period, tz),
	json_array_elements(chatbot_com.conversations_interactions(5501, period => period, tz => tz)) AS x WHERE x ->> 'value' <> '0';
RESET kindly_stats.now;

-- order: most used first, then those without a type, then by type, name and id, bytewise; each is what it is called and where it belongs
INSERT INTO interaction_event (bot_id, occurred_at, kind, interaction_id, interaction_name, interaction_type, interaction_parent_id)
SELECT 5502, '2019-03-17 10:00Z', 'interaction', id, name, type, parent FROM (VALUES (2, 'i2', 'b', NULL, NULL), (2, 'i1', 'b', NULL, NULL), (2, 'i3', 'B', NULL, NULL), (2, 'i0', 'Å', NULL, NULL), (2, 'i9', NULL, NULL, NULL), (2, NULL, 'b', NULL, NULL),
	(2, NULL, 'a', 'welcome', NULL), (2, NULL, 'z', 'fallback', NULL), (2, NULL, 'z', 'fallback', 'p2'), (2, NULL, 'z', 'fallback', 'p1'), (3, NULL, 'z', 'welcome', NULL), (1, 'i5', 'say "hi"', '', 'p')) AS v (number, id, name, type, parent),
	generate_series(1, number);
SELECT x FROM json_array_elements(chatbot_com.conversations_interactions(5502, '2019-03-17', '2019-03-18')) AS x;
-- the same where all are zero
SELECT x ->> 'id' AS id, x ->> 'name' AS name, x ->> 'type' AS type, x ->> 'parentId' AS parent, x ->> 'usage' AS usage FROM json_array_elements(chatbot_com.conversations_interactions(5502, '2019-03-18', '2019-03-19')) AS x;

-- one that is deleted was there; one that is renamed is what it is called now
DELETE FROM interaction_event WHERE bot_id = 5501 AND interaction_type = 'fallback';
UPDATE interaction_event SET interaction_name = 'baz' WHERE bot_id = 5501 AND interaction_name = 'foo';
SELECT chatbot_com.conversations_interactions(5501, '2019-03-17', '2019-03-19');
CALL kindly_stats.compact(5501);
SELECT chatbot_com.conversations_interactions(5501, '2019-03-17', '2019-03-19');

-- many: plain SQL tells the same
INSERT INTO interaction_event (bot_id, occurred_at, kind, interaction_id, interaction_name, interaction_type, interaction_parent_id, story_id)
SELECT 5503, timestamptz '2018-12-01 00:00Z' + interval '1 min' * (n * 7919 % 600000), 'interaction', 'id ' || nullif(n * 7 % 11, 0), 'name ' || n * 11 % 17, 'type ' || nullif(n * 5 % 4, 0), 'parent ' || nullif(n * 13 % 3, 0), 'story ' || nullif(n * 3 % 5, 0)
FROM generate_series(1, 5000) AS n;
CREATE FUNCTION pg_temp.expected(tz text, condition text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	result json;
BEGIN
	EXECUTE format($q$SELECT json_agg(json_strip_nulls(json_build_object('parentId', parent, 'type', type, 'name', name, 'id', id, 'usage', trim_scale(round(100 * n / total, 2)), 'value', n))
		ORDER BY n DESC, type COLLATE "C" NULLS FIRST, name COLLATE "C" NULLS FIRST, id COLLATE "C" NULLS FIRST, parent COLLATE "C" NULLS FIRST) FROM (
		-- what has an id is the same under any name, and has the one that it had last, by quarter hours
		SELECT c.*, sum(n) OVER () AS total FROM (SELECT interaction_type AS type, interaction_id AS id, interaction_parent_id AS parent,
			(array_agg(interaction_name ORDER BY interaction_name IS NULL, date_bin('15 minutes', occurred_at, '2000-01-01Z') DESC, interaction_name COLLATE "C"))[1] AS name,
			count(*) FILTER (WHERE occurred_at AT TIME ZONE %L >= '2019-02-27' AND occurred_at AT TIME ZONE %1$L < '2019-03-03') AS n
		FROM interaction_event WHERE bot_id = 5503 AND %s GROUP BY 1, 2, 3, CASE WHEN interaction_id IS NULL THEN interaction_name END) AS c) AS counted$q$, tz, condition) INTO result;
	RETURN result;
END $$;
SELECT tz, story, json_array_length(answer) > 100 AS many, answer::jsonb = pg_temp.expected(tz, condition)::jsonb AS same
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Asia/Kathmandu']) AS tz, (VALUES (NULL, 'true'), ('story 1', 'story_id = ''story 1'''), ('-story 1', 'story_id IS DISTINCT FROM ''story 1'''), ('story 1,story 2', 'story_id IN (''story 1'', ''story 2'')')) AS s (story, condition),
	chatbot_com.conversations_interactions(5503, '2019-02-27', '2019-03-03', "storyId" => story, tz => tz) AS answer;

DELETE FROM interaction_event;
DROP TABLE interaction_event;
