/*
 * Running SQL on the extension's own tables.
 */
#ifndef KS_STATEMENT_H
#define KS_STATEMENT_H

#include "postgres.h"

#include "base/owner.h"
#include "base/spi.h"

extern void ks_set_option(const char *name, const char *value);
extern void ks_prepared(SPIPlanPtr *plan, const char *query, int nargs, Oid *types);
extern char *ks_of_shard(const char *query, const char *shard);
extern void ks_prepared_simple(SPIPlanPtr *plan, const char *query, int nargs, Oid *types);
extern Oid	ks_rollup_relid(void);
extern ks_identity ks_switch_to_owner(const char *table);
extern void ks_restore_user(ks_identity caller);
extern void ks_require_rollup(void);

#endif							/* KS_STATEMENT_H */
