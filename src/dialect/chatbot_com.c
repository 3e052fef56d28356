/*
 * ChatBot.com's Reports: six functions, their parameters, defaults and JSON
 * exactly as documented.  The report of interactions has a file of its own.
 *
 * Values have at most two decimals, so they are kept in hundredths here: they
 * add up to the summaries without a rounding error.
 */
#include "dialect/chatbot_com.h"
#include "dialect/json.h"
#include "dialect/list.h"

#include "base/compat.h"
#include "base/sort.h"
#include "bucket/clock.h"
#include "stats/stats.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Where the key columns of measures begin. */
#define STORY_OF_STORIES	KS_DIMENSIONS
#define SOURCE				0

/* Spans up to which dimension "auto" takes hours, days and months. */
#define AUTO_HOURS	(2 * USECS_PER_DAY)
#define AUTO_DAYS	(92 * USECS_PER_DAY)	/* the longest three months */
#define AUTO_MONTHS	(1096 * USECS_PER_DAY)	/* the longest three years */

/* How many minutes the heatmap's clock may differ from UTC, and in which steps: events are counted by quarter hours. */
#define OFFSET_MAX	720
#define OFFSET_STEP	15

/* More hours than changes of the clock can cut in two, in the longest range that there may be buckets for. */
#define CUT_HOURS_MAX 1000

PG_FUNCTION_INFO_V1(ks_chatbot_com_conversations);
PG_FUNCTION_INFO_V1(ks_chatbot_com_conversations_paid);
PG_FUNCTION_INFO_V1(ks_chatbot_com_conversations_messages);
PG_FUNCTION_INFO_V1(ks_chatbot_com_conversations_avg);
PG_FUNCTION_INFO_V1(ks_chatbot_com_conversations_heatmap);

/* ------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------
 */

/* The bot, and its clock. */
void
ks_chatbot_com_start(FunctionCallInfo fcinfo, int tz_argument, ks_arguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->bot_id = ks_required_bot(fcinfo, 0);
	arguments->zone = ks_optional_text(fcinfo, tz_argument);
	if (arguments->zone == NULL)
		arguments->zone = "UTC";
}

/* The documented periods; stats knows more. */
static const char *const periods[] = {
	"today", "yesterday", "last7days", "last30days", "thisMonth", "lastMonth", "last3Months", "thisYear", "lastYear"
};

#define DEFAULT_PERIOD	"last30days"

/* Both ends as local midnights. */
static void
period_range(const char *name, pg_tz *zone, ks_moment *from, ks_moment *to)
{
	int			i = 0;

	while (i < lengthof(periods) && pg_strcasecmp(name, periods[i]) != 0)
		i++;
	if (i == lengthof(periods) || !ks_period(name, ks_now(), zone, NULL, from, to, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period \"%s\" is not known", name),
				 errhint("Periods are today, yesterday, last7days, last30days, thisMonth, lastMonth, last3Months, thisYear and lastYear.")));
}

/* One end was left out, and its default lies on the wrong side of the other: a hint to exchange them would not help. */
static void
check_default_end(const ks_moment *from, const ks_moment *to, bool from_is_missing, pg_tz *zone)
{
	ks_moment_check(from, "from");
	ks_moment_check(to, "to");
	if (ks_moment_instant(from, zone) < ks_moment_instant(to, zone))
		return;
	if (from_is_missing)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"to\" is not later than 1974-01-01"),
				 errhint("Pass \"from\" as well: without it, the range begins then.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"from\" is not earlier than now"),
			 errhint("Pass \"to\" as well: without it, the range ends now.")));
}

/* from, to, period: what follows the bot. */
void
ks_chatbot_com_range(FunctionCallInfo fcinfo, ks_arguments *arguments)
{
	ks_moment  *from = palloc0(sizeof(ks_moment));
	ks_moment  *to = palloc0(sizeof(ks_moment));
	char	   *period = ks_optional_text(fcinfo, 3);
	pg_tz	   *zone = ks_zone_lookup(arguments->zone, NULL);
	bool		no_from = PG_ARGISNULL(1);
	bool		no_to = PG_ARGISNULL(2);

	period_range(period != NULL ? period : DEFAULT_PERIOD, zone, from, to);
	if (!no_from || !no_to)
	{
		const ks_moment first = {ks_civil_days(1974, 1, 1) * USECS_PER_DAY, KS_MOMENT_LOCAL, 0};
		const ks_moment now = {ks_now(), KS_MOMENT_INSTANT, 0};

		*from = no_from ? first : *PG_GETARG_MOMENT(1);
		*to = no_to ? now : *PG_GETARG_MOMENT(2);
		if (no_from || no_to)
			check_default_end(from, to, no_from, zone);
	}
	arguments->from = from;
	arguments->to = to;
}

