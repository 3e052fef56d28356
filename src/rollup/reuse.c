/*
 * Compaction leaves free space in the rollup, which new rows use.
 *
 * A new row lives for some sixty appends.  VACUUM, which records where there is room, runs
 * once a minute at best, and until then the table would grow by every row.  So a session
 * remembers the pages from which it deleted rows.  When it compacts the next time, mostly
 * nobody sees those rows any more: it prunes the pages, as any reader of a page may, and
 * records their free space in the free space map.  Line pointers stay until VACUUM has
 * cleaned the indexes; they take four bytes.  Forgetting a page does no harm.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/freespace.h"
#include "utils/rel.h"

/* How many pages are remembered. */
#define PAGES_MAX 256

/* A page with more room than this is not pruned again: it should be filled first. */
#define WORTH_BYTES (BLCKSZ / 10)

static Oid	of_table = InvalidOid;	/* what they are pages of */
static BlockNumber page[PAGES_MAX];
static int	count = 0;
static int	next = 0;			/* which one is replaced next when all places are taken */

/* Remembers the page of a deleted row. */
void
ks_reuse_note(ItemPointer place)
{
	BlockNumber block = ItemPointerGetBlockNumber(place);
	int			i;

	if (of_table != ks_shard_worked_on()->relid)
		count = next = 0;
	of_table = ks_shard_worked_on()->relid;

	for (i = count - 1; i >= 0; i--)
	{
		if (page[i] == block)
			return;
	}
	if (count < PAGES_MAX)
		page[count++] = block;
	else
	{
		page[next] = block;
		next = (next + 1) % PAGES_MAX;
	}
}

/* Prunes a page; returns how much room it has then. */
static Size
prune(Relation rollup, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(rollup, block);
	Size		result;

	heap_page_prune_opt(rollup, buffer);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	result = PageGetHeapFreeSpace(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return result;
}

/* Records the free space of the pages from which this session has deleted rows that nobody sees any more. */
void
ks_reuse_pages(void)
{
	Relation	rollup;
	BlockNumber pages;
	BlockNumber first = InvalidBlockNumber;
	BlockNumber last = 0;
	int			left = 0;
	int			i;

	if (count == 0 || of_table != ks_shard_worked_on()->relid)
		return;
	rollup = table_open(OidIsValid(of_table) ? of_table : ks_rollup_relid(), RowExclusiveLock);
	/* otherwise the pages are not those of this table */
	pages = rollup->rd_rel->relkind == RELKIND_RELATION && rollup->rd_rel->relam == HEAP_TABLE_AM_OID ? RelationGetNumberOfBlocks(rollup) : 0;
	for (i = 0; i < count; i++)
	{
		BlockNumber block = page[i];
		Size		room;

		CHECK_FOR_INTERRUPTS();
		if (block >= pages)
			continue;
		room = prune(rollup, block);
		if (room < WORTH_BYTES)
		{
			page[left++] = block;
			continue;
		}
		RecordPageWithFreeSpace(rollup, block, room);
		first = Min(first, block);
		last = Max(last, block);
	}
	count = left;
	next = 0;
	if (first != InvalidBlockNumber)
		FreeSpaceMapVacuumRange(rollup, first, last + 1);
	table_close(rollup, NoLock);
}
