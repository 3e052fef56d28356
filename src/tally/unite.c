/*
 * How many different members there are in several lists of hashes.
 *
 * The lists (pieces) stay where they are, and each has a member once.  Few
 * hashes go through a small set: all but the longest piece are put into it, and
 * the longest is only looked up.  Of many hashes most are there once, which a
 * bitmap that fits the processor's cache can tell: what finds its bit set, by
 * chance or not, is suspect, and only what shares a second bitmap with the
 * suspects goes through sets, each for a part that is small again.
 */
#include "tally/unite.h"

#include "tally/seed.h"

/* Up to so many hashes go through one set. */
#define FEW 4096

/* The set has so many places a hash, at least. */
#define PLACES 2

/* Bits of the bitmap that says which hashes are not in the set at all, for each that is, and logarithms of the least and the most. */
#define BITS_A_PLACE 32
#define FILTER_LOG_MIN 10
#define FILTER_LOG_MAX 17

/* Bits of the first bitmap for each hash, and the binary logarithm of the most bits: 512 kB, half of a usual second-level cache. */
#define BITS_A_HASH 8
#define MARKS_LOG_MAX 22

/* Bits of the second bitmap for each suspect. */
#define BITS_A_SUSPECT 16

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
ks_united_init(ks_united *united, ks_memory memory)
{
	ks_seed_ready();
	memset(united, 0, sizeof(*united));
	united->memory = memory;
}

/* Adds hashes, no two of which are the same, to a bin; they must stay until all is counted. */
void
ks_united_add(ks_united *united, uint32_t bin, const uint8_t *hashes, size_t count)
{
	ks_piece   *piece;

	if (count == 0)
		return;
	if (united->count == united->size)
	{
		united->size = united->size > 0 ? 2 * united->size : 64;
		united->pieces = united->pieces == NULL ? ks_alloc(united->memory, united->size * sizeof(ks_piece))
			: ks_realloc(united->pieces, united->size * sizeof(ks_piece));
	}
	piece = &united->pieces[united->count++];
	piece->hashes = hashes;
	piece->count = (uint32_t) count;
	piece->bin = bin;
}

/* Room for the hashes of a piece, eight bytes each, that stays until all is counted. */
uint8_t *
ks_united_room(ks_united *united, size_t count)
{
	ks_hash_block *block = united->blocks;
	uint8_t    *result;

	if (block == NULL || block->size - block->used < count * 8)
	{
		bool		own = count * 8 > BLOCK_BYTES / 4;
		size_t		size = own ? count * 8 : BLOCK_BYTES;

		block = ks_alloc(united->memory, BLOCK_HEADER + size);
		block->used = 0;
		block->size = size;
		if (own && united->blocks != NULL)
		{
			/* full from the start: the block before goes on being filled */
			block->next = united->blocks->next;
			united->blocks->next = block;
		}
		else
		{
			block->next = united->blocks;
			united->blocks = block;
		}
	}
	result = (uint8_t *) block + BLOCK_HEADER + block->used;
	block->used += count * 8;
	return result;
}

/* An empty set of at least that many places, a power of two; gives back its logarithm. */
static int
empty_set(ks_united *united, size_t places)
{
	int			log = log_above(places, 6, 40);
	size_t		size = (size_t) 1 << log;

	if (united->table_size < size)
	{
		if (united->table != NULL)
			ks_free(united->table);
		united->table = ks_alloc(united->memory, size * sizeof(uint64_t));
		united->table_size = size;
	}
	memset(united->table, 0, size * sizeof(uint64_t));
	return log;
}

/* The place of a hash in the set, or the empty one where it belongs. */
static inline uint64_t *
find_place(uint64_t *table, int log, uint64_t hash, int skipped)
{
	uint64_t	mask = (UINT64_C(1) << log) - 1;
	uint64_t	at = spread_hash(hash) << skipped >> (64 - log);

	while (table[at] != hash && table[at] != 0)
		at = (at + 1) & mask;
	return &table[at];
}