/* The unit of a series; NULL is the documented default. */
static const char *
dimension_argument(FunctionCallInfo fcinfo, int argument, const ks_arguments *arguments)
{
	static const char *const dimensions[] = {"year", "month", "day", "hour"};
	char	   *name = ks_optional_text(fcinfo, argument);
	int64		span;
	int			i;

	if (name == NULL)
		return "day";
	for (i = 0; i < lengthof(dimensions); i++)
		if (pg_strcasecmp(name, dimensions[i]) == 0)
			return dimensions[i];
	if (pg_strcasecmp(name, "auto") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimension \"%s\" is not known", name),
				 errhint("Dimensions are auto, year, month, day and hour.")));
	span = ks_moment_span(arguments->from, arguments->to, ks_zone_lookup(arguments->zone, NULL));
	return span <= AUTO_HOURS ? "hour" : span <= AUTO_DAYS ? "day" : span <= AUTO_MONTHS ? "month" : "year";
}

/* ------------------------------------------------------------------------
 * Points and summaries
 * ------------------------------------------------------------------------
 */

typedef enum value_kind
{
	CONVERSATIONS,				/* distinct sessions */
	MESSAGES,
	AVERAGE						/* messages per conversation */
} value_kind;

/* What a report counts, and the measure that counts the same by story. */
typedef struct report
{
	value_kind	kind;
	const char *measure;
	const char *measure_by_story;
} report;

/* Counts of each bucket; distincts may be NULL where only messages are counted. */
typedef struct points
{
	value_kind	kind;
	const int64 *counts;
	const int64 *distincts;
} points;

static int64
value_of(const points *p, int bucket)
{
	if (p->kind == AVERAGE)
		return ks_hundredths(p->counts[bucket], p->distincts[bucket]);
	return 100 * (p->kind == CONVERSATIONS ? p->distincts : p->counts)[bucket];
}

/* How each bucket's point begins, which is the same in every group. */
static void
begin_points(const ks_buckets *buckets, ks_json_pieces *begun)
{
	int			i;

	ks_json_start_pieces(begun, buckets->nbuckets);
	for (i = 0; i < buckets->nbuckets; i++)
	{
		ks_json_open(&begun->text, '{');
		ks_json_member(&begun->text, "date");
		ks_json_instant(&begun->text, buckets->starts[i]);
		ks_json_member(&begun->text, "value");
		ks_json_end_piece(begun);
	}
}

static void
put_points(StringInfo out, const points *p, const ks_json_pieces *begun)
{
	int			i;

	ks_json_member(out, "data");
	ks_json_open(out, '[');
	for (i = 0; i < begun->count; i++)
	{
		ks_json_piece(out, begun, i);
		ks_json_hundredths(out, value_of(p, i));
		ks_json_close(out, '}');
	}
	ks_json_close(out, ']');
}

static void
put_hundredths(StringInfo out, const char *name, int64 value)
{
	ks_json_member(out, name);
	ks_json_hundredths(out, value);
}

/* Computed from the points as shown; all zero where there are none. */
static void
put_summary(StringInfo out, const points *p, int n)
{
	int64		total = 0;
	int64		min = 0;
	int64		max = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		int64		value = value_of(p, i);

		total += value;
		min = i == 0 ? value : Min(min, value);
		max = Max(max, value);
	}
	ks_json_member(out, "summary");
	ks_json_open(out, '{');
	put_hundredths(out, "total", total);
	put_hundredths(out, "min", min);
	put_hundredths(out, "max", max);
	put_hundredths(out, "avg", ks_hundredths(total, 100 * (int64) n));
	ks_json_close(out, '}');
}

/* ------------------------------------------------------------------------
 * Groups
 * ------------------------------------------------------------------------
 */

typedef struct group
{
	const char *name;			/* NULL: events without a value */
	int64		weight;
	points		points;
} group;

/* Heaviest first, then bytewise by name, no name last. */
static int
compare_groups(const void *a, const void *b)
{
	const group *x = a;
	const group *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	if (x->name == NULL || y->name == NULL)
		return (x->name == NULL) - (y->name == NULL);
	return strcmp(x->name, y->name);
}

static int64
sum_of(const int64 *values, int n)
{
	int64		sum = 0;

	while (n > 0)
		sum += values[--n];
	return sum;
}

/* By what the report counts; averages are sorted by the number of their conversations. */
static group *
sorted_groups(const ks_series_by *groups, value_kind kind, int nbuckets)
{
	group	   *result = palloc((groups->count + 1) * sizeof(group));
	int			i;

	for (i = 0; i < groups->count; i++)
	{
		group	   *g = &result[i];

		g->name = groups->names[i];
		g->points.kind = kind;
		g->points.counts = groups->counts[i];
		g->points.distincts = groups->distincts[i];
		g->weight = sum_of(kind == MESSAGES ? g->points.counts : g->points.distincts, nbuckets);
	}
	ks_sort(result, groups->count, sizeof(group), compare_groups, CurrentMemoryContext);
	return result;
}

