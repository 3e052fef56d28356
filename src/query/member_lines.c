/*
 * Distinct members of the lines of a short top list: a bit a line.
 *
 * A member is on many lines (a user writes from many countries), and in many rows. So each row's
 * entries are gone through once, in the order in which they are stored, and set bits of its members.
 * What is then looked up in a table of the members of all rows is a member with
 * all his lines, and not the members of each line.  Bits that the table has not got yet are what
 * the row brings; how many members bring each is added up for all lines at once.
 */
#include "query/member_lines.h"

#include "base/seed.h"

/* Binary logarithm of the least places that the table has. */
#define PLACES_LOG_MIN 6

/* So many hashes ahead their places are fetched from memory. */
#define AHEAD 16

void
ks_lines_init(ks_lines *lines, ks_memory memory)
{
	ks_seed_ready();
	memset(lines, 0, sizeof(*lines));
	lines->memory = memory;
}

/* ------------------------------------------------------------------------
 * The members of all rows
 * ------------------------------------------------------------------------
 */

/* The first place to look for a member. */
static inline uint64_t
place_of(uint64_t hash, int log)
{
	return ks_seeded_spread(hash) >> (64 - log);
}

/* Some bits where the place is another member's, none where it is his or free: which of these is as good as random, and no branch of its own. */
static inline uint64_t
is_other(const ks_lined *place, uint64_t hash)
{
	return (place->hash ^ hash) & -(uint64_t) (place->lines != 0);
}

/* The place of a member, or a free one for him. */
static inline ks_lined *
find_place(ks_lined *table, int log, uint64_t hash)
{
	uint64_t	mask = (UINT64_C(1) << log) - 1;
	uint64_t	at = place_of(hash, log);

	while (is_other(&table[at], hash) != 0)
		at = (at + 1) & mask;
	return &table[at];
}

/* Makes room for so many members, those who are there included: three places of four at most are taken. */
void
ks_lines_expect(ks_lines *lines, size_t members)
{
	ks_lined   *old = lines->table;
	size_t		size = old != NULL ? (size_t) 1 << lines->log : 0;
	int			log = PLACES_LOG_MIN;
	size_t		i;

	if (old != NULL && members <= size / 4 * 3)
		return;
	while (members > ((size_t) 1 << log) / 4 * 3)
		log++;
	lines->table = ks_alloc(lines->memory, sizeof(ks_lined) << log);
	memset(lines->table, 0, sizeof(ks_lined) << log);
	lines->log = log;
	for (i = 0; i < size; i++)
	{
		ks_check_interrupts_at(i);
		if (old[i].lines != 0)
			*find_place(lines->table, log, old[i].hash) = old[i];
	}
	if (old != NULL)
		ks_free(old);
}

/* Leaves of each member's lines those that he has not got in the table, where he has got them then. */
static void
leave_new(ks_lines *lines, const uint8_t *hashes, uint32_t nmembers)
{
	ks_lined   *table = lines->table;
	uint64_t   *of = lines->of;
	int			log = lines->log;
	uint32_t	i;

	for (i = 0; i < nmembers; i++)
	{
		uint64_t	hash = ks_get_u64(hashes + (size_t) i * 8);
		ks_lined   *place;
		uint64_t	known;

		ks_check_interrupts_at(i);
		if (i + AHEAD < nmembers)
			__builtin_prefetch(&table[place_of(ks_get_u64(hashes + (size_t) (i + AHEAD) * 8), log)], 1);
		if (of[i] == 0)
			continue;
		place = find_place(table, log, hash);
		known = place->lines;
		place->hash = hash;
		place->lines = known | of[i];
		of[i] &= ~known;
	}
}

/* ------------------------------------------------------------------------
 * How many have each bit
 * ------------------------------------------------------------------------
 */

/* Numbers of so many bits, one for each line: bit l of plane p is bit p of the number of line l. */
#define PLANES 12

/* Eight words are added at once, and so often before a number could overflow. */
#define EIGHTS_MAX ((1 << PLANES) / 8 - 1)

