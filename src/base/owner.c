/*
 * Working on a table as its owner.
 *
 * Whoever owns a table can put code into it: into the expressions of an index,
 * which may run as soon as a query is planned, into triggers, casts and column
 * types.  Tables of events and conversations belong to strangers, so they are
 * read and changed as PostgreSQL's own VACUUM and ANALYZE do it: with the rights
 * of the table's owner and nobody else's, in a security-restricted operation,
 * after which every setting is restored.  Meanwhile, what belongs to the session
 * alone, such as the headers of a request, is hidden: all settings whose names
 * PostgreSQL does not know and merely keeps for whoever sets them.
 */
#include "base/statement.h"
#include "base/compat.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

Oid
ks_table_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Empties the settings that are kept for others, such as those of a request. */
static void
hide_settings(void)
{
	int			count;
	struct config_generic **all = ks_guc_variables(&count);
	int			i;

	for (i = 0; i < count; i++)
	{
		const char *value;

		if ((all[i]->flags & GUC_CUSTOM_PLACEHOLDER) == 0)
			continue;
		value = GetConfigOption(all[i]->name, true, false);
		if (value != NULL && value[0] != '\0')
			ks_set_option(all[i]->name, "");
	}
}

/* From here on, code that the table brings along is run as its owner.  An error gives the caller his own rights back by itself. */
ks_owner_scope
ks_table_owner_begin(Oid relid)
{
	ks_owner_scope scope;
	Oid			owner = ks_table_owner(relid);

	GetUserIdAndSecContext(&scope.caller.user, &scope.caller.security);
	scope.nest = NewGUCNestLevel();
	SetUserIdAndSecContext(owner, scope.caller.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION |
						   SECURITY_NOFORCE_RLS);
	ks_set_option("search_path", "pg_catalog, pg_temp");
	hide_settings();
	return scope;
}

void
ks_table_owner_end(ks_owner_scope scope)
{
	/* as if it had failed: whatever was set, with or without LOCAL, goes */
	AtEOXact_GUC(false, scope.nest);
	SetUserIdAndSecContext(scope.caller.user, scope.caller.security);
}

static void
name_in_context(void *argument)
{
	errcontext("reading table %s as its owner", ((ks_named_table *) argument)->name);
}

/* Names the table whose code failed, so that it can be detached.  InvalidOid: there is no table. */
void
ks_name_table(ks_named_table *named, Oid relid)
{
	named->name = OidIsValid(relid) ? quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)) : NULL;
	named->callback.previous = error_context_stack;
	named->callback.callback = name_in_context;
	named->callback.arg = named;
	if (named->name != NULL)
		error_context_stack = &named->callback;
}

void
ks_unname_table(ks_named_table *named)
{
	error_context_stack = named->callback.previous;
	if (named->name != NULL)
		pfree(named->name);
}

/*
 * A query names tables.  Between looking up a table's owner and parsing the
 * query, the owner of a schema may rename the schema or put another table in
 * the table's place.  Code of that other table must not run with rights that
 * are not its owner's.
 */
void
ks_require_own(List *relations)
{
	ListCell   *cell;

	foreach(cell, relations)
	{
		if (ks_table_owner(lfirst_oid(cell)) != GetUserId())
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("table \"%s\" has just been replaced", get_rel_name(lfirst_oid(cell))),
					 errhint("Try again.")));
	}
}

/* Prepares a query that runs with the rights of its tables' owner, which are in use already. */
SPIPlanPtr
ks_prepare_own(const char *query, int nargs, Oid *types)
{
	SPIPlanPtr	plan = SPI_prepare(query, nargs, types);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	ks_require_own(((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->relationOids);
	return plan;
}

/*
 * What is done as a table's owner is done to all rows, so the caller must be
 * allowed to do it himself: one who may see only some of the rows would get at
 * the others.
 */
void
ks_require_rights(Oid relid, AclMode rights)
{
	char		kind = get_rel_relkind(relid);
	AclResult	result = pg_class_aclmask(relid, GetUserId(), rights, ACLMASK_ALL) == rights ? ACLCHECK_OK : ACLCHECK_NO_PRIV;

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, get_rel_name(relid));
	/* a view or a foreign table may read with the rights of whoever asks */
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be an event table", get_rel_name(relid)),
				 errhint("Attach an ordinary or a partitioned table of your own, not a temporary one.")));
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security of table \"%s\" hides rows from role \"%s\"", get_rel_name(relid), GetUserNameFromId(GetUserId(), false)),
				 errhint("Let the table's owner do it, or a role with BYPASSRLS.")));
}
