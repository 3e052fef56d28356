/*
 * From the rows that a statement wrote to rows of the rollup.
 *
 * The statement triggers of an event table get all rows of the statement at once.  One
 * pass over them adds every event to the tally of its bot and month (a builder whose keys
 * begin with the measure's name), deleted rows with weight -1.  What is left is appended
 * to the rollup.  If the tallies grow beyond what a hash table may take, they are written
 * earlier, or sorted on disk, so that memory is bounded whatever the size of the
 * statement.
 */
#include "rollup/changes.h"
#include "rollup/interaction.h"
#include "rollup/listed.h"
#include "rollup/recount.h"

#include "base/compat.h"

#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_count_events);
PG_FUNCTION_INFO_V1(ks_count_replicated);
PG_FUNCTION_INFO_V1(ks_refuse_truncate);
PG_FUNCTION_INFO_V1(ks_take_truncated);
PG_FUNCTION_INFO_V1(ks_trigger_arguments);

/*
 * Setting kindly_stats.keep_statistics: the OID of the table whose deleted events stay
 * counted, for purge().  It is no name, so that it does not include tables from which a
 * foreign key deletes meanwhile, whatever they were called when they were attached.
 */
char	   *ks_keep_statistics = NULL;

/* One run of the trigger. */
typedef struct counting
{
	ks_counter	counter;
	ks_month_tallies	groups;
	ks_month_tallies	kept;			/* what is taken away from groups and stays counted */
	bool		keep;
	bool		removes;		/* events are taken away for good */
	bool		spooled;		/* there is more in the spool */
	ks_spool	spool;
} counting;

/* Groups of fewer bytes than this are small: more of their bots' rows may come all through the statement. */
#define SMALL_GROUP_BYTES 16384

/*
 * Returns how much memory all tallies may take: as much as a hash table, and no more than
 * any one of them can be packed from.
 */
static size_t
groups_budget(void)
{
	size_t		limit = get_hash_memory_limit();

	return Min(limit, 2 * (size_t) KS_PART_BYTES_MAX);
}

/* Appends groups; now and then, compacts one of their months. */
static void
append_groups(ks_month_tally **groups, int count, bool kept)
{
	int			i;

	ks_append(groups, count, kept);
	for (i = 0; i < count; i++)
		ks_compact_sometimes(groups[i], kept);
}

/* The same on a shard: their rows belong into the shard of the rollup that is beside it, and which no other node writes. */
static void
append_on_shard(const ks_shard_range *bots, ks_month_tally **groups, int count, bool kept)
{
	Oid			shard = ks_rollup_shard_beside(bots);
	ks_shard_work before;
	int			i;

	for (i = 0; i < count; i++)
		ks_require_in_shard(bots, groups[i]->bot_id);
	before = ks_work_on_shard(shard, false);
	PG_TRY();
	{
		append_groups(groups, count, kept);
	}
	PG_FINALLY();
	{
		ks_work_as_before(before);
	}
	PG_END_TRY();
}

/* Writes groups and forgets them. */
static void
write_groups(ks_month_tallies *groups, const counting *c, bool kept)
{
	int			found = (int) ks_month_tallies_consolidate(groups);

	if (c->removes && !kept)
		ks_note_interactions(groups->groups, found);
	if (found > 0 && c->counter.binding->on_shard)
		append_on_shard(&c->counter.binding->bots, groups->groups, found, kept);
	else
		append_groups(groups->groups, found, kept);
	ks_month_tallies_reset(groups);
}

/* Moves what has been counted so far to the spool, which sorts it by bot and month. */
static void
spool_counts(counting *c)
{
	MemoryContext memory = MemoryContextSwitchTo(c->counter.memory);

	if (!c->spooled)
		ks_spool_init(&c->spool, work_mem);
	c->spooled = true;
	ks_spool_put_groups(&c->spool, &c->groups);
	MemoryContextSwitchTo(memory);
}

