/*
 * Who was there when: active members of the last days, new and returning ones,
 * retention, and members of several measures at once.
 */
#include "stats/stats.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/seed.h"
#include "bucket/clock.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_stats_active_sql);
PG_FUNCTION_INFO_V1(ks_stats_new_returning_sql);
PG_FUNCTION_INFO_V1(ks_stats_retention_sql);
PG_FUNCTION_INFO_V1(ks_stats_funnel_sql);

#define DEFAULT_MEASURE "users"

/* Over how many days members are counted; the first is the day itself, stickiness is that count divided by the last. */
static const int32 active_days[] = {1, 7, 28, 30};

#define LONGEST 30

#define STEPS_MAX 20

/* bot, from, to, tz, measure, sources, language_codes, key */
static void
daily_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	ks_common_arguments(fcinfo, arguments);
	arguments->measure = ks_measure_argument(fcinfo, 4, DEFAULT_MEASURE);
	ks_dimension_arguments(fcinfo, 5, arguments);
	ks_key_argument(fcinfo, 7, arguments);
	arguments->distinct = true;
}

/* bot, from, to, tz, granularity, measure, sources, language_codes, key, locale */
static void
bucket_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	ks_series_arguments(fcinfo, arguments);
	arguments->measure = ks_measure_argument(fcinfo, 5, DEFAULT_MEASURE);
}

/* ------------------------------------------------------------------------
 * The last days
 * ------------------------------------------------------------------------
 */

/* The days of the range and those before it that are looked back on; first is the range's own first day.  False where there is none. */
static bool
days_before(const ks_arguments *arguments, ks_buckets *days, int *first)
{
	const int64 earliest = ks_civil_days(1, 1, 1) * USECS_PER_DAY;
	ks_arguments longer = *arguments;
	ks_moment	from = {0, KS_MOMENT_LOCAL, 0};
	Timestamp	label;

	longer.granularity = "day";
	ks_stats_buckets(&longer, days);
	if (days->nbuckets == 0)
		return false;
	label = days->labels[0];
	from.value = Max(label - (LONGEST - 1) * USECS_PER_DAY, earliest);
	longer.from = &from;
	ks_stats_buckets(&longer, days);
	for (*first = 0; days->labels[*first] < label; (*first)++)
		;
	return true;
}

static int32
bucket_of_day(const ks_buckets *days, int bucket)
{
	return (int32) ((days->labels[bucket] - days->labels[0]) / USECS_PER_DAY);
}

/* A bucket for each date, including those that the clock left out: so the last seven buckets are the last seven dates. */
static void
buckets_of_dates(const ks_buckets *days, ks_rollup_query *query)
{
	int32	   *bucket_of;
	int			i;

	query->nintervals = days->nintervals;
	query->edges = days->edges;
	query->bucket_of = days->bucket_of;
	query->nbuckets = bucket_of_day(days, days->nbuckets - 1) + 1;
	if (query->nbuckets == days->nbuckets)
		return;
	bucket_of = palloc(days->nintervals * sizeof(int32));
	for (i = 0; i < days->nintervals; i++)
	{
		int			bucket = days->bucket_of != NULL ? days->bucket_of[i] : i;

		bucket_of[i] = bucket < 0 ? KS_BUCKET_OUTSIDE : bucket_of_day(days, bucket);
	}
	query->bucket_of = bucket_of;
}

