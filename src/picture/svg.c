/*
 * Pictures as SVG: the function svg().
 *
 * Each picture has its own style sheet, for light and for dark screens, and its
 * own background, so that it can be read wherever it is put.  What is drawn is
 * also said in words, in the titles of the whole and of each mark.
 */
#include "picture/picture.h"

#include "base/array.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ks_svg);

#define SIDE_MIN		120
#define SIDE_MAX		4000

/* Limits in characters: a label below the axis and when pointed at, the title, and the description. */
#define AXIS_LABEL_MAX	20
#define LABEL_MAX		60
#define TITLE_MAX		200
#define DESCRIPTION_MAX	1000

/* Pixels: around the plot, and the width of a character in 12 pixel type. */
#define LEFT			52
#define RIGHT			16
#define TOP				38
#define BOTTOM			28
#define COLUMN			6.8

#define HOURS			24
#define WEEKDAYS		7

#define TICKS			4

/* The range of numbers whose scale and sum are still finite; for smaller ones there is no scale. */
#define LARGEST			1e300
#define SMALLEST		1e-300

static const char style[] =
"<style>"
".ks-ground{fill:#ffffff}.ks-text{fill:#4b5563;font:12px system-ui,sans-serif}.ks-title{fill:#111827;font:600 14px system-ui,sans-serif}"
".ks-text,.ks-title{unicode-bidi:plaintext}"
".ks-grid{stroke:#e5e7eb;stroke-width:1}.ks-mark{fill:#2563eb}.ks-cell{fill:#f3f4f6}"
".ks-line{fill:none;stroke:#2563eb;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.ks-area{fill:#2563eb;fill-opacity:.12}"
"@media (prefers-color-scheme:dark){"
".ks-ground{fill:#111827}.ks-text{fill:#b6bdc9}.ks-title{fill:#f9fafb}.ks-grid{stroke:#374151}.ks-mark{fill:#60a5fa}.ks-cell{fill:#1f2937}"
".ks-line{stroke:#60a5fa}.ks-area{fill:#60a5fa;fill-opacity:.16}}"
"</style>";

typedef enum picture_kind
{
	KIND_LINE,
	KIND_BAR,
	KIND_HEATMAP
} picture_kind;

typedef struct picture
{
	StringInfoData svg;
	picture_kind kind;
	ks_numbers	numbers;
	char	  **labels;
	int			nlabels;
	double		width;
	double		height;
	double		top_of_scale;
} picture;

/* ------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------
 */

/* XML has no way to write control characters, nor U+FFFE and U+FFFF. */
static bool
is_forbidden(const char *at, int length)
{
	unsigned char c = (unsigned char) *at;

	return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f ||
		(length == 3 && memcmp(at, "\xef\xbf", 2) == 0 && (unsigned char) at[2] >= 0xbe);
}

static void
append_escaped(StringInfo svg, const char *text)
{
	while (*text != '\0')
	{
		int			length = pg_mblen(text);

		if (is_forbidden(text, length))
			appendStringInfoChar(svg, '?');
		else if (*text == '<')
			appendStringInfoString(svg, "&lt;");
		else if (*text == '>')
			appendStringInfoString(svg, "&gt;");
		else if (*text == '&')
			appendStringInfoString(svg, "&amp;");
		else if (*text == '"')
			appendStringInfoString(svg, "&quot;");
		else if (*text == '\'')
			appendStringInfoString(svg, "&#39;");
		else
			appendBinaryStringInfo(svg, text, length);
		text += length;
	}
}

/* At most this many characters, the last one a mark for those left out. */
static char *
shortened(const char *text, int limit)
{
	int			length = strlen(text);
	int			kept = pg_mbcharcliplen(text, length, limit);

	if (kept == length)
		return pstrdup(text);
	kept = pg_mbcharcliplen(text, length, limit - 3);
	return psprintf("%.*s...", kept, text);
}

/* A whole number as it is, an average or a rate with at most three decimals. */
static char *
number_text(double value)
{
	char	   *text;
	int			length;

	if (value >= 1e15)
		return psprintf("%.3g", value);
	text = psprintf("%.3f", value);
	length = strlen(text);
	while (text[length - 1] == '0')
		text[--length] = '\0';
	if (text[length - 1] == '.')
		text[length - 1] = '\0';
	return text;
}

