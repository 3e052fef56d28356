/*
 * From a builder, whose entries are in the order of time, to what is written of it: its
 * keys sorted, with their tails; weights and entries by key; sums by quarter; members in
 * the order of their first visits.
 */
#include "tally/draft.h"

#include "base/sort.h"

static int
compare_named(const void *a, const void *b)
{
	ks_check_interrupts();
	return ks_key_compare(((const ks_named_key *) a)->key, ((const ks_named_key *) b)->key);
}

static void
mark_keys(const ks_accumulator *accumulator, uint32_t *rank)
{
	uint32_t	i;

	for (i = 0; i < accumulator->count; i++)
	{
		ks_check_interrupts_at(i);
		rank[accumulator->entry[i].key] = 1;
	}
}

/* Sorts the keys in use and returns the rank of each key of the dictionary. */
static uint32_t *
rank_keys(ks_draft *d, const ks_builder *builder)
{
	uint32_t	known = builder->keys.count;
	uint32_t   *rank = ks_alloc(d->memory, ((size_t) known + 1) * sizeof(uint32_t));
	uint32_t	i;

	memset(rank, 0, ((size_t) known + 1) * sizeof(uint32_t));
	mark_keys(&builder->weights, rank);
	mark_keys(&builder->members, rank);

	d->keys = ks_alloc(d->memory, ((size_t) known + 1) * sizeof(ks_named_key));
	for (i = 0; i < known; i++)
	{
		if (rank[i] != 0)
		{
			d->keys[d->nkeys].key = ks_dictionary_get(&builder->keys, i);
			d->keys[d->nkeys++].number = i;
		}
	}
	ks_sort(d->keys, d->nkeys, sizeof(ks_named_key), compare_named, d->memory);
	for (i = 0; i < d->nkeys; i++)
		rank[d->keys[i].number] = i;
	return rank;
}

static inline ks_string
key_tail(const ks_named_key *key)
{
	return (ks_string) {key->key.bytes + key->head_length, key->key.length - key->head_length};
}

/* Sorts the tails of the keys, and notes of each key which is its. */
static void
draft_tails(ks_draft *d)
{
	uint32_t   *rank;
	ks_named_key *sorted;
	ks_dictionary tails;
	uint32_t	i;

	ks_dictionary_init(&tails, d->memory);
	for (i = 0; i < d->nkeys; i++)
	{
		ks_check_interrupts_at(i);
		d->keys[i].head_length = (uint32_t) ks_key_cut(d->keys[i].key).head.length;
		d->keys[i].tail = ks_dictionary_put(&tails, key_tail(&d->keys[i]));
	}
	d->ntails = tails.count;
	sorted = ks_alloc(d->memory, ((size_t) d->ntails + 1) * sizeof(ks_named_key));
	rank = ks_alloc(d->memory, ((size_t) d->ntails + 1) * sizeof(uint32_t));
	for (i = 0; i < d->nkeys; i++)
	{
		/* the bytes in the builder, which stay */
		sorted[d->keys[i].tail].key = key_tail(&d->keys[i]);
		sorted[d->keys[i].tail].number = d->keys[i].tail;
	}
	ks_dictionary_free(&tails);
	ks_sort(sorted, d->ntails, sizeof(ks_named_key), compare_named, d->memory);
	d->tails = ks_alloc(d->memory, ((size_t) d->ntails + 1) * sizeof(ks_string));
	for (i = 0; i < d->ntails; i++)
	{
		rank[sorted[i].number] = i;
		d->tails[i] = sorted[i].key;
		d->tail_bytes += sorted[i].key.length;
	}
	for (i = 0; i < d->nkeys; i++)
		d->keys[i].tail = rank[d->keys[i].tail];
	ks_free(rank);
	ks_free(sorted);
}

/* Quarters that the accumulator has, and whether it has anything below zero. */
static void
note_range(ks_draft *d, const ks_accumulator *accumulator)
{
	uint32_t	i;

	for (i = 0; i < accumulator->count; i++)
	{
		ks_check_interrupts_at(i);
		d->negative |= accumulator->entry[i].weight < 0;
	}
	if (accumulator->count == 0)
		return;
	if (d->quarter_first > d->quarter_last)
	{
		d->quarter_first = accumulator->entry[0].quarter;
		d->quarter_last = accumulator->entry[accumulator->count - 1].quarter;
	}
	if (accumulator->entry[0].quarter < d->quarter_first)
		d->quarter_first = accumulator->entry[0].quarter;
	if (accumulator->entry[accumulator->count - 1].quarter > d->quarter_last)
		d->quarter_last = accumulator->entry[accumulator->count - 1].quarter;
}

