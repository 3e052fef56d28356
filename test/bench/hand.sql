-- hand.sql: the same questions in SQL as careful hands write it.
--
-- First as one would write it (hand); then other ways, of which the quickest
-- counts (best): a cheaper conversion, distinct sessions in two steps, going to
-- the index once for each local day.

-- @events is the range, @days its local days, @hours the hours of a week; each with its first instant and the one after it.
INSERT INTO bench.setting VALUES
	('events', $$@table AS e WHERE e.bot_id = @bot AND e.occurred_at >= timestamp '@from' AT TIME ZONE '@zone'
		AND e.occurred_at < timestamp '@to' AT TIME ZONE '@zone'$$),
	('days', $$(SELECT d AS date, d AT TIME ZONE '@zone' AS starts, (d + interval '1 day') AT TIME ZONE '@zone' AS ends
		FROM generate_series(timestamp '@from', timestamp '@to' - interval '1 day', interval '1 day') AS d)$$),
	('hours', $$(SELECT h AT TIME ZONE '@zone' AS date, h AS starts, h + interval '1 hour' AS ends
		FROM generate_series(timestamp '@monday' AT TIME ZONE '@zone', timestamp '@next_monday' AT TIME ZONE '@zone' - interval '1 hour',
			interval '1 hour') AS h)$$);

INSERT INTO bench.statement (question, side, query) VALUES
('messages', 'hand', $$SELECT date, coalesce(n, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT date_trunc('day', occurred_at, '@zone') AS day, count(*) AS n FROM @events AND kind = 'user_message'
		GROUP BY 1) AS c ON day = starts ORDER BY 1$$),
('messages', 'best', $$SELECT date, coalesce(n, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT (occurred_at AT TIME ZONE '@zone')::date AS day, count(*) AS n FROM @events AND kind = 'user_message'
		GROUP BY 1) AS c ON day = date ORDER BY 1$$),
('messages', 'best', $$SELECT date, count FROM @days AS d, LATERAL (SELECT count(*) FROM @table AS e
		WHERE e.bot_id = @bot AND e.kind = 'user_message' AND e.occurred_at >= starts AND e.occurred_at < ends) AS c ORDER BY 1$$),
('chats', 'best', $$SELECT date, coalesce(n, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT day, count(session_id) AS n FROM
		(SELECT DISTINCT (occurred_at AT TIME ZONE '@zone')::date AS day, session_id FROM @events AND kind = 'user_message') AS s
		GROUP BY 1) AS c ON day = date ORDER BY 1$$),
('chats', 'hand', $$SELECT date, coalesce(n, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT date_trunc('day', occurred_at, '@zone') AS day, count(DISTINCT session_id) AS n FROM @events
		AND kind = 'user_message' GROUP BY 1) AS c ON day = starts ORDER BY 1$$),
('chats', 'best', $$SELECT date, count FROM @days AS d, LATERAL (SELECT count(session_id) FROM (SELECT DISTINCT session_id
		FROM @table AS e WHERE e.bot_id = @bot AND e.kind = 'user_message' AND e.occurred_at >= starts AND e.occurred_at < ends) AS s)
	AS c ORDER BY 1$$),
('filtered', 'hand', $$SELECT date, coalesce(n, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT date_trunc('day', occurred_at, '@zone') AS day, count(DISTINCT session_id) AS n FROM @events
		AND kind = 'user_message' AND source = ANY ('{@sources}') AND language_code = '@language' GROUP BY 1) AS c ON day = starts
	ORDER BY 1$$),
('filtered', 'best', $$SELECT date, coalesce(n, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT day, count(session_id) AS n FROM
		(SELECT DISTINCT (occurred_at AT TIME ZONE '@zone')::date AS day, session_id FROM @events AND kind = 'user_message'
			AND source = ANY ('{@sources}') AND language_code = '@language') AS s
		GROUP BY 1) AS c ON day = date ORDER BY 1$$),
('filtered', 'best', $$SELECT date, count FROM @days AS d, LATERAL (SELECT count(session_id) FROM (SELECT DISTINCT session_id
		FROM @table AS e WHERE e.bot_id = @bot AND e.kind = 'user_message' AND e.occurred_at >= starts AND e.occurred_at < ends
			AND source = ANY ('{@sources}') AND language_code = '@language') AS s) AS c ORDER BY 1$$),
('fallbacks', 'hand', $$SELECT date, coalesce(c.count, 0) AS count, coalesce(c.count / nullif(replies, 0)::float8, 0) AS rate
	FROM @days AS d
	LEFT JOIN (SELECT date_trunc('day', occurred_at, '@zone') AS day, count(*) FILTER (WHERE is_fallback), count(*) AS replies
		FROM @events AND kind = 'bot_reply' GROUP BY 1) AS c ON day = starts ORDER BY 1$$),
