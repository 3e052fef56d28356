/*
 * Compaction: many small rows of a bot, measure and month become few.
 *
 * It only makes reading faster, and asks nobody to wait: it deletes the rows
 * that it can lock at once and inserts their sum, in one transaction.  Mixed
 * rows stay mixed while they are small: sorting a tally out by measure costs a
 * row for each of them.  Inline, rows are merged when there are several of about
 * the same size, and with them all that are smaller; so each is rewritten once
 * whenever its size has grown by that factor, and there are only so many rows of
 * each size.  On demand, all are merged.
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

/* Rows taken at once: bounds the memory and time of one round. */
#define BATCH 1000

/* So many rows of about the same size are merged; sizes are about the same that differ by less than this factor. */
#define FAN 8

/*
 * Rows larger than this are left alone: reading several such rows costs hardly
 * more than reading one, rewriting them does.
 */
#define ROW_BYTES_MAX (8 * 1024 * 1024)

/* A mixed row of one event has hardly more entries and bytes than these. */
#define SMALL_ROW_ENTRIES 16
#define SMALL_ROW_BYTES 1000

/* A transaction that has appended more rows than this compacts them less and less often. */
#define MANY_APPENDED 1000

/* Setting kindly_stats.compact_after */
int			ks_compact_after = 64;

PG_FUNCTION_INFO_V1(ks_compact_all);

/* What is compacted for itself: the live or the kept rows of a bot and month. */
typedef struct month_part
{
	int64		bot_id;
	DateADT		month;
	bool		kept;
} month_part;

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

/* Number of times that FAN goes into a size. */
static int
size_class(Size bytes)
{
	int			result = 0;

	for (; bytes >= FAN; bytes /= FAN)
		result++;
	return result;
}

/*
 * How many of the rows, ascending by size, to merge with what is at hand (of
 * carried bytes, or none): all up to the largest size of which there are enough,
 * or that is less than what has to be written anyway.
 */
static int
count_to_merge(const Size *sizes, int count, Size carried, bool all)
{
	Size		sum = carried;
	int			result = 0;
	int			begin,
				end;

	for (begin = 0; begin < count; begin = end)
	{
		int			class = size_class(sizes[begin]);
		bool		carry = carried > 0 || begin > 0;
		int			alike = carry && size_class(sum) == class;
		bool		small = carry && result == begin && size_class(sum) > class;

		for (end = begin; end < count && size_class(sizes[end]) == class && sum + sizes[end] <= ROW_BYTES_MAX; end++)
		{
			sum += sizes[end];
			alike++;
		}
		if (all || small || alike >= FAN)
			result = end;
		if (end == begin)
			break;
	}
	/* a row alone has nothing to be merged with */
	return result == 1 && carried == 0 ? 0 : result;
}

/* The smallest rows of a measure: so many of them, none larger than this. */
typedef struct small_rows
{
	int			count;
	Size		largest;
} small_rows;

/* The first of the rows, ascending by size, that are not too much together; one at least. */
static int
count_within(const Size *sizes, int count)
{
	Size		sum = 0;
	int			i;

	for (i = 0; i < count && (i == 0 || sum + sizes[i] <= ROW_BYTES_MAX); i++)
		sum += sizes[i];
	return i;
}

/* Which rows to take, from the sizes, in ascending order, that the last statement returned: those worth merging, or all that are not too much. */
static small_rows
choose_rows(Size carried, bool all, bool single)
{
	int			count = (int) Min(SPI_processed, BATCH);
	Size	   *sizes = palloc((count + 1) * sizeof(Size));
	small_rows	result = {0, 0};
	bool		isnull;
	int			i;

	for (i = 0; i < count; i++)
		sizes[i] = (Size) DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	result.count = single ? count_within(sizes, count) : count_to_merge(sizes, count, carried, all);
	if (result.count > 0)
		result.largest = sizes[result.count - 1];
	pfree(sizes);
	return result;
}

/* About what the builder takes when packed. */
static Size
packed_bytes(const ks_builder *builder)
{
	return builder->weights.count * sizeof(uint32) + builder->members.count * sizeof(uint64);
}

/* Takes rows out of the rollup and into the builder, the smallest first; gives back how many. */
static uint64
take_rows(const month_part *of, Datum measure, small_rows rows, ks_builder *builder)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[6] = {INT8OID, DATEOID, TEXTOID, INT4OID, INT8OID, BOOLOID};
	Datum		values[6] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, Int32GetDatum((int32) rows.largest), Int64GetDatum(rows.count),
	BoolGetDatum(of->kept)};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.=) $3"
				" AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT l.id FROM kindly_stats.rollup AS l"
				" WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.month OPERATOR(pg_catalog.=) $2 AND l.measure OPERATOR(pg_catalog.=) $3"
				" AND l.kept OPERATOR(pg_catalog.=) $6 AND pg_catalog.pg_column_size(l.tally) OPERATOR(pg_catalog.<=) $4"
				" ORDER BY pg_catalog.pg_column_size(l.tally) LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING r.tally", 6, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return merge_returned(builder);
}

