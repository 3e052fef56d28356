/*
 * Reading a stored tally.
 *
 * Every cursor stays inside the bytes it was given whatever they are: the type's
 * input functions walk hostile bytes through these same cursors, and a damaged
 * page must end in an error rather than in a crash.
 */
#include "tally/view.h"

static ks_bounds
get_bounds(const uint8_t *at)
{
	ks_bounds	bounds;

	bounds.first = (int64_t) ks_get_u64(at);
	bounds.last = (int64_t) ks_get_u64(at + 8);
	bounds.removed_first = (int64_t) ks_get_u64(at + 16);
	bounds.removed_last = (int64_t) ks_get_u64(at + 24);
	return bounds;
}

/* Instants inside the countable years, or none at all. */
static bool
range_consistent(int64_t first, int64_t last)
{
	if (first > last)
		return first == INT64_MAX && last == INT64_MIN;
	return first >= KS_SLOT_MIN * KS_SLOT_USECS && last < (KS_SLOT_MAX + INT64_C(1)) * KS_SLOT_USECS;
}

/* A key takes four bytes or more, so that nkeys cannot be a lie that costs memory. */
static bool
header_consistent(const ks_header *header)
{
	return range_consistent(header->bounds.first, header->bounds.last) &&
		range_consistent(header->bounds.removed_first, header->bounds.removed_last) &&
		header->keys_at >= KS_HEADER_BYTES &&
		header->weights_at >= header->keys_at &&
		header->nkeys <= (header->weights_at - header->keys_at) / 4 &&
		header->members_at >= header->weights_at &&
		header->size >= header->members_at &&
		header->size <= KS_TALLY_MAX_BYTES &&
		header->slot_first >= KS_SLOT_MIN &&
		header->slot_last >= header->slot_first &&
		header->slot_last <= KS_SLOT_MAX &&
		(header->flags & ~KS_FLAGS_KNOWN) == 0;
}

/* Reads the header; available may be less than the whole, but not less than the header. */
ks_status
ks_view_open(ks_view *view, const void *bytes, size_t available)
{
	const uint8_t *at = bytes;
	ks_header  *header = &view->header;

	if (available < KS_HEADER_BYTES)
		return KS_E_TRUNCATED;
	if (at[0] != KS_FORMAT_VERSION)
		return at[0] > KS_FORMAT_VERSION ? KS_E_VERSION : KS_E_CORRUPT;
	if (ks_get_u16(at + 2) != 0)
		return KS_E_CORRUPT;

	header->flags = at[1];
	header->nkeys = ks_get_u32(at + 4);
	header->nslots = ks_get_u32(at + 8);
	header->nweights = ks_get_u32(at + 12);
	header->nmembers = ks_get_u32(at + 16);
	header->nentries = ks_get_u32(at + 20);
	header->slot_first = (int32_t) ks_get_u32(at + 24);
	header->slot_last = (int32_t) ks_get_u32(at + 28);
	header->total = (int64_t) ks_get_u64(at + 32);
	header->bounds = get_bounds(at + 40);
	header->keys_at = ks_get_u32(at + 72);
	header->weights_at = ks_get_u32(at + 76);
	header->members_at = ks_get_u32(at + 80);
	header->size = ks_get_u32(at + 84);
	view->bytes = bytes;
	view->available = available;
	return header_consistent(header) ? KS_OK : KS_E_CORRUPT;
}

/* A cursor over (slot, weight) pairs; one that fails at once where the bytes were not fetched. */
static ks_slot_cursor
slot_cursor(const ks_view *view, const uint8_t *at, const uint8_t *end, uint32_t count)
{
	ks_slot_cursor cursor;

	cursor.at = at;
	cursor.end = end;
	cursor.slot = view->header.slot_first;
	cursor.slot_last = view->header.slot_last;
	cursor.left = count;
	cursor.status = KS_OK;
	if (end > view->bytes + view->available)
	{
		cursor.left = 0;
		cursor.status = KS_E_TRUNCATED;
	}
	return cursor;
}

/* Weight per slot over all keys, slots ascending. */
ks_slot_cursor
ks_view_slots(const ks_view *view)
{
	return slot_cursor(view, view->bytes + KS_HEADER_BYTES, view->bytes + view->header.keys_at,
					   view->header.nslots);
}

