/*
 * The http room: documented URLs to SQL functions, tokens, and who sees which
 * bots.  It is called by PostgREST, which puts a request's headers and the claims
 * of its token into settings; of sockets it knows nothing.
 */
#ifndef KS_HTTP_H
#define KS_HTTP_H

#include "postgres.h"

#include "base/compat.h"

#include "http/url.h"

/* Made by kindly_stats.create_api_roles().  Claims are believed of the first two alone. */
#define KS_ROLE_USER "kindly_api_user"
#define KS_ROLE_GUEST "kindly_api_guest"
#define KS_ROLE_ANONYMOUS "kindly_api_anonymous"

/* The claim "aud" of tokens, as PostgREST's jwt-aud has it. */
#define KS_AUDIENCE "kindly_stats"

/* Of a key, what is shown of it; it is its name in claims. */
#define KS_KEY_PREFIX_LENGTH 12

#define KS_HEADER_TARGET "x-original-uri"
#define KS_HEADER_KEY "x-api-key"
#define KS_HEADER_KNOWN "if-none-match"

/* message.c */
extern char *ks_http_header(const char *name);
extern char *ks_http_claim(const char *name);
extern char *ks_http_claimed_string(const char *name);
extern const char *ks_http_method(void);
extern void ks_http_response_headers(const char *json);
extern void ks_http_response_status(int status);
extern ks_url *ks_http_target(void);
extern char *ks_from_url(const char *text);
pg_noreturn extern void ks_refuse(int status, const char *message, const char *hint);
extern void ks_refuse_for_now(ErrorData *error);
extern void ks_refuse_parameters(const ks_url *url, bool (*known) (const void *context, const ks_url_parameter *parameter),
								 const void *context, const char *hint);
pg_noreturn extern void ks_refuse_token(void);
pg_noreturn extern void ks_refuse_path(void);
pg_noreturn extern void ks_refuse_bot(void);

/* access.c */
extern bool ks_bot_named(const char *id, int64 *bot);
extern bool ks_claimed_bot(int64 *bot);
extern int64 ks_token_bot(bool is_default, int64 asked);
extern bool ks_is_link(void);
extern bool ks_is_login(void);
extern bool ks_role_sees(Oid role, int64 bot);

/* token.c */
extern int	ks_token_lifetime;
extern bool ks_key_opens(const char *prefix, int64 bot);

#endif							/* KS_HTTP_H */
