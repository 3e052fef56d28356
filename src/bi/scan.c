/*
 * Running a scan: bots and range when the values of its conditions are known,
 * then batches of bots, each by one query, then their rows.
 *
 * No portal is left open between two rows: a cursor that is held beyond its
 * transaction would lose it.  A cursor reads the bots of the role that opened
 * it, whoever fetches, as with tables: so a function that runs with its owner's
 * rights and fetches from a cursor it was handed shows nobody the owner's bots.
 */
#include "bi/plan.h"

#include "base/compat.h"
#include "base/sort.h"
#include "bucket/clock.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* If the range is longer than this, it is worth finding out which months there are. */
#define LONG_DAYS	400

/* Limits of a batch: cells of all its bots and parts, and bots. */
#define BATCH_CELLS	1000000
#define BATCH_BOTS	64
#define FIRST_BATCH	8

/* Lists by key are read for this many buckets at once, because their keys are many. */
#define KEYED_BUCKETS	31

/* A line of a part's list, found by its key. */
typedef struct keyed_line
{
	ks_string	key;
	int			line;
} keyed_line;

/* A bot of the batch. */
typedef struct scanned_bot
{
	ks_surveyed surveyed;
	Datum		id;
	Datum		name;
	int			first;			/* first and last bucket that has a row */
	int			last;
	keyed_line **keyed;			/* [nparts] by key */
} scanned_bot;

struct ks_bi_scan
{
	ks_bi_relation *relation;
	ks_bi_plan *plan;
	List	   *values;			/* ExprStates of the conditions */
	Oid			asker;			/* whose bots are read */
	TimestampTz now;

	MemoryContext memory;		/* lives for one run */
	MemoryContext range_memory; /* of one zone */
	MemoryContext batch_memory;
	bool		started;
	ks_bi_wanted wanted;
	int			zone;			/* number of the zone that is being read */
	Datum		zone_name;
	ks_buckets	buckets;
	ks_survey	survey;
	int			interval;		/* first interval that is being read, and its bucket */
	int			nintervals;
	int			next_bot;
	int			batch_size;

	int			nbots;			/* of the batch */
	scanned_bot *bots;
	int			bot;			/* the row that comes next: bot, part and line of a list by key, bucket of the survey */
	int			part;
	int			line;
	int			bucket;
};

static const ks_survey_part *
part_at(const ks_bi_scan *scan, int part)
{
	return &scan->plan->parts[part];
}

/* ------------------------------------------------------------------------
 * Whose rights are used
 * ------------------------------------------------------------------------
 */

typedef struct fetcher
{
	Oid			user;
	int			security;
} fetcher;

/* From here on the asker's rights are used; after an error, whoever fetches has his own again. */
static fetcher
become_asker(const ks_bi_scan *scan)
{
	fetcher		result;

	GetUserIdAndSecContext(&result.user, &result.security);
	if (result.user != scan->asker)
		SetUserIdAndSecContext(scan->asker, result.security | SECURITY_LOCAL_USERID_CHANGE);
	return result;
}

static void
become_fetcher(fetcher fetcher)
{
	SetUserIdAndSecContext(fetcher.user, fetcher.security);
}

/* ------------------------------------------------------------------------
 * Bots, zones and ranges
 * ------------------------------------------------------------------------
 */

static void
want_all(ks_bi_scan *scan, ExprContext *context, List *conditions, ks_bi_wanted *wanted)
{
	ListCell   *cell,
			   *branch;

	ks_bi_wanted_init(wanted);
	foreach(cell, conditions)
	{
		const ks_bi_condition *c = lfirst(cell);
		MemoryContext old;
		fetcher		fetcher;
		ks_bi_wanted either;
		bool		isnull;
		Datum		value;

		if (wanted->nothing)
			return;
		foreach(branch, c->branches)
		{
			ks_bi_wanted one;

			want_all(scan, context, lfirst(branch), &one);
			old = MemoryContextSwitchTo(scan->memory);
			ks_bi_either(&either, &one, branch == list_head(c->branches));
			MemoryContextSwitchTo(old);
		}
		value = c->branches == NIL ? ExecEvalExprSwitchContext(list_nth(scan->values, c->number), context, &isnull) : (Datum) 0;
		old = MemoryContextSwitchTo(scan->memory);
		fetcher = become_asker(scan);
		if (c->branches != NIL)
			ks_bi_both(wanted, &either);
		else
			ks_bi_want(wanted, c, value, isnull);
		become_fetcher(fetcher);
		MemoryContextSwitchTo(old);
	}
}

