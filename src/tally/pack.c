/*
 * Writing a tally: the stored format, byte by byte, is told in doc/format.md.
 *
 * One content has exactly one form: keys, quarters and members ascending, nothing
 * that is zero, the shortest varints.  That makes the check of foreign bytes
 * simple and strong: unpack them, pack again, compare.
 */
#include "tally/builder.h"
#include "tally/visit.h"

#include "base/sort.h"

#define DISTANCE_MAX 5			/* bytes of the longest distance */

typedef struct named_key
{
	ks_string	key;
	uint32_t	number;			/* in the builder's dictionary */
	uint32_t	tail;
	uint32_t	head_length;
} named_key;

/* What is to be written: sorted, keys renumbered by rank. */
typedef struct draft
{
	ks_memory	memory;
	named_key  *keys;
	uint32_t	nkeys;
	ks_string  *tails;			/* those of the keys, each once, ascending */
	uint32_t	ntails;
	size_t		tail_bytes;
	ks_entry   *weights;		/* by key, quarter */
	uint32_t	nweights;
	ks_entry   *members;		/* by key, quarter, member's number */
	uint32_t	nentries;
	ks_visits	visits;			/* hashes of the members that the entries name by number */
	ks_entry   *quarters;		/* by quarter, over all keys */
	uint32_t	nquarters;
	int32_t		quarter_first;
	int32_t		quarter_last;
	int64_t		total;
	bool		negative;
	bool		all_weights;	/* those of all entries are written */
} draft;

static int
compare_named(const void *a, const void *b)
{
	ks_check_interrupts();
	return ks_key_compare(((const named_key *) a)->key, ((const named_key *) b)->key);
}

static void
mark_keys(const ks_accumulator *accumulator, uint32_t *rank)
{
	uint32_t	i;

	for (i = 0; i < accumulator->count; i++)
	{
		ks_check_interrupts_at(i);
		rank[accumulator->entry[i].key] = 1;
	}
}

/* Sorts the keys in use and returns the rank of each key of the dictionary. */
static uint32_t *
rank_keys(draft *d, const ks_builder *builder)
{
	uint32_t	known = builder->keys.count;
	uint32_t   *rank = ks_alloc(d->memory, ((size_t) known + 1) * sizeof(uint32_t));
	uint32_t	i;

	memset(rank, 0, ((size_t) known + 1) * sizeof(uint32_t));
	mark_keys(&builder->weights, rank);
	mark_keys(&builder->members, rank);

	d->keys = ks_alloc(d->memory, ((size_t) known + 1) * sizeof(named_key));
	for (i = 0; i < known; i++)
	{
		if (rank[i] != 0)
		{
			d->keys[d->nkeys].key = ks_dictionary_get(&builder->keys, i);
			d->keys[d->nkeys++].number = i;
		}
	}
	ks_sort(d->keys, d->nkeys, sizeof(named_key), compare_named, d->memory);
	for (i = 0; i < d->nkeys; i++)
		rank[d->keys[i].number] = i;
	return rank;
}

static inline ks_string
key_tail(const named_key *key)
{
	return (ks_string) {key->key.bytes + key->head_length, key->key.length - key->head_length};
}

/* Sorts the tails of the keys, and notes of each key which is its. */
static void
draft_tails(draft *d)
{
	uint32_t   *rank;
	named_key  *sorted;
	ks_dictionary tails;
	uint32_t	i;

	ks_dictionary_init(&tails, d->memory);
	for (i = 0; i < d->nkeys; i++)
	{
		ks_check_interrupts_at(i);
		d->keys[i].head_length = (uint32_t) ks_key_cut(d->keys[i].key).head.length;
		d->keys[i].tail = ks_dictionary_put(&tails, key_tail(&d->keys[i]));
	}
	d->ntails = tails.count;
	sorted = ks_alloc(d->memory, ((size_t) d->ntails + 1) * sizeof(named_key));
	rank = ks_alloc(d->memory, ((size_t) d->ntails + 1) * sizeof(uint32_t));
	for (i = 0; i < d->nkeys; i++)
	{
		/* the bytes in the builder, which stay */
		sorted[d->keys[i].tail].key = key_tail(&d->keys[i]);
		sorted[d->keys[i].tail].number = d->keys[i].tail;
	}
	ks_dictionary_free(&tails);
	ks_sort(sorted, d->ntails, sizeof(named_key), compare_named, d->memory);
	d->tails = ks_alloc(d->memory, ((size_t) d->ntails + 1) * sizeof(ks_string));
	for (i = 0; i < d->ntails; i++)
	{
		rank[sorted[i].number] = i;
		d->tails[i] = sorted[i].key;
		d->tail_bytes += sorted[i].key.length;
	}
	for (i = 0; i < d->nkeys; i++)
		d->keys[i].tail = rank[d->keys[i].tail];
	ks_free(rank);
	ks_free(sorted);
}

