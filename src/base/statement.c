/*
 * Running SQL on the rollup: prepared statements, and whose rights they use.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/version.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(ks_lock_creation);
PG_FUNCTION_INFO_V1(ks_lock_repair);
PG_FUNCTION_INFO_V1(ks_exclude_repair);
PG_FUNCTION_INFO_V1(ks_lock_out_writers);

static void
raise_not_attached(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no event table has been attached"),
			 errhint("Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach(). Where tables were restored without the schema kindly_stats, call kindly_stats.rebuild().")));
}

/* Whether the plan is of the kind that is wanted, and its parameters are still of these types. */
static bool
is_same(SPIPlanPtr plan, int options, int nargs, const Oid *types)
{
	int			i;

	if (((const CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->cursor_options != options)
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
 * Makes the plan that is good for all parameters, while nothing but an index
 * will do: made on a table that has hardly a row yet, it would scan it, and be
 * kept when there are many.  And no bitmap: only a plain index scan notes which
 * entries are dead, and compaction leaves many.  Where there is no index to use,
 * what is forbidden looks so dear that it would be compiled at each run, for
 * hundreds of milliseconds.
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
 * Whether the plan is still good.  After ANALYZE, DISCARD PLANS, a change of search_path or of
 * the role whose policies it has, PostgreSQL would make it anew when it is run, with
 * the session's settings.
 */
static bool
is_planned(SPIPlanPtr plan)
{
	ListCell   *cell;

	/* what others have changed is known from here on */
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
	if (*plan != NULL && !is_same(*plan, options, nargs, types))
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

/*
 * Prepares a statement once a session.  PostgreSQL's plan cache keeps it valid
 * from there on, but for its parameters' types: tally is another type once the
 * extension was dropped and created again.  It is planned once, too, for as long as that plan is good:
 * planning anew for each row that is inserted would cost more than inserting it.
 * Where the rollup is distributed, a plan has to know the bot, to find its shard.
 */
void
ks_prepared(SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	prepare(plan, query, ks_is_distributed() ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN, nargs, types);
}

/* The same for a statement that names one table once and is about one bot: its shard is found when it is run. */
void
ks_prepared_simple(SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	prepare(plan, query, CURSOR_OPT_GENERIC_PLAN, nargs, types);
}

static Oid
table_owner(const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid("kindly_stats", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		raise_not_attached();
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * From here on the rights of the owner of one of the tables rollup, measure and
 * purged are used, the way foreign keys are checked.  An error gives the caller
 * his own back by itself.
 */
ks_identity
ks_switch_to_owner(const char *table)
{
	ks_identity caller;

	ks_check_version();
	GetUserIdAndSecContext(&caller.user, &caller.security);
	SetUserIdAndSecContext(table_owner(table), caller.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	return caller;
}

void
ks_restore_user(ks_identity caller)
{
	SetUserIdAndSecContext(caller.user, caller.security);
}

/*
 * Says what to do where the rollup is not there, or only what was left of it
 * when the extension was dropped: all but its tallies.
 */
void
ks_require_rollup(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;

	if (!OidIsValid(relid) || get_attnum(relid, "tally") == InvalidAttrNumber)
		raise_not_attached();
}

/*
 * lock_creation(): who waited for another session's tables must see them, but
 * to_regclass() would go on by what it knew before: only locks of relations
 * bring the news.
 */
Datum
ks_lock_creation(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, KS_LOCK_OF_CREATION);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	AcceptInvalidationMessages();
	PG_RETURN_VOID();
}

static LOCKTAG
lock_of_repair(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, KS_LOCK_OF_REPAIR);
	return tag;
}

/*
 * Repairs and compaction of all nodes meet in kindly_stats.counting, which every node has:
 * LOCK TABLE takes its lock on each of them, other locks are of this node alone.  The caller is connected to SPI.
 */
static void
lock_everywhere(void)
{
	ks_identity caller = ks_switch_to_owner("counting");

	if (SPI_execute("LOCK TABLE kindly_stats.counting IN EXCLUSIVE MODE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock out repairs");
	ks_restore_user(caller);
}

/*
 * For the rest of a transaction in which tables of several nodes are counted, or get triggers: each node has one connection, which
 * knows what was done before, and triggers are made, which Citus allows under a flag alone.
 */
void
ks_prepare_nodes(void)
{
	static const char *const settings[][2] = {
		{"citus.multi_shard_modify_mode", "sequential"}, {"citus.enable_unsafe_triggers", "on"}, {"citus.max_intermediate_result_size", "-1"}
	};
	int			i;

	for (i = 0; i < lengthof(settings) && ks_is_distributed(); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

static bool
lock_here(bool wait)
{
	Oid			relid = get_relname_relid("counting", get_namespace_oid("kindly_stats", false));

	if (!wait)
		return ConditionalLockRelationOid(relid, RowShareLock);
	LockRelationOid(relid, RowShareLock);
	return true;
}

/*
 * lock_repair(): whoever counts tables anew holds this lock, which comes before
 * those on tables.  So repairs wait for each other here and nowhere else.
 */
Datum
ks_lock_repair(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag = lock_of_repair();

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	if (ks_is_distributed())
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		ks_prepare_nodes();
		lock_everywhere();
		SPI_finish();
	}
	PG_RETURN_VOID();
}

/* Waits for a repair, and keeps others away until the end of the transaction. */
void
ks_wait_for_repair(void)
{
	LOCKTAG		tag = lock_of_repair();

	if (ks_is_distributed())
		(void) lock_here(true);
	else
		(void) LockAcquire(&tag, ShareLock, false, false);
}

/* exclude_repair() */
Datum
ks_exclude_repair(PG_FUNCTION_ARGS)
{
	ks_wait_for_repair();
	ks_prepare_nodes();
	PG_RETURN_VOID();
}

/*
 * Keeps repairs away until the end of the transaction, for whoever moves rows of
 * the rollup; false where one is at work.  Nobody waits for it: the caller may
 * hold locks that the repair waits for.
 */
bool
ks_repair_excluded(void)
{
	LOCKTAG		tag = lock_of_repair();

	if (ks_is_distributed())
		return lock_here(false);
	return LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Locks a table against writers on every node.  Whoever repairs need not be allowed to, so it is done as the table's owner.  The caller is connected to SPI. */
void
ks_lock_everywhere(Oid relid)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	ks_visit	visit = ks_enter_table(relid);

	if (SPI_execute(psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", name), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock %s", name);
	ks_leave_table(visit);
}

/* Locks attached tables and their partitions against writers.  The caller is connected to SPI. */
void
ks_exclude_writers(void)
{
	bool		everywhere = ks_is_distributed();
	SPITupleTable *tables;
	uint64		count;
	uint64		i;

	if (SPI_execute("SELECT DISTINCT r::pg_catalog.oid FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r ORDER BY 1",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list event tables");
	tables = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(tables->vals[i], tables->tupdesc, 1, &isnull));

		if (everywhere)
			ks_lock_everywhere(relid);
		else
			LockRelationOid(relid, ShareRowExclusiveLock);
	}
}

/*
 * lock_out_writers(): whoever repairs need not be allowed to lock a stranger's
 * table; that it is attached is reason enough.
 */
Datum
ks_lock_out_writers(PG_FUNCTION_ARGS)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	ks_exclude_writers();
	SPI_finish();
	PG_RETURN_VOID();
}
