/*
 * Chance: a generator that always begins in the same place, or what a fuzzer has
 * dealt, as long as it lasts.
 */
#ifndef KS_TEST_CHANCE_H
#define KS_TEST_CHANCE_H

#include <stddef.h>
#include <stdint.h>

static uint64_t random_state = 1;
static const uint8_t *dealt;
static size_t dealt_left;

static inline uint32_t
deal_byte(void)
{
	if (dealt_left == 0)
		return 0;
	dealt_left--;
	return *dealt++;
}

/* One of [0, limit). */
static inline uint32_t
below(uint32_t limit)
{
	uint32_t	most = limit - 1;
	uint32_t	value = 0;

	if (dealt_left > 0)
	{
		for (; most > 0; most >>= 8)
			value = value << 8 | deal_byte();
		return value % limit;
	}
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t) ((random_state >> 33) % limit);
}

#endif							/* KS_TEST_CHANCE_H */
