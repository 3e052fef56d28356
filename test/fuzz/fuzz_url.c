/*
 * fuzz_url: hostile bytes as a request target (libFuzzer).
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *     -DKS_STANDALONE -Isrc -Itest/fuzz -o test/fuzz/fuzz_url test/fuzz/fuzz_url.c src/http/route.c src/http/url.c
 * Run: test/fuzz/fuzz_url -max_total_time=60 -max_len=9000
 *
 * What was understood is written down again, percent-encoded byte by byte, and
 * must be understood as the same: nothing is lost, made up or decoded twice.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/route.h"

#include "require.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Is it a text inside the target, and UTF-8? */
static void
check_text(const char *text, const char *target, size_t size)
{
	require(text >= target && text <= target + size);
	require(memchr(text, '\0', (size_t) (target + size - text) + 1) != NULL);
	require(ks_utf8_valid(text, strlen(text)));
}

static char *
encode(char *out, const char *text)
{
	for (; *text != '\0'; text++)
		out += sprintf(out, "%%%02X", (unsigned char) *text);
	return out;
}

/* Three times as long at most, and delimiters. */
static char *
write_again(const ks_url *url)
{
	char	   *text = malloc(4 * KS_URL_BYTES_MAX);
	char	   *out = text;
	int			i;

	for (i = 0; i < url->nsegments; i++)
	{
		*out++ = '/';
		out = encode(out, url->segments[i]);
	}
	*out++ = '?';
	for (i = 0; i < url->nparameters; i++)
	{
		out = encode(out, url->parameters[i].name);
		if (url->parameters[i].brackets)
			out += sprintf(out, "[]");
		*out++ = '=';
		out = encode(out, url->parameters[i].value);
		*out++ = '&';
	}
	*out = '\0';
	return text;
}

static void
compare(const ks_url *a, const ks_url *b)
{
	int			i;

	require(a->nsegments == b->nsegments && a->nparameters == b->nparameters);
	for (i = 0; i < a->nsegments; i++)
		require(strcmp(a->segments[i], b->segments[i]) == 0);
	for (i = 0; i < a->nparameters; i++)
		require(a->parameters[i].brackets == b->parameters[i].brackets && strcmp(a->parameters[i].name, b->parameters[i].name) == 0 &&
				strcmp(a->parameters[i].value, b->parameters[i].value) == 0);
}

static void
ask_routes(const ks_url *url)
{
	const ks_route *route = ks_route_find(url);
	int			i;

	if (route == NULL)
		return;
	(void) ks_route_segment(route, url, "bot");
	for (i = 0; i < url->nparameters; i++)
		(void) ks_route_parameter_find(route, url->parameters[i].name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static ks_url url,
				again;
	char	   *target = malloc(size + 1);
	ks_url_status status;
	int			i;

	if (size > 0)
		memcpy(target, data, size);
	status = ks_url_parse(&url, target, size);
	if (status != KS_URL_OK)
		require(url.error_at <= size);
	else
	{
		char	   *text;

		for (i = 0; i < url.nsegments; i++)
			check_text(url.segments[i], target, size);
		for (i = 0; i < url.nparameters; i++)
		{
			check_text(url.parameters[i].name, target, size);
			check_text(url.parameters[i].value, target, size);
		}
		ask_routes(&url);
		text = write_again(&url);
		if (strlen(text) <= KS_URL_BYTES_MAX)
		{
			require(ks_url_parse(&again, text, strlen(text)) == KS_URL_OK);
			compare(&url, &again);
		}
		free(text);
	}
	free(target);
	return 0;
}
