/*
 * The bucket room: from two moments, a zone, a unit and a calendar to a list
 * of buckets with their edges as instants.  Knows nothing of what is counted.
 */
#ifndef KS_BUCKET_H
#define KS_BUCKET_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "bucket/civil.h"

/*
 * SQL type kindly_stats.moment: 16 bytes, by reference, alignment double.
 * A local moment is a reading of a wall clock whose zone is the question's;
 * an instant is a point in time.  Infinity is always a local moment.
 */
typedef struct ks_moment
{
	int64		value;			/* microseconds since 2000-01-01, local or UTC */
	int32		kind;			/* KS_MOMENT_LOCAL or KS_MOMENT_INSTANT */
	int32		reserved;		/* zero */
} ks_moment;

#define KS_MOMENT_LOCAL		0
#define KS_MOMENT_INSTANT	1

#define DatumGetMoment(X)		((ks_moment *) DatumGetPointer(X))
#define PG_GETARG_MOMENT(n)		DatumGetMoment(PG_GETARG_DATUM(n))
#define PG_RETURN_MOMENT(x)		return PointerGetDatum(x)

/*
 * Buckets of one question: a thousand years of days, or 45 of hours, and some
 * 15 MB of memory.  Nobody reads more, but anybody might ask for it.  Roles of
 * strangers are allowed less (kindly_stats.max_buckets).
 */
#define KS_MAX_BUCKETS		400000

extern int	ks_max_buckets;

/*
 * Spans follow one another without a hole.  bucket_of is NULL in all but
 * rare cases: a clock set back over midnight makes a day of two intervals,
 * with minutes of its neighbour between them.  An entry of -1 is a span
 * that belongs to no bucket and must not be counted.
 *
 * nbuckets = nintervals = 0 where the range holds no instant, because the local
 * clock jumped over all of it (2011-12-30 in Apia); edges has one entry then.
 */
typedef struct ks_buckets
{
	int			nbuckets;
	TimestampTz *starts;		/* [nbuckets] true start, column "bucket" */
	TimestampTz *ends;			/* [nbuckets] true end, exclusive */
	Timestamp  *labels;			/* [nbuckets] local label, column "date" */
	bool	   *partial;		/* [nbuckets] the range covers only a part of it */
	int			nintervals;
	TimestampTz *edges;			/* [nintervals + 1] ascending; span i is
								 * [edges[i], edges[i + 1]) */
	int32	   *bucket_of;		/* [nintervals] bucket of each span, or NULL
								 * when span i is bucket i */
} ks_buckets;

/* Column is_partial: the range covers only a part of the bucket, or it is not over by then. */
static inline bool
ks_is_partial(const ks_buckets *buckets, int bucket, TimestampTz now)
{
	return buckets->partial[bucket] || buckets->ends[bucket] > now;
}

/* A zone by its name; locale (or NULL) gives the region of Windows names. */
extern pg_tz *ks_zone_lookup(const char *name, const char *locale);
extern pg_tz *ks_zone_session(void);

/* A name that conditions on zones may have, and the zone of one, the session's as SET TimeZone has it among them. */
extern const char *ks_zone_name(pg_tz *zone);
extern pg_tz *ks_zone_named(const char *name);

extern ks_unit ks_unit_parse(const char *name);

/*
 * Moments must not be NULL; locale NULL stands for ISO weeks and the Gregorian
 * calendar.  Everything is allocated in the current memory context.
 */
extern void ks_buckets_build(ks_buckets *result, const ks_moment *from, const ks_moment *to,
							 pg_tz *zone, ks_unit unit, const char *locale);

/* Microseconds from "from" to "to": on the local clock if both are readings of it, else elapsed time. */
extern int64 ks_moment_span(const ks_moment *from, const ks_moment *to, pg_tz *zone);

/* The local start of the unit (ISO weeks, Gregorian calendar) that holds the moment. */
extern void ks_moment_floor(ks_moment *result, const ks_moment *moment, ks_unit unit, pg_tz *zone);

/* What the local clock shows at the moment. */
extern int64 ks_moment_reading(const ks_moment *moment, pg_tz *zone);

/* The first instant at which the local clock shows the moment or later. */
extern TimestampTz ks_moment_instant(const ks_moment *moment, pg_tz *zone);

/* The first instant of the hour bucket that holds the moment. */
extern TimestampTz ks_moment_hour(const ks_moment *moment, pg_tz *zone);

/* Raises 22008 unless the moment lies in the years 1 to 9999. */
extern void ks_moment_check(const ks_moment *moment, const char *argument);

#endif							/* KS_BUCKET_H */
