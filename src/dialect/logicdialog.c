/*
 * LogicDialog's Analytics API: sixteen functions.
 *
 * Their parameters are documented, their answers are not: those are described
 * in doc/logicdialog.md.  All have one envelope around "data", which is a
 * series (a line for each bucket), a grouped series (what occurred in each
 * bucket, by channel, topic, ...), a breakdown (a list over the whole range,
 * most first) or a few figures.
 *
 * Functions that are alike say in a table what they ask and how it is called.
 */
#include "dialect/logicdialog.h"

#include "base/compat.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_logicdialog_user);
PG_FUNCTION_INFO_V1(ks_logicdialog_nlp);
PG_FUNCTION_INFO_V1(ks_logicdialog_message);
PG_FUNCTION_INFO_V1(ks_logicdialog_active_channel);
PG_FUNCTION_INFO_V1(ks_logicdialog_message_groups);
PG_FUNCTION_INFO_V1(ks_logicdialog_sentiment);
PG_FUNCTION_INFO_V1(ks_logicdialog_blocks);
PG_FUNCTION_INFO_V1(ks_logicdialog_intervention);
PG_FUNCTION_INFO_V1(ks_logicdialog_intervention_average_time_by_agent_series);
PG_FUNCTION_INFO_V1(ks_logicdialog_intervention_average_time);
PG_FUNCTION_INFO_V1(ks_logicdialog_active_user_language);

/* ------------------------------------------------------------------------
 * Arguments: dateFrom, dateTo, client, resolution, tz
 * ------------------------------------------------------------------------
 */

/* How many bytes of an argument a message shows. */
#define SHOWN_MAX 60

/* By their number as units. */
static const char *const resolutions[] = {"hour", "day", "week", "month", "quarter"};

static const ks_moment *
required_moment(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is missing", name),
				 errhint("Pass \"dateFrom\" and \"dateTo\" as dates (YYYY-MM-DD) or timestamps such as 2024-04-16T10:57:12.873Z; \"dateTo\" is exclusive.")));
	ks_moment_check(PG_GETARG_MOMENT(argument), name);
	return PG_GETARG_MOMENT(argument);
}

static const char *
shown(const char *text)
{
	int			length = (int) strlen(text);
	int			clipped = pg_mbcliplen(text, length, SHOWN_MAX);

	return clipped == length ? text : psprintf("%.*s...", clipped, text);
}

/* The workspace's name, and the bot that it stands for. */
static char *
required_client(FunctionCallInfo fcinfo, int argument, int64 *bot_id)
{
	char	   *client = ks_optional_text(fcinfo, argument);

	if (client == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"client\" is missing"),
				 errhint("Pass the workspace's name, as kindly_stats.bot_name has it.")));
	if (!ks_bot_by_name(client, bot_id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("client \"%s\" is not known", shown(client)),
				 errhint("Clients are the names in kindly_stats.bot_name; upper and lower case differ.")));
	return client;
}

static ks_unit
resolution_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *name = ks_optional_text(fcinfo, argument);
	int			i;

	if (name == NULL)
		return KS_DAY;
	for (i = 0; i < lengthof(resolutions); i++)
		if (pg_strcasecmp(name, resolutions[i]) == 0)
			return (ks_unit) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("resolution \"%s\" is not known", shown(name)),
			 errhint("Resolutions are hour, day, week, month and quarter.")));
	return KS_DAY;				/* keep the compiler quiet */
}

/* Less than 0, 0 or greater than 0.  Two readings are compared as such: the clock may never have shown them. */
static int
compare_moments(const ks_moment *a, const ks_moment *b, pg_tz *zone)
{
	bool		local = a->kind == KS_MOMENT_LOCAL && b->kind == KS_MOMENT_LOCAL;
	int64		x = local ? a->value : ks_moment_instant(a, zone);
	int64		y = local ? b->value : ks_moment_instant(b, zone);

	return (x > y) - (x < y);
}

/* Whether the unit that begins at "start" begins with the moment: a clock may skip that reading, or show it twice. */
static bool
is_start(const ks_moment *moment, const ks_moment *start, ks_unit unit, pg_tz *zone)
{
	if (unit == KS_HOUR)
		return ks_moment_hour(moment, zone) == ks_moment_instant(moment, zone);
	return ks_moment_reading(moment, zone) == start->value || compare_moments(start, moment, zone) == 0;
}

/*
 * The range from the start of the unit that holds dateFrom.  What is wrong
 * with it is said in the names that the caller knows.
 */
