/*
 * Writing a tally: the stored format, byte by byte, is told in doc/format.md.
 *
 * One content has exactly one form: keys, slots and members ascending, nothing
 * that is zero, the shortest varints.  That makes the check of foreign bytes
 * simple and strong: unpack them, pack again, compare.
 */
#include "tally/builder.h"
#include "tally/visit.h"

/* So few are sorted at once. */
#define FEW_ENTRIES 64

typedef struct named_key
{
	ks_string	key;
	uint32_t	number;			/* in the builder's dictionary */
} named_key;

/* What is to be written: sorted, without zeros, keys renumbered by rank. */
typedef struct draft
{
	ks_memory	memory;
	named_key  *keys;
	uint32_t	nkeys;
	ks_entry   *weights;		/* by key, slot */
	uint32_t	nweights;
	ks_entry   *members;
	uint32_t	nentries;
	ks_visits	visits;			/* hashes of the members that the entries name by number */
	ks_entry   *slots;			/* by slot */
	uint32_t	nslots;
	int32_t		slot_first;
	int32_t		slot_last;
	int64_t		total;
	bool		negative;
} draft;

static int
compare_named(const void *a, const void *b)
{
	return ks_key_compare(((const named_key *) a)->key, ((const named_key *) b)->key);
}

static int
compare_weights(const void *a, const void *b)
{
	const ks_entry *x = a;
	const ks_entry *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->slot > y->slot) - (x->slot < y->slot);
}

static void
mark_keys(const ks_entries *table, uint32_t *rank)
{
	uint32_t	i;

	for (i = 0; i < table->count; i++)
	{
		if (table->entry[i].weight != 0)
			rank[table->entry[i].key] = 1;
	}
}

/* Sorts the keys in use and gives back the rank of each key of the dictionary. */
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
	qsort(d->keys, d->nkeys, sizeof(named_key), compare_named);
	for (i = 0; i < d->nkeys; i++)
		rank[d->keys[i].number] = i;
	return rank;
}

/* Where an entry falls in a row of buckets that ascend in the order of keys and slots. */
static inline uint32_t
bucket_of(const draft *d, const ks_entry *e, uint32_t nbuckets)
{
	uint64_t	slots = (uint64_t) ((int64_t) d->slot_last - d->slot_first) + 1;
	uint64_t	a_key = nbuckets / d->nkeys;

	return (uint32_t) (e->key * a_key + (uint64_t) ((int64_t) e->slot - d->slot_first) * a_key / slots);
}

/*
 * Slots are spread nearly evenly: entries are dealt out to as many buckets as
 * there are, and what little falls into the same one is sorted.  Where they are
 * not spread at all, this is a sort like any other.
 */
static ks_entry *
sort_weights(const draft *d, ks_entry *entries, uint32_t count)
{
	uint32_t	nbuckets = count > d->nkeys ? count : d->nkeys;
	uint32_t   *end;
	ks_entry   *result;
	uint32_t	i;

	if (count < FEW_ENTRIES)
	{
		qsort(entries, count, sizeof(ks_entry), compare_weights);
		return entries;
	}
	end = ks_alloc(d->memory, ((size_t) nbuckets + 1) * sizeof(uint32_t));
	memset(end, 0, ((size_t) nbuckets + 1) * sizeof(uint32_t));
	for (i = 0; i < count; i++)
		end[bucket_of(d, &entries[i], nbuckets) + 1]++;
	for (i = 1; i <= nbuckets; i++)
		end[i] += end[i - 1];
	/* end[b] is where bucket b begins, and where it ends when it has been filled */
	result = ks_alloc(d->memory, ((size_t) count + 1) * sizeof(ks_entry));
	for (i = 0; i < count; i++)
		result[end[bucket_of(d, &entries[i], nbuckets)]++] = entries[i];
	ks_free(entries);
	for (i = 0; i < nbuckets; i++)
	{
		uint32_t	begin = i > 0 ? end[i - 1] : 0;

		if (end[i] - begin > 1)
			qsort(result + begin, end[i] - begin, sizeof(ks_entry), compare_weights);
	}
	ks_free(end);
	return result;
}

/* Copies what is not zero. */
static ks_entry *
draft_entries(draft *d, const ks_entries *table, const uint32_t *rank, uint32_t *count)
{
	ks_entry   *result = ks_alloc(d->memory, ((size_t) table->count + 1) * sizeof(ks_entry));
	uint32_t	i;

	*count = 0;
	for (i = 0; i < table->count; i++)
	{
		ks_entry	e = table->entry[i];

		if (e.weight == 0)
			continue;
		e.key = rank[e.key];
		if (d->slot_first > d->slot_last)
			d->slot_first = d->slot_last = e.slot;
		else if (e.slot < d->slot_first)
			d->slot_first = e.slot;
		else if (e.slot > d->slot_last)
			d->slot_last = e.slot;
		d->negative |= e.weight < 0;
		result[(*count)++] = e;
	}
	return result;
}

