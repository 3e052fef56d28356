/*
 * unit_list: lists in one text taken apart, without a server.  One TAP line a
 * check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_list \
 *     test/unit/unit_list.c src/dialect/items.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "dialect/items.h"

#define LIMIT 5

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - ", passed ? "ok" : "not ok", checks);
	/* names are lists, some of which would break the line, or be a directive */
	for (; *name != '\0'; name++)
		printf(*name < ' ' || *name > '~' || *name == '#' ? "\\x%02X" : "%c", (unsigned char) *name);
	putchar('\n');
}

/* A character as <hexadecimal digits>: which encoding it becomes is not decided here. */
static size_t
put_number(char *at, uint32_t character)
{
	return (size_t) sprintf(at, "<%X>", (unsigned) character);
}

/* The status, where it was, and the values, with / between them. */
static bool
reads(const char *text, ks_items_status status, size_t error_at, const char *values)
{
	char	   *room = malloc(KS_ITEMS_ROOM(strlen(text)));
	char	  **places = malloc(LIMIT * sizeof(char *));
	ks_items	items = {places, LIMIT, 0, room, put_number, 0};
	char		joined[200] = "";
	bool		result;
	int			i;

	result = ks_items_read(&items, text) == status && items.error_at == error_at;
	if (status == KS_ITEMS_OK)
	{
		for (i = 0; i < items.count; i++)
		{
			if (i > 0)
				strcat(joined, "/");
			strcat(joined, items.values[i]);
		}
		result = result && strcmp(joined, values) == 0;
	}
	free(places);
	free(room);
	return result;
}

static void
list(const char *text, const char *values)
{
	ok(reads(text, KS_ITEMS_OK, 0, values), text);
}

static void
refused(const char *text, ks_items_status status, size_t error_at)
{
	ok(reads(text, status, error_at, ""), text);
}

int
main(void)
{
	/* between commas */
	list("web", "web");
	list("web,app", "web/app");
	list(" web ,\tapp\n,\r-test", "web/app/-test");
	list("", "");
	list(",", "/");
	list("a b, c", "a b/c");
	list("\"web\"", "\"web\"");
	list("a{b", "a{b");
	list("1,2,3,4,5", "1/2/3/4/5");
	refused("1,2,3,4,5,6", KS_ITEMS_E_MANY, 0);

	/* array literals */
	list("{}", "");
	list(" { } ", "");
	list("{web,app}", "web/app");
	list("{ web , app }", "web/app");
	list("{\"a,b\",\"c d\"}", "a,b/c d");
	list("{\"\"}", "");
	list("{\"null\"}", "null");
	list("{a\\,b,\\{}", "a,b/{");
	list("{\\ a\\ }", " a ");
	list("{\\null}", "null");
	list("{nulls,nul}", "nulls/nul");
	list("{xull,nxll,nuxl,nulx}", "xull/nxll/nuxl/nulx");
	list("{\"a\\\"b\\\\\"}", "a\"b\\");
	refused("{null}", KS_ITEMS_E_NULL, 0);
	refused("{a,NuLL}", KS_ITEMS_E_NULL, 0);
	refused("{", KS_ITEMS_E_MALFORMED, 1);
	refused("{a", KS_ITEMS_E_MALFORMED, 2);
	refused("{a,", KS_ITEMS_E_MALFORMED, 3);
	refused("{a,}", KS_ITEMS_E_MALFORMED, 3);
	refused("{,a}", KS_ITEMS_E_MALFORMED, 1);
	refused("{a}b", KS_ITEMS_E_MALFORMED, 3);
	refused("{a{b}", KS_ITEMS_E_MALFORMED, 2);
	refused("{a\"b}", KS_ITEMS_E_MALFORMED, 2);
	refused("{a\\", KS_ITEMS_E_MALFORMED, 3);
	refused("{\"a", KS_ITEMS_E_MALFORMED, 3);
	refused("{\"a\\", KS_ITEMS_E_MALFORMED, 4);
	refused("{\"a\" b}", KS_ITEMS_E_MALFORMED, 5);
	refused("{1,2,3,4,5,6}", KS_ITEMS_E_MANY, 0);

	/* JSON */
	list("[]", "");
	list("[\"web\",\"app\"]", "web/app");
	list(" [ \"web\" , \"app\" ] ", "web/app");
	list("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "\"\\/\b\f\n\r\t");
	list("[\"\\u0041\\uabCD\\u09fF\"]", "<41><ABCD><9FF>");
	list("[\"\\ud800\\uDC00\\uDBFF\\udfff\"]", "<10000><10FFFF>");
	list("[\"\\uD834\\uDD1Ex\"]", "<1D11E>x");
	list("[\"\\uE000\\uD7FF\"]", "<E000><D7FF>");
	refused("[", KS_ITEMS_E_MALFORMED, 1);
	refused("[,]", KS_ITEMS_E_MALFORMED, 1);
	refused("[\"a\",]", KS_ITEMS_E_MALFORMED, 5);
	refused("[\"a\"", KS_ITEMS_E_MALFORMED, 4);
	refused("[\"a\"}", KS_ITEMS_E_MALFORMED, 4);
	refused("[\"a\"]]", KS_ITEMS_E_MALFORMED, 5);
	refused("[\"a", KS_ITEMS_E_MALFORMED, 3);
	refused("[\"a\\", KS_ITEMS_E_MALFORMED, 4);
	refused("[\"a\\x\"]", KS_ITEMS_E_MALFORMED, 4);
	refused("[\"a\nb\"]", KS_ITEMS_E_MALFORMED, 3);
	refused("[\"\\u00g0\"]", KS_ITEMS_E_MALFORMED, 6);
	refused("[\"\\u00G0\"]", KS_ITEMS_E_MALFORMED, 6);
	refused("[\"\\u00/0\"]", KS_ITEMS_E_MALFORMED, 6);
	refused("[\"\\u00:0\"]", KS_ITEMS_E_MALFORMED, 6);
	refused("[\"\\u00@0\"]", KS_ITEMS_E_MALFORMED, 6);
	refused("[\"\\u00`0\"]", KS_ITEMS_E_MALFORMED, 6);
	refused("[\"\\u0000\"]", KS_ITEMS_E_MALFORMED, 8);
	refused("[\"\\uD800\"]", KS_ITEMS_E_MALFORMED, 8);
	refused("[\"\\uDC00\"]", KS_ITEMS_E_MALFORMED, 8);
	refused("[\"\\uDFFF\"]", KS_ITEMS_E_MALFORMED, 8);
	refused("[\"\\uD800\\n\"]", KS_ITEMS_E_MALFORMED, 8);
	refused("[\"\\uD800\\uDBFF\"]", KS_ITEMS_E_MALFORMED, 14);
	refused("[\"\\uD800\\uE000\"]", KS_ITEMS_E_MALFORMED, 14);
	refused("[\"\\uD800\\uDC0\"]", KS_ITEMS_E_MALFORMED, 13);
	refused("[1]", KS_ITEMS_E_NO_STRING, 0);
	refused("[null]", KS_ITEMS_E_NO_STRING, 0);
	refused("[{}]", KS_ITEMS_E_NO_STRING, 0);
	refused("[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]", KS_ITEMS_E_MANY, 0);

	printf("1..%d\n", checks);
	return failures > 0;
}