static void
find_wanted(ks_bi_scan *scan, ExprContext *context)
{
	MemoryContext old;
	fetcher		fetcher;

	want_all(scan, context, scan->plan->conditions, &scan->wanted);
	if (scan->wanted.nothing)
		return;
	old = MemoryContextSwitchTo(scan->memory);
	fetcher = become_asker(scan);
	if (scan->wanted.every_bot)
		scan->wanted.bots = ks_survey_bots(&scan->wanted.nbots);
	become_fetcher(fetcher);
	scan->wanted.nothing = scan->wanted.nbots == 0;
	MemoryContextSwitchTo(old);
}

/* Where a range is open or very long, the months of which the bots have rows limit it. */
static void
limit_to_months(ks_bi_wanted *wanted)
{
	double		days = ks_bi_days(wanted);
	DateADT		first,
				last;
	int64		from,
				to;

	if (days >= 0 && days <= LONG_DAYS)
		return;
	if (!ks_survey_months(wanted->bots, wanted->nbots, &first, &last))
	{
		wanted->nothing = true;
		return;
	}
	/* months are those of UTC, and no clock is a day away from it */
	from = (int64) (first - 1) * USECS_PER_DAY;
	to = (int64) (last + 33) * USECS_PER_DAY;
	if (!wanted->has_from[0] || wanted->from[0] < from)
		wanted->from[0] = from;
	if (!wanted->has_to[0] || wanted->to[0] > to)
		wanted->to[0] = to;
	wanted->has_from[0] = wanted->has_to[0] = true;
}

/* Points the survey at the intervals that are read at once. */
static void
set_intervals(ks_bi_scan *scan)
{
	ks_survey  *survey = &scan->survey;

	survey->nintervals = scan->nintervals;
	survey->edges = scan->buckets.edges + scan->interval;
	survey->bucket_of = scan->buckets.bucket_of;
	survey->nbuckets = scan->buckets.bucket_of != NULL ? scan->buckets.nbuckets : scan->nintervals;
	scan->next_bot = 0;
	scan->batch_size = FIRST_BATCH;
}

/* The first intervals, or the next ones; all at once where a bucket is not one interval. */
static bool
next_intervals(ks_bi_scan *scan, bool first)
{
	int			left;

	scan->interval = first ? 0 : scan->interval + scan->nintervals;
	left = scan->buckets.nintervals - scan->interval;
	if (left <= 0)
		return false;
	scan->nintervals = scan->relation->take > 0 && scan->buckets.bucket_of == NULL ? Min(left, KEYED_BUCKETS) : left;
	set_intervals(scan);
	return true;
}

/* Opens the zone of that number; false where its range holds nothing. */
static bool
open_zone(ks_bi_scan *scan)
{
	MemoryContext old;
	const char *name = scan->wanted.nzones > 0 ? scan->wanted.zones[scan->zone] : NULL;
	pg_tz	   *zone;
	bool		any;

	MemoryContextReset(scan->range_memory);
	old = MemoryContextSwitchTo(scan->range_memory);
	zone = name != NULL ? ks_zone_named(name) : ks_zone_session();
	scan->zone_name = CStringGetTextDatum(name != NULL ? name : ks_zone_name(zone));
	any = ks_bi_range(&scan->wanted, scan->relation, zone, &scan->buckets);
	MemoryContextSwitchTo(old);
	return any && next_intervals(scan, true);
}

static bool
next_zone(ks_bi_scan *scan, bool first)
{
	scan->zone = first ? 0 : scan->zone + 1;
	for (; scan->zone < Max(scan->wanted.nzones, 1); scan->zone++)
	{
		if (open_zone(scan))
			return true;
	}
	return false;
}

