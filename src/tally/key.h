/*
 * A key: a tuple of texts, any of which may be NULL, as one byte string.
 *
 * Each part is a varint of its length + 1 and its bytes; a NULL part is the
 * varint 0.  The number of parts is not stored, so that a key without its
 * first part is simply the rest of the bytes.
 */
#ifndef KS_TALLY_KEY_H
#define KS_TALLY_KEY_H

#include "base/bytes.h"
#include "tally/entries.h"

#define KS_KEY_MAX_PARTS 64

/*
 * Bytes of a part: what is longer is cut, at a character, when it is counted
 * and when it is asked for.  A long address fits; what does not is no name of
 * anything, and would stand in every row and in every answer.
 */
#define KS_PART_MAX 2000

/* Stored keys are kept in two pieces, of which this is the first: in the rollup source and language, or measure and source. */
#define KS_HEAD_PARTS 2

/* A key whose first parts lie elsewhere than the rest. */
typedef struct ks_key
{
	ks_string	head;
	ks_string	tail;
} ks_key;

/* Takes the next part off the front of key; a NULL part has bytes == NULL.  False at the end or on bad bytes. */
static inline bool
ks_key_shift(ks_string *key, ks_string *part)
{
	const uint8_t *at = key->bytes;
	const uint8_t *end = key->bytes + key->length;
	uint64_t	code;

	if (key->length == 0 || !ks_get_varint(&at, end, &code))
		return false;
	part->bytes = NULL;
	part->length = 0;
	if (code > 0)
	{
		if (code - 1 > (uint64_t) (end - at))
			return false;
		part->bytes = at;
		part->length = (size_t) (code - 1);
		at += part->length;
	}
	key->bytes = at;
	key->length = (size_t) (end - at);
	return true;
}

/* The same for a key in two pieces; what is left of it is one piece when the first is used up. */
static inline bool
ks_key_take(ks_key *key, ks_string *part)
{
	if (key->head.length == 0)
	{
		key->head = key->tail;
		key->tail.length = 0;
	}
	return ks_key_shift(&key->head, part);
}

/* Writes both pieces side by side; the caller has room for them. */
static inline ks_string
ks_key_join(uint8_t *at, const ks_key *key)
{
	ks_string	result = {at, key->head.length + key->tail.length};

	if (key->head.length > 0)
		memcpy(at, key->head.bytes, key->head.length);
	if (key->tail.length > 0)
		memcpy(at + key->head.length, key->tail.bytes, key->tail.length);
	return result;
}

/* Writes one part (bytes == NULL is a NULL); the caller has length + KS_VARINT_MAX bytes. */
static inline uint8_t *
ks_key_put(uint8_t *at, const void *bytes, size_t length)
{
	if (bytes == NULL)
	{
		*at++ = 0;
		return at;
	}
	at = ks_put_varint(at, (uint64_t) length + 1);
	memcpy(at, bytes, length);
	return at + length;
}

extern int	ks_string_compare(ks_string a, ks_string b);

/* Whether a string, which may be NULL, is this text. */
static inline bool
ks_string_is(ks_string string, const char *text)
{
	return string.bytes != NULL && string.length == strlen(text) && memcmp(string.bytes, text, string.length) == 0;
}

extern int	ks_key_compare(ks_string a, ks_string b);
extern bool ks_key_valid(ks_string key);
extern ks_key ks_key_cut(ks_string key);

#endif							/* KS_TALLY_KEY_H */
