/*
 * API keys and the tokens that they are exchanged for.
 *
 * A key is ks_<prefix>_<secret>: the prefix is shown in lists, and only a hash
 * of the whole is stored.  Keys are random, so the hash needs neither salt nor
 * stretching.  A token is a JSON Web Token signed with HMAC-SHA-256.  Sage's
 * programs exchange their key themselves; for those of the other systems, which
 * send the key with each request, the proxy does.
 */
#include "http/http.h"
#include "http/route.h"

#include "access/access.h"
#include "base/compat.h"
#include "base/statement.h"
#include "rollup/rollup.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_random_text);
PG_FUNCTION_INFO_V1(ks_auth);
PG_FUNCTION_INFO_V1(ks_exchange);
PG_FUNCTION_INFO_V1(ks_share_link);
PG_FUNCTION_INFO_V1(ks_require_bot);

/* Setting kindly_stats.token_lifetime, in seconds. */
int			ks_token_lifetime = 600;

#define KEY_START "ks_"

#define AUTH_PATH "/api/v2/bot/:bot/sage/auth"
#define LOGIN_PATH "/api/native/login"
#define BEARER "bearer "

/*
 * Lifetime in seconds of a token that only the proxy gets: longer than the proxy
 * keeps it, and longer than the clocks of two machines differ.
 */
#define PROXY_TOKEN_LIFETIME 60

/* How long a link may live: at least so many seconds, at most so many days. */
#define SHARED_LEAST 60
#define SHARED_MOST 366

/* The digits of base64url, as in JSON Web Tokens; each stands for six bits. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* What a key was exchanged for. */
typedef struct exchanged
{
	int64		bot_id;
	char		prefix[KS_KEY_PREFIX_LENGTH + 1];
	StringInfoData token;
} exchanged;

/* ------------------------------------------------------------------------
 * Bytes and texts
 * ------------------------------------------------------------------------
 */

/* random_text(length): that many random digits of base64url. */
Datum
ks_random_text(PG_FUNCTION_ARGS)
{
	int32		length = PG_GETARG_INT32(0);
	char	   *text;
	int			i;

	if (length < 0 || length > 1024)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"length\" must lie between 0 and 1024, not %d", length)));
	text = palloc(length + 1);
	if (!pg_strong_random(text, length))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (i = 0; i < length; i++)
		text[i] = digits[text[i] & 63];
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}

/* base64url without padding */
static void
append_base64(StringInfo out, const uint8 *bytes, size_t length)
{
	uint32		bits = 0;
	int			count = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		bits = bits << 8 | bytes[i];
		for (count += 8; count >= 6; count -= 6)
			appendStringInfoChar(out, digits[bits >> (count - 6) & 63]);
	}
	if (count > 0)
		appendStringInfoChar(out, digits[bits << (6 - count) & 63]);
}

static void
hash_text(const char *text, uint8 *hash)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(context);
}

static void
sign_text(const char *text, size_t length, const char *secret, uint8 *signature)
{
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);

	if (context == NULL || pg_hmac_init(context, (const uint8 *) secret, strlen(secret)) < 0 ||
		pg_hmac_update(context, (const uint8 *) text, length) < 0 ||
		pg_hmac_final(context, signature, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute HMAC-SHA-256");
	pg_hmac_free(context);
}

/* In constant time, so that it does not reveal how far they agree. */
static bool
same_bytes(const uint8 *a, const uint8 *b, size_t length)
{
	volatile uint8 difference = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/* ------------------------------------------------------------------------
 * Keys and the secret
 * ------------------------------------------------------------------------
 */

static char *
read_secret(void)
{
	if (!ks_read_as_owner("api_secret", "SELECT s.secret FROM kindly_stats.api_secret AS s", NULL))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no secret to sign tokens with"),
				 errhint("Make one with kindly_stats.create_signing_secret().")));
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* A text as a string of JSON, in UTF-8 whatever the database has. */
static char *
string_claim(const char *text)
{
	StringInfoData claim;

	initStringInfo(&claim);
	escape_json(&claim, pg_server_to_any(text, (int) strlen(text), PG_UTF8));
	return claim.data;
}

/* A bot's id as the value of a claim: an integer as a number, a text as a string. */
static char *
bot_claim(const char *id)
{
	int64		number;

	if (!ks_bot_derive(id, strlen(id), &number))
		return psprintf("\"bot\":" INT64_FORMAT, number);
	return psprintf("\"bot\":%s", string_claim(ks_bot_canonical(id)));
}

static char *
login_claim(const char *role)
{
	return psprintf("\"login\":%s", string_claim(role));
}

/*
 * A token with this claim, expiring then.  It names its key by the prefix, so
 * that all tokens of one key count as one program's.
 */
static void
append_token(StringInfo out, const char *whose, const char *prefix, const char *role, int64 expires, const char *secret)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	int64		now = (int64) timestamptz_to_time_t(GetCurrentTimestamp());
	char	   *claims = psprintf("{%s,\"key\":\"%s\",\"role\":\"%s\",\"aud\":\"" KS_AUDIENCE "\",\"iat\":" INT64_FORMAT ",\"exp\":" INT64_FORMAT "}",
								  whose, prefix, role, now, expires);
	uint8		signature[PG_SHA256_DIGEST_LENGTH];
	int			start = out->len;

	append_base64(out, (const uint8 *) header, strlen(header));
	appendStringInfoChar(out, '.');
	append_base64(out, (const uint8 *) claims, strlen(claims));
	sign_text(out->data + start, out->len - start, secret, signature);
	appendStringInfoChar(out, '.');
	append_base64(out, signature, sizeof(signature));
}