static void
snap_range(ks_analytics *a, const ks_moment *from, const ks_moment *to, ks_unit unit, pg_tz *zone)
{
	int			order = compare_moments(from, to, zone);

	if (order > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"dateFrom\" is later than \"dateTo\""),
				 errhint("Exchange the two.")));
	ks_moment_floor(&a->from, from, unit, zone);
	ks_moment_check(&a->from, "dateFrom");
	if (order == 0 && is_start(from, &a->from, unit, zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the range from \"dateFrom\" to \"dateTo\" is empty"),
				 errhint("\"dateTo\" is exclusive: for a single %s, give the beginning of the next one.", resolutions[unit])));
	/* an hour that the clock shows twice has two starts: buckets know which one */
	if (unit == KS_HOUR)
		a->from = *from;
	a->arguments.from = &a->from;
	a->arguments.to = to;
}

/* ------------------------------------------------------------------------
 * The envelope
 * ------------------------------------------------------------------------
 */

static void
put_instant(StringInfo out, const char *name, TimestampTz at)
{
	ks_json_member(out, name);
	ks_json_instant(out, at);
}

/* What is counted: from the first bucket's start on.  The clock may have jumped over all of it. */
static void
put_range(ks_analytics *a, pg_tz *zone)
{
	const ks_buckets *buckets = &a->buckets;
	TimestampTz start,
				end;

	if (buckets->nbuckets > 0)
	{
		start = buckets->starts[0];
		end = buckets->edges[buckets->nintervals];
	}
	else
		start = end = ks_moment_instant(&a->from, zone);
	put_instant(&a->out, "dateFrom", start);
	put_instant(&a->out, "dateTo", end);
}

/* Reads the arguments and writes all that comes before the data. */
void
ks_analytics_begin(FunctionCallInfo fcinfo, ks_analytics *a)
{
	const ks_moment *from = required_moment(fcinfo, 0, "dateFrom");
	const ks_moment *to = required_moment(fcinfo, 1, "dateTo");
	ks_unit		unit = resolution_argument(fcinfo, 3);
	char	   *client;
	pg_tz	   *zone;

	memset(a, 0, sizeof(*a));
	a->arguments.zone = PG_ARGISNULL(4) ? "UTC" : ks_optional_text(fcinfo, 4);
	a->arguments.granularity = resolutions[unit];
	zone = ks_zone_lookup(a->arguments.zone, NULL);
	snap_range(a, from, to, unit, zone);
	client = required_client(fcinfo, 2, &a->arguments.bot_id);
	ks_stats_buckets(&a->arguments, &a->buckets);

	ks_json_begin(&a->out);
	ks_json_open(&a->out, '{');
	put_range(a, zone);
	ks_json_member(&a->out, "client");
	ks_json_text(&a->out, client);
	ks_json_member(&a->out, "resolution");
	ks_json_text(&a->out, resolutions[unit]);
	ks_json_member(&a->out, "data");
}

Datum
ks_analytics_finish(ks_analytics *a)
{
	ks_json_close(&a->out, '}');
	return ks_json_end(&a->out);
}

/* ------------------------------------------------------------------------
 * Series
 * ------------------------------------------------------------------------
 */

/* One member of a series' lines. */
typedef struct column
{
	const char *name;
	const int64 *counts;		/* [nbuckets] */
} column;

static int64 *
zeros(const ks_analytics *a)
{
	return palloc0((a->buckets.nbuckets + 1) * sizeof(int64));
}

/* What a measure counts in each bucket: its distinct members, or its events. */
static const int64 *
bucket_counts(ks_analytics *a, const char *measure, bool distinct)
{
	int64	   *counts = zeros(a);
	int64	   *distincts = zeros(a);

	a->arguments.measure = measure;
	a->arguments.distinct = distinct;
	ks_stats_counts(&a->arguments, &a->buckets, counts, distincts);
	return distinct ? distincts : counts;
}

static void
ask_groups(ks_analytics *a, const char *measure, int part, bool distinct, ks_series_by *groups)
{
	a->arguments.measure = measure;
	a->arguments.distinct = distinct;
	ks_stats_groups(&a->arguments, part, &a->buckets, groups);
}

/* The number of the group that has this name, or -1; NULL is a name, too. */
static int
find_group(const ks_series_by *groups, const char *name)
{
	int			i;

	for (i = 0; i < groups->count; i++)
	{
		const char *other = groups->names[i];

		if (name == NULL || other == NULL ? name == other : strcmp(name, other) == 0)
			return i;
	}
	return -1;
}

