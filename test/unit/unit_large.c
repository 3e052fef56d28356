/*
 * unit_large: questions to tallies of thousands of members, whose numbers take
 * two bytes and more, against counting the events one by one.  One TAP line a
 * question.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_large \
 *     test/unit/unit_large.c src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c \
 *     src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c \
 *     src/query/entry_scan.c src/base/seed.c src/query/union.c \
 *     src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 */
#include "stored.h"

#define EVENTS 60000
#define MEMBERS 9000
#define QUARTERS 400
#define KEYS 300
#define ROWS 3
#define BINS 40

typedef struct event
{
	uint32_t	row;
	uint32_t	key;
	int32_t		quarter;
	uint32_t	member;
	int64_t		weight;
} event;

static event events[EVENTS];
static int32_t edge_quarter[BINS + 1];

/* Half of all events fall into a few quarters and keys, so that some have thousands of members and most have few. */
static void
make_events(bool negative)
{
	uint32_t	i;

	for (i = 0; i < EVENTS; i++)
	{
		event	   *e = &events[i];

		e->row = below(ROWS);
		e->key = below(2) ? below(3) : below(KEYS);
		e->quarter = (int32_t) (below(2) ? 100 + below(3) * 50 : below(QUARTERS));
		e->member = below(4) ? below(MEMBERS) : below(40);
		e->weight = below(3) ? 1 : below(2) ? 1 + (int64_t) below(300) : 1 + (int64_t) below(3000000);
		/* some members are taken away again, in another row */
		if (negative && i % 50 == 49)
		{
			*e = events[i - 1];
			e->row = (e->row + 1) % ROWS;
			e->weight = -e->weight;
		}
	}
}

static uint64_t
hash_of(uint32_t member)
{
	return ks_hash_bytes(&member, sizeof(member));
}

/* A key of two parts, of which the second is one of ten. */
static uint32_t
put_key(ks_builder *builder, uint32_t key)
{
	uint8_t		bytes[32];
	uint8_t    *at = ks_key_put(bytes, &key, sizeof(key));
	uint8_t		digit = (uint8_t) ('0' + key % 10);

	at = ks_key_put(at, &digit, 1);
	return ks_dictionary_put(&builder->keys, string_of(bytes, (size_t) (at - bytes)));
}

static stored
pack_row(uint32_t row, uint32_t nrows)
{
	ks_builder	builder;
	uint32_t	i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < EVENTS; i++)
	{
		const event *e = &events[i];

		if (e->row % nrows == row)
			ks_builder_add_member(&builder, put_key(&builder, e->key), e->quarter, hash_of(e->member), e->weight);
	}
	return pack(&builder);
}

/* Weight and members of the events in a bucket whose key's last digit is that one; -1 for any. */
static void
count_by_hand(int32_t from, int32_t to, int digit, int64_t *weight, int64_t *members)
{
	static int64_t sums[MEMBERS];
	uint32_t	i;

	memset(sums, 0, sizeof(sums));
	*weight = *members = 0;
	for (i = 0; i < EVENTS; i++)
	{
		const event *e = &events[i];

		if (e->quarter < from || e->quarter >= to || (digit >= 0 && e->key % 10 != (uint32_t) digit))
			continue;
		*weight += e->weight;
		sums[e->member] += e->weight;
	}
	for (i = 0; i < MEMBERS; i++)
		*members += sums[i] != 0;
}

static void
set_bins(ks_intervals *intervals, uint32_t nbuckets)
{
	static bool cut[BINS + 1];
	int64_t		edges[BINS + 1];
	uint32_t	i;

	memset(intervals, 0, sizeof(*intervals));
	intervals->edge = edge_quarter;
	intervals->cut = cut;
	/* the first and the last few quarters lie outside */
	for (i = 0; i <= nbuckets; i++)
		edges[i] = (7 + (int64_t) (QUARTERS - 13) * i / nbuckets) * KS_QUARTER_USECS;
	ks_intervals_set(intervals, edges, nbuckets + 1);
	intervals->nbuckets = nbuckets;
}

static bool
series_agrees(const stored *rows, uint32_t nrows, uint32_t nbuckets, int digit)
{
	uint8_t		text = (uint8_t) ('0' + digit);
	ks_condition condition = {1, false, {&text, 1}};
	ks_filter	filter = {&condition, digit >= 0};
	ks_intervals intervals;
	ks_query	query;
	ks_status	status = KS_OK;
	bool		good;
	uint32_t	i;

	set_bins(&intervals, nbuckets);
	ks_query_series(&query, NULL, &intervals, &filter, true);
	for (i = 0; i < nrows && status == KS_OK; i++)
		status = ks_query_add(&query, &rows[i].view, NULL);
	good = status == KS_OK && ks_query_finish_series(&query) == KS_OK;
	for (i = 0; i < nbuckets && good; i++)
	{
		int64_t		weight,
					members;

		count_by_hand(edge_quarter[i], edge_quarter[i + 1], digit, &weight, &members);
		good = query.counts[i] == weight && query.distincts[i] == members;
	}
	ks_query_free(&query);
	return good;
}

/* The ten last digits, as a top list. */
static bool
lines_agree(const stored *rows, uint32_t nrows)
{
	ks_filter	none = {NULL, 0};
	ks_intervals intervals;
	ks_query	query;
	ks_top_line *lines = NULL;
	uint32_t	count = 0;
	ks_status	status = KS_OK;
	bool		good;
	uint32_t	i;

	set_bins(&intervals, 1);
	ks_query_top(&query, NULL, &intervals, &none, true, 1, 1);
	for (i = 0; i < nrows && status == KS_OK; i++)
		status = ks_query_add(&query, &rows[i].view, NULL);
	good = status == KS_OK && ks_query_finish_top(&query, 4, &lines, &count) == KS_OK && count == 4;
	for (i = 0; i < count && good; i++)
	{
		int64_t		weight,
					members;

		count_by_hand(edge_quarter[0], edge_quarter[1], lines[i].key.bytes[1] - '0', &weight, &members);
		good = lines[i].weight == weight && lines[i].members == members;
	}
	free(lines);
	ks_query_free(&query);
	return good;
}

static void
check_questions(uint32_t nrows, bool negative, const char *name)
{
	stored		rows[ROWS];
	char		line[100];
	bool		good = true;
	uint32_t	i;

	make_events(negative);
	for (i = 0; i < nrows; i++)
	{
		rows[i] = pack_row(i, nrows);
		good &= ks_check(rows[i].bytes, rows[i].size, NULL) == KS_OK;
	}
	snprintf(line, sizeof(line), "%s: packed", name);
	ok(good, line);
	snprintf(line, sizeof(line), "%s: series", name);
	ok(series_agrees(rows, nrows, BINS, -1) && series_agrees(rows, nrows, 3, -1) && series_agrees(rows, nrows, 1, -1), line);
	snprintf(line, sizeof(line), "%s: series under a condition", name);
	ok(series_agrees(rows, nrows, BINS, 1) && series_agrees(rows, nrows, 3, 2) && series_agrees(rows, nrows, 1, 7), line);
	snprintf(line, sizeof(line), "%s: top list", name);
	ok(lines_agree(rows, nrows), line);
	for (i = 0; i < nrows; i++)
		free(rows[i].bytes);
}

int
main(void)
{
	check_questions(1, false, "one row");
	check_questions(ROWS, false, "several rows");
	check_questions(ROWS, true, "rows that take away");
	printf("1..%d\n", checks);
	return failures > 0;
}
