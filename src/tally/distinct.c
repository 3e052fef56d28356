/*
 * Distinct members over all rows of a fold.
 *
 * Most bins are touched by one row only (a row is a month, a bin a day).  If
 * all keys count, such a bin is counted from the row's visits, without looking
 * at a member (visit.c); under a filter, or where a row shares many bins with
 * others, by looking at each entry once.  What falls into a bin that several
 * rows touch is united: of the members of those bins alone, and by way of marks
 * in a bitmap, so that only the few that share their mark with another go
 * through a table.  A row with weights below zero takes away from others: in the
 * bins that it touches weights are added up, and members counted whose sum is
 * not zero.
 */
#include "tally/distinct.h"

/* Marks for each member that may be united: one in so many of them shares its mark by chance. */
#define MARKS_A_MEMBER 8
#define MARKS_A_WORD 32

/*
 * A row that shares more bins than this is looked at entry by entry: a stretch
 * reaches back to its oldest member's hash, so that many together are many times
 * the row.
 */
#define STRETCHES_MAX 8

typedef struct item
{
	uint64_t	member;
	uint32_t	bin;
} item;

/* Members of bins, each any number of times. */
typedef struct united
{
	ks_memory	memory;
	item	   *items;
	size_t		count;
	size_t		size;
	uint64_t   *marks;			/* two bits each: some item has it, several have */
	int			shift;
} united;

/* Per bin: how many rows touch it, and whether one of them has weights below zero. */
typedef struct sharing
{
	uint8_t		rows;			/* 0, 1 or 2 for more */
	bool		negative;
} sharing;

typedef struct distinct
{
	ks_fold    *fold;
	sharing    *share;			/* by bin or line */
	const int32_t *line_of;		/* top lists only: group -> line, -1 for the rest */
	int64_t    *counts;			/* by bin or line */
	united		united;
	ks_entries	weighed;		/* (member, 0, bin or line) -> weight */
} distinct;

/* Expects about that many items. */
static void
united_init(united *u, ks_memory memory, size_t expected)
{
	size_t		marks = 1024;

	memset(u, 0, sizeof(*u));
	u->memory = memory;
	u->shift = 64 - 10;
	while (marks < expected * MARKS_A_MEMBER && u->shift > 64 - 30)
	{
		marks *= 2;
		u->shift--;
	}
	u->marks = ks_alloc(memory, marks / MARKS_A_WORD * sizeof(uint64_t));
	memset(u->marks, 0, marks / MARKS_A_WORD * sizeof(uint64_t));
	u->size = expected + 64;
	u->items = ks_alloc(memory, u->size * sizeof(item));
}

static inline uint64_t
united_mark(const united *u, uint64_t member, uint32_t bin)
{
	return ((member ^ (bin * UINT64_C(0xC2B2AE3D27D4EB4F))) * UINT64_C(0x9E3779B97F4A7C15)) >> u->shift;
}

static inline void
united_put(united *u, uint64_t member, uint32_t bin)
{
	uint64_t	mark = united_mark(u, member, bin);
	uint64_t	some = UINT64_C(1) << mark % MARKS_A_WORD * 2;
	uint64_t   *word = &u->marks[mark / MARKS_A_WORD];

	if (u->count == u->size)
	{
		u->size *= 2;
		u->items = ks_realloc(u->items, u->size * sizeof(item));
	}
	u->items[u->count].member = member;
	u->items[u->count++].bin = bin;
	*word |= some | (*word & some) << 1;
}

/* Adds to each bin how many different members it was given. */
static ks_status
united_count(const united *u, int64_t *counts)
{
	ks_entries	set;
	ks_status	status = KS_OK;
	size_t		i;

	ks_entries_init(&set, u->memory);
	for (i = 0; i < u->count && status == KS_OK; i++)
	{
		const item *it = &u->items[i];
		uint64_t	mark = united_mark(u, it->member, it->bin);

		if (u->marks[mark / MARKS_A_WORD] >> mark % MARKS_A_WORD * 2 & 2)
			status = ks_entries_add(&set, it->member, 0, it->bin, 1);
		else
			counts[it->bin]++;
	}
	for (i = 0; i < set.count; i++)
		counts[set.entry[i].key]++;
	ks_entries_free(&set);
	return status;
}

