-- The schema that PostgREST exposes.  Nothing in it is for everybody: kindly_stats.create_api_roles() says who may call what.

CREATE SCHEMA kindly_api;
COMMENT ON SCHEMA kindly_api IS
'kindly_stats

Chatbot statistics of one bot, which the token says: exact time series, distinct counts and top lists in any time zone.';

CREATE FUNCTION kindly_api.request() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_request';
REVOKE EXECUTE ON FUNCTION kindly_api.request() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.request() IS
'answers a documented URL, such as /api/v1/stats/bot/<BOT_ID>/sessions/chats?from=...&to=...

The header x-original-uri, which the proxy sets, has path and query; the bot must be the token''s.
HTTP statuses: 400 for parameters that are unknown, missing, malformed or given twice; 401 without a token; 403 for another bot;
404 for unknown paths; 405 for other methods than GET; 409 for what cannot be answered as things are; 414 for more than 8192 bytes;
503 and 504 for what would have to wait, or take, too long.';

CREATE FUNCTION kindly_api.request_volatile() RETURNS json
    LANGUAGE C COST 1000 AS 'MODULE_PATHNAME', 'ks_request_volatile';
REVOKE EXECUTE ON FUNCTION kindly_api.request_volatile() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.request_volatile() IS
'answers a documented URL whose answer is written down: /api/v1/export/bot/<BOT_ID>/<YYYY-MM-DD>

As request(); the proxy turns GET into POST, which PostgREST lets write.';

CREATE FUNCTION kindly_api.auth() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_auth';
REVOKE EXECUTE ON FUNCTION kindly_api.auth() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.auth() IS
'gives a token for an API key: GET /api/v2/bot/<BOT_ID>/sage/auth, or GET /api/native/login

The second address is for the page: its token is for the key''s bot, or for all bots of the role that the key was made for; with bot=<BOT_ID> only if that is among them.
The header x-original-uri has the path, x-api-key the key; the proxy sets both, the key from Authorization: Bearer <API_KEY>.
The answer is {"jwt": "...", "ttl": <seconds>}, valid for kindly_stats.token_lifetime.
HTTP statuses: 401 for a key that is missing, unknown, expired or revoked; 403 for a key of another bot; 404 for other paths.';

CREATE FUNCTION kindly_api.exchange() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_exchange';
REVOKE EXECUTE ON FUNCTION kindly_api.exchange() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.exchange() IS
'gives the proxy a token for the API key that came in the place of one

The header x-api-key has the key; the proxy sets it.  The answer is {"bot": ...}, the key''s bot; the headers X-Kindly-Bot and X-Kindly-Key are
those of token(), and X-Kindly-Token has a token for a minute.
HTTP status: 401 for a key that is missing, unknown, expired or revoked.';

-- Not in SQL: a body that was inlined into a cached plan runs without another check of EXECUTE.
CREATE FUNCTION kindly_api.token() RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims json := nullif(current_setting('request.jwt.claims', true), '');
    key text := claims ->> 'key';
    bot text;
BEGIN
    -- A login has several bots, and is counted by its key alone.  A token without a known key counts as one of its bot's.
    IF claims ->> 'login' IS NULL OR claims ->> 'bot' IS NOT NULL OR cardinality(kindly_stats.visible_bots()) = 0 THEN
        bot := kindly_stats.require_bot(NULL)::bigint;
    END IF;
    PERFORM set_config('response.headers', json_build_array(json_build_object('X-Kindly-Bot', coalesce(bot, '')), json_build_object('X-Kindly-Key',
        CASE WHEN key ~ '^[0-9A-Za-z_.-]{1,64}$' THEN key ELSE concat('bot:', bot) END))::text, true);
    RETURN json_build_object('bot', claims -> 'bot');
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.token() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.token() IS
'says which bot the token is for, and so that it is valid

The answer is {"bot": ...}, its id as the token has it, null for a login''s; it costs next to nothing.  The headers X-Kindly-Bot, its number, and X-Kindly-Key, the latter with the prefix of the
key that the token was given for, are for the proxy, which counts requests by them.  HTTP status: 401 without a token.';

CREATE FUNCTION kindly_api.health() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 AS 'MODULE_PATHNAME', 'ks_health';
REVOKE EXECUTE ON FUNCTION kindly_api.health() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.health() IS
'says whether the statistics are right, as far as is known: GET /health, without a token

For load balancers: {"status": "ok"}, or with HTTP status 503 {"status": "error", "errors": <number>}, of the errors that kindly_stats.health() lists, but for what
takes long to find.';

CREATE FUNCTION kindly_stats.routes() RETURNS TABLE (path text, schema text, function text, parameter text, argument text, is_list boolean)
    LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 200 AS 'MODULE_PATHNAME', 'ks_list_routes';
COMMENT ON FUNCTION kindly_stats.routes() IS
'lists the documented URLs that kindly_api.request() answers

path: segments that begin with a colon stand for any; schema, function: what answers; parameter: of the query, argument: what it
becomes; is_list: it may come several times, with or without [].  A path without parameters has one row.  Sage''s paths also accept
the parameters of each other, which are not listed and not read.';

-- PostgREST's own way: typed rows, with its order, limit, offset, filters and formats.  Arguments mean what they mean in kindly_stats;
-- `top` is called `limit` there, a name that PostgREST reserves.  Every argument has a default: without it, PostgREST would look for
-- another function.

