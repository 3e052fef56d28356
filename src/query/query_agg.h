/*
 * The answers of aggregates over stored tallies, as they travel from the node that
 * owns a bot to the session that asked.
 */
#ifndef KS_QUERY_AGG_H
#define KS_QUERY_AGG_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "query/presence.h"

typedef struct ks_top
{
	int64		total;			/* weight over all keys, not only those listed */
	int			count;
	ks_top_line *lines;
} ks_top;

/* A top list with a series for each of its lines. */
typedef struct ks_top_series
{
	ks_top		top;
	int64	   *counts;			/* [top.count * nbuckets] */
	int64	   *distincts;		/* likewise; NULL unless asked for */
} ks_top_series;

/* The state of an aggregate that makes a series or a list. */
typedef struct ks_agg_state
{
	ks_query	query;
	Size		kept;			/* bytes of rows */
	ks_string	wanted;			/* the measure asked for */
	uint32		limit;			/* top only */
	bool		lists;			/* top only: one for each part */
	ks_presence presence;		/* presence_agg only */
} ks_agg_state;

/* query_agg.c */
extern ks_agg_state *ks_agg_state_new(FunctionCallInfo fcinfo, ks_intervals *intervals, ks_filter *filter, bool *distinct);
extern void ks_agg_state_add(FunctionCallInfo fcinfo, ks_agg_state *state, MemoryContext memory);
extern ks_string ks_text_string(text *value);
extern void ks_top_send(StringInfo out, const ks_top_line *lines, uint32 count);
extern void ks_top_receive(StringInfo message, ks_top *top);
extern void ks_top_series_receive(StringInfo message, int nbuckets, bool distinct, ks_top_series *with_series);

/* presence_agg.c */
extern void ks_check_presence(size_t rows, size_t nbuckets);

#endif							/* KS_QUERY_AGG_H */
