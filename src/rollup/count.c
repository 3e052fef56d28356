/*
 * Counting events: which measures an event is for, under which key, and whom.
 *
 * One event adds to the tally of its bot and month (a group) what each measure
 * counts of it.  This is what every insert pays for, so nothing is worked out
 * twice: the measures of a kind are listed when the table is bound, source and
 * language are encoded once an event, the numbers of keys without columns of
 * their own are remembered, and a member is hashed once for all its measures.
 */
#include "rollup/count.h"

#include "base/hash.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* For this many combinations of source and language, the numbers of their keys are remembered in each group. */
#define REMEMBERED_DIMENSIONS 32

/* Key numbers are remembered in groups of at least this many entries. */
#define REMEMBERED_FROM 64

void
ks_counter_init(ks_counter *counter, ks_binding *binding, MemoryContext memory)
{
	memset(counter, 0, sizeof(*counter));
	counter->binding = binding;
	counter->memory = memory;
	counter->key_size = 256;
	counter->key = MemoryContextAlloc(memory, counter->key_size);
	ks_bot_reader_init(&counter->bot, binding->bot_id.rule != NULL ? TEXTOID : binding->bot_id.type);
	counter->members = MemoryContextAlloc(memory, (binding->nmembers + 1) * sizeof(ks_member));
	counter->ruled = MemoryContextAlloc(memory, (binding->nrules + 1) * sizeof(ks_ruled));
	ks_dictionary_init(&counter->dimensions, memory);
}

void
ks_group_init(ks_month_tally *group, int64 bot_id, int32 month, MemoryContext memory)
{
	group->bot_id = bot_id;
	group->month = month;
	group->numbers = NULL;
	ks_builder_init(&group->builder, memory);
}

static inline bool
column_datum(const ks_column *column, const ks_values *row, Datum *value)
{
	if (column->number == 0 || row->isnull[column->number - 1])
		return false;
	*value = row->values[column->number - 1];
	return true;
}

/* Returns a column's value as the text that a cast to text would give; equal numerics give equal texts. */
static ks_string
plain_text(ks_column *column, const ks_values *row)
{
	ks_string	result = {NULL, 0};
	Datum		value;

	if (!column_datum(column, row, &value))
		return result;
	if (column->type == TEXTOID || column->type == VARCHAROID || column->type == BPCHAROID)
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

		result.bytes = (const uint8_t *) VARDATA_ANY(bytes);
		result.length = VARSIZE_ANY_EXHDR(bytes);
		if (column->type == BPCHAROID)
			result.length = (size_t) bpchartruelen((char *) result.bytes, (int) result.length);
		return result;
	}
	if (column->type == NUMERICOID)
		return ks_numeric_text(value);
	if (column->type == BOOLOID)
		result.bytes = (const uint8_t *) (DatumGetBool(value) ? "true" : "false");
	else
		result.bytes = (const uint8_t *) OutputFunctionCall(&column->output, value);
	result.length = strlen((const char *) result.bytes);
	return result;
}

/* Returns what a rule makes of a column; *dropped says whether the rule maps the value to NULL. */
static ks_string
ruled_text(ks_column *column, const ks_values *row, bool *dropped)
{
	const ks_rule *rule = column->rule;
	const ks_rule_value *found;
	ks_string	text = rule->constant;
	Datum		value;

	*dropped = false;
	if (text.bytes != NULL)
		return text;
	if (rule->nparts == 0)
		text = plain_text(column, row);
	else if (column_datum(column, row, &value))
		text = ks_rule_field(rule, column->type, value);
	found = ks_rule_value_of(rule, text);
	if (found == NULL)
		return text;
	*dropped = found->to.bytes == NULL;
	return found->to;
}

/* Returns a logical column of the current event as text.  Rules are evaluated once for each event. */
static ks_string
column_text(ks_counter *c, ks_column *column, const ks_values *row)
{
	ks_ruled   *ruled;
	bool		dropped;

	if (likely(column->rule == NULL))
		return plain_text(column, row);
	ruled = &c->ruled[column->rule->number];
	if (!ruled->known)
	{
		ruled->text = ruled_text(column, row, &dropped);
		ruled->known = true;
	}
	return ruled->text;
}

static bool
column_present(ks_counter *c, ks_column *column, const ks_values *row)
{
	Datum		value;

	return likely(column->rule == NULL) ? column_datum(column, row, &value) : column_text(c, column, row).bytes != NULL;
}

