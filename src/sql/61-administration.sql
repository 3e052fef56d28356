-- Roles for those who look after an installation without being superusers.  Roles belong to the whole cluster, so they are created only
-- when asked for.  What maintenance functions call runs with the same rights, so a grant on a single function is not enough.

-- Functions whose rights follow from those of others: not for administrators of statistics.
CREATE FUNCTION kindly_stats.is_about_access(function regprocedure) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.proname IN ('create_access_tables', 'enable_row_security', 'admit_administrators', 'require_row_security', 'grant_reading', 'bots_policy', 'rewrite_policies', 'take_grants', 'copy_grants', 'grant_bot',
                         'revoke_bot', 'create_role', 'limit_api_roles', 'create_api_roles', 'random_text', 'create_api_key', 'create_login_key', 'revoke_api_key', 'api_keys',
                         'rotate_signing_secret', 'create_signing_secret', 'signing_secret', 'grants_changed', 'is_about_access',
                         'create_administrator_roles', 'grant_administration', 'allow_restore', 'drop_roles')
      FROM pg_proc AS p WHERE p.oid = function
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.is_about_access(regprocedure) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_about_access(regprocedure) IS 'internal: whether a function gives rights, or shows secrets';

CREATE FUNCTION kindly_stats.grant_administration() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    GRANT USAGE ON SCHEMA kindly_stats, bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON ALL TABLES IN SCHEMA bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.covered_relation TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.bot, kindly_stats.interaction, kindly_stats.exported, kindly_stats.detached, kindly_stats.counting,
        kindly_stats.verified, kindly_stats.event_table, kindly_stats.conversation_table, kindly_stats.progress TO kindly_stats_admin, kindly_stats_monitor;
    GRANT INSERT, DELETE ON kindly_stats.rollup, kindly_stats.detached TO kindly_stats_admin;
    GRANT INSERT, UPDATE, DELETE ON kindly_stats.measure, kindly_stats.bot_name, kindly_stats.interaction, kindly_stats.counting, kindly_stats.verified TO kindly_stats_admin;
    FOR command IN
        SELECT format('GRANT EXECUTE ON %s %s TO kindly_stats_admin', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure)
          FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kindly_stats'
         WHERE p.pronamespace = 'kindly_stats'::regnamespace AND NOT kindly_stats.is_about_access(p.oid)
           -- what event triggers call runs as the extension's owner
           AND p.proname !~ '^(before|after|warn|bi)_' AND NOT 'internal'::regtype = ANY (p.proargtypes) AND NOT has_function_privilege('kindly_stats_admin', p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', f)
          FROM unnest(ARRAY['kindly_stats.verify(kindly_stats.bot_id, timestamptz, boolean)', 'kindly_stats.differences(bigint, timestamptz, text, jsonb)', 'kindly_stats.differences_of(jsonb[])',
                            'kindly_stats.verify_here(bigint, timestamptz, text[], bigint[])', 'kindly_stats.verify_nodes(bigint, timestamptz, text[])', 'kindly_stats.ask_nodes(text, bigint)', 'kindly_stats.can_ask_nodes()',
                            'kindly_stats.spread_tables(boolean)', 'kindly_stats.attached_here()', 'kindly_stats.require_attached(text[])', 'kindly_stats.own_shards()', 'kindly_stats.shard_groups(bigint, bigint[])', 'kindly_stats.counted_rows(regclass, regclass[])',
                            'kindly_stats.compare(text, date, kindly_stats.tally, timestamptz, text[], text, bigint)',
                            'kindly_stats.compare_counts(internal, text, date, kindly_stats.tally, timestamptz, text[], text, bigint)', 'kindly_stats.compare_final(internal)', 'kindly_stats.has_rollup()', 'kindly_stats.require_own_tables()',
                            'kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz, regclass[])', 'kindly_stats.raw_query(regclass, jsonb, text, regclass[])', 'kindly_stats.raw_measure(regclass, jsonb, text, text)', 'kindly_stats.is_distributed(regclass)', 'kindly_stats.rows_here(text)', 'kindly_stats.live_rows(bigint, date)',
                            'kindly_stats.require_columns(regclass, jsonb)', 'kindly_stats.lost_columns(regclass, jsonb)',
                            'kindly_stats.column_expression(regclass, jsonb, text, text)', 'kindly_stats.base_type(oid)', 'kindly_stats.has_text_bots(regclass, jsonb)',
                            'kindly_stats.mapped_column(jsonb)', 'kindly_stats.has_column(regclass, text)', 'kindly_stats.type_fits(text, jsonb, oid)',
                            'kindly_stats.tree_findings()', 'kindly_stats.tree_top(regclass)',
                            'kindly_stats.partition_tree(regclass)', 'kindly_stats.logical_columns(text)']::regprocedure[]) AS f
         WHERE NOT has_function_privilege('kindly_stats_monitor', f, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', p.oid::regprocedure)
          FROM pg_proc AS p
         WHERE p.pronamespace = 'kindly_stats'::regnamespace
           AND (p.proname LIKE 'health%' OR p.proname IN ('relations', 'trigger_name', 'base_type', 'logical_columns', 'horizon_holder', 'outdated_measures', 'newest_measures', 'built_in_measures', 'count_errors', 'zone_data', 'given_rights'))
           AND NOT has_function_privilege('kindly_stats_monitor', p.oid, 'EXECUTE')
    LOOP
        EXECUTE command;
    END LOOP;
    GRANT SELECT ON kindly_stats.health TO kindly_stats_admin, kindly_stats_monitor;
    -- the secret's age, but not the secret
    IF to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        GRANT SELECT (created_at) ON kindly_stats.api_secret TO kindly_stats_admin, kindly_stats_monitor;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_administration() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_administration() IS 'internal: what kindly_stats_admin and kindly_stats_monitor need and do not have';

CREATE FUNCTION kindly_stats.create_administrator_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.create_exported();
    PERFORM kindly_stats.create_role('kindly_stats_admin', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_stats_monitor', 'NOLOGIN');
    PERFORM kindly_stats.grant_administration();
    PERFORM kindly_stats.admit_administrators();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_administrator_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_administrator_roles() IS
'creates the roles kindly_stats_admin and kindly_stats_monitor, and gives them their rights

Members of kindly_stats_admin may attach and detach tables, add measures, purge, compact, rebuild, verify, close and reopen days, name
bots, and list interactions; of an event table they need what they do to it themselves: to be its owner to attach and detach, SELECT and DELETE to purge, SELECT of
all rows to count anew.  Members of kindly_stats_monitor may call health(), verify, with SELECT on the event tables, and read the statistics of all bots; what
others'' sessions keep from being removed they see as members of pg_read_all_stats.
Neither may give rights, make API keys or see the secret that signs tokens.  Call it once more after an update of the extension.
Errors: 42710 where a role of that name exists that may do more.';

CREATE FUNCTION kindly_stats.drop_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role name;
    databases text;
BEGIN
    FOR role IN SELECT r.rolname FROM pg_roles AS r
                 WHERE r.rolname IN ('kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_guest', 'kindly_api_user', 'kindly_stats_admin', 'kindly_stats_monitor')
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

-- What a dump contains besides the extension: tables in its schema, and triggers, rules and policies that call its functions.
CREATE FUNCTION kindly_stats.allow_restore(role name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    called regprocedure;
BEGIN
    IF role IS NULL THEN
        RAISE EXCEPTION '"role" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of the role that restores, such as the database''s owner.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = allow_restore.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    ELSIF to_regclass('kindly_stats.rollup') IS NOT NULL THEN
        RAISE EXCEPTION 'table kindly_stats.rollup exists already' USING ERRCODE = '55000',
            HINT = 'Restore into a database in which nothing has been attached since the extension was created.';
    END IF;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA kindly_stats TO %I', role);
    FOR called IN
        SELECT p.oid FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kindly_stats'
         WHERE p.pronamespace = 'kindly_stats'::regnamespace AND (p.prorettype = 'trigger'::regtype OR p.proname = 'is_merge')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', called, role);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.allow_restore(name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.allow_restore(name) IS
'lets a role that is no superuser restore a dump of a database that has the extension

role: who restores, such as the database''s owner.  It gets CREATE on the schema kindly_stats, and EXECUTE on what triggers and rules call.  The
tables of the extension become its own, so that it decides what the statistics say and who reads them, as a superuser else does, and what it
puts there runs with the rights of whoever uses it: only for a role that is trusted.
Call it in the new database after CREATE EXTENSION and before anything is attached.
Errors: 22004, 42704 where there is no such role, 55000 where the tables are there already.';
