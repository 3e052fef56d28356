-- kindly_stats: from version 0.1.0 to 1.0.0
\echo Use "ALTER EXTENSION kindly_stats UPDATE" to load this file. \quit

ALTER SCHEMA chatbot RENAME TO chatbot_com;

CREATE FUNCTION kindly_stats.library_version() RETURNS text
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_library_version';
COMMENT ON FUNCTION kindly_stats.library_version() IS
'version of the library that this session has loaded

That of the objects in this database is pg_extension.extversion; ALTER EXTENSION kindly_stats UPDATE brings them up to it.';
CREATE FUNCTION kindly_stats.require_library() RETURNS void
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_require_library';
REVOKE EXECUTE ON FUNCTION kindly_stats.require_library() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_library() IS 'internal: refuses a library that is older than the objects of this database (55000)';
SELECT kindly_stats.require_library();
CREATE FUNCTION kindly_stats.announce(message text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_announce';
REVOKE EXECUTE ON FUNCTION kindly_stats.announce(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.announce(text) IS 'internal: a notice in the middle of CREATE EXTENSION, for whoever is shown notices';
CREATE FUNCTION kindly_stats.weekdays(locale text DEFAULT NULL, style text DEFAULT 'long')
RETURNS TABLE (place integer, day integer, name text)
AS 'MODULE_PATHNAME', 'ks_weekdays'
-- not immutable: names change with ICU; not strict: a locale left out means ISO weeks
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 7;
COMMENT ON FUNCTION kindly_stats.weekdays(text, text) IS
'names of the weekdays in a locale''s language, in the order of its week

locale: such as nb-NO or fa-IR; left out, names are English and weeks begin with Monday.  style: long or short.  place: 1 to 7; day: as stats_heatmap has it,
0 is Sunday; name: as it stands alone, not within a date.
Errors: 22023 for an unknown locale or style.';
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
CREATE OR REPLACE FUNCTION kindly_stats.create_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_new boolean := false;
BEGIN
    IF kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    -- another session may be at the same, and be done before us
    PERFORM kindly_stats.lock_creation();
    IF kindly_stats.has_rollup() THEN
        RETURN;
    ELSIF to_regclass('kindly_stats.rollup') IS NULL THEN
        CREATE TABLE kindly_stats.rollup (
            bot_id bigint NOT NULL,
            measure text COLLATE "C" NOT NULL,
            month date NOT NULL,
            -- rows of new events ascend with their transactions, see src/rollup/id.c; what is below zero lies in the other index
            id bigint NOT NULL DEFAULT -1 - floor(random() * 4611686018427387904)::bigint,
            kept boolean NOT NULL DEFAULT false,
            cluster bigint,
            tally kindly_stats.tally NOT NULL,
            PRIMARY KEY (bot_id, id)
        );
        CREATE INDEX rollup_merged ON kindly_stats.rollup (bot_id, measure, month) WHERE id < 0;
        is_new := true;
        COMMENT ON TABLE kindly_stats.rollup IS
'all statistics: packed counts by bot, measure and UTC month, whose rows add up

bot_id: the number of the bot; measure: which one, or '''' for a row that holds several; month: its first day, in UTC; id: below 0 for
merged rows; kept: true for events that are in no table any more; cluster: set in empty rows, which say up to where new rows have
been merged; tally: the counts.';
    ELSE
        PERFORM kindly_stats.restore_kept();
    END IF;
    IF to_regclass('kindly_stats.measure') IS NULL THEN
        CREATE TABLE kindly_stats.measure (
            name text COLLATE "C" PRIMARY KEY CHECK (name <> '' AND octet_length(name) <= 2000),
            kinds text[] CHECK (array_position(kinds, NULL) IS NULL),
            keys text[] NOT NULL DEFAULT '{}' CHECK (array_position(keys, NULL) IS NULL AND cardinality(keys) <= 60),
            member text,
            weight text,
            condition text,
            needed text,
            grain text NOT NULL DEFAULT 'event' CHECK (grain IN ('event', 'conversation_start', 'conversation_end')),
            counted boolean NOT NULL DEFAULT true,
            built_in text,
            CHECK (member IS NULL OR weight IS NULL)
        );
        -- no secret, and whoever reads the rollup needs it where nothing was counted: is there such a measure at all?
        GRANT SELECT ON kindly_stats.measure TO PUBLIC;
        COMMENT ON TABLE kindly_stats.measure IS
'what is counted: a row for each measure

name: how questions name it; kinds: kinds of events that count, NULL for all; keys: columns to filter and group by, besides source and
language_code; member: column whose distinct values are counted; weight: column that is added up, NULL to count 1 for each event;
condition: column that must be true (a boolean, a number above 0, or a text that says true); needed: column that must not be NULL;
grain: event, or conversation_start or conversation_end for measures that count conversations; counted: false while older events are
still being counted; built_in: the version of the extension that brought it, NULL for those that were added.
kindly_stats.add_measure() adds a row and counts it.';
        INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, built_in)
        SELECT b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version FROM kindly_stats.newest_measures() AS b;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = 'kindly_stats.measure'::regclass AND t.tgname = 'kindly_stats_changed') THEN
        CREATE TRIGGER kindly_stats_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kindly_stats.measure
            FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.measure_changed();
    END IF;
    IF to_regclass('kindly_stats.detached') IS NULL THEN
        CREATE TABLE kindly_stats.detached (
            event_table regclass,
            grain text,
            columns jsonb NOT NULL,
            PRIMARY KEY (event_table, grain)
        );
        COMMENT ON TABLE kindly_stats.detached IS
'tables that were detached while their events stayed counted

event_table: which; grain: of which measures; columns: how it named the columns that they read.
Such a table cannot be attached before kindly_stats.forget_kept(), or its events would be counted twice.';
    END IF;
    IF to_regclass('kindly_stats.known_bot') IS NULL THEN
        -- no key of its bots: two writers of a new one do not wait for each other, and both leave a line
        CREATE TABLE kindly_stats.known_bot (
            bot_id bigint NOT NULL,
            id text COLLATE "C" NOT NULL,
            line uuid NOT NULL DEFAULT gen_random_uuid(),
            PRIMARY KEY (bot_id, line)
        );
        COMMENT ON TABLE kindly_stats.known_bot IS
'ids of bots that are texts, and the numbers that stand for them

bot_id: the number; id: the text, as event and conversation tables have it; line: tells lines apart, for an id may have several.
Rows are added as events are written.';
    END IF;
    IF to_regclass('kindly_stats.bot_name') IS NULL THEN
        CREATE TABLE kindly_stats.bot_name (
            id text COLLATE "C" PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> '')
        );
        COMMENT ON TABLE kindly_stats.bot_name IS
'names of bots, for the systems that ask by name or show it

id: the id that the user has for the bot; name: its name, which no other bot has; bot_id: the number of the bot, made of the id.
A bot needs no name to be counted.';
    END IF;
    -- it goes with the extension, whose function it calls
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'kindly_stats.bot_name'::regclass AND a.attname = 'bot_id' AND NOT a.attisdropped) THEN
        ALTER TABLE kindly_stats.bot_name ADD COLUMN bot_id bigint UNIQUE GENERATED ALWAYS AS (kindly_stats.bot_id(id)::bigint) STORED;
    END IF;
    IF to_regclass('kindly_stats.bot') IS NULL THEN
        -- each number is found by one look into the primary key, however many rows it has
        CREATE VIEW kindly_stats.bot WITH (security_invoker = true) AS
        WITH RECURSIVE counted (number) AS (
            SELECT min(r.bot_id) FROM kindly_stats.rollup AS r
            UNION ALL
            SELECT (SELECT min(r.bot_id) FROM kindly_stats.rollup AS r WHERE r.bot_id > c.number) FROM counted AS c WHERE c.number IS NOT NULL),
        every (number) AS (
            SELECT c.number FROM counted AS c WHERE c.number IS NOT NULL
            UNION SELECT k.bot_id FROM kindly_stats.known_bot AS k
            UNION SELECT n.bot_id FROM kindly_stats.bot_name AS n)
        SELECT coalesce(n.id, kindly_stats.bot_text(e.number)) AS id, e.number, n.name
          FROM every AS e LEFT JOIN kindly_stats.bot_name AS n ON n.bot_id = e.number;
        COMMENT ON VIEW kindly_stats.bot IS
'bots that have statistics or a name

id: the id that the user has for the bot; number: what stands for it in kindly_stats.rollup; name: as in kindly_stats.bot_name.';
    END IF;
    IF to_regclass('kindly_stats.interaction') IS NULL THEN
        CREATE TABLE kindly_stats.interaction (
            bot_id bigint NOT NULL,
            interaction_type text,
            interaction_name text,
            interaction_id text,
            interaction_parent_id text,
            story_id text,
            noted_at timestamptz NOT NULL DEFAULT now(),
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            PRIMARY KEY (bot_id, id),
            CHECK (num_nonnulls(interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id) > 0)
        );
        COMMENT ON TABLE kindly_stats.interaction IS
'interactions that are listed although there may be no event of them

bot_id: the number of the bot; noted_at: when it was put there; id: tells rows apart, for one interaction may have several.
Rows are put there by hand, or by a statement that took the events of an interaction away.';
    END IF;
    IF to_regclass('kindly_stats.counting') IS NULL THEN
        CREATE TABLE kindly_stats.counting (
            event_table regclass PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT now()
        );
        -- no secret, and whoever asks for statistics learns from it that some are incomplete
        GRANT SELECT ON kindly_stats.counting TO PUBLIC;
        COMMENT ON TABLE kindly_stats.counting IS
'event tables that have triggers, but whose older events are not counted yet

event_table: which; since: when counting began.';
    END IF;
    IF to_regclass('kindly_stats.verified') IS NULL THEN
        CREATE TABLE kindly_stats.verified (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            verified_at timestamptz NOT NULL DEFAULT now(),
            differences bigint NOT NULL
        );
        COMMENT ON TABLE kindly_stats.verified IS
'when kindly_stats.verify_all() ran last, and what it found

is_only: always true, for there is one row; verified_at: when; differences: how many rows kindly_stats.verify() had.';
    END IF;
    -- tables that were restored without this schema have their triggers, and nothing of them is counted
    IF is_new THEN
        INSERT INTO kindly_stats.counting (event_table) SELECT DISTINCT t.event_table FROM kindly_stats.event_table AS t ON CONFLICT DO NOTHING;
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.read_new_columns(grain text, known text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.event_table;
    wanted jsonb;
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT e FROM kindly_stats.event_table AS e WHERE e.grain = read_new_columns.grain ORDER BY e.event_table)
    LOOP
        wanted := kindly_stats.found_columns(t.event_table, '{}', grain) - known || kindly_stats.needed_columns(t.columns, grain);
        PERFORM kindly_stats.check_columns(t.event_table, wanted, grain);
        PERFORM kindly_stats.cover(t.event_table, wanted, grain);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.read_new_columns(text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.read_new_columns(text, text[]) IS
'internal: has attached tables read columns that measures of a grain read since

known: those that they read before.  Errors: 42703, 42804.';
CREATE OR REPLACE FUNCTION kindly_stats.insert_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text, counted boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known_columns text[] := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(grain) AS l);
BEGIN
    INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, counted)
    VALUES (name, kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain, counted);
    PERFORM kindly_stats.read_new_columns(grain, known_columns);
    IF EXISTS (SELECT c FROM unnest(coalesce(keys, '{}') || member || weight || condition || needed) AS c
                WHERE c IS NOT NULL AND NOT EXISTS (
                    SELECT FROM kindly_stats.event_table AS e
                     WHERE e.grain = insert_measure.grain AND kindly_stats.column_expression(e.event_table, e.columns, c, 'text') NOT LIKE 'NULL::%'))
       AND EXISTS (SELECT FROM kindly_stats.event_table AS e WHERE e.grain = insert_measure.grain) THEN
        RAISE EXCEPTION 'no attached event table has all columns of measure "%"', name USING ERRCODE = '42703',
            HINT = 'Add the columns to the event table first, and attach it again to read those that were added since.';
    END IF;
    PERFORM kindly_stats.check_weight(name, weight, grain);
END
$$;
CREATE FUNCTION kindly_stats.update_measures() RETURNS TABLE (measure text, action text)
    LANGUAGE plpgsql ROWS 5 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o record;
    b record;
    known text[];
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('update measures');
    PERFORM kindly_stats.lock_event_tables();
    FOR o IN SELECT * FROM kindly_stats.outdated_measures()
    LOOP
        SELECT * INTO STRICT b FROM kindly_stats.newest_measures() AS n WHERE n.name = o.name;
        known := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(b.grain) AS l);
        IF o.action = 'add' THEN
            PERFORM kindly_stats.check_measure(b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain);
            INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, built_in)
            VALUES (b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version);
            PERFORM kindly_stats.read_new_columns(b.grain, known);
            PERFORM kindly_stats.notice_kept(b.name);
            PERFORM kindly_stats.append_counts(t.event_table, t.columns, t.grain, b.name, false, false)
               FROM kindly_stats.event_table AS t WHERE t.grain = b.grain ORDER BY t.event_table;
        ELSIF o.action = 'update' THEN
            UPDATE kindly_stats.measure AS m
               SET (kinds, keys, member, weight, condition, needed, grain, built_in) =
                   (b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version)
             WHERE m.name = b.name;
            PERFORM kindly_stats.read_new_columns(b.grain, known);
            IF EXISTS (SELECT FROM kindly_stats.rollup AS r WHERE r.kept) THEN
                RAISE NOTICE 'events that are gone stay in measure "%" as they were counted', b.name;
            END IF;
            PERFORM kindly_stats.repair(NULL, b.name);
        ELSE
            -- what it is now is no definition of this version either
            UPDATE kindly_stats.measure AS m SET built_in = b.version WHERE m.name = b.name;
        END IF;
        measure := o.name;
        action := CASE o.action WHEN 'add' THEN 'added' WHEN 'update' THEN 'updated' ELSE 'left as it was changed by hand' END;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.update_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.update_measures() IS
'brings built-in measures up to the version of the extension, and counts what that changes

After ALTER EXTENSION kindly_stats UPDATE, where health() asks for it.  New measures are added and counted; those that are defined
otherwise are counted anew, but for events that are gone; those that were changed by hand, deleted or added by somebody are left as they
are.  A row for each measure that was looked at.  It blocks writers while it counts.
Errors: 25001 at an isolation level above READ COMMITTED, 42703, 42804 for columns that cannot be read, 55000 without attached tables.';
CREATE OR REPLACE FUNCTION kindly_stats.health_counting() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- whoever counts has this lock, see KS_LOCK_OF_REPAIR
    is_running boolean := EXISTS (SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()
                                   WHERE l.locktype = 'advisory' AND l.objsubid = 6 AND l.classid = 0 AND l.objid = 0 AND l.mode = 'ExclusiveLock');
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, c.event_table::text,
           format('Its events from before %s are not counted yet.', to_char(c.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;'
                WHEN EXISTS (SELECT FROM kindly_stats.conversation_table AS t WHERE t.conversation_table = c.event_table) THEN 'SELECT kindly_stats.rebuild();'
                ELSE format('CALL kindly_stats.attach_concurrently(%L);', c.event_table) END
      FROM kindly_stats.counting AS c WHERE c.event_table IN (SELECT t.event_table FROM kindly_stats.event_table AS t) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', CASE WHEN EXISTS (SELECT FROM pg_class AS r WHERE r.oid = c.event_table) THEN c.event_table::text ELSE format('table with OID %s', c.event_table) END,
           'It was dropped or is not attached any more, and was still being counted: statistics lack some of its events.', 'SELECT kindly_stats.rebuild();'
      FROM kindly_stats.counting AS c WHERE c.event_table NOT IN (SELECT t.event_table FROM kindly_stats.event_table AS t) ORDER BY 2;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, format('measure %s', m.name), 'It is still being counted: questions about it are refused.',
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;' ELSE format('CALL kindly_stats.add_measure_concurrently(%L);', m.name) END
      FROM kindly_stats.measure AS m WHERE NOT m.counted ORDER BY 2;
    RETURN QUERY
    SELECT 'warning', format('measure %s', o.name), 'The extension was updated since, and defines it otherwise or anew.', 'SELECT * FROM kindly_stats.update_measures();'
      FROM kindly_stats.outdated_measures() AS o ORDER BY 2;
END
$$;
COMMENT ON FUNCTION kindly_stats.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure as a time series, each bucket beside one of an earlier range

Arguments up to locale and errors as those of stats_series; compare: previous_period (the range of the same length before it, of as many months where it is of whole
calendar months), previous_year (the same dates a year before) or previous_year_weekday (52 weeks before).  Days and hours are compared with
those of the shifted date, other buckets in order.  previous_ columns, difference (count less previous_count) and ratio (count by previous_count) are NULL where there is
nothing to compare with, such as for 29 February, the ratio also where the earlier count is 0.  is_partial: the ranges cover only a part of either bucket, or it is not over yet, as of the setting kindly_stats.now or the transaction.';
COMMENT ON FUNCTION kindly_stats.period(text, text, timestamptz, text) IS
'local dates of a period by name, to exclusive, and a granularity that suits it

name: today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear or lastYear, in any case; tz: whose date is today, default the session''s; now: default that of the setting kindly_stats.now, or the transaction''s;
locale: calendar and first day of the week, default ISO.  What goes on now, last7days and last30days end with today, the others where it begins.
Errors: 22023 for an unknown name, tz or locale, 22008 for instants outside the years 1 to 9999.';
COMMENT ON FUNCTION kindly_stats.svg(text[], double precision[], text, text, text, integer, integer) IS
'a picture of labels and numbers

labels: of the values, or the names of seven weekdays, with 60 characters at most; values: 2,000 at most, NULL is a gap;
kind: line, bar or heatmap, whose values are those of 24 hours of each weekday, in the order of the labels; title, description: for those who see it and who
do not, the latter by default what the highest value is; width, height: in pixels, from 120 to 4000.
It has colours for light and dark screens.  Numbers below zero are drawn as zero.  NULL without values.
Errors: 22023 for another kind or size, and for numbers that are not finite or too many.';
CREATE OR REPLACE FUNCTION kindly_stats.stats_svg(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL, kind text DEFAULT 'line', title text DEFAULT NULL, width integer DEFAULT 720, height integer DEFAULT 240)
    RETURNS kindly_stats."image/svg+xml"
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
    SELECT CASE WHEN lower(kind) = 'heatmap' THEN
        (SELECT kindly_stats.svg((SELECT array_agg(n.name ORDER BY n.place) FROM kindly_stats.weekdays(locale, 'short') AS n),
                                 array_agg(h.count ORDER BY w.place, h.hour), kind, coalesce(title, measure, 'messages'), NULL, width, height)
           FROM kindly_stats.stats_heatmap(bot, "from", "to", tz, measure, sources, language_codes, key) AS h
           JOIN kindly_stats.weekdays(locale, 'short') AS w ON w.day = h.day)
    ELSE
        (SELECT kindly_stats.svg(array_agg(kindly_stats.bucket_label(s.date, granularity, locale, 'short') ORDER BY s.bucket), coalesce(array_agg(s.count ORDER BY s.bucket), '{}'),
                                 kind, coalesce(title, measure, 'messages'), NULL, width, height)
           FROM kindly_stats.stats_series(bot, "from", "to", tz, granularity, measure, sources, language_codes, key, locale) AS s)
    END;
END;
COMMENT ON FUNCTION kindly_stats.stats_svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) IS
'a picture of a time series, or of the hours of the week

kind: line, bar or heatmap, for which granularity is without meaning, and whose rows are the locale''s week; title: by default the measure; width, height: in
pixels, from 120 to 4000.  The other arguments are those of stats_series.
Errors: those of stats_series and of svg().';
CREATE OR REPLACE FUNCTION chatbot_com.conversations(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_paid(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_paid';
COMMENT ON FUNCTION chatbot_com.conversations_paid(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'paid conversations in which users wrote to the bot, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: distinct sessions with a user message in the bucket that is marked paid; date: its start; every bucket is there.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_messages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_messages';
COMMENT ON FUNCTION chatbot_com.conversations_messages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: user messages in the bucket; date: its start; every bucket is there.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_avg(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_avg';
COMMENT ON FUNCTION chatbot_com.conversations_avg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users in each conversation on average, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: user messages in the bucket for each distinct session they belong to, two decimals, 0 without sessions; date: its start;
every bucket is there.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_heatmap(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "offset" integer DEFAULT NULL, source text DEFAULT NULL, "storyId" text DEFAULT NULL,
    tz text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_heatmap';
COMMENT ON FUNCTION chatbot_com.conversations_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text, text) IS
'conversations by weekday and hour of the day

bot, from, to, period, source, storyId, errors: as those of chatbot_com.conversations, but that from and to inside an hour count that
hour whole; offset: minutes that the clock is ahead of UTC, a multiple of 15 from -720 to 720, default 0 (events are counted by
quarter hours); tz: a time zone instead.
Seven arrays of 24 cells, Sunday (day 0) first.  value: distinct sessions with a user message in the cell; usage: percent of the
sum of all cells, two decimals.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_interactions(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_interactions';
COMMENT ON FUNCTION chatbot_com.conversations_interactions(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'interactions of the bot, most used first

bot, from, to, period, storyId, tz, errors: as those of chatbot_com.conversations.
All interactions that the bot ever had, and those of kindly_stats.interaction, in these stories, if there is a list of them.  parentId,
type, name, id: which one, without those that it does not have, the name being the last one that the id had; usage: percent of the
sum of all values, two decimals; value: how often it was used.  Further error: 42501 without SELECT on kindly_stats.interaction.';
CREATE OR REPLACE FUNCTION kindly_stats.is_about_access(function regprocedure) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.proname IN ('create_access_tables', 'enable_row_security', 'admit_administrators', 'require_row_security', 'grant_reading', 'grant_bot',
                         'revoke_bot', 'create_role', 'limit_api_roles', 'create_api_roles', 'random_text', 'create_api_key', 'revoke_api_key', 'api_keys',
                         'rotate_signing_secret', 'create_signing_secret', 'signing_secret', 'grants_changed', 'is_about_access',
                         'create_administrator_roles', 'grant_administration', 'allow_restore', 'drop_roles')
      FROM pg_proc AS p WHERE p.oid = function
$$;
CREATE OR REPLACE FUNCTION kindly_stats.grant_administration() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    GRANT USAGE ON SCHEMA kindly_stats, bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON ALL TABLES IN SCHEMA bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.covered_relation TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.bot, kindly_stats.interaction, kindly_stats.exported, kindly_stats.detached, kindly_stats.counting,
        kindly_stats.verified TO kindly_stats_admin, kindly_stats_monitor;
    GRANT INSERT, DELETE ON kindly_stats.rollup, kindly_stats.detached TO kindly_stats_admin;
    GRANT INSERT, UPDATE, DELETE ON kindly_stats.measure, kindly_stats.bot_name, kindly_stats.interaction, kindly_stats.counting, kindly_stats.verified TO kindly_stats_admin;
    FOR command IN
        SELECT format('GRANT EXECUTE ON %s %s TO kindly_stats_admin', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure)
          FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kindly_stats'
         WHERE p.pronamespace = 'kindly_stats'::regnamespace AND NOT kindly_stats.is_about_access(p.oid)
           -- what event triggers call they call as the extension's owner
           AND p.proname !~ '^(before|after|warn|bi)_' AND NOT 'internal'::regtype = ANY (p.proargtypes) AND NOT has_function_privilege('kindly_stats_admin', p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', f)
          FROM unnest(ARRAY['kindly_stats.verify(kindly_stats.bot_id, timestamptz)', 'kindly_stats.compare(text, kindly_stats.tally, timestamptz, text[], text, bigint)',
                            'kindly_stats.compare_counts(internal, text, kindly_stats.tally, timestamptz, text[], text, bigint)', 'kindly_stats.compare_final(internal)', 'kindly_stats.has_rollup()', 'kindly_stats.require_own_tables()',
                            'kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz)', 'kindly_stats.raw_query(regclass, jsonb, text)', 'kindly_stats.raw_measure(regclass, jsonb, text)',
                            'kindly_stats.require_columns(regclass, jsonb)', 'kindly_stats.lost_columns(regclass, jsonb)',
                            'kindly_stats.column_expression(regclass, jsonb, text, text)', 'kindly_stats.base_type(oid)', 'kindly_stats.has_text_bots(regclass, jsonb)',
                            'kindly_stats.mapped_column(jsonb)', 'kindly_stats.has_column(regclass, text)', 'kindly_stats.type_fits(text, jsonb, oid)',
                            'kindly_stats.tree_findings()', 'kindly_stats.tree_top(regclass)',
                            'kindly_stats.relations(regclass)', 'kindly_stats.logical_columns(text)']::regprocedure[]) AS f
         WHERE NOT has_function_privilege('kindly_stats_monitor', f, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', p.oid::regprocedure)
          FROM pg_proc AS p
         WHERE p.pronamespace = 'kindly_stats'::regnamespace
           AND (p.proname LIKE 'health%' OR p.proname IN ('relations', 'trigger_name', 'base_type', 'logical_columns', 'horizon_holder', 'outdated_measures', 'newest_measures', 'built_in_measures', 'count_errors', 'zone_data'))
           AND NOT has_function_privilege('kindly_stats_monitor', p.oid, 'EXECUTE')
    LOOP
        EXECUTE command;
    END LOOP;
    GRANT SELECT ON kindly_stats.health TO kindly_stats_admin, kindly_stats_monitor;
    -- how old the secret is, but not the secret
    IF to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        GRANT SELECT (created_at) ON kindly_stats.api_secret TO kindly_stats_admin, kindly_stats_monitor;
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.drop_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role name;
    databases text;
BEGIN
    FOR role IN SELECT r.rolname FROM pg_roles AS r
                 WHERE r.rolname IN ('kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_user', 'kindly_stats_admin', 'kindly_stats_monitor')
    LOOP
        SELECT string_agg(DISTINCT quote_ident(d.datname), ', ') INTO databases
          FROM pg_shdepend AS s JOIN pg_database AS d ON d.oid = s.dbid JOIN pg_roles AS r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
         WHERE r.rolname = role AND d.datname <> current_database();
        IF databases IS NOT NULL THEN
            RAISE EXCEPTION 'role "%" has rights in other databases, too: %', role, databases USING ERRCODE = '2BP01',
                HINT = format('There, DROP OWNED BY %I first.', role);
        END IF;
        EXECUTE format('DROP OWNED BY %I', role);
        EXECUTE format('DROP ROLE %I', role);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.drop_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.drop_roles() IS
'drops the roles of the API and of administrators, with their rights in this database

Those that create_api_roles() and create_administrator_roles() made.  What they own here goes, too; as they were made, they own nothing.  To uninstall the extension.  Errors: 2BP01 where another database
still gives them rights, 42501.';
CREATE FUNCTION kindly_api.period(name text DEFAULT NULL, tz text DEFAULT NULL, "now" timestamptz DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE ("from" date, "to" date, granularity text)
    LANGUAGE sql STABLE PARALLEL SAFE COST 10 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.period(name, tz, "now", locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.period(text, text, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.period(text, text, timestamptz, text) IS
'local dates of a period by name, to exclusive, and a granularity that suits it

name: today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear or lastYear, in any case; tz: whose
date is today, default the session''s, which the header Prefer: timezone=... sets; now: default the request''s; locale: calendar and first day of the week, default ISO.
Error: 400 for an unknown name, tz or locale.';
CREATE FUNCTION kindly_api.buckets(
    "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    locale text DEFAULT NULL, style text DEFAULT 'long')
    RETURNS TABLE (bucket timestamptz, bucket_end timestamptz, date timestamp, label text, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
    SELECT b.bucket, b.bucket_end, b.date, kindly_stats.bucket_label(b.date, granularity, locale, style), b.is_partial
      FROM kindly_stats.buckets("from", "to", tz, granularity, locale) AS b;
END;
REVOKE EXECUTE ON FUNCTION kindly_api.buckets(kindly_stats.moment, kindly_stats.moment, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.buckets(kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'the buckets of a range, and what each is called in a language

from, to, tz, granularity, locale: as those of stats_series, whose rows have the same bucket and date; style: long, or short for the names of months abbreviated and no year.
Without a locale labels are written as ISO 8601 has them.
Error: 400 for arguments that are missing or make no sense.';
CREATE FUNCTION kindly_api.weekdays(locale text DEFAULT NULL, style text DEFAULT 'long')
    RETURNS TABLE (place integer, day integer, name text)
    LANGUAGE sql STABLE PARALLEL SAFE COST 100 ROWS 7
BEGIN ATOMIC
    SELECT * FROM kindly_stats.weekdays(locale, style);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.weekdays(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.weekdays(text, text) IS
'names of the weekdays in a language, in the order of its week

locale: default English, with weeks from Monday; style: long or short.  place: 1 to 7; day: as stats_heatmap has it, 0 is Sunday.
Error: 400 for an unknown locale or style.';
CREATE FUNCTION kindly_api.stats_series_compared(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL, compare text DEFAULT 'previous_period')
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, previous_bucket timestamptz, previous_date timestamp,
                   previous_count bigint, previous_distinct_count bigint, count_difference bigint, distinct_count_difference bigint,
                   count_ratio double precision, distinct_count_ratio double precision, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 2000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_series_compared(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale, compare);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure as a time series, each bucket beside one of an earlier range

Arguments up to locale and errors as those of stats_series; compare: previous_period (the range of the same length before it, of as many months where it is of whole calendar
months), previous_year (the same dates a year before) or previous_year_weekday (52 weeks before).  previous_ columns, difference (count less previous_count) and ratio (count by
previous_count) are null where there is nothing to compare with, the ratio also where the earlier count is 0.  is_partial: the ranges cover only a part of either bucket, or it is not over yet.';
CREATE FUNCTION kindly_api.stats_total_compared(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL, compare text DEFAULT 'previous_period')
    RETURNS TABLE (count bigint, distinct_count bigint, previous_count bigint, previous_distinct_count bigint, count_difference bigint,
                   distinct_count_difference bigint, count_ratio double precision, distinct_count_ratio double precision,
                   previous_from timestamp, previous_to timestamp, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 2000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_total_compared(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale, compare);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_total_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_total_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure in all, beside an earlier range

Arguments, differences, ratios and errors as those of stats_series_compared.  previous_from, previous_to: the earlier range on the local clock, previous_to exclusive; is_partial: the
range is not over yet.';
CREATE FUNCTION kindly_api.stats_series_by(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    by text DEFAULT 'source', granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL,
    language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (value text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 500
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_series_by(kindly_stats.require_bot(bot), "from", "to", tz, by, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_series_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_series_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series for each source, language or value of a key column

by: source, language_code or a key column of the measure; other arguments and errors as those of stats_series.  Values with most events in the range come first, each with a row for
every bucket; null are events without a value.';
CREATE FUNCTION kindly_api.stats_total_by(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    by text DEFAULT 'source', granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL,
    language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (value text, count bigint, distinct_count bigint, ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 10
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_total_by(kindly_stats.require_bot(bot), "from", "to", tz, by, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_total_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_total_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) IS
'events of one measure in all for each source, language or value of a key column

Arguments and errors as those of stats_series_by.  Ratios are of all events that pass the filters.  A member who has several values is among the distinct members of each.';
CREATE FUNCTION kindly_api.stats_active(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, daily bigint, last_7 bigint, last_28 bigint, last_30 bigint, stickiness double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_active(kindly_stats.require_bot(bot), "from", "to", tz, measure, sources, language_codes, key);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_active(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_active(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'distinct members of each day, and of the 7, 28 and 30 days that end with it

measure: one that counts members, default users; other arguments and errors as those of stats_series.  A row for every local day of the range; what lies before the range counts, too.
stickiness: daily by last_30, null where that is 0.';
CREATE FUNCTION kindly_api.stats_new_returning(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, distinct_count bigint, new_count bigint, returning_count bigint, new_ratio double precision,
                   is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_new_returning(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_new_returning(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_new_returning(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'distinct members of each bucket: those who are new in it, and those who return

measure: one that counts members, default users; other arguments and errors as those of stats_series.  New is whose first event of all time that passes the filters lies in the bucket;
new_ratio is null where there is nobody.';
CREATE FUNCTION kindly_api.stats_retention(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'week', measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (cohort timestamptz, cohort_date timestamp, size bigint, age integer, date timestamp, distinct_count bigint,
                   ratio double precision, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 500
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_retention(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_retention(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_retention(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'members by the bucket of their first visit, and how many of them come in each later one

granularity: default week; measure: one that counts members, default users; other arguments and errors as those of stats_series.  A cohort are those whose first event of all time that
passes the filters lies in the bucket; age: how many buckets later, 0 its own; date: that bucket''s label; ratio: part of the cohort, null where it is empty; is_partial: the range
covers only a part of either bucket.';
CREATE FUNCTION kindly_api.stats_funnel(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measures text[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (step integer, measure text, distinct_count bigint, ratio double precision, step_ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 3
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_funnel(kindly_stats.require_bot(bot), "from", "to", tz, measures, sources, language_codes);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_funnel(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_funnel(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], text[]) IS
'members of a measure, those of them who are members of a second one, too, and so on

measures: 2 to 20 that count values of the same column, {messages,pages}; other arguments and errors as those of stats_series, and 400 for measures whose members differ.  Each step has
the members who were counted by its measure and by all before it in the range, in whatever order of time.  ratio: part of the first step''s, step_ratio: of the step before''s, null where
that is nobody.';