static int64
column_integer(const ks_column *column, Datum value)
{
	switch (column->type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static void
key_reserve(ks_counter *c, size_t size)
{
	if (size <= c->key_size)
		return;
	c->key_size = 2 * size;
	c->key = repalloc(c->key, c->key_size);
}

static void
key_append(ks_counter *c, size_t *used, ks_string part)
{
	part.length = ks_part_length(part.bytes, part.length);
	key_reserve(c, *used + part.length + KS_VARINT_MAX);
	*used = (size_t) (ks_key_put(c->key + *used, part.bytes, part.length) - c->key);
}

/* Reads bot, instant and kind of a row; false for a row that cannot be counted at all. */
bool
ks_event_read(ks_counter *counter, const ks_values *row, ks_event *event)
{
	ks_binding *binding = counter->binding;
	bool		dropped = false;
	Datum		value;

	if (binding->bot_id.rule != NULL)
		value = binding->constant_bot;
	else if (!column_datum(&binding->bot_id, row, &value))
		return false;
	event->bot_id = ks_bot_read(&counter->bot, value);
	if (!column_datum(&binding->occurred_at, row, &value))
		return false;
	if (likely(binding->occurred_at.rule == NULL))
		event->at = DatumGetTimestampTz(value);
	else if (!ks_rule_instant(binding->occurred_at.rule, binding->occurred_at.type, value, &event->at))
		return false;
	event->kind = likely(binding->kind.rule == NULL) ? plain_text(&binding->kind, row) : ruled_text(&binding->kind, row, &dropped);
	event->row = *row;
	return !dropped;
}

/* Returns the number of the event's source and language, encoded one after the other. */
static uint32
dimensions_number(ks_counter *c, const ks_event *e)
{
	size_t		used = 0;
	ks_string	encoded;
	int			i;

	for (i = 0; i < KS_DIMENSIONS; i++)
		key_append(c, &used, column_text(c, &c->binding->dimensions[i], &e->row));
	encoded.bytes = c->key;
	encoded.length = used;
	if (c->dimensions.count > 0)
	{
		ks_string	last = ks_dictionary_get(&c->dimensions, c->last_dimensions);

		if (last.length == used && memcmp(last.bytes, c->key, used) == 0)
			return c->last_dimensions;
	}
	c->last_dimensions = ks_dictionary_put(&c->dimensions, encoded);
	return c->last_dimensions;
}

/* Encodes (measure, source, language, key columns). */
static ks_string
build_key(ks_counter *c, const ks_event *e, ks_measure *measure, uint32 dimensions)
{
	ks_string	encoded = ks_dictionary_get(&c->dimensions, dimensions);
	size_t		used = measure->prefix.length + encoded.length;
	ks_string	key;
	int			i;

	key_reserve(c, used);
	memcpy(c->key, measure->prefix.bytes, measure->prefix.length);
	memcpy(c->key + measure->prefix.length, encoded.bytes, encoded.length);
	for (i = 0; i < measure->nkeys; i++)
		key_append(c, &used, column_text(c, &measure->keys[i], &e->row));
	key.bytes = c->key;
	key.length = used;
	return key;
}

/* Returns where the number + 1 of a measure's key is remembered.  NULL in a group of few events, which is not worth the memory. */
static uint32 *
remembered_number(ks_counter *c, ks_month_tally *group, const ks_measure *measure, uint32 dimensions)
{
	size_t		count = (size_t) c->binding->nmeasures * REMEMBERED_DIMENSIONS;

	if (measure->nkeys > 0 || dimensions >= REMEMBERED_DIMENSIONS || group->builder.weights.count < REMEMBERED_FROM)
		return NULL;
	if (group->numbers == NULL)
	{
		group->numbers = ks_alloc(group->builder.memory, count * sizeof(uint32));
		memset(group->numbers, 0, count * sizeof(uint32));
	}
	return &group->numbers[(measure - c->binding->measures) * REMEMBERED_DIMENSIONS + dimensions];
}

/* The number of the event's key in the group. */
static uint32
key_number(ks_counter *c, ks_month_tally *group, const ks_event *e, ks_measure *measure, uint32 dimensions)
{
	uint32	   *remembered = remembered_number(c, group, measure, dimensions);
	uint32		number;

	if (remembered != NULL && *remembered > 0)
		return *remembered - 1;
	number = ks_dictionary_put(&group->builder.keys, build_key(c, e, measure, dimensions));
	if (remembered != NULL)
		*remembered = number + 1;
	return number;
}

/* The member of a measure, hashed when first asked for; NULL where the event has none. */
static const ks_member *
find_member(ks_counter *c, const ks_event *e, ks_measure *measure)
{
	ks_member  *member;
	ks_string	text;

	if (!measure->has_member)
		return NULL;
	member = &c->members[measure->member_number];
	if (!member->known)
	{
		text = column_text(c, &measure->member, &e->row);
		member->known = true;
		member->present = text.bytes != NULL;
		if (member->present)
			member->hash = ks_hash_member(text.bytes, text.length);
	}
	return member->present ? member : NULL;
}

/* Whether a condition holds: a column that is true, or more than 0, or a text that says true. */
static bool
holds(ks_counter *c, ks_column *condition, const ks_event *e)
{
	Datum		value;
	ks_string	text;
	bool		result;

	if (!column_present(c, condition, &e->row))
		return false;
	if (condition->rule == NULL && column_datum(condition, &e->row, &value))
	{
		if (condition->type == BOOLOID)
			return DatumGetBool(value);
		if (condition->type == INT2OID || condition->type == INT4OID || condition->type == INT8OID)
			return column_integer(condition, value) > 0;
		if (condition->type == NUMERICOID)
			return DatumGetBool(DirectFunctionCall2(numeric_gt, value, DirectFunctionCall1(int8_numeric, Int64GetDatum(0))));
	}
	text = column_text(c, condition, &e->row);
	return ks_boolean_text((const char *) text.bytes, text.length, &result) && result;
}

/* Reads the weight that an event adds; false if it is not a whole number. */
static bool
column_weight(ks_counter *c, ks_column *column, const ks_event *e, int64 *weight)
{
	ks_string	text;
	Datum		value;
	int64_t		number;

	if (column->rule == NULL && column->type != NUMERICOID)
	{
		if (!column_datum(column, &e->row, &value))
			return false;
		*weight = column_integer(column, value);
		return true;
	}
	text = column_text(c, column, &e->row);
	if (text.bytes == NULL || !ks_whole_number((const char *) text.bytes, text.length, &number))
		return false;
	*weight = number;
	return true;
}

static bool
has_needed(ks_counter *c, ks_measure *measure, const ks_event *e)
{
	int64		weight;

	return measure->needs_number ? column_weight(c, &measure->needed, e, &weight) : column_present(c, &measure->needed, &e->row);
}

/* Whether a measure counts the event at all.  Most measures that get here depend on a column that is NULL in most events. */
static bool
counts_event(ks_counter *c, ks_measure *measure, const ks_event *e)
{
	bool		any = measure->nkeys == 0;
	int			i;

	for (i = 0; i < measure->nkeys && !any; i++)
		any = column_present(c, &measure->keys[i], &e->row);
	if (!any || (measure->has_needed && !has_needed(c, measure, e)))
		return false;
	return !measure->has_condition || holds(c, &measure->condition, e);
}

/* Adds one event to one measure's part of the tally. */
static void
count_measure(ks_counter *c, ks_month_tally *group, const ks_event *e, ks_measure *measure, uint32 dimensions, int32 quarter, bool removed)
{
	int64		weight = 1;
	const ks_member *member;
	uint32		number;

	if (!counts_event(c, measure, e) || (measure->has_weight && !column_weight(c, &measure->weight, e, &weight)))
		return;
	number = key_number(c, group, e, measure, dimensions);
	if (removed && __builtin_sub_overflow((int64) 0, weight, &weight))
		ks_raise(KS_E_OVERFLOW);
	member = find_member(c, e, measure);
	if (member != NULL)
		ks_must(ks_builder_add_member(&group->builder, number, quarter, member->hash, weight));
	else
		ks_must(ks_builder_add(&group->builder, number, quarter, weight));
}

/* The measures that count a kind of events. */
static const ks_kind *
find_kind(const ks_binding *binding, ks_string kind)
{
	int			i;

	for (i = 0; i < binding->nkinds; i++)
	{
		const ks_kind *known = &binding->kinds[i];

		if (kind.bytes != NULL && kind.length == known->name.length &&
			memcmp(kind.bytes, known->name.bytes, kind.length) == 0)
			return known;
	}
	return &binding->other_kinds;
}

/* Counts one event of the group for every measure. note_bounds is false if an update did not change its instant. */
void
ks_count_event(ks_counter *counter, ks_month_tally *group, const ks_event *event, bool removed, bool note_bounds)
{
	ks_binding *binding = counter->binding;
	const ks_kind *kind = find_kind(binding, event->kind);
	int32		quarter = ks_quarter_checked(event->at);
	uint32		dimensions;
	int			i;

	for (i = 0; i < binding->nrules; i++)
		counter->ruled[i].known = false;
	dimensions = dimensions_number(counter, event);
	for (i = 0; i < binding->nmembers; i++)
		counter->members[i].known = false;
	for (i = 0; i < kind->nmeasures; i++)
		count_measure(counter, group, event, &binding->measures[kind->measures[i]], dimensions, quarter, removed);
	if (note_bounds && binding->events)
		ks_bounds_note(&group->builder.bounds, event->at, removed);
}
