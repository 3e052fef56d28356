/*
 * How many different members there are in several lists of hashes.
 *
 * The lists (lists) stay where they are, and each has a member once.  What fits
 * the processor's cache goes through a set.  Of more hashes most are there once, which a
 * bitmap that fits can tell: what finds its bit set, by
 * chance or not, is suspect, and only what shares a second bitmap with the
 * suspects is compared.  Where those are too many, or there is more than a bitmap can tell
 * apart, all hashes are put into parts that fit, and go through a set each.
 * test/bench/union.c measures these ways, and simpler ones.
 */
#include "query/union.h"

#include "base/seed.h"

/* Up to so many hashes go through one set, 512 kB of it: half of a usual second-level cache. */
#define SET_MAX 32768

/* A set has so many places a hash, at least: more where it is so small that they stay in the first caches. */
#define PLACES 2
#define PLACES_OF_FEW 4
#define FEW_HASHES 4096

/* Bits of the first bitmap for each hash, and the binary logarithm of the most bits, 2 MB. */
#define BITS_A_HASH 8
#define MARKS_LOG_MAX 24

/* A bitmap of more than 512 kB leaves the cache: words of so many hashes ahead are fetched from memory. */
#define MARKS_LOG_NEAR 22
#define AHEAD 16

/* More hashes than this fill such a bitmap, so that it tells nothing. */
#define MARKED_MAX 2000000

/* If one hash of so many is suspect, the bitmap has told too little. */
#define MANY_SUSPECTS 3

/* Bits of the second bitmap for each suspect. */
#define BITS_A_SUSPECT 16

/* Parts have about so many hashes, and the binary logarithm of the most parts. */
#define PART_HASHES 4096
#define PARTS_LOG_MAX 10

/* Hashes that are taken from here and there lie in blocks of so many bytes, or in one of their own. */
#define BLOCK_BYTES (64 * 1024)

#define BLOCK_HEADER ((sizeof(ks_hash_block) + 15) / 16 * 16)

/* Members are hashes, but nothing here relies on how they are spread: who is counted may have tried ids until their hashes suited. */
static inline uint64_t
spread_hash(uint64_t hash)
{
	return ks_seeded_spread(hash);
}

static inline uint64_t
spread_again(uint64_t hash)
{
	return ks_seeded_spread_again(hash ^ hash >> 31);
}

/* The least binary logarithm, from least to most, whose power is not below number. */
static int
log_above(size_t number, int least, int most)
{
	while (least < most && (size_t) 1 << least < number)
		least++;
	return least;
}

void
ks_union_init(ks_union *shared, ks_memory memory)
{
	ks_seed_ready();
	memset(shared, 0, sizeof(*shared));
	shared->memory = memory;
}

/* Adds hashes, no two of which are the same, to a bucket; they must stay until all is counted. */
void
ks_union_add(ks_union *shared, uint32_t bucket, const uint8_t *hashes, size_t count)
{
	ks_hash_list *list;

	if (count == 0)
		return;
	if (shared->count == shared->size)
	{
		shared->size = shared->size > 0 ? 2 * shared->size : 64;
		shared->lists = shared->lists == NULL ? ks_alloc(shared->memory, shared->size * sizeof(ks_hash_list))
			: ks_realloc(shared->lists, shared->size * sizeof(ks_hash_list));
	}
	list = &shared->lists[shared->count++];
	list->hashes = hashes;
	list->count = (uint32_t) count;
	list->bucket = bucket;
}

/* Room for the hashes of a list, eight bytes each, that stays until all is counted. */
uint8_t *
ks_union_room(ks_union *shared, size_t count)
{
	ks_hash_block *block = shared->blocks;
	uint8_t    *result;

	if (block == NULL || block->size - block->used < count * 8)
	{
		bool		own = count * 8 > BLOCK_BYTES / 4;
		size_t		size = own ? count * 8 : BLOCK_BYTES;

		block = ks_alloc(shared->memory, BLOCK_HEADER + size);
		block->used = 0;
		block->size = size;
		if (own && shared->blocks != NULL)
		{
			/* full from the start: the block before goes on being filled */
			block->next = shared->blocks->next;
			shared->blocks->next = block;
		}
		else
		{
			block->next = shared->blocks;
			shared->blocks = block;
		}
	}
	result = (uint8_t *) block + BLOCK_HEADER + block->used;
	block->used += count * 8;
	return result;
}

