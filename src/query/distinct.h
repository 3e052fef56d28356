/*
 * Distinct members over all rows of a query.
 */
#ifndef KS_QUERY_DISTINCT_H
#define KS_QUERY_DISTINCT_H

#include "query/query.h"
#include "query/member_lines.h"
#include "query/union.h"

/* Per bucket or line: how many rows touch it that only add, and whether others do. */
typedef struct ks_sharing
{
	uint8_t		rows;			/* 0, 1 or 2 for more */
	bool		negative;		/* a row with weights below zero touches it */
	bool		interval;		/* series: it has an interval that has been looked at */
} ks_sharing;

/*
 * The members of rows with weights below zero, by bucket or line: what all rows have of
 * them is added up.  Marks are a bitmap of their hashes, by which other rows
 * are searched for them.
 */
typedef struct ks_retractions
{
	ks_entries	table;			/* (member, bucket or line as a quarter, 0) -> weight */
	uint32_t	count;			/* how many there were before the other rows */
	uint8_t    *added;			/* [count] some other row has it, which counts it */
	uint64_t   *marks;
	int			marks_log;
} ks_retractions;

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
	ks_query   *query;
	ks_sharing *share;			/* by bucket or line */
	const int32_t *line_of;		/* top lists only: group -> line, -1 for the rest */
	uint32_t	line_buckets;	/* lines with series: buckets of each, which are counted apart; else 1 */
	uint32_t	ncounts;		/* buckets, or lines with their buckets */
	int64_t    *counts;			/* by those */
	ks_union	shared;
	ks_lines	lines;			/* in the place of shared where the list is short */
	bool		short_list;
	const uint64_t *bits;		/* several lists at once: the lines of each group; line_of of a group is then the group */
	ks_retractions retractions;

	ks_query_row *row;
	ks_view		front;			/* its view, before more of it was fetched */
	bool		first_seen;		/* each member counts in its first bucket only */
	bool		many;			/* it shares so many buckets that columns are fetched as a whole */
	const uint8_t *hashes;		/* of all members; NULL where they are fetched as needed */
	ks_hash_stretch near[2];	/* of members of a list that is spread, fetched as needed: several lines need the same */
	const uint8_t *returns;		/* likewise of all visits that are not first ones */
	uint32_t   *stamps;			/* by member: where it was found last */
	uint32_t	stamp;			/* where members are being found */
	uint32_t   *found;			/* numbers of members that were found, each once */
	size_t		members_size;	/* of both */
} ks_distinct;

/* distinct.c */
extern void ks_distinct_init(ks_distinct *d, ks_query *query);
extern void ks_distinct_end(ks_distinct *d);
extern void ks_distinct_start(ks_distinct *d, ks_query_row *row);
extern void ks_distinct_release(ks_distinct *d);
extern ks_status ks_distinct_hashes(ks_distinct *d);
extern void ks_distinct_room(ks_distinct *d);
extern void ks_distinct_stamps(ks_distinct *d);
extern uint32_t ks_distinct_sort(uint32_t *numbers, uint32_t count, ks_memory memory);
extern ks_status ks_distinct_range(ks_distinct *d, uint32_t bucket, uint32_t from, uint32_t to);
extern ks_status ks_distinct_found(ks_distinct *d, uint32_t counted, uint32_t *members, uint32_t nfound);

/* entry_scan.c */
extern ks_status ks_scan_row(ks_distinct *d);
extern ks_status ks_scan_weights(ks_distinct *d, const uint8_t *wanted);

/* retraction.c */
extern void ks_retractions_init(ks_retractions *retractions, ks_memory memory);
extern void ks_retractions_free(ks_retractions *retractions);
extern void ks_retraction_mark(ks_retractions *retractions);
extern bool ks_retraction_marked(const ks_retractions *retractions, uint64_t member);
extern bool ks_retraction_wanted(const ks_distinct *d, uint8_t *wanted);
extern ks_status ks_retraction_entry(ks_distinct *d, uint64_t member, uint32_t counted, int64_t weight);
extern void ks_retraction_count(ks_distinct *d);

/* distinct_count.c */
extern ks_status ks_distinct_count_collect(ks_distinct *d);
extern ks_status ks_distinct_count_series(ks_query *query);
extern ks_status ks_distinct_count_lines(ks_query *query, ks_top_line *lines, uint32_t count);
extern ks_status ks_distinct_count_groups(ks_query *query, const int32_t *line_of, uint32_t count, int64_t *counts);
extern ks_status ks_distinct_count_bits(ks_query *query, const uint64_t *bits, uint32_t count, int64_t *counts);

/* What members in a bucket, of keys that are for that line, count for. */
static inline uint32_t
ks_distinct_counted(const ks_distinct *d, uint32_t line, int32_t bucket)
{
	if (d->line_of == NULL)
		return (uint32_t) bucket;
	return d->line_buckets > 1 ? line * d->line_buckets + (uint32_t) bucket : line;
}

/* first_seen.c */
extern ks_status ks_first_seen(ks_query *query);

static inline bool
ks_row_negative(const ks_query_row *row)
{
	return (row->view.header.flags & KS_FLAG_NEGATIVE) != 0;
}

#endif							/* KS_QUERY_DISTINCT_H */
