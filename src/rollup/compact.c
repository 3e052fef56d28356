/*
 * Compaction: many small rows of a bot, measure and month become few.
 *
 * It only makes reading faster, and asks nobody to wait: it deletes the rows
 * that it can lock at once and inserts their sum, in one transaction.  Mixed
 * rows stay mixed while they are small: sorting a tally out by measure costs a
 * row for each of them.  Inline, a bot's new rows are merged whatever their month; merged ones
 * when there are several of about the same size, and with them all that are smaller; so each is rewritten once
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

/* A mixed row of one event has hardly more entries than these. */
#define SMALL_ROW_ENTRIES 16

/* So many transactions may lie between the oldest snapshot and now before a mark is worth its row. */
#define MARK_AGE 500

/*
 * Where merged rows cannot be removed, more new ones are left together: up to so many times as many,
 * once more for each of those transactions.  A row that is read costs little more than a dead one.
 */
#define HELD_FACTOR 8
#define HELD_AGE 4000

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
 * or that is less than what has to be written anyway; one alone only if it is
 * not to be written as it was.
 */
static int
count_to_merge(const Size *sizes, int count, Size carried, bool all, bool alone)
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
	return result == 1 && carried == 0 && !alone ? 0 : result;
}

/* The smallest rows of a measure: so many of them, none larger than this. */
typedef struct small_rows
{
	int			count;
	Size		largest;
} small_rows;

/* Which rows to take, from the sizes, in ascending order, that the last statement returned: those worth merging, or all that are not too much. */
static small_rows
choose_rows(Size carried, bool all, bool alone)
{
	int			count = (int) Min(SPI_processed, BATCH);
	Size	   *sizes = palloc((count + 1) * sizeof(Size));
	small_rows	result = {0, 0};
	bool		isnull;
	int			i;

	for (i = 0; i < count; i++)
		sizes[i] = (Size) DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	result.count = count_to_merge(sizes, count, carried, all, alone);
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
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT l.id FROM kindly_stats.rollup AS l"
				" WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.month OPERATOR(pg_catalog.=) $2 AND l.measure OPERATOR(pg_catalog.=) $3"
				" AND l.id OPERATOR(pg_catalog.<) 0"
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
				" AND r.kept OPERATOR(pg_catalog.=) $4 AND" KS_IS_MERGED " ORDER BY 1", 4, types);
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
take_worthy(const month_part *of, Datum measure, ks_builder *builder, bool all, bool alone)
{
	small_rows	rows;

	select_sizes(of, measure);
	rows = choose_rows(packed_bytes(builder), all, alone);
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
				" AND r.kept OPERATOR(pg_catalog.=) $3 AND" KS_IS_MERGED " GROUP BY r.measure HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1", 3, types);
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
	uint64		taken = take_worthy(of, measure_datum(measure), builder, all, false);

	ks_append_row(of->bot_id, measure, of->month, of->kept, builder);
	ks_builder_free(builder);
	return taken;
}

/* How much to look at. */
typedef enum compact_what
{
	COMPACT_NEW,				/* new rows */
	COMPACT_MIXED,				/* all mixed rows, as far as it is worth it */
	COMPACT_WORTHY,				/* rows of single measures, too */
	COMPACT_ALL,				/* everything, worth it or not */
	COMPACT_SORTED				/* the same of mixed rows, and none is left */
} compact_what;

/*
 * Writes what was taken of mixed rows, together with others of them that are worth merging.
 * What has become too much for a mixed row is sorted out by measure.
 */
static uint64
put_mixed(const month_part *of, ks_builder *mixed, compact_what what)
{
	ks_string	name = {(const uint8_t *) KS_MIXED, 0};
	ks_share   *shares;
	uint32		count;
	uint32		i;
	uint64		taken = 0;

	if (what != COMPACT_NEW)
		taken = take_worthy(of, measure_datum(name), mixed, what >= COMPACT_ALL, what == COMPACT_SORTED);
	ks_must(ks_builder_settle(mixed));
	if (what != COMPACT_SORTED && !ks_sort_out_worth(mixed))
	{
		ks_append_row(of->bot_id, name, of->month, of->kept, mixed);
		return taken;
	}
	ks_sort_out(mixed, &shares, &count);
	for (i = 0; i < count; i++)
		put_measure(of, shares[i].name, &shares[i].builder, false);
	return taken;
}

