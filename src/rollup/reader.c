/*
 * Who asks the statistics, and with whose rights they are read.
 *
 * A caller who has SELECT on kindly_stats.rollup reads it with rights of his own, so that
 * grants and row-level security decide what he sees.  But tools list the tables that one
 * may read, and nobody who explores statistics wants to see the tables in which they are
 * stored.  So SELECT on the view kindly_stats.bot is enough: then the rollup and its
 * neighbours are read as their owner, and only for the bots that our policy of row-level
 * security would show, which comes from the same function.  If there are policies of
 * somebody else, ours is not all that they say; then the caller needs rights of his own.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_list_bots);
PG_FUNCTION_INFO_V1(ks_bot_text_sql);

/* visible_bots(), which the policies call */
extern Datum ks_visible_bots(PG_FUNCTION_ARGS);

static bool
may_select(Oid relid)
{
	return OidIsValid(relid) && pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* Whether a policy applies to the caller, as check_role_for_policy() decides it. */
static bool
is_about_caller(const RowSecurityPolicy *policy)
{
	const Oid  *roles = (const Oid *) ARR_DATA_PTR(policy->roles);
	int			count = ARR_DIMS(policy->roles)[0];
	int			i;

	if (policy->polcmd != '*' && policy->polcmd != ACL_SELECT_CHR)
		return false;
	for (i = 0; i < count; i++)
	{
		if (roles[i] == ACL_ID_PUBLIC || has_privs_of_role(GetUserId(), roles[i]))
			return true;
	}
	return false;
}

static bool
is_call(const Node *node, const char *name, int nargs)
{
	const FuncExpr *call = (const FuncExpr *) node;

	return node != NULL && IsA(node, FuncExpr) && list_length(call->args) == nargs && strcmp(get_func_name(call->funcid), name) == 0 &&
		get_func_namespace(call->funcid) == get_namespace_oid("kindly_stats", true);
}

/*
 * Whether a condition is just is_one_of(bot_id, (SELECT visible_bots())), as
 * enable_row_security() has written it for the rollup; where that is distributed, it has
 * no SELECT.
 */
static bool
is_of_visible_bots(const Node *condition)
{
	const SubLink *link;
	const Query *query;

	if (!is_call(condition, "is_one_of", 2) || !IsA(linitial(((const FuncExpr *) condition)->args), Var))
		return false;
	link = lsecond(((const FuncExpr *) condition)->args);
	if (is_call((const Node *) link, "visible_bots", 0))
		return true;
	if (!IsA(link, SubLink) || link->subLinkType != EXPR_SUBLINK)
		return false;
	query = (const Query *) link->subselect;
	return IsA(query, Query) && list_length(query->targetList) == 1 && query->jointree->fromlist == NIL && query->jointree->quals == NULL &&
		query->limitCount == NULL && query->limitOffset == NULL && is_call((const Node *) ((const TargetEntry *) linitial(query->targetList))->expr, "visible_bots", 0);
}

static bool
is_ours(const RowSecurityPolicy *policy, bool is_rollup)
{
	return policy->permissive && strcmp(policy->policy_name, "kindly_stats_bots") == 0 && (!is_rollup || is_of_visible_bots((const Node *) policy->qual));
}

/* Whether it is our policy that shows every bot to administrators. */
static bool
is_administrators(const RowSecurityPolicy *policy)
{
	const Const *qual = (const Const *) policy->qual;

	return policy->permissive && strcmp(policy->policy_name, "kindly_stats_administrators") == 0 && qual != NULL && IsA(qual, Const) &&
		!qual->constisnull && DatumGetBool(qual->constvalue);
}

/* Finds out whether row-level security hides bots from the caller, and whether all policies are ours. */
static void
look_at_policies(Oid relid, bool *hides, bool *ours)
{
	Relation	table = table_open(relid, AccessShareLock);
	bool		is_rollup = strcmp(RelationGetRelationName(table), "rollup") == 0;
	bool		administrator = false;
	int			about = 0;
	int			own = 0;
	ListCell   *cell;

	*hides = table->rd_rel->relrowsecurity;
	if (*hides && table->rd_rsdesc != NULL)
	{
		foreach(cell, table->rd_rsdesc->policies)
		{
			if (!is_about_caller(lfirst(cell)))
				continue;
			about++;
			own += is_ours(lfirst(cell), is_rollup) || is_administrators(lfirst(cell));
			administrator |= is_administrators(lfirst(cell));
		}
	}
	*ours = !*hides || (about > 0 && own == about);
	*hides &= !administrator || !*ours;
	table_close(table, AccessShareLock);
}

/* Tables that are read beside the rollup, for names. */
static const char *const neighbours[] = {"bot_name", "known_bot", "interaction"};

/* Whether all policies on the neighbours are ours. */
static bool
are_ours(Oid schema)
{
	bool		result = true;
	int			i;

	for (i = 0; i < lengthof(neighbours); i++)
	{
		Oid			relid = get_relname_relid(neighbours[i], schema);
		bool		enabled;
		bool		ours;

		if (!OidIsValid(relid))
			continue;
		look_at_policies(relid, &enabled, &ours);
		result &= ours;
	}
	return result;
}

static ArrayType *
visible_bots(void)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	return DatumGetArrayTypeP(ks_visible_bots(fcinfo));
}

