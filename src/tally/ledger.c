/*
 * Adding up without a table that has to be searched.
 *
 * A tally is packed in the order of its slots, and events come nearly in that
 * order, from a statement as well as from stored tallies.  So an entry is
 * appended, and only now and then all are sorted, which costs little where they
 * are nearly sorted, and those of the same member, slot and key put together.
 * What comes again soon (most of it: a session's next message) is found through
 * a small table of recent entries, which may forget.
 */
#include "tally/ledger.h"

#define FIRST_CAPACITY 16
#define MAX_CAPACITY (UINT32_C(1) << 30)

/* From so many entries on, recent ones are remembered, and the ledger is settled before it grows. */
#define RECENT 1024

/* Slots are sorted by counting them, unless there are so many more slots than entries. */
#define SLOTS_AN_ENTRY 16

void
ks_ledger_init(ks_ledger *ledger, ks_memory memory)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->memory = memory;
	ledger->settled = true;
}

static void
forget_recent(ks_ledger *ledger)
{
	if (ledger->recent != NULL)
		memset(ledger->recent, 0, RECENT * sizeof(uint32_t));
}

/* Makes room for that many entries in all, as far as there may be so many. */
void
ks_ledger_reserve(ks_ledger *ledger, size_t count)
{
	size_t		capacity = ledger->capacity ? ledger->capacity : FIRST_CAPACITY;

	if (count <= ledger->capacity)
		return;
	while (capacity < count && capacity < MAX_CAPACITY)
		capacity *= 2;
	ledger->entry = ledger->capacity == 0 ? ks_alloc(ledger->memory, capacity * sizeof(ks_entry))
		: ks_realloc(ledger->entry, capacity * sizeof(ks_entry));
	ledger->capacity = (uint32_t) capacity;
	if (capacity >= RECENT && ledger->recent == NULL)
	{
		ledger->recent = ks_alloc(ledger->memory, RECENT * sizeof(uint32_t));
		forget_recent(ledger);
	}
}

static ks_status
make_room(ks_ledger *ledger)
{
	if (ledger->capacity >= RECENT)
	{
		ks_status	status = ks_ledger_settle(ledger);

		if (status != KS_OK)
			return status;
	}
	/* half of it free, or it would be settled again before long */
	if (ledger->count >= ledger->capacity / 2)
		ks_ledger_reserve(ledger, (size_t) ledger->capacity + 1);
	return ledger->count < ledger->capacity ? KS_OK : KS_E_LIMIT;
}

static inline uint32_t *
recent_place(const ks_ledger *ledger, uint64_t member, int32_t slot, uint32_t key)
{
	uint64_t	mixed = (member ^ (uint64_t) key << 32 ^ (uint32_t) slot) * UINT64_C(0x9E3779B97F4A7C15);

	return &ledger->recent[mixed >> 32 & (RECENT - 1)];
}

static inline bool
same_place(const ks_entry *a, const ks_entry *b)
{
	return a->member == b->member && a->slot == b->slot && a->key == b->key;
}

ks_status
ks_ledger_add(ks_ledger *ledger, uint64_t member, int32_t slot, uint32_t key, int64_t weight)
{
	ks_entry	added = {member, slot, key, weight};
	uint32_t   *recent;

	if (ledger->recent != NULL)
	{
		recent = recent_place(ledger, member, slot, key);
		if (*recent > 0 && same_place(&ledger->entry[*recent - 1], &added))
		{
			int64_t    *sum = &ledger->entry[*recent - 1].weight;

			ledger->settled = false;
			return __builtin_add_overflow(*sum, weight, sum) ? KS_E_OVERFLOW : KS_OK;
		}
	}
	if (ledger->count == ledger->capacity)
	{
		ks_status	status = make_room(ledger);

		if (status != KS_OK)
			return status;
	}
	ledger->entry[ledger->count++] = added;
	ledger->settled = false;
	if (ledger->recent != NULL)
		*recent_place(ledger, member, slot, key) = ledger->count;
	return KS_OK;
}

