-- Tables of conversations, with the properties that Ultimate's Data Export API documents: counted where they begin and where
-- they end, and unchangeable once the day on which they ended has been exported.

-- Triggers and days.  Not for everybody: closing a day shuts writers out of it, and reopening it allows changes to what was exported.

CREATE FUNCTION kindly_stats.guard_exported() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_guard_exported';
REVOKE EXECUTE ON FUNCTION kindly_stats.guard_exported() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.guard_exported() IS
'trigger of conversation tables: notes their bots, refuses what cannot be exported

That is what would change an exported day (55000), and replies and intents that cannot be understood (22023, 22P02, 22007, 22008).

Made by kindly_stats.attach_conversations(): AFTER ... FOR EACH STATEMENT, with transition tables; its arguments are the table''s
name and its column names.  It reads kindly_stats.exported, and writes kindly_stats.conversation_bot, with the rights of their owners.';

-- Recognized by their triggers, whatever these are called by now; partitions are covered by their parent's line.  A trigger's arguments are
-- the table and the columns; a trigger with others was not made by attach_conversations().
CREATE FUNCTION kindly_stats.conversation_tables() RETURNS TABLE (conversation_table regclass, columns jsonb)
    LANGUAGE sql STABLE COST 100 ROWS 10
BEGIN ATOMIC
    SELECT t.tgrelid::regclass AS conversation_table, kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) AS columns
      FROM pg_catalog.pg_trigger AS t
     -- after INSERT, for the statement
     WHERE t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure AND t.tgtype = 4 AND t.tgnargs = 2
       AND kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) IS NOT NULL AND NOT kindly_stats.is_shard(t.tgrelid);
END;
COMMENT ON FUNCTION kindly_stats.conversation_tables() IS 'internal: what view kindly_stats.conversation_table shows';
CREATE VIEW kindly_stats.conversation_table AS SELECT t.conversation_table, t.columns FROM kindly_stats.conversation_tables() AS t;
COMMENT ON VIEW kindly_stats.conversation_table IS 'attached tables of conversations, and how they name the documented properties';

CREATE FUNCTION kindly_stats.close_day(bot kindly_stats.bot_id, day date) RETURNS boolean
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_close_day';
REVOKE EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) IS
'makes the conversations of a bot that ended on a day unchangeable, as its first export does

bot: whose; day: a UTC day that is over, empty or not.  It waits for transactions that have written conversations of that bot and day,
and for nobody else, or fails at once with kindly_stats.wait_for_writers = off (55006).  Gives back false where the day is closed already.  Errors: 22004 and 22023 for a missing argument, 22023 for a day
that is not over, 22008 for one outside the years 1 to 9999, 25001 above READ COMMITTED, 25006 in a read-only transaction, 42501
where row-level security of kindly_stats.exported hides the bot from the caller, 55000 where conversations of the day have been purged or no conversation
table is attached.';

CREATE FUNCTION kindly_stats.reopen_day(bot kindly_stats.bot_id, day date) RETURNS boolean
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_reopen_day';
REVOKE EXECUTE ON FUNCTION kindly_stats.reopen_day(kindly_stats.bot_id, date) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.reopen_day(kindly_stats.bot_id, date) IS
'lets an exported day be changed: to erase a person, or to correct a mistake

bot: whose; day: a UTC day.  Whoever has imported that day must import it again once it has been closed again.  Gives back false
where the day is not closed.  Errors: 22004 and 22023 for a missing argument, 22008, 55000 where no conversation table is attached.';

