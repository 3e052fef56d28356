/*
 * Asking the rollup: one query for one bot.
 *
 * Grants and row-level security decide what the caller sees: see reader.c.
 */
#include "rollup/rollup.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/composite.h"
#include "base/sort.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/*
 * The rows that a question about one measure needs: the measure's own and the mixed
 * ones, merged and new.
 */
#define FROM_ROLLUP \
	" FROM (SELECT r.measure, r.kept, r.tally FROM kindly_stats.rollup AS r" \
	" WHERE r.bot_id OPERATOR(pg_catalog.=) $1" \
	" AND r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $2])" \
	" AND r.month OPERATOR(pg_catalog.>=) $3 AND r.month OPERATOR(pg_catalog.<=) $4 AND" KS_IS_MERGED \
	" UNION ALL SELECT n.measure, n.kept, n.tally FROM kindly_stats.rollup AS n" \
	" WHERE n.bot_id OPERATOR(pg_catalog.=) $1" \
	" AND (n.month OPERATOR(pg_catalog.>=) $3 OR n.month OPERATOR(pg_catalog.=) '-infinity') AND n.month OPERATOR(pg_catalog.<=) $4" \
	" AND" KS_IS_NEW_OR_SPANS ") AS r"

/* Whether the measure is still being counted, as of the same snapshot; an answer from what is there would be too small. */
#define IS_INCOMPLETE \
	", EXISTS (SELECT 1 FROM kindly_stats.measure AS m WHERE m.name OPERATOR(pg_catalog.=) $2 AND NOT m.counted)"

#define QUERY_ARGUMENTS 5

static Datum
only_value(int status, bool *isnull)
{
	if (status != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read the rollup");
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
}

/* Runs a plan with the snapshot of the caller's query: inside STABLE functions no newer one is taken. */
static Datum
execute_single(SPIPlanPtr plan, Datum *values, const char *nulls, bool *isnull)
{
	return only_value(SPI_execute_plan(plan, values, nulls, true, 0), isnull);
}

/* Raises if the second column, IS_INCOMPLETE, is true. */
static void
refuse_incomplete(const ks_rollup_query *query)
{
	bool		unknown;

	if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &unknown)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("measure \"%s\" is still being counted", query->measure),
				 errhint("kindly_stats.progress shows how far it has come.  If nobody counts it, call kindly_stats.add_measure_concurrently() once more.")));
}

static Datum
execute_query(SPIPlanPtr plan, const ks_rollup_query *query, Datum *values, const char *nulls, bool *isnull)
{
	Datum		answer = execute_single(plan, values, nulls, isnull);

	refuse_incomplete(query);
	return answer;
}

/* Returns the month of an edge; the ends of time have none. */
DateADT
ks_month_of_edge(TimestampTz edge)
{
	if (TIMESTAMP_IS_NOBEGIN(edge))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(edge))
		return DATEVAL_NOEND;
	return ks_month_to_date(ks_month_of(edge));
}

