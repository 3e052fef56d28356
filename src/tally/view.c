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

/* A cursor over quarters; one that fails at once where the bytes were not fetched. */
static ks_quarter_cursor
quarter_cursor(const ks_view *view, const uint8_t *at, const uint8_t *end, uint32_t count)
{
	ks_quarter_cursor cursor;

	memset(&cursor, 0, sizeof(cursor));
	cursor.at = at;
	cursor.end = end;
	cursor.flags = view->header.flags;
	cursor.quarter = view->header.quarter_first;
	cursor.quarter_last = view->header.quarter_last;
	cursor.left = count;
	cursor.run = UINT32_MAX;
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
	ks_quarter_cursor cursor = quarter_cursor(view, view->bytes + view->header.quarters_at, view->bytes + view->header.visits_at,
											  view->header.nquarters);

	/* each follows the one before, if nothing else is said */
	cursor.quarter--;
	return cursor;
}

static bool
quarter_corrupt(ks_quarter_cursor *cursor)
{
	cursor->status = KS_E_CORRUPT;
	cursor->left = 0;
	return false;
}

/* The distance from the quarter before, and the weight as it is written. */
static inline bool
read_quarter(const ks_quarter_cursor *cursor, const uint8_t **at, uint64_t *distance, uint64_t *above)
{
	bool		between;

	if (cursor->weights != NULL)
	{
		*above = ks_get_bits(cursor->weights, cursor->number, cursor->weight_code);
		return ks_get_varint(at, cursor->end, distance);
	}
	*distance = 1;
	return ks_get_flagged(at, cursor->end, above, &between) &&
		(!between || (ks_get_varint(at, cursor->end, distance) && (*distance)++ < UINT32_MAX));
}

/* Weights are written as how far they are above 1, which most are by little; as zigzag where some may be below. */
static inline int64_t
weight_of(const ks_quarter_cursor *cursor, uint64_t above)
{
	if ((cursor->flags & KS_FLAG_NEGATIVE) != 0)
		above = (uint64_t) ks_unzigzag(above);
	return (int64_t) (above + 1);
}

/* How many entries it has in so many quarters that come next; where the weights of all are written, a quarter may have none. */
static inline uint64_t
column_entries(const ks_quarter_cursor *cursor, uint32_t count)
{
	uint64_t	entries = (cursor->flags & KS_FLAG_WEIGHTS) == 0 ? count : 0;
	uint32_t	width = ks_bits_width(cursor->entry_code);
	size_t		bit = (size_t) cursor->number * width;
	uint32_t	i;

	if (cursor->entries == NULL)
		return 0;
	if (cursor->entry_code > KS_BITS_CODE_BYTE)
	{
		for (i = 0; i < count; i++)
			entries += ks_get_bits(cursor->entries, cursor->number + i, cursor->entry_code);
	}
	else if (width > 0)
	{
		for (i = 0; i < count; i++, bit += width)
			entries += cursor->entries[bit / 8] >> bit % 8 & ((1U << width) - 1);
	}
	return entries;
}

/* The next quarter, its weight and, in a key's block, its entries. */
bool
ks_quarter_next(ks_quarter_cursor *cursor, int32_t *quarter, int64_t *weight)
{
	uint64_t	distance;
	uint64_t	above = 0;
	uint64_t	entries;

	if (cursor->left == 0)
		return false;
	entries = column_entries(cursor, 1);
	if (!read_quarter(cursor, &cursor->at, &distance, &above) ||
		distance > (uint64_t) (cursor->quarter_last - cursor->quarter) ||
		entries > cursor->entry_last - cursor->entry_end)
		return quarter_corrupt(cursor);
	*weight = weight_of(cursor, above);
	cursor->quarter += (int64_t) distance;
	cursor->entry = cursor->entry_end;
	cursor->entry_end += (uint32_t) entries;
	cursor->number++;
	cursor->run++;
	cursor->left--;
	*quarter = (int32_t) cursor->quarter;
	return true;
}

/* The quarter that comes next. */
bool
ks_quarter_peek(ks_quarter_cursor *cursor, int32_t *quarter)
{
	const uint8_t *at = cursor->at;
	uint64_t	distance;
	uint64_t	above;

	if (cursor->left == 0)
		return false;
	if (!read_quarter(cursor, &at, &distance, &above) || distance > (uint64_t) (cursor->quarter_last - cursor->quarter))
		return quarter_corrupt(cursor);
	*quarter = (int32_t) (cursor->quarter + (int64_t) distance);
	return true;
}

