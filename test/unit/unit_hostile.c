/*
 * unit_hostile: bytes that are no tally, or only the front of one, without a
 * server.  One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_hostile \
 *     test/unit/unit_hostile.c src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c \
 *     src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c \
 *     src/query/entry_scan.c src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 */
#include "stored.h"

/* ------------------------------------------------------------------------
 * Hostile bytes
 * ------------------------------------------------------------------------
 */

/* Walks bytes that nobody has checked, as on a damaged page: they may only end in a status. */
static void
query_unchecked(const uint8_t *bytes, size_t size)
{
	static const int64_t edges[] = {INT64_MIN, 0, 1000 * KS_QUARTER_USECS, INT64_MAX};
	int32_t		quarters[4];
	bool		cut[4];
	ks_intervals intervals = {quarters, cut, NULL, 0, 3};
	ks_condition condition = {1, true, {(const uint8_t *) "a", 1}};
	ks_filter	filter = {&condition, 1};
	ks_filter	none = {NULL, 0};
	ks_query	query;
	ks_top_line *lines = NULL;
	uint32_t	count;
	ks_view		view;

	if (ks_view_open(&view, bytes, size) != KS_OK || view.header.size != size)
		return;
	ks_intervals_set(&intervals, edges, 4);
	ks_query_series(&query, NULL, &intervals, &none, true);
	if (ks_query_add(&query, &view, NULL) == KS_OK)
		ks_query_finish_series(&query);
	ks_query_free(&query);
	/* twice, so that all buckets are shared */
	ks_query_series(&query, NULL, &intervals, &none, true);
	if (ks_query_add(&query, &view, NULL) == KS_OK && ks_query_add(&query, &view, NULL) == KS_OK)
		ks_query_finish_series(&query);
	ks_query_free(&query);
	ks_query_series(&query, NULL, &intervals, &filter, true);
	if (ks_query_add(&query, &view, &condition.value) == KS_OK)
		ks_query_finish_series(&query);
	ks_query_free(&query);
	ks_query_top(&query, NULL, &intervals, &none, true, 0, 1);
	if (ks_query_add(&query, &view, NULL) == KS_OK)
		ks_query_finish_top(&query, 3, &lines, &count);
	ks_query_free(&query);
	free(lines);
}

static bool
refused(const stored *a, uint8_t *bytes)
{
	query_unchecked(bytes, a->size);
	return ks_check(bytes, a->size, NULL) != KS_OK;
}

/* What has passed the check can be added to itself and taken away again. */
static bool
behaves(const uint8_t *bytes, size_t size)
{
	ks_builder	builder;
	ks_view		view;
	ks_status	status;
	bool		empty;

	if (ks_view_open(&view, bytes, size) != KS_OK)
		return false;
	ks_builder_init(&builder, NULL);
	status = ks_builder_merge(&builder, &view, false);
	if (status == KS_OK)
		status = ks_builder_merge(&builder, &view, true);
	if (status == KS_OK)
		status = ks_builder_consolidate(&builder);
	empty = ks_builder_empty(&builder);
	ks_builder_free(&builder);
	return status == KS_E_OVERFLOW || (status == KS_OK && empty);
}

/* Puts another number in the place of one of the header. */
static void
change_number(stored *a, int number, uint64_t value)
{
	size_t		from = header_number(a->bytes, a->size, number);
	size_t		to = header_number(a->bytes, a->size, number + 1);
	uint8_t    *bytes = malloc(a->size + KS_VARINT_MAX);
	uint8_t    *at = bytes + from;

	memcpy(bytes, a->bytes, from);
	at = ks_put_varint(at, value);
	memcpy(at, a->bytes + to, a->size - to);
	a->size += (size_t) (at - bytes) - to;
	free(a->bytes);
	a->bytes = bytes;
}

/*
 * A changed byte may give another well-formed tally (a weight, a bound, all quarters
 * later), but in the counts and sizes of the header it may not.
 */
