/*
 * Repair: what the tables have and what the live rows say is made the same.
 *
 * Everything happens in one snapshot: all attached tables are counted, and beside
 * the sums of each bot and month lie the live rows that the snapshot sees.  Where
 * they differ, these rows give way to the sums: that is adding the difference.  What
 * writers commit meanwhile is rows of its own, which the snapshot does not see and
 * which stay right, so nobody is locked out but other repairs and compaction,
 * which moves rows.  Kept rows are about events that are in no table: they stay.
 *
 * A measure that is new is repaired alone.  Then nothing is deleted, for it may have a part
 * only of the live rows: the difference itself is appended.
 */
#include "rollup/fold.h"
#include "rollup/recount.h"

#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
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
	bool		replaced;		/* it is too large to be compared: its live rows are gone already */
	MemoryContext memory;
	ks_builder	counted;		/* from the tables, mixed */
	int64		changed;		/* months that differed so far */
} repairing;

/* ------------------------------------------------------------------------
 * What the tables have
 * ------------------------------------------------------------------------
 */

/* What of the tables to repair. */
typedef struct repair_of
{
	bool		has_bot;
	int64		bot_id;
	const char *measure;		/* NULL: all */
} repair_of;

/* Counts all attached tables, or those that the measure counts, into the spool. */
static void
count_tables(ks_spool *spool, const repair_of *what)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {what->measure != NULL ? CStringGetTextDatum(what->measure) : (Datum) 0};
	SPITupleTable *tables;
	uint64		count;
	uint64		i;

	if (SPI_execute_with_args("SELECT t.event_table::pg_catalog.oid, t.columns, t.grain FROM kindly_stats.event_tables() AS t"
							  " WHERE $1 IS NULL OR t.grain OPERATOR(pg_catalog.=) (SELECT m.grain FROM kindly_stats.measure AS m WHERE m.name OPERATOR(pg_catalog.=) $1)"
							  " ORDER BY 1, 3",
							  1, types, values, what->measure != NULL ? NULL : "n", true, 0) != SPI_OK_SELECT)
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
		of.measure = what->measure;
		of.has_bot = what->has_bot;
		of.bot_id = what->bot_id;
		ks_progress_begin(KS_PROGRESS_REBUILD, KS_PHASE_COUNTING, of.relid);
		ks_recount(spool, &of);
		ks_progress_end();
	}
	SPI_freetuptable(tables);
}

/* Months that have live rows are to be looked at, whether or not a table has events of theirs. */
static void
note_live_months(ks_spool *spool, const repair_of *what)
{
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(what->bot_id), what->measure != NULL ? CStringGetTextDatum(what->measure) : (Datum) 0};
	char		nulls[2] = {what->has_bot ? ' ' : 'n', what->measure != NULL ? ' ' : 'n'};
	uint64		i;

	if (SPI_execute_with_args("SELECT DISTINCT r.bot_id, r.month FROM kindly_stats.rollup AS r"
							  " WHERE NOT r.kept AND ($1 IS NULL OR r.bot_id OPERATOR(pg_catalog.=) $1)"
							  " AND ($2 IS NULL OR r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $2]))",
							  2, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list months of the rollup");
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int64		bot = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		DateADT		month = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));

		ks_spool_put(spool, bot, ks_month_of((TimestampTz) month * USECS_PER_DAY), NULL);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ------------------------------------------------------------------------
 * What the live rows say
 * ------------------------------------------------------------------------
 */

