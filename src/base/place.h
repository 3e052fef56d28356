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

/* A shard whose rows are worked on directly; its name, for statements, or NULL. */
typedef struct ks_shard_work
{
	Oid			relid;
	char	   *name;
} ks_shard_work;

extern ks_place ks_rollup_place(void);
extern bool ks_is_distributed(void);
extern bool ks_is_shard(Oid relid);
extern bool ks_is_distributed_table(Oid relid);
extern char *ks_distribution_column(Oid relid);
extern void ks_prepare_nodes(void);
extern Oid ks_rollup_shard(int64 bot_id);
extern Oid *ks_rollup_shards(int *count);
extern ks_shard_work ks_work_on_shard(Oid shard, bool named);
extern void ks_work_as_before(ks_shard_work before);
extern const ks_shard_work *ks_shard_worked_on(void);

#endif							/* KS_PLACE_H */
