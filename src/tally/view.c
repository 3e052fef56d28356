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

/* A cursor over (quarter, weight) pairs; one that fails at once where the bytes were not fetched. */
static ks_quarter_cursor
quarter_cursor(const ks_view *view, const uint8_t *at, const uint8_t *end, uint32_t count)
{
	ks_quarter_cursor cursor;

	cursor.at = at;
	cursor.end = end;
	cursor.quarter = view->header.quarter_first;
	cursor.quarter_last = view->header.quarter_last;
	cursor.left = count;
	cursor.entry = cursor.entry_end = cursor.entry_last = 0;
	cursor.entries = false;
	cursor.status = KS_OK;
	if (end > view->bytes + view->available)
	{
		cursor.left = 0;
		cursor.status = KS_E_TRUNCATED;
	}
	return cursor;
}

/* Weight per quarter over all keys, quarters ascending. */
ks_quarter_cursor
ks_view_quarters(const ks_view *view)
{
	return quarter_cursor(view, view->bytes + view->header.quarters_at, view->bytes + view->header.visits_at,
						  view->header.nquarters);
}

static bool
quarter_corrupt(ks_quarter_cursor *cursor)
{
	cursor->status = KS_E_CORRUPT;
	cursor->left = 0;
	return false;
}

/* The next quarter, its weight and, in a key's block, its entries. */
bool
ks_quarter_next(ks_quarter_cursor *cursor, int32_t *quarter, int64_t *weight)
{
	uint64_t	delta;
	uint64_t	code;
	uint64_t	entries = 0;

	if (cursor->left == 0)
		return false;
	if (!ks_get_varint(&cursor->at, cursor->end, &delta) ||
		!ks_get_varint(&cursor->at, cursor->end, &code) ||
		(cursor->entries && !ks_get_varint(&cursor->at, cursor->end, &entries)) ||
		delta > (uint64_t) (cursor->quarter_last - cursor->quarter) ||
		entries > cursor->entry_last - cursor->entry_end)
		return quarter_corrupt(cursor);
	cursor->quarter += (int64_t) delta;
	cursor->entry = cursor->entry_end;
	cursor->entry_end += (uint32_t) entries;
	cursor->left--;
	*quarter = (int32_t) cursor->quarter;
	*weight = ks_unzigzag(code);
	return true;
}

/* The quarter that comes next. */
bool
ks_quarter_peek(ks_quarter_cursor *cursor, int32_t *quarter)
{
	const uint8_t *at = cursor->at;
	uint64_t	delta;

	if (cursor->left == 0)
		return false;
	if (!ks_get_varint(&at, cursor->end, &delta) || delta > (uint64_t) (cursor->quarter_last - cursor->quarter))
		return quarter_corrupt(cursor);
	*quarter = (int32_t) (cursor->quarter + (int64_t) delta);
	return true;
}

/*
 * Adds up the next quarters before end, as far as their numbers have one byte, or
 * two for a weight, which nearly all have.  Here plain questions spend their
 * time: what changes is kept out of memory.
 */
static ks_always_inline void
sum_short(ks_quarter_cursor *cursor, int64_t end, int64_t *sum, bool with_entries)
{
	const uint8_t *at = cursor->at;
	/* so that no quarter reads beyond the bytes */
	const uint8_t *stop = cursor->end - at >= 4 ? cursor->end - 4 : at - 1;
	uint64_t	distance = 0;
	uint64_t	limit = (uint64_t) ((end <= cursor->quarter_last ? end - 1 : cursor->quarter_last) - cursor->quarter);
	uint32_t	left = cursor->left;
	uint32_t	entries = 0;
	uint32_t	room = cursor->entry_last - cursor->entry_end;
	int64_t		result = 0;

	while (left > 0 && at <= stop)
	{
		uint32_t	delta = at[0];
		uint32_t	code = at[1];
		const uint8_t *next = at + 2;

		if (code >= 0x80)
			code = (code & 0x7f) | (uint32_t) *next++ << 7;
		if (delta >= 0x80 || distance + delta > limit || code >= 0x4000)
			break;
		if (with_entries)
		{
			uint32_t	more = *next++;

			if (more >= 0x80 || more > room - entries)
				break;
			entries += more;
		}
		distance += delta;
		result += ks_unzigzag(code);
		left--;
		at = next;
	}
	cursor->at = at;
	cursor->left = left;
	cursor->quarter += (int64_t) distance;
	cursor->entry_end += entries;
	/* some millions of weights of 14 bits */
	*sum = result;
}