static void
united_free(united *u)
{
	ks_free(u->items);
	ks_free(u->marks);
}

/* Whether all keys of the row count, the bins lie in order, and of the row's few are shared and none has weights below zero. */
static bool
visits_suffice(const distinct *d, const ks_fold_row *row)
{
	uint32_t	shared = 0;
	uint32_t	bin;

	if (d->line_of != NULL || row->target != NULL || d->fold->bins.bin_of != NULL)
		return false;
	for (bin = row->low; bin <= row->high; bin++)
	{
		shared += d->share[bin].rows > 1;
		if (d->share[bin].negative || shared > STRETCHES_MAX)
			return false;
	}
	return true;
}

/* Unites the members of entries [entry, entry_end) of a row in a bin. */
static ks_status
unite_stretch(distinct *d, const ks_fold_row *row, int32_t bin, uint32_t entry, uint32_t entry_end)
{
	bool		whole = entry == 0 && entry_end == row->view.header.nentries;
	ks_members	members;
	ks_status	status = whole ? ks_view_hashes(&row->view, &members)
		: ks_view_stretch(&row->view, entry, entry_end, &members);
	uint32_t	count;
	uint8_t    *seen;
	uint32_t	i;

	if (status != KS_OK)
		return status;
	count = members.end_member - members.first_member;
	if (whole)
	{
		for (i = 0; i < count; i++)
			united_put(&d->united, ks_member_hash(&members, i), (uint32_t) bin);
		return KS_OK;
	}
	seen = ks_alloc(d->fold->memory, (size_t) count + 1);
	memset(seen, 0, (size_t) count + 1);
	for (i = entry; i < entry_end; i++)
	{
		uint32_t	ordinal = ks_member_ordinal(&members, i);

		if (!seen[ordinal - members.first_member])
			united_put(&d->united, ks_member_hash(&members, ordinal), (uint32_t) bin);
		seen[ordinal - members.first_member] = 1;
	}
	ks_free(seen);
	return KS_OK;
}

/* The visits of the cursor's slot whose visit before lies before the bin. */
static int64_t
new_in_bin(ks_visit_cursor *visits, int64_t bin_first)
{
	uint64_t	inside = (uint64_t) (visits->slot - bin_first);
	int64_t		result = (int64_t) visits->fresh;
	uint64_t	count;

	while (ks_visit_pair(visits, &count))
	{
		if (visits->gap > inside)
			result += (int64_t) count;
	}
	return result;
}

/* A row of which every member counts: by visits, or in stretches where other rows touch the bin. */
static ks_status
count_visits(distinct *d, const ks_fold_row *row)
{
	const ks_bins *bins = &d->fold->bins;
	ks_visit_cursor visits = ks_view_visits(&row->view);
	ks_walk		w = ks_walk_start(bins);
	int32_t		stretch = -1;	/* the bin whose entries begin at entry */
	uint32_t	entry = 0;
	uint32_t	entry_end = 0;
	ks_status	status = KS_OK;

	while (status == KS_OK && ks_visit_next(&visits))
	{
		int32_t		bin = ks_walk_find(&w, (int32_t) visits.slot);

		/* what lies in a slot that is cut adds up to nothing, or the fold would not be here */
		if (bin != stretch && stretch >= 0)
		{
			status = unite_stretch(d, row, stretch, entry, entry_end);
			stretch = -1;
		}
		if (bin < 0)
			continue;
		if (d->share[bin].rows == 1)
			d->counts[bin] += new_in_bin(&visits, bins->edge[bin]);
		else
		{
			if (stretch < 0)
				entry = visits.entry;
			stretch = bin;
			entry_end = visits.entry_end;
		}
	}
	if (status == KS_OK)
		status = visits.status;
	if (status == KS_OK && stretch >= 0)
		status = unite_stretch(d, row, stretch, entry, entry_end);
	return status;
}

