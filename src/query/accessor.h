/*
 * What the SQL functions and aggregates over tallies have in common.
 */
#ifndef KS_QUERY_ACCESSOR_H
#define KS_QUERY_ACCESSOR_H

#include "query/query.h"
#include "tally/tally.h"

/* So many edges may an array of them have. */
#define KS_EDGES_MAX 1000001

/* front.c */
extern void ks_tally_open_front(ks_view *view, Datum tally, ks_query *query, bool mixed);

/* accessor.c */
extern void ks_filter_from_key(ks_filter *filter, ArrayType *key, uint32 first_part);
extern void ks_intervals_from_edges(ks_intervals *intervals, const TimestampTz *edges, int nedges);
extern ArrayType *ks_key_to_array(ks_string key);

#endif							/* KS_QUERY_ACCESSOR_H */
