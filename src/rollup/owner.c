/*
 * Working on a table as its owner.
 *
 * Whoever owns a table can put code into it: into the expressions of an index,
 * which may run as soon as a query is planned, into triggers, casts and column
 * types.  Tables of events and conversations belong to strangers, so whatever
 * reads or changes one does so as PostgreSQL's own VACUUM and ANALYZE do: with
 * the rights of the table's owner and nobody else's, in a security-restricted
 * operation, and every setting that was changed meanwhile is as before at its
 * end.  What the session keeps for itself alone, such as the headers of a
 * request, is hidden meanwhile.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

static const char *const *private_settings = NULL;
static int	nprivate_settings = 0;

/* Settings that no owner of a table is to read.  The names stay the caller's. */
void
ks_hide_settings(const char *const *names, int count)
{
	private_settings = names;
	nprivate_settings = count;
}

static Oid
owner_of(Oid relid)
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

/* From here on, code that the table brings along is run as its owner.  An error gives the caller his own rights back by itself. */
ks_visit
ks_enter_table(Oid relid)
{
	ks_visit	visit;
	Oid			owner = owner_of(relid);
	int			i;

	GetUserIdAndSecContext(&visit.caller.user, &visit.caller.security);
	visit.nest = NewGUCNestLevel();
	SetUserIdAndSecContext(owner, visit.caller.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION |
						   SECURITY_NOFORCE_RLS);
	ks_set_option("search_path", "pg_catalog, pg_temp");
	for (i = 0; i < nprivate_settings; i++)
	{
		const char *value = GetConfigOption(private_settings[i], true, false);

		if (value != NULL && value[0] != '\0')
			ks_set_option(private_settings[i], "");
	}
	return visit;
}

void
ks_leave_table(ks_visit visit)
{
	/* as if it had failed: whatever was set, with or without LOCAL, goes */
	AtEOXact_GUC(false, visit.nest);
	SetUserIdAndSecContext(visit.caller.user, visit.caller.security);
}

/*
 * What is done as a table's owner is done for somebody who may do it himself, and
 * to all rows: who is shown a part of them only would get at the others.
 */
void
ks_require_rights(Oid relid, AclMode rights)
{
	AclResult	result = pg_class_aclmask(relid, GetUserId(), rights, ACLMASK_ALL) == rights ? ACLCHECK_OK : ACLCHECK_NO_PRIV;

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, get_rel_name(relid));
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security of table \"%s\" hides rows from role \"%s\"", get_rel_name(relid), GetUserNameFromId(GetUserId(), false)),
				 errhint("Let the table's owner do it, or a role with BYPASSRLS.")));
}