/* The sizes of the rows of a measure, or of mixed ones. */
static void
select_sizes(const month_part *of, Datum measure)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[4] = {INT8OID, DATEOID, TEXTOID, BOOLOID};
	Datum		values[4] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, BoolGetDatum(of->kept)};

	ks_prepared(&plan,
				"SELECT pg_catalog.pg_column_size(r.tally) FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.=) $3"
				" AND r.kept OPERATOR(pg_catalog.=) $4 ORDER BY 1", 4, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
}

/* How many rows a measure has. */
static uint64
count_rows(const month_part *of, Datum measure)
{
	select_sizes(of, measure);
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed;
}

/* Takes the rows of a measure (or mixed ones) that are worth merging with what the builder has. */
static uint64
take_worthy(const month_part *of, Datum measure, ks_builder *builder, bool all)
{
	small_rows	rows;

	select_sizes(of, measure);
	rows = choose_rows(packed_bytes(builder), all, false);
	SPI_freetuptable(SPI_tuptable);
	return rows.count == 0 ? 0 : take_rows(of, measure, rows, builder);
}

/* Takes mixed rows whether or not there is more than one. */
static uint64
take_mixed(const month_part *of, Datum measure, ks_builder *builder)
{
	small_rows	rows;

	select_sizes(of, measure);
	rows = choose_rows(0, true, true);
	SPI_freetuptable(SPI_tuptable);
	return rows.count == 0 ? 0 : take_rows(of, measure, rows, builder);
}

/* The measures of the month that stand in several rows. */
static Datum *
crowded_measures(const month_part *of, uint64 *count)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, DATEOID, BOOLOID};
	Datum		values[3] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), BoolGetDatum(of->kept)};
	Datum	   *result;
	uint64		i;

	ks_prepared(&plan,
				"SELECT r.measure FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.<>) ''"
				" AND r.kept OPERATOR(pg_catalog.=) $3 GROUP BY r.measure HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1", 3, types);
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

static Datum
measure_datum(ks_string name)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) name.bytes, (int) name.length));
}

/* Writes what was taken of one measure, together with rows of it that are worth merging. */
static uint64
put_measure(const month_part *of, ks_string measure, ks_builder *builder, bool all)
{
	uint64		taken = take_worthy(of, measure_datum(measure), builder, all);

	ks_append_row(of->bot_id, measure, of->month, of->kept, builder);
	ks_builder_free(builder);
	return taken;
}

/*
 * Merges mixed rows: those of single events, and as far as it is worth it,
 * larger ones, too.  What has become too much for a mixed row is sorted out by
 * measure.
 */
static uint64
compact_mixed(const month_part *of, bool all, bool larger)
{
	ks_string	name = {(const uint8_t *) KS_MIXED, 0};
	small_rows	small = {BATCH, SMALL_ROW_BYTES};
	ks_builder	mixed;
	ks_share   *shares;
	uint32		count;
	uint32		i;
	uint64		taken;

	ks_builder_init(&mixed, CurrentMemoryContext);
	taken = all ? take_mixed(of, measure_datum(name), &mixed) : take_rows(of, measure_datum(name), small, &mixed);
	if (larger && !all)
		taken += take_worthy(of, measure_datum(name), &mixed, false);
	ks_must(ks_builder_settle(&mixed));
	if (!all && !ks_sort_out_worth(&mixed))
	{
		ks_append_row(of->bot_id, name, of->month, of->kept, &mixed);
		return taken;
	}
	ks_sort_out(&mixed, &shares, &count);
	for (i = 0; i < count; i++)
		put_measure(of, shares[i].name, &shares[i].builder, all);
	return taken;
}

/* Merges the rows of one measure alone. */
static uint64
compact_measure(const month_part *of, Datum measure, bool all)
{
	ks_string	name = {(const uint8_t *) VARDATA_ANY(DatumGetPointer(measure)), VARSIZE_ANY_EXHDR(DatumGetPointer(measure))};
	ks_builder	builder;

	ks_builder_init(&builder, CurrentMemoryContext);
	return put_measure(of, name, &builder, all);
}

/*
 * Merges all mixed rows that there are.  What is written meanwhile is not waited for: a
 * writer may be quicker than this.
 */
static void
compact_all_mixed(const month_part *of)
{
	uint64		left = count_rows(of, measure_datum((ks_string) {(const uint8_t *) KS_MIXED, 0}));
	uint64		taken;

	for (; left > 0 && (taken = compact_mixed(of, true, true)) > 0; left -= Min(left, taken))
		;
}

