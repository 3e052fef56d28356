/*
 * Measures: what is counted, bound to the columns of an event table.
 *
 * Table kindly_stats.measure says what to count in terms of logical columns;
 * a trigger's arguments say how the table that was attached names them.  The
 * combination is kept for each table until either changes: the callback below
 * hears of both, of rows in kindly_stats.measure through the statement trigger
 * that attach() puts on it (ks_measure_changed), which invalidates its relcache
 * entry in every session.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/invalidation.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(ks_measure_changed);

static HTAB *bindings = NULL;
static bool bindings_stale = false;
static Oid	measure_relid = InvalidOid;

/* A table of conversations has a binding for each of its grains, so that the key is the trigger. */
typedef struct binding_entry
{
	Oid			trigger;		/* hash key */
	ks_binding *binding;
} binding_entry;

static void
forget_bindings(Oid changed)
{
	HASH_SEQ_STATUS scan;
	binding_entry *entry;

	/* only a mark: a binding may be in use right now */
	if (ks_is_concerned(measure_relid, changed))
		bindings_stale = true;
	if (bindings_stale)
		return;
	hash_seq_init(&scan, bindings);
	while ((entry = hash_seq_search(&scan)) != NULL)
		bindings_stale |= entry->binding->relid == changed;
}

static void
prepare_cache(void)
{
	HASH_SEQ_STATUS scan;
	binding_entry *entry;

	if (bindings == NULL)
	{
		HASHCTL		control;

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(binding_entry);
		bindings = hash_create("kindly_stats bindings", 16, &control, HASH_ELEM | HASH_BLOBS);
		ks_on_table_change(forget_bindings);
	}
	if (!bindings_stale)
		return;
	bindings_stale = false;
	hash_seq_init(&scan, bindings);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		/* an outer trigger of this transaction may still be using it */
		MemoryContextSetParent(entry->binding->memory, TopTransactionContext);
		hash_search(bindings, &entry->trigger, HASH_REMOVE, NULL);
	}
}

/* How a table names columns, as the argument of its triggers says. */
Jsonb *
ks_mapping(const char *argument)
{
	Jsonb	   *result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(argument)));

	if (!JB_ROOT_IS_OBJECT(result))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("a trigger's argument does not say how its table names columns"),
				 errhint("Attach the table again.")));
	return result;
}

/* How the columns of a row are found. */
typedef struct column_source
{
	TupleDesc	desc;
	Jsonb	   *columns;		/* of the trigger */
	bool		selected;		/* by a query that names them as measures do */
} column_source;

/* Returns the rule for a logical column's object; all uses of the column share one. */
static const ks_rule *
bind_rule(ks_binding *binding, const JsonbValue *object, const char *logical)
{
	ks_rule    *rule;
	int			i;

	for (i = 0; i < binding->nrules; i++)
	{
		if (strcmp(binding->rules[i]->logical, logical) == 0)
			return binding->rules[i];
	}
	rule = ks_rule_read(object, logical);
	rule->number = binding->nrules++;
	binding->rules = binding->rules == NULL ? palloc(sizeof(ks_rule *)) : repalloc(binding->rules, binding->nrules * sizeof(ks_rule *));
	binding->rules[rule->number] = rule;
	return rule;
}

/*
 * Returns the table's name for a logical column.  NULL where attach() found no such
 * column: one of that name that was added since is not read, because earlier rows were
 * counted without it.
 */
static const char *
mapped_name(ks_binding *binding, const column_source *source, const char *logical, const ks_rule **rule)
{
	const char *name = NULL;
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&source->columns->root, logical, (int) strlen(logical), &value) == NULL || value.type == jbvNull)
		return NULL;
	if (value.type == jbvString)
		name = pnstrdup(value.val.string.val, value.val.string.len);
	else
	{
		*rule = bind_rule(binding, &value, logical);
		name = (*rule)->column;
	}
	return source->selected && name != NULL ? logical : name;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/*
 * What a column is used for. attach() checks types and reports everything.  But the
 * table's owner may change a type later, and a value must never be taken for one of
 * another type.
 */
typedef enum column_role
{
	ROLE_BOT,
	ROLE_TEXT,
	ROLE_INTEGER,
	ROLE_INSTANT,
	ROLE_CONDITION,
	ROLE_ANY
} column_role;

