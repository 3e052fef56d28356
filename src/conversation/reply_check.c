/*
 * Refuses lists of replies and intents that cannot be understood, in rows that are
 * written, and in tables that are attached with rows.
 *
 * Nothing is refused of what logical replication applies, or of what bypasses triggers
 * otherwise: then reading it is an error.
 */
#include "conversation/conversation.h"

#include "base/compat.h"
#include "base/stream.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(ks_check_replies);

/* How many rows are in memory at once. */
#define ROWS_AT_ONCE 100

/* ------------------------------------------------------------------------
 * Rows that are written
 * ------------------------------------------------------------------------
 */

static void
add_column(ks_reply_columns *of, TupleDesc desc, int number, const ks_reply_kind *kind, const char *table)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, number - 1);
	ks_reply_column *c = &of->column[of->count++];

	c->kind = kind;
	c->number = (AttrNumber) number;
	c->type = getBaseType(attribute->atttypid);
	c->by_value = attribute->attbyval;
	c->length = attribute->attlen;
	if (!ks_reply_type_fits(c->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table %s has become of a type that cannot be read as \"%s\"", NameStr(attribute->attname), table, kind->property),
				 errhint("Change the type back, or attach the table again with {\"%s\": null}.", kind->property)));
}

/* Finds the columns of a table that have lists; missing columns are reported elsewhere. */
void
ks_reply_columns_find(ks_reply_columns *of, TupleDesc desc, const Jsonb *columns, const char *table)
{
	int			i;

	memset(of, 0, sizeof(*of));
	of->scratch = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats replies", ALLOCSET_DEFAULT_SIZES);
	for (i = 0; i < ks_nproperties; i++)
	{
		const char *property = ks_properties[i].name;
		const ks_reply_kind *kind = ks_reply_kind_of(property);
		const char *column = ks_column_of(columns, property);
		int			number = column != NULL ? SPI_fnumber(desc, column) : 0;

		if (number <= 0)
			continue;
		if (kind != NULL)
			add_column(of, desc, number, kind, table);
		else if (strcmp(property, "conversation_id") == 0)
		{
			of->id = (AttrNumber) number;
			of->id_type = TupleDescAttr(desc, number - 1)->atttypid;
		}
	}
}

static bool
is_unchanged(const ks_reply_column *c, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	int			n = c->number - 1;

	return old_row != NULL && !old_row->tts_isnull[n] &&
		datum_image_eq(old_row->tts_values[n], new_row->tts_values[n], c->by_value, c->length);
}

/* Raises where a list of the new row cannot be understood; old_row: what it was before, or NULL. */
void
ks_reply_columns_check(const ks_reply_columns *of, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	ks_reply_owner owner = {InvalidOid};
	int			i;

	if (of->id > 0 && !new_row->tts_isnull[of->id - 1])
		owner = (ks_reply_owner) {of->id_type, new_row->tts_values[of->id - 1]};
	for (i = 0; i < of->count; i++)
	{
		const ks_reply_column *c = &of->column[i];
		MemoryContext old;

		if (new_row->tts_isnull[c->number - 1] || is_unchanged(c, old_row, new_row))
			continue;
		old = MemoryContextSwitchTo(of->scratch);
		ks_replies_check(c->kind, new_row->tts_values[c->number - 1], c->type, owner);
		MemoryContextSwitchTo(old);
		MemoryContextReset(of->scratch);
	}
}

/* ------------------------------------------------------------------------
 * Tables that come with rows
 * ------------------------------------------------------------------------
 */

/* Makes a query for the lists of a table, with the conversation's id last; NULL if it has no column for any list. */
static char *
lists_query(Oid relid, const Jsonb *columns, const ks_reply_kind **kinds)
{
	StringInfoData lists;
	StringInfoData given;
	const char *id = ks_column_of(columns, "conversation_id");
	int			count = 0;
	int			i;

	initStringInfo(&lists);
	initStringInfo(&given);
	for (i = 0; i < ks_nproperties; i++)
	{
		const ks_reply_kind *kind = ks_reply_kind_of(ks_properties[i].name);
		const char *column = kind != NULL ? ks_column_of(columns, kind->property) : NULL;

		if (column == NULL)
			continue;
		kinds[count++] = kind;
		appendStringInfo(&lists, "e.%s, ", quote_identifier(column));
		appendStringInfo(&given, "%se.%s IS NOT NULL", given.len > 0 ? " OR " : "", quote_identifier(column));
	}
	if (count == 0 || id == NULL)
		return NULL;
	return psprintf("SELECT %se.%s::pg_catalog.text FROM %s AS e WHERE %s", lists.data, quote_identifier(id),
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)), given.data);
}

static void
check_row(HeapTuple row, TupleDesc desc, const ks_reply_kind *const *kinds)
{
	int			nlists = desc->natts - 1;
	ks_reply_owner owner;
	bool		isnull;
	int			i;

	owner.value = heap_getattr(row, desc->natts, desc, &isnull);
	owner.type = isnull ? InvalidOid : TEXTOID;
	for (i = 0; i < nlists; i++)
	{
		Datum		list = heap_getattr(row, i + 1, desc, &isnull);

		if (!isnull)
			ks_replies_check(kinds[i], list, getBaseType(TupleDescAttr(desc, i)->atttypid), owner);
	}
}

static void
check_rows(const ks_stream_query *query, const ks_reply_kind *const *kinds)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats replies", ALLOCSET_DEFAULT_SIZES);
	ks_stream	stream;
	uint64		i;

	ks_stream_open(&stream, query);
	while (ks_stream_fetch(&stream) > 0)
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < stream.count; i++)
			check_row(stream.rows[i], stream.desc, kinds);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
	ks_stream_close(&stream);
	MemoryContextDelete(scratch);
}

/* check_replies(relation, columns) */
Datum
ks_check_replies(PG_FUNCTION_ARGS)
{
	ks_stream_query query = {.table = PG_GETARG_OID(0), .batch = ROWS_AT_ONCE};
	const ks_reply_kind *kinds[KS_REPLY_COLUMNS_MAX];

	ks_require_rights(query.table, ACL_SELECT);
	query.text = lists_query(query.table, PG_GETARG_JSONB_P(1), kinds);
	if (query.text != NULL)
		check_rows(&query, kinds);
	PG_RETURN_VOID();
}