/* Writes all that has been counted. */
static void
write_counts(counting *c)
{
	if (c->spooled)
	{
		spool_counts(c);
		/* by bot, which the node with the shard finds nearby */
		if (c->counter.binding->on_shard)
			(void) ks_rollup_shard_beside(&c->counter.binding->bots);
		ks_append_spooled(&c->spool, false, false);
		ks_spool_end(&c->spool);
		c->spooled = false;
		return;
	}
	write_groups(&c->groups, c, false);
	if (c->keep)
		write_groups(&c->kept, c, true);
}

/*
 * Makes room for further tallies.  Large ones are written, because there are not many of
 * them.  Small tallies of many bots would come back with an event or two, and be written
 * again and again; so they go to the spool, where they are added up.
 */
static void
make_room(counting *c)
{
	if (c->spooled || (!c->removes && !c->keep && c->groups.bytes / Max(c->groups.index.count, 1) < SMALL_GROUP_BYTES))
		spool_counts(c);
	else
		write_counts(c);
}

/* Reads the event of a row, if it counts.  Its values live as long as the current memory context. */
static bool
read_event(counting *c, TupleTableSlot *slot, ks_event *e)
{
	ks_values	row;

	if (slot == NULL)
		return false;
	slot_getsomeattrs(slot, c->counter.binding->last_column);
	row.values = slot->tts_values;
	row.isnull = slot->tts_isnull;
	return ks_event_read(&c->counter, &row, e);
}

/*
 * Takes the old event of a row away and adds the new one, if there are such.  If bot and
 * instant of both are the same, the bot's first and last event cannot have changed.
 */
static void
count_change(counting *c, const ks_event *old_event, const ks_event *new_event)
{
	bool		moved = !(old_event != NULL && new_event != NULL && old_event->bot_id == new_event->bot_id && old_event->at == new_event->at);

	if (old_event != NULL)
	{
		ks_month_tallies_count(&c->groups, &c->counter, old_event, true, moved);
		if (c->keep)
			ks_month_tallies_count(&c->kept, &c->counter, old_event, false, moved);
	}
	if (new_event != NULL)
		ks_month_tallies_count(&c->groups, &c->counter, new_event, false, moved);
}

/* Counts all that the statement changed. */
static void
count_rows(counting *c, const TriggerData *trigger)
{
	MemoryContext row_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats row", ALLOCSET_DEFAULT_SIZES);
	ks_changes	changes;
	MemoryContext memory;
	ks_event	old_event,
				new_event;

	ks_changes_begin(&changes, trigger, c->counter.binding->last_column);
	memory = MemoryContextSwitchTo(row_memory);
	while (ks_changes_next(&changes))
	{
		bool		has_old = read_event(c, changes.old_row, &old_event);
		bool		has_new = read_event(c, changes.new_row, &new_event);

		count_change(c, has_old ? &old_event : NULL, has_new ? &new_event : NULL);
		if (c->groups.bytes + (c->keep ? c->kept.bytes : 0) > groups_budget())
			make_room(c);
		MemoryContextReset(row_memory);
	}
	MemoryContextSwitchTo(memory);
	MemoryContextDelete(row_memory);
	ks_changes_end(&changes);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *function, const char *hint)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", function),
				 errhint("%s", hint)));
	return (TriggerData *) fcinfo->context;
}

/*
 * Starts a reader of its own at the first row: all triggers of a statement read the same
 * rows, from wherever earlier readers have stopped.
 */
