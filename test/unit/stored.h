/*
 * What the unit tests of the tally share: how a check is reported, and tallies
 * that are packed and opened again.
 */
#ifndef KS_TEST_STORED_H
#define KS_TEST_STORED_H

#include "tally/builder.h"
#include "query/query.h"
#include "base/hash.h"

#include "chance.h"

static int	checks;
static int	failures;

static inline void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", checks, name);
}

static inline ks_string
string_of(const void *bytes, size_t length)
{
	ks_string	result = {bytes, length};

	return result;
}

/* A stored tally, and a view of it. */
typedef struct stored
{
	uint8_t    *bytes;
	size_t		size;
	ks_view		view;
} stored;

static inline stored
pack(ks_builder *builder)
{
	stored		result = {NULL, 0};

	if (ks_pack(builder, 0, &result.bytes, &result.size) == KS_OK)
		ks_view_open(&result.view, result.bytes, result.size);
	ks_builder_free(builder);
	return result;
}

/* A key of up to three parts, the first one of "a", "", NULL or absent. */
static inline uint32_t
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

static inline stored
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
		int32_t		quarter = start + (int32_t) below(50);
		int64_t		weight = (int64_t) below(1000) + lowest;

		if (below(3) == 0)
			ks_builder_add(&builder, key, quarter, weight);
		else
			ks_builder_add_member(&builder, key, quarter, ks_hash_bytes(&i, 1 + below(2)), weight);
		ks_bounds_note(&builder.bounds, quarter * KS_QUARTER_USECS + below(900000000), weight < 0);
	}
	return pack(&builder);
}

/* a + b, or a - b. */
static inline stored
add(const stored *a, const stored *b, bool negate)
{
	ks_builder	builder;

	ks_builder_init(&builder, NULL);
	ks_builder_merge(&builder, &a->view, false);
	ks_builder_merge(&builder, &b->view, negate);
	return pack(&builder);
}

static inline stored
slice(const stored *a, int32_t from, int32_t to)
{
	ks_builder	builder;

	ks_builder_init(&builder, NULL);
	ks_builder_merge_range(&builder, &a->view, false, from, to);
	return pack(&builder);
}

static inline bool
same(const stored *a, const stored *b)
{
	return a->bytes != NULL && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Where a number of the header begins, counted from the first behind the flags. */
static inline size_t
header_number(const uint8_t *bytes, size_t size, int number)
{
	const uint8_t *at = bytes + 2;
	uint64_t	value;

	while (number-- > 0 && ks_get_varint(&at, bytes + size, &value))
		;
	return (size_t) (at - bytes);
}

/* Some of these numbers, and how many there are where both ranges of instants are. */
#define NUMBER_MEMBERS 3
#define NUMBER_QUARTER_FIRST 6
#define NUMBER_BOUNDS 9
#define NUMBERS 18

/* Where the instants begin and where they end. */
static inline size_t
bounds_begin(const stored *a)
{
	return header_number(a->bytes, a->size, NUMBER_BOUNDS);
}

static inline size_t
bounds_end(const stored *a)
{
	int			ranges = ((a->bytes[1] & KS_FLAG_ADDED) != 0) + ((a->bytes[1] & KS_FLAG_REMOVED) != 0);

	return header_number(a->bytes, a->size, NUMBER_BOUNDS + 2 * ranges);
}

/* Whether two tallies differ at most in their instants. */
static inline bool
same_content(const stored *a, const stored *b)
{
	size_t		begin,
				rest;

	if (a->bytes == NULL || b->bytes == NULL || (a->bytes[1] & KS_FLAG_NEGATIVE) != (b->bytes[1] & KS_FLAG_NEGATIVE))
		return false;
	begin = bounds_begin(a);
	rest = a->size - bounds_end(a);
	return begin == bounds_begin(b) && memcmp(a->bytes + 2, b->bytes + 2, begin - 2) == 0 &&
		rest == b->size - bounds_end(b) && memcmp(a->bytes + bounds_end(a), b->bytes + bounds_end(b), rest) == 0;
}

/* nkeys keys, the last one at last_quarter, the others at first_quarter, each with one of so many members. */
static inline stored
with_series(uint32_t nkeys, uint32_t nmembers, int32_t first_quarter, int32_t last_quarter)
{
	ks_builder	builder;
	uint32_t	i;

	ks_builder_init(&builder, NULL);
	for (i = 0; i < nkeys; i++)
	{
		uint8_t		bytes[16];
		uint8_t    *at = ks_key_put(bytes, &i, sizeof(i));

		ks_builder_add_member(&builder, ks_dictionary_put(&builder.keys, string_of(bytes, (size_t) (at - bytes))),
							  i + 1 == nkeys ? last_quarter : first_quarter, i % nmembers, 1);
	}
	return pack(&builder);
}

#endif							/* KS_TEST_STORED_H */
