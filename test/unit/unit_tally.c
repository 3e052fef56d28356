/*
 * unit_tally: the stored format and what it is made from, without a server.
 * One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_tally \
 *     test/unit/unit_tally.c src/tally/bins.c src/tally/builder.c src/tally/distinct.c src/tally/entries.c src/tally/filter.c \
 *     src/tally/fold.c src/tally/hash.c src/tally/key.c src/tally/pack.c src/tally/view.c src/tally/visit.c
 */
#include "tally/builder.h"
#include "tally/fold.h"
#include "tally/hash.h"

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", checks, name);
}

static uint64_t random_state = 1;

static uint32_t
below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t) ((random_state >> 33) % limit);
}

static ks_string
string_of(const void *bytes, size_t length)
{
	ks_string	result = {bytes, length};

	return result;
}

/* ------------------------------------------------------------------------
 * Hash, integers, containers
 * ------------------------------------------------------------------------
 */

/* What libxxhash 0.8.1 answers for the first length bytes of i * 7 + 1. */
static const struct
{
	size_t		length;
	uint64_t	hash;
}			vectors[] = {
	{0, UINT64_C(0xef46db3751d8e999)},
	{1, UINT64_C(0x8a4127811b21e730)},
	{3, UINT64_C(0xb6e6c910c2fd373a)},
	{4, UINT64_C(0x22eda2cf6af4c124)},
	{5, UINT64_C(0x1da48e4b4cafab76)},
	{7, UINT64_C(0x34084d91a233a751)},
	{8, UINT64_C(0xc6f1803a5e0b3222)},
	{9, UINT64_C(0x9e8adf2a0ccdb6da)},
	{11, UINT64_C(0xa295d00465199f0a)},
	{12, UINT64_C(0x9178b724dce384c0)},
	{15, UINT64_C(0x514c6f58d37ce6f1)},
	{31, UINT64_C(0x6ab1c40e29f50073)},
	{32, UINT64_C(0x5a0756fbe9ecd3d1)},
	{33, UINT64_C(0xdc50cdc37bb9c183)},
	{35, UINT64_C(0x64593b59a48d806f)},
	{36, UINT64_C(0x31e83081f3301bb8)},
	{39, UINT64_C(0xe6b392c5985d77ab)},
	{40, UINT64_C(0x7899cacb89a78430)},
	{63, UINT64_C(0x10dd94885c71894a)},
	{64, UINT64_C(0x90083da9cdb9d795)},
	{65, UINT64_C(0x38824dea10bf4e5d)},
	{100, UINT64_C(0xd248bfc5208b0b16)},
	{1000, UINT64_C(0x6be03acbf959c413)},
};

static void
check_hash(void)
{
	uint8_t		bytes[1001];
	bool		aligned = true;
	bool		shifted = true;
	size_t		i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		size_t		k;

		for (k = 0; k < 1000; k++)
			bytes[k] = (uint8_t) (k * 7 + 1);
		aligned &= ks_hash_bytes(bytes, vectors[i].length) == vectors[i].hash;
		memmove(bytes + 1, bytes, 1000);
		shifted &= ks_hash_bytes(bytes + 1, vectors[i].length) == vectors[i].hash;
	}
	ok(aligned, "XXH64 of 0 to 1000 bytes");
	ok(shifted, "XXH64 at an odd address");
	ok(ks_hash_bytes("abc", 3) == UINT64_C(0x44bc2cf5ad770999), "XXH64 of abc");
}

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
	for (i = 0, good = true; i < 6; i++)
		good &= ks_unzigzag(ks_zigzag(signs[i])) == signs[i];
	ok(good && ks_zigzag(0) == 0 && ks_zigzag(-1) == 1 && ks_zigzag(1) == 2 && ks_zigzag(INT64_MIN) == UINT64_MAX,
	   "zigzag");
}

