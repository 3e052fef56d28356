/*
 * Rows that take something away.
 *
 * A row that has a weight below zero may take away what another has added, so
 * that its members are there only where all weights add up to something.  That
 * is looked into for its members alone: in the bins and on the lines that such
 * rows have them, their weights in all rows are added up, while the rows
 * that only add are counted as ever.  What the two then say of the same member is
 * set right.
 */
#include "tally/distinct.h"

#include "tally/seed.h"

/* Bits of the marks for each member, at least so many in all: few others share one. */
#define BITS_A_MEMBER 64
#define MARKS_LOG_MIN 15
#define MARKS_LOG_MAX 24

void
ks_weighed_init(ks_weighed *weighed, ks_memory memory)
{
	memset(weighed, 0, sizeof(*weighed));
	ks_entries_init(&weighed->table, memory);
}

void
ks_weighed_free(ks_weighed *weighed)
{
	if (weighed->added != NULL)
		ks_free(weighed->added);
	if (weighed->marks != NULL)
		ks_free(weighed->marks);
	ks_entries_free(&weighed->table);
}

static inline uint64_t
mark_of(const ks_weighed *weighed, uint64_t member)
{
	return ks_seeded_spread(member) >> (64 - weighed->marks_log);
}

/* Whether rows below zero may have the member. */
bool
ks_weigh_marked(const ks_weighed *weighed, uint64_t member)
{
	uint64_t	mark = mark_of(weighed, member);

	return (weighed->marks[mark >> 6] >> (mark & 63) & 1) != 0;
}

/* Marks the members that rows below zero have: from here on weights are added to theirs alone. */
void
ks_weigh_mark(ks_weighed *weighed)
{
	size_t		bytes;
	uint32_t	i;

	weighed->count = weighed->table.count;
	weighed->added = ks_alloc(weighed->table.memory, (size_t) weighed->count + 1);
	memset(weighed->added, 0, (size_t) weighed->count + 1);
	weighed->marks_log = MARKS_LOG_MIN;
	while (weighed->marks_log < MARKS_LOG_MAX && (uint64_t) 1 << weighed->marks_log < (uint64_t) weighed->count * BITS_A_MEMBER)
		weighed->marks_log++;
	bytes = ((size_t) 1 << weighed->marks_log) / 8;
	weighed->marks = ks_alloc(weighed->table.memory, bytes);
	memset(weighed->marks, 0, bytes);
	for (i = 0; i < weighed->count; i++)
	{
		uint64_t	mark = mark_of(weighed, weighed->table.entry[i].member);

		ks_check_interrupts_at(i);
		weighed->marks[mark >> 6] |= UINT64_C(1) << (mark & 63);
	}
}

/* Marks in wanted which members of the row at hand rows below zero may have, too; gives back whether there is any. */
bool
ks_weigh_wanted(const ks_distinct *d, uint8_t *wanted)
{
	const ks_weighed *weighed = &d->weighed;
	uint32_t	nmembers = d->row->view.header.nmembers;
	uint8_t		any = 0;
	uint32_t	i;

	for (i = 0; i < nmembers; i++)
	{
		uint64_t	mark = mark_of(weighed, ks_get_u64(d->hashes + (size_t) i * 8));

		ks_check_interrupts_at(i);
		wanted[i] = weighed->marks[mark >> 6] >> (mark & 63) & 1;
		any |= wanted[i];
	}
	return any != 0;
}

/* Adds one weight; while other rows are read, only to what rows below zero have. */
ks_status
ks_weigh_entry(ks_distinct *d, uint64_t member, uint32_t counted, int64_t weight)
{
	ks_weighed *weighed = &d->weighed;
	uint32_t	number;
	int64_t    *sum;

	if (weighed->marks == NULL)
		return ks_entries_add(&weighed->table, member, (int32_t) counted, 0, weight);
	number = ks_entries_number(&weighed->table, member, (int32_t) counted);
	if (number >= weighed->count)
		return KS_OK;
	weighed->added[number] = 1;
	sum = &weighed->table.entry[number].weight;
	return __builtin_add_overflow(*sum, weight, sum) ? KS_E_OVERFLOW : KS_OK;
}

/* Adds who is left, and takes away who was counted and is not. */
void
ks_weigh_count(ks_distinct *d)
{
	const ks_weighed *weighed = &d->weighed;
	uint32_t	i;

	for (i = 0; i < weighed->count; i++)
	{
		ks_check_interrupts_at(i);
		d->counts[weighed->table.entry[i].slot] += (weighed->table.entry[i].weight != 0) - weighed->added[i];
	}
}