static bool
start(ks_bi_scan *scan, ExprContext *context)
{
	MemoryContext old;
	fetcher		fetcher;

	scan->started = true;
	scan->nbots = scan->bot = 0;
	find_wanted(scan, context);
	if (scan->wanted.nothing)
		return false;
	old = MemoryContextSwitchTo(scan->memory);
	fetcher = become_asker(scan);
	limit_to_months(&scan->wanted);
	become_fetcher(fetcher);
	MemoryContextSwitchTo(old);
	return !scan->wanted.nothing && next_zone(scan, true);
}

/* ------------------------------------------------------------------------
 * A batch
 * ------------------------------------------------------------------------
 */

/* From the first bucket in which something happened to the last one; events outside the range count, too. */
static void
find_extent(const ks_bi_scan *scan, scanned_bot *bot)
{
	int			part;
	int			i;

	bot->first = scan->survey.nbuckets;
	bot->last = -1;
	for (part = 0; part < scan->relation->nrows; part++)
	{
		const int64 *counts = bot->surveyed.answers[part].counts;

		if (counts == NULL)
			continue;
		if (counts[0] != 0)
			bot->first = 0;
		for (i = 0; i < scan->survey.nintervals; i++)
		{
			int			bucket = scan->survey.bucket_of != NULL ? scan->survey.bucket_of[i] : i;

			if (counts[i + 1] == 0 || bucket < 0)
				continue;
			bot->first = Min(bot->first, bucket);
			bot->last = Max(bot->last, bucket);
		}
		if (counts[scan->survey.nintervals + 1] != 0)
			bot->last = scan->survey.nbuckets - 1;
	}
}

static int
compare_lines(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return ks_key_compare(((const keyed_line *) a)->key, ((const keyed_line *) b)->key);
}

/* Sorts the lists of all parts, so that keys can be found in them. */
static void
sort_lines(const ks_bi_scan *scan, scanned_bot *bot)
{
	int			part;
	int			i;

	bot->keyed = palloc0((scan->plan->nparts + 1) * sizeof(keyed_line *));
	for (part = 0; part < scan->plan->nparts; part++)
	{
		const ks_top_series *series = bot->surveyed.answers[part].series;

		if (series == NULL)
			continue;
		bot->keyed[part] = palloc((series->top.count + 1) * sizeof(keyed_line));
		for (i = 0; i < series->top.count; i++)
		{
			bot->keyed[part][i].key = series->top.lines[i].key;
			bot->keyed[part][i].line = i;
		}
		ks_sort(bot->keyed[part], series->top.count, sizeof(keyed_line), compare_lines, CurrentMemoryContext);
	}
}

