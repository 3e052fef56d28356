/*
 * The SQL functions bucket_label() and weekdays(): what the units of buckets and
 * the rows of heatmaps are called.
 *
 * Without a locale, as ISO 8601 writes them.  With one, by ICU's patterns and
 * names for its calendar and language, and in its digits.  What is labelled is
 * a reading of the local clock, so that no zone is involved here.
 *
 * For most calendars other than the Gregorian one, ICU's patterns are missing or
 * wrong ("at hour" in Hebrew quarters).  So the patterns of the language's
 * Gregorian calendar are filled with the other calendar's names and numbers.
 * Where years have eras or names, the calendar's own patterns have a place for
 * them.
 */
#include "postgres.h"

#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "bucket/bucket.h"
#include "bucket/calendar.h"
#include "bucket/icu.h"

PG_FUNCTION_INFO_V1(ks_bucket_label);
PG_FUNCTION_INFO_V1(ks_weekdays);

#define UNIX_TO_2000_MSECS	INT64CONST(946684800000)

/* Long before the first year that can be asked for. */
#define NEVER_JULIAN		(-2.2e14)

/* ICU's other calendars with Gregorian months are Julian before 1582-10-15. */
#define GREGORIAN_SINCE		(-152384)

/* A pattern, or a label: the longest have some 60 characters. */
#define TEXT_SIZE			256
#define WORD_SIZE			64

/* What labels are written with; kept from row to row while the arguments stay the same. */
typedef struct labeller
{
	MemoryContext context;		/* reset when they change */
	bool		ready;
	char	   *locale;
	ks_unit		unit;
	bool		brief;

	UCalendar **icu;
	ks_calendar calendar;
	bool		julian;			/* before GREGORIAN_SINCE */
	UDateFormat *format;		/* of weeks: their year */

	/* of weeks */
	int			minimal_days;
	UNumberFormat *number_format;
	UChar		week[WORD_SIZE];	/* the word for one */
	UChar		comma;
} labeller;

/* ------------------------------------------------------------------------
 * ISO 8601
 * ------------------------------------------------------------------------
 */

/* A week belongs to the year that holds its Thursday. */
static char *
iso_week(int64 day, bool brief)
{
	int64		thursday = ks_civil_floor(day, KS_WEEK, 1) + 3;
	int64		first = ks_civil_floor(thursday, KS_YEAR, 1);
	int64		year;
	int			month,
				month_day;

	ks_civil_date(thursday, &year, &month, &month_day);
	return brief ? psprintf("W%02d", (int) (thursday - first) / 7 + 1)
		: psprintf("%04d-W%02d", (int) year, (int) (thursday - first) / 7 + 1);
}

static char *
iso_label(int64 reading, ks_unit unit, bool brief)
{
	int64		day = ks_floor_div(reading, USECS_PER_DAY);
	int			minutes = (int) (ks_floor_mod(reading, USECS_PER_DAY) / (USECS_PER_MINUTE));
	int64		year;
	int			month,
				month_day;
	char	   *date;

	if (unit == KS_WEEK)
		return iso_week(day, brief);
	ks_civil_date(day, &year, &month, &month_day);
	if (unit == KS_YEAR)
		return psprintf("%04d", (int) year);
	if (unit == KS_QUARTER)
		return brief ? psprintf("Q%d", (month + 2) / 3) : psprintf("%04d-Q%d", (int) year, (month + 2) / 3);
	if (unit == KS_MONTH)
		return brief ? psprintf("%02d", month) : psprintf("%04d-%02d", (int) year, month);
	date = brief ? psprintf("%02d-%02d", month, month_day) : psprintf("%04d-%02d-%02d", (int) year, month, month_day);
	return unit == KS_DAY ? date : psprintf("%s %02d:%02d", date, minutes / 60, minutes % 60);
}

/* ------------------------------------------------------------------------
 * Locales
 * ------------------------------------------------------------------------
 */

/* ICU was given a locale that it knows: what fails now is lack of memory, or its data. */
static void
check_icu(UErrorCode status)
{
	if (status == U_MEMORY_ALLOCATION_ERROR)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING)
		elog(ERROR, "could not write a label: %s", u_errorName(status));
}

