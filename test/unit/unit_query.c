/*
 * unit_query: questions to stored tallies, against a model that knows nothing
 * but a list of events.  Random tallies in several rows, random edges and
 * filters; one TAP line a family of rounds.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_query \
 *     test/unit/unit_query.c src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c \
 *     src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c src/query/presence.c \
 *     src/query/entry_scan.c src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 */
#include "answers.h"

/* ------------------------------------------------------------------------
 * Random rounds
 * ------------------------------------------------------------------------
 */

static void
check_rounds(const setting *s, int rounds, const char *name)
{
	static round r;
	bool		good = true;
	uint32_t	question;
	int			i,
				row;

	for (i = 0; i < rounds && good; i++)
	{
		make_events(&r, s);
		good = pack_rows(&r) && make_bins(&r, s);
		make_filter(&r);
		for (question = 0; question < QUESTIONS && good; question++)
			good = answer_agrees(&r, question);
		for (row = 0; row < ROWS; row++)
			free(r.bytes[row]);
	}
	ok(good, name);
	if (!good)
		printf("# in round %d\n", i);
}

/* ------------------------------------------------------------------------
 * Single cases
 * ------------------------------------------------------------------------
 */

static void
check_edges(void)
{
	int64_t		descending[] = {900000000, 0};
	int64_t		beyond[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
	int32_t		quarters[4];
	bool		cut[4];
	ks_intervals intervals = {quarters, cut, NULL, 0, 0};

	ok(!ks_intervals_set(&intervals, descending, 2), "edges that descend are refused");
	ok(ks_intervals_set(&intervals, beyond, 4) && quarters[0] == KS_QUARTER_MIN && quarters[3] == KS_QUARTER_MAX + 1 && !cut[0] && !cut[3] &&
	   ks_intervals_bucket_of_range(&intervals, KS_QUARTER_MIN, KS_QUARTER_MAX) == 1,
	   "edges beyond the countable years are drawn in");
	ok(ks_quarter_of(-1) == -1 && ks_quarter_of(0) == 0 && ks_quarter_of(-900000000) == -1 && ks_quarter_of(-900000001) == -2 &&
	   ks_quarter_of(899999999) == 0 && ks_quarter_of(900000000) == 1,
	   "instants before 2000 fall into their own quarter hour");
}

/* Two rows whose sums do not fit into 64 bits, in one bucket. */
static void
check_overflow(void)
{
	int64_t		edges[] = {0, 900000000};
	int32_t		quarters[2];
	bool		cut[2];
	ks_intervals intervals = {quarters, cut, NULL, 0, 1};
	ks_filter	filter = {NULL, 0};
	ks_string	key = {(const uint8_t *) "", 0};
	ks_builder	builder;
	ks_query	series,
				top;
	ks_view		view;
	uint8_t    *bytes;
	size_t		size;

	ks_intervals_set(&intervals, edges, 2);
	ks_builder_init(&builder, NULL);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, key), 0, INT64_MAX);
	ks_pack(&builder, 0, &bytes, &size);
	ks_view_open(&view, bytes, size);
	ks_query_series(&series, NULL, &intervals, &filter, false);
	ks_query_top(&top, NULL, &intervals, &filter, false, 0, 1);
	ok(ks_query_add(&series, &view, NULL) == KS_OK && series.counts[0] == INT64_MAX &&
	   ks_query_add(&series, &view, NULL) == KS_E_OVERFLOW, "a bin's sum that leaves 64 bits is refused");
	ok(ks_query_add(&top, &view, NULL) == KS_OK && top.total == INT64_MAX &&
	   ks_query_add(&top, &view, NULL) == KS_E_OVERFLOW, "a group's sum that leaves 64 bits is refused");
	ks_query_free(&series);
	ks_query_free(&top);
	ks_builder_free(&builder);
	free(bytes);
}

/* A member's first visit lies in a quarter that an edge cuts, and another row takes it away: the next one is the first. */
static void
check_first_seen_cut(void)
{
	int64_t		edges[] = {INT64_MIN, 1, 2 * KS_QUARTER_USECS, INT64_MAX};
	int32_t		quarters[4];
	bool		cut[4];
	ks_intervals intervals = {quarters, cut, NULL, 0, 3};
	ks_filter	none = {NULL, 0};
	ks_builder	added,
				removed;
	stored		rows[2];
	ks_query	query;
	ks_status	status;

	ks_intervals_set(&intervals, edges, 4);
	ks_builder_init(&added, NULL);
	ks_builder_init(&removed, NULL);
	ks_builder_add_member(&added, ks_dictionary_put(&added.keys, string_of("", 0)), 0, 1, 1);
	ks_builder_add_member(&added, 0, 2, 1, 1);
	ks_builder_add_member(&removed, ks_dictionary_put(&removed.keys, string_of("", 0)), 0, 1, -1);
	rows[0] = pack(&added);
	rows[1] = pack(&removed);
	ks_query_series(&query, NULL, &intervals, &none, true);
	query.first_seen = true;
	status = ks_query_add(&query, &rows[0].view, NULL);
	if (status == KS_OK)
		status = ks_query_add(&query, &rows[1].view, NULL);
	if (status == KS_OK)
		status = ks_query_finish_series(&query);
	ok(status == KS_OK && query.distincts[0] == 0 && query.distincts[1] == 0 && query.distincts[2] == 1,
	   "who was first seen where an edge cuts, and was taken away there, is new when he comes again");
	ks_query_free(&query);
	free(rows[0].bytes);
	free(rows[1].bytes);
}

