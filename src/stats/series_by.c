/*
 * Series and totals for each source, language or value of a key column.
 */
#include "stats/stats.h"

#include "base/compat.h"
#include "bucket/clock.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_stats_series_by_sql);
PG_FUNCTION_INFO_V1(ks_stats_total_by_sql);

/* Which part of the measure's keys "by" names. */
static int
part_argument(FunctionCallInfo fcinfo, int argument, const char *measure)
{
	char	   *by = PG_ARGISNULL(argument) ? "source" : ks_optional_text(fcinfo, argument);
	int			part;

	if (strcmp(by, "source") == 0)
		return 0;
	if (strcmp(by, "language_code") == 0)
		return 1;
	part = ks_measure_key_part(measure, by);
	if (part < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("measure \"%s\" cannot be grouped by \"%s\"", measure, by),
				 errhint("Group by source, language_code or a key column of the measure, which kindly_stats.measure lists.")));
	return KS_DIMENSIONS + part;
}

/* bot, from, to, tz, by, granularity, measure, sources, language_codes, key, locale */
static int
by_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	ks_common_arguments(fcinfo, arguments);
	arguments->granularity = ks_optional_text(fcinfo, 5);
	arguments->measure = ks_measure_argument(fcinfo, 6, "messages");
	ks_dimension_arguments(fcinfo, 7, arguments);
	ks_key_argument(fcinfo, 9, arguments);
	arguments->locale = ks_optional_text(fcinfo, 10);
	arguments->distinct = true;
	return part_argument(fcinfo, 4, arguments->measure);
}

static void
put_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text == NULL;
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

Datum
ks_stats_series_by_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_buckets	buckets;
	ks_series_by	groups;
	TimestampTz now = ks_now();
	int			part;
	int			g,
				i;

	InitMaterializedSRF(fcinfo, 0);
	part = by_arguments(fcinfo, &arguments);
	ks_stats_buckets(&arguments, &buckets);
	if (buckets.nbuckets == 0)
		return (Datum) 0;
	ks_stats_groups(&arguments, part, &buckets, &groups);
	for (g = 0; g < groups.count; g++)
	{
		for (i = 0; i < buckets.nbuckets; i++)
		{
			Datum		values[6];
			bool		nulls[6] = {false};

			put_text(&values[0], &nulls[0], groups.names[g]);
			values[1] = TimestampTzGetDatum(buckets.starts[i]);
			values[2] = TimestampGetDatum(buckets.labels[i]);
			values[3] = Int64GetDatum(groups.counts[g][i]);
			values[4] = Int64GetDatum(groups.distincts[g][i]);
			values[5] = BoolGetDatum(ks_is_partial(&buckets, i, now));
			ks_put_row(fcinfo, values, nulls);
		}
	}
	return (Datum) 0;
}

Datum
ks_stats_total_by_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_top		top;
	int			part;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	part = by_arguments(fcinfo, &arguments);
	ks_stats_top_by(&arguments, part, 1, PG_INT32_MAX, &top);
	for (i = 0; i < top.count; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		put_text(&values[0], &nulls[0], ks_part_name(top.lines[i].key));
		values[1] = Int64GetDatum(top.lines[i].weight);
		values[2] = Int64GetDatum(top.lines[i].members);
		values[3] = Float8GetDatum(ks_ratio(top.lines[i].weight, top.total));
		nulls[3] = top.total == 0;
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}
