/*
 * Series and totals beside those of an earlier range.
 *
 * The earlier range is the later one shifted back on the local calendar: by its own
 * length, by a year, or by 52 weeks.  Dates are shifted, not instants, so that a
 * day is compared with a day, whatever the clock did in either.  A date that does
 * not exist (29 February, the 31st of a shorter month) is compared with nothing; as
 * an end of the range it becomes the next existing day.
 */
#include "stats/stats.h"

#include "base/compat.h"
#include "base/sort.h"
#include "bucket/clock.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_stats_series_compared_sql);
PG_FUNCTION_INFO_V1(ks_stats_total_compared_sql);

#define COMPARE_ARGUMENT 10

/* How far back: months, then a fixed time. */
typedef struct shift
{
	int			months;
	int64		span;
} shift;

/* A range on the local clock, rounded outward to hours or days. */
typedef struct local_range
{
	Timestamp	from;
	Timestamp	to;
} local_range;

/* A bucket's label and number, to find buckets by label. */
typedef struct labelled
{
	Timestamp	label;
	int			bucket;
} labelled;

static bool
in_hours(const ks_arguments *arguments)
{
	return arguments->granularity != NULL && ks_unit_parse(arguments->granularity) == KS_HOUR;
}

/* False where the local clock never shows any of the range. */
static bool
rounded_range(const ks_arguments *arguments, local_range *range)
{
	ks_arguments finest = *arguments;
	ks_buckets	buckets;

	finest.granularity = in_hours(arguments) ? "hour" : "day";
	ks_stats_buckets(&finest, &buckets);
	if (buckets.nbuckets == 0)
		return false;
	range->from = buckets.labels[0];
	range->to = buckets.labels[buckets.nbuckets - 1] + (in_hours(arguments) ? USECS_PER_HOUR : USECS_PER_DAY);
	return true;
}

/* The number of the month that begins at this reading, or -1. */
static int64
month_that_begins(Timestamp at)
{
	int64		year;
	int			month,
				day;

	ks_civil_date(ks_floor_div(at, USECS_PER_DAY), &year, &month, &day);
	return ks_floor_mod(at, USECS_PER_DAY) == 0 && day == 1 ? year * 12 + month - 1 : -1;
}

/* The length of a range: in months if it consists of whole months, else in time. */
static void
own_length(const local_range *range, shift *back)
{
	int64		first = month_that_begins(range->from);
	int64		last = month_that_begins(range->to);

	if (first >= 0 && last >= 0)
		back->months = (int) (last - first);
	else
		back->span = range->to - range->from;
}

static shift
read_shift(FunctionCallInfo fcinfo, const local_range *range)
{
	const char *compare = PG_ARGISNULL(COMPARE_ARGUMENT) ? "previous_period" : ks_optional_text(fcinfo, COMPARE_ARGUMENT);
	shift		result = {0, 0};

	if (strcmp(compare, "previous_period") == 0)
		own_length(range, &result);
	else if (strcmp(compare, "previous_year") == 0)
		result.months = 12;
	else if (strcmp(compare, "previous_year_weekday") == 0)
		result.span = 52 * 7 * USECS_PER_DAY;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("comparison \"%s\" is not known", compare),
				 errhint("Comparisons are previous_period, previous_year and previous_year_weekday.")));
	return result;
}

/* The reading so far back; false for a day that the month does not have: then the result is the beginning of the next month. */
static bool
shift_back(const shift *back, Timestamp at, Timestamp *result)
{
	int64		date = ks_floor_div(at, USECS_PER_DAY);
	int64		year,
				number,
				start,
				next;
	int			month,
				day;

	*result = at - back->span;
	if (back->months == 0)
		return true;
	ks_civil_date(date, &year, &month, &day);
	number = year * 12 + month - 1 - back->months;
	start = ks_civil_days(ks_floor_div(number, 12), (int) ks_floor_mod(number, 12) + 1, 1);
	next = ks_civil_days(ks_floor_div(number + 1, 12), (int) ks_floor_mod(number + 1, 12) + 1, 1);
	if (start + day - 1 >= next)
	{
		*result = next * USECS_PER_DAY;
		return false;
	}
	*result = (start + day - 1) * USECS_PER_DAY + ks_floor_mod(at, USECS_PER_DAY);
	return true;
}

/* The same question about the range so far back; false where that is empty. */
static bool
earlier_arguments(const ks_arguments *arguments, const local_range *range, const shift *back, ks_arguments *earlier)
{
	ks_moment  *from = palloc0(sizeof(ks_moment));
	ks_moment  *to = palloc0(sizeof(ks_moment));

	shift_back(back, range->from, &from->value);
	shift_back(back, range->to, &to->value);
	*earlier = *arguments;
	earlier->from = from;
	earlier->to = to;
	return from->value < to->value;
}

/* ------------------------------------------------------------------------
 * Which bucket with which
 * ------------------------------------------------------------------------
 */

