/*
 * Where the rollup's rows are: in the table of that name, or in shards on several nodes.
 */
#ifndef KS_PLACE_H
#define KS_PLACE_H

#include "postgres.h"

/* HERE: in the table; else what this node is to those that share them. */
typedef enum ks_place
{
	KS_PLACE_HERE, KS_PLACE_COORDINATOR, KS_PLACE_WORKER
} ks_place;

/* The hash values of the bots in a shard. */
typedef struct ks_shard_range
{
	int32		first;
	int32		last;
} ks_shard_range;

extern ks_place ks_rollup_place(void);
extern bool ks_is_distributed(void);
extern bool ks_is_shard(Oid relid);
extern int64 ks_shard_number(Oid relid);
extern bool ks_shard_range_of(Oid relid, ks_shard_range *range);
extern bool ks_is_distributed_table(Oid relid);
extern char *ks_distribution_column(Oid relid);
extern bool ks_can_ask_nodes(void);
extern void ks_prepare_nodes(void);

#endif							/* KS_PLACE_H */
