-- Several nodes: the tables of the extension and those of events spread over Citus' workers, by bot, and back.
--
-- Everything about one bot lies on one node, so that its events are counted there, in the transaction that writes them, and questions
-- about it are answered there.  What every node needs to know is on every node: measures, names, grants.

CREATE FUNCTION kindly_stats.is_distributed(relation regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = $1)' INTO result USING relation;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.is_distributed(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_distributed(regclass) IS 'internal: whether a table is distributed or a reference table';

-- Triggers on a shard write to the shard of the rollup that has the same bots, and that is on the same node.
CREATE FUNCTION kindly_stats.require_place(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_beside boolean;
BEGIN
    IF kindly_stats.place() = 'worker' THEN
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    ELSIF NOT kindly_stats.is_distributed(event_table) THEN
        RETURN;
    END IF;
    EXECUTE $query$SELECT p.partmethod = 'h' AND p.colocationid = (SELECT r.colocationid FROM pg_dist_partition AS r WHERE r.logicalrelid = to_regclass('kindly_stats.rollup'))
                     FROM pg_dist_partition AS p WHERE p.logicalrelid = $1$query$ INTO is_beside USING event_table;
    IF is_beside IS NOT TRUE THEN
        RAISE EXCEPTION 'distributed table "%" does not lie beside the rollup', event_table USING ERRCODE = '0A000',
            HINT = format('SELECT undistribute_table(%L), attach it, and SELECT kindly_stats.distribute().', event_table);
    END IF;
    PERFORM kindly_stats.require_owner(event_table);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_place(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_place(regclass) IS 'internal: refuses a table whose shards cannot write to the rollup, and a worker (0A000, 55000)';

-- The tables of the extension that are not of one server, in the order in which they are placed.
CREATE FUNCTION kindly_stats.shared_tables() RETURNS TABLE (name text, bot_column text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 11 SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('rollup', 'bot_id'), ('known_bot', 'bot_id'), ('interaction', 'bot_id'), ('exported', 'bot_id'),
           -- whoever counts an event has to know what is counted, wherever he is
           ('measure', NULL),
           -- questions are refused where counts are not complete; repairs of all nodes meet here
           ('counting', NULL),
           -- names are unique over all bots
           ('bot_name', NULL),
           -- who sees which bots is asked with each question
           ('bot_grant', NULL), ('api_key', NULL), ('api_secret', NULL)
    -- detached and verified are about what an administrator does on the coordinator, where all DDL is; what conversation_bot says is in
    -- numbers of tables, which each node has of its own, and is not asked then
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.shared_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.shared_tables() IS
'internal: tables that distribute() spreads over nodes

bot_column: by which they are distributed; NULL for those of which each node has a copy.';

CREATE FUNCTION kindly_stats.require_cluster() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
    mine text;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL OR NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'citus') THEN
        RAISE EXCEPTION 'extension citus is not installed in this database' USING ERRCODE = '55000',
            HINT = 'On each node, put citus first into shared_preload_libraries, restart, and CREATE EXTENSION citus; then add the workers with citus_add_node().';
    END IF;
    SELECT e.extversion INTO mine FROM pg_extension AS e WHERE e.extname = 'citus';
    IF split_part(mine, '.', 1)::integer < 13 THEN
        RAISE EXCEPTION 'citus % is too old', mine USING ERRCODE = '0A000', HINT = 'Install version 13 or later, and ALTER EXTENSION citus UPDATE on each node.';
    END IF;
    EXECUTE 'SELECT l.groupid FROM pg_dist_local_group AS l' INTO found;
    IF found.groupid <> 0 THEN
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    EXECUTE $query$SELECT count(*) FILTER (WHERE n.groupid = 0) AS coordinators, count(*) FILTER (WHERE n.shouldhaveshards AND n.isactive) AS owners
                     FROM pg_dist_node AS n WHERE n.noderole = 'primary'$query$ INTO found;
    IF found.coordinators = 0 THEN
        RAISE EXCEPTION 'the workers do not know the coordinator' USING ERRCODE = '55000',
            HINT = 'SELECT citus_set_coordinator_host(''the name by which workers reach it'', port);';
    ELSIF found.owners = 0 THEN
        RAISE EXCEPTION 'there is no node for shards' USING ERRCODE = '55000', HINT = 'Add workers: SELECT citus_add_node(''name'', port);';
    ELSIF current_setting('citus.shard_replication_factor') <> '1' THEN
        RAISE EXCEPTION 'citus.shard_replication_factor is %', current_setting('citus.shard_replication_factor') USING ERRCODE = '0A000',
            HINT = 'Triggers count on one copy of a shard: set it to 1, and replicate nodes with standbys.';
    END IF;
    SELECT e.extversion INTO mine FROM pg_extension AS e WHERE e.extname = 'kindly_stats';
    FOR found IN EXECUTE $query$SELECT n.nodename, n.nodeport, n.groupid, r.success, r.result
                                  FROM run_command_on_all_nodes('SELECT coalesce((SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) ''kindly_stats''), ''none'')'
                                                                ' OPERATOR(pg_catalog.||) CASE WHEN pg_catalog.to_regclass(''kindly_stats.rollup'') IS NULL THEN '''' ELSE '' and tables'' END') AS r
                                  JOIN pg_dist_node AS n USING (nodeid) ORDER BY n.nodeid$query$
    LOOP
        IF NOT found.success THEN
            RAISE EXCEPTION 'node %:% does not answer', found.nodename, found.nodeport USING ERRCODE = '08006', DETAIL = found.result,
                HINT = 'Every node has to be there while tables are distributed.';
        ELSIF found.groupid <> 0 AND found.result LIKE '% and tables' AND kindly_stats.place() = 'here' THEN
            RAISE EXCEPTION 'node %:% has statistics of its own', found.nodename, found.nodeport USING ERRCODE = '55000',
                DETAIL = 'Tables of schema kindly_stats are there already, and would be in the way of those that are to be shared.',
                HINT = 'On that node, if nobody needs them: DROP EXTENSION kindly_stats CASCADE; DROP SCHEMA kindly_stats CASCADE; CREATE EXTENSION kindly_stats;';
        ELSIF replace(found.result, ' and tables', '') <> mine THEN
            RAISE EXCEPTION 'node %:% has kindly_stats in version %, and not %', found.nodename, found.nodeport, replace(found.result, ' and tables', ''), mine USING ERRCODE = '55000',
                HINT = 'Install the same version on every node, and CREATE EXTENSION, or ALTER EXTENSION kindly_stats UPDATE, there.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_cluster() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_cluster() IS 'internal: refuses what is no cluster that tables can be distributed over (08006, 0A000, 55000)';

-- Citus copies rows with the rights of who calls it, and with them code that tables bring along: CHECK constraints, expressions in indexes.
-- And of a transaction's nodes each is asked as one role.
CREATE FUNCTION kindly_stats.require_owner(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stray record;
BEGIN
    SELECT r AS relation, pg_get_userbyid(o.relowner) AS owner INTO stray
      FROM kindly_stats.partition_tree(event_table) AS r JOIN pg_class AS c ON c.oid = r JOIN pg_class AS o ON o.oid = to_regclass('kindly_stats.rollup')
     WHERE c.relowner <> o.relowner ORDER BY r <> event_table, r LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table "%" belongs to another role than kindly_stats.rollup', stray.relation USING ERRCODE = '0A000',
            HINT = format('On several nodes one role owns events and statistics. Look for code of others in the table, and ALTER TABLE %s OWNER TO %I.', stray.relation, stray.owner);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_owner(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_owner(regclass) IS 'internal: refuses a table of which a part belongs to another role than the rollup (0A000)';

-- Citus puts rows side by side whose columns are of one type.  Where the bots of a table are texts, another column may have their numbers, if the
-- table itself makes sure of it.
CREATE FUNCTION kindly_stats.number_column(event_table regclass, bot_column name) RETURNS name
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.attname FROM pg_attribute AS a JOIN pg_constraint AS c ON c.conrelid = a.attrelid AND c.contype = 'c' AND c.convalidated
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'bigint'::regtype AND a.attgenerated = ''
       AND pg_get_expr(c.conbin, c.conrelid) IN (format('(%I = ((%I)::kindly_stats.bot_id)::bigint)', a.attname, bot_column),
                                                 format('(((%I)::kindly_stats.bot_id)::bigint = %I)', bot_column, a.attname))
     ORDER BY a.attnum LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.number_column(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.number_column(regclass, name) IS 'internal: a column that a CHECK constraint holds to the numbers of the bots in another, or NULL';

-- A table of events or conversations: the column by which it can be distributed.
CREATE FUNCTION kindly_stats.bot_column(event_table regclass) RETURNS name
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns jsonb;
    attribute record;
    owner record;
BEGIN
    SELECT t.columns INTO columns FROM kindly_stats.event_tables() AS t WHERE t.event_table = bot_column.event_table ORDER BY t.grain LIMIT 1;
    SELECT a.attname, a.attnum, a.atttypid, a.attgenerated INTO attribute FROM pg_attribute AS a
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = columns ->> 'bot_id';
    IF attribute.atttypid <> 'bigint'::regtype AND kindly_stats.number_column(event_table, attribute.attname) IS NOT NULL THEN
        SELECT a.attname, a.attnum, a.atttypid, a.attgenerated INTO attribute FROM pg_attribute AS a
         WHERE a.attrelid = event_table AND a.attname = kindly_stats.number_column(event_table, attribute.attname);
    END IF;
    IF attribute.attname IS NULL THEN
        RAISE EXCEPTION 'all rows of table "%" are of one bot', event_table USING ERRCODE = '0A000',
            HINT = 'Give it a column of type bigint that has the bot, and attach it with that.';
    ELSIF attribute.atttypid <> 'bigint'::regtype OR attribute.attgenerated <> '' THEN
        RAISE EXCEPTION 'column "%" of table "%" is %', attribute.attname, event_table,
                CASE WHEN attribute.attgenerated <> '' THEN 'generated' ELSE format('of type %s', format_type(attribute.atttypid, NULL)) END
            USING ERRCODE = '0A000', DETAIL = 'Rows are distributed by the number of their bot, which has to stand in an ordinary column of type bigint.',
                  HINT = CASE WHEN attribute.attgenerated = ''
                              THEN format('Add one that every row is written with: ALTER TABLE %s ADD COLUMN bot_number bigint, CHECK (bot_number = %I::kindly_stats.bot_id::bigint); and make it part of the primary key. doc/scale.md shows how.',
                                          event_table, attribute.attname)
                              ELSE 'Attach it with a column that is not generated.' END;
    ELSIF EXISTS (SELECT FROM pg_index AS i JOIN kindly_stats.partition_tree(event_table) AS r ON i.indrelid = r
                   WHERE (i.indisunique OR i.indisexclusion)
                     AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attname = attribute.attname
                                        AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))) THEN
        RAISE EXCEPTION 'table "%" has a primary key or unique index without column "%"', event_table, attribute.attname
            USING ERRCODE = '0A000', HINT = format('Only rows of one bot lie together: make it (%I, ...).', attribute.attname);
    ELSIF EXISTS (SELECT FROM pg_trigger AS t JOIN kindly_stats.partition_tree(event_table) AS r ON t.tgrelid = r
                   WHERE t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure)) THEN
        RAISE EXCEPTION 'table "%" counts what is replicated', event_table USING ERRCODE = '0A000',
            HINT = 'Shards move by replication, and their rows would be counted twice: detach the table, and attach it without replica.';
    END IF;
    PERFORM kindly_stats.require_owner(event_table);
    SELECT r.rolname, r.rolcanlogin INTO owner FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner WHERE c.oid = event_table;
    IF NOT owner.rolcanlogin THEN
        RAISE EXCEPTION 'role "%", which owns table "%", cannot log in', owner.rolname, event_table USING ERRCODE = '55000',
            HINT = format('Nodes ask each other as the role in question: ALTER ROLE %I LOGIN, and let pg_hba.conf let it in between nodes.', owner.rolname);
    END IF;
    RETURN attribute.attname;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.bot_column(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bot_column(regclass) IS 'internal: by which column an attached table is distributed; refuses what cannot be (0A000, 55000)';

-- Rows that are copied must not be counted again, and a trigger that was disabled must not come back.
CREATE FUNCTION kindly_stats.run_without_triggers(relation regclass, statements text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    states jsonb;
    t record;
    statement text;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('relation', g.tgrelid::regclass::text, 'trigger', g.tgname,
                                        'state', CASE g.tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END)) INTO states
      FROM kindly_stats.partition_tree(relation) AS r JOIN pg_trigger AS g ON g.tgrelid = r
     -- those for TRUNCATE fire for no row, and Citus would not enable them on shards again
     WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND g.tgenabled <> 'D' AND g.tgtype & 32 = 0;
    FOR t IN SELECT s.relation, s.trigger, s.state FROM jsonb_to_recordset(states) AS s (relation text, trigger text, state text)
    LOOP
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s DISABLE TRIGGER %I', t.relation, t.trigger));
    END LOOP;
    FOREACH statement IN ARRAY statements
    LOOP
        PERFORM kindly_stats.run_own(statement);
    END LOOP;
    -- the table may be another by now
    FOR t IN SELECT s.relation, s.trigger, s.state FROM jsonb_to_recordset(states) AS s (relation text, trigger text, state text)
    LOOP
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s %s TRIGGER %I', t.relation, t.state, t.trigger));
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.run_without_triggers(regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.run_without_triggers(regclass, text[]) IS 'internal: runs statements while the triggers of a table and its partitions are disabled';

-- Citus copies the rows, and leaves those that it copied where they were, unseen.
CREATE FUNCTION kindly_stats.place_table(relation regclass, bot_column name, shard_count integer, with_rollup boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    messages text := current_setting('client_min_messages');
    left_over regclass;
    guards jsonb;
BEGIN
    PERFORM set_config('client_min_messages', 'warning', true);
    PERFORM kindly_stats.rewrite_policies(ARRAY(SELECT r FROM kindly_stats.partition_tree(relation) AS r), true);
    PERFORM kindly_stats.run_without_triggers(relation, ARRAY[
        CASE WHEN bot_column IS NULL THEN format('SELECT create_reference_table(%L)', relation)
             WHEN with_rollup THEN format('SELECT create_distributed_table(%L, %L, colocate_with => ''kindly_stats.rollup'')', relation, bot_column)
             ELSE format('SELECT create_distributed_table(%L, %L, colocate_with => ''none'', shard_count => %s)', relation, bot_column, shard_count) END]);
    FOR left_over IN SELECT r FROM kindly_stats.partition_tree(relation) AS r JOIN pg_class AS c ON c.oid = r
                      WHERE c.relkind = 'r' AND pg_relation_size(r) > 0 ORDER BY r
    LOOP
        SELECT coalesce(jsonb_object_agg(t.tgname, CASE t.tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END), '{}') INTO guards
          FROM pg_trigger AS t WHERE t.tgrelid = left_over AND t.tgtype & 32 <> 0 AND NOT t.tgisinternal AND t.tgenabled <> 'D';
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s DISABLE TRIGGER %I', left_over, g.name)) FROM jsonb_each_text(guards) AS g (name, state);
        PERFORM kindly_stats.run_own(format('SELECT truncate_local_data_after_distributing_table(%L)', left_over));
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s %s TRIGGER %I', left_over, g.state, g.name)) FROM jsonb_each_text(guards) AS g (name, state);
    END LOOP;
    PERFORM set_config('client_min_messages', messages, true);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.place_table(regclass, name, integer, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.place_table(regclass, name, integer, boolean) IS
'internal: spreads a table over nodes, rows and all

bot_column: by which; NULL for a copy on each node; shard_count: of the rollup; with_rollup: rows lie beside those of the rollup.';

CREATE FUNCTION kindly_stats.place_tables(shard_count integer) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
    relation regclass;
BEGIN
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    PERFORM set_config('citus.enable_unsafe_triggers', 'on', true);
    FOR t IN SELECT s.name, s.bot_column FROM kindly_stats.shared_tables() AS s
    LOOP
        relation := to_regclass(format('kindly_stats.%I', t.name));
        CONTINUE WHEN relation IS NULL OR kindly_stats.is_distributed(relation);
        PERFORM kindly_stats.place_table(relation, t.bot_column, shard_count, t.name <> 'rollup');
        RETURN NEXT relation;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.place_tables(integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.place_tables(integer) IS 'internal: spreads those of the extension''s tables over nodes that are not';

CREATE FUNCTION kindly_stats.distribute(shard_count integer DEFAULT 32) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables regclass[];
    event_table regclass;
    bot_columns name[];
    role name;
BEGIN
    IF shard_count IS NULL OR shard_count NOT BETWEEN 1 AND 64000 THEN
        RAISE EXCEPTION 'there must be 1 to 64000 shards' USING ERRCODE = '22023', HINT = 'Twice as many as there will ever be processor cores on all nodes is a good number.';
    END IF;
    PERFORM kindly_stats.require_fresh_snapshots('distribute tables');
    PERFORM kindly_stats.require_cluster();
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.lock_repair();
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    PERFORM set_config('citus.enable_unsafe_triggers', 'on', true);
    PERFORM set_config('citus.enable_ddl_propagation', 'on', true);
    IF EXISTS (SELECT FROM kindly_stats.counting) OR EXISTS (SELECT FROM kindly_stats.measure AS m WHERE NOT m.counted) THEN
        RAISE EXCEPTION 'a table or a measure is still being counted' USING ERRCODE = '55000', HINT = 'kindly_stats.health() says what to call.';
    END IF;
    tables := ARRAY(SELECT DISTINCT t.event_table FROM kindly_stats.event_tables() AS t
                     WHERE NOT kindly_stats.is_distributed(t.event_table) ORDER BY 1);
    FOREACH event_table IN ARRAY tables
    LOOP
        bot_columns := bot_columns || kindly_stats.bot_column(event_table);
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    END LOOP;
    IF NOT kindly_stats.is_distributed('kindly_stats.rollup') THEN
        -- marks speak of this server's transactions
        DELETE FROM kindly_stats.rollup WHERE cluster IS NOT NULL;
    END IF;
    RETURN QUERY SELECT p FROM kindly_stats.place_tables(shard_count) AS p;
    FOR n IN 1 .. cardinality(tables)
    LOOP
        PERFORM kindly_stats.place_table(tables[n], bot_columns[n], NULL, true);
        RETURN NEXT tables[n];
    END LOOP;
    PERFORM kindly_stats.copy_grants();
    -- Citus takes it to the other nodes
    PERFORM kindly_stats.run_own('CREATE OR REPLACE VIEW kindly_stats.bot AS SELECT b.id, b.number, b.name FROM kindly_stats.bots() AS b');
    -- whoever reads statistics reads them through their owner
    FOR role IN SELECT DISTINCT r.rolname FROM pg_class AS c, aclexplode(c.relacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee
                 WHERE NOT r.rolcanlogin AND c.oid IN (SELECT t.event_table FROM kindly_stats.event_tables() AS t) ORDER BY 1
    LOOP
        RAISE NOTICE 'role "%" cannot log in: other nodes do not let it read or write', role
            USING HINT = format('Whoever acts as that role here is that role there, too: ALTER ROLE %I LOGIN, without a password.', role);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.distribute(integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.distribute(integer) IS
'spreads statistics, and events and conversations, over the workers of a Citus cluster, by bot

shard_count: into how many shards, 1 to 64000; it counts the first time alone.  Gives back the tables that were placed.  It can be called again, for tables
that were attached or made since, and for nodes that were added.  All on the coordinator, in one transaction, while nobody writes.  kindly_stats.undistribute() undoes it.
Errors: 08006 where a node does not answer, 0A000 for what cannot be distributed, 22023, 25001 at an isolation level above READ COMMITTED, 55000
where Citus or a node is not ready, a role cannot log in, or a table is still being counted.';

-- Citus reads the rows that it brings back as the caller: policies that hold the owner, too, must not hide any of them.
CREATE FUNCTION kindly_stats.undistribute() RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
    names text[];
    name text;
    messages text := current_setting('client_min_messages');
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('bring tables back');
    IF kindly_stats.place() = 'here' THEN
        RETURN;
    END IF;
    PERFORM kindly_stats.require_cluster();
    PERFORM kindly_stats.lock_repair();
    names := ARRAY(SELECT DISTINCT t.event_table::text FROM kindly_stats.event_tables() AS t WHERE kindly_stats.is_distributed(t.event_table) ORDER BY 1);
    FOREACH name IN ARRAY names
    LOOP
        PERFORM kindly_stats.require_owner(name::regclass);
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', name);
    END LOOP;
    names := names || ARRAY(SELECT s.name FROM (SELECT format('kindly_stats.%I', s.name) AS name, row_number() OVER () AS number FROM kindly_stats.shared_tables() AS s) AS s
                             WHERE kindly_stats.is_distributed(to_regclass(s.name)) ORDER BY s.number DESC);
    PERFORM set_config('client_min_messages', 'warning', true);
    FOREACH name IN ARRAY names
    LOOP
        -- a table of the same name takes its place
        PERFORM kindly_stats.run_without_triggers(name::regclass, ARRAY[format('SELECT undistribute_table(%L)', name)]);
        PERFORM kindly_stats.rewrite_policies(ARRAY(SELECT r FROM kindly_stats.partition_tree(name::regclass) AS r), false);
        RETURN NEXT name::regclass;
    END LOOP;
    PERFORM set_config('client_min_messages', messages, true);
    -- nobody has kept it meanwhile
    IF to_regclass('kindly_stats.conversation_bot') IS NOT NULL THEN
        DELETE FROM kindly_stats.conversation_bot;
        PERFORM kindly_stats.note_all_conversation_bots(NULL);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.undistribute() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.undistribute() IS
'brings what distribute() has spread back to the coordinator

Gives back the tables, none where nothing is distributed.  One transaction, while nobody writes; the coordinator needs room for all.
Errors: 08006 where a node does not answer, 0A000 for a table that belongs to another role than the rollup, 25001 at an isolation level above READ COMMITTED, 42501
where policies hide rows from the caller, 55000 on a worker.';

-- On several nodes

CREATE FUNCTION kindly_stats.health_nodes() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    node record;
    mine text := (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'kindly_stats');
BEGIN
    IF kindly_stats.place() <> 'coordinator' THEN
        RETURN;
    END IF;
    FOR node IN EXECUTE $query$
        SELECT format('node %s:%s', n.nodename, n.nodeport) AS name, r.success, r.result, CASE WHEN r.success THEN r.result::jsonb END AS state,
               CASE WHEN g.success THEN g.result END AS rights,
               CASE WHEN a.success THEN a.result END AS attached
          -- nodes have a search path of their own, and what a stranger made there is no operator of ours
          FROM run_command_on_all_nodes($node$SELECT pg_catalog.json_build_object(
                   'version', (SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'kindly_stats'),
                   'has_view', pg_catalog.to_regclass('kindly_stats.bot') IS NOT NULL,
                   'prepared', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts AS x WHERE x.database OPERATOR(pg_catalog.=) pg_catalog.current_database()
                                   AND x.prepared OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) interval '10 minutes')),
                   'disabled', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t WHERE t.tgenabled OPERATOR(pg_catalog.=) 'D'
                                   AND t.tgfoid OPERATOR(pg_catalog.=) pg_catalog.to_regproc('kindly_stats.count_events')))$node$) AS r
          JOIN pg_dist_node AS n USING (nodeid)
          LEFT JOIN run_command_on_all_nodes('SELECT pg_catalog.md5(kindly_stats.given_rights()::pg_catalog.text)') AS g ON g.nodeid = r.nodeid
          LEFT JOIN run_command_on_all_nodes('SELECT pg_catalog.md5(kindly_stats.attached_here()::pg_catalog.text)') AS a ON a.nodeid = r.nodeid ORDER BY 1$query$
    LOOP
        IF NOT node.success AND node.result LIKE 'ERROR:%' THEN
            RETURN NEXT ROW('error', node.name, format('It does not say how it is: %s', split_part(regexp_replace(node.result, '^ERROR: +', ''), E'\n', 1)),
                            '-- as a role that may read its catalogs, and on that node: SELECT * FROM kindly_stats.health();')::kindly_stats.finding;
        ELSIF NOT node.success THEN
            RETURN NEXT ROW('error', node.name, format('It does not answer: %s', split_part(node.result, E'\n', 1)), 'Start it; its bots can be neither counted nor asked for until then.')::kindly_stats.finding;
        ELSIF node.state ->> 'version' IS DISTINCT FROM mine THEN
            RETURN NEXT ROW('error', node.name, format('It has kindly_stats in version %s, and not %s.', coalesce(node.state ->> 'version', 'none'), mine),
                            'ALTER EXTENSION kindly_stats UPDATE; -- on that node')::kindly_stats.finding;
        ELSIF NOT (node.state ->> 'has_view')::boolean THEN
            RETURN NEXT ROW('warning', node.name, 'It was added since tables were distributed, and lacks view kindly_stats.bot.', 'SELECT kindly_stats.distribute();')::kindly_stats.finding;
        END IF;
        IF (node.state ->> 'has_view')::boolean AND node.rights <> md5(kindly_stats.given_rights()::text) THEN
            RETURN NEXT ROW('warning', node.name, 'Roles have other rights on the extension''s views and functions there than here.', 'SELECT kindly_stats.distribute();')::kindly_stats.finding;
        END IF;
        IF node.attached <> md5(kindly_stats.attached_here()::text) THEN
            RETURN NEXT ROW('error', node.name, 'Other tables are attached there than here, or otherwise.',
                            'SELECT recover_prepared_transactions(); -- and if that did not help, kindly_stats.detach() and attach() the table on the coordinator')::kindly_stats.finding;
        END IF;
        IF (node.state ->> 'prepared')::bigint > 0 THEN
            RETURN NEXT ROW('warning', node.name, format('It has %s prepared transactions that are older than ten minutes.', node.state ->> 'prepared'),
                            'SELECT recover_prepared_transactions();')::kindly_stats.finding;
        END IF;
        IF (node.state ->> 'disabled')::bigint > 0 THEN
            RETURN NEXT ROW('error', node.name, format('%s triggers that count are disabled on its shards.', node.state ->> 'disabled'),
                            'SET citus.enable_unsafe_triggers = on; ALTER TABLE ... ENABLE TRIGGER ALL; on the coordinator, of each attached table; SELECT kindly_stats.rebuild();')::kindly_stats.finding;
        END IF;
    END LOOP;
    RETURN QUERY EXECUTE $query$
        SELECT 'error', t.event_table::text, 'It is distributed, but not beside the rollup: its events cannot be counted.',
               format('SELECT kindly_stats.detach(%L); SELECT undistribute_table(%L); SELECT kindly_stats.attach(%L); SELECT kindly_stats.distribute();', t.event_table, t.event_table, t.event_table)
          FROM (SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e) AS t JOIN pg_dist_partition AS p ON p.logicalrelid = t.event_table
         WHERE p.colocationid <> (SELECT r.colocationid FROM pg_dist_partition AS r WHERE r.logicalrelid = 'kindly_stats.rollup'::regclass)
        UNION ALL
        SELECT 'error', t.event_table::text, 'It is distributed, and it or a partition belongs to another role than the rollup: it can be neither purged nor detached.',
               (SELECT string_agg(format('ALTER TABLE %s OWNER TO %I;', r, pg_get_userbyid(o.relowner)), ' ' ORDER BY r)
                  FROM kindly_stats.partition_tree(t.event_table) AS r JOIN pg_class AS c ON c.oid = r, pg_class AS o WHERE o.oid = 'kindly_stats.rollup'::regclass AND c.relowner <> o.relowner)
          FROM (SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e) AS t
         WHERE kindly_stats.is_distributed(t.event_table)
           AND EXISTS (SELECT FROM kindly_stats.partition_tree(t.event_table) AS r JOIN pg_class AS c ON c.oid = r, pg_class AS o WHERE o.oid = 'kindly_stats.rollup'::regclass AND c.relowner <> o.relowner)
        UNION ALL
        SELECT 'notice', t.event_table::text, 'It lies on the coordinator alone.', 'SELECT kindly_stats.distribute();'
          FROM (SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e) AS t WHERE NOT kindly_stats.is_distributed(t.event_table)
        UNION ALL
        SELECT 'error', format('kindly_stats.%s', s.name), 'It was made since tables were distributed: other nodes do not have it.', 'SELECT kindly_stats.distribute();'
          FROM kindly_stats.shared_tables() AS s, LATERAL to_regclass(format('kindly_stats.%I', s.name)) AS r (relation)
         WHERE r.relation IS NOT NULL AND NOT kindly_stats.is_distributed(r.relation) ORDER BY 1, 2$query$;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_nodes() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_nodes() IS 'internal: part of health(): nodes that lack something, tables that are not where the rollup is';
