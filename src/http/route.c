/*
 * The table of routes, and finding one.
 */
#include "http/route.h"

#define LIST true
#define ONE false
#define END {NULL, NULL, false}

/* ------------------------------------------------------------------------
 * Parameters
 * ------------------------------------------------------------------------
 */

static const ks_route_parameter none[] = {END};

/* Sage's text says language_code[], its tables say language_codes[]. */
#define SAGE_RANGE \
	{"from", "from", ONE}, {"to", "to", ONE}, {"tz", "tz", ONE}, \
	{"sources", "sources", LIST}, {"language_codes", "language_codes", LIST}, {"language_code", "language_codes", LIST}

static const ks_route_parameter sage_series[] = {SAGE_RANGE, {"granularity", "granularity", ONE}, END};
static const ks_route_parameter sage_total[] = {SAGE_RANGE, END};
static const ks_route_parameter sage_top[] = {SAGE_RANGE, {"limit", "limit", ONE}, END};
const ks_route_parameter ks_sage_parameters[] = {SAGE_RANGE, {"granularity", "granularity", ONE}, {"limit", "limit", ONE}, END};

#define CHATBOT_RANGE \
	{"from", "from", ONE}, {"to", "to", ONE}, {"period", "period", ONE}, {"tz", "tz", ONE}

static const ks_route_parameter chatbot_series[] = {
	CHATBOT_RANGE, {"dimension", "dimension", ONE}, {"group", "group", ONE}, {"source", "source", LIST}, {"storyId", "storyId", LIST}, END
};
static const ks_route_parameter chatbot_heatmap[] = {
	CHATBOT_RANGE, {"offset", "offset", ONE}, {"source", "source", ONE}, {"storyId", "storyId", ONE}, END
};
static const ks_route_parameter chatbot_interactions[] = {CHATBOT_RANGE, {"storyId", "storyId", ONE}, END};

static const ks_route_parameter logicdialog[] = {
	{"dateFrom", "dateFrom", ONE}, {"dateTo", "dateTo", ONE}, {"client", "client", ONE}, {"resolution", "resolution", ONE}, {"tz", "tz", ONE}, END
};

#define ULTIMATE_RANGE \
	{"from", "from", ONE}, {"to", "to", ONE}, {"attribution", "attribution", ONE}, {"tz", "tz", ONE}

static const ks_route_parameter ultimate_metrics[] = {
	ULTIMATE_RANGE, {"channels", "channels", LIST}, {"languages", "languages", LIST}, END
};
static const ks_route_parameter ultimate_intents[] = {ULTIMATE_RANGE, END};
static const ks_route_parameter ultimate_by_intent[] = {ULTIMATE_RANGE, {"excluded", "excluded", LIST}, END};

/* ------------------------------------------------------------------------
 * Routes
 * ------------------------------------------------------------------------
 */

#define SAGE(path, function, parameters) \
	{"/api/v1/stats/bot/:bot/" path, "sage", function, KS_BOT_IN_PATH, KS_ANSWER_JSON, parameters, ks_sage_parameters}
#define CHATBOT(path, function, parameters) \
	{"/reports/" path, "chatbot_com", function, KS_BOT_OF_TOKEN, KS_ANSWER_JSON, parameters, NULL}
#define LOGICDIALOG(path, function) \
	{"/api/agent/analytics/" path, "logicdialog", function, KS_BOT_BY_NAME, KS_ANSWER_JSON, logicdialog, NULL}
#define ULTIMATE(path, function, answer, parameters) \
	{"/api/v1/" path, "ultimate", function, KS_BOT_IN_PATH, answer, parameters, NULL}

