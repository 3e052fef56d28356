/*
 * Writing JSON.
 *
 * Commas are put by looking at what was written last, so callers only say what
 * comes next.
 */
#include "dialect/json.h"

#include "base/compat.h"

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/*
 * Room for so many bytes, behind a comma unless this is the first thing after an opening bracket or a
 * member's name.  An answer may have a hundred thousand numbers, so that they are
 * written where they will stand.
 */
static char *
begin_bytes(StringInfo out, size_t bytes)
{
	char		last = out->len > 0 ? out->data[out->len - 1] : '[';
	char	   *at;

	/* whoever goes through an answer comes here */
	CHECK_FOR_INTERRUPTS();
	/* the comma, and the zero at the end; what is too much is refused there */
	if (bytes + 2 > (size_t) (out->maxlen - out->len))
		enlargeStringInfo(out, (int) Min(bytes + 2, PG_INT32_MAX));
	at = out->data + out->len;
	if (last != '[' && last != '{' && last != ':')
		*at++ = ',';
	return at;
}

static void
end_bytes(StringInfo out, char *at)
{
	*at = '\0';
	out->len = (int) (at - out->data);
}

static void
put_bytes(StringInfo out, const char *bytes, size_t length)
{
	char	   *at = begin_bytes(out, length);

	memcpy(at, bytes, length);
	end_bytes(out, at + length);
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
	size_t		length = strlen(name);
	char	   *at = begin_bytes(out, length + 3);

	*at++ = '"';
	memcpy(at, name, length);
	at += length;
	*at++ = '"';
	*at++ = ':';
	end_bytes(out, at);
}

void
ks_json_open(StringInfo out, char bracket)
{
	put_bytes(out, &bracket, 1);
}

void
ks_json_close(StringInfo out, char bracket)
{
	appendStringInfoCharMacro(out, bracket);
}

void
ks_json_start_pieces(ks_json_pieces *pieces, int most)
{
	initStringInfo(&pieces->text);
	pieces->end = palloc_extended(((Size) most + 1) * sizeof(int), MCXT_ALLOC_HUGE);
	pieces->count = 0;
}

/* What was written since the last one is a piece; it ends with the name of a member, behind which no comma comes. */
void
ks_json_end_piece(ks_json_pieces *pieces)
{
	pieces->end[pieces->count++] = pieces->text.len;
}

void
ks_json_piece(StringInfo out, const ks_json_pieces *pieces, int number)
{
	int			begin = number > 0 ? pieces->end[number - 1] : 0;

	put_bytes(out, pieces->text.data + begin, (size_t) (pieces->end[number] - begin));
}

/* NULL becomes null. */
void
ks_json_text(StringInfo out, const char *value)
{
	if (value == NULL)
	{
		put_bytes(out, "null", 4);
		return;
	}
	end_bytes(out, begin_bytes(out, strlen(value) + 2));
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
	char	   *at = begin_bytes(out, MAXINT8LEN);

	end_bytes(out, at + pg_lltoa(value, at));
}

void
ks_json_boolean(StringInfo out, bool value)
{
	put_bytes(out, value ? "true" : "false", value ? 4 : 5);
}

/*
 * The shortest digits that read back as the same number, whatever
 * extra_float_digits says; whole numbers keep a fraction, 0.0, as documented.
 */
void
ks_json_number(StringInfo out, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	put_bytes(out, digits, double_to_shortest_decimal_buf(value, digits));
	if (strpbrk(digits, ".e") == NULL)
		appendStringInfoString(out, ".0");
}

/* A number of hundredths, with at most two decimals and no zeros at the end: 1.04, 0.5, 100. */
void
ks_json_hundredths(StringInfo out, int64 value)
{
	char	   *at = begin_bytes(out, MAXINT8LEN + 3);
	uint64		size = value < 0 ? -(uint64) value : (uint64) value;
	int			fraction = (int) (size % 100);

	if (value < 0)
		*at++ = '-';
	at += pg_ulltoa_n(size / 100, at);
	if (fraction > 0)
	{
		*at++ = '.';
		*at++ = (char) ('0' + fraction / 10);
		if (fraction % 10 > 0)
			*at++ = (char) ('0' + fraction % 10);
	}
	end_bytes(out, at);
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

	put_bytes(out, text, (size_t) (put_datetime(text + 1, value, 6, '"') - text));
}

static void
put_instant(StringInfo out, TimestampTz value, int digits)
{
	char		text[MAXDATELEN + 4] = "\"";
	char	   *end = put_datetime(text + 1, (Timestamp) value, digits, 'Z');

	*end++ = '"';
	put_bytes(out, text, (size_t) (end - text));
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
