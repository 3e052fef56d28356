-- dialects.sql: what the other systems ask, and hand-written SQL for the same.
--
-- bench.event has no columns for them: here each message has a topic (of 40, two
-- thirds of them), a sentiment, a country, a story (of 12), and may have matched;
-- each reply shows one of 300 responses.  Nothing is random.  Each session is a
-- conversation, too.

CREATE VIEW bench.dialect_event AS
SELECT e.*, CASE WHEN e.kind = 'user_message' AND n % 3 > 0 THEN 'topic ' || n % 40 END AS topic, NULL::text AS intent,
	CASE WHEN e.kind = 'user_message' AND n % 5 > 0 THEN n % 7 > 0 END AS matched,
	CASE WHEN e.kind = 'user_message' THEN (ARRAY['positive', 'neutral', 'negative'])[1 + n % 3] END AS sentiment,
	CASE WHEN e.kind = 'user_message' THEN 'country ' || n % 30 END AS country, NULL::text AS event_name,
	CASE WHEN e.kind = 'bot_reply' THEN 'response ' || n % 300 END AS response_id,
	CASE WHEN e.kind = 'bot_reply' THEN (ARRAY['button', 'natural_language'])[1 + n % 2] END AS response_trigger,
	NULL::text AS url, NULL::text AS agent_id, NULL::text AS outcome, NULL::integer AS duration,
	CASE WHEN e.kind = 'user_message' THEN 'story ' || n % 12 END AS story_id, n % 10 = 0 AS paid
FROM bench.event AS e, abs(hashtext(e.session_id || extract(epoch FROM e.occurred_at))) AS n;

CREATE TABLE bench.dialect (
	number integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	ours text NOT NULL,
	hand text NOT NULL,
	bound_ms numeric,
	looked_at text		-- where that is known, as looked_at.sql calls it
);

