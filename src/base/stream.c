/*
 * Functions that return the rows of a query, one row per call.
 *
 * The query is run a few rows at a time, so that only these are in memory and
 * the first comes at once: SELECT f(...) and COPY (SELECT f(...)) TO stream to
 * the client.  In FROM, PostgreSQL itself collects what a function returns, on
 * disk beyond work_mem.
 *
 * It is not a cursor, because cursors have names.  Code of a table's owner could
 * find one by its name, read another owner's rows from it or put another query
 * in its place; and a cursor WITH HOLD is read to its end at COMMIT, with the
 * rights of whoever commits.  So the executor is called as for a function in SQL
 * that returns rows: what it holds belongs to the query that calls us.
 */
#include "base/stream.h"
#include "base/compat.h"
#include "base/nested_query.h"
#include "base/receiver.h"
#include "base/statement.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Becoming the owner and hiding settings takes as long as a small row: so this many rows are fetched at once, or fewer if they reach this many bytes. */
#define ROWS_AT_ONCE 100
#define BYTES_AT_ONCE (64 * 1024)

/* Puts rows into the stream. */
typedef struct row_receiver
{
	DestReceiver receiver;		/* the executor knows no more than this */
	ks_stream  *stream;
} row_receiver;

void
ks_stream_argument(ks_stream_query *query, Oid type, Datum value, bool isnull)
{
	Assert(query->nargs < KS_STREAM_ARGUMENTS);
	query->types[query->nargs] = type;
	query->values[query->nargs] = value;
	query->nulls[query->nargs] = isnull;
	query->nargs++;
}

/* Takes on the rights that a stream's query runs with, for planning and whenever it is continued. */
static ks_owner_scope
enter(Oid table)
{
	ks_owner_scope scope;

	if (OidIsValid(table))
		return ks_table_owner_begin(table);
	GetUserIdAndSecContext(&scope.caller.user, &scope.caller.security);
	scope.nest = NewGUCNestLevel();
	ks_set_option("search_path", "pg_catalog, pg_temp");
	return scope;
}

/* ------------------------------------------------------------------------
 * Running a query bit by bit
 * ------------------------------------------------------------------------
 */

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	ks_stream  *stream = ((row_receiver *) self)->stream;
	MemoryContext old = MemoryContextSwitchTo(stream->memory);

	stream->rows[stream->count] = ExecCopySlotHeapTuple(slot);
	stream->bytes += stream->rows[stream->count++]->t_len;
	MemoryContextSwitchTo(old);
	return stream->bytes < BYTES_AT_ONCE;
}

static DestReceiver *
make_receiver(ks_stream *stream)
{
	row_receiver *r = palloc0(sizeof(row_receiver));

	ks_receiver_init(&r->receiver, receive_row);
	r->stream = stream;
	return &r->receiver;
}

/* NULL where there are none: whoever copies an empty list gets that, too. */
static ParamListInfo
make_parameters(const ks_stream_query *query)
{
	ParamListInfo result;
	int			i;

	if (query->nargs == 0)
		return NULL;
	result = makeParamList(query->nargs);
	for (i = 0; i < query->nargs; i++)
	{
		result->params[i].value = query->values[i];
		result->params[i].isnull = query->nulls[i];
		result->params[i].pflags = PARAM_FLAG_CONST;
		result->params[i].ptype = query->types[i];
	}
	return result;
}

/* Code that belongs to its tables may run as soon as a query is planned. */
static PlannedStmt *
make_plan(const ks_stream_query *query, ParamListInfo parameters)
{
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(query->text));
	Query	   *analyzed = linitial_node(Query, pg_analyze_and_rewrite_fixedparams(raw, query->text, query->types, query->nargs, NULL));

	if (OidIsValid(query->table))
	{
		List	   *relations;
		List	   *others;
		bool		row_security;

		extract_query_dependencies((Node *) analyzed, &relations, &others, &row_security);
		ks_require_own(relations);
	}
	return pg_plan_query(analyzed, query->text, 0, parameters);
}

/*
 * Begins a read-only query, which sees what the active snapshot sees.  It lives
 * in the current memory context, and must be continued and closed by the role
 * that is current now.
 */
