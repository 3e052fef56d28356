/*
 * Looking at each entry of a row, for distinct members: where only some keys
 * count, in top lists, and where weights do.
 *
 * The entries of a bin stand side by side.  First those whose key counts are
 * selected, then the members among them are found, each once: both in loops
 * without branches, for what passes is as good as random, and of a year there
 * are hundreds of thousands.
 */
#include "tally/distinct.h"

/* So many entries are selected at a time: what they are stays in the processor's first cache. */
#define BLOCK 2048

/* Entries [entry, end) that lie in one bin. */
typedef struct entry_run
{
	uint32_t	bin;
	uint32_t	entry;
	uint32_t	end;
} entry_run;

typedef struct scan
{
	ks_distinct *d;
	ks_memory	memory;
	const ks_header *header;
	entry_run  *runs;
	uint32_t	nruns;
	uint32_t	runs_size;
	uint8_t    *passes;			/* by key; NULL: all do */
	int32_t    *lines;			/* top lists: by key */

	/* columns of the entries from first on */
	uint32_t	first;
	const uint8_t *ordinals;
	const uint8_t *keys;
	int			ordinal_width;
	int			key_width;
	ks_weight_stream weights;

	/* top lists: what was selected, by its place or sorted by line */
	uint32_t   *members;
	uint32_t   *of_line;
	uint32_t   *sorted;
	size_t		nselected;
} scan;

/* ------------------------------------------------------------------------
 * Which entries
 * ------------------------------------------------------------------------
 */

/* Adds a slot's entries, to the run before if they go on in the same bin; for a top list all bins are one. */
static void
add_run(scan *s, uint32_t bin, uint32_t entry, uint32_t end)
{
	entry_run  *last = s->nruns > 0 ? &s->runs[s->nruns - 1] : NULL;

	if (last != NULL && last->bin == bin && last->end == entry)
	{
		last->end = end;
		return;
	}
	if (s->nruns == s->runs_size)
	{
		s->runs_size = s->runs_size > 0 ? 2 * s->runs_size : 64;
		s->runs = s->runs == NULL ? ks_alloc(s->memory, s->runs_size * sizeof(entry_run))
			: ks_realloc(s->runs, s->runs_size * sizeof(entry_run));
	}
	s->runs[s->nruns].bin = bin;
	s->runs[s->nruns].entry = entry;
	s->runs[s->nruns++].end = end;
}

static ks_status
find_runs(scan *s)
{
	const ks_fold_row *row = s->d->row;
	ks_visit_cursor visits;
	ks_walk		w = ks_walk_start(&s->d->fold->bins);
	uint32_t	entry = 0;
	uint32_t	end = 0;

	if (row->bin >= 0)
	{
		add_run(s, s->d->line_of != NULL ? 0 : (uint32_t) row->bin, 0, s->header->nentries);
		return KS_OK;
	}
	visits = ks_view_visits(&row->view);
	while (ks_visit_next(&visits))
	{
		if (visits.slot >= w.to || visits.slot < w.from)
		{
			if (w.bin >= 0)
				add_run(s, s->d->line_of != NULL ? 0 : (uint32_t) w.bin, entry, end);
			w = ks_walk_moved(&s->d->fold->bins, w.segment, (int32_t) visits.slot);
			entry = visits.entry;
		}
		end = visits.entry_end;
	}
	if (w.bin >= 0)
		add_run(s, s->d->line_of != NULL ? 0 : (uint32_t) w.bin, entry, end);
	return visits.status;
}

