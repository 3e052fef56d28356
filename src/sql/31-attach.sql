-- Creating, attaching and detaching event tables.  The rollup and the measures are ordinary tables, created by the first attach: members of
-- the extension would be dumped without their rows.

-- Nobody else can create tables in this schema; but a table that existed before, or was given away, could have triggers, rules or policies
-- that run with the rights of whoever uses it.
CREATE FUNCTION kindly_stats.require_own_tables() RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    other record;
BEGIN
    SELECT c.relname, c.relkind, r.rolname, r.rolsuper OR has_schema_privilege(r.oid, c.relnamespace, 'CREATE') AS is_trusted INTO other
      FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
     WHERE c.relnamespace = 'kindly_stats'::regnamespace
       AND c.relname IN ('rollup', 'measure', 'known_bot', 'bot_name', 'counting', 'verified', 'exported', 'conversation_bot', 'detached', 'interaction', 'bot_grant', 'api_key', 'api_secret')
       AND NOT (c.relkind IN ('r', 'p') AND (r.rolsuper OR has_schema_privilege(r.oid, c.relnamespace, 'CREATE')))
     ORDER BY c.relname LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    ELSIF NOT other.is_trusted THEN
        RAISE EXCEPTION 'table kindly_stats.% belongs to role "%", which may not create tables in this schema', other.relname, other.rolname
            USING ERRCODE = '42501', HINT = format('If the role is to be trusted: GRANT CREATE ON SCHEMA kindly_stats TO %I.  Else give the table to another, or drop it.', other.rolname);
    END IF;
    RAISE EXCEPTION 'kindly_stats.% is not a table', other.relname
        USING ERRCODE = '42809', HINT = 'Drop it, or move it to another schema.';
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_own_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_own_tables() IS 'internal: refuses tables of the extension''s names that a stranger made (42501, 42809)';

-- DROP EXTENSION ... CASCADE leaves the rollup without its tallies.
CREATE FUNCTION kindly_stats.has_rollup() RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    RETURN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass('kindly_stats.rollup') AND a.attname = 'tally' AND NOT a.attisdropped);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_rollup() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_rollup() IS 'internal: whether a table was attached since the extension was created';

CREATE FUNCTION kindly_stats.lock_creation() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_creation';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_creation() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_creation() IS 'internal: nobody else creates tables of the extension until the end of the transaction';

CREATE FUNCTION kindly_stats.lock_repair() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_repair() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_repair() IS 'internal: nobody else counts tables anew, and nothing is compacted, until the end of the transaction';

CREATE FUNCTION kindly_stats.lock_repair_of_nodes() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_repair_of_nodes';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_repair_of_nodes() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_repair_of_nodes() IS 'internal: the same, but each node can still count what it has';

CREATE FUNCTION kindly_stats.lock_repair_here() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_repair_here';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_repair_here() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_repair_here() IS 'internal: nobody else counts or compacts what is on this node until the end of the transaction';

CREATE FUNCTION kindly_stats.exclude_repair() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_exclude_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.exclude_repair() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.exclude_repair() IS 'internal: nobody counts tables anew until the end of the transaction';