/* The counts of one group, zeros where nothing has its name. */
static const int64 *
group_counts(const ks_analytics *a, int64 **counts, const ks_series_by *groups, const char *name)
{
	int			group = find_group(groups, name);

	return group < 0 ? zeros(a) : counts[group];
}

/* The data: a line for every bucket. */
static Datum
series_answer(ks_analytics *a, const column *columns, int ncolumns)
{
	StringInfo	out = &a->out;
	int			i,
				j;

	ks_json_open(out, '[');
	for (i = 0; i < a->buckets.nbuckets; i++)
	{
		ks_json_open(out, '{');
		put_instant(out, "date", a->buckets.starts[i]);
		for (j = 0; j < ncolumns; j++)
			ks_analytics_count(out, columns[j].name, columns[j].counts[i]);
		ks_json_close(out, '}');
	}
	ks_json_close(out, ']');
	return ks_analytics_finish(a);
}

Datum
ks_logicdialog_user(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	int64	   *created;
	column		columns[2] = {{"created"}, {"active"}};

	ks_analytics_begin(fcinfo, &a);
	columns[1].counts = bucket_counts(&a, "users", true);
	columns[0].counts = created = zeros(&a);
	ks_stats_first_seen(&a.arguments, &a.buckets, created);
	return series_answer(&a, columns, lengthof(columns));
}

Datum
ks_logicdialog_message(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	column		columns[1] = {{"messages"}};

	ks_analytics_begin(fcinfo, &a);
	columns[0].counts = bucket_counts(&a, "messages", false);
	return series_answer(&a, columns, lengthof(columns));
}

Datum
ks_logicdialog_intervention(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	column		columns[1] = {{"interventions"}};

	ks_analytics_begin(fcinfo, &a);
	columns[0].counts = bucket_counts(&a, "handovers_started", false);
	return series_answer(&a, columns, lengthof(columns));
}

Datum
ks_logicdialog_nlp(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	ks_series_by	inputs;
	column		columns[2] = {{"matched"}, {"unmatched"}};

	ks_analytics_begin(fcinfo, &a);
	ask_groups(&a, "inputs", KS_DIMENSIONS, false, &inputs);
	columns[0].counts = group_counts(&a, inputs.counts, &inputs, "true");
	columns[1].counts = group_counts(&a, inputs.counts, &inputs, "false");
	return series_answer(&a, columns, lengthof(columns));
}

/* A session counts in each sentiment that it showed. */
Datum
ks_logicdialog_sentiment(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	ks_series_by	sentiments;
	column		columns[3] = {{"positive"}, {"negative"}, {"neutral"}};
	int			i;

	ks_analytics_begin(fcinfo, &a);
	ask_groups(&a, "sentiments", KS_DIMENSIONS, true, &sentiments);
	for (i = 0; i < lengthof(columns); i++)
		columns[i].counts = group_counts(&a, sentiments.distincts, &sentiments, columns[i].name);
	return series_answer(&a, columns, lengthof(columns));
}

/* ------------------------------------------------------------------------
 * Grouped series
 * ------------------------------------------------------------------------
 */

typedef struct grouping
{
	const char *measure;
	int			part;			/* of its key: what is grouped by */
	const char *list;			/* a bucket's list of things */
	const char *thing;
	const char *members;		/* distinct members, or NULL where they are not told */
	const char *events;
} grouping;

static const grouping active_channel = {"users", 0, "channels", "channel", "users", "messages"};
static const grouping active_user_language = {"users", 1, "languages", "language", "users", "messages"};
static const grouping message_groups = {"topics", KS_DIMENSIONS, "topics", "topic", NULL, "messages"};
static const grouping blocks = {"responses", KS_DIMENSIONS, "responses", "response", NULL, "views"};

/* A channel or language may be unknown; a reply that only tells what triggered it shows no response. */
static bool
is_thing(const grouping *g, const ks_series_by *groups, int group)
{
	return g->part < KS_DIMENSIONS || groups->names[group] != NULL;
}

static void
begin_bucket(ks_analytics *a, int bucket, const char *list)
{
	ks_json_open(&a->out, '{');
	put_instant(&a->out, "date", a->buckets.starts[bucket]);
	ks_json_member(&a->out, list);
	ks_json_open(&a->out, '[');
}

static void
end_bucket(ks_analytics *a)
{
	ks_json_close(&a->out, ']');
	ks_json_close(&a->out, '}');
}

static void
begin_thing(StringInfo out, const char *thing, const char *name)
{
	ks_json_open(out, '{');
	ks_json_member(out, thing);
	ks_json_text(out, name);
}

