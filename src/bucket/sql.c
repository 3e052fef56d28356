/*
 * The SQL functions buckets(), intervals() and edges(): thin shells over
 * ks_buckets_build.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "bucket/bucket.h"

PG_FUNCTION_INFO_V1(ks_buckets_sql);
PG_FUNCTION_INFO_V1(ks_intervals_sql);
PG_FUNCTION_INFO_V1(ks_edges_sql);

static void
refuse_null(const char *argument, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is missing", argument),
			 errhint("%s", hint)));
}

/* Arguments of all three functions: "from", "to", tz, granularity, locale. */
static void
build_from_arguments(ks_buckets *result, FunctionCallInfo fcinfo)
{
	const char *locale;
	pg_tz	   *zone;

	if (PG_ARGISNULL(0))
		refuse_null("from", "Give the first day or moment of the range.");
	if (PG_ARGISNULL(1))
		refuse_null("to", "Give the day or moment after the last one of the range.");
	if (PG_ARGISNULL(3))
		refuse_null("granularity", "Granularities are hour, day, week, month, quarter and year.");

	locale = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	zone = PG_ARGISNULL(2) ? ks_zone_session()
		: ks_zone_lookup(text_to_cstring(PG_GETARG_TEXT_PP(2)), locale);
	ks_buckets_build(result, PG_GETARG_MOMENT(0), PG_GETARG_MOMENT(1), zone,
					 ks_unit_parse(text_to_cstring(PG_GETARG_TEXT_PP(3))), locale);
}

static ks_buckets *
first_call(FunctionCallInfo fcinfo, FuncCallContext *funcctx)
{
	MemoryContext previous = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
	ks_buckets *buckets = palloc(sizeof(ks_buckets));
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	funcctx->tuple_desc = BlessTupleDesc(tupdesc);
	build_from_arguments(buckets, fcinfo);
	MemoryContextSwitchTo(previous);
	return buckets;
}

Datum
ks_buckets_sql(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	ks_buckets *buckets;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};
	uint64		i;

	if (SRF_IS_FIRSTCALL())
	{
		funcctx = SRF_FIRSTCALL_INIT();
		funcctx->user_fctx = first_call(fcinfo, funcctx);
	}
	funcctx = SRF_PERCALL_SETUP();
	buckets = funcctx->user_fctx;
	i = funcctx->call_cntr;
	if (i >= (uint64) buckets->nbuckets)
		SRF_RETURN_DONE(funcctx);

	values[0] = TimestampTzGetDatum(buckets->starts[i]);
	values[1] = TimestampTzGetDatum(buckets->ends[i]);
	values[2] = TimestampGetDatum(buckets->labels[i]);
	values[3] = BoolGetDatum(buckets->partial[i]);
	SRF_RETURN_NEXT(funcctx,
					HeapTupleGetDatum(heap_form_tuple(funcctx->tuple_desc, values, nulls)));
}

Datum
ks_intervals_sql(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	ks_buckets *buckets;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};
	uint64		i;
	int32		bucket;

	if (SRF_IS_FIRSTCALL())
	{
		funcctx = SRF_FIRSTCALL_INIT();
		funcctx->user_fctx = first_call(fcinfo, funcctx);
	}
	funcctx = SRF_PERCALL_SETUP();
	buckets = funcctx->user_fctx;

	/* The first and the last span always belong to a bucket. */
	i = funcctx->call_cntr;
	if (i < (uint64) buckets->nintervals && buckets->bucket_of != NULL && buckets->bucket_of[i] < 0)
		i = ++funcctx->call_cntr;
	if (i >= (uint64) buckets->nintervals)
		SRF_RETURN_DONE(funcctx);

	bucket = buckets->bucket_of == NULL ? (int32) i : buckets->bucket_of[i];
	values[0] = TimestampTzGetDatum(buckets->edges[i]);
	values[1] = TimestampTzGetDatum(buckets->edges[i + 1]);
	values[2] = TimestampTzGetDatum(buckets->starts[bucket]);
	values[3] = TimestampGetDatum(buckets->labels[bucket]);
	SRF_RETURN_NEXT(funcctx,
					HeapTupleGetDatum(heap_form_tuple(funcctx->tuple_desc, values, nulls)));
}

/*
 * An array of edges says nothing of spans that belong together or to no
 * bucket, so that a range with such is refused rather than miscounted.
 */
Datum
ks_edges_sql(PG_FUNCTION_ARGS)
{
	ks_buckets	buckets;
	Datum	   *edges;
	int			i;

	build_from_arguments(&buckets, fcinfo);
	if (buckets.bucket_of != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the range has a local day of more than one interval"),
				 errdetail("The clock was set back over midnight."),
				 errhint("Use the function intervals, another range, or a coarser granularity.")));
	if (buckets.nbuckets == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TIMESTAMPTZOID));

	edges = palloc((buckets.nintervals + 1) * sizeof(Datum));
	for (i = 0; i <= buckets.nintervals; i++)
		edges[i] = TimestampTzGetDatum(buckets.edges[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(edges, buckets.nintervals + 1, TIMESTAMPTZOID,
										  sizeof(TimestampTz), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
