/*
 * kindly_api.request(): from a documented URL to the SQL function that answers
 * it.
 *
 * Values reach the function as parameters of its arguments' types, so errors in
 * them are raised by the types and the function themselves.
 */
#include "http/http.h"
#include "http/route.h"

#include "access/access.h"
#include "base/compat.h"
#include "base/hash.h"
#include "rollup/rollup.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Long enough that nobody can construct two answers with the same hash, though visitors choose labels and pages in them. */
#define VALIDATOR_BYTES 16

PG_FUNCTION_INFO_V1(ks_request);
PG_FUNCTION_INFO_V1(ks_request_volatile);
PG_FUNCTION_INFO_V1(ks_list_routes);
PG_FUNCTION_INFO_V1(ks_validated);

/* A function call whose arguments are being collected. */
typedef struct sql_call
{
	const ks_route *route;
	int			nknown;			/* arguments that the function has */
	char	  **names;
	Oid		   *name_types;
	int			count;			/* arguments that are given */
	StringInfoData text;
	Oid		   *types;
	Datum	   *values;
} sql_call;

/* The values that a query has for one argument. */
typedef struct given
{
	const char *name;			/* as the query has it */
	int			count;
	char	  **values;
	bool		exact;			/* [] or several: each value is one item */
} given;

/* ------------------------------------------------------------------------
 * The function
 * ------------------------------------------------------------------------
 */

