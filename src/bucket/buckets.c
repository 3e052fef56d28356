/*
 * From a question's range to its buckets.
 *
 * Ranges are first rounded to whole local hours or days on the local clock,
 * then cut on the zone's constant-offset spans.  A local moment never
 * becomes an instant before it has been rounded: midnight may not exist.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "bucket/bucket.h"
#include "bucket/calendar.h"
#include "bucket/offset_span.h"
#include "bucket/zone.h"

/*
 * The clock's readings and the instants they stand for are less than a day
 * apart; another day keeps what is cut off at the ends away from the range.
 */
#define HOUR_MARGIN		(2 * KS_USECS_PER_DAY)
#define DAY_MARGIN		(HOUR_MARGIN + KS_LONGEST_UNIT_DAYS * KS_USECS_PER_DAY)

static const char *const unit_names[] = {"hour", "day", "week", "month", "quarter", "year"};

/* Setting kindly_stats.max_buckets. */
int			ks_max_buckets = KS_MAX_BUCKETS;

/* A question with its zone unrolled around the range. */
typedef struct question
{
	const ks_moment *from;
	const ks_moment *to;
	ks_offset_spans spans;
	ks_unit		unit;
	ks_calendar calendar;
} question;

/*
 * Dashboards write granularities as spans, and choose "30m" or "7d" by
 * themselves.  A span of exactly one unit is taken as that unit; for others,
 * the unit whose length is nearest in ratio is suggested.
 */
#define SPAN_DIGITS		6

static bool
parse_span(const char *name, ks_unit *unit, bool *exact)
{
	static const struct
	{
		const char *suffix;
		double		seconds;
	}			spans[] = {
		{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {"M", 2629746}, {"y", 31556952}
	};

	/* the geometric means of neighbouring units, in seconds */
	static const double between[] = {17636, 228592, 1261133, 4554854, 15778476};
	int			digits = strspn(name, "0123456789");
	double		seconds = -1;
	int			i;

	if (digits == 0 || digits > SPAN_DIGITS)
		return false;
	for (i = 0; i < lengthof(spans); i++)
		if (strcmp(name + digits, spans[i].suffix) == 0)
			seconds = atoi(name) * spans[i].seconds;
	if (seconds < 0)
		return false;
	for (i = 0; i < lengthof(between) && seconds > between[i]; i++)
		;
	*unit = (ks_unit) i;
	*exact = digits == 1 && name[0] == '1' && strchr("hdwMy", name[1]) != NULL && name[2] == '\0';
	return true;
}

ks_unit
ks_unit_parse(const char *name)
{
	ks_unit		unit = KS_DAY;
	bool		exact = false;
	bool		is_span;
	int			i;

	for (i = 0; i < lengthof(unit_names); i++)
		if (pg_strcasecmp(name, unit_names[i]) == 0)
			return (ks_unit) i;
	is_span = parse_span(name, &unit, &exact);
	if (!exact)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("granularity \"%s\" is not known", name),
				 is_span
				 ? errhint("The nearest is \"%s\": granularities are hour, day, week, month, quarter and year.", unit_names[unit])
				 : errhint("Granularities are hour, day, week, month, quarter and year.")));
	return unit;
}

/* ------------------------------------------------------------------------
 * Errors
 * ------------------------------------------------------------------------
 */

static void
refuse_reversed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"from\" is later than \"to\""),
			 errhint("Exchange the two.")));
}

static void
refuse_empty(ks_unit unit)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the range from \"from\" to \"to\" is empty"),
			 errhint("\"to\" is exclusive: for a single %s, give the beginning of the next one.",
					 unit == KS_HOUR ? "hour" : "day")));
}

static void
check_count(int64 n, ks_unit unit)
{
	if (n > ks_max_buckets)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the range has more than %d buckets of one %s", ks_max_buckets,
						unit_names[unit]),
				 errhint("Use a coarser granularity or a shorter range.")));
}

