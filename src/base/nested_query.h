/*
 * Queries in the middle of another's, which other nodes may have to answer.
 */
#ifndef KS_NESTED_QUERY_H
#define KS_NESTED_QUERY_H

#include "postgres.h"

/* While one is run. */
typedef struct ks_nested_query
{
	bool		open;
	int			nest;			/* of settings; 0 where none was made */
	ErrorContextCallback callback;
} ks_nested_query;

extern void ks_nested_query_begin(ks_nested_query *nested);
extern void ks_nested_query_end(ks_nested_query *nested);

#endif							/* KS_NESTED_QUERY_H */
