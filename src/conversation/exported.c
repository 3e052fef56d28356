/*
 * Exported days: conversations that ended on a day that was exported change no
 * more.
 *
 * A day is closed by a mark in kindly_stats.exported; a statement trigger on
 * conversation tables refuses what would change what a marked day exports.
 * Neither may miss the other: a writer holds a shared lock on each bot and day
 * that it touched before it looks for marks, until its transaction ends; who
 * closes a day holds the exclusive one before he looks at the conversations.
 * So he waits for writers in flight, and writers wait for him and then see his
 * mark, which they look for as of now, not as of their transaction's snapshot.
 *
 * The lock is no table's: writers of other days, which are nearly all, never
 * wait for an export, however long it takes.  A transaction that touches very
 * many days takes one shared lock on all of them instead, which whoever closes
 * a day takes, too, in a mode that only conflicts with that.
 */
#include "conversation/conversation.h"

#include "base/compat.h"
#include "rollup/changes.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_guard_exported);
PG_FUNCTION_INFO_V1(ks_close_day);
PG_FUNCTION_INFO_V1(ks_reopen_day);
PG_FUNCTION_INFO_V1(ks_lock_exported);
PG_FUNCTION_INFO_V1(ks_lock_closing);
PG_FUNCTION_INFO_V1(ks_conversations_ended_sql);

/* Setting kindly_stats.wait_for_writers. */
bool		ks_wait_for_writers = true;

/* So many days a transaction locks one by one: the server's table of locks has room for some thousands. */
#define DAY_LOCKS_MAX	64

/* So many bots and days of one statement are looked for at once. */
#define BATCH_SIZE		4096

/* ------------------------------------------------------------------------
 * Days and their locks
 * ------------------------------------------------------------------------
 */

char *
ks_day_text(DateADT day)
{
	int			year,
				month,
				mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return psprintf("%04d-%02d-%02d", year, month, mday);
}

static LOCKTAG
lock_of_day(int64 bot_id, DateADT day)
{
	LOCKTAG		tag;

	/* bots that share a hash wait for each other, no more */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, hash_bytes((unsigned char *) &bot_id, sizeof(bot_id)), (uint32) day, KS_LOCK_OF_DAY);
	return tag;
}

static LOCKTAG
lock_of_all(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, KS_LOCK_OF_ALL);
	return tag;
}

/*
 * The day first: a writer who holds the shared lock of a day may still want the
 * one of all, and would wait for us while we wait for him.
 */
static void
lock_to_close_here(int64 bot_id, DateADT day, bool at_once)
{
	LOCKTAG		one = lock_of_day(bot_id, day);
	LOCKTAG		all = lock_of_all();

	if (LockAcquire(&one, ExclusiveLock, false, at_once) == LOCKACQUIRE_NOT_AVAIL ||
		LockAcquire(&all, RowExclusiveLock, false, at_once) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("day %s of bot %s is being written or exported right now", ks_day_text(day), ks_reader_bot_text(bot_id)),
				 errhint("Try again when those transactions have ended.")));
}

/*
 * Writers have their locks on the node that has the bot's rows, and so must whoever closes a day: an
 * aggregate over rows of the bot is worked out there, and what is made of it, too.  The caller is connected to SPI.
 */
