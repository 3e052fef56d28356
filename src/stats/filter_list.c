/*
 * Filters: lists of values to include or, with a leading minus, to exclude.
 *
 * A backslash at the beginning, or behind the minus, takes what follows as it
 * is: \-test is the value "-test", -\\x leaves out "\x", and \ alone is the
 * value without characters.  Elsewhere it is an ordinary character.
 */
#include "stats/stats.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/sort.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define LIST_HINT "Name values to include, or with a leading minus to exclude; leave the argument out for all."

static void
add_condition(ks_filters *filters, int part, bool exclude, const char *value)
{
	if (filters->count == filters->size)
	{
		filters->size = filters->size ? 2 * filters->size : 8;
		filters->conditions = filters->count ? repalloc(filters->conditions, filters->size * sizeof(Datum))
			: palloc(filters->size * sizeof(Datum));
	}
	filters->conditions[filters->count++] = CStringGetTextDatum(ks_filter_text(part, exclude, value));
}

void
ks_list_refuse(const char *argument, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" %s", argument, what),
			 errhint(LIST_HINT)));
}

static int
compare_values(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* A value as a list item that includes it; a minus in front excludes it. */
const char *
ks_list_item(const char *value)
{
	return value[0] == '\0' || value[0] == '-' || value[0] == '\\' ? psprintf("\\%s", value) : value;
}

/* Whether an item excludes, and its value, which may be empty only behind a backslash. */
bool
ks_list_read_item(const char *item, const char *argument, const char **value)
{
	bool		exclude = item[0] == '-';

	*value = item + exclude;
	if ((*value)[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" has an empty value", argument),
				 errhint("A backslash alone is the value without characters; leave the argument out for all.")));
	if ((*value)[0] == '\\')
		(*value)++;
	return exclude;
}

/* A value that is both asked for and excluded can only be a mistake. */
static void
check_contradiction(const ks_list *list, const char *argument)
{
	const char **included = palloc((list->count + 1) * sizeof(char *));
	const char *value;
	int			count = 0;
	int			i;

	for (i = 0; i < list->count; i++)
	{
		if (!ks_list_read_item(list->values[i], argument, &value))
			included[count++] = value;
	}
	ks_sort(included, count, sizeof(char *), compare_values, CurrentMemoryContext);
	for (i = 0; i < list->count; i++)
	{
		if (ks_list_read_item(list->values[i], argument, &value) && bsearch(&value, included, count, sizeof(char *), compare_values) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" both includes and excludes \"%s\"", argument, value),
					 errhint(LIST_HINT)));
	}
	pfree(included);
}

/* Notes that there are conditions on a part, which the measure's key must have. */
static void
need_part(ks_filters *filters, int part)
{
	if (part >= KS_DIMENSIONS && filters->key_parts <= part - KS_DIMENSIONS)
		filters->key_parts = part - KS_DIMENSIONS + 1;
}

/* Adds the conditions of a list argument on one key part. */
void
ks_filters_list(ks_filters *filters, int part, const ks_list *list, const char *argument)
{
	int			i;

	if (list->count == 0)
		ks_list_refuse(argument, "is an empty list");
	check_contradiction(list, argument);
	for (i = 0; i < list->count; i++)
	{
		const char *value;
		bool		exclude = ks_list_read_item(list->values[i], argument, &value);

		add_condition(filters, part, exclude, value);
	}
	need_part(filters, part);
}

/* Parts of the key, beyond the dimensions, that must be equal; a NULL part matches anything. */
void
ks_filters_key(ks_filters *filters, ArrayType *key)
{
	Datum	   *parts;
	bool	   *nulls;
	int			count;
	int			i;

	ks_array_flat(key, "key");
	count = ks_array_texts(key, "key", KS_LIST_ITEMS_MAX, &parts, &nulls);
	for (i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		/* numbers of parts that no key can have are refused later */
		add_condition(filters, Min(KS_DIMENSIONS + i, KS_KEY_MAX_PARTS), false, TextDatumGetCString(parts[i]));
		filters->key_parts = i + 1;
	}
}

/* The conditions in the form that the rollup takes; NULL where there are none. */
ArrayType *
ks_filters_array(const ks_filters *filters)
{
	if (filters->count == 0)
		return NULL;
	return construct_array(filters->conditions, filters->count, TEXTOID, -1, false, TYPALIGN_INT);
}

void
ks_list_from_array(ks_list *list, ArrayType *array, const char *argument)
{
	Datum	   *items;
	bool	   *nulls;
	int			i;

	list->count = ks_array_texts(array, argument, KS_LIST_ITEMS_MAX, &items, &nulls);
	list->values = palloc((list->count + 1) * sizeof(char *));
	for (i = 0; i < list->count; i++)
	{
		if (nulls[i])
			ks_list_refuse(argument, "has a NULL in it");
		list->values[i] = TextDatumGetCString(items[i]);
	}
}
