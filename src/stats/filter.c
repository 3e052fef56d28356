/*
 * Filters: lists of values to include or, with a leading minus, to exclude.
 */
#include "stats/stats.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

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

static pg_attribute_noreturn() void
refuse_list(const char *argument, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" %s", argument, what),
			 errhint(LIST_HINT)));
}

/* A value that is both asked for and excluded can only be a mistake. */
static void
check_contradiction(const ks_list *list, const char *value, const char *argument)
{
	int			i;

	for (i = 0; i < list->count; i++)
	{
		if (list->values[i][0] == '-' && strcmp(list->values[i] + 1, value) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" both includes and excludes \"%s\"", argument, value),
					 errhint(LIST_HINT)));
	}
}

/* Adds the conditions of a list argument on one key part. */
void
ks_filters_list(ks_filters *filters, int part, const ks_list *list, const char *argument)
{
	int			i;

	if (list->count == 0)
		refuse_list(argument, "is an empty list");
	for (i = 0; i < list->count; i++)
	{
		const char *value = list->values[i];
		bool		exclude = value[0] == '-';

		if (value[0] == '\0' || (exclude && value[1] == '\0'))
			refuse_list(argument, "has an empty value");
		if (!exclude)
			check_contradiction(list, value, argument);
		add_condition(filters, part, exclude, exclude ? value + 1 : value);
	}
}

/* Key parts beyond the dimensions that must be equal; a NULL part may be anything. */
void
ks_filters_key(ks_filters *filters, ArrayType *key)
{
	Datum	   *parts;
	bool	   *nulls;
	int			count;
	int			i;

	if (ARR_NDIM(key) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"key\" must be a one-dimensional array"),
				 errhint("Pass the parts of the key in the order of the measure's key columns, NULL for any.")));
	deconstruct_array(key, TEXTOID, -1, false, TYPALIGN_INT, &parts, &nulls, &count);
	for (i = 0; i < count; i++)
	{
		if (!nulls[i])
			add_condition(filters, KS_DIMENSIONS + i, false, TextDatumGetCString(parts[i]));
	}
}

/* As the rollup takes them; NULL where there is no condition. */
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

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &list->count);
	list->values = palloc((list->count + 1) * sizeof(char *));
	for (i = 0; i < list->count; i++)
	{
		if (nulls[i])
			refuse_list(argument, "has a NULL in it");
		list->values[i] = TextDatumGetCString(items[i]);
	}
}

static void
list_from_json(ks_list *list, const char *text, const char *argument)
{
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;

	list->values = palloc((JB_ROOT_COUNT(json) + 1) * sizeof(char *));
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (value.type != jbvString)
			refuse_list(argument, "must be a list of strings");
		list->values[list->count++] = pnstrdup(value.val.string.val, value.val.string.len);
	}
}

/* Values between commas, blanks around them left out. */
static void
list_from_commas(ks_list *list, const char *text)
{
	const char *at = text;
	int			size = 1;

	for (; *at != '\0'; at++)
		size += *at == ',';
	list->values = palloc(size * sizeof(char *));
	for (at = text;;)
	{
		const char *end = strchrnul(at, ',');
		const char *last = end;

		while (at < last && *at == ' ')
			at++;
		while (last > at && last[-1] == ' ')
			last--;
		list->values[list->count++] = pnstrdup(at, last - at);
		if (*end == '\0')
			return;
		at = end + 1;
	}
}

/* A list as text: web,app or {web,app} or ["web","app"]. */
void
ks_list_from_text(ks_list *list, const char *text, const char *argument)
{
	while (*text == ' ')
		text++;
	list->count = 0;
	if (*text == '[')
		list_from_json(list, text, argument);
	else if (*text == '{')
		ks_list_from_array(list, DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, pstrdup(text), TEXTOID, -1)), argument);
	else
		list_from_commas(list, text);
}
