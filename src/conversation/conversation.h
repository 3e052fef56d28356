/*
 * Conversation tables: what they are made of, how they are read, and which of
 * their days have been exported.
 */
#ifndef KS_CONVERSATION_H
#define KS_CONVERSATION_H

#include "conversation/reply.h"
#include "rollup/listed.h"
#include "rollup/rollup.h"

#include "executor/tuptable.h"
#include "utils/jsonb.h"

/* A documented property of conversations, and the type that queries give it. */
typedef struct ks_property
{
	const char *name;
	const char *type;
} ks_property;

extern const ks_property ks_properties[];
extern const int ks_nproperties;

typedef struct ks_conversation_table
{
	Oid			relid;
	Oid			owner;
	char	   *name;			/* quoted and qualified */
	Jsonb	   *columns;		/* documented names to the table's own */
	bool		has_bot;		/* rows of the bot in question were written to it */
} ks_conversation_table;

/* Instants from start on, without end. */
typedef struct ks_time_range
{
	TimestampTz start;
	TimestampTz end;
} ks_time_range;

/*
 * Which conversations of a bot: those that ended in one of the intervals, or those that
 * started in one and were answered by the bot.
 */
typedef struct ks_conversation_selection
{
	int64		bot_id;
	bool		started;
	int			nintervals;
	const ks_time_range *intervals;
} ks_conversation_selection;

/* conversation.c */
extern void ks_require_conversations(uint64 tables);
extern char *ks_column_of(const Jsonb *columns, const char *logical);
extern ks_conversation_table *ks_conversation_tables(int64 bot_id, int *count);
extern char *ks_conversation_query(const ks_conversation_selection *choice, const char *const *properties, int nproperties, Oid *table);
extern ks_time_range ks_day_interval(DateADT day);
extern int64 ks_conversations_ended(int64 bot_id, DateADT day, Oid relid);

/* reply_check.c */

/* A column of a conversation table that has a list of replies. */
typedef struct ks_reply_column
{
	const ks_reply_kind *kind;
	AttrNumber	number;
	Oid			type;			/* that of a domain's values */
	bool		by_value;
	int16		length;
} ks_reply_column;

#define KS_REPLY_COLUMNS_MAX 2

/* All of a table, and its conversations' ids. */
typedef struct ks_reply_columns
{
	int			count;
	ks_reply_column column[KS_REPLY_COLUMNS_MAX];
	AttrNumber	id;
	Oid			id_type;
	MemoryContext scratch;
} ks_reply_columns;

extern void ks_reply_columns_find(ks_reply_columns *of, TupleDesc desc, const Jsonb *columns, const char *table);
extern void ks_reply_columns_check(const ks_reply_columns *of, TupleTableSlot *old_row, TupleTableSlot *new_row);

/* exported.c */

/* The arguments of functions about exported days. */
typedef struct ks_bot_day
{
	int64		bot_id;
	DateADT		day;
} ks_bot_day;

/* What is noted of a day that was exported. */
typedef struct ks_exported_day
{
	char	   *bot_name;		/* NULL: it had none */
	int64		conversations;
} ks_exported_day;

extern ks_bot_day ks_bot_day_arguments(FunctionCallInfo fcinfo);
extern bool ks_exported_find(int64 bot_id, DateADT day, ks_exported_day *found);
extern bool ks_day_close(const ks_bot_day *of, bool even_empty);

/* day_lock.c */
extern bool ks_wait_for_writers;

extern char *ks_day_text(DateADT day);
extern void ks_days_lock_to_write(const ks_entry *days, uint32 count);
extern void ks_day_lock_to_close(int64 bot_id, DateADT day);

#endif							/* KS_CONVERSATION_H */
