/*
 * Compaction of new rows: those that statements have appended since the last time.
 *
 * They are taken whatever their month, the oldest first, and become a row a month, or
 * one of all months where the bot has little.  A mark says below which id none are
 * left, so that questions do not step over what was taken and cannot be removed yet.
 */
#include "rollup/compact.h"

#include "base/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/memutils.h"

/* A mark is worth its row once the oldest snapshot is older than this many transactions. */
#define MARK_AGE 500

/* The sum of a bot's new rows of one month. */
typedef struct month_sum
{
	ks_month_part of;
	ks_builder	builder;
} month_sum;

/* The sum that the row belongs to; there are few. */
static ks_builder *
sum_of(List **sums, const ks_month_part *of)
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

/* Sorts empty sums behind the others, since they are worth a row only if there are other rows. */
static int
compare_sums(const ListCell *a, const ListCell *b)
{
	bool		x = ks_builder_entries(&((month_sum *) lfirst(a))->builder) == 0;
	bool		y = ks_builder_entries(&((month_sum *) lfirst(b))->builder) == 0;

	return x - y;
}

/* If the bot has little, joins the sums of its months into one that spans them. */
static List *
joined_sums(List *sums)
{
	uint64		entries = 0;
	bool		moved = false;
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, sums)
	{
		ks_builder *builder = &((month_sum *) lfirst(cell))->builder;

		ks_must(ks_builder_consolidate(builder));
		/* a sum that only says that an instant moved would be lost when the joined one is split again */
		moved |= ks_builder_entries(builder) == 0;
		entries += ks_builder_entries(builder);
	}
	if (moved)
		list_sort(sums, compare_sums);
	if (moved || list_length(sums) < 2 || entries > KS_MIXED_MAX || ks_is_sorted_out(((month_sum *) linitial(sums))->of.bot_id))
		return sums;
	foreach(cell, sums)
	{
		month_sum  *sum = lfirst(cell);
		ks_month_part span = {sum->of.bot_id, DATEVAL_NOBEGIN, sum->of.kept};

		ks_must(ks_builder_add_all(sum_of(&result, &span), &sum->builder));
	}
	return result;
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
	ks_month_part of = {t->bot_id, month, kept};
	ks_view		view;

	ks_tally_open(&view, tally);
	ks_must(ks_builder_merge(sum_of(t->sums, &of), &view, false));
}

/*
 * Takes new rows of a bot out of the rollup, from an id on, the oldest first.  Returns how
 * many, and in *from the id to go on from, so that the next round does not step over what
 * was taken.  If all rows are wanted, marks are not trusted.
 */
static uint64
take_new(int64 bot_id, bool all, int64 *from, List **sums)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr all_plan = NULL;
	Oid			types[3] = {INT8OID, INT8OID, INT8OID};
	Datum		values[3] = {Int64GetDatum(bot_id), Int64GetDatum(KS_COMPACT_BATCH), Int64GetDatum(*from)};
	taking		t = {bot_id, sums};
	int64		taken = ks_store_take_new(bot_id, all, from, KS_COMPACT_BATCH, add_taken, &t);
	uint64		i;

	if (taken >= 0)
		return (uint64) taken;

#define TAKE_NEW(which) \
	"DELETE FROM kindly_stats.rollup AS r" \
	" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.>=) $3 AND r.id OPERATOR(pg_catalog.<) " KS_ID_SPANS_SQL \
	" AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT n.id FROM kindly_stats.rollup AS n WHERE n.bot_id OPERATOR(pg_catalog.=) $1 AND" which \
	" AND n.id OPERATOR(pg_catalog.>=) $3 ORDER BY n.id LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING r.tally, r.month, r.kept, r.ctid, r.id"

	if (all)
		ks_prepared(&all_plan, TAKE_NEW(" n.id OPERATOR(pg_catalog.<) " KS_ID_SPANS_SQL), 3, types);
	else
		ks_prepared(&plan, TAKE_NEW(KS_IS_NEW), 3, types);
	if (SPI_execute_plan(all ? all_plan : plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int64		behind;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		add_taken(&t, DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull)), DatumGetBool(SPI_getbinval(row, desc, 3, &isnull)),
				  SPI_getbinval(row, desc, 1, &isnull));
		ks_reuse_note((ItemPointer) DatumGetPointer(SPI_getbinval(row, desc, 4, &isnull)));
		behind = DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull)) + 1;
		*from = Max(*from, behind);
	}
	SPI_freetuptable(SPI_tuptable);
	return i;
}

/* Returns the smallest id of a visible new row of the bot, and in *marked the id from which it looked. */
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

/* Deletes marks of the bot: this many, the furthest first. */
static void
delete_marks(int64 bot_id, int64 how_many)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, INT8OID};
	Datum		values[2] = {Int64GetDatum(bot_id), Int64GetDatum(how_many)};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.>=) " KS_ID_MARKS_SQL
				" AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT b.id FROM kindly_stats.rollup AS b"
				" WHERE b.bot_id OPERATOR(pg_catalog.=) $1 AND b.id OPERATOR(pg_catalog.>=) " KS_ID_MARKS_SQL
				" ORDER BY b.id LIMIT $2 FOR UPDATE SKIP LOCKED))", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not take rows out of the rollup");
}

/*
 * Writes a mark, which says below which id the bot has no new rows, if the remains of
 * merged rows would be in the way for long.
 */
void
ks_compact_mark(int64 bot_id, DateADT month, bool all)
{
	int64		ended;
	int64		first;
	int64		marked;
	int64		mark;

	if (all)
		delete_marks(bot_id, PG_INT64_MAX);
	/* a shard that moves away and comes back has rows of another node's transactions, of which a mark from before says nothing */
	if (ks_is_distributed() || ks_id_held() <= MARK_AGE)
		return;
	/* in this order: rows of a transaction that has ended by then are seen here, or have been merged */
	ended = ks_id_ended();
	first = first_new(bot_id, &marked);
	mark = ks_id_mark(Min(first, ended));
	if (mark <= marked)
		return;
	delete_marks(bot_id, 1);
	ks_append_mark(bot_id, month, mark);
}

/* Merges new rows of a bot, from an id on, month by month.  Returns whether there were any, and in *from the id to go on from. */
bool
ks_compact_new(const ks_month_part *of, ks_compact_what what, int64 *from)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	List	   *sums = NIL;
	uint64		taken = take_new(of->bot_id, what == KS_COMPACT_ALL, from, &sums);
	ListCell   *cell;

	foreach(cell, joined_sums(sums))
	{
		month_sum  *sum = lfirst(cell);

		/* rows that they are to be merged with are taken too, so that nothing is written twice */
		if (what == KS_COMPACT_ALL && ks_spans_months(of) && ks_spans_months(&sum->of) && sum->of.kept == of->kept && !of->apart)
			(void) ks_compact_put_mixed(&sum->of, &sum->builder, what);
		else
			(void) ks_compact_put_mixed(&sum->of, &sum->builder, what == KS_COMPACT_ALL ? KS_COMPACT_NEW : what);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return taken > 0;
}
