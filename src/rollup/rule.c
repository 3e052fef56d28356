/*
 * Rules: how a logical column is read where it is not simply a column of the table.
 *
 * A mapping has for each logical column a name, or an object such as
 *     {"column": "payload", "path": ["session", "id"]}     a field of a JSON document
 *     {"column": "direction", "values": {"in": "user_message", "out": null}}
 *     {"constant": "user_message"}                         the same for every row
 *     {"column": "created_at", "tz": "Europe/Oslo"}        timestamp without time zone
 *     {"column": "at", "unit": "seconds"}                  a number, since 1970
 * attach() checks what it writes there (25-rule.sql).  No rule evaluates SQL or calls
 * a function of the table's owner.  The functions of schema kindly_rules are the
 * same code, for queries that read the raw events.
 */
#include "rollup/rule.h"

#include "base/compat.h"
#include "bucket/bucket.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_json_field);
PG_FUNCTION_INFO_V1(ks_jsonb_field);
PG_FUNCTION_INFO_V1(ks_zoned_instant);
PG_FUNCTION_INFO_V1(ks_integer_instant);
PG_FUNCTION_INFO_V1(ks_float_instant);
PG_FUNCTION_INFO_V1(ks_numeric_instant);
PG_FUNCTION_INFO_V1(ks_text_boolean);
PG_FUNCTION_INFO_V1(ks_text_whole_number);
PG_FUNCTION_INFO_V1(ks_numeric_whole_number);

/* ------------------------------------------------------------------------
 * Reading an object
 * ------------------------------------------------------------------------
 */

static void
refuse_object(const char *logical)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("a trigger's argument does not say how its table names \"%s\"", logical),
			 errhint("Attach the table again.")));
}

static ks_string
copy_string(const JsonbValue *value)
{
	ks_string	result;

	/* an empty text has bytes, too */
	result.bytes = (const uint8_t *) pnstrdup(value->val.string.val, value->val.string.len);
	result.length = (size_t) value->val.string.len;
	return result;
}

static const char *
string_of(const JsonbValue *value, const char *logical)
{
	if (value->type != jbvString)
		refuse_object(logical);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
read_path(ks_rule *rule, JsonbContainer *array)
{
	int			i;

	rule->nparts = (int) JsonContainerSize(array);
	if (!JsonContainerIsArray(array) || rule->nparts < 1 || rule->nparts > KS_FIELD_PARTS)
		refuse_object(rule->logical);
	rule->parts = palloc(rule->nparts * sizeof(ks_field_part));
	for (i = 0; i < rule->nparts; i++)
	{
		const char *name = string_of(getIthJsonbValueFromContainer(array, (uint32) i), rule->logical);

		rule->parts[i] = ks_field_part_of(name, strlen(name));
	}
}

static int
compare_strings(ks_string a, ks_string b)
{
	int			result = memcmp(a.bytes, b.bytes, Min(a.length, b.length));

	return result != 0 ? result : (a.length > b.length) - (a.length < b.length);
}

static int
compare_values(const void *a, const void *b)
{
	return compare_strings(((const ks_rule_value *) a)->from, ((const ks_rule_value *) b)->from);
}

static void
read_values(ks_rule *rule, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JsonContainerIsObject(object))
		refuse_object(rule->logical);
	rule->values = palloc0((JsonContainerSize(object) + 1) * sizeof(ks_rule_value));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			rule->values[rule->nvalues].from = copy_string(&value);
		else if (token == WJB_VALUE && value.type == jbvNull)
		{
			rule->has_null = true;
			rule->nvalues++;
		}
		else if (token == WJB_VALUE)
		{
			(void) string_of(&value, rule->logical);
			rule->values[rule->nvalues++].to = copy_string(&value);
		}
	}
	qsort(rule->values, rule->nvalues, sizeof(ks_rule_value), compare_values);
}

static JsonbValue *
member(const JsonbValue *object, const char *name)
{
	return getKeyJsonValueFromContainer(object->val.binary.data, name, (int) strlen(name), NULL);
}

