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

/* An error where library and objects do not go together; to be called before tables of the extension are used. */
static inline void
ks_check_version(void)
{
	if (unlikely(!ks_version_known))
		ks_read_version();
}

#endif							/* KS_VERSION_H */