/* Quarters that the accumulator has, and whether it has anything below zero. */
static void
note_range(draft *d, const ks_accumulator *accumulator)
{
	uint32_t	i;

	for (i = 0; i < accumulator->count; i++)
	{
		ks_check_interrupts_at(i);
		d->negative |= accumulator->entry[i].weight < 0;
	}
	if (accumulator->count == 0)
		return;
	if (d->quarter_first > d->quarter_last)
	{
		d->quarter_first = accumulator->entry[0].quarter;
		d->quarter_last = accumulator->entry[accumulator->count - 1].quarter;
	}
	if (accumulator->entry[0].quarter < d->quarter_first)
		d->quarter_first = accumulator->entry[0].quarter;
	if (accumulator->entry[accumulator->count - 1].quarter > d->quarter_last)
		d->quarter_last = accumulator->entry[accumulator->count - 1].quarter;
}

/* A copy of entries, by key and otherwise in the order they are in; rank gives keys their numbers, unless they have them. */
static ks_entry *
sort_by_key(const draft *d, const ks_entry *entries, uint32_t count, const uint32_t *rank)
{
	uint32_t   *next = ks_alloc(d->memory, ((size_t) d->nkeys + 1) * sizeof(uint32_t));
	ks_entry   *sorted = ks_alloc(d->memory, ((size_t) count + 1) * sizeof(ks_entry));
	uint32_t	i;

	memset(next, 0, ((size_t) d->nkeys + 1) * sizeof(uint32_t));
	for (i = 0; i < count; i++)
	{
		ks_check_interrupts_at(i);
		next[(rank != NULL ? rank[entries[i].key] : entries[i].key) + 1]++;
	}
	for (i = 1; i < d->nkeys; i++)
		next[i] += next[i - 1];
	for (i = 0; i < count; i++)
	{
		ks_entry	e = entries[i];

		ks_check_interrupts_at(i);
		e.key = rank != NULL ? rank[e.key] : e.key;
		sorted[next[e.key]++] = e;
	}
	ks_free(next);
	return sorted;
}

/* The consolidated weights, which are by quarter, by key and quarter. */
static void
draft_weights(draft *d, const ks_accumulator *weights, const uint32_t *rank)
{
	d->weights = sort_by_key(d, weights->entry, weights->count, rank);
	d->nweights = weights->count;
}

/*
 * A sum that may leave 64 bits on the way: in which order keys come says nothing of what a tally holds,
 * and one that was written must be read again, in another order.
 */
typedef struct wide_sum
{
	int64_t		low;			/* what is left in 64 bits */
	int64_t		left;			/* how often it has left them upwards, less how often downwards */
} wide_sum;

static inline void
add_wide(wide_sum *sum, int64_t weight)
{
	if (__builtin_add_overflow(sum->low, weight, &sum->low))
		sum->left += weight > 0 ? 1 : -1;
}

/* Takes the sum of a quarter, of which nothing is written where its keys have added up to nothing; false where it does not fit. */
static bool
end_quarter(draft *d, int32_t quarter, const wide_sum *sum)
{
	if (sum->low != 0)
	{
		d->quarters[d->nquarters].quarter = quarter;
		d->quarters[d->nquarters++].weight = sum->low;
	}
	return sum->left == 0;
}