/* Returns those of the asked bots (NULL: all) that the caller sees; NULL if there is no need to name them. */
static ArrayType *
visible_of(ArrayType *asked, const ks_reader *reader)
{
	int			count;
	const int64 *bots;
	Datum	   *items;
	int			left = 0;
	int			i;

	if (asked == NULL || reader->bots == NULL)
		return asked == NULL ? reader->bots : asked;
	bots = ks_array_numbers(asked, INT8OID, "bots", INT_MAX, &count);
	items = palloc((count + 1) * sizeof(Datum));
	for (i = 0; i < count; i++)
	{
		if (ks_reader_sees(reader, bots[i]))
			items[left++] = Int64GetDatum(bots[i]);
	}
	return construct_array(items, left, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* $1 bot, or bots, $2 measure, $3 and $4 months, $5 what is asked of the tallies */
static void
query_arguments(const ks_rollup_query *query, const ks_reader *reader, Datum *values, char *nulls, Oid *types)
{
	ks_tally_query asked = {query->measure, query->nintervals + 1, query->edges, query->bucket_of, query->distinct, query->filter};

	memset(nulls, ' ', QUERY_ARGUMENTS);
	if (query->across_bots)
	{
		types[0] = INT8ARRAYOID;
		values[0] = PointerGetDatum(visible_of(query->bots, reader));
		if (values[0] == (Datum) 0)
			nulls[0] = 'n';
	}
	else
	{
		types[0] = INT8OID;
		values[0] = Int64GetDatum(query->bot_id);
		if (!ks_reader_sees(reader, query->bot_id))
			nulls[0] = 'n';
	}
	types[1] = TEXTOID;
	types[2] = types[3] = DATEOID;
	types[4] = ks_type_oid("tally_query");
	values[1] = CStringGetTextDatum(query->measure);
	values[2] = DateADTGetDatum(ks_month_of_edge(query->edges[0]));
	values[3] = DateADTGetDatum(ks_month_of_edge(query->edges[query->nintervals]));
	values[4] = ks_tally_query_datum(types[4], &asked);
}

/* Raises an error that lists the existing measures. */
static void
no_such_measure(const char *measure)
{
	static SPIPlanPtr plan = NULL;
	bool		isnull;
	Datum		names;

	ks_prepared(&plan, "SELECT pg_catalog.string_agg(m.name, ', ' ORDER BY m.name COLLATE pg_catalog.\"C\") FROM kindly_stats.measure AS m", 0, NULL);
	names = execute_single(plan, NULL, NULL, &isnull);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("measure \"%s\" does not exist", measure),
			 errhint("Measures are: %s.", isnull ? "none" : TextDatumGetCString(names))));
}

/*
 * Called where nothing was counted.  Raises if the measure does not exist, or if the key
 * has more parts than the measure's keys; a measure without events is no error.  Most of
 * many bots have nothing in most ranges, so this must cost little where all is well.
 */
static void
check_measure(const ks_rollup_query *query)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2] = {CStringGetTextDatum(query->measure), Int32GetDatum(query->key_parts)};
	char	   *names;

	ks_prepared(&plan,
				"SELECT CASE WHEN pg_catalog.cardinality(m.keys) OPERATOR(pg_catalog.<) $2 THEN pg_catalog.array_to_string(m.keys, ', ') END"
				" FROM kindly_stats.measure AS m WHERE m.name OPERATOR(pg_catalog.=) $1", 2, types);
	if (SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a measure");
	if (SPI_processed == 0)
		no_such_measure(query->measure);
	names = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (names != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"key\" has more parts than the keys of measure \"%s\"", query->measure),
				 names[0] == '\0' ? errhint("This measure has no key; leave the argument out.")
				 : errhint("Its key columns are: %s.", names)));
}

/*
 * Runs a query about a measure by name and one more text.  Returns its first column as
 * text in the caller's memory; NULL without a row.
 */
