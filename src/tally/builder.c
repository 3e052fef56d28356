/*
 * Adding to a tally in memory.
 *
 * Everything that ever combines tallies (rows of one statement, compaction,
 * sum(), + and -, parallel workers) comes through ks_builder_merge: adding is
 * associative and commutative, so there is nothing else to get right.
 */
#include "tally/builder.h"

void
ks_bounds_reset(ks_bounds *bounds)
{
	bounds->first = bounds->removed_first = INT64_MAX;
	bounds->last = bounds->removed_last = INT64_MIN;
}

/* Notes one instant that was added or taken away. */
void
ks_bounds_note(ks_bounds *bounds, int64_t at, bool removed)
{
	int64_t    *first = removed ? &bounds->removed_first : &bounds->first;
	int64_t    *last = removed ? &bounds->removed_last : &bounds->last;

	if (at < *first)
		*first = at;
	if (at > *last)
		*last = at;
}

static void
widen(int64_t *first, int64_t *last, int64_t other_first, int64_t other_last)
{
	if (other_first < *first)
		*first = other_first;
	if (other_last > *last)
		*last = other_last;
}

/*
 * Whether the outermost instants that were added are those that were taken
 * away: then whatever these bounds are merged with keeps its own, where it is
 * one statement that took them away and added them.  Of several, they may have
 * come and gone, around an event that moved.
 */
bool
ks_bounds_consolidated(const ks_bounds *bounds)
{
	return bounds->first == bounds->removed_first && bounds->last == bounds->removed_last;
}

/* Whether they say nothing of whatever else they are merged with, wherever they come from. */
bool
ks_bounds_idle(const ks_bounds *bounds)
{
	return ks_bounds_consolidated(bounds) && bounds->first >= bounds->last;
}

/* Takes over another's bounds; what it added counts as taken away when it is subtracted. */
void
ks_bounds_merge(ks_bounds *bounds, const ks_bounds *other, bool negate)
{
	widen(negate ? &bounds->removed_first : &bounds->first,
		  negate ? &bounds->removed_last : &bounds->last, other->first, other->last);
	widen(negate ? &bounds->first : &bounds->removed_first,
		  negate ? &bounds->last : &bounds->removed_last, other->removed_first, other->removed_last);
}

void
ks_builder_init(ks_builder *builder, ks_memory memory)
{
	builder->memory = memory;
	ks_dictionary_init(&builder->keys, memory);
	ks_accumulator_init(&builder->weights, memory);
	ks_accumulator_init(&builder->members, memory);
	ks_bounds_reset(&builder->bounds);
}

void
ks_builder_free(ks_builder *builder)
{
	ks_dictionary_free(&builder->keys);
	ks_accumulator_free(&builder->weights);
	ks_accumulator_free(&builder->members);
	ks_bounds_reset(&builder->bounds);
}

size_t
ks_builder_bytes(const ks_builder *builder)
{
	return ks_dictionary_bytes(&builder->keys) + ks_accumulator_bytes(&builder->weights) +
		ks_accumulator_bytes(&builder->members);
}

/* Sums up what was added. */
ks_status
ks_builder_consolidate(ks_builder *builder)
{
	ks_status	status = ks_accumulator_consolidate(&builder->weights);

	return status != KS_OK ? status : ks_accumulator_consolidate(&builder->members);
}

/*
 * Whether everything added to a builder, which has been consolidated, has been taken
 * away again, the outermost instants included: an event that moved within its
 * quarter hour leaves no weight, but says that its old instant is gone and its
 * new one is there.
 */
bool
ks_builder_empty(const ks_builder *builder)
{
	return ks_bounds_consolidated(&builder->bounds) && builder->weights.count == 0 && builder->members.count == 0;
}

ks_status
ks_builder_add(ks_builder *builder, uint32_t key, int32_t quarter, int64_t weight)
{
	return ks_accumulator_add(&builder->weights, 0, quarter, key, weight);
}

