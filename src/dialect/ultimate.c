/*
 * Ultimate's Data Export API: a day's conversations as documented, and the
 * metrics that its page derives from them.
 *
 * metrics() asks the rollup.  Everything else reads the conversations
 * themselves, those that the caller may see, through one query that is streamed.
 */
#include "dialect/document.h"
#include "dialect/intent.h"
#include "dialect/json.h"
#include "dialect/list.h"

#include "base/compat.h"
#include "base/sort.h"
#include "base/stream.h"
#include "conversation/conversation.h"
#include "stats/stats.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(ks_ultimate_export);
PG_FUNCTION_INFO_V1(ks_ultimate_export_rows);
PG_FUNCTION_INFO_V1(ks_ultimate_metrics);
PG_FUNCTION_INFO_V1(ks_ultimate_first_last_intent);
PG_FUNCTION_INFO_V1(ks_ultimate_metrics_by_first);
PG_FUNCTION_INFO_V1(ks_ultimate_metrics_by_last);

/* ------------------------------------------------------------------------
 * Export
 * ------------------------------------------------------------------------
 */

/*
 * A value in PostgreSQL ends at a gigabyte.  A document is refused a little
 * earlier, so that the error can say what to do instead.
 */
#define DOCUMENT_MAX ((int) (MaxAllocSize - 16 * 1024 * 1024))

/*
 * Closes the day, if it has conversations, with the caller's rights.  An empty
 * day stays open: there is nothing to preserve, and a curious reader must not
 * shut out what the sender has yet to deliver.
 */
static void
close_day(const ks_bot_day *e)
{
	bool		isnull;

	if (SPI_execute("SELECT pg_catalog.has_function_privilege('kindly_stats.close_day(kindly_stats.bot_id, date)', 'EXECUTE')", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a privilege");
	if (!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("day %s of bot %s has not been closed", ks_day_text(e->day), ks_reader_bot_text(e->bot_id)),
				 errhint("An export closes its day if the role may execute kindly_stats.close_day(); else another role has to call that first.")));
	(void) ks_day_close(e, false);
}

/*
 * Closes the day if necessary, and activates a snapshot with which to read it:
 * not the statement's, which is older than what closing the day waited for.
 */
static void
begin_export(FunctionCallInfo fcinfo)
{
	ks_bot_day	e = ks_bot_day_arguments(fcinfo);
	ks_exported_day mark;
	bool		closed;

	ks_spi_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	closed = ks_exported_find(e.bot_id, e.day, &mark);
	PopActiveSnapshot();
	if (!closed)
		close_day(&e);
	SPI_finish();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * The day's mark, from the same snapshot as what is about to be read; everything
 * that was exported once must still be there.  Without a mark there is nothing to
 * read: the day was empty when it should have been closed.
 */
static ks_exported_day
check_mark(const ks_bot_day *e)
{
	ks_exported_day mark = {NULL, 0};
	bool		closed = ks_exported_find(e->bot_id, e->day, &mark);
	int64		found = ks_conversations_ended(e->bot_id, e->day, InvalidOid);

	if (!closed && found > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("day %s of bot %s was written or reopened just now", ks_day_text(e->day), ks_reader_bot_text(e->bot_id)),
				 errhint("Export it again.")));
	if (found != mark.conversations)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("day %s of bot %s was closed with " INT64_FORMAT " conversations, but " INT64_FORMAT " are there now",
						ks_day_text(e->day), ks_reader_bot_text(e->bot_id), mark.conversations, found),
				 errhint("They were purged, or their table was detached, or changed behind its triggers.  kindly_stats.reopen_day() gives up what was exported.")));
	return mark;
}

