/*
 * Counting distinct members over all rows of a query.
 *
 * A row is a month as a rule, and a bucket a day, so that most buckets lie in one
 * row.  Such a bucket is counted in the cheapest way that the query allows:
 *
 * - If all keys count, from the visits alone, without looking at members (visit.c).
 * - With a filter, or in a top list, by looking at each entry once (entry_scan.c).
 *
 * A bucket that several rows have something in needs the hashes of its members, and
 * only theirs: they are collected, and equal ones are counted once (union.c).
 * Members are numbered by their first visits, so that those who come to a bucket for
 * the first time are neighbours; returning ones are listed by quarter hour.
 *
 * A row with weights below zero takes something away from other rows.  Its members
 * are counted by what their weights in all rows add up to (retraction.c).  A list of
 * a few lines is counted by members, who have a bit for each line (member_lines.c).
 */
#include "query/distinct.h"

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
	return few ? ks_distinct_sort(d->found, nfound, d->query->memory) : nfound;
}

/* Unites the members who were there before the bucket and return to it: so many, among the returns [from, to). */
static ks_status
unite_returns(ks_distinct *d, uint32_t bucket, uint32_t from, uint32_t to, uint32_t known, int64_t expected)
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
	return (int64_t) nfound == expected ? ks_distinct_found(d, bucket, d->found, nfound) : KS_E_CORRUPT;
}

/* Unites the members of a bucket, so many, whose visits begin there and end where the cursor stands. */
static ks_status
unite_bucket(ks_distinct *d, uint32_t bucket, const ks_visit_cursor *begin, const ks_visit_cursor *end, int64_t members)
{
	int64_t		returning = members - ((int64_t) end->member_end - begin->member_end);
	ks_status	status = ks_distinct_range(d, bucket, begin->member_end, end->member_end);

	if (status == KS_OK && returning > 0)
		status = unite_returns(d, bucket, begin->return_at, end->return_at, begin->member_end, returning);
	return status;
}

/* Counts a row of which every member counts: by visits, interval by interval. */
static ks_status
count_visits(ks_distinct *d)
{
	const ks_intervals *intervals = &d->query->intervals;
	ks_visit_cursor visits = ks_view_visits(&d->row->view);
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		quarter;

	while (status == KS_OK && ks_visit_peek(&visits, &quarter))
	{
		ks_visit_cursor begin = visits;
		int64_t		members = 0;

		ks_walk_move(&w, intervals, quarter);
		/* a quarter that is cut belongs to no bucket; what lies in it adds up to nothing, or the query would not be here */
		ks_visit_count(&visits, w.bucket >= 0 ? intervals->edge[w.interval] + (int64_t) intervals->cut[w.interval] : quarter, w.to, &members);
		if (w.bucket >= 0 && d->share[w.bucket].rows <= 1)
			d->counts[w.bucket] += members;
		else if (w.bucket >= 0 && visits.status == KS_OK)
			status = unite_bucket(d, (uint32_t) w.bucket, &begin, &visits, members);
	}
	return status != KS_OK ? status : visits.status;
}

/* Adds up the weights of rows below zero, before any other row is counted. */
static ks_status
collect_retractions(ks_distinct *d)
{
	ks_status	status = KS_OK;
	uint32_t	i;

	for (i = 0; i < d->query->nrows && status == KS_OK; i++)
	{
		if (!ks_row_negative(&d->query->rows[i]))
			continue;
		ks_distinct_start(d, &d->query->rows[i]);
		status = ks_scan_weights(d, NULL);
		ks_distinct_release(d);
	}
	if (status == KS_OK && d->retractions.table.count > 0)
		ks_retraction_mark(&d->retractions);
	return status;
}

/* Whether rows below zero touch what the row at hand does. */
static bool
touched(const ks_distinct *d)
{
	uint32_t	bucket;

	if (d->line_of != NULL)
		return true;
	for (bucket = d->row->low; bucket <= d->row->high; bucket++)
	{
		if (d->share[bucket].negative)
			return true;
	}
	return false;
}

