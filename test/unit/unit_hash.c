/*
 * unit_hash: the hash of members, and what chosen members, keys and bots can do
 * to tables in memory, without a server.  One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_hash \
 *     test/unit/unit_hash.c src/query/intervals.c src/tally/builder.c src/query/apart.c src/query/cut.c src/query/distinct.c src/tally/entries.c src/query/filter.c \
 *     src/query/query.c src/query/query_finish.c src/query/group.c src/query/match.c src/base/hash.c src/query/distinct_count.c src/tally/key.c src/tally/accumulator.c src/query/member_lines.c src/query/first_seen.c src/tally/draft.c src/tally/pack.c \
 *     src/query/entry_scan.c src/base/seed.c src/query/union.c src/tally/view.c src/tally/view_members.c src/tally/view_quarters.c src/tally/view_visits.c src/tally/visit.c src/query/retraction.c
 */
#include "stored.h"
#include "base/seed.h"
#include "base/sort.h"
#include "query/union.h"
#include "xxh64.h"

/* Of places in a table that is at most half full, so many in a row are taken where nobody chose them; 20,000 where somebody did. */
#define LONGEST_RUN 400

/* What the public constant made of a number before it became secret. */
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/* ------------------------------------------------------------------------
 * The hash
 * ------------------------------------------------------------------------
 */

/* The digest of eight bytes of i * 7 + 1, as Python's hashlib and GNU b2sum -l 64 have it. */
static const struct
{
	size_t		length;
	uint64_t	hash;
}			digests[] = {
	{0, UINT64_C(0xb4b2797457a0a6e4)},
	{1, UINT64_C(0xad19753f0a3de800)},
	{3, UINT64_C(0x64079230b1345c41)},
	{8, UINT64_C(0x7f8864ed593fc136)},
	{36, UINT64_C(0x28bb5bca5193a0b7)},
	{63, UINT64_C(0x7ca93f59bc208221)},
	{64, UINT64_C(0x21d91decfd26c7a9)},
	{127, UINT64_C(0xfd7b589b9e251a60)},
	{128, UINT64_C(0xa4af7add24814b8a)},
	{129, UINT64_C(0xc7d8b9ce0be104c2)},
	{200, UINT64_C(0x1004528d4f0b88c5)},
	{255, UINT64_C(0x0292eee1d1e599e8)},
	{256, UINT64_C(0xd8d58fc62a924506)},
	{257, UINT64_C(0x13462d07347e5aa3)},
	{1000, UINT64_C(0xbfa3538b38aabe74)},
};

static bool
digest_is(const void *data, size_t length, const char *digits)
{
	uint64_t	state[8];
	char		text[129];
	int			i;

	ks_blake2b(state, 64, data, length);
	for (i = 0; i < 64; i++)
		sprintf(text + 2 * i, "%02x", (unsigned int) (state[i / 8] >> (8 * (i % 8)) & 0xff));
	return strcmp(text, digits) == 0;
}

static void
check_published(void)
{
	uint8_t		bytes[255];
	int			i;

	for (i = 0; i < 255; i++)
		bytes[i] = (uint8_t) i;
	ok(digest_is("abc", 3, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
				 "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"), "RFC 7693, appendix A");
	ok(digest_is(bytes, 255, "5b21c5fd8868367612474fa2e70e9cfa2201ffeee8fafab5797ad58fefa17c9b"
				 "5b107da4a3db6320baaf2c8617d5a51df914ae88da3867c2d41f0cc14fa67928"), "the authors' vector of 255 bytes");
}

static void
check_digests(void)
{
	uint8_t		bytes[1001];
	bool		aligned = true;
	bool		shifted = true;
	size_t		i;

	for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
	{
		size_t		k;

		for (k = 0; k < 1000; k++)
			bytes[k] = (uint8_t) (k * 7 + 1);
		aligned &= ks_hash_bytes(bytes, digests[i].length) == digests[i].hash;
		memmove(bytes + 1, bytes, 1000);
		shifted &= ks_hash_bytes(bytes + 1, digests[i].length) == digests[i].hash;
	}
	ok(aligned, "digests of 0 to 1000 bytes");
	ok(shifted, "digests at an odd address");
}

/* Ids of all lengths, many of which take each other's place. */
static void
check_remembered(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 100000; i++)
	{
		uint8_t		bytes[100];
		size_t		length = below(2) ? below(4) : below(sizeof(bytes));
		size_t		k;

		for (k = 0; k < length; k++)
			bytes[k] = (uint8_t) ('a' + below(2));
		if (length > 12)
			memset(bytes, 'x', length - 6);
		good &= ks_hash_member(bytes, length) == ks_hash_bytes(bytes, length);
	}
	ok(good, "a member that is remembered has the hash that it has");
}