/* The conversations in order; the last column of each row is the bot's name. */
static void
make_export(FunctionCallInfo fcinfo, ks_stream_query *query)
{
	ks_bot_day	e = ks_bot_day_arguments(fcinfo);
	ks_exported_day mark = check_mark(&e);
	ks_time_range interval = ks_day_interval(e.day);
	ks_conversation_selection choice = {e.bot_id, false, 1, &interval};

	query->text = psprintf("SELECT c.*, $1 AS bot_name FROM (%s) AS c ORDER BY c.conversation_end_time, c.conversation_id COLLATE pg_catalog.\"C\"",
						   ks_conversation_query(&choice, NULL, ks_nproperties, &query->table));
	ks_stream_argument(query, TEXTOID, mark.bot_name != NULL ? CStringGetTextDatum(mark.bot_name) : (Datum) 0, mark.bot_name == NULL);
}

/* A row as a value of type json, in the current memory. */
static Datum
take_document(HeapTuple row, TupleDesc desc)
{
	StringInfoData out;

	ks_json_begin(&out);
	ks_document_put(&out, row, desc);
	return ks_json_end(&out);
}

/* export_rows(bot, day): a document a conversation */
Datum
ks_ultimate_export_rows(PG_FUNCTION_ARGS)
{
	bool		first = SRF_IS_FIRSTCALL();
	Datum		result;

	if (first)
		begin_export(fcinfo);
	result = ks_stream_rows(fcinfo, make_export, take_document);
	if (first)
		PopActiveSnapshot();
	return result;
}

/* Adds the fetched rows to the array that is being written; all other memory used for this is freed. */
static void
add_documents(StringInfo out, const ks_bot_day *e, const ks_stream *stream, MemoryContext scratch)
{
	MemoryContext old = MemoryContextSwitchTo(scratch);
	uint64		i;

	for (i = 0; i < stream->count; i++)
	{
		ks_document_put(out, stream->rows[i], stream->desc);
		if (out->len >= DOCUMENT_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the conversations of bot %s that ended on %s are more than one document can hold",
							ks_reader_bot_text(e->bot_id), ks_day_text(e->day)),
					 errhint("Use ultimate.export_rows(), which gives them one by one.")));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
}

/* export(bot, day): the array of them */
Datum
ks_ultimate_export(PG_FUNCTION_ARGS)
{
	ks_bot_day	e = ks_bot_day_arguments(fcinfo);
	MemoryContext scratch;
	StringInfoData out;
	ks_stream_query query = {.batch = 100};
	ks_stream	stream;

	ks_json_begin(&out);
	ks_json_open(&out, '[');
	begin_export(fcinfo);
	ks_spi_connect();
	make_export(fcinfo, &query);
	ks_stream_open(&stream, &query);
	PopActiveSnapshot();
	scratch = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats documents", ALLOCSET_DEFAULT_SIZES);
	while (ks_stream_fetch(&stream) > 0)
		add_documents(&out, &e, &stream, scratch);
	ks_stream_close(&stream);
	SPI_finish();
	ks_json_close(&out, ']');
	PG_RETURN_DATUM(ks_json_end(&out));
}

/* ------------------------------------------------------------------------
 * Metrics, from the rollup
 * ------------------------------------------------------------------------
 */

/* Whether conversations are counted when they started, as the dashboard does, or when they ended, as exports do. */
static bool
started_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *attribution = ks_optional_text(fcinfo, argument);

	if (attribution != NULL && strcmp(attribution, "end") != 0 && strcmp(attribution, "start") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown attribution \"%s\"", attribution),
				 errhint("Pass end for the day on which a conversation ended, as in exports, or start for the day on which it began.")));
	return attribution != NULL && attribution[0] == 's';
}

/* bot, from, to, and the zone of their days */
static void
range_arguments(FunctionCallInfo fcinfo, int zone, ks_arguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->bot_id = ks_required_bot(fcinfo, 0);
	arguments->from = ks_required_moment(fcinfo, 1, "from");
	arguments->to = ks_required_moment(fcinfo, 2, "to");
	arguments->zone = ks_optional_text(fcinfo, zone);
	if (arguments->zone == NULL)
		arguments->zone = "UTC";
}