('fallbacks', 'best', $$SELECT date, count, coalesce(count / nullif(replies, 0)::float8, 0) AS rate
	FROM @days AS d, LATERAL (SELECT count(*) FILTER (WHERE is_fallback), count(*) AS replies FROM @table AS e
		WHERE e.bot_id = @bot AND e.kind = 'bot_reply' AND e.occurred_at >= starts AND e.occurred_at < ends) AS c ORDER BY 1$$),
('fallback', 'hand', $$SELECT count(*) FILTER (WHERE is_fallback), count(*) FILTER (WHERE is_fallback) / nullif(count(*), 0)::float8 AS rate
	FROM @events AND kind = 'bot_reply'$$),
('pages', 'hand', $$SELECT web_host, web_path, count(*) AS messages, count(DISTINCT session_id) AS sessions
	FROM @events AND kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)
	GROUP BY 1, 2 ORDER BY 3 DESC, web_host COLLATE "C", web_path COLLATE "C" LIMIT 3$$),
('pages', 'best', $$SELECT web_host, web_path, sum(n)::bigint AS messages, count(session_id) AS sessions
	FROM (SELECT web_host, web_path, session_id, count(*) AS n FROM @events AND kind = 'user_message'
		AND (web_host IS NOT NULL OR web_path IS NOT NULL) GROUP BY 1, 2, 3) AS s
	GROUP BY 1, 2 ORDER BY 3 DESC, web_host COLLATE "C", web_path COLLATE "C" LIMIT 3$$),
('pages', 'best', $$SELECT web_host, web_path, messages, (SELECT count(DISTINCT session_id) FROM @events AND kind = 'user_message'
		AND (web_host IS NOT NULL OR web_path IS NOT NULL) AND (e.web_host, e.web_path) IS NOT DISTINCT FROM (t.web_host, t.web_path)) AS sessions
	FROM (SELECT web_host, web_path, count(*) AS messages FROM @events AND kind = 'user_message'
		AND (web_host IS NOT NULL OR web_path IS NOT NULL) GROUP BY 1, 2
		ORDER BY 3 DESC, web_host COLLATE "C", web_path COLLATE "C" LIMIT 3) AS t ORDER BY 3 DESC, web_host COLLATE "C", web_path COLLATE "C"$$),
('buttons', 'hand', $$SELECT button_id, button_type, dialogue_id, count(*), count(*) / (sum(count(*)) OVER ())::float8 AS ratio
	FROM @events AND kind = 'button_click' GROUP BY 1, 2, 3
	ORDER BY 4 DESC, button_id COLLATE "C", button_type COLLATE "C", dialogue_id COLLATE "C" LIMIT 5$$),
('sessions', 'hand', $$SELECT count(DISTINCT session_id) AS distinct_count FROM @events AND kind = 'user_message'$$),
('sessions', 'best', $$SELECT count(session_id) AS distinct_count FROM (SELECT DISTINCT session_id FROM @events AND kind = 'user_message') AS s$$),
-- distinct values by hopping from each to the next in the index
('options', 'hand', $$WITH RECURSIVE s AS (
		SELECT min(source) AS source FROM @table WHERE bot_id = @bot
		UNION ALL SELECT (SELECT min(e.source) FROM @table AS e WHERE e.bot_id = @bot AND e.source > s.source) FROM s WHERE s.source IS NOT NULL
	), l AS (
		SELECT min(language_code) AS language FROM @table WHERE bot_id = @bot
		UNION ALL SELECT (SELECT min(e.language_code) FROM @table AS e WHERE e.bot_id = @bot AND e.language_code > l.language) FROM l WHERE l.language IS NOT NULL
	) SELECT (SELECT min(occurred_at) FROM @table WHERE bot_id = @bot) AS first, (SELECT max(occurred_at) FROM @table WHERE bot_id = @bot) AS last,
		(SELECT array_agg(source ORDER BY source COLLATE "C") FROM s WHERE source IS NOT NULL) AS sources,
		(SELECT array_agg(language ORDER BY language COLLATE "C") FROM l WHERE language IS NOT NULL) AS language_codes$$),
('hours', 'hand', $$SELECT date, count FROM @hours AS d, LATERAL (SELECT count(*) FROM @table AS e
		WHERE e.bot_id = @bot AND e.kind = 'user_message' AND e.occurred_at >= starts AND e.occurred_at < ends) AS c ORDER BY starts$$);