/* ------------------------------------------------------------------------
 * The range
 * ------------------------------------------------------------------------
 */

static int64
instant_of(const question *q, const ks_moment *moment)
{
	return moment->kind == KS_MOMENT_INSTANT ? moment->value
		: ks_offset_spans_first(&q->spans, moment->value);
}

static bool
both_local(const question *q)
{
	return q->from->kind == KS_MOMENT_LOCAL && q->to->kind == KS_MOMENT_LOCAL;
}

/*
 * Less than 0, 0 or greater than 0.  Two readings are compared as such, since
 * the clock may never have shown them.
 */
static int
compare_moments(const question *q)
{
	int64		from = both_local(q) ? q->from->value : instant_of(q, q->from);
	int64		to = both_local(q) ? q->to->value : instant_of(q, q->to);

	return from < to ? -1 : from > to;
}

static int64
day_of(int64 reading)
{
	return ks_floor_div(reading, KS_USECS_PER_DAY);
}

/*
 * First and last local day of the range.  Between two instants the clock may
 * be set back to an earlier date or ahead to a later one: the days on both
 * sides of each change count.
 */
static void
range_days(const question *q, int64 *first, int64 *last)
{
	const ks_offset_spans *spans = &q->spans;
	int64		from = instant_of(q, q->from);
	int64		to = instant_of(q, q->to);
	bool		from_local = q->from->kind == KS_MOMENT_LOCAL;
	bool		to_local = q->to->kind == KS_MOMENT_LOCAL;
	int			i;

	*first = day_of(from_local ? q->from->value : ks_offset_spans_reading(spans, from));
	*last = day_of(to_local ? q->to->value - 1 : ks_offset_spans_reading(spans, to - 1));

	for (i = 1; i < spans->n; i++)
	{
		int64		change = spans->span[i].start;
		int64		day_after,
					day_before;

		if (change <= from || change >= to)
			continue;
		day_after = day_of(change + spans->span[i].offset);
		day_before = day_of(change - 1 + spans->span[i - 1].offset);
		if (!from_local)
			*first = Min(*first, day_after);
		if (!to_local)
			*last = Max(*last, day_before);
	}
}

/* First and last instant of the range, before they are widened to hours. */
static void
range_instants(const question *q, int64 *first, int64 *last)
{
	int64		to = q->to->value;

	if (q->from->kind == KS_MOMENT_LOCAL)
		*first = ks_offset_spans_first(&q->spans, q->from->value -
								   ks_floor_mod(q->from->value, KS_USECS_PER_HOUR));
	else
		*first = q->from->value;

	if (q->to->kind == KS_MOMENT_LOCAL)
		to = ks_offset_spans_first(&q->spans, to + ks_floor_mod(-to, KS_USECS_PER_HOUR));
	*last = to - 1;
}

/* ------------------------------------------------------------------------
 * Days and longer units
 * ------------------------------------------------------------------------
 */

/* Local days on which buckets begin, and the day after the last bucket. */
static int64 *
bucket_days(const question *q, int64 first, int64 last, int *nbuckets)
{
	/* Every unit has a day or more, and no range more days than this. */
	int64		capacity = Min(last - first + 1, KS_MAX_BUCKETS) + 2;
	int64	   *days = palloc(capacity * sizeof(int64));
	int			n = 0;

	days[0] = ks_calendar_floor(&q->calendar, first, q->unit);
	while (days[n] <= last)
	{
		check_count(n + 1, q->unit);
		days[n + 1] = ks_calendar_next(&q->calendar, days[n], q->unit);
		if (days[n + 1] <= days[n])
			elog(ERROR, "calendar does not advance");
		n++;
		if (q->calendar.icu != NULL)
			CHECK_FOR_INTERRUPTS();
	}
	*nbuckets = n;
	return days;
}

