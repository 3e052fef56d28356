/*
 * Weeks, months, quarters and years on local dates, by the customs of a
 * locale.  Dates are day numbers as in civil.h; no zone is involved.
 */
#ifndef KS_CALENDAR_H
#define KS_CALENDAR_H

#include "bucket/civil.h"

/* The longest year of any calendar (Hebrew and Chinese: 385 days), rounded. */
#define KS_LONGEST_UNIT_DAYS	400

typedef struct ks_calendar
{
	int			first_weekday;	/* 1 is Monday */
	void	   *icu;			/* UCalendar, or NULL where months are Gregorian */
} ks_calendar;

/*
 * Locale NULL is ISO.  Raises 22023 for a locale that is not known and for a
 * unit that its calendar does not have.  Until it is closed, the calendar
 * belongs to the current memory context, which closes it after an error.
 */
extern void ks_calendar_open(ks_calendar *calendar, const char *locale, ks_unit unit);
extern void ks_calendar_close(ks_calendar *calendar);

/* As ks_civil_floor and ks_civil_next. */
extern int64 ks_calendar_floor(const ks_calendar *calendar, int64 day, ks_unit unit);
extern int64 ks_calendar_next(const ks_calendar *calendar, int64 start, ks_unit unit);

/* Region of a locale, such as "NO"; empty if it names none. */
#define KS_REGION_SIZE	8
extern void ks_locale_region(const char *locale, char region[KS_REGION_SIZE]);

#endif							/* KS_CALENDAR_H */
