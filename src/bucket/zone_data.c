/*
 * How new the tz databases of PostgreSQL and of ICU are, and where they differ.
 *
 * Offsets come from PostgreSQL's alone.  But who sees that ICU's is newer learns that
 * PostgreSQL's is to be updated.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "bucket/bucket.h"
#include "bucket/zone.h"

PG_FUNCTION_INFO_V1(ks_zone_data);

/* Distributions install the database together with its source, which says its version. */
#define SYSTEM_SOURCE "/usr/share/zoneinfo/tzdata.zi"
#define SOURCE_HEAD "# version "

/* Both are compared at instants of a year from now on. */
#define DAYS_COMPARED	366
#define DAYS_BETWEEN	10

/* The version of the database that PostgreSQL reads, such as 2025b; NULL where nobody says it. */
static char *
postgresql_version(void)
{
	char		own[MAXPGPATH];
	char		line[64] = "";
	struct stat there;
	FILE	   *file;

	/* a database of PostgreSQL's own says nothing */
	get_share_path(my_exec_path, own);
	strlcat(own, "/timezone", sizeof(own));
	if (stat(own, &there) == 0 || (file = AllocateFile(SYSTEM_SOURCE, "r")) == NULL)
		return NULL;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	FreeFile(file);
	line[strcspn(line, "\r\n")] = '\0';
	return strncmp(line, SOURCE_HEAD, strlen(SOURCE_HEAD)) == 0 ? pstrdup(line + strlen(SOURCE_HEAD)) : NULL;
}

static const char *
icu_version(void)
{
	UErrorCode	status = U_ZERO_ERROR;
	const char *version = ucal_getTZDataVersion(&status);

	return U_FAILURE(status) ? NULL : version;
}

static UCalendar *
open_calendar(const char *zone)
{
	UErrorCode	status = U_ZERO_ERROR;
	UChar		name[TZ_STRLEN_MAX + 1];
	UCalendar  *calendar;

	u_charsToUChars(zone, name, (int32_t) strlen(zone) + 1);
	calendar = ucal_open(name, -1, "en", UCAL_GREGORIAN, &status);
	return U_FAILURE(status) ? NULL : calendar;
}

/* Whether both have the same offset at an instant. */
static bool
agree_at(pg_tz *zone, UCalendar *calendar, pg_time_t at)
{
	UErrorCode	status = U_ZERO_ERROR;
	struct pg_tm *local = pg_localtime(&at, zone);
	int32		icu;

	ucal_setMillis(calendar, at * 1000.0, &status);
	icu = ucal_get(calendar, UCAL_ZONE_OFFSET, &status) + ucal_get(calendar, UCAL_DST_OFFSET, &status);
	return U_SUCCESS(status) && local != NULL && local->tm_gmtoff * 1000L == icu;
}

/* Every few days, and around each change that PostgreSQL knows of. */
static bool
agree(pg_tz *zone, UCalendar *calendar, pg_time_t now)
{
	pg_time_t	end = now + DAYS_COMPARED * SECS_PER_DAY;
	pg_time_t	at;
	pg_time_t	change = now;
	long		offset;

	for (at = now; at < end; at += DAYS_BETWEEN * SECS_PER_DAY)
	{
		if (!agree_at(zone, calendar, at))
			return false;
	}
	while (ks_zone_next_change(zone, change, &offset, &change) && change < end)
	{
		if (!agree_at(zone, calendar, change - 1) || !agree_at(zone, calendar, change))
			return false;
	}
	return true;
}

/* Names of zones that differ, as text[]. */
static ArrayType *
disagreeing(void)
{
	pg_time_t	now = (pg_time_t) timestamptz_to_time_t(GetCurrentTimestamp());
	pg_tzenum  *names = pg_tzenumerate_start();
	ArrayBuildState *found = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	pg_tz	   *zone;

	while ((zone = pg_tzenumerate_next(names)) != NULL)
	{
		const char *name = pg_get_timezone_name(zone);
		UCalendar  *calendar;

		CHECK_FOR_INTERRUPTS();
		if (strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0 || strcmp(name, "posixrules") == 0 || strcmp(name, "Factory") == 0 ||
			 !pg_tz_acceptable(zone))
			continue;
		calendar = open_calendar(name);
		if (calendar == NULL)
			continue;
		if (!agree(zone, calendar, now))
			found = accumArrayResult(found, CStringGetTextDatum(name), false, TEXTOID, CurrentMemoryContext);
		ucal_close(calendar);
	}
	pg_tzenumerate_end(names);
	return DatumGetArrayTypeP(makeArrayResult(found, CurrentMemoryContext));
}

/* zone_data() */
Datum
ks_zone_data(PG_FUNCTION_ARGS)
{
	char	   *own = postgresql_version();
	const char *icu = icu_version();
	Datum		values[3] = {own == NULL ? (Datum) 0 : CStringGetTextDatum(own), icu == NULL ? (Datum) 0 : CStringGetTextDatum(icu)};
	bool		nulls[3] = {own == NULL, icu == NULL, false};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[2] = PointerGetDatum(disagreeing());
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
