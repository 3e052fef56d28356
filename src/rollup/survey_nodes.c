/*
 * Surveys where the rollup is distributed: one query that each node answers for
 * its bots, grouped by the bot, so that every aggregate is whole where the rows are
 * and only answers travel.
 *
 * A list of bots that each row is looked up for, measure by measure, as survey.c has
 * it, is none that could be handed to a node.
 */
#include "rollup/survey.h"

#include "base/compat.h"
#include "base/sort.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* bot_text() */
extern Datum ks_bot_text_sql(PG_FUNCTION_ARGS);

/* A bot, and where it is in the caller's list. */
typedef struct bot_place
{
	int64		bot;
	int			place;
} bot_place;

static int
compare_places(const void *a, const void *b)
{
	const bot_place *x = a;
	const bot_place *y = b;

	return x->bot != y->bot ? (x->bot < y->bot ? -1 : 1) : x->place - y->place;
}

static bot_place *
sorted_places(const int64 *bots, int nbots)
{
	bot_place  *result = palloc((nbots + 1) * sizeof(bot_place));
	int			i;

	for (i = 0; i < nbots; i++)
	{
		result[i].bot = bots[i];
		result[i].place = i;
	}
	ks_sort(result, nbots, sizeof(bot_place), compare_places, CurrentMemoryContext);
	return result;
}

/* The first of the places that a bot has, which follow each other, or nbots. */
static int
find_places(const bot_place *places, int nbots, int64 bot)
{
	int			low = 0;
	int			high = nbots;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (places[middle].bot < bot)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ------------------------------------------------------------------------
 * The query
 * ------------------------------------------------------------------------
 */

/* Whether a part reads months before those that are asked for, or behind them. */
static bool
reads_past(const ks_survey *survey, const ks_survey_part *part)
{
	return survey->take == 0 && part->kind != KS_SURVEY_COUNTS;
}

static bool
reads_future(const ks_survey *survey, const ks_survey_part *part)
{
	return survey->take == 0 && part->kind == KS_SURVEY_EXTENT;
}

static void
write_months(StringInfo query, bool past, bool future)
{
	if (!past)
		appendStringInfoString(query, " AND (r.month OPERATOR(pg_catalog.>=) $2 OR r.month OPERATOR(pg_catalog.=) '-infinity')");
	if (!future)
		appendStringInfoString(query, " AND r.month OPERATOR(pg_catalog.<=) $3");
}

static void
write_part(StringInfo query, const ks_survey *survey, const ks_survey_part *part)
{
	appendStringInfoString(query, ", ");
	ks_survey_write_aggregate(query, survey, part);
	appendStringInfo(query, " FILTER (WHERE r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', %s])", quote_literal_cstr(part->measure));
	write_months(query, reads_past(survey, part), reads_future(survey, part));
	appendStringInfoChar(query, ')');
}

static void
write_measures(StringInfo query, const ks_survey *survey)
{
	int			i;

	appendStringInfoString(query, "ARRAY[''");
	for (i = 0; i < survey->nparts; i++)
		appendStringInfo(query, ", %s", quote_literal_cstr(survey->parts[i].measure));
	appendStringInfoChar(query, ']');
}

static char *
write_query(const ks_survey *survey)
{
	StringInfoData query;
	bool		past = false;
	bool		future = false;
	int			i;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT r.bot_id");
	for (i = 0; i < survey->nparts; i++)
	{
		write_part(&query, survey, &survey->parts[i]);
		past |= reads_past(survey, &survey->parts[i]);
		future |= reads_future(survey, &survey->parts[i]);
	}
	appendStringInfoString(&query, " FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) ANY ($1) AND r.measure OPERATOR(pg_catalog.=) ANY (");
	write_measures(&query, survey);
	appendStringInfoString(&query, ") AND r.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL);
	write_months(&query, past, future);
	appendStringInfoString(&query, " GROUP BY r.bot_id");
	return query.data;
}

/* ------------------------------------------------------------------------
 * What each node need not say
 * ------------------------------------------------------------------------
 */

/* A measure that is still being counted would have too little. */
static void
check_complete(const ks_survey *survey, Datum *values, const char *nulls)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT pg_catalog.min(m.name) FROM kindly_stats.measure AS m WHERE NOT m.counted AND m.name OPERATOR(pg_catalog.=) ANY (");
	write_measures(&query, survey);
	appendStringInfoString(&query, ")");
	ks_survey_execute(ks_survey_plan(query.data), values, nulls);
	ks_survey_check_complete(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
}

/* The ids that users have for the bots, and their names. */
static void
name_bots(Datum bots, const bot_place *places, int nbots, ks_surveyed *result, MemoryContext memory)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8ARRAYOID};
	MemoryContext old;
	uint64		i;
	int			p;

	ks_prepared(&plan, "SELECT n.bot_id, n.id, n.name FROM kindly_stats.bot_name AS n WHERE n.bot_id OPERATOR(pg_catalog.=) ANY ($1)", 1, types);
	ks_survey_execute(plan, &bots, NULL);
	old = MemoryContextSwitchTo(memory);
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int64		bot = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		CHECK_FOR_INTERRUPTS();
		for (p = find_places(places, nbots, bot); p < nbots && places[p].bot == bot; p++)
		{
			result[places[p].place].id = ks_bot_canonical(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2));
			result[places[p].place].name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3);
		}
	}
	for (p = 0; p < nbots; p++)
	{
		char	  **id = &result[places[p].place].id;

		if (*id == NULL)
			*id = TextDatumGetCString(DirectFunctionCall1(ks_bot_text_sql, Int64GetDatum(places[p].bot)));
	}
	MemoryContextSwitchTo(old);
}

/*
 * Reads all parts of these bots, whose arguments are those of survey.c; those of
 * whom there is no row keep what they have.  Gives back whether there is a count
 * below nothing.
 */
bool
ks_survey_nodes(const ks_survey *survey, Datum *values, const char *nulls, const int64 *bots, int nbots, ks_surveyed *result, MemoryContext memory)
{
	bot_place  *places = sorted_places(bots, nbots);
	bool		negative = false;
	uint64		i;

	check_complete(survey, values, nulls);
	ks_survey_execute(ks_survey_plan(write_query(survey)), values, nulls);
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		int64		bot = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		int			p;

		CHECK_FOR_INTERRUPTS();
		for (p = find_places(places, nbots, bot); p < nbots && places[p].bot == bot; p++)
			negative |= ks_survey_take(row, SPI_tuptable->tupdesc, 2, survey, &result[places[p].place], memory);
	}
	if (survey->names)
		name_bots(values[0], places, nbots, result, memory);
	return negative;
}
