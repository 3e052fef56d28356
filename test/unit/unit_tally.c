/*
 * unit_tally: the stored format and what it is made from, without a server.
 * One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_tally \
 *     test/unit/unit_tally.c src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c \
 *     src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c \
 *     src/query/entry_scan.c src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 */
#include "stored.h"


/* ------------------------------------------------------------------------
 * Integers, containers
 * ------------------------------------------------------------------------
 */

static bool
varint_returns(uint64_t value)
{
	uint8_t		bytes[KS_VARINT_MAX];
	const uint8_t *end = ks_put_varint(bytes, value);
	const uint8_t *at;
	uint64_t	again = ~value;
	size_t		cut;

	for (cut = 0; cut < (size_t) (end - bytes); cut++)
	{
		at = bytes;
		if (ks_get_varint(&at, bytes + cut, &again))
			return false;
	}
	at = bytes;
	return ks_get_varint(&at, end, &again) && again == value && at == end;
}

static bool
varint_refused(const char *bytes, size_t length)
{
	const uint8_t *at = (const uint8_t *) bytes;
	uint64_t	value;

	return !ks_get_varint(&at, at + length, &value);
}

static bool
flagged_returns(uint64_t value, bool flag)
{
	uint8_t		bytes[KS_VARINT_MAX];
	const uint8_t *end = ks_put_flagged(bytes, value, flag);
	const uint8_t *at;
	uint64_t	again = ~value;
	bool		again_flag = !flag;
	size_t		cut;

	for (cut = 0; cut < (size_t) (end - bytes); cut++)
	{
		at = bytes;
		if (ks_get_flagged(&at, bytes + cut, &again, &again_flag))
			return false;
	}
	at = bytes;
	return end - bytes <= KS_VARINT_MAX && ks_get_flagged(&at, end, &again, &again_flag) && again == value && again_flag == flag && at == end;
}

static bool
flagged_refused(const char *bytes, size_t length)
{
	const uint8_t *at = (const uint8_t *) bytes;
	uint64_t	value;
	bool		flag;

	return !ks_get_flagged(&at, at + length, &value, &flag);
}

/* A column of the largest numbers of a width, and of what is less by one, in an allocation of just its size. */
static bool
column_returns(uint32_t code, size_t count)
{
	uint32_t	width = ks_bits_width(code);
	uint64_t	most = width == 0 ? 0 : UINT64_MAX >> (64 - width);
	size_t		size = (size_t) ks_bits_size(count, code);
	uint8_t    *column = calloc(size > 0 ? size : 1, 1);
	bool		good = size == (count * width + 7) / 8 && ks_bits_code(most) == code &&
	(code == KS_BITS_CODES - 1 || ks_bits_code(most + 1) == code + 1);
	size_t		i;

	for (i = 0; i < count; i++)
		ks_put_bits(column, i, code, i % 3 > 0 ? most - most % 2 * (i % 2) : 0);
	for (i = 0; i < count; i++)
		good &= ks_get_bits(column, i, code) == (i % 3 > 0 ? most - most % 2 * (i % 2) : 0);
	free(column);
	return good;
}

static void
check_integers(void)
{
	static const int64_t signs[] = {0, -1, 1, -2, INT64_MAX, INT64_MIN};
	bool		good = true;
	int			i;

	for (i = 0; i < 64; i++)
		good &= varint_returns(UINT64_C(1) << i) && varint_returns((UINT64_C(1) << i) - 1);
	ok(good && varint_returns(UINT64_MAX), "varints return, and none that is cut off is read");
	ok(varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10) &&
	   varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), "a varint past 64 bits is refused");
	ok(varint_refused("\x80\x00", 2) && varint_refused("\x85\x80\x00", 3) &&
	   varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 10), "a varint that could be shorter is refused");
	for (i = 0, good = true; i < 64; i++)
		good &= flagged_returns(UINT64_C(1) << i, i % 2) && flagged_returns((UINT64_C(1) << i) - 1, i % 3 == 0);
	ok(good && flagged_returns(UINT64_MAX, true) && flagged_returns(UINT64_MAX, false), "so do those that have a flag beside 64 bits");
	ok(flagged_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x04", 10) && flagged_refused("\x80\x00", 2) && flagged_refused("\x81\x00", 2) &&
	   flagged_refused("\x85\x80\x00", 3) && flagged_refused("", 0), "and they are refused past 65 bits, or where they could be shorter");
	for (i = 0, good = true; i < KS_BITS_CODES; i++)
		good &= column_returns((uint32_t) i, 1) && column_returns((uint32_t) i, 7) && column_returns((uint32_t) i, 8) && column_returns((uint32_t) i, 100);
	ok(good, "columns of each width return");
	for (i = 0, good = true; i < 6; i++)
		good &= ks_unzigzag(ks_zigzag(signs[i])) == signs[i];
	ok(good && ks_zigzag(0) == 0 && ks_zigzag(-1) == 1 && ks_zigzag(1) == 2 && ks_zigzag(INT64_MIN) == UINT64_MAX,
	   "zigzag");
}