/* What CPython, whose text hash this is, answers with a key of zeros for the first length bytes of i * 7 + 1. */
static void
check_sip(void)
{
	static const struct
	{
		size_t		length;
		uint64_t	hash;
	}			vectors[] = {
		{1, UINT64_C(0x44bc103b1f8540ed)}, {7, UINT64_C(0xb41012aeee05c7d4)}, {8, UINT64_C(0xd22d9341176d0728)},
		{9, UINT64_C(0x4ec42971d570753b)}, {15, UINT64_C(0x566f711d32f59152)}, {16, UINT64_C(0x7e6bfb8bf1d36ac4)},
		{17, UINT64_C(0xe11516de8399dc83)}, {40, UINT64_C(0xaf08005c19450807)},
	};
	static const uint64_t zeros[4] = {0};
	static const uint64_t first[4] = {1};
	static const uint64_t second[4] = {0, 1};
	uint64_t	of_zeros;
	uint8_t		bytes[40];
	bool		good = true;
	size_t		i;

	for (i = 0; i < 40; i++)
		bytes[i] = (uint8_t) (i * 7 + 1);
	ks_seed_set(zeros);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		good &= ks_seeded_bytes(bytes, vectors[i].length) == vectors[i].hash;
	ok(good, "SipHash-1-3 of 1 to 40 bytes");
	ok(ks_seeded_pair(ks_get_u64(bytes), ks_get_u64(bytes + 8)) == ks_seeded_bytes(bytes, 16), "SipHash-1-3 of two numbers");
	of_zeros = ks_seeded_bytes(bytes, 16);
	ks_seed_set(first);
	good = ks_seeded_bytes(bytes, 16) != of_zeros;
	ks_seed_set(second);
	ok(good && ks_seeded_bytes(bytes, 16) != of_zeros, "the hash depends on both halves of the secret");
	ks_seed_draw();
}

/* ------------------------------------------------------------------------
 * Forged counts
 * ------------------------------------------------------------------------
 */

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

static void
check_different(uint8_t (*texts)[64])
{
	uint64_t   *hashes = malloc(SAME_TEXTS * sizeof(uint64_t));
	uint32_t	different = 0;
	bool		same = true;
	uint32_t	i;

	for (i = 0; i < SAME_TEXTS; i++)
	{
		same &= xxh64(texts[i], 64) == xxh64(texts[0], 64);
		hashes[i] = ks_hash_bytes(texts[i], 64);
	}
	qsort(hashes, SAME_TEXTS, sizeof(uint64_t), compare_hashes);
	for (i = 0; i < SAME_TEXTS; i++)
		different += i == 0 || hashes[i] != hashes[i - 1];
	ok(same, "20,736 ids have one XXH64");
	ok(different == SAME_TEXTS, "they are 20,736 members");
	free(hashes);
}

/* ------------------------------------------------------------------------
 * Tables that are searched
 * ------------------------------------------------------------------------
 */

/* No search looks at more places than the longest run of taken ones has; the table goes round. */
static uint32_t
longest_run(const void *table, size_t width, size_t places)
{
	static const uint8_t none[8];
	const uint8_t *at = table;
	uint32_t	run = 0;
	uint32_t	result = 0;
	size_t		i;

	for (i = 0; i < 2 * places; i++)
	{
		run = memcmp(at + i % places * width, none, width) != 0 ? run + 1 : 0;
		result = run > result ? run : result;
	}
	return result;
}

static void
check_paths(uint8_t (*texts)[64])
{
	ks_dictionary dictionary;
	uint32_t	i;

	ks_dictionary_init(&dictionary, NULL);
	for (i = 0; i < SAME_TEXTS; i++)
		ks_dictionary_put(&dictionary, string_of(texts[i], 64));
	ok(dictionary.count == SAME_TEXTS && longest_run(dictionary.index, sizeof(uint32_t), (size_t) dictionary.mask + 1) < LONGEST_RUN,
	   "20,736 paths of one XXH64 lie apart in a dictionary");
	ks_dictionary_free(&dictionary);
}

/* Undoes value ^ value >> bits. */
static uint64_t
unshift(uint64_t value, int bits)
{
	uint64_t	result = value;
	int			i;

	for (i = 0; i < 64; i += bits)
		result = value ^ result >> bits;
	return result;
}

/* Numbers that a mixer without a secret, which anybody can undo, would put into one place. */
static uint64_t
bot_of_place(uint32_t number)
{
	uint64_t	mixed = (uint64_t) (number + 1) << 32;

	return unshift(unshift(mixed, 29) * inverse(GOLDEN), 32);
}

static void
check_bots(void)
{
	ks_entries	table;
	uint32_t	i;

	ks_entries_init(&table, NULL);
	for (i = 0; i < 20000; i++)
		ks_entries_number(&table, bot_of_place(i), 0);
	ok(table.count == 20000 && longest_run(table.index, sizeof(uint32_t), (size_t) table.mask + 1) < LONGEST_RUN,
	   "bots that were made for one place lie apart");
	ks_entries_free(&table);
}

