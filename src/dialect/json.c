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

	if (last != '[' && last != '{' && last != ':')
		appendStringInfoChar(out, ',');
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

static char *
put_digits(char *at, int value, int width, char after)
{
	at = pg_ultostr_zeropad(at, (uint32) value, width);
	*at++ = after;
	return at;
}

/* A date and time without a zone: 2019-07-01T00:00:00.000000.  A series has hundreds, and formats are slow to read. */
void
ks_json_datetime(StringInfo out, Timestamp value)
{
	struct pg_tm tm;
	fsec_t		fsec;
	char		text[MAXDATELEN + 3];
	char	   *at = text;

	if (timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	separate(out);
	*at++ = '"';
	at = put_digits(at, tm.tm_year, 4, '-');
	at = put_digits(at, tm.tm_mon, 2, '-');
	at = put_digits(at, tm.tm_mday, 2, 'T');
	at = put_digits(at, tm.tm_hour, 2, ':');
	at = put_digits(at, tm.tm_min, 2, ':');
	at = put_digits(at, tm.tm_sec, 2, '.');
	at = put_digits(at, (int) fsec, 6, '"');
	appendBinaryStringInfo(out, text, (int) (at - text));
}
