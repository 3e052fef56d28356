/*
 * Adding up without a table that has to be searched.
 *
 * A tally is packed in the order of its quarters, and events come nearly in that
 * order, from a statement as well as from stored tallies.  So an entry is
 * appended, and only now and then all are sorted, which costs little where they
 * are nearly sorted, and those of the same member, quarter and key put together.
 * What comes again soon (most of it: a session's next message) is found through
 * a small table of recent entries, which may forget.
 */
#include "tally/accumulator.h"

#define FIRST_CAPACITY 16
#define MAX_CAPACITY (UINT32_C(1) << 30)

/* From so many entries on, recent ones are remembered, and the accumulator is consolidated before it grows. */
#define RECENT 1024

/* Quarters are sorted by counting them, unless there are so many more quarters than entries. */
#define QUARTERS_AN_ENTRY 16

void
ks_accumulator_init(ks_accumulator *accumulator, ks_memory memory)
{
	memset(accumulator, 0, sizeof(*accumulator));
	accumulator->memory = memory;
	accumulator->consolidated = true;
}

static void
forget_recent(ks_accumulator *accumulator)
{
	if (accumulator->recent != NULL)
		memset(accumulator->recent, 0, RECENT * sizeof(uint32_t));
}

/* Makes room for that many entries in all, as far as there may be so many. */
void
ks_accumulator_reserve(ks_accumulator *accumulator, size_t count)
{
	size_t		capacity = accumulator->capacity ? accumulator->capacity : FIRST_CAPACITY;

	if (count <= accumulator->capacity)
		return;
	while (capacity < count && capacity < MAX_CAPACITY)
		capacity *= 2;
	accumulator->entry = accumulator->capacity == 0 ? ks_alloc(accumulator->memory, capacity * sizeof(ks_entry))
		: ks_realloc(accumulator->entry, capacity * sizeof(ks_entry));
	accumulator->capacity = (uint32_t) capacity;
	if (capacity >= RECENT && accumulator->recent == NULL)
	{
		accumulator->recent = ks_alloc(accumulator->memory, RECENT * sizeof(uint32_t));
		forget_recent(accumulator);
	}
}

static ks_status
make_room(ks_accumulator *accumulator)
{
	if (accumulator->capacity >= RECENT)
	{
		ks_status	status = ks_accumulator_consolidate(accumulator);

		if (status != KS_OK)
			return status;
	}
	/* half of it free, or it would be consolidated again before long */
	if (accumulator->count >= accumulator->capacity / 2)
		ks_accumulator_reserve(accumulator, (size_t) accumulator->capacity + 1);
	return accumulator->count < accumulator->capacity ? KS_OK : KS_E_LIMIT;
}

static inline uint32_t *
recent_place(const ks_accumulator *accumulator, uint64_t member, int32_t quarter, uint32_t key)
{
	uint64_t	mixed = (member ^ (uint64_t) key << 32 ^ (uint32_t) quarter) * UINT64_C(0x9E3779B97F4A7C15);

	return &accumulator->recent[mixed >> 32 & (RECENT - 1)];
}

static inline bool
same_place(const ks_entry *a, const ks_entry *b)
{
	return a->member == b->member && a->quarter == b->quarter && a->key == b->key;
}

ks_status
ks_accumulator_add(ks_accumulator *accumulator, uint64_t member, int32_t quarter, uint32_t key, int64_t weight)
{
	ks_entry	added = {member, quarter, key, weight};
	uint32_t   *recent;

	if (accumulator->recent != NULL)
	{
		recent = recent_place(accumulator, member, quarter, key);
		if (*recent > 0 && same_place(&accumulator->entry[*recent - 1], &added))
		{
			int64_t    *sum = &accumulator->entry[*recent - 1].weight;

			accumulator->consolidated = false;
			return __builtin_add_overflow(*sum, weight, sum) ? KS_E_OVERFLOW : KS_OK;
		}
	}
	if (accumulator->count == accumulator->capacity)
	{
		ks_status	status = make_room(accumulator);

		if (status != KS_OK)
			return status;
	}
	accumulator->entry[accumulator->count++] = added;
	accumulator->consolidated = false;
	if (accumulator->recent != NULL)
		*recent_place(accumulator, member, quarter, key) = accumulator->count;
	return KS_OK;
}