/* bot, from, to, tz, measure, sources, language_codes, key */
Datum
ks_stats_active_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_rollup_query query;
	ks_buckets	days;
	int64	   *active;
	int64		count;
	int			i,
				w;

	InitMaterializedSRF(fcinfo, 0);
	daily_arguments(fcinfo, &arguments);
	if (!days_before(&arguments, &days, &i))
		return (Datum) 0;
	ks_stats_query(&arguments, &query);
	buckets_of_dates(&days, &query);
	active = ks_read_presence(&query, active_days, lengthof(active_days), false, &count);
	for (; i < days.nbuckets; i++)
	{
		const int64 *of_day = active + bucket_of_day(&days, i);
		int64		longest = of_day[(Size) (lengthof(active_days) - 1) * query.nbuckets];
		Datum		values[7];
		bool		nulls[7] = {false};

		values[0] = TimestampTzGetDatum(days.starts[i]);
		values[1] = TimestampGetDatum(days.labels[i]);
		for (w = 0; w < lengthof(active_days); w++)
			values[2 + w] = Int64GetDatum(of_day[(Size) w * query.nbuckets]);
		values[6] = Float8GetDatum(ks_ratio(of_day[0], longest));
		nulls[6] = longest == 0;
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * First visits
 * ------------------------------------------------------------------------
 */

/* bot, from, to, tz, granularity, measure, sources, language_codes, key, locale */
Datum
ks_stats_new_returning_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_series	series;
	int64	   *first_seen;
	TimestampTz now = ks_now();
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	bucket_arguments(fcinfo, &arguments);
	ks_stats_series(&arguments, &series);
	first_seen = palloc0((series.buckets.nbuckets + 1) * sizeof(int64));
	if (series.buckets.nbuckets > 0)
		ks_stats_first_seen(&arguments, &series.buckets, first_seen);
	for (i = 0; i < series.buckets.nbuckets; i++)
	{
		Datum		values[7];
		bool		nulls[7] = {false};

		values[0] = TimestampTzGetDatum(series.buckets.starts[i]);
		values[1] = TimestampGetDatum(series.buckets.labels[i]);
		values[2] = Int64GetDatum(series.distincts[i]);
		values[3] = Int64GetDatum(first_seen[i]);
		values[4] = Int64GetDatum(series.distincts[i] - first_seen[i]);
		values[5] = Float8GetDatum(ks_ratio(first_seen[i], series.distincts[i]));
		nulls[5] = series.distincts[i] == 0;
		values[6] = BoolGetDatum(ks_is_partial(&series.buckets, i, now));
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* A bucket for all that was before the first bucket, and one for each bucket. */
static void
buckets_of_cohorts(const ks_buckets *buckets, ks_rollup_query *query)
{
	int			nintervals = buckets->nintervals + 1;
	TimestampTz *edges = palloc((nintervals + 1) * sizeof(TimestampTz));
	int32	   *bucket_of = palloc(nintervals * sizeof(int32));
	int			i;

	edges[0] = DT_NOBEGIN;
	memcpy(edges + 1, buckets->edges, nintervals * sizeof(TimestampTz));
	query->nintervals = nintervals;
	query->nbuckets = buckets->nbuckets + 1;
	query->edges = edges;
	if (buckets->bucket_of == NULL)
		return;
	bucket_of[0] = 0;
	for (i = 0; i < buckets->nintervals; i++)
		bucket_of[i + 1] = buckets->bucket_of[i] < 0 ? KS_BUCKET_OUTSIDE : buckets->bucket_of[i] + 1;
	query->bucket_of = bucket_of;
}

static void
put_cohort(FunctionCallInfo fcinfo, const ks_buckets *buckets, int cohort, const int64 *members)
{
	TimestampTz now = ks_now();
	int			i;

	for (i = cohort; i < buckets->nbuckets; i++)
	{
		Datum		values[8];
		bool		nulls[8] = {false};

		values[0] = TimestampTzGetDatum(buckets->starts[cohort]);
		values[1] = TimestampGetDatum(buckets->labels[cohort]);
		values[2] = Int64GetDatum(members[cohort]);
		values[3] = Int32GetDatum(i - cohort);
		values[4] = TimestampGetDatum(buckets->labels[i]);
		values[5] = Int64GetDatum(members[i]);
		values[6] = Float8GetDatum(ks_ratio(members[i], members[cohort]));
		nulls[6] = members[cohort] == 0;
		values[7] = BoolGetDatum(ks_is_partial(buckets, cohort, now) || ks_is_partial(buckets, i, now));
		ks_put_row(fcinfo, values, nulls);
	}
}

/* bot, from, to, tz, granularity, measure, sources, language_codes, key, locale */
Datum
ks_stats_retention_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_rollup_query query;
	ks_buckets	buckets;
	int64	   *members;
	int64		count;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	bucket_arguments(fcinfo, &arguments);
	if (arguments.granularity == NULL)
		arguments.granularity = "week";
	ks_stats_buckets(&arguments, &buckets);
	if (buckets.nbuckets == 0)
		return (Datum) 0;
	ks_stats_query(&arguments, &query);
	buckets_of_cohorts(&buckets, &query);
	members = ks_read_presence(&query, NULL, 0, true, &count);
	for (i = 0; i < buckets.nbuckets; i++)
		put_cohort(fcinfo, &buckets, i, members + (Size) (i + 1) * query.nbuckets + 1);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * Funnels
 * ------------------------------------------------------------------------
 */

/* A member and how many steps he has taken; 0 in free places. */
typedef struct climber
{
	int64		member;
	int			steps;
} climber;

typedef struct climbers
{
	climber    *places;
	int			log;
} climbers;

static climber *
find_climber(const climbers *c, int64 member)
{
	Size		mask = ((Size) 1 << c->log) - 1;
	Size		at = (Size) (ks_seeded_spread((uint64) member) >> (64 - c->log));

	while (c->places[at].steps > 0 && c->places[at].member != member)
		at = (at + 1) & mask;
	return &c->places[at];
}

/* How many members ahead their places are prefetched. */
#define AHEAD 8

static inline void
fetch_ahead(const climbers *c, const int64 *members, int64 count, int64 i)
{
	if (i + AHEAD < count)
		__builtin_prefetch(&c->places[ks_seeded_spread((uint64) members[i + AHEAD]) >> (64 - c->log)]);
}

/* Enters the members of the first step, some of whom are listed several times; returns how many different ones there are. */
static int64
start_climbing(climbers *c, const int64 *members, int64 count)
{
	int64		result = 0;
	int64		i;

	ks_seed_ready();
	for (c->log = 6; ((int64) 3 << c->log) < 4 * count;)
		c->log++;
	c->places = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(climber) << c->log);
	memset(c->places, 0, sizeof(climber) << c->log);
	for (i = 0; i < count; i++)
	{
		climber    *at = find_climber(c, members[i]);

		ks_check_interrupts_at(i);
		fetch_ahead(c, members, count, i);
		result += at->steps == 0;
		at->member = members[i];
		at->steps = 1;
	}
	return result;
}

/* How many of these have taken all earlier steps. */
static int64
climb(climbers *c, const int64 *members, int64 count, int step)
{
	int64		result = 0;
	int64		i;

	for (i = 0; i < count; i++)
	{
		climber    *at = find_climber(c, members[i]);

		ks_check_interrupts_at(i);
		fetch_ahead(c, members, count, i);
		if (at->steps != step)
			continue;
		at->steps++;
		result++;
	}
	return result;
}

static int
steps_argument(FunctionCallInfo fcinfo, int argument, char **steps)
{
	Datum	   *items;
	int			count = 0;
	int			i;

	if (!PG_ARGISNULL(argument))
		count = ks_array_texts(PG_GETARG_ARRAYTYPE_P(argument), "measures", KS_LIST_ITEMS_MAX, &items, NULL);
	if (count < 2 || count > STEPS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"measures\" must name 2 to %d measures, not %d", STEPS_MAX, count),
				 errhint("Name measures that count the same column's values, such as {messages,pages}.")));
	for (i = 0; i < count; i++)
		steps[i] = TextDatumGetCString(items[i]);
	return count;
}

