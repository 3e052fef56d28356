/*
 * Whether the rollup's rows are in the table of that name, or somebody keeps them
 * elsewhere: where it is distributed, the named table is an empty shell whose rows
 * live in shards, on other nodes perhaps.
 *
 * Whether it is so, nothing is asked of whoever does that: who takes part in PostgreSQL's planning
 * shows in the plan, which is made of a scan of his own then.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "nodes/plannodes.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

/* What is known until PostgreSQL says that the table has changed. */
static struct
{
	Oid			relid;			/* InvalidOid: nothing */
	bool		distributed;
} known;

static void
forget(Datum argument, Oid relid)
{
	if (relid == known.relid || !OidIsValid(relid))
		known.relid = InvalidOid;
}

/* Whether a plan's scans are PostgreSQL's own; a policy's condition may bring subplans, which are none of this. */
static bool
is_scanned_by_others(const Plan *plan)
{
	while (plan != NULL && outerPlan(plan) != NULL)
		plan = outerPlan(plan);
	return plan != NULL && IsA(plan, CustomScan);
}

static bool
plan_is_of_others(void)
{
	SPIPlanPtr	plan = SPI_prepare("SELECT r.bot_id FROM kindly_stats.rollup AS r", 0, NULL);
	CachedPlan *cached;
	PlannedStmt *statement;
	bool		result;

	if (plan == NULL)
		elog(ERROR, "could not look at the rollup: %s", SPI_result_code_string(SPI_result));
	cached = SPI_plan_get_cached_plan(plan);
	statement = cached != NULL && list_length(cached->stmt_list) == 1 ? linitial(cached->stmt_list) : NULL;
	result = statement != NULL && is_scanned_by_others(statement->planTree);
	if (cached != NULL)
		ReleaseCachedPlan(cached, NULL);
	SPI_freeplan(plan);
	return result;
}

/* Whether the rollup is distributed.  Any caller: nothing is read. */
bool
ks_is_distributed(void)
{
	static bool registered = false;
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;
	ks_identity caller;
	bool		distributed;

	if (!OidIsValid(relid))
		return false;
	if (known.relid == relid)
		return known.distributed;
	if (!registered)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	registered = true;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* the caller's policies are none of this */
	caller = ks_become_owner("rollup");
	known.relid = relid;
	/* whatever is heard of the table from here on makes it be looked at again */
	distributed = plan_is_of_others();
	known.distributed = distributed;
	ks_become_again(caller);
	SPI_finish();
	return distributed;
}

/* ------------------------------------------------------------------------
 * Asking from where rows are
 * ------------------------------------------------------------------------
 */

/* Says what to do about an error that speaks of nothing that the user has written. */
static void
explain_nesting(void *argument)
{
	MemoryContext old;
	ErrorData  *error;

	if (geterrcode() != ERRCODE_INTERNAL_ERROR)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	if (error->message != NULL && strstr(error->message, "from a query on a shard") != NULL)
	{
		errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
		errhint("Let a MATERIALIZED CTE read the distributed tables and call the statistics functions beside it, or call them in a statement of their own.");
	}
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

/*
 * A statement that reads distributed tables is handed to the nodes with the functions
 * that it calls, so that a question may be asked in the middle of another query, of a
 * bot whose rows are on yet another node.  Citus refuses that, as it would miss what this
 * transaction has written elsewhere; outside of a transaction block there is nothing of the kind.
 */
void
ks_abroad_begin(ks_question_abroad *abroad)
{
	abroad->open = ks_is_distributed();
	abroad->nest = 0;
	if (!abroad->open)
		return;
	abroad->callback.callback = explain_nesting;
	abroad->callback.arg = NULL;
	abroad->callback.previous = error_context_stack;
	error_context_stack = &abroad->callback;
	if (!IsTransactionBlock())
	{
		abroad->nest = NewGUCNestLevel();
		ks_set_option("citus.allow_nested_distributed_execution", "on");
	}
}

void
ks_abroad_end(ks_question_abroad *abroad)
{
	if (!abroad->open)
		return;
	if (abroad->nest > 0)
		AtEOXact_GUC(true, abroad->nest);
	error_context_stack = abroad->callback.previous;
}
