/*
 * What is compacted of a bot and month: new rows, mixed rows, rows of single measures,
 * rows that span months.
 */
#include "rollup/compact.h"

#include "base/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/memutils.h"

/* The measures of the month that stand in several rows. */
static Datum *
crowded_measures(const ks_month_part *of, uint64 *count)
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

/*
 * Merges all rows of a measure, or all mixed ones.  It does not wait for rows that are
 * written meanwhile, since writers may be quicker.  If others have locked rows, it takes
 * only the sum that it wrote itself and writes it again unchanged; that is how it knows
 * that nothing is left to do.
 */
static void
compact_all_of(const ks_month_part *of, Datum measure, ks_compact_what what)
{
	bool		mixed = VARSIZE_ANY_EXHDR(DatumGetPointer(measure)) == 0;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats round", ALLOCSET_DEFAULT_SIZES);
	uint64		written = what == KS_COMPACT_SORTED ? 0 : 1;
	uint64		left = ks_compact_count(of, measure);
	uint64		taken;

	if (left > KS_COMPACT_BATCH)
	{
		ks_compact_merge_small(of, measure);
		left = ks_compact_count(of, measure);
	}
	taken = left;
	for (; left > written && taken > written; left -= Min(left, taken - written))
	{
		MemoryContext old = MemoryContextSwitchTo(memory);

		taken = mixed ? ks_compact_mixed(of, what) : ks_compact_measure(of, measure, true);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
		if (taken == 0)
			break;
	}
	MemoryContextDelete(memory);
}

/* Merges all mixed rows.  If there are rows of single measures, it merges them into those. */
static void
compact_all_mixed(const ks_month_part *of)
{
	Datum		mixed = ks_measure_datum((ks_string) {(const uint8_t *) KS_MIXED, 0});

	compact_all_of(of, mixed, KS_COMPACT_ALL);
	if (ks_month_sorted_out(of))
		compact_all_of(of, mixed, KS_COMPACT_SORTED);
}

/* Merges rows of the bot that span months, as far as it is worth it. */
static void
compact_spans(const ks_month_part *of, ks_compact_what what)
{
	ks_month_part	spans = {of->bot_id, DATEVAL_NOBEGIN, of->kept};

	if (ks_compact_count(&spans, ks_measure_datum((ks_string) {(const uint8_t *) KS_MIXED, 0})) > 0)
		(void) ks_compact_mixed(&spans, what);
}

/* Takes the mixed rows of all months of the bot, except those that others have locked. */
static uint64
take_all_mixed(const ks_month_part *of, ks_builder *builder)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, BOOLOID, INT8OID};
	Datum		values[3] = {Int64GetDatum(of->bot_id), BoolGetDatum(of->kept), Int64GetDatum(KS_COMPACT_BATCH)};

	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND" KS_IS_MERGED " AND r.id OPERATOR(pg_catalog.=) ANY (ARRAY("
				"SELECT l.id FROM kindly_stats.rollup AS l WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.measure OPERATOR(pg_catalog.=) ''"
				" AND l.id OPERATOR(pg_catalog.<) 0 AND l.kept OPERATOR(pg_catalog.=) $2 LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING r.tally, r.ctid", 3, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take rows out of the rollup");
	return ks_compact_merge_returned(builder);
}

/* If the bot has little, makes one row of all its months; if it has much, splits the rows that span months. */
static void
compact_all_spans(const ks_month_part *of)
{
	ks_builder	sum;

	ks_builder_init(&sum, CurrentMemoryContext);
	if (of->joined)
		(void) take_all_mixed(of, &sum);
	(void) ks_compact_put_span(of, &sum, KS_COMPACT_ALL, of->apart);
}

/* Merges the rows of each measure, as far as it is worth it, or all. */
static void
compact_measures(const ks_month_part *of, ks_compact_what what)
{
	uint64		count;
	Datum	   *measures = crowded_measures(of, &count);
	uint64		i;

	for (i = 0; i < count; i++)
	{
		if (what == KS_COMPACT_ALL)
			compact_all_of(of, measures[i], what);
		else
			ks_compact_measure(of, measures[i], false);
	}
}

/* The month before, which is over. */
static ks_month_part
month_before(const ks_month_part *of)
{
	ks_month_part	result = {.bot_id = of->bot_id,.month = ks_month_to_date(ks_month_of_date(of->month) - 1),.kept = of->kept,.over = true};

	return result;
}

/* Compacts the new rows of a bot, and the live or the kept ones of one of its months.  The caller is connected to SPI and acts as the rollup's owner. */
void
ks_compact_month(const ks_month_part *of, ks_compact_what what)
{
	MemoryContext memory;
	MemoryContext old;
	int64		from = 0;

	/* a repair deletes rows that it saw: by then they must not have become part of others */
	if (!ks_repair_excluded() || ks_is_subscribed())
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats compaction", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	ks_reuse_pages();
	while (ks_compact_new(of, what, &from) && what == KS_COMPACT_ALL)
		;
	if (what == KS_COMPACT_ALL && ks_spans_months(of))
		compact_all_spans(of);
	else if (what == KS_COMPACT_ALL)
		compact_all_mixed(of);
	else if (what != KS_COMPACT_NEW)
	{
		(void) ks_compact_mixed(of, what);
		compact_spans(of, what);
	}
	if (what >= KS_COMPACT_WORTHY && !ks_spans_months(of))
		compact_measures(of, what);
	if (of->look_back && !ks_spans_months(of))
	{
		ks_month_part before = month_before(of);

		(void) ks_compact_mixed(&before, what);
		compact_measures(&before, what);
	}
	ks_compact_mark(of->bot_id, ks_spans_months(of) ? 0 : of->month, what == KS_COMPACT_ALL);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
