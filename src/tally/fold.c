/*
 * Answering a question from stored tallies.
 *
 * Weights simply add up, row by row, as the rows come.  Members need all rows
 * at once, because the same member may stand in several of them: headcount.c.
 */
#include "tally/distinct.h"
#include "tally/sort.h"

static void
fold_init(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct)
{
	memset(fold, 0, sizeof(*fold));
	fold->memory = memory;
	fold->bins = *bins;
	fold->filter = ks_filter_sorted(filter, memory);
	fold->distinct = distinct;
	ks_cut_init(&fold->cut, bins, memory);
}

/* Weight, and distinct members if asked for, of each bin. */
void
ks_fold_series(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct)
{
	size_t		bytes = ((size_t) bins->nbins + 1) * sizeof(int64_t);

	fold_init(fold, memory, bins, filter, distinct);
	fold->counts = ks_alloc(memory, bytes);
	memset(fold->counts, 0, bytes);
	fold->distincts = ks_alloc(memory, bytes);
	memset(fold->distincts, 0, bytes);
}

/* The heaviest groups of keys inside all bins together. */
void
ks_fold_top(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct,
			uint32_t skip, uint32_t take)
{
	fold_init(fold, memory, bins, filter, distinct);
	fold->grouped = true;
	fold->skip = skip;
	fold->take = take;
	ks_dictionary_init(&fold->groups, memory);
}

/* The same, and a series for each of the groups. */
void
ks_fold_spread(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct,
			   uint32_t skip, uint32_t take)
{
	ks_fold_top(fold, memory, bins, filter, distinct, skip, take);
	fold->spread = true;
}

/*
 * How many of a row's first bytes are needed before the last row has come: of
 * what lies in one bin totals will do.  In a mixed row the weight per slot is
 * not this measure's alone.  Members are fetched after the last row, if at all.
 */
size_t
ks_fold_reach(const ks_fold *fold, const ks_header *header, bool mixed)
{
	int32_t		bin = fold->bins.nsegments == 0 ? KS_BIN_OUTSIDE
		: ks_bins_of_range(&fold->bins, header->slot_first, header->slot_last);

	if (bin == KS_BIN_OUTSIDE)
		return header->slots_at;
	if (fold->grouped || fold->filter.count > 0 || mixed)
		return bin >= 0 ? header->weights_at : header->members_at;
	if (bin >= 0)
		return header->slots_at;
	return fold->distinct ? header->keys_at : header->visits_at;
}

/* A table of a row's slots is made where it has no more than this, which are almost two years, */
#define MAPPED_MAX 65536

/* where at least one slot of so many has a weight, all keys together, */
#define MAPPED_EMPTY 8

/* and a key has so few slots a bin that going on to the next bin takes longer than the slots. */
#define MAPPED_SLOTS_A_BIN 16

/* Room for runs of a row at first. */
#define RUNS_FIRST 256

/* The bins of the row's slots, from its first on; NULL where that is not worth a table. */
const int32_t *
ks_fold_map(ks_fold *fold, const ks_header *header)
{
	int64_t		slots = (int64_t) header->slot_last - header->slot_first + 1;
	int64_t		segments = ks_bins_segment(&fold->bins, header->slot_last) - ks_bins_segment(&fold->bins, header->slot_first) + 1;
	bool		whole = !fold->grouped && fold->filter.count == 0;
	uint64_t	keys = whole || header->nkeys == 0 ? 1 : header->nkeys;
	uint64_t	weights = whole ? header->nslots : header->nweights;

	if (slots > MAPPED_MAX || weights * MAPPED_EMPTY < (uint64_t) slots || weights / keys / (uint64_t) segments >= MAPPED_SLOTS_A_BIN)
		return NULL;
	ks_bins_map(&fold->bins, &fold->map, header->slot_first, header->slot_last, fold->memory);
	return fold->map.bin;
}

static inline bool
add_to(int64_t *sum, int64_t weight)
{
	return !__builtin_add_overflow(*sum, weight, sum);
}

/* Adds a sum of neighbouring slots to the bin they lie in. */
static ks_status
add_to_bin(ks_fold *fold, int32_t bin, int64_t sum)
{
	return bin < 0 || add_to(&fold->counts[bin], sum) ? KS_OK : KS_E_OVERFLOW;
}

