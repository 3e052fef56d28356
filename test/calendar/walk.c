/*
 * walk: a locale's calendar, day by day, as ICU has it: the oracle of
 * test/t/calendars.pl.
 *
 *     walk FIRST_YEAR LAST_YEAR LOCALE...
 *
 * Each day on which a week, month, quarter or year begins is a line of locale,
 * unit and date; that of a week also has its number and the number of its year.
 * Nothing is computed here, only what changes from a day to the next is seen:
 * a week is one of the year that it has the locale's minimal days in, and the
 * first of a year follows the last of another.
 *
 * Build: cc -o walk test/calendar/walk.c $(pkg-config --cflags --libs icu-i18n icu-uc)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ucal.h>
#include <unicode/uloc.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>

#define DAY		86400000.0
#define SIZE	200

static UErrorCode status = U_ZERO_ERROR;

/* The number in the locale's digits. */
static const char *
digits(UNumberFormat *format, int number)
{
	static char text[2][SIZE];
	static int	turn;
	UChar		wide[SIZE];
	int32_t		length = unum_format(format, number, wide, SIZE, NULL, &status);

	turn = !turn;
	u_strToUTF8(text[turn], SIZE, NULL, wide, length, &status);
	return text[turn];
}

static int
field(UCalendar *calendar, double at, UCalendarDateFields which)
{
	ucal_setMillis(calendar, at, &status);
	return ucal_get(calendar, which, &status);
}

/* Midnight of the first of January, in the proleptic Gregorian calendar. */
static double
january(int year)
{
	int			before = year - 1;

	return (before * 365.0 + before / 4 - before / 100 + before / 400 - 719162) * DAY;
}

static void
print_date(double at)
{
	int			days = (int) (at / DAY);
	int			year = 1970 + days / 366;
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			month;

	while (january(year + 1) <= at)
		year++;
	days -= (int) (january(year) / DAY);
	for (month = 0;; month++)
	{
		int			length = lengths[month] + (month == 1 && (year % 4 == 0 && year % 100 != 0 || year % 400 == 0));

		if (days < length)
			break;
		days -= length;
	}
	printf("%04d-%02d-%02d", year, month + 1, days + 1);
}

static void
print_start(const char *tag, const char *unit, double at)
{
	printf("%s\t%s\t", tag, unit);
	print_date(at);
}

static void
walk(const char *tag, double first, double last)
{
	static const UChar gmt[] = {'G', 'M', 'T', 0};
	char		locale[SIZE];
	UCalendar  *calendar;
	UNumberFormat *format;
	int			first_weekday;
	int			minimal_days;
	int			week = 0;
	int			week_year = 0;
	double		at;

	uloc_forLanguageTag(tag, locale, SIZE, NULL, &status);
	calendar = ucal_open(gmt, -1, locale, UCAL_DEFAULT, &status);
	format = unum_open(UNUM_DECIMAL, NULL, 0, locale, NULL, &status);
	if (U_FAILURE(status))
		exit(1);
	unum_setAttribute(format, UNUM_GROUPING_USED, 0);
	first_weekday = ucal_getAttribute(calendar, UCAL_FIRST_DAY_OF_WEEK);
	minimal_days = ucal_getAttribute(calendar, UCAL_MINIMAL_DAYS_IN_FIRST_WEEK);

	/* two years ahead, for the numbers of weeks */
	for (at = first - 800 * DAY; at < last; at += DAY)
	{
		int			year = field(calendar, at, UCAL_EXTENDED_YEAR);
		int			month = field(calendar, at, UCAL_MONTH);
		int			leap = field(calendar, at, UCAL_IS_LEAP_MONTH);
		int			new_year = year != field(calendar, at - DAY, UCAL_EXTENDED_YEAR);
		int			new_month = new_year || month != field(calendar, at - DAY, UCAL_MONTH) || leap != field(calendar, at - DAY, UCAL_IS_LEAP_MONTH);

		if (field(calendar, at, UCAL_DAY_OF_WEEK) == first_weekday)
		{
			double		decides = at + (7 - minimal_days) * DAY;
			int			its_year = field(calendar, decides, UCAL_EXTENDED_YEAR);

			week = its_year == week_year ? week + 1 : 1;
			week_year = its_year;
			if (at >= first)
			{
				print_start(tag, "week", at);
				printf("\t%s\t%s\n", digits(format, week), digits(format, field(calendar, decides, UCAL_YEAR)));
			}
		}
		if (at < first)
			continue;
		if (new_month)
			print_start(tag, "month", at), printf("\t\\N\t\\N\n");
		if (new_month && month % 3 == 0)
			print_start(tag, "quarter", at), printf("\t\\N\t\\N\n");
		if (new_year)
			print_start(tag, "year", at), printf("\t\\N\t\\N\n");
	}
	unum_close(format);
	ucal_close(calendar);
}

int
main(int argc, char **argv)
{
	int			i;

	for (i = 3; i < argc; i++)
		walk(argv[i], january(atoi(argv[1])), january(atoi(argv[2]) + 1));
	return U_FAILURE(status);
}
