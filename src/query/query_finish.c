/*
 * The answer, after the last row: distinct members, and the lines of lists.
 */
#include "query/distinct.h"

#include "base/sort.h"

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