/* Conversations by their outcome. */
typedef struct outcomes
{
	int64		bot_handled;
	int64		deflected;		/* the page's word for all that have a status and are not escalated */
	int64		escalated;
	int64		failed;
	int64		informed;
	int64		resolved;
} outcomes;

static void
add_outcome(outcomes *all, ks_string status, ks_string resolution, int64 count)
{
	bool		escalated = ks_string_is(status, "email") || ks_string_is(status, "agent") || ks_string_is(status, "customEscalation");

	if (ks_string_is(status, "botHandled"))
		all->bot_handled += count;
	if (ks_string_is(status, "failedEscalation"))
		all->failed += count;
	if (escalated)
		all->escalated += count;
	else if (status.bytes != NULL)
		all->deflected += count;
	if (ks_string_is(resolution, "informed"))
		all->informed += count;
	if (ks_string_is(resolution, "resolved"))
		all->resolved += count;
}

/* The key's parts are conversation_status and last_resolution. */
static outcomes
outcomes_of(ks_arguments *arguments, const char *measure)
{
	outcomes	result = {0};
	ks_top		top;
	int			i;

	arguments->measure = measure;
	ks_stats_top(arguments, PG_INT32_MAX, &top);
	for (i = 0; i < top.count; i++)
	{
		ks_string	key = top.lines[i].key;
		ks_string	status = {NULL, 0};
		ks_string	resolution = {NULL, 0};

		ks_key_shift(&key, &status);
		ks_key_shift(&key, &resolution);
		add_outcome(&result, status, resolution, top.lines[i].weight);
	}
	return result;
}

/* A part of the whole, NULL where there is none. */
static void
put_rate(Datum *value, bool *isnull, int64 part, int64 whole)
{
	*isnull = whole == 0;
	*value = Float8GetDatum(ks_ratio(part, whole));
}

