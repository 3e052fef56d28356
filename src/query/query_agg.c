/*
 * The aggregates that reading the rollup is made of.
 *
 * A question is one SELECT for one bot whose list is one of these aggregates:
 * where the rollup is distributed, that query goes whole to the node that owns
 * the bot, and only the answer comes back.  They take the rows as they are
 * stored: a mixed row (measure '') has the measure's name as the first part of
 * its keys.
 *
 * A filter is a text[] of conditions "<part>+<value>" (one of these values) and
 * "<part>-<value>" (none of these).
 */
#include "query/accessor.h"
#include "query/query_agg.h"

#include "base/aggregate.h"
#include "base/array.h"
#include "base/compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_series_agg_step);
PG_FUNCTION_INFO_V1(ks_series_agg_final);
PG_FUNCTION_INFO_V1(ks_top_agg_step);
PG_FUNCTION_INFO_V1(ks_top_agg_final);

/* Buckets have nothing to do with the number of intervals: a heatmap has 168 for an hour too.  This bounds the memory they take. */
#define BUCKETS_MAX 1000000

/* A list for each of source and language, and each part of a key. */
#define CONDITIONS_MAX (2 * KS_LIST_ITEMS_MAX + KS_KEY_MAX_PARTS)

/* Rows are kept until the last one has come, where members are asked for: what they may take. */
#define KEPT_MAX_MEGABYTES 1024

/* Fields of kindly_stats.tally_query. */
#define FIELD_MEASURE 1
#define FIELD_EDGES 2
#define FIELD_BUCKETS 3
#define FIELD_DISTINCT 4
#define FIELD_FILTER 5

static bool
flag_field(HeapTupleHeader row, AttrNumber number)
{
	bool		isnull;
	Datum		value = GetAttributeByNum(row, number, &isnull);

	return !isnull && DatumGetBool(value);
}

static void
parse_filter(HeapTupleHeader row, ks_filter *filter)
{
	bool		isnull;
	Datum		conditions = GetAttributeByNum(row, FIELD_FILTER, &isnull);
	int			count = 0;
	Datum	   *items;
	int			i;

	if (!isnull)
		count = ks_array_texts(DatumGetArrayTypePCopy(conditions), "filter", CONDITIONS_MAX, &items, NULL);
	filter->count = (uint32) count;
	filter->conditions = palloc((count + 1) * sizeof(ks_condition));
	for (i = 0; i < count; i++)
	{
		text	   *item = (text *) DatumGetPointer(items[i]);
		ks_condition *c = &filter->conditions[i];

		if (!ks_condition_read(c, VARDATA_ANY(item), VARSIZE_ANY_EXHDR(item)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("malformed filter condition \"%s\"", text_to_cstring(item))));
		c->value.length = ks_part_length(c->value.bytes, c->value.length);
	}
}

/* From the edges (timestamptz[]) and the buckets of intervals (integer[] or NULL). */
static void
parse_intervals(HeapTupleHeader row, ks_intervals *intervals)
{
	bool		isnull;
	Datum		array = GetAttributeByNum(row, FIELD_EDGES, &isnull);
	const TimestampTz *edges;
	int			count;
	uint32		i;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("edges must not be NULL")));
	edges = ks_array_numbers(DatumGetArrayTypeP(array), TIMESTAMPTZOID, "edges", KS_EDGES_MAX, &count);
	ks_intervals_from_edges(intervals, edges, count);
	array = GetAttributeByNum(row, FIELD_BUCKETS, &isnull);
	if (isnull)
		return;
	intervals->bucket_of = ks_array_numbers(DatumGetArrayTypePCopy(array), INT4OID, "buckets", KS_EDGES_MAX, &count);
	if (count != (int) intervals->nintervals)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be one bucket for each two edges")));
	intervals->nbuckets = 0;
	for (i = 0; i < intervals->nintervals; i++)
	{
		if (intervals->bucket_of[i] < KS_BUCKET_OUTSIDE || intervals->bucket_of[i] >= BUCKETS_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("bucket %d is out of range", intervals->bucket_of[i])));
		if (intervals->bucket_of[i] >= (int32) intervals->nbuckets)
			intervals->nbuckets = (uint32) intervals->bucket_of[i] + 1;
	}
}

ks_string
ks_text_string(text *value)
{
	ks_string	result = {(const uint8_t *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};

	return result;
}

/* Makes a state for what argument 3 asks. */
static ks_agg_state *
new_state(FunctionCallInfo fcinfo, ks_asked *asked)
{
	ks_agg_state *state = palloc0(sizeof(ks_agg_state));
	HeapTupleHeader row = PG_ARGISNULL(3) ? NULL : PG_GETARG_HEAPTUPLEHEADER(3);
	bool		isnull = true;
	Datum		measure = row == NULL ? (Datum) 0 : GetAttributeByNum(row, FIELD_MEASURE, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("measure must not be NULL")));
	state->wanted = ks_text_string(DatumGetTextPCopy(measure));
	parse_intervals(row, &asked->intervals);
	parse_filter(row, &asked->filter);
	asked->distinct = flag_field(row, FIELD_DISTINCT);
	return state;
}