static char *
ask_measure(SPIPlanPtr *plan, const char *sql, const char *measure, const char *other)
{
	MemoryContext caller = CurrentMemoryContext;
	ks_reader	reader;
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2];
	char	   *result = NULL;

	ks_reader_begin(&reader);
	values[0] = CStringGetTextDatum(measure);
	values[1] = CStringGetTextDatum(other);
	ks_prepared(plan, sql, 2, types);
	if (SPI_execute_plan(*plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read measures");
	if (SPI_processed > 0)
		result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (result != NULL)
		result = MemoryContextStrdup(caller, result);
	ks_reader_end(&reader);
	return result;
}

/* Returns the column whose values a measure counts; NULL if it counts none. */
char *
ks_measure_member(const char *measure)
{
	static SPIPlanPtr plan = NULL;

	return ask_measure(&plan, "SELECT m.member FROM kindly_stats.measure AS m WHERE m.name OPERATOR(pg_catalog.=) $1 AND $2 IS NOT NULL", measure, "");
}

/*
 * Returns which part of the measure's keys, beyond source and language, a column is; -1 if
 * it is none, or if there is no such measure.
 */
int
ks_measure_key_part(const char *measure, const char *column)
{
	static SPIPlanPtr plan = NULL;
	char	   *position = ask_measure(&plan, "SELECT pg_catalog.array_position(m.keys, $2) FROM kindly_stats.measure AS m WHERE m.name OPERATOR(pg_catalog.=) $1",
									   measure, column);

	return position == NULL ? -1 : atoi(position) - 1;
}

/*
 * Whether each event that a measure counts is one that another counts, too, by one and with the same
 * member: so where their sums are equal, they have counted the same, the first one with more parts of the key.
 */
bool
ks_measure_refines(const char *measure, const char *other)
{
	static SPIPlanPtr plan = NULL;

	return ask_measure(&plan, "SELECT m.name FROM kindly_stats.measure AS m, kindly_stats.measure AS o"
					   " WHERE m.name OPERATOR(pg_catalog.=) $1 AND o.name OPERATOR(pg_catalog.=) $2 AND pg_catalog.cardinality(o.keys) OPERATOR(pg_catalog.=) 0"
					   " AND m.member OPERATOR(pg_catalog.=) o.member AND m.grain OPERATOR(pg_catalog.=) o.grain"
					   " AND (m.kinds OPERATOR(pg_catalog.=) o.kinds OR m.kinds IS NULL AND o.kinds IS NULL)"
					   " AND pg_catalog.num_nonnulls(m.weight, o.weight, m.condition, o.condition, m.needed, o.needed) OPERATOR(pg_catalog.=) 0",
					   measure, other) != NULL;
}

/*
 * Called where an answer has a count below zero.  While a table is being attached
 * concurrently, its triggers already take away events that are not counted yet; then the
 * answer is refused.  Otherwise it is what the events' weights add up to.
 */
void
ks_check_negative(void)
{
	static SPIPlanPtr plan = NULL;
	ks_identity caller = ks_switch_to_owner("counting");
	bool		counting;
	bool		isnull;

	ks_prepared(&plan, "SELECT EXISTS (SELECT FROM kindly_stats.counting)", 0, NULL);
	counting = DatumGetBool(execute_single(plan, NULL, NULL, &isnull));
	ks_restore_user(caller);
	if (counting)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("an event table is still being counted"),
				 errhint("kindly_stats.progress shows how far it has come.  If nobody counts it, kindly_stats.health() says what to call.")));
}

static bool
any_negative(const int64 *numbers, int count)
{
	int			i;

	for (i = 0; i < count; i++)
	{
		if (numbers[i] < 0)
			return true;
	}
	return false;
}

static bool
all_zero(const int64 *numbers, int count)
{
	int			i;

	for (i = 0; i < count; i++)
	{
		if (numbers[i] != 0)
			return false;
	}
	return true;
}

#define SERIES_QUERY "SELECT kindly_stats.series_agg(r.measure, r.tally, $5, $6)" IS_INCOMPLETE FROM_ROLLUP

/*
 * Across bots, each node or process adds up the measure's tallies in the range, since the
 * state of sum() is a tally, which can be sent.  Only the sum is asked.
 */
#define ACROSS_BOTS(condition) \
	"SELECT kindly_stats.series_agg($2, t.tally, $5, $6)" IS_INCOMPLETE \
	" FROM (SELECT kindly_stats.sum(kindly_stats.slice(CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.keys_under(r.tally, $2) ELSE r.tally END, $7, $8)) AS tally" \
	" FROM kindly_stats.rollup AS r WHERE " condition "r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $2])" \
	" AND (r.month OPERATOR(pg_catalog.>=) $3 OR r.month OPERATOR(pg_catalog.=) '-infinity') AND r.month OPERATOR(pg_catalog.<=) $4" \
	" AND r.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL ") AS t"

/* Returns the beginning of an instant's quarter hour, or its end. */
static TimestampTz
whole_quarter(TimestampTz at, bool end)
{
	int64		rest;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	rest = at % KS_QUARTER_USECS;
	if (rest < 0)
		rest += KS_QUARTER_USECS;
	return at - rest + (end && rest > 0 ? KS_QUARTER_USECS : 0);
}

/*
 * Runs the query across bots, planned for these bots: how many there are decides how rows
 * are found.  The caller is connected to SPI.
 */
