/*
 * Reading a stored tally: the only door to its bytes (doc/format.md).
 */
#ifndef KS_TALLY_VIEW_H
#define KS_TALLY_VIEW_H

#include "base/bytes.h"
#include "base/integer.h"
#include "tally/key.h"

/* What is written, and the oldest that is read; a test makes a later version. */
#ifndef KS_FORMAT_VERSION
#define KS_FORMAT_VERSION 1
#endif
#define KS_FORMAT_OLDEST 1
#define KS_FLAG_NEGATIVE 0x01	/* some weight is below zero */
#define KS_FLAG_ADDED 0x02		/* there are instants that were added */
#define KS_FLAG_REMOVED 0x04	/* and such that were taken away */
#define KS_FLAG_WEIGHTS 0x08	/* the weights of all entries are written */
#define KS_FLAGS_KNOWN (KS_FLAG_NEGATIVE | KS_FLAG_ADDED | KS_FLAG_REMOVED | KS_FLAG_WEIGHTS)

/* Bits of the numbers that quarters and pairs of visits begin with: what follows. */
#define KS_QUARTERS_BETWEEN 1	/* how many quarters lie between the one before and this one */
#define KS_VISITS_RETURN 2		/* pairs of (gap, visits) */
#define KS_PAIRS_FOLLOW 1		/* of a pair: one more */

#define KS_HEADER_MIN 16		/* bytes of the shortest header, */
#define KS_HEADER_MAX 120		/* and more than the longest has */

/*
 * The largest tally: its text form, two digits a byte, must fit one allocation
 * of the server with room to spare, or it could not be dumped.
 */
#define KS_TALLY_MAX_BYTES ((size_t) 256 * 1024 * 1024)

/* A quarter is a UTC quarter hour, counted from 2000-01-01; years 1 to 9999. */
#define KS_QUARTER_USECS INT64_C(900000000)
#define KS_QUARTER_MIN (-70091424)
#define KS_QUARTER_MAX 280506239

/* Instants in microseconds since 2000-01-01 UTC; "none" when first > last. */
typedef struct ks_bounds
{
	int64_t		first;			/* of everything added */
	int64_t		last;
	int64_t		removed_first;	/* of everything taken away */
	int64_t		removed_last;
} ks_bounds;

typedef struct ks_header
{
	uint8_t		flags;
	uint32_t	nkeys;
	uint32_t	nquarters;
	uint32_t	nweights;
	uint32_t	nmembers;
	uint32_t	nentries;
	int32_t		quarter_first;
	int32_t		quarter_last;
	int64_t		total;
	ks_bounds	bounds;
	uint32_t	quarters_at;	/* the header ends */
	uint32_t	visits_at;
	uint32_t	keys_at;
	uint32_t	weights_at;
	uint32_t	members_at;
	uint32_t	size;
	uint32_t	nreturns;
} ks_header;

/*
 * A stored tally, or its front: then available < header.size, and fetch (if it
 * is not NULL) gets other stretches from where they are stored; they stay until
 * release.
 */
typedef struct ks_view
{
	ks_header	header;
	const uint8_t *bytes;
	size_t		available;
	const uint8_t *(*fetch) (void *source, size_t from, size_t length);
	void		(*release) (void *source);
	void	   *source;
} ks_view;

/*
 * Cursors end with false; their status then says whether that was the end or bad bytes.  One over the quarters of
 * all keys has their weights beside the distances, one over those of a key in a column.
 */
typedef struct ks_quarter_cursor
{
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *weights;		/* a key's column, or NULL */
	const uint8_t *entries;		/* that of how many entries there are, or NULL where the key has none */
	uint8_t		weight_code;	/* the width of its numbers */
	uint8_t		entry_code;
	uint8_t		flags;			/* those of the tally */
	uint32_t	number;			/* quarters that were read */
	int64_t		quarter;
	int64_t		quarter_last;
	uint32_t	left;
	uint32_t	entry;			/* of one key: the quarter's entries [entry, entry_end) */
	uint32_t	entry_end;
	uint32_t	entry_last;		/* none is beyond */
	uint32_t	run;			/* quarters before this one, of all keys that have entries */
	ks_status	status;
} ks_quarter_cursor;