static void
check_containers(void)
{
	ks_entries	table;
	ks_accumulator accumulator;
	ks_dictionary dictionary;
	int64_t		sum = 0;
	bool		good = true;
	char		name[16];
	uint32_t	i;

	ks_entries_init(&table, NULL);
	for (i = 0; i < 300000; i++)
		good &= ks_entries_add(&table, i % 1000, (int32_t) (i % 7) - 3, i % 13, i) == KS_OK;
	for (i = 0; i < table.count; i++)
		sum += table.entry[i].weight;
	ok(good && table.count == 7 * 13 * 1000 && sum == INT64_C(300000) * 299999 / 2, "entries add while their table grows");
	ks_entries_add(&table, 5000, 0, 0, INT64_MAX);
	ok(ks_entries_add(&table, 5000, 0, 0, 1) == KS_E_OVERFLOW, "an entry that leaves 64 bits is refused");
	ks_entries_free(&table);

	ks_accumulator_init(&accumulator, NULL);
	for (i = 0; i < 300000; i++)
		good &= ks_accumulator_add(&accumulator, i * UINT64_C(7919) % 1000, (int32_t) (i % 7) - 3, i % 13, i) == KS_OK;
	good &= ks_accumulator_consolidate(&accumulator) == KS_OK && accumulator.count == 7 * 13 * 1000;
	for (i = 0, sum = 0; i < accumulator.count; i++)
	{
		const ks_entry *e = &accumulator.entry[i];

		sum += e->weight;
		good &= i == 0 || e[-1].quarter < e->quarter || (e[-1].quarter == e->quarter &&
			(e[-1].member < e->member || (e[-1].member == e->member && e[-1].key < e->key)));
	}
	ok(good && sum == INT64_C(300000) * 299999 / 2, "a ledger adds up while it grows, and settles in order");
	for (i = 0, good = true; i < 300000; i++)
		good &= ks_accumulator_add(&accumulator, i * UINT64_C(7919) % 1000, (int32_t) (i % 7) - 3, i % 13, -(int64_t) i) == KS_OK;
	good &= ks_accumulator_add(&accumulator, 1, KS_QUARTER_MIN, 0, 1) == KS_OK && ks_accumulator_add(&accumulator, 1, KS_QUARTER_MAX, 0, 2) == KS_OK;
	good &= ks_accumulator_consolidate(&accumulator) == KS_OK && accumulator.count == 2 && accumulator.entry[1].weight == 2;
	ok(good, "what a ledger has given back is gone; slots may be far apart");
	ks_accumulator_add(&accumulator, 5000, 0, 0, INT64_MAX);
	ok(ks_accumulator_add(&accumulator, 5000, 0, 0, 1) == KS_E_OVERFLOW || ks_accumulator_consolidate(&accumulator) == KS_E_OVERFLOW,
	   "a ledger refuses a sum that leaves 64 bits");
	ks_accumulator_free(&accumulator);

	ks_dictionary_init(&dictionary, NULL);
	for (i = 0, good = true; i < 200000; i++)
	{
		int			length = snprintf(name, sizeof(name), "%u", i / 2);

		good &= ks_dictionary_put(&dictionary, string_of(name, (size_t) length)) == i / 2;
	}
	good &= ks_dictionary_put(&dictionary, string_of("", 0)) == 100000;
	good &= ks_dictionary_put(&dictionary, string_of("", 0)) == 100000;
	ok(good && ks_dictionary_get(&dictionary, 100000).length == 0 && ks_dictionary_get(&dictionary, 12345).length == 5 &&
	   memcmp(ks_dictionary_get(&dictionary, 12345).bytes, "12345", 5) == 0, "a dictionary numbers strings while it grows");
	ks_dictionary_free(&dictionary);
}

