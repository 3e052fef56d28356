-- views.sql: the same questions from materialized views, refreshed by hand.
--
-- One view a shape that a question needs, by local day (or hour) of the one zone
-- that the views were made for.  What does not add up has no answer here.

CREATE MATERIALIZED VIEW bench.by_day AS
SELECT bot_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day, source, language_code,
	   count(*) FILTER (WHERE kind = 'user_message') AS messages,
	   count(*) FILTER (WHERE kind = 'bot_reply') AS replies,
	   count(*) FILTER (WHERE kind = 'bot_reply' AND is_fallback) AS fallbacks
FROM :table GROUP BY 1, 2, 3, 4;
CREATE UNIQUE INDEX ON bench.by_day (bot_id, day, source, language_code);

CREATE MATERIALIZED VIEW bench.chats_by_day AS
SELECT bot_id, day, count(session_id) AS chats
FROM (SELECT DISTINCT bot_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day, session_id FROM :table WHERE kind = 'user_message') AS s
GROUP BY 1, 2;
CREATE UNIQUE INDEX ON bench.chats_by_day (bot_id, day);

CREATE MATERIALIZED VIEW bench.by_button AS
SELECT bot_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day, button_id, button_type, dialogue_id, count(*) AS clicks
FROM :table WHERE kind = 'button_click' GROUP BY 1, 2, 3, 4, 5;
CREATE UNIQUE INDEX ON bench.by_button (bot_id, day, button_id, button_type, dialogue_id);

CREATE MATERIALIZED VIEW bench.by_hour AS
SELECT bot_id, date_trunc('hour', occurred_at, 'Europe/Oslo') AS hour, count(*) AS messages
FROM :table WHERE kind = 'user_message' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON bench.by_hour (bot_id, hour) INCLUDE (messages);

CREATE MATERIALIZED VIEW bench.by_bot AS
SELECT bot_id, min(occurred_at) AS first, max(occurred_at) AS last,
	   array_agg(DISTINCT source COLLATE "C") FILTER (WHERE source IS NOT NULL) AS sources,
	   array_agg(DISTINCT language_code COLLATE "C") FILTER (WHERE language_code IS NOT NULL) AS language_codes
FROM :table GROUP BY 1;
CREATE UNIQUE INDEX ON bench.by_bot (bot_id);
VACUUM ANALYZE bench.by_day, bench.chats_by_day, bench.by_button, bench.by_hour, bench.by_bot;

INSERT INTO bench.setting VALUES
	('viewed', $$WHERE bot_id = @bot AND day >= '@from' AND day < '@to'$$);

INSERT INTO bench.statement (question, side, query, remark) VALUES
('messages', 'view', $$SELECT date, coalesce(n, 0)::bigint AS count FROM @days AS d
	LEFT JOIN (SELECT day, sum(messages) AS n FROM bench.by_day @viewed GROUP BY 1) AS c ON day = date ORDER BY 1$$, 'by_day'),
('chats', 'view', $$SELECT date, coalesce(chats, 0) AS count FROM @days AS d
	LEFT JOIN (SELECT day, chats FROM bench.chats_by_day @viewed) AS c ON day = date ORDER BY 1$$, 'chats_by_day'),
('filtered', 'view', NULL, 'chats do not add up over sources'),
('fallbacks', 'view', $$SELECT date, coalesce(n, 0)::bigint AS count, coalesce(n::bigint / nullif(replies, 0)::float8, 0) AS rate FROM @days AS d
	LEFT JOIN (SELECT day, sum(fallbacks) AS n, sum(replies) AS replies FROM bench.by_day @viewed GROUP BY 1) AS c ON day = date
	ORDER BY 1$$, 'by_day'),
('fallback', 'view', $$SELECT sum(fallbacks)::bigint AS count, sum(fallbacks)::bigint / nullif(sum(replies), 0)::float8 AS rate
	FROM bench.by_day @viewed$$, 'by_day'),
('pages', 'view', NULL, 'chats do not add up over days'),
('buttons', 'view', $$SELECT button_id, button_type, dialogue_id, sum(clicks)::bigint AS count,
		sum(clicks)::bigint / (sum(sum(clicks)) OVER ())::float8 AS ratio FROM bench.by_button @viewed GROUP BY 1, 2, 3
	ORDER BY 4 DESC, button_id COLLATE "C", button_type COLLATE "C", dialogue_id COLLATE "C" LIMIT 5$$, 'by_button'),
('sessions', 'view', NULL, 'chats do not add up over days'),
('options', 'view', $$SELECT first, last, sources, language_codes FROM bench.by_bot WHERE bot_id = @bot$$, 'by_bot'),
('hours', 'view', $$SELECT date, coalesce(messages, 0) AS count FROM @hours AS d
	LEFT JOIN bench.by_hour AS h ON bot_id = @bot AND hour = starts ORDER BY starts$$, 'by_hour');
