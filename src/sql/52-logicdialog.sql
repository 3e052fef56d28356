-- LogicDialog's Analytics API.  Every argument is named and has a default: PostgREST finds a function by names, and what is
-- missing is answered by the function itself.  Answers are {"dateFrom", "dateTo", "client", "resolution", "data"}; dates are
-- instants in UTC, of buckets their start.

CREATE SCHEMA logicdialog;
COMMENT ON SCHEMA logicdialog IS 'chatbot statistics as the LogicDialog Analytics API documents them';

CREATE FUNCTION logicdialog."user"(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_user';
COMMENT ON FUNCTION logicdialog."user"(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'users created and active, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, created: users whose first message of all time lies in the bucket, active: distinct users with a message in it.  Who
never sent a message is in neither; every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.nlp(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_nlp';
COMMENT ON FUNCTION logicdialog.nlp(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'natural language inputs that matched an intent, and that did not, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, matched, unmatched: user messages whose column matched is true, false; those where it is NULL are no natural
language.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.message(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_message';
COMMENT ON FUNCTION logicdialog.message(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'chat messages sent by users, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, messages: user messages; every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.active_channel(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_active_channel';
COMMENT ON FUNCTION logicdialog.active_channel(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'channels used by users, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, channels: those used in the bucket, each with channel (the source, null where unknown), users: distinct users with a
message there, messages; those with most messages in the whole range first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.message_groups(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_message_groups';
COMMENT ON FUNCTION logicdialog.message_groups(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'topics that users asked about, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, topics: those asked about in the bucket, each with topic, messages: user messages about it; those with most messages in
the whole range first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.sentiment(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_sentiment';
COMMENT ON FUNCTION logicdialog.sentiment(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'positive, negative and neutral conversations, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, positive, negative, neutral: distinct sessions with a user message of that sentiment in the bucket; a session counts in
each that it showed.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.events(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_events';
COMMENT ON FUNCTION logicdialog.events(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how often each event was triggered

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: event, count; most frequent first.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.user_detail(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_user_detail';
COMMENT ON FUNCTION logicdialog.user_detail(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'users by channel, country, language and rating

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: channel, country, language: lists of name, users: distinct users with a message, and rating: a list of ratingType, rating,
users: distinct users who gave it; most users first.  Channels and languages are null where unknown; users without a country are not
among the countries.  Events that do not know their user are left out.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.response(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_response';
COMMENT ON FUNCTION logicdialog.response(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'responses shown: views, likes, dislikes, and what triggered them

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: response, views, likes, dislikes, triggers: how many of the views a button and natural language (naturalLanguage) led to;
most views first.  A response that was only liked or disliked in the range is listed, too.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.url_tracking(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_url_tracking';
COMMENT ON FUNCTION logicdialog.url_tracking(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how often links in responses were clicked

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: url, clicks; most frequent first.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.blocks(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_blocks';
COMMENT ON FUNCTION logicdialog.blocks(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'responses shown, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, responses: those shown in the bucket, each with response, views; those with most views in the whole range first.  Every
bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention';
COMMENT ON FUNCTION logicdialog.intervention(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'interventions of live agents, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, interventions: handovers started; every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention_average_time_by_agent_series(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention_average_time_by_agent_series';
COMMENT ON FUNCTION logicdialog.intervention_average_time_by_agent_series(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how long handovers to each agent took, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, agents: those of handovers that ended in the bucket, each with agent (null where unknown), interventions: handovers that
ended and have a duration, averageSeconds (rounded to hundredths), seconds; those with most interventions in the whole range
first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention_detail(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention_detail';
COMMENT ON FUNCTION logicdialog.intervention_detail(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'channel, topic and outcome of interventions

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: channel (the source), topic, outcome, each null where unknown, interventions: handovers started in the range; most frequent
first.  The outcome belongs to the event that started the handover and is written to it by UPDATE when it is known.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention_average_time(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention_average_time';
COMMENT ON FUNCTION logicdialog.intervention_average_time(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how long handovers to agents took, in all

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: interventions: handovers that ended in the range and have a duration, averageSeconds (rounded to hundredths, null without
any), seconds.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.active_user_language(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_active_user_language';
COMMENT ON FUNCTION logicdialog.active_user_language(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'languages of users, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, languages: those used in the bucket, each with language (null where unknown), users: distinct users with a message in
it, messages; those with most messages in the whole range first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';
