/*
 * BLAKE2b after RFC 7693, without a key, and a memory of recent members.
 */
#include "base/hash.h"
#include "base/bytes.h"

#define BLOCK 128
#define ROUNDS 12

/* The first word of parameters: no key, no tree, and the length of the digest. */
#define PARAMETERS UINT64_C(0x01010000)

#define MEMBER_BYTES 8

/* Ids up to this length are remembered, one in each of this many places. */
#define REMEMBERED_BYTES 71
#define PLACES_LOG 12

static const uint64_t initial[8] = {
	UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
	UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f), UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)
};

/* Which word of the block goes where, round by round. */
static const uint8_t order[ROUNDS][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}
};

static inline uint64_t
rotate(uint64_t value, int bits)
{
	return value >> bits | value << (64 - bits);
}

static ks_always_inline void
mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y)
{
	v[a] += v[b] + x;
	v[d] = rotate(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 24);
	v[a] += v[b] + y;
	v[d] = rotate(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 63);
}

static ks_always_inline void
mix_round(uint64_t *v, const uint64_t *word, const uint8_t *place)
{
	mix(v, 0, 4, 8, 12, word[place[0]], word[place[1]]);
	mix(v, 1, 5, 9, 13, word[place[2]], word[place[3]]);
	mix(v, 2, 6, 10, 14, word[place[4]], word[place[5]]);
	mix(v, 3, 7, 11, 15, word[place[6]], word[place[7]]);
	mix(v, 0, 5, 10, 15, word[place[8]], word[place[9]]);
	mix(v, 1, 6, 11, 12, word[place[10]], word[place[11]]);
	mix(v, 2, 7, 8, 13, word[place[12]], word[place[13]]);
	mix(v, 3, 4, 9, 14, word[place[14]], word[place[15]]);
}

/* Takes in a block; bytes: how many there have been with it. */
static void
take_block(uint64_t *state, const uint8_t *block, uint64_t bytes, bool last)
{
	uint64_t	v[16];
	uint64_t	word[16];
	int			i;

	for (i = 0; i < 8; i++)
	{
		v[i] = state[i];
		v[i + 8] = initial[i];
	}
	v[12] ^= bytes;
	if (last)
		v[14] = ~v[14];
	for (i = 0; i < 16; i++)
		word[i] = ks_get_u64(block + 8 * i);
	/* written out, the order of the words is known when this is compiled */
	mix_round(v, word, order[0]);
	mix_round(v, word, order[1]);
	mix_round(v, word, order[2]);
	mix_round(v, word, order[3]);
	mix_round(v, word, order[4]);
	mix_round(v, word, order[5]);
	mix_round(v, word, order[6]);
	mix_round(v, word, order[7]);
	mix_round(v, word, order[8]);
	mix_round(v, word, order[9]);
	mix_round(v, word, order[10]);
	mix_round(v, word, order[11]);
	for (i = 0; i < 8; i++)
		state[i] ^= v[i] ^ v[i + 8];
}

/* A digest of up to 64 bytes, which differs from the beginning of a longer one; the first byte of each number is its lowest. */
void
ks_blake2b(uint64_t *state, int digest_bytes, const void *data, size_t length)
{
	const uint8_t *p = data;
	uint8_t		block[BLOCK];
	size_t		left = length;

	memcpy(state, initial, sizeof(initial));
	state[0] ^= PARAMETERS ^ (uint64_t) digest_bytes;
	for (; left > BLOCK; left -= BLOCK, p += BLOCK)
		take_block(state, p, (uint64_t) (length - left) + BLOCK, false);
	memset(block, 0, sizeof(block));
	if (left > 0)
		memcpy(block, p, left);
	take_block(state, block, length, true);
}

uint64_t
ks_hash_bytes(const void *data, size_t length)
{
	uint64_t	state[8];

	ks_blake2b(state, MEMBER_BYTES, data, length);
	return state[0];
}

/* A member whose hash is known; length is 0 where there is none. */
typedef struct remembered
{
	uint64_t	hash;
	uint8_t		length;
	uint8_t		bytes[REMEMBERED_BYTES];
} remembered;

static remembered recent[1 << PLACES_LOG];

/* Where it would be remembered: ids differ mostly at their ends.  Somebody who makes many for one place only causes them to be hashed anew. */
static inline remembered *
place_of(const uint8_t *bytes, size_t length)
{
	uint64_t	end = length >= 8 ? ks_get_u64(bytes + length - 8) : bytes[length - 1] + (uint64_t) bytes[0] * 256 + bytes[length / 2];

	return &recent[end * UINT64_C(0x9E3779B97F4A7C15) >> (64 - PLACES_LOG)];
}

/* The same, quicker for recent members: one session has many events, each of them for several measures. */
uint64_t
ks_hash_member(const void *data, size_t length)
{
	remembered *known;

	if (length == 0 || length > REMEMBERED_BYTES)
		return ks_hash_bytes(data, length);
	known = place_of(data, length);
	if (known->length != length || memcmp(known->bytes, data, length) != 0)
	{
		known->length = 0;
		known->hash = ks_hash_bytes(data, length);
		memcpy(known->bytes, data, length);
		known->length = (uint8_t) length;
	}
	return known->hash;
}
