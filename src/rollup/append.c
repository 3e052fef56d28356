/*
 * Writing to the rollup: rows are appended, never updated.
 *
 * So writers never wait for each other, and a reader adds up what its snapshot
 * sees.  Every access is SQL by the tables' names: where these are distributed,
 * the named tables are shells and the rows live in shards.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * A mixed row of so many entries is soon merged with others, and read as new
 * until then.  A larger one is left alone for longer.
 */
#define NEW_LIMIT 256

/* A statement that touches more bots and months than this hardly comes again before long: nothing is soon to be merged. */
#define NEW_GROUPS 1000

/* More rows than this are inserted by one statement from arrays. */
#define SINGLE_INSERTS 4

typedef struct pending_rows
{
	bool		kept;			/* all of them */
	bool		is_new;			/* small ones are soon to be merged */
	int			count;
	int			size;
	Datum	   *bot_id;
	Datum	   *measure;
	Datum	   *month;
	Datum	   *id;
	Datum	   *tally;
} pending_rows;

/* Months since January of the year 0. */
int32
ks_month_of(TimestampTz at)
{
	int			year,
				month,
				day;

	/* what cannot be counted is refused where its slot is computed */
	if (TIMESTAMP_NOT_FINITE(at))
		return 0;
	j2date((int) (ks_day_of(at) + POSTGRES_EPOCH_JDATE), &year, &month, &day);
	return year * 12 + month - 1;
}

/* The month's first day; -infinity for rows that span months. */
DateADT
ks_month_to_date(int32 month)
{
	if (month == KS_SPAN)
		return DATEVAL_NOBEGIN;
	return date2j(month / 12, month % 12 + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* The other way round. */
int32
ks_month_of_date(DateADT date)
{
	return DATE_IS_NOBEGIN(date) ? KS_SPAN : ks_month_of((TimestampTz) date * USECS_PER_DAY);
}

static void
add_pending(pending_rows *rows, int64 bot_id, ks_string measure, int32 month, int64 id, ks_builder *builder)
{
	if (rows->count == rows->size)
	{
		rows->size = rows->size ? 2 * rows->size : 16;
		rows->bot_id = rows->count ? repalloc(rows->bot_id, rows->size * sizeof(Datum)) : palloc(rows->size * sizeof(Datum));
		rows->measure = rows->count ? repalloc(rows->measure, rows->size * sizeof(Datum)) : palloc(rows->size * sizeof(Datum));
		rows->month = rows->count ? repalloc(rows->month, rows->size * sizeof(Datum)) : palloc(rows->size * sizeof(Datum));
		rows->id = rows->count ? repalloc(rows->id, rows->size * sizeof(Datum)) : palloc(rows->size * sizeof(Datum));
		rows->tally = rows->count ? repalloc(rows->tally, rows->size * sizeof(Datum)) : palloc(rows->size * sizeof(Datum));
	}
	rows->bot_id[rows->count] = Int64GetDatum(bot_id);
	rows->measure[rows->count] = PointerGetDatum(cstring_to_text_with_len((const char *) measure.bytes, (int) measure.length));
	rows->month[rows->count] = DateADTGetDatum(ks_month_to_date(month));
	rows->id[rows->count] = Int64GetDatum(id);
	rows->tally[rows->count] = PointerGetDatum(ks_tally_pack(builder));
	rows->count++;
}

/*
 * The measures of a mixed tally.  Its first and last instant are those of the
 * measure that has all events; they may be all that is left of it.
 */
void
ks_sort_out(const ks_builder *mixed, ks_share **shares, uint32 *count)
{
	ks_string	events = {(const uint8_t *) KS_EVENTS, strlen(KS_EVENTS)};
	bool		found = false;
	uint32		i;

	ks_must(ks_builder_split(mixed, shares, count));
	for (i = 0; i < *count; i++)
	{
		if (ks_string_compare((*shares)[i].name, events) == 0)
			found = true;
		else
			ks_bounds_reset(&(*shares)[i].builder.bounds);
	}
	if (found || ks_bounds_settled(&mixed->bounds))
		return;
	*shares = repalloc_huge(*shares, ((Size) *count + 1) * sizeof(ks_share));
	(*shares)[*count].name = events;
	ks_builder_init(&(*shares)[*count].builder, mixed->memory);
	(*shares)[(*count)++].builder.bounds = mixed->bounds;
}

/* Whether there is so much in a mixed tally that it should stand in rows of single measures. */
bool
ks_sort_out_worth(const ks_builder *mixed)
{
	return ks_builder_entries(mixed) > KS_MIXED_MAX;
}

static int64
id_for(const ks_group *group, bool is_new)
{
	int64		id = is_new && ks_builder_entries(&group->builder) <= NEW_LIMIT ? ks_id_new() : -1;

	if (id >= 0)
		return id;
	return group->month == KS_SPAN ? ks_id_span() : ks_id_merged();
}

/* One row of each measure in the group, or one mixed row where there is little. */
static void
add_group(pending_rows *rows, ks_group *group)
{
	ks_string	mixed = {(const uint8_t *) KS_MIXED, 0};
	ks_share   *shares;
	uint32		count;
	uint32		i;

	if (!ks_sort_out_worth(&group->builder))
	{
		add_pending(rows, group->bot_id, mixed, group->month, id_for(group, rows->is_new), &group->builder);
		return;
	}
	ks_sort_out(&group->builder, &shares, &count);
	for (i = 0; i < count; i++)
	{
		ks_must(ks_builder_settle(&shares[i].builder));
		if (!ks_builder_empty(&shares[i].builder))
			add_pending(rows, group->bot_id, shares[i].name, group->month, ks_id_merged(), &shares[i].builder);
		ks_builder_free(&shares[i].builder);
	}
}

static Oid
tally_type(bool array)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("tally"),
									   ObjectIdGetDatum(get_namespace_oid("kindly_stats", false)));

	return array ? get_array_type(type) : type;
}

