/*
 * Reading conversation tables.
 *
 * There may be several, each with its own names of columns.  A query names documented
 * properties, and one SELECT is made that reads all tables as one.
 */
#include "conversation/conversation.h"

#include "base/compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* In the documented order. */
const ks_property ks_properties[] = {
	{"bot_id", "text"},
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
	{"not_understood_messages_count", "int8"}
};
const int	ks_nproperties = lengthof(ks_properties);

/* Returns the table's name of a documented column; NULL if it has none. */
char *
ks_column_of(const Jsonb *columns, const char *logical)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer((JsonbContainer *) &columns->root, logical, (int) strlen(logical), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Returns the range of a UTC day. */
ks_time_range
ks_day_interval(DateADT day)
{
	ks_time_range result;

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

/*
 * Returns the conversation tables, and which of them have the bot; raises if there is
 * none.  The others belong to strangers: nothing of them is locked, planned or read,
 * whatever their owners do to them.  The caller is connected to SPI.
 */
ks_conversation_table *
ks_conversation_tables(int64 bot_id, int *count)
{
	ks_conversation_table *result;
	List	   *relations;
	bool		any;			/* each table may have each bot */
	uint64		i;

	if (SPI_execute("SELECT c.oid, c.relowner, pg_catalog.quote_ident(n.nspname), pg_catalog.quote_ident(c.relname), t.columns"
					" FROM kindly_stats.conversation_tables() AS t"
					" JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.conversation_table"
					" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
					" ORDER BY c.oid", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list conversation tables");
	ks_require_conversations(SPI_processed);
	any = ks_is_distributed();
	relations = any ? NIL : ks_relations_of_bot(bot_id);
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
		result[i].has_bot = any || ks_table_is_among(result[i].relid, relations);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* Returns a column of alias e, quoted; NULL if the table has none. */
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

/* Returns an instant in UTC, year first: that is read the same whatever DateStyle and TimeZone are. */
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
	/* otherwise the zone counts as unknown and is not written */
	tm.tm_isdst = 0;
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	return psprintf("'%s'::pg_catalog.timestamptz", text);
}

/*
 * Adds the condition that a row is of the bot.  The column is compared with the values
 * that it may have, so that its index can be used.  If its collation takes more values for
 * equal, the bytes decide.
 */
static void
add_bot(StringInfo out, const ks_conversation_table *table, int64 bot_id)
{
	const char *column = column_reference(table, "bot_id");
	Oid			type = getBaseType(get_atttype(table->relid, get_attnum(table->relid, ks_column_of(table->columns, "bot_id"))));
	StringInfoData ids;
	ListCell   *cell;
	char	   *number;

	if (!ks_bot_is_text(type))
	{
		appendStringInfo(out, "%s OPERATOR(pg_catalog.=) " INT64_FORMAT "::pg_catalog.int8", column, bot_id);
		return;
	}
	/* where it is distributed, another column has the number */
	number = ks_distribution_column(table->relid);
	if (number != NULL)
		appendStringInfo(out, "e.%s OPERATOR(pg_catalog.=) " INT64_FORMAT "::pg_catalog.int8 AND ", quote_identifier(number), bot_id);
	initStringInfo(&ids);
	/* no integer is a UUID, and either all spellings of a text are UUIDs or none is */
	foreach(cell, bot_id < KS_BOT_LOWEST || type != UUIDOID ? ks_bot_ids(bot_id) : NIL)
		appendStringInfo(&ids, "%s%s", ids.len > 0 ? ", " : "", quote_literal_cstr(lfirst(cell)));
	if (ids.len == 0 || (type == UUIDOID && !ks_bot_is_uuid(linitial(ks_bot_ids(bot_id)))))
		appendStringInfoString(out, "false");
	else
		appendStringInfo(out, "%s OPERATOR(pg_catalog.=) ANY (ARRAY[%s]::pg_catalog.%s[])"
						 " AND %s::pg_catalog.text COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) ANY (ARRAY[%s]::pg_catalog.text[])",
						 column, ids.data, type == UUIDOID ? "uuid" : type == BPCHAROID ? "bpchar" : "text",
						 column, ids.data);
}

/* Adds WHERE with conditions on bare columns, so that the table's indexes can be used. */
static void
add_conditions(StringInfo out, const ks_conversation_table *table, const ks_conversation_selection *choice)
{
	const char *at = column_reference(table, choice->started ? "conversation_start_time" : "conversation_end_time");
	const char *answers = choice->started ? column_reference(table, "bot_messages_count") : "1";
	int			i;

	appendStringInfoString(out, " WHERE ");
	add_bot(out, table, choice->bot_id);
	appendStringInfo(out, " AND %s OPERATOR(pg_catalog.>) 0 AND (", answers != NULL ? answers : "0");
	for (i = 0; i < choice->nintervals; i++)
		appendStringInfo(out, "%s%s OPERATOR(pg_catalog.>=) %s AND %s OPERATOR(pg_catalog.<) %s", i > 0 ? " OR " : "",
						 at, instant_literal(choice->intervals[i].start), at, instant_literal(choice->intervals[i].end));
	appendStringInfoString(out, choice->nintervals > 0 ? ")" : "false)");
}

/* Adds SELECT ... FROM the table. */
static void
add_table(StringInfo out, const ks_conversation_table *table, const char *const *properties, int nproperties)
{
	int			i;

	appendStringInfoString(out, "SELECT ");
	for (i = 0; i < nproperties; i++)
	{
		const char *column = column_reference(table, properties[i]);

		/* lists may be texts, or arrays of them */
		if (column != NULL && ks_reply_kind_of(properties[i]) != NULL)
			column = psprintf("pg_catalog.to_jsonb(%s)", column);
		appendStringInfo(out, "%s%s::pg_catalog.%s AS %s", i > 0 ? ", " : "", column != NULL ? column : "NULL",
						 type_of(properties[i]), quote_identifier(properties[i]));
	}
	appendStringInfo(out, " FROM %s AS e", table->name);
}

/* Adds a SELECT that returns no row. */
static void
add_nothing(StringInfo out, const char *const *properties, int nproperties)
{
	int			i;

	appendStringInfoString(out, "SELECT ");
	for (i = 0; i < nproperties; i++)
		appendStringInfo(out, "%sNULL::pg_catalog.%s AS %s", i > 0 ? ", " : "", type_of(properties[i]), quote_identifier(properties[i]));
	appendStringInfoString(out, " WHERE false");
}

/*
 * Returns how many of the selected conversations a table has, but at most this many, read
 * as its owner and with the active snapshot.
 */
static int64
count_in_table(const ks_conversation_table *table, const ks_conversation_selection *choice, const char *most)
{
	StringInfoData query;
	ks_named_table named;
	ks_owner_scope scope;
	bool		isnull;
	int64		result;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT pg_catalog.count(*) FROM (SELECT FROM %s AS e", table->name);
	add_conditions(&query, table, choice);
	appendStringInfo(&query, " LIMIT %s) AS c", most);
	ks_name_table(&named, table->relid);
	scope = ks_table_owner_begin(table->relid);
	if (SPI_execute_plan(ks_prepare_own(query.data, 0, NULL), NULL, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not count conversations");
	ks_table_owner_end(scope);
	ks_unname_table(&named);
	result = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* ------------------------------------------------------------------------
 * Whose conversations a caller sees
 * ------------------------------------------------------------------------
 */

/*
 * Whether the table has policies that its owner made.  They are the owner's code, which is
 * not run for others; our policy says the same as the rollup's.
 */
static bool
has_policies_of_its_own(Oid relid)
{
	Oid			types[2] = {OIDOID, OIDOID};
	Datum		values[2] = {ObjectIdGetDatum(relid), ObjectIdGetDatum(GetUserId())};
	bool		result;

	if (SPI_execute_with_args("SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid OPERATOR(pg_catalog.=) $1"
							  " AND p.polname OPERATOR(pg_catalog.<>) ALL ('{kindly_stats_bots,kindly_stats_administrators}'::pg_catalog.name[]) AND EXISTS (SELECT FROM pg_catalog.unnest(p.polroles) AS r (role)"
							  " WHERE r.role OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR pg_catalog.pg_has_role($2, r.role, 'USAGE'))",
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read policies");
	result = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	return result;
}

static bool
may_write(Oid relid)
{
	return pg_class_aclmask(relid, GetUserId(), ACL_INSERT | ACL_UPDATE | ACL_DELETE, ACLMASK_ANY) != 0;
}

static bool
has_rows(int64 bot_id)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot_id)};
	bool		result;

	if (SPI_execute_with_args("SELECT 1 FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
	result = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * Whether row-level security of the rollup shows the caller anything of the bot.  Where
 * the rollup is distributed, that may have to be asked through its owner.
 */
static bool
sees_bot(int64 bot_id)
{
	ks_reader	reader;
	bool		result;

	if (!ks_is_distributed())
		return has_rows(bot_id);
	ks_reader_begin(&reader);
	result = ks_reader_sees(&reader, bot_id) && has_rows(bot_id);
	ks_reader_end(&reader);
	return result;
}

/*
 * Whether the caller sees the conversations of a bot in a table; raises if he has no right
 * to read it.  The table is read with its owner's rights, so the caller's have to be
 * checked here.
 */
static bool
shown_to_caller(const ks_conversation_table *table, int64 bot_id)
{
	if (pg_class_aclcheck(table->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(table->relid));
	if (check_enable_rls(table->relid, InvalidOid, false) != RLS_ENABLED)
		return true;
	if (has_policies_of_its_own(table->relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("conversation table %s has policies of its own, which cannot be applied here", table->name),
				 errhint("Let kindly_stats.enable_row_security() and grant_bot() say who sees which bots, or read the table itself.")));
	/* a writer sees what there is to write, as our policy says */
	return may_write(table->relid) || sees_bot(bot_id);
}

/* Whether the caller sees a table's conversations of every bot. */
static bool
sees_all(const ks_conversation_table *table)
{
	return pg_class_aclcheck(table->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		(check_enable_rls(table->relid, InvalidOid, true) != RLS_ENABLED || may_write(table->relid));
}

/*
 * Whether the caller may be told anything of a bot's conversations in a table.  Nothing is
 * looked up in the table before this is known: an error, or the time that it takes, would
 * tell the caller what is there.
 */
static bool
concerns_caller(const ks_conversation_table *table, int64 bot_id)
{
	return sees_all(table) || sees_bot(bot_id);
}

static bool
may_read_rollup(void)
{
	Oid			rollup = get_relname_relid("rollup", get_namespace_oid("kindly_stats", false));

	return OidIsValid(rollup) && pg_class_aclcheck(rollup, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * Raises if the caller has no right to read a table that matters.  Callers who see the bot
 * in one table are told of others that have it, too.  Tables of other bots do not matter,
 * whoever may read them.  Callers who do not see the bot get the same error whether or not
 * it exists.
 */
static void
require_reading(const ks_conversation_table *tables, int count, int64 bot_id)
{
	bool		reads_rollup = may_read_rollup();
	bool		sees = false;
	int			i;

	for (i = 0; i < count && !sees; i++)
		sees = tables[i].has_bot && (sees_all(&tables[i]) || (reads_rollup && sees_bot(bot_id)));
	for (i = 0; i < count; i++)
	{
		if (sees && !tables[i].has_bot)
			continue;
		if (!reads_rollup && pg_class_aclcheck(tables[i].relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(tables[i].relid));
		/* called for its error, where the caller may not read the rollup */
		if (!sees)
			(void) concerns_caller(&tables[i], bot_id);
	}
}

/* Keeps those tables that have selected conversations which the caller may see; returns their number. */
static int
tables_to_read(ks_conversation_table *tables, int count, const ks_conversation_selection *choice)
{
	int			left = 0;
	int			i;

	require_reading(tables, count, choice->bot_id);
	for (i = 0; i < count; i++)
	{
		if (tables[i].has_bot && concerns_caller(&tables[i], choice->bot_id) && count_in_table(&tables[i], choice, "1") > 0 &&
			shown_to_caller(&tables[i], choice->bot_id))
			tables[left++] = tables[i];
	}
	for (i = 1; i < left; i++)
	{
		if (tables[i].owner != tables[0].owner)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("conversations of bot %s stand in tables of different owners: %s and %s",
							ks_bot_text(choice->bot_id), tables[0].name, tables[i].name),
					 errhint("Give both tables to one role, or detach one.")));
	}
	return left;
}

static const char *const *
all_properties(void)
{
	const char **result = palloc(ks_nproperties * sizeof(char *));
	int			i;

	for (i = 0; i < ks_nproperties; i++)
		result[i] = ks_properties[i].name;
	return result;
}

/*
 * Makes a query for the selected conversations of all tables, with columns that are named
 * and typed as documented (NULL: all of them, in their order), and finds the table whose
 * owner has to run it (InvalidOid: there is nothing to read).  The caller is connected to
 * SPI.
 */
char *
ks_conversation_query(const ks_conversation_selection *choice, const char *const *properties, int nproperties, Oid *table)
{
	StringInfoData out;
	int			count;
	ks_conversation_table *tables = ks_conversation_tables(choice->bot_id, &count);
	int			i;

	initStringInfo(&out);
	if (properties == NULL)
		properties = all_properties();
	count = tables_to_read(tables, count, choice);
	*table = count > 0 ? tables[0].relid : InvalidOid;
	if (count == 0)
		add_nothing(&out, properties, nproperties);
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
 * Returns how many conversations of a bot ended on a day in one table (InvalidOid: in all
 * that have the bot), whoever asks, with the active snapshot.  The caller is connected to
 * SPI.
 */
int64
ks_conversations_ended(int64 bot_id, DateADT day, Oid relid)
{
	ks_time_range interval = ks_day_interval(day);
	ks_conversation_selection choice = {bot_id, false, 1, &interval};
	int			count;
	ks_conversation_table *tables = ks_conversation_tables(bot_id, &count);
	int64		result = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		if (tables[i].has_bot && (!OidIsValid(relid) || tables[i].relid == relid))
			result += count_in_table(&tables[i], &choice, "ALL");
	}
	return result;
}
