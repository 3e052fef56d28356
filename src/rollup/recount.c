/*
 * Counting whole tables: for attach, new measures, and to repair.
 *
 * One query reads the events, as their table's owner, and each of its rows is
 * counted as the triggers do it.  When the tallies outgrow maintenance_work_mem,
 * they go to a sort on disk and counting starts anew; at the end, those of one
 * bot and month are added up and appended to the rollup, one after the other.
 * So memory is bounded, whatever the size of the table and the number of bots.
 */
#include "rollup/count.h"

#include "compat.h"

#include "access/tupdesc.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"

PG_FUNCTION_INFO_V1(ks_append_counts);

/* A bot's month that has become larger than this is appended in several rows a measure. */
#define PART_BYTES_MAX (64 * 1024 * 1024)

/* Receives the rows of the query that reads events. */
typedef struct recount
{
	DestReceiver receiver;		/* the executor knows no more than this */
	ks_counter	counter;
	ks_groups	groups;
	MemoryContext row_memory;
	Size		budget;			/* for all tallies in memory */
	bool		removed;		/* events are taken away */
	bool		note_bounds;
	TupleDesc	spilled_as;
	Tuplesortstate *spilled;	/* tallies by bot and month, or NULL */
} recount;

/* ------------------------------------------------------------------------
 * Reading and counting
 * ------------------------------------------------------------------------
 */

/* Rows of (bot, month, mixed tally), to be sorted by the first two. */
static void
begin_spilling(recount *r)
{
	AttrNumber	columns[2] = {1, 2};
	Oid			operators[2] = {Int8LessOperator, Int4LessOperator};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	bool		nulls_first[2] = {false, false};

	r->spilled_as = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(r->spilled_as, 1, "bot_id", INT8OID, -1, 0);
	TupleDescInitEntry(r->spilled_as, 2, "month", INT4OID, -1, 0);
	TupleDescInitEntry(r->spilled_as, 3, "tally", BYTEAOID, -1, 0);
	r->spilled = tuplesort_begin_heap(r->spilled_as, 2, columns, operators, collations, nulls_first, maintenance_work_mem, NULL, false);
}

/* Moves all tallies from memory to the sort. */
static void
spill(recount *r)
{
	TupleTableSlot *slot;
	uint32		count = ks_groups_settle(&r->groups);
	uint32		i;

	if (r->spilled == NULL)
		begin_spilling(r);
	slot = MakeSingleTupleTableSlot(r->spilled_as, &TTSOpsVirtual);
	for (i = 0; i < count; i++)
	{
		ks_group   *group = r->groups.groups[i];
		void	   *tally;

		CHECK_FOR_INTERRUPTS();
		tally = ks_tally_pack(&group->builder);
		ExecClearTuple(slot);
		memset(slot->tts_isnull, false, 3 * sizeof(bool));
		slot->tts_values[0] = Int64GetDatum(group->bot_id);
		slot->tts_values[1] = Int32GetDatum(group->month);
		slot->tts_values[2] = PointerGetDatum(tally);
		ExecStoreVirtualTuple(slot);
		tuplesort_puttupleslot(r->spilled, slot);
		pfree(tally);
	}
	ExecDropSingleTupleTableSlot(slot);
	ks_groups_reset(&r->groups);
}

/* The receiver's function: one row of events. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	recount    *r = (recount *) self;
	MemoryContext old = MemoryContextSwitchTo(r->row_memory);
	ks_values	row;
	ks_event	event;

	slot_getallattrs(slot);
	row.values = slot->tts_values;
	row.isnull = slot->tts_isnull;
	if (ks_event_read(&r->counter, &row, &event))
		ks_groups_count(&r->groups, &r->counter, &event, r->removed, r->note_bounds);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->row_memory);
	if (r->groups.bytes > r->budget)
		spill(r);
	return true;
}

static void
receive_nothing(DestReceiver *self)
{
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

/* The query's parameters: $1 a bot or NULL, $2 the instant from which on to count or NULL. */
static ParamListInfo
recount_parameters(FunctionCallInfo fcinfo, int first)
{
	static const Oid types[2] = {INT8OID, TIMESTAMPTZOID};
	ParamListInfo result = makeParamList(lengthof(types));
	int			i;

	for (i = 0; i < (int) lengthof(types); i++)
	{
		result->params[i].value = PG_ARGISNULL(first + i) ? (Datum) 0 : PG_GETARG_DATUM(first + i);
		result->params[i].isnull = PG_ARGISNULL(first + i);
		result->params[i].pflags = PARAM_FLAG_CONST;
		result->params[i].ptype = types[i];
	}
	return result;
}

