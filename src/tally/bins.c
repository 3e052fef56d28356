/*
 * Which bucket a quarter hour belongs to.
 */
#include "tally/bins.h"

/*
 * From instants (microseconds since 2000-01-01); the arrays of bins are the
 * caller's.  False when they do not ascend.  Edges beyond the countable years
 * are drawn in: there is nothing to count out there.
 */
bool
ks_bins_set(ks_bins *bins, const int64_t *edges, uint32_t nedges)
{
	const int64_t lowest = KS_SLOT_MIN * KS_SLOT_USECS;
	const int64_t highest = (KS_SLOT_MAX + INT64_C(1)) * KS_SLOT_USECS;
	uint32_t	i;

	for (i = 0; i < nedges; i++)
	{
		int64_t		at = edges[i] < lowest ? lowest : edges[i] > highest ? highest : edges[i];

		if (i > 0 && edges[i] < edges[i - 1])
			return false;
		bins->edge[i] = (int32_t) ks_slot_of(at);
		bins->cut[i] = bins->edge[i] * KS_SLOT_USECS != at;
	}
	bins->nsegments = nedges - 1;
	return true;
}

/* The segment a slot lies in: the last one whose edge is at or before it; -1 and nsegments are outside. */
int64_t
ks_bins_segment(const ks_bins *bins, int32_t slot)
{
	int64_t		low = -1;
	int64_t		high = (int64_t) bins->nsegments + 1;

	while (high - low > 1)
	{
		int64_t		middle = (low + high) / 2;

		if (bins->edge[middle] <= slot)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int32_t
bin_of_segment(const ks_bins *bins, int64_t segment, int32_t slot)
{
	/* of several edges in one slot the last one cuts it, if any does: they ascend */
	if (segment >= 0 && bins->edge[segment] == slot && bins->cut[segment])
		return KS_BIN_CUT;
	if (segment < 0 || segment >= (int64_t) bins->nsegments)
		return KS_BIN_OUTSIDE;
	return bins->bin_of != NULL ? bins->bin_of[segment] : (int32_t) segment;
}

/* The bin in which all slots of [first, last] lie; KS_BIN_OUTSIDE where they lie in none, KS_BIN_CUT where it takes a closer look. */
int32_t
ks_bins_of_range(const ks_bins *bins, int32_t first, int32_t last)
{
	int64_t		segment = ks_bins_segment(bins, first);

	if (segment < (int64_t) bins->nsegments && last >= bins->edge[segment + 1])
		return KS_BIN_CUT;
	return bin_of_segment(bins, segment, first);
}

ks_walk
ks_walk_start(void)
{
	ks_walk		walk = {-1, INT64_MIN, KS_BIN_OUTSIDE};

	return walk;
}

/* Goes on to a slot, which as a rule lies in the next segment. */
void
ks_walk_move(ks_walk *walk, const ks_bins *bins, int32_t slot)
{
	int64_t		next = walk->segment + 1;

	walk->segment = next < (int64_t) bins->nsegments && slot >= bins->edge[next] && slot < bins->edge[next + 1]
		? next : ks_bins_segment(bins, slot);
	walk->bin = bin_of_segment(bins, walk->segment, slot);
	if (walk->bin == KS_BIN_CUT)
		walk->to = (int64_t) slot + 1;
	else if (walk->segment >= (int64_t) bins->nsegments)
		walk->to = INT64_MAX;
	else
		walk->to = bins->edge[walk->segment + 1];
}

/* Fills in the bins of the slots [first, last], unless they are there already. */
void
ks_bins_map(const ks_bins *bins, ks_slot_map *map, int32_t first, int32_t last, ks_memory memory)
{
	size_t		count = (size_t) ((int64_t) last - first) + 1;
	ks_walk		walk = ks_walk_start();
	int64_t		slot = first;

	if (map->bin != NULL && map->first == first && map->last == last)
		return;
	if (map->size < count)
	{
		if (map->bin != NULL)
			ks_free(map->bin);
		map->bin = ks_alloc(memory, count * sizeof(int32_t));
		map->size = count;
	}
	map->first = first;
	map->last = last;
	while (slot <= last)
	{
		ks_walk_move(&walk, bins, (int32_t) slot);
		for (; slot <= last && slot < walk.to; slot++)
			map->bin[slot - first] = walk.bin;
	}
}