/* How many different hashes there are among these; of their spread bits so many are the same in all. */
static int64_t
count_in_set(ks_united *united, const uint64_t *hashes, size_t count, int skipped)
{
	int			log = empty_set(united, count * PLACES);
	uint64_t   *table = united->table;
	int64_t		result = 0;
	bool		zero = false;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		uint64_t   *place = find_place(table, log, hashes[i], skipped);

		result += *place == 0 && hashes[i] != 0;
		zero |= hashes[i] == 0;
		*place = hashes[i];
	}
	return result + zero;
}

/* The same for any number, by parts of the spread hashes that go through a set each. */
static int64_t
count_in_parts(ks_united *united, const uint64_t *hashes, size_t count)
{
	int			log = log_above(count / (FEW / 2) + 1, 1, 10);
	size_t		nparts = (size_t) 1 << log;
	uint64_t   *sorted;
	size_t		end[1024 + 1];
	int64_t		result = 0;
	size_t		i;

	if (count <= FEW)
		return count_in_set(united, hashes, count, 0);
	memset(end, 0, sizeof(end));
	for (i = 0; i < count; i++)
	{
		ks_check_interrupts_at(i);
		end[(spread_hash(hashes[i]) >> (64 - log)) + 1]++;
	}
	for (i = 1; i <= nparts; i++)
		end[i] += end[i - 1];
	sorted = ks_alloc(united->memory, count * sizeof(uint64_t));
	/* end[p] is where part p begins, and where it ends when it has been filled */
	for (i = 0; i < count; i++)
	{
		ks_check_interrupts_at(i);
		sorted[end[spread_hash(hashes[i]) >> (64 - log)]++] = hashes[i];
	}
	for (i = 0; i < nparts; i++)
	{
		size_t		begin = i > 0 ? end[i - 1] : 0;

		ks_check_interrupts();
		result += count_in_set(united, sorted + begin, end[i] - begin, log);
	}
	ks_free(sorted);
	return result;
}

/* Puts the hashes of all pieces but the longest into a set, and marks them in the filter; gives back how many there are. */
static int64_t
put_others(ks_united *united, int log, const ks_piece *pieces, size_t npieces, size_t longest, uint64_t *filter, int filter_log)
{
	int64_t		result = 0;
	bool		zero = false;
	size_t		p;
	uint32_t	i;

	for (p = 0; p < npieces; p++)
	{
		for (i = 0; p != longest && i < pieces[p].count; i++)
		{
			uint64_t	hash = ks_get_u64(pieces[p].hashes + (size_t) i * 8);
			uint64_t	mark = spread_hash(hash) >> (64 - filter_log);
			uint64_t   *place = find_place(united->table, log, hash, 0);

			filter[mark >> 6] |= UINT64_C(1) << (mark & 63);
			result += *place == 0 && hash != 0;
			zero |= hash == 0;
			*place = hash;
		}
	}
	return result + zero;
}

/* Whether the hash 0 is in one of the pieces but the longest. */
static bool
others_have_zero(const ks_piece *pieces, size_t npieces, size_t longest)
{
	size_t		p;
	uint32_t	i;

	for (p = 0; p < npieces; p++)
	{
		for (i = 0; p != longest && i < pieces[p].count; i++)
		{
			if (ks_get_u64(pieces[p].hashes + (size_t) i * 8) == 0)
				return true;
		}
	}
	return false;
}

