/*
 * Interactions of a bot: the measure of that name, and the catalogue of those
 * that are not in it.
 */
#ifndef KS_ROLLUP_INTERACTION_H
#define KS_ROLLUP_INTERACTION_H

#include "rollup/rollup.h"

#define KS_INTERACTIONS "interactions"

/* The parts of its keys behind source and language: type, name, id, parent, story. */
#define KS_INTERACTION_PARTS	5

/* Keys of the measure, and an instant or a quarter of each. */
typedef struct ks_interaction_keys
{
	int			count;
	ks_string  *keys;
	int64	   *at;
} ks_interaction_keys;

extern void ks_note_interactions(ks_month_tally *const *groups, int count);
extern void ks_interactions_noted(int64 bot_id, ks_interaction_keys *found);
extern bool ks_interactions_used(int64 bot_id, DateADT *month, ks_interaction_keys *found);

#endif							/* KS_ROLLUP_INTERACTION_H */
