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

#include <unicode/ucal.h>
#include <unicode/uenum.h>
#include <unicode/uloc.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "bucket/calendar.h"

#define MSECS_PER_DAY		((int64) 86400 * 1000)
#define UNIX_TO_2000_DAYS	10957	/* 1970-01-01 to 2000-01-01 */

#define LOCALE_SIZE			ULOC_FULLNAME_CAPACITY

static void
refuse_locale(const char *locale)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("locale \"%s\" is not known", locale),
			 errhint("Use a language with its region, such as \"nb-NO\" or \"en-US\", or leave the locale out for ISO weeks.")));
}

static void
refuse_quarter(const char *calendar)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the %s calendar has no quarters", calendar),
			 errhint("Its years do not always have twelve months. Use the granularity \"month\" or \"year\".")));
}

/*
 * ICU falls back to the root locale, whose weeks are American, without a word.
 * A locale is taken only when all of its text was understood and ISO knows
 * its language and region; regions may also be UN areas such as 419.
 */
static bool
locale_is_known(const char *icu_locale)
{
	char		region[LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;

	if (uloc_getISO3Language(icu_locale)[0] == '\0')
		return false;
	if (uloc_getCountry(icu_locale, region, sizeof(region), &status) == 0)
		return U_SUCCESS(status);
	return U_SUCCESS(status) &&
		(uloc_getISO3Country(icu_locale)[0] != '\0' || strspn(region, "0123456789") == 3);
}

/* Translates a BCP 47 tag ("nb-NO") or an ICU name ("nb_NO") to the latter. */
static void
locale_resolve(const char *locale, char icu_locale[LOCALE_SIZE])
{
	char		tag[LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		parsed = 0;

	if (strlen(locale) >= LOCALE_SIZE)
		refuse_locale(pnstrdup(locale, pg_mbcliplen(locale, strlen(locale), 64)));

	uloc_forLanguageTag(locale, icu_locale, LOCALE_SIZE, &parsed, &status);
	if (U_FAILURE(status) || parsed != (int32_t) strlen(locale))
	{
		status = U_ZERO_ERROR;
		uloc_toLanguageTag(locale, tag, sizeof(tag), true, &status);
		if (U_SUCCESS(status) && status != U_STRING_NOT_TERMINATED_WARNING)
			uloc_forLanguageTag(tag, icu_locale, LOCALE_SIZE, &parsed, &status);
	}
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING ||
		!locale_is_known(icu_locale))
		refuse_locale(locale);
}

void
ks_locale_region(const char *locale, char region[KS_REGION_SIZE])
{
	char		icu_locale[LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;

	region[0] = '\0';
	if (locale == NULL)
		return;
	locale_resolve(locale, icu_locale);
	uloc_getCountry(icu_locale, region, KS_REGION_SIZE, &status);
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING)
		region[0] = '\0';
}

/* ICU takes an unknown calendar for the Gregorian one. */
static void
check_calendar_keyword(const char *locale, const char *icu_locale)
{
	char		wanted[LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	UEnumeration *names;
	const char *name;
	bool		found = false;

	if (uloc_getKeywordValue(icu_locale, "calendar", wanted, sizeof(wanted), &status) == 0 ||
		U_FAILURE(status))
		return;
	names = ucal_getKeywordValuesForLocale("calendar", icu_locale, false, &status);
	while (!found && (name = uenum_next(names, NULL, &status)) != NULL && U_SUCCESS(status))
		found = strcmp(name, wanted) == 0;
	uenum_close(names);
	if (!found)
		refuse_locale(locale);
}

/*
 * The keyword "fw" overrides the first day of the region's week; ICU learnt it
 * only lately.
 */
static int
first_weekday_of(const char *locale, const char *icu_locale, const UCalendar *icu)
{
	static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	char		wanted[LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	int			i;

	/* ICU counts from Sunday, which is 1. */
	if (uloc_getKeywordValue(icu_locale, "fw", wanted, sizeof(wanted), &status) == 0 ||
		U_FAILURE(status))
		return (ucal_getAttribute(icu, UCAL_FIRST_DAY_OF_WEEK) + 5) % 7 + 1;

	for (i = 0; i < 7; i++)
		if (strcmp(names[i], wanted) == 0)
			return i + 1;
	refuse_locale(locale);
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

static bool
has_gregorian_months(const char *calendar)
{
	static const char *const names[] = {"gregorian", "iso8601", "buddhist", "japanese", "roc", NULL};

	return is_one_of(calendar, names);
}

/* No thirteenth month, and no leap month that shares the number of another. */
static bool
has_twelve_months(const UCalendar *icu, const char *calendar)
{
	static const char *const leap_months[] = {"chinese", "dangi", NULL};
	UErrorCode	status = U_ZERO_ERROR;

	return ucal_getLimit(icu, UCAL_MONTH, UCAL_MAXIMUM, &status) == 11 &&
		U_SUCCESS(status) && !is_one_of(calendar, leap_months);
}

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
		refuse_locale(locale);
	callback->func = close_icu;
	callback->arg = icu;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return icu;
}

void
ks_calendar_open(ks_calendar *calendar, const char *locale, ks_unit unit)
{
	char		icu_locale[LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	UCalendar **icu;
	const char *type;

	calendar->first_weekday = 1;
	calendar->icu = NULL;
	if (locale == NULL)
		return;

	locale_resolve(locale, icu_locale);
	check_calendar_keyword(locale, icu_locale);
	icu = open_icu(locale, icu_locale);
	calendar->icu = icu;
	calendar->first_weekday = first_weekday_of(locale, icu_locale, *icu);

	type = ucal_getType(*icu, &status);
	if (U_FAILURE(status))
		refuse_locale(locale);
	if (has_gregorian_months(type))
		ks_calendar_close(calendar);
	else if (unit == KS_QUARTER && !has_twelve_months(*icu, type))
		refuse_quarter(type);
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

static void
set_day(UCalendar *icu, int64 day)
{
	UErrorCode	status = U_ZERO_ERROR;

	ucal_setMillis(icu, (double) ((day + UNIX_TO_2000_DAYS) * MSECS_PER_DAY), &status);
	check_icu(status);
}

static int
get_field(UCalendar *icu, UCalendarDateFields field)
{
	UErrorCode	status = U_ZERO_ERROR;
	int			value = ucal_get(icu, field, &status);

	check_icu(status);
	return value;
}

/* First day of the month or year that holds the day. */
static int64
floor_field(UCalendar *icu, int64 day, UCalendarDateFields day_field)
{
	set_day(icu, day);
	return day - (get_field(icu, day_field) - 1);
}

/*
 * First day of the next month or year: of the one that holds a day beyond the
 * longest there is, which no calendar's next one ends before.  (The shortest
 * month, of 5 days, stands between months of 30.)
 */
static int64
next_field(UCalendar *icu, int64 start, UCalendarDateFields day_field)
{
	return floor_field(icu, start + (day_field == UCAL_DAY_OF_YEAR ? KS_LONGEST_UNIT_DAYS : 32),
					   day_field);
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
		return floor_field(icu, day, UCAL_DAY_OF_YEAR);

	start = floor_field(icu, day, UCAL_DAY_OF_MONTH);
	if (unit == KS_MONTH)
		return start;
	set_day(icu, start);
	for (months = get_field(icu, UCAL_MONTH) % 3; months > 0; months--)
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
		return next_field(icu, start, UCAL_DAY_OF_YEAR);

	next = next_field(icu, start, UCAL_DAY_OF_MONTH);
	if (unit == KS_MONTH)
		return next;
	next = next_field(icu, next, UCAL_DAY_OF_MONTH);
	return next_field(icu, next, UCAL_DAY_OF_MONTH);
}