/* More values than there may be in so many buckets. */
static void
check_cells(void)
{
	enum
	{
		BINS = 1000
	};
	static int64_t edges[BINS + 1];
	static int32_t quarters[BINS + 1];
	static bool cut[BINS + 1];
	ks_intervals intervals = {quarters, cut, NULL, 0, BINS};
	ks_filter	none = {NULL, 0};
	ks_builder	builder;
	ks_query	query;
	ks_view		view;
	uint8_t    *bytes;
	size_t		size;
	int			i;

	for (i = 0; i <= BINS; i++)
		edges[i] = i * KS_QUARTER_USECS;
	ks_intervals_set(&intervals, edges, BINS + 1);
	ks_builder_init(&builder, NULL);
	for (i = 0; i <= KS_QUERY_MAX_CELLS / BINS; i++)
	{
		uint8_t		name[16];
		char		digits[8];
		ks_string	key = {name, 0};

		snprintf(digits, sizeof(digits), "%d", i);
		key.length = (size_t) (ks_key_put(name, digits, strlen(digits)) - name);
		ks_builder_add(&builder, ks_dictionary_put(&builder.keys, key), i % BINS, 1);
	}
	ks_pack(&builder, 0, &bytes, &size);
	ks_view_open(&view, bytes, size);
	ks_query_top_series(&query, NULL, &intervals, &none, false, 0, 1);
	ok(ks_query_add(&query, &view, NULL) == KS_E_CELLS, "more values in bins than a list may be spread over are refused");
	ks_query_free(&query);
	ks_builder_free(&builder);
	free(bytes);
}

/* Two rows that share a hundred buckets: what is fetched of each must not grow with the buckets. */
static void
check_fetches(void)
{
	enum
	{
		BINS = 100
	};
	int64_t		edges[BINS + 1];
	int32_t		quarters[BINS + 1];
	bool		cut[BINS + 1];
	ks_intervals intervals = {quarters, cut, NULL, 0, BINS};
	ks_filter	none = {NULL, 0};
	ks_string	key = {(const uint8_t *) "", 0};
	ks_builder	builder;
	ks_query	query;
	ks_view		view;
	uint8_t    *bytes;
	size_t		size;
	bool		good;
	int			i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i <= BINS; i++)
	{
		edges[i] = i * KS_QUARTER_USECS;
		ks_builder_add_member(&builder, ks_dictionary_put(&builder.keys, key), i, 1, 1);
		ks_builder_add_member(&builder, 0, i, 2 + (uint64_t) i, 1);
	}
	ks_intervals_set(&intervals, edges, BINS + 1);
	ks_pack(&builder, 0, &bytes, &size);
	ks_view_open(&view, bytes, size);
	view.available = view.header.keys_at;
	view.fetch = fetch_copy;
	view.source = &rests[0];
	rests[0].bytes = bytes;
	rests[0].size = size;
	ks_query_series(&query, NULL, &intervals, &none, true);
	good = ks_query_add(&query, &view, NULL) == KS_OK && ks_query_add(&query, &view, NULL) == KS_OK &&
		ks_query_finish_series(&query) == KS_OK;
	for (i = 0; i < BINS; i++)
		good &= query.counts[i] == 4 && query.distincts[i] == 2;
	ok(good && still_fetched() <= 10, "rows that share many bins are not fetched bin by bin");
	ks_query_free(&query);
	free_rests();
	ks_builder_free(&builder);
	free(bytes);
}

