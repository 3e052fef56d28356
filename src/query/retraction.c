/*
 * Retractions: rows that take away what other rows have added.
 *
 * The members of a row with weights below zero count only where their weights in all
 * rows add up to something.  To find out, these members are collected first, with
 * the bucket or line that they are in.  Then the other rows are searched for the same
 * members, and their weights are added.  All other members are counted as if there
 * were no such rows; where that counted a member that is in fact gone, or missed one
 * that is left, ks_retraction_count() corrects it.
 */
#include "query/distinct.h"

#include "base/seed.h"

/* Bits of the marks for each member, at least so many in all: few others share one. */
#define BITS_A_MEMBER 64
#define MARKS_LOG_MIN 15
#define MARKS_LOG_MAX 24

void
ks_retractions_init(ks_retractions *retractions, ks_memory memory)
{
	memset(retractions, 0, sizeof(*retractions));
	ks_entries_init(&retractions->table, memory);
}

void
ks_retractions_free(ks_retractions *retractions)
{
	if (retractions->added != NULL)
		ks_free(retractions->added);
	if (retractions->marks != NULL)
		ks_free(retractions->marks);
	ks_entries_free(&retractions->table);
}

static inline uint64_t
mark_of(const ks_retractions *retractions, uint64_t member)
{
	return ks_seeded_spread(member) >> (64 - retractions->marks_log);
}

/* Whether the member may be one of those that were collected; another one's hash can have the same mark. */
bool
ks_retraction_marked(const ks_retractions *retractions, uint64_t member)
{
	uint64_t	mark = mark_of(retractions, member);

	return (retractions->marks[mark >> 6] >> (mark & 63) & 1) != 0;
}

/* Marks the members that rows below zero have: from here on weights are added to theirs alone. */
void
ks_retraction_mark(ks_retractions *retractions)
{
	size_t		bytes;
	uint32_t	i;

	retractions->count = retractions->table.count;
	retractions->added = ks_alloc(retractions->table.memory, (size_t) retractions->count + 1);
	memset(retractions->added, 0, (size_t) retractions->count + 1);
	retractions->marks_log = MARKS_LOG_MIN;
	while (retractions->marks_log < MARKS_LOG_MAX && (uint64_t) 1 << retractions->marks_log < (uint64_t) retractions->count * BITS_A_MEMBER)
		retractions->marks_log++;
	bytes = ((size_t) 1 << retractions->marks_log) / 8;
	retractions->marks = ks_alloc(retractions->table.memory, bytes);
	memset(retractions->marks, 0, bytes);
	for (i = 0; i < retractions->count; i++)
	{
		uint64_t	mark = mark_of(retractions, retractions->table.entry[i].member);

		ks_check_interrupts_at(i);
		retractions->marks[mark >> 6] |= UINT64_C(1) << (mark & 63);
	}
}

/* Marks in wanted those members of the row at hand that may be among those that were collected; returns whether there is any. */
bool
ks_retraction_wanted(const ks_distinct *d, uint8_t *wanted)
{
	const ks_retractions *retractions = &d->retractions;
	uint32_t	nmembers = d->row->view.header.nmembers;
	uint8_t		any = 0;
	uint32_t	i;

	for (i = 0; i < nmembers; i++)
	{
		uint64_t	mark = mark_of(retractions, ks_get_u64(d->hashes + (size_t) i * 8));

		ks_check_interrupts_at(i);
		wanted[i] = retractions->marks[mark >> 6] >> (mark & 63) & 1;
		any |= wanted[i];
	}
	return any != 0;
}

/* Adds one weight.  Once the marks are set, other rows are read: of these only members count that were collected. */
ks_status
ks_retraction_entry(ks_distinct *d, uint64_t member, uint32_t counted, int64_t weight)
{
	ks_retractions *retractions = &d->retractions;
	uint32_t	number;
	int64_t    *sum;

	if (retractions->marks == NULL)
		return ks_entries_add(&retractions->table, member, (int32_t) counted, 0, weight);
	number = ks_entries_number(&retractions->table, member, (int32_t) counted);
	if (number >= retractions->count)
		return KS_OK;
	retractions->added[number] = 1;
	sum = &retractions->table.entry[number].weight;
	return __builtin_add_overflow(*sum, weight, sum) ? KS_E_OVERFLOW : KS_OK;
}

/* Corrects the counts: adds members that are left, and subtracts those that were counted and are gone. */
void
ks_retraction_count(ks_distinct *d)
{
	const ks_retractions *retractions = &d->retractions;
	uint32_t	i;

	for (i = 0; i < retractions->count; i++)
	{
		ks_check_interrupts_at(i);
		d->counts[retractions->table.entry[i].quarter] += (retractions->table.entry[i].weight != 0) - retractions->added[i];
	}
}
