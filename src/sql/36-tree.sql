-- DDL on attached tables: counted in the same transaction, refused, or warned of.  Event triggers hand over what a statement is about
-- (src/rollup/tree.c); what stands here runs as the owner of these functions, and reads tables as their owners.

-- Attached tables and their partitions, a line a grain.
CREATE VIEW kindly_stats.covered_relation AS
SELECT t.tgrelid AS relation, a.arguments[2] AS grain, kindly_stats.mapping(a.arguments[3]) AS columns, t.tgnargs > 3 AS is_partition
  FROM pg_catalog.pg_trigger AS t, LATERAL (SELECT kindly_stats.trigger_arguments(t.tgargs) AS arguments) AS a
 WHERE t.tgfoid = 'kindly_stats.count_events()'::regprocedure AND t.tgtype = 4 AND t.tgnargs IN (3, 4) AND kindly_stats.mapping(a.arguments[3]) IS NOT NULL
   AND NOT kindly_stats.is_shard(t.tgrelid);
COMMENT ON VIEW kindly_stats.covered_relation IS 'internal: tables and partitions that have counting triggers, and what these were told';

CREATE FUNCTION kindly_stats.is_covered(relation regclass) RETURNS boolean
    LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'ks_is_covered';
REVOKE EXECUTE ON FUNCTION kindly_stats.is_covered(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_covered(regclass) IS 'internal: whether a table, or one whose partition it is, is attached';

-- Trees

-- The top of a tree that is not attached: it has just left one that is, or attached tables have come into it.
CREATE FUNCTION kindly_stats.part_tree(top regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    inner_table regclass;
    known record;
BEGIN
    -- attached tables in a tree that is not
    SELECT c.relation INTO inner_table FROM kindly_stats.covered_relation AS c JOIN kindly_stats.partition_tree(top) AS r ON r = c.relation
     WHERE r <> top AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS t WHERE t.relation = top) ORDER BY 1 LIMIT 1;
    IF inner_table IS NOT NULL THEN
        RAISE EXCEPTION 'table "%" is attached to kindly_stats, but "%", of which it is to be a partition, is not', inner_table, top
            USING ERRCODE = '55000', HINT = format('What is written through "%s" would not be counted. Attach that first: SELECT kindly_stats.attach(%L).', top, top);
    END IF;
    FOR known IN SELECT c.columns, c.grain FROM kindly_stats.covered_relation AS c WHERE c.relation = top ORDER BY c.grain
    LOOP
        PERFORM kindly_stats.create_triggers(r, top, known.columns, known.grain) FROM kindly_stats.partition_tree(top) AS r;
    END LOOP;
    -- of rows that were written through the tree its top is listed
    FOR known IN SELECT kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) AS columns FROM pg_trigger AS t
                  WHERE t.tgrelid = top AND t.tgname = 'kindly_stats_closed_insert' AND t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure
    LOOP
        PERFORM kindly_stats.guard_conversations(top, known.columns);
        PERFORM kindly_stats.note_conversation_bots(top, known.columns ->> 'bot_id', NULL);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.part_tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.part_tree(regclass) IS 'internal: makes what left an attached tree an attached table of its own (55000)';

