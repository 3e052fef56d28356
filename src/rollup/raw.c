/*
 * The raw events of all measures of a grain, to be counted in plain SQL.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/stream.h"

#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(ks_raw_events);

/* Rows in memory at once. */
#define BATCH 1000

/* What stands in for a table must be no more than the caller may read anyway. */
static void
require_rights_on(ArrayType *shards)
{
	const Oid  *relids = (const Oid *) ARR_DATA_PTR(shards);
	int			count = ArrayGetNItems(ARR_NDIM(shards), ARR_DIMS(shards));
	int			i;

	if (array_contains_nulls(shards))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"shards\" must have no NULLs")));
	for (i = 0; i < count; i++)
		ks_require_rights(relids[i], ACL_SELECT);
}

static void
make_raw_events(FunctionCallInfo fcinfo, ks_stream_query *query)
{
	Oid			types[3] = {OIDOID, TEXTOID, REGCLASSARRAYOID};
	Datum		values[3] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_ARGISNULL(4) ? (Datum) 0 : PG_GETARG_DATUM(4)};

	ks_require_rights(PG_GETARG_OID(0), ACL_SELECT);
	if (!PG_ARGISNULL(4))
		require_rights_on(PG_GETARG_ARRAYTYPE_P(4));
	if (SPI_execute_with_args("SELECT kindly_stats.raw_query(t.event_table, t.columns, t.grain, $3) FROM kindly_stats.event_tables() AS t"
							  " WHERE t.event_table::pg_catalog.oid OPERATOR(pg_catalog.=) $1 AND t.grain OPERATOR(pg_catalog.=) $2",
							  3, types, values, PG_ARGISNULL(4) ? "  n" : NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not make the query that reads events");
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not counted by measures of grain \"%s\"", get_rel_name(PG_GETARG_OID(0)), text_to_cstring(PG_GETARG_TEXT_PP(1))),
				 errhint("kindly_stats.event_table lists what is counted.")));
	query->text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	query->table = PG_GETARG_OID(0);
	query->batch = BATCH;
	ks_stream_argument(query, INT8OID, PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	ks_stream_argument(query, TIMESTAMPTZOID, PG_ARGISNULL(3) ? (Datum) 0 : PG_GETARG_DATUM(3), PG_ARGISNULL(3));
}

/* raw_events(event_table, grain, bot or NULL for all, since or NULL, shards or NULL) */
Datum
ks_raw_events(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("only \"bot\", \"since\" and \"shards\" may be NULL")));
	return ks_stream_rows(fcinfo, make_raw_events, ks_stream_record);
}
