/*
 * options_agg: what a bot's rows say of its sources, languages, first and last event.
 *
 * Bounds are asked for by month, since rows of one month decide together whether
 * its first and last event are certain.
 */
#include "rollup/rollup.h"

#include "base/aggregate.h"
#include "base/compat.h"
#include "query/accessor.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_options_agg_step);
PG_FUNCTION_INFO_V1(ks_options_agg_final);

/* State of options_agg. */
typedef struct options_state
{
	ks_string	wanted;
	ks_query	by_source;
	ks_query	by_language;
	ks_month_bounds *months;
	int			count;
	int			size;
	List	   *hidden;			/* months that rows which span several do not tell: their bounds hold for each month between them */
} options_state;

static options_state *
new_options(FunctionCallInfo fcinfo, MemoryContext memory)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	options_state *state = palloc0(sizeof(options_state));
	TimestampTz always[2] = {DT_NOBEGIN, DT_NOEND};
	ks_filter	none = {NULL, 0};
	ks_intervals intervals;

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("measure must not be NULL")));
	state->wanted = ks_text_string(DatumGetTextPCopy(PG_GETARG_DATUM(3)));
	ks_intervals_from_edges(&intervals, always, 2);
	ks_query_top(&state->by_source, memory, &intervals, &none, false, 0, 1);
	ks_query_top(&state->by_language, memory, &intervals, &none, false, 1, 1);
	state->size = 16;
	state->months = palloc(state->size * sizeof(ks_month_bounds));
	MemoryContextSwitchTo(old);
	return state;
}

static ks_month_bounds *
month_bounds(options_state *state, DateADT month, bool kept)
{
	int			i;

	for (i = state->count - 1; i >= 0; i--)
	{
		if (state->months[i].month == month && state->months[i].kept == kept)
			return &state->months[i];
	}
	if (state->count == state->size)
	{
		state->size *= 2;
		state->months = repalloc(state->months, state->size * sizeof(ks_month_bounds));
	}
	state->months[state->count].month = month;
	state->months[state->count].kept = kept;
	state->months[state->count].weight = 0;
	ks_bounds_reset(&state->months[state->count].bounds);
	return &state->months[state->count++];
}

/* Returns the total weight of a measure in a mixed tally. */
static int64
weight_of(const ks_builder *mixed, const ks_string *measure)
{
	bool	   *wanted = palloc_extended((Size) mixed->keys.count + 1, MCXT_ALLOC_HUGE);
	int64		sum = 0;
	uint32		i;

	for (i = 0; i < mixed->keys.count; i++)
	{
		ks_string	key = ks_dictionary_get(&mixed->keys, i);
		ks_string	name;

		wanted[i] = measure == NULL || (ks_key_shift(&key, &name) && name.bytes != NULL && ks_string_compare(name, *measure) == 0);
	}
	for (i = 0; i < mixed->weights.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (wanted[mixed->weights.entry[i].key])
			sum += mixed->weights.entry[i].weight;
	}
	pfree(wanted);
	return sum;
}

/* Notes the bounds of a row that spans months: they hold for each month in between of which the row has nothing else. */
static void
note_hidden(options_state *state, const ks_bounds *bounds, bool kept)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(state));
	ks_month_bounds *hidden = palloc0(sizeof(ks_month_bounds));

	hidden->kept = kept;
	hidden->bounds = *bounds;
	state->hidden = lappend(state->hidden, hidden);
	MemoryContextSwitchTo(old);
}

/* Adds to a month those of the hidden bounds that lie in it. */
static void
add_hidden(const options_state *state, ks_month_bounds *month)
{
	TimestampTz start = (TimestampTz) month->month * USECS_PER_DAY;
	TimestampTz end = (TimestampTz) ks_month_to_date(ks_month_of(start) + 1) * USECS_PER_DAY;
	ListCell   *cell;

	foreach(cell, state->hidden)
	{
		const ks_month_bounds *hidden = lfirst(cell);
		ks_bounds	bounds = ks_bounds_within(&hidden->bounds, start, end - 1);

		CHECK_FOR_INTERRUPTS();
		if (hidden->kept == month->kept)
			ks_bounds_merge(&month->bounds, &bounds, false);
	}
}

