/*
 * kindly_api.health(): whether all is well, for whoever asks.
 *
 * The checks run with the rights of the rollup's owner; the caller sees only a
 * number.  They read catalogs and the extension's own tables, and no table of a
 * stranger.
 */
#include "http/http.h"

#include "base/compat.h"
#include "rollup/rollup.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(ks_health);

/* How many errors there are; none before anything was attached. */
static int64
count_errors(void)
{
	ks_identity caller;
	int64		result;
	bool		isnull;

	if (!OidIsValid(get_relname_relid("rollup", get_namespace_oid("kindly_stats", false))))
		return 0;
	caller = ks_switch_to_owner("rollup");
	ks_spi_connect();
	if (SPI_execute("SELECT kindly_stats.count_errors()", true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not count errors");
	result = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	ks_restore_user(caller);
	return result;
}

/* health() */
Datum
ks_health(PG_FUNCTION_ARGS)
{
	int64		errors = count_errors();

	if (errors == 0)
		PG_RETURN_TEXT_P(cstring_to_text("{\"status\":\"ok\"}"));
	(void) set_config_option("response.status", "503", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("{\"status\":\"error\",\"errors\":" INT64_FORMAT "}", errors)));
}