static void
lock_to_close(int64 bot_id, DateADT day)
{
	Oid			types[3] = {INT8OID, DATEOID, BOOLOID};
	Datum		values[3] = {Int64GetDatum(bot_id), DateADTGetDatum(day), BoolGetDatum(!ks_wait_for_writers)};
	ks_identity caller;

	if (!ks_is_distributed())
	{
		lock_to_close_here(bot_id, day, !ks_wait_for_writers);
		return;
	}
	caller = ks_switch_to_owner("exported");
	if (SPI_execute_with_args("SELECT kindly_stats.lock_closing($1, $2, $3, pg_catalog.count(*)) FROM kindly_stats.exported AS x"
							  " WHERE x.bot_id OPERATOR(pg_catalog.=) $1", 3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock a day");
	SPI_freetuptable(SPI_tuptable);
	ks_restore_user(caller);
}

/* lock_closing(bot, day, at_once, rows) */
Datum
ks_lock_closing(PG_FUNCTION_ARGS)
{
	lock_to_close_here(PG_GETARG_INT64(0), PG_GETARG_DATEADT(1), PG_GETARG_BOOL(2));
	PG_RETURN_INT64(PG_GETARG_INT64(3));
}

/* How many days this transaction has locked to write. */
static int	days_locked = 0;

static void
forget_locks(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			days_locked = 0;
			break;
		default:
			break;
	}
}

static void
lock_to_write(const ks_entry *days, uint32 count)
{
	static bool registered = false;
	LOCKTAG		all = lock_of_all();
	uint32		i;

	if (!registered)
	{
		RegisterXactCallback(forget_locks, NULL);
		registered = true;
	}
	/* asked each time: it may have gone with a savepoint that was rolled back */
	if (ks_lock_held(&all, ShareLock))
		return;
	if (days_locked + count > DAY_LOCKS_MAX)
	{
		(void) LockAcquire(&all, ShareLock, false, false);
		return;
	}
	for (i = 0; i < count; i++)
	{
		LOCKTAG		one = lock_of_day((int64) days[i].member, days[i].quarter);

		if (!ks_lock_held(&one, ShareLock))
			days_locked++;
		(void) LockAcquire(&one, ShareLock, false, false);
	}
}

/* ------------------------------------------------------------------------
 * The trigger of conversation tables
 * ------------------------------------------------------------------------
 */

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
	lock_to_write(g->days.entry, g->days.count);
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
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	start_guard(&g, trigger);
	read_changes(&g, trigger);
	check_days(&g);
	SPI_finish();
	ks_restore_user(caller);
	return PointerGetDatum(NULL);
}

/* ------------------------------------------------------------------------
 * Closing and opening days
 * ------------------------------------------------------------------------
 */

static Oid
exported_table(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("exported", schema) : InvalidOid;

	if (!OidIsValid(relid))
		ks_require_conversations(0);
	return relid;
}

/*
 * The mark of a day, as far as the caller may see it, as of the active
 * snapshot; false where there is none.  The caller is connected to SPI.
 */
bool
ks_exported_find(int64 bot_id, DateADT day, ks_exported_day *found)
{
	Oid			types[2] = {INT8OID, DATEOID};
	Datum		values[2] = {Int64GetDatum(bot_id), DateADTGetDatum(day)};
	Oid			relid = exported_table();
	bool		nodes = ks_is_distributed();
	MemoryContext caller = CurrentMemoryContext;
	ks_reader	reader;
	bool		any;

	/* where it is distributed, the caller may have to read it through the owner of the rollup */
	if (nodes && pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relid));
	if (nodes)
		ks_reader_begin(&reader);
	if (SPI_execute_with_args("SELECT x.conversations, x.bot_name FROM kindly_stats.exported AS x"
							  " WHERE x.bot_id OPERATOR(pg_catalog.=) $1 AND x.day OPERATOR(pg_catalog.=) $2",
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for an exported day");
	any = SPI_processed > 0 && (!nodes || ks_reader_sees(&reader, bot_id));
	if (any)
	{
		bool		isnull;

		found->conversations = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		found->bot_name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
		if (found->bot_name != NULL)
			found->bot_name = MemoryContextStrdup(caller, found->bot_name);
	}
	SPI_freetuptable(SPI_tuptable);
	if (nodes)
		ks_reader_end(&reader);
	return any;
}

/* The same with a snapshot of its own: what has been committed by now, and what this transaction did. */
static bool
find_now(int64 bot_id, DateADT day)
{
	ks_exported_day found;
	bool		result;

	PushActiveSnapshot(GetTransactionSnapshot());
	result = ks_exported_find(bot_id, day, &found);
	PopActiveSnapshot();
	return result;
}

/* What has to be so before a day can be closed. */
static void
check_closable(DateADT day)
{
	char	   *text = ks_day_text(day);

	/* the clock, not the time that a setting may pretend: what is closed too early shuts out its own conversations */
	if (ks_day_interval(day).end > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("day %s is not over yet", text),
				 errhint("A day can be exported once it is over in UTC.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("day %s has not been closed, and a read-only transaction cannot close it", text),
				 errhint("Call kindly_stats.close_day() in a transaction that may write, on the primary, and export the day then.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("day %s has not been closed, and a transaction above READ COMMITTED cannot close it", text),
				 errhint("Its snapshot may miss conversations that others have written: call kindly_stats.close_day() in a transaction of its own first.")));
}

/*
 * Who sees a part of the conversations only must not close the days of others:
 * whose days he may close, row security of kindly_stats.exported says.
 */
static void
check_row_security(int64 bot_id)
{
	int			count;
	ks_conversation_table *tables = ks_conversation_tables(bot_id, &count);
	bool		any = false;
	int			i;

	if (check_enable_rls(exported_table(), InvalidOid, true) == RLS_ENABLED)
		return;
	/* of a bot that has been in none, any may be the one */
	for (i = 0; i < count; i++)
		any = any || tables[i].has_bot;
	for (i = 0; i < count; i++)
	{
		if ((tables[i].has_bot || !any) && check_enable_rls(tables[i].relid, InvalidOid, true) == RLS_ENABLED)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("row-level security hides conversations of table %s, but no days of kindly_stats.exported", tables[i].name),
					 errhint("Enable row-level security on kindly_stats.exported, too, with a policy for the same bots.")));
	}
}

