/*
 * Fingerprints: whether two ways of counting come to the same, however much it is.
 *
 * A fingerprint is the sum of all weights, each times a number that a secret makes
 * of its key, quarter hour and member.  It is a few bytes whatever it is of, and
 * adds up as tallies do, so that what verify() compares fits into memory though
 * neither side does.  There are two such sums, with secrets of their own: that
 * tallies that differ have the same ones is as likely as guessing a number of 64
 * bits, at the least, and nobody can arrange it who does not know the secret, which
 * is another one in each session.
 *
 * One aggregate adds stored rows and takes raw events away, measure by measure, so
 * that a mixed row is read once, and nothing is left where both say the same.
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tally/hash.h"
#include "utils/builtins.h"

#define LANES 2

/* What both sides say of one measure. */
typedef struct fingerprint
{
	const char *measure;		/* among the names of the transition function */
	int64		stored;			/* total weights */
	int64		recounted;
	uint64		sum[LANES];		/* of what is stored, less what was recounted */
} fingerprint;

/* Of a bot and month: the measures that either side has; a small bot has few. */
typedef struct comparison
{
	int			count;
	int			room;
	fingerprint *of;
} comparison;

#define FIRST_ROOM 4

/* Names of measures, each of which stands once in memory: as long as the query. */
typedef struct measure_names
{
	MemoryContext memory;
	int			count;
	int			room;
	char	  **name;
} measure_names;

PG_FUNCTION_INFO_V1(ks_compare_counts);
PG_FUNCTION_INFO_V1(ks_compare_final);

/* The secrets of this session; 64 bits for the hash of keys, and 64 for each lane. */
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

/* Spreads what differs in some bits over all of them. */
static uint64
mix(uint64 x)
{
	x ^= x >> 32;
	x *= UINT64CONST(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64CONST(0xd6e8feb86659fd93);
	return x ^ (x >> 32);
}

/* A number for an encoded key, from which nobody can choose two that have the same. */
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

/* The one copy of a name; there are as many as measures. */
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
	state->count = 0;
	state->room = FIRST_ROOM;
	state->of = MemoryContextAlloc(memory, FIRST_ROOM * sizeof(fingerprint));
	return state;
}

/* The number of a measure in the comparison, which may move to make room. */
static int
measure_number(comparison *c, const char *name)
{
	int			i;

	for (i = 0; i < c->count; i++)
	{
		if (c->of[i].measure == name)
			return i;
	}
	if (c->count == c->room)
	{
		c->room *= 2;
		c->of = repalloc(c->of, c->room * sizeof(fingerprint));
	}
	memset(&c->of[c->count], 0, sizeof(fingerprint));
	c->of[c->count].measure = name;
	return c->count++;
}

