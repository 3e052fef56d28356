/*
 * Statistics that come from another server.
 *
 * A node for reports may have no events, and a rollup that a subscription fills
 * with the rows of the server that counts.  There they are merged, and repaired,
 * and what is done arrives here.  Were rows merged here as well, the deletions of
 * those that were merged there would find nothing, and their sum would come on top;
 * were they compared with the events of this node, nothing would be left.  So both
 * are for the server that counts alone.
 */
#include "rollup/rollup.h"

#include "catalog/namespace.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Whether a subscription writes the rollup.  That nothing does is remembered by PostgreSQL's own cache. */
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
