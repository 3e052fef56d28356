/*
 * The trigger of conversation tables: it notes which bots they have, and refuses what
 * would change a day that was exported, or lists that cannot be read.
 */
#include "conversation/conversation.h"

#include "base/compat.h"
#include "rollup/changes.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_guard_exported);

/* So many bots and days of one statement are looked for at once. */
#define BATCH_SIZE		4096

/* Where the table has what an export reads. */
typedef struct guarded_column
{
	AttrNumber	number;
	bool		by_value;
	int16		length;
} guarded_column;

typedef struct guard
{
	AttrNumber	bot_id;
	ks_bot_reader bot;
	AttrNumber	ended;
	int			ncolumns;
	guarded_column *columns;	/* all that are exported */
	AttrNumber	last_column;
	ks_reply_columns replies;
	ks_entries	days;			/* (bot, day) that are changed */
	const TriggerData *trigger;
	bool		any_bot;		/* a row of last_bot was written, and noted */
	int64		last_bot;
} guard;

static AttrNumber
guard_column(guard *g, TriggerData *trigger, const char *column, const char *logical)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	int			number = SPI_fnumber(desc, column);
	Form_pg_attribute attribute;

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("conversation table %s has no column \"%s\" for \"%s\"", trigger->tg_trigger->tgargs[0], column, logical),
				 errhint("If it was renamed, attach the table again with its new name, such as {\"%s\": \"new_name\"}; if it was dropped, with {\"%s\": null}.",
						 logical, logical)));
	attribute = TupleDescAttr(desc, number - 1);
	g->columns[g->ncolumns].number = (AttrNumber) number;
	g->columns[g->ncolumns].by_value = attribute->attbyval;
	g->columns[g->ncolumns].length = attribute->attlen;
	g->ncolumns++;
	g->last_column = Max(g->last_column, (AttrNumber) number);
	return (AttrNumber) number;
}

/* InvalidOid where the table is said to have no such column. */
static Oid
type_of_column(TriggerData *trigger, AttrNumber number)
{
	return number == InvalidAttrNumber ? InvalidOid :
		getBaseType(TupleDescAttr(RelationGetDescr(trigger->tg_relation), number - 1)->atttypid);
}

static void
start_guard(guard *g, TriggerData *trigger)
{
	Jsonb	   *columns = ks_mapping(trigger->tg_trigger->tgargs[1]);
	int			i;

	memset(g, 0, sizeof(*g));
	g->trigger = trigger;
	g->columns = palloc(ks_nproperties * sizeof(guarded_column));
	for (i = 0; i < ks_nproperties; i++)
	{
		const char *logical = ks_properties[i].name;
		const char *column = ks_column_of(columns, logical);
		AttrNumber	number;

		if (column == NULL)
			continue;
		number = guard_column(g, trigger, column, logical);
		if (strcmp(logical, "bot_id") == 0)
			g->bot_id = number;
		else if (strcmp(logical, "conversation_end_time") == 0)
			g->ended = number;
	}
	ks_bot_reader_init(&g->bot, type_of_column(trigger, g->bot_id));
	if (!ks_bot_type_fits(g->bot.type) || type_of_column(trigger, g->ended) != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("bot or end of conversations of table %s have become of types that cannot be read", trigger->tg_trigger->tgargs[0]),
				 errhint("Change the types back, or detach the table.")));
	ks_reply_columns_find(&g->replies, RelationGetDescr(trigger->tg_relation), columns, trigger->tg_trigger->tgargs[0]);
	ks_entries_init(&g->days, CurrentMemoryContext);
}

static int64
bot_of(guard *g, TupleTableSlot *row)
{
	return ks_bot_read(&g->bot, row->tts_values[g->bot_id - 1]);
}

static void
raise_exported(int64 bot_id, DateADT date)
{
	char	   *day = ks_day_text(date);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("conversations of bot %s that ended on %s have been exported and cannot be changed", ks_bot_text(bot_id), day),
			 errhint("Write a later \"conversation_end_time\", or let an administrator call kindly_stats.reopen_day(%s, '%s') first.",
					 bot_id < KS_BOT_LOWEST ? quote_literal_cstr(ks_bot_text(bot_id)) : ks_bot_text(bot_id), day)));
}

