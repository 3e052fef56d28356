/*
 * A request as PostgREST's settings describe it, and the errors that become
 * HTTP statuses.
 */
#include "http/http.h"

#include "access/access.h"
#include "base/compat.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* How many unknown parameters a message names. */
#define NAMED_MAX 10

/* ------------------------------------------------------------------------
 * Refusals
 * ------------------------------------------------------------------------
 */

/*
 * Raises an error that becomes an HTTP status.  PostgREST turns SQLSTATE PT404 into status
 * 404, and the message into the reason phrase of the status line: so the message must
 * never contain what a client sent.
 */
void
ks_refuse(int status, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE('P', 'T', '0' + status / 100, '0' + status / 10 % 10, '0' + status % 10)),
			 errmsg_internal("%s", message),
			 errhint("%s", hint)));
}

void
ks_refuse_token(void)
{
	ks_refuse(401, "a token is needed",
			  "Send the header Authorization: Bearer <JWT>; GET /api/v2/bot/<BOT_ID>/sage/auth gives a token for an API key.");
}

void
ks_refuse_path(void)
{
	ks_refuse(404, "no such endpoint", "Paths are as documented, such as /api/v1/stats/bot/<BOT_ID>/sessions/chats.");
}

void
ks_refuse_bot(void)
{
	ks_refuse(403, "the key or token is for another bot", "Ask for the bot that it was made for, or with a key of this bot.");
}

/*
 * Whether PostgREST gives an error the right status: 400 for invalid data, xxx
 * for PTxxx, 503 where resources are lacking, and a retry where transactions are
 * in each other's way.
 */
static bool
is_for_postgrest(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case MAKE_SQLSTATE('P', 'T', '0', '0', '0'):
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_TRANSACTION_ROLLBACK:
			return true;
		default:
			return false;
	}
}

/* Raises status 500 for a failure that is not the client's fault, and sends its details to the log. */
pg_noreturn static void
fail(ErrorData *error)
{
	error->detail_log = psprintf("%s: %s%s%s", unpack_sql_state(error->sqlerrcode), error->message,
								 error->detail != NULL ? "; " : "", error->detail != NULL ? error->detail : "");
	error->sqlerrcode = MAKE_SQLSTATE('P', 'T', '5', '0', '0');
	error->message = pstrdup("the server failed to answer");
	error->detail = NULL;
	error->hint = NULL;
	ReThrowError(error);
}

/* Raises an error with a status of its own for what may succeed later; PostgREST would answer 500. */
void
ks_refuse_for_now(ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
			ereport(ERROR,
					(errcode(MAKE_SQLSTATE('P', 'T', '5', '0', '4')),
					 errmsg("the answer took too long"),
					 errdetail_log("%s", error->message)));
			break;
		case ERRCODE_LOCK_NOT_AVAILABLE:
			ereport(ERROR,
					(errcode(MAKE_SQLSTATE('P', 'T', '5', '0', '3')),
					 errmsg("the statistics cannot be read at the moment"),
					 errdetail_log("%s", error->message)));
			break;
		default:
			if (!is_for_postgrest(error->sqlerrcode))
				fail(error);
			ReThrowError(error);
	}
}

static bool
already_named(const ks_url *url, int number)
{
	const ks_url_parameter *parameter = &url->parameters[number];
	int			i;

	for (i = 0; i < number; i++)
	{
		if (url->parameters[i].brackets == parameter->brackets && strcmp(url->parameters[i].name, parameter->name) == 0)
			return true;
	}
	return false;
}

/* Raises an error that names the query's unknown parameters, if there are any. */
void
ks_refuse_parameters(const ks_url *url, bool (*known) (const void *context, const ks_url_parameter *parameter),
					 const void *context, const char *hint)
{
	StringInfoData names;
	int			count = 0;
	int			i;

	initStringInfo(&names);
	for (i = 0; i < url->nparameters; i++)
	{
		const ks_url_parameter *parameter = &url->parameters[i];

		if (known(context, parameter) || already_named(url, i))
			continue;
		if (count++ < NAMED_MAX)
			appendStringInfo(&names, "%s\"%s%s\"", names.len > 0 ? ", " : "", ks_from_url(parameter->name), parameter->brackets ? "[]" : "");
	}
	if (count == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("unknown parameter %s%s", "unknown parameters %s%s", count, names.data, count > NAMED_MAX ? " and more" : ""),
			 errhint("%s", hint)));
}

/* ------------------------------------------------------------------------
 * The request
 * ------------------------------------------------------------------------
 */

char *
ks_http_header(const char *name)
{
	return ks_setting_member("request.headers", name, json_object_field_text);
}

/* Returns the request's method; GET if nothing is known of a request. */
const char *
ks_http_method(void)
{
	const char *method = GetConfigOption("request.method", true, false);

	return method == NULL || method[0] == '\0' ? "GET" : method;
}

/* Sets headers of the response, as PostgREST wants them: an array of objects with one member. */
void
ks_http_response_headers(const char *json)
{
	(void) set_config_option("response.headers", json, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* Sets the status of a successful response. */
void
ks_http_response_status(int status)
{
	(void) set_config_option("response.status", psprintf("%d", status), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

pg_noreturn static void
refuse_target(ks_url_status status, size_t at)
{
	static const char *const reasons[] = {
		[KS_URL_E_PATH] = "It must begin with a slash.",
		[KS_URL_E_CHARACTER] = "A blank, a control character or # must be percent-encoded.",
		[KS_URL_E_PERCENT] = "A percent sign must be followed by two hexadecimal digits; percent-encoded itself it is %25.",
		[KS_URL_E_NUL] = "%00 cannot be part of a text.",
		[KS_URL_E_UTF8] = "Its text must be UTF-8, percent-encoded byte by byte."
	};

	if (status == KS_URL_E_SEGMENTS)
		ks_refuse_path();
	if (status == KS_URL_E_LONG)
		ks_refuse(414, "the URL is too long", "Ask for less at once, such as fewer sources.");
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("malformed URL"),
			 errdetail("It goes wrong at byte %zu.", at + 1),
			 errhint("%s", reasons[status])));
}

/* Returns the request target as the client sent it, which a proxy in front of PostgREST has put into a header. */
ks_url *
ks_http_target(void)
{
	char	   *target = ks_http_header(KS_HEADER_TARGET);
	ks_url	   *url = palloc(sizeof(ks_url));
	ks_url_status status;

	if (target == NULL)
		ks_refuse(404, "no such endpoint", "Requests must come through the proxy, which says in the header " KS_HEADER_TARGET " what is asked.");
	target = pg_server_to_any(target, (int) strlen(target), PG_UTF8);
	status = ks_url_parse(url, target, strlen(target));
	if (status != KS_URL_OK)
		refuse_target(status, url->error_at);
	return url;
}
