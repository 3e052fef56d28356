/*
 * purge(): raw events go, their statistics stay.
 */
#include "rollup/fold.h"

#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_purge);

/* The condition for rows from before $1, whenever their table is counted; raises where it is not attached. */
static char *
before_condition(Oid relid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(relid)};
	char	   *result;

	if (SPI_execute_with_args("SELECT pg_catalog.string_agg(pg_catalog.format('e.%I OPERATOR(pg_catalog.<) $1',"
							  " COALESCE(t.columns OPERATOR(pg_catalog.->>) 'occurred_at', 'occurred_at')), ' AND ')"
							  " FROM kindly_stats.event_table AS t WHERE t.event_table::pg_catalog.oid OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not list event tables");
	result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not an attached event table", get_rel_name(relid)),
				 errhint("kindly_stats.event_table lists those that are.")));
	return result;
}

static bool
month_settled(const ks_month_bounds *month)
{
	return month->weight == 0 || (ks_bound_certain(&month->bounds, false) && ks_bound_certain(&month->bounds, true));
}

/* The rows of a month that the active snapshot sees, as a parameter; false where there are none. */
static bool
rows_of_month(int64 bot_id, DateADT month, Datum *ids)
{
	Oid			types[2] = {INT8OID, DATEOID};
	Datum		values[2] = {Int64GetDatum(bot_id), DateADTGetDatum(month)};
	bool		isnull;

	if (SPI_execute_with_args("SELECT pg_catalog.array_agg(r.id) FROM kindly_stats.rollup AS r"
							  " WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2"
							  " AND r.measure OPERATOR(pg_catalog.=) '" KS_EVENTS "'",
							  2, types, values, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not list rows of the rollup");
	*ids = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		*ids = PointerGetDatum(DatumGetArrayTypePCopy(*ids));
	SPI_freetuptable(SPI_tuptable);
	return !isnull;
}

/* Puts the exact bounds in the place of those of a month's rows. */
static void
settle_month(int64 bot_id, const ks_month_bounds *month)
{
	Oid			types[5] = {INT8OID, DATEOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDARRAYOID};
	Datum		values[5];
	TimestampTz first = month->bounds.first;
	TimestampTz last = month->bounds.last;

	if ((!ks_bound_certain(&month->bounds, false) && !ks_extreme_event(bot_id, month->month, false, &first)) ||
		(!ks_bound_certain(&month->bounds, true) && !ks_extreme_event(bot_id, month->month, true, &last)) ||
		!rows_of_month(bot_id, month->month, &values[4]))
		return;
	values[0] = Int64GetDatum(bot_id);
	values[1] = DateADTGetDatum(month->month);
	values[2] = TimestampTzGetDatum(first);
	values[3] = TimestampTzGetDatum(last);
	if (SPI_execute_with_args("UPDATE kindly_stats.rollup AS r SET tally = kindly_stats.with_bounds(r.tally, $3, $4)"
							  " WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) $2"
							  " AND r.measure OPERATOR(pg_catalog.=) '" KS_EVENTS "' AND r.id OPERATOR(pg_catalog.=) ANY ($5)",
							  5, types, values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not write the rollup");
}

/*
 * Other sessions go on counting, and their events may lie further out.  So the
 * bounds, what the event tables know and the rows to be rewritten are of one
 * snapshot: what it does not see stands in rows that stay as they are.
 */
static void
settle_bot(int64 bot_id, DateADT before)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats months", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	ks_month_bounds *months;
	ks_top		sources,
				languages;
	int			count;
	bool		settled = true;
	int			i;

	PushActiveSnapshot(GetTransactionSnapshot());
	count = ks_read_months(bot_id, memory, &months, &sources, &languages);
	PopActiveSnapshot();
	for (i = 0; i < count && months[i].month <= before; i++)
	{
		if (month_settled(&months[i]))
			continue;
		/* mixed rows have bounds, too */
		ks_compact(bot_id, months[i].month);
		settled = false;
	}
	if (!settled)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		count = ks_read_months(bot_id, memory, &months, &sources, &languages);
		for (i = 0; i < count && months[i].month <= before; i++)
		{
			if (!month_settled(&months[i]))
				settle_month(bot_id, &months[i]);
		}
		PopActiveSnapshot();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/*
 * After the outermost event of a month was deleted only the event tables know
 * the next one: while they still do, it is written down.  Above READ COMMITTED
 * rows that were compacted since the snapshot cannot be rewritten; there, first
 * and last event may become the next ones known.
 */
static void
settle_bounds(TimestampTz before)
{
	Oid			types[1] = {DATEOID};
	Datum		values[1] = {DateADTGetDatum(ks_month_to_date(ks_month_of(before)))};
	SPITupleTable *bots;
	uint64		count;
	uint64		i;
	ks_identity caller;

	if (IsolationUsesXactSnapshot())
		return;
	caller = ks_become_owner("rollup");
	if (SPI_execute_with_args("SELECT DISTINCT r.bot_id FROM kindly_stats.rollup AS r WHERE r.month OPERATOR(pg_catalog.<=) $1",
							  1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list bots");
	bots = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		settle_bot(DatumGetInt64(SPI_getbinval(bots->vals[i], bots->tupdesc, 1, &isnull)), DatumGetDateADT(values[0]));
	}
	SPI_freetuptable(bots);
	ks_become_again(caller);
}

/* Deletes with the caller's rights, while the triggers leave the statistics alone. */
static uint64
delete_events(Oid relid, const char *condition, TimestampTz before)
{
	char	   *query = psprintf("DELETE FROM %s AS e WHERE %s",
								 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)), condition);
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(before)};
	int			nest = NewGUCNestLevel();

	set_config_option("kindly_stats.keep_statistics", "on", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(query, 1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete events");
	AtEOXact_GUC(true, nest);
	return SPI_processed;
}

/* Notes from when on the table is whole again, which verify() and rebuild() must know. */
static void
note_horizon(Oid relid, TimestampTz before)
{
	Oid			types[2] = {OIDOID, TIMESTAMPTZOID};
	Datum		values[2] = {ObjectIdGetDatum(relid), TimestampTzGetDatum(before)};
	ks_identity caller;

	caller = ks_become_owner("purged");
	if (SPI_execute_with_args("INSERT INTO kindly_stats.purged AS p (event_table, before) VALUES ($1::pg_catalog.regclass, $2)"
							  " ON CONFLICT (event_table) DO UPDATE SET before = GREATEST(p.before, EXCLUDED.before)",
							  2, types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note the horizon");
	ks_become_again(caller);
}

/* purge(event_table, before) */
Datum
ks_purge(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	TimestampTz before = PG_GETARG_TIMESTAMPTZ(1);
	char	   *condition;
	uint64		deleted;

	ks_require_rollup();
	if (TIMESTAMP_NOT_FINITE(before) || before < KS_SLOT_MIN * KS_SLOT_USECS || before > KS_SLOT_MAX * KS_SLOT_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"before\" must lie in the years 1 to 9999"),
				 errhint("Pass the instant before which events are to be deleted, such as now() - interval '90 days'.")));
	/* statistics can be kept apart by quarter hours only */
	before = ks_slot_of(before) * KS_SLOT_USECS;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	condition = before_condition(relid);
	settle_bounds(before);
	deleted = delete_events(relid, condition, before);
	note_horizon(relid, before);
	SPI_finish();
	PG_RETURN_INT64((int64) deleted);
}
