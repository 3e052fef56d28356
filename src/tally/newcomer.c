/*
 * Newcomers: each member counts in the first bin that it is in, and in no other.
 *
 * A row knows its members in the order of their first visits, so that of all
 * it has only these are looked at; what is first in several rows is sorted out
 * by their hashes, bin by bin.  Whom rows below zero take away need not have
 * come when it seems: the weights of these members are added up over all rows.
 */
#include "tally/distinct.h"

/* Members of rows below zero, whose first bins only all their weights tell. */
typedef struct suspects
{
	ks_entries	numbers;		/* (member, 0) */
	uint32_t	count;			/* what comes after these is no suspect */
	uint64_t   *hashes;			/* [count] */
	int64_t    *first;			/* [count] bin, or INT64_MAX where nothing is left */
} suspects;

/* Unites the first visits of a row of which every member counts. */
static ks_status
unite_visits(ks_distinct *d)
{
	const ks_bins *bins = &d->fold->bins;
	ks_visit_cursor visits = ks_view_visits(&d->row->view);
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		slot;

	while (status == KS_OK && ks_visit_peek(&visits, &slot))
	{
		uint32_t	begin = visits.member_end;
		int64_t		members;

		ks_walk_move(&w, bins, slot);
		ks_visit_count(&visits, w.bin >= 0 ? bins->edge[w.bin] + (int64_t) bins->cut[w.bin] : slot, w.to, &members);
		if (w.bin >= 0 && visits.status == KS_OK)
			status = ks_distinct_range(d, (uint32_t) w.bin, begin, visits.member_end);
	}
	return status != KS_OK ? status : visits.status;
}

/* Lists the members of rows below zero, whose weights are in d->weighed. */
static void
find_suspects(suspects *s, const ks_weighed *weighed)
{
	uint32_t	i;

	for (i = 0; i < weighed->table.count; i++)
	{
		ks_check_interrupts_at(i);
		ks_entries_number(&s->numbers, weighed->table.entry[i].member, 0);
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
weigh_suspects(ks_distinct *d, suspects *s)
{
	uint32_t	nmembers = d->row->view.header.nmembers;
	ks_status	status = ks_distinct_hashes(d);
	bool		any = false;
	uint8_t    *wanted;
	uint32_t	i;

	if (status != KS_OK)
		return status;
	wanted = ks_alloc(d->fold->memory, (size_t) nmembers + 1);
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
	ks_fold_row *row = d->row;
	ks_status	status = s->count > 0 ? weigh_suspects(d, s) : KS_OK;

	if (status == KS_OK && d->fold->nrows > 1)
		status = ks_distinct_hashes(d);
	if (status != KS_OK)
		return status;
	if (row->target != NULL)
		return ks_scan_row(d);
	if (row->bin >= 0)
		return ks_distinct_range(d, (uint32_t) row->bin, 0, row->view.header.nmembers);
	return unite_visits(d);
}

/* Counts the suspects where they first are, all weights being added up. */
static void
count_suspects(ks_distinct *d, suspects *s)
{
	uint32_t	i;

	for (i = 0; i < d->weighed.table.count; i++)
	{
		const ks_entry *e = &d->weighed.table.entry[i];
		uint32_t	number = ks_entries_find(&s->numbers, e->member, 0);

		ks_check_interrupts_at(i);
		if (e->weight != 0 && e->slot < s->first[number])
			s->first[number] = e->slot;
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
	ks_fold    *fold = d->fold;
	ks_status	status = KS_OK;
	uint32_t	i;

	for (i = 0; i < fold->nrows && status == KS_OK; i++)
	{
		if (ks_row_negative(&fold->rows[i]) != negative)
			continue;
		ks_check_interrupts();
		ks_distinct_start(d, &fold->rows[i]);
		if (negative)
			status = ks_scan_weights(d, NULL);
		else
			status = unite_row(d, s);
		/* hashes that were united stay where they were fetched */
		if (negative || fold->rows[i].target != NULL)
			ks_distinct_release(d);
		else
			fold->rows[i].view = d->front;
	}
	return status;
}

static ks_sharing *
share_all(const ks_fold *fold)
{
	ks_sharing *result = ks_alloc(fold->memory, ((size_t) fold->bins.nbins + 1) * sizeof(ks_sharing));
	uint32_t	i;

	for (i = 0; i < fold->bins.nbins; i++)
	{
		result[i].rows = fold->nrows > 1 ? 2 : 1;
		result[i].negative = true;
	}
	return result;
}

/* Members of each bin who were in none before it, into fold->distincts; bins lie in order, and no event before the first. */
ks_status
ks_newcomers(ks_fold *fold)
{
	suspects	s;
	ks_distinct d;
	ks_status	status;

	memset(&s, 0, sizeof(s));
	ks_entries_init(&s.numbers, fold->memory);
	ks_distinct_init(&d, fold);
	d.firsts = true;
	d.ncounts = fold->bins.nbins;
	d.counts = fold->distincts;
	d.share = share_all(fold);
	status = read_rows(&d, &s, true);
	if (status == KS_OK)
	{
		find_suspects(&s, &d.weighed);
		status = read_rows(&d, &s, false);
	}
	if (status == KS_OK)
	{
		ks_united_firsts(&d.united, d.ncounts, s.hashes, s.count, d.counts);
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
