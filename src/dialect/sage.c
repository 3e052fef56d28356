/*
 * Kindly's Sage Statistics API: eleven functions, their parameters, defaults
 * and JSON exactly as documented.
 *
 * Each function reads its arguments into a ks_arguments, asks the stats room,
 * and writes what came back.
 */
#include "dialect/json.h"
#include "dialect/list.h"

#include "base/compat.h"
#include "stats/stats.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Hours may be asked for only over a week or less. */
#define HOURLY_SPAN_MAX (7 * USECS_PER_DAY)

PG_FUNCTION_INFO_V1(ks_sage_meta_options);
PG_FUNCTION_INFO_V1(ks_sage_sessions_chats);
PG_FUNCTION_INFO_V1(ks_sage_sessions_messages);
PG_FUNCTION_INFO_V1(ks_sage_fallbacks_series);
PG_FUNCTION_INFO_V1(ks_sage_fallbacks_total);
PG_FUNCTION_INFO_V1(ks_sage_chatbubble_pages);
PG_FUNCTION_INFO_V1(ks_sage_takeovers_series);
PG_FUNCTION_INFO_V1(ks_sage_takeovers_totals);
PG_FUNCTION_INFO_V1(ks_sage_feedback_summary);
PG_FUNCTION_INFO_V1(ks_sage_buttons_most_clicked);
PG_FUNCTION_INFO_V1(ks_sage_chatlabels_added);

/* Members of the takeover objects, in the documented order, and the measures they show. */
static const struct
{
	const char *name;
	const char *measure;
}			takeovers[] = {
	{"ended", "handovers_ended"},
	{"requests", "handover_requests"},
	{"requests_while_closed", "handover_requests_closed"},
	{"started", "handovers_started"}
};

/* bot, from, to, tz: the arguments with which every function but meta_options begins. */
static void
range_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->bot_id = ks_required_bot(fcinfo, 0);
	arguments->from = ks_required_moment(fcinfo, 1, "from");
	arguments->to = ks_required_moment(fcinfo, 2, "to");
	arguments->zone = ks_optional_text(fcinfo, 3);
	if (arguments->zone == NULL)
		arguments->zone = "UTC";
}

/* sources and language_codes, which follow each other */
static void
list_arguments(FunctionCallInfo fcinfo, int first, ks_arguments *arguments)
{
	ks_list_condition(arguments, 0, ks_optional_text(fcinfo, first), "sources");
	ks_list_condition(arguments, 1, ks_optional_text(fcinfo, first + 1), "language_codes");
}

/* bot, from, to, tz, granularity, sources, language_codes */
static void
series_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	range_arguments(fcinfo, arguments);
	arguments->granularity = ks_optional_text(fcinfo, 4);
	list_arguments(fcinfo, 5, arguments);
	if (arguments->granularity != NULL && ks_unit_parse(arguments->granularity) == KS_HOUR)
	{
		ks_moment_check(arguments->from, "from");
		ks_moment_check(arguments->to, "to");
		if (ks_moment_span(arguments->from, arguments->to, ks_zone_lookup(arguments->zone, NULL)) > HOURLY_SPAN_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("granularity \"hour\" is only allowed for a week or less"),
					 errhint("Ask for a shorter time between \"from\" and \"to\", or for granularity \"day\".")));
	}
}

/* bot, from, to, tz, limit, sources, language_codes */
static int32
top_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments, int32 limit)
{
	range_arguments(fcinfo, arguments);
	list_arguments(fcinfo, 5, arguments);
	return ks_stats_limit(PG_ARGISNULL(4) ? limit : PG_GETARG_INT32(4));
}

static void
start_json(StringInfo out, char bracket)
{
	ks_json_begin(out);
	ks_json_open(out, '{');
	ks_json_member(out, "data");
	ks_json_open(out, bracket);
}

static Datum
finish_json(StringInfo out, char bracket)
{
	ks_json_close(out, bracket);
	ks_json_close(out, '}');
	return ks_json_end(out);
}

/* Names, written as items of lists. */
static void
put_names(StringInfo out, const char *name, char **names, int count)
{
	int			i;

	ks_json_member(out, name);
	ks_json_open(out, '[');
	for (i = 0; i < count; i++)
		ks_json_text(out, ks_list_item(names[i]));
	ks_json_close(out, ']');
}

/* An instant is documented as the reading of the UTC clock, without a zone; that is what a timestamptz counts. */
static void
put_instant(StringInfo out, const char *name, bool any, TimestampTz at)
{
	ks_json_member(out, name);
	if (any)
		ks_json_datetime(out, (Timestamp) at);
	else
		ks_json_text(out, NULL);
}

