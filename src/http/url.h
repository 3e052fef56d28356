/*
 * Request targets: the path and query of a URL, as a client sent them.
 *
 * Plain C without the server's headers, so that it can be unit-tested and fuzzed:
 * compile with KS_STANDALONE.  Nothing is allocated and nothing raised.
 */
#ifndef KS_URL_H
#define KS_URL_H

#ifdef KS_STANDALONE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#else
#include "postgres.h"
#endif

/* What nginx accepts by default (a buffer of large_client_header_buffers); longer ones have bypassed it. */
#define KS_URL_BYTES_MAX 8192

/* The longest served path has nine. */
#define KS_URL_SEGMENTS_MAX 16

/* Enough for a list of some hundred sources, not for thousands. */
#define KS_URL_PARAMETERS_MAX 1000

typedef enum ks_url_status
{
	KS_URL_OK = 0,
	KS_URL_E_LONG,				/* more bytes or parameters than the limits above */
	KS_URL_E_SEGMENTS,			/* more segments than any path has */
	KS_URL_E_PATH,				/* does not begin with a slash */
	KS_URL_E_CHARACTER,			/* a blank, a control character or # */
	KS_URL_E_PERCENT,			/* a percent sign without two hexadecimal digits */
	KS_URL_E_NUL,				/* %00 */
	KS_URL_E_UTF8				/* bytes that are not UTF-8 */
} ks_url_status;

/* All texts are valid UTF-8, without NUL, and end with one. */
typedef struct ks_url_parameter
{
	const char *name;			/* without [] */
	const char *value;			/* empty where there is no = */
	bool		brackets;		/* the name was followed by [] */
} ks_url_parameter;

typedef struct ks_url
{
	int			nsegments;
	const char *segments[KS_URL_SEGMENTS_MAX];
	int			nparameters;
	ks_url_parameter parameters[KS_URL_PARAMETERS_MAX];
	size_t		error_at;		/* where it goes wrong, in bytes */
} ks_url;

extern ks_url_status ks_url_parse(ks_url *url, char *target, size_t length);
extern bool ks_utf8_valid(const char *text, size_t length);

#endif							/* KS_URL_H */
