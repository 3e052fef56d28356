/*
 * Buckets: which bucket a quarter hour belongs to.
 */
#ifndef KS_QUERY_INTERVALS_H
#define KS_QUERY_INTERVALS_H

#include "tally/view.h"

/*
 * Where instants go: interval i is [edge i, edge i + 1) and belongs to bucket
 * bucket_of[i].  Edges ascend.  An edge that is not the start of a quarter hour
 * cuts its quarter; a quarter that is cut can be answered for only while it is empty.
 */
typedef struct ks_intervals
{
	int32_t    *edge;			/* [nintervals + 1] the quarter an edge lies in */
	bool	   *cut;			/* [nintervals + 1] the edge lies inside the quarter */
	int32_t    *bucket_of;		/* [nintervals], or NULL: interval i is bucket i */
	uint32_t	nintervals;
	uint32_t	nbuckets;
} ks_intervals;

#define KS_BUCKET_OUTSIDE (-1)
#define KS_BUCKET_CUT (-2)

/* Ascending lookups: the bucket of a quarter and of those that follow it before to. */
typedef struct ks_walk
{
	int64_t		interval;
	int64_t		to;
	int32_t		bucket;
} ks_walk;

/* The bucket of each quarter of a stretch, for who asks so often that it is worth a table. */
typedef struct ks_quarter_map
{
	int32_t    *bucket;			/* [last - first + 1] KS_BUCKET_OUTSIDE, KS_BUCKET_CUT or a bucket; NULL: no table */
	int32_t		first;
	int32_t		last;
	size_t		size;
} ks_quarter_map;

extern bool ks_intervals_set(ks_intervals *intervals, const int64_t *edges, uint32_t nedges);
extern int64_t ks_intervals_find(const ks_intervals *intervals, int32_t quarter);
extern ks_walk ks_walk_start(void);
extern void ks_walk_move(ks_walk *walk, const ks_intervals *intervals, int32_t quarter);
extern void ks_intervals_map(const ks_intervals *intervals, ks_quarter_map *map, int32_t first, int32_t last, ks_memory memory);
extern int32_t ks_intervals_bucket_of_range(const ks_intervals *intervals, int32_t first, int32_t last);

#endif							/* KS_QUERY_INTERVALS_H */
