/*
 * What differs between PostgreSQL 15 and 18, shaped like the newest API.
 */
#ifndef KS_COMPAT_H
#define KS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "kindly_stats needs PostgreSQL 15 or later"
#endif

#include "funcapi.h"
#include "lib/stringinfo.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Soft errors of input functions came with 16; before, an error is an error. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define ks_escontext(fcinfo) ((fcinfo)->context)
#else
#define ks_escontext(fcinfo) NULL
#define ereturn(escontext, dummy, ...) \
	do { \
		(void) (escontext); \
		ereport(ERROR, __VA_ARGS__); \
	} while (0)
#endif

/* 16 added an argument for the details of an error, which nobody here reads. */
#if PG_VERSION_NUM >= 160000
#define ks_decode_datetime(field, ftype, nf, dtype, tm, fsec, tzp) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp, &(DateTimeErrorExtra) {0})
#else
#define ks_decode_datetime(field, ftype, nf, dtype, tm, fsec, tzp) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp)
#endif

#if PG_VERSION_NUM < 170000
static inline void
initReadOnlyStringInfo(StringInfo message, char *data, int length)
{
	message->data = data;
	message->len = length;
	message->maxlen = 0;
	message->cursor = 0;
}
#endif

/* 18's mark of a function that never returns, before the declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* Runs a query on for so many rows, to be run on again; 18 takes that for granted. */
#if PG_VERSION_NUM >= 180000
#define ks_executor_run(query, count) ExecutorRun(query, ForwardScanDirection, count)
#else
#define ks_executor_run(query, count) ExecutorRun(query, ForwardScanDirection, count, false)
#endif

/* 18 tells deferrable keys apart, which ours are not. */
#if PG_VERSION_NUM >= 180000
#define ks_primary_key(relation) RelationGetPrimaryKeyIndex(relation, false)
#else
#define ks_primary_key(relation) RelationGetPrimaryKeyIndex(relation)
#endif

/* All settings; 16 counts them itself. */
#if PG_VERSION_NUM >= 160000
#define ks_guc_variables(count) get_guc_variables(count)
#else
#define ks_guc_variables(count) (*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/* Whether this backend has a lock in just this mode. */
#include "storage/lock.h"
#if PG_VERSION_NUM >= 170000
#define ks_lock_held(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define ks_lock_held(tag, mode) LockHeldByMe(tag, mode)
#endif

/* What reads a JSON text, escapes and all. */
#include "common/jsonapi.h"
#if PG_VERSION_NUM >= 170000
#define ks_json_lexer(text, length, encoding) makeJsonLexContextCstringLen(NULL, text, length, encoding, true)
#else
#define ks_json_lexer(text, length, encoding) makeJsonLexContextCstringLen(text, length, encoding, true)
#endif

/* Another name since 17. */
#if PG_VERSION_NUM < 170000
#define SearchPathMatchesCurrentEnvironment(path) OverrideSearchPathMatchesCurrent(path)
#endif

/* How an index may use an operator: until 17 by the strategies of a btree, whose numbers are those of 18's comparisons. */
#include "utils/lsyscache.h"
#if PG_VERSION_NUM >= 180000
typedef OpIndexInterpretation ks_op_meaning;
#define ks_op_meanings(operator) get_op_index_interpretation(operator)
#define ks_op_strategy(meaning) ((int) (meaning)->cmptype)
#else
typedef OpBtreeInterpretation ks_op_meaning;
#define ks_op_meanings(operator) get_op_btree_interpretation(operator)
#define ks_op_strategy(meaning) ((meaning)->strategy)
#endif

/* A scan of a foreign table, for the planner: 17 added clauses that it makes, 18 whether it is disabled. */
#if PG_VERSION_NUM >= 180000
#define ks_foreign_path(root, rel, rows, startup, total, outer) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, NIL, outer, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define ks_foreign_path(root, rel, rows, startup, total, outer) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, outer, NULL, NIL, NIL)
#else
#define ks_foreign_path(root, rel, rows, startup, total, outer) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, outer, NULL, NIL)
#endif

#endif							/* KS_COMPAT_H */