static void
close_generator(void *generator)
{
	udatpg_close(generator);
}

static void
close_format(void *format)
{
	udat_close(format);
}

static void
close_number_format(void *format)
{
	unum_close(format);
}

/* What ICU has malloc'd is freed with the memory context. */
static void
free_with_context(MemoryContextCallbackFunction function, void *what)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = function;
	callback->arg = what;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

/* A locale, with the Gregorian calendar if that is wanted. */
static void
choose_locale(char *result, const char *locale, const char *icu_locale, bool gregorian)
{
	UErrorCode	status = U_ZERO_ERROR;

	strlcpy(result, icu_locale, KS_LOCALE_SIZE);
	if (gregorian)
		uloc_setKeywordValue("calendar", "gregorian", result, KS_LOCALE_SIZE, &status);
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING)
		ks_locale_refuse(locale);
}

/* Whose names of months and weekdays a calendar has: that of ISO 8601 has Gregorian dates, and in ICU 78 no names of its own in some languages. */
static void
names_locale(char *result, const char *locale, const char *icu_locale, const UCalendar *icu)
{
	choose_locale(result, locale, icu_locale, ks_icu_calendar_kind(icu) == KS_ICU_GREGORIAN);
}

static UDateTimePatternGenerator *
open_generator(const char *icu_locale)
{
	UErrorCode	status = U_ZERO_ERROR;
	UDateTimePatternGenerator *generator = udatpg_open(icu_locale, &status);

	check_icu(status);
	free_with_context(close_generator, generator);
	return generator;
}

