/*
 * A table of (member, quarter, key) -> weight that adds, and a dictionary of byte
 * strings: the two in-memory containers of this room.
 */
#ifndef KS_TALLY_ENTRIES_H
#define KS_TALLY_ENTRIES_H

#include "base/port.h"

/* So few are quicker sorted by inserting each than by anything that calls. */
#define KS_FEW_ENTRIES 24

typedef struct ks_entry
{
	uint64_t	member;
	int32_t		quarter;
	uint32_t	key;
	int64_t		weight;
} ks_entry;

/* Entries lie densely in order of arrival; index is an open-addressing table of their numbers + 1, NULL while they are few. */
typedef struct ks_entries
{
	ks_memory	memory;
	ks_entry   *entry;
	uint32_t   *index;
	uint32_t	count;
	uint32_t	capacity;
	uint32_t	mask;			/* size of index - 1 */
} ks_entries;

extern void ks_entries_init(ks_entries *table, ks_memory memory);
extern void ks_entries_reserve(ks_entries *table, size_t count);
extern ks_status ks_entries_add(ks_entries *table, uint64_t member, int32_t quarter, uint32_t key, int64_t weight);
extern void ks_entries_sort(ks_entry *entry, uint32_t count, ks_memory memory);
extern uint32_t ks_entries_number(ks_entries *table, uint64_t member, int32_t quarter);
extern uint32_t ks_entries_find(const ks_entries *table, uint64_t member, int32_t quarter);
extern void ks_entries_free(ks_entries *table);

typedef struct ks_string
{
	const uint8_t *bytes;
	size_t		length;
} ks_string;

/* Byte strings numbered in order of arrival. */
typedef struct ks_dictionary
{
	ks_memory	memory;
	uint8_t    *arena;
	size_t		arena_used;
	size_t		arena_size;
	size_t	   *offset;			/* count + 1 offsets into arena */
	uint32_t   *index;
	uint32_t	count;
	uint32_t	capacity;
	uint32_t	mask;
} ks_dictionary;

extern void ks_dictionary_init(ks_dictionary *dictionary, ks_memory memory);
extern uint32_t ks_dictionary_put(ks_dictionary *dictionary, ks_string string);
extern ks_string ks_dictionary_get(const ks_dictionary *dictionary, uint32_t number);
extern size_t ks_dictionary_bytes(const ks_dictionary *dictionary);
extern void ks_dictionary_free(ks_dictionary *dictionary);

#endif							/* KS_TALLY_ENTRIES_H */
