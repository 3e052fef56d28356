/*
 * Looking at the entries of a row, for distinct members: where only some keys
 * count, in top lists, and where weights do (retraction.c).
 *
 * Entries are sorted by key and then by quarter, so that only those of the keys
 * that count are fetched, and those of a key and bucket stand side by side: a run.
 * Bucket by bucket, or line by line, the runs are gone through, and a member is found
 * where it does not bear the stamp of that bucket or line yet; in short lists each
 * member has a bit for each line (member_lines.c).
 */
#include "query/distinct.h"

#include "base/sort.h"

/* Entries that are no further apart than this are fetched together: about what a fetch costs by itself. */
#define APART_BYTES 16384

/* So many times more places than runs are not worth a look at each. */
#define SPARSE_RUNS 16

/* A key that counts. */
typedef struct scan_key
{
	const ks_block *block;		/* and the next one's behind it */
	uint32_t	counted;		/* top lists: the line */
	const uint8_t *ordinals;	/* of its entries */
} scan_key;

/* Entries of one key that lie in one bucket. */
typedef struct scan_run
{
	uint32_t	key;			/* into keys */
	uint32_t	counted;		/* the bucket or line */
	uint32_t	entry;
	uint32_t	end;
} scan_run;

typedef struct scan
{
	ks_distinct *d;
	ks_memory	memory;
	ks_query_row *row;
	const ks_header *header;
	int			width;			/* of members' numbers */
	const int32_t *map;			/* the buckets of its quarters, or NULL */
	scan_key   *keys;
	uint32_t	nkeys;
	scan_run   *runs;
	uint32_t	nruns;
	uint32_t	runs_size;
	bool		sorted;			/* by what they count for */
	ks_weight_stream weights;
} scan;

/* ------------------------------------------------------------------------
 * Which entries
 * ------------------------------------------------------------------------
 */

/* Notes the blocks of all keys of a row that needed none so far. */
static ks_status
find_blocks(scan *s)
{
	ks_query_row *row = s->row;
	ks_status	status = ks_view_extend(&row->view, row->bucket >= 0 ? s->header->weights_at : s->header->members_at);
	ks_key_cursor cursor;
	uint32_t	number = 0;

	if (status != KS_OK)
		return status;
	cursor = ks_view_keys(&row->view);
	row->blocks = ks_alloc(s->memory, ((size_t) s->header->nkeys + 1) * sizeof(ks_block));
	while (ks_key_next(&cursor))
		ks_block_note(&row->blocks[number++], &row->view, &cursor, false);
	ks_block_note(&row->blocks[number], &row->view, &cursor, true);
	return cursor.status;
}

/* What a key counts for, -1 for nothing. */
static int32_t
key_counts(const scan *s, uint32_t key)
{
	int32_t		counted = s->row->target != NULL ? s->row->target[key] : 0;

	if (counted < 0 || s->row->blocks[key].entry == s->row->blocks[key + 1].entry)
		return -1;
	return s->d->line_of != NULL ? s->d->line_of[counted] : 0;
}

static void
find_keys(scan *s)
{
	uint32_t	key;

	s->keys = ks_alloc(s->memory, ((size_t) s->header->nkeys + 1) * sizeof(scan_key));
	for (key = 0; key < s->header->nkeys; key++)
	{
		int32_t		counted = key_counts(s, key);

		if (counted < 0)
			continue;
		s->keys[s->nkeys].block = &s->row->blocks[key];
		s->keys[s->nkeys++].counted = (uint32_t) counted;
	}
}

/* Fetches the entries of the keys, which ascend: neighbours together. */
static ks_status
fetch_entries(scan *s)
{
	uint32_t	apart = (uint32_t) (APART_BYTES / (s->width > 0 ? s->width : 1));
	uint32_t	begin,
				end,
				i;

	for (begin = 0; begin < s->nkeys; begin = end)
	{
		uint32_t	first = s->keys[begin].block[0].entry;
		const uint8_t *ordinals;
		ks_status	status;

		for (end = begin + 1; end < s->nkeys && s->keys[end].block[0].entry - s->keys[end - 1].block[1].entry <= apart; end++)
			;
		status = ks_view_column(&s->row->view, KS_ORDINALS, first, s->keys[end - 1].block[1].entry, &ordinals);
		if (status != KS_OK)
			return status;
		for (i = begin; i < end; i++)
			s->keys[i].ordinals = ordinals + (size_t) (s->keys[i].block[0].entry - first) * s->width;
	}
	return KS_OK;
}

