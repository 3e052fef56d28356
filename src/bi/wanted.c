/*
 * From the conditions' values, once they are known, to bots and a range.
 *
 * Bounds may be wider than what was asked for, never narrower.
 */
#include "bi/bi.h"

#include "base/compat.h"
#include "base/sort.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* The years 2 to 9998, so that there is room for what is added. */
#define EARLIEST	(INT64CONST(-729754) * USECS_PER_DAY)
#define LATEST		(INT64CONST(2921575) * USECS_PER_DAY)

/* Casts and zones are not further apart than this; zones written as in POSIX have up to a week. */
#define SLACK		(9 * USECS_PER_DAY)

#define READING 0
#define INSTANT 1

void
ks_bi_wanted_init(ks_bi_wanted *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->every_bot = true;
}

/* ------------------------------------------------------------------------
 * Texts
 * ------------------------------------------------------------------------
 */

/* The values of a condition, NULLs left out. */
static void
values_of(const ks_bi_condition *c, Datum value, Datum **items, int *count)
{
	ArrayType  *array;
	int16		length;
	bool		byval;
	char		align;
	bool	   *nulls;
	int			all;
	int			i;

	*items = palloc(sizeof(Datum));
	(*items)[0] = value;
	*count = 1;
	if (!c->any)
		return;
	array = DatumGetArrayTypeP(value);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &byval, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, byval, align, items, &nulls, &all);
	*count = 0;
	for (i = 0; i < all; i++)
	{
		if (!nulls[i])
			(*items)[(*count)++] = (*items)[i];
	}
}

static int
compare_bots(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* All conditions must hold: keeps what both lists have. */
static void
want_bots(ks_bi_wanted *wanted, int64 *bots, int count)
{
	int			kept = 0;
	int			i;

	ks_sort(bots, count, sizeof(int64), compare_bots, CurrentMemoryContext);
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if ((kept > 0 && bots[kept - 1] == bots[i]) ||
			(!wanted->every_bot && bsearch(&bots[i], wanted->bots, wanted->nbots, sizeof(int64), compare_bots) == NULL))
			continue;
		bots[kept++] = bots[i];
	}
	wanted->every_bot = false;
	wanted->bots = bots;
	wanted->nbots = kept;
	wanted->nothing |= kept == 0;
}

/* What cannot be a bot's id matches no bot. */
static void
want_ids(ks_bi_wanted *wanted, Datum *items, int count)
{
	int64	   *bots = palloc((count + 1) * sizeof(int64));
	int			found = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		text	   *id = DatumGetTextPP(items[i]);
		size_t		length = VARSIZE_ANY_EXHDR(id);

		if (length > 0 && length <= KS_BOT_ID_MAX)
			bots[found++] = ks_bot_number(VARDATA_ANY(id), length);
	}
	want_bots(wanted, bots, found);
}

static void
want_names(ks_bi_wanted *wanted, bool lower, Datum *items, int count)
{
	int			found;
	int64	   *bots = ks_survey_named(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT), lower, &found);

	want_bots(wanted, bots, found);
}

/* Lists each zone once. */
static void
add_zones(ks_bi_wanted *wanted, char **zones, int count)
{
	int			i,
				j;

	for (i = 0; i < count; i++)
	{
		for (j = 0; j < wanted->nzones && strcmp(wanted->zones[j], zones[i]) != 0; j++)
			;
		if (j == wanted->nzones)
			wanted->zones[wanted->nzones++] = zones[i];
	}
}

/* Further conditions on the zone are left to the executor. */
static void
want_zones(ks_bi_wanted *wanted, Datum *items, int count)
{
	char	  **zones;
	int			i;

	if (wanted->nzones > 0)
		return;
	zones = palloc((count + 1) * sizeof(char *));
	for (i = 0; i < count; i++)
		zones[i] = TextDatumGetCString(items[i]);
	wanted->zones = palloc((count + 1) * sizeof(char *));
	add_zones(wanted, zones, count);
	wanted->nothing |= wanted->nzones == 0;
}

/* ------------------------------------------------------------------------
 * Times
 * ------------------------------------------------------------------------
 */

