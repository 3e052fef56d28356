/*
 * When the rollup is compacted: inline, after rows were appended, and on demand.  Inline
 * compaction happens at READ COMMITTED only.  Under a transaction's snapshot, deleting a
 * row that another session has just compacted would be a serialization error, which the
 * user's statement did not cause.
 */
#include "rollup/compact.h"

#include "base/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* A mixed row of one event has hardly more entries than these. */
#define SMALL_ROW_ENTRIES 16

/* Statements that write less than this are many: only some of them look at the month before. */
#define LARGE_ROW_ENTRIES 256

/*
 * Where merged rows cannot be removed yet, more new rows are left together before they are
 * merged: up to HELD_FACTOR times as many, one more time for every HELD_AGE transactions
 * that the oldest snapshot is old.  Reading a row costs little more than stepping over a
 * dead one.
 */
#define HELD_FACTOR 8
#define HELD_AGE 4000

/* A transaction that has appended more rows than this compacts them less and less often. */
#define MANY_APPENDED 1000

/* Setting kindly_stats.compact_after */
int			ks_compact_after = 64;

PG_FUNCTION_INFO_V1(ks_compact_all);

/* What this transaction has appended. */
typedef struct appending
{
	TransactionId transaction;
	uint64		rows;
	uint64		next;			/* it does not compact again before it has appended this many */
} appending;

static appending appended = {InvalidTransactionId, 0, 0};

static void
note_append(void)
{
	TransactionId transaction = GetTopTransactionIdIfAny();

	if (!TransactionIdEquals(transaction, appended.transaction))
	{
		appended.transaction = transaction;
		appended.rows = 0;
		appended.next = 0;
	}
	appended.rows++;
}

/*
 * Whether this transaction may compact once more.  It steps over the rows that it has
 * deleted itself until it ends.  So, after MANY_APPENDED rows, it waits until it has
 * appended a share of what it had by then: the cost for each row stays bounded.
 */
static bool
may_step_over(void)
{
	if (appended.rows < appended.next)
		return false;
	appended.next = appended.rows < MANY_APPENDED ? 0 : appended.rows + appended.rows / KS_COMPACT_FAN;
	return true;
}

/* Whether to merge rows although their remains cannot be removed yet. */
static bool
worth_although_held(void)
{
	uint64		times = 1 + ks_id_held() / HELD_AGE;

	return ks_random() * (double) Min(times, HELD_FACTOR) < 1.0;
}

/* The same as ks_compact_month(), on the node that has the shard, without a word to Citus. */
static void
compact_on_shard(const ks_month_part *of, ks_compact_what what, Oid shard)
{
	int			nest = NewGUCNestLevel();
	ks_shard_work before;

	/* which would have shards written by itself alone */
	ks_set_option("citus.enable_manual_changes_to_shards", "on");
	before = ks_work_on_shard(shard, true);
	PG_TRY();
	{
		ks_compact_month(of, what);
	}
	PG_FINALLY();
	{
		ks_work_as_before(before);
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest);
}

/*
 * Called after a group was appended.  Compacts its month once in compact_after times on
 * average, if that cannot fail, and more often after larger rows, which cost more to
 * read: after those of single measures, each KS_COMPACT_FAN-th time by default.
 */
void
ks_compact_sometimes(const ks_month_tally *group, bool kept)
{
	uint64		entries = group->builder.weights.count + (uint64) group->builder.members.count;
	bool		mixed = !ks_sort_out_worth(&group->builder);
	bool		small = entries <= SMALL_ROW_ENTRIES && ks_random() * KS_COMPACT_FAN >= 1.0;
	double		chances = mixed ? Max(1.0, entries / (double) SMALL_ROW_ENTRIES) : KS_COMPACT_FAN;

	ks_compact_what what = small ? KS_COMPACT_NEW : mixed ? KS_COMPACT_MIXED : KS_COMPACT_WORTHY;
	ks_month_part	of = {group->bot_id, ks_month_to_date(group->month), kept};
	Oid			shard = ks_shard_worked_on()->relid;

	note_append();
	if (ks_compact_after <= 0 || IsolationUsesXactSnapshot() || ks_random() * ks_compact_after >= chances || !may_step_over() || !worth_although_held())
		return;
	of.look_back = what != KS_COMPACT_NEW && (entries > LARGE_ROW_ENTRIES || ks_random() * KS_COMPACT_FAN < 1.0);
	if (OidIsValid(shard))
		compact_on_shard(&of, what, shard);
	else
		ks_compact_month(&of, what);
}

