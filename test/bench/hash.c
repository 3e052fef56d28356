/*
 * hash: what it takes to hash an id, by the hash that members have and by
 * others.  Prints a table, nanoseconds an id: the best of many runs, for what
 * else the machine does only adds to it.
 *
 * Build: cc -O2 -DKS_STANDALONE -Isrc -Itest/unit -o test/bench/hash test/bench/hash.c src/base/hash.c src/base/seed.c
 */
#include <time.h>

#include "base/hash.h"
#include "base/seed.h"
#include "xxh64.h"

#define IDS 16384
#define RUNS 200

/* ------------------------------------------------------------------------
 * SHA-256, of which the first 64 bits are taken
 * ------------------------------------------------------------------------
 */

static const uint32_t sha_start[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
};

/* Thirty-two bits of the fractions of the cube roots of the first primes. */
static uint32_t sha_constant[64];

/* The greatest x with x^3 <= prime * 2^96, less its whole part. */
static uint32_t
root_fraction(uint32_t prime)
{
	__extension__ unsigned __int128 limit = (unsigned __int128) prime << 96;
	uint64_t	root = 0;
	int			bit;

	for (bit = 34; bit >= 0; bit--)
	{
		__extension__ unsigned __int128 tried = root | UINT64_C(1) << bit;

		if (tried * tried * tried <= limit)
			root = (uint64_t) tried;
	}
	return (uint32_t) root;
}

static void
sha_prepare(void)
{
	uint32_t	number,
				divisor;
	int			found = 0;

	for (number = 2; found < 64; number++)
	{
		for (divisor = 2; divisor < number && number % divisor != 0; divisor++)
			;
		if (divisor == number)
			sha_constant[found++] = root_fraction(number);
	}
}

static inline uint32_t
turn(uint32_t value, int bits)
{
	return value >> bits | value << (32 - bits);
}

static void
sha_block(uint32_t *state, const uint8_t *block)
{
	uint32_t	w[64];
	uint32_t	a = state[0],
				b = state[1],
				c = state[2],
				d = state[3],
				e = state[4],
				f = state[5],
				g = state[6],
				h = state[7];
	int			i;

	for (i = 0; i < 16; i++)
		w[i] = (uint32_t) block[4 * i] << 24 | (uint32_t) block[4 * i + 1] << 16 | (uint32_t) block[4 * i + 2] << 8 | block[4 * i + 3];
	for (; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	for (i = 0; i < 64; i++)
	{
		uint32_t	x = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + sha_constant[i] + w[i];
		uint32_t	y = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + x;
		d = c;
		c = b;
		b = a;
		a = x + y;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static uint64_t
sha256(const void *data, size_t length)
{
	uint8_t		end[128] = {0};
	uint32_t	state[8];
	const uint8_t *p = data;
	size_t		left = length;
	size_t		size;
	int			i;

	memcpy(state, sha_start, sizeof(state));
	for (; left >= 64; left -= 64, p += 64)
		sha_block(state, p);
	memcpy(end, p, left);
	end[left] = 0x80;
	size = left < 56 ? 64 : 128;
	for (i = 0; i < 8; i++)
		end[size - 1 - i] = (uint8_t) ((uint64_t) length * 8 >> (8 * i));
	sha_block(state, end);
	if (size > 64)
		sha_block(state, end + 64);
	return (uint64_t) state[0] << 32 | state[1];
}

/* ------------------------------------------------------------------------
 * The table
 * ------------------------------------------------------------------------
 */

typedef uint64_t (*hash_function) (const void *data, size_t length);

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* So many different ids, over and over. */
static double
best(hash_function hash, uint8_t (*ids)[128], size_t length, int different)
{
	static volatile uint64_t sink;
	double		result = 1e9;
	int			run,
				i;

	for (run = 0; run < RUNS; run++)
	{
		uint64_t	sum = 0;
		double		began = now();
		double		took;

		for (i = 0; i < IDS; i++)
			sum += hash(ids[i % different], length);
		took = (now() - began) / IDS;
		sink = sum;
		result = took < result ? took : result;
	}
	(void) sink;
	return result;
}

int
main(void)
{
	static const struct
	{
		const char *name;
		hash_function hash;
		int			different;
	}			hashes[] = {
		{"XXH64", xxh64, IDS},
		{"SipHash-1-3, which needs a secret", ks_seeded_bytes, IDS},
		{"SHA-256, 64 bits of it", sha256, IDS},
		{"BLAKE2b, 64 bits", ks_hash_bytes, IDS},
		{"BLAKE2b, 64 bits, who came lately", ks_hash_member, 64},
		{"BLAKE2b, 64 bits, none of whom came lately", ks_hash_member, IDS},
	};
	static const size_t lengths[] = {8, 16, 36, 64, 100};
	static uint8_t ids[IDS][128];
	size_t		h,
				l;
	int			i,
				k;

	sha_prepare();
	ks_seed_draw();
	if (sha256("abc", 3) != UINT64_C(0xba7816bf8f01cfea))
		return 1;
	srand(1);
	for (i = 0; i < IDS; i++)
	{
		for (k = 0; k < 128; k++)
			ids[i][k] = (uint8_t) ('0' + rand() % 75);
	}
	printf("| nanoseconds an id of so many bytes |");
	for (l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
		printf(" %zu |", lengths[l]);
	printf("\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
	for (h = 0; h < sizeof(hashes) / sizeof(hashes[0]); h++)
	{
		printf("| %s |", hashes[h].name);
		for (l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
			printf(" %.3g |", best(hashes[h].hash, ids, lengths[l], hashes[h].different));
		printf("\n");
	}
	return 0;
}
