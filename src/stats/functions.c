/*
 * The typed SQL functions: stats_series(), stats_total() and their kin.
 */
#include "stats/stats.h"

#include "base/compat.h"
#include "bucket/clock.h"
#include "query/accessor.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_stats_series_sql);
PG_FUNCTION_INFO_V1(ks_stats_total_sql);
PG_FUNCTION_INFO_V1(ks_stats_series_across_bots);
PG_FUNCTION_INFO_V1(ks_stats_total_across_bots);
PG_FUNCTION_INFO_V1(ks_stats_top_sql);
PG_FUNCTION_INFO_V1(ks_stats_heatmap_sql);
PG_FUNCTION_INFO_V1(ks_stats_options_sql);
PG_FUNCTION_INFO_V1(ks_fallback_rate_sql);
PG_FUNCTION_INFO_V1(ks_top_buttons_sql);

static Datum
put_series(FunctionCallInfo fcinfo, const ks_arguments *arguments)
{
	ks_series	series;
	TimestampTz now = ks_now();
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	ks_stats_series(arguments, &series);
	for (i = 0; i < series.buckets.nbuckets; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = TimestampTzGetDatum(series.buckets.starts[i]);
		values[1] = TimestampGetDatum(series.buckets.labels[i]);
		values[2] = Int64GetDatum(series.counts[i]);
		values[3] = Int64GetDatum(series.distincts[i]);
		values[4] = BoolGetDatum(ks_is_partial(&series.buckets, i, now));
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

static Datum
put_total(FunctionCallInfo fcinfo, const ks_arguments *arguments)
{
	ks_total	total;
	Datum		values[2];
	bool		nulls[2] = {false};

	InitMaterializedSRF(fcinfo, 0);
	ks_stats_total(arguments, &total);
	values[0] = Int64GetDatum(total.count);
	values[1] = Int64GetDatum(total.distinct);
	ks_put_row(fcinfo, values, nulls);
	return (Datum) 0;
}

Datum
ks_stats_series_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;

	ks_series_arguments(fcinfo, &arguments);
	return put_series(fcinfo, &arguments);
}

Datum
ks_stats_total_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;

	ks_series_arguments(fcinfo, &arguments);
	return put_total(fcinfo, &arguments);
}

Datum
ks_stats_series_across_bots(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;

	ks_across_bots_arguments(fcinfo, &arguments);
	return put_series(fcinfo, &arguments);
}

Datum
ks_stats_total_across_bots(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;

	ks_across_bots_arguments(fcinfo, &arguments);
	return put_total(fcinfo, &arguments);
}

static int32
limit_argument(FunctionCallInfo fcinfo, int argument, int32 otherwise)
{
	return ks_stats_limit(PG_ARGISNULL(argument) ? otherwise : PG_GETARG_INT32(argument));
}

/* bot, from, to, tz, measure, limit, sources, language_codes, key */
Datum
ks_stats_top_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_top		top;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	ks_common_arguments(fcinfo, &arguments);
	arguments.measure = ks_measure_argument(fcinfo, 4, "buttons");
	ks_dimension_arguments(fcinfo, 6, &arguments);
	ks_key_argument(fcinfo, 8, &arguments);
	arguments.distinct = true;
	ks_stats_top(&arguments, limit_argument(fcinfo, 5, 5), &top);
	for (i = 0; i < top.count; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = PointerGetDatum(ks_key_to_array(top.lines[i].key));
		values[1] = Int64GetDatum(top.lines[i].weight);
		values[2] = Int64GetDatum(top.lines[i].members);
		values[3] = Float8GetDatum(ks_ratio(top.lines[i].weight, top.total));
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* bot, from, to, tz, measure, sources, language_codes, key */
Datum
ks_stats_heatmap_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	int64		counts[KS_HEATMAP_CELLS];
	int64		distincts[KS_HEATMAP_CELLS];
	int64		occurrences[KS_HEATMAP_CELLS];
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	ks_common_arguments(fcinfo, &arguments);
	arguments.measure = ks_measure_argument(fcinfo, 4, "messages");
	ks_dimension_arguments(fcinfo, 5, &arguments);
	ks_key_argument(fcinfo, 7, &arguments);
	arguments.distinct = true;
	ks_stats_heatmap(&arguments, counts, distincts, occurrences);
	for (i = 0; i < KS_HEATMAP_CELLS; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i / 24);
		values[1] = Int32GetDatum(i % 24);
		values[2] = Int64GetDatum(counts[i]);
		values[3] = Int64GetDatum(distincts[i]);
		values[4] = Int64GetDatum(occurrences[i]);
		values[5] = Float8GetDatum(ks_ratio(counts[i], occurrences[i]));
		nulls[5] = occurrences[i] == 0;
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* Names, written as items of lists. */
static Datum
names_array(char **names, int count)
{
	Datum	   *items = palloc((count + 1) * sizeof(Datum));
	int			i;

	for (i = 0; i < count; i++)
		items[i] = CStringGetTextDatum(ks_list_item(names[i]));
	return PointerGetDatum(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
ks_stats_options_sql(PG_FUNCTION_ARGS)
{
	ks_options	options;
	Datum		values[4];
	bool		nulls[4] = {false};

	InitMaterializedSRF(fcinfo, 0);
	ks_read_options(ks_required_bot(fcinfo, 0), &options);
	nulls[0] = nulls[1] = !options.any;
	values[0] = TimestampTzGetDatum(options.first);
	values[1] = TimestampTzGetDatum(options.last);
	values[2] = names_array(options.sources, options.nsources);
	values[3] = names_array(options.languages, options.nlanguages);
	ks_put_row(fcinfo, values, nulls);
	return (Datum) 0;
}

/* bot, from, to, tz, sources, language_codes */
Datum
ks_fallback_rate_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_total	fallbacks,
				replies;
	Datum		values[2];
	bool		nulls[2] = {false};

	InitMaterializedSRF(fcinfo, 0);
	ks_common_arguments(fcinfo, &arguments);
	ks_dimension_arguments(fcinfo, 4, &arguments);
	arguments.measure = "fallbacks";
	ks_stats_total(&arguments, &fallbacks);
	arguments.measure = "replies";
	ks_stats_total(&arguments, &replies);
	values[0] = Int64GetDatum(fallbacks.count);
	values[1] = Float8GetDatum(ks_ratio(fallbacks.count, replies.count));
	nulls[1] = replies.count == 0;
	ks_put_row(fcinfo, values, nulls);
	return (Datum) 0;
}

/* bot, from, to, tz, limit, sources, language_codes */
Datum
ks_top_buttons_sql(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_top		top;
	int			i,
				part_number;

	InitMaterializedSRF(fcinfo, 0);
	ks_common_arguments(fcinfo, &arguments);
	ks_dimension_arguments(fcinfo, 5, &arguments);
	arguments.measure = "buttons";
	ks_stats_top(&arguments, limit_argument(fcinfo, 4, 5), &top);
	for (i = 0; i < top.count; i++)
	{
		ks_string	key = top.lines[i].key;
		ks_string	part;
		Datum		values[5];
		bool		nulls[5] = {true, true, true, false, false};

		for (part_number = 0; part_number < 3 && ks_key_shift(&key, &part); part_number++)
		{
			nulls[part_number] = part.bytes == NULL;
			values[part_number] = nulls[part_number] ? (Datum) 0
				: PointerGetDatum(cstring_to_text_with_len((const char *) part.bytes, (int) part.length));
		}
		values[3] = Int64GetDatum(top.lines[i].weight);
		values[4] = Float8GetDatum(ks_ratio(top.lines[i].weight, top.total));
		ks_put_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}