/* What was purged is counted still, but nobody can export it. */
static void
check_kept(int64 bot_id, DateADT day)
{
	ks_time_range interval = ks_day_interval(day);
	Oid			types[4] = {INT8OID, DATEOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[4] = {Int64GetDatum(bot_id), DateADTGetDatum(ks_month_to_date(ks_month_of(interval.start))),
	TimestampTzGetDatum(interval.start), TimestampTzGetDatum(interval.end)};
	ks_identity caller = ks_switch_to_owner("rollup");

	if (SPI_execute_with_args("SELECT 1 FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) $1 AND r.month OPERATOR(pg_catalog.=) ANY (ARRAY[$2, '-infinity'])"
							  " AND r.measure OPERATOR(pg_catalog.=) ANY (ARRAY['', 'conversations_ended']) AND r.kept"
							  " AND kindly_stats.total(CASE WHEN r.measure OPERATOR(pg_catalog.=) '' THEN kindly_stats.keys_under(r.tally, 'conversations_ended')"
							  " ELSE r.tally END, $3, $4) OPERATOR(pg_catalog.<>) 0",
							  4, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rollup");
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("conversations of bot %s that ended on %s have been purged", ks_bot_text(bot_id), ks_day_text(day)),
				 errhint("Export days, or close them, before their conversations are purged.")));
	SPI_freetuptable(SPI_tuptable);
	ks_restore_user(caller);
}

/* The name that the bot has now; exports of the day will have it for good. */
static char *
name_of_bot(int64 bot_id)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(bot_id)};
	ks_identity caller = ks_switch_to_owner("bot_name");
	char	   *result = NULL;

	if (SPI_execute_with_args("SELECT b.name FROM kindly_stats.bot_name AS b WHERE b.bot_id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read names of bots");
	if (SPI_processed > 0)
		result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	SPI_freetuptable(SPI_tuptable);
	ks_restore_user(caller);
	return result;
}

static int64
count_now(int64 bot_id, DateADT day, Oid relid)
{
	int64		result;

	PushActiveSnapshot(GetTransactionSnapshot());
	result = ks_conversations_ended(bot_id, day, relid);
	PopActiveSnapshot();
	return result;
}

