/*
 * Which of a conversation's intents is the first, or the last, that means
 * something.
 */
#ifndef KS_DIALECT_INTENT_H
#define KS_DIALECT_INTENT_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

/* Names of intents that do not count. */
typedef struct ks_names
{
	int			count;
	Datum	   *texts;
} ks_names;

extern ks_names ks_excluded_argument(FunctionCallInfo fcinfo, int argument);
extern const JsonbValue *ks_meaningful_intent(Jsonb *list, const ks_names *excluded, bool last);

#endif							/* KS_DIALECT_INTENT_H */
