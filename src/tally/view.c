/*
 * Reading a stored tally.
 *
 * Every cursor stays inside the bytes it was given whatever they are: the type's
 * input functions walk hostile bytes through these same cursors, and a damaged
 * page must end in an error rather than in a crash.
 */
#include "tally/view.h"

/* The numbers of a header, one after the other; nothing is read after a bad one. */
typedef struct header_reader
{
	const uint8_t *at;
	const uint8_t *end;
	bool		cut_off;		/* what was given of the tally ends in the header */
	ks_status	status;
} header_reader;

static uint64_t
get_number(header_reader *r, uint64_t most)
{
	uint64_t	value;

	if (r->status != KS_OK)
		return 0;
	if (!ks_get_varint(&r->at, r->end, &value))
		r->status = r->cut_off ? KS_E_TRUNCATED : KS_E_CORRUPT;
	else if (value > most)
		r->status = KS_E_CORRUPT;
	return r->status == KS_OK ? value : 0;
}

/* First and last instant, counted from the first quarter; or none. */
static void
get_range(header_reader *r, bool any, int64_t from, int64_t *first, int64_t *last)
{
	int64_t		distance;
	int64_t		length;

	*first = INT64_MAX;
	*last = INT64_MIN;
	if (!any)
		return;
	distance = ks_unzigzag(get_number(r, UINT64_MAX));
	length = (int64_t) get_number(r, INT64_MAX);
	if (r->status == KS_OK && (__builtin_add_overflow(from, distance, first) || __builtin_add_overflow(*first, length, last)))
		r->status = KS_E_CORRUPT;
}

/* Where a part ends that begins there. */
static uint32_t
get_end(header_reader *r, uint32_t begin)
{
	return begin + (uint32_t) get_number(r, KS_TALLY_MAX_BYTES);
}

/* Instants inside the countable years, or none at all. */
static bool
range_consistent(int64_t first, int64_t last)
{
	if (first > last)
		return first == INT64_MAX && last == INT64_MIN;
	return first >= KS_QUARTER_MIN * KS_QUARTER_USECS && last < (KS_QUARTER_MAX + INT64_C(1)) * KS_QUARTER_USECS;
}

/* A key takes four bytes or more, so that nkeys cannot be a lie that costs memory. */
static bool
header_consistent(const ks_header *header)
{
	return range_consistent(header->bounds.first, header->bounds.last) &&
		range_consistent(header->bounds.removed_first, header->bounds.removed_last) &&
		header->nkeys <= (header->weights_at - header->keys_at) / 4 &&
		header->size <= KS_TALLY_MAX_BYTES &&
		header->nkeys <= header->size / 4 &&	/* each takes so many bytes at least: */
		header->nmembers <= header->size / 8 && /* a count that is a lie costs no memory */
		header->nmembers <= header->nentries &&
		header->nentries <= header->size &&
		header->nreturns <= header->nentries - header->nmembers &&
		header->quarter_first >= KS_QUARTER_MIN &&
		header->quarter_last >= header->quarter_first &&
		header->quarter_last <= KS_QUARTER_MAX &&
		(header->flags & ~KS_FLAGS_KNOWN) == 0;
}

/* What stands in a header behind its first two bytes. */
static void
get_header(ks_header *header, header_reader *r, const uint8_t *bytes)
{
	int64_t		quarter;

	header->nkeys = (uint32_t) get_number(r, UINT32_MAX);
	header->nquarters = (uint32_t) get_number(r, UINT32_MAX);
	header->nweights = (uint32_t) get_number(r, UINT32_MAX);
	header->nmembers = (uint32_t) get_number(r, UINT32_MAX);
	header->nentries = (uint32_t) get_number(r, UINT32_MAX);
	header->nreturns = (uint32_t) get_number(r, UINT32_MAX);
	quarter = ks_unzigzag(get_number(r, UINT32_MAX));
	header->quarter_first = (int32_t) quarter;
	quarter += (int64_t) get_number(r, KS_QUARTER_MAX - (int64_t) KS_QUARTER_MIN);
	header->quarter_last = (int32_t) quarter;
	if (quarter > KS_QUARTER_MAX)
		r->status = KS_E_CORRUPT;
	header->total = ks_unzigzag(get_number(r, UINT64_MAX));
	get_range(r, (header->flags & KS_FLAG_ADDED) != 0, header->quarter_first * KS_QUARTER_USECS, &header->bounds.first, &header->bounds.last);
	get_range(r, (header->flags & KS_FLAG_REMOVED) != 0, header->quarter_first * KS_QUARTER_USECS,
			  &header->bounds.removed_first, &header->bounds.removed_last);
	header->visits_at = (uint32_t) get_number(r, KS_TALLY_MAX_BYTES);
	header->keys_at = get_end(r, header->visits_at);
	header->weights_at = get_end(r, header->keys_at);
	header->members_at = get_end(r, header->weights_at);
	header->size = get_end(r, header->members_at);

	/* the parts begin where the header ends */
	header->quarters_at = (uint32_t) (r->at - bytes);
	header->visits_at += header->quarters_at;
	header->keys_at += header->quarters_at;
	header->weights_at += header->quarters_at;
	header->members_at += header->quarters_at;
	header->size += header->quarters_at;
}