static UDateFormat *
open_format(UDateTimePatternGenerator *generator, const char *icu_locale, const char *skeleton)
{
	static const UChar gmt[] = {'G', 'M', 'T', 0};
	UChar		wanted[TEXT_SIZE];
	UChar		pattern[TEXT_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	UDateFormat *format;
	int32_t		length;

	u_charsToUChars(skeleton, wanted, strlen(skeleton) + 1);
	length = udatpg_getBestPattern(generator, wanted, -1, pattern, TEXT_SIZE, &status);
	check_icu(status);
	format = udat_open(UDAT_PATTERN, UDAT_PATTERN, icu_locale, gmt, -1, pattern, length, &status);
	check_icu(status);
	free_with_context(close_format, format);
	return format;
}

static UNumberFormat *
open_number_format(const char *icu_locale)
{
	UErrorCode	status = U_ZERO_ERROR;
	UNumberFormat *format = unum_open(UNUM_DECIMAL, NULL, 0, icu_locale, NULL, &status);

	check_icu(status);
	free_with_context(close_number_format, format);
	return format;
}

/* The word for a week, in the middle of a sentence. */
static void
set_week(labeller *l, UDateTimePatternGenerator *generator, const char *icu_locale)
{
	char		full[KS_LOCALE_SIZE];
	char		script[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		length;
	const UChar *name = udatpg_getAppendItemName(generator, UDATPG_WEEK_OF_YEAR_FIELD, &length);

	length = Min(length, WORD_SIZE - 1);
	u_memcpy(l->week, name, length);
	l->week[length] = 0;

	l->comma = ',';
	uloc_addLikelySubtags(icu_locale, full, sizeof(full), &status);
	uloc_getScript(full, script, sizeof(script), &status);
	if (U_SUCCESS(status) && strcmp(script, "Arab") == 0)
		l->comma = 0x060c;
}

/* Months in full with their years, or abbreviated without. */
static const char *
skeleton_of(ks_unit unit, bool brief)
{
	switch (unit)
	{
		case KS_HOUR:
			return brief ? "MMMdjm" : "yMMMMdjm";
		case KS_DAY:
			return brief ? "MMMd" : "yMMMMd";
		case KS_MONTH:
			return brief ? "MMM" : "yMMMM";
		case KS_QUARTER:
			return brief ? "QQQ" : "yQQQQ";
		default:
			return "y";
	}
}

/* In the labeller's memory context. */
static void
open_labeller(labeller *l)
{
	char		icu_locale[KS_LOCALE_SIZE];
	char		patterns[KS_LOCALE_SIZE];
	char		names[KS_LOCALE_SIZE];
	UDateTimePatternGenerator *generator;
	ks_icu_kind kind;
	UErrorCode	status = U_ZERO_ERROR;

	l->icu = ks_icu_calendar_open(l->locale, l->unit, icu_locale, &l->calendar.first_weekday);
	kind = ks_icu_calendar_kind(*l->icu);
	l->julian = false;
	if (kind == KS_ICU_GREGORIAN)
		ucal_setGregorianChange(*l->icu, NEVER_JULIAN, &status);
	if (kind == KS_ICU_GREGORIAN_MONTHS || U_FAILURE(status))
		l->julian = true;
	l->calendar.icu = kind == KS_ICU_GREGORIAN || kind == KS_ICU_GREGORIAN_MONTHS ? NULL : l->icu;

	choose_locale(patterns, l->locale, icu_locale, kind == KS_ICU_OTHER || kind == KS_ICU_GREGORIAN);
	names_locale(names, l->locale, icu_locale, *l->icu);
	generator = open_generator(patterns);
	l->format = open_format(generator, names, skeleton_of(l->unit, l->brief));
	if (l->unit == KS_WEEK)
	{
		l->minimal_days = ucal_getAttribute(*l->icu, UCAL_MINIMAL_DAYS_IN_FIRST_WEEK);
		l->number_format = open_number_format(icu_locale);
		set_week(l, generator, icu_locale);
	}
}

/* Appends what the format makes of the calendar's time; returns the new length. */
static int32_t
append_format(UDateFormat *format, UCalendar *icu, UChar *text, int32_t length)
{
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		more = udat_formatCalendar(format, icu, text + length, TEXT_SIZE - length, NULL, &status);

	check_icu(status);
	return length + more;
}

/* Appends the number in the locale's digits. */
static int32_t
append_number(UNumberFormat *format, int number, UChar *text, int32_t length)
{
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		more = unum_format(format, number, text + length, TEXT_SIZE - length, NULL, &status);

	check_icu(status);
	return length + more;
}

/*
 * A week belongs to the year in which it has at least that many days; the first
 * such week is number 1.  ICU's own numbers are not taken, since they depend on
 * its days of the year (see calendar.c), and since it has no years for them in
 * calendars other than the Gregorian one.
 */
static int32_t
week_label(const labeller *l, int64 day, UChar *text)
{
	int			first_weekday = l->calendar.first_weekday;
	int64		start = ks_civil_floor(day, KS_WEEK, first_weekday);
	int64		decides = start + 7 - l->minimal_days;
	int64		year = ks_calendar_floor(&l->calendar, decides, KS_YEAR);
	int64		first = ks_civil_floor(year + l->minimal_days - 1, KS_WEEK, first_weekday);
	int32_t		length = u_strlen(l->week);

	u_memcpy(text, l->week, length);
	text[length++] = ' ';
	length = append_number(l->number_format, (int) (start - first) / 7 + 1, text, length);
	if (l->brief)
		return length;
	text[length++] = l->comma;
	text[length++] = ' ';
	ks_icu_set_day(*l->icu, decides);
	return append_format(l->format, *l->icu, text, length);
}

/* In the database's encoding. */
static char *
server_text(const UChar *text, int32_t length)
{
	char		utf8[3 * TEXT_SIZE];
	UErrorCode	status = U_ZERO_ERROR;

	u_strToUTF8(utf8, sizeof(utf8), &length, text, length, &status);
	check_icu(status);
	return pg_any_to_server(pnstrdup(utf8, length), length, PG_UTF8);
}

static char *
localized_label(const labeller *l, int64 reading)
{
	int64		day = ks_floor_div(reading, USECS_PER_DAY);
	UChar		text[TEXT_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		length;

	if (l->julian && day < GREGORIAN_SINCE)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"date\" is before 15 October 1582"),
				 errhint("The calendar of locale \"%s\" has no such dates.  Leave the locale out.", l->locale)));
	if (l->unit == KS_WEEK)
		length = week_label(l, day, text);
	else
	{
		ucal_setMillis(*l->icu, (double) (ks_floor_div(reading, 1000) + UNIX_TO_2000_MSECS), &status);
		check_icu(status);
		length = append_format(l->format, *l->icu, text, 0);
	}
	return server_text(text, length);
}