/* Of few hashes: those of the longest piece are looked up in a set of the others, if the filter does not say that they are not there. */
static int64_t
count_few(ks_united *united, const ks_piece *pieces, size_t npieces, size_t longest, size_t others)
{
	uint64_t	filter[(1 << FILTER_LOG_MAX) / 64];
	int			filter_log = log_above(others * BITS_A_PLACE, FILTER_LOG_MIN, FILTER_LOG_MAX);
	int			log = empty_set(united, others * PLACES);
	const uint8_t *hashes = pieces[longest].hashes;
	int64_t		result;
	uint32_t	i;

	memset(filter, 0, ((size_t) 1 << filter_log) / 8);
	result = put_others(united, log, pieces, npieces, longest, filter, filter_log) + pieces[longest].count;
	for (i = 0; i < pieces[longest].count; i++)
	{
		uint64_t	hash = ks_get_u64(hashes + (size_t) i * 8);
		uint64_t	mark = spread_hash(hash) >> (64 - filter_log);

		ks_check_interrupts_at(i);
		if (filter[mark >> 6] >> (mark & 63) & 1)
			result -= hash != 0 ? *find_place(united->table, log, hash, 0) == hash : others_have_zero(pieces, npieces, longest);
	}
	return result;
}

/* Sets the bit of each hash; collects those whose bit was set before. */
static size_t
collect_suspects(const ks_piece *pieces, size_t npieces, uint64_t *marks, int log, uint64_t *suspects)
{
	size_t		found = 0;
	size_t		p;
	uint32_t	i;

	for (p = 0; p < npieces; p++)
	{
		const uint8_t *hashes = pieces[p].hashes;
		uint32_t	count = pieces[p].count;

		ks_check_interrupts();
		for (i = 0; i < count; i++)
		{
			uint64_t	hash = ks_get_u64(hashes + (size_t) i * 8);
			uint64_t	mark = spread_hash(hash) >> (64 - log);
			uint64_t	word = marks[mark >> 6];

			ks_check_interrupts_at(i);
			suspects[found] = hash;
			found += word >> (mark & 63) & 1;
			marks[mark >> 6] = word | UINT64_C(1) << (mark & 63);
		}
	}
	return found;
}