static void
check_containers(void)
{
	ks_entries	table;
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

/* ------------------------------------------------------------------------
 * Arithmetic
 * ------------------------------------------------------------------------
 */

/* A stored tally, and a view of it. */
typedef struct stored
{
	uint8_t    *bytes;
	size_t		size;
	ks_view		view;
} stored;

static stored
pack(ks_builder *builder)
{
	stored		result = {NULL, 0};

	if (ks_pack(builder, 0, &result.bytes, &result.size) == KS_OK)
		ks_view_open(&result.view, result.bytes, result.size);
	ks_builder_free(builder);
	return result;
}

/* A key of up to three parts, the first one of "a", "", NULL or absent. */
static uint32_t
put_random_key(ks_builder *builder)
{
	uint8_t		bytes[32];
	uint8_t    *at = bytes;
	uint32_t	parts = below(4);

	while (parts-- > 0)
	{
		uint32_t	kind = below(4);

		at = ks_key_put(at, kind == 0 ? NULL : kind == 1 ? "" : "ab", kind == 0 ? 0 : kind - 1);
	}
	return ks_dictionary_put(&builder->keys, string_of(bytes, (size_t) (at - bytes)));
}

static stored
random_tally(uint32_t events)
{
	int32_t		start = (int32_t) below(2000) - 1000;
	int64_t		lowest = below(2) ? -200 : 0;
	ks_builder	builder;
	uint32_t	i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < events; i++)
	{
		uint32_t	key = put_random_key(&builder);
		int32_t		slot = start + (int32_t) below(50);
		int64_t		weight = (int64_t) below(1000) + lowest;

		if (below(3) == 0)
			ks_builder_add(&builder, key, slot, weight);
		else
			ks_builder_add_member(&builder, key, slot, ks_hash_bytes(&i, 1 + below(2)), weight);
		ks_bounds_note(&builder.bounds, slot * KS_SLOT_USECS + below(900000000), weight < 0);
	}
	return pack(&builder);
}

/* a + b, or a - b. */
static stored
add(const stored *a, const stored *b, bool negate)
{
	ks_builder	builder;

	ks_builder_init(&builder, NULL);
	ks_builder_merge(&builder, &a->view, false);
	ks_builder_merge(&builder, &b->view, negate);
	return pack(&builder);
}

static stored
slice(const stored *a, int32_t from, int32_t to)
{
	ks_builder	builder;

	ks_builder_init(&builder, NULL);
	ks_builder_merge_range(&builder, &a->view, false, from, to);
	return pack(&builder);
}

static bool
same(const stored *a, const stored *b, size_t from)
{
	return a->bytes != NULL && a->size == b->size && memcmp(a->bytes + from, b->bytes + from, a->size - from) == 0;
}

