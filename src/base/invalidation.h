/*
 * Tells what caches tables and catalogs in a session that they have changed.
 */
#ifndef KS_INVALIDATION_H
#define KS_INVALIDATION_H

#include "postgres.h"

/*
 * Called whenever the server notices a change, in the middle of whatever the session
 * does: so callbacks only set flags.
 */
typedef void (*ks_table_callback) (Oid changed);
typedef void (*ks_catalog_callback) (void);

/* Whether what is cached of a table is out of date; an invalid number means that every table may have changed. */
static inline bool
ks_is_concerned(Oid table, Oid changed)
{
	return changed == table || !OidIsValid(changed);
}

extern void ks_on_table_change(ks_table_callback callback);
extern void ks_on_catalog_change(int cache, ks_catalog_callback callback);

#endif							/* KS_INVALIDATION_H */
