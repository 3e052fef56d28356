/*
 * Which conditions say what has to be read, found while the query is planned.
 *
 * A condition compares a column, or something near it (a cast, date_trunc, the
 * time in some zone, a sum with an interval), with a value that is known before
 * the scan: a constant, now(), a parameter, a column of a table that was read
 * before.  Conditions with OR between them leave what either leaves.
 */
#include "bi/bi.h"

#include "base/compat.h"

#include <math.h>

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* A column, or an expression near it. */
typedef struct near_column
{
	AttrNumber	column;
	bool		exact;
	int			before;			/* by how many days the column may be before the expression */
	int			after;
} near_column;

/* How far the last instant of a year is from its first day, more rather than less. */
#define DAYS_OF_YEAR	367

/* How far apart two clocks may be, zones written as in POSIX among them. */
#define DAYS_OF_CLOCKS	9

/* More days than any two times are apart. */
#define TOO_FAR	3660000

/* Casts between dates, timestamps and instants: results are less than two days apart, or less than eight with zones written as in POSIX. */
static bool
is_near(Oid function)
{
	return function == F_TIMESTAMPTZ_DATE || function == F_DATE_TIMESTAMPTZ || function == F_TIMESTAMP_DATE ||
		function == F_DATE_TIMESTAMP || function == F_TIMESTAMP_TIMESTAMPTZ || function == F_TIMESTAMPTZ_TIMESTAMP ||
		function == F_TIMESTAMP_TIMESTAMP_INT4 || function == F_TIMESTAMPTZ_TIMESTAMPTZ_INT4;
}

static bool
is_zone(Oid function)
{
	return function == F_TIMEZONE_TEXT_TIMESTAMP || function == F_TIMEZONE_TEXT_TIMESTAMPTZ;
}

static bool
is_truncation(Oid function)
{
	return function == F_DATE_TRUNC_TEXT_TIMESTAMP || function == F_DATE_TRUNC_TEXT_TIMESTAMPTZ ||
		function == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT;
}

/* How many days date_trunc may go back, more rather than less; -1 where that is not known. */
static int
days_of_unit(Node *unit)
{
	static const struct
	{
		const char *name;
		int			days;
	}			units[] = {{"second", 1}, {"minute", 1}, {"hour", 1}, {"day", 2}, {"week", 8}, {"month", 32}, {"quarter", 93}, {"year", DAYS_OF_YEAR}};
	char	   *name;
	int			i;

	if (!IsA(unit, Const) || ((Const *) unit)->constisnull)
		return -1;
	name = TextDatumGetCString(((Const *) unit)->constvalue);
	for (i = 0; i < lengthof(units); i++)
	{
		if (pg_strcasecmp(name, units[i].name) == 0)
			return units[i].days;
	}
	return -1;
}

static bool
find_column(Node *node, Index relid, near_column *found);

/* At least and at most how many days an interval, or a number of days, adds; false where that is not known, or too far. */
static bool
days_of_span(Node *span, int *least, int *most)
{
	Interval   *interval;
	double		rest;
	double		months;

	if (!IsA(span, Const) || ((Const *) span)->constisnull)
		return false;
	if (((Const *) span)->consttype == INT4OID)
	{
		*least = *most = DatumGetInt32(((Const *) span)->constvalue);
		return abs(*least) < TOO_FAR;
	}
	if (((Const *) span)->consttype != INTERVALOID)
		return false;
	interval = DatumGetIntervalP(((Const *) span)->constvalue);
	rest = interval->day + (double) interval->time / USECS_PER_DAY;
	months = interval->month;
	if (fabs(rest) + fabs(months) * 31 >= TOO_FAR)
		return false;
	*least = (int) floor(rest + Min(months * 28, months * 31)) - 1;
	*most = (int) ceil(rest + Max(months * 28, months * 31)) + 1;
	return true;
}

/* A column plus or minus something. */
static bool
find_sum(Node *node, Index relid, near_column *found)
{
	Oid			function;
	Node	   *inner;
	Node	   *span;
	int			least,
				most;
	int			sign = 1;

	if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2)
	{
		function = get_opcode(((OpExpr *) node)->opno);
		inner = linitial(((OpExpr *) node)->args);
		span = lsecond(((OpExpr *) node)->args);
	}
	else
		return false;
	switch (function)
	{
		case F_DATE_PLI:
		case F_DATE_PL_INTERVAL:
		case F_TIMESTAMP_PL_INTERVAL:
		case F_TIMESTAMPTZ_PL_INTERVAL:
			break;
		case F_DATE_MII:
		case F_DATE_MI_INTERVAL:
		case F_TIMESTAMP_MI_INTERVAL:
		case F_TIMESTAMPTZ_MI_INTERVAL:
			sign = -1;
			break;
		default:
			return false;
	}
	if (!days_of_span(span, &least, &most) || !find_column(inner, relid, found))
		return false;
	found->before += sign > 0 ? most : -least;
	found->after -= sign > 0 ? least : -most;
	found->exact = false;
	return abs(found->before) < TOO_FAR && abs(found->after) < TOO_FAR;
}

