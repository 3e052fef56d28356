/*
 * Groups of keys: what a list has a line of.
 *
 * Keys are grouped by some of their parts.  Most rows bring the keys that others
 * have brought, in the same order, so that a group is mostly found where the
 * one before it was.
 */
#include "query/query.h"

/* Room for twice as many numbers, so many in each group; the new ones are zero. */
static void *
grow_numbers(ks_memory memory, void *numbers, uint32_t from, uint32_t to, size_t each)
{
	uint8_t    *result = numbers == NULL ? ks_alloc(memory, to * each) : ks_realloc(numbers, to * each);

	memset(result + from * each, 0, (to - from) * each);
	return result;
}

/* The number of the group, which may be a new one. */
static uint32_t
put_group(ks_query *query, ks_string name)
{
	uint32_t	group = ks_dictionary_put(&query->groups, name);
	uint32_t	from = query->group_size;
	/* buckets may be many, and groups few */
	uint32_t	to = from ? 2 * from : query->with_series ? 4 : 64;

	if (group < from)
		return group;
	query->group_weight = grow_numbers(query->memory, query->group_weight, from, to, sizeof(int64_t));
	query->group_after = grow_numbers(query->memory, query->group_after, from, to, sizeof(uint32_t));
	if (query->with_series)
		query->group_buckets = grow_numbers(query->memory, query->group_buckets, from, to, query->intervals.nbuckets * sizeof(int64_t));
	query->group_size = to;
	return group;
}

/* What a key is grouped by, as one piece: in scratch where it reaches over both. */
static ks_string
group_key(ks_query *query, ks_key key)
{
	ks_string	part;
	ks_string	result;
	ks_key		rest;
	uint32_t	i;

	for (i = 0; i < query->skip && ks_key_take(&key, &part); i++)
		;
	if (key.head.length == 0)
	{
		key.head = key.tail;
		key.tail.length = 0;
	}
	rest = key;
	for (i = 0; i < query->take && rest.head.length > 0 && ks_key_shift(&rest.head, &part); i++)
		;
	if (i == query->take || key.tail.length == 0)
	{
		result.bytes = key.head.bytes;
		result.length = key.head.length - rest.head.length;
		return result;
	}
	if (key.head.length + key.tail.length > query->scratch_size)
	{
		size_t		size = 2 * (key.head.length + key.tail.length);

		query->scratch = query->scratch == NULL ? ks_alloc(query->memory, size) : ks_realloc(query->scratch, size);
		query->scratch_size = size;
	}
	for (; i < query->take && ks_key_shift(&rest.tail, &part); i++)
		;
	key.tail.length -= rest.tail.length;
	return ks_key_join(query->scratch, &key);
}

/*
 * The number of the group that a key belongs to.  Those of each source and
 * language, and of each row, come in the same order as a rule: the one that
 * came next last time is tried first.
 */
static int32_t
group_of(ks_query *query, const ks_key *whole)
{
	ks_string	key = group_key(query, *whole);
	uint32_t	group;

	if (query->groups.count > 0)
	{
		ks_string	known;

		group = query->group_after[query->group_last];
		known = ks_dictionary_get(&query->groups, group);
		if (known.length == key.length && (key.length == 0 || memcmp(known.bytes, key.bytes, key.length) == 0))
		{
			query->group_last = group;
			return (int32_t) group;
		}
	}
	group = put_group(query, key);
	query->group_after[query->group_last] = group;
	query->group_last = group;
	return (int32_t) group;
}

/* Where groups are tails of keys, as in the rollup: one look at each tail of a row will do. */
void
ks_group_start_row(ks_query *query, const ks_key_cursor *keys, const ks_string *prefix)
{
	size_t		size = (size_t) keys->ntails;

	/* more tails than keys are a damaged count */
	if (!query->grouped || prefix != NULL || query->skip != KS_HEAD_PARTS || query->take < KS_KEY_MAX_PARTS || size > keys->left)
		size = 0;
	if (size > query->tail_size)
	{
		if (query->tail_group != NULL)
			ks_free(query->tail_group);
		query->tail_group = ks_alloc(query->memory, size * sizeof(int32_t));
		query->tail_size = size;
	}
	if (size > 0)
		memset(query->tail_group, 0xff, size * sizeof(int32_t));
	query->tails_known = size > 0;
}

/* The group of the key that the cursor stands on. */
int32_t
ks_group_of_key(ks_query *query, const ks_key_cursor *cursor, const ks_key *key)
{
	int32_t    *group;

	if (!query->tails_known)
		return group_of(query, key);
	group = &query->tail_group[cursor->next_tail - 1];
	if (*group < 0)
		*group = group_of(query, key);
	return *group;
}
