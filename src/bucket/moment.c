/*
 * The SQL type moment: a reading of a wall clock, or an instant.
 *
 * One type for "from" and "to" takes what clients send without overloads,
 * which PostgREST and unknown literals could not tell apart: a date and a time
 * without a zone mean the clock of the zone that is asked for, anything with a
 * zone means that instant.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "bucket/bucket.h"
#include "bucket/offset_span.h"
#include "bucket/zone.h"

PG_FUNCTION_INFO_V1(ks_moment_in);
PG_FUNCTION_INFO_V1(ks_moment_out);
PG_FUNCTION_INFO_V1(ks_moment_recv);
PG_FUNCTION_INFO_V1(ks_moment_send);
PG_FUNCTION_INFO_V1(ks_moment_from_text);
PG_FUNCTION_INFO_V1(ks_moment_from_date);
PG_FUNCTION_INFO_V1(ks_moment_from_timestamp);
PG_FUNCTION_INFO_V1(ks_moment_from_timestamptz);
PG_FUNCTION_INFO_V1(ks_moment_from_bigint);
PG_FUNCTION_INFO_V1(ks_moment_from_integer);

/* What ks_moment_out writes at most, with room to spare. */
#define MOMENT_TEXT_SIZE	64

/* Offsets stay below this, so that all of a reading's instants are near it. */
#define LONGEST_OFFSET		KS_USECS_PER_DAY

static ks_moment *
make_moment(int64 value, int32 kind)
{
	ks_moment  *moment = palloc0(sizeof(ks_moment));

	moment->value = value;
	moment->kind = TIMESTAMP_NOT_FINITE(value) ? KS_MOMENT_LOCAL : kind;
	return moment;
}

/* ------------------------------------------------------------------------
 * Milliseconds since 1970, as browsers and dashboards count
 *
 * A number of 13 digits can be nothing else: the years 2001 to 2286.  Seconds
 * have 10 digits, as an hour written without signs has, and are refused.
 * ------------------------------------------------------------------------
 */

#define MSEC_DIGITS		13
#define FIRST_MSEC		INT64CONST(1000000000000)
#define LAST_MSEC		INT64CONST(9999999999999)

static ks_moment *
moment_of_msecs(int64 msecs)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;

	return make_moment((msecs - epoch) * 1000, KS_MOMENT_INSTANT);
}

/* How many digits a text has that consists of nothing else, but for blanks around them. */
static int
digits_alone(const char *text)
{
	int			n;

	text += strspn(text, " ");
	n = strspn(text, "0123456789");
	return text[n + strspn(text + n, " ")] == '\0' ? n : 0;
}

static bool
read_msecs(const char *text, int64 *msecs)
{
	if (digits_alone(text) != MSEC_DIGITS)
		return false;
	*msecs = strtoll(text, NULL, 10);
	return *msecs >= FIRST_MSEC;
}

static void
refuse_number(int64 value)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
			 errmsg("number %lld is no moment", (long long) value),
			 errhint("A number is an instant in milliseconds since 1970 and has 13 digits, as 1561939200000 has. Write dates in quotes, and seconds as to_timestamp(1561939200).")));
}

/* ------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------
 */

/* The fields that PostgreSQL's own parser makes of a text. */
typedef struct datetime_fields
{
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			type[MAXDATEFIELDS];
	int			n;
} datetime_fields;

static int
split_fields(const char *text, datetime_fields *fields)
{
	return ParseDateTime(text, fields->buffer, sizeof(fields->buffer), fields->field,
						 fields->type, MAXDATEFIELDS, &fields->n);
}

static bool
has_field(const datetime_fields *fields, const char *word)
{
	int			i;

	for (i = 0; i < fields->n; i++)
		if (strcmp(fields->field[i], word) == 0)
			return true;
	return false;
}

/*
 * Words whose meaning depends on a zone that is not known yet, or that stand
 * for a time of day.
 */
