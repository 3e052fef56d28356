/*
 * Taking apart a list in one text.
 *
 * The server's own parsers of arrays and JSON would raise errors that say
 * neither which argument is wrong nor how a list is written.
 */
#include "dialect/items.h"

/* What is being read, the position in it, and where the next value goes. */
typedef struct item_reader
{
	ks_items   *items;
	const char *text;
	const char *at;
	char	   *out;
} item_reader;

static ks_items_status
malformed(item_reader *r)
{
	r->items->error_at = (size_t) (r->at - r->text);
	return KS_ITEMS_E_MALFORMED;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_blanks(item_reader *r)
{
	while (is_blank(*r->at))
		r->at++;
}

static bool
hex_digits(item_reader *r, uint32_t *result)
{
	int			i;

	*result = 0;
	for (i = 0; i < 4; i++, r->at++)
	{
		char		c = *r->at;

		if (c >= '0' && c <= '9')
			*result = *result * 16 + (uint32_t) (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			*result = *result * 16 + (uint32_t) ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* The character after \u: four digits, or a surrogate pair; never NUL. */
static ks_items_status
unicode_escape(item_reader *r)
{
	uint32_t	c;

	if (!hex_digits(r, &c))
		return malformed(r);
	if (c >= 0xD800 && c <= 0xDBFF && r->at[0] == '\\' && r->at[1] == 'u')
	{
		uint32_t	second;

		r->at += 2;
		if (!hex_digits(r, &second) || second < 0xDC00 || second > 0xDFFF)
			return malformed(r);
		c = 0x10000 + ((c & 0x3FF) << 10) + (second & 0x3FF);
	}
	if (c == 0 || (c >= 0xD800 && c <= 0xDFFF))
		return malformed(r);
	r->out += r->items->put_character(r->out, c);
	return KS_ITEMS_OK;
}

/* The character after a backslash in a JSON string. */
static ks_items_status
json_escape(item_reader *r)
{
	static const char codes[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	char		c = *r->at;
	const char *found = c == '\0' ? NULL : strchr(codes, c);

	if (c != 'u' && found == NULL)
		return malformed(r);
	r->at++;
	if (c == 'u')
		return unicode_escape(r);
	*r->out++ = meant[found - codes];
	return KS_ITEMS_OK;
}

/* A string in double quotes, of JSON or of an array literal, where a backslash makes the next character plain. */
static ks_items_status
quoted_item(item_reader *r, bool json)
{
	for (r->at++; *r->at != '"';)
	{
		char		c = *r->at;

		if (c == '\0' || (json && (unsigned char) c < ' '))
			return malformed(r);
		r->at++;
		if (c == '\\' && json)
		{
			ks_items_status status = json_escape(r);

			if (status != KS_ITEMS_OK)
				return status;
			continue;
		}
		if (c == '\\')
		{
			if (*r->at == '\0')
				return malformed(r);
			c = *r->at++;
		}
		*r->out++ = c;
	}
	r->at++;
	return KS_ITEMS_OK;
}

/* Whether a value that is four bytes long is the word null, in any case. */
static bool
is_null(const char *value)
{
	return (value[0] | 0x20) == 'n' && (value[1] | 0x20) == 'u' && (value[2] | 0x20) == 'l' && (value[3] | 0x20) == 'l';
}

/* An unquoted item of an array literal; blanks around it are ignored, except after a backslash. */
static ks_items_status
plain_item(item_reader *r)
{
	char	   *value = r->out;
	char	   *end = value;
	bool		escaped = false;

	while (*r->at != ',' && *r->at != '}')
	{
		bool		blank = is_blank(*r->at);

		if (*r->at == '\0' || *r->at == '{' || *r->at == '"')
			return malformed(r);
		if (*r->at == '\\')
		{
			escaped = true;
			blank = false;
			if (*++r->at == '\0')
				return malformed(r);
		}
		*r->out++ = *r->at++;
		if (!blank)
			end = r->out;
	}
	if (end == value)
		return malformed(r);
	r->out = end;
	return !escaped && end - value == 4 && is_null(value) ? KS_ITEMS_E_NULL : KS_ITEMS_OK;
}

static ks_items_status
one_item(item_reader *r, bool json)
{
	if (*r->at == '"')
		return quoted_item(r, json);
	if (!json)
		return plain_item(r);
	return *r->at == '\0' || *r->at == ',' || *r->at == ']' ? malformed(r) : KS_ITEMS_E_NO_STRING;
}

/* Where the next value begins. */
static ks_items_status
start_value(item_reader *r)
{
	if (r->items->count == r->items->limit)
		return KS_ITEMS_E_MANY;
	r->items->values[r->items->count++] = r->out;
	return KS_ITEMS_OK;
}

/* Items between brackets. */
static ks_items_status
bracketed_list(item_reader *r, bool json)
{
	char		close = json ? ']' : '}';

	r->at++;
	skip_blanks(r);
	while (*r->at != close || r->items->count > 0)
	{
		ks_items_status status = start_value(r);

		if (status == KS_ITEMS_OK)
			status = one_item(r, json);
		if (status != KS_ITEMS_OK)
			return status;
		*r->out++ = '\0';
		skip_blanks(r);
		if (*r->at != ',')
			break;
		r->at++;
		skip_blanks(r);
	}
	if (*r->at != close)
		return malformed(r);
	r->at++;
	skip_blanks(r);
	return *r->at == '\0' ? KS_ITEMS_OK : malformed(r);
}

/* Values between commas, without the blanks around them. */
static ks_items_status
comma_list(item_reader *r)
{
	for (;;)
	{
		const char *next = r->at + strcspn(r->at, ",");
		const char *end = next;
		ks_items_status status = start_value(r);

		if (status != KS_ITEMS_OK)
			return status;
		while (r->at < end && is_blank(*r->at))
			r->at++;
		while (end > r->at && is_blank(end[-1]))
			end--;
		memcpy(r->out, r->at, (size_t) (end - r->at));
		r->out += end - r->at;
		*r->out++ = '\0';
		if (*next == '\0')
			return KS_ITEMS_OK;
		r->at = next + 1;
	}
}

ks_items_status
ks_items_read(ks_items *items, const char *text)
{
	item_reader r = {items, text, text, items->room};

	items->count = 0;
	skip_blanks(&r);
	if (*r.at == '[' || *r.at == '{')
		return bracketed_list(&r, *r.at == '[');
	r.at = text;
	return comma_list(&r);
}
