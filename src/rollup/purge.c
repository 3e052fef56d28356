/*
 * purge(): raw events go, their statistics stay.
 *
 * While it deletes, the triggers move what the events count from live rows of the rollup
 * to kept ones: live rows always say what the tables have.
 *
 * Triggers on the shards of a distributed table run in other sessions, which cannot be
 * told to do so.  So each node purges its own shards, which are tables to it, in a
 * transaction of its own.  In a transaction block, the events are first counted into kept rows, while
 * writers are locked out; the triggers then take them out of live rows.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_purge);
PG_FUNCTION_INFO_V1(ks_purge_shard);

/* An attached table, or a shard of it, that is to be purged. */
typedef struct purging
{
	Oid			relid;
	char	   *condition;		/* rows e from before $1, by each instant at which they are counted */
} purging;

/* Raises where the table is not attached. */
static purging
find_table(Oid relid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(relid)};
	purging		result = {relid};

	/* in plain SQL: the caller may have no right to call the functions that write such conditions for other queries */
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
 * Deletes as the table's owner: the owner's triggers, and other code in the table, must
 * not run with the caller's rights.
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

/* Adds what events of a distributed table count to kept rows, before they are deleted. */
static void
keep_first(const purging *of, TimestampTz before)
{
	Oid			types[3] = {OIDOID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[3] = {ObjectIdGetDatum(of->relid), CStringGetTextDatum(of->condition), TimestampTzGetDatum(before)};
	ks_identity owner = ks_switch_to_owner("rollup");
	Oid			rollup_owner = GetUserId();

	ks_restore_user(owner);
	/* a transaction asks each node as one role */
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

/* Raises for an instant that no event can have. */
static void
require_finite(TimestampTz before)
{
	if (TIMESTAMP_NOT_FINITE(before) || before < KS_QUARTER_MIN * KS_QUARTER_USECS || before > KS_QUARTER_MAX * KS_QUARTER_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"before\" must lie in the years 1 to 9999"),
				 errhint("Pass the instant before which events are to be deleted, such as now() - interval '90 days'.")));
}

/* Keeps a shard from being moved or split until the transaction ends, as writers that go through Citus do; raises if it is not here. */
static void
hold_shard(Oid shard)
{
	ks_owner_scope scope = ks_table_owner_begin(shard);
	ks_shard_range bots;

	/* 5 is ShareLock */
	if (SPI_execute(psprintf("SELECT pg_catalog.lock_shard_metadata(5, ARRAY[%lld]::pg_catalog.int8[])", (long long) ks_shard_number(shard)), false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock a shard");
	ks_table_owner_end(scope);
	AcceptInvalidationMessages();
	if (!ks_is_shard(shard) || !ks_shard_range_of(shard, &bots))
		ks_refuse_unknown_shard();
	(void) ks_rollup_shard_beside(&bots);
}

/* Has each node purge what it has; returns how many events. */
static Datum
purge_nodes(FunctionCallInfo fcinfo)
{
	Oid			types[2] = {REGCLASSOID, TIMESTAMPTZOID};
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	bool		isnull;

	if (SPI_execute_with_args("SELECT kindly_stats.purge_nodes($1, $2)", 2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not purge nodes");
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
}

/* purge_shard(event_table, shard, before) */
Datum
ks_purge_shard(PG_FUNCTION_ARGS)
{
	Oid			shard = PG_GETARG_OID(1);
	TimestampTz before = PG_GETARG_TIMESTAMPTZ(2);
	int			nest = NewGUCNestLevel();
	purging		of;
	uint64		deleted;

	require_finite(before);
	ks_spi_connect();
	of = find_table(PG_GETARG_OID(0));
	ks_require_rights(of.relid, ACL_SELECT | ACL_DELETE);
	ks_require_rights(shard, ACL_SELECT | ACL_DELETE);
	hold_shard(shard);
	of.relid = shard;
	ks_set_option("citus.enable_manual_changes_to_shards", "on");
	deleted = delete_events(&of, before);
	AtEOXact_GUC(true, nest);
	SPI_finish();
	PG_RETURN_INT64((int64) deleted);
}

/* purge(event_table, before) */
Datum
ks_purge(PG_FUNCTION_ARGS)
{
	TimestampTz before = PG_GETARG_TIMESTAMPTZ(1);
	purging		of;
	uint64		deleted;

	ks_require_rollup();
	require_finite(before);
	ks_spi_connect();
	of = find_table(PG_GETARG_OID(0));
	ks_require_rights(of.relid, ACL_SELECT | ACL_DELETE);
	if (ks_is_distributed_table(of.relid) && ks_can_ask_nodes())
		deleted = DatumGetInt64(purge_nodes(fcinfo));
	else
	{
		if (ks_is_distributed_table(of.relid))
			keep_first(&of, before);
		deleted = delete_events(&of, before);
	}
	SPI_finish();
	PG_RETURN_INT64((int64) deleted);
}