static const char *
refused_word(const datetime_fields *fields)
{
	static const char *const words[] = {"today", "tomorrow", "yesterday", "epoch", "allballs"};
	int			i;

	for (i = 0; i < lengthof(words); i++)
		if (has_field(fields, words[i]))
			return words[i];
	return has_field(fields, "now") && fields->n > 1 ? "now" : NULL;
}

/*
 * A word that is no month, day of the week and so on can only be the name of
 * a zone, or an error.
 */
static bool
has_unknown_word(const datetime_fields *fields)
{
	int			i;
	int			value;

	for (i = 0; i < fields->n; i++)
		if ((fields->type[i] == DTK_STRING || fields->type[i] == DTK_SPECIAL) &&
			DecodeSpecial(i, fields->field[i], &value) == UNKNOWN_FIELD)
			return true;
	return false;
}

/*
 * Without a place for the zone, DecodeDateTime takes a text with a zone for
 * malformed: what it takes is local, and only what it refuses is tried as an
 * instant.  It writes into the fields, which are therefore split anew.
 *
 * A zone that is a single word ("2019-07-01 10:00 Japan") is not refused but
 * stored through the missing pointer, which crashes: such texts go the other
 * way.
 */
static int
decode_fields(const char *text, datetime_fields *fields, int *special,
			  struct pg_tm *tm, fsec_t *fsec, int *zone, int32 *kind)
{
	int			error = DTERR_BAD_FORMAT;

	*kind = KS_MOMENT_LOCAL;
	if (!has_unknown_word(fields))
		error = ks_decode_datetime(fields->field, fields->type, fields->n, special, tm, fsec,
								   NULL);
	if (error == DTERR_BAD_FORMAT)
	{
		*kind = KS_MOMENT_INSTANT;
		error = split_fields(text, fields);
		if (error == 0)
			error = ks_decode_datetime(fields->field, fields->type, fields->n, special, tm, fsec,
									   zone);
	}
	return error;
}

static ks_moment *
parse_moment(const char *text, Node *escontext)
{
	datetime_fields fields;
	struct pg_tm tm;
	fsec_t		fsec = 0;
	int			zone = 0;
	int			special = DTK_DATE;
	int			error;
	int32		kind = KS_MOMENT_LOCAL;
	Timestamp	value = 0;
	const char *word;
	int64		msecs;

	if (read_msecs(text, &msecs))
		return moment_of_msecs(msecs);
	memset(&tm, 0, sizeof(tm));
	error = split_fields(text, &fields);
	if (error == 0)
	{
		word = refused_word(&fields);
		if (word != NULL)
			ereturn(escontext, NULL,
					(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
					 errmsg("moment \"%s\" must not be written with \"%s\"", text, word),
					 errhint("Write a date such as 2019-07-01, a date and time, or \"now\" alone.")));
		if (fields.n == 1 && has_field(&fields, "now"))
			return make_moment(GetCurrentTransactionStartTimestamp(), KS_MOMENT_INSTANT);
		error = decode_fields(text, &fields, &special, &tm, &fsec, &zone, &kind);
	}

	if (error == 0 && special == DTK_LATE)
		TIMESTAMP_NOEND(value);
	else if (error == 0 && special == DTK_EARLY)
		TIMESTAMP_NOBEGIN(value);
	else if (error == 0 &&
			 tm2timestamp(&tm, fsec, kind == KS_MOMENT_INSTANT ? &zone : NULL, &value) != 0)
		error = DTERR_FIELD_OVERFLOW;

	if (error == DTERR_FIELD_OVERFLOW || error == DTERR_MD_FIELD_OVERFLOW ||
		error == DTERR_TZDISP_OVERFLOW)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("moment \"%s\" is out of range", text),
				 digits_alone(text) > 0
				 ? errhint("Write a date such as 2019-07-01, or an instant in milliseconds since 1970, which has %d digits.", MSEC_DIGITS)
				 : errhint("Write a date such as 2019-07-01, with the year first.")));
