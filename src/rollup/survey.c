/*
 * Reading several measures of many bots: one query, in which each bot's months
 * are found by the primary key, measure by measure.
 *
 * As everywhere, grants and row-level security decide what the caller sees.
 */
#include "rollup/survey.h"

#include "base/compat.h"
#include "base/composite.h"
#include "query/query_agg.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Columns before those of the parts. */
#define COLUMN_ID			1
#define COLUMN_NAME			2
#define COLUMN_INCOMPLETE	3
#define FIXED_COLUMNS		3

/* Returns an array of bots, with NULL for those that the caller does not see. */
static Datum
bots_array(const ks_reader *reader, const int64 *bots, int count)
{
	Datum	   *items = palloc((count + 1) * sizeof(Datum));
	bool	   *nulls = palloc((count + 1) * sizeof(bool));
	int			lower = 1;
	int			i;

	for (i = 0; i < count; i++)
	{
		items[i] = Int64GetDatum(bots[i]);
		nulls[i] = !ks_reader_sees(reader, bots[i]);
	}
	return PointerGetDatum(construct_md_array(items, nulls, 1, &count, &lower, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Returns the bots in the first column of all rows that the caller sees, which outlive SPI. */
static int64 *
result_bots(const ks_reader *reader, MemoryContext memory, int *count)
{
	int64	   *result = MemoryContextAllocHuge(memory, (SPI_processed + 1) * sizeof(int64));
	uint64		i;

	*count = 0;
	for (i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		number = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull && ks_reader_sees(reader, DatumGetInt64(number)))
			result[(*count)++] = DatumGetInt64(number);
	}
	return result;
}

/*
 * Returns all bots that the caller sees rows of, ascending; each is found by one look into
 * the primary key.  Some may turn out to have none.
 */
int64 *
ks_survey_bots(int *count)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr every = NULL;
	static SPIPlanPtr listed = NULL;
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	bool		distributed;
	ks_reader	reader;
	int64	   *result;

	ks_reader_begin(&reader);
	if (reader.bots != NULL)
	{
		values[0] = PointerGetDatum(reader.bots);
		ks_prepared(&listed, "SELECT b.bot FROM pg_catalog.unnest($1) WITH ORDINALITY AS b (bot, place) ORDER BY b.place", 1, types);
		ks_survey_execute(listed, values, NULL);
		result = result_bots(&reader, caller, count);
		ks_reader_end(&reader);
		return result;
	}
	distributed = ks_is_distributed();
	if (distributed)
		ks_prepared(&every, "SELECT DISTINCT r.bot_id FROM kindly_stats.rollup AS r ORDER BY 1", 0, NULL);
	else
		ks_prepared(&plan,
					"WITH RECURSIVE counted (number) AS ("
					" SELECT pg_catalog.min(r.bot_id) FROM kindly_stats.rollup AS r"
					" UNION ALL"
					" SELECT (SELECT pg_catalog.min(r.bot_id) FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.>) c.number)"
					" FROM counted AS c WHERE c.number IS NOT NULL)"
					" SELECT c.number FROM counted AS c WHERE c.number IS NOT NULL", 0, NULL);
	ks_survey_execute(distributed ? every : plan, NULL, NULL);
	result = result_bots(&reader, caller, count);
	ks_reader_end(&reader);
	return result;
}

/*
 * Returns the bots that have one of these names, or one that is one of these in lower
 * case: as the database's locale has it, in which relations list names, while
 * those of the table are in "C", which knows capitals of ASCII only.
 */
int64 *
ks_survey_named(ArrayType *names, bool lower, int *count)
{
	static SPIPlanPtr plans[2] = {NULL, NULL};
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[1] = {TEXTARRAYOID};
	Datum		values[1] = {PointerGetDatum(names)};
	ks_reader	reader;
	int64	   *result;

	ks_reader_begin(&reader);
	ks_prepared(&plans[lower], lower ?
				"SELECT b.bot_id FROM kindly_stats.bot_name AS b WHERE pg_catalog.lower(b.name COLLATE pg_catalog.\"default\") OPERATOR(pg_catalog.=) ANY ($1)" :
				"SELECT b.bot_id FROM kindly_stats.bot_name AS b WHERE b.name OPERATOR(pg_catalog.=) ANY ($1)", 1, types);
	ks_survey_execute(plans[lower], values, NULL);
	result = result_bots(&reader, caller, count);
	ks_reader_end(&reader);
	return result;
}

/* Finds the first and last month of which the bots have rows; false if they have none. */
bool
ks_survey_months(const int64 *bots, int nbots, DateADT *first, DateADT *last)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr nodes = NULL;
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	bool		distributed;
	ks_reader	reader;
	bool		isnull;

	ks_reader_begin(&reader);
	values[0] = bots_array(&reader, bots, nbots);
	distributed = ks_is_distributed();
	if (distributed)
		ks_prepared(&nodes, KS_SURVEY_MONTHS, 1, types);
	else
		ks_prepared(&plan,
				"SELECT pg_catalog.min(m.month), pg_catalog.max(m.month) FROM pg_catalog.unnest($1) AS b (bot)"
					" CROSS JOIN LATERAL (SELECT r.month FROM kindly_stats.rollup AS r"
					" WHERE r.bot_id OPERATOR(pg_catalog.=) b.bot AND r.month OPERATOR(pg_catalog.>) '-infinity' AND r.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL
					" UNION ALL SELECT s.month FROM kindly_stats.rollup AS r CROSS JOIN LATERAL kindly_stats.months(r.tally) AS s (month)"
					" WHERE r.bot_id OPERATOR(pg_catalog.=) b.bot AND r.month OPERATOR(pg_catalog.=) '-infinity'"
					" AND r.id OPERATOR(pg_catalog.>=) 0 AND r.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL ") AS m", 1, types);
	ks_survey_execute(distributed ? nodes : plan, values, NULL);
	*first = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (!isnull)
		*last = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	ks_reader_end(&reader);
	return !isnull;
}