/* Adds a weight that has a member: it counts in both accumulators. */
ks_status
ks_builder_add_member(ks_builder *builder, uint32_t key, int32_t quarter, uint64_t member, int64_t weight)
{
	ks_status	status = ks_accumulator_add(&builder->weights, 0, quarter, key, weight);

	return status != KS_OK ? status : ks_accumulator_add(&builder->members, member, quarter, key, weight);
}

static inline bool
negated(int64_t *weight, bool negate)
{
	return !negate || !__builtin_sub_overflow((int64_t) 0, *weight, weight);
}

/* One key's weights per quarter. */
static ks_status
merge_weights(ks_builder *builder, ks_quarter_cursor cursor, uint32_t key, bool negate, int32_t quarter_from, int32_t quarter_to)
{
	int32_t		quarter;
	int64_t		weight;

	while (ks_quarter_next(&cursor, &quarter, &weight))
	{
		ks_status	status;

		ks_check_interrupts_at(quarter);
		if (quarter < quarter_from || quarter >= quarter_to)
			continue;
		if (!negated(&weight, negate))
			return KS_E_OVERFLOW;
		status = ks_builder_add(builder, key, quarter, weight);
		if (status != KS_OK)
			return status;
	}
	return cursor.status;
}

/* The entries of one key and quarter; number maps the view's keys to the builder's. */
static ks_status
merge_run(ks_builder *builder, const ks_view *view, const ks_run_cursor *run, const ks_members *members,
		  ks_weight_stream *weights, const uint32_t *number, bool negate, bool inside)
{
	uint32_t	i;

	if (!ks_weight_run(weights, &run->quarters, run->weight))
		return KS_E_CORRUPT;
	for (i = run->entry; i < run->entry_end; i++)
	{
		uint32_t	ordinal = ks_member_ordinal(members, i);
		int64_t		weight;
		ks_status	status;

		ks_check_interrupts_at(i);
		if (ordinal >= view->header.nmembers || !ks_weight_next(weights, &weight))
			return KS_E_CORRUPT;
		if (!inside)
			continue;
		if (!negated(&weight, negate))
			return KS_E_OVERFLOW;
		status = ks_accumulator_add(&builder->members, ks_member_hash(members, ordinal), run->quarter,
									number[run->key], weight);
		if (status != KS_OK)
			return status;
	}
	return KS_OK;
}

/* All members. */
static ks_status
merge_members(ks_builder *builder, const ks_view *view, const uint32_t *number, bool negate, int32_t quarter_from, int32_t quarter_to)
{
	ks_run_cursor run = ks_view_runs(view);
	ks_members	members;
	ks_weight_stream weights;
	ks_status	status = ks_view_members(view, &members);

	if (status == KS_OK)
		status = ks_view_member_weights(view, &weights);
	if (status != KS_OK)
		return status;
	/* one that holds something consolidates before it grows */
	if (builder->members.count == 0)
		ks_accumulator_reserve(&builder->members, view->header.nentries);
	while (status == KS_OK && ks_run_next(&run))
	{
		ks_check_interrupts();
		status = merge_run(builder, view, &run, &members, &weights, number, negate, run.quarter >= quarter_from && run.quarter < quarter_to);
	}
	if (status != KS_OK)
		return status;
	if (run.status != KS_OK)
		return run.status;
	return run.keys.entry_end == view->header.nentries ? KS_OK : KS_E_CORRUPT;
}

