/*
 * Compaction: many small rows of a bot, measure and month become few.
 *
 * It only makes reading faster, and asks nobody to wait: it deletes the rows
 * that it can lock at once and inserts their sum, in one transaction.  Mixed
 * rows are sorted out by measure.  Inline it merges the smallest rows up to the
 * first that is more than twice what lies below it, so that every row is
 * rewritten a logarithmic number of times only; on demand it merges them all.
 *
 * Inline compaction happens at READ COMMITTED only: under a transaction's
 * snapshot a row that another session has just compacted would be an error,
 * which is none of the user's business.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Mixed rows taken at once: bounds the memory and time of one round. */
#define MIXED_BATCH 1000

/*
 * Rows larger than this are left alone: reading several such rows costs hardly
 * more than reading one, rewriting them does.
 */
#define ROW_BYTES_MAX (8 * 1024 * 1024)

/* Setting kindly_stats.compact_after */
int			ks_compact_after = 64;

PG_FUNCTION_INFO_V1(ks_compact_all);

/* Adds the tallies that the last statement returned in its first column; gives back their number. */
static uint64
merge_returned(ks_builder *builder)
{
	uint64		i;

	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		tally = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		ks_view		view;

		CHECK_FOR_INTERRUPTS();
		ks_tally_open(&view, tally);
		ks_must(ks_builder_merge(builder, &view, false));
	}
	SPI_freetuptable(SPI_tuptable);
	return i;
}

/* Takes up to a batch of mixed rows out of the rollup. */
static uint64
take_mixed(int64 bot_id, DateADT month, ks_builder *builder)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, DATEOID, INT8OID};
	Datum		values[3] = {Int64GetDatum(bot_id), DateADTGetDatum(month), Int64GetDatum(MIXED_BATCH)};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.measure OPERATOR(pg_catalog.=) '' AND r.month OPERATOR(pg_catalog.=) $2"
				" AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT l.id FROM kindly_stats.rollup AS l"
				" WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.measure OPERATOR(pg_catalog.=) '' AND l.month OPERATOR(pg_catalog.=) $2"
				" LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING r.tally", 3, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return merge_returned(builder);
}

/*
 * Which rows of a measure to merge, from (id, size) by ascending size: all that
 * fit, or the smallest up to the first that outweighs them.
 */
static ArrayType *
choose_rows(size_t fresh_bytes, bool all)
{
	Datum	   *ids = palloc((SPI_processed + 1) * sizeof(Datum));
	size_t		sum = fresh_bytes;
	int			count = 0;
	uint64		i;

	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		size_t		bytes = (size_t) DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));

		if (sum + bytes > ROW_BYTES_MAX || (!all && sum > 0 && bytes > 2 * sum))
			break;
		sum += bytes;
		ids[count++] = id;
	}
	/* a row alone has nothing to be merged with */
	if (count == 0 || (count == 1 && fresh_bytes == 0))
		return NULL;
	return construct_array(ids, count, UUIDOID, 16, false, TYPALIGN_CHAR);
}

