/*
 * How tables in memory are indexed: by hashes with a secret of this process.
 *
 * What goes into them is chosen by strangers (ids, paths, bots), who must not
 * be able to choose where it goes: in one place, each would be compared with
 * all others.  Nothing that is stored or answered depends on the secret.
 */
#ifndef KS_SEED_H
#define KS_SEED_H

#include "base/port.h"

typedef struct ks_seed
{
	bool		drawn;
	uint64_t	key[2];			/* of SipHash */
	uint64_t	multiplier[2];	/* odd */
} ks_seed;

extern ks_seed ks_process_seed;

extern void ks_seed_set(const uint64_t *secret);
extern void ks_seed_draw(void);
extern uint64_t ks_seeded_bytes(const void *data, size_t length);
extern uint64_t ks_seeded_pair(uint64_t a, uint64_t b);

/* Before a table is first used. */
static inline void
ks_seed_ready(void)
{
	if (!ks_process_seed.drawn)
		ks_seed_draw();
}

/*
 * For numbers that are hashes already: of the product, only the highest bits may
 * be used.  The multiplier being odd and secret, two numbers, whatever they are,
 * have n of these in common by a chance of at most 2 in 2^n.
 */
static inline uint64_t
ks_seeded_spread(uint64_t number)
{
	return number * ks_process_seed.multiplier[0];
}

/* Likewise, by another secret. */
static inline uint64_t
ks_seeded_spread_again(uint64_t number)
{
	return number * ks_process_seed.multiplier[1];
}

#endif							/* KS_SEED_H */
