/*
 * Statistics that come from another server.
 *
 * A server for reports may have no events, and a rollup that a subscription fills with
 * rows of the server that counts.  Rows are merged and repaired there, and what was done
 * arrives here.  If rows were merged here as well, the deletion of rows that were merged
 * there would find nothing, and their sum would be counted twice.  If they were compared
 * with the events of this server, nothing would be left.  So merging and repair are for
 * the server that counts alone.
 */
#include "rollup/rollup.h"

#include "catalog/namespace.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Whether a subscription writes the rollup.  PostgreSQL's own cache remembers it if none does. */
bool
ks_is_subscribed(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			rollup = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;
	CatCList   *found;
	bool		is_subscribed;

	if (!OidIsValid(rollup))
		return false;
	found = SearchSysCacheList1(SUBSCRIPTIONRELMAP, ObjectIdGetDatum(rollup));
	is_subscribed = found->n_members > 0;
	ReleaseSysCacheList(found);
	return is_subscribed;
}

void
ks_refuse_subscribed(void)
{
	if (ks_is_subscribed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statistics of another server are replicated to this one"),
				 errdetail("A subscription writes kindly_stats.rollup, and what is counted, merged or repaired here would not fit what comes."),
				 errhint("Do it on the server that counts the events, or drop the subscription first.")));
}
