/*
 * Which bots a role was granted.
 *
 * A role sees the bots that were granted to it, or to a role whose rights it has.  The
 * list is kept for the session until a grant, a role or a membership changes.
 */
#include "access/access.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/invalidation.h"
#include "base/place.h"
#include "base/statement.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(ks_is_one_of);
PG_FUNCTION_INFO_V1(ks_grants_changed);

/* The bots that one role sees; valid while the count of changes is the same. */
static struct
{
	Oid			role;			/* InvalidOid: nothing is known */
	Oid			table;			/* kindly_stats.bot_grant, once it was read */
	ArrayType  *bots;			/* in TopMemoryContext */
	uint64		changes;
}			seen;

static uint64 changes = 1;

static void
forget_grants(Oid changed)
{
	if (ks_is_concerned(seen.table, changed))
		changes++;
}

static void
forget_roles(void)
{
	changes++;
}

static void
listen_to_changes(void)
{
	ks_on_table_change(forget_grants);
	ks_on_catalog_change(AUTHMEMROLEMEM, forget_roles);
	ks_on_catalog_change(AUTHOID, forget_roles);
}

ArrayType *
ks_array_of_bots(const int64 *bots, uint64 count)
{
	Datum	   *items = palloc((count + 1) * sizeof(Datum));
	uint64		i;

	for (i = 0; i < count; i++)
		items[i] = Int64GetDatum(bots[i]);
	return construct_array(items, (int) count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/*
 * Reads the bots granted to a role, ascending.  Like PostgreSQL's own grants, they are valid
 * from when they are made, whatever snapshot the caller's query has; and a cached list
 * must not be older than the changes that the session has heard of.
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

	/* policies of distributed tables ask on the nodes, in the middle of another query; each node has the grants */
	if (ks_is_distributed())
		ks_set_option("citus.allow_nested_distributed_execution", "on");
	PushActiveSnapshot(GetCatalogSnapshot(table));
	ks_spi_connect();
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
	result = isnull ? ks_array_of_bots(NULL, 0) : DatumGetArrayTypePCopy(bots);
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

ArrayType *
ks_granted_bots(Oid role)
{
	Oid			table = get_relname_relid("bot_grant", get_namespace_oid("kindly_stats", false));
	uint64		before;
	ArrayType  *bots;

	if (!OidIsValid(table))
		return ks_array_of_bots(NULL, 0);
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

/* Whether an ascending list has the bot. */
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
	return has_bot(ks_granted_bots(role), bot);
}

/* is_one_of(bot, bots): whether an ascending list has the bot. */
Datum
ks_is_one_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_bot(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_INT64(0)));
}

/* The trigger of kindly_stats.bot_grant: makes every session read the grants anew, on every node that has a copy. */
Datum
ks_grants_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", "grants_changed")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	/* on a shard, the trigger's table is the shard, but sessions listen for the table of the name */
	if (ks_is_distributed())
		CacheInvalidateRelcacheByRelid(get_relname_relid("bot_grant", get_namespace_oid("kindly_stats", false)));
	return PointerGetDatum(NULL);
}
