-- What a server has outside of databases, a line each: `make installcheck` leaves it as it was.  pg_regress itself leaves the
-- databases contrib_regression and isolation_regression.
\pset format unaligned
\pset tuples_only on
WITH of_tests AS (
    SELECT oid FROM pg_database WHERE datname IN ('contrib_regression', 'isolation_regression')
)
SELECT 'role ' || rolname || ' ' || row_to_json(r) FROM pg_roles AS r
UNION ALL SELECT 'member ' || roleid::regrole || ' ' || member::regrole FROM pg_auth_members
UNION ALL SELECT 'database ' || datname || ' ' || datdba::regrole || ' ' || coalesce(datacl::text, '') FROM pg_database WHERE oid NOT IN (TABLE of_tests)
UNION ALL SELECT 'tablespace ' || spcname FROM pg_tablespace
UNION ALL SELECT 'setting ' || setdatabase || ' ' || setrole::regrole || ' ' || setconfig::text FROM pg_db_role_setting WHERE setdatabase NOT IN (TABLE of_tests)
UNION ALL SELECT 'parameter ' || parname || ' ' || paracl::text FROM pg_parameter_acl
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin
UNION ALL SELECT 'prepared ' || gid FROM pg_prepared_xacts
UNION ALL SELECT 'label ' || label FROM pg_shseclabel
UNION ALL SELECT 'comment ' || description FROM pg_shdescription
UNION ALL SELECT 'file ' || sourcefile || ' ' || name || ' ' || setting FROM pg_file_settings
ORDER BY 1;
