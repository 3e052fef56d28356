/*
 * Answering a question from stored tallies.
 *
 * Weights simply add up, row by row, as the rows come.  Members need all rows
 * at once, because the same member may stand in several of them: distinct_count.c.
 */
#include "query/distinct.h"
#include "base/sort.h"

static void
query_init(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct)
{
	memset(query, 0, sizeof(*query));
	query->memory = memory;
	query->intervals = *intervals;
	query->filter = ks_filter_sorted(filter, memory);
	query->distinct = distinct;
	ks_cut_init(&query->cut, intervals, memory);
}

/* Weight, and distinct members if asked for, of each bucket. */
void
ks_query_series(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct)
{
	size_t		bytes = ((size_t) intervals->nbuckets + 1) * sizeof(int64_t);

	query_init(query, memory, intervals, filter, distinct);
	query->counts = ks_alloc(memory, bytes);
	memset(query->counts, 0, bytes);
	query->distincts = ks_alloc(memory, bytes);
	memset(query->distincts, 0, bytes);
}

/* The heaviest groups of keys inside all buckets together. */
void
ks_query_top(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct,
			uint32_t skip, uint32_t take)
{
	query_init(query, memory, intervals, filter, distinct);
	query->grouped = true;
	query->skip = skip;
	query->take = take;
	ks_dictionary_init(&query->groups, memory);
}

/* The same, and a series for each of the groups. */
void
ks_query_top_series(ks_query *query, ks_memory memory, const ks_intervals *intervals, const ks_filter *filter, bool distinct,
			   uint32_t skip, uint32_t take)
{
	ks_query_top(query, memory, intervals, filter, distinct, skip, take);
	query->with_series = true;
}

/*
 * How many of a row's first bytes are needed before the last row has come: of
 * what lies in one bucket totals will do.  In a mixed row the weight per quarter is
 * not this measure's alone.  Members are fetched after the last row, if at all.
 */
size_t
ks_query_reach(const ks_query *query, const ks_header *header, bool mixed)
{
	int32_t		bucket = query->intervals.nintervals == 0 ? KS_BUCKET_OUTSIDE
		: ks_intervals_bucket_of_range(&query->intervals, header->quarter_first, header->quarter_last);

	if (bucket == KS_BUCKET_OUTSIDE)
		return header->quarters_at;
	if (query->grouped || query->filter.count > 0 || mixed)
		return bucket >= 0 ? header->weights_at : header->members_at;
	if (bucket >= 0)
		return header->quarters_at;
	return query->distinct ? header->keys_at : header->visits_at;
}

/* A table of a row's quarters is made where it has no more than this, which are almost two years, */
#define MAPPED_MAX 65536

/* where at least one quarter of so many has a weight, all keys together, */
#define MAPPED_EMPTY 8

/* and a key has so few quarters a bucket that going on to the next bucket takes longer than the quarters. */
#define MAPPED_QUARTERS_A_BUCKET 16

/* The buckets of the row's quarters, from its first on; NULL where that is not worth a table. */
const int32_t *
ks_query_map(ks_query *query, const ks_header *header)
{
	int64_t		quarters = (int64_t) header->quarter_last - header->quarter_first + 1;
	int64_t		intervals = ks_intervals_find(&query->intervals, header->quarter_last) - ks_intervals_find(&query->intervals, header->quarter_first) + 1;
	bool		whole = !query->grouped && query->filter.count == 0;
	uint64_t	keys = whole || header->nkeys == 0 ? 1 : header->nkeys;
	uint64_t	weights = whole ? header->nquarters : header->nweights;

	if (quarters > MAPPED_MAX || weights * MAPPED_EMPTY < (uint64_t) quarters || weights / keys / (uint64_t) intervals >= MAPPED_QUARTERS_A_BUCKET)
		return NULL;
	ks_intervals_map(&query->intervals, &query->map, header->quarter_first, header->quarter_last, query->memory);
	return query->map.bucket;
}

static inline bool
add_to(int64_t *sum, int64_t weight)
{
	return !__builtin_add_overflow(*sum, weight, sum);
}

/* Adds a sum of neighbouring quarters to the bucket they lie in. */
static ks_status
add_to_bucket(ks_query *query, int32_t bucket, int64_t sum)
{
	return bucket < 0 || add_to(&query->counts[bucket], sum) ? KS_OK : KS_E_OVERFLOW;
}