/* Weight per quarter over all keys, and the total; no sum, that of a key neither, may be beyond 64 bits. */
static ks_status
draft_quarters(draft *d, const ks_accumulator *weights)
{
	wide_sum	key = {0, 0};
	wide_sum	quarter = {0, 0};
	wide_sum	total = {0, 0};
	bool		fits = true;
	uint32_t	i;

	for (i = 0; i < d->nweights; i++)
	{
		ks_check_interrupts_at(i);
		add_wide(&key, d->weights[i].weight);
		if (i + 1 == d->nweights || d->weights[i + 1].key != d->weights[i].key)
		{
			fits &= key.left == 0;
			key = (wide_sum) {0, 0};
		}
	}
	d->quarters = ks_alloc(d->memory, ((size_t) weights->count + 1) * sizeof(ks_entry));
	for (i = 0; i < weights->count; i++)
	{
		const ks_entry *e = &weights->entry[i];

		ks_check_interrupts_at(i);
		add_wide(&total, e->weight);
		add_wide(&quarter, e->weight);
		if (i + 1 == weights->count || e[1].quarter != e->quarter)
		{
			fits &= end_quarter(d, e->quarter, &quarter);
			quarter = (wide_sum) {0, 0};
		}
	}
	d->total = total.low;
	return fits && total.left == 0 ? KS_OK : KS_E_OVERFLOW;
}

static void
draft_members(draft *d, const ks_accumulator *members, const uint32_t *rank)
{
	ks_entry   *sorted;
	uint32_t	i;

	d->nentries = members->count;
	d->members = ks_alloc(d->memory, ((size_t) members->count + 1) * sizeof(ks_entry));
	for (i = 0; i < members->count; i++)
	{
		ks_check_interrupts_at(i);
		d->members[i] = members->entry[i];
		d->members[i].key = rank[d->members[i].key];
	}
	ks_visits_order(&d->visits, d->memory, d->members, d->nentries, d->quarter_first);
	/* visits go by quarter, entries are stored by key */
	sorted = sort_by_key(d, d->members, d->nentries, NULL);
	ks_free(d->members);
	d->members = sorted;
}

static ks_status
draft_fill(draft *d, const ks_builder *builder)
{
	uint32_t   *rank = rank_keys(d, builder);
	ks_status	status;

	draft_tails(d);
	d->quarter_first = 1;
	d->quarter_last = 0;
	note_range(d, &builder->weights);
	note_range(d, &builder->members);
	if (d->quarter_first > d->quarter_last)
		d->quarter_first = d->quarter_last = 0;
	draft_weights(d, &builder->weights, rank);
	status = d->quarter_first < KS_QUARTER_MIN || d->quarter_last > KS_QUARTER_MAX ? KS_E_CORRUPT
		: draft_quarters(d, &builder->weights);
	if (status == KS_OK)
		draft_members(d, &builder->members, rank);
	ks_free(rank);
	return status;
}

static void
draft_free(draft *d)
{
	ks_free(d->keys);
	ks_free(d->tails);
	ks_free(d->weights);
	if (d->quarters != NULL)
		ks_free(d->quarters);
	if (d->members != NULL)
		ks_free(d->members);
	ks_visits_free(&d->visits);
}

/* An upper bound of the dictionary's. */
static size_t
dictionary_bytes(const draft *d)
{
	size_t		result = 2 * KS_VARINT_MAX + d->tail_bytes + (size_t) d->ntails * 4;
	uint32_t	i;

	for (i = 0; i < d->nkeys; i++)
		result += d->keys[i].key.length + 8 * KS_VARINT_MAX;
	return result;
}

/* An upper bound of the packed size. */
static size_t
draft_bytes(const draft *d)
{
	size_t		result = KS_HEADER_MAX + dictionary_bytes(d);

	/* an entry may have a quarter of its own in its key's block, where no weight is left */
	result += ((size_t) d->nquarters + d->nweights + d->nentries) * (DISTANCE_MAX + KS_VARINT_MAX + 4);
	result += d->visits.size + (size_t) d->visits.nmembers * 8 + (size_t) d->visits.nreturns * 4 +
		(size_t) d->nentries * (4 + KS_VARINT_MAX);
	return result;
}

