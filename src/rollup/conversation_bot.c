/*
 * Which conversation tables have conversations of which bot.
 *
 * Tables belong to strangers: one may be locked, have lost a column, or have an index
 * whose code fails.  So a question about a bot asks only tables that have had rows of that
 * bot, which kindly_stats.conversation_bot lists.  Writers add missing lines in the
 * transaction of their rows, so whoever sees a row also sees its line.  Only detach()
 * removes lines; a line says no more than that it is worth looking, so one too many does
 * no harm. listed.c has the code that keeps such lists.
 *
 * In a distributed installation a table has another OID on each node, so the list would
 * say nothing: there, each table may have each bot.
 */
#include "rollup/listed.h"

#include "base/compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(ks_note_conversation_bots);
PG_FUNCTION_INFO_V1(ks_forget_conversation_bots);

/* Columns of kindly_stats.conversation_bot, as create_exported() makes it. */
#define COLUMN_TABLE	1
#define COLUMN_BOT		2

/* A session remembers this many pairs before it starts afresh. */
#define KNOWN_MAX		65536

/* ------------------------------------------------------------------------
 * The list
 * ------------------------------------------------------------------------
 */

/* InvalidOid where no conversation table was ever attached. */
static Oid
list_relid(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);

	return OidIsValid(schema) ? get_relname_relid("conversation_bot", schema) : InvalidOid;
}

static Oid
require_list(void)
{
	Oid			relid = list_relid();

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table kindly_stats.conversation_bot is missing"),
				 errhint("Call kindly_stats.rebuild().")));
	return relid;
}

/* Adds the relation of a line to a list of OIDs. */
static bool
take_relation(HeapTuple line, TupleDesc desc, void *relations)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(heap_getattr(line, COLUMN_TABLE, desc, &isnull));

	*(List **) relations = list_append_unique_oid(*(List **) relations, relid);
	return true;
}

/* Returns the relations that are listed for a bot; with a valid relid only that one, if it is listed. */
static List *
listed(int64 bot_id, Oid relid)
{
	ScanKeyData keys[2];
	List	   *result = NIL;

	ScanKeyInit(&keys[0], COLUMN_BOT, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bot_id));
	ScanKeyInit(&keys[1], COLUMN_TABLE, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ks_list_read(require_list(), keys, OidIsValid(relid) ? 2 : 1, take_relation, &result);
	return result;
}

/* Tables and partitions that rows of a bot were written to. */
List *
ks_relations_of_bot(int64 bot_id)
{
	return listed(bot_id, InvalidOid);
}

/* Whether a table, or a partition of it, is among these relations. */
bool
ks_table_is_among(Oid relid, List *relations)
{
	ListCell   *cell;

	foreach(cell, relations)
	{
		if (lfirst_oid(cell) == relid ||
			(get_rel_relispartition(lfirst_oid(cell)) && list_member_oid(get_partition_ancestors(lfirst_oid(cell)), relid)))
			return true;
	}
	return false;
}

/* The caller is connected to SPI. */
static void
append_line(Oid relid, int64 bot_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {REGCLASSOID, INT8OID};
	Datum		values[2] = {ObjectIdGetDatum(relid), Int64GetDatum(bot_id)};
	ks_identity caller = ks_switch_to_owner("conversation_bot");

	ks_prepared(&plan, "INSERT INTO kindly_stats.conversation_bot (conversation_table, bot_id) VALUES ($1, $2)", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note a bot of a conversation table");
	ks_restore_user(caller);
}

/* ------------------------------------------------------------------------
 * What a session knows to be listed
 * ------------------------------------------------------------------------
 */

/*
 * What a session knows of a table is kept by trigger: one that is detached and attached
 * again has new triggers, and is not known.
 */
typedef struct known_pair
{
	int64		bot_id;
	Oid			trigger;
	uint32		padding;
} known_pair;

static ks_listed known = {
	.name = "kindly_stats bots of tables", .key_size = sizeof(known_pair), .entry_size = sizeof(known_pair), .most = KNOWN_MAX
};

/*
 * Notes that a row of a bot was written to a relation, for one of the relation's triggers.
 * The caller is connected to SPI.
 */
void
ks_note_bot(Oid trigger, Oid relid, int64 bot_id)
{
	known_pair	pair = {bot_id, trigger, 0};

	if (ks_is_distributed())
		return;
	if (ks_listed_find(&known, &pair) != NULL)
		return;
	if (listed(bot_id, relid) == NIL)
	{
		ks_listed_uncommitted(&known);
		append_line(relid, bot_id);
	}
	(void) ks_listed_put(&known, &pair);
}

/* ------------------------------------------------------------------------
 * Tables that come and go
 * ------------------------------------------------------------------------
 */

/* Notes the bots of a table's rows, read with the owner's rights, as texts as the column has them; bot is NULL for all. */
static void
note_bots_of_rows(Oid relid, const char *column, const int64 *bot)
{
	const char *quoted = quote_identifier(column);
	char	   *query = psprintf("SELECT DISTINCT e.%s::pg_catalog.text COLLATE pg_catalog.\"C\" FROM %s AS e WHERE e.%s IS NOT NULL", quoted,
								 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)), quoted);
	ks_named_table named;
	ks_owner_scope scope;
	SPITupleTable *rows;
	uint64		count;
	uint64		i;

	ks_name_table(&named, relid);
	scope = ks_table_owner_begin(relid);
	if (SPI_execute_plan(ks_prepare_own(query, 0, NULL), NULL, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list bots of conversations");
	ks_table_owner_end(scope);
	ks_unname_table(&named);
	rows = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		char	   *id = SPI_getvalue(rows->vals[i], rows->tupdesc, 1);
		int64		bot_id = ks_bot_note(id, strlen(id));

		CHECK_FOR_INTERRUPTS();
		pfree(id);
		if ((bot == NULL || *bot == bot_id) && listed(bot_id, relid) == NIL)
			append_line(relid, bot_id);
	}
	SPI_freetuptable(rows);
}

/* note_conversation_bots(relation, bot_column, bot or NULL for all) */
Datum
ks_note_conversation_bots(PG_FUNCTION_ARGS)
{
	Oid			relid;
	int64		bot = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("only \"bot\" may be NULL")));
	relid = PG_GETARG_OID(0);
	ks_require_rights(relid, ACL_SELECT);
	if (ks_is_distributed())
		PG_RETURN_VOID();
	(void) require_list();
	ks_spi_connect();
	ks_listed_uncommitted(&known);
	ks_bots_begin();
	note_bots_of_rows(relid, NameStr(*PG_GETARG_NAME(1)), PG_ARGISNULL(2) ? NULL : &bot);
	SPI_finish();
	PG_RETURN_VOID();
}

/* forget_conversation_bots(relation): also forgets relations that no longer exist, whose OIDs may be used again */
Datum
ks_forget_conversation_bots(PG_FUNCTION_ARGS)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {PG_GETARG_DATUM(0)};
	ks_identity caller;

	if (ks_is_distributed() || !OidIsValid(list_relid()))
		PG_RETURN_VOID();
	ks_spi_connect();
	caller = ks_switch_to_owner("conversation_bot");
	if (SPI_execute_with_args("DELETE FROM kindly_stats.conversation_bot AS b WHERE b.conversation_table OPERATOR(pg_catalog.=) $1"
							  " OR NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) b.conversation_table)",
							  1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not forget bots of a conversation table");
	ks_restore_user(caller);
	SPI_finish();
	PG_RETURN_VOID();
}
