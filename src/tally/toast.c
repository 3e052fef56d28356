/*
 * A stretch of a stored tally out of TOAST, page by page.
 *
 * PostgreSQL fetches a value chunk by chunk, as it would rows of any table: each with its page found, locked and
 * pruned anew, and taken apart.  A question reads thousands of chunks, four of which share a
 * page as a rule.  So the index is asked first where all of them are, and then each page is visited
 * once.  While its chunks are copied, the next page is on its way from memory to the processor.  Whatever
 * is not as expected (another access method, compression, a chunk that is missing) is left to
 * PostgreSQL, and so is what there is to say about it.
 */
#include "tally/tally.h"

#include "base/compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Columns of every TOAST table, and of its index the first two. */
#define CHUNK_ID 1
#define CHUNK_SEQUENCE 2
#define CHUNK_DATA 3

/* Bytes [from, end) of a value, and the chunks that have them. */
typedef struct stretch
{
	Relation	toast;
	Oid			value;
	uint32		size;			/* of the whole value */
	uint32		from;
	uint32		end;
	int32		first;
	int32		last;
	ItemPointerData *places;	/* [last - first + 1] */
	char	   *bytes;			/* where the first one goes */
} stretch;

/* Finds where the chunks are; false where there are not just as many as there should be. */
static bool
find_chunks(stretch *s, Relation index, Snapshot snapshot)
{
	int			count = s->last - s->first + 1;
	int			found = 0;
	ScanKeyData keys[3];
	IndexScanDesc scan;
	ItemPointer place;

	ScanKeyInit(&keys[0], CHUNK_ID, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(s->value));
	ScanKeyInit(&keys[1], CHUNK_SEQUENCE, BTGreaterEqualStrategyNumber, F_INT4GE, Int32GetDatum(s->first));
	ScanKeyInit(&keys[2], CHUNK_SEQUENCE, BTLessEqualStrategyNumber, F_INT4LE, Int32GetDatum(s->last));
	scan = ks_index_beginscan(s->toast, index, snapshot, 3);
	index_rescan(scan, keys, 3, NULL, 0);
	while (found <= count && (place = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (found < count)
			s->places[found] = *place;
		found++;
	}
	index_endscan(scan);
	return found == count;
}

/* Copies what the stretch has of a chunk, whose page is locked; false where that is not the chunk. */
static bool
copy_chunk(const stretch *s, Buffer buffer, int number, Snapshot snapshot)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber offset = ItemPointerGetOffsetNumber(&s->places[number]);
	TupleDesc	desc = RelationGetDescr(s->toast);
	int32		sequence = s->first + number;
	uint32		begin = (uint32) sequence * TOAST_MAX_CHUNK_SIZE;
	uint32		end = Min(begin + TOAST_MAX_CHUNK_SIZE, s->size);
	uint32		from = Max(begin, s->from);
	HeapTupleData tuple;
	struct varlena *chunk;
	ItemId		item;
	bool		isnull[3];

	if (offset > PageGetMaxOffsetNumber(page) || !ItemIdIsNormal(item = PageGetItemId(page, offset)))
		return false;
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_self = s->places[number];
	tuple.t_tableOid = RelationGetRelid(s->toast);
	if (!HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer) ||
		DatumGetObjectId(heap_getattr(&tuple, CHUNK_ID, desc, &isnull[0])) != s->value ||
		DatumGetInt32(heap_getattr(&tuple, CHUNK_SEQUENCE, desc, &isnull[1])) != sequence)
		return false;
	chunk = (struct varlena *) DatumGetPointer(heap_getattr(&tuple, CHUNK_DATA, desc, &isnull[2]));
	if (isnull[0] || isnull[1] || isnull[2] || VARATT_IS_EXTENDED(chunk) || VARSIZE(chunk) - VARHDRSZ != end - begin)
		return false;
	memcpy(s->bytes + (from - s->from), VARDATA(chunk) + (from - begin), Min(end, s->end) - from);
	return true;
}

/* A chunk that is full takes so much of a page, from whose end on they are put. */
#define CHUNK_BYTES MAXALIGN(SizeofHeapTupleHeader + sizeof(Oid) + sizeof(int32) + VARHDRSZ + TOAST_MAX_CHUNK_SIZE)

/* Reads the page of a chunk, and asks the processor for what is looked at first there: where it is, and its beginning. */
static Buffer
read_page(const stretch *s, int number)
{
	Buffer		buffer = ReadBuffer(s->toast, ItemPointerGetBlockNumber(&s->places[number]));
	const char *page = BufferGetBlock(buffer);
	Size		at;

	__builtin_prefetch(page);
	for (at = CHUNK_BYTES; at < BLCKSZ; at += CHUNK_BYTES)
		__builtin_prefetch(page + BLCKSZ - at);
	return buffer;
}

