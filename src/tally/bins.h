/*
 * Bins: which bucket a quarter hour belongs to.
 */
#ifndef KS_TALLY_BINS_H
#define KS_TALLY_BINS_H

#include "tally/view.h"

/*
 * Where instants go: segment i is [edge i, edge i + 1) and belongs to bin
 * bin_of[i].  Edges ascend.  An edge that is not the start of a quarter hour
 * cuts its slot; a slot that is cut can be answered for only while it is empty.
 */
typedef struct ks_bins
{
	int32_t    *edge;			/* [nsegments + 1] the slot an edge lies in */
	bool	   *cut;			/* [nsegments + 1] the edge lies inside the slot */
	int32_t    *bin_of;			/* [nsegments], or NULL: segment i is bin i */
	uint32_t	nsegments;
	uint32_t	nbins;
} ks_bins;

#define KS_BIN_OUTSIDE (-1)
#define KS_BIN_CUT (-2)

/* Ascending lookups: the bin of a slot and of those that follow it before to. */
typedef struct ks_walk
{
	int64_t		segment;
	int64_t		to;
	int32_t		bin;
} ks_walk;

/* The bin of each slot of a stretch, for who asks so often that it is worth a table. */
typedef struct ks_slot_map
{
	int32_t    *bin;			/* [last - first + 1] KS_BIN_OUTSIDE, KS_BIN_CUT or a bin; NULL: no table */
	int32_t		first;
	int32_t		last;
	size_t		size;
} ks_slot_map;

extern bool ks_bins_set(ks_bins *bins, const int64_t *edges, uint32_t nedges);
extern int64_t ks_bins_segment(const ks_bins *bins, int32_t slot);
extern ks_walk ks_walk_start(void);
extern void ks_walk_move(ks_walk *walk, const ks_bins *bins, int32_t slot);
extern void ks_bins_map(const ks_bins *bins, ks_slot_map *map, int32_t first, int32_t last, ks_memory memory);
extern int32_t ks_bins_of_range(const ks_bins *bins, int32_t first, int32_t last);

#endif							/* KS_TALLY_BINS_H */
