/*
 * Tallies of bots and months on their way from a whole table to the rollup.
 *
 * A table is counted in pieces that fit into memory, and each piece leaves a tally of
 * every bot and month that it has.  They wait here, on disk if they are many, and come
 * back by bot and month.
 */
#include "rollup/recount.h"

#include "base/compat.h"

#include "access/tupdesc.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"

/* Makes a spool of rows (bot, month, mixed tally), sorted by the first two, in this many kB of memory. */
void
ks_spool_init(ks_spool *spool, int kilobytes)
{
	AttrNumber	columns[2] = {1, 2};
	Oid			operators[2] = {Int8LessOperator, Int4LessOperator};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	bool		nulls_first[2] = {false, false};

	spool->desc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(spool->desc, 1, "bot_id", INT8OID, -1, 0);
	TupleDescInitEntry(spool->desc, 2, "month", INT4OID, -1, 0);
	TupleDescInitEntry(spool->desc, 3, "tally", BYTEAOID, -1, 0);
	spool->sort = tuplesort_begin_heap(spool->desc, 2, columns, operators, collations, nulls_first, kilobytes, NULL, false);
	spool->in = MakeSingleTupleTableSlot(spool->desc, &TTSOpsVirtual);
	spool->out = MakeSingleTupleTableSlot(spool->desc, &TTSOpsMinimalTuple);
}

/* Adds a tally; NULL only says that there is such a bot and month. */
void
ks_spool_put(ks_spool *spool, int64 bot_id, int32 month, const void *tally)
{
	ExecClearTuple(spool->in);
	spool->in->tts_values[0] = Int64GetDatum(bot_id);
	spool->in->tts_values[1] = Int32GetDatum(month);
	spool->in->tts_values[2] = PointerGetDatum(tally);
	memset(spool->in->tts_isnull, false, 3 * sizeof(bool));
	spool->in->tts_isnull[2] = tally == NULL;
	ExecStoreVirtualTuple(spool->in);
	tuplesort_puttupleslot(spool->sort, spool->in);
}

/* Adds all groups, and empties them. */
void
ks_spool_put_groups(ks_spool *spool, ks_month_tallies *groups)
{
	uint32		count = ks_month_tallies_consolidate(groups);
	uint32		i;

	for (i = 0; i < count; i++)
	{
		ks_month_tally   *group = groups->groups[i];
		void	   *tally;

		CHECK_FOR_INTERRUPTS();
		tally = ks_tally_pack(&group->builder);
		ks_spool_put(spool, group->bot_id, group->month, tally);
		pfree(tally);
	}
	ks_month_tallies_reset(groups);
}

/* Sorts: from here on tallies come back. */
void
ks_spool_sort(ks_spool *spool)
{
	tuplesort_performsort(spool->sort);
}

/* Returns the next tally, valid until the next call; false after the last one. */
bool
ks_spool_next(ks_spool *spool, int64 *bot_id, int32 *month, Datum *tally, bool *isnull)
{
	if (!tuplesort_gettupleslot(spool->sort, true, false, spool->out, NULL))
		return false;
	slot_getallattrs(spool->out);
	*bot_id = DatumGetInt64(spool->out->tts_values[0]);
	*month = DatumGetInt32(spool->out->tts_values[1]);
	*tally = spool->out->tts_values[2];
	*isnull = spool->out->tts_isnull[2];
	return true;
}

void
ks_spool_end(ks_spool *spool)
{
	ExecDropSingleTupleTableSlot(spool->in);
	ExecDropSingleTupleTableSlot(spool->out);
	tuplesort_end(spool->sort);
}
