/*
 * Writing JSON, in the forms that the documented systems share.
 */
#ifndef KS_JSON_H
#define KS_JSON_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* Pieces that are written many times unchanged: piece i is text[end[i - 1], end[i]). */
typedef struct ks_json_pieces
{
	StringInfoData text;
	int		   *end;
	int			count;
} ks_json_pieces;

extern void ks_json_begin(StringInfo out);
extern Datum ks_json_end(StringInfo out);
extern void ks_json_member(StringInfo out, const char *name);
extern void ks_json_start_pieces(ks_json_pieces *pieces, int most);
extern void ks_json_end_piece(ks_json_pieces *pieces);
extern void ks_json_piece(StringInfo out, const ks_json_pieces *pieces, int number);
extern void ks_json_text(StringInfo out, const char *value);
extern void ks_json_bytes(StringInfo out, const uint8 *bytes, size_t length);
extern void ks_json_integer(StringInfo out, int64 value);
extern void ks_json_boolean(StringInfo out, bool value);
extern void ks_json_number(StringInfo out, double value);
extern void ks_json_hundredths(StringInfo out, int64 value);
extern void ks_json_datetime(StringInfo out, Timestamp value);
extern void ks_json_instant(StringInfo out, TimestampTz value);
extern void ks_json_exact_instant(StringInfo out, TimestampTz value);
extern int64 ks_hundredths(int64 part, int64 whole);
extern void ks_json_open(StringInfo out, char bracket);
extern void ks_json_close(StringInfo out, char bracket);

#endif							/* KS_JSON_H */
