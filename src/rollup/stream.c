/*
 * Functions that answer with the rows of a query, one row a call.
 *
 * The query runs in a cursor, so that no more than a few rows are in memory and
 * the first comes at once: SELECT f(...) and COPY (SELECT f(...)) TO stream to
 * the client.  In FROM, PostgreSQL itself gathers what a function gives, on disk
 * beyond work_mem.
 */
#include "rollup/stream.h"

#include "compat.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "rollup/rollup.h"

void
ks_stream_argument(ks_stream_query *query, Oid type, Datum value, bool isnull)
{
	Assert(query->nargs < KS_STREAM_ARGUMENTS);
	query->types[query->nargs] = type;
	query->values[query->nargs] = value;
	query->nulls[query->nargs] = isnull ? 'n' : ' ';
	query->nargs++;
}

/*
 * Whether our cursor must outlive the transaction: only when it is read for one
 * WITH HOLD, which is read to its end at COMMIT, with the rights of whoever
 * declared it.  In a security-restricted operation PostgreSQL refuses to declare
 * one, since at COMMIT the operation's rights are gone; so do we.
 */
static bool
is_held(void)
{
	return PortalIsValid(ActivePortal) && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) && !InSecurityRestrictedOperation();
}

/* Whose rights a stream's query has, while it is planned and each time that it is run on. */
static ks_visit
enter(Oid table)
{
	ks_visit	visit;

	if (OidIsValid(table))
		return ks_enter_table(table);
	GetUserIdAndSecContext(&visit.caller.user, &visit.caller.security);
	visit.nest = NewGUCNestLevel();
	ks_set_option("search_path", "pg_catalog, pg_temp");
	return visit;
}

/* Opens the cursor of a query, which reads only, and sees what the active snapshot sees.  The caller is connected to SPI. */
void
ks_stream_open(ks_stream *stream, const ks_stream_query *query)
{
	int			options = CURSOR_OPT_NO_SCROLL | (is_held() ? CURSOR_OPT_HOLD : 0);
	ks_visit	visit = enter(query->table);
	Portal		portal;

	/* there is hardly an expression to compile, and a compiler takes more memory than all the rest */
	ks_set_option("jit", "off");
	portal = SPI_cursor_open_with_args(NULL, query->text, query->nargs, (Oid *) query->types, (Datum *) query->values, query->nulls,
									   true, options);
	ks_leave_table(visit);
	stream->portal = pstrdup(portal->name);
	stream->table = query->table;
	stream->batch = query->batch;
}

/* Fetches the next rows into SPI_tuptable; gives back their number.  The caller is connected to SPI. */
uint64
ks_stream_fetch(const ks_stream *stream)
{
	Portal		portal = SPI_cursor_find(stream->portal);
	ks_visit	visit;

	if (!PortalIsValid(portal))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_CURSOR_STATE),
				 errmsg("the transaction ended before all rows were read"),
				 errhint("Read them all before its end.")));
	visit = enter(stream->table);
	SPI_cursor_fetch(portal, true, stream->batch);
	ks_leave_table(visit);
	return SPI_processed;
}

/*
 * The caller wants no more rows, or has got all.  The cursor is known by its
 * name: after an error it may be gone before us.
 */
void
ks_stream_close(const ks_stream *stream)
{
	Portal		portal = GetPortalByName(stream->portal);

	if (PortalIsValid(portal))
		SPI_cursor_close(portal);
}

/* ------------------------------------------------------------------------
 * As the rows of a function
 * ------------------------------------------------------------------------
 */

/* What a function keeps from call to call. */
typedef struct row_stream
{
	ks_stream	stream;
	MemoryContext memory;		/* of the rows at hand */
	TupleDesc	desc;
	HeapTuple  *rows;
	uint64		count;
	uint64		next;
} row_stream;

static void
close_stream(Datum argument)
{
	ks_stream_close(&((row_stream *) DatumGetPointer(argument))->stream);
}

static void
start_stream(FunctionCallInfo fcinfo, ks_stream_make make)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *funcctx = SRF_FIRSTCALL_INIT();
	MemoryContext memory = funcctx->multi_call_memory_ctx;
	row_stream *s = MemoryContextAllocZero(memory, sizeof(row_stream));
	ks_stream_query query = {.batch = 1};

	s->memory = AllocSetContextCreate(memory, "kindly_stats rows", ALLOCSET_DEFAULT_SIZES);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	make(fcinfo, &query);
	ks_stream_open(&s->stream, &query);
	s->stream.portal = MemoryContextStrdup(memory, s->stream.portal);
	SPI_finish();
	funcctx->user_fctx = s;
	RegisterExprContextCallback(rsinfo->econtext, close_stream, PointerGetDatum(s));
}

/* Fetches as many rows as a batch has. */
static void
fetch_batch(row_stream *s)
{
	MemoryContext old;
	uint64		i;

	MemoryContextReset(s->memory);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	s->count = ks_stream_fetch(&s->stream);
	s->next = 0;
	old = MemoryContextSwitchTo(s->memory);
	s->rows = palloc((s->count + 1) * sizeof(HeapTuple));
	s->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
	for (i = 0; i < s->count; i++)
		s->rows[i] = heap_copytuple(SPI_tuptable->vals[i]);
	MemoryContextSwitchTo(old);
	SPI_finish();
}

/* A function that gives back the rows of the query that make() makes of its arguments, as take() takes them. */
Datum
ks_stream_rows(FunctionCallInfo fcinfo, ks_stream_make make, ks_stream_take take)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *funcctx;
	row_stream *s;

	if (SRF_IS_FIRSTCALL())
		start_stream(fcinfo, make);
	funcctx = SRF_PERCALL_SETUP();
	s = funcctx->user_fctx;
	if (s->next == s->count)
		fetch_batch(s);
	if (s->next < s->count)
		SRF_RETURN_NEXT(funcctx, take(s->rows[s->next++], s->desc));
	UnregisterExprContextCallback(rsinfo->econtext, close_stream, PointerGetDatum(s));
	ks_stream_close(&s->stream);
	SRF_RETURN_DONE(funcctx);
}

/* Rows as they are. */
Datum
ks_stream_record(HeapTuple row, TupleDesc desc)
{
	return heap_copy_tuple_as_datum(row, BlessTupleDesc(desc));
}
