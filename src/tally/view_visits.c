/*
 * Reading the visits of a stored tally, which count its members without looking at one.
 *
 * What is read stays inside the bytes that there are, as in view.c.
 */
#include "tally/view.h"

/* The visits: cursor of quarters that have members. */
ks_visit_cursor
ks_view_visits(const ks_view *view)
{
	ks_visit_cursor cursor;

	memset(&cursor, 0, sizeof(cursor));
	cursor.at = view->bytes + view->header.visits_at;
	cursor.end = view->bytes + view->header.keys_at;
	cursor.quarter = (int64_t) view->header.quarter_first - 1;
	cursor.quarter_last = view->header.quarter_last;
	cursor.span = (uint64_t) (cursor.quarter_last - view->header.quarter_first);
	cursor.nmembers = view->header.nmembers;
	cursor.nreturns = view->header.nreturns;
	cursor.status = KS_OK;
	if (view->header.keys_at > view->available)
	{
		cursor.end = cursor.at;
		cursor.status = KS_E_TRUNCATED;
	}
	return cursor;
}

static bool
visit_corrupt(ks_visit_cursor *cursor)
{
	cursor->status = KS_E_CORRUPT;
	cursor->at = cursor->end;
	cursor->more = false;
	return false;
}

/* All members must have come, and come again. */
static bool
visits_ended(ks_visit_cursor *cursor)
{
	if (cursor->status == KS_OK && (cursor->member_end != cursor->nmembers || cursor->return_at != cursor->nreturns))
		cursor->status = KS_E_CORRUPT;
	return false;
}

/* The number a quarter begins with, and how far it is from the one before. */
static bool
read_visits(const uint8_t **at, const uint8_t *end, uint64_t *number, uint64_t *distance)
{
	return ks_get_varint(at, end, number) && ks_get_distance(at, end, (*number & KS_QUARTERS_BETWEEN) != 0, distance);
}

/* The next quarter, after all pairs of the one before. */
bool
ks_visit_next(ks_visit_cursor *cursor)
{
	uint64_t	number;
	uint64_t	distance;

	if (cursor->at == cursor->end)
		return visits_ended(cursor);
	if (!read_visits(&cursor->at, cursor->end, &number, &distance) ||
		distance > (uint64_t) (cursor->quarter_last - cursor->quarter) ||
		number >> 2 > cursor->nmembers - cursor->member_end)
		return visit_corrupt(cursor);
	cursor->fresh = number >> 2;
	cursor->more = (number & KS_VISITS_RETURN) != 0;
	cursor->quarter += (int64_t) distance;
	cursor->member = cursor->member_end;
	cursor->member_end += (uint32_t) cursor->fresh;
	cursor->gap = 0;
	return true;
}

/* The next pair of the quarter: cursor->gap, and how many visits have it. */
bool
ks_visit_pair(ks_visit_cursor *cursor, uint64_t *count)
{
	uint64_t	number;

	if (!cursor->more)
		return false;
	if (!ks_get_varint(&cursor->at, cursor->end, &number) ||
		!ks_get_varint(&cursor->at, cursor->end, count) ||
		number >> 1 > cursor->span - cursor->gap ||
		*count > cursor->nreturns - cursor->return_at)
		return visit_corrupt(cursor);
	cursor->gap += number >> 1;
	cursor->return_at += (uint32_t) *count;
	cursor->more = (number & KS_PAIRS_FOLLOW) != 0;
	return true;
}

/* The quarter that comes next, after all pairs of the one before. */
bool
ks_visit_peek(ks_visit_cursor *cursor, int32_t *quarter)
{
	const uint8_t *at = cursor->at;
	uint64_t	number;
	uint64_t	distance;

	if (at == cursor->end)
		return visits_ended(cursor);
	if (!read_visits(&at, cursor->end, &number, &distance) || distance > (uint64_t) (cursor->quarter_last - cursor->quarter))
		return visit_corrupt(cursor);
	*quarter = (int32_t) (cursor->quarter + (int64_t) distance);
	return true;
}

/* Counts as ks_visit_count does, as far as numbers are short: a quarter that has a longer one is left to ks_visit_next. */
static void
count_short(ks_visit_cursor *cursor, int64_t first, int64_t end, int64_t *members)
{
	const uint8_t *at = cursor->at;
	int64_t		last = end <= cursor->quarter_last ? end - 1 : cursor->quarter_last;
	int64_t		quarter = cursor->quarter;
	uint32_t	member = cursor->member_end;
	uint32_t	returned = cursor->return_at;
	int64_t		result = 0;

	for (;;)
	{
		const uint8_t *next = at;
		uint32_t	number;
		uint32_t	between = 0;
		uint32_t	returning = 0;
		uint32_t	from_before = 0;
		uint64_t	inside;
		uint64_t	gap = 0;
		bool		more;

		if (!ks_get_short(&next, cursor->end, &number) ||
			((number & KS_QUARTERS_BETWEEN) != 0 && !ks_get_short(&next, cursor->end, &between)) ||
			quarter + 1 + between > last || number >> 2 > cursor->nmembers - member)
			break;
		inside = (uint64_t) (quarter + 1 + between - first);
		more = (number & KS_VISITS_RETURN) != 0;
		for (; more && cursor->end - next >= 2 && (next[0] | next[1]) < 0x80; next += 2)
		{
			gap += next[0] >> 1;
			returning += next[1];
			from_before += gap > inside ? next[1] : 0;
			more = (next[0] & KS_PAIRS_FOLLOW) != 0;
		}
		if (more || gap > cursor->span || returning > cursor->nreturns - returned)
			break;
		quarter += 1 + (int64_t) between;
		member += number >> 2;
		returned += returning;
		result += (number >> 2) + from_before;
		at = next;
	}
	cursor->at = at;
	cursor->quarter = quarter;
	cursor->member_end = member;
	cursor->return_at = returned;
	*members += result;
}

/* Adds how many members come to the next quarters, those in [first, end), that have not been in them yet; the cursor stands behind first. */
void
ks_visit_count(ks_visit_cursor *cursor, int64_t first, int64_t end, int64_t *members)
{
	int32_t		quarter;
	uint64_t	count;

	while (ks_visit_peek(cursor, &quarter) && quarter < end)
	{
		count_short(cursor, first, end, members);
		/* one that has something longer */
		if (!ks_visit_peek(cursor, &quarter) || quarter >= end || !ks_visit_next(cursor))
			continue;
		*members += (int64_t) cursor->fresh;
		while (ks_visit_pair(cursor, &count))
			*members += cursor->gap > (uint64_t) (cursor->quarter - first) ? (int64_t) count : 0;
	}
}