/* Whether no sum leaves 64 bits: of a key, of a slot (into sums) or of all. */
static bool
draft_sums(draft *d, ks_entries *sums)
{
	int64_t		key_total = 0;
	uint32_t	i;

	for (i = 0; i < d->nweights; i++)
	{
		const ks_entry *e = &d->weights[i];

		if (i > 0 && e->key != e[-1].key)
			key_total = 0;
		if (ks_entries_add(sums, 0, e->slot, 0, e->weight) != KS_OK ||
			__builtin_add_overflow(key_total, e->weight, &key_total) ||
			__builtin_add_overflow(d->total, e->weight, &d->total))
			return false;
	}
	return true;
}

/* Weight per slot over all keys, and the total. */
static ks_status
draft_slots(draft *d)
{
	ks_entries	sums;
	uint32_t	i;

	ks_entries_init(&sums, d->memory);
	if (!draft_sums(d, &sums))
	{
		ks_entries_free(&sums);
		return KS_E_OVERFLOW;
	}
	d->slots = ks_alloc(d->memory, ((size_t) sums.count + 1) * sizeof(ks_entry));
	for (i = 0; i < sums.count; i++)
	{
		if (sums.entry[i].weight != 0)
			d->slots[d->nslots++] = sums.entry[i];
	}
	ks_entries_free(&sums);
	qsort(d->slots, d->nslots, sizeof(ks_entry), compare_weights);
	return KS_OK;
}

static ks_status
draft_fill(draft *d, const ks_builder *builder)
{
	uint32_t   *rank = rank_keys(d, builder);

	d->slot_first = 1;
	d->slot_last = 0;
	d->weights = draft_entries(d, &builder->weights, rank, &d->nweights);
	d->members = draft_entries(d, &builder->members, rank, &d->nentries);
	ks_free(rank);
	if (d->slot_first > d->slot_last)
		d->slot_first = d->slot_last = 0;
	if (d->slot_first < KS_SLOT_MIN || d->slot_last > KS_SLOT_MAX)
		return KS_E_CORRUPT;
	d->weights = sort_weights(d, d->weights, d->nweights);
	ks_check_interrupts();
	ks_visits_order(&d->visits, d->memory, d->members, d->nentries, d->slot_first, d->slot_last);
	return draft_slots(d);
}

static void
draft_free(draft *d)
{
	ks_free(d->keys);
	ks_free(d->weights);
	ks_free(d->members);
	ks_visits_free(&d->visits);
	if (d->slots != NULL)
		ks_free(d->slots);
}

/* An upper bound of the packed size. */
static size_t
draft_bytes(const draft *d)
{
	size_t		result = KS_HEADER_BYTES;
	uint32_t	i;

	for (i = 0; i < d->nkeys; i++)
		result += d->keys[i].key.length + 4 * KS_VARINT_MAX;
	result += ((size_t) d->nslots + d->nweights) * (5 + KS_VARINT_MAX);
	result += d->visits.size + (size_t) d->visits.nmembers * 8 + (size_t) d->nentries * (4 + 4 + KS_VARINT_MAX);
	return result;
}

/* Pairs of (distance from the previous slot, weight), the first distance from slot_first. */
static uint8_t *
put_slots(uint8_t *at, const ks_entry *entry, uint32_t count, int32_t slot)
{
	uint32_t	i;

	for (i = 0; i < count; i++)
	{
		at = ks_put_varint(at, (uint64_t) ((int64_t) entry[i].slot - slot));
		at = ks_put_varint(at, ks_zigzag(entry[i].weight));
		slot = entry[i].slot;
	}
	return at;
}

/*
 * The dictionary needs the length of each key's block before the blocks are
 * written: they are written once behind the longest the dictionary can get,
 * and moved down to its end.
 */
