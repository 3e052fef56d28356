/*
 * unit_fold: questions to stored tallies, against a model that knows nothing
 * but a list of events.  Random tallies in several rows, random edges and
 * filters; one TAP line a family of rounds.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_fold \
 *     test/unit/unit_fold.c src/tally/bins.c src/tally/builder.c src/tally/distinct.c src/tally/entries.c src/tally/filter.c \
 *     src/tally/fold.c src/tally/hash.c src/tally/headcount.c src/tally/key.c src/tally/ledger.c src/tally/newcomer.c src/tally/pack.c \
 *     src/tally/scan.c src/tally/seed.c src/tally/unite.c src/tally/view.c src/tally/visit.c src/tally/weigh.c
 */
#include "model.h"

/* ------------------------------------------------------------------------
 * The folds against it
 * ------------------------------------------------------------------------
 */

/* The rest of a row, as the server would fetch it: copies of just those stretches, which sanitizers watch. */
typedef struct stored_rest
{
	const uint8_t *bytes;
	uint8_t    *fetched[512];
	int			nfetched;
} stored_rest;

static stored_rest rests[ROWS];

static const uint8_t *
fetch_copy(void *source, size_t from, size_t length)
{
	stored_rest *rest = source;
	uint8_t    *copy = malloc(length > 0 ? length : 1);

	if (rest->nfetched == 512)
		abort();
	rest->fetched[rest->nfetched++] = copy;
	return memcpy(copy, rest->bytes + from, length);
}

static void
free_fetched(void *source)
{
	stored_rest *rest = source;

	while (rest->nfetched > 0)
		free(rest->fetched[--rest->nfetched]);
}

static int
still_fetched(void)
{
	int			result = 0;
	int			row;

	for (row = 0; row < ROWS; row++)
		result += rests[row].nfetched;
	return result;
}

static void
free_rests(void)
{
	int			row;

	for (row = 0; row < ROWS; row++)
		free_fetched(&rests[row]);
}

static ks_status
add_rows(round *r, ks_fold *fold)
{
	ks_string	mine = {(const uint8_t *) "mine", 4};
	ks_status	status = KS_OK;
	int			row;

	for (row = 0; row < ROWS && status == KS_OK; row++)
	{
		/* as much of it as the server would fetch */
		ks_view		front = r->view[row];

		/* most of those that are empty stay out, so that there are folds of one row, too */
		if (front.header.nweights == 0 && front.header.nentries == 0 && below(4))
			continue;
		front.available = ks_fold_reach(fold, &front.header, r->mixed[row]);
		front.fetch = fetch_copy;
		front.release = free_fetched;
		front.source = &rests[row];
		rests[row].bytes = front.bytes;
		status = ks_fold_add(fold, &front, r->mixed[row] ? &mine : NULL);
	}
	return status;
}

/* Whether weights and members of each bin are the model's. */
static bool
bins_agree(const round *r, const ks_fold *fold)
{
	bool		chosen[MAX_EVENTS];
	uint32_t	bin;
	int			i;

	for (bin = 0; bin < r->bins.nbins; bin++)
	{
		int64_t		count = 0;

		for (i = 0; i < r->nevents; i++)
		{
			chosen[i] = model_passes(r, &r->events[i]) && model_bin(r, r->events[i].slot) == (int32_t) bin;
			count += chosen[i] ? r->events[i].weight : 0;
		}
		if (fold->counts[bin] != count || fold->distincts[bin] != (fold->distinct ? model_distinct(r, chosen) : 0))
			return false;
	}
	return true;
}

static bool
series_agree(round *r, bool distinct)
{
	ks_fold		fold;
	ks_status	status;
	bool		good;

	ks_fold_series(&fold, NULL, &r->bins, &r->filter, distinct);
	status = add_rows(r, &fold);
	if (status == KS_OK)
		status = ks_fold_finish_series(&fold);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && bins_agree(r, &fold) && still_fetched() == 0;
	ks_fold_free(&fold);
	free_rests();
	return good;
}

/* Whether each bin has the members whose weights add up to something there and in no bin before. */
static bool
newcomers_agree(const round *r, const ks_fold *fold)
{
	int64_t		expected[MAX_BINS + 1] = {0};
	int			member;
	uint32_t	bin;

	for (member = 1; member < 12; member++)
	{
		for (bin = 0; bin < r->bins.nbins; bin++)
		{
			int64_t		sum = 0;
			int			i;

			for (i = 0; i < r->nevents; i++)
			{
				const event *e = &r->events[i];

				if (e->member == member && model_passes(r, e) && model_bin(r, e->slot) == (int32_t) bin)
					sum += e->weight;
			}
			if (sum == 0)
				continue;
			expected[bin]++;
			break;
		}
	}
	for (bin = 0; bin < r->bins.nbins; bin++)
	{
		if (fold->distincts[bin] != expected[bin])
			return false;
	}
	return true;
}

