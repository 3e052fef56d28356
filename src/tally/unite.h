/*
 * United: how many different members there are in several lists of hashes.
 */
#ifndef KS_TALLY_UNITE_H
#define KS_TALLY_UNITE_H

#include "tally/bytes.h"

/* So many hashes of a bin, as they are stored; no two of a piece are the same. */
typedef struct ks_piece
{
	const uint8_t *hashes;
	uint32_t	count;
	uint32_t	bin;
} ks_piece;

/* What is taken for hashes that do not stand side by side where they are stored. */
typedef struct ks_hash_block
{
	struct ks_hash_block *next;
	size_t		used;			/* bytes behind this header */
	size_t		size;
} ks_hash_block;

typedef struct ks_united
{
	ks_memory	memory;
	ks_piece   *pieces;
	size_t		count;
	size_t		size;
	ks_hash_block *blocks;
	uint64_t   *table;			/* a set of hashes, 0 where there is none */
	size_t		table_size;
} ks_united;

extern void ks_united_init(ks_united *united, ks_memory memory);
extern void ks_united_add(ks_united *united, uint32_t bin, const uint8_t *hashes, size_t count);
extern uint8_t *ks_united_room(ks_united *united, size_t count);
extern ks_piece *ks_united_sorted(const ks_united *united, uint32_t nbins);
extern void ks_united_count(ks_united *united, uint32_t nbins, int64_t *counts);
extern void ks_united_firsts(ks_united *united, uint32_t nbins, const uint64_t *seen, size_t nseen, int64_t *counts);
extern void ks_united_free(ks_united *united);

#endif							/* KS_TALLY_UNITE_H */
