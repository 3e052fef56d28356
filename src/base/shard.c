/*
 * The shards of the rollup that are on this node.
 *
 * Where Citus has distributed the rollup, most of what reaches its rows goes through Citus, by
 * the rollup's name.  Triggers on shards of events, and compaction, are on the node that has
 * their bot's shard, and write that instead, like any table: Citus would plan each statement
 * for each bot.
 */
#include "base/shard.h"
#include "base/invalidation.h"
#include "base/place.h"
#include "base/spi.h"

#include "base/compat.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_own_shards);

/* A shard, and the hash values of its bots. */
typedef struct own_shard
{
	int32		first;
	int32		last;
	Oid			relid;
} own_shard;

static bool shards_known = false;
static own_shard *shards = NULL;
static int	nshards = 0;
static Oid	rollup_relid = InvalidOid;

/* What the session works on now; InvalidOid: the rollup, wherever its rows are. */
static ks_shard_work work = {InvalidOid, NULL};

static void
forget_shards(Oid changed)
{
	if (ks_is_concerned(rollup_relid, changed))
		shards_known = false;
}

/* Selects the shards of this node, by their hash values, as the active snapshot sees the catalogs.  The caller is connected to SPI. */
static void
select_shards(void)
{
	if (SPI_execute("SELECT h.id, h.first, h.last, h.relation FROM ("
					"SELECT s.shardid AS id, s.shardminvalue::pg_catalog.int4 AS first, s.shardmaxvalue::pg_catalog.int4 AS last,"
					" pg_catalog.to_regclass(pg_catalog.concat('kindly_stats.rollup_', s.shardid)) AS relation"
					" FROM pg_catalog.pg_dist_shard AS s, pg_catalog.pg_dist_placement AS p, pg_catalog.pg_dist_local_group AS l"
					" WHERE s.logicalrelid OPERATOR(pg_catalog.=) 'kindly_stats.rollup'::pg_catalog.regclass AND p.shardid OPERATOR(pg_catalog.=) s.shardid"
					" AND p.shardstate OPERATOR(pg_catalog.=) 1 AND l.groupid OPERATOR(pg_catalog.=) p.groupid) AS h"
					" WHERE h.relation IS NOT NULL ORDER BY h.first", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the shards of the rollup");
}

static void
find_shards(void)
{
	int			i;

	ks_spi_connect();
	select_shards();
	nshards = 0;
	shards = shards == NULL ? MemoryContextAlloc(CacheMemoryContext, (SPI_processed + 1) * sizeof(own_shard)) : repalloc(shards, (SPI_processed + 1) * sizeof(own_shard));
	for (i = 0; i < (int) SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		shards[i].first = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		shards[i].last = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
		shards[i].relid = DatumGetObjectId(SPI_getbinval(row, desc, 4, &isnull));
	}
	nshards = i;
	SPI_finish();
}

static void
know_shards(void)
{
	while (!shards_known)
	{
		ks_on_table_change(forget_shards);
		/* a change that is reported while they are listed makes them be listed again */
		rollup_relid = get_relname_relid("rollup", get_namespace_oid("kindly_stats", false));
		shards_known = true;
		PG_TRY();
		{
			/* catalogs are read as they are now */
			PushActiveSnapshot(GetLatestSnapshot());
			find_shards();
			PopActiveSnapshot();
		}
		PG_CATCH();
		{
			shards_known = false;
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
}

static int32
hash_of_bot(int64 bot_id)
{
	return DatumGetInt32(DirectFunctionCall1(hashint8, Int64GetDatum(bot_id)));
}

/* The shard with the rows of bots of that hash value, or NULL if it is on another node. */
static const own_shard *
find_shard(int32 hash)
{
	int			low = 0;
	int			high;

	know_shards();
	high = nshards;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (hash > shards[middle].last)
			low = middle + 1;
		else if (hash < shards[middle].first)
			high = middle;
		else
			return &shards[middle];
	}
	return NULL;
}

static Oid
find_shard_relid(int32 hash)
{
	const own_shard *shard = find_shard(hash);

	return shard != NULL ? shard->relid : InvalidOid;
}

/* The shard for a hash value, locked for a writer; InvalidOid if it is on another node. */
static Oid
lock_shard(int32 hash)
{
	Oid			relid;

	while (OidIsValid(relid = find_shard_relid(hash)))
	{
		LockRelationOid(relid, RowExclusiveLock);
		/* taking a lock makes known what has changed, and so whether the shard was moved meanwhile */
		if (ks_is_distributed() && find_shard_relid(hash) == relid)
			break;
		UnlockRelationOid(relid, RowExclusiveLock);
	}
	return relid;
}

/*
 * The shard with a bot's rows, locked for a writer; InvalidOid if it is on another node.
 *
 * The lock does not keep a shard from being moved.  Writers of events hold Citus' own locks,
 * which do.  Compaction holds none: the shard is copied as a transaction sees it, with what
 * was merged before and without what is merged later, and both say the same.
 */
Oid
ks_rollup_shard(int64 bot_id)
{
	return ks_is_distributed() ? lock_shard(hash_of_bot(bot_id)) : InvalidOid;
}

/*
 * The shard of the rollup beside a shard of events, locked for a writer.
 *
 * A node that has not heard yet that a shard was moved to it, or split, because it crashed before the last word about that, is told to
 * write to it nevertheless.  What it knows of the rollup is as old: a row that went there would be lost with what was left behind.
 */
Oid
ks_rollup_shard_beside(const ks_shard_range *events)
{
	Oid			relid = lock_shard(events->first);
	const own_shard *shard = find_shard(events->first);

	if (shard == NULL || shard->relid != relid || shard->first != events->first || shard->last != events->last)
		ks_refuse_unknown_shard();
	return relid;
}

/* Raises if a bot's events do not belong into a shard. */
void
ks_require_in_shard(const ks_shard_range *events, int64 bot_id)
{
	int32		hash = hash_of_bot(bot_id);

	if (hash < events->first || hash > events->last)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("an event of bot %lld is to lie where other bots are", (long long) bot_id),
				 errhint("The column by which its table is distributed has to have the bot's number, which a CHECK constraint makes sure of.")));
}

/* Raises that this node has not heard of a shard that it has. */
void
ks_refuse_unknown_shard(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("this node does not know yet that a shard was moved to it"),
			 errhint("Try again.  If that lasts for more than a minute: SELECT recover_prepared_transactions() on the coordinator.")));
}