/* Adds weights per slot to the bins they fall in. */
static ks_status
add_slots(ks_fold *fold, const ks_header *header, const int32_t *map, ks_slot_cursor cursor)
{
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		slot;
	int64_t		sum = 0;

	if (map != NULL)
		return ks_slot_spread(&cursor, map, header->slot_first, fold->counts, &sum);
	while (status == KS_OK && ks_slot_peek(&cursor, &slot))
	{
		sum = 0;
		ks_walk_move(&w, &fold->bins, slot);
		status = ks_slot_sum(&cursor, w.to, &sum);
		if (status == KS_OK)
			status = add_to_bin(fold, w.bin, sum);
	}
	return status != KS_OK ? status : cursor.status;
}

/* Room for twice as many numbers, so many in each group; the new ones are zero. */
static void *
grow_numbers(ks_memory memory, void *numbers, uint32_t from, uint32_t to, size_t each)
{
	uint8_t    *result = numbers == NULL ? ks_alloc(memory, to * each) : ks_realloc(numbers, to * each);

	memset(result + from * each, 0, (to - from) * each);
	return result;
}

/* The number of the group, which may be a new one. */
static uint32_t
put_group(ks_fold *fold, ks_string name)
{
	uint32_t	group = ks_dictionary_put(&fold->groups, name);
	uint32_t	from = fold->group_size;
	/* bins may be many, and groups few */
	uint32_t	to = from ? 2 * from : fold->spread ? 4 : 64;

	if (group < from)
		return group;
	fold->group_weight = grow_numbers(fold->memory, fold->group_weight, from, to, sizeof(int64_t));
	fold->group_after = grow_numbers(fold->memory, fold->group_after, from, to, sizeof(uint32_t));
	if (fold->spread)
		fold->group_bins = grow_numbers(fold->memory, fold->group_bins, from, to, fold->bins.nbins * sizeof(int64_t));
	fold->group_size = to;
	return group;
}

/* What a key is grouped by, as one piece: in scratch where it reaches over both. */
static ks_string
group_key(ks_fold *fold, ks_key key)
{
	ks_string	part;
	ks_string	result;
	ks_key		rest;
	uint32_t	i;

	for (i = 0; i < fold->skip && ks_key_take(&key, &part); i++)
		;
	if (key.head.length == 0)
	{
		key.head = key.tail;
		key.tail.length = 0;
	}
	rest = key;
	for (i = 0; i < fold->take && rest.head.length > 0 && ks_key_shift(&rest.head, &part); i++)
		;
	if (i == fold->take || key.tail.length == 0)
	{
		result.bytes = key.head.bytes;
		result.length = key.head.length - rest.head.length;
		return result;
	}
	if (key.head.length + key.tail.length > fold->scratch_size)
	{
		size_t		size = 2 * (key.head.length + key.tail.length);

		fold->scratch = fold->scratch == NULL ? ks_alloc(fold->memory, size) : ks_realloc(fold->scratch, size);
		fold->scratch_size = size;
	}
	for (; i < fold->take && ks_key_shift(&rest.tail, &part); i++)
		;
	key.tail.length -= rest.tail.length;
	return ks_key_join(fold->scratch, &key);
}

/*
 * The number of the group that a key belongs to.  Those of each source and
 * language, and of each row, come in the same order as a rule: the one that
 * came next last time is tried first.
 */
static int32_t
group_of(ks_fold *fold, const ks_key *whole)
{
	ks_string	key = group_key(fold, *whole);
	uint32_t	group;

	if (fold->groups.count > 0)
	{
		ks_string	known;

		group = fold->group_after[fold->group_last];
		known = ks_dictionary_get(&fold->groups, group);
		if (known.length == key.length && (key.length == 0 || memcmp(known.bytes, key.bytes, key.length) == 0))
		{
			fold->group_last = group;
			return (int32_t) group;
		}
	}
	group = put_group(fold, key);
	fold->group_after[fold->group_last] = group;
	fold->group_last = group;
	return (int32_t) group;
}

/* Where groups are tails of keys, as in the rollup: one look at each tail of a row will do. */
static void
start_tails(ks_fold *fold, const ks_key_cursor *keys, const ks_string *prefix)
{
	size_t		size = (size_t) keys->ntails;

	/* more tails than keys are a damaged count */
	if (!fold->grouped || prefix != NULL || fold->skip != KS_HEAD_PARTS || fold->take < KS_KEY_MAX_PARTS || size > keys->left)
		size = 0;
	if (size > fold->tail_size)
	{
		if (fold->tail_group != NULL)
			ks_free(fold->tail_group);
		fold->tail_group = ks_alloc(fold->memory, size * sizeof(int32_t));
		fold->tail_size = size;
	}
	if (size > 0)
		memset(fold->tail_group, 0xff, size * sizeof(int32_t));
	fold->tails_known = size > 0;
}