/* Reads the header; available may be less than the whole, but not less than the header. */
ks_status
ks_view_open(ks_view *view, const void *bytes, size_t available)
{
	const uint8_t *at = bytes;
	header_reader r;

	if (available < KS_HEADER_MIN)
		return KS_E_TRUNCATED;
	if (at[0] < KS_FORMAT_OLDEST || at[0] > KS_FORMAT_VERSION)
		return at[0] > KS_FORMAT_VERSION ? KS_E_VERSION : KS_E_CORRUPT;

	r.at = at + 2;
	r.end = at + available;
	r.cut_off = available < KS_HEADER_MAX;
	r.status = KS_OK;
	view->header.flags = at[1];
	get_header(&view->header, &r, at);
	view->bytes = bytes;
	view->available = available;
	view->fetch = NULL;
	view->release = NULL;
	view->source = NULL;
	if (r.status != KS_OK)
		return r.status;
	return header_consistent(&view->header) ? KS_OK : KS_E_CORRUPT;
}

/* Finds the tails of the keys, which lie before the keys. */
static bool
find_tails(ks_key_cursor *cursor)
{
	uint64_t	ends;

	if (!ks_get_varint(&cursor->at, cursor->end, &cursor->ntails) ||
		!ks_get_varint(&cursor->at, cursor->end, &cursor->tail_bytes) ||
		cursor->ntails > UINT32_MAX || cursor->tail_bytes > KS_TALLY_MAX_BYTES)
		return false;
	cursor->tail_width = ks_number_width((uint32_t) cursor->tail_bytes + 1);
	ends = cursor->ntails * (uint64_t) cursor->tail_width;
	if (ends + cursor->tail_bytes > (uint64_t) (cursor->end - cursor->at))
		return false;
	cursor->tail_ends = cursor->at;
	cursor->tails = cursor->at + ends;
	cursor->at = cursor->tails + cursor->tail_bytes;
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
	cursor.nentries = view->header.nentries;
	cursor.quarter_last = view->header.quarter_last;
	cursor.status = KS_OK;
	if (cursor.end > view->bytes + view->available)
		cursor.status = KS_E_TRUNCATED;
	else if (cursor.left > 0 && !find_tails(&cursor))
		cursor.status = KS_E_CORRUPT;
	if (cursor.status != KS_OK)
		cursor.left = 0;
	return cursor;
}

/* The head of the next keys, and how many have it. */
static bool
next_head(ks_key_cursor *cursor)
{
	uint64_t	length;

	if (!ks_get_varint(&cursor->at, cursor->end, &length) ||
		length > (uint64_t) (cursor->end - cursor->at))
		return false;
	cursor->key.head.bytes = cursor->at;
	cursor->key.head.length = (size_t) length;
	cursor->at += length;
	cursor->next_tail = 0;
	return ks_get_varint(&cursor->at, cursor->end, &cursor->alike) && cursor->alike > 0;
}

