/*
 * Counting whole tables.
 */
#ifndef KS_ROLLUP_RECOUNT_H
#define KS_ROLLUP_RECOUNT_H

#include "rollup/count.h"

#include "utils/tuplesort.h"

/*
 * A bot's month that grows larger than this in memory is dealt with in parts, each
 * of which makes rows of its own.
 */
#define KS_PART_BYTES_MAX (64 * 1024 * 1024)

/* Tallies of bots and months, to be had again in their order. */
typedef struct ks_spool
{
	TupleDesc	desc;
	Tuplesortstate *sort;
	TupleTableSlot *in;
	TupleTableSlot *out;
} ks_spool;

/* What of a table to count. */
typedef struct ks_recount_of
{
	Oid			relid;
	Datum		columns;		/* jsonb */
	const char *grain;
	const char *measure;		/* NULL: all */
	bool		has_bot;
	int64		bot_id;			/* one only */
	bool		removed;		/* events are taken away instead */
} ks_recount_of;

/* spool.c */
extern void ks_spool_init(ks_spool *spool);
extern void ks_spool_put(ks_spool *spool, int64 bot_id, int32 month, const void *tally);
extern void ks_spool_put_groups(ks_spool *spool, ks_groups *groups);
extern void ks_spool_sort(ks_spool *spool);
extern bool ks_spool_next(ks_spool *spool, int64 *bot_id, int32 *month, Datum *tally, bool *isnull);
extern void ks_spool_end(ks_spool *spool);

/* recount.c */
extern void ks_recount(ks_spool *spool, const ks_recount_of *of);
extern void ks_append_month(int64 bot_id, int32 month, bool kept, const ks_builder *mixed);

#endif							/* KS_ROLLUP_RECOUNT_H */
