/*
 * Writing JSON.
 *
 * Commas are put by looking at what was written last, so callers only say what
 * comes next.
 */
#include "dialect/json.h"

#include "compat.h"

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* A comma, unless this is the first thing after an opening bracket or a member's name. */
static void
separate(StringInfo out)
{
	char		last = out->len > 0 ? out->data[out->len - 1] : '[';

	/* whoever goes through an answer comes here */
	CHECK_FOR_INTERRUPTS();
	if (last != '[' && last != '{' && last != ':')
		appendStringInfoChar(out, ',');
}

/*
 * Begins a value of type json where it will stand, with room for its length;
 * whatever is in there must not look like something that a comma follows.
 */
void
ks_json_begin(StringInfo out)
{
	initStringInfo(out);
	while (out->len < VARHDRSZ)
		appendStringInfoChar(out, '[');
}

Datum
ks_json_end(StringInfo out)
{
	SET_VARSIZE(out->data, out->len);
	return PointerGetDatum(out->data);
}

/* The name of an object's member; its value comes next.  Names are ours: nothing in them needs escaping. */
void
ks_json_member(StringInfo out, const char *name)
{
	separate(out);
	appendStringInfoChar(out, '"');
	appendStringInfoString(out, name);
	appendStringInfoString(out, "\":");
}

void
ks_json_open(StringInfo out, char bracket)
{
	separate(out);
	appendStringInfoChar(out, bracket);
}

void
ks_json_close(StringInfo out, char bracket)
{
	appendStringInfoChar(out, bracket);
}

/* NULL becomes null. */
void
ks_json_text(StringInfo out, const char *value)
{
	separate(out);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, value);
}

void
ks_json_bytes(StringInfo out, const uint8 *bytes, size_t length)
{
	ks_json_text(out, bytes == NULL ? NULL : pnstrdup((const char *) bytes, length));
}

void
ks_json_integer(StringInfo out, int64 value)
{
	char		digits[MAXINT8LEN + 1];

	separate(out);
	pg_lltoa(value, digits);
	appendStringInfoString(out, digits);
}

void
ks_json_boolean(StringInfo out, bool value)
{
	separate(out);
	appendStringInfoString(out, value ? "true" : "false");
}

/*
 * The shortest digits that read back as the same number, whatever
 * extra_float_digits says; whole numbers keep a fraction, 0.0, as documented.
 */
void
ks_json_number(StringInfo out, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	separate(out);
	appendStringInfoString(out, digits);
	if (strpbrk(digits, ".e") == NULL)
		appendStringInfoString(out, ".0");
}

/* A number of hundredths, with at most two decimals and no zeros at the end: 1.04, 0.5, 100. */
void
ks_json_hundredths(StringInfo out, int64 value)
{
	char		digits[MAXINT8LEN + 4];
	uint64		size = value < 0 ? -(uint64) value : (uint64) value;
	int			fraction = (int) (size % 100);

	separate(out);
	if (fraction == 0)
		snprintf(digits, sizeof(digits), UINT64_FORMAT, size / 100);
	else if (fraction % 10 == 0)
		snprintf(digits, sizeof(digits), UINT64_FORMAT ".%d", size / 100, fraction / 10);
	else
		snprintf(digits, sizeof(digits), UINT64_FORMAT ".%02d", size / 100, fraction);
	if (value < 0)
		appendStringInfoChar(out, '-');
	appendStringInfoString(out, digits);
}

/* part / whole in hundredths, rounded half away from zero; zero where there is nothing to be a part of. */
int64
ks_hundredths(int64 part, int64 whole)
{
	int128		twice;

	if (whole == 0)
		return 0;
	twice = (int128) part * 200;
	twice += (part < 0) == (whole < 0) ? whole : -whole;
	twice /= (int128) whole * 2;
	if (twice < PG_INT64_MIN || twice > PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("ratio out of range")));
	return (int64) twice;
}

static char *
put_digits(char *at, int value, int width, char after)
{
	at = pg_ultostr_zeropad(at, (uint32) value, width);
	*at++ = after;
	return at;
}

/* Appends YYYY-MM-DDTHH:MM:SS and a fraction of so many digits; formats are slow to read, and a series has hundreds. */
static char *
put_datetime(char *at, Timestamp value, int digits, char after)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			i;

	if (timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	at = put_digits(at, tm.tm_year, 4, '-');
	at = put_digits(at, tm.tm_mon, 2, '-');
	at = put_digits(at, tm.tm_mday, 2, 'T');
	at = put_digits(at, tm.tm_hour, 2, ':');
	at = put_digits(at, tm.tm_min, 2, ':');
	at = put_digits(at, tm.tm_sec, 2, '.');
	for (i = digits; i < 6; i++)
		fsec /= 10;
	return put_digits(at, (int) fsec, digits, after);
}

/* A date and time without a zone: 2019-07-01T00:00:00.000000. */
void
ks_json_datetime(StringInfo out, Timestamp value)
{
	char		text[MAXDATELEN + 3] = "\"";

	separate(out);
	appendBinaryStringInfo(out, text, (int) (put_datetime(text + 1, value, 6, '"') - text));
}

static void
put_instant(StringInfo out, TimestampTz value, int digits)
{
	char		text[MAXDATELEN + 4] = "\"";
	char	   *end = put_datetime(text + 1, (Timestamp) value, digits, 'Z');

	*end++ = '"';
	separate(out);
	appendBinaryStringInfo(out, text, (int) (end - text));
}

/* An instant in UTC, in milliseconds: 2019-07-01T00:00:00.000Z. */
void
ks_json_instant(StringInfo out, TimestampTz value)
{
	put_instant(out, value, 3);
}

/* The same to the microsecond, so that nothing is lost. */
void
ks_json_exact_instant(StringInfo out, TimestampTz value)
{
	put_instant(out, value, 6);
}