static void
add_run(scan *s, uint32_t key, uint32_t counted, uint32_t entry, uint32_t end)
{
	scan_run   *run;

	if (s->nruns == s->runs_size)
	{
		s->runs_size = s->runs_size > 0 ? 2 * s->runs_size : 256;
		s->runs = s->runs == NULL ? ks_alloc(s->memory, s->runs_size * sizeof(scan_run))
			: ks_realloc(s->runs, s->runs_size * sizeof(scan_run));
	}
	s->sorted &= s->nruns == 0 || s->runs[s->nruns - 1].counted <= counted;
	run = &s->runs[s->nruns++];
	run->key = key;
	run->counted = counted;
	run->entry = entry;
	run->end = end;
}

/* The runs of a key, in the order of its entries. */
static ks_status
find_runs(scan *s, uint32_t number)
{
	const scan_key *key = &s->keys[number];
	ks_quarter_cursor quarters;
	ks_walk		w = ks_walk_start();
	int32_t		quarter,
				bucket;

	if (s->row->bucket >= 0)
	{
		add_run(s, number, ks_distinct_counted(s->d, key->counted, s->row->bucket), key->block[0].entry, key->block[1].entry);
		return KS_OK;
	}
	quarters = ks_view_block(&s->row->view, key->block);
	while (s->map != NULL && ks_quarter_run(&quarters, s->map, s->header->quarter_first, &bucket))
	{
		if (bucket >= 0 && quarters.entry < quarters.entry_end)
			add_run(s, number, ks_distinct_counted(s->d, key->counted, bucket), quarters.entry, quarters.entry_end);
	}
	while (ks_quarter_peek(&quarters, &quarter))
	{
		int64_t		weight = 0;
		ks_status	status;

		ks_walk_move(&w, &s->d->query->intervals, quarter);
		status = ks_quarter_sum(&quarters, w.to, &weight);
		if (status != KS_OK)
			return status;
		if (w.bucket >= 0 && quarters.entry < quarters.entry_end)
			add_run(s, number, ks_distinct_counted(s->d, key->counted, w.bucket), quarters.entry, quarters.entry_end);
	}
	return quarters.status;
}

/* Takes the runs that were noted of the keys that count. */
static void
take_runs(scan *s)
{
	const ks_query_row *row = s->row;
	uint32_t	number = 0;
	uint32_t	i;

	for (i = 0; i < row->nruns; i++)
	{
		const ks_query_run *run = &row->runs[i];

		ks_check_interrupts_at(i);
		/* both ascend */
		while (number < s->nkeys && s->keys[number].block - row->blocks < (ptrdiff_t) run->key)
			number++;
		if (number == s->nkeys)
			break;
		if (s->keys[number].block - row->blocks == (ptrdiff_t) run->key)
			add_run(s, number, ks_distinct_counted(s->d, s->keys[number].counted, (int32_t) run->bucket), run->entry, run->end);
	}
}

/* The runs of all keys. */
static ks_status
find_all_runs(scan *s)
{
	ks_status	status = KS_OK;
	uint32_t	key;

	s->sorted = true;
	if (s->row->runs != NULL)
	{
		take_runs(s);
		return KS_OK;
	}
	s->map = s->row->bucket < 0 ? ks_query_map(s->d->query, s->header) : NULL;
	for (key = 0; key < s->nkeys && status == KS_OK; key++)
	{
		ks_check_interrupts();
		status = find_runs(s, key);
	}
	return status;
}

