/*
 * Counting whole tables: for attach, new measures, and to repair.
 *
 * One query reads the events once, in parallel where PostgreSQL sees fit, and
 * counts them with an aggregate that does what the triggers do (count.c).  Each
 * of its rows is the mixed tally of one bot and month; sorted out by measure, it
 * is appended to the rollup.
 */
#include "rollup/count.h"

#include "array.h"
#include "compat.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_month_start);
PG_FUNCTION_INFO_V1(ks_count_step);
PG_FUNCTION_INFO_V1(ks_count_combine);
PG_FUNCTION_INFO_V1(ks_count_serialize);
PG_FUNCTION_INFO_V1(ks_count_deserialize);
PG_FUNCTION_INFO_V1(ks_count_final);
PG_FUNCTION_INFO_V1(ks_append_counts);

/* Arguments before the columns: state, grain, measure, names of the columns. */
#define FIXED_ARGUMENTS 4

/* The counter of one call site, for all its groups. */
typedef struct call_site
{
	ks_counter	counter;
	int			ncolumns;
	Datum	   *values;
	bool	   *isnull;
} call_site;

/* month_start(timestamptz): the first day of the UTC month, as the rollup has it. */
Datum
ks_month_start(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(ks_month_to_date(ks_month_of(PG_GETARG_TIMESTAMPTZ(0))));
}

/* Arguments as the columns of a table, so that measures are bound to them as to any. */
static TupleDesc
describe_arguments(FunctionCallInfo fcinfo)
{
	Datum	   *names;
	int			count;
	TupleDesc	desc;
	int			i;

	if (PG_ARGISNULL(3))
		count = -1;
	else
		count = ks_array_texts(PG_GETARG_ARRAYTYPE_P(3), "names", KS_LIST_ITEMS_MAX, &names, NULL);
	if (count != PG_NARGS() - FIXED_ARGUMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be one name for each column")));
	desc = CreateTemplateTupleDesc(count);
	for (i = 0; i < count; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), TextDatumGetCString(names[i]),
						   get_fn_expr_argtype(fcinfo->flinfo, FIXED_ARGUMENTS + i), -1, 0);
	return desc;
}

static call_site *
find_call_site(FunctionCallInfo fcinfo)
{
	call_site  *site = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (site != NULL)
		return site;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	site = palloc(sizeof(call_site));
	site->ncolumns = PG_NARGS() - FIXED_ARGUMENTS;
	site->values = palloc((site->ncolumns + 1) * sizeof(Datum));
	site->isnull = palloc((site->ncolumns + 1) * sizeof(bool));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	ks_counter_init(&site->counter,
					ks_binding_make(describe_arguments(fcinfo), PG_ARGISNULL(1) ? KS_GRAIN_EVENT : text_to_cstring(PG_GETARG_TEXT_PP(1)),
									PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2))),
					fcinfo->flinfo->fn_mcxt);
	SPI_finish();
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static ks_group *
new_group(MemoryContext memory)
{
	ks_group   *group = MemoryContextAlloc(memory, sizeof(ks_group));

	ks_group_init(group, 0, 0, memory);
	return group;
}

/* Transition function: (state, grain, measure or NULL for all, names of the columns, columns of an event). */
Datum
ks_count_step(PG_FUNCTION_ARGS)
{
	MemoryContext memory = ks_aggregate_context(fcinfo);
	ks_group   *group = PG_ARGISNULL(0) ? new_group(memory) : (ks_group *) PG_GETARG_POINTER(0);
	call_site  *site = find_call_site(fcinfo);
	ks_values	row = {site->values, site->isnull};
	ks_event	event;
	int			i;

	for (i = 0; i < site->ncolumns; i++)
	{
		site->values[i] = PG_GETARG_DATUM(FIXED_ARGUMENTS + i);
		site->isnull[i] = PG_ARGISNULL(FIXED_ARGUMENTS + i);
	}
	if (ks_event_read(&site->counter, &row, &event))
		ks_count_event(&site->counter, group, &event, false, true);
	PG_RETURN_POINTER(group);
}

