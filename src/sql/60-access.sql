-- Who sees which bots: grants, row-level security, API keys, tokens.  Tables are created on demand, like the rollup: members of the
-- extension would be dumped without their rows.  Roles belong to the whole cluster, so they are created only when asked for.

-- The caller's bots

CREATE FUNCTION kindly_stats.bots() RETURNS TABLE (id text, number bigint, name text)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_list_bots';
COMMENT ON FUNCTION kindly_stats.bots() IS
'bots that have statistics or a name, and that the caller sees

What view kindly_stats.bot shows.  Error: 42501 for who has SELECT neither on it nor on the tables.';

CREATE FUNCTION kindly_stats.visible_bots() RETURNS bigint[]
    LANGUAGE C STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_visible_bots';
CREATE FUNCTION kindly_stats.is_one_of(bot bigint, bots bigint[]) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_is_one_of';
CREATE FUNCTION kindly_stats.require_bot(bot kindly_stats.bot_id) RETURNS kindly_stats.bot_id
    LANGUAGE C STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_require_bot';
CREATE FUNCTION kindly_stats.grants_changed() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_grants_changed';
REVOKE EXECUTE ON FUNCTION kindly_stats.grants_changed() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.visible_bots() IS
'bots that row-level security shows to the caller, ascending

For the roles of API tokens the bot of the token, or those of the role that it is a login of; for all others those that kindly_stats.grant_bot() gave to the role itself or to
a role whose rights it has.  Owners of the tables and superusers see every bot, whatever is listed here.';
COMMENT ON FUNCTION kindly_stats.is_one_of(bigint, bigint[]) IS 'internal: whether a list that ascends has the bot';
COMMENT ON FUNCTION kindly_stats.require_bot(kindly_stats.bot_id) IS 'internal: the bot that is asked for, by default the token''s; a token gets at its own alone';
COMMENT ON FUNCTION kindly_stats.grants_changed() IS 'trigger of kindly_stats.bot_grant: makes every session read the grants anew';

-- Questions about many bots, answered for each; defined here because they list the bots that the caller sees.

