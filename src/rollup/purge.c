/*
 * purge(): raw events go, their statistics stay.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
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

/*
 * Deletes as the table's owner, whose triggers and whatever else he put into the
 * table must not run with the caller's rights, while ours leave the statistics
 * alone.
 */
static uint64
delete_events(Oid relid, const char *condition, TimestampTz before)
{
	char	   *query = psprintf("DELETE FROM %s AS e WHERE %s",
								 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)), condition);
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(before)};
	ks_visit	visit = ks_enter_table(relid);

	set_config_option("kindly_stats.keep_statistics", "on", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(query, 1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete events");
	ks_leave_table(visit);
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
	ks_require_rights(relid, ACL_SELECT | ACL_DELETE);
	deleted = delete_events(relid, condition, before);
	note_horizon(relid, before);
	SPI_finish();
	PG_RETURN_INT64((int64) deleted);
}
