/*
 * The versions of the library and of the extension's objects in a database.
 *
 * A package brings a new library, and each database its own objects, which stay
 * as they are until ALTER EXTENSION kindly_stats UPDATE.  A library serves the
 * objects of older versions, back to KS_OLDEST_OBJECTS: a released symbol keeps
 * its arguments and its meaning, and is never removed (doc/stability.md).  What
 * is older is refused as soon as the library is loaded, before any function of
 * it runs.
 *
 * A session goes on with the library that it has loaded while another one
 * updates the objects.  What is newer than the library is refused, too: it may
 * keep its tables in ways that the library knows nothing of.
 *
 * The third number of a version is left out of all this: versions that differ
 * in nothing else have the same objects, formats and tables.
 */
#include "base/version.h"
#include "base/compat.h"
#include "base/invalidation.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* The oldest version whose objects this library serves. */
#define KS_OLDEST_OBJECTS "1.0"

PG_FUNCTION_INFO_V1(ks_library_version);
PG_FUNCTION_INFO_V1(ks_require_library);

/* In one piece, so that it is found in the file. */
static const char library_version[] = "kindly_stats library " KS_VERSION;

#define LIBRARY_VERSION (library_version + sizeof("kindly_stats library ") - 1)

/* Whether the objects are known to match the library; reset when any function changes, as some do in an update. */
bool		ks_version_known = false;

/* First and second number. */
static int
version_number(const char *version)
{
	int			major = 0;
	int			minor = 0;

	(void) sscanf(version, "%d.%d", &major, &minor);
	return major * 1000 + minor;
}

/* The extension's version in this database; NULL where there is none. */
static char *
objects_version(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	char	   *result = NULL;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("kindly_stats"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(extensions), &isnull);

		result = isnull ? NULL : TextDatumGetCString(version);
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return result;
}

static void
require_newer_objects(const char *objects)
{
	if (version_number(objects) < version_number(KS_OLDEST_OBJECTS))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension kindly_stats has version %s in this database, which version %s of its library does not serve", objects, LIBRARY_VERSION),
				 errhint("Run ALTER EXTENSION kindly_stats UPDATE.")));
}

static void
require_newer_library(const char *objects)
{
	if (version_number(objects) > version_number(LIBRARY_VERSION))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension kindly_stats has version %s in this database, and the library of this session version %s", objects, LIBRARY_VERSION),
				 errhint("Connect anew. If that does not help, install version %s of the library; if it is loaded by shared_preload_libraries, restart the server.", objects)));
}

/* Whether a script of the extension is being run. */
bool
ks_is_updating(void)
{
	return creating_extension && CurrentExtensionObject == get_extension_oid("kindly_stats", true);
}

/* Reads the version of the objects and compares. */
void
ks_read_version(void)
{
	char	   *objects;

	/* before looking, learn what others have committed */
	AcceptInvalidationMessages();
	if (ks_is_updating())
		return;
	objects = objects_version();
	if (objects != NULL)
	{
		require_newer_objects(objects);
		require_newer_library(objects);
		pfree(objects);
	}
	ks_version_known = true;
}

static void
forget_version(void)
{
	ks_version_known = false;
}

/* Whether the current statement is the one that the error would ask for. */
static bool
is_about_extension(void)
{
	return ActivePortal != NULL &&
		(ActivePortal->commandTag == CMDTAG_ALTER_EXTENSION || ActivePortal->commandTag == CMDTAG_DROP_EXTENSION ||
		 ActivePortal->commandTag == CMDTAG_CREATE_EXTENSION);
}

/*
 * The check when the library is loaded.  What is refused now is refused at every
 * call, for a library whose loading failed is loaded again.  There is no database
 * to look at where the server itself loads it, and pg_upgrade brings objects of
 * any version.
 */
void
ks_version_init(void)
{
	if (IsTransactionState() && OidIsValid(MyDatabaseId) && !creating_extension && !IsBinaryUpgrade && !IsParallelWorker() &&
		!is_about_extension())
		ks_read_version();
	ks_on_catalog_change(PROCOID, forget_version);
}

/* library_version() */
Datum
ks_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(LIBRARY_VERSION));
}

/* require_library(): each upgrade script calls it first, when the objects have their new version already. */
Datum
ks_require_library(PG_FUNCTION_ARGS)
{
	char	   *objects = objects_version();

	if (objects != NULL)
		require_newer_library(objects);
	PG_RETURN_VOID();
}