/* Collects every hash that shares its bit of a second bitmap with a suspect, in the place of the suspects. */
static size_t
collect_candidates(const ks_piece *pieces, size_t npieces, uint64_t *marks, int log, uint64_t *suspects, size_t nsuspects)
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
	for (p = 0; p < npieces; p++)
	{
		const uint8_t *hashes = pieces[p].hashes;
		uint32_t	count = pieces[p].count;

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

static int64_t
count_many(ks_united *united, const ks_piece *pieces, size_t npieces, size_t total)
{
	int			log = log_above(total * BITS_A_HASH, 12, total > (size_t) 1 << MARKS_LOG_MAX ? 30 : MARKS_LOG_MAX);
	uint64_t   *marks = ks_alloc(united->memory, ((size_t) 1 << log) / 8);
	uint64_t   *suspects = ks_alloc(united->memory, (total + 1) * sizeof(uint64_t));
	size_t		count;
	int64_t		result = (int64_t) total;

	memset(marks, 0, ((size_t) 1 << log) / 8);
	count = collect_suspects(pieces, npieces, marks, log, suspects);
	if (count > 0)
	{
		count = collect_candidates(pieces, npieces, marks, log_above(count * BITS_A_SUSPECT, 12, log), suspects, count);
		result += count_in_parts(united, suspects, count) - (int64_t) count;
	}
	ks_free(marks);
	ks_free(suspects);
	return result;
}

/* How many different hashes the pieces of one bin have. */
static int64_t
count_bin(ks_united *united, const ks_piece *pieces, size_t npieces)
{
	size_t		longest = 0;
	size_t		total = 0;
	size_t		p;

	for (p = 0; p < npieces; p++)
	{
		total += pieces[p].count;
		longest = pieces[p].count > pieces[longest].count ? p : longest;
	}
	if (npieces <= 1)
		return (int64_t) total;
	if (total - pieces[longest].count <= FEW)
		return count_few(united, pieces, npieces, longest, total - pieces[longest].count);
	return count_many(united, pieces, npieces, total);
}

/* The pieces in the order of their bins; end is filled in: those of bin b end at end[b], where the next bin's begin. */
static ks_piece *
sort_pieces(const ks_united *united, uint32_t nbins, size_t *end)
{
	ks_piece   *sorted = ks_alloc(united->memory, (united->count + 1) * sizeof(ks_piece));
	size_t		i;

	memset(end, 0, ((size_t) nbins + 1) * sizeof(size_t));
	for (i = 0; i < united->count; i++)
		end[united->pieces[i].bin + 1]++;
	for (i = 1; i <= nbins; i++)
		end[i] += end[i - 1];
	for (i = 0; i < united->count; i++)
		sorted[end[united->pieces[i].bin]++] = united->pieces[i];
	return sorted;
}

/* Adds to the count of each bin how many different members it was given. */
void
ks_united_count(ks_united *united, uint32_t nbins, int64_t *counts)
{
	size_t	   *end;
	ks_piece   *sorted;
	size_t		i;

	if (united->count == 0)
		return;
	end = ks_alloc(united->memory, ((size_t) nbins + 1) * sizeof(size_t));
	sorted = sort_pieces(united, nbins, end);
	for (i = 0; i < nbins; i++)
	{
		size_t		begin = i > 0 ? end[i - 1] : 0;

		ks_check_interrupts();
		counts[i] += count_bin(united, sorted + begin, end[i] - begin);
	}
	ks_free(sorted);
	ks_free(end);
}

/* All pieces, those of a bin side by side, bins ascending; the caller frees the list. */
ks_piece *
ks_united_sorted(const ks_united *united, uint32_t nbins)
{
	size_t	   *end = ks_alloc(united->memory, ((size_t) nbins + 1) * sizeof(size_t));
	ks_piece   *result = sort_pieces(united, nbins, end);

	ks_free(end);
	return result;
}

/* A set that may hold the hash 0, too. */
typedef struct full_set
{
	uint64_t   *table;
	int			log;
	bool		zero;
} full_set;

/* Whether the hash was not in the set, which it is now. */
static inline bool
set_add(full_set *set, uint64_t hash)
{
	uint64_t   *place;
	bool		result = !set->zero;

	if (hash == 0)
	{
		set->zero = true;
		return result;
	}
	place = find_place(set->table, set->log, hash, 0);
	result = *place == 0;
	*place = hash;
	return result;
}

/* Adds to the count of each bin how many of its members no bin before it was given; those that were seen before count nowhere. */
void
ks_united_firsts(ks_united *united, uint32_t nbins, const uint64_t *seen, size_t nseen, int64_t *counts)
{
	size_t	   *end = ks_alloc(united->memory, ((size_t) nbins + 1) * sizeof(size_t));
	ks_piece   *sorted = sort_pieces(united, nbins, end);
	size_t		total = nseen;
	full_set	set = {NULL, 0, false};
	size_t		p,
				i;

	for (p = 0; p < united->count; p++)
		total += united->pieces[p].count;
	set.log = empty_set(united, total * PLACES);
	set.table = united->table;
	for (i = 0; i < nseen; i++)
	{
		ks_check_interrupts_at(i);
		set_add(&set, seen[i]);
	}
	for (p = 0; p < united->count; p++)
	{
		ks_check_interrupts();
		for (i = 0; i < sorted[p].count; i++)
		{
			ks_check_interrupts_at(i);
			counts[sorted[p].bin] += set_add(&set, ks_get_u64(sorted[p].hashes + i * 8));
		}
	}
	ks_free(sorted);
	ks_free(end);
}

void
ks_united_free(ks_united *united)
{
	while (united->blocks != NULL)
	{
		ks_hash_block *next = united->blocks->next;

		ks_free(united->blocks);
		united->blocks = next;
	}
	if (united->pieces != NULL)
		ks_free(united->pieces);
	if (united->table != NULL)
		ks_free(united->table);
	ks_united_init(united, united->memory);
}
