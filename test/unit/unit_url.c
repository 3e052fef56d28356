/*
 * unit_url: request targets cut up and decoded, and routes found, without a
 * server.  One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_url \
 *     test/unit/unit_url.c src/http/route.c src/http/url.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/route.h"

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - ", passed ? "ok" : "not ok", checks);
	/* names are targets, some of which would break the line, or be a directive */
	for (; *name != '\0'; name++)
		printf(*name < ' ' || *name > '~' || *name == '#' ? "\\x%02X" : "%c", (unsigned char) *name);
	putchar('\n');
}

/* The target that was parsed last; exactly as long as it must be, so that the sanitizers see what lies beyond. */
static char *target;
static ks_url url;

static ks_url_status
parse_bytes(const char *text, size_t length)
{
	free(target);
	target = malloc(length + 1);
	memcpy(target, text, length);
	target[length] = '/';
	return ks_url_parse(&url, target, length);
}

static ks_url_status
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* What was understood, written so that one comparison tells everything: /a/b with name[]=value; */
static const char *
shown(void)
{
	static char text[4 * KS_URL_BYTES_MAX];
	size_t		at = 0;
	int			i;

	text[0] = '\0';
	for (i = 0; i < url.nsegments; i++)
		at += (size_t) sprintf(text + at, "/%s", url.segments[i]);
	for (i = 0; i < url.nparameters; i++)
		at += (size_t) sprintf(text + at, "%s%s%s=%s;", i == 0 ? " with " : " ", url.parameters[i].name,
							   url.parameters[i].brackets ? "[]" : "", url.parameters[i].value);
	return text;
}

static void
understands(const char *text, const char *expected)
{
	ks_url_status status = parse(text);
	bool		same = status == KS_URL_OK && strcmp(shown(), expected) == 0;

	ok(same, text);
	if (!same)
		printf("# status %d, at %zu: %s\n# expected: %s\n", (int) status, url.error_at, status == KS_URL_OK ? shown() : "", expected);
}

static void
refuses(const char *text, ks_url_status expected, size_t at)
{
	ks_url_status status = parse(text);

	ok(status == expected && url.error_at == at, text);
	if (status != expected || url.error_at != at)
		printf("# status %d, at %zu\n", (int) status, url.error_at);
}

/* ------------------------------------------------------------------------
 * Targets
 * ------------------------------------------------------------------------
 */