#ifdef DTERR_BAD_TIMEZONE
	/* Before 16 the server's parser raises this error itself. */
	if (error == DTERR_BAD_TIMEZONE)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone of moment \"%s\" is not known", text),
				 errhint("Names are those of the view pg_timezone_names.")));
#endif
	if (error != 0)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("invalid input syntax for type moment: \"%s\"", text),
				 errhint("Write a date such as 2019-07-01 or a date and time such as 2019-07-01T12:30:00, with a zone or without.")));
	return make_moment(value, kind);
}

/*
 * ISO 8601 with the year first, so that neither DateStyle nor TimeZone changes
 * what it reads as.
 */
static char *
print_moment(const ks_moment *moment)
{
	char	   *text = palloc(MOMENT_TEXT_SIZE);
	struct pg_tm tm;
	fsec_t		fsec;
	int			len;

	if (TIMESTAMP_NOT_FINITE(moment->value))
		return pstrdup(TIMESTAMP_IS_NOEND(moment->value) ? "infinity" : "-infinity");
	if (timestamp2tm(moment->value, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "moment holds a value out of range");

	len = snprintf(text, MOMENT_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
				   tm.tm_year > 0 ? tm.tm_year : 1 - tm.tm_year, tm.tm_mon, tm.tm_mday,
				   tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (fsec != 0)
		len += snprintf(text + len, MOMENT_TEXT_SIZE - len, ".%06d", (int) fsec);
	snprintf(text + len, MOMENT_TEXT_SIZE - len, "%s%s",
			 moment->kind == KS_MOMENT_INSTANT ? "Z" : "", tm.tm_year > 0 ? "" : " BC");
	return text;
}

Datum
ks_moment_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_MOMENT(parse_moment(PG_GETARG_CSTRING(0), ks_escontext(fcinfo)));
}

Datum
ks_moment_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(print_moment(PG_GETARG_MOMENT(0)));
}

Datum
ks_moment_from_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_MOMENT(parse_moment(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL));
}

/* ------------------------------------------------------------------------
 * Binary: value (8 bytes), kind (4), reserved (4)
 * ------------------------------------------------------------------------
 */

static bool
moment_is_valid(const ks_moment *moment)
{
	if (moment->reserved != 0)
		return false;
	if (TIMESTAMP_NOT_FINITE(moment->value))
		return moment->kind == KS_MOMENT_LOCAL;
	return IS_VALID_TIMESTAMP(moment->value) &&
		(moment->kind == KS_MOMENT_LOCAL || moment->kind == KS_MOMENT_INSTANT);
}

Datum
ks_moment_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	ks_moment  *moment = palloc(sizeof(ks_moment));

	moment->value = pq_getmsgint64(message);
	moment->kind = (int32) pq_getmsgint(message, 4);
	moment->reserved = (int32) pq_getmsgint(message, 4);
	if (!moment_is_valid(moment))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary representation of type moment")));
	PG_RETURN_MOMENT(moment);
}

