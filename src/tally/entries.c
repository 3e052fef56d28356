/*
 * Containers of the builder and of queries.
 *
 * Both keep their items densely in order of arrival, because they are walked
 * and sorted far more often than they are probed at random, and index them by
 * a power-of-two table of numbers that is never more than half full.  As long as they
 * are few, there is none: to look at each is quicker than to hash what is looked for.
 */
#include "tally/entries.h"

#include "base/seed.h"
#include "base/sort.h"

#define FIRST_CAPACITY 16		/* and how many there may be without an index */
#define MAX_CAPACITY (UINT32_C(1) << 30)	/* an index of twice as many numbers still has 32 bits */

static inline uint32_t
entry_hash(uint64_t member, int32_t quarter, uint32_t key)
{
	return (uint32_t) ks_seeded_pair(member, (uint64_t) key << 32 | (uint32_t) quarter);
}

void
ks_entries_init(ks_entries *table, ks_memory memory)
{
	ks_seed_ready();
	memset(table, 0, sizeof(*table));
	table->memory = memory;
}

static void
entries_index(ks_entries *table)
{
	uint32_t	i;

	memset(table->index, 0, ((size_t) table->mask + 1) * sizeof(uint32_t));
	for (i = 0; i < table->count; i++)
	{
		ks_entry   *e = &table->entry[i];
		uint32_t	at = entry_hash(e->member, e->quarter, e->key) & table->mask;

		ks_check_interrupts_at(i);
		while (table->index[at] != 0)
			at = (at + 1) & table->mask;
		table->index[at] = i + 1;
	}
}

/* Makes room for that many entries in all, as far as there may be so many. */
void
ks_entries_reserve(ks_entries *table, size_t count)
{
	size_t		capacity = table->capacity ? table->capacity : FIRST_CAPACITY;

	if (count <= table->capacity)
		return;
	while (capacity < count && capacity < MAX_CAPACITY)
		capacity *= 2;
	table->entry = table->capacity == 0 ? ks_alloc(table->memory, capacity * sizeof(ks_entry))
		: ks_realloc(table->entry, capacity * sizeof(ks_entry));
	table->capacity = (uint32_t) capacity;
	if (capacity == FIRST_CAPACITY)
		return;
	table->index = table->index == NULL ? ks_alloc(table->memory, 2 * capacity * sizeof(uint32_t))
		: ks_realloc(table->index, 2 * capacity * sizeof(uint32_t));
	table->mask = (uint32_t) (2 * capacity - 1);
	entries_index(table);
}

/*
 * The number of an entry, UINT32_MAX where there is none; then, *at is where the index has
 * room for it, if there is an index.
 */
static inline uint32_t
look_up(const ks_entries *table, uint64_t member, int32_t quarter, uint32_t key, uint32_t *at)
{
	uint32_t	i;

	if (table->index == NULL)
	{
		for (i = 0; i < table->count; i++)
		{
			const ks_entry *e = &table->entry[i];

			if (e->member == member && e->quarter == quarter && e->key == key)
				return i;
		}
		return UINT32_MAX;
	}
	for (*at = entry_hash(member, quarter, key) & table->mask; table->index[*at] != 0; *at = (*at + 1) & table->mask)
	{
		const ks_entry *e = &table->entry[table->index[*at] - 1];

		if (e->member == member && e->quarter == quarter && e->key == key)
			return table->index[*at] - 1;
	}
	return UINT32_MAX;
}

/* Finds an entry, or adds one of weight 0; NULL where there are too many. */
static inline ks_entry *
find_entry(ks_entries *table, uint64_t member, int32_t quarter, uint32_t key)
{
	uint32_t	at = 0;
	uint32_t	number;
	ks_entry   *e;

	if (table->count == table->capacity)
	{
		if (table->capacity == MAX_CAPACITY)
			return NULL;
		ks_entries_reserve(table, (size_t) table->capacity + 1);
	}
	number = look_up(table, member, quarter, key, &at);
	if (number != UINT32_MAX)
		return &table->entry[number];
	e = &table->entry[table->count++];
	e->member = member;
	e->quarter = quarter;
	e->key = key;
	e->weight = 0;
	if (table->index != NULL)
		table->index[at] = table->count;
	return e;
}

/* Adds weight; an entry whose weight has become zero stays. */
ks_status
ks_entries_add(ks_entries *table, uint64_t member, int32_t quarter, uint32_t key, int64_t weight)
{
	ks_entry   *e = find_entry(table, member, quarter, key);

	if (e == NULL)
		return KS_E_LIMIT;
	return __builtin_add_overflow(e->weight, weight, &e->weight) ? KS_E_OVERFLOW : KS_OK;
}

/* The number of a member and quarter in a table without keys, the next one when they are new; there is room for all. */
uint32_t
ks_entries_number(ks_entries *table, uint64_t member, int32_t quarter)
{
	return (uint32_t) (find_entry(table, member, quarter, 0) - table->entry);
}

/* The number of an entry without a key, or UINT32_MAX where there is none. */
uint32_t
ks_entries_find(const ks_entries *table, uint64_t member, int32_t quarter)
{
	uint32_t	at;

	return look_up(table, member, quarter, 0, &at);
}

static inline bool
entry_before(const ks_entry *a, const ks_entry *b)
{
	if (a->quarter != b->quarter)
		return a->quarter < b->quarter;
	return a->member != b->member ? a->member < b->member : a->key < b->key;
}

static int
compare_entries(const void *a, const void *b)
{
	ks_check_interrupts();
	return entry_before(a, b) ? -1 : entry_before(b, a);
}

