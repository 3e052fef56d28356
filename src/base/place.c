/*
 * Where the rollup's rows are.
 *
 * On one server they are in the table kindly_stats.rollup.  Where Citus has
 * distributed it, that table is a shell: its rows are in shards, on whatever nodes,
 * and are reached in SQL by the shell's name.  Whoever would rather open the table, or has a
 * statement planned once and for all bots, asks here first; and so does whoever is on the
 * node that has a bot's shard, triggers on shards of events and compaction, and works on that.
 *
 * A session asks its catalogs once, and again when PostgreSQL says that the rollup has
 * changed, as it does whenever a table is distributed.
 */
#include "base/place.h"
#include "base/compat.h"
#include "base/invalidation.h"
#include "base/spi.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(ks_place_sql);
PG_FUNCTION_INFO_V1(ks_is_shard_sql);
PG_FUNCTION_INFO_V1(ks_can_ask_nodes);

static bool known = false;
static ks_place place = KS_PLACE_HERE;
static Oid	rollup_relid = InvalidOid;

/* A shard of the rollup that is on this node, and the hash values of its bots. */
typedef struct own_shard
{
	int32		first;
	int32		last;
	Oid			relid;
} own_shard;

static bool shards_known = false;
static own_shard *shards = NULL;
static int	nshards = 0;

/* What the session works on now; InvalidOid: the rollup, wherever its rows are. */
static ks_shard_work work = {InvalidOid, NULL};

static void
forget_place(Oid changed)
{
	if (ks_is_concerned(rollup_relid, changed))
		known = shards_known = false;
}