/* ------------------------------------------------------------------------
 * auth() and exchange()
 * ------------------------------------------------------------------------
 */

static bool
known_to_sage(const void *context, const ks_url_parameter *parameter)
{
	return ks_route_takes(ks_sage_parameters, parameter);
}

static bool
known_to_login(const void *context, const ks_url_parameter *parameter)
{
	return ks_route_takes((const ks_route_parameter *) context, parameter);
}

/*
 * The id that is asked for: the one in the path of the documented address, or on the
 * page's own address the parameter bot; NULL for whatever the key opens.
 */
static const char *
asked_bot(bool *is_login)
{
	static const ks_route_parameter login_parameters[] = {{"bot", "bot", false}, {NULL}};
	ks_url	   *url = ks_http_target();
	const char *id = NULL;
	int64		bot;

	*is_login = ks_route_matches(LOGIN_PATH, url);
	if (*is_login)
	{
		ks_refuse_parameters(url, known_to_login, login_parameters, "This endpoint knows bot.");
		if (url->nparameters > 0)
			id = ks_from_url(url->parameters[0].value);
		if (id != NULL && !ks_bot_named(id, &bot))
			ks_refuse(404, "no such bot", "A bot is named by its id.");
		return id;
	}
	if (!ks_route_matches(AUTH_PATH, url) || !ks_bot_named(id = ks_from_url(url->segments[3]), &bot))
		ks_refuse(404, "no such endpoint", "Tokens are given at /api/v2/bot/<BOT_ID>/sage/auth.");
	ks_refuse_parameters(url, known_to_sage, NULL, "This endpoint knows no parameters.");
	return id;
}

/* The key as the client sent it, with or without the scheme's name. */
static const char *
sent_key(void)
{
	const char *text = ks_http_header(KS_HEADER_KEY);

	if (text != NULL && pg_strncasecmp(text, BEARER, strlen(BEARER)) == 0)
		text += strlen(BEARER);
	if (text == NULL || text[0] == '\0')
		ks_refuse(401, "an API key is needed", "Send the header Authorization: Bearer <API_KEY>.");
	return text;
}

/*
 * Exchanges a request's key for a token that lives this many seconds.  Anybody may
 * call it; the tables are read as their owner.  Only a caller with the complete key is
 * told that it was revoked, or that it belongs to another bot than the one asked for.
 * The token names the bot as it was asked for, or else the key's own.  For a login's
 * key it names the role where the page asks, and otherwise the one bot that was asked
 * for.
 */
static exchanged
exchange_key(const char *id, bool is_login, int lifetime)
{
	const char *text = sent_key();
	int64		now = (int64) timestamptz_to_time_t(GetCurrentTimestamp());
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	exchanged	result;
	ks_api_key		key = {0};
	int64		asked = 0;
	char	   *whose;

	initStringInfo(&result.token);
	hash_text(text, hash);
	ks_spi_connect();
	if (strlen(text) > strlen(KEY_START) + KS_KEY_PREFIX_LENGTH)
		ks_key_read(pnstrdup(text + strlen(KEY_START), KS_KEY_PREFIX_LENGTH), &key);
	if (!same_bytes(key.hash, hash, sizeof(hash)) || !key.valid)
		ks_refuse(401, "the API key is not valid", "It is unknown, expired or revoked.");
	if (id != NULL && !(ks_bot_named(id, &asked) && ks_key_is_for(&key, asked)))
		ks_refuse(403, "the API key is for another bot", "Ask for the token of the bot that the key was made for.");
	if (id == NULL && key.login != NULL && !is_login)
		ks_refuse(401, "the API key is for several bots", "Exchange it for a token of one of them: GET /api/v2/bot/<BOT_ID>/sage/auth.");
	result.bot_id = key.bot_id;
	strlcpy(result.prefix, text + strlen(KEY_START), sizeof(result.prefix));
	if (is_login && key.login != NULL)
		whose = login_claim(key.login);
	else if (is_login)
		whose = bot_claim(ks_bot_text(key.bot_id));
	else
		whose = bot_claim(id != NULL ? id : psprintf(INT64_FORMAT, key.bot_id));
	append_token(&result.token, whose, result.prefix, KS_ROLE_USER, now + lifetime, read_secret());
	SPI_finish();
	return result;
}

