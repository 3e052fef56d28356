/*
 * Locks of bots and days, in which writers of conversations and whoever closes a day
 * meet.
 *
 * The lock is no table's: writers of other days, which are nearly all, never
 * wait for an export, however long it takes.  A transaction that touches very
 * many days takes one shared lock on all of them instead, which whoever closes
 * a day takes, too, in a mode that only conflicts with that.
 */
#include "conversation/conversation.h"

#include "base/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

PG_FUNCTION_INFO_V1(ks_lock_closing);
PG_FUNCTION_INFO_V1(ks_lock_exported);

/* Setting kindly_stats.wait_for_writers. */
bool		ks_wait_for_writers = true;

/* So many days a transaction locks one by one: the server's table of locks has room for some thousands. */
#define DAY_LOCKS_MAX	64

char *
ks_day_text(DateADT day)
{
	int			year,
				month,
				mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return psprintf("%04d-%02d-%02d", year, month, mday);
}

static LOCKTAG
lock_of_day(int64 bot_id, DateADT day)
{
	LOCKTAG		tag;

	/* bots that share a hash wait for each other, no more */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, hash_bytes((unsigned char *) &bot_id, sizeof(bot_id)), (uint32) day, KS_LOCK_OF_DAY);
	return tag;
}

static LOCKTAG
lock_of_all(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, KS_LOCK_OF_ALL);
	return tag;
}

/*
 * The day first: a writer who holds the shared lock of a day may still want the
 * one of all, and would wait for us while we wait for him.
 */
static void
lock_to_close_here(int64 bot_id, DateADT day, bool at_once)
{
	LOCKTAG		one = lock_of_day(bot_id, day);
	LOCKTAG		all = lock_of_all();

	if (LockAcquire(&one, ExclusiveLock, false, at_once) == LOCKACQUIRE_NOT_AVAIL ||
		LockAcquire(&all, RowExclusiveLock, false, at_once) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("day %s of bot %s is being written or exported right now", ks_day_text(day), ks_reader_bot_text(bot_id)),
				 errhint("Try again when those transactions have ended.")));
}

/*
 * Writers have their locks on the node that has the bot's rows, and so must whoever closes a day: an
 * aggregate over rows of the bot is worked out there, and what is made of it, too.  The caller is connected to SPI.
 */
void
ks_day_lock_to_close(int64 bot_id, DateADT day)
{
	Oid			types[3] = {INT8OID, DATEOID, BOOLOID};
	Datum		values[3] = {Int64GetDatum(bot_id), DateADTGetDatum(day), BoolGetDatum(!ks_wait_for_writers)};
	ks_identity caller;

	if (!ks_is_distributed())
	{
		lock_to_close_here(bot_id, day, !ks_wait_for_writers);
		return;
	}
	caller = ks_switch_to_owner("exported");
	if (SPI_execute_with_args("SELECT kindly_stats.lock_closing($1, $2, $3, pg_catalog.count(*)) FROM kindly_stats.exported AS x"
							  " WHERE x.bot_id OPERATOR(pg_catalog.=) $1", 3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock a day");
	SPI_freetuptable(SPI_tuptable);
	ks_restore_user(caller);
}

/* lock_closing(bot, day, at_once, rows) */
Datum
ks_lock_closing(PG_FUNCTION_ARGS)
{
	lock_to_close_here(PG_GETARG_INT64(0), PG_GETARG_DATEADT(1), PG_GETARG_BOOL(2));
	PG_RETURN_INT64(PG_GETARG_INT64(3));
}

/* How many days this transaction has locked to write. */
static int	days_locked = 0;

static void
forget_locks(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			days_locked = 0;
			break;
		default:
			break;
	}
}

/* Before whoever writes looks for marks of these days, and until his transaction ends: each a bot (member) and a day (quarter). */
void
ks_days_lock_to_write(const ks_entry *days, uint32 count)
{
	static bool registered = false;
	LOCKTAG		all = lock_of_all();
	uint32		i;

	if (!registered)
	{
		RegisterXactCallback(forget_locks, NULL);
		registered = true;
	}
	/* asked each time: it may have gone with a savepoint that was rolled back */
	if (ks_lock_held(&all, ShareLock))
		return;
	if (days_locked + count > DAY_LOCKS_MAX)
	{
		(void) LockAcquire(&all, ShareLock, false, false);
		return;
	}
	for (i = 0; i < count; i++)
	{
		LOCKTAG		one = lock_of_day((int64) days[i].member, days[i].quarter);

		if (!ks_lock_held(&one, ShareLock))
			days_locked++;
		(void) LockAcquire(&one, ShareLock, false, false);
	}
}

/* lock_exported(): waits for days that are being closed, and lets none be closed until the end of the transaction */
Datum
ks_lock_exported(PG_FUNCTION_ARGS)
{
	LOCKTAG		all = lock_of_all();
	ks_identity caller;

	(void) LockAcquire(&all, ShareLock, false, false);
	if (!ks_is_distributed())
		PG_RETURN_VOID();
	/* days are closed on all nodes, by writing to this table */
	ks_spi_connect();
	caller = ks_switch_to_owner("exported");
	if (SPI_execute("LOCK TABLE kindly_stats.exported IN SHARE MODE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock exported days");
	ks_restore_user(caller);
	SPI_finish();
	PG_RETURN_VOID();
}
