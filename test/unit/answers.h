/*
 * Whether the folds answer what the model does: for unit_query, which draws its
 * rounds by chance, and fuzz_query, to which a fuzzer deals them.
 */
#ifndef KS_TEST_ANSWERS_H
#define KS_TEST_ANSWERS_H

#include "model.h"

#include "query/presence.h"

/* The rest of a row, as the server would fetch it: copies of just those stretches, which sanitizers watch. */
typedef struct fetched
{
	struct fetched *next;
	uint8_t		bytes[];
} fetched;

typedef struct stored_rest
{
	const uint8_t *bytes;
	size_t		size;
	fetched    *fetched;
} stored_rest;

static stored_rest rests[ROWS];

/* NULL: the row is shorter than it says. */
static const uint8_t *
fetch_copy(void *source, size_t from, size_t length)
{
	stored_rest *rest = source;
	fetched    *copy;

	if (from > rest->size || length > rest->size - from)
		return NULL;
	copy = malloc(sizeof(fetched) + length);
	copy->next = rest->fetched;
	rest->fetched = copy;
	return memcpy(copy->bytes, rest->bytes + from, length);
}

static void
free_fetched(void *source)
{
	stored_rest *rest = source;

	while (rest->fetched != NULL)
	{
		fetched    *next = rest->fetched->next;

		free(rest->fetched);
		rest->fetched = next;
	}
}

