/*
 * Values of the extension's own types, as parameters of queries.
 */
#ifndef KS_COMPOSITE_H
#define KS_COMPOSITE_H

#include "postgres.h"

extern Oid	ks_type_oid(const char *name);
extern Datum ks_composite(Oid type, const Datum *values, const bool *nulls);

#endif							/* KS_COMPOSITE_H */
