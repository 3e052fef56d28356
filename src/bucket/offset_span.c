/*
 * Walks over the constant-offset spans of a zone (see span.h).
 *
 * Nothing here assumes that a local day is one interval, that midnight
 * exists, or that it comes once.
 */
#ifndef KS_STANDALONE
#include "postgres.h"
#endif

#include "bucket/offset_span.h"

static inline int64
span_end(const ks_offset_spans *spans, int i)
{
	return i + 1 < spans->n ? spans->span[i + 1].start : spans->end;
}

/* Segment that holds the instant; those outside belong to the outermost. */
static int
span_at(const ks_offset_spans *spans, int64 instant)
{
	int			low = 0;
	int			high = spans->n - 1;

	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (spans->span[middle].start <= instant)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

int64
ks_offset_spans_reading(const ks_offset_spans *spans, int64 instant)
{
	return instant + spans->span[span_at(spans, instant)].offset;
}

/*
 * A clock that jumps over the reading first shows a later one at the jump; a
 * clock set back shows the reading twice, and the first time counts.
 */
int64
ks_offset_spans_first(const ks_offset_spans *spans, int64 reading)
{
	int			i;

	for (i = 0; i < spans->n; i++)
	{
		const ks_offset_span *span = &spans->span[i];

		if (span->start + span->offset >= reading)
			return span->start;
		if (span_end(spans, i) + span->offset > reading)
			return reading - span->offset;
	}
	return spans->end;
}

static inline int64
hour_of(int64 reading)
{
	return reading - ks_floor_mod(reading, KS_USECS_PER_HOUR);
}

int64
ks_offset_spans_hour(const ks_offset_spans *spans, int64 instant)
{
	const ks_offset_span *span = &spans->span[span_at(spans, instant)];
	int64		start = hour_of(instant + span->offset) - span->offset;

	return start < span->start ? span->start : start;
}

/*
 * Each span begins an interval and each cut another one, once more for every
 * span boundary at which the clock goes back over it.  Clocks go back by
 * a day at most, so that no more than two cuts (a day apart) are repeated.
 */
int64
ks_offset_spans_max_intervals(const ks_offset_spans *spans, int ncuts)
{
	return (int64) spans->n * 3 + ncuts;
}

int64
ks_offset_spans_max_hours(const ks_offset_spans *spans)
{
	int64		span = spans->end - spans->span[0].start;

	return span / KS_USECS_PER_HOUR + 2 * (int64) spans->n + 1;
}

static void
add_interval(ks_interval *intervals, int64 *nintervals, int64 start, int32 bucket)
{
	if (*nintervals > 0 && intervals[*nintervals - 1].bucket == bucket)
		return;
	intervals[*nintervals].start = start;
	intervals[*nintervals].bucket = bucket;
	(*nintervals)++;
}

int64
ks_offset_spans_cut(const ks_offset_spans *spans, const int64 *cut, int nbuckets, ks_interval *intervals)
{
	int64		nintervals = 0;
	int32		bucket = -1;	/* cut[bucket] <= reading < cut[bucket + 1] */
	int			i;

	for (i = 0; i < spans->n; i++)
	{
		int64		start = spans->span[i].start;
		int64		offset = spans->span[i].offset;
		int64		last = span_end(spans, i) + offset;

		/* The clock may have gone either way since the span before. */
		while (bucket >= 0 && cut[bucket] > start + offset)
			bucket--;
		while (bucket < nbuckets && cut[bucket + 1] <= start + offset)
			bucket++;
		add_interval(intervals, &nintervals, start, bucket < nbuckets ? bucket : -1);

		while (bucket < nbuckets && cut[bucket + 1] < last)
		{
			bucket++;
			add_interval(intervals, &nintervals, cut[bucket] - offset,
						 bucket < nbuckets ? bucket : -1);
		}
	}
	return nintervals;
}

/*
 * An hour is all instants between two changes of the clock at which it shows
 * one and the same date and hour.  So hours follow one another without a hole,
 * an hour that is shown twice is two, and where the clock changes within an hour
 * a part of it stands on either side, each under what the clock shows there.
 */
int64
ks_offset_spans_hours(const ks_offset_spans *spans, ks_hour *hours)
{
	int64		nhours = 0;
	int			i;

	for (i = 0; i < spans->n; i++)
	{
		int64		start = spans->span[i].start;
		int64		end = span_end(spans, i);
		int64		offset = spans->span[i].offset;
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
