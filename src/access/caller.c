/*
 * Who calls, and which bots he may see: the policies of row-level security ask here.
 *
 * A token sees the bot of its claim, or the bots that were granted to the role
 * that it is a login of.  All other roles see the bots that were granted to them
 * (grant.c).  A link that is shared lives longer than other tokens: it sees its bot
 * for as long as the key that it was made with does (api_key.c).
 */
#include "access/access.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(ks_visible_bots);

/* The key of a shared link, as it was found in this session's last transaction that had one. */
static struct
{
	TimestampTz transaction;	/* when that began */
	char		key[KS_KEY_PREFIX_LENGTH + 1];
	int64		bot;
	bool		opens;
}			shared;

/* ------------------------------------------------------------------------
 * Settings, in which PostgREST puts what it knows of a request
 * ------------------------------------------------------------------------
 */

/* A member of the JSON object in a setting, as text or as JSON; NULL where either is missing. */
char *
ks_setting_member(const char *setting, const char *member, PGFunction field)
{
	LOCAL_FCINFO(fcinfo, 2);
	const char *json = GetConfigOption(setting, true, false);
	Datum		value;

	/* what was set locally in an earlier transaction is empty, not missing */
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

/* The same, if it is a string. */
char *
ks_claimed_string(const char *name)
{
	char	   *json = ks_setting_member("request.jwt.claims", name, json_object_field);

	return json != NULL && json[0] == '"' ? claim(name) : NULL;
}

/* A part of a URL, which is UTF-8, as the database has its texts. */
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
 * Anybody can write into the setting that has the claims; but only who connects
 * as PostgREST does, and has checked a token, becomes one of these roles.
 */
bool
ks_is_role_of_tokens(void)
{
	return ks_acts_as(KS_ROLE_USER) || is_role_of_links();
}

/*
 * PostgREST refuses a token that is expired or for another audience, but not one
 * that says nothing of either: such a token would be valid for ever, or would
 * have been signed for another purpose.
 */
static bool
is_token_of_ours(void)
{
	char	   *expires = claim("exp");
	char	   *audience = claim("aud");

	return expires != NULL && audience != NULL && strcmp(audience, KS_AUDIENCE) == 0;
}

/* A claim that is no string must be an integer: true or 2.0 is nobody's id. */
static bool
claimed_number(int64 *bot)
{
	char	   *text = claim("bot");

	return text != NULL && text[0] != '\0' && strlen(text) <= KS_BOT_ID_MAX && !ks_bot_derive(text, strlen(text), bot);
}

/* Whether the key that a link was made with still opens the bot: asked once a transaction. */
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

/* The bot of the token that the request came with. */
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

/* The role that the token is a login of, and that no bot's token names. */
bool
ks_claimed_login(Oid *role)
{
	char	   *login = ks_acts_as(KS_ROLE_USER) ? ks_claimed_string("login") : NULL;

	if (login == NULL || claim("bot") != NULL || !is_token_of_ours())
		return false;
	*role = get_role_oid(ks_from_url(login), true);
	return OidIsValid(*role);
}

/* Whether the request came with a link that was shared, valid or not. */
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

/* The bot of an id in the database's encoding; false where there can be none. */
bool
ks_bot_named(const char *id, int64 *bot)
{
	size_t		length = strlen(id);

	if (length == 0 || length > KS_BOT_ID_MAX)
		return false;
	*bot = ks_bot_number(id, length);
	return true;
}

/* visible_bots(): ascending */
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
