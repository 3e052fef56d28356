/*
 * The stats room: typed answers to questions about one bot.  Knows nothing of
 * JSON or HTTP.
 */
#ifndef KS_STATS_H
#define KS_STATS_H

#include "postgres.h"

#include "base/compat.h"

#include "bucket/bucket.h"
#include "rollup/rollup.h"

/* Conditions on key parts, collected argument by argument. */
typedef struct ks_filters
{
	int			count;
	int			size;
	Datum	   *conditions;		/* texts, see ks_filter_text */
	int			key_parts;		/* up to which key column there are conditions */
} ks_filters;

/* The values of a list argument. */
typedef struct ks_list
{
	int			count;
	char	  **values;			/* no NULLs */
} ks_list;

/* A question as callers ask it; NULL is the default of an optional part. */
typedef struct ks_arguments
{
	int64		bot_id;
	bool		across_bots;	/* of all these bots together; NULL: of all that the caller sees */
	ArrayType  *bots;
	const ks_moment *from;		/* both NULL: all time, for totals and top lists */
	const ks_moment *to;
	const char *zone;			/* NULL: the session's */
	const char *granularity;	/* NULL: day */
	const char *locale;			/* NULL: ISO weeks, Gregorian calendar */
	const char *measure;
	bool		distinct;
	ks_filters	filters;
} ks_arguments;

typedef struct ks_series
{
	ks_buckets	buckets;
	int64	   *counts;
	int64	   *distincts;
} ks_series;

typedef struct ks_total
{
	int64		count;
	int64		distinct;
} ks_total;

/* A series for each value that a key part has: those with most events first, then by name. */
typedef struct ks_series_by
{
	int			count;
	char	  **names;			/* NULL: events without a value */
	int64	  **counts;			/* [count][nbuckets] */
	int64	  **distincts;		/* likewise, zeros unless the question asks for them */
} ks_series_by;

#define KS_HEATMAP_CELLS (7 * 24)

/* filter_list.c */
extern void ks_filters_list(ks_filters *filters, int part, const ks_list *list, const char *argument);
extern void ks_filters_key(ks_filters *filters, ArrayType *key);
extern const char *ks_list_item(const char *value);
extern bool ks_list_read_item(const char *item, const char *argument, const char **value);
extern ArrayType *ks_filters_array(const ks_filters *filters);
extern void ks_list_from_array(ks_list *list, ArrayType *array, const char *argument);
pg_noreturn extern void ks_list_refuse(const char *argument, const char *what);

/* statistics.c */
extern pg_tz *ks_stats_zone(const ks_arguments *arguments);
extern void ks_stats_query(const ks_arguments *arguments, ks_rollup_query *query);
extern void ks_stats_whole_range(const ks_arguments *arguments, ks_rollup_query *query);
extern char *ks_part_name(ks_string key);
extern int	ks_max_limit;
extern int32 ks_stats_limit(int32 limit);
extern void ks_stats_buckets(const ks_arguments *arguments, ks_buckets *buckets);
extern void ks_stats_buckets_query(const ks_arguments *arguments, const ks_buckets *buckets, ks_rollup_query *query);
extern void ks_stats_series(const ks_arguments *arguments, ks_series *series);
extern void ks_stats_counts(const ks_arguments *arguments, const ks_buckets *buckets, int64 *counts, int64 *distincts);
extern void ks_stats_total(const ks_arguments *arguments, ks_total *total);
extern int64 ks_stats_total_of(ks_arguments *arguments, const char *measure);
extern void ks_stats_top(const ks_arguments *arguments, int32 limit, ks_top *top);
extern void ks_stats_tops_by(const ks_arguments *arguments, int part, int parts, ks_top *tops);
extern void ks_stats_top_by(const ks_arguments *arguments, int part, int parts, int32 limit, ks_top *top);
extern void ks_stats_top_series(const ks_arguments *arguments, const ks_buckets *buckets, int part, int parts, ks_top_series *series);
extern void ks_stats_heatmap(const ks_arguments *arguments, int64 *counts, int64 *distincts, int64 *occurrences);
extern void ks_stats_groups(const ks_arguments *arguments, int part, const ks_buckets *buckets, ks_series_by *groups);
extern void ks_stats_first_seen(const ks_arguments *arguments, const ks_buckets *buckets, int64 *counts);

/* argument.c */
extern int64 ks_required_bot(FunctionCallInfo fcinfo, int argument);
extern const ks_moment *ks_required_moment(FunctionCallInfo fcinfo, int argument, const char *name);
extern char *ks_optional_text(FunctionCallInfo fcinfo, int argument);
extern double ks_ratio(int64 part, int64 whole);
extern void ks_put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls);
extern void ks_common_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments);
extern const char *ks_measure_argument(FunctionCallInfo fcinfo, int argument, const char *otherwise);
extern void ks_dimension_arguments(FunctionCallInfo fcinfo, int first, ks_arguments *arguments);
extern void ks_key_argument(FunctionCallInfo fcinfo, int argument, ks_arguments *arguments);
extern void ks_series_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments);

extern void ks_across_bots_arguments(FunctionCallInfo fcinfo, ks_arguments *arguments);

/* period.c */
extern bool ks_period(const char *name, TimestampTz now, pg_tz *zone, const char *locale, ks_moment *from, ks_moment *to, const char **granularity);

#endif							/* KS_STATS_H */
