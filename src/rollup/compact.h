/*
 * What compaction is asked to do.
 */
#ifndef KS_ROLLUP_COMPACT_H
#define KS_ROLLUP_COMPACT_H

#include "rollup/rollup.h"

#include "utils/date.h"

/* This many rows of about the same size are merged; sizes are about the same if they differ by less than this factor. */
#define KS_COMPACT_FAN 8

/* Rows taken at once: bounds the memory and time of one round. */
#define KS_COMPACT_BATCH 1000

/* The unit of compaction: the live or the kept rows of a bot and month. */
typedef struct ks_month_part
{
	int64		bot_id;
	DateADT		month;			/* -infinity: rows that span months */
	bool		kept;
	bool		joined;			/* all rows of the bot become one, since it has little */
	bool		apart;			/* split it by month, since the bot has much */
	bool		look_back;		/* see what is to be merged of the month before, too */
	bool		over;			/* a later month is being written */
} ks_month_part;

/* How much to compact. */
typedef enum ks_compact_what
{
	KS_COMPACT_NEW,				/* new rows */
	KS_COMPACT_MIXED,			/* all mixed rows, as far as it is worth it */
	KS_COMPACT_WORTHY,			/* rows of single measures, too */
	KS_COMPACT_ALL,				/* everything, worth it or not */
	KS_COMPACT_SORTED				/* the same of mixed rows, and none is left */
} ks_compact_what;

static inline bool
ks_spans_months(const ks_month_part *of)
{
	return DATE_IS_NOBEGIN(of->month);
}

/* compact_month.c */
extern void ks_compact_month(const ks_month_part *of, ks_compact_what what);

/* compact.c */
extern Datum ks_measure_datum(ks_string name);
extern bool ks_month_sorted_out(const ks_month_part *of);
extern uint64 ks_compact_count(const ks_month_part *of, Datum measure);
extern uint64 ks_compact_mixed(const ks_month_part *of, ks_compact_what what);
extern uint64 ks_compact_measure(const ks_month_part *of, Datum measure, bool all);
extern uint64 ks_compact_merge_returned(ks_builder *builder);
extern void ks_compact_merge_small(const ks_month_part *of, Datum measure);
extern uint64 ks_compact_put_span(const ks_month_part *of, ks_builder *span, ks_compact_what what, bool apart);
extern uint64 ks_compact_put_mixed(const ks_month_part *of, ks_builder *mixed, ks_compact_what what);

/* compact_new.c */
extern bool ks_compact_new(const ks_month_part *of, ks_compact_what what, int64 *from);
extern void ks_compact_mark(int64 bot_id, DateADT month, bool all);

#endif							/* KS_ROLLUP_COMPACT_H */
