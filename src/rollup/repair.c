/*
 * Repair makes the live rows say what the tables have.
 *
 * Everything happens in one snapshot.  All attached tables are counted, and the sums of
 * each bot and month are compared with the live rows that the snapshot sees.  Where they
 * differ, the sums replace these rows, which is adding the difference.  What writers
 * commit meanwhile is in rows of its own, which the snapshot does not see and which stay
 * right.  So nobody is locked out except other repairs, and compaction, which moves rows.
 * Kept rows are about events that are in no table: they stay.  A bot that has little is
 * compared and replaced as a whole, whatever rows its months are in.
 *
 * A new measure is repaired alone.  Then nothing is deleted, because live rows have other
 * measures, too: the difference itself is appended.
 *
 * Nodes that share the rollup have no snapshot in common, but all of a bot is on one of them.
 * There the shard of the rollup that has it, and those of the event tables that lie beside it, are
 * repaired like tables of their own and read without Citus; what is written goes the way of the writers.
 */
#include "rollup/recount.h"

#include "base/compat.h"
#include "query/query_agg.h"

#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(ks_repair);

/* A bot and month on their way to being compared. */
typedef struct repairing
{
	bool		any;
	int64		bot_id;
	int32		month;
	const char *measure;		/* that alone; NULL for all */
	const char *shard;			/* of the rollup, as SQL names it; NULL: the whole */
	bool		replaced;		/* it is too large to be compared: its live rows were deleted already */
	bool		started;
	bool		gathering;		/* the bot may have little in all of its months */
	bool		has_spans;		/* the bot has live rows that span months */
	ks_gathered gathered;
	int			nvisited;
	int32	   *visited;		/* months of the bot that were looked at, where it has such rows */
	MemoryContext bot_memory;
	MemoryContext memory;
	ks_builder	counted;		/* from the tables, mixed */
	int64		changed;		/* months that differed so far */
} repairing;

/* ------------------------------------------------------------------------
 * What the tables have
 * ------------------------------------------------------------------------
 */

/* What is repaired. */
typedef struct repair_of
{
	bool		has_bot;
	int64		bot_id;
	const char *measure;		/* NULL: all */
	Oid			shard_relid;	/* of the rollup; InvalidOid: the whole */
	const char *shard;			/* the same as SQL names it, or NULL */
	Jsonb	   *shards;			/* of the event tables, by their oids */
} repair_of;

