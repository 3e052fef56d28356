/*
 * From the rows that a statement wrote to rows of the rollup.
 *
 * The statement triggers of an event table get all rows of the statement at
 * once.  One pass over them adds every event to the tally of its bot and month
 * (a builder whose keys begin with the measure's name), deleted rows with
 * weight -1; what is left is appended to the rollup.  Only if the tallies grow
 * beyond work_mem are they written earlier, so memory is bounded whatever the
 * size of the statement.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tally/hash.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(ks_count_events);
PG_FUNCTION_INFO_V1(ks_refuse_truncate);

/* Setting kindly_stats.keep_statistics: deleted events stay counted, as purge() wants it. */
bool		ks_keep_statistics = false;

typedef struct group_key
{
	int64		bot_id;
	int64		month;
} group_key;

typedef struct group_entry
{
	group_key	key;
	ks_group	group;
} group_entry;

/* One run of the trigger. */
typedef struct counting
{
	ks_binding *binding;
	MemoryContext memory;		/* of the tallies; reset when they are written */
	HTAB	   *groups;
	group_entry *last;			/* the group of the event before */
	size_t		bytes;			/* of all builders */
	uint8_t    *key;			/* scratch for one key */
	size_t		key_size;
} counting;

/* The values of one event that all measures share. */
typedef struct event
{
	TupleTableSlot *slot;
	int64		bot_id;
	TimestampTz at;
	ks_string	kind;			/* bytes == NULL where it is NULL */
	ks_string	dimensions[KS_DIMENSIONS];
} event;

static bool
column_datum(const ks_column *column, TupleTableSlot *slot, Datum *value)
{
	if (column->number == 0 || slot->tts_isnull[column->number - 1])
		return false;
	*value = slot->tts_values[column->number - 1];
	return true;
}

/* A column as text, the same text that a cast to text would give. */
static ks_string
column_text(ks_column *column, TupleTableSlot *slot)
{
	ks_string	result = {NULL, 0};
	Datum		value;

	if (!column_datum(column, slot, &value))
		return result;
	if (column->type == TEXTOID || column->type == VARCHAROID || column->type == BPCHAROID)
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

		result.bytes = (const uint8_t *) VARDATA_ANY(bytes);
		result.length = VARSIZE_ANY_EXHDR(bytes);
		if (column->type == BPCHAROID)
			result.length = (size_t) bpchartruelen((char *) result.bytes, (int) result.length);
		return result;
	}
	if (column->type == BOOLOID)
		result.bytes = (const uint8_t *) (DatumGetBool(value) ? "true" : "false");
	else
		result.bytes = (const uint8_t *) OutputFunctionCall(&column->output, value);
	result.length = strlen((const char *) result.bytes);
	return result;
}