/* Adds weights per quarter to the buckets they fall in. */
static ks_status
add_quarters(ks_query *query, const ks_header *header, const int32_t *map, ks_quarter_cursor cursor)
{
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		quarter;
	int64_t		sum = 0;

	if (map != NULL)
		return ks_quarter_distribute(&cursor, map, header->quarter_first, query->counts, &sum);
	while (status == KS_OK && ks_quarter_peek(&cursor, &quarter))
	{
		sum = 0;
		ks_walk_move(&w, &query->intervals, quarter);
		status = ks_quarter_sum(&cursor, w.to, &sum);
		if (status == KS_OK)
			status = add_to_bucket(query, w.bucket, sum);
	}
	return status != KS_OK ? status : cursor.status;
}

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
static void
start_tails(ks_query *query, const ks_key_cursor *keys, const ks_string *prefix)
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
static int32_t
group_of_key(ks_query *query, const ks_key_cursor *cursor, const ks_key *key)
{
	int32_t    *group;

	if (!query->tails_known)
		return group_of(query, key);
	group = &query->tail_group[cursor->next_tail - 1];
	if (*group < 0)
		*group = group_of(query, key);
	return *group;
}

/* Adds weight in one bucket to a group, and to its series. */
static ks_status
add_to_group(ks_query *query, int32_t group, int32_t bucket, int64_t weight)
{
	if (query->with_series && !add_to(&query->group_buckets[(size_t) group * query->intervals.nbuckets + bucket], weight))
		return KS_E_OVERFLOW;
	return add_to(&query->group_weight[group], weight) && add_to(&query->total, weight) ? KS_OK : KS_E_OVERFLOW;
}

/* Adds the weight of a key in all buckets to its group. */
static ks_status
add_key_quarters(ks_query *query, const ks_view *view, const int32_t *map, const ks_key_cursor *key, int32_t group)
{
	ks_quarter_cursor cursor = ks_key_weights(view, key);
	ks_walk		w = ks_walk_start();
	int32_t		quarter;
	int64_t		sum = 0;
	ks_status	status;

	if (map != NULL && query->with_series)
	{
		status = ks_quarter_distribute(&cursor, map, view->header.quarter_first, query->group_buckets + (size_t) group * query->intervals.nbuckets, &sum);
		if (status != KS_OK)
			return status;
		return add_to(&query->group_weight[group], sum) && add_to(&query->total, sum) ? KS_OK : KS_E_OVERFLOW;
	}
	while (ks_quarter_peek(&cursor, &quarter))
	{
		sum = 0;
		ks_walk_move(&w, &query->intervals, quarter);
		status = ks_quarter_sum(&cursor, w.to, &sum);
		if (status == KS_OK && w.bucket >= 0)
			status = add_to_group(query, group, w.bucket, sum);
		if (status != KS_OK)
			return status;
	}
	return cursor.status;
}

/* The bucket in which all of a key lies, KS_BUCKET_CUT where that takes a closer look; bucket is that of the row. */
static int32_t
bucket_of_key(const ks_query *query, const ks_view *view, const ks_key_cursor *key, int32_t bucket)
{
	int64_t		first;

	if (bucket >= 0 || !ks_key_first(view, key, &first) || first > key->last)
		return bucket;
	return ks_intervals_bucket_of_range(&query->intervals, (int32_t) first, (int32_t) key->last);
}

/* Adds the weight of a key to its group, or to the buckets. */
static ks_status
add_key(ks_query *query, const ks_view *view, const int32_t *map, const ks_key_cursor *key, int32_t group, int32_t bucket)
{
	bucket = bucket_of_key(query, view, key, bucket);
	if (bucket == KS_BUCKET_OUTSIDE)
		return KS_OK;
	if (query->grouped)
		return bucket < 0 ? add_key_quarters(query, view, map, key, group) : add_to_group(query, group, bucket, key->total);
	if (bucket < 0)
		return add_quarters(query, &view->header, map, ks_key_weights(view, key));
	return add_to(&query->counts[bucket], key->total) ? KS_OK : KS_E_OVERFLOW;
}

/* Whether a key counts; the prefix is taken off a mixed row's. */
bool
ks_query_key_counts(const ks_query *query, ks_key *key, const ks_string *prefix)
{
	ks_string	name;

	if (prefix != NULL && !(ks_key_take(key, &name) && ks_string_compare(name, *prefix) == 0))
		return false;
	return query->filter.count == 0 || ks_filter_passes(&query->filter, *key);
}

