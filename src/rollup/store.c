/*
 * How rows get into the rollup's table, and out of it.
 *
 * Every statement that writes events puts a row or a few, and to start the executor for
 * that costs three times as much as the row.  So if the rollup is what kindly_stats made
 * it, a plain table with plain indexes, rows go there as those of COPY do: into the heap,
 * and into each index.  A trigger, a rule, a constraint, another index, or an extension
 * that keeps the rows elsewhere would do more. (Where the table is distributed, the named
 * one is a shell, and its rows are in shards.) That shows in the catalogs or in
 * PostgreSQL's plan for the statement, and then the same is done in SQL, unless a shard
 * itself is written, which is a plain table.  Row-level security does not matter: the
 * rollup is written as its owner, to whom none of its policies applies.
 */
#include "rollup/rollup.h"

#include "base/compat.h"
#include "base/composite.h"
#include "base/invalidation.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* More rows than this are inserted by one statement from arrays. */
#define SINGLE_INSERTS 4

/* How many rows go into the heap at once, and how many bytes, if they are large. */
#define PUT_ROWS 256
#define PUT_BYTES (64 * 1024)

/* The columns, in the order of column_names[]. */
typedef enum column
{
	COLUMN_BOT_ID, COLUMN_MEASURE, COLUMN_MONTH, COLUMN_ID, COLUMN_KEPT, COLUMN_CLUSTER, COLUMN_TALLY,
	COLUMNS
} column;

static const char *const column_names[COLUMNS] = {"bot_id", "measure", "month", "id", "kept", "cluster", "tally"};
static const Oid column_types[COLUMNS] = {INT8OID, TEXTOID, DATEOID, INT8OID, BOOLOID, INT8OID, InvalidOid};

/* An index of the rollup.  Its columns are columns of the table. */
typedef struct store_index
{
	Oid			relid;
	bool		merged;			/* it has rows below zero alone */
} store_index;

#define MOST_INDEXES 8

/* What is known of the rollup, or of a shard of it, until PostgreSQL says that it has changed. */
typedef struct store_shape
{
	Oid			relid;			/* InvalidOid: nothing */
	bool		direct;			/* rows are put and taken without SQL */
	AttrNumber	column[COLUMNS];
	Oid			primary;		/* an index whose columns are bot and id */
	int			nindexes;
	store_index index[MOST_INDEXES];
} store_shape;

/* By the last digits of their relids: what is in the way of another is looked up again. */
#define SHAPES 64

static store_shape shapes[SHAPES];
static store_shape *shape = &shapes[0];	/* that of the table that is being written */

/* ------------------------------------------------------------------------
 * What the table is like
 * ------------------------------------------------------------------------
 */

static void
forget_shape(Oid changed)
{
	int			i;

	for (i = 0; i < SHAPES; i++)
	{
		if (ks_is_concerned(shapes[i].relid, changed))
			shapes[i].relid = InvalidOid;
	}
}

/* Finds the columns; false where there are others, or they have become something else. */
static bool
find_columns(TupleDesc desc)
{
	int			found = 0;
	int			i,
				c;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(desc, i);

		if (a->attisdropped)
			continue;
		for (c = 0; c < COLUMNS && strcmp(NameStr(a->attname), column_names[c]) != 0; c++)
			;
		if (c == COLUMNS || a->attgenerated != '\0' || a->attidentity != '\0' ||
			(OidIsValid(column_types[c]) ? a->atttypid != column_types[c] : a->attlen != -1))
			return false;
		shape->column[c] = a->attnum;
		found++;
	}
	return found == COLUMNS;
}

/* Whether a predicate says id < 0. */
static bool
is_merged_predicate(List *predicate)
{
	OpExpr	   *op = list_length(predicate) == 1 ? linitial(predicate) : NULL;
	Var		   *var;
	Const	   *zero;

	if (op == NULL || !IsA(op, OpExpr) || list_length(op->args) != 2)
		return false;
	set_opfuncid(op);
	var = linitial(op->args);
	zero = lsecond(op->args);
	return op->opfuncid == F_INT84LT && IsA(var, Var) && var->varattno == shape->column[COLUMN_ID] &&
		IsA(zero, Const) && !zero->constisnull && DatumGetInt32(zero->constvalue) == 0;
}

