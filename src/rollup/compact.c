/*
 * Compaction: many small rows of a bot, measure and month become a few larger ones.
 *
 * It makes reading faster and changes no figure.  It never makes others wait: it
 * deletes only rows that it can lock at once, adds them up, and inserts the sum, all in
 * one transaction.
 *
 * Rows are merged with rows of about the same size, when there are KS_COMPACT_FAN of
 * them.  So a row is rewritten once each time its size has grown by that factor, and
 * there are only a few rows of each size.  Smaller rows are taken along.  On demand,
 * everything is merged.
 *
 * The month before the one that is being written is over.  Since each row names its keys
 * and members anew, all of its rows become one, as soon as the others are more than a
 * small part of the largest.
 *
 * A mixed row stays mixed while it is small, since sorting it out by measure makes a
 * row of each measure, and small rows cost more than what is in them.
 *
 * compact_month.c says which rows of a bot and month are merged, compact_new.c what
 * new rows become, and compact_when.c when it happens.
 */
#include "rollup/compact.h"

#include "base/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"

/*
 * Rows larger than this are left alone: reading several such rows costs hardly
 * more than reading one, rewriting them does.
 */
#define ROW_BYTES_MAX (8 * 1024 * 1024)

/* Rows no larger than this are added up in one pass where there are more of them than one round takes. */
#define SMALL_BYTES (8 * 1024)

/* Adds the tallies of the rows that the last statement deleted, of which it returned tally and ctid; returns their number. */
uint64
ks_compact_merge_returned(ks_builder *builder)
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
		ks_reuse_note((ItemPointer) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull)));
		ks_reuse_note_tally(tally);
	}
	SPI_freetuptable(SPI_tuptable);
	return i;
}

/* How many times a size can be divided by KS_COMPACT_FAN. */
static int
size_class(Size bytes)
{
	int			result = 0;

	for (; bytes >= KS_COMPACT_FAN; bytes /= KS_COMPACT_FAN)
		result++;
	return result;
}

/*
 * Returns how many of the rows, in ascending order of size, to merge with the carried
 * bytes at hand, of which there may be none.  These are all rows up to the largest size
 * that enough of them have, or that is smaller than what has to be written anyway.  A
 * single row is rewritten alone only if it is not to stay as it is.
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
		if (all || small || alike >= KS_COMPACT_FAN)
			result = end;
		if (end == begin)
			break;
	}
	return result == 1 && carried == 0 && !alone ? 0 : result;
}

/*
 * Whether all rows of a month that is over, as many as fit into one, should become one:
 * the others are together more than a small part of the largest, which is written again
 * for them.  Rows that are full already stay as they are, and do not count here.
 */
static bool
worth_one_row(const Size *sizes, int count, Size carried)
{
	int			fitting = count_to_merge(sizes, count, carried, true, true);
	Size		others = carried;
	int			i;

	for (i = 0; i + 1 < fitting; i++)
		others += sizes[i];
	return fitting > 0 && others >= sizes[fitting - 1] / KS_COMPACT_FAN;
}

/* A choice of the smallest rows of a measure: this many, none larger than that. */
typedef struct small_rows
{
	int			count;
	Size		largest;
} small_rows;

/* Which rows to take, from the sizes, in ascending order, that the last statement returned: those worth merging, or all that are not too much. */
static small_rows
choose_rows(const ks_month_part *of, Size carried, bool all, bool alone)
{
	int			count = (int) Min(SPI_processed, KS_COMPACT_BATCH);
	Size	   *sizes = palloc((count + 1) * sizeof(Size));
	small_rows	result = {0, 0};
	bool		isnull;
	int			i;

	for (i = 0; i < count; i++)
		sizes[i] = (Size) DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	result.count = count_to_merge(sizes, count, carried, all || (of->over && worth_one_row(sizes, count, carried)), alone);
	if (result.count > 0)
		result.largest = sizes[result.count - 1];
	pfree(sizes);
	return result;
}

/* Estimates the builder's size when packed. */
static Size
packed_bytes(const ks_builder *builder)
{
	return builder->weights.count * sizeof(uint32) + builder->members.count * sizeof(uint64);
}

