/*
 * Lists that are appended to, and what a session knows to stand in them.
 */
#ifndef KS_ROLLUP_LISTED_H
#define KS_ROLLUP_LISTED_H

#include "rollup/rollup.h"

#include "access/genam.h"
#include "access/htup.h"
#include "utils/hsearch.h"

/* What a session knows of one list: entries of a hash table, which begin with their keys. */
typedef struct ks_listed
{
	const char *name;			/* shown in memory statistics */
	Size		key_size;
	Size		entry_size;
	long		most;			/* how many entries are remembered before it begins anew */
	Oid			relid;			/* the table that it stands in */
	HTAB	   *known;
	bool		uncommitted;	/* lines of this transaction are among what is known */
	struct ks_listed *next;		/* next list that is notified of the end of a transaction */
} ks_listed;

/* Handles a line of the list; returns false to stop. */
typedef bool (*ks_line) (HeapTuple line, TupleDesc desc, void *context);

extern void ks_listed_begin(ks_listed *listed, Oid relid);
extern void *ks_listed_find(ks_listed *listed, const void *key);
extern void *ks_listed_put(ks_listed *listed, const void *key);
extern void ks_listed_uncommitted(ks_listed *listed);
extern void ks_list_read(Oid relid, ScanKeyData *keys, int nkeys, ks_line take, void *context);

/* conversation_bot.c */
extern List *ks_relations_of_bot(int64 bot_id);
extern bool ks_table_is_among(Oid relid, List *relations);
extern void ks_note_bot(Oid trigger, Oid relid, int64 bot_id);

#endif							/* KS_ROLLUP_LISTED_H */