/* What is needed to look at each entry of a row. */
typedef struct entry_walk
{
	const ks_fold_row *row;
	ks_members	members;
	ks_weight_stream weights;
	int32_t    *last;			/* by member: the bin or line it was counted in last */
} entry_walk;

/* Counts one entry for its bin or line. */
static ks_status
count_entry(distinct *d, entry_walk *e, uint32_t entry, uint32_t ordinal, int32_t counted)
{
	const sharing *share = &d->share[counted];
	int64_t		weight;

	if (share->negative)
	{
		if (!ks_weight_at(&e->weights, entry, &weight))
			return KS_E_CORRUPT;
		return ks_entries_add(&d->weighed, ks_member_hash(&e->members, ordinal), 0, (uint32_t) counted, weight);
	}
	if (e->last[ordinal] == counted)
		return KS_OK;
	e->last[ordinal] = counted;
	if (share->rows > 1)
		united_put(&d->united, ks_member_hash(&e->members, ordinal), (uint32_t) counted);
	else
		d->counts[counted]++;
	return KS_OK;
}

/* The entries of one slot, which lies in the bin. */
static ks_status
count_slot_entries(distinct *d, entry_walk *e, const ks_visit_cursor *visits, int32_t bin)
{
	const ks_fold_row *row = e->row;
	uint32_t	i;

	for (i = visits->entry; i < visits->entry_end; i++)
	{
		uint32_t	key = ks_member_key(&e->members, i);
		uint32_t	ordinal;
		int32_t		counted;
		ks_status	status;

		/* most entries are of keys that do not count: that is asked first */
		if (key >= row->view.header.nkeys)
			return KS_E_CORRUPT;
		counted = row->target != NULL ? row->target[key] : 0;
		if (counted < 0)
			continue;
		counted = d->line_of != NULL ? d->line_of[counted] : bin;
		if (counted < 0)
			continue;
		ordinal = ks_member_ordinal(&e->members, i);
		if (ordinal >= row->view.header.nmembers)
			return KS_E_CORRUPT;
		status = count_entry(d, e, i, ordinal, counted);
		if (status != KS_OK)
			return status;
	}
	return KS_OK;
}

/* A row of which some keys count, or whose weights do. */
static ks_status
count_entries(distinct *d, const ks_fold_row *row)
{
	ks_visit_cursor visits = ks_view_visits(&row->view);
	ks_walk		w = ks_walk_start(&d->fold->bins);
	size_t		last_bytes = ((size_t) row->view.header.nmembers + 1) * sizeof(int32_t);
	entry_walk	e;
	ks_status	status;

	e.row = row;
	status = ks_view_members(&row->view, &e.members);
	if (status == KS_OK)
		status = ks_view_member_weights(&row->view, &e.weights);
	if (status != KS_OK)
		return status;
	e.last = ks_alloc(d->fold->memory, last_bytes);
	memset(e.last, 0xff, last_bytes);	/* -1 each */
	while (status == KS_OK && ks_visit_next(&visits))
	{
		int32_t		bin = ks_walk_find(&w, (int32_t) visits.slot);

		if (bin >= 0)
			status = count_slot_entries(d, &e, &visits, bin);
	}
	ks_free(e.last);
	return status != KS_OK ? status : visits.status;
}

/* About how many members of a row are to be united: those of its shared bins, if bins are alike. */
static size_t
expected_items(const distinct *d, const ks_fold_row *row)
{
	const ks_view *view = &row->view;
	uint32_t	shared = 0;
	uint32_t	bin;

	/* damaged bytes may name entries that nobody can have */
	if (row->outside || (view->fetch == NULL && view->header.nentries > view->available))
		return 0;
	if (d->line_of != NULL)
		return view->header.nmembers;
	for (bin = row->low; bin <= row->high; bin++)
		shared += d->share[bin].rows > 1;
	return (size_t) ((uint64_t) view->header.nentries * shared / (row->high - row->low + 1));
}

