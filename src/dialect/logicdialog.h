/*
 * What LogicDialog's answers share: five parameters and an envelope.
 */
#ifndef KS_LOGICDIALOG_H
#define KS_LOGICDIALOG_H

#include "dialect/json.h"
#include "stats/stats.h"

/* One question, and the answer as far as it is written. */
typedef struct ks_analytics
{
	ks_arguments arguments;		/* "from" is snapped back */
	ks_moment	from;
	ks_buckets	buckets;
	StringInfoData out;
} ks_analytics;

extern void ks_analytics_begin(FunctionCallInfo fcinfo, ks_analytics *a);
extern Datum ks_analytics_finish(ks_analytics *a);

/* A member that is a count. */
static inline void
ks_analytics_count(StringInfo out, const char *name, int64 count)
{
	ks_json_member(out, name);
	ks_json_integer(out, count);
}

#endif							/* KS_LOGICDIALOG_H */
