/*
 * Reading conversation tables.
 *
 * There may be several, each with names of columns of its own.  A query names
 * documented properties; what is made of it reads them all, as one.
 */
#include "rollup/conversation.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* In the documented order; the last one is ours, what the condition of measures by start reads. */
const ks_property ks_properties[] = {
	{"bot_id", "int8"},
	{"conversation_id", "text"},
	{"platform_conversation_id", "text"},
	{"conversation_start_time", "timestamptz"},
	{"conversation_end_time", "timestamptz"},
	{"language", "text"},
	{"channel", "text"},
	{"labels", "text[]"},
	{"conversations_data", "jsonb"},
	{"test_mode", "bool"},
	{"conversation_status", "text"},
	{"last_resolution", "text"},
	{"triggered_replies", "jsonb"},
	{"triggered_intent_replies", "jsonb"},
	{"is_llm_conversation", "bool"},
	{"llm_notUnderstood_count", "int8"},
	{"llm_responseGenerated_count", "int8"},
	{"llm_errorOccurred_count", "int8"},
	{"llm_escalationRequired_count", "int8"},
	{"llm_fallback_count", "int8"},
	{"bot_messages_count", "int8"},
	{"visitor_messages_count", "int8"},
	{"not_understood_messages_count", "int8"},
	{"has_bot_messages", "bool"}
};
const int	ks_nproperties = lengthof(ks_properties);

/* What a table calls a documented column; NULL where it has none. */
char *
ks_column_of(const Jsonb *columns, const char *logical)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer((JsonbContainer *) &columns->root, logical, (int) strlen(logical), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* The UTC day. */
ks_interval
ks_day_interval(DateADT day)
{
	ks_interval result;

	result.start = (TimestampTz) day * USECS_PER_DAY;
	result.end = result.start + USECS_PER_DAY;
	return result;
}

void
ks_require_conversations(uint64 tables)
{
	if (tables == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no conversation table has been attached"),
				 errhint("Create one with kindly_stats.create_conversation_table(), or attach yours with kindly_stats.attach_conversations().")));
}