/* The keys get the prefix in front of them. */
static ks_status
merge_quarters(ks_builder *builder, const ks_view *view, ks_string prefix, bool negate, int32_t quarter_from, int32_t quarter_to)
{
	ks_key_cursor cursor = ks_view_keys(view);
	uint32_t   *number;
	uint8_t    *bytes;
	uint32_t	keys = 0;
	ks_status	status = KS_OK;

	number = ks_alloc(builder->memory, ((size_t) cursor.left + 1) * sizeof(uint32_t));
	/* no key is longer than the dictionary, of which there may be less than the header says */
	bytes = ks_alloc(builder->memory, prefix.length + (cursor.left > 0 ? (size_t) (view->header.weights_at - view->header.keys_at) : 1));
	if (prefix.length > 0)
		memcpy(bytes, prefix.bytes, prefix.length);
	while (status == KS_OK && ks_key_next(&cursor))
	{
		ks_string	key = ks_key_join(bytes + prefix.length, &cursor.key);

		ks_check_interrupts();
		if (!ks_key_valid(key))
			status = KS_E_CORRUPT;
		else
		{
			if (prefix.length > 0)
			{
				memmove(bytes + prefix.length, key.bytes, key.length);
				key.bytes = bytes;
				key.length += prefix.length;
			}
			number[keys] = ks_dictionary_put(&builder->keys, key);
			status = merge_weights(builder, ks_key_weights(view, &cursor), number[keys], negate, quarter_from, quarter_to);
			keys++;
		}
	}
	if (status == KS_OK)
		status = cursor.status;
	if (status == KS_OK)
		status = merge_members(builder, view, number, negate, quarter_from, quarter_to);
	ks_free(bytes);
	ks_free(number);
	return status;
}

/* Adds a stored tally, or takes it away. */
ks_status
ks_builder_merge(ks_builder *builder, const ks_view *view, bool negate)
{
	ks_string	none = {NULL, 0};

	ks_bounds_merge(&builder->bounds, &view->header.bounds, negate);
	return merge_quarters(builder, view, none, negate, KS_QUARTER_MIN, KS_QUARTER_MAX + 1);
}

/* The same for the tally of one measure and a mixed one: the measure's name becomes the first part of each key. */
ks_status
ks_builder_merge_under(ks_builder *builder, const ks_view *view, bool negate, ks_string name)
{
	uint8_t    *bytes = ks_alloc(builder->memory, name.length + KS_VARINT_MAX);
	ks_string	prefix = {bytes, (size_t) (ks_key_put(bytes, name.bytes, name.length) - bytes)};
	ks_status	status;

	ks_bounds_merge(&builder->bounds, &view->header.bounds, negate);
	status = merge_quarters(builder, view, prefix, negate, KS_QUARTER_MIN, KS_QUARTER_MAX + 1);
	ks_free(bytes);
	return status;
}

/* What bounds say of a part of their time: where they go beyond it, its end, of which nobody knows whether an event is there. */
ks_bounds
ks_bounds_within(const ks_bounds *all, int64_t from, int64_t last)
{
	ks_bounds	result;

	ks_bounds_reset(&result);
	if (from > last)
		return result;
	if (!ks_bounds_none(all) && all->first <= last && all->last >= from)
	{
		result.first = all->first < from ? from : all->first;
		result.last = all->last > last ? last : all->last;
		if (all->first < from)
			ks_bounds_note(&result, from, true);
		if (all->last > last)
			ks_bounds_note(&result, last, true);
	}
	if (all->removed_first <= last && all->removed_last >= from)
	{
		ks_bounds_note(&result, all->removed_first < from ? from : all->removed_first, true);
		ks_bounds_note(&result, all->removed_last > last ? last : all->removed_last, true);
	}
	return result;
}

/*
 * The same for the quarters of [quarter_from, quarter_to).  A bound that is cut off is
 * replaced by the cut, and marked as taken away: it is no instant of an event.
 */
ks_status
ks_builder_merge_range(ks_builder *builder, const ks_view *view, bool negate, int32_t quarter_from, int32_t quarter_to)
{
	ks_bounds	bounds = ks_bounds_within(&view->header.bounds, quarter_from * KS_QUARTER_USECS, quarter_to * KS_QUARTER_USECS - 1);
	ks_string	none = {NULL, 0};

	ks_bounds_merge(&builder->bounds, &bounds, negate);
	return merge_quarters(builder, view, none, negate, quarter_from, quarter_to);
}

