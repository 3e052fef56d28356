/*
 * Which bucket a quarter hour belongs to.
 */
#include "query/intervals.h"

/*
 * From instants (microseconds since 2000-01-01); the arrays of buckets are the
 * caller's.  False when they do not ascend.  Edges beyond the countable years
 * are drawn in: there is nothing to count out there.
 */
bool
ks_intervals_set(ks_intervals *intervals, const int64_t *edges, uint32_t nedges)
{
	const int64_t lowest = KS_QUARTER_MIN * KS_QUARTER_USECS;
	const int64_t highest = (KS_QUARTER_MAX + INT64_C(1)) * KS_QUARTER_USECS;
	uint32_t	i;

	for (i = 0; i < nedges; i++)
	{
		int64_t		at = edges[i] < lowest ? lowest : edges[i] > highest ? highest : edges[i];

		if (i > 0 && edges[i] < edges[i - 1])
			return false;
		intervals->edge[i] = (int32_t) ks_quarter_of(at);
		intervals->cut[i] = intervals->edge[i] * KS_QUARTER_USECS != at;
	}
	intervals->nintervals = nedges - 1;
	return true;
}

/* The interval a quarter lies in: the last one whose edge is at or before it; -1 and nintervals are outside. */
int64_t
ks_intervals_find(const ks_intervals *intervals, int32_t quarter)
{
	int64_t		low = -1;
	int64_t		high = (int64_t) intervals->nintervals + 1;

	while (high - low > 1)
	{
		int64_t		middle = (low + high) / 2;

		if (intervals->edge[middle] <= quarter)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int32_t
bucket_of_interval(const ks_intervals *intervals, int64_t interval, int32_t quarter)
{
	/* of several edges in one quarter the last one cuts it, if any does: they ascend */
	if (interval >= 0 && intervals->edge[interval] == quarter && intervals->cut[interval])
		return KS_BUCKET_CUT;
	if (interval < 0 || interval >= (int64_t) intervals->nintervals)
		return KS_BUCKET_OUTSIDE;
	return intervals->bucket_of != NULL ? intervals->bucket_of[interval] : (int32_t) interval;
}

/* The bucket in which all quarters of [first, last] lie; KS_BUCKET_OUTSIDE where they lie in none, KS_BUCKET_CUT where it takes a closer look. */
int32_t
ks_intervals_bucket_of_range(const ks_intervals *intervals, int32_t first, int32_t last)
{
	int64_t		interval = ks_intervals_find(intervals, first);

	if (interval < (int64_t) intervals->nintervals && last >= intervals->edge[interval + 1])
		return KS_BUCKET_CUT;
	return bucket_of_interval(intervals, interval, first);
}

ks_walk
ks_walk_start(void)
{
	ks_walk		walk = {-1, INT64_MIN, KS_BUCKET_OUTSIDE};

	return walk;
}

/* Goes on to a quarter, which as a rule lies in the next interval. */
void
ks_walk_move(ks_walk *walk, const ks_intervals *intervals, int32_t quarter)
{
	int64_t		next = walk->interval + 1;

	walk->interval = next < (int64_t) intervals->nintervals && quarter >= intervals->edge[next] && quarter < intervals->edge[next + 1]
		? next : ks_intervals_find(intervals, quarter);
	walk->bucket = bucket_of_interval(intervals, walk->interval, quarter);
	if (walk->bucket == KS_BUCKET_CUT)
		walk->to = (int64_t) quarter + 1;
	else if (walk->interval >= (int64_t) intervals->nintervals)
		walk->to = INT64_MAX;
	else
		walk->to = intervals->edge[walk->interval + 1];
}

/* Fills in the buckets of the quarters [first, last], unless they are there already. */
void
ks_intervals_map(const ks_intervals *intervals, ks_quarter_map *map, int32_t first, int32_t last, ks_memory memory)
{
	size_t		count = (size_t) ((int64_t) last - first) + 1;
	ks_walk		walk = ks_walk_start();
	int64_t		quarter = first;

	if (map->bucket != NULL && map->first == first && map->last == last)
		return;
	if (map->size < count)
	{
		if (map->bucket != NULL)
			ks_free(map->bucket);
		map->bucket = ks_alloc(memory, count * sizeof(int32_t));
		map->size = count;
	}
	map->first = first;
	map->last = last;
	while (quarter <= last)
	{
		ks_walk_move(&walk, intervals, (int32_t) quarter);
		for (; quarter <= last && quarter < walk.to; quarter++)
			map->bucket[quarter - first] = walk.bucket;
	}
}
