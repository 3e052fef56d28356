/*
 * The proleptic Gregorian calendar on day numbers (see civil.h).
 *
 * Years are counted from March, so that the leap day is the last day of a
 * year and the lengths of the months before it follow one linear formula.
 */
#ifndef KS_STANDALONE
#include "postgres.h"
#endif

#include "bucket/civil.h"

#define DAYS_PER_400_YEARS	146097
#define MARCH_1_YEAR_0		(-730425)	/* 0000-03-01 as a day number */

/*
 * Months count from 1 and may run over: month 13 is the next year's January,
 * month 0 the December before.
 */
int64
ks_civil_days(int64 year, int month, int day)
{
	int64		months = year * 12 + month - 3; /* since March of year 0 */
	int64		march_year = ks_floor_div(months, 12);
	int64		march_month = ks_floor_mod(months, 12);
	int64		cycle = ks_floor_div(march_year, 400);
	int64		cycle_year = march_year - cycle * 400;

	return MARCH_1_YEAR_0 + cycle * DAYS_PER_400_YEARS
		+ cycle_year * 365 + cycle_year / 4 - cycle_year / 100
		+ (153 * march_month + 2) / 5 + day - 1;
}

void
ks_civil_date(int64 days, int64 *year, int *month, int *day)
{
	int64		since = days - MARCH_1_YEAR_0;
	int64		cycle = ks_floor_div(since, DAYS_PER_400_YEARS);
	int64		cycle_day = since - cycle * DAYS_PER_400_YEARS;
	int64		cycle_year = (cycle_day - cycle_day / 1460 + cycle_day / 36524
							  - cycle_day / 146096) / 365;
	int64		year_day = cycle_day - (365 * cycle_year + cycle_year / 4 - cycle_year / 100);
	int64		march_month = (5 * year_day + 2) / 153;

	*day = (int) (year_day - (153 * march_month + 2) / 5) + 1;
	*month = (int) (march_month < 10 ? march_month + 3 : march_month - 9);
	*year = cycle * 400 + cycle_year + (march_month < 10 ? 0 : 1);
}

/* 2000-01-01 was a Saturday. */
int
ks_civil_weekday(int64 days)
{
	return (int) ks_floor_mod(days + 5, 7) + 1;
}

static int
months_of(ks_unit unit)
{
	switch (unit)
	{
		case KS_MONTH:
			return 1;
		case KS_QUARTER:
			return 3;
		case KS_YEAR:
			return 12;
		default:
			return 0;
	}
}

int64
ks_civil_floor(int64 days, ks_unit unit, int first_weekday)
{
	int64		year;
	int			month;
	int			day;

	if (unit == KS_HOUR || unit == KS_DAY)
		return days;
	if (unit == KS_WEEK)
		return days - (ks_civil_weekday(days) - first_weekday + 7) % 7;

	ks_civil_date(days, &year, &month, &day);
	return ks_civil_days(year, month - (month - 1) % months_of(unit), 1);
}

int64
ks_civil_next(int64 start, ks_unit unit)
{
	int64		year;
	int			month;
	int			day;

	if (unit == KS_HOUR || unit == KS_DAY)
		return start + 1;
	if (unit == KS_WEEK)
		return start + 7;

	ks_civil_date(start, &year, &month, &day);
	return ks_civil_days(year, month + months_of(unit), 1);
}