static ks_status
add_accumulator(ks_accumulator *to, const ks_accumulator *from, const uint32_t *number)
{
	ks_status	status = KS_OK;
	uint32_t	i;

	for (i = 0; i < from->count && status == KS_OK; i++)
	{
		const ks_entry *e = &from->entry[i];

		ks_check_interrupts_at(i);
		status = ks_accumulator_add(to, e->member, e->quarter, number[e->key], e->weight);
	}
	return status;
}

/* Adds what another builder has. */
ks_status
ks_builder_add_all(ks_builder *builder, const ks_builder *other)
{
	uint32_t   *number = ks_alloc(builder->memory, ((size_t) other->keys.count + 1) * sizeof(uint32_t));
	ks_status	status;
	uint32_t	i;

	ks_bounds_merge(&builder->bounds, &other->bounds, false);
	for (i = 0; i < other->keys.count; i++)
	{
		ks_check_interrupts_at(i);
		number[i] = ks_dictionary_put(&builder->keys, ks_dictionary_get(&other->keys, i));
	}
	status = add_accumulator(&builder->weights, &other->weights, number);
	if (status == KS_OK)
		status = add_accumulator(&builder->members, &other->members, number);
	ks_free(number);
	return status;
}

/* Gives each share the entries whose key begins with its name. */
static ks_status
share_out(const ks_accumulator *from, bool members, ks_share *shares, const uint32_t *share, const uint32_t *number)
{
	uint32_t	i;

	for (i = 0; i < from->count; i++)
	{
		const ks_entry *e = &from->entry[i];
		ks_builder *to = &shares[share[e->key]].builder;
		ks_status	status = ks_accumulator_add(members ? &to->members : &to->weights, e->member, e->quarter,
												number[e->key], e->weight);

		ks_check_interrupts_at(i);
		if (status != KS_OK)
			return status;
	}
	return KS_OK;
}

/* Takes the first part off a key: its bytes as they stand there, a key without parts counting as one whose first is NULL. */
static ks_string
shift_name(ks_string *key, ks_string *name)
{
	ks_string	head = *key;

	if (!ks_key_shift(key, name))
	{
		head.bytes = (const uint8_t *) "";	/* a NULL part: one zero byte */
		head.length = 1;
		name->bytes = NULL;
		name->length = 0;
	}
	else
		head.length -= key->length;
	return head;
}

/*
 * Sorts a mixed tally out by the first part of its keys.  The names point into
 * the mixed builder; each share has its bounds, which enclose the share's own.
 */
ks_status
ks_builder_split(const ks_builder *mixed, ks_share **shares, uint32_t *count)
{
	size_t		nkeys = mixed->keys.count;
	uint32_t   *share = ks_alloc(mixed->memory, (nkeys + 1) * sizeof(uint32_t));
	uint32_t   *number = ks_alloc(mixed->memory, (nkeys + 1) * sizeof(uint32_t));
	ks_share   *result = ks_alloc(mixed->memory, (nkeys + 1) * sizeof(ks_share));
	ks_dictionary names;
	uint32_t	found = 0;
	uint32_t	i;
	ks_status	status;

	ks_dictionary_init(&names, mixed->memory);
	for (i = 0; i < nkeys; i++)
	{
		ks_string	rest = ks_dictionary_get(&mixed->keys, i);
		ks_string	name;

		ks_check_interrupts_at(i);
		share[i] = ks_dictionary_put(&names, shift_name(&rest, &name));
		if (share[i] == found)
		{
			result[found].name = name;
			ks_builder_init(&result[found].builder, mixed->memory);
			result[found].builder.bounds = mixed->bounds;
			found++;
		}
		number[i] = ks_dictionary_put(&result[share[i]].builder.keys, rest);
	}
	status = share_out(&mixed->weights, false, result, share, number);
	if (status == KS_OK)
		status = share_out(&mixed->members, true, result, share, number);
	ks_dictionary_free(&names);
	ks_free(share);
	ks_free(number);
	*shares = result;
	*count = found;
	return status;
}
