/*
 * fuzz_tally: hostile bytes through the check and the folds (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/fuzz -o test/fuzz/fuzz_tally test/fuzz/fuzz_tally.c \
 *     src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c \
 *     src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c src/query/entry_scan.c \
 *     src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 * Run: test/fuzz/fuzz_tally -max_total_time=60 -malloc_limit_mb=8
 *
 * No corpus is needed: the mutator makes well-formed tallies to begin with, and
 * now and then makes one again from what the mutations have left.  Inputs have
 * a few kilobytes, so no single allocation may have megabytes: memory is
 * proportional to the bytes, not to the counts that they claim.
 */
#include "tally/builder.h"
#include "query/query.h"

#include "secret.h"

size_t		LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t		LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state;

static uint32_t
below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t) ((random_state >> 33) % limit);
}

/* The packed form of a builder, if it fits. */
static size_t
pack_into(ks_builder *builder, uint8_t *data, size_t max_size)
{
	uint8_t    *bytes;
	size_t		size;

	if (ks_pack(builder, 0, &bytes, &size) != KS_OK)
		return 0;
	if (size <= max_size)
		memcpy(data, bytes, size);
	free(bytes);
	return size <= max_size ? size : 0;
}

static size_t
make_tally(uint8_t *data, size_t max_size)
{
	int32_t		span = below(4) ? 100 : 100000;
	uint32_t	events = below(40);
	ks_builder	builder;
	size_t		size;

	ks_builder_init(&builder, NULL);
	while (events-- > 0)
	{
		uint8_t		bytes[32];
		uint8_t    *at = bytes;
		uint32_t	parts = below(4);
		ks_string	key = {bytes, 0};
		int32_t		quarter = (int32_t) below((uint32_t) span) - 50;
		int64_t		weight = below(8) ? 1 : (int64_t) below(2000) - 1000;

		while (parts-- > 0)
			at = ks_key_put(at, below(3) ? "web" : NULL, below(4));
		key.length = (size_t) (at - bytes);
		if (below(2))
			ks_builder_add(&builder, ks_dictionary_put(&builder.keys, key), quarter, weight);
		else
			ks_builder_add_member(&builder, ks_dictionary_put(&builder.keys, key), quarter, below(20), weight);
		ks_bounds_note(&builder.bounds, quarter * KS_QUARTER_USECS, weight < 0);
	}
	size = pack_into(&builder, data, max_size);
	ks_builder_free(&builder);
	return size;
}

/* The tally that is left in damaged bytes, as far as they can be merged. */
static size_t
mend_tally(uint8_t *data, size_t size, size_t max_size)
{
	ks_builder	builder;
	ks_view		view;
	size_t		result = 0;

	if (ks_view_open(&view, data, size) != KS_OK || view.header.size != size)
		return size;
	ks_builder_init(&builder, NULL);
	ks_builder_merge(&builder, &view, below(4) == 0);
	result = pack_into(&builder, data, max_size);
	ks_builder_free(&builder);
	return result > 0 ? result : size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	random_state = seed;
	if (size < KS_HEADER_MIN || below(50) == 0)
		return make_tally(data, max_size);
	size = LLVMFuzzerMutate(data, size, max_size);
	return below(4) ? size : mend_tally(data, size, max_size);
}

static void
series_agg(const ks_view *view, ks_intervals *intervals, ks_filter *filter, const ks_string *prefix, uint32_t rows)
{
	ks_query	query;
	ks_status	status = KS_OK;

	ks_query_series(&query, NULL, intervals, filter, true);
	while (status == KS_OK && rows-- > 0)
		status = ks_query_add(&query, view, prefix);
	if (status == KS_OK)
		ks_query_finish_series(&query);
	ks_query_free(&query);
}

static void
top_agg(const ks_view *view, ks_intervals *intervals, ks_filter *filter, uint32_t skip)
{
	ks_query	query;
	ks_top_line *lines = NULL;
	uint32_t	count;

	ks_query_top(&query, NULL, intervals, filter, true, skip, 1);
	if (ks_query_add(&query, view, NULL) == KS_OK)
		ks_query_finish_top(&query, 3, &lines, &count);
	free(lines);
	ks_query_free(&query);
}

/* What passed the check must be what it says: it can be taken away from itself, and packed again. */
static void
use_checked(const ks_view *view)
{
	ks_builder	builder;
	uint8_t    *bytes;
	size_t		size;

	ks_builder_init(&builder, NULL);
	if (ks_builder_merge(&builder, view, false) != KS_OK)
		abort();
	if (ks_builder_merge(&builder, view, true) == KS_OK)
	{
		if (ks_builder_consolidate(&builder) != KS_OK || !ks_builder_empty(&builder) || ks_pack(&builder, 0, &bytes, &size) != KS_OK ||
			ks_check(bytes, size, NULL) != KS_OK)
			abort();
		free(bytes);
	}
	ks_builder_free(&builder);
}

/* Whatever an earlier version may have written, what is made of it is a tally. */
static void
renew(const uint8_t *data, size_t size)
{
	uint8_t    *bytes;
	size_t		renewed;

	if (ks_renew(data, size, NULL, 0, &bytes, &renewed) != KS_OK)
		return;
	if (ks_check(bytes, renewed, NULL) != KS_OK)
		abort();
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t days[] = {INT64_MIN, -1, 0, 1, 96 * KS_QUARTER_USECS, 192 * KS_QUARTER_USECS, INT64_MAX};
	int64_t		whole[] = {INT64_MIN, -50 * KS_QUARTER_USECS, 0, 96 * KS_QUARTER_USECS, 192 * KS_QUARTER_USECS, INT64_MAX};
	int32_t		quarters[7];
	bool		cut[7];
	int32_t		order[] = {1, -1, 0, 2, 1};
	ks_intervals intervals = {quarters, cut, NULL, 0, 5};
	ks_condition condition = {0, true, {(const uint8_t *) "web", 3}};
	ks_filter	none = {NULL, 0};
	ks_filter	filter = {&condition, 1};
	ks_view		view;

	renew(data, size);
	if (ks_check(data, size, NULL) == KS_OK && ks_view_open(&view, data, size) == KS_OK)
		use_checked(&view);
	/* whoever reads a damaged page has not checked it */
	if (ks_view_open(&view, data, size) != KS_OK)
		return 0;
	if (view.header.size > size)
		view.available = size;
	ks_intervals_set(&intervals, whole, 6);
	series_agg(&view, &intervals, &none, NULL, 2);
	series_agg(&view, &intervals, &filter, NULL, 1);
	series_agg(&view, &intervals, &none, &condition.value, 1);
	top_agg(&view, &intervals, &none, 0);
	top_agg(&view, &intervals, &filter, 1);
	intervals.bucket_of = order;
	intervals.nbuckets = 3;
	series_agg(&view, &intervals, &filter, NULL, 2);
	intervals.bucket_of = NULL;
	ks_intervals_set(&intervals, days, 7);
	intervals.nbuckets = 6;
	series_agg(&view, &intervals, &none, NULL, 1);
	return 0;
}