/* Adds the row of arguments 1 and 2.  Members are read after the last row: until then the bytes must stay. */
static void
add_row(FunctionCallInfo fcinfo, ks_agg_state *state, MemoryContext memory)
{
	const text *measure = PG_GETARG_TEXT_PP(1);
	bool		mixed = VARSIZE_ANY_EXHDR(measure) == 0;
	Datum		tally = PG_GETARG_DATUM(2);
	MemoryContext row_memory = CurrentMemoryContext;
	ks_view		view;

	if (state->query.distinct)
		MemoryContextSwitchTo(memory);
	ks_tally_open_front(&view, tally, &state->query, mixed);
	MemoryContextSwitchTo(row_memory);
	if (state->query.distinct)
		state->kept += view.available + sizeof(ks_query_row);
	if (state->kept > KEPT_MAX_MEGABYTES * (Size) 1024 * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("statistics that are read for one question exceed %d MB", KEPT_MAX_MEGABYTES),
				 errhint("Choose a shorter range.")));
	ks_must(ks_query_add(&state->query, &view, mixed ? &state->wanted : NULL));
}

/*
 * The transition function of an aggregate: argument 0 is the state, 1 a row's measure, 2
 * its tally, 3 what is asked, a kindly_stats.tally_query.
 */
Datum
ks_agg_step(FunctionCallInfo fcinfo, ks_agg_start start)
{
	MemoryContext memory = ks_aggregate_context(fcinfo);
	ks_agg_state *state = PG_ARGISNULL(0) ? NULL : (ks_agg_state *) PG_GETARG_POINTER(0);

	if (state == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);
		ks_asked	asked;

		state = new_state(fcinfo, &asked);
		start(fcinfo, state, memory, &asked);
		MemoryContextSwitchTo(old);
	}
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		add_row(fcinfo, state, memory);
	PG_RETURN_POINTER(state);
}

/* Further argument of series_agg: first_seen. */
static void
start_series(FunctionCallInfo fcinfo, ks_agg_state *state, ks_memory memory, const ks_asked *asked)
{
	const ks_intervals *intervals = &asked->intervals;

	ks_query_series(&state->query, memory, intervals, &asked->filter, asked->distinct);
	state->query.first_seen = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	if (state->query.first_seen && (intervals->nintervals == 0 || intervals->bucket_of != NULL || intervals->edge[0] != KS_QUARTER_MIN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("members first seen need buckets in order, from -infinity on")));
}

Datum
ks_series_agg_step(PG_FUNCTION_ARGS)
{
	return ks_agg_step(fcinfo, start_series);
}

