-- Whether `make installcheck` may run on this server: the tests create, alter and drop the roles that the extension's
-- databases share, so not where a database other than theirs uses them.
\set VERBOSITY terse
DO $$
DECLARE
    used text;
BEGIN
    SELECT string_agg(DISTINCT format('%I', d.datname), ', ') INTO used
    FROM pg_catalog.pg_shdepend AS s
    JOIN pg_catalog.pg_roles AS r ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND r.oid = s.refobjid
    JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
    WHERE r.rolname IN ('kindly_stats_admin', 'kindly_stats_monitor', 'kindly_api_authenticator', 'kindly_api_anonymous', 'kindly_api_user', 'kindly_api_guest')
    AND d.datname !~ 'regression';
    IF used IS NOT NULL THEN
        RAISE 'the tests would change roles that are in use here, by database %: run them on another server', used;
    END IF;
END
$$;