/* Adds the weights of the keys that pass, and notes of each key in row what it counts for; gives back how many passed. */
static ks_status
add_keys(ks_query *query, ks_query_row *row, const ks_string *prefix, uint32_t *passed)
{
	const ks_view *view = &row->view;
	const int32_t *map = row->bucket < 0 ? ks_query_map(query, &view->header) : NULL;
	ks_key_cursor cursor = ks_view_keys(view);
	uint32_t	number = 0;
	ks_status	status = KS_OK;

	*passed = 0;
	start_tails(query, &cursor, prefix);
	while (status == KS_OK && ks_key_next(&cursor))
	{
		ks_key		key = cursor.key;
		bool		passes = ks_query_key_counts(query, &key, prefix);

		ks_check_interrupts_at(number);
		row->target[number] = -1;
		if (query->distinct)
			ks_block_note(&row->blocks[number], view, &cursor, false);
		if (passes)
		{
			row->target[number] = query->grouped ? group_of_key(query, &cursor, &key) : 0;
			if (query->with_series && (uint64_t) query->groups.count * query->intervals.nbuckets > KS_QUERY_MAX_CELLS)
				return KS_E_CELLS;
			status = add_key(query, view, map, &cursor, row->target[number], row->bucket);
			++*passed;
		}
		number++;
	}
	if (query->distinct)
		ks_block_note(&row->blocks[number], view, &cursor, true);
	return status != KS_OK ? status : cursor.status;
}

/* The buckets a row can touch. */
static void
row_reach(const ks_query *query, ks_query_row *row)
{
	const ks_intervals *intervals = &query->intervals;
	int64_t		low = ks_intervals_find(intervals, row->view.header.quarter_first);
	int64_t		high = ks_intervals_find(intervals, row->view.header.quarter_last);
	int64_t		i;

	if (low < 0)
		low = 0;
	if (high >= (int64_t) intervals->nintervals)
		high = (int64_t) intervals->nintervals - 1;
	row->low = (uint32_t) low;
	row->high = (uint32_t) high;
	/* where the last edge cuts a quarter of which other rows take all away */
	if (low > high)
		row->low = row->high = 0;
	else if (intervals->bucket_of != NULL)
	{
		row->low = intervals->nbuckets;
		row->high = 0;
		for (i = low; i <= high; i++)
		{
			int32_t		bucket = intervals->bucket_of[i];

			if (bucket >= 0 && (uint32_t) bucket < row->low)
				row->low = (uint32_t) bucket;
			if (bucket >= 0 && (uint32_t) bucket > row->high)
				row->high = (uint32_t) bucket;
		}
		if (row->low > row->high)
			row->low = row->high;
	}
}

static ks_query_row *
next_row(ks_query *query)
{
	if (query->nrows == query->rows_size)
	{
		uint32_t	size = query->rows_size ? 2 * query->rows_size : 16;

		query->rows = query->rows == NULL ? ks_alloc(query->memory, size * sizeof(ks_query_row))
			: ks_realloc(query->rows, size * sizeof(ks_query_row));
		query->rows_size = size;
	}
	return &query->rows[query->nrows++];
}

static void
free_keys(ks_query_row *row)
{
	if (row->target != NULL)
		ks_free(row->target);
	if (row->blocks != NULL)
		ks_free(row->blocks);
	row->target = NULL;
	row->blocks = NULL;
}

/* Adds the weights of a row; gives back whether its members, if it has any, count. */
static ks_status
add_weights(ks_query *query, ks_query_row *row, const ks_string *prefix, bool *counts)
{
	const ks_header *header = &row->view.header;
	uint32_t	passed;
	ks_status	status;

	*counts = true;
	if (query->grouped || query->filter.count > 0 || prefix != NULL)
	{
		/* no memory for keys that are not there */
		if (header->weights_at > row->view.available)
			return KS_E_TRUNCATED;
		row->target = ks_alloc(query->memory, ((size_t) header->nkeys + 1) * sizeof(int32_t));
		if (query->distinct)
			row->blocks = ks_alloc(query->memory, ((size_t) header->nkeys + 1) * sizeof(ks_block));
		status = add_keys(query, row, prefix, &passed);
		*counts = passed > 0;
		if (passed == header->nkeys && !query->grouped)
			free_keys(row);
		return status;
	}
	if (row->bucket < 0)
		return add_quarters(query, header, ks_query_map(query, header), ks_view_quarters(&row->view));
	return add_to(&query->counts[row->bucket], header->total) ? KS_OK : KS_E_OVERFLOW;
}

