/*
 * The hash of members: BLAKE2b (RFC 7693) with a digest of 64 bits and no key.
 *
 * Stored tallies hold these hashes, on every platform and version of
 * PostgreSQL, so PostgreSQL's own hash functions (free to change between major
 * versions, different by byte order) cannot be used.  Who is counted chooses
 * his id, so nothing quick to invert can be used either; and as tallies of
 * different servers add up, there is no secret that could make up for it.
 * doc/format.md tells what it takes to forge a count.
 */
#ifndef KS_HASH_H
#define KS_HASH_H

#include "base/port.h"

extern void ks_blake2b(uint64_t *state, int digest_bytes, const void *data, size_t length);
extern uint64_t ks_hash_bytes(const void *data, size_t length);
extern uint64_t ks_hash_member(const void *data, size_t length);

#endif							/* KS_HASH_H */
