/*
 * Counting events into the tallies of their bots and months.
 */
#ifndef KS_ROLLUP_COUNT_H
#define KS_ROLLUP_COUNT_H

#include "rollup/rollup.h"

/* The columns of one row, as a slot or a function's arguments have them. */
typedef struct ks_values
{
	const Datum *values;
	const bool *isnull;
} ks_values;

typedef struct ks_event
{
	int64		bot_id;
	TimestampTz at;
	ks_values	row;
} ks_event;

/* One member column of the event at hand. */
typedef struct ks_member
{
	bool		known;
	bool		present;
	uint64		hash;
} ks_member;

typedef struct ks_counter
{
	ks_binding *binding;
	MemoryContext memory;
	ks_dictionary dimensions;	/* encoded source and language */
	uint32		last_dimensions;
	ks_member  *members;		/* [nmembers] of the binding */
	uint8_t    *key;			/* scratch for one key */
	size_t		key_size;
} ks_counter;

extern void ks_counter_init(ks_counter *counter, ks_binding *binding, MemoryContext memory);
extern void ks_group_init(ks_group *group, int64 bot_id, int32 month, MemoryContext memory);
extern bool ks_event_read(ks_counter *counter, const ks_values *row, ks_event *event);
extern void ks_count_event(ks_counter *counter, ks_group *group, const ks_event *event, bool removed, bool note_bounds);

#endif							/* KS_ROLLUP_COUNT_H */
