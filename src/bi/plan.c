/*
 * The foreign data wrapper: what the planner and EXPLAIN are told.
 *
 * A scan's fdw_private is a list of the conditions, as numbers, and the list of
 * needed columns; the conditions' values are its fdw_exprs, so that parameters
 * and columns of tables that were read before get into them as into any
 * expression.
 */
#include "bi/plan.h"

#include "base/compat.h"

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(ks_bi_handler);

/* Assumptions about what is not known while planning. */
#define UNKNOWN_BOTS	10
#define UNKNOWN_DAYS	365
#define UNKNOWN_RANGE	30
#define KEYS_A_BUCKET	5

/* Rows that a bot has in the rollup: some measures of some months. */
#define ROWS_A_BOT		200

/* What a bot, one of its buckets and a query cost, in the planner's units. */
#define COST_QUERY		20
#define COST_BOT		10
#define COST_BUCKET		0.05

/* More than anything else costs. */
#define COST_WRONG_ZONE	1.0e12

/* ------------------------------------------------------------------------
 * Which parts of a survey a scan needs
 * ------------------------------------------------------------------------
 */

/* The part that has counts of a measure and, if asked for, its members. */
static int
want_part(ks_bi_plan *plan, ks_survey_kind kind, const char *measure, bool distinct)
{
	int			i;

	for (i = 0; i < plan->nparts; i++)
	{
		ks_survey_part *part = &plan->parts[i];

		if (part->kind == kind && strcmp(part->measure, measure) == 0)
		{
			part->distinct |= distinct;
			return i;
		}
	}
	plan->parts[plan->nparts].kind = kind;
	plan->parts[plan->nparts].measure = measure;
	plan->parts[plan->nparts].distinct = distinct;
	return plan->nparts++;
}

static void
find_parts(const ks_bi_relation *relation, ks_bi_plan *plan)
{
	int			i;

	plan->parts = palloc0((relation->nrows + 2 * relation->ncolumns + 1) * sizeof(ks_survey_part));
	for (i = 0; i < relation->nrows; i++)
		(void) want_part(plan, relation->take > 0 ? KS_SURVEY_COUNTS : KS_SURVEY_EXTENT, relation->rows[i], false);
	for (i = 0; i < relation->ncolumns; i++)
	{
		const ks_bi_column *column = &relation->columns[i];

		if (!plan->needed[i])
			continue;
		plan->names |= column->role == KS_BI_BOT || column->role == KS_BI_BOT_NAME;
		if (column->measure != NULL && column->role >= KS_BI_NUMBER)
			plan->sources[i].part = want_part(plan, column->value == KS_BI_FIRST_SEEN ? KS_SURVEY_FIRST_SEEN : KS_SURVEY_COUNTS,
											  column->measure, column->value == KS_BI_MEMBERS);
		if (column->role == KS_BI_RATE)
			plan->sources[i].per = want_part(plan, KS_SURVEY_COUNTS, column->per, false);
	}
}

/* What ks_bi_get_plan made. */
ks_bi_plan *
ks_bi_plan_unpack(const ks_bi_relation *relation, const ForeignScan *scan)
{
	ks_bi_plan *plan = palloc0(sizeof(ks_bi_plan));
	ListCell   *cell;
	int			next = 0;

	plan->conditions = ks_bi_conditions_unpack(linitial(scan->fdw_private), scan->fdw_exprs, &next);
	plan->needed = palloc0((relation->ncolumns + 1) * sizeof(bool));
	plan->sources = palloc0((relation->ncolumns + 1) * sizeof(ks_bi_source));
	foreach(cell, (List *) lsecond(scan->fdw_private))
	{
		int			column = lfirst_int(cell);

		if (column <= relation->ncolumns)
			plan->needed[column - 1] = true;
	}
	find_parts(relation, plan);
	return plan;
}

/* ------------------------------------------------------------------------
 * Estimates
 * ------------------------------------------------------------------------
 */

static double
all_bots(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows;

	if (!HeapTupleIsValid(tuple))
		return UNKNOWN_BOTS;
	rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);
	return rows < 0 ? UNKNOWN_BOTS : Max(rows / ROWS_A_BOT, 1);
}

static double
array_length(Node *value)
{
	return value != NULL && IsA(value, Const) && !((Const *) value)->constisnull
		? ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(((Const *) value)->constvalue)), ARR_DIMS(DatumGetArrayTypeP(((Const *) value)->constvalue)))
		: UNKNOWN_BOTS;
}

