/*
 * Counting events into the tallies of their bots and months.
 */
#ifndef KS_ROLLUP_COUNT_H
#define KS_ROLLUP_COUNT_H

#include "rollup/rollup.h"

/* The columns of one row, as a tuple slot or a function's arguments have them. */
typedef struct ks_values
{
	const Datum *values;
	const bool *isnull;
} ks_values;

typedef struct ks_event
{
	int64		bot_id;
	TimestampTz at;
	ks_string	kind;
	ks_values	row;
} ks_event;

/* One member column of the current event. */
typedef struct ks_member
{
	bool		known;
	bool		present;
	uint64		hash;
} ks_member;

/* What a rule makes of the current event. */
typedef struct ks_ruled
{
	bool		known;
	ks_string	text;			/* bytes NULL: NULL */
} ks_ruled;

typedef struct ks_counter
{
	ks_binding *binding;
	MemoryContext memory;
	ks_bot_reader bot;
	ks_dictionary dimensions;	/* encoded source and language */
	uint32		last_dimensions;
	ks_member  *members;		/* [nmembers] of the binding */
	ks_ruled   *ruled;			/* [nrules] of the binding */
	uint8_t    *key;			/* scratch for one key */
	size_t		key_size;
} ks_counter;

/* The tallies of bots and months that events are counted into. */
typedef struct ks_month_tallies
{
	MemoryContext memory;		/* of the tallies */
	ks_entries	index;			/* numbers of groups, by bot and month */
	ks_month_tally  **groups;
	uint32		size;			/* room in groups */
	ks_month_tally   *last;			/* the group of the previous event */
	int64		day;			/* whose month is known: events of one day often follow one another */
	int32		month;
	size_t		bytes;			/* of all builders */
} ks_month_tallies;

/* count.c */
extern void ks_counter_init(ks_counter *counter, ks_binding *binding, MemoryContext memory);
extern void ks_group_init(ks_month_tally *group, int64 bot_id, int32 month, MemoryContext memory);
extern bool ks_event_read(ks_counter *counter, const ks_values *row, ks_event *event);
extern void ks_count_event(ks_counter *counter, ks_month_tally *group, const ks_event *event, bool removed, bool note_bounds);

/* month_tally.c */
extern void ks_month_tallies_init(ks_month_tallies *g, MemoryContext parent);
extern void ks_month_tallies_reset(ks_month_tallies *g);
extern void ks_month_tallies_count(ks_month_tallies *g, ks_counter *counter, const ks_event *e, bool removed, bool note_bounds);
extern uint32 ks_month_tallies_consolidate(ks_month_tallies *g);

#endif							/* KS_ROLLUP_COUNT_H */
