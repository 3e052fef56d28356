/*
 * Lists in one text argument: web,app or {web,app} or ["web","app"].
 *
 * The server's own readers of arrays and JSON would raise errors that do not
 * say which argument is meant, nor how a list is written.
 */
#include "dialect/list.h"

#include "array.h"
#include "compat.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* What is being read, for messages, and how far. */
typedef struct reader
{
	const char *argument;
	const char *text;
	const char *at;
} reader;

/* How many bytes of a list a message shows. */
#define SHOWN_MAX 60

/* How long a list may be: the largest number of items, of a hundred bytes each. */
#define LIST_BYTES_MAX (100 * KS_LIST_ITEMS_MAX)

pg_noreturn static void
refuse(const reader *r)
{
	int			length = (int) strlen(r->text);
	int			shown = pg_mbcliplen(r->text, length, SHOWN_MAX);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is a malformed list", r->argument),
			 errdetail("It breaks off or goes wrong at character %d of: %.*s%s",
					   pg_mbstrlen_with_len(r->text, (int) (r->at - r->text)) + 1, shown, r->text, shown < length ? "..." : ""),
			 errhint("Write a list as web,app or {web,app} or [\"web\",\"app\"].")));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_blanks(reader *r)
{
	while (is_blank(*r->at))
		r->at++;
}

static uint32
hex_digits(reader *r)
{
	uint32		result = 0;
	int			i;

	for (i = 0; i < 4; i++, r->at++)
	{
		char		c = *r->at;

		if (c >= '0' && c <= '9')
			result = result * 16 + (uint32) (c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			result = result * 16 + (uint32) ((c | 0x20) - 'a' + 10);
		else
			refuse(r);
	}
	return result;
}

/* The character after \u: four digits, or a surrogate pair; never the one that ends strings. */
static void
unicode_escape(reader *r, StringInfo value)
{
	unsigned char bytes[MAX_UNICODE_EQUIVALENT_STRING + 1];
	pg_wchar	c = hex_digits(r);

	if (is_utf16_surrogate_first(c) && r->at[0] == '\\' && r->at[1] == 'u')
	{
		pg_wchar	second;

		r->at += 2;
		second = hex_digits(r);
		if (!is_utf16_surrogate_second(second))
			refuse(r);
		c = surrogate_pair_to_codepoint(c, second);
	}
	if (!is_valid_unicode_codepoint(c) || is_utf16_surrogate_first(c) || is_utf16_surrogate_second(c))
		refuse(r);
	pg_unicode_to_server(c, bytes);
	appendStringInfoString(value, (char *) bytes);
}

/* The character after a backslash in a JSON string. */
static void
json_escape(reader *r, StringInfo value)
{
	static const char codes[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	char		c = *r->at;
	const char *found = c == '\0' ? NULL : strchr(codes, c);

	if (c != 'u' && found == NULL)
		refuse(r);
	r->at++;
	if (c == 'u')
		unicode_escape(r, value);
	else
		appendStringInfoChar(value, meant[found - codes]);
}

/* A string in double quotes, of JSON or of an array literal, where a backslash makes the next character plain. */
static char *
quoted_item(reader *r, bool json)
{
	StringInfoData value;

	initStringInfo(&value);
	for (r->at++; *r->at != '"';)
	{
		char		c = *r->at;

		if (c == '\0' || (json && (unsigned char) c < ' '))
			refuse(r);
		r->at++;
		if (c == '\\' && json)
			json_escape(r, &value);
		else if (c == '\\')
		{
			if (*r->at == '\0')
				refuse(r);
			appendStringInfoChar(&value, *r->at++);
		}
		else
			appendStringInfoChar(&value, c);
	}
	r->at++;
	return value.data;
}

/* An item of an array literal without quotes; blanks around it do not count, but for those after a backslash. */
static char *
plain_item(reader *r)
{
	StringInfoData value;
	int			length = 0;
	bool		escaped = false;

	initStringInfo(&value);
	while (*r->at != ',' && *r->at != '}')
	{
		if (*r->at == '\0' || *r->at == '{' || *r->at == '"')
			refuse(r);
		if (*r->at == '\\')
		{
			escaped = true;
			if (*++r->at == '\0')
				refuse(r);
			length = value.len + 1;
		}
		else if (!is_blank(*r->at))
			length = value.len + 1;
		appendStringInfoChar(&value, *r->at++);
	}
	if (length == 0)
		refuse(r);
	value.data[length] = '\0';
	if (!escaped && pg_strcasecmp(value.data, "null") == 0)
		ks_list_refuse(r->argument, "has a NULL in it");
	return value.data;
}

static char *
one_item(reader *r, bool json)
{
	if (*r->at == '"')
		return quoted_item(r, json);
	if (!json)
		return plain_item(r);
	if (*r->at == '\0' || *r->at == ',' || *r->at == ']')
		refuse(r);
	ks_list_refuse(r->argument, "must be a list of strings");
	return NULL;
}

/* Room for as many values as there may be; refuses what is too long before it is looked at. */
static void
start_list(ks_list *list, const char *text, const char *argument)
{
	int			size = 1;

	if (strlen(text) > LIST_BYTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is longer than %d bytes", argument, LIST_BYTES_MAX),
				 errhint("Ask in several questions.")));
	for (; *text != '\0'; text++)
		size += *text == ',';
	list->count = 0;
	list->values = palloc(Min(size, KS_LIST_ITEMS_MAX) * sizeof(char *));
}

static void
add_item(ks_list *list, char *value, const char *argument)
{
	if (list->count == KS_LIST_ITEMS_MAX)
		ks_array_too_long(argument, KS_LIST_ITEMS_MAX);
	list->values[list->count++] = value;
}

/* Items between brackets. */
static void
bracketed_list(ks_list *list, reader *r, bool json)
{
	char		close = json ? ']' : '}';

	r->at++;
	skip_blanks(r);
	if (*r->at != close)
	{
		for (;;)
		{
			add_item(list, one_item(r, json), r->argument);
			skip_blanks(r);
			if (*r->at != ',')
				break;
			r->at++;
			skip_blanks(r);
		}
	}
	if (*r->at != close)
		refuse(r);
	r->at++;
	skip_blanks(r);
	if (*r->at != '\0')
		refuse(r);
}

/* Values between commas, blanks around them left out. */
static void
comma_list(ks_list *list, const char *text, const char *argument)
{
	for (;;)
	{
		const char *next = text + strcspn(text, ",");
		const char *end = next;

		while (text < end && is_blank(*text))
			text++;
		while (end > text && is_blank(end[-1]))
			end--;
		add_item(list, pnstrdup(text, end - text), argument);
		if (*next == '\0')
			return;
		text = next + 1;
	}
}

/* argument is the name of the caller's argument, for messages. */
void
ks_list_from_text(ks_list *list, const char *text, const char *argument)
{
	reader		r = {argument, text, text};

	start_list(list, text, argument);
	skip_blanks(&r);
	if (*r.at == '[' || *r.at == '{')
		bracketed_list(list, &r, *r.at == '[');
	else
		comma_list(list, text, argument);
}

/* What a list argument, if it is there, demands of one part of the key. */
void
ks_list_condition(ks_request *request, int part, const char *text, const char *argument)
{
	ks_list		list;

	if (text == NULL)
		return;
	ks_list_from_text(&list, text, argument);
	ks_filters_list(&request->filters, part, &list, argument);
}