/* Conditions on the ids of a part's rows: of a month, and of rows that span months. */
#define MONTH_IDS(row) \
	" " row ".id OPERATOR(pg_catalog.<) 0"
#define SPAN_IDS(row) \
	" " row ".id OPERATOR(pg_catalog.>=) " KS_ID_SPANS_SQL " AND " row ".id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL

/* Conditions on rows l of the rollup that belong to a part. */
#define OF_MONTH \
	" l.bot_id OPERATOR(pg_catalog.=) $1 AND l.month OPERATOR(pg_catalog.=) $2 AND l.measure OPERATOR(pg_catalog.=) $3 AND" MONTH_IDS("l")
#define OF_SPANS \
	" l.bot_id OPERATOR(pg_catalog.=) $1 AND $2 IS NOT NULL AND l.measure OPERATOR(pg_catalog.=) $3 AND" SPAN_IDS("l")

/*
 * Takes rows out of the rollup and into the builder, the smallest first; returns how many.
 * Where statistics say that a bot has few rows, the plan is to look for the ids among all of
 * them: the range of ids keeps it away from what is left of new rows.
 */
static uint64
take_rows(const ks_month_part *of, Datum measure, small_rows rows, ks_builder *builder)
{
	static SPIPlanPtr plans[2] = {NULL, NULL};
	SPIPlanPtr *plan = &plans[ks_spans_months(of)];
	Oid			types[6] = {INT8OID, DATEOID, TEXTOID, INT4OID, INT8OID, BOOLOID};
	Datum		values[6] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, Int32GetDatum((int32) rows.largest), Int64GetDatum(rows.count),
	BoolGetDatum(of->kept)};

#define TAKE_ROWS(which, ids) \
	"DELETE FROM kindly_stats.rollup AS r" \
	" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND" ids("r") " AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT l.id FROM kindly_stats.rollup AS l WHERE" which \
	" AND l.kept OPERATOR(pg_catalog.=) $6 AND pg_catalog.pg_column_size(l.tally) OPERATOR(pg_catalog.<=) $4" \
	" ORDER BY pg_catalog.pg_column_size(l.tally) LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING r.tally, r.ctid"

	ks_prepared(plan, ks_spans_months(of) ? TAKE_ROWS(OF_SPANS, SPAN_IDS) : TAKE_ROWS(OF_MONTH, MONTH_IDS), 6, types);
	if (SPI_execute_plan(*plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return ks_compact_merge_returned(builder);
}

/* Selects the sizes of the rows of a measure, or of mixed ones. */
static void
select_sizes(const ks_month_part *of, Datum measure)
{
	static SPIPlanPtr plans[2] = {NULL, NULL};
	SPIPlanPtr *plan = &plans[ks_spans_months(of)];
	Oid			types[4] = {INT8OID, DATEOID, TEXTOID, BOOLOID};
	Datum		values[4] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), measure, BoolGetDatum(of->kept)};

#define SELECT_SIZES(which) \
	"SELECT pg_catalog.pg_column_size(l.tally) FROM kindly_stats.rollup AS l WHERE" which " AND l.kept OPERATOR(pg_catalog.=) $4 ORDER BY 1"

	ks_prepared_simple(plan, ks_spans_months(of) ? SELECT_SIZES(OF_SPANS) : SELECT_SIZES(OF_MONTH), 4, types);
	if (SPI_execute_plan(*plan, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
}

/* Returns how many rows a measure has. */
uint64
ks_compact_count(const ks_month_part *of, Datum measure)
{
	select_sizes(of, measure);
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed;
}

/* Takes the rows of a measure (or mixed ones) that are worth merging with what the builder has. */
static uint64
take_worthy(const ks_month_part *of, Datum measure, ks_builder *builder, bool all, bool alone)
{
	small_rows	rows;

	select_sizes(of, measure);
	rows = choose_rows(of, packed_bytes(builder), all, alone);
	SPI_freetuptable(SPI_tuptable);
	return rows.count == 0 ? 0 : take_rows(of, measure, rows, builder);
}

Datum
ks_measure_datum(ks_string name)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) name.bytes, (int) name.length));
}