static int64
column_integer(const ks_column *column, Datum value)
{
	switch (column->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static void
start_groups(counting *c)
{
	HASHCTL		control;

	control.keysize = sizeof(group_key);
	control.entrysize = sizeof(group_entry);
	control.hcxt = c->memory;
	c->groups = hash_create("kindly_stats groups", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	c->last = NULL;
	c->bytes = 0;
}

/* The tally that an event belongs to. */
static group_entry *
find_group(counting *c, const event *e)
{
	group_key	key;
	bool		found;

	key.bot_id = e->bot_id;
	key.month = ks_month_of(e->at);
	if (c->last != NULL && c->last->key.bot_id == key.bot_id && c->last->key.month == key.month)
		return c->last;
	c->last = hash_search(c->groups, &key, HASH_ENTER, &found);
	if (!found)
	{
		c->last->group.bot_id = key.bot_id;
		c->last->group.month = (int32) key.month;
		ks_builder_init(&c->last->group.builder, c->memory);
		c->bytes += sizeof(group_entry);
	}
	return c->last;
}

/* Writes what has been counted so far, compacts a month of it now and then, and starts anew. */
static void
flush_groups(counting *c)
{
	long		count = hash_get_num_entries(c->groups);
	ks_group  **list = palloc((count + 1) * sizeof(ks_group *));
	HASH_SEQ_STATUS scan;
	group_entry *entry;
	int			found = 0;
	int			i;

	hash_seq_init(&scan, c->groups);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (!ks_builder_empty(&entry->group.builder))
			list[found++] = &entry->group;
	}
	ks_append(list, found);
	for (i = 0; i < found; i++)
		ks_compact_sometimes(list[i]->bot_id, ks_month_to_date(list[i]->month));
	pfree(list);
	MemoryContextReset(c->memory);
	start_groups(c);
}

static bool
kind_counts(const ks_measure *measure, ks_string kind)
{
	int			i;

	for (i = 0; i < measure->nkinds; i++)
	{
		if (kind.bytes != NULL && kind.length == measure->kinds[i].length &&
			memcmp(kind.bytes, measure->kinds[i].bytes, kind.length) == 0)
			return true;
	}
	return measure->nkinds < 0;
}

static void
key_reserve(counting *c, size_t size)
{
	if (size > c->key_size)
	{
		c->key = repalloc(c->key, 2 * size);
		c->key_size = 2 * size;
	}
}

static void
key_append(counting *c, size_t *used, ks_string part)
{
	key_reserve(c, *used + part.length + KS_VARINT_MAX);
	*used = (size_t) (ks_key_put(c->key + *used, part.bytes, part.length) - c->key);
}

/* Encodes (measure, dimensions, key columns); false where the measure has key columns and all are NULL. */
static bool
build_key(counting *c, const event *e, ks_measure *measure, ks_string *key)
{
	bool		any = measure->nkeys == 0;
	size_t		used = measure->prefix.length;
	int			i;

	key_reserve(c, used);
	memcpy(c->key, measure->prefix.bytes, used);
	for (i = 0; i < KS_DIMENSIONS; i++)
		key_append(c, &used, e->dimensions[i]);
	for (i = 0; i < measure->nkeys; i++)
	{
		ks_string	part = column_text(&measure->keys[i], e->slot);

		any |= part.bytes != NULL;
		key_append(c, &used, part);
	}
	key->bytes = c->key;
	key->length = used;
	return any;
}

/* Adds one event to one measure's part of the tally. */
static void
count_measure(counting *c, ks_builder *builder, const event *e, ks_measure *measure, int32 slot, bool removed)
{
	int64		weight = 1;
	ks_string	key;
	ks_string	member = {NULL, 0};
	Datum		value;
	uint32		number;

	if (measure->has_condition && (!column_datum(&measure->condition, e->slot, &value) || !DatumGetBool(value)))
		return;
	if (measure->has_weight)
	{
		if (!column_datum(&measure->weight, e->slot, &value))
			return;
		weight = column_integer(&measure->weight, value);
	}
	if (!build_key(c, e, measure, &key))
		return;
	if (removed && __builtin_sub_overflow((int64) 0, weight, &weight))
		ks_raise(KS_E_OVERFLOW);
	if (measure->has_member)
		member = column_text(&measure->member, e->slot);
	number = ks_dictionary_put(&builder->keys, key);
	if (member.bytes != NULL)
		ks_must(ks_builder_add_member(builder, number, slot, ks_hash_bytes(member.bytes, member.length), weight));
	else
		ks_must(ks_builder_add(builder, number, slot, weight));
}

/* Reads the shared values of a row; false for a row that cannot be counted at all. */
static bool
read_event(counting *c, TupleTableSlot *slot, event *e)
{
	ks_binding *binding = c->binding;
	Datum		value;
	int			i;

	slot_getsomeattrs(slot, binding->last_column);
	e->slot = slot;
	if (!column_datum(&binding->bot_id, slot, &value))
		return false;
	e->bot_id = column_integer(&binding->bot_id, value);
	if (!column_datum(&binding->occurred_at, slot, &value))
		return false;
	e->at = DatumGetTimestampTz(value);
	e->kind = column_text(&binding->kind, slot);
	for (i = 0; i < KS_DIMENSIONS; i++)
		e->dimensions[i] = column_text(&binding->dimensions[i], slot);
	return true;
}

/* Counts one event for every measure; note_bounds is false where an update left its instant alone. */
static void
count_event(counting *c, const event *e, bool removed, bool note_bounds)
{
	int32		slot = ks_slot_checked(e->at);
	ks_builder *builder = &find_group(c, e)->group.builder;
	size_t		before = ks_builder_bytes(builder);
	int			i;

	for (i = 0; i < c->binding->nmeasures; i++)
	{
		ks_measure *measure = &c->binding->measures[i];

		if (kind_counts(measure, e->kind))
			count_measure(c, builder, e, measure, slot, removed);
	}
	if (note_bounds)
		ks_bounds_note(&builder->bounds, e->at, removed);
	c->bytes += ks_builder_bytes(builder) - before;
}

/*
 * The next row of a transition table that counts, or nothing.  Its values go to
 * the current memory, which is reset row by row; the row itself, which the slot
 * frees when it moves on, must not.
 */
static bool
next_event(counting *c, Tuplestorestate *rows, TupleTableSlot *slot, event *e)
{
	while (rows != NULL)
	{
		MemoryContext row_memory = MemoryContextSwitchTo(slot->tts_mcxt);
		bool		found = tuplestore_gettupleslot(rows, true, false, slot);

		MemoryContextSwitchTo(row_memory);
		if (!found)
			return false;
		if (read_event(c, slot, e))
			return true;
	}
	return false;
}

/*
 * Walks the removed and the added rows of the statement side by side.  An
 * update writes both tables in the same order, so that each pair is one row's
 * old and new self; if its bot and instant are the same, first and last event
 * of the bot cannot have changed.
 */
static void
count_rows(counting *c, Relation relation, Tuplestorestate *removed, Tuplestorestate *added)
{
	TupleTableSlot *old_slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
	TupleTableSlot *new_slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
	MemoryContext row_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext memory = MemoryContextSwitchTo(row_memory);
	event		old_event,
				new_event;

	for (;;)
	{
		bool		has_old = next_event(c, removed, old_slot, &old_event);
		bool		has_new = next_event(c, added, new_slot, &new_event);
		bool		moved = !(has_old && has_new && old_event.bot_id == new_event.bot_id && old_event.at == new_event.at);

		if (!has_old && !has_new)
			break;
		CHECK_FOR_INTERRUPTS();
		if (has_old)
			count_event(c, &old_event, true, moved);
		if (has_new)
			count_event(c, &new_event, false, moved);
		if (c->bytes > (size_t) work_mem * 1024)
			flush_groups(c);
		MemoryContextReset(row_memory);
	}
	MemoryContextSwitchTo(memory);
	MemoryContextDelete(row_memory);
	ExecDropSingleTupleTableSlot(old_slot);
	ExecDropSingleTupleTableSlot(new_slot);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", function),
				 errhint("Use kindly_stats.attach().")));
	return (TriggerData *) fcinfo->context;
}

