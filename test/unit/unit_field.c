/*
 * unit_field: fields of JSON documents found by their paths, and whole numbers
 * read, without a server.  One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_field \
 *     test/unit/unit_field.c src/rollup/field.c
 */
#include <inttypes.h>

#include "rollup/field.h"

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - ", passed ? "ok" : "not ok", checks);
	/* names are documents, some of which would break the line, or be a directive */
	for (; *name != '\0'; name++)
		printf(*name < ' ' || *name > '~' || *name == '#' ? "\\x%02X" : "%c", (unsigned char) *name);
	putchar('\n');
}

/*
 * What a document has at a path whose names are parted by slashes; NULL for
 * nothing.  The copy is exactly as long as it must be, so that the sanitizers see
 * what lies beyond.
 */
static const char *
found(const char *document, const char *path, bool utf8)
{
	static char text[4096];
	ks_field_part parts[KS_FIELD_PARTS];
	int			count = 0;
	size_t		length = strlen(document);
	char	   *copy = malloc(length > 0 ? length : 1);
	ks_field	field;
	bool		result;

	memcpy(copy, document, length);
	for (;;)
	{
		size_t		size = strcspn(path, "/");

		parts[count++] = ks_field_part_of(path, size);
		if (path[size] == '\0')
			break;
		path += size + 1;
	}
	result = ks_field_find(copy, length, parts, count, utf8, &field);
	if (result)
	{
		result = ks_field_unescape(&field, utf8, text, &length);
		text[result ? length : 0] = '\0';
	}
	free(copy);
	return result ? text : NULL;
}

static void
check_utf8(const char *document, const char *path, const char *wanted, bool utf8)
{
	const char *text = found(document, path, utf8);

	ok(text == NULL ? wanted == NULL : wanted != NULL && strcmp(text, wanted) == 0, document);
}

static void
check(const char *document, const char *path, const char *wanted)
{
	check_utf8(document, path, wanted, true);
}

static void
check_found(void)
{
	check("{\"a\": \"b\"}", "a", "b");
	check(" {\r\n\t\"a\" : 1 } ", "a", "1");
	check("{\"a\":-1.50e+3}", "a", "-1.50e+3");
	check("{\"a\":true}", "a", "true");
	check("{\"a\":false,\"b\":0}", "a", "false");
	check("{\"a\":\"\"}", "a", "");
	check("{\"a\":{\"b\":{\"c\":\"d\"}}}", "a/b/c", "d");
	check("{\"x\":{\"b\":1},\"a\":{\"b\":2},\"y\":{\"b\":3}}", "a/b", "2");
	check("[10,[20,{\"a\":30}]]", "1/1/a", "30");
	check("[1,2,3]", "2", "3");
	check("{\"0\":\"member\"}", "0", "member");
	check("{\"\":1}", "", "1");
	check("[[[],[]],[[],[7]]]", "1/1/0", "7");
	check("{\"a\":[{},{\"b\":1},{\"b\":2}]}", "a/2/b", "2");
}

static void
check_nothing(void)
{
	check("{\"a\":null}", "a", NULL);
	check("{\"a\":{}}", "a", NULL);
	check("{\"a\":[1]}", "a", NULL);
	check("{\"a\":1}", "b", NULL);
	check("{\"a\":1}", "a/b", NULL);
	check("{\"b\":{\"a\":1}}", "a", NULL);
	check("{\"a\":{\"a\":1}}", "a", NULL);
	check("[1]", "1", NULL);
	check("[1]", "-1", NULL);
	check("[1]", "00", NULL);
	check("[1]", "0x", NULL);
	check("[1]", "", NULL);
	check("\"a\"", "a", NULL);
	check("1", "0", NULL);
}

/* Of members that have the same name the last one counts, whatever it is. */
static void
check_repeated(void)
{
	check("{\"a\":1,\"a\":2}", "a", "2");
	check("{\"a\":1,\"a\":null}", "a", NULL);
	check("{\"a\":1,\"a\":[]}", "a", NULL);
	check("{\"a\":{\"b\":1},\"a\":{\"c\":2}}", "a/b", NULL);
	check("{\"a\":{\"b\":1},\"a\":3}", "a/b", NULL);
	check("{\"a\":3,\"a\":{\"b\":1}}", "a/b", "1");
	check("{\"a\":1,\"\\u0061\":2}", "a", "2");
}

