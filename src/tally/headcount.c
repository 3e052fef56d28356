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
 * rows add up to (weigh.c).  A list of a few lines is counted by members, with a
 * bit a line (lines.c).
 */
#include "tally/distinct.h"

/* The members below known among these, each once; UINT32_MAX where one is no member. */
static uint32_t
find_known(ks_distinct *d, const uint8_t *returns, uint32_t count, uint32_t known)
{
	uint32_t	nmembers = d->row->view.header.nmembers;
	int			width = ks_number_width(nmembers);
	/* stamps are cleared once a row: worth it for many, or for few over and over */
	bool		few = !d->many && count < nmembers / 16;
	uint32_t	nfound = 0;
	uint32_t	i;

	if (few)
		ks_distinct_room(d);
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
	return few ? ks_distinct_sort(d->found, nfound, d->fold->memory) : nfound;
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
	ks_status	status = ks_distinct_range(d, bin, begin->member_end, end->member_end);

	if (status == KS_OK && returning > 0)
		status = unite_returns(d, bin, begin->return_at, end->return_at, begin->member_end, returning);
	return status;
}

/* Counts a row of which every member counts: by visits, segment by segment. */
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
		ks_visit_count(&visits, w.bin >= 0 ? bins->edge[w.segment] + (int64_t) bins->cut[w.segment] : slot, w.to, &members);
		if (w.bin >= 0 && d->share[w.bin].rows <= 1)
			d->counts[w.bin] += members;
		else if (w.bin >= 0 && visits.status == KS_OK)
			status = unite_bin(d, (uint32_t) w.bin, &begin, &visits, members);
	}
	return status != KS_OK ? status : visits.status;
}

/* Adds up the weights of rows below zero, before any other row is counted. */
static ks_status
weigh_rows(ks_distinct *d)
{
	ks_status	status = KS_OK;
	uint32_t	i;

	for (i = 0; i < d->fold->nrows && status == KS_OK; i++)
	{
		if (!ks_row_negative(&d->fold->rows[i]))
			continue;
		ks_distinct_start(d, &d->fold->rows[i]);
		status = ks_scan_weights(d, NULL);
		ks_distinct_release(d);
	}
	if (status == KS_OK && d->weighed.table.count > 0)
		ks_weigh_mark(&d->weighed);
	return status;
}

/* Whether rows below zero touch what the row at hand does. */
static bool
touched(const ks_distinct *d)
{
	uint32_t	bin;

	if (d->line_of != NULL)
		return true;
	for (bin = d->row->low; bin <= d->row->high; bin++)
	{
		if (d->share[bin].negative)
			return true;
	}
	return false;
}

/* Adds the weights that the row at hand, which only adds, has of their members. */
static ks_status
weigh_known(ks_distinct *d)
{
	uint8_t    *wanted;
	ks_status	status;

	if (d->weighed.count == 0 || !touched(d))
		return KS_OK;
	status = ks_distinct_hashes(d);
	if (status != KS_OK)
		return status;
	wanted = ks_alloc(d->fold->memory, (size_t) d->row->view.header.nmembers + 1);
	if (ks_weigh_wanted(d, wanted))
		status = ks_scan_weights(d, wanted);
	ks_free(wanted);
	return status;
}

/* Counts a row that only adds; what is united stays where it was fetched. */
static ks_status
count_row(ks_distinct *d, ks_fold_row *row)
{
	bool		visits_suffice = d->line_of == NULL && row->target == NULL;	/* all its keys count */
	ks_status	status;

	ks_distinct_start(d, row);
	status = weigh_known(d);
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
	else
		status = ks_distinct_range(d, (uint32_t) row->bin, 0, row->view.header.nmembers);
	row->view = d->front;
	return status;
}

/* Takes in all rows: what is in bins or lines of one row is counted, the rest waits in d->united and d->weighed; share is filled in. */
ks_status
ks_headcount_collect(ks_distinct *d)
{
	ks_fold    *fold = d->fold;
	ks_status	status;
	uint32_t	i;

	status = weigh_rows(d);
	for (i = 0; i < fold->nrows && status == KS_OK; i++)
	{
		ks_check_interrupts();
		if (!ks_row_negative(&fold->rows[i]))
			status = count_row(d, &fold->rows[i]);
	}
	return status;
}