/* A number on the scale, where there is little room: in the same unit as the highest. */
static char *
scale_text(double value, double highest)
{
	static const char units[] = " kMGT";
	int			unit = 0;

	if (highest < 1e15)
		for (; highest >= (unit == 0 ? 10000 : 1000); highest /= 1000)
			unit++;
	if (unit == 0 || value == 0)
		return psprintf("%g", value);
	return psprintf("%g%c", value / pow(1000, unit), units[unit]);
}

/* How wide a text is, where Chinese characters are two columns wide. */
static int
columns_of(const char *text)
{
	int			columns = 0;

	for (; *text != '\0'; text += pg_mblen(text))
	{
		int			width = pg_dsplen(text);

		columns += Max(width, 0);
	}
	return columns;
}

static const char *
label_of(const picture *p, int i)
{
	return i < p->nlabels ? p->labels[i] : "";
}

static void
append_text(picture *p, double x, double y, const char *anchor, const char *text)
{
	appendStringInfo(&p->svg, "<text class=\"ks-text\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	append_escaped(&p->svg, text);
	appendStringInfoString(&p->svg, "</text>");
}

/* What a mark says when it is pointed at or read aloud. */
static void
append_mark_title(picture *p, const char *label, double value)
{
	appendStringInfoString(&p->svg, "<title>");
	append_escaped(&p->svg, label);
	appendStringInfo(&p->svg, "%s%s</title>", label[0] != '\0' ? ": " : "", number_text(value));
}

/* ------------------------------------------------------------------------
 * Axes
 * ------------------------------------------------------------------------
 */

/* The smallest step (1, 2 or 5 times a power of ten) that reaches the top of the scale in this many steps. */
static double
tick_step(double highest)
{
	double		step = pow(10, floor(log10(highest / TICKS)));

	if (step * TICKS >= highest)
		return step;
	if (2 * step * TICKS >= highest)
		return 2 * step;
	return (5 * step * TICKS >= highest) ? 5 * step : 10 * step;
}

static double
plot_width(const picture *p)
{
	return p->width - LEFT - RIGHT;
}

static double
y_of(const picture *p, double value)
{
	return p->height - BOTTOM - value / p->top_of_scale * (p->height - TOP - BOTTOM);
}

/* The middle of a value's share of the width. */
static double
x_of(const picture *p, int i)
{
	return LEFT + plot_width(p) * (i + 0.5) / p->numbers.count;
}

static void
append_scale(picture *p)
{
	bool		any = p->numbers.highest >= SMALLEST;
	double		step = any ? tick_step(p->numbers.highest) : 1;
	int			ticks = any ? (int) ceil(p->numbers.highest / step - 1e-9) : 1;
	int			i;

	p->top_of_scale = step * ticks;
	for (i = 0; i <= ticks; i++)
	{
		double		y = y_of(p, step * i);

		appendStringInfo(&p->svg, "<line class=\"ks-grid\" x1=\"%d\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, p->width - RIGHT, y, y);
		append_text(p, LEFT - 8, y + 4, "end", scale_text(step * i, p->top_of_scale));
	}
}

/* As many labels as fit beside each other, always including the first. */
static void
append_labels(picture *p)
{
	int			columns = 1;
	int			every;
	int			i;

	for (i = 0; i < Min(p->numbers.count, p->nlabels); i++)
	{
		int			width = columns_of(shortened(p->labels[i], AXIS_LABEL_MAX));

		columns = Max(columns, width);
	}
	every = (int) ceil((columns + 2) * COLUMN / (plot_width(p) / p->numbers.count));
	for (i = 0; i < Min(p->numbers.count, p->nlabels); i += every)
	{
		const char *label = shortened(p->labels[i], AXIS_LABEL_MAX);
		double		half = columns_of(label) * COLUMN / 2;
		double		x = x_of(p, i);

		/* at the ends they stay inside */
		x = Max(Min(x, p->width - half - 4), half + 4);
		append_text(p, x, p->height - 8, "middle", label);
	}
}

/* ------------------------------------------------------------------------
 * Marks
 * ------------------------------------------------------------------------
 */

static void
append_bars(picture *p)
{
	double		share = plot_width(p) / p->numbers.count;
	double		wide = share > 4 ? Min(share * 0.8, 60) : share;
	int			i;

	for (i = 0; i < p->numbers.count; i++)
	{
		double		value = p->numbers.values[i];

		CHECK_FOR_INTERRUPTS();
		if (isnan(value))
			continue;
		appendStringInfo(&p->svg, "<rect class=\"ks-mark\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">", x_of(p, i) - wide / 2, y_of(p, value),
						 wide, y_of(p, 0) - y_of(p, value));
		append_mark_title(p, label_of(p, i), value);
		appendStringInfoString(&p->svg, "</rect>");
	}
}

/* One stretch of the line, between missing values; a single value is a dot. */
static void
append_stretch(picture *p, int first, int last)
{
	int			i;

	if (last > first)
	{
		appendStringInfo(&p->svg, "<path class=\"ks-area\" d=\"M%.2f %.2f", x_of(p, first), y_of(p, 0));
		for (i = first; i <= last; i++)
			appendStringInfo(&p->svg, "L%.2f %.2f", x_of(p, i), y_of(p, p->numbers.values[i]));
		appendStringInfo(&p->svg, "L%.2f %.2fZ\"/><path class=\"ks-line\" d=\"", x_of(p, last), y_of(p, 0));
		for (i = first; i <= last; i++)
			appendStringInfo(&p->svg, "%c%.2f %.2f", i == first ? 'M' : 'L', x_of(p, i), y_of(p, p->numbers.values[i]));
		appendStringInfoString(&p->svg, "\"/>");
	}
}

static void
append_line(picture *p)
{
	double		share = plot_width(p) / p->numbers.count;
	int			first = 0;
	int			i;

	for (i = 0; i <= p->numbers.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i < p->numbers.count && !isnan(p->numbers.values[i]))
			continue;
		append_stretch(p, first, i - 1);
		first = i + 1;
	}
	for (i = 0; i < p->numbers.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (isnan(p->numbers.values[i]))
			continue;
		appendStringInfo(&p->svg, "<circle class=\"ks-mark\" cx=\"%.2f\" cy=\"%.2f\" r=\"%.1f\">", x_of(p, i), y_of(p, p->numbers.values[i]), Min(share / 3, 3));
		append_mark_title(p, label_of(p, i), p->numbers.values[i]);
		appendStringInfoString(&p->svg, "</circle>");
	}
}

/* A row for each label, the names of weekdays. */
static void
append_heatmap(picture *p)
{
	double		wide = plot_width(p) / HOURS;
	double		high = (p->height - TOP - BOTTOM) / WEEKDAYS;
	int			i;

	for (i = 0; i < WEEKDAYS * HOURS; i++)
	{
		double		value = i < p->numbers.count ? p->numbers.values[i] : NAN;
		double		x = LEFT + i % HOURS * wide;
		double		y = TOP + i / HOURS * high;

		if (i % HOURS == 0)
			append_text(p, LEFT - 8, y + high / 2 + 4, "end", label_of(p, i / HOURS));
		if (i < HOURS && i % 3 == 0)
			append_text(p, x + wide / 2, p->height - 8, "middle", psprintf("%02d", i));
		appendStringInfo(&p->svg, "<g><rect class=\"ks-cell\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" rx=\"2\"/>", x + 1, y + 1, wide - 2, high - 2);
		if (value > 0)
			appendStringInfo(&p->svg, "<rect class=\"ks-mark\" fill-opacity=\"%.2f\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" rx=\"2\"/>",
							 0.1 + 0.9 * value / p->numbers.highest, x + 1, y + 1, wide - 2, high - 2);
		if (!isnan(value))
			append_mark_title(p, psprintf("%s %02d:00", label_of(p, i / HOURS), i % HOURS), value);
		appendStringInfoString(&p->svg, "</g>");
	}
}

/* ------------------------------------------------------------------------
 * The whole
 * ------------------------------------------------------------------------
 */

static picture_kind
parse_kind(const char *kind)
{
	static const char *const names[] = {"line", "bar", "heatmap"};
	int			i;

	for (i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(kind, names[i]) == 0)
			return (picture_kind) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("kind \"%s\" is not known", kind),
			 errhint("Kinds of pictures are line, bar and heatmap.")));
	return KIND_LINE;			/* keep the compiler quiet */
}

