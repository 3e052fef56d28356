/*
 * Locks that keep repairs, writers and the making of tables apart.
 */
#include "rollup/rollup.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"

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
 * lock_repair(): whoever counts tables anew holds this lock, which comes before
 * those on tables.  So repairs wait for each other here and nowhere else.
 */
Datum
ks_lock_repair(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag = lock_of_repair();

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	PG_RETURN_VOID();
}

/* Waits for a repair, and keeps others away until the end of the transaction. */
void
ks_wait_for_repair(void)
{
	LOCKTAG		tag = lock_of_repair();

	(void) LockAcquire(&tag, ShareLock, false, false);
}

/* exclude_repair() */
Datum
ks_exclude_repair(PG_FUNCTION_ARGS)
{
	ks_wait_for_repair();
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

	return LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * lock_out_writers(): whoever repairs need not be allowed to lock a stranger's
 * table; that it is attached is reason enough.
 */
Datum
ks_lock_out_writers(PG_FUNCTION_ARGS)
{
	uint64		i;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT DISTINCT r::pg_catalog.oid FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r ORDER BY 1",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list event tables");
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		LockRelationOid(DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)), ShareRowExclusiveLock);
	}
	SPI_finish();
	PG_RETURN_VOID();
}