/* Members whom the tables of presence have to make room for, in rows that share all buckets. */
static void
check_many(ks_presence_kind kind, uint32_t rows, uint32_t visits, uint32_t span, const char *name)
{
	enum
	{
		BINS = 60,
		PEOPLE = 8000
	};
	static bool present[PEOPLE][BINS];
	static int64_t expected[BINS * BINS];
	int64_t		edges[BINS + 1];
	int32_t		quarters[BINS + 1];
	bool		cut[BINS + 1];
	int32_t		windows[] = {1, 3, 10};
	ks_presence presence = {kind, windows, 3, NULL, 0};
	ks_intervals intervals = {quarters, cut, NULL, 0, BINS};
	ks_filter	none = {NULL, 0};
	ks_string	key = {(const uint8_t *) "", 0};
	uint8_t    *bytes[16];
	ks_query	query;
	uint32_t	row,
				i;
	bool		good = true;

	memset(present, 0, sizeof(present));
	memset(expected, 0, sizeof(expected));
	for (i = 0; i <= BINS; i++)
		edges[i] = i * KS_QUARTER_USECS;
	ks_intervals_set(&intervals, edges, BINS + 1);
	ks_query_series(&query, NULL, &intervals, &none, true);
	for (row = 0; row < rows; row++)
	{
		ks_builder	builder;
		ks_view		view;
		size_t		size;

		ks_builder_init(&builder, NULL);
		ks_dictionary_put(&builder.keys, key);
		for (i = 0; i < visits; i++)
		{
			uint32_t	bucket = below(BINS);
			/* people come and go: most are of the buckets around */
			uint32_t	who = (bucket * span + below(span * 4 + 1)) % PEOPLE;

			present[who][bucket] = true;
			ks_builder_add_member(&builder, 0, (int32_t) bucket, (uint64_t) who * UINT64_C(0x9E3779B97F4A7C15), 1);
		}
		good &= ks_pack(&builder, 0, &bytes[row], &size) == KS_OK;
		good &= ks_view_open(&view, bytes[row], size) == KS_OK && ks_query_add(&query, &view, NULL) == KS_OK;
		ks_builder_free(&builder);
	}
	good &= ks_presence_find(&query, &presence) == KS_OK;
	for (i = 0; i < PEOPLE; i++)
		expect_present(present[i], BINS, &presence, expected);
	if (kind == KS_PRESENT_MEMBERS)
		good &= members_listed(&presence) == expected[0];
	for (i = 0; i < presence.count && kind != KS_PRESENT_MEMBERS; i++)
		good &= presence.numbers[i] == expected[i];
	ok(good, name);
	free(presence.numbers);
	ks_query_free(&query);
	for (row = 0; row < rows; row++)
		free(bytes[row]);
}

int
main(void)
{
	static const setting plain = {.span = 40};
	static const setting wide = {.span = 30000, .mixed = true};
	static const setting wider = {.span = 3000000, .mixed = true, .negative = true};
	static const setting negative = {.span = 40, .negative = true};
	static const setting cut = {.span = 40, .cut = true, .mixed = true};
	static const setting cut_negative = {.span = 12, .cut = true, .mixed = true, .negative = true};
	static const setting cancelled = {.span = 2, .events = 5, .cut = true, .mixed = true, .negative = true};
	static const setting mapped = {.span = 40, .mapped = true, .mixed = true};
	static const setting mapped_cut = {.span = 40, .mapped = true, .mixed = true, .cut = true};
	static const setting mixed = {.span = 100, .mixed = true};
	static const setting everything = {.span = 30, .mixed = true, .mapped = true, .negative = true};

	check_edges();
	check_overflow();
	check_fetches();
	check_first_seen_cut();
	check_cells();
	check_many(KS_PRESENT_LATELY, 16, 350, 130, "members of the last bins, in more rows than there is room for at first");
	check_many(KS_PRESENT_LATELY, 16, 4000, 130, "members of the last bins, of whom most are forgotten on the way");
	check_many(KS_PRESENT_LATELY, 2, 4000, 1000, "members of the last bins, all of them new people");
	check_many(KS_PRESENT_COHORTS, 3, 4000, 100, "members by their first bin");
	check_many(KS_PRESENT_MEMBERS, 16, 4000, 100, "all members");
	check_rounds(&plain, 150, "plain rows");
	check_rounds(&wide, 150, "rows that span years");
	check_rounds(&wider, 150, "rows that span centuries, weights below zero");
	check_rounds(&negative, 150, "weights below zero");
	check_rounds(&cut, 150, "edges inside quarter hours");
	check_rounds(&cut_negative, 150, "edges inside quarter hours, weights below zero");
	check_rounds(&cancelled, 600, "edges inside quarter hours, in which weights may add up to nothing");
	check_rounds(&mapped, 150, "bins out of order, and segments in none");
	check_rounds(&mapped_cut, 150, "bins out of order, edges inside quarter hours");
	check_rounds(&mixed, 150, "rows that hold several measures");
	check_rounds(&everything, 150, "mixed rows, bins out of order, weights below zero");
	printf("1..%d\n", checks);
	return failures > 0;
}
