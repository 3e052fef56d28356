/*
 * First and last event, asked of the event tables themselves.
 *
 * A tally knows the outermost instants that were ever added.  Once one of them
 * has been taken away again, only the event tables' indexes know the next.
 */
#include "rollup/fold.h"

#include "compat.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

typedef struct event_table
{
	Oid			owner;
	char	   *query;
} event_table;

/* SELECT min(at) FROM table WHERE bot = $1 AND at in [$2, $3), or max. */
static char *
extreme_query(const char *table, const char *bot, const char *at, bool last)
{
	return psprintf("SELECT pg_catalog.%s(e.%s) FROM %s AS e WHERE e.%s OPERATOR(pg_catalog.=) $1"
					" AND e.%s OPERATOR(pg_catalog.>=) $2 AND e.%s OPERATOR(pg_catalog.<) $3",
					last ? "max" : "min", at, table, bot, at, at);
}

static event_table *
list_event_tables(bool last, int *count)
{
	static SPIPlanPtr plan = NULL;
	event_table *result;
	uint64		i;

	ks_prepared(&plan,
				"SELECT c.relowner, pg_catalog.quote_ident(n.nspname), pg_catalog.quote_ident(c.relname),"
				" pg_catalog.quote_ident(COALESCE(t.columns OPERATOR(pg_catalog.->>) 'bot_id', 'bot_id')),"
				" pg_catalog.quote_ident(COALESCE(t.columns OPERATOR(pg_catalog.->>) 'occurred_at', 'occurred_at'))"
				" FROM kindly_stats.event_table AS t"
				" JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.event_table"
				" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
				" WHERE t.grain OPERATOR(pg_catalog.=) '" KS_GRAIN_EVENT "'", 0, NULL);
	if (SPI_execute_plan(plan, NULL, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list event tables");
	*count = (int) SPI_processed;
	result = palloc((SPI_processed + 1) * sizeof(event_table));
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		result[i].owner = DatumGetObjectId(SPI_getbinval(row, desc, 1, &isnull));
		result[i].query = extreme_query(psprintf("%s.%s", SPI_getvalue(row, desc, 2), SPI_getvalue(row, desc, 3)),
										SPI_getvalue(row, desc, 4), SPI_getvalue(row, desc, 5), last);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * The first (or last) event of a bot in a month; false where no table has one.
 * It is asked as the tables' owners: the instant is part of the statistics, and
 * the caller has been let see this bot's rollup.  The caller is connected to SPI.
 */
bool
ks_extreme_event(int64 bot_id, DateADT month, bool last, TimestampTz *answer)
{
	Oid			types[3] = {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[3];
	TimestampTz from = (TimestampTz) month * USECS_PER_DAY;
	int			count;
	event_table *tables = list_event_tables(last, &count);
	bool		found = false;
	Oid			user;
	int			security;
	int			i;

	values[0] = Int64GetDatum(bot_id);
	values[1] = TimestampTzGetDatum(from);
	values[2] = TimestampTzGetDatum((TimestampTz) ks_month_to_date(ks_month_of(from) + 1) * USECS_PER_DAY);
	GetUserIdAndSecContext(&user, &security);
	for (i = 0; i < count; i++)
	{
		TimestampTz at;
		bool		isnull;

		SetUserIdAndSecContext(tables[i].owner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION |
							   SECURITY_NOFORCE_RLS);
		if (SPI_execute_with_args(tables[i].query, 3, types, values, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
			elog(ERROR, "could not read an event table");
		SetUserIdAndSecContext(user, security);
		at = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		SPI_freetuptable(SPI_tuptable);
		if (isnull || (found && (last ? at < *answer : at > *answer)))
			continue;
		*answer = at;
		found = true;
	}
	return found;
}
