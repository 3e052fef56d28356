/*
 * unit_bucket: the calendar and the walks over a zone's spans, without a
 * server.  One TAP line a check.
 *
 * Build: cc -Wall -Werror -DKS_STANDALONE -Isrc -o test/unit/unit_bucket \
 *     test/unit/unit_bucket.c src/bucket/civil.c src/bucket/offset_span.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket/civil.h"
#include "bucket/offset_span.h"

#define MINUTE	((int64) 60 * 1000000)
#define HOUR	KS_USECS_PER_HOUR
#define DAY		KS_USECS_PER_DAY

static int	checks;
static int	failures;

static void
ok(bool passed, const char *name)
{
	checks++;
	if (!passed)
		failures++;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", checks, name);
}

/* ------------------------------------------------------------------------
 * The calendar
 * ------------------------------------------------------------------------
 */

static bool
is_leap(int64 year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
month_length(int64 year, int month)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

/* Counts from 0001-01-01, a Monday, to the year 10000 and compares. */
static void
check_every_day(void)
{
	int64		days = ks_civil_days(1, 1, 1);
	int64		year = 1;
	int			month = 1;
	int			day = 1;
	int			weekday = 1;
	bool		there = true;
	bool		back = true;
	bool		weekdays = true;

	for (; year < 10000; days++)
	{
		int64		y;
		int			m;
		int			d;

		there = there && ks_civil_days(year, month, day) == days;
		ks_civil_date(days, &y, &m, &d);
		back = back && y == year && m == month && d == day;
		weekdays = weekdays && ks_civil_weekday(days) == weekday;

		weekday = weekday % 7 + 1;
		if (++day > month_length(year, month))
		{
			day = 1;
			if (++month > 12)
			{
				month = 1;
				year++;
			}
		}
	}
	ok(there, "dates of 9999 years to day numbers");
	ok(back, "and back");
	ok(weekdays, "and their weekdays");
	ok(days == ks_civil_days(10000, 1, 1), "the year 10000 follows 9999");
}

static void
check_known_days(void)
{
	int64		year;
	int			month;
	int			day;

	ok(ks_civil_days(2000, 1, 1) == 0, "day 0 is 2000-01-01");
	ok(ks_civil_days(1970, 1, 1) == -10957, "1970-01-01");
	ok(ks_civil_weekday(0) == 6, "2000-01-01 was a Saturday");
	ok(ks_civil_days(2024, 13, 1) == ks_civil_days(2025, 1, 1), "month 13");
	ok(ks_civil_days(2024, 0, 1) == ks_civil_days(2023, 12, 1), "month 0");
	ks_civil_date(ks_civil_days(0, 2, 29), &year, &month, &day);
	ok(year == 0 && month == 2 && day == 29, "29 February of year 0");
	ks_civil_date(ks_civil_days(-4713, 11, 24), &year, &month, &day);
	ok(year == -4713 && month == 11 && day == 24, "Julian day 0");
}

/* Units tile the calendar: floors are starts, and each start follows the last. */
static void
check_units(void)
{
	static const char *const names[] = {"hour", "day", "week", "month", "quarter", "year"};
	char		name[64];
	int			unit;
	int			first_weekday;

	for (unit = KS_DAY; unit <= KS_YEAR; unit++)
		for (first_weekday = 1; first_weekday <= (unit == KS_WEEK ? 7 : 1); first_weekday++)
		{
			int64		start = ks_civil_floor(ks_civil_days(1890, 7, 15), unit, first_weekday);
			int64		last = ks_civil_days(2110, 1, 1);
			bool		passed = true;

			while (passed && start < last)
			{
				int64		next = ks_civil_next(start, unit);
				int64		day;

				passed = next > start &&
					(unit != KS_WEEK || ks_civil_weekday(start) == first_weekday);
				for (day = start; passed && day < next; day++)
					passed = ks_civil_floor(day, unit, first_weekday) == start;
				start = next;
			}
			snprintf(name, sizeof(name), "every day lies in one %s, first weekday %d",
					 names[unit], first_weekday);
			ok(passed, name);
		}

	ok(ks_civil_floor(ks_civil_days(2024, 8, 17), KS_QUARTER, 1) == ks_civil_days(2024, 7, 1),
	   "quarters begin in July");
	ok(ks_civil_floor(ks_civil_days(2019, 12, 31), KS_WEEK, 1) == ks_civil_days(2019, 12, 30),
	   "an ISO week goes over the turn of a year");
	ok(ks_civil_floor(ks_civil_days(1, 1, 1), KS_WEEK, 7) == ks_civil_days(0, 12, 31),
	   "a week that begins before the year 1");
}

/* ------------------------------------------------------------------------
 * Spans
 * ------------------------------------------------------------------------
 */

/* Two days with one change; the reading is 00:00 of day 0 at the start. */
static void
one_change(ks_offset_spans *spans, ks_offset_span pair[2], int64 change, int64 before, int64 after)
{
	pair[0].start = -before;
	pair[0].offset = before;
	pair[1].start = change;
	pair[1].offset = after;
	spans->n = 2;
	spans->span = pair;
	spans->end = 2 * DAY - after;
}

static int64
reading_at(const ks_offset_spans *spans, int64 instant)
{
	int			i = spans->n - 1;

	while (i > 0 && spans->span[i].start > instant)
		i--;
	return instant + spans->span[i].offset;
}

/* Every minute is in the interval of the day that the clock shows. */
static bool
pieces_agree(const ks_offset_spans *spans, const int64 *cut, int nbuckets)
{
	ks_interval *intervals = malloc(ks_offset_spans_max_intervals(spans, nbuckets + 1) * sizeof(ks_interval));
	int64		nintervals = ks_offset_spans_cut(spans, cut, nbuckets, intervals);
	int64		at = 0;
	int64		minute;
	bool		passed = nintervals <= ks_offset_spans_max_intervals(spans, nbuckets + 1) &&
		intervals[0].start == spans->span[0].start;

	for (minute = spans->span[0].start; passed && minute < spans->end; minute += MINUTE)
	{
		int64		reading = reading_at(spans, minute);
		int			want = 0;

		while (want <= nbuckets && cut[want] <= reading)
			want++;
		want = want - 1 == nbuckets ? -1 : want - 1;
		while (at + 1 < nintervals && intervals[at + 1].start <= minute)
			at++;
		passed = intervals[at].bucket == want;
	}
	for (at = 1; passed && at < nintervals; at++)
		passed = intervals[at].start > intervals[at - 1].start &&
			intervals[at].bucket != intervals[at - 1].bucket;
	free(intervals);
	return passed;
}

static int
span_of(const ks_offset_spans *spans, int64 instant)
{
	int			i = spans->n - 1;

	while (i > 0 && spans->span[i].start > instant)
		i--;
	return i;
}

/* Every minute is in an hour that has its label and no change of the clock, and begins with the first such minute. */
static bool
hours_agree(const ks_offset_spans *spans)
{
	ks_hour    *hours = malloc(ks_offset_spans_max_hours(spans) * sizeof(ks_hour));
	int64		nhours = ks_offset_spans_hours(spans, hours);
	int64		at = -1;
	int64		label = 0;
	int			interval = -1;
	int64		minute;
	bool		passed = nhours <= ks_offset_spans_max_hours(spans);

	for (minute = spans->span[0].start; passed && minute < spans->end; minute += MINUTE)
	{
		int64		reading = reading_at(spans, minute);

		if (interval != span_of(spans, minute) || label != reading - ks_floor_mod(reading, HOUR))
		{
			interval = span_of(spans, minute);
			label = reading - ks_floor_mod(reading, HOUR);
			passed = ++at < nhours && hours[at].start == minute && hours[at].label == label;
		}
		passed = passed && ks_offset_spans_hour(spans, minute) == hours[at].start;
	}
	passed = passed && at + 1 == nhours;
	free(hours);
	return passed;
}

/* The first instant that reads at least so late, found by looking at each minute; none reads so late behind the end. */
static bool
first_agrees(const ks_offset_spans *spans)
{
	int64		reading;
	bool		passed = true;

	for (reading = -HOUR; passed && reading < 2 * DAY + HOUR; reading += 7 * MINUTE)
	{
		int64		minute = spans->span[0].start;

		while (minute < spans->end && reading_at(spans, minute) < reading)
			minute += MINUTE;
		passed = ks_offset_spans_first(spans, reading) == minute;
	}
	return passed;
}

static const struct
{
	const char *name;
	int64		change;			/* minutes after the start of day 0 */
	int64		before;			/* offset in minutes */
	int64		after;
}			clocks[] =
{
	{"no change", 720, 60, 60},
	{"an hour ahead at two", 120, 60, 120},
	{"an hour back at three", 180, 120, 60},
	{"midnight does not exist", 1440, -240, -180},
	{"back at one to midnight", 1500, 0, -60},
	{"back at midnight", 1440, 120, 60},
	{"back over midnight, a minute after it", 1441, -150, -210},
	{"back over midnight by three hours", 1560, 660, 480},
	{"half an hour ahead", 120, 630, 660},
	{"half an hour back", 120, 660, 630},
	{"a quarter of an hour ahead at midnight", 1440, 330, 345},
	{"a day ahead at midnight", 1440, -600, 840},
	{"a day back at midnight", 1440, 840, -600},
	{"an hour ahead, a minute after midnight", 1441, 0, 60},
};

static void
check_clocks(void)
{
	int64		cuts[] = {0, DAY, 2 * DAY};
	int64		middle[] = {DAY / 2, DAY};
	char		name[96];
	size_t		i;

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
	{
		ks_offset_span pair[2];
		ks_offset_spans spans;
		int64		before = clocks[i].before * MINUTE;

		one_change(&spans, pair, clocks[i].change * MINUTE - before, before,
				   clocks[i].after * MINUTE);
		snprintf(name, sizeof(name), "days: %s", clocks[i].name);
		ok(pieces_agree(&spans, cuts, 2), name);
		snprintf(name, sizeof(name), "a part of the range: %s", clocks[i].name);
		ok(pieces_agree(&spans, middle, 1), name);
		snprintf(name, sizeof(name), "hours: %s", clocks[i].name);
		ok(hours_agree(&spans), name);
		snprintf(name, sizeof(name), "first instant of a reading: %s", clocks[i].name);
		ok(first_agrees(&spans), name);
	}
}

static void
check_shapes(void)
{
	int64		cuts[] = {0, DAY, 2 * DAY};
	ks_offset_span pair[2];
	ks_offset_spans spans;
	ks_interval intervals[16];

	one_change(&spans, pair, 26 * HOUR - 11 * HOUR, 11 * HOUR, 8 * HOUR);
	ok(ks_offset_spans_cut(&spans, cuts, 2, intervals) == 4 &&
	   intervals[0].bucket == 0 && intervals[1].bucket == 1 &&
	   intervals[2].bucket == 0 && intervals[3].bucket == 1,
	   "a clock set back over midnight makes two days of four pieces");

	one_change(&spans, pair, DAY, 0, -HOUR);
	ok(ks_offset_spans_cut(&spans, cuts, 2, intervals) == 2 && intervals[1].start == DAY + HOUR,
	   "a clock set back at midnight does not");

	one_change(&spans, pair, DAY + 10 * HOUR, -10 * HOUR, 14 * HOUR);
	ok(ks_offset_spans_cut(&spans, cuts, 2, intervals) == 2 && intervals[1].bucket == -1,
	   "a date that never was has no piece");
	ok(ks_offset_spans_reading(&spans, DAY + 10 * HOUR) == 2 * DAY &&
	   ks_offset_spans_reading(&spans, DAY + 10 * HOUR - 1) == DAY - 1,
	   "readings on both sides of a change");
}

/* Random changes of offset, up to a day and at odd minutes, as walked above. */
static void
check_random(void)
{
	ks_offset_span span[6];
	ks_offset_spans spans;
	int64		cuts[9];
	uint64_t	state = 20190701;
	bool		days = true;
	bool		hours = true;
	int			round;
	int			i;

	for (round = 0; round < 3000; round++)
	{
		spans.n = 6;
		spans.span = span;
		for (i = 0; i < 6; i++)
		{
			state = state * 6364136223846793005u + 1442695040888963407u;
			span[i].start = (i == 0 ? -3 * DAY : span[i - 1].start) +
				(int64) ((state >> 33) % 2880 + 1) * MINUTE;
			state = state * 6364136223846793005u + 1442695040888963407u;
			span[i].offset = ((int64) ((state >> 33) % 1441) - 720) * MINUTE;
		}
		spans.end = span[5].start + DAY;
		for (i = 0; i < 9; i++)
			cuts[i] = (i - 3) * DAY;
		days = days && pieces_agree(&spans, cuts, 8);
		hours = hours && hours_agree(&spans);
	}
	ok(days, "days of 3000 random clocks");
	ok(hours, "hours of 3000 random clocks");
}

int
main(void)
{
	check_known_days();
	check_every_day();
	check_units();
	check_clocks();
	check_shapes();
	check_random();
	printf("1..%d\n", checks);
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