/* Goes on by so many quarters of which the distances and weights were read, and by their entries, if they are wanted. */
static inline void
pass_quarters(ks_quarter_cursor *cursor, const uint8_t *at, int64_t quarter, uint32_t count, bool entries_wanted)
{
	uint64_t	entries = entries_wanted ? column_entries(cursor, count) : 0;

	cursor->at = at;
	cursor->quarter = quarter;
	cursor->number += count;
	cursor->run += count;
	cursor->left -= count;
	if (entries > cursor->entry_last - cursor->entry_end)
		quarter_corrupt(cursor);
	else
		cursor->entry_end += (uint32_t) entries;
}

/* A number of one byte or two, which nearly all are; false where it is longer, or not there. */
static ks_always_inline bool
get_short(const uint8_t **at, const uint8_t *end, uint32_t *number)
{
	if (*at >= end)
		return false;
	*number = *(*at)++;
	if (*number < 0x80)
		return true;
	if (*at == end || **at >= 0x80)
		return false;
	*number = (*number & 0x7f) | (uint32_t) *(*at)++ << 7;
	return true;
}

/* A cursor while it goes over quarters whose numbers are short. */
typedef struct short_reader
{
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *column;		/* of weights, in a key's block, */
	size_t		bit;			/* where the next one lies, */
	uint32_t	width;			/* and how wide it is */
} short_reader;

/* False where a key's weights are wide, or some are below zero. */
static inline bool
short_start(short_reader *r, const ks_quarter_cursor *cursor)
{
	r->at = cursor->at;
	r->end = cursor->end;
	r->width = ks_bits_width(cursor->weight_code);
	r->bit = (size_t) cursor->number * r->width;
	/* of no column a byte is read, too, and not used */
	r->column = r->width > 0 ? cursor->weights : cursor->at;
	return cursor->weight_code <= KS_BITS_CODE_BYTE && (cursor->flags & KS_FLAG_NEGATIVE) == 0;
}

/* Reads a quarter, which begins at *next; false where that is not short. */
static ks_always_inline bool
short_read(const short_reader *r, bool one_key, const uint8_t **next, uint32_t *distance, int64_t *weight)
{
	uint32_t	number;

	if (one_key)
	{
		*weight = 1 + (r->column[r->bit / 8] >> r->bit % 8 & ((1U << r->width) - 1));
		return get_short(next, r->end, distance);
	}
	*distance = 0;
	if (!get_short(next, r->end, &number) ||
		((number & KS_QUARTERS_BETWEEN) != 0 && !get_short(next, r->end, distance)))
		return false;
	*distance += 1;
	*weight = 1 + (int64_t) (number >> 1);
	return true;
}

/*
 * Adds up the next quarters before end, as far as their numbers are short.  Here and in spread_short
 * questions spend their time: what changes is kept out of memory.
 */
static ks_always_inline void
sum_short(ks_quarter_cursor *cursor, int64_t end, int64_t *sum, bool one_key)
{
	int64_t		last = end <= cursor->quarter_last ? end - 1 : cursor->quarter_last;
	int64_t		quarter = cursor->quarter;
	uint32_t	left = cursor->left;
	int64_t		result = 0;
	short_reader r;

	*sum = 0;
	if (!short_start(&r, cursor))
		return;
	while (left > 0 && r.at < r.end)
	{
		const uint8_t *next = r.at;
		uint32_t	distance;
		int64_t		weight;

		if (!short_read(&r, one_key, &next, &distance, &weight) || quarter + distance > last)
			break;
		quarter += distance;
		result += weight;
		r.bit += r.width;
		r.at = next;
		left--;
	}
	pass_quarters(cursor, r.at, quarter, cursor->left - left, one_key);
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

	for (;;)
	{
		if (cursor->weights != NULL)
			sum_short(cursor, end, &weight, true);
		else
			sum_short(cursor, end, &weight, false);
		if (__builtin_add_overflow(*sum, weight, sum))
			return KS_E_OVERFLOW;
		/* one that is longer */
		if (!ks_quarter_peek(cursor, &quarter) || quarter >= end || !ks_quarter_next(cursor, &quarter, &weight))
			break;
		if (__builtin_add_overflow(*sum, weight, sum))
			return KS_E_OVERFLOW;
	}
	cursor->entry = entry;
	return cursor->status;
}

/*
 * The same as sum_short, each quarter into the bucket that it lies in: where a key has
 * few quarters a bucket, it is the changing of buckets that takes time.
 */
