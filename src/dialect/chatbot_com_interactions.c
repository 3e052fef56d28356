/*
 * ChatBot.com's report of interactions: how often each was used, including those
 * that were not used.
 *
 * An interaction with an id is the same under every name; it is listed once,
 * under its latest name.
 */
#include "dialect/chatbot_com.h"
#include "dialect/json.h"
#include "dialect/list.h"

#include "base/compat.h"
#include "base/sort.h"
#include "query/filter.h"
#include "rollup/interaction.h"

#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ks_chatbot_com_conversations_interactions);

/* Which part of the measure's key is the story, which does not belong to an interaction's identity. */
#define STORY	(KS_DIMENSIONS + MEMBERS)

/* The parts of an interaction's key, and the order in which they are shown. */
enum
{
	TYPE, NAME, ID, PARENT, MEMBERS
};

static const struct
{
	int			part;
	const char *member;
}			shown_members[MEMBERS] = {
	{PARENT, "parentId"},
	{TYPE, "type"},
	{NAME, "name"},
	{ID, "id"}
};

typedef struct interaction_line
{
	ks_string	part[MEMBERS];
	int64		value;			/* in the range */
	bool		is_counted;		/* there are events of it, in the range or not */
	int64		last;			/* which of several names came last: a quarter of events, else an instant of the catalogue */
} interaction_line;

typedef struct interaction_lines
{
	int			count;
	int			size;
	interaction_line *item;
} interaction_lines;

/* ------------------------------------------------------------------------
 * Which interactions
 * ------------------------------------------------------------------------
 */

static void
take_parts(ks_string key, ks_string *part)
{
	int			i;

	for (i = 0; i < MEMBERS; i++)
	{
		part[i] = (ks_string) {NULL, 0};
		(void) ks_key_shift(&key, &part[i]);
	}
}

static interaction_line *
add_line(interaction_lines *all, ks_string key)
{
	interaction_line *result;

	if (all->count == all->size)
	{
		all->size = all->size > 0 ? 2 * all->size : 64;
		all->item = all->item != NULL ? repalloc_huge(all->item, all->size * sizeof(interaction_line)) : palloc(all->size * sizeof(interaction_line));
	}
	result = &all->item[all->count++];
	memset(result, 0, sizeof(interaction_line));
	take_parts(key, result->part);
	result->last = PG_INT64_MIN;
	return result;
}

/* An empty id identifies nothing. */
static bool
has_id(const interaction_line *l)
{
	return l->part[ID].length > 0;
}

/* Zero for the same interaction; if it has an id, its name does not matter. */
static int
compare_identities(const interaction_line *a, const interaction_line *b)
{
	int			order = ks_string_compare(a->part[TYPE], b->part[TYPE]);

	if (order == 0)
		order = ks_string_compare(a->part[ID], b->part[ID]);
	if (order == 0)
		order = ks_string_compare(a->part[PARENT], b->part[PARENT]);
	if (order == 0 && !has_id(a))
		order = ks_string_compare(a->part[NAME], b->part[NAME]);
	return order;
}

static int
compare_lines(const void *a, const void *b)
{
	int			order = compare_identities(a, b);

	CHECK_FOR_INTERRUPTS();
	return order != 0 ? order : ks_string_compare(((const interaction_line *) a)->part[NAME], ((const interaction_line *) b)->part[NAME]);
}

/* Sorts lines, and merges those with the same name. */
static void
merge_lines(interaction_lines *all)
{
	int			kept = 0;
	int			i;

	ks_sort(all->item, all->count, sizeof(interaction_line), compare_lines, CurrentMemoryContext);
	for (i = 0; i < all->count; i++)
	{
		interaction_line *before = kept > 0 ? &all->item[kept - 1] : NULL;

		if (before == NULL || compare_lines(before, &all->item[i]) != 0)
		{
			all->item[kept++] = all->item[i];
			continue;
		}
		before->value += all->item[i].value;
		before->is_counted |= all->item[i].is_counted;
		before->last = Max(before->last, all->item[i].last);
	}
	all->count = kept;
}

