-- Kindly's Sage Statistics API.  Every argument is named and has a default: PostgREST finds a function by names, and what is
-- missing is answered by the function itself.

CREATE SCHEMA sage;
COMMENT ON SCHEMA sage IS 'chatbot statistics as the Sage Statistics API documents them';

CREATE FUNCTION sage.meta_options(bot kindly_stats.bot_id DEFAULT NULL) RETURNS json
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_meta_options';
COMMENT ON FUNCTION sage.meta_options(kindly_stats.bot_id) IS
'what the other statistics can be filtered by

bot: whose.  first, last: instants of its first and last event, in UTC, null without events; language_codes, sources: values that
its events have, written as lists take them (with a backslash before one that is empty or begins with a minus or a backslash), in
bytewise order; granularities: hour, day and week, as documented (time series take month, quarter and year, too).
Error: 22004 without bot.';

CREATE FUNCTION sage.sessions_chats(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_sessions_chats';
COMMENT ON FUNCTION sage.sessions_chats(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number of chats in which users engaged with the bot, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: distinct sessions with a user message in the bucket; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.sessions_messages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_sessions_messages';
COMMENT ON FUNCTION sage.sessions_messages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number of messages from users, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: user messages in the bucket; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.fallbacks_series(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_fallbacks_series';
COMMENT ON FUNCTION sage.fallbacks_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number and fraction of bot replies that are fallbacks, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: fallbacks in the bucket; rate: what part of the bot''s replies they are, 0.0 without replies; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.takeovers_series(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_takeovers_series';
COMMENT ON FUNCTION sage.takeovers_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number of handovers, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
requests (while open), requests_while_closed, started and ended handovers in the bucket; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.fallbacks_total(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_fallbacks_total';
COMMENT ON FUNCTION sage.fallbacks_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'number and fraction of bot replies that are fallbacks, in all

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; sources, language_codes: lists such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: fallbacks; rate: what part of the bot''s replies they are, 0.0 without replies.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.takeovers_totals(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_takeovers_totals';
COMMENT ON FUNCTION sage.takeovers_totals(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'number of handovers, in all

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; sources, language_codes: lists such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
requests (while open), requests_while_closed, started and ended handovers.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.feedback_summary(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_feedback_summary';
COMMENT ON FUNCTION sage.feedback_summary(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'ratings given by users

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; sources, language_codes: lists such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
binary (1, 2) and emojis (1, 2, 3): count of each rating, and its ratio of all ratings of its type, 0.0 without any.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.chatbubble_pages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    "limit" integer DEFAULT 3, sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_chatbubble_pages';
COMMENT ON FUNCTION sage.chatbubble_pages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text) IS
'web pages where most interactions with the bot happened

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; limit: how many at most, default 3; sources, language_codes: lists such as web,app or ["web","app"], where a leading
minus excludes; a backslash before a value takes it as it is.
messages: user messages on the page; sessions: distinct sessions they belong to; web_host, web_path: the page; most frequent first.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.buttons_most_clicked(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    "limit" integer DEFAULT 5, sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_buttons_most_clicked';
COMMENT ON FUNCTION sage.buttons_most_clicked(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text) IS
'buttons that users clicked most

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; limit: how many at most, default 5; sources, language_codes: lists such as web,app or ["web","app"], where a leading
minus excludes; a backslash before a value takes it as it is.
button_id, button_type, dialogue_id: the button; count: clicks; ratio: what part of all clicks they are, listed or not; most frequent first.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.chatlabels_added(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    "limit" integer DEFAULT 5, sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_chatlabels_added';
COMMENT ON FUNCTION sage.chatlabels_added(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text) IS
'labels most frequently added to chats

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; limit: how many at most, default 5; sources, language_codes: lists such as web,app or ["web","app"], where a leading
minus excludes; a backslash before a value takes it as it is.
label_id, label_text: the label; count: how often it was added; most frequent first.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';
