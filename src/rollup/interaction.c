/*
 * The catalogue of interactions.
 *
 * Reports list interactions that nobody has reached, too.  Those that were ever
 * reached are keys of the rollup, so that writing an event costs nothing more;
 * kindly_stats.interaction has the others: those that somebody put there by
 * hand, and those that a statement takes events away from, which may be the
 * last ones.
 *
 * It is appended to and has no key of what it lists: two who delete events of
 * the same interaction do not wait for each other, and may leave two lines.
 */
#include "rollup/interaction.h"

#include "base/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_interaction_names);

/* bot, parts */
#define COLUMNS (1 + KS_INTERACTION_PARTS)

/* ------------------------------------------------------------------------
 * What a statement takes away
 * ------------------------------------------------------------------------
 */

/* What the keys of the measure begin with in a mixed tally. */
static ks_string
measure_prefix(void)
{
	uint8_t    *bytes = palloc(sizeof(KS_INTERACTIONS) + KS_VARINT_MAX);

	return (ks_string) {bytes, (size_t) (ks_key_put(bytes, KS_INTERACTIONS, strlen(KS_INTERACTIONS)) - bytes)};
}

static bool
begins_with(ks_string key, ks_string prefix)
{
	return key.length >= prefix.length && memcmp(key.bytes, prefix.bytes, prefix.length) == 0;
}

/* Whether a group has the measure at all: most have not. */
static bool
has_interactions(const ks_month_tally *group, ks_string prefix)
{
	uint32		i;

	for (i = 0; i < group->builder.keys.count; i++)
	{
		if (begins_with(ks_dictionary_get(&group->builder.keys, i), prefix))
			return true;
	}
	return false;
}

/* Adds the interactions that a group takes more events from than it adds: bot and parts. */
static void
add_removed(ks_dictionary *removed, const ks_month_tally *group, ks_string prefix)
{
	const ks_builder *b = &group->builder;
	int64	   *sums = palloc0((b->keys.count + 1) * sizeof(int64));
	uint32		i;

	for (i = 0; i < b->weights.count; i++)
		sums[b->weights.entry[i].key] += b->weights.entry[i].weight;
	for (i = 0; i < b->keys.count; i++)
	{
		ks_string	key = ks_dictionary_get(&b->keys, i);
		ks_string	part;
		uint8_t    *bytes;
		int			n;

		CHECK_FOR_INTERRUPTS();
		if (sums[i] >= 0 || !begins_with(key, prefix))
			continue;
		for (n = 0; n <= KS_DIMENSIONS; n++)
			(void) ks_key_shift(&key, &part);
		bytes = palloc(sizeof(int64) + key.length);
		memcpy(bytes, &group->bot_id, sizeof(int64));
		memcpy(bytes + sizeof(int64), key.bytes, key.length);
		(void) ks_dictionary_put(removed, (ks_string) {bytes, sizeof(int64) + key.length});
		pfree(bytes);
	}
	pfree(sums);
}

