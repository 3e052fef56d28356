-- kindly_stats: install script, put together from src/sql
\echo Use "CREATE EXTENSION kindly_stats" to load this file. \quit

-- Anybody who may create schemas may have made this one before, with tables that the extension would take for its own: triggers and
-- policies on them would run with the rights of whoever uses the extension.  Tables left from an earlier installation are accepted, if
-- their owner may create tables here.
DO $$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    -- those that the script creates, but for kindly_stats itself
    schemas text[] := '{bi,chatbot_com,kindly_api,kindly_rules,logicdialog,sage,ultimate}';
    other record;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT n.oid, n.nspowner, r.rolname INTO STRICT other FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
     WHERE n.nspname = 'kindly_stats';
    -- the database's owner is not trusted either: databases are handed out to people, and a schema's owner can put anything into it
    IF NOT (other.rolname = current_user OR (SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = other.nspowner)) THEN
        RAISE EXCEPTION 'schema kindly_stats belongs to role "%"', other.rolname
            USING ERRCODE = '42501', HINT = 'Drop or rename it, or give it to the role that creates the extension once you have seen what is in it.';
    END IF;
    SELECT o.kind, o.name, r.rolname AS owner INTO other
      FROM (SELECT 'relation' AS kind, c.relname::text AS name, c.relowner AS owner,
                   c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
                   AND c.relname IN ('rollup', 'measure', 'known_bot', 'bot_name', 'counting', 'verified', 'exported', 'conversation_bot', 'detached', 'interaction', 'bot_grant', 'api_key', 'api_secret') AS is_known
              FROM pg_class AS c WHERE c.relnamespace = other.oid AND c.relkind NOT IN ('i', 'I', 't')
            UNION ALL SELECT 'function', p.oid::regprocedure::text, p.proowner, false FROM pg_proc AS p WHERE p.pronamespace = other.oid
            UNION ALL SELECT 'operator', o.oid::regoperator::text, o.oprowner, false FROM pg_operator AS o WHERE o.oprnamespace = other.oid
            UNION ALL SELECT 'type', t.typname::text, t.typowner, false FROM pg_type AS t
                       WHERE t.typnamespace = other.oid AND t.typrelid = 0
                         AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid)) AS o
      JOIN pg_roles AS r ON r.oid = o.owner
     WHERE NOT o.is_known OR NOT (r.rolsuper OR has_schema_privilege(r.oid, other.oid, 'CREATE'))
     ORDER BY o.kind, o.name LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'schema kindly_stats has a % "%" of role "%", which is not the extension''s', other.kind, other.name, other.owner
            USING ERRCODE = '42501', HINT = 'Drop it, or move it to another schema.';
    END IF;
    -- the other schemas hold nothing else, so they are dropped with the extension
    SELECT n.nspname, r.rolname INTO other FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
     WHERE n.nspname = ANY (schemas) ORDER BY n.nspname LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'schema "%" exists already, of role "%"', other.nspname, other.rolname
            USING ERRCODE = '42P06', DETAIL = format('The extension makes the schemas %s.', array_to_string(schemas, ', ')),
                  HINT = format('Rename it, with ALTER SCHEMA %I RENAME TO another name, or install the extension in a database of its own.', other.nspname);
    END IF;
    PERFORM set_config('search_path', path, true);
END
$$;

COMMENT ON SCHEMA kindly_stats IS 'chatbot statistics: event tables, measures, questions, tallies';
