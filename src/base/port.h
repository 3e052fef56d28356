/*
 * The only interface between the plain-C core of the extension and its
 * surroundings.
 *
 * The core is what the heads of test/unit and test/fuzz build.  It includes no header
 * of PostgreSQL, raises nothing and returns a ks_status, so that it can be unit-tested
 * and fuzzed without a server: compile with KS_STANDALONE.
 *
 * Running out of memory or of random numbers is the exception: that does not return,
 * neither in the server (palloc raises) nor outside (the process ends).  So are
 * interrupts: every loop over what somebody passed or stored checks for them, also
 * within a sort, where the function that compares does it.
 */
#ifndef KS_PORT_H
#define KS_PORT_H

#ifdef KS_STANDALONE

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void *ks_memory;

static inline void *
ks_realloc(void *pointer, size_t size)
{
	void	   *result = realloc(pointer, size > 0 ? size : 1);

	if (result == NULL)
	{
		fputs("out of memory\n", stderr);
		abort();
	}
	return result;
}

static inline void *
ks_alloc(ks_memory memory, size_t size)
{
	(void) memory;
	return ks_realloc(NULL, size);
}

static inline void
ks_draw_random(void *bytes, size_t size)
{
	if (getentropy(bytes, size) != 0)
	{
		fputs("no random numbers\n", stderr);
		abort();
	}
}

#define ks_free(pointer) free(pointer)
#define ks_check_interrupts() ((void) 0)

#else

#include "postgres.h"
#include "miscadmin.h"
#include "utils/memutils.h"

typedef MemoryContext ks_memory;

static inline void
ks_draw_random(void *bytes, size_t size)
{
	if (!pg_strong_random(bytes, size))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not draw random numbers")));
}

#define ks_alloc(memory, size) MemoryContextAllocHuge((memory), (size))
#define ks_realloc(pointer, size) repalloc_huge((pointer), (size))
#define ks_free(pointer) pfree(pointer)
#define ks_check_interrupts() CHECK_FOR_INTERRUPTS()

#endif

/* For loops whose steps are so short that even testing a flag would be noticeable: every 65,536th step. */
#define ks_check_interrupts_at(step) \
	do { \
		if (((step) & 0xFFFF) == 0) \
			ks_check_interrupts(); \
	} while (0)

/* For loops that are written once and compiled for each constant that they are called with. */
#define ks_always_inline inline __attribute__((always_inline))

/* What the core answers instead of raising. */
typedef enum ks_status
{
	KS_OK = 0,
	KS_E_TRUNCATED,				/* the bytes end too early */
	KS_E_VERSION,				/* written by a newer version */
	KS_E_CORRUPT,				/* not what the packer would have written */
	KS_E_OVERFLOW,				/* a sum leaves 64 bits */
	KS_E_LIMIT,					/* larger than KS_TALLY_MAX_BYTES */
	KS_E_CUT,					/* a bucket's edge cuts a quarter hour that has events */
	KS_E_CELLS					/* more than KS_QUERY_MAX_CELLS */
} ks_status;

#endif							/* KS_PORT_H */
