/*
 * SQL type tally: input, output, and the way from datums to views.
 *
 * Text is \x and hexadecimal digits, binary is the bytes themselves: both are
 * the stored form, which is the same on every platform (doc/format.md).
 */
#include "tally/tally.h"

#include "base/compat.h"

#include "access/detoast.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datum.h"

/*
 * glibc gives freed memory back to the system beyond 128 kB, and gets it anew
 * page by page: with each question, hundreds or thousands of page faults, which took as
 * long as all else.  Once a block as large as this was freed, it keeps twice as
 * much, as it does after any large sort: enough for a year of three hundred
 * series and their JSON.
 */
#define KEPT_BYTES (8 * 1024 * 1024)

/* At least so much is fetched of a stored tally, one chunk of TOAST, to see how much more is needed. */
#define FRONT_BYTES 1900

/* So many bytes are written in one go. */
#define PIECE (1024 * 1024)

PG_FUNCTION_INFO_V1(ks_tally_in);
PG_FUNCTION_INFO_V1(ks_tally_out);
PG_FUNCTION_INFO_V1(ks_tally_recv);
PG_FUNCTION_INFO_V1(ks_tally_send);

/* Every failure of the plain-C core, as the user sees it. */
void
ks_raise(ks_status status)
{
	switch (status)
	{
		case KS_E_VERSION:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("tally was written by a newer version of kindly_stats"),
					 errhint("Install that version and run ALTER EXTENSION kindly_stats UPDATE.")));
			break;
		case KS_E_OVERFLOW:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("weights of a tally add up to more than a bigint holds"),
					 errhint("Use a coarser unit for the weights.")));
			break;
		case KS_E_LIMIT:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("tally exceeds the maximum of %zu bytes", KS_TALLY_MAX_BYTES),
					 errhint("Group by month, or by a part of the key, to get several smaller tallies.")));
			break;
		case KS_E_CELLS:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("too many values in too many buckets"),
					 errhint("Choose a shorter range, a coarser granularity, or fewer values.")));
			break;
		case KS_E_CUT:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("bucket edge lies inside a quarter hour that has events"),
					 errdetail("Events are counted by UTC quarter hours, which cannot be divided."),
					 errhint("Choose another time zone, granularity or range, so that all edges fall on quarter hours.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("tally is damaged"),
					 errhint("Compute it again from its events.")));
	}
	pg_unreachable();
}

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

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two digits a byte and nothing between them; false where it is something else. */
static bool
decode_digits(const char *digits, size_t size, char *bytes)
{
	size_t		i;

	for (i = 0; i < size; i++)
	{
		int			high = hex_digit(digits[2 * i]);
		int			low = hex_digit(digits[2 * i + 1]);

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

/* Where the rest of a tally is, and what has been fetched of it. */
typedef struct stored_rest
{
	struct varlena *pointer;	/* into TOAST */
	MemoryContext fetched;
} stored_rest;

static const uint8_t *
fetch_stretch(void *source, size_t from, size_t length)
{
	stored_rest *rest = source;
	MemoryContext old = MemoryContextSwitchTo(rest->fetched);
	struct varlena *slice = PG_DETOAST_DATUM_SLICE(PointerGetDatum(rest->pointer), (int32) from, (int32) length);

	MemoryContextSwitchTo(old);
	return VARSIZE_ANY_EXHDR(slice) == length ? (const uint8_t *) VARDATA_ANY(slice) : NULL;
}

static void
release_stretches(void *source)
{
	MemoryContextReset(((stored_rest *) source)->fetched);
}

/* Opens the first bytes of what is in TOAST; what its header says of the size decides how much memory is taken. */
static struct varlena *
open_first_bytes(ks_view *view, Datum tally, size_t bytes)
{
	struct varlena *front = PG_DETOAST_DATUM_SLICE(tally, 0, (int32) bytes);

	ks_must(ks_view_open(view, VARDATA_ANY(front), VARSIZE_ANY_EXHDR(front)));
	if (view->header.size + VARHDRSZ != toast_raw_datum_size(tally))
		ks_raise(KS_E_CORRUPT);
	return front;
}

static void
keep_freed_memory(void)
{
	static bool done = false;

	if (!done)
		pfree(palloc_extended(KEPT_BYTES, MCXT_ALLOC_HUGE));
	done = true;
}

/*
 * A view of as much of a stored tally as the query reads of every row: the rest
 * stays in its TOAST table, and what turns out to be needed of it is fetched
 * row by row.  Everything lives in the current memory context, not in the row.
 */
void
ks_tally_open_front(ks_view *view, Datum tally, ks_query *query, bool mixed)
{
	struct varlena *front;
	stored_rest *rest;
	size_t		needed;

	keep_freed_memory();
	if (!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(tally)))
	{
		ks_tally_open(view, query->distinct ? PointerGetDatum(PG_DETOAST_DATUM_COPY(tally)) : tally);
		return;
	}
	front = open_first_bytes(view, tally, Max(query->front, FRONT_BYTES));
	needed = ks_query_reach(query, &view->header, mixed);
	if (needed > view->available)
	{
		pfree(front);
		open_first_bytes(view, tally, needed);
	}
	/* rows of one measure are alike: a little more than this one's will do for the next */
	query->front = needed + needed / 8;
	if (!query->distinct && !query->cut.any)
		return;
	rest = palloc(sizeof(stored_rest));
	rest->pointer = (struct varlena *) DatumGetPointer(datumCopy(tally, false, -1));
	rest->fetched = AllocSetContextCreate(CurrentMemoryContext, "stretches of a tally", ALLOCSET_SMALL_SIZES);
	view->source = rest;
	view->fetch = fetch_stretch;
	view->release = release_stretches;
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