CREATE FUNCTION kindly_stats.create_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_new boolean := false;
BEGIN
    IF kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    -- another session may be doing the same, and finish first
    PERFORM kindly_stats.lock_creation();
    IF kindly_stats.has_rollup() THEN
        RETURN;
    ELSIF to_regclass('kindly_stats.rollup') IS NULL THEN
        CREATE TABLE kindly_stats.rollup (
            bot_id bigint NOT NULL,
            measure text COLLATE "C" NOT NULL,
            month date NOT NULL,
            -- ids of new rows ascend with their transactions, see src/rollup/row_id.c; those below zero lie in the other index
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

bot_id: the number of the bot; measure: which one, or '''' for a row that holds several; month: its first day, in UTC, or -infinity for
a row that spans the months of a bot that has little; id: below 0 for merged rows, from 2305843009213693952 on for those that span months; kept: true for events that are in no table any more; cluster: set in empty rows, which say up to where new rows have
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
        -- no key on bots: two writers of a new bot do not wait for each other, and both add a line
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
    -- it is dropped with the extension, whose function it calls
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'kindly_stats.bot_name'::regclass AND a.attname = 'bot_id' AND NOT a.attisdropped) THEN
        ALTER TABLE kindly_stats.bot_name ADD COLUMN bot_id bigint UNIQUE GENERATED ALWAYS AS (kindly_stats.bot_id(id)::bigint) STORED;
    END IF;
    IF to_regclass('kindly_stats.bot') IS NULL THEN
        CREATE VIEW kindly_stats.bot AS SELECT b.id, b.number, b.name FROM kindly_stats.bots() AS b;
        COMMENT ON VIEW kindly_stats.bot IS
'bots that have statistics or a name, and that the caller sees

id: the id that the user has for the bot; number: what stands for it in kindly_stats.rollup; name: as in kindly_stats.bot_name.
Whoever has SELECT on this view may ask for statistics, of his bots where there is row-level security, and needs no right on the tables.';
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
    -- tables that were restored without this schema have their triggers, but their rows are not counted
    IF is_new THEN
        INSERT INTO kindly_stats.counting (event_table) SELECT DISTINCT t.event_table FROM kindly_stats.event_tables() AS t ON CONFLICT DO NOTHING;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_tables() IS 'internal: creates what is missing of the tables that hold statistics, and view bot';

-- Rows of a table of the extension that are on this node, where no query may be asked of others.
CREATE FUNCTION kindly_stats.rows_here(relation text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result text;
BEGIN
    IF kindly_stats.place() = 'here' THEN
        RETURN relation;
    END IF;
    EXECUTE $query$SELECT CASE count(*) WHEN 1 THEN min(shard_name(s.logicalrelid, s.shardid))
                               ELSE format('(%s)', string_agg('SELECT * FROM ' || shard_name(s.logicalrelid, s.shardid), ' UNION ALL ')) END
                     FROM pg_dist_shard AS s JOIN pg_dist_placement AS p ON p.shardid = s.shardid JOIN pg_dist_local_group AS l ON l.groupid = p.groupid
                    WHERE s.logicalrelid = $1::regclass AND p.shardstate = 1$query$ INTO result USING relation;
    RETURN coalesce(nullif(result, '()'), format('(SELECT * FROM %s WHERE false)', relation));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rows_here(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rows_here(text) IS 'internal: what to select from to get those rows of a table that are on this node';

-- The logical columns that measures of a grain read, with the role that their type must fit.
CREATE FUNCTION kindly_stats.logical_columns(grain text) RETURNS TABLE (logical text, role text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- within ALTER TABLE, too
    RETURN QUERY EXECUTE format($query$
    WITH counted AS (SELECT * FROM %s AS m WHERE m.grain = $1)
    SELECT 'bot_id', 'bot' UNION SELECT 'occurred_at', 'instant' UNION SELECT 'kind', 'kind' WHERE $1 = 'event'
    UNION SELECT 'source', 'text' UNION SELECT 'language_code', 'text'
    UNION SELECT k, 'text' FROM counted AS m, unnest(m.keys) AS k WHERE k NOT IN ('bot_id', 'occurred_at', 'kind')
    UNION SELECT m.member, 'text' FROM counted AS m WHERE m.member IS NOT NULL
    UNION SELECT m.weight, 'weight' FROM counted AS m WHERE m.weight IS NOT NULL
    UNION SELECT m.condition, 'condition' FROM counted AS m WHERE m.condition IS NOT NULL
    UNION SELECT m.needed, 'needed' FROM counted AS m WHERE m.needed IS NOT NULL
    $query$, kindly_stats.rows_here('kindly_stats.measure')) USING grain;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.logical_columns(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.logical_columns(text) IS 'internal: columns that measures of a grain read, and what their type must be good for';

-- The base type of a domain over domains.
CREATE FUNCTION kindly_stats.base_type(type oid) RETURNS oid
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE below (oid, is_domain) AS (
        SELECT t.oid, t.typtype = 'd' FROM pg_type AS t WHERE t.oid = base_type.type
        UNION ALL
        SELECT t.oid, t.typtype = 'd' FROM below AS b JOIN pg_type AS d ON d.oid = b.oid JOIN pg_type AS t ON t.oid = d.typbasetype WHERE b.is_domain)
    SELECT b.oid FROM below AS b WHERE NOT b.is_domain
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.base_type(oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.base_type(oid) IS 'internal: the type itself, or what a domain is made of';

CREATE FUNCTION kindly_stats.check_columns(event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns must be a JSON object'
            USING ERRCODE = '22023', HINT = 'Map documented names to your own, such as {"session_id": "conversation", "source": null}.';
    END IF;
    FOR c IN SELECT k.key, jsonb_typeof(k.value) AS type, l.logical
               FROM jsonb_each(columns) AS k LEFT JOIN kindly_stats.logical_columns(grain) AS l ON l.logical = k.key
    LOOP
        IF c.logical IS NULL THEN
            RAISE EXCEPTION 'no measure reads a column "%"', c.key
                USING ERRCODE = '22023', HINT = format('Columns that can be mapped are: %s.',
                    (SELECT string_agg(DISTINCT l.logical, ', ' ORDER BY l.logical) FROM kindly_stats.logical_columns(grain) AS l));
        ELSIF c.type NOT IN ('string', 'null') AND NOT (c.type = 'object' AND grain = 'event') THEN
            RAISE EXCEPTION 'column "%" must be mapped to a name or to null', c.key USING ERRCODE = '22023',
                HINT = 'Map documented names to your own, such as {"session_id": "conversation", "source": null}.';
        END IF;
    END LOOP;
    FOR c IN SELECT l.logical, l.role, m.physical, m.mapped, columns -> l.logical AS rule, a.atttypid, a.attgenerated, r.relkind
               FROM kindly_stats.logical_columns(grain) AS l
              CROSS JOIN LATERAL (SELECT columns ? l.logical AS mapped,
                    CASE WHEN columns ? l.logical THEN kindly_stats.mapped_column(columns -> l.logical) ELSE l.logical END AS physical) AS m
               LEFT JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attname = m.physical AND a.attnum > 0 AND NOT a.attisdropped
               LEFT JOIN pg_class AS r ON r.oid = a.attrelid
              WHERE columns -> l.logical -> 'constant' IS NULL
              ORDER BY l.logical
    LOOP
        IF c.atttypid IS NULL THEN
            IF c.role IN ('bot', 'instant', 'kind') OR c.physical IS NOT NULL AND c.mapped THEN
                RAISE EXCEPTION 'table "%" has no column "%"', event_table, coalesce(c.physical, c.logical)
                    USING ERRCODE = '42703', HINT = CASE WHEN c.role IN ('bot', 'instant', 'kind')
                        THEN 'bot_id, occurred_at and kind are needed; name yours in the argument columns, such as {"occurred_at": "created_at"}.'
                        ELSE format('Name yours in the argument columns, such as {"%s": "my_name"}, or null where there is none.', c.logical) END;
            END IF;
        ELSIF NOT kindly_stats.type_fits(c.role, c.rule, c.atttypid) THEN
            RAISE EXCEPTION 'column "%" of type % cannot be read as "%"', c.physical, format_type(c.atttypid, NULL), c.logical
                USING ERRCODE = '42804', HINT = kindly_stats.fitting_types(c.role, c.rule, c.atttypid);
        -- virtual columns are never computed for triggers, and those of partitions only if their columns are laid out as the parent's are
        ELSIF c.attgenerated = 'v' OR c.relkind = 'p' AND EXISTS (
                SELECT FROM kindly_stats.partition_tree(event_table) AS p JOIN pg_attribute AS a ON a.attrelid = p AND a.attname = c.physical WHERE a.attgenerated <> '') THEN
            RAISE EXCEPTION 'generated column "%" of %table "%" cannot be read as "%"', c.physical,
                    CASE WHEN c.relkind = 'p' THEN 'partitioned ' ELSE '' END, event_table, c.logical
                USING ERRCODE = '0A000', HINT = format('PostgreSQL does not hand its values to triggers. Make it an ordinary column that a BEFORE trigger fills%s, or do not read it: {"%s": null}.',
                    CASE WHEN c.relkind = 'p' THEN '' ELSE ', or a stored one' END, c.logical);
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_columns(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_columns(regclass, jsonb, text) IS 'internal: refuses a table whose columns the measures cannot read (22023, 42703, 42804)';

-- What the triggers are told: the name of every existing column, so that one that is renamed later is missed, and not taken for one that
-- never existed.
CREATE FUNCTION kindly_stats.found_columns(event_table regclass, columns jsonb, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(l.logical, l.logical) FILTER (WHERE a.attnum IS NOT NULL), '{}') || columns
      FROM kindly_stats.logical_columns(grain) AS l
      LEFT JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attname = l.logical AND a.attnum > 0 AND NOT a.attisdropped
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.found_columns(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.found_columns(regclass, jsonb, text) IS 'internal: a mapping of columns, completed with those that have the documented names';

-- Without the columns that only deleted measures read.
CREATE FUNCTION kindly_stats.needed_columns(columns jsonb, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(c.key, c.value), '{}') FROM jsonb_each(columns) AS c
     WHERE c.key IN (SELECT l.logical FROM kindly_stats.logical_columns(grain) AS l)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.needed_columns(jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.needed_columns(jsonb, text) IS 'internal: what measures read of a mapping that triggers were told';

CREATE FUNCTION kindly_stats.lost_columns(event_table regclass, columns jsonb) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(c.key ORDER BY c.key), '{}') FROM jsonb_each(columns) AS c
     WHERE NOT kindly_stats.has_column(event_table, kindly_stats.mapped_column(c.value)) AND kindly_stats.mapped_column(c.value) IS NOT NULL
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lost_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lost_columns(regclass, jsonb) IS 'internal: mapped columns that the table has no more: renamed or dropped ones';

-- A table of conversations has a set of triggers for each grain.
CREATE FUNCTION kindly_stats.trigger_name(grain text, event text) RETURNS name
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(CASE grain WHEN 'event' THEN 'kindly_stats_%2$s' ELSE 'kindly_stats_%1$s_%2$s' END, grain, event)::name
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.trigger_name(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.trigger_name(text, text) IS 'internal: what the trigger is called that counts rows of a grain after INSERT, UPDATE or DELETE';

CREATE FUNCTION kindly_stats.create_triggers(relation regclass, event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    call text := format('FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.count_events(%L, %L, %L%s)', event_table::text, grain, columns::text,
                        CASE WHEN relation <> event_table THEN ', ''partition''' END);
    renamed name;
