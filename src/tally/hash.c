/*
 * XXH64 after its published specification.
 */
#include "tally/hash.h"

#include "tally/bytes.h"

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

static inline uint64_t
rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline uint64_t
round_64(uint64_t lane, uint64_t input)
{
	return rotate(lane + input * PRIME_2, 31) * PRIME_1;
}

static inline uint64_t
merge_lane(uint64_t hash, uint64_t lane)
{
	return (hash ^ round_64(0, lane)) * PRIME_1 + PRIME_4;
}

/* Four lanes over stripes of 32 bytes; advances *at past them. */
static uint64_t
hash_stripes(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;
	uint64_t	a = PRIME_1 + PRIME_2;
	uint64_t	b = PRIME_2;
	uint64_t	c = 0;
	uint64_t	d = -PRIME_1;
	uint64_t	hash;

	for (; end - p >= 32; p += 32)
	{
		a = round_64(a, ks_get_u64(p));
		b = round_64(b, ks_get_u64(p + 8));
		c = round_64(c, ks_get_u64(p + 16));
		d = round_64(d, ks_get_u64(p + 24));
	}
	*at = p;

	hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
	hash = merge_lane(hash, a);
	hash = merge_lane(hash, b);
	hash = merge_lane(hash, c);
	return merge_lane(hash, d);
}

uint64_t
ks_hash_bytes(const void *data, size_t length)
{
	const uint8_t *p = data;
	const uint8_t *end = p + length;
	uint64_t	hash = length >= 32 ? hash_stripes(&p, end) : PRIME_5;

	hash += length;
	for (; end - p >= 8; p += 8)
		hash = rotate(hash ^ round_64(0, ks_get_u64(p)), 27) * PRIME_1 + PRIME_4;
	if (end - p >= 4)
	{
		hash = rotate(hash ^ ks_get_u32(p) * PRIME_1, 23) * PRIME_2 + PRIME_3;
		p += 4;
	}
	for (; p < end; p++)
		hash = rotate(hash ^ *p * PRIME_5, 11) * PRIME_1;

	hash = (hash ^ hash >> 33) * PRIME_2;
	hash = (hash ^ hash >> 29) * PRIME_3;
	return hash ^ hash >> 32;
}
