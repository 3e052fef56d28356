/*
 * Which of a conversation's intents is the first, or the last, that means
 * something.
 */
#ifndef KS_DIALECT_INTENT_H
#define KS_DIALECT_INTENT_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "conversation/reply.h"
#include "stats/stats.h"

/* Names of intents that do not count. */
typedef struct ks_names
{
	int			count;
	Datum	   *texts;
} ks_names;

extern ks_names ks_excluded_names(const ks_list *list);
extern ks_string ks_meaningful_intent(Jsonb *list, ks_reply_owner of, const ks_names *excluded, bool last);
extern ks_string ks_intent_at_end(Jsonb *list, ks_reply_owner of, bool last);

#endif							/* KS_DIALECT_INTENT_H */