static void
check_escapes(void)
{
	check("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a", "\"\\/\b\f\n\r\t");
	check("{\"a\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}", "a", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
	check("{\"\\u00e9\":1}", "\xC3\xA9", "1");
	check("{\"\\u00e9x\":1}", "\xC3\xA9", NULL);
	check("{\"a\\/b\":{\"c\":1}}", "a", NULL);
	check("{\"a\":\"\\u0000\"}", "a", NULL);
	check("{\"a\":\"\\ud83d\"}", "a", NULL);
	check("{\"a\":\"\\ud83dx\"}", "a", NULL);
	check("{\"a\":\"\\ud83d\\n\"}", "a", NULL);
	check("{\"a\":\"\\ud83d\\nde00\"}", "a", NULL);
	check("{\"a\":\"\\ud83d\\u0041\"}", "a", NULL);
	check("{\"a\":\"\\ude00\"}", "a", NULL);
	check("{\"b\":\"\\u0000\",\"a\":1}", "a", "1");
	check_utf8("{\"a\":\"\\u00e9\"}", "a", NULL, false);
	check_utf8("{\"a\":\"\\u0041\"}", "a", "A", false);
	check_utf8("{\"\\u00e9\":1}", "\xC3\xA9", NULL, false);
	check_utf8("{\"a\":\"\xE9\"}", "a", "\xE9", false);
}

/* Nothing is believed of a document that is malformed anywhere. */
static void
check_malformed(void)
{
	static const char *const rests[] = {
		"", ",", "{", "[", "]", "}}", "} x", "}{}", ",}", ",\"b\"}", ",\"b\":}", ",\"b\":1,}", ",b:1}", ",'b':1}", ",\"b\" 1}",
		",\"b\":01}", ",\"b\":1.}", ",\"b\":.5}", ",\"b\":1e}", ",\"b\":+1}", ",\"b\":-}", ",\"b\":0x1}", ",\"b\":tru}", ",\"b\":True}", ",\"b\":NaN}",
		",\"b\":\"\\x\"}", ",\"b\":\"\\u12\"}", ",\"b\":\"\\u12g4\"}", ",\"b\":\"\\\"}", ",\"b\":\"\n\"}", ",\"b\":\"", ",\"b\":[1 2]}", ",\"b\":[1,]}",
		",\"b\":[,1]}", ",\"b\":{]}", ",\"b\":[}", ",1:2}", "/**/}", ",\"b\":nul"};
	char		document[100];
	size_t		i;

	for (i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
	{
		snprintf(document, sizeof(document), "{\"a\":1%s", rests[i]);
		check(document, "a", NULL);
	}
	check("", "a", NULL);
	check("   ", "a", NULL);
	check("a", "a", NULL);
}

static void
check_depth(void)
{
	size_t		deep = KS_FIELD_DEPTH - 1;
	char	   *document = malloc(2 * deep + 20);
	size_t		i;

	for (i = 0; i < 2; i++, deep++)
	{
		char	   *at = document + sprintf(document, "{\"a\":1,\"b\":");

		memset(at, '[', deep);
		memset(at + deep, ']', deep);
		strcpy(at + 2 * deep, "}");
		ok((found(document, "a", true) != NULL) == (i == 0), i == 0 ? "as deep as it may be" : "one deeper");
	}
	free(document);
	check("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":2},\"b\":1}}}}}}}}}}}}}}}}",
		  "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/b", "1");
	check("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":2},\"b\":1}}}}}}}}}}}}}}}}",
		  "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", NULL);
	check("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":7,\"b\":1}}}}}}}}}}}}}}}}",
		  "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", "7");
}

static void
number(const char *text, bool wanted, int64_t value)
{
	int64_t		result = 0;

	ok(ks_whole_number(text, strlen(text), &result) == wanted && (!wanted || result == value), text);
}

static void
check_numbers(void)
{
	number("0", true, 0);
	number("-0", true, 0);
	number("+12", true, 12);
	number("007", true, 7);
	number("-3.000", true, -3);
	number("9223372036854775807", true, INT64_MAX);
	number("-9223372036854775808", true, INT64_MIN);
	number("9223372036854775808", false, 0);
	number("-9223372036854775809", false, 0);
	number("99999999999999999999", false, 0);
	number("", false, 0);
	number("-", false, 0);
	number("1.", false, 0);
	number(".0", false, 0);
	number("1.5", false, 0);
	number("1e3", false, 0);
	number(" 1", false, 0);
	number("1 ", false, 0);
	number("NaN", false, 0);
}

int
main(void)
{
	check_found();
	check_nothing();
	check_repeated();
	check_escapes();
	check_malformed();
	check_depth();
	check_numbers();
	printf("1..%d\n", checks);
	return failures > 0;
}