/* Adds one weight; those with a member count a second time without it. */
static void
add_weight(fingerprint *f, uint64 key, int32 slot, bool has_member, uint64 member, int64 weight)
{
	int			i;

	for (i = 0; i < LANES; i++)
	{
		uint64		number = mix(secrets()[1 + i] ^ key);

		number = mix(number ^ (uint64) (uint32) slot ^ ((uint64) has_member << 32));
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
	int			measure;		/* of the comparison; NO_MEASURE: what no measure is named in */
} tally_key;

#define NO_MEASURE (-1)

/* The keys of a tally, whose measures are in the comparison then; in mixed ones a measure's follow each other. */
static tally_key *
tally_keys(comparison *c, measure_names *names, const ks_builder *tally, ks_string measure)
{
	tally_key  *keys = palloc_extended((tally->keys.count + 1) * sizeof(tally_key), MCXT_ALLOC_HUGE);
	bool		mixed = measure.length == 0;
	int			number = mixed ? NO_MEASURE : measure_number(c, one_name(names, measure));
	uint32		i;

	for (i = 0; i < tally->keys.count; i++)
	{
		ks_string	key = ks_dictionary_get(&tally->keys, i);
		ks_string	name;

		CHECK_FOR_INTERRUPTS();
		if (mixed)
		{
			if (!ks_key_shift(&key, &name) || name.bytes == NULL)
				number = NO_MEASURE;
			else if (number == NO_MEASURE || !ks_string_is(name, c->of[number].measure))
				number = measure_number(c, one_name(names, name));
		}
		keys[i].measure = number;
		keys[i].number = number == NO_MEASURE ? 0 : key_number(key);
	}
	return keys;
}

static void
add_tally(comparison *c, measure_names *names, const ks_builder *tally, ks_string measure)
{
	tally_key  *keys = tally_keys(c, names, tally, measure);
	uint32		i;

	for (i = 0; i < tally->weights.count; i++)
	{
		const ks_entry *e = &tally->weights.entry[i];
		const tally_key *key = &keys[e->key];

		if (key->measure == NO_MEASURE)
			continue;
		add_weight(&c->of[key->measure], key->number, e->slot, false, 0, e->weight);
		c->of[key->measure].stored = sum_of(c->of[key->measure].stored, e->weight);
	}
	for (i = 0; i < tally->members.count; i++)
	{
		const ks_entry *e = &tally->members.entry[i];

		if (keys[e->key].measure != NO_MEASURE)
			add_weight(&c->of[keys[e->key].measure], keys[e->key].number, e->slot, true, e->member, e->weight);
	}
	pfree(keys);
}

static void
compare_tally(comparison *c, measure_names *names, ks_string measure, Datum stored)
{
	ks_builder	tally;
	ks_view		view;

	ks_tally_open(&view, stored);
	ks_builder_init(&tally, CurrentMemoryContext);
	ks_must(ks_builder_merge(&tally, &view, false));
	add_tally(c, names, &tally, measure);
	ks_builder_free(&tally);
}

/* ------------------------------------------------------------------------
 * What was recounted
 * ------------------------------------------------------------------------
 */

static void
compare_event(FunctionCallInfo fcinfo, comparison *c, const char *measure)
{
	int			number = measure_number(c, measure);
	fingerprint *f = &c->of[number];
	int32		slot = ks_slot_checked(PG_GETARG_TIMESTAMPTZ(3));
	int64		weight = PG_GETARG_INT64(6);
	int64		less = (int64) (0 - (uint64) weight);
	ks_builder	scratch;
	uint64		key;

	ks_builder_init(&scratch, CurrentMemoryContext);
	key = key_number(ks_dictionary_get(&scratch.keys, ks_put_key(&scratch, PG_GETARG_ARRAYTYPE_P(4))));
	ks_builder_free(&scratch);
	add_weight(f, key, slot, false, 0, less);
	f->recounted = sum_of(f->recounted, weight);
	if (!PG_ARGISNULL(5))
	{
		text	   *member = PG_GETARG_TEXT_PP(5);

		add_weight(f, key, slot, true, ks_hash_member(VARDATA_ANY(member), VARSIZE_ANY_EXHDR(member)), less);
	}
}

/* compare_counts(state, measure, tally, at, key, member, weight): a stored row has a tally, an event has not */
Datum
ks_compare_counts(PG_FUNCTION_ARGS)
{
	comparison *c = state_of(fcinfo);
	measure_names *names = names_of(fcinfo);
	text	   *measure;
	ks_string	name;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(c);
	measure = PG_GETARG_TEXT_PP(1);
	name.bytes = (const uint8_t *) VARDATA_ANY(measure);
	name.length = VARSIZE_ANY_EXHDR(measure);
	if (!PG_ARGISNULL(2))
		compare_tally(c, names, name, PG_GETARG_DATUM(2));
	else if (!PG_ARGISNULL(3) && !PG_ARGISNULL(4) && !PG_ARGISNULL(6))
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

/* {{measure, stored total, recounted total}, ...}; NULL where all is the same. */
Datum
ks_compare_final(PG_FUNCTION_ARGS)
{
	ArrayBuildState *differences = NULL;
	comparison *c;
	int			dims[2] = {0, 3};
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
		accumArrayResult(differences, CStringGetTextDatum(psprintf(INT64_FORMAT, f->stored)), false, TEXTOID, CurrentMemoryContext);
		accumArrayResult(differences, CStringGetTextDatum(psprintf(INT64_FORMAT, f->recounted)), false, TEXTOID, CurrentMemoryContext);
		dims[0]++;
	}
	if (differences == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(makeMdArrayResult(differences, 2, dims, lower, CurrentMemoryContext, true));
}
