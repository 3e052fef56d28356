/*
 * unite: what it takes to count the different members of twelve months, by what
 * src/query/union.c does and by simpler ways.  Prints a table, nanoseconds of the
 * processor a member and month: the best of several runs.
 *
 * Build: cc -O2 -DKS_STANDALONE -Isrc -o test/bench/unite test/bench/union.c src/base/seed.c src/query/union.c
 */
#include <malloc.h>
#include <time.h>

#include "base/seed.h"
#include "base/sort.h"
#include "query/union.h"

#define MONTHS 12
#define AHEAD 12

typedef struct sample
{
	uint64_t   *hashes;			/* month by month */
	size_t		count;
	size_t		end[MONTHS];
} sample;

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static uint64_t
hash_of(uint64_t number)
{
	uint64_t	z = (number + 1) * UINT64_C(0xD6E8FEB86659FD93);

	z = (z ^ z >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	return z ^ z >> 32;
}

/* Of each month's members so many in a thousand were there in the month before, too. */
static sample
make_sample(size_t count, unsigned returning)
{
	sample		s;
	size_t		month = count / MONTHS;
	size_t		m,
				i;

	s.count = month * MONTHS;
	s.hashes = malloc((s.count + 1) * sizeof(uint64_t));
	for (m = 0; m < MONTHS; m++)
	{
		for (i = 0; i < month; i++)
			s.hashes[m * month + i] = hash_of((m > 0 && i * 1000 < month * returning ? m - 1 : m) * month + i);
		s.end[m] = (m + 1) * month;
	}
	return s;
}

/* ------------------------------------------------------------------------
 * The ways
 * ------------------------------------------------------------------------
 */

static int64_t
by_unite(const sample *s)
{
	ks_union	shared;
	int64_t		result = 0;
	size_t		m;

	ks_union_init(&shared, NULL);
	for (m = 0; m < MONTHS; m++)
	{
		size_t		begin = m > 0 ? s->end[m - 1] : 0;

		ks_union_add(&shared, 0, (const uint8_t *) (s->hashes + begin), s->end[m] - begin);
	}
	ks_union_count(&shared, 1, &result);
	ks_union_free(&shared);
	return result;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

static int64_t
by_sorting(const sample *s)
{
	uint64_t   *sorted = malloc((s->count + 1) * sizeof(uint64_t));
	int64_t		result = 0;
	size_t		i;

	memcpy(sorted, s->hashes, s->count * sizeof(uint64_t));
	ks_sort(sorted, s->count, sizeof(uint64_t), compare_hashes, NULL);
	for (i = 0; i < s->count; i++)
		result += i == 0 || sorted[i] != sorted[i - 1];
	free(sorted);
	return result;
}

/* Of so many hashes; ahead: places are fetched before they are needed. */
static ks_always_inline int64_t
set_of(const uint64_t *hashes, size_t count, int skipped, bool ahead, uint64_t *table, int log)
{
	uint64_t	mask = (UINT64_C(1) << log) - 1;
	int64_t		result = 0;
	size_t		i;

	for (i = 0; i < count; i++)
	{
		uint64_t	at = ks_seeded_spread(hashes[i]) << skipped >> (64 - log);

		if (ahead && i + AHEAD < count)
			__builtin_prefetch(&table[ks_seeded_spread(hashes[i + AHEAD]) << skipped >> (64 - log)], 1);
		while (table[at] != 0 && table[at] != hashes[i])
			at = (at + 1) & mask;
		result += table[at] == 0;
		table[at] = hashes[i];
	}
	return result;
}

static int
log_for(size_t count)
{
	int			log = 6;

	while ((size_t) 1 << log < count * 2)
		log++;
	return log;
}

static ks_always_inline int64_t
by_set_of(const sample *s, bool ahead)
{
	int			log = log_for(s->count);
	uint64_t   *table = calloc((size_t) 1 << log, sizeof(uint64_t));
	int64_t		result = set_of(s->hashes, s->count, 0, ahead, table, log);

	free(table);
	return result;
}

static int64_t
by_set(const sample *s)
{
	return by_set_of(s, false);
}

static int64_t
by_set_ahead(const sample *s)
{
	return by_set_of(s, true);
}

/* By parts of the spread hashes, each of which fits a small set. */
static int64_t
by_parts(const sample *s)
{
	int			log = log_for(s->count / 4096);
	size_t		nparts = (size_t) 1 << log;
	size_t	   *end = calloc(nparts + 1, sizeof(size_t));
	uint64_t   *sorted = malloc((s->count + 1) * sizeof(uint64_t));
	size_t		size = 0;
	uint64_t   *table;
	int64_t		result = 0;
	size_t		i;

	for (i = 0; i < s->count; i++)
		end[(ks_seeded_spread(s->hashes[i]) >> (64 - log)) + 1]++;
	for (i = 1; i <= nparts; i++)
	{
		size = end[i] > size ? end[i] : size;
		end[i] += end[i - 1];
	}
	for (i = 0; i < s->count; i++)
		sorted[end[ks_seeded_spread(s->hashes[i]) >> (64 - log)]++] = s->hashes[i];
	table = malloc(sizeof(uint64_t) << log_for(size));
	for (i = 0; i < nparts; i++)
	{
		size_t		begin = i > 0 ? end[i - 1] : 0;
		int			places = log_for(end[i] - begin);

		memset(table, 0, sizeof(uint64_t) << places);
		result += set_of(sorted + begin, end[i] - begin, log, false, table, places);
	}
	free(table);
	free(sorted);
	free(end);
	return result;
}

static const struct
{
	const char *name;
	int64_t		(*count) (const sample *);
	size_t		most;
}			ways[] = {
	{"union.c", by_unite, SIZE_MAX},
	{"sorting", by_sorting, 2000000},
	{"a set", by_set, SIZE_MAX},
	{"a set, places fetched ahead", by_set_ahead, SIZE_MAX},
	{"parts, a set each", by_parts, SIZE_MAX}
};

#define NWAYS (sizeof(ways) / sizeof(*ways))

static double
best_of(int64_t (*count) (const sample *), const sample *s, int64_t *result)
{
	int			runs = s->count < 20000 ? 400 : s->count < 2000000 ? 12 : 4;
	double		best = 1e9;

	while (runs-- > 0)
	{
		double		began = seconds();
		double		took;

		*result = count(s);
		took = seconds() - began;
		best = took < best ? took : best;
	}
	return best;
}

int
main(void)
{
	static const size_t counts[] = {1000, 10000, 100000, 1000000, 10000000};
	static const unsigned returning[] = {1, 100, 500};
	size_t		r,
				c,
				w;

	ks_seed_ready();
	/* memory that was used once stays, so that getting it is not what is measured */
	mallopt(M_MMAP_THRESHOLD, 1024 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 1024 * 1024 * 1024);
	free(memset(malloc(512 * 1024 * 1024), 1, 512 * 1024 * 1024));
	printf("| members of all months | return the next month |");
	for (w = 0; w < NWAYS; w++)
		printf(" %s |", ways[w].name);
	printf("\n| ---: | ---: |");
	for (w = 0; w < NWAYS; w++)
		printf(" ---: |");
	putchar('\n');
	for (r = 0; r < sizeof(returning) / sizeof(*returning); r++)
		for (c = 0; c < sizeof(counts) / sizeof(*counts); c++)
		{
			sample		s = make_sample(counts[c], returning[r]);
			int64_t		expected = by_unite(&s);

			printf("| %zu | %.1f %% |", s.count, returning[r] / 10.0);
			for (w = 0; w < NWAYS; w++)
			{
				int64_t		result = expected;

				if (s.count > ways[w].most)
					printf("  |");
				else
					printf(" %.2f |", best_of(ways[w].count, &s, &result) * 1e9 / (double) s.count);
				if (result != expected)
					return 1;
			}
			putchar('\n');
			fflush(stdout);
			free(s.hashes);
		}
	return 0;
}
