/*
 * Lists of several parts of the keys, each on its own, from one pass: users by
 * channel and users by language are read and compared among the rows once.
 *
 * Groups are what the parts are together, as in a list of pairs; a line of a part's list is
 * all groups that have it.  A member is on one line of each list at least, and a bit a line tells
 * which (member_lines.c); lists that have more lines together, or all where rows take something away, are counted one by one.
 */
#include "query/distinct.h"

#include "base/sort.h"

/* One part of a group's key, as it is encoded there; empty where the key has fewer. */
static ks_string
part_of(ks_string key, uint32_t number)
{
	ks_string	rest = key;
	ks_string	part;
	uint32_t	i;

	for (i = 0; i < number && ks_key_shift(&rest, &part); i++)
		;
	key = rest;
	if (i == number)
		ks_key_shift(&rest, &part);
	key.length -= rest.length;
	return key;
}

/* Notes the lines of one part's list, in any order; line_of of each group is its line. */
static ks_status
note_lines(const ks_query *query, uint32_t part, ks_top_line *lines, uint32_t *count, int32_t *line_of)
{
	ks_dictionary known;
	ks_status	status = KS_OK;
	uint32_t	i;

	*count = 0;
	ks_dictionary_init(&known, query->memory);
	for (i = 0; i < query->groups.count && status == KS_OK; i++)
	{
		ks_string	key = part_of(ks_dictionary_get(&query->groups, i), part);
		uint32_t	line = ks_dictionary_put(&known, key);

		ks_check_interrupts_at(i);
		if (line == *count)
		{
			lines[line].key = key;
			lines[line].weight = lines[line].members = 0;
			lines[line].group = line;
			++*count;
		}
		line_of[i] = (int32_t) line;
		if (__builtin_add_overflow(lines[line].weight, query->group_weight[i], &lines[line].weight))
			status = KS_E_OVERFLOW;
	}
	ks_dictionary_free(&known);
	return status;
}

/* Leaves out lines without weight, and puts the others in order; line_of is -1 where nothing is left. */
static void
order_lines(const ks_query *query, ks_top_line *lines, uint32_t *count, int32_t *line_of)
{
	int32_t    *place = ks_alloc(query->memory, ((size_t) *count + 1) * sizeof(int32_t));
	uint32_t	found = 0;
	uint32_t	i;

	for (i = 0; i < *count; i++)
	{
		place[i] = -1;
		if (lines[i].weight != 0)
			lines[found++] = lines[i];
	}
	ks_sort(lines, found, sizeof(ks_top_line), ks_top_line_compare, query->memory);
	for (i = 0; i < found; i++)
		place[lines[i].group] = (int32_t) i;
	for (i = 0; i < query->groups.count; i++)
		line_of[i] = place[line_of[i]];
	ks_free(place);
	*count = found;
}

/* Whether any row takes something away. */
static bool
any_negative(const ks_query *query)
{
	uint32_t	i;

	for (i = 0; i < query->nrows; i++)
	{
		if (ks_row_negative(&query->rows[i]))
			return true;
	}
	return false;
}

/* The end of the lists from begin on that are counted together: as many as a bit a line will do for, or one. */
static uint32_t
fitting_lists(const ks_lists *lists, uint32_t begin)
{
	uint32_t	lines = lists->list[begin].count;
	uint32_t	end = begin + 1;

	while (end < lists->count && lines + lists->list[end].count <= KS_LINES_MAX)
		lines += lists->list[end++].count;
	return end;
}

/* Counts the members of the lists [begin, end) at once, by a bit a line. */
static ks_status
count_together(ks_query *query, ks_lists *lists, uint32_t begin, uint32_t end, int32_t *const *line_of)
{
	uint64_t   *bits = ks_alloc(query->memory, ((size_t) query->groups.count + 1) * sizeof(uint64_t));
	int64_t		counts[KS_LINES_MAX];
	uint32_t	first = 0;
	ks_status	status;
	uint32_t	i,
				k;

	memset(bits, 0, ((size_t) query->groups.count + 1) * sizeof(uint64_t));
	for (i = begin; i < end; first += lists->list[i++].count)
	{
		for (k = 0; k < query->groups.count; k++)
			bits[k] |= line_of[i][k] < 0 ? 0 : UINT64_C(1) << (first + (uint32_t) line_of[i][k]);
	}
	status = ks_distinct_count_bits(query, bits, first, counts);
	first = 0;
	for (i = begin; i < end; first += lists->list[i++].count)
	{
		for (k = 0; k < lists->list[i].count; k++)
			lists->list[i].lines[k].members = counts[first + k];
	}
	ks_free(bits);
	return status;
}

/* Counts the members of one list. */
static ks_status
count_one(ks_query *query, ks_list_of_lines *list, const int32_t *line_of)
{
	int64_t    *counts = ks_alloc(query->memory, ((size_t) list->count + 1) * sizeof(int64_t));
	ks_status	status = ks_distinct_count_groups(query, line_of, list->count, counts);
	uint32_t	k;

	for (k = 0; k < list->count; k++)
		list->lines[k].members = counts[k];
	ks_free(counts);
	return status;
}

/* Counts the members of all lists. */
static ks_status
count_lists(ks_query *query, ks_lists *lists, int32_t *const *line_of)
{
	bool		negative = any_negative(query);
	ks_status	status = KS_OK;
	uint32_t	begin,
				end;

	for (begin = 0; begin < lists->count && status == KS_OK; begin = end)
	{
		end = negative ? begin + 1 : fitting_lists(lists, begin);
		if (negative || lists->list[begin].count > KS_LINES_MAX)
			status = count_one(query, &lists->list[begin], line_of[begin]);
		else
			status = count_together(query, lists, begin, end, line_of);
	}
	return status;
}

/* After the last row, in the place of ks_query_finish_top: a list of each of the parts that keys are grouped by. */
ks_status
ks_query_finish_lists(ks_query *query, ks_lists *lists)
{
	size_t		groups = (size_t) query->groups.count + 1;
	int32_t    *line_of[KS_KEY_MAX_PARTS];
	ks_status	status = ks_cut_empty(&query->cut) ? KS_OK : KS_E_CUT;
	uint32_t	i;

	lists->count = query->take < KS_KEY_MAX_PARTS ? query->take : KS_KEY_MAX_PARTS;
	for (i = 0; i < lists->count; i++)
	{
		ks_list_of_lines *list = &lists->list[i];

		list->count = 0;
		list->lines = ks_alloc(query->memory, groups * sizeof(ks_top_line));
		line_of[i] = ks_alloc(query->memory, groups * sizeof(int32_t));
		if (status == KS_OK)
			status = note_lines(query, i, list->lines, &list->count, line_of[i]);
		if (status == KS_OK)
			order_lines(query, list->lines, &list->count, line_of[i]);
	}
	if (status == KS_OK && query->distinct && query->nrows > 0)
		status = count_lists(query, lists, line_of);
	for (i = 0; i < lists->count; i++)
		ks_free(line_of[i]);
	return status;
}
