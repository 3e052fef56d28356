/*
 * Years that are asked for by number, such as EXTRACT(YEAR FROM date) = 2024:
 * the same as date_trunc('year', date) = '2024-01-01', which the rest of the
 * room knows.  Filters by year in BI tools are written so.
 */
#include "bi/bi.h"

#include "base/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#define FIRST_YEAR	1
#define LAST_YEAR	9999

static bool
is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == FLOAT8OID || type == NUMERICOID;
}

/* Whether numeric(p, s) keeps all digits before the point; a negative scale rounds some away. */
static bool
is_whole(Node *typmod)
{
	return IsA(typmod, Const) && !((Const *) typmod)->constisnull && ((DatumGetInt32(((Const *) typmod)->constvalue) - VARHDRSZ) & 0x400) == 0;
}

/* Casts between numbers, which do not change a year. */
static bool
is_cast(const FuncExpr *call)
{
	Oid			function = call->funcid;

	if (function == F_NUMERIC_NUMERIC_INT4)
		return is_whole(lsecond(call->args));
	return function == F_INT2_NUMERIC || function == F_INT4_NUMERIC || function == F_INT8_NUMERIC || function == F_FLOAT8_NUMERIC ||
		function == F_INT2_FLOAT8 || function == F_INT4_FLOAT8 || function == F_INT8_FLOAT8 ||
		function == F_NUMERIC_FLOAT8 || function == F_INT8_INT4 || function == F_NUMERIC_INT4 || function == F_FLOAT8_INT4 ||
		function == F_INT4_INT2 || function == F_INT8_INT2 || function == F_NUMERIC_INT8 || function == F_FLOAT8_INT8;
}

static bool
is_extract(Oid function)
{
	return function == F_EXTRACT_TEXT_DATE || function == F_EXTRACT_TEXT_TIMESTAMP || function == F_EXTRACT_TEXT_TIMESTAMPTZ ||
		function == F_DATE_PART_TEXT_TIMESTAMP || function == F_DATE_PART_TEXT_TIMESTAMPTZ;
}

/* The time whose year an expression is; NULL for any other. */
Node *
ks_bi_year_of(Node *node)
{
	while (node != NULL && IsA(node, FuncExpr) && is_cast((FuncExpr *) node))
		node = linitial(((FuncExpr *) node)->args);
	if (node != NULL && IsA(node, FuncExpr) && is_extract(((FuncExpr *) node)->funcid))
	{
		Node	   *part = linitial(((FuncExpr *) node)->args);

		if (IsA(part, Const) && !((Const *) part)->constisnull &&
			pg_strcasecmp(TextDatumGetCString(((Const *) part)->constvalue), "year") == 0)
			return lsecond(((FuncExpr *) node)->args);
	}
	return NULL;
}

/* The btree strategy of an operator on numbers; 0 for any other operator. */
int
ks_bi_year_strategy(Oid operator)
{
	ListCell   *cell;

	foreach(cell, ks_op_meanings(operator))
	{
		ks_op_meaning *meaning = lfirst(cell);
		int			strategy = ks_op_strategy(meaning);

		if (strategy >= BTLessStrategyNumber && strategy <= BTGreaterStrategyNumber && is_number(meaning->oplefttype) && is_number(meaning->oprighttype))
			return strategy;
	}
	return 0;
}

/* The first day of a year. */
static bool
first_day(Oid type, Datum value, Datum *day)
{
	double		year;

	switch (type)
	{
		case INT2OID:
			year = DatumGetInt16(value);
			break;
		case INT4OID:
			year = DatumGetInt32(value);
			break;
		case INT8OID:
			year = (double) DatumGetInt64(value);
			break;
		case FLOAT8OID:
			year = DatumGetFloat8(value);
			break;
		case NUMERICOID:
			year = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
			break;
		default:
			return false;
	}
	if (!(year >= FIRST_YEAR && year <= LAST_YEAR && floor(year) == year))
		return false;
	*day = DateADTGetDatum(date2j((int) year, 1, 1) - POSTGRES_EPOCH_JDATE);
	return true;
}

/* Turns a year into its first day, and an array of years into an array; NULL for what is not known now or is no year. */
Node *
ks_bi_year_days(Node *years)
{
	Const	   *value = (Const *) years;
	Oid			element;
	Datum	   *items;
	bool	   *nulls;
	int			count;
	int			kept = 0;
	int			i;
	int16		length;
	bool		by_value;
	char		align;
	Datum		day;

	if (!IsA(years, Const) || value->constisnull)
		return NULL;
	element = get_element_type(value->consttype);
	if (!OidIsValid(element))
		return first_day(value->consttype, value->constvalue, &day) ? (Node *) makeConst(DATEOID, -1, InvalidOid, sizeof(DateADT), day, false, true) : NULL;
	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(value->constvalue), element, length, by_value, align, &items, &nulls, &count);
	for (i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		if (!first_day(element, items[i], &items[kept]))
			return NULL;
		kept++;
	}
	return (Node *) makeConst(DATEARRAYOID, -1, InvalidOid, -1,
							  PointerGetDatum(construct_array(items, kept, DATEOID, sizeof(DateADT), true, TYPALIGN_INT)), false, false);
}
