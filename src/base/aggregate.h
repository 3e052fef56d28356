/*
 * Where the state of an aggregate lives.
 */
#ifndef KS_AGGREGATE_H
#define KS_AGGREGATE_H

#include "postgres.h"

#include "fmgr.h"

/* An error for who calls an aggregate's functions by hand. */
static inline MemoryContext
ks_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext result;

	if (AggCheckCallContext(fcinfo, &result) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("function was not called as part of an aggregate")));
	return result;
}

#endif							/* KS_AGGREGATE_H */
