/*
 * Answering a question from stored tallies.
 *
 * Weights simply add up, row by row, as the rows come.  Members need all rows
 * at once, because the same member may stand in several of them.  Most bins
 * are touched by one row only (a row is a month, a bin a day), and inside one
 * row a member's entries lie together in the order of time: there it is enough
 * to watch for the bin to change.  Only what falls into a bin that several
 * rows touch goes through a set.  A row with weights below zero takes away
 * from others, so there the set adds weights up and counts what is left.
 */
#include "tally/fold.h"

/*
 * Slots are looked up through a table of the row's whole span, unless that is
 * longer than this or has this many slots an entry: then bisection is cheaper.
 */
#define MAP_LIMIT 65536
#define MAP_SLOTS_AN_ENTRY 16

/*
 * From instants (microseconds since 2000-01-01); the arrays of bins are the
 * caller's.  False when they do not ascend.  Edges beyond the countable years
 * are drawn in: there is nothing to count out there.
 */
bool
ks_bins_set(ks_bins *bins, const int64_t *edges, uint32_t nedges)
{
	const int64_t lowest = KS_SLOT_MIN * KS_SLOT_USECS;
	const int64_t highest = (KS_SLOT_MAX + INT64_C(1)) * KS_SLOT_USECS;
	uint32_t	i;

	for (i = 0; i < nedges; i++)
	{
		int64_t		at = edges[i] < lowest ? lowest : edges[i] > highest ? highest : edges[i];

		if (i > 0 && edges[i] < edges[i - 1])
			return false;
		bins->edge[i] = (int32_t) ks_slot_of(at);
		bins->cut[i] = bins->edge[i] * KS_SLOT_USECS != at;
	}
	bins->nsegments = nedges - 1;
	return true;
}