/* SELECT documented columns FROM the table, as SQL knows best how to write it. */
static char *
recount_query(FunctionCallInfo fcinfo)
{
	Oid			types[3] = {OIDOID, JSONBOID, TEXTOID};
	Datum		values[3] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};

	if (SPI_execute_with_args("SELECT kindly_stats.count_query($1::pg_catalog.regclass, $2, $3)", 3, types, values, NULL, true, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not make the query that counts events");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

static SPIPlanPtr
prepare_recount(const char *query)
{
	Oid			types[2] = {INT8OID, TIMESTAMPTZOID};
	SPIPlanPtr	plan = SPI_prepare(query, 2, types);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	return plan;
}

static TupleDesc
columns_of(SPIPlanPtr plan)
{
	return ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->resultDesc;
}

static void
count_table(recount *r, Oid relid, SPIPlanPtr plan, ParamListInfo parameters)
{
	SPIExecuteOptions options = {0};
	ks_visit	visit = ks_enter_table(relid);

	options.params = parameters;
	options.dest = &r->receiver;
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not count events");
	ks_leave_table(visit);
}

/* ------------------------------------------------------------------------
 * Appending
 * ------------------------------------------------------------------------
 */

/* Appends what was counted of one bot and month, sorted out by measure. */
static void
append_month(int64 bot_id, int32 month, ks_builder *mixed)
{
	ks_share   *shares;
	uint32		count;
	uint32		i;

	ks_must(ks_builder_settle(mixed));
	if (ks_builder_empty(mixed))
		return;
	ks_sort_out(mixed, &shares, &count);
	for (i = 0; i < count; i++)
	{
		ks_append_row(bot_id, shares[i].name, ks_month_to_date(month), &shares[i].builder);
		ks_builder_free(&shares[i].builder);
	}
}

/* The bot and month whose parts are being added up. */
typedef struct merging
{
	bool		any;
	int64		bot_id;
	int32		month;
	MemoryContext memory;
	ks_builder	builder;
} merging;

static void
begin_month(merging *m, int64 bot_id, int32 month)
{
	MemoryContextReset(m->memory);
	ks_builder_init(&m->builder, m->memory);
	m->bot_id = bot_id;
	m->month = month;
	m->any = true;
}

static void
end_month(merging *m)
{
	MemoryContext old = MemoryContextSwitchTo(m->memory);

	if (m->any)
		append_month(m->bot_id, m->month, &m->builder);
	m->any = false;
	MemoryContextSwitchTo(old);
}

static void
add_part(merging *m, int64 bot_id, int32 month, Datum tally)
{
	ks_view		view;
	MemoryContext old;

	if (m->any && (m->bot_id != bot_id || m->month != month || ks_builder_bytes(&m->builder) > PART_BYTES_MAX))
		end_month(m);
	if (!m->any)
		begin_month(m, bot_id, month);
	old = MemoryContextSwitchTo(m->memory);
	ks_tally_open(&view, tally);
	ks_must(ks_builder_merge(&m->builder, &view, false));
	MemoryContextSwitchTo(old);
}

static void
append_spilled(recount *r)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(r->spilled_as, &TTSOpsMinimalTuple);
	merging		m = {false};

	m.memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats month", ALLOCSET_DEFAULT_SIZES);
	tuplesort_performsort(r->spilled);
	while (tuplesort_gettupleslot(r->spilled, true, false, slot, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		add_part(&m, DatumGetInt64(slot->tts_values[0]), DatumGetInt32(slot->tts_values[1]), slot->tts_values[2]);
	}
	end_month(&m);
	tuplesort_end(r->spilled);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(m.memory);
}

static void
append_counted(recount *r)
{
	uint32		count;
	uint32		i;

	if (r->spilled != NULL)
	{
		spill(r);
		append_spilled(r);
		return;
	}
	count = ks_groups_settle(&r->groups);
	for (i = 0; i < count; i++)
	{
		ks_group   *group = r->groups.groups[i];
		MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats month", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(memory);

		CHECK_FOR_INTERRUPTS();
		append_month(group->bot_id, group->month, &group->builder);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(memory);
	}
}

/*
 * append_counts(event_table, columns, grain, measure or NULL for all, bot or NULL,
 * since or NULL, negate): counts the events of a table and appends the sums to
 * the rollup, or takes them away.  The caller must be allowed to read the table.
 */
Datum
ks_append_counts(PG_FUNCTION_ARGS)
{
	recount		r;
	SPIPlanPtr	plan;
	char	   *grain;
	char	   *measure;
	ks_identity caller;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(6))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("only \"measure\", \"bot\" and \"since\" may be NULL")));
	ks_require_rights(PG_GETARG_OID(0), ACL_SELECT);
	grain = text_to_cstring(PG_GETARG_TEXT_PP(2));
	measure = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	memset(&r, 0, sizeof(r));
	r.receiver.receiveSlot = receive_row;
	r.receiver.rStartup = receive_startup;
	r.receiver.rShutdown = r.receiver.rDestroy = receive_nothing;
	/* that of DestNone would mean that nobody wants the rows */
	r.receiver.mydest = DestTuplestore;
	plan = prepare_recount(recount_query(fcinfo));
	ks_counter_init(&r.counter, ks_binding_make(columns_of(plan), grain, measure), CurrentMemoryContext);
	ks_groups_init(&r.groups, CurrentMemoryContext);
	r.row_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats row", ALLOCSET_DEFAULT_SIZES);
	r.budget = (Size) maintenance_work_mem * 1024;
	r.removed = PG_GETARG_BOOL(6);
	/* no other measure knows first and last event */
	r.note_bounds = measure == NULL || strcmp(measure, KS_EVENTS) == 0;
	count_table(&r, PG_GETARG_OID(0), plan, recount_parameters(fcinfo, 4));
	caller = ks_become_owner("rollup");
	append_counted(&r);
	ks_become_again(caller);
	SPI_finish();
	PG_RETURN_VOID();
}
