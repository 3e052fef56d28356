/*
 * The access room: who calls, and which bots the caller sees.  It knows nothing of URLs
 * and statistics.
 */
#ifndef KS_ACCESS_H
#define KS_ACCESS_H

#include "postgres.h"

#include "common/sha2.h"
#include "fmgr.h"
#include "utils/array.h"

#include "base/bot.h"

/* Made by kindly_stats.create_api_roles().  Claims are trusted of the first two roles only. */
#define KS_ROLE_USER "kindly_api_user"
#define KS_ROLE_GUEST "kindly_api_guest"
#define KS_ROLE_ANONYMOUS "kindly_api_anonymous"

/* The claim "aud" of tokens, as PostgREST's jwt-aud has it. */
#define KS_AUDIENCE "kindly_stats"

/* The part of a key that is shown; claims name the key by it. */
#define KS_KEY_PREFIX_LENGTH 12

/* What is known of a request's key. */
typedef struct ks_api_key
{
	int64		bot_id;
	char	   *login;			/* NULL, or the role whose bots it opens instead */
	bool		valid;			/* neither revoked nor expired */
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
} ks_api_key;

/* grant.c */
extern ArrayType *ks_array_of_bots(const int64 *bots, uint64 count);
extern ArrayType *ks_granted_bots(Oid role);
extern bool ks_role_sees(Oid role, int64 bot);

/* api_key.c */
extern bool ks_read_as_owner(const char *table, const char *query, const char *value);
extern void ks_key_read(const char *prefix, ks_api_key *key);
extern bool ks_key_is_for(const ks_api_key *key, int64 bot);
extern bool ks_key_opens(const char *prefix, int64 bot);

/* caller.c */
extern char *ks_setting_member(const char *setting, const char *member, PGFunction field);
extern char *ks_claimed_string(const char *name);
extern char *ks_from_url(const char *text);
extern bool ks_bot_named(const char *id, int64 *bot);
extern bool ks_acts_as(const char *role);
extern bool ks_is_role_of_tokens(void);
extern bool ks_claimed_bot(int64 *bot);
extern bool ks_claimed_login(Oid *role);
extern bool ks_is_link(void);
extern bool ks_is_login(void);

#endif							/* KS_ACCESS_H */
