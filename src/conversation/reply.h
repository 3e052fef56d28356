/*
 * The lists of a conversation: triggered_replies and triggered_intent_replies.
 */
#ifndef KS_REPLY_H
#define KS_REPLY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "tally/key.h"

typedef enum ks_reply_type
{
	KS_REPLY_INSTANT,
	KS_REPLY_TEXT,
	KS_REPLY_BOOLEAN
} ks_reply_type;

typedef struct ks_reply_member
{
	const char *name;
	ks_reply_type type;
} ks_reply_member;

#define KS_REPLY_MEMBERS_MAX 5

/* What the elements of a list have, in the order in which they are exported. */
typedef struct ks_reply_kind
{
	const char *property;
	int			nmembers;
	ks_reply_member members[KS_REPLY_MEMBERS_MAX];
} ks_reply_kind;

/* Places of the members of an intent. */
enum
{
	KS_INTENT_TIMESTAMP, KS_INTENT_ID, KS_INTENT_NAME, KS_INTENT_NOT_MEANINGFUL
};

/* What an element says of a member; what it does not say is null. */
typedef struct ks_reply_value
{
	bool		isnull;
	TimestampTz instant;
	bool		boolean;
	ks_string	text;
} ks_reply_value;

/* Whose list it is, for errors: a value and its type; InvalidOid where that is not known. */
typedef struct ks_reply_owner
{
	Oid			type;
	Datum		value;
} ks_reply_owner;

/* A list that is being read. */
typedef struct ks_replies
{
	const ks_reply_kind *kind;
	ks_reply_owner of;
	JsonbContainer *list;
	uint32		count;
} ks_replies;

extern const ks_reply_kind *ks_reply_kind_of(const char *property);
extern bool ks_reply_type_fits(Oid type);
extern bool ks_replies_open(ks_replies *r, const ks_reply_kind *kind, Jsonb *list, ks_reply_owner of);
extern JsonbContainer *ks_replies_element(const ks_replies *r, uint32 number);
extern void ks_replies_member(const ks_replies *r, uint32 number, JsonbContainer *object, int member, ks_reply_value *result);
extern void ks_replies_read(const ks_replies *r, uint32 number, ks_reply_value *values);
extern void ks_replies_check(const ks_reply_kind *kind, Datum value, Oid type, ks_reply_owner of);

#endif							/* KS_REPLY_H */