const ks_route ks_routes[] = {
	SAGE("meta/options", "meta_options", none),
	SAGE("sessions/chats", "sessions_chats", sage_series),
	SAGE("sessions/messages", "sessions_messages", sage_series),
	SAGE("fallbacks/series", "fallbacks_series", sage_series),
	SAGE("fallbacks/total", "fallbacks_total", sage_total),
	SAGE("chatbubble/pages", "chatbubble_pages", sage_top),
	SAGE("takeovers/series", "takeovers_series", sage_series),
	SAGE("takeovers/totals", "takeovers_totals", sage_total),
	SAGE("feedback/summary", "feedback_summary", sage_total),
	SAGE("buttons/most_clicked", "buttons_most_clicked", sage_top),
	SAGE("chatlabels/added", "chatlabels_added", sage_top),

	CHATBOT("conversations", "conversations", chatbot_series),
	CHATBOT("conversations.paid", "conversations_paid", chatbot_series),
	CHATBOT("conversations.messages", "conversations_messages", chatbot_series),
	CHATBOT("conversations.avg", "conversations_avg", chatbot_series),
	CHATBOT("conversations.heatmap", "conversations_heatmap", chatbot_heatmap),
	CHATBOT("conversations.interactions", "conversations_interactions", chatbot_interactions),

	LOGICDIALOG("user", "user"),
	LOGICDIALOG("nlp", "nlp"),
	LOGICDIALOG("message", "message"),
	LOGICDIALOG("active-channel", "active_channel"),
	LOGICDIALOG("message-groups", "message_groups"),
	LOGICDIALOG("sentiment", "sentiment"),
	LOGICDIALOG("events", "events"),
	LOGICDIALOG("user/detail", "user_detail"),
	LOGICDIALOG("response", "response"),
	LOGICDIALOG("urlTracking", "url_tracking"),
	LOGICDIALOG("blocks", "blocks"),
	LOGICDIALOG("intervention", "intervention"),
	LOGICDIALOG("intervention/average-time-by-agent-series", "intervention_average_time_by_agent_series"),
	LOGICDIALOG("intervention-detail", "intervention_detail"),
	LOGICDIALOG("intervention/average-time", "intervention_average_time"),
	LOGICDIALOG("active-user-language", "active_user_language"),

	ULTIMATE("export/bot/:bot/:day", "export", KS_ANSWER_JSON, none),
	ULTIMATE("metrics/bot/:bot", "metrics", KS_ANSWER_ROW, ultimate_metrics),
	ULTIMATE("metrics/bot/:bot/first-last-intent", "first_last_intent", KS_ANSWER_ROWS, ultimate_intents),
	ULTIMATE("metrics/bot/:bot/first-meaningful-intent", "metrics_by_first_meaningful_intent", KS_ANSWER_ROWS, ultimate_by_intent),
	ULTIMATE("metrics/bot/:bot/last-meaningful-intent", "metrics_by_last_meaningful_intent", KS_ANSWER_ROWS, ultimate_by_intent),

	{NULL, NULL, NULL, KS_BOT_IN_PATH, KS_ANSWER_JSON, NULL, NULL}
};

/* ------------------------------------------------------------------------
 * Finding one
 * ------------------------------------------------------------------------
 */

/* Whether a segment of the URL matches the next one of the path, which begins with a slash; advances the path. */
static bool
match_segment(const char **path, const char *segment)
{
	const char *wanted = *path + 1;
	size_t		length = strcspn(wanted, "/");

	*path = wanted + length;
	if (wanted[0] == ':')
		return segment[0] != '\0';
	return strlen(segment) == length && memcmp(segment, wanted, length) == 0;
}

bool
ks_route_matches(const char *path, const ks_url *url)
{
	int			i;

	for (i = 0; i < url->nsegments; i++)
	{
		if (*path == '\0' || !match_segment(&path, url->segments[i]))
			return false;
	}
	return *path == '\0';
}

/* Finds the route of a URL; NULL if there is none. */
const ks_route *
ks_route_find(const ks_url *url)
{
	const ks_route *route;

	for (route = ks_routes; route->path != NULL; route++)
	{
		if (ks_route_matches(route->path, url))
			return route;
	}
	return NULL;
}

/* Returns the segment where the route's path has :name; NULL if it has none. */
const char *
ks_route_segment(const ks_route *route, const ks_url *url, const char *name)
{
	const char *path = route->path;
	size_t		length = strlen(name);
	int			i;

	for (i = 0; i < url->nsegments; i++)
	{
		const char *wanted = path + 1;

		path = wanted + strcspn(wanted, "/");
		if (wanted[0] == ':' && (size_t) (path - wanted) == length + 1 && memcmp(wanted + 1, name, length) == 0)
			return url->segments[i];
	}
	return NULL;
}

static const ks_route_parameter *
find_parameter(const ks_route_parameter *parameter, const char *name)
{
	for (; parameter->name != NULL; parameter++)
	{
		if (strcmp(parameter->name, name) == 0)
			return parameter;
	}
	return NULL;
}

/* Finds a parameter of the route; NULL if it has none of that name. */
const ks_route_parameter *
ks_route_parameter_find(const ks_route *route, const char *name)
{
	return find_parameter(route->parameters, name);
}

/* Whether a parameter of the query is one of these: only a list may have brackets. */
bool
ks_route_takes(const ks_route_parameter *parameters, const ks_url_parameter *parameter)
{
	const ks_route_parameter *known = find_parameter(parameters, parameter->name);

	return known != NULL && (known->list || !parameter->brackets);
}