/* A mark that is there already is one that the caller may not see. */
static void
put_mark(int64 bot_id, DateADT day, int64 conversations)
{
	char	   *name = name_of_bot(bot_id);
	Oid			types[4] = {INT8OID, DATEOID, TEXTOID, INT8OID};
	Datum		values[4] = {Int64GetDatum(bot_id), DateADTGetDatum(day), name != NULL ? CStringGetTextDatum(name) : (Datum) 0,
	Int64GetDatum(conversations)};
	char		nulls[4] = {' ', ' ', name != NULL ? ' ' : 'n', ' '};
	ks_identity caller = ks_switch_to_owner("exported");

	if (SPI_execute_with_args("INSERT INTO kindly_stats.exported (bot_id, day, exported_at, bot_name, conversations)"
							  " VALUES ($1, $2, pg_catalog.now(), $3, $4) ON CONFLICT (bot_id, day) DO NOTHING", 4, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not mark an exported day");
	ks_restore_user(caller);
	/* an export that was given away must not be forgotten in a crash, even where commits do not wait for the disk */
	ForceSyncCommit();
}

/* Whether there was one. */
static bool
take_mark(int64 bot_id, DateADT day)
{
	Oid			types[2] = {INT8OID, DATEOID};
	Datum		values[2] = {Int64GetDatum(bot_id), DateADTGetDatum(day)};
	ks_identity caller = ks_switch_to_owner("exported");

	if (SPI_execute_with_args("DELETE FROM kindly_stats.exported AS x"
							  " WHERE x.bot_id OPERATOR(pg_catalog.=) $1 AND x.day OPERATOR(pg_catalog.=) $2",
							  2, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not reopen a day");
	ks_restore_user(caller);
	return SPI_processed > 0;
}

/*
 * False where there is nothing to close: a day without conversations, unless it
 * is to be closed all the same.  Only a mark shows whether the caller sees marks
 * of the bot, so that it is put all the same: who sees none is told nothing, and
 * must not go on with the locks of another's day.
 */
static bool
mark_day(int64 bot_id, DateADT day, bool even_empty)
{
	int64		conversations;

	check_row_security(bot_id);
	check_kept(bot_id, day);
	conversations = count_now(bot_id, day, InvalidOid);
	put_mark(bot_id, day, conversations);
	if (!find_now(bot_id, day))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security of kindly_stats.exported lets you close no day of bot %s", ks_reader_bot_text(bot_id)),
				 errhint("Whoever closes a day must be able to see that it is closed.")));
	if (conversations > 0 || even_empty)
		return true;
	(void) take_mark(bot_id, day);
	return false;
}

/*
 * Closes a day, where it is not closed; false where it was, or where it is empty
 * and shall not be closed then.  The caller is connected to SPI.
 */
bool
ks_day_close(const ks_bot_day *of, bool even_empty)
{
	if (find_now(of->bot_id, of->day))
		return false;
	check_closable(of->day);
	lock_to_close(of->bot_id, of->day);
	if (find_now(of->bot_id, of->day))
		return false;
	return mark_day(of->bot_id, of->day, even_empty);
}

/* The arguments of every function that is about a day: bot, day. */
ks_bot_day
ks_bot_day_arguments(FunctionCallInfo fcinfo)
{
	ks_bot_day	result;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"bot\" is missing"),
				 errhint("Pass the bot's id.")));
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"day\" is missing"),
				 errhint("Pass a date such as 2024-10-27.")));
	result.bot_id = PG_GETARG_INT64(0);
	result.day = PG_GETARG_DATEADT(1);
	if (DATE_NOT_FINITE(result.day) || ks_day_interval(result.day).start < KS_QUARTER_MIN * KS_QUARTER_USECS ||
		ks_day_interval(result.day).start > KS_QUARTER_MAX * KS_QUARTER_USECS)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("\"day\" must lie in the years 1 to 9999"),
				 errhint("Pass a date such as 2024-10-27.")));
	return result;
}

/* close_day(bot, day): false where it was closed already; whoever calls it means it, whether or not the day is empty */
Datum
ks_close_day(PG_FUNCTION_ARGS)
{
	ks_bot_day	of = ks_bot_day_arguments(fcinfo);
	bool		result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = ks_day_close(&of, true);
	SPI_finish();
	PG_RETURN_BOOL(result);
}

/* reopen_day(bot, day): false where it was not closed */
Datum
ks_reopen_day(PG_FUNCTION_ARGS)
{
	ks_bot_day	of = ks_bot_day_arguments(fcinfo);
	bool		deleted;

	(void) exported_table();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* whoever is closing it right now comes first */
	lock_to_close(of.bot_id, of.day);
	deleted = take_mark(of.bot_id, of.day);
	SPI_finish();
	PG_RETURN_BOOL(deleted);
}

/* lock_exported(): waits for days that are being closed, and lets none be closed until the end of the transaction */
Datum
ks_lock_exported(PG_FUNCTION_ARGS)
{
	LOCKTAG		all = lock_of_all();
	ks_identity caller;

	(void) LockAcquire(&all, ShareLock, false, false);
	if (!ks_is_distributed())
		PG_RETURN_VOID();
	/* days are closed on all nodes, by writing to this table */
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	caller = ks_switch_to_owner("exported");
	if (SPI_execute("LOCK TABLE kindly_stats.exported IN SHARE MODE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not lock exported days");
	ks_restore_user(caller);
	SPI_finish();
	PG_RETURN_VOID();
}

/* conversations_ended(bot, day, conversation_table or NULL for all) */
Datum
ks_conversations_ended_sql(PG_FUNCTION_ARGS)
{
	ks_bot_day	of = ks_bot_day_arguments(fcinfo);
	int64		result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = count_now(of.bot_id, of.day, PG_ARGISNULL(2) ? InvalidOid : PG_GETARG_OID(2));
	SPI_finish();
	PG_RETURN_INT64(result);
}
