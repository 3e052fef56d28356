/*
 * Kept statistics, of events that are in no table any more, survive the extension.
 *
 * DROP EXTENSION ...  CASCADE drops the rollup's column of tallies, for their type
 * is the extension's.  Events in tables can be counted again; kept statistics
 * cannot, so an event trigger copies them as bytes into a column of their own before
 * that.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/place.h"

#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(ks_save_kept);
PG_FUNCTION_INFO_V1(ks_has_negative);

/* Whether the statement drops this extension and what depends on it. */
static bool
drops_extension(Node *statement)
{
	DropStmt   *drop = (DropStmt *) statement;
	ListCell   *cell;

	if (!IsA(statement, DropStmt) || drop->removeType != OBJECT_EXTENSION || drop->behavior != DROP_CASCADE)
		return false;
	foreach(cell, drop->objects)
	{
		if (strcmp(strVal(lfirst(cell)), "kindly_stats") == 0)
			return true;
	}
	return false;
}

/* Whether there is a rollup with tallies in it. */
static bool
has_tallies(void)
{
	Oid			schema = get_namespace_oid("kindly_stats", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("rollup", schema) : InvalidOid;

	return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_RELATION && get_attnum(relid, "tally") != InvalidAttrNumber &&
		get_attnum(relid, "kept") != InvalidAttrNumber;
}

static void
run(const char *statement)
{
	if (SPI_execute(statement, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", statement);
}

/* Whether the caller may drop the extension: if not, PostgreSQL will say so later. */
static bool
may_drop(void)
{
	bool		isnull;

	if (SPI_execute("SELECT pg_catalog.pg_has_role(e.extowner, 'USAGE') FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'kindly_stats'",
					true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not find the extension");
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static void
save_kept(void)
{
	ks_identity caller = ks_switch_to_owner("rollup");

	run("DELETE FROM kindly_stats.rollup WHERE NOT kept");
	run("ALTER TABLE kindly_stats.rollup ADD COLUMN saved pg_catalog.bytea");
	run("UPDATE kindly_stats.rollup SET saved = kindly_stats.tally_send(tally)");
	ks_restore_user(caller);
}

/* The event trigger at the start of DROP EXTENSION. */
Datum
ks_save_kept(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by an event trigger", "save_kept")));
	if (!drops_extension(((EventTriggerData *) fcinfo->context)->parsetree) || !has_tallies())
		PG_RETURN_NULL();
	ks_spi_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (may_drop())
	{
		/* Citus has every node drop the extension, and none could save what lies on others */
		if (ks_is_distributed())
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot drop extension kindly_stats while its tables are spread over several nodes"),
					 errhint("Call kindly_stats.undistribute() on the coordinator first.")));
		save_kept();
	}
	PopActiveSnapshot();
	SPI_finish();
	PG_RETURN_NULL();
}

/* has_negative(tally) */
Datum
ks_has_negative(PG_FUNCTION_ARGS)
{
	ks_view		view;

	PG_GETARG_TALLY_VIEW(&view, 0);
	PG_RETURN_BOOL((view.header.flags & KS_FLAG_NEGATIVE) != 0);
}