/* Reads the next bots; false where there are no more. */
static bool
read_batch(ks_bi_scan *scan)
{
	MemoryContext old;
	Size		cells = ((Size) scan->plan->nparts + 1) * (scan->survey.nbuckets + 2);
	int			count = Min(scan->wanted.nbots - scan->next_bot, scan->batch_size);
	ks_surveyed *surveyed;
	fetcher		fetcher;
	int			i;

	count = Max(Min(count, (int) (BATCH_CELLS / cells)), 1);
	if (scan->next_bot >= scan->wanted.nbots)
		return false;
	MemoryContextReset(scan->batch_memory);
	old = MemoryContextSwitchTo(scan->batch_memory);
	surveyed = palloc(count * sizeof(ks_surveyed));
	scan->bots = palloc0(count * sizeof(scanned_bot));
	fetcher = become_asker(scan);
	ks_survey_read(&scan->survey, scan->wanted.bots + scan->next_bot, count, surveyed);
	become_fetcher(fetcher);
	for (i = 0; i < count; i++)
	{
		scanned_bot *bot = &scan->bots[i];

		bot->surveyed = surveyed[i];
		bot->id = surveyed[i].id == NULL ? (Datum) 0 : CStringGetTextDatum(surveyed[i].id);
		bot->name = surveyed[i].name == NULL ? (Datum) 0 : CStringGetTextDatum(surveyed[i].name);
		if (scan->relation->take > 0)
			sort_lines(scan, bot);
		else
			find_extent(scan, bot);
	}
	MemoryContextSwitchTo(old);
	scan->next_bot += count;
	scan->batch_size = BATCH_BOTS;
	scan->nbots = count;
	scan->bot = scan->part = scan->line = 0;
	scan->bucket = -1;
	return true;
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

static const ks_string *
current_key(const ks_bi_scan *scan)
{
	return &scan->bots[scan->bot].surveyed.answers[scan->part].series->top.lines[scan->line].key;
}

/* The line of a part that has the current key, or -1. */
static int
line_of(const ks_bi_scan *scan, int part)
{
	const scanned_bot *bot = &scan->bots[scan->bot];
	keyed_line	wanted;
	keyed_line *found;

	if (bot->keyed[part] == NULL)
		return -1;
	wanted.key = *current_key(scan);
	found = bsearch(&wanted, bot->keyed[part], bot->surveyed.answers[part].series->top.count, sizeof(keyed_line), compare_lines);
	return found == NULL ? -1 : found->line;
}

/* The value of a part in the current row. */
static int64
number_at(const ks_bi_scan *scan, int part, bool members)
{
	const ks_survey_answer *answer = &scan->bots[scan->bot].surveyed.answers[part];
	int64		result = 0;
	int			i;

	if (answer->series != NULL)
	{
		int			line = part == scan->part ? scan->line : line_of(scan, part);
		const int64 *numbers = members ? answer->series->distincts : answer->series->counts;

		return line < 0 ? 0 : numbers[(Size) line * scan->survey.nbuckets + scan->bucket];
	}
	if (answer->counts == NULL)
		return 0;
	if (part_at(scan, part)->kind == KS_SURVEY_COUNTS)
		return (members ? answer->distincts : answer->counts)[scan->bucket];
	if (scan->survey.bucket_of == NULL)
		return answer->distincts[scan->bucket + 1];
	for (i = 0; i < scan->survey.nintervals; i++)
	{
		if (scan->survey.bucket_of[i] == scan->bucket)
			result += answer->distincts[i + 1];
	}
	return result;
}

/* Whether the current key and bucket have a row that no earlier measure has produced. */
static bool
is_row(const ks_bi_scan *scan)
{
	int			part;

	if (number_at(scan, scan->part, false) == 0)
		return false;
	for (part = 0; part < scan->part; part++)
	{
		if (number_at(scan, part, false) != 0)
			return false;
	}
	return true;
}

/* Moves on to the next row of a list by key; false at the end of the batch. */
static bool
next_keyed(ks_bi_scan *scan)
{
	for (; scan->bot < scan->nbots; scan->bot++, scan->part = 0)
	{
		for (; scan->part < scan->relation->nrows; scan->part++, scan->line = 0)
		{
			const ks_top_series *series = scan->bots[scan->bot].surveyed.answers[scan->part].series;

			for (; series != NULL && scan->line < series->top.count; scan->line++, scan->bucket = -1)
			{
				CHECK_FOR_INTERRUPTS();
				while (++scan->bucket < scan->survey.nbuckets)
				{
					if (is_row(scan))
						return true;
				}
			}
		}
	}
	return false;
}

/* The same where rows are buckets. */
static bool
next_bucket(ks_bi_scan *scan)
{
	for (; scan->bot < scan->nbots; scan->bot++, scan->bucket = -1)
	{
		const scanned_bot *bot = &scan->bots[scan->bot];

		scan->bucket = Max(scan->bucket + 1, bot->first);
		if (scan->bucket <= bot->last)
			return true;
	}
	return false;
}

static bool
next_row(ks_bi_scan *scan, ExprContext *context)
{
	if (!scan->started && !start(scan, context))
		scan->wanted.nothing = true;
	while (!scan->wanted.nothing)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->relation->take > 0 ? next_keyed(scan) : next_bucket(scan))
			return true;
		if (!read_batch(scan) && !next_intervals(scan, false) && !next_zone(scan, false))
			scan->wanted.nothing = true;
	}
	return false;
}

/* A part of the current key; false where it has no value. */
static bool
key_part(const ks_bi_scan *scan, int number, Datum *value)
{
	ks_string	key = *current_key(scan);
	ks_string	part = {NULL, 0};
	int			i;

	for (i = scan->relation->skip; i <= number; i++)
	{
		if (!ks_key_shift(&key, &part))
			return false;
	}
	if (part.bytes == NULL)
		return false;
	*value = PointerGetDatum(cstring_to_text_with_len((const char *) part.bytes, (int) part.length));
	return true;
}