/* Whether other rows may also have an opinion on the first or last event of the same time. */
static bool
has_others(const ks_month_part *of)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[4] = {INT8OID, DATEOID, BOOLOID, TEXTOID};
	Datum		values[4] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), BoolGetDatum(of->kept), CStringGetTextDatum(KS_EVENTS)};

	ks_prepared_simple(&plan,
				"SELECT 1 FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.kept OPERATOR(pg_catalog.=) $3 AND r.cluster IS NULL"
				" AND r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $4])"
				" AND ($2 OPERATOR(pg_catalog.=) '-infinity' OR r.month OPERATOR(pg_catalog.=) ANY (ARRAY[$2, '-infinity'])) LIMIT 1", 4, types);
	if (SPI_execute_plan(plan, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed > 0;
}

/*
 * Writes a sum.  An empty one is written, too, if its outermost instants were taken away
 * and there are other rows of the same time: events may have moved within their quarter
 * hour, so that the ends which those rows claim may be gone.
 */
static void
put_row(const ks_month_part *of, ks_string measure, ks_builder *sum)
{
	ks_string	events = {(const uint8_t *) KS_EVENTS, strlen(KS_EVENTS)};
	bool		has_ends = measure.length == 0 || ks_string_compare(measure, events) == 0;

	ks_must(ks_builder_consolidate(sum));
	if (ks_builder_empty(sum) && has_ends && !ks_bounds_idle(&sum->bounds) && has_others(of))
		ks_append_whole(of->bot_id, measure, of->month, of->kept, sum);
	else
		ks_append_row(of->bot_id, measure, of->month, of->kept, sum);
}

/* Writes what was taken of one measure, together with other rows of it that are worth merging. */
static uint64
put_measure(const ks_month_part *of, ks_string measure, ks_builder *builder, bool all)
{
	uint64		taken = take_worthy(of, ks_measure_datum(measure), builder, all, false);

	put_row(of, measure, builder);
	ks_builder_free(builder);
	return taken;
}

/* Whether the month has merged rows of single measures. */
bool
ks_month_sorted_out(const ks_month_part *of)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, DATEOID, BOOLOID};
	Datum		values[3] = {Int64GetDatum(of->bot_id), DateADTGetDatum(of->month), BoolGetDatum(of->kept)};

	ks_prepared_simple(&plan,
				"SELECT 1 FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2 AND r.measure OPERATOR(pg_catalog.<>) ''"
				" AND r.kept OPERATOR(pg_catalog.=) $3 AND" KS_IS_MERGED " LIMIT 1", 3, types);
	if (SPI_execute_plan(plan, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed > 0;
}

/*
 * Writes what was taken of mixed rows, together with other mixed rows that are worth
 * merging.  A sum that has become too large for a mixed row is split by measure.
 */
uint64
ks_compact_put_mixed(const ks_month_part *of, ks_builder *mixed, ks_compact_what what)
{
	ks_string	name = {(const uint8_t *) KS_MIXED, 0};
	ks_share   *shares;
	uint32		count;
	uint32		i;
	uint64		taken = 0;

	if (ks_spans_months(of))
		return ks_compact_put_span(of, mixed, what, ks_is_sorted_out(of->bot_id));
	if (what != KS_COMPACT_NEW)
		taken = take_worthy(of, ks_measure_datum(name), mixed, what >= KS_COMPACT_ALL, what == KS_COMPACT_SORTED);
	ks_must(ks_builder_consolidate(mixed));
	if (what != KS_COMPACT_SORTED && !ks_sort_out_worth(mixed))
	{
		put_row(of, name, mixed);
		return taken;
	}
	ks_sort_out(mixed, &shares, &count);
	for (i = 0; i < count; i++)
		put_measure(of, shares[i].name, &shares[i].builder, false);
	return taken;
}

/*
 * Does the same for rows that span months.  A sum that has become too large is split by
 * month.  If the bot turns out to have much, all of its rows that span months are split.
 */
uint64
ks_compact_put_span(const ks_month_part *of, ks_builder *span, ks_compact_what what, bool apart)
{
	ks_string	name = {(const uint8_t *) KS_MIXED, 0};
	ks_month_share *shares;
	uint64		taken = 0;
	int			count;
	int			i;

	if (apart || what != KS_COMPACT_NEW)
		taken = take_worthy(of, ks_measure_datum(name), span, apart || what >= KS_COMPACT_ALL, apart);
	ks_must(ks_builder_consolidate(span));
	/* where only moved instants are left, the months are unknown */
	if (ks_builder_entries(span) == 0 || (!apart && !ks_sort_out_worth(span)))
	{
		put_row(of, name, span);
		return taken;
	}
	ks_span_split(span, &shares, &count);
	for (i = 0; i < count; i++)
	{
		ks_month_part	part = {of->bot_id, ks_month_to_date(shares[i].month), of->kept};

		if (ks_spans_months(&part))
			ks_append_whole(part.bot_id, name, part.month, part.kept, &shares[i].builder);
		else if (what == KS_COMPACT_ALL)
			ks_compact_put_mixed(&part, &shares[i].builder, ks_month_sorted_out(&part) ? KS_COMPACT_SORTED : KS_COMPACT_ALL);
		else
			ks_compact_put_mixed(&part, &shares[i].builder, what);
	}
	return taken;
}

/* Merges mixed rows that were merged before. */
uint64
ks_compact_mixed(const ks_month_part *of, ks_compact_what what)
{
	ks_builder	mixed;

	ks_builder_init(&mixed, CurrentMemoryContext);
	return ks_compact_put_mixed(of, &mixed, what);
}

/* Merges the rows of one measure alone. */
uint64
ks_compact_measure(const ks_month_part *of, Datum measure, bool all)
{
	ks_string	name = {(const uint8_t *) VARDATA_ANY(DatumGetPointer(measure)), VARSIZE_ANY_EXHDR(DatumGetPointer(measure))};
	ks_builder	builder;

	ks_builder_init(&builder, CurrentMemoryContext);
	return put_measure(of, name, &builder, all);
}

/* Writes what was added up, and forgets it. */
static void
put_sum(const ks_month_part *of, ks_string measure, ks_builder *sum)
{
	if (measure.length == 0)
		(void) ks_compact_put_mixed(of, sum, KS_COMPACT_NEW);
	else
		put_row(of, measure, sum);
}

/* Deletes merged rows of the bot by their ids. */
static void
delete_rows(int64 bot_id, Datum *ids, uint64 count)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, INT8ARRAYOID};
	Datum		values[2] = {Int64GetDatum(bot_id), PointerGetDatum(construct_array(ids, (int) count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE))};

	ks_prepared_simple(&plan,
				"DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND" MONTH_IDS("r") " AND r.id OPERATOR(pg_catalog.=) ANY ($2)", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not take rows out of the rollup");
	/* what stays would be counted once more in the sum */
	if (SPI_processed != count)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows of kindly_stats.rollup that were to be merged were not deleted"),
				 errhint("Look for a trigger on it that keeps its rows.")));
}

/* Takes the rows that a cursor gives next out of the rollup and into the sum; returns how many. */
static uint64
take_next(const ks_month_part *of, Portal cursor, ks_builder *sum)
{
	Datum	   *ids;
	uint64		count;
	uint64		i;

	SPI_cursor_fetch(cursor, true, KS_COMPACT_BATCH);
	count = SPI_processed;
	ids = palloc((count + 1) * sizeof(Datum));
	for (i = 0; i < count; i++)
	{
		bool		isnull;
		Datum		tally = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);
		ks_view		view;

		CHECK_FOR_INTERRUPTS();
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		ks_tally_open(&view, tally);
		ks_must(ks_builder_merge(sum, &view, false));
		ks_reuse_note_tally(tally);
	}
	SPI_freetuptable(SPI_tuptable);
	if (count > 0)
		delete_rows(of->bot_id, ids, count);
	return count;
}

/*
 * Adds up any number of small rows in one pass.  Rounds that look for the smallest rows
 * left would look at all of them each time, and step over those that were deleted before.
 */
void
ks_compact_merge_small(const ks_month_part *of, Datum measure)
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