/* Copies the chunks, whose places are known: those of a page together, after the next page has been asked for. */
static bool
copy_chunks(const stretch *s, Snapshot snapshot)
{
	int			count = s->last - s->first + 1;
	Buffer		buffer = read_page(s, 0);
	bool		good = true;
	int			i,
				end,
				k;

	for (i = 0; i < count && good; i = end)
	{
		Buffer		next = InvalidBuffer;

		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < count && ItemPointerGetBlockNumber(&s->places[end]) == ItemPointerGetBlockNumber(&s->places[i]); end++)
			;
		if (end < count)
			next = read_page(s, end);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		for (k = i; k < end && good; k++)
			good = copy_chunk(s, buffer, k, snapshot);
		UnlockReleaseBuffer(buffer);
		buffer = next;
	}
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	return good;
}

/* Fetches a stretch of what is stored as it is; false where PostgreSQL is to do it. */
static bool
fetch_stretch(stretch *s)
{
	SnapshotData snapshot = {.snapshot_type = SNAPSHOT_TOAST};
	Relation   *indexes;
	int			nindexes;
	int			valid;
	bool		result;

	if (s->toast->rd_rel->relam != HEAP_TABLE_AM_OID)
		return false;
	valid = toast_open_indexes(s->toast, AccessShareLock, &indexes, &nindexes);
	s->first = (int32) (s->from / TOAST_MAX_CHUNK_SIZE);
	s->last = (int32) ((s->end - 1) / TOAST_MAX_CHUNK_SIZE);
	s->places = palloc((s->last - s->first + 1) * sizeof(ItemPointerData));
	result = find_chunks(s, indexes[valid], &snapshot) && copy_chunks(s, &snapshot);
	pfree(s->places);
	toast_close_indexes(indexes, nindexes, AccessShareLock);
	return result;
}

/* The same as PG_DETOAST_DATUM_SLICE. */
struct varlena *
ks_toast_slice(Datum value, uint32 from, uint32 length)
{
	struct varlena *attribute = (struct varlena *) DatumGetPointer(value);
	struct varatt_external where;
	struct varlena *result;
	stretch		s;
	bool		done;

	if (!VARATT_IS_EXTERNAL_ONDISK(attribute) || ks_snapshots_grow_old())
		return PG_DETOAST_DATUM_SLICE(value, (int32) from, (int32) length);
	VARATT_EXTERNAL_GET_POINTER(where, attribute);
	s.size = VARATT_EXTERNAL_GET_EXTSIZE(where);
	if (VARATT_EXTERNAL_IS_COMPRESSED(where) || from >= s.size || length == 0)
		return PG_DETOAST_DATUM_SLICE(value, (int32) from, (int32) length);
	s.from = from;
	s.end = length < s.size - from ? from + length : s.size;
	s.value = where.va_valueid;
	result = palloc(VARHDRSZ + (s.end - s.from));
	SET_VARSIZE(result, VARHDRSZ + (s.end - s.from));
	s.bytes = VARDATA(result);
	s.toast = table_open(where.va_toastrelid, AccessShareLock);
	done = fetch_stretch(&s);
	table_close(s.toast, AccessShareLock);
	if (done)
		return result;
	pfree(result);
	return PG_DETOAST_DATUM_SLICE(value, (int32) from, (int32) length);
}

/*
 * Returns which pages of which TOAST table a stored tally lies on, page by page as its chunks
 * follow each other; none if it is not there, or not as expected.
 */
uint32
ks_toast_pages(Datum value, Oid *relid, BlockNumber **pages)
{
	SnapshotData snapshot = {.snapshot_type = SNAPSHOT_TOAST};
	struct varlena *attribute = (struct varlena *) DatumGetPointer(value);
	struct varatt_external where;
	Relation   *indexes;
	int			nindexes;
	int			valid;
	uint32		count = 0;
	stretch		s;
	int			i;

	if (!VARATT_IS_EXTERNAL_ONDISK(attribute))
		return 0;
	VARATT_EXTERNAL_GET_POINTER(where, attribute);
	s.toast = table_open(where.va_toastrelid, AccessShareLock);
	s.value = where.va_valueid;
	s.first = 0;
	s.last = (int32) ((Max(VARATT_EXTERNAL_GET_EXTSIZE(where), 1) - 1) / TOAST_MAX_CHUNK_SIZE);
	s.places = palloc((s.last + 1) * sizeof(ItemPointerData));
	valid = toast_open_indexes(s.toast, AccessShareLock, &indexes, &nindexes);
	if (s.toast->rd_rel->relam == HEAP_TABLE_AM_OID && find_chunks(&s, indexes[valid], &snapshot))
	{
		*relid = where.va_toastrelid;
		*pages = palloc((s.last + 1) * sizeof(BlockNumber));
		for (i = 0; i <= s.last; i++)
		{
			BlockNumber page = ItemPointerGetBlockNumber(&s.places[i]);

			if (count == 0 || (*pages)[count - 1] != page)
				(*pages)[count++] = page;
		}
	}
	pfree(s.places);
	toast_close_indexes(indexes, nindexes, AccessShareLock);
	table_close(s.toast, AccessShareLock);
	return count;
}
