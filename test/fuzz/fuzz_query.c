/*
 * fuzz_query: tallies that a fuzzer deals, through every query, against the model of
 * the unit tests (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/unit -o test/fuzz/fuzz_query test/fuzz/fuzz_query.c \
 *     src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c \
 *     src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c src/query/presence.c src/query/entry_scan.c \
 *     src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 * Run: test/fuzz/fuzz_query -max_total_time=60 -malloc_limit_mb=8
 *
 * The bytes are no tally, but what below() gives: how many events there are, in which of
 * several rows, with which keys, members and weights (which may take away what
 * others have put there), where the edges are and what is asked for.  When they
 * are used up the generator goes on from them.  Some inputs have their rows
 * damaged after that: then any answer will do.
 */
#include "answers.h"
#include "hash_lists.h"
#include "require.h"
#include "secret.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

static void
deal_round(round *r)
{
	static const uint32_t spans[] = {1, 12, 40, 100, 3000};
	setting		s = {.events = 60};
	uint32_t	flags = below(256);

	s.negative = flags & 1;
	s.cut = (flags & 6) == 6;
	s.mapped = (flags & 24) == 24;
	s.mixed = flags & 32;
	s.span = spans[below(5)];
	make_events(r, &s);
	require(pack_rows(r) && make_bins(r, &s));
	make_filter(r);
}

static void
free_rows(round *r)
{
	int			row;

	for (row = 0; row < ROWS; row++)
		free(r->bytes[row]);
}

/* A few bytes changed, counts and offsets among them, or the end cut off; rows that cannot be opened any longer become empty ones. */
static void
damage_row(round *r, int row)
{
	uint32_t	changes = 1 + below(4);
	size_t		size = r->size[row];
	uint8_t    *bytes = r->bytes[row];

	while (changes-- > 0)
	{
		uint32_t	how = below(4);

		/* counts and lengths are at the beginning, and of one byte where they are small */
		if (how == 0 && size > 4)
			ks_put_u32(bytes + below((uint32_t) (size < 40 ? size : 40) - 3), below(2) ? below(UINT32_MAX) : below((uint32_t) size + 1));
		else if (how == 1)
			bytes[below((uint32_t) size)] ^= (uint8_t) (1 << below(8));
		else
			bytes[below((uint32_t) size)] = (uint8_t) below(256);
	}
	if (below(8) == 0)
		size = below((uint32_t) size);
	/* an allocation of its own, so that the sanitizer sees a step too far */
	r->bytes[row] = malloc(size + 1);
	memcpy(r->bytes[row], bytes, size);
	free(bytes);
	r->size[row] = size;
	if (ks_view_open(&r->view[row], r->bytes[row], size) == KS_OK)
		return;
	memset(&r->view[row], 0, sizeof(r->view[row]));
	r->view[row].bytes = r->bytes[row];
}

/* ------------------------------------------------------------------------
 * Adding rows up
 * ------------------------------------------------------------------------
 */

static bool
same_bytes(ks_builder *builder, const stored *whole)
{
	stored		other = pack(builder);
	bool		result = same(whole, &other);

	free(other.bytes);
	return result;
}

/* Whether a share, asked without its name, answers as the whole does under that name. */
static bool
share_agrees(const round *r, ks_share *share, const stored *whole)
{
	ks_filter	none = {NULL, 0};
	stored		apart = pack(&share->builder);
	size_t		bytes = r->intervals.nbuckets * sizeof(int64_t);
	ks_status	first,
				second;
	ks_query	a,
				b;
	bool		good;

	ks_query_series(&a, NULL, &r->intervals, &none, true);
	ks_query_series(&b, NULL, &r->intervals, &none, true);
	first = ks_query_add(&a, &apart.view, NULL);
	second = ks_query_add(&b, &whole->view, &share->name);
	if (first == KS_OK && second == KS_OK)
	{
		first = ks_query_finish_series(&a);
		second = ks_query_finish_series(&b);
	}
	good = first == second && (first != KS_OK || (memcmp(a.counts, b.counts, bytes) == 0 && memcmp(a.distincts, b.distincts, bytes) == 0));
	ks_query_free(&a);
	ks_query_free(&b);
	free(apart.bytes);
	return good;
}