/* Asks a catalog about a relation; gives back the one value of the one row, as text, or NULL. */
static char *
ask_catalog(const char *query, Oid relid)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(relid)};
	MemoryContext caller = CurrentMemoryContext;
	char	   *result;

	/* catalogs are read as they are now, whatever the transaction sees of the rest */
	PushActiveSnapshot(GetLatestSnapshot());
	ks_spi_connect();
	if (SPI_execute_with_args(query, 1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not ask where rows are");
	result = SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : NULL;
	if (result != NULL)
		result = MemoryContextStrdup(caller, result);
	SPI_finish();
	PopActiveSnapshot();
	return result;
}

static ks_place
find_place(Oid rollup)
{
	char	   *group;

	/* most servers have never heard of it */
	if (!OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return KS_PLACE_HERE;
	group = ask_catalog("SELECT l.groupid FROM pg_catalog.pg_dist_partition AS p, pg_catalog.pg_dist_local_group AS l"
						" WHERE p.logicalrelid::pg_catalog.oid OPERATOR(pg_catalog.=) $1", rollup);
	if (group == NULL)
		return KS_PLACE_HERE;
	return strcmp(group, "0") == 0 ? KS_PLACE_COORDINATOR : KS_PLACE_WORKER;
}

/* Whether the rollup is a table of this server, or else what this node is to those that share it. */
ks_place
ks_rollup_place(void)
{
	Oid			schema;
	Oid			relid;

	if (known)
		return place;
	ks_on_table_change(forget_place);
	schema = get_namespace_oid("kindly_stats", true);
	relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;
	if (!OidIsValid(relid))
		return KS_PLACE_HERE;
	/* whatever is heard of the table while its catalogs are read makes them be read again */
	rollup_relid = relid;
	known = true;
	place = KS_PLACE_HERE;
	PG_TRY();
	{
		place = find_place(relid);
	}
	PG_CATCH();
	{
		/* or the shell would be taken for the rollup, and for empty, from then on */
		known = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	return place;
}

bool
ks_is_distributed(void)
{
	return ks_rollup_place() != KS_PLACE_HERE;
}

/*
 * Whether a relation is a shard of one that has another name.  While a table is dropped its shards are unknown already; but
 * their triggers have their number, too.
 */
bool
ks_is_shard(Oid relid)
{
	char	   *answer;

	if (!ks_is_distributed())
		return false;
	answer = ask_catalog("SELECT pg_catalog.relation_is_a_known_shard($1) OR EXISTS ("
						 "SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_trigger AS t ON t.tgrelid OPERATOR(pg_catalog.=) c.oid"
						 " WHERE c.oid OPERATOR(pg_catalog.=) $1 AND t.tgname OPERATOR(pg_catalog.~) '^kindly_stats_.*_[0-9]+$'"
						 " AND pg_catalog.substring(c.relname, '_[0-9]+$') OPERATOR(pg_catalog.=) pg_catalog.substring(t.tgname, '_[0-9]+$'))", relid);
	return answer != NULL && strcmp(answer, "t") == 0;
}

/* Whether the rows of a table are in shards: of an attached one, where the rollup's are, too. */
bool
ks_is_distributed_table(Oid relid)
{
	return ks_is_distributed() &&
		ask_catalog("SELECT p.partmethod FROM pg_catalog.pg_dist_partition AS p WHERE p.logicalrelid::pg_catalog.oid OPERATOR(pg_catalog.=) $1", relid) != NULL;
}

/* By which column the rows of a table are spread, or NULL: a query that says what is in it is asked of one node. */
char *
ks_distribution_column(Oid relid)
{
	if (!ks_is_distributed())
		return NULL;
	return ask_catalog("SELECT pg_catalog.column_to_column_name(p.logicalrelid, p.partkey) FROM pg_catalog.pg_dist_partition AS p"
					   " WHERE p.logicalrelid::pg_catalog.oid OPERATOR(pg_catalog.=) $1 AND p.partkey IS NOT NULL", relid);
}

/* Lists the shards that are here. */
static void
find_shards(void)
{
	int			i;

	ks_spi_connect();
	if (SPI_execute("SELECT h.first, h.last, h.relation FROM ("
					"SELECT s.shardminvalue::pg_catalog.int4 AS first, s.shardmaxvalue::pg_catalog.int4 AS last,"
					" pg_catalog.to_regclass(pg_catalog.concat('kindly_stats.rollup_', s.shardid))::pg_catalog.oid AS relation"
					" FROM pg_catalog.pg_dist_shard AS s, pg_catalog.pg_dist_placement AS p, pg_catalog.pg_dist_local_group AS l"
					" WHERE s.logicalrelid OPERATOR(pg_catalog.=) 'kindly_stats.rollup'::pg_catalog.regclass AND p.shardid OPERATOR(pg_catalog.=) s.shardid"
					" AND p.shardstate OPERATOR(pg_catalog.=) 1 AND l.groupid OPERATOR(pg_catalog.=) p.groupid) AS h"
					" WHERE h.relation IS NOT NULL ORDER BY h.first", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not ask where rows are");
	nshards = 0;
	shards = shards == NULL ? MemoryContextAlloc(CacheMemoryContext, (SPI_processed + 1) * sizeof(own_shard)) : repalloc(shards, (SPI_processed + 1) * sizeof(own_shard));
	for (i = 0; i < (int) SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		shards[i].first = DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull));
		shards[i].last = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		shards[i].relid = DatumGetObjectId(SPI_getbinval(row, desc, 3, &isnull));
	}
	nshards = i;
	SPI_finish();
}

static void
know_shards(void)
{
	while (!shards_known)
	{
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

/* The shard with a bot's rows, where it is on this node. */
static Oid
find_shard(int64 bot_id)
{
	int32		hash = DatumGetInt32(DirectFunctionCall1(hashint8, Int64GetDatum(bot_id)));
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
			return shards[middle].relid;
	}
	return InvalidOid;
}

/*
 * The shard with a bot's rows, locked for who writes; InvalidOid where it is on another node.  Who holds the lock is
 * not in the way of a shard that moves: it is copied as a transaction sees it, and what is merged afterwards is lost, while
 * what had been merged is not; writers of events hold Citus' own locks.
 */
Oid
ks_rollup_shard(int64 bot_id)
{
	Oid			relid = InvalidOid;

	if (!ks_is_distributed())
		return InvalidOid;
	while (OidIsValid(relid = find_shard(bot_id)))
	{
		LockRelationOid(relid, RowExclusiveLock);
		/* with the lock comes the news, of where it has gone meanwhile, too */
		if (ks_is_distributed() && find_shard(bot_id) == relid)
			break;
		UnlockRelationOid(relid, RowExclusiveLock);
	}
	return relid;
}

/* The shards that are here; a copy in the current memory. */
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
 * From here on, until it is given back, after errors too, rows of the rollup are those of a shard of this node, which is written without
 * a word to Citus: with `named`, in all statements, else where no statement is needed.
 */
ks_shard_work
ks_work_on_shard(Oid shard, bool named)
{
	ks_shard_work before = work;

	work.relid = shard;
	work.name = OidIsValid(shard) && named ? quote_qualified_identifier("kindly_stats", get_rel_name(shard)) : NULL;
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

/*
 * For the rest of a transaction in which tables of several nodes are counted, or get triggers: each node has one connection, which
 * knows what was done before, and triggers are made, which Citus allows under a flag alone.
 */
void
ks_prepare_nodes(void)
{
	static const char *const settings[][2] = {
		{"citus.multi_shard_modify_mode", "sequential"}, {"citus.enable_unsafe_triggers", "on"}, {"citus.max_intermediate_result_size", "-1"}
	};
	int			i;

	for (i = 0; i < lengthof(settings) && ks_is_distributed(); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* place() */
Datum
ks_place_sql(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"here", "coordinator", "worker"};

	PG_RETURN_TEXT_P(cstring_to_text(names[ks_rollup_place()]));
}

/*
 * can_ask_nodes(): whether other sessions may do the caller's work on all nodes.  They see nothing of what this
 * transaction has done, and wait for what it has locked; and what they commit it does not take back.
 */
Datum
ks_can_ask_nodes(PG_FUNCTION_ARGS)
{
	char	   *number;

	if (!ks_is_distributed() || IsTransactionBlock() || IsSubTransaction() || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		PG_RETURN_BOOL(false);
	/* nor has a function that called it written to, or locked, anything elsewhere */
	number = ask_catalog("SELECT t.transaction_number FROM pg_catalog.get_current_transaction_id() AS t WHERE $1 IS NOT NULL", InvalidOid);
	PG_RETURN_BOOL(number != NULL && strcmp(number, "0") == 0);
}

/* is_shard(relation) */
Datum
ks_is_shard_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ks_is_shard(PG_GETARG_OID(0)));
}