/* The same of a measure.  Who finds others' rows locked takes its own sum, and gives it back as it was: then nothing is left to do. */
static void
compact_all_of_measure(const month_part *of, Datum measure)
{
	uint64		left = count_rows(of, measure);
	uint64		taken;

	for (; left > 1 && (taken = compact_measure(of, measure, true)) > 1; left -= Min(left, taken - 1))
		;
}

/* How much of a month to look at. */
typedef enum compact_what
{
	COMPACT_SMALL,				/* mixed rows of single events */
	COMPACT_MIXED,				/* all mixed rows, as far as it is worth it */
	COMPACT_WORTHY,				/* rows of single measures, too */
	COMPACT_ALL					/* everything, worth it or not */
} compact_what;

/* Compacts the live or the kept rows of one month of a bot.  The caller is connected to SPI and acts as the rollup's owner. */
static void
compact_month(const month_part *of, compact_what what)
{
	MemoryContext memory;
	MemoryContext old;
	uint64		count = 0;
	uint64		i;
	Datum	   *measures;

	/* a repair deletes rows that it saw: their sum must not be in others by then */
	if (!ks_repair_excluded())
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats compaction", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	if (what == COMPACT_ALL)
		compact_all_mixed(of);
	else
		compact_mixed(of, false, what != COMPACT_SMALL);
	measures = what >= COMPACT_WORTHY ? crowded_measures(of, &count) : NULL;
	for (i = 0; i < count; i++)
	{
		if (what == COMPACT_ALL)
			compact_all_of_measure(of, measures[i]);
		else
			compact_measure(of, measures[i], false);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/* What this transaction has appended. */
typedef struct appending
{
	TransactionId transaction;
	uint64		rows;
	uint64		next;			/* it compacts no more before it has appended so many */
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
 * Whether this transaction may compact once more.  Rows that it has deleted itself
 * are in the way until it ends.  From some number on, it waits until it has appended
 * a part of what it had by then: stepping over them then costs only so much for each.
 */
static bool
may_step_over(void)
{
	if (appended.rows < appended.next)
		return false;
	appended.next = appended.rows < MANY_APPENDED ? 0 : appended.rows + appended.rows / FAN;
	return true;
}

/*
 * After a group was appended: compacts its month once in compact_after times, on
 * average, where that cannot fail; more often after larger mixed rows, which are
 * dearer to read.
 */
void
ks_compact_sometimes(const ks_group *group, bool kept)
{
	uint64		entries = group->builder.weights.count + (uint64) group->builder.members.count;
	bool		mixed = !ks_sort_out_worth(&group->builder);
	bool		small = entries <= SMALL_ROW_ENTRIES && ks_random() * FAN >= 1.0;
	double		chances = mixed ? Max(1.0, entries / (double) SMALL_ROW_ENTRIES) : 1.0;

	month_part	of = {group->bot_id, ks_month_to_date(group->month), kept};

	note_append();
	if (ks_compact_after > 0 && !IsolationUsesXactSnapshot() && ks_random() * ks_compact_after < chances && may_step_over())
		compact_month(&of, small ? COMPACT_SMALL : mixed ? COMPACT_MIXED : COMPACT_WORTHY);
}

/* Merges all rows of a month, as far as nobody has them, as the rollup's owner. */
static void
compact_as_owner(const month_part *of)
{
	ks_identity caller = ks_become_owner("rollup");

	compact_month(of, COMPACT_ALL);
	ks_become_again(caller);
}

/* The months that have something to merge, looked up as the rollup's owner, too. */
static month_part *
crowded_months(FunctionCallInfo fcinfo, uint64 *count)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};
	char		nulls[1] = {PG_ARGISNULL(0) ? 'n' : ' '};
	month_part *result;
	ks_identity caller;
	uint64		i;

	caller = ks_become_owner("rollup");
	if (SPI_execute_with_args("SELECT r.bot_id, r.month, r.kept FROM kindly_stats.rollup AS r"
							  " WHERE $1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1"
							  " GROUP BY r.bot_id, r.month, r.kept"
							  " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) pg_catalog.count(DISTINCT r.measure)"
							  " OR pg_catalog.bool_or(r.measure OPERATOR(pg_catalog.=) '')",
							  1, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list months of the rollup");
	ks_become_again(caller);
	*count = SPI_processed;
	result = MemoryContextAllocHuge(PortalContext, (SPI_processed + 1) * sizeof(month_part));
	for (i = 0; i < *count; i++)
	{
		bool		isnull;

		result[i].bot_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		result[i].month = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		result[i].kept = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3, &isnull));
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
	month_part *months;
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
		compact_as_owner(&months[i]);
		PopActiveSnapshot();
	}
	/* a procedure that called goes on at its own isolation level */
	if (!atomic && count > 0)
		SPI_commit();
	SPI_finish();
	return (Datum) 0;
}
