/*
 * A zone over a range of instants, as intervals of constant offset, and the
 * walks over them that find where local days and hours begin.  Plain C.
 *
 * All times are microseconds since 2000-01-01: instants in UTC, readings on
 * the local clock.  reading = instant + offset.
 */
#ifndef KS_OFFSET_SPAN_H
#define KS_OFFSET_SPAN_H

#include "bucket/civil.h"

#define KS_USECS_PER_HOUR	((int64) 3600 * 1000000)
#define KS_USECS_PER_DAY	((int64) 86400 * 1000000)

/* From start to the next span's start the clock is offset ahead of UTC. */
typedef struct ks_offset_span
{
	int64		start;
	int64		offset;
} ks_offset_span;

typedef struct ks_offset_spans
{
	int			n;				/* at least 1 */
	ks_offset_span *span;		/* ascending starts */
	int64		end;			/* where the last one is cut off */
} ks_offset_spans;

/* Instants from start to the next interval's start lie in one bucket. */
typedef struct ks_interval
{
	int64		start;
	int32		bucket;			/* -1 for none */
} ks_interval;

/* Instants from start to the next hour's start. */
typedef struct ks_hour
{
	int64		start;
	int64		label;			/* local reading of the full hour */
} ks_hour;

/* What the local clock reads at an instant. */
extern int64 ks_offset_spans_reading(const ks_offset_spans *spans, int64 instant);

/* First instant at which the local clock reads `reading` or later. */
extern int64 ks_offset_spans_first(const ks_offset_spans *spans, int64 reading);

/* First instant of the hour that holds the instant. */
extern int64 ks_offset_spans_hour(const ks_offset_spans *spans, int64 instant);

/* How many intervals or hours the walks below can write at most. */
extern int64 ks_offset_spans_max_intervals(const ks_offset_spans *spans, int ncuts);
extern int64 ks_offset_spans_max_hours(const ks_offset_spans *spans);

/*
 * Bucket i holds the instants with cut[i] <= reading < cut[i + 1]; cut has
 * nbuckets + 1 ascending entries.  Neighbours in one bucket are one interval.
 */
extern int64 ks_offset_spans_cut(const ks_offset_spans *spans, const int64 *cut, int nbuckets,
								 ks_interval *intervals);

/* The hours of all spans; the first and the last may be cut off. */
extern int64 ks_offset_spans_hours(const ks_offset_spans *spans, ks_hour *hours);

#endif							/* KS_OFFSET_SPAN_H */
