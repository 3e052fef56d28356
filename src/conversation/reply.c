/*
 * Reading the replies and intents that a conversation triggered.
 *
 * A table has such a list in the form that its owner likes: as jsonb or json, as a text of
 * JSON, or as an array of such texts.  What can be understood is read the same way.  What
 * cannot is an error that names the conversation and the element, and is raised when it is
 * written.  Only for rows that no trigger has seen can it be raised later.
 */
#include "conversation/reply.h"

#include "base/compat.h"
#include "bucket/civil.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

static const ks_reply_kind kinds[] = {
	{"triggered_replies", 5, {
		{"reply_timestamp", KS_REPLY_INSTANT},
		{"reply_id", KS_REPLY_TEXT},
		{"reply_name", KS_REPLY_TEXT},
		{"reply_type", KS_REPLY_TEXT},
		{"intent_id", KS_REPLY_TEXT}
	}},
	{"triggered_intent_replies", 4, {
		{"intent_timestamp", KS_REPLY_INSTANT},
		{"intent_id", KS_REPLY_TEXT},
		{"intent_name", KS_REPLY_TEXT},
		{"not_meaningful", KS_REPLY_BOOLEAN}
	}}
};

/*
 * Numbers are seconds.  There are no bots from before 2000, and the milliseconds of any
 * later time, taken as seconds, are far beyond 2100.  So one unit is not taken for
 * another.
 */
#define SECONDS_MIN		INT64CONST(946684800)	/* 2000-01-01 */
#define SECONDS_MAX		INT64CONST(4102444800)	/* 2100-01-01 */

/* How many bytes of a value are shown in an error. */
#define SHOWN_MAX		60

/* Returns the kind of list that a property is; NULL if it is none. */
const ks_reply_kind *
ks_reply_kind_of(const char *property)
{
	int			i;

	for (i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].property, property) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Errors
 * ------------------------------------------------------------------------
 */

/* "triggered_replies" of conversation "x" */
static const char *
name_of_list(const ks_replies *r)
{
	Oid			output;
	bool		is_varlena;

	if (!OidIsValid(r->of.type))
		return psprintf("\"%s\"", r->kind->property);
	getTypeOutputInfo(r->of.type, &output, &is_varlena);
	return psprintf("\"%s\" of conversation \"%s\"", r->kind->property, OidOutputFunctionCall(output, r->of.value));
}

/* element 2 of "triggered_replies" of conversation "x" */
static const char *
name_of_element(const ks_replies *r, uint32 number)
{
	return psprintf("element %u of %s", number + 1, name_of_list(r));
}

/* "reply_id" in element 2 of ... */
static const char *
name_of_member(const ks_replies *r, uint32 number, int member)
{
	return psprintf("\"%s\" in %s", r->kind->members[member].name, name_of_element(r, number));
}

static const char *
shown(const char *text, int length)
{
	return pnstrdup(text, pg_mbcliplen(text, length, SHOWN_MAX));
}

static int
hint_of_list(const ks_replies *r)
{
	return errhint("Write an array of objects with the members %s, %s, %s and so on, or the JSON text of such an array.",
				   r->kind->members[0].name, r->kind->members[1].name, r->kind->members[2].name);
}

/* Error context: PostgreSQL's own functions do not say which list they complain about. */
static void
name_list(void *replies)
{
	errcontext("%s", name_of_list(replies));
}

static void
begin_naming(ErrorContextCallback *context, const ks_replies *r)
{
	context->previous = error_context_stack;
	context->callback = name_list;
	context->arg = (void *) r;
	error_context_stack = context;
}

static void
end_naming(ErrorContextCallback *context)
{
	error_context_stack = context->previous;
}

/* ------------------------------------------------------------------------
 * Instants
 * ------------------------------------------------------------------------
 */

/* What is left to be read of a text. */
typedef struct text_reader
{
	const char *at;
	const char *end;
} text_reader;

/* Reads this many digits, without a sign. */
static bool
read_digits(text_reader *r, int count, int64 *value)
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
read_char(text_reader *r, const char *any)
{
	if (r->at == r->end || *r->at == '\0' || strchr(any, *r->at) == NULL)
		return false;
	r->at++;
	return true;
}