/* However many there are, on either side of where an index begins, each is found and nothing else is. */
static void
check_few(void)
{
	ks_entries	table;
	ks_dictionary dictionary;
	bool		found = true;
	bool		numbered = true;
	char		name[16];
	uint32_t	count,
				i;

	ks_entries_init(&table, NULL);
	ks_dictionary_init(&dictionary, NULL);
	for (count = 0; count < 40; count++)
	{
		for (i = 0; i < count; i++)
		{
			found &= ks_entries_find(&table, i / 4, (int32_t) (i % 4)) == i && ks_entries_number(&table, i / 4, (int32_t) (i % 4)) == i;
			numbered &= ks_dictionary_put(&dictionary, string_of(name, (size_t) snprintf(name, sizeof(name), "%.*u", (int) i % 3, i))) == i;
		}
		found &= ks_entries_find(&table, count / 4, (int32_t) (count % 4)) == UINT32_MAX;
		found &= ks_entries_number(&table, count / 4, (int32_t) (count % 4)) == count;
		numbered &= ks_dictionary_put(&dictionary, string_of(name, (size_t) snprintf(name, sizeof(name), "%.*u", (int) count % 3, count))) == count;
	}
	ok(found && table.count == 40, "few entries are found without an index, and with it when they become more");
	ok(numbered && dictionary.count == 40, "so are few strings");
	ks_entries_free(&table);
	ks_dictionary_free(&dictionary);
	ok(table.count == 0 && ks_entries_find(&table, 0, 0) == UINT32_MAX && dictionary.count == 0, "nothing is left of those that were freed");
}

/* ------------------------------------------------------------------------
 * Arithmetic
 * ------------------------------------------------------------------------
 */

/* a + b, by way of two builders. */
static stored
add_builders(const stored *a, const stored *b)
{
	ks_builder	left,
				right;

	ks_builder_init(&left, NULL);
	ks_builder_init(&right, NULL);
	ks_builder_merge(&left, &a->view, false);
	ks_builder_merge(&right, &b->view, false);
	ks_builder_add_all(&left, &right);
	ks_builder_free(&right);
	return pack(&left);
}

static void
check_arithmetic(void)
{
	bool		commutes = true,
				associates = true,
				takes_away = true,
				slices = true,
				canonical = true;
	int			i;

	for (i = 0; i < 300; i++)
	{
		stored		a = random_tally(below(200));
		stored		b = random_tally(below(200));
		stored		c = random_tally(below(50));
		stored		ab = add(&a, &b, false);
		stored		ba = add(&b, &a, false);
		stored		bc = add(&b, &c, false);
		stored		left = add(&ab, &c, false);
		stored		right = add(&a, &bc, false);
		stored		back = add(&ab, &b, true);
		stored		none = add(&a, &a, true);
		stored		both = add_builders(&a, &b);
		int32_t		cut = a.view.header.quarter_first + (int32_t) below(50);
		stored		before = slice(&a, KS_QUARTER_MIN, cut);
		stored		after = slice(&a, cut, KS_QUARTER_MAX + 1);
		stored		whole = add(&before, &after, false);

		commutes &= same(&ab, &ba) && same(&ab, &both);
		associates &= same(&left, &right);
		takes_away &= same_content(&back, &a) && none.view.header.nweights == 0 && none.view.header.nentries == 0;
		slices &= same_content(&whole, &a) &&
			(before.view.header.nweights == 0 || before.view.header.quarter_last < cut) &&
			(after.view.header.nweights == 0 || after.view.header.quarter_first >= cut);
		canonical &= ks_check(left.bytes, left.size, NULL) == KS_OK && ks_check(none.bytes, none.size, NULL) == KS_OK &&
			ks_check(before.bytes, before.size, NULL) == KS_OK && ks_check(after.bytes, after.size, NULL) == KS_OK;
		free(a.bytes), free(b.bytes), free(c.bytes), free(ab.bytes), free(ba.bytes), free(bc.bytes), free(left.bytes),
			free(right.bytes), free(back.bytes), free(none.bytes), free(before.bytes), free(after.bytes), free(whole.bytes), free(both.bytes);
	}
	ok(commutes, "a + b = b + a, byte for byte, stored or not");
	ok(associates, "(a + b) + c = a + (b + c), byte for byte");
	ok(takes_away, "a + b - b = a, and a - a is empty");
	ok(slices, "what is before a quarter hour and what is after it are the whole");
	ok(canonical, "what is packed passes the check");
}