static void
check_shares(const round *r, const ks_builder *builder, const stored *whole)
{
	ks_share   *shares;
	uint32_t	count,
				i;
	int64_t		total = 0;

	require(ks_builder_split(builder, &shares, &count) == KS_OK);
	for (i = 0; i < count; i++)
	{
		uint32_t	k;

		for (k = 0; k < shares[i].builder.weights.count; k++)
			total += shares[i].builder.weights.entry[k].weight;
		if (shares[i].name.bytes != NULL)
			require(share_agrees(r, &shares[i], whole));
		else
			ks_builder_free(&shares[i].builder);
	}
	require(total == whole->view.header.total);
	free(shares);
}

/* Whether rows add up to the same in one list, by builders, cut in two, and to nothing when they are taken away again. */
static void
check_sums(const round *r)
{
	int32_t		at = (int32_t) below(512) - 1100;
	ks_builder	one,
				parts,
				cut,
				none;
	stored		whole;
	int			row;

	ks_builder_init(&one, NULL);
	ks_builder_init(&parts, NULL);
	ks_builder_init(&cut, NULL);
	ks_builder_init(&none, NULL);
	for (row = 0; row < ROWS; row++)
	{
		const ks_view *view = &r->view[row];
		ks_builder	part;

		ks_builder_init(&part, NULL);
		require(ks_builder_merge(&one, view, false) == KS_OK && ks_builder_merge(&part, view, false) == KS_OK &&
				ks_builder_add_all(&parts, &part) == KS_OK &&
				ks_builder_merge_range(&cut, view, false, at, KS_QUARTER_MAX + 1) == KS_OK &&
				ks_builder_merge_range(&cut, view, false, KS_QUARTER_MIN, at) == KS_OK &&
				ks_builder_merge(&none, view, false) == KS_OK);
		ks_builder_free(&part);
	}
	require(ks_builder_consolidate(&one) == KS_OK && ks_builder_bytes(&one) < 1000000);
	for (row = 0; row < ROWS; row++)
		require(ks_builder_merge(&none, &r->view[row], true) == KS_OK);
	require(ks_builder_consolidate(&none) == KS_OK && ks_builder_empty(&none));
	require(ks_pack(&one, 0, &whole.bytes, &whole.size) == KS_OK && ks_check(whole.bytes, whole.size, NULL) == KS_OK &&
			ks_view_open(&whole.view, whole.bytes, whole.size) == KS_OK);
	require(same_bytes(&parts, &whole) && same_bytes(&cut, &whole));
	check_shares(r, &one, &whole);
	ks_builder_free(&one);
	ks_builder_free(&none);
	free(whole.bytes);
}

/* ------------------------------------------------------------------------
 * One input
 * ------------------------------------------------------------------------
 */

/* Lists of hashes that are longer than any row here has members. */
static void
check_lists(void)
{
	static const uint32_t longest[] = {3, 100, 1000, 3000};
	uint32_t	number = longest[below(4)];
	uint32_t	range = below(3) ? number * 2 + 1 : below(2) ? 1 : 60000;
	kind		k = (kind) below(3);

	if (below(3))
		require(lists_agree(k, number, range, 1 + below(5), 1 + below(PIECE_BINS)));
	else
		require(first_pieces_agree(k, 1 + below(100), 1 + below(200), 1 + below(8), 1 + below(PIECE_BINS), below(100)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static round r;
	uint32_t	what;
	int			row;

	dealt = data;
	dealt_left = size;
	random_state = ks_hash_bytes(data, size);
	what = below(16);
	if (what == 0)
	{
		check_lists();
		return 0;
	}
	deal_round(&r);
	if (what < 4)
		check_sums(&r);
	else if (what < 10)
		require(answer_agrees(&r, below(QUESTIONS)));
	else
	{
		for (row = 0; row < ROWS; row++)
		{
			if (below(2))
				damage_row(&r, row);
		}
		(void) answer_agrees(&r, below(QUESTIONS));
	}
	free_rows(&r);
	return 0;
}
