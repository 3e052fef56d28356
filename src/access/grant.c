/*
 * Which bots the caller may see: the policies of row-level security ask here.
 *
 * A token sees the bot of its claim, or the bots that were granted to the role
 * that it is a login of.  All other roles see the bots that were granted to them, or
 * to a role whose rights they have.  Their list is kept for the session until a
 * grant, a role or a membership changes.  A link that is shared lives longer than
 * other tokens: it sees its bot for as long as the key that it was made with does.
 */
#include "http/http.h"

#include "base/array.h"
#include "base/compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "rollup/rollup.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(ks_visible_bots);
PG_FUNCTION_INFO_V1(ks_is_one_of);
PG_FUNCTION_INFO_V1(ks_require_bot);
PG_FUNCTION_INFO_V1(ks_grants_changed);

/* What one role sees, as of a change count that no change has overtaken. */
static struct
{
	Oid			role;			/* InvalidOid: nothing is known */
	Oid			table;			/* kindly_stats.bot_grant, once it was read */
	ArrayType  *bots;			/* in TopMemoryContext */
	uint64		changes;
}			seen;

static uint64 changes = 1;

/* The key of a shared link, as it was found in this session's last transaction that had one. */
static struct
{
	TimestampTz transaction;	/* when that began */
	char		key[KS_KEY_PREFIX_LENGTH + 1];
	int64		bot;
	bool		opens;
}			shared;

/* ------------------------------------------------------------------------
 * Claims
 * ------------------------------------------------------------------------
 */

static bool
acts_as(const char *name)
{
	Oid			role = get_role_oid(name, true);

	return OidIsValid(role) && role == GetUserId();
}

static bool
is_role_of_links(void)
{
	return acts_as(KS_ROLE_GUEST);
}

/*
 * Anybody can write into the setting that has the claims; but only who connects
 * as PostgREST does, and has checked a token, becomes one of these roles.
 */
static bool
is_role_of_tokens(void)
{
	return acts_as(KS_ROLE_USER) || is_role_of_links();
}

/*
 * PostgREST refuses a token that is expired or for another audience, but not one
 * that says nothing of either: such a token would be valid for ever, or would
 * have been signed for another purpose.
 */
