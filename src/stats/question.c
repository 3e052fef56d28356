/*
 * From a question as callers ask it to the rollup and back.
 */
#include "stats/stats.h"

#include "compat.h"

#include "utils/timestamp.h"

/* Setting kindly_stats.max_limit. */
int			ks_max_limit = PG_INT32_MAX;

/* The zone asked for, or the session's. */
pg_tz *
ks_stats_zone(const ks_request *request)
{
	return request->zone != NULL ? ks_zone_lookup(request->zone, request->locale) : ks_zone_session();
}

/* The buckets of the range asked for. */
void
ks_stats_buckets(const ks_request *request, ks_buckets *buckets)
{
	pg_tz	   *zone = ks_stats_zone(request);
	ks_unit		unit = ks_unit_parse(request->granularity != NULL ? request->granularity : "day");

	ks_buckets_build(buckets, request->from, request->to, zone, unit, request->locale);
}

/* A question but for its bins. */
void
ks_stats_question(const ks_request *request, ks_question *question)
{
	memset(question, 0, sizeof(*question));
	question->bot_id = request->bot_id;
	question->measure = request->measure;
	question->distinct = request->distinct;
	question->filter = ks_filters_array(&request->filters);
	question->key_parts = request->filters.key_parts;
}

static void
ask_buckets(const ks_request *request, const ks_buckets *buckets, ks_question *question)
{
	ks_stats_question(request, question);
	question->nsegments = buckets->nsegments;
	question->edges = buckets->edges;
	question->bin_of = buckets->bucket_of;
	question->nbins = buckets->nbuckets;
}

/* Count of each bucket and, where the request wants them, distinct members. */
void
ks_stats_counts(const ks_request *request, const ks_buckets *buckets, int64 *counts, int64 *distincts)
{
	ks_question question;

	ask_buckets(request, buckets, &question);
	ks_read_series(&question, counts, distincts);
}

/* A series for each key, grouped by so many parts from that one on. */
void
ks_stats_spread(const ks_request *request, const ks_buckets *buckets, int part, int parts, ks_spread *spread)
{
	ks_question question;

	ask_buckets(request, buckets, &question);
	ks_read_spread(&question, part, parts, spread);
}

/* What the keys of a top list by one part have there, as text; NULL for no value. */
char *
ks_part_name(ks_string key)
{
	ks_string	part = {NULL, 0};

	ks_key_shift(&key, &part);
	return part.bytes == NULL ? NULL : pnstrdup((const char *) part.bytes, part.length);
}

void
ks_stats_groups(const ks_request *request, int part, const ks_buckets *buckets, ks_groups *groups)
{
	int64	   *zeros = palloc0((buckets->nbuckets + 1) * sizeof(int64));
	ks_spread	spread;
	int			i;

	ks_stats_spread(request, buckets, part, 1, &spread);
	groups->count = spread.top.count;
	groups->names = palloc((groups->count + 1) * sizeof(char *));
	groups->counts = palloc((groups->count + 1) * sizeof(int64 *));
	groups->distincts = palloc((groups->count + 1) * sizeof(int64 *));
	for (i = 0; i < groups->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		groups->names[i] = ks_part_name(spread.top.lines[i].key);
		groups->counts[i] = spread.counts + (Size) i * buckets->nbuckets;
		groups->distincts[i] = spread.distincts == NULL ? zeros : spread.distincts + (Size) i * buckets->nbuckets;
	}
}

/* Members whose first event of all time lies in the bucket: bins are segments, after one for all that was before. */
void
ks_stats_newcomers(const ks_request *request, const ks_buckets *buckets, int64 *counts)
{
	int			nbins = buckets->nsegments + 1;
	TimestampTz *edges = palloc((nbins + 1) * sizeof(TimestampTz));
	int64	   *events = palloc(nbins * sizeof(int64));
	int64	   *members = palloc(nbins * sizeof(int64));
	ks_question question;
	int			i;

	edges[0] = DT_NOBEGIN;
	memcpy(edges + 1, buckets->edges, nbins * sizeof(TimestampTz));
	ks_stats_question(request, &question);
	question.distinct = question.firsts = true;
	question.nbins = question.nsegments = nbins;
	question.edges = edges;
	ks_read_series(&question, events, members);
	memset(counts, 0, buckets->nbuckets * sizeof(int64));
	for (i = 0; i < buckets->nsegments; i++)
	{
		int			bucket = buckets->bucket_of != NULL ? buckets->bucket_of[i] : i;

		if (bucket >= 0)
			counts[bucket] += members[i + 1];
	}
}

