/*
 * Asking one tally: series(), total(), distinct_total(), top(), slice(), info().
 */
#include "query/accessor.h"

#include "base/array.h"
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_tally_series);
PG_FUNCTION_INFO_V1(ks_tally_total);
PG_FUNCTION_INFO_V1(ks_tally_distinct_total);
PG_FUNCTION_INFO_V1(ks_tally_top);
PG_FUNCTION_INFO_V1(ks_tally_slice);
PG_FUNCTION_INFO_V1(ks_tally_keys_under);
PG_FUNCTION_INFO_V1(ks_tally_parts);
PG_FUNCTION_INFO_V1(ks_tally_is_empty);
PG_FUNCTION_INFO_V1(ks_tally_info);

/* The parts given must be equal, a NULL part may be anything; NULL for key is no condition. */
void
ks_filter_from_key(ks_filter *filter, ArrayType *key, uint32 first_part)
{
	Datum	   *parts;
	bool	   *nulls;
	int			count;
	int			i;

	ks_array_flat(key, "key");
	count = ks_array_texts(key, "key", KS_LIST_ITEMS_MAX, &parts, &nulls);
	filter->conditions = filter->conditions == NULL ? palloc((count + 1) * sizeof(ks_condition))
		: repalloc(filter->conditions, (filter->count + count + 1) * sizeof(ks_condition));
	for (i = 0; i < count; i++)
	{
		ks_condition *c = &filter->conditions[filter->count];

		if (nulls[i])
			continue;
		c->part = first_part + i;
		c->exclude = false;
		c->value.bytes = (const uint8_t *) VARDATA_ANY(DatumGetPointer(parts[i]));
		c->value.length = ks_part_length(c->value.bytes, VARSIZE_ANY_EXHDR(DatumGetPointer(parts[i])));
		filter->count++;
	}
}

/* Buckets of ascending instants, one between each two. */
void
ks_intervals_from_edges(ks_intervals *intervals, const TimestampTz *edges, int nedges)
{
	memset(intervals, 0, sizeof(*intervals));
	if (nedges < 2)
		return;
	intervals->edge = palloc_extended(nedges * sizeof(int32), MCXT_ALLOC_HUGE);
	intervals->cut = palloc_extended(nedges * sizeof(bool), MCXT_ALLOC_HUGE);
	if (!ks_intervals_set(intervals, edges, nedges))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("edges must ascend"),
				 errhint("Pass the array that kindly_stats.edges() returns, or sort your own.")));
	intervals->nbuckets = intervals->nintervals;
}

static void
check_range(TimestampTz from, TimestampTz to)
{
	if (from > to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"from\" must not be after \"to\""),
				 errhint("The range begins with \"from\" and ends before \"to\".")));
}

/* One bucket over [from, to), either of which may be left open by NULL. */
static void
range_buckets(FunctionCallInfo fcinfo, int from, int to, ks_intervals *intervals)
{
	TimestampTz edges[2];

	edges[0] = PG_ARGISNULL(from) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(from);
	edges[1] = PG_ARGISNULL(to) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(to);
	check_range(edges[0], edges[1]);
	ks_intervals_from_edges(intervals, edges, 2);
}

static void
key_filter(FunctionCallInfo fcinfo, int argument, ks_filter *filter)
{
	memset(filter, 0, sizeof(*filter));
	if (!PG_ARGISNULL(argument))
		ks_filter_from_key(filter, PG_GETARG_ARRAYTYPE_P(argument), 0);
}

