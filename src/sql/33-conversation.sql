-- Tables of conversations: counted twice, where they began and where they ended.

CREATE FUNCTION kindly_stats.attach_conversations(conversation_table regclass, columns jsonb DEFAULT '{}') RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    grain text;
    instant text;
BEGIN
    FOREACH grain IN ARRAY ARRAY['conversation_start', 'conversation_end']
    LOOP
        instant := grain || '_time';
        RETURN QUERY SELECT * FROM kindly_stats.attach_grain(conversation_table,
            jsonb_build_object('occurred_at', coalesce(columns ->> instant, instant), 'source', coalesce(columns ->> 'channel', 'channel'),
                               'language_code', coalesce(columns ->> 'language', 'language')), grain);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach_conversations(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attach_conversations(regclass, jsonb) IS 'counts the conversations of a table from now on, and those that are in it';