/* Merges mixed rows that were merged before. */
static uint64
compact_mixed(const month_part *of, compact_what what)
{
	ks_builder	mixed;

	ks_builder_init(&mixed, CurrentMemoryContext);
	return put_mixed(of, &mixed, what);
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
 * Merges all rows of a measure, or all mixed ones.  What is written meanwhile is not waited for: a writer may
 * be quicker than this.  Who finds others' rows locked takes its own sum, and gives it back as it was: then nothing is left to do.
 */
static void
compact_all_of(const month_part *of, Datum measure, compact_what what)
{
	bool		mixed = VARSIZE_ANY_EXHDR(DatumGetPointer(measure)) == 0;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats round", ALLOCSET_DEFAULT_SIZES);
	uint64		written = what == COMPACT_SORTED ? 0 : 1;
	uint64		left = count_rows(of, measure);
	uint64		taken = left;

	for (; left > written && taken > written; left -= Min(left, taken - written))
	{
		MemoryContext old = MemoryContextSwitchTo(memory);

		taken = mixed ? compact_mixed(of, what) : compact_measure(of, measure, true);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
		if (taken == 0)
			break;
	}
	MemoryContextDelete(memory);
}

/* Whether the month has merged rows of single measures. */
static bool
is_sorted_out(const month_part *of)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, DATEOID, BOOLOID};
	Datum		values[3] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), BoolGetDatum(of->kept)};

	ks_prepared(&plan,
				"SELECT FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.<>) ''"
				" AND r.kept OPERATOR(pg_catalog.=) $3 AND" KS_IS_MERGED " LIMIT 1", 3, types);
	if (SPI_execute_plan(plan, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed > 0;
}

/* Merges all mixed rows; where there are rows of single measures, too, into those. */
static void
compact_all_mixed(const month_part *of)
{
	Datum		mixed = measure_datum((ks_string) {(const uint8_t *) KS_MIXED, 0});

	compact_all_of(of, mixed, COMPACT_ALL);
	if (is_sorted_out(of))
		compact_all_of(of, mixed, COMPACT_SORTED);
}

/* ------------------------------------------------------------------------
 * New rows
 * ------------------------------------------------------------------------
 */

/* The sum of a bot's new rows of one month. */
typedef struct month_sum
{
	month_part	of;
	ks_builder	builder;
} month_sum;

/* The sum that the row belongs to; there are few. */
static ks_builder *
sum_of(List **sums, const month_part *of)
{
	month_sum  *sum;
	ListCell   *cell;

	foreach(cell, *sums)
	{
		sum = lfirst(cell);
		if (sum->of.month == of->month && sum->of.kept == of->kept)
			return &sum->builder;
	}
	sum = palloc(sizeof(month_sum));
	sum->of = *of;
	ks_builder_init(&sum->builder, CurrentMemoryContext);
	*sums = lappend(*sums, sum);
	return &sum->builder;
}

/* New rows that are being taken. */
typedef struct taking
{
	int64		bot_id;
	List	  **sums;
} taking;

static void
add_taken(void *context, DateADT month, bool kept, Datum tally)
{
	const taking *t = context;
	month_part	of = {t->bot_id, month, kept};
	ks_view		view;

	ks_tally_open(&view, tally);
	ks_must(ks_builder_merge(sum_of(t->sums, &of), &view, false));
}

/* Takes new rows of a bot out of the rollup, the oldest first; gives back how many.  Marks are not believed where all are to be taken. */
static uint64
take_new(int64 bot_id, bool all, List **sums)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr all_plan = NULL;
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(bot_id), Int64GetDatum(BATCH)};
	taking		t = {bot_id, sums};
	int64		taken = ks_store_take_new(bot_id, all, BATCH, add_taken, &t);
	uint64		i;

	if (taken >= 0)
		return (uint64) taken;