/* A set of hashes; 0 is what places have where there is none. */
typedef struct hash_set
{
	uint64_t   *table;
	int			log;			/* of its places */
	int			skipped;		/* so many of the highest spread bits are the same in all */
	bool		zero;			/* the hash 0 is in it, too */
} hash_set;

/* An empty set for so many hashes. */
static hash_set
start_set(ks_union *shared, size_t count, int skipped)
{
	hash_set	set = {NULL, log_above(count * (count <= FEW_HASHES ? PLACES_OF_FEW : PLACES), 6, 40), skipped, false};
	size_t		size = (size_t) 1 << set.log;

	if (shared->table_size < size)
	{
		if (shared->table != NULL)
			ks_free(shared->table);
		shared->table = ks_alloc(shared->memory, size * sizeof(uint64_t));
		shared->table_size = size;
	}
	set.table = shared->table;
	memset(set.table, 0, size * sizeof(uint64_t));
	return set;
}

/* Whether the hash was not in the set, which it is now. */
static inline bool
set_add(hash_set *set, uint64_t hash)
{
	uint64_t	mask = (UINT64_C(1) << set->log) - 1;
	uint64_t	at = spread_hash(hash) << set->skipped >> (64 - set->log);
	bool		result = !set->zero;

	if (hash == 0)
	{
		set->zero = true;
		return result;
	}
	while (set->table[at] != hash && set->table[at] != 0)
		at = (at + 1) & mask;
	result = set->table[at] == 0;
	set->table[at] = hash;
	return result;
}

/* How many of these hashes were not in the set, which they are now. */
static int64_t
set_add_all(hash_set *added_to, const uint8_t *hashes, size_t count)
{
	hash_set	set = *added_to;
	int64_t		result = 0;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		ks_check_interrupts_at(i);
		result += set_add(&set, ks_get_u64(hashes + i * 8));
	}
	added_to->zero = set.zero;
	return result;
}

static int64_t
count_by_set(ks_union *shared, const ks_hash_list *lists, size_t nlists, size_t total)
{
	hash_set	set = start_set(shared, total, 0);
	int64_t		result = 0;
	size_t		p;

	for (p = 0; p < nlists; p++)
		result += set_add_all(&set, lists[p].hashes, lists[p].count);
	return result;
}

/* Puts all hashes into the order of their parts, so many highest spread bits; end is filled in as by sort_lists. */
static uint8_t *
sort_by_parts(ks_union *shared, const ks_hash_list *lists, size_t nlists, size_t total, int log, size_t *end)
{
	uint8_t    *sorted = ks_alloc(shared->memory, total * 8);
	size_t		p;
	uint32_t	i;

	memset(end, 0, (((size_t) 1 << log) + 1) * sizeof(size_t));
	for (p = 0; p < nlists; p++)
	{
		for (i = 0; i < lists[p].count; i++)
		{
			ks_check_interrupts_at(i);
			end[(spread_hash(ks_get_u64(lists[p].hashes + (size_t) i * 8)) >> (64 - log)) + 1]++;
		}
	}
	for (p = 1; p <= (size_t) 1 << log; p++)
		end[p] += end[p - 1];
	for (p = 0; p < nlists; p++)
	{
		for (i = 0; i < lists[p].count; i++)
		{
			const uint8_t *hash = lists[p].hashes + (size_t) i * 8;

			ks_check_interrupts_at(i);
			memcpy(sorted + end[spread_hash(ks_get_u64(hash)) >> (64 - log)]++ * 8, hash, 8);
		}
	}
	return sorted;
}

/* By parts of the spread hashes, each of which goes through a set that fits the cache. */
static int64_t
count_by_parts(ks_union *shared, const ks_hash_list *lists, size_t nlists, size_t total)
{
	int			log = log_above(total / PART_HASHES, 1, PARTS_LOG_MAX);
	size_t		end[((size_t) 1 << PARTS_LOG_MAX) + 1];
	uint8_t    *sorted = sort_by_parts(shared, lists, nlists, total, log, end);
	int64_t		result = 0;
	size_t		i;

	for (i = 0; i < (size_t) 1 << log; i++)
	{
		size_t		begin = i > 0 ? end[i - 1] : 0;
		hash_set	set = start_set(shared, end[i] - begin, log);

		ks_check_interrupts();
		result += set_add_all(&set, sorted + begin * 8, end[i] - begin);
	}
	ks_free(sorted);
	return result;
}