static void
read_from_start(Tuplestorestate *rows)
{
	if (rows == NULL)
		return;
	tuplestore_select_read_pointer(rows, tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
}

/*
 * Returns what a statement trigger of ours is called with: transition tables, to be read
 * from their beginning, and the arguments that attach() gave it.  Raises if it is
 * something else, because whoever may attach can also make a trigger that calls the
 * function.
 */
TriggerData *
ks_statement_trigger(FunctionCallInfo fcinfo, const char *function, int narguments, const char *hint)
{
	TriggerData *trigger = trigger_data(fcinfo, function, hint);
	TriggerEvent event = trigger->tg_event;

	if (trigger->tg_trigger->tgnargs < narguments || !TRIGGER_FIRED_AFTER(event) || TRIGGER_FIRED_FOR_ROW(event) || TRIGGER_FIRED_BY_TRUNCATE(event) ||
		(trigger->tg_newtable == NULL && !TRIGGER_FIRED_BY_DELETE(event)) ||
		(trigger->tg_oldtable == NULL && !TRIGGER_FIRED_BY_INSERT(event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one that can call \"%s\"", trigger->tg_trigger->tgname, function),
				 errhint("%s", hint)));
	read_from_start(trigger->tg_oldtable);
	read_from_start(trigger->tg_newtable);
	return trigger;
}

/* Whether the rows that are being deleted stay counted. */
bool
ks_keeps_statistics(const TriggerData *trigger)
{
	Oid			purged = ks_keep_statistics != NULL ? atooid(ks_keep_statistics) : InvalidOid;
	Oid			relid = RelationGetRelid(trigger->tg_relation);

	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event) || !OidIsValid(purged))
		return false;
	return relid == purged || (trigger->tg_relation->rd_rel->relispartition && list_member_oid(get_partition_ancestors(relid), purged));
}

/*
 * Whether the statement applies replicated changes that a row trigger counts: a statement
 * trigger that was enabled for them, too, must not count them again.
 */
static bool
is_counted_by_rows(const TriggerData *trigger)
{
	const TriggerDesc *all = trigger->tg_relation->trigdesc;
	Oid			ours;
	int			i;

	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		return false;
	ours = get_func_namespace(trigger->tg_trigger->tgfoid);
	for (i = 0; i < all->numtriggers; i++)
	{
		const Trigger *t = &all->triggers[i];

		if ((t->tgtype & TRIGGER_TYPE_ROW) != 0 && (t->tgenabled == TRIGGER_FIRES_ON_REPLICA || t->tgenabled == TRIGGER_FIRES_ALWAYS) &&
			get_func_namespace(t->tgfoid) == ours && strcmp(get_func_name(t->tgfoid), "count_replicated") == 0)
			return true;
	}
	return false;
}

/*
 * The trigger of event tables.  Writers of events need no right on the rollup: it is
 * written as its owner, as foreign keys are checked.
 */
Datum
ks_count_events(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = ks_statement_trigger(fcinfo, "count_events", 3, "Use kindly_stats.attach().");
	counting	c = {0};
	ks_identity caller;

	if (is_counted_by_rows(trigger))
		return PointerGetDatum(NULL);
	caller = ks_switch_to_owner("rollup");
	ks_spi_connect();

	ks_counter_init(&c.counter, ks_binding_get(trigger->tg_relation, trigger->tg_trigger), CurrentMemoryContext);
	ks_month_tallies_init(&c.groups, CurrentMemoryContext);
	c.keep = ks_keeps_statistics(trigger);
	c.removes = !c.keep && !TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	if (c.keep)
		ks_month_tallies_init(&c.kept, CurrentMemoryContext);
	count_rows(&c, trigger);
	write_counts(&c);

	SPI_finish();
	ks_restore_user(caller);
	return PointerGetDatum(NULL);
}

/*
 * The row trigger of event tables that count what is replicated into them: the workers
 * that apply changes run no statements, and so fire no statement triggers.  In any other
 * case in which it was enabled, it must do nothing.
 */
Datum
ks_count_replicated(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "count_replicated", "Use kindly_stats.attach().");
	TriggerEvent event = trigger->tg_event;
	ks_event	old_event,
				new_event;
	bool		has_old,
				has_new;
	counting	c = {0};
	ks_identity caller;

	if (trigger->tg_trigger->tgnargs < 3 || !TRIGGER_FIRED_AFTER(event) || !TRIGGER_FIRED_FOR_ROW(event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one that can call \"%s\"", trigger->tg_trigger->tgname, "count_replicated"),
				 errhint("Use kindly_stats.attach().")));
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		return PointerGetDatum(NULL);
	caller = ks_switch_to_owner("rollup");
	ks_spi_connect();

	ks_counter_init(&c.counter, ks_binding_get(trigger->tg_relation, trigger->tg_trigger), CurrentMemoryContext);
	ks_month_tallies_init(&c.groups, CurrentMemoryContext);
	has_old = read_event(&c, TRIGGER_FIRED_BY_INSERT(event) ? NULL : trigger->tg_trigslot, &old_event);
	has_new = read_event(&c, TRIGGER_FIRED_BY_DELETE(event) ? NULL :
						 TRIGGER_FIRED_BY_INSERT(event) ? trigger->tg_trigslot : trigger->tg_newslot, &new_event);
	c.removes = has_old;
	count_change(&c, has_old ? &old_event : NULL, has_new ? &new_event : NULL);
	if (has_new && !c.counter.binding->events)
		ks_note_bot(trigger->tg_trigger->tgoid, RelationGetRelid(trigger->tg_relation), new_event.bot_id);
	write_counts(&c);

	SPI_finish();
	ks_restore_user(caller);
	return PointerGetDatum(NULL);
}