static void
put_groups(StringInfo out, const char *member, value_kind kind, const ks_json_pieces *begun, const ks_series_by *groups)
{
	const group *sorted = sorted_groups(groups, kind, begun->count);
	int			i;

	ks_json_member(out, "data");
	ks_json_open(out, '[');
	for (i = 0; i < groups->count; i++)
	{
		const group *g = &sorted[i];

		ks_json_open(out, '{');
		ks_json_member(out, member);
		ks_json_text(out, g->name);
		put_points(out, &g->points, begun);
		put_summary(out, &g->points, begun->count);
		ks_json_close(out, '}');
	}
	ks_json_close(out, ']');
}

/* The name of the groups' member, NULL if no groups are asked for. */
static const char *
group_argument(FunctionCallInfo fcinfo, int argument)
{
	static const char *const members[] = {"storyId", "source"};
	char	   *name = ks_optional_text(fcinfo, argument);
	int			i;

	if (name == NULL)
		return NULL;
	for (i = 0; i < lengthof(members); i++)
		if (pg_strcasecmp(name, members[i]) == 0)
			return members[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("group \"%s\" is not known", name),
			 errhint("Groups are storyId and source; leave the argument out for one series of all.")));
	return NULL;				/* keep the compiler quiet */
}

/* ------------------------------------------------------------------------
 * Series
 * ------------------------------------------------------------------------
 */

static Datum
finish_json(StringInfo out)
{
	return ks_json_end(out);
}

static void
read_groups(const ks_arguments *arguments, const report *r, const char *member, const ks_buckets *buckets, ks_series_by *groups)
{
	ks_arguments grouped = *arguments;
	bool		by_story = strcmp(member, "storyId") == 0;

	if (by_story)
		grouped.measure = r->measure_by_story;
	ks_stats_groups(&grouped, by_story ? STORY_OF_STORIES : SOURCE, buckets, groups);
}

/* bot, from, to, period, dimension, group, source, storyId, tz */
static Datum
series_report(FunctionCallInfo fcinfo, const report *r)
{
	ks_arguments arguments;
	ks_series	series;
	ks_series_by	groups;
	points		all;
	ks_json_pieces begun;
	const char *member;
	StringInfoData out;

	ks_chatbot_com_start(fcinfo, 8, &arguments);
	ks_chatbot_com_range(fcinfo, &arguments);
	arguments.granularity = dimension_argument(fcinfo, 4, &arguments);
	member = group_argument(fcinfo, 5);
	ks_list_condition(&arguments, SOURCE, ks_optional_text(fcinfo, 6), "source");
	ks_list_condition(&arguments, STORY_OF_STORIES, ks_optional_text(fcinfo, 7), "storyId");
	arguments.measure = PG_ARGISNULL(7) ? r->measure : r->measure_by_story;
	arguments.distinct = r->kind != MESSAGES;

	ks_stats_series(&arguments, &series);
	all.kind = r->kind;
	all.counts = series.counts;
	all.distincts = series.distincts;
	begin_points(&series.buckets, &begun);
	ks_json_begin(&out);
	ks_json_open(&out, '{');
	if (member == NULL)
		put_points(&out, &all, &begun);
	else
	{
		read_groups(&arguments, r, member, &series.buckets, &groups);
		put_groups(&out, member, r->kind, &begun, &groups);
	}
	put_summary(&out, &all, series.buckets.nbuckets);
	ks_json_close(&out, '}');
	return finish_json(&out);
}

Datum
ks_chatbot_com_conversations(PG_FUNCTION_ARGS)
{
	static const report r = {CONVERSATIONS, "messages", "stories"};

	return series_report(fcinfo, &r);
}

Datum
ks_chatbot_com_conversations_paid(PG_FUNCTION_ARGS)
{
	static const report r = {CONVERSATIONS, "paid_messages", "paid_stories"};

	return series_report(fcinfo, &r);
}

Datum
ks_chatbot_com_conversations_messages(PG_FUNCTION_ARGS)
{
	static const report r = {MESSAGES, "messages", "stories"};

	return series_report(fcinfo, &r);
}

Datum
ks_chatbot_com_conversations_avg(PG_FUNCTION_ARGS)
{
	static const report r = {AVERAGE, "messages", "stories"};

	return series_report(fcinfo, &r);
}

/* ------------------------------------------------------------------------
 * Heatmap
 * ------------------------------------------------------------------------
 */

/*
 * With an offset that is not a multiple of a quarter hour, the hours of the
 * heatmap would begin within the quarter hours by which events are counted.  No
 * zone has such an offset.
 */
