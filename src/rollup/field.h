/*
 * One field of a JSON document, found by its path, in plain C.
 *
 * No header of PostgreSQL: it is unit-tested and fuzzed without a server.
 */
#ifndef KS_FIELD_H
#define KS_FIELD_H

#include "base/port.h"

/* The longest path. */
#define KS_FIELD_PARTS 16

/* A document that is nested more deeply counts as malformed. */
#define KS_FIELD_DEPTH 1000

/* One step into a document: a member of that name, or an element by its number. */
typedef struct ks_field_part
{
	const char *name;
	size_t		length;
	int64_t		index;			/* -1 where the name is not a number */
} ks_field_part;

/* A scalar where it stands in the document; of a string, what is between its quotes. */
typedef struct ks_field
{
	const char *start;
	size_t		length;
	bool		escaped;		/* a string that has backslashes */
} ks_field;

extern ks_field_part ks_field_part_of(const char *name, size_t length);
extern bool ks_field_find(const char *json, size_t length, const ks_field_part *path, int count, bool utf8, ks_field *field);
extern bool ks_field_unescape(const ks_field *field, bool utf8, char *text, size_t *length);
extern bool ks_whole_number(const char *text, size_t length, int64_t *value);

#endif							/* KS_FIELD_H */