typedef struct ks_key_cursor
{
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *tail_ends;	/* [ntails], from the first one's beginning */
	const uint8_t *tails;
	uint64_t	tail_bytes;
	uint64_t	ntails;
	uint64_t	next_tail;
	uint64_t	alike;			/* keys left that have the same head */
	int			tail_width;
	const uint8_t *weights;		/* this key's block of (quarter, weight) */
	const uint8_t *weights_end;
	uint32_t	left;
	ks_key		key;
	int64_t		total;			/* weight of the key over all quarters */
	int64_t		quarter_last;	/* that of the tally; */
	int64_t		last;			/* that of the key */
	uint32_t	nquarters;
	uint32_t	run;			/* quarters of the keys before that have entries */
	uint8_t		weight_code;	/* widths of the columns of its block */
	uint8_t		entry_code;
	uint64_t	block;			/* bytes of its block */
	uint32_t	entry;			/* its entries: [entry, entry_end) */
	uint32_t	entry_end;
	uint32_t	nentries;
	ks_status	status;
} ks_key_cursor;

/*
 * The quarters that have members, ascending.  A visit is a member in a quarter, under
 * however many keys; its gap is the distance to the member's visit before.
 */
typedef struct ks_visit_cursor
{
	const uint8_t *at;
	const uint8_t *end;
	int64_t		quarter;
	int64_t		quarter_last;
	uint64_t	span;			/* no gap is larger */
	uint64_t	fresh;			/* visits of members that were not there before */
	bool		more;			/* pairs of (gap, count) that ks_visit_pair has yet to give */
	uint64_t	gap;
	uint32_t	member;			/* the members that are there for the first time: [member, member_end) */
	uint32_t	member_end;
	uint32_t	nmembers;
	uint32_t	return_at;		/* visits of other members that have been given */
	uint32_t	nreturns;
	ks_status	status;
} ks_visit_cursor;

/* Where a key's block and its entries begin, and in an array of them, with one more behind the last key's, where they end. */
typedef struct ks_block
{
	uint32_t	at;				/* behind the first block's beginning */
	uint32_t	nquarters;
	uint32_t	run;			/* quarters of the keys before that have entries */
	uint32_t	entry;
	uint8_t		weight_code;	/* widths of its columns */
	uint8_t		entry_code;
} ks_block;

/* The entries of all keys: runs of those that have key and quarter in common. */
typedef struct ks_run_cursor
{
	const struct ks_view *view;
	ks_key_cursor keys;
	ks_quarter_cursor quarters;
	uint32_t	key;
	int32_t		quarter;
	int64_t		weight;			/* with and without a member */
	uint32_t	entry;			/* [entry, entry_end) */
	uint32_t	entry_end;
	ks_status	status;
} ks_run_cursor;

/* Hashes and entries of the member section. */
typedef struct ks_members
{
	const uint8_t *hashes;
	const uint8_t *ordinals;
	int			ordinal_width;	/* 0, 1, 2 or 4 */
} ks_members;

/* The columns of the member section that have fixed widths. */
typedef enum ks_member_column
{
	KS_HASHES,					/* of all members */
	KS_RETURNS,					/* members' numbers, of the visits that are not their first */
	KS_ORDINALS					/* members' numbers, of the entries */
} ks_member_column;

/*
 * The weights of entries are a stream of varints, read only as far as somebody asks.  Mostly the last of
 * a key and quarter is not written: it is what the others leave of the weight there.
 */
typedef struct ks_weight_stream
{
	const uint8_t *at;
	const uint8_t *end;
	uint32_t	next;			/* weights that were read, or gone over */
	bool		all;			/* none is left out */
	uint32_t	left;			/* entries of the run, of which ks_weight_next has yet to give the weight */
	int64_t		rest;			/* their weights' sum, unless all are written */
} ks_weight_stream;

