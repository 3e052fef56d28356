/*
 * A zone over a range of instants, as pieces of constant offset, and the
 * walks over them that find where local days and hours begin.  Plain C.
 *
 * All times are microseconds since 2000-01-01: instants in UTC, readings on
 * the local clock.  reading = instant + offset.
 */
#ifndef KS_SEGMENT_H
#define KS_SEGMENT_H

#include "bucket/civil.h"

#define KS_USECS_PER_HOUR	((int64) 3600 * 1000000)
#define KS_USECS_PER_DAY	((int64) 86400 * 1000000)

/* From start to the next segment's start the clock is offset ahead of UTC. */
typedef struct ks_segment
{
	int64		start;
	int64		offset;
} ks_segment;

typedef struct ks_segments
{
	int			n;				/* at least 1 */
	ks_segment *segment;		/* ascending starts */
	int64		end;			/* where the last one is cut off */
} ks_segments;

/* Instants from start to the next piece's start lie in one bucket. */
typedef struct ks_piece
{
	int64		start;
	int32		bucket;			/* -1 for none */
} ks_piece;

/* Instants from start to the next hour's start. */
typedef struct ks_hour
{
	int64		start;
	int64		label;			/* local reading of the full hour */
} ks_hour;

/* What the local clock reads at an instant. */
extern int64 ks_segments_reading(const ks_segments *segments, int64 instant);

/* First instant at which the local clock reads `reading` or later. */
extern int64 ks_segments_first(const ks_segments *segments, int64 reading);

/* First instant of the hour that holds the instant. */
extern int64 ks_segments_hour(const ks_segments *segments, int64 instant);

/* How many pieces or hours the walks below can write at most. */
extern int64 ks_segments_max_pieces(const ks_segments *segments, int ncuts);
extern int64 ks_segments_max_hours(const ks_segments *segments);

/*
 * Bucket i holds the instants with cut[i] <= reading < cut[i + 1]; cut has
 * nbuckets + 1 ascending entries.  Neighbours in one bucket are one piece.
 */
extern int64 ks_segments_cut(const ks_segments *segments, const int64 *cut, int nbuckets,
							 ks_piece *pieces);

/* The hours of all segments; the first and the last may be cut off. */
extern int64 ks_segments_hours(const ks_segments *segments, ks_hour *hours);

#endif							/* KS_SEGMENT_H */
