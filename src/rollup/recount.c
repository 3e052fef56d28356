/*
 * Counting whole tables: for attach, new measures, and to repair.
 *
 * One query reads the events, as their table's owner, and each of its rows is
 * counted as the triggers do it.  When the tallies outgrow maintenance_work_mem,
 * they go to a spool and counting starts anew; at the end, those of one bot and
 * month are added up.  So memory is bounded, whatever the size of the table and
 * the number of bots.
 */
#include "rollup/recount.h"

#include "base/compat.h"
#include "base/receiver.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_append_counts);
PG_FUNCTION_INFO_V1(ks_move_counts);
PG_FUNCTION_INFO_V1(ks_keep_counts);

/* Receives the rows of the query that reads events. */
typedef struct recount
{
	DestReceiver receiver;		/* the executor knows no more than this */
	ks_counter	counter;
	ks_month_tallies	groups;
	ks_spool   *spool;
	MemoryContext row_memory;
	Size		budget;			/* for all tallies in memory */
	bool		removed;
	bool		note_bounds;
	const ks_recount_of *of;
} recount;

/* ------------------------------------------------------------------------
 * Reading and counting
 * ------------------------------------------------------------------------
 */

/* The receiver's function: one row of events. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	recount    *r = (recount *) self;
	MemoryContext old = MemoryContextSwitchTo(r->row_memory);
	ks_values	row;
	ks_event	event;

	ks_progress_event();
	slot_getallattrs(slot);
	row.values = slot->tts_values;
	row.isnull = slot->tts_isnull;
	/* the query cannot tell the bot of a text */
	if (ks_event_read(&r->counter, &row, &event) && (!r->of->has_bot || event.bot_id == r->of->bot_id))
		ks_month_tallies_count(&r->groups, &r->counter, &event, r->removed, r->note_bounds);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->row_memory);
	if (r->groups.bytes > r->budget)
		ks_spool_put_groups(r->spool, &r->groups);
	return true;
}

