/*
 * Lists in one text argument, which items.c takes apart.
 */
#include "dialect/list.h"
#include "dialect/items.h"

#include "base/array.h"
#include "base/compat.h"

#include "mb/pg_wchar.h"

/* How many bytes of a list a message shows. */
#define SHOWN_MAX 60

/* How long a list may be: the largest number of items, of a hundred bytes each. */
#define LIST_BYTES_MAX (100 * KS_LIST_ITEMS_MAX)

/* error_at is where it goes wrong, in bytes. */
pg_noreturn static void
refuse(const char *text, size_t error_at, const char *argument)
{
	int			length = (int) strlen(text);
	int			shown = pg_mbcliplen(text, length, SHOWN_MAX);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is a malformed list", argument),
			 errdetail("It breaks off or goes wrong at character %d of: %.*s%s",
					   pg_mbstrlen_with_len(text, (int) error_at) + 1, shown, text, shown < length ? "..." : ""),
			 errhint("Write a list as web,app or {web,app} or [\"web\",\"app\"].")));
}

static size_t
put_character(char *at, uint32 character)
{
	unsigned char bytes[MAX_UNICODE_EQUIVALENT_STRING + 1];

	StaticAssertStmt(KS_CHARACTER_BYTES_MAX >= MAX_UNICODE_EQUIVALENT_STRING, "a character must have room");
	pg_unicode_to_server(character, bytes);
	memcpy(at, bytes, strlen((char *) bytes));
	return strlen((char *) bytes);
}

/* Makes room for as many values as there may be; refuses what is too long before reading it. */
static void
start_items(ks_items *items, const char *text, const char *argument)
{
	size_t		length = strlen(text);
	int			size = 1;

	if (length > LIST_BYTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is longer than %d bytes", argument, LIST_BYTES_MAX),
				 errhint("Ask in several questions.")));
	for (; *text != '\0'; text++)
		size += *text == ',';
	items->limit = Min(size, KS_LIST_ITEMS_MAX);
	items->values = palloc(items->limit * sizeof(char *));
	items->room = palloc(KS_ITEMS_ROOM(length));
	items->put_character = put_character;
}

/* argument is the name of the caller's argument, for messages. */
void
ks_list_from_text(ks_list *list, const char *text, const char *argument)
{
	ks_items	items;

	start_items(&items, text, argument);
	switch (ks_items_read(&items, text))
	{
		case KS_ITEMS_OK:
			break;
		case KS_ITEMS_E_MALFORMED:
			refuse(text, items.error_at, argument);
		case KS_ITEMS_E_NULL:
			ks_list_refuse(argument, "has a NULL in it");
		case KS_ITEMS_E_NO_STRING:
			ks_list_refuse(argument, "must be a list of strings");
		case KS_ITEMS_E_MANY:
			ks_array_too_long(argument, KS_LIST_ITEMS_MAX);
	}
	list->count = items.count;
	list->values = items.values;
}

/* The conditions of a list argument, if it is there, on one part of the key. */
void
ks_list_condition(ks_arguments *arguments, int part, const char *text, const char *argument)
{
	ks_list		list;

	if (text == NULL)
		return;
	ks_list_from_text(&list, text, argument);
	ks_filters_list(&arguments->filters, part, &list, argument);
}