/* metrics(bot, from, to, attribution, channels, languages, tz) */
Datum
ks_ultimate_metrics(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		started = started_argument(fcinfo, 3);
	ks_arguments arguments;
	int64		total,
				visitor,
				not_understood;
	outcomes	of;
	Datum		values[9];
	bool		nulls[9] = {false};

	InitMaterializedSRF(fcinfo, 0);
	range_arguments(fcinfo, 6, &arguments);
	ks_list_condition(&arguments, 0, ks_optional_text(fcinfo, 4), "channels");
	ks_list_condition(&arguments, 1, ks_optional_text(fcinfo, 5), "languages");
	total = ks_stats_total_of(&arguments, started ? "conversations_started" : "conversations_ended");
	of = outcomes_of(&arguments, started ? "outcomes_started" : "outcomes_ended");
	visitor = ks_stats_total_of(&arguments, started ? "visitor_messages_started" : "visitor_messages_ended");
	not_understood = ks_stats_total_of(&arguments, started ? "not_understood_started" : "not_understood_ended");
	values[0] = Int64GetDatum(total);
	values[1] = Int64GetDatum(of.bot_handled);
	put_rate(&values[2], &nulls[2], of.bot_handled, total);
	put_rate(&values[3], &nulls[3], of.deflected, total);
	put_rate(&values[4], &nulls[4], of.escalated, total);
	put_rate(&values[5], &nulls[5], of.failed, total);
	put_rate(&values[6], &nulls[6], of.informed, total);
	put_rate(&values[7], &nulls[7], of.informed + of.resolved, total);
	put_rate(&values[8], &nulls[8], visitor - not_understood, visitor);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * Intents, from the conversations
 * ------------------------------------------------------------------------
 */

/* The range as intervals of instants; there is one, unless the clock was set back over midnight. */
static void
choose_range(const ks_arguments *arguments, bool started, ks_conversation_selection *choice)
{
	ks_arguments years = *arguments;
	ks_buckets	buckets;
	ks_time_range *intervals;
	int			count = 0;
	int			i;

	years.granularity = "year";
	ks_stats_buckets(&years, &buckets);
	intervals = palloc((buckets.nintervals + 1) * sizeof(ks_time_range));
	for (i = 0; i < buckets.nintervals; i++)
	{
		if (buckets.bucket_of != NULL && buckets.bucket_of[i] < 0)
			continue;
		if (count == 0 || intervals[count - 1].end != buckets.edges[i])
			intervals[count++].start = buckets.edges[i];
		intervals[count - 1].end = buckets.edges[i + 1];
	}
	choice->bot_id = arguments->bot_id;
	choice->started = started;
	choice->nintervals = count;
	choice->intervals = intervals;
}

/* A query for the given properties of a range's conversations. */
static char *
conversations_of(FunctionCallInfo fcinfo, int attribution, int zone, const char *const *properties, int nproperties, Oid *table)
{
	ks_arguments arguments;
	ks_conversation_selection choice;

	range_arguments(fcinfo, zone, &arguments);
	choose_range(&arguments, started_argument(fcinfo, attribution), &choice);
	return ks_conversation_query(&choice, properties, nproperties, table);
}

/* In the order in which they ended, or started. */
static void
make_first_last_intent(FunctionCallInfo fcinfo, ks_stream_query *query)
{
	const char *properties[] = {"conversation_id", "triggered_intent_replies",
	started_argument(fcinfo, 3) ? "conversation_start_time" : "conversation_end_time"};

	query->text = psprintf("SELECT c.conversation_id, c.triggered_intent_replies FROM (%s) AS c ORDER BY c.%s, c.conversation_id COLLATE pg_catalog.\"C\"",
						   conversations_of(fcinfo, 3, 4, properties, lengthof(properties), &query->table), properties[2]);
}

static void
put_string(Datum *value, bool *isnull, ks_string string)
{
	*isnull = string.bytes == NULL;
	if (!*isnull)
		*value = PointerGetDatum(cstring_to_text_with_len((const char *) string.bytes, (int) string.length));
}

/* conversation_id, triggered_intent_replies: of the list, the names of its first and its last element. */
static Datum
take_first_last_intent(HeapTuple row, TupleDesc desc)
{
	TupleDesc	result = CreateTemplateTupleDesc(3);
	Datum		values[3];
	bool		nulls[3] = {false, true, true};
	ks_reply_owner of;
	Datum		list;
	bool		no_list;

	TupleDescInitEntry(result, 1, "conversation_id", TEXTOID, -1, 0);
	TupleDescInitEntry(result, 2, "first_intent", TEXTOID, -1, 0);
	TupleDescInitEntry(result, 3, "last_intent", TEXTOID, -1, 0);
	values[0] = heap_getattr(row, 1, desc, &nulls[0]);
	list = heap_getattr(row, 2, desc, &no_list);
	of = (ks_reply_owner) {nulls[0] ? InvalidOid : TEXTOID, values[0]};
	if (!no_list)
	{
		put_string(&values[1], &nulls[1], ks_intent_at_end(DatumGetJsonbP(list), of, false));
		put_string(&values[2], &nulls[2], ks_intent_at_end(DatumGetJsonbP(list), of, true));
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(result), values, nulls));
}

/* first_last_intent(bot, from, to, attribution, tz) */
Datum
ks_ultimate_first_last_intent(PG_FUNCTION_ARGS)
{
	return ks_stream_rows(fcinfo, make_first_last_intent, take_first_last_intent);
}

/* Conversations of one intent. */
typedef struct intent
{
	ks_string	name;
	int64		conversations;
	int64		bot_handled;
} intent;

/* All intents, indexed by the numbers of their names in the dictionary. */
typedef struct intents
{
	ks_dictionary names;
	uint32		size;			/* room in the array */
	intent	   *item;
} intents;

static void
count_intent(intents *of, ks_string name, bool bot_handled)
{
	uint32		known = of->names.count;
	uint32		number = ks_dictionary_put(&of->names, name);

	if (number == of->size)
	{
		of->size *= 2;
		of->item = repalloc_huge(of->item, of->size * sizeof(intent));
	}
	if (number == known)
		memset(&of->item[number], 0, sizeof(intent));
	of->item[number].conversations++;
	of->item[number].bot_handled += bot_handled;
}