/* Runs a query about the live rows of the month that the snapshot sees. */
static void
select_live(const repairing *r, SPIPlanPtr *plan, const char *query)
{
	Oid			types[3] = {INT8OID, DATEOID, TEXTOID};
	Datum		values[3] = {Int64GetDatum(r->bot_id), DateADTGetDatum(ks_month_to_date(r->month)), CStringGetTextDatum(r->measure != NULL ? r->measure : "")};

	ks_prepared(plan, query, 3, types);
	if (SPI_execute_plan(*plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
}

/* Merged rows and new ones are found by different indexes. */
#define LIVE_ROWS(condition) \
	"SELECT l.id, l.measure, l.tally FROM kindly_stats.rollup AS l WHERE l.bot_id OPERATOR(pg_catalog.=) $1 AND l.month OPERATOR(pg_catalog.=) $2" \
	" AND NOT l.kept AND l.id OPERATOR(pg_catalog." condition ") 0"
#define FROM_LIVE_ROWS \
	" FROM (" LIVE_ROWS("<") " UNION ALL " LIVE_ROWS(">=") ") AS r"

/* Whether the live rows are small enough to be compared in memory. */
static bool
can_compare(const repairing *r)
{
	static SPIPlanPtr plan = NULL;
	bool		isnull;
	int64		bytes;

	select_live(r, &plan, "SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_column_size(r.tally)), 0)" FROM_LIVE_ROWS);
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

/* Whether first and last instant are those that were counted, for certain. */
static bool
same_bounds(const ks_bounds *live, const ks_bounds *counted)
{
	if (ks_bounds_none(counted))
		return ks_bounds_none(live);
	return live->first == counted->first && live->last == counted->last && ks_bound_certain(live, false) && ks_bound_certain(live, true);
}

/* Whether the live rows say just what was counted, first and last instant included. */
static bool
is_right(const repairing *r)
{
	static SPIPlanPtr plan = NULL;
	ks_builder	difference;
	ks_bounds	bounds;
	uint64		i;

	if (!can_compare(r))
		return false;
	ks_builder_init(&difference, CurrentMemoryContext);
	ks_must(ks_builder_add_all(&difference, &r->counted));
	ks_bounds_reset(&bounds);
	select_live(r, &plan, "SELECT r.measure, r.tally" FROM_LIVE_ROWS);
	for (i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		subtract_row(&difference, &bounds, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	SPI_freetuptable(SPI_tuptable);
	ks_must(ks_builder_settle(&difference));
	return difference.weights.count == 0 && difference.members.count == 0 && same_bounds(&bounds, &r->counted.bounds);
}

/* Takes what live rows say of the measure that is repaired alone away from what was counted. */
static void
subtract_measure(repairing *r)
{
	static SPIPlanPtr plan = NULL;
	ks_bounds	ignored;
	uint64		i;

	ks_bounds_reset(&ignored);
	select_live(r, &plan, "SELECT $3, CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.part(r.tally, $3) ELSE r.tally END"
				FROM_LIVE_ROWS " WHERE r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $3])");
	for (i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		subtract_row(&r->counted, &ignored, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Deletes the live rows that the snapshot sees, by their ids: others may have come since. */
static void
delete_live(const repairing *r)
{
	static SPIPlanPtr ids_plan = NULL;
	static SPIPlanPtr plan = NULL;
	Oid			types[3] = {INT8OID, DATEOID, INT8ARRAYOID};
	Datum		values[3] = {Int64GetDatum(r->bot_id), DateADTGetDatum(ks_month_to_date(r->month))};
	uint64		count;
	bool		isnull;

	select_live(r, &ids_plan, "SELECT pg_catalog.array_agg(r.id), pg_catalog.count(*)" FROM_LIVE_ROWS);
	values[2] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return;
	count = (uint64) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	ks_prepared(&plan,
				"DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2"
				" AND r.id OPERATOR(pg_catalog.=) ANY ($3)", 3, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete rows of the rollup");
	if (SPI_processed != count)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of kindly_stats.rollup were changed by another hand while they were repaired"),
				 errhint("Try again.")));
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

/* Writes what was counted so far in the place of the live rows, or beside those that say something of the measure. */
static void
replace(repairing *r)
{
	if (!r->replaced)
	{
		if (r->measure == NULL)
			delete_live(r);
		r->changed++;
	}
	r->replaced = true;
	if (!ks_builder_empty(&r->counted))
		ks_append_month(r->bot_id, r->month, false, &r->counted);
}

static void
end_month(repairing *r)
{
	MemoryContext old;

	if (!r->any)
		return;
	old = MemoryContextSwitchTo(r->memory);
	if (r->measure != NULL)
		subtract_measure(r);
	ks_must(ks_builder_settle(&r->counted));
	if (r->measure != NULL ? r->counted.weights.count + r->counted.members.count > 0 : r->replaced || !is_right(r))
		replace(r);
	MemoryContextSwitchTo(old);
	r->any = false;
}

/* A part of the month that is too large as a whole. */
static void
end_part(repairing *r)
{
	MemoryContext old = MemoryContextSwitchTo(r->memory);

	ks_must(ks_builder_settle(&r->counted));
	replace(r);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->memory);
	ks_builder_init(&r->counted, r->memory);
}

static void
add_part(repairing *r, int64 bot_id, int32 month, Datum tally, bool isnull)
{
	MemoryContext old;
	ks_view		view;

	if (r->any && (r->bot_id != bot_id || r->month != month))
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

static int64
repair_spooled(ks_spool *spool, const repair_of *what)
{
	repairing	r = {.measure = what->measure};
	int64		bot_id;
	int32		month;
	Datum		tally;
	bool		isnull;

	r.memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats month", ALLOCSET_DEFAULT_SIZES);
	ks_spool_sort(spool);
	while (ks_spool_next(spool, &bot_id, &month, &tally, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		add_part(&r, bot_id, month, tally, isnull);
	}
	end_month(&r);
	MemoryContextDelete(r.memory);
	return r.changed;
}

/*
 * repair(bot, measure; NULL for all): gives back how many months of bots differed.  Whoever
 * calls holds the lock that keeps other repairs and compaction away, and took it
 * before the snapshot.
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
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
	ks_spool_init(&spool, maintenance_work_mem);
	count_tables(&spool, &what);
	ks_progress_begin(KS_PROGRESS_REBUILD, KS_PHASE_WRITING, InvalidOid);
	caller = ks_become_owner("rollup");
	note_live_months(&spool, &what);
	changed = repair_spooled(&spool, &what);
	ks_become_again(caller);
	ks_progress_end();
	ks_spool_end(&spool);
	PopActiveSnapshot();
	SPI_finish();
	PG_RETURN_INT64(changed);
}
