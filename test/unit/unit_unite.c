/*
 * unit_unite: how many different hashes there are in several lists, against
 * sorting them all.  One TAP line a family of rounds.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_unite \
 *     test/unit/unit_unite.c src/tally/seed.c src/tally/unite.c
 */
#include "tally/unite.h"

#define MAX_PIECES 40
#define MAX_BINS 5

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", checks, name);
}

static uint64_t random_state = 7;

static uint64_t
next_random(void)
{
	uint64_t	z = random_state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static uint32_t
below(uint32_t limit)
{
	return (uint32_t) (next_random() % limit);
}

/* How hashes come to be; those of a piece must differ, so each is made from a number that does. */
typedef enum kind
{
	SPREAD,						/* as hashes are */
	SMALL,						/* small numbers, 0 among them */
	HIGH						/* nothing but high bits */
} kind;

static uint64_t
hash_of(kind k, uint64_t number)
{
	uint64_t	z = number * UINT64_C(0xD6E8FEB86659FD93);

	return k == SMALL ? number : k == HIGH ? number << 40 : (z ^ z >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

static int64_t
different(uint64_t *hashes, size_t count)
{
	int64_t		result = 0;
	size_t		i;

	qsort(hashes, count, sizeof(uint64_t), compare_hashes);
	for (i = 0; i < count; i++)
		result += i == 0 || hashes[i] != hashes[i - 1];
	return result;
}

/*
 * One round: pieces of at most so many hashes, each a run of numbers that begins
 * below range, so that a small range makes them overlap.
 */
static bool
round_agrees(kind k, uint32_t longest, uint32_t range, uint32_t npieces, uint32_t nbins)
{
	uint64_t   *all[MAX_BINS] = {NULL};
	size_t		total[MAX_BINS] = {0};
	int64_t		counts[MAX_BINS];
	ks_united	united;
	bool		good = true;
	uint32_t	p,
				i;

	ks_united_init(&united, NULL);
	for (i = 0; i < nbins; i++)
	{
		all[i] = malloc(((size_t) longest * npieces + 1) * sizeof(uint64_t));
		counts[i] = i;			/* is added to */
	}
	for (p = 0; p < npieces; p++)
	{
		uint32_t	bin = below(nbins);
		uint32_t	count = below(4) ? below(longest + 1) : below(longest / 50 + 2);
		uint64_t	start = below(range);
		uint8_t    *hashes = ks_united_room(&united, count);

		for (i = 0; i < count; i++)
		{
			uint64_t	hash = hash_of(k, start + i);

			ks_put_u64(hashes + (size_t) i * 8, hash);
			all[bin][total[bin]++] = hash;
		}
		ks_united_add(&united, bin, hashes, count);
	}
	ks_united_count(&united, nbins, counts);
	for (i = 0; i < nbins; i++)
	{
		good &= counts[i] == (int64_t) i + different(all[i], total[i]);
		free(all[i]);
	}
	ks_united_free(&united);
	return good;
}

static void
check_rounds(uint32_t longest, uint32_t rounds, const char *name)
{
	bool		good = true;
	uint32_t	i;

	for (i = 0; i < rounds; i++)
		good &= round_agrees((kind) (i % 3), longest, below(3) ? longest * 2 + 1 : below(2) ? 1 : UINT32_MAX,
							 1 + below(MAX_PIECES), 1 + below(MAX_BINS));
	ok(good, name);
}

static void
check_none(void)
{
	int64_t		counts[2] = {3, 4};
	uint8_t		zero[8] = {0};
	ks_united	united;

	ks_united_init(&united, NULL);
	ks_united_add(&united, 1, zero, 0);
	ks_united_count(&united, 2, counts);
	ok(counts[0] == 3 && counts[1] == 4, "nothing is nobody");
	ks_united_add(&united, 1, zero, 1);
	ks_united_add(&united, 1, zero, 1);
	ks_united_count(&united, 2, counts);
	ok(counts[0] == 3 && counts[1] == 5, "the hash 0 is a member like any other");
	ks_united_free(&united);
}

int
main(void)
{
	check_none();
	check_rounds(3, 3000, "a few members");
	check_rounds(300, 600, "hundreds of members");
	check_rounds(3000, 60, "thousands of members");
	check_rounds(20000, 12, "tens of thousands of members");
	check_rounds(200000, 3, "hundreds of thousands of members");
	printf("1..%d\n", checks);
	return failures > 0;
}
