/*
 * Answering a question from any number of stored tallies, without merging them.
 */
#ifndef KS_QUERY_H
#define KS_QUERY_H

#include "query/intervals.h"
#include "tally/entries.h"
#include "query/filter.h"
#include "tally/view.h"

/* Groups times buckets that a list may be spread over: a thousand values in each hour of a year, and 70 MB. */
#define KS_QUERY_MAX_CELLS 8760000

/* Entries of one key that lie in one bucket. */
typedef struct ks_query_run
{
	uint32_t	key;
	uint32_t	bucket;
	uint32_t	entry;
	uint32_t	end;
} ks_query_run;

/* One stored tally that takes part. */
typedef struct ks_query_row
{
	ks_view		view;
	int32_t    *target;			/* [nkeys] what the key counts for, -1 nothing; NULL: all keys count */
	ks_block   *blocks;			/* [nkeys + 1], where there is a target */
	ks_query_run *runs;			/* of all keys that count, by key; NULL: not noted */
	uint32_t	nruns;
	uint32_t	runs_size;
	int32_t		bucket;			/* in which all of it lies, or KS_BUCKET_CUT */
	uint32_t	low;			/* buckets it can touch: [low, high] */
	uint32_t	high;
} ks_query_row;

/* What rows have in quarters that edges cut; cut.c. */
typedef struct ks_cut
{
	bool		any;			/* some edge cuts a quarter */
	ks_entries	sums;			/* by member, quarter and key */
	ks_dictionary keys;
} ks_cut;

typedef struct ks_query
{
	ks_memory	memory;
	ks_intervals intervals;
	ks_filter	filter;
	ks_query_row *rows;
	uint32_t	nrows;
	uint32_t	rows_size;
	bool		distinct;		/* members are asked for */
	bool		first_seen;		/* series: of members only those who were in no bucket before */
	size_t		front;			/* how much of the next row to fetch; for who fetches it */
	int64_t    *counts;			/* series: [nbuckets] */
	int64_t    *distincts;		/* series: [nbuckets] */
	ks_cut		cut;
	ks_quarter_map map;			/* of the row that was mapped last */

	/* top lists: keys are grouped by their parts [skip, skip + take) */
	bool		grouped;
	uint32_t	skip;
	uint32_t	take;
	ks_dictionary groups;
	uint8_t    *scratch;		/* for a key in one piece */
	size_t		scratch_size;
	int64_t    *group_weight;
	uint32_t   *group_after;	/* [group_size] which group came after it last time */
	uint32_t	group_size;
	uint32_t	group_last;		/* that of the key before */
	int32_t    *tail_group;		/* [tail_size] of each tail of the row at hand that has come, else -1 */
	size_t		tail_size;
	bool		tails_known;	/* a group is a tail: look there first */
	int64_t		total;			/* over all groups */

	/* a list that is spread has a series of its own for each group */
	bool		with_series;
	int64_t    *group_buckets;	/* [group_size * nbuckets] weights */
	int64_t    *line_buckets;	/* [lines * nbuckets] members, after the last row */
} ks_query;

/* One line of a top list. */
typedef struct ks_top_line
{
	ks_string	key;			/* the group's parts */
	int64_t		weight;
	int64_t		members;
	uint32_t	group;
} ks_top_line;

/* A list for each of several parts of the keys. */
typedef struct ks_list_of_lines
{
	ks_top_line *lines;
	uint32_t	count;
} ks_list_of_lines;

typedef struct ks_lists
{
	ks_list_of_lines list[KS_KEY_MAX_PARTS];
	uint32_t	count;
} ks_lists;

/* query.c */
extern void ks_query_series(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct);
extern void ks_query_top(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct, uint32_t skip, uint32_t take);
extern void ks_query_top_series(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct, uint32_t skip, uint32_t take);
extern ks_status ks_query_add(ks_query *query, const ks_view *view, const ks_string *prefix);
extern void ks_query_free(ks_query *query);

/* query_finish.c */
extern ks_status ks_query_finish_series(ks_query *query);
extern ks_status ks_query_finish_top(ks_query *query, uint32_t limit, ks_top_line **lines, uint32_t *count);
extern int	ks_top_line_compare(const void *a, const void *b);

/* apart.c */
extern ks_status ks_query_finish_lists(ks_query *query, ks_lists *lists);

/* match.c */
extern size_t ks_query_reach(const ks_query *query, const ks_header *header, bool mixed);
extern const int32_t *ks_query_map(ks_query *query, const ks_header *header);
extern bool ks_query_key_counts(const ks_query *query, ks_key *key, const ks_string *prefix);

/* group.c */
extern void ks_group_start_row(ks_query *query, const ks_key_cursor *keys, const ks_string *prefix);
extern int32_t ks_group_of_key(ks_query *query, const ks_key_cursor *cursor, const ks_key *key);

/* cut.c */
extern void ks_cut_init(ks_cut *cut, const ks_intervals *intervals, ks_memory memory);
extern void ks_cut_free(ks_cut *cut);
extern ks_status ks_cut_add(ks_query *query, const ks_view *row, const ks_string *prefix);
extern bool ks_cut_empty(const ks_cut *cut);

/* Whether an entry of the sums is a member's; the others are keys'. */
static inline bool
ks_cut_of_member(const ks_entry *sum)
{
	return sum->key % 2 == 1;
}

#endif							/* KS_QUERY_H */
