/*
 * LogicDialog's Analytics API: lists over the whole range.
 *
 * They are top lists of the rollup, rearranged: parts of the key that were not
 * asked for are left out, and what several measures count of one thing becomes
 * one line.
 */
#include "dialect/logicdialog.h"

#include "base/compat.h"
#include "base/sort.h"

#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ks_logicdialog_events);
PG_FUNCTION_INFO_V1(ks_logicdialog_user_detail);
PG_FUNCTION_INFO_V1(ks_logicdialog_response);
PG_FUNCTION_INFO_V1(ks_logicdialog_url_tracking);
PG_FUNCTION_INFO_V1(ks_logicdialog_intervention_detail);

/* ------------------------------------------------------------------------
 * Breakdowns
 * ------------------------------------------------------------------------
 */

#define BREAKDOWN_PARTS 5
#define LINE_PARTS 3
#define LINE_COUNTS 5

/* The part that is written as a number. */
#define RATING "rating"

/* A list over the whole range, made from the top list of one measure. */
typedef struct breakdown
{
	const char *measure;
	bool		members;		/* count distinct members, not events */
	int			part;			/* of its key: the first that is asked for */
	int			parts;
	const char *names[BREAKDOWN_PARTS]; /* of the parts; lines that differ in
										 * one without a name are one */
	const char *count;
} breakdown;

static const breakdown events = {"triggered_events", false, KS_DIMENSIONS, 1, {"event"}, "count"};
static const breakdown url_tracking = {"links", false, KS_DIMENSIONS, 1, {"url"}, "clicks"};
/* The key is source, language, kind, topic, outcome. */
static const breakdown intervention_detail = {"interventions", false, 0, 5, {"channel", NULL, NULL, "topic", "outcome"}, "interventions"};

static const breakdown users_by_name = {NULL, true, 0, 1, {"name"}, "users"};
static const breakdown users_by_rating = {"feedback", true, KS_DIMENSIONS, 2, {"ratingType", RATING}, "users"};

/* What a line is about and what was counted; lines are sorted by the first count. */
typedef struct line
{
	ks_string	parts[LINE_PARTS];
	int64		counts[LINE_COUNTS];
} line;

typedef struct lines
{
	int			count;
	line	   *line;
} lines;

