/*
 * Who calls, and which bots the caller may see: the policies of row-level security ask
 * here.
 *
 * A token sees the bot of its claim, or the bots granted to the role of its login.  All
 * other roles see the bots that were granted to them (grant.c).  A shared link lives
 * longer than other tokens: it sees its bot for as long as the key with which it was made
 * does (api_key.c).
 */
#include "access/access.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(ks_visible_bots);

/* The key of a shared link, as found in the session's last transaction that used one. */
static struct
{
	TimestampTz transaction;	/* when that transaction began */
	char		key[KS_KEY_PREFIX_LENGTH + 1];
	int64		bot;
	bool		opens;
}			shared;

/* ------------------------------------------------------------------------
 * Settings, into which PostgREST puts what it knows of a request
 * ------------------------------------------------------------------------
 */

/* Returns a member of the JSON object in a setting, as text or as JSON; NULL if either is missing. */
char *
ks_setting_member(const char *setting, const char *member, PGFunction field)
{
	LOCAL_FCINFO(fcinfo, 2);
	const char *json = GetConfigOption(setting, true, false);
	Datum		value;

	/* a setting that was local to an earlier transaction is empty, not missing */
	if (json == NULL || json[0] == '\0')
		return NULL;
	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(json);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = CStringGetTextDatum(member);
	fcinfo->args[1].isnull = false;
	value = field(fcinfo);
	return fcinfo->isnull ? NULL : TextDatumGetCString(value);
}

static char *
claim(const char *name)
{
	return ks_setting_member("request.jwt.claims", name, json_object_field_text);
}

/* Returns a claim of the token; NULL unless it is a string. */
char *
ks_claimed_string(const char *name)
{
	char	   *json = ks_setting_member("request.jwt.claims", name, json_object_field);

	return json != NULL && json[0] == '"' ? claim(name) : NULL;
}

/* Converts a part of a URL, which is UTF-8, to the database's encoding. */
char *
ks_from_url(const char *text)
{
	return pg_any_to_server(pstrdup(text), (int) strlen(text), PG_UTF8);
}

/* ------------------------------------------------------------------------
 * Claims
 * ------------------------------------------------------------------------
 */

bool
ks_acts_as(const char *name)
{
	Oid			role = get_role_oid(name, true);

	return OidIsValid(role) && role == GetUserId();
}

static bool
is_role_of_links(void)
{
	return ks_acts_as(KS_ROLE_GUEST);
}

/*
 * Whether the current role is one of the two for tokens.  Anybody can write into the
 * setting that has the claims, but only PostgREST, which has checked a token, can become
 * one of these roles.
 */
bool
ks_is_role_of_tokens(void)
{
	return ks_acts_as(KS_ROLE_USER) || is_role_of_links();
}

/*
 * Whether a token is for this API and expires.  PostgREST refuses a token that has expired
 * or is for another audience, but not one without these claims: such a token would be
 * valid for ever, or was signed for another purpose.
 */
static bool
is_token_of_ours(void)
{
	char	   *expires = claim("exp");
	char	   *audience = claim("aud");

	return expires != NULL && audience != NULL && strcmp(audience, KS_AUDIENCE) == 0;
}

/* Reads the bot of a claim.  If it is no string, it must be an integer: true or 2.0 is no bot's id. */
static bool
claimed_number(int64 *bot)
{
	char	   *text = claim("bot");

	return text != NULL && text[0] != '\0' && strlen(text) <= KS_BOT_ID_MAX && !ks_bot_derive(text, strlen(text), bot);
}

/* Whether the key with which a link was made still opens the bot; looked up once in a transaction. */
static bool
is_link_open(int64 bot)
{
	TimestampTz transaction = GetCurrentTransactionStartTimestamp();
	char	   *key = ks_claimed_string("key");

	if (key == NULL || strlen(key) != KS_KEY_PREFIX_LENGTH)
		return false;
	if (shared.transaction != transaction || shared.bot != bot || strcmp(shared.key, key) != 0)
	{
		shared.transaction = 0;
		shared.opens = ks_key_opens(key, bot);
		shared.bot = bot;
		strlcpy(shared.key, key, sizeof(shared.key));
		shared.transaction = transaction;
	}
	return shared.opens;
}

/* Finds the bot of the token that the request came with. */
bool
ks_claimed_bot(int64 *bot)
{
	char	   *id;

	if (!ks_is_role_of_tokens())
		return false;
	id = ks_claimed_string("bot");
	if (id == NULL ? !claimed_number(bot) : !ks_bot_named(id, bot))
		return false;
	return is_token_of_ours() && (!is_role_of_links() || is_link_open(*bot));
}

/* Finds the role of the token's login; a bot's token has none. */
bool
ks_claimed_login(Oid *role)
{
	char	   *login = ks_acts_as(KS_ROLE_USER) ? ks_claimed_string("login") : NULL;

	if (login == NULL || claim("bot") != NULL || !is_token_of_ours())
		return false;
	*role = get_role_oid(ks_from_url(login), true);
	return OidIsValid(*role);
}

/* Whether the request came with a shared link, valid or not. */
bool
ks_is_link(void)
{
	return is_role_of_links();
}

bool
ks_is_login(void)
{
	Oid			role;

	return ks_claimed_login(&role);
}

/* Finds the bot of an id in the database's encoding; false if no bot can have it. */
bool
ks_bot_named(const char *id, int64 *bot)
{
	size_t		length = strlen(id);

	if (length == 0 || length > KS_BOT_ID_MAX)
		return false;
	*bot = ks_bot_number(id, length);
	return true;
}

/* visible_bots(): the bots that the caller sees, ascending */
Datum
ks_visible_bots(PG_FUNCTION_ARGS)
{
	int64		bot;
	Oid			role;

	if (!ks_is_role_of_tokens())
		PG_RETURN_ARRAYTYPE_P(ks_granted_bots(GetUserId()));
	if (ks_claimed_login(&role))
		PG_RETURN_ARRAYTYPE_P(ks_granted_bots(role));
	PG_RETURN_ARRAYTYPE_P(ks_array_of_bots(&bot, ks_claimed_bot(&bot) ? 1 : 0));
}
