/*
 * Bots whose ids are texts: kindly_stats.known_bot lists them, so that a number
 * can be shown as the id that it was derived from.
 *
 * Whoever counts rows notes the ids that he meets, as the column has them: a
 * UUID may stand in a text in several cases, and whoever reads the user's table
 * by an index has to ask for each.  Integers are their own ids, and cost nothing
 * here.  How the list is kept is listed.c's subject.
 */
#include "rollup/listed.h"

#include "base/compat.h"
#include "base/hash.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(ks_note_bot_sql);

/* Columns of kindly_stats.known_bot, as create_tables() makes it. */
#define COLUMN_BOT	1
#define COLUMN_ID	2

/* So many ids a session remembers before it begins anew. */
#define KNOWN_MAX	32768

/* ------------------------------------------------------------------------
 * The list
 * ------------------------------------------------------------------------
 */

/* InvalidOid where no table was ever attached. */
static Oid
list_relid(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);

	return OidIsValid(schema) ? get_relname_relid("known_bot", schema) : InvalidOid;
}

/* Adds the id of a line to a list of strings. */
static bool
take_id(HeapTuple line, TupleDesc desc, void *ids)
{
	bool		isnull;
	char	   *id = TextDatumGetCString(heap_getattr(line, COLUMN_ID, desc, &isnull));
	ListCell   *cell;

	foreach(cell, *(List **) ids)
	{
		if (strcmp(lfirst(cell), id) == 0)
			return true;
	}
	*(List **) ids = lappend(*(List **) ids, id);
	return true;
}

/* The same where the list is distributed. */
static List *
listed_elsewhere(int64 bot_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot_id)};
	MemoryContext memory = CurrentMemoryContext;
	ks_identity caller;
	List	   *result = NIL;
	uint64		i;

	ks_spi_connect();
	caller = ks_switch_to_owner("known_bot");
	ks_prepared_simple(&plan, "SELECT k.bot_id, k.id FROM kindly_stats.known_bot AS k WHERE k.bot_id OPERATOR(pg_catalog.=) $1", 1, types);
	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read ids of bots");
	PopActiveSnapshot();
	for (i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);

		(void) take_id(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &result);
		MemoryContextSwitchTo(old);
	}
	ks_restore_user(caller);
	SPI_finish();
	return result;
}

/* The ids that are listed for a number, as strings. */
static List *
listed(int64 bot_id)
{
	Oid			relid = list_relid();
	ScanKeyData keys[1];
	List	   *result = NIL;

	if (!OidIsValid(relid))
		return NIL;
	if (ks_is_distributed())
		return listed_elsewhere(bot_id);
	ScanKeyInit(&keys[0], COLUMN_BOT, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bot_id));
	ks_list_read(relid, keys, 1, take_id, &result);
	return result;
}

/*
 * The ids that columns may have for a bot: of an integer its text, of others
 * those that are listed.
 */
List *
ks_bot_ids(int64 bot_id)
{
	return bot_id < KS_BOT_LOWEST ? listed(bot_id) : list_make1(psprintf(INT64_FORMAT, bot_id));
}

/* The id that a bot is shown by to whoever writes it: the user's, or the number where that is not known. */
char *
ks_bot_text(int64 bot_id)
{
	List	   *ids = ks_bot_ids(bot_id);

	return ids != NIL ? ks_bot_canonical(linitial(ids)) : psprintf(INT64_FORMAT, bot_id);
}

/* ------------------------------------------------------------------------
 * Noting
 * ------------------------------------------------------------------------
 */

/* Ids that are no longer than this are remembered as they are, others by a digest of 32 bytes. */
#define INLINE_BYTES	63
#define DIGEST_BYTES	32
#define IS_DIGEST		255

typedef struct known_id
{
	uint8		length;
	char		bytes[INLINE_BYTES];
} known_id;

typedef struct known_bot
{
	known_id	id;				/* hash key */
	int64		number;
} known_bot;

static ks_listed known = {
	.name = "kindly_stats bots", .key_size = sizeof(known_id), .entry_size = sizeof(known_bot), .most = KNOWN_MAX
};

static void
make_key(known_id *key, const char *id, size_t length)
{
	uint64_t	digest[8];

	memset(key, 0, sizeof(*key));
	if (length <= INLINE_BYTES)
	{
		key->length = (uint8) length;
		memcpy(key->bytes, id, length);
		return;
	}
	ks_blake2b(digest, DIGEST_BYTES, id, length);
	key->length = IS_DIGEST;
	memcpy(key->bytes, digest, DIGEST_BYTES);
}

