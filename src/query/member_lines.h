/*
 * Who is on which lines of a short top list, over several rows.
 */
#ifndef KS_QUERY_MEMBER_LINES_H
#define KS_QUERY_MEMBER_LINES_H

#include "base/bytes.h"

/* A bit a line: a list that has no more is short. */
#define KS_LINES_MAX 64

/* Members that are on fewer lines than this on average are compared line by line: there are less of them in all. */
#define KS_LINES_A_MEMBER 2

/* A member, and the lines that it is on, a bit each; none in places that are free. */
typedef struct ks_lined
{
	uint64_t	hash;
	uint64_t	lines;
} ks_lined;

typedef struct ks_lines
{
	ks_memory	memory;
	ks_lined   *table;			/* members of all rows so far */
	int			log;			/* of its places */
	size_t		used;			/* no more members than this are in it */
	uint64_t   *of;				/* the lines of the members of the row at hand, by number */
	size_t		of_size;		/* in bytes */
} ks_lines;

extern void ks_lines_init(ks_lines *lines, ks_memory memory);
extern void ks_lines_expect(ks_lines *lines, size_t members);
extern uint64_t *ks_lines_start(ks_lines *lines, uint32_t nmembers);
extern bool ks_lines_worth(const ks_lines *lines, uint32_t nmembers);
extern void ks_lines_unite(ks_lines *lines, const uint8_t *hashes, uint32_t nmembers, int64_t *counts);
extern void ks_lines_free(ks_lines *lines);

#endif							/* KS_QUERY_MEMBER_LINES_H */
