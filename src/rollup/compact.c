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

/* Rows no larger than this are added up in one pass where there are more of them than one round takes. */
#define SMALL_BYTES (8 * 1024)

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
	DateADT		month;			/* -infinity: rows that span months */
	bool		kept;
	bool		joined;			/* where it is to be made of all rows of a bot that has little */
	bool		apart;			/* where it is to be taken apart, since the bot has much */
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

static bool
spans_months(const month_part *of)
{
	return DATE_IS_NOBEGIN(of->month);
}

/* What of the rollup a part is, where its rows are named l, and the same for those that span months. */
#define OF_MONTH \
	" l.bot_id OPERATOR(pg_catalog.=) $1 AND l.month OPERATOR(pg_catalog.=) $2 AND l.measure OPERATOR(pg_catalog.=) $3" \
	" AND l.id OPERATOR(pg_catalog.<) 0"
#define OF_SPANS \
	" l.bot_id OPERATOR(pg_catalog.=) $1 AND $2 IS NOT NULL AND l.measure OPERATOR(pg_catalog.=) $3" \
	" AND l.id OPERATOR(pg_catalog.>=) 2305843009213693952 AND l.id OPERATOR(pg_catalog.<) 4611686018427387904"

/* Takes rows out of the rollup and into the builder, the smallest first; gives back how many. */
static uint64
take_rows(const month_part *of, Datum measure, small_rows rows, ks_builder *builder)
{
	static SPIPlanPtr plans[2] = {NULL, NULL};
	SPIPlanPtr *plan = &plans[spans_months(of)];
	Oid			types[6] = {INT8OID, DATEOID, TEXTOID, INT4OID, INT8OID, BOOLOID};
	Datum		values[6] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, Int32GetDatum((int32) rows.largest), Int64GetDatum(rows.count),
	BoolGetDatum(of->kept)};

#define TAKE_ROWS(which) \
	"DELETE FROM kindly_stats.rollup AS r" \
	" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT l.id FROM kindly_stats.rollup AS l WHERE" which \
	" AND l.kept OPERATOR(pg_catalog.=) $6 AND pg_catalog.pg_column_size(l.tally) OPERATOR(pg_catalog.<=) $4" \
	" ORDER BY pg_catalog.pg_column_size(l.tally) LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING r.tally"

	ks_prepared(plan, spans_months(of) ? TAKE_ROWS(OF_SPANS) : TAKE_ROWS(OF_MONTH), 6, types);
	if (SPI_execute_plan(*plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return merge_returned(builder);
}

/* The sizes of the rows of a measure, or of mixed ones. */
static void
select_sizes(const month_part *of, Datum measure)
{
	static SPIPlanPtr plans[2] = {NULL, NULL};
	SPIPlanPtr *plan = &plans[spans_months(of)];
	Oid			types[4] = {INT8OID, DATEOID, TEXTOID, BOOLOID};
	Datum		values[4] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, BoolGetDatum(of->kept)};

#define SELECT_SIZES(which) \
	"SELECT pg_catalog.pg_column_size(l.tally) FROM kindly_stats.rollup AS l WHERE" which " AND l.kept OPERATOR(pg_catalog.=) $4 ORDER BY 1"

	ks_prepared(plan, spans_months(of) ? SELECT_SIZES(OF_SPANS) : SELECT_SIZES(OF_MONTH), 4, types);
	if (SPI_execute_plan(*plan, values, NULL, false, 0) != SPI_OK_SELECT)
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

static uint64 put_span(const month_part *of, ks_builder *span, compact_what what, bool apart);

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

	if (spans_months(of))
		return put_span(of, mixed, what, ks_is_sorted_out(of->bot_id));
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

/*
 * The same for rows that span months.  What has become too much for one is taken apart, month by
 * month; so are all of them where the bot has turned out to have much.
 */
static uint64
put_span(const month_part *of, ks_builder *span, compact_what what, bool apart)
{
	ks_string	name = {(const uint8_t *) KS_MIXED, 0};
	ks_month_share *shares;
	uint64		taken = 0;
	int			count;
	int			i;

	if (apart || what != COMPACT_NEW)
		taken = take_worthy(of, measure_datum(name), span, apart || what >= COMPACT_ALL, apart);
	ks_must(ks_builder_settle(span));
	if (!apart && !ks_sort_out_worth(span))
	{
		ks_append_row(of->bot_id, name, of->month, of->kept, span);
		return taken;
	}
	ks_span_split(span, &shares, &count);
	for (i = 0; i < count; i++)
	{
		month_part	part = {of->bot_id, ks_month_to_date(shares[i].month), of->kept};

		if (what == COMPACT_ALL)
			put_mixed(&part, &shares[i].builder, is_sorted_out(&part) ? COMPACT_SORTED : COMPACT_ALL);
		else
			put_mixed(&part, &shares[i].builder, what);
	}
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

/* Writes what was added up, and forgets it. */
static void
put_sum(const month_part *of, ks_string measure, ks_builder *sum)
{
	if (measure.length == 0)
		(void) put_mixed(of, sum, COMPACT_NEW);
	else
		ks_append_row(of->bot_id, measure, of->month, of->kept, sum);
}

/* Deletes rows of the bot by their ids. */
static void
delete_rows(int64 bot_id, Datum *ids, uint64 count)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, INT8ARRAYOID};
	Datum		values[2] = {Int64GetDatum(bot_id), PointerGetDatum(construct_array(ids, (int) count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE))};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY ($2)", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not take rows out of the rollup");
}

