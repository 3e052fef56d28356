/*
 * From the status of the plain-C core to an error.
 */
#ifndef KS_TALLY_ERROR_H
#define KS_TALLY_ERROR_H

#include "base/compat.h"

#include "tally/builder.h"

pg_noreturn extern void ks_raise(ks_status status);

static inline void
ks_must(ks_status status)
{
	if (unlikely(status != KS_OK))
		ks_raise(status);
}

#endif							/* KS_TALLY_ERROR_H */