/* The one of the two that is quicker for so many. */
static int64_t
count_exactly(ks_union *shared, const ks_hash_list *lists, size_t nlists, size_t total)
{
	if (total <= SET_MAX)
		return count_by_set(shared, lists, nlists, total);
	return count_by_parts(shared, lists, nlists, total);
}

/* Sets the bit of each hash; collects those whose bit was set before. */
static ks_always_inline size_t
collect_by(const ks_hash_list *lists, size_t nlists, uint64_t *marks, int log, uint64_t *suspects, bool ahead)
{
	size_t		found = 0;
	size_t		p;
	uint32_t	i;

	for (p = 0; p < nlists; p++)
	{
		const uint8_t *hashes = lists[p].hashes;
		uint32_t	count = lists[p].count;

		ks_check_interrupts();
		for (i = 0; i < count; i++)
		{
			uint64_t	hash = ks_get_u64(hashes + (size_t) i * 8);
			uint64_t	mark = spread_hash(hash) >> (64 - log);
			uint64_t	word = marks[mark >> 6];

			ks_check_interrupts_at(i);
			if (ahead && i + AHEAD < count)
				__builtin_prefetch(&marks[spread_hash(ks_get_u64(hashes + (size_t) (i + AHEAD) * 8)) >> (64 - log) >> 6], 1);
			suspects[found] = hash;
			found += word >> (mark & 63) & 1;
			marks[mark >> 6] = word | UINT64_C(1) << (mark & 63);
		}
	}
	return found;
}

static size_t
collect_suspects(const ks_hash_list *lists, size_t nlists, uint64_t *marks, int log, uint64_t *suspects)
{
	if (log > MARKS_LOG_NEAR)
		return collect_by(lists, nlists, marks, log, suspects, true);
	return collect_by(lists, nlists, marks, log, suspects, false);
}

/* Collects every hash that shares its bit of a second bitmap with a suspect, in the place of the suspects. */
static size_t
collect_candidates(const ks_hash_list *lists, size_t nlists, uint64_t *marks, int log, uint64_t *suspects, size_t nsuspects)
{
	size_t		found = 0;
	size_t		p;
	uint32_t	i;

	memset(marks, 0, ((size_t) 1 << log) / 8);
	for (p = 0; p < nsuspects; p++)
	{
		uint64_t	mark = spread_again(suspects[p]) >> (64 - log);

		ks_check_interrupts_at(p);
		marks[mark >> 6] |= UINT64_C(1) << (mark & 63);
	}
	for (p = 0; p < nlists; p++)
	{
		const uint8_t *hashes = lists[p].hashes;
		uint32_t	count = lists[p].count;

		ks_check_interrupts();
		for (i = 0; i < count; i++)
		{
			uint64_t	hash = ks_get_u64(hashes + (size_t) i * 8);
			uint64_t	mark = spread_again(hash) >> (64 - log);

			ks_check_interrupts_at(i);
			suspects[found] = hash;
			found += marks[mark >> 6] >> (mark & 63) & 1;
		}
	}
	return found;
}

/* Of more than a set is quick for, most of which are there once. */
static int64_t
count_by_marks(ks_union *shared, const ks_hash_list *lists, size_t nlists, size_t total)
{
	int			log = log_above(total * BITS_A_HASH, 12, MARKS_LOG_MAX);
	uint64_t   *marks = ks_alloc(shared->memory, ((size_t) 1 << log) / 8);
	uint64_t   *suspects = ks_alloc(shared->memory, (total + 1) * sizeof(uint64_t));
	int64_t		result = (int64_t) total;
	ks_hash_list found;
	size_t		count;

	memset(marks, 0, ((size_t) 1 << log) / 8);
	count = collect_suspects(lists, nlists, marks, log, suspects);
	if (count > total / MANY_SUSPECTS)
		result = count_exactly(shared, lists, nlists, total);
	else if (count > 0)
	{
		found.hashes = (const uint8_t *) suspects;
		found.count = (uint32_t) collect_candidates(lists, nlists, marks, log_above(count * BITS_A_SUSPECT, 12, log), suspects, count);
		result += count_exactly(shared, &found, 1, found.count) - (int64_t) found.count;
	}
	ks_free(marks);
	ks_free(suspects);
	return result;
}