/* Whether a type that is not text has one text for each value, the same in every session. */
static bool
has_text(Oid type)
{
	return is_text(type) || type == NAMEOID || type == UUIDOID || type == BOOLOID || type == NUMERICOID ||
		type == INT2OID || type == INT4OID || type == INT8OID || type_is_enum(type);
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Whether a type can be read for a role. kindly_stats.type_fits() says the same to those who attach a table. */
static bool
type_fits(Oid type, column_role role, const ks_rule *rule)
{
	if (role == ROLE_INSTANT)
	{
		if (rule == NULL)
			return type == TIMESTAMPTZOID;
		if (rule->zone != NULL)
			return type == TIMESTAMPOID;
		return rule->unit != 0 && (is_integer(type) || type == FLOAT8OID || type == NUMERICOID);
	}
	if (rule != NULL && rule->nparts > 0)
		return type == JSONOID || type == JSONBOID || is_text(type);
	if (rule != NULL)
		return has_text(type);
	switch (role)
	{
		case ROLE_BOT:
			return ks_bot_type_fits(type);
		case ROLE_INTEGER:
			return is_integer(type) || type == NUMERICOID;
		case ROLE_CONDITION:
			return type == BOOLOID || is_integer(type) || type == NUMERICOID || is_text(type);
		case ROLE_TEXT:
			return has_text(type);
		default:
			return true;
	}
}

static void
check_type(const ks_binding *binding, const ks_column *column, const char *logical, column_role role)
{
	if (!type_fits(column->type, role, column->rule))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of event table %s has become of type %s, which cannot be counted",
						logical, binding->name, format_type_be(column->type)),
				 errhint("Change the type back, or detach the table.")));
}

/* Finds a logical column.  A mapped column that is gone is an error; one that did not exist when the table was attached is NULL. */
static void
bind_column(ks_binding *binding, ks_column *column, const column_source *source, const char *logical, column_role role, bool required)
{
	const char *name;
	Oid			output;
	bool		varlena;
	int			i;

	memset(column, 0, sizeof(*column));
	name = mapped_name(binding, source, logical, &column->rule);
	if (column->rule != NULL && column->rule->constant.bytes != NULL)
		return;
	for (i = 0; name != NULL && i < source->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(source->desc, i);

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0)
			continue;
		column->number = attribute->attnum;
		column->type = getBaseType(attribute->atttypid);
		check_type(binding, column, logical, role);
		if (!is_text(column->type))
		{
			getTypeOutputInfo(column->type, &output, &varlena);
			fmgr_info_cxt(output, &column->output, binding->memory);
		}
		if (column->number > binding->last_column)
			binding->last_column = column->number;
		return;
	}
	if (required || name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("event table %s has no column \"%s\" for \"%s\"", binding->name, name ? name : "", logical),
				 errhint("If it was renamed, attach the table again with its new name, such as {\"%s\": \"new_name\"}; if it was dropped, with {\"%s\": null}.",
						 logical, logical)));
}

/* Binds the bot, which may be the same for all rows. */
static void
bind_bot(ks_binding *binding, const column_source *source)
{
	const ks_rule *rule;

	bind_column(binding, &binding->bot_id, source, "bot_id", ROLE_BOT, true);
	rule = binding->bot_id.rule;
	if (rule == NULL)
		return;
	if (rule->constant.bytes == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("a trigger's argument does not say how its table names \"%s\"", "bot_id"),
				 errhint("Attach the table again.")));
	binding->constant_bot = PointerGetDatum(cstring_to_text_with_len((const char *) rule->constant.bytes, (int) rule->constant.length));
}

/* Returns a text of a row of measures, encoded as the first part of a key. */
static ks_string
encoded_part(const char *value)
{
	size_t		length = strlen(value);
	uint8_t    *bytes = palloc(length + KS_VARINT_MAX);
	ks_string	result;

	result.bytes = bytes;
	result.length = (size_t) (ks_key_put(bytes, value, length) - bytes);
	return result;
}

/* The texts of a text[] value. */
static char **
text_array(Datum array, int *count)
{
	Datum	   *items;
	bool	   *nulls;
	char	  **result;
	int			i;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	result = palloc((*count + 1) * sizeof(char *));
	for (i = 0; i < *count; i++)
		result[i] = nulls[i] ? pstrdup("") : TextDatumGetCString(items[i]);
	return result;
}

static bool
bind_optional(ks_binding *binding, ks_column *column, const column_source *source, HeapTuple row, int field,
			  column_role role)
{
	char	   *logical = SPI_getvalue(row, SPI_tuptable->tupdesc, field);

	if (logical == NULL)
		return false;
	bind_column(binding, column, source, logical, role, false);
	return true;
}

