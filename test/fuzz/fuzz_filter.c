/*
 * fuzz_filter: hostile texts as conditions, and keys held against those that are
 * understood, as against a filter that is never sorted (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/fuzz -o test/fuzz/fuzz_filter test/fuzz/fuzz_filter.c src/query/filter.c src/tally/key.c
 * Run: test/fuzz/fuzz_filter -max_total_time=60
 *
 * Conditions stand between bytes of 0xff in the input; behind an empty one come the
 * parts of a key, of which "?" is NULL.
 */
#include "query/filter.h"

#include "require.h"

#define CONDITIONS 32
#define PARTS 8
#define BETWEEN 0xff

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts the next piece off the input, in an allocation of its own; the sanitizer sees a step too far. */
static char *
cut_piece(const uint8_t **data, size_t *size, size_t *length)
{
	const uint8_t *end = memchr(*data, BETWEEN, *size);
	char	   *piece;

	*length = end != NULL ? (size_t) (end - *data) : *size;
	piece = malloc(*length + (*length == 0));
	memcpy(piece, *data, *length);
	*data += *length + (end != NULL);
	*size -= *length + (end != NULL);
	return piece;
}

/* A number, a sign, and the rest; numbers beyond any key's parts may be anything beyond them, or malformed. */
static void
check_condition(const char *text, size_t length, const ks_condition *c, bool understood)
{
	size_t		digits = 0;
	uint32_t	part = 0;

	for (; digits < length && text[digits] >= '0' && text[digits] <= '9'; digits++)
		part = part < 1000 ? part * 10 + (uint32_t) (text[digits] - '0') : part;
	if (!understood)
	{
		require(digits == length || (text[digits] != '+' && text[digits] != '-') || part >= KS_KEY_MAX_PARTS);
		return;
	}
	require(digits < length && (c->part == part || (part >= KS_KEY_MAX_PARTS && c->part >= KS_KEY_MAX_PARTS)));
	if (c->part == part)
		require(c->exclude == (text[digits] == '-') && (const char *) c->value.bytes == text + digits + 1 &&
				c->value.length == length - digits - 1);
}

/* One condition after the other, as they came. */
static bool
passes(const ks_condition *conditions, uint32_t count, const ks_string *parts, uint32_t nparts)
{
	uint32_t	i,
				k;

	for (i = 0; i < count; i++)
	{
		const ks_condition *c = &conditions[i];
		ks_string	part = {NULL, 0};
		bool		found = false;

		if (c->part < nparts)
			part = parts[c->part];
		for (k = 0; k < count; k++)
		{
			const ks_condition *other = &conditions[k];

			if (other->part == c->part && other->exclude == c->exclude && part.bytes != NULL &&
				other->value.length == part.length && memcmp(other->value.bytes, part.bytes, part.length) == 0)
				found = true;
		}
		if (found == c->exclude)
			return false;
	}
	return true;
}

static void
check_key(ks_filter *filter, const ks_string *parts, uint32_t nparts, size_t size)
{
	uint8_t    *bytes = malloc(size + KS_VARINT_MAX * (PARTS + 1));
	ks_filter	sorted = ks_filter_sorted(filter, NULL);
	uint8_t    *at = bytes;
	ks_key		key;
	uint32_t	i;

	for (i = 0; i < nparts; i++)
		at = ks_key_put(at, parts[i].bytes, parts[i].length);
	key = ks_key_cut((ks_string) {bytes, (size_t) (at - bytes)});
	require(ks_filter_passes(&sorted, key) == passes(filter->conditions, filter->count, parts, nparts));
	free(sorted.conditions);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ks_condition conditions[CONDITIONS];
	ks_string	parts[PARTS];
	char	   *texts[CONDITIONS];
	char	   *values[PARTS];
	ks_filter	filter = {conditions, 0};
	uint32_t	nparts = 0;
	uint32_t	i;
	size_t		whole = size;
	size_t		length = 1;

	while (filter.count < CONDITIONS && size > 0 && length > 0)
	{
		char	   *text = cut_piece(&data, &size, &length);
		ks_condition *c = &conditions[filter.count];
		bool		understood = ks_condition_read(c, text, length);

		check_condition(text, length, c, understood);
		texts[filter.count] = text;
		if (understood)
			filter.count++;
		else
			free(text);
	}
	for (; nparts < PARTS && size > 0; nparts++)
	{
		values[nparts] = cut_piece(&data, &size, &length);
		parts[nparts].bytes = length == 1 && values[nparts][0] == '?' ? NULL : (const uint8_t *) values[nparts];
		parts[nparts].length = parts[nparts].bytes != NULL ? length : 0;
	}
	check_key(&filter, parts, nparts, whole);
	for (i = 0; i < filter.count; i++)
		free(texts[i]);
	for (i = 0; i < nparts; i++)
		free(values[i]);
	return 0;
}
