/*
 * A conversation as Ultimate's Data Export API documents it.
 */
#ifndef KS_DIALECT_DOCUMENT_H
#define KS_DIALECT_DOCUMENT_H

#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"

/* The documented properties but bot_name, in their order: those are the columns of the rows to be written. */
extern void ks_document_put(StringInfo out, HeapTuple row, TupleDesc desc);

#endif							/* KS_DIALECT_DOCUMENT_H */