static Datum
execute_across_bots(const ks_rollup_query *query, Datum *values, char *nulls, Oid *types, bool *isnull)
{
	Datum		answer;

	types[6] = types[7] = TIMESTAMPTZOID;
	nulls[6] = nulls[7] = ' ';
	values[6] = TimestampTzGetDatum(whole_quarter(query->edges[0], false));
	values[7] = TimestampTzGetDatum(whole_quarter(query->edges[query->nintervals], true));
	answer = only_value(SPI_execute_with_args(nulls[0] == 'n' ? ACROSS_BOTS("") : ACROSS_BOTS("r.bot_id OPERATOR(pg_catalog.=) ANY ($1) AND "),
											  QUERY_ARGUMENTS + 3, types, values, nulls, true, 0), isnull);
	refuse_incomplete(query);
	return answer;
}

/* Runs a query for a series, through a plan that is kept. */
static void
read_series(SPIPlanPtr *plan, const char *sql, const ks_rollup_query *query, int64 *counts, int64 *distincts)
{
	ks_reader	reader;
	Datum		values[QUERY_ARGUMENTS + 3];
	char		nulls[QUERY_ARGUMENTS + 3];
	Oid			types[QUERY_ARGUMENTS + 3];
	Datum		answer;
	bool		isnull;

	memset(counts, 0, query->nbuckets * sizeof(int64));
	if (distincts != NULL)
		memset(distincts, 0, query->nbuckets * sizeof(int64));
	ks_reader_begin(&reader);
	query_arguments(query, &reader, values, nulls, types);
	types[5] = BOOLOID;
	values[5] = BoolGetDatum(query->first_seen);
	nulls[5] = ' ';
	if (query->across_bots)
		answer = execute_across_bots(query, values, nulls, types, &isnull);
	else
	{
		ks_prepared(plan, sql, QUERY_ARGUMENTS + 1, types);
		answer = execute_query(*plan, query, values, nulls, &isnull);
	}
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(answer);
		const int64 *items = (const int64 *) ARR_DATA_PTR(array);
		int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		int			nbuckets = query->distinct ? count / 2 : count;

		memcpy(counts, items, nbuckets * sizeof(int64));
		if (distincts != NULL && query->distinct)
			memcpy(distincts, items + nbuckets, nbuckets * sizeof(int64));
	}
	if (all_zero(counts, query->nbuckets))
		check_measure(query);
	if (any_negative(counts, query->nbuckets))
		ks_check_negative();
	ks_reader_end(&reader);
}

/* Reads weight and, if asked for, distinct members of each bucket into the caller's arrays of nbuckets. */
void
ks_read_series(const ks_rollup_query *query, int64 *counts, int64 *distincts)
{
	static SPIPlanPtr plan = NULL;

	read_series(&plan, SERIES_QUERY, query, counts, distincts);
}

/*
 * Reads in which buckets members were: how many in the last so many buckets, for each of
 * the windows; or by first bucket and bucket, for cohorts; or else the hashes of all.
 * Without a row these are zeros, or nobody.
 */
int64 *
ks_read_presence(const ks_rollup_query *query, const int32 *windows, int nwindows, bool cohorts, int64 *count)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	int64		rows = windows != NULL ? nwindows : cohorts ? query->nbuckets : 0;
	ks_reader	reader;
	Datum		values[QUERY_ARGUMENTS + 2];
	char		nulls[QUERY_ARGUMENTS + 2];
	Oid			types[QUERY_ARGUMENTS + 2];
	int64		sign = 0;
	int64	   *result;
	Datum		answer;
	bool		isnull;

	ks_check_presence(rows, query->nbuckets);
	*count = rows * query->nbuckets;
	ks_reader_begin(&reader);
	query_arguments(query, &reader, values, nulls, types);
	types[5] = INT4ARRAYOID;
	types[6] = BOOLOID;
	nulls[5] = windows != NULL ? ' ' : 'n';
	nulls[6] = ' ';
	values[5] = windows != NULL ? PointerGetDatum(ks_integers_array(windows, nwindows)) : (Datum) 0;
	values[6] = BoolGetDatum(cohorts);
	ks_prepared(&plan, "SELECT kindly_stats.presence_agg(r.measure, r.tally, $5, $6, $7)" IS_INCOMPLETE FROM_ROLLUP,
				QUERY_ARGUMENTS + 2, types);
	answer = execute_query(plan, query, values, nulls, &isnull);
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(answer);
		const int64 *items = (const int64 *) ARR_DATA_PTR(array);

		sign = items[0];
		*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) - 1;
		result = MemoryContextAllocHuge(caller, (*count + 1) * sizeof(int64));
		memcpy(result, items + 1, *count * sizeof(int64));
	}
	else
	{
		result = MemoryContextAllocHuge(caller, (*count + 1) * sizeof(int64));
		memset(result, 0, (*count + 1) * sizeof(int64));
	}
	if (sign == 0)
		check_measure(query);
	else if (sign < 0)
		ks_check_negative();
	ks_reader_end(&reader);
	return result;
}

