/*
 * Taking in stored tallies, row by row.
 *
 * Weights add up as the rows come.  Members need all rows at once, because the
 * same member may be in several of them: of each row is kept what that takes,
 * and query_finish.c counts them after the last one.
 */
#include "query/query.h"

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

/* Adds the weights of the keys that pass, and notes of each key in row what it counts for; returns how many passed. */
static ks_status
add_keys(ks_query *query, ks_query_row *row, const ks_string *prefix, uint32_t *passed)
{
	const ks_view *view = &row->view;
	const int32_t *map = row->bucket < 0 ? ks_query_map(query, &view->header) : NULL;
	ks_key_cursor cursor = ks_view_keys(view);
	uint32_t	number = 0;
	ks_status	status = KS_OK;

	*passed = 0;
	ks_group_start_row(query, &cursor, prefix);
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
			row->target[number] = query->grouped ? ks_group_of_key(query, &cursor, &key) : 0;
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

/* Adds the weights of a row; returns whether its members, if it has any, count. */
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