/* The same but for the bounds, which taking away does not take back. */
static bool
same_content(const stored *a, const stored *b)
{
	return same(a, b, 72) && memcmp(a->bytes, b->bytes, 40) == 0;
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
		int32_t		cut = a.view.header.slot_first + (int32_t) below(50);
		stored		before = slice(&a, KS_SLOT_MIN, cut);
		stored		after = slice(&a, cut, KS_SLOT_MAX + 1);
		stored		whole = add(&before, &after, false);

		commutes &= same(&ab, &ba, 0);
		associates &= same(&left, &right, 0);
		takes_away &= same_content(&back, &a) && none.view.header.nweights == 0 && none.view.header.nentries == 0;
		slices &= same_content(&whole, &a) &&
			(before.view.header.nweights == 0 || before.view.header.slot_last < cut) &&
			(after.view.header.nweights == 0 || after.view.header.slot_first >= cut);
		canonical &= ks_check(left.bytes, left.size, NULL) == KS_OK && ks_check(none.bytes, none.size, NULL) == KS_OK &&
			ks_check(before.bytes, before.size, NULL) == KS_OK && ks_check(after.bytes, after.size, NULL) == KS_OK;
		free(a.bytes), free(b.bytes), free(c.bytes), free(ab.bytes), free(ba.bytes), free(bc.bytes), free(left.bytes),
			free(right.bytes), free(back.bytes), free(none.bytes), free(before.bytes), free(after.bytes), free(whole.bytes);
	}
	ok(commutes, "a + b = b + a, byte for byte");
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
				const ks_entries *from = pass ? &share->members : &share->weights;

				for (e = 0; e < from->count; e++)
				{
					ks_string	rest = ks_dictionary_get(&share->keys, from->entry[e].key);
					uint8_t		bytes[64];
					uint8_t    *at = ks_key_put(bytes, shares[s].name.bytes, shares[s].name.length);

					memcpy(at, rest.bytes, rest.length);
					/* a key without parts has gone to those whose first part is NULL */
					ks_entries_add(pass ? &again.members : &again.weights, from->entry[e].member, from->entry[e].slot,
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

/* nkeys keys, the last one at last_slot, the others at first_slot, each with one of so many members. */
static stored
spread(uint32_t nkeys, uint32_t nmembers, int32_t first_slot, int32_t last_slot)
{
	ks_builder	builder;
	uint32_t	i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < nkeys; i++)
	{
		uint8_t		bytes[16];
		uint8_t    *at = ks_key_put(bytes, &i, sizeof(i));

		ks_builder_add_member(&builder, ks_dictionary_put(&builder.keys, string_of(bytes, (size_t) (at - bytes))),
							  i + 1 == nkeys ? last_slot : first_slot, i % nmembers, 1);
	}
	return pack(&builder);
}

static bool
spread_returns(uint32_t nkeys, uint32_t nmembers, int32_t first_slot, int32_t last_slot, int ordinal_width, int key_width)
{
	stored		a = spread(nkeys, nmembers, first_slot, last_slot);
	ks_members	members;
	bool		good = a.bytes != NULL && ks_check(a.bytes, a.size, NULL) == KS_OK &&
	ks_view_members(&a.view, &members) == KS_OK && members.ordinal_width == ordinal_width && members.key_width == key_width &&
	a.view.header.nkeys == nkeys && a.view.header.total == nkeys && a.view.header.nentries == nkeys &&
	a.view.header.nmembers == (nmembers < nkeys ? nmembers : nkeys) &&
	ks_member_key(&members, nkeys - 1) < nkeys && ks_member_ordinal(&members, nkeys - 1) < nmembers;

	free(a.bytes);
	return good;
}

static void
check_widths(void)
{
	ok(spread_returns(1, 9, 0, 0, 0, 0) && spread_returns(2, 1, 0, 0, 0, 1) && spread_returns(256, 1, 0, 5, 0, 1) &&
	   spread_returns(257, 1, 0, 5, 0, 2) && spread_returns(65536, 1, 0, 5, 0, 2) && spread_returns(65537, 1, 0, 5, 0, 4),
	   "keys take 0, 1, 2 or 4 bytes");
	ok(spread_returns(70000, 2, 0, 5, 1, 4) && spread_returns(70000, 256, 0, 5, 1, 4) && spread_returns(70000, 257, 0, 5, 2, 4) &&
	   spread_returns(70000, 65536, 0, 5, 2, 4) && spread_returns(70000, 65537, 0, 5, 4, 4), "members take 0, 1, 2 or 4 bytes");
	ok(spread_returns(2, 1, KS_SLOT_MIN, KS_SLOT_MAX, 0, 1) && spread_returns(1, 1, 0, KS_SLOT_MIN, 0, 0) &&
	   spread_returns(1, 1, 0, KS_SLOT_MAX, 0, 0), "slots at both ends of the years");
	ok(spread(1, 1, 0, KS_SLOT_MIN - 1).bytes == NULL && spread(1, 1, 0, KS_SLOT_MAX + 1).bytes == NULL,
	   "slots beyond the years are refused");
}

/* Packs weights x of key 0 and y of key 1 in two slots, or in one. */
static ks_status
pack_two(int64_t x, int64_t y, bool one_key, bool one_slot)
{
	ks_builder	builder;
	uint8_t    *bytes;
	size_t		size;
	ks_status	status;

	ks_builder_init(&builder, NULL);
	ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("\x02" "a", 2)), 0, x);
	status = ks_builder_add(&builder, ks_dictionary_put(&builder.keys, string_of("\x02" "b", one_key ? 0 : 2)),
							one_slot ? 0 : 1, y);
	if (status == KS_OK)
		status = ks_pack(&builder, 0, &bytes, &size);
	if (status == KS_OK)
		free(bytes);
	ks_builder_free(&builder);
	return status;
}