/* Counts the members of all rows into d->counts; share is filled in. */
static ks_status
count_rows(ks_distinct *d)
{
	ks_status	status = ks_headcount_collect(d);

	if (status == KS_OK)
	{
		ks_united_count(&d->united, d->ncounts, d->counts);
		ks_lines_compare(&d->lines, d->counts);
		ks_weigh_count(d);
	}
	ks_distinct_end(d);
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

		ks_check_interrupts();
		for (bin = row->low; bin <= row->high; bin++)
		{
			if (ks_row_negative(row))
				share[bin].negative = true;
			else
				share[bin].rows = share[bin].rows > 0 ? 2 : 1;
		}
	}
}

/* Sharing of each bin, for a list that is spread of each line's bins. */
static ks_sharing *
spread_sharing(const ks_fold *fold, uint32_t lines)
{
	size_t		nbins = fold->bins.nbins;
	ks_sharing *result = ks_alloc(fold->memory, (lines * nbins + nbins + 1) * sizeof(ks_sharing));
	uint32_t	i;

	memset(result, 0, (nbins + 1) * sizeof(ks_sharing));
	find_sharing(fold, result);
	for (i = 1; i < lines; i++)
		memcpy(result + i * nbins, result, nbins * sizeof(ks_sharing));
	return result;
}

/* What one row has of a bin in several segments is united as if several rows had it: a member may come in each of them. */
static void
share_segments(const ks_bins *bins, ks_sharing *share)
{
	uint32_t	segment;

	for (segment = 0; bins->bin_of != NULL && segment < bins->nsegments; segment++)
	{
		int32_t		bin = bins->bin_of[segment];

		ks_check_interrupts_at(segment);
		if (bin >= 0 && share[bin].rows > 0)
			share[bin].rows = share[bin].segment ? 2 : share[bin].rows;
		if (bin >= 0)
			share[bin].segment = true;
	}
}

/* Distinct members of each bin, into fold->distincts. */
ks_status
ks_headcount_series(ks_fold *fold)
{
	ks_distinct d;
	ks_status	status;

	ks_distinct_init(&d, fold);
	d.ncounts = fold->bins.nbins;
	d.counts = fold->distincts;
	d.share = spread_sharing(fold, 1);
	share_segments(&fold->bins, d.share);
	status = count_rows(&d);
	ks_free(d.share);
	return status;
}

/* Sharing of each line of a top list: all rows may have it. */
static ks_sharing *
line_sharing(const ks_fold *fold, uint32_t lines)
{
	ks_sharing *result = ks_alloc(fold->memory, ((size_t) lines + 1) * sizeof(ks_sharing));
	uint32_t	negative = 0;
	uint32_t	i;

	for (i = 0; i < fold->nrows; i++)
		negative += ks_row_negative(&fold->rows[i]);
	for (i = 0; i < lines; i++)
	{
		result[i].rows = fold->nrows - negative > 1 ? 2 : 1;
		result[i].negative = negative > 0;
	}
	return result;
}

static int32_t *
number_lines(const ks_fold *fold, const ks_top_line *lines, uint32_t count)
{
	int32_t    *line_of = ks_alloc(fold->memory, ((size_t) fold->groups.count + 1) * sizeof(int32_t));
	uint32_t	i;

	for (i = 0; i < fold->groups.count; i++)
		line_of[i] = -1;
	for (i = 0; i < count; i++)
		line_of[lines[i].group] = (int32_t) i;
	return line_of;
}

/*
 * Distinct members of each line of a top list, in each bin where it is spread:
 * what several rows have of the same is united.
 */
ks_status
ks_headcount_lines(ks_fold *fold, ks_top_line *lines, uint32_t count)
{
	int32_t    *line_of = number_lines(fold, lines, count);
	bool		apart = fold->spread && fold->bins.nbins > 1;
	ks_distinct d;
	ks_status	status;
	uint32_t	i;

	ks_distinct_init(&d, fold);
	d.line_of = line_of;
	d.line_bins = apart ? fold->bins.nbins : 1;
	d.ncounts = count * d.line_bins;
	d.share = apart ? spread_sharing(fold, count) : line_sharing(fold, count);
	d.short_list = !apart && count >= KS_LINES_A_MEMBER && count <= KS_LINES_MAX && d.share[0].rows > 1;
	d.counts = ks_alloc(fold->memory, ((size_t) d.ncounts + 1) * sizeof(int64_t));
	memset(d.counts, 0, ((size_t) d.ncounts + 1) * sizeof(int64_t));
	status = count_rows(&d);
	for (i = 0; i < count && !apart; i++)
		lines[i].members = d.counts[i];
	if (fold->spread)
		fold->line_bins = d.counts;
	else
		ks_free(d.counts);
	ks_free(line_of);
	ks_free(d.share);
	return status;
}
