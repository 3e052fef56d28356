/*
 * fuzz_route: paths that nearly are those of the routes, against a matcher that
 * knows nothing but the texts (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/unit -o test/fuzz/fuzz_route test/fuzz/fuzz_route.c src/http/route.c src/http/url.c
 * Run: test/fuzz/fuzz_route -max_total_time=60
 *
 * The bytes choose a route, what stands in the place of :bot and :day, and what
 * goes wrong with its path; fuzz_url has those that choose nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/route.h"

#include "chance.h"
#include "require.h"

#define TEXT_MAX 300

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ------------------------------------------------------------------------
 * What is dealt
 * ------------------------------------------------------------------------
 */

/* A segment or a name: any bytes without NUL, or a number. */
static void
deal_text(char *text)
{
	static const char *const known[] = {"0", "-0", "00", "-", "", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
	"-9223372036854775809", "from", "sources", "sources[]", "stats", "export"};
	uint32_t	length = below(24);
	uint32_t	i;

	switch (below(4))
	{
		case 0:
			strcpy(text, known[below(sizeof(known) / sizeof(known[0]))]);
			return;
		case 1:
			sprintf(text, "%lld", (long long) (((uint64_t) below(UINT32_MAX) << 32 | below(UINT32_MAX)) >> below(64)));
			return;
		case 2:
			sprintf(text, "-%u", below(1000));
			return;
	}
	for (i = 0; i < length; i++)
	{
		text[i] = (char) below(256);
		if (text[i] == '\0')
			break;
	}
	text[i] = '\0';
}

static char *
put_encoded(char *at, const char *text)
{
	for (; *text != '\0'; text++)
		at += sprintf(at, "%%%02X", (unsigned char) *text);
	return at;
}

/* The path of a route with texts in the place of its names, and perhaps a segment too many, too few or changed. */
static void
deal_target(char *target, const ks_route *route)
{
	const char *path = route->path;
	uint32_t	wrong = below(4) ? UINT32_MAX : below(8);
	uint32_t	number = 0;
	char		text[TEXT_MAX];
	char	   *at = target;

	while (*path == '/')
	{
		size_t		length = strcspn(path + 1, "/");

		if (number == wrong)
		{
			uint32_t	how = below(3);

			deal_text(text);
			if (how < 2)
			{
				*at++ = '/';
				at = put_encoded(at, text);
			}
			if (how > 0)
			{
				path += 1 + length;
				number++;
				continue;
			}
		}
		*at++ = '/';
		if (path[1] == ':')
		{
			deal_text(text);
			at = put_encoded(at, text);
		}
		else
		{
			memcpy(at, path + 1, length);
			at += length;
		}
		path += 1 + length;
		number++;
	}
	if (below(8) == 0)
		*at++ = '/';
	*at = '\0';
}

/* ------------------------------------------------------------------------
 * What must come of it
 * ------------------------------------------------------------------------
 */

/* The segment of that number of a route's path, cut out; false when it has none. */
static bool
pattern_segment(const char *path, int number, char *segment)
{
	size_t		length;

	while (number-- > 0 && *path == '/')
		path += 1 + strcspn(path + 1, "/");
	if (*path != '/')
		return false;
	length = strcspn(path + 1, "/");
	memcpy(segment, path + 1, length);
	segment[length] = '\0';
	return true;
}

static bool
matches(const ks_route *route, const ks_url *url)
{
	char		segment[TEXT_MAX];
	int			i;

	for (i = 0; pattern_segment(route->path, i, segment); i++)
	{
		if (i >= url->nsegments || (segment[0] == ':' ? url->segments[i][0] == '\0' : strcmp(segment, url->segments[i]) != 0))
			return false;
	}
	return i == url->nsegments;
}

/* The names in a route's path are those of its segments, and nothing else is. */
static void
check_names(const ks_route *route, const ks_url *url)
{
	char		segment[TEXT_MAX];
	int			names = 0;
	int			i;

	for (i = 0; pattern_segment(route->path, i, segment); i++)
	{
		if (segment[0] != ':')
			continue;
		names++;
		require(ks_route_segment(route, url, segment + 1) == url->segments[i]);
	}
	require((names > 0) == (ks_route_segment(route, url, "bot") != NULL));
	require(ks_route_segment(route, url, "") == NULL && ks_route_segment(route, url, "bo") == NULL &&
			ks_route_segment(route, url, ":bot") == NULL);
}

static void
check_parameters(const ks_route *route)
{
	const ks_route_parameter *parameter;
	const ks_route_parameter *found;
	char		text[TEXT_MAX];

	deal_text(text);
	found = ks_route_parameter_find(route, text);
	for (parameter = route->parameters; parameter->name != NULL; parameter++)
	{
		require(ks_route_parameter_find(route, parameter->name) == parameter);
		require(found == parameter || strcmp(parameter->name, text) != 0);
	}
	require(found == NULL || strcmp(found->name, text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static ks_url url;
	char		target[16 * 3 * TEXT_MAX];
	const ks_route *route = ks_routes;
	uint32_t	routes = 0;

	dealt = data;
	dealt_left = size;
	random_state = size;
	while (ks_routes[routes].path != NULL)
		routes++;
	route += below(routes);
	deal_target(target, route);
	check_parameters(route);
	if (ks_url_parse(&url, target, strlen(target)) != KS_URL_OK)
		return 0;
	for (route = ks_routes; route->path != NULL && !matches(route, &url); route++)
		require(!ks_route_matches(route->path, &url));
	require(ks_route_find(&url) == (route->path != NULL ? route : NULL));
	if (route->path != NULL)
		check_names(route, &url);
	return 0;
}