/* Adds the weights that the row at hand, which only adds, has of their members. */
static ks_status
add_known_retractions(ks_distinct *d)
{
	uint8_t    *wanted;
	ks_status	status;

	if (d->retractions.count == 0 || !touched(d))
		return KS_OK;
	status = ks_distinct_hashes(d);
	if (status != KS_OK)
		return status;
	wanted = ks_alloc(d->query->memory, (size_t) d->row->view.header.nmembers + 1);
	if (ks_retraction_wanted(d, wanted))
		status = ks_scan_weights(d, wanted);
	ks_free(wanted);
	return status;
}

/* Counts a row that only adds; what is united stays where it was fetched. */
static ks_status
count_row(ks_distinct *d, ks_query_row *row)
{
	bool		visits_suffice = d->line_of == NULL && row->target == NULL;	/* all its keys count */
	ks_status	status;

	ks_distinct_start(d, row);
	status = add_known_retractions(d);
	if (status == KS_OK && d->many)
		status = ks_distinct_hashes(d);
	if (status != KS_OK)
		return status;
	if (!visits_suffice)
	{
		status = ks_scan_row(d);
		ks_distinct_release(d);
	}
	else if (row->bucket < 0)
		status = count_visits(d);
	else
		status = ks_distinct_range(d, (uint32_t) row->bucket, 0, row->view.header.nmembers);
	row->view = d->front;
	return status;
}

/* Takes in all rows: what is in buckets or lines of one row is counted, the rest waits in d->shared and d->retractions; share is filled in. */
ks_status
ks_distinct_count_collect(ks_distinct *d)
{
	ks_query   *query = d->query;
	ks_status	status;
	uint32_t	i;

	status = collect_retractions(d);
	for (i = 0; i < query->nrows && status == KS_OK; i++)
	{
		ks_check_interrupts();
		if (!ks_row_negative(&query->rows[i]))
			status = count_row(d, &query->rows[i]);
	}
	return status;
}

/* Counts the members of all rows into d->counts; share is filled in. */
static ks_status
count_rows(ks_distinct *d)
{
	ks_status	status = ks_distinct_count_collect(d);

	if (status == KS_OK)
	{
		ks_union_count(&d->shared, d->ncounts, d->counts);
		ks_retraction_count(d);
	}
	ks_distinct_end(d);
	return status;
}

static void
find_sharing(const ks_query *query, ks_sharing *share)
{
	uint32_t	i,
				bucket;

	for (i = 0; i < query->nrows; i++)
	{
		const ks_query_row *row = &query->rows[i];

		ks_check_interrupts();
		for (bucket = row->low; bucket <= row->high; bucket++)
		{
			if (ks_row_negative(row))
				share[bucket].negative = true;
			else
				share[bucket].rows = share[bucket].rows > 0 ? 2 : 1;
		}
	}
}

/* Sharing of each bucket, for a list that is spread of each line's buckets. */
static ks_sharing *
spread_sharing(const ks_query *query, uint32_t lines)
{
	size_t		nbuckets = query->intervals.nbuckets;
	ks_sharing *result = ks_alloc(query->memory, (lines * nbuckets + nbuckets + 1) * sizeof(ks_sharing));
	uint32_t	i;

	memset(result, 0, (nbuckets + 1) * sizeof(ks_sharing));
	find_sharing(query, result);
	for (i = 1; i < lines; i++)
		memcpy(result + i * nbuckets, result, nbuckets * sizeof(ks_sharing));
	return result;
}

/* What one row has of a bucket in several intervals is united as if several rows had it: a member may come in each of them. */
static void
share_intervals(const ks_intervals *intervals, ks_sharing *share)
{
	uint32_t	interval;

	for (interval = 0; intervals->bucket_of != NULL && interval < intervals->nintervals; interval++)
	{
		int32_t		bucket = intervals->bucket_of[interval];

		ks_check_interrupts_at(interval);
		if (bucket >= 0 && share[bucket].rows > 0)
			share[bucket].rows = share[bucket].interval ? 2 : share[bucket].rows;
		if (bucket >= 0)
			share[bucket].interval = true;
	}
}

/* Distinct members of each bucket, into query->distincts. */
ks_status
ks_distinct_count_series(ks_query *query)
{
	ks_distinct d;
	ks_status	status;

	ks_distinct_init(&d, query);
	d.ncounts = query->intervals.nbuckets;
	d.counts = query->distincts;
	d.share = spread_sharing(query, 1);
	share_intervals(&query->intervals, d.share);
	status = count_rows(&d);
	ks_free(d.share);
	return status;
}

