/*
 * Lists of hashes, and how many different ones there are in them by sorting them
 * all.
 */
#ifndef KS_TEST_PIECES_H
#define KS_TEST_PIECES_H

#include "query/union.h"

#include "chance.h"

#define MAX_PIECES 40
#define PIECE_BINS 5

/* How hashes come to be; those of a list must differ, so each is made from a number that does. */
typedef enum kind
{
	SPREAD,						/* as hashes are */
	SMALL,						/* small numbers, 0 among them */
	HIGH						/* nothing but high bits */
} kind;

/* A hash, and the bucket that it is given to. */
typedef struct given
{
	uint64_t	hash;
	uint32_t	bucket;
} given;

static uint64_t
hash_of(kind k, uint64_t number)
{
	uint64_t	z = number * UINT64_C(0xD6E8FEB86659FD93);

	return k == SMALL ? number : k == HIGH ? number << 40 : (z ^ z >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

static int
compare_given(const void *a, const void *b)
{
	const given *x = a;
	const given *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/*
 * Deals lists of at most so many hashes, each a run of numbers that begins below
 * range, so that a small range makes them overlap; what was given, sorted.
 */
static given *
deal_lists(ks_union *shared, kind k, uint32_t longest, uint32_t range, uint32_t nlists, uint32_t nbuckets, size_t *ngiven)
{
	given	   *all = malloc(((size_t) longest * nlists + 1) * sizeof(given));
	size_t		total = 0;
	uint32_t	p,
				i;

	for (p = 0; p < nlists; p++)
	{
		uint32_t	bucket = below(nbuckets);
		uint32_t	count = below(4) ? below(longest + 1) : below(longest / 50 + 2);
		uint64_t	start = below(range);
		uint8_t    *hashes = ks_union_room(shared, count);

		for (i = 0; i < count; i++, total++)
		{
			all[total].hash = hash_of(k, start + i);
			all[total].bucket = bucket;
			ks_put_u64(hashes + (size_t) i * 8, all[total].hash);
		}
		ks_union_add(shared, bucket, hashes, count);
	}
	qsort(all, total, sizeof(given), compare_given);
	*ngiven = total;
	return all;
}

/* Whether the different hashes of each bucket are counted. */
static bool
lists_agree(kind k, uint32_t longest, uint32_t range, uint32_t nlists, uint32_t nbuckets)
{
	int64_t		counts[PIECE_BINS];
	int64_t		expected[PIECE_BINS];
	ks_union	shared;
	given	   *all;
	size_t		total,
				i;

	ks_union_init(&shared, NULL);
	for (i = 0; i < nbuckets; i++)
		counts[i] = expected[i] = (int64_t) i;	/* is added to */
	all = deal_lists(&shared, k, longest, range, nlists, nbuckets, &total);
	for (i = 0; i < total; i++)
		expected[all[i].bucket] += i == 0 || compare_given(&all[i], &all[i - 1]) != 0;
	ks_union_count(&shared, nbuckets, counts);
	ks_union_free(&shared);
	free(all);
	return memcmp(counts, expected, nbuckets * sizeof(int64_t)) == 0;
}

/* Whether each hash is counted in the first bucket that has it, but for the first nseen, which were seen before. */
static bool
first_pieces_agree(kind k, uint32_t longest, uint32_t range, uint32_t nlists, uint32_t nbuckets, uint32_t nseen)
{
	int64_t		counts[PIECE_BINS] = {0};
	int64_t		expected[PIECE_BINS] = {0};
	uint64_t   *seen = malloc(((size_t) nseen + 1) * sizeof(uint64_t));
	ks_union	shared;
	given	   *all;
	size_t		total,
				i,
				s;

	ks_union_init(&shared, NULL);
	for (i = 0; i < nseen; i++)
		seen[i] = hash_of(k, i);
	all = deal_lists(&shared, k, longest, range, nlists, nbuckets, &total);
	for (i = 0; i < total; i++)
	{
		if (i > 0 && all[i].hash == all[i - 1].hash)
			continue;
		for (s = 0; s < nseen && seen[s] != all[i].hash; s++)
			;
		expected[all[i].bucket] += s == nseen;
	}
	ks_union_first_seen(&shared, nbuckets, seen, nseen, counts);
	ks_union_free(&shared);
	free(all);
	free(seen);
	return memcmp(counts, expected, sizeof(counts)) == 0;
}

#endif							/* KS_TEST_PIECES_H */