static bool
firsts_agree(round *r)
{
	int64_t		first = r->edges[0];
	ks_fold		fold;
	ks_status	status;
	bool		good;

	if (r->bins.bin_of != NULL)
		return true;
	/* who was there before the first bin is no newcomer: there is none */
	r->edges[0] = INT64_MIN;
	ks_bins_set(&r->bins, r->edges, r->bins.nsegments + 1);
	ks_fold_series(&fold, NULL, &r->bins, &r->filter, true);
	fold.firsts = true;
	status = add_rows(r, &fold);
	if (status == KS_OK)
		status = ks_fold_finish_series(&fold);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && newcomers_agree(r, &fold) && still_fetched() == 0;
	ks_fold_free(&fold);
	free_rests();
	r->edges[0] = first;
	ks_bins_set(&r->bins, r->edges, r->bins.nsegments + 1);
	return good;
}

/* Whether the event's group, its key's parts [skip, skip + take), is this one. */
static bool
in_group(const round *r, const event *e, int skip, int take, ks_string group)
{
	uint8_t		bytes[64];
	ks_string	mine = {bytes, encode(bytes, e, skip, skip + take)};

	return model_passes(r, e) && model_bin(r, e->slot) >= 0 &&
		mine.length == group.length && memcmp(mine.bytes, group.bytes, mine.length) == 0;
}

static int64_t
model_group(const round *r, int skip, int take, ks_string group, bool *chosen)
{
	int64_t		sum = 0;
	int			i;

	for (i = 0; i < r->nevents; i++)
	{
		chosen[i] = in_group(r, &r->events[i], skip, take, group);
		sum += chosen[i] ? r->events[i].weight : 0;
	}
	return sum;
}

/* How many groups the model has whose weight is not zero. */
static uint32_t
model_groups(const round *r, int skip, int take)
{
	uint32_t	result = 0;
	bool		chosen[MAX_EVENTS];
	int			i,
				k;

	for (i = 0; i < r->nevents; i++)
	{
		uint8_t		bytes[64];
		ks_string	group = {bytes, encode(bytes, &r->events[i], skip, skip + take)};
		bool		known = false;

		if (!in_group(r, &r->events[i], skip, take, group))
			continue;
		for (k = 0; k < i && !known; k++)
			known = in_group(r, &r->events[k], skip, take, group);
		result += !known && model_group(r, skip, take, group, chosen) != 0;
	}
	return result;
}

/* Whether the lines are those of the model, and the total is. */
static bool
lines_agree(const round *r, const ks_fold *fold, const ks_top_line *lines, uint32_t count, uint32_t limit)
{
	int			skip = (int) fold->skip;
	int			take = (int) fold->take;
	uint32_t	groups = model_groups(r, skip, take);
	int64_t		total = 0;
	uint32_t	i;
	int			k;

	if (count != (groups < limit ? groups : limit))
		return false;
	for (k = 0; k < r->nevents; k++)
	{
		if (model_passes(r, &r->events[k]) && model_bin(r, r->events[k].slot) >= 0)
			total += r->events[k].weight;
	}
	if (fold->total != total)
		return false;
	/* each line is right, they descend, and nothing that was left out is heavier */
	for (i = 0; i < count; i++)
	{
		bool		chosen[MAX_EVENTS];

		if (lines[i].weight != model_group(r, skip, take, lines[i].key, chosen) ||
			lines[i].members != (fold->distinct ? model_distinct(r, chosen) : 0))
			return false;
		if (i > 0 && (lines[i].weight > lines[i - 1].weight ||
					  (lines[i].weight == lines[i - 1].weight && ks_key_compare(lines[i - 1].key, lines[i].key) >= 0)))
			return false;
	}
	for (k = 0; k < r->nevents && count == limit; k++)
	{
		uint8_t		bytes[64];
		ks_string	group = {bytes, encode(bytes, &r->events[k], skip, skip + take)};
		bool		chosen[MAX_EVENTS];
		int64_t		weight = model_group(r, skip, take, group, chosen);

		if (weight > lines[count - 1].weight && weight != 0)
		{
			for (i = 0; i < count && ks_key_compare(lines[i].key, group) != 0; i++)
				;
			if (i == count)
				return false;
		}
	}
	return true;
}

static bool
top_agrees(round *r, bool distinct)
{
	uint32_t	limit = 1 + below(6);
	ks_top_line *lines = NULL;
	uint32_t	count;
	ks_fold		fold;
	ks_status	status;
	bool		good;

	ks_fold_top(&fold, NULL, &r->bins, &r->filter, distinct, below(4), below(2) ? 1 + below(3) : KS_KEY_MAX_PARTS);
	status = add_rows(r, &fold);
	if (status == KS_OK)
		status = ks_fold_finish_top(&fold, limit, &lines, &count);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && lines_agree(r, &fold, lines, count, limit);
	free(lines);
	ks_fold_free(&fold);
	free_rests();
	return good;
}