/* Takes the rows that a cursor gives next out of the rollup and into the sum; gives back how many. */
static uint64
take_next(const month_part *of, Portal cursor, ks_builder *sum)
{
	Datum	   *ids;
	uint64		count;
	uint64		i;

	SPI_cursor_fetch(cursor, true, BATCH);
	count = SPI_processed;
	ids = palloc((count + 1) * sizeof(Datum));
	for (i = 0; i < count; i++)
	{
		bool		isnull;
		ks_view		view;

		CHECK_FOR_INTERRUPTS();
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		ks_tally_open(&view, SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		ks_must(ks_builder_merge(sum, &view, false));
	}
	SPI_freetuptable(SPI_tuptable);
	if (count > 0)
		delete_rows(of->bot_id, ids, count);
	return count;
}

/*
 * Adds up small rows, however many, in one pass over them: a round that looks for the smallest of those that are left
 * looks at them all, and steps over those that were deleted before.
 */
static void
merge_small(const month_part *of, Datum measure)
{
	static SPIPlanPtr plan = NULL;
	ks_string	name = {(const uint8_t *) VARDATA_ANY(DatumGetPointer(measure)), VARSIZE_ANY_EXHDR(DatumGetPointer(measure))};
	Oid			types[5] = {INT8OID, DATEOID, TEXTOID, BOOLOID, INT4OID};
	Datum		values[5] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, BoolGetDatum(of->kept), Int32GetDatum(SMALL_BYTES)};
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats sum", ALLOCSET_DEFAULT_SIZES);
	MemoryContext round = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(round);
	Portal		cursor;
	ks_builder	sum;

	ks_prepared(&plan,
				"SELECT l.id, l.tally FROM kindly_stats.rollup AS l WHERE" OF_MONTH " AND l.kept OPERATOR(pg_catalog.=) $4"
				" AND pg_catalog.pg_column_size(l.tally) OPERATOR(pg_catalog.<=) $5 FOR UPDATE SKIP LOCKED", 5, types);
	cursor = SPI_cursor_open(NULL, plan, values, NULL, false);
	ks_builder_init(&sum, memory);
	while (take_next(of, cursor, &sum) > 0)
	{
		if (packed_bytes(&sum) > ROW_BYTES_MAX)
		{
			put_sum(of, name, &sum);
			MemoryContextReset(memory);
			ks_builder_init(&sum, memory);
		}
		MemoryContextReset(round);
	}
	SPI_cursor_close(cursor);
	put_sum(of, name, &sum);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(round);
	MemoryContextDelete(memory);
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
	uint64		taken;

	if (left > BATCH)
	{
		merge_small(of, measure);
		left = count_rows(of, measure);
	}
	taken = left;
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

/* Merges all mixed rows; where there are rows of single measures, too, into those. */
static void
compact_all_mixed(const month_part *of)
{
	Datum		mixed = measure_datum((ks_string) {(const uint8_t *) KS_MIXED, 0});

	compact_all_of(of, mixed, COMPACT_ALL);
	if (is_sorted_out(of))
		compact_all_of(of, mixed, COMPACT_SORTED);
}

/* Merges rows of the bot that span months, as far as it is worth it. */
static void
compact_spans(const month_part *of, compact_what what)
{
	month_part	spans = {of->bot_id, DATEVAL_NOBEGIN, of->kept};

	if (count_rows(&spans, measure_datum((ks_string) {(const uint8_t *) KS_MIXED, 0})) > 0)
		(void) compact_mixed(&spans, what);
}

/* Takes mixed rows of all months of the bot, as far as nobody has them. */
static uint64
take_all_mixed(const month_part *of, ks_builder *builder)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, BOOLOID, INT8OID};
	Datum		values[3] = {Int64GetDatum(of->bot_id), BoolGetDatum(of->kept), Int64GetDatum(BATCH)};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT l.id FROM kindly_stats.rollup AS l WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.measure OPERATOR(pg_catalog.=) ''"
				" AND l.id OPERATOR(pg_catalog.<) 0 AND l.kept OPERATOR(pg_catalog.=) $2 LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING r.tally", 3, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return merge_returned(builder);
}

