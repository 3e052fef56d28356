/*
 * Distinct members of the lines of a short top list: a bit a line.
 *
 * A member is on many lines (a user writes from many countries), and in many rows. So each row's
 * entries are gone through once, in the order in which they are stored, and set bits of its members: a bit that was
 * not set yet is one more on that line.  What is then compared among the rows is members with
 * all their lines, and not the members of each line; what several rows have of
 * the same member and line is taken off again.
 */
#include "query/member_lines.h"

#include "base/seed.h"

/* Up to so many members go through one table, which has so many places for each at least. */
#define TABLE_MAX 32768
#define PLACES 2

/* Others are put into parts of about so many first; the binary logarithm of the most parts. */
#define PART_MEMBERS 8192
#define PARTS_LOG_MAX 12

void
ks_lines_init(ks_lines *lines, ks_memory memory)
{
	ks_seed_ready();
	memset(lines, 0, sizeof(*lines));
	lines->memory = memory;
}

/* The lines of each of so many members, none of whom is on any yet. */
uint64_t *
ks_lines_start(ks_lines *lines, uint32_t nmembers)
{
	size_t		bytes = ((size_t) nmembers + 1) * sizeof(uint64_t);

	if (lines->of_size < bytes)
	{
		if (lines->of != NULL)
			ks_free(lines->of);
		lines->of = ks_alloc(lines->memory, bytes);
		lines->of_size = bytes;
	}
	memset(lines->of, 0, bytes);
	return lines->of;
}

/* Notes who is on which lines, to be compared with those of other rows. */
void
ks_lines_note(ks_lines *lines, const uint8_t *hashes, uint32_t nmembers)
{
	size_t		needed = lines->count + nmembers;
	ks_lined   *at;
	uint32_t	i;

	if (needed > lines->size)
	{
		size_t		size = lines->size > 0 ? 2 * lines->size : 8192;

		size = size < needed ? needed : size;
		lines->lined = lines->lined == NULL ? ks_alloc(lines->memory, size * sizeof(ks_lined))
			: ks_realloc(lines->lined, size * sizeof(ks_lined));
		lines->size = size;
	}
	at = lines->lined + lines->count;
	for (i = 0; i < nmembers; i++)
	{
		ks_check_interrupts_at(i);
		/* who is on none is written, too, and then overwritten */
		at->hash = ks_get_u64(hashes + (size_t) i * 8);
		at->lines = lines->of[i];
		at += lines->of[i] != 0;
	}
	lines->count = (size_t) (at - lines->lined);
}

/* Takes one off the count of each of these lines. */
static inline void
take_off(int64_t *counts, uint64_t lines)
{
	for (; lines != 0; lines &= lines - 1)
		counts[__builtin_ctzll(lines)]--;
}

/* Takes off what these have in common, through a table of so many places (as a logarithm), which is empty; so many of the highest spread bits are the same in all. */
static void
compare(const ks_lined *lined, size_t count, ks_lined *table, int log, int skipped, int64_t *counts)
{
	uint64_t	mask = (UINT64_C(1) << log) - 1;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		uint64_t	hash = lined[i].hash;
		uint64_t	at = ks_seeded_spread(hash) << skipped >> (64 - log);

		ks_check_interrupts_at(i);
		/* who is here is on some line */
		while (table[at].lines != 0 && table[at].hash != hash)
			at = (at + 1) & mask;
		take_off(counts, table[at].lines & lined[i].lines);
		table[at].hash = hash;
		table[at].lines |= lined[i].lines;
	}
}

/* The least binary logarithm, from least to most, whose power is not below number. */
static int
log_above(size_t number, int least, int most)
{
	while (least < most && (size_t) 1 << least < number)
		least++;
	return least;
}

/* The same as lined, in the order of their parts, so many highest spread bits; end[p] is where part p ends. */
static ks_lined *
sort_by_parts(const ks_lines *lines, int log, size_t *end)
{
	ks_lined   *sorted = ks_alloc(lines->memory, lines->count * sizeof(ks_lined));
	size_t		i;

	memset(end, 0, (((size_t) 1 << log) + 1) * sizeof(size_t));
	for (i = 0; i < lines->count; i++)
	{
		ks_check_interrupts_at(i);
		end[(ks_seeded_spread(lines->lined[i].hash) >> (64 - log)) + 1]++;
	}
	for (i = 1; i <= (size_t) 1 << log; i++)
		end[i] += end[i - 1];
	for (i = 0; i < lines->count; i++)
	{
		ks_check_interrupts_at(i);
		sorted[end[ks_seeded_spread(lines->lined[i].hash) >> (64 - log)]++] = lines->lined[i];
	}
	return sorted;
}

static void
compare_parts(const ks_lines *lines, int64_t *counts)
{
	int			log = log_above(lines->count / PART_MEMBERS, 1, PARTS_LOG_MAX);
	size_t	   *end = ks_alloc(lines->memory, (((size_t) 1 << log) + 1) * sizeof(size_t));
	ks_lined   *sorted = sort_by_parts(lines, log, end);
	ks_lined   *table = NULL;
	int			table_log = 0;
	size_t		part;

	for (part = 0; part < (size_t) 1 << log; part++)
	{
		size_t		begin = part > 0 ? end[part - 1] : 0;
		int			needed = log_above((end[part] - begin) * PLACES, 6, 40);

		ks_check_interrupts();
		if (needed > table_log)
		{
			if (table != NULL)
				ks_free(table);
			table = ks_alloc(lines->memory, sizeof(ks_lined) << needed);
			table_log = needed;
		}
		memset(table, 0, sizeof(ks_lined) << needed);
		compare(sorted + begin, end[part] - begin, table, needed, log, counts);
	}
	ks_free(table);
	ks_free(sorted);
	ks_free(end);
}

/* Takes off the counts what several rows have of the same member and line. */
void
ks_lines_compare(ks_lines *lines, int64_t *counts)
{
	int			log = log_above(lines->count * PLACES, 6, 40);
	ks_lined   *table;

	if (lines->count == 0)
		return;
	if (lines->count > TABLE_MAX)
	{
		compare_parts(lines, counts);
		return;
	}
	table = ks_alloc(lines->memory, sizeof(ks_lined) << log);
	memset(table, 0, sizeof(ks_lined) << log);
	compare(lines->lined, lines->count, table, log, 0, counts);
	ks_free(table);
}

void
ks_lines_free(ks_lines *lines)
{
	if (lines->lined != NULL)
		ks_free(lines->lined);
	if (lines->of != NULL)
		ks_free(lines->of);
	ks_lines_init(lines, lines->memory);
}