/* Sorts by quarter, member, key; what is sorted already costs a look. */
void
ks_entries_sort(ks_entry *entry, uint32_t count, ks_memory memory)
{
	uint32_t	i,
				j;

	for (i = 1; i < count && !entry_before(&entry[i], &entry[i - 1]); i++)
		;
	if (i >= count)
		return;
	if (count > KS_FEW_ENTRIES)
	{
		ks_sort(entry, count, sizeof(ks_entry), compare_entries, memory);
		return;
	}
	for (; i < count; i++)
	{
		ks_entry	moved = entry[i];

		for (j = i; j > 0 && entry_before(&moved, &entry[j - 1]); j--)
			entry[j] = entry[j - 1];
		entry[j] = moved;
	}
}

void
ks_entries_free(ks_entries *table)
{
	if (table->capacity > 0)
		ks_free(table->entry);
	if (table->index != NULL)
		ks_free(table->index);
	ks_entries_init(table, table->memory);
}

void
ks_dictionary_init(ks_dictionary *dictionary, ks_memory memory)
{
	ks_seed_ready();
	memset(dictionary, 0, sizeof(*dictionary));
	dictionary->memory = memory;
}

ks_string
ks_dictionary_get(const ks_dictionary *dictionary, uint32_t number)
{
	ks_string	result;

	result.bytes = dictionary->arena + dictionary->offset[number];
	result.length = dictionary->offset[number + 1] - dictionary->offset[number];
	return result;
}

static void
dictionary_grow(ks_dictionary *dictionary)
{
	uint32_t	capacity = dictionary->capacity ? 2 * dictionary->capacity : FIRST_CAPACITY;
	uint32_t	i;

	dictionary->capacity = capacity;
	if (capacity == FIRST_CAPACITY)
	{
		dictionary->offset = ks_alloc(dictionary->memory, ((size_t) capacity + 1) * sizeof(size_t));
		dictionary->offset[0] = 0;
		return;
	}
	dictionary->offset = ks_realloc(dictionary->offset, ((size_t) capacity + 1) * sizeof(size_t));
	dictionary->index = dictionary->index == NULL ? ks_alloc(dictionary->memory, (size_t) capacity * 2 * sizeof(uint32_t))
		: ks_realloc(dictionary->index, (size_t) capacity * 2 * sizeof(uint32_t));
	dictionary->mask = 2 * capacity - 1;
	memset(dictionary->index, 0, (size_t) capacity * 2 * sizeof(uint32_t));
	for (i = 0; i < dictionary->count; i++)
	{
		ks_string	s = ks_dictionary_get(dictionary, i);
		uint32_t	at = (uint32_t) ks_seeded_bytes(s.bytes, s.length) & dictionary->mask;

		ks_check_interrupts_at(i);
		while (dictionary->index[at] != 0)
			at = (at + 1) & dictionary->mask;
		dictionary->index[at] = i + 1;
	}
}

static inline bool
is_string(const ks_dictionary *dictionary, uint32_t number, ks_string string)
{
	ks_string	known = ks_dictionary_get(dictionary, number);

	return known.length == string.length && (string.length == 0 || memcmp(known.bytes, string.bytes, string.length) == 0);
}

static void
arena_append(ks_dictionary *dictionary, ks_string string)
{
	size_t		needed = dictionary->arena_used + string.length;

	if (needed > dictionary->arena_size || dictionary->arena == NULL)
	{
		size_t		size = dictionary->arena_size ? dictionary->arena_size : 256;

		while (size < needed)
			size *= 2;
		if (dictionary->arena == NULL)
			dictionary->arena = ks_alloc(dictionary->memory, size);
		else
			dictionary->arena = ks_realloc(dictionary->arena, size);
		dictionary->arena_size = size;
	}
	if (string.length > 0)
		memcpy(dictionary->arena + dictionary->arena_used, string.bytes, string.length);
	dictionary->arena_used = needed;
}

/* The string's number, the next one when it is new. */
uint32_t
ks_dictionary_put(ks_dictionary *dictionary, ks_string string)
{
	uint32_t	at = 0;
	uint32_t	i;

	if (dictionary->count == dictionary->capacity)
		dictionary_grow(dictionary);
	if (dictionary->index == NULL)
	{
		for (i = 0; i < dictionary->count; i++)
		{
			if (is_string(dictionary, i, string))
				return i;
		}
	}
	else
	{
		for (at = (uint32_t) ks_seeded_bytes(string.bytes, string.length) & dictionary->mask; dictionary->index[at] != 0; at = (at + 1) & dictionary->mask)
		{
			if (is_string(dictionary, dictionary->index[at] - 1, string))
				return dictionary->index[at] - 1;
		}
	}
	arena_append(dictionary, string);
	dictionary->offset[++dictionary->count] = dictionary->arena_used;
	if (dictionary->index != NULL)
		dictionary->index[at] = dictionary->count;
	return dictionary->count - 1;
}

size_t
ks_dictionary_bytes(const ks_dictionary *dictionary)
{
	return dictionary->arena_size + (size_t) dictionary->capacity * (sizeof(size_t) + (dictionary->index != NULL ? 2 * sizeof(uint32_t) : 0));
}

void
ks_dictionary_free(ks_dictionary *dictionary)
{
	if (dictionary->capacity > 0)
		ks_free(dictionary->offset);
	if (dictionary->index != NULL)
		ks_free(dictionary->index);
	if (dictionary->arena != NULL)
		ks_free(dictionary->arena);
	ks_dictionary_init(dictionary, dictionary->memory);
}
