-- Changes of which statement triggers see nothing, or wrong rows: logical replication, and MERGE on partitioned tables.

-- Row triggers, for workers that apply changes without running statements.
CREATE FUNCTION kindly_stats.count_replicated() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_count_replicated';
REVOKE EXECUTE ON FUNCTION kindly_stats.count_replicated() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_replicated() IS
'trigger of event tables: counts rows that are written where session_replication_role is replica

Made by kindly_stats.attach(..., replica => true): AFTER ... FOR EACH ROW, ENABLE REPLICA; its arguments are those of count_events().
It writes with the rights of the rollup''s owner.';

-- An applied TRUNCATE cannot be refused without stopping the replication.
CREATE FUNCTION kindly_stats.take_truncated() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_take_truncated';
REVOKE EXECUTE ON FUNCTION kindly_stats.take_truncated() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.take_truncated() IS
'trigger of event tables: takes what an applied TRUNCATE is about to delete out of the statistics

Made by kindly_stats.attach(..., replica => true): BEFORE TRUNCATE, ENABLE REPLICA; its arguments are those of count_events().';

-- A partition that leaves its tree loses the row triggers, and keeps the other one.
CREATE FUNCTION kindly_stats.counts_replicated(event_table regclass) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_trigger AS t JOIN kindly_stats.partition_tree(event_table) AS r ON t.tgrelid = r
                    WHERE t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure))
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.counts_replicated(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.counts_replicated(regclass) IS 'internal: whether a table was attached with replica => true';

-- PostgreSQL itself copies row triggers to partitions, including future ones; there are none for TRUNCATE.
CREATE FUNCTION kindly_stats.create_replica_triggers(relation regclass, event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    arguments text := format('(%L, %L, %L)', event_table::text, grain, columns::text);
BEGIN
    IF relation = event_table THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION kindly_stats.count_replicated%s',
                       kindly_stats.trigger_name(grain, 'replica'), relation, arguments);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', relation, kindly_stats.trigger_name(grain, 'replica'));
    END IF;
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind = 'r') THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.take_truncated%s',
                       kindly_stats.trigger_name(grain, 'replica_truncate'), relation, arguments);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', relation, kindly_stats.trigger_name(grain, 'replica_truncate'));
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_replica_triggers(regclass, regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_replica_triggers(regclass, regclass, jsonb, text) IS 'internal: puts the triggers that count what is replicated on a table or partition';

-- PostgreSQL gives statement triggers wrong rows when MERGE moves rows between partitions, and a trigger cannot tell that the statement is
-- MERGE.  But PostgreSQL refuses MERGE, when parsing it, on every table that has a rule.  This rule does not affect DELETE, even with WITH,
-- RETURNING or ON CONFLICT; its condition is never evaluated, and makes the rule depend on the extension.
CREATE FUNCTION kindly_stats.is_merge() RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'SELECT false';
REVOKE EXECUTE ON FUNCTION kindly_stats.is_merge() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_merge() IS 'internal: the condition of a rule that keeps MERGE away from partitioned tables';

CREATE FUNCTION kindly_stats.refuse_merge(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    propagation text := current_setting('citus.enable_ddl_propagation', true);
BEGIN
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind = 'p')
       AND NOT EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = relation AND r.rulename = 'kindly_stats_no_merge') THEN
        EXECUTE format('CREATE RULE kindly_stats_no_merge AS ON DELETE TO %s WHERE kindly_stats.is_merge() DO ALSO NOTHING', relation);
        -- Citus takes no rules to other nodes, and would refuse what it cannot take there
        IF kindly_stats.is_distributed(relation) THEN
            PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
        END IF;
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS RULE kindly_stats_no_merge', relation);
        IF kindly_stats.is_distributed(relation) THEN
            PERFORM set_config('citus.enable_ddl_propagation', propagation, true);
        END IF;
        EXECUTE format('COMMENT ON RULE kindly_stats_no_merge ON %s IS %L', relation,
                       'keeps MERGE away, of which PostgreSQL tells triggers wrong rows: use INSERT ... ON CONFLICT, UPDATE and DELETE, or MERGE into the partition');
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.refuse_merge(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.refuse_merge(regclass) IS 'internal: makes PostgreSQL refuse MERGE on a partitioned table (0A000)';

CREATE FUNCTION kindly_stats.allow_merge(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = relation AND r.rulename = 'kindly_stats_no_merge') THEN
        EXECUTE format('DROP RULE kindly_stats_no_merge ON %s', relation);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.allow_merge(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.allow_merge(regclass) IS 'internal: takes back refuse_merge()';
