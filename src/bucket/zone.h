/*
 * Zones as the bucket room uses them: names, and offsets over a range.
 */
#ifndef KS_ZONE_H
#define KS_ZONE_H

#include "pgtime.h"

#include "bucket/offset_span.h"

/* Offsets of the zone from one instant up to another (both microseconds). */
extern void ks_zone_offset_spans(ks_offset_spans *result, pg_tz *zone, int64 from, int64 to);

/* The next change of the zone's offset after an instant, and the offset before it, in seconds as PostgreSQL has them; false where there is none. */
extern bool ks_zone_next_change(pg_tz *zone, pg_time_t at, long *offset, pg_time_t *change);

/* Name of the tz database for a Windows zone name, or NULL. */
extern const char *ks_windows_zone(const char *name, const char *locale);

#endif							/* KS_ZONE_H */
