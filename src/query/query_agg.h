/*
 * The answers of the rollup's aggregates, as they travel from the node that
 * owns a bot to the session that asked.
 */
#ifndef KS_QUERY_AGG_H
#define KS_QUERY_AGG_H

#include "rollup/rollup.h"

#include "lib/stringinfo.h"
#include "query/presence.h"

typedef struct ks_month_bounds
{
	DateADT		month;
	bool		kept;			/* events that are in no table any more */
	int64		weight;			/* events */
	ks_bounds	bounds;
} ks_month_bounds;

/* Whether the first (or last) instant that was added cannot have been taken away since. */
static inline bool
ks_bound_certain(const ks_bounds *bounds, bool last)
{
	return last ? bounds->removed_last < bounds->last : bounds->removed_first > bounds->first;
}

/* The state of an aggregate that folds a series or a list. */
typedef struct ks_agg_state
{
	ks_query	query;
	Size		kept;			/* bytes of rows */
	ks_string	wanted;			/* the measure asked for */
	uint32		limit;			/* top only */
	ks_presence presence;		/* presence_agg only */
} ks_agg_state;

/* query.c */
extern ks_agg_state *ks_agg_state_new(FunctionCallInfo fcinfo, ks_intervals *intervals, ks_filter *filter);
extern void ks_agg_state_add(FunctionCallInfo fcinfo, ks_agg_state *state, MemoryContext memory);
extern void ks_top_receive(StringInfo message, ks_top *top);
extern void ks_top_series_receive(StringInfo message, int nbuckets, bool distinct, ks_top_series *with_series);
extern void ks_options_receive(StringInfo message, ks_top *sources, ks_top *languages, ks_month_bounds **months, int *count);

/* presence.c */
extern void ks_check_presence(size_t rows, size_t nbuckets);

#endif							/* KS_QUERY_AGG_H */
