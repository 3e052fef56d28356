/*
 * What time it is, for reports about "today" and "the last 30 days".
 */
#ifndef KS_CLOCK_H
#define KS_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/guc.h"

/* The setting kindly_stats.now. */
extern char *ks_now_setting;
extern bool ks_check_now(char **value, void **extra, GucSource source);

/* The transaction's now(), or what the setting says in its place. */
extern TimestampTz ks_now(void);

#endif							/* KS_CLOCK_H */