/* The grain of a measure. */
static Datum
grain_of(const char *measure)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(measure)};
	char	   *grain;

	if (SPI_execute_with_args("SELECT m.grain FROM kindly_stats.measure AS m WHERE m.name OPERATOR(pg_catalog.=) $1", 1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read measures");
	grain = SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : "";
	return CStringGetTextDatum(grain);
}

/* Counts all attached tables, or those that the measure counts, into the spool. */
static void
count_tables(ks_spool *spool, const repair_of *what)
{
	Oid			types[2] = {TEXTOID, JSONBOID};
	Datum		values[2] = {what->measure != NULL ? grain_of(what->measure) : (Datum) 0, JsonbPGetDatum(what->shards)};
	char		nulls[2] = {what->measure != NULL ? ' ' : 'n', what->shards != NULL ? ' ' : 'n'};
	SPITupleTable *tables;
	uint64		count;
	uint64		i;

	if (SPI_execute_with_args("SELECT t.event_table::pg_catalog.oid, t.columns, t.grain,"
							  " ($2 OPERATOR(pg_catalog.->>) t.event_table::pg_catalog.oid::pg_catalog.text)::pg_catalog.oid FROM kindly_stats.event_tables() AS t"
							  " WHERE $1 IS NULL OR t.grain OPERATOR(pg_catalog.=) $1 ORDER BY 1, 3",
							  2, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list event tables");
	tables = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		ks_recount_of of = {0};
		bool		isnull;

		of.relid = DatumGetObjectId(SPI_getbinval(tables->vals[i], tables->tupdesc, 1, &isnull));
		of.columns = SPI_getbinval(tables->vals[i], tables->tupdesc, 2, &isnull);
		of.grain = SPI_getvalue(tables->vals[i], tables->tupdesc, 3);
		of.shard = DatumGetObjectId(SPI_getbinval(tables->vals[i], tables->tupdesc, 4, &isnull));
		if (isnull && what->shards != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("table \"%s\" was attached by another hand while tables were counted", get_rel_name(of.relid)),
					 errhint("Try again.")));
		of.measure = what->measure;
		of.has_bot = what->has_bot;
		of.bot_id = what->bot_id;
		ks_progress_begin(KS_PROGRESS_REBUILD, KS_PHASE_COUNTING, of.relid);
		ks_recount(spool, &of);
		ks_progress_end();
	}
	SPI_freetuptable(tables);
}

/*
 * Adds all months that have live rows to the spool, since they must be looked at even if
 * no table has events of theirs.  The note that a bot has rows that span months sorts
 * before its months.
 */
static void
note_live_months(ks_spool *spool, const repair_of *what)
{
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(what->bot_id), what->measure != NULL ? CStringGetTextDatum(what->measure) : (Datum) 0};
	char		nulls[2] = {what->has_bot ? ' ' : 'n', what->measure != NULL ? ' ' : 'n'};
	const char *query = "SELECT DISTINCT r.bot_id, r.month FROM kindly_stats.rollup AS r"
		" WHERE NOT r.kept AND ($1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1)"
		" AND ($2 IS NULL OR r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $2]))";
	uint64		i;

	if (SPI_execute_with_args(what->shard != NULL ? ks_of_shard(query, what->shard) : query, 2, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list months of the rollup");
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int64		bot = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		DateADT		month = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));

		ks_spool_put(spool, bot, ks_month_of_date(month), NULL);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ------------------------------------------------------------------------
 * What the live rows say
 * ------------------------------------------------------------------------
 */

static TimestampTz
start_of(int32 month)
{
	return (TimestampTz) ks_month_to_date(month) * USECS_PER_DAY;
}

/* Prepares a query about the rollup, or the same about the shard that is repaired; of another shard it is another query. */
static void
prepare_live(const repairing *r, SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	char	   *here;

	if (r->shard == NULL)
	{
		ks_prepared(plan, query, nargs, types);
		return;
	}
	here = ks_of_shard(query, r->shard);
	ks_prepared_simple(plan, here, nargs, types);
	pfree(here);
}

/* Runs a query about the live rows that the snapshot sees, of the month, or of the bot if that is KS_SPAN. */
static void
select_live(const repairing *r, SPIPlanPtr *plan, const char *query)
{
	bool		whole = r->month == KS_SPAN;
	Oid			types[5] = {INT8OID, DATEOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[5] = {Int64GetDatum(r->bot_id), DateADTGetDatum(ks_month_to_date(r->month)), CStringGetTextDatum(r->measure != NULL ? r->measure : ""),
	TimestampTzGetDatum(whole ? DT_NOBEGIN : start_of(r->month)), TimestampTzGetDatum(whole ? DT_NOEND : start_of(r->month + 1))};

	prepare_live(r, plan, query, 5, types);
	if (SPI_execute_plan(*plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
}

/* Selects live rows; different indexes find merged and new ones.  Of rows that span months, only the part of the month is shown. */
#define LIVE_ROWS(tally) "SELECT l.id, l.month, l.measure, " tally " AS tally FROM kindly_stats.rollup AS l WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND NOT l.kept"
#define FROM_LIVE_ROWS \
	" FROM (" LIVE_ROWS("l.tally") " AND l.month OPERATOR(pg_catalog.=) $2 AND l.id OPERATOR(pg_catalog.<) 0" \
	" UNION ALL " LIVE_ROWS("CASE l.month WHEN '-infinity' THEN kindly_stats.slice(l.tally, $4, $5) ELSE l.tally END") \
	" AND l.month OPERATOR(pg_catalog.=) ANY (ARRAY[$2, '-infinity']) AND l.id OPERATOR(pg_catalog.>=) 0) AS r"
#define FROM_ALL_LIVE_ROWS \
	" FROM (" LIVE_ROWS("l.tally") " AND $2 IS NOT NULL AND $4 IS NOT NULL AND $5 IS NOT NULL) AS r"

/* The same query about a month, or about all months of a bot. */
#define SELECT_LIVE(r, select, condition) \
	do { \
		static SPIPlanPtr of_month = NULL; \
		static SPIPlanPtr of_bot = NULL; \
		if ((r)->month == KS_SPAN) \
			select_live(r, &of_bot, select FROM_ALL_LIVE_ROWS condition); \
		else \
			select_live(r, &of_month, select FROM_LIVE_ROWS condition); \
	} while (0)

/* Whether the live rows are small enough to be compared in memory. */
static bool
can_compare(const repairing *r)
{
	bool		isnull;
	int64		bytes;

	SELECT_LIVE(r, "SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_column_size(r.tally)), 0)", "");
	bytes = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return bytes <= KS_PART_BYTES_MAX;
}

/* Takes a live row away from the difference, and adds its bounds to those of the others. */
static void
subtract_row(ks_builder *difference, ks_bounds *bounds, HeapTuple row, TupleDesc desc)
{
	char	   *measure = SPI_getvalue(row, desc, 1);
	ks_string	name = {(const uint8_t *) measure, strlen(measure)};
	ks_view		view;
	bool		isnull;

	ks_tally_open(&view, SPI_getbinval(row, desc, 2, &isnull));
	ks_bounds_merge(bounds, &view.header.bounds, false);
	if (name.length == 0)
		ks_must(ks_builder_merge(difference, &view, true));
	else
		ks_must(ks_builder_merge_under(difference, &view, true, name));
}

/* Whether the ends of a month are unknown because its counts were split from a row that spanned others, too. */
static bool
is_cut(const repairing *r, const ks_bounds *live, const ks_bounds *counted)
{
	TimestampTz start,
				last;

	if (r->month == KS_SPAN || ks_bounds_none(counted))
		return false;
	start = start_of(r->month);
	last = start_of(r->month + 1) - 1;
	return (live->first == counted->first || (live->first == start && live->removed_first == start)) &&
		(live->last == counted->last || (live->last == last && live->removed_last == last));
}

/* Whether first and last instant are those that were counted, for certain. */
static bool
same_bounds(const ks_bounds *live, const ks_bounds *counted)
{
	if (ks_bounds_none(counted))
		return ks_bounds_none(live);
	return live->first == counted->first && live->last == counted->last && ks_bound_certain(live, false) && ks_bound_certain(live, true);
}

/* Whether a row has entries of other months than it says, where nobody would look for them. */
static bool
is_misplaced(HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	DateADT		month = DatumGetDateADT(SPI_getbinval(row, desc, 3, &isnull));
	ks_view		view;

	if (DATE_IS_NOBEGIN(month))
		return false;
	ks_tally_open(&view, SPI_getbinval(row, desc, 2, &isnull));
	return view.header.nweights + view.header.nentries > 0 &&
		(ks_month_of(view.header.quarter_first * KS_QUARTER_USECS) != ks_month_of_date(month) ||
		 ks_month_of(view.header.quarter_last * KS_QUARTER_USECS) != ks_month_of_date(month));
}

/* Returns in how many months something is left. */
static int
count_months(ks_builder *difference)
{
	ks_month_share *shares;
	int			count;

	ks_bounds_reset(&difference->bounds);
	ks_span_split(difference, &shares, &count);
	return count;
}

/*
 * Returns in how many months the live rows differ from what was counted, first and last
 * instant included.  If only these instants differ, or if it cannot be said where the
 * difference is, that is one month.  Unknown instants are no fault, because rows that span
 * months do not know the ends of each month, but there is something to write.
 */
static int
months_wrong(const repairing *r, bool *write)
{
	ks_builder	difference;
	ks_bounds	bounds;
	bool		misplaced = false;
	uint64		i;

	*write = true;
	if (!can_compare(r))
		return 1;
	ks_builder_init(&difference, CurrentMemoryContext);
	ks_must(ks_builder_add_all(&difference, &r->counted));
	ks_bounds_reset(&bounds);
	SELECT_LIVE(r, "SELECT r.measure, r.tally, r.month", "");
	for (i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		misplaced |= is_misplaced(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		subtract_row(&difference, &bounds, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	SPI_freetuptable(SPI_tuptable);
	ks_must(ks_builder_consolidate(&difference));
	if (difference.weights.count > 0 || difference.members.count > 0)
		return r->month == KS_SPAN ? count_months(&difference) : 1;
	if (misplaced)
		return 1;
	*write = (r->has_spans && r->month != KS_SPAN) || !same_bounds(&bounds, &r->counted.bounds);
	return *write && !is_cut(r, &bounds, &r->counted.bounds) ? 1 : 0;
}

/* Subtracts what live rows say of the measure that is repaired alone from what was counted. */
static void
subtract_measure(repairing *r)
{
	ks_bounds	ignored;
	uint64		i;

	ks_bounds_reset(&ignored);
	SELECT_LIVE(r, "SELECT $3, CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.keys_under(r.tally, $3) ELSE r.tally END",
				" WHERE r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $3])");
	for (i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		subtract_row(&r->counted, &ignored, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Deletes the rows that the last statement returned, by their ids: the snapshot saw them, and others may have come since. */
static void
delete_listed(const repairing *r)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, INT8ARRAYOID};
	Datum		values[2] = {Int64GetDatum(r->bot_id)};
	uint64		count;
	bool		isnull;

	values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return;
	count = (uint64) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.=) ANY ($2)", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete rows of the rollup");
	if (SPI_processed != count)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of kindly_stats.rollup were changed by another hand while they were repaired"),
				 errhint("Try again.")));
}

#define LIST_IDS "SELECT pg_catalog.array_agg(r.id), pg_catalog.count(*)"

/* Deletes the live rows of the month, but not those that span it, or all of the bot. */
static void
delete_live(const repairing *r)
{
	SELECT_LIVE(r, LIST_IDS, " WHERE $2 OPERATOR(pg_catalog.=) '-infinity' OR r.month OPERATOR(pg_catalog.=) $2");
	delete_listed(r);
}

/*
 * Deletes the live rows of a bot that span months, because they are replaced month by
 * month.  Months in which nothing was counted were wrong.
 */
static void
delete_spans(repairing *r)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr months_plan = NULL;
	Oid			types[2] = {INT8OID, DATEARRAYOID};
	Datum		values[2] = {Int64GetDatum(r->bot_id)};
	Datum	   *months = palloc((r->nvisited + 1) * sizeof(Datum));
	bool		isnull;
	int			i;

	for (i = 0; i < r->nvisited; i++)
		months[i] = DateADTGetDatum(ks_month_to_date(r->visited[i]));
	values[1] = PointerGetDatum(construct_array(months, r->nvisited, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
#define FROM_SPANS \
	" FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) '-infinity' AND r.id OPERATOR(pg_catalog.>=) 0 AND NOT r.kept"
	prepare_live(r, &months_plan,
				"SELECT pg_catalog.count(DISTINCT s.month) FROM (SELECT kindly_stats.months(r.tally) AS month, r.tally" FROM_SPANS ") AS s"
				" WHERE NOT s.month OPERATOR(pg_catalog.=) ANY ($2)"
				" AND kindly_stats.entries(kindly_stats.slice(s.tally, pg_catalog.timezone('UTC', s.month::pg_catalog.timestamp),"
				" pg_catalog.timezone('UTC', s.month OPERATOR(pg_catalog.+) interval '1 month'))) OPERATOR(pg_catalog.>) 0", 2, types);
	if (SPI_execute_plan(months_plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
	r->changed += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	prepare_live(r, &plan, LIST_IDS FROM_SPANS " AND $2 IS NOT NULL", 2, types);
	if (SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
	delete_listed(r);
}

/* ------------------------------------------------------------------------
 * Month by month
 * ------------------------------------------------------------------------
 */

static void
begin_month(repairing *r, int64 bot_id, int32 month)
{
	MemoryContextReset(r->memory);
	ks_builder_init(&r->counted, r->memory);
	r->bot_id = bot_id;
	r->month = month;
	r->replaced = false;
	r->any = true;
}

/* Replaces the live rows by what was counted so far; for a single measure, writes it beside them. */
static void
replace(repairing *r, int32 month, int wrong)
{
	if (!r->replaced)
	{
		if (r->measure == NULL)
			delete_live(r);
		r->changed += wrong;
	}
	r->replaced = true;
	if (!ks_builder_empty(&r->counted))
		ks_append_months(r->bot_id, month, false, &r->counted);
}

/* Compares what was counted with the live rows of r->month, and writes what is needed as of the month that is passed. */
static void
finish(repairing *r, int32 month)
{
	bool		write = r->replaced;
	int			wrong = 0;

	if (r->measure != NULL)
		subtract_measure(r);
	ks_must(ks_builder_consolidate(&r->counted));
	if (r->measure != NULL)
	{
		wrong = ks_builder_entries(&r->counted) > 0 ? 1 : 0;
		write |= wrong > 0;
	}
	else if (!r->replaced)
		wrong = months_wrong(r, &write);
	if (write)
		replace(r, month, wrong);
}

static void
note_visited(repairing *r)
{
	MemoryContext old = MemoryContextSwitchTo(r->bot_memory);

	if (r->nvisited % 64 == 0)
		r->visited = r->nvisited == 0 ? palloc(64 * sizeof(int32)) : repalloc(r->visited, (r->nvisited + 64) * sizeof(int32));
	r->visited[r->nvisited++] = r->month;
	MemoryContextSwitchTo(old);
}

static void
end_month(repairing *r)
{
	MemoryContext old;

	if (!r->any)
		return;
	old = MemoryContextSwitchTo(r->memory);
	finish(r, r->month);
	MemoryContextSwitchTo(old);
	if (r->has_spans)
		note_visited(r);
	r->any = false;
}

/* Writes a part of a month that is too large as a whole. */
static void
end_part(repairing *r)
{
	MemoryContext old = MemoryContextSwitchTo(r->memory);

	ks_must(ks_builder_consolidate(&r->counted));
	replace(r, r->month, 1);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->memory);
	ks_builder_init(&r->counted, r->memory);
}

static void
add_part(repairing *r, int64 bot_id, int32 month, Datum tally, bool isnull)
{
	MemoryContext old;
	ks_view		view;

	if (month == KS_SPAN)
		return;
	if (r->any && r->month != month)
		end_month(r);
	if (!r->any)
		begin_month(r, bot_id, month);
	if (isnull)
		return;
	if (ks_builder_bytes(&r->counted) > KS_PART_BYTES_MAX)
		end_part(r);
	old = MemoryContextSwitchTo(r->memory);
	ks_tally_open(&view, tally);
	ks_must(ks_builder_merge(&r->counted, &view, false));
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------------
 * Bot by bot
 * ------------------------------------------------------------------------
 */

static void
begin_bot(repairing *r, int64 bot_id)
{
	MemoryContext old;

	MemoryContextReset(r->bot_memory);
	old = MemoryContextSwitchTo(r->bot_memory);
	ks_gather_begin(&r->gathered, bot_id);
	MemoryContextSwitchTo(old);
	r->started = r->gathering = true;
	r->has_spans = false;
	r->nvisited = 0;
}

/* Compares all of a bot that has little at once. */
static void
finish_gathered(repairing *r)
{
	MemoryContext old;
	int32		month;

	begin_month(r, r->gathered.bot_id, KS_SPAN);
	old = MemoryContextSwitchTo(r->memory);
	month = ks_gathered_sum(&r->gathered, false, &r->counted);
	/* the difference may be in other months than the counts */
	finish(r, r->measure != NULL ? KS_SPAN : month);
	MemoryContextSwitchTo(old);
	r->any = false;
}

static void
end_bot(repairing *r)
{
	MemoryContext old;

	if (!r->started)
		return;
	if (r->gathering)
		finish_gathered(r);
	else
		end_month(r);
	if (r->gathering || !r->has_spans || r->measure != NULL)
		return;
	old = MemoryContextSwitchTo(r->memory);
	delete_spans(r);
	MemoryContextSwitchTo(old);
}

/* Adds the gathered months one by one, since the bot has too much. */
static void
add_gathered(repairing *r)
{
	const ks_gathered *g = &r->gathered;
	int			i;

	r->gathering = false;
	for (i = 0; i < g->count; i++)
		add_part(r, g->bot_id, g->month[i], PointerGetDatum(g->tally[i]), g->tally[i] == NULL);
}

static void
add_spooled(repairing *r, int64 bot_id, int32 month, Datum tally, bool isnull)
{
	MemoryContext old;
	bool		little;

	if (!r->started || r->gathered.bot_id != bot_id)
	{
		end_bot(r);
		begin_bot(r, bot_id);
	}
	r->has_spans |= month == KS_SPAN;
	if (!r->gathering)
	{
		add_part(r, bot_id, month, tally, isnull);
		return;
	}
	old = MemoryContextSwitchTo(r->bot_memory);
	little = ks_gather(&r->gathered, month, tally, isnull);
	MemoryContextSwitchTo(old);
	if (!little)
		add_gathered(r);
}

static int64
repair_spooled(ks_spool *spool, const repair_of *what)
{
	repairing	r = {.measure = what->measure, .shard = what->shard};
	int64		bot_id;
	int32		month;
	Datum		tally;
	bool		isnull;

	r.memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats month", ALLOCSET_DEFAULT_SIZES);
	r.bot_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats bot", ALLOCSET_DEFAULT_SIZES);
	ks_spool_sort(spool);
	while (ks_spool_next(spool, &bot_id, &month, &tally, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		add_spooled(&r, bot_id, month, tally, isnull);
	}
	end_bot(&r);
	MemoryContextDelete(r.bot_memory);
	MemoryContextDelete(r.memory);
	return r.changed;
}

/* Marks say which new rows questions need not look for.  Whatever is wrong with them is gone with them, and compaction, which is excluded, leaves new ones. */
static void
delete_marks(const repair_of *what)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(what->bot_id)};
	const char *query = "DELETE FROM kindly_stats.rollup AS r WHERE r.cluster IS NOT NULL AND r.id OPERATOR(pg_catalog.>=) " KS_ID_MARKS_SQL
		" AND ($1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1)";

	if (SPI_execute_with_args(query, 1, types, values, what->has_bot ? NULL : "n", false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not take rows out of the rollup");
}

/* A partition that was dropped would be gone from the table while the snapshot still sees what it has counted. */
static void
exclude_drops(Jsonb *shards)
{
	JsonbIterator *iterator = JsonbIteratorInit(&shards->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE && value.type == jbvNumeric)
			(void) find_all_inheritors(DatumGetObjectId(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric))), AccessShareLock, NULL);
	}
}

/*
 * Raises unless a shard of the rollup is on this node, which may have had it once, and have it still.
 *
 * What is written goes to where the shard is by then, as writers' rows do.  If that is another node, it may be repaired there at
 * the same time, and a difference would be added twice: so this is asked again when all is written, and nobody moves it before the
 * transaction ends.
 */
static void
require_own_shard(Oid relid)
{
	int			count;
	Oid		   *shards;
	int			i;

	AcceptInvalidationMessages();
	shards = ks_is_distributed() ? ks_rollup_shards(&count) : NULL;
	for (i = 0; shards != NULL && i < count; i++)
	{
		if (shards[i] == relid)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("relation with OID %u is no shard any more", relid),
			 errhint("Try again.")));
}

/* Takes a shard of the rollup, and those of the event tables, in the place of the whole. */
static void
take_shard(repair_of *what, Oid relid, Jsonb *shards)
{
	LockRelationOid(relid, AccessShareLock);
	require_own_shard(relid);
	exclude_drops(shards);
	what->shard_relid = relid;
	what->shard = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	what->shards = shards;
}

/*
 * repair(bot, measure; NULL for all, shard, shards): returns how many months of bots differed.  The
 * caller holds the lock that excludes other repairs and compaction, and took it before the
 * snapshot.
 */
Datum
ks_repair(PG_FUNCTION_ARGS)
{
	repair_of	what = {.has_bot = !PG_ARGISNULL(0)};
	ks_spool	spool;
	ks_identity caller;
	int64		changed;

	if (what.has_bot)
		what.bot_id = PG_GETARG_INT64(0);
	if (!PG_ARGISNULL(1))
		what.measure = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ks_spi_connect();
	if (!PG_ARGISNULL(2) && !PG_ARGISNULL(3))
		take_shard(&what, PG_GETARG_OID(2), PG_GETARG_JSONB_P(3));
	/* nodes have no snapshot in common */
	else if (ks_is_distributed())
		ks_exclude_writers();
	PushActiveSnapshot(GetTransactionSnapshot());
	ks_spool_init(&spool, maintenance_work_mem);
	count_tables(&spool, &what);
	ks_progress_begin(KS_PROGRESS_REBUILD, KS_PHASE_WRITING, InvalidOid);
	caller = ks_switch_to_owner("rollup");
	note_live_months(&spool, &what);
	changed = repair_spooled(&spool, &what);
	/* distributed tables have none */
	if (!ks_is_distributed())
		delete_marks(&what);
	ks_restore_user(caller);
	ks_progress_end();
	ks_spool_end(&spool);
	PopActiveSnapshot();
	if (OidIsValid(what.shard_relid))
		require_own_shard(what.shard_relid);
	SPI_finish();
	PG_RETURN_INT64(changed);
}
