/*
 * From a question as callers ask it to the rollup and back.
 */
#include "stats/stats.h"

#include "compat.h"

#include "utils/builtins.h"

/* The bot a question is about. */
int64
ks_required_bot(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"bot\" is missing"),
				 errhint("Pass the bot's number.")));
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

char *
ks_optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* Zero where there is nothing to be a part of. */
double
ks_ratio(int64 part, int64 whole)
{
	return whole == 0 ? 0.0 : (double) part / (double) whole;
}

/* The buckets of the range asked for. */
void
ks_stats_buckets(const ks_request *request, ks_buckets *buckets)
{
	pg_tz	   *zone = request->zone != NULL ? ks_zone_lookup(request->zone, request->locale) : ks_zone_session();
	ks_unit		unit = ks_unit_parse(request->granularity != NULL ? request->granularity : "day");

	ks_buckets_build(buckets, request->from, request->to, zone, unit, request->locale);
}

static void
start_question(const ks_request *request, ks_question *question)
{
	memset(question, 0, sizeof(*question));
	question->bot_id = request->bot_id;
	question->measure = request->measure;
	question->distinct = request->distinct;
	question->filter = ks_filters_array(&request->filters);
	question->key_parts = request->filters.key_parts;
}

/* Count of each bucket and, where the request wants them, distinct members. */
void
ks_stats_counts(const ks_request *request, const ks_buckets *buckets, int64 *counts, int64 *distincts)
{
	ks_question question;

	start_question(request, &question);
	question.nsegments = buckets->nsegments;
	question.edges = buckets->edges;
	question.bin_of = buckets->bucket_of;
	question.nbins = buckets->nbuckets;
	ks_read_series(&question, counts, distincts);
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

/*
 * The whole range as one bin: one segment, unless instants inside it belong to
 * no bucket.  Its ends are rounded to hours or to days, and days are the same
 * to all units from day on: with years there are fewest buckets to make.
 */
static void
ask_whole_range(const ks_request *request, ks_question *question)
{
	bool		hours = request->granularity != NULL && ks_unit_parse(request->granularity) == KS_HOUR;
	ks_request	whole = *request;
	ks_buckets	buckets;
	TimestampTz *ends = palloc(2 * sizeof(TimestampTz));
	int32	   *bin_of;
	int			i;

	start_question(request, question);
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

void
ks_stats_total(const ks_request *request, ks_total *total)
{
	ks_question question;

	ask_whole_range(request, &question);
	ks_read_series(&question, &total->count, &total->distinct);
}

/* The heaviest keys, beyond source and language. */
void
ks_stats_top(const ks_request *request, int32 limit, ks_top *top)
{
	ks_question question;

	if (limit < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"limit\" must be at least 1, not %d", limit),
				 errhint("Leave it out for the default.")));
	ask_whole_range(request, &question);
	ks_read_top(&question, KS_DIMENSIONS, (uint32) limit, top);
}

/* Into arrays of KS_HEATMAP_CELLS: cell = weekday (0 is Sunday) * 24 + local hour. */
void
ks_stats_heatmap(const ks_request *request, int64 *counts, int64 *distincts)
{
	ks_request	hourly = *request;
	ks_question question;
	ks_buckets	buckets;
	int32	   *cell_of;
	int			i;

	hourly.granularity = "hour";
	start_question(&hourly, &question);
	ks_stats_buckets(&hourly, &buckets);
	cell_of = palloc((buckets.nsegments + 1) * sizeof(int32));
	for (i = 0; i < buckets.nsegments; i++)
	{
		int			bucket = buckets.bucket_of != NULL ? buckets.bucket_of[i] : i;
		int64		hours = bucket < 0 ? 0 : buckets.labels[bucket] / USECS_PER_HOUR;

		if (bucket >= 0 && buckets.labels[bucket] % USECS_PER_HOUR < 0)
			hours--;
		/* hours since Saturday 2000-01-01; the week of cells begins on Sunday */
		cell_of[i] = bucket < 0 ? KS_BIN_OUTSIDE : (int32) ((hours % KS_HEATMAP_CELLS + KS_HEATMAP_CELLS + 6 * 24) % KS_HEATMAP_CELLS);
	}
	question.nsegments = buckets.nsegments;
	question.edges = buckets.edges;
	question.bin_of = cell_of;
	question.nbins = KS_HEATMAP_CELLS;
	ks_read_series(&question, counts, distincts);
}
