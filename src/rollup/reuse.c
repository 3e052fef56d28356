/*
 * Compaction leaves free space in the rollup, which new rows use.
 *
 * A new row lives for some sixty appends.  VACUUM, which records where there is room, runs
 * once a minute at best, and until then the table would grow by every row.  So a session
 * remembers the pages from which it deleted rows.  When it compacts the next time, mostly
 * nobody sees those rows any more: it prunes the pages, as any reader of a page may, and
 * records their free space in the free space map.  Line pointers stay until VACUUM has
 * cleaned the indexes; they take four bytes.  Forgetting a page does no harm.
 *
 * Large tallies lie in TOAST, where a merge leaves as much dead as it writes anew: the
 * chunks of a month are written several times as it fills.  Their pages are remembered in
 * the order of the transactions that deleted them.  The first one that somebody may still
 * see ends the search, so that it is short however many pages are remembered.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/freespace.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* How many pages are remembered. */
#define PAGES_MAX 256

/* A page with more room than this is not pruned again: it should be filled first. */
#define WORTH_BYTES (BLCKSZ / 10)

static Oid	of_table = InvalidOid;	/* what they are pages of */
static BlockNumber page[PAGES_MAX];
static int	count = 0;
static int	next = 0;			/* which one is replaced next when all places are taken */

/* How many pages of TOAST are remembered: 64 MB. */
#define TOAST_PAGES_MAX 8192

typedef struct toast_page
{
	BlockNumber number;
	FullTransactionId transaction;	/* which deleted what is there; of 64 bits, for a session may live longer than 32 last */
} toast_page;

static Oid	toast_table = InvalidOid;
static toast_page toast_pages[TOAST_PAGES_MAX];
static int	toast_count = 0;

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

/* Remembers where the tally of a deleted row lies, if that is in TOAST. */
void
ks_reuse_note_tally(Datum tally)
{
	Oid			relid;
	BlockNumber *pages;
	uint32		count_of_pages = ks_toast_pages(tally, &relid, &pages);
	uint32		i;

	if (count_of_pages == 0)
		return;
	if (toast_table != relid)
		toast_count = 0;
	toast_table = relid;
	for (i = 0; i < count_of_pages && toast_count < TOAST_PAGES_MAX; i++)
	{
		toast_pages[toast_count].number = pages[i];
		toast_pages[toast_count++].transaction = GetCurrentFullTransactionId();
	}
	pfree(pages);
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
static void
reuse_pages(Relation rollup)
{
	BlockNumber pages;
	BlockNumber first = InvalidBlockNumber;
	BlockNumber last = 0;
	int			left = 0;
	int			i;

	if (count == 0 || of_table != ks_shard_worked_on()->relid)
		return;
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
}

/* A page of which more than a tenth is free is pruned only if an update has found it full.  Here it is worth it, too. */
static void
hint_full(Relation rel, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(rel, block);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!PageIsNew(BufferGetPage(buffer)))
		PageSetFull(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
}

static int
compare_blocks(const void *a, const void *b)
{
	BlockNumber x = *(const BlockNumber *) a;
	BlockNumber y = *(const BlockNumber *) b;

	return (x > y) - (x < y);
}

/* Takes those pages of TOAST off the list whose chunks nobody sees any more, in ascending order; returns how many. */
static int
removable_pages(Relation toast, BlockNumber *blocks)
{
	int			i;

	for (i = 0; i < toast_count; i++)
	{
		if ((i == 0 || !FullTransactionIdEquals(toast_pages[i].transaction, toast_pages[i - 1].transaction)) &&
			!GlobalVisCheckRemovableFullXid(toast, toast_pages[i].transaction))
			break;
		blocks[i] = toast_pages[i].number;
	}
	toast_count -= i;
	memmove(toast_pages, toast_pages + i, toast_count * sizeof(toast_page));
	qsort(blocks, i, sizeof(BlockNumber), compare_blocks);
	return i;
}

/* The same of TOAST, whose pages may be those of another shard. */
static void
reuse_toast(Relation rollup)
{
	Relation	toast;
	BlockNumber *blocks;
	BlockNumber pages;
	int			found;
	int			i;

	if (toast_count == 0 || rollup->rd_rel->reltoastrelid != toast_table)
		return;
	toast = table_open(toast_table, RowExclusiveLock);
	blocks = palloc(toast_count * sizeof(BlockNumber));
	found = removable_pages(toast, blocks);
	pages = RelationGetNumberOfBlocks(toast);
	for (i = 0; i < found && blocks[i] < pages; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0 && blocks[i] == blocks[i - 1])
			continue;
		hint_full(toast, blocks[i]);
		RecordPageWithFreeSpace(toast, blocks[i], prune(toast, blocks[i]));
	}
	if (i > 0)
		FreeSpaceMapVacuumRange(toast, blocks[0], blocks[i - 1] + 1);
	pfree(blocks);
	table_close(toast, NoLock);
}

/* Makes room that this session's compactions have left known to all. */
void
ks_reuse_pages(void)
{
	Oid			relid = ks_shard_worked_on()->relid;
	Relation	rollup;

	if (count == 0 && toast_count == 0)
		return;
	rollup = table_open(OidIsValid(relid) ? relid : ks_rollup_relid(), RowExclusiveLock);
	reuse_pages(rollup);
	reuse_toast(rollup);
	table_close(rollup, NoLock);
}
