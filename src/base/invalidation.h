/*
 * What a session keeps of tables and catalogs hears when they change.
 */
#ifndef KS_INVALIDATION_H
#define KS_INVALIDATION_H

#include "postgres.h"

/*
 * They are called whenever the server takes notice of a change, in the middle of whatever the session does: so they
 * only set flags.
 */
typedef void (*ks_table_callback) (Oid changed);
typedef void (*ks_catalog_callback) (void);

/* Whether what is kept of a table is out of date: without a number, all tables have changed. */
static inline bool
ks_is_concerned(Oid table, Oid changed)
{
	return changed == table || !OidIsValid(changed);
}

extern void ks_on_table_change(ks_table_callback callback);
extern void ks_on_catalog_change(int cache, ks_catalog_callback callback);

#endif							/* KS_INVALIDATION_H */
