/*
 * Questions in the middle of other queries.
 *
 * A statement that reads distributed tables is handed to the nodes with the functions
 * that it calls, so that a question may be asked of a bot whose rows are on yet another
 * node.  Citus refuses that, as it would miss what the transaction has written
 * elsewhere.  Outside of a transaction block there is nothing of the kind, nor in one that was begun READ ONLY, which Citus
 * tells the nodes, and it is allowed; in others, the error says what to do.
 */
#include "base/nested_query.h"
#include "base/compat.h"
#include "base/place.h"
#include "base/statement.h"

#include "access/xact.h"
#include "utils/guc.h"

/* Says what to do about an error that speaks of nothing that the user has written. */
static void
explain_nesting(void *argument)
{
	MemoryContext old;
	ErrorData  *error;

	if (geterrcode() == ERRCODE_OUT_OF_MEMORY)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	if (error->message != NULL && strstr(error->message, "from a query on a shard") != NULL)
	{
		errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
		errhint("Let a MATERIALIZED CTE read the distributed tables and call the statistics functions beside it, call them in a statement of their own, or BEGIN READ ONLY.");
	}
	else if (error->message != NULL && strstr(error->message, "in this transaction by a different user") != NULL)
	{
		errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
		errhint("Statistics are read through their owner here: ask in a transaction that has written no events before.");
	}
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

/* Whether the transaction cannot have written anywhere; on the node that was asked it may have become read-only since it began. */
static bool
has_not_written(void)
{
	return !IsTransactionBlock() || (XactReadOnly && !DefaultXactReadOnly);
}

/* Where the rollup is distributed; before the caller's identity is changed. */
void
ks_nested_query_begin(ks_nested_query *nested)
{
	nested->open = ks_is_distributed();
	nested->nest = 0;
	if (!nested->open)
		return;
	nested->callback.callback = explain_nesting;
	nested->callback.arg = NULL;
	nested->callback.previous = error_context_stack;
	error_context_stack = &nested->callback;
	if (has_not_written())
	{
		nested->nest = NewGUCNestLevel();
		ks_set_option("citus.allow_nested_distributed_execution", "on");
	}
}

void
ks_nested_query_end(ks_nested_query *nested)
{
	if (!nested->open)
		return;
	if (nested->nest > 0)
		AtEOXact_GUC(true, nested->nest);
	error_context_stack = nested->callback.previous;
}