/* TRUNCATE has no transition table, so the statistics would silently stay: it is refused. */
Datum
ks_refuse_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "refuse_truncate", "Use kindly_stats.attach().");

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot truncate event table \"%s\"", RelationGetRelationName(trigger->tg_relation)),
			 errhint("Use kindly_stats.purge() to delete events and keep their statistics, DELETE to take them out of the statistics, or kindly_stats.detach() first.")));
	return PointerGetDatum(NULL);
}

/* Takes away all rows of the table, which TRUNCATE has locked. */
static void
take_rows(counting *c, Relation relation)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	MemoryContext row_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats row", ALLOCSET_DEFAULT_SIZES);
	TableScanDesc scan;
	ks_event	e;

	PushActiveSnapshot(GetLatestSnapshot());
	scan = table_beginscan(relation, GetActiveSnapshot(), 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext memory = MemoryContextSwitchTo(row_memory);

		CHECK_FOR_INTERRUPTS();
		if (read_event(c, slot, &e))
			ks_month_tallies_count(&c->groups, &c->counter, &e, true, true);
		MemoryContextSwitchTo(memory);
		MemoryContextReset(row_memory);
		if (c->groups.bytes > groups_budget())
			make_room(c);
	}
	table_endscan(scan);
	PopActiveSnapshot();
	MemoryContextDelete(row_memory);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Called before a replicated TRUNCATE.  To refuse it would stop the replication, so its
 * events are taken out of the statistics first.
 */
Datum
ks_take_truncated(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "take_truncated", "Use kindly_stats.attach().");
	counting	c = {.removes = true};
	ks_identity caller;

	if (trigger->tg_trigger->tgnargs < 3 || !TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one that can call \"%s\"", trigger->tg_trigger->tgname, "take_truncated"),
				 errhint("Use kindly_stats.attach().")));
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA || trigger->tg_relation->rd_rel->relkind != RELKIND_RELATION)
		return PointerGetDatum(NULL);
	/* old snapshots see that TRUNCATE: no repair may have taken one before */
	ks_wait_for_repair();
	caller = ks_switch_to_owner("rollup");
	ks_spi_connect();
	ks_counter_init(&c.counter, ks_binding_get(trigger->tg_relation, trigger->tg_trigger), CurrentMemoryContext);
	ks_month_tallies_init(&c.groups, CurrentMemoryContext);
	take_rows(&c, trigger->tg_relation);
	write_counts(&c);
	SPI_finish();
	ks_restore_user(caller);
	return PointerGetDatum(NULL);
}

/* trigger_arguments(tgargs): texts, each with a zero byte behind it */
Datum
ks_trigger_arguments(PG_FUNCTION_ARGS)
{
	bytea	   *arguments = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(arguments);
	const char *end = at + VARSIZE_ANY_EXHDR(arguments);
	ArrayBuildState *result = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	const char *zero;

	for (; (zero = memchr(at, '\0', end - at)) != NULL; at = zero + 1)
	{
		CHECK_FOR_INTERRUPTS();
		(void) pg_verifymbstr(at, (int) (zero - at), false);
		accumArrayResult(result, PointerGetDatum(cstring_to_text_with_len(at, (int) (zero - at))), false, TEXTOID, CurrentMemoryContext);
	}
	PG_RETURN_DATUM(makeArrayResult(result, CurrentMemoryContext));
}