/* How many of these bots the conditions leave; known days go into wanted, others into unknown. */
static double
estimate_bots(PlannerInfo *root, List *conditions, double bots, ks_bi_wanted *wanted, double *unknown)
{
	double		result = bots;
	ListCell   *cell,
			   *branch;

	foreach(cell, conditions)
	{
		ks_bi_condition *c = lfirst(cell);
		ks_bi_wanted either;
		double		sum = 0;
		double		longest = 0;

		foreach(branch, c->branches)
		{
			ks_bi_wanted one;
			double		days = UNKNOWN_DAYS;

			ks_bi_wanted_init(&one);
			sum += estimate_bots(root, lfirst(branch), bots, &one, &days);
			ks_bi_either(&either, &one, branch == list_head(c->branches));
			longest = Max(longest, days);
		}
		if (c->branches != NIL)
		{
			ks_bi_both(wanted, &either);
			*unknown = Min(*unknown, longest);
			result = Min(result, sum);
		}
		else if (c->target == KS_BI_ON_BOT || c->target == KS_BI_ON_NAME)
		{
			double		values = c->any ? array_length(estimate_expression_value(root, (Node *) c->value)) : 1;

			result = Min(result, values);
		}
		else if (c->target == KS_BI_ON_READING || c->target == KS_BI_ON_INSTANT)
		{
			Node	   *value = estimate_expression_value(root, (Node *) c->value);

			if (IsA(value, Const))
				ks_bi_want(wanted, c, ((Const *) value)->constvalue, ((Const *) value)->constisnull);
			else
				*unknown = Min(*unknown, c->strategy == BTEqualStrategyNumber && !c->any ? Max(c->before + c->after, 1) : UNKNOWN_RANGE);
		}
	}
	return result;
}

/* How many bots and buckets the conditions leave, and what it costs to read them. */
static void
estimate(PlannerInfo *root, const ks_bi_relation *relation, List *conditions, double *rows, Cost *startup, Cost *total)
{
	static const double days_of[] = {1.0 / 24, 1, 7, 30, 91, 365};
	ks_bi_wanted wanted;
	double		bots;
	double		days;
	double		unknown = UNKNOWN_DAYS;

	ks_bi_wanted_init(&wanted);
	bots = estimate_bots(root, conditions, all_bots(), &wanted, &unknown);
	days = ks_bi_days(&wanted);
	if (days < 0 || days > unknown)
		days = days < 0 || unknown < UNKNOWN_DAYS ? unknown : Min(days, 10 * UNKNOWN_DAYS);
	bots = Max(bots, 1);
	*rows = clamp_row_est(bots * Max(days / days_of[relation->unit], 1) * (relation->take > 0 ? KEYS_A_BUCKET : 1));
	*startup = COST_QUERY;
	*total = COST_QUERY + bots * COST_BOT + *rows * COST_BUCKET + *rows * cpu_tuple_cost;
}

static void
get_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	ks_bi_relation *relation = ks_bi_relation_open(relid);
	Cost		startup,
				total;

	rel->fdw_private = relation;
	estimate(root, relation, ks_bi_conditions(root, rel, relation, rel->baserestrictinfo), &rel->rows, &startup, &total);
	rel->tuples = Max(rel->rows, rel->tuples);
}

/* ------------------------------------------------------------------------
 * Paths
 * ------------------------------------------------------------------------
 */

/* Finds the members of equivalence classes that are columns, one after the other. */
typedef struct matched
{
	EquivalenceMember *current;
	List	   *before;
} matched;

/* Whether a member of an equivalence class is a column by which bots or times are found, and has not been visited yet. */
static bool
is_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg)
{
	ks_bi_relation *relation = rel->fdw_private;
	matched    *found = arg;
	int			column = ks_bi_column_of((Node *) em->em_expr, rel->relid);

	if (found->current != NULL)
		return em == found->current;
	if (column <= 0 || column > relation->ncolumns || relation->columns[column - 1].role > KS_BI_TZ || list_member_ptr(found->before, em))
		return false;
	found->current = em;
	return true;
}

/* Clauses of joins that say what is to be read once the other side is known. */
static List *
join_clauses(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *result = NIL;
	matched		found = {0};
	ListCell   *cell;

	foreach(cell, rel->joininfo)
	{
		RestrictInfo *clause = lfirst(cell);

		if (join_clause_is_movable_to(clause, rel) && ks_bi_conditions(root, rel, rel->fdw_private, list_make1(clause)) != NIL)
			result = lappend(result, clause);
	}
	/* the planner asks by index column, and gives the clauses of one */
	while (rel->has_eclass_joins)
	{
		found.current = NULL;
		result = list_concat(result, generate_implied_equalities_for_column(root, rel, is_column, &found, rel->lateral_referencers));
		if (found.current == NULL)
			break;
		found.before = lappend(found.before, found.current);
	}
	return result;
}

