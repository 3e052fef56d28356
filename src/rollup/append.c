/*
 * Writing to the rollup: rows are appended, never updated.
 *
 * So writers never wait for each other, and a reader adds up what its snapshot
 * sees.  How a row gets into the table is store.c's subject.
 */
#include "rollup/rollup.h"

#include "base/compat.h"

#include "utils/builtins.h"
#include "utils/date.h"

/*
 * A mixed row of up to this many entries is stored as a new row, because it will soon be
 * merged with others.  A larger one is stored as a merged row, since it can stay as it is
 * for longer.
 */
#define NEW_LIMIT 256

/* A statement that touches more bots and months than this is rare: its rows will not be merged soon. */
#define NEW_GROUPS 1000

/* Rows to be put into the rollup together. */
typedef struct pending_rows
{
	ks_rows		rows;
	bool		is_new;			/* small ones are soon to be merged */
	int			size;
} pending_rows;

static void
grow(Datum **values, int count, int size)
{
	*values = count > 0 ? repalloc_huge(*values, size * sizeof(Datum)) : palloc(size * sizeof(Datum));
}

static void
add_pending(pending_rows *pending, int64 bot_id, ks_string measure, int32 month, int64 id, ks_builder *builder)
{
	ks_rows    *rows = &pending->rows;

	if (rows->count == pending->size)
	{
		pending->size = pending->size ? 2 * pending->size : 16;
		grow(&rows->bot_id, rows->count, pending->size);
		grow(&rows->measure, rows->count, pending->size);
		grow(&rows->month, rows->count, pending->size);
		grow(&rows->id, rows->count, pending->size);
		grow(&rows->tally, rows->count, pending->size);
	}
	rows->bot_id[rows->count] = Int64GetDatum(bot_id);
	rows->measure[rows->count] = PointerGetDatum(cstring_to_text_with_len((const char *) measure.bytes, (int) measure.length));
	rows->month[rows->count] = DateADTGetDatum(ks_month_to_date(month));
	rows->id[rows->count] = Int64GetDatum(id);
	rows->tally[rows->count] = PointerGetDatum(ks_tally_pack(builder));
	rows->count++;
}

/*
 * Splits a mixed tally by measure.  Its first and last instant belong to the measure that
 * has all events, which is kept even if nothing else is left of it.
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
	if (found || ks_bounds_idle(&mixed->bounds))
		return;
	*shares = repalloc_huge(*shares, ((Size) *count + 1) * sizeof(ks_share));
	(*shares)[*count].name = events;
	ks_builder_init(&(*shares)[*count].builder, mixed->memory);
	(*shares)[(*count)++].builder.bounds = mixed->bounds;
}

/* Whether a mixed tally is so large that it should be stored as rows of single measures. */
bool
ks_sort_out_worth(const ks_builder *mixed)
{
	return ks_builder_entries(mixed) > KS_MIXED_MAX;
}

static int64
id_for(const ks_month_tally *group, bool is_new)
{
	int64		id = is_new && ks_builder_entries(&group->builder) <= NEW_LIMIT ? ks_id_new() : -1;

	if (id >= 0)
		return id;
	return group->month == KS_SPAN ? ks_id_span() : ks_id_merged();
}

/* Adds one row for each measure of the group, or one mixed row where there is little. */
static void
add_group(pending_rows *rows, ks_month_tally *group)
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
		ks_must(ks_builder_consolidate(&shares[i].builder));
		if (!ks_builder_empty(&shares[i].builder))
			add_pending(rows, group->bot_id, shares[i].name, group->month, ks_id_merged(), &shares[i].builder);
		ks_builder_free(&shares[i].builder);
	}
}

/* Writes one row; cluster is 0 except in marks. */
static void
put_row(int64 bot_id, ks_string measure, DateADT month, int64 id, bool kept, int64 cluster, ks_builder *builder)
{
	Datum		bot = Int64GetDatum(bot_id);
	Datum		name = PointerGetDatum(cstring_to_text_with_len((const char *) measure.bytes, (int) measure.length));
	Datum		first_day = DateADTGetDatum(month);
	Datum		number = Int64GetDatum(id);
	Datum		tally = PointerGetDatum(ks_tally_pack(builder));
	ks_rows		row = {.count = 1,.kept = kept,.cluster = cluster,.bot_id = &bot,.measure = &name,.month = &first_day,.id = &number,.tally = &tally};

	ks_store_put(&row);
}

/* Appends one row of one measure, even if nothing is left in it but its instants. */
void
ks_append_whole(int64 bot_id, ks_string measure, DateADT month, bool kept, ks_builder *builder)
{
	put_row(bot_id, measure, month, DATE_IS_NOBEGIN(month) ? ks_id_span() : ks_id_merged(), kept, 0, builder);
}

/* Appends one row of one measure, unless there is nothing in it. */
void
ks_append_row(int64 bot_id, ks_string measure, DateADT month, bool kept, ks_builder *builder)
{
	ks_must(ks_builder_consolidate(builder));
	if (!ks_builder_empty(builder))
		ks_append_whole(bot_id, measure, month, kept, builder);
}

/* Appends a mark: the bot has no new rows below that id. */
void
ks_append_mark(int64 bot_id, DateADT month, int64 first_new)
{
	ks_string	mixed = {(const uint8_t *) KS_MIXED, 0};
	ks_builder	nothing;

	ks_builder_init(&nothing, CurrentMemoryContext);
	put_row(bot_id, mixed, month, KS_ID_LAST_MARK - first_new, false, ks_cluster_number(), &nothing);
}

/*
 * Returns a copy of the groups.  Several months of a bot become one group that spans them
 * if they are so small that they will be merged soon, or if there are very many bots that
 * have no more than that.
 */
static ks_month_tally **
join_months(ks_month_tally **groups, int *count, bool is_new)
{
	ks_month_tally  **joined = palloc_extended(((Size) *count + 1) * sizeof(ks_month_tally *), MCXT_ALLOC_HUGE);

	memcpy(joined, groups, (Size) *count * sizeof(ks_month_tally *));
	*count = ks_span_join(joined, *count, is_new ? NEW_LIMIT : KS_MIXED_MAX);
	return joined;
}

/* Appends the groups of one statement, live or kept.  The caller is connected to SPI and acts as the rollup's owner. */
void
ks_append(ks_month_tally **groups, int count, bool kept)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats append", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	pending_rows rows;
	int			i;

	memset(&rows, 0, sizeof(rows));
	rows.rows.kept = kept;
	rows.is_new = !kept && count <= NEW_GROUPS;
	groups = join_months(groups, &count, rows.is_new);
	for (i = 0; i < count; i++)
		add_group(&rows, groups[i]);
	ks_store_put(&rows.rows);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