/* The group of the key that the cursor stands on. */
static int32_t
group_of_key(ks_fold *fold, const ks_key_cursor *cursor, const ks_key *key)
{
	int32_t    *group;

	if (!fold->tails_known)
		return group_of(fold, key);
	group = &fold->tail_group[cursor->next_tail - 1];
	if (*group < 0)
		*group = group_of(fold, key);
	return *group;
}

/* Adds weight in one bin to a group, and to its series. */
static ks_status
add_to_group(ks_fold *fold, int32_t group, int32_t bin, int64_t weight)
{
	if (fold->spread && !add_to(&fold->group_bins[(size_t) group * fold->bins.nbins + bin], weight))
		return KS_E_OVERFLOW;
	return add_to(&fold->group_weight[group], weight) && add_to(&fold->total, weight) ? KS_OK : KS_E_OVERFLOW;
}

/*
 * Whether a row's runs are noted when its weights are added: to find them later, its slots would be gone through
 * once more.  Where there is a table of slots, runs are short, and there would be too many.
 */
static bool
notes_runs(const ks_fold *fold, const int32_t *map)
{
	return fold->spread && fold->distinct && map == NULL;
}

static void
note_run(ks_fold_row *row, uint32_t key, int32_t bin, uint32_t entry, uint32_t end)
{
	ks_fold_run *run;

	if (entry == end)
		return;
	if (row->nruns == row->runs_size)
	{
		row->runs_size *= 2;
		row->runs = ks_realloc(row->runs, row->runs_size * sizeof(ks_fold_run));
	}
	run = &row->runs[row->nruns++];
	run->key = key;
	run->bin = (uint32_t) bin;
	run->entry = entry;
	run->end = end;
}

/* Adds the weight of a key, of that number, in all bins to its group. */
static ks_status
add_key_slots(ks_fold *fold, ks_fold_row *row, const int32_t *map, const ks_key_cursor *key, uint32_t number, int32_t group)
{
	const ks_view *view = &row->view;
	ks_slot_cursor cursor = ks_key_weights(view, key);
	ks_walk		w = ks_walk_start();
	int32_t		slot;
	int64_t		sum = 0;
	ks_status	status;

	if (map != NULL && fold->spread)
	{
		status = ks_slot_spread(&cursor, map, view->header.slot_first, fold->group_bins + (size_t) group * fold->bins.nbins, &sum);
		if (status != KS_OK)
			return status;
		return add_to(&fold->group_weight[group], sum) && add_to(&fold->total, sum) ? KS_OK : KS_E_OVERFLOW;
	}
	while (ks_slot_peek(&cursor, &slot))
	{
		sum = 0;
		ks_walk_move(&w, &fold->bins, slot);
		status = ks_slot_sum(&cursor, w.to, &sum);
		if (status == KS_OK && w.bin >= 0)
			status = add_to_group(fold, group, w.bin, sum);
		if (status != KS_OK)
			return status;
		if (row->runs != NULL && w.bin >= 0)
			note_run(row, number, w.bin, cursor.entry, cursor.entry_end);
	}
	return cursor.status;
}

/* The bin in which all of a key lies, KS_BIN_CUT where that takes a closer look; bin is that of the row. */
static int32_t
bin_of_key(const ks_fold *fold, const ks_view *view, const ks_key_cursor *key, int32_t bin)
{
	int64_t		first;

	if (bin >= 0 || !ks_key_first(view, key, &first) || first > key->last)
		return bin;
	return ks_bins_of_range(&fold->bins, (int32_t) first, (int32_t) key->last);
}

/* Adds the weight of a key to its group, or to the bins. */
static ks_status
add_key(ks_fold *fold, ks_fold_row *row, const int32_t *map, const ks_key_cursor *key, uint32_t number, int32_t group)
{
	int32_t		bin = bin_of_key(fold, &row->view, key, row->bin);

	if (bin == KS_BIN_OUTSIDE)
		return KS_OK;
	if (fold->grouped && bin < 0)
		return add_key_slots(fold, row, map, key, number, group);
	if (row->runs != NULL)
		note_run(row, number, bin, key->entry, key->entry_end);
	if (fold->grouped)
		return add_to_group(fold, group, bin, key->total);
	if (bin < 0)
		return add_slots(fold, &row->view.header, map, ks_key_weights(&row->view, key));
	return add_to(&fold->counts[bin], key->total) ? KS_OK : KS_E_OVERFLOW;
}