Datum
ks_count_combine(PG_FUNCTION_ARGS)
{
	MemoryContext memory = ks_aggregate_context(fcinfo);
	ks_group   *group = PG_ARGISNULL(0) ? new_group(memory) : (ks_group *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		ks_must(ks_builder_add_all(&group->builder, &((ks_group *) PG_GETARG_POINTER(1))->builder));
	PG_RETURN_POINTER(group);
}

Datum
ks_count_serialize(PG_FUNCTION_ARGS)
{
	ks_aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(ks_tally_pack(&((ks_group *) PG_GETARG_POINTER(0))->builder));
}

Datum
ks_count_deserialize(PG_FUNCTION_ARGS)
{
	ks_group   *group = new_group(CurrentMemoryContext);
	ks_view		view;

	ks_aggregate_context(fcinfo);
	ks_tally_open(&view, PG_GETARG_DATUM(0));
	ks_must(ks_builder_merge(&group->builder, &view, false));
	PG_RETURN_POINTER(group);
}

Datum
ks_count_final(PG_FUNCTION_ARGS)
{
	ks_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(ks_tally_pack(&((ks_group *) PG_GETARG_POINTER(0))->builder));
}

/* Appends one row of (bot, month, mixed tally), or takes it away. */
static void
append_counts(HeapTuple row, TupleDesc desc, bool negate, bool with_bounds)
{
	bool		isnull;
	int64		bot_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	DateADT		month = DatumGetDateADT(SPI_getbinval(row, desc, 2, &isnull));
	Datum		tally = SPI_getbinval(row, desc, 3, &isnull);
	ks_builder	mixed;
	ks_share   *shares;
	ks_view		view;
	uint32		count;
	uint32		i;

	if (isnull)
		return;
	ks_builder_init(&mixed, CurrentMemoryContext);
	ks_tally_open(&view, tally);
	ks_must(ks_builder_merge(&mixed, &view, negate));
	if (!with_bounds)
		ks_bounds_reset(&mixed.bounds);
	ks_sort_out(&mixed, &shares, &count);
	for (i = 0; i < count; i++)
	{
		ks_append_row(bot_id, shares[i].name, month, &shares[i].builder);
		ks_builder_free(&shares[i].builder);
	}
}

/*
 * Runs the query that counts.  It is to hash its groups, in the memory that
 * maintenance may take: nobody knows how many months there are, and sorting all
 * events by month costs more than counting them.
 */
static void
execute_counting(const char *query, Datum *values, const char *nulls)
{
	Oid			types[2] = {INT8OID, TIMESTAMPTZOID};
	int			nest = NewGUCNestLevel();
	char		memory[32];

	snprintf(memory, sizeof(memory), "%d", Max(maintenance_work_mem, work_mem));
	ks_set_option("work_mem", memory);
	ks_set_option("enable_sort", "off");
	ks_set_option("enable_incremental_sort", "off");
	if (SPI_execute_with_args(query, 2, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count events");
	AtEOXact_GUC(true, nest);
}

/*
 * append_counts(query, bot, since, negate, with_bounds): runs a query that gives
 * (bot_id, month, mixed tally), with $1 bot and $2 since, and appends them all.
 */
Datum
ks_append_counts(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};
	char		nulls[2] = {PG_ARGISNULL(1) ? 'n' : ' ', PG_ARGISNULL(2) ? 'n' : ' '};
	SPITupleTable *found;
	uint64		count;
	uint64		i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("only \"bot\" and \"since\" may be NULL")));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	execute_counting(text_to_cstring(PG_GETARG_TEXT_PP(0)), values, nulls);
	found = SPI_tuptable;
	count = SPI_processed;
	for (i = 0; i < count; i++)
	{
		MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats counts", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(memory);

		CHECK_FOR_INTERRUPTS();
		append_counts(found->vals[i], found->tupdesc, PG_GETARG_BOOL(3), PG_GETARG_BOOL(4));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(memory);
	}
	SPI_finish();
	PG_RETURN_VOID();
}