/* Reads a rule from an object of a mapping, in the current memory context. */
ks_rule *
ks_rule_read(const JsonbValue *object, const char *logical)
{
	ks_rule    *rule = palloc0(sizeof(ks_rule));
	JsonbValue *value;

	rule->logical = pstrdup(logical);
	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		refuse_object(logical);
	value = member(object, "column");
	rule->column = value != NULL ? string_of(value, logical) : NULL;
	if ((value = member(object, "constant")) != NULL)
	{
		(void) string_of(value, logical);
		rule->constant = copy_string(value);
	}
	if ((rule->column == NULL) == (rule->constant.bytes == NULL))
		refuse_object(logical);
	if ((value = member(object, "path")) != NULL)
	{
		if (value->type != jbvBinary)
			refuse_object(logical);
		read_path(rule, value->val.binary.data);
	}
	if ((value = member(object, "values")) != NULL)
	{
		if (value->type != jbvBinary)
			refuse_object(logical);
		read_values(rule, value->val.binary.data);
	}
	if ((value = member(object, "tz")) != NULL)
		rule->zone = ks_zone_lookup(string_of(value, logical), NULL);
	if ((value = member(object, "unit")) != NULL)
		rule->unit = strcmp(string_of(value, logical), "milliseconds") == 0 ? 1000 : USECS_PER_SEC;
	return rule;
}

/* ------------------------------------------------------------------------
 * Fields of documents
 * ------------------------------------------------------------------------
 */

/* Returns a field of a text that should be JSON. */
static ks_string
text_field(const char *json, size_t length, const ks_field_part *parts, int nparts)
{
	bool		utf8 = GetDatabaseEncoding() == PG_UTF8;
	ks_string	result = {NULL, 0};
	ks_field	field;
	char	   *text;

	if (!ks_field_find(json, length, parts, nparts, utf8, &field))
		return result;
	result.bytes = (const uint8_t *) field.start;
	result.length = field.length;
	if (!field.escaped)
		return result;
	text = palloc(field.length + 1);
	result.bytes = ks_field_unescape(&field, utf8, text, &result.length) ? (const uint8_t *) text : NULL;
	return result;
}

static ks_string
scalar_text(const JsonbValue *value)
{
	ks_string	result = {NULL, 0};

	switch (value->type)
	{
		case jbvString:
			result.bytes = (const uint8_t *) value->val.string.val;
			result.length = (size_t) value->val.string.len;
			break;
		case jbvNumeric:
			result.bytes = (const uint8_t *) DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			result.length = strlen((const char *) result.bytes);
			break;
		case jbvBool:
			result.bytes = (const uint8_t *) (value->val.boolean ? "true" : "false");
			result.length = strlen((const char *) result.bytes);
			break;
		default:
			break;
	}
	return result;
}

static ks_string
jsonb_field(Jsonb *document, const ks_field_part *parts, int nparts)
{
	JsonbContainer *container = &document->root;
	ks_string	none = {NULL, 0};
	int			i;

	for (i = 0;; i++)
	{
		JsonbValue *value = NULL;

		if (JsonContainerIsObject(container))
			value = getKeyJsonValueFromContainer(container, parts[i].name, (int) parts[i].length, NULL);
		else if (JsonContainerIsArray(container) && !JsonContainerIsScalar(container) && parts[i].index >= 0)
			value = getIthJsonbValueFromContainer(container, (uint32) parts[i].index);
		if (value == NULL)
			return none;
		if (i == nparts - 1)
			return scalar_text(value);
		if (value->type != jbvBinary)
			return none;
		container = value->val.binary.data;
	}
}

/* Returns the field that a rule with a path names; bytes is NULL if there is none. */
ks_string
ks_rule_field(const ks_rule *rule, Oid type, Datum document)
{
	struct varlena *bytes;

	if (type == JSONBOID)
		return jsonb_field(DatumGetJsonbP(document), rule->parts, rule->nparts);
	bytes = PG_DETOAST_DATUM_PACKED(document);
	return text_field(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), rule->parts, rule->nparts);
}