/* The same value of different columns is the same hash and need not be the same member. */
static void
check_same_member(const char *first, const char *measure)
{
	char	   *wanted = ks_measure_member(first);
	char	   *member = ks_measure_member(measure);

	if (wanted == NULL || member == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("measure \"%s\" has no members", wanted == NULL ? first : measure),
				 errhint("kindly_stats.measure lists the column whose values each measure counts.")));
	if (strcmp(wanted, member) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("measures \"%s\" and \"%s\" have different members", first, measure),
				 errdetail("One counts values of %s, the other of %s.", wanted, member)));
}

/* The whole range as one bucket: days. */
static int64 *
members_in_range(ks_arguments *arguments, const char *measure, int64 *count)
{
	ks_rollup_query query;

	arguments->measure = measure;
	ks_stats_whole_range(arguments, &query);
	return ks_read_presence(&query, NULL, 0, false, count);
}

/* bot, from, to, tz, measures, sources, language_codes */
Datum
ks_stats_funnel_sql(PG_FUNCTION_ARGS)
{
	char	   *steps[STEPS_MAX];
	ks_arguments arguments;
	climbers	all;
	int64		first = 0;
	int64		before = 0;
	int			nsteps;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	ks_common_arguments(fcinfo, &arguments);
	nsteps = steps_argument(fcinfo, 4, steps);
	ks_dimension_arguments(fcinfo, 5, &arguments);
	arguments.distinct = true;
	for (i = 0; i < nsteps; i++)
	{
		int64		count;
		int64	   *members = members_in_range(&arguments, steps[i], &count);
		Datum		values[5];
		bool		nulls[5] = {false};

		check_same_member(steps[0], steps[i]);
		if (i == 0)
			count = start_climbing(&all, members, count);
		else
			count = climb(&all, members, count, i);
		pfree(members);
		if (i == 0)
			first = before = count;
		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(steps[i]);
		values[2] = Int64GetDatum(count);
		values[3] = Float8GetDatum(ks_ratio(count, first));
		values[4] = Float8GetDatum(ks_ratio(count, before));
		nulls[3] = first == 0;
		nulls[4] = before == 0;
		before = count;
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}