/* What is written for a weight: how far it is above 1. */
static inline uint64_t
above_one(const draft *d, int64_t weight)
{
	return d->negative ? ks_zigzag((int64_t) ((uint64_t) weight - 1)) : (uint64_t) weight - 1;
}

/* For each quarter its weight and, unless it follows the one before, how many quarters lie between; the first one follows if it is the tally's first. */
static uint8_t *
put_quarters(uint8_t *at, const draft *d)
{
	int64_t		expected = d->quarter_first;
	uint32_t	i;

	for (i = 0; i < d->nquarters; i++)
	{
		const ks_entry *e = &d->quarters[i];

		ks_check_interrupts_at(i);
		at = ks_put_flagged(at, above_one(d, e->weight), e->quarter != expected);
		if (e->quarter != expected)
			at = ks_put_varint(at, (uint64_t) (e->quarter - expected));
		expected = (int64_t) e->quarter + 1;
	}
	return at;
}

/* The weights and entries of a key, which are sorted by quarter. */
typedef struct key_block
{
	const ks_entry *weight;
	const ks_entry *weight_end;
	const ks_entry *member;
	const ks_entry *member_end;
	uint32_t	nquarters;		/* written */
	int32_t		last;			/* the last of them */
	int64_t		total;
	uint32_t	weight_code;	/* how wide the columns are */
	uint32_t	entry_code;
} key_block;

/* What a key has in one quarter. */
typedef struct key_quarter
{
	int32_t		quarter;
	int64_t		weight;
	const ks_entry *member;
	uint32_t	entries;
} key_quarter;

/* Takes the next weights and entries of a key, behind those it had. */
static void
next_block(key_block *b, const draft *d, uint32_t key)
{
	const ks_entry *weights_end = d->weights + d->nweights;
	const ks_entry *members_end = d->members + d->nentries;

	b->weight = b->weight_end;
	b->member = b->member_end;
	while (b->weight_end < weights_end && b->weight_end->key == key)
		b->weight_end++;
	while (b->member_end < members_end && b->member_end->key == key)
		b->member_end++;
	b->nquarters = 0;
	b->total = 0;
}

/* Takes the next quarter of a block; false behind the last one. */
static bool
next_quarter(key_block *b, key_quarter *q)
{
	bool		weighs = b->member == b->member_end || (b->weight < b->weight_end && b->weight->quarter <= b->member->quarter);

	if (b->weight == b->weight_end && b->member == b->member_end)
		return false;
	q->quarter = weighs ? b->weight->quarter : b->member->quarter;
	q->weight = weighs ? b->weight->weight : 0;
	b->weight += weighs;
	q->member = b->member;
	while (b->member < b->member_end && b->member->quarter == q->quarter)
		b->member++;
	q->entries = (uint32_t) (b->member - q->member);
	b->total = (int64_t) ((uint64_t) b->total + (uint64_t) q->weight);	/* which may leave 64 bits on the way */
	b->nquarters++;
	b->last = q->quarter;
	return true;
}

/* Whether the entries of a quarter have its whole weight, none of them below one: then the last weight is what the others leave. */
static bool
adds_up(const key_quarter *q)
{
	int64_t		rest = q->weight;
	uint32_t	i;

	for (i = 0; i < q->entries; i++)
	{
		ks_check_interrupts_at(i);
		if (q->member[i].weight < 1 || __builtin_sub_overflow(rest, q->member[i].weight, &rest) || rest < 0)
			return false;
	}
	return rest == 0;
}

/* Finds out whether the weights of all entries must be written; a key without entries has none to write. */
static void
draft_all_weights(draft *d)
{
	key_block	b = {d->weights, d->weights, d->members, d->members};
	key_quarter q;
	uint32_t	i;

	for (i = 0; i < d->nkeys && !d->all_weights && d->nentries > 0; i++)
	{
		const ks_entry *entries = b.member_end;

		next_block(&b, d, i);
		while (b.member_end > entries && !d->all_weights && next_quarter(&b, &q))
			d->all_weights = !adds_up(&q);
	}
}

/* What is written for the number of entries: it is none only where all their weights are written. */
static inline uint64_t
entries_written(const draft *d, uint32_t entries)
{
	return d->all_weights ? entries : entries - 1;
}