#define TAKE_NEW(which) \
	"DELETE FROM kindly_stats.rollup AS r" \
	" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT n.id FROM kindly_stats.rollup AS n WHERE n.bot_id OPERATOR(pg_catalog.=) $1 AND" which \
	" ORDER BY n.id LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING r.tally, r.month, r.kept"

	if (all)
		ks_prepared(&all_plan, TAKE_NEW(" n.id OPERATOR(pg_catalog.>=) 0 AND n.cluster IS NULL"), 2, types);
	else
		ks_prepared(&plan, TAKE_NEW(KS_IS_NEW), 2, types);
	if (SPI_execute_plan(all ? all_plan : plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		add_taken(&t, DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull)), DatumGetBool(SPI_getbinval(row, desc, 3, &isnull)),
				  SPI_getbinval(row, desc, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return i;
}

/* The smallest id of a new row of the bot that is to be seen from here on, and the id from which it was looked for. */
static int64
first_new(int64 bot_id, int64 *marked)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot_id)};
	bool		isnull;
	int64		result;

	ks_prepared(&plan, "SELECT " KS_FIRST_NEW ", (SELECT n.id FROM kindly_stats.rollup AS n"
				" WHERE n.bot_id OPERATOR(pg_catalog.=) $1 AND" KS_IS_NEW " ORDER BY n.id LIMIT 1)", 1, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
	*marked = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	result = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return isnull ? KS_ID_MARKS : result;
}

/* Deletes marks of the bot: the furthest, or all. */
static void
delete_marks(int64 bot_id, int64 how_many)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(bot_id), Int64GetDatum(how_many)};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT b.id FROM kindly_stats.rollup AS b"
				" WHERE b.bot_id OPERATOR(pg_catalog.=) $1 AND b.id OPERATOR(pg_catalog.>=) 2305843009213693952"
				" ORDER BY b.id LIMIT $2 FOR UPDATE SKIP LOCKED))", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not take rows out of the rollup");
}

/*
 * Says below which id no new rows of the bot are left, where those that were merged would
 * be in the way for long.
 */
static void
set_mark(int64 bot_id, DateADT month, bool all)
{
	int64		ended;
	int64		marked;
	int64		mark;

	if (all)
		delete_marks(bot_id, PG_INT64_MAX);
	if (ks_id_held() <= MARK_AGE)
		return;
	/* in this order: who had ended by then is seen, or has been merged */
	ended = ks_id_ended();
	mark = ks_id_mark(Min(first_new(bot_id, &marked), ended));
	if (mark <= marked)
		return;
	delete_marks(bot_id, 1);
	ks_append_mark(bot_id, month, mark);
}

/* Merges the new rows of a bot, month by month; gives back whether there were any. */
static bool
compact_new(const month_part *of, compact_what what)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	List	   *sums = NIL;
	uint64		taken = take_new(of->bot_id, what == COMPACT_ALL, &sums);
	ListCell   *cell;

	foreach(cell, sums)
	{
		month_sum  *sum = lfirst(cell);

		(void) put_mixed(&sum->of, &sum->builder, what == COMPACT_ALL ? COMPACT_NEW : what);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return taken > 0;
}

/* ------------------------------------------------------------------------
 * Inline and on demand
 * ------------------------------------------------------------------------
 */

/* Compacts the new rows of a bot, and the live or the kept ones of one of its months.  The caller is connected to SPI and acts as the rollup's owner. */
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
	while (compact_new(of, what) && what == COMPACT_ALL)
		;
	if (what == COMPACT_ALL)
		compact_all_mixed(of);
	else if (what != COMPACT_NEW)
		(void) compact_mixed(of, what);
	measures = what >= COMPACT_WORTHY ? crowded_measures(of, &count) : NULL;
	for (i = 0; i < count; i++)
	{
		if (what == COMPACT_ALL)
			compact_all_of(of, measures[i], what);
		else
			compact_measure(of, measures[i], false);
	}
	set_mark(of->bot_id, of->month, what == COMPACT_ALL);
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

/* Whether to merge rows although what is left of them cannot be removed. */
static bool
worth_although_held(void)
{
	return ks_random() * (double) Min(1 + ks_id_held() / HELD_AGE, HELD_FACTOR) < 1.0;
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
	if (ks_compact_after > 0 && !IsolationUsesXactSnapshot() && ks_random() * ks_compact_after < chances && may_step_over() && worth_although_held())
		compact_month(&of, small ? COMPACT_NEW : mixed ? COMPACT_MIXED : COMPACT_WORTHY);
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
							  " OR pg_catalog.bool_or(r.id OPERATOR(pg_catalog.>=) 0)"
							  " OR (pg_catalog.min(r.measure) OPERATOR(pg_catalog.=) '' AND pg_catalog.max(r.measure) OPERATOR(pg_catalog.<>) '')",
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