/* A copy of entries, by key and otherwise in the order they are in; rank gives keys their numbers, unless they have them. */
static ks_entry *
sort_by_key(const ks_draft *d, const ks_entry *entries, uint32_t count, const uint32_t *rank)
{
	uint32_t   *next = ks_alloc(d->memory, ((size_t) d->nkeys + 1) * sizeof(uint32_t));
	ks_entry   *sorted = ks_alloc(d->memory, ((size_t) count + 1) * sizeof(ks_entry));
	uint32_t	i;

	memset(next, 0, ((size_t) d->nkeys + 1) * sizeof(uint32_t));
	for (i = 0; i < count; i++)
	{
		ks_check_interrupts_at(i);
		next[(rank != NULL ? rank[entries[i].key] : entries[i].key) + 1]++;
	}
	for (i = 1; i < d->nkeys; i++)
		next[i] += next[i - 1];
	for (i = 0; i < count; i++)
	{
		ks_entry	e = entries[i];

		ks_check_interrupts_at(i);
		e.key = rank != NULL ? rank[e.key] : e.key;
		sorted[next[e.key]++] = e;
	}
	ks_free(next);
	return sorted;
}

/* The consolidated weights, which are by quarter, by key and quarter. */
static void
draft_weights(ks_draft *d, const ks_accumulator *weights, const uint32_t *rank)
{
	d->weights = sort_by_key(d, weights->entry, weights->count, rank);
	d->nweights = weights->count;
}

/*
 * A sum that may leave 64 bits on the way: in which order keys come says nothing of what a tally holds,
 * and one that was written must be read again, in another order.
 */
typedef struct wide_sum
{
	int64_t		low;			/* what is left in 64 bits */
	int64_t		left;			/* how often it has left them upwards, less how often downwards */
} wide_sum;

static inline void
add_wide(wide_sum *sum, int64_t weight)
{
	if (__builtin_add_overflow(sum->low, weight, &sum->low))
		sum->left += weight > 0 ? 1 : -1;
}

/* Takes the sum of a quarter, of which nothing is written where its keys have added up to nothing; false where it does not fit. */
static bool
end_quarter(ks_draft *d, int32_t quarter, const wide_sum *sum)
{
	if (sum->low != 0)
	{
		d->quarters[d->nquarters].quarter = quarter;
		d->quarters[d->nquarters++].weight = sum->low;
	}
	return sum->left == 0;
}

/* Weight per quarter over all keys, and the total; no sum, that of a key neither, may be beyond 64 bits. */
static ks_status
draft_quarters(ks_draft *d, const ks_accumulator *weights)
{
	wide_sum	key = {0, 0};
	wide_sum	quarter = {0, 0};
	wide_sum	total = {0, 0};
	bool		fits = true;
	uint32_t	i;

	for (i = 0; i < d->nweights; i++)
	{
		ks_check_interrupts_at(i);
		add_wide(&key, d->weights[i].weight);
		if (i + 1 == d->nweights || d->weights[i + 1].key != d->weights[i].key)
		{
			fits &= key.left == 0;
			key = (wide_sum) {0, 0};
		}
	}
	d->quarters = ks_alloc(d->memory, ((size_t) weights->count + 1) * sizeof(ks_entry));
	for (i = 0; i < weights->count; i++)
	{
		const ks_entry *e = &weights->entry[i];

		ks_check_interrupts_at(i);
		add_wide(&total, e->weight);
		add_wide(&quarter, e->weight);
		if (i + 1 == weights->count || e[1].quarter != e->quarter)
		{
			fits &= end_quarter(d, e->quarter, &quarter);
			quarter = (wide_sum) {0, 0};
		}
	}
	d->total = total.low;
	return fits && total.left == 0 ? KS_OK : KS_E_OVERFLOW;
}

static void
draft_members(ks_draft *d, const ks_accumulator *members, const uint32_t *rank)
{
	ks_entry   *sorted;
	uint32_t	i;

	d->nentries = members->count;
	d->members = ks_alloc(d->memory, ((size_t) members->count + 1) * sizeof(ks_entry));
	for (i = 0; i < members->count; i++)
	{
		ks_check_interrupts_at(i);
		d->members[i] = members->entry[i];
		d->members[i].key = rank[d->members[i].key];
	}
	ks_visits_order(&d->visits, d->memory, d->members, d->nentries, d->quarter_first);
	/* visits go by quarter, entries are stored by key */
	sorted = sort_by_key(d, d->members, d->nentries, NULL);
	ks_free(d->members);
	d->members = sorted;
}

/* Takes what the consolidated builder has; the draft, which is empty, knows the memory. */
ks_status
ks_draft_fill(ks_draft *d, const ks_builder *builder)
{
	uint32_t   *rank = rank_keys(d, builder);
	ks_status	status;

	draft_tails(d);
	d->quarter_first = 1;
	d->quarter_last = 0;
	note_range(d, &builder->weights);
	note_range(d, &builder->members);
	if (d->quarter_first > d->quarter_last)
		d->quarter_first = d->quarter_last = 0;
	draft_weights(d, &builder->weights, rank);
	status = d->quarter_first < KS_QUARTER_MIN || d->quarter_last > KS_QUARTER_MAX ? KS_E_CORRUPT
		: draft_quarters(d, &builder->weights);
	if (status == KS_OK)
		draft_members(d, &builder->members, rank);
	ks_free(rank);
	return status;
}

void
ks_draft_free(ks_draft *d)
{
	ks_free(d->keys);
	ks_free(d->tails);
	ks_free(d->weights);
	if (d->quarters != NULL)
		ks_free(d->quarters);
	if (d->members != NULL)
		ks_free(d->members);
	ks_visits_free(&d->visits);
}