static int64
microseconds_of(Datum value, Oid type)
{
	int64		result;

	if (type == DATEOID)
	{
		/* dates reach further than microseconds do */
		int64		days = DatumGetDateADT(value);

		result = Max(Min(days, LATEST / USECS_PER_DAY), EARLIEST / USECS_PER_DAY) * USECS_PER_DAY;
	}
	else
		result = DatumGetTimestamp(value);
	return Max(Min(result, LATEST), EARLIEST);
}

static void
bound(ks_bi_wanted *wanted, int clock, bool has_from, int64 from, bool has_to, int64 to)
{
	if (has_from && (!wanted->has_from[clock] || from > wanted->from[clock]))
	{
		wanted->has_from[clock] = true;
		wanted->from[clock] = from;
	}
	if (has_to && (!wanted->has_to[clock] || to < wanted->to[clock]))
	{
		wanted->has_to[clock] = true;
		wanted->to[clock] = to;
	}
}

static void
want_times(ks_bi_wanted *wanted, const ks_bi_condition *c, Datum *items, int count, Oid type)
{
	int			clock = c->target == KS_BI_ON_INSTANT ? INSTANT : READING;
	bool		exact = c->exact && (type == TIMESTAMPTZOID) == (clock == INSTANT);
	int64		slack = exact ? 0 : SLACK;
	int64		least = LATEST;
	int64		most = EARLIEST;
	int			i;

	for (i = 0; i < count; i++)
	{
		int64		at = microseconds_of(items[i], type);

		least = Min(least, at);
		most = Max(most, at);
	}
	if (count == 0)
		wanted->nothing = true;
	else
		bound(wanted, clock,
			  c->strategy >= BTEqualStrategyNumber, Min(Max(least - slack - c->before * USECS_PER_DAY, EARLIEST), LATEST),
			  c->strategy <= BTEqualStrategyNumber,
			  Min(Max(most + slack + c->after * USECS_PER_DAY + (c->strategy == BTLessStrategyNumber ? 0 : 1), EARLIEST), LATEST));
}

/* Adds a condition whose value is known now. */
void
ks_bi_want(ks_bi_wanted *wanted, const ks_bi_condition *condition, Datum value, bool isnull)
{
	Oid			type = exprType((Node *) condition->value);
	Datum	   *items;
	int			count;

	if (isnull)
	{
		wanted->nothing = true;
		return;
	}
	if (condition->any)
		type = get_base_element_type(type);
	else
		type = getBaseType(type);
	values_of(condition, value, &items, &count);
	switch (condition->target)
	{
		case KS_BI_ON_BOT:
			want_ids(wanted, items, count);
			break;
		case KS_BI_ON_NAME:
			want_names(wanted, condition->lower, items, count);
			break;
		case KS_BI_ON_TZ:
			want_zones(wanted, items, count);
			break;
		default:
			want_times(wanted, condition, items, count, getBaseType(type));
	}
}

/* ------------------------------------------------------------------------
 * Several together
 * ------------------------------------------------------------------------
 */

/* What one or the other wants; the first one is taken as it is. */
void
ks_bi_either(ks_bi_wanted *wanted, const ks_bi_wanted *other, bool first)
{
	int			clock;

	if (first || wanted->nothing)
	{
		*wanted = *other;
		return;
	}
	if (other->nothing)
		return;
	wanted->every_bot |= other->every_bot;
	if (!wanted->every_bot)
	{
		int64	   *bots = palloc((wanted->nbots + other->nbots + 1) * sizeof(int64));
		int			count = wanted->nbots + other->nbots;

		memcpy(bots, wanted->bots, wanted->nbots * sizeof(int64));
		memcpy(bots + wanted->nbots, other->bots, other->nbots * sizeof(int64));
		wanted->every_bot = true;
		want_bots(wanted, bots, count);
	}
	/* a side that says nothing of the zone means the session's */
	if (wanted->nzones == 0 || other->nzones == 0)
		wanted->nzones = 0;
	else
	{
		const ks_bi_wanted before = *wanted;

		wanted->nzones = 0;
		wanted->zones = palloc((before.nzones + other->nzones + 1) * sizeof(char *));
		add_zones(wanted, before.zones, before.nzones);
		add_zones(wanted, other->zones, other->nzones);
	}
	for (clock = READING; clock <= INSTANT; clock++)
	{
		wanted->has_from[clock] &= other->has_from[clock];
		wanted->has_to[clock] &= other->has_to[clock];
		wanted->from[clock] = Min(wanted->from[clock], other->from[clock]);
		wanted->to[clock] = Max(wanted->to[clock], other->to[clock]);
	}
}