static void
check_overflow(void)
{
	ks_builder	builder;
	stored		lowest;

	ok(pack_two(INT64_MAX, 1, false, true) == KS_E_OVERFLOW && pack_two(INT64_MAX, 1, false, false) == KS_E_OVERFLOW &&
	   pack_two(INT64_MIN, -1, true, false) == KS_E_OVERFLOW, "a slot's, a key's or the total weight past 64 bits is refused");
	ok(pack_two(INT64_MAX, -1, false, true) == KS_OK && pack_two(INT64_MIN, INT64_MAX, false, false) == KS_OK,
	   "the ends of 64 bits can be held");

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

/* ------------------------------------------------------------------------
 * Hostile bytes
 * ------------------------------------------------------------------------
 */

/* Walks bytes that nobody has checked, as on a damaged page: they may only end in a status. */
static void
fold_unchecked(const uint8_t *bytes, size_t size)
{
	static const int64_t edges[] = {INT64_MIN, 0, 1000 * KS_SLOT_USECS, INT64_MAX};
	int32_t		slots[4];
	bool		cut[4];
	ks_bins		bins = {slots, cut, NULL, 0, 3};
	ks_condition condition = {1, true, {(const uint8_t *) "a", 1}};
	ks_filter	filter = {&condition, 1};
	ks_filter	none = {NULL, 0};
	ks_fold		fold;
	ks_top_line *lines = NULL;
	uint32_t	count;
	ks_view		view;

	if (ks_view_open(&view, bytes, size) != KS_OK || view.header.size != size)
		return;
	ks_bins_set(&bins, edges, 4);
	ks_fold_series(&fold, NULL, &bins, &none, true);
	if (ks_fold_add(&fold, &view, NULL) == KS_OK)
		ks_fold_finish_series(&fold);
	ks_fold_free(&fold);
	/* twice, so that all bins are shared */
	ks_fold_series(&fold, NULL, &bins, &none, true);
	if (ks_fold_add(&fold, &view, NULL) == KS_OK && ks_fold_add(&fold, &view, NULL) == KS_OK)
		ks_fold_finish_series(&fold);
	ks_fold_free(&fold);
	ks_fold_series(&fold, NULL, &bins, &filter, true);
	if (ks_fold_add(&fold, &view, &condition.value) == KS_OK)
		ks_fold_finish_series(&fold);
	ks_fold_free(&fold);
	ks_fold_top(&fold, NULL, &bins, &none, true, 0, 1);
	if (ks_fold_add(&fold, &view, NULL) == KS_OK)
		ks_fold_finish_top(&fold, 3, &lines, &count);
	ks_fold_free(&fold);
	free(lines);
}

static bool
refused(const stored *a, uint8_t *bytes)
{
	fold_unchecked(bytes, a->size);
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
	empty = ks_builder_empty(&builder);
	ks_builder_free(&builder);
	return status == KS_E_OVERFLOW || (status == KS_OK && empty);
}

/*
 * A changed byte may give another well-formed tally (a weight, a bound), but in
 * the counts, offsets and reserved bytes of the header it may not.
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
				header &= no || (at >= 40 && at < 72) || at >= KS_HEADER_BYTES;
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
	ok(header, "no changed bit in the header but in its bounds");
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
				ks_put_u32(a.bytes + 4 + 4 * below(20), below(2) ? large[below(7)] : below((uint32_t) a.size + 1));
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
	static const int64_t edges[] = {INT64_MIN, KS_SLOT_USECS, INT64_MAX};
	int32_t		slots[3];
	bool		cut[3];
	ks_bins		bins = {slots, cut, NULL, 0, 2};
	ks_condition condition = {0, true, {(const uint8_t *) "z", 1}};
	ks_filter	filter = {&condition, filtered};
	ks_status	status = KS_OK;
	ks_fold		fold;
	ks_view		view;

	if (ks_view_open(&view, a->bytes, available) != KS_OK)
		return KS_E_VERSION;
	ks_bins_set(&bins, edges, 3);
	ks_fold_series(&fold, NULL, &bins, &filter, true);
	while (status == KS_OK && rows-- > 0)
		status = ks_fold_add(&fold, &view, NULL);
	if (status == KS_OK)
		status = ks_fold_finish_series(&fold);
	ks_fold_free(&fold);
	return status;
}

/* Member 1 in slots 0, 1 and 3, member 2 in slots 1, 2 and 3. */
static stored
two_members(void)
{
	ks_builder	builder;
	uint32_t	key;

	ks_builder_init(&builder, NULL);
	key = ks_dictionary_put(&builder.keys, string_of("\x02" "a", 2));
	ks_builder_add_member(&builder, key, 0, 1, 1);
	ks_builder_add_member(&builder, key, 1, 1, 1);
	ks_builder_add_member(&builder, key, 1, 2, 1);
	ks_builder_add_member(&builder, key, 2, 2, 1);
	ks_builder_add_member(&builder, key, 3, 1, 1);
	ks_builder_add_member(&builder, key, 3, 2, 1);
	return pack(&builder);
}

/* Counts that contradict each other, whichever way they are read; visits alone do not look at members. */
static void
check_contradictions(void)
{
	static const uint8_t visits[] = {0, 1, 1, 0, 1, 2, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 2, 0, 2, 1, 1, 1, 1};
	static const struct
	{
		enum
		{
			HEADER, VISITS, MEMBERS
		}			part;
		uint32_t	at;
		uint8_t		byte;
	}			changes[] = {
		{HEADER, 20, 12},		/* more entries than there are weights */
		{VISITS, 2, 2},			/* more first visits than entries */
		{VISITS, 3, 0x7f},		/* more pairs than bytes */
		{VISITS, 4, 0x7f},		/* beyond the last slot */
		{VISITS, 5, 0x7f},		/* more entries than there are */
		{VISITS, 7, 2},			/* a pair that is not there */
		{VISITS, 8, 0x7f},		/* a gap larger than all slots */
		{VISITS, 9, 2},			/* more visits than entries */
		{VISITS, 21, 2},		/* the same, in two pairs */
		{MEMBERS, 2, 2},		/* a member beyond the last */
		{MEMBERS, 1, 0xff},
	};
	stored		a = two_members();
	bool		good = memcmp(a.bytes + a.view.header.visits_at, visits, sizeof(visits)) == 0 &&
	series_of(&a, a.size, 1, false) == KS_OK && series_of(&a, a.size, 2, false) == KS_OK && series_of(&a, a.size, 1, true) == KS_OK;
	size_t		i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
	{
		uint8_t    *byte = a.bytes + changes[i].at;
		uint8_t		kept;

		if (changes[i].part == VISITS)
			byte += a.view.header.visits_at;
		else if (changes[i].part == MEMBERS)	/* past the hashes: the entries' members */
			byte += a.view.header.members_at + 8 * a.view.header.nmembers;
		kept = *byte;
		*byte = changes[i].byte;
		good &= series_of(&a, a.size, 1, false) == (changes[i].part == VISITS ? KS_E_CORRUPT : KS_OK) &&
			series_of(&a, a.size, 2, false) == KS_E_CORRUPT && series_of(&a, a.size, 1, true) == KS_E_CORRUPT;
		*byte = kept;
	}
	ok(good, "visits and members that contradict each other are an error");
	ok(series_of(&a, a.view.header.keys_at, 1, false) == KS_OK && series_of(&a, a.view.header.keys_at, 2, false) == KS_E_TRUNCATED &&
	   series_of(&a, a.view.header.members_at, 1, true) == KS_E_TRUNCATED, "members that are not there are an error");
	free(a.bytes);
}

/* Whether entries ascend by slot, member's number and key, and members are numbered as they come, those of a slot by hash. */
static bool
in_order(const ks_view *view)
{
	ks_visit_cursor visits = ks_view_visits(view);
	ks_members	members;
	uint32_t	known = 0;
	uint32_t	i;

	if (ks_view_members(view, &members) != KS_OK)
		return false;
	while (ks_visit_next(&visits))
	{
		uint32_t	before = known;

		for (i = visits.entry; i < visits.entry_end; i++)
		{
			uint32_t	member = ks_member_ordinal(&members, i);
			uint32_t	last = i > visits.entry ? ks_member_ordinal(&members, i - 1) : 0;

			if (member > known || member < last ||
				(i > visits.entry && member == last && ks_member_key(&members, i) <= ks_member_key(&members, i - 1)) ||
				(member == known && known > before && ks_member_hash(&members, member) <= ks_member_hash(&members, member - 1)))
				return false;
			known += member == known;
		}
		if (known - before != visits.fresh)
			return false;
	}
	return visits.status == KS_OK && visits.entry_end == view->header.nentries && known == view->header.nmembers;
}

static void
check_order(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 200; i++)
	{
		stored		a = random_tally(1 + below(400));

		good &= in_order(&a.view);
		free(a.bytes);
	}
	ok(good, "members are numbered by their first visits, entries ascend");
}

