/*
 * The hash of members: XXH64 with seed zero, frozen for ever.
 *
 * Stored tallies hold these hashes, on every platform and version of
 * PostgreSQL, so PostgreSQL's own hash functions (free to change between major
 * versions, different by byte order) cannot be used.
 */
#ifndef KS_TALLY_HASH_H
#define KS_TALLY_HASH_H

#include "tally/port.h"

extern uint64_t ks_hash_bytes(const void *data, size_t length);

#endif							/* KS_TALLY_HASH_H */