/* What both want; for the zone, what was said first. */
void
ks_bi_both(ks_bi_wanted *wanted, const ks_bi_wanted *other)
{
	int			clock;

	wanted->nothing |= other->nothing;
	if (wanted->nothing)
		return;
	if (!other->every_bot)
	{
		int64	   *bots = palloc((other->nbots + 1) * sizeof(int64));

		memcpy(bots, other->bots, other->nbots * sizeof(int64));
		want_bots(wanted, bots, other->nbots);
	}
	if (wanted->nzones == 0)
	{
		wanted->zones = other->zones;
		wanted->nzones = other->nzones;
	}
	for (clock = READING; clock <= INSTANT; clock++)
		bound(wanted, clock, other->has_from[clock], other->from[clock], other->has_to[clock], other->to[clock]);
}

/* ------------------------------------------------------------------------
 * The range
 * ------------------------------------------------------------------------
 */

/* One end of the range, which may be given on either clock or both: then the later "from" and the earlier "to" are nearer to what was asked. */
static ks_moment
end_of_range(const ks_bi_wanted *wanted, pg_tz *zone, bool to)
{
	const bool *has = to ? wanted->has_to : wanted->has_from;
	const int64 *at = to ? wanted->to : wanted->from;
	ks_moment	result = {at[READING], KS_MOMENT_LOCAL, 0};
	ks_moment	instant = {at[INSTANT], KS_MOMENT_INSTANT, 0};

	if (has[INSTANT] && (!has[READING] || (ks_moment_reading(&instant, zone) > at[READING]) != to))
		return instant;
	return result;
}

/*
 * The beginning of the unit in which the range begins, and the end of the one
 * in which it ends: buckets are read as a whole.  Where the clock is set back
 * over midnight, an instant may belong to the day before or after.
 */
static void
whole_units(ks_moment *from, ks_moment *to, ks_unit unit, pg_tz *zone)
{
	/* from the beginning of a unit into the next one */
	static const int64 days_of[] = {1, 1, 7, 32, 95, 370};
	ks_moment	last = *to;

	if (from->kind == KS_MOMENT_INSTANT)
		from->value -= USECS_PER_DAY;
	ks_moment_floor(from, from, unit, zone);
	if (last.kind == KS_MOMENT_INSTANT)
		last.value += USECS_PER_DAY;
	last.value--;
	ks_moment_floor(to, &last, unit, zone);
	to->value += days_of[unit] * USECS_PER_DAY;
	if (unit > KS_WEEK)
		ks_moment_floor(to, to, unit, zone);
}

static bool
is_empty(const ks_moment *from, const ks_moment *to, pg_tz *zone)
{
	if (from->kind == to->kind)
		return from->value >= to->value;
	return ks_moment_instant(from, zone) >= ks_moment_instant(to, zone);
}

/* The buckets of a range with two known ends; false where it holds none. */
bool
ks_bi_range(const ks_bi_wanted *wanted, const ks_bi_relation *relation, pg_tz *zone, ks_buckets *buckets)
{
	ks_moment	from = end_of_range(wanted, zone, false);
	ks_moment	to = end_of_range(wanted, zone, true);

	if (is_empty(&from, &to, zone))
		return false;
	if (relation->unit != KS_HOUR)
		whole_units(&from, &to, relation->unit, zone);
	/* clocks that are set back by several hours show an hour again after later ones */
	else if (to.kind == KS_MOMENT_LOCAL)
		to.value += USECS_PER_DAY;
	ks_buckets_build(buckets, &from, &to, zone, relation->unit, NULL);
	return buckets->nbuckets > 0;
}

/* About how many days the range has; negative where it is open. */
double
ks_bi_days(const ks_bi_wanted *wanted)
{
	int64		from = wanted->has_from[READING] ? wanted->from[READING] : wanted->from[INSTANT];
	int64		to = wanted->has_to[READING] ? wanted->to[READING] : wanted->to[INSTANT];

	if (!(wanted->has_from[READING] || wanted->has_from[INSTANT]) || !(wanted->has_to[READING] || wanted->has_to[INSTANT]))
		return -1;
	return Max((double) (to - from) / USECS_PER_DAY, 0);
}