/* Reads the digits of a fraction of a second, as microseconds; further digits are ignored. */
static bool
read_fraction(text_reader *r, int64 *fraction)
{
	int64		scale = 100000;
	const char *begin = r->at;

	for (*fraction = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, scale /= 10)
		*fraction += (*r->at - '0') * scale;
	return r->at > begin;
}

/* Reads HH:MM[:SS[.f]] as microseconds. */
static bool
read_time(text_reader *r, int64 *time)
{
	int64		hour,
				minute,
				second = 0,
				fraction = 0;

	if (!read_digits(r, 2, &hour) || !read_char(r, ":") || !read_digits(r, 2, &minute))
		return false;
	if (read_char(r, ":"))
	{
		if (!read_digits(r, 2, &second) || (read_char(r, ".,") && !read_fraction(r, &fraction)))
			return false;
	}
	*time = ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return hour < 24 && minute < 60 && second < 60;
}

/* Reads Z, UTC, +hh, +hhmm, +hh:mm or nothing, which is UTC, as microseconds. */
static bool
read_zone(text_reader *r, int64 *zone)
{
	int64		hour,
				minute = 0;
	bool		is_west;

	*zone = 0;
	(void) read_char(r, " ");
	if (r->at == r->end || read_char(r, "Zz"))
		return true;
	if (r->end - r->at == 3 && pg_strncasecmp(r->at, "UTC", 3) == 0)
	{
		r->at = r->end;
		return true;
	}
	is_west = *r->at == '-';
	if (!read_char(r, "+-") || !read_digits(r, 2, &hour))
		return false;
	if (r->at < r->end)
	{
		(void) read_char(r, ":");
		if (!read_digits(r, 2, &minute))
			return false;
	}
	*zone = (is_west ? -1 : 1) * (hour * 60 + minute) * USECS_PER_MINUTE;
	return hour < 16 && minute < 60;
}

/* Reads a date as its midnight; false if there is no such day. */
static bool
read_date(text_reader *r, int64 *midnight)
{
	int64		year,
				month,
				day,
				year_again;
	int			month_again,
				day_again;

	if (!read_digits(r, 4, &year) || !read_char(r, "-") || !read_digits(r, 2, &month) || !read_char(r, "-") || !read_digits(r, 2, &day) ||
		year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	*midnight = ks_civil_days(year, (int) month, (int) day);
	ks_civil_date(*midnight, &year_again, &month_again, &day_again);
	*midnight *= USECS_PER_DAY;
	return month_again == month && day_again == day;
}

/*
 * Reads YYYY-MM-DD with or without a time and a zone, as ISO 8601 and BigQuery write it;
 * false for anything else.  The server's own reader depends on settings.
 */
static bool
read_instant(const char *text, int length, TimestampTz *instant)
{
	text_reader r = {text, text + length};
	int64		midnight,
				time = 0,
				zone = 0;

	if (!read_date(&r, &midnight) || (read_char(&r, "Tt ") && (!read_time(&r, &time) || !read_zone(&r, &zone))))
		return false;
	*instant = midnight + time - zone;
	/* a zone may lead out of the years that are written with four digits */
	return r.at == r.end && *instant >= ks_civil_days(1, 1, 1) * USECS_PER_DAY && *instant < ks_civil_days(10000, 1, 1) * USECS_PER_DAY;
}

static TimestampTz
instant_of_text(const ks_replies *r, uint32 number, int member, const JsonbValue *value)
{
	TimestampTz result;

	if (!read_instant(value->val.string.val, value->val.string.len, &result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("%s is no instant: \"%s\"", name_of_member(r, number, member), shown(value->val.string.val, value->val.string.len)),
				 errhint("Write such as 2024-10-26T23:51:00.5Z or 2024-10-26 23:51:00.5 UTC or 2024-10-27T01:51:00+02:00, or the seconds since 1970 as a number.")));
	return result;
}

static TimestampTz
instant_of_number(const ks_replies *r, uint32 number, int member, const JsonbValue *value)
{
	Datum		numeric = NumericGetDatum(value->val.numeric);
	double		seconds = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, numeric));
	int64		unix_epoch = ((int64) UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;

	if (!(seconds >= SECONDS_MIN && seconds < SECONDS_MAX))
	{
		const char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, numeric));

		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s is not in the years 2000 to 2099: %s", name_of_member(r, number, member), shown(digits, (int) strlen(digits))),
				 errhint("Numbers are seconds since 1970-01-01 00:00 UTC, with or without a fraction; divide milliseconds by 1000.")));
	}
	/* a double has these to less than half a microsecond */
	return unix_epoch + (int64) rint(seconds * USECS_PER_SEC);
}

