--
-- API keys, the tokens that they are exchanged for, and the secret that signs them
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_key;
CREATE DATABASE regression_kindly_key;
\c regression_kindly_key
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SELECT FROM kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();

-- GET /api/v2/bot/<BOT_ID>/sage/auth, as the proxy hands it on: the token, or the error
CREATE FUNCTION pg_temp.auth(bot text, key text, query text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-original-uri', concat('/api/v2/bot/', bot, '/sage/auth', query), 'x-api-key', key)::text, true);
	RETURN kindly_api.auth() ->> 'jwt';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- before there is any key, and any secret
SET ROLE kindly_api_anonymous;
SELECT pg_temp.auth('42', 'ks_0123456789ab_0123456789012345678901234567890123456789012');
RESET ROLE;
SELECT kindly_stats.create_api_key(42, 'first') AS key \gset
SET ROLE kindly_api_anonymous;
SELECT pg_temp.auth('42', :'key');
RESET ROLE;
SELECT kindly_stats.create_signing_secret();

-- a key is shown once: what is kept is its hash
SELECT :'key' ~ '^ks_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$' AS well_formed;
SELECT prefix = substr(:'key', 4, 12) AS prefix, bot_id, label, hash = sha256(:'key'::bytea) AS hashed, expires_at, revoked_at FROM kindly_stats.api_key;
SELECT count(*) FROM kindly_stats.api_key AS k WHERE k::text ~ substr(:'key', 17);
SELECT bot_id, label, created_at <= now() AS created, expires_at, revoked_at, is_valid FROM kindly_stats.api_keys();
-- no two are alike
SELECT count(DISTINCT substr(k, 4, 12)), count(DISTINCT substr(k, 17)), count(DISTINCT c) AS characters
  FROM (SELECT kindly_stats.create_api_key(7) AS k FROM generate_series(1, 200)) AS s, regexp_split_to_table(substr(k, 17), '') AS c;
SELECT kindly_stats.create_api_key(NULL);
SELECT kindly_stats.create_api_key(42, lifetime => '-1 day');
SELECT kindly_stats.create_api_key(42, lifetime => '0');
SELECT kindly_stats.create_api_key(42, lifetime => '1 month -31 days') IS NULL;
SELECT kindly_stats.random_text(0) = '' AS empty, length(kindly_stats.random_text(1024)) AS longest;
SELECT kindly_stats.random_text(-1);
SELECT kindly_stats.random_text(1025);

-- the token, and its signature computed anew after RFC 2104; the secret is as long as a block
CREATE FUNCTION pg_temp.bytes(base64url text) RETURNS bytea LANGUAGE sql AS $$
	SELECT decode(translate(base64url, '-_', '+/') || repeat('=', -length(base64url) & 3), 'base64')
$$;
CREATE FUNCTION pg_temp.xored(secret text, value integer) RETURNS bytea LANGUAGE sql AS $$
	SELECT string_agg(set_byte('\x00', 0, get_byte(secret::bytea, i) # value), '' ORDER BY i) FROM generate_series(0, 63) AS i
$$;
CREATE FUNCTION pg_temp.signed(token text, secret text) RETURNS boolean LANGUAGE sql AS $$
	SELECT length(secret) = 64 AND pg_temp.bytes(split_part(token, '.', 3))
		   = sha256(pg_temp.xored(secret, 92) || sha256(pg_temp.xored(secret, 54) || convert_to(split_part(token, '.', 1) || '.' || split_part(token, '.', 2), 'UTF8')))
$$;
CREATE FUNCTION pg_temp.claims(token text) RETURNS json LANGUAGE sql AS $$ SELECT convert_from(pg_temp.bytes(split_part(token, '.', 2)), 'UTF8')::json $$;
CREATE FUNCTION pg_temp.exchange(bot bigint, key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	token text;
BEGIN
	SET LOCAL ROLE kindly_api_anonymous;
	token := pg_temp.auth(bot::text, key);
	RESET ROLE;
	RETURN token;
END $$;
SELECT pg_temp.exchange(42, :'key') AS token \gset
SELECT convert_from(pg_temp.bytes(split_part(:'token', '.', 1)), 'UTF8') AS header, array_length(string_to_array(:'token', '.'), 1) AS parts;
SELECT json_object_keys(c) AS claim FROM pg_temp.claims(:'token') AS c;
SELECT c ->> 'bot' AS bot, c ->> 'role' AS role, (c ->> 'exp')::bigint - (c ->> 'iat')::bigint AS lifetime, abs((c ->> 'iat')::bigint - extract(epoch FROM clock_timestamp())) < 60 AS now FROM pg_temp.claims(:'token') AS c;
SELECT pg_temp.signed(:'token', kindly_stats.signing_secret()), pg_temp.signed(:'token', repeat('x', 64)) AS with_another_secret;
SELECT pg_temp.signed(pg_temp.exchange(b, k), kindly_stats.signing_secret()), pg_temp.claims(pg_temp.exchange(b, k)) ->> 'bot' AS bot
  FROM (SELECT b, kindly_stats.create_api_key(b) AS k FROM unnest(ARRAY[-9223372036854775808, 9223372036854775807, 0]) AS b) AS s;
SET kindly_stats.token_lifetime = '1min';
SELECT (c ->> 'exp')::bigint - (c ->> 'iat')::bigint AS lifetime FROM pg_temp.claims(pg_temp.exchange(42, :'key')) AS c;
-- how many seconds that is stands beside the token
SELECT json_object_keys(a) AS member, a ->> 'ttl' AS ttl, (c ->> 'exp')::bigint - (c ->> 'iat')::bigint AS lifetime
  FROM (SELECT set_config('request.headers', json_build_object('x-original-uri', '/api/v2/bot/42/sage/auth', 'x-api-key', :'key')::text, false) IS NOT NULL OFFSET 0) AS h (set),
	   LATERAL (SELECT kindly_api.auth() WHERE h.set) AS t (a), pg_temp.claims(a ->> 'jwt') AS c;
\set VERBOSITY sqlstate
SET kindly_stats.token_lifetime = '9s';
\set VERBOSITY default
RESET kindly_stats.token_lifetime;
SET ROLE kindly_api_anonymous;
SET kindly_stats.token_lifetime = '1d';
-- nobody else's to keep
SELECT length(pg_temp.auth('42', :'key')) > 100 AS token, current_setting('response.headers') AS headers;
-- with the scheme's name, in a read-only transaction, as GET is
BEGIN READ ONLY;
SELECT pg_temp.auth('42', 'Bearer ' || :'key') ~ '^eyJ' AS with_scheme, pg_temp.auth('42', 'bearer ' || :'key') ~ '^eyJ' AS in_lower_case;
ROLLBACK;

-- keys that are none: 401; of another bot: 403; paths and parameters
SELECT n, pg_temp.auth('42', k) FROM (VALUES (1, NULL), (2, ''), (3, 'Bearer '), (4, 'x'), (5, 'ks_'), (6, substr(:'key', 1, 15)), (7, substr(:'key', 1, 16)), (8, :'key' || 'x'), (9, left(:'key', -1)),
	(10, ' ' || :'key'), (11, upper(:'key')), (12, 'ks_000000000000' || substr(:'key', 16)), (13, substr(:'key', 1, 16) || repeat('A', 43)), (14, 'xx_' || substr(:'key', 4)),
	(15, 'blåbær' || :'key'), (16, substr(:'key', 1, 14) || 'å' || substr(:'key', 16)), (17, repeat('x', 100000)), (18, 'Basic ' || :'key'), (19, ''' OR true --')) AS v (n, k) ORDER BY n;
SELECT pg_temp.auth('43', :'key'), pg_temp.auth('43', 'ks_' || repeat('0', 56));
SELECT bot, pg_temp.auth(bot, :'key') FROM (VALUES ('x'), ('042'), (''), ('42/..'), ('42%00'), ('%34%32x')) AS v (bot);
SELECT pg_temp.auth('%34%32', :'key') ~ '^eyJ' AS the_same_path, pg_temp.auth('42', :'key', '?') ~ '^eyJ' AS no_parameter, pg_temp.auth('42', :'key', '?granularity=day&limit=10&sources[]=web&language_code=') ~ '^eyJ' AS ignored, pg_temp.auth('42', :'key', '?from=2019-07-01&x[]&limit[]=1'), pg_temp.auth('42', :'key', '/');
SELECT set_config('request.headers', '', false) IS NULL AS set;
SELECT kindly_api.auth();
SELECT set_config('request.headers', '{"x-original-uri":"/api/v1/stats/bot/42/sessions/chats"}', false) IS NULL AS set;
SELECT kindly_api.auth();
RESET ROLE;

-- exchange(): the proxy asks whose a key is that came in the place of a token, and gets one for a minute, whatever a client's would be
CREATE FUNCTION pg_temp.direct(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	headers text;
	token text;
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-api-key', key)::text, true);
	headers := concat_ws(' ', kindly_api.exchange(), current_setting('response.headers'));
	token := substring(headers FROM '"X-Kindly-Token": "([^"]*)"');
	RETURN concat_ws(' ', replace(replace(headers, token, '...'), substr(key, 4, 12), '<prefix>'), pg_temp.claims(token) ->> 'bot', pg_temp.claims(token) ->> 'key' = substr(key, 4, 12),
		(pg_temp.claims(token) ->> 'exp')::bigint - (pg_temp.claims(token) ->> 'iat')::bigint);
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
SET ROLE kindly_api_anonymous;
SELECT pg_temp.direct(:'key');
BEGIN READ ONLY;
SELECT pg_temp.direct(:'key') ~ '^{"bot":42}' AS reads_only;
ROLLBACK;
SELECT n, pg_temp.direct(k) FROM (VALUES (1, NULL), (2, ''), (3, 'x'), (4, 'ks_' || repeat('0', 56)), (5, left(:'key', -1)), (6, :'key' || 'x'), (7, substr(:'key', 1, 16) || repeat('A', 43)), (8, substr(:'key', 4))) AS v (n, k) ORDER BY n;
RESET ROLE;

-- revoked and expired
SELECT kindly_stats.create_api_key(42, 'brief', '1 hour') AS brief \gset
SELECT expires_at = created_at + interval '1 hour' AS expires, is_valid FROM kindly_stats.api_keys(42) WHERE label = 'brief';
SELECT pg_temp.exchange(42, :'brief') ~ '^eyJ' AS before;
UPDATE kindly_stats.api_key SET expires_at = now() WHERE label = 'brief';
SELECT pg_temp.exchange(42, :'brief');
SELECT pg_temp.exchange(43, :'brief') AS tells_no_more, pg_temp.direct(:'brief');
SELECT kindly_stats.revoke_api_key(substr(:'key', 4, 12));
SELECT pg_temp.exchange(42, :'key'), pg_temp.direct(:'key');
SELECT revoked_at AS first_time FROM kindly_stats.api_key WHERE label = 'first' \gset
SELECT kindly_stats.revoke_api_key(substr(:'key', 4, 12));
SELECT revoked_at = :'first_time' AS stays FROM kindly_stats.api_key WHERE label = 'first';
-- who revokes a whole key has it nowhere in a message
SELECT kindly_stats.create_api_key(42, 'whole') AS whole \gset
SELECT kindly_stats.revoke_api_key(:'whole');
SELECT kindly_stats.revoke_api_key('ks_000000000000_secret');
SELECT kindly_stats.revoke_api_key('nonesuch');
SELECT kindly_stats.revoke_api_key(NULL);
SELECT label, revoked_at IS NOT NULL AS revoked, is_valid FROM kindly_stats.api_keys(42) WHERE label IS NOT NULL ORDER BY created_at;

-- the secret: made once, replaced on demand; in no setting, and with nobody but its owner
SELECT length(kindly_stats.signing_secret()) AS length, kindly_stats.signing_secret() ~ '^[A-Za-z0-9_-]+$' AS plain;
SELECT kindly_stats.signing_secret() AS secret \gset
SELECT kindly_stats.create_signing_secret();
SELECT kindly_stats.signing_secret() = :'secret' AS the_same;
SELECT kindly_stats.create_api_key(42, 'third') AS key \gset
SELECT pg_temp.exchange(42, :'key') AS token \gset
SELECT kindly_stats.rotate_signing_secret();
SELECT kindly_stats.signing_secret() = :'secret' AS the_same, pg_temp.signed(:'token', kindly_stats.signing_secret()) AS old_token, pg_temp.signed(pg_temp.exchange(42, :'key'), kindly_stats.signing_secret()) AS new_token;
SELECT count(*) FROM kindly_stats.api_secret;
SELECT count(*) FROM pg_settings WHERE strpos(setting, kindly_stats.signing_secret()) > 0;
SELECT count(*) FROM pg_db_role_setting WHERE strpos(setconfig::text, kindly_stats.signing_secret()) > 0;
\set VERBOSITY terse
INSERT INTO kindly_stats.api_secret (secret) VALUES (repeat('x', 64));
UPDATE kindly_stats.api_secret SET secret = 'short';
\set VERBOSITY default
SELECT r, t, has_table_privilege(r, 'kindly_stats.' || t, 'SELECT') AS reads
  FROM unnest(ARRAY['public', 'kindly_api_user', 'kindly_api_anonymous', 'kindly_api_authenticator', 'pg_monitor']) AS r, unnest(ARRAY['api_secret', 'api_key', 'bot_grant']) AS t
 WHERE has_table_privilege(r, 'kindly_stats.' || t, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER');
SELECT f FROM unnest(ARRAY['signing_secret()', 'create_signing_secret()', 'rotate_signing_secret()', 'create_api_key(kindly_stats.bot_id, text, interval)', 'revoke_api_key(text)', 'api_keys(kindly_stats.bot_id)', 'random_text(integer)']) AS f
 WHERE has_function_privilege('public', 'kindly_stats.' || f, 'EXECUTE');

-- a table of the caller's own is not taken for one of these
CREATE SCHEMA evil;
GRANT ALL ON SCHEMA evil TO PUBLIC;
SET ROLE kindly_api_anonymous;
CREATE TABLE evil.api_key (prefix text, bot_id bigint, label text, hash bytea, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz);
INSERT INTO evil.api_key VALUES ('000000000000', 42, NULL, sha256('ks_000000000000_x'), now());
CREATE TABLE evil.api_secret (secret text);
INSERT INTO evil.api_secret VALUES (repeat('x', 64));
CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
SET search_path = evil, pg_catalog, public;
SELECT pg_temp.auth('42', 'ks_000000000000_x');
SELECT pg_temp.auth('42', :'brief');
RESET ROLE;
RESET search_path;
-- a key of a role opens the bots that were granted to it, as they are at the time
CREATE ROLE regress_kindly_login NOLOGIN;
SELECT kindly_stats.create_login_key('regress_kindly_login', 'a team') AS login \gset
SELECT kindly_stats.create_login_key(NULL);
SELECT kindly_stats.create_login_key('regress_kindly_nobody');
SELECT kindly_stats.create_login_key('regress_kindly_login', lifetime => '-1 day');
SELECT bot_id, login, label, is_valid FROM kindly_stats.api_keys() WHERE login IS NOT NULL;
SELECT kindly_stats.grant_bot('regress_kindly_login', 42), kindly_stats.grant_bot('regress_kindly_login', 43);
CREATE FUNCTION pg_temp.named_claims(jwt text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE WHEN jwt ~ '^[^.]+[.][^.]+[.]' THEN convert_from(pg_temp.bytes(split_part(jwt, '.', 2)), 'UTF8')::jsonb - '{iat,exp,key}'::text[] ELSE to_jsonb(jwt) END
$$;
CREATE FUNCTION pg_temp.login(key text, query text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-original-uri', concat('/api/native/login', query), 'x-api-key', key)::text, true);
	RETURN pg_temp.named_claims(kindly_api.auth() ->> 'jwt');
EXCEPTION WHEN OTHERS THEN
	RETURN to_jsonb(concat_ws(' | ', SQLSTATE, SQLERRM));
END $$;
CREATE FUNCTION pg_temp.asked(claims text, question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true), set_config('request.method', 'POST', true);
	EXECUTE question INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
SET ROLE kindly_api_anonymous;
SELECT pg_temp.login(:'login');
SELECT pg_temp.login(:'login', '?bot=43'), pg_temp.login(:'login', '?bot=44'), pg_temp.login(:'login', '?cat=1'), pg_temp.login(:'key');
SELECT pg_temp.named_claims(pg_temp.auth('43', :'login')), pg_temp.auth('44', :'login');
RESET ROLE;
-- whose token sees these, and no others
SET ROLE kindly_api_user;
SELECT pg_temp.asked('{"login":"regress_kindly_login","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()') AS all,
	   pg_temp.asked('{"login":"regress_kindly_login","bot":44,"exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()') AS one,
	   pg_temp.asked('{"login":"regress_kindly_login","aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()') AS endless,
	   pg_temp.asked('{"login":"regress_kindly_nobody","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()') AS nobody,
	   pg_temp.asked('{"login":7,"exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()') AS nonsense;
SELECT pg_temp.asked('{"login":"regress_kindly_login","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.require_bot(' || b || ')') FROM unnest('{42,44,NULL}'::text[]) AS b (b) WHERE b IS NOT NULL;
SELECT pg_temp.asked('{"login":"regress_kindly_login","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.require_bot(NULL)');
RESET ROLE;
SELECT kindly_stats.revoke_bot('regress_kindly_login', 43);
SET ROLE kindly_api_user;
SELECT pg_temp.asked('{"login":"regress_kindly_login","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()');
RESET ROLE;
-- nobody else is believed: not who has no token, nor who logs in by himself, nor a link
SET ROLE kindly_api_anonymous;
SELECT pg_temp.asked('{"login":"regress_kindly_login","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()');
RESET ROLE;
SET ROLE kindly_api_guest;
SELECT pg_temp.asked('{"login":"regress_kindly_login","exp":1,"aud":"kindly_stats"}', 'SELECT kindly_stats.visible_bots()');
RESET ROLE;

-- a link lives as long as its key, and sees the bot of its key
SET ROLE kindly_api_user;
SELECT pg_temp.named_claims(pg_temp.asked(format('{"bot":42,"key":"%s","exp":1,"aud":"kindly_stats"}', substr(:'key', 4, 12)), $$SELECT kindly_api.share(42, '1 day') ->> 'token'$$));
SELECT pg_temp.asked(format('{"bot":42,"key":"%s","exp":1,"aud":"kindly_stats"}', substr(:'key', 4, 12)), q)
  FROM unnest(ARRAY[$$SELECT kindly_api.share(43, '1 day')$$, $$SELECT kindly_api.share(42, '367 days')$$, $$SELECT kindly_api.share(42, '59 s')$$, $$SELECT kindly_api.share(42, NULL)$$]) AS q;
SELECT pg_temp.asked('{"bot":42,"key":"000000000000","exp":1,"aud":"kindly_stats"}', $$SELECT kindly_api.share()$$), pg_temp.asked('{"bot":42,"exp":1,"aud":"kindly_stats"}', $$SELECT kindly_api.share()$$);
RESET ROLE;
SET ROLE kindly_api_guest;
BEGIN;
SELECT pg_temp.asked(format('{"bot":%s,"key":"%s","exp":1,"aud":"kindly_stats"}', b, substr(:'key', 4, 12)), 'SELECT kindly_stats.visible_bots()') FROM unnest('{42,43}'::int[]) AS b;
COMMIT;
SELECT pg_temp.asked(format('{"bot":%s,"key":"%s","exp":1,"aud":"kindly_stats"}', b, substr(:'login', 4, 12)), 'SELECT kindly_stats.visible_bots()') FROM unnest('{42,43}'::int[]) AS b;
RESET ROLE;
SELECT kindly_stats.revoke_api_key(:'login');
SET ROLE kindly_api_guest;
SELECT pg_temp.asked(format('{"bot":42,"key":"%s","exp":1,"aud":"kindly_stats"}', substr(:'login', 4, 12)), 'SELECT kindly_stats.visible_bots()');
-- and has rights on few functions, and no dialect
SELECT string_agg(p.oid::regprocedure::text, ' ' ORDER BY p.proname) FROM pg_proc AS p WHERE p.pronamespace = 'kindly_api'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE');
SELECT string_agg(n.nspname, ' ' ORDER BY n.nspname) FROM pg_namespace AS n WHERE n.nspname ~ '^(kindly|sage|chatbot|logic|ultimate|bi$)' AND has_schema_privilege(n.oid, 'USAGE');
RESET ROLE;
DROP OWNED BY regress_kindly_login;
DROP ROLE regress_kindly_login;

-- keys and the secret outlive the extension
DROP EXTENSION kindly_stats CASCADE;
CREATE EXTENSION kindly_stats;
SELECT FROM kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();
SELECT pg_temp.signed(pg_temp.exchange(42, :'key'), kindly_stats.signing_secret());

\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_key;
-- they may serve other databases of the cluster
DO $$ BEGIN DROP ROLE kindly_api_authenticator, kindly_api_anonymous, kindly_api_user, kindly_api_guest; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$;
