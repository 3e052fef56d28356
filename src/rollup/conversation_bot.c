/*
 * Which conversation tables have conversations of which bot.
 *
 * Tables belong to strangers: one may be locked, have lost a column, or have an
 * index whose code fails.  So a question about a bot asks only tables that have
 * had rows of that bot, which kindly_stats.conversation_bot lists.  Writers add
 * what is missing, in the transaction of their rows: whoever sees a row finds
 * its line.  Nothing is taken away but by detach(), and a line says no more than
 * that it is worth looking, so that one too many does no harm.
 *
 * The list is appended to, and has no key of table and bot: two writers of the
 * same new bot do not wait for each other, and both leave a line.  It is read as
 * it is now, not as a snapshot has it (SnapshotSelf): what is seen then is what
 * any snapshot may see and perhaps more, and neither reading nor writing it can
 * be what a serializable transaction fails for.
 */
#include "rollup/conversation.h"

#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(ks_note_conversation_bots);
PG_FUNCTION_INFO_V1(ks_forget_conversation_bots);

/* Columns of kindly_stats.conversation_bot, as create_exported() makes it. */
#define COLUMN_TABLE	1
#define COLUMN_BOT		2

/* So many pairs a session remembers before it begins anew. */
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

/* The relations that are listed for a bot, or, with a valid relid, whether that one is: a list of OIDs. */
static List *
listed(int64 bot_id, Oid relid)
{
	Relation	list = table_open(require_list(), AccessShareLock);
	Oid			index = ks_primary_key(list);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	line;
	List	   *result = NIL;

	ScanKeyInit(&keys[0], COLUMN_BOT, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bot_id));
	ScanKeyInit(&keys[1], COLUMN_TABLE, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(list, index, OidIsValid(index), SnapshotSelf, OidIsValid(relid) ? 2 : 1, keys);
	while ((line = systable_getnext(scan)) != NULL)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		result = list_append_unique_oid(result, DatumGetObjectId(heap_getattr(line, COLUMN_TABLE, RelationGetDescr(list), &isnull)));
		if (OidIsValid(relid))
			break;
	}
	systable_endscan(scan);
	table_close(list, NoLock);
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
	ks_identity caller = ks_become_owner("conversation_bot");

	ks_prepared(&plan, "INSERT INTO kindly_stats.conversation_bot (conversation_table, bot_id) VALUES ($1, $2)", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note a bot of a conversation table");
	ks_become_again(caller);
}

/* ------------------------------------------------------------------------
 * What a session knows to be listed
 * ------------------------------------------------------------------------
 */

/* A table that is detached and attached again has other triggers: what was known of it is forgotten with the old ones. */
typedef struct known_pair
{
	int64		bot_id;
	Oid			trigger;
	uint32		padding;
} known_pair;

static HTAB *known = NULL;

/* Whether lines of this transaction are among what is known. */
static bool known_uncommitted = false;

static void
forget_known(void)
{
	if (known != NULL)
		hash_destroy(known);
	known = NULL;
}

static void
end_transaction(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			/* who prepared it may roll it back */
			if (known_uncommitted)
				forget_known();
			known_uncommitted = false;
			break;
		case XACT_EVENT_COMMIT:
			known_uncommitted = false;
			break;
		default:
			break;
	}
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *argument)
{
	/* lines of outer transactions may be left: they are found again, and are as uncommitted as before */
	if (event == SUBXACT_EVENT_ABORT_SUB && known_uncommitted)
		forget_known();
}

static void
note_uncommitted(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
		registered = true;
	}
	known_uncommitted = true;
}

static HTAB *
known_pairs(void)
{
	HASHCTL		control = {.keysize = sizeof(known_pair), .entrysize = sizeof(known_pair), .hcxt = TopMemoryContext};

	if (known != NULL && hash_get_num_entries(known) >= KNOWN_MAX)
		forget_known();
	if (known == NULL)
		known = hash_create("kindly_stats bots of tables", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return known;
}

/*
 * A row of a bot was written to a relation, as one of its triggers has seen.  The
 * caller is connected to SPI.
 */
void
ks_note_bot(Oid trigger, Oid relid, int64 bot_id)
{
	known_pair	pair = {bot_id, trigger, 0};

	if (hash_search(known_pairs(), &pair, HASH_FIND, NULL) != NULL)
		return;
	if (listed(bot_id, relid) == NIL)
	{
		/* before it is written: an error takes along what is known */
		note_uncommitted();
		append_line(relid, bot_id);
	}
	(void) hash_search(known_pairs(), &pair, HASH_ENTER, NULL);
}

/* ------------------------------------------------------------------------
 * Tables that come and go
 * ------------------------------------------------------------------------
 */

/* The bots of the rows of a table, asked as its owner; NULL for bot: all. */
static Datum *
bots_of_rows(Oid relid, const char *column, const int64 *bot, uint64 *count)
{
	const char *quoted = quote_identifier(column);
	MemoryContext memory = CurrentMemoryContext;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {bot != NULL ? Int64GetDatum(*bot) : (Datum) 0};
	char		nulls[1] = {bot != NULL ? ' ' : 'n'};
	char	   *query = psprintf("SELECT DISTINCT e.%s::pg_catalog.int8 FROM %s AS e WHERE e.%s IS NOT NULL"
								 " AND ($1 IS NULL OR e.%s OPERATOR(pg_catalog.=) $1)",
								 quoted, quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)),
								 quoted, quoted);
	ks_named_table named;
	ks_visit	visit;
	Datum	   *result;
	uint64		i;

	ks_name_table(&named, relid);
	visit = ks_enter_table(relid);
	if (SPI_execute_plan(ks_prepare_own(query, 1, types), values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list bots of conversations");
	ks_leave_table(visit);
	ks_unname_table(&named);
	*count = SPI_processed;
	result = MemoryContextAllocHuge(memory, (SPI_processed + 1) * sizeof(Datum));
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		result[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* note_conversation_bots(relation, bot_column, bot or NULL for all) */
Datum
ks_note_conversation_bots(PG_FUNCTION_ARGS)
{
	Oid			relid;
	int64		bot = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	Datum	   *bots;
	uint64		count;
	uint64		i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("only \"bot\" may be NULL")));
	relid = PG_GETARG_OID(0);
	ks_require_rights(relid, ACL_SELECT);
	(void) require_list();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bots = bots_of_rows(relid, NameStr(*PG_GETARG_NAME(1)), PG_ARGISNULL(2) ? NULL : &bot, &count);
	note_uncommitted();
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (listed(DatumGetInt64(bots[i]), relid) == NIL)
			append_line(relid, DatumGetInt64(bots[i]));
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* forget_conversation_bots(relation): and relations that are there no more, whose OIDs others may get */
Datum
ks_forget_conversation_bots(PG_FUNCTION_ARGS)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {PG_GETARG_DATUM(0)};
	ks_identity caller;

	if (!OidIsValid(list_relid()))
		PG_RETURN_VOID();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	caller = ks_become_owner("conversation_bot");
	if (SPI_execute_with_args("DELETE FROM kindly_stats.conversation_bot AS b WHERE b.conversation_table OPERATOR(pg_catalog.=) $1"
							  " OR NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) b.conversation_table)",
							  1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not forget bots of a conversation table");
	ks_become_again(caller);
	SPI_finish();
	PG_RETURN_VOID();
}
