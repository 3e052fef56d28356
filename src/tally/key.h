/*
 * A key: a tuple of texts, any of which may be NULL, as one byte string.
 *
 * Each part is a varint of its length + 1 and its bytes; a NULL part is the
 * varint 0.  The number of parts is not stored, so that a key without its
 * first part is simply the rest of the bytes.
 */
#ifndef KS_TALLY_KEY_H
#define KS_TALLY_KEY_H

#include "tally/bytes.h"
#include "tally/entries.h"

#define KS_KEY_MAX_PARTS 64

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
extern int	ks_key_compare(ks_string a, ks_string b);
extern bool ks_key_valid(ks_string key);

#endif							/* KS_TALLY_KEY_H */
