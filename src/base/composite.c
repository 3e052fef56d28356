/*
 * Values of the extension's own types, as parameters of queries.
 */
#include "base/composite.h"
#include "base/compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Returns a type of schema kindly_stats.  It is another one once the extension was dropped and created again. */
Oid
ks_type_oid(const char *name)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						   ObjectIdGetDatum(get_namespace_oid("kindly_stats", false)));
}

/*
 * Returns a value of a composite type.  As one parameter it costs less than a row that the
 * query makes, which would be evaluated for each row of the table.
 */
Datum
ks_composite(Oid type, const Datum *values, const bool *nulls)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	HeapTuple	row = heap_form_tuple(desc, unconstify(Datum *, values), unconstify(bool *, nulls));

	ReleaseTupleDesc(desc);
	return HeapTupleGetDatum(row);
}