/* Whether the caller has a right of his own to each table that is read. */
static bool
reads_tables(Oid schema)
{
	bool		result = may_select(get_relname_relid("rollup", schema));
	int			i;

	for (i = 0; i < lengthof(neighbours) && result; i++)
		result = may_select(get_relname_relid(neighbours[i], schema));
	return result;
}

/* Whether other nodes would let the caller in. */
static bool
may_log_in(void)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool		result = HeapTupleIsValid(tuple) && ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

/*
 * Whether the rollup is read with the caller's own rights.  Where it is distributed, nodes
 * are asked in the caller's name.  They know nothing of claims, and let in only roles that
 * may log in.  Other callers, and those who see some bots only, read through the owner,
 * for bots that are determined here, so that nodes need not trust anything.
 */
static bool
reads_himself(Oid schema, Oid rollup)
{
	if (!ks_is_distributed() || !reads_tables(schema))
		return may_select(rollup) || !may_select(get_relname_relid("bot", schema));
	return may_log_in() && check_enable_rls(rollup, InvalidOid, true) != RLS_ENABLED;
}

/* Connects to SPI, and switches to the rollup's owner if the caller reads through the owner. */
void
ks_reader_begin(ks_reader *reader)
{
	Oid			schema;
	Oid			rollup;
	bool		hides;
	bool		ours;

	ks_require_rollup();
	ks_spi_connect();
	ks_nested_query_begin(&reader->nested);
	reader->as_owner = false;
	reader->bots = NULL;
	schema = get_namespace_oid("kindly_stats", false);
	rollup = get_relname_relid("rollup", schema);
	if (reads_himself(schema, rollup))
		return;
	look_at_policies(rollup, &hides, &ours);
	if (hides && check_enable_rls(rollup, InvalidOid, true) == RLS_ENABLED)
	{
		if (!ours || !are_ours(schema))
			return;
		reader->bots = visible_bots();
	}
	reader->caller = ks_switch_to_owner("rollup");
	reader->as_owner = true;
}

void
ks_reader_end(ks_reader *reader)
{
	if (reader->as_owner)
		ks_restore_user(reader->caller);
	ks_nested_query_end(&reader->nested);
	SPI_finish();
}

/* Whether a bot's rows may be read; what the caller's own rights hide is hidden anyway. */
bool
ks_reader_sees(const ks_reader *reader, int64 bot)
{
	const int64 *bots;
	int			low = 0;
	int			high;

	if (reader->bots == NULL)
		return true;
	bots = (const int64 *) ARR_DATA_PTR(reader->bots);
	high = ArrayGetNItems(ARR_NDIM(reader->bots), ARR_DIMS(reader->bots));
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (bots[middle] == bot)
			return true;
		if (bots[middle] < bot)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Ids
 * ------------------------------------------------------------------------
 */

/* Whether policies of others show the caller the id of a bot. */
static bool
is_shown(int64 bot)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot)};
	bool		result;

	ks_spi_connect();
	ks_prepared(&plan, "SELECT 1 FROM kindly_stats.known_bot AS k WHERE k.bot_id OPERATOR(pg_catalog.=) $1", 1, types);
	if (SPI_execute_plan(plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a bot");
	result = SPI_processed > 0;
	SPI_finish();
	return result;
}

/*
 * Whether the caller may learn which text a number was derived from, from
 * kindly_stats.known_bot or from the view that is enough instead.
 */
static bool
may_know(int64 bot)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			table = OidIsValid(schema) ? get_relname_relid("known_bot", schema) : InvalidOid;
	ks_reader	reader = {0};
	bool		reads = may_select(table);
	bool		hides;
	bool		ours;

	if (reads && check_enable_rls(table, InvalidOid, true) != RLS_ENABLED)
		return true;
	if (!OidIsValid(table) || (!reads && !may_select(get_relname_relid("bot", schema))))
		return false;
	look_at_policies(table, &hides, &ours);
	if (!hides || has_bypassrls_privilege(GetUserId()))
		return true;
	if (!ours)
		return reads && is_shown(bot);
	reader.bots = visible_bots();
	return ks_reader_sees(&reader, bot);
}

/* Returns the id of a bot for an error: as the caller wrote it, unless the caller sees that bot. */
char *
ks_reader_bot_text(int64 bot)
{
	const char *id = ks_bot_spelling(bot);

	if (bot >= KS_BOT_LOWEST || may_know(bot))
		return ks_bot_text(bot);
	return id != NULL ? ks_bot_canonical(id) : psprintf(INT64_FORMAT, bot);
}

