/*
 * The shards of the rollup that are on this node, and working on one of them.
 */
#ifndef KS_SHARD_H
#define KS_SHARD_H

#include "postgres.h"

/* A shard whose rows are worked on directly; its name, for statements, or NULL. */
typedef struct ks_shard_work
{
	Oid			relid;
	char	   *name;
} ks_shard_work;

extern Oid ks_rollup_shard(int64 bot_id);
extern Oid *ks_rollup_shards(int *count);
extern ks_shard_work ks_work_on_shard(Oid shard, bool named);
extern void ks_work_as_before(ks_shard_work before);
extern const ks_shard_work *ks_shard_worked_on(void);

#endif							/* KS_SHARD_H */
