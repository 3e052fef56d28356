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
 */
#include "rollup/rollup.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tally/hash.h"
#include "utils/builtins.h"

#define LANES 2

typedef struct fingerprint
{
	int64		total;
	uint64		sum[LANES];
} fingerprint;

PG_FUNCTION_INFO_V1(ks_fingerprint_tally);
PG_FUNCTION_INFO_V1(ks_fingerprint_event);
PG_FUNCTION_INFO_V1(ks_fingerprint_final);

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
	if (!has_member)
		f->total = (int64) ((uint64) f->total + (uint64) weight);
}

static fingerprint *
state_of(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(0))
		return (fingerprint *) PG_GETARG_POINTER(0);
	return MemoryContextAllocZero(ks_aggregate_context(fcinfo), sizeof(fingerprint));
}

/* Adds what a tally has, of a measure alone where it is mixed. */
static void
add_tally(fingerprint *f, const ks_builder *tally, bool mixed, ks_string wanted)
{
	uint64	   *numbers = palloc_extended((tally->keys.count + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	bool	   *counts = palloc_extended((tally->keys.count + 1) * sizeof(bool), MCXT_ALLOC_HUGE);
	uint32		i;

	for (i = 0; i < tally->keys.count; i++)
	{
		ks_string	key = ks_dictionary_get(&tally->keys, i);
		ks_string	name;

		CHECK_FOR_INTERRUPTS();
		counts[i] = !mixed || (ks_key_shift(&key, &name) && name.bytes != NULL && ks_string_compare(name, wanted) == 0);
		numbers[i] = counts[i] ? key_number(key) : 0;
	}
	for (i = 0; i < tally->weights.count; i++)
	{
		const ks_entry *e = &tally->weights.entry[i];

		if (counts[e->key])
			add_weight(f, numbers[e->key], e->slot, false, 0, e->weight);
	}
	for (i = 0; i < tally->members.count; i++)
	{
		const ks_entry *e = &tally->members.entry[i];

		if (counts[e->key])
			add_weight(f, numbers[e->key], e->slot, true, e->member, e->weight);
	}
	pfree(numbers);
	pfree(counts);
}

/* fingerprint_tally(state, measure, tally, wanted) */
Datum
ks_fingerprint_tally(PG_FUNCTION_ARGS)
{
	fingerprint *f = state_of(fcinfo);
	text	   *measure;
	text	   *name;
	ks_string	wanted;
	ks_builder	tally;
	ks_view		view;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_POINTER(f);
	measure = PG_GETARG_TEXT_PP(1);
	name = PG_GETARG_TEXT_PP(3);
	wanted.bytes = (const uint8_t *) VARDATA_ANY(name);
	wanted.length = VARSIZE_ANY_EXHDR(name);
	ks_tally_open(&view, PG_GETARG_DATUM(2));
	ks_builder_init(&tally, CurrentMemoryContext);
	ks_must(ks_builder_merge(&tally, &view, false));
	add_tally(f, &tally, VARSIZE_ANY_EXHDR(measure) == 0, wanted);
	ks_builder_free(&tally);
	PG_RETURN_POINTER(f);
}

/* fingerprint_event(state, at, key, member, weight) */
Datum
ks_fingerprint_event(PG_FUNCTION_ARGS)
{
	fingerprint *f = state_of(fcinfo);
	ks_builder	scratch;
	uint64		key;
	int32		slot;
	int64		weight;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(4))
		PG_RETURN_POINTER(f);
	slot = ks_slot_checked(PG_GETARG_TIMESTAMPTZ(1));
	weight = PG_GETARG_INT64(4);
	ks_builder_init(&scratch, CurrentMemoryContext);
	key = key_number(ks_dictionary_get(&scratch.keys, ks_put_key(&scratch, PG_GETARG_ARRAYTYPE_P(2))));
	ks_builder_free(&scratch);
	add_weight(f, key, slot, false, 0, weight);
	if (!PG_ARGISNULL(3))
	{
		text	   *member = PG_GETARG_TEXT_PP(3);

		add_weight(f, key, slot, true, ks_hash_member(VARDATA_ANY(member), VARSIZE_ANY_EXHDR(member)), weight);
	}
	PG_RETURN_POINTER(f);
}

/* The total weight, and what tells tallies apart. */
Datum
ks_fingerprint_final(PG_FUNCTION_ARGS)
{
	fingerprint *f;
	Datum		items[1 + LANES];
	int			i;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	f = (fingerprint *) PG_GETARG_POINTER(0);
	items[0] = Int64GetDatum(f->total);
	for (i = 0; i < LANES; i++)
		items[1 + i] = Int64GetDatum((int64) f->sum[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(items, 1 + LANES, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
