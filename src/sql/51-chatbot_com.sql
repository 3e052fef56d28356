-- ChatBot.com's Reports.  Every argument is named and has a default: PostgREST finds a function by names, and what is missing is
-- answered by the function itself.

CREATE SCHEMA chatbot_com;
COMMENT ON SCHEMA chatbot_com IS 'chatbot statistics as the ChatBot.com Reports API documents them';

CREATE FUNCTION chatbot_com.conversations(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations';
COMMENT ON FUNCTION chatbot_com.conversations(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'conversations in which users wrote to the bot, as data points with a summary

bot: whose; from (default 1974-01-01), to (default now): dates or timestamps, to exclusive, one inside a day (an hour) counts that
day (hour) whole; period, where neither is given: today, yesterday, last7days, last30days, thisMonth, lastMonth, last3Months,
thisYear or lastYear; dimension: auto, year, month, day or hour; group: source or storyId, for data points of each; source, storyId:
lists such as widget,slack or ["widget","slack"], where a leading minus excludes and a backslash before a value takes it as it is; tz: time zone, default UTC.
value: distinct sessions with a user message in the bucket; date: its start; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any other argument that makes no sense.';

CREATE FUNCTION chatbot_com.conversations_paid(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_paid';
COMMENT ON FUNCTION chatbot_com.conversations_paid(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'paid conversations in which users wrote to the bot, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: distinct sessions with a user message in the bucket that is marked paid; date: its start; every bucket is there.';

CREATE FUNCTION chatbot_com.conversations_messages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_messages';
COMMENT ON FUNCTION chatbot_com.conversations_messages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: user messages in the bucket; date: its start; every bucket is there.';

CREATE FUNCTION chatbot_com.conversations_avg(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_avg';
COMMENT ON FUNCTION chatbot_com.conversations_avg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users in each conversation on average, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: user messages in the bucket for each distinct session they belong to, two decimals, 0 without sessions; date: its start;
every bucket is there.';

CREATE FUNCTION chatbot_com.conversations_heatmap(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "offset" integer DEFAULT NULL, source text DEFAULT NULL, "storyId" text DEFAULT NULL,
    tz text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_heatmap';
COMMENT ON FUNCTION chatbot_com.conversations_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text, text) IS
'conversations by weekday and hour of the day

bot, from, to, period, source, storyId, errors: as those of chatbot_com.conversations, but that from and to inside an hour count that
hour whole; offset: minutes that the clock is ahead of UTC, a multiple of 15 from -720 to 720, default 0 (events are counted by
quarter hours); tz: a time zone instead.
Seven arrays of 24 cells, Sunday (day 0) first.  value: distinct sessions with a user message in the cell; usage: percent of the
sum of all cells, two decimals.';

CREATE FUNCTION chatbot_com.conversations_interactions(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_interactions';
COMMENT ON FUNCTION chatbot_com.conversations_interactions(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'interactions of the bot, most used first

bot, from, to, period, storyId, tz, errors: as those of chatbot_com.conversations.
All interactions that the bot ever had, and those of kindly_stats.interaction, in these stories, if there is a list of them.  parentId,
type, name, id: which one, without those that it does not have, the name being the last one that the id had; usage: percent of the
sum of all values, two decimals; value: how often it was used.  Further error: 42501 without SELECT on kindly_stats.interaction.';
