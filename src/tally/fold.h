/*
 * Answering a question from any number of stored tallies, without merging them.
 */
#ifndef KS_TALLY_FOLD_H
#define KS_TALLY_FOLD_H

#include "tally/bins.h"
#include "tally/entries.h"
#include "tally/filter.h"
#include "tally/view.h"

/* Groups times bins that a list may be spread over: a thousand values in each hour of a year, and 70 MB. */
#define KS_FOLD_MAX_CELLS 8760000

/* Entries of one key that lie in one bin. */
typedef struct ks_fold_run
{
	uint32_t	key;
	uint32_t	bin;
	uint32_t	entry;
	uint32_t	end;
} ks_fold_run;

/* One stored tally that takes part. */
typedef struct ks_fold_row
{
	ks_view		view;
	int32_t    *target;			/* [nkeys] what the key counts for, -1 nothing; NULL: all keys count */
	ks_block   *blocks;			/* [nkeys + 1], where there is a target */
	ks_fold_run *runs;			/* of all keys that count, by key; NULL: not noted */
	uint32_t	nruns;
	uint32_t	runs_size;
	int32_t		bin;			/* in which all of it lies, or KS_BIN_CUT */
	uint32_t	low;			/* bins it can touch: [low, high] */
	uint32_t	high;
} ks_fold_row;

/* What rows have in slots that edges cut; cut.c. */
typedef struct ks_cut
{
	bool		any;			/* some edge cuts a slot */
	ks_entries	sums;			/* by member, slot and key */
	ks_dictionary keys;
} ks_cut;

typedef struct ks_fold
{
	ks_memory	memory;
	ks_bins		bins;
	ks_filter	filter;
	ks_fold_row *rows;
	uint32_t	nrows;
	uint32_t	rows_size;
	bool		distinct;		/* members are asked for */
	bool		firsts;			/* series: of members only those who were in no bin before */
	size_t		front;			/* how much of the next row to fetch; for who fetches it */
	int64_t    *counts;			/* series: [nbins] */
	int64_t    *distincts;		/* series: [nbins] */
	ks_cut		cut;
	ks_slot_map map;			/* of the row that was mapped last */

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
	bool		spread;
	int64_t    *group_bins;		/* [group_size * nbins] weights */
	int64_t    *line_bins;		/* [lines * nbins] members, after the last row */
} ks_fold;

/* One line of a top list. */
typedef struct ks_top_line
{
	ks_string	key;			/* the group's parts */
	int64_t		weight;
	int64_t		members;
	uint32_t	group;
} ks_top_line;

extern void ks_fold_series(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct);
extern void ks_fold_top(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct, uint32_t skip, uint32_t take);
extern void ks_fold_spread(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct, uint32_t skip, uint32_t take);
extern size_t ks_fold_reach(const ks_fold *fold, const ks_header *header, bool mixed);
extern ks_status ks_fold_add(ks_fold *fold, const ks_view *view, const ks_string *prefix);
extern ks_status ks_fold_finish_series(ks_fold *fold);
extern ks_status ks_fold_finish_top(ks_fold *fold, uint32_t limit, ks_top_line **lines, uint32_t *count);
extern void ks_fold_free(ks_fold *fold);
extern const int32_t *ks_fold_map(ks_fold *fold, const ks_header *header);
extern bool ks_fold_key_counts(const ks_fold *fold, ks_key *key, const ks_string *prefix);

/* cut.c */
extern void ks_cut_init(ks_cut *cut, const ks_bins *bins, ks_memory memory);
extern void ks_cut_free(ks_cut *cut);
extern ks_status ks_cut_add(ks_fold *fold, const ks_view *row, const ks_string *prefix);
extern bool ks_cut_empty(const ks_cut *cut);

#endif							/* KS_TALLY_FOLD_H */
