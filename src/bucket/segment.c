/*
 * Walks over the constant-offset segments of a zone (see segment.h).
 *
 * Nothing here assumes that a local day is one interval, that midnight
 * exists, or that it comes once.
 */
#ifndef KS_STANDALONE
#include "postgres.h"
#endif

#include "bucket/segment.h"

static inline int64
segment_end(const ks_segments *segments, int i)
{
	return i + 1 < segments->n ? segments->segment[i + 1].start : segments->end;
}

/* Segment that holds the instant; those outside belong to the outermost. */
static int
segment_at(const ks_segments *segments, int64 instant)
{
	int			low = 0;
	int			high = segments->n - 1;

	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (segments->segment[middle].start <= instant)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

int64
ks_segments_reading(const ks_segments *segments, int64 instant)
{
	return instant + segments->segment[segment_at(segments, instant)].offset;
}

/*
 * A clock that jumps over the reading first shows a later one at the jump; a
 * clock set back shows the reading twice, and the first time counts.
 */
int64
ks_segments_first(const ks_segments *segments, int64 reading)
{
	int			i;

	for (i = 0; i < segments->n; i++)
	{
		const ks_segment *segment = &segments->segment[i];

		if (segment->start + segment->offset >= reading)
			return segment->start;
		if (segment_end(segments, i) + segment->offset > reading)
			return reading - segment->offset;
	}
	return segments->end;
}

static inline int64
hour_of(int64 reading)
{
	return reading - ks_floor_mod(reading, KS_USECS_PER_HOUR);
}

int64
ks_segments_hour(const ks_segments *segments, int64 instant)
{
	const ks_segment *segment = &segments->segment[segment_at(segments, instant)];
	int64		start = hour_of(instant + segment->offset) - segment->offset;

	return start < segment->start ? segment->start : start;
}

/*
 * Each segment begins a piece and each cut another one, once more for every
 * segment boundary at which the clock goes back over it.  Clocks go back by
 * a day at most, so that no more than two cuts (a day apart) are repeated.
 */
int64
ks_segments_max_pieces(const ks_segments *segments, int ncuts)
{
	return (int64) segments->n * 3 + ncuts;
}

int64
ks_segments_max_hours(const ks_segments *segments)
{
	int64		span = segments->end - segments->segment[0].start;

	return span / KS_USECS_PER_HOUR + 2 * (int64) segments->n + 1;
}

static void
add_piece(ks_piece *pieces, int64 *npieces, int64 start, int32 bucket)
{
	if (*npieces > 0 && pieces[*npieces - 1].bucket == bucket)
		return;
	pieces[*npieces].start = start;
	pieces[*npieces].bucket = bucket;
	(*npieces)++;
}

int64
ks_segments_cut(const ks_segments *segments, const int64 *cut, int nbuckets, ks_piece *pieces)
{
	int64		npieces = 0;
	int32		bucket = -1;	/* cut[bucket] <= reading < cut[bucket + 1] */
	int			i;

	for (i = 0; i < segments->n; i++)
	{
		int64		start = segments->segment[i].start;
		int64		offset = segments->segment[i].offset;
		int64		last = segment_end(segments, i) + offset;

		/* The clock may have gone either way since the segment before. */
		while (bucket >= 0 && cut[bucket] > start + offset)
			bucket--;
		while (bucket < nbuckets && cut[bucket + 1] <= start + offset)
			bucket++;
		add_piece(pieces, &npieces, start, bucket < nbuckets ? bucket : -1);

		while (bucket < nbuckets && cut[bucket + 1] < last)
		{
			bucket++;
			add_piece(pieces, &npieces, cut[bucket] - offset,
					  bucket < nbuckets ? bucket : -1);
		}
	}
	return npieces;
}

/*
 * An hour is all instants between two changes of the clock at which it shows
 * one and the same date and hour.  So hours follow one another without a hole,
 * an hour that is shown twice is two, and where the clock changes within an hour
 * a part of it stands on either side, each under what the clock shows there.
 */
int64
ks_segments_hours(const ks_segments *segments, ks_hour *hours)
{
	int64		nhours = 0;
	int			i;

	for (i = 0; i < segments->n; i++)
	{
		int64		start = segments->segment[i].start;
		int64		end = segment_end(segments, i);
		int64		offset = segments->segment[i].offset;
		int64		label = hour_of(start + offset);

		for (; label - offset < end; label += KS_USECS_PER_HOUR)
		{
			hours[nhours].start = label - offset < start ? start : label - offset;
			hours[nhours].label = label;
			nhours++;
		}
	}
	return nhours;
}