/* The fetched rows: conversation_id, conversation_status, triggered_intent_replies. */
static void
count_intents(intents *of, const ks_stream *stream, const ks_names *excluded, bool last)
{
	uint64		i;

	for (i = 0; i < stream->count; i++)
	{
		bool		no_id,
					no_list;
		Datum		id = SPI_getbinval(stream->rows[i], stream->desc, 1, &no_id);
		Datum		list = SPI_getbinval(stream->rows[i], stream->desc, 3, &no_list);
		char	   *status = SPI_getvalue(stream->rows[i], stream->desc, 2);
		ks_reply_owner owner = {no_id ? InvalidOid : TEXTOID, id};
		ks_string	name = {NULL, 0};

		if (!no_list)
			name = ks_meaningful_intent(DatumGetJsonbP(list), owner, excluded, last);
		if (name.bytes != NULL)
			count_intent(of, name, status != NULL && strcmp(status, "botHandled") == 0);
	}
}

/* Most conversations first, then by name. */
static int
compare_intents(const void *a, const void *b)
{
	const intent *x = a;
	const intent *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->conversations != y->conversations)
		return x->conversations > y->conversations ? -1 : 1;
	return ks_string_compare(x->name, y->name);
}

static void
put_intents(ReturnSetInfo *rsinfo, intents *of)
{
	uint32		i;

	for (i = 0; i < of->names.count; i++)
		of->item[i].name = ks_dictionary_get(&of->names, i);
	ks_sort(of->item, of->names.count, sizeof(intent), compare_intents, CurrentMemoryContext);
	for (i = 0; i < of->names.count; i++)
	{
		const intent *one = &of->item[i];
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = PointerGetDatum(cstring_to_text_with_len((const char *) one->name.bytes, (int) one->name.length));
		values[1] = Int64GetDatum(one->conversations);
		put_rate(&values[2], &nulls[2], one->bot_handled, one->conversations);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* (bot, from, to, excluded, attribution, tz) */
static Datum
metrics_by_intent(FunctionCallInfo fcinfo, bool last)
{
	static const char *const properties[] = {"conversation_id", "conversation_status", "triggered_intent_replies"};
	const char *text = ks_optional_text(fcinfo, 3);
	ks_list		list = {0};
	ks_names	excluded;
	ks_stream_query query = {.batch = 1000};
	ks_stream	stream;
	MemoryContext scratch;
	MemoryContext old;
	intents		of = {.size = 64};

	if (text != NULL)
		ks_list_from_text(&list, text, "excluded");
	excluded = ks_excluded_names(&list);
	InitMaterializedSRF(fcinfo, 0);
	ks_spi_connect();
	of.item = palloc(of.size * sizeof(intent));
	ks_dictionary_init(&of.names, CurrentMemoryContext);
	query.text = conversations_of(fcinfo, 4, 5, properties, lengthof(properties), &query.table);
	ks_stream_open(&stream, &query);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "kindly_stats intents", ALLOCSET_DEFAULT_SIZES);
	while (ks_stream_fetch(&stream) > 0)
	{
		old = MemoryContextSwitchTo(scratch);
		CHECK_FOR_INTERRUPTS();
		count_intents(&of, &stream, &excluded, last);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
	ks_stream_close(&stream);
	put_intents((ReturnSetInfo *) fcinfo->resultinfo, &of);
	SPI_finish();
	return (Datum) 0;
}

/* metrics_by_first_meaningful_intent(bot, from, to, excluded, attribution, tz) */
Datum
ks_ultimate_metrics_by_first(PG_FUNCTION_ARGS)
{
	return metrics_by_intent(fcinfo, false);
}

/* metrics_by_last_meaningful_intent(bot, from, to, excluded, attribution, tz) */
Datum
ks_ultimate_metrics_by_last(PG_FUNCTION_ARGS)
{
	return metrics_by_intent(fcinfo, true);
}