/* From a row (name, kinds, keys, member, weight, condition, needed, whether some measure's weight is the same). */
static void
bind_measure(ks_binding *binding, ks_measure *measure, const column_source *source, HeapTuple row)
{
	TupleDesc	fields = SPI_tuptable->tupdesc;
	bool		isnull;
	Datum		array;
	char	  **names;
	int			i;

	memset(measure, 0, sizeof(*measure));
	measure->prefix = encoded_part(SPI_getvalue(row, fields, 1));
	measure->nkinds = -1;
	array = SPI_getbinval(row, fields, 2, &isnull);
	if (!isnull)
		measure->kinds = text_array(array, &measure->nkinds);
	array = SPI_getbinval(row, fields, 3, &isnull);
	if (!isnull)
	{
		names = text_array(array, &measure->nkeys);
		measure->keys = palloc((measure->nkeys + 1) * sizeof(ks_column));
		for (i = 0; i < measure->nkeys; i++)
			bind_column(binding, &measure->keys[i], source, names[i], ROLE_TEXT, false);
	}
	measure->has_member = bind_optional(binding, &measure->member, source, row, 4, ROLE_TEXT);
	measure->has_weight = bind_optional(binding, &measure->weight, source, row, 5, ROLE_INTEGER);
	measure->has_condition = bind_optional(binding, &measure->condition, source, row, 6, ROLE_CONDITION);
	measure->needs_number = strcmp(SPI_getvalue(row, fields, 8), "t") == 0;
	measure->has_needed = bind_optional(binding, &measure->needed, source, row, 7, measure->needs_number ? ROLE_INTEGER : ROLE_ANY);
}

static bool
counts_kind(const ks_measure *measure, const char *kind)
{
	int			i;

	for (i = 0; i < measure->nkinds; i++)
	{
		if (kind != NULL && strcmp(measure->kinds[i], kind) == 0)
			return true;
	}
	return measure->nkinds < 0;
}

/* Whether the table says anything of a logical column. */
static bool
is_bound(const ks_column *column)
{
	return column->number != 0 || column->rule != NULL;
}

/* Whether the table has all columns that the measure needs: if not, events need not ask it. */
static bool
can_count(const ks_measure *measure)
{
	bool		any = measure->nkeys == 0;
	int			i;

	for (i = 0; i < measure->nkeys; i++)
		any |= is_bound(&measure->keys[i]);
	return any && (!measure->has_condition || is_bound(&measure->condition)) &&
		(!measure->has_needed || is_bound(&measure->needed)) &&
		(!measure->has_weight || is_bound(&measure->weight));
}

/* Lists the measures of a kind; kind is NULL for those that no measure names. */
static void
bind_kind(ks_binding *binding, ks_kind *result, const char *kind)
{
	int			i;

	result->name.bytes = (const uint8_t *) kind;
	result->name.length = kind != NULL ? strlen(kind) : 0;
	result->nmeasures = 0;
	result->measures = palloc((binding->nmeasures + 1) * sizeof(int));
	for (i = 0; i < binding->nmeasures; i++)
	{
		if (counts_kind(&binding->measures[i], kind) && can_count(&binding->measures[i]))
			result->measures[result->nmeasures++] = i;
	}
}

static bool
kind_known(const ks_binding *binding, const char *kind)
{
	int			i;

	for (i = 0; i < binding->nkinds; i++)
	{
		if (strcmp((const char *) binding->kinds[i].name.bytes, kind) == 0)
			return true;
	}
	return false;
}

/* Makes what is looked up for each event: measures by kind, and numbers of member columns, which measures may share. */
static void
bind_lookups(ks_binding *binding)
{
	int			named = 0;
	int			i,
				j;

	for (i = 0; i < binding->nmeasures; i++)
		named += Max(binding->measures[i].nkinds, 0);
	binding->kinds = palloc((named + 1) * sizeof(ks_kind));
	for (i = 0; i < binding->nmeasures; i++)
	{
		ks_measure *measure = &binding->measures[i];

		for (j = 0; j < measure->nkinds; j++)
		{
			if (!kind_known(binding, measure->kinds[j]))
				bind_kind(binding, &binding->kinds[binding->nkinds++], measure->kinds[j]);
		}
		measure->member_number = binding->nmembers;
		for (j = 0; j < i; j++)
		{
			if (binding->measures[j].has_member && binding->measures[j].member.number == measure->member.number &&
				binding->measures[j].member.rule == measure->member.rule)
				measure->member_number = binding->measures[j].member_number;
		}
		binding->nmembers += measure->has_member && measure->member_number == binding->nmembers;
	}
	bind_kind(binding, &binding->other_kinds, NULL);
}

/*
 * Reads the measures of a grain, all or one, with the rights of their table's owner, which
 * may differ from the rollup's.
 */
