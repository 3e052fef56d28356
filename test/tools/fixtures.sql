-- What the tools ask about: two months of two bots around the end of summer time, and an analyst who may read them.
SELECT kindly_stats.create_event_table('chat_event');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path, topic)
SELECT 41 + n % 3 / 2, timestamptz '2024-09-30 22:00Z' + n * interval '44 minutes', 'user_message', 's' || n / 3, 'u' || n * 7 % 211,
       (ARRAY['web', 'app', NULL])[1 + n % 7 % 3], (ARRAY['nb', 'en'])[1 + n % 5 / 4], 'shop.example', (ARRAY['/', '/cart', '/help'])[1 + n % 11 % 3],
       (ARRAY['price', 'delivery'])[1 + n % 4 / 3]
  FROM generate_series(0, 1999) AS n;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, is_fallback, response_id)
SELECT 41 + n % 3 / 2, timestamptz '2024-09-30 22:01Z' + n * interval '44 minutes', 'bot_reply', 's' || n / 3, (ARRAY['web', 'app', NULL])[1 + n % 7 % 3], n % 9 = 0, 'r' || n % 4
  FROM generate_series(0, 1999) AS n;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, button_id, button_type, label_id, label_text, rating_type, rating, interaction_type, interaction_name, interaction_id)
SELECT 41 + n % 3 / 2, timestamptz '2024-09-30 22:02Z' + n * interval '5 hours', k, 's' || n * 5, 'web',
       'b' || n % 3, 'link', 'l' || n % 2, (ARRAY['urgent', 'spam'])[1 + n % 2], 'binary', 1 + n % 3 / 2, 'INTENT', (ARRAY['greet', 'buy', 'bye'])[1 + n % 3], 'i' || n % 3
  FROM generate_series(0, 290) AS n, unnest(ARRAY['button_click', 'label_added', 'feedback', 'interaction', 'handover_request', 'handover_started']) WITH ORDINALITY AS e (k, i)
 WHERE i <= 4 OR n % 5 = 0;
INSERT INTO kindly_stats.bot_name (id, name) VALUES ('41', 'Shop'), ('42', 'Support');

-- whose rights are those that doc/bi.md has, and who keeps tables of his own besides
CREATE ROLE analyst LOGIN;
CREATE ROLE dbt LOGIN IN ROLE analyst;
CREATE SCHEMA analytics AUTHORIZATION dbt;
GRANT USAGE ON SCHEMA analytics TO analyst;
