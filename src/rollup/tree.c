/*
 * DDL on attached tables: what the statistics have to follow, and what is refused.
 *
 * Three event triggers of the extension look at every DDL statement.  The code here finds
 * out which tables a statement is about, as its author named them, and returns at once if
 * none is attached.  What has to be done then is written in SQL (36-tree.sql), which runs
 * as the owner of the extension's functions: to alter a table, nobody needs a right on the
 * statistics.
 *
 * Before a statement that drops tables, what they have counted moves to kept rows.  Before
 * one that changes the values of counted columns, what the table has counted is taken
 * away, and it is counted anew at the end.  What was begun with a statement is marked
 * until its end, by the statement and by the subtransaction; if that is rolled back, the
 * mark goes, too.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/version.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(ks_ddl_started);
PG_FUNCTION_INFO_V1(ks_ddl_ended);
PG_FUNCTION_INFO_V1(ks_ddl_dropped);
PG_FUNCTION_INFO_V1(ks_drop_trigger);
PG_FUNCTION_INFO_V1(ks_run_own);
PG_FUNCTION_INFO_V1(ks_is_covered);

/* ------------------------------------------------------------------------
 * What was begun with a statement
 * ------------------------------------------------------------------------
 */

typedef struct mark
{
	const Node *statement;
	SubTransactionId subtransaction;
	Oid			relid;
} mark;

/* Of the transaction. */
static mark *marks = NULL;
static int	nmarks = 0;
static int	marks_size = 0;

/* this session runs DDL of its own */
static int	own_ddl = 0;

static void
forget_transaction(XactEvent event, void *argument)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		nmarks = 0;
}

static void
forget_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *argument)
{
	int			left = 0;
	int			i;

	for (i = 0; i < nmarks; i++)
	{
		if (marks[i].subtransaction == mine && event == SUBXACT_EVENT_ABORT_SUB)
			continue;
		marks[left] = marks[i];
		if (marks[left].subtransaction == mine && event == SUBXACT_EVENT_COMMIT_SUB)
			marks[left].subtransaction = parent;
		left++;
	}
	nmarks = left;
}

static void
add_mark(const Node *statement, Oid relid)
{
	if (marks_size == 0)
	{
		RegisterXactCallback(forget_transaction, NULL);
		RegisterSubXactCallback(forget_subtransaction, NULL);
	}
	if (nmarks == marks_size)
	{
		int			size = Max(2 * marks_size, 16);

		marks = marks == NULL ? MemoryContextAlloc(TopMemoryContext, size * sizeof(mark)) : repalloc(marks, size * sizeof(mark));
		marks_size = size;
	}
	marks[nmarks].statement = statement;
	marks[nmarks].subtransaction = GetCurrentSubTransactionId();
	marks[nmarks].relid = relid;
	nmarks++;
}