/* Makes of all rows of a bot that has little one that spans its months; of one that has much, takes those apart that do. */
static void
compact_all_spans(const month_part *of)
{
	ks_builder	sum;

	ks_builder_init(&sum, CurrentMemoryContext);
	if (of->joined)
		(void) take_all_mixed(of, &sum);
	(void) put_span(of, &sum, COMPACT_ALL, of->apart);
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

/* Makes of the sums of months, where the bot has little, one that spans them. */
static List *
joined_sums(List *sums)
{
	uint64		entries = 0;
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, sums)
	{
		ks_builder *builder = &((month_sum *) lfirst(cell))->builder;

		ks_must(ks_builder_settle(builder));
		/* what only says that an instant moved would be lost when the sum is taken apart */
		if (ks_builder_entries(builder) == 0)
			return sums;
		entries += ks_builder_entries(builder);
	}
	if (list_length(sums) < 2 || entries > KS_MIXED_MAX || ks_is_sorted_out(((month_sum *) linitial(sums))->of.bot_id))
		return sums;
	foreach(cell, sums)
	{
		month_sum  *sum = lfirst(cell);
		month_part	span = {sum->of.bot_id, DATEVAL_NOBEGIN, sum->of.kept};

		ks_must(ks_builder_add_all(sum_of(&result, &span), &sum->builder));
	}
	return result;
}

/* Takes new rows of a bot out of the rollup, the oldest first; gives back how many.  Marks are not believed where all are to be taken. */
static uint64
take_new(int64 bot_id, bool all, List **sums)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr all_plan = NULL;
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(bot_id), Int64GetDatum(BATCH)};
	uint64		i;

#define TAKE_NEW(which) \
	"DELETE FROM kindly_stats.rollup AS r" \
	" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT n.id FROM kindly_stats.rollup AS n WHERE n.bot_id OPERATOR(pg_catalog.=) $1 AND" which \
	" ORDER BY n.id LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING r.tally, r.month, r.kept, r.ctid"

	if (all)
		ks_prepared(&all_plan, TAKE_NEW(" n.id OPERATOR(pg_catalog.>=) 0 AND n.id OPERATOR(pg_catalog.<) 2305843009213693952"), 2, types);
	else
		ks_prepared(&plan, TAKE_NEW(KS_IS_NEW), 2, types);
	if (SPI_execute_plan(all ? all_plan : plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		month_part	of = {bot_id, DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull)), DatumGetBool(SPI_getbinval(row, desc, 3, &isnull))};
		ks_view		view;

		CHECK_FOR_INTERRUPTS();
		ks_tally_open(&view, SPI_getbinval(row, desc, 1, &isnull));
		ks_must(ks_builder_merge(sum_of(sums, &of), &view, false));
		ks_reuse_note((ItemPointer) DatumGetPointer(SPI_getbinval(row, desc, 4, &isnull)));
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
	return isnull ? KS_ID_SPANS : result;
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
				" WHERE b.bot_id OPERATOR(pg_catalog.=) $1 AND b.id OPERATOR(pg_catalog.>=) 4611686018427387904"
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

	foreach(cell, joined_sums(sums))
	{
		month_sum  *sum = lfirst(cell);

		/* what is to be merged with them is not written twice */
		if (what == COMPACT_ALL && spans_months(of) && spans_months(&sum->of) && sum->of.kept == of->kept && !of->apart)
			(void) put_mixed(&sum->of, &sum->builder, what);
		else
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
	ks_reuse_pages();
	while (compact_new(of, what) && what == COMPACT_ALL)
		;
	if (what == COMPACT_ALL && spans_months(of))
		compact_all_spans(of);
	else if (what == COMPACT_ALL)
		compact_all_mixed(of);
	else if (what != COMPACT_NEW)
	{
		(void) compact_mixed(of, what);
		compact_spans(of, what);
	}
	measures = what >= COMPACT_WORTHY && !spans_months(of) ? crowded_measures(of, &count) : NULL;
	for (i = 0; i < count; i++)
	{
		if (what == COMPACT_ALL)
			compact_all_of(of, measures[i], what);
		else
			compact_measure(of, measures[i], false);
	}
	set_mark(of->bot_id, spans_months(of) ? 0 : of->month, what == COMPACT_ALL);
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
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0), Int64GetDatum(KS_MIXED_MAX)};
	char		nulls[2] = {PG_ARGISNULL(0) ? 'n' : ' ', ' '};
	month_part *result;
	ks_identity caller;
	uint64		i;

	caller = ks_become_owner("rollup");
	if (SPI_execute_with_args("WITH part AS ("
							  "SELECT r.bot_id, r.month, r.kept, pg_catalog.bool_or(r.cluster IS NULL) AS counts, pg_catalog.max(r.measure) AS measure,"
							  " pg_catalog.sum(CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.entries(r.tally) END) AS entries,"
							  " pg_catalog.count(*) OPERATOR(pg_catalog.>) pg_catalog.count(DISTINCT r.measure)"
							  " OR pg_catalog.bool_or(r.id OPERATOR(pg_catalog.>=) 0 AND (r.id OPERATOR(pg_catalog.<) 2305843009213693952 OR r.cluster IS NOT NULL))"
							  " OR (pg_catalog.min(r.measure) OPERATOR(pg_catalog.=) '' AND pg_catalog.max(r.measure) OPERATOR(pg_catalog.<>) '') AS crowded"
							  " FROM kindly_stats.rollup AS r WHERE $1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1"
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
							  " ORDER BY 1, 3, 2",
							  2, types, values, nulls, false, 0) != SPI_OK_SELECT)
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
		result[i].joined = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 4, &isnull));
		result[i].apart = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 5, &isnull));
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