/* Whether each line has the model's weight and members in each bin. */
static bool
cells_agree(const round *r, const ks_fold *fold, const ks_top_line *lines, uint32_t count)
{
	uint32_t	nbins = fold->bins.nbins;
	uint32_t	i,
				bin;

	for (i = 0; i < count; i++)
	{
		for (bin = 0; bin < nbins; bin++)
		{
			bool		chosen[MAX_EVENTS];
			int64_t		sum = 0;
			int			k;

			model_group(r, (int) fold->skip, (int) fold->take, lines[i].key, chosen);
			for (k = 0; k < r->nevents; k++)
			{
				chosen[k] &= model_bin(r, r->events[k].slot) == (int32_t) bin;
				sum += chosen[k] ? r->events[k].weight : 0;
			}
			if (fold->group_bins[(size_t) lines[i].group * nbins + bin] != sum ||
				(fold->distinct && fold->line_bins[(size_t) i * nbins + bin] != model_distinct(r, chosen)))
				return false;
		}
	}
	return true;
}

static bool
spread_agrees(round *r, bool distinct)
{
	ks_top_line *lines = NULL;
	uint32_t	count = 0;
	uint32_t	skip = below(4);
	uint32_t	take = 1 + below(3);
	ks_fold		fold;
	ks_status	status;
	bool		good;

	ks_fold_spread(&fold, NULL, &r->bins, &r->filter, distinct, skip, take);
	status = add_rows(r, &fold);
	if (status == KS_OK)
		status = ks_fold_finish_top(&fold, UINT32_MAX, &lines, &count);
	good = model_cut(r) ? status == KS_E_CUT
		: status == KS_OK && count == model_groups(r, (int) skip, (int) take) && cells_agree(r, &fold, lines, count);
	free(lines);
	ks_fold_free(&fold);
	free_rests();
	return good;
}

static void
check_rounds(const setting *s, int rounds, const char *name)
{
	static round r;
	bool		good = true;
	int			i,
				row;

	for (i = 0; i < rounds && good; i++)
	{
		make_events(&r, s);
		good = pack_rows(&r) && make_bins(&r, s);
		make_filter(&r);
		good = good && series_agree(&r, false) && series_agree(&r, true) && firsts_agree(&r) &&
			top_agrees(&r, false) && top_agrees(&r, true) && spread_agrees(&r, false) && spread_agrees(&r, true);
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
	int32_t		slots[4];
	bool		cut[4];
	ks_bins		bins = {slots, cut, NULL, 0, 0};

	ok(!ks_bins_set(&bins, descending, 2), "edges that descend are refused");
	ok(ks_bins_set(&bins, beyond, 4) && slots[0] == KS_SLOT_MIN && slots[3] == KS_SLOT_MAX + 1 && !cut[0] && !cut[3] &&
	   ks_bins_of_range(&bins, KS_SLOT_MIN, KS_SLOT_MAX) == 1,
	   "edges beyond the countable years are drawn in");
	ok(ks_slot_of(-1) == -1 && ks_slot_of(0) == 0 && ks_slot_of(-900000000) == -1 && ks_slot_of(-900000001) == -2 &&
	   ks_slot_of(899999999) == 0 && ks_slot_of(900000000) == 1,
	   "instants before 2000 fall into their own quarter hour");
}

/* Two rows whose sums do not fit into 64 bits, in one bin. */
static void
check_overflow(void)
{
	int64_t		edges[] = {0, 900000000};
	int32_t		slots[2];
	bool		cut[2];
	ks_bins		bins = {slots, cut, NULL, 0, 1};
	ks_filter	filter = {NULL, 0};
	ks_string	key = {(const uint8_t *) "", 0};
	ks_builder	builder;
	ks_fold		series,
				top;
	ks_view		view;
	uint8_t    *bytes;
	size_t		size;

	ks_bins_set(&bins, edges, 2);
	ks_builder_init(&builder, NULL);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, key), 0, INT64_MAX);
	ks_pack(&builder, 0, &bytes, &size);
	ks_view_open(&view, bytes, size);
	ks_fold_series(&series, NULL, &bins, &filter, false);
	ks_fold_top(&top, NULL, &bins, &filter, false, 0, 1);
	ok(ks_fold_add(&series, &view, NULL) == KS_OK && series.counts[0] == INT64_MAX &&
	   ks_fold_add(&series, &view, NULL) == KS_E_OVERFLOW, "a bin's sum that leaves 64 bits is refused");
	ok(ks_fold_add(&top, &view, NULL) == KS_OK && top.total == INT64_MAX &&
	   ks_fold_add(&top, &view, NULL) == KS_E_OVERFLOW, "a group's sum that leaves 64 bits is refused");
	ks_fold_free(&series);
	ks_fold_free(&top);
	ks_builder_free(&builder);
	free(bytes);
}

