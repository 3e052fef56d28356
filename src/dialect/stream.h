/*
 * Rows of a query, handed on one by one.
 */
#ifndef KS_DIALECT_STREAM_H
#define KS_DIALECT_STREAM_H

#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"

#define KS_STREAM_ARGUMENTS 4

/* A query with parameters; names in it are looked up in pg_catalog alone. */
typedef struct ks_stream_query
{
	const char *text;
	int			nargs;
	Oid			types[KS_STREAM_ARGUMENTS];
	Datum		values[KS_STREAM_ARGUMENTS];
	char		nulls[KS_STREAM_ARGUMENTS];
} ks_stream_query;

/* Makes the query of a function's call; it is connected to SPI. */
typedef void (*ks_stream_make) (FunctionCallInfo fcinfo, ks_stream_query *query);

/* Makes a result of a row of the query, in the current memory. */
typedef Datum (*ks_stream_take) (HeapTuple row, TupleDesc desc);

extern void ks_stream_argument(ks_stream_query *query, Oid type, Datum value, bool isnull);
extern Portal ks_stream_open(FunctionCallInfo fcinfo, ks_stream_make make);
extern Datum ks_stream_rows(FunctionCallInfo fcinfo, ks_stream_make make, ks_stream_take take);
extern Datum ks_stream_record(HeapTuple row, TupleDesc desc);

#endif							/* KS_DIALECT_STREAM_H */