/* Whether conditions say which zones are read; OR does if each of its branches does. */
static bool
has_zone(List *conditions)
{
	ListCell   *cell,
			   *branch;

	foreach(cell, conditions)
	{
		ks_bi_condition *c = lfirst(cell);

		if (c->branches == NIL && c->target == KS_BI_ON_TZ)
			return true;
		foreach(branch, c->branches)
		{
			if (!has_zone(lfirst(branch)))
				break;
		}
		if (c->branches != NIL && branch == NULL)
			return true;
	}
	return false;
}

/* Whether an expression is the zone of such a relation, whose zone is the session's unless a condition says otherwise. */
static bool
is_zone_of_ours(PlannerInfo *root, Node *value)
{
	RangeTblEntry *rte;
	ks_bi_relation *other;

	while (IsA(value, RelabelType))
		value = (Node *) ((RelabelType *) value)->arg;
	if (!IsA(value, Var))
		return false;
	rte = planner_rt_fetch(((Var *) value)->varno, root);
	if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_FOREIGN_TABLE || GetFdwRoutineByRelId(rte->relid)->GetForeignRelSize != get_size)
		return false;
	other = ks_bi_relation_open(rte->relid);
	return ((Var *) value)->varattno > 0 && ((Var *) value)->varattno <= other->ncolumns &&
		other->columns[((Var *) value)->varattno - 1].role == KS_BI_TZ;
}

/*
 * The extra cost of a path that reads the session's zone although a join asks
 * for others: its rows would differ from those of a path that is told the
 * zones.
 */
static Cost
zone_penalty(PlannerInfo *root, RelOptInfo *rel, List *joined, List *conditions)
{
	ListCell   *cell;

	if (has_zone(conditions))
		return 0;
	foreach(cell, ks_bi_conditions(root, rel, rel->fdw_private, joined))
	{
		ks_bi_condition *c = lfirst(cell);

		if (has_zone(list_make1(c)) && (c->branches != NIL || !is_zone_of_ours(root, (Node *) c->value)))
			return COST_WRONG_ZONE;
	}
	return 0;
}

static void
add_parameterized(PlannerInfo *root, RelOptInfo *rel, List *joined, Relids outer)
{
	ParamPathInfo *info;
	List	   *conditions;
	double		rows;
	Cost		startup,
				total;

	if (bms_is_empty(outer))
		return;
	info = get_baserel_parampathinfo(root, rel, outer);
	conditions = ks_bi_conditions(root, rel, rel->fdw_private, list_concat_copy(rel->baserestrictinfo, info->ppi_clauses));
	estimate(root, rel->fdw_private, conditions, &rows, &startup, &total);
	total += zone_penalty(root, rel, joined, conditions);
	info->ppi_rows = rows;
	add_path(rel, (Path *) ks_foreign_path(root, rel, rows, startup, total, outer));
}

static void
get_paths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	List	   *conditions = ks_bi_conditions(root, rel, rel->fdw_private, rel->baserestrictinfo);
	List	   *joined = join_clauses(root, rel);
	Relids		every = NULL;
	List	   *outers = NIL;
	ListCell   *cell;
	double		rows;
	Cost		startup,
				total;

	estimate(root, rel->fdw_private, conditions, &rows, &startup, &total);
	total += zone_penalty(root, rel, joined, conditions);
	add_path(rel, (Path *) ks_foreign_path(root, rel, rel->rows, startup, total, rel->lateral_relids));
	foreach(cell, joined)
	{
		RestrictInfo *clause = lfirst(cell);
		Relids		outer = bms_union(clause->clause_relids, rel->lateral_relids);
		ListCell   *other;
		bool		known = false;

		outer = bms_del_member(outer, rel->relid);
		foreach(other, outers)
			known |= bms_equal(lfirst(other), outer);
		if (known || bms_is_empty(outer))
			continue;
		outers = lappend(outers, outer);
		every = bms_union(every, outer);
		add_parameterized(root, rel, joined, outer);
	}
	if (list_length(outers) > 1)
		add_parameterized(root, rel, joined, every);
}