/* Returns what a text is counted as; NULL if the rule does not mention it. */
const ks_rule_value *
ks_rule_value_of(const ks_rule *rule, ks_string text)
{
	ks_rule_value wanted = {text};

	if (rule->nvalues == 0 || text.bytes == NULL)
		return NULL;
	return bsearch(&wanted, rule->values, rule->nvalues, sizeof(ks_rule_value), compare_values);
}

/* ------------------------------------------------------------------------
 * Instants, numbers, booleans
 * ------------------------------------------------------------------------
 */

/*
 * Converts as AT TIME ZONE does: of an hour that occurs twice it takes the later one; for
 * one that was skipped, the offset from before the change goes on.
 */
static TimestampTz
zoned_instant(Timestamp local, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fraction;
	TimestampTz result;
	int			offset;

	if (TIMESTAMP_NOT_FINITE(local) || timestamp2tm(local, NULL, &tm, &fraction, NULL, NULL) != 0)
		return local;
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, fraction, &offset, &result) != 0)
	{
		if (local < 0)
			TIMESTAMP_NOBEGIN(result);
		else
			TIMESTAMP_NOEND(result);
	}
	return result;
}

#define UNIX_EPOCH_SECS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* Returns infinity for what is beyond timestamptz; that is refused like infinite timestamps. */
static TimestampTz
integer_instant(int64 number, int64 unit)
{
	int64		result;

	if (!__builtin_mul_overflow(number, unit, &result) && !__builtin_sub_overflow(result, UNIX_EPOCH_SECS * USECS_PER_SEC, &result) &&
		IS_VALID_TIMESTAMP(result))
		return result;
	if (number < 0)
		TIMESTAMP_NOBEGIN(result);
	else
		TIMESTAMP_NOEND(result);
	return result;
}

/* Converts as to_timestamp() does; false if it is not a number. */
static bool
float_instant(double number, int64 unit, TimestampTz *at)
{
	double		microseconds;

	if (isnan(number))
		return false;
	if (unit != USECS_PER_SEC)
		number /= (double) (USECS_PER_SEC / unit);
	microseconds = rint((number - (double) UNIX_EPOCH_SECS) * USECS_PER_SEC);
	if (microseconds < (double) MIN_TIMESTAMP)
		TIMESTAMP_NOBEGIN(*at);
	else if (microseconds >= (double) END_TIMESTAMP)
		TIMESTAMP_NOEND(*at);
	else
		*at = (TimestampTz) microseconds;
	return true;
}

static double
numeric_double(Datum value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
}

/* Reads the instant of a column by a rule; false if there is none. */
bool
ks_rule_instant(const ks_rule *rule, Oid type, Datum value, TimestampTz *at)
{
	switch (type)
	{
		case TIMESTAMPOID:
			*at = zoned_instant(DatumGetTimestamp(value), rule->zone);
			return true;
		case INT2OID:
			*at = integer_instant(DatumGetInt16(value), rule->unit);
			return true;
		case INT4OID:
			*at = integer_instant(DatumGetInt32(value), rule->unit);
			return true;
		case INT8OID:
			*at = integer_instant(DatumGetInt64(value), rule->unit);
			return true;
		case FLOAT8OID:
			return float_instant(DatumGetFloat8(value), rule->unit, at);
		default:
			return float_instant(numeric_double(value), rule->unit, at);
	}
}

/* Returns the same text for equal numerics: 4, 4.0 and 4.00. */
ks_string
ks_numeric_text(Datum value)
{
	ks_string	result;

	result.bytes = (const uint8_t *) DatumGetCString(DirectFunctionCall1(numeric_out, DirectFunctionCall1(numeric_trim_scale, value)));
	result.length = strlen((const char *) result.bytes);
	return result;
}

