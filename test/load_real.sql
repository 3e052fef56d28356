-- load_real.sql: the real events, from a file in KINDLY_STATS_DATA.
--
--     gunzip -c events_real.csv.gz | psql -v table=chat_event -f test/load_real.sql
--
-- Fills an event table that is there.  The file's columns are event_id,
-- occurred_at, bot_id, kind, session_id, user_hash, source, language, role,
-- is_question, is_thanks, text_len, has_url, url_host, detail; what it calls
-- system is no event of a chatbot and is left out.

CREATE TEMP TABLE raw_event (event_id bigint, occurred_at timestamptz, bot_id bigint, kind text, session_id text,
	user_hash text, source text, language text, role text, is_question bool, is_thanks bool, text_len int,
	has_url bool, url_host text, detail text);

\copy raw_event FROM pstdin (FORMAT csv, HEADER)

INSERT INTO :table (bot_id, occurred_at, kind, event_id, session_id, user_id, source, language_code,
	is_fallback, web_host, web_path, label_id, label_text)
SELECT bot_id, occurred_at,
	   CASE kind WHEN 'fallback' THEN 'bot_reply' WHEN 'label' THEN 'label_added'
				 WHEN 'handover' THEN 'handover_started' ELSE kind END,
	   lpad(to_hex(event_id), 32, '0')::uuid, session_id, user_hash, source, language,
	   CASE kind WHEN 'bot_reply' THEN false WHEN 'fallback' THEN true END,
	   url_host, CASE WHEN url_host IS NOT NULL THEN '/' END,
	   CASE kind WHEN 'label' THEN detail END,
	   CASE kind WHEN 'label' THEN detail END
FROM raw_event
WHERE kind <> 'system';

DROP TABLE raw_event;
