/*
 * Visits: what makes distinct counts cost quarters instead of members.
 *
 * A visit is a member in a quarter; its gap is the distance to the same member's
 * visit before.  The distinct members of [a, b) are its visits whose visit
 * before lies before a, or that have none.  So it is enough to keep, for each quarter, how
 * many visits are a member's first, and how many have which gap: a bucket is
 * counted without looking at a single member.  Who they are follows, too: the
 * first visits are those of the next members, and the others are written down.
 */
#include "tally/visit.h"

#include "base/sort.h"
#include "tally/view.h"

/* While the quarters are gone through in order. */
typedef struct visit_walk
{
	ks_visits  *visits;
	ks_entry   *entries;
	ks_entries	known;			/* members by number; the weight is the quarter of the last visit */
	uint64_t   *gaps;			/* of the quarter's returning members */
	uint8_t    *at;				/* where the next bytes go */
	int64_t		expected;		/* the quarter behind the one before */
} visit_walk;

static int
compare_gaps(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	ks_check_interrupts();
	return (x > y) - (x < y);
}

/*
 * Puts numbers in the place of the hashes of one quarter's entries, which are
 * sorted by hash; returns how many members return.
 */
static uint32_t
number_members(visit_walk *w, uint32_t begin, uint32_t end)
{
	uint32_t	returning = 0;
	uint32_t	number = 0;
	uint64_t	hash = 0;
	uint32_t	i;

	for (i = begin; i < end; i++)
	{
		ks_entry   *e = &w->entries[i];
		uint32_t	known = w->known.count;

		ks_check_interrupts_at(i);
		if (i == begin || e->member != hash)
		{
			hash = e->member;
			number = ks_entries_number(&w->known, hash, 0);
			if (number == known)
				w->visits->hash[number] = hash;
			else
				w->gaps[returning++] = (uint64_t) (e->quarter - w->known.entry[number].weight);
			w->known.entry[number].weight = e->quarter;
		}
		e->member = number;
	}
	return returning;
}

/* Writes one quarter: first visits, how many quarters lie between this one and the one before, if any do, then pairs of (gap, visits), gaps ascending. */
static void
put_quarter(visit_walk *w, int32_t quarter, uint32_t fresh, uint32_t returning)
{
	bool		between = quarter != w->expected;
	uint64_t	gap = 0;
	uint32_t	i,
				j;

	ks_sort(w->gaps, returning, sizeof(uint64_t), compare_gaps, w->known.memory);
	w->at = ks_put_varint(w->at, (uint64_t) fresh << 2 | (between ? KS_QUARTERS_BETWEEN : 0) | (returning > 0 ? KS_VISITS_RETURN : 0));
	if (between)
		w->at = ks_put_varint(w->at, (uint64_t) (quarter - w->expected));
	for (i = 0; i < returning; i = j)
	{
		for (j = i + 1; j < returning && w->gaps[j] == w->gaps[i]; j++)
			;
		w->at = ks_put_varint(w->at, (w->gaps[i] - gap) << 1 | (j < returning ? KS_PAIRS_FOLLOW : 0));
		w->at = ks_put_varint(w->at, j - i);
		gap = w->gaps[i];
	}
	w->expected = (int64_t) quarter + 1;
}

/* Notes who returns, of the entries of a quarter, which are sorted by number: those who were known before it. */
static void
note_returns(visit_walk *w, uint32_t begin, uint32_t end, uint32_t known)
{
	ks_visits  *visits = w->visits;
	uint32_t	i;

	for (i = begin; i < end && w->entries[i].member < known; i++)
	{
		if (i == begin || w->entries[i].member != w->entries[i - 1].member)
			visits->returns[visits->nreturns++] = (uint32_t) w->entries[i].member;
	}
}

/*
 * Brings consolidated entries, which are by quarter, member's hash, key, into the order
 * of quarter, member's number, key, and writes the visits.  They are left with the
 * numbers in the place of the hashes.
 */
void
ks_visits_order(ks_visits *visits, ks_memory memory, ks_entry *entries, uint32_t count, int32_t quarter_first)
{
	visit_walk	w;
	uint32_t	begin,
				end;

	memset(visits, 0, sizeof(*visits));
	visits->hash = ks_alloc(memory, ((size_t) count + 1) * sizeof(uint64_t));
	visits->returns = ks_alloc(memory, ((size_t) count + 1) * sizeof(uint32_t));
	/* two numbers a quarter and two a gap, none of them longer than five bytes */
	visits->bytes = ks_alloc(memory, (size_t) count * 20 + 1);

	memset(&w, 0, sizeof(w));
	w.visits = visits;
	w.entries = entries;
	w.gaps = ks_alloc(memory, ((size_t) count + 1) * sizeof(uint64_t));
	w.at = visits->bytes;
	w.expected = quarter_first;
	ks_entries_init(&w.known, memory);
	for (begin = 0; begin < count; begin = end)
	{
		uint32_t	known = w.known.count;
		uint32_t	returning;

		ks_check_interrupts();
		for (end = begin + 1; end < count && entries[end].quarter == entries[begin].quarter; end++)
			;
		returning = number_members(&w, begin, end);
		/* numbers of returning members, and those of keys, come in another order than hashes */
		ks_entries_sort(entries + begin, end - begin, memory);
		note_returns(&w, begin, end, known);
		put_quarter(&w, entries[begin].quarter, w.known.count - known, returning);
	}
	visits->nmembers = w.known.count;
	visits->size = (size_t) (w.at - visits->bytes);
	ks_entries_free(&w.known);
	ks_free(w.gaps);
}

void
ks_visits_free(ks_visits *visits)
{
	if (visits->bytes == NULL)
		return;
	ks_free(visits->hash);
	ks_free(visits->returns);
	ks_free(visits->bytes);
	memset(visits, 0, sizeof(*visits));
}
