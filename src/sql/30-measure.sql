-- The measures that come with the extension, and how those of a database follow a newer version.

-- A released definition stays; where a later version defines a measure differently, there is another row, with that version.  So a row of
-- kindly_stats.measure that was changed by hand can be recognized.
CREATE FUNCTION kindly_stats.built_in_measures()
    RETURNS TABLE (version text, name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 40 SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('1.0', 'events', NULL::text[], '{}'::text[], NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'messages', '{user_message}', '{}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'users', '{user_message}', '{}', 'user_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'replies', '{bot_reply}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'fallbacks', '{bot_reply}', '{}', NULL, NULL, 'is_fallback', NULL, 'event'),
        ('1.0', 'pages', '{user_message}', '{web_host,web_path}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'buttons', '{button_click}', '{button_id,button_type,dialogue_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'labels', '{label_added}', '{label_text,label_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'feedback', '{feedback}', '{rating_type,rating}', 'user_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'handover_requests', '{handover_request}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handover_requests_closed', '{handover_request_closed}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handovers_started', '{handover_started}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handovers_ended', '{handover_ended}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'stories', '{user_message}', '{story_id}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'paid_messages', '{user_message}', '{}', 'session_id', NULL, 'paid', NULL, 'event'),
        ('1.0', 'paid_stories', '{user_message}', '{story_id}', 'session_id', NULL, 'paid', NULL, 'event'),
        ('1.0', 'interactions', '{interaction}', '{interaction_type,interaction_name,interaction_id,interaction_parent_id,story_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'inputs', '{user_message}', '{matched}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'topics', '{user_message}', '{topic}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'sentiments', '{user_message}', '{sentiment}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'countries', '{user_message}', '{country}', 'user_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'triggered_events', '{event_triggered}', '{event_name}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'links', '{link_click}', '{url}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'responses', '{bot_reply}', '{response_id,response_trigger}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'response_likes', '{response_liked}', '{response_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'response_dislikes', '{response_disliked}', '{response_id}', NULL, NULL, NULL, NULL, 'event'),
        -- the kind is never NULL: handovers without topic, outcome or agent count, too
        ('1.0', 'interventions', '{handover_started}', '{kind,topic,outcome}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handover_seconds', '{handover_ended}', '{kind,agent_id}', NULL, 'duration', NULL, NULL, 'event'),
        ('1.0', 'timed_handovers', '{handover_ended}', '{kind,agent_id}', NULL, NULL, NULL, 'duration', 'event'),
        ('1.0', 'conversations_ended', NULL, '{}', NULL, NULL, NULL, NULL, 'conversation_end'),
        ('1.0', 'outcomes_ended', NULL, '{conversation_status,last_resolution}', NULL, NULL, NULL, NULL, 'conversation_end'),
        ('1.0', 'visitor_messages_ended', NULL, '{}', NULL, 'visitor_messages_count', NULL, NULL, 'conversation_end'),
        ('1.0', 'not_understood_ended', NULL, '{}', NULL, 'not_understood_messages_count', NULL, NULL, 'conversation_end'),
        ('1.0', 'conversations_started', NULL, '{}', NULL, NULL, 'bot_messages_count', NULL, 'conversation_start'),
        ('1.0', 'outcomes_started', NULL, '{conversation_status,last_resolution}', NULL, NULL, 'bot_messages_count', NULL, 'conversation_start'),
        ('1.0', 'visitor_messages_started', NULL, '{}', NULL, 'visitor_messages_count', 'bot_messages_count', NULL, 'conversation_start'),
        ('1.0', 'not_understood_started', NULL, '{}', NULL, 'not_understood_messages_count', 'bot_messages_count', NULL, 'conversation_start')
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.built_in_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.built_in_measures() IS
'internal: measures that come with the extension, with every definition that they ever had

version: the version that brought the definition; all else as in kindly_stats.measure.';

CREATE FUNCTION kindly_stats.newest_measures()
    RETURNS TABLE (version text, name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text)
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 40 SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT ON (b.name COLLATE "C") b.* FROM kindly_stats.built_in_measures() AS b ORDER BY b.name COLLATE "C", string_to_array(b.version, '.')::integer[] DESC
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.newest_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.newest_measures() IS 'internal: built-in measures as the newest version defines them';

-- What is left to do after an update of the extension: measures that are new in it, or defined differently.  A measure that existed before
-- and is missing was deleted on purpose.
CREATE FUNCTION kindly_stats.outdated_measures() RETURNS TABLE (name text, action text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT b.name, CASE WHEN m.name IS NULL THEN 'add'
                        WHEN EXISTS (SELECT FROM kindly_stats.built_in_measures() AS o
                                      WHERE o.name = m.name AND o.version = m.built_in
                                        AND (o.kinds, o.keys, o.member, o.weight, o.condition, o.needed, o.grain)
                                            IS NOT DISTINCT FROM (m.kinds, m.keys, m.member, m.weight, m.condition, m.needed, m.grain)) THEN 'update'
                        ELSE 'leave' END
      FROM kindly_stats.newest_measures() AS b LEFT JOIN kindly_stats.measure AS m ON m.name = b.name COLLATE "C"
     WHERE CASE WHEN m.name IS NOT NULL THEN string_to_array(m.built_in, '.')::integer[] < string_to_array(b.version, '.')::integer[]
                ELSE (SELECT min(string_to_array(o.version, '.')::integer[]) FROM kindly_stats.built_in_measures() AS o WHERE o.name = b.name)
                     > (SELECT max(string_to_array(k.built_in, '.')::integer[]) FROM kindly_stats.measure AS k) END
     ORDER BY b.name COLLATE "C";
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.outdated_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.outdated_measures() IS
'internal: built-in measures that are not as this version defines them

action: add, update, or leave for what was changed by hand.';
