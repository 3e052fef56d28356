-- questions.sql: what is asked, and how kindly_stats is asked it.
--
-- Bounds: milliseconds of the typed function (JSON may take 0.2 more), how many
-- times quicker than hand-written SQL it is to be, and how many times longer it
-- may take on ten times the events.

INSERT INTO bench.question (name, label, bound_ms, bound_times, bound_growth) VALUES
	('messages', 'daily messages', 0.6, 1000, 1.3),
	('chats', 'daily chats', 1.0, 700, 1.5),
	('filtered', 'daily chats, 2 sources, 1 language', 1.5, 400, 2),
	('fallbacks', 'daily fallbacks and their rate', 0.6, 700, 1.3),
	('fallback', 'fallbacks and their rate', 0.6, 700, 1.3),
	('pages', 'top 3 pages with their chats', 1.5, 500, 3),
	('buttons', 'top 5 buttons', 1.5, 500, 1.3),
	('sessions', 'chats of the whole range', 1.0, NULL, 4),
	('options', 'first and last event, sources, languages', 0.2, NULL, 1.3),
	('hours', 'hourly messages of a week', 0.2, NULL, 1.3);

-- Columns are named as the JSON names them, so that all answers compare.
INSERT INTO bench.statement (question, side, query) VALUES
('messages', 'typed', $$SELECT date, count FROM kindly_stats.stats_series(@bot, '@from', '@to', '@zone')$$),
('messages', 'json', $$SELECT sage.sessions_messages(@bot, '@from', '@to', '@zone')$$),
('chats', 'typed', $$SELECT date, distinct_count AS count FROM kindly_stats.stats_series(@bot, '@from', '@to', '@zone')$$),
('chats', 'json', $$SELECT sage.sessions_chats(@bot, '@from', '@to', '@zone')$$),
('filtered', 'typed', $$SELECT date, distinct_count AS count
	FROM kindly_stats.stats_series(@bot, '@from', '@to', '@zone', sources => '{@sources}', language_codes => '{@language}')$$),
('filtered', 'json', $$SELECT sage.sessions_chats(@bot, '@from', '@to', '@zone', sources => '@sources', language_codes => '@language')$$),
('fallbacks', 'typed', $$SELECT date, f.count, coalesce(f.count / nullif(r.count, 0)::float8, 0) AS rate
	FROM kindly_stats.stats_series(@bot, '@from', '@to', '@zone', measure => 'fallbacks') AS f
	JOIN kindly_stats.stats_series(@bot, '@from', '@to', '@zone', measure => 'replies') AS r USING (date) ORDER BY date$$),
('fallbacks', 'json', $$SELECT sage.fallbacks_series(@bot, '@from', '@to', '@zone')$$),
('fallback', 'typed', $$SELECT count, rate FROM kindly_stats.fallback_rate(@bot, '@from', '@to', '@zone')$$),
('fallback', 'json', $$SELECT sage.fallbacks_total(@bot, '@from', '@to', '@zone')$$),
('pages', 'typed', $$SELECT count AS messages, distinct_count AS sessions, key[1] AS web_host, key[2] AS web_path
	FROM kindly_stats.stats_top(@bot, '@from', '@to', '@zone', 'pages', 3)$$),
('pages', 'json', $$SELECT sage.chatbubble_pages(@bot, '@from', '@to', '@zone')$$),
('buttons', 'typed', $$SELECT * FROM kindly_stats.top_buttons(@bot, '@from', '@to', '@zone')$$),
('buttons', 'json', $$SELECT sage.buttons_most_clicked(@bot, '@from', '@to', '@zone')$$),
('sessions', 'typed', $$SELECT distinct_count FROM kindly_stats.stats_total(@bot, '@from', '@to', '@zone')$$),
('options', 'typed', $$SELECT * FROM kindly_stats.stats_options(@bot)$$),
('options', 'json', $$SELECT sage.meta_options(@bot)$$),
('hours', 'typed', $$SELECT date, count FROM kindly_stats.stats_series(@bot, '@monday', '@next_monday', '@zone', 'hour')$$),
('hours', 'json', $$SELECT sage.sessions_messages(@bot, '@monday', '@next_monday', '@zone', 'hour')$$);
