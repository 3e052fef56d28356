/*
 * From a question as callers ask it to the rollup and back.
 */
#include "stats/stats.h"

#include "base/compat.h"

#include "utils/timestamp.h"

/* Setting kindly_stats.max_limit. */
int			ks_max_limit = PG_INT32_MAX;

/* The zone asked for, or the session's. */
pg_tz *
ks_stats_zone(const ks_arguments *arguments)
{
	return arguments->zone != NULL ? ks_zone_lookup(arguments->zone, arguments->locale) : ks_zone_session();
}

/* The buckets of the range asked for. */
void
ks_stats_buckets(const ks_arguments *arguments, ks_buckets *buckets)
{
	pg_tz	   *zone = ks_stats_zone(arguments);
	ks_unit		unit = ks_unit_parse(arguments->granularity != NULL ? arguments->granularity : "day");

	ks_buckets_build(buckets, arguments->from, arguments->to, zone, unit, arguments->locale);
}

/* A question but for its buckets. */
void
ks_stats_query(const ks_arguments *arguments, ks_rollup_query *query)
{
	memset(query, 0, sizeof(*query));
	query->bot_id = arguments->bot_id;
	query->across_bots = arguments->across_bots;
	query->bots = arguments->bots;
	query->measure = arguments->measure;
	query->distinct = arguments->distinct;
	query->filter = ks_filters_array(&arguments->filters);
	query->key_parts = arguments->filters.key_parts;
}

/* A question with a bucket each. */
void
ks_stats_buckets_query(const ks_arguments *arguments, const ks_buckets *buckets, ks_rollup_query *query)
{
	ks_stats_query(arguments, query);
	query->nintervals = buckets->nintervals;
	query->edges = buckets->edges;
	query->bucket_of = buckets->bucket_of;
	query->nbuckets = buckets->nbuckets;
}

/* Count of each bucket and, if the question wants them, distinct members. */
void
ks_stats_counts(const ks_arguments *arguments, const ks_buckets *buckets, int64 *counts, int64 *distincts)
{
	ks_rollup_query query;

	ks_stats_buckets_query(arguments, buckets, &query);
	ks_read_series(&query, counts, distincts);
}

/* A series for each key, grouped by this many parts from the given one on. */
void
ks_stats_top_series(const ks_arguments *arguments, const ks_buckets *buckets, int part, int parts, ks_top_series *series)
{
	ks_rollup_query query;

	ks_stats_buckets_query(arguments, buckets, &query);
	ks_read_top_series(&query, part, parts, series);
}

/* The values of a top list by one part, as texts; NULL for no value. */
char *
ks_part_name(ks_string key)
{
	ks_string	part = {NULL, 0};

	ks_key_shift(&key, &part);
	return part.bytes == NULL ? NULL : pnstrdup((const char *) part.bytes, part.length);
}

void
ks_stats_groups(const ks_arguments *arguments, int part, const ks_buckets *buckets, ks_series_by *groups)
{
	int64	   *zeros = palloc0((buckets->nbuckets + 1) * sizeof(int64));
	ks_top_series series;
	int			i;

	ks_stats_top_series(arguments, buckets, part, 1, &series);
	groups->count = series.top.count;
	groups->names = palloc((groups->count + 1) * sizeof(char *));
	groups->counts = palloc((groups->count + 1) * sizeof(int64 *));
	groups->distincts = palloc((groups->count + 1) * sizeof(int64 *));
	for (i = 0; i < groups->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		groups->names[i] = ks_part_name(series.top.lines[i].key);
		groups->counts[i] = series.counts + (Size) i * buckets->nbuckets;
		groups->distincts[i] = series.distincts == NULL ? zeros : series.distincts + (Size) i * buckets->nbuckets;
	}
}

/* Members whose first event of all time lies in the bucket: buckets are intervals, after one for all that was before. */
void
ks_stats_first_seen(const ks_arguments *arguments, const ks_buckets *buckets, int64 *counts)
{
	int			nbuckets = buckets->nintervals + 1;
	TimestampTz *edges = palloc((nbuckets + 1) * sizeof(TimestampTz));
	int64	   *events = palloc(nbuckets * sizeof(int64));
	int64	   *members = palloc(nbuckets * sizeof(int64));
	ks_rollup_query query;
	int			i;

	edges[0] = DT_NOBEGIN;
	memcpy(edges + 1, buckets->edges, nbuckets * sizeof(TimestampTz));
	ks_stats_query(arguments, &query);
	query.distinct = query.first_seen = true;
	query.nbuckets = query.nintervals = nbuckets;
	query.edges = edges;
	ks_read_series(&query, events, members);
	memset(counts, 0, buckets->nbuckets * sizeof(int64));
	for (i = 0; i < buckets->nintervals; i++)
	{
		int			bucket = buckets->bucket_of != NULL ? buckets->bucket_of[i] : i;

		if (bucket >= 0)
			counts[bucket] += members[i + 1];
	}
}

void
ks_stats_series(const ks_arguments *arguments, ks_series *series)
{
	ks_buckets *buckets = &series->buckets;

	ks_stats_buckets(arguments, buckets);
	series->counts = palloc0((buckets->nbuckets + 1) * sizeof(int64));
	series->distincts = palloc0((buckets->nbuckets + 1) * sizeof(int64));
	ks_stats_counts(arguments, buckets, series->counts, series->distincts);
}

/* All instants as one bucket. */
static void
ask_all_time(ks_rollup_query *query)
{
	static const TimestampTz always[2] = {DT_NOBEGIN, DT_NOEND};

	query->nbuckets = 1;
	query->nintervals = 1;
	query->edges = always;
}