static int
side(int32 pixels, const char *argument)
{
	if (pixels < SIDE_MIN || pixels > SIDE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between %d and %d pixels, not %d", argument, SIDE_MIN, SIDE_MAX, pixels)));
	return pixels;
}

static void
read_labels(picture *p, ArrayType *array)
{
	Datum	   *items;
	bool	   *nulls;
	int			i;

	ks_array_flat(array, "labels");
	p->nlabels = ks_array_texts(array, "labels", KS_PICTURE_VALUES_MAX, &items, &nulls);
	p->labels = palloc((p->nlabels + 1) * sizeof(char *));
	for (i = 0; i < p->nlabels; i++)
		p->labels[i] = nulls[i] ? "" : shortened(TextDatumGetCString(items[i]), LABEL_MAX);
}

/* What there is to see, in a sentence. */
static char *
described(const picture *p)
{
	double		total = 0;
	int			highest = -1;
	int			i;

	for (i = 0; i < p->numbers.count; i++)
	{
		if (isnan(p->numbers.values[i]))
			continue;
		total += p->numbers.values[i];
		if (highest < 0 || p->numbers.values[i] > p->numbers.values[highest])
			highest = i;
	}
	if (highest < 0)
		return "No values.";
	if (p->kind == KIND_HEATMAP)
		return psprintf("%s in all, by weekday and hour; most, %s, on %s at %02d:00.", number_text(total), number_text(p->numbers.highest),
						label_of(p, highest / HOURS), highest % HOURS);
	if (p->numbers.count == 1)
		return psprintf("One value, %s: %s.", label_of(p, 0), number_text(total));
	return psprintf("%d values from %s to %s, %s in all; the highest is %s: %s.", p->numbers.count, label_of(p, 0), label_of(p, p->numbers.count - 1), number_text(total),
					label_of(p, highest), number_text(p->numbers.highest));
}

static void
append_head(picture *p, const char *title, const char *description)
{
	appendStringInfo(&p->svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" aria-label=\"", p->width, p->height,
					 p->width, p->height);
	append_escaped(&p->svg, title);
	appendStringInfoString(&p->svg, "\"><title>");
	append_escaped(&p->svg, title);
	appendStringInfoString(&p->svg, "</title><desc>");
	append_escaped(&p->svg, description);
	appendStringInfo(&p->svg, "</desc>%s<rect class=\"ks-ground\" width=\"100%%\" height=\"100%%\" rx=\"6\"/><text class=\"ks-title\" x=\"%d\" y=\"22\">", style, RIGHT);
	append_escaped(&p->svg, shortened(title, Max((int) (p->width / 9), 12)));
	appendStringInfoString(&p->svg, "</text>");
}

/* labels, values, kind, title, description, width, height */
Datum
ks_svg(PG_FUNCTION_ARGS)
{
	picture		p = {0};
	const char *title = PG_ARGISNULL(3) ? "" : shortened(text_to_cstring(PG_GETARG_TEXT_PP(3)), TITLE_MAX);
	const char *description;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	p.kind = parse_kind(PG_ARGISNULL(2) ? "line" : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	p.width = side(PG_ARGISNULL(5) ? 720 : PG_GETARG_INT32(5), "width");
	p.height = side(PG_ARGISNULL(6) ? 240 : PG_GETARG_INT32(6), "height");
	ks_numbers_read(&p.numbers, PG_GETARG_DATUM(1), "values");
	if (p.numbers.highest > LARGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a picture has numbers up to %g, not %g", LARGEST, p.numbers.highest)));
	if (!PG_ARGISNULL(0))
		read_labels(&p, PG_GETARG_ARRAYTYPE_P(0));
	if (p.kind == KIND_HEATMAP && p.numbers.count > WEEKDAYS * HOURS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a heatmap has %d values, not %d", WEEKDAYS * HOURS, p.numbers.count),
				 errhint("Give a value for each hour of each weekday, as stats_heatmap() has them.")));
	description = PG_ARGISNULL(4) ? described(&p) : shortened(text_to_cstring(PG_GETARG_TEXT_PP(4)), DESCRIPTION_MAX);

	initStringInfo(&p.svg);
	append_head(&p, title, description);
	if (p.kind == KIND_HEATMAP)
		append_heatmap(&p);
	else
	{
		append_scale(&p);
		if (p.numbers.count > 0)
		{
			if (p.kind == KIND_BAR)
				append_bars(&p);
			else
				append_line(&p);
			append_labels(&p);
		}
		else
			append_text(&p, p.width / 2, p.height / 2, "middle", "No values");
	}
	appendStringInfoString(&p.svg, "</svg>\n");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(p.svg.data, p.svg.len));
}