static int
compare_runs(const void *a, const void *b)
{
	const scan_run *x = a;
	const scan_run *y = b;

	ks_check_interrupts();
	if (x->counted != y->counted)
		return x->counted < y->counted ? -1 : 1;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

/* Sorts the runs by counting how many there are for each of [first, last]. */
static void
distribute_runs(scan *s, uint32_t first, uint32_t last)
{
	size_t		bytes = ((size_t) last - first + 1) * sizeof(uint32_t);
	uint32_t   *next = ks_alloc(s->memory, bytes);
	scan_run   *sorted = ks_alloc(s->memory, (size_t) s->nruns * sizeof(scan_run));
	uint32_t	sum = 0;
	uint32_t	i;

	memset(next, 0, bytes);
	for (i = 0; i < s->nruns; i++)
		next[s->runs[i].counted - first]++;
	for (i = 0; i <= last - first; i++)
	{
		uint32_t	here = next[i];

		next[i] = sum;
		sum += here;
	}
	for (i = 0; i < s->nruns; i++)
		sorted[next[s->runs[i].counted - first]++] = s->runs[i];
	ks_free(next);
	ks_free(s->runs);
	s->runs = sorted;
}

/* Sorts the runs by what they count for; in the order of keys and entries within that. */
static void
sort_runs(scan *s)
{
	uint32_t	first = s->d->line_of != NULL ? 0 : s->row->low;
	uint32_t	last = s->d->line_of != NULL ? s->d->ncounts - 1 : s->row->high;

	if (s->sorted)
		return;
	/* a list that is spread may have millions of places, of which a row fills few */
	if ((last - first) / SPARSE_RUNS > s->nruns)
		ks_sort(s->runs, s->nruns, sizeof(scan_run), compare_runs, s->memory);
	else
		distribute_runs(s, first, last);
}

/* ------------------------------------------------------------------------
 * Members
 * ------------------------------------------------------------------------
 */

/* Finds the members of these entries that do not bear the stamp; UINT32_MAX where one is no member. */
static ks_always_inline uint32_t
find_by(const uint8_t *ordinals, int width, uint32_t count, ks_distinct *d, uint32_t nfound)
{
	uint32_t   *stamps = d->stamps;
	uint32_t   *found = d->found;
	uint32_t	stamp = d->stamp;
	uint32_t	nmembers = d->row->view.header.nmembers;
	uint32_t	i;

	for (i = 0; i < count; i++)
	{
		uint32_t	member = ks_get_number(ordinals, i, width);

		if (member >= nmembers)
			return UINT32_MAX;
		/* whether it is new is as good as random: no branch; there is room for one more than there are members */
		found[nfound] = member;
		nfound += stamps[member] != stamp;
		stamps[member] = stamp;
	}
	return nfound;
}

/* So many entries are looked at in one go. */
#define PIECE 1000000

/* Finds the members of a run, behind those found before; a loop for each width. */
static uint32_t
find_members(const scan *s, const scan_run *run, uint32_t nfound)
{
	const scan_key *key = &s->keys[run->key];
	uint32_t	entry;

	for (entry = run->entry; entry < run->end && nfound != UINT32_MAX; entry += PIECE)
	{
		const uint8_t *ordinals = key->ordinals + (size_t) (entry - key->block->entry) * s->width;
		uint32_t	count = run->end - entry < PIECE ? run->end - entry : PIECE;

		ks_check_interrupts();
		switch (s->width)
		{
			case 0:
				nfound = find_by(ordinals, 0, count, s->d, nfound);
				break;
			case 1:
				nfound = find_by(ordinals, 1, count, s->d, nfound);
				break;
			case 2:
				nfound = find_by(ordinals, 2, count, s->d, nfound);
				break;
			default:
				nfound = find_by(ordinals, 4, count, s->d, nfound);
		}
	}
	return nfound;
}

/* Counts the members of all runs, which are sorted. */
static ks_status
count_runs(scan *s)
{
	ks_distinct *d = s->d;
	ks_status	status = KS_OK;
	uint32_t	nfound = 0;
	uint32_t	i;

	ks_distinct_stamps(d);
	for (i = 0; i < s->nruns && status == KS_OK; i++)
	{
		const scan_run *run = &s->runs[i];

		if (i == 0 || run->counted != run[-1].counted)
		{
			/* a member that is first seen here has the stamp from its first bucket on */
			d->stamp += i == 0 || !d->first_seen;
			nfound = 0;
		}
		nfound = find_members(s, run, nfound);
		if (nfound == UINT32_MAX)
			status = KS_E_CORRUPT;
		else if (i + 1 == s->nruns || run[1].counted != run->counted)
			status = ks_distinct_found(d, run->counted, d->found, nfound);
	}
	return status;
}

/* Sets the bits of some lines of the members of these entries; false where one is no member. */
static ks_always_inline bool
set_by(const uint8_t *ordinals, int width, uint32_t count, uint64_t *lines, uint64_t bits, uint32_t nmembers)
{
	uint32_t	i;

	for (i = 0; i < count; i++)
	{
		uint32_t	member = ks_get_number(ordinals, i, width);

		if (member >= nmembers)
			return false;
		lines[member] |= bits;
	}
	return true;
}

/* Sets the bits of the lines that a run is for; a loop for each width. */
static ks_status
set_lines(const scan *s, const scan_run *run, uint64_t *lines)
{
	const scan_key *key = &s->keys[run->key];
	uint64_t	bits = s->d->bits != NULL ? s->d->bits[run->counted] : UINT64_C(1) << run->counted;
	uint32_t	nmembers = s->header->nmembers;
	bool		good = true;
	uint32_t	entry;

	for (entry = run->entry; entry < run->end && good; entry += PIECE)
	{
		const uint8_t *ordinals = key->ordinals + (size_t) (entry - key->block->entry) * s->width;
		uint32_t	count = run->end - entry < PIECE ? run->end - entry : PIECE;

		ks_check_interrupts();
		switch (s->width)
		{
			case 0:
				good = set_by(ordinals, 0, count, lines, bits, nmembers);
				break;
			case 1:
				good = set_by(ordinals, 1, count, lines, bits, nmembers);
				break;
			case 2:
				good = set_by(ordinals, 2, count, lines, bits, nmembers);
				break;
			default:
				good = set_by(ordinals, 4, count, lines, bits, nmembers);
		}
	}
	return good ? KS_OK : KS_E_CORRUPT;
}

/* The members of all rows, each once a row. */
static size_t
all_members(const ks_query *query)
{
	size_t		result = 0;
	uint32_t	i;

	for (i = 0; i < query->nrows; i++)
		result += query->rows[i].view.header.nmembers;
	return result;
}

/*
 * Counts the members of all runs of a short list, in any order.  The first row shows whether members are
 * on so many lines that this is worth it; where they are not, short_list is false afterwards, and nothing was counted.
 */
static ks_status
count_members(scan *s)
{
	ks_distinct *d = s->d;
	uint32_t	nmembers = s->header->nmembers;
	uint64_t   *lines = ks_lines_start(&d->lines, nmembers);
	ks_status	status = ks_distinct_hashes(d);
	uint32_t	i;

	for (i = 0; i < s->nruns && status == KS_OK; i++)
		status = set_lines(s, &s->runs[i], lines);
	if (status != KS_OK)
		return status;
	if (d->lines.table == NULL)
	{
		d->short_list = d->bits != NULL || ks_lines_worth(&d->lines, nmembers);
		if (!d->short_list)
			return KS_OK;
		ks_lines_expect(&d->lines, all_members(d->query));
	}
	ks_lines_unite(&d->lines, d->hashes, nmembers, d->counts);
	return KS_OK;
}

/* ------------------------------------------------------------------------
 * Weights
 * ------------------------------------------------------------------------
 */

/* Adds up the weights of the quarter that the cursor stands on: of all members, or of those that are wanted. */
static ks_status
retract_quarter(scan *s, const scan_run *run, const ks_quarter_cursor *quarter, const uint8_t *wanted)
{
	const scan_key *key = &s->keys[run->key];
	uint32_t	i;

	for (i = quarter->entry; i < quarter->entry_end; i++)
	{
		uint32_t	member = ks_get_number(key->ordinals, i - key->block->entry, s->width);
		int64_t		weight;
		ks_status	status;

		ks_check_interrupts_at(i);
		if (member >= s->header->nmembers || !ks_weight_next(&s->weights, &weight))
			return KS_E_CORRUPT;
		if (wanted != NULL && !wanted[member])
			continue;
		status = ks_retraction_entry(s->d, ks_get_u64(s->d->hashes + (size_t) member * 8), run->counted, weight);
		if (status != KS_OK)
			return status;
	}
	return KS_OK;
}

/* The same of all quarters of a run; the cursor, which is over the run's key, stands before them. */
static ks_status
retract_run(scan *s, const scan_run *run, ks_quarter_cursor *quarters, const uint8_t *wanted)
{
	ks_status	status = KS_OK;
	int32_t		quarter;
	int64_t		weight;

	while (status == KS_OK && quarters->entry_end < run->end && ks_quarter_next(quarters, &quarter, &weight))
	{
		if (quarters->entry < run->entry || quarters->entry == quarters->entry_end)
			continue;
		if (!ks_weight_run(&s->weights, quarters, weight))
			return KS_E_CORRUPT;
		status = retract_quarter(s, run, quarters, wanted);
	}
	return status == KS_OK ? quarters->status : status;
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------
 */

/* Fetches the entries of the keys that count of the row at hand, and finds their runs. */
static ks_status
start_scan(scan *s, ks_distinct *d)
{
	ks_status	status = KS_OK;

	memset(s, 0, sizeof(*s));
	s->d = d;
	s->memory = d->query->memory;
	s->row = d->row;
	s->header = &d->row->view.header;
	s->width = ks_number_width(s->header->nmembers);
	/* a top list may have no lines */
	if (d->ncounts == 0)
		return KS_OK;
	if (d->row->blocks == NULL)
		status = find_blocks(s);
	else if (d->row->bucket < 0 && d->row->runs == NULL)
		status = ks_view_extend(&d->row->view, s->header->members_at);
	if (status != KS_OK)
		return status;
	find_keys(s);
	status = fetch_entries(s);
	return status == KS_OK ? find_all_runs(s) : status;
}

static void
free_scan(scan *s)
{
	if (s->keys != NULL)
		ks_free(s->keys);
	if (s->runs != NULL)
		ks_free(s->runs);
}

/* Counts the members of the row at hand by its entries. */
ks_status
ks_scan_row(ks_distinct *d)
{
	scan		s;
	ks_status	status = start_scan(&s, d);

	if (status == KS_OK && s.nruns > 0)
	{
		if (d->short_list)
			status = count_members(&s);
		if (!d->short_list)
		{
			sort_runs(&s);
			status = count_runs(&s);
		}
	}
	free_scan(&s);
	return status;
}

/* Adds up the weights of the row at hand: of all members, or of those that are wanted. */
ks_status
ks_scan_weights(ks_distinct *d, const uint8_t *wanted)
{
	scan		s;
	ks_status	status = start_scan(&s, d);
	ks_quarter_cursor quarters;
	uint32_t	i;

	if (status == KS_OK && s.nruns > 0)
		status = ks_view_member_weights(&d->row->view, &s.weights);
	if (status == KS_OK && s.nruns > 0)
		status = ks_view_extend(&d->row->view, s.header->members_at);
	if (status == KS_OK && s.nruns > 0)
		status = ks_distinct_hashes(d);
	/* weights can only be read in order, in which runs are before they are sorted */
	for (i = 0; i < s.nruns && status == KS_OK; i++)
	{
		ks_check_interrupts();
		if (i == 0 || s.runs[i].key != s.runs[i - 1].key)
			quarters = ks_view_block(&s.row->view, s.keys[s.runs[i].key].block);
		if (d->share[s.runs[i].counted].negative)
			status = retract_run(&s, &s.runs[i], &quarters, wanted);
	}
	free_scan(&s);
	return status;
}