/* Reads what boolean's input function takes; false for other texts. */
bool
ks_boolean_text(const char *text, size_t length, bool *value)
{
	char		word[sizeof("false")];

	while (length > 0 && isspace((unsigned char) text[0]))
	{
		text++;
		length--;
	}
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	/* parse_bool_with_len() looks beyond the end of a word, and takes an empty one for the beginning of any */
	if (length == 0 || length >= sizeof(word))
		return false;
	memcpy(word, text, length);
	word[length] = '\0';
	return parse_bool_with_len(word, length, value);
}

/* ------------------------------------------------------------------------
 * For queries that read raw events
 * ------------------------------------------------------------------------
 */

static ks_field_part *
path_argument(ArrayType *path, int *count)
{
	ks_field_part *result;
	Datum	   *items;
	bool	   *nulls;
	int			i;

	deconstruct_array(path, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	if (*count < 1 || *count > KS_FIELD_PARTS || array_contains_nulls(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a path must have 1 to %d names", KS_FIELD_PARTS)));
	result = palloc(*count * sizeof(ks_field_part));
	for (i = 0; i < *count; i++)
	{
		char	   *name = TextDatumGetCString(items[i]);

		result[i] = ks_field_part_of(name, strlen(name));
	}
	return result;
}

/* json_field(document text, path) */
Datum
ks_json_field(PG_FUNCTION_ARGS)
{
	text	   *document = PG_GETARG_TEXT_PP(0);
	int			count;
	ks_field_part *path = path_argument(PG_GETARG_ARRAYTYPE_P(1), &count);
	ks_string	result = text_field(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), path, count);

	if (result.bytes == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len((const char *) result.bytes, (int) result.length));
}

/* json_field(document jsonb, path) */
Datum
ks_jsonb_field(PG_FUNCTION_ARGS)
{
	Jsonb	   *document = PG_GETARG_JSONB_P(0);
	int			count;
	ks_field_part *path = path_argument(PG_GETARG_ARRAYTYPE_P(1), &count);
	ks_string	result = jsonb_field(document, path, count);

	if (result.bytes == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len((const char *) result.bytes, (int) result.length));
}

/* zoned_instant(at, tz) */
Datum
ks_zoned_instant(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(zoned_instant(PG_GETARG_TIMESTAMP(0), ks_zone_lookup(text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL)));
}

static int64
unit_argument(text *argument)
{
	char	   *unit = text_to_cstring(argument);

	if (strcmp(unit, "seconds") != 0 && strcmp(unit, "milliseconds") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown unit \"%s\"", unit),
				 errhint("Units are seconds and milliseconds.")));
	return strcmp(unit, "milliseconds") == 0 ? 1000 : USECS_PER_SEC;
}

/* number_instant(number bigint, unit) */
Datum
ks_integer_instant(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(integer_instant(PG_GETARG_INT64(0), unit_argument(PG_GETARG_TEXT_PP(1))));
}

/* number_instant(number double precision, unit) */
Datum
ks_float_instant(PG_FUNCTION_ARGS)
{
	TimestampTz result;

	if (!float_instant(PG_GETARG_FLOAT8(0), unit_argument(PG_GETARG_TEXT_PP(1)), &result))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

/* number_instant(number numeric, unit) */
Datum
ks_numeric_instant(PG_FUNCTION_ARGS)
{
	TimestampTz result;

	if (!float_instant(numeric_double(PG_GETARG_DATUM(0)), unit_argument(PG_GETARG_TEXT_PP(1)), &result))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

/* boolean_of(value text) */
Datum
ks_text_boolean(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	bool		result;

	if (!ks_boolean_text(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &result))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(result);
}

static Datum
whole_number(FunctionCallInfo fcinfo, const char *text, size_t length)
{
	int64_t		result;

	if (!ks_whole_number(text, length, &result))
		PG_RETURN_NULL();
	PG_RETURN_INT64(result);
}

/* whole_number(value text) */
Datum
ks_text_whole_number(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	return whole_number(fcinfo, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* whole_number(value numeric) */
Datum
ks_numeric_whole_number(PG_FUNCTION_ARGS)
{
	ks_string	text = ks_numeric_text(PG_GETARG_DATUM(0));

	return whole_number(fcinfo, (const char *) text.bytes, text.length);
}
