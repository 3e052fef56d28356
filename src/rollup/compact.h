/*
 * What compaction is asked to do.
 */
#ifndef KS_ROLLUP_COMPACT_H
#define KS_ROLLUP_COMPACT_H

#include "rollup/rollup.h"

/* So many rows of about the same size are merged; sizes are about the same that differ by less than this factor. */
#define KS_COMPACT_FAN 8

/* What is compacted for itself: the live or the kept rows of a bot and month. */
typedef struct ks_month_part
{
	int64		bot_id;
	DateADT		month;			/* -infinity: rows that span months */
	bool		kept;
	bool		joined;			/* where it is to be made of all rows of a bot that has little */
	bool		apart;			/* where it is to be taken apart, since the bot has much */
} ks_month_part;

/* How much to look at. */
typedef enum ks_compact_what
{
	KS_COMPACT_NEW,				/* new rows */
	KS_COMPACT_MIXED,				/* all mixed rows, as far as it is worth it */
	KS_COMPACT_WORTHY,				/* rows of single measures, too */
	KS_COMPACT_ALL,				/* everything, worth it or not */
	KS_COMPACT_SORTED				/* the same of mixed rows, and none is left */
} ks_compact_what;

extern void ks_compact_month(const ks_month_part *of, ks_compact_what what);

#endif							/* KS_ROLLUP_COMPACT_H */