/* Finds a function; NULL if the schema has none of that name.  Dialects have one function for each name. */
static HeapTuple
find_function(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	HeapTuple	found = NULL;
	int			i;

	for (i = 0; i < list->n_members; i++)
	{
		HeapTuple	tuple = &list->members[i]->tuple;

		if (((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == namespace)
			found = heap_copytuple(tuple);
	}
	ReleaseSysCacheList(list);
	return found;
}

static void
start_call(sql_call *c, const ks_route *route)
{
	HeapTuple	function = find_function(route->schema, route->function);
	char	   *modes;

	if (function == NULL)
		ks_refuse(404, "no such endpoint", "It is not installed.");
	memset(c, 0, sizeof(*c));
	c->route = route;
	get_func_arg_info(function, &c->name_types, &c->names, &modes);
	c->nknown = c->names == NULL ? 0 : ((Form_pg_proc) GETSTRUCT(function))->pronargs;
	c->types = palloc((c->nknown + 1) * sizeof(Oid));
	c->values = palloc((c->nknown + 1) * sizeof(Datum));
	initStringInfo(&c->text);
}

static Oid
argument_type(const sql_call *c, const char *argument)
{
	int			i;

	for (i = 0; i < c->nknown; i++)
	{
		if (strcmp(c->names[i], argument) == 0)
			return c->name_types[i];
	}
	elog(ERROR, "function %s.%s has no argument \"%s\"", c->route->schema, c->route->function, argument);
	return InvalidOid;
}

static void
add_argument(sql_call *c, const char *argument, Oid type, Datum value)
{
	if (c->count == c->nknown)
		elog(ERROR, "too many arguments");
	c->types[c->count] = type;
	c->values[c->count] = value;
	c->count++;
	appendStringInfo(&c->text, "%s%s => $%d", c->count > 1 ? ", " : "", quote_identifier(argument), c->count);
}

/* Reads a value with its type's own input function; errors name the parameter. */
static Datum
read_value(Oid type, char *value, const char *parameter)
{
	MemoryContext memory = CurrentMemoryContext;
	Oid			input;
	Oid			element;
	Datum		result = (Datum) 0;

	getTypeInputInfo(type, &input, &element);
	PG_TRY();
	{
		result = OidInputFunctionCall(input, value, element, -1);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		if (error->detail == NULL)
			error->detail = psprintf(strchr(value, ' ') == NULL ? "It is the value of parameter \"%s\"."
									 : "It is the value of parameter \"%s\", where a plus sign stands for a blank; percent-encoded itself it is %%2B.", parameter);
		ReThrowError(error);
	}
	PG_END_TRY();
	return result;
}

/* Returns the values as ["web","app"], which the functions' list arguments take: commas in values do not separate. */
static char *
json_list(const given *g)
{
	StringInfoData list;
	int			i;

	initStringInfo(&list);
	for (i = 0; i < g->count; i++)
	{
		appendStringInfoChar(&list, i == 0 ? '[' : ',');
		escape_json(&list, g->values[i]);
	}
	appendStringInfoChar(&list, ']');
	return list.data;
}

static void
add_given(sql_call *c, const char *argument, const given *g)
{
	Oid			type = argument_type(c, argument);

	add_argument(c, argument, type, read_value(type, g->exact ? json_list(g) : g->values[0], g->name));
}

static char *
call_query(const sql_call *c)
{
	char	   *function = quote_qualified_identifier(c->route->schema, c->route->function);

	switch (c->route->answer)
	{
		case KS_ANSWER_JSON:
			return psprintf("SELECT %s(%s)", function, c->text.data);
		case KS_ANSWER_ROW:
			return psprintf("SELECT pg_catalog.concat('{\"data\":', pg_catalog.row_to_json(r), '}')::pg_catalog.json FROM %s(%s) AS r",
							function, c->text.data);
		case KS_ANSWER_ROWS:
			return psprintf("SELECT pg_catalog.concat('{\"data\":[', pg_catalog.string_agg(pg_catalog.row_to_json(r)::pg_catalog.text, ','), ']}')"
							"::pg_catalog.json FROM %s(%s) AS r", function, c->text.data);
	}
	return NULL;
}

/* Runs the call; the body of the answer is in the caller's memory context. */
static Datum
finish_call(sql_call *c, bool read_only)
{
	MemoryContext memory = CurrentMemoryContext;
	int			nest = NewGUCNestLevel();
	MemoryContext old;
	Datum		answer;
	bool		isnull;

	/* numbers in rows have all their digits, whatever the session's setting */
	ks_set_option("extra_float_digits", "1");
	/* a waiting client holds a connection that others may need */
	ks_set_option("kindly_stats.wait_for_writers", "off");
	ks_spi_connect();
	if (SPI_execute_with_args(call_query(c), c->count, c->types, c->values, NULL, read_only, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not call %s.%s", c->route->schema, c->route->function);
	answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		elog(ERROR, "%s.%s answers nothing", c->route->schema, c->route->function);
	old = MemoryContextSwitchTo(memory);
	answer = PointerGetDatum(PG_DETOAST_DATUM_COPY(answer));
	MemoryContextSwitchTo(old);
	SPI_finish();
	AtEOXact_GUC(true, nest);
	return answer;
}

/* ------------------------------------------------------------------------
 * The query
 * ------------------------------------------------------------------------
 */

static bool
known_to_route(const void *context, const ks_url_parameter *parameter)
{
	const ks_route *route = context;

	return ks_route_takes(ks_route_parameter_find(route, parameter->name) != NULL || route->ignored == NULL
						  ? route->parameters : route->ignored, parameter);
}

/* The names of the route's parameters, for a hint. */
static char *
describe_parameters(const ks_route *route)
{
	const ks_route_parameter *p;
	StringInfoData text;

	initStringInfo(&text);
	for (p = route->parameters; p->name != NULL; p++)
		appendStringInfo(&text, "%s%s%s", text.len > 0 ? ", " : "This endpoint knows ", p->name, p->list ? "[]" : "");
	appendStringInfoString(&text, text.len > 0 ? "." : "This endpoint knows no parameters.");
	return text.data;
}

/* Collects all values of the parameters that become this argument; two parameters may share one argument. */
static void
collect(const ks_url *url, const ks_route *route, const ks_route_parameter *wanted, given *g)
{
	int			i;

	memset(g, 0, sizeof(*g));
	g->values = palloc((url->nparameters + 1) * sizeof(char *));
	for (i = 0; i < url->nparameters; i++)
	{
		const ks_url_parameter *parameter = &url->parameters[i];
		const ks_route_parameter *known = ks_route_parameter_find(route, parameter->name);

		if (known == NULL || strcmp(known->argument, wanted->argument) != 0)
			continue;
		g->name = parameter->name;
		g->exact |= parameter->brackets || g->count > 0;
		g->values[g->count++] = ks_from_url(parameter->value);
	}
	if (g->count > 1 && !wanted->list)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is given more than once", g->name),
				 errhint("Only lists may be given more than once.")));
}

/* Whether it is a second name of an argument, which was collected with the first. */
static bool
collected_before(const ks_route *route, const ks_route_parameter *parameter)
{
	const ks_route_parameter *p;

	for (p = route->parameters; p < parameter; p++)
	{
		if (strcmp(p->argument, parameter->argument) == 0)
			return true;
	}
	return false;
}

static void
add_parameters(sql_call *c, const ks_url *url)
{
	const ks_route_parameter *p;
	given		g;

	for (p = c->route->parameters; p->name != NULL; p++)
	{
		if (collected_before(c->route, p))
			continue;
		collect(url, c->route, p, &g);
		if (g.count > 0)
			add_given(c, p->argument, &g);
	}
}

/* Reads YYYY-MM-DD and nothing else: how PostgreSQL reads dates depends on the session's settings. */
static DateADT
read_day(const char *text)
{
	int			year,
				month,
				day;

	if (strlen(text) != 10 || strspn(text, "0123456789") != 4 || text[4] != '-' || strspn(text + 5, "0123456789") != 2 ||
		text[7] != '-' || strspn(text + 8, "0123456789") != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("malformed day \"%s\"", ks_from_url(text)),
				 errhint("Write it as YYYY-MM-DD.")));
	year = atoi(text);
	month = atoi(text + 5);
	day = atoi(text + 8);
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("there is no day \"%s\"", text),
				 errhint("Write it as YYYY-MM-DD.")));
	return date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
}