/* More values than there may be in so many bins. */
static void
check_cells(void)
{
	enum
	{
		BINS = 1000
	};
	static int64_t edges[BINS + 1];
	static int32_t slots[BINS + 1];
	static bool cut[BINS + 1];
	ks_bins		bins = {slots, cut, NULL, 0, BINS};
	ks_filter	none = {NULL, 0};
	ks_builder	builder;
	ks_fold		fold;
	ks_view		view;
	uint8_t    *bytes;
	size_t		size;
	int			i;

	for (i = 0; i <= BINS; i++)
		edges[i] = i * KS_SLOT_USECS;
	ks_bins_set(&bins, edges, BINS + 1);
	ks_builder_init(&builder, NULL);
	for (i = 0; i <= KS_FOLD_MAX_CELLS / BINS; i++)
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
	ks_fold_spread(&fold, NULL, &bins, &none, false, 0, 1);
	ok(ks_fold_add(&fold, &view, NULL) == KS_E_CELLS, "more values in bins than a list may be spread over are refused");
	ks_fold_free(&fold);
	ks_builder_free(&builder);
	free(bytes);
}

/* Two rows that share a hundred bins: what is fetched of each must not grow with the bins. */
static void
check_fetches(void)
{
	enum
	{
		BINS = 100
	};
	int64_t		edges[BINS + 1];
	int32_t		slots[BINS + 1];
	bool		cut[BINS + 1];
	ks_bins		bins = {slots, cut, NULL, 0, BINS};
	ks_filter	none = {NULL, 0};
	ks_string	key = {(const uint8_t *) "", 0};
	ks_builder	builder;
	ks_fold		fold;
	ks_view		view;
	uint8_t    *bytes;
	size_t		size;
	bool		good;
	int			i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i <= BINS; i++)
	{
		edges[i] = i * KS_SLOT_USECS;
		ks_builder_add_member(&builder, ks_dictionary_put(&builder.keys, key), i, 1, 1);
		ks_builder_add_member(&builder, 0, i, 2 + (uint64_t) i, 1);
	}
	ks_bins_set(&bins, edges, BINS + 1);
	ks_pack(&builder, 0, &bytes, &size);
	ks_view_open(&view, bytes, size);
	view.available = view.header.keys_at;
	view.fetch = fetch_copy;
	view.source = &rests[0];
	rests[0].bytes = bytes;
	ks_fold_series(&fold, NULL, &bins, &none, true);
	good = ks_fold_add(&fold, &view, NULL) == KS_OK && ks_fold_add(&fold, &view, NULL) == KS_OK &&
		ks_fold_finish_series(&fold) == KS_OK;
	for (i = 0; i < BINS; i++)
		good &= fold.counts[i] == 4 && fold.distincts[i] == 2;
	ok(good && still_fetched() <= 10, "rows that share many bins are not fetched bin by bin");
	ks_fold_free(&fold);
	free_rests();
	ks_builder_free(&builder);
	free(bytes);
}

int
main(void)
{
	static const setting plain = {.span = 40};
	static const setting wide = {.span = 30000, .mixed = true};
	static const setting negative = {.span = 40, .negative = true};
	static const setting cut = {.span = 40, .cut = true, .mixed = true};
	static const setting cut_negative = {.span = 12, .cut = true, .mixed = true, .negative = true};
	static const setting mapped = {.span = 40, .mapped = true, .mixed = true};
	static const setting mapped_cut = {.span = 40, .mapped = true, .mixed = true, .cut = true};
	static const setting mixed = {.span = 100, .mixed = true};
	static const setting everything = {.span = 30, .mixed = true, .mapped = true, .negative = true};

	check_edges();
	check_overflow();
	check_fetches();
	check_cells();
	check_rounds(&plain, 150, "plain rows");
	check_rounds(&wide, 150, "rows that span years");
	check_rounds(&negative, 150, "weights below zero");
	check_rounds(&cut, 150, "edges inside quarter hours");
	check_rounds(&cut_negative, 150, "edges inside quarter hours, weights below zero");
	check_rounds(&mapped, 150, "bins out of order, and segments in none");
	check_rounds(&mapped_cut, 150, "bins out of order, edges inside quarter hours");
	check_rounds(&mixed, 150, "rows that hold several measures");
	check_rounds(&everything, 150, "mixed rows, bins out of order, weights below zero");
	printf("1..%d\n", checks);
	return failures > 0;
}
