-- duckdb.sql: the same questions in DuckDB's SQL, for duckdb.mjs.
--
-- @events is a view of the events with their local time, made in one of several
-- ways, of which the quickest counts; @asked is the bot and the range.

INSERT INTO bench.statement (question, side, query) VALUES
('messages', 'duckdb', $$SELECT date, coalesce(n, 0) AS count FROM @days
	LEFT JOIN (SELECT local::date AS day, count(*) AS n FROM @events WHERE @asked AND kind = 'user_message' GROUP BY 1) AS c ON day = date
	ORDER BY 1$$),
('chats', 'duckdb', $$SELECT date, coalesce(n, 0) AS count FROM @days
	LEFT JOIN (SELECT local::date AS day, count(DISTINCT session_id) AS n FROM @events WHERE @asked AND kind = 'user_message' GROUP BY 1) AS c
	ON day = date ORDER BY 1$$),
('chats', 'duckdb', $$SELECT date, coalesce(n, 0) AS count FROM @days
	LEFT JOIN (SELECT day, count(session_id) AS n
		FROM (SELECT DISTINCT local::date AS day, session_id FROM @events WHERE @asked AND kind = 'user_message') AS s GROUP BY 1) AS c
	ON day = date ORDER BY 1$$),
('filtered', 'duckdb', $$SELECT date, coalesce(n, 0) AS count FROM @days
	LEFT JOIN (SELECT local::date AS day, count(DISTINCT session_id) AS n FROM @events
		WHERE @asked AND kind = 'user_message' AND source IN (@sources) AND language_code = '@language' GROUP BY 1) AS c
	ON day = date ORDER BY 1$$),
('filtered', 'duckdb', $$SELECT date, coalesce(n, 0) AS count FROM @days
	LEFT JOIN (SELECT day, count(session_id) AS n
		FROM (SELECT DISTINCT local::date AS day, session_id FROM @events
			WHERE @asked AND kind = 'user_message' AND source IN (@sources) AND language_code = '@language') AS s GROUP BY 1) AS c
	ON day = date ORDER BY 1$$),
('fallbacks', 'duckdb', $$SELECT date, coalesce(n, 0) AS count, coalesce(n / nullif(replies, 0), 0) AS rate FROM @days
	LEFT JOIN (SELECT local::date AS day, count(*) FILTER (WHERE is_fallback) AS n, count(*) AS replies
		FROM @events WHERE @asked AND kind = 'bot_reply' GROUP BY 1) AS c ON day = date ORDER BY 1$$),
('fallback', 'duckdb', $$SELECT count(*) FILTER (WHERE is_fallback) AS count, count(*) FILTER (WHERE is_fallback) / count(*) AS rate
	FROM event WHERE @asked AND kind = 'bot_reply'$$),
('pages', 'duckdb', $$SELECT web_host, web_path, count(*) AS messages, count(DISTINCT session_id) AS sessions FROM event
	WHERE @asked AND kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL)
	GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 3$$),
('pages', 'duckdb', $$SELECT web_host, web_path, sum(n)::bigint AS messages, count(session_id) AS sessions
	FROM (SELECT web_host, web_path, session_id, count(*) AS n FROM event
		WHERE @asked AND kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL) GROUP BY 1, 2, 3) AS s
	GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 3$$),
('buttons', 'duckdb', $$SELECT button_id, button_type, dialogue_id, count(*) AS count, count(*) / sum(count(*)) OVER () AS ratio FROM event
	WHERE @asked AND kind = 'button_click' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 5$$),
('sessions', 'duckdb', $$SELECT count(DISTINCT session_id) AS distinct_count FROM event WHERE @asked AND kind = 'user_message'$$),
('options', 'duckdb', $$SELECT min(occurred_at) AS first, max(occurred_at) AS last, list_sort(list(DISTINCT source) FILTER (WHERE source IS NOT NULL)) AS sources,
		list_sort(list(DISTINCT language_code) FILTER (WHERE language_code IS NOT NULL)) AS language_codes
	FROM event WHERE bot_id = @bot$$),
('hours', 'duckdb', $$SELECT date, coalesce(n, 0) AS count FROM @hours
	LEFT JOIN (SELECT date_trunc('hour', local) AS hour, count(*) AS n FROM @events WHERE @week AND kind = 'user_message' GROUP BY 1) AS c
	ON hour = date ORDER BY 1$$);
