/*
 * Rows that span months.
 *
 * A row takes more space than what it counts of a bot that has an event or two a month.
 * So if a bot has little, it is stored in one mixed row for all of its months, as long as
 * that has no more entries than a mixed row of a single month may have.  Its column month
 * has -infinity, which lies in no range of months and so is never taken for one.  Its id
 * lies behind those of new rows, so that a question finds it in the scan that it makes
 * anyway, and pays nothing where there is none.
 *
 * The tallies of months add up to it, and it is split by month where something is asked
 * about one month.  First and last instant are those of the whole row: a month in the
 * middle gets the month's ends, noted as taken away, as in slice().
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/sort.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(ks_tally_months);
PG_FUNCTION_INFO_V1(ks_tally_entries);

/* Returns the size of a tally as limits count it. */
uint64
ks_span_entries(const ks_view *view)
{
	return (uint64) view->header.nweights + view->header.nentries;
}

/* ------------------------------------------------------------------------
 * Which months
 * ------------------------------------------------------------------------
 */

typedef struct month_set
{
	int			count;
	int			size;
	int32	   *month;			/* ascending */
} month_set;

static void
add_month(month_set *set, int32 month)
{
	int			at = set->count;

	while (at > 0 && set->month[at - 1] > month)
		at--;
	if (at > 0 && set->month[at - 1] == month)
		return;
	if (set->count == set->size)
	{
		set->size = 2 * set->size + 16;
		set->month = set->month == NULL ? palloc(set->size * sizeof(int32)) : repalloc(set->month, set->size * sizeof(int32));
	}
	memmove(set->month + at + 1, set->month + at, (set->count - at) * sizeof(int32));
	set->month[at] = month;
	set->count++;
}

/* Entries of a consolidated accumulator ascend by quarter, so that few months are looked for. */
static void
add_months(month_set *set, const ks_accumulator *accumulator)
{
	int64		day = PG_INT64_MAX;
	uint32		i;

	for (i = 0; i < accumulator->count; i++)
	{
		TimestampTz at = accumulator->entry[i].quarter * KS_QUARTER_USECS;

		CHECK_FOR_INTERRUPTS();
		if (ks_day_of(at) == day)
			continue;
		day = ks_day_of(at);
		add_month(set, ks_month_of(at));
	}
}

/* Returns the months that a consolidated builder has something of. */
static month_set
months_of(const ks_builder *builder)
{
	const ks_bounds *b = &builder->bounds;
	const int64 ends[4] = {b->first, b->last, b->removed_first, b->removed_last};
	month_set	result = {0, 0, NULL};
	int			i;

	add_months(&result, &builder->weights);
	add_months(&result, &builder->members);
	/* an instant that moved within its quarter hour leaves nothing else */
	for (i = 0; i < 4; i++)
	{
		if (!TIMESTAMP_NOT_FINITE(ends[i]))
			add_month(&result, ks_month_of(ends[i]));
	}
	return result;
}

/* Returns the first quarter hour of a month. */
static int32
first_quarter(int32 month)
{
	return (int32) ((TimestampTz) ks_month_to_date(month) * USECS_PER_DAY / KS_QUARTER_USECS);
}

/* Whether something was taken away from a month, between the first and the last such month, of which nothing is left. */
static bool
has_hidden_months(const month_set *months, const ks_bounds *bounds)
{
	int32		left;
	int			i;

	if (TIMESTAMP_NOT_FINITE(bounds->removed_first))
		return false;
	left = ks_month_of(bounds->removed_last) - ks_month_of(bounds->removed_first) + 1;
	for (i = 0; i < months->count; i++)
		left -= months->month[i] >= ks_month_of(bounds->removed_first) && months->month[i] <= ks_month_of(bounds->removed_last);
	return left > 0;
}

/*
 * Splits a consolidated builder by month, ascending.  If something had moved in a month of
 * which nothing is left, the last share is of KS_SPAN, and says between which instants
 * that may have been.
 */
void
ks_span_split(ks_builder *span, ks_month_share **shares, int *count)
{
	month_set	months = months_of(span);
	struct varlena *packed = ks_tally_pack(span);
	ks_view		view;
	int			i;

	*count = months.count;
	*shares = palloc((months.count + 1) * sizeof(ks_month_share));
	if (has_hidden_months(&months, &span->bounds))
	{
		ks_month_share *hidden = &(*shares)[(*count)++];

		hidden->month = KS_SPAN;
		ks_builder_init(&hidden->builder, CurrentMemoryContext);
		hidden->builder.bounds = ks_bounds_within(&span->bounds, span->bounds.removed_first, span->bounds.removed_last);
	}
	ks_tally_open(&view, PointerGetDatum(packed));
	for (i = 0; i < months.count; i++)
	{
		ks_month_share *share = &(*shares)[i];

		CHECK_FOR_INTERRUPTS();
		share->month = months.month[i];
		ks_builder_init(&share->builder, CurrentMemoryContext);
		ks_must(ks_builder_merge_range(&share->builder, &view, false, first_quarter(share->month), first_quarter(share->month + 1)));
		ks_must(ks_builder_consolidate(&share->builder));
	}
}