static exchanged
exchange_or_refuse(const char *id, bool is_login, int lifetime)
{
	MemoryContext memory = CurrentMemoryContext;
	exchanged	result = {0};

	PG_TRY();
	{
		result = exchange_key(id, is_login, lifetime);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		ks_refuse_for_now(error);
	}
	PG_END_TRY();
	return result;
}

/* auth(): the token is the client's. */
Datum
ks_auth(PG_FUNCTION_ARGS)
{
	bool		is_login;
	const char *id = asked_bot(&is_login);
	exchanged	given = exchange_or_refuse(id, is_login, ks_token_lifetime);

	/* nobody else may get this token */
	ks_http_response_headers("[{\"Cache-Control\": \"no-store\"}]");
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("{\"jwt\": \"%s\", \"ttl\": %d}", given.token.data, ks_token_lifetime)));
}

/* exchange(): the token is the proxy's, for a request that came with a key. */
Datum
ks_exchange(PG_FUNCTION_ARGS)
{
	exchanged	given = exchange_or_refuse(NULL, false, PROXY_TOKEN_LIFETIME);

	ks_http_response_headers(psprintf("[{\"X-Kindly-Bot\": \"" INT64_FORMAT "\"}, {\"X-Kindly-Key\": \"%s\"}, {\"X-Kindly-Token\": \"%s\"}]",
									  given.bot_id, given.prefix, given.token.data));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("{\"bot\":" INT64_FORMAT "}", given.bot_id)));
}

/* ------------------------------------------------------------------------
 * share()
 * ------------------------------------------------------------------------
 */

/* When a link expires that lives so long from now on, in seconds since 1970. */
static int64
link_end(Interval *lifetime)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), PointerGetDatum(lifetime)));

	if (end < now + SHARED_LEAST * USECS_PER_SEC || end > now + SHARED_MOST * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"lifetime\" must lie between a minute and %d days", SHARED_MOST)));
	return (int64) timestamptz_to_time_t(end);
}

/*
 * share(bot, lifetime): a token that reads the page's statistics of one bot, and
 * nothing else, for as long as its key is valid.  The caller needs a token that was
 * exchanged for a key.
 */
Datum
ks_share_link(PG_FUNCTION_ARGS)
{
	int64		bot = ks_token_bot(PG_ARGISNULL(0), PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0));
	char	   *key = ks_claimed_string("key");
	StringInfoData token;
	int64		end;

	/* no cache on the way may keep this answer */
	if (strcmp(ks_http_method(), "POST") != 0)
		ks_refuse(405, "method not allowed", "Use POST.");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"lifetime\" is missing")));
	end = link_end(PG_GETARG_INTERVAL_P(1));
	if (key == NULL || strlen(key) != KS_KEY_PREFIX_LENGTH || !ks_key_opens(key, bot))
		ks_refuse(403, "the key of this token cannot be shared", "It is expired or revoked, or the token was made without one.");
	initStringInfo(&token);
	ks_spi_connect();
	append_token(&token, bot_claim(ks_bot_text(bot)), key, KS_ROLE_GUEST, end, read_secret());
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("{\"token\": \"%s\", \"expires\": " INT64_FORMAT "}", token.data, end)));
}

/* ------------------------------------------------------------------------
 * The bot of a token
 * ------------------------------------------------------------------------
 */

/*
 * The bot that is asked for, by default the token's; a token gives access to no
 * other, a login's token only to the bots of its role.
 */
int64
ks_token_bot(bool is_default, int64 asked)
{
	int64		bot;
	Oid			role;

	if (ks_claimed_login(&role))
	{
		if (is_default)
			ks_refuse(400, "\"bot\" is missing", "The token is for several bots: say which.");
		if (!ks_role_sees(role, asked))
			ks_refuse_bot();
		return asked;
	}
	if (!ks_claimed_bot(&bot))
		ks_refuse_token();
	if (!is_default && asked != bot)
		ks_refuse_bot();
	return bot;
}

/*
 * require_bot(bot): the same, for any caller.  It fails without a token: a plan into
 * which a function was inlined for another role may get here without that function's
 * rights having been checked.
 */
Datum
ks_require_bot(PG_FUNCTION_ARGS)
{
	bool		is_default = PG_ARGISNULL(0);

	if (ks_acts_as(KS_ROLE_ANONYMOUS))
		ks_refuse_token();
	if (ks_is_role_of_tokens())
		PG_RETURN_INT64(ks_token_bot(is_default, is_default ? 0 : PG_GETARG_INT64(0)));
	if (is_default)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