/* The conversation tables; raises where there is none.  The caller is connected to SPI. */
ks_conversation_table *
ks_conversation_tables(int *count)
{
	ks_conversation_table *result;
	uint64		i;

	if (SPI_execute("SELECT c.oid, c.relowner, pg_catalog.quote_ident(n.nspname), pg_catalog.quote_ident(c.relname), t.columns"
					" FROM kindly_stats.conversation_table AS t"
					" JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.conversation_table"
					" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
					" ORDER BY c.oid", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list conversation tables");
	ks_require_conversations(SPI_processed);
	*count = (int) SPI_processed;
	result = palloc(SPI_processed * sizeof(ks_conversation_table));
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		result[i].relid = DatumGetObjectId(SPI_getbinval(row, desc, 1, &isnull));
		result[i].owner = DatumGetObjectId(SPI_getbinval(row, desc, 2, &isnull));
		result[i].name = psprintf("%s.%s", SPI_getvalue(row, desc, 3), SPI_getvalue(row, desc, 4));
		result[i].columns = DatumGetJsonbPCopy(SPI_getbinval(row, desc, 5, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* A column of alias e, quoted; NULL where the table has none. */
static char *
column_reference(const ks_conversation_table *table, const char *logical)
{
	char	   *column = ks_column_of(table->columns, logical);

	if (column == NULL)
		return NULL;
	if (get_attnum(table->relid, column) == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("conversation table %s has no column \"%s\" for \"%s\"", table->name, column, logical),
				 errhint("If it was renamed, attach the table again with its new name, such as {\"%s\": \"new_name\"}; if it was dropped, with {\"%s\": null}.",
						 logical, logical)));
	return psprintf("e.%s", quote_identifier(column));
}

static const char *
type_of(const char *property)
{
	int			i;

	for (i = 0; i < ks_nproperties; i++)
	{
		if (strcmp(ks_properties[i].name, property) == 0)
			return ks_properties[i].type;
	}
	elog(ERROR, "conversations have no property \"%s\"", property);
	return NULL;
}

/* An instant in UTC, year first: it reads the same whatever DateStyle and TimeZone are. */
static const char *
instant_literal(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	char		text[MAXDATELEN + 1];

	if (timestamp2tm((Timestamp) at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	/* else it takes the zone for unknown, and does not write it */
	tm.tm_isdst = 0;
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	return psprintf("'%s'::pg_catalog.timestamptz", text);
}

/* WHERE: conditions on bare columns, for which the table's indexes are good. */
static void
add_conditions(StringInfo out, const ks_conversation_table *table, const ks_choice *choice)
{
	const char *at = column_reference(table, choice->started ? "conversation_start_time" : "conversation_end_time");
	const char *answered = choice->started ? column_reference(table, "has_bot_messages") : "true";
	int			i;

	appendStringInfo(out, " WHERE %s OPERATOR(pg_catalog.=) " INT64_FORMAT "::pg_catalog.int8 AND %s AND (",
					 column_reference(table, "bot_id"), choice->bot_id, answered != NULL ? answered : "false");
	for (i = 0; i < choice->nintervals; i++)
		appendStringInfo(out, "%s%s OPERATOR(pg_catalog.>=) %s AND %s OPERATOR(pg_catalog.<) %s", i > 0 ? " OR " : "",
						 at, instant_literal(choice->intervals[i].start), at, instant_literal(choice->intervals[i].end));
	appendStringInfoString(out, choice->nintervals > 0 ? ")" : "false)");
}

/* SELECT ... FROM table */
static void
add_table(StringInfo out, const ks_conversation_table *table, const char *const *properties, int nproperties)
{
	int			i;

	appendStringInfoString(out, "SELECT ");
	for (i = 0; i < nproperties; i++)
	{
		const char *column = column_reference(table, properties[i]);

		appendStringInfo(out, "%s%s::pg_catalog.%s AS %s", i > 0 ? ", " : "", column != NULL ? column : "NULL",
						 type_of(properties[i]), quote_identifier(properties[i]));
	}
	appendStringInfo(out, " FROM %s AS e", table->name);
}

/*
 * A query for the chosen conversations of all tables, with columns that are
 * called and typed as documented.  It runs with the rights of whoever runs it.
 * The caller is connected to SPI.
 */
char *
ks_conversation_query(const ks_choice *choice, const char *const *properties, int nproperties)
{
	StringInfoData out;
	int			count;
	ks_conversation_table *tables = ks_conversation_tables(&count);
	int			i;

	initStringInfo(&out);
	for (i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(&out, " UNION ALL ");
		add_table(&out, &tables[i], properties, nproperties);
		add_conditions(&out, &tables[i], choice);
	}
	return out.data;
}

/*
 * How many conversations of a bot ended on a day, whoever asks: it is asked as
 * the tables' owners, as of the active snapshot.  The caller is connected to SPI.
 */
int64
ks_conversations_ended(int64 bot_id, DateADT day)
{
	ks_interval interval = ks_day_interval(day);
	ks_choice	choice = {bot_id, false, 1, &interval};
	int			count;
	ks_conversation_table *tables = ks_conversation_tables(&count);
	ks_identity caller;
	int64		result = 0;
	int			i;

	GetUserIdAndSecContext(&caller.user, &caller.security);
	for (i = 0; i < count; i++)
	{
		StringInfoData query;
		bool		isnull;

		initStringInfo(&query);
		appendStringInfo(&query, "SELECT pg_catalog.count(*) FROM %s AS e", tables[i].name);
		add_conditions(&query, &tables[i], &choice);
		SetUserIdAndSecContext(tables[i].owner, caller.security | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
		if (SPI_execute(query.data, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "could not count conversations");
		SetUserIdAndSecContext(caller.user, caller.security);
		result += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		SPI_freetuptable(SPI_tuptable);
	}
	return result;
}
