/*
 * fuzz_list: hostile texts as list arguments (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/fuzz -o test/fuzz/fuzz_list test/fuzz/fuzz_list.c src/dialect/items.c src/http/url.c
 * Run: test/fuzz/fuzz_list -max_total_time=60
 *
 * What was understood is written down again, as an array literal and as JSON, and
 * must be understood as the same.
 */
#include "dialect/items.h"
#include "http/url.h"

#include "require.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the server does for UTF-8. */
static size_t
put_utf8(char *at, uint32_t c)
{
	int			more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	int			i;

	require(c > 0 && c < 0x110000 && (c < 0xD800 || c > 0xDFFF));
	at[0] = (char) (more == 0 ? c : (0xF00 >> (more + 1) & 0xFF) | c >> 6 * more);
	for (i = 1; i <= more; i++)
		at[i] = (char) (0x80 | (c >> 6 * (more - i) & 0x3F));
	return (size_t) more + 1;
}

/* The most that a character may become. */
static size_t
put_longest(char *at, uint32_t c)
{
	(void) c;
	memset(at, 'x', KS_CHARACTER_BYTES_MAX);
	return KS_CHARACTER_BYTES_MAX;
}

/* The room is an allocation of its own, so that the sanitizer sees a step too far. */
static ks_items_status
read_items(ks_items *items, const char *text, int limit, ks_put_character put)
{
	items->limit = limit;
	items->values = malloc(((size_t) limit + 1) * sizeof(char *));
	items->room = malloc(KS_ITEMS_ROOM(strlen(text)));
	items->put_character = put;
	items->error_at = SIZE_MAX;
	return ks_items_read(items, text);
}

static void
free_items(ks_items *items)
{
	free(items->values);
	free(items->room);
}

static int
commas(const char *text)
{
	int			result = 0;

	for (; *text != '\0'; text++)
		result += *text == ',';
	return result;
}

/* The first character of valid UTF-8 as JSON escapes it, in one unit or two. */
static char *
put_escape(char *at, const char **value)
{
	const unsigned char *bytes = (const unsigned char *) *value;
	int			length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
	uint32_t	c = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);
	int			i;

	for (i = 1; i < length; i++)
		c = c << 6 | (bytes[i] & 0x3F);
	*value += length;
	if (c < 0x10000)
		return at + sprintf(at, "\\u%04x", (unsigned) c);
	c -= 0x10000;
	return at + sprintf(at, "\\u%04X\\u%04x", (unsigned) (0xD800 + (c >> 10)), (unsigned) (0xDC00 + (c & 0x3FF)));
}

/* Values as a list in brackets, every one in quotes; JSON has escapes for all that is UTF-8. */
static char *
write_items(const ks_items *items, bool json)
{
	size_t		size = 3;
	char	   *text,
			   *at;
	int			i;

	for (i = 0; i < items->count; i++)
		size += 6 * strlen(items->values[i]) + 5;
	text = at = malloc(size);
	*at++ = json ? '[' : '{';
	for (i = 0; i < items->count; i++)
	{
		const char *value = items->values[i];
		bool		escaped = json && ks_utf8_valid(value, strlen(value));

		at += sprintf(at, "%s\"", i > 0 ? " ,\t" : "");
		while (*value != '\0')
		{
			if (escaped)
				at = put_escape(at, &value);
			else if (json && (unsigned char) *value < 0x80)
				at += sprintf(at, "\\u%04x", (unsigned) *value++);
			else
			{
				if (!json)
					*at++ = '\\';
				*at++ = *value++;
			}
		}
		*at++ = '"';
	}
	*at++ = json ? ']' : '}';
	*at = '\0';
	return text;
}

static void
check_again(const ks_items *items, bool json)
{
	char	   *text = write_items(items, json);
	ks_items	again;
	int			i;

	require(read_items(&again, text, items->count + 1, put_utf8) == KS_ITEMS_OK && again.count == items->count);
	for (i = 0; i < items->count; i++)
		require(strcmp(items->values[i], again.values[i]) == 0);
	free_items(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	ks_items	items;
	ks_items_status status;
	ks_items_status longest;
	int			most;
	int			i;

	memcpy(text, data, size);
	text[size] = '\0';
	most = commas(text) + 1;
	longest = read_items(&items, text, most, put_longest);
	free_items(&items);
	status = read_items(&items, text, most, put_utf8);
	require(status == longest && status != KS_ITEMS_E_MANY);
	require(status != KS_ITEMS_E_MALFORMED || items.error_at <= strlen(text));
	if (status == KS_ITEMS_OK)
	{
		for (i = 0; i < items.count; i++)
			require(items.values[i] >= items.room && items.values[i] + strlen(items.values[i]) < items.room + KS_ITEMS_ROOM(strlen(text)));
		check_again(&items, false);
		check_again(&items, true);
		if (items.count > 0)
		{
			ks_items	fewer;

			require(read_items(&fewer, text, items.count - 1, put_utf8) == KS_ITEMS_E_MANY);
			free_items(&fewer);
		}
	}
	free_items(&items);
	free(text);
	return 0;
}
