/*
 * Whether there is anything in the quarter hours that edges cut.
 *
 * Only after the last row is that known: another row may take away what this
 * one has.  Nor do sums say it, since what keys and members have in a quarter
 * hour may add up to nothing while it is there.  So what rows have in such quarters
 * is added up key by key and member by member.
 */
#include "query/query.h"

void
ks_cut_init(ks_cut *cut, const ks_intervals *intervals, ks_memory memory)
{
	uint32_t	i;

	memset(cut, 0, sizeof(*cut));
	for (i = 0; intervals->nintervals > 0 && i <= intervals->nintervals; i++)
		cut->any |= intervals->cut[i];
	if (!cut->any)
		return;
	ks_entries_init(&cut->sums, memory);
	ks_dictionary_init(&cut->keys, memory);
}

void
ks_cut_free(ks_cut *cut)
{
	if (!cut->any)
		return;
	ks_entries_free(&cut->sums);
	ks_dictionary_free(&cut->keys);
}

/* Whether an edge cuts one of the quarters [first, last]. */
static bool
is_cut(const ks_intervals *intervals, int32_t first, int32_t last)
{
	int64_t		i = ks_intervals_find(intervals, first);

	for (i = i < 0 ? 0 : i; i <= (int64_t) intervals->nintervals && intervals->edge[i] <= last; i++)
	{
		if (intervals->cut[i] && intervals->edge[i] >= first)
			return true;
	}
	return false;
}

/* The number of a key, as one piece. */
static uint32_t
key_number(ks_cut *cut, const ks_key *key)
{
	size_t		length = key->head.length + key->tail.length;
	uint8_t    *room = ks_alloc(cut->keys.memory, length + 1);
	uint32_t	result = ks_dictionary_put(&cut->keys, ks_key_join(room, key));

	ks_free(room);
	return result;
}

/* What is read of the row at hand. */
typedef struct reader
{
	ks_cut	   *cut;
	const ks_view *view;
	bool		opened;			/* its members are there */
	ks_members	members;
	ks_weight_stream weights;
} reader;

static ks_status
open_members(reader *r)
{
	ks_status	status = KS_OK;

	if (!r->opened)
		status = ks_view_members(r->view, &r->members);
	if (status == KS_OK && !r->opened)
		status = ks_view_member_weights(r->view, &r->weights);
	r->opened = status == KS_OK;
	return status;
}

/* A key's members in the quarter that the cursor stands on, under an odd number; its weight there is under an even one. */
static ks_status
add_members(reader *r, uint32_t number, const ks_quarter_cursor *quarter, int64_t quarter_weight)
{
	uint32_t	entry = quarter->entry;
	ks_status	status = entry < quarter->entry_end ? open_members(r) : KS_OK;

	if (status == KS_OK && entry < quarter->entry_end && !ks_weight_run(&r->weights, quarter, quarter_weight))
		status = KS_E_CORRUPT;
	for (; entry < quarter->entry_end && status == KS_OK; entry++)
	{
		uint32_t	member = ks_member_ordinal(&r->members, entry);
		int64_t		weight;

		ks_check_interrupts_at(entry);
		if (member >= r->view->header.nmembers || !ks_weight_next(&r->weights, &weight))
			return KS_E_CORRUPT;
		status = ks_entries_add(&r->cut->sums, ks_member_hash(&r->members, member), (int32_t) quarter->quarter, 2 * number + 1, weight);
	}
	return status;
}

/* Adds what a key has in quarters that are cut. */
static ks_status
add_key(reader *r, const ks_intervals *intervals, const ks_key_cursor *cursor, const ks_key *key)
{
	ks_quarter_cursor quarters = ks_key_weights(r->view, cursor);
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		quarter;

	while (status == KS_OK && ks_quarter_peek(&quarters, &quarter))
	{
		uint32_t	number;
		int64_t		weight = 0;

		ks_walk_move(&w, intervals, quarter);
		if (w.bucket != KS_BUCKET_CUT)
		{
			status = ks_quarter_sum(&quarters, w.to, &weight);
			continue;
		}
		if (!ks_quarter_next(&quarters, &quarter, &weight))
			break;
		number = key_number(r->cut, key);
		status = ks_entries_add(&r->cut->sums, 0, quarter, 2 * number, weight);
		if (status == KS_OK)
			status = add_members(r, number, &quarters, weight);
	}
	return status != KS_OK ? status : quarters.status;
}

/* Adds what a row has in quarters that are cut, of keys that count. */
ks_status
ks_cut_add(ks_query *query, const ks_view *row, const ks_string *prefix)
{
	ks_view		view = *row;
	reader		r = {&query->cut, &view};
	ks_key_cursor cursor;
	ks_status	status;
	uint32_t	number = 0;

	if (!query->cut.any || !is_cut(&query->intervals, view.header.quarter_first, view.header.quarter_last))
		return KS_OK;
	status = ks_view_extend(&view, view.header.members_at);
	if (status != KS_OK)
		return status;
	cursor = ks_view_keys(&view);
	while (status == KS_OK && ks_key_next(&cursor))
	{
		ks_key		key = cursor.key;
		int64_t		first;

		ks_check_interrupts_at(number++);
		if (!ks_query_key_counts(query, &key, prefix))
			continue;
		if (!ks_key_first(&view, &cursor, &first) || first > cursor.last || is_cut(&query->intervals, (int32_t) first, (int32_t) cursor.last))
			status = add_key(&r, &query->intervals, &cursor, &key);
	}
	if (status == KS_OK)
		status = cursor.status;
	if (view.release != NULL)
		view.release(view.source);
	return status;
}

/* After the last row: whether there is nothing in any quarter that is cut. */
bool
ks_cut_empty(const ks_cut *cut)
{
	uint32_t	i;

	for (i = 0; cut->any && i < cut->sums.count; i++)
	{
		if (cut->sums.entry[i].weight != 0)
			return false;
	}
	return true;
}