/* months(tally) */
Datum
ks_tally_months(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	month_set  *months;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		ks_builder	builder;
		ks_view		view;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		PG_GETARG_TALLY_VIEW(&view, 0);
		ks_builder_init(&builder, CurrentMemoryContext);
		ks_must(ks_builder_merge(&builder, &view, false));
		ks_must(ks_builder_consolidate(&builder));
		months = palloc(sizeof(month_set));
		*months = months_of(&builder);
		call->user_fctx = months;
		MemoryContextSwitchTo(old);
	}
	call = SRF_PERCALL_SETUP();
	months = call->user_fctx;
	if (call->call_cntr < (uint64) months->count)
	{
		DateADT		date = ks_month_to_date(months->month[call->call_cntr]);

		SRF_RETURN_NEXT(call, DateADTGetDatum(date));
	}
	SRF_RETURN_DONE(call);
}

/* entries(tally) */
Datum
ks_tally_entries(PG_FUNCTION_ARGS)
{
	ks_view		view;

	PG_GETARG_TALLY_VIEW(&view, 0);
	PG_RETURN_INT64((int64) ks_span_entries(&view));
}

/* ------------------------------------------------------------------------
 * From months to a row that spans them
 * ------------------------------------------------------------------------
 */

/* Starts with another bot, in the current memory context. */
void
ks_gather_begin(ks_gathered *g, int64 bot_id)
{
	memset(g, 0, sizeof(*g));
	g->bot_id = bot_id;
}

/* Adds a copy of a tally; returns whether all tallies together have few entries. */
bool
ks_gather(ks_gathered *g, int32 month, Datum tally, bool isnull)
{
	if (g->count == g->size)
	{
		g->size = 2 * g->size + 16;
		g->month = g->month == NULL ? palloc(g->size * sizeof(int32)) : repalloc(g->month, g->size * sizeof(int32));
		g->tally = g->tally == NULL ? palloc(g->size * sizeof(struct varlena *)) : repalloc(g->tally, g->size * sizeof(struct varlena *));
	}
	g->month[g->count] = month;
	g->tally[g->count] = isnull ? NULL : PG_DETOAST_DATUM_COPY(tally);
	if (!isnull)
	{
		ks_view		view;

		ks_tally_open(&view, PointerGetDatum(g->tally[g->count]));
		g->entries += ks_span_entries(&view);
	}
	g->count++;
	return g->entries <= KS_MIXED_MAX;
}

/* Adds up what was gathered, or takes it away, and consolidates it; returns its month, which is KS_SPAN where there are several. */
int32
ks_gathered_sum(const ks_gathered *g, bool negate, ks_builder *sum)
{
	int32		month = KS_SPAN;
	bool		any = false;
	int			i;

	for (i = 0; i < g->count; i++)
	{
		ks_view		view;

		CHECK_FOR_INTERRUPTS();
		if (g->tally[i] == NULL)
			continue;
		ks_tally_open(&view, PointerGetDatum(g->tally[i]));
		ks_must(ks_builder_merge(sum, &view, negate));
		month = !any || month == g->month[i] ? g->month[i] : KS_SPAN;
		any = true;
	}
	ks_must(ks_builder_consolidate(sum));
	return month;
}

/* Whether the bot has merged rows of single measures, and so does not have little. */
bool
ks_is_sorted_out(int64 bot_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot_id)};

	ks_prepared_simple(&plan,
				"SELECT 1 FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.measure OPERATOR(pg_catalog.>) '' AND" KS_IS_MERGED " LIMIT 1", 1, types);
	if (SPI_execute_plan(plan, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not list rows of the rollup");
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed > 0;
}

static int
compare_groups(const void *a, const void *b)
{
	const ks_month_tally *x = *(ks_month_tally *const *) a;
	const ks_month_tally *y = *(ks_month_tally *const *) b;

	CHECK_FOR_INTERRUPTS();
	if (x->bot_id != y->bot_id)
		return x->bot_id < y->bot_id ? -1 : 1;
	return x->month < y->month ? -1 : x->month > y->month;
}

/*
 * Returns the entries of a group as limits count them; too many for one whose instants
 * moved, which would be lost when the sum is split.
 */
static uint64
group_entries(const ks_month_tally *group)
{
	uint64		entries = ks_builder_entries(&group->builder);

	return entries > 0 ? entries : PG_UINT32_MAX;
}

static ks_month_tally *
joined_group(ks_month_tally **groups, int count)
{
	ks_month_tally   *result = palloc0(sizeof(ks_month_tally));
	int			i;

	result->bot_id = groups[0]->bot_id;
	result->month = KS_SPAN;
	ks_builder_init(&result->builder, CurrentMemoryContext);
	for (i = 0; i < count; i++)
		ks_must(ks_builder_add_all(&result->builder, &groups[i]->builder));
	ks_must(ks_builder_consolidate(&result->builder));
	return result;
}

/*
 * Replaces the groups of a bot by one that spans months, if they have this many entries or
 * less in all; returns how many groups there are then.  The groups themselves do not
 * change.
 */
int
ks_span_join(ks_month_tally **groups, int count, uint64 limit)
{
	int			result = 0;
	int			begin,
				end,
				i;

	for (i = 1; i < count && groups[i]->month == groups[0]->month; i++)
		;
	if (i >= count)
		return count;
	ks_sort(groups, count, sizeof(ks_month_tally *), compare_groups, CurrentMemoryContext);
	for (begin = 0; begin < count; begin = end)
	{
		uint64		entries = 0;

		for (end = begin; end < count && groups[end]->bot_id == groups[begin]->bot_id; end++)
			entries += group_entries(groups[end]);
		if (end - begin > 1 && entries <= limit)
			groups[result++] = joined_group(groups + begin, end - begin);
		else
		{
			for (i = begin; i < end; i++)
				groups[result++] = groups[i];
		}
	}
	return result;
}
