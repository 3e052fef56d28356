/*
 * Lists of hashes, and how many different ones there are in them by sorting them
 * all.
 */
#ifndef KS_TEST_PIECES_H
#define KS_TEST_PIECES_H

#include "tally/unite.h"

#include "chance.h"

#define MAX_PIECES 40
#define PIECE_BINS 5

/* How hashes come to be; those of a piece must differ, so each is made from a number that does. */
typedef enum kind
{
	SPREAD,						/* as hashes are */
	SMALL,						/* small numbers, 0 among them */
	HIGH						/* nothing but high bits */
} kind;

/* A hash, and the bin that it is given to. */
typedef struct given
{
	uint64_t	hash;
	uint32_t	bin;
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
	return (x->bin > y->bin) - (x->bin < y->bin);
}

/*
 * Deals pieces of at most so many hashes, each a run of numbers that begins below
 * range, so that a small range makes them overlap; what was given, sorted.
 */
static given *
deal_pieces(ks_united *united, kind k, uint32_t longest, uint32_t range, uint32_t npieces, uint32_t nbins, size_t *ngiven)
{
	given	   *all = malloc(((size_t) longest * npieces + 1) * sizeof(given));
	size_t		total = 0;
	uint32_t	p,
				i;

	for (p = 0; p < npieces; p++)
	{
		uint32_t	bin = below(nbins);
		uint32_t	count = below(4) ? below(longest + 1) : below(longest / 50 + 2);
		uint64_t	start = below(range);
		uint8_t    *hashes = ks_united_room(united, count);

		for (i = 0; i < count; i++, total++)
		{
			all[total].hash = hash_of(k, start + i);
			all[total].bin = bin;
			ks_put_u64(hashes + (size_t) i * 8, all[total].hash);
		}
		ks_united_add(united, bin, hashes, count);
	}
	qsort(all, total, sizeof(given), compare_given);
	*ngiven = total;
	return all;
}

/* Whether the different hashes of each bin are counted. */
static bool
pieces_agree(kind k, uint32_t longest, uint32_t range, uint32_t npieces, uint32_t nbins)
{
	int64_t		counts[PIECE_BINS];
	int64_t		expected[PIECE_BINS];
	ks_united	united;
	given	   *all;
	size_t		total,
				i;

	ks_united_init(&united, NULL);
	for (i = 0; i < nbins; i++)
		counts[i] = expected[i] = (int64_t) i;	/* is added to */
	all = deal_pieces(&united, k, longest, range, npieces, nbins, &total);
	for (i = 0; i < total; i++)
		expected[all[i].bin] += i == 0 || compare_given(&all[i], &all[i - 1]) != 0;
	ks_united_count(&united, nbins, counts);
	ks_united_free(&united);
	free(all);
	return memcmp(counts, expected, nbins * sizeof(int64_t)) == 0;
}

/* Whether each hash is counted in the first bin that has it, but for the first nseen, which were seen before. */
static bool
first_pieces_agree(kind k, uint32_t longest, uint32_t range, uint32_t npieces, uint32_t nbins, uint32_t nseen)
{
	int64_t		counts[PIECE_BINS] = {0};
	int64_t		expected[PIECE_BINS] = {0};
	uint64_t   *seen = malloc(((size_t) nseen + 1) * sizeof(uint64_t));
	ks_united	united;
	given	   *all;
	size_t		total,
				i,
				s;

	ks_united_init(&united, NULL);
	for (i = 0; i < nseen; i++)
		seen[i] = hash_of(k, i);
	all = deal_pieces(&united, k, longest, range, npieces, nbins, &total);
	for (i = 0; i < total; i++)
	{
		if (i > 0 && all[i].hash == all[i - 1].hash)
			continue;
		for (s = 0; s < nseen && seen[s] != all[i].hash; s++)
			;
		expected[all[i].bin] += s == nseen;
	}
	ks_united_firsts(&united, nbins, seen, nseen, counts);
	ks_united_free(&united);
	free(all);
	free(seen);
	return memcmp(counts, expected, sizeof(counts)) == 0;
}

#endif							/* KS_TEST_PIECES_H */
