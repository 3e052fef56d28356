/*
 * Lists in one text argument, as query strings carry them.
 */
#ifndef KS_DIALECT_LIST_H
#define KS_DIALECT_LIST_H

#include "stats/stats.h"

extern void ks_list_from_text(ks_list *list, const char *text, const char *argument);
extern void ks_list_condition(ks_arguments *arguments, int part, const char *text, const char *argument);

#endif							/* KS_DIALECT_LIST_H */