static ForeignScan *
get_plan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path, List *tlist, List *clauses, Plan *outer_plan)
{
	ks_bi_relation *relation = rel->fdw_private;
	List	   *checks = extract_actual_clauses(clauses, false);
	Bitmapset  *used = NULL;
	List	   *columns = NIL;
	List	   *values = NIL;
	List	   *packed = ks_bi_conditions_pack(ks_bi_conditions(root, rel, relation, clauses), &values);
	bool		whole;
	int			i;

	/* not from tlist, which may name all columns where any would do */
	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &used);
	pull_varattnos((Node *) checks, rel->relid, &used);
	whole = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (i = 1; i <= relation->ncolumns; i++)
	{
		if (whole || bms_is_member(i - FirstLowInvalidHeapAttributeNumber, used))
			columns = lappend_int(columns, i);
	}
	return make_foreignscan(tlist, checks, rel->relid, values, list_make2(packed, columns), NIL, NIL, outer_plan);
}

/* ------------------------------------------------------------------------
 * EXPLAIN
 * ------------------------------------------------------------------------
 */

static const char *const strategy_names[] = {"", "<", "<=", "=", ">=", ">"};

/* A value as far as it is known now. */
static char *
value_text(Node *value)
{
	Oid			output;
	bool		varlena;

	if (IsA(value, Param))
		return psprintf("$%d", ((Param *) value)->paramid);
	if (!IsA(value, Const))
		return pstrdup("(...)");
	if (((Const *) value)->constisnull)
		return pstrdup("NULL");
	getTypeOutputInfo(((Const *) value)->consttype, &output, &varlena);
	return OidOutputFunctionCall(output, ((Const *) value)->constvalue);
}

static char *
conditions_text(const ks_bi_relation *relation, List *conditions, ks_bi_target least, ks_bi_target most, const char *none)
{
	StringInfoData result;
	ListCell   *cell,
			   *branch;

	initStringInfo(&result);
	foreach(cell, conditions)
	{
		ks_bi_condition *c = lfirst(cell);
		StringInfoData either;

		initStringInfo(&either);
		foreach(branch, c->branches)
		{
			char	   *text = conditions_text(relation, lfirst(branch), least, most, "");

			/* if one branch restricts nothing, neither does the whole */
			if (text[0] == '\0')
				break;
			appendStringInfo(&either, "%s%s", either.len > 0 ? " or " : "(", text);
		}
		if (c->branches != NIL ? branch != NULL : c->target < least || c->target > most)
			continue;
		if (c->branches == NIL)
			appendStringInfo(&either, "%s%s%s%s %s %s", c->lower ? "lower(" : c->exact ? "" : "near ", get_attname(relation->relid, c->column, false),
							 c->lower ? ")" : "", c->any ? " any" : "", strategy_names[c->strategy], value_text((Node *) c->value));
		else
			appendStringInfoChar(&either, ')');
		appendStringInfo(&result, "%s%s", result.len > 0 ? ", " : "", either.data);
	}
	return result.len > 0 ? result.data : pstrdup(none);
}

static char *
parts_text(const ks_bi_plan *plan)
{
	static const char *const suffixes[] = {"", " (first seen)", " (extent)"};
	StringInfoData result;
	int			i;

	initStringInfo(&result);
	for (i = 0; i < plan->nparts; i++)
		appendStringInfo(&result, "%s%s%s%s", i > 0 ? ", " : "", plan->parts[i].measure, suffixes[plan->parts[i].kind],
						 plan->parts[i].distinct ? " (members)" : "");
	return result.data;
}

static void
explain(ForeignScanState *node, ExplainState *es)
{
	ks_bi_relation *relation = ks_bi_relation_open(RelationGetRelid(node->ss.ss_currentRelation));
	ks_bi_plan *plan = ks_bi_plan_unpack(relation, (ForeignScan *) node->ss.ps.plan);

	ExplainPropertyText("Bots", conditions_text(relation, plan->conditions, KS_BI_ON_BOT, KS_BI_ON_NAME, "all visible"), es);
	ExplainPropertyText("Range", conditions_text(relation, plan->conditions, KS_BI_ON_READING, KS_BI_ON_INSTANT, "first to last event"), es);
	ExplainPropertyText("Measures", parts_text(plan), es);
	ExplainPropertyText("Zone", conditions_text(relation, plan->conditions, KS_BI_ON_TZ, KS_BI_ON_TZ, "the session's"), es);
}

/* bi_handler() */
Datum
ks_bi_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = get_size;
	routine->GetForeignPaths = get_paths;
	routine->GetForeignPlan = get_plan;
	routine->BeginForeignScan = ks_bi_begin;
	routine->IterateForeignScan = ks_bi_iterate;
	routine->ReScanForeignScan = ks_bi_rescan;
	routine->EndForeignScan = ks_bi_end;
	routine->ExplainForeignScan = explain;
	PG_RETURN_POINTER(routine);
}