/* Merges rows of one measure, and what the mixed rows had of it, into one new row; gives back the rows taken. */
static uint64
merge_measure(int64 bot_id, DateADT month, Datum measure, ks_builder *builder, bool all)
{
	static SPIPlanPtr list = NULL;
	static SPIPlanPtr take = NULL;
	Oid			types[4] = {INT8OID, DATEOID, TEXTOID, UUIDARRAYOID};
	Datum		values[4] = {Int64GetDatum(bot_id), DateADTGetDatum(month), measure, (Datum) 0};
	ArrayType  *ids;

	ks_prepared(&list,
				"SELECT r.id, pg_catalog.pg_column_size(r.tally) FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.=) $3"
				" ORDER BY 2", 3, types);
	if (SPI_execute_plan(list, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
	ids = choose_rows(builder->weights.count * sizeof(uint32_t) + builder->members.count * sizeof(ks_entry) / 2, all);
	SPI_freetuptable(SPI_tuptable);
	if (ids == NULL)
		return 0;

	values[3] = PointerGetDatum(ids);
	ks_prepared(&take,
				"DELETE FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.=) $3"
				" AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT l.id FROM kindly_stats.rollup AS l"
				" WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.month OPERATOR(pg_catalog.=) $2 AND l.measure OPERATOR(pg_catalog.=) $3"
				" AND l.id OPERATOR(pg_catalog.=) ANY ($4) FOR UPDATE SKIP LOCKED)) RETURNING r.tally", 4, types);
	if (SPI_execute_plan(take, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return merge_returned(builder);
}

/* The measures of the month that stand in several rows. */
static Datum *
crowded_measures(int64 bot_id, DateADT month, uint64 *count)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, DATEOID};
	Datum		values[2] = {Int64GetDatum(bot_id), DateADTGetDatum(month)};
	Datum	   *result;
	uint64		i;

	ks_prepared(&plan,
				"SELECT r.measure FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.<>) ''"
				" GROUP BY r.measure HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
	*count = SPI_processed;
	result = palloc((SPI_processed + 1) * sizeof(Datum));
	for (i = 0; i < *count; i++)
	{
		bool		isnull;

		result[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* Sorts mixed rows out by measure, each share together with the measure's small rows. */
static uint64
compact_mixed(int64 bot_id, DateADT month, bool all)
{
	ks_builder	mixed;
	ks_share   *shares;
	uint32		count;
	uint32		i;
	uint64		taken;

	ks_builder_init(&mixed, CurrentMemoryContext);
	taken = take_mixed(bot_id, month, &mixed);
	ks_sort_out(&mixed, &shares, &count);
	for (i = 0; i < count; i++)
	{
		Datum		measure = PointerGetDatum(cstring_to_text_with_len((const char *) shares[i].name.bytes, (int) shares[i].name.length));

		taken += merge_measure(bot_id, month, measure, &shares[i].builder, all);
		ks_append_row(bot_id, shares[i].name, month, &shares[i].builder);
		ks_builder_free(&shares[i].builder);
	}
	return taken;
}

/* Merges the rows of one measure alone. */
static uint64
compact_measure(int64 bot_id, DateADT month, Datum measure, bool all)
{
	ks_string	name = {(const uint8_t *) VARDATA_ANY(DatumGetPointer(measure)), VARSIZE_ANY_EXHDR(DatumGetPointer(measure))};
	ks_builder	builder;
	uint64		taken;

	ks_builder_init(&builder, CurrentMemoryContext);
	taken = merge_measure(bot_id, month, measure, &builder, all);
	ks_append_row(bot_id, name, month, &builder);
	ks_builder_free(&builder);
	return taken;
}

/*
 * Compacts one month of a bot; gives back how many rows were replaced.  The
 * caller is connected to SPI and acts as the rollup's owner.
 */
int
ks_compact(int64 bot_id, DateADT month, bool all)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats compaction", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	uint64		taken = 0;
	uint64		round;
	uint64		count;
	uint64		i;
	Datum	   *measures;

	do
	{
		round = compact_mixed(bot_id, month, all);
		taken += round;
	} while (all && round >= MIXED_BATCH);
	measures = crowded_measures(bot_id, month, &count);
	for (i = 0; i < count; i++)
		taken += compact_measure(bot_id, month, measures[i], all);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return (int) taken;
}

/* After a bot's month was appended to: compacts it once in compact_after times, on average, where that cannot fail. */
void
ks_compact_sometimes(int64 bot_id, DateADT month)
{
	if (ks_compact_after > 0 && !IsolationUsesXactSnapshot() && ks_random() * ks_compact_after < 1.0)
		ks_compact(bot_id, month, false);
}

/* The same as the rollup's owner, for callers from SQL. */
static int
compact_as_owner(int64 bot_id, DateADT month)
{
	ks_identity caller;
	int			taken;

	caller = ks_become_owner("rollup");
	taken = ks_compact(bot_id, month, true);
	ks_become_again(caller);
	return taken;
}

typedef struct month_of_bot
{
	int64		bot_id;
	DateADT		month;
} month_of_bot;

/* The months that have something to merge, looked up as the rollup's owner, too. */
static month_of_bot *
crowded_months(FunctionCallInfo fcinfo, uint64 *count)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};
	char		nulls[1] = {PG_ARGISNULL(0) ? 'n' : ' '};
	month_of_bot *result;
	ks_identity caller;
	uint64		i;

	caller = ks_become_owner("rollup");
	if (SPI_execute_with_args("SELECT r.bot_id, r.month FROM kindly_stats.rollup AS r"
							  " WHERE $1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1"
							  " GROUP BY r.bot_id, r.month"
							  " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) pg_catalog.count(DISTINCT r.measure)"
							  " OR pg_catalog.bool_or(r.measure OPERATOR(pg_catalog.=) '')",
							  1, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list months of the rollup");
	ks_become_again(caller);
	*count = SPI_processed;
	result = MemoryContextAllocHuge(PortalContext, (SPI_processed + 1) * sizeof(month_of_bot));
	for (i = 0; i < *count; i++)
	{
		bool		isnull;

		result[i].bot_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		result[i].month = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* CALL compact(bot): each month in a transaction of its own, unless the caller has one open. */
Datum
ks_compact_all(PG_FUNCTION_ARGS)
{
	/* in an exception block, PL/pgSQL says it is not atomic, but nothing can be committed */
	bool		atomic = IsSubTransaction() ||
		!(fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		  !((CallContext *) fcinfo->context)->atomic);
	month_of_bot *months;
	uint64		count;
	uint64		i;

	ks_require_rollup();
	if (atomic && IsolationUsesXactSnapshot())
	{
		ereport(WARNING,
				(errmsg("nothing was compacted"),
				 errdetail("Compaction takes rows that other sessions may have compacted since this transaction's snapshot."),
				 errhint("Call it outside a transaction block, or at READ COMMITTED.")));
		return (Datum) 0;
	}
	if (SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	months = crowded_months(fcinfo, &count);
	for (i = 0; i < count; i++)
	{
		if (!atomic)
		{
			SPI_commit();
			XactIsoLevel = XACT_READ_COMMITTED;
		}
		PushActiveSnapshot(GetTransactionSnapshot());
		compact_as_owner(months[i].bot_id, months[i].month);
		PopActiveSnapshot();
	}
	/* a procedure that called goes on at its own isolation level */
	if (!atomic && count > 0)
		SPI_commit();
	SPI_finish();
	return (Datum) 0;
}