/* By bin, and within a bin by entry. */
static int
compare_runs(const void *a, const void *b)
{
	const entry_run *x = a;
	const entry_run *y = b;

	if (x->bin != y->bin)
		return x->bin < y->bin ? -1 : 1;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

/* What each key counts for; in a top list, keys that are on no line do not. */
static void
find_keys(scan *s)
{
	const ks_fold_row *row = s->d->row;
	uint32_t	i;

	if (row->target == NULL)
		return;
	s->passes = ks_alloc(s->memory, (size_t) s->header->nkeys + 1);
	if (s->d->line_of != NULL)
		s->lines = ks_alloc(s->memory, ((size_t) s->header->nkeys + 1) * sizeof(int32_t));
	for (i = 0; i < s->header->nkeys; i++)
	{
		int32_t		counted = row->target[i];

		if (s->lines != NULL)
			counted = s->lines[i] = counted < 0 ? -1 : s->d->line_of[counted];
		s->passes[i] = counted >= 0;
	}
}

/* Fetches the columns that are needed of the entries of all runs, which ascend. */
static ks_status
fetch_columns(scan *s, bool weighed)
{
	const ks_view *view = &s->d->row->view;
	uint32_t	end = s->runs[s->nruns - 1].end;
	ks_status	status;

	s->first = s->runs[0].entry;
	s->ordinal_width = ks_number_width(s->header->nmembers);
	s->key_width = ks_number_width(s->header->nkeys);
	status = ks_view_column(view, KS_ORDINALS, s->first, end, &s->ordinals);
	if (status == KS_OK && s->passes != NULL)
		status = ks_view_column(view, KS_KEYS, s->first, end, &s->keys);
	if (status == KS_OK && weighed)
		status = ks_view_member_weights(view, &s->weights);
	if (status == KS_OK && weighed)
		status = ks_distinct_hashes(s->d);
	return status;
}

/* ------------------------------------------------------------------------
 * The loops: each for a constant width
 * ------------------------------------------------------------------------
 */

/* The places of the entries whose key counts; UINT32_MAX where there is no such key. */
static ks_always_inline uint32_t
select_by(const uint8_t *keys, int width, uint32_t from, uint32_t to, const uint8_t *passes, uint32_t nkeys, uint32_t *selected)
{
	uint32_t	count = 0;
	uint32_t	i;

	for (i = from; i < to; i++)
	{
		uint32_t	key = ks_get_number(keys, i, width);

		if (key >= nkeys)
			return UINT32_MAX;
		selected[count] = i;
		count += passes[key];
	}
	return count;
}

/* The places of the entries from..to that count. */
static uint32_t
select_entries(const scan *s, uint32_t from, uint32_t to, uint32_t *selected)
{
	const uint8_t *keys = s->keys;
	uint32_t	nkeys = s->header->nkeys;
	uint32_t	i;

	if (s->passes == NULL)
	{
		for (i = from; i < to; i++)
			selected[i - from] = i;
		return to - from;
	}
	switch (s->key_width)
	{
		case 0:
			return select_by(keys, 0, from, to, s->passes, nkeys, selected);
		case 1:
			return select_by(keys, 1, from, to, s->passes, nkeys, selected);
		case 2:
			return select_by(keys, 2, from, to, s->passes, nkeys, selected);
		default:
			return select_by(keys, 4, from, to, s->passes, nkeys, selected);
	}
}

/* Finds the members of entries in these places that have not been found yet, behind those that have; UINT32_MAX for a member that is none. */
static ks_always_inline uint32_t
find_by(const uint8_t *ordinals, int width, const uint32_t *places, uint32_t count, ks_distinct *d, uint32_t nfound)
{
	uint32_t   *stamps = d->stamps;
	uint32_t   *found = d->found;
	uint32_t	stamp = d->stamp;
	uint32_t	nmembers = d->row->view.header.nmembers;
	uint32_t	i;

	for (i = 0; i < count; i++)
	{
		uint32_t	member = ks_get_number(ordinals, places[i], width);

		if (member >= nmembers)
			return UINT32_MAX;
		/* found has a place more than there are members */
		found[nfound] = member;
		nfound += stamps[member] != stamp;
		stamps[member] = stamp;
	}
	return nfound;
}

static uint32_t
find_members(const scan *s, const uint32_t *places, uint32_t count, uint32_t nfound)
{
	switch (s->ordinal_width)
	{
		case 0:
			return find_by(s->ordinals, 0, places, count, s->d, nfound);
		case 1:
			return find_by(s->ordinals, 1, places, count, s->d, nfound);
		case 2:
			return find_by(s->ordinals, 2, places, count, s->d, nfound);
		default:
			return find_by(s->ordinals, 4, places, count, s->d, nfound);
	}
}

/* ------------------------------------------------------------------------
 * Bins
 * ------------------------------------------------------------------------
 */

/* Finds the members of a run behind those found in the bin's runs before. */
static ks_status
scan_run(scan *s, const entry_run *run, uint32_t *nfound)
{
	uint32_t	places[BLOCK];
	uint32_t	from,
				to;

	for (from = run->entry; from < run->end; from = to)
	{
		uint32_t	count;

		to = run->end - from > BLOCK ? from + BLOCK : run->end;
		count = select_entries(s, from - s->first, to - s->first, places);
		if (count != UINT32_MAX)
			count = *nfound = find_members(s, places, count, *nfound);
		if (count == UINT32_MAX)
			return KS_E_CORRUPT;
	}
	return KS_OK;
}

/* Counts the runs, which are sorted by bin; those of bins where weights count are left out. */
static ks_status
scan_bins(scan *s)
{
	ks_distinct *d = s->d;
	ks_status	status = KS_OK;
	uint32_t	nfound = 0;
	uint32_t	i;

	for (i = 0; i < s->nruns && status == KS_OK; i++)
	{
		const entry_run *run = &s->runs[i];

		if (d->share[run->bin].negative)
			continue;
		if (i == 0 || run->bin != run[-1].bin)
		{
			d->stamp++;
			nfound = 0;
		}
		status = scan_run(s, run, &nfound);
		if (status == KS_OK && (i + 1 == s->nruns || run[1].bin != run->bin))
			status = ks_distinct_found(d, run->bin, nfound);
	}
	return status;
}

/* ------------------------------------------------------------------------
 * Lines
 * ------------------------------------------------------------------------
 */

/* Adds the members and lines of the run's entries that are on one. */
static ks_status
select_lines(scan *s, const entry_run *run)
{
	uint32_t	places[BLOCK];
	uint32_t	from,
				to,
				i;

	for (from = run->entry; from < run->end; from = to)
	{
		uint32_t	count;

		to = run->end - from > BLOCK ? from + BLOCK : run->end;
		count = select_entries(s, from - s->first, to - s->first, places);
		if (count == UINT32_MAX)
			return KS_E_CORRUPT;
		for (i = 0; i < count; i++)
		{
			uint32_t	member = ks_get_number(s->ordinals, places[i], s->ordinal_width);

			if (member >= s->header->nmembers)
				return KS_E_CORRUPT;
			s->members[s->nselected] = member;
			s->of_line[s->nselected++] = (uint32_t) s->lines[ks_get_number(s->keys, places[i], s->key_width)];
		}
	}
	return KS_OK;
}

/* Sorts what was selected by line; gives back where each line ends. */
static uint32_t *
sort_lines(scan *s)
{
	uint32_t	nlines = s->d->ncounts;
	uint32_t   *end = ks_alloc(s->memory, ((size_t) nlines + 1) * sizeof(uint32_t));
	size_t		i;

	memset(end, 0, ((size_t) nlines + 1) * sizeof(uint32_t));
	for (i = 0; i < s->nselected; i++)
		end[s->of_line[i] + 1]++;
	for (i = 1; i <= nlines; i++)
		end[i] += end[i - 1];
	/* end[l] is where line l begins, and where it ends when it has been filled */
	for (i = 0; i < s->nselected; i++)
		s->sorted[end[s->of_line[i]]++] = s->members[i];
	return end;
}

static ks_status
scan_lines(scan *s)
{
	ks_distinct *d = s->d;
	size_t		nentries = (size_t) (s->runs[s->nruns - 1].end - s->first) + 1;
	ks_status	status = KS_OK;
	uint32_t   *end;
	uint32_t	i,
				k;

	s->members = ks_alloc(s->memory, 3 * nentries * sizeof(uint32_t));
	s->of_line = s->members + nentries;
	s->sorted = s->of_line + nentries;
	for (i = 0; i < s->nruns && status == KS_OK; i++)
		status = select_lines(s, &s->runs[i]);
	end = status == KS_OK ? sort_lines(s) : NULL;
	for (i = 0; i < d->ncounts && status == KS_OK; i++)
	{
		uint32_t	nfound = 0;

		d->stamp++;
		for (k = i > 0 ? end[i - 1] : 0; k < end[i]; k++)
		{
			uint32_t	member = s->sorted[k];

			d->found[nfound] = member;
			nfound += d->stamps[member] != d->stamp;
			d->stamps[member] = d->stamp;
		}
		status = ks_distinct_found(d, i, nfound);
	}
	if (end != NULL)
		ks_free(end);
	ks_free(s->members);
	return status;
}

/* ------------------------------------------------------------------------
 * Weights
 * ------------------------------------------------------------------------
 */

/* Adds up the weights of members in the runs whose bins, or lines, something is taken away from. */
static ks_status
weigh_run(scan *s, const entry_run *run)
{
	ks_distinct *d = s->d;
	uint32_t	i;

	for (i = run->entry; i < run->end; i++)
	{
		uint32_t	key = s->passes == NULL ? 0 : ks_get_number(s->keys, i - s->first, s->key_width);
		uint32_t	member = ks_get_number(s->ordinals, i - s->first, s->ordinal_width);
		int64_t		weight;
		ks_status	status;

		if (key >= s->header->nkeys || member >= s->header->nmembers)
			return KS_E_CORRUPT;
		if (s->passes != NULL && !s->passes[key])
			continue;
		if (!ks_weight_at(&s->weights, i, &weight))
			return KS_E_CORRUPT;
		status = ks_entries_add(&d->weighed, ks_get_u64(d->hashes + (size_t) member * 8), 0,
								s->lines != NULL ? (uint32_t) s->lines[key] : run->bin, weight);
		if (status != KS_OK)
			return status;
	}
	return KS_OK;
}

/* Whether weights count in some run; of a top list, in all or none. */
static bool
any_weighed(const scan *s)
{
	uint32_t	i;

	for (i = 0; i < s->nruns; i++)
	{
		if (s->d->share[s->runs[i].bin].negative)
			return true;
	}
	return false;
}

/* Counts the runs, which ascend. */
static ks_status
scan_runs(scan *s)
{
	bool		weighed = any_weighed(s);
	ks_status	status = fetch_columns(s, weighed);
	uint32_t	i;

	for (i = 0; i < s->nruns && weighed && status == KS_OK; i++)
	{
		if (s->d->share[s->runs[i].bin].negative)
			status = weigh_run(s, &s->runs[i]);
	}
	if (status != KS_OK || (weighed && s->d->line_of != NULL))
		return status;
	ks_distinct_stamps(s->d);
	if (s->d->line_of != NULL)
		return scan_lines(s);
	if (s->d->fold->bins.bin_of != NULL)
		qsort(s->runs, s->nruns, sizeof(entry_run), compare_runs);
	return scan_bins(s);
}

/* Counts the members of the row at hand by its entries; what was fetched is not needed any longer. */
ks_status
ks_scan_row(ks_distinct *d)
{
	const ks_view *view = &d->row->view;
	scan		s;
	ks_status	status;

	memset(&s, 0, sizeof(s));
	s.d = d;
	s.memory = d->fold->memory;
	s.header = &view->header;
	/* a top list without lines */
	if (d->ncounts == 0)
		return KS_OK;
	status = find_runs(&s);
	if (status == KS_OK && s.nruns > 0)
	{
		find_keys(&s);
		status = scan_runs(&s);
	}
	if (s.runs != NULL)
		ks_free(s.runs);
	if (s.passes != NULL)
		ks_free(s.passes);
	if (s.lines != NULL)
		ks_free(s.lines);
	if (view->release != NULL)
		view->release(view->source);
	return status;
}
