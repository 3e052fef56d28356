/*
 * Building tallies in SQL: tally_agg(), sum(), + and -.
 *
 * The state of both aggregates is a tally.  While rows come in it is an
 * expanded object around a builder; whoever needs bytes (a parallel worker's
 * tuple, another node, the client) gets it flattened.  So neither aggregate
 * needs a serialization function, and one transition function combines.
 */
#include "tally/tally.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/hash.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/timestamp.h"

/*
 * A sum is refused while it grows, not when it has filled the memory and turns
 * out to be too large for a tally.  An entry whose member comes but once takes
 * 12 bytes there, hash and number: mostly its weight need not be written.
 */
#define STATE_MAX_ENTRIES (KS_TALLY_MAX_BYTES / 12)
#define STATE_MAX_KEY_BYTES (2 * KS_TALLY_MAX_BYTES)

typedef struct expanded_tally
{
	ExpandedObjectHeader header;
	ks_builder	builder;
	struct varlena *flat;		/* its packed form, until something is added */
} expanded_tally;

PG_FUNCTION_INFO_V1(ks_tally_add);
PG_FUNCTION_INFO_V1(ks_tally_subtract);
PG_FUNCTION_INFO_V1(ks_tally_negate);
PG_FUNCTION_INFO_V1(ks_tally_sum);
PG_FUNCTION_INFO_V1(ks_tally_accumulate);

static Size
expanded_flat_size(ExpandedObjectHeader *header)
{
	expanded_tally *state = (expanded_tally *) header;

	if (state->flat == NULL)
		state->flat = ks_tally_pack(&state->builder);
	return VARSIZE(state->flat);
}

static void
expanded_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	expanded_tally *state = (expanded_tally *) header;

	Assert(state->flat != NULL && VARSIZE(state->flat) == size);
	memcpy(result, state->flat, size);
}

static const ExpandedObjectMethods expanded_methods = {
	expanded_flat_size,
	expanded_flatten
};

static expanded_tally *
expanded_new(MemoryContext parent)
{
	MemoryContext own = AllocSetContextCreate(parent, "expanded tally", ALLOCSET_START_SMALL_SIZES);
	expanded_tally *state = MemoryContextAlloc(own, sizeof(expanded_tally));

	EOH_init_header(&state->header, &expanded_methods, own);
	ks_builder_init(&state->builder, own);
	state->flat = NULL;
	return state;
}

/* The state argument as something to add to: the object itself where it is one of ours, else a new one with its content. */
static expanded_tally *
state_for_update(FunctionCallInfo fcinfo)
{
	MemoryContext parent;
	expanded_tally *state;
	ks_view		view;

	if (AggCheckCallContext(fcinfo, &parent) == 0)
		parent = CurrentMemoryContext;
	if (PG_ARGISNULL(0))
		return expanded_new(parent);
	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0))))
	{
		state = (expanded_tally *) DatumGetEOHP(PG_GETARG_DATUM(0));
		if (state->header.eoh_methods == &expanded_methods)
		{
			if (state->flat != NULL)
				pfree(state->flat);
			state->flat = NULL;
			return state;
		}
	}
	ks_tally_open(&view, PG_GETARG_DATUM(0));
	state = expanded_new(parent);
	ks_must(ks_builder_merge(&state->builder, &view, false));
	return state;
}

static size_t
entries_of(const ks_builder *builder)
{
	return (size_t) builder->weights.count + builder->members.count;
}

/* The state after something was added, which must not grow without bounds. */
static Datum
updated(expanded_tally *state)
{
	if (ks_dictionary_bytes(&state->builder.keys) > STATE_MAX_KEY_BYTES)
		ks_raise(KS_E_LIMIT);
	/* what was noted twice is summed up first; an eighth more, so that this is rare */
	if (entries_of(&state->builder) > STATE_MAX_ENTRIES / 8 * 9)
	{
		ks_must(ks_builder_consolidate(&state->builder));
		if (entries_of(&state->builder) > STATE_MAX_ENTRIES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("tally exceeds the maximum of %zu entries", STATE_MAX_ENTRIES),
					 errdetail("An entry is a member, quarter hour and key, or a quarter hour and key."),
					 errhint("Group by month, or by a part of the key, to get several smaller tallies.")));
	}
	return EOHPGetRWDatum(&state->header);
}

/* Transition and combine function of sum(tally). */
Datum
ks_tally_sum(PG_FUNCTION_ARGS)
{
	expanded_tally *state;
	ks_view		view;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	ks_tally_open(&view, PG_GETARG_DATUM(1));
	state = state_for_update(fcinfo);
	ks_must(ks_builder_merge(&state->builder, &view, false));
	PG_RETURN_DATUM(updated(state));
}

