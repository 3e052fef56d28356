/*
 * unit_member_lines: how many different members each line has over several rows,
 * against a table of all members.  One TAP line a family of rounds.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_member_lines \
 *     test/unit/unit_member_lines.c src/query/member_lines.c src/base/seed.c
 */
#include "chance.h"

#include "query/member_lines.h"

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

/* Hashes of members: 0 is one; those of a crowd have all but a few bits in common. */
static uint64_t
hash_of(uint32_t member, bool crowd)
{
	return crowd ? (uint64_t) member << 52 | member : member * UINT64_C(0x9E3779B97F4A7C15);
}

/* Rows in which each of the members is with some chance, on lines by chance, or on none. */
static bool
round_agrees(uint32_t members, uint32_t rows, uint32_t nlines, uint32_t chance, bool crowd)
{
	uint64_t   *all = calloc(members, sizeof(uint64_t));
	uint8_t    *hashes = malloc((size_t) members * 8);
	int64_t		counts[KS_LINES_MAX] = {0};
	int64_t		expected[KS_LINES_MAX] = {0};
	ks_lines	lines;
	bool		good = true;
	uint32_t	row,
				i,
				line;

	ks_lines_init(&lines, NULL);
	/* there may be more members than were expected */
	ks_lines_expect(&lines, below(3) ? (size_t) members * rows : below(5000));
	for (row = 0; row < rows; row++)
	{
		uint64_t   *of = ks_lines_start(&lines, members);
		uint32_t	n = 0;

		for (i = 0; i < members; i++)
		{
			if (below(chance) > 0)
				continue;
			ks_put_u64(hashes + (size_t) n * 8, hash_of(i, crowd));
			for (line = 0; line < nlines; line++)
			{
				if (below(3) > 0)
					continue;
				of[n] |= UINT64_C(1) << line;
				expected[line] += (all[i] >> line & 1) == 0;
				all[i] |= UINT64_C(1) << line;
			}
			n++;
		}
		ks_lines_unite(&lines, hashes, n, counts);
	}
	for (line = 0; line < nlines; line++)
		good &= counts[line] == expected[line];
	ks_lines_free(&lines);
	free(hashes);
	free(all);
	return good;
}

static void
check_rounds(uint32_t most, uint32_t rounds, const char *name)
{
	bool		good = true;
	uint32_t	i;

	for (i = 0; i < rounds; i++)
		good &= round_agrees(1 + below(most), 1 + below(6), 1 + below(KS_LINES_MAX), 1 + below(3), false);
	ok(good, name);
}

int
main(void)
{
	ks_lines	none;
	int64_t		counts[1] = {7};

	ks_lines_init(&none, NULL);
	ks_lines_start(&none, 0);
	ks_lines_unite(&none, NULL, 0, counts);
	ks_lines_free(&none);
	ok(counts[0] == 7, "nothing is nobody");
	check_rounds(5, 2000, "a few members");
	check_rounds(500, 200, "hundreds of members");
	check_rounds(20000, 6, "tens of thousands of members");
	ok(round_agrees(100000, 4, 30, 1, false) && round_agrees(60000, 3, 64, 2, false), "a hundred thousand members");
	ok(round_agrees(4000, 5, 10, 1, true), "hashes that are much alike");
	printf("1..%d\n", checks);
	return failures > 0;
}
