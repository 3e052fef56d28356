/*
 * presence_agg: in which buckets the members of a measure were.
 *
 * Its answer is a list of numbers: first whether anything was counted (1), or less
 * than nothing (-1), or nothing (0), then what ks_presence has.
 */
#include "query/accessor.h"
#include "query/query_agg.h"

#include "base/aggregate.h"
#include "base/array.h"
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(ks_presence_agg_step);
PG_FUNCTION_INFO_V1(ks_presence_agg_final);

/* So many windows may a question have, and so many numbers an answer, which is then 64 MB. */
#define WINDOWS_MAX 32
#define NUMBERS_MAX 8000000

/* Raises where an answer would have too many numbers, whether or not anything was counted. */
void
ks_check_presence(size_t rows, size_t nbuckets)
{
	if (rows * nbuckets > NUMBERS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an answer must not have more than %d numbers", NUMBERS_MAX),
				 errhint("Choose a shorter range or a coarser granularity.")));
}

/* From the lengths (integer[] or NULL) and whether there are cohorts, in two arguments. */
static void
read_kind(FunctionCallInfo fcinfo, int argument, ks_agg_state *state)
{
	ks_presence *p = &state->presence;
	int			count = 0;
	int			i;

	p->kind = KS_PRESENT_MEMBERS;
	if (!PG_ARGISNULL(argument + 1) && PG_GETARG_BOOL(argument + 1))
		p->kind = KS_PRESENT_COHORTS;
	else if (!PG_ARGISNULL(argument))
	{
		p->kind = KS_PRESENT_LATELY;
		p->windows = ks_array_numbers(DatumGetArrayTypePCopy(PG_GETARG_DATUM(argument)), INT4OID, "windows", WINDOWS_MAX, &count);
		p->nwindows = (uint32) count;
	}
	for (i = 0; i < count; i++)
	{
		if (p->windows[i] < 1 || (i > 0 && p->windows[i] < p->windows[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("windows must be lengths of 1 and more, ascending")));
	}
	ks_check_presence(p->kind == KS_PRESENT_COHORTS ? state->query.intervals.nbuckets : (size_t) count, state->query.intervals.nbuckets);
}

/* Transition function of presence_agg: further arguments 4 windows, 5 cohorts.  Members are always asked for. */
Datum
ks_presence_agg_step(PG_FUNCTION_ARGS)
{
	MemoryContext memory = ks_aggregate_context(fcinfo);
	ks_agg_state *state = PG_ARGISNULL(0) ? NULL : (ks_agg_state *) PG_GETARG_POINTER(0);

	if (state == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);
		ks_intervals intervals;
		ks_filter	filter;
		bool		distinct;

		state = ks_agg_state_new(fcinfo, &intervals, &filter, &distinct);
		ks_query_series(&state->query, memory, &intervals, &filter, true);
		read_kind(fcinfo, 4, state);
		MemoryContextSwitchTo(old);
	}
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		ks_agg_state_add(fcinfo, state, memory);
	PG_RETURN_POINTER(state);
}

/* Of counts: -1 where one is below zero, else whether there is one above it. */
static int
sign_of(const int64 *counts, uint32 nbuckets)
{
	int			result = 0;
	uint32		i;

	for (i = 0; i < nbuckets; i++)
	{
		if (counts[i] < 0)
			return -1;
		result |= counts[i] > 0;
	}
	return result;
}

Datum
ks_presence_agg_final(PG_FUNCTION_ARGS)
{
	ks_agg_state *state = PG_ARGISNULL(0) ? NULL : (ks_agg_state *) PG_GETARG_POINTER(0);
	ks_presence *p;
	ArrayType  *result;
	int			count = 1;
	Datum		first;

	ks_aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	p = &state->presence;
	ks_must(ks_presence_find(&state->query, p));
	if (p->count > NUMBERS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a question must not be about more than %d members", NUMBERS_MAX),
				 errhint("Choose a shorter range.")));
	first = Int64GetDatum(sign_of(state->query.counts, state->query.intervals.nbuckets));
	result = construct_array(&first, 1, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	count += (int) p->count;
	result = repalloc(result, ARR_OVERHEAD_NONULLS(1) + count * sizeof(int64));
	SET_VARSIZE(result, ARR_OVERHEAD_NONULLS(1) + count * sizeof(int64));
	ARR_DIMS(result)[0] = count;
	memcpy((int64 *) ARR_DATA_PTR(result) + 1, p->numbers, p->count * sizeof(int64));
	ks_free(p->numbers);
	PG_RETURN_ARRAYTYPE_P(result);
}