/* The conditions of the arguments, for keys that did not come from a query. */
static ks_filter
filter_of(const ks_arguments *arguments)
{
	ks_filter	filter = {palloc((arguments->filters.count + 1) * sizeof(ks_condition)), (uint32) arguments->filters.count};
	int			i;

	for (i = 0; i < arguments->filters.count; i++)
	{
		text	   *condition = DatumGetTextPP(arguments->filters.conditions[i]);
		ks_condition *c = &filter.conditions[i];

		if (!ks_condition_read(c, VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition)))
			elog(ERROR, "malformed filter condition");
		c->value.length = ks_part_length(c->value.bytes, c->value.length);
	}
	return ks_filter_sorted(&filter, CurrentMemoryContext);
}

/* Strips source and language from a key that passes the filter; false if it does not pass. */
static bool
passes(const ks_filter *filter, ks_string *key)
{
	ks_string	part;
	int			i;

	if (!ks_filter_passes(filter, ks_key_cut(*key)))
		return false;
	for (i = 0; i < KS_DIMENSIONS; i++)
		(void) ks_key_shift(key, &part);
	return true;
}

/* All interactions: those of the range, of all time, of the catalogue.  Returns the sum of their values. */
static int64
find_lines(interaction_lines *all, ks_arguments arguments, const ks_filter *filter)
{
	ks_top		asked;
	ks_top		ever;
	ks_interaction_keys noted;
	int			i;

	arguments.measure = KS_INTERACTIONS;
	ks_stats_top_by(&arguments, KS_DIMENSIONS, MEMBERS, PG_INT32_MAX, &asked);
	arguments.from = arguments.to = NULL;
	ks_stats_top_by(&arguments, KS_DIMENSIONS, MEMBERS, PG_INT32_MAX, &ever);
	ks_interactions_noted(arguments.bot_id, &noted);
	for (i = 0; i < asked.count; i++)
		add_line(all, asked.lines[i].key)->value = asked.lines[i].weight;
	for (i = 0; i < ever.count; i++)
		add_line(all, ever.lines[i].key)->is_counted = true;
	for (i = 0; i < noted.count; i++)
	{
		if (passes(filter, &noted.keys[i]))
			add_line(all, noted.keys[i])->last = noted.at[i];
	}
	merge_lines(all);
	return asked.total;
}

/* ------------------------------------------------------------------------
 * Names
 * ------------------------------------------------------------------------
 */

/* The end of the lines of one interaction. */
static int
end_of(const interaction_lines *all, int begin)
{
	int			end = begin + 1;

	while (end < all->count && compare_identities(&all->item[begin], &all->item[end]) == 0)
		end++;
	return end;
}

/* Whether there are events of an interaction under this name. */
static bool
is_called(const interaction_line *l)
{
	return l->is_counted && l->part[NAME].bytes != NULL;
}

/* Whether there are events of it under several names. */
static bool
is_renamed(const interaction_lines *all, int begin, int end)
{
	int			names = 0;
	int			i;

	for (i = begin; i < end; i++)
		names += is_called(&all->item[i]);
	return names > 1;
}

/* Notes when a name was used; its interaction may not be among the lines. */
static void
note_use(interaction_lines *all, ks_string key, int64 quarter)
{
	interaction_line wanted;
	interaction_line *found;

	take_parts(key, wanted.part);
	found = bsearch(&wanted, all->item, all->count, sizeof(interaction_line), compare_lines);
	if (found != NULL)
		found->last = Max(found->last, quarter);
}

/* How many interactions with several names remain of which no name is known to have been used yet. */
static int
count_unknown(const interaction_lines *all)
{
	int			unknown = 0;
	int			begin,
				end,
				i;

	for (begin = 0; begin < all->count; begin = end)
	{
		bool		known = false;

		CHECK_FOR_INTERRUPTS();
		end = end_of(all, begin);
		if (!is_renamed(all, begin, end))
			continue;
		for (i = begin; i < end; i++)
			known |= is_called(&all->item[i]) && all->item[i].last > PG_INT64_MIN;
		unknown += !known;
	}
	return unknown;
}

