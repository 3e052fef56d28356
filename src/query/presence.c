/*
 * Presence: in which buckets each member was, over all rows of a query.
 *
 * All that several rows say of a bucket's members comes as for distinct counts
 * (distinct_count.c), as lists: so many hashes for a bucket.  Bucket after bucket they go
 * through one table, which knows of each member the first bucket and the last, and
 * every question here is answered at that moment.  Of members in the last n buckets
 * only the overlaps are looked at: everybody counts from each of his buckets on for n of them, and
 * where he comes again before these have passed, what would count twice is
 * taken off.  The place of whom no window reaches any more goes to the next who needs
 * one, so that the table stays in the processor's cache however long the range is.
 */
#include "query/presence.h"
#include "query/distinct.h"

#include "base/seed.h"

/* Binary logarithms of the least places that a table has, and of the most that it has before anybody is in it: 16 MB. */
#define PLACES_LOG_MIN 10
#define PLACES_LOG_FIRST_MAX 20

/* So many members may be listed several times, 32 MB of them. */
#define LISTED_MAX 4000000

/* So many hashes ahead their places are fetched from memory. */
#define AHEAD 8

/* A member that has come; last is KS_NOBODY in places that are free. */
typedef struct place
{
	uint64_t	hash;
	uint32_t	first;
	uint32_t	last;
} place;

#define KS_NOBODY UINT32_MAX

typedef struct register_of_members
{
	ks_memory	memory;
	place	   *places;
	int			log;
	size_t		used;
	uint32_t	reach;			/* who was last seen so many buckets ago may be forgotten; 0: nobody */
} register_of_members;

static void
make_room(register_of_members *r, int log)
{
	size_t		bytes = ((size_t) 1 << log) * sizeof(place);

	r->places = ks_alloc(r->memory, bytes);
	memset(r->places, 0xff, bytes);
	r->log = log;
	r->used = 0;
}

static inline bool
is_remembered(const register_of_members *r, const place *p, uint32_t bucket)
{
	return r->reach == 0 || p->last + (uint64_t) r->reach > bucket;
}

/* The member's place, or one for him: of somebody who is forgotten by that bucket, if there is one on the way, else a free one. */
static inline place *
find_member(const register_of_members *r, uint64_t hash, uint32_t bucket)
{
	size_t		mask = ((size_t) 1 << r->log) - 1;
	size_t		at = ks_seeded_spread(hash) >> (64 - r->log);
	place	   *forgotten = NULL;

	for (; r->places[at].last != KS_NOBODY; at = (at + 1) & mask)
	{
		if (r->places[at].hash == hash)
			return &r->places[at];
		if (forgotten == NULL && !is_remembered(r, &r->places[at], bucket))
			forgotten = &r->places[at];
	}
	return forgotten != NULL ? forgotten : &r->places[at];
}

/* Makes a new table, a quarter full at most, of those who are remembered at that bucket. */
static void
rebuild_register(register_of_members *r, uint32_t bucket)
{
	size_t		size = (size_t) 1 << r->log;
	place	   *old = r->places;
	size_t		kept = 0;
	int			log = PLACES_LOG_MIN;
	size_t		i;

	for (i = 0; i < size; i++)
		kept += old[i].last != KS_NOBODY && is_remembered(r, &old[i], bucket);
	while ((size_t) 1 << log < kept * 4)
		log++;
	make_room(r, log);
	for (i = 0; i < size; i++)
	{
		ks_check_interrupts_at(i);
		if (old[i].last != KS_NOBODY && is_remembered(r, &old[i], bucket))
			*find_member(r, old[i].hash, bucket) = old[i];
	}
	r->used = kept;
	ks_free(old);
}

/* Who came again in a bucket while windows that begin with the bucket before had not passed: counts once. */
static inline void
take_off_overlap(ks_presence *p, uint32_t nbuckets, uint32_t before, uint32_t bucket)
{
	uint32_t	w = p->nwindows;

	while (w-- > 0 && before + (uint64_t) p->windows[w] > bucket)
	{
		int64_t    *change = p->numbers + (size_t) w * nbuckets;
		uint64_t	passed = before + (uint64_t) p->windows[w];

		change[bucket]--;
		if (passed < nbuckets)
			change[passed]++;
	}
}

