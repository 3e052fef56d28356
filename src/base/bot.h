/*
 * Ids of bots: texts, and the numbers that stand for them.
 */
#ifndef KS_BOT_H
#define KS_BOT_H

#include "postgres.h"

/* Integers below have the form of a number that was derived from a text. */
#define KS_BOT_LOWEST (-(INT64CONST(1) << 62))

/* What may stand in URLs and tokens, and in a key of an index. */
#define KS_BOT_ID_MAX 2000

extern bool ks_bot_derive(const char *id, size_t length, int64 *result);
extern int64 ks_bot_number(const char *id, size_t length);
extern const char *ks_bot_spelling(int64 number);
extern bool ks_bot_is_uuid(const char *id);
extern char *ks_bot_canonical(const char *id);

#endif							/* KS_BOT_H */