static int
compare_parts(const void *a, const void *b)
{
	int			i;

	CHECK_FOR_INTERRUPTS();
	for (i = 0; i < LINE_PARTS; i++)
	{
		int			order = ks_string_compare(((const line *) a)->parts[i], ((const line *) b)->parts[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static int
compare_counts(const void *a, const void *b)
{
	int64		x = ((const line *) a)->counts[0];
	int64		y = ((const line *) b)->counts[0];

	CHECK_FOR_INTERRUPTS();
	return x != y ? (x < y) - (x > y) : compare_parts(a, b);
}

/* Adds up lines about the same thing, and sorts them. */
static void
consolidate_lines(lines *all)
{
	int			kept = 0;
	int			i,
				j;

	ks_sort(all->line, all->count, sizeof(line), compare_parts, CurrentMemoryContext);
	for (i = 0; i < all->count; i++)
	{
		if (kept == 0 || compare_parts(&all->line[kept - 1], &all->line[i]) != 0)
			all->line[kept++] = all->line[i];
		else
			for (j = 0; j < LINE_COUNTS; j++)
				all->line[kept - 1].counts[j] += all->line[i].counts[j];
	}
	all->count = kept;
	ks_sort(all->line, all->count, sizeof(line), compare_counts, CurrentMemoryContext);
}

static void
start_lines(lines *all, int size)
{
	all->count = 0;
	all->line = palloc0((size + 1) * sizeof(line));
}

static void
ask_top(ks_analytics *a, const char *measure, bool distinct, int part, int parts, ks_top *top)
{
	a->arguments.measure = measure;
	a->arguments.distinct = distinct;
	ks_stats_top_by(&a->arguments, part, parts, PG_INT32_MAX, top);
}

/* The named parts of a key. */
static void
named_parts(const breakdown *b, ks_string key, line *to)
{
	ks_string	part;
	int			i,
				n = 0;

	for (i = 0; i < b->parts && ks_key_shift(&key, &part); i++)
		if (b->names[i] != NULL)
			to->parts[n++] = part;
}

/* Leaves out lines without members: events without a user. */
static void
break_down(const breakdown *b, const ks_top *top, lines *all)
{
	int			i;

	start_lines(all, top->count);
	for (i = 0; i < top->count; i++)
	{
		int64		count = b->members ? top->lines[i].members : top->lines[i].weight;

		if (count == 0)
			continue;
		all->line[all->count].counts[0] = count;
		named_parts(b, top->lines[i].key, &all->line[all->count++]);
	}
	consolidate_lines(all);
}

/* Event tables have ratings as numbers, keys have all as text. */
static void
put_rating(StringInfo out, ks_string part)
{
	char	   *text = pnstrdup((const char *) part.bytes, part.length);
	long		rating = strtol(text, NULL, 10);

	if (strcmp(psprintf("%ld", rating), text) == 0)
		ks_json_integer(out, rating);
	else
		ks_json_text(out, text);
}

static void
put_part(StringInfo out, const char *name, ks_string part)
{
	ks_json_member(out, name);
	if (part.bytes != NULL && strcmp(name, RATING) == 0)
		put_rating(out, part);
	else
		ks_json_bytes(out, part.bytes, part.length);
}

static void
put_top(ks_analytics *a, const breakdown *b, const ks_top *top)
{
	StringInfo	out = &a->out;
	lines		all;
	int			i,
				j,
				n;

	break_down(b, top, &all);
	ks_json_open(out, '[');
	for (i = 0; i < all.count; i++)
	{
		ks_json_open(out, '{');
		for (j = n = 0; j < b->parts; j++)
			if (b->names[j] != NULL)
				put_part(out, b->names[j], all.line[i].parts[n++]);
		ks_analytics_count(out, b->count, all.line[i].counts[0]);
		ks_json_close(out, '}');
	}
	ks_json_close(out, ']');
}

static void
put_breakdown(ks_analytics *a, const breakdown *b)
{
	ks_top		top;

	ask_top(a, b->measure, b->members, b->part, b->parts, &top);
	put_top(a, b, &top);
}

static Datum
breakdown_answer(FunctionCallInfo fcinfo, const breakdown *b)
{
	ks_analytics a;

	ks_analytics_begin(fcinfo, &a);
	put_breakdown(&a, b);
	return ks_analytics_finish(&a);
}

Datum
ks_logicdialog_events(PG_FUNCTION_ARGS)
{
	return breakdown_answer(fcinfo, &events);
}

Datum
ks_logicdialog_url_tracking(PG_FUNCTION_ARGS)
{
	return breakdown_answer(fcinfo, &url_tracking);
}

Datum
ks_logicdialog_intervention_detail(PG_FUNCTION_ARGS)
{
	return breakdown_answer(fcinfo, &intervention_detail);
}

/* Lists of all users, by what events say of where they come from. */
enum
{
	BY_SOURCE, BY_LANGUAGE_CODE, BY_COUNTRY, USER_LISTS
};

/*
 * Countries know of their users' sources and languages as well.  Where each event has a country, which shows in
 * the sums of both measures, their users are all users, who need not be read and compared once more.
 */
static void
ask_users(ks_analytics *a, ks_top *lists)
{
	ks_total	users;

	a->arguments.measure = "users";
	a->arguments.distinct = false;
	ks_stats_total(&a->arguments, &users);
	a->arguments.measure = "countries";
	a->arguments.distinct = true;
	ks_stats_tops_by(&a->arguments, 0, USER_LISTS, lists);
	if (lists[BY_COUNTRY].total == users.count && ks_measure_refines("countries", "users"))
		return;
	a->arguments.measure = "users";
	ks_stats_tops_by(&a->arguments, 0, KS_DIMENSIONS, lists);
}

Datum
ks_logicdialog_user_detail(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	ks_top		lists[USER_LISTS];

	ks_analytics_begin(fcinfo, &a);
	ask_users(&a, lists);
	ks_json_open(&a.out, '{');
	ks_json_member(&a.out, "channel");
	put_top(&a, &users_by_name, &lists[BY_SOURCE]);
	ks_json_member(&a.out, "country");
	put_top(&a, &users_by_name, &lists[BY_COUNTRY]);
	ks_json_member(&a.out, "language");
	put_top(&a, &users_by_name, &lists[BY_LANGUAGE_CODE]);
	ks_json_member(&a.out, "rating");
	put_breakdown(&a, &users_by_rating);
	ks_json_close(&a.out, '}');
	return ks_analytics_finish(&a);
}

/* ------------------------------------------------------------------------
 * Responses: shown, liked, disliked
 * ------------------------------------------------------------------------
 */

/* Counts of a response's line. */
enum
{
	VIEWS, LIKES, DISLIKES, BY_BUTTON, BY_LANGUAGE
};

/* The measures by response, and what they count. */
static const struct
{
	const char *measure;
	int			parts;			/* response_id; of replies response_trigger, too */
	int			count;
}			response_counts[] = {
	{"responses", 2, VIEWS},
	{"response_likes", 1, LIKES},
	{"response_dislikes", 1, DISLIKES}
};

/* Adds what a line of a top list says about its response. */
static line
response_line(const ks_top_line *from, int count)
{
	line		result = {0};
	ks_string	key = from->key;
	ks_string	trigger = {NULL, 0};

	ks_key_shift(&key, &result.parts[0]);
	ks_key_shift(&key, &trigger);
	result.counts[count] = from->weight;
	if (ks_string_is(trigger, "button"))
		result.counts[BY_BUTTON] = from->weight;
	else if (ks_string_is(trigger, "natural_language"))
		result.counts[BY_LANGUAGE] = from->weight;
	return result;
}

/* A line for each response that was shown or rated; keys with a trigger but no response are about none. */
static void
ask_responses(ks_analytics *a, lines *all)
{
	ks_top		top[lengthof(response_counts)];
	int			size = 0;
	int			i,
				j;

	for (i = 0; i < lengthof(response_counts); i++)
	{
		ask_top(a, response_counts[i].measure, false, KS_DIMENSIONS, response_counts[i].parts, &top[i]);
		size += top[i].count;
	}
	start_lines(all, size);
	for (i = 0; i < lengthof(response_counts); i++)
		for (j = 0; j < top[i].count; j++)
		{
			line		response = response_line(&top[i].lines[j], response_counts[i].count);

			if (response.parts[0].bytes != NULL)
				all->line[all->count++] = response;
		}
	consolidate_lines(all);
}

static void
put_response(StringInfo out, const line *response)
{
	ks_json_open(out, '{');
	put_part(out, "response", response->parts[0]);
	ks_analytics_count(out, "views", response->counts[VIEWS]);
	ks_analytics_count(out, "likes", response->counts[LIKES]);
	ks_analytics_count(out, "dislikes", response->counts[DISLIKES]);
	ks_json_member(out, "triggers");
	ks_json_open(out, '{');
	ks_analytics_count(out, "button", response->counts[BY_BUTTON]);
	ks_analytics_count(out, "naturalLanguage", response->counts[BY_LANGUAGE]);
	ks_json_close(out, '}');
	ks_json_close(out, '}');
}

Datum
ks_logicdialog_response(PG_FUNCTION_ARGS)
{
	ks_analytics a;
	lines		all;
	int			i;

	ks_analytics_begin(fcinfo, &a);
	ask_responses(&a, &all);
	ks_json_open(&a.out, '[');
	for (i = 0; i < all.count; i++)
		put_response(&a.out, &all.line[i]);
	ks_json_close(&a.out, ']');
	return ks_analytics_finish(&a);
}
