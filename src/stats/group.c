/*
 * Series that are more than a count of each bucket: one for each value of a key
 * part, and one of members who come for the first time.
 */
#include "stats/stats.h"

#include "compat.h"

/* What the keys of a top list by one part have there, as text; NULL for no value. */
static char *
part_name(ks_string key)
{
	ks_string	part = {NULL, 0};

	ks_key_shift(&key, &part);
	return part.bytes == NULL ? NULL : pnstrdup((const char *) part.bytes, part.length);
}

void
ks_stats_groups(const ks_request *request, int part, const ks_buckets *buckets, ks_groups *groups)
{
	ks_request	whole = *request;
	ks_top		top;
	int			i;

	whole.distinct = false;
	ks_stats_top_by(&whole, part, 1, PG_INT32_MAX, &top);
	groups->count = top.count;
	groups->names = palloc((top.count + 1) * sizeof(char *));
	groups->counts = palloc((top.count + 1) * sizeof(int64 *));
	groups->distincts = palloc((top.count + 1) * sizeof(int64 *));
	for (i = 0; i < top.count; i++)
	{
		ks_request	one = *request;

		groups->names[i] = part_name(top.lines[i].key);
		groups->counts[i] = palloc0((buckets->nbuckets + 1) * sizeof(int64));
		groups->distincts[i] = palloc0((buckets->nbuckets + 1) * sizeof(int64));
		one.filters = ks_filters_with(&request->filters, part, groups->names[i]);
		ks_stats_counts(&one, buckets, groups->counts[i], groups->distincts[i]);
	}
}

/* A member is new in the bucket in which the number of all members so far grows by it. */
void
ks_stats_newcomers(const ks_request *request, const ks_buckets *buckets, int64 *counts)
{
	int64		before = 0;
	int			i;

	for (i = 0; i < buckets->nbuckets; i++)
		counts[i] = 0;
	for (i = 0; i < buckets->nsegments; i++)
	{
		int			bucket = buckets->bucket_of != NULL ? buckets->bucket_of[i] : i;
		int64		after;

		if (i == 0)
			before = ks_stats_members_until(request, buckets->edges[0]);
		after = ks_stats_members_until(request, buckets->edges[i + 1]);
		if (bucket >= 0)
			counts[bucket] += after - before;
		before = after;
	}
}