/* Splitting by the first part, and putting it before the rest again, changes nothing. */
static void
check_split(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 200; i++)
	{
		stored		a = random_tally(below(200));
		ks_builder	whole,
					again;
		ks_share   *shares;
		uint32_t	count,
					s,
					e;
		stored		b;

		ks_builder_init(&whole, NULL);
		ks_builder_init(&again, NULL);
		ks_builder_merge(&whole, &a.view, false);
		good &= ks_builder_split(&whole, &shares, &count) == KS_OK && count <= 4;
		for (s = 0; s < count; s++)
		{
			ks_builder *share = &shares[s].builder;
			int			pass;

			for (pass = 0; pass < 2; pass++)
			{
				const ks_accumulator *from = pass ? &share->members : &share->weights;

				for (e = 0; e < from->count; e++)
				{
					ks_string	rest = ks_dictionary_get(&share->keys, from->entry[e].key);
					uint8_t		bytes[64];
					uint8_t    *at = ks_key_put(bytes, shares[s].name.bytes, shares[s].name.length);

					memcpy(at, rest.bytes, rest.length);
					/* a key without parts has gone to those whose first part is NULL */
					ks_accumulator_add(pass ? &again.members : &again.weights, from->entry[e].member, from->entry[e].quarter,
									   ks_dictionary_put(&again.keys, string_of(bytes, (size_t) (at - bytes) + rest.length)),
								   from->entry[e].weight);
				}
			}
			ks_builder_free(share);
		}
		b = pack(&again);
		good &= b.view.header.total == a.view.header.total && b.view.header.nmembers == a.view.header.nmembers;
		free(shares);
		ks_builder_free(&whole);
		free(a.bytes), free(b.bytes);
	}
	ok(good, "a tally that is split by the first part of its keys loses nothing");
}

/* As many keys as there may be first parts of them: the split must not compare each with each. */
static void
check_split_many(void)
{
	ks_builder	builder;
	ks_share   *shares;
	uint32_t	count;
	uint32_t	i;
	bool		good;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < 50000; i++)
	{
		uint8_t		bytes[16];
		uint8_t    *at = ks_key_put(bytes, &i, sizeof(i));

		ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of(bytes, (size_t) (at - bytes))), 0, 1);
	}
	good = ks_builder_split(&builder, &shares, &count) == KS_OK && count == 50000;
	for (i = 0; i < count; i++)
	{
		good &= shares[i].name.length == sizeof(i) && memcmp(shares[i].name.bytes, &i, sizeof(i)) == 0;
		ks_builder_free(&shares[i].builder);
	}
	free(shares);
	ks_builder_free(&builder);
	ok(good, "fifty thousand first parts");
}

/* ------------------------------------------------------------------------
 * Limits
 * ------------------------------------------------------------------------
 */

static bool
spread_returns(uint32_t nkeys, uint32_t nmembers, int32_t first_quarter, int32_t last_quarter, int ordinal_width)
{
	stored		a = with_series(nkeys, nmembers, first_quarter, last_quarter);
	ks_members	members;
	bool		good = a.bytes != NULL && ks_check(a.bytes, a.size, NULL) == KS_OK &&
	ks_view_members(&a.view, &members) == KS_OK && members.ordinal_width == ordinal_width &&
	a.view.header.nkeys == nkeys && a.view.header.total == nkeys && a.view.header.nentries == nkeys &&
	a.view.header.nmembers == (nmembers < nkeys ? nmembers : nkeys) && ks_member_ordinal(&members, nkeys - 1) < nmembers;

	free(a.bytes);
	return good;
}

