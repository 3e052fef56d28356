/*
 * What a foreign table is made of: options of the table and its columns.
 *
 * Table: unit (hour, day, week or month), rows (measures that decide which rows
 * there are, default events).  Columns without options have the role that their
 * name says.  Options make them numbers: measure, value (events, members or
 * first_seen), per (another measure: the column is a rate); or keys: part.
 */
#include "bi/bi.h"

#include "base/compat.h"

#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(ks_bi_validator);

static const struct
{
	const char *name;
	ks_bi_role	role;
	Oid			type;
}			known_columns[] = {
	{"bot_id", KS_BI_BOT, TEXTOID},
	{"bot_name", KS_BI_BOT_NAME, TEXTOID},
	{"date", KS_BI_DATE, DATEOID},
	{"hour", KS_BI_HOUR, TIMESTAMPOID},
	{"starts_at", KS_BI_STARTS_AT, TIMESTAMPTZOID},
	{"tz", KS_BI_TZ, TEXTOID},
	{"is_partial", KS_BI_IS_PARTIAL, BOOLOID},
	{"weekday", KS_BI_WEEKDAY, INT4OID},
	{"hour_of_day", KS_BI_HOUR_OF_DAY, INT4OID}
};

static const struct
{
	const char *name;
	Oid			catalog;
}			known_options[] = {
	{"unit", ForeignTableRelationId},
	{"rows", ForeignTableRelationId},
	{"measure", AttributeRelationId},
	{"value", AttributeRelationId},
	{"per", AttributeRelationId},
	{"part", AttributeRelationId}
};

static int
read_part(const char *text)
{
	char	   *end;
	long		part = strtol(text, &end, 10);

	if (text[0] == '\0' || *end != '\0' || part < 0 || part >= KS_KEY_MAX_PARTS)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("\"part\" must be a number from 0 to %d, not \"%s\"", KS_KEY_MAX_PARTS - 1, text)));
	return (int) part;
}

static ks_bi_value
read_value(const char *text)
{
	if (strcmp(text, "events") == 0)
		return KS_BI_EVENTS;
	if (strcmp(text, "members") == 0)
		return KS_BI_MEMBERS;
	/* as preview 0.1.0 called it, whose objects this library may have to work with until they are updated */
	if (strcmp(text, "first_seen") == 0 || strcmp(text, "newcomers") == 0)
		return KS_BI_FIRST_SEEN;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("\"value\" must be events, members or first_seen, not \"%s\"", text)));
}

/* bi_validator(options, catalog) */
Datum
ks_bi_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ListCell   *cell;
	int			i;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		for (i = 0; i < lengthof(known_options); i++)
		{
			if (known_options[i].catalog == catalog && strcmp(known_options[i].name, option->defname) == 0)
				break;
		}
		if (i == lengthof(known_options))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" is not known here", option->defname),
					 errhint("Tables have unit and rows; columns have measure, value, per and part.")));
		if (strcmp(option->defname, "unit") == 0)
			(void) ks_unit_parse(defGetString(option));
		else if (strcmp(option->defname, "value") == 0)
			(void) read_value(defGetString(option));
		else if (strcmp(option->defname, "part") == 0)
			(void) read_part(defGetString(option));
	}
	PG_RETURN_VOID();
}

static void
refuse_column(const char *name, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_COLUMN_NAME),
			 errmsg("column \"%s\" %s", name, what)));
}

static void
read_column(ks_bi_relation *relation, Form_pg_attribute attribute, ks_bi_column *column)
{
	ListCell   *cell;
	Oid			type = INT8OID;
	int			i;

	column->role = KS_BI_NUMBER;
	column->part = -1;
	foreach(cell, GetForeignColumnOptions(relation->relid, attribute->attnum))
	{
		DefElem    *option = lfirst(cell);
		char	   *text = defGetString(option);

		if (strcmp(option->defname, "measure") == 0)
			column->measure = text;
		else if (strcmp(option->defname, "value") == 0)
			column->value = read_value(text);
		else if (strcmp(option->defname, "per") == 0)
			column->per = text;
		else
			column->part = read_part(text);
	}
	if (column->part >= 0)
	{
		column->role = KS_BI_KEY;
		type = TEXTOID;
	}
	else if (column->per != NULL && column->measure != NULL)
	{
		column->role = KS_BI_RATE;
		type = FLOAT8OID;
	}
	else if (column->measure == NULL)
	{
		for (i = 0; i < lengthof(known_columns) && strcmp(known_columns[i].name, NameStr(attribute->attname)) != 0; i++)
			;
		if (i == lengthof(known_columns))
			refuse_column(NameStr(attribute->attname), "has neither a measure nor a part of a key");
		column->role = known_columns[i].role;
		type = known_columns[i].type;
	}
	if (attribute->atttypid != type)
		refuse_column(NameStr(attribute->attname), psprintf("must have type %s", format_type_be(type)));
}

/* Keys are grouped by the parts from the first to the last that have a column. */
static void
find_parts(ks_bi_relation *relation)
{
	int			first = KS_KEY_MAX_PARTS;
	int			last = -1;
	int			i;

	for (i = 0; i < relation->ncolumns; i++)
	{
		const ks_bi_column *column = &relation->columns[i];

		if (column->role != KS_BI_KEY)
			continue;
		first = Min(first, column->part);
		last = Max(last, column->part);
	}
	relation->skip = last < 0 ? 0 : first;
	relation->take = last < 0 ? 0 : last - first + 1;
	for (i = 0; i < relation->ncolumns; i++)
	{
		if (relation->take > 0 && relation->columns[i].value == KS_BI_FIRST_SEEN)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("who was first seen cannot be told by key")));
	}
}

static void
read_table_options(ks_bi_relation *relation)
{
	const char *rows = KS_EVENTS;
	char	   *names;
	char	   *name;
	ListCell   *cell;

	relation->unit = KS_DAY;
	foreach(cell, GetForeignTable(relation->relid)->options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "unit") == 0)
			relation->unit = ks_unit_parse(defGetString(option));
		else
			rows = defGetString(option);
	}
	names = pstrdup(rows);
	relation->rows = palloc((strlen(names) + 1) * sizeof(char *));
	for (name = strtok(names, ","); name != NULL; name = strtok(NULL, ","))
		relation->rows[relation->nrows++] = name;
	if (relation->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"rows\" names no measure")));
}

ks_bi_relation *
ks_bi_relation_open(Oid relid)
{
	ks_bi_relation *result = palloc0(sizeof(ks_bi_relation));
	Relation	table = table_open(relid, NoLock);
	TupleDesc	desc = RelationGetDescr(table);
	int			i;

	result->relid = relid;
	read_table_options(result);
	result->ncolumns = desc->natts;
	result->columns = palloc0((desc->natts + 1) * sizeof(ks_bi_column));
	for (i = 0; i < desc->natts; i++)
	{
		result->columns[i].role = KS_BI_DROPPED;
		if (!TupleDescAttr(desc, i)->attisdropped)
			read_column(result, TupleDescAttr(desc, i), &result->columns[i]);
	}
	find_parts(result);
	table_close(table, NoLock);
	return result;
}