Datum
ks_sage_meta_options(PG_FUNCTION_ARGS)
{
	static char *granularities[] = {"hour", "day", "week"};
	ks_options	options;
	StringInfoData out;

	ks_read_options(ks_required_bot(fcinfo, 0), &options);
	start_json(&out, '{');
	put_instant(&out, "first", options.any, options.first);
	put_instant(&out, "last", options.any, options.last);
	put_names(&out, "language_codes", options.languages, options.nlanguages);
	put_names(&out, "sources", options.sources, options.nsources);
	put_names(&out, "granularities", granularities, lengthof(granularities));
	return finish_json(&out, '}');
}

/* count and date of each bucket: events, or distinct members. */
static Datum
counted_series(FunctionCallInfo fcinfo, bool distinct)
{
	ks_arguments arguments;
	ks_series	series;
	StringInfoData out;
	int			i;

	series_arguments(fcinfo, &arguments);
	arguments.measure = "messages";
	arguments.distinct = distinct;
	ks_stats_series(&arguments, &series);
	start_json(&out, '[');
	for (i = 0; i < series.buckets.nbuckets; i++)
	{
		ks_json_open(&out, '{');
		ks_json_member(&out, "count");
		ks_json_integer(&out, distinct ? series.distincts[i] : series.counts[i]);
		ks_json_member(&out, "date");
		ks_json_datetime(&out, series.buckets.labels[i]);
		ks_json_close(&out, '}');
	}
	return finish_json(&out, ']');
}

Datum
ks_sage_sessions_chats(PG_FUNCTION_ARGS)
{
	return counted_series(fcinfo, true);
}

Datum
ks_sage_sessions_messages(PG_FUNCTION_ARGS)
{
	return counted_series(fcinfo, false);
}

/* The counts of another measure in the same buckets. */
static int64 *
more_counts(ks_arguments *arguments, const ks_buckets *buckets, const char *measure)
{
	int64	   *counts = palloc0((buckets->nbuckets + 1) * sizeof(int64));

	arguments->measure = measure;
	ks_stats_counts(arguments, buckets, counts, NULL);
	return counts;
}

Datum
ks_sage_fallbacks_series(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_buckets	buckets;
	int64	   *fallbacks,
			   *replies;
	StringInfoData out;
	int			i;

	series_arguments(fcinfo, &arguments);
	ks_stats_buckets(&arguments, &buckets);
	fallbacks = more_counts(&arguments, &buckets, "fallbacks");
	replies = more_counts(&arguments, &buckets, "replies");
	start_json(&out, '[');
	for (i = 0; i < buckets.nbuckets; i++)
	{
		ks_json_open(&out, '{');
		ks_json_member(&out, "count");
		ks_json_integer(&out, fallbacks[i]);
		ks_json_member(&out, "date");
		ks_json_datetime(&out, buckets.labels[i]);
		ks_json_member(&out, "rate");
		ks_json_number(&out, ks_ratio(fallbacks[i], replies[i]));
		ks_json_close(&out, '}');
	}
	return finish_json(&out, ']');
}

Datum
ks_sage_fallbacks_total(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	int64		fallbacks;
	StringInfoData out;

	range_arguments(fcinfo, &arguments);
	list_arguments(fcinfo, 4, &arguments);
	fallbacks = ks_stats_total_of(&arguments, "fallbacks");
	start_json(&out, '{');
	ks_json_member(&out, "count");
	ks_json_integer(&out, fallbacks);
	ks_json_member(&out, "rate");
	ks_json_number(&out, ks_ratio(fallbacks, ks_stats_total_of(&arguments, "replies")));
	return finish_json(&out, '}');
}

/* The part of a key that comes next, as a member; null where it is NULL. */
static void
put_part(StringInfo out, const char *name, ks_string *key)
{
	ks_string	part = {NULL, 0};

	ks_key_shift(key, &part);
	ks_json_member(out, name);
	ks_json_bytes(out, part.bytes, part.length);
}

Datum
ks_sage_chatbubble_pages(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	int32		limit = top_arguments(fcinfo, &arguments, 3);
	ks_top		top;
	StringInfoData out;
	int			i;

	arguments.measure = "pages";
	arguments.distinct = true;
	ks_stats_top(&arguments, limit, &top);
	start_json(&out, '[');
	for (i = 0; i < top.count; i++)
	{
		ks_string	key = top.lines[i].key;

		ks_json_open(&out, '{');
		ks_json_member(&out, "messages");
		ks_json_integer(&out, top.lines[i].weight);
		ks_json_member(&out, "sessions");
		ks_json_integer(&out, top.lines[i].members);
		put_part(&out, "web_host", &key);
		put_part(&out, "web_path", &key);
		ks_json_close(&out, '}');
	}
	return finish_json(&out, ']');
}