/* Adds what the path has besides the bot: :day. */
static void
add_segments(sql_call *c, const ks_url *url)
{
	const char *day = ks_route_segment(c->route, url, "day");

	if (day != NULL)
		add_argument(c, "day", DATEOID, DateADTGetDatum(read_day(day)));
}

/* ------------------------------------------------------------------------
 * The bot
 * ------------------------------------------------------------------------
 */

/*
 * Raises unless the client names the token's bot.  Other names are refused the same way
 * whether they exist or not, so that a token cannot find out names.
 */
static void
check_client(const ks_url *url, const ks_route *route, int64 bot)
{
	const ks_route_parameter client = {"client", "client", false};
	int64		named;
	given		g;

	collect(url, route, &client, &g);
	if (g.count > 0 && (!ks_bot_by_name(g.values[0], &named) || named != bot))
		ks_refuse(403, "the key or token is for another workspace", "Parameter \"client\" must be the name of the bot that it was made for.");
}

static void
check_path_bot(const ks_url *url, const ks_route *route, int64 bot)
{
	int64		asked;

	if (!ks_bot_named(ks_from_url(ks_route_segment(route, url, "bot")), &asked))
		ks_refuse(404, "no such bot", "A bot is named by its id.");
	if (asked != bot)
		ks_refuse_bot();
}

/* ------------------------------------------------------------------------
 * request()
 * ------------------------------------------------------------------------
 */

/*
 * Whether If-None-Match has the validator: it is a list, or *. Here a strong one matches
 * like a weak one.
 */
static bool
is_named(const char *list, const char *quoted)
{
	size_t		length = strlen(quoted);

	while (*list != '\0')
	{
		list += strspn(list, " \t,");
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if (list[0] == '*' || strncmp(list, quoted, length) == 0)
			return true;
		/* a quoted one may have commas in it */
		if (list[0] == '"')
			list += 1 + strcspn(list + 1, "\"");
		list += strcspn(list, ",");
	}
	return false;
}

/*
 * Sets the header ETag, and 304 for clients that have the answer already.  The validator
 * is a hash of the body, so it changes whenever the body does, whatever that depends on.
 * It is a weak one, since the proxy may compress the body.
 */