/* cluster is 0 but in marks. */
static void
insert_values(Datum bot_id, Datum measure, Datum month, Datum id, bool kept, int64 cluster, Datum tally)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[7] = {INT8OID, TEXTOID, DATEOID, INT8OID, BOOLOID, INT8OID, tally_type(false)};
	Datum		values[7] = {bot_id, measure, month, id, BoolGetDatum(kept), Int64GetDatum(cluster), tally};

	ks_prepared(&plan, "INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, kept, cluster, tally) VALUES ($1, $2, $3, $4, $5, $6, $7)", 7, types);
	if (SPI_execute_plan(plan, values, cluster == 0 ? "     n " : NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write the rollup");
}

/* Appends one row of one measure, unless there is nothing in it. */
void
ks_append_row(int64 bot_id, ks_string measure, DateADT month, bool kept, ks_builder *builder)
{
	ks_must(ks_builder_settle(builder));
	if (!ks_builder_empty(builder))
		insert_values(Int64GetDatum(bot_id),
					  PointerGetDatum(cstring_to_text_with_len((const char *) measure.bytes, (int) measure.length)),
					  DateADTGetDatum(month), Int64GetDatum(DATE_IS_NOBEGIN(month) ? ks_id_span() : ks_id_merged()), kept, 0,
					  PointerGetDatum(ks_tally_pack(builder)));
}

/* Appends a mark: the bot has no new rows below that id. */
void
ks_append_mark(int64 bot_id, DateADT month, int64 first_new)
{
	ks_builder	nothing;

	ks_builder_init(&nothing, CurrentMemoryContext);
	insert_values(Int64GetDatum(bot_id), PointerGetDatum(cstring_to_text_with_len(KS_MIXED, 0)), DateADTGetDatum(month),
				  Int64GetDatum(KS_ID_LAST_MARK - first_new), false, ks_cluster_number(), PointerGetDatum(ks_tally_pack(&nothing)));
}

static void
insert_arrays(const pending_rows *rows)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[6] = {INT8ARRAYOID, TEXTARRAYOID, DATEARRAYOID, tally_type(true), BOOLOID, INT8ARRAYOID};
	Datum		values[6];

	values[0] = PointerGetDatum(construct_array(rows->bot_id, rows->count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[1] = PointerGetDatum(construct_array(rows->measure, rows->count, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(rows->month, rows->count, DATEOID, 4, true, TYPALIGN_INT));
	values[3] = PointerGetDatum(construct_array(rows->tally, rows->count, tally_type(false), -1, false, TYPALIGN_INT));
	values[4] = BoolGetDatum(rows->kept);
	values[5] = PointerGetDatum(construct_array(rows->id, rows->count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	ks_prepared(&plan,
				"INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, kept, tally)"
				" SELECT u.bot_id, u.measure, u.month, u.id, $5, u.tally"
				" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($6))"
				" AS u (bot_id, measure, month, tally, id)", 6, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write the rollup");
}

/* Inserts in runs whose arrays stay well below the limit of one allocation. */
static void
insert_pending(const pending_rows *rows)
{
	const Size	run_bytes = 64 * 1024 * 1024;
	int			begin = 0;

	while (begin < rows->count)
	{
		pending_rows run = *rows;
		Size		bytes = 0;
		int			end = begin;

		while (end < rows->count && (end == begin || bytes + VARSIZE(DatumGetPointer(rows->tally[end])) < run_bytes))
			bytes += VARSIZE(DatumGetPointer(rows->tally[end++]));
		run.bot_id += begin;
		run.measure += begin;
		run.month += begin;
		run.id += begin;
		run.tally += begin;
		run.count = end - begin;
		if (run.count > SINGLE_INSERTS)
			insert_arrays(&run);
		else
		{
			for (; begin < end; begin++)
				insert_values(rows->bot_id[begin], rows->measure[begin], rows->month[begin], rows->id[begin], rows->kept, 0, rows->tally[begin]);
		}
		begin = end;
	}
}

/*
 * A copy of the groups, in which what a bot has in several months is one group that spans them,
 * where it is so little that it is merged soon, or that many bots have no more.
 */
static ks_group **
join_months(ks_group **groups, int *count, bool is_new)
{
	ks_group  **joined = palloc_extended(((Size) *count + 1) * sizeof(ks_group *), MCXT_ALLOC_HUGE);

	memcpy(joined, groups, (Size) *count * sizeof(ks_group *));
	*count = ks_span_join(joined, *count, is_new ? NEW_LIMIT : KS_MIXED_MAX);
	return joined;
}

/* Appends the groups of one statement, live or kept.  The caller is connected to SPI and acts as the rollup's owner. */
void
ks_append(ks_group **groups, int count, bool kept)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats append", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	pending_rows rows;
	int			i;

	memset(&rows, 0, sizeof(rows));
	rows.kept = kept;
	rows.is_new = !kept && count <= NEW_GROUPS;
	groups = join_months(groups, &count, rows.is_new);
	for (i = 0; i < count; i++)
		add_group(&rows, groups[i]);
	insert_pending(&rows);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
