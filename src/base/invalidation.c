/*
 * Tells what caches tables and catalogs in a session that they have changed.
 *
 * The server has room for ten callbacks about tables, which all extensions of a
 * session share, and none can be unregistered.  So one is registered here, and calls
 * all of ours.
 */
#include "base/invalidation.h"
#include "base/compat.h"

#include "utils/inval.h"
#include "utils/syscache.h"

/* More than there are: each is registered by its own file. */
#define CALLBACKS_MAX 8

static ks_table_callback table_callbacks[CALLBACKS_MAX];
static int	ntable_callbacks = 0;

static struct
{
	int			cache;
	ks_catalog_callback callback;
}			catalog_callbacks[CALLBACKS_MAX];
static int	ncatalog_callbacks = 0;

static void
tell_of_table(Datum argument, Oid changed)
{
	int			i;

	for (i = 0; i < ntable_callbacks; i++)
		table_callbacks[i] (changed);
}

/* Caches find their tables by name.  When a schema gets another name, its tables do not tell, and somebody else's may have the old one. */
static void
tell_of_schemas(Datum argument, int cache, uint32 hash)
{
	tell_of_table(argument, InvalidOid);
}

static void
tell_of_catalog(Datum number, int cache, uint32 hash)
{
	catalog_callbacks[DatumGetInt32(number)].callback();
}

/* Calls the callback for each table that changes from now on, and for all of them where a schema does.  Registering it once more does nothing. */
void
ks_on_table_change(ks_table_callback callback)
{
	int			i;

	for (i = 0; i < ntable_callbacks; i++)
	{
		if (table_callbacks[i] == callback)
			return;
	}
	if (ntable_callbacks == CALLBACKS_MAX)
		elog(ERROR, "too many callbacks about tables");
	if (ntable_callbacks == 0)
	{
		CacheRegisterRelcacheCallback(tell_of_table, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, tell_of_schemas, (Datum) 0);
	}
	table_callbacks[ntable_callbacks++] = callback;
}

/* Calls the callback for each change from now on of the catalog that this cache of the server reads.  Registering it once more does nothing. */
void
ks_on_catalog_change(int cache, ks_catalog_callback callback)
{
	int			i;

	for (i = 0; i < ncatalog_callbacks; i++)
	{
		if (catalog_callbacks[i].cache == cache && catalog_callbacks[i].callback == callback)
			return;
	}
	if (ncatalog_callbacks == CALLBACKS_MAX)
		elog(ERROR, "too many callbacks about catalogs");
	catalog_callbacks[ncatalog_callbacks].cache = cache;
	catalog_callbacks[ncatalog_callbacks].callback = callback;
	CacheRegisterSyscacheCallback(cache, tell_of_catalog, Int32GetDatum(ncatalog_callbacks));
	ncatalog_callbacks++;
}