/* ------------------------------------------------------------------------
 * Members
 * ------------------------------------------------------------------------
 */

static void
read_instant_member(const ks_replies *r, uint32 number, int member, const JsonbValue *value, ks_reply_value *result)
{
	if (value->type == jbvNumeric)
		result->instant = instant_of_number(r, number, member, value);
	else if (value->type == jbvString)
		result->instant = instant_of_text(r, number, member, value);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is neither a string nor a number", name_of_member(r, number, member)),
				 errhint("Write such as \"2024-10-26T23:51:00Z\", or the seconds since 1970.")));
}

/* Reads a text; ids may be numbers, which are exported as strings. */
static void
read_text_member(const ks_replies *r, uint32 number, int member, const JsonbValue *value, ks_reply_value *result)
{
	if (value->type == jbvString)
	{
		result->text.bytes = (const uint8_t *) value->val.string.val;
		result->text.length = (size_t) value->val.string.len;
	}
	else if (value->type == jbvNumeric)
	{
		char	   *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));

		result->text.bytes = (const uint8_t *) digits;
		result->text.length = strlen(digits);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is neither a string nor a number", name_of_member(r, number, member)),
				 errhint("Write a string, or null where there is none.")));
}

static void
read_boolean_member(const ks_replies *r, uint32 number, int member, const JsonbValue *value, ks_reply_value *result)
{
	if (value->type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is neither true nor false", name_of_member(r, number, member)),
				 errhint("Write true, false, or null where it is not known.")));
	result->boolean = value->val.boolean;
}

/* Reads one member of an element; raises if it cannot be understood. */
void
ks_replies_member(const ks_replies *r, uint32 number, JsonbContainer *object, int member, ks_reply_value *result)
{
	const ks_reply_member *m = &r->kind->members[member];
	JsonbValue	room;
	JsonbValue *value = getKeyJsonValueFromContainer(object, m->name, (int) strlen(m->name), &room);

	memset(result, 0, sizeof(*result));
	result->isnull = value == NULL || value->type == jbvNull;
	if (result->isnull)
		return;
	switch (m->type)
	{
		case KS_REPLY_INSTANT:
			read_instant_member(r, number, member, value, result);
			break;
		case KS_REPLY_TEXT:
			read_text_member(r, number, member, value, result);
			break;
		case KS_REPLY_BOOLEAN:
			read_boolean_member(r, number, member, value, result);
			break;
	}
}

/* ------------------------------------------------------------------------
 * Lists
 * ------------------------------------------------------------------------
 */

/* Whether a column of this type, domains apart, may hold a list. */
bool
ks_reply_type_fits(Oid type)
{
	switch (type)
	{
		case JSONBOID:
		case JSONOID:
		case TEXTOID:
		case VARCHAROID:
		case JSONBARRAYOID:
		case JSONARRAYOID:
		case TEXTARRAYOID:
		case VARCHARARRAYOID:
			return true;
		default:
			return false;
	}
}

