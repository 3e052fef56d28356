/*
 * What must be so, whatever a fuzzer deals: else the line is named, and the input kept.
 */
#ifndef KS_TEST_REQUIRE_H
#define KS_TEST_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define require(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif							/* KS_TEST_REQUIRE_H */
