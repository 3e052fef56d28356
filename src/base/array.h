/*
 * Array arguments.  Anybody may pass an array with NULLs, of several dimensions
 * or with millions of items: whoever takes one reads it through these.
 */
#ifndef KS_ARRAY_H
#define KS_ARRAY_H

#include "postgres.h"

#include "base/compat.h"

#include "utils/array.h"

/* So many values may a list have; each costs memory and time in every row of an answer. */
#define KS_LIST_ITEMS_MAX 20000

extern void ks_array_flat(ArrayType *array, const char *argument);
extern int	ks_array_texts(ArrayType *array, const char *argument, int limit, Datum **items, bool **nulls);
extern int	ks_array_doubles(ArrayType *array, const char *argument, int limit, Datum **items, bool **nulls);
extern void *ks_array_numbers(ArrayType *array, Oid type, const char *argument, int limit, int *count);
pg_noreturn extern void ks_array_too_long(const char *argument, int limit);

#endif							/* KS_ARRAY_H */