CREATE FUNCTION kindly_api.stats_series(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_series(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series, with distinct members

bot: by default the token''s; from, to: dates or timestamps, to exclusive, both rounded outward to whole days (hours for granularity
hour); tz: time zone of the buckets, default the session''s, which the header Prefer: timezone=... sets; granularity: hour, day, week,
month, quarter or year; measure: default messages, whose members are sessions; sources, language_codes: {web,app} to include or,
with a leading minus, to exclude, and a backslash before a value takes it as it is; key: parts of the key that must be equal; locale: calendar and first day of the week, default ISO.
A row for every bucket, zeros included.
Errors: 400 for arguments that are missing or make no sense, 403 for another bot than the token''s.';

CREATE FUNCTION kindly_api.stats_total(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (count bigint, distinct_count bigint)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_total(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure in all, with distinct members

Arguments and errors as those of stats_series; granularity says only to what from and to are rounded outward: hours for hour, else
days.';

CREATE FUNCTION kindly_api.stats_top(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measure text DEFAULT 'buttons', top integer DEFAULT 5, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL)
    RETURNS TABLE (key text[], count bigint, distinct_count bigint, ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 5
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_top(kindly_stats.require_bot(bot), "from", "to", tz, measure, top, sources, language_codes, key);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_top(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, integer, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_top(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, integer, text[], text[], text[]) IS
'most frequent keys of one measure, most frequent first

bot, from, to, tz, sources, language_codes: as those of stats_series; measure: one with key columns, default buttons; top: how many
are counted out at most, default 5 (limit shortens what is answered, as everywhere); key: parts of the key that must be equal.
Ratios are of all events of the measure in the range that pass the filters, listed or not.
Errors: as those of stats_series, and 400 for a top below 1.';

CREATE FUNCTION kindly_api.stats_heatmap(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (day integer, hour integer, count bigint, distinct_count bigint, occurrences bigint, mean double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 10000 ROWS 168
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_heatmap(kindly_stats.require_bot(bot), "from", "to", tz, measure, sources, language_codes, key);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'events of one measure by weekday and hour of the day

Arguments and errors as those of stats_series.  168 rows: day 0 is Sunday, hour is that of the local clock, distinct members are
counted once in each cell.  occurrences: how often that hour of the week was in the range; mean: the count for each of them.';

CREATE FUNCTION kindly_api.languages(bot kindly_stats.bot_id DEFAULT NULL, by text DEFAULT 'tag')
    RETURNS TABLE (language text, language_codes text[])
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 10
BEGIN ATOMIC
    SELECT * FROM kindly_stats.languages(kindly_stats.require_bot(bot), by);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.languages(kindly_stats.bot_id, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.languages(kindly_stats.bot_id, text) IS
'languages of a bot, each with all the codes that its events have for it

bot: by default the token''s; by: tag, which makes en_US and en-US one, or language, which makes no and nb one, and en-US and en-GB.
language_codes is what the argument of that name takes: members are then counted once in a language.
Errors: 400 for another by, 403 for another bot.';

CREATE FUNCTION kindly_api.svg(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL, kind text DEFAULT 'line', title text DEFAULT NULL, width integer DEFAULT 720, height integer DEFAULT 240)
    RETURNS kindly_stats."image/svg+xml"
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
    SELECT kindly_stats.stats_svg(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale, kind, title, width, height);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) IS
'a picture of a time series, or of the hours of the week, as image/svg+xml

kind: line, bar or heatmap; title: by default the measure; width, height: in pixels, from 120 to 4000.  The other arguments are those
of stats_series.
Errors: as those of stats_series, and 400 for another kind or size.';

CREATE FUNCTION kindly_api.stats_options(bot kindly_stats.bot_id DEFAULT NULL)
    RETURNS TABLE (first timestamptz, last timestamptz, sources text[], language_codes text[])
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_options(kindly_stats.require_bot(bot));
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_options(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_options(kindly_stats.bot_id) IS
'first and last event, sources and languages

bot: by default the token''s.  Error: 403 for another bot.';

CREATE FUNCTION kindly_api.fallback_rate(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (count bigint, rate double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.fallback_rate(kindly_stats.require_bot(bot), "from", "to", tz, sources, language_codes);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.fallback_rate(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.fallback_rate(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]) IS
'bot replies that are fallbacks, and what part of all replies they are

Arguments and errors as those of stats_series.  The rate is null without replies.';

CREATE FUNCTION kindly_api.top_buttons(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    top integer DEFAULT 5, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (button_id text, button_type text, dialogue_id text, count bigint, ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 5
BEGIN ATOMIC
    SELECT * FROM kindly_stats.top_buttons(kindly_stats.require_bot(bot), "from", "to", tz, top, sources, language_codes);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.top_buttons(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.top_buttons(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text[], text[]) IS
'buttons that users clicked most

Arguments and errors as those of stats_top.  Ratios are of all clicks in the range that pass the filters, listed or not.';

CREATE FUNCTION kindly_api.share(bot kindly_stats.bot_id DEFAULT NULL, lifetime interval DEFAULT '7 days') RETURNS json
    LANGUAGE C VOLATILE COST 1000 AS 'MODULE_PATHNAME', 'ks_share_link';
REVOKE EXECUTE ON FUNCTION kindly_api.share(kindly_stats.bot_id, interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.share(kindly_stats.bot_id, interval) IS
'makes a token for a link to the page that others may have: POST /api/native/rpc/share

bot: by default the token''s; lifetime: from now on, between a minute and 366 days.  The answer is {"token": ..., "expires": <seconds since 1970>}.  Whoever has the token may call overview() for that bot and
nothing else, until then, and no longer than the key is valid that the caller''s token was exchanged for.
Errors: 400 for a lifetime that makes no sense, 403 for another bot, and without a valid key.';