/*
 * Merges all rows of a month that nobody else has locked, as the rollup's owner: of a shard, or InvalidOid for the rollup,
 * unless the shard has gone since the month was found.
 */
static void
compact_as_owner(const ks_month_part *of, Oid shard)
{
	ks_identity caller = ks_switch_to_owner("rollup");

	if (!OidIsValid(shard))
		ks_compact_month(of, KS_COMPACT_ALL);
	else if (ks_rollup_shard(of->bot_id) == shard)
		compact_on_shard(of, KS_COMPACT_ALL, shard);
	ks_restore_user(caller);
}

/* Has each node compact its own rows, all at the same time; of a bot, or all. */
static void
compact_nodes(FunctionCallInfo fcinfo)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};

	ks_spi_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute_with_args("SELECT kindly_stats.compact_nodes($1)", 1, types, values, PG_ARGISNULL(0) ? "n" : NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not compact nodes");
	PopActiveSnapshot();
	SPI_finish();
}

/*
 * Returns the months of a table, the rollup or a shard of it, that have something to merge, looked up as the rollup's owner:
 * those of a bot, or of all.
 */
static ks_month_part *
crowded_months(const int64 *bot, const char *from, uint64 *count)
{
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {bot != NULL ? Int64GetDatum(*bot) : (Datum) 0, Int64GetDatum(KS_MIXED_MAX)};
	char		nulls[2] = {bot != NULL ? ' ' : 'n', ' '};
	char	   *query;
	ks_month_part *result;
	ks_identity caller;
	uint64		i;

	query = psprintf("WITH part AS ("
							  "SELECT r.bot_id, r.month, r.kept, pg_catalog.bool_or(r.cluster IS NULL) AS counts, pg_catalog.max(r.measure) AS measure,"
							  " pg_catalog.sum(CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.entries(r.tally) END) AS entries,"
							  " pg_catalog.count(*) OPERATOR(pg_catalog.>) pg_catalog.count(DISTINCT r.measure)"
							  " OR pg_catalog.bool_or(r.id OPERATOR(pg_catalog.>=) 0 AND (r.id OPERATOR(pg_catalog.<) " KS_ID_SPANS_SQL " OR r.cluster IS NOT NULL))"
							  " OR (pg_catalog.min(r.measure) OPERATOR(pg_catalog.=) '' AND pg_catalog.max(r.measure) OPERATOR(pg_catalog.<>) '') AS crowded"
							  " FROM %s AS r WHERE $1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1"
							  " GROUP BY r.bot_id, r.month, r.kept),"
							  " bot AS ("
							  "SELECT p.bot_id, p.kept, pg_catalog.count(*) FILTER (WHERE p.counts) AS parts, COALESCE(pg_catalog.sum(p.entries), 0) AS entries,"
							  " pg_catalog.max(p.measure) OPERATOR(pg_catalog.<>) '' AS sorted_out"
							  " FROM part AS p GROUP BY p.bot_id, p.kept),"
							  " sized AS ("
							  "SELECT b.bot_id, b.kept, b.parts, b.entries OPERATOR(pg_catalog.<=) $2 AND NOT pg_catalog.bool_or(b.sorted_out)"
							  " OVER (PARTITION BY b.bot_id) AS little FROM bot AS b)"
							  " SELECT s.bot_id, '-infinity', s.kept, true, false FROM sized AS s WHERE s.little AND s.parts OPERATOR(pg_catalog.>) 1"
							  " UNION ALL"
							  " SELECT p.bot_id, p.month, p.kept, false, NOT s.little"
							  " FROM part AS p JOIN sized AS s ON s.bot_id OPERATOR(pg_catalog.=) p.bot_id AND s.kept OPERATOR(pg_catalog.=) p.kept"
							  " WHERE NOT (s.little AND s.parts OPERATOR(pg_catalog.>) 1)"
							  " AND (p.crowded OR (p.month OPERATOR(pg_catalog.=) '-infinity' AND NOT s.little))"
							  " ORDER BY 1, 3, 2", from);
	caller = ks_switch_to_owner("rollup");
	if (SPI_execute_with_args(query, 2, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list months of the rollup");
	ks_restore_user(caller);
	pfree(query);
	*count = SPI_processed;
	result = MemoryContextAllocHuge(PortalContext, (SPI_processed + 1) * sizeof(ks_month_part));
	for (i = 0; i < *count; i++)
	{
		bool		isnull;

		result[i].bot_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		result[i].month = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		result[i].kept = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3, &isnull));
		result[i].joined = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 4, &isnull));
		result[i].apart = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 5, &isnull));
		result[i].look_back = false;
		result[i].over = false;
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* Each month in a transaction of its own, unless the caller has one open; shard: what the table is, or InvalidOid. */
static void
compact_months(const ks_month_part *months, uint64 count, Oid shard, bool atomic)
{
	uint64		i;

	for (i = 0; i < count; i++)
	{
		if (!atomic)
		{
			SPI_commit();
			XactIsoLevel = XACT_READ_COMMITTED;
		}
		PushActiveSnapshot(GetTransactionSnapshot());
		compact_as_owner(&months[i], shard);
		PopActiveSnapshot();
	}
	/* a calling procedure goes on at its own isolation level */
	if (!atomic && count > 0)
		SPI_commit();
}