/* For each quarter that has any, its distance from the one before; then the columns of weights and, if the key has entries, of their numbers. */
static uint8_t *
put_block(uint8_t *at, key_block *b, const draft *d)
{
	key_block	again = *b;
	bool		has_entries = b->member < b->member_end;
	int32_t		before = d->quarter_first;
	uint64_t	weights = 0;
	uint64_t	entries = 0;
	uint8_t    *column;
	key_quarter q;
	size_t		size;
	uint32_t	i;

	while (next_quarter(b, &q))
	{
		ks_check_interrupts_at(b->nquarters);
		at = ks_put_varint(at, (uint64_t) ((int64_t) q.quarter - before));
		weights |= above_one(d, q.weight);
		entries |= has_entries ? entries_written(d, q.entries) : 0;
		before = q.quarter;
	}
	b->weight_code = ks_bits_code(weights);
	b->entry_code = ks_bits_code(entries);
	column = at + ks_bits_size(b->nquarters, b->weight_code);
	size = (size_t) (column - at) + (size_t) ks_bits_size(b->nquarters, b->entry_code);
	memset(at, 0, size);
	for (i = 0; next_quarter(&again, &q); i++)
	{
		ks_check_interrupts_at(i);
		ks_put_bits(at, i, b->weight_code, above_one(d, q.weight));
		if (has_entries)
			ks_put_bits(column, i, b->entry_code, entries_written(d, q.entries));
	}
	return at + size;
}

static uint8_t *
put_number(uint8_t *at, uint32_t number, int width)
{
	if (width == 1)
		*at = (uint8_t) number;
	else if (width == 2)
		ks_put_u16(at, (uint16_t) number);
	else if (width == 4)
		ks_put_u32(at, number);
	return at + width;
}

static bool
same_head(const named_key *a, const named_key *b)
{
	return a->head_length == b->head_length && (a->head_length == 0 || memcmp(a->key.bytes, b->key.bytes, a->head_length) == 0);
}

/* The tails: how many, how many bytes, where each ends, and the bytes. */
static uint8_t *
put_tails(uint8_t *at, const draft *d)
{
	int			width = ks_number_width((uint32_t) d->tail_bytes + 1);
	uint32_t	end = 0;
	uint32_t	i;

	at = ks_put_varint(at, d->ntails);
	at = ks_put_varint(at, d->tail_bytes);
	for (i = 0; i < d->ntails; i++)
	{
		end += (uint32_t) d->tails[i].length;
		at = put_number(at, end, width);
	}
	for (i = 0; i < d->ntails; i++)
	{
		if (d->tails[i].length > 0)
			memcpy(at, d->tails[i].bytes, d->tails[i].length);
		at += d->tails[i].length;
	}
	return at;
}

/* A head, and how many keys from this one on have it. */
static uint8_t *
put_head(uint8_t *at, const draft *d, uint32_t key)
{
	size_t		length = d->keys[key].head_length;
	uint32_t	end = key + 1;

	while (end < d->nkeys && same_head(&d->keys[end], &d->keys[key]))
		end++;
	at = ks_put_varint(at, length);
	memcpy(at, d->keys[key].key.bytes, length);
	return ks_put_varint(at + length, end - key);
}

/*
 * The dictionary needs the length of each key's block before the blocks are
 * written: they are written once behind the longest the dictionary can get,
 * and moved down to its end.
 */
