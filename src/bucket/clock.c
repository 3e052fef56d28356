/*
 * What time it is.
 *
 * The setting kindly_stats.now stands in for the clock, so that a test, or a
 * report as of some other day, asks for "this month" and gets what was asked
 * for.  Its text is read anew each time: what has no zone depends on TimeZone,
 * which may be set after it, and which a parallel worker is told after it.
 */
#include "bucket/clock.h"

#include "base/compat.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Last year and tomorrow must be moments, too, and these have the years 1 to 9999. */
#define FIRST_YEAR	2
#define LAST_YEAR	9998

char	   *ks_now_setting = NULL;

/* As timestamptz reads it, but that what is no instant is no error; only a zone that nobody knows may be one. */
static bool
is_instant(const char *text)
{
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			type[MAXDATEFIELDS];
	int			fields;
	int			kind;
	int			zone;
	struct pg_tm tm;
	fsec_t		fsec;
	TimestampTz result;

	return ParseDateTime(text, buffer, sizeof(buffer), field, type, MAXDATEFIELDS, &fields) == 0 &&
		ks_decode_datetime(field, type, fields, &kind, &tm, &fsec, &zone) == 0 &&
		kind == DTK_DATE && tm.tm_year >= FIRST_YEAR && tm.tm_year <= LAST_YEAR &&
		tm2timestamp(&tm, fsec, &zone, &result) == 0;
}

/* A worker gets what its leader has, and before it knows the names of zones, of which "Z" is one. */
bool
ks_check_now(char **value, void **extra, GucSource source)
{
	if (*value == NULL || (*value)[0] == '\0' || InitializingParallelWorker || is_instant(*value))
		return true;
	GUC_check_errhint("Write an instant such as 2019-03-27T12:00:00Z, in the years %d to %d; an empty text is the clock.",
					  FIRST_YEAR, LAST_YEAR);
	return false;
}

TimestampTz
ks_now(void)
{
	if (ks_now_setting == NULL || ks_now_setting[0] == '\0')
		return GetCurrentTransactionStartTimestamp();
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(ks_now_setting),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}
