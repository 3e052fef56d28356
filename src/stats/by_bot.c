/*
 * Series and totals of many bots, each by itself.
 *
 * One query reads up to a thousand bots, and where rows are distributed, nodes answer
 * it together: to ask bot by bot costs the coordinator more than the answers do.
 */
#include "stats/stats.h"
#include "rollup/survey.h"

#include "base/compat.h"
#include "bucket/clock.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_stats_series_by_bot);
PG_FUNCTION_INFO_V1(ks_stats_total_by_bot);

/* Limits of a batch: buckets of all its bots, and bots. */
#define BATCH_CELLS	1000000
#define BATCH_BOTS	1000

/* The bots that are asked about, by their ids. */
typedef struct listed_bots
{
	int			count;
	int64	   *number;
	char	  **id;
	char	  **name;			/* NULL where there is none */
} listed_bots;

/* Takes over what the bot of that place has. */
typedef void (*taken_bot) (void *context, int place, const ks_survey_answer *answer);

static char *
take_text(MemoryContext memory, HeapTuple row, int column)
{
	char	   *text = SPI_getvalue(row, SPI_tuptable->tupdesc, column);

	return text == NULL ? NULL : MemoryContextStrdup(memory, text);
}

/* Lists the bots among those asked for (NULL: all) that the caller sees. */
static void
list_bots(ArrayType *asked, listed_bots *bots)
{
	MemoryContext memory = CurrentMemoryContext;
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1] = {PointerGetDatum(asked)};
	uint64		i;

	ks_spi_connect();
	if (SPI_execute_with_args("SELECT b.number, b.id, b.name FROM kindly_stats.bots() AS b WHERE $1 IS NULL OR b.number OPERATOR(pg_catalog.=) ANY ($1)"
							  " ORDER BY b.id COLLATE pg_catalog.\"C\"", 1, types, values, asked == NULL ? "n" : NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list bots");
	bots->count = (int) SPI_processed;
	bots->number = MemoryContextAllocHuge(memory, (SPI_processed + 1) * sizeof(int64));
	bots->id = MemoryContextAllocHuge(memory, (SPI_processed + 1) * sizeof(char *));
	bots->name = MemoryContextAllocHuge(memory, (SPI_processed + 1) * sizeof(char *));
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		bots->number[i] = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		bots->id[i] = take_text(memory, row, 2);
		bots->name[i] = take_text(memory, row, 3);
	}
	SPI_finish();
}

static bool
counts_nothing(const ks_survey_answer *answer, int nbuckets)
{
	int			i;

	for (i = 0; answer->counts != NULL && i < nbuckets; i++)
	{
		if (answer->counts[i] != 0)
			return false;
	}
	return true;
}

/* Asks one question about each of the bots. */
static void
ask_bots(ks_rollup_query *query, const listed_bots *bots, taken_bot taken, void *context)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats bots", ALLOCSET_DEFAULT_SIZES);
	ks_survey_part part = {KS_SURVEY_COUNTS, query->measure, query->distinct};
	ks_survey	survey = {.nparts = 1, .parts = &part, .nintervals = query->nintervals, .edges = query->edges, .bucket_of = query->bucket_of,
		.nbuckets = query->nbuckets, .filter = query->filter};
	int			size = Max(1, Min(BATCH_BOTS, BATCH_CELLS / Max(1, query->nbuckets)));
	bool		checked = false;
	int			begin;
	int			i;

	for (begin = 0; begin < bots->count && query->nbuckets > 0; begin += size)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);
		int			count = Min(size, bots->count - begin);
		ks_surveyed *answers = palloc(count * sizeof(ks_surveyed));

		CHECK_FOR_INTERRUPTS();
		ks_survey_read(&survey, bots->number + begin, count, answers);
		for (i = 0; i < count; i++)
		{
			/* it may be no such measure, or no such key: a question about one bot says so */
			if (!checked && counts_nothing(&answers[i].answers[0], query->nbuckets))
			{
				int64	   *nothing = palloc(2 * (query->nbuckets + 1) * sizeof(int64));

				query->bot_id = bots->number[begin + i];
				ks_read_series(query, nothing, nothing + query->nbuckets);
				checked = true;
			}
			MemoryContextSwitchTo(old);
			taken(context, begin + i, &answers[i].answers[0]);
			MemoryContextSwitchTo(memory);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
}