/* Selects every bot of which something is known: number, id where it has a name, name. */
#define LIST_NODES_BOTS(counted, known, named) \
	"SELECT n.id, e.number, n.name" \
	" FROM (SELECT r.bot_id FROM kindly_stats.rollup AS r" counted " GROUP BY 1" \
	" UNION SELECT k.bot_id FROM kindly_stats.known_bot AS k" known \
	" UNION SELECT b.bot_id FROM kindly_stats.bot_name AS b" named ") AS e (number)" \
	" LEFT JOIN kindly_stats.bot_name AS n ON n.bot_id OPERATOR(pg_catalog.=) e.number ORDER BY e.number"

/* bot_text(number) */
Datum
ks_bot_text_sql(PG_FUNCTION_ARGS)
{
	int64		bot = PG_GETARG_INT64(0);

	PG_RETURN_TEXT_P(cstring_to_text(bot >= KS_BOT_LOWEST || may_know(bot) ? ks_bot_text(bot) : psprintf(INT64_FORMAT, bot)));
}

/*
 * Lists the bots where the rollup is distributed, since that query cannot be handed to
 * nodes.  Ids are found here, because nodes do not ask each other.
 */
static void
list_nodes_bots(const ks_reader *reader)
{
	static SPIPlanPtr all = NULL;
	static SPIPlanPtr listed = NULL;
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1] = {PointerGetDatum(reader->bots)};

	if (reader->bots == NULL)
		ks_prepared(&all, LIST_NODES_BOTS("", "", ""), 0, NULL);
	else
		ks_prepared(&listed, LIST_NODES_BOTS(" WHERE r.bot_id OPERATOR(pg_catalog.=) ANY ($1)", " WHERE k.bot_id OPERATOR(pg_catalog.=) ANY ($1)",
											 " WHERE b.bot_id OPERATOR(pg_catalog.=) ANY ($1)"), 1, types);
	if (SPI_execute_plan(reader->bots == NULL ? all : listed, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list bots");
}

/*
 * bots(): the bots that the caller sees and that have statistics or a name.  Each number
 * is found by one look into the primary key, however many rows it has.
 */
Datum
ks_list_bots(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr all = NULL;
	static SPIPlanPtr listed = NULL;
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	bool		distributed;
	ks_reader	reader;
	SPITupleTable *found;
	uint64		count;
	uint64		i;

	InitMaterializedSRF(fcinfo, 0);
	ks_reader_begin(&reader);
	values[0] = PointerGetDatum(reader.bots);
	distributed = ks_is_distributed();
	if (distributed)
		list_nodes_bots(&reader);
	else if (reader.bots == NULL)
		ks_prepared(&all,
					"WITH RECURSIVE counted (number) AS ("
					" SELECT pg_catalog.min(r.bot_id) FROM kindly_stats.rollup AS r"
					" UNION ALL"
					" SELECT (SELECT pg_catalog.min(r.bot_id) FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.>) c.number)"
					" FROM counted AS c WHERE c.number IS NOT NULL),"
					" every (number) AS ("
					" SELECT c.number FROM counted AS c WHERE c.number IS NOT NULL"
					" UNION SELECT k.bot_id FROM kindly_stats.known_bot AS k"
					" UNION SELECT n.bot_id FROM kindly_stats.bot_name AS n)"
					" SELECT coalesce(n.id, kindly_stats.bot_text(e.number)), e.number, n.name"
					" FROM every AS e LEFT JOIN kindly_stats.bot_name AS n ON n.bot_id OPERATOR(pg_catalog.=) e.number", 0, NULL);
	else
		ks_prepared(&listed,
					"SELECT coalesce(n.id, kindly_stats.bot_text(e.number)), e.number, n.name"
					" FROM pg_catalog.unnest($1) AS e (number) LEFT JOIN kindly_stats.bot_name AS n ON n.bot_id OPERATOR(pg_catalog.=) e.number"
					" WHERE n.bot_id IS NOT NULL OR EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) e.number)"
					" OR EXISTS (SELECT 1 FROM kindly_stats.known_bot AS k WHERE k.bot_id OPERATOR(pg_catalog.=) e.number)", 1, types);
	if (!distributed && SPI_execute_plan(reader.bots == NULL ? all : listed, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list bots");
	found = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		Datum		row[3];
		bool		nulls[3];
		int			column;

		CHECK_FOR_INTERRUPTS();
		for (column = 0; column < 3; column++)
			row[column] = SPI_getbinval(found->vals[i], found->tupdesc, column + 1, &nulls[column]);
		/* bot_name has ids as its author wrote them */
		row[0] = nulls[0] ? DirectFunctionCall1(ks_bot_text_sql, row[1]) : CStringGetTextDatum(ks_bot_canonical(TextDatumGetCString(row[0])));
		nulls[0] = false;
		tuplestore_putvalues(rows->setResult, rows->setDesc, row, nulls);
	}
	ks_reader_end(&reader);
	return (Datum) 0;
}
