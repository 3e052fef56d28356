/*
 * The first and the last meaningful intent of one conversation.
 */
#include "dialect/intent.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "array.h"
#include "bucket/civil.h"
#include "compat.h"
#include "tally/sort.h"

PG_FUNCTION_INFO_V1(ks_first_meaningful_intent);
PG_FUNCTION_INFO_V1(ks_last_meaningful_intent);

/* ------------------------------------------------------------------------
 * When an intent was triggered
 * ------------------------------------------------------------------------
 */

/* What is left to be read of a text. */
typedef struct reader
{
	const char *at;
	const char *end;
} reader;

/* So many digits, no sign: their value. */
static bool
read_digits(reader *r, int count, int64 *value)
{
	if (r->end - r->at < count)
		return false;
	for (*value = 0; count > 0; count--, r->at++)
	{
		if (*r->at < '0' || *r->at > '9')
			return false;
		*value = *value * 10 + (*r->at - '0');
	}
	return true;
}

static bool
read_char(reader *r, const char *any)
{
	if (r->at == r->end || *r->at == '\0' || strchr(any, *r->at) == NULL)
		return false;
	r->at++;
	return true;
}

/* Digits of a fraction of a second, as microseconds; those beyond are read over. */
static int64
read_fraction(reader *r)
{
	int64		scale = 100000;
	int64		result = 0;

	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, scale /= 10)
		result += (*r->at - '0') * scale;
	return result;
}

/* Z, +hh, +hhmm, +hh:mm or nothing, in minutes. */
static bool
read_zone(reader *r, int64 *minutes)
{
	int64		hour,
				minute = 0;
	int			sign;

	*minutes = 0;
	if (r->at == r->end || read_char(r, "Zz"))
		return true;
	sign = *r->at == '-' ? -1 : 1;
	if (!read_char(r, "+-") || !read_digits(r, 2, &hour))
		return false;
	if (r->at < r->end)
	{
		(void) read_char(r, ":");
		if (!read_digits(r, 2, &minute))
			return false;
	}
	*minutes = sign * (hour * 60 + minute);
	return true;
}

/*
 * An instant as ISO 8601 has it, YYYY-MM-DD with or without THH:MM[:SS[.f]] and
 * a zone, UTC where there is none; false for anything else.  The server's own
 * reader depends on settings, and refuses a whole answer for one bad text.
 */
static bool
read_instant(const char *text, int length, double *order)
{
	reader		r = {text, text + length};
	int64		year,
				month,
				day,
				hour = 0,
				minute = 0,
				second = 0,
				fraction = 0,
				zone = 0;

	if (!read_digits(&r, 4, &year) || !read_char(&r, "-") || !read_digits(&r, 2, &month) || !read_char(&r, "-") ||
		!read_digits(&r, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (read_char(&r, "T t"))
	{
		if (!read_digits(&r, 2, &hour) || !read_char(&r, ":") || !read_digits(&r, 2, &minute))
			return false;
		if (read_char(&r, ":"))
		{
			if (!read_digits(&r, 2, &second))
				return false;
			if (read_char(&r, ".,"))
				fraction = read_fraction(&r);
		}
		(void) read_char(&r, " ");
		if (!read_zone(&r, &zone))
			return false;
	}
	*order = (double) (((ks_civil_days(year, (int) month, (int) day) * 24 + hour) * 60 + minute - zone) * 60 + second) + fraction / 1e6;
	return r.at == r.end;
}

/* Where an intent stands in time; false where that cannot be told.  Of numbers, whatever their unit, the order is enough. */
static bool
order_of(const JsonbValue *timestamp, double *order)
{
	if (timestamp == NULL)
		return false;
	if (timestamp->type == jbvNumeric)
	{
		*order = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(timestamp->val.numeric)));
		return true;
	}
	return timestamp->type == jbvString && read_instant(timestamp->val.string.val, timestamp->val.string.len, order);
}

/* ------------------------------------------------------------------------
 * Which intent is the one
 * ------------------------------------------------------------------------
 */

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

ks_names
ks_excluded_argument(FunctionCallInfo fcinfo, int argument)
{
	ks_names	result = {0, NULL};
	bool	   *nulls;
	int			i;

	if (PG_ARGISNULL(argument))
		return result;
	result.count = ks_array_texts(PG_GETARG_ARRAYTYPE_P(argument), "excluded", KS_LIST_ITEMS_MAX, &result.texts, &nulls);
	for (i = 0; i < result.count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"excluded\" has a NULL in it"),
					 errhint("Name the intents that are not to count, such as {Greeting}.")));
	}
	ks_sort(result.texts, result.count, sizeof(Datum), compare_texts, CurrentMemoryContext);
	return result;
}

static bool
is_excluded(const ks_names *excluded, const JsonbValue *name)
{
	int			low = 0;
	int			high = excluded->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		struct varlena *text = (struct varlena *) DatumGetPointer(excluded->texts[middle]);
		int			order = compare_bytes(VARDATA_ANY(text), (int) VARSIZE_ANY_EXHDR(text), name->val.string.val, name->val.string.len);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static JsonbValue *
member_of(const JsonbValue *object, const char *name)
{
	return getKeyJsonValueFromContainer(object->val.binary.data, name, (int) strlen(name), NULL);
}

/* The name of an intent that counts, or NULL. */
static JsonbValue *
meaningful_name(const JsonbValue *intent, const ks_names *excluded)
{
	JsonbValue *value;

	if (intent->type != jbvBinary || !JsonContainerIsObject(intent->val.binary.data))
		return NULL;
	value = member_of(intent, "not_meaningful");
	if (value == NULL || value->type != jbvBool || value->val.boolean)
		return NULL;
	value = member_of(intent, "intent_name");
	if (value == NULL || value->type != jbvString || is_excluded(excluded, value))
		return NULL;
	return value;
}

/* An intent that was found, and its place in time. */
typedef struct candidate
{
	JsonbValue *name;
	bool		timed;
	double		order;
} candidate;

/*
 * Whether a later element of the array is rather the first (or the last) one
 * than what was found so far.  One whose time can be told goes before one whose
 * time cannot; at the same time, or at none, their order in the array decides.
 */
static bool
is_better(const candidate *found, const candidate *next, bool last)
{
	if (found->name == NULL)
		return true;
	if (found->timed != next->timed)
		return next->timed;
	if (!next->timed || found->order == next->order)
		return last;
	return last ? next->order > found->order : next->order < found->order;
}

/* The name of the first (or the last) meaningful intent in a list of them; NULL where there is none. */
const JsonbValue *
ks_meaningful_intent(Jsonb *list, const ks_names *excluded, bool last)
{
	candidate	found = {NULL, false, 0};
	JsonbContainer *intents = &list->root;
	uint32		count = JsonContainerIsArray(intents) ? JsonContainerSize(intents) : 0;
	uint32		i;

	for (i = 0; i < count; i++)
	{
		JsonbValue *intent = getIthJsonbValueFromContainer(intents, i);
		candidate	next = {meaningful_name(intent, excluded), false, 0};

		CHECK_FOR_INTERRUPTS();
		if (next.name == NULL)
			continue;
		next.timed = order_of(member_of(intent, "intent_timestamp"), &next.order);
		if (is_better(&found, &next, last))
			found = next;
	}
	return found.name;
}

static Datum
meaningful_intent(FunctionCallInfo fcinfo, bool last)
{
	ks_names	excluded = ks_excluded_argument(fcinfo, 1);
	const JsonbValue *name;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	name = ks_meaningful_intent(PG_GETARG_JSONB_P(0), &excluded, last);
	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(name->val.string.val, name->val.string.len));
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