/* One member of a bucket.  present counts the bucket's different ones. */
static inline void
meet_member(register_of_members *r, ks_presence *p, uint32_t nbuckets, uint64_t hash, uint32_t bucket, int64_t *present)
{
	place	   *member = find_member(r, hash, bucket);

	if (member->last == KS_NOBODY || member->hash != hash)
	{
		r->used += member->last == KS_NOBODY;
		member->hash = hash;
		member->first = bucket;
	}
	else if (member->last == bucket)
		return;
	else if (p->kind == KS_PRESENT_LATELY)
		take_off_overlap(p, nbuckets, member->last, bucket);
	present[bucket]++;
	member->last = bucket;
	if (p->kind == KS_PRESENT_COHORTS)
		p->numbers[(size_t) member->first * nbuckets + bucket]++;
}

/* Whether rows below zero take away all that the member has in the bucket. */
static inline bool
is_taken_away(const ks_retractions *retractions, uint64_t hash, uint32_t bucket)
{
	uint32_t	number;

	if (retractions->count == 0 || !ks_retraction_marked(retractions, hash))
		return false;
	number = ks_entries_find(&retractions->table, hash, (int32_t) bucket);
	return number < retractions->count && retractions->table.entry[number].weight == 0;
}

static void
meet_list(register_of_members *r, ks_presence *p, const ks_distinct *d, const ks_hash_list *list, int64_t *present)
{
	uint32_t	nbuckets = d->query->intervals.nbuckets;
	uint32_t	i;

	for (i = 0; i < list->count; i++)
	{
		uint64_t	hash = ks_get_u64(list->hashes + (size_t) i * 8);

		ks_check_interrupts_at(i);
		if (r->used * 4 >= (size_t) 3 << r->log)
			rebuild_register(r, list->bucket);
		if (i + AHEAD < list->count)
			__builtin_prefetch(&r->places[ks_seeded_spread(ks_get_u64(list->hashes + (size_t) (i + AHEAD) * 8)) >> (64 - r->log)]);
		if (!is_taken_away(&d->retractions, hash, list->bucket))
			meet_member(r, p, nbuckets, hash, list->bucket, present);
	}
}

/* Who is only in rows that take something away, and is left: lists of their own. */
static void
add_retractions(ks_distinct *d)
{
	uint32_t	i;

	for (i = 0; i < d->retractions.count; i++)
	{
		const ks_entry *e = &d->retractions.table.entry[i];
		uint8_t    *hash;

		ks_check_interrupts_at(i);
		if (e->weight == 0 || d->retractions.added[i])
			continue;
		hash = ks_union_room(&d->shared, 1);
		ks_put_u64(hash, e->member);
		ks_union_add(&d->shared, (uint32_t) e->quarter, hash, 1);
	}
}

/* From changes to sums: everybody counts from each of his buckets on for as many as the window has. */
static void
sum_windows(ks_presence *p, uint32_t nbuckets, const int64_t *present)
{
	uint32_t	w,
				bucket;

	for (w = 0; w < p->nwindows; w++)
	{
		int64_t    *numbers = p->numbers + (size_t) w * nbuckets;
		uint32_t	length = (uint32_t) p->windows[w];
		int64_t		sum = 0;

		for (bucket = 0; bucket < nbuckets; bucket++)
		{
			sum += numbers[bucket] + present[bucket] - (bucket >= length ? present[bucket - length] : 0);
			numbers[bucket] = sum;
		}
	}
}

static void
list_members(const register_of_members *r, ks_presence *p)
{
	size_t		size = (size_t) 1 << r->log;
	size_t		i;

	ks_free(p->numbers);
	p->numbers = ks_alloc(r->memory, (r->used + 1) * sizeof(int64_t));
	p->count = 0;
	for (i = 0; i < size; i++)
	{
		ks_check_interrupts_at(i);
		if (r->places[i].last != KS_NOBODY)
			p->numbers[p->count++] = (int64_t) r->places[i].hash;
	}
}

/* The members of one bucket as they come: whoever asks has a table of his own to find them in. */
static void
list_lists(const ks_distinct *d, ks_presence *p, const ks_hash_list *lists, size_t total)
{
	size_t		i;
	uint32_t	n;

	ks_free(p->numbers);
	p->numbers = ks_alloc(d->query->memory, (total + 1) * sizeof(int64_t));
	p->count = 0;
	for (i = 0; i < d->shared.count; i++)
	{
		for (n = 0; n < lists[i].count; n++)
		{
			uint64_t	hash = ks_get_u64(lists[i].hashes + (size_t) n * 8);

			ks_check_interrupts_at(n);
			p->numbers[p->count] = (int64_t) hash;
			p->count += !is_taken_away(&d->retractions, hash, lists[i].bucket);
		}
	}
}