/* The days as readings, but no earlier or later than the range. */
static int64 *
clipped_cuts(const int64 *days, int n, int64 first, int64 last)
{
	int64	   *cuts = palloc((n + 1) * sizeof(int64));
	int			i;

	for (i = 1; i < n; i++)
		cuts[i] = days[i] * KS_USECS_PER_DAY;
	cuts[0] = first * KS_USECS_PER_DAY;
	cuts[n] = (last + 1) * KS_USECS_PER_DAY;
	return cuts;
}

static void
allocate_buckets(ks_buckets *result, int64 nbuckets, int64 nintervals)
{
	result->starts = palloc((nbuckets + 1) * sizeof(TimestampTz));
	result->ends = palloc((nbuckets + 1) * sizeof(TimestampTz));
	result->labels = palloc((nbuckets + 1) * sizeof(Timestamp));
	result->partial = palloc0((nbuckets + 1) * sizeof(bool));
	result->edges = palloc((nintervals + 1) * sizeof(TimestampTz));
	result->bucket_of = palloc((nintervals + 1) * sizeof(int32));
}

/*
 * Turns intervals into spans; buckets that never occurred get no number.
 * Intervals before the first bucket's and after the last one's are left out.
 */
static void
collect_intervals(ks_buckets *result, const ks_interval *intervals, int64 nintervals, int64 end,
				  int32 *number, int n)
{
	int64		first = 0;
	int64		i;
	int			b;

	while (first < nintervals && intervals[first].bucket < 0)
		first++;
	while (nintervals > first && intervals[nintervals - 1].bucket < 0)
		end = intervals[--nintervals].start;

	for (b = 0; b < n; b++)
		number[b] = -1;
	for (i = first; i < nintervals; i++)
		if (intervals[i].bucket >= 0)
			number[intervals[i].bucket] = 0;
	for (b = 0; b < n; b++)
		if (number[b] == 0)
			number[b] = result->nbuckets++;

	result->nintervals = nintervals - first;
	for (i = first; i < nintervals; i++)
	{
		int32		bucket = intervals[i].bucket < 0 ? -1 : number[intervals[i].bucket];

		result->edges[i - first] = intervals[i].start;
		result->bucket_of[i - first] = bucket;
	}
	result->edges[result->nintervals] = end;
}

/* A day may be two intervals; its start is the first one's, its end the last one's. */
static void
bound_buckets(ks_buckets *result)
{
	int			i;

	for (i = result->nintervals - 1; i >= 0; i--)
		if (result->bucket_of[i] >= 0)
			result->starts[result->bucket_of[i]] = result->edges[i];
	for (i = 0; i < result->nintervals; i++)
		if (result->bucket_of[i] >= 0)
			result->ends[result->bucket_of[i]] = result->edges[i + 1];
}

/* Mostly span i is bucket i, and bucket_of is not needed. */
static void
forget_plain_mapping(ks_buckets *result)
{
	int			i;

	if (result->nintervals != result->nbuckets)
		return;
	for (i = 0; i < result->nintervals; i++)
		if (result->bucket_of[i] != i)
			return;
	pfree(result->bucket_of);
	result->bucket_of = NULL;
}