/* Makes a message of a bytea result, which outlives SPI. */
static void
message_from(Datum answer, MemoryContext memory, StringInfo message)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	bytea	   *bytes = DatumGetByteaPCopy(answer);

	initReadOnlyStringInfo(message, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	MemoryContextSwitchTo(old);
}

/* What lines a list has: kindly_stats.top_lines. */
typedef struct top_lines
{
	int			skip;
	int			take;
	int32		limit;
	bool		apart;
	bool		with_series;
} top_lines;

static Datum
lines_datum(Oid type, top_lines lines)
{
	static const bool nulls[5] = {false};
	Datum		values[5] = {Int32GetDatum(lines.skip), Int32GetDatum(lines.take), Int32GetDatum(lines.limit),
		BoolGetDatum(lines.apart), BoolGetDatum(lines.with_series)
	};

	return ks_composite(type, values, nulls);
}

/* Runs top_agg; its answer, which outlives SPI, is false where there is no row. */
static bool
read_lines(const ks_rollup_query *query, top_lines lines, StringInfo message)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext caller = CurrentMemoryContext;
	ks_reader	reader;
	Datum		values[QUERY_ARGUMENTS + 1];
	char		nulls[QUERY_ARGUMENTS + 1];
	Oid			types[QUERY_ARGUMENTS + 1];
	Datum		answer;
	bool		isnull;

	ks_reader_begin(&reader);
	query_arguments(query, &reader, values, nulls, types);
	types[5] = ks_type_oid("top_lines");
	values[5] = lines_datum(types[5], lines);
	nulls[5] = ' ';
	ks_prepared(&plan, "SELECT kindly_stats.top_agg(r.measure, r.tally, $5, $6)" IS_INCOMPLETE FROM_ROLLUP, QUERY_ARGUMENTS + 1, types);
	answer = execute_query(plan, query, values, nulls, &isnull);
	if (!isnull)
		message_from(answer, caller, message);
	ks_reader_end(&reader);
	return !isnull;
}

/* If no line came back, raises unless there is such a measure; if a count is below zero, raises while a table is being counted. */
static void
check_lines(const ks_rollup_query *query, const ks_top *top, const int64 *counts)
{
	ks_reader	reader;
	bool		negative = top->total < 0 || (counts != NULL && any_negative(counts, top->count * query->nbuckets));
	int			i;

	for (i = 0; i < top->count; i++)
		negative |= top->lines[i].weight < 0;
	if (top->count > 0 && !negative)
		return;
	ks_reader_begin(&reader);
	if (negative)
		ks_check_negative();
	else
		check_measure(query);
	ks_reader_end(&reader);
}

/*
 * Reads the heaviest keys, grouped by this many of their parts from skip on, heaviest
 * first; all of them if limit is PG_INT32_MAX.
 */
void
ks_read_top(const ks_rollup_query *query, int skip, int take, int32 limit, ks_top *top)
{
	StringInfoData message;

	memset(top, 0, sizeof(*top));
	if (read_lines(query, (top_lines) {skip, take, limit, false, false}, &message))
	{
		top->total = pq_getmsgint64(&message);
		ks_top_receive(&message, top);
	}
	check_lines(query, top, NULL);
}