/* Notes an index; false if rows cannot be put into it here. */
static bool
note_index(Oid relid)
{
	Relation	index = index_open(relid, AccessShareLock);
	Form_pg_index form = index->rd_index;
	List	   *predicate = RelationGetIndexPredicate(index);
	store_index *noted = &shape->index[shape->nindexes];
	bool		result = shape->nindexes < MOST_INDEXES && index->rd_rel->relam == BTREE_AM_OID && form->indimmediate &&
		!form->indisexclusion && RelationGetIndexExpressions(index) == NIL && (predicate == NIL || is_merged_predicate(predicate));

	if (result)
	{
		noted->relid = relid;
		noted->merged = predicate != NIL;
		shape->nindexes++;
		if (form->indisprimary && form->indisvalid && form->indnkeyatts == 2 && form->indkey.values[0] == shape->column[COLUMN_BOT_ID] &&
			form->indkey.values[1] == shape->column[COLUMN_ID])
			shape->primary = relid;
	}
	index_close(index, AccessShareLock);
	return result;
}

static bool
note_indexes(Relation rollup)
{
	List	   *indexes = RelationGetIndexList(rollup);
	bool		result = true;
	ListCell   *cell;

	shape->nindexes = 0;
	shape->primary = InvalidOid;
	foreach(cell, indexes)
		result = result && note_index(lfirst_oid(cell));
	list_free(indexes);
	return result && OidIsValid(shape->primary);
}

/* Whether it is a table with a heap of its own, for which writing a row causes nothing else. */
static bool
is_plain(Relation rollup)
{
	Form_pg_class form = rollup->rd_rel;
	const TupleConstr *constraints = RelationGetDescr(rollup)->constr;

	return form->relkind == RELKIND_RELATION && form->relam == HEAP_TABLE_AM_OID && !form->relispartition && !form->relhassubclass &&
		rollup->trigdesc == NULL && rollup->rd_rules == NULL && (constraints == NULL || constraints->num_check == 0);
}

/* Whether the plan, in which extensions may have a hand, does no more than insert a row. */
static bool
is_plain_insert(SPIPlanPtr plan, Oid relid)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	PlannedStmt *statement = cached != NULL && list_length(cached->stmt_list) == 1 ? linitial(cached->stmt_list) : NULL;
	bool		result = false;

	if (statement != NULL && statement->commandType == CMD_INSERT && IsA(statement->planTree, ModifyTable))
	{
		ModifyTable *modify = (ModifyTable *) statement->planTree;

		result = list_length(modify->resultRelations) == 1 && modify->withCheckOptionLists == NIL && statement->subplans == NIL &&
			rt_fetch(linitial_int(modify->resultRelations), statement->rtable)->relid == relid &&
			outerPlan(modify) != NULL && IsA(outerPlan(modify), Result);
	}
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	return result;
}

static SPIPlanPtr insert_plan(void);

/* Whether rows of the rollup are put and taken without SQL.  The caller is connected to SPI and acts as its owner. */
static bool
is_direct(Relation rollup)
{
	Oid			relid = RelationGetRelid(rollup);

	shape = &shapes[relid % SHAPES];
	if (shape->relid == relid)
		return shape->direct;
	ks_on_table_change(forget_shape);
	shape->relid = relid;
	shape->direct = false;
	/* a change that is reported while the table is looked at makes it be looked at again */
	shape->direct = is_plain(rollup) && find_columns(RelationGetDescr(rollup)) && note_indexes(rollup) &&
		(OidIsValid(ks_shard_worked_on()->relid) || is_plain_insert(insert_plan(), relid));
	return shape->direct;
}

/* The rollup, or the shard that is being worked on. */
static Relation
open_rollup(void)
{
	Oid			shard = ks_shard_worked_on()->relid;

	return table_open(OidIsValid(shard) ? shard : ks_rollup_relid(), RowExclusiveLock);
}

/* ------------------------------------------------------------------------
 * Putting
 * ------------------------------------------------------------------------
 */

static Oid
tally_type(bool array)
{
	Oid			type = ks_type_oid("tally");

	return array ? get_array_type(type) : type;
}

static SPIPlanPtr
insert_plan(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[COLUMNS];

	memcpy(types, column_types, sizeof(types));
	types[COLUMN_TALLY] = tally_type(false);
	ks_prepared_simple(&plan, "INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, kept, cluster, tally) VALUES ($1, $2, $3, $4, $5, $6, $7)",
				COLUMNS, types);
	return plan;
}