CREATE FUNCTION kindly_stats.conversations_ended(bot bigint, day date, conversation_table regclass DEFAULT NULL) RETURNS bigint
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_conversations_ended_sql';
REVOKE EXECUTE ON FUNCTION kindly_stats.conversations_ended(bigint, date, regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.conversations_ended(bigint, date, regclass) IS 'internal: how many conversations of a bot ended on a UTC day, in one conversation table or in all';

CREATE FUNCTION kindly_stats.lock_exported() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_exported';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_exported() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_exported() IS 'internal: no day is closed until the end of the transaction';

CREATE FUNCTION kindly_stats.lock_closing(bot bigint, day date, at_once boolean, rows bigint) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_lock_closing';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_closing(bigint, date, boolean, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_closing(bigint, date, boolean, bigint) IS
'internal: takes the lock of whoever closes a day, on the node where it is worked out

rows: an aggregate over rows of the bot, which has it worked out on the bot''s node; it is given back.  at_once: fail instead of waiting (55006).';

-- An ordinary table, so that marks are dumped with the conversations that they are about.
CREATE FUNCTION kindly_stats.create_exported() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    -- who attaches may hold other locks already: this one is taken only to create the table
    IF to_regclass('kindly_stats.exported') IS NOT NULL AND to_regclass('kindly_stats.conversation_bot') IS NOT NULL THEN
        RETURN;
    END IF;
    -- another session may be doing the same, and finish first
    PERFORM kindly_stats.lock_creation();
    IF to_regclass('kindly_stats.exported') IS NULL THEN
        CREATE TABLE kindly_stats.exported (
            bot_id bigint,
            day date,
            exported_at timestamptz NOT NULL DEFAULT now(),
            bot_name text,
            conversations bigint NOT NULL,
            PRIMARY KEY (bot_id, day)
        );
        COMMENT ON TABLE kindly_stats.exported IS 'UTC days that are closed: their exports say bot_name, and have so many conversations, from then on; rows are made by close_day() and deleted by reopen_day()';
    END IF;
    IF to_regclass('kindly_stats.conversation_bot') IS NULL THEN
        CREATE TABLE kindly_stats.conversation_bot (
            conversation_table regclass NOT NULL,
            bot_id bigint NOT NULL,
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            PRIMARY KEY (bot_id, conversation_table, id)
        );
        -- for tables that were restored without this schema
        PERFORM kindly_stats.note_all_conversation_bots(NULL);
        COMMENT ON TABLE kindly_stats.conversation_bot IS 'which conversation tables and partitions have had rows of which bot, perhaps more than once: a bot''s exports read these alone; lines are added as rows are written, and deleted by detach()';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_exported() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_exported() IS 'internal: creates kindly_stats.exported and conversation_bot where they are missing';

CREATE FUNCTION kindly_stats.note_conversation_bots(relation regclass, bot_column name, bot bigint) RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_note_conversation_bots';
REVOKE EXECUTE ON FUNCTION kindly_stats.note_conversation_bots(regclass, name, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_conversation_bots(regclass, name, bigint) IS
'internal: lists the bots of a table''s rows, all or one, in kindly_stats.conversation_bot';

CREATE FUNCTION kindly_stats.note_all_conversation_bots(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.conversation_table;
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT ROW(c.*)::kindly_stats.conversation_table FROM kindly_stats.conversation_tables() AS c ORDER BY c.conversation_table)
    LOOP
        PERFORM kindly_stats.note_conversation_bots(t.conversation_table, t.columns ->> 'bot_id', bot);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.note_all_conversation_bots(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_all_conversation_bots(bigint) IS 'internal: the same for all attached tables';

CREATE FUNCTION kindly_stats.forget_conversation_bots(relation regclass) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_forget_conversation_bots';
REVOKE EXECUTE ON FUNCTION kindly_stats.forget_conversation_bots(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.forget_conversation_bots(regclass) IS
'internal: takes a table, and those that are there no more, out of kindly_stats.conversation_bot';

CREATE FUNCTION kindly_stats.check_replies(relation regclass, columns jsonb) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_check_replies';
REVOKE EXECUTE ON FUNCTION kindly_stats.check_replies(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_replies(regclass, jsonb) IS
'internal: refuses a table with replies or intents that cannot be read (22023, 22P02, 22007, 22008)';

-- Attaching

-- The documented properties that a table has columns for (bot_name is the bot's).
CREATE FUNCTION kindly_stats.conversation_columns() RETURNS TABLE (logical text, role text, required boolean)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 24 SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('bot_id', 'bot', true), ('conversation_id', 'text', true), ('platform_conversation_id', 'text', false),
           ('conversation_start_time', 'instant', true), ('conversation_end_time', 'instant', true),
           ('language', 'text', false), ('channel', 'text', false), ('labels', 'texts', false), ('conversations_data', 'json', false),
           ('test_mode', 'boolean', false), ('conversation_status', 'text', false), ('last_resolution', 'text', false),
           ('triggered_replies', 'list', false), ('triggered_intent_replies', 'list', false), ('is_llm_conversation', 'boolean', false),
           ('llm_notUnderstood_count', 'integer', false), ('llm_responseGenerated_count', 'integer', false),
           ('llm_errorOccurred_count', 'integer', false), ('llm_escalationRequired_count', 'integer', false),
           ('llm_fallback_count', 'integer', false), ('bot_messages_count', 'integer', false),
           ('visitor_messages_count', 'integer', false), ('not_understood_messages_count', 'integer', false)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.conversation_columns() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.conversation_columns() IS 'internal: documented properties of conversations, and what their types must be good for';

CREATE FUNCTION kindly_stats.check_conversation_mapping(columns jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns must be a JSON object'
            USING ERRCODE = '22023', HINT = 'Map documented names to your own, such as {"conversation_id": "id", "labels": null}.';
    END IF;
    FOR c IN SELECT k.key, jsonb_typeof(k.value) AS type, l.logical
               FROM jsonb_each(columns) AS k LEFT JOIN kindly_stats.conversation_columns() AS l ON l.logical = k.key
    LOOP
        IF c.logical IS NULL THEN
            RAISE EXCEPTION 'conversations have no property "%"', c.key
                USING ERRCODE = '22023', HINT = format('Columns that can be mapped are: %s.',
                    (SELECT string_agg(l.logical, ', ') FROM kindly_stats.conversation_columns() AS l));
        ELSIF c.type NOT IN ('string', 'null') THEN
            RAISE EXCEPTION 'column "%" must be mapped to a name or to null', c.key USING ERRCODE = '22023',
                HINT = 'Map documented names to your own, such as {"conversation_id": "id", "labels": null}.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_conversation_mapping(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_conversation_mapping(jsonb) IS 'internal: refuses a mapping of columns that makes no sense (22023)';

-- A mapping, completed with the columns that have the documented names.
CREATE FUNCTION kindly_stats.found_conversation_columns(conversation_table regclass, columns jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    result jsonb := columns;
BEGIN
    FOR c IN SELECT l.logical, l.role, l.required, columns ? l.logical AS mapped, m.physical, a.atttypid
               FROM kindly_stats.conversation_columns() AS l
              CROSS JOIN LATERAL (SELECT CASE WHEN columns ? l.logical THEN columns ->> l.logical ELSE l.logical END AS physical) AS m
               LEFT JOIN pg_attribute AS a ON a.attrelid = conversation_table AND a.attname = m.physical AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        IF c.atttypid IS NULL THEN
            IF c.required OR c.mapped AND c.physical IS NOT NULL THEN
                RAISE EXCEPTION 'table "%" has no column "%"', conversation_table, coalesce(c.physical, c.logical)
                    USING ERRCODE = '42703', HINT = format('Name yours in the argument columns, such as {"%s": "my_name"}%s.', c.logical,
                        CASE WHEN c.required THEN '' ELSE ', or null where there is none' END);
            ELSIF c.logical = 'bot_messages_count' AND NOT c.mapped THEN
                RAISE EXCEPTION 'table "%" has no column "bot_messages_count"', conversation_table
                    USING ERRCODE = '42703', HINT = 'Name yours in the argument columns, or map it to null: then nothing is counted by start.';
            END IF;
        ELSIF NOT kindly_stats.type_fits(c.role, NULL, c.atttypid) THEN
            RAISE EXCEPTION 'column "%" of type % cannot be read as "%"', c.physical, format_type(c.atttypid, NULL), c.logical
                USING ERRCODE = '42804', HINT = CASE
                    WHEN c.role = 'instant' AND kindly_stats.base_type(c.atttypid) = 'timestamp'::regtype THEN
                        format('Its type must be timestamp with time zone, such as a column that is GENERATED ALWAYS AS (%I AT TIME ZONE ''UTC'') STORED.', c.physical)
                    WHEN c.role = 'instant' THEN 'Its type must be timestamp with time zone.'
                    ELSE kindly_stats.fitting_types(c.role, NULL, c.atttypid) END;
        ELSE
            result := result || jsonb_build_object(c.logical, c.physical);
        END IF;
    END LOOP;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.found_conversation_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.found_conversation_columns(regclass, jsonb) IS 'internal: a mapping completed with what the table has; refuses what cannot be read (42703, 42804)';

-- The same mapping in the terms of measures: the properties for instant, source and language have other names here.
CREATE FUNCTION kindly_stats.grain_columns(columns jsonb, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(l.logical, columns -> l.logical) FILTER (WHERE columns ? l.logical)
           || jsonb_build_object('occurred_at', columns -> (grain || '_time'), 'source', columns -> 'channel', 'language_code', columns -> 'language')
      FROM kindly_stats.logical_columns(grain) AS l
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grain_columns(jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grain_columns(jsonb, text) IS 'internal: what attach_grain() is to be told of a table of conversations';

CREATE FUNCTION kindly_stats.guard_conversations(conversation_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    relation regclass;
    renamed name;
    call text;
BEGIN
    FOR relation IN SELECT r FROM kindly_stats.partition_tree(conversation_table) AS r ORDER BY r
    LOOP
        FOR renamed IN SELECT t.tgname FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure
                          AND t.tgname NOT IN ('kindly_stats_closed_insert', 'kindly_stats_closed_update', 'kindly_stats_closed_delete')
        LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', renamed, relation);
        END LOOP;
        call := format('FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.guard_exported(%L, %L%s)', conversation_table::text, columns::text,
                       CASE WHEN relation <> conversation_table THEN ', ''partition''' END);
        EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_closed_insert AFTER INSERT ON %s'
                       ' REFERENCING NEW TABLE AS kindly_stats_new %s', relation, call);
        EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_closed_update AFTER UPDATE ON %s'
                       ' REFERENCING OLD TABLE AS kindly_stats_old NEW TABLE AS kindly_stats_new %s', relation, call);
        EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_closed_delete AFTER DELETE ON %s'
                       ' REFERENCING OLD TABLE AS kindly_stats_old %s', relation, call);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.guard_conversations(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.guard_conversations(regclass, jsonb) IS 'internal: puts the triggers that guard exported days on a table and its partitions';

-- A table may come back with exactly the conversations that were exported from it, with no more and no less.
CREATE FUNCTION kindly_stats.check_exported(conversation_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed record;
BEGIN
    -- one by one: in the query itself they would be counted where the mark is, and other nodes do not have this table yet
    FOR changed IN SELECT x.bot_id, x.day, x.conversations FROM kindly_stats.exported AS x ORDER BY x.bot_id, x.day
    LOOP
        CONTINUE WHEN kindly_stats.conversations_ended(changed.bot_id, changed.day, conversation_table) = 0
                   OR kindly_stats.conversations_ended(changed.bot_id, changed.day) = changed.conversations;
        RAISE EXCEPTION 'table "%" has conversations of bot % that ended on %, which has been exported', conversation_table, kindly_stats.bot_text(changed.bot_id), to_char(changed.day, 'YYYY-MM-DD')
            USING ERRCODE = '55000', HINT = format('Let them end later, or call kindly_stats.reopen_day(%s, %L) first.',
                CASE WHEN changed.bot_id < -4611686018427387904 THEN quote_literal(kindly_stats.bot_text(changed.bot_id)) ELSE changed.bot_id::text END, to_char(changed.day, 'YYYY-MM-DD'));
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_exported(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_exported(regclass, jsonb) IS 'internal: refuses a table whose conversations would change an exported day (55000)';

CREATE FUNCTION kindly_stats.attach_conversations(conversation_table regclass, columns jsonb DEFAULT '{}', replica boolean DEFAULT false)
    RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb;
    wanted jsonb;
    covered regclass[];
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('attach a conversation table');
    PERFORM kindly_stats.require_table(conversation_table);
    PERFORM kindly_stats.check_conversation_mapping(columns);
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.create_exported();
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.refuse_merge(r) FROM kindly_stats.partition_tree(conversation_table) AS r;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', conversation_table);
    -- closing a day counts its conversations in all tables, with or without this one
    PERFORM kindly_stats.lock_exported();
    SELECT t.columns INTO known FROM kindly_stats.conversation_tables() AS t WHERE t.conversation_table = attach_conversations.conversation_table;
    -- exported documents would change
    IF known IS NOT NULL AND EXISTS (
        SELECT FROM jsonb_each_text(columns) AS c
         WHERE c.value <> coalesce(known ->> c.key, c.key) AND c.key <> ALL (kindly_stats.lost_columns(conversation_table, known))) THEN
        RAISE EXCEPTION 'table "%" is attached with other columns', conversation_table
            USING ERRCODE = '55000', HINT = 'Only columns that were renamed or dropped can be mapped anew, and others to null; else detach it first.';
    END IF;
    wanted := kindly_stats.found_conversation_columns(conversation_table, coalesce(known, '{}') || columns);
    SELECT array_agg(DISTINCT a.relation ORDER BY a.relation) INTO covered
      FROM unnest(ARRAY['conversation_start', 'conversation_end']) AS g (grain),
           LATERAL kindly_stats.attach_grain(conversation_table, kindly_stats.grain_columns(wanted, g.grain), g.grain) AS a (relation);
    PERFORM kindly_stats.guard_conversations(conversation_table, wanted);
    IF known IS NULL THEN
        PERFORM kindly_stats.forget_conversation_bots(r) FROM kindly_stats.partition_tree(conversation_table) AS r;
    END IF;
    PERFORM kindly_stats.note_conversation_bots(r, wanted ->> 'bot_id', NULL)
       FROM unnest(CASE WHEN conversation_table = ANY (covered) THEN ARRAY[conversation_table] ELSE covered END) AS r;
    IF known IS DISTINCT FROM wanted THEN
        PERFORM kindly_stats.check_replies(conversation_table, wanted);
    END IF;
    PERFORM kindly_stats.check_exported(conversation_table, wanted);
    IF replica THEN
        PERFORM kindly_stats.create_replica_triggers(r, t.event_table, t.columns, t.grain)
           FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r WHERE t.event_table = conversation_table;
    END IF;
    RETURN QUERY SELECT unnest(covered);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach_conversations(regclass, jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attach_conversations(regclass, jsonb, boolean) IS
'counts the conversations of a table, those that are in it and those to come, and guards exported days

conversation_table: an ordinary or partitioned table with at least bot_id, conversation_id, conversation_start_time and
conversation_end_time, and bot_messages_count (or null for it); columns: a JSON object from documented property names to the table''s
own columns, null for one not to be read.  An export says null for what the table does not have.  Gives back the tables and
partitions that it covered with triggers; call it once more for a new partition, or for a column that was renamed or dropped, as
attach().  replica: count also what logical replication applies, as attach() does; exported days are not guarded against that.
kindly_stats.detach() undoes it.
Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703 or 42804 where a column is missing, unknown or of a type
that cannot be read, 22023, 22P02, 22007 or 22008 where replies or intents of its rows cannot be understood, 42809 for what is no
table, 55000 where it is attached otherwise or would change an exported day.';

-- Without SET search_path: the table is created where the caller's tables are.
CREATE FUNCTION kindly_stats.create_conversation_table(name text) RETURNS regclass
    LANGUAGE plpgsql AS $$
DECLARE
    parts pg_catalog.text[] := pg_catalog.parse_ident(name);
    qualified pg_catalog.text;
BEGIN
    IF parts IS NULL OR pg_catalog.cardinality(parts) OPERATOR(pg_catalog.>) 2 THEN
        RAISE EXCEPTION 'a conversation table needs a name' USING ERRCODE = '22023',
            HINT = 'Pass a name such as conversation, with or without a schema.';
    END IF;
    qualified := pg_catalog.format('%I.%I', COALESCE(parts[pg_catalog.array_length(parts, 1) OPERATOR(pg_catalog.-) 1], pg_catalog.current_schema()::pg_catalog.text),
                                   parts[pg_catalog.array_length(parts, 1)]);
    EXECUTE pg_catalog.format($table$CREATE TABLE %s (
        bot_id bigint,
        conversation_id pg_catalog.text,
        platform_conversation_id pg_catalog.text,
        conversation_start_time pg_catalog.timestamptz NOT NULL,
        conversation_end_time pg_catalog.timestamptz CHECK (conversation_end_time OPERATOR(pg_catalog.>=) conversation_start_time),
        language pg_catalog.text,
        channel pg_catalog.text CHECK (channel OPERATOR(pg_catalog.=) ANY ('{chat,ticket}'::pg_catalog.text[])),
        labels pg_catalog.text[] CHECK (pg_catalog.array_ndims(labels) OPERATOR(pg_catalog.=) 1 AND pg_catalog.array_position(labels, NULL) IS NULL),
        conversations_data pg_catalog.jsonb CHECK (pg_catalog.jsonb_typeof(conversations_data) OPERATOR(pg_catalog.=) 'object'),
        test_mode boolean NOT NULL DEFAULT false,
        conversation_status pg_catalog.text,
        last_resolution pg_catalog.text,
        triggered_replies pg_catalog.jsonb,
        triggered_intent_replies pg_catalog.jsonb,
        is_llm_conversation boolean,
        "llm_notUnderstood_count" integer NOT NULL DEFAULT 0,
        "llm_responseGenerated_count" integer NOT NULL DEFAULT 0,
        "llm_errorOccurred_count" integer NOT NULL DEFAULT 0,
        "llm_escalationRequired_count" integer NOT NULL DEFAULT 0,
        llm_fallback_count integer NOT NULL DEFAULT 0,
        bot_messages_count integer NOT NULL DEFAULT 0,
        visitor_messages_count integer NOT NULL DEFAULT 0,
        not_understood_messages_count integer NOT NULL DEFAULT 0,
        PRIMARY KEY (bot_id, conversation_id))$table$, qualified);
    EXECUTE pg_catalog.format('CREATE INDEX ON %s (bot_id, conversation_end_time)', qualified);
    PERFORM kindly_stats.attach_conversations(qualified::pg_catalog.regclass);
    RETURN qualified::pg_catalog.regclass;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_conversation_table(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_conversation_table(text) IS
'creates a table for conversations and attaches it

name: its name, with or without a schema.  A conversation is a row, open while conversation_end_time is NULL.  The table is yours:
add columns, indexes and grants as you like.
Errors: 22023 without a name, 42P07 where it exists.';
