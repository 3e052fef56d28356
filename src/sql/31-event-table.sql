-- The table for events that has all documented columns.

-- Without SET search_path: the table is created where the caller's tables are.
CREATE FUNCTION kindly_stats.create_event_table(name text) RETURNS regclass
    LANGUAGE plpgsql AS $$
DECLARE
    parts pg_catalog.text[] := pg_catalog.parse_ident(name);
    qualified pg_catalog.text;
BEGIN
    IF parts IS NULL OR pg_catalog.cardinality(parts) OPERATOR(pg_catalog.>) 2 THEN
        RAISE EXCEPTION 'an event table needs a name' USING ERRCODE = '22023',
            HINT = 'Pass a name such as chat_event, with or without a schema.';
    END IF;
    qualified := pg_catalog.format('%I.%I', COALESCE(parts[pg_catalog.array_length(parts, 1) OPERATOR(pg_catalog.-) 1], pg_catalog.current_schema()::pg_catalog.text),
                                   parts[pg_catalog.array_length(parts, 1)]);
    EXECUTE pg_catalog.format('CREATE TABLE %s (
        bot_id bigint NOT NULL,
        occurred_at pg_catalog.timestamptz NOT NULL,
        kind pg_catalog.text NOT NULL,
        event_id pg_catalog.uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
        session_id pg_catalog.text,
        user_id pg_catalog.text,
        source pg_catalog.text,
        language_code pg_catalog.text,
        is_fallback boolean,
        web_host pg_catalog.text,
        web_path pg_catalog.text,
        button_id pg_catalog.text,
        button_type pg_catalog.text,
        dialogue_id pg_catalog.text,
        label_id pg_catalog.text,
        label_text pg_catalog.text,
        rating_type pg_catalog.text,
        rating smallint,
        topic pg_catalog.text,
        intent pg_catalog.text,
        matched boolean,
        sentiment pg_catalog.text,
        country pg_catalog.text,
        event_name pg_catalog.text,
        response_id pg_catalog.text,
        response_trigger pg_catalog.text,
        url pg_catalog.text,
        agent_id pg_catalog.text,
        outcome pg_catalog.text,
        duration integer,
        story_id pg_catalog.text,
        paid boolean,
        interaction_id pg_catalog.text,
        interaction_name pg_catalog.text,
        interaction_type pg_catalog.text,
        interaction_parent_id pg_catalog.text,
        PRIMARY KEY (bot_id, occurred_at, event_id))', qualified);
    PERFORM kindly_stats.attach(qualified::pg_catalog.regclass);
    RETURN qualified::pg_catalog.regclass;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_event_table(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_event_table(text) IS
'creates a table for chatbot events and attaches it

name: its name, with or without a schema.  The table is yours: add columns, indexes and grants as you like.
Errors: 22023 without a name, 42P07 where it exists.';
