/*
 * Zones: which names are accepted, and the offsets of a zone over a range.
 *
 * PostgreSQL takes more than names for a time zone: 'Oslo5' is a POSIX
 * specification five hours west of Greenwich, and 'right/Europe/Oslo' counts
 * leap seconds.  Statistics that are silently hours off are worse than an
 * error, so that only three kinds of names pass: those of the tz database as
 * listed in pg_timezone_names, offsets like +05:30 with the sign of ISO 8601,
 * and Windows names like "W. Europe Standard Time".
 *
 * CET, EET, MET and WET are zones with summer time here, as for SET TimeZone;
 * AT TIME ZONE takes them for abbreviations, which have none.
 */
#include "postgres.h"

#include <ctype.h>

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "bucket/bucket.h"
#include "bucket/offset_span.h"
#include "bucket/zone.h"

/* The furthest offset of pg_tzset_offset's zones, and of the tz database. */
#define MAX_OFFSET_HOURS	15

#define MAX_SUGGESTIONS		3
/* A name that differs more than this is not what was meant. */
#define MAX_EDIT_DISTANCE	2

typedef struct suggestion
{
	char		name[TZ_STRLEN_MAX + 1];
	int			distance;
} suggestion;

typedef struct suggestions
{
	int			n;
	suggestion	best[MAX_SUGGESTIONS];	/* by distance, then name */
} suggestions;

/*
 * Where case and digits do not matter: 'oslo', 'Oslo5' and 'OSLO' are all
 * meant to be Europe/Oslo, 'new york' America/New_York.
 */
static void
simplify(const char *name, char result[TZ_STRLEN_MAX + 1])
{
	int			len = 0;

	for (; *name != '\0' && len < TZ_STRLEN_MAX; name++)
	{
		if (*name == ' ')
			result[len++] = '_';
		else if (!isdigit((unsigned char) *name))
			result[len++] = pg_ascii_tolower((unsigned char) *name);
	}
	result[len] = '\0';
}

static int
edit_distance(const char *a, const char *b)
{
	return varstr_levenshtein_less_equal(a, strlen(a), b, strlen(b), 1, 1, 1,
										 MAX_EDIT_DISTANCE, true);
}

/*
 * 0 for the same name or city, 1 for a part of the name, else how many
 * letters differ, of the name or of its city.
 */
static int
zone_distance(const char *wanted, const char *name)
{
	char		simple[TZ_STRLEN_MAX + 1];
	const char *city;
	int			distance;
	int			of_city;

	simplify(name, simple);
	city = strrchr(simple, '/');
	city = city == NULL ? simple : city + 1;

	if (strcmp(wanted, simple) == 0 || strcmp(wanted, city) == 0)
		return 0;
	if (strstr(simple, wanted) != NULL)
		return 1;
	distance = edit_distance(wanted, simple);
	of_city = edit_distance(wanted, city);
	distance = Min(distance, of_city);
	/* In a short name, one different letter is too much: CEST is not (Australia/)West. */
	return distance * 5 > (int) strlen(wanted) ? MAX_EDIT_DISTANCE + 1 : distance;
}

static void
suggest(suggestions *found, const char *name, int distance)
{
	int			at = found->n;

	while (at > 0 && (distance < found->best[at - 1].distance ||
					  (distance == found->best[at - 1].distance &&
					   strcmp(name, found->best[at - 1].name) < 0)))
		at--;
	if (at == MAX_SUGGESTIONS)
		return;
	if (found->n < MAX_SUGGESTIONS)
		found->n++;
	memmove(&found->best[at + 1], &found->best[at],
			(found->n - 1 - at) * sizeof(suggestion));
	strlcpy(found->best[at].name, name, sizeof(found->best[at].name));
	found->best[at].distance = distance;
}

/* Reads every file of the tz database: for the way to an error only. */
static void
find_suggestions(suggestions *found, const char *name)
{
	char		wanted[TZ_STRLEN_MAX + 1];
	pg_tzenum  *names;
	pg_tz	   *zone;

	found->n = 0;
	simplify(name, wanted);
	if (strlen(wanted) < 3)
		return;

	names = pg_tzenumerate_start();
	while ((zone = pg_tzenumerate_next(names)) != NULL)
	{
		const char *candidate = pg_get_timezone_name(zone);
		int			distance;

		CHECK_FOR_INTERRUPTS();
		if (strncmp(candidate, "posix/", 6) == 0 || !pg_tz_acceptable(zone))
			continue;
		distance = zone_distance(wanted, candidate);
		if (distance <= MAX_EDIT_DISTANCE)
			suggest(found, candidate, distance);
	}
	pg_tzenumerate_end(names);
}

/* Printable text, no longer than the longest zone name. */
static bool
is_presentable(const char *name)
{
	const char *c;

	for (c = name; *c != '\0'; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			return false;
	return c > name && c - name <= TZ_STRLEN_MAX;
}

static void
refuse_zone(const char *name)
{
	suggestions found;
	StringInfoData hint;
	int			i;

	if (!is_presentable(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone name is empty, too long or not printable"),
				 errhint("Use a name that the view pg_timezone_names lists, such as \"Europe/Oslo\", or leave the time zone out for the default.")));

	/* what Grafana writes where the zone is left to each reader */
	if (pg_strcasecmp(name, "browser") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known", name),
				 errhint("Only the browser knows its zone: choose a named one in the dashboard's settings, or leave the time zone out for the default.")));

	find_suggestions(&found, name);
	initStringInfo(&hint);
	for (i = 0; i < found.n; i++)
		appendStringInfo(&hint, "%s\"%s\"",
						 i == 0 ? "Perhaps you meant " : i == found.n - 1 ? " or " : ", ",
						 found.best[i].name);
	if (found.n > 0)
		appendStringInfoString(&hint, ". ");
	appendStringInfoString(&hint, "Names are those of the view pg_timezone_names, offsets like \"+02:00\" and Windows time zone names.");

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("time zone \"%s\" is not known", name),
			 errhint("%s", hint.data)));
}

