/*
 * The proleptic Gregorian calendar on day numbers, and the units that ranges
 * are cut into.  Plain C: no server, no error reports, so that it is tested
 * without either.
 *
 * Day 0 is 2000-01-01, as in PostgreSQL's date.  Weekdays are ISO: 1 is
 * Monday, 7 is Sunday.
 */
#ifndef KS_CIVIL_H
#define KS_CIVIL_H

#include "base/integer.h"

#ifdef KS_STANDALONE
#include <stdbool.h>
#include <stdint.h>

typedef int32_t int32;
typedef int64_t int64;
#endif

typedef enum ks_unit
{
	KS_HOUR,
	KS_DAY,
	KS_WEEK,
	KS_MONTH,
	KS_QUARTER,
	KS_YEAR
} ks_unit;

extern int64 ks_civil_days(int64 year, int month, int day);
extern void ks_civil_date(int64 days, int64 *year, int *month, int *day);
extern int	ks_civil_weekday(int64 days);

/*
 * First day of the unit that holds the day, and of the unit after the one
 * that begins on the day.  An hour counts as its day.
 */
extern int64 ks_civil_floor(int64 days, ks_unit unit, int first_weekday);
extern int64 ks_civil_next(int64 start, ks_unit unit);

#endif							/* KS_CIVIL_H */