/* Two texts may have one number: their statistics would be one.  It is as likely as guessing 62 bits. */
static void
refuse_namesake(int64 number, const char *id, List *ids)
{
	ListCell   *cell;

	foreach(cell, ids)
	{
		char	   *other = ks_bot_canonical(lfirst(cell));

		if (strcmp(other, ks_bot_canonical(id)) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("bots \"%s\" and \"%s\" have the same number", other, id),
					 errdetail("Both are derived to " INT64_FORMAT ".", number),
					 errhint("Give one of them another id.")));
	}
}

static void
append_line(int64 number, const char *id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(number), CStringGetTextDatum(id)};
	ks_identity caller;

	/* rows of a query may be on their way */
	ks_spi_connect();
	caller = ks_switch_to_owner("known_bot");
	ks_prepared_simple(&plan, "INSERT INTO kindly_stats.known_bot (bot_id, id) VALUES ($1, $2)", 2, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note a bot");
	ks_restore_user(caller);
	SPI_finish();
}

/* Lists an id, unless it is listed as it is written. */
static void
note_id(int64 number, const char *id)
{
	List	   *ids;
	ListCell   *cell;

	if (!OidIsValid(list_relid()))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table kindly_stats.known_bot is missing"),
				 errhint("Restore it, or drop kindly_stats.rollup, too, and attach the event tables again.")));
	ids = listed(number);
	foreach(cell, ids)
	{
		if (strcmp(lfirst(cell), id) == 0)
			return;
	}
	refuse_namesake(number, id, ids);
	ks_listed_uncommitted(&known);
	append_line(number, id);
}

static void
refuse_low(int64 number)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("bot " INT64_FORMAT " cannot be counted", number),
			 errhint("Numbers below " INT64_FORMAT " are those of bots whose ids are texts.", KS_BOT_LOWEST)));
}

/* Before bots are noted. */
void
ks_bots_begin(void)
{
	ks_listed_begin(&known, list_relid());
}

/* The number of the bot of a row that is being counted, who is known from now on. */
int64
ks_bot_note(const char *id, size_t length)
{
	known_id	key;
	known_bot  *entry;
	int64		number;

	make_key(&key, id, length);
	entry = ks_listed_find(&known, &key);
	if (entry != NULL)
		return entry->number;
	if (ks_bot_derive(id, length, &number))
	{
		char	   *text = pnstrdup(id, length);

		note_id(number, text);
		pfree(text);
	}
	else if (number < KS_BOT_LOWEST)
		refuse_low(number);
	entry = ks_listed_put(&known, &key);
	entry->number = number;
	return number;
}

/* note_bot(bot): where no table has had it yet, and its caller wrote the id as a text */
Datum
ks_note_bot_sql(PG_FUNCTION_ARGS)
{
	int64		number = PG_GETARG_INT64(0);
	const char *id = number < KS_BOT_LOWEST ? ks_bot_spelling(number) : NULL;

	if (id != NULL && OidIsValid(list_relid()) && listed(number) == NIL)
		append_line(number, id);
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * Reading a column
 * ------------------------------------------------------------------------
 */

/* Whether bots can be read from a column of a base type. */
bool
ks_bot_type_fits(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || ks_bot_is_text(type);
}

bool
ks_bot_is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID || type == UUIDOID;
}

void
ks_bot_reader_init(ks_bot_reader *reader, Oid type)
{
	reader->type = type;
	reader->any = false;
	if (ks_bot_is_text(type))
		ks_bots_begin();
}

static int64
read_text(ks_bot_reader *reader, const char *id, size_t length)
{
	if (reader->any && reader->length == length && memcmp(reader->last, id, length) == 0)
		return reader->number;
	reader->any = false;
	reader->number = ks_bot_note(id, length);
	reader->length = length;
	memcpy(reader->last, id, length);
	reader->any = true;
	return reader->number;
}

static int64
read_varlena(ks_bot_reader *reader, Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	size_t		length = VARSIZE_ANY_EXHDR(bytes);
	int64		result;

	if (reader->type == BPCHAROID)
		length = (size_t) bpchartruelen(VARDATA_ANY(bytes), (int) length);
	result = read_text(reader, VARDATA_ANY(bytes), length);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return result;
}

static int64
read_uuid(ks_bot_reader *reader, Datum value)
{
	char	   *id = DatumGetCString(DirectFunctionCall1(uuid_out, value));
	int64		result = read_text(reader, id, strlen(id));

	pfree(id);
	return result;
}

/* The bot of a row that is being counted. */
int64
ks_bot_read(ks_bot_reader *reader, Datum value)
{
	int64		result;

	switch (reader->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			result = DatumGetInt64(value);
			if (result < KS_BOT_LOWEST)
				refuse_low(result);
			return result;
		case UUIDOID:
			return read_uuid(reader, value);
		default:
			return read_varlena(reader, value);
	}
}
