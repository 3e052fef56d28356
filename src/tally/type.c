/*
 * SQL type tally: input, output, and the way from datums to views and back.
 *
 * Text is \x and hexadecimal digits, binary is the bytes themselves: both are
 * the stored form, which is the same on every platform (doc/format.md).
 */
#include "tally/tally.h"

#include "base/compat.h"
#include "base/integer.h"

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* So many bytes are written in one go. */
#define PIECE (1024 * 1024)

PG_FUNCTION_INFO_V1(ks_tally_in);
PG_FUNCTION_INFO_V1(ks_tally_out);
PG_FUNCTION_INFO_V1(ks_tally_recv);
PG_FUNCTION_INFO_V1(ks_tally_send);

/* Keys are text: they must be valid in this database's encoding, and have parts no longer than those that are counted. */
static bool
keys_right(const ks_view *view)
{
	ks_key_cursor cursor = ks_view_keys(view);
	ks_string	part;

	while (ks_key_next(&cursor))
	{
		ks_key		rest = cursor.key;

		CHECK_FOR_INTERRUPTS();
		while (ks_key_take(&rest, &part))
		{
			if (part.bytes != NULL &&
				(part.length > KS_PART_MAX || memchr(part.bytes, 0, part.length) != NULL ||
				 !pg_verify_mbstr(GetDatabaseEncoding(), (const char *) part.bytes, (int) part.length, true)))
				return false;
		}
	}
	return true;
}

/*
 * The one validator of bytes from outside, whichever way they came; NULL after a
 * soft error.  Those of an earlier version become what this one would have written.
 */
static struct varlena *
check_foreign(struct varlena *tally, size_t size, int code_if_corrupt, Node *escontext)
{
	bool		older = ks_is_older(VARDATA(tally), size);
	uint8_t    *renewed;
	ks_status	status = older ? ks_renew(VARDATA(tally), size, CurrentMemoryContext, VARHDRSZ, &renewed, &size)
		: ks_check(VARDATA(tally), size, CurrentMemoryContext);
	ks_view		view;

	if (status == KS_E_TRUNCATED || status == KS_E_CORRUPT)
		ereturn(escontext, NULL,
				(errcode(code_if_corrupt),
				 errmsg(code_if_corrupt == ERRCODE_INVALID_BINARY_REPRESENTATION
						? "invalid binary representation of type %s" : "invalid input syntax for type %s",
						"kindly_stats.tally"),
				 errdetail("The bytes are not those of a well-formed tally."),
				 errhint("Compute the tally again from its events.")));
	ks_must(status);
	if (older)
		tally = (struct varlena *) renewed;
	SET_VARSIZE(tally, VARHDRSZ + size);
	ks_must(ks_view_open(&view, VARDATA(tally), size));
	if (!keys_right(&view))
		ereturn(escontext, NULL,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("tally has a key that is too long, or not valid in encoding \"%s\"", GetDatabaseEncodingName()),
				 errhint("Compute the tally in this database from its events.")));
	return tally;
}

/* Two digits a byte and nothing between them; false where it is something else. */
static bool
decode_digits(const char *digits, size_t size, char *bytes)
{
	size_t		i;

	for (i = 0; i < size; i++)
	{
		int			high = ks_hex_digit(digits[2 * i]);
		int			low = ks_hex_digit(digits[2 * i + 1]);

		ks_check_interrupts_at(i);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (char) (high << 4 | low);
	}
	return true;
}

Datum
ks_tally_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	size_t		length = strlen(text);
	size_t		size = length / 2 - 1;	/* digits without the \x, two a byte */
	struct varlena *result;

	if (length < 2 || length % 2 != 0 || text[0] != '\\' || text[1] != 'x')
		result = NULL;
	else
		result = palloc_extended(VARHDRSZ + size, MCXT_ALLOC_HUGE);
	if (result == NULL || !decode_digits(text + 2, size, VARDATA(result)))
		ereturn(ks_escontext(fcinfo), (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "kindly_stats.tally"),
				 errhint("A tally is written as \\x and hexadecimal digits; build one with tally_agg().")));
	result = check_foreign(result, size, ERRCODE_INVALID_TEXT_REPRESENTATION, ks_escontext(fcinfo));
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(result);
}

Datum
ks_tally_out(PG_FUNCTION_ARGS)
{
	struct varlena *tally = PG_GETARG_VARLENA_PP(0);
	size_t		size = VARSIZE_ANY_EXHDR(tally);
	char	   *result = palloc_extended(2 * size + 3, MCXT_ALLOC_HUGE);
	size_t		at;

	result[0] = '\\';
	result[1] = 'x';
	for (at = 0; at < size; at += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		hex_encode(VARDATA_ANY(tally) + at, Min(size - at, PIECE), result + 2 + 2 * at);
	}
	result[2 + 2 * size] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
ks_tally_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;
	struct varlena *result = palloc(VARHDRSZ + size);

	pq_copymsgbytes(message, VARDATA(result), size);
	PG_RETURN_POINTER(check_foreign(result, size, ERRCODE_INVALID_BINARY_REPRESENTATION, NULL));
}

Datum
ks_tally_send(PG_FUNCTION_ARGS)
{
	struct varlena *tally = PG_GETARG_VARLENA_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(tally), (int) VARSIZE_ANY_EXHDR(tally));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* A view of the whole tally. */
void
ks_tally_open(ks_view *view, Datum tally)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(tally);

	ks_must(ks_view_open(view, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)));
	if (view->header.size != view->available)
		ks_raise(KS_E_CORRUPT);
}

/* The stored form of a builder, in the builder's memory. */
struct varlena *
ks_tally_pack(ks_builder *builder)
{
	uint8_t    *bytes;
	size_t		size;

	ks_must(ks_pack(builder, VARHDRSZ, &bytes, &size));
	SET_VARSIZE(bytes, VARHDRSZ + size);
	return (struct varlena *) bytes;
}
