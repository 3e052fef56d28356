/*
 * Counting tables and measures while others write, in several transactions, as CREATE
 * INDEX CONCURRENTLY does.
 *
 * The first transaction puts triggers on the tables, or the measure into its table, under
 * a lock that excludes writers.  So all earlier writers have ended, and all later ones are
 * counted.  It leaves a mark, which says that older events are not counted yet.  The
 * second repairs in one snapshot, without excluding writers, and removes the mark.  If
 * something stops it in between, the mark stays, and a second call goes on from there.
 *
 * The first needs its lock for an instant only, but while it waits for the lock, others
 * wait behind it.  So it gives up soon, lets them pass, and tries again.
 */
#include "rollup/recount.h"

#include "base/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_lock_within);
PG_FUNCTION_INFO_V1(ks_attach_concurrently);
PG_FUNCTION_INFO_V1(ks_add_measure_concurrently);

/* How long others may have to wait behind this session if lock_timeout does not say. */
#define LOCK_MILLISECONDS	500

/* How often the lock is tried, with growing pauses of up to this length: several minutes in all. */
#define ATTEMPTS			100
#define PAUSE_MILLISECONDS	3000L

#define ARGUMENTS_MAX 8

/* The arguments of the procedure, for the queries of all its steps. */
typedef struct steps
{
	ks_progress_what what;
	Oid			relid;			/* what progress shows; InvalidOid: several tables */
	int			nargs;
	Oid			types[ARGUMENTS_MAX];
	Datum		values[ARGUMENTS_MAX];
	char		nulls[ARGUMENTS_MAX];
} steps;

/* ------------------------------------------------------------------------
 * The lock
 * ------------------------------------------------------------------------
 */

/* Sets lock_timeout to the time that is left. */
static void
limit_wait(TimestampTz end)
{
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);

	ks_set_option("lock_timeout", psprintf("%ld", Max(left, 1)));
}

/*
 * lock_within(tables): locks all of them against writers.  It fails as lock_timeout does
 * (55P03) when this takes longer than that setting, or than half a second.
 */
Datum
ks_lock_within(PG_FUNCTION_ARGS)
{
	ArrayType  *tables = PG_GETARG_ARRAYTYPE_P(0);
	const Oid  *relids = (const Oid *) ARR_DATA_PTR(tables);
	int			count = ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables));
	int			milliseconds = LockTimeout > 0 ? LockTimeout : LOCK_MILLISECONDS;
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
	int			nest = NewGUCNestLevel();
	int			i;

	/* autovacuum gives way to a session that has waited for deadlock_timeout */
	(void) set_config_option("deadlock_timeout", psprintf("%d", Max(milliseconds / 3, 1)), PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	ks_spi_connect();
	for (i = 0; i < count; i++)
	{
		limit_wait(end);
		if (ks_is_distributed_table(relids[i]))
			ks_lock_everywhere(relids[i]);
		/* a partitioned table also gets a rule, and nobody may be planning a query without it */
		LockRelationOid(relids[i], get_rel_relkind(relids[i]) == RELKIND_PARTITIONED_TABLE ? AccessExclusiveLock : ShareRowExclusiveLock);
	}
	SPI_finish();
	AtEOXact_GUC(false, nest);
	ks_prepare_nodes();
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * Steps
 * ------------------------------------------------------------------------
 */

/*
 * Raises unless the procedure can commit.  In an exception block PL/pgSQL says that it is
 * not atomic, but nothing can be committed there.
 */
static void
require_no_transaction(FunctionCallInfo fcinfo, const char *procedure)
{
	if (IsSubTransaction() || fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s() cannot run inside a transaction block", procedure),
				 errhint("It commits between its steps, so that others need not wait.")));
}

static void
begin_steps(FunctionCallInfo fcinfo, steps *s, const Oid *types)
{
	int			i;

	s->nargs = PG_NARGS();
	for (i = 0; i < s->nargs; i++)
	{
		s->types[i] = types[i];
		s->values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		s->nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	ks_spi_connect_ext(SPI_OPT_NONATOMIC);
}

/* Commits, and starts a transaction that sees what others have committed. */
static void
commit_step(void)
{
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
}

/* Runs a function with all arguments; it returns whether it is done. */
static bool
run_step(const steps *s, const char *query)
{
	bool		isnull;
	bool		done;

	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute_with_args(query, s->nargs, (Oid *) s->types, (Datum *) s->values, s->nulls, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not run \"%s\"", query);
	done = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	PopActiveSnapshot();
	return done;
}

static void
sleep_for(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Repeats the step that needs a lock until it gets the lock. */
static void
run_locking_step(const steps *s, const char *query)
{
	long		pause = 50;
	int			attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++)
	{
		bool		done;

		commit_step();
		ks_progress_begin(s->what, KS_PHASE_LOCKING, s->relid);
		done = run_step(s, query);
		if (done)
		{
			ks_progress_end();
			return;
		}
		commit_step();
		sleep_for(pause);
		pause = Min(pause * 3 / 2, PAUSE_MILLISECONDS);
		ks_progress_end();
	}
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("writers could not be locked out for an instant"),
			 errdetail("Transactions that have written to the tables stayed open for longer than lock_timeout, in each of %d attempts.", ATTEMPTS),
			 errhint("pg_locks shows them.  End them, or set lock_timeout to a time for which other writers may wait behind this lock.")));
}

static void
run_steps(steps *s, const char *check, const char *begin, const char *finish)
{
	ks_progress_for(s->what);
	PG_TRY();
	{
		commit_step();
		if (run_step(s, check))
		{
			run_locking_step(s, begin);
			commit_step();
			(void) run_step(s, finish);
		}
		commit_step();
	}
	PG_FINALLY();
	{
		ks_progress_for(KS_PROGRESS_NOTHING);
	}
	PG_END_TRY();
	SPI_finish();
}

/* CALL attach_concurrently(event_table, columns, kinds, tz, unit) */
Datum
ks_attach_concurrently(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {REGCLASSOID, JSONBOID, JSONBOID, TEXTOID, TEXTOID};
	steps		s = {.what = KS_PROGRESS_ATTACH};

	require_no_transaction(fcinfo, "attach_concurrently");
	s.relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	begin_steps(fcinfo, &s, types);
	run_steps(&s, "SELECT kindly_stats.check_attach($1, $2, $3, $4, $5)", "SELECT kindly_stats.begin_attach($1, $2, $3, $4, $5)", "SELECT kindly_stats.finish_attach($1)");
	return (Datum) 0;
}

/* CALL add_measure_concurrently(name, kinds, keys, member, weight, condition, needed, grain) */
Datum
ks_add_measure_concurrently(PG_FUNCTION_ARGS)
{
	static const Oid types[] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	steps		s = {.what = KS_PROGRESS_MEASURE};

	require_no_transaction(fcinfo, "add_measure_concurrently");
	begin_steps(fcinfo, &s, types);
	run_steps(&s, "SELECT kindly_stats.check_new_measure($1, $2, $3, $4, $5, $6, $7, $8)",
			  "SELECT kindly_stats.begin_measure($1, $2, $3, $4, $5, $6, $7, $8)", "SELECT kindly_stats.finish_measure($1)");
	return (Datum) 0;
}