static int
still_fetched(void)
{
	int			result = 0;
	int			row;

	for (row = 0; row < ROWS; row++)
	{
		const fetched *copy;

		for (copy = rests[row].fetched; copy != NULL; copy = copy->next)
			result++;
	}
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
add_rows(round *r, ks_query *query)
{
	ks_string	mine = {(const uint8_t *) "mine", 4};
	ks_status	status = KS_OK;
	int			row;

	for (row = 0; row < ROWS && status == KS_OK; row++)
	{
		/* as much of it as the server would fetch */
		ks_view		front = r->view[row];
		size_t		reach;

		/* most of those that are empty stay out, so that there are folds of one row, too */
		if (front.header.nweights == 0 && front.header.nentries == 0 && below(4))
			continue;
		reach = ks_query_reach(query, &front.header, r->mixed[row]);
		front.available = reach < r->size[row] ? reach : r->size[row];
		front.fetch = fetch_copy;
		front.release = free_fetched;
		front.source = &rests[row];
		rests[row].bytes = front.bytes;
		rests[row].size = r->size[row];
		status = ks_query_add(query, &front, r->mixed[row] ? &mine : NULL);
	}
	return status;
}

/* Whether weights and members of each bucket are the model's. */
static bool
buckets_agree(const round *r, const ks_query *query)
{
	bool		chosen[MAX_EVENTS];
	uint32_t	bucket;
	int			i;

	for (bucket = 0; bucket < r->intervals.nbuckets; bucket++)
	{
		int64_t		count = 0;

		for (i = 0; i < r->nevents; i++)
		{
			chosen[i] = model_passes(r, &r->events[i]) && model_bucket(r, r->events[i].quarter) == (int32_t) bucket;
			count += chosen[i] ? r->events[i].weight : 0;
		}
		if (query->counts[bucket] != count || query->distincts[bucket] != (query->distinct ? model_distinct(r, chosen) : 0))
			return false;
	}
	return true;
}

static bool
series_agree(round *r, bool distinct)
{
	ks_query	query;
	ks_status	status;
	bool		good;

	ks_query_series(&query, NULL, &r->intervals, &r->filter, distinct);
	status = add_rows(r, &query);
	if (status == KS_OK)
		status = ks_query_finish_series(&query);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && buckets_agree(r, &query) && still_fetched() == 0;
	ks_query_free(&query);
	free_rests();
	return good;
}

/* Whether each bucket has the members whose weights add up to something there and in no bucket before. */
static bool
first_seen_agree(const round *r, const ks_query *query)
{
	int64_t		expected[MAX_BINS + 1] = {0};
	int			member;
	uint32_t	bucket;

	for (member = 1; member < 12; member++)
	{
		for (bucket = 0; bucket < r->intervals.nbuckets; bucket++)
		{
			int64_t		sum = 0;
			int			i;

			for (i = 0; i < r->nevents; i++)
			{
				const event *e = &r->events[i];

				if (e->member == member && model_passes(r, e) && model_bucket(r, e->quarter) == (int32_t) bucket)
					sum += e->weight;
			}
			if (sum == 0)
				continue;
			expected[bucket]++;
			break;
		}
	}
	for (bucket = 0; bucket < r->intervals.nbuckets; bucket++)
	{
		if (query->distincts[bucket] != expected[bucket])
			return false;
	}
	return true;
}

static bool
first_seen_series_agree(round *r)
{
	int64_t		first = r->edges[0];
	ks_query	query;
	ks_status	status;
	bool		good;

	if (r->intervals.bucket_of != NULL)
		return true;
	/* who was there before the first bucket is no newcomer: there is none */
	r->edges[0] = INT64_MIN;
	ks_intervals_set(&r->intervals, r->edges, r->intervals.nintervals + 1);
	ks_query_series(&query, NULL, &r->intervals, &r->filter, true);
	query.first_seen = true;
	status = add_rows(r, &query);
	if (status == KS_OK)
		status = ks_query_finish_series(&query);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && first_seen_agree(r, &query) && still_fetched() == 0;
	ks_query_free(&query);
	free_rests();
	r->edges[0] = first;
	ks_intervals_set(&r->intervals, r->edges, r->intervals.nintervals + 1);
	return good;
}

/* Whether the event's group, its key's parts [skip, skip + take), is this one. */
static bool
in_group(const round *r, const event *e, int skip, int take, ks_string group)
{
	uint8_t		bytes[64];
	ks_string	mine = {bytes, encode(bytes, e, skip, skip + take)};

	return model_passes(r, e) && model_bucket(r, e->quarter) >= 0 &&
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
lines_agree(const round *r, const ks_query *query, const ks_top_line *lines, uint32_t count, uint32_t limit)
{
	int			skip = (int) query->skip;
	int			take = (int) query->take;
	uint32_t	groups = model_groups(r, skip, take);
	int64_t		total = 0;
	uint32_t	i;
	int			k;

	if (count != (groups < limit ? groups : limit))
		return false;
	for (k = 0; k < r->nevents; k++)
	{
		if (model_passes(r, &r->events[k]) && model_bucket(r, r->events[k].quarter) >= 0)
			total += r->events[k].weight;
	}
	if (query->total != total)
		return false;
	/* each line is right, they descend, and nothing that was left out is heavier */
	for (i = 0; i < count; i++)
	{
		bool		chosen[MAX_EVENTS];

		if (lines[i].weight != model_group(r, skip, take, lines[i].key, chosen) ||
			lines[i].members != (query->distinct ? model_distinct(r, chosen) : 0))
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
	ks_query	query;
	ks_status	status;
	bool		good;

	ks_query_top(&query, NULL, &r->intervals, &r->filter, distinct, below(4), below(2) ? 1 + below(3) : KS_KEY_MAX_PARTS);
	status = add_rows(r, &query);
	if (status == KS_OK)
		status = ks_query_finish_top(&query, limit, &lines, &count);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && lines_agree(r, &query, lines, count, limit);
	free(lines);
	ks_query_free(&query);
	free_rests();
	return good;
}

/* Whether each line has the model's weight and members in each bucket. */
static bool
cells_agree(const round *r, const ks_query *query, const ks_top_line *lines, uint32_t count)
{
	uint32_t	nbuckets = query->intervals.nbuckets;
	uint32_t	i,
				bucket;

	for (i = 0; i < count; i++)
	{
		for (bucket = 0; bucket < nbuckets; bucket++)
		{
			bool		chosen[MAX_EVENTS];
			int64_t		sum = 0;
			int			k;

			model_group(r, (int) query->skip, (int) query->take, lines[i].key, chosen);
			for (k = 0; k < r->nevents; k++)
			{
				chosen[k] &= model_bucket(r, r->events[k].quarter) == (int32_t) bucket;
				sum += chosen[k] ? r->events[k].weight : 0;
			}
			if (query->group_buckets[(size_t) lines[i].group * nbuckets + bucket] != sum ||
				(query->distinct && query->line_buckets[(size_t) i * nbuckets + bucket] != model_distinct(r, chosen)))
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
	ks_query	query;
	ks_status	status;
	bool		good;

	ks_query_top_series(&query, NULL, &r->intervals, &r->filter, distinct, skip, take);
	status = add_rows(r, &query);
	if (status == KS_OK)
		status = ks_query_finish_top(&query, UINT32_MAX, &lines, &count);
	good = model_cut(r) ? status == KS_E_CUT
		: status == KS_OK && count == model_groups(r, (int) skip, (int) take) && cells_agree(r, &query, lines, count);
	free(lines);
	ks_query_free(&query);
	free_rests();
	return good;
}

/* Whether a member's weights in a bucket add up to something. */
static bool
model_present(const round *r, int member, uint32_t bucket)
{
	int64_t		sum = 0;
	int			i;

	for (i = 0; i < r->nevents; i++)
	{
		const event *e = &r->events[i];

		if (e->member == member && model_passes(r, e) && model_bucket(r, e->quarter) == (int32_t) bucket)
			sum += e->weight;
	}
	return sum != 0;
}

/* What the model says of a member who is in these buckets. */
static void
expect_present(const bool *present, uint32_t nbuckets, const ks_presence *p, int64_t *expected)
{
	uint32_t	first = 0;
	uint32_t	bucket,
				w;
	int32_t		back;

	while (first < nbuckets && !present[first])
		first++;
	if (p->kind == KS_PRESENT_MEMBERS)
		expected[0] += first < nbuckets;
	for (bucket = first; bucket < nbuckets && p->kind == KS_PRESENT_COHORTS; bucket++)
		expected[first * nbuckets + bucket] += present[bucket];
	for (w = 0; w < p->nwindows && p->kind == KS_PRESENT_LATELY; w++)
	{
		for (bucket = 0; bucket < nbuckets; bucket++)
		{
			bool		lately = false;

			for (back = 0; back < p->windows[w] && back <= (int32_t) bucket; back++)
				lately |= present[bucket - (uint32_t) back];
			expected[w * nbuckets + bucket] += lately;
		}
	}
}

static int
compare_numbers(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

/* How many different members are listed. */
static int64_t
members_listed(const ks_presence *p)
{
	int64_t		result = 0;
	size_t		i;

	qsort(p->numbers, p->count, sizeof(int64_t), compare_numbers);
	for (i = 0; i < p->count; i++)
		result += i == 0 || p->numbers[i] != p->numbers[i - 1];
	return result;
}

static bool
presence_matches(const round *r, const ks_presence *p)
{
	int64_t		expected[MAX_BINS * MAX_BINS] = {0};
	size_t		i;
	int			member;

	for (member = 1; member < MEMBERS; member++)
	{
		bool		present[MAX_BINS];
		uint32_t	bucket;

		for (bucket = 0; bucket < r->intervals.nbuckets; bucket++)
			present[bucket] = model_present(r, member, bucket);
		expect_present(present, r->intervals.nbuckets, p, expected);
	}
	if (p->kind == KS_PRESENT_MEMBERS)
		return members_listed(p) == expected[0];
	for (i = 0; i < p->count; i++)
	{
		if (p->numbers[i] != expected[i])
			return false;
	}
	return true;
}

static bool
presence_agrees(round *r, ks_presence_kind kind)
{
	int32_t		windows[4];
	ks_presence presence = {kind, windows, 1 + below(4), NULL, 0};
	ks_query	query;
	ks_status	status;
	bool		good;
	uint32_t	w;

	for (w = 0; w < presence.nwindows; w++)
		windows[w] = (int32_t) (1 + below(3) + (w > 0 ? (uint32_t) windows[w - 1] - below(2) : 0));
	ks_query_series(&query, NULL, &r->intervals, &r->filter, true);
	status = add_rows(r, &query);
	if (status == KS_OK)
		status = ks_presence_find(&query, &presence);
	good = model_cut(r) ? status == KS_E_CUT : status == KS_OK && presence_matches(r, &presence) && still_fetched() == 0;
	free(presence.numbers);
	ks_query_free(&query);
	free_rests();
	return good;
}

#define QUESTIONS 10

static bool
answer_agrees(round *r, uint32_t question)
{
	switch (question)
	{
		case 0:
			return series_agree(r, false);
		case 1:
			return series_agree(r, true);
		case 2:
			return first_seen_series_agree(r);
		case 3:
			return top_agrees(r, false);
		case 4:
			return top_agrees(r, true);
		case 5:
			return spread_agrees(r, false);
		case 6:
			return presence_agrees(r, KS_PRESENT_LATELY);
		case 7:
			return presence_agrees(r, KS_PRESENT_COHORTS);
		case 8:
			return presence_agrees(r, KS_PRESENT_MEMBERS);
		default:
			return spread_agrees(r, true);
	}
}

#endif							/* KS_TEST_ANSWERS_H */
