/*
 * Pictures in text: bar() and sparkline(), of Unicode's block elements.
 */
#include "picture/picture.h"

#include "base/array.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ks_bar);
PG_FUNCTION_INFO_V1(ks_sparkline);

#define WIDTH_MAX	500

/* ------------------------------------------------------------------------
 * Arguments
 * ------------------------------------------------------------------------
 */

static double
drawable(double value, const char *argument)
{
	if (isnan(value) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be finite", argument)));
	return Max(value, 0);
}

void
ks_numbers_read(ks_numbers *numbers, Datum array, const char *argument)
{
	ArrayType  *values = DatumGetArrayTypeP(array);
	Datum	   *items;
	bool	   *nulls;
	int			i;

	ks_array_flat(values, argument);
	if (ArrayGetNItems(ARR_NDIM(values), ARR_DIMS(values)) > KS_PICTURE_VALUES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" has more than %d items", argument, KS_PICTURE_VALUES_MAX),
				 errhint("Use a coarser granularity or a shorter range.")));
	numbers->count = ks_array_doubles(values, argument, KS_PICTURE_VALUES_MAX, &items, &nulls);
	numbers->values = palloc((numbers->count + 1) * sizeof(double));
	numbers->highest = 0;
	for (i = 0; i < numbers->count; i++)
	{
		numbers->values[i] = nulls[i] ? NAN : drawable(DatumGetFloat8(items[i]), argument);
		if (!nulls[i])
			numbers->highest = Max(numbers->highest, numbers->values[i]);
	}
}

/* ------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------
 */

/* Block elements have consecutive code points, in ascending or descending order of size. */
static void
append_block(StringInfo text, pg_wchar block)
{
	unsigned char utf8[MAX_UNICODE_EQUIVALENT_STRING + 1] = {0};

	unicode_to_utf8(block, utf8);
	appendBinaryStringInfo(text, (char *) utf8, pg_utf_mblen(utf8));
}

static Datum
text_datum(StringInfo utf8)
{
	return PointerGetDatum(cstring_to_text(pg_any_to_server(utf8->data, utf8->len, PG_UTF8)));
}

/* value, maximum, width */
Datum
ks_bar(PG_FUNCTION_ARGS)
{
	double		value = drawable(PG_GETARG_FLOAT8(0), "value");
	double		maximum = drawable(PG_GETARG_FLOAT8(1), "maximum");
	int32		width = PG_GETARG_INT32(2);
	StringInfoData text;
	int			eighths;

	if (width < 1 || width > WIDTH_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"width\" must be between 1 and %d, not %d", WIDTH_MAX, width)));
	initStringInfo(&text);
	eighths = maximum <= 0 ? 0 : (int) rint(Min(value / maximum, 1) * width * 8);
	/* something is never drawn as nothing */
	if (value > 0)
		eighths = Max(eighths, 1);
	for (; eighths >= 8; eighths -= 8)
		append_block(&text, 0x2588);
	if (eighths > 0)
		append_block(&text, 0x2590 - eighths);
	PG_RETURN_DATUM(text_datum(&text));
}

Datum
ks_sparkline(PG_FUNCTION_ARGS)
{
	ks_numbers	numbers;
	StringInfoData text;
	int			i;

	ks_numbers_read(&numbers, PG_GETARG_DATUM(0), "values");
	initStringInfo(&text);
	for (i = 0; i < numbers.count; i++)
	{
		if (isnan(numbers.values[i]))
			appendStringInfoChar(&text, ' ');
		else if (numbers.values[i] == 0)
			append_block(&text, 0x2581);
		else
			/* the lowest block is for zero alone */
			append_block(&text, 0x2582 + Min((int) (numbers.values[i] / numbers.highest * 7), 6));
	}
	PG_RETURN_DATUM(text_datum(&text));
}
