/*
 * Distinct members over all rows of a fold.
 *
 * Most bins are touched by one row only (a row is a month, a bin a day).  If
 * all keys count, such a bin is counted from the row's visits, without looking
 * at a member (visit.c); under a filter, and in top lists, by looking at each
 * entry once (scan.c).  What falls into a bin that several rows touch is united
 * (unite.c), of the members of those bins alone.  Members are numbered by their
 * first visits: those who come to a bin for the first time stand side by side,
 * and who else does is written down by slot.  A row with weights below zero
 * takes away from others: its members are counted by what their weights in all
 * rows add up to (weigh.c).
 */
#include "tally/distinct.h"

/* A row that shares more bins than this has columns of its members fetched as a whole. */
#define STRETCHES_MAX 8

/* Members whose numbers are no further apart than this have their hashes fetched together. */
#define APART_MAX 2048

/* Whether so many of the row's bins are shared that its columns are better fetched at once. */
static bool
many_shared(const ks_distinct *d, const ks_fold_row *row)
{
	uint32_t	shared = 0;
	uint32_t	bin;

	if (d->line_of != NULL)
		return d->fold->nrows > 1;
	for (bin = row->low; bin <= row->high && shared <= STRETCHES_MAX; bin++)
		shared += d->share[bin].rows > 1;
	return shared > STRETCHES_MAX;
}

/* Goes on to a row, of which nothing has been fetched. */
void
ks_distinct_start(ks_distinct *d, ks_fold_row *row)
{
	d->row = row;
	d->front = row->view;
	d->hashes = d->returns = NULL;
	d->stamp = 0;
	d->many = many_shared(d, row);
}

/* What was fetched of the row at hand is not needed any longer. */
void
ks_distinct_release(ks_distinct *d)
{
	d->row->view = d->front;
	if (d->row->view.release != NULL)
		d->row->view.release(d->row->view.source);
}

/* Fetches the hashes of all members of the row at hand. */
ks_status
ks_distinct_hashes(ks_distinct *d)
{
	const ks_view *view = &d->row->view;

	return d->hashes != NULL ? KS_OK : ks_view_column(view, KS_HASHES, 0, view->header.nmembers, &d->hashes);
}

/* Room for the members of the row at hand. */
static void
make_room(ks_distinct *d)
{
	size_t		size = (size_t) d->row->view.header.nmembers + 1;

	if (d->members_size >= size)
		return;
	if (d->members_size > 0)
	{
		ks_free(d->stamps);
		ks_free(d->found);
	}
	d->stamps = ks_alloc(d->fold->memory, size * sizeof(uint32_t));
	d->found = ks_alloc(d->fold->memory, size * sizeof(uint32_t));
	d->members_size = size;
}

