/*
 * Distinct members over all rows of a fold.
 */
#ifndef KS_TALLY_DISTINCT_H
#define KS_TALLY_DISTINCT_H

#include "tally/fold.h"
#include "tally/unite.h"

/* Per bin or line: how many rows touch it, and whether one of them has weights below zero. */
typedef struct ks_sharing
{
	uint8_t		rows;			/* 0, 1 or 2 for more */
	bool		negative;
} ks_sharing;

/* While members are counted: what all rows share, then what belongs to the row at hand. */
typedef struct ks_distinct
{
	ks_fold    *fold;
	ks_sharing *share;			/* by bin or line */
	const int32_t *line_of;		/* top lists only: group -> line, -1 for the rest */
	uint32_t	ncounts;		/* bins or lines */
	int64_t    *counts;			/* by bin or line */
	ks_united	united;
	ks_entries	weighed;		/* (member, 0, bin or line) -> weight */

	ks_fold_row *row;
	bool		many;			/* it shares so many bins that columns are fetched as a whole */
	const uint8_t *hashes;		/* of all members; NULL where they are fetched as needed */
	const uint8_t *returns;		/* likewise of all visits that are not first ones */
	uint32_t   *stamps;			/* by member: where it was found last */
	uint32_t	stamp;			/* where members are being found */
	uint32_t   *found;			/* numbers of members that were found, each once */
	size_t		members_size;	/* of both */
} ks_distinct;

/* distinct.c */
extern ks_status ks_distinct_series(ks_fold *fold);
extern ks_status ks_distinct_lines(ks_fold *fold, ks_top_line *lines, uint32_t count);
extern ks_status ks_distinct_hashes(ks_distinct *d);
extern void ks_distinct_stamps(ks_distinct *d);
extern ks_status ks_distinct_found(ks_distinct *d, uint32_t counted, uint32_t *members, uint32_t nfound);

/* scan.c */
extern ks_status ks_scan_row(ks_distinct *d);

#endif							/* KS_TALLY_DISTINCT_H */