/* The tail of the next key: so many behind that of the key before. */
static bool
next_tail(ks_key_cursor *cursor)
{
	uint64_t	gap;
	uint32_t	begin,
				end;

	if (!ks_get_varint(&cursor->at, cursor->end, &gap))
		return false;
	if (cursor->nentries > 0)
	{
		cursor->entry_code = gap % KS_BITS_CODES;
		gap /= KS_BITS_CODES;
	}
	if (gap >= cursor->ntails - cursor->next_tail)
		return false;
	cursor->next_tail += gap + 1;
	end = ks_get_number(cursor->tail_ends, (uint32_t) cursor->next_tail - 1, cursor->tail_width);
	begin = cursor->next_tail == 1 ? 0 : ks_get_number(cursor->tail_ends, (uint32_t) cursor->next_tail - 2, cursor->tail_width);
	if (begin > end || end > cursor->tail_bytes)
		return false;
	cursor->key.tail.bytes = cursor->tails + begin;
	cursor->key.tail.length = end - begin;
	cursor->alike--;
	return true;
}

bool
ks_key_next(ks_key_cursor *cursor)
{
	uint64_t	total,
				nquarters,
				block,
				behind,
				entries = 0;

	if (cursor->left == 0)
		return false;
	cursor->weights += cursor->block;	/* past the previous key's */
	cursor->run += ks_key_runs(cursor);
	if ((cursor->alike == 0 && !next_head(cursor)) || !next_tail(cursor) ||
		!ks_get_varint(&cursor->at, cursor->end, &total) ||
		!ks_get_varint(&cursor->at, cursor->end, &nquarters) ||
		!ks_get_varint(&cursor->at, cursor->end, &block) ||
		!ks_get_varint(&cursor->at, cursor->end, &behind) ||
		(cursor->nentries > 0 && !ks_get_varint(&cursor->at, cursor->end, &entries)) ||
		nquarters / KS_BITS_CODES > UINT32_MAX ||
		behind > UINT32_MAX ||
		block > (uint64_t) (cursor->weights_end - cursor->weights) ||
		entries > cursor->nentries - cursor->entry_end)
	{
		cursor->status = KS_E_CORRUPT;
		cursor->left = 0;
		return false;
	}
	cursor->total = ks_unzigzag(total);
	cursor->last = cursor->quarter_last - (int64_t) behind;
	cursor->nquarters = (uint32_t) (nquarters / KS_BITS_CODES);
	cursor->weight_code = nquarters % KS_BITS_CODES;
	cursor->block = block;
	cursor->entry = cursor->entry_end;
	cursor->entry_end += (uint32_t) entries;
	cursor->left--;
	return true;
}

/* The first quarter of the key the cursor stands on, with which its block begins; false where that cannot be told. */
bool
ks_key_first(const ks_view *view, const ks_key_cursor *key, int64_t *first)
{
	const uint8_t *at = key->weights;
	uint64_t	distance;

	if (key->weights + key->block > view->bytes + view->available || !ks_get_varint(&at, key->weights + key->block, &distance) ||
		distance > (uint64_t) ((int64_t) view->header.quarter_last - view->header.quarter_first))
		return false;
	*first = view->header.quarter_first + (int64_t) distance;
	return true;
}

/* The entries of all keys. */
ks_run_cursor
ks_view_runs(const ks_view *view)
{
	ks_run_cursor cursor;

	memset(&cursor, 0, sizeof(cursor));
	cursor.view = view;
	cursor.keys = ks_view_keys(view);
	cursor.key = UINT32_MAX;
	return cursor;
}

/* The next run that is not empty; keys and quarters are gone through in order. */
bool
ks_run_next(ks_run_cursor *cursor)
{
	for (;;)
	{
		while (ks_quarter_next(&cursor->quarters, &cursor->quarter, &cursor->weight))
		{
			cursor->entry = cursor->quarters.entry;
			cursor->entry_end = cursor->quarters.entry_end;
			if (cursor->entry < cursor->entry_end)
				return true;
		}
		cursor->status = cursor->quarters.status;
		/* a key's quarters have all its entries */
		if (cursor->status == KS_OK && cursor->quarters.entry_end != cursor->quarters.entry_last)
			cursor->status = KS_E_CORRUPT;
		if (cursor->status != KS_OK || !ks_key_next(&cursor->keys))
			break;
		cursor->quarters = ks_key_weights(cursor->view, &cursor->keys);
		cursor->key++;
	}
	if (cursor->status == KS_OK)
		cursor->status = cursor->keys.status;
	return false;
}