/*
 * Compacts a table, all of it or a bot.  What is split by month gets beside rows of months
 * which had nothing to merge until then, so these bots are looked at again.
 */
static void
compact_table(const int64 *bot, const char *name, Oid shard, bool atomic)
{
	uint64		count;
	ks_month_part *months = crowded_months(bot, name, &count);
	uint64		i;

	compact_months(months, count, shard, atomic);
	for (i = 0; i < count; i++)
	{
		ks_month_part *beside;
		uint64		left;

		if (!ks_spans_months(&months[i]) || !months[i].apart)
			continue;
		beside = crowded_months(&months[i].bot_id, name, &left);
		compact_months(beside, left, shard, atomic);
		pfree(beside);
	}
	pfree(months);
}

/*
 * Shard by shard, those of this node: none has to be asked for.  In a transaction that is the caller's, Citus has to know what is
 * written, for whatever is done there afterwards.
 */
static void
compact_shards(const int64 *bot, bool atomic)
{
	MemoryContext old = MemoryContextSwitchTo(PortalContext);
	int			count;
	Oid		   *shards = ks_rollup_shards(&count);
	int			i;

	for (i = 0; i < count; i++)
	{
		char	   *name = get_rel_name(shards[i]);

		CHECK_FOR_INTERRUPTS();
		/* a bot has one, and may have none here */
		if (name != NULL && (bot == NULL || ks_rollup_shard(*bot) == shards[i]))
			compact_table(bot, quote_qualified_identifier("kindly_stats", name), atomic ? InvalidOid : shards[i], atomic);
	}
	MemoryContextSwitchTo(old);
}

/* CALL compact(bot, local) */
Datum
ks_compact_all(PG_FUNCTION_ARGS)
{
	/* in an exception block PL/pgSQL says that it is not atomic, but nothing can be committed there */
	bool		atomic = IsSubTransaction() ||
		!(fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		  !((CallContext *) fcinfo->context)->atomic);
	bool		local = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	int64		number = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	const int64 *bot = PG_ARGISNULL(0) ? NULL : &number;
	bool		distributed;

	ks_require_rollup();
	ks_refuse_subscribed();
	distributed = ks_is_distributed();
	/* a bot in the caller's transaction: with what that has written, and as one thing with it */
	if (distributed && !local && (PG_ARGISNULL(0) || !atomic))
	{
		compact_nodes(fcinfo);
		return (Datum) 0;
	}
	if (atomic && IsolationUsesXactSnapshot())
	{
		ereport(WARNING,
				(errmsg("nothing was compacted"),
				 errdetail("Compaction takes rows that other sessions may have compacted since this transaction's snapshot."),
				 errhint("Call it outside a transaction block, or at READ COMMITTED.")));
		return (Datum) 0;
	}
	ks_spi_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	if (distributed && local)
		compact_shards(bot, atomic);
	else
		compact_table(bot, "kindly_stats.rollup", InvalidOid, atomic);
	SPI_finish();
	return (Datum) 0;
}