/* Reads the values of each of this many parts from skip on, a list for each, heaviest first. */
void
ks_read_tops(const ks_rollup_query *query, int skip, int parts, ks_top *tops)
{
	StringInfoData message;
	bool		any = read_lines(query, (top_lines) {skip, parts, PG_INT32_MAX, true, false}, &message);
	int64		total = any ? pq_getmsgint64(&message) : 0;
	int			i;

	memset(tops, 0, parts * sizeof(ks_top));
	for (i = 0; i < parts && any; i++)
	{
		tops[i].total = total;
		ks_top_receive(&message, &tops[i]);
	}
	for (i = 0; i < parts; i++)
		check_lines(query, &tops[i], NULL);
}

/* Reads all keys, grouped in the same way, with a series for each. */
void
ks_read_top_series(const ks_rollup_query *query, int skip, int take, ks_top_series *series)
{
	StringInfoData message;

	memset(series, 0, sizeof(*series));
	if (read_lines(query, (top_lines) {skip, take, PG_INT32_MAX, false, true}, &message))
	{
		series->top.total = pq_getmsgint64(&message);
		ks_top_series_receive(&message, query->nbuckets, query->distinct, series);
	}
	check_lines(query, &series->top, series->counts);
}

static int
compare_names(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Returns the single parts of the lines' keys in bytewise order, without NULLs. */
static char **
part_names(const ks_top *top, int *count)
{
	char	  **result = palloc((top->count + 1) * sizeof(char *));
	int			i;

	*count = 0;
	for (i = 0; i < top->count; i++)
	{
		ks_string	key = top->lines[i].key;
		ks_string	part;

		if (ks_key_shift(&key, &part) && part.bytes != NULL)
			result[(*count)++] = pnstrdup((const char *) part.bytes, part.length);
	}
	ks_sort(result, *count, sizeof(char *), compare_names, CurrentMemoryContext);
	return result;
}

/*
 * Finds the first or last quarter hour of a month in which something is left, when the
 * outermost event that was ever added has been taken away; returns the edge that lies
 * further out.  No event table is asked, because its owner could run code here.
 */
static TimestampTz
outermost_edge(int64 bot_id, const ks_month_bounds *m, bool last)
{
	static SPIPlanPtr live = NULL;
	static SPIPlanPtr kept = NULL;
	TimestampTz start = (TimestampTz) m->month * USECS_PER_DAY;
	TimestampTz end = (TimestampTz) ks_month_to_date(ks_month_of(start) + 1) * USECS_PER_DAY;
	int			nquarters = (int) ((end - start) / KS_QUARTER_USECS);
	TimestampTz *edges = palloc((nquarters + 1) * sizeof(TimestampTz));
	int64	   *counts = palloc(nquarters * sizeof(int64));
	ks_rollup_query query = {.bot_id = bot_id, .measure = KS_EVENTS, .nintervals = nquarters, .edges = edges, .nbuckets = nquarters};
	int			found = last ? nquarters - 1 : 0;
	int			i;

	for (i = 0; i <= nquarters; i++)
		edges[i] = start + i * KS_QUARTER_USECS;
	if (m->kept)
		read_series(&kept, SERIES_QUERY " WHERE r.kept", &query, counts, NULL);
	else
		read_series(&live, SERIES_QUERY " WHERE NOT r.kept", &query, counts, NULL);
	while (found >= 0 && found < nquarters && counts[found] == 0)
		found += last ? -1 : 1;
	/* weights of both signs add up to zero in each quarter hour: no more can be said than the month */
	if (found < 0 || found == nquarters)
		found = last ? nquarters - 1 : 0;
	return edges[last ? found + 1 : found];
}

/*
 * Returns the instant of a month's first or last event.  It is exact if the outermost
 * event that was ever added is still there.  Otherwise it is the outer edge of its quarter
 * hour, though no further out than that event was.
 */
static TimestampTz
month_extreme(int64 bot_id, const ks_month_bounds *m, bool last)
{
	const ks_bounds *b = &m->bounds;
	TimestampTz edge;

	if (ks_bound_certain(b, last))
		return last ? b->last : b->first;
	edge = outermost_edge(bot_id, m, last);
	return last ? Min(b->last, edge) : Max(b->first, edge);
}

/* Returns the first or last event of all months, which ascend; live and kept ones stand side by side. */
static TimestampTz
find_extreme(int64 bot_id, const ks_month_bounds *months, int count, bool last)
{
	const ks_month_bounds *outermost = &months[last ? count - 1 : 0];
	const ks_month_bounds *beside = last ? outermost - 1 : outermost + 1;
	TimestampTz result = month_extreme(bot_id, outermost, last);
	TimestampTz other;

	if (count == 1 || beside->month != outermost->month)
		return result;
	other = month_extreme(bot_id, beside, last);
	return last ? Max(result, other) : Min(result, other);
}

/*
 * Reads the months of a bot that have events, ascending, and its sources and languages;
 * returns the number of months.  The caller is connected to SPI; results are in the memory
 * context that it names.
 */
static int
read_months(int64 bot_id, const ks_reader *reader, MemoryContext memory, ks_month_bounds **months, ks_top *sources, ks_top *languages)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(bot_id), CStringGetTextDatum(KS_EVENTS)};
	MemoryContext old;
	StringInfoData message;
	char		nulls[2] = {' ', ' '};
	int			count;
	Datum		answer;
	bool		isnull;

	if (!ks_reader_sees(reader, bot_id))
		nulls[0] = 'n';

	ks_prepared(&plan,
				"SELECT kindly_stats.options_agg(r.measure, r.tally, $2, r.month, r.kept)"
				" FROM (SELECT r.measure, r.tally, r.month, r.kept FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $2]) AND" KS_IS_MERGED
				" UNION ALL SELECT n.measure, n.tally, n.month, n.kept FROM kindly_stats.rollup AS n"
				" WHERE n.bot_id OPERATOR(pg_catalog.=) $1 AND" KS_IS_NEW_OR_SPANS ") AS r", 2, types);
	answer = execute_single(plan, values, nulls, &isnull);
	if (!isnull)
		message_from(answer, memory, &message);
	SPI_freetuptable(SPI_tuptable);
	if (isnull)
		return 0;
	old = MemoryContextSwitchTo(memory);
	ks_options_receive(&message, sources, languages, months, &count);
	MemoryContextSwitchTo(old);
	return count;
}

