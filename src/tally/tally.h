/*
 * The tally as a PostgreSQL type: what other rooms see of this one.
 */
#ifndef KS_TALLY_H
#define KS_TALLY_H

#include "postgres.h"

#include "base/compat.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "storage/block.h"
#include "utils/array.h"

#include "tally/builder.h"
#include "tally/error.h"

/* type.c */
extern struct varlena *ks_toast_slice(Datum value, uint32 from, uint32 length);
extern uint32 ks_toast_pages(Datum value, Oid *relid, BlockNumber **pages);
extern void ks_tally_open(ks_view *view, Datum tally);
extern struct varlena *ks_tally_pack(ks_builder *builder);

/* aggregate.c */
extern int32 ks_quarter_checked(TimestampTz at);
extern uint32 ks_put_key(ks_builder *builder, ArrayType *key);

/* How much of a text is a part of a key. */
static inline size_t
ks_part_length(const void *bytes, size_t length)
{
	return likely(length <= KS_PART_MAX) ? length : (size_t) pg_mbcliplen(bytes, (int) length, KS_PART_MAX);
}

#define PG_GETARG_TALLY_VIEW(view, n) ks_tally_open((view), PG_GETARG_DATUM(n))

#endif							/* KS_TALLY_H */
