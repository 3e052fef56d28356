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
	ks_spread	spread;
	int			i;

	ks_stats_spread(request, buckets, part, 1, &spread);
	groups->count = spread.top.count;
	groups->names = palloc((groups->count + 1) * sizeof(char *));
	groups->counts = palloc((groups->count + 1) * sizeof(int64 *));
	groups->distincts = palloc((groups->count + 1) * sizeof(int64 *));
	for (i = 0; i < groups->count; i++)
	{
		groups->names[i] = part_name(spread.top.lines[i].key);
		groups->counts[i] = spread.counts + (Size) i * buckets->nbuckets;
		groups->distincts[i] = spread.distincts == NULL ? NULL : spread.distincts + (Size) i * buckets->nbuckets;
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
