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
	KS_SURVEY_NEWCOMERS,		/* members who were in no interval before: one number an interval, after one for all that was before */
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

/* survey.c */
extern int64 *ks_survey_bots(int *count);
extern int64 *ks_survey_named(ArrayType *names, int *count);
extern bool ks_survey_months(const int64 *bots, int nbots, DateADT *first, DateADT *last);
extern int	ks_survey_read(const ks_survey *survey, const int64 *bots, int nbots, ks_surveyed *result);

#endif							/* KS_ROLLUP_SURVEY_H */
