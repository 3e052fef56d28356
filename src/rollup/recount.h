/*
 * Counting whole tables.
 */
#ifndef KS_ROLLUP_RECOUNT_H
#define KS_ROLLUP_RECOUNT_H

#include "rollup/count.h"

#include "utils/tuplesort.h"

/*
 * A bot's month that is larger than this in memory is handled in parts, each of which
 * makes rows of its own.
 */
#define KS_PART_BYTES_MAX (64 * 1024 * 1024)

/* Tallies of bots and months, which come back sorted. */
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
	Oid			shard;			/* that alone; InvalidOid: the table */
	Datum		columns;		/* jsonb */
	const char *grain;
	const char *measure;		/* NULL: all */
	bool		has_bot;
	int64		bot_id;			/* one only */
	bool		removed;		/* events are taken away instead */
	const char *condition;		/* on rows e, in SQL; NULL: all */
} ks_recount_of;

/* What is being counted for, and how far it has come: the numbers are kindly_stats.progress's, too. */
typedef enum ks_progress_what
{
	KS_PROGRESS_NOTHING,
	KS_PROGRESS_COUNT,			/* attach(), detach(), add_measure() */
	KS_PROGRESS_REBUILD,
	KS_PROGRESS_ATTACH,			/* attach_concurrently() */
	KS_PROGRESS_MEASURE			/* add_measure_concurrently() */
} ks_progress_what;

typedef enum ks_progress_phases
{
	KS_PHASE_LOCKING = 1,
	KS_PHASE_COUNTING,
	KS_PHASE_WRITING
} ks_progress_phases;

/* spool.c */
extern void ks_spool_init(ks_spool *spool, int kilobytes);
extern void ks_spool_put(ks_spool *spool, int64 bot_id, int32 month, const void *tally);
extern void ks_spool_put_groups(ks_spool *spool, ks_month_tallies *groups);
extern void ks_spool_sort(ks_spool *spool);
extern bool ks_spool_next(ks_spool *spool, int64 *bot_id, int32 *month, Datum *tally, bool *isnull);
extern void ks_spool_end(ks_spool *spool);

/* recount.c */
extern void ks_recount(ks_spool *spool, const ks_recount_of *of);
extern void ks_append_spooled(ks_spool *spool, bool kept, bool moved);
extern void ks_append_months(int64 bot_id, int32 month, bool kept, ks_builder *mixed);

/* progress.c */
extern void ks_progress_for(ks_progress_what what);
extern void ks_progress_begin(ks_progress_what what, ks_progress_phases phase, Oid relid);
extern void ks_progress_phase(ks_progress_phases phase);
extern void ks_progress_event(void);
extern void ks_progress_end(void);

#endif							/* KS_ROLLUP_RECOUNT_H */
