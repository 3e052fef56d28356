/*
 * What a tally is written from.
 */
#ifndef KS_TALLY_DRAFT_H
#define KS_TALLY_DRAFT_H

#include "tally/builder.h"
#include "tally/visit.h"

/* A key is a head, which keys have in common, and a tail. */
typedef struct ks_named_key
{
	ks_string	key;
	uint32_t	number;			/* in the builder's dictionary */
	uint32_t	tail;			/* which of the draft's */
	uint32_t	head_length;
} ks_named_key;

/* What is to be written: sorted, keys renumbered by rank. */
typedef struct ks_draft
{
	ks_memory	memory;
	ks_named_key *keys;
	uint32_t	nkeys;
	ks_string  *tails;			/* those of the keys, each once, ascending */
	uint32_t	ntails;
	size_t		tail_bytes;
	ks_entry   *weights;		/* by key, quarter */
	uint32_t	nweights;
	ks_entry   *members;		/* by key, quarter, member's number */
	uint32_t	nentries;
	ks_visits	visits;			/* hashes of the members that the entries name by number */
	ks_entry   *quarters;		/* by quarter, over all keys */
	uint32_t	nquarters;
	int32_t		quarter_first;
	int32_t		quarter_last;
	int64_t		total;
	bool		negative;
	bool		all_weights;	/* those of all entries are written, which pack.c finds out */
} ks_draft;

extern ks_status ks_draft_fill(ks_draft *d, const ks_builder *builder);
extern void ks_draft_free(ks_draft *d);

#endif							/* KS_TALLY_DRAFT_H */