static void
read_measures(const char *grain, const char *name)
{
	ks_identity caller = ks_switch_to_owner("measure");
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {CStringGetTextDatum(grain), name != NULL ? CStringGetTextDatum(name) : (Datum) 0};
	char		nulls[2] = {' ', name != NULL ? ' ' : 'n'};

	if (SPI_execute_with_args("SELECT m.name, m.kinds, m.keys, m.member, m.weight, m.condition, m.needed,"
							  " EXISTS (SELECT FROM kindly_stats.measure AS w WHERE w.grain OPERATOR(pg_catalog.=) m.grain AND w.weight OPERATOR(pg_catalog.=) m.needed)"
							  " FROM kindly_stats.measure AS m"
							  " WHERE m.grain OPERATOR(pg_catalog.=) $1 AND ($2 IS NULL OR m.name OPERATOR(pg_catalog.=) $2)"
							  " ORDER BY m.name",
							  2, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read measures");
	ks_restore_user(caller);
}

/* Binds the measures that were read to the columns of a table. */
static ks_binding *
bind_columns(const column_source *source, const char *table, const char *grain, MemoryContext memory)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	ks_binding *binding = palloc0(sizeof(ks_binding));
	uint64		i;

	binding->memory = memory;
	binding->name = pstrdup(table);
	binding->events = strcmp(grain, KS_GRAIN_EVENT) == 0;
	bind_bot(binding, source);
	bind_column(binding, &binding->occurred_at, source, "occurred_at", ROLE_INSTANT, true);
	if (binding->events)
		bind_column(binding, &binding->kind, source, "kind", ROLE_TEXT, true);
	bind_column(binding, &binding->dimensions[0], source, "source", ROLE_TEXT, false);
	bind_column(binding, &binding->dimensions[1], source, "language_code", ROLE_TEXT, false);
	binding->nmeasures = (int) SPI_processed;
	binding->measures = palloc((SPI_processed + 1) * sizeof(ks_measure));
	for (i = 0; i < SPI_processed; i++)
		bind_measure(binding, &binding->measures[i], source, SPI_tuptable->vals[i]);
	bind_lookups(binding);
	MemoryContextSwitchTo(old);
	return binding;
}

/*
 * Binds the measures of a grain, all or one, to the columns of a query, which names them
 * as measures do and does not change their values.  The caller is connected to SPI.
 */
ks_binding *
ks_binding_make(TupleDesc desc, const char *grain, const char *measure, Jsonb *columns)
{
	column_source source = {desc, columns, true};
	MemoryContext memory = CurrentMemoryContext;

	read_measures(grain, measure);
	return bind_columns(&source, "being counted", grain, memory);
}

/*
 * Binds the measures that there are now, not as of the transaction's snapshot: a measure
 * that was added since has counted all events but those that this transaction will write.
 */
static ks_binding *
bind_table(Relation relation, const Trigger *trigger)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats binding", ALLOCSET_SMALL_SIZES);
	const char *table = trigger->tgargs[0];
	const char *grain = trigger->tgargs[1];
	column_source source = {RelationGetDescr(relation), ks_mapping(trigger->tgargs[2]), false};
	ks_binding *binding;

	PushActiveSnapshot(GetLatestSnapshot());
	read_measures(grain, NULL);
	PopActiveSnapshot();
	binding = bind_columns(&source, table, grain, memory);
	binding->relid = RelationGetRelid(relation);
	binding->on_shard = ks_is_shard(binding->relid);
	if (binding->on_shard && !ks_shard_range_of(binding->relid, &binding->bots))
		ks_refuse_unknown_shard();
	return binding;
}

/*
 * Returns the measures bound to an event table by the arguments of its trigger: the
 * table's name for messages, the grain, and its column names as a JSON object.  The caller
 * is connected to SPI and acts as the rollup's owner.  The result stays valid while the
 * statement runs, which holds a lock on the table.
 */
ks_binding *
ks_binding_get(Relation relation, const Trigger *trigger)
{
	binding_entry *entry;
	ks_binding *binding;

	prepare_cache();
	entry = hash_search(bindings, &trigger->tgoid, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->binding;

	measure_relid = get_relname_relid("measure", get_namespace_oid("kindly_stats", false));
	binding = bind_table(relation, trigger);
	entry = hash_search(bindings, &trigger->tgoid, HASH_ENTER, NULL);
	entry->binding = binding;
	MemoryContextSetParent(binding->memory, CacheMemoryContext);
	return binding;
}

/*
 * Trigger on kindly_stats.measure: when this transaction commits, every session binds
 * anew.  On a shard, the trigger's table is the shard, but sessions listen for the table
 * of the name.
 */
Datum
ks_measure_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", "measure_changed")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	if (ks_is_distributed())
		CacheInvalidateRelcacheByRelid(get_relname_relid("measure", get_namespace_oid("kindly_stats", false)));
	return PointerGetDatum(NULL);
}
