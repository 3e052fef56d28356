/*
 * The versions of the library and of the extension's objects in a database.
 */
#ifndef KS_VERSION_H
#define KS_VERSION_H

#include "postgres.h"

extern void ks_version_init(void);
extern bool ks_is_updating(void);
extern void ks_read_version(void);

extern bool ks_version_known;

/* Raises an error where library and objects do not match; to be called before the extension's tables are used. */
static inline void
ks_check_version(void)
{
	if (unlikely(!ks_version_known))
		ks_read_version();
}

#endif							/* KS_VERSION_H */