static bool
quarters_ascend(const ks_accumulator *accumulator, int32_t *first, int32_t *last)
{
	bool		result = true;
	uint32_t	i;

	*first = *last = accumulator->entry[0].quarter;
	for (i = 1; i < accumulator->count; i++)
	{
		int32_t		quarter = accumulator->entry[i].quarter;

		ks_check_interrupts_at(i);
		result &= quarter >= accumulator->entry[i - 1].quarter;
		*first = quarter < *first ? quarter : *first;
		*last = quarter > *last ? quarter : *last;
	}
	return result;
}

/* Brings the entries into the order of their quarters, those of one quarter staying in their order. */
static void
count_quarters(ks_accumulator *accumulator, int32_t quarter_first, size_t span)
{
	ks_entry   *sorted = ks_alloc(accumulator->memory, (size_t) accumulator->capacity * sizeof(ks_entry));
	uint32_t   *next = ks_alloc(accumulator->memory, span * sizeof(uint32_t));
	uint32_t	sum = 0;
	uint32_t	i;
	size_t		quarter;

	memset(next, 0, span * sizeof(uint32_t));
	for (i = 0; i < accumulator->count; i++)
	{
		ks_check_interrupts_at(i);
		next[accumulator->entry[i].quarter - quarter_first]++;
	}
	for (quarter = 0; quarter < span; quarter++)
	{
		uint32_t	here = next[quarter];

		next[quarter] = sum;
		sum += here;
	}
	for (i = 0; i < accumulator->count; i++)
	{
		ks_check_interrupts_at(i);
		sorted[next[accumulator->entry[i].quarter - quarter_first]++] = accumulator->entry[i];
	}
	ks_free(next);
	ks_free(accumulator->entry);
	accumulator->entry = sorted;
}

/* Sorts all entries; where quarters are too far apart to be counted, by comparing. */
static void
sort_entries(ks_accumulator *accumulator)
{
	int32_t		first,
				last;
	uint32_t	begin,
				end;

	if (!quarters_ascend(accumulator, &first, &last))
	{
		size_t		span = (size_t) ((int64_t) last - first) + 1;

		if (accumulator->count <= KS_FEW_ENTRIES || span / QUARTERS_AN_ENTRY > accumulator->count)
		{
			ks_entries_sort(accumulator->entry, accumulator->count, accumulator->memory);
			return;
		}
		count_quarters(accumulator, first, span);
	}
	for (begin = 0; begin < accumulator->count; begin = end)
	{
		for (end = begin + 1; end < accumulator->count && accumulator->entry[end].quarter == accumulator->entry[begin].quarter; end++)
			;
		ks_check_interrupts();
		ks_entries_sort(accumulator->entry + begin, end - begin, accumulator->memory);
	}
}

/* Sums up: afterwards each member, quarter and key is there once, in this order, and nothing that is zero. */
ks_status
ks_accumulator_consolidate(ks_accumulator *accumulator)
{
	ks_entry   *entry;
	uint32_t	kept = 0;
	uint32_t	i,
				next;

	if (accumulator->consolidated)
		return KS_OK;
	ks_check_interrupts();
	sort_entries(accumulator);
	entry = accumulator->entry;
	for (i = 0; i < accumulator->count; i = next)
	{
		ks_entry	sum = entry[i];

		ks_check_interrupts_at(kept);
		for (next = i + 1; next < accumulator->count && same_place(&entry[next], &sum); next++)
		{
			if (__builtin_add_overflow(sum.weight, entry[next].weight, &sum.weight))
				return KS_E_OVERFLOW;
		}
		if (sum.weight != 0)
			entry[kept++] = sum;
	}
	accumulator->count = kept;
	accumulator->consolidated = true;
	forget_recent(accumulator);
	return KS_OK;
}

size_t
ks_accumulator_bytes(const ks_accumulator *accumulator)
{
	return (size_t) accumulator->capacity * sizeof(ks_entry) + (accumulator->recent != NULL ? RECENT * sizeof(uint32_t) : 0);
}

void
ks_accumulator_free(ks_accumulator *accumulator)
{
	if (accumulator->capacity > 0)
		ks_free(accumulator->entry);
	if (accumulator->recent != NULL)
		ks_free(accumulator->recent);
	ks_accumulator_init(accumulator, accumulator->memory);
}
