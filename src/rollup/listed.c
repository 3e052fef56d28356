/*
 * Lists that are only appended to, such as the list of bots.
 *
 * A writer adds a missing line in the transaction of its rows, so whoever sees a row also
 * sees its line.  Such a list has no unique key: two writers of the same new thing do not
 * wait for each other, and both add a line, which does no harm.  It is read in its current
 * state, not as of a snapshot (SnapshotSelf).  That includes everything that any snapshot
 * may see, perhaps more, and neither reading nor writing it can make a serializable
 * transaction fail.
 *
 * A session remembers what it has found or added, so that a statement costs a look into a
 * hash table.  What it has added itself is forgotten if the transaction does not commit.
 */
#include "rollup/listed.h"

#include "base/compat.h"
#include "base/seed.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* All lists that have had lines added. */
static ks_listed *all = NULL;

static void
forget(ks_listed *listed)
{
	if (listed->known != NULL)
		hash_destroy(listed->known);
	listed->known = NULL;
}

static void
end_transaction(XactEvent event, void *argument)
{
	bool		lost = event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE;
	ks_listed  *l;

	/* a prepared transaction may still be rolled back */
	if (!lost && event != XACT_EVENT_COMMIT)
		return;
	for (l = all; l != NULL; l = l->next)
	{
		if (lost && l->uncommitted)
			forget(l);
		l->uncommitted = false;
	}
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *argument)
{
	ks_listed  *l;

	/* lines of outer transactions may remain: they are found again, and are still uncommitted */
	for (l = event == SUBXACT_EVENT_ABORT_SUB ? all : NULL; l != NULL; l = l->next)
	{
		if (l->uncommitted)
			forget(l);
	}
}

/* Must be called before a line is added: an error while it is written makes the session forget what it knows. */
void
ks_listed_uncommitted(ks_listed *listed)
{
	ks_listed  *l;

	if (all == NULL)
	{
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
	}
	for (l = all; l != NULL && l != listed; l = l->next)
		;
	if (l == NULL)
	{
		listed->next = all;
		all = listed;
	}
	listed->uncommitted = true;
}

/* Hashes a key with a secret, since strangers may choose what is listed. */
static uint32
hash_key(const void *key, Size size)
{
	return (uint32) ks_seeded_bytes(key, size);
}

static HTAB *
known(ks_listed *listed)
{
	HASHCTL		control = {.keysize = listed->key_size, .entrysize = listed->entry_size, .hash = hash_key, .hcxt = TopMemoryContext};

	if (listed->known != NULL && hash_get_num_entries(listed->known) >= listed->most)
		forget(listed);
	if (listed->known == NULL)
	{
		ks_seed_ready();
		listed->known = hash_create(listed->name, 64, &control, HASH_ELEM | HASH_FUNCTION | HASH_CONTEXT);
	}
	return listed->known;
}

/* Forgets what is remembered of another table: a newer one of the same name has other lines. */
void
ks_listed_begin(ks_listed *listed, Oid relid)
{
	if (listed->relid != relid)
		forget(listed);
	listed->relid = relid;
}

/* Returns what is remembered under a key, or NULL. */
void *
ks_listed_find(ks_listed *listed, const void *key)
{
	return hash_search(known(listed), key, HASH_FIND, NULL);
}

/* Remembers that there is a line, and returns the entry to be filled. */
void *
ks_listed_put(ks_listed *listed, const void *key)
{
	return hash_search(known(listed), key, HASH_ENTER, NULL);
}

/* Reads the lines that a scan of the primary key finds, in their current state. */
void
ks_list_read(Oid relid, ScanKeyData *keys, int nkeys, ks_line take, void *context)
{
	Relation	list = table_open(relid, AccessShareLock);
	Oid			index = ks_primary_key(list);
	SysScanDesc scan = systable_beginscan(list, index, OidIsValid(index), SnapshotSelf, nkeys, keys);
	HeapTuple	line;

	while ((line = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (!take(line, RelationGetDescr(list), context))
			break;
	}
	systable_endscan(scan);
	table_close(list, NoLock);
}
