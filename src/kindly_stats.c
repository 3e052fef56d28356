/*
 * The module itself: magic and settings.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/version.h"
#include "bucket/bucket.h"
#include "bucket/clock.h"
#include "conversation/conversation.h"
#include "http/http.h"
#include "rollup/rollup.h"
#include "stats/stats.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	ks_version_init();
	DefineCustomIntVariable("kindly_stats.compact_after",
							"How often a statement appends to a bot's month, on average, between two inline compactions of it.",
							"Zero leaves compaction to CALL kindly_stats.compact().",
							&ks_compact_after,
							64, 0, 1000000,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomStringVariable("kindly_stats.keep_statistics",
							   "Attached table whose deleted events stay counted.",
							   "The OID of the table; kindly_stats.purge() sets it while it deletes.",
							   &ks_keep_statistics,
							   "",
							   PGC_SUSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("kindly_stats.now",
							   "What reports about today, this month and so on take for the present instant.",
							   "Empty for the clock: the transaction's now().",
							   &ks_now_setting,
							   "",
							   PGC_USERSET, 0,
							   ks_check_now, NULL, NULL);
	DefineCustomIntVariable("kindly_stats.max_buckets",
							"How many buckets a range may have at most.",
							"The API has less: kindly_stats.create_api_roles() sets it for the role that PostgREST connects as.",
							&ks_max_buckets,
							KS_MAX_BUCKETS, 1, KS_MAX_BUCKETS,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("kindly_stats.max_limit",
							"How many keys a list of the most frequent ones may be asked for at most.",
							"The API has less, as of max_buckets.",
							&ks_max_limit,
							INT_MAX, 1, INT_MAX,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("kindly_stats.wait_for_writers",
							 "Closing a day waits for transactions that write its conversations.",
							 "Off, it fails at once (55006), as it does for the API.",
							 &ks_wait_for_writers,
							 true,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("kindly_stats.token_lifetime",
							"How long a token is valid that was given for an API key.",
							NULL,
							&ks_token_lifetime,
							600, 10, 86400,
							PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("kindly_stats");
}
