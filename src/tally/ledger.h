/*
 * A ledger of (member, slot, key) -> weight: what is added is noted down, and
 * summed up when somebody wants to know.
 */
#ifndef KS_TALLY_LEDGER_H
#define KS_TALLY_LEDGER_H

#include "tally/entries.h"

typedef struct ks_ledger
{
	ks_memory	memory;
	ks_entry   *entry;
	uint32_t	count;
	uint32_t	capacity;
	uint32_t   *recent;			/* numbers + 1 of entries by hash; NULL while there are few */
	bool		settled;		/* entries ascend by slot, member, key; none is there twice or is zero */
} ks_ledger;

extern void ks_ledger_init(ks_ledger *ledger, ks_memory memory);
extern void ks_ledger_reserve(ks_ledger *ledger, size_t count);
extern ks_status ks_ledger_add(ks_ledger *ledger, uint64_t member, int32_t slot, uint32_t key, int64_t weight);
extern ks_status ks_ledger_settle(ks_ledger *ledger);
extern size_t ks_ledger_bytes(const ks_ledger *ledger);
extern void ks_ledger_free(ks_ledger *ledger);

#endif							/* KS_TALLY_LEDGER_H */