static void
check_mutations(void)
{
	bool		header = true,
				cut_off = true,
				longer = true;
	bool		others = true;
	int			i;

	for (i = 0; i < 80; i++)
	{
		stored		a = random_tally(1 + below(12));
		uint8_t    *bytes = malloc(a.size + 1);
		size_t		quarter_first = header_number(a.bytes, a.size, NUMBER_QUARTER_FIRST);
		size_t		quarter_last = header_number(a.bytes, a.size, NUMBER_QUARTER_FIRST + 1);
		size_t		bounds = bounds_begin(&a);
		size_t		sizes = bounds_end(&a);
		size_t		at;
		int			bit;

		memcpy(bytes, a.bytes, a.size);
		bytes[a.size] = 0;
		for (at = 0; at < a.size; at++)
		{
			uint8_t    *exact = malloc(at + 1);

			/* an allocation of its own, so that the sanitizer sees a step too far */
			memcpy(exact, bytes, at);
			cut_off &= ks_check(exact, at, NULL) != KS_OK;
			free(exact);
			for (bit = 0; bit < 8; bit++)
			{
				bool		no;

				bytes[at] ^= (uint8_t) (1 << bit);
				no = refused(&a, bytes);
				others &= no || behaves(bytes, a.size);
				header &= no || (at >= quarter_first && at < quarter_last) || (at >= bounds && at < sizes) || at >= a.view.header.quarters_at;
				bytes[at] = a.bytes[at];
			}
			bytes[at] = (uint8_t) below(256);
			refused(&a, bytes);
			bytes[at] = a.bytes[at];
		}
		longer &= ks_check(bytes, a.size + 1, NULL) != KS_OK;
		free(bytes);
		free(a.bytes);
	}
	ok(cut_off && longer, "no tally that is cut off, or longer than it says");
	ok(header, "no changed bit in the header but in its first slot and its bounds");
	ok(others, "what passes all the same is a tally like any other");
}