static void
check_offset(int32 offset)
{
	int32		below = (offset + OFFSET_MAX) / OFFSET_STEP * OFFSET_STEP - OFFSET_MAX;

	if (offset < -OFFSET_MAX || offset > OFFSET_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"offset\" must be from -%d to %d, not %d", OFFSET_MAX, OFFSET_MAX, offset),
				 errhint("It is how many minutes the clock is ahead of UTC.")));
	if (offset != below)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"offset\" must be a multiple of %d, not %d", OFFSET_STEP, offset),
				 errhint("Events are counted by quarter hours, as the clocks of all zones stand; the nearest are %d and %d.", below, below + OFFSET_STEP)));
}

/* The clock of the heatmap: a zone's, or one that is always so many minutes ahead of UTC. */
static void
start_heatmap(FunctionCallInfo fcinfo, int offset_argument, int tz_argument, ks_arguments *arguments)
{
	int32		offset;

	ks_chatbot_com_start(fcinfo, tz_argument, arguments);
	if (PG_ARGISNULL(offset_argument))
		return;
	if (!PG_ARGISNULL(tz_argument))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"offset\" and \"tz\" exclude each other"),
				 errhint("Pass \"tz\" for a zone whose clock is changed, \"offset\" for one that is always as far from UTC.")));
	offset = PG_GETARG_INT32(offset_argument);
	check_offset(offset);
	arguments->zone = psprintf("%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
}

/*
 * A range without a beginning starts in 1974, which is more hours than there
 * may be buckets: so years without events at both ends are left out.  False
 * where no year has any.
 */
static bool
leave_out_empty_years(ks_arguments *arguments)
{
	ks_arguments yearly = *arguments;
	ks_series	series;
	ks_moment  *from;
	ks_moment  *to;
	int			first = 0;
	int			last;

	if (ks_moment_span(arguments->from, arguments->to, ks_zone_lookup(arguments->zone, NULL)) / USECS_PER_HOUR < KS_MAX_BUCKETS - CUT_HOURS_MAX)
		return true;
	yearly.granularity = "year";
	yearly.distinct = false;
	ks_stats_series(&yearly, &series);
	last = series.buckets.nbuckets - 1;
	while (first <= last && series.counts[first] == 0)
		first++;
	while (last > first && series.counts[last] == 0)
		last--;
	if (first > 0 && first <= last)
	{
		from = palloc0(sizeof(ks_moment));
		from->value = series.buckets.labels[first];
		arguments->from = from;
	}
	if (first <= last && last < series.buckets.nbuckets - 1)
	{
		to = palloc0(sizeof(ks_moment));
		to->value = series.buckets.labels[last + 1];
		arguments->to = to;
	}
	return first <= last;
}

static void
put_cell(StringInfo out, int cell, int64 value, int64 all)
{
	ks_json_open(out, '{');
	ks_json_member(out, "day");
	ks_json_integer(out, cell / 24);
	ks_json_member(out, "hour");
	ks_json_integer(out, cell % 24);
	ks_json_member(out, "value");
	ks_json_integer(out, value);
	ks_json_member(out, "usage");
	ks_json_hundredths(out, ks_hundredths(100 * value, all));
	ks_json_close(out, '}');
}

/* bot, from, to, period, offset, source, storyId, tz */
Datum
ks_chatbot_com_conversations_heatmap(PG_FUNCTION_ARGS)
{
	ks_arguments arguments;
	int64		counts[KS_HEATMAP_CELLS] = {0};
	int64		distincts[KS_HEATMAP_CELLS] = {0};
	int64		all;
	StringInfoData out;
	int			cell;

	start_heatmap(fcinfo, 4, 7, &arguments);
	ks_chatbot_com_range(fcinfo, &arguments);
	ks_list_condition(&arguments, SOURCE, ks_optional_text(fcinfo, 5), "source");
	ks_list_condition(&arguments, STORY_OF_STORIES, ks_optional_text(fcinfo, 6), "storyId");
	arguments.measure = PG_ARGISNULL(6) ? "messages" : "stories";
	arguments.distinct = true;
	if (leave_out_empty_years(&arguments))
		ks_stats_heatmap(&arguments, counts, distincts, NULL);

	all = sum_of(distincts, KS_HEATMAP_CELLS);
	ks_json_begin(&out);
	ks_json_open(&out, '[');
	for (cell = 0; cell < KS_HEATMAP_CELLS; cell++)
	{
		if (cell % 24 == 0)
			ks_json_open(&out, '[');
		put_cell(&out, cell, distincts[cell], all);
		if (cell % 24 == 23)
			ks_json_close(&out, ']');
	}
	ks_json_close(&out, ']');
	return finish_json(&out);
}