Datum
ks_moment_send(PG_FUNCTION_ARGS)
{
	ks_moment  *moment = PG_GETARG_MOMENT(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, moment->value);
	pq_sendint32(&message, moment->kind);
	pq_sendint32(&message, moment->reserved);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* ------------------------------------------------------------------------
 * Casts
 * ------------------------------------------------------------------------
 */

Datum
ks_moment_from_date(PG_FUNCTION_ARGS)
{
	DateADT		date = PG_GETARG_DATEADT(0);

	if (DATE_IS_NOEND(date))
		PG_RETURN_MOMENT(make_moment(DT_NOEND, KS_MOMENT_LOCAL));
	if (DATE_IS_NOBEGIN(date))
		PG_RETURN_MOMENT(make_moment(DT_NOBEGIN, KS_MOMENT_LOCAL));

	/* Dates reach further than timestamps. */
	if (date >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range for moment")));
	PG_RETURN_MOMENT(make_moment(date * USECS_PER_DAY, KS_MOMENT_LOCAL));
}

Datum
ks_moment_from_timestamp(PG_FUNCTION_ARGS)
{
	PG_RETURN_MOMENT(make_moment(PG_GETARG_TIMESTAMP(0), KS_MOMENT_LOCAL));
}

Datum
ks_moment_from_timestamptz(PG_FUNCTION_ARGS)
{
	PG_RETURN_MOMENT(make_moment(PG_GETARG_TIMESTAMPTZ(0), KS_MOMENT_INSTANT));
}

Datum
ks_moment_from_bigint(PG_FUNCTION_ARGS)
{
	int64		msecs = PG_GETARG_INT64(0);

	if (msecs < FIRST_MSEC || msecs > LAST_MSEC)
		refuse_number(msecs);
	PG_RETURN_MOMENT(moment_of_msecs(msecs));
}

/*
 * No integer has 13 digits.  The cast exists to say so: without it, the error
 * would be that the function does not exist.
 */
Datum
ks_moment_from_integer(PG_FUNCTION_ARGS)
{
	refuse_number(PG_GETARG_INT32(0));
	PG_RETURN_NULL();
}

/* ------------------------------------------------------------------------
 * Use
 * ------------------------------------------------------------------------
 */

void
ks_moment_check(const ks_moment *moment, const char *argument)
{
	if (TIMESTAMP_NOT_FINITE(moment->value))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" must not be infinite", argument),
				 errhint("Give a date, such as the first or last one with data.")));
	if (moment->value < ks_civil_days(1, 1, 1) * USECS_PER_DAY ||
		moment->value >= ks_civil_days(10000, 1, 1) * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range: %s", argument, print_moment(moment)),
				 errhint("Only the years 1 to 9999 are supported.")));
}

/* Spans wide enough for all that a moment can mean in any zone. */
static void
moment_spans(ks_offset_spans *spans, const ks_moment *moment, pg_tz *zone)
{
	ks_zone_offset_spans(spans, zone, moment->value - LONGEST_OFFSET,
						 moment->value + LONGEST_OFFSET);
}

TimestampTz
ks_moment_instant(const ks_moment *moment, pg_tz *zone)
{
	ks_offset_spans spans;

	if (moment->kind == KS_MOMENT_INSTANT)
		return moment->value;
	moment_spans(&spans, moment, zone);
	return ks_offset_spans_first(&spans, moment->value);
}

TimestampTz
ks_moment_hour(const ks_moment *moment, pg_tz *zone)
{
	ks_offset_spans spans;

	moment_spans(&spans, moment, zone);
	return ks_offset_spans_hour(&spans, moment->kind == KS_MOMENT_INSTANT ? moment->value
								: ks_offset_spans_first(&spans, moment->value));
}

int64
ks_moment_reading(const ks_moment *moment, pg_tz *zone)
{
	ks_offset_spans spans;

	if (moment->kind == KS_MOMENT_LOCAL)
		return moment->value;
	moment_spans(&spans, moment, zone);
	return ks_offset_spans_reading(&spans, moment->value);
}

int64
ks_moment_span(const ks_moment *from, const ks_moment *to, pg_tz *zone)
{
	ks_moment_check(from, "from");
	ks_moment_check(to, "to");
	if (from->kind == KS_MOMENT_LOCAL && to->kind == KS_MOMENT_LOCAL)
		return to->value - from->value;
	return ks_moment_instant(to, zone) - ks_moment_instant(from, zone);
}

void
ks_moment_floor(ks_moment *result, const ks_moment *moment, ks_unit unit, pg_tz *zone)
{
	int64		reading = ks_moment_reading(moment, zone);

	result->kind = KS_MOMENT_LOCAL;
	result->reserved = 0;
	if (unit == KS_HOUR)
		result->value = ks_floor_div(reading, USECS_PER_HOUR) * USECS_PER_HOUR;
	else
		result->value = ks_civil_floor(ks_floor_div(reading, USECS_PER_DAY), unit, 1) * USECS_PER_DAY;
}
