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
PG_FUNCTION_INFO_V1(ks_lock_repair_of_nodes);
PG_FUNCTION_INFO_V1(ks_lock_repair_here);
PG_FUNCTION_INFO_V1(ks_exclude_repair);
PG_FUNCTION_INFO_V1(ks_lock_out_writers);

/*
 * lock_creation(): only one session at a time creates the tables.  One that had to wait
 * must see the tables that another has made. to_regclass() would answer from the cache,
 * because only locks on relations process invalidations; so that is done here.
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
 * Takes a lock in which repairs and compaction of all nodes meet: that of
 * kindly_stats.counting, which every node has.  LOCK TABLE takes its lock on each node,
 * other locks are this node's alone.  The caller is connected to SPI.
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

/* Repairs wait for each other here. */
static void
lock_repairs(void)
{
	LOCKTAG		tag = lock_of_repair();

	ks_refuse_subscribed();
	/* tables of the coordinator alone are unknown here and would be counted as empty */
	if (ks_rollup_place() == KS_PLACE_WORKER)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this node is a worker"),
				 errhint("Call it on the coordinator.")));
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * lock_repair(): everything that counts tables anew holds this lock, and takes it before
 * locks on tables.  So repairs wait for each other here and nowhere else.  It is refused
 * on a worker, which does not know all tables.
 */
Datum
ks_lock_repair(PG_FUNCTION_ARGS)
{
	lock_repairs();
	if (ks_is_distributed())
	{
		ks_spi_connect();
		ks_prepare_nodes();
		lock_everywhere();
		SPI_finish();
	}
	PG_RETURN_VOID();
}

/* lock_repair_of_nodes(): the same for whoever has each node repair what it has, under a lock of its own. */
Datum
ks_lock_repair_of_nodes(PG_FUNCTION_ARGS)
{
	lock_repairs();
	PG_RETURN_VOID();
}

/* lock_repair_here(): keeps repairs and compaction away from what is on this node, of which others need know nothing. */
Datum
ks_lock_repair_here(PG_FUNCTION_ARGS)
{
	LockRelationOid(get_relname_relid("counting", get_namespace_oid("kindly_stats", false)), ExclusiveLock);
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
 * Keeps repairs away until the end of the transaction, for code that moves rows of the
 * rollup; false if one is running.  It never waits, because the caller may hold locks that
 * the repair waits for.
 */
bool
ks_repair_excluded(void)
{
	LOCKTAG		tag = lock_of_repair();

	if (ks_is_distributed())
		return lock_here(false);
	return LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Locks a table against writers on every node, as the table's owner: the caller need not
 * have that right.  The caller is connected to SPI.
 */
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
 * lock_out_writers(): locks attached tables against writers.  The caller need not be
 * allowed to lock a stranger's table; that it is attached is reason enough.
 */
Datum
ks_lock_out_writers(PG_FUNCTION_ARGS)
{
	ks_spi_connect();
	ks_exclude_writers();
	SPI_finish();
	PG_RETURN_VOID();
}