/* A question about bots, of which ks_across_bots_arguments() makes one about all of them together. */
static void
by_bot_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments, listed_bots *bots)
{
	ks_across_bots_arguments(fcinfo, arguments);
	list_bots(arguments->bots, bots);
	arguments->across_bots = false;
	arguments->bots = NULL;
}

/* The first two columns of a bot's rows, which are the same in all of them. */
static void
put_bot(const listed_bots *bots, int place, Datum *values, bool *nulls)
{
	values[0] = CStringGetTextDatum(bots->id[place]);
	nulls[1] = bots->name[place] == NULL;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(bots->name[place]);
}

static void
free_bot(const Datum *values, const bool *nulls)
{
	pfree(DatumGetPointer(values[0]));
	if (!nulls[1])
		pfree(DatumGetPointer(values[1]));
}

/* ------------------------------------------------------------------------
 * Series
 * ------------------------------------------------------------------------
 */

typedef struct series_of
{
	FunctionCallInfo fcinfo;
	const listed_bots *bots;
	const ks_buckets *buckets;
	TimestampTz now;
} series_of;

static void
put_series(void *context, int place, const ks_survey_answer *answer)
{
	const series_of *of = context;
	Datum		values[7];
	bool		nulls[7] = {false};
	int			i;

	put_bot(of->bots, place, values, nulls);
	for (i = 0; i < of->buckets->nbuckets; i++)
	{
		values[2] = TimestampTzGetDatum(of->buckets->starts[i]);
		values[3] = TimestampGetDatum(of->buckets->labels[i]);
		values[4] = Int64GetDatum(answer->counts != NULL ? answer->counts[i] : 0);
		values[5] = Int64GetDatum(answer->distincts != NULL ? answer->distincts[i] : 0);
		values[6] = BoolGetDatum(ks_is_partial(of->buckets, i, of->now));
		ks_put_row(of->fcinfo, values, nulls);
	}
	free_bot(values, nulls);
}

Datum
ks_stats_series_by_bot(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_rollup_query query;
	ks_buckets	buckets;
	listed_bots bots;
	series_of	of = {fcinfo, &bots, &buckets, ks_now()};

	InitMaterializedSRF(fcinfo, 0);
	by_bot_arguments(fcinfo, &arguments, &bots);
	ks_stats_buckets(&arguments, &buckets);
	ks_stats_buckets_query(&arguments, &buckets, &query);
	ask_bots(&query, &bots, put_series, &of);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * Totals
 * ------------------------------------------------------------------------
 */

typedef struct total_of
{
	int			place;
	ks_total	total;
} total_of;

static void
take_total(void *context, int place, const ks_survey_answer *answer)
{
	total_of   *totals = context;

	totals[place].place = place;
	totals[place].total.count = answer->counts != NULL ? answer->counts[0] : 0;
	totals[place].total.distinct = answer->distincts != NULL ? answer->distincts[0] : 0;
}

/* Most first; bots are in order already. */
static int
compare_totals(const void *a, const void *b)
{
	const total_of *x = a;
	const total_of *y = b;

	if (x->total.count != y->total.count)
		return x->total.count > y->total.count ? -1 : 1;
	return x->place - y->place;
}

Datum
ks_stats_total_by_bot(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_rollup_query query;
	listed_bots bots;
	total_of   *totals;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	by_bot_arguments(fcinfo, &arguments, &bots);
	ks_stats_whole_range(&arguments, &query);
	totals = palloc_extended((Size) (bots.count + 1) * sizeof(total_of), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	ask_bots(&query, &bots, take_total, totals);
	qsort(totals, bots.count, sizeof(total_of), compare_totals);
	for (i = 0; i < bots.count; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		put_bot(&bots, totals[i].place, values, nulls);
		values[2] = Int64GetDatum(totals[i].total.count);
		values[3] = Int64GetDatum(totals[i].total.distinct);
		ks_put_row(fcinfo, values, nulls);
		free_bot(values, nulls);
	}
	return (Datum) 0;
}