bool
ks_slot_next(ks_slot_cursor *cursor, int32_t *slot, int64_t *weight)
{
	uint64_t	delta;
	uint64_t	code;

	if (cursor->left == 0)
		return false;
	if (!ks_get_varint(&cursor->at, cursor->end, &delta) ||
		!ks_get_varint(&cursor->at, cursor->end, &code) ||
		delta > (uint64_t) (cursor->slot_last - cursor->slot))
	{
		cursor->status = KS_E_CORRUPT;
		cursor->left = 0;
		return false;
	}
	cursor->slot += (int64_t) delta;
	cursor->left--;
	*slot = (int32_t) cursor->slot;
	*weight = ks_unzigzag(code);
	return true;
}

/* The keys in order; ks_key_next fills key, total and the whereabouts of its weights. */
ks_key_cursor
ks_view_keys(const ks_view *view)
{
	ks_key_cursor cursor;

	memset(&cursor, 0, sizeof(cursor));
	cursor.at = view->bytes + view->header.keys_at;
	cursor.end = view->bytes + view->header.weights_at;
	cursor.weights = cursor.end;
	cursor.weights_end = view->bytes + view->header.members_at;
	cursor.left = view->header.nkeys;
	cursor.status = KS_OK;
	if (cursor.end > view->bytes + view->available)
	{
		cursor.left = 0;
		cursor.status = KS_E_TRUNCATED;
	}
	return cursor;
}

bool
ks_key_next(ks_key_cursor *cursor)
{
	uint64_t	length,
				total,
				nslots,
				block;
	const uint8_t *start;

	if (cursor->left == 0)
		return false;
	cursor->weights += cursor->block;	/* past the previous key's */
	if (!ks_get_varint(&cursor->at, cursor->end, &length) ||
		length > (uint64_t) (cursor->end - cursor->at))
		goto corrupt;
	start = cursor->at;
	cursor->at += length;
	if (!ks_get_varint(&cursor->at, cursor->end, &total) ||
		!ks_get_varint(&cursor->at, cursor->end, &nslots) ||
		!ks_get_varint(&cursor->at, cursor->end, &block) ||
		nslots > UINT32_MAX ||
		block > (uint64_t) (cursor->weights_end - cursor->weights))
		goto corrupt;

	cursor->key.bytes = start;
	cursor->key.length = (size_t) length;
	cursor->total = ks_unzigzag(total);
	cursor->nslots = (uint32_t) nslots;
	cursor->block = block;
	cursor->left--;
	return true;

corrupt:
	cursor->status = KS_E_CORRUPT;
	cursor->left = 0;
	return false;
}

/* Weight per slot of the key the cursor stands on. */
ks_slot_cursor
ks_key_weights(const ks_view *view, const ks_key_cursor *key)
{
	return slot_cursor(view, key->weights, key->weights + key->block, key->nslots);
}

/* Finds the columns of the member section and checks that they fit. */
ks_status
ks_view_members(const ks_view *view, ks_member_columns *columns)
{
	const ks_header *header = &view->header;
	uint64_t	room = header->size - header->members_at;
	uint64_t	needed;

	if (view->available < header->size)
		return KS_E_TRUNCATED;
	columns->nmembers = header->nmembers;
	columns->nentries = header->nentries;
	columns->slot_width = ks_slot_width(header->slot_first, header->slot_last);
	columns->key_width = ks_key_width(header->nkeys);
	/* a weight takes one byte or more */
	needed = (uint64_t) header->nmembers * 8 +
		(uint64_t) header->nentries * (uint64_t) (columns->slot_width + columns->key_width + 1);
	if (needed > room)
		return KS_E_CORRUPT;

	columns->hashes = view->bytes + header->members_at;
	columns->slots = columns->hashes + (size_t) header->nmembers * 8;
	columns->keys = columns->slots + (size_t) header->nentries * columns->slot_width;
	columns->weights = columns->keys + (size_t) header->nentries * columns->key_width;
	columns->end = view->bytes + header->size;
	return KS_OK;
}