static uint8_t *
put_keys(uint8_t *at, const draft *d, uint8_t **weights)
{
	key_block	b = {d->weights, d->weights, d->members, d->members};
	uint8_t    *blocks = at + dictionary_bytes(d);
	uint8_t    *block = blocks;
	uint32_t	next_tail = 0;
	uint32_t	i;

	if (d->nkeys > 0)
		at = put_tails(at, d);
	for (i = 0; i < d->nkeys; i++)
	{
		const ks_entry *entries = b.member_end;
		uint8_t    *end;

		ks_check_interrupts();
		next_block(&b, d, i);
		end = put_block(block, &b, d);
		if (i == 0 || !same_head(&d->keys[i], &d->keys[i - 1]))
		{
			at = put_head(at, d, i);
			next_tail = 0;
		}
		at = ks_put_varint(at, d->nentries > 0 ? (uint64_t) (d->keys[i].tail - next_tail) * KS_BITS_CODES + b.entry_code : d->keys[i].tail - next_tail);
		next_tail = d->keys[i].tail + 1;
		at = ks_put_varint(at, ks_zigzag(b.total));
		at = ks_put_varint(at, (uint64_t) b.nquarters * KS_BITS_CODES + b.weight_code);
		at = ks_put_varint(at, (uint64_t) (end - block));
		at = ks_put_varint(at, (uint64_t) ((int64_t) d->quarter_last - b.last));
		if (d->nentries > 0)
			at = ks_put_varint(at, (uint64_t) (b.member_end - entries));
		block = end;
	}
	*weights = at;
	memmove(at, blocks, (size_t) (block - blocks));
	return at + (block - blocks);
}

/* Whether no entry of the same key and quarter follows. */
static inline bool
last_of_quarter(const draft *d, uint32_t entry)
{
	const ks_entry *e = &d->members[entry];

	return entry + 1 == d->nentries || e[1].key != e->key || e[1].quarter != e->quarter;
}

/* Hashes, the numbers of those who return, then one column each of the entries' members and weights. */
static uint8_t *
put_members(uint8_t *at, const draft *d)
{
	const ks_visits *visits = &d->visits;
	int			width = ks_number_width(visits->nmembers);
	uint8_t    *weights;
	uint32_t	i;

	for (i = 0; i < visits->nmembers; i++, at += 8)
		ks_put_u64(at, visits->hash[i]);
	for (i = 0; i < visits->nreturns; i++)
		at = put_number(at, visits->returns[i], width);
	weights = at + (size_t) d->nentries * width;
	for (i = 0; i < d->nentries; i++)
	{
		ks_check_interrupts_at(i);
		at = put_number(at, (uint32_t) d->members[i].member, width);
		if (d->all_weights || !last_of_quarter(d, i))
			weights = ks_put_varint(weights, ks_zigzag(d->members[i].weight));
	}
	return weights;
}

/* First and last instant, counted from the first quarter. */
static uint8_t *
put_range(uint8_t *at, int64_t from, int64_t first, int64_t last)
{
	at = ks_put_varint(at, ks_zigzag(first - from));
	return ks_put_varint(at, (uint64_t) (last - first));
}

/* Where the parts begin and the last one ends. */
typedef struct parts
{
	uint8_t    *quarters;
	uint8_t    *visits;
	uint8_t    *keys;
	uint8_t    *weights;
	uint8_t    *members;
	uint8_t    *end;
} parts;

static uint8_t *
put_header(uint8_t *at, const draft *d, const ks_bounds *bounds, const parts *p)
{
	int64_t		from = d->quarter_first * KS_QUARTER_USECS;
	bool		added = bounds->first <= bounds->last;
	bool		removed = bounds->removed_first <= bounds->removed_last;

	*at++ = KS_FORMAT_VERSION;
	*at++ = (uint8_t) ((d->negative ? KS_FLAG_NEGATIVE : 0) | (added ? KS_FLAG_ADDED : 0) | (removed ? KS_FLAG_REMOVED : 0) |
					   (d->all_weights ? KS_FLAG_WEIGHTS : 0));
	at = ks_put_varint(at, d->nkeys);
	at = ks_put_varint(at, d->nquarters);
	at = ks_put_varint(at, d->nweights);
	at = ks_put_varint(at, d->visits.nmembers);
	at = ks_put_varint(at, d->nentries);
	at = ks_put_varint(at, d->visits.nreturns);
	at = ks_put_varint(at, ks_zigzag(d->quarter_first));
	at = ks_put_varint(at, (uint64_t) ((int64_t) d->quarter_last - d->quarter_first));
	at = ks_put_varint(at, ks_zigzag(d->total));
	if (added)
		at = put_range(at, from, bounds->first, bounds->last);
	if (removed)
		at = put_range(at, from, bounds->removed_first, bounds->removed_last);
	at = ks_put_varint(at, (uint64_t) (p->visits - p->quarters));
	at = ks_put_varint(at, (uint64_t) (p->keys - p->visits));
	at = ks_put_varint(at, (uint64_t) (p->weights - p->keys));
	at = ks_put_varint(at, (uint64_t) (p->members - p->weights));
	return ks_put_varint(at, (uint64_t) (p->end - p->members));
}

