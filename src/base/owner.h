/*
 * Whose rights are used: those of the owner of our tables, or of somebody else's table.
 */
#ifndef KS_OWNER_H
#define KS_OWNER_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/parsenodes.h"

/* The caller, before another role's rights were taken on. */
typedef struct ks_identity
{
	Oid			user;
	int			security;
} ks_identity;

/* While a table's owner's rights are used. */
typedef struct ks_owner_scope
{
	ks_identity caller;
	int			nest;			/* of settings */
} ks_owner_scope;

/* Errors that are raised meanwhile say in their context which table was read. */
typedef struct ks_named_table
{
	ErrorContextCallback callback;
	char	   *name;
} ks_named_table;

extern Oid ks_table_owner(Oid relid);
extern ks_owner_scope ks_table_owner_begin(Oid relid);
extern void ks_table_owner_end(ks_owner_scope scope);
extern void ks_name_table(ks_named_table *named, Oid relid);
extern void ks_unname_table(ks_named_table *named);
extern void ks_require_own(List *relations);
extern SPIPlanPtr ks_prepare_own(const char *query, int nargs, Oid *types);
extern void ks_require_rights(Oid relid, AclMode rights);

#endif							/* KS_OWNER_H */
