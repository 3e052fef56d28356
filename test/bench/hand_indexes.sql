-- hand_indexes.sql: what hand-written SQL wants of the event table :table.
--
-- They cover every question, so that the table itself is not looked at.

CREATE INDEX ON :table (bot_id, kind, occurred_at);
CREATE INDEX ON :table (bot_id, kind, occurred_at) INCLUDE (session_id);
CREATE INDEX ON :table (bot_id, source, language_code, occurred_at) INCLUDE (session_id) WHERE kind = 'user_message';
CREATE INDEX ON :table (bot_id, occurred_at) INCLUDE (is_fallback) WHERE kind = 'bot_reply';
CREATE INDEX ON :table (bot_id, occurred_at) INCLUDE (web_host, web_path, session_id) WHERE kind = 'user_message' AND (web_host IS NOT NULL OR web_path IS NOT NULL);
CREATE INDEX ON :table (bot_id, occurred_at) INCLUDE (button_id, button_type, dialogue_id) WHERE kind = 'button_click';
CREATE INDEX ON :table (bot_id, session_id, occurred_at) WHERE kind = 'user_message';
CREATE INDEX ON :table (bot_id, source);
CREATE INDEX ON :table (bot_id, language_code);
VACUUM ANALYZE :table;
