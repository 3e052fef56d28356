/*
 * The answers of the rollup's aggregates, as they travel from the node that
 * owns a bot to the session that asked.
 */
#ifndef KS_ROLLUP_FOLD_H
#define KS_ROLLUP_FOLD_H

#include "rollup/rollup.h"

#include "lib/stringinfo.h"

typedef struct ks_month_bounds
{
	DateADT		month;
	bool		kept;			/* events that are in no table any more */
	int64		weight;			/* events */
	ks_bounds	bounds;
} ks_month_bounds;

/* Whether the first (or last) instant that was added cannot have been taken away since. */
static inline bool
ks_bound_certain(const ks_bounds *bounds, bool last)
{
	return last ? bounds->removed_last < bounds->last : bounds->removed_first > bounds->first;
}

/* fold.c */
extern void ks_top_receive(StringInfo message, ks_top *top);
extern void ks_spread_receive(StringInfo message, int nbins, bool distinct, ks_spread *spread);
extern void ks_options_receive(StringInfo message, ks_top *sources, ks_top *languages, ks_month_bounds **months, int *count);

#endif							/* KS_ROLLUP_FOLD_H */
