/*
 * What the planner's side hands to the executor's.
 */
#ifndef KS_BI_PLAN_H
#define KS_BI_PLAN_H

#include "bi/bi.h"

#include "nodes/execnodes.h"
#include "nodes/plannodes.h"

typedef struct ks_bi_scan ks_bi_scan;

/* Where a column's numbers come from. */
typedef struct ks_bi_source
{
	int			part;
	int			per;
} ks_bi_source;

typedef struct ks_bi_plan
{
	List	   *conditions;
	bool	   *needed;			/* [ncolumns] */
	bool		names;
	ks_bi_source *sources;		/* [ncolumns] */
	int			nparts;			/* those that decide which rows there are come first */
	ks_survey_part *parts;
} ks_bi_plan;

/* plan.c */
extern ks_bi_plan *ks_bi_plan_unpack(const ks_bi_relation *relation, const ForeignScan *scan);

/* scan.c */
extern void ks_bi_begin(ForeignScanState *node, int eflags);
extern TupleTableSlot *ks_bi_iterate(ForeignScanState *node);
extern void ks_bi_rescan(ForeignScanState *node);
extern void ks_bi_end(ForeignScanState *node);

#endif							/* KS_BI_PLAN_H */