static void
check_versions(void)
{
	stored		a = random_tally(5);

	ks_put_u32(a.bytes + 16, a.view.header.nentries + 1);
	ok(ks_check(a.bytes, a.size, NULL) == KS_E_CORRUPT && ks_view_open(&a.view, a.bytes, a.size) == KS_E_CORRUPT,
	   "more members than entries are none");
	a.bytes[0] = KS_FORMAT_VERSION + 1;
	ok(ks_check(a.bytes, a.size, NULL) == KS_E_VERSION, "a newer version is named so");
	a.bytes[0] = 0;
	ok(ks_check(a.bytes, a.size, NULL) == KS_E_CORRUPT, "version 0 is none");
	ok(ks_check("", 0, NULL) == KS_E_TRUNCATED, "no bytes are no tally");
	free(a.bytes);
}

/* The front of a tally, as the server fetches it: what a fold needs answers, a byte less is an error. */
static void
check_fronts(void)
{
	stored		a = spread(50, 30, 0, 20);
	/* not all of it: totals of keys would do for all */
	int64_t		edges[] = {INT64_MIN, (a.view.header.slot_first + 10) * KS_SLOT_USECS};
	int32_t		slots[2];
	bool		cut[2];
	ks_bins		bins = {slots, cut, NULL, 0, 1};
	ks_filter	none = {NULL, 0};
	bool		enough = true,
				short_of = true;
	int			reach;

	ks_bins_set(&bins, edges, 2);
	for (reach = KS_REACH_SLOTS; reach <= KS_REACH_WEIGHTS; reach++)
	{
		size_t		needed = ks_reach_bytes(&a.view.header, (ks_reach) reach);
		int			less;

		for (less = 0; less < 2; less++)
		{
			uint8_t    *front = malloc(needed - less);
			ks_view		view;
			ks_fold		fold;
			ks_top_line *lines = NULL;
			uint32_t	count;
			ks_status	status;

			memcpy(front, a.bytes, needed - less);
			ks_view_open(&view, front, needed - less);
			if (reach == KS_REACH_SLOTS || reach == KS_REACH_VISITS)
				ks_fold_series(&fold, NULL, &bins, &none, reach == KS_REACH_VISITS);
			else
				ks_fold_top(&fold, NULL, &bins, &none, false, 0, 1);
			enough &= ks_fold_reach(&fold, false) == (ks_reach) reach;
			status = ks_fold_add(&fold, &view, NULL);
			if (status == KS_OK && fold.grouped)
				status = ks_fold_finish_top(&fold, 3, &lines, &count);
			else if (status == KS_OK)
				status = ks_fold_finish_series(&fold);
			free(lines);
			if (less == 0)
				enough &= status == KS_OK;
			else
				short_of &= status == KS_E_TRUNCATED;
			ks_fold_free(&fold);
			free(front);
		}
	}
	free(a.bytes);
	ok(enough, "a question reads no further than it says");
	ok(short_of, "a byte less is an error");
}

int
main(void)
{
	check_hash();
	check_integers();
	check_containers();
	check_keys();
	check_arithmetic();
	check_split();
	check_split_many();
	check_widths();
	check_order();
	check_overflow();
	check_versions();
	check_mutations();
	check_hostile();
	check_contradictions();
	check_fronts();
	printf("1..%d\n", checks);
	return failures > 0;
}