/* The quarter hour of an instant, which must lie in the countable years. */
int32
ks_quarter_checked(TimestampTz at)
{
	int64		quarter = TIMESTAMP_NOT_FINITE(at) ? PG_INT64_MAX : ks_quarter_of(at);

	if (quarter < KS_QUARTER_MIN || quarter > KS_QUARTER_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("instant of an event is out of range: %s", timestamptz_to_str(at)),
				 errhint("Only events of the years 1 to 9999 can be counted.")));
	return (int32) quarter;
}

/* The number of the key in the builder's dictionary. */
uint32
ks_put_key(ks_builder *builder, ArrayType *key)
{
	Datum	   *parts;
	bool	   *nulls;
	int			count;
	int			i;
	size_t		size = 0;
	uint8_t    *bytes,
			   *at;
	ks_string	string;

	ks_array_flat(key, "key");
	count = ks_array_texts(key, "key", KS_LIST_ITEMS_MAX, &parts, &nulls);
	if (count > KS_KEY_MAX_PARTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("key must not have more than %d parts", KS_KEY_MAX_PARTS),
				 errhint("Join parts that are only asked for together into one.")));
	for (i = 0; i < count; i++)
		size += KS_VARINT_MAX + (nulls[i] ? 0 : Min(VARSIZE_ANY_EXHDR(DatumGetPointer(parts[i])), KS_PART_MAX));
	bytes = at = palloc(size + 1);
	for (i = 0; i < count; i++)
	{
		if (nulls[i])
			at = ks_key_put(at, NULL, 0);
		else
			at = ks_key_put(at, VARDATA_ANY(DatumGetPointer(parts[i])),
							ks_part_length(VARDATA_ANY(DatumGetPointer(parts[i])), VARSIZE_ANY_EXHDR(DatumGetPointer(parts[i]))));
	}
	string.bytes = bytes;
	string.length = (size_t) (at - bytes);
	return ks_dictionary_put(&builder->keys, string);
}

/* Transition function of tally_agg(at, key, member, weight), the later arguments optional. */
Datum
ks_tally_accumulate(PG_FUNCTION_ARGS)
{
	bool		has_weight = PG_NARGS() > 4;
	bool		has_member = PG_NARGS() > 3 && !PG_ARGISNULL(3);
	bool		has_key = PG_NARGS() > 2 && !PG_ARGISNULL(2);
	ks_string	no_key = {(const uint8_t *) "", 0};
	int64		weight = 1;
	expanded_tally *state;
	int32		quarter;
	uint32		key;

	if (PG_ARGISNULL(1) || (has_weight && (PG_ARGISNULL(4) || PG_GETARG_INT64(4) == 0)))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	quarter = ks_quarter_checked(PG_GETARG_TIMESTAMPTZ(1));
	if (has_weight)
		weight = PG_GETARG_INT64(4);

	state = state_for_update(fcinfo);
	key = has_key ? ks_put_key(&state->builder, PG_GETARG_ARRAYTYPE_P(2))
		: ks_dictionary_put(&state->builder.keys, no_key);
	if (has_member)
	{
		text	   *member = PG_GETARG_TEXT_PP(3);

		ks_must(ks_builder_add_member(&state->builder, key, quarter,
									  ks_hash_member(VARDATA_ANY(member), VARSIZE_ANY_EXHDR(member)), weight));
	}
	else
		ks_must(ks_builder_add(&state->builder, key, quarter, weight));
	ks_bounds_note(&state->builder.bounds, PG_GETARG_TIMESTAMPTZ(1), weight < 0);
	PG_RETURN_DATUM(updated(state));
}

/* a, or nothing, plus or minus b. */
static Datum
combine_two(Datum *a, Datum b, bool negate)
{
	ks_builder	builder;
	ks_view		view;

	ks_builder_init(&builder, CurrentMemoryContext);
	if (a != NULL)
	{
		ks_tally_open(&view, *a);
		ks_must(ks_builder_merge(&builder, &view, false));
	}
	ks_tally_open(&view, b);
	ks_must(ks_builder_merge(&builder, &view, negate));
	return PointerGetDatum(ks_tally_pack(&builder));
}

Datum
ks_tally_add(PG_FUNCTION_ARGS)
{
	Datum		a = PG_GETARG_DATUM(0);

	PG_RETURN_DATUM(combine_two(&a, PG_GETARG_DATUM(1), false));
}

Datum
ks_tally_subtract(PG_FUNCTION_ARGS)
{
	Datum		a = PG_GETARG_DATUM(0);

	PG_RETURN_DATUM(combine_two(&a, PG_GETARG_DATUM(1), true));
}

Datum
ks_tally_negate(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(combine_two(NULL, PG_GETARG_DATUM(0), true));
}
