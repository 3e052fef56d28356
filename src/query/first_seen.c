/*
 * First seen: counts each member in the first bucket that it is in, and in no other.
 *
 * A tally numbers its members in the order of their first visits, so only those
 * visits need to be looked at.  A member that is in several rows is found by its
 * hash: the rows are gone through bucket by bucket, and whoever was met before is
 * skipped.
 *
 * Rows with weights below zero complicate this.  They may take away a member's
 * first visit, so that the member really came later, or never.  For the members of
 * such rows, and of quarters that edges cut, where all has been taken away, the weights
 * of all rows are added up.
 */
#include "query/distinct.h"

/*
 * Members of rows with weights below zero, and of quarters that are cut, which add up to nothing: only their weights in
 * all rows tell which bucket was their first.
 */
typedef struct suspects
{
	ks_entries	numbers;		/* (member, 0) */
	uint32_t	count;			/* what comes after these is no suspect */
	uint64_t   *hashes;			/* [count] */
	int64_t    *first;			/* [count] bucket, or INT64_MAX where nothing is left */
} suspects;

/* Unites the first visits of a row of which every member counts. */
static ks_status
unite_visits(ks_distinct *d)
{
	const ks_intervals *intervals = &d->query->intervals;
	ks_visit_cursor visits = ks_view_visits(&d->row->view);
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		quarter;

	while (status == KS_OK && ks_visit_peek(&visits, &quarter))
	{
		uint32_t	begin = visits.member_end;
		int64_t		members = 0;	/* nobody asks for it */

		ks_walk_move(&w, intervals, quarter);
		ks_visit_count(&visits, w.bucket >= 0 ? intervals->edge[w.bucket] + (int64_t) intervals->cut[w.bucket] : quarter, w.to, &members);
		if (w.bucket >= 0 && visits.status == KS_OK)
			status = ks_distinct_range(d, (uint32_t) w.bucket, begin, visits.member_end);
	}
	return status != KS_OK ? status : visits.status;
}

/* Lists the members of rows below zero, whose weights are in d->retractions, and those of quarters that are cut: the first visit that their rows know of may be there. */
static void
find_suspects(suspects *s, const ks_distinct *d)
{
	const ks_entries *retracted = &d->retractions.table;
	const ks_entries *cut = &d->query->cut.sums;
	uint32_t	i;

	for (i = 0; i < retracted->count; i++)
	{
		ks_check_interrupts_at(i);
		ks_entries_number(&s->numbers, retracted->entry[i].member, 0);
	}
	for (i = 0; i < cut->count; i++)
	{
		ks_check_interrupts_at(i);
		if (ks_cut_of_member(&cut->entry[i]))
			ks_entries_number(&s->numbers, cut->entry[i].member, 0);
	}
	s->count = s->numbers.count;
	s->hashes = ks_alloc(s->numbers.memory, ((size_t) s->count + 1) * sizeof(uint64_t));
	s->first = ks_alloc(s->numbers.memory, ((size_t) s->count + 1) * sizeof(int64_t));
	for (i = 0; i < s->count; i++)
	{
		s->hashes[i] = s->numbers.entry[i].member;
		s->first[i] = INT64_MAX;
	}
}

/* Adds the weights that a row which only adds has of the suspects. */
static ks_status
add_suspects(ks_distinct *d, suspects *s)
{
	uint32_t	nmembers = d->row->view.header.nmembers;
	ks_status	status = ks_distinct_hashes(d);
	bool		any = false;
	uint8_t    *wanted;
	uint32_t	i;

	if (status != KS_OK)
		return status;
	wanted = ks_alloc(d->query->memory, (size_t) nmembers + 1);
	for (i = 0; i < nmembers; i++)
	{
		ks_check_interrupts_at(i);
		wanted[i] = ks_entries_find(&s->numbers, ks_get_u64(d->hashes + (size_t) i * 8), 0) != UINT32_MAX;
		any |= wanted[i];
	}
	if (any)
		status = ks_scan_weights(d, wanted);
	ks_free(wanted);
	return status;
}

/* Takes in a row that only adds. */
static ks_status
unite_row(ks_distinct *d, suspects *s)
{
	ks_query_row *row = d->row;
	ks_status	status = s->count > 0 ? add_suspects(d, s) : KS_OK;

	if (status == KS_OK && d->query->nrows > 1)
		status = ks_distinct_hashes(d);
	if (status != KS_OK)
		return status;
	if (row->target != NULL)
		return ks_scan_row(d);
	if (row->bucket >= 0)
		return ks_distinct_range(d, (uint32_t) row->bucket, 0, row->view.header.nmembers);
	return unite_visits(d);
}

/* Counts the suspects where they first are, all weights being added up. */
static void
count_suspects(ks_distinct *d, suspects *s)
{
	uint32_t	i;

	for (i = 0; i < d->retractions.table.count; i++)
	{
		const ks_entry *e = &d->retractions.table.entry[i];
		uint32_t	number = ks_entries_find(&s->numbers, e->member, 0);

		ks_check_interrupts_at(i);
		if (e->weight != 0 && e->quarter < s->first[number])
			s->first[number] = e->quarter;
	}
	for (i = 0; i < s->count; i++)
	{
		if (s->first[i] != INT64_MAX)
			d->counts[s->first[i]]++;
	}
}

/* Goes through the rows below zero, whose members become suspects, or through the others. */
static ks_status
read_rows(ks_distinct *d, suspects *s, bool negative)
{
	ks_query   *query = d->query;
	ks_status	status = KS_OK;
	uint32_t	i;

	for (i = 0; i < query->nrows && status == KS_OK; i++)
	{
		if (ks_row_negative(&query->rows[i]) != negative)
			continue;
		ks_check_interrupts();
		ks_distinct_start(d, &query->rows[i]);
		if (negative)
			status = ks_scan_weights(d, NULL);
		else
			status = unite_row(d, s);
		/* hashes that were united stay where they were fetched */
		if (negative || query->rows[i].target != NULL)
			ks_distinct_release(d);
		else
			query->rows[i].view = d->front;
	}
	return status;
}

static ks_sharing *
share_all(const ks_query *query)
{
	ks_sharing *result = ks_alloc(query->memory, ((size_t) query->intervals.nbuckets + 1) * sizeof(ks_sharing));
	uint32_t	i;

	for (i = 0; i < query->intervals.nbuckets; i++)
	{
		result[i].rows = query->nrows > 1 ? 2 : 1;
		result[i].negative = true;
	}
	return result;
}

/* Members of each bucket who were in none before it, into query->distincts; buckets lie in order, and no event before the first. */
ks_status
ks_first_seen(ks_query *query)
{
	suspects	s;
	ks_distinct d;
	ks_status	status;

	memset(&s, 0, sizeof(s));
	ks_entries_init(&s.numbers, query->memory);
	ks_distinct_init(&d, query);
	d.first_seen = true;
	d.ncounts = query->intervals.nbuckets;
	d.counts = query->distincts;
	d.share = share_all(query);
	status = read_rows(&d, &s, true);
	if (status == KS_OK)
	{
		find_suspects(&s, &d);
		status = read_rows(&d, &s, false);
	}
	if (status == KS_OK)
	{
		ks_union_first_seen(&d.shared, d.ncounts, s.hashes, s.count, d.counts);
		count_suspects(&d, &s);
	}
	if (s.hashes != NULL)
	{
		ks_free(s.hashes);
		ks_free(s.first);
	}
	ks_entries_free(&s.numbers);
	ks_free(d.share);
	ks_distinct_end(&d);
	return status;
}