/* Columns of what was removed, as arrays. */
static void
make_arrays(const ks_dictionary *removed, Datum *arrays)
{
	int			count = (int) removed->count;
	Datum	   *values[COLUMNS];
	bool	   *nulls[COLUMNS];
	int			lower = 1;
	int			i;
	int			n;

	for (n = 0; n < COLUMNS; n++)
	{
		values[n] = palloc(count * sizeof(Datum));
		nulls[n] = palloc0(count * sizeof(bool));
	}
	for (i = 0; i < count; i++)
	{
		ks_string	key = ks_dictionary_get(removed, (uint32) i);
		int64		bot_id;

		memcpy(&bot_id, key.bytes, sizeof(int64));
		values[0][i] = Int64GetDatum(bot_id);
		key.bytes += sizeof(int64);
		key.length -= sizeof(int64);
		for (n = 1; n < COLUMNS; n++)
		{
			ks_string	part = {NULL, 0};

			(void) ks_key_shift(&key, &part);
			nulls[n][i] = part.bytes == NULL;
			if (part.bytes != NULL)
				values[n][i] = PointerGetDatum(cstring_to_text_with_len((const char *) part.bytes, (int) part.length));
		}
	}
	arrays[0] = PointerGetDatum(construct_array(values[0], count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	for (n = 1; n < COLUMNS; n++)
		arrays[n] = PointerGetDatum(construct_md_array(values[n], nulls[n], 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

#define INSERT_REMOVED \
	"INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id)" \
	" SELECT n.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)," \
	" pg_catalog.unnest($5), pg_catalog.unnest($6)) AS n"

#define BUT_THOSE_LISTED \
	" EXCEPT SELECT i.bot_id, i.interaction_type, i.interaction_name, i.interaction_id, i.interaction_parent_id, i.story_id" \
	" FROM kindly_stats.interaction AS i WHERE i.bot_id OPERATOR(pg_catalog.=) ANY ($1)"

/* The bot and the parts of what was removed, as parameters. */
static void
make_values(ks_string key, Datum *values, char *nulls)
{
	int64		bot_id;
	int			n;

	memcpy(&bot_id, key.bytes, sizeof(int64));
	values[0] = Int64GetDatum(bot_id);
	nulls[0] = ' ';
	key.bytes += sizeof(int64);
	key.length -= sizeof(int64);
	for (n = 1; n < COLUMNS; n++)
	{
		ks_string	part = {NULL, 0};

		(void) ks_key_shift(&key, &part);
		nulls[n] = part.bytes == NULL ? 'n' : ' ';
		if (part.bytes != NULL)
			values[n] = PointerGetDatum(cstring_to_text_with_len((const char *) part.bytes, (int) part.length));
	}
}

/* A trigger on a shard may ask of one bot at a time, so it goes one by one. */
static void
insert_removed_one_by_one(const ks_dictionary *removed, bool blind)
{
	static SPIPlanPtr find = NULL;
	static SPIPlanPtr add = NULL;
	Oid			types[COLUMNS] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[COLUMNS];
	char		nulls[COLUMNS];
	uint32		i;

#define SAME(column, number) \
	" AND (i." column " OPERATOR(pg_catalog.=) " number " OR (i." column " IS NULL AND " number " IS NULL))"

	ks_prepared_simple(&find, "SELECT 1 FROM kindly_stats.interaction AS i WHERE i.bot_id OPERATOR(pg_catalog.=) $1"
					   SAME("interaction_type", "$2") SAME("interaction_name", "$3") SAME("interaction_id", "$4")
					   SAME("interaction_parent_id", "$5") SAME("story_id", "$6") " LIMIT 1", COLUMNS, types);
	ks_prepared_simple(&add, "INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id)"
					   " VALUES ($1, $2, $3, $4, $5, $6)", COLUMNS, types);
	for (i = 0; i < removed->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		make_values(ks_dictionary_get(removed, i), values, nulls);
		if (!blind && SPI_execute_plan(find, values, nulls, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not look for interactions");
		if (!blind && SPI_processed > 0)
			continue;
		if (SPI_execute_plan(add, values, nulls, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "could not note interactions");
	}
}

/* What a serializable transaction looks at may make it fail; one that does not look may list what is listed. */
static void
insert_removed(const ks_dictionary *removed)
{
	static SPIPlanPtr plan_looking = NULL;
	static SPIPlanPtr plan_blind = NULL;
	Oid			types[COLUMNS] = {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum		arrays[COLUMNS];
	bool		blind = IsolationIsSerializable();
	SPIPlanPtr *plan = blind ? &plan_blind : &plan_looking;
	ks_identity caller = ks_switch_to_owner("interaction");

	if (ks_is_distributed())
	{
		insert_removed_one_by_one(removed, blind);
		ks_restore_user(caller);
		return;
	}
	make_arrays(removed, arrays);
	ks_prepared(plan, blind ? INSERT_REMOVED : INSERT_REMOVED BUT_THOSE_LISTED, COLUMNS, types);
	if (SPI_execute_plan(*plan, arrays, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note interactions");
	ks_restore_user(caller);
}

/* Lists the interactions that consolidated groups take events away from.  The caller is connected to SPI. */
void
ks_note_interactions(ks_month_tally *const *groups, int count)
{
	MemoryContext memory;
	MemoryContext old;
	ks_string	prefix;
	ks_dictionary removed;
	int			i;

	/* an update of what nobody counts */
	if (count == 0)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats interactions", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	prefix = measure_prefix();
	ks_dictionary_init(&removed, memory);
	for (i = 0; i < count; i++)
	{
		if (has_interactions(groups[i], prefix))
			add_removed(&removed, groups[i], prefix);
	}
	if (removed.count > 0)
		insert_removed(&removed);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

/* Room for so many keys, in the current memory, which must outlive SPI. */
static void
start_keys(ks_interaction_keys *found, uint64 count, MemoryContext memory)
{
	found->count = 0;
	found->keys = MemoryContextAllocHuge(memory, (count + 1) * sizeof(ks_string));
	found->at = MemoryContextAllocHuge(memory, (count + 1) * sizeof(int64));
}

/* The key of a line of the catalogue, whose columns begin with the parts, without source and language. */
static ks_string
key_of_line(HeapTuple line, TupleDesc desc, MemoryContext memory)
{
	text	   *parts[KS_INTERACTION_PARTS];
	size_t		size = KS_DIMENSIONS;
	uint8_t    *bytes;
	uint8_t    *at;
	int			n;

	for (n = 0; n < KS_INTERACTION_PARTS; n++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(line, desc, n + 1, &isnull);

		parts[n] = isnull ? NULL : DatumGetTextPP(value);
		size += KS_VARINT_MAX + (isnull ? 0 : VARSIZE_ANY_EXHDR(parts[n]));
	}
	bytes = at = MemoryContextAlloc(memory, size);
	for (n = 0; n < KS_DIMENSIONS; n++)
		at = ks_key_put(at, NULL, 0);
	for (n = 0; n < KS_INTERACTION_PARTS; n++)
		at = parts[n] == NULL ? ks_key_put(at, NULL, 0) :
			ks_key_put(at, VARDATA_ANY(parts[n]), ks_part_length(VARDATA_ANY(parts[n]), VARSIZE_ANY_EXHDR(parts[n])));
	return (ks_string) {bytes, (size_t) (at - bytes)};
}

/* What the catalogue lists of a bot, as far as the caller may see it, and when that was put there. */
void
ks_interactions_noted(int64 bot_id, ks_interaction_keys *found)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext memory = CurrentMemoryContext;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot_id)};
	char		nulls[1];
	ks_reader	reader;
	uint64		i;

	ks_reader_begin(&reader);
	nulls[0] = ks_reader_sees(&reader, bot_id) ? ' ' : 'n';
	ks_prepared(&plan, "SELECT i.interaction_type, i.interaction_name, i.interaction_id, i.interaction_parent_id, i.story_id, pg_catalog.max(i.noted_at)"
				" FROM kindly_stats.interaction AS i WHERE i.bot_id OPERATOR(pg_catalog.=) $1 GROUP BY 1, 2, 3, 4, 5", 1, types);
	if (SPI_execute_plan(plan, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read interactions");
	start_keys(found, SPI_processed, memory);
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	line = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		found->keys[found->count] = key_of_line(line, desc, memory);
		found->at[found->count++] = DatumGetTimestampTz(SPI_getbinval(line, desc, KS_INTERACTION_PARTS + 1, &isnull));
	}
	ks_reader_end(&reader);
}

/* interaction_names(bot): interactions of the catalogue that have both an id and a name */
Datum
ks_interaction_names(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;
	ks_interaction_keys noted;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	ks_interactions_noted(PG_GETARG_INT64(0), &noted);
	for (i = 0; i < noted.count; i++)
	{
		ks_string	key = noted.keys[i];
		ks_string	parts[KS_DIMENSIONS + KS_INTERACTION_PARTS];
		const ks_string *name = &parts[KS_DIMENSIONS + 1];
		const ks_string *id = &parts[KS_DIMENSIONS + 2];
		Datum		values[2];
		bool		nulls[2] = {false};
		int			n;

		CHECK_FOR_INTERRUPTS();
		for (n = 0; n < lengthof(parts); n++)
			(void) ks_key_shift(&key, &parts[n]);
		if (id->bytes == NULL || name->bytes == NULL)
			continue;
		values[0] = PointerGetDatum(cstring_to_text_with_len((const char *) id->bytes, (int) id->length));
		values[1] = PointerGetDatum(cstring_to_text_with_len((const char *) name->bytes, (int) name->length));
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The keys of a tally, each with the last quarter in which something of it is left. */
static void
last_quarters(const ks_view *view, ks_interaction_keys *found, MemoryContext memory)
{
	ks_key_cursor cursor = ks_view_keys(view);

	start_keys(found, cursor.left, memory);
	while (ks_key_next(&cursor))
	{
		ks_quarter_cursor quarters = ks_key_weights(view, &cursor);
		int64		last = PG_INT64_MIN;
		int32_t		quarter;
		int64_t		weight;

		CHECK_FOR_INTERRUPTS();
		while (ks_quarter_next(&quarters, &quarter, &weight))
		{
			if (weight > 0)
				last = quarter;
		}
		ks_must(quarters.status);
		if (last == PG_INT64_MIN)
			continue;
		found->keys[found->count] = ks_key_join(MemoryContextAlloc(memory, cursor.key.head.length + cursor.key.tail.length + 1), &cursor.key);
		found->at[found->count++] = last;
	}
	ks_must(cursor.status);
}

/*
 * The interactions of the last month before this one that has any, and the last
 * quarter of each; false where there is none.
 */
bool
ks_interactions_used(int64 bot_id, DateADT *month, ks_interaction_keys *found)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext memory = CurrentMemoryContext;
	Oid			types[3] = {INT8OID, DATEOID, TEXTOID};
	Datum		values[3] = {Int64GetDatum(bot_id), DateADTGetDatum(*month), CStringGetTextDatum(KS_INTERACTIONS)};
	char		nulls[3] = {' ', ' ', ' '};
	ks_reader	reader;
	bool		any;
	bool		isnull;
	ks_view		view;

	ks_reader_begin(&reader);
	if (!ks_reader_sees(&reader, bot_id))
		nulls[0] = 'n';
#define SPANS(alias) \
	" FROM kindly_stats.rollup AS " alias " WHERE " alias ".bot_id OPERATOR(pg_catalog.=) $1 AND " alias ".month OPERATOR(pg_catalog.=) '-infinity' AND " alias ".id OPERATOR(pg_catalog.>=) 0"

	ks_prepared(&plan,
				"WITH last AS MATERIALIZED (SELECT GREATEST("
				"(SELECT pg_catalog.max(m.month) FROM kindly_stats.rollup AS m WHERE m.bot_id OPERATOR(pg_catalog.=) $1"
				" AND m.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $3]) AND m.month OPERATOR(pg_catalog.<) $2 AND m.month OPERATOR(pg_catalog.>) '-infinity'),"
				"(SELECT pg_catalog.max(s.month) FROM (SELECT kindly_stats.months(n.tally) AS month" SPANS("n") ") AS s WHERE s.month OPERATOR(pg_catalog.<) $2)) AS month)"
				" SELECT l.month, kindly_stats.sum(CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.keys_under(r.tally, $3) ELSE r.tally END)"
				" FROM last AS l CROSS JOIN LATERAL (SELECT r.measure, r.tally FROM kindly_stats.rollup AS r"
				" WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', $3]) AND r.month OPERATOR(pg_catalog.=) l.month"
				" UNION ALL SELECT '', kindly_stats.slice(n.tally, pg_catalog.timezone('UTC', l.month::pg_catalog.timestamp),"
				" pg_catalog.timezone('UTC', l.month OPERATOR(pg_catalog.+) interval '1 month'))" SPANS("n") ") AS r"
				" WHERE l.month IS NOT NULL GROUP BY l.month", 3, types);
#undef SPANS
	if (SPI_execute_plan(plan, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
	any = SPI_processed > 0;
	if (any)
	{
		*month = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		ks_tally_open(&view, SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
		last_quarters(&view, found, memory);
	}
	ks_reader_end(&reader);
	return any;
}
