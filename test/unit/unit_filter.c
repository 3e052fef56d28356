/*
 * unit_filter: conditions read from text, without a server.  One TAP line a check;
 * what filters do to keys, unit_query holds against its model.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_filter \
 *     test/unit/unit_filter.c src/query/filter.c src/tally/key.c
 */
#include "query/filter.h"

#include <inttypes.h>

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - \"%s\"\n", passed ? "ok" : "not ok", checks, name);
}

/* Reads a text that lies in an allocation of its own, so that the sanitizers see a step too far. */
static bool
read_condition(ks_condition *condition, const char *text, char **copy)
{
	size_t		length = strlen(text);

	*copy = malloc(length > 0 ? length : 1);
	memcpy(*copy, text, length);
	return ks_condition_read(condition, *copy, length);
}

static void
understands(const char *text, uint32_t part, bool exclude, const char *value)
{
	ks_condition condition;
	char	   *copy;
	bool		good = read_condition(&condition, text, &copy);

	good = good && condition.part == part && condition.exclude == exclude && condition.value.length == strlen(value) &&
		memcmp(condition.value.bytes, value, strlen(value)) == 0;
	ok(good, text);
	free(copy);
}

static void
refuses(const char *text)
{
	ks_condition condition;
	char	   *copy;

	ok(!read_condition(&condition, text, &copy), text);
	free(copy);
}

/* Numbers of parts that no key has are all alike, whatever their length. */
static void
check_large(const char *text)
{
	ks_condition condition;
	char	   *copy;
	bool		good = read_condition(&condition, text, &copy);

	ok(!good || condition.part >= KS_KEY_MAX_PARTS, text);
	free(copy);
}

int
main(void)
{
	understands("0+", 0, false, "");
	understands("0-", 0, true, "");
	understands("1+app", 1, false, "app");
	understands("1-app", 1, true, "app");
	understands("2+-app", 2, false, "-app");
	understands("2-+app", 2, true, "+app");
	understands("9+0", 9, false, "0");
	understands("07-x", 7, true, "x");
	understands("12+a b", 12, false, "a b");
	understands("+x", 0, false, "x");
	refuses("");
	refuses("1");
	refuses("12");
	refuses("x");
	refuses("1x+");
	refuses("1/+");
	refuses("1:+");
	refuses(" 1+");
	refuses("1 +");
	refuses("1*x");
	check_large("99999+x");
	check_large("4294967297+x");
	check_large("18446744073709551617+x");

	printf("1..%d\n", checks);
	return failures > 0;
}