/* The shards of this node; the caller's copy. */
Oid *
ks_rollup_shards(int *count)
{
	Oid		   *result;
	int			i;

	know_shards();
	result = palloc((nshards + 1) * sizeof(Oid));
	for (i = 0; i < nshards; i++)
		result[i] = shards[i].relid;
	*count = nshards;
	return result;
}

/*
 * Makes a shard of this node stand for the rollup, which is then written without Citus: with
 * `named` in statements, too, otherwise only where rows are written without a statement.
 * The caller calls ks_work_as_before() with what this returns, also after an error.
 */
ks_shard_work
ks_work_on_shard(Oid shard, bool named)
{
	ks_shard_work before = work;
	char	   *name = OidIsValid(shard) && named ? quote_qualified_identifier("kindly_stats", get_rel_name(shard)) : NULL;

	work.relid = shard;
	work.name = name;
	return before;
}

void
ks_work_as_before(ks_shard_work before)
{
	if (work.name != NULL && work.name != before.name)
		pfree(work.name);
	work = before;
}

const ks_shard_work *
ks_shard_worked_on(void)
{
	return &work;
}

/* own_shards(): the same for SQL, as its statement's snapshot sees them */
Datum
ks_own_shards(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	uint64		i;

	InitMaterializedSRF(fcinfo, 0);
	if (!ks_is_distributed())
		return (Datum) 0;
	ks_spi_connect();
	select_shards();
	for (i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	return (Datum) 0;
}