/* How each group's objects begin: many buckets have it. */
static void
begin_things(const grouping *g, const ks_series_by *groups, ks_json_pieces *begun)
{
	int			i;

	ks_json_start_pieces(begun, groups->count);
	for (i = 0; i < groups->count; i++)
	{
		begin_thing(&begun->text, g->thing, groups->names[i]);
		ks_json_member(&begun->text, g->members != NULL ? g->members : g->events);
		ks_json_end_piece(begun);
	}
}

/* What occurred in each bucket, in the order of the whole range. */
static Datum
grouped_answer(FunctionCallInfo fcinfo, const grouping *g)
{
	ks_analytics a;
	ks_series_by	groups;
	ks_json_pieces begun;
	int			i,
				j;

	ks_analytics_begin(fcinfo, &a);
	ask_groups(&a, g->measure, g->part, g->members != NULL, &groups);
	begin_things(g, &groups, &begun);
	ks_json_open(&a.out, '[');
	for (i = 0; i < a.buckets.nbuckets; i++)
	{
		CHECK_FOR_INTERRUPTS();
		begin_bucket(&a, i, g->list);
		for (j = 0; j < groups.count; j++)
		{
			if (groups.counts[j][i] == 0 || !is_thing(g, &groups, j))
				continue;
			ks_json_piece(&a.out, &begun, j);
			if (g->members != NULL)
			{
				ks_json_integer(&a.out, groups.distincts[j][i]);
				ks_json_member(&a.out, g->events);
			}
			ks_json_integer(&a.out, groups.counts[j][i]);
			ks_json_close(&a.out, '}');
		}
		end_bucket(&a);
	}
	ks_json_close(&a.out, ']');
	return ks_analytics_finish(&a);
}

Datum
ks_logicdialog_active_channel(PG_FUNCTION_ARGS)
{
	return grouped_answer(fcinfo, &active_channel);
}

Datum
ks_logicdialog_active_user_language(PG_FUNCTION_ARGS)
{
	return grouped_answer(fcinfo, &active_user_language);
}

Datum
ks_logicdialog_message_groups(PG_FUNCTION_ARGS)
{
	return grouped_answer(fcinfo, &message_groups);
}

Datum
ks_logicdialog_blocks(PG_FUNCTION_ARGS)
{
	return grouped_answer(fcinfo, &blocks);
}

/* ------------------------------------------------------------------------
 * How long interventions took
 * ------------------------------------------------------------------------
 */

/* Key columns of the two measures: kind, agent_id. */
#define AGENT_PART (KS_DIMENSIONS + 1)

static void
put_times(StringInfo out, int64 interventions, int64 seconds)
{
	ks_analytics_count(out, "interventions", interventions);
	ks_json_member(out, "averageSeconds");
	if (interventions > 0)
		ks_json_hundredths(out, ks_hundredths(seconds, interventions));
	else
		ks_json_text(out, NULL);
	ks_analytics_count(out, "seconds", seconds);
}

Datum
ks_logicdialog_intervention_average_time_by_agent_series(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	ks_series_by	timed,
				lasted;
	const int64 **seconds;
	int			i,
				j;

	ks_analytics_begin(fcinfo, &a);
	ask_groups(&a, "timed_handovers", AGENT_PART, false, &timed);
	ask_groups(&a, "handover_seconds", AGENT_PART, false, &lasted);
	seconds = palloc((timed.count + 1) * sizeof(int64 *));
	for (j = 0; j < timed.count; j++)
		seconds[j] = group_counts(&a, lasted.counts, &lasted, timed.names[j]);
	ks_json_open(&a.out, '[');
	for (i = 0; i < a.buckets.nbuckets; i++)
	{
		CHECK_FOR_INTERRUPTS();
		begin_bucket(&a, i, "agents");
		for (j = 0; j < timed.count; j++)
		{
			if (timed.counts[j][i] == 0)
				continue;
			begin_thing(&a.out, "agent", timed.names[j]);
			put_times(&a.out, timed.counts[j][i], seconds[j][i]);
			ks_json_close(&a.out, '}');
		}
		end_bucket(&a);
	}
	ks_json_close(&a.out, ']');
	return ks_analytics_finish(&a);
}

Datum
ks_logicdialog_intervention_average_time(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	int64		interventions;

	ks_analytics_begin(fcinfo, &a);
	interventions = ks_stats_total_of(&a.arguments, "timed_handovers");
	ks_json_open(&a.out, '{');
	put_times(&a.out, interventions, ks_stats_total_of(&a.arguments, "handover_seconds"));
	ks_json_close(&a.out, '}');
	return ks_analytics_finish(&a);
}