extern ks_status ks_view_open(ks_view *view, const void *bytes, size_t available);
extern ks_quarter_cursor ks_view_quarters(const ks_view *view);
extern bool ks_quarter_next(ks_quarter_cursor *cursor, int32_t *quarter, int64_t *weight);
extern bool ks_quarter_peek(ks_quarter_cursor *cursor, int32_t *quarter);
extern ks_status ks_quarter_sum(ks_quarter_cursor *cursor, int64_t end, int64_t *sum);
extern ks_status ks_quarter_distribute(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int64_t *sums, int64_t *sum);
extern bool ks_quarter_run(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int32_t *bucket);
extern ks_key_cursor ks_view_keys(const ks_view *view);
extern bool ks_key_next(ks_key_cursor *cursor);
extern bool ks_key_first(const ks_view *view, const ks_key_cursor *key, int64_t *first);
extern ks_quarter_cursor ks_key_weights(const ks_view *view, const ks_key_cursor *key);
extern ks_quarter_cursor ks_view_block(const ks_view *view, const ks_block *block);
extern ks_visit_cursor ks_view_visits(const ks_view *view);
extern bool ks_visit_next(ks_visit_cursor *cursor);
extern bool ks_visit_pair(ks_visit_cursor *cursor, uint64_t *count);
extern bool ks_visit_peek(ks_visit_cursor *cursor, int32_t *quarter);
extern void ks_visit_count(ks_visit_cursor *cursor, int64_t first, int64_t end, int64_t *members);
extern ks_run_cursor ks_view_runs(const ks_view *view);
extern bool ks_run_next(ks_run_cursor *cursor);
extern ks_status ks_view_extend(ks_view *view, size_t length);
extern ks_status ks_view_members(const ks_view *view, ks_members *members);
extern ks_status ks_view_column(const ks_view *view, ks_member_column which, uint32_t from, uint32_t to, const uint8_t **column);
extern ks_status ks_view_member_weights(const ks_view *view, ks_weight_stream *stream);
extern bool ks_weight_run(ks_weight_stream *stream, const ks_quarter_cursor *quarter, int64_t weight);
extern bool ks_weight_next(ks_weight_stream *stream, int64_t *weight);

/* How far a quarter is from the one before: how many lie between is written where any do. */
static inline bool
ks_get_distance(const uint8_t **at, const uint8_t *end, bool between, uint64_t *distance)
{
	*distance = 1;
	return !between || (ks_get_varint(at, end, distance) && (*distance)++ < UINT32_MAX);
}

/* Quarters of a key in which it has entries, or may have some. */
static inline uint32_t
ks_key_runs(const ks_key_cursor *key)
{
	return key->entry < key->entry_end ? key->nquarters : 0;
}

/* Notes where the block of the key that the cursor stands on begins, or, after the last one, where the next would. */
static inline void
ks_block_note(ks_block *block, const ks_view *view, const ks_key_cursor *key, bool next)
{
	block->at = (uint32_t) (key->weights + (next ? key->block : 0) - (view->bytes + view->header.weights_at));
	block->nquarters = next ? 0 : key->nquarters;
	block->run = next ? key->run + ks_key_runs(key) : key->run;
	block->weight_code = key->weight_code;
	block->entry_code = key->entry_code;
	block->entry = next ? key->entry_end : key->entry;
}

/* Rounds towards the past, so that instants before 2000 fall into their own quarter hour. */
static inline int64_t
ks_quarter_of(int64_t at)
{
	return ks_floor_div(at, KS_QUARTER_USECS);
}

/* Bytes of a number below count; nothing is written where there is no choice. */
static inline int
ks_number_width(uint32_t count)
{
	return count <= 1 ? 0 : count <= 0x100 ? 1 : count <= 0x10000 ? 2 : 4;
}

static inline uint32_t
ks_get_number(const uint8_t *column, uint32_t index, int width)
{
	switch (width)
	{
		case 0:
			return 0;
		case 1:
			return column[index];
		case 2:
			return ks_get_u16(column + (size_t) index * 2);
		default:
			return ks_get_u32(column + (size_t) index * 4);
	}
}

/* The member of an entry, by its number; members are numbered in the order of their first visits. */
static inline uint32_t
ks_member_ordinal(const ks_members *members, uint32_t entry)
{
	return ks_get_number(members->ordinals, entry, members->ordinal_width);
}

static inline uint64_t
ks_member_hash(const ks_members *members, uint32_t ordinal)
{
	return ks_get_u64(members->hashes + (size_t) ordinal * 8);
}

static inline bool
ks_bounds_none(const ks_bounds *bounds)
{
	return bounds->first > bounds->last;
}

#endif							/* KS_TALLY_VIEW_H */
