/*
 * API keys, as they are stored, and which bots they open.
 */
#include "access/access.h"

#include "base/statement.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static bool
has_table(const char *name)
{
	return OidIsValid(get_relname_relid(name, get_namespace_oid("kindly_stats", false)));
}

/* The first row of a query on one of the extension's tables, run as its owner; nothing where there is no row or no such table.  The caller is connected to SPI. */
bool
ks_read_as_owner(const char *table, const char *query, const char *value)
{
	ks_identity caller;
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {value != NULL ? CStringGetTextDatum(value) : (Datum) 0};

	if (!has_table(table))
		return false;
	caller = ks_switch_to_owner(table);
	if (SPI_execute_with_args(query, value != NULL, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", table);
	ks_restore_user(caller);
	return SPI_processed == 1;
}

/* Zeros and invalid where there is no such key. */
void
ks_key_read(const char *prefix, ks_api_key *key)
{
	HeapTuple	row;
	TupleDesc	desc;
	bytea	   *hash;
	Datum		bot;
	bool		isnull;

	memset(key, 0, sizeof(*key));
	if (!ks_read_as_owner("api_key",
						  "SELECT k.bot_id, k.hash, k.revoked_at IS NULL AND COALESCE(k.expires_at OPERATOR(pg_catalog.>) pg_catalog.now(), true), k.login::pg_catalog.text"
						  " FROM kindly_stats.api_key AS k WHERE k.prefix OPERATOR(pg_catalog.=) $1", prefix))
		return;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	bot = SPI_getbinval(row, desc, 1, &isnull);
	key->bot_id = isnull ? 0 : DatumGetInt64(bot);
	key->login = SPI_getvalue(row, desc, 4);
	hash = DatumGetByteaPP(SPI_getbinval(row, desc, 2, &isnull));
	key->valid = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull)) && VARSIZE_ANY_EXHDR(hash) == PG_SHA256_DIGEST_LENGTH;
	if (key->valid)
		memcpy(key->hash, VARDATA_ANY(hash), PG_SHA256_DIGEST_LENGTH);
}

/* Whether a key that has been found to be valid opens the bot. */
bool
ks_key_is_for(const ks_api_key *key, int64 bot)
{
	Oid			role;

	if (key->login == NULL)
		return key->bot_id == bot;
	role = get_role_oid(key->login, true);
	return OidIsValid(role) && ks_role_sees(role, bot);
}

/* Whether a key, known by its prefix, is still valid and opens the bot. */
bool
ks_key_opens(const char *prefix, int64 bot)
{
	ks_api_key		key;
	bool		result;

	ks_spi_connect();
	ks_key_read(prefix, &key);
	result = key.valid && ks_key_is_for(&key, bot);
	SPI_finish();
	return result;
}
