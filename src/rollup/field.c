/*
 * One field of a JSON document, found by its path.
 *
 * This is one pass over the text, without recursion.  The text is checked to its end,
 * because nothing in a malformed document is trusted.  Of several members with the same
 * name the last one counts, as in jsonb.
 *
 * The state of the walk is a depth, and "live", the depth of the innermost open container
 * that lies on the path: only its members can be what is looked for.
 */
#include "rollup/field.h"

#include "base/integer.h"

typedef struct scanner
{
	const char *at;
	const char *end;
	bool		utf8;			/* the encoding of the text: in others, escapes beyond ASCII are no text */
} scanner;

typedef struct walk
{
	scanner		s;
	const ks_field_part *path;
	int			count;
	int			depth;			/* of open containers */
	int			live;
	bool		wanted;			/* the value to come lies on the path */
	bool		found;
	ks_field	field;
	int64_t		index[KS_FIELD_PARTS + 1];	/* the element at hand of live arrays, by depth */
	char		open[KS_FIELD_DEPTH + 1];	/* '{' or '[', by depth */
} walk;

/* Array subscripts as in #>>, but without signs, blanks and leading zeros. */
ks_field_part
ks_field_part_of(const char *name, size_t length)
{
	ks_field_part result = {name, length, -1};
	int64_t		index = 0;
	size_t		i;

	if (length == 0 || length > 9 || (name[0] == '0' && length > 1))
		return result;
	for (i = 0; i < length; i++)
	{
		if (name[i] < '0' || name[i] > '9')
			return result;
		index = 10 * index + (name[i] - '0');
	}
	result.index = index;
	return result;
}

/* ------------------------------------------------------------------------
 * Tokens
 * ------------------------------------------------------------------------
 */

static void
skip_blanks(scanner *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
	{
		s->at++;
		ks_check_interrupts_at((uintptr_t) s->at);
	}
}

/* The next character after blanks, or '\0'. */
static char
peek(scanner *s)
{
	skip_blanks(s);
	return s->at < s->end ? *s->at : '\0';
}

static bool
take(scanner *s, char wanted)
{
	if (peek(s) != wanted)
		return false;
	s->at++;
	return true;
}

/* Four digits of a \u, or -1. */
static int
hex_unit(const char *at, const char *end)
{
	int			result = 0;
	int			i;

	if (end - at < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		int			digit = ks_hex_digit(at[i]);

		if (digit < 0)
			return -1;
		result = 16 * result + digit;
	}
	return result;
}

/* A string, from its opening quote on. */
static bool
scan_string(scanner *s, ks_field *token)
{
	token->start = ++s->at;
	token->escaped = false;
	for (; s->at < s->end; s->at++)
	{
		unsigned char c = (unsigned char) *s->at;

		ks_check_interrupts_at((uintptr_t) s->at);
		if (c == '"')
		{
			token->length = (size_t) (s->at++ - token->start);
			return true;
		}
		if (c < ' ')
			return false;
		if (c != '\\')
			continue;
		token->escaped = true;
		if (++s->at == s->end || *s->at == '\0' || strchr("\"\\/bfnrtu", *s->at) == NULL)
			return false;
		if (*s->at == 'u')
		{
			if (hex_unit(s->at + 1, s->end) < 0)
				return false;
			s->at += 4;
		}
	}
	return false;
}

static bool
scan_digits(scanner *s)
{
	const char *start = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
	{
		s->at++;
		ks_check_interrupts_at((uintptr_t) s->at);
	}
	return s->at > start;
}