/* Adds the weights of the next quarters, those before end; afterwards the cursor's entries are theirs. */
ks_status
ks_quarter_sum(ks_quarter_cursor *cursor, int64_t end, int64_t *sum)
{
	uint32_t	entry = cursor->entry_end;
	int32_t		quarter;
	int64_t		weight;

	while (ks_quarter_peek(cursor, &quarter) && quarter < end)
	{
		if (cursor->entries)
			sum_short(cursor, end, &weight, true);
		else
			sum_short(cursor, end, &weight, false);
		if (__builtin_add_overflow(*sum, weight, sum))
			return KS_E_OVERFLOW;
		/* one that is longer */
		if (ks_quarter_peek(cursor, &quarter) && quarter < end)
		{
			ks_quarter_next(cursor, &quarter, &weight);
			if (__builtin_add_overflow(*sum, weight, sum))
				return KS_E_OVERFLOW;
		}
	}
	cursor->entry = entry;
	return cursor->status;
}

/* Bytes of a quarter whose numbers have two bytes at most. */
#define SHORT_QUARTER_BYTES 6

/* A number of one byte or two; of a longer one, something that has more than 14 bits. */
static ks_always_inline uint32_t
get_short(const uint8_t **at)
{
	uint32_t	number = *(*at)++;

	if (number >= 0x80)
		number = (number & 0x7f) | (uint32_t) *(*at)++ << 7;
	return number;
}

/*
 * The same as sum_short, each quarter into the bucket that it lies in: where a key has
 * few quarters a bucket, it is the changing of buckets that takes time.
 */
static ks_always_inline bool
spread_short(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int64_t *sums, int64_t *sum, bool with_entries)
{
	const uint8_t *at = cursor->at;
	const uint8_t *stop = cursor->end - at >= SHORT_QUARTER_BYTES ? cursor->end - SHORT_QUARTER_BYTES : at - 1;
	uint64_t	quarter = (uint64_t) (cursor->quarter - first);
	uint64_t	last = (uint64_t) (cursor->quarter_last - first);
	uint32_t	left = cursor->left;
	uint32_t	entries = 0;
	uint32_t	room = cursor->entry_last - cursor->entry_end;
	int64_t		result = 0;
	bool		overflow = false;

	while (left > 0 && at <= stop)
	{
		const uint8_t *next = at;
		uint32_t	delta = get_short(&next);
		uint32_t	code = get_short(&next);
		int32_t		bucket;

		if ((delta | code) >= 0x4000 || quarter + delta > last)
			break;
		if (with_entries)
		{
			uint32_t	more = get_short(&next);

			if (more >= 0x4000 || more > room - entries)
				break;
			entries += more;
		}
		quarter += delta;
		bucket = bucket_of[quarter];
		if (bucket >= 0)
		{
			overflow |= __builtin_add_overflow(sums[bucket], ks_unzigzag(code), &sums[bucket]);
			result += ks_unzigzag(code);
		}
		left--;
		at = next;
	}
	cursor->at = at;
	cursor->left = left;
	cursor->quarter = first + (int64_t) quarter;
	cursor->entry_end += entries;
	*sum = result;
	return !overflow;
}

/* Adds the weights of all quarters that follow to those of the buckets that they lie in, and to sum; bucket_of begins with the tally's first quarter. */
ks_status
ks_quarter_distribute(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int64_t *sums, int64_t *sum)
{
	int32_t		quarter;
	int64_t		weight;
	bool		fits = true;

	while (fits && cursor->left > 0)
	{
		if (cursor->entries)
			fits = spread_short(cursor, bucket_of, first, sums, &weight, true);
		else
			fits = spread_short(cursor, bucket_of, first, sums, &weight, false);
		fits = fits && !__builtin_add_overflow(*sum, weight, sum);
		/* one that is longer */
		if (fits && ks_quarter_next(cursor, &quarter, &weight) && bucket_of[quarter - first] >= 0)
			fits = !__builtin_add_overflow(sums[bucket_of[quarter - first]], weight, &sums[bucket_of[quarter - first]]) &&
				!__builtin_add_overflow(*sum, weight, sum);
	}
	return fits ? cursor->status : KS_E_OVERFLOW;
}