/* SELECT documented columns FROM the table, as SQL knows best how to write it. */
static char *
count_query(const ks_recount_of *of)
{
	Oid			types[4] = {OIDOID, JSONBOID, TEXTOID, TEXTOID};
	Datum		values[4] = {ObjectIdGetDatum(of->relid), of->columns, CStringGetTextDatum(of->grain),
	CStringGetTextDatum(of->condition != NULL ? of->condition : "true")};
	char	   *result;

	if (SPI_execute_with_args("SELECT kindly_stats.count_query($1::pg_catalog.regclass, $2, $3, $4)", 4, types, values, NULL, true, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not make the query that counts events");
	result = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* The query's parameter is a bot, or NULL. */
static ParamListInfo
bot_parameter(const ks_recount_of *of)
{
	ParamListInfo result = makeParamList(1);

	result->params[0].value = Int64GetDatum(of->bot_id);
	result->params[0].isnull = !of->has_bot;
	result->params[0].pflags = PARAM_FLAG_CONST;
	result->params[0].ptype = INT8OID;
	return result;
}

static SPIPlanPtr
prepare_count(const char *query)
{
	Oid			types[1] = {INT8OID};
	SPIPlanPtr	plan = SPI_prepare(query, 1, types);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	return plan;
}

static TupleDesc
columns_of(SPIPlanPtr plan)
{
	return ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->resultDesc;
}

/*
 * Counts the events of a table that the active snapshot sees into the spool.  The
 * caller is connected to SPI, and must be allowed to read all rows of the table.
 */
void
ks_recount(ks_spool *spool, const ks_recount_of *of)
{
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	ks_owner_scope scope;
	ks_named_table named;
	recount		r;

	ks_require_rights(of->relid, ACL_SELECT);
	plan = prepare_count(count_query(of));
	memset(&r, 0, sizeof(r));
	ks_receiver_init(&r.receiver, receive_row);
	ks_counter_init(&r.counter, ks_binding_make(columns_of(plan), of->grain, of->measure, DatumGetJsonbP(of->columns)), CurrentMemoryContext);
	ks_month_tallies_init(&r.groups, CurrentMemoryContext);
	r.spool = spool;
	r.of = of;
	r.row_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats row", ALLOCSET_DEFAULT_SIZES);
	/* what is spooled must be no larger than a tally can be */
	r.budget = Min((Size) maintenance_work_mem * 1024, 2 * (Size) KS_PART_BYTES_MAX);
	r.removed = of->removed;
	/* no other measure knows first and last event */
	r.note_bounds = of->measure == NULL || strcmp(of->measure, KS_EVENTS) == 0;
	options.params = bot_parameter(of);
	options.read_only = true;
	options.dest = &r.receiver;
	ks_name_table(&named, of->relid);
	scope = ks_table_owner_begin(of->relid);
	ks_require_own(((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->relationOids);
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not count events");
	ks_table_owner_end(scope);
	ks_unname_table(&named);
	ks_spool_put_groups(spool, &r.groups);
	MemoryContextDelete(r.groups.memory);
	MemoryContextDelete(r.row_memory);
	SPI_freeplan(plan);
}

/* ------------------------------------------------------------------------
 * Appending
 * ------------------------------------------------------------------------
 */

/* Whether all keys have the same first part: then it is one row in any case. */
static bool
is_of_one_measure(const ks_builder *mixed)
{
	ks_string	first;
	uint32		i;

	for (i = 0; i < mixed->keys.count; i++)
	{
		ks_string	key = ks_dictionary_get(&mixed->keys, i);
		ks_string	name;

		if (!ks_key_shift(&key, &name) || name.bytes == NULL)
			return false;
		if (i > 0 && ks_string_compare(name, first) != 0)
			return false;
		first = name;
	}
	return true;
}

/* Whether a bot's counts should stand in rows of single measures. */
static bool
is_sorted_out(int64 bot_id, const ks_builder *mixed)
{
	return ks_sort_out_worth(mixed) || (is_of_one_measure(mixed) && ks_is_sorted_out(bot_id));
}

/* Appends what was counted of one bot and month, sorted out by measure where it is much.  The caller acts as the rollup's owner. */
static void
append_month(int64 bot_id, int32 month, bool kept, ks_builder *mixed)
{
	ks_string	name = {(const uint8_t *) KS_MIXED, 0};
	ks_share   *shares;
	uint32		count;
	uint32		i;

	if (!is_sorted_out(bot_id, mixed))
	{
		ks_append_row(bot_id, name, ks_month_to_date(month), kept, mixed);
		return;
	}
	ks_sort_out(mixed, &shares, &count);
	for (i = 0; i < count; i++)
	{
		ks_append_row(bot_id, shares[i].name, ks_month_to_date(month), kept, &shares[i].builder);
		ks_builder_free(&shares[i].builder);
	}
}

/* The same of one month, or of KS_SPAN. */
void
ks_append_months(int64 bot_id, int32 month, bool kept, ks_builder *mixed)
{
	ks_month_share *shares;
	int			count;
	int			i;

	if (month != KS_SPAN || !is_sorted_out(bot_id, mixed))
	{
		append_month(bot_id, month, kept, mixed);
		return;
	}
	ks_span_split(mixed, &shares, &count);
	for (i = 0; i < count; i++)
	{
		/* in what was counted at once nothing has moved */
		if (shares[i].month != KS_SPAN)
			append_month(bot_id, shares[i].month, kept, &shares[i].builder);
	}
}

/* The bot and month whose parts are being added up. */
typedef struct adding
{
	bool		any;
	int64		bot_id;
	int32		month;
	bool		kept;
	bool		moved;			/* what is added is taken away from live rows */
	bool		started;
	bool		gathering;		/* it may be a row that spans the bot's months */
	ks_gathered gathered;
	MemoryContext gather_memory;
	MemoryContext memory;
	ks_builder	builder;
	ks_builder	minus;			/* where it is moved */
} adding;

static void
append_sum(adding *a)
{
	MemoryContext old = MemoryContextSwitchTo(a->memory);

	if (a->any)
	{
		ks_must(ks_builder_consolidate(&a->builder));
		if (!ks_builder_empty(&a->builder))
			ks_append_months(a->bot_id, a->month, a->kept, &a->builder);
		if (a->moved)
		{
			ks_must(ks_builder_consolidate(&a->minus));
			ks_append_months(a->bot_id, a->month, false, &a->minus);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(a->memory);
	a->any = false;
}

static void
add_part(adding *a, int64 bot_id, int32 month, Datum tally)
{
	MemoryContext old;
	ks_view		view;

	if (a->any && (a->bot_id != bot_id || a->month != month || ks_builder_bytes(&a->builder) > KS_PART_BYTES_MAX))
		append_sum(a);
	old = MemoryContextSwitchTo(a->memory);
	if (!a->any)
	{
		ks_builder_init(&a->builder, a->memory);
		ks_builder_init(&a->minus, a->memory);
	}
	a->any = true;
	a->bot_id = bot_id;
	a->month = month;
	ks_tally_open(&view, tally);
	ks_must(ks_builder_merge(&a->builder, &view, false));
	if (a->moved)
		ks_must(ks_builder_merge(&a->minus, &view, true));
	MemoryContextSwitchTo(old);
}

/* The months that were gathered turn out to be too much for one row. */
static void
add_gathered(adding *a)
{
	const ks_gathered *g = &a->gathered;
	int			i;

	for (i = 0; i < g->count; i++)
		add_part(a, g->bot_id, g->month[i], PointerGetDatum(g->tally[i]));
	a->gathering = false;
	MemoryContextReset(a->gather_memory);
}

/* Appends what was gathered of a bot, in one row. */
static void
append_gathered(adding *a)
{
	const ks_gathered *g = &a->gathered;
	MemoryContext old;
	ks_builder	sum;
	int32		month;

	if (!a->gathering)
		return;
	old = MemoryContextSwitchTo(a->gather_memory);
	ks_builder_init(&sum, a->gather_memory);
	month = ks_gathered_sum(g, false, &sum);
	if (!ks_builder_empty(&sum))
		ks_append_months(g->bot_id, month, a->kept, &sum);
	if (a->moved)
	{
		ks_builder_init(&sum, a->gather_memory);
		(void) ks_gathered_sum(g, true, &sum);
		ks_append_months(g->bot_id, month, false, &sum);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(a->gather_memory);
	a->gathering = false;
}

/* The next tally of a bot's month. */
static void
add_spooled(adding *a, int64 bot_id, int32 month, Datum tally)
{
	MemoryContext old;

	if (a->gathered.bot_id != bot_id || !a->started)
	{
		append_gathered(a);
		append_sum(a);
		old = MemoryContextSwitchTo(a->gather_memory);
		ks_gather_begin(&a->gathered, bot_id);
		MemoryContextSwitchTo(old);
		a->gathering = a->started = true;
	}
	if (!a->gathering)
	{
		add_part(a, bot_id, month, tally);
		return;
	}
	old = MemoryContextSwitchTo(a->gather_memory);
	if (!ks_gather(&a->gathered, month, tally, false))
		add_gathered(a);
	MemoryContextSwitchTo(old);
}

/* Appends the sums of all that was spooled, to live or to kept rows, and takes them away from live ones where they move. */
void
ks_append_spooled(ks_spool *spool, bool kept, bool moved)
{
	ks_identity caller = ks_switch_to_owner("rollup");
	adding		a = {.kept = kept, .moved = moved};
	int64		bot_id;
	int32		month;
	Datum		tally;
	bool		isnull;

	a.memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats month", ALLOCSET_DEFAULT_SIZES);
	a.gather_memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats bot", ALLOCSET_DEFAULT_SIZES);
	ks_spool_sort(spool);
	while (ks_spool_next(spool, &bot_id, &month, &tally, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		add_spooled(&a, bot_id, month, tally);
	}
	append_gathered(&a);
	append_sum(&a);
	MemoryContextDelete(a.gather_memory);
	MemoryContextDelete(a.memory);
	ks_restore_user(caller);
}

/*
 * append_counts(event_table, columns, grain, measure or NULL for all, negate,
 * kept): counts the events of a table and appends the sums to the live or the kept
 * rows of the rollup, or takes them away there.
 */
Datum
ks_append_counts(PG_FUNCTION_ARGS)
{
	ks_recount_of of = {0};
	ks_spool	spool;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("only \"measure\" may be NULL")));
	of.relid = PG_GETARG_OID(0);
	of.columns = PG_GETARG_DATUM(1);
	of.grain = text_to_cstring(PG_GETARG_TEXT_PP(2));
	of.measure = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	of.removed = PG_GETARG_BOOL(4);
	ks_spi_connect();
	ks_spool_init(&spool, maintenance_work_mem);
	ks_progress_begin(KS_PROGRESS_COUNT, KS_PHASE_COUNTING, of.relid);
	ks_recount(&spool, &of);
	ks_progress_phase(KS_PHASE_WRITING);
	ks_append_spooled(&spool, PG_GETARG_BOOL(5), false);
	ks_progress_end();
	ks_spool_end(&spool);
	SPI_finish();
	PG_RETURN_VOID();
}

/* Counts a table and appends the sums to kept rows, taking them away from live ones where they move. */
static void
keep(const ks_recount_of *of, bool moved)
{
	ks_spool	spool;

	ks_spi_connect();
	ks_spool_init(&spool, maintenance_work_mem);
	ks_progress_begin(KS_PROGRESS_COUNT, KS_PHASE_COUNTING, of->relid);
	ks_recount(&spool, of);
	ks_progress_phase(KS_PHASE_WRITING);
	ks_append_spooled(&spool, true, moved);
	ks_progress_end();
	ks_spool_end(&spool);
	SPI_finish();
}

/*
 * move_counts(relation, columns, grain): what the rows of a table count is moved
 * from live rows to kept ones, because they are to go without being deleted.
 */
Datum
ks_move_counts(PG_FUNCTION_ARGS)
{
	ks_recount_of of = {0};

	of.relid = PG_GETARG_OID(0);
	of.columns = PG_GETARG_DATUM(1);
	of.grain = text_to_cstring(PG_GETARG_TEXT_PP(2));
	keep(&of, true);
	PG_RETURN_VOID();
}

/* keep_counts(event_table, columns, grain, condition): the same of some rows, which take their counts out of live rows themselves when they are deleted */
Datum
ks_keep_counts(PG_FUNCTION_ARGS)
{
	ks_recount_of of = {0};

	of.relid = PG_GETARG_OID(0);
	of.columns = PG_GETARG_DATUM(1);
	of.grain = text_to_cstring(PG_GETARG_TEXT_PP(2));
	of.condition = text_to_cstring(PG_GETARG_TEXT_PP(3));
	keep(&of, false);
	PG_RETURN_VOID();
}
