/*
 * Writing a tally: the stored format, byte by byte, is told in doc/format.md.
 *
 * One content has exactly one form: keys, quarters and members ascending, nothing
 * that is zero, the shortest varints.  That makes the check of foreign bytes
 * simple and strong: unpack them, pack again, compare.
 */
#include "tally/draft.h"

#define DISTANCE_MAX 5			/* bytes of the longest distance */

/* An upper bound of the dictionary's. */
static size_t
dictionary_bytes(const ks_draft *d)
{
	size_t		result = 2 * KS_VARINT_MAX + d->tail_bytes + (size_t) d->ntails * 4;
	uint32_t	i;

	for (i = 0; i < d->nkeys; i++)
		result += d->keys[i].key.length + 8 * KS_VARINT_MAX;
	return result;
}

/* An upper bound of the packed size. */
static size_t
draft_bytes(const ks_draft *d)
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
above_one(const ks_draft *d, int64_t weight)
{
	return d->negative ? ks_zigzag((int64_t) ((uint64_t) weight - 1)) : (uint64_t) weight - 1;
}

/* For each quarter its weight and, unless it follows the one before, how many quarters lie between; the first one follows if it is the tally's first. */
static uint8_t *
put_quarters(uint8_t *at, const ks_draft *d)
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
next_block(key_block *b, const ks_draft *d, uint32_t key)
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
draft_all_weights(ks_draft *d)
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
entries_written(const ks_draft *d, uint32_t entries)
{
	return d->all_weights ? entries : entries - 1;
}

/* For each quarter that has any, its distance from the one before; then the columns of weights and, if the key has entries, of their numbers. */
static uint8_t *
put_block(uint8_t *at, key_block *b, const ks_draft *d)
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
same_head(const ks_named_key *a, const ks_named_key *b)
{
	return a->head_length == b->head_length && (a->head_length == 0 || memcmp(a->key.bytes, b->key.bytes, a->head_length) == 0);
}

/* The tails: how many, how many bytes, where each ends, and the bytes. */
static uint8_t *
put_tails(uint8_t *at, const ks_draft *d)
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
put_head(uint8_t *at, const ks_draft *d, uint32_t key)
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
put_keys(uint8_t *at, const ks_draft *d, uint8_t **weights)
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
last_of_quarter(const ks_draft *d, uint32_t entry)
{
	const ks_entry *e = &d->members[entry];

	return entry + 1 == d->nentries || e[1].key != e->key || e[1].quarter != e->quarter;
}

/* Hashes, the numbers of those who return, then one column each of the entries' members and weights. */
static uint8_t *
put_members(uint8_t *at, const ks_draft *d)
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
put_header(uint8_t *at, const ks_draft *d, const ks_bounds *bounds, const parts *p)
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
draft_write(ks_draft *d, const ks_bounds *bounds, size_t reserve, uint8_t **result, size_t *size)
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
	ks_draft	d;
	ks_status	status = ks_builder_consolidate(builder);

	if (status != KS_OK)
		return status;
	memset(&d, 0, sizeof(d));
	d.memory = builder->memory;
	status = ks_draft_fill(&d, builder);
	if (status == KS_OK)
		status = draft_write(&d, &builder->bounds, reserve, result, size);
	ks_draft_free(&d);
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
