/*
 * Union: how many different members there are in several lists of hashes.
 */
#ifndef KS_QUERY_UNION_H
#define KS_QUERY_UNION_H

#include "base/bytes.h"

/* So many hashes of a bucket, as they are stored; no two of a list are the same. */
typedef struct ks_hash_list
{
	const uint8_t *hashes;
	uint32_t	count;
	uint32_t	bucket;
} ks_hash_list;

/* What is taken for hashes that do not stand side by side where they are stored. */
typedef struct ks_hash_block
{
	struct ks_hash_block *next;
	size_t		used;			/* bytes behind this header */
	size_t		size;
} ks_hash_block;

typedef struct ks_union
{
	ks_memory	memory;
	ks_hash_list *lists;
	size_t		count;
	size_t		size;
	ks_hash_block *blocks;
	uint64_t   *table;			/* a set of hashes, 0 where there is none */
	size_t		table_size;
} ks_union;

extern void ks_union_init(ks_union *shared, ks_memory memory);
extern void ks_union_add(ks_union *shared, uint32_t bucket, const uint8_t *hashes, size_t count);
extern uint8_t *ks_union_room(ks_union *shared, size_t count);
extern ks_hash_list *ks_union_sorted(const ks_union *shared, uint32_t nbuckets);
extern void ks_union_count(ks_union *shared, uint32_t nbuckets, int64_t *counts);
extern void ks_union_first_seen(ks_union *shared, uint32_t nbuckets, const uint64_t *seen, size_t nseen, int64_t *counts);
extern void ks_union_free(ks_union *shared);

#endif							/* KS_QUERY_UNION_H */
