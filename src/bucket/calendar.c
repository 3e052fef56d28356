/*
 * Calendars of locales (see calendar.h), from ICU.
 *
 * ICU is asked about local dates only, as midnights of a GMT calendar: its own
 * time zone data is older than the server's and must not be used.  Where the
 * locale's calendar has Gregorian months (Buddhist, Japanese and Minguo years
 * differ in their numbers only) not even that: ICU's Gregorian calendar turns
 * Julian before 1582 while PostgreSQL's does not.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "bucket/calendar.h"
#include "bucket/icu.h"

#define MSECS_PER_DAY		((int64) 86400 * 1000)
#define UNIX_TO_2000_DAYS	10957	/* 1970-01-01 to 2000-01-01 */

static void
refuse_quarter(const char *calendar)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the %s calendar has no quarters", calendar),
			 errhint("Its years do not always have twelve months. Use the granularity \"month\" or \"year\".")));
}

/*
 * The keyword "fw" overrides the first day of the region's week; ICU learnt it
 * only lately.
 */
static int
first_weekday_of(const char *locale, const char *icu_locale, const UCalendar *icu)
{
	static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	char		wanted[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	int			i;

	/* ICU counts from Sunday, which is 1. */
	if (uloc_getKeywordValue(icu_locale, "fw", wanted, sizeof(wanted), &status) == 0 ||
		U_FAILURE(status))
		return (ucal_getAttribute(icu, UCAL_FIRST_DAY_OF_WEEK) + 5) % 7 + 1;

	for (i = 0; i < 7; i++)
		if (strcmp(names[i], wanted) == 0)
			return i + 1;
	ks_locale_refuse(locale);
	return 0;					/* keep the compiler quiet */
}

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Calendars with the months of the Gregorian one; all but it number their years otherwise. */
static const char *const gregorian_months[] = {"gregorian", "iso8601", "buddhist", "japanese", "roc", NULL};

static void
close_icu(void *icu)
{
	if (*(UCalendar **) icu != NULL)
		ucal_close(*(UCalendar **) icu);
	*(UCalendar **) icu = NULL;
}

/* The calendar is malloc'd by ICU: tie it to the memory context. */
static UCalendar **
open_icu(const char *locale, const char *icu_locale)
{
	static const UChar gmt[] = {'G', 'M', 'T', 0};
	UErrorCode	status = U_ZERO_ERROR;
	UCalendar **icu = palloc(sizeof(UCalendar *));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	*icu = ucal_open(gmt, -1, icu_locale, UCAL_DEFAULT, &status);
	if (U_FAILURE(status) || *icu == NULL)
		ks_locale_refuse(locale);
	callback->func = close_icu;
	callback->arg = icu;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return icu;
}

ks_icu_kind
ks_icu_calendar_kind(const UCalendar *icu)
{
	static const char *const cyclic[] = {"chinese", "dangi", NULL};
	UErrorCode	status = U_ZERO_ERROR;
	const char *type = ucal_getType(icu, &status);

	if (U_FAILURE(status))
		elog(ERROR, "calendar has no type: %s", u_errorName(status));
	if (strcmp(type, "gregorian") == 0 || strcmp(type, "iso8601") == 0)
		return KS_ICU_GREGORIAN;
	if (is_one_of(type, gregorian_months))
		return KS_ICU_GREGORIAN_MONTHS;
	return is_one_of(type, cyclic) ? KS_ICU_CYCLIC : KS_ICU_OTHER;
}

/* No thirteenth month, and no leap month that shares the number of another. */
static bool
has_twelve_months(const UCalendar *icu)
{
	UErrorCode	status = U_ZERO_ERROR;

	return ucal_getLimit(icu, UCAL_MONTH, UCAL_MAXIMUM, &status) == 11 &&
		U_SUCCESS(status) && ks_icu_calendar_kind(icu) != KS_ICU_CYCLIC;
}

UCalendar **
ks_icu_calendar_open(const char *locale, ks_unit unit, char icu_locale[KS_LOCALE_SIZE], int *first_weekday)
{
	UErrorCode	status = U_ZERO_ERROR;
	UCalendar **icu;

	ks_locale_resolve(locale, icu_locale);
	icu = open_icu(locale, icu_locale);
	*first_weekday = first_weekday_of(locale, icu_locale, *icu);
	ucal_setAttribute(*icu, UCAL_FIRST_DAY_OF_WEEK, *first_weekday % 7 + 1);
	if (unit == KS_QUARTER && !has_twelve_months(*icu))
		refuse_quarter(ucal_getType(*icu, &status));
	return icu;
}

void
ks_calendar_open(ks_calendar *calendar, const char *locale, ks_unit unit)
{
	char		icu_locale[KS_LOCALE_SIZE];
	ks_icu_kind kind;

	calendar->first_weekday = 1;
	calendar->icu = NULL;
	if (locale == NULL)
		return;

	calendar->icu = ks_icu_calendar_open(locale, unit, icu_locale, &calendar->first_weekday);
	kind = ks_icu_calendar_kind(*(UCalendar **) calendar->icu);
	if (kind == KS_ICU_GREGORIAN || kind == KS_ICU_GREGORIAN_MONTHS)
		ks_calendar_close(calendar);
}

void
ks_calendar_close(ks_calendar *calendar)
{
	if (calendar->icu != NULL)
		close_icu(calendar->icu);
	calendar->icu = NULL;
}

/* ICU reports only failures of its own here, never of the caller's values. */
static void
check_icu(UErrorCode status)
{
	if (U_FAILURE(status))
		elog(ERROR, "calendar arithmetic failed: %s", u_errorName(status));
}

void
ks_icu_set_day(UCalendar *icu, int64 day)
{
	UErrorCode	status = U_ZERO_ERROR;

	ucal_setMillis(icu, (double) ((day + UNIX_TO_2000_DAYS) * MSECS_PER_DAY), &status);
	check_icu(status);
}

int
ks_icu_get(UCalendar *icu, UCalendarDateFields field)
{
	UErrorCode	status = U_ZERO_ERROR;
	int			value = ucal_get(icu, field, &status);

	check_icu(status);
	return value;
}

/* First day of the month or year that holds the day; the calendar is left at the day. */
static int64
floor_field(UCalendar *icu, int64 day, UCalendarDateFields day_field)
{
	ks_icu_set_day(icu, day);
	return day - (ks_icu_get(icu, day_field) - 1);
}

/*
 * First day of the next month: that of the month which holds a day further away
 * than any month is long; no calendar's next month ends before that day. (The
 * shortest month, of 5 days, stands between months of 30.) With years it is the
 * same.
 */
static int64
next_month(UCalendar *icu, int64 start)
{
	return floor_field(icu, start + 32, UCAL_DAY_OF_MONTH);
}

/*
 * ICU keeps one cache of new years for the Chinese and the Korean calendar,
 * though these can be a day apart: which of the two filled it is a matter of
 * chance, so the days of a year are unreliable.  Months are counted from
 * solstices, whose cache is shared, too, but makes no difference: 60 years have
 * been walked.
 */
static int64
floor_cyclic_year(UCalendar *icu, int64 day)
{
	int64		start = floor_field(icu, day, UCAL_DAY_OF_MONTH);

	while (ks_icu_get(icu, UCAL_MONTH) != 0 || ks_icu_get(icu, UCAL_IS_LEAP_MONTH) != 0)
		start = floor_field(icu, start - 1, UCAL_DAY_OF_MONTH);
	return start;
}

static int64
floor_year(UCalendar *icu, int64 day)
{
	return ks_icu_calendar_kind(icu) == KS_ICU_CYCLIC ? floor_cyclic_year(icu, day) : floor_field(icu, day, UCAL_DAY_OF_YEAR);
}

int64
ks_calendar_floor(const ks_calendar *calendar, int64 day, ks_unit unit)
{
	UCalendar  *icu;
	int64		start;
	int			months;

	if (calendar->icu == NULL || unit < KS_MONTH)
		return ks_civil_floor(day, unit, calendar->first_weekday);

	icu = *(UCalendar **) calendar->icu;
	if (unit == KS_YEAR)
		return floor_year(icu, day);

	start = floor_field(icu, day, UCAL_DAY_OF_MONTH);
	if (unit == KS_MONTH)
		return start;
	ks_icu_set_day(icu, start);
	for (months = ks_icu_get(icu, UCAL_MONTH) % 3; months > 0; months--)
		start = floor_field(icu, start - 1, UCAL_DAY_OF_MONTH);
	return start;
}

int64
ks_calendar_next(const ks_calendar *calendar, int64 start, ks_unit unit)
{
	UCalendar  *icu;
	int64		next;

	if (calendar->icu == NULL || unit < KS_MONTH)
		return ks_civil_next(start, unit);

	icu = *(UCalendar **) calendar->icu;
	if (unit == KS_YEAR)
		return floor_year(icu, start + KS_LONGEST_UNIT_DAYS);

	next = next_month(icu, start);
	if (unit == KS_MONTH)
		return next;
	next = next_month(icu, next);
	return next_month(icu, next);
}