CREATE FUNCTION kindly_stats.stats_series_by_bot(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bot text, name text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 2000 AS 'MODULE_PATHNAME', 'ks_stats_series_by_bot';
COMMENT ON FUNCTION kindly_stats.stats_series_by_bot(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure as a time series for each bot

bots: which, NULL for all that the caller sees; of others, and of those that have neither statistics nor a name, there is no row.  bot: the id that the user has for it; name: as in
kindly_stats.bot_name.  Other arguments, columns and errors are those of stats_series.';

CREATE FUNCTION kindly_stats.stats_total_by_bot(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bot text, name text, count bigint, distinct_count bigint)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_total_by_bot';
COMMENT ON FUNCTION kindly_stats.stats_total_by_bot(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure in all for each bot, most first

Arguments and errors as those of stats_series_by_bot and stats_total.';

-- The same of all of them together: one query, which many nodes answer, and in which who used several bots is one member.

CREATE FUNCTION kindly_stats.stats_series_across_bots(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_series_across_bots';
COMMENT ON FUNCTION kindly_stats.stats_series_across_bots(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure as a time series of many bots together

bots: which, NULL for all that the caller sees; others have nothing.  distinct_count: members, each of
them once, whichever bots it is a member of.  Other arguments, columns and errors are those of stats_series; 54000 where all tallies of the range together exceed 256 MB.';

CREATE FUNCTION kindly_stats.stats_total_across_bots(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (count bigint, distinct_count bigint)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_stats_total_across_bots';
COMMENT ON FUNCTION kindly_stats.stats_total_across_bots(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure in all of many bots together

Arguments and errors as those of stats_series_across_bots and stats_total.';

-- Tables

CREATE FUNCTION kindly_stats.create_access_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_tables();
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = to_regclass('kindly_stats.bot_grant') AND t.tgname = 'kindly_stats_changed')
       AND to_regclass('kindly_stats.api_key') IS NOT NULL AND to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        RETURN;
    END IF;
    IF kindly_stats.place() = 'worker' THEN
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    -- another session may be at the same, and be done before us
    PERFORM kindly_stats.lock_creation();
    IF to_regclass('kindly_stats.bot_grant') IS NULL THEN
        -- by name: roles have other oids in the cluster to which a dump is restored
        CREATE TABLE kindly_stats.bot_grant (
            role name NOT NULL,
            bot_id bigint NOT NULL,
            PRIMARY KEY (role, bot_id)
        );
        COMMENT ON TABLE kindly_stats.bot_grant IS
'bots that database roles see where row-level security is enabled

role: the name of the role; bot_id: the number of the bot.
Made by kindly_stats.grant_bot(), and taken away by kindly_stats.revoke_bot().';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = 'kindly_stats.bot_grant'::regclass AND t.tgname = 'kindly_stats_changed') THEN
        CREATE TRIGGER kindly_stats_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kindly_stats.bot_grant
            FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.grants_changed();
    END IF;
    IF to_regclass('kindly_stats.api_key') IS NULL THEN
        CREATE TABLE kindly_stats.api_key (
            prefix text COLLATE "C" PRIMARY KEY,
            bot_id bigint,
            label text,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz,
            revoked_at timestamptz,
            login name,
            CHECK (num_nonnulls(bot_id, login) = 1)
        );
        COMMENT ON TABLE kindly_stats.api_key IS
'API keys, without their secrets

prefix: by which a key is known; bot_id: the number of the bot that it opens; login: or the name of the role whose bots it opens; label: what it is for; hash: SHA-256 of the whole key;
created_at: when it was made; expires_at: when it ends, NULL for never; revoked_at: when it was revoked.';
    END IF;
    IF to_regclass('kindly_stats.api_secret') IS NULL THEN
        CREATE TABLE kindly_stats.api_secret (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            secret text NOT NULL CHECK (length(secret) >= 32),
            created_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE kindly_stats.api_secret IS
'the secret that signs tokens: whoever can read it can make tokens for any bot

is_only: always true, for there is one row; secret: the secret; created_at: when it was made.';
    END IF;
    IF kindly_stats.place() = 'coordinator' THEN
        PERFORM kindly_stats.place_tables(NULL);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_access_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_access_tables() IS 'internal: creates kindly_stats.bot_grant, api_key and api_secret where they are missing';

-- Row-level security

-- The tables with policies, and their bot columns.  Readers need rights on a table, but not on its partitions.
CREATE FUNCTION kindly_stats.tables_with_bots() RETURNS TABLE (relation regclass, bot_column name, is_partition boolean)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid::regclass, 'bot_id'::name, false FROM pg_class AS c
     WHERE c.relnamespace = 'kindly_stats'::regnamespace AND c.relname IN ('rollup', 'known_bot', 'bot_name', 'exported', 'interaction') AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT r, (t.columns ->> 'bot_id')::name, r <> t.conversation_table
      FROM kindly_stats.conversation_tables() AS t, kindly_stats.partition_tree(t.conversation_table) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tables_with_bots() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tables_with_bots() IS 'internal: tables that row-level security covers, and their bot columns';

CREATE FUNCTION kindly_stats.has_row_security() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) > 0 AND bool_and(c.relrowsecurity AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'kindly_stats_bots'))
      FROM kindly_stats.tables_with_bots() AS t JOIN pg_class AS c ON c.oid = t.relation
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_row_security() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_row_security() IS 'internal: whether row-level security covers all tables that it is about';

-- Administrators and monitors see all bots.
CREATE FUNCTION kindly_stats.admit_administrators() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t regclass;
BEGIN
    IF to_regrole('kindly_stats_admin') IS NULL OR to_regrole('kindly_stats_monitor') IS NULL THEN
        RETURN;
    END IF;
    FOR t IN SELECT w.relation FROM kindly_stats.tables_with_bots() AS w
              WHERE EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = w.relation AND p.polname = 'kindly_stats_bots')
                AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = w.relation AND p.polname = 'kindly_stats_administrators')
              ORDER BY w.relation
    LOOP
        EXECUTE format('CREATE POLICY kindly_stats_administrators ON %s TO kindly_stats_admin, kindly_stats_monitor USING (true)', t);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.admit_administrators() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.admit_administrators() IS 'internal: policies that show kindly_stats_admin and kindly_stats_monitor every bot';

-- The list of bots is worked out once a query.  Questions find the rollup's rows by their bot, and a list that the index
-- is to be searched for, too, would slow them where it is long; other tables are also read without naming a bot.  Who may
-- write these goes on doing so, for all bots, and sees what there is to write.  Policies of distributed tables
-- may have no SELECT: there the list, which a session keeps, is asked for at each row.
CREATE FUNCTION kindly_stats.bots_policy(relation regclass, bot_column name, everywhere boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- by name: another table may have taken its place since this was planned
    SELECT CASE WHEN relation::text = 'kindly_stats.rollup'
                THEN format('CREATE POLICY kindly_stats_bots ON %s FOR SELECT USING (kindly_stats.is_one_of(%I, %s))', relation, bot_column,
                            CASE WHEN everywhere THEN 'kindly_stats.visible_bots()' ELSE '(SELECT kindly_stats.visible_bots())' END)
                WHEN everywhere
                -- by name: shards get their policies before their node has the table
                THEN (SELECT format('CREATE POLICY kindly_stats_bots ON %1$s USING (kindly_stats.is_one_of(%2$I, kindly_stats.visible_bots())'
                                    ' OR has_table_privilege(%3$L, ''INSERT, UPDATE, DELETE''))', relation, bot_column, format('%I.%I', n.nspname, c.relname))
                        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation)
                ELSE format('CREATE POLICY kindly_stats_bots ON %1$s USING (%2$s = ANY ((SELECT kindly_stats.visible_bots())::bigint[])'
                            ' OR (SELECT has_table_privilege(%1$L::regclass, ''INSERT, UPDATE, DELETE'')))', relation,
                            format(CASE WHEN kindly_stats.has_text_bots(relation, jsonb_build_object('bot_id', bot_column)) THEN '%I::kindly_stats.bot_id::bigint' ELSE '%I' END, bot_column)) END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.bots_policy(regclass, name, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bots_policy(regclass, name, boolean) IS 'internal: the statement that makes the policy of a table, everywhere as distributed ones may have it';

CREATE FUNCTION kindly_stats.rewrite_policies(relations regclass[], everywhere boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT w.relation, w.bot_column FROM kindly_stats.tables_with_bots() AS w
              WHERE w.relation = ANY (relations) AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = w.relation AND p.polname = 'kindly_stats_bots')
              ORDER BY w.relation
    LOOP
        EXECUTE format('DROP POLICY kindly_stats_bots ON %s', t.relation);
        EXECUTE kindly_stats.bots_policy(t.relation, t.bot_column, everywhere);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rewrite_policies(regclass[], boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rewrite_policies(regclass[], boolean) IS 'internal: makes the policies of tables anew, where they are distributed or brought back';

CREATE FUNCTION kindly_stats.enable_row_security() RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    PERFORM kindly_stats.create_access_tables();
    FOR t IN SELECT w.relation, w.bot_column, c.relrowsecurity,
                    EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'kindly_stats_bots') AS has_policy
               FROM kindly_stats.tables_with_bots() AS w JOIN pg_class AS c ON c.oid = w.relation
              ORDER BY w.relation::text COLLATE "C"
    LOOP
        IF NOT t.has_policy THEN
            EXECUTE kindly_stats.bots_policy(t.relation, t.bot_column, kindly_stats.is_distributed(t.relation));
        END IF;
        IF NOT t.relrowsecurity THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.relation);
        END IF;
        IF NOT (t.has_policy AND t.relrowsecurity) THEN
            RETURN NEXT t.relation;
        END IF;
    END LOOP;
    PERFORM kindly_stats.admit_administrators();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.enable_row_security() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.enable_row_security() IS
'shows each database role only the bots that it was granted, and each API token only its own

Row-level security on kindly_stats.rollup, known_bot, bot_name, interaction and exported, and on attached conversation tables, by policies named
kindly_stats_bots.  Gives back the tables that it has changed; call it once more when a conversation table was attached.  From then on
a role without grants sees zeros: see kindly_stats.grant_bot().  Owners of the tables and superusers go on seeing everything, and who
may write conversations goes on writing them.';

CREATE FUNCTION kindly_stats.require_row_security() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_row_security() THEN
        RAISE EXCEPTION 'row-level security is not enabled' USING ERRCODE = '55000',
            HINT = 'Call kindly_stats.enable_row_security() first: without it, whoever may read statistics reads those of every bot.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_row_security() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_row_security() IS 'internal: refuses to let anybody read where that would show every bot (55000)';

-- What every reader needs, whichever bots it sees: the schemas of typed functions and dialects, and the views.  Exports and programs that
-- read tables directly need the tables, too; but tools list every table that one may read.
CREATE FUNCTION kindly_stats.grant_reading(reader name, tables boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, reader) FROM pg_namespace AS n
         WHERE (n.nspname = 'kindly_stats'
                OR tables AND n.oid IN (SELECT c.relnamespace FROM kindly_stats.tables_with_bots() AS t JOIN pg_class AS c ON c.oid = t.relation WHERE NOT t.is_partition)
                OR n.oid IN (SELECT d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
                              WHERE d.classid = 'pg_namespace'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'kindly_stats'))
           AND n.nspname <> 'kindly_api' AND NOT has_schema_privilege(reader, n.oid, 'USAGE')
        UNION ALL
        SELECT format('GRANT SELECT ON %s TO %I', r, reader)
          FROM unnest('kindly_stats.bot'::regclass || ARRAY(SELECT c.oid::regclass FROM pg_class AS c WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind = 'v'
                                                                AND EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))) AS r
         WHERE NOT has_table_privilege(reader, r, 'SELECT')
        UNION ALL
        SELECT format('GRANT SELECT ON %s TO %I', t.relation, reader) FROM kindly_stats.tables_with_bots() AS t
         WHERE tables AND NOT t.is_partition AND NOT has_table_privilege(reader, t.relation, 'SELECT')
        UNION ALL
        SELECT format('GRANT SELECT ON kindly_stats.measure TO %I', reader) WHERE tables AND NOT has_table_privilege(reader, 'kindly_stats.measure', 'SELECT')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_reading(name, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_reading(name, boolean) IS 'internal: the grants that every reader needs and does not have';

-- Citus carries grants on its tables to other nodes, but not those on the extension's own objects, which every node has made itself.
CREATE FUNCTION kindly_stats.given_rights() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH member AS (
        SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
         WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'kindly_stats'),
    object AS (
        SELECT 'SCHEMA' AS kind, quote_ident(n.nspname) AS object, n.nspacl AS acl, n.nspowner AS owner
          FROM pg_namespace AS n JOIN member AS m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid
        UNION ALL
        SELECT 'TABLE', c.oid::regclass::text, c.relacl, c.relowner FROM pg_class AS c JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
        UNION ALL
        SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure::text, p.proacl, p.proowner
          FROM pg_proc AS p JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', g.kind, 'object', g.object, 'privilege', g.privilege_type, 'grantee', g.rolname)
                              ORDER BY g.kind COLLATE "C", g.object COLLATE "C", g.privilege_type COLLATE "C", g.rolname COLLATE "C"), '[]')
      FROM (SELECT DISTINCT o.kind, o.object, a.privilege_type, r.rolname
              FROM object AS o, aclexplode(o.acl) AS a JOIN pg_roles AS r ON r.oid = a.grantee WHERE a.grantee <> o.owner) AS g
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.given_rights() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.given_rights() IS 'internal: which rights on the extension''s objects roles have, but for owners and PUBLIC';

CREATE FUNCTION kindly_stats.take_grants(grants jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    g record;
BEGIN
    -- nobody waits for whoever is at the same
    SET LOCAL lock_timeout = '1s';
    SET LOCAL citus.enable_ddl_propagation = off;
    FOR g IN SELECT coalesce(x.grant, y.grant) AS grant, x.grant IS NULL AS is_over
               FROM jsonb_array_elements(grants) AS x ("grant") FULL JOIN jsonb_array_elements(kindly_stats.given_rights()) AS y ("grant") ON x.grant = y.grant
              WHERE (x.grant IS NULL OR y.grant IS NULL) AND to_regrole(quote_ident(coalesce(x.grant, y.grant) ->> 'grantee')) IS NOT NULL
    LOOP
        EXECUTE format(CASE WHEN g.is_over THEN 'REVOKE %s ON %s %s FROM %I' ELSE 'GRANT %s ON %s %s TO %I' END,
                       g.grant ->> 'privilege', g.grant ->> 'kind', g.grant ->> 'object', g.grant ->> 'grantee');
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.take_grants(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.take_grants(jsonb) IS 'internal: gives roles the rights that they have on another node, and no others';

CREATE FUNCTION kindly_stats.copy_grants() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    failed text;
BEGIN
    IF kindly_stats.place() <> 'coordinator' THEN
        RETURN;
    END IF;
    EXECUTE $query$SELECT min(format('%s:%s: %s', n.nodename, n.nodeport, n.result)) FROM run_command_on_workers(format('SELECT kindly_stats.take_grants(%L)', $1)) AS n WHERE NOT n.success$query$
       INTO failed USING kindly_stats.given_rights();
    IF failed IS NOT NULL THEN
        RAISE WARNING 'rights were not given on every node: %', failed USING HINT = 'Readers who connect to the coordinator need none there.  Else call kindly_stats.distribute() once more.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.copy_grants() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.copy_grants() IS
'internal: gives roles the same rights on the extension''s objects on workers

What they have there alone is taken back.  Those of which no worker knows yet are left out.  Not undone when the transaction is rolled back: a right to read of who sees no bot shows nothing.';

CREATE FUNCTION kindly_stats.grant_bot(role name, bot kindly_stats.bot_id, tables boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_row_security();
    IF bot IS NULL OR role IS NULL THEN
        RAISE EXCEPTION '"%" is missing', CASE WHEN role IS NULL THEN 'role' ELSE 'bot' END
            USING ERRCODE = '22004', HINT = 'Pass the name of a role and the bot''s id.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = grant_bot.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    ELSIF role IN ('kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_guest', 'kindly_api_user') THEN
        RAISE EXCEPTION 'bots cannot be granted to role "%" of the API', role
            USING ERRCODE = '22023', HINT = 'What a request sees is what its token says: make a key with kindly_stats.create_api_key() or create_login_key().';
    END IF;
    PERFORM kindly_stats.grant_reading(role, coalesce(tables, false));
    PERFORM kindly_stats.copy_grants();
    PERFORM kindly_stats.note_bot(bot);
    INSERT INTO kindly_stats.bot_grant (role, bot_id) VALUES (grant_bot.role, bot::bigint) ON CONFLICT DO NOTHING;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id, boolean) IS
'lets a database role read the statistics of a bot

role: the role, none of those of the API, whose members that inherit its rights see the bot, too; bot: the bot; tables: whether to grant SELECT on the tables that statistics
are read from as well, conversation tables among them, which exports need, and queries that read these tables themselves.
The role gets USAGE of the schemas and SELECT on view kindly_stats.bot and those of schema bi, which is all that tools list then.
kindly_stats.bot_grant lists what was granted, by the roles'' names.
Errors: 22004, 22023 for a role of the API, 42704 where there is no such role, 55000 before kindly_stats.enable_row_security() was called.';

CREATE FUNCTION kindly_stats.revoke_bot(role name, bot kindly_stats.bot_id) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_access_tables();
    DELETE FROM kindly_stats.bot_grant AS g WHERE g.role = revoke_bot.role AND g.bot_id = bot::bigint;
    RETURN FOUND;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.revoke_bot(name, kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.revoke_bot(name, kindly_stats.bot_id) IS
'takes back what kindly_stats.grant_bot() gave

role: the role; bot: the bot.  False where it was not granted to this very role.  It holds from the next query on.';

-- Roles of the API

CREATE FUNCTION kindly_stats.create_role(role name, options text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known record;
BEGIN
    SELECT r.rolsuper, r.rolbypassrls, r.rolcanlogin INTO known FROM pg_roles AS r WHERE r.rolname = create_role.role;
    IF NOT FOUND THEN
        EXECUTE format('CREATE ROLE %I %s', role, options);
    -- claims of these roles are trusted: nobody else may act as one
    ELSIF known.rolsuper OR known.rolbypassrls OR known.rolcanlogin <> (options LIKE 'LOGIN%') THEN
        RAISE EXCEPTION 'role "%" exists and may do what it should not', role USING ERRCODE = '42710',
            HINT = format('Rename it, or ALTER ROLE %I NOSUPERUSER NOBYPASSRLS %s.', role, options);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_role(name, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_role(name, text) IS 'internal: creates a role of the extension, or checks the one that is there';

CREATE FUNCTION kindly_stats.limit_api_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
BEGIN
    -- so that the server knows the extension's settings: unknown ones can be set only by a superuser
    PERFORM kindly_stats.visible_bots();
    -- At the beginning of a transaction, PostgREST applies the settings of the request's role, but only those that every session knows.  It
    -- would not find the extension's settings, so these are set on the role as which it logs in.
    FOR wanted IN
        SELECT s.role, s.name, s.value
          FROM (VALUES ('kindly_api_user', 'statement_timeout', '15s'), ('kindly_api_user', 'lock_timeout', '1s'),
                       ('kindly_api_guest', 'statement_timeout', '15s'), ('kindly_api_guest', 'lock_timeout', '1s'),
                       ('kindly_api_anonymous', 'statement_timeout', '2s'), ('kindly_api_anonymous', 'lock_timeout', '1s'),
                       ('kindly_api_authenticator', 'kindly_stats.max_buckets', '9000'),
                       ('kindly_api_authenticator', 'kindly_stats.max_limit', '1000'),
                       ('kindly_api_authenticator', 'kindly_stats.wait_for_writers', 'off'),
                       -- a log of statements must not have the headers of requests, among which are keys and tokens
                       ('kindly_api_authenticator', 'log_parameter_max_length', '0'),
                       ('kindly_api_authenticator', 'log_parameter_max_length_on_error', '0')) AS s (role, name, value)
          JOIN pg_roles AS r ON r.rolname = s.role
         -- a value that the operator has set stays
         WHERE NOT EXISTS (SELECT FROM unnest(r.rolconfig) AS c (setting) WHERE starts_with(c.setting, concat(s.name, '=')))
           -- a setting that only a superuser may change
           AND (s.name <> 'log_parameter_max_length' OR (SELECT u.rolsuper FROM pg_roles AS u WHERE u.rolname = current_user))
    LOOP
        EXECUTE format('ALTER ROLE %I SET %s = %L', wanted.role, wanted.name, wanted.value);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.limit_api_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.limit_api_roles() IS 'internal: gives roles of the API those of their settings that they do not have';

CREATE FUNCTION kindly_stats.create_api_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role name;
BEGIN
    PERFORM kindly_stats.require_row_security();
    PERFORM kindly_stats.create_role('kindly_api_authenticator', 'LOGIN NOINHERIT');
    PERFORM kindly_stats.create_role('kindly_api_anonymous', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_api_user', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_api_guest', 'NOLOGIN');
    FOREACH role IN ARRAY '{kindly_api_anonymous,kindly_api_user,kindly_api_guest}'::name[] LOOP
        IF NOT pg_has_role('kindly_api_authenticator', role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO kindly_api_authenticator', role);
        END IF;
    END LOOP;
    GRANT USAGE ON SCHEMA kindly_api TO kindly_api_anonymous, kindly_api_user, kindly_api_guest;
    -- without a token, request() says that one is needed
    GRANT EXECUTE ON FUNCTION kindly_api.auth(), kindly_api.exchange(), kindly_api.health(), kindly_api.request(), kindly_api.request_volatile() TO kindly_api_anonymous;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA kindly_api TO kindly_api_user;
    PERFORM kindly_stats.grant_reading('kindly_api_user', true);
    -- its rights on the tables decide: revoking them closes the API
    REVOKE SELECT ON kindly_stats.bot FROM kindly_api_user;
    -- A link shows the page's statistics: no schemas but these two, so that PostgREST offers nothing else, and no conversation.
    GRANT USAGE ON SCHEMA kindly_stats TO kindly_api_guest;
    -- request() says that it is not for links
    GRANT EXECUTE ON FUNCTION kindly_api.token(), kindly_api.request(), kindly_api.request_volatile(),
        kindly_api.overview(kindly_stats.bot_id, text, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text, text[], integer, text, text[]) TO kindly_api_guest;
    GRANT SELECT ON kindly_stats.rollup, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.interaction, kindly_stats.measure, kindly_stats.counting TO kindly_api_guest;
    -- an export closes its day
    GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO kindly_api_user;
    PERFORM kindly_stats.limit_api_roles();
    NOTIFY pgrst, 'reload config';
    NOTIFY pgrst, 'reload schema';
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_api_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_api_roles() IS
'creates the roles that PostgREST serves the API with, and gives them their rights

kindly_api_authenticator, as which PostgREST connects (give it a password, or a line in pg_hba.conf); kindly_api_anonymous,
without a token; kindly_api_user, with one; kindly_api_guest, with a link of the page that was shared.  Grant none of them to anybody else.  Calling it once more gives the rights that came
to be needed since, such as those on a conversation table.  It also sets how long a request may take and wait, and how much it may
ask for, for roles that have no such settings: ALTER ROLE ... SET changes them, and calling this again leaves them.  Errors: 42710 where a role of that name exists that may do more, 55000 before
kindly_stats.enable_row_security() was called.';

-- API keys

CREATE FUNCTION kindly_stats.random_text(length integer) RETURNS text
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_random_text';
REVOKE EXECUTE ON FUNCTION kindly_stats.random_text(integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.random_text(integer) IS 'internal: so many characters of six random bits each';

CREATE FUNCTION kindly_stats.create_api_key(bot kindly_stats.bot_id, label text DEFAULT NULL, lifetime interval DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    prefix text := left(replace(gen_random_uuid()::text, '-', ''), 12);
    key text := concat('ks_', prefix, '_', kindly_stats.random_text(43));
BEGIN
    IF bot IS NULL THEN
        RAISE EXCEPTION '"bot" is missing' USING ERRCODE = '22004', HINT = 'Pass the bot''s id.';
    ELSIF now() + lifetime <= now() THEN
        RAISE EXCEPTION '"lifetime" must be longer than nothing' USING ERRCODE = '22023', HINT = 'Leave it out for a key that does not expire.';
    END IF;
    PERFORM kindly_stats.create_access_tables();
    PERFORM kindly_stats.note_bot(bot);
    INSERT INTO kindly_stats.api_key (prefix, bot_id, label, hash, expires_at)
    VALUES (prefix, bot::bigint, label, sha256(convert_to(key, 'UTF8')), now() + lifetime);
    RETURN key;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_api_key(kindly_stats.bot_id, text, interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_api_key(kindly_stats.bot_id, text, interval) IS
'makes an API key for a bot and shows it this once

bot: whose statistics it opens; label: what it is for; lifetime: when it expires from now on, NULL for never.  The key is
ks_<prefix>_<secret>: the prefix stays visible in kindly_stats.api_keys(), of the whole only a hash is stored, and the secret has
258 random bits.  Errors: 22004 without bot, 22023 for a lifetime that is over.';

CREATE FUNCTION kindly_stats.create_login_key(role name, label text DEFAULT NULL, lifetime interval DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    prefix text := left(replace(gen_random_uuid()::text, '-', ''), 12);
    key text := concat('ks_', prefix, '_', kindly_stats.random_text(43));
BEGIN
    IF role IS NULL THEN
        RAISE EXCEPTION '"role" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of a role that bots were granted to.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = create_login_key.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    ELSIF now() + lifetime <= now() THEN
        RAISE EXCEPTION '"lifetime" must be longer than nothing' USING ERRCODE = '22023', HINT = 'Leave it out for a key that does not expire.';
    END IF;
    PERFORM kindly_stats.create_access_tables();
    INSERT INTO kindly_stats.api_key (prefix, login, label, hash, expires_at)
    VALUES (prefix, role, label, sha256(convert_to(key, 'UTF8')), now() + lifetime);
    RETURN key;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_login_key(name, text, interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_login_key(name, text, interval) IS
'makes an API key for all bots of a role, such as a team''s, and shows it this once

role: whose bots it opens, those that kindly_stats.grant_bot() gave to it or to a role whose rights it has, as they are when it is used; the role need not
be able to log in.  label, lifetime: as those of create_api_key().  The page takes it, and exchanges of Sage''s for a token of one of the bots do; in the place of a token it is none.
Errors: 22004 without role, 42704 where there is no such role, 22023 for a lifetime that is over.';

CREATE FUNCTION kindly_stats.revoke_api_key(prefix text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- also for a whole key: what follows the prefix must not get into any message
    wanted text := left(regexp_replace(prefix, '^ks_', ''), 12);
    -- Citus works out no function within COALESCE
    moment timestamptz := now();
BEGIN
    PERFORM kindly_stats.create_access_tables();
    UPDATE kindly_stats.api_key AS k SET revoked_at = coalesce(k.revoked_at, moment) WHERE k.prefix = wanted;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no API key with prefix "%"', wanted USING ERRCODE = '22023', HINT = 'kindly_stats.api_keys() lists the keys.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.revoke_api_key(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.revoke_api_key(text) IS
'makes an API key invalid

prefix: the twelve characters after ks_, as kindly_stats.api_keys() lists them, or the whole key.  Tokens that it was exchanged for are valid for the
rest of kindly_stats.token_lifetime; links that were shared with them end at once.  Error: 22023 where there is no such key.';

CREATE FUNCTION kindly_stats.api_keys(bot kindly_stats.bot_id DEFAULT NULL)
    RETURNS TABLE (prefix text, bot_id text, login name, label text, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz, is_valid boolean)
    LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    IF to_regclass('kindly_stats.api_key') IS NOT NULL THEN
        RETURN QUERY
        SELECT k.prefix, kindly_stats.bot_text(k.bot_id), k.login, k.label, k.created_at, k.expires_at, k.revoked_at,
               k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)
          FROM kindly_stats.api_key AS k WHERE bot IS NULL OR k.bot_id = bot::bigint
         ORDER BY k.bot_id, k.login, k.created_at, k.prefix;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.api_keys(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.api_keys(kindly_stats.bot_id) IS 'lists API keys, without their secrets

bot: one bot''s only; NULL for all, and for those of roles (login).  is_valid: neither revoked nor expired.';

-- The secret that signs tokens

CREATE FUNCTION kindly_stats.rotate_signing_secret() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_access_tables();
    INSERT INTO kindly_stats.api_secret AS s (secret) VALUES (kindly_stats.random_text(64))
        ON CONFLICT (is_only) DO UPDATE SET secret = EXCLUDED.secret, created_at = EXCLUDED.created_at;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rotate_signing_secret() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rotate_signing_secret() IS
'replaces the secret that signs tokens

All tokens become invalid once PostgREST knows the new one: put kindly_stats.signing_secret() into its configuration and reload it.';

CREATE FUNCTION kindly_stats.create_signing_secret() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_access_tables();
    IF NOT EXISTS (SELECT FROM kindly_stats.api_secret) THEN
        PERFORM kindly_stats.rotate_signing_secret();
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_signing_secret() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_signing_secret() IS
'makes the secret that signs tokens, where there is none

384 random bits, in a table that is readable by its owner only.';

CREATE FUNCTION kindly_stats.signing_secret() RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result text;
BEGIN
    PERFORM kindly_stats.require_own_tables();
    IF to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        SELECT s.secret INTO result FROM kindly_stats.api_secret AS s;
    END IF;
    IF result IS NULL THEN
        RAISE EXCEPTION 'there is no secret to sign tokens with' USING ERRCODE = '55000',
            HINT = 'Make one with kindly_stats.create_signing_secret().';
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.signing_secret() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.signing_secret() IS
'shows the secret that signs tokens, for the configuration of PostgREST (jwt-secret)

Whoever knows it can make tokens for any bot.  Error: 55000 where there is none.';
