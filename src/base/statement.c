/*
 * Running SQL on the rollup: prepared statements, and whose rights they use.
 */
#include "base/place.h"
#include "base/shard.h"
#include "base/statement.h"
#include "base/compat.h"
#include "base/invalidation.h"
#include "base/version.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"


static void
raise_not_attached(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no event table has been attached"),
			 errhint("Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach(). Where tables were restored without the schema kindly_stats, call kindly_stats.rebuild().")));
}

/* Whether the plan is of that statement, of the kind that is wanted, and its parameters are still of these types. */
static bool
is_same(SPIPlanPtr plan, const char *query, int options, int nargs, const Oid *types)
{
	const CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	int			i;

	if (source->cursor_options != options || strcmp(source->query_string, query) != 0)
		return false;
	for (i = 0; i < nargs; i++)
	{
		if (SPI_getargtypeid(plan, i) != types[i])
			return false;
	}
	return true;
}

/* Sets an option until the caller's GUC nest level ends. */
void
ks_set_option(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Makes the generic plan with everything but plain index scans forbidden: made
 * on a table with hardly a row, it would otherwise scan the whole table, and be
 * kept when there are many rows.  Bitmap scans are forbidden, too, for only a
 * plain index scan marks dead entries, and compaction leaves many.  JIT is off:
 * where no index can be used, the forbidden plan looks so expensive that it
 * would be compiled at each run, for hundreds of milliseconds.
 */
static void
plan_once(SPIPlanPtr plan)
{
	int			nest = NewGUCNestLevel();
	CachedPlan *cached;

	ks_set_option("enable_seqscan", "off");
	ks_set_option("enable_bitmapscan", "off");
	ks_set_option("jit", "off");
	cached = SPI_plan_get_cached_plan(plan);
	AtEOXact_GUC(true, nest);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
}

/*
 * Whether the plan is still valid.  After ANALYZE, DISCARD PLANS, or a change of search_path
 * or of the role whose policies apply, PostgreSQL would plan it anew at the next run, with the
 * session's settings.
 */
static bool
is_planned(SPIPlanPtr plan)
{
	ListCell   *cell;

	/* from here on, changes by others are known */
	AcceptInvalidationMessages();
	foreach(cell, SPI_plan_get_plan_sources(plan))
	{
		const CachedPlanSource *source = lfirst(cell);

		if (!source->is_valid || source->gplan == NULL || !source->gplan->is_valid)
			return false;
		if (source->dependsOnRLS && (source->rewriteRoleId != GetUserId() || source->rewriteRowSecurity != row_security))
			return false;
		if (source->gplan->dependsOnRole && source->gplan->planRoleId != GetUserId())
			return false;
		if (TransactionIdIsValid(source->gplan->saved_xmin) && !TransactionIdEquals(source->gplan->saved_xmin, TransactionXmin))
			return false;
		if (source->search_path != NULL && !SearchPathMatchesCurrentEnvironment(source->search_path))
			return false;
	}
	return true;
}

static void
prepare(SPIPlanPtr *plan, const char *query, int options, int nargs, Oid *types)
{
	ks_check_version();
	if (*plan != NULL && !is_same(*plan, query, options, nargs, types))
	{
		SPI_freeplan(*plan);
		*plan = NULL;
	}
	if (*plan == NULL)
	{
		SPIPlanPtr	fresh = SPI_prepare_cursor(query, nargs, types, options);

		if (fresh == NULL || SPI_keepplan(fresh) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
		*plan = fresh;
	}
	if (options == CURSOR_OPT_GENERIC_PLAN && !is_planned(*plan))
		plan_once(*plan);
}

/* The same statement about a shard; what names the rollup in it is followed by a blank. */
char *
ks_of_shard(const char *query, const char *shard)
{
	const char *rollup = "kindly_stats.rollup ";
	StringInfoData result;
	const char *at;

	initStringInfo(&result);
	while ((at = strstr(query, rollup)) != NULL)
	{
		appendBinaryStringInfo(&result, query, (int) (at - query));
		appendStringInfo(&result, "%s ", shard);
		query = at + strlen(rollup);
	}
	appendStringInfoString(&result, query);
	return result.data;
}

/*
 * Prepares a statement once a session.  PostgreSQL's plan cache keeps it valid
 * from there on, but for its parameters' types: tally is another type once the
 * extension was dropped and created again.  It is planned once, too, for as long as that plan is good:
 * planning anew for each row that is inserted would cost more than inserting it.
 * Where the rollup is distributed, it is planned for each bot, because Citus finds the shard by it; but not while a shard is worked on.
 */
void
ks_prepared(SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	if (ks_shard_worked_on()->name != NULL)
		ks_prepared_simple(plan, query, nargs, types);
	else
		prepare(plan, query, ks_is_distributed() ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN, nargs, types);
}

/* The same for a statement that names one table once and is about one bot: its shard is found when it is run. */
void
ks_prepared_simple(SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	char	   *shard = ks_shard_worked_on()->name;
	char	   *here = shard != NULL ? ks_of_shard(query, shard) : NULL;

	prepare(plan, here != NULL ? here : query, CURSOR_OPT_GENERIC_PLAN, nargs, types);
	if (here != NULL)
		pfree(here);
}

static Oid
table_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		raise_not_attached();
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The rollup, which every statement that writes events asks for, and its owner. */
static Oid	rollup_relid = InvalidOid;
static Oid	rollup_owner = InvalidOid;
static bool rollup_known = false;
static bool rollup_changed = false;

static void
forget_rollup(Oid changed)
{
	if (rollup_known && !ks_is_concerned(rollup_relid, changed))
		return;
	rollup_known = false;
	rollup_changed = true;
}

/* Looks the rollup and its owner up, if need be; raises where there is none. */
static void
know_rollup(void)
{
	if (rollup_known)
		return;
	ks_on_table_change(forget_rollup);
	/* whatever is heard of tables while these are looked up makes them be looked up again, by who asks next */
	rollup_changed = false;
	rollup_relid = get_relname_relid("rollup", get_namespace_oid("kindly_stats", false));
	rollup_owner = table_owner(rollup_relid);
	rollup_known = !rollup_changed;
}

Oid
ks_rollup_relid(void)
{
	know_rollup();
	return rollup_relid;
}

/*
 * From here on, the rights of the owner of one of the extension's tables are
 * used, the way foreign keys are checked.  After an error, the caller has his
 * own rights again.
 */
ks_identity
ks_switch_to_owner(const char *table)
{
	ks_identity caller;
	Oid			owner;

	ks_check_version();
	GetUserIdAndSecContext(&caller.user, &caller.security);
	if (strcmp(table, "rollup") == 0)
	{
		know_rollup();
		owner = rollup_owner;
	}
	else
		owner = table_owner(get_relname_relid(table, get_namespace_oid("kindly_stats", false)));
	SetUserIdAndSecContext(owner, caller.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	return caller;
}

void
ks_restore_user(ks_identity caller)
{
	SetUserIdAndSecContext(caller.user, caller.security);
}

/*
 * Raises an error that says what to do where there is no rollup, or only what
 * DROP EXTENSION left of it: everything but its tallies.
 */
void
ks_require_rollup(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;

	if (!OidIsValid(relid) || get_attnum(relid, "tally") == InvalidAttrNumber)
		raise_not_attached();
}
