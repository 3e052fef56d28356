/*
 * Events are sorted by bot and UTC month while they are counted.
 *
 * A group is the tally of one bot and month.  The caller watches how much memory all
 * groups take, and empties them when it is too much.
 */
#include "rollup/count.h"

#include "base/compat.h"

static void
start_groups(ks_month_tallies *g)
{
	ks_entries_init(&g->index, g->memory);
	g->size = 16;
	g->groups = MemoryContextAlloc(g->memory, g->size * sizeof(ks_month_tally *));
	g->last = NULL;
	g->day = PG_INT64_MAX;
	g->bytes = 0;
}

/* Makes an empty set of groups, in a memory context of its own. */
void
ks_month_tallies_init(ks_month_tallies *g, MemoryContext parent)
{
	g->memory = AllocSetContextCreate(parent, "kindly_stats tallies", ALLOCSET_DEFAULT_SIZES);
	start_groups(g);
}

/* Forgets all groups. */
void
ks_month_tallies_reset(ks_month_tallies *g)
{
	MemoryContextReset(g->memory);
	start_groups(g);
}

static int32
month_of(ks_month_tallies *g, TimestampTz at)
{
	int64		day = ks_day_of(at);

	if (day != g->day)
	{
		g->day = day;
		g->month = ks_month_of(at);
	}
	return g->month;
}

/* Returns the group that an event belongs to. */
static ks_month_tally *
find_group(ks_month_tallies *g, const ks_event *e)
{
	int32		month = month_of(g, e->at);
	uint32		known = g->index.count;
	uint32		number;

	if (g->last != NULL && g->last->bot_id == e->bot_id && g->last->month == month)
		return g->last;
	number = ks_entries_number(&g->index, (uint64) e->bot_id, month);
	if (number == known)
	{
		if (number == g->size)
		{
			g->size *= 2;
			g->groups = repalloc_huge(g->groups, g->size * sizeof(ks_month_tally *));
		}
		g->groups[number] = MemoryContextAlloc(g->memory, sizeof(ks_month_tally));
		ks_group_init(g->groups[number], e->bot_id, month, g->memory);
		g->bytes += sizeof(ks_month_tally) + sizeof(ks_month_tally *);
	}
	g->last = g->groups[number];
	return g->last;
}

/* Counts an event, or takes it away; note_bounds is false if an update did not change its instant. */
void
ks_month_tallies_count(ks_month_tallies *g, ks_counter *counter, const ks_event *e, bool removed, bool note_bounds)
{
	ks_month_tally   *group = find_group(g, e);
	size_t		before = ks_builder_bytes(&group->builder);

	ks_count_event(counter, group, e, removed, note_bounds);
	g->bytes += ks_builder_bytes(&group->builder) - before;
}

/* Consolidates all groups and removes those in which nothing is left; returns how many remain. */
uint32
ks_month_tallies_consolidate(ks_month_tallies *g)
{
	uint32		found = 0;
	uint32		i;

	for (i = 0; i < g->index.count; i++)
	{
		ks_must(ks_builder_consolidate(&g->groups[i]->builder));
		if (!ks_builder_empty(&g->groups[i]->builder))
			g->groups[found++] = g->groups[i];
	}
	return found;
}
