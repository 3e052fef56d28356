/*
 * What queries of surveys have in common, on one server or on several nodes: plans
 * that are kept, and answers that are taken out of their rows.
 */
#include "rollup/survey.h"

#include "base/compat.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Queries differ by what they read; so many are remembered. */
#define PLANS_MAX 32

typedef struct remembered_plan
{
	char	   *query;
	SPIPlanPtr	plan;
} remembered_plan;

/* The plan of a query, which is remembered; the caller is connected to SPI. */
SPIPlanPtr
ks_survey_plan(const char *query)
{
	static remembered_plan plans[PLANS_MAX];
	static int	next = 0;
	Oid			types[KS_SURVEY_ARGUMENTS] = {INT8ARRAYOID, DATEOID, DATEOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID};
	remembered_plan *entry;
	int			i;

	for (i = 0; i < PLANS_MAX; i++)
	{
		if (plans[i].query != NULL && strcmp(plans[i].query, query) == 0)
			return plans[i].plan;
	}
	entry = &plans[next];
	if (entry->query != NULL)
	{
		SPIPlanPtr	old = entry->plan;

		pfree(entry->query);
		entry->query = NULL;
		entry->plan = NULL;
		SPI_freeplan(old);
	}
	ks_prepared(&entry->plan, query, KS_SURVEY_ARGUMENTS, types);
	entry->query = MemoryContextStrdup(TopMemoryContext, query);
	next = (next + 1) % PLANS_MAX;
	return entry->plan;
}

void
ks_survey_execute(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	/* what the caller's query sees: no newer snapshot is taken */
	if (SPI_execute_plan(plan, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
}

/*
 * Writes the aggregate that answers a part, over rows r.  What it is asked stands in subqueries, which are evaluated once and
 * not for each row.
 */
void
ks_survey_write_aggregate(StringInfo query, const ks_survey *survey, const ks_survey_part *part)
{
	const char *edges = "$4, $5";
	bool		first_seen = survey->take == 0 && part->kind == KS_SURVEY_FIRST_SEEN;
	bool		extent = survey->take == 0 && part->kind == KS_SURVEY_EXTENT;

	if (extent)
		edges = "$6, NULL";
	else if (first_seen)
		edges = "$7, NULL";
	appendStringInfo(query, "kindly_stats.%s(r.measure, r.tally, (SELECT ROW(%s, %s, %s, NULL)::kindly_stats.tally_query), ",
					 survey->take > 0 ? "top_agg" : "series_agg", quote_literal_cstr(part->measure), edges,
					 first_seen || (part->distinct && !extent) ? "true" : "false");
	if (survey->take > 0)
		appendStringInfo(query, "(SELECT ROW(%d, %d, %d, false, true)::kindly_stats.top_lines))", survey->skip, survey->take, PG_INT32_MAX);
	else
		appendStringInfoString(query, first_seen ? "true)" : "false)");
}

/* The measure that is still being counted, or NULL. */
void
ks_survey_check_complete(const char *measure)
{
	if (measure != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("measure \"%s\" is still being counted", measure),
				 errhint("kindly_stats.progress shows how far it has come.  If nobody counts it, call kindly_stats.add_measure_concurrently() once more.")));
}

static bool
has_negative(const int64 *numbers, Size count)
{
	Size		i;

	for (i = 0; i < count; i++)
	{
		if (numbers[i] < 0)
			return true;
	}
	return false;
}

/* Takes over what series_agg has answered; returns whether there is a count below nothing. */
static bool
take_series(Datum value, const ks_survey_part *part, ks_survey_answer *answer, MemoryContext memory)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	ArrayType  *array = DatumGetArrayTypePCopy(value);
	int64	   *items = (int64 *) ARR_DATA_PTR(array);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	bool		distinct = part->distinct || part->kind == KS_SURVEY_FIRST_SEEN;
	int			bucket_of = distinct ? count / 2 : count;

	answer->counts = items;
	answer->distincts = distinct ? items + bucket_of : NULL;
	MemoryContextSwitchTo(old);
	return has_negative(items, bucket_of);
}

static bool
take_top_series(Datum value, const ks_survey *survey, const ks_survey_part *part, ks_survey_answer *answer, MemoryContext memory)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	bytea	   *bytes = DatumGetByteaPCopy(value);
	StringInfoData message;

	initReadOnlyStringInfo(&message, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	answer->series = palloc0(sizeof(ks_top_series));
	answer->series->top.total = pq_getmsgint64(&message);
	ks_top_series_receive(&message, survey->nbuckets, part->distinct, answer->series);
	MemoryContextSwitchTo(old);
	return has_negative(answer->series->counts, (Size) answer->series->top.count * survey->nbuckets);
}

/* Takes over the answers of a row, whose columns begin there; gives back whether there is a count below nothing. */
bool
ks_survey_take(HeapTuple row, TupleDesc desc, int column, const ks_survey *survey, ks_surveyed *bot, MemoryContext memory)
{
	bool		negative = false;
	int			i;

	for (i = 0; i < survey->nparts; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(row, desc, column + i, &isnull);

		if (isnull)
			continue;
		if (survey->take > 0)
			negative |= take_top_series(value, survey, &survey->parts[i], &bot->answers[i], memory);
		else
			negative |= take_series(value, &survey->parts[i], &bot->answers[i], memory);
	}
	return negative;
}