/* series(tally, edges, key) */
Datum
ks_tally_series(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ks_view		view;
	ks_intervals intervals;
	ks_filter	filter;
	ks_query	query;
	const TimestampTz *edges;
	int			nedges;
	uint32		i;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	edges = ks_array_numbers(PG_GETARG_ARRAYTYPE_P(1), TIMESTAMPTZOID, "edges", KS_EDGES_MAX, &nedges);
	ks_intervals_from_edges(&intervals, edges, nedges);
	key_filter(fcinfo, 2, &filter);
	PG_GETARG_TALLY_VIEW(&view, 0);
	ks_query_series(&query, CurrentMemoryContext, &intervals, &filter, true);
	ks_must(ks_query_add(&query, &view, NULL));
	ks_must(ks_query_finish_series(&query));
	for (i = 0; i < intervals.nbuckets; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		CHECK_FOR_INTERRUPTS();
		values[0] = TimestampTzGetDatum(edges[i]);
		values[1] = Int64GetDatum(query.counts[i]);
		values[2] = Int64GetDatum(query.distincts[i]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The query of (tally, from, to, key) in one bucket. */
static void
query_range(FunctionCallInfo fcinfo, ks_query *query, bool distinct)
{
	ks_view		view;
	ks_intervals intervals;
	ks_filter	filter;

	range_buckets(fcinfo, 1, 2, &intervals);
	key_filter(fcinfo, 3, &filter);
	ks_query_series(query, CurrentMemoryContext, &intervals, &filter, distinct);
	ks_tally_open_front(&view, PG_GETARG_DATUM(0), query, false);
	ks_must(ks_query_add(query, &view, NULL));
	ks_must(ks_query_finish_series(query));
}

/* total(tally, from, to, key) */
Datum
ks_tally_total(PG_FUNCTION_ARGS)
{
	ks_query	query;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_range(fcinfo, &query, false);
	PG_RETURN_INT64(query.counts[0]);
}

/* distinct_total(tally, from, to, key) */
Datum
ks_tally_distinct_total(PG_FUNCTION_ARGS)
{
	ks_query	query;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_range(fcinfo, &query, true);
	PG_RETURN_INT64(query.distincts[0]);
}

/* A stored key as the array it was made from. */
ArrayType *
ks_key_to_array(ks_string key)
{
	Datum		parts[KS_KEY_MAX_PARTS];
	bool		nulls[KS_KEY_MAX_PARTS];
	ks_string	part;
	int			count = 0;
	int			lower = 1;

	while (count < lengthof(parts) && ks_key_shift(&key, &part))
	{
		nulls[count] = part.bytes == NULL;
		parts[count] = nulls[count] ? (Datum) 0
			: PointerGetDatum(cstring_to_text_with_len((const char *) part.bytes, (int) part.length));
		count++;
	}
	if (count == 0)
		return construct_empty_array(TEXTOID);
	return construct_md_array(parts, nulls, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT);
}

/* top(tally, limit, from, to, key) */
Datum
ks_tally_top(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ks_view		view;
	ks_intervals intervals;
	ks_filter	filter;
	ks_query	query;
	ks_top_line *lines;
	uint32		count;
	uint32		i;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (!PG_ARGISNULL(1) && PG_GETARG_INT32(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"limit\" must be at least 1"),
				 errhint("Pass NULL for all keys.")));
	range_buckets(fcinfo, 2, 3, &intervals);
	key_filter(fcinfo, 4, &filter);
	PG_GETARG_TALLY_VIEW(&view, 0);
	ks_query_top(&query, CurrentMemoryContext, &intervals, &filter, true, 0, PG_UINT32_MAX);
	ks_must(ks_query_add(&query, &view, NULL));
	ks_must(ks_query_finish_top(&query, PG_ARGISNULL(1) ? PG_UINT32_MAX : (uint32) PG_GETARG_INT32(1), &lines, &count));
	for (i = 0; i < count; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		CHECK_FOR_INTERRUPTS();
		values[0] = PointerGetDatum(ks_key_to_array(lines[i].key));
		values[1] = Int64GetDatum(lines[i].weight);
		values[2] = Int64GetDatum(lines[i].members);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* An end of a slice: a quarter hour's start, or one of the ends of time. */
static int32
slice_edge(TimestampTz at)
{
	int64		quarter;

	if (at <= KS_QUARTER_MIN * KS_QUARTER_USECS)
		return KS_QUARTER_MIN;
	if (at > KS_QUARTER_MAX * KS_QUARTER_USECS)
		return KS_QUARTER_MAX + 1;
	quarter = ks_quarter_of(at);
	if (quarter * KS_QUARTER_USECS != at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slice must begin and end on a UTC quarter hour"),
				 errhint("Events are counted by UTC quarter hours, which cannot be divided.")));
	return (int32) quarter;
}

/* slice(tally, from, to) */
Datum
ks_tally_slice(PG_FUNCTION_ARGS)
{
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(1);
	TimestampTz to = PG_GETARG_TIMESTAMPTZ(2);
	ks_builder	builder;
	ks_view		view;

	check_range(from, to);
	PG_GETARG_TALLY_VIEW(&view, 0);
	ks_builder_init(&builder, CurrentMemoryContext);
	ks_must(ks_builder_merge_range(&builder, &view, false, slice_edge(from), slice_edge(to)));
	PG_RETURN_POINTER(ks_tally_pack(&builder));
}

/* keys_under(tally, name): the keys whose first part is name, without that part. */
Datum
ks_tally_keys_under(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(1);
	ks_string	wanted = {(const uint8_t *) VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)};
	ks_builder	builder;
	ks_builder	none;
	ks_view		view;
	ks_share   *shares;
	uint32		count;
	uint32		i;

	PG_GETARG_TALLY_VIEW(&view, 0);
	ks_builder_init(&builder, CurrentMemoryContext);
	ks_builder_init(&none, CurrentMemoryContext);
	ks_must(ks_builder_merge(&builder, &view, false));
	ks_must(ks_builder_split(&builder, &shares, &count));
	for (i = 0; i < count; i++)
	{
		if (ks_string_compare(shares[i].name, wanted) == 0)
			PG_RETURN_POINTER(ks_tally_pack(&shares[i].builder));
	}
	PG_RETURN_POINTER(ks_tally_pack(&none));
}

static bool
is_among(ks_string name, const Datum *names, const bool *nulls, int count)
{
	int			i;

	for (i = 0; i < count; i++)
	{
		ks_string	other = {(const uint8_t *) VARDATA_ANY(DatumGetPointer(names[i])), VARSIZE_ANY_EXHDR(DatumGetPointer(names[i]))};

		if (!nulls[i] && ks_string_compare(name, other) == 0)
			return true;
	}
	return false;
}

/* Whether the first part of every key is one of the names. */
static bool
has_no_other_parts(const ks_view *view, const Datum *names, const bool *nulls, int count)
{
	ks_key_cursor cursor = ks_view_keys(view);
	bool		result = true;

	while (result && ks_key_next(&cursor))
	{
		ks_string	head = cursor.key.head;
		ks_string	name;

		CHECK_FOR_INTERRUPTS();
		result = ks_key_shift(&head, &name) && name.bytes != NULL && is_among(name, names, nulls, count);
	}
	ks_must(cursor.status);
	return result;
}

/* parts(tally, names): those alone; NULL where it has no others. */
Datum
ks_tally_parts(PG_FUNCTION_ARGS)
{
	Datum	   *names;
	bool	   *nulls;
	int			count;
	ks_builder	builder;
	ks_builder	result;
	ks_share   *shares;
	uint32		nshares;
	uint32		i;
	ks_view		view;

	count = ks_array_texts(PG_GETARG_ARRAYTYPE_P(1), "names", KS_LIST_ITEMS_MAX, &names, &nulls);
	PG_GETARG_TALLY_VIEW(&view, 0);
	if (has_no_other_parts(&view, names, nulls, count))
		PG_RETURN_NULL();
	ks_builder_init(&builder, CurrentMemoryContext);
	ks_builder_init(&result, CurrentMemoryContext);
	ks_must(ks_builder_merge(&builder, &view, false));
	ks_must(ks_builder_split(&builder, &shares, &nshares));
	result.bounds = builder.bounds;
	for (i = 0; i < nshares; i++)
	{
		struct varlena *packed;
		ks_view		share;

		if (!is_among(shares[i].name, names, nulls, count))
			continue;
		packed = ks_tally_pack(&shares[i].builder);
		ks_tally_open(&share, PointerGetDatum(packed));
		ks_must(ks_builder_merge_under(&result, &share, false, shares[i].name));
	}
	PG_RETURN_POINTER(ks_tally_pack(&result));
}

/* is_empty(tally): nothing is left in it. */
Datum
ks_tally_is_empty(PG_FUNCTION_ARGS)
{
	ks_view		view;

	PG_GETARG_TALLY_VIEW(&view, 0);
	PG_RETURN_BOOL(view.header.nweights == 0 && view.header.nentries == 0);
}

/* info(tally): what its header says. */
Datum
ks_tally_info(PG_FUNCTION_ARGS)
{
	ks_view		view;
	ks_header  *header = &view.header;
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_GETARG_TALLY_VIEW(&view, 0);
	values[0] = Int32GetDatum(KS_FORMAT_VERSION);
	values[1] = Int64GetDatum(header->size);
	values[2] = Int64GetDatum(header->nkeys);
	values[3] = Int64GetDatum(header->nquarters);
	values[4] = Int64GetDatum(header->nmembers);
	values[5] = Int64GetDatum(header->total);
	nulls[6] = nulls[7] = ks_bounds_none(&header->bounds);
	values[6] = TimestampTzGetDatum(header->bounds.first);
	values[7] = TimestampTzGetDatum(header->bounds.last);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