static void
check_paths(void)
{
	understands("/", "/");
	understands("/a", "/a");
	understands("/a/b%2Fc/d", "/a/b/c/d");
	understands("/a//b/", "/a//b/");
	understands("/a/../b/.", "/a/../b/.");
	understands("/a+b%20c%2bd", "/a+b c+d");
	understands("/%C3%A6/\xC3\xA6", "/\xC3\xA6/\xC3\xA6");
	understands("/%25%32%35", "/%25");
	understands("/a?", "/a");
	understands("/a%3Fb=c", "/a?b=c");
	understands("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
	refuses("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", KS_URL_E_SEGMENTS, 40);
	refuses("", KS_URL_E_PATH, 0);
	refuses("a", KS_URL_E_PATH, 0);
	refuses("?a=b", KS_URL_E_PATH, 0);
	refuses("http://a/b", KS_URL_E_PATH, 0);
	refuses("*", KS_URL_E_PATH, 0);
}

static void
check_queries(void)
{
	understands("/a?b=c", "/a with b=c;");
	understands("/a?b=c&d=e&b=f", "/a with b=c; d=e; b=f;");
	understands("/a?sources[]=web&sources[]=-test", "/a with sources[]=web; sources[]=-test;");
	understands("/a?sources%5B%5D=web&sources%5b]=app", "/a with sources[]=web; sources[]=app;");
	understands("/a?b", "/a with b=;");
	understands("/a?b[]", "/a with b[]=;");
	understands("/a?b=", "/a with b=;");
	understands("/a?=b", "/a with =b;");
	understands("/a?=", "/a with =;");
	understands("/a?[]=b", "/a with []=b;");
	ok(url.parameters[0].brackets && url.parameters[0].name[0] == '\0', "the name is empty, and it is a list");
	understands("/a?b[0]=c&d[][]=e&[]f=g&h[=i", "/a with b[0]=c; d[][]=e; []f=g; h[=i;");
	understands("/a?&&b=c&&", "/a with b=c;");
	understands("/a?b=c=d==", "/a with b=c=d==;");
	understands("/a?b=c?d/e", "/a with b=c?d/e;");
	understands("/a?b+c=d+e%2Bf%20g", "/a with b c=d e+f g;");
	understands("/a?b=%26c%3Dd&e%3D=f", "/a with b=&c=d; e==f;");
	understands("/a?tz=Europe%2FOslo&from=2024-07-01T00%3A00%3A00%2B02%3A00", "/a with tz=Europe/Oslo; from=2024-07-01T00:00:00+02:00;");
	understands("/a?b=%2525", "/a with b=%25;");
	understands("/a?b=\"'<>\\^`{|}", "/a with b=\"'<>\\^`{|};");
	understands("/a?b=%01%7F%0d%0A", "/a with b=\x01\x7F\r\n;");
}

static void
check_bad_bytes(void)
{
	refuses("/a b", KS_URL_E_CHARACTER, 2);
	refuses("/a?b=c#d", KS_URL_E_CHARACTER, 6);
	refuses("/a?b\t=c", KS_URL_E_CHARACTER, 4);
	refuses("/a?b=c\x7F", KS_URL_E_CHARACTER, 6);
	refuses("/a?b=c\r\nX: y", KS_URL_E_CHARACTER, 6);
	ok(parse_bytes("/a\0b", 4) == KS_URL_E_CHARACTER && url.error_at == 2, "a NUL as it is");
	refuses("/a%", KS_URL_E_PERCENT, 2);
	refuses("/a%2", KS_URL_E_PERCENT, 2);
	refuses("/a%/2", KS_URL_E_PERCENT, 2);
	refuses("/a?b=%4&c=1", KS_URL_E_PERCENT, 5);
	refuses("/a?b=%&41", KS_URL_E_PERCENT, 5);
	refuses("/a?b%=41", KS_URL_E_PERCENT, 4);
	refuses("/a?b=%g1", KS_URL_E_PERCENT, 5);
	refuses("/a?b=%1g", KS_URL_E_PERCENT, 5);
	refuses("/a?b=% 1", KS_URL_E_PERCENT, 5);
	refuses("/a?b=%-1", KS_URL_E_PERCENT, 5);
	refuses("/a?b=%u0041", KS_URL_E_PERCENT, 5);
	refuses("/a%00", KS_URL_E_NUL, 2);
	refuses("/a?b=c%00d", KS_URL_E_NUL, 6);
	refuses("/a?b%00=c", KS_URL_E_NUL, 4);
}

/* By the table in the Unicode standard, which the code is not written after. */
static bool
well_formed(uint32_t first, uint32_t second)
{
	if (first >= 0xC2 && first <= 0xDF)
		return second >= 0x80 && second <= 0xBF;
	return false;
}

static void
check_utf8(void)
{
	static const char *const good[] = {"%C2%80", "%DF%BF", "%E0%A0%80", "%ED%9F%BF", "%EE%80%80", "%EF%BF%BF", "%F0%90%80%80", "%F4%8F%BF%BF"};
	static const char *const bad[] = {
		"%80", "%BF", "%C0%80", "%C1%BF", "%C2", "%C2%7F", "%C2%C0", "%E0%80%80", "%E0%9F%BF", "%E2%82", "%E2%82%7F", "%ED%A0%80", "%ED%BF%BF",
		"%F0%80%80%80", "%F0%8F%BF%BF", "%F0%90%80", "%F4%90%80%80", "%F5%80%80%80", "%F8%88%80%80%80", "%FE", "%FF", "%C3&%A6", "%C3=%A6", "a%A6"
	};
	char		text[64];
	bool		pairs = true;
	uint32_t	first,
				second;
	size_t		i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		sprintf(text, "/a?b=%s", good[i]);
		ok(parse(text) == KS_URL_OK, text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		sprintf(text, "/a?b=%s", bad[i]);
		ok(parse(text) == KS_URL_E_UTF8, text);
	}
	refuses("/a/%FF", KS_URL_E_UTF8, 3);
	refuses("/a?%FF=b", KS_URL_E_UTF8, 3);
	refuses("/a?b=\xC3(", KS_URL_E_UTF8, 5);
	for (first = 0x80; first <= 0xFF; first++)
	{
		for (second = 1; second <= 0xFF; second++)
		{
			sprintf(text, "/%%%02X%%%02X", (unsigned) first, (unsigned) second);
			pairs &= (parse(text) == KS_URL_OK) == well_formed(first, second);
		}
	}
	ok(pairs, "all pairs of bytes");
}

static void
check_limits(void)
{
	static char text[16 * KS_URL_BYTES_MAX];
	int			i;
	size_t		at;

	memset(text, 'a', sizeof(text));
	text[0] = '/';
	ok(parse_bytes(text, KS_URL_BYTES_MAX) == KS_URL_OK && strlen(url.segments[0]) == KS_URL_BYTES_MAX - 1, "as long as may be");
	ok(parse_bytes(text, KS_URL_BYTES_MAX + 1) == KS_URL_E_LONG && url.error_at == KS_URL_BYTES_MAX, "one byte more");
	ok(parse_bytes(text, sizeof(text) - 1) == KS_URL_E_LONG, "much more");
	for (i = 0, at = (size_t) sprintf(text, "/a?"); i < KS_URL_PARAMETERS_MAX; i++)
		at += (size_t) sprintf(text + at, "b&");
	ok(parse(text) == KS_URL_OK && url.nparameters == KS_URL_PARAMETERS_MAX, "as many parameters as may be");
	sprintf(text + at, "b");
	ok(parse(text) == KS_URL_E_LONG && url.error_at == at, "one parameter more");
	memset(text + 3, '&', KS_URL_BYTES_MAX);
	text[KS_URL_BYTES_MAX - 1] = '\0';
	ok(parse(text) == KS_URL_OK && url.nparameters == 0, "nothing but ampersands");
	memset(text + 1, '/', KS_URL_BYTES_MAX);
	text[KS_URL_BYTES_MAX - 1] = '\0';
	ok(parse(text) == KS_URL_E_SEGMENTS, "nothing but slashes");
}

/* ------------------------------------------------------------------------
 * Routes
 * ------------------------------------------------------------------------
 */

static void
leads_to(const char *text, const char *function)
{
	const ks_route *route = parse(text) == KS_URL_OK ? ks_route_find(&url) : NULL;
	char		found[100] = "nowhere";

	if (route != NULL)
		sprintf(found, "%s.%s", route->schema, route->function);
	ok(strcmp(found, function) == 0, text);
	if (strcmp(found, function) != 0)
		printf("# leads to %s\n", found);
}

static void
check_routes(void)
{
	const ks_route *route;

	leads_to("/api/v1/stats/bot/42/meta/options", "sage.meta_options");
	leads_to("/api/v1/stats/bot/42/sessions/chats?from=2019-07-01&to=2019-07-07", "sage.sessions_chats");
	leads_to("/api/v1/stats/bot/42/buttons/most%5Fclicked", "sage.buttons_most_clicked");
	leads_to("/api/v1/stats/bot/x/sessions/chats", "sage.sessions_chats");
	leads_to("/reports/conversations", "chatbot_com.conversations");
	leads_to("/reports/conversations.heatmap?offset=60", "chatbot_com.conversations_heatmap");
	leads_to("/api/agent/analytics/intervention", "logicdialog.intervention");
	leads_to("/api/agent/analytics/intervention/average-time", "logicdialog.intervention_average_time");
	leads_to("/api/agent/analytics/urlTracking", "logicdialog.url_tracking");
	leads_to("/api/v1/export/bot/42/2024-07-01", "ultimate.export");
	leads_to("/api/v1/metrics/bot/42", "ultimate.metrics");
	leads_to("/", "nowhere");
	leads_to("/api/v1/stats/bot/42/sessions", "nowhere");
	leads_to("/api/v1/stats/bot/42/sessions/", "nowhere");
	leads_to("/api/v1/stats/bot/42/sessions/chats/", "nowhere");
	leads_to("/api/v1/stats/bot/42/sessions/chats/x", "nowhere");
	leads_to("/api/v1/stats/bot//sessions/chats", "nowhere");
	leads_to("//api/v1/stats/bot/42/sessions/chats", "nowhere");
	leads_to("/api/v1/stats/bot/42/sessions%2Fchats", "nowhere");
	leads_to("/api/v1/stats/bot/42/Sessions/chats", "nowhere");
	leads_to("/api/v1/stats/bot/42/sessions/chat", "nowhere");
	leads_to("/api/v1/stats/bot/42/x/../sessions/chats", "nowhere");
	leads_to("/reports/conversations.", "nowhere");
	leads_to("/api/v2/bot/42/sage/auth", "nowhere");

	parse("/api/v1/export/bot/-7/2024-07-01");
	route = ks_route_find(&url);
	ok(strcmp(ks_route_segment(route, &url, "bot"), "-7") == 0, "the bot of a path");
	ok(strcmp(ks_route_segment(route, &url, "day"), "2024-07-01") == 0, "the day of a path");
	ok(ks_route_segment(route, &url, "da") == NULL && ks_route_segment(route, &url, "days") == NULL, "what a path does not have");

	parse("/api/v1/stats/bot/42/sessions/chats");
	route = ks_route_find(&url);
	ok(strcmp(ks_route_parameter_find(route, "language_code")->argument, "language_codes") == 0 &&
	   strcmp(ks_route_parameter_find(route, "language_codes")->argument, "language_codes") == 0, "both names of the languages");
	ok(ks_route_parameter_find(route, "limit") == NULL && ks_route_parameter_find(route, "") == NULL &&
	   ks_route_parameter_find(route, "sources[]") == NULL, "parameters of others");
	ok(ks_route_takes(route->ignored, &(ks_url_parameter) {.name = "limit"}) && !ks_route_takes(route->parameters, &(ks_url_parameter) {.name = "limit"}) &&
	   !ks_route_takes(route->ignored, &(ks_url_parameter) {.name = "limit", .brackets = true}) &&
	   ks_route_takes(route->ignored, &(ks_url_parameter) {.name = "sources", .brackets = true}) &&
	   !ks_route_takes(route->ignored, &(ks_url_parameter) {.name = "period"}), "what a route of Sage's accepts of others of them");
}

int
main(void)
{
	check_paths();
	check_queries();
	check_bad_bytes();
	check_utf8();
	check_limits();
	check_routes();
	free(target);
	printf("1..%d\n", checks);
	return failures != 0;
}