/* Returns a column's value as pg_catalog.to_jsonb() does, because that is what queries read: texts are strings. */
static Jsonb *
list_of_value(const ks_replies *r, Datum value, Oid type)
{
	ErrorContextCallback context;
	FmgrInfo	to_jsonb;
	Param	   *argument;
	Jsonb	   *result;

	if (type == JSONBOID)
		return DatumGetJsonbP(value);
	argument = makeNode(Param);
	argument->paramkind = PARAM_EXTERN;
	argument->paramtype = type;
	argument->paramtypmod = -1;
	fmgr_info(F_TO_JSONB, &to_jsonb);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL), &to_jsonb);
	begin_naming(&context, r);
	result = DatumGetJsonbP(FunctionCall1(&to_jsonb, value));
	end_naming(&context);
	return result;
}

/* Parses a text; NULL if it is no JSON. */
static Jsonb *
parse_text(const ks_replies *r, const JsonbValue *value)
{
	char	   *text = pnstrdup(value->val.string.val, value->val.string.len);
	Jsonb	   *result = NULL;
	ErrorContextCallback context;

	begin_naming(&context, r);
	if (pg_parse_json(ks_json_lexer(text, value->val.string.len, GetDatabaseEncoding()), &nullSemAction) == JSON_SUCCESS)
		result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	end_naming(&context);
	return result;
}

/* Returns the list in a text. */
static Jsonb *
parse_list(const ks_replies *r, Jsonb *list)
{
	JsonbValue *text = getIthJsonbValueFromContainer(&list->root, 0);
	Jsonb	   *result = text->type == jbvString ? parse_text(r, text) : list;

	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("%s is not JSON: \"%s\"", name_of_list(r), shown(text->val.string.val, text->val.string.len)),
				 hint_of_list(r)));
	return result;
}

static bool
is_null(Jsonb *list)
{
	return JB_ROOT_IS_SCALAR(list) && getIthJsonbValueFromContainer(&list->root, 0)->type == jbvNull;
}

/* Starts to read a list, which must live as long; false if it is JSON's null, and so no list. */
bool
ks_replies_open(ks_replies *r, const ks_reply_kind *kind, Jsonb *list, ks_reply_owner of)
{
	r->kind = kind;
	r->of = of;
	if (JB_ROOT_IS_SCALAR(list))
		list = parse_list(r, list);
	if (is_null(list))
		return false;
	if (!JB_ROOT_IS_ARRAY(list) || JB_ROOT_IS_SCALAR(list))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not an array", name_of_list(r)),
				 hint_of_list(r)));
	r->list = &list->root;
	r->count = JB_ROOT_COUNT(list);
	return true;
}

/* Returns the object that an element is, or whose JSON text it is; raises if it is neither. */
JsonbContainer *
ks_replies_element(const ks_replies *r, uint32 number)
{
	JsonbValue *element = getIthJsonbValueFromContainer(r->list, number);
	JsonbContainer *result = element->type == jbvBinary ? element->val.binary.data : NULL;

	if (element->type == jbvString)
	{
		Jsonb	   *parsed = parse_text(r, element);

		if (parsed == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("%s is not JSON: \"%s\"", name_of_element(r, number), shown(element->val.string.val, element->val.string.len)),
					 hint_of_list(r)));
		result = &parsed->root;
	}
	if (result == NULL || !JsonContainerIsObject(result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not an object", name_of_element(r, number)),
				 hint_of_list(r)));
	return result;
}

/* Reads the members of an element; raises if it cannot be understood. */
void
ks_replies_read(const ks_replies *r, uint32 number, ks_reply_value *values)
{
	JsonbContainer *object = ks_replies_element(r, number);
	int			i;

	CHECK_FOR_INTERRUPTS();
	for (i = 0; i < r->kind->nmembers; i++)
		ks_replies_member(r, number, object, i, &values[i]);
}

/* Raises where a column's value, or an element of it, cannot be understood; type: domains apart. */
void
ks_replies_check(const ks_reply_kind *kind, Datum value, Oid type, ks_reply_owner of)
{
	ks_replies	r = {kind, of};
	ks_reply_value values[KS_REPLY_MEMBERS_MAX];
	uint32		i;

	if (!ks_replies_open(&r, kind, list_of_value(&r, value, type), of))
		return;
	for (i = 0; i < r.count; i++)
		ks_replies_read(&r, i, values);
}
