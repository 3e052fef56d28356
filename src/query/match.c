/*
 * Which keys and quarter hours of a stored tally a query asks for, and how many of
 * its bytes tell.
 */
#include "query/query.h"

/*
 * How many of a row's first bytes are needed before the last row has come: of
 * what lies in one bucket totals will do.  In a mixed row the weight per quarter is
 * not this measure's alone.  Members are fetched after the last row, if at all.
 */
size_t
ks_query_reach(const ks_query *query, const ks_header *header, bool mixed)
{
	int32_t		bucket = query->intervals.nintervals == 0 ? KS_BUCKET_OUTSIDE
		: ks_intervals_bucket_of_range(&query->intervals, header->quarter_first, header->quarter_last);

	if (bucket == KS_BUCKET_OUTSIDE)
		return header->quarters_at;
	if (query->grouped || query->filter.count > 0 || mixed)
		return bucket >= 0 ? header->weights_at : header->members_at;
	if (bucket >= 0)
		return header->quarters_at;
	return query->distinct ? header->keys_at : header->visits_at;
}

/* A table of a row's quarters is made where it has no more than this, which are almost two years, */
#define MAPPED_MAX 65536

/* where at least one quarter of so many has a weight, all keys together, */
#define MAPPED_EMPTY 8

/* and a key has so few quarters a bucket that going on to the next bucket takes longer than the quarters. */
#define MAPPED_QUARTERS_A_BUCKET 16

/* The buckets of the row's quarters, from its first on; NULL where that is not worth a table. */
const int32_t *
ks_query_map(ks_query *query, const ks_header *header)
{
	int64_t		quarters = (int64_t) header->quarter_last - header->quarter_first + 1;
	int64_t		intervals = ks_intervals_find(&query->intervals, header->quarter_last) - ks_intervals_find(&query->intervals, header->quarter_first) + 1;
	bool		whole = !query->grouped && query->filter.count == 0;
	uint64_t	keys = whole || header->nkeys == 0 ? 1 : header->nkeys;
	uint64_t	weights = whole ? header->nquarters : header->nweights;

	if (quarters > MAPPED_MAX || weights * MAPPED_EMPTY < (uint64_t) quarters || weights / keys / (uint64_t) intervals >= MAPPED_QUARTERS_A_BUCKET)
		return NULL;
	ks_intervals_map(&query->intervals, &query->map, header->quarter_first, header->quarter_last, query->memory);
	return query->map.bucket;
}

/* Whether a key counts; the prefix is taken off a mixed row's. */
bool
ks_query_key_counts(const ks_query *query, ks_key *key, const ks_string *prefix)
{
	ks_string	name;

	if (prefix != NULL && !(ks_key_take(key, &name) && ks_string_compare(name, *prefix) == 0))
		return false;
	return query->filter.count == 0 || ks_filter_passes(&query->filter, *key);
}
