/*
 * SipHash-1-3 with a random key, drawn once per process.
 */
#include "base/seed.h"
#include "base/bytes.h"

ks_seed		ks_process_seed;

typedef struct sip
{
	uint64_t	v0,
				v1,
				v2,
				v3;
} sip;

/* Takes another secret, of four numbers, while there is no table: for tests. */
void
ks_seed_set(const uint64_t *secret)
{
	ks_process_seed.key[0] = secret[0];
	ks_process_seed.key[1] = secret[1];
	ks_process_seed.multiplier[0] = secret[2] | 1;
	ks_process_seed.multiplier[1] = secret[3] | 1;
	ks_process_seed.drawn = true;
}

void
ks_seed_draw(void)
{
	uint64_t	secret[4];

	ks_draw_random(secret, sizeof(secret));
	ks_seed_set(secret);
}

static inline uint64_t
rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline void
sip_round(sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline sip
sip_start(void)
{
	sip			result;

	result.v0 = ks_process_seed.key[0] ^ UINT64_C(0x736f6d6570736575);
	result.v1 = ks_process_seed.key[1] ^ UINT64_C(0x646f72616e646f6d);
	result.v2 = ks_process_seed.key[0] ^ UINT64_C(0x6c7967656e657261);
	result.v3 = ks_process_seed.key[1] ^ UINT64_C(0x7465646279746573);
	return result;
}

static inline void
sip_take(sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t
sip_end(sip *s)
{
	s->v2 ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t
ks_seeded_bytes(const void *data, size_t length)
{
	const uint8_t *p = data;
	uint64_t	last = (uint64_t) length << 56;
	sip			s = sip_start();
	size_t		left;

	for (left = length; left >= 8; left -= 8, p += 8)
		sip_take(&s, ks_get_u64(p));
	while (left-- > 0)
		last |= (uint64_t) p[left] << (8 * left);
	sip_take(&s, last);
	return sip_end(&s);
}

/* The same for the sixteen bytes of two numbers. */
uint64_t
ks_seeded_pair(uint64_t a, uint64_t b)
{
	sip			s = sip_start();

	sip_take(&s, a);
	sip_take(&s, b);
	sip_take(&s, UINT64_C(16) << 56);
	return sip_end(&s);
}