/* The header tells how long the parts are: they are written behind the longest it can get, and moved down to its end. */
static ks_status
draft_write(draft *d, const ks_bounds *bounds, size_t reserve, uint8_t **result, size_t *size)
{
	size_t		longest = draft_bytes(d);
	uint8_t    *start;
	uint8_t    *header_end;
	parts		p;

	draft_all_weights(d);
	*result = ks_alloc(d->memory, reserve + longest);
	start = *result + reserve;
	p.quarters = start + KS_HEADER_MAX;
	p.visits = put_quarters(p.quarters, d);
	memcpy(p.visits, d->visits.bytes, d->visits.size);
	p.keys = p.visits + d->visits.size;
	p.members = put_keys(p.keys, d, &p.weights);
	p.end = put_members(p.members, d);
	header_end = put_header(start, d, bounds, &p);
	*size = (size_t) (header_end - start) + (size_t) (p.end - p.quarters);
	if (*size > KS_TALLY_MAX_BYTES)
	{
		ks_free(*result);
		return KS_E_LIMIT;
	}
	memmove(header_end, p.quarters, (size_t) (p.end - p.quarters));
	*result = ks_realloc(*result, reserve + *size);
	return KS_OK;
}

/* Packs the builder, whose content it leaves as it is, behind that many bytes for the caller. */
ks_status
ks_pack(ks_builder *builder, size_t reserve, uint8_t **result, size_t *size)
{
	draft		d;
	ks_status	status = ks_builder_consolidate(builder);

	if (status != KS_OK)
		return status;
	memset(&d, 0, sizeof(d));
	d.memory = builder->memory;
	status = draft_fill(&d, builder);
	if (status == KS_OK)
		status = draft_write(&d, &builder->bounds, reserve, result, size);
	draft_free(&d);
	return status;
}

/* Unpacks foreign bytes and packs them again. */
static ks_status
repack(const void *bytes, size_t size, ks_memory memory, size_t reserve, uint8_t **again, size_t *again_size)
{
	ks_view		view;
	ks_builder	builder;
	ks_status	status = ks_view_open(&view, bytes, size);

	if (status != KS_OK)
		return status;
	if (view.header.size != size)
		return view.header.size > size ? KS_E_TRUNCATED : KS_E_CORRUPT;
	ks_builder_init(&builder, memory);
	status = ks_builder_merge(&builder, &view, false);
	if (status == KS_OK)
		status = ks_pack(&builder, reserve, again, again_size);
	ks_builder_free(&builder);
	return status;
}

/* Whether foreign bytes are exactly what ks_pack would have written. */
ks_status
ks_check(const void *bytes, size_t size, ks_memory memory)
{
	uint8_t    *again;
	size_t		again_size;
	ks_status	status = repack(bytes, size, memory, 0, &again, &again_size);

	if (status != KS_OK)
		return status;
	if (again_size != size || memcmp(again, bytes, size) != 0)
		status = KS_E_CORRUPT;
	ks_free(again);
	return status;
}

/* Whether foreign bytes are of a version before this one. */
bool
ks_is_older(const void *bytes, size_t size)
{
	return size > 0 && *(const uint8_t *) bytes >= KS_FORMAT_OLDEST && *(const uint8_t *) bytes < KS_FORMAT_VERSION;
}

/*
 * Foreign bytes of any version, packed as this version does, behind that many
 * bytes for the caller.  No packer of the earlier version is needed to know
 * whether they were well-formed: what they say more than once is taken from one
 * place and worked out anew, so that whatever they are, the result is what it says.
 */
ks_status
ks_renew(const void *bytes, size_t size, ks_memory memory, size_t reserve, uint8_t **renewed, size_t *renewed_size)
{
	return repack(bytes, size, memory, reserve, renewed, renewed_size);
}
