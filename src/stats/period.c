/*
 * Periods by name: today, last7days, lastMonth and their kin.
 *
 * A period is a range of local dates, so that it is the same whatever the clock does
 * in it.  A period that is not over yet ends with today, so that it has no points in
 * the future.
 */
#include "stats/stats.h"

#include "base/compat.h"
#include "bucket/clock.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_period_sql);

/* A period begins this many units before the one that holds today, and ends with today or where that unit begins. */
static const struct
{
	const char *name;
	ks_unit		unit;
	int			back;
	bool		with_today;
	const char *granularity;	/* with which a chart of it has readable columns */
}			periods[] = {
	{"today", KS_DAY, 0, true, "hour"},
	{"yesterday", KS_DAY, 1, false, "hour"},
	{"last7days", KS_DAY, 6, true, "day"},
	{"last30days", KS_DAY, 29, true, "day"},
	{"thisWeek", KS_WEEK, 0, true, "day"},
	{"lastWeek", KS_WEEK, 1, false, "day"},
	{"thisMonth", KS_MONTH, 0, true, "day"},
	{"lastMonth", KS_MONTH, 1, false, "day"},
	{"last3Months", KS_MONTH, 3, false, "week"},
	{"thisQuarter", KS_QUARTER, 0, true, "week"},
	{"lastQuarter", KS_QUARTER, 1, false, "week"},
	{"thisYear", KS_YEAR, 0, true, "month"},
	{"lastYear", KS_YEAR, 1, false, "month"}
};

/* The first day of the unit that holds the local date; a calendar is asked only if there is a locale. */
static int64
unit_start(int64 date, ks_unit unit, const char *locale)
{
	ks_moment	from = {date * USECS_PER_DAY, KS_MOMENT_LOCAL, 0};
	ks_moment	to = {(date + 1) * USECS_PER_DAY, KS_MOMENT_LOCAL, 0};
	ks_buckets	buckets;

	if (locale == NULL || unit == KS_DAY)
		return ks_civil_floor(date, unit, 1);
	/* counted as day numbers: changes of the clock do not matter here */
	ks_buckets_build(&buckets, &from, &to, pg_tzset("UTC"), unit, locale);
	return ks_floor_div(buckets.labels[0], USECS_PER_DAY);
}

/* Both ends as local midnights; false where no period has that name.  granularity may be NULL. */
bool
ks_period(const char *name, TimestampTz now, pg_tz *zone, const char *locale, ks_moment *from, ks_moment *to, const char **granularity)
{
	const ks_moment moment = {now, KS_MOMENT_INSTANT, 0};
	int64		today;
	int64		start;
	int			i = 0;
	int			n;

	while (i < lengthof(periods) && pg_strcasecmp(name, periods[i].name) != 0)
		i++;
	if (i == lengthof(periods))
		return false;
	today = ks_floor_div(ks_moment_reading(&moment, zone), USECS_PER_DAY);
	start = unit_start(today, periods[i].unit, locale);
	to->value = (periods[i].with_today ? today + 1 : start) * USECS_PER_DAY;
	for (n = 0; n < periods[i].back; n++)
		start = unit_start(start - 1, periods[i].unit, locale);
	from->value = start * USECS_PER_DAY;
	from->kind = to->kind = KS_MOMENT_LOCAL;
	from->reserved = to->reserved = 0;
	if (granularity != NULL)
		*granularity = periods[i].granularity;
	return true;
}

/* name, tz, now, locale */
Datum
ks_period_sql(PG_FUNCTION_ARGS)
{
	char	   *name = ks_optional_text(fcinfo, 0);
	char	   *zone_name = ks_optional_text(fcinfo, 1);
	char	   *locale = ks_optional_text(fcinfo, 3);
	pg_tz	   *zone = zone_name != NULL ? ks_zone_lookup(zone_name, locale) : ks_zone_session();
	ks_moment	from;
	ks_moment	to;
	ks_moment	now = {ks_now(), KS_MOMENT_INSTANT, 0};
	const char *granularity;
	Datum		values[3];
	bool		nulls[3] = {false};

	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(2))
		now.value = PG_GETARG_TIMESTAMPTZ(2);
	ks_moment_check(&now, "now");
	if (name == NULL || !ks_period(name, now.value, zone, locale, &from, &to, &granularity))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 name == NULL ? errmsg("\"name\" is missing") : errmsg("period \"%s\" is not known", name),
				 errhint("Periods are today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear and lastYear.")));
	ks_moment_check(&from, "from");
	ks_moment_check(&to, "to");
	values[0] = DateADTGetDatum((DateADT) (from.value / USECS_PER_DAY));
	values[1] = DateADTGetDatum((DateADT) (to.value / USECS_PER_DAY));
	values[2] = CStringGetTextDatum(granularity);
	ks_put_row(fcinfo, values, nulls);
	return (Datum) 0;
}