static void
check_widths(void)
{
	ok(spread_returns(1, 9, 0, 0, 0) && spread_returns(2, 1, 0, 0, 0) && spread_returns(257, 1, 0, 5, 0) &&
	   spread_returns(70000, 2, 0, 5, 1) && spread_returns(70000, 256, 0, 5, 1) && spread_returns(70000, 257, 0, 5, 2) &&
	   spread_returns(70000, 65536, 0, 5, 2) && spread_returns(70000, 65537, 0, 5, 4), "members take 0, 1, 2 or 4 bytes");
	ok(spread_returns(2, 1, KS_QUARTER_MIN, KS_QUARTER_MAX, 0) && spread_returns(1, 1, 0, KS_QUARTER_MIN, 0) &&
	   spread_returns(1, 1, 0, KS_QUARTER_MAX, 0), "slots at both ends of the years");
	ok(with_series(1, 1, 0, KS_QUARTER_MIN - 1).bytes == NULL && with_series(1, 1, 0, KS_QUARTER_MAX + 1).bytes == NULL,
	   "slots beyond the years are refused");
}

/* An event without a member takes away, in the same quarter and under the same key, what somebody has: he stays, and no weight is below zero. */
static void
check_nothing_left(void)
{
	static const uint8_t block[] = {0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	int32_t		quarter;
	int64_t		weight;
	ks_builder	builder;
	ks_key_cursor key;
	ks_quarter_cursor quarters;
	stored		a;

	ks_builder_init(&builder, NULL);
	ks_builder_add_member(&builder, ks_dictionary_put(&builder.keys, string_of("", 0)), 0, 7, 1);
	ks_builder_add(&builder, 0, 0, -1);
	ks_builder_add(&builder, 0, 1, 1);
	a = pack(&builder);
	key = ks_view_keys(&a.view);
	ok(ks_check(a.bytes, a.size, NULL) == KS_OK && a.view.header.flags == KS_FLAG_WEIGHTS && a.view.header.nquarters == 1 &&
	   a.view.header.members_at - a.view.header.weights_at == sizeof(block) && memcmp(a.bytes + a.view.header.weights_at, block, sizeof(block)) == 0,
	   "a weight of 0 takes 64 bits where none is below");
	ks_key_next(&key);
	quarters = ks_key_weights(&a.view, &key);
	ok(ks_quarter_next(&quarters, &quarter, &weight) && quarter == 0 && weight == 0 && quarters.entry_end == 1 &&
	   ks_quarter_next(&quarters, &quarter, &weight) && quarter == 1 && weight == 1 && quarters.entry == 1 && quarters.entry_end == 1,
	   "and its member is still there");
	free(a.bytes);
}

/* A weight of the key that has this letter in a quarter. */
typedef struct cell
{
	char		key;
	int32_t		quarter;
	int64_t		weight;
} cell;

/* Packs some weights. */
static ks_status
pack_cells(const cell *cells, int count)
{
	ks_builder	builder;
	uint8_t    *bytes;
	size_t		size;
	ks_status	status = KS_OK;
	int			i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < count && status == KS_OK; i++)
	{
		char		key[] = {2, cells[i].key};

		status = ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of(key, 2)), cells[i].quarter, cells[i].weight);
	}
	if (status == KS_OK)
		status = ks_pack(&builder, 0, &bytes, &size);
	if (status == KS_OK)
		free(bytes);
	ks_builder_free(&builder);
	return status;
}

#define PACK(...) pack_cells((const cell []) {__VA_ARGS__}, (int) (sizeof((const cell []) {__VA_ARGS__}) / sizeof(cell)))