static bool
column_value(const ks_bi_scan *scan, const ks_bi_column *column, const ks_bi_source *source, Datum *value)
{
	const scanned_bot *bot = &scan->bots[scan->bot];
	int			bucket = scan->buckets.bucket_of != NULL ? scan->bucket : scan->interval + scan->bucket;
	Timestamp	reading = scan->buckets.labels[bucket];
	int64		whole;

	switch (column->role)
	{
		case KS_BI_BOT:
			*value = bot->id;
			return bot->surveyed.id != NULL;
		case KS_BI_BOT_NAME:
			*value = bot->name;
			return bot->surveyed.name != NULL;
		case KS_BI_DATE:
			*value = DateADTGetDatum((DateADT) ks_floor_div(reading, USECS_PER_DAY));
			return true;
		case KS_BI_HOUR:
			*value = TimestampGetDatum(reading);
			return true;
		case KS_BI_STARTS_AT:
			*value = TimestampTzGetDatum(scan->buckets.starts[bucket]);
			return true;
		case KS_BI_TZ:
			*value = scan->zone_name;
			return true;
		case KS_BI_IS_PARTIAL:
			*value = BoolGetDatum(scan->buckets.ends[bucket] > scan->now);
			return true;
		case KS_BI_WEEKDAY:
			/* 2000-01-01 was a Saturday */
			*value = Int32GetDatum((int32) ks_floor_mod(ks_floor_div(reading, USECS_PER_DAY) + 5, 7) + 1);
			return true;
		case KS_BI_HOUR_OF_DAY:
			*value = Int32GetDatum((int32) (ks_floor_mod(reading, USECS_PER_DAY) / USECS_PER_HOUR));
			return true;
		case KS_BI_DROPPED:
			return false;
		case KS_BI_KEY:
			return key_part(scan, column->part, value);
		case KS_BI_NUMBER:
			*value = Int64GetDatum(number_at(scan, source->part, column->value != KS_BI_EVENTS));
			return true;
		case KS_BI_RATE:
			whole = number_at(scan, source->per, false);
			if (whole == 0)
				return false;
			*value = Float8GetDatum((double) number_at(scan, source->part, column->value != KS_BI_EVENTS) / (double) whole);
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * What the executor calls
 * ------------------------------------------------------------------------
 */

void
ks_bi_begin(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	ks_bi_scan *scan = palloc0(sizeof(ks_bi_scan));

	scan->relation = ks_bi_relation_open(RelationGetRelid(node->ss.ss_currentRelation));
	scan->plan = ks_bi_plan_unpack(scan->relation, plan);
	scan->values = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	scan->asker = GetUserId();
	scan->now = ks_now();
	scan->survey.nparts = scan->plan->nparts;
	scan->survey.parts = scan->plan->parts;
	scan->survey.skip = scan->relation->skip;
	scan->survey.take = scan->relation->take;
	scan->survey.names = scan->plan->names;
	scan->memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats relation", ALLOCSET_DEFAULT_SIZES);
	scan->range_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats range", ALLOCSET_DEFAULT_SIZES);
	scan->batch_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats batch", ALLOCSET_DEFAULT_SIZES);
	node->fdw_state = scan;
}

TupleTableSlot *
ks_bi_iterate(ForeignScanState *node)
{
	ks_bi_scan *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	int			i;

	ExecClearTuple(slot);
	if (!next_row(scan, node->ss.ps.ps_ExprContext))
		return slot;
	for (i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_isnull[i] = !scan->plan->needed[i] ||
			!column_value(scan, &scan->relation->columns[i], &scan->plan->sources[i], &slot->tts_values[i]);
	}
	return ExecStoreVirtualTuple(slot);
}

void
ks_bi_rescan(ForeignScanState *node)
{
	ks_bi_scan *scan = node->fdw_state;

	scan->started = false;
	MemoryContextReset(scan->memory);
}

void
ks_bi_end(ForeignScanState *node)
{
}