BEGIN
    -- its owner may have renamed a trigger, but two would count twice
    FOR renamed IN SELECT t.tgname FROM pg_trigger AS t
                    WHERE t.tgrelid = relation AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
                      AND (kindly_stats.trigger_arguments(t.tgargs))[2] = grain
                      AND t.tgname <> ALL (ARRAY(SELECT kindly_stats.trigger_name(grain, e) FROM unnest(ARRAY['insert', 'update', 'delete']) AS e))
    LOOP
        PERFORM kindly_stats.drop_trigger(relation, renamed);
    END LOOP;
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS kindly_stats_new %s',
                   kindly_stats.trigger_name(grain, 'insert'), relation, call);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER UPDATE ON %s REFERENCING OLD TABLE AS kindly_stats_old NEW TABLE AS kindly_stats_new %s',
                   kindly_stats.trigger_name(grain, 'update'), relation, call);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER DELETE ON %s REFERENCING OLD TABLE AS kindly_stats_old %s',
                   kindly_stats.trigger_name(grain, 'delete'), relation, call);
    EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_truncate BEFORE TRUNCATE ON %s'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.refuse_truncate()', relation);
    PERFORM kindly_stats.refuse_merge(relation);
    IF kindly_stats.counts_replicated(event_table) THEN
        PERFORM kindly_stats.create_replica_triggers(relation, event_table, columns, grain);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_triggers(regclass, regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_triggers(regclass, regclass, jsonb, text) IS 'internal: puts the counting triggers on one table or partition';

-- A table and all partitions under it that events can be written to.
CREATE FUNCTION kindly_stats.partition_tree(event_table regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT event_table
    UNION
    SELECT p.relid FROM pg_partition_tree(event_table) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind IN ('r', 'p')
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.partition_tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.partition_tree(regclass) IS 'internal: a table and its partitions';

CREATE FUNCTION kindly_stats.attached_columns(event_table regclass, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.columns FROM kindly_stats.event_tables() AS t WHERE t.event_table = attached_columns.event_table AND t.grain = attached_columns.grain
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attached_columns(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attached_columns(regclass, text) IS 'internal: how the triggers of a table name its columns, NULL where it is not attached';

CREATE FUNCTION kindly_stats.create_missing_triggers(event_table regclass, columns jsonb, grain text) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := kindly_stats.attached_columns(event_table, grain);
    covered regclass;
BEGIN
    FOR covered IN SELECT r FROM kindly_stats.partition_tree(event_table) AS r
                    WHERE known IS DISTINCT FROM create_missing_triggers.columns
                       OR (SELECT count(*) FROM pg_trigger AS t
                            WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
                              AND t.tgname IN (SELECT kindly_stats.trigger_name(grain, e) FROM unnest('{insert,update,delete}'::text[]) AS e)) < 3
                       OR NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.refuse_truncate()'::regprocedure)
                    ORDER BY r
    LOOP
        PERFORM kindly_stats.create_triggers(covered, event_table, columns, grain);
        RETURN NEXT covered;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_missing_triggers(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_missing_triggers(regclass, jsonb, text) IS 'internal: puts the counting triggers where they are missing or know other columns';

-- Tables that lack counting triggers, of which each grain has three: what is written directly to them is not counted.
CREATE FUNCTION kindly_stats.bare_partitions(event_table regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r FROM kindly_stats.partition_tree(event_table) AS r
     WHERE (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
               AND t.tgname ~ '_(insert|update|delete)$') NOT IN (3, 6)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.bare_partitions(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bare_partitions(regclass) IS 'internal: tables of a tree that lack counting triggers';

CREATE FUNCTION kindly_stats.tree_top(relation regclass) RETURNS regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(pg_partition_root(relation), relation)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tree_top(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tree_top(regclass) IS 'internal: the table whose partition this is in the end, or itself';

-- Raises an error for what no trigger can count, in a table or below it.
CREATE FUNCTION kindly_stats.require_countable(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
BEGIN
    FOR part IN SELECT c.oid::regclass AS name, c.relkind, c.relpersistence, c.reloftype, c.relispartition
                  FROM (SELECT require_countable.relation::oid AS relid UNION SELECT p.relid FROM pg_partition_tree(require_countable.relation) AS p) AS p
                  JOIN pg_class AS c ON c.oid = p.relid ORDER BY c.oid
    LOOP
        IF part.relkind = 'f' THEN
            RAISE EXCEPTION 'partition "%" is a foreign table', part.name
                USING ERRCODE = '42809', HINT = 'What is written to it cannot be counted, nor anything else of its parent: attach tables without foreign partitions.';
        ELSIF part.relpersistence = 'u' THEN
            RAISE EXCEPTION 'table "%" is unlogged', part.name
                USING ERRCODE = '42809', HINT = format('After a crash it is empty, but not its statistics: ALTER TABLE %s SET LOGGED.', part.name);
        ELSIF part.relpersistence = 't' THEN
            RAISE EXCEPTION 'table "%" is temporary', part.name USING ERRCODE = '42809', HINT = 'Other sessions cannot read it.';
        ELSIF part.reloftype <> 0 THEN
            RAISE EXCEPTION 'table "%" is of a type', part.name
                USING ERRCODE = '42809', HINT = format('Its columns change with the type: ALTER TABLE %s NOT OF.', part.name);
        ELSIF EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = part.name) AND part.relkind = 'r' THEN
            RAISE EXCEPTION 'table "%" has inheritance children', part.name
                USING ERRCODE = '42809', HINT = 'What is written straight to a child would not be counted: attach a partitioned table, or tables that inherit nothing.';
        ELSIF EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = part.name) AND NOT part.relispartition THEN
            RAISE EXCEPTION 'table "%" inherits from another', part.name
                USING ERRCODE = '42809', HINT = 'What is written through its parent would not be counted: attach a partitioned table, or tables that inherit nothing.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_countable(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_countable(regclass) IS 'internal: refuses tables whose rows triggers do not see, or that lose them unseen (42809)';

-- A snapshot taken before the lock does not see what was written until the lock was granted: nobody would count that.
CREATE FUNCTION kindly_stats.require_fresh_snapshots(action text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'cannot % at isolation level %', action, current_setting('transaction_isolation')
            USING ERRCODE = '25001', HINT = 'Use a transaction at READ COMMITTED: the snapshot of this one may miss events that others have written.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_fresh_snapshots(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_fresh_snapshots(text) IS 'internal: refuses to count events with a snapshot older than the lock on them (25001)';

CREATE FUNCTION kindly_stats.require_table(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class pg_class;
BEGIN
    SELECT * INTO class FROM pg_class AS c WHERE c.oid = event_table;
    IF event_table IS NULL THEN
        RAISE EXCEPTION '"event_table" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of the table.';
    END IF;
    -- oids below 16384 are the server's own; temporary tables cannot be read by other sessions, which ask for statistics
    IF class.oid IS NULL OR class.relkind NOT IN ('r', 'p') OR class.relnamespace = 'kindly_stats'::regnamespace
       OR class.oid < 16384 OR class.relpersistence = 't' THEN
        RAISE EXCEPTION '"%" cannot be an event table', event_table
            USING ERRCODE = '42809', HINT = 'Attach an ordinary or a partitioned table of your own, not a temporary one.';
    END IF;
    PERFORM kindly_stats.require_place(event_table);
    PERFORM kindly_stats.require_countable(event_table);
    IF EXISTS (SELECT FROM kindly_stats.event_tables() AS t JOIN pg_partition_ancestors(require_table.event_table) AS a ON a.relid = t.event_table
                WHERE a.relid <> require_table.event_table) THEN
        RAISE EXCEPTION 'partition "%" belongs to a table that is attached', event_table
            USING ERRCODE = '55000', HINT = 'Attach that table once more to cover its new partitions.';
    ELSIF EXISTS (SELECT FROM kindly_stats.partition_tree(require_table.event_table) AS r JOIN kindly_stats.event_tables() AS t ON t.event_table = r
                   WHERE r <> require_table.event_table) THEN
        RAISE EXCEPTION 'table "%" has partitions that are attached on their own', event_table
            USING ERRCODE = '55000', HINT = 'Detach them from kindly_stats first: they would be counted twice.';
    ELSIF class.relispartition THEN
        RAISE EXCEPTION 'table "%" is a partition of "%"', event_table, kindly_stats.tree_top(event_table)
            USING ERRCODE = '55000', HINT = 'What is written through that table would not be counted: attach it instead, it covers its partitions.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_table(regclass) IS 'internal: refuses to attach what is no table of its own (22004, 42809, 55000)';

-- The mapping for the triggers: what they know already, completed; refuses what is impossible.
CREATE FUNCTION kindly_stats.wanted_columns(event_table regclass, columns jsonb, grain text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := kindly_stats.attached_columns(event_table, grain);
    wanted jsonb;
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.event_tables() AS t
                WHERE t.event_table = wanted_columns.event_table AND (t.grain = 'event') <> (wanted_columns.grain = 'event')) THEN
        RAISE EXCEPTION 'table "%" is attached with another kind of rows', event_table
            USING ERRCODE = '55000', HINT = 'A table holds events or conversations, not both; detach it first.';
    END IF;
    IF known IS NULL OR columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        PERFORM kindly_stats.check_columns(event_table, columns, grain);
    END IF;
    IF known IS NULL THEN
        PERFORM kindly_stats.require_not_kept(event_table);
    END IF;
    wanted := kindly_stats.found_columns(event_table, kindly_stats.needed_columns(coalesce(known, '{}'), grain) || columns, grain);
    PERFORM kindly_stats.check_columns(event_table, wanted, grain);
    RETURN wanted;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.wanted_columns(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.wanted_columns(regclass, jsonb, text) IS 'internal: the mapping that triggers are to have; refuses what cannot be (22023, 42703, 42804, 55000)';

CREATE FUNCTION kindly_stats.attach_grain(event_table regclass, columns jsonb, grain text) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb;
    wanted jsonb;
    is_counting boolean;
    -- what has been counted can no longer be found in the table
    is_lost boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('attach an event table');
    PERFORM kindly_stats.require_table(event_table);
    PERFORM kindly_stats.create_tables();
    -- before the table's lock: repairs take this one first, and then wait for tables
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.refuse_merge(r) FROM kindly_stats.partition_tree(event_table) AS r;
    -- nobody may write while existing events are counted and the triggers are created
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    known := kindly_stats.attached_columns(event_table, grain);
    wanted := kindly_stats.wanted_columns(event_table, columns, grain);
    is_counting := EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = attach_grain.event_table);
    is_lost := is_counting OR kindly_stats.lost_columns(event_table, known) <> '{}'
               OR known IS NULL AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = event_table AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
                                               AND t.tgname IN (kindly_stats.trigger_name(grain, 'update'), kindly_stats.trigger_name(grain, 'delete')));
    IF known <> wanted AND NOT is_lost THEN
        PERFORM kindly_stats.append_counts(event_table, known, grain, NULL, true, false);
    END IF;
    IF known IS DISTINCT FROM wanted AND NOT is_lost THEN
        PERFORM kindly_stats.append_counts(event_table, wanted, grain, NULL, false, false);
    END IF;
    -- what was written to partitions without triggers, which they get below, was not counted
    is_lost := is_lost OR known IS NOT NULL AND EXISTS (SELECT FROM kindly_stats.bare_partitions(event_table));
    RETURN QUERY SELECT * FROM kindly_stats.create_missing_triggers(event_table, wanted, grain);
    -- what attach_concurrently() has left unfinished
    IF is_counting THEN
        PERFORM kindly_stats.finish_attach(event_table);
    ELSIF is_lost THEN
        PERFORM kindly_stats.repair();
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach_grain(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attach_grain(regclass, jsonb, text) IS 'internal: counts the rows of a table by the measures of a grain';

-- A kind may be mistyped, or one that a measure will count only later.
CREATE FUNCTION kindly_stats.tell_of_kinds(mapped jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted text[] := ARRAY(SELECT DISTINCT k.kind COLLATE "C" FROM kindly_stats.measure AS m, unnest(m.kinds) AS k (kind) WHERE m.grain = 'event' ORDER BY 1);
    uncounted text;
BEGIN
    FOR uncounted IN
        SELECT DISTINCT k.kind COLLATE "C"
          FROM (SELECT mapped ->> 'constant' UNION ALL SELECT v.value FROM jsonb_each_text(mapped -> 'values') AS v) AS k (kind) WHERE k.kind <> ALL (counted) ORDER BY 1
    LOOP
        RAISE NOTICE 'kind "%" is one that no measure counts', uncounted
            USING HINT = format('Events of this kind are in measure "events" alone. Those that measures count are %s; kindly_stats.add_measure() makes one for others.',
                                array_to_string(counted, ', '));
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tell_of_kinds(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tell_of_kinds(jsonb) IS 'internal: says which of the kinds that a table''s are counted as no measure knows';

CREATE FUNCTION kindly_stats.attach(event_table regclass, columns jsonb DEFAULT '{}', replica boolean DEFAULT false, kinds jsonb DEFAULT NULL,
                                    tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written jsonb := kindly_stats.written_columns(event_table, columns, kinds, tz, unit);
BEGIN
    RETURN QUERY SELECT * FROM kindly_stats.attach_grain(event_table, written, 'event');
    PERFORM kindly_stats.tell_of_kinds(written -> 'kind');
    IF replica THEN
        PERFORM kindly_stats.create_replica_triggers(r, t.event_table, t.columns, t.grain)
           FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r WHERE t.event_table = attach.event_table;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach(regclass, jsonb, boolean, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attach(regclass, jsonb, boolean, jsonb, text, text) IS
'counts the events of a table from now on, and those that are in it

event_table: an ordinary or partitioned table with at least the columns bot_id, occurred_at and kind; columns: a JSON object from
documented column names to the table''s own, null for one not to be read.  Gives back the tables and partitions that it covered
with triggers.  Only columns that the table has now are read from now on; call it once more to read one that was added since, or with
other columns: what that changes is counted anew.  It blocks writers while it counts, and readers of a partitioned table, too;
kindly_stats.attach_concurrently() does not.
A column may also be mapped to a field of a json, jsonb or text column that holds JSON ("payload->>session", "payload->a->>b"), or to a rule:
{"column": ..., "path": ["a", "b"]}, {"column": ..., "values": {"mine": "documented", "other": null}}, both together, {"constant": ...}, which bot_id may have, too.
What is not in values stays as it is.
replica: count also what logical replication applies to the table, and what is written where session_replication_role is replica, row
by row; true can be asked for later, too, and lasts until detach().
kinds: what the kinds of the table are counted as, such as {"incoming": "user_message", "note": null}: rows of a kind that is null are no events; or one kind for every
row, as a JSON string; a notice names those that no measure counts.  tz: the zone of an occurred_at of type timestamp without time zone.  unit: seconds or milliseconds, for an occurred_at that is a
number since 1970.  These last, too, until the same column is mapped anew.
Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703 or 42804 where a column is missing, unknown or of a type
that cannot be read, 42809 for what is no table, 55000 where it is attached otherwise, or was detached and its statistics kept.';

CREATE FUNCTION kindly_stats.drop_trigger(relation regclass, name name) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_drop_trigger';
REVOKE EXECUTE ON FUNCTION kindly_stats.drop_trigger(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.drop_trigger(regclass, name) IS 'internal: drops a trigger of an attached table, knowing what that means';

CREATE FUNCTION kindly_stats.run_own(statement text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_run_own';
REVOKE EXECUTE ON FUNCTION kindly_stats.run_own(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.run_own(text) IS 'internal: runs a statement with the caller''s rights, without what looks after attached tables';

CREATE FUNCTION kindly_stats.detach(event_table regclass, keep_statistics boolean DEFAULT false) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known kindly_stats.event_table;
    covered regclass;
    trigger_name name;
    counted boolean;
    half_counted boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('detach an event table');
    IF NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE t.event_table = detach.event_table) THEN
        RAISE EXCEPTION 'table "%" is not an attached event table', event_table
            USING ERRCODE = '55000', HINT = 'kindly_stats.event_table lists those that are.';
    ELSIF kindly_stats.is_distributed(event_table) THEN
        PERFORM kindly_stats.require_owner(event_table);
    END IF;
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.allow_merge(r) FROM kindly_stats.partition_tree(event_table) AS r;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    half_counted := EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = detach.event_table);
    IF half_counted AND keep_statistics THEN
        RAISE EXCEPTION 'table "%" is still being counted', event_table USING ERRCODE = '55000',
            HINT = format('CALL kindly_stats.attach_concurrently(%L) ends it; without keep_statistics it can be detached as it is.', event_table);
    END IF;
    FOREACH known IN ARRAY ARRAY(SELECT ROW(t.*)::kindly_stats.event_table FROM kindly_stats.event_tables() AS t WHERE t.event_table = detach.event_table)
    LOOP
        -- where a table is half counted, repair() takes away what has been counted
        EXIT WHEN half_counted;
        IF keep_statistics THEN
            PERFORM kindly_stats.move_counts(event_table, known.columns, known.grain);
            PERFORM kindly_stats.note_kept(event_table, known.columns, known.grain);
        ELSE
            PERFORM kindly_stats.append_counts(event_table, known.columns, known.grain, NULL, true, false);
        END IF;
    END LOOP;
    FOR covered IN SELECT r FROM kindly_stats.partition_tree(event_table) AS r ORDER BY r
    LOOP
        counted := false;
        FOR trigger_name IN
            SELECT t.tgname FROM pg_trigger AS t WHERE t.tgrelid = covered AND t.tgparentid = 0
               AND t.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.guard_exported()'::regprocedure,
                                'kindly_stats.refuse_truncate()'::regprocedure, 'kindly_stats.count_replicated()'::regprocedure,
                                'kindly_stats.take_truncated()'::regprocedure)
        LOOP
            PERFORM kindly_stats.drop_trigger(covered, trigger_name);
            counted := true;
        END LOOP;
        PERFORM kindly_stats.forget_conversation_bots(covered);
        IF counted THEN
            RETURN NEXT covered;
        END IF;
    END LOOP;
    IF half_counted THEN
        PERFORM kindly_stats.repair();
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = detach.event_table;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.detach(regclass, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.detach(regclass, boolean) IS
'counts the events of a table no longer

event_table: an attached table; keep_statistics: leave counted what is counted, instead of taking the events that are in the
table out of the statistics; they would be counted twice if it were attached again, which is refused until forget_kept().  Gives back the tables and
partitions that had triggers.
Errors: 0A000 where a distributed table has another owner than the rollup, 25001 at an isolation level above READ COMMITTED, 55000 where it is
not attached, or is to be kept and still being counted.';
