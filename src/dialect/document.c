/*
 * Writing a conversation as Ultimate's Data Export API documents it: each
 * property in its order, with its type.
 */
#include "dialect/document.h"

#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "dialect/json.h"

const char *const ks_document_properties[] = {
	"bot_id",
	"conversation_id",
	"platform_conversation_id",
	"conversation_start_time",
	"conversation_end_time",
	"language",
	"channel",
	"labels",
	"conversations_data",
	"test_mode",
	"conversation_status",
	"last_resolution",
	"triggered_replies",
	"triggered_intent_replies",
	"is_llm_conversation",
	"llm_notUnderstood_count",
	"llm_responseGenerated_count",
	"llm_errorOccurred_count",
	"llm_escalationRequired_count",
	"llm_fallback_count",
	"bot_messages_count",
	"visitor_messages_count",
	"not_understood_messages_count"
};
const int	ks_document_nproperties = lengthof(ks_document_properties);

/* ------------------------------------------------------------------------
 * Values
 * ------------------------------------------------------------------------
 */

/* The strings of a text[] */
static void
put_texts(StringInfo out, ArrayType *array)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;
	int			i;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	ks_json_open(out, '[');
	for (i = 0; i < count; i++)
		ks_json_text(out, nulls[i] ? NULL : TextDatumGetCString(items[i]));
	ks_json_close(out, ']');
}

/* JSON inside a JSON string */
static void
put_jsonb(StringInfo out, JsonbContainer *json, int size)
{
	ks_json_text(out, JsonbToCString(NULL, json, size));
}

/* The object without those of its own keys that have no value; what is within a value stays as it is. */
static Jsonb *
without_nulls(Jsonb *object)
{
	JsonbParseState *state = NULL;
	JsonbIterator *it = JsonbIteratorInit(&object->root);
	JsonbValue	key,
				value;
	bool		any = false;

	(void) JsonbIteratorNext(&it, &value, true);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvNull)
		{
			any = true;
			continue;
		}
		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return any ? JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)) : object;
}

/* conversations_data: "a list of the parameter's key where it had a value". */
static void
put_parameters(StringInfo out, Jsonb *data)
{
	if (JB_ROOT_IS_OBJECT(data))
		data = without_nulls(data);
	put_jsonb(out, &data->root, VARSIZE(data));
}

/* One JSON text for each element. */
static void
put_elements(StringInfo out, Jsonb *array)
{
	JsonbIterator *it;
	JsonbValue	value;

	ks_json_open(out, '[');
	if (!JB_ROOT_IS_ARRAY(array))
		put_jsonb(out, &array->root, VARSIZE(array));
	else
	{
		it = JsonbIteratorInit(&array->root);
		(void) JsonbIteratorNext(&it, &value, true);
		while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
		{
			Jsonb	   *element = JsonbValueToJsonb(&value);

			put_jsonb(out, &element->root, VARSIZE(element));
		}
	}
	ks_json_close(out, ']');
}

/* ------------------------------------------------------------------------
 * Documents
 * ------------------------------------------------------------------------
 */

/* A value as its type says: integers are strings in this document, JSON is a string, too. */
static void
put_value(StringInfo out, const char *property, Oid type, Datum value)
{
	switch (type)
	{
		case INT8OID:
			ks_json_text(out, psprintf(INT64_FORMAT, DatumGetInt64(value)));
			break;
		case BOOLOID:
			ks_json_boolean(out, DatumGetBool(value));
			break;
		case TIMESTAMPTZOID:
			ks_json_exact_instant(out, DatumGetTimestampTz(value));
			break;
		case TEXTARRAYOID:
			put_texts(out, DatumGetArrayTypeP(value));
			break;
		case JSONBOID:
			if (strcmp(property, "conversations_data") == 0)
				put_parameters(out, DatumGetJsonbP(value));
			else if (strcmp(property, "triggered_intent_replies") == 0)
				put_elements(out, DatumGetJsonbP(value));
			else
				put_jsonb(out, &DatumGetJsonbP(value)->root, VARSIZE(DatumGetJsonbP(value)));
			break;
		default:
			ks_json_text(out, TextDatumGetCString(value));
	}
}

/*
 * The document of a row that has the properties and, behind them, the name of
 * the bot.  Memory that it takes is the current context's.
 */
void
ks_document_put(StringInfo out, HeapTuple row, TupleDesc desc)
{
	Datum		values[lengthof(ks_document_properties) + 1];
	bool		nulls[lengthof(ks_document_properties) + 1];
	int			i;

	Assert(desc->natts == lengthof(values));
	heap_deform_tuple(row, desc, values, nulls);
	ks_json_open(out, '{');
	for (i = 0; i < ks_document_nproperties; i++)
	{
		const char *property = ks_document_properties[i];

		ks_json_member(out, property);
		if (nulls[i])
			ks_json_text(out, NULL);
		else
			put_value(out, property, TupleDescAttr(desc, i)->atttypid, values[i]);
		if (i == 0)
		{
			ks_json_member(out, "bot_name");
			ks_json_text(out, nulls[ks_document_nproperties] ? NULL : TextDatumGetCString(values[ks_document_nproperties]));
		}
	}
	ks_json_close(out, '}');
}
