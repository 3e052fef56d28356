-- kindly_stats: from version 0.1.0 to 1.0.0
\echo Use "ALTER EXTENSION kindly_stats UPDATE" to load this file. \quit

ALTER SCHEMA chatbot RENAME TO chatbot_com;

CREATE FUNCTION kindly_stats.library_version() RETURNS text
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_library_version';
COMMENT ON FUNCTION kindly_stats.library_version() IS
'version of the library that this session has loaded

That of the objects in this database is pg_extension.extversion; ALTER EXTENSION kindly_stats UPDATE brings them up to it.';
CREATE FUNCTION kindly_stats.require_library() RETURNS void
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_require_library';
REVOKE EXECUTE ON FUNCTION kindly_stats.require_library() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_library() IS 'internal: refuses a library that is older than the objects of this database (55000)';
SELECT kindly_stats.require_library();
CREATE FUNCTION kindly_stats.announce(message text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_announce';
REVOKE EXECUTE ON FUNCTION kindly_stats.announce(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.announce(text) IS 'internal: a notice in the middle of CREATE EXTENSION, for whoever is shown notices';
CREATE OR REPLACE FUNCTION chatbot_com.conversations(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_paid(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_paid';
COMMENT ON FUNCTION chatbot_com.conversations_paid(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'paid conversations in which users wrote to the bot, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: distinct sessions with a user message in the bucket that is marked paid; date: its start; every bucket is there.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_messages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_messages';
COMMENT ON FUNCTION chatbot_com.conversations_messages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: user messages in the bucket; date: its start; every bucket is there.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_avg(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_avg';
COMMENT ON FUNCTION chatbot_com.conversations_avg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users in each conversation on average, as data points with a summary

Arguments and errors as those of chatbot_com.conversations.
value: user messages in the bucket for each distinct session they belong to, two decimals, 0 without sessions; date: its start;
every bucket is there.';
CREATE OR REPLACE FUNCTION chatbot_com.conversations_heatmap(
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
CREATE OR REPLACE FUNCTION chatbot_com.conversations_interactions(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_com_conversations_interactions';
COMMENT ON FUNCTION chatbot_com.conversations_interactions(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'interactions of the bot, most used first

bot, from, to, period, storyId, tz, errors: as those of chatbot_com.conversations.
All interactions that the bot ever had, and those of kindly_stats.interaction, in these stories, if there is a list of them.  parentId,
type, name, id: which one, without those that it does not have, the name being the last one that the id had; usage: percent of the
sum of all values, two decimals; value: how often it was used.  Further error: 42501 without SELECT on kindly_stats.interaction.';
