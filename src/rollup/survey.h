/*
 * Surveys: several measures of many bots over one range, by one query.
 */
#ifndef KS_ROLLUP_SURVEY_H
#define KS_ROLLUP_SURVEY_H

#include "rollup/rollup.h"

/* What is read of one measure. */
typedef enum ks_survey_kind
{
	KS_SURVEY_COUNTS,			/* counts and, if asked for, members of each bucket */
	KS_SURVEY_FIRST_SEEN,		/* members who were in no interval before: one number an interval, after one for all that was before */
	KS_SURVEY_EXTENT			/* counts of what was before, of each interval, and of what came after */
} ks_survey_kind;

typedef struct ks_survey_part
{
	ks_survey_kind kind;
	const char *measure;
	bool		distinct;
} ks_survey_part;

typedef struct ks_survey
{
	int			nparts;
	const ks_survey_part *parts;
	int			skip;			/* keys are grouped by so many parts from skip on, unless take is 0 */
	int			take;
	bool		names;			/* ids and names of the bots are wanted */
	int			nintervals;
	const TimestampTz *edges;	/* [nintervals + 1] */
	const int32 *bucket_of;		/* [nintervals], or NULL: interval i is bucket i */
	int			nbuckets;
	ArrayType  *filter;			/* text[], see ks_filter_text, or NULL */
} ks_survey;

/* What a part has of a bot; all NULL where there are no rows. */
typedef struct ks_survey_answer
{
	int64	   *counts;
	int64	   *distincts;
	ks_top_series *series;		/* of a grouped survey */
} ks_survey_answer;

typedef struct ks_surveyed
{
	char	   *id;				/* as the user has it; NULL unless asked for */
	char	   *name;			/* NULL where there is none */
	ks_survey_answer *answers;	/* [nparts] */
} ks_surveyed;

/* Arguments: $1 bots, $2 and $3 months, then for each part what is asked of its tallies. */
#define KS_SURVEY_FIXED_ARGUMENTS 3

/* survey.c */
extern int64 *ks_survey_bots(int *count);
extern int64 *ks_survey_named(ArrayType *names, bool lower, int *count);
extern bool ks_survey_months(const int64 *bots, int nbots, DateADT *first, DateADT *last);
extern int	ks_survey_read(const ks_survey *survey, const int64 *bots, int nbots, ks_surveyed *result);

/* survey_answer.c */
extern SPIPlanPtr ks_survey_plan(const ks_survey *survey, const char *query);
extern void ks_survey_execute(SPIPlanPtr plan, Datum *values, const char *nulls);
extern void ks_survey_write_aggregate(StringInfo query, const ks_survey *survey, int part);
extern void ks_survey_check_complete(const char *measure);
extern bool ks_survey_take(HeapTuple row, TupleDesc desc, int column, const ks_survey *survey, ks_surveyed *bot, MemoryContext memory);

/* survey_nodes.c */

/* The first and the last month of which the bots $1 have rows, of each node and then of all. */
#define KS_SURVEY_MONTHS \
	"SELECT pg_catalog.min(m.first), pg_catalog.max(m.last) FROM (SELECT r.bot_id," \
	" pg_catalog.min(CASE WHEN r.month OPERATOR(pg_catalog.=) '-infinity' THEN (SELECT pg_catalog.min(s.month) FROM kindly_stats.months(r.tally) AS s (month)) ELSE r.month END) AS first," \
	" pg_catalog.max(CASE WHEN r.month OPERATOR(pg_catalog.=) '-infinity' THEN (SELECT pg_catalog.max(s.month) FROM kindly_stats.months(r.tally) AS s (month)) ELSE r.month END) AS last" \
	" FROM kindly_stats.rollup AS r WHERE r.bot_id OPERATOR(pg_catalog.=) ANY ($1)" \
	" AND r.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL " AND (r.month OPERATOR(pg_catalog.>) '-infinity' OR r.id OPERATOR(pg_catalog.>=) 0) GROUP BY r.bot_id) AS m"

extern bool ks_survey_nodes(const ks_survey *survey, Datum *values, const char *nulls, const int64 *bots, int nbots, ks_surveyed *result, MemoryContext memory);

#endif							/* KS_ROLLUP_SURVEY_H */