/* None of the row's members has been found anywhere. */
void
ks_distinct_stamps(ks_distinct *d)
{
	make_room(d);
	memset(d->stamps, 0, ((size_t) d->row->view.header.nmembers + 1) * sizeof(uint32_t));
	d->stamp = 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* Copies the hashes of these members from where they are stored, in stretches. */
static ks_status
fetch_hashes(ks_distinct *d, uint8_t *at, uint32_t *members, uint32_t count)
{
	uint32_t	begin,
				end,
				i;

	qsort(members, count, sizeof(uint32_t), compare_numbers);
	for (begin = 0; begin < count; begin = end)
	{
		uint32_t	first = members[begin];
		const uint8_t *stretch;
		ks_status	status;

		for (end = begin + 1; end < count && members[end] - members[end - 1] <= APART_MAX; end++)
			;
		status = ks_view_column(&d->row->view, KS_HASHES, first, members[end - 1] + 1, &stretch);
		if (status != KS_OK)
			return status;
		for (i = begin; i < end; i++, at += 8)
			memcpy(at, stretch + (size_t) (members[i] - first) * 8, 8);
	}
	return KS_OK;
}

/* Counts different members of the row at hand for a bin or line: as they are, or united with those of other rows; may sort them. */
ks_status
ks_distinct_found(ks_distinct *d, uint32_t counted, uint32_t *members, uint32_t count)
{
	ks_status	status = KS_OK;
	uint8_t    *hashes;
	uint32_t	i;

	if (d->share[counted].rows <= 1)
	{
		d->counts[counted] += count;
		return KS_OK;
	}
	hashes = ks_united_room(&d->united, count);
	if (d->hashes == NULL)
		status = fetch_hashes(d, hashes, members, count);
	else
	{
		for (i = 0; i < count; i++)
			memcpy(hashes + (size_t) i * 8, d->hashes + (size_t) members[i] * 8, 8);
	}
	ks_united_add(&d->united, counted, hashes, count);
	return status;
}

/* Unites the members of those numbers where they stand. */
static ks_status
unite_range(ks_distinct *d, uint32_t bin, uint32_t from, uint32_t to)
{
	const uint8_t *hashes;
	ks_status	status = KS_OK;

	if (d->hashes == NULL)
		status = ks_view_column(&d->row->view, KS_HASHES, from, to, &hashes);
	else
		hashes = d->hashes + (size_t) from * 8;
	if (status == KS_OK)
		ks_united_add(&d->united, bin, hashes, to - from);
	return status;
}

/* Keeps one of each number, and sorts them; gives back how many are left. */
static uint32_t
sort_numbers(uint32_t *numbers, uint32_t count)
{
	uint32_t	result = 0;
	uint32_t	i;

	qsort(numbers, count, sizeof(uint32_t), compare_numbers);
	for (i = 0; i < count; i++)
	{
		if (i == 0 || numbers[i] != numbers[i - 1])
			numbers[result++] = numbers[i];
	}
	return result;
}

/* The members below known among these, each once; UINT32_MAX where one is no member. */
static uint32_t
find_known(ks_distinct *d, const uint8_t *returns, uint32_t count, uint32_t known)
{
	uint32_t	nmembers = d->row->view.header.nmembers;
	int			width = ks_number_width(nmembers);
	bool		few = count < nmembers / 16;
	uint32_t	nfound = 0;
	uint32_t	i;

	if (few)
		make_room(d);
	else if (d->stamp == 0)
		ks_distinct_stamps(d);
	d->stamp += !few;
	for (i = 0; i < count; i++)
	{
		uint32_t	member = ks_get_number(returns, i, width);

		if (member >= nmembers)
			return UINT32_MAX;
		if (member >= known || (!few && d->stamps[member] == d->stamp))
			continue;
		if (!few)
			d->stamps[member] = d->stamp;
		d->found[nfound++] = member;
	}
	return few ? sort_numbers(d->found, nfound) : nfound;
}

/* Unites the members who were there before the bin and return to it: so many, among the returns [from, to). */
static ks_status
unite_returns(ks_distinct *d, uint32_t bin, uint32_t from, uint32_t to, uint32_t known, int64_t expected)
{
	const ks_view *view = &d->row->view;
	const uint8_t *returns;
	ks_status	status = KS_OK;
	uint32_t	nfound;

	if (!d->many)
		status = ks_view_column(view, KS_RETURNS, from, to, &returns);
	else if (d->returns == NULL)
		status = ks_view_column(view, KS_RETURNS, 0, view->header.nreturns, &d->returns);
	if (status != KS_OK)
		return status;
	if (d->many)
		returns = d->returns + (size_t) from * ks_number_width(view->header.nmembers);
	nfound = find_known(d, returns, to - from, known);
	return (int64_t) nfound == expected ? ks_distinct_found(d, bin, d->found, nfound) : KS_E_CORRUPT;
}

/* Unites the members of a bin, so many, whose visits begin there and end where the cursor stands. */
static ks_status
unite_bin(ks_distinct *d, uint32_t bin, const ks_visit_cursor *begin, const ks_visit_cursor *end, int64_t members)
{
	int64_t		returning = members - ((int64_t) end->member_end - begin->member_end);
	ks_status	status = unite_range(d, bin, begin->member_end, end->member_end);

	if (status == KS_OK && returning > 0)
		status = unite_returns(d, bin, begin->return_at, end->return_at, begin->member_end, returning);
	return status;
}

/* Counts a row of which every member counts: by visits, bin by bin. */
static ks_status
count_visits(ks_distinct *d)
{
	const ks_bins *bins = &d->fold->bins;
	ks_visit_cursor visits = ks_view_visits(&d->row->view);
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		slot;

	while (status == KS_OK && ks_visit_peek(&visits, &slot))
	{
		ks_visit_cursor begin = visits;
		int64_t		members = 0;

		ks_walk_move(&w, bins, slot);
		/* a slot that is cut belongs to no bin; what lies in it adds up to nothing, or the fold would not be here */
		ks_visit_count(&visits, w.bin >= 0 ? bins->edge[w.bin] + (int64_t) bins->cut[w.bin] : slot, w.to, &members);
		if (w.bin >= 0 && d->share[w.bin].rows <= 1)
			d->counts[w.bin] += members;
		else if (w.bin >= 0 && visits.status == KS_OK)
			status = unite_bin(d, (uint32_t) w.bin, &begin, &visits, members);
	}
	return status != KS_OK ? status : visits.status;
}

/* Counts a row that only adds; what is united stays where it was fetched. */
static ks_status
count_row(ks_distinct *d, ks_fold_row *row)
{
	/* all keys of the row count, and the bins lie in order */
	bool		visits_suffice = d->line_of == NULL && row->target == NULL && (d->fold->bins.bin_of == NULL || row->bin >= 0);
	ks_status	status;

	ks_distinct_start(d, row);
	status = ks_weigh_known(d);
	if (status == KS_OK && d->many)
		status = ks_distinct_hashes(d);
	if (status != KS_OK)
		return status;
	if (!visits_suffice)
	{
		status = ks_scan_row(d);
		ks_distinct_release(d);
	}
	else if (row->bin < 0)
		status = count_visits(d);
	else if (d->share[row->bin].rows > 1)
		status = unite_range(d, (uint32_t) row->bin, 0, row->view.header.nmembers);
	else
		d->counts[row->bin] += row->view.header.nmembers;
	row->view = d->front;
	return status;
}

static void
free_distinct(ks_distinct *d)
{
	uint32_t	i;

	for (i = 0; i < d->fold->nrows; i++)
	{
		const ks_view *view = &d->fold->rows[i].view;

		if (view->release != NULL)
			view->release(view->source);
	}
	if (d->members_size > 0)
	{
		ks_free(d->stamps);
		ks_free(d->found);
	}
	ks_united_free(&d->united);
	ks_weighed_free(&d->weighed);
}

/* Counts the members of all rows into d->counts; share is filled in. */
static ks_status
count_rows(ks_distinct *d)
{
	ks_fold    *fold = d->fold;
	ks_status	status;
	uint32_t	i;

	ks_united_init(&d->united, fold->memory);
	ks_weighed_init(&d->weighed, fold->memory);
	status = ks_weigh_rows(d);
	for (i = 0; i < fold->nrows && status == KS_OK; i++)
	{
		ks_check_interrupts();
		if (!ks_row_negative(&fold->rows[i]))
			status = count_row(d, &fold->rows[i]);
	}
	if (status == KS_OK)
	{
		ks_united_count(&d->united, d->ncounts, d->counts);
		ks_weigh_count(d);
	}
	free_distinct(d);
	return status;
}

static void
find_sharing(const ks_fold *fold, ks_sharing *share)
{
	uint32_t	i,
				bin;

	for (i = 0; i < fold->nrows; i++)
	{
		const ks_fold_row *row = &fold->rows[i];

		for (bin = row->low; bin <= row->high; bin++)
		{
			if (ks_row_negative(row))
				share[bin].negative = true;
			else
				share[bin].rows = share[bin].rows > 0 ? 2 : 1;
		}
	}
}

/* Distinct members of each bin, into fold->distincts. */
ks_status
ks_distinct_series(ks_fold *fold)
{
	size_t		bytes = ((size_t) fold->bins.nbins + 1) * sizeof(ks_sharing);
	ks_distinct d;
	ks_status	status;

	memset(&d, 0, sizeof(d));
	d.fold = fold;
	d.ncounts = fold->bins.nbins;
	d.counts = fold->distincts;
	d.share = ks_alloc(fold->memory, bytes);
	memset(d.share, 0, bytes);
	find_sharing(fold, d.share);
	status = count_rows(&d);
	ks_free(d.share);
	return status;
}

/* Distinct members of each line of a top list: what several rows have of a line is united. */
ks_status
ks_distinct_lines(ks_fold *fold, ks_top_line *lines, uint32_t count)
{
	int32_t    *line_of = ks_alloc(fold->memory, ((size_t) fold->groups.count + 1) * sizeof(int32_t));
	uint32_t	negative = 0;
	ks_distinct d;
	ks_status	status;
	uint32_t	i;

	memset(&d, 0, sizeof(d));
	d.fold = fold;
	d.line_of = line_of;
	d.ncounts = count;
	d.counts = ks_alloc(fold->memory, ((size_t) count + 1) * sizeof(int64_t));
	d.share = ks_alloc(fold->memory, ((size_t) count + 1) * sizeof(ks_sharing));
	for (i = 0; i < fold->nrows; i++)
		negative += ks_row_negative(&fold->rows[i]);
	for (i = 0; i < fold->groups.count; i++)
		line_of[i] = -1;
	for (i = 0; i < count; i++)
	{
		line_of[lines[i].group] = (int32_t) i;
		d.counts[i] = 0;
		d.share[i].rows = fold->nrows - negative > 1 ? 2 : 1;
		d.share[i].negative = negative > 0;
	}
	status = count_rows(&d);
	for (i = 0; i < count; i++)
		lines[i].members = d.counts[i];
	ks_free(line_of);
	ks_free(d.counts);
	ks_free(d.share);
	return status;
}