/* The segment a slot lies in: the last one whose edge is at or before it; -1 and nsegments are outside. */
static int64_t
find_segment(const ks_bins *bins, int32_t slot)
{
	int64_t		low = -1;
	int64_t		high = (int64_t) bins->nsegments + 1;

	while (high - low > 1)
	{
		int64_t		middle = (low + high) / 2;

		if (bins->edge[middle] <= slot)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int32_t
bin_of_segment(const ks_bins *bins, int64_t segment, int32_t slot)
{
	int64_t		i;

	for (i = segment; i >= 0 && bins->edge[i] == slot; i--)
	{
		if (bins->cut[i])
			return KS_BIN_CUT;
	}
	if (segment < 0 || segment >= (int64_t) bins->nsegments)
		return KS_BIN_OUTSIDE;
	return bins->bin_of != NULL ? bins->bin_of[segment] : (int32_t) segment;
}

int32_t
ks_bins_find(const ks_bins *bins, int32_t slot)
{
	return bin_of_segment(bins, find_segment(bins, slot), slot);
}

/* Ascending lookups: remembers the segment and the slots for which its answer holds. */
typedef struct walk
{
	const ks_bins *bins;
	int64_t		from;
	int64_t		to;				/* bin holds for slots in [from, to) */
	int32_t		bin;
} walk;

static inline walk
walk_start(const ks_bins *bins)
{
	walk		w = {bins, 0, 0, KS_BIN_OUTSIDE};

	return w;
}

static void
walk_move(walk *w, int32_t slot)
{
	int64_t		segment = find_segment(w->bins, slot);

	w->bin = bin_of_segment(w->bins, segment, slot);
	w->from = slot;
	if (w->bin == KS_BIN_CUT)
		w->to = (int64_t) slot + 1;
	else if (segment >= (int64_t) w->bins->nsegments)
		w->to = INT64_MAX;
	else
		w->to = w->bins->edge[segment + 1];
}

static inline int32_t
walk_find(walk *w, int32_t slot)
{
	if (slot < w->from || slot >= w->to)
		walk_move(w, slot);
	return w->bin;
}

static void
fold_init(ks_fold *fold, ks_memory memory, const ks_bins *bins, const ks_filter *filter, bool distinct)
{
	memset(fold, 0, sizeof(*fold));
	fold->memory = memory;
	fold->bins = *bins;
	fold->filter = *filter;
	fold->distinct = distinct;
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

/* How much of a row is needed; in a mixed row the weight per slot is not this measure's alone. */
ks_reach
ks_fold_reach(const ks_fold *fold, bool mixed)
{
	if (fold->distinct)
		return KS_REACH_ALL;
	if (fold->grouped || fold->filter.count > 0 || mixed)
		return KS_REACH_WEIGHTS;
	return KS_REACH_SLOTS;
}

size_t
ks_reach_bytes(const ks_header *header, ks_reach reach)
{
	return reach == KS_REACH_SLOTS ? header->keys_at
		: reach == KS_REACH_WEIGHTS ? header->members_at : header->size;
}

static inline bool
add_to(int64_t *sum, int64_t weight)
{
	return !__builtin_add_overflow(*sum, weight, sum);
}

/*
 * Notes weight in a slot that an edge cuts.  Only after the last row is it
 * known whether there are events in the slot: another row may take them away.
 */
static ks_status
note_cut(ks_fold *fold, int32_t slot, int64_t weight)
{
	if (fold->cut_weight == NULL)
	{
		size_t		bytes = ((size_t) fold->bins.nsegments + 1) * sizeof(int64_t);

		fold->cut_weight = ks_alloc(fold->memory, bytes);
		memset(fold->cut_weight, 0, bytes);
	}
	/* edges that cut the same slot share the last one's place */
	return add_to(&fold->cut_weight[find_segment(&fold->bins, slot)], weight) ? KS_OK : KS_E_OVERFLOW;
}

static ks_status
check_cut(const ks_fold *fold)
{
	uint32_t	i;

	for (i = 0; fold->cut_weight != NULL && i <= fold->bins.nsegments; i++)
	{
		if (fold->cut_weight[i] != 0)
			return KS_E_CUT;
	}
	return KS_OK;
}

/* Adds weights per slot to the bins they fall in. */
static ks_status
add_slots(ks_fold *fold, ks_slot_cursor cursor)
{
	walk		w = walk_start(&fold->bins);
	int32_t		slot;
	int64_t		weight;

	while (ks_slot_next(&cursor, &slot, &weight))
	{
		int32_t		bin = walk_find(&w, slot);

		if (bin == KS_BIN_CUT && note_cut(fold, slot, weight) != KS_OK)
			return KS_E_OVERFLOW;
		if (bin >= 0 && !add_to(&fold->counts[bin], weight))
			return KS_E_OVERFLOW;
	}
	return cursor.status;
}

/* The number of the group that a key belongs to. */
static int32_t
group_of(ks_fold *fold, ks_string key)
{
	ks_string	part;
	ks_string	rest;
	uint32_t	i;
	uint32_t	group;

	for (i = 0; i < fold->skip && ks_key_shift(&key, &part); i++)
		;
	rest = key;
	for (i = 0; i < fold->take && ks_key_shift(&rest, &part); i++)
		;
	key.length -= rest.length;
	group = ks_dictionary_put(&fold->groups, key);
	if (group >= fold->group_size)
	{
		uint32_t	size = fold->group_size ? 2 * fold->group_size : 64;

		fold->group_weight = fold->group_weight == NULL
			? ks_alloc(fold->memory, size * sizeof(int64_t))
			: ks_realloc(fold->group_weight, size * sizeof(int64_t));
		memset(fold->group_weight + fold->group_size, 0, (size - fold->group_size) * sizeof(int64_t));
		fold->group_size = size;
	}
	return (int32_t) group;
}

/* Whether every slot of the row lies in some bin, so that totals per key can be taken as they are. */
static bool
wholly_inside(const ks_fold *fold, const ks_header *header)
{
	const ks_bins *bins = &fold->bins;

	return bins->nsegments == 1 && (bins->bin_of == NULL || bins->bin_of[0] >= 0) &&
		header->slot_last < bins->edge[1] &&
		(header->slot_first > bins->edge[0] || (header->slot_first == bins->edge[0] && !bins->cut[0]));
}

static ks_status
add_group(ks_fold *fold, const ks_view *view, const ks_key_cursor *key, int32_t group)
{
	ks_slot_cursor cursor;
	walk		w = walk_start(&fold->bins);
	int64_t		sum = 0;
	int32_t		slot;
	int64_t		weight;

	if (wholly_inside(fold, &view->header))
		sum = key->total;
	else
	{
		cursor = ks_key_weights(view, key);
		while (ks_slot_next(&cursor, &slot, &weight))
		{
			int32_t		bin = walk_find(&w, slot);

			if (bin == KS_BIN_CUT && note_cut(fold, slot, weight) != KS_OK)
				return KS_E_OVERFLOW;
			if (bin >= 0 && !add_to(&sum, weight))
				return KS_E_OVERFLOW;
		}
		if (cursor.status != KS_OK)
			return cursor.status;
	}
	return add_to(&fold->group_weight[group], sum) && add_to(&fold->total, sum) ? KS_OK : KS_E_OVERFLOW;
}

/* Takes the prefix off a mixed row's key; false when the key is another measure's. */
static bool
strip_prefix(ks_string *key, const ks_string *prefix)
{
	ks_string	name;

	return prefix == NULL || (ks_key_shift(key, &name) && ks_string_compare(name, *prefix) == 0);
}

/* Adds the weights of the keys that pass, and notes in target what each key counts for. */
static ks_status
add_keys(ks_fold *fold, const ks_view *view, ks_key_cursor cursor, const ks_string *prefix, int32_t *target)
{
	uint32_t	number = 0;
	ks_status	status = KS_OK;

	while (status == KS_OK && ks_key_next(&cursor))
	{
		ks_string	key = cursor.key;
		bool		passes = strip_prefix(&key, prefix) &&
			(fold->filter.count == 0 || ks_filter_passes(&fold->filter, key));

		target[number] = -1;
		if (passes && fold->grouped)
		{
			target[number] = group_of(fold, key);
			status = add_group(fold, view, &cursor, target[number]);
		}
		else if (passes)
		{
			target[number] = 0;
			status = add_slots(fold, ks_key_weights(view, &cursor));
		}
		number++;
	}
	return status != KS_OK ? status : cursor.status;
}

/* The bins a row can touch; with bins out of order, all of them. */
static void
row_reach(const ks_fold *fold, ks_fold_row *row)
{
	const ks_bins *bins = &fold->bins;
	int64_t		low = find_segment(bins, row->view.header.slot_first);
	int64_t		high = find_segment(bins, row->view.header.slot_last);

	row->outside = high < 0 || low >= (int64_t) bins->nsegments;
	row->low = low < 0 ? 0 : (uint32_t) low;
	row->high = high >= (int64_t) bins->nsegments ? bins->nsegments - 1 : high < 0 ? 0 : (uint32_t) high;
	if (bins->bin_of != NULL)
	{
		row->low = 0;
		row->high = bins->nbins - 1;
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

/*
 * Takes in one stored tally.  With a prefix the tally is a mixed one: only keys
 * whose first part equals the prefix count, and that part is taken off.  When
 * members are asked for, the view's bytes must live until the fold is finished.
 */
ks_status
ks_fold_add(ks_fold *fold, const ks_view *view, const ks_string *prefix)
{
	ks_fold_row *row;
	int32_t    *target;
	ks_status	status;

	ks_check_interrupts();
	if (fold->bins.nsegments == 0 || fold->bins.nbins == 0)
		return KS_OK;
	if (!fold->grouped && fold->filter.count == 0 && prefix == NULL)
	{
		status = add_slots(fold, ks_view_slots(view));
		target = NULL;
	}
	else
	{
		ks_key_cursor cursor = ks_view_keys(view);

		target = ks_alloc(fold->memory, ((size_t) cursor.left + 1) * sizeof(int32_t));
		status = add_keys(fold, view, cursor, prefix, target);
	}
	if (status != KS_OK || !fold->distinct)
	{
		if (target != NULL)
			ks_free(target);
		return status;
	}

	row = next_row(fold);
	row->view = *view;
	row->target = target;
	row_reach(fold, row);
	return KS_OK;
}

/* Per bin: how many rows touch it, and whether one of them has weights below zero. */
typedef struct sharing
{
	uint8_t		rows;			/* 0, 1 or 2 for more */
	bool		negative;
} sharing;

static sharing *
find_sharing(const ks_fold *fold)
{
	sharing    *result = ks_alloc(fold->memory, ((size_t) fold->bins.nbins + 1) * sizeof(sharing));
	uint32_t	i,
				bin;

	memset(result, 0, ((size_t) fold->bins.nbins + 1) * sizeof(sharing));
	for (i = 0; i < fold->nrows; i++)
	{
		const ks_fold_row *row = &fold->rows[i];

		if (row->outside)
			continue;
		for (bin = row->low; bin <= row->high; bin++)
		{
			result[bin].rows = result[bin].rows > 0 || fold->bins.bin_of != NULL ? 2 : 1;
			result[bin].negative |= (row->view.header.flags & KS_FLAG_NEGATIVE) != 0;
		}
	}
	return result;
}

/* A row's slots looked up once each, in place of once an entry. */
static int32_t *
map_slots(const ks_fold *fold, const ks_header *header)
{
	walk		w = walk_start(&fold->bins);
	int64_t		span = (int64_t) header->slot_last - header->slot_first + 1;
	int32_t    *map;
	int64_t		slot;

	if (span > MAP_LIMIT || span > (int64_t) header->nentries * MAP_SLOTS_AN_ENTRY)
		return NULL;
	map = ks_alloc(fold->memory, (size_t) span * sizeof(int32_t));
	for (slot = header->slot_first; slot <= header->slot_last; slot++)
		map[slot - header->slot_first] = walk_find(&w, (int32_t) slot);
	return map;
}

/* Weights are a stream of varints, read only as far as somebody asks. */
typedef struct weight_stream
{
	const uint8_t *at;
	const uint8_t *end;
	uint32_t	next;
} weight_stream;

static bool
weight_at(weight_stream *stream, uint32_t entry, int64_t *weight)
{
	uint64_t	code = 0;

	for (; stream->next <= entry; stream->next++)
	{
		if (!ks_get_varint(&stream->at, stream->end, &code))
			return false;
	}
	*weight = ks_unzigzag(code);
	return true;
}

/* Where one member walk puts what it finds. */
typedef struct member_walk
{
	ks_fold    *fold;
	const sharing *share;		/* series only */
	const int32_t *line_of;		/* top lists only: group -> line, -1 for the rest */
	ks_entries	set;
} member_walk;

/* What an entry counts for: a bin of a series, or a line of a top list; below 0 for nothing. */
static inline int32_t
entry_target(const member_walk *mw, const ks_fold_row *row, uint32_t key, int32_t bin)
{
	int32_t		target = row->target != NULL ? row->target[key] : 0;

	if (target < 0)
		return KS_BIN_OUTSIDE;
	return bin < 0 || mw->line_of == NULL ? bin : mw->line_of[target];
}

/* map is that of map_slots, or NULL. */
static ks_status
walk_entries(member_walk *mw, const ks_fold_row *row, const ks_member_columns *columns, const int32_t *map)
{
	const ks_header *header = &row->view.header;
	weight_stream stream = {columns->weights, columns->end, 0};
	uint32_t	started = 0;
	int32_t		last = -1;		/* the bin in which this member was counted last */
	uint32_t	i;

	for (i = 0; i < columns->nentries; i++)
	{
		uint32_t	code = ks_member_code(columns, i);
		uint32_t	key = ks_member_key(columns, i);
		int64_t		offset = code >> 1;
		int32_t		bin,
					target;
		int64_t		weight = 1;
		ks_status	status;

		if (code & 1)
		{
			started++;
			last = -1;
		}
		if (started == 0 || started > columns->nmembers || key >= header->nkeys ||
			header->slot_first + offset > header->slot_last)
			return KS_E_CORRUPT;
		bin = map != NULL ? map[offset] : ks_bins_find(&mw->fold->bins, (int32_t) (header->slot_first + offset));
		target = entry_target(mw, row, key, bin);
		/* what lies in a slot that is cut adds up to nothing: check_cut() */
		if (target < 0 || target == last)
			continue;
		if (mw->share == NULL || mw->share[target].rows > 1 || mw->share[target].negative)
		{
			if ((mw->share == NULL || mw->share[target].negative) && !weight_at(&stream, i, &weight))
				return KS_E_CORRUPT;
			status = ks_entries_add(&mw->set, ks_member_hash(columns, started - 1), 0, (uint32_t) target, weight);
			if (status != KS_OK)
				return status;
		}
		else
		{
			mw->fold->distincts[target]++;
			last = target;
		}
	}
	return KS_OK;
}

static ks_status
walk_members(member_walk *mw, const ks_fold_row *row)
{
	ks_member_columns columns;
	ks_status	status = ks_view_members(&row->view, &columns);
	int32_t    *map;

	if (status != KS_OK || row->outside)
		return status;
	map = map_slots(mw->fold, &row->view.header);
	status = walk_entries(mw, row, &columns, map);
	if (map != NULL)
		ks_free(map);
	return status;
}

/* Walks the members of all rows; what had to go through the set is left in it. */
static ks_status
walk_rows(member_walk *mw)
{
	ks_status	status = KS_OK;
	uint32_t	i;

	ks_entries_init(&mw->set, mw->fold->memory);
	for (i = 0; i < mw->fold->nrows && status == KS_OK; i++)
	{
		ks_check_interrupts();
		status = walk_members(mw, &mw->fold->rows[i]);
	}
	return status;
}

/* After the last row: fills in the distinct members. */
ks_status
ks_fold_finish_series(ks_fold *fold)
{
	member_walk mw;
	sharing    *share;
	ks_status	status = check_cut(fold);
	uint32_t	i;

	if (status != KS_OK || !fold->distinct || fold->nrows == 0)
		return status;
	share = find_sharing(fold);
	mw.fold = fold;
	mw.share = share;
	mw.line_of = NULL;
	status = walk_rows(&mw);
	for (i = 0; status == KS_OK && i < mw.set.count; i++)
	{
		if (mw.set.entry[i].weight != 0)
			fold->distincts[mw.set.entry[i].key]++;
	}
	ks_entries_free(&mw.set);
	ks_free(share);
	return status;
}

/* Heaviest first; among equals by key. */
static int
compare_lines(const void *a, const void *b)
{
	const ks_top_line *x = a;
	const ks_top_line *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return ks_key_compare(x->key, y->key);
}

static ks_status
count_line_members(ks_fold *fold, ks_top_line *lines, uint32_t count)
{
	member_walk mw;
	int32_t    *line_of = ks_alloc(fold->memory, ((size_t) fold->groups.count + 1) * sizeof(int32_t));
	ks_status	status;
	uint32_t	i;

	for (i = 0; i < fold->groups.count; i++)
		line_of[i] = -1;
	for (i = 0; i < count; i++)
		line_of[lines[i].group] = (int32_t) i;
	mw.fold = fold;
	mw.share = NULL;
	mw.line_of = line_of;
	status = walk_rows(&mw);
	for (i = 0; status == KS_OK && i < mw.set.count; i++)
	{
		if (mw.set.entry[i].weight != 0)
			lines[mw.set.entry[i].key].members++;
	}
	ks_entries_free(&mw.set);
	ks_free(line_of);
	return status;
}

/* After the last row: at most limit lines, groups without weight left out. */
ks_status
ks_fold_finish_top(ks_fold *fold, uint32_t limit, ks_top_line **lines, uint32_t *count)
{
	ks_top_line *result;
	uint32_t	found = 0;
	uint32_t	i;

	if (check_cut(fold) != KS_OK)
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
	qsort(result, found, sizeof(ks_top_line), compare_lines);
	*lines = result;
	*count = found < limit ? found : limit;
	return fold->distinct ? count_line_members(fold, result, *count) : KS_OK;
}

/* Gives back what the fold took; only for callers whose memory does not go by itself. */
void
ks_fold_free(ks_fold *fold)
{
	uint32_t	i;

	for (i = 0; i < fold->nrows; i++)
	{
		if (fold->rows[i].target != NULL)
			ks_free(fold->rows[i].target);
	}
	if (fold->rows != NULL)
		ks_free(fold->rows);
	if (fold->counts != NULL)
		ks_free(fold->counts);
	if (fold->distincts != NULL)
		ks_free(fold->distincts);
	if (fold->group_weight != NULL)
		ks_free(fold->group_weight);
	if (fold->cut_weight != NULL)
		ks_free(fold->cut_weight);
	ks_dictionary_free(&fold->groups);
	memset(fold, 0, sizeof(*fold));
}
