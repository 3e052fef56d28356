/*
 * Whether there is anything in the quarter hours that edges cut.
 *
 * Only after the last row is that known: another row may take away what this
 * one has.  Nor do sums say it, since what keys and members have in a quarter
 * hour may add up to nothing while it is there.  So what rows have in such slots
 * is added up key by key and member by member.
 */
#include "tally/fold.h"

void
ks_cut_init(ks_cut *cut, const ks_bins *bins, ks_memory memory)
{
	uint32_t	i;

	memset(cut, 0, sizeof(*cut));
	for (i = 0; bins->nsegments > 0 && i <= bins->nsegments; i++)
		cut->any |= bins->cut[i];
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

/* Whether an edge cuts one of the slots [first, last]. */
static bool
is_cut(const ks_bins *bins, int32_t first, int32_t last)
{
	int64_t		i = ks_bins_segment(bins, first);

	for (i = i < 0 ? 0 : i; i <= (int64_t) bins->nsegments && bins->edge[i] <= last; i++)
	{
		if (bins->cut[i] && bins->edge[i] >= first)
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

/* A key's members in a slot, under an odd number; its weight there is under an even one. */
static ks_status
add_members(reader *r, uint32_t number, int32_t slot, uint32_t entry, uint32_t end)
{
	ks_status	status = entry < end ? open_members(r) : KS_OK;

	for (; entry < end && status == KS_OK; entry++)
	{
		uint32_t	member = ks_member_ordinal(&r->members, entry);
		int64_t		weight;

		ks_check_interrupts_at(entry);
		if (member >= r->view->header.nmembers || !ks_weight_at(&r->weights, entry, &weight))
			return KS_E_CORRUPT;
		status = ks_entries_add(&r->cut->sums, ks_member_hash(&r->members, member), slot, 2 * number + 1, weight);
	}
	return status;
}

/* Adds what a key has in slots that are cut. */
static ks_status
add_key(reader *r, const ks_bins *bins, const ks_key_cursor *cursor, const ks_key *key)
{
	ks_slot_cursor slots = ks_key_weights(r->view, cursor);
	ks_walk		w = ks_walk_start();
	ks_status	status = KS_OK;
	int32_t		slot;

	while (status == KS_OK && ks_slot_peek(&slots, &slot))
	{
		uint32_t	number;
		int64_t		weight = 0;

		ks_walk_move(&w, bins, slot);
		if (w.bin != KS_BIN_CUT)
		{
			status = ks_slot_sum(&slots, w.to, &weight);
			continue;
		}
		if (!ks_slot_next(&slots, &slot, &weight))
			break;
		number = key_number(r->cut, key);
		status = ks_entries_add(&r->cut->sums, 0, slot, 2 * number, weight);
		if (status == KS_OK)
			status = add_members(r, number, slot, slots.entry, slots.entry_end);
	}
	return status != KS_OK ? status : slots.status;
}

/* Adds what a row has in slots that are cut, of keys that count. */
ks_status
ks_cut_add(ks_fold *fold, const ks_view *row, const ks_string *prefix)
{
	ks_view		view = *row;
	reader		r = {&fold->cut, &view};
	ks_key_cursor cursor;
	ks_status	status;
	uint32_t	number = 0;

	if (!fold->cut.any || !is_cut(&fold->bins, view.header.slot_first, view.header.slot_last))
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
		if (!ks_fold_key_counts(fold, &key, prefix))
			continue;
		if (!ks_key_first(&view, &cursor, &first) || first > cursor.last || is_cut(&fold->bins, (int32_t) first, (int32_t) cursor.last))
			status = add_key(&r, &fold->bins, &cursor, &key);
	}
	if (status == KS_OK)
		status = cursor.status;
	if (view.release != NULL)
		view.release(view.source);
	return status;
}

/* After the last row: whether there is nothing in any slot that is cut. */
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