void
ks_stats_series(const ks_request *request, ks_series *series)
{
	ks_buckets *buckets = &series->buckets;

	ks_stats_buckets(request, buckets);
	series->counts = palloc0((buckets->nbuckets + 1) * sizeof(int64));
	series->distincts = palloc0((buckets->nbuckets + 1) * sizeof(int64));
	ks_stats_counts(request, buckets, series->counts, series->distincts);
}

/* All instants as one bin. */
static void
ask_all_time(ks_question *question)
{
	static const TimestampTz always[2] = {DT_NOBEGIN, DT_NOEND};

	question->nbins = 1;
	question->nsegments = 1;
	question->edges = always;
}

/*
 * The whole range as one bin: one segment, unless instants inside it belong to
 * no bucket.  Its ends are rounded to hours or to days, and days are the same
 * to all units from day on: with years there are fewest buckets to make.
 */
static void
ask_range(const ks_request *request, ks_question *question)
{
	bool		hours = request->granularity != NULL && ks_unit_parse(request->granularity) == KS_HOUR;
	ks_request	whole = *request;
	ks_buckets	buckets;
	TimestampTz *ends = palloc(2 * sizeof(TimestampTz));
	int32	   *bin_of;
	int			i;

	whole.granularity = hours ? "hour" : "year";
	ks_stats_buckets(&whole, &buckets);
	question->nbins = 1;
	if (buckets.bucket_of == NULL)
	{
		ends[0] = buckets.edges[0];
		ends[1] = buckets.edges[buckets.nsegments];
		question->nsegments = 1;
		question->edges = ends;
		return;
	}
	bin_of = palloc((buckets.nsegments + 1) * sizeof(int32));
	for (i = 0; i < buckets.nsegments; i++)
		bin_of[i] = buckets.bucket_of[i] < 0 ? KS_BIN_OUTSIDE : 0;
	question->nsegments = buckets.nsegments;
	question->edges = buckets.edges;
	question->bin_of = bin_of;
}

/* A question about the whole range as one bin, or all time. */
void
ks_stats_whole_range(const ks_request *request, ks_question *question)
{
	ks_stats_question(request, question);
	if (request->from == NULL && request->to == NULL)
		ask_all_time(question);
	else
		ask_range(request, question);
}

void
ks_stats_total(const ks_request *request, ks_total *total)
{
	ks_question question;

	ks_stats_whole_range(request, &question);
	ks_read_series(&question, &total->count, &total->distinct);
}

/* How often a measure counted; the request is left to be about it. */
int64
ks_stats_total_of(ks_request *request, const char *measure)
{
	ks_total	total;

	request->measure = measure;
	ks_stats_total(request, &total);
	return total.count;
}

/* The number of keys that a caller asks for, if that is one. */
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

/* The heaviest keys, grouped by so many parts from that one on (0 is the source, 1 the language). */
void
ks_stats_top_by(const ks_request *request, int part, int parts, int32 limit, ks_top *top)
{
	ks_question question;

	ks_stats_whole_range(request, &question);
	ks_read_top(&question, part, parts, limit, top);
}

/* The heaviest keys, beyond source and language. */
void
ks_stats_top(const ks_request *request, int32 limit, ks_top *top)
{
	ks_stats_top_by(request, KS_DIMENSIONS, KS_KEY_MAX_PARTS, limit, top);
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

/* From hours to cells. */
static void
cells_of_hours(const ks_buckets *hours, ks_question *question)
{
	int32	   *cells = palloc((hours->nsegments + 1) * sizeof(int32));
	int			i;

	for (i = 0; i < hours->nsegments; i++)
	{
		int			bucket = hours->bucket_of != NULL ? hours->bucket_of[i] : i;

		cells[i] = bucket < 0 ? KS_BIN_OUTSIDE : cell_of_label(hours->labels[bucket]);
	}
	question->nsegments = hours->nsegments;
	question->edges = hours->edges;
	question->bin_of = cells;
	question->nbins = KS_HEATMAP_CELLS;
}

/* How often each cell's hour began, or went on after the clock was set, in the range. */
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
ks_stats_heatmap(const ks_request *request, int64 *counts, int64 *distincts, int64 *occurrences)
{
	ks_request	hourly = *request;
	ks_question question;
	ks_buckets	hours;

	hourly.granularity = "hour";
	ks_stats_question(&hourly, &question);
	ks_stats_buckets(&hourly, &hours);
	cells_of_hours(&hours, &question);
	if (occurrences != NULL)
		count_occurrences(&hours, occurrences);
	ks_read_series(&question, counts, distincts);
}