/* Returns the tables that are marked for a statement, an oid[]. */
static ArrayType *
marked(const Node *statement)
{
	Datum	   *result = palloc((nmarks + 1) * sizeof(Datum));
	int			count = 0;
	int			i;

	for (i = 0; i < nmarks; i++)
	{
		if (marks[i].statement == statement)
			result[count++] = ObjectIdGetDatum(marks[i].relid);
	}
	return construct_array(result, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
}

static bool
is_marked(const Node *statement)
{
	int			i;

	for (i = 0; i < nmarks; i++)
	{
		if (marks[i].statement == statement)
			return true;
	}
	return false;
}

static void
forget_marks(const Node *statement)
{
	int			left = 0;
	int			i;

	for (i = 0; i < nmarks; i++)
	{
		if (marks[i].statement != statement)
			marks[left++] = marks[i];
	}
	nmarks = left;
}

/* ------------------------------------------------------------------------
 * Calling what is said in SQL
 * ------------------------------------------------------------------------
 */

/* An argument list in the making. */
typedef struct call
{
	int			count;
	Oid			types[8];
	Datum		values[8];
} call;

static void
add_argument(call *c, Oid type, Datum value)
{
	c->types[c->count] = type;
	c->values[c->count++] = value;
}

static void
add_oids(call *c, List *oids)
{
	Datum	   *values = palloc((list_length(oids) + 1) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, oids)
		values[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	add_argument(c, OIDARRAYOID, PointerGetDatum(construct_array(values, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)));
}

static void
add_names(call *c, List *names)
{
	Datum	   *values = palloc((list_length(names) + 1) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, names)
		values[count++] = CStringGetTextDatum((const char *) lfirst(cell));
	add_argument(c, TEXTARRAYOID, PointerGetDatum(construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT)));
}

static Oid
definer(FunctionCallInfo fcinfo)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Runs a query as the owner of the event trigger's function.  Tables that it returns are
 * marked for the statement, if there is one.
 */
static void
run(FunctionCallInfo fcinfo, const char *query, call *c, const Node *statement)
{
	ks_identity caller;
	int			nest = NewGUCNestLevel();
	uint64		i;

	GetUserIdAndSecContext(&caller.user, &caller.security);
	SetUserIdAndSecContext(definer(fcinfo), caller.security | SECURITY_LOCAL_USERID_CHANGE);
	ks_set_option("search_path", "pg_catalog, pg_temp");
	ks_prepare_nodes();
	own_ddl++;
	PG_TRY();
	{
		ks_spi_connect();
		if (SPI_execute_with_args(query, c->count, c->types, c->values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not look after attached tables");
		for (i = 0; statement != NULL && i < SPI_processed; i++)
		{
			bool		isnull;

			add_mark(statement, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
		}
		SPI_finish();
	}
	PG_FINALLY();
	{
		own_ddl--;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, nest);
	ks_restore_user(caller);
}

/* Returns what an event trigger is called with; NULL if there is nothing to do. */
static const EventTriggerData *
event_data(FunctionCallInfo fcinfo, const char *function)
{
	Oid			schema;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by an event trigger", function)));
	/* while the extension is updated, functions that would be called may be missing */
	if (own_ddl > 0 || ks_is_updating())
		return NULL;
	schema = get_namespace_oid("kindly_stats", true);
	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid("measure", schema)) || !OidIsValid(get_relname_relid("rollup", schema)))
		return NULL;
	/* DDL on distributed tables begins on the coordinator, which looks after it */
	if (ks_rollup_place() == KS_PLACE_WORKER)
		return NULL;
	return (const EventTriggerData *) fcinfo->context;
}

static Oid
relation_of(const RangeVar *name)
{
	/* no lock: a caller without rights on the table must not hold up others */
	return name != NULL ? RangeVarGetRelid(name, NoLock, true) : InvalidOid;
}

/* ------------------------------------------------------------------------
 * Whether an attached table is concerned at all
 * ------------------------------------------------------------------------
 */

/* Returns the function of counting triggers. */
static Oid
counting_function(void)
{
	/* the caller may have no right to look into our schema */
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("count_events"),
						   PointerGetDatum(buildoidvector(NULL, 0)), ObjectIdGetDatum(get_namespace_oid("kindly_stats", false)));
}

static bool
has_trigger(Oid relid, Oid function)
{
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = ((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == function;
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return found;
}

/* Whether a table, or one of which it is a partition, has counting triggers.  Most DDL ends here. */
static bool
is_covered(Oid relid)
{
	Oid			function = OidIsValid(relid) ? counting_function() : InvalidOid;
	ListCell   *cell;

	if (!OidIsValid(function))
		return false;
	if (has_trigger(relid, function))
		return !ks_is_shard(relid);
	if (!get_rel_relispartition(relid))
		return false;
	foreach(cell, get_partition_ancestors(relid))
	{
		if (has_trigger(lfirst_oid(cell), function))
			return !ks_is_shard(relid);
	}
	return false;
}

/* is_covered(relation) */
Datum
ks_is_covered(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_covered(PG_GETARG_OID(0)));
}

/* ------------------------------------------------------------------------
 * What a statement is about
 * ------------------------------------------------------------------------
 */

/* Of an ALTER TABLE. */
typedef struct alteration
{
	Oid			relid;
	Oid			partition;		/* that is attached or detached */
	bool		checks;			/* the table may have become one that cannot be counted */
	bool		switches;		/* triggers on or off */
	List	   *retyped;		/* columns whose values change */
	List	   *added;			/* columns */
} alteration;

/* Whether a column has the same texts with its new type: text, or varchar without a limit. */
static bool
is_same_text(Oid relid, const AlterTableCmd *command)
{
	const ColumnDef *definition = (const ColumnDef *) command->def;
	AttrNumber	number = get_attnum(relid, command->name);
	Oid			type = number != InvalidAttrNumber ? getBaseType(get_atttype(relid, number)) : InvalidOid;
	Oid			wanted = LookupTypeNameOid(NULL, definition->typeName, true);

	return definition->raw_default == NULL && definition->typeName->typmods == NIL &&
		(type == TEXTOID || type == VARCHAROID) && (wanted == TEXTOID || wanted == VARCHAROID);
}

static alteration
read_alteration(const AlterTableStmt *statement)
{
	alteration	result = {InvalidOid};
	ListCell   *cell;

	if (statement->objtype != OBJECT_TABLE && statement->objtype != OBJECT_FOREIGN_TABLE)
		return result;
	result.relid = relation_of(statement->relation);
	if (!OidIsValid(result.relid))
		return result;
	foreach(cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		switch (command->subtype)
		{
			case AT_AttachPartition:
			case AT_DetachPartition:
			case AT_DetachPartitionFinalize:
				result.partition = relation_of(((const PartitionCmd *) command->def)->name);
				break;
			case AT_AlterColumnType:
				if (!is_same_text(result.relid, command))
					result.retyped = lappend(result.retyped, command->name);
				break;
#if PG_VERSION_NUM >= 170000
			case AT_SetExpression:
				result.retyped = lappend(result.retyped, command->name);
				break;
#endif
			case AT_AddColumn:
				result.added = lappend(result.added, ((const ColumnDef *) command->def)->colname);
				break;
			case AT_SetUnLogged:
			case AT_AddInherit:
			case AT_AddOf:
				result.checks = true;
				break;
			case AT_DisableTrig:
			case AT_DisableTrigAll:
			case AT_DisableTrigUser:
			case AT_EnableTrig:
			case AT_EnableTrigAll:
			case AT_EnableTrigUser:
			case AT_EnableAlwaysTrig:
				result.switches = true;
				break;
			default:
				break;
		}
	}
	return result;
}

/* ------------------------------------------------------------------------
 * Before a statement
 * ------------------------------------------------------------------------
 */

/* Handles DROP of tables, or of all that is in schemas or belongs to roles. */
static void
start_drop(FunctionCallInfo fcinfo, const Node *statement, List *relations, List *schemas, List *roles)
{
	call		c = {0};

	if (relations == NIL && schemas == NIL && roles == NIL)
		return;
	add_oids(&c, relations);
	add_oids(&c, schemas);
	add_oids(&c, roles);
	add_argument(&c, OIDOID, ObjectIdGetDatum(GetUserId()));
	run(fcinfo, "SELECT d FROM kindly_stats.before_drop($1, $2, $3, $4) AS d", &c, statement);
}

static void
drop_started(FunctionCallInfo fcinfo, const DropStmt *statement)
{
	List	   *relations = NIL;
	List	   *schemas = NIL;
	ListCell   *cell;

	foreach(cell, statement->objects)
	{
		Oid			found = InvalidOid;

		if (statement->removeType == OBJECT_TABLE)
			found = relation_of(makeRangeVarFromNameList(lfirst_node(List, cell)));
		else if (statement->removeType == OBJECT_SCHEMA && statement->behavior == DROP_CASCADE)
		{
			found = get_namespace_oid(strVal(lfirst(cell)), true);
			if (OidIsValid(found))
				schemas = lappend_oid(schemas, found);
			continue;
		}
		if (OidIsValid(found) && (is_covered(found) || has_subclass(found)))
			relations = lappend_oid(relations, found);
	}
	start_drop(fcinfo, (const Node *) statement, relations, schemas, NIL);
}

static void
drop_owned_started(FunctionCallInfo fcinfo, const DropOwnedStmt *statement)
{
	List	   *roles = NIL;
	ListCell   *cell;

	foreach(cell, statement->roles)
	{
		Oid			role = get_rolespec_oid(lfirst_node(RoleSpec, cell), true);

		if (OidIsValid(role))
			roles = lappend_oid(roles, role);
	}
	start_drop(fcinfo, (const Node *) statement, NIL, NIL, roles);
}

static void
alter_started(FunctionCallInfo fcinfo, const AlterTableStmt *statement)
{
	alteration	a = read_alteration(statement);
	call		c = {0};

	if ((!OidIsValid(a.partition) && a.retyped == NIL) || !(is_covered(a.relid) || is_covered(a.partition)))
		return;
	add_argument(&c, OIDOID, ObjectIdGetDatum(a.relid));
	add_argument(&c, OIDOID, ObjectIdGetDatum(a.partition));
	add_names(&c, a.retyped);
	add_argument(&c, OIDOID, ObjectIdGetDatum(GetUserId()));
	run(fcinfo, "SELECT t FROM kindly_stats.before_alter($1, $2, $3, $4) AS t", &c, (const Node *) statement);
	ks_prepare_nodes();
}

/*
 * Makes sure that a new partition does not wait for a repair while it has its parent and
 * siblings locked, whose writers would wait, too.
 */
static void
create_started(FunctionCallInfo fcinfo, const CreateStmt *statement)
{
	Oid			parent;
	call		c = {0};

	if (statement->partbound == NULL)
		return;
	parent = relation_of(linitial_node(RangeVar, statement->inhRelations));
	if (!is_covered(parent))
		return;
	add_argument(&c, OIDOID, ObjectIdGetDatum(parent));
	add_argument(&c, OIDOID, ObjectIdGetDatum(GetUserId()));
	run(fcinfo, "SELECT kindly_stats.before_partition($1, $2)", &c, NULL);
	/* it gets triggers before it is distributed */
	ks_prepare_nodes();
}

static void
enum_started(FunctionCallInfo fcinfo, const AlterEnumStmt *statement)
{
	Oid			type;
	call		c = {0};

	if (statement->oldVal == NULL)
		return;
	type = LookupTypeNameOid(NULL, makeTypeNameFromNameList(statement->typeName), true);
	if (!OidIsValid(type))
		return;
	add_argument(&c, OIDOID, ObjectIdGetDatum(type));
	add_argument(&c, OIDOID, ObjectIdGetDatum(GetUserId()));
	run(fcinfo, "SELECT t FROM kindly_stats.before_rename_value($1, $2) AS t", &c, (const Node *) statement);
}

/* Event trigger at the start of DDL. */
Datum
ks_ddl_started(PG_FUNCTION_ARGS)
{
	const EventTriggerData *event = event_data(fcinfo, "ddl_started");

	if (event == NULL)
		PG_RETURN_NULL();
	switch (nodeTag(event->parsetree))
	{
		case T_CreateStmt:
			create_started(fcinfo, (const CreateStmt *) event->parsetree);
			break;
		case T_DropStmt:
			drop_started(fcinfo, (const DropStmt *) event->parsetree);
			break;
		case T_DropOwnedStmt:
			drop_owned_started(fcinfo, (const DropOwnedStmt *) event->parsetree);
			break;
		case T_AlterTableStmt:
			alter_started(fcinfo, (const AlterTableStmt *) event->parsetree);
			break;
		case T_AlterEnumStmt:
			enum_started(fcinfo, (const AlterEnumStmt *) event->parsetree);
			break;
		default:
			break;
	}
	PG_RETURN_NULL();
}

/* ------------------------------------------------------------------------
 * After a statement
 * ------------------------------------------------------------------------
 */

static void
alter_ended(FunctionCallInfo fcinfo, const AlterTableStmt *statement)
{
	alteration	a = read_alteration(statement);
	call		c = {0};

	/* what was taken away when the statement began is counted anew */
	if (is_marked((const Node *) statement))
		a.retyped = NIL;
	if (!OidIsValid(a.partition) && !a.checks && !a.switches && a.added == NIL && a.retyped == NIL)
		return;
	/* the parent of an inheriting table may be one that is attached */
	if (!a.checks && !is_covered(a.relid) && !is_covered(a.partition))
		return;
	add_argument(&c, OIDOID, ObjectIdGetDatum(a.relid));
	add_argument(&c, OIDOID, ObjectIdGetDatum(a.partition));
	add_argument(&c, BOOLOID, BoolGetDatum(a.checks));
	add_argument(&c, BOOLOID, BoolGetDatum(a.switches));
	add_names(&c, a.added);
	add_names(&c, a.retyped);
	run(fcinfo, "SELECT kindly_stats.after_alter($1, $2, $3, $4, $5, $6)", &c, NULL);
}

static void
rename_ended(FunctionCallInfo fcinfo, const RenameStmt *statement)
{
	Oid			relid = relation_of(statement->relation);
	call		c = {0};

	if (!is_covered(relid))
		return;
	add_argument(&c, OIDOID, ObjectIdGetDatum(relid));
	if (statement->renameType == OBJECT_COLUMN)
		add_argument(&c, TEXTOID, CStringGetTextDatum(statement->subname));
	add_argument(&c, TEXTOID, CStringGetTextDatum(statement->newname));
	run(fcinfo, statement->renameType == OBJECT_COLUMN ? "SELECT kindly_stats.after_rename_column($1, $2, $3)" :
		"SELECT kindly_stats.after_rename_trigger($1, $2)", &c, NULL);
}

/* Handles tables that are new, or have a new name. */
static void
names_ended(FunctionCallInfo fcinfo)
{
	call		c = {0};

	run(fcinfo, "SELECT kindly_stats.after_create(t.objid) FROM (SELECT DISTINCT c.objid FROM pg_catalog.pg_event_trigger_ddl_commands() AS c"
		" WHERE c.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND c.objsubid OPERATOR(pg_catalog.=) 0"
		" AND c.object_type OPERATOR(pg_catalog.=) ANY ('{table,foreign table}')) AS t", &c, NULL);
}

/* Counts anew what was taken away when the statement began. */
static void
recount_marked(FunctionCallInfo fcinfo, const Node *statement)
{
	call		c = {0};

	if (nmarks == 0)
		return;
	add_argument(&c, OIDARRAYOID, PointerGetDatum(marked(statement)));
	run(fcinfo, "SELECT kindly_stats.count_anew(t) FROM pg_catalog.unnest($1) AS t", &c, NULL);
}

/* Event trigger at the end of DDL. */
Datum
ks_ddl_ended(PG_FUNCTION_ARGS)
{
	const EventTriggerData *event = event_data(fcinfo, "ddl_ended");
	Node	   *statement;

	if (event == NULL)
		PG_RETURN_NULL();
	statement = event->parsetree;
	switch (nodeTag(statement))
	{
		case T_CreateStmt:
			/* temporary tables are made often */
			if (((CreateStmt *) statement)->relation->relpersistence == RELPERSISTENCE_TEMP && ((CreateStmt *) statement)->inhRelations == NIL)
				break;
			names_ended(fcinfo);
			break;
		case T_CreateForeignTableStmt:
		case T_CreateSchemaStmt:
			names_ended(fcinfo);
			break;
		case T_CreateTableAsStmt:
			if (((CreateTableAsStmt *) statement)->into->rel->relpersistence != RELPERSISTENCE_TEMP)
				names_ended(fcinfo);
			break;
		case T_AlterObjectSchemaStmt:
			if (((AlterObjectSchemaStmt *) statement)->objectType == OBJECT_TABLE)
				names_ended(fcinfo);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_TABLE)
				names_ended(fcinfo);
			else if (((RenameStmt *) statement)->renameType == OBJECT_COLUMN || ((RenameStmt *) statement)->renameType == OBJECT_TRIGGER)
				rename_ended(fcinfo, (RenameStmt *) statement);
			break;
		case T_AlterTableStmt:
			alter_ended(fcinfo, (AlterTableStmt *) statement);
			recount_marked(fcinfo, statement);
			break;
		case T_AlterEnumStmt:
			recount_marked(fcinfo, statement);
			break;
		default:
			break;
	}
	forget_marks(statement);
	PG_RETURN_NULL();
}

/* Event trigger after objects were dropped. */
Datum
ks_ddl_dropped(PG_FUNCTION_ARGS)
{
	const EventTriggerData *event = event_data(fcinfo, "ddl_dropped");
	call		c = {0};

	/* at DROP TABLE, too: a table may have been attached while it waited */
	if (event == NULL)
		PG_RETURN_NULL();
	add_argument(&c, OIDARRAYOID, PointerGetDatum(marked(event->parsetree)));
	run(fcinfo, "SELECT kindly_stats.after_drop($1)", &c, NULL);
	PG_RETURN_NULL();
}

/* Runs a statement with the caller's rights, without our event triggers. */
static void
run_own(const char *query)
{
	own_ddl++;
	PG_TRY();
	{
		ks_spi_connect();
		if (SPI_execute(query, false, 0) < 0)
			elog(ERROR, "could not run \"%s\"", query);
		SPI_finish();
	}
	PG_FINALLY();
	{
		own_ddl--;
	}
	PG_END_TRY();
}

/* drop_trigger(relation, name): without the warning of our event triggers */
Datum
ks_drop_trigger(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);

	run_own(psprintf("DROP TRIGGER %s ON %s", quote_identifier(NameStr(*PG_GETARG_NAME(1))),
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid))));
	PG_RETURN_VOID();
}

/* run_own(statement): for callers who know what it means to attached tables */
Datum
ks_run_own(PG_FUNCTION_ARGS)
{
	run_own(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
