/*
 * Reading the weights of a stored tally, quarter by quarter: of all keys, or of one.
 *
 * Most questions are answered here.  What is read stays inside the bytes that there are, as in view.c.
 */
#include "tally/view.h"

/* A cursor over quarters; one that fails at once where the bytes were not fetched. */
static ks_quarter_cursor
quarter_cursor(const ks_view *view, const uint8_t *at, const uint8_t *end, uint32_t count)
{
	ks_quarter_cursor cursor = {
		.at = at,
		.end = end,
		.flags = view->header.flags,
		.quarter = view->header.quarter_first,
		.quarter_last = view->header.quarter_last,
		.left = count,
		.run = UINT32_MAX,
		.status = KS_OK,
	};

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
	return ks_get_flagged(at, cursor->end, above, &between) && ks_get_distance(at, cursor->end, between, distance);
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
		return ks_get_short(next, r->end, distance);
	}
	*distance = 0;
	if (!ks_get_short(next, r->end, &number) ||
		((number & KS_QUARTERS_BETWEEN) != 0 && !ks_get_short(next, r->end, distance)))
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

		if (!ks_get_short(&next, cursor->end, &distance) || place + distance > cursor->quarter_last - first || bucket_of[place + distance] != *bucket)
			break;
		place += distance;
		count++;
		at = next;
	}
	pass_quarters(cursor, at, first + place, count, true);
	cursor->entry = entry;
	return cursor->status == KS_OK;
}

/* Weight per quarter of a key, whose block is noted; the next one's begins where it ends. */
ks_quarter_cursor
ks_view_block(const ks_view *view, const ks_block *block)
{
	const uint8_t *blocks = view->bytes + view->header.weights_at;
	ks_quarter_cursor cursor = quarter_cursor(view, blocks + block[0].at, blocks + block[1].at, block[0].nquarters);
	uint64_t	weights = ks_bits_size(block[0].nquarters, block[0].weight_code);
	bool		has_entries = block[0].entry < block[1].entry;
	uint64_t	entries = has_entries ? ks_bits_size(block[0].nquarters, block[0].entry_code) : 0;

	if (cursor.status == KS_OK && weights + entries > (uint64_t) (cursor.end - cursor.at))
		quarter_corrupt(&cursor);
	if (cursor.status != KS_OK)
		return cursor;
	if (has_entries)
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
