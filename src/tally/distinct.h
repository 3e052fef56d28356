/*
 * Distinct members over all rows of a fold.
 */
#ifndef KS_TALLY_DISTINCT_H
#define KS_TALLY_DISTINCT_H

#include "tally/fold.h"
#include "tally/lines.h"
#include "tally/unite.h"

/* Per bin or line: how many rows touch it that only add, and whether others do. */
typedef struct ks_sharing
{
	uint8_t		rows;			/* 0, 1 or 2 for more */
	bool		negative;		/* a row with weights below zero touches it */
	bool		segment;		/* series: it has a segment that has been looked at */
} ks_sharing;

/*
 * The members of rows with weights below zero, by bin or line: what all rows have of
 * them is added up.  Marks are a bitmap of their hashes, by which other rows
 * are searched for them.
 */
typedef struct ks_weighed
{
	ks_entries	table;			/* (member, bin or line as a slot, 0) -> weight */
	uint32_t	count;			/* how many there were before the other rows */
	uint8_t    *added;			/* [count] some other row has it, which counts it */
	uint64_t   *marks;
	int			marks_log;
} ks_weighed;

/* Hashes of the members [from, to) of a row. */
typedef struct ks_hash_stretch
{
	const uint8_t *hashes;
	uint32_t	from;
	uint32_t	to;
} ks_hash_stretch;

/* While members are counted: what all rows share, then what belongs to the row at hand. */
typedef struct ks_distinct
{
	ks_fold    *fold;
	ks_sharing *share;			/* by bin or line */
	const int32_t *line_of;		/* top lists only: group -> line, -1 for the rest */
	uint32_t	line_bins;		/* lines of a spread list: bins of each, which are counted apart; else 1 */
	uint32_t	ncounts;		/* bins, or lines with their bins */
	int64_t    *counts;			/* by those */
	ks_united	united;
	ks_lines	lines;			/* in the place of united where the list is short */
	bool		short_list;
	ks_weighed	weighed;

	ks_fold_row *row;
	ks_view		front;			/* its view, before more of it was fetched */
	bool		firsts;			/* each member counts in its first bin only */
	bool		many;			/* it shares so many bins that columns are fetched as a whole */
	const uint8_t *hashes;		/* of all members; NULL where they are fetched as needed */
	ks_hash_stretch near[2];	/* of members of a list that is spread, fetched as needed: several lines need the same */
	const uint8_t *returns;		/* likewise of all visits that are not first ones */
	uint32_t   *stamps;			/* by member: where it was found last */
	uint32_t	stamp;			/* where members are being found */
	uint32_t   *found;			/* numbers of members that were found, each once */
	size_t		members_size;	/* of both */
} ks_distinct;

/* distinct.c */
extern void ks_distinct_init(ks_distinct *d, ks_fold *fold);
extern void ks_distinct_end(ks_distinct *d);
extern void ks_distinct_start(ks_distinct *d, ks_fold_row *row);
extern void ks_distinct_release(ks_distinct *d);
extern ks_status ks_distinct_hashes(ks_distinct *d);
extern void ks_distinct_room(ks_distinct *d);
extern void ks_distinct_stamps(ks_distinct *d);
extern uint32_t ks_distinct_sort(uint32_t *numbers, uint32_t count, ks_memory memory);
extern ks_status ks_distinct_range(ks_distinct *d, uint32_t bin, uint32_t from, uint32_t to);
extern ks_status ks_distinct_found(ks_distinct *d, uint32_t counted, uint32_t *members, uint32_t nfound);

/* scan.c */
extern ks_status ks_scan_row(ks_distinct *d);
extern ks_status ks_scan_weights(ks_distinct *d, const uint8_t *wanted);

/* weigh.c */
extern void ks_weighed_init(ks_weighed *weighed, ks_memory memory);
extern void ks_weighed_free(ks_weighed *weighed);
extern void ks_weigh_mark(ks_weighed *weighed);
extern bool ks_weigh_marked(const ks_weighed *weighed, uint64_t member);
extern bool ks_weigh_wanted(const ks_distinct *d, uint8_t *wanted);
extern ks_status ks_weigh_entry(ks_distinct *d, uint64_t member, uint32_t counted, int64_t weight);
extern void ks_weigh_count(ks_distinct *d);

/* headcount.c */
extern ks_status ks_headcount_collect(ks_distinct *d);
extern ks_status ks_headcount_series(ks_fold *fold);
extern ks_status ks_headcount_lines(ks_fold *fold, ks_top_line *lines, uint32_t count);

/* What members in a bin, of keys that are for that line, count for. */
static inline uint32_t
ks_distinct_counted(const ks_distinct *d, uint32_t line, int32_t bin)
{
	if (d->line_of == NULL)
		return (uint32_t) bin;
	return d->line_bins > 1 ? line * d->line_bins + (uint32_t) bin : line;
}

/* newcomer.c */
extern ks_status ks_newcomers(ks_fold *fold);

static inline bool
ks_row_negative(const ks_fold_row *row)
{
	return (row->view.header.flags & KS_FLAG_NEGATIVE) != 0;
}

#endif							/* KS_TALLY_DISTINCT_H */
