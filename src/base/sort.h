/*
 * Sorting what strangers may have put in order.
 *
 * PostgreSQL's qsort takes its pivots from known places, so that an order can be
 * made for which it compares each with all others: sixty thousand paths that
 * come in such an order took ten seconds.  Merging takes n log n in any order,
 * and little more than a look where all is nearly sorted.
 */
#ifndef KS_SORT_H
#define KS_SORT_H

#include "base/port.h"

/* The widest item, and how many of them are first sorted by inserting each. */
#define KS_SORT_WIDTH 128
#define KS_SORT_RUN 8

typedef int (*ks_compare) (const void *a, const void *b);

/* Sorts a few items, those that are equal staying in their order. */
static ks_always_inline void
ks_sort_few(char *items, size_t count, size_t width, ks_compare compare)
{
	char		moved[KS_SORT_WIDTH];
	size_t		i,
				j;

	for (i = 1; i < count; i++)
	{
		if (compare(items + (i - 1) * width, items + i * width) <= 0)
			continue;
		memcpy(moved, items + i * width, width);
		for (j = i; j > 0 && compare(items + (j - 1) * width, moved) > 0; j--)
			memcpy(items + j * width, items + (j - 1) * width, width);
		memcpy(items + j * width, moved, width);
	}
}

/* Merges two sorted runs, which end at middle and end, into to. */
static ks_always_inline void
ks_sort_merge(char *to, const char *left, const char *middle, const char *end, size_t width, ks_compare compare)
{
	const char *right = middle;

	if (middle < end && compare(middle - width, middle) > 0)
	{
		while (left < middle && right < end)
		{
			/* no branch: which comes first cannot be foreseen */
			size_t		taken = (size_t) (compare(left, right) <= 0);

			memcpy(to, taken ? left : right, width);
			left += taken * width;
			right += (1 - taken) * width;
			to += width;
		}
	}
	memcpy(to, left, (size_t) (middle - left));
	memcpy(to + (middle - left), right, (size_t) (end - right));
}

/* Sorts items of a width that is a constant where this is called. */
static ks_always_inline void
ks_sort(void *items, size_t count, size_t width, ks_compare compare, ks_memory memory)
{
	size_t		size = count * width;
	char	   *from = items;
	char	   *to;
	size_t		run = KS_SORT_RUN * width;
	size_t		at;

	for (at = 1; at < count && compare(from + (at - 1) * width, from + at * width) <= 0; at++)
		;
	if (at >= count)
		return;
	for (at = 0; at < size; at += run)
		ks_sort_few(from + at, (size - at < run ? size - at : run) / width, width, compare);
	if (size <= run)
		return;
	to = ks_alloc(memory, size);
	for (; run < size; run *= 2)
	{
		char	   *other = from;

		for (at = 0; at < size; at += 2 * run)
		{
			size_t		middle = size - at < run ? size : at + run;
			size_t		end = size - middle < run ? size : middle + run;

			ks_sort_merge(to + at, from + at, from + middle, from + end, width, compare);
		}
		from = to;
		to = other;
	}
	if (from != (char *) items)
	{
		memcpy(items, from, size);
		to = from;
	}
	ks_free(to);
}

#endif							/* KS_SORT_H */