static bool
scan_number(scanner *s)
{
	if (s->at < s->end && *s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!scan_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.')
	{
		s->at++;
		if (!scan_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E'))
	{
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!scan_digits(s))
			return false;
	}
	return true;
}

static bool
scan_word(scanner *s, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (s->end - s->at) < length || memcmp(s->at, word, length) != 0)
		return false;
	s->at += length;
	return true;
}

/* A scalar; is_null says whether it is null. */
static bool
scan_scalar(scanner *s, ks_field *token, bool *is_null)
{
	bool		valid;

	*is_null = false;
	if (*s->at == '"')
		return scan_string(s, token);
	token->start = s->at;
	token->escaped = false;
	switch (*s->at)
	{
		case 't':
			valid = scan_word(s, "true");
			break;
		case 'f':
			valid = scan_word(s, "false");
			break;
		case 'n':
			valid = scan_word(s, "null");
			*is_null = true;
			break;
		default:
			valid = scan_number(s);
			break;
	}
	token->length = (size_t) (s->at - token->start);
	return valid;
}

/* ------------------------------------------------------------------------
 * Strings
 * ------------------------------------------------------------------------
 */

static size_t
put_utf8(char *out, unsigned int c)
{
	if (c < 0x80)
	{
		out[0] = (char) c;
		return 1;
	}
	if (c < 0x800)
	{
		out[0] = (char) (0xC0 | (c >> 6));
		out[1] = (char) (0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000)
	{
		out[0] = (char) (0xE0 | (c >> 12));
		out[1] = (char) (0x80 | ((c >> 6) & 0x3F));
		out[2] = (char) (0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | (c >> 18));
	out[1] = (char) (0x80 | ((c >> 12) & 0x3F));
	out[2] = (char) (0x80 | ((c >> 6) & 0x3F));
	out[3] = (char) (0x80 | (c & 0x3F));
	return 4;
}

/*
 * The next character of a string that scan_string() took, or its next byte; gives
 * back how many bytes it has in the text, 0 where there is no such text.
 */
static size_t
next_character(const char **at, const char *end, bool utf8, char *out)
{
	static const char letters[] = "bfnrt";
	static const char meant[] = "\b\f\n\r\t";
	const char *letter;
	int			unit,
				second;

	if (**at != '\\')
	{
		*out = *(*at)++;
		return 1;
	}
	if ((*at)[1] != 'u')
	{
		letter = strchr(letters, (*at)[1]);
		*out = letter != NULL ? meant[letter - letters] : (*at)[1];
		*at += 2;
		return 1;
	}
	unit = hex_unit(*at + 2, end);
	*at += 6;
	if (unit <= 0 || (unit >= 0x80 && !utf8) || (unit >= 0xDC00 && unit < 0xE000))
		return 0;
	if (unit < 0xD800 || unit >= 0xE000)
		return put_utf8(out, (unsigned int) unit);
	/* the first half of a pair */
	if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0;
	second = hex_unit(*at + 2, end);
	*at += 6;
	if (second < 0xDC00 || second >= 0xE000)
		return 0;
	return put_utf8(out, 0x10000 + (((unsigned int) unit - 0xD800) << 10) + ((unsigned int) second - 0xDC00));
}

/*
 * The text of a scalar, without escapes; text has room for its length.  False
 * where that is no text: a zero byte, half a surrogate pair, or a character that
 * the encoding may not have.
 */
bool
ks_field_unescape(const ks_field *field, bool utf8, char *text, size_t *length)
{
	const char *at = field->start;
	const char *end = at + field->length;
	char	   *out = text;

	while (at < end)
	{
		size_t		size = next_character(&at, end, utf8, out);

		ks_check_interrupts_at((uintptr_t) at);
		if (size == 0)
			return false;
		out += size;
	}
	*length = (size_t) (out - text);
	return true;
}

static bool
is_named(const ks_field *key, const ks_field_part *part, bool utf8)
{
	const char *at = key->start;
	const char *end = at + key->length;
	size_t		done = 0;

	if (!key->escaped)
		return key->length == part->length && memcmp(key->start, part->name, part->length) == 0;
	while (at < end)
	{
		char		out[4];
		size_t		size = next_character(&at, end, utf8, out);

		if (size == 0 || size > part->length - done || memcmp(out, part->name + done, size) != 0)
			return false;
		done += size;
	}
	return done == part->length;
}

/* ------------------------------------------------------------------------
 * The walk
 * ------------------------------------------------------------------------
 */

/* Whether the element at hand of the innermost array lies on the path. */
static bool
is_numbered(const walk *w)
{
	return w->depth == w->live && w->path[w->depth - 1].index == w->index[w->depth];
}

/* A key and its colon. */
static bool
take_key(walk *w)
{
	ks_field	key;

	if (peek(&w->s) != '"' || !scan_string(&w->s, &key) || !take(&w->s, ':'))
		return false;
	w->wanted = w->depth == w->live && is_named(&key, &w->path[w->depth - 1], w->s.utf8);
	return true;
}

static bool
open_container(walk *w, char bracket)
{
	int			matched = w->depth;

	w->s.at++;
	if (w->depth == KS_FIELD_DEPTH)
		return false;
	w->open[++w->depth] = bracket;
	if (w->wanted && matched < w->count)
	{
		w->live = w->depth;
		w->index[w->depth] = 0;
	}
	return true;
}

static void
close_container(walk *w)
{
	w->s.at++;
	if (w->live == w->depth)
		w->live--;
	w->depth--;
}

static bool
take_scalar(walk *w)
{
	ks_field	token;
	bool		is_null;

	if (!scan_scalar(&w->s, &token, &is_null))
		return false;
	if (w->wanted && w->depth == w->count && !is_null)
	{
		w->found = true;
		w->field = token;
	}
	return true;
}

/* After a value: closes containers that end, up to where another value has to come. */
static bool
take_separator(walk *w)
{
	while (w->depth > 0)
	{
		char		bracket = w->open[w->depth];
		char		c = peek(&w->s);

		ks_check_interrupts_at((uintptr_t) w->s.at);
		if (c == ',')
		{
			w->s.at++;
			if (bracket == '{')
				return take_key(w);
			if (w->depth == w->live)
				w->index[w->depth]++;
			w->wanted = is_numbered(w);
			return true;
		}
		if (c != (bracket == '{' ? '}' : ']'))
			return false;
		close_container(w);
	}
	return true;
}

/* One value, or the beginning of one up to its first member's value; false where it is malformed. */
static bool
take_value(walk *w, bool *more)
{
	char		c = peek(&w->s);

	*more = false;
	if (w->s.at == w->s.end)
		return false;
	/* of equal names the last one counts */
	if (w->wanted)
		w->found = false;
	if (c != '{' && c != '[')
		return take_scalar(w);
	if (!open_container(w, c))
		return false;
	if (peek(&w->s) == (c == '{' ? '}' : ']'))
	{
		close_container(w);
		return true;
	}
	*more = true;
	if (c == '{')
		return take_key(w);
	w->wanted = is_numbered(w);
	return true;
}

/*
 * Finds the scalar at the end of a path.  False where there is none: nothing of
 * that name, null, an object, an array, or a document that is malformed or too
 * deep.
 */
bool
ks_field_find(const char *json, size_t length, const ks_field_part *path, int count, bool utf8, ks_field *field)
{
	walk		w;
	bool		more;

	w.s.at = json;
	w.s.end = json + length;
	w.s.utf8 = utf8;
	w.path = path;
	w.count = count;
	w.depth = 0;
	w.live = 0;
	w.wanted = true;
	w.found = false;
	do
	{
		if (!take_value(&w, &more) || (!more && !take_separator(&w)))
			return false;
	} while (w.depth > 0);
	skip_blanks(&w.s);
	if (w.s.at != w.s.end || !w.found)
		return false;
	*field = w.field;
	return true;
}

/* ------------------------------------------------------------------------
 * Numbers
 * ------------------------------------------------------------------------
 */

/* A whole number in decimal digits, at most with a sign and zeros after a point; false for anything else, and beyond 64 bits. */
bool
ks_whole_number(const char *text, size_t length, int64_t *value)
{
	bool		negative = length > 0 && text[0] == '-';
	size_t		i = negative || (length > 0 && text[0] == '+') ? 1 : 0;
	size_t		first = i;
	int64_t		result = 0;

	/* summed up below zero, where the smallest number fits, too */
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
	{
		ks_check_interrupts_at(i);
		if (__builtin_mul_overflow(result, (int64_t) 10, &result) || __builtin_sub_overflow(result, (int64_t) (text[i] - '0'), &result))
			return false;
	}
	if (i == first)
		return false;
	if (i < length && text[i] == '.')
	{
		for (i++; i < length && text[i] == '0'; i++)
			ks_check_interrupts_at(i);
		if (text[i - 1] == '.')
			return false;
	}
	if (i < length || (!negative && result == INT64_MIN))
		return false;
	*value = negative ? result : -result;
	return true;
}
