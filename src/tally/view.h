/*
 * Reading a stored tally: the only door to its bytes (doc/format.md).
 */
#ifndef KS_TALLY_VIEW_H
#define KS_TALLY_VIEW_H

#include "tally/bytes.h"
#include "tally/entries.h"

#define KS_FORMAT_VERSION 1
#define KS_FLAG_NEGATIVE 0x01	/* some weight is below zero */
#define KS_FLAGS_KNOWN KS_FLAG_NEGATIVE
#define KS_HEADER_BYTES 88

/*
 * The largest tally: its text form, two digits a byte, must fit one allocation
 * of the server with room to spare, or it could not be dumped.
 */
#define KS_TALLY_MAX_BYTES ((size_t) 256 * 1024 * 1024)

/* A slot is a UTC quarter hour, counted from 2000-01-01; years 1 to 9999. */
#define KS_SLOT_USECS INT64_C(900000000)
#define KS_SLOT_MIN (-70091424)
#define KS_SLOT_MAX 280506239

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
	uint32_t	nslots;
	uint32_t	nweights;
	uint32_t	nmembers;
	uint32_t	nentries;
	int32_t		slot_first;
	int32_t		slot_last;
	int64_t		total;
	ks_bounds	bounds;
	uint32_t	keys_at;
	uint32_t	weights_at;
	uint32_t	members_at;
	uint32_t	size;
} ks_header;

/* available < header.size when only the front of the tally was fetched. */
typedef struct ks_view
{
	ks_header	header;
	const uint8_t *bytes;
	size_t		available;
} ks_view;

/* Cursors end with false; their status then says whether that was the end or bad bytes. */
typedef struct ks_slot_cursor
{
	const uint8_t *at;
	const uint8_t *end;
	int64_t		slot;
	int64_t		slot_last;
	uint32_t	left;
	ks_status	status;
} ks_slot_cursor;

typedef struct ks_key_cursor
{
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *weights;		/* this key's block of (slot, weight) */
	const uint8_t *weights_end;
	uint32_t	left;
	ks_string	key;
	int64_t		total;			/* weight of the key over all slots */
	uint32_t	nslots;
	uint64_t	block;			/* bytes of its block */
	ks_status	status;
} ks_key_cursor;

/* The member section, column by column. */
typedef struct ks_member_columns
{
	const uint8_t *hashes;
	const uint8_t *slots;
	const uint8_t *keys;
	const uint8_t *weights;
	const uint8_t *end;
	uint32_t	nmembers;
	uint32_t	nentries;
	int			slot_width;		/* 2 or 4 */
	int			key_width;		/* 0, 1, 2 or 4 */
} ks_member_columns;

extern ks_status ks_view_open(ks_view *view, const void *bytes, size_t available);
extern ks_slot_cursor ks_view_slots(const ks_view *view);
extern bool ks_slot_next(ks_slot_cursor *cursor, int32_t *slot, int64_t *weight);
extern ks_key_cursor ks_view_keys(const ks_view *view);
extern bool ks_key_next(ks_key_cursor *cursor);
extern ks_slot_cursor ks_key_weights(const ks_view *view, const ks_key_cursor *key);
extern ks_status ks_view_members(const ks_view *view, ks_member_columns *columns);

/* Rounds towards the past, so that instants before 2000 fall into their own quarter hour. */
static inline int64_t
ks_slot_of(int64_t at)
{
	return at >= 0 ? at / KS_SLOT_USECS : -((-at + KS_SLOT_USECS - 1) / KS_SLOT_USECS);
}

static inline int
ks_slot_width(int32_t slot_first, int32_t slot_last)
{
	return (int64_t) slot_last - slot_first < 0x8000 ? 2 : 4;
}

static inline int
ks_key_width(uint32_t nkeys)
{
	return nkeys <= 1 ? 0 : nkeys <= 0x100 ? 1 : nkeys <= 0x10000 ? 2 : 4;
}

/* (slot - slot_first) * 2, plus 1 on the first entry of a member. */
static inline uint32_t
ks_member_code(const ks_member_columns *columns, uint32_t entry)
{
	return columns->slot_width == 2 ? ks_get_u16(columns->slots + (size_t) entry * 2)
		: ks_get_u32(columns->slots + (size_t) entry * 4);
}

static inline uint32_t
ks_member_key(const ks_member_columns *columns, uint32_t entry)
{
	switch (columns->key_width)
	{
		case 0:
			return 0;
		case 1:
			return columns->keys[entry];
		case 2:
			return ks_get_u16(columns->keys + (size_t) entry * 2);
		default:
			return ks_get_u32(columns->keys + (size_t) entry * 4);
	}
}

static inline uint64_t
ks_member_hash(const ks_member_columns *columns, uint32_t member)
{
	return ks_get_u64(columns->hashes + (size_t) member * 8);
}

static inline bool
ks_bounds_none(const ks_bounds *bounds)
{
	return bounds->first > bounds->last;
}

#endif							/* KS_TALLY_VIEW_H */
