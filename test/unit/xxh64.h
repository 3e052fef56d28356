/*
 * XXH64 after its published specification, and many texts that it cannot tell
 * apart: what a quick hash allows whoever chooses the text.
 *
 * A round can be undone, so that for any eight bytes of one stripe there are
 * eight of the next that lead the lane to a given state.  Each of four lanes
 * is brought to its state in twelve ways, all of them printable: 12^4 texts of
 * 64 bytes with one hash, whatever the seed.
 */
#ifndef KS_TEST_XXH64_H
#define KS_TEST_XXH64_H

#include "base/bytes.h"

#define XXH_1 UINT64_C(0x9E3779B185EBCA87)
#define XXH_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define XXH_3 UINT64_C(0x165667B19E3779F9)
#define XXH_4 UINT64_C(0x85EBCA77C2B2AE63)
#define XXH_5 UINT64_C(0x27D4EB2F165667C5)

static inline uint64_t
xxh_rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline uint64_t
xxh_round(uint64_t lane, uint64_t input)
{
	return xxh_rotate(lane + input * XXH_2, 31) * XXH_1;
}

static inline uint64_t
xxh_merge(uint64_t hash, uint64_t lane)
{
	return (hash ^ xxh_round(0, lane)) * XXH_1 + XXH_4;
}

/* Four lanes over stripes of 32 bytes; advances *at past them. */
static inline uint64_t
xxh_stripes(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;
	uint64_t	a = XXH_1 + XXH_2;
	uint64_t	b = XXH_2;
	uint64_t	c = 0;
	uint64_t	d = -XXH_1;
	uint64_t	hash;

	for (; end - p >= 32; p += 32)
	{
		a = xxh_round(a, ks_get_u64(p));
		b = xxh_round(b, ks_get_u64(p + 8));
		c = xxh_round(c, ks_get_u64(p + 16));
		d = xxh_round(d, ks_get_u64(p + 24));
	}
	*at = p;

	hash = xxh_rotate(a, 1) + xxh_rotate(b, 7) + xxh_rotate(c, 12) + xxh_rotate(d, 18);
	hash = xxh_merge(hash, a);
	hash = xxh_merge(hash, b);
	hash = xxh_merge(hash, c);
	return xxh_merge(hash, d);
}

static inline uint64_t
xxh64(const void *data, size_t length)
{
	const uint8_t *p = data;
	const uint8_t *end = p + length;
	uint64_t	hash = length >= 32 ? xxh_stripes(&p, end) : XXH_5;

	hash += length;
	for (; end - p >= 8; p += 8)
		hash = xxh_rotate(hash ^ xxh_round(0, ks_get_u64(p)), 27) * XXH_1 + XXH_4;
	if (end - p >= 4)
	{
		hash = xxh_rotate(hash ^ ks_get_u32(p) * XXH_1, 23) * XXH_2 + XXH_3;
		p += 4;
	}
	for (; p < end; p++)
		hash = xxh_rotate(hash ^ *p * XXH_5, 11) * XXH_1;

	hash = (hash ^ hash >> 33) * XXH_2;
	hash = (hash ^ hash >> 29) * XXH_3;
	return hash ^ hash >> 32;
}

#define WAYS 12
#define SAME_TEXTS (WAYS * WAYS * WAYS * WAYS)

static inline uint64_t
inverse(uint64_t odd)
{
	uint64_t	result = odd;
	int			i;

	for (i = 0; i < 5; i++)
		result *= 2 - odd * result;
	return result;
}

static inline uint64_t
printable_word(uint64_t *state)
{
	uint64_t	result = 0;
	int			i;

	for (i = 0; i < 8; i++)
	{
		*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
		result = result << 8 | ('a' + (*state >> 33) % 26);
	}
	return result;
}

static inline bool
is_printable(uint64_t word)
{
	int			i;

	for (i = 0; i < 64; i += 8)
	{
		uint8_t		byte = (uint8_t) (word >> i);

		if (byte < '0' || byte > 'z' || byte == '\\')
			return false;
	}
	return true;
}

/* Two words of one lane, in so many ways, after which it is in the same state. */
static inline void
find_ways(uint64_t start, uint64_t (*ways)[2], uint64_t *state)
{
	uint64_t	end = xxh_round(xxh_round(start, printable_word(state)), printable_word(state));
	int			found = 0;

	while (found < WAYS)
	{
		uint64_t	first = printable_word(state);
		uint64_t	second = (xxh_rotate(end * inverse(XXH_1), 33) - xxh_round(start, first)) * inverse(XXH_2);

		if (is_printable(second))
		{
			ways[found][0] = first;
			ways[found++][1] = second;
		}
	}
}

/* SAME_TEXTS different texts of 64 bytes. */
static inline uint8_t (*same_texts(void))[64]
{
	static const uint64_t starts[4] = {XXH_1 + XXH_2, XXH_2, 0, -XXH_1};
	uint8_t		(*result)[64] = malloc(SAME_TEXTS * sizeof(*result));
	uint64_t	ways[4][WAYS][2];
	uint64_t	state = 1;
	uint32_t	i;
	int			lane;

	for (lane = 0; lane < 4; lane++)
		find_ways(starts[lane], ways[lane], &state);
	for (i = 0; i < SAME_TEXTS; i++)
	{
		uint32_t	rest = i;

		for (lane = 0; lane < 4; lane++, rest /= WAYS)
		{
			ks_put_u64(result[i] + 8 * lane, ways[lane][rest % WAYS][0]);
			ks_put_u64(result[i] + 32 + 8 * lane, ways[lane][rest % WAYS][1]);
		}
	}
	return result;
}

#endif							/* KS_TEST_XXH64_H */
