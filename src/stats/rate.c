/*
 * The aggregate fallback_rate(boolean): what part of the rows is true.
 *
 * Its state is an array of two counts, true ones and all, which like the states
 * of core's averages is changed in place, and has text and binary forms.
 */
#include "stats/stats.h"

#include "base/array.h"
#include "base/compat.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(ks_rate_step);
PG_FUNCTION_INFO_V1(ks_rate_combine);

/* The two counts of a state; whoever calls the function by hand may pass any array. */
static int64 *
counts_of(ArrayType *state)
{
	int			count;
	int64	   *counts = ks_array_numbers(state, INT8OID, "state", 2, &count);

	if (count != 2 || counts[0] < 0 || counts[0] > counts[1] || counts[1] > PG_INT64_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state of fallback_rate must be an array of two counts"),
				 errhint("Use the aggregate.")));
	return counts;
}

/* An aggregate's own state may be changed, anybody else's value must not. */
static ArrayType *
state_argument(FunctionCallInfo fcinfo)
{
	return AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0) : PG_GETARG_ARRAYTYPE_P_COPY(0);
}

/* Transition function; strict, so rows with NULL do not come here. */
Datum
ks_rate_step(PG_FUNCTION_ARGS)
{
	ArrayType  *state = state_argument(fcinfo);
	int64	   *counts = counts_of(state);

	counts[0] += PG_GETARG_BOOL(1);
	counts[1]++;
	PG_RETURN_ARRAYTYPE_P(state);
}

/* Combine function. */
Datum
ks_rate_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = state_argument(fcinfo);
	int64	   *counts = counts_of(state);
	const int64 *more = counts_of(PG_GETARG_ARRAYTYPE_P(1));

	counts[0] += more[0];
	counts[1] += more[1];
	PG_RETURN_ARRAYTYPE_P(state);
}
