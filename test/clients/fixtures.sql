-- What the clients ask about: a bot with a number and one with a UUID, an event an hour of each.
SELECT kindly_stats.create_event_table('chat_event');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source)
SELECT 42, timestamptz '2024-10-26 00:30Z' + n * interval '1 hour', 'user_message', 's' || n / 3, CASE WHEN n % 2 = 0 THEN 'web' ELSE 'app' END
  FROM generate_series(1, 100) AS n;
INSERT INTO chat_event (bot_id, occurred_at, kind, button_id, button_type) SELECT 42, '2024-10-27 12:00Z', 'button_click', 'b1', 'link' FROM generate_series(1, 3);
INSERT INTO chat_event (bot_id, occurred_at, kind, is_fallback) SELECT 42, '2024-10-27 12:00Z', 'bot_reply', n = 1 FROM generate_series(1, 4) AS n;
CREATE TABLE uuid_event (bot_id uuid NOT NULL, occurred_at timestamptz NOT NULL, kind text NOT NULL, session_id text);
SELECT kindly_stats.attach('uuid_event');
INSERT INTO uuid_event SELECT '3f2504e0-4f89-41d3-9a0c-0305e82c3301', timestamptz '2024-10-26 00:30Z' + n * interval '1 hour', 'user_message', 's' FROM generate_series(1, 10) AS n;