/* Finds out which of several names was used last, going back month by month for as long as needed. */
static void
find_last_uses(interaction_lines *all, int64 bot_id, const ks_filter *filter)
{
	DateADT		month = DATEVAL_NOEND;
	ks_interaction_keys used;
	int			i;

	/* the instant of the catalogue cannot be compared with a quarter hour */
	for (i = 0; i < all->count; i++)
	{
		if (all->item[i].is_counted)
			all->item[i].last = PG_INT64_MIN;
	}
	while (count_unknown(all) > 0 && ks_interactions_used(bot_id, &month, &used))
	{
		for (i = 0; i < used.count; i++)
		{
			if (passes(filter, &used.keys[i]))
				note_use(all, used.keys[i], used.at[i]);
		}
	}
}

/* Whether a name is the better one to show: any name before none, then one from events, then the later one, then the first in order. */
static bool
is_better(const interaction_line *a, const interaction_line *b)
{
	if ((a->part[NAME].bytes == NULL) != (b->part[NAME].bytes == NULL))
		return a->part[NAME].bytes != NULL;
	if (a->is_counted != b->is_counted)
		return a->is_counted;
	return a->last > b->last;
}

/* One line for each interaction. */
static void
choose_names(interaction_lines *all)
{
	int			kept = 0;
	int			begin,
				end,
				i;

	for (begin = 0; begin < all->count; begin = end)
	{
		interaction_line chosen = all->item[begin];

		end = end_of(all, begin);
		for (i = begin + 1; i < end; i++)
		{
			int64		value = chosen.value + all->item[i].value;

			if (is_better(&all->item[i], &chosen))
				chosen = all->item[i];
			chosen.value = value;
		}
		all->item[kept++] = chosen;
	}
	all->count = kept;
}

/* ------------------------------------------------------------------------
 * The report
 * ------------------------------------------------------------------------
 */

/* Most used first; ties are in the documented order: no type first, then by type, name, id and parent. */
static int
compare_for_report(const void *a, const void *b)
{
	const interaction_line *x = a;
	const interaction_line *y = b;
	int			order = 0;
	int			i;

	CHECK_FOR_INTERRUPTS();
	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	for (i = 0; i < MEMBERS && order == 0; i++)
		order = ks_string_compare(x->part[i], y->part[i]);
	return order;
}

/* Members that an interaction does not have are left out. */
static void
put_line(StringInfo out, const interaction_line *l, int64 all)
{
	int			i;

	ks_json_open(out, '{');
	for (i = 0; i < MEMBERS; i++)
	{
		ks_string	part = l->part[shown_members[i].part];

		if (part.bytes == NULL)
			continue;
		ks_json_member(out, shown_members[i].member);
		ks_json_bytes(out, part.bytes, part.length);
	}
	ks_json_member(out, "usage");
	ks_json_hundredths(out, ks_hundredths(100 * l->value, all));
	ks_json_member(out, "value");
	ks_json_integer(out, l->value);
	ks_json_close(out, '}');
}

/* bot, from, to, period, storyId, tz */
Datum
ks_chatbot_com_conversations_interactions(PG_FUNCTION_ARGS)
{
	interaction_lines all = {0};
	ks_arguments arguments;
	ks_filter	filter;
	int64		total;
	StringInfoData out;
	int			i;

	ks_chatbot_com_start(fcinfo, 5, &arguments);
	ks_chatbot_com_range(fcinfo, &arguments);
	ks_list_condition(&arguments, STORY, ks_optional_text(fcinfo, 4), "storyId");
	filter = filter_of(&arguments);
	total = find_lines(&all, arguments, &filter);
	find_last_uses(&all, arguments.bot_id, &filter);
	choose_names(&all);
	ks_sort(all.item, all.count, sizeof(interaction_line), compare_for_report, CurrentMemoryContext);

	ks_json_begin(&out);
	ks_json_open(&out, '[');
	for (i = 0; i < all.count; i++)
		put_line(&out, &all.item[i], total);
	ks_json_close(&out, ']');
	PG_RETURN_DATUM(ks_json_end(&out));
}