static void
build_days(ks_buckets *result, const question *q)
{
	const ks_offset_spans *spans = &q->spans;
	int64		first;
	int64		last;
	int64		nintervals;
	int64	   *days;
	int64	   *cuts;
	int32	   *number;
	ks_interval *intervals;
	int			n;
	int			b;

	range_days(q, &first, &last);
	if (last < first)
		refuse_empty(q->unit);
	days = bucket_days(q, first, last, &n);
	cuts = clipped_cuts(days, n, first, last);

	intervals = palloc(ks_offset_spans_max_intervals(spans, n + 1) * sizeof(ks_interval));
	nintervals = ks_offset_spans_cut(spans, cuts, n, intervals);

	allocate_buckets(result, n, nintervals);
	number = palloc(n * sizeof(int32));
	collect_intervals(result, intervals, nintervals, spans->end, number, n);
	bound_buckets(result);
	for (b = 0; b < n; b++)
		if (number[b] >= 0)
			result->labels[number[b]] = days[b] * KS_USECS_PER_DAY;

	if (days[0] < first && number[0] >= 0)
	{
		result->starts[number[0]] = ks_offset_spans_first(spans, days[0] * KS_USECS_PER_DAY);
		result->partial[number[0]] = true;
	}
	if (days[n] > last + 1 && number[n - 1] >= 0)
	{
		result->ends[number[n - 1]] = ks_offset_spans_first(spans, days[n] * KS_USECS_PER_DAY);
		result->partial[number[n - 1]] = true;
	}
	forget_plain_mapping(result);

	pfree(days);
	pfree(cuts);
	pfree(intervals);
	pfree(number);
}

/* ------------------------------------------------------------------------
 * Hours
 * ------------------------------------------------------------------------
 */

/* The hour that holds the instant. */
static int64
hour_at(const ks_hour *hours, int64 nhours, int64 instant)
{
	int64		low = 0;
	int64		high = nhours - 1;

	while (low < high)
	{
		int64		middle = low + (high - low + 1) / 2;

		if (hours[middle].start <= instant)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void
build_hours(ks_buckets *result, const question *q)
{
	int64		capacity = ks_offset_spans_max_hours(&q->spans);
	int64		first_instant;
	int64		last_instant;
	int64		nhours;
	int64		first;
	int64		last;
	ks_hour    *hours;
	int64		i;

	range_instants(q, &first_instant, &last_instant);
	check_count((last_instant - first_instant) / KS_USECS_PER_HOUR, KS_HOUR);

	hours = palloc(capacity * sizeof(ks_hour));
	nhours = ks_offset_spans_hours(&q->spans, hours);
	first = hour_at(hours, nhours, first_instant);
	last = hour_at(hours, nhours, last_instant);
	if (last < first && compare_moments(q) == 0)
		refuse_empty(KS_HOUR);

	result->nbuckets = last - first + 1;
	result->nintervals = result->nbuckets;
	check_count(result->nbuckets, KS_HOUR);
	allocate_buckets(result, result->nbuckets, result->nintervals);
	for (i = first; i <= last; i++)
	{
		result->starts[i - first] = hours[i].start;
		result->ends[i - first] = hours[i + 1].start;
		result->labels[i - first] = hours[i].label;
		result->edges[i - first] = hours[i].start;
	}
	result->edges[result->nintervals] = hours[last + 1].start;
	pfree(result->bucket_of);
	result->bucket_of = NULL;
	pfree(hours);
}

void
ks_buckets_build(ks_buckets *result, const ks_moment *from, const ks_moment *to,
				 pg_tz *zone, ks_unit unit, const char *locale)
{
	int64		margin = unit == KS_HOUR ? HOUR_MARGIN : DAY_MARGIN;
	question	q;

	memset(result, 0, sizeof(*result));
	ks_moment_check(from, "from");
	ks_moment_check(to, "to");

	q.from = from;
	q.to = to;
	q.unit = unit;
	/* Checked before anything is allocated for the range, which may be a million hours. */
	check_count((to->value - from->value - 2 * KS_USECS_PER_DAY) /
				(unit == KS_HOUR ? KS_USECS_PER_HOUR : KS_USECS_PER_DAY * KS_LONGEST_UNIT_DAYS),
				unit);
	ks_zone_offset_spans(&q.spans, zone, Min(from->value, to->value) - margin,
						 Max(from->value, to->value) + margin);
	if (compare_moments(&q) > 0)
		refuse_reversed();

	ks_calendar_open(&q.calendar, locale, unit);
	if (unit == KS_HOUR)
		build_hours(result, &q);
	else
		build_days(result, &q);
	ks_calendar_close(&q.calendar);
	pfree(q.spans.span);
}