/* How many different hashes the lists of one bucket have. */
static int64_t
count_bucket(ks_union *shared, const ks_hash_list *lists, size_t nlists)
{
	size_t		total = 0;
	size_t		p;

	for (p = 0; p < nlists; p++)
		total += lists[p].count;
	if (nlists <= 1)
		return (int64_t) total;
	if (total <= SET_MAX || total > MARKED_MAX)
		return count_exactly(shared, lists, nlists, total);
	return count_by_marks(shared, lists, nlists, total);
}

/* The lists in the order of their buckets; end is filled in: those of bucket b end at end[b], where the next bucket's begin. */
static ks_hash_list *
sort_lists(const ks_union *shared, uint32_t nbuckets, size_t *end)
{
	ks_hash_list *sorted = ks_alloc(shared->memory, (shared->count + 1) * sizeof(ks_hash_list));
	size_t		i;

	memset(end, 0, ((size_t) nbuckets + 1) * sizeof(size_t));
	for (i = 0; i < shared->count; i++)
		end[shared->lists[i].bucket + 1]++;
	for (i = 1; i <= nbuckets; i++)
		end[i] += end[i - 1];
	for (i = 0; i < shared->count; i++)
		sorted[end[shared->lists[i].bucket]++] = shared->lists[i];
	return sorted;
}

/* Adds to the count of each bucket how many different members it was given. */
void
ks_union_count(ks_union *shared, uint32_t nbuckets, int64_t *counts)
{
	size_t	   *end;
	ks_hash_list *sorted;
	size_t		i;

	if (shared->count == 0)
		return;
	end = ks_alloc(shared->memory, ((size_t) nbuckets + 1) * sizeof(size_t));
	sorted = sort_lists(shared, nbuckets, end);
	for (i = 0; i < nbuckets; i++)
	{
		size_t		begin = i > 0 ? end[i - 1] : 0;

		ks_check_interrupts();
		counts[i] += count_bucket(shared, sorted + begin, end[i] - begin);
	}
	ks_free(sorted);
	ks_free(end);
}

/* All lists, those of a bucket side by side, buckets ascending; the caller frees the list. */
ks_hash_list *
ks_union_sorted(const ks_union *shared, uint32_t nbuckets)
{
	size_t	   *end = ks_alloc(shared->memory, ((size_t) nbuckets + 1) * sizeof(size_t));
	ks_hash_list *result = sort_lists(shared, nbuckets, end);

	ks_free(end);
	return result;
}

/* Adds to the count of each bucket how many of its members no bucket before it was given; those that were seen before count nowhere. */
void
ks_union_first_seen(ks_union *shared, uint32_t nbuckets, const uint64_t *seen, size_t nseen, int64_t *counts)
{
	ks_hash_list *sorted = ks_union_sorted(shared, nbuckets);
	size_t		total = nseen;
	hash_set	set;
	size_t		i;

	for (i = 0; i < shared->count; i++)
		total += sorted[i].count;
	set = start_set(shared, total, 0);
	for (i = 0; i < nseen; i++)
	{
		ks_check_interrupts_at(i);
		set_add(&set, seen[i]);
	}
	for (i = 0; i < shared->count; i++)
	{
		ks_check_interrupts();
		counts[sorted[i].bucket] += set_add_all(&set, sorted[i].hashes, sorted[i].count);
	}
	ks_free(sorted);
}

void
ks_union_free(ks_union *shared)
{
	while (shared->blocks != NULL)
	{
		ks_hash_block *next = shared->blocks->next;

		ks_free(shared->blocks);
		shared->blocks = next;
	}
	if (shared->lists != NULL)
		ks_free(shared->lists);
	if (shared->table != NULL)
		ks_free(shared->table);
	ks_union_init(shared, shared->memory);
}
