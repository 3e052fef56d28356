/*
 * Presence: in which buckets each member was, over all rows of a query.
 */
#ifndef KS_QUERY_PRESENCE_H
#define KS_QUERY_PRESENCE_H

#include "query/query.h"

typedef enum ks_presence_kind
{
	KS_PRESENT_LATELY,			/* members of the last so many buckets, for each bucket */
	KS_PRESENT_COHORTS,			/* members by their first bucket and by each bucket that they were in */
	KS_PRESENT_MEMBERS			/* who was in any bucket; who is in several rows may come several times */
} ks_presence_kind;

typedef struct ks_presence
{
	ks_presence_kind kind;
	const int32_t *windows;		/* lately: lengths in buckets, each 1 or more, ascending */
	uint32_t	nwindows;
	int64_t    *numbers;		/* lately: [nwindows * nbuckets]; cohorts: [nbuckets * nbuckets] by first bucket; else hashes */
	size_t		count;
} ks_presence;

extern ks_status ks_presence_find(ks_query *query, ks_presence *presence);

#endif							/* KS_QUERY_PRESENCE_H */
