/*
 * Fingerprints: whether two ways of counting have the same result, however large.
 *
 * A fingerprint is the sum of all weights, each times a number that a secret makes of its key,
 * quarter hour and member.  It is a few bytes whatever it is of, and adds up as tallies do, so that
 * what verify() compares fits into memory though neither side does.  There are two such sums, each
 * with its own secret: the chance that different tallies have the same sums is at most that of
 * guessing a number of 64 bits, and nobody can arrange it without knowing the secret, which differs
 * from session to session.
 *
 * One aggregate adds stored rows and takes raw events away, month by month and measure by measure, so
 * that a mixed row is read once, whatever months it spans, and nothing is left where both say the same.
 */
#include "rollup/rollup.h"

#include "base/aggregate.h"
#include "base/compat.h"
#include "base/hash.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define LANES 2

/* What both sides say of one month of a measure. */
typedef struct fingerprint
{
	const char *measure;		/* among the names of the transition function */
	DateADT		month;
	int64		stored;			/* total weights */
	int64		recounted;
	uint64		sum[LANES];		/* of what is stored, less what was recounted */
} fingerprint;

/* The months and measures of one bot that either side has; a small bot has few. */
typedef struct comparison
{
	MemoryContext memory;
	int			count;
	int			room;
	fingerprint *of;
	int			last;			/* the one used last: events of one month follow each other */
	uint32	   *index;			/* numbers + 1, by hash, of twice as many places as there is room; NULL while there are few */
} comparison;

#define FIRST_ROOM 4

/* Up to this many are searched without an index. */
#define FEW 16

/* Names of measures, each of them once in memory, for as long as the query. */
typedef struct measure_names
{
	MemoryContext memory;
	int			count;
	int			room;
	char	  **name;
} measure_names;

PG_FUNCTION_INFO_V1(ks_compare_counts);
PG_FUNCTION_INFO_V1(ks_compare_final);