/* Whether a key counts; the prefix is taken off a mixed row's. */
bool
ks_fold_key_counts(const ks_fold *fold, ks_key *key, const ks_string *prefix)
{
	ks_string	name;

	if (prefix != NULL && !(ks_key_take(key, &name) && ks_string_compare(name, *prefix) == 0))
		return false;
	return fold->filter.count == 0 || ks_filter_passes(&fold->filter, *key);
}

/* Adds the weights of the keys that pass, and notes of each key in row what it counts for; gives back how many passed. */
static ks_status
add_keys(ks_fold *fold, ks_fold_row *row, const ks_string *prefix, uint32_t *passed)
{
	const ks_view *view = &row->view;
	const int32_t *map = row->bin < 0 ? ks_fold_map(fold, &view->header) : NULL;
	ks_key_cursor cursor = ks_view_keys(view);
	uint32_t	number = 0;
	ks_status	status = KS_OK;

	*passed = 0;
	if (row->bin < 0 && notes_runs(fold, map))
	{
		row->runs_size = RUNS_FIRST;
		row->runs = ks_alloc(fold->memory, row->runs_size * sizeof(ks_fold_run));
	}
	start_tails(fold, &cursor, prefix);
	while (status == KS_OK && ks_key_next(&cursor))
	{
		ks_key		key = cursor.key;
		bool		passes = ks_fold_key_counts(fold, &key, prefix);

		ks_check_interrupts_at(number);
		row->target[number] = -1;
		if (fold->distinct)
			ks_block_note(&row->blocks[number], view, &cursor, false);
		if (passes)
		{
			row->target[number] = fold->grouped ? group_of_key(fold, &cursor, &key) : 0;
			if (fold->spread && (uint64_t) fold->groups.count * fold->bins.nbins > KS_FOLD_MAX_CELLS)
				return KS_E_CELLS;
			status = add_key(fold, row, map, &cursor, number, row->target[number]);
			++*passed;
		}
		number++;
	}
	if (fold->distinct)
		ks_block_note(&row->blocks[number], view, &cursor, true);
	return status != KS_OK ? status : cursor.status;
}

/* The bins a row can touch. */
static void
row_reach(const ks_fold *fold, ks_fold_row *row)
{
	const ks_bins *bins = &fold->bins;
	int64_t		low = ks_bins_segment(bins, row->view.header.slot_first);
	int64_t		high = ks_bins_segment(bins, row->view.header.slot_last);
	int64_t		i;

	if (low < 0)
		low = 0;
	if (high >= (int64_t) bins->nsegments)
		high = (int64_t) bins->nsegments - 1;
	row->low = (uint32_t) low;
	row->high = (uint32_t) high;
	/* where the last edge cuts a slot of which other rows take all away */
	if (low > high)
		row->low = row->high = 0;
	else if (bins->bin_of != NULL)
	{
		row->low = bins->nbins;
		row->high = 0;
		for (i = low; i <= high; i++)
		{
			int32_t		bin = bins->bin_of[i];

			if (bin >= 0 && (uint32_t) bin < row->low)
				row->low = (uint32_t) bin;
			if (bin >= 0 && (uint32_t) bin > row->high)
				row->high = (uint32_t) bin;
		}
		if (row->low > row->high)
			row->low = row->high;
	}
}

static ks_fold_row *
next_row(ks_fold *fold)
{
	if (fold->nrows == fold->rows_size)
	{
		uint32_t	size = fold->rows_size ? 2 * fold->rows_size : 16;

		fold->rows = fold->rows == NULL ? ks_alloc(fold->memory, size * sizeof(ks_fold_row))
			: ks_realloc(fold->rows, size * sizeof(ks_fold_row));
		fold->rows_size = size;
	}
	return &fold->rows[fold->nrows++];
}

static void
free_keys(ks_fold_row *row)
{
	if (row->target != NULL)
		ks_free(row->target);
	if (row->blocks != NULL)
		ks_free(row->blocks);
	if (row->runs != NULL)
		ks_free(row->runs);
	row->target = NULL;
	row->blocks = NULL;
	row->runs = NULL;
}

/* Adds the weights of a row; gives back whether its members, if it has any, count. */
static ks_status
add_weights(ks_fold *fold, ks_fold_row *row, const ks_string *prefix, bool *counts)
{
	const ks_header *header = &row->view.header;
	uint32_t	passed;
	ks_status	status;

	*counts = true;
	if (fold->grouped || fold->filter.count > 0 || prefix != NULL)
	{
		/* no memory for keys that are not there */
		if (header->weights_at > row->view.available)
			return KS_E_TRUNCATED;
		row->target = ks_alloc(fold->memory, ((size_t) header->nkeys + 1) * sizeof(int32_t));
		if (fold->distinct)
			row->blocks = ks_alloc(fold->memory, ((size_t) header->nkeys + 1) * sizeof(ks_block));
		status = add_keys(fold, row, prefix, &passed);
		*counts = passed > 0;
		if (passed == header->nkeys && !fold->grouped)
			free_keys(row);
		return status;
	}
	if (row->bin < 0)
		return add_slots(fold, header, ks_fold_map(fold, header), ks_view_slots(&row->view));
	return add_to(&fold->counts[row->bin], header->total) ? KS_OK : KS_E_OVERFLOW;
}

