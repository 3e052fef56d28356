/*
 * Rules: how a logical column is read where it is not simply a column of the table.
 */
#ifndef KS_RULE_H
#define KS_RULE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/jsonb.h"

#include "rollup/field.h"
#include "tally/tally.h"

/* What a value is counted as. */
typedef struct ks_rule_value
{
	ks_string	from;
	ks_string	to;				/* bytes NULL: NULL */
} ks_rule_value;

/*
 * A rule for an instant has a zone or a unit.  Any other has a constant, or a path, values
 * or both: the field of a document, or the column's text, and what that is counted as.
 */
typedef struct ks_rule
{
	const char *logical;
	const char *column;			/* of the table; NULL where it is a constant */
	int			number;			/* among the rules of its binding */
	ks_string	constant;		/* bytes NULL: there is none */
	int			nparts;
	ks_field_part *parts;
	int			nvalues;
	ks_rule_value *values;		/* sorted by from */
	bool		has_null;		/* among values */
	pg_tz	   *zone;
	int64		unit;			/* microseconds; 0: there is none */
} ks_rule;

extern ks_rule *ks_rule_read(const JsonbValue *object, const char *logical);
extern ks_string ks_rule_field(const ks_rule *rule, Oid type, Datum document);
extern const ks_rule_value *ks_rule_value_of(const ks_rule *rule, ks_string text);
extern bool ks_rule_instant(const ks_rule *rule, Oid type, Datum value, TimestampTz *at);
extern ks_string ks_numeric_text(Datum value);
extern bool ks_boolean_text(const char *text, size_t length, bool *value);

#endif							/* KS_RULE_H */