/* Returns the secrets of this session: 64 bits for the hash of keys, and 64 for each lane. */
static const uint64 *
secrets(void)
{
	static uint64 secret[1 + LANES];
	static bool known = false;

	if (!known && !pg_strong_random(secret, sizeof(secret)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	known = true;
	return secret;
}

/* Spreads differences in some bits over all bits. */
static uint64
mix(uint64 x)
{
	x ^= x >> 32;
	x *= UINT64CONST(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64CONST(0xd6e8feb86659fd93);
	return x ^ (x >> 32);
}

/* A number for an encoded key; nobody can construct two keys with the same one. */
static uint64
key_number(ks_string key)
{
	uint64		number = secrets()[0] ^ key.length;
	uint64		word;
	size_t		i;

	for (i = 0; i < key.length; i += sizeof(word))
	{
		word = 0;
		memcpy(&word, key.bytes + i, Min(sizeof(word), key.length - i));
		number = mix(number ^ word) + secrets()[1];
	}
	return mix(number);
}

/* ------------------------------------------------------------------------
 * Measure by measure
 * ------------------------------------------------------------------------
 */

static measure_names *
names_of(FunctionCallInfo fcinfo)
{
	measure_names *names = fcinfo->flinfo->fn_extra;

	if (names == NULL)
	{
		names = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(measure_names));
		names->memory = fcinfo->flinfo->fn_mcxt;
		names->room = 32;
		names->name = MemoryContextAlloc(names->memory, names->room * sizeof(char *));
		fcinfo->flinfo->fn_extra = names;
	}
	return names;
}

/* Returns the one copy of a name; there are as many as measures. */
static const char *
one_name(measure_names *names, ks_string name)
{
	char	   *copy;
	int			i;

	for (i = 0; i < names->count; i++)
	{
		if (ks_string_is(name, names->name[i]))
			return names->name[i];
	}
	if (names->count == names->room)
	{
		names->room *= 2;
		names->name = repalloc(names->name, names->room * sizeof(char *));
	}
	copy = MemoryContextAlloc(names->memory, name.length + 1);
	memcpy(copy, name.bytes, name.length);
	copy[name.length] = '\0';
	return names->name[names->count++] = copy;
}

static comparison *
state_of(FunctionCallInfo fcinfo)
{
	MemoryContext memory = ks_aggregate_context(fcinfo);
	comparison *state;

	if (!PG_ARGISNULL(0))
		return (comparison *) PG_GETARG_POINTER(0);
	state = MemoryContextAlloc(memory, sizeof(comparison));
	state->memory = memory;
	state->count = state->last = 0;
	state->index = NULL;
	state->room = FIRST_ROOM;
	state->of = MemoryContextAlloc(memory, FIRST_ROOM * sizeof(fingerprint));
	return state;
}

static uint32
place_of(const comparison *c, const char *measure, DateADT month)
{
	return (uint32) mix((uint64) (uintptr_t) measure ^ ((uint64) (uint32) month << 40)) & (2 * (uint32) c->room - 1);
}

/* Returns the place in the index of a month of a measure, used or free. */
static uint32
find_place(const comparison *c, const char *measure, DateADT month)
{
	uint32		place = place_of(c, measure, month);

	while (c->index[place] != 0 && (c->of[c->index[place] - 1].measure != measure || c->of[c->index[place] - 1].month != month))
		place = (place + 1) & (2 * (uint32) c->room - 1);
	return place;
}

static void
make_room(comparison *c)
{
	int			i;

	c->room *= 2;
	c->of = repalloc_huge(c->of, c->room * sizeof(fingerprint));
	if (c->room <= FEW)
		return;
	if (c->index != NULL)
		pfree(c->index);
	c->index = MemoryContextAllocExtended(c->memory, 2 * (Size) c->room * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < c->count; i++)
		c->index[find_place(c, c->of[i].measure, c->of[i].month)] = (uint32) i + 1;
}

/* Returns the number of a month of a measure; the count of known months if it is new. */
static int
find_number(const comparison *c, const char *name, DateADT month)
{
	int			i;

	if (c->index != NULL)
	{
		uint32		number = c->index[find_place(c, name, month)];

		return number == 0 ? c->count : (int) number - 1;
	}
	for (i = 0; i < c->count; i++)
	{
		if (c->of[i].measure == name && c->of[i].month == month)
			return i;
	}
	return c->count;
}

/* Returns the fingerprint of a month of a measure, valid until the next call. */
static fingerprint *
fingerprint_of(comparison *c, const char *name, DateADT month)
{
	int			number;

	if (c->last < c->count && c->of[c->last].measure == name && c->of[c->last].month == month)
		return &c->of[c->last];
	number = find_number(c, name, month);
	if (number == c->count)
	{
		if (c->count == c->room)
			make_room(c);
		memset(&c->of[number], 0, sizeof(fingerprint));
		c->of[number].measure = name;
		c->of[number].month = month;
		if (c->index != NULL)
			c->index[find_place(c, name, month)] = (uint32) number + 1;
		c->count++;
	}
	c->last = number;
	return &c->of[number];
}

/* Adds one weight, of a member or of none. */
static void
add_weight(fingerprint *f, uint64 key, int32 quarter, bool has_member, uint64 member, int64 weight)
{
	int			i;

	for (i = 0; i < LANES; i++)
	{
		uint64		number = mix(secrets()[1 + i] ^ key);

		number = mix(number ^ (uint64) (uint32) quarter ^ ((uint64) has_member << 32));
		f->sum[i] += (uint64) weight * mix(number + member);
	}
}

static int64
sum_of(int64 a, int64 b)
{
	return (int64) ((uint64) a + (uint64) b);
}

/* ------------------------------------------------------------------------
 * What is stored
 * ------------------------------------------------------------------------
 */

/* A key of a tally. */
typedef struct tally_key
{
	uint64		number;
	const char *measure;		/* NULL: no measure is named in it */
} tally_key;

/* Returns the keys of a tally.  In mixed tallies the keys of one measure follow each other. */
static tally_key *
tally_keys(measure_names *names, const ks_builder *tally, ks_string measure)
{
	tally_key  *keys = palloc_extended((tally->keys.count + 1) * sizeof(tally_key), MCXT_ALLOC_HUGE);
	bool		mixed = measure.length == 0;
	const char *known = mixed ? NULL : one_name(names, measure);
	uint32		i;

	for (i = 0; i < tally->keys.count; i++)
	{
		ks_string	key = ks_dictionary_get(&tally->keys, i);
		ks_string	name;

		CHECK_FOR_INTERRUPTS();
		if (mixed)
		{
			if (!ks_key_shift(&key, &name) || name.bytes == NULL)
				known = NULL;
			else if (known == NULL || !ks_string_is(name, known))
				known = one_name(names, name);
		}
		keys[i].measure = known;
		keys[i].number = known == NULL ? 0 : key_number(key);
	}
	return keys;
}

/*
 * The month that an entry is compared for: that of its row, where questions look for it;
 * in a row that spans months, that of its quarter hour.  Most quarter hours of one month
 * follow each other.
 */
typedef struct month_of_quarter
{
	bool		spans;
	DateADT		month;
	int64		day;			/* whose month it is */
} month_of_quarter;

static DateADT
month_at(month_of_quarter *m, int32 quarter)
{
	int64		day;

	if (!m->spans)
		return m->month;
	day = ks_day_of(quarter * KS_QUARTER_USECS);
	if (day != m->day)
	{
		m->day = day;
		m->month = ks_month_to_date(ks_month_of(quarter * KS_QUARTER_USECS));
	}
	return m->month;
}

static void
add_tally(comparison *c, measure_names *names, const ks_builder *tally, ks_string measure, DateADT of)
{
	tally_key  *keys = tally_keys(names, tally, measure);
	month_of_quarter month = {DATE_IS_NOBEGIN(of), of, PG_INT64_MAX};
	uint32		i;

	for (i = 0; i < tally->weights.count; i++)
	{
		const ks_entry *e = &tally->weights.entry[i];
		const tally_key *key = &keys[e->key];
		fingerprint *f;

		if (key->measure == NULL)
			continue;
		f = fingerprint_of(c, key->measure, month_at(&month, e->quarter));
		add_weight(f, key->number, e->quarter, false, 0, e->weight);
		f->stored = sum_of(f->stored, e->weight);
	}
	for (i = 0; i < tally->members.count; i++)
	{
		const ks_entry *e = &tally->members.entry[i];

		if (keys[e->key].measure != NULL)
			add_weight(fingerprint_of(c, keys[e->key].measure, month_at(&month, e->quarter)), keys[e->key].number, e->quarter, true, e->member, e->weight);
	}
	pfree(keys);
}

static void
compare_tally(comparison *c, measure_names *names, ks_string measure, DateADT month, Datum stored)
{
	ks_builder	tally;
	ks_view		view;

	ks_tally_open(&view, stored);
	ks_builder_init(&tally, CurrentMemoryContext);
	ks_must(ks_builder_merge(&tally, &view, false));
	add_tally(c, names, &tally, measure, month);
	ks_builder_free(&tally);
}

/* ------------------------------------------------------------------------
 * What was recounted
 * ------------------------------------------------------------------------
 */

static void
compare_event(FunctionCallInfo fcinfo, comparison *c, const char *measure)
{
	fingerprint *f = fingerprint_of(c, measure, PG_GETARG_DATEADT(2));
	int32		quarter = ks_quarter_checked(PG_GETARG_TIMESTAMPTZ(4));
	int64		weight = PG_GETARG_INT64(7);
	int64		less = (int64) (0 - (uint64) weight);
	ks_builder	scratch;
	uint64		key;

	ks_builder_init(&scratch, CurrentMemoryContext);
	key = key_number(ks_dictionary_get(&scratch.keys, ks_put_key(&scratch, PG_GETARG_ARRAYTYPE_P(5))));
	ks_builder_free(&scratch);
	add_weight(f, key, quarter, false, 0, less);
	f->recounted = sum_of(f->recounted, weight);
	if (!PG_ARGISNULL(6))
	{
		text	   *member = PG_GETARG_TEXT_PP(6);

		add_weight(f, key, quarter, true, ks_hash_member(VARDATA_ANY(member), VARSIZE_ANY_EXHDR(member)), less);
	}
}

/* compare_counts(state, measure, month, tally, at, key, member, weight): a stored row has a tally, an event has not */
Datum
ks_compare_counts(PG_FUNCTION_ARGS)
{
	comparison *c = state_of(fcinfo);
	measure_names *names = names_of(fcinfo);
	text	   *measure;
	ks_string	name;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(c);
	measure = PG_GETARG_TEXT_PP(1);
	name.bytes = (const uint8_t *) VARDATA_ANY(measure);
	name.length = VARSIZE_ANY_EXHDR(measure);
	if (!PG_ARGISNULL(3))
		compare_tally(c, names, name, PG_GETARG_DATEADT(2), PG_GETARG_DATUM(3));
	else if (!PG_ARGISNULL(4) && !PG_ARGISNULL(5) && !PG_ARGISNULL(7))
		compare_event(fcinfo, c, one_name(names, name));
	PG_RETURN_POINTER(c);
}

/* ------------------------------------------------------------------------
 * What differs
 * ------------------------------------------------------------------------
 */

static bool
differs(const fingerprint *f)
{
	int			i;

	for (i = 0; i < LANES; i++)
	{
		if (f->sum[i] != 0)
			return true;
	}
	return f->stored != f->recounted;
}

/* {{measure, days of the month since 2000, stored total, recounted total}, ...}; NULL where all is the same. */
Datum
ks_compare_final(PG_FUNCTION_ARGS)
{
	ArrayBuildState *differences = NULL;
	comparison *c;
	int			dims[2] = {0, 4};
	int			lower[2] = {1, 1};
	int			i;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = (comparison *) PG_GETARG_POINTER(0);
	for (i = 0; i < c->count; i++)
	{
		const fingerprint *f = &c->of[i];

		if (!differs(f))
			continue;
		differences = accumArrayResult(differences, CStringGetTextDatum(f->measure), false, TEXTOID, CurrentMemoryContext);
		accumArrayResult(differences, CStringGetTextDatum(psprintf("%d", f->month)), false, TEXTOID, CurrentMemoryContext);
		accumArrayResult(differences, CStringGetTextDatum(psprintf(INT64_FORMAT, f->stored)), false, TEXTOID, CurrentMemoryContext);
		accumArrayResult(differences, CStringGetTextDatum(psprintf(INT64_FORMAT, f->recounted)), false, TEXTOID, CurrentMemoryContext);
		dims[0]++;
	}
	if (differences == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(makeMdArrayResult(differences, 2, dims, lower, CurrentMemoryContext, true));
}