/* Counts of all buckets, then, if asked for, distinct members of all buckets. */
Datum
ks_series_agg_final(PG_FUNCTION_ARGS)
{
	ks_agg_state *state = PG_ARGISNULL(0) ? NULL : (ks_agg_state *) PG_GETARG_POINTER(0);
	uint32		nbuckets;
	Datum	   *values;
	uint32		i;

	ks_aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	nbuckets = state->query.intervals.nbuckets;
	/* the final function may run again on the same state: start the sums anew */
	memset(state->query.distincts, 0, nbuckets * sizeof(int64));
	ks_must(ks_query_finish_series(&state->query));
	values = palloc((2 * (size_t) nbuckets + 1) * sizeof(Datum));
	for (i = 0; i < nbuckets; i++)
	{
		values[i] = Int64GetDatum(state->query.counts[i]);
		values[nbuckets + i] = Int64GetDatum(state->query.distincts[i]);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(values, (int) (state->query.distinct ? 2 * nbuckets : nbuckets),
										  INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* What lines a list has: a value of type kindly_stats.top_lines. */
typedef struct top_lines
{
	uint32		skip;
	uint32		take;
	uint32		limit;
	bool		apart;
	bool		with_series;
} top_lines;

/* A field of a row, or the default where it is NULL; of less than nothing there is nothing. */
static uint32
number_field(HeapTupleHeader row, AttrNumber number, uint32 otherwise)
{
	bool		isnull;
	Datum		value = GetAttributeByNum(row, number, &isnull);

	return isnull ? otherwise : (uint32) Max(DatumGetInt32(value), 0);
}

static void
parse_lines(FunctionCallInfo fcinfo, int argument, top_lines *lines)
{
	HeapTupleHeader row;
	uint32		take;

	*lines = (top_lines) {.take = KS_KEY_MAX_PARTS, .limit = PG_UINT32_MAX};
	if (PG_ARGISNULL(argument))
		return;
	row = PG_GETARG_HEAPTUPLEHEADER(argument);
	lines->skip = number_field(row, 1, 0);
	take = number_field(row, 2, KS_KEY_MAX_PARTS);
	lines->take = Min(take, KS_KEY_MAX_PARTS);
	lines->limit = number_field(row, 3, PG_UINT32_MAX);
	lines->apart = flag_field(row, 4);
	lines->with_series = flag_field(row, 5);
}

/* Further argument of top_agg: lines. */
static void
start_top(FunctionCallInfo fcinfo, ks_agg_state *state, ks_memory memory, const ks_asked *asked)
{
	top_lines	lines;

	parse_lines(fcinfo, 4, &lines);
	state->limit = lines.limit;
	state->lists = lines.apart && !lines.with_series;
	(lines.with_series ? ks_query_top_series : ks_query_top) (&state->query, memory, &asked->intervals, &asked->filter, asked->distinct,
															  lines.skip, lines.take);
}

Datum
ks_top_agg_step(PG_FUNCTION_ARGS)
{
	return ks_agg_step(fcinfo, start_top);
}

void
ks_top_send(StringInfo out, const ks_top_line *lines, uint32 count)
{
	uint32		i;

	pq_sendint32(out, count);
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		pq_sendint32(out, (uint32) lines[i].key.length);
		pq_sendbytes(out, (const char *) lines[i].key.bytes, (int) lines[i].key.length);
		pq_sendint64(out, lines[i].weight);
		pq_sendint64(out, lines[i].members);
	}
}

/* Reads what ks_top_send wrote; keys point into the message. */
void
ks_top_receive(StringInfo message, ks_top *top)
{
	int			i;

	top->count = (int) pq_getmsgint(message, 4);
	top->lines = palloc0((top->count + 1) * sizeof(ks_top_line));
	for (i = 0; i < top->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		top->lines[i].key.length = (size_t) pq_getmsgint(message, 4);
		top->lines[i].key.bytes = (const uint8_t *) pq_getmsgbytes(message, (int) top->lines[i].key.length);
		top->lines[i].weight = pq_getmsgint64(message);
		top->lines[i].members = pq_getmsgint64(message);
	}
}

static void
put_numbers(StringInfo out, const int64 *numbers, size_t count)
{
	size_t		i;

	enlargeStringInfo(out, (int) (count * sizeof(int64)));
	for (i = 0; i < count; i++)
		pq_writeint64(out, numbers[i]);
}

static int64 *
receive_numbers(StringInfo message, size_t count)
{
	int64	   *result = palloc((count + 1) * sizeof(int64));
	size_t		i;

	for (i = 0; i < count; i++)
		result[i] = pq_getmsgint64(message);
	return result;
}

/* The series of a list, line by line: counts, then members, in the order of ks_top_series_receive. */
static void
put_series(StringInfo out, const ks_query *query, const ks_top_line *lines, uint32_t count)
{
	uint32_t	i;

	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_numbers(out, query->group_buckets + (size_t) lines[i].group * query->intervals.nbuckets, query->intervals.nbuckets);
	}
	if (query->distinct)
		put_numbers(out, query->line_buckets, (size_t) count * query->intervals.nbuckets);
}

/* Reads what ks_top_send and put_series wrote; keys point into the message. */
void
ks_top_series_receive(StringInfo message, int nbuckets, bool distinct, ks_top_series *with_series)
{
	size_t		count;

	ks_top_receive(message, &with_series->top);
	count = (size_t) with_series->top.count * nbuckets;
	with_series->counts = receive_numbers(message, count);
	with_series->distincts = distinct ? receive_numbers(message, count) : NULL;
}

/* The lists of the parts, one after the other. */
static void
put_lists(StringInfo out, ks_query *query)
{
	ks_lists	lists;
	uint32		i;

	ks_must(ks_query_finish_lists(query, &lists));
	for (i = 0; i < lists.count; i++)
		ks_top_send(out, lists.list[i].lines, lists.list[i].count);
}

/* The total, then the lines, in the order of ks_top_receive; of several lists, those of one after the other. */
Datum
ks_top_agg_final(PG_FUNCTION_ARGS)
{
	ks_agg_state *state = PG_ARGISNULL(0) ? NULL : (ks_agg_state *) PG_GETARG_POINTER(0);
	StringInfoData out;
	ks_top_line *lines;
	uint32		count;

	ks_aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	pq_begintypsend(&out);
	pq_sendint64(&out, state->query.total);
	if (state->lists)
	{
		put_lists(&out, &state->query);
		PG_RETURN_BYTEA_P(pq_endtypsend(&out));
	}
	ks_must(ks_query_finish_top(&state->query, state->limit, &lines, &count));
	ks_top_send(&out, lines, count);
	if (state->query.with_series)
		put_series(&out, &state->query, lines, count);
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}