static ks_always_inline bool
spread_short(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int64_t *sums, int64_t *sum, bool one_key)
{
	int64_t		place = cursor->quarter - first;
	int64_t		last = cursor->quarter_last - first;
	uint32_t	left = cursor->left;
	int64_t		result = 0;
	bool		overflow = false;
	short_reader r;

	*sum = 0;
	if (!short_start(&r, cursor))
		return true;
	while (left > 0 && r.at < r.end)
	{
		const uint8_t *next = r.at;
		uint32_t	distance;
		int64_t		weight;
		int32_t		bucket;

		if (!short_read(&r, one_key, &next, &distance, &weight) || place + distance > last)
			break;
		place += distance;
		bucket = bucket_of[place];
		if (bucket >= 0)
		{
			overflow |= __builtin_add_overflow(sums[bucket], weight, &sums[bucket]);
			result += weight;
		}
		r.bit += r.width;
		r.at = next;
		left--;
	}
	pass_quarters(cursor, r.at, first + place, cursor->left - left, false);
	*sum = result;
	return !overflow;
}

/*
 * Adds the weights of all quarters that follow to those of the buckets that they lie in, and to sum; bucket_of
 * begins with the tally's first quarter.  The cursor's entries are of no meaning afterwards.
 */
ks_status
ks_quarter_distribute(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int64_t *sums, int64_t *sum)
{
	int32_t		quarter;
	int64_t		weight;
	bool		fits = true;

	while (fits && cursor->left > 0)
	{
		fits = cursor->weights != NULL ? spread_short(cursor, bucket_of, first, sums, &weight, true) :
			spread_short(cursor, bucket_of, first, sums, &weight, false);
		fits = fits && !__builtin_add_overflow(*sum, weight, sum);
		/* one that is longer */
		if (fits && ks_quarter_next(cursor, &quarter, &weight) && bucket_of[quarter - first] >= 0)
			fits = !__builtin_add_overflow(sums[bucket_of[quarter - first]], weight, &sums[bucket_of[quarter - first]]) &&
				!__builtin_add_overflow(*sum, weight, sum);
	}
	return fits ? cursor->status : KS_E_OVERFLOW;
}