/* ------------------------------------------------------------------------
 * The functions
 * ------------------------------------------------------------------------
 */

static bool
is_brief(const char *style)
{
	bool		brief = pg_strcasecmp(style, "short") == 0;

	if (!brief && pg_strcasecmp(style, "long") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("style \"%s\" is not known", style),
				 errhint("Styles are long and short.")));
	return brief;
}

static const labeller *
labeller_for(FunctionCallInfo fcinfo, const char *locale, ks_unit unit, bool brief)
{
	labeller   *l = fcinfo->flinfo->fn_extra;
	MemoryContext previous;

	if (l == NULL)
	{
		l = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(labeller));
		l->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "bucket labels", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = l;
	}
	if (l->ready && l->unit == unit && l->brief == brief && strcmp(l->locale, locale) == 0)
		return l;

	l->ready = false;
	MemoryContextReset(l->context);
	previous = MemoryContextSwitchTo(l->context);
	l->locale = pstrdup(locale);
	l->unit = unit;
	l->brief = brief;
	open_labeller(l);
	MemoryContextSwitchTo(previous);
	l->ready = true;
	return l;
}

/* date, granularity, locale, style */
Datum
ks_bucket_label(PG_FUNCTION_ARGS)
{
	ks_moment	moment = {0, KS_MOMENT_LOCAL, 0};
	ks_unit		unit;
	bool		brief;
	char	   *label;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	moment.value = PG_GETARG_TIMESTAMP(0);
	ks_moment_check(&moment, "date");
	unit = ks_unit_parse(PG_ARGISNULL(1) ? "day" : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	brief = !PG_ARGISNULL(3) && is_brief(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	if (PG_ARGISNULL(2))
		label = iso_label(moment.value, unit, brief);
	else
		label = localized_label(labeller_for(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(2)), unit, brief), moment.value);
	PG_RETURN_TEXT_P(cstring_to_text(label));
}

/* Names from Sunday; returns the first day of the week, 1 is Monday. */
static int
weekday_names(const char *locale, bool brief, const char **names)
{
	static const char *const english[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
	static const UChar pattern[] = {'c', 'c', 'c', 'c', 0};
	char		icu_locale[KS_LOCALE_SIZE];
	char		names_of[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	UCalendar **icu;
	UDateFormat *format;
	UChar		text[TEXT_SIZE];
	int			first_weekday = 1;
	int			day;

	if (locale == NULL)
	{
		for (day = 0; day < 7; day++)
			names[day] = brief ? pnstrdup(english[day], 3) : english[day];
		return first_weekday;
	}
	icu = ks_icu_calendar_open(locale, KS_DAY, icu_locale, &first_weekday);
	names_locale(names_of, locale, icu_locale, *icu);
	format = udat_open(UDAT_PATTERN, UDAT_PATTERN, names_of, NULL, 0, pattern, -1, &status);
	check_icu(status);
	free_with_context(close_format, format);
	for (day = 0; day < 7; day++)
	{
		/* ICU's symbols are numbered from 1 */
		int32_t		length = udat_getSymbols(format, brief ? UDAT_STANDALONE_SHORT_WEEKDAYS : UDAT_STANDALONE_WEEKDAYS,
											 day + 1, text, TEXT_SIZE, &status);

		check_icu(status);
		names[day] = server_text(text, length);
	}
	return first_weekday;
}

/* locale, style */
Datum
ks_weekdays(PG_FUNCTION_ARGS)
{
	const char *locale = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		brief = !PG_ARGISNULL(1) && is_brief(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *names[7];
	int			first_weekday;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	first_weekday = weekday_names(locale, brief, names);
	for (i = 0; i < 7; i++)
	{
		int			day = (first_weekday + i) % 7;
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Int32GetDatum(day);
		values[2] = CStringGetTextDatum(names[day]);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}