static bool
find_column(Node *node, Index relid, near_column *found)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node != NULL && IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		found->column = var->varattno;
		found->exact = true;
		found->before = found->after = 0;
		return var->varno == relid && var->varlevelsup == 0 && var->varattno > 0;
	}
	if (node != NULL && IsA(node, FuncExpr))
	{
		FuncExpr   *call = (FuncExpr *) node;
		bool		truncated = is_truncation(call->funcid);
		int			days = truncated ? days_of_unit(linitial(call->args)) : 0;
		Node	   *inner = truncated || is_zone(call->funcid) ? lsecond(call->args) : list_length(call->args) > 0 ? linitial(call->args) : NULL;

		if (days < 0 || !(truncated || is_zone(call->funcid) || is_near(call->funcid)) || !find_column(inner, relid, found))
			return false;
		/* one change of clocks is allowed for with the value; each further one may move it again */
		if (!found->exact && is_zone(call->funcid))
		{
			found->before += DAYS_OF_CLOCKS;
			found->after += DAYS_OF_CLOCKS;
		}
		found->exact = false;
		found->after += days;
		return true;
	}
	return node != NULL && find_sum(node, relid, found);
}

/*
 * What lower() is applied to, else NULL.  Names are compared in the collation of
 * their column, so that it has to be that one here, too.
 */
static Node *
lowered(Node *node)
{
	FuncExpr   *call = (FuncExpr *) node;

	if (node != NULL && IsA(node, FuncExpr) && call->funcid == F_LOWER_TEXT && call->inputcollid == DEFAULT_COLLATION_OID)
		return linitial(call->args);
	return NULL;
}

/* The column that an expression is, as it is; 0 for others. */
int
ks_bi_column_of(Node *node, Index relid)
{
	near_column found;

	return find_column(node, relid, &found) && found.exact ? found.column : 0;
}

static bool
is_time(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* The btree strategy of an operator on texts or times; 0 for any other operator. */
static int
strategy_of(Oid operator, bool is_text)
{
	ListCell   *cell;

	foreach(cell, ks_op_meanings(operator))
	{
		ks_op_meaning *meaning = lfirst(cell);
		int			strategy = ks_op_strategy(meaning);

		if (strategy >= BTLessStrategyNumber && strategy <= BTGreaterStrategyNumber &&
			(is_text ? meaning->oplefttype == TEXTOID && meaning->oprighttype == TEXTOID
			 : is_time(meaning->oplefttype) && is_time(meaning->oprighttype)))
			return strategy;
	}
	return 0;
}

static bool
target_of(ks_bi_role role, ks_bi_target *target)
{
	switch (role)
	{
		case KS_BI_BOT:
			*target = KS_BI_ON_BOT;
			return true;
		case KS_BI_BOT_NAME:
			*target = KS_BI_ON_NAME;
			return true;
		case KS_BI_TZ:
			*target = KS_BI_ON_TZ;
			return true;
		case KS_BI_DATE:
		case KS_BI_HOUR:
			*target = KS_BI_ON_READING;
			return true;
		case KS_BI_STARTS_AT:
			*target = KS_BI_ON_INSTANT;
			return true;
		default:
			return false;
	}
}

/* Whether a value is known before the scan, and stays the same as long as it lasts. */
static bool
is_known(PlannerInfo *root, RelOptInfo *rel, Node *value)
{
	return !bms_is_member(rel->relid, pull_varnos(root, value)) && !contain_volatile_functions(value) && !contain_subplans(value);
}

static ks_bi_condition *
condition_of(PlannerInfo *root, RelOptInfo *rel, const ks_bi_relation *relation, Node *clause)
{
	Node	   *left,
			   *right;
	Oid			operator;
	Oid			collation;
	bool		any = false;
	Node	   *year;
	near_column found;
	ks_bi_condition result = {0};
	ks_bi_condition *copy;

	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		left = linitial(((OpExpr *) clause)->args);
		right = lsecond(((OpExpr *) clause)->args);
		operator = ((OpExpr *) clause)->opno;
		collation = ((OpExpr *) clause)->inputcollid;
		if (!find_column(left, rel->relid, &found) && ks_bi_year_of(left) == NULL && lowered(left) == NULL)
		{
			Node	   *other = left;

			left = right;
			right = other;
			operator = get_commutator(operator);
		}
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		left = linitial(((ScalarArrayOpExpr *) clause)->args);
		right = lsecond(((ScalarArrayOpExpr *) clause)->args);
		operator = ((ScalarArrayOpExpr *) clause)->opno;
		collation = ((ScalarArrayOpExpr *) clause)->inputcollid;
		any = true;
	}
	else
		return NULL;
	year = ks_bi_year_of(left);
	result.lower = lowered(left) != NULL;
	if (result.lower)
		left = lowered(left);
	if (year != NULL)
	{
		left = year;
		right = ks_bi_year_days(right);
	}
	if (!OidIsValid(operator) || right == NULL || !find_column(left, rel->relid, &found) || found.column > relation->ncolumns ||
		!target_of(relation->columns[found.column - 1].role, &result.target) || !is_known(root, rel, right))
		return NULL;
	result.strategy = year != NULL ? ks_bi_year_strategy(operator) : strategy_of(operator, result.target <= KS_BI_ON_TZ);
	if (result.strategy == 0 || ((any || result.target <= KS_BI_ON_TZ) && result.strategy != BTEqualStrategyNumber))
		return NULL;
	if ((year != NULL && result.target <= KS_BI_ON_TZ) || (result.lower && result.target != KS_BI_ON_NAME))
		return NULL;
	/* texts may be equal without being the same only in such collations */
	if (result.target <= KS_BI_ON_TZ && (!found.exact || (OidIsValid(collation) && !get_collation_isdeterministic(collation))))
		return NULL;
	result.column = found.column;
	result.any = any;
	result.exact = found.exact && year == NULL;
	result.before = found.before;
	result.after = found.after + (year != NULL ? DAYS_OF_YEAR : 0);
	result.value = (Expr *) right;
	copy = palloc(sizeof(ks_bi_condition));
	*copy = result;
	return copy;
}