/* Adds each month of a row that spans months. */
static void
add_months(options_state *state, const ks_view *view, const ks_string *prefix, bool kept)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats months", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	ks_builder	builder;
	ks_month_share *shares;
	int			count;
	int			i;

	ks_builder_init(&builder, memory);
	ks_must(ks_builder_merge(&builder, view, false));
	ks_must(ks_builder_consolidate(&builder));
	ks_span_split(&builder, &shares, &count);
	for (i = 0; i < count; i++)
	{
		ks_month_bounds *month;

		if (shares[i].month == KS_SPAN)
		{
			note_hidden(state, &shares[i].builder.bounds, kept);
			continue;
		}
		MemoryContextSwitchTo(old);
		month = month_bounds(state, ks_month_to_date(shares[i].month), kept);
		MemoryContextSwitchTo(memory);
		month->weight += weight_of(&shares[i].builder, prefix);
		ks_bounds_merge(&month->bounds, &shares[i].builder.bounds, false);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/* Transition function of options_agg(measure, tally, wanted, month, kept). */
Datum
ks_options_agg_step(PG_FUNCTION_ARGS)
{
	MemoryContext memory = ks_aggregate_context(fcinfo);
	options_state *state = PG_ARGISNULL(0) ? new_options(fcinfo, memory) : (options_state *) PG_GETARG_POINTER(0);
	ks_month_bounds *month;
	const text *measure;
	const ks_string *prefix;
	ks_view		view;
	int64		before = state->by_source.total;
	DateADT		date;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
		PG_RETURN_POINTER(state);
	measure = PG_GETARG_TEXT_PP(1);
	prefix = VARSIZE_ANY_EXHDR(measure) == 0 ? &state->wanted : NULL;
	ks_tally_open(&view, PG_GETARG_DATUM(2));
	ks_must(ks_query_add(&state->by_source, &view, prefix));
	ks_must(ks_query_add(&state->by_language, &view, prefix));
	date = PG_GETARG_DATEADT(4);
	if (DATE_IS_NOBEGIN(date))
	{
		add_months(state, &view, prefix, PG_GETARG_BOOL(5));
		PG_RETURN_POINTER(state);
	}
	month = month_bounds(state, date, PG_GETARG_BOOL(5));
	month->weight += state->by_source.total - before;
	ks_bounds_merge(&month->bounds, &view.header.bounds, false);
	PG_RETURN_POINTER(state);
}

static int
compare_months(const void *a, const void *b)
{
	DateADT		x = ((const ks_month_bounds *) a)->month;
	DateADT		y = ((const ks_month_bounds *) b)->month;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Reads what the final function of options_agg wrote. */
void
ks_options_receive(StringInfo message, ks_top *sources, ks_top *languages, ks_month_bounds **months, int *count)
{
	int			i;

	ks_top_receive(message, sources);
	ks_top_receive(message, languages);
	*count = (int) pq_getmsgint(message, 4);
	*months = palloc((*count + 1) * sizeof(ks_month_bounds));
	for (i = 0; i < *count; i++)
	{
		ks_month_bounds *m = &(*months)[i];

		m->month = (DateADT) pq_getmsgint(message, 4);
		m->kept = pq_getmsgbyte(message) != 0;
		m->weight = pq_getmsgint64(message);
		m->bounds.first = pq_getmsgint64(message);
		m->bounds.last = pq_getmsgint64(message);
		m->bounds.removed_first = pq_getmsgint64(message);
		m->bounds.removed_last = pq_getmsgint64(message);
	}
}

/* Sources, languages and the months that have events, ascending, in the order of ks_options_receive. */
Datum
ks_options_agg_final(PG_FUNCTION_ARGS)
{
	options_state *state = PG_ARGISNULL(0) ? NULL : (options_state *) PG_GETARG_POINTER(0);
	StringInfoData out;
	ks_top_line *lines;
	uint32		count;
	int			i;

	ks_aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	pq_begintypsend(&out);
	ks_must(ks_query_finish_top(&state->by_source, PG_UINT32_MAX, &lines, &count));
	ks_top_send(&out, lines, count);
	ks_must(ks_query_finish_top(&state->by_language, PG_UINT32_MAX, &lines, &count));
	ks_top_send(&out, lines, count);
	qsort(state->months, state->count, sizeof(ks_month_bounds), compare_months);
	pq_sendint32(&out, (uint32) state->count);
	for (i = 0; i < state->count; i++)
	{
		ks_month_bounds *m = &state->months[i];

		add_hidden(state, m);
		pq_sendint32(&out, (uint32) m->month);
		pq_sendbyte(&out, m->kept);
		pq_sendint64(&out, m->weight);
		pq_sendint64(&out, m->bounds.first);
		pq_sendint64(&out, m->bounds.last);
		pq_sendint64(&out, m->bounds.removed_first);
		pq_sendint64(&out, m->bounds.removed_last);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}
