/*
 * purge(): raw events go, their statistics stay.
 *
 * While it deletes, the triggers move what the events count from the live rows of
 * the rollup to the kept ones: live rows are what the tables have, always.
 *
 * Triggers on the shards of a distributed table are other sessions', which cannot be
 * told.  There, what is to be deleted is counted first, into kept rows, while nobody
 * writes; the triggers take it away from live ones.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_purge);

/* An attached table that is to be purged. */
typedef struct purging
{
	Oid			relid;
	char	   *condition;		/* for rows from before $1, whenever they are counted */
} purging;

/* Raises where the table is not attached. */
static purging
find_table(Oid relid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(relid)};
	purging		result = {relid};

	/* whoever may purge need not be allowed to call what makes other queries */
	if (SPI_execute_with_args("SELECT pg_catalog.string_agg(CASE WHEN r.rule OPERATOR(pg_catalog.->) 'column' IS NULL THEN pg_catalog.format('e.%I OPERATOR(pg_catalog.<) $1',"
							  " COALESCE(t.columns OPERATOR(pg_catalog.->>) 'occurred_at', 'occurred_at'))"
							  " ELSE pg_catalog.format('kindly_rules.%I(e.%I, %L) OPERATOR(pg_catalog.<) $1',"
							  " CASE WHEN r.rule OPERATOR(pg_catalog.->) 'tz' IS NULL THEN 'number_instant' ELSE 'zoned_instant' END,"
							  " r.rule OPERATOR(pg_catalog.->>) 'column',"
							  " COALESCE(r.rule OPERATOR(pg_catalog.->>) 'tz', r.rule OPERATOR(pg_catalog.->>) 'unit')) END, ' AND ')"
							  " FROM kindly_stats.event_tables() AS t,"
							  " LATERAL (SELECT t.columns OPERATOR(pg_catalog.->) 'occurred_at' AS rule) AS r WHERE t.event_table::pg_catalog.oid OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not list event tables");
	result.condition = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (result.condition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not an attached event table", get_rel_name(relid)),
				 errhint("kindly_stats.event_table lists those that are.")));
	return result;
}

/*
 * Deletes as the table's owner: his triggers, and whatever else he put into the
 * table, must not run with the caller's rights.
 */
static uint64
delete_events(const purging *of, TimestampTz before)
{
	char	   *query = psprintf("DELETE FROM %s AS e WHERE %s",
								 quote_qualified_identifier(get_namespace_name(get_rel_namespace(of->relid)), get_rel_name(of->relid)), of->condition);
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(before)};
	ks_owner_scope	scope = ks_table_owner_begin(of->relid);

	set_config_option("kindly_stats.keep_statistics", psprintf("%u", of->relid), PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_plan(ks_prepare_own(query, 1, types), values, NULL, false, 0) != SPI_OK_DELETE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a rule of table \"%s\" does something else instead of deleting", get_rel_name(of->relid)),
				 errhint("Drop the rule.")));
	ks_table_owner_end(scope);
	return SPI_processed;
}

/* Before events of a distributed table are deleted: adds what they count to kept rows. */
static void
keep_first(const purging *of, TimestampTz before)
{
	Oid			types[3] = {OIDOID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[3] = {ObjectIdGetDatum(of->relid), CStringGetTextDatum(of->condition), TimestampTzGetDatum(before)};
	ks_identity owner = ks_switch_to_owner("rollup");
	Oid			rollup_owner = GetUserId();

	ks_restore_user(owner);
	/* each node is asked as one role in a transaction */
	if (ks_table_owner(of->relid) != rollup_owner)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("distributed table \"%s\" belongs to another role than kindly_stats.rollup", get_rel_name(of->relid)),
				 errhint("Events and statistics of a distributed table change in one transaction only where one role owns both: ALTER TABLE ... OWNER TO.")));
	if (SPI_execute("SELECT kindly_stats.exclude_repair()", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not exclude repairs");
	ks_lock_everywhere(of->relid);
	if (SPI_execute_with_args("SELECT kindly_stats.keep_counts(t.event_table, t.columns, t.grain,"
							  " pg_catalog.replace($2, '$1', pg_catalog.format('%L::pg_catalog.timestamptz', $3)))"
							  " FROM kindly_stats.event_tables() AS t WHERE t.event_table::pg_catalog.oid OPERATOR(pg_catalog.=) $1 ORDER BY t.grain",
							  3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not keep statistics");
}

/* purge(event_table, before) */
Datum
ks_purge(PG_FUNCTION_ARGS)
{
	TimestampTz before = PG_GETARG_TIMESTAMPTZ(1);
	purging		of;
	uint64		deleted;

	ks_require_rollup();
	if (TIMESTAMP_NOT_FINITE(before) || before < KS_QUARTER_MIN * KS_QUARTER_USECS || before > KS_QUARTER_MAX * KS_QUARTER_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"before\" must lie in the years 1 to 9999"),
				 errhint("Pass the instant before which events are to be deleted, such as now() - interval '90 days'.")));
	ks_spi_connect();
	of = find_table(PG_GETARG_OID(0));
	ks_require_rights(of.relid, ACL_SELECT | ACL_DELETE);
	if (ks_is_distributed_table(of.relid))
		keep_first(&of, before);
	deleted = delete_events(&of, before);
	SPI_finish();
	PG_RETURN_INT64((int64) deleted);
}
