/*
 * Arguments that the typed functions and the dialects have in common.
 */
#include "stats/stats.h"

#include "compat.h"

#include "access/detoast.h"
#include "utils/builtins.h"

/* Five times the longest list, which has a message of its own. */
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

/* What is far too long is not even fetched. */
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