INSERT INTO bench.dialect (ours, hand) VALUES
('chatbot_com.conversations(1, ''2025-01-01'', ''2026-01-01'', tz => ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, count(DISTINCT session_id) FROM @messages GROUP BY 1 ORDER BY 1'),
('chatbot_com.conversations(1, ''2025-01-01'', ''2026-01-01'', tz => ''Europe/Oslo'', "group" => ''storyId'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, story_id, count(DISTINCT session_id) FROM @messages GROUP BY 1, 2 ORDER BY 1, 2'),
('chatbot_com.conversations_avg(1, ''2025-01-01'', ''2026-01-01'', tz => ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, round(count(*)::numeric / count(DISTINCT session_id), 2) FROM @messages GROUP BY 1 ORDER BY 1'),
('chatbot_com.conversations_heatmap(1, ''2025-01-01'', ''2026-01-01'', tz => ''Europe/Oslo'')',
 'SELECT extract(dow FROM at) AS day, extract(hour FROM at) AS hour, count(DISTINCT session_id)
	FROM (SELECT occurred_at AT TIME ZONE ''Europe/Oslo'' AS at, session_id FROM @messages) AS e GROUP BY 1, 2 ORDER BY 1, 2'),
('logicdialog."user"(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT a.day, active, created FROM (SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, count(DISTINCT user_id) AS active FROM @messages GROUP BY 1) AS a
	LEFT JOIN (SELECT date_trunc(''day'', first, ''Europe/Oslo'') AS day, count(*) AS created
		FROM (SELECT user_id, min(occurred_at) AS first FROM chat_event WHERE bot_id = 1 AND kind = ''user_message'' GROUP BY 1) AS f GROUP BY 1) AS c USING (day) ORDER BY 1'),
('logicdialog.nlp(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, count(*) FILTER (WHERE matched), count(*) FILTER (WHERE NOT matched) FROM @messages GROUP BY 1 ORDER BY 1'),
('logicdialog.active_channel(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, source, count(DISTINCT user_id), count(*) FROM @messages GROUP BY 1, 2 ORDER BY 1, 2'),
('logicdialog.message_groups(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, topic, count(*) FROM @messages AND topic IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2'),
('logicdialog.sentiment(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, sentiment, count(DISTINCT session_id) FROM @messages GROUP BY 1, 2 ORDER BY 1, 2'),
('logicdialog.user_detail(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT ''channel'' AS what, source AS name, count(DISTINCT user_id) FROM @messages GROUP BY 2
	UNION ALL SELECT ''language'', language_code, count(DISTINCT user_id) FROM @messages GROUP BY 2
	UNION ALL SELECT ''country'', country, count(DISTINCT user_id) FROM @messages GROUP BY 2'),
('logicdialog.response(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT response_id, count(*), count(*) FILTER (WHERE response_trigger = ''button'') FROM @replies GROUP BY 1 ORDER BY 2 DESC'),
('logicdialog.blocks(''2025-01-01'', ''2026-01-01'', ''shop'', ''day'', ''Europe/Oslo'')',
 'SELECT date_trunc(''day'', occurred_at, ''Europe/Oslo'') AS day, response_id, count(*) FROM @replies GROUP BY 1, 2 ORDER BY 1, 2'),
('ultimate.metrics(1, ''2025-01-01'', ''2026-01-01'')',
 'SELECT count(DISTINCT conversation_id), count(DISTINCT CASE WHEN conversation_status = ''botHandled'' THEN conversation_id END),
	count(DISTINCT CASE WHEN conversation_status NOT IN (''email'', ''agent'', ''customEscalation'') THEN conversation_id END),
	count(DISTINCT CASE WHEN last_resolution IN (''informed'', ''resolved'') THEN conversation_id END),
	sum(visitor_messages_count) - sum(not_understood_messages_count)
	FROM chat_conversation WHERE bot_id = 1 AND conversation_end_time >= ''2025-01-01Z'' AND conversation_end_time < ''2026-01-01Z''');

UPDATE bench.dialect SET hand = replace(replace(hand,
	'@messages', '(SELECT * FROM chat_event WHERE bot_id = 1 AND kind = ''user_message'' AND occurred_at >= ''2025-01-01 00:00 Europe/Oslo'' AND occurred_at < ''2026-01-01 00:00 Europe/Oslo'') AS e WHERE true'),
	'@replies', '(SELECT * FROM chat_event WHERE bot_id = 1 AND kind = ''bot_reply'' AND occurred_at >= ''2025-01-01 00:00 Europe/Oslo'' AND occurred_at < ''2026-01-01 00:00 Europe/Oslo'') AS e WHERE true');

UPDATE bench.dialect SET bound_ms = b.ms, looked_at = b.looked_at
FROM (VALUES ('%heatmap%', 1, 'heatmap'), ('%storyId%', 2, 'storyId'), ('%message_groups%', 2, NULL), ('%user_detail%', 3, NULL), ('%blocks%', 10, NULL)) AS b (name, ms, looked_at)
WHERE ours LIKE b.name;

-- Sessions as conversations; what came of them depends on their names.
CREATE FUNCTION bench.converse() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO chat_conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, channel,
		conversation_status, last_resolution, bot_messages_count, visitor_messages_count, not_understood_messages_count)
	SELECT bot_id, session_id, min(occurred_at), max(occurred_at), min(language_code), 'chat',
		(ARRAY['botHandled', 'botHandled', 'agent', 'email', 'failedEscalation'])[1 + abs(hashtext(session_id)) % 5],
		(ARRAY['informed', 'resolved', 'escalated', 'undefined'])[1 + abs(hashtext(session_id)) % 4],
		count(*) FILTER (WHERE kind = 'bot_reply'), count(*) FILTER (WHERE kind = 'user_message'), count(*) FILTER (WHERE is_fallback)
	FROM chat_event GROUP BY bot_id, session_id;
END
$$;
