/*
 * Visits: members in the order of time, and how long each had been away.
 */
#ifndef KS_TALLY_VISIT_H
#define KS_TALLY_VISIT_H

#include "tally/entries.h"

/*
 * Members are numbered in the order of their first visits, those of one quarter by
 * hash.  Returns come by quarter and number.  bytes is the section of visits as it is
 * stored.
 */
typedef struct ks_visits
{
	uint64_t   *hash;			/* [nmembers] by number */
	uint32_t	nmembers;
	uint32_t   *returns;		/* [nreturns] numbers, of the visits that are not a member's first */
	uint32_t	nreturns;
	uint8_t    *bytes;
	size_t		size;
} ks_visits;

extern void ks_visits_order(ks_visits *visits, ks_memory memory, ks_entry *entries, uint32_t count, int32_t quarter_first);
extern void ks_visits_free(ks_visits *visits);

#endif							/* KS_TALLY_VISIT_H */
