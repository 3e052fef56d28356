/*
 * Arguments that the typed functions and the dialects have in common.
 */
#include "stats/stats.h"

#include "base/array.h"
#include "base/compat.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Five times the longest allowed list: what is longer than that list has a message of its own. */
#define TEXT_MAX 10000000

/* The bot a question is about. */
int64
ks_required_bot(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"bot\" is missing"),
				 errhint("Pass the bot's id.")));
	return PG_GETARG_INT64(argument);
}

/* One end of the range. */
const ks_moment *
ks_required_moment(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is missing", name),
				 errhint("Pass \"from\" and \"to\" as dates (YYYY-MM-DD) or timestamps; \"to\" is exclusive.")));
	return PG_GETARG_MOMENT(argument);
}

/* What is far too long is not even detoasted. */
char *
ks_optional_text(FunctionCallInfo fcinfo, int argument)
{
	if (!PG_ARGISNULL(argument) && toast_raw_datum_size(PG_GETARG_DATUM(argument)) > TEXT_MAX + VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument %d is longer than %d bytes", argument + 1, TEXT_MAX)));
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* Zero where there is nothing to be a part of. */
double
ks_ratio(int64 part, int64 whole)
{
	return whole == 0 ? 0.0 : (double) part / (double) whole;
}

/* Adds a row to the result set of a materializing function. */
void
ks_put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The arguments that every question begins with: bot, from, to, tz. */
void
ks_common_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->bot_id = ks_required_bot(fcinfo, 0);
	arguments->from = ks_required_moment(fcinfo, 1, "from");
	arguments->to = ks_required_moment(fcinfo, 2, "to");
	arguments->zone = ks_optional_text(fcinfo, 3);
}

const char *
ks_measure_argument(FunctionCallInfo fcinfo, int argument, const char *otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : ks_optional_text(fcinfo, argument);
}

/* sources and language_codes, which follow each other */
void
ks_dimension_arguments(FunctionCallInfo fcinfo, int first, ks_arguments *arguments)
{
	static const char *const names[KS_DIMENSIONS] = {"sources", "language_codes"};
	ks_list		list;
	int			i;

	for (i = 0; i < KS_DIMENSIONS; i++)
	{
		if (PG_ARGISNULL(first + i))
			continue;
		ks_list_from_array(&list, PG_GETARG_ARRAYTYPE_P(first + i), names[i]);
		ks_filters_list(&arguments->filters, i, &list, names[i]);
	}
}

void
ks_key_argument(FunctionCallInfo fcinfo, int argument, ks_arguments *arguments)
{
	if (!PG_ARGISNULL(argument))
		ks_filters_key(&arguments->filters, PG_GETARG_ARRAYTYPE_P(argument));
}

/* stats_series and stats_total: bot, from, to, tz, granularity, measure, sources, language_codes, key, locale */
void
ks_series_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	ks_common_arguments(fcinfo, arguments);
	arguments->granularity = ks_optional_text(fcinfo, 4);
	arguments->measure = ks_measure_argument(fcinfo, 5, "messages");
	ks_dimension_arguments(fcinfo, 6, arguments);
	ks_key_argument(fcinfo, 8, arguments);
	arguments->locale = ks_optional_text(fcinfo, 9);
	arguments->distinct = true;
}

/* bigint[] of bot_id[], which has the same bytes */
static ArrayType *
numbers_of_bots(ArrayType *array)
{
	int			count;
	const int64 *bots = ks_array_numbers(array, ARR_ELEMTYPE(array), "bots", INT_MAX, &count);
	Datum	   *items = palloc((count + 1) * sizeof(Datum));
	int			i;

	for (i = 0; i < count; i++)
		items[i] = Int64GetDatum(bots[i]);
	return construct_array(items, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* from, to, tz, granularity, measure, bots, sources, language_codes, key, locale */
void
ks_across_bots_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->across_bots = true;
	arguments->from = ks_required_moment(fcinfo, 0, "from");
	arguments->to = ks_required_moment(fcinfo, 1, "to");
	arguments->zone = ks_optional_text(fcinfo, 2);
	arguments->granularity = ks_optional_text(fcinfo, 3);
	arguments->measure = ks_measure_argument(fcinfo, 4, "messages");
	if (!PG_ARGISNULL(5))
		arguments->bots = numbers_of_bots(PG_GETARG_ARRAYTYPE_P(5));
	ks_dimension_arguments(fcinfo, 6, arguments);
	ks_key_argument(fcinfo, 8, arguments);
	arguments->locale = ks_optional_text(fcinfo, 9);
	arguments->distinct = true;
}
