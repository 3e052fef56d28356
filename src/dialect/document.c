/*
 * Writing a conversation as Ultimate's Data Export API documents it: each
 * property in its order, with its type.
 */
#include "dialect/document.h"
#include "dialect/json.h"

#include "base/compat.h"
#include "conversation/conversation.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

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

/* The object without its own keys that have no value; nested values stay as they are. */
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

static void
put_reply_value(StringInfo out, ks_reply_type type, const ks_reply_value *value)
{
	if (value->isnull)
		ks_json_text(out, NULL);
	else if (type == KS_REPLY_INSTANT)
		ks_json_exact_instant(out, value->instant);
	else if (type == KS_REPLY_BOOLEAN)
		ks_json_boolean(out, value->boolean);
	else
		ks_json_bytes(out, value->text.bytes, value->text.length);
}

/* An object for each element, with exactly the members of its kind. */
static void
put_replies(StringInfo out, const ks_reply_kind *kind, Jsonb *list, ks_reply_owner of)
{
	ks_replies	r;
	ks_reply_value values[KS_REPLY_MEMBERS_MAX];
	uint32		i;
	int			n;

	if (!ks_replies_open(&r, kind, list, of))
	{
		ks_json_text(out, NULL);
		return;
	}
	ks_json_open(out, '[');
	for (i = 0; i < r.count; i++)
	{
		ks_replies_read(&r, i, values);
		ks_json_open(out, '{');
		for (n = 0; n < kind->nmembers; n++)
		{
			ks_json_member(out, kind->members[n].name);
			put_reply_value(out, kind->members[n].type, &values[n]);
		}
		ks_json_close(out, '}');
	}
	ks_json_close(out, ']');
}

/* ------------------------------------------------------------------------
 * Documents
 * ------------------------------------------------------------------------
 */

/* A value by its type: integers are strings in this document, and so is the JSON of conversations_data. */
static void
put_value(StringInfo out, Oid type, Datum value)
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
			put_parameters(out, DatumGetJsonbP(value));
			break;
		default:
			ks_json_text(out, TextDatumGetCString(value));
	}
}

/* The places of the bot and of the conversation's id in a row. */
#define BOT_ID			0
#define CONVERSATION_ID	1

/*
 * The document of a row that has the properties and, after them, the name of
 * the bot.  Memory is taken from the current context.
 */
void
ks_document_put(StringInfo out, HeapTuple row, TupleDesc desc)
{
	Datum	   *values = palloc((ks_nproperties + 1) * sizeof(Datum));
	bool	   *nulls = palloc((ks_nproperties + 1) * sizeof(bool));
	ks_reply_owner of = {InvalidOid};
	int			i;

	Assert(desc->natts == ks_nproperties + 1);
	heap_deform_tuple(row, desc, values, nulls);
	if (!nulls[CONVERSATION_ID])
		of = (ks_reply_owner) {TEXTOID, values[CONVERSATION_ID]};
	ks_json_open(out, '{');
	for (i = 0; i < ks_nproperties; i++)
	{
		const char *property = ks_properties[i].name;
		const ks_reply_kind *kind = ks_reply_kind_of(property);

		ks_json_member(out, property);
		if (nulls[i])
			ks_json_text(out, NULL);
		else if (kind != NULL)
			put_replies(out, kind, DatumGetJsonbP(values[i]), of);
		else
			put_value(out, TupleDescAttr(desc, i)->atttypid, values[i]);
		if (i == BOT_ID)
		{
			ks_json_member(out, "bot_name");
			ks_json_text(out, nulls[ks_nproperties] ? NULL : TextDatumGetCString(values[ks_nproperties]));
		}
	}
	ks_json_close(out, '}');
}