/* Several bytes at once, counts and offsets made large on purpose. */
static void
check_hostile(void)
{
	static const uint32_t large[] = {0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
	int			i,
				k;

	for (i = 0; i < 3000; i++)
	{
		stored		a = random_tally(1 + below(40));

		for (k = (int) below(4); k >= 0; k--)
		{
			if (below(2))
				change_number(&a, (int) below(NUMBERS), below(2) ? large[below(7)] : below((uint32_t) a.size + 1));
			else
				a.bytes[below((uint32_t) a.size)] = (uint8_t) below(256);
		}
		refused(&a, a.bytes);
		free(a.bytes);
	}
	ok(true, "hostile counts and offsets end in an answer");
}

/* How a series with members ends: of so many rows that are the same bytes, with a condition or without. */
static ks_status
series_of(const stored *a, size_t available, uint32_t rows, bool filtered)
{
	static const int64_t edges[] = {INT64_MIN, KS_QUARTER_USECS, INT64_MAX};
	int32_t		quarters[3];
	bool		cut[3];
	ks_intervals intervals = {quarters, cut, NULL, 0, 2};
	ks_condition condition = {0, true, {(const uint8_t *) "b", 1}};
	ks_filter	filter = {&condition, filtered};
	ks_status	status = KS_OK;
	ks_query	query;
	ks_view		view;

	if (ks_view_open(&view, a->bytes, available) != KS_OK)
		return KS_E_VERSION;
	ks_intervals_set(&intervals, edges, 3);
	ks_query_series(&query, NULL, &intervals, &filter, true);
	while (status == KS_OK && rows-- > 0)
		status = ks_query_add(&query, &view, NULL);
	if (status == KS_OK)
		status = ks_query_finish_series(&query);
	ks_query_free(&query);
	return status;
}

/* Member 1 in quarters 0, 1, 3 and 4, member 2 in quarters 1 to 4, the last two times under another key. */
static stored
two_members(void)
{
	ks_builder	builder;
	uint32_t	key,
				other;

	ks_builder_init(&builder, NULL);
	key = ks_dictionary_put(&builder.keys, string_of("\x02" "a", 2));
	other = ks_dictionary_put(&builder.keys, string_of("\x02" "b", 2));
	ks_builder_add_member(&builder, key, 0, 1, 1);
	ks_builder_add_member(&builder, key, 1, 1, 1);
	ks_builder_add_member(&builder, key, 1, 2, 1);
	ks_builder_add_member(&builder, key, 2, 2, 1);
	ks_builder_add_member(&builder, key, 3, 1, 1);
	ks_builder_add_member(&builder, key, 4, 1, 1);
	ks_builder_add_member(&builder, other, 3, 2, 1);
	ks_builder_add_member(&builder, other, 4, 2, 1);
	return pack(&builder);
}

/*
 * Counts that contradict each other.  A question notices what it reads: of one
 * row the visits, where two rows meet their members, too, and under a condition
 * the entries of keys.
 */
static void
check_contradictions(void)
{
	static const uint8_t visits[] = {4, 6, 2, 1, 2, 2, 1, 2, 3, 1, 2, 1, 2, 2, 2};
	static const uint8_t keys[] = {1, 0, 2, 2, 'a', 1, 1, 12, 41, 7, 0, 6, 2, 2, 'b', 1, 0, 4, 16, 2, 0, 2, 0, 1, 1, 1, 1, 2, 2, 3, 1};
	stored		a = two_members();
	const ks_header *header = &a.view.header;
	const uint32_t returns = header->members_at + 8 * header->nmembers;
	const struct
	{
		uint32_t	at;
		uint8_t		byte;
		bool		visits;		/* noticed when these are read */
		bool		members;
		bool		entries;
	}			changes[] = {
		{6, 12, false, true, true}, /* more entries than there is room for */
		{header->visits_at, 12, true, true, false}, /* more first visits than members */
		{header->visits_at, 0, true, true, false},	/* fewer */
		{header->visits_at + 13, 3, true, true, false}, /* more pairs than bytes */
		{header->visits_at + 7, 3, true, true, false},	/* beyond the last quarter */
		{header->visits_at + 4, 0, true, true, false},	/* a pair that is not there */
		{header->visits_at + 5, 0x7c, true, true, false},	/* a gap larger than all quarters */
		{header->visits_at + 6, 9, true, true, false},	/* more visits than there are */
		{header->visits_at + 14, 3, true, true, false},
		{header->visits_at + 14, 1, true, true, false}, /* fewer */
		{returns, 2, false, true, false},	/* a member beyond the last */
		{returns + header->nreturns, 2, false, false, true},
		{header->keys_at, 0, false, false, true},	/* no tails */
		{header->keys_at + 1, 0x7f, false, false, true},	/* longer tails than there are bytes */
		{header->keys_at + 5, 0, false, false, true},	/* no key with this head */
		{header->keys_at + 6, 9, false, false, true},	/* a tail that is not there */
		{header->keys_at + 11, 0x7f, false, false, true},	/* more entries of a key than there are */
		{header->keys_at + 11, 4, false, false, true},	/* fewer than those of its quarters */
		{header->weights_at + 6, 0x7f, false, false, true},
		{header->keys_at + 8, 47, false, false, true},	/* wider weights than there are bytes */
		{(uint32_t) a.size - 1, 4, false, false, false},	/* a weight that leaves nothing for the last one */
	};
	bool		good = memcmp(a.bytes + header->visits_at, visits, sizeof(visits)) == 0 &&
	memcmp(a.bytes + header->keys_at, keys, sizeof(keys)) == 0 &&
	series_of(&a, a.size, 1, false) == KS_OK && series_of(&a, a.size, 2, false) == KS_OK && series_of(&a, a.size, 1, true) == KS_OK;
	size_t		i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
	{
		uint8_t    *byte = a.bytes + changes[i].at;
		uint8_t		kept = *byte;

		*byte = changes[i].byte;
		good &= (series_of(&a, a.size, 1, false) == KS_E_CORRUPT) == changes[i].visits &&
			(series_of(&a, a.size, 2, false) == KS_E_CORRUPT) == changes[i].members &&
			(series_of(&a, a.size, 1, true) == KS_E_CORRUPT) == changes[i].entries &&
			ks_check(a.bytes, a.size, NULL) != KS_OK;
		*byte = kept;
	}
	ok(good, "visits and members that contradict each other are an error");
	ok(series_of(&a, header->keys_at, 1, false) == KS_OK && series_of(&a, header->keys_at, 2, false) == KS_E_TRUNCATED &&
	   series_of(&a, header->members_at, 1, true) == KS_E_TRUNCATED, "members that are not there are an error");
	free(a.bytes);
}

static void
check_versions(void)
{
	stored		a = random_tally(5);

	change_number(&a, NUMBER_MEMBERS, a.view.header.nentries + 1);
	ok(ks_check(a.bytes, a.size, NULL) == KS_E_CORRUPT && ks_view_open(&a.view, a.bytes, a.size) == KS_E_CORRUPT,
	   "more members than entries are none");
	a.bytes[0] = KS_FORMAT_VERSION + 1;
	ok(ks_check(a.bytes, a.size, NULL) == KS_E_VERSION, "a newer version is named so");
	a.bytes[0] = 0;
	ok(ks_check(a.bytes, a.size, NULL) == KS_E_CORRUPT, "version 0 is none");
	ok(ks_check("", 0, NULL) == KS_E_TRUNCATED, "no bytes are no tally");
	free(a.bytes);
}

/* What a query answers to a tally of which it has so many bytes. */
static ks_status
front_of(const stored *a, size_t available, bool whole, bool grouped, bool distinct, size_t *needed)
{
	int64_t		edges[] = {INT64_MIN, whole ? INT64_MAX : (a->view.header.quarter_first + 10) * KS_QUARTER_USECS};
	int32_t		quarters[2];
	bool		cut[2];
	ks_intervals intervals = {quarters, cut, NULL, 0, 1};
	ks_filter	none = {NULL, 0};
	uint8_t    *front = malloc(available);
	ks_view		view;
	ks_query	query;
	ks_top_line *lines = NULL;
	uint32_t	count;
	ks_status	status;

	ks_intervals_set(&intervals, edges, 2);
	if (grouped)
		ks_query_top(&query, NULL, &intervals, &none, distinct, 0, 1);
	else
		ks_query_series(&query, NULL, &intervals, &none, distinct);
	*needed = ks_query_reach(&query, &a->view.header, false);
	memcpy(front, a->bytes, available);
	status = ks_view_open(&view, front, available);
	if (status == KS_OK)
		status = ks_query_add(&query, &view, NULL);
	if (status == KS_OK && grouped)
		status = ks_query_finish_top(&query, 3, &lines, &count);
	else if (status == KS_OK)
		status = ks_query_finish_series(&query);
	free(lines);
	ks_query_free(&query);
	free(front);
	return status;
}

/* The front of a tally, as the server fetches it: what a query needs answers, a byte less is an error. */
static void
check_fronts(void)
{
	stored		a = with_series(50, 30, 0, 20);
	const ks_header *header = &a.view.header;
	const struct
	{
		bool		whole;
		bool		grouped;
		bool		distinct;
		size_t		needed;
	}			cases[] = {
		{false, false, false, header->visits_at},
		{false, false, true, header->keys_at},
		{false, true, false, header->members_at},
		/* of what lies in one bucket, totals will do */
		{true, false, false, header->quarters_at},
		{true, false, true, header->quarters_at},
		{true, true, false, header->weights_at},
	};
	bool		enough = true,
				short_of = true;
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		needed;

		enough &= front_of(&a, cases[i].needed, cases[i].whole, cases[i].grouped, cases[i].distinct, &needed) == KS_OK &&
			needed == cases[i].needed;
		short_of &= front_of(&a, cases[i].needed - 1, cases[i].whole, cases[i].grouped, cases[i].distinct, &needed) == KS_E_TRUNCATED;
	}
	free(a.bytes);
	ok(enough, "a question reads no further than it says");
	ok(short_of, "a byte less is an error");
}

int
main(void)
{
	check_versions();
	check_mutations();
	check_hostile();
	check_contradictions();
	check_fronts();
	printf("1..%d\n", checks);
	return failures > 0;
}