/* Goes over the next quarters of a key that lie in one bucket; afterwards the cursor's entries are theirs. */
bool
ks_quarter_run(ks_quarter_cursor *cursor, const int32_t *bucket_of, int64_t first, int32_t *bucket)
{
	uint32_t	entry = cursor->entry_end;
	uint32_t	count = 0;
	const uint8_t *at;
	int64_t		place;
	int32_t		quarter;
	int64_t		weight;

	if (!ks_quarter_next(cursor, &quarter, &weight))
		return false;
	*bucket = bucket_of[quarter - first];
	at = cursor->at;
	place = quarter - first;
	while (count < cursor->left)
	{
		const uint8_t *next = at;
		uint32_t	distance;

		if (!get_short(&next, cursor->end, &distance) || place + distance > cursor->quarter_last - first || bucket_of[place + distance] != *bucket)
			break;
		place += distance;
		count++;
		at = next;
	}
	pass_quarters(cursor, at, first + place, count, true);
	cursor->entry = entry;
	return cursor->status == KS_OK;
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
	cursor->run += cursor->nquarters;
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

/* Weight per quarter of a key, whose block is noted; the next one's begins where it ends. */
ks_quarter_cursor
ks_view_block(const ks_view *view, const ks_block *block)
{
	const uint8_t *blocks = view->bytes + view->header.weights_at;
	ks_quarter_cursor cursor = quarter_cursor(view, blocks + block[0].at, blocks + block[1].at, block[0].nquarters);
	uint64_t	weights = ks_bits_size(block[0].nquarters, block[0].weight_code);
	uint64_t	entries = view->header.nentries > 0 ? ks_bits_size(block[0].nquarters, block[0].entry_code) : 0;

	if (cursor.status == KS_OK && weights + entries > (uint64_t) (cursor.end - cursor.at))
		quarter_corrupt(&cursor);
	if (cursor.status != KS_OK)
		weights = entries = 0;
	if (view->header.nentries > 0)
		cursor.entries = cursor.end - entries;
	cursor.end -= weights + entries;
	cursor.weights = cursor.end;
	cursor.weight_code = block[0].weight_code;
	cursor.entry_code = block[0].entry_code;
	cursor.entry = cursor.entry_end = block[0].entry;
	cursor.entry_last = block[1].entry;
	cursor.run += block[0].run;
	return cursor;
}

/* The same of the key the cursor stands on. */
ks_quarter_cursor
ks_key_weights(const ks_view *view, const ks_key_cursor *key)
{
	ks_block	block[2];

	ks_block_note(&block[0], view, key, false);
	ks_block_note(&block[1], view, key, true);
	return ks_view_block(view, block);
}

/* The visits: cursor of quarters that have members. */
ks_visit_cursor
ks_view_visits(const ks_view *view)
{
	ks_visit_cursor cursor;

	memset(&cursor, 0, sizeof(cursor));
	cursor.at = view->bytes + view->header.visits_at;
	cursor.end = view->bytes + view->header.keys_at;
	cursor.quarter = (int64_t) view->header.quarter_first - 1;
	cursor.quarter_last = view->header.quarter_last;
	cursor.span = (uint64_t) (cursor.quarter_last - view->header.quarter_first);
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
	cursor->more = false;
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

/* The number a quarter begins with, and how far it is from the one before. */
static bool
read_visits(const uint8_t **at, const uint8_t *end, uint64_t *number, uint64_t *distance)
{
	*distance = 1;
	return ks_get_varint(at, end, number) &&
		((*number & KS_QUARTERS_BETWEEN) == 0 || (ks_get_varint(at, end, distance) && (*distance)++ < UINT32_MAX));
}

/* The next quarter, after all pairs of the one before. */
bool
ks_visit_next(ks_visit_cursor *cursor)
{
	uint64_t	number;
	uint64_t	distance;

	if (cursor->at == cursor->end)
		return visits_ended(cursor);
	if (!read_visits(&cursor->at, cursor->end, &number, &distance) ||
		distance > (uint64_t) (cursor->quarter_last - cursor->quarter) ||
		number >> 2 > cursor->nmembers - cursor->member_end)
		return visit_corrupt(cursor);
	cursor->fresh = number >> 2;
	cursor->more = (number & KS_VISITS_RETURN) != 0;
	cursor->quarter += (int64_t) distance;
	cursor->member = cursor->member_end;
	cursor->member_end += (uint32_t) cursor->fresh;
	cursor->gap = 0;
	return true;
}

/* The next pair of the quarter: cursor->gap, and how many visits have it. */
bool
ks_visit_pair(ks_visit_cursor *cursor, uint64_t *count)
{
	uint64_t	number;

	if (!cursor->more)
		return false;
	if (!ks_get_varint(&cursor->at, cursor->end, &number) ||
		!ks_get_varint(&cursor->at, cursor->end, count) ||
		number >> 1 > cursor->span - cursor->gap ||
		*count > cursor->nreturns - cursor->return_at)
		return visit_corrupt(cursor);
	cursor->gap += number >> 1;
	cursor->return_at += (uint32_t) *count;
	cursor->more = (number & KS_PAIRS_FOLLOW) != 0;
	return true;
}

/* The quarter that comes next, after all pairs of the one before. */
bool
ks_visit_peek(ks_visit_cursor *cursor, int32_t *quarter_at)
{
	const uint8_t *at = cursor->at;
	uint64_t	number;
	uint64_t	distance;

	if (at == cursor->end)
		return visits_ended(cursor);
	if (!read_visits(&at, cursor->end, &number, &distance) || distance > (uint64_t) (cursor->quarter_last - cursor->quarter))
		return visit_corrupt(cursor);
	*quarter_at = (int32_t) (cursor->quarter + (int64_t) distance);
	return true;
}

/* The same as sum_short, for visits: a quarter that has a longer number is left to ks_visit_next. */
static void
count_short(ks_visit_cursor *cursor, int64_t first, int64_t end, int64_t *members)
{
	const uint8_t *at = cursor->at;
	int64_t		last = end <= cursor->quarter_last ? end - 1 : cursor->quarter_last;
	int64_t		quarter = cursor->quarter;
	uint32_t	member = cursor->member_end;
	uint32_t	returned = cursor->return_at;
	int64_t		result = 0;

	for (;;)
	{
		const uint8_t *next = at;
		uint32_t	number;
		uint32_t	between = 0;
		uint32_t	returning = 0;
		uint32_t	from_before = 0;
		uint64_t	inside;
		uint64_t	gap = 0;
		bool		more;

		if (!get_short(&next, cursor->end, &number) ||
			((number & KS_QUARTERS_BETWEEN) != 0 && !get_short(&next, cursor->end, &between)) ||
			quarter + 1 + between > last || number >> 2 > cursor->nmembers - member)
			break;
		inside = (uint64_t) (quarter + 1 + between - first);
		more = (number & KS_VISITS_RETURN) != 0;
		for (; more && cursor->end - next >= 2 && (next[0] | next[1]) < 0x80; next += 2)
		{
			gap += next[0] >> 1;
			returning += next[1];
			from_before += gap > inside ? next[1] : 0;
			more = (next[0] & KS_PAIRS_FOLLOW) != 0;
		}
		if (more || gap > cursor->span || returning > cursor->nreturns - returned)
			break;
		quarter += 1 + (int64_t) between;
		member += number >> 2;
		returned += returning;
		result += (number >> 2) + from_before;
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
		/* one that has something longer, or one of the last */
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
