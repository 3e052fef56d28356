/*
 * What queries of surveys have in common, on one server and on several nodes: plans that
 * are kept, the aggregates, and answers that are taken out of rows.
 */
#include "rollup/survey.h"

#include "base/compat.h"
#include "base/composite.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* How many plans are remembered; queries differ by what they read. */
#define PLANS_MAX 32

typedef struct remembered_plan
{
	char	   *query;
	SPIPlanPtr	plan;
} remembered_plan;

/* Returns the plan of a query about a survey's arguments, and remembers it; the caller is connected to SPI. */
SPIPlanPtr
ks_survey_plan(const ks_survey *survey, const char *query)
{
	static remembered_plan plans[PLANS_MAX];
	static int	next = 0;
	int			nargs = KS_SURVEY_FIXED_ARGUMENTS + survey->nparts;
	Oid		   *types = palloc(nargs * sizeof(Oid));
	remembered_plan *entry;
	int			i;

	types[0] = INT8ARRAYOID;
	types[1] = types[2] = DATEOID;
	for (i = KS_SURVEY_FIXED_ARGUMENTS; i < nargs; i++)
		types[i] = ks_type_oid("tally_query");
	for (i = 0; i < PLANS_MAX; i++)
	{
		if (plans[i].query != NULL && strcmp(plans[i].query, query) == 0)
		{
			ks_prepared(&plans[i].plan, query, nargs, types);
			return plans[i].plan;
		}
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
	ks_prepared(&entry->plan, query, nargs, types);
	entry->query = MemoryContextStrdup(TopMemoryContext, query);
	next = (next + 1) % PLANS_MAX;
	return entry->plan;
}

void
ks_survey_execute(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	/* with the snapshot of the caller's query: no newer one is taken */
	if (SPI_execute_plan(plan, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
}

/* Writes the aggregate that answers a part, over rows r. */
void
ks_survey_write_aggregate(StringInfo query, const ks_survey *survey, int part)
{
	appendStringInfo(query, "kindly_stats.%s(r.measure, r.tally, $%d, ", survey->take > 0 ? "top_agg" : "series_agg",
					 KS_SURVEY_FIXED_ARGUMENTS + part + 1);
	if (survey->take > 0)
		appendStringInfo(query, "ROW(%d, %d, %d, false, true)::kindly_stats.top_lines)", survey->skip, survey->take, PG_INT32_MAX);
	else
		appendStringInfoString(query, survey->parts[part].kind == KS_SURVEY_FIRST_SEEN ? "true)" : "false)");
}

/* Raises if a measure is still being counted; NULL: none is. */
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

/* Takes over the answer of series_agg; returns whether a count is below zero. */
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

/* Takes over the answers of a row from a column on; returns whether a count is below zero. */
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
