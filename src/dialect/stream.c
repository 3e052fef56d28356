/*
 * Functions that answer with the rows of a query, one row a call.
 *
 * The query runs in a cursor, so that no more than a row is in memory and the
 * first comes at once: SELECT f(...) and COPY (SELECT f(...)) TO stream to the
 * client.  In FROM, PostgreSQL itself gathers what a function gives, on disk
 * beyond work_mem.
 */
#include "dialect/stream.h"

#include "compat.h"

#include "access/htup_details.h"
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
 * The cursor of a call; the caller is connected to SPI.  It runs with the
 * rights of whoever called, reads only, and sees what the active snapshot sees.
 * It is one WITH HOLD, because a cursor over the function may be one, and is
 * read to its end at COMMIT: ours must not be gone by then.
 */
Portal
ks_stream_open(FunctionCallInfo fcinfo, ks_stream_make make)
{
	ks_stream_query query = {0};
	Portal		portal;
	int			nest;

	make(fcinfo, &query);
	nest = NewGUCNestLevel();
	ks_set_option("search_path", "pg_catalog, pg_temp");
	/* there is hardly an expression to compile, and a compiler takes more memory than all the rest */
	ks_set_option("jit", "off");
	portal = SPI_cursor_open_with_args(NULL, query.text, query.nargs, query.types, query.values, query.nulls, true,
									   CURSOR_OPT_NO_SCROLL | CURSOR_OPT_HOLD);
	AtEOXact_GUC(true, nest);
	return portal;
}

/*
 * The caller wants no more rows, or has got all.  The cursor is known by its
 * name: after an error it may be gone before us.
 */
static void
close_stream(Datum name)
{
	Portal		portal = GetPortalByName(DatumGetCString(name));

	if (PortalIsValid(portal))
		SPI_cursor_close(portal);
}

static void
start_stream(FunctionCallInfo fcinfo, ks_stream_make make)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *funcctx = SRF_FIRSTCALL_INIT();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	funcctx->user_fctx = MemoryContextStrdup(funcctx->multi_call_memory_ctx, ks_stream_open(fcinfo, make)->name);
	SPI_finish();
	RegisterExprContextCallback(rsinfo->econtext, close_stream, CStringGetDatum(funcctx->user_fctx));
}

/* The next row of the cursor; false after the last one. */
static bool
next_row(const char *name, ks_stream_take take, Datum *result)
{
	MemoryContext memory = CurrentMemoryContext;
	Portal		portal;
	bool		found;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	portal = SPI_cursor_find(name);
	if (!PortalIsValid(portal))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_CURSOR_STATE),
				 errmsg("the transaction ended before all rows were read"),
				 errhint("Read them all before its end.")));
	SPI_cursor_fetch(portal, true, 1);
	found = SPI_processed > 0;
	if (found)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);

		*result = take(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return found;
}

/* A function that gives back the rows of the query that make() makes of its arguments, as take() takes them. */
Datum
ks_stream_rows(FunctionCallInfo fcinfo, ks_stream_make make, ks_stream_take take)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *funcctx;
	Datum		result;

	if (SRF_IS_FIRSTCALL())
		start_stream(fcinfo, make);
	funcctx = SRF_PERCALL_SETUP();
	if (next_row(funcctx->user_fctx, take, &result))
		SRF_RETURN_NEXT(funcctx, result);
	UnregisterExprContextCallback(rsinfo->econtext, close_stream, CStringGetDatum(funcctx->user_fctx));
	close_stream(CStringGetDatum(funcctx->user_fctx));
	SRF_RETURN_DONE(funcctx);
}

/* Rows as they are. */
Datum
ks_stream_record(HeapTuple row, TupleDesc desc)
{
	return heap_copy_tuple_as_datum(row, BlessTupleDesc(desc));
}
