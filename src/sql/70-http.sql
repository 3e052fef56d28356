-- The schema that PostgREST exposes.  Nothing in it is for everybody: kindly_stats.create_api_roles() says who may call what.

CREATE SCHEMA kindly_api;
COMMENT ON SCHEMA kindly_api IS
'kindly_stats

Chatbot statistics of one bot, which the token says: exact time series, distinct counts and top lists in any time zone.';

CREATE FUNCTION kindly_api.request() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_request';
REVOKE EXECUTE ON FUNCTION kindly_api.request() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.request() IS
'answers a documented URL, such as /api/v1/stats/bot/<BOT_ID>/sessions/chats?from=...&to=...

The header x-original-uri, which the proxy sets, has path and query; the bot must be the token''s.
HTTP statuses: 400 for parameters that are unknown, missing, malformed or given twice; 401 without a token; 403 for another bot;
404 for unknown paths; 405 for other methods than GET; 414 for more than 8192 bytes.';

CREATE FUNCTION kindly_api.request_volatile() RETURNS json
    LANGUAGE C COST 1000 AS 'MODULE_PATHNAME', 'ks_request_volatile';
REVOKE EXECUTE ON FUNCTION kindly_api.request_volatile() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.request_volatile() IS
'answers a documented URL whose answer is written down: /api/v1/export/bot/<BOT_ID>/<YYYY-MM-DD>

As request(); the proxy turns GET into POST, which PostgREST lets write.';

CREATE FUNCTION kindly_api.auth() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_auth';
REVOKE EXECUTE ON FUNCTION kindly_api.auth() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.auth() IS
'gives a token for an API key: GET /api/v2/bot/<BOT_ID>/sage/auth

The header x-original-uri has the path, x-api-key the key; the proxy sets both, the key from Authorization: Bearer <API_KEY>.
The answer is {"jwt": "..."}, valid for kindly_stats.token_lifetime.
HTTP statuses: 401 for a key that is missing, unknown, expired or revoked; 403 for a key of another bot; 404 for other paths.';

CREATE FUNCTION kindly_stats.routes() RETURNS TABLE (path text, schema text, function text, parameter text, argument text, is_list boolean)
    LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 200 AS 'MODULE_PATHNAME', 'ks_list_routes';
COMMENT ON FUNCTION kindly_stats.routes() IS
'lists the documented URLs that kindly_api.request() answers

path: segments that begin with a colon stand for any; schema, function: what answers; parameter: of the query, argument: what it
becomes; is_list: it may come several times, with or without [].  A path without parameters has one row.';