static Datum
validate(Datum body)
{
	struct varlena *text = (struct varlena *) DatumGetPointer(body);
	char	   *known = ks_http_header(KS_HEADER_KNOWN);
	uint64_t	hash[8];
	char	   *quoted;

	ks_blake2b(hash, VALIDATOR_BYTES, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
	quoted = psprintf("\"%016llx%016llx\"", (unsigned long long) hash[0], (unsigned long long) hash[1]);
	ks_http_response_headers(psprintf("[{\"ETag\": \"W/\\\"%.*s\\\"\"}]", 2 * VALIDATOR_BYTES, quoted + 1));
	if (known == NULL || !is_named(known, quoted))
		return body;
	ks_http_response_status(304);
	return CStringGetTextDatum("null");
}

static const ks_route *
find_route(const ks_url *url)
{
	const ks_route *route = ks_route_find(url);

	if (route == NULL)
		ks_refuse_path();
	return route;
}

static Datum
answer(bool read_only)
{
	const ks_route *route;
	ks_url	   *url;
	int64		bot;
	sql_call	c;

	if (ks_is_link())
		ks_refuse(403, "the token does not give access to this", "It is that of a link to the page.");
	if (ks_is_login())
		ks_refuse(403, "the token is for several bots", "Exchange its key for a token of one of them: GET /api/v2/bot/<BOT_ID>/sage/auth.");
	if (!ks_claimed_bot(&bot))
		ks_refuse_token();
	url = ks_http_target();
	route = find_route(url);
	if (route->bot == KS_BOT_IN_PATH)
		check_path_bot(url, route, bot);
	ks_refuse_parameters(url, known_to_route, route, describe_parameters(route));
	if (route->bot == KS_BOT_BY_NAME)
		check_client(url, route, bot);
	start_call(&c, route);
	if (route->bot != KS_BOT_BY_NAME)
		add_argument(&c, "bot", INT8OID, Int64GetDatum(bot));
	add_segments(&c, url);
	add_parameters(&c, url);
	return finish_call(&c, read_only);
}

/*
 * Raises an error again, changed if PostgREST would give it a wrong status or tell too
 * much of it.  An object that is not in the required state, such as a day whose
 * conversations have been purged or are being written, is a conflict for the client, not a
 * fault of the server.  A missing right of the API's role goes to the log, because its
 * message names tables.
 */
static void
refuse_as_http(ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OBJECT_IN_USE:
			ereport(ERROR,
					(errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '9')),
					 errmsg("this cannot be answered as things are"),
					 errdetail_internal("%s", error->message),
					 error->hint != NULL ? errhint("%s", error->hint) : 0));
			break;
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			ereport(ERROR,
					(errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '3')),
					 errmsg("the key or token does not give access to this"),
					 errdetail_log("%s", error->message),
					 errhint("Ask the operator of the API.")));
			break;
		default:
			ks_refuse_for_now(error);
	}
}

static Datum
answer_or_refuse(bool read_only)
{
	MemoryContext memory = CurrentMemoryContext;
	Datum		result = (Datum) 0;

	PG_TRY();
	{
		result = validate(answer(read_only));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		refuse_as_http(error);
	}
	PG_END_TRY();
	return result;
}

/* request(): GET and HEAD arrive as such; the proxy makes a POST of what needs request_volatile(). */
Datum
ks_request(PG_FUNCTION_ARGS)
{
	const char *method = ks_http_method();

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		ks_refuse(405, "method not allowed", "Use GET.");
	return answer_or_refuse(true);
}

Datum
ks_request_volatile(PG_FUNCTION_ARGS)
{
	return answer_or_refuse(false);
}

/* validated(answer): adds a validator to what PostgREST answers by itself. */
Datum
ks_validated(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(validate(PointerGetDatum(PG_GETARG_TEXT_PP(0))));
}

/* The table of routes, parameter by parameter. */
Datum
ks_list_routes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const ks_route *route;

	InitMaterializedSRF(fcinfo, 0);
	for (route = ks_routes; route->path != NULL; route++)
	{
		const ks_route_parameter *p = route->parameters;

		do
		{
			bool		any = p->name != NULL;
			Datum		values[6];
			bool		nulls[6] = {false, false, false, !any, !any, !any};

			values[0] = CStringGetTextDatum(route->path);
			values[1] = CStringGetTextDatum(route->schema);
			values[2] = CStringGetTextDatum(route->function);
			values[3] = any ? CStringGetTextDatum(p->name) : (Datum) 0;
			values[4] = any ? CStringGetTextDatum(p->argument) : (Datum) 0;
			values[5] = BoolGetDatum(p->list);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		} while (p->name != NULL && (++p)->name != NULL);
	}
	return (Datum) 0;
}
