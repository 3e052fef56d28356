/*
 * The rows that a statement removed and added, side by side.
 */
#ifndef KS_ROLLUP_CHANGES_H
#define KS_ROLLUP_CHANGES_H

#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"

typedef struct ks_changes
{
	Tuplestorestate *removed;	/* NULL: there are none */
	Tuplestorestate *added;		/* likewise */
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;
	AttrNumber	last_column;	/* the highest number of those that are read */
	TupleTableSlot *old_row;	/* of the pair at hand; NULL: it has none */
	TupleTableSlot *new_row;
} ks_changes;

extern void ks_changes_begin(ks_changes *changes, const TriggerData *trigger, AttrNumber last_column);
extern bool ks_changes_next(ks_changes *changes);
extern void ks_changes_end(ks_changes *changes);

#endif							/* KS_ROLLUP_CHANGES_H */