/* OR restricts something only if each of its branches does. */
static ks_bi_condition *
condition_of_or(PlannerInfo *root, RelOptInfo *rel, const ks_bi_relation *relation, List *clauses)
{
	ks_bi_condition *result = palloc0(sizeof(ks_bi_condition));
	ListCell   *cell;

	foreach(cell, clauses)
	{
		List	   *branch = ks_bi_conditions(root, rel, relation, list_make1(lfirst(cell)));

		if (branch == NIL)
			return NULL;
		result->branches = lappend(result->branches, branch);
	}
	return result;
}

/* The conditions in a list of clauses, all of which must hold. */
List *
ks_bi_conditions(PlannerInfo *root, RelOptInfo *rel, const ks_bi_relation *relation, List *clauses)
{
	List	   *result = NIL;
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, clauses)
	{
		Node	   *clause = lfirst(cell);
		ks_bi_condition *condition;

		if (IsA(clause, RestrictInfo))
		{
			if (((RestrictInfo *) clause)->pseudoconstant)
				continue;
			clause = (Node *) ((RestrictInfo *) clause)->clause;
		}
		while (IsA(clause, BooleanTest) && ((BooleanTest *) clause)->booltesttype == IS_TRUE)
			clause = (Node *) ((BooleanTest *) clause)->arg;
		if (is_andclause(clause))
		{
			result = list_concat(result, ks_bi_conditions(root, rel, relation, ((BoolExpr *) clause)->args));
			continue;
		}
		condition = is_orclause(clause) ? condition_of_or(root, rel, relation, ((BoolExpr *) clause)->args)
			: condition_of(root, rel, relation, clause);
		if (condition != NULL)
			result = lappend(result, condition);
	}
	return result;
}

/* ------------------------------------------------------------------------
 * How a plan carries them: as numbers, with the values' expressions beside
 * ------------------------------------------------------------------------
 */

static List *
pack_condition(const ks_bi_condition *c, List **values)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, c->branches)
		result = lappend(result, ks_bi_conditions_pack(lfirst(cell), values));
	if (result != NIL)
		return result;
	*values = lappend(*values, c->value);
	return list_make5(makeInteger(c->target), makeInteger(c->column), makeInteger((c->any ? 1 : 0) | (c->exact ? 2 : 0) | (c->lower ? 4 : 0) | c->strategy << 3),
					  makeInteger(c->before), makeInteger(c->after));
}

/* Appends to values. */
List *
ks_bi_conditions_pack(List *conditions, List **values)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, conditions)
		result = lappend(result, pack_condition(lfirst(cell), values));
	return result;
}

static ks_bi_condition *
unpack_condition(List *packed, List *values, int *next)
{
	ks_bi_condition *c = palloc0(sizeof(ks_bi_condition));
	ListCell   *cell;

	if (IsA(linitial(packed), List))
	{
		foreach(cell, packed)
			c->branches = lappend(c->branches, ks_bi_conditions_unpack(lfirst(cell), values, next));
		return c;
	}
	c->target = (ks_bi_target) intVal(linitial(packed));
	c->column = (AttrNumber) intVal(lsecond(packed));
	c->any = (intVal(lthird(packed)) & 1) != 0;
	c->exact = (intVal(lthird(packed)) & 2) != 0;
	c->lower = (intVal(lthird(packed)) & 4) != 0;
	c->strategy = intVal(lthird(packed)) >> 3;
	c->before = intVal(lfourth(packed));
	c->after = intVal(list_nth(packed, 4));
	c->number = (*next)++;
	c->value = list_nth(values, c->number);
	return c;
}

/* next: the number of the first value that belongs to these conditions. */
List *
ks_bi_conditions_unpack(List *packed, List *values, int *next)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, packed)
		result = lappend(result, unpack_condition(lfirst(cell), values, next));
	return result;
}
