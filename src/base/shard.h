/*
 * The shards of the rollup that are on this node, and working on one of them.
 */
#ifndef KS_SHARD_H
#define KS_SHARD_H

#include "base/compat.h"
#include "base/place.h"

/* A shard whose rows are worked on directly; its name, for statements, or NULL. */
typedef struct ks_shard_work
{
	Oid			relid;
	char	   *name;
} ks_shard_work;

extern Oid ks_rollup_shard(int64 bot_id);
extern Oid ks_rollup_shard_beside(const ks_shard_range *events);
extern void ks_require_in_shard(const ks_shard_range *events, int64 bot_id);
pg_noreturn extern void ks_refuse_unknown_shard(void);
extern Oid *ks_rollup_shards(int *count);
extern ks_shard_work ks_work_on_shard(Oid shard, bool named);
extern void ks_work_as_before(ks_shard_work before);
extern const ks_shard_work *ks_shard_worked_on(void);

#endif							/* KS_SHARD_H */