/* Members whose products with a known number begin alike, half of them known in each bucket. */
static void
check_members(void)
{
	/* numbers in even steps lie apart but for some multipliers in a thousand, hashes do always */
	static const uint64_t secret[4] = {1, 2, UINT64_C(0x8c58a3a4f3c2d1e7), UINT64_C(0x5d39b7e82a4f6c01)};
	const uint32_t count = 20000;
	uint64_t   *seen = malloc(count * sizeof(uint64_t));
	int64_t		counts[2] = {0, 0};
	ks_union	shared;
	uint32_t	bucket,
				i;

	ks_seed_set(secret);
	ks_union_init(&shared, NULL);
	for (i = 0; i < count; i++)
		seen[i] = (UINT64_C(0xabcdef) << 40 | (i + 1)) * inverse(GOLDEN);
	for (bucket = 0; bucket < 2; bucket++)
	{
		uint8_t    *room = ks_union_room(&shared, count);

		for (i = 0; i < count; i++)
			ks_put_u64(room + (size_t) i * 8, (UINT64_C(0xabcdef) << 40 | (i + 1 + (bucket + 1) * count / 2)) * inverse(GOLDEN));
		ks_union_add(&shared, bucket, room, count);
	}
	ks_union_first_seen(&shared, 2, seen, count, counts);
	ok(counts[0] == count / 2 && counts[1] == count / 2, "members of like products are counted right");
	ok(longest_run(shared.table, sizeof(uint64_t), shared.table_size) < LONGEST_RUN, "and lie apart");
	ks_union_free(&shared);
	free(seen);
	ks_seed_draw();
}

/* ------------------------------------------------------------------------
 * Orders
 * ------------------------------------------------------------------------
 */

typedef struct numbered
{
	uint32_t	value;
	uint32_t	number;
} numbered;

static int
compare_values(const void *a, const void *b)
{
	uint32_t	x = ((const numbered *) a)->value;
	uint32_t	y = ((const numbered *) b)->value;

	return (x > y) - (x < y);
}

/* Random values, in any order, nearly sorted or falling. */
static void
check_sort(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 3000; i++)
	{
		numbered	items[200];
		uint32_t	count = below(200);
		uint32_t	range = 1 + below(300);
		uint32_t	kind = below(3);
		uint32_t	k;

		for (k = 0; k < count; k++)
		{
			items[k].value = kind == 0 ? below(range) : kind == 1 ? k + below(3) * below(5) : count - k / 2;
			items[k].number = k;
		}
		ks_sort(items, count, sizeof(numbered), compare_values, NULL);
		for (k = 1; k < count; k++)
			good &= items[k - 1].value < items[k].value ||
				(items[k - 1].value == items[k].value && items[k - 1].number < items[k].number);
	}
	ok(good, "what is sorted ascends, and equals stay in their order");
}

/* Values that are only decided when they are compared, as late and as badly as possible (M. D. McIlroy, A killer adversary for quicksort). */
#define UNDECIDED UINT32_MAX

static uint32_t decided[20000];
static uint32_t decisions;
static uint32_t comparisons;

static int
compare_badly(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	comparisons++;
	if (decided[x] == UNDECIDED && decided[y] == UNDECIDED)
		decided[y] = decisions++;
	return (decided[x] > decided[y]) - (decided[x] < decided[y]);
}

static void
check_adversary(void)
{
	uint32_t	items[20000];
	uint32_t	i;

	for (i = 0; i < 20000; i++)
	{
		items[i] = i;
		decided[i] = UNDECIDED;
	}
	ks_sort(items, 20000, sizeof(uint32_t), compare_badly, NULL);
	ok(comparisons < 20000 * 16, "20,000 in the worst order are compared 16 times each at most");
}

/* ------------------------------------------------------------------------
 * Secrets
 * ------------------------------------------------------------------------
 */

/* What one process makes of some events, and of two such tallies. */
static stored
made_with(const uint64_t *secret)
{
	stored		a,
				b,
				result;

	ks_seed_set(secret);
	random_state = 7;
	a = random_tally(3000);
	b = random_tally(3000);
	result = add(&a, &b, false);
	free(a.bytes);
	free(b.bytes);
	return result;
}

static void
check_secrets(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 50; i++)
	{
		uint64_t	secret[2][4];
		stored		one,
					other;

		ks_draw_random(secret, sizeof(secret));
		one = made_with(secret[0]);
		other = made_with(secret[1]);
		good &= one.size > 1000 && same(&one, &other);
		free(one.bytes);
		free(other.bytes);
	}
	ok(good, "two secrets give one form");
	ks_seed_draw();
}

int
main(void)
{
	uint8_t		(*texts)[64] = same_texts();

	check_published();
	check_digests();
	check_remembered();
	check_sip();
	check_different(texts);
	check_paths(texts);
	check_bots();
	check_members();
	check_sort();
	check_adversary();
	check_secrets();
	free(texts);
	printf("1..%d\n", checks);
	return failures > 0;
}
