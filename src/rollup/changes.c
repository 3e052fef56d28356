/*
 * The rows that a statement removed and added, side by side.  An update writes both
 * transition tables in the same order, so each pair is the old and the new version of one
 * row.
 */
#include "rollup/changes.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

void
ks_changes_begin(ks_changes *changes, const TriggerData *trigger, AttrNumber last_column)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);

	changes->removed = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? NULL : trigger->tg_oldtable;
	changes->added = TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? NULL : trigger->tg_newtable;
	changes->old_slot = changes->removed != NULL ? MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple) : NULL;
	changes->new_slot = changes->added != NULL ? MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple) : NULL;
	changes->last_column = last_column;
}

/*
 * A row is in memory of the slot, which frees it when it moves on.  It is not in the
 * caller's memory, which may be reset between rows.
 */
static TupleTableSlot *
next_row(const ks_changes *changes, Tuplestorestate *rows, TupleTableSlot *slot)
{
	MemoryContext memory;
	bool		found;

	if (rows == NULL)
		return NULL;
	memory = MemoryContextSwitchTo(slot->tts_mcxt);
	found = tuplestore_gettupleslot(rows, true, false, slot);
	MemoryContextSwitchTo(memory);
	if (!found)
		return NULL;
	slot_getsomeattrs(slot, changes->last_column);
	return slot;
}

/* Advances to the next pair; false after the last one. */
bool
ks_changes_next(ks_changes *changes)
{
	CHECK_FOR_INTERRUPTS();
	changes->old_row = next_row(changes, changes->removed, changes->old_slot);
	changes->new_row = next_row(changes, changes->added, changes->new_slot);
	return changes->old_row != NULL || changes->new_row != NULL;
}

void
ks_changes_end(ks_changes *changes)
{
	if (changes->old_slot != NULL)
		ExecDropSingleTupleTableSlot(changes->old_slot);
	if (changes->new_slot != NULL)
		ExecDropSingleTupleTableSlot(changes->new_slot);
}
