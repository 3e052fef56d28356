/*
 * Running SQL on the rollup: prepared statements, and whose rights they use.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Prepares a statement once a session; PostgreSQL's plan cache keeps it valid from there on. */
SPIPlanPtr
ks_prepared(SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	if (*plan == NULL)
	{
		SPIPlanPtr	fresh = SPI_prepare(query, nargs, types);

		if (fresh == NULL || SPI_keepplan(fresh) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
		*plan = fresh;
	}
	return *plan;
}

/* The owner of the rollup, whose rights are used to write it. */
Oid
ks_rollup_owner(void)
{
	Oid			relid = get_relname_relid("rollup", get_namespace_oid("kindly_stats", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ks_require_rollup();
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Says what to do where the rollup is not there. */
void
ks_require_rollup(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);

	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid("rollup", schema)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no event table has been attached"),
				 errhint("Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().")));
}
