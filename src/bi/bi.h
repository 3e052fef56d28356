/*
 * The bi room: relations that tools can list, as foreign tables.  A condition on
 * bots and time decides what is read of the rollup, and columns that nobody asked
 * for are not computed.  The executor checks all conditions once more, so reading
 * too much does no harm.
 */
#ifndef KS_BI_H
#define KS_BI_H

#include "postgres.h"

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "nodes/pathnodes.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/rel.h"

#include "bucket/bucket.h"
#include "rollup/survey.h"

/* What a column holds. */
typedef enum ks_bi_role
{
	KS_BI_BOT,
	KS_BI_BOT_NAME,
	KS_BI_DATE,					/* local day on which the bucket begins */
	KS_BI_HOUR,					/* local reading at which it begins */
	KS_BI_STARTS_AT,
	KS_BI_TZ,
	KS_BI_IS_PARTIAL,
	KS_BI_WEEKDAY,				/* 1 is Monday, as EXTRACT(isodow) has it */
	KS_BI_HOUR_OF_DAY,
	KS_BI_DROPPED,
	KS_BI_KEY,					/* a part of a measure's key */
	KS_BI_NUMBER,				/* a measure's count */
	KS_BI_RATE					/* one measure's number per another's */
} ks_bi_role;

typedef enum ks_bi_value
{
	KS_BI_EVENTS,
	KS_BI_MEMBERS,
	KS_BI_FIRST_SEEN
} ks_bi_value;

typedef struct ks_bi_column
{
	ks_bi_role	role;
	const char *measure;
	ks_bi_value value;
	const char *per;			/* of a rate: the measure that it is divided by */
	int			part;			/* of a key: which one, 0 is the source */
} ks_bi_column;

/* A foreign table as its options describe it. */
typedef struct ks_bi_relation
{
	Oid			relid;
	ks_unit		unit;
	int			nrows;			/* measures that decide which rows there are */
	const char **rows;
	int			skip;
	int			take;			/* 0: a row is a bucket; else a row is a key of a bucket, made of this many parts from skip on */
	int			ncolumns;
	ks_bi_column *columns;		/* [ncolumns], by attribute number - 1 */
} ks_bi_relation;

/* What a condition is about, and how far its bound may be from the column itself. */
typedef enum ks_bi_target
{
	KS_BI_ON_BOT,
	KS_BI_ON_NAME,
	KS_BI_ON_TZ,
	KS_BI_ON_READING,			/* date and hour */
	KS_BI_ON_INSTANT
} ks_bi_target;

typedef struct ks_bi_condition
{
	ks_bi_target target;
	AttrNumber	column;
	int			strategy;		/* of a btree */
	bool		any;			/* = ANY (array) */
	bool		exact;			/* else it is about something near the column */
	bool		lower;			/* it is about lower(column) */
	int			before;			/* so many days may the column be before the value, */
	int			after;			/* and after it, where that is what it equals */
	Expr	   *value;
	int			number;			/* of its value among those of the plan */
	List	   *branches;		/* of OR, which uses no other field: lists of conditions */
} ks_bi_condition;

/* What the conditions of one scan add up to. */
typedef struct ks_bi_wanted
{
	bool		nothing;
	bool		every_bot;
	int64	   *bots;			/* ascending */
	int			nbots;
	int			nzones;			/* none: the session's */
	char	  **zones;
	bool		has_from[2];	/* [0] readings, [1] instants */
	bool		has_to[2];
	int64		from[2];
	int64		to[2];			/* exclusive */
} ks_bi_wanted;

/* relation.c */
extern ks_bi_relation *ks_bi_relation_open(Oid relid);

/* condition.c */
extern List *ks_bi_conditions(PlannerInfo *root, RelOptInfo *rel, const ks_bi_relation *relation, List *clauses);
extern List *ks_bi_conditions_pack(List *conditions, List **values);
extern List *ks_bi_conditions_unpack(List *packed, List *values, int *next);
extern int	ks_bi_column_of(Node *node, Index relid);

/* wanted.c */
extern void ks_bi_wanted_init(ks_bi_wanted *wanted);
extern void ks_bi_want(ks_bi_wanted *wanted, const ks_bi_condition *condition, Datum value, bool isnull);
extern void ks_bi_either(ks_bi_wanted *wanted, const ks_bi_wanted *other, bool first);
extern void ks_bi_both(ks_bi_wanted *wanted, const ks_bi_wanted *other);
extern bool ks_bi_range(const ks_bi_wanted *wanted, const ks_bi_relation *relation, pg_tz *zone, ks_buckets *buckets);
extern double ks_bi_days(const ks_bi_wanted *wanted);

/* year.c */
extern Node *ks_bi_year_of(Node *node);
extern int	ks_bi_year_strategy(Oid operator);
extern Node *ks_bi_year_days(Node *years);

#endif							/* KS_BI_H */