void
ks_stream_open(ks_stream *stream, const ks_stream_query *query)
{
	ParamListInfo parameters = make_parameters(query);
	ks_named_table named;
	ks_owner_scope scope;

	ks_name_table(&named, query->table);
	scope = enter(query->table);
	/* there is hardly an expression to compile, and the compiler takes more memory than all the rest */
	ks_set_option("jit", "off");
	stream->table = query->table;
	stream->batch = query->batch;
	stream->rows = NULL;
	stream->count = 0;
	stream->bytes = 0;
	stream->ended = false;
	stream->memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats rows", ALLOCSET_DEFAULT_SIZES);
	stream->query = CreateQueryDesc(make_plan(query, parameters), query->text, GetActiveSnapshot(), InvalidSnapshot,
									make_receiver(stream), parameters, NULL, 0);
	ExecutorStart(stream->query, 0);
	stream->desc = stream->query->tupDesc;
	ks_table_owner_end(scope);
	ks_unname_table(&named);
}

/* Fetches the next rows; returns their number.  They are there until the next ones are fetched. */
uint64
ks_stream_fetch(ks_stream *stream)
{
	ks_nested_query nested;
	ks_named_table named;
	ks_owner_scope scope;

	MemoryContextReset(stream->memory);
	stream->count = 0;
	stream->bytes = 0;
	if (stream->ended)
		return 0;
	stream->rows = MemoryContextAlloc(stream->memory, stream->batch * sizeof(HeapTuple));
	ks_nested_query_begin(&nested);
	ks_name_table(&named, stream->table);
	scope = enter(stream->table);
	PushActiveSnapshot(stream->query->snapshot);
	ks_executor_run(stream->query, stream->batch);
	PopActiveSnapshot();
	ks_table_owner_end(scope);
	ks_unname_table(&named);
	ks_nested_query_end(&nested);
	stream->ended = stream->count < stream->batch && stream->bytes < BYTES_AT_ONCE;
	return stream->count;
}

/* The caller wants no more rows, or has got all. */
void
ks_stream_close(ks_stream *stream)
{
	ExecutorFinish(stream->query);
	ExecutorEnd(stream->query);
	FreeQueryDesc(stream->query);
	MemoryContextDelete(stream->memory);
}

/* ------------------------------------------------------------------------
 * As the rows of a function
 * ------------------------------------------------------------------------
 */

/* What a function keeps from call to call. */
typedef struct row_stream
{
	ks_stream	stream;
	uint64		next;
} row_stream;

static void
close_stream(Datum argument)
{
	ks_stream_close(&((row_stream *) DatumGetPointer(argument))->stream);
}

/* Copies the query's parts, which SPI would free, to the current memory context. */
static void
keep_query(ks_stream_query *query)
{
	int			i;

	query->text = pstrdup(query->text);
	for (i = 0; i < query->nargs; i++)
	{
		if (!query->nulls[i])
			query->values[i] = datumCopy(query->values[i], get_typbyval(query->types[i]), get_typlen(query->types[i]));
	}
}

static void
start_stream(FunctionCallInfo fcinfo, ks_stream_make make)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *funcctx = SRF_FIRSTCALL_INIT();
	row_stream *s = MemoryContextAllocZero(funcctx->multi_call_memory_ctx, sizeof(row_stream));
	ks_stream_query query = {.batch = ROWS_AT_ONCE};
	ks_nested_query nested;
	MemoryContext old;

	ks_nested_query_begin(&nested);
	ks_spi_connect();
	make(fcinfo, &query);
	old = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
	keep_query(&query);
	ks_stream_open(&s->stream, &query);
	MemoryContextSwitchTo(old);
	SPI_finish();
	ks_nested_query_end(&nested);
	funcctx->user_fctx = s;
	RegisterExprContextCallback(rsinfo->econtext, close_stream, PointerGetDatum(s));
}

/* The body of a function that returns rows: make() turns its arguments into a query, take() turns each row of that into a result. */
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
	if (s->next == s->stream.count)
	{
		(void) ks_stream_fetch(&s->stream);
		s->next = 0;
	}
	if (s->next < s->stream.count)
		SRF_RETURN_NEXT(funcctx, take(s->stream.rows[s->next++], s->stream.desc));
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
