/*
 * An accumulator of (member, quarter, key) -> weight: what is added is noted down, and
 * summed up when somebody wants to know.
 */
#ifndef KS_TALLY_ACCUMULATOR_H
#define KS_TALLY_ACCUMULATOR_H

#include "tally/entries.h"

typedef struct ks_accumulator
{
	ks_memory	memory;
	ks_entry   *entry;
	uint32_t	count;
	uint32_t	capacity;
	uint32_t   *recent;			/* numbers + 1 of entries by hash; NULL while there are few */
	bool		consolidated;	/* entries ascend by quarter, member, key; none is there twice or is zero */
} ks_accumulator;

extern void ks_accumulator_init(ks_accumulator *accumulator, ks_memory memory);
extern void ks_accumulator_reserve(ks_accumulator *accumulator, size_t count);
extern ks_status ks_accumulator_add(ks_accumulator *accumulator, uint64_t member, int32_t quarter, uint32_t key, int64_t weight);
extern ks_status ks_accumulator_consolidate(ks_accumulator *accumulator);
extern size_t ks_accumulator_bytes(const ks_accumulator *accumulator);
extern void ks_accumulator_free(ks_accumulator *accumulator);

#endif							/* KS_TALLY_ACCUMULATOR_H */