static bool
is_token_of_ours(void)
{
	char	   *expires = ks_http_claim("exp");
	char	   *audience = ks_http_claim("aud");

	return expires != NULL && audience != NULL && strcmp(audience, KS_AUDIENCE) == 0;
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

/* A claim that is no string must be an integer: true or 2.0 is nobody's id. */
static bool
claimed_number(int64 *bot)
{
	char	   *claim = ks_http_claim("bot");

	return claim != NULL && claim[0] != '\0' && strlen(claim) <= KS_BOT_ID_MAX && !ks_bot_derive(claim, strlen(claim), bot);
}

/* Whether the key that a link was made with still opens the bot: asked once a transaction. */
static bool
is_link_open(int64 bot)
{
	TimestampTz transaction = GetCurrentTransactionStartTimestamp();
	char	   *key = ks_http_claimed_string("key");

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
	char	   *claim;

	if (!is_role_of_tokens())
		return false;
	claim = ks_http_claimed_string("bot");
	if (claim == NULL ? !claimed_number(bot) : !ks_bot_named(claim, bot))
		return false;
	return is_token_of_ours() && (!is_role_of_links() || is_link_open(*bot));
}

/* The role that the token is a login of, and that no bot's token names. */
static bool
claimed_login(Oid *role)
{
	char	   *claim = acts_as(KS_ROLE_USER) ? ks_http_claimed_string("login") : NULL;

	if (claim == NULL || ks_http_claim("bot") != NULL || !is_token_of_ours())
		return false;
	*role = get_role_oid(ks_from_url(claim), true);
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

	return claimed_login(&role);
}

/* ------------------------------------------------------------------------
 * Grants
 * ------------------------------------------------------------------------
 */

static void
forget_table(Datum argument, Oid relid)
{
	if (relid == InvalidOid || relid == seen.table)
		changes++;
}

static void
forget_roles(Datum argument, int cacheid, uint32 hash)
{
	changes++;
}

static void
listen_to_changes(void)
{
	static bool listening = false;

	if (listening)
		return;
	CacheRegisterRelcacheCallback(forget_table, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_roles, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget_roles, (Datum) 0);
	listening = true;
}

static ArrayType *
array_of_bots(const int64 *bots, uint64 count)
{
	Datum	   *items = palloc((count + 1) * sizeof(Datum));
	uint64		i;

	for (i = 0; i < count; i++)
		items[i] = Int64GetDatum(bots[i]);
	return construct_array(items, (int) count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/*
 * The bots granted to a role, ascending.  Grants hold from when they are made,
 * whatever snapshot the caller's query has, as those of PostgreSQL do; and a list
 * that is kept must not be older than the changes that were heard of.
 */
static ArrayType *
read_grants(Oid table, Oid role)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext old;
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(role)};
	ks_identity caller;
	ArrayType  *result;
	Datum		bots;
	bool		isnull;
	int			nest = NewGUCNestLevel();

	/* policies of distributed tables ask where the rows are, in the middle of another's query; each node has the grants */
	if (ks_is_distributed())
		ks_set_option("citus.allow_nested_distributed_execution", "on");
	PushActiveSnapshot(GetCatalogSnapshot(table));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	caller = ks_switch_to_owner("bot_grant");
	ks_prepared(&plan,
				"SELECT pg_catalog.array_agg(DISTINCT g.bot_id) FROM pg_catalog.pg_roles AS r"
				" JOIN kindly_stats.bot_grant AS g ON g.role OPERATOR(pg_catalog.=) r.rolname"
				" WHERE pg_catalog.pg_has_role($1, r.oid, 'USAGE')", 1, types);
	if (SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read the grants of bots");
	ks_restore_user(caller);
	bots = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	old = MemoryContextSwitchTo(memory);
	result = isnull ? array_of_bots(NULL, 0) : DatumGetArrayTypePCopy(bots);
	MemoryContextSwitchTo(old);
	SPI_finish();
	PopActiveSnapshot();
	AtEOXact_GUC(true, nest);
	return result;
}

static ArrayType *
copy_array(const ArrayType *array, MemoryContext memory)
{
	ArrayType  *copy = MemoryContextAllocHuge(memory, VARSIZE(array));

	memcpy(copy, array, VARSIZE(array));
	return copy;
}

static ArrayType *
granted_bots(Oid role)
{
	Oid			table = get_relname_relid("bot_grant", get_namespace_oid("kindly_stats", false));
	uint64		before;
	ArrayType  *bots;

	if (!OidIsValid(table))
		return array_of_bots(NULL, 0);
	listen_to_changes();
	if (seen.role == role && seen.table == table && seen.changes == changes)
		return copy_array(seen.bots, CurrentMemoryContext);
	seen.role = InvalidOid;
	seen.table = table;
	before = changes;
	bots = read_grants(table, role);
	if (seen.bots != NULL)
		pfree(seen.bots);
	seen.bots = copy_array(bots, TopMemoryContext);
	seen.changes = before;
	seen.role = role;
	return bots;
}

/* visible_bots(): ascending */
Datum
ks_visible_bots(PG_FUNCTION_ARGS)
{
	int64		bot;
	Oid			role;

	if (!is_role_of_tokens())
		PG_RETURN_ARRAYTYPE_P(granted_bots(GetUserId()));
	if (claimed_login(&role))
		PG_RETURN_ARRAYTYPE_P(granted_bots(role));
	PG_RETURN_ARRAYTYPE_P(array_of_bots(&bot, ks_claimed_bot(&bot) ? 1 : 0));
}

/* Whether a list that ascends has the bot. */
static bool
has_bot(ArrayType *list, int64 bot)
{
	int			count;
	const int64 *bots = ks_array_numbers(list, INT8OID, "bots", INT_MAX, &count);
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (bots[middle] < bot)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && bots[low] == bot;
}

/* Whether a role sees the bot where row-level security decides. */
bool
ks_role_sees(Oid role, int64 bot)
{
	return has_bot(granted_bots(role), bot);
}

/* is_one_of(bot, bots): whether a list that ascends has the bot. */
Datum
ks_is_one_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_bot(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_INT64(0)));
}

/*
 * The bot that is asked for, by default the token's; a token gets at no other, a
 * login's only at those of its role.
 */
int64
ks_token_bot(bool is_default, int64 asked)
{
	int64		bot;
	Oid			role;

	if (claimed_login(&role))
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
 * require_bot(bot): the same, for any caller.  Without a token there is none: a plan
 * into which a function was inlined for another role may come here past that
 * function's rights.
 */
Datum
ks_require_bot(PG_FUNCTION_ARGS)
{
	bool		is_default = PG_ARGISNULL(0);

	if (acts_as(KS_ROLE_ANONYMOUS))
		ks_refuse_token();
	if (is_role_of_tokens())
		PG_RETURN_INT64(ks_token_bot(is_default, is_default ? 0 : PG_GETARG_INT64(0)));
	if (is_default)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* The trigger of kindly_stats.bot_grant: every session reads the grants anew, on every node that has a copy. */
Datum
ks_grants_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", "grants_changed")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	/* on a shard it is told of the shard, and sessions listen for the table that they name */
	if (ks_is_distributed())
		CacheInvalidateRelcacheByRelid(get_relname_relid("bot_grant", get_namespace_oid("kindly_stats", false)));
	return PointerGetDatum(NULL);
}