/* Runs a query about marks, which gives back the first bot and day of those that there are. */
static void
refuse_found(SPIPlanPtr plan, Datum *values)
{
	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_execute_plan(plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for exported days");
	PopActiveSnapshot();
	if (SPI_processed > 0)
	{
		bool		isnull;

		raise_exported(DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)),
					   DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
}

static Datum
bots_array(const ks_entry *days, uint32 count)
{
	Datum	   *bots = palloc(count * sizeof(Datum));
	uint32		i;

	for (i = 0; i < count; i++)
		bots[i] = Int64GetDatum((int64) days[i].member);
	return PointerGetDatum(construct_array(bots, (int) count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
days_array(const ks_entry *days, uint32 count)
{
	Datum	   *dates = palloc(count * sizeof(Datum));
	uint32		i;

	for (i = 0; i < count; i++)
		dates[i] = DateADTGetDatum(days[i].quarter);
	return PointerGetDatum(construct_array(dates, (int) count, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
}

static int
compare_bots(const void *a, const void *b)
{
	int64		x = (int64) ((const ks_entry *) a)->member;
	int64		y = (int64) ((const ks_entry *) b)->member;

	return (x > y) - (x < y);
}

/* A trigger on a shard may ask of one bot at a time. */
static void
refuse_exported_by_bot(const ks_entry *days, uint32 count)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8OID, DATEARRAYOID};
	ks_entry   *sorted = palloc(count * sizeof(ks_entry));
	uint32		begin,
				end;

	memcpy(sorted, days, count * sizeof(ks_entry));
	qsort(sorted, count, sizeof(ks_entry), compare_bots);
	ks_prepared_simple(&plan,
					   "SELECT x.bot_id, x.day FROM kindly_stats.exported AS x"
					   " WHERE x.bot_id OPERATOR(pg_catalog.=) $1 AND x.day OPERATOR(pg_catalog.=) ANY ($2) ORDER BY x.day LIMIT 1", 2, types);
	for (begin = 0; begin < count; begin = end)
	{
		Datum		values[2] = {Int64GetDatum((int64) sorted[begin].member)};

		CHECK_FOR_INTERRUPTS();
		for (end = begin + 1; end < count && sorted[end].member == sorted[begin].member; end++)
			;
		values[1] = days_array(sorted + begin, end - begin);
		refuse_found(plan, values);
	}
	pfree(sorted);
}

/* Makes the latest marks known, in whatever transaction; the caller acts as the owner of kindly_stats.exported. */
static void
refuse_exported(const ks_entry *days, uint32 count)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[2] = {INT8ARRAYOID, DATEARRAYOID};
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats days", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Datum		values[2];

	if (ks_is_distributed())
		refuse_exported_by_bot(days, count);
	else
	{
		values[0] = bots_array(days, count);
		values[1] = days_array(days, count);
		ks_prepared(&plan,
					"SELECT x.bot_id, x.day FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS d (bot_id, day)"
					" JOIN kindly_stats.exported AS x ON x.bot_id OPERATOR(pg_catalog.=) d.bot_id AND x.day OPERATOR(pg_catalog.=) d.day"
					" ORDER BY x.bot_id, x.day LIMIT 1", 2, types);
		refuse_found(plan, values);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

static void
check_days(guard *g)
{
	if (g->days.count == 0)
		return;
	ks_days_lock_to_write(g->days.entry, g->days.count);
	refuse_exported(g->days.entry, g->days.count);
}

/* Notes that the table has conversations of the row's bot, open ones, too. */
static void
note_bot(guard *g, TupleTableSlot *row)
{
	int64		bot_id;

	if (row->tts_isnull[g->bot_id - 1])
		return;
	bot_id = bot_of(g, row);
	if (g->any_bot && g->last_bot == bot_id)
		return;
	ks_note_bot(g->trigger->tg_trigger->tgoid, RelationGetRelid(g->trigger->tg_relation), bot_id);
	g->any_bot = true;
	g->last_bot = bot_id;
}

/* Notes the day on which the conversation of a row ended, if it did. */
static void
note_day(guard *g, TupleTableSlot *row)
{
	TimestampTz ended;

	if (row->tts_isnull[g->bot_id - 1] || row->tts_isnull[g->ended - 1])
		return;
	ended = DatumGetTimestampTz(row->tts_values[g->ended - 1]);
	/* those are on no day */
	if (TIMESTAMP_NOT_FINITE(ended))
		return;
	(void) ks_entries_number(&g->days, (uint64) bot_of(g, row), (int32) ks_day_of(ended));
	if (g->days.count < BATCH_SIZE)
		return;
	check_days(g);
	ks_entries_free(&g->days);
	ks_entries_init(&g->days, CurrentMemoryContext);
}

/* Whether an export reads the same of both rows. */
static bool
same_export(const guard *g, TupleTableSlot *one, TupleTableSlot *other)
{
	int			i;

	for (i = 0; i < g->ncolumns; i++)
	{
		const guarded_column *column = &g->columns[i];
		int			n = column->number - 1;

		if (one->tts_isnull[n] != other->tts_isnull[n] ||
			(!one->tts_isnull[n] &&
			 !datum_image_eq(one->tts_values[n], other->tts_values[n], column->by_value, column->length)))
			return false;
	}
	return true;
}

/* Rows of a pair that are the same take nothing away and add nothing, whether or not they are one conversation's. */
static void
read_changes(guard *g, const TriggerData *trigger)
{
	ks_changes	changes;

	ks_changes_begin(&changes, trigger, g->last_column);
	while (ks_changes_next(&changes))
	{
		TupleTableSlot *old_row = changes.old_row;
		TupleTableSlot *new_row = changes.new_row;

		if (new_row != NULL)
			note_bot(g, new_row);
		if (old_row != NULL && new_row != NULL && same_export(g, old_row, new_row))
			continue;
		if (new_row != NULL)
			ks_reply_columns_check(&g->replies, old_row, new_row);
		if (old_row != NULL)
			note_day(g, old_row);
		if (new_row != NULL)
			note_day(g, new_row);
	}
	ks_changes_end(&changes);
}

/* Trigger of conversation tables: notes which bots they have, refuses what would change an exported day, and lists that cannot be read. */
Datum
ks_guard_exported(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = ks_statement_trigger(fcinfo, "guard_exported", 2, "Use kindly_stats.attach_conversations().");
	guard		g;
	ks_identity caller;

	/* purge() leaves the day closed, so that its export is an error from then on and not an empty document */
	if (ks_keeps_statistics(trigger))
		return PointerGetDatum(NULL);
	caller = ks_switch_to_owner("exported");
	ks_spi_connect();
	start_guard(&g, trigger);
	read_changes(&g, trigger);
	check_days(&g);
	SPI_finish();
	ks_restore_user(caller);
	return PointerGetDatum(NULL);
}