/* ------------------------------------------------------------------------
 * The query
 * ------------------------------------------------------------------------
 */

/* Writes the condition on the months of a part.  First seen needs all months before, an extent all time. */
static void
write_months(StringInfo query, const ks_survey *survey, const ks_survey_part *part, const char *row)
{
	if (survey->take > 0 || part->kind == KS_SURVEY_COUNTS)
		appendStringInfo(query, strcmp(row, "n") == 0 ? " AND (%s.month OPERATOR(pg_catalog.>=) $2 OR n.month OPERATOR(pg_catalog.=) '-infinity')"
						 : " AND %s.month OPERATOR(pg_catalog.>=) $2", row);
	if (survey->take > 0 || part->kind != KS_SURVEY_EXTENT)
		appendStringInfo(query, " AND %s.month OPERATOR(pg_catalog.<=) $3", row);
}

/* Writes the column of one part: the aggregate over the bot's rows of its measure. */
static void
write_part(StringInfo query, const ks_survey *survey, int number)
{
	const ks_survey_part *part = &survey->parts[number];
	char	   *measure = quote_literal_cstr(part->measure);

	appendStringInfoString(query, ", (SELECT ");
	ks_survey_write_aggregate(query, survey, number);
	appendStringInfo(query, " FROM (SELECT r.measure, r.tally FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) q.bot"
					 " AND r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', %s]) AND" KS_IS_MERGED, measure);
	write_months(query, survey, part, "r");
	appendStringInfoString(query, " UNION ALL SELECT n.measure, n.tally FROM kindly_stats.rollup AS n WHERE n.bot_id OPERATOR(pg_catalog.=) q.bot"
						   " AND n.id OPERATOR(pg_catalog.>=) f.first_new AND n.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL);
	write_months(query, survey, part, "n");
	appendStringInfoString(query, ") AS r)");
}

/*
 * Writes the bots, in their order, and the first id that new rows of each may have; OFFSET
 * keeps that from being evaluated for every measure.
 */
static void
write_bots(StringInfo query, bool names)
{
	const char *first_new = KS_FIRST_NEW;
	const char *bot = strstr(first_new, "$1");

	appendStringInfo(query, " FROM pg_catalog.unnest($1) WITH ORDINALITY AS q (bot, line) CROSS JOIN LATERAL (SELECT %.*sq.bot%s AS first_new OFFSET 0) AS f",
					 (int) (bot - first_new), first_new, bot + 2);
	if (names)
		appendStringInfoString(query, " LEFT JOIN kindly_stats.bot_name AS n ON n.bot_id OPERATOR(pg_catalog.=) q.bot");
	appendStringInfoString(query, " ORDER BY q.line");
}

static char *
write_query(const ks_survey *survey)
{
	StringInfoData query;
	int			i;

	initStringInfo(&query);
	appendStringInfoString(&query, survey->names
						   ? "SELECT coalesce(n.id, kindly_stats.bot_text(q.bot)), n.name"
						   : "SELECT NULL::pg_catalog.text, NULL::pg_catalog.text");
	/* a measure that is still being counted would have too little; it is the same for all rows, so it is looked up once */
	appendStringInfoString(&query, ", (SELECT pg_catalog.min(m.name) FROM kindly_stats.measure AS m"
						   " WHERE NOT m.counted AND m.name OPERATOR(pg_catalog.=) ANY (ARRAY[");
	for (i = 0; i < survey->nparts; i++)
		appendStringInfo(&query, "%s%s", i > 0 ? ", " : "", quote_literal_cstr(survey->parts[i].measure));
	appendStringInfoString(&query, "]))");
	for (i = 0; i < survey->nparts; i++)
		write_part(&query, survey, i);
	write_bots(&query, survey->names);
	return query.data;
}

/* ------------------------------------------------------------------------
 * Arguments and answers
 * ------------------------------------------------------------------------
 */

/* What is asked of the tallies of a part. */
static Datum
part_query(const ks_survey *survey, const ks_survey_part *part, Oid type)
{
	TimestampTz *edges = palloc((survey->nintervals + 3) * sizeof(TimestampTz));
	ks_tally_query query = {part->measure, 0, edges, NULL, part->distinct, survey->filter};
	bool		first_seen = survey->take == 0 && part->kind == KS_SURVEY_FIRST_SEEN;
	bool		extent = survey->take == 0 && part->kind == KS_SURVEY_EXTENT;

	if (first_seen || extent)
		edges[query.nedges++] = DT_NOBEGIN;
	else
		query.bucket_of = survey->bucket_of;
	memcpy(edges + query.nedges, survey->edges, (survey->nintervals + 1) * sizeof(TimestampTz));
	query.nedges += survey->nintervals + 1;
	if (extent)
		edges[query.nedges++] = DT_NOEND;
	query.distinct = first_seen || (part->distinct && !extent);
	return ks_tally_query_datum(type, &query);
}

static void
make_arguments(const ks_survey *survey, const ks_reader *reader, const int64 *bots, int nbots, Datum *values, char *nulls)
{
	Oid			type = ks_type_oid("tally_query");
	int			i;

	memset(nulls, ' ', KS_SURVEY_FIXED_ARGUMENTS + survey->nparts);
	values[0] = bots_array(reader, bots, nbots);
	values[1] = DateADTGetDatum(ks_month_of_edge(survey->edges[0]));
	values[2] = DateADTGetDatum(ks_month_of_edge(survey->edges[survey->nintervals]));
	for (i = 0; i < survey->nparts; i++)
		values[KS_SURVEY_FIXED_ARGUMENTS + i] = part_query(survey, &survey->parts[i], type);
}

static char *
take_text(HeapTuple row, TupleDesc desc, int column, MemoryContext memory)
{
	char	   *text = SPI_getvalue(row, desc, column);

	return text == NULL ? NULL : MemoryContextStrdup(memory, text);
}

/* The table of names has ids as its author wrote them; a bot has one everywhere. */
static char *
take_id(HeapTuple row, TupleDesc desc, int column, MemoryContext memory)
{
	char	   *id = SPI_getvalue(row, desc, column);

	return id == NULL ? NULL : MemoryContextStrdup(memory, ks_bot_canonical(id));
}

static void
no_answers(const ks_survey *survey, ks_surveyed *bot)
{
	memset(bot, 0, sizeof(*bot));
	bot->answers = palloc0((survey->nparts + 1) * sizeof(ks_survey_answer));
}

/* Reads all parts of these bots into result[nbots], in the current memory context; returns nbots. */
int
ks_survey_read(const ks_survey *survey, const int64 *bots, int nbots, ks_surveyed *result)
{
	MemoryContext caller = CurrentMemoryContext;
	ks_reader	reader;
	Datum	   *values = palloc((KS_SURVEY_FIXED_ARGUMENTS + survey->nparts) * sizeof(Datum));
	char	   *nulls = palloc(KS_SURVEY_FIXED_ARGUMENTS + survey->nparts);
	bool		negative = false;
	int			i;

	for (i = 0; i < nbots; i++)
		no_answers(survey, &result[i]);
	ks_reader_begin(&reader);
	make_arguments(survey, &reader, bots, nbots, values, nulls);
	if (ks_is_distributed())
		negative = ks_survey_nodes(survey, values, nulls, bots, nbots, result, caller);
	else
	{
		ks_survey_execute(ks_survey_plan(survey, write_query(survey)), values, nulls);
		if (SPI_processed != (uint64) nbots)
			elog(ERROR, "could not read the rollup");
		for (i = 0; i < nbots; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];

			CHECK_FOR_INTERRUPTS();
			if (i == 0)
				ks_survey_check_complete(SPI_getvalue(row, SPI_tuptable->tupdesc, COLUMN_INCOMPLETE));
			result[i].id = take_id(row, SPI_tuptable->tupdesc, COLUMN_ID, caller);
			result[i].name = take_text(row, SPI_tuptable->tupdesc, COLUMN_NAME, caller);
			negative |= ks_survey_take(row, SPI_tuptable->tupdesc, FIXED_COLUMNS + 1, survey, &result[i], caller);
		}
	}
	if (negative)
		ks_check_negative();
	ks_reader_end(&reader);
	return nbots;
}
