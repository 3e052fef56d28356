-- timescale.sql: the events once more in TimescaleDB, and the questions that it can be asked.
--
-- bench.hyper has them in its columnstore, by bot and kind; bench.quarters and bench.days are continuous aggregates:
-- of quarter hours, from which days of any zone can be had, and of days of the one zone that the view was made for.

CREATE TABLE bench.hyper (LIKE chat_event);
SELECT create_hypertable('bench.hyper', by_range('occurred_at', interval '1 month')) \g /dev/null
ALTER TABLE bench.hyper SET (timescaledb.compress, timescaledb.compress_segmentby = 'bot_id, kind', timescaledb.compress_orderby = 'occurred_at');
INSERT INTO bench.hyper SELECT * FROM chat_event;

CREATE MATERIALIZED VIEW bench.quarters WITH (timescaledb.continuous) AS
SELECT bot_id, time_bucket('15 minutes', occurred_at) AS starts, source, language_code,
	   count(*) FILTER (WHERE kind = 'user_message') AS messages, count(*) FILTER (WHERE kind = 'bot_reply') AS replies,
	   count(*) FILTER (WHERE kind = 'bot_reply' AND is_fallback) AS fallbacks
FROM bench.hyper GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE MATERIALIZED VIEW bench.days WITH (timescaledb.continuous) AS
SELECT bot_id, time_bucket('1 day', occurred_at, 'Europe/Oslo') AS starts, source, language_code,
	   count(*) FILTER (WHERE kind = 'user_message') AS messages, count(*) FILTER (WHERE kind = 'bot_reply') AS replies,
	   count(*) FILTER (WHERE kind = 'bot_reply' AND is_fallback) AS fallbacks
FROM bench.hyper GROUP BY 1, 2, 3, 4 WITH NO DATA;
CREATE MATERIALIZED VIEW bench.button_days WITH (timescaledb.continuous) AS
SELECT bot_id, time_bucket('1 day', occurred_at, 'Europe/Oslo') AS starts, button_id, button_type, dialogue_id, count(*) AS clicks
FROM bench.hyper WHERE kind = 'button_click' GROUP BY 1, 2, 3, 4, 5 WITH NO DATA;

-- The columnstore is asked what the event table is asked in hand-written SQL.
INSERT INTO bench.statement (question, side, query)
SELECT s.question, 'columnstore', replace(replace(replace(replace(s.query, '@events', e.value), '@days', d.value), '@hours', h.value), '@table', 'bench.hyper')
  FROM bench.statement AS s, bench.setting AS e, bench.setting AS d, bench.setting AS h
 WHERE s.side IN ('hand', 'best') AND e.name = 'events' AND d.name = 'days' AND h.name = 'hours'
 ORDER BY s.id;

INSERT INTO bench.setting VALUES
	('sums', $$WHERE bot_id = @bot AND starts >= timestamp '@from' AT TIME ZONE '@zone' AND starts < timestamp '@to' AT TIME ZONE '@zone'$$);
INSERT INTO bench.statement (question, side, query, remark) VALUES
('messages', 'quarters', $$SELECT date, coalesce(n, 0)::bigint AS count FROM @days AS d
	LEFT JOIN (SELECT (starts AT TIME ZONE '@zone')::date AS day, sum(messages) AS n FROM bench.quarters @sums GROUP BY 1) AS c ON day = date ORDER BY 1$$, NULL),
('messages', 'days', $$SELECT date, coalesce(n, 0)::bigint AS count FROM @days AS d
	LEFT JOIN (SELECT starts, sum(messages) AS n FROM bench.days @sums GROUP BY 1) AS c USING (starts) ORDER BY 1$$, NULL),
('fallbacks', 'quarters', $$SELECT date, coalesce(c.count, 0)::bigint AS count, coalesce(c.count / nullif(replies, 0)::float8, 0) AS rate FROM @days AS d
	LEFT JOIN (SELECT (starts AT TIME ZONE '@zone')::date AS day, sum(fallbacks) AS count, sum(replies) AS replies FROM bench.quarters @sums GROUP BY 1) AS c ON day = date ORDER BY 1$$, NULL),
('fallbacks', 'days', $$SELECT date, coalesce(c.count, 0)::bigint AS count, coalesce(c.count / nullif(replies, 0)::float8, 0) AS rate FROM @days AS d
	LEFT JOIN (SELECT starts, sum(fallbacks) AS count, sum(replies) AS replies FROM bench.days @sums GROUP BY 1) AS c USING (starts) ORDER BY 1$$, NULL),
('fallback', 'quarters', $$SELECT sum(fallbacks)::bigint AS count, sum(fallbacks) / nullif(sum(replies), 0)::float8 AS rate FROM bench.quarters @sums$$, NULL),
('fallback', 'days', $$SELECT sum(fallbacks)::bigint AS count, sum(fallbacks) / nullif(sum(replies), 0)::float8 AS rate FROM bench.days @sums$$, NULL),
('hours', 'quarters', $$SELECT date, coalesce(n, 0)::bigint AS count FROM @hours AS d
	LEFT JOIN (SELECT time_bucket('1 hour', q.starts) AS starts, sum(messages) AS n FROM bench.quarters AS q WHERE bot_id = @bot
		AND q.starts >= timestamp '@monday' AT TIME ZONE '@zone' AND q.starts < timestamp '@next_monday' AT TIME ZONE '@zone' GROUP BY 1) AS c USING (starts) ORDER BY starts$$, NULL),
('hours', 'days', NULL, 'days have no hours'),
('buttons', 'quarters', NULL, 'as many rows as clicks'),
('buttons', 'days', $$SELECT button_id, button_type, dialogue_id, sum(clicks)::bigint AS count, sum(clicks) / (sum(sum(clicks)) OVER ())::float8 AS ratio
	FROM bench.button_days @sums GROUP BY 1, 2, 3
	ORDER BY 4 DESC, button_id COLLATE "C", button_type COLLATE "C", dialogue_id COLLATE "C" LIMIT 5$$, NULL);
INSERT INTO bench.statement (question, side, remark)
SELECT q.name, s.side, 'chats do not add up' FROM bench.question AS q, unnest('{quarters,days}'::text[]) AS s (side) WHERE q.name IN ('chats', 'filtered', 'pages', 'sessions');
