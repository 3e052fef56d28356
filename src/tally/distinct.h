/*
 * Distinct members over all rows of a fold.
 */
#ifndef KS_TALLY_DISTINCT_H
#define KS_TALLY_DISTINCT_H

#include "tally/fold.h"

extern ks_status ks_distinct_series(ks_fold *fold);
extern ks_status ks_distinct_lines(ks_fold *fold, ks_top_line *lines, uint32_t count);

#endif							/* KS_TALLY_DISTINCT_H */
