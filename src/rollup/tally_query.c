/*
 * What is asked of tallies: values of type kindly_stats.tally_query, which the aggregates
 * of query_agg.c read.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/composite.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* A filter condition on a part of the keys, as the aggregates take it. */
char *
ks_filter_text(int part, bool exclude, const char *value)
{
	return psprintf("%d%c%s", part, exclude ? '-' : '+', value);
}

ArrayType *
ks_integers_array(const int32 *numbers, int count)
{
	Datum	   *items = palloc((count + 1) * sizeof(Datum));
	int			i;

	for (i = 0; i < count; i++)
		items[i] = Int32GetDatum(numbers[i]);
	return construct_array(items, count, INT4OID, 4, true, TYPALIGN_INT);
}

/* Returns a value of type kindly_stats.tally_query. */
Datum
ks_tally_query_datum(Oid type, const ks_tally_query *query)
{
	Datum	   *edges = palloc((query->nedges + 1) * sizeof(Datum));
	Datum		values[5];
	bool		nulls[5] = {false, false, query->bucket_of == NULL, false, query->filter == NULL};
	int			i;

	for (i = 0; i < query->nedges; i++)
		edges[i] = TimestampTzGetDatum(query->edges[i]);
	values[0] = CStringGetTextDatum(query->measure);
	values[1] = PointerGetDatum(construct_array(edges, query->nedges, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[2] = query->bucket_of == NULL ? (Datum) 0 : PointerGetDatum(ks_integers_array(query->bucket_of, query->nedges - 1));
	values[3] = BoolGetDatum(query->distinct);
	values[4] = PointerGetDatum(query->filter);
	return ks_composite(type, values, nulls);
}