/* Adds three bits of each line: what is left of the sum replaces the first, what is carried is given back. */
static inline uint64_t
add_three(uint64_t *sum, uint64_t a, uint64_t b)
{
	uint64_t	either = *sum ^ a;
	uint64_t	carried = (*sum & a) | (either & b);

	*sum = either ^ b;
	return carried;
}

static inline void
add_eight(uint64_t *planes, const uint64_t *words)
{
	uint64_t	carried[4];
	uint64_t	carry;
	int			p;

	for (p = 0; p < 4; p++)
		carried[p] = add_three(&planes[0], words[2 * p], words[2 * p + 1]);
	carried[0] = add_three(&planes[1], carried[0], carried[1]);
	carried[1] = add_three(&planes[1], carried[2], carried[3]);
	carry = add_three(&planes[2], carried[0], carried[1]);
	for (p = 3; p < PLANES; p++)
	{
		uint64_t	both = planes[p] & carry;

		planes[p] ^= carry;
		carry = both;
	}
}

/* Adds the numbers to the counts, of lines that have any, and begins anew. */
static void
add_planes(uint64_t *planes, int64_t *counts)
{
	uint64_t	any = 0;
	int			p;

	for (p = 0; p < PLANES; p++)
		any |= planes[p];
	for (; any != 0; any &= any - 1)
	{
		int			line = __builtin_ctzll(any);

		for (p = 0; p < PLANES; p++)
			counts[line] += (int64_t) (planes[p] >> line & 1) << p;
	}
	memset(planes, 0, PLANES * sizeof(uint64_t));
}

/* Adds to the count of each line how many of the words have its bit. */
static void
count_bits(const uint64_t *words, uint32_t count, int64_t *counts)
{
	uint64_t	planes[PLANES] = {0};
	uint64_t	last[8] = {0};
	uint32_t	eights = 0;
	uint32_t	i;

	for (i = 0; count - i >= 8; i += 8)
	{
		ks_check_interrupts_at(i);
		add_eight(planes, words + i);
		if (++eights == EIGHTS_MAX)
		{
			add_planes(planes, counts);
			eights = 0;
		}
	}
	memcpy(last, words + i, (count - i) * sizeof(uint64_t));
	add_eight(planes, last);
	add_planes(planes, counts);
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* The lines of each of so many members, none of whom is on any yet. */
uint64_t *
ks_lines_start(ks_lines *lines, uint32_t nmembers)
{
	size_t		bytes = ((size_t) nmembers + 1) * sizeof(uint64_t);

	if (lines->of_size < bytes)
	{
		if (lines->of != NULL)
			ks_free(lines->of);
		lines->of = ks_alloc(lines->memory, bytes);
		lines->of_size = bytes;
	}
	memset(lines->of, 0, bytes);
	return lines->of;
}

/* Whether the row's members are on so many lines that they are better compared with all of them at once. */
bool
ks_lines_worth(const ks_lines *lines, uint32_t nmembers)
{
	int64_t		counts[KS_LINES_MAX] = {0};
	int64_t		places = 0;
	int64_t		members = 0;
	uint32_t	i;

	for (i = 0; i < nmembers; i++)
	{
		ks_check_interrupts_at(i);
		members += lines->of[i] != 0;
	}
	count_bits(lines->of, nmembers, counts);
	for (i = 0; i < KS_LINES_MAX; i++)
		places += counts[i];
	return places >= members * KS_LINES_A_MEMBER;
}

/* Adds to the count of each line the members of the row who are on it, and were not in any row before. */
void
ks_lines_unite(ks_lines *lines, const uint8_t *hashes, uint32_t nmembers, int64_t *counts)
{
	lines->used += nmembers;
	ks_lines_expect(lines, lines->used);
	leave_new(lines, hashes, nmembers);
	count_bits(lines->of, nmembers, counts);
}

void
ks_lines_free(ks_lines *lines)
{
	if (lines->table != NULL)
		ks_free(lines->table);
	if (lines->of != NULL)
		ks_free(lines->of);
	ks_lines_init(lines, lines->memory);
}
