/*
 * Where the rollup's rows are.
 *
 * On one server they are in the table kindly_stats.rollup.  Where Citus has
 * distributed it, that table is a shell: its rows are in shards, on whatever nodes,
 * and are reached in SQL by the shell's name.  Whoever would rather open the table, or has a
 * statement planned once and for all bots, asks here first.
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
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(ks_place_sql);
PG_FUNCTION_INFO_V1(ks_is_shard_sql);
PG_FUNCTION_INFO_V1(ks_can_ask_nodes_sql);

static bool known = false;
static ks_place place = KS_PLACE_HERE;
static Oid	rollup_relid = InvalidOid;

static void
forget_place(Oid changed)
{
	if (ks_is_concerned(rollup_relid, changed))
		known = false;
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

/* The number of a shard, which is at the end of its name: catalogs hide shards from who asks in SQL.  0 where there is none. */
int64
ks_shard_number(Oid relid)
{
	const char *name = get_rel_name(relid);
	const char *at = name != NULL ? strrchr(name, '_') : NULL;

	return at != NULL ? strtoll(at + 1, NULL, 10) : 0;
}

/* Finds which bots a shard has; false where this node's catalogs do not have the shard. */
bool
ks_shard_range_of(Oid relid, ks_shard_range *range)
{
	char	   *answer = ask_catalog(psprintf("SELECT pg_catalog.concat(s.shardminvalue, ' ', s.shardmaxvalue) FROM pg_catalog.pg_dist_shard AS s"
											  " WHERE s.shardid OPERATOR(pg_catalog.=) %lld AND $1 IS NOT NULL", (long long) ks_shard_number(relid)), relid);

	return answer != NULL && sscanf(answer, "%d %d", &range->first, &range->last) == 2;
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

/*
 * For the rest of a transaction in which tables of several nodes are counted, or get triggers: each node has one connection, which
 * knows what was done before, and triggers are made, which Citus allows under a flag alone.  They are made on all nodes, whatever
 * the session has set for its own DDL: where one lacked them, its events would not be counted.
 */
void
ks_prepare_nodes(void)
{
	static const char *const settings[][2] = {
		{"citus.multi_shard_modify_mode", "sequential"}, {"citus.enable_unsafe_triggers", "on"}, {"citus.enable_ddl_propagation", "on"},
		{"citus.max_intermediate_result_size", "-1"}
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
 * Whether other sessions may do the caller's work on all nodes.  They see nothing of what this
 * transaction has done, and wait for what it has locked; and what they commit it does not take back.
 */
bool
ks_can_ask_nodes(void)
{
	char	   *number;

	if (!ks_is_distributed() || IsTransactionBlock() || IsSubTransaction() || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return false;
	/* nor has a function that called it written to, or locked, anything elsewhere */
	number = ask_catalog("SELECT t.transaction_number FROM pg_catalog.get_current_transaction_id() AS t WHERE $1 IS NOT NULL", InvalidOid);
	return number != NULL && strcmp(number, "0") == 0;
}

/* can_ask_nodes() */
Datum
ks_can_ask_nodes_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ks_can_ask_nodes());
}

/* is_shard(relation) */
Datum
ks_is_shard_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ks_is_shard(PG_GETARG_OID(0)));
}