/* Goes over the next quarters that lie in one bucket; afterwards the cursor's entries are theirs. */
bool
ks_quarter_run(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int32_t *bucket)
{
	int32_t		quarter;
	int64_t		weight;
	uint32_t	entry = cursor->entry_end;

	if (!ks_quarter_next(cursor, &quarter, &weight))
		return false;
	*bucket = bucket_of[quarter - first];
	while (cursor->left > 0 && cursor->end - cursor->at >= SHORT_QUARTER_BYTES)
	{
		const uint8_t *next = cursor->at;
		uint32_t	delta = get_short(&next);
		uint32_t	code = get_short(&next);
		uint32_t	entries = cursor->entries ? get_short(&next) : 0;
		uint64_t	there = (uint64_t) (cursor->quarter - first) + delta;

		if ((delta | code | entries) >= 0x4000 || there > (uint64_t) (cursor->quarter_last - first) ||
			entries > cursor->entry_last - cursor->entry_end || bucket_of[there] != *bucket)
			break;
		cursor->quarter = first + (int64_t) there;
		cursor->entry_end += entries;
		cursor->left--;
		cursor->at = next;
	}
	cursor->entry = entry;
	return true;
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

	if (!ks_get_varint(&cursor->at, cursor->end, &gap) || gap >= cursor->ntails - cursor->next_tail)
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
	if ((cursor->alike == 0 && !next_head(cursor)) || !next_tail(cursor) ||
		!ks_get_varint(&cursor->at, cursor->end, &total) ||
		!ks_get_varint(&cursor->at, cursor->end, &nquarters) ||
		!ks_get_varint(&cursor->at, cursor->end, &block) ||
		!ks_get_varint(&cursor->at, cursor->end, &behind) ||
		(cursor->nentries > 0 && !ks_get_varint(&cursor->at, cursor->end, &entries)) ||
		nquarters > UINT32_MAX ||
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
	cursor->nquarters = (uint32_t) nquarters;
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
	uint64_t	delta;

	if (key->weights + key->block > view->bytes + view->available || !ks_get_varint(&at, key->weights + key->block, &delta) ||
		delta > (uint64_t) ((int64_t) view->header.quarter_last - view->header.quarter_first))
		return false;
	*first = view->header.quarter_first + (int64_t) delta;
	return true;
}

/* Weight per quarter of the key the cursor stands on. */
ks_quarter_cursor
ks_key_weights(const ks_view *view, const ks_key_cursor *key)
{
	ks_quarter_cursor cursor = quarter_cursor(view, key->weights, key->weights + key->block, key->nquarters);

	cursor.entries = view->header.nentries > 0;
	cursor.entry = cursor.entry_end = key->entry;
	cursor.entry_last = key->entry_end;
	return cursor;
}

/* The same for a key whose block was noted; the next one's begins where it ends. */
ks_quarter_cursor
ks_view_block(const ks_view *view, const ks_block *block)
{
	const uint8_t *blocks = view->bytes + view->header.weights_at;
	ks_quarter_cursor cursor = quarter_cursor(view, blocks + block[0].at, blocks + block[1].at, block[0].nquarters);

	cursor.entries = view->header.nentries > 0;
	cursor.entry = cursor.entry_end = block[0].entry;
	cursor.entry_last = block[1].entry;
	return cursor;
}

/* The visits: cursor of quarters that have members. */
ks_visit_cursor
ks_view_visits(const ks_view *view)
{
	ks_visit_cursor cursor;

	memset(&cursor, 0, sizeof(cursor));
	cursor.at = view->bytes + view->header.visits_at;
	cursor.end = view->bytes + view->header.keys_at;
	cursor.quarter = view->header.quarter_first;
	cursor.quarter_last = view->header.quarter_last;
	cursor.span = (uint64_t) (cursor.quarter_last - cursor.quarter);
	cursor.nmembers = view->header.nmembers;
	cursor.nreturns = view->header.nreturns;
	cursor.status = KS_OK;
	if (view->header.keys_at > view->available)
	{
		cursor.end = cursor.at;
		cursor.status = KS_E_TRUNCATED;
	}
	return cursor;
}

static bool
visit_corrupt(ks_visit_cursor *cursor)
{
	cursor->status = KS_E_CORRUPT;
	cursor->at = cursor->end;
	cursor->pairs = 0;
	return false;
}

/* All members must have come, and come again. */
static bool
visits_ended(ks_visit_cursor *cursor)
{
	if (cursor->status == KS_OK && (cursor->member_end != cursor->nmembers || cursor->return_at != cursor->nreturns))
		cursor->status = KS_E_CORRUPT;
	return false;
}

/* The next quarter, after all pairs of the one before. */
bool
ks_visit_next(ks_visit_cursor *cursor)
{
	uint64_t	delta;

	if (cursor->at == cursor->end)
		return visits_ended(cursor);
	if (!ks_get_varint(&cursor->at, cursor->end, &delta) ||
		!ks_get_varint(&cursor->at, cursor->end, &cursor->fresh) ||
		!ks_get_varint(&cursor->at, cursor->end, &cursor->pairs) ||
		delta > (uint64_t) (cursor->quarter_last - cursor->quarter) ||
		cursor->fresh > cursor->nmembers - cursor->member_end)
		return visit_corrupt(cursor);
	cursor->quarter += (int64_t) delta;
	cursor->member = cursor->member_end;
	cursor->member_end += (uint32_t) cursor->fresh;
	cursor->gap = 0;
	return true;
}

/* The next pair of the quarter: cursor->gap, and how many visits have it. */
bool
ks_visit_pair(ks_visit_cursor *cursor, uint64_t *count)
{
	uint64_t	delta;

	if (cursor->pairs == 0)
		return false;
	if (!ks_get_varint(&cursor->at, cursor->end, &delta) ||
		!ks_get_varint(&cursor->at, cursor->end, count) ||
		delta > cursor->span - cursor->gap ||
		*count > cursor->nreturns - cursor->return_at)
		return visit_corrupt(cursor);
	cursor->gap += delta;
	cursor->return_at += (uint32_t) *count;
	cursor->pairs--;
	return true;
}

/* The quarter that comes next, after all pairs of the one before. */
bool
ks_visit_peek(ks_visit_cursor *cursor, int32_t *quarter)
{
	const uint8_t *at = cursor->at;
	uint64_t	delta;

	if (at == cursor->end)
		return visits_ended(cursor);
	if (!ks_get_varint(&at, cursor->end, &delta) || delta > (uint64_t) (cursor->quarter_last - cursor->quarter))
		return visit_corrupt(cursor);
	*quarter = (int32_t) (cursor->quarter + (int64_t) delta);
	return true;
}

/* The same as sum_short, for visits: a quarter that has a longer number is left to ks_visit_next. */
static void
count_short(ks_visit_cursor *cursor, int64_t first, int64_t end, int64_t *members)
{
	const uint8_t *at = cursor->at;
	const uint8_t *stop = cursor->end - at >= 4 ? cursor->end - 4 : at - 1;
	int64_t		last = end <= cursor->quarter_last ? end - 1 : cursor->quarter_last;
	int64_t		quarter = cursor->quarter;
	uint32_t	member = cursor->member_end;
	uint32_t	returned = cursor->return_at;
	int64_t		result = 0;

	while (at <= stop)
	{
		const uint8_t *next = at + 2;
		uint32_t	delta = at[0];
		uint32_t	fresh = at[1];
		uint32_t	pairs;
		uint32_t	returning = 0;
		uint32_t	from_before = 0;
		uint64_t	inside = (uint64_t) (quarter + delta - first);
		uint64_t	gap = 0;

		if (fresh >= 0x80)
			fresh = (fresh & 0x7f) | (uint32_t) *next++ << 7;
		pairs = *next++;
		if (delta >= 0x80 || quarter + delta > last || fresh >= 0x4000 || fresh > cursor->nmembers - member || pairs >= 0x80)
			break;
		for (; pairs > 0 && next <= stop && (next[0] | next[1]) < 0x80; pairs--, next += 2)
		{
			gap += next[0];
			returning += next[1];
			from_before += gap > inside ? next[1] : 0;
		}
		if (pairs > 0 || gap > cursor->span || returning > cursor->nreturns - returned)
			break;
		quarter += delta;
		member += fresh;
		returned += returning;
		result += fresh + from_before;
		at = next;
	}
	cursor->at = at;
	cursor->quarter = quarter;
	cursor->member_end = member;
	cursor->return_at = returned;
	*members += result;
}

/* Adds how many members come to the next quarters, those in [first, end), that have not been in them yet; the cursor stands behind first. */
void
ks_visit_count(ks_visit_cursor *cursor, int64_t first, int64_t end, int64_t *members)
{
	int32_t		quarter;
	uint64_t	count;

	while (ks_visit_peek(cursor, &quarter) && quarter < end)
	{
		count_short(cursor, first, end, members);
		/* one that has something longer */
		if (!ks_visit_peek(cursor, &quarter) || quarter >= end || !ks_visit_next(cursor))
			continue;
		*members += (int64_t) cursor->fresh;
		while (ks_visit_pair(cursor, &count))
			*members += cursor->gap > (uint64_t) (cursor->quarter - first) ? (int64_t) count : 0;
	}
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
	int64_t		weight;

	for (;;)
	{
		while (ks_quarter_next(&cursor->quarters, &cursor->quarter, &weight))
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