/*
 * Takes in one stored tally.  With a prefix the tally is a mixed one: only keys
 * whose first part equals the prefix count, and that part is taken off.  When
 * members are asked for, the view's bytes (and what it fetches others from) must
 * live until the fold is finished.
 */
ks_status
ks_fold_add(ks_fold *fold, const ks_view *view, const ks_string *prefix)
{
	ks_fold_row row = {*view};
	ks_status	status;
	bool		counts;

	ks_check_interrupts();
	if (fold->bins.nsegments == 0 || fold->bins.nbins == 0)
		return KS_OK;
	row.bin = ks_bins_of_range(&fold->bins, view->header.slot_first, view->header.slot_last);
	if (row.bin == KS_BIN_OUTSIDE)
		return KS_OK;
	status = add_weights(fold, &row, prefix, &counts);
	if (status == KS_OK && row.bin == KS_BIN_CUT)
		status = ks_cut_add(fold, view, prefix);
	if (status == KS_OK && fold->distinct && counts && view->header.nentries > 0)
	{
		row_reach(fold, &row);
		*next_row(fold) = row;
	}
	else
		free_keys(&row);
	return status;
}

/* After the last row: fills in the distinct members. */
ks_status
ks_fold_finish_series(ks_fold *fold)
{
	if (!ks_cut_empty(&fold->cut))
		return KS_E_CUT;
	if (!fold->distinct || fold->nrows == 0)
		return KS_OK;
	return fold->firsts ? ks_newcomers(fold) : ks_headcount_series(fold);
}

/* Heaviest first; among equals by key. */
static int
compare_lines(const void *a, const void *b)
{
	const ks_top_line *x = a;
	const ks_top_line *y = b;

	ks_check_interrupts();
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return ks_key_compare(x->key, y->key);
}

/* After the last row: at most limit lines, groups without weight left out. */
ks_status
ks_fold_finish_top(ks_fold *fold, uint32_t limit, ks_top_line **lines, uint32_t *count)
{
	ks_top_line *result;
	uint32_t	found = 0;
	uint32_t	i;

	if (!ks_cut_empty(&fold->cut))
		return KS_E_CUT;
	result = ks_alloc(fold->memory, ((size_t) fold->groups.count + 1) * sizeof(ks_top_line));
	for (i = 0; i < fold->groups.count; i++)
	{
		if (fold->group_weight[i] == 0)
			continue;
		result[found].key = ks_dictionary_get(&fold->groups, i);
		result[found].weight = fold->group_weight[i];
		result[found].members = 0;
		result[found].group = i;
		found++;
	}
	ks_sort(result, found, sizeof(ks_top_line), compare_lines, fold->memory);
	*lines = result;
	*count = found < limit ? found : limit;
	return fold->distinct ? ks_headcount_lines(fold, result, *count) : KS_OK;
}

/* Gives back what the fold took; only for callers whose memory does not go by itself. */
void
ks_fold_free(ks_fold *fold)
{
	uint32_t	i;

	for (i = 0; i < fold->nrows; i++)
		free_keys(&fold->rows[i]);
	if (fold->rows != NULL)
		ks_free(fold->rows);
	if (fold->filter.conditions != NULL)
		ks_free(fold->filter.conditions);
	if (fold->counts != NULL)
		ks_free(fold->counts);
	if (fold->distincts != NULL)
		ks_free(fold->distincts);
	if (fold->group_weight != NULL)
		ks_free(fold->group_weight);
	if (fold->group_after != NULL)
		ks_free(fold->group_after);
	if (fold->group_bins != NULL)
		ks_free(fold->group_bins);
	if (fold->line_bins != NULL)
		ks_free(fold->line_bins);
	if (fold->tail_group != NULL)
		ks_free(fold->tail_group);
	if (fold->scratch != NULL)
		ks_free(fold->scratch);
	if (fold->map.bin != NULL)
		ks_free(fold->map.bin);
	ks_dictionary_free(&fold->groups);
	ks_cut_free(&fold->cut);
	memset(fold, 0, sizeof(*fold));
}
