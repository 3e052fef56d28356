-- Nodes that work on what they have, all at the same time: compaction, verify(), rebuild() and purge().
--
-- Nodes have no snapshot in common.  But a bot's events lie where its statistics lie, so each node can compare, and repair, what it has in one
-- snapshot and one transaction of its own, as a single server does, and no writer has to wait.  A shard that moves while nodes work may be missed by
-- both, so each says which shards it has done, and is asked again about those that are missing.

CREATE FUNCTION kindly_stats.compact_nodes(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    node record;
BEGIN
    FOR node IN EXECUTE $query$SELECT n.nodename, n.nodeport, r.result FROM run_command_on_all_nodes($1) AS r
                                 JOIN pg_dist_node AS n USING (nodeid) WHERE NOT r.success ORDER BY n.nodeid$query$
                  USING format('CALL kindly_stats.compact(%L, local => true)', bot)
    LOOP
        RAISE WARNING 'node %:% was not compacted', node.nodename, node.nodeport USING DETAIL = node.result;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.compact_nodes(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.compact_nodes(bigint) IS 'internal: has all nodes compact their rows, and warns of those that did not

bot: its rows alone; NULL for all.';

-- What all nodes have to know alike: one that missed a table would take what it counts for wrong.
CREATE FUNCTION kindly_stats.attached_here() RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT concat_ws(' ', t.event_table, t.grain, t.columns) COLLATE "C" FROM kindly_stats.event_tables() AS t WHERE kindly_stats.is_distributed(t.event_table) ORDER BY 1)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attached_here() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attached_here() IS 'internal: which attached tables, that are distributed, this node knows, and how they are read';

-- Events of a table that is the coordinator's alone are counted where their bots are, where nobody can count them anew.
CREATE FUNCTION kindly_stats.spread_tables(required boolean) RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer record;
    result text[];
BEGIN
    IF kindly_stats.place() = 'worker' THEN
        EXECUTE $query$SELECT r.success, r.result FROM run_command_on_coordinator('SELECT pg_catalog.to_json(kindly_stats.spread_tables(false))') AS r$query$ INTO answer;
        IF answer.success IS NOT TRUE THEN
            RAISE EXCEPTION 'the coordinator does not answer' USING ERRCODE = '08006', DETAIL = answer.result, HINT = 'It alone knows which tables are attached.';
        END IF;
        -- no row, or an empty one, is NULL
        result := (SELECT array_agg(t) FROM json_array_elements_text(nullif(answer.result, '')::json) AS t);
        result := CASE WHEN nullif(answer.result, '') IS NOT NULL THEN coalesce(result, '{}') END;
    ELSIF NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE NOT kindly_stats.is_distributed(t.event_table)) THEN
        result := kindly_stats.attached_here();
    END IF;
    IF result IS NULL AND required THEN
        RAISE EXCEPTION 'an attached table lies on the coordinator alone' USING ERRCODE = '55000',
            HINT = 'SELECT kindly_stats.distribute() on the coordinator spreads it, too; or call the function there, without local.';
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.spread_tables(boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.spread_tables(boolean) IS
'internal: what the coordinator has attached, if all of it is distributed, else NULL

required: raise instead of giving back NULL (55000).  Error: 08006 where a worker cannot ask the coordinator.';

CREATE FUNCTION kindly_stats.own_shards() RETURNS TABLE (id bigint, first integer, last integer, rollup regclass)
    LANGUAGE C STABLE ROWS 32 AS 'MODULE_PATHNAME', 'ks_own_shards';
REVOKE EXECUTE ON FUNCTION kindly_stats.own_shards() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.own_shards() IS 'internal: the shards of the rollup on this node, and the hash values of their bots, first to last';

CREATE FUNCTION kindly_stats.shard_groups(bot bigint, wanted bigint[]) RETURNS TABLE (id bigint, rollup regclass, tables jsonb)
    LANGUAGE plpgsql STABLE ROWS 32 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE $query$
        SELECT r.id, r.rollup,
               (SELECT coalesce(jsonb_object_agg(s.logicalrelid::oid, to_regclass(CASE n.nspname WHEN 'public' THEN 'public.' ELSE '' END || shard_name(s.logicalrelid, s.shardid))::oid::bigint), '{}')
                  FROM pg_dist_shard AS s JOIN pg_class AS c ON c.oid = s.logicalrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE s.shardminvalue = r.first::text AND s.logicalrelid = ANY ($3))
          FROM kindly_stats.own_shards() AS r
         WHERE ($1 IS NULL OR r.id = get_shard_id_for_distribution_column('kindly_stats.rollup', $1)) AND ($2 IS NULL OR r.id = ANY ($2))
         ORDER BY r.id$query$
        USING bot, wanted, ARRAY(SELECT DISTINCT t.event_table FROM kindly_stats.event_tables() AS t);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.shard_groups(bigint, bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.shard_groups(bigint, bigint[]) IS
'internal: the shards of the rollup on this node, and those beside them

Those beside are of attached tables, by the tables'' numbers, and have the same bots.  bot: the one that has it; wanted: of these; NULL for all.';

CREATE FUNCTION kindly_stats.require_attached(tables text[]) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF kindly_stats.attached_here() IS DISTINCT FROM tables THEN
        RAISE EXCEPTION 'this node does not know the same attached tables as the coordinator' USING ERRCODE = '55000',
            HINT = 'A transaction that attached one may still be prepared here: SELECT recover_prepared_transactions() on the coordinator, and try again.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_attached(text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_attached(text[]) IS 'internal: refuses where other tables are attached than spread_tables() said (55000)';

-- Asks all nodes to work on their shards.  What they give back is JSON, in which "shards" are those that they have done.
CREATE FUNCTION kindly_stats.ask_nodes(command text, bot bigint) RETURNS jsonb[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    node record;
    failed text;
    result jsonb[] := '{}';
    missing bigint[];
    failures integer := 0;
BEGIN
    FOR round IN 1 .. 20
    LOOP
        failed := NULL;
        FOR node IN EXECUTE $query$SELECT n.nodename, n.nodeport, r.success, r.result FROM run_command_on_all_nodes($1) AS r JOIN pg_dist_node AS n USING (nodeid) ORDER BY n.nodeid$query$
                      USING format('SELECT %s, %L)', command, missing)
        LOOP
            IF node.success THEN
                result := result || node.result::jsonb;
            ELSE
                failed := format('Node %s:%s: %s', node.nodename, node.nodeport, node.result);
            END IF;
        END LOOP;
        -- as it is by now: shards move, and become others
        EXECUTE $query$SELECT coalesce(array_agg(s.shardid), '{}') FROM pg_dist_shard AS s
                        WHERE s.logicalrelid = 'kindly_stats.rollup'::regclass AND ($1 IS NULL OR s.shardid = get_shard_id_for_distribution_column('kindly_stats.rollup', $1))
                          AND NOT s.shardid = ANY (SELECT e::bigint FROM unnest($2) AS r, jsonb_array_elements_text(r -> 'shards') AS e)$query$ INTO missing USING bot, result;
        EXIT WHEN missing = '{}';
        -- a node that stumbled over a shard that was moved does not do so again
        failures := failures + (failed IS NOT NULL)::integer;
        EXIT WHEN failures = 3;
        PERFORM pg_sleep(0.05 * round);
    END LOOP;
    IF missing <> '{}' THEN
        RAISE EXCEPTION 'some of the bots could not be looked at' USING ERRCODE = CASE WHEN failures = 3 THEN '55000' ELSE '40001' END,
            DETAIL = coalesce(failed, format('Shards of kindly_stats.rollup that were moved meanwhile: %s.', array_to_string(missing, ', '))),
            HINT = 'What other nodes have done stays.  Try again; kindly_stats.health() says what is wrong with nodes.';
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.ask_nodes(text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.ask_nodes(text, bigint) IS
'internal: has all nodes work on their shards, and gives back what they say

command: a call without its last argument, a list of shards or NULL for all, and without the parenthesis; bot: it is about this one; NULL: all.
All work at the same time, again where shards were moved meanwhile.  Errors: 40001 where they were moved again and again, 55000 where a node could not do it.';

-- verify()

CREATE FUNCTION kindly_stats.verify_here(bot bigint, since timestamptz, tables text[], wanted bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
    rollups regclass[];
    shards jsonb;
    differences jsonb;
BEGIN
    PERFORM kindly_stats.require_attached(tables);
    SELECT coalesce(array_agg(g.id ORDER BY g.id), '{}'), array_agg(g.rollup ORDER BY g.id) INTO ids, rollups FROM kindly_stats.shard_groups(bot, wanted) AS g;
    IF ids <> '{}' THEN
        SELECT coalesce(jsonb_object_agg(t.key, t.shards), '{}') INTO shards
          FROM (SELECT e.key, jsonb_agg(e.value) AS shards FROM kindly_stats.shard_groups(bot, wanted) AS g, jsonb_each(g.tables) AS e GROUP BY 1) AS t;
        SELECT jsonb_agg(to_jsonb(d)) INTO differences FROM kindly_stats.differences(bot, since, kindly_stats.counted_rows('kindly_stats.rollup', rollups), shards) AS d;
    END IF;
    RETURN jsonb_build_object('shards', ids, 'differences', coalesce(differences, '[]'));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify_here(bigint, timestamptz, text[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify_here(bigint, timestamptz, text[], bigint[]) IS
'internal: verify() of the shards of this node, as JSON

tables: what spread_tables() said; wanted: of these shards of the rollup; NULL for all.';

CREATE FUNCTION kindly_stats.verify_nodes(bot bigint, since timestamptz, tables text[]) RETURNS jsonb[]
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindly_stats.ask_nodes(format('kindly_stats.verify_here(%L, %L, %L', bot, since, tables), bot)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify_nodes(bigint, timestamptz, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify_nodes(bigint, timestamptz, text[]) IS 'internal: verify_here() of all nodes';

CREATE FUNCTION kindly_stats.differences_of(answers jsonb[])
    RETURNS TABLE (number bigint, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    LANGUAGE sql IMMUTABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT d.* FROM unnest(answers) AS a,
           LATERAL jsonb_to_recordset(a -> 'differences') AS d (number bigint, measure text COLLATE "C", month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
     ORDER BY d.measure, d.number, d.month
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.differences_of(jsonb[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.differences_of(jsonb[]) IS 'internal: the rows in what verify_here() gave';

-- rebuild()

-- Of shards one after the other, so that what is dead by then can be removed.
CREATE FUNCTION kindly_stats.repair_here(bot bigint, measure text, tables text[], wanted bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    groups jsonb;
    g record;
    ids bigint[] := '{}';
    changed bigint := 0;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('rebuild statistics');
    PERFORM kindly_stats.lock_repair_here();
    PERFORM kindly_stats.require_attached(tables);
    IF measure IS NOT NULL AND NOT EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = repair_here.measure) THEN
        RAISE EXCEPTION 'this node does not know measure "%"', measure USING ERRCODE = '55000',
            HINT = 'The transaction that added it may still be prepared here: SELECT recover_prepared_transactions() on the coordinator, and try again.';
    END IF;
    groups := (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'rollup', s.rollup::oid::bigint, 'tables', s.tables) ORDER BY s.id) FROM kindly_stats.shard_groups(bot, wanted) AS s);
    FOR n IN 0 .. coalesce(jsonb_array_length(groups), 0) - 1
    LOOP
        SELECT x.id, x.rollup, x.tables INTO g FROM jsonb_to_record(groups -> n) AS x (id bigint, rollup oid, tables jsonb);
        changed := changed + kindly_stats.repair(bot, measure, g.rollup, g.tables);
        ids := ids || g.id;
    END LOOP;
    RETURN jsonb_build_object('shards', ids, 'changed', changed);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.repair_here(bigint, text, text[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair_here(bigint, text, text[], bigint[]) IS
'internal: repair() of the shards of this node, in a transaction of its own, as JSON

tables: what spread_tables() said; wanted: of these shards of the rollup; NULL for all.';

-- Where each node can do it, nothing but other repairs is locked out.
CREATE FUNCTION kindly_stats.begin_repair() RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF kindly_stats.place() = 'coordinator' AND kindly_stats.can_ask_nodes() AND kindly_stats.spread_tables(false) IS NOT NULL THEN
        PERFORM kindly_stats.lock_repair_of_nodes();
        -- nobody has attached one while this was waited for
        IF kindly_stats.spread_tables(false) IS NOT NULL THEN
            RETURN true;
        END IF;
    END IF;
    PERFORM kindly_stats.lock_repair();
    RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.begin_repair() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.begin_repair() IS 'internal: takes the lock of repairs; whether repair_nodes() is to do it, and not repair()';

CREATE FUNCTION kindly_stats.repair_nodes(bot bigint, measure text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum((r ->> 'changed')::bigint), 0)::bigint
      FROM unnest(kindly_stats.ask_nodes(format('kindly_stats.repair_here(%L, %L, %L', bot, measure, kindly_stats.spread_tables(true)), bot)) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.repair_nodes(bigint, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair_nodes(bigint, text) IS 'internal: repair_here() of all nodes';

CREATE FUNCTION kindly_stats.rebuild_here(bot bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables text[] := kindly_stats.spread_tables(true);
    changed bigint := kindly_stats.repair_here(bot, NULL, tables) ->> 'changed';
BEGIN
    -- whose events were taken for gone, if any came meanwhile
    IF kindly_stats.spread_tables(true) IS DISTINCT FROM tables THEN
        RAISE EXCEPTION 'a table was attached or detached meanwhile' USING ERRCODE = '40001', HINT = 'Try again.';
    END IF;
    RETURN changed;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rebuild_here(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rebuild_here(bigint) IS 'internal: rebuild() of this node alone, which ends nothing that was left undone';

-- purge()

CREATE FUNCTION kindly_stats.purge_shard(event_table regclass, shard regclass, before timestamptz) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_purge_shard';
REVOKE EXECUTE ON FUNCTION kindly_stats.purge_shard(regclass, regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge_shard(regclass, regclass, timestamptz) IS
'internal: purge() of one shard of a table, which nobody moves until the transaction ends

event_table: an attached table; shard: one of it, on this node; before: as that of purge().  Error: 40001 where the shard was moved away.';

CREATE FUNCTION kindly_stats.purge_here(event_table regclass, before timestamptz, wanted bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
    shards regclass[];
    deleted bigint := 0;
BEGIN
    SELECT coalesce(array_agg(g.id ORDER BY g.id), '{}'), array_agg((g.tables ->> purge_here.event_table::oid::text)::oid::regclass ORDER BY g.id) INTO ids, shards
      FROM kindly_stats.shard_groups(NULL, wanted) AS g;
    FOR n IN 1 .. cardinality(ids)
    LOOP
        IF shards[n] IS NULL THEN
            RAISE EXCEPTION 'this node does not know the same attached tables as the coordinator' USING ERRCODE = '55000',
                HINT = 'A transaction that attached one may still be prepared here: SELECT recover_prepared_transactions() on the coordinator, and try again.';
        END IF;
        deleted := deleted + kindly_stats.purge_shard(event_table, shards[n], before);
    END LOOP;
    RETURN jsonb_build_object('shards', ids, 'deleted', deleted);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.purge_here(regclass, timestamptz, bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge_here(regclass, timestamptz, bigint[]) IS
'internal: purge() of the shards of this node, in one transaction, as JSON

wanted: of these shards of the rollup; NULL for all.';

CREATE FUNCTION kindly_stats.purge_nodes(event_table regclass, before timestamptz) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum((r ->> 'deleted')::bigint), 0)::bigint
      FROM unnest(kindly_stats.ask_nodes(format('kindly_stats.purge_here(%L, %L', event_table, before), NULL)) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.purge_nodes(regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge_nodes(regclass, timestamptz) IS 'internal: purge_here() of all nodes';