static void
check_overflow(void)
{
	ks_builder	builder;
	stored		lowest;

	ok(PACK({'a', 0, INT64_MAX}, {'b', 0, 1}) == KS_E_OVERFLOW && PACK({'a', 0, INT64_MAX}, {'b', 1, 1}) == KS_E_OVERFLOW &&
	   PACK({'a', 0, INT64_MIN}, {'a', 1, -1}) == KS_E_OVERFLOW && PACK({'a', 0, INT64_MAX}, {'a', 1, 1}, {'b', 0, -2}) == KS_E_OVERFLOW,
	   "a slot's, a key's or the total weight past 64 bits is refused");
	ok(PACK({'a', 0, INT64_MAX}, {'b', 0, -1}) == KS_OK && PACK({'a', 0, INT64_MIN}, {'b', 1, INT64_MAX}) == KS_OK &&
	   PACK({'a', 0, INT64_MAX}, {'b', 1, 1}, {'c', 0, -1}) == KS_OK, "the ends of 64 bits can be held");

	/* what was packed is unpacked in the order of the keys */
	ks_builder_init(&builder, NULL);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("\x02" "a", 2)), 0, INT64_MAX);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("\x02" "c", 2)), 0, -2);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("\x02" "b", 2)), 0, 1);
	lowest = pack(&builder);
	ok(lowest.bytes != NULL && lowest.view.header.total == INT64_MAX - 1 && ks_check(lowest.bytes, lowest.size, NULL) == KS_OK,
	   "sums may leave 64 bits on the way, in one order and not in another");
	free(lowest.bytes);

	ks_builder_init(&builder, NULL);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("", 0)), 0, INT64_MIN);
	lowest = pack(&builder);
	ks_builder_init(&builder, NULL);
	ok(ks_check(lowest.bytes, lowest.size, NULL) == KS_OK &&
	   ks_builder_merge(&builder, &lowest.view, true) == KS_E_OVERFLOW, "the lowest weight has no negative");
	ks_builder_free(&builder);
	free(lowest.bytes);
}

static void
check_keys(void)
{
	uint8_t		bytes[80];
	uint8_t    *at = bytes;
	int			i;

	for (i = 0; i < KS_KEY_MAX_PARTS; i++)
		at = ks_key_put(at, NULL, 0);
	ok(ks_key_valid(string_of(bytes, KS_KEY_MAX_PARTS)), "a key of 64 parts");
	*at = 0;
	ok(!ks_key_valid(string_of(bytes, KS_KEY_MAX_PARTS + 1)), "no key of 65 parts");
	ok(ks_key_valid(string_of("", 0)) && ks_key_valid(string_of("\0\1\2a", 4)) && !ks_key_valid(string_of("\3a", 2)) &&
	   !ks_key_valid(string_of("\x82\0a", 3)) && !ks_key_valid(string_of("\xff", 1)), "keys are whole parts, lengths as short as can be");
	ok(ks_key_compare(string_of("", 0), string_of("\0", 1)) < 0 && ks_key_compare(string_of("\0", 1), string_of("\1", 1)) < 0 &&
	   ks_key_compare(string_of("\1", 1), string_of("\2a", 2)) < 0 && ks_key_compare(string_of("\3ab", 3), string_of("\2b", 2)) < 0 &&
	   ks_key_compare(string_of("\2a", 2), string_of("\2a\0", 3)) < 0 && ks_key_compare(string_of("\2a\2b", 4), string_of("\2a\2b", 4)) == 0,
	   "no part, NULL, empty, bytewise, fewer parts first");
}


/* Whether members are numbered as they come, those of a quarter by hash, and those who return are written down. */
static bool
visits_in_order(const ks_view *view)
{
	ks_visit_cursor visits = ks_view_visits(view);
	int			width = ks_number_width(view->header.nmembers);
	const uint8_t *hashes,
			   *returns;
	uint64_t	count;
	uint32_t	i;

	if (ks_view_column(view, KS_HASHES, 0, view->header.nmembers, &hashes) != KS_OK ||
		ks_view_column(view, KS_RETURNS, 0, view->header.nreturns, &returns) != KS_OK)
		return false;
	while (ks_visit_next(&visits))
	{
		uint32_t	before = visits.return_at;

		while (ks_visit_pair(&visits, &count))
			;
		for (i = visits.member + 1; i < visits.member_end; i++)
		{
			if (ks_get_u64(hashes + (size_t) i * 8) <= ks_get_u64(hashes + (size_t) (i - 1) * 8))
				return false;
		}
		for (i = before; i < visits.return_at; i++)
		{
			if (ks_get_number(returns, i, width) >= visits.member ||
				(i > before && ks_get_number(returns, i, width) <= ks_get_number(returns, i - 1, width)))
				return false;
		}
	}
	return visits.status == KS_OK && visits.member_end == view->header.nmembers && visits.return_at == view->header.nreturns;
}

