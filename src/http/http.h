/*
 * The http room: documented URLs to SQL functions, keys to tokens.  It is called by PostgREST, which puts a request's headers and the claims
 * of its token into settings; of sockets it knows nothing.
 */
#ifndef KS_HTTP_H
#define KS_HTTP_H

#include "postgres.h"

#include "base/compat.h"

#include "http/url.h"

#define KS_HEADER_TARGET "x-original-uri"
#define KS_HEADER_KEY "x-api-key"
#define KS_HEADER_KNOWN "if-none-match"

/* message.c */
extern char *ks_http_header(const char *name);
extern const char *ks_http_method(void);
extern void ks_http_response_headers(const char *json);
extern void ks_http_response_status(int status);
extern ks_url *ks_http_target(void);
pg_noreturn extern void ks_refuse(int status, const char *message, const char *hint);
extern void ks_refuse_for_now(ErrorData *error);
extern void ks_refuse_parameters(const ks_url *url, bool (*known) (const void *context, const ks_url_parameter *parameter),
								 const void *context, const char *hint);
pg_noreturn extern void ks_refuse_token(void);
pg_noreturn extern void ks_refuse_path(void);
pg_noreturn extern void ks_refuse_bot(void);

/* token.c */
extern int	ks_token_lifetime;
extern int64 ks_token_bot(bool is_default, int64 asked);

#endif							/* KS_HTTP_H */
