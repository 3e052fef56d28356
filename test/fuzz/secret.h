/*
 * Tables in memory have a secret of their process: of a fuzz target, always the same.
 */
#ifndef KS_TEST_SECRET_H
#define KS_TEST_SECRET_H

#include "base/seed.h"

int			LLVMFuzzerInitialize(int *argc, char ***argv);

/* The same secret in every run, so that an input found does again what it did. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint64_t secret[4] = {1, 2, UINT64_C(0x9E3779B97F4A7C15), UINT64_C(0xC2B2AE3D27D4EB4F)};

	(void) argc;
	(void) argv;
	ks_seed_set(secret);
	return 0;
}

#endif							/* KS_TEST_SECRET_H */