/* "+hh:mm" or "-hh:mm", east positive. */
static bool
parse_offset(const char *name, long *seconds)
{
	int			hours;
	int			minutes;

	if ((name[0] != '+' && name[0] != '-') || strlen(name) != 6 || name[3] != ':' ||
		strspn(name + 1, "0123456789") != 2 || strspn(name + 4, "0123456789") != 2)
		return false;
	hours = (name[1] - '0') * 10 + name[2] - '0';
	minutes = (name[4] - '0') * 10 + name[5] - '0';
	if (hours > MAX_OFFSET_HOURS || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * 60L;
	if (name[0] == '-')
		*seconds = -*seconds;
	return true;
}

/*
 * A zone that is a file of the tz database.  A POSIX specification needs a
 * digit, so that a name without one can only be a file.  With a digit, the
 * leading colon (POSIX: "what follows is implementation-defined") keeps
 * pg_tzset from reading the name as a specification; it would cost a second
 * copy in the server's cache, and most names have no digit.
 */
static pg_tz *
lookup_file(const char *name)
{
	char		quoted[TZ_STRLEN_MAX + 2];
	pg_tz	   *zone;

	if (!is_presentable(name) || name[0] == ':')
		return NULL;
	if (strpbrk(name, "0123456789") != NULL)
	{
		snprintf(quoted, sizeof(quoted), ":%s", name);
		zone = pg_tzset(quoted);
	}
	else
		zone = pg_tzset(name);

	return zone != NULL && pg_tz_acceptable(zone) ? zone : NULL;
}

pg_tz *
ks_zone_lookup(const char *name, const char *locale)
{
	const char *windows;
	pg_tz	   *zone;
	long		seconds;

	/* pg_tzset_offset has the sign of POSIX: west is positive. */
	if (parse_offset(name, &seconds))
		zone = pg_tzset_offset(-seconds);
	else
		zone = lookup_file(name);

	if (zone == NULL && is_presentable(name))
	{
		windows = ks_windows_zone(name, locale);
		if (windows != NULL)
			zone = lookup_file(windows);
	}
	if (zone == NULL)
		refuse_zone(name);
	return zone;
}

pg_tz *
ks_zone_session(void)
{
	return session_timezone;
}

/*
 * What a zone is called where zones are asked for by name.  SET TimeZone takes
 * more than names, '<+02>-02' or '-02:00', which is two hours east there: those
 * are the offset that they are, with the sign of ISO 8601, unless they have
 * summer time.
 */
const char *
ks_zone_name(pg_tz *zone)
{
	const char *name = pg_get_timezone_name(zone);
	long		seconds;

	if (!parse_offset(name, &seconds) && lookup_file(name) != NULL)
		return name;
	if (!pg_get_timezone_offset(zone, &seconds) || seconds % 60 != 0 || labs(seconds) >= (MAX_OFFSET_HOURS + 1) * 3600L)
		return name;
	return psprintf("%c%02ld:%02ld", seconds < 0 ? '-' : '+', labs(seconds) / 3600, labs(seconds) / 60 % 60);
}

/* The zone of that name, which may also be the session's as SET TimeZone has it. */
pg_tz *
ks_zone_named(const char *name)
{
	long		seconds;

	if (!parse_offset(name, &seconds) && strcmp(name, pg_get_timezone_name(session_timezone)) == 0)
		return session_timezone;
	return ks_zone_lookup(name, NULL);
}

/*
 * The next change of offset after an instant.  pg_next_dst_boundary says that
 * there is none when asked at the very last entry of a zone's table, though the
 * zone's rule goes on after it; a second later it knows.
 */
bool
ks_zone_next_change(pg_tz *zone, pg_time_t at, long *offset, pg_time_t *change)
{
	long		next_offset;
	int			is_dst;
	int			next_is_dst;
	int			found;

	found = pg_next_dst_boundary(&at, offset, &is_dst, change, &next_offset, &next_is_dst, zone);
	if (found == 0)
	{
		at++;
		found = pg_next_dst_boundary(&at, offset, &is_dst, change, &next_offset, &next_is_dst, zone);
	}
	if (found < 0)
		elog(ERROR, "could not read time zone \"%s\"", pg_get_timezone_name(zone));
	return found > 0;
}

/* A change of name or daylight saving flag alone is no change here. */
static void
add_span(ks_offset_spans *result, int *capacity, int64 start, int64 offset)
{
	if (result->n > 0 && result->span[result->n - 1].offset == offset)
		return;
	if (result->n == *capacity)
	{
		*capacity *= 2;
		result->span = repalloc(result->span, *capacity * sizeof(ks_offset_span));
	}
	result->span[result->n].start = start;
	result->span[result->n].offset = offset;
	result->n++;
}

void
ks_zone_offset_spans(ks_offset_spans *result, pg_tz *zone, int64 from, int64 to)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	pg_time_t	at = ks_floor_div(from, USECS_PER_SEC) + epoch;
	pg_time_t	change;
	long		offset;
	int			capacity = 16;

	result->n = 0;
	result->span = palloc(capacity * sizeof(ks_offset_span));
	result->end = to;
	for (;;)
	{
		bool		more = ks_zone_next_change(zone, at, &offset, &change);

		CHECK_FOR_INTERRUPTS();
		add_span(result, &capacity, (at - epoch) * USECS_PER_SEC, offset * USECS_PER_SEC);
		if (!more || (change - epoch) * USECS_PER_SEC >= to)
			break;
		Assert(change > at);
		at = change;
	}
}
