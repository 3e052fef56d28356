/*
 * Taking apart a list in one text: web,app or {web,app} or ["web","app"].
 *
 * Plain C without the server's headers, so that it can be unit-tested and fuzzed:
 * compile with KS_STANDALONE.  Nothing is allocated and nothing raised, but by
 * put_character, which knows the encoding.
 */
#ifndef KS_ITEMS_H
#define KS_ITEMS_H

#ifdef KS_STANDALONE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#else
#include "postgres.h"
#endif

/* How long a character may become that was written as \u0000: as in the server. */
#define KS_CHARACTER_BYTES_MAX 16

/* What the values of a text of so many bytes take at most, with the NUL behind each: an escape of six bytes becomes KS_CHARACTER_BYTES_MAX. */
#define KS_ITEMS_ROOM(length) (3 * (size_t) (length) + 1 + KS_CHARACTER_BYTES_MAX)

typedef enum ks_items_status
{
	KS_ITEMS_OK = 0,
	KS_ITEMS_E_MALFORMED,		/* at error_at */
	KS_ITEMS_E_NULL,			/* a NULL in an array literal */
	KS_ITEMS_E_NO_STRING,		/* something else than a string in a JSON array */
	KS_ITEMS_E_MANY				/* more values than there is room for */
} ks_items_status;

/* Writes a code point that is no surrogate, in the encoding of the text; returns its length. */
typedef size_t (*ks_put_character) (char *at, uint32_t character);

typedef struct ks_items
{
	char	  **values;			/* [limit] */
	int			limit;
	int			count;
	char	   *room;			/* KS_ITEMS_ROOM, which values point into */
	ks_put_character put_character;
	size_t		error_at;		/* in bytes */
} ks_items;

extern ks_items_status ks_items_read(ks_items *items, const char *text);

#endif							/* KS_ITEMS_H */
