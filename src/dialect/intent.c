/*
 * The first and the last meaningful intent of one conversation.
 */
#include "dialect/intent.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/sort.h"
#include "conversation/reply.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(ks_first_meaningful_intent);
PG_FUNCTION_INFO_V1(ks_last_meaningful_intent);

/* The shorter one first, then bytewise. */
static int
compare_bytes(const char *a, int a_length, const char *b, int b_length)
{
	return a_length != b_length ? (a_length > b_length) - (a_length < b_length) : memcmp(a, b, a_length);
}

static int
compare_texts(const void *a, const void *b)
{
	struct varlena *x = (struct varlena *) DatumGetPointer(*(const Datum *) a);
	struct varlena *y = (struct varlena *) DatumGetPointer(*(const Datum *) b);

	return compare_bytes(VARDATA_ANY(x), (int) VARSIZE_ANY_EXHDR(x), VARDATA_ANY(y), (int) VARSIZE_ANY_EXHDR(y));
}

/* An item as in all lists, except that here every item excludes: a minus could only be a mistake. */
static Datum
read_name(const char *item)
{
	const char *name;

	if (ks_list_read_item(item, "excluded", &name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"excluded\" has a leading minus in \"%s\"", item),
				 errhint("Names in it are left out as they are; a backslash before a value takes it as it is.")));
	return CStringGetTextDatum(name);
}

ks_names
ks_excluded_names(const ks_list *list)
{
	ks_names	result = {list->count, palloc((list->count + 1) * sizeof(Datum))};
	int			i;

	for (i = 0; i < list->count; i++)
		result.texts[i] = read_name(list->values[i]);
	ks_sort(result.texts, result.count, sizeof(Datum), compare_texts, CurrentMemoryContext);
	return result;
}

static bool
is_excluded(const ks_names *excluded, ks_string name)
{
	int			low = 0;
	int			high = excluded->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		struct varlena *text = (struct varlena *) DatumGetPointer(excluded->texts[middle]);
		int			order = compare_bytes(VARDATA_ANY(text), (int) VARSIZE_ANY_EXHDR(text), (const char *) name.bytes, (int) name.length);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The name and the time of an intent, if it counts.  The rest is not read: it was checked when it was written. */
static bool
is_meaningful(const ks_replies *r, uint32 number, const ks_names *excluded, ks_reply_value *name, ks_reply_value *at)
{
	JsonbContainer *intent = ks_replies_element(r, number);
	ks_reply_value not_meaningful;

	ks_replies_member(r, number, intent, KS_INTENT_NOT_MEANINGFUL, &not_meaningful);
	if (not_meaningful.isnull || not_meaningful.boolean)
		return false;
	ks_replies_member(r, number, intent, KS_INTENT_NAME, name);
	if (name->isnull || is_excluded(excluded, name->text))
		return false;
	ks_replies_member(r, number, intent, KS_INTENT_TIMESTAMP, at);
	return true;
}

/*
 * Whether a later element of the array is the first (or the last) one rather
 * than what was found so far.  One with a time goes before one without; with
 * equal times, or none, their order in the array decides.
 */
static bool
is_better(const ks_reply_value *found, const ks_reply_value *next, bool last)
{
	if (found->isnull != next->isnull)
		return found->isnull;
	if (next->isnull || found->instant == next->instant)
		return last;
	return last ? next->instant > found->instant : next->instant < found->instant;
}

/* The name of the first (or the last) meaningful intent in a list; empty where there is none. */
ks_string
ks_meaningful_intent(Jsonb *list, ks_reply_owner of, const ks_names *excluded, bool last)
{
	ks_string	found = {NULL, 0};
	ks_reply_value found_at = {true};
	ks_replies	r;
	uint32		i;

	if (!ks_replies_open(&r, ks_reply_kind_of("triggered_intent_replies"), list, of))
		return found;
	for (i = 0; i < r.count; i++)
	{
		ks_reply_value name,
					at;

		CHECK_FOR_INTERRUPTS();
		if (is_meaningful(&r, i, excluded, &name, &at) && (found.bytes == NULL || is_better(&found_at, &at, last)))
		{
			found = name.text;
			found_at = at;
		}
	}
	return found;
}

/* The name of the first or the last element of the list; empty where there is none. */
ks_string
ks_intent_at_end(Jsonb *list, ks_reply_owner of, bool last)
{
	ks_reply_value name;
	ks_replies	r;
	uint32		number;

	if (!ks_replies_open(&r, ks_reply_kind_of("triggered_intent_replies"), list, of) || r.count == 0)
		return (ks_string) {NULL, 0};
	number = last ? r.count - 1 : 0;
	ks_replies_member(&r, number, ks_replies_element(&r, number), KS_INTENT_NAME, &name);
	return name.text;
}

static Datum
meaningful_intent(FunctionCallInfo fcinfo, bool last)
{
	ks_reply_owner nobody = {InvalidOid};
	ks_list		list = {0};
	ks_names	excluded;
	ks_string	name;

	if (!PG_ARGISNULL(1))
		ks_list_from_array(&list, PG_GETARG_ARRAYTYPE_P(1), "excluded");
	excluded = ks_excluded_names(&list);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	name = ks_meaningful_intent(PG_GETARG_JSONB_P(0), nobody, &excluded, last);
	if (name.bytes == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len((const char *) name.bytes, (int) name.length));
}

/* first_meaningful_intent(triggered_intent_replies, excluded) */
Datum
ks_first_meaningful_intent(PG_FUNCTION_ARGS)
{
	return meaningful_intent(fcinfo, false);
}

/* last_meaningful_intent(triggered_intent_replies, excluded) */
Datum
ks_last_meaningful_intent(PG_FUNCTION_ARGS)
{
	return meaningful_intent(fcinfo, true);
}