Datum
ks_sage_takeovers_series(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_buckets	buckets;
	int64	   *counts[lengthof(takeovers)];
	StringInfoData out;
	int			i,
				j;

	series_arguments(fcinfo, &arguments);
	ks_stats_buckets(&arguments, &buckets);
	for (j = 0; j < lengthof(takeovers); j++)
		counts[j] = more_counts(&arguments, &buckets, takeovers[j].measure);
	start_json(&out, '[');
	for (i = 0; i < buckets.nbuckets; i++)
	{
		ks_json_open(&out, '{');
		ks_json_member(&out, "date");
		ks_json_datetime(&out, buckets.labels[i]);
		for (j = 0; j < lengthof(takeovers); j++)
		{
			ks_json_member(&out, takeovers[j].name);
			ks_json_integer(&out, counts[j][i]);
		}
		ks_json_close(&out, '}');
	}
	return finish_json(&out, ']');
}

Datum
ks_sage_takeovers_totals(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	StringInfoData out;
	int			j;

	range_arguments(fcinfo, &arguments);
	list_arguments(fcinfo, 4, &arguments);
	start_json(&out, '{');
	for (j = 0; j < lengthof(takeovers); j++)
	{
		ks_json_member(&out, takeovers[j].name);
		ks_json_integer(&out, ks_stats_total_of(&arguments, takeovers[j].measure));
	}
	return finish_json(&out, '}');
}

/* How often a rating of a type was given. */
static int64
rating_count(const ks_top *top, const char *type, int rating)
{
	char	   *digits = psprintf("%d", rating);
	int			i;

	for (i = 0; i < top->count; i++)
	{
		ks_string	key = top->lines[i].key;
		ks_string	part;

		if (ks_key_shift(&key, &part) && ks_string_is(part, type) &&
			ks_key_shift(&key, &part) && ks_string_is(part, digits))
			return top->lines[i].weight;
	}
	return 0;
}

/* The ratings 1 to highest of one type, and the share of each. */
static void
put_ratings(StringInfo out, const ks_top *top, const char *type, int highest)
{
	int64		all = 0;
	int			rating;

	for (rating = 1; rating <= highest; rating++)
		all += rating_count(top, type, rating);
	ks_json_member(out, type);
	ks_json_open(out, '[');
	for (rating = 1; rating <= highest; rating++)
	{
		int64		count = rating_count(top, type, rating);

		ks_json_open(out, '{');
		ks_json_member(out, "count");
		ks_json_integer(out, count);
		ks_json_member(out, "rating");
		ks_json_integer(out, rating);
		ks_json_member(out, "ratio");
		ks_json_number(out, ks_ratio(count, all));
		ks_json_close(out, '}');
	}
	ks_json_close(out, ']');
}

Datum
ks_sage_feedback_summary(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	ks_top		top;
	StringInfoData out;

	range_arguments(fcinfo, &arguments);
	list_arguments(fcinfo, 4, &arguments);
	arguments.measure = "feedback";
	ks_stats_top(&arguments, PG_INT32_MAX, &top);
	start_json(&out, '{');
	put_ratings(&out, &top, "binary", 2);
	put_ratings(&out, &top, "emojis", 3);
	return finish_json(&out, '}');
}

Datum
ks_sage_buttons_most_clicked(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	int32		limit = top_arguments(fcinfo, &arguments, 5);
	ks_top		top;
	StringInfoData out;
	int			i;

	arguments.measure = "buttons";
	ks_stats_top(&arguments, limit, &top);
	start_json(&out, '[');
	for (i = 0; i < top.count; i++)
	{
		ks_string	key = top.lines[i].key;

		ks_json_open(&out, '{');
		put_part(&out, "button_id", &key);
		put_part(&out, "button_type", &key);
		ks_json_member(&out, "count");
		ks_json_integer(&out, top.lines[i].weight);
		put_part(&out, "dialogue_id", &key);
		ks_json_member(&out, "ratio");
		ks_json_number(&out, ks_ratio(top.lines[i].weight, top.total));
		ks_json_close(&out, '}');
	}
	return finish_json(&out, ']');
}

Datum
ks_sage_chatlabels_added(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	int32		limit = top_arguments(fcinfo, &arguments, 5);
	ks_top		top;
	StringInfoData out;
	int			i;

	arguments.measure = "labels";
	ks_stats_top(&arguments, limit, &top);
	start_json(&out, '[');
	for (i = 0; i < top.count; i++)
	{
		ks_string	key = top.lines[i].key;
		ks_string	label_text = {NULL, 0};

		/* the measure's first key column is the text, so that equal counts come in its order */
		ks_key_shift(&key, &label_text);
		ks_json_open(&out, '{');
		ks_json_member(&out, "count");
		ks_json_integer(&out, top.lines[i].weight);
		put_part(&out, "label_id", &key);
		ks_json_member(&out, "label_text");
		ks_json_bytes(&out, label_text.bytes, label_text.length);
		ks_json_close(&out, '}');
	}
	return finish_json(&out, ']');
}