static uint8_t *
put_keys(uint8_t *at, const draft *d, uint8_t **weights)
{
	size_t		longest = 0;
	uint8_t    *blocks,
			   *block;
	uint32_t	next = 0;
	uint32_t	i;

	for (i = 0; i < d->nkeys; i++)
		longest += d->keys[i].key.length + 4 * KS_VARINT_MAX;
	blocks = block = at + longest;
	for (i = 0; i < d->nkeys; i++)
	{
		uint32_t	begin = next;
		int64_t		total = 0;
		uint8_t    *end;

		for (; next < d->nweights && d->weights[next].key == i; next++)
			total += d->weights[next].weight;
		end = put_slots(block, d->weights + begin, next - begin, d->slot_first);
		at = ks_put_varint(at, d->keys[i].key.length);
		memcpy(at, d->keys[i].key.bytes, d->keys[i].key.length);
		at += d->keys[i].key.length;
		at = ks_put_varint(at, ks_zigzag(total));
		at = ks_put_varint(at, next - begin);
		at = ks_put_varint(at, (uint64_t) (end - block));
		block = end;
	}
	*weights = at;
	memmove(at, blocks, (size_t) (block - blocks));
	return at + (block - blocks);
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

/* Hashes, then one column each of the entries' members, keys and weights. */
static uint8_t *
put_members(uint8_t *at, const draft *d)
{
	const ks_visits *visits = &d->visits;
	int			ordinal_width = ks_number_width(visits->nmembers);
	int			key_width = ks_number_width(d->nkeys);
	uint8_t    *ordinals = at + (size_t) visits->nmembers * 8;
	uint8_t    *keys = ordinals + (size_t) d->nentries * ordinal_width;
	uint8_t    *weights = keys + (size_t) d->nentries * key_width;
	uint32_t	i;

	for (i = 0; i < visits->nmembers; i++)
		ks_put_u64(at + (size_t) i * 8, visits->hash[i]);
	for (i = 0; i < d->nentries; i++)
	{
		ordinals = put_number(ordinals, (uint32_t) d->members[i].member, ordinal_width);
		keys = put_number(keys, d->members[i].key, key_width);
		weights = ks_put_varint(weights, ks_zigzag(d->members[i].weight));
	}
	return weights;
}

static void
put_header(uint8_t *at, const draft *d, const ks_bounds *bounds, size_t visits_at, size_t keys_at,
		   size_t weights_at, size_t members_at, size_t size)
{
	memset(at, 0, KS_HEADER_BYTES);
	at[0] = KS_FORMAT_VERSION;
	at[1] = d->negative ? KS_FLAG_NEGATIVE : 0;
	ks_put_u32(at + 4, d->nkeys);
	ks_put_u32(at + 8, d->nslots);
	ks_put_u32(at + 12, d->nweights);
	ks_put_u32(at + 16, d->visits.nmembers);
	ks_put_u32(at + 20, d->nentries);
	ks_put_u32(at + 24, (uint32_t) d->slot_first);
	ks_put_u32(at + 28, (uint32_t) d->slot_last);
	ks_put_u64(at + 32, (uint64_t) d->total);
	ks_put_u64(at + 40, (uint64_t) bounds->first);
	ks_put_u64(at + 48, (uint64_t) bounds->last);
	ks_put_u64(at + 56, (uint64_t) bounds->removed_first);
	ks_put_u64(at + 64, (uint64_t) bounds->removed_last);
	ks_put_u32(at + 72, (uint32_t) visits_at);
	ks_put_u32(at + 76, (uint32_t) keys_at);
	ks_put_u32(at + 80, (uint32_t) weights_at);
	ks_put_u32(at + 84, (uint32_t) members_at);
	ks_put_u32(at + 88, (uint32_t) size);
}

static ks_status
draft_write(const draft *d, const ks_bounds *bounds, size_t reserve, uint8_t **result, size_t *size)
{
	size_t		longest = draft_bytes(d);
	uint8_t    *start;
	uint8_t    *visits,
			   *keys,
			   *weights,
			   *members,
			   *end;

	*result = ks_alloc(d->memory, reserve + longest);
	start = *result + reserve;
	visits = put_slots(start + KS_HEADER_BYTES, d->slots, d->nslots, d->slot_first);
	memcpy(visits, d->visits.bytes, d->visits.size);
	keys = visits + d->visits.size;
	members = put_keys(keys, d, &weights);
	end = put_members(members, d);
	*size = (size_t) (end - start);
	if (*size > KS_TALLY_MAX_BYTES)
	{
		ks_free(*result);
		return KS_E_LIMIT;
	}
	put_header(start, d, bounds, (size_t) (visits - start), (size_t) (keys - start), (size_t) (weights - start),
			   (size_t) (members - start), *size);
	*result = ks_realloc(*result, reserve + *size);
	return KS_OK;
}

/* Packs the builder, which it leaves as it is, behind that many bytes for the caller. */
ks_status
ks_pack(const ks_builder *builder, size_t reserve, uint8_t **result, size_t *size)
{
	draft		d;
	ks_status	status;

	memset(&d, 0, sizeof(d));
	d.memory = builder->memory;
	status = draft_fill(&d, builder);
	if (status == KS_OK)
		status = draft_write(&d, &builder->bounds, reserve, result, size);
	draft_free(&d);
	return status;
}

/* Whether foreign bytes are exactly what ks_pack would have written. */
ks_status
ks_check(const void *bytes, size_t size, ks_memory memory)
{
	ks_view		view;
	ks_builder	builder;
	uint8_t    *again;
	size_t		again_size;
	ks_status	status = ks_view_open(&view, bytes, size);

	if (status != KS_OK)
		return status;
	if (view.header.size != size)
		return view.header.size > size ? KS_E_TRUNCATED : KS_E_CORRUPT;
	ks_builder_init(&builder, memory);
	status = ks_builder_merge(&builder, &view, false);
	if (status == KS_OK)
		status = ks_pack(&builder, 0, &again, &again_size);
	if (status == KS_OK)
	{
		if (again_size != size || memcmp(again, bytes, size) != 0)
			status = KS_E_CORRUPT;
		ks_free(again);
	}
	ks_builder_free(&builder);
	return status;
}