/* Removes months whose events have all been taken away; returns how many are left. */
static int
without_empty(ks_month_bounds *months, int count)
{
	int			left = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		if (months[i].weight != 0)
			months[left++] = months[i];
	}
	return left;
}

/* Reads first and last event, sources and languages of a bot. */
void
ks_read_options(int64 bot_id, ks_options *options)
{
	MemoryContext caller = CurrentMemoryContext;
	ks_reader	reader;
	ks_top		sources,
				languages;
	ks_month_bounds *months;
	int			count;

	memset(options, 0, sizeof(*options));
	ks_reader_begin(&reader);
	count = read_months(bot_id, &reader, caller, &months, &sources, &languages);
	count = without_empty(months, count);
	options->any = count > 0;
	if (options->any)
	{
		options->first = find_extreme(bot_id, months, count, false);
		options->last = find_extreme(bot_id, months, count, true);
	}
	ks_reader_end(&reader);
	if (options->any)
	{
		options->sources = part_names(&sources, &options->nsources);
		options->languages = part_names(&languages, &options->nlanguages);
	}
}

/* Finds the bot of a name among those that the caller sees; false if there is none. */
bool
ks_bot_by_name(const char *name, int64 *bot_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	ks_reader	reader;
	bool		found = false;
	bool		isnull;
	uint64		i;

	ks_reader_begin(&reader);
	ks_prepared(&plan, "SELECT b.bot_id FROM kindly_stats.bot_name AS b WHERE b.name OPERATOR(pg_catalog.=) $1", 1, types);
	if (SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read bots");
	for (i = 0; i < SPI_processed && !found; i++)
	{
		*bot_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		found = ks_reader_sees(&reader, *bot_id);
	}
	ks_reader_end(&reader);
	return found;
}
