/*
 * What differs between PostgreSQL 14 and 18, shaped like the newest API.
 */
#ifndef KS_COMPAT_H
#define KS_COMPAT_H

#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
/* 15's way to answer with a whole tuplestore. */
#include "miscadmin.h"
#include "utils/tuplestore.h"

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &rsinfo->setDesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(old);
}
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

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 18's mark of a function that never returns, before the declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* What a hash table may take, in bytes. */
#if PG_VERSION_NUM >= 150000
#include "miscadmin.h"
#define ks_hash_memory() get_hash_memory_limit()
#else
#include "executor/nodeHash.h"
#define ks_hash_memory() ((size_t) get_hash_mem() * 1024)
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

/* 15's name. */
#if PG_VERSION_NUM < 150000
#define pg_analyze_and_rewrite_fixedparams(raw, text, types, count, environment) \
	pg_analyze_and_rewrite(raw, text, types, count, environment)
#endif

/* Whether this backend has a lock in just this mode. */
#include "storage/lock.h"
#if PG_VERSION_NUM >= 170000
#define ks_lock_held(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define ks_lock_held(tag, mode) LockHeldByMe(tag, mode)
#endif

/* 15's HMAC; before, of SHA-256 alone. */
#if PG_VERSION_NUM >= 150000
#include "common/hmac.h"
#else
#include "common/cryptohash.h"
#include "common/sha2.h"

typedef struct pg_hmac_ctx
{
	pg_cryptohash_ctx *hash;
	uint8		key[PG_SHA256_BLOCK_LENGTH];
} pg_hmac_ctx;

static inline pg_hmac_ctx *
pg_hmac_create(pg_cryptohash_type type)
{
	pg_hmac_ctx *ctx = palloc0(sizeof(pg_hmac_ctx));

	ctx->hash = pg_cryptohash_create(type);
	return ctx->hash != NULL ? ctx : NULL;
}

/* The hash begins anew with the key, each byte changed by the pad. */
static inline int
ks_hmac_begin(pg_hmac_ctx *ctx, uint8 pad)
{
	uint8		block[PG_SHA256_BLOCK_LENGTH];
	int			i;

	for (i = 0; i < PG_SHA256_BLOCK_LENGTH; i++)
		block[i] = ctx->key[i] ^ pad;
	return pg_cryptohash_init(ctx->hash) < 0 ? -1 : pg_cryptohash_update(ctx->hash, block, sizeof(block));
}

static inline int
pg_hmac_init(pg_hmac_ctx *ctx, const uint8 *key, size_t len)
{
	if (len <= PG_SHA256_BLOCK_LENGTH)
		memcpy(ctx->key, key, len);
	else if (pg_cryptohash_init(ctx->hash) < 0 || pg_cryptohash_update(ctx->hash, key, len) < 0 ||
			 pg_cryptohash_final(ctx->hash, ctx->key, PG_SHA256_DIGEST_LENGTH) < 0)
		return -1;
	return ks_hmac_begin(ctx, 0x36);
}

static inline int
pg_hmac_update(pg_hmac_ctx *ctx, const uint8 *data, size_t len)
{
	return pg_cryptohash_update(ctx->hash, data, len);
}

static inline int
pg_hmac_final(pg_hmac_ctx *ctx, uint8 *dest, size_t len)
{
	uint8		inner[PG_SHA256_DIGEST_LENGTH];

	if (pg_cryptohash_final(ctx->hash, inner, sizeof(inner)) < 0 || ks_hmac_begin(ctx, 0x5c) < 0 ||
		pg_cryptohash_update(ctx->hash, inner, sizeof(inner)) < 0)
		return -1;
	return pg_cryptohash_final(ctx->hash, dest, len);
}

static inline void
pg_hmac_free(pg_hmac_ctx *ctx)
{
	pg_cryptohash_free(ctx->hash);
	pfree(ctx);
}
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

/* A random number in [0, 1). */
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#define ks_random() pg_prng_double(&pg_global_prng_state)
#else
#define ks_random() ((double) random() / ((double) MAX_RANDOM_VALUE + 1.0))
#endif

#endif							/* KS_COMPAT_H */