/* Counts the members of all rows into d->counts; share is filled in. */
static ks_status
count_rows(distinct *d)
{
	ks_fold    *fold = d->fold;
	size_t		expected = 0;
	ks_status	status = KS_OK;
	uint32_t	i;

	for (i = 0; i < fold->nrows; i++)
		expected += expected_items(d, &fold->rows[i]);
	united_init(&d->united, fold->memory, expected);
	ks_entries_init(&d->weighed, fold->memory);
	for (i = 0; i < fold->nrows && status == KS_OK; i++)
	{
		const ks_fold_row *row = &fold->rows[i];

		ks_check_interrupts();
		if (!row->outside)
			status = visits_suffice(d, row) ? count_visits(d, row) : count_entries(d, row);
		if (row->view.release != NULL)
			row->view.release(row->view.source);
	}
	if (status == KS_OK)
		status = united_count(&d->united, d->counts);
	for (i = 0; i < d->weighed.count; i++)
		d->counts[d->weighed.entry[i].key] += d->weighed.entry[i].weight != 0;
	united_free(&d->united);
	ks_entries_free(&d->weighed);
	return status;
}

/* Bins out of order can be touched again later: they count as shared even within one row. */
static void
find_sharing(const ks_fold *fold, sharing *share)
{
	uint32_t	i,
				bin;

	for (i = 0; i < fold->nrows; i++)
	{
		const ks_fold_row *row = &fold->rows[i];

		if (row->outside)
			continue;
		for (bin = row->low; bin <= row->high; bin++)
		{
			share[bin].rows = share[bin].rows > 0 || fold->bins.bin_of != NULL ? 2 : 1;
			share[bin].negative |= (row->view.header.flags & KS_FLAG_NEGATIVE) != 0;
		}
	}
}

/* Distinct members of each bin, into fold->distincts. */
ks_status
ks_distinct_series(ks_fold *fold)
{
	size_t		bytes = ((size_t) fold->bins.nbins + 1) * sizeof(sharing);
	distinct	d;
	ks_status	status;

	memset(&d, 0, sizeof(d));
	d.fold = fold;
	d.counts = fold->distincts;
	d.share = ks_alloc(fold->memory, bytes);
	memset(d.share, 0, bytes);
	find_sharing(fold, d.share);
	status = count_rows(&d);
	ks_free(d.share);
	return status;
}

/* Distinct members of each line of a top list: what several rows have of a line is united, too. */
ks_status
ks_distinct_lines(ks_fold *fold, ks_top_line *lines, uint32_t count)
{
	int32_t    *line_of = ks_alloc(fold->memory, ((size_t) fold->groups.count + 1) * sizeof(int32_t));
	bool		negative = false;
	distinct	d;
	ks_status	status;
	uint32_t	i;

	memset(&d, 0, sizeof(d));
	d.fold = fold;
	d.line_of = line_of;
	d.counts = ks_alloc(fold->memory, ((size_t) count + 1) * sizeof(int64_t));
	d.share = ks_alloc(fold->memory, ((size_t) count + 1) * sizeof(sharing));
	for (i = 0; i < fold->nrows; i++)
		negative |= (fold->rows[i].view.header.flags & KS_FLAG_NEGATIVE) != 0;
	for (i = 0; i < fold->groups.count; i++)
		line_of[i] = -1;
	for (i = 0; i < count; i++)
	{
		line_of[lines[i].group] = (int32_t) i;
		d.counts[i] = 0;
		d.share[i].rows = 2;
		d.share[i].negative = negative;
	}
	status = count_rows(&d);
	for (i = 0; i < count; i++)
		lines[i].members = d.counts[i];
	ks_free(line_of);
	ks_free(d.counts);
	ks_free(d.share);
	return status;
}