/* Whether entries ascend by key, quarter and member, and no quarter comes twice. */
static bool
entries_in_order(const ks_view *view)
{
	ks_run_cursor run = ks_view_runs(view);
	ks_members	members;
	uint32_t	key = UINT32_MAX;
	int64_t		quarter = 0;
	uint32_t	end = 0;
	uint32_t	i;

	if (ks_view_members(view, &members) != KS_OK)
		return false;
	while (ks_run_next(&run))
	{
		if (run.entry != end || (run.key == key && run.quarter <= quarter))
			return false;
		for (i = run.entry; i < run.entry_end; i++)
		{
			if (ks_member_ordinal(&members, i) >= view->header.nmembers ||
				(i > run.entry && ks_member_ordinal(&members, i) <= ks_member_ordinal(&members, i - 1)))
				return false;
		}
		key = run.key;
		quarter = run.quarter;
		end = run.entry_end;
	}
	return run.status == KS_OK && end == view->header.nentries;
}

static void
check_order(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 200; i++)
	{
		stored		a = random_tally(1 + below(400));

		good &= visits_in_order(&a.view) && entries_in_order(&a.view);
		free(a.bytes);
	}
	ok(good, "members are numbered by their first visits, entries ascend by key");
}

/* Outermost instants that say nothing of others: one event, or none, which was added and taken away. */
static void
check_bounds(void)
{
	ks_bounds	bounds;

	ks_bounds_reset(&bounds);
	ok(ks_bounds_idle(&bounds), "bounds of nothing are idle");
	ks_bounds_note(&bounds, 5, false);
	ok(!ks_bounds_idle(&bounds), "those of one event are not");
	ks_bounds_note(&bounds, 5, true);
	ok(ks_bounds_idle(&bounds), "until it is taken away");
	ks_bounds_note(&bounds, 7, false);
	ks_bounds_note(&bounds, 7, true);
	ok(ks_bounds_consolidated(&bounds) && !ks_bounds_idle(&bounds), "of two, there may be others between them");
}

/* Sums up to an end amid many quarters, wherever it is; what a quarter's keys have taken from each other is not written. */
static void
check_sums(void)
{
	enum
	{
		QUARTERS = 60
	};
	ks_builder	builder;
	stored		tally;
	bool		good = true;
	int			end;
	int			i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < QUARTERS; i++)
		ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("a", 1)), i, 1);
	tally = pack(&builder);
	for (end = 1; end <= QUARTERS; end++)
	{
		ks_quarter_cursor cursor = ks_view_quarters(&tally.view);
		int64_t		sum = 0;

		good &= ks_quarter_sum(&cursor, end, &sum) == KS_OK && sum == end;
		good &= ks_quarter_sum(&cursor, QUARTERS, &sum) == KS_OK && sum == QUARTERS;
	}
	ok(good, "quarters are added up to an end, and the others after it");
	free(tally.bytes);

	ks_builder_init(&builder, NULL);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("a", 1)), 0, 1);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("b", 1)), 0, -1);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("b", 1)), 1, 1);
	tally = pack(&builder);
	ok(tally.view.header.nquarters == 1, "nothing is written of a quarter whose keys add up to nothing");
	free(tally.bytes);
}

int
main(void)
{
	check_integers();
	check_bounds();
	check_sums();
	check_containers();
	check_few();
	check_keys();
	check_arithmetic();
	check_split();
	check_split_many();
	check_widths();
	check_nothing_left();
	check_order();
	check_overflow();
	printf("1..%d\n", checks);
	return failures > 0;
}