/*
 * Takes in one stored tally.  With a prefix the tally is a mixed one: only keys
 * whose first part equals the prefix count, and that part is taken off.  When
 * members are asked for, the view's bytes (and what it fetches others from) must
 * live until the query is finished.
 */
ks_status
ks_query_add(ks_query *query, const ks_view *view, const ks_string *prefix)
{
	ks_query_row row = {*view};
	ks_status	status;
	bool		counts;

	ks_check_interrupts();
	if (query->intervals.nintervals == 0 || query->intervals.nbuckets == 0)
		return KS_OK;
	row.bucket = ks_intervals_bucket_of_range(&query->intervals, view->header.quarter_first, view->header.quarter_last);
	if (row.bucket == KS_BUCKET_OUTSIDE)
		return KS_OK;
	status = add_weights(query, &row, prefix, &counts);
	if (status == KS_OK && row.bucket == KS_BUCKET_CUT)
		status = ks_cut_add(query, view, prefix);
	if (status == KS_OK && query->distinct && counts && view->header.nentries > 0)
	{
		row_reach(query, &row);
		*next_row(query) = row;
	}
	else
		free_keys(&row);
	return status;
}

/* After the last row: fills in the distinct members. */
ks_status
ks_query_finish_series(ks_query *query)
{
	if (!ks_cut_empty(&query->cut))
		return KS_E_CUT;
	if (!query->distinct || query->nrows == 0)
		return KS_OK;
	return query->first_seen ? ks_first_seen(query) : ks_distinct_count_series(query);
}

/* Heaviest first; among equals by key. */
static int
compare_lines(const void *a, const void *b)
{
	const ks_top_line *x = a;
	const ks_top_line *y = b;

	ks_check_interrupts();
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return ks_key_compare(x->key, y->key);
}

/* After the last row: at most limit lines, groups without weight left out. */
ks_status
ks_query_finish_top(ks_query *query, uint32_t limit, ks_top_line **lines, uint32_t *count)
{
	ks_top_line *result;
	uint32_t	found = 0;
	uint32_t	i;

	if (!ks_cut_empty(&query->cut))
		return KS_E_CUT;
	result = ks_alloc(query->memory, ((size_t) query->groups.count + 1) * sizeof(ks_top_line));
	for (i = 0; i < query->groups.count; i++)
	{
		if (query->group_weight[i] == 0)
			continue;
		result[found].key = ks_dictionary_get(&query->groups, i);
		result[found].weight = query->group_weight[i];
		result[found].members = 0;
		result[found].group = i;
		found++;
	}
	ks_sort(result, found, sizeof(ks_top_line), compare_lines, query->memory);
	*lines = result;
	*count = found < limit ? found : limit;
	return query->distinct ? ks_distinct_count_lines(query, result, *count) : KS_OK;
}

/* Gives back what the query took; only for callers whose memory does not go by itself. */
void
ks_query_free(ks_query *query)
{
	uint32_t	i;

	for (i = 0; i < query->nrows; i++)
		free_keys(&query->rows[i]);
	if (query->rows != NULL)
		ks_free(query->rows);
	if (query->filter.conditions != NULL)
		ks_free(query->filter.conditions);
	if (query->counts != NULL)
		ks_free(query->counts);
	if (query->distincts != NULL)
		ks_free(query->distincts);
	if (query->group_weight != NULL)
		ks_free(query->group_weight);
	if (query->group_after != NULL)
		ks_free(query->group_after);
	if (query->group_buckets != NULL)
		ks_free(query->group_buckets);
	if (query->line_buckets != NULL)
		ks_free(query->line_buckets);
	if (query->tail_group != NULL)
		ks_free(query->tail_group);
	if (query->scratch != NULL)
		ks_free(query->scratch);
	if (query->map.bucket != NULL)
		ks_free(query->map.bucket);
	ks_dictionary_free(&query->groups);
	ks_cut_free(&query->cut);
	memset(query, 0, sizeof(*query));
}
