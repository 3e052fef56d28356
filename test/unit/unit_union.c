/*
 * unit_union: how many different hashes there are in several lists, against
 * sorting them all.  One TAP line a family of rounds.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_union \
 *     test/unit/unit_union.c src/base/seed.c src/query/union.c
 */
#include "hash_lists.h"

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

static void
check_rounds(uint32_t longest, uint32_t rounds, const char *name)
{
	bool		good = true;
	uint32_t	i;

	for (i = 0; i < rounds; i++)
		good &= lists_agree((kind) (i % 3), longest, below(3) ? longest * 2 + 1 : below(2) ? 1 : UINT32_MAX,
							1 + below(MAX_PIECES), 1 + below(PIECE_BINS));
	ok(good, name);
}

static void
check_none(void)
{
	int64_t		counts[2] = {3, 4};
	uint8_t		zero[8] = {0};
	ks_union	shared;

	ks_union_init(&shared, NULL);
	ks_union_add(&shared, 1, zero, 0);
	ks_union_count(&shared, 2, counts);
	ok(counts[0] == 3 && counts[1] == 4, "nothing is nobody");
	ks_union_add(&shared, 1, zero, 1);
	ks_union_add(&shared, 1, zero, 1);
	ks_union_count(&shared, 2, counts);
	ok(counts[0] == 3 && counts[1] == 5, "the hash 0 is a member like any other");
	ks_union_free(&shared);
}

static void
check_firsts(void)
{
	bool		good = true;
	uint32_t	i;

	for (i = 0; i < 600; i++)
		good &= first_pieces_agree((kind) (i % 3), 1 + below(300), 1 + below(600), 1 + below(10), 1 + below(PIECE_BINS), below(300));
	ok(good, "each member in the first bin it is in, and nobody who was seen before");
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
	check_firsts();
	printf("1..%d\n", checks);
	return failures > 0;
}
