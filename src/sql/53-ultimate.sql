-- Ultimate's Data Export API, and the metrics that its page suggests.

CREATE SCHEMA ultimate;
COMMENT ON SCHEMA ultimate IS 'conversations and their metrics as the Data Export API documents them';

-- Volatile, for the first export of a day closes it, if the caller has the right to execute kindly_stats.close_day().

CREATE FUNCTION ultimate.export_rows(bot kindly_stats.bot_id DEFAULT NULL, day date DEFAULT NULL) RETURNS SETOF json
    LANGUAGE C VOLATILE COST 1000 ROWS 10000 AS 'MODULE_PATHNAME', 'ks_ultimate_export_rows';
COMMENT ON FUNCTION ultimate.export_rows(kindly_stats.bot_id, date) IS
'the conversations of a bot that ended on a day, a JSON object each, in the order in which they ended

bot: whose; day: a UTC day that is over.  In the SELECT list, as in COPY (SELECT ultimate.export_rows(42, ''2024-10-27'')) TO STDOUT,
rows are streamed.  Properties and types are the documented ones.  The first export of a day that has any closes it: its answer stays the
same from then on, since nobody can change those conversations any more (see kindly_stats.close_day() and reopen_day()).
Errors: those of kindly_stats.close_day() where the day has not been closed, and 42501 where the caller may not execute that;
55000 where conversations that had been exported are gone; 22023, 22P02, 22007 or 22008 where replies or intents that no trigger
has seen cannot be understood.';

CREATE FUNCTION ultimate.export(bot kindly_stats.bot_id DEFAULT NULL, day date DEFAULT NULL) RETURNS json
    LANGUAGE C VOLATILE COST 100000 AS 'MODULE_PATHNAME', 'ks_ultimate_export';
COMMENT ON FUNCTION ultimate.export(kindly_stats.bot_id, date) IS
'the document of all conversations of a bot that ended on a day: a JSON array

Arguments, properties and errors as those of ultimate.export_rows(), which needs no memory for all of it; and 54000 for a document
of more than a gigabyte.  A day without conversations has an empty array.';

CREATE FUNCTION ultimate.metrics(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    attribution text DEFAULT 'end', channels text DEFAULT NULL, languages text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS TABLE (total_conversations bigint, bot_handled_conversations bigint, bot_handled_rate double precision,
                   deflection_rate double precision, escalation_rate double precision, failed_escalation_rate double precision,
                   informed_rate double precision, automation_rate double precision, messages_understood_rate double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_ultimate_metrics';
COMMENT ON FUNCTION ultimate.metrics(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'how many conversations there were, and what part of them was handled, deflected, escalated and so on

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; attribution: end for
conversations that ended then, as exports have them, start for those that began then and have bot messages, as the
dashboard has them; channels, languages: lists such as chat,ticket, where a leading minus excludes and a backslash before a value
takes it as it is; tz: time zone, default UTC.
Rates are parts of 1, NULL without conversations (messages_understood_rate without visitor messages).
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes
no sense, 55000 before the first table is attached.';

-- Restricted, because they read the conversations as their tables' owner, which a parallel worker cannot become.

CREATE FUNCTION ultimate.first_last_intent(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    attribution text DEFAULT 'end', tz text DEFAULT 'UTC')
    RETURNS TABLE (conversation_id text, first_intent text, last_intent text)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10000 AS 'MODULE_PATHNAME', 'ks_ultimate_first_last_intent';
COMMENT ON FUNCTION ultimate.first_last_intent(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text) IS
'the first and the last of the intents that each conversation triggered, as its list has them

Arguments and errors as those of ultimate.metrics().  A line for every conversation, in the order in which they ended (or began),
NULLs without intents.  It reads the conversations, those that the caller may see.';

CREATE FUNCTION ultimate.metrics_by_first_meaningful_intent(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    excluded text DEFAULT NULL, attribution text DEFAULT 'end', tz text DEFAULT 'UTC')
    RETURNS TABLE (first_meaningful_intent text, total_conversations bigint, bot_handled_rate double precision)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_ultimate_metrics_by_first';
COMMENT ON FUNCTION ultimate.metrics_by_first_meaningful_intent(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'conversations, and what part of them the bot handled, by their first meaningful intent

excluded: a list of intents that do not count, such as Greeting,Help, where a backslash before a name takes it as it is; other
arguments and errors as those of ultimate.metrics().
Which intent it is says ultimate.first_meaningful_intent(); conversations without one are left out.  Most conversations first,
then by name.  It reads the conversations, those that the caller may see.';

CREATE FUNCTION ultimate.metrics_by_last_meaningful_intent(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    excluded text DEFAULT NULL, attribution text DEFAULT 'end', tz text DEFAULT 'UTC')
    RETURNS TABLE (last_meaningful_intent text, total_conversations bigint, bot_handled_rate double precision)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_ultimate_metrics_by_last';
COMMENT ON FUNCTION ultimate.metrics_by_last_meaningful_intent(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'conversations, and what part of them the bot handled, by their last meaningful intent

Arguments, order and errors as those of ultimate.metrics_by_first_meaningful_intent().';

-- Immutable: an intent's time without a zone is UTC, whatever the session's settings.

CREATE FUNCTION ultimate.first_meaningful_intent(triggered_intent_replies jsonb DEFAULT NULL, excluded text[] DEFAULT '{}') RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_first_meaningful_intent';
COMMENT ON FUNCTION ultimate.first_meaningful_intent(jsonb, text[]) IS
'the name of the first intent of a conversation that is meaningful

triggered_intent_replies: an array of objects with intent_name, intent_timestamp and not_meaningful, or of their JSON texts; excluded:
names that do not count, where a backslash before one takes it as it is.  Those count whose not_meaningful is false.  The earliest
intent_timestamp (ISO 8601, UTC where it has no zone or ends in UTC, or a number of seconds since 1970) is first, of equal ones the
first in the array; those without a time come last.  NULL where there is none.
Errors: 22023 for a NULL, a leading minus or an empty name in excluded, and for what is no such array; 22P02 for a text that is no
JSON; 22007 for a time that cannot be read, 22008 for a number outside the years 2000 to 2099.';

CREATE FUNCTION ultimate.last_meaningful_intent(triggered_intent_replies jsonb DEFAULT NULL, excluded text[] DEFAULT '{}') RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_last_meaningful_intent';
COMMENT ON FUNCTION ultimate.last_meaningful_intent(jsonb, text[]) IS
'the name of the last intent of a conversation that is meaningful

Arguments and errors as those of ultimate.first_meaningful_intent().  The latest intent_timestamp is last, of equal ones the last
in the array; those without a time are only taken where there is no other.';
