/*
 * A tally in memory: what is added to, merged into and then packed.
 */
#ifndef KS_TALLY_BUILDER_H
#define KS_TALLY_BUILDER_H

#include "tally/key.h"
#include "tally/accumulator.h"
#include "tally/view.h"

/*
 * Two accumulators share the dictionary of keys: weights holds every weight by (key,
 * quarter), members the part of it that came with a member.
 */
typedef struct ks_builder
{
	ks_memory	memory;
	ks_dictionary keys;
	ks_accumulator weights;		/* member is always 0 */
	ks_accumulator members;
	ks_bounds	bounds;
} ks_builder;

/* The keys of a mixed tally that share their first part, without that part. */
typedef struct ks_share
{
	ks_string	name;
	ks_builder	builder;
} ks_share;

/* How much there is in a consolidated one, as limits count it. */
static inline uint64_t
ks_builder_entries(const ks_builder *builder)
{
	return (uint64_t) builder->weights.count + builder->members.count;
}

extern void ks_builder_init(ks_builder *builder, ks_memory memory);
extern void ks_builder_free(ks_builder *builder);
extern size_t ks_builder_bytes(const ks_builder *builder);
extern ks_status ks_builder_consolidate(ks_builder *builder);
extern bool ks_builder_empty(const ks_builder *builder);
extern ks_status ks_builder_add(ks_builder *builder, uint32_t key, int32_t quarter, int64_t weight);
extern ks_status ks_builder_add_member(ks_builder *builder, uint32_t key, int32_t quarter, uint64_t member, int64_t weight);
extern void ks_bounds_reset(ks_bounds *bounds);
extern void ks_bounds_note(ks_bounds *bounds, int64_t at, bool removed);
extern bool ks_bounds_consolidated(const ks_bounds *bounds);
extern bool ks_bounds_idle(const ks_bounds *bounds);
extern void ks_bounds_merge(ks_bounds *bounds, const ks_bounds *other, bool negate);
extern ks_bounds ks_bounds_within(const ks_bounds *all, int64_t from, int64_t last);
extern ks_status ks_builder_merge(ks_builder *builder, const ks_view *view, bool negate);
extern ks_status ks_builder_merge_under(ks_builder *builder, const ks_view *view, bool negate, ks_string name);
extern ks_status ks_builder_merge_range(ks_builder *builder, const ks_view *view, bool negate, int32_t quarter_from, int32_t quarter_to);
extern ks_status ks_builder_add_all(ks_builder *builder, const ks_builder *other);
extern ks_status ks_builder_split(const ks_builder *mixed, ks_share **shares, uint32_t *count);
extern ks_status ks_pack(ks_builder *builder, size_t reserve, uint8_t **result, size_t *size);
extern ks_status ks_check(const void *bytes, size_t size, ks_memory memory);
extern bool ks_is_older(const void *bytes, size_t size);
extern ks_status ks_renew(const void *bytes, size_t size, ks_memory memory, size_t reserve, uint8_t **renewed, size_t *renewed_size);

#endif							/* KS_TALLY_BUILDER_H */