static int
compare_labelled(const void *a, const void *b)
{
	const labelled *x = a;
	const labelled *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static labelled *
sort_labels(const ks_buckets *buckets)
{
	labelled   *result = palloc((buckets->nbuckets + 1) * sizeof(labelled));
	int			i;

	for (i = 0; i < buckets->nbuckets; i++)
	{
		result[i].label = buckets->labels[i];
		result[i].bucket = i;
	}
	ks_sort(result, buckets->nbuckets, sizeof(labelled), compare_labelled, CurrentMemoryContext);
	return result;
}

/* The first label that is not below this one. */
static int
find_label(const labelled *labels, int count, Timestamp label)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (labels[middle].label < label)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Matches hours and days by their labels; of an hour that comes twice, the first with the first. */
static void
match_labels(const ks_buckets *buckets, const ks_buckets *earlier, const shift *back, int *matches)
{
	labelled   *labels = sort_labels(buckets);
	labelled   *found = sort_labels(earlier);
	int			occurrence = 0;
	int			i;

	for (i = 0; i < buckets->nbuckets; i++)
	{
		Timestamp	label;
		int			at;

		occurrence = i > 0 && labels[i].label == labels[i - 1].label ? occurrence + 1 : 0;
		if (!shift_back(back, labels[i].label, &label))
			continue;
		at = find_label(found, earlier->nbuckets, label) + occurrence;
		if (at < earlier->nbuckets && found[at].label == label)
			matches[labels[i].bucket] = found[at].bucket;
	}
}

/* For each bucket the number of the one it is compared with, or -1. */
static int *
match_buckets(const ks_arguments *arguments, const ks_buckets *buckets, const ks_buckets *earlier, const shift *back)
{
	ks_unit		unit = arguments->granularity != NULL ? ks_unit_parse(arguments->granularity) : KS_DAY;
	int		   *result = palloc((buckets->nbuckets + 1) * sizeof(int));
	int			i;

	for (i = 0; i < buckets->nbuckets; i++)
		result[i] = unit > KS_DAY && i < earlier->nbuckets ? i : -1;
	if (unit <= KS_DAY && earlier->nbuckets > 0)
		match_labels(buckets, earlier, back, result);
	return result;
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* Earlier value, difference and ratio; NULLs where there is nothing to compare with. */
static void
put_comparison(Datum *values, bool *nulls, int earlier_at, int difference_at, int ratio_at, int64 value, const int64 *earlier)
{
	int64		difference = 0;

	if (earlier != NULL && pg_sub_s64_overflow(value, *earlier, &difference))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("difference is out of range")));
	nulls[earlier_at] = nulls[difference_at] = earlier == NULL;
	nulls[ratio_at] = earlier == NULL || *earlier == 0;
	values[earlier_at] = Int64GetDatum(earlier == NULL ? 0 : *earlier);
	values[difference_at] = Int64GetDatum(difference);
	values[ratio_at] = Float8GetDatum(nulls[ratio_at] ? 0.0 : ks_ratio(value, *earlier));
}

/* bot, from, to, tz, granularity, measure, sources, language_codes, key, locale, compare */
Datum
ks_stats_series_compared_sql(PG_FUNCTION_ARGS)
{
	TimestampTz now = ks_now();
	ks_arguments arguments;
	ks_arguments before;
	ks_series	series;
	ks_series	earlier;
	local_range range;
	shift		back;
	int		   *matches;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	ks_series_arguments(fcinfo, &arguments);
	ks_stats_series(&arguments, &series);
	if (!rounded_range(&arguments, &range))
		return (Datum) 0;
	back = read_shift(fcinfo, &range);
	memset(&earlier, 0, sizeof(earlier));
	if (earlier_arguments(&arguments, &range, &back, &before))
		ks_stats_series(&before, &earlier);
	matches = match_buckets(&arguments, &series.buckets, &earlier.buckets, &back);
	for (i = 0; i < series.buckets.nbuckets; i++)
	{
		int			match = matches[i];
		bool		partial = ks_is_partial(&series.buckets, i, now);
		Datum		values[13] = {0};
		bool		nulls[13] = {false};

		values[0] = TimestampTzGetDatum(series.buckets.starts[i]);
		values[1] = TimestampGetDatum(series.buckets.labels[i]);
		values[2] = Int64GetDatum(series.counts[i]);
		values[3] = Int64GetDatum(series.distincts[i]);
		nulls[4] = nulls[5] = match < 0;
		if (match >= 0)
		{
			values[4] = TimestampTzGetDatum(earlier.buckets.starts[match]);
			values[5] = TimestampGetDatum(earlier.buckets.labels[match]);
			partial |= ks_is_partial(&earlier.buckets, match, now);
		}
		put_comparison(values, nulls, 6, 8, 10, series.counts[i], match < 0 ? NULL : &earlier.counts[match]);
		put_comparison(values, nulls, 7, 9, 11, series.distincts[i], match < 0 ? NULL : &earlier.distincts[match]);
		values[12] = BoolGetDatum(partial);
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* The same arguments. */
Datum
ks_stats_total_compared_sql(PG_FUNCTION_ARGS)
{
	TimestampTz now = ks_now();
	ks_arguments arguments;
	ks_arguments before;
	ks_total	total;
	ks_total	earlier = {0, 0};
	local_range range;
	ks_moment	end = {0, KS_MOMENT_LOCAL, 0};
	shift		back;
	bool		any;
	Datum		values[11] = {0};
	bool		nulls[11] = {false};

	InitMaterializedSRF(fcinfo, 0);
	ks_series_arguments(fcinfo, &arguments);
	ks_stats_total(&arguments, &total);
	if (!rounded_range(&arguments, &range))
		return (Datum) 0;
	back = read_shift(fcinfo, &range);
	any = earlier_arguments(&arguments, &range, &back, &before);
	if (any)
		ks_stats_total(&before, &earlier);
	values[0] = Int64GetDatum(total.count);
	values[1] = Int64GetDatum(total.distinct);
	put_comparison(values, nulls, 2, 4, 6, total.count, any ? &earlier.count : NULL);
	put_comparison(values, nulls, 3, 5, 7, total.distinct, any ? &earlier.distinct : NULL);
	nulls[8] = nulls[9] = !any;
	values[8] = TimestampGetDatum(before.from->value);
	values[9] = TimestampGetDatum(before.to->value);
	end.value = range.to;
	values[10] = BoolGetDatum(ks_moment_instant(&end, ks_stats_zone(&arguments)) > now);
	ks_put_row(fcinfo, values, nulls);
	return (Datum) 0;
}
