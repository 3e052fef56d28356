/*
 * unit_version: bytes of an earlier version of the stored form, without a server.
 * The version of this build is 2, which stores as version 1 does but for its number.
 * One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -DKS_FORMAT_VERSION=2 -Isrc -o test/unit/unit_version \
 *     test/unit/unit_version.c src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c \
 *     src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c \
 *     src/query/entry_scan.c src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 */
#include "stored.h"

/* Whether bytes are renewed, and what for. */
static bool
renews_to(const uint8_t *bytes, size_t size, const stored *wanted)
{
	uint8_t    *renewed;
	size_t		renewed_size;
	bool		good;

	if (ks_renew(bytes, size, NULL, 3, &renewed, &renewed_size) != KS_OK)
		return false;
	good = renewed_size == wanted->size && memcmp(renewed + 3, wanted->bytes, renewed_size) == 0;
	free(renewed);
	return good;
}

/* Of damaged bytes, that what they are renewed to is a tally; counts those that were refused. */
static bool
renewed_well(const uint8_t *bytes, size_t size, int *refused)
{
	uint8_t    *renewed;
	size_t		renewed_size;
	bool		good;

	if (ks_renew(bytes, size, NULL, 0, &renewed, &renewed_size) != KS_OK)
	{
		(*refused)++;
		return true;
	}
	good = ks_check(renewed, renewed_size, NULL) == KS_OK;
	free(renewed);
	return good;
}

static void
check_renewal(void)
{
	bool		older = true,
				readable = true,
				refused_as_new = true,
				renewed = true,
				damaged = true;
	int			refused = 0;
	int			i;

	for (i = 0; i < 300; i++)
	{
		stored		a = random_tally(below(200));
		uint8_t    *old = malloc(a.size);
		ks_view		view;
		size_t		at;

		memcpy(old, a.bytes, a.size);
		old[0] = 1;
		older &= ks_is_older(old, a.size) && !ks_is_older(a.bytes, a.size);
		readable &= ks_view_open(&view, old, a.size) == KS_OK && view.header.total == a.view.header.total;
		refused_as_new &= ks_check(old, a.size, NULL) == KS_E_CORRUPT;
		renewed &= renews_to(old, a.size, &a);
		for (at = 1; at < a.size; at += 1 + below(9))
		{
			uint8_t		before = old[at];

			old[at] ^= (uint8_t) (1 << below(8));
			damaged &= renewed_well(old, a.size, &refused);
			old[at] = before;
		}
		free(old);
		free(a.bytes);
	}
	ok(older, "bytes of an earlier version are known as such");
	ok(readable, "and read as they are stored");
	ok(refused_as_new, "they are not what this version writes");
	ok(renewed, "from outside, they become what this version writes");
	ok(damaged && refused > 1000, "damaged ones are refused, or become a tally");
}

int
main(void)
{
	stored		a;

	check_renewal();
	a = random_tally(10);
	a.bytes[0] = 3;
	ok(!ks_is_older(a.bytes, a.size) && ks_view_open(&a.view, a.bytes, a.size) == KS_E_VERSION, "a later version is refused");
	a.bytes[0] = 0;
	ok(!ks_is_older(a.bytes, a.size) && ks_view_open(&a.view, a.bytes, a.size) == KS_E_CORRUPT, "version 0 never was");
	free(a.bytes);
	printf("1..%d\n", checks);
	return failures > 0;
}
