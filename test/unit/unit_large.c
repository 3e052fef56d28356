/*
 * unit_large: questions to tallies of thousands of members, whose numbers take
 * two bytes and more, against counting the events one by one.  One TAP line a
 * question.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_large \
 *     test/unit/unit_large.c src/tally/bins.c src/tally/builder.c src/tally/cut.c src/tally/distinct.c src/tally/entries.c src/tally/filter.c \
 *     src/tally/fold.c src/tally/hash.c src/tally/headcount.c src/tally/key.c src/tally/ledger.c src/tally/lines.c src/tally/newcomer.c src/tally/pack.c \
 *     src/tally/scan.c src/tally/seed.c src/tally/unite.c \
 *     src/tally/view.c src/tally/view_members.c src/tally/visit.c src/tally/weigh.c
 */
#include "stored.h"

#define EVENTS 60000
#define MEMBERS 9000
#define SLOTS 400
#define KEYS 300
#define ROWS 3
#define BINS 40

typedef struct event
{
	uint32_t	row;
	uint32_t	key;
	int32_t		slot;
	uint32_t	member;
	int64_t		weight;
} event;

static event events[EVENTS];
static int32_t edge_slot[BINS + 1];

/* Half of all events fall into a few slots and keys, so that some have thousands of members and most have few. */
static void
make_events(bool negative)
{
	uint32_t	i;

	for (i = 0; i < EVENTS; i++)
	{
		event	   *e = &events[i];

		e->row = below(ROWS);
		e->key = below(2) ? below(3) : below(KEYS);
		e->slot = (int32_t) (below(2) ? 100 + below(3) * 50 : below(SLOTS));
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
			ks_builder_add_member(&builder, put_key(&builder, e->key), e->slot, hash_of(e->member), e->weight);
	}
	return pack(&builder);
}

/* Weight and members of the events in a bin whose key's last digit is that one; -1 for any. */
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

		if (e->slot < from || e->slot >= to || (digit >= 0 && e->key % 10 != (uint32_t) digit))
			continue;
		*weight += e->weight;
		sums[e->member] += e->weight;
	}
	for (i = 0; i < MEMBERS; i++)
		*members += sums[i] != 0;
}

static void
set_bins(ks_bins *bins, uint32_t nbins)
{
	static bool cut[BINS + 1];
	int64_t		edges[BINS + 1];
	uint32_t	i;

	memset(bins, 0, sizeof(*bins));
	bins->edge = edge_slot;
	bins->cut = cut;
	/* the first and the last few slots lie outside */
	for (i = 0; i <= nbins; i++)
		edges[i] = (7 + (int64_t) (SLOTS - 13) * i / nbins) * KS_SLOT_USECS;
	ks_bins_set(bins, edges, nbins + 1);
	bins->nbins = nbins;
}

static bool
series_agrees(const stored *rows, uint32_t nrows, uint32_t nbins, int digit)
{
	uint8_t		text = (uint8_t) ('0' + digit);
	ks_condition condition = {1, false, {&text, 1}};
	ks_filter	filter = {&condition, digit >= 0};
	ks_bins		bins;
	ks_fold		fold;
	ks_status	status = KS_OK;
	bool		good;
	uint32_t	i;

	set_bins(&bins, nbins);
	ks_fold_series(&fold, NULL, &bins, &filter, true);
	for (i = 0; i < nrows && status == KS_OK; i++)
		status = ks_fold_add(&fold, &rows[i].view, NULL);
	good = status == KS_OK && ks_fold_finish_series(&fold) == KS_OK;
	for (i = 0; i < nbins && good; i++)
	{
		int64_t		weight,
					members;

		count_by_hand(edge_slot[i], edge_slot[i + 1], digit, &weight, &members);
		good = fold.counts[i] == weight && fold.distincts[i] == members;
	}
	ks_fold_free(&fold);
	return good;
}

/* The ten last digits, as a top list. */
static bool
lines_agree(const stored *rows, uint32_t nrows)
{
	ks_filter	none = {NULL, 0};
	ks_bins		bins;
	ks_fold		fold;
	ks_top_line *lines = NULL;
	uint32_t	count = 0;
	ks_status	status = KS_OK;
	bool		good;
	uint32_t	i;

	set_bins(&bins, 1);
	ks_fold_top(&fold, NULL, &bins, &none, true, 1, 1);
	for (i = 0; i < nrows && status == KS_OK; i++)
		status = ks_fold_add(&fold, &rows[i].view, NULL);
	good = status == KS_OK && ks_fold_finish_top(&fold, 4, &lines, &count) == KS_OK && count == 4;
	for (i = 0; i < count && good; i++)
	{
		int64_t		weight,
					members;

		count_by_hand(edge_slot[0], edge_slot[1], lines[i].key.bytes[1] - '0', &weight, &members);
		good = lines[i].weight == weight && lines[i].members == members;
	}
	free(lines);
	ks_fold_free(&fold);
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
