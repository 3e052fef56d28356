/*
 * The members of the row at hand: fetched, found, counted or united.
 *
 * This is what the ways of counting (entry_scan.c, distinct_count.c) have in common.  Members
 * go by their numbers in the row; only where several rows may share them are
 * their hashes looked at.
 */
#include "query/distinct.h"

#include "base/sort.h"

/* A row that shares more buckets than this has columns of its members fetched as a whole. */
#define STRETCHES_MAX 8

/* Members whose numbers are no further apart than this have their hashes fetched together. */
#define APART_MAX 2048

/* So many members before and behind those of a line are likely to be in other lines. */
#define NEAR_MEMBERS 512

/* Before any row; what it counts, and where, is up to the caller. */
void
ks_distinct_init(ks_distinct *d, ks_query *query)
{
	memset(d, 0, sizeof(*d));
	d->query = query;
	ks_union_init(&d->shared, query->memory);
	ks_retractions_init(&d->retractions, query->memory);
}

/* After the last row: what was fetched and found goes, the counts stay. */
void
ks_distinct_end(ks_distinct *d)
{
	uint32_t	i;

	for (i = 0; i < d->query->nrows; i++)
	{
		const ks_view *view = &d->query->rows[i].view;

		if (view->release != NULL)
			view->release(view->source);
	}
	if (d->members_size > 0)
	{
		ks_free(d->stamps);
		ks_free(d->found);
	}
	ks_union_free(&d->shared);
	ks_retractions_free(&d->retractions);
}

/* Whether so many of the row's buckets are shared that its columns are better fetched at once. */
static bool
many_shared(const ks_distinct *d, const ks_query_row *row)
{
	uint32_t	shared = 0;
	uint32_t	bucket;

	if (d->line_of != NULL && d->line_buckets == 1)
		return d->query->nrows > 1;
	for (bucket = row->low; bucket <= row->high && shared <= STRETCHES_MAX; bucket++)
		shared += d->share[bucket].rows > 1;
	return shared > STRETCHES_MAX;
}

/* Goes on to a row, of which nothing has been fetched. */
void
ks_distinct_start(ks_distinct *d, ks_query_row *row)
{
	d->row = row;
	d->front = row->view;
	d->hashes = d->returns = NULL;
	memset(d->near, 0, sizeof(d->near));
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
void
ks_distinct_room(ks_distinct *d)
{
	size_t		size = (size_t) d->row->view.header.nmembers + 1;

	if (d->members_size >= size)
		return;
	if (d->members_size > 0)
	{
		ks_free(d->stamps);
		ks_free(d->found);
	}
	d->stamps = ks_alloc(d->query->memory, size * sizeof(uint32_t));
	d->found = ks_alloc(d->query->memory, size * sizeof(uint32_t));
	d->members_size = size;
}

/* None of the row's members has been found anywhere. */
void
ks_distinct_stamps(ks_distinct *d)
{
	ks_distinct_room(d);
	memset(d->stamps, 0, ((size_t) d->row->view.header.nmembers + 1) * sizeof(uint32_t));
	d->stamp = 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	ks_check_interrupts();
	return (x > y) - (x < y);
}

/*
 * The hashes of the members [from, to).  In a list that is spread each line asks for those of the same few
 * buckets, in turns: two stretches are kept, with some more on both sides.
 */
static ks_status
find_hashes(ks_distinct *d, uint32_t from, uint32_t to, const uint8_t **hashes)
{
	uint32_t	nmembers = d->row->view.header.nmembers;
	ks_hash_stretch *s = d->near;
	ks_status	status;

	if (d->line_of == NULL)
		return ks_view_column(&d->row->view, KS_HASHES, from, to, hashes);
	if (from < s[0].from || to > s[0].to)
	{
		ks_hash_stretch other = s[0];

		s[0] = s[1];
		s[1] = other;
	}
	if (from < s[0].from || to > s[0].to)
	{
		s[0].from = from > NEAR_MEMBERS ? from - NEAR_MEMBERS : 0;
		s[0].to = to + NEAR_MEMBERS < nmembers ? to + NEAR_MEMBERS : nmembers;
		status = ks_view_column(&d->row->view, KS_HASHES, s[0].from, s[0].to, &s[0].hashes);
		if (status != KS_OK)
			return status;
	}
	*hashes = s[0].hashes + (size_t) (from - s[0].from) * 8;
	return KS_OK;
}

/* Copies the hashes of these members from where they are stored, in stretches. */
static ks_status
fetch_hashes(ks_distinct *d, uint8_t *at, uint32_t *members, uint32_t count)
{
	uint32_t	begin,
				end,
				i;

	ks_sort(members, count, sizeof(uint32_t), compare_numbers, d->query->memory);
	for (begin = 0; begin < count; begin = end)
	{
		uint32_t	first = members[begin];
		const uint8_t *stretch;
		ks_status	status;

		for (end = begin + 1; end < count && members[end] - members[end - 1] <= APART_MAX; end++)
			;
		status = find_hashes(d, first, members[end - 1] + 1, &stretch);
		if (status != KS_OK)
			return status;
		for (i = begin; i < end; i++, at += 8)
			memcpy(at, stretch + (size_t) (members[i] - first) * 8, 8);
	}
	return KS_OK;
}

/* Counts the members of those numbers, or unites them with those of other rows where they stand. */
ks_status
ks_distinct_range(ks_distinct *d, uint32_t bucket, uint32_t from, uint32_t to)
{
	const uint8_t *hashes;
	ks_status	status = KS_OK;

	if (d->share[bucket].rows <= 1)
	{
		d->counts[bucket] += to - from;
		return KS_OK;
	}
	if (d->hashes == NULL)
		status = ks_view_column(&d->row->view, KS_HASHES, from, to, &hashes);
	else
		hashes = d->hashes + (size_t) from * 8;
	if (status == KS_OK)
		ks_union_add(&d->shared, bucket, hashes, to - from);
	return status;
}

/* Counts different members of the row at hand for a bucket or line: as they are, or united with those of other rows; may sort them. */
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
	hashes = ks_union_room(&d->shared, count);
	if (d->hashes == NULL)
		status = fetch_hashes(d, hashes, members, count);
	else
	{
		for (i = 0; i < count; i++)
			memcpy(hashes + (size_t) i * 8, d->hashes + (size_t) members[i] * 8, 8);
	}
	ks_union_add(&d->shared, counted, hashes, count);
	return status;
}

/* Keeps one of each number, and sorts them; returns how many are left. */
uint32_t
ks_distinct_sort(uint32_t *numbers, uint32_t count, ks_memory memory)
{
	uint32_t	result = 0;
	uint32_t	i;

	ks_sort(numbers, count, sizeof(uint32_t), compare_numbers, memory);
	for (i = 0; i < count; i++)
	{
		if (i == 0 || numbers[i] != numbers[i - 1])
			numbers[result++] = numbers[i];
	}
	return result;
}
