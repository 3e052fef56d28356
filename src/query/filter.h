/*
 * Which keys count: conditions on single parts of the key.
 */
#ifndef KS_QUERY_FILTER_H
#define KS_QUERY_FILTER_H

#include "tally/key.h"

/* A part passes when its value is among the included ones (if there are any) and not among the excluded. */
typedef struct ks_condition
{
	uint32_t	part;			/* number of the part it is on */
	bool		exclude;
	ks_string	value;
} ks_condition;

/* A key is held against what ks_filter_sorted has made of it. */
typedef struct ks_filter
{
	ks_condition *conditions;
	uint32_t	count;
} ks_filter;

extern bool ks_condition_read(ks_condition *condition, const char *text, size_t length);
extern ks_filter ks_filter_sorted(const ks_filter *filter, ks_memory memory);
extern bool ks_filter_passes(const ks_filter *filter, ks_key key);

#endif							/* KS_QUERY_FILTER_H */
