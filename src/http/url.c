/*
 * Reading a request target such as
 * /api/v1/stats/bot/42/sessions/chats?tz=Europe%2FOslo&sources[]=web
 *
 * It is decoded in place: decoding never makes it longer, and each part is followed by a
 * delimiter, or the end, which becomes its NUL.  A part is cut out before it is decoded, so
 * %2F makes no segment and %26 no parameter, and nothing is decoded twice.
 */
#include "http/url.h"

#include "base/integer.h"

/* What is being parsed. */
typedef struct url_reader
{
	ks_url	   *url;
	const char *start;
	char	   *at;
	char	   *end;			/* a NUL stands there */
} url_reader;

static ks_url_status
fail(url_reader *r, const char *at, ks_url_status status)
{
	r->url->error_at = (size_t) (at - r->start);
	return status;
}

/*
 * Returns the length of the character at these bytes, 0 if there is none: nothing
 * overlong, no surrogates, nothing beyond U+10FFFF.
 */
static size_t
utf8_length(const unsigned char *bytes, size_t left)
{
	/* the second byte has a narrower range after some first bytes */
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t		length;
	size_t		i;

	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] < 0xC2 || bytes[0] > 0xF4)
		return 0;
	length = bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
	if (bytes[0] == 0xE0)
		low = 0xA0;
	else if (bytes[0] == 0xED)
		high = 0x9F;
	else if (bytes[0] == 0xF0)
		low = 0x90;
	else if (bytes[0] == 0xF4)
		high = 0x8F;
	if (left < length || bytes[1] < low || bytes[1] > high)
		return 0;
	for (i = 2; i < length; i++)
	{
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
	}
	return length;
}

bool
ks_utf8_valid(const char *text, size_t length)
{
	size_t		at = 0;

	while (at < length)
	{
		size_t		step = utf8_length((const unsigned char *) text + at, length - at);

		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

/* Whether a byte is refused: no client sends these unencoded, though some do send raw bytes beyond ASCII. */
static bool
is_refused(char c)
{
	return (unsigned char) c <= ' ' || c == '\x7F' || c == '#';
}

/*
 * Decodes [from, end) in place and ends it with a NUL.  The delimiter at `end`
 * is overwritten.  In queries, which are encoded as forms, a plus sign is a
 * blank.
 */
static ks_url_status
decode(url_reader *r, char *from, char *end, bool form)
{
	char	   *in = from;
	char	   *out = from;

	while (in < end)
	{
		char		c = *in;

		if (is_refused(c))
			return fail(r, in, KS_URL_E_CHARACTER);
		if (c == '%')
		{
			int			first = end - in > 2 ? ks_hex_digit(in[1]) : -1;
			int			second = first >= 0 ? ks_hex_digit(in[2]) : -1;

			if (second < 0)
				return fail(r, in, KS_URL_E_PERCENT);
			if (first == 0 && second == 0)
				return fail(r, in, KS_URL_E_NUL);
			c = (char) (first * 16 + second);
			in += 2;
		}
		else if (c == '+' && form)
			c = ' ';
		*out++ = c;
		in++;
	}
	if (!ks_utf8_valid(from, (size_t) (out - from)))
		return fail(r, from, KS_URL_E_UTF8);
	*out = '\0';
	return KS_URL_OK;
}

/* Returns the next of two delimiters, or the end. */
static char *
find(char *from, const char *end, char one, char other)
{
	while (from < end && *from != one && *from != other)
		from++;
	return from;
}

/* Reads segments between slashes, up to the question mark; the first slash is at r->at. */
static ks_url_status
read_path(url_reader *r)
{
	ks_url	   *url = r->url;
	char		delimiter = '/';

	while (delimiter == '/')
	{
		char	   *from = r->at + 1;
		char	   *to = find(from, r->end, '/', '?');
		ks_url_status status;

		if (url->nsegments == KS_URL_SEGMENTS_MAX)
			return fail(r, from, KS_URL_E_SEGMENTS);
		delimiter = *to;
		status = decode(r, from, to, false);
		if (status != KS_URL_OK)
			return status;
		url->segments[url->nsegments++] = from;
		r->at = to;
	}
	return KS_URL_OK;
}

/* Removes [] from the end of a name. */
static bool
strip_brackets(char *name)
{
	size_t		length = strlen(name);

	if (length < 2 || strcmp(name + length - 2, "[]") != 0)
		return false;
	name[length - 2] = '\0';
	return true;
}

/* Reads name=value in [from, to). */
static ks_url_status
read_parameter(url_reader *r, char *from, char *to)
{
	ks_url	   *url = r->url;
	char	   *equals = find(from, to, '=', '=');
	char	   *value = equals < to ? equals + 1 : to;
	ks_url_parameter *parameter = &url->parameters[url->nparameters];
	ks_url_status status;

	if (url->nparameters == KS_URL_PARAMETERS_MAX)
		return fail(r, from, KS_URL_E_LONG);
	/* the value first: without an equals sign it is the NUL that ends the name */
	status = decode(r, value, to, true);
	if (status == KS_URL_OK)
		status = decode(r, from, equals, true);
	if (status != KS_URL_OK)
		return status;
	parameter->brackets = strip_brackets(from);
	parameter->name = from;
	parameter->value = value;
	url->nparameters++;
	return KS_URL_OK;
}

/* Reads parameters between ampersands; the question mark is at r->at.  Nothing between two is no parameter. */
static ks_url_status
read_query(url_reader *r)
{
	while (r->at < r->end)
	{
		char	   *from = r->at + 1;
		char	   *to = find(from, r->end, '&', '&');
		ks_url_status status = KS_URL_OK;

		if (from < to)
			status = read_parameter(r, from, to);
		if (status != KS_URL_OK)
			return status;
		r->at = to;
	}
	return KS_URL_OK;
}

/*
 * Splits and decodes the target, which is overwritten; target[length] must be
 * writable, too.  What the url points to lies in the target.
 */
ks_url_status
ks_url_parse(ks_url *url, char *target, size_t length)
{
	url_reader	r = {url, target, target, target + length};
	ks_url_status status;

	url->nsegments = 0;
	url->nparameters = 0;
	url->error_at = 0;
	if (length > KS_URL_BYTES_MAX)
		return fail(&r, target + KS_URL_BYTES_MAX, KS_URL_E_LONG);
	if (length == 0 || target[0] != '/')
		return fail(&r, target, KS_URL_E_PATH);
	target[length] = '\0';
	status = read_path(&r);
	if (status == KS_URL_OK)
		status = read_query(&r);
	return status;
}