static bool
slots_ascend(const ks_ledger *ledger, int32_t *first, int32_t *last)
{
	bool		result = true;
	uint32_t	i;

	*first = *last = ledger->entry[0].slot;
	for (i = 1; i < ledger->count; i++)
	{
		int32_t		slot = ledger->entry[i].slot;

		ks_check_interrupts_at(i);
		result &= slot >= ledger->entry[i - 1].slot;
		*first = slot < *first ? slot : *first;
		*last = slot > *last ? slot : *last;
	}
	return result;
}

/* Brings the entries into the order of their slots, those of one slot staying in their order. */
static void
count_slots(ks_ledger *ledger, int32_t slot_first, size_t span)
{
	ks_entry   *sorted = ks_alloc(ledger->memory, (size_t) ledger->capacity * sizeof(ks_entry));
	uint32_t   *next = ks_alloc(ledger->memory, span * sizeof(uint32_t));
	uint32_t	sum = 0;
	uint32_t	i;
	size_t		slot;

	memset(next, 0, span * sizeof(uint32_t));
	for (i = 0; i < ledger->count; i++)
	{
		ks_check_interrupts_at(i);
		next[ledger->entry[i].slot - slot_first]++;
	}
	for (slot = 0; slot < span; slot++)
	{
		uint32_t	here = next[slot];

		next[slot] = sum;
		sum += here;
	}
	for (i = 0; i < ledger->count; i++)
	{
		ks_check_interrupts_at(i);
		sorted[next[ledger->entry[i].slot - slot_first]++] = ledger->entry[i];
	}
	ks_free(next);
	ks_free(ledger->entry);
	ledger->entry = sorted;
}

/* Sorts all entries; where slots are too far apart to be counted, by comparing. */
static void
sort_entries(ks_ledger *ledger)
{
	int32_t		first,
				last;
	uint32_t	begin,
				end;

	if (!slots_ascend(ledger, &first, &last))
	{
		size_t		span = (size_t) ((int64_t) last - first) + 1;

		if (ledger->count <= KS_FEW_ENTRIES || span / SLOTS_AN_ENTRY > ledger->count)
		{
			ks_entries_sort(ledger->entry, ledger->count, ledger->memory);
			return;
		}
		count_slots(ledger, first, span);
	}
	for (begin = 0; begin < ledger->count; begin = end)
	{
		for (end = begin + 1; end < ledger->count && ledger->entry[end].slot == ledger->entry[begin].slot; end++)
			;
		ks_check_interrupts();
		ks_entries_sort(ledger->entry + begin, end - begin, ledger->memory);
	}
}

/* Sums up: afterwards each member, slot and key is there once, in this order, and nothing that is zero. */
ks_status
ks_ledger_settle(ks_ledger *ledger)
{
	ks_entry   *entry;
	uint32_t	kept = 0;
	uint32_t	i,
				next;

	if (ledger->settled)
		return KS_OK;
	ks_check_interrupts();
	sort_entries(ledger);
	entry = ledger->entry;
	for (i = 0; i < ledger->count; i = next)
	{
		ks_entry	sum = entry[i];

		ks_check_interrupts_at(kept);
		for (next = i + 1; next < ledger->count && same_place(&entry[next], &sum); next++)
		{
			if (__builtin_add_overflow(sum.weight, entry[next].weight, &sum.weight))
				return KS_E_OVERFLOW;
		}
		if (sum.weight != 0)
			entry[kept++] = sum;
	}
	ledger->count = kept;
	ledger->settled = true;
	forget_recent(ledger);
	return KS_OK;
}

size_t
ks_ledger_bytes(const ks_ledger *ledger)
{
	return (size_t) ledger->capacity * sizeof(ks_entry) + (ledger->recent != NULL ? RECENT * sizeof(uint32_t) : 0);
}

void
ks_ledger_free(ks_ledger *ledger)
{
	if (ledger->capacity > 0)
		ks_free(ledger->entry);
	if (ledger->recent != NULL)
		ks_free(ledger->recent);
	ks_ledger_init(ledger, ledger->memory);
}
