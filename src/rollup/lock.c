/*
 * Locks that keep repairs, writers and the making of tables apart.
 */
#include "rollup/rollup.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(ks_lock_creation);
PG_FUNCTION_INFO_V1(ks_lock_repair);
PG_FUNCTION_INFO_V1(ks_exclude_repair);
PG_FUNCTION_INFO_V1(ks_lock_out_writers);

/*
 * lock_creation(): who waited for another session's tables must see them, but
 * to_regclass() would go on by what it knew before: only locks of relations
 * bring the news.
 */
Datum
ks_lock_creation(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, KS_LOCK_OF_CREATION);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	AcceptInvalidationMessages();
	PG_RETURN_VOID();
}

static LOCKTAG
lock_of_repair(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, KS_LOCK_OF_REPAIR);
	return tag;
}

/*
 * Repairs and compaction of all nodes meet in kindly_stats.counting, which every node has:
 * LOCK TABLE takes its lock on each of them, other locks are of this node alone.  The caller is connected to SPI.
 */
static void
lock_everywhere(void)
{
	ks_identity caller = ks_switch_to_owner("counting");

	if (SPI_execute("LOCK TABLE kindly_stats.counting IN EXCLUSIVE MODE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock out repairs");
	ks_restore_user(caller);
}

static bool
lock_here(bool wait)
{
	Oid			relid = get_relname_relid("counting", get_namespace_oid("kindly_stats", false));

	if (!wait)
		return ConditionalLockRelationOid(relid, RowShareLock);
	LockRelationOid(relid, RowShareLock);
	return true;
}

/*
 * lock_repair(): whoever counts tables anew holds this lock, which comes before
 * those on tables.  So repairs wait for each other here and nowhere else.  It is
 * refused on a worker, which does not know of all tables.
 */
Datum
ks_lock_repair(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag = lock_of_repair();

	ks_refuse_subscribed();
	/* tables that are the coordinator's own, which are not known here, would be counted as empty */
	if (ks_rollup_place() == KS_PLACE_WORKER)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this node is a worker"),
				 errhint("Call it on the coordinator.")));
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	if (ks_is_distributed())
	{
		ks_spi_connect();
		ks_prepare_nodes();
		lock_everywhere();
		SPI_finish();
	}
	PG_RETURN_VOID();
}

/* Waits for a repair, and keeps others away until the end of the transaction. */
void
ks_wait_for_repair(void)
{
	LOCKTAG		tag = lock_of_repair();

	if (ks_is_distributed())
		(void) lock_here(true);
	else
		(void) LockAcquire(&tag, ShareLock, false, false);
}

/* exclude_repair() */
Datum
ks_exclude_repair(PG_FUNCTION_ARGS)
{
	ks_wait_for_repair();
	ks_prepare_nodes();
	PG_RETURN_VOID();
}

/*
 * Keeps repairs away until the end of the transaction, for whoever moves rows of
 * the rollup; false where one is at work.  Nobody waits for it: the caller may
 * hold locks that the repair waits for.
 */
bool
ks_repair_excluded(void)
{
	LOCKTAG		tag = lock_of_repair();

	if (ks_is_distributed())
		return lock_here(false);
	return LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Locks a table against writers on every node.  Whoever repairs need not be allowed to, so it is done as the table's owner.  The caller is connected to SPI. */
void
ks_lock_everywhere(Oid relid)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	ks_owner_scope	scope = ks_table_owner_begin(relid);

	if (SPI_execute(psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", name), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock %s", name);
	ks_table_owner_end(scope);
}

/* Locks attached tables and their partitions against writers.  The caller is connected to SPI. */
void
ks_exclude_writers(void)
{
	bool		everywhere = ks_is_distributed();
	SPITupleTable *tables;
	uint64		count;
	uint64		i;

	if (SPI_execute("SELECT DISTINCT r::pg_catalog.oid FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r ORDER BY 1",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list event tables");
	tables = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(tables->vals[i], tables->tupdesc, 1, &isnull));

		if (everywhere)
			ks_lock_everywhere(relid);
		else
			LockRelationOid(relid, ShareRowExclusiveLock);
	}
}

/*
 * lock_out_writers(): whoever repairs need not be allowed to lock a stranger's
 * table; that it is attached is reason enough.
 */
Datum
ks_lock_out_writers(PG_FUNCTION_ARGS)
{
	ks_spi_connect();
	ks_exclude_writers();
	SPI_finish();
	PG_RETURN_VOID();
}
