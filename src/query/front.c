/*
 * A stored tally as far as a query reads it.
 *
 * Large tallies are in TOAST, and of most of them only the front is needed:
 * keys and weights stand before members.
 */
#include "query/accessor.h"

#include "access/detoast.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/*
 * glibc gives freed memory back to the system beyond 128 kB, and gets it anew
 * page by page: with each question, hundreds or thousands of page faults, which took as
 * long as all else.  Once a block as large as this was freed, it keeps twice as
 * much, as it does after any large sort: enough for a year of three hundred
 * series and their JSON.
 */
#define KEPT_BYTES (8 * 1024 * 1024)

/* At least so much is fetched of a stored tally, one chunk of TOAST, to see how much more is needed. */
#define FRONT_BYTES 1900

/* Where the rest of a tally is, and what has been fetched of it. */
typedef struct stored_rest
{
	struct varlena *pointer;	/* into TOAST */
	MemoryContext fetched;
} stored_rest;

static const uint8_t *
fetch_stretch(void *source, size_t from, size_t length)
{
	stored_rest *rest = source;
	MemoryContext old = MemoryContextSwitchTo(rest->fetched);
	struct varlena *slice = PG_DETOAST_DATUM_SLICE(PointerGetDatum(rest->pointer), (int32) from, (int32) length);

	MemoryContextSwitchTo(old);
	return VARSIZE_ANY_EXHDR(slice) == length ? (const uint8_t *) VARDATA_ANY(slice) : NULL;
}

static void
release_stretches(void *source)
{
	MemoryContextReset(((stored_rest *) source)->fetched);
}

/* Opens the first bytes of what is in TOAST; what its header says of the size decides how much memory is taken. */
static struct varlena *
open_first_bytes(ks_view *view, Datum tally, size_t bytes)
{
	struct varlena *front = PG_DETOAST_DATUM_SLICE(tally, 0, (int32) bytes);

	ks_must(ks_view_open(view, VARDATA_ANY(front), VARSIZE_ANY_EXHDR(front)));
	if (view->header.size + VARHDRSZ != toast_raw_datum_size(tally))
		ks_raise(KS_E_CORRUPT);
	return front;
}

static void
keep_freed_memory(void)
{
	static bool done = false;

	if (!done)
		pfree(palloc_extended(KEPT_BYTES, MCXT_ALLOC_HUGE));
	done = true;
}

/*
 * A view of as much of a stored tally as the query reads of every row: the rest
 * stays in its TOAST table, and what turns out to be needed of it is fetched
 * row by row.  Everything lives in the current memory context, not in the row.
 */
void
ks_tally_open_front(ks_view *view, Datum tally, ks_query *query, bool mixed)
{
	struct varlena *front;
	stored_rest *rest;
	size_t		needed;

	keep_freed_memory();
	if (!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(tally)))
	{
		ks_tally_open(view, query->distinct ? PointerGetDatum(PG_DETOAST_DATUM_COPY(tally)) : tally);
		return;
	}
	front = open_first_bytes(view, tally, Max(query->front, FRONT_BYTES));
	needed = ks_query_reach(query, &view->header, mixed);
	if (needed > view->available)
	{
		pfree(front);
		open_first_bytes(view, tally, needed);
	}
	/* rows of one measure are alike: a little more than this one's will do for the next */
	query->front = needed + needed / 8;
	if (!query->distinct && !query->cut.any)
		return;
	rest = palloc(sizeof(stored_rest));
	rest->pointer = (struct varlena *) DatumGetPointer(datumCopy(tally, false, -1));
	rest->fetched = AllocSetContextCreate(CurrentMemoryContext, "stretches of a tally", ALLOCSET_SMALL_SIZES);
	view->source = rest;
	view->fetch = fetch_stretch;
	view->release = release_stretches;
}