/*
 * The whole range as one bucket: one interval, unless instants inside it belong to
 * no bucket.  Its ends are rounded to hours or to days; for all units from day on
 * this means days, and with years there are fewest buckets to make.
 */
static void
ask_range(const ks_arguments *arguments, ks_rollup_query *query)
{
	bool		hours = arguments->granularity != NULL && ks_unit_parse(arguments->granularity) == KS_HOUR;
	ks_arguments whole = *arguments;
	ks_buckets	buckets;
	TimestampTz *ends = palloc(2 * sizeof(TimestampTz));
	int32	   *bucket_of;
	int			i;

	whole.granularity = hours ? "hour" : "year";
	ks_stats_buckets(&whole, &buckets);
	query->nbuckets = 1;
	if (buckets.bucket_of == NULL)
	{
		ends[0] = buckets.edges[0];
		ends[1] = buckets.edges[buckets.nintervals];
		query->nintervals = 1;
		query->edges = ends;
		return;
	}
	bucket_of = palloc((buckets.nintervals + 1) * sizeof(int32));
	for (i = 0; i < buckets.nintervals; i++)
		bucket_of[i] = buckets.bucket_of[i] < 0 ? KS_BUCKET_OUTSIDE : 0;
	query->nintervals = buckets.nintervals;
	query->edges = buckets.edges;
	query->bucket_of = bucket_of;
}

/* A question about the whole range as one bucket, or all time. */
void
ks_stats_whole_range(const ks_arguments *arguments, ks_rollup_query *query)
{
	ks_stats_query(arguments, query);
	if (arguments->from == NULL && arguments->to == NULL)
		ask_all_time(query);
	else
		ask_range(arguments, query);
}

void
ks_stats_total(const ks_arguments *arguments, ks_total *total)
{
	ks_rollup_query query;

	ks_stats_whole_range(arguments, &query);
	ks_read_series(&query, &total->count, &total->distinct);
}

/* How often a measure counted; the question is about that measure from then on. */
int64
ks_stats_total_of(ks_arguments *arguments, const char *measure)
{
	ks_total	total;

	arguments->measure = measure;
	ks_stats_total(arguments, &total);
	return total.count;
}

/* The number of keys that a caller asks for, if it is valid. */
int32
ks_stats_limit(int32 limit)
{
	if (limit < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"limit\" must be at least 1, not %d", limit),
				 errhint("Leave it out for the default.")));
	if (limit > ks_max_limit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"limit\" must be at most %d, not %d", ks_max_limit, limit),
				 errhint("Leave it out for the default.")));
	return limit;
}

/* The heaviest keys, grouped by this many parts from the given one on (0 is the source, 1 the language). */
void
ks_stats_top_by(const ks_arguments *arguments, int part, int parts, int32 limit, ks_top *top)
{
	ks_rollup_query query;

	ks_stats_whole_range(arguments, &query);
	ks_read_top(&query, part, parts, limit, top);
}

/* The values of each of so many parts from that one on, in lists of their own. */
void
ks_stats_tops_by(const ks_arguments *arguments, int part, int parts, ks_top *tops)
{
	ks_rollup_query query;

	ks_stats_whole_range(arguments, &query);
	ks_read_tops(&query, part, parts, tops);
}

/* The heaviest keys, beyond source and language. */
void
ks_stats_top(const ks_arguments *arguments, int32 limit, ks_top *top)
{
	ks_stats_top_by(arguments, KS_DIMENSIONS, KS_KEY_MAX_PARTS, limit, top);
}

/* The cell of an hour on the local clock. */
static int32
cell_of_label(Timestamp label)
{
	int64		hours = label / USECS_PER_HOUR;

	if (label % USECS_PER_HOUR < 0)
		hours--;
	/* hours since Saturday 2000-01-01; the week of cells begins on Sunday */
	return (int32) ((hours % KS_HEATMAP_CELLS + KS_HEATMAP_CELLS + 6 * 24) % KS_HEATMAP_CELLS);
}

/* Adds hours up to cells. */
static void
cells_of_hours(const ks_buckets *hours, ks_rollup_query *query)
{
	int32	   *cells = palloc((hours->nintervals + 1) * sizeof(int32));
	int			i;

	for (i = 0; i < hours->nintervals; i++)
	{
		int			bucket = hours->bucket_of != NULL ? hours->bucket_of[i] : i;

		cells[i] = bucket < 0 ? KS_BUCKET_OUTSIDE : cell_of_label(hours->labels[bucket]);
	}
	query->nintervals = hours->nintervals;
	query->edges = hours->edges;
	query->bucket_of = cells;
	query->nbuckets = KS_HEATMAP_CELLS;
}

/* How often each cell's hour occurs in the range: an hour that begins, or goes on after a change of the clock. */
static void
count_occurrences(const ks_buckets *hours, int64 *occurrences)
{
	int			i;

	memset(occurrences, 0, KS_HEATMAP_CELLS * sizeof(int64));
	for (i = 0; i < hours->nbuckets; i++)
		occurrences[cell_of_label(hours->labels[i])]++;
}

/* Into arrays of KS_HEATMAP_CELLS: cell = weekday (0 is Sunday) * 24 + local hour; occurrences may be NULL. */
void
ks_stats_heatmap(const ks_arguments *arguments, int64 *counts, int64 *distincts, int64 *occurrences)
{
	ks_arguments hourly = *arguments;
	ks_rollup_query query;
	ks_buckets	hours;

	hourly.granularity = "hour";
	ks_stats_query(&hourly, &query);
	ks_stats_buckets(&hourly, &hours);
	cells_of_hours(&hours, &query);
	if (occurrences != NULL)
		count_occurrences(&hours, occurrences);
	ks_read_series(&query, counts, distincts);
}
