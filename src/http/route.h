/*
 * Routes: which SQL function answers which path, and what its arguments are
 * called in the query.
 *
 * Plain C, as url.h: compile with KS_STANDALONE.
 */
#ifndef KS_ROUTE_H
#define KS_ROUTE_H

#include "http/url.h"

/* A parameter of the query, and the argument that it becomes. */
typedef struct ks_route_parameter
{
	const char *name;			/* NULL ends a table */
	const char *argument;
	bool		list;			/* may come several times, with or without [] */
} ks_route_parameter;

/* Which bot a request is about. */
typedef enum ks_route_bot
{
	KS_BOT_IN_PATH,				/* :bot of the path; argument "bot" */
	KS_BOT_OF_TOKEN,			/* the token's; argument "bot" */
	KS_BOT_BY_NAME				/* parameter client names it; no argument "bot" */
} ks_route_bot;

/* What the function returns. */
typedef enum ks_route_answer
{
	KS_ANSWER_JSON,				/* the body */
	KS_ANSWER_ROW,				/* one row: the body is {"data": {...}} */
	KS_ANSWER_ROWS				/* rows: the body is {"data": [...]} */
} ks_route_answer;

typedef struct ks_route
{
	const char *path;			/* segments that begin with a colon match any segment and become an argument */
	const char *schema;
	const char *function;
	ks_route_bot bot;
	ks_route_answer answer;
	const ks_route_parameter *parameters;
	const ks_route_parameter *ignored;	/* accepted, and not read, where parameters has no such name; or NULL */
} ks_route;

extern const ks_route ks_routes[];	/* a path of NULL ends them */

/* What any endpoint of Sage's knows: programs send all that they know to each of them. */
extern const ks_route_parameter ks_sage_parameters[];

extern bool ks_route_matches(const char *path, const ks_url *url);
extern const ks_route *ks_route_find(const ks_url *url);
extern const char *ks_route_segment(const ks_route *route, const ks_url *url, const char *name);
extern const ks_route_parameter *ks_route_parameter_find(const ks_route *route, const char *name);
extern bool ks_route_takes(const ks_route_parameter *parameters, const ks_url_parameter *parameter);

#endif							/* KS_ROUTE_H */
