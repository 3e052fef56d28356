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
 * The locks are day_lock.c's, the trigger is guard.c's; here days are closed and
 * opened.
 */
#include "conversation/conversation.h"

#include "base/compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_close_day);
PG_FUNCTION_INFO_V1(ks_reopen_day);
PG_FUNCTION_INFO_V1(ks_conversations_ended_sql);

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
	ks_day_lock_to_close(of->bot_id, of->day);
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

	ks_spi_connect();
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
	ks_spi_connect();
	/* whoever is closing it right now comes first */
	ks_day_lock_to_close(of.bot_id, of.day);
	deleted = take_mark(of.bot_id, of.day);
	SPI_finish();
	PG_RETURN_BOOL(deleted);
}

/* conversations_ended(bot, day, conversation_table or NULL for all) */
Datum
ks_conversations_ended_sql(PG_FUNCTION_ARGS)
{
	ks_bot_day	of = ks_bot_day_arguments(fcinfo);
	int64		result;

	ks_spi_connect();
	result = count_now(of.bot_id, of.day, PG_ARGISNULL(2) ? InvalidOid : PG_GETARG_OID(2));
	SPI_finish();
	PG_RETURN_INT64(result);
}