/* The binary logarithm of a table for the members of all rows, or, where they are forgotten, for twice those of the largest. */
static int
first_room(const ks_distinct *d, bool forgetting)
{
	size_t		members = 0;
	int			log = PLACES_LOG_MIN;
	uint32_t	i;

	for (i = 0; i < d->query->nrows; i++)
	{
		size_t		of_row = d->query->rows[i].view.header.nmembers;

		members = !forgetting ? members + of_row : members > of_row * 2 ? members : of_row * 2;
	}
	while (((size_t) 3 << log) < members * 4 && log < PLACES_LOG_FIRST_MAX)
		log++;
	return log;
}

static void
meet_all(ks_distinct *d, ks_presence *p)
{
	uint32_t	nbuckets = d->query->intervals.nbuckets;
	register_of_members r = {d->query->memory, NULL, 0, 0, 0};
	int64_t    *present = ks_alloc(r.memory, ((size_t) nbuckets + 1) * sizeof(int64_t));
	ks_hash_list *lists;
	size_t		total = 0;
	size_t		i;

	memset(present, 0, ((size_t) nbuckets + 1) * sizeof(int64_t));
	if (p->kind == KS_PRESENT_LATELY && p->nwindows > 0)
		r.reach = (uint32_t) p->windows[p->nwindows - 1];
	add_retractions(d);
	lists = ks_union_sorted(&d->shared, nbuckets);
	for (i = 0; i < d->shared.count; i++)
		total += lists[i].count;
	if (p->kind == KS_PRESENT_MEMBERS && nbuckets == 1 && total <= LISTED_MAX)
	{
		list_lists(d, p, lists, total);
		ks_free(lists);
		ks_free(present);
		return;
	}
	make_room(&r, first_room(d, r.reach > 0));
	for (i = 0; i < d->shared.count; i++)
	{
		ks_check_interrupts();
		meet_list(&r, p, d, &lists[i], present);
	}
	if (p->kind == KS_PRESENT_LATELY)
		sum_windows(p, nbuckets, present);
	else if (p->kind == KS_PRESENT_MEMBERS)
		list_members(&r, p);
	ks_free(lists);
	ks_free(present);
	ks_free(r.places);
}

/* Room for what is asked, all zero; members are listed when it is known how many they are. */
static void
prepare_numbers(const ks_query *query, ks_presence *p)
{
	size_t		rows = p->kind == KS_PRESENT_LATELY ? p->nwindows : p->kind == KS_PRESENT_COHORTS ? query->intervals.nbuckets : 0;

	p->count = rows * query->intervals.nbuckets;
	p->numbers = ks_alloc(query->memory, (p->count + 1) * sizeof(int64_t));
	memset(p->numbers, 0, (p->count + 1) * sizeof(int64_t));
}

/* After the last row of a series with members: fills in numbers and count.  Buckets lie in order of time. */
ks_status
ks_presence_find(ks_query *query, ks_presence *presence)
{
	ks_distinct d;
	ks_status	status;
	uint32_t	i;

	if (!ks_cut_empty(&query->cut))
		return KS_E_CUT;
	prepare_numbers(query, presence);
	if (query->nrows == 0)
		return KS_OK;
	ks_distinct_init(&d, query);
	d.ncounts = query->intervals.nbuckets;
	d.counts = ks_alloc(query->memory, ((size_t) d.ncounts + 1) * sizeof(int64_t));
	d.share = ks_alloc(query->memory, ((size_t) d.ncounts + 1) * sizeof(ks_sharing));
	memset(d.counts, 0, ((size_t) d.ncounts + 1) * sizeof(int64_t));
	for (i = 0; i < d.ncounts; i++)
	{
		/* as if others had each bucket, too: so all its members come as hashes */
		d.share[i].rows = 2;
		d.share[i].negative = true;
	}
	status = ks_distinct_count_collect(&d);
	if (status == KS_OK)
		meet_all(&d, presence);
	ks_free(d.counts);
	ks_free(d.share);
	ks_distinct_end(&d);
	return status;
}
