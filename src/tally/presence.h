/*
 * Presence: in which bins each member was, over all rows of a fold.
 */
#ifndef KS_TALLY_PRESENCE_H
#define KS_TALLY_PRESENCE_H

#include "tally/fold.h"

typedef enum ks_presence_kind
{
	KS_PRESENT_LATELY,			/* members of the last so many bins, for each bin */
	KS_PRESENT_COHORTS,			/* members by their first bin and by each bin that they were in */
	KS_PRESENT_MEMBERS			/* who was in any bin; who is in several rows may come several times */
} ks_presence_kind;

typedef struct ks_presence
{
	ks_presence_kind kind;
	const int32_t *windows;		/* lately: lengths in bins, each 1 or more, ascending */
	uint32_t	nwindows;
	int64_t    *numbers;		/* lately: [nwindows * nbins]; cohorts: [nbins * nbins] by first bin; else hashes */
	size_t		count;
} ks_presence;

extern ks_status ks_presence_find(ks_fold *fold, ks_presence *presence);

#endif							/* KS_TALLY_PRESENCE_H */