static void
check_trigger(TriggerData *trigger)
{
	TriggerEvent event = trigger->tg_event;

	if (!TRIGGER_FIRED_AFTER(event) || TRIGGER_FIRED_FOR_ROW(event) || TRIGGER_FIRED_BY_TRUNCATE(event) ||
		(trigger->tg_newtable == NULL && !TRIGGER_FIRED_BY_DELETE(event)) ||
		(trigger->tg_oldtable == NULL && !TRIGGER_FIRED_BY_INSERT(event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one that counts events", trigger->tg_trigger->tgname),
				 errhint("Use kindly_stats.attach().")));
}

/*
 * The trigger of event tables.  Writers of events need no right on the rollup:
 * it is written as its owner, the way foreign keys are checked.
 */
Datum
ks_count_events(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "count_events");
	counting	c;
	ks_identity caller;

	check_trigger(trigger);
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event) && ks_keep_statistics)
		return PointerGetDatum(NULL);

	caller = ks_become_owner("rollup");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	memset(&c, 0, sizeof(c));
	c.binding = ks_binding_get(trigger->tg_relation, trigger->tg_trigger->tgnargs, trigger->tg_trigger->tgargs);
	c.memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats tallies", ALLOCSET_DEFAULT_SIZES);
	c.key_size = 256;
	c.key = palloc(c.key_size);
	start_groups(&c);
	count_rows(&c, trigger->tg_relation,
			   TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? NULL : trigger->tg_oldtable,
			   TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? NULL : trigger->tg_newtable);
	flush_groups(&c);

	SPI_finish();
	ks_become_again(caller);
	return PointerGetDatum(NULL);
}

/* TRUNCATE has no transition table: it would leave the statistics behind without a word. */
Datum
ks_refuse_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "refuse_truncate");

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot truncate event table \"%s\"", RelationGetRelationName(trigger->tg_relation)),
			 errhint("Use kindly_stats.purge() to delete events and keep their statistics, DELETE to take them out of the statistics, or kindly_stats.detach() first.")));
	return PointerGetDatum(NULL);
}
