/*
 * The ids of the rollup's rows.
 *
 * Rows that writers append are soon merged into others, and what is left of them
 * lies in the way of questions until VACUUM may remove it: for as long as anybody
 * has an old snapshot.  So their ids ascend with the writers' transactions.  Below
 * some transaction all of them have been merged, and a question begins behind it.
 *
 *	below zero				merged rows, and what is large from the start: a random number
 *	[0, KS_ID_SPANS)		new rows: transaction, and a number within it
 *	[KS_ID_SPANS, KS_ID_MARKS)	merged rows that span months: a random number
 *	from KS_ID_MARKS on		marks: KS_ID_LAST_MARK less the id from which there may be new rows
 *
 * A mark is an empty row that compaction leaves, in the place of the one before, and the
 * furthest is the first that an index scan meets.  It holds for whoever sees
 * it: the transactions below had ended, their rows were taken in the same commit, and none
 * will come.  Of another cluster's transactions that says nothing, and of other rows neither:
 * a dump may come back with rows that were written where it has been.  So the mark names
 * its cluster, and the file that its table was.  Rows that come from elsewhere (a dump, a
 * replica) are merged before a mark is set behind them.  Whoever has no mark that he can
 * believe reads all new rows.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/*
 * Bits of the transaction and of the number within it.  At 10,000 transactions a second
 * they are enough for 13 years; later ids are not in order.
 */
#define TRANSACTION_BITS 42
#define NUMBER_BITS 19

PG_FUNCTION_INFO_V1(ks_cluster);
PG_FUNCTION_INFO_V1(ks_merged_id);

/* Returns an id for a row that is merged, or large. */
int64
ks_id_merged(void)
{
	return -1 - (int64) (ks_random() * (double) KS_ID_MARKS);
}

/* Returns an id for a row that spans months: questions reach it after the new rows. */
int64
ks_id_span(void)
{
	return KS_ID_SPANS + (int64) (ks_random() * (double) KS_ID_SPANS);
}

/*
 * Returns an id for a row that will soon be merged.  The numbers start at random, because
 * a transaction of another cluster may have had the same id.
 */
int64
ks_id_new(void)
{
	static FullTransactionId transaction = {0};
	static uint32 number = 0;
	static uint32 count = 0;
	FullTransactionId top = GetTopFullTransactionId();

	if (!FullTransactionIdEquals(top, transaction))
	{
		transaction = top;
		number = (uint32) (ks_random() * (1 << NUMBER_BITS));
		count = 0;
	}
	if (U64FromFullTransactionId(top) >> TRANSACTION_BITS != 0 || count == 1 << NUMBER_BITS)
		return ks_id_merged();
	count++;
	return (int64) (U64FromFullTransactionId(top) << NUMBER_BITS) + (number++ & ((1 << NUMBER_BITS) - 1));
}

/* Adds the epoch to a transaction id, which is one of the past, and not long ago. */
static uint64
full_transaction(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint64		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return epoch << 32 | xid;
}

/* Returns an id below which all writers have ended. */
int64
ks_id_ended(void)
{
	uint64		oldest = full_transaction(GetLatestSnapshot()->xmin);

	return oldest >> TRANSACTION_BITS != 0 ? KS_ID_SPANS : (int64) (oldest << NUMBER_BITS);
}

/*
 * Returns the id of a mark that says that new rows begin with an id; 0 for none.  It is a
 * little below, by as much as no other transaction that may set one there.  While one stays open
 * that is so old that its number comes again, whoever has that number would wait for it: there are
 * no marks then.
 */
int64
ks_id_mark(int64 first_new)
{
	int64		numbers = INT64CONST(1) << NUMBER_BITS;
	int64		first = first_new / numbers;
	int64		top = (int64) U64FromFullTransactionId(GetTopFullTransactionId());

	if (first < 1 || top - first >= numbers)
		return 0;
	return (first - 1) * numbers + top % numbers;
}

/* Returns how many transactions old the oldest snapshot is: what it sees of the rollup cannot be removed yet. */
uint64
ks_id_held(void)
{
	Relation	rollup = table_open(ks_rollup_relid(), AccessShareLock);
	TransactionId oldest = GetOldestNonRemovableTransactionId(rollup);

	table_close(rollup, NoLock);
	return full_transaction(ReadNextTransactionId()) - full_transaction(oldest);
}

/* Returns the number of the file that the rollup is, which another one has once it was made, emptied or written anew; 0 without a rollup. */
static uint64
rollup_file(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	uint64		result = 0;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* Returns a number for the cluster and its timeline, of whose transactions ids speak, and for the file of the rollup, whose rows have them. */
int64
ks_cluster_number(void)
{
	uint64		parts[4] = {GetSystemIdentifier(), 0, MyDatabaseId, rollup_file()};
	TimeLineID	timeline;

	if (RecoveryInProgress())
		(void) GetXLogReplayRecPtr(&timeline);
	else
		timeline = GetWALInsertionTimeLine();
	parts[1] = timeline;
	return (int64) hash_bytes_extended((const unsigned char *) parts, sizeof(parts), 0);
}

/* cluster() */
Datum
ks_cluster(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(ks_cluster_number());
}

/* merged_id(spans) */
Datum
ks_merged_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_BOOL(0) ? ks_id_span() : ks_id_merged());
}
