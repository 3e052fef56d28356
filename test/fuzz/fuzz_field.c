/*
 * fuzz_field: hostile bytes as a JSON document (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/fuzz -o test/fuzz/fuzz_field test/fuzz/fuzz_field.c src/rollup/field.c
 * Run: test/fuzz/fuzz_field -max_total_time=60 -max_len=3000
 *
 * The first byte says how long the path is, whose names are a, b, 0 and 1 by the bits
 * of the second.  What is found lies inside the document, and is found again by a
 * longer path where the document stands inside another.
 */
#include "rollup/field.h"

#include "require.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
copy_of(const char *bytes, size_t size)
{
	char	   *result = malloc(size > 0 ? size : 1);

	if (size > 0)
		memcpy(result, bytes, size);
	return result;
}

/* Says the same of [0, document], at the path 1, ... */
static void
check_inside(const char *document, size_t size, const ks_field_part *path, int count, bool utf8, bool was_found, const ks_field *was)
{
	ks_field_part longer[KS_FIELD_PARTS];
	char	   *outer = malloc(size + 4);
	ks_field	field;
	bool		found;

	memcpy(outer, "[0,", 3);
	memcpy(outer + 3, document, size);
	outer[size + 3] = ']';
	longer[0] = ks_field_part_of("1", 1);
	memcpy(longer + 1, path, count * sizeof(ks_field_part));
	found = ks_field_find(outer, size + 4, longer, count + 1, utf8, &field);
	/* what is malformed alone may be well-formed there: 1],[{"a":2} */
	if (was_found)
		require(found && field.length == was->length && field.start - outer - 3 == was->start - document);
	free(outer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a", "b", "0", "1"};
	ks_field_part path[KS_FIELD_PARTS];
	int			count;
	int			i;
	char	   *document;
	ks_field	field;
	bool		utf8;
	bool		found;

	if (size < 2)
		return 0;
	count = 1 + data[0] % 4;
	utf8 = (data[0] & 0x80) == 0;
	for (i = 0; i < count; i++)
		path[i] = ks_field_part_of(names[(data[1] >> (2 * i)) & 3], 1);
	size -= 2;
	document = copy_of((const char *) data + 2, size);
	found = ks_field_find(document, size, path, count, utf8, &field);
	if (found)
	{
		char	   *text = malloc(field.length + 1);
		size_t		length;

		require(field.start >= document && field.start + field.length <= document + size);
		if (ks_field_unescape(&field, utf8, text, &length))
			require(length <= field.length && (field.escaped || length == field.length));
		free(text);
	}
	if (size < 2000)
		check_inside(document, size, path, count, utf8, found, &field);
	free(document);
	return 0;
}
