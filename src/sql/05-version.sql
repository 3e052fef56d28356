-- The library's version, and how the script tells what it creates.

CREATE FUNCTION kindly_stats.library_version() RETURNS text
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_library_version';
COMMENT ON FUNCTION kindly_stats.library_version() IS
'version of the library that this session has loaded

That of the objects in this database is pg_extension.extversion; ALTER EXTENSION kindly_stats UPDATE brings them up to it.';

CREATE FUNCTION kindly_stats.require_library() RETURNS void
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_require_library';
REVOKE EXECUTE ON FUNCTION kindly_stats.require_library() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_library() IS 'internal: refuses a library that is older than the objects of this database (55000)';
SELECT kindly_stats.require_library();

CREATE FUNCTION kindly_stats.announce(message text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_announce';
REVOKE EXECUTE ON FUNCTION kindly_stats.announce(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.announce(text) IS 'internal: a notice in the middle of CREATE EXTENSION, for whoever is shown notices';
