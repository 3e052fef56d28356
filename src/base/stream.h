/*
 * Rows of a query, handed on one by one.
 */
#ifndef KS_STREAM_H
#define KS_STREAM_H

#include "postgres.h"

#include "executor/execdesc.h"
#include "executor/spi.h"
#include "fmgr.h"

#define KS_STREAM_ARGUMENTS 4

/* A query with parameters; names in it are looked up in pg_catalog alone. */
typedef struct ks_stream_query
{
	const char *text;
	Oid			table;			/* whose owner runs it; InvalidOid: it reads no table of a stranger's, and the caller runs it */
	int			batch;			/* rows that are in memory at once, where they are small */
	int			nargs;
	Oid			types[KS_STREAM_ARGUMENTS];
	Datum		values[KS_STREAM_ARGUMENTS];
	bool		nulls[KS_STREAM_ARGUMENTS];
} ks_stream_query;

/* A query that is being run. */
typedef struct ks_stream
{
	QueryDesc  *query;
	Oid			table;
	int			batch;
	bool		ended;
	HeapTuple  *rows;			/* that were fetched last, in memory */
	uint64		count;
	Size		bytes;
	TupleDesc	desc;
	MemoryContext memory;
} ks_stream;

/* Makes the query of a function's call; it is connected to SPI. */
typedef void (*ks_stream_make) (FunctionCallInfo fcinfo, ks_stream_query *query);

/* Makes a result of a row of the query, in the current memory. */
typedef Datum (*ks_stream_take) (HeapTuple row, TupleDesc desc);

extern void ks_stream_argument(ks_stream_query *query, Oid type, Datum value, bool isnull);
extern void ks_stream_open(ks_stream *stream, const ks_stream_query *query);
extern uint64 ks_stream_fetch(ks_stream *stream);
extern void ks_stream_close(ks_stream *stream);
extern Datum ks_stream_rows(FunctionCallInfo fcinfo, ks_stream_make make, ks_stream_take take);
extern Datum ks_stream_record(HeapTuple row, TupleDesc desc);

#endif							/* KS_STREAM_H */