static void
row_values(const ks_rows *rows, int i, Datum values[COLUMNS])
{
	values[COLUMN_BOT_ID] = rows->bot_id[i];
	values[COLUMN_MEASURE] = rows->measure[i];
	values[COLUMN_MONTH] = rows->month[i];
	values[COLUMN_ID] = rows->id[i];
	values[COLUMN_KEPT] = BoolGetDatum(rows->kept);
	values[COLUMN_CLUSTER] = Int64GetDatum(rows->cluster);
	values[COLUMN_TALLY] = rows->tally[i];
}

static void
insert_values(const ks_rows *rows, int i)
{
	Datum		values[COLUMNS];

	row_values(rows, i, values);
	if (SPI_execute_plan(insert_plan(), values, rows->cluster == 0 ? "     n " : NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write the rollup");
}

static void
insert_arrays(const ks_rows *rows)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[6] = {INT8ARRAYOID, TEXTARRAYOID, DATEARRAYOID, tally_type(true), BOOLOID, INT8ARRAYOID};
	Datum		values[6];

	values[0] = PointerGetDatum(construct_array(rows->bot_id, rows->count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[1] = PointerGetDatum(construct_array(rows->measure, rows->count, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(rows->month, rows->count, DATEOID, 4, true, TYPALIGN_INT));
	values[3] = PointerGetDatum(construct_array(rows->tally, rows->count, tally_type(false), -1, false, TYPALIGN_INT));
	values[4] = BoolGetDatum(rows->kept);
	values[5] = PointerGetDatum(construct_array(rows->id, rows->count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	ks_prepared(&plan,
				"INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, kept, tally)"
				" SELECT u.bot_id, u.measure, u.month, u.id, $5, u.tally"
				" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($6))"
				" AS u (bot_id, measure, month, tally, id)", 6, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write the rollup");
}

/* Inserts in runs whose arrays stay well below the limit of one allocation. */
static void
insert_rows(const ks_rows *rows)
{
	const Size	run_bytes = 64 * 1024 * 1024;
	int			begin = 0;

	while (begin < rows->count)
	{
		ks_rows		run = *rows;
		Size		bytes = 0;
		int			end = begin;

		while (end < rows->count && (end == begin || bytes + VARSIZE(DatumGetPointer(rows->tally[end])) < run_bytes))
			bytes += VARSIZE(DatumGetPointer(rows->tally[end++]));
		run.bot_id += begin;
		run.measure += begin;
		run.month += begin;
		run.id += begin;
		run.tally += begin;
		run.count = end - begin;
		if (run.count > SINGLE_INSERTS)
			insert_arrays(&run);
		else
		{
			for (; begin < end; begin++)
				insert_values(rows, begin);
		}
		begin = end;
	}
}

/* Puts an entry for a row into an index. */
static void
put_entry(Relation index, Relation rollup, const Datum *values, const bool *isnull, ItemPointer tid)
{
	IndexInfo	info = {.type = T_IndexInfo};
	const Form_pg_index form = index->rd_index;
	Datum		key[INDEX_MAX_KEYS];
	bool		key_isnull[INDEX_MAX_KEYS];
	int			i;

	for (i = 0; i < form->indnatts; i++)
	{
		key[i] = values[form->indkey.values[i] - 1];
		key_isnull[i] = isnull[form->indkey.values[i] - 1];
	}
	info.ii_NumIndexAttrs = form->indnatts;
	info.ii_NumIndexKeyAttrs = form->indnkeyatts;
	info.ii_Unique = form->indisunique;
	info.ii_ReadyForInserts = true;
	info.ii_Context = CurrentMemoryContext;
	(void) index_insert(index, key, key_isnull, tid, rollup, form->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, &info);
}

/* Puts the values of a row in the order of the table's columns. */
static void
table_values(Relation rollup, const ks_rows *rows, int i, Datum *values, bool *isnull)
{
	Datum		row[COLUMNS];
	int			c;

	/* dropped columns are NULL */
	memset(values, 0, RelationGetDescr(rollup)->natts * sizeof(Datum));
	memset(isnull, true, RelationGetDescr(rollup)->natts * sizeof(bool));
	row_values(rows, i, row);
	for (c = 0; c < COLUMNS; c++)
	{
		values[shape->column[c] - 1] = row[c];
		isnull[shape->column[c] - 1] = c == COLUMN_CLUSTER && rows->cluster == 0;
	}
}

/* Puts the rows [begin, end) into the heap, and notes where they are. */
static void
put_into_heap(Relation rollup, const ks_rows *rows, int begin, int end, ItemPointerData *tids)
{
	TupleDesc	desc = RelationGetDescr(rollup);
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *isnull = palloc(desc->natts * sizeof(bool));
	TupleTableSlot **slots;
	int			i;

	if (end == begin + 1)
	{
		HeapTuple	tuple;

		table_values(rollup, rows, begin, values, isnull);
		tuple = heap_form_tuple(desc, values, isnull);
		heap_insert(rollup, tuple, GetCurrentCommandId(true), 0, NULL);
		tids[0] = tuple->t_self;
		heap_freetuple(tuple);
	}
	else
	{
		slots = palloc((end - begin) * sizeof(TupleTableSlot *));
		for (i = begin; i < end; i++)
		{
			table_values(rollup, rows, i, values, isnull);
			slots[i - begin] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
			ExecStoreHeapTuple(heap_form_tuple(desc, values, isnull), slots[i - begin], true);
		}
		heap_multi_insert(rollup, slots, end - begin, GetCurrentCommandId(true), 0, NULL);
		for (i = begin; i < end; i++)
		{
			tids[i - begin] = slots[i - begin]->tts_tid;
			ExecDropSingleTupleTableSlot(slots[i - begin]);
		}
		pfree(slots);
	}
	pfree(values);
	pfree(isnull);
}

/* Puts entries for the rows [begin, end) into one index. */
static void
put_into_index(Relation rollup, const store_index *noted, const ks_rows *rows, int begin, int end, ItemPointerData *tids)
{
	Relation	index = index_open(noted->relid, RowExclusiveLock);
	int			natts = RelationGetDescr(rollup)->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *isnull = palloc(natts * sizeof(bool));
	int			i;

	/* an index that is being made concurrently is not ready yet; that news may come with the index's lock */
	for (i = begin; i < end && index->rd_index->indisready; i++)
	{
		if (noted->merged && DatumGetInt64(rows->id[i]) >= 0)
			continue;
		table_values(rollup, rows, i, values, isnull);
		put_entry(index, rollup, values, isnull, &tids[i - begin]);
	}
	pfree(values);
	pfree(isnull);
	/* locked as long as the table is */
	index_close(index, NoLock);
}

/* Whether any of the rows belongs into the index. */
static bool
concerns_index(const store_index *noted, const ks_rows *rows, int begin, int end)
{
	for (; noted->merged && begin < end; begin++)
	{
		if (DatumGetInt64(rows->id[begin]) < 0)
			return true;
	}
	return !noted->merged;
}

static void
put_rows(Relation rollup, const ks_rows *rows)
{
	ItemPointerData tids[PUT_ROWS];
	int			begin,
				end;
	int			i;

	PreventCommandIfReadOnly("INSERT");
	for (begin = 0; begin < rows->count; begin = end)
	{
		Size		bytes = 0;

		CHECK_FOR_INTERRUPTS();
		for (end = begin; end < rows->count && end - begin < PUT_ROWS && (end == begin || bytes < PUT_BYTES); end++)
			bytes += VARSIZE(DatumGetPointer(rows->tally[end]));
		put_into_heap(rollup, rows, begin, end, tids);
		for (i = 0; i < shape->nindexes; i++)
		{
			if (concerns_index(&shape->index[i], rows, begin, end))
				put_into_index(rollup, &shape->index[i], rows, begin, end, tids);
		}
	}
	CommandCounterIncrement();
}

/* Puts rows into the rollup.  The caller is connected to SPI and acts as its owner. */
void
ks_store_put(const ks_rows *rows)
{
	Relation	rollup;

	if (rows->count == 0)
		return;
	rollup = open_rollup();
	if (is_direct(rollup))
		put_rows(rollup, rows);
	else
		insert_rows(rows);
	table_close(rollup, NoLock);
}

/* ------------------------------------------------------------------------
 * Taking
 * ------------------------------------------------------------------------
 */

/* Starts a scan of a bot's rows, with up to two conditions on the id. */
static SysScanDesc
scan_bot(Relation rollup, Relation index, Snapshot snapshot, int64 bot_id, int64 from, int64 below)
{
	ScanKeyData keys[3];

	ScanKeyInit(&keys[0], shape->column[COLUMN_BOT_ID], BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bot_id));
	ScanKeyInit(&keys[1], shape->column[COLUMN_ID], BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(from));
	ScanKeyInit(&keys[2], shape->column[COLUMN_ID], BTLessStrategyNumber, F_INT8LT, Int64GetDatum(below));
	return systable_beginscan_ordered(rollup, index, snapshot, 3, keys);
}

static Datum
row_value(HeapTuple row, Relation rollup, column c, bool *isnull)
{
	return heap_getattr(row, shape->column[c], RelationGetDescr(rollup), isnull);
}

/* Returns the first id that a bot's new rows may have, as KS_FIRST_NEW does. */
static int64
first_new(Relation rollup, Relation index, Snapshot snapshot, int64 bot_id)
{
	SysScanDesc scan = scan_bot(rollup, index, snapshot, bot_id, KS_ID_MARKS, PG_INT64_MAX);
	int64		cluster = ks_cluster_number();
	int64		result = 0;
	HeapTuple	row;
	bool		isnull;

	while (result == 0 && (row = systable_getnext_ordered(scan, ForwardScanDirection)) != NULL)
	{
		Datum		value = row_value(row, rollup, COLUMN_CLUSTER, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull && DatumGetInt64(value) == cluster)
			result = KS_ID_LAST_MARK - DatumGetInt64(row_value(row, rollup, COLUMN_ID, &isnull));
	}
	systable_endscan_ordered(scan);
	return result;
}

/* Deletes a row, unless somebody else has locked it. */
static bool
delete_row(Relation rollup, HeapTuple row, Snapshot snapshot)
{
	TM_FailureData failure;

	return table_tuple_delete(rollup, &row->t_self, GetCurrentCommandId(true), snapshot, InvalidSnapshot, false, &failure, false) == TM_Ok;
}

/*
 * Takes a bot's new rows out of the rollup, the oldest first, except those that others
 * have locked, and hands each to a function.  Returns how many, or -1 if it has to be done
 * in SQL.  If all are to be taken, marks are not trusted.  It starts at the id *from, and
 * leaves there the one behind the last that it looked at.  The caller is connected to SPI
 * and acts as the rollup's owner.
 */
int64
ks_store_take_new(int64 bot_id, bool all, int64 *from, int64 limit, ks_taken taken, void *context)
{
	Relation	rollup = open_rollup();
	Relation	index;
	Snapshot	snapshot;
	SysScanDesc scan;
	HeapTuple	row;
	Datum	   *values;
	bool	   *isnull;
	int64		first;
	int64		count = 0;

	if (!is_direct(rollup))
	{
		table_close(rollup, NoLock);
		return -1;
	}
	values = palloc(RelationGetDescr(rollup)->natts * sizeof(Datum));
	isnull = palloc(RelationGetDescr(rollup)->natts * sizeof(bool));
	PreventCommandIfReadOnly("DELETE");
	CheckCmdReplicaIdentity(rollup, CMD_DELETE);
	index = index_open(shape->primary, RowExclusiveLock);
	PushActiveSnapshot(GetTransactionSnapshot());
	snapshot = GetActiveSnapshot();
	first = all ? 0 : first_new(rollup, index, snapshot, bot_id);
	scan = scan_bot(rollup, index, snapshot, bot_id, Max(*from, first), KS_ID_SPANS);
	while (count < limit && (row = systable_getnext_ordered(scan, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(row, RelationGetDescr(rollup), values, isnull);
		*from = DatumGetInt64(values[shape->column[COLUMN_ID] - 1]) + 1;
		if (!delete_row(rollup, row, snapshot))
			continue;
		ks_reuse_note(&row->t_self);
		taken(context, DatumGetDateADT(values[shape->column[COLUMN_MONTH] - 1]), DatumGetBool(values[shape->column[COLUMN_KEPT] - 1]),
			  values[shape->column[COLUMN_TALLY] - 1]);
		count++;
	}
	systable_endscan_ordered(scan);
	PopActiveSnapshot();
	index_close(index, NoLock);
	table_close(rollup, NoLock);
	CommandCounterIncrement();
	return count;
}