/* Sharing of each line of a top list: all rows may have it. */
static ks_sharing *
line_sharing(const ks_query *query, uint32_t lines)
{
	ks_sharing *result = ks_alloc(query->memory, ((size_t) lines + 1) * sizeof(ks_sharing));
	uint32_t	negative = 0;
	uint32_t	i;

	for (i = 0; i < query->nrows; i++)
		negative += ks_row_negative(&query->rows[i]);
	for (i = 0; i < lines; i++)
	{
		result[i].rows = query->nrows - negative > 1 ? 2 : 1;
		result[i].negative = negative > 0;
	}
	return result;
}

static int32_t *
number_lines(const ks_query *query, const ks_top_line *lines, uint32_t count)
{
	int32_t    *line_of = ks_alloc(query->memory, ((size_t) query->groups.count + 1) * sizeof(int32_t));
	uint32_t	i;

	for (i = 0; i < query->groups.count; i++)
		line_of[i] = -1;
	for (i = 0; i < count; i++)
		line_of[lines[i].group] = (int32_t) i;
	return line_of;
}

/*
 * Distinct members of each line of a top list, in each bucket where it is spread:
 * what several rows have of the same is united.
 */
ks_status
ks_distinct_count_lines(ks_query *query, ks_top_line *lines, uint32_t count)
{
	int32_t    *line_of = number_lines(query, lines, count);
	bool		apart = query->with_series && query->intervals.nbuckets > 1;
	ks_distinct d;
	ks_status	status;
	uint32_t	i;

	ks_distinct_init(&d, query);
	d.line_of = line_of;
	d.line_buckets = apart ? query->intervals.nbuckets : 1;
	d.ncounts = count * d.line_buckets;
	d.share = apart ? spread_sharing(query, count) : line_sharing(query, count);
	d.short_list = !apart && count >= KS_LINES_A_MEMBER && count <= KS_LINES_MAX && d.share[0].rows > 1;
	d.counts = ks_alloc(query->memory, ((size_t) d.ncounts + 1) * sizeof(int64_t));
	memset(d.counts, 0, ((size_t) d.ncounts + 1) * sizeof(int64_t));
	status = count_rows(&d);
	for (i = 0; i < count && !apart; i++)
		lines[i].members = d.counts[i];
	if (query->with_series)
		query->line_buckets = d.counts;
	else
		ks_free(d.counts);
	ks_free(line_of);
	ks_free(d.share);
	return status;
}

/* Distinct members of the lines of a list, by the line of each group or -1; several rows may have the same. */
ks_status
ks_distinct_count_groups(ks_query *query, const int32_t *line_of, uint32_t count, int64_t *counts)
{
	ks_distinct d;
	ks_status	status;

	memset(counts, 0, (size_t) count * sizeof(int64_t));
	if (count == 0)
		return KS_OK;
	ks_distinct_init(&d, query);
	d.line_of = line_of;
	d.line_buckets = 1;
	d.ncounts = count;
	d.share = line_sharing(query, count);
	d.short_list = count >= KS_LINES_A_MEMBER && count <= KS_LINES_MAX && d.share[0].rows > 1;
	d.counts = counts;
	status = count_rows(&d);
	ks_free(d.share);
	return status;
}

/* The same of several lists at once, by the lines of each group, a bit each, where no row takes anything away. */
ks_status
ks_distinct_count_bits(ks_query *query, const uint64_t *bits, uint32_t count, int64_t *counts)
{
	int32_t    *line_of = ks_alloc(query->memory, ((size_t) query->groups.count + 1) * sizeof(int32_t));
	ks_distinct d;
	ks_status	status;
	uint32_t	i;

	memset(counts, 0, (size_t) count * sizeof(int64_t));
	for (i = 0; i < query->groups.count; i++)
		line_of[i] = bits[i] != 0 ? (int32_t) i : -1;
	ks_distinct_init(&d, query);
	d.line_of = line_of;
	d.line_buckets = 1;
	d.ncounts = count;
	d.share = line_sharing(query, count);
	d.short_list = true;
	d.bits = bits;
	d.counts = counts;
	status = count_rows(&d);
	ks_free(d.share);
	ks_free(line_of);
	return status;
}