-- Counts the rows of one table in the words of its new parent, whatever it was counted as until now.
CREATE FUNCTION kindly_stats.adopt(relation regclass, top regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own jsonb;
BEGIN
    SELECT c.columns INTO own FROM kindly_stats.covered_relation AS c WHERE c.relation = adopt.relation AND c.grain = adopt.grain;
    IF own IS DISTINCT FROM adopt.columns AND (pg_relation_size(relation) > 0 OR kindly_stats.is_distributed(relation)) THEN
        PERFORM kindly_stats.require_fresh_snapshots('attach a partition with rows');
        IF own IS NOT NULL THEN
            PERFORM kindly_stats.append_counts(relation, own, grain, NULL, true, false);
        END IF;
        PERFORM kindly_stats.append_counts(relation, columns, grain, NULL, false, false);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.adopt(regclass, regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.adopt(regclass, regclass, jsonb, text) IS 'internal: counts what a new partition has';

-- relation: a table, or a tree of them, that became a partition or ceased to be one.
CREATE FUNCTION kindly_stats.sync_tree(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    part record;
    known record;
    is_event boolean;
BEGIN
    SELECT bool_or(e.grain = 'event') INTO is_event FROM kindly_stats.event_tables() AS e WHERE e.event_table = top;
    IF is_event IS NULL THEN
        PERFORM kindly_stats.part_tree(top);
        RETURN;
    END IF;
    PERFORM kindly_stats.require_countable(relation);
    PERFORM kindly_stats.require_not_kept(relation);
    PERFORM kindly_stats.check_columns(top, kindly_stats.needed_columns(e.columns, e.grain), e.grain) FROM kindly_stats.event_tables() AS e WHERE e.event_table = top;
    FOR part IN SELECT p.relid, p.isleaf FROM pg_partition_tree(relation) AS p ORDER BY p.level, p.relid
    LOOP
        IF EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = part.relid AND (c.grain = 'event') <> is_event) THEN
            RAISE EXCEPTION 'tables "%" and "%" are attached with different kinds of rows', part.relid, top
                USING ERRCODE = '55000', HINT = 'A tree of tables holds events or conversations, not both; detach one from kindly_stats first.';
        END IF;
        FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_tables() AS e WHERE e.event_table = top ORDER BY e.grain
        LOOP
            IF part.isleaf THEN
                PERFORM kindly_stats.adopt(part.relid, top, known.columns, known.grain);
            END IF;
            PERFORM kindly_stats.create_triggers(part.relid, top, known.columns, known.grain);
        END LOOP;
    END LOOP;
    -- a partition that counts what is replicated makes its tree do so
    IF kindly_stats.counts_replicated(top) AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = top AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure) THEN
        PERFORM kindly_stats.create_replica_triggers(r, top, e.columns, e.grain) FROM kindly_stats.event_tables() AS e, kindly_stats.partition_tree(top) AS r
          WHERE e.event_table = top;
    END IF;
    -- what was half counted alone is so as a part of its tree
    WITH half AS (
        DELETE FROM kindly_stats.counting AS c USING pg_partition_tree(sync_tree.relation) AS p WHERE c.event_table = p.relid RETURNING c.since)
    INSERT INTO kindly_stats.counting (event_table, since) SELECT top, min(h.since) FROM half AS h HAVING count(*) > 0 ON CONFLICT DO NOTHING;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_tables() AS c WHERE c.conversation_table = top
    LOOP
        PERFORM kindly_stats.guard_conversations(top, known.columns);
        PERFORM kindly_stats.note_conversation_bots(relation, known.columns ->> 'bot_id', NULL);
        PERFORM kindly_stats.check_replies(relation, known.columns);
        PERFORM kindly_stats.lock_exported();
        PERFORM kindly_stats.check_exported(top, known.columns);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.sync_tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.sync_tree(regclass) IS 'internal: counts what came into an attached tree, and what left it as a table of its own';

-- Columns

-- Whether the caller may do what he is about to: else nothing is done, and nobody waits, for a statement that is refused.
CREATE FUNCTION kindly_stats.may_alter(relation oid, caller oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND pg_has_role(caller, c.relowner, 'USAGE'))
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.may_alter(oid, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.may_alter(oid, oid) IS 'internal: whether a role may alter a table';

-- Takes away what a table has counted, until count_anew().
CREATE FUNCTION kindly_stats.take_counts(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('change counted columns');
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    PERFORM kindly_stats.append_counts(e.event_table, e.columns, e.grain, NULL, true, false)
       FROM kindly_stats.event_tables() AS e WHERE e.event_table = take_counts.event_table;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.take_counts(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.take_counts(regclass) IS 'internal: takes what a table has counted out of the statistics';

CREATE FUNCTION kindly_stats.count_anew(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known record;
BEGIN
    FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_tables() AS e WHERE e.event_table = count_anew.event_table ORDER BY e.grain
    LOOP
        PERFORM kindly_stats.check_columns(event_table, kindly_stats.needed_columns(known.columns, known.grain), known.grain);
        PERFORM kindly_stats.append_counts(event_table, known.columns, known.grain, NULL, false, false);
    END LOOP;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_tables() AS c WHERE c.conversation_table = count_anew.event_table
    LOOP
        PERFORM kindly_stats.found_conversation_columns(event_table, known.columns);
        PERFORM kindly_stats.check_replies(event_table, known.columns);
        PERFORM kindly_stats.lock_exported();
        PERFORM kindly_stats.check_exported(event_table, known.columns);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_anew(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_anew(regclass) IS 'internal: counts a table whose counts were taken away';

-- All that a table's triggers read: own names of columns.
CREATE FUNCTION kindly_stats.read_columns(event_table regclass) RETURNS TABLE (logical text, physical text)
    LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.key, kindly_stats.mapped_column(c.value) FROM kindly_stats.event_tables() AS e, jsonb_each(e.columns) AS c
     WHERE e.event_table = read_columns.event_table AND kindly_stats.mapped_column(c.value) IS NOT NULL
    UNION
    SELECT c.key, c.value FROM kindly_stats.conversation_tables() AS e, jsonb_each_text(e.columns) AS c
     WHERE e.conversation_table = read_columns.event_table AND c.value IS NOT NULL
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.read_columns(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.read_columns(regclass) IS 'internal: documented columns that are read from an attached table, and what it calls them';

CREATE FUNCTION kindly_stats.renamed_columns(columns jsonb, old_name text, new_name text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(c.key, CASE WHEN c.value = to_jsonb(old_name) THEN to_jsonb(new_name)
                                        WHEN c.value -> 'column' = to_jsonb(old_name) THEN jsonb_set(c.value, '{column}', to_jsonb(new_name))
                                        ELSE c.value END) FROM jsonb_each(columns) AS c
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.renamed_columns(jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.renamed_columns(jsonb, text, text) IS 'internal: a mapping after a column was renamed';

-- Before statements

CREATE FUNCTION kindly_stats.before_drop(relations oid[], schemas oid[], roles oid[], caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone regclass[];
    part regclass;
    counted record;
BEGIN
    IF cardinality(schemas) + cardinality(roles) > 0 THEN
        relations := ARRAY(SELECT c.oid FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND (c.relnamespace = ANY (schemas) OR c.relowner = ANY (roles)));
    END IF;
    WITH RECURSIVE below AS (
        SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = ANY (relations) AND (pg_has_role(caller, c.relowner, 'USAGE') OR pg_has_role(caller, n.nspowner, 'USAGE'))
        UNION
        SELECT i.inhrelid FROM below AS b JOIN pg_inherits AS i ON i.inhparent = b.oid)
    SELECT array_agg(b.oid ORDER BY b.oid) INTO gone FROM below AS b
     WHERE EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = b.oid AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure);
    IF gone IS NULL THEN
        RETURN;
    END IF;
    PERFORM kindly_stats.require_fresh_snapshots('drop an event table');
    -- Citus makes another table beside it, which takes the rows and then the name
    SELECT g INTO part FROM unnest(gone) AS g JOIN pg_class AS o ON o.oid = g JOIN pg_class AS n ON n.relnamespace = o.relnamespace AND n.oid > o.oid AND n.relkind = o.relkind
     WHERE kindly_stats.is_distributed(g) AND n.relname ~ '_[0-9]+$' AND starts_with(n.relname::text, left(o.relname::text, 40))
       AND n.xmin::text::bigint = pg_current_xact_id()::text::bigint & 4294967295
       AND NOT kindly_stats.is_shard(n.oid) LIMIT 1;
    IF part IS NOT NULL THEN
        RAISE EXCEPTION 'distributed table "%" is attached: its statistics would not go with it', part USING ERRCODE = '0A000',
            HINT = 'SELECT kindly_stats.undistribute() brings all tables back, and distribute() spreads them anew; or detach the table first.';
    END IF;
    PERFORM kindly_stats.exclude_repair();
    -- in the order in which DROP TABLE takes its locks: a partition's parent first
    FOR part IN SELECT DISTINCT i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = ANY (gone) AND NOT i.inhparent = ANY (gone) ORDER BY 1
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        FOR counted IN SELECT r.columns, r.grain FROM kindly_stats.covered_relation AS r JOIN pg_class AS c ON c.oid = r.relation
                        WHERE r.relation = part AND c.relkind = 'r' AND (pg_relation_size(c.oid) > 0 OR kindly_stats.is_distributed(c.oid)) ORDER BY r.grain
        LOOP
            PERFORM kindly_stats.move_counts(part, counted.columns, counted.grain);
        END LOOP;
        RETURN NEXT part;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_drop(oid[], oid[], oid[], oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_drop(oid[], oid[], oid[], oid) IS
'internal: keeps what tables have counted that are about to be dropped

relations, schemas, roles: the tables, or those of schemas and owners; caller: who drops them.  Gives back those tables.';

-- PostgreSQL copies triggers for rows to new partitions as whoever makes them, who must be allowed to call their function.
CREATE FUNCTION kindly_stats.before_partition(parent oid, caller oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.may_alter(parent, caller) THEN
        RETURN;
    END IF;
    PERFORM kindly_stats.exclude_repair();
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = parent AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure)
       AND NOT has_function_privilege(caller, 'kindly_stats.count_replicated()', 'EXECUTE') THEN
        EXECUTE (SELECT format('GRANT EXECUTE ON FUNCTION kindly_stats.count_replicated() TO %I', r.rolname)
                   FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner WHERE c.oid = parent);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_partition(oid, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_partition(oid, oid) IS
'internal: prepares for CREATE TABLE ... PARTITION OF, and for ATTACH PARTITION

parent: an attached table, or a part of it; caller: who makes a partition of it.  The owner of a table that counts what is replicated may make triggers that do so.';

-- Within ALTER TABLE, Citus shows no rows of distributed tables to queries, so that nothing can be counted there.
CREATE FUNCTION kindly_stats.require_no_counting(relation regclass, partition regclass, retyped text[]) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    is_fresh boolean;
BEGIN
    IF NOT kindly_stats.is_distributed(relation) THEN
        RETURN;
    END IF;
    -- Citus has just distributed a new partition that was not, and left its rows where they were, too
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = $1 AND p.xmin::text::bigint = pg_current_xact_id()::text::bigint & 4294967295)'
       INTO is_fresh USING partition;
    IF EXISTS (SELECT FROM kindly_stats.read_columns(top) AS c WHERE c.physical = ANY (retyped)) THEN
        RAISE EXCEPTION 'a column of distributed table "%" that is counted cannot change its type', top USING ERRCODE = '0A000',
            HINT = format('SELECT kindly_stats.detach(%L), alter the table, and attach it again.', top);
    -- one that is attached, or comes back, as its parent reads it is counted already
    ELSIF partition <> 0 AND NOT (SELECT c.relispartition FROM pg_class AS c WHERE c.oid = partition)
          AND EXISTS (SELECT FROM kindly_stats.partition_tree(partition) AS r WHERE pg_relation_size(r) > 0 OR kindly_stats.is_distributed(r) AND NOT is_fresh)
          AND EXISTS (SELECT FROM kindly_stats.event_tables() AS e
                       WHERE e.event_table = top AND e.columns IS DISTINCT FROM kindly_stats.attached_columns(partition, e.grain)) THEN
        RAISE EXCEPTION 'partition "%" of distributed table "%" has to be empty', partition, top USING ERRCODE = '0A000',
            HINT = 'Attach a table of this node that has no rows, and insert them then: they are spread and counted as they come.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_no_counting(regclass, regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_no_counting(regclass, regclass, text[]) IS 'internal: refuses ALTER TABLE on distributed tables that would change what is counted (0A000)';

CREATE FUNCTION kindly_stats.before_alter(relation oid, partition oid, retyped text[], caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass;
    own name;
BEGIN
    IF NOT (kindly_stats.is_covered(relation) OR partition <> 0 AND kindly_stats.is_covered(partition)) OR NOT kindly_stats.may_alter(relation, caller) THEN
        RETURN;
    END IF;
    -- before the tables are locked: a repair that has this one may be waiting for them
    PERFORM kindly_stats.exclude_repair();
    IF partition <> 0 AND kindly_stats.is_covered(relation) THEN
        PERFORM kindly_stats.before_partition(relation, caller);
    END IF;
    top := kindly_stats.tree_top(relation);
    PERFORM kindly_stats.require_no_counting(relation, partition, retyped);
    -- PostgreSQL gives a new partition its parent's triggers for rows, and refuses one that has them already
    FOR own IN SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
                   WHERE t.tgrelid = partition AND NOT c.relispartition AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure
                     AND kindly_stats.is_covered(relation) AND kindly_stats.may_alter(partition, caller)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', own, partition::regclass);
    END LOOP;
    IF EXISTS (SELECT FROM kindly_stats.read_columns(top) AS c WHERE c.physical = ANY (retyped)) THEN
        PERFORM kindly_stats.take_counts(top);
        RETURN NEXT top;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_alter(oid, oid, text[], oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_alter(oid, oid, text[], oid) IS
'internal: prepares for ALTER TABLE

relation: the table; partition: one to attach or detach, or 0; retyped: columns whose values change; caller: who alters it.  Gives back
the table whose counts were taken away, to be counted anew.';

CREATE FUNCTION kindly_stats.before_rename_value(enum oid, caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reader regclass;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_type AS t WHERE t.oid = enum AND t.typtype = 'e' AND pg_has_role(caller, t.typowner, 'USAGE')) THEN
        RETURN;
    END IF;
    -- no lock on a table is waited for: one that is being attached must be there to be seen
    PERFORM kindly_stats.exclude_repair();
    FOR reader IN
        SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e
          JOIN LATERAL jsonb_each(e.columns) AS c ON true
          JOIN pg_attribute AS a ON a.attrelid = e.event_table AND a.attname = kindly_stats.mapped_column(c.value) AND a.attnum > 0 AND NOT a.attisdropped
         WHERE kindly_stats.base_type(a.atttypid) = enum ORDER BY 1
    LOOP
        PERFORM kindly_stats.take_counts(reader);
        RETURN NEXT reader;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_rename_value(oid, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_rename_value(oid, oid) IS 'internal: takes away the counts of tables that have columns of an enum, and gives back those tables';

-- After statements

CREATE FUNCTION kindly_stats.warn_of_namesake(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former regclass;
BEGIN
    FOR former IN SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e WHERE to_regclass(e.known_as) = relation AND e.event_table <> relation
    LOOP
        RAISE WARNING 'table "%" is not attached to kindly_stats: what is written to it is not counted', relation
            USING HINT = format('"%s" had that name when it was attached. SELECT kindly_stats.attach(%L).', former, relation);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.warn_of_namesake(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.warn_of_namesake(regclass) IS 'internal: warns of a table that took the name of an attached one';

-- A table that is new, or has a new name.
CREATE FUNCTION kindly_stats.after_create(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class record;
BEGIN
    IF kindly_stats.is_shard(relation) THEN
        RETURN;
    END IF;
    SELECT c.relispartition, c.relhassubclass OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid) AS is_related INTO class
      FROM pg_class AS c WHERE c.oid = relation;
    IF class.relispartition THEN
        IF kindly_stats.is_covered(relation) THEN
            PERFORM kindly_stats.exclude_repair();
            PERFORM kindly_stats.sync_tree(relation);
        END IF;
    ELSIF class.is_related AND EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = relation AND kindly_stats.is_covered(i.inhparent)) THEN
        PERFORM kindly_stats.require_countable(i.inhparent) FROM pg_inherits AS i WHERE i.inhrelid = relation AND kindly_stats.is_covered(i.inhparent);
    ELSIF NOT kindly_stats.is_covered(relation) THEN
        PERFORM kindly_stats.warn_of_namesake(relation);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_create(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_create(regclass) IS 'internal: looks at a table that was created or renamed';

CREATE FUNCTION kindly_stats.after_alter(relation oid, partition oid, checks boolean, switches boolean, added text[], retyped text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    found record;
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.read_columns(top) AS c WHERE c.physical = ANY (retyped)) THEN
        RAISE EXCEPTION 'table "%" was attached to kindly_stats while this statement waited for it', top
            USING ERRCODE = '40001', HINT = 'Try again: it is counted anew then.';
    END IF;
    IF partition <> 0 AND (kindly_stats.is_covered(relation) OR kindly_stats.is_covered(partition)) THEN
        -- it is excluded already, unless the tree was attached while the statement waited for it
        PERFORM kindly_stats.exclude_repair();
        PERFORM kindly_stats.sync_tree(partition);
    END IF;
    IF checks THEN
        PERFORM kindly_stats.require_countable(c) FROM unnest(ARRAY[relation] || ARRAY(SELECT i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = relation)) AS c
          WHERE kindly_stats.is_covered(c);
    END IF;
    -- ENABLE TRIGGER ALL, as pg_restore has it, means others: those for replicas stay what they are
    FOR found IN SELECT t.tgrelid::regclass AS name, t.tgname FROM kindly_stats.partition_tree(relation) AS r JOIN pg_trigger AS t ON t.tgrelid = r
                  WHERE switches AND t.tgenabled = 'O' AND t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure)
                  ORDER BY t.tgparentid <> 0, 1, 2
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', found.name, found.tgname);
    END LOOP;
    IF switches AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND starts_with(t.tgname::text, 'kindly_stats_') AND t.tgenabled = 'D'
                               AND t.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure)) THEN
        RAISE WARNING 'table "%" has counting triggers that are disabled: what is written to it is not counted', relation::regclass
            USING HINT = format('ALTER TABLE %s ENABLE TRIGGER ALL; then SELECT kindly_stats.rebuild().', relation::regclass);
    END IF;
    FOR found IN SELECT DISTINCT a.name FROM unnest(added) AS a (name), kindly_stats.event_tables() AS e
                  WHERE e.event_table = top AND e.grain = 'event' AND NOT e.columns ? a.name
                    AND a.name IN (SELECT l.logical FROM kindly_stats.logical_columns(e.grain) AS l) ORDER BY 1
    LOOP
        RAISE NOTICE 'column "%" of event table "%" is not counted', found.name, top
            USING HINT = format('SELECT kindly_stats.attach(%L) counts the table anew with it.', top);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_alter(oid, oid, boolean, boolean, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_alter(oid, oid, boolean, boolean, text[], text[]) IS
'internal: looks at a table after ALTER TABLE

relation: the table; partition: one that was attached or detached, or 0; checks: it may be one now that cannot be counted; switches:
triggers were enabled or disabled; added: new columns; retyped: columns whose values changed, though before_alter() was not told.
Errors: 40001 where the table was attached in between.';

CREATE FUNCTION kindly_stats.after_rename_column(relation regclass, old_name text, new_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    known record;
BEGIN
    FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_tables() AS e WHERE e.event_table = top ORDER BY e.grain
    LOOP
        IF kindly_stats.renamed_columns(known.columns, old_name, new_name) <> known.columns THEN
            PERFORM kindly_stats.create_triggers(r, top, kindly_stats.renamed_columns(known.columns, old_name, new_name), known.grain)
               FROM kindly_stats.partition_tree(top) AS r;
        END IF;
    END LOOP;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_tables() AS c WHERE c.conversation_table = top
    LOOP
        IF kindly_stats.renamed_columns(known.columns, old_name, new_name) <> known.columns THEN
            PERFORM kindly_stats.guard_conversations(top, kindly_stats.renamed_columns(known.columns, old_name, new_name));
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_rename_column(regclass, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_rename_column(regclass, text, text) IS 'internal: tells the triggers of a table what a column is called now';

CREATE FUNCTION kindly_stats.after_rename_trigger(relation regclass, name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = name
                  AND t.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.guard_exported()'::regprocedure)) THEN
        RAISE EXCEPTION 'a trigger of kindly_stats on table "%" must keep its name', relation
            USING ERRCODE = '55000', HINT = 'It is made anew under this name; kindly_stats.detach() drops it.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_rename_trigger(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_rename_trigger(regclass, text) IS 'internal: refuses another name for a counting trigger (55000)';

CREATE FUNCTION kindly_stats.after_drop(kept oid[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d WHERE d.object_type IN ('table column', 'trigger')) THEN
        RETURN;
    END IF;
    FOR lost IN
        SELECT DISTINCT format('%I.%I', d.address_names[1], d.address_names[2]) AS name, t.objid, t.original
          FROM pg_event_trigger_dropped_objects() AS d
          LEFT JOIN pg_event_trigger_dropped_objects() AS t ON t.object_type = 'table' AND t.address_names = d.address_names[1:2]
         WHERE d.object_type = 'trigger' AND d.address_names[3] ~ '^kindly_stats_(conversation_(start|end)_)?(insert|update|delete|truncate)$' AND coalesce(t.objid <> ALL (kept), true) ORDER BY 1
    LOOP
        IF lost.original THEN
            RAISE EXCEPTION 'table % was attached to kindly_stats while this statement waited for it', lost.name
                USING ERRCODE = '40001', HINT = 'Try again: its statistics are kept then.';
        ELSIF lost.objid IS NOT NULL THEN
            RAISE EXCEPTION 'cannot drop attached table % along with something else', lost.name
                USING ERRCODE = '55000', HINT = format('Its statistics would be wrong. DROP TABLE %s first, which keeps them, or SELECT kindly_stats.detach(%L).', lost.name, lost.name);
        END IF;
        RAISE WARNING 'table % has lost a counting trigger: its statistics become wrong', lost.name
            USING HINT = 'kindly_stats.attach(), and then kindly_stats.rebuild(), mends that; to count the table no longer, use kindly_stats.detach().';
    END LOOP;
    FOR lost IN
        SELECT d.objid::regclass AS name, c.logical, c.physical, EXISTS (SELECT FROM kindly_stats.conversation_tables() AS v WHERE v.conversation_table = d.objid) AS is_conversation
          FROM pg_event_trigger_dropped_objects() AS d
          JOIN LATERAL kindly_stats.read_columns(d.objid) AS c ON c.physical = d.address_names[3]
         WHERE d.object_type = 'table column' AND kindly_stats.is_covered(d.objid) ORDER BY 1, 2
    LOOP
        RAISE EXCEPTION 'column "%" of attached table "%" is counted', lost.physical, lost.name
            USING ERRCODE = '55000', HINT = CASE WHEN lost.logical IN ('bot_id', 'occurred_at', 'kind', 'conversation_id', 'conversation_start_time', 'conversation_end_time')
                THEN format('Nothing can be counted without it: SELECT kindly_stats.detach(%L) first.', lost.name)
                ELSE format('Count without it first: SELECT kindly_stats.%s(%L, ''{"%s": null}'').',
                    CASE WHEN lost.is_conversation THEN 'attach_conversations' ELSE 'attach' END, lost.name, lost.logical) END;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_drop(oid[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_drop(oid[]) IS
'internal: refuses what would leave wrong statistics behind (55000), warns of triggers that are gone

kept: dropped tables whose statistics are kept.';

-- Event triggers.  Whoever alters a table runs them, and need not be allowed to execute their functions.

CREATE FUNCTION kindly_stats.ddl_started() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_ddl_started';
CREATE FUNCTION kindly_stats.ddl_ended() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_ddl_ended';
CREATE FUNCTION kindly_stats.ddl_dropped() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_ddl_dropped';
REVOKE EXECUTE ON FUNCTION kindly_stats.ddl_started() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.ddl_ended() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.ddl_dropped() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.ddl_started() IS 'event trigger: prepares for DDL on attached tables';
COMMENT ON FUNCTION kindly_stats.ddl_ended() IS 'event trigger: counts what DDL on attached tables changed, or refuses it';
COMMENT ON FUNCTION kindly_stats.ddl_dropped() IS 'event trigger: refuses what would leave wrong statistics behind';

CREATE EVENT TRIGGER kindly_stats_ddl_started ON ddl_command_start EXECUTE FUNCTION kindly_stats.ddl_started();
CREATE EVENT TRIGGER kindly_stats_ddl_ended ON ddl_command_end EXECUTE FUNCTION kindly_stats.ddl_ended();
CREATE EVENT TRIGGER kindly_stats_ddl_dropped ON sql_drop EXECUTE FUNCTION kindly_stats.ddl_dropped();
COMMENT ON EVENT TRIGGER kindly_stats_ddl_started IS 'keeps statistics true when attached tables are altered or dropped';
COMMENT ON EVENT TRIGGER kindly_stats_ddl_ended IS 'keeps statistics true when attached tables are altered';
COMMENT ON EVENT TRIGGER kindly_stats_ddl_dropped IS 'keeps statistics true when something is dropped with attached tables';
