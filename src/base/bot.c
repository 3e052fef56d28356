/*
 * Bots: the ids that users give them, and the numbers that stand for these.
 *
 * An integer is its own number.  Any other id is a text, whose number is made
 * of the first 62 bits of its hash and lies below KS_BOT_LOWEST: so a text and
 * an integer never have the same number, and the rollup's rows, locks and
 * policies deal with numbers alone.  A UUID is a text in lower case.
 * doc/format.md has the derivation, which is stored and never changes.
 */
#include "base/bot.h"
#include "base/compat.h"
#include "base/hash.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(ks_bot_id_in);
PG_FUNCTION_INFO_V1(ks_bot_id_out);
PG_FUNCTION_INFO_V1(ks_bot_id_recv);
PG_FUNCTION_INFO_V1(ks_bot_id_send);
PG_FUNCTION_INFO_V1(ks_bot_id_from_text);
PG_FUNCTION_INFO_V1(ks_bot_id_from_bpchar);
PG_FUNCTION_INFO_V1(ks_bot_id_from_uuid);
PG_FUNCTION_INFO_V1(ks_bot_id_from_numeric);
PG_FUNCTION_INFO_V1(ks_bot_id_from_int2);
PG_FUNCTION_INFO_V1(ks_bot_id_from_int4);

/* A value is passed as a bigint is. */
StaticAssertDecl(SIZEOF_DATUM == 8, "a bot's number is passed by value");

#define UUID_TEXT 36

/* Length of the longest integer, -9223372036854775808. */
#define INTEGER_MAX 20

/* The number whose decimal form a text is; false for any other text, including one with leading zeros or a plus sign. */
static bool
read_integer(const char *id, size_t length, int64 *number)
{
	char		text[INTEGER_MAX + 1];
	char		canonical[MAXINT8LEN + 1];
	char	   *end;

	if (length == 0 || length > INTEGER_MAX || !(id[0] == '-' || (id[0] >= '0' && id[0] <= '9')))
		return false;
	memcpy(text, id, length);
	text[length] = '\0';
	errno = 0;
	*number = strtoi64(text, &end, 10);
	if (errno != 0 || *end != '\0' || end != text + length)
		return false;
	pg_lltoa(*number, canonical);
	return strcmp(canonical, text) == 0;
}

/* A UUID of 36 characters in lower case; false for any other text. */
static bool
read_uuid(const char *id, size_t length, char *result)
{
	int			i;

	if (length != UUID_TEXT)
		return false;
	for (i = 0; i < UUID_TEXT; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (id[i] != '-')
				return false;
		}
		else if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f') || (id[i] >= 'A' && id[i] <= 'F')))
			return false;
		result[i] = id[i] >= 'A' && id[i] <= 'F' ? (char) (id[i] - 'A' + 'a') : id[i];
	}
	return true;
}

bool
ks_bot_is_uuid(const char *id)
{
	char		uuid[UUID_TEXT];

	return read_uuid(id, strlen(id), uuid);
}

/* The same id for the same bot: UUIDs are put into lower case.  The result is a new string. */
char *
ks_bot_canonical(const char *id)
{
	char		uuid[UUID_TEXT];
	size_t		length = strlen(id);

	return read_uuid(id, length, uuid) ? pnstrdup(uuid, UUID_TEXT) : pnstrdup(id, length);
}

/*
 * The texts that this session derived numbers from last, so that a function whose
 * argument is a bot can still note how its caller wrote it.
 */
#define SPELLINGS 64

typedef struct spelling
{
	int64		number;			/* 0: none yet */
	char	   *id;
} spelling;

static spelling spellings[SPELLINGS];

static void
remember_spelling(int64 number, const char *id, size_t length)
{
	spelling   *s = &spellings[(uint64) number % SPELLINGS];

	if (s->number == number)
		return;
	s->number = 0;
	s->id = s->id == NULL ? MemoryContextAlloc(TopMemoryContext, length + 1) : repalloc(s->id, length + 1);
	memcpy(s->id, id, length);
	s->id[length] = '\0';
	s->number = number;
}

/* The text that a number was derived from lately, or NULL. */
const char *
ks_bot_spelling(int64 number)
{
	const spelling *s = &spellings[(uint64) number % SPELLINGS];

	return s->number == number && number != 0 ? s->id : NULL;
}

/* The number of the bot with this id; true where it was derived, false where the text is the number itself. */
bool
ks_bot_derive(const char *id, size_t length, int64 *result)
{
	char		uuid[UUID_TEXT];
	uint64		hash;

	if (length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a bot's id must not be empty")));
	if (length > KS_BOT_ID_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a bot's id has %zu bytes, %d are the most", length, KS_BOT_ID_MAX)));
	if (read_integer(id, length, result))
		return false;
	if (read_uuid(id, length, uuid))
		id = uuid;
	/* remembers what it has hashed lately, as verify() needs it */
	hash = ks_hash_member(id, length);
	*result = (int64) ((hash & ~(UINT64CONST(3) << 62)) | UINT64CONST(1) << 63);
	remember_spelling(*result, id, length);
	return true;
}

int64
ks_bot_number(const char *id, size_t length)
{
	int64		result;

	(void) ks_bot_derive(id, length, &result);
	return result;
}

/* ------------------------------------------------------------------------
 * The type
 * ------------------------------------------------------------------------
 */

Datum
ks_bot_id_in(PG_FUNCTION_ARGS)
{
	const char *id = PG_GETARG_CSTRING(0);

	PG_RETURN_INT64(ks_bot_number(id, strlen(id)));
}

Datum
ks_bot_id_out(PG_FUNCTION_ARGS)
{
	char	   *result = palloc(MAXINT8LEN + 1);

	pg_lltoa(PG_GETARG_INT64(0), result);
	PG_RETURN_CSTRING(result);
}

Datum
ks_bot_id_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(pq_getmsgint64((StringInfo) PG_GETARG_POINTER(0)));
}

Datum
ks_bot_id_send(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint64(&buffer, PG_GETARG_INT64(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
ks_bot_id_from_text(PG_FUNCTION_ARGS)
{
	text	   *id = PG_GETARG_TEXT_PP(0);

	PG_RETURN_INT64(ks_bot_number(VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id)));
}

Datum
ks_bot_id_from_bpchar(PG_FUNCTION_ARGS)
{
	BpChar	   *id = PG_GETARG_BPCHAR_PP(0);

	PG_RETURN_INT64(ks_bot_number(VARDATA_ANY(id), (size_t) bpchartruelen(VARDATA_ANY(id), (int) VARSIZE_ANY_EXHDR(id))));
}

Datum
ks_bot_id_from_uuid(PG_FUNCTION_ARGS)
{
	char	   *id = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)));

	PG_RETURN_INT64(ks_bot_number(id, strlen(id)));
}

Datum
ks_bot_id_from_numeric(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	bool		finite = !numeric_is_nan(DatumGetNumeric(value)) && !numeric_is_inf(DatumGetNumeric(value));
	int64		number = finite ? DatumGetInt64(DirectFunctionCall1(numeric_int8, value)) : 0;

	/* numeric_int8 rounds */
	if (!finite || !DatumGetBool(DirectFunctionCall2(numeric_eq, value, DirectFunctionCall1(int8_numeric, Int64GetDatum(number)))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s is no bot's id", DatumGetCString(DirectFunctionCall1(numeric_out, value))),
				 errhint("An id is a whole number or a text.")));
	PG_RETURN_INT64(number);
}

Datum
ks_bot_id_from_int2(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_INT16(0));
}

Datum
ks_bot_id_from_int4(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_INT32(0));
}
