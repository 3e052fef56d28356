-- kindly_stats: from version 0.1.0 to 1.0.0
\echo Use "ALTER EXTENSION kindly_stats UPDATE" to load this file. \quit

ALTER SCHEMA chatbot RENAME TO chatbot_com;
DROP FUNCTION kindly_api.overview(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], kindly_stats.moment, kindly_stats.moment, text[], integer);
DROP FUNCTION kindly_stats.overview_card(text, kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], integer);
DROP FUNCTION kindly_stats.overview_buttons(kindly_stats.bot_id, json, kindly_stats.moment, kindly_stats.moment, text);
DROP FUNCTION kindly_stats.overview_breakdown(text, kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]);
DROP FUNCTION kindly_stats.overview_list(text, kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], integer);
DROP FUNCTION kindly_api.languages(kindly_stats.bot_id, text);
DROP FUNCTION kindly_stats.api_keys(kindly_stats.bot_id);
DROP FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id);
DROP FUNCTION kindly_stats.grant_reading(name);
DROP VIEW bi.heatmap;
DROP VIEW bi.intents;
DROP FOREIGN TABLE kindly_stats.bi_intents;
DROP VIEW bi.monthly;
DROP FOREIGN TABLE kindly_stats.bi_monthly;
DROP VIEW bi.weekly;
DROP FOREIGN TABLE kindly_stats.bi_weekly;
DROP VIEW bi.daily;
DROP FOREIGN TABLE kindly_stats.bi_daily;
DROP VIEW bi.hourly;
DROP FOREIGN TABLE kindly_stats.bi_hourly;
DROP FUNCTION kindly_stats.language_filter(kindly_stats.bot_id, text[], text);
DROP FUNCTION kindly_stats.languages(kindly_stats.bot_id, text);
DROP FUNCTION kindly_stats.language(text, text);
DROP VIEW kindly_stats.covered_relation;
DROP FUNCTION kindly_stats.conversation_type_fits(text, oid);
DROP VIEW kindly_stats.conversation_table;
DROP FUNCTION kindly_stats.rebuild(kindly_stats.bot_id);
DROP FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz);
DROP AGGREGATE kindly_stats.compare(text, kindly_stats.tally, timestamptz, text[], text, bigint);
DROP FUNCTION kindly_stats.compare_counts(internal, text, kindly_stats.tally, timestamptz, text[], text, bigint);
DROP FUNCTION kindly_stats.repair(kindly_stats.bot_id, text);
DROP FUNCTION kindly_stats.count_query(regclass, jsonb, text);
DROP FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz);
DROP FUNCTION kindly_stats.raw_query(regclass, jsonb, text);
DROP FUNCTION kindly_stats.raw_measure(regclass, jsonb, text);
DROP FUNCTION kindly_stats.cover(regclass, jsonb, text);
DROP FUNCTION kindly_stats.relations(regclass);
DROP PROCEDURE kindly_stats.compact(kindly_stats.bot_id);
DROP VIEW kindly_stats.event_table;
DROP AGGREGATE kindly_stats.fold_presence(text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer[], boolean);
DROP FUNCTION kindly_stats.fold_presence_final(internal);
DROP FUNCTION kindly_stats.fold_presence_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer[], boolean);
DROP AGGREGATE kindly_stats.fold_options(text, kindly_stats.tally, text, date, boolean);
DROP FUNCTION kindly_stats.fold_options_final(internal);
DROP FUNCTION kindly_stats.fold_options_step(internal, text, kindly_stats.tally, text, date, boolean);
DROP AGGREGATE kindly_stats.fold_top(text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer, integer, integer, boolean);
DROP FUNCTION kindly_stats.fold_top_final(internal);
DROP FUNCTION kindly_stats.fold_top_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer, integer, integer, boolean);
DROP AGGREGATE kindly_stats.fold_series(text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], boolean);
DROP FUNCTION kindly_stats.fold_series_final(internal);
DROP FUNCTION kindly_stats.fold_series_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], boolean);
DROP FUNCTION kindly_stats.info(kindly_stats.tally);
DROP FUNCTION kindly_stats.part(kindly_stats.tally, text);

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
CREATE FUNCTION kindly_stats.keys_under(tally kindly_stats.tally, name text) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_tally_keys_under';
COMMENT ON FUNCTION kindly_stats.keys_under(kindly_stats.tally, text) IS
'the keys of a tally that begin with name, without that first part

An empty tally where there are none.';
CREATE FUNCTION kindly_stats.months(tally kindly_stats.tally) RETURNS SETOF date
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 12 AS 'MODULE_PATHNAME', 'ks_tally_months';
COMMENT ON FUNCTION kindly_stats.months(kindly_stats.tally) IS
'the UTC months that a tally is about, ascending

Each is given as its first day.  It may have nothing left in some: what was added and taken away again.';
CREATE FUNCTION kindly_stats.entries(tally kindly_stats.tally) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_entries';
COMMENT ON FUNCTION kindly_stats.entries(kindly_stats.tally) IS
'how many weights a tally has: of keys in quarter hours, and of members under keys in quarter hours

Up to 2,048 of them stand in one row of the rollup, whatever the measure, and whatever the month.';
CREATE FUNCTION kindly_stats.info(tally kindly_stats.tally, OUT version integer, OUT bytes bigint, OUT keys bigint,
                                  OUT quarters bigint, OUT members bigint, OUT total bigint, OUT first timestamptz, OUT last timestamptz)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_info';
COMMENT ON FUNCTION kindly_stats.info(kindly_stats.tally) IS
'what a tally holds

version of the stored format; size in bytes; number of keys, of quarter hours with weight and of members; total weight; first
and last instant that was ever added.';
CREATE OR REPLACE FUNCTION kindly_stats.moment(integer) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_integer'
-- always an error: stable, so that it is raised when the query runs and not when it is planned
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;
CREATE FUNCTION kindly_stats.weekdays(locale text DEFAULT NULL, style text DEFAULT 'long')
RETURNS TABLE (place integer, day integer, name text)
AS 'MODULE_PATHNAME', 'ks_weekdays'
-- not immutable: names change with ICU; not strict: a locale left out means ISO weeks
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 7;
COMMENT ON FUNCTION kindly_stats.buckets(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'the local hours, days, weeks, months, quarters or years of a range, with their first instants

from: first moment; goes back to the beginning of its hour (granularity hour) or local day.
to: end, exclusive; inside an hour or day it reaches to that one''s end.
tz: a name of pg_timezone_names, +hh:mm or a Windows time zone name; the session''s TimeZone if left out.
granularity: hour, day, week, month, quarter or year; 1h, 1d, 1w, 1M and 1y are the same.
locale: decides on which day weeks begin and in which calendar months and years are counted, such as nb-NO or fa-IR; ISO if left
out.  bucket and bucket_end are the instants at which the whole unit begins and ends, date is its beginning on the local clock,
is_partial says that from or to lies within a week or longer unit, or that it is not over yet, as of the setting kindly_stats.now or the transaction.  A date that the local clock jumped over has no row.  An hour is
all instants between two changes of the clock with one local date and hour: one that it shows twice has two rows, and where it is
changed within an hour, what it shows before and after are rows of their own.
Errors: 22023 for an unknown zone, granularity or locale, an empty range or too many buckets, 22008 for moments outside the years
1 to 9999.';
COMMENT ON FUNCTION kindly_stats.weekdays(text, text) IS
'names of the weekdays in a locale''s language, in the order of its week

locale: such as nb-NO or fa-IR; left out, names are English and weeks begin with Monday.  style: long or short.  place: 1 to 7; day: as stats_heatmap has it,
0 is Sunday; name: as it stands alone, not within a date.
Errors: 22023 for an unknown locale or style.';
COMMENT ON FUNCTION kindly_stats.bot_text(bigint) IS
'the id that the user has for the bot of a number

The number itself where it stands for an integer, for a text that no table has had yet, or for a bot that the caller does not see.';
CREATE OR REPLACE FUNCTION kindly_stats.type_fits(role text, mapped jsonb, type oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
           WHEN role = 'instant' THEN CASE WHEN mapped -> 'tz' IS NOT NULL THEN b.base = 'timestamp'::regtype
                                           WHEN mapped -> 'unit' IS NOT NULL THEN b.is_integer OR b.base IN ('float8'::regtype, 'numeric'::regtype)
                                           ELSE b.base = 'timestamptz'::regtype END
           WHEN role = 'bot' THEN b.is_integer OR b.is_text OR b.base = 'uuid'::regtype
           WHEN mapped -> 'path' IS NOT NULL THEN b.is_text OR b.base IN ('json'::regtype, 'jsonb'::regtype)
           WHEN role = 'needed' AND mapped -> 'values' IS NULL THEN true
           WHEN role = 'weight' AND mapped -> 'values' IS NULL THEN b.is_integer OR b.base = 'numeric'::regtype
           WHEN role = 'condition' AND mapped -> 'values' IS NULL THEN b.is_integer OR b.is_text OR b.base IN ('bool'::regtype, 'numeric'::regtype)
           WHEN role = 'integer' THEN b.is_integer
           WHEN role = 'boolean' THEN b.base = 'bool'::regtype
           WHEN role = 'json' THEN b.base IN ('json'::regtype, 'jsonb'::regtype)
           WHEN role = 'texts' THEN b.base IN ('text[]'::regtype, 'varchar[]'::regtype)
           WHEN role = 'list' THEN b.base IN ('json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'varchar'::regtype,
                                              'json[]'::regtype, 'jsonb[]'::regtype, 'text[]'::regtype, 'varchar[]'::regtype)
           ELSE b.is_integer OR b.is_text OR b.base IN ('name'::regtype, 'uuid'::regtype, 'bool'::regtype, 'numeric'::regtype) OR b.is_enum
           END
      FROM (SELECT t.oid AS base, t.typtype = 'e' AS is_enum, t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AS is_integer,
                   t.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) AS is_text
              FROM pg_type AS t WHERE t.oid = kindly_stats.base_type(type)) AS b
$$;
CREATE OR REPLACE FUNCTION kindly_stats.fitting_types(role text, mapped jsonb, type oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
           WHEN role = 'instant' AND mapped -> 'tz' IS NOT NULL THEN 'Its type must be timestamp without time zone. One with time zone needs no tz: to change the type, detach the table first.'
           WHEN role = 'instant' AND mapped -> 'unit' IS NOT NULL THEN 'Its type must be double precision, numeric, smallint, integer or bigint.'
           WHEN role = 'instant' THEN 'Its type must be timestamp with time zone' || CASE
               WHEN kindly_stats.base_type(type) = 'timestamp'::regtype THEN '; say of which zone it is, such as tz => ''Europe/Oslo''.'
               WHEN kindly_stats.type_fits(role, '{"unit": "seconds"}', type) THEN '; of a number say what it counts since 1970: unit => ''seconds'' or ''milliseconds''.'
               ELSE ', timestamp with tz => ''Europe/Oslo'', or a number with unit => ''seconds''.' END
           WHEN role = 'bot' THEN 'Its type must be smallint, integer, bigint, text, character varying or uuid.'
           WHEN mapped -> 'path' IS NOT NULL THEN 'Its type must be jsonb, json or text.'
           WHEN role = 'weight' AND mapped -> 'values' IS NULL THEN 'Its type must be smallint, integer, bigint or numeric.'
           WHEN role = 'integer' THEN 'Its type must be smallint, integer or bigint.'
           WHEN role = 'boolean' THEN 'Its type must be boolean.'
           WHEN role = 'json' THEN 'Its type must be jsonb or json.'
           WHEN role = 'texts' THEN 'Its type must be text[] or character varying[].'
           WHEN role = 'list' THEN 'Its type must be jsonb, json, text, character varying, or an array of one of these.'
           WHEN role = 'condition' AND mapped -> 'values' IS NULL THEN 'Its type must be boolean, smallint, integer, bigint, numeric or text.'
           ELSE 'Its type must be text, character varying, uuid, an integer, numeric, boolean or an enum' || CASE
               WHEN kindly_stats.base_type(type) IN ('json'::regtype, 'jsonb'::regtype) THEN '; of a document name a field, such as "my_column->>my_field".'
               ELSE '.' END
           END
$$;
CREATE FUNCTION kindly_stats.built_in_measures()
    RETURNS TABLE (version text, name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 40 SET search_path = pg_catalog, pg_temp AS $$
    VALUES
        ('1.0', 'events', NULL::text[], '{}'::text[], NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'messages', '{user_message}', '{}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'users', '{user_message}', '{}', 'user_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'replies', '{bot_reply}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'fallbacks', '{bot_reply}', '{}', NULL, NULL, 'is_fallback', NULL, 'event'),
        ('1.0', 'pages', '{user_message}', '{web_host,web_path}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'buttons', '{button_click}', '{button_id,button_type,dialogue_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'labels', '{label_added}', '{label_text,label_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'feedback', '{feedback}', '{rating_type,rating}', 'user_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'handover_requests', '{handover_request}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handover_requests_closed', '{handover_request_closed}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handovers_started', '{handover_started}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handovers_ended', '{handover_ended}', '{}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'stories', '{user_message}', '{story_id}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'paid_messages', '{user_message}', '{}', 'session_id', NULL, 'paid', NULL, 'event'),
        ('1.0', 'paid_stories', '{user_message}', '{story_id}', 'session_id', NULL, 'paid', NULL, 'event'),
        ('1.0', 'interactions', '{interaction}', '{interaction_type,interaction_name,interaction_id,interaction_parent_id,story_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'inputs', '{user_message}', '{matched}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'topics', '{user_message}', '{topic}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'sentiments', '{user_message}', '{sentiment}', 'session_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'countries', '{user_message}', '{country}', 'user_id', NULL, NULL, NULL, 'event'),
        ('1.0', 'triggered_events', '{event_triggered}', '{event_name}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'links', '{link_click}', '{url}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'responses', '{bot_reply}', '{response_id,response_trigger}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'response_likes', '{response_liked}', '{response_id}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'response_dislikes', '{response_disliked}', '{response_id}', NULL, NULL, NULL, NULL, 'event'),
        -- the kind is never NULL: handovers without topic, outcome or agent count, too
        ('1.0', 'interventions', '{handover_started}', '{kind,topic,outcome}', NULL, NULL, NULL, NULL, 'event'),
        ('1.0', 'handover_seconds', '{handover_ended}', '{kind,agent_id}', NULL, 'duration', NULL, NULL, 'event'),
        ('1.0', 'timed_handovers', '{handover_ended}', '{kind,agent_id}', NULL, NULL, NULL, 'duration', 'event'),
        ('1.0', 'conversations_ended', NULL, '{}', NULL, NULL, NULL, NULL, 'conversation_end'),
        ('1.0', 'outcomes_ended', NULL, '{conversation_status,last_resolution}', NULL, NULL, NULL, NULL, 'conversation_end'),
        ('1.0', 'visitor_messages_ended', NULL, '{}', NULL, 'visitor_messages_count', NULL, NULL, 'conversation_end'),
        ('1.0', 'not_understood_ended', NULL, '{}', NULL, 'not_understood_messages_count', NULL, NULL, 'conversation_end'),
        ('1.0', 'conversations_started', NULL, '{}', NULL, NULL, 'bot_messages_count', NULL, 'conversation_start'),
        ('1.0', 'outcomes_started', NULL, '{conversation_status,last_resolution}', NULL, NULL, 'bot_messages_count', NULL, 'conversation_start'),
        ('1.0', 'visitor_messages_started', NULL, '{}', NULL, 'visitor_messages_count', 'bot_messages_count', NULL, 'conversation_start'),
        ('1.0', 'not_understood_started', NULL, '{}', NULL, 'not_understood_messages_count', 'bot_messages_count', NULL, 'conversation_start')
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.built_in_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.built_in_measures() IS
'internal: measures that come with the extension, with every definition that they ever had

version: the version that brought the definition; all else as in kindly_stats.measure.';
CREATE FUNCTION kindly_stats.newest_measures()
    RETURNS TABLE (version text, name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text)
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 40 SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT ON (b.name COLLATE "C") b.* FROM kindly_stats.built_in_measures() AS b ORDER BY b.name COLLATE "C", string_to_array(b.version, '.')::integer[] DESC
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.newest_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.newest_measures() IS 'internal: built-in measures as the newest version defines them';
CREATE FUNCTION kindly_stats.outdated_measures() RETURNS TABLE (name text, action text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT b.name, CASE WHEN m.name IS NULL THEN 'add'
                        WHEN EXISTS (SELECT FROM kindly_stats.built_in_measures() AS o
                                      WHERE o.name = m.name AND o.version = m.built_in
                                        AND (o.kinds, o.keys, o.member, o.weight, o.condition, o.needed, o.grain)
                                            IS NOT DISTINCT FROM (m.kinds, m.keys, m.member, m.weight, m.condition, m.needed, m.grain)) THEN 'update'
                        ELSE 'leave' END
      FROM kindly_stats.newest_measures() AS b LEFT JOIN kindly_stats.measure AS m ON m.name = b.name COLLATE "C"
     WHERE CASE WHEN m.name IS NOT NULL THEN string_to_array(m.built_in, '.')::integer[] < string_to_array(b.version, '.')::integer[]
                ELSE (SELECT min(string_to_array(o.version, '.')::integer[]) FROM kindly_stats.built_in_measures() AS o WHERE o.name = b.name)
                     > (SELECT max(string_to_array(k.built_in, '.')::integer[]) FROM kindly_stats.measure AS k) END
     ORDER BY b.name COLLATE "C";
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.outdated_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.outdated_measures() IS
'internal: built-in measures that are not as this version defines them

action: add, update, or leave for what was changed by hand.';
CREATE TYPE kindly_stats.tally_query AS (measure text, edges timestamptz[], buckets integer[], "distinct" boolean, filter text[]);
COMMENT ON TYPE kindly_stats.tally_query IS 'internal: what is asked of the tallies of one measure';
CREATE FUNCTION kindly_stats.series_agg_step(internal, measure text, tally kindly_stats.tally, query kindly_stats.tally_query, first_seen boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_series_agg_step';
CREATE FUNCTION kindly_stats.series_agg_final(internal)
    RETURNS bigint[] LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_series_agg_final';
CREATE AGGREGATE kindly_stats.series_agg(measure text, tally kindly_stats.tally, query kindly_stats.tally_query, first_seen boolean) (
    SFUNC = kindly_stats.series_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.series_agg_final, PARALLEL = SAFE
);
CREATE TYPE kindly_stats.top_lines AS (skip integer, take integer, "limit" integer, apart boolean, with_series boolean);
COMMENT ON TYPE kindly_stats.top_lines IS 'internal: what lines a list has';
CREATE FUNCTION kindly_stats.top_agg_step(internal, measure text, tally kindly_stats.tally, query kindly_stats.tally_query, lines kindly_stats.top_lines)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_top_agg_step';
CREATE FUNCTION kindly_stats.top_agg_final(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_top_agg_final';
CREATE AGGREGATE kindly_stats.top_agg(measure text, tally kindly_stats.tally, query kindly_stats.tally_query, lines kindly_stats.top_lines) (
    SFUNC = kindly_stats.top_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.top_agg_final, PARALLEL = SAFE
);
CREATE FUNCTION kindly_stats.options_agg_step(internal, measure text, tally kindly_stats.tally, wanted text, month date, kept boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_options_agg_step';
CREATE FUNCTION kindly_stats.options_agg_final(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_options_agg_final';
CREATE AGGREGATE kindly_stats.options_agg(measure text, tally kindly_stats.tally, wanted text, month date, kept boolean) (
    SFUNC = kindly_stats.options_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.options_agg_final, PARALLEL = SAFE
);
CREATE FUNCTION kindly_stats.presence_agg_step(internal, measure text, tally kindly_stats.tally, query kindly_stats.tally_query, windows integer[], cohorts boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_presence_agg_step';
CREATE FUNCTION kindly_stats.presence_agg_final(internal)
    RETURNS bigint[] LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_presence_agg_final';
CREATE AGGREGATE kindly_stats.presence_agg(measure text, tally kindly_stats.tally, query kindly_stats.tally_query, windows integer[], cohorts boolean) (
    SFUNC = kindly_stats.presence_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.presence_agg_final, PARALLEL = SAFE
);
REVOKE EXECUTE ON FUNCTION kindly_stats.series_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, boolean),
    kindly_stats.series_agg_final(internal),
    kindly_stats.top_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, kindly_stats.top_lines),
    kindly_stats.top_agg_final(internal),
    kindly_stats.presence_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, integer[], boolean),
    kindly_stats.presence_agg_final(internal),
    kindly_stats.options_agg_step(internal, text, kindly_stats.tally, text, date, boolean),
    kindly_stats.options_agg_final(internal) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.series_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, boolean) IS 'internal: transition function of series_agg';
COMMENT ON FUNCTION kindly_stats.series_agg_final(internal) IS 'internal: final function of series_agg';
COMMENT ON AGGREGATE kindly_stats.series_agg(text, kindly_stats.tally, kindly_stats.tally_query, boolean) IS 'internal: series of one measure from rows of the rollup; first_seen: only members new to it';
COMMENT ON FUNCTION kindly_stats.top_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, kindly_stats.top_lines) IS 'internal: transition function of top_agg';
COMMENT ON FUNCTION kindly_stats.top_agg_final(internal) IS 'internal: final function of top_agg';
COMMENT ON AGGREGATE kindly_stats.top_agg(text, kindly_stats.tally, kindly_stats.tally_query, kindly_stats.top_lines) IS 'internal: top list of one measure from rows of the rollup';
COMMENT ON FUNCTION kindly_stats.presence_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, integer[], boolean) IS 'internal: transition function of presence_agg';
COMMENT ON FUNCTION kindly_stats.presence_agg_final(internal) IS 'internal: final function of presence_agg';
COMMENT ON AGGREGATE kindly_stats.presence_agg(text, kindly_stats.tally, kindly_stats.tally_query, integer[], boolean) IS 'internal: in which buckets members of one measure were, from rows of the rollup';
COMMENT ON FUNCTION kindly_stats.options_agg_step(internal, text, kindly_stats.tally, text, date, boolean) IS 'internal: transition function of options_agg';
COMMENT ON FUNCTION kindly_stats.options_agg_final(internal) IS 'internal: final function of options_agg';
COMMENT ON AGGREGATE kindly_stats.options_agg(text, kindly_stats.tally, text, date, boolean) IS 'internal: first and last event, sources and languages from rows of the rollup';
COMMENT ON FUNCTION kindly_stats.cluster() IS 'internal: a number of this cluster, its timeline and the rollup''s file, of which marks speak';
CREATE FUNCTION kindly_stats.merged_id(spans boolean) RETURNS bigint LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ks_merged_id';
REVOKE EXECUTE ON FUNCTION kindly_stats.merged_id(boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.merged_id(boolean) IS 'internal: a new id for a row of the rollup that is merged, or that spans months';
CREATE FUNCTION kindly_stats.place() RETURNS text LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_place_sql';
COMMENT ON FUNCTION kindly_stats.place() IS 'internal: coordinator or worker where the rollup is distributed, else here';
CREATE FUNCTION kindly_stats.is_shard(relation oid) RETURNS boolean LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_is_shard_sql';
COMMENT ON FUNCTION kindly_stats.is_shard(oid) IS 'internal: whether a relation is a shard of a distributed table';
CREATE FUNCTION kindly_stats.can_ask_nodes() RETURNS boolean LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'ks_can_ask_nodes_sql';
REVOKE EXECUTE ON FUNCTION kindly_stats.can_ask_nodes() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.can_ask_nodes() IS 'internal: whether other sessions may do the work of this transaction';
CREATE OR REPLACE FUNCTION kindly_stats.mapping(argument text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    -- most mappings have names alone, which is quicker to see
    SELECT CASE WHEN argument ~ $names$^\{("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*": ("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"|null)(, "([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*": ("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"|null))*)?\}\Z$names$ THEN argument::jsonb
                -- from the inside out: a text T; an object V of texts and nulls; a rule R
                WHEN argument ~ replace(replace(replace(
                    $mapping$^\{T: (?:T|null|R)(?:, T: (?:T|null|R))*\}\Z$mapping$,
                    'R', $rule$\{T: (?:T|\[T(?:, T)*\]|V)(?:, T: (?:T|\[T(?:, T)*\]|V))*\}$rule$),
                    'V', $values$\{T: (?:T|null)(?:, T: (?:T|null))*\}$values$),
                    'T', $text$"(?:[^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(?:0[1-9a-f]|1[0-9a-f]))*"$text$) THEN argument::jsonb END
$$;
CREATE FUNCTION kindly_stats.event_tables() RETURNS TABLE (event_table regclass, columns jsonb, grain text, known_as text)
    LANGUAGE sql STABLE COST 100 ROWS 10
BEGIN ATOMIC
    SELECT t.tgrelid::regclass AS event_table, kindly_stats.mapping(a.arguments[3]) AS columns, a.arguments[2] AS grain, a.arguments[1] AS known_as
      FROM pg_catalog.pg_trigger AS t, LATERAL (SELECT kindly_stats.trigger_arguments(t.tgargs) AS arguments) AS a
     WHERE t.tgfoid = 'kindly_stats.count_events()'::regprocedure AND t.tgtype = 4
       AND (t.tgnargs = 3
            -- DETACH PARTITION CONCURRENTLY has begun: queries on the parent do not see the partition any more
            OR t.tgnargs = 4 AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = t.tgrelid AND i.inhdetachpending))
       AND a.arguments[2] IN ('event', 'conversation_start', 'conversation_end') AND kindly_stats.mapping(a.arguments[3]) IS NOT NULL
       AND NOT kindly_stats.is_shard(t.tgrelid);
END;
COMMENT ON FUNCTION kindly_stats.event_tables() IS 'internal: what view kindly_stats.event_table shows';
CREATE VIEW kindly_stats.event_table AS SELECT t.event_table, t.columns, t.grain, t.known_as FROM kindly_stats.event_tables() AS t;
COMMENT ON VIEW kindly_stats.event_table IS
'attached tables, how they name the columns that measures read, and which measures count them

grain: event; a table of conversations has two lines, conversation_start and conversation_end.  known_as: the name that it had when it
was attached.';
CREATE PROCEDURE kindly_stats.compact(bot kindly_stats.bot_id DEFAULT NULL, local boolean DEFAULT false) LANGUAGE C AS 'MODULE_PATHNAME', 'ks_compact_all';
REVOKE EXECUTE ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) IS
'merges the many small rows of each bot, measure and month into few

bot: one bot only; NULL for all; local: of bots whose rows are on this node only, where they are distributed: without it each node is told to compact its own,
at the same time.  Each month is a transaction of its own, unless the caller has one open.  Nobody waits for it:
rows that others hold are left for the next time.  It changes no answer, only how fast it comes.  Works as the rollup''s owner.';
CREATE FUNCTION kindly_stats.lock_repair_of_nodes() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_repair_of_nodes';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_repair_of_nodes() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_repair_of_nodes() IS 'internal: the same, but each node can still count what it has';
CREATE FUNCTION kindly_stats.lock_repair_here() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_repair_here';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_repair_here() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_repair_here() IS 'internal: nobody else counts or compacts what is on this node until the end of the transaction';
CREATE OR REPLACE FUNCTION kindly_stats.create_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_new boolean := false;
BEGIN
    IF kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    -- another session may be doing the same, and finish first
    PERFORM kindly_stats.lock_creation();
    IF kindly_stats.has_rollup() THEN
        RETURN;
    ELSIF to_regclass('kindly_stats.rollup') IS NULL THEN
        CREATE TABLE kindly_stats.rollup (
            bot_id bigint NOT NULL,
            measure text COLLATE "C" NOT NULL,
            month date NOT NULL,
            -- ids of new rows ascend with their transactions, see src/rollup/row_id.c; those below zero lie in the other index
            id bigint NOT NULL DEFAULT -1 - floor(random() * 4611686018427387904)::bigint,
            kept boolean NOT NULL DEFAULT false,
            cluster bigint,
            tally kindly_stats.tally NOT NULL,
            PRIMARY KEY (bot_id, id)
        );
        CREATE INDEX rollup_merged ON kindly_stats.rollup (bot_id, measure, month) WHERE id < 0;
        is_new := true;
        COMMENT ON TABLE kindly_stats.rollup IS
'all statistics: packed counts by bot, measure and UTC month, whose rows add up

bot_id: the number of the bot; measure: which one, or '''' for a row that holds several; month: its first day, in UTC, or -infinity for
a row that spans the months of a bot that has little; id: below 0 for merged rows, from 2305843009213693952 on for those that span months; kept: true for events that are in no table any more; cluster: set in empty rows, which say up to where new rows have
been merged; tally: the counts.';
    ELSE
        PERFORM kindly_stats.restore_kept();
    END IF;
    IF to_regclass('kindly_stats.measure') IS NULL THEN
        CREATE TABLE kindly_stats.measure (
            name text COLLATE "C" PRIMARY KEY CHECK (name <> '' AND octet_length(name) <= 2000),
            kinds text[] CHECK (array_position(kinds, NULL) IS NULL),
            keys text[] NOT NULL DEFAULT '{}' CHECK (array_position(keys, NULL) IS NULL AND cardinality(keys) <= 60),
            member text,
            weight text,
            condition text,
            needed text,
            grain text NOT NULL DEFAULT 'event' CHECK (grain IN ('event', 'conversation_start', 'conversation_end')),
            counted boolean NOT NULL DEFAULT true,
            built_in text,
            CHECK (member IS NULL OR weight IS NULL)
        );
        COMMENT ON TABLE kindly_stats.measure IS
'what is counted: a row for each measure

name: how questions name it; kinds: kinds of events that count, NULL for all; keys: columns to filter and group by, besides source and
language_code; member: column whose distinct values are counted; weight: column that is added up, NULL to count 1 for each event;
condition: column that must be true (a boolean, a number above 0, or a text that says true); needed: column that must not be NULL;
grain: event, or conversation_start or conversation_end for measures that count conversations; counted: false while older events are
still being counted; built_in: the version of the extension that brought it, NULL for those that were added.
kindly_stats.add_measure() adds a row and counts it.';
        INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, built_in)
        SELECT b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version FROM kindly_stats.newest_measures() AS b;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = 'kindly_stats.measure'::regclass AND t.tgname = 'kindly_stats_changed') THEN
        CREATE TRIGGER kindly_stats_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kindly_stats.measure
            FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.measure_changed();
    END IF;
    IF to_regclass('kindly_stats.detached') IS NULL THEN
        CREATE TABLE kindly_stats.detached (
            event_table regclass,
            grain text,
            columns jsonb NOT NULL,
            PRIMARY KEY (event_table, grain)
        );
        COMMENT ON TABLE kindly_stats.detached IS
'tables that were detached while their events stayed counted

event_table: which; grain: of which measures; columns: how it named the columns that they read.
Such a table cannot be attached before kindly_stats.forget_kept(), or its events would be counted twice.';
    END IF;
    IF to_regclass('kindly_stats.known_bot') IS NULL THEN
        -- no key on bots: two writers of a new bot do not wait for each other, and both add a line
        CREATE TABLE kindly_stats.known_bot (
            bot_id bigint NOT NULL,
            id text COLLATE "C" NOT NULL,
            line uuid NOT NULL DEFAULT gen_random_uuid(),
            PRIMARY KEY (bot_id, line)
        );
        COMMENT ON TABLE kindly_stats.known_bot IS
'ids of bots that are texts, and the numbers that stand for them

bot_id: the number; id: the text, as event and conversation tables have it; line: tells lines apart, for an id may have several.
Rows are added as events are written.';
    END IF;
    IF to_regclass('kindly_stats.bot_name') IS NULL THEN
        CREATE TABLE kindly_stats.bot_name (
            id text COLLATE "C" PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> '')
        );
        COMMENT ON TABLE kindly_stats.bot_name IS
'names of bots, for the systems that ask by name or show it

id: the id that the user has for the bot; name: its name, which no other bot has; bot_id: the number of the bot, made of the id.
A bot needs no name to be counted.';
    END IF;
    -- it is dropped with the extension, whose function it calls
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'kindly_stats.bot_name'::regclass AND a.attname = 'bot_id' AND NOT a.attisdropped) THEN
        ALTER TABLE kindly_stats.bot_name ADD COLUMN bot_id bigint UNIQUE GENERATED ALWAYS AS (kindly_stats.bot_id(id)::bigint) STORED;
    END IF;
    IF to_regclass('kindly_stats.bot') IS NULL THEN
        CREATE VIEW kindly_stats.bot AS SELECT b.id, b.number, b.name FROM kindly_stats.bots() AS b;
        COMMENT ON VIEW kindly_stats.bot IS
'bots that have statistics or a name, and that the caller sees

id: the id that the user has for the bot; number: what stands for it in kindly_stats.rollup; name: as in kindly_stats.bot_name.
Whoever has SELECT on this view may ask for statistics, of his bots where there is row-level security, and needs no right on the tables.';
    END IF;
    IF to_regclass('kindly_stats.interaction') IS NULL THEN
        CREATE TABLE kindly_stats.interaction (
            bot_id bigint NOT NULL,
            interaction_type text,
            interaction_name text,
            interaction_id text,
            interaction_parent_id text,
            story_id text,
            noted_at timestamptz NOT NULL DEFAULT now(),
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            PRIMARY KEY (bot_id, id),
            CHECK (num_nonnulls(interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id) > 0)
        );
        COMMENT ON TABLE kindly_stats.interaction IS
'interactions that are listed although there may be no event of them

bot_id: the number of the bot; noted_at: when it was put there; id: tells rows apart, for one interaction may have several.
Rows are put there by hand, or by a statement that took the events of an interaction away.';
    END IF;
    IF to_regclass('kindly_stats.counting') IS NULL THEN
        CREATE TABLE kindly_stats.counting (
            event_table regclass PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE kindly_stats.counting IS
'event tables that have triggers, but whose older events are not counted yet

event_table: which; since: when counting began.';
    END IF;
    IF to_regclass('kindly_stats.verified') IS NULL THEN
        CREATE TABLE kindly_stats.verified (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            verified_at timestamptz NOT NULL DEFAULT now(),
            differences bigint NOT NULL
        );
        COMMENT ON TABLE kindly_stats.verified IS
'when kindly_stats.verify_all() ran last, and what it found

is_only: always true, for there is one row; verified_at: when; differences: how many rows kindly_stats.verify() had.';
    END IF;
    -- tables that were restored without this schema have their triggers, but their rows are not counted
    IF is_new THEN
        INSERT INTO kindly_stats.counting (event_table) SELECT DISTINCT t.event_table FROM kindly_stats.event_tables() AS t ON CONFLICT DO NOTHING;
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.rows_here(relation text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result text;
BEGIN
    IF kindly_stats.place() = 'here' THEN
        RETURN relation;
    END IF;
    EXECUTE $query$SELECT CASE count(*) WHEN 1 THEN min(shard_name(s.logicalrelid, s.shardid))
                               ELSE format('(%s)', string_agg('SELECT * FROM ' || shard_name(s.logicalrelid, s.shardid), ' UNION ALL ')) END
                     FROM pg_dist_shard AS s JOIN pg_dist_placement AS p ON p.shardid = s.shardid JOIN pg_dist_local_group AS l ON l.groupid = p.groupid
                    WHERE s.logicalrelid = $1::regclass AND p.shardstate = 1$query$ INTO result USING relation;
    RETURN coalesce(nullif(result, '()'), format('(SELECT * FROM %s WHERE false)', relation));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rows_here(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rows_here(text) IS 'internal: what to select from to get those rows of a table that are on this node';
CREATE OR REPLACE FUNCTION kindly_stats.logical_columns(grain text) RETURNS TABLE (logical text, role text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- within ALTER TABLE, too
    RETURN QUERY EXECUTE format($query$
    WITH counted AS (SELECT * FROM %s AS m WHERE m.grain = $1)
    SELECT 'bot_id', 'bot' UNION SELECT 'occurred_at', 'instant' UNION SELECT 'kind', 'kind' WHERE $1 = 'event'
    UNION SELECT 'source', 'text' UNION SELECT 'language_code', 'text'
    UNION SELECT k, 'text' FROM counted AS m, unnest(m.keys) AS k WHERE k NOT IN ('bot_id', 'occurred_at', 'kind')
    UNION SELECT m.member, 'text' FROM counted AS m WHERE m.member IS NOT NULL
    UNION SELECT m.weight, 'weight' FROM counted AS m WHERE m.weight IS NOT NULL
    UNION SELECT m.condition, 'condition' FROM counted AS m WHERE m.condition IS NOT NULL
    UNION SELECT m.needed, 'needed' FROM counted AS m WHERE m.needed IS NOT NULL
    $query$, kindly_stats.rows_here('kindly_stats.measure')) USING grain;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.check_columns(event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns must be a JSON object'
            USING ERRCODE = '22023', HINT = 'Map documented names to your own, such as {"session_id": "conversation", "source": null}.';
    END IF;
    FOR c IN SELECT k.key, jsonb_typeof(k.value) AS type, l.logical
               FROM jsonb_each(columns) AS k LEFT JOIN kindly_stats.logical_columns(grain) AS l ON l.logical = k.key
    LOOP
        IF c.logical IS NULL THEN
            RAISE EXCEPTION 'no measure reads a column "%"', c.key
                USING ERRCODE = '22023', HINT = format('Columns that can be mapped are: %s.',
                    (SELECT string_agg(DISTINCT l.logical, ', ' ORDER BY l.logical) FROM kindly_stats.logical_columns(grain) AS l));
        ELSIF c.type NOT IN ('string', 'null') AND NOT (c.type = 'object' AND grain = 'event') THEN
            RAISE EXCEPTION 'column "%" must be mapped to a name or to null', c.key USING ERRCODE = '22023',
                HINT = 'Map documented names to your own, such as {"session_id": "conversation", "source": null}.';
        END IF;
    END LOOP;
    FOR c IN SELECT l.logical, l.role, m.physical, m.mapped, columns -> l.logical AS rule, a.atttypid, a.attgenerated, r.relkind
               FROM kindly_stats.logical_columns(grain) AS l
              CROSS JOIN LATERAL (SELECT columns ? l.logical AS mapped,
                    CASE WHEN columns ? l.logical THEN kindly_stats.mapped_column(columns -> l.logical) ELSE l.logical END AS physical) AS m
               LEFT JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attname = m.physical AND a.attnum > 0 AND NOT a.attisdropped
               LEFT JOIN pg_class AS r ON r.oid = a.attrelid
              WHERE columns -> l.logical -> 'constant' IS NULL
              ORDER BY l.logical
    LOOP
        IF c.atttypid IS NULL THEN
            IF c.role IN ('bot', 'instant', 'kind') OR c.physical IS NOT NULL AND c.mapped THEN
                RAISE EXCEPTION 'table "%" has no column "%"', event_table, coalesce(c.physical, c.logical)
                    USING ERRCODE = '42703', HINT = CASE WHEN c.role IN ('bot', 'instant', 'kind')
                        THEN 'bot_id, occurred_at and kind are needed; name yours in the argument columns, such as {"occurred_at": "created_at"}.'
                        ELSE format('Name yours in the argument columns, such as {"%s": "my_name"}, or null where there is none.', c.logical) END;
            END IF;
        ELSIF NOT kindly_stats.type_fits(c.role, c.rule, c.atttypid) THEN
            RAISE EXCEPTION 'column "%" of type % cannot be read as "%"', c.physical, format_type(c.atttypid, NULL), c.logical
                USING ERRCODE = '42804', HINT = kindly_stats.fitting_types(c.role, c.rule, c.atttypid);
        -- virtual columns are never computed for triggers, and those of partitions only if their columns are laid out as the parent's are
        ELSIF c.attgenerated = 'v' OR c.relkind = 'p' AND EXISTS (
                SELECT FROM kindly_stats.partition_tree(event_table) AS p JOIN pg_attribute AS a ON a.attrelid = p AND a.attname = c.physical WHERE a.attgenerated <> '') THEN
            RAISE EXCEPTION 'generated column "%" of %table "%" cannot be read as "%"', c.physical,
                    CASE WHEN c.relkind = 'p' THEN 'partitioned ' ELSE '' END, event_table, c.logical
                USING ERRCODE = '0A000', HINT = format('PostgreSQL does not hand its values to triggers. Make it an ordinary column that a BEFORE trigger fills%s, or do not read it: {"%s": null}.',
                    CASE WHEN c.relkind = 'p' THEN '' ELSE ', or a stored one' END, c.logical);
        END IF;
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.create_triggers(relation regclass, event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    call text := format('FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.count_events(%L, %L, %L%s)', event_table::text, grain, columns::text,
                        CASE WHEN relation <> event_table THEN ', ''partition''' END);
    renamed name;
BEGIN
    -- its owner may have renamed a trigger, but two would count twice
    FOR renamed IN SELECT t.tgname FROM pg_trigger AS t
                    WHERE t.tgrelid = relation AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
                      AND (kindly_stats.trigger_arguments(t.tgargs))[2] = grain
                      AND t.tgname <> ALL (ARRAY(SELECT kindly_stats.trigger_name(grain, e) FROM unnest(ARRAY['insert', 'update', 'delete']) AS e))
    LOOP
        PERFORM kindly_stats.drop_trigger(relation, renamed);
    END LOOP;
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS kindly_stats_new %s',
                   kindly_stats.trigger_name(grain, 'insert'), relation, call);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER UPDATE ON %s REFERENCING OLD TABLE AS kindly_stats_old NEW TABLE AS kindly_stats_new %s',
                   kindly_stats.trigger_name(grain, 'update'), relation, call);
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER DELETE ON %s REFERENCING OLD TABLE AS kindly_stats_old %s',
                   kindly_stats.trigger_name(grain, 'delete'), relation, call);
    EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_truncate BEFORE TRUNCATE ON %s'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.refuse_truncate()', relation);
    PERFORM kindly_stats.refuse_merge(relation);
    IF kindly_stats.counts_replicated(event_table) THEN
        PERFORM kindly_stats.create_replica_triggers(relation, event_table, columns, grain);
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.partition_tree(event_table regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT event_table
    UNION
    SELECT p.relid FROM pg_partition_tree(event_table) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind IN ('r', 'p')
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.partition_tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.partition_tree(regclass) IS 'internal: a table and its partitions';
CREATE OR REPLACE FUNCTION kindly_stats.attached_columns(event_table regclass, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.columns FROM kindly_stats.event_tables() AS t WHERE t.event_table = attached_columns.event_table AND t.grain = attached_columns.grain
$$;
CREATE FUNCTION kindly_stats.create_missing_triggers(event_table regclass, columns jsonb, grain text) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := kindly_stats.attached_columns(event_table, grain);
    covered regclass;
BEGIN
    FOR covered IN SELECT r FROM kindly_stats.partition_tree(event_table) AS r
                    WHERE known IS DISTINCT FROM create_missing_triggers.columns
                       OR (SELECT count(*) FROM pg_trigger AS t
                            WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
                              AND t.tgname IN (SELECT kindly_stats.trigger_name(grain, e) FROM unnest('{insert,update,delete}'::text[]) AS e)) < 3
                       OR NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.refuse_truncate()'::regprocedure)
                    ORDER BY r
    LOOP
        PERFORM kindly_stats.create_triggers(covered, event_table, columns, grain);
        RETURN NEXT covered;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_missing_triggers(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_missing_triggers(regclass, jsonb, text) IS 'internal: puts the counting triggers where they are missing or know other columns';
CREATE OR REPLACE FUNCTION kindly_stats.bare_partitions(event_table regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r FROM kindly_stats.partition_tree(event_table) AS r
     WHERE (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
               AND t.tgname ~ '_(insert|update|delete)$') NOT IN (3, 6)
$$;
CREATE OR REPLACE FUNCTION kindly_stats.require_table(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class pg_class;
BEGIN
    SELECT * INTO class FROM pg_class AS c WHERE c.oid = event_table;
    IF event_table IS NULL THEN
        RAISE EXCEPTION '"event_table" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of the table.';
    END IF;
    -- oids below 16384 are the server's own; temporary tables cannot be read by other sessions, which ask for statistics
    IF class.oid IS NULL OR class.relkind NOT IN ('r', 'p') OR class.relnamespace = 'kindly_stats'::regnamespace
       OR class.oid < 16384 OR class.relpersistence = 't' THEN
        RAISE EXCEPTION '"%" cannot be an event table', event_table
            USING ERRCODE = '42809', HINT = 'Attach an ordinary or a partitioned table of your own, not a temporary one.';
    END IF;
    PERFORM kindly_stats.require_place(event_table);
    PERFORM kindly_stats.require_countable(event_table);
    IF EXISTS (SELECT FROM kindly_stats.event_tables() AS t JOIN pg_partition_ancestors(require_table.event_table) AS a ON a.relid = t.event_table
                WHERE a.relid <> require_table.event_table) THEN
        RAISE EXCEPTION 'partition "%" belongs to a table that is attached', event_table
            USING ERRCODE = '55000', HINT = 'Attach that table once more to cover its new partitions.';
    ELSIF EXISTS (SELECT FROM kindly_stats.partition_tree(require_table.event_table) AS r JOIN kindly_stats.event_tables() AS t ON t.event_table = r
                   WHERE r <> require_table.event_table) THEN
        RAISE EXCEPTION 'table "%" has partitions that are attached on their own', event_table
            USING ERRCODE = '55000', HINT = 'Detach them from kindly_stats first: they would be counted twice.';
    ELSIF class.relispartition THEN
        RAISE EXCEPTION 'table "%" is a partition of "%"', event_table, kindly_stats.tree_top(event_table)
            USING ERRCODE = '55000', HINT = 'What is written through that table would not be counted: attach it instead, it covers its partitions.';
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.wanted_columns(event_table regclass, columns jsonb, grain text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := kindly_stats.attached_columns(event_table, grain);
    wanted jsonb;
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.event_tables() AS t
                WHERE t.event_table = wanted_columns.event_table AND (t.grain = 'event') <> (wanted_columns.grain = 'event')) THEN
        RAISE EXCEPTION 'table "%" is attached with another kind of rows', event_table
            USING ERRCODE = '55000', HINT = 'A table holds events or conversations, not both; detach it first.';
    END IF;
    IF known IS NULL OR columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        PERFORM kindly_stats.check_columns(event_table, columns, grain);
    END IF;
    IF known IS NULL THEN
        PERFORM kindly_stats.require_not_kept(event_table);
    END IF;
    wanted := kindly_stats.found_columns(event_table, kindly_stats.needed_columns(coalesce(known, '{}'), grain) || columns, grain);
    PERFORM kindly_stats.check_columns(event_table, wanted, grain);
    RETURN wanted;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.attach_grain(event_table regclass, columns jsonb, grain text) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb;
    wanted jsonb;
    is_counting boolean;
    -- what has been counted can no longer be found in the table
    is_lost boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('attach an event table');
    PERFORM kindly_stats.require_table(event_table);
    PERFORM kindly_stats.create_tables();
    -- before the table's lock: repairs take this one first, and then wait for tables
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.refuse_merge(r) FROM kindly_stats.partition_tree(event_table) AS r;
    -- nobody may write while existing events are counted and the triggers are created
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    known := kindly_stats.attached_columns(event_table, grain);
    wanted := kindly_stats.wanted_columns(event_table, columns, grain);
    is_counting := EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = attach_grain.event_table);
    is_lost := is_counting OR kindly_stats.lost_columns(event_table, known) <> '{}'
               OR known IS NULL AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = event_table AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
                                               AND t.tgname IN (kindly_stats.trigger_name(grain, 'update'), kindly_stats.trigger_name(grain, 'delete')));
    IF known <> wanted AND NOT is_lost THEN
        PERFORM kindly_stats.append_counts(event_table, known, grain, NULL, true, false);
    END IF;
    IF known IS DISTINCT FROM wanted AND NOT is_lost THEN
        PERFORM kindly_stats.append_counts(event_table, wanted, grain, NULL, false, false);
    END IF;
    -- what was written to partitions without triggers, which they get below, was not counted
    is_lost := is_lost OR known IS NOT NULL AND EXISTS (SELECT FROM kindly_stats.bare_partitions(event_table));
    RETURN QUERY SELECT * FROM kindly_stats.create_missing_triggers(event_table, wanted, grain);
    -- what attach_concurrently() has left unfinished
    IF is_counting THEN
        PERFORM kindly_stats.finish_attach(event_table);
    ELSIF is_lost THEN
        PERFORM kindly_stats.repair();
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.tell_of_kinds(mapped jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted text[] := ARRAY(SELECT DISTINCT k.kind COLLATE "C" FROM kindly_stats.measure AS m, unnest(m.kinds) AS k (kind) WHERE m.grain = 'event' ORDER BY 1);
    uncounted text;
BEGIN
    FOR uncounted IN
        SELECT DISTINCT k.kind COLLATE "C"
          FROM (SELECT mapped ->> 'constant' UNION ALL SELECT v.value FROM jsonb_each_text(mapped -> 'values') AS v) AS k (kind) WHERE k.kind <> ALL (counted) ORDER BY 1
    LOOP
        RAISE NOTICE 'kind "%" is one that no measure counts', uncounted
            USING HINT = format('Events of this kind are in measure "events" alone. Those that measures count are %s; kindly_stats.add_measure() makes one for others.',
                                array_to_string(counted, ', '));
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tell_of_kinds(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tell_of_kinds(jsonb) IS 'internal: says which of the kinds that a table''s are counted as no measure knows';
CREATE OR REPLACE FUNCTION kindly_stats.attach(event_table regclass, columns jsonb DEFAULT '{}', replica boolean DEFAULT false, kinds jsonb DEFAULT NULL,
                                    tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written jsonb := kindly_stats.written_columns(event_table, columns, kinds, tz, unit);
BEGIN
    RETURN QUERY SELECT * FROM kindly_stats.attach_grain(event_table, written, 'event');
    PERFORM kindly_stats.tell_of_kinds(written -> 'kind');
    IF replica THEN
        PERFORM kindly_stats.create_replica_triggers(r, t.event_table, t.columns, t.grain)
           FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r WHERE t.event_table = attach.event_table;
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.attach(regclass, jsonb, boolean, jsonb, text, text) IS
'counts the events of a table from now on, and those that are in it

event_table: an ordinary or partitioned table with at least the columns bot_id, occurred_at and kind; columns: a JSON object from
documented column names to the table''s own, null for one not to be read.  Gives back the tables and partitions that it covered
with triggers.  Only columns that the table has now are read from now on; call it once more to read one that was added since, or with
other columns: what that changes is counted anew.  It blocks writers while it counts, and readers of a partitioned table, too;
kindly_stats.attach_concurrently() does not.
A column may also be mapped to a field of a json, jsonb or text column that holds JSON ("payload->>session", "payload->a->>b"), or to a rule:
{"column": ..., "path": ["a", "b"]}, {"column": ..., "values": {"mine": "documented", "other": null}}, both together, {"constant": ...}, which bot_id may have, too.
What is not in values stays as it is.
replica: count also what logical replication applies to the table, and what is written where session_replication_role is replica, row
by row; true can be asked for later, too, and lasts until detach().
kinds: what the kinds of the table are counted as, such as {"incoming": "user_message", "note": null}: rows of a kind that is null are no events; or one kind for every
row, as a JSON string; a notice names those that no measure counts.  tz: the zone of an occurred_at of type timestamp without time zone.  unit: seconds or milliseconds, for an occurred_at that is a
number since 1970.  These last, too, until the same column is mapped anew.
Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703 or 42804 where a column is missing, unknown or of a type
that cannot be read, 42809 for what is no table, 55000 where it is attached otherwise, or was detached and its statistics kept.';
CREATE FUNCTION kindly_stats.run_own(statement text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_run_own';
REVOKE EXECUTE ON FUNCTION kindly_stats.run_own(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.run_own(text) IS 'internal: runs a statement with the caller''s rights, without what looks after attached tables';
CREATE OR REPLACE FUNCTION kindly_stats.detach(event_table regclass, keep_statistics boolean DEFAULT false) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known kindly_stats.event_table;
    covered regclass;
    trigger_name name;
    counted boolean;
    half_counted boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('detach an event table');
    IF NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE t.event_table = detach.event_table) THEN
        RAISE EXCEPTION 'table "%" is not an attached event table', event_table
            USING ERRCODE = '55000', HINT = 'kindly_stats.event_table lists those that are.';
    ELSIF kindly_stats.is_distributed(event_table) THEN
        PERFORM kindly_stats.require_owner(event_table);
    END IF;
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.allow_merge(r) FROM kindly_stats.partition_tree(event_table) AS r;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    half_counted := EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = detach.event_table);
    IF half_counted AND keep_statistics THEN
        RAISE EXCEPTION 'table "%" is still being counted', event_table USING ERRCODE = '55000',
            HINT = format('CALL kindly_stats.attach_concurrently(%L) ends it; without keep_statistics it can be detached as it is.', event_table);
    END IF;
    FOREACH known IN ARRAY ARRAY(SELECT ROW(t.*)::kindly_stats.event_table FROM kindly_stats.event_tables() AS t WHERE t.event_table = detach.event_table)
    LOOP
        -- where a table is half counted, repair() takes away what has been counted
        EXIT WHEN half_counted;
        IF keep_statistics THEN
            PERFORM kindly_stats.move_counts(event_table, known.columns, known.grain);
            PERFORM kindly_stats.note_kept(event_table, known.columns, known.grain);
        ELSE
            PERFORM kindly_stats.append_counts(event_table, known.columns, known.grain, NULL, true, false);
        END IF;
    END LOOP;
    FOR covered IN SELECT r FROM kindly_stats.partition_tree(event_table) AS r ORDER BY r
    LOOP
        counted := false;
        FOR trigger_name IN
            SELECT t.tgname FROM pg_trigger AS t WHERE t.tgrelid = covered AND t.tgparentid = 0
               AND t.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.guard_exported()'::regprocedure,
                                'kindly_stats.refuse_truncate()'::regprocedure, 'kindly_stats.count_replicated()'::regprocedure,
                                'kindly_stats.take_truncated()'::regprocedure)
        LOOP
            PERFORM kindly_stats.drop_trigger(covered, trigger_name);
            counted := true;
        END LOOP;
        PERFORM kindly_stats.forget_conversation_bots(covered);
        IF counted THEN
            RETURN NEXT covered;
        END IF;
    END LOOP;
    IF half_counted THEN
        PERFORM kindly_stats.repair();
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = detach.event_table;
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.detach(regclass, boolean) IS
'counts the events of a table no longer

event_table: an attached table; keep_statistics: leave counted what is counted, instead of taking the events that are in the
table out of the statistics; they would be counted twice if it were attached again, which is refused until forget_kept().  Gives back the tables and
partitions that had triggers.
Errors: 0A000 where a distributed table has another owner than the rollup, 25001 at an isolation level above READ COMMITTED, 55000 where it is
not attached, or is to be kept and still being counted.';
CREATE FUNCTION kindly_stats.raw_measure(event_table regclass, columns jsonb, measure text, head text,
                                         OUT key text, OUT member text, OUT weight text, OUT condition text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m record;
    -- for a condition that is a number
    number_type text;
    keys text[];
BEGIN
    SELECT * INTO STRICT m FROM kindly_stats.measure AS r WHERE r.name = raw_measure.measure;
    SELECT CASE WHEN b.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'bigint' WHEN b.type = 'numeric'::regtype THEN 'numeric' END INTO number_type
      FROM pg_attribute AS a, LATERAL kindly_stats.base_type(a.atttypid) AS b (type)
     WHERE a.attrelid = event_table AND a.attname = columns ->> m.condition AND a.attnum > 0 AND NOT a.attisdropped;
    SELECT array_agg(kindly_stats.column_expression(event_table, columns, k.name, 'text') ORDER BY k.number) INTO keys
      FROM unnest(m.keys) WITH ORDINALITY AS k (name, number);
    key := format('ARRAY[%s]', concat_ws(', ', format(head, 'source'), format(head, 'language_code'), array_to_string(keys, ', ')));
    member := CASE WHEN m.member IS NULL THEN 'NULL::text' ELSE kindly_stats.column_expression(event_table, columns, m.member, 'text') END;
    weight := CASE WHEN m.weight IS NULL THEN '1::bigint' ELSE kindly_stats.column_expression(event_table, columns, m.weight, 'bigint') END;
    condition := concat_ws(' AND ', 'true',
        CASE WHEN m.kinds IS NOT NULL THEN format('%s COLLATE "C" = ANY (%L::text[])', format(head, 'kind'), m.kinds) END,
        CASE WHEN m.condition IS NOT NULL THEN format(CASE WHEN number_type IS NOT NULL THEN '%s > 0' ELSE '%s' END,
            CASE number_type WHEN 'numeric' THEN format('e.%I', columns ->> m.condition)
                 ELSE kindly_stats.column_expression(event_table, columns, m.condition, coalesce(number_type, 'boolean')) END) END,
        -- what adds nothing where it is a weight is not there
        CASE WHEN m.needed IS NOT NULL THEN format('%s IS NOT NULL', kindly_stats.column_expression(event_table, columns, m.needed,
            CASE WHEN EXISTS (SELECT FROM kindly_stats.measure AS w WHERE w.grain = m.grain AND w.weight = m.needed) THEN 'bigint' ELSE 'text' END)) END,
        CASE WHEN keys IS NOT NULL THEN format('coalesce(%s) IS NOT NULL', array_to_string(keys, ', ')) END);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_measure(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_measure(regclass, jsonb, text, text) IS 'internal: the part of raw_query() that is about one measure';
CREATE FUNCTION kindly_stats.counted_rows(event_table regclass, shards regclass[]) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN shards IS NULL THEN event_table::text
                WHEN cardinality(shards) = 1 THEN shards[1]::text
                ELSE format('(%s)', coalesce((SELECT string_agg(format('SELECT * FROM %s', s), ' UNION ALL ' ORDER BY s) FROM unnest(shards) AS s),
                                             format('SELECT * FROM %s WHERE false', event_table))) END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.counted_rows(regclass, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.counted_rows(regclass, regclass[]) IS 'internal: what to select from to get the rows of a table, or of those of its shards';
CREATE FUNCTION kindly_stats.raw_query(event_table regclass, columns jsonb, grain text, shards regclass[] DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped text;
    is_text boolean := kindly_stats.has_text_bots(event_table, columns);
    is_distributed boolean := shards IS NULL AND kindly_stats.is_distributed(event_table);
    -- what the table's owner runs cannot name the extension's functions: texts are left to who asks
    bot text := kindly_stats.column_expression(event_table, columns, 'bot_id', CASE WHEN is_text THEN 'text' ELSE 'bigint' END);
    at text := kindly_stats.column_expression(event_table, columns, 'occurred_at', 'timestamptz');
    head text := CASE WHEN is_distributed THEN 'e.%I' ELSE 'h.%I' END;
    names text[] := ARRAY(SELECT m.name FROM kindly_stats.measure AS m WHERE m.grain = raw_query.grain ORDER BY m.name);
    bots text := CASE WHEN is_text THEN format('NULL::bigint AS bot_id, %s AS text_bot', bot) ELSE format('%s AS bot_id, NULL::text AS text_bot', bot) END;
    shared text;
    filter text;
    measures text;
    m record;
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    -- a row whose kind is mapped to null is no event
    IF columns -> 'kind' -> 'values' IS NOT NULL THEN
        SELECT format(' AND coalesce(%s COLLATE "C" <> ALL (%L), true)',
                      kindly_stats.column_expression(event_table, columns #- '{kind,values}', 'kind', 'text'), array_agg(v.key)) INTO dropped
          FROM jsonb_each_text(columns -> 'kind' -> 'values') AS v WHERE v.value IS NULL HAVING count(*) > 0;
    END IF;
    SELECT string_agg(format('%s AS %s', CASE l.name WHEN 'occurred_at' THEN at ELSE kindly_stats.column_expression(event_table, columns, l.name, 'text') END,
                             split_part(format(head, CASE WHEN is_distributed THEN 'kindly_stats ' ELSE '' END || l.name), '.', 2)), ', ' ORDER BY l.number) INTO shared
      FROM unnest('{occurred_at,kind,source,language_code}'::text[]) WITH ORDINALITY AS l (name, number);
    -- the table's own indexes may know the instant
    filter := format('($1 IS NULL OR %s) AND %s IS NOT NULL AND ($2 IS NULL OR %s >= $2)%s', CASE WHEN is_text THEN 'true' ELSE format('%s = $1', bot) END, bot, at, dropped);
    IF NOT is_distributed THEN
        SELECT string_agg(format('SELECT %L::text, %s, %s, %s WHERE %s', n.name, r.key, r.member, r.weight, r.condition), ' UNION ALL ' ORDER BY n.number) INTO measures
          FROM unnest(names) WITH ORDINALITY AS n (name, number), LATERAL kindly_stats.raw_measure(event_table, columns, n.name, head) AS r;
        -- OFFSET 0 has what all measures read worked out once
        RETURN format('SELECT %s, h.occurred_at, m.measure, m.key, m.member, m.weight FROM %s AS e'
                      ' CROSS JOIN LATERAL (SELECT %s OFFSET 0) AS h CROSS JOIN LATERAL (%s) AS m (measure, key, member, weight)'
                      ' WHERE h.occurred_at IS NOT NULL AND %s',
            bots, kindly_stats.counted_rows(event_table, shards), shared, coalesce(measures, 'SELECT NULL::text, NULL::text[], NULL::text, NULL::bigint WHERE false'), filter);
    END IF;
    -- what shards are asked has no such subqueries: measures are numbers there
    SELECT string_agg(format('WHEN %s THEN %L::text', n.number, n.name), ' ' ORDER BY n.number) AS name,
           string_agg(format('WHEN %s THEN %s', n.number, r.key), ' ' ORDER BY n.number) AS key,
           string_agg(format('WHEN %s THEN %s', n.number, r.member), ' ' ORDER BY n.number) AS member,
           string_agg(format('WHEN %s THEN %s', n.number, r.weight), ' ' ORDER BY n.number) AS weight,
           string_agg(format('WHEN %s THEN %s', n.number, r.condition), ' ' ORDER BY n.number) AS condition INTO m
      FROM unnest(names) WITH ORDINALITY AS n (name, number),
           LATERAL kindly_stats.raw_measure(event_table, columns, n.name, replace(head, '%I', '"kindly_stats %s"')) AS r;
    RETURN format('SELECT %s, e."kindly_stats occurred_at" AS occurred_at, CASE m.number %s END AS measure, CASE m.number %s END AS key,'
                  ' CASE m.number %s END AS member, CASE m.number %s END AS weight'
                  ' FROM (SELECT e.*, %s FROM %s AS e WHERE %s) AS e CROSS JOIN pg_catalog.generate_series(1, %s) AS m (number)'
                  ' WHERE e."kindly_stats occurred_at" IS NOT NULL AND CASE m.number %s END',
        bots, m.name, m.key, m.member, m.weight, shared, event_table, filter, cardinality(names), m.condition);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_query(regclass, jsonb, text, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_query(regclass, jsonb, text, regclass[]) IS 'internal: the query that reads raw events once for a grain; shards: of these alone';
CREATE FUNCTION kindly_stats.raw_events(event_table regclass, grain text, bot kindly_stats.bot_id, since timestamptz DEFAULT NULL, shards regclass[] DEFAULT NULL)
    RETURNS TABLE (bot_id bigint, text_bot text, occurred_at timestamptz, measure text, key text[], member text, weight bigint)
    LANGUAGE C STABLE ROWS 100000 AS 'MODULE_PATHNAME', 'ks_raw_events';
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz, regclass[]) IS
'internal: the raw events, each once for each measure that counts it, read as their table''s owner

event_table: an attached table, all of whose rows the caller may read; grain: of the measures, one that counts it; bot: one only, NULL for all; since: events from then on, NULL for
all; shards: of the table, that lie on this node and are read instead, which the caller may read, too; NULL for the whole.  A table whose bots are texts gives all bots, each as text_bot; others give bot_id.
Errors: 22004, 42501 where the caller must not read all rows of the table, 42703 where a
column is missing, 55000 where the table is not counted so.';
CREATE FUNCTION kindly_stats.count_query(event_table regclass, columns jsonb, grain text, condition text, shard regclass DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- whose bots are texts, has all rows read: only who counts them tells whose they are
    of_bot text := CASE WHEN kindly_stats.has_text_bots(event_table, columns) THEN 'true'
                           ELSE kindly_stats.column_expression(event_table, columns, 'bot_id', 'bigint') || ' = $1' END;
    list text;
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    SELECT string_agg(format('e.%I AS %I', a.attname, l.logical), ', ' ORDER BY a.attnum, l.logical) INTO list
      FROM kindly_stats.logical_columns(grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = kindly_stats.mapped_column(columns -> l.logical);
    RETURN format('SELECT %s FROM %s AS e WHERE (%s) AND ($1 IS NULL OR %s)', list, coalesce(shard, event_table), condition, of_bot);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_query(regclass, jsonb, text, text, regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_query(regclass, jsonb, text, text, regclass) IS 'internal: the query that reads raw events once for all measures; shard: of it alone';
CREATE FUNCTION kindly_stats.keep_counts(event_table regclass, columns jsonb, grain text, condition text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_keep_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.keep_counts(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.keep_counts(regclass, jsonb, text, text) IS
'internal: adds what rows of a table count to those rows of the rollup that are kept

event_table: an attached table; columns: how it names the documented ones; grain: of the measures; condition: on its rows, named e.  They have to be deleted
in the same transaction.';
CREATE FUNCTION kindly_stats.repair(bot kindly_stats.bot_id DEFAULT NULL, measure text DEFAULT NULL, shard regclass DEFAULT NULL, shards jsonb DEFAULT NULL) RETURNS bigint
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.repair(kindly_stats.bot_id, text, regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair(kindly_stats.bot_id, text, regclass, jsonb) IS
'internal: makes live rows say what the attached tables have, and gives back how many months did not

bot, measure: one only, NULL for all; shard: of the rollup, on this node, and shards: those of event tables that lie beside it, by the tables'' numbers; NULL
for all.';
CREATE OR REPLACE FUNCTION kindly_stats.check_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'a measure needs a name' USING ERRCODE = '22023', HINT = 'Names are free but for the empty one.';
    ELSIF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = check_measure.name) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'kindly_stats.measure lists the measures; a measure that changes its meaning needs a new name.';
    ELSIF EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.measure = name
                  OR r.measure = '' AND NOT kindly_stats.is_empty(kindly_stats.keys_under(r.tally, name))) THEN
        RAISE EXCEPTION 'the rollup still has counts of a measure "%" that was deleted', name USING ERRCODE = '55000',
            HINT = 'kindly_stats.rebuild() takes them out; or choose another name.';
    ELSIF grain IS NULL OR grain NOT IN ('event', 'conversation_start', 'conversation_end') THEN
        RAISE EXCEPTION 'unknown grain "%"', grain USING ERRCODE = '22023', HINT = 'Grains are event, conversation_start and conversation_end.';
    ELSIF member IS NOT NULL AND weight IS NOT NULL THEN
        RAISE EXCEPTION 'measure "%" must not have both a member and a weight', name USING ERRCODE = '22023',
            HINT = 'A member whose weights add up to zero would not be counted: make two measures.';
    ELSIF array_position(kinds, NULL) IS NOT NULL OR array_position(keys, NULL) IS NOT NULL OR cardinality(keys) > 60 THEN
        RAISE EXCEPTION 'measure "%" needs kinds and keys without NULLs, and at most 60 keys', name USING ERRCODE = '22023',
            HINT = 'Leave kinds out to count events of every kind, keys for a measure without a top list.';
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.notice_kept(measure text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.kept) THEN
        RAISE NOTICE 'events that are gone are not in measure "%"', measure;
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.check_weight(name text, weight text, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    needing text;
BEGIN
    SELECT m.name INTO needing FROM kindly_stats.measure AS m
     WHERE m.grain = check_weight.grain AND m.needed = check_weight.weight AND m.name <> check_weight.name ORDER BY m.name LIMIT 1;
    IF FOUND AND NOT EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.grain = check_weight.grain AND m.weight = check_weight.weight AND m.name <> check_weight.name)
       AND EXISTS (SELECT FROM kindly_stats.event_tables() AS e
                     JOIN pg_attribute AS a ON a.attrelid = e.event_table AND a.attname = kindly_stats.mapped_column(e.columns -> check_weight.weight)
                    WHERE e.grain = check_weight.grain AND (jsonb_typeof(e.columns -> check_weight.weight) = 'object' OR kindly_stats.base_type(a.atttypid) = 'numeric'::regtype)) THEN
        RAISE EXCEPTION 'measure "%" needs column "%", and counts values that cannot be added up', needing, weight
            USING ERRCODE = '55000', HINT = format('Delete the measure "%s" and rebuild(), add this one, and then that one again: it counts whole numbers alone then.', needing);
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.read_new_columns(grain text, known text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.event_table;
    wanted jsonb;
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT ROW(e.*)::kindly_stats.event_table FROM kindly_stats.event_tables() AS e WHERE e.grain = read_new_columns.grain ORDER BY e.event_table)
    LOOP
        wanted := kindly_stats.found_columns(t.event_table, '{}', grain) - known || kindly_stats.needed_columns(t.columns, grain);
        PERFORM kindly_stats.check_columns(t.event_table, wanted, grain);
        PERFORM kindly_stats.create_missing_triggers(t.event_table, wanted, grain);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.read_new_columns(text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.read_new_columns(text, text[]) IS
'internal: has attached tables read columns that measures of a grain read since

known: those that they read before.  Errors: 42703, 42804.';
CREATE FUNCTION kindly_stats.lock_shards(grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY(
        SELECT DISTINCT ON (r) format('ALTER TABLE %s %s TRIGGER %I', r,
                                      CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, g.tgname)
          FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r JOIN pg_trigger AS g ON g.tgrelid = r JOIN pg_class AS c ON c.oid = r
         WHERE t.grain = lock_shards.grain AND kindly_stats.is_distributed(t.event_table) AND g.tgfoid = 'kindly_stats.count_events()'::regprocedure AND g.tgparentid = 0
           AND pg_get_userbyid(c.relowner) = current_user
         ORDER BY r, g.tgname)
    LOOP
        PERFORM kindly_stats.run_own(statement);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_shards(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_shards(text) IS 'internal: locks the shards of attached tables of a grain against writers, who are locked out already';
CREATE OR REPLACE FUNCTION kindly_stats.insert_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text, counted boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known_columns text[] := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(grain) AS l);
BEGIN
    INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, counted)
    VALUES (name, kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain, counted);
    PERFORM kindly_stats.read_new_columns(grain, known_columns);
    IF EXISTS (SELECT c FROM unnest(coalesce(keys, '{}') || member || weight || condition || needed) AS c
                WHERE c IS NOT NULL AND NOT EXISTS (
                    SELECT FROM kindly_stats.event_tables() AS e
                     WHERE e.grain = insert_measure.grain AND kindly_stats.column_expression(e.event_table, e.columns, c, 'text') NOT LIKE 'NULL::%'))
       AND EXISTS (SELECT FROM kindly_stats.event_tables() AS e WHERE e.grain = insert_measure.grain) THEN
        RAISE EXCEPTION 'no attached event table has all columns of measure "%"', name USING ERRCODE = '42703',
            HINT = 'Add the columns to the event table first, and attach it again to read those that were added since.';
    END IF;
    PERFORM kindly_stats.check_weight(name, weight, grain);
    PERFORM kindly_stats.lock_shards(grain);
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.add_measure(name text, kinds text[] DEFAULT NULL, keys text[] DEFAULT '{}', member text DEFAULT NULL,
                                         weight text DEFAULT NULL, condition text DEFAULT NULL, needed text DEFAULT NULL,
                                         grain text DEFAULT 'event')
    RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('add a measure');
    PERFORM kindly_stats.lock_event_tables();
    PERFORM kindly_stats.check_measure(name, kinds, keys, member, weight, condition, needed, grain);
    -- from there on, nodes are asked as the owner of the tables
    PERFORM kindly_stats.notice_kept(name);
    PERFORM kindly_stats.insert_measure(name, kinds, keys, member, weight, condition, needed, grain, true);
    PERFORM kindly_stats.append_counts(t.event_table, t.columns, t.grain, name, false, false)
       FROM kindly_stats.event_tables() AS t WHERE t.grain = add_measure.grain ORDER BY t.event_table;
END
$$;
CREATE FUNCTION kindly_stats.update_measures() RETURNS TABLE (measure text, action text)
    LANGUAGE plpgsql ROWS 5 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o record;
    b record;
    known text[];
    grains text[] := '{}';
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('update measures');
    PERFORM kindly_stats.lock_event_tables();
    FOR o IN SELECT * FROM kindly_stats.outdated_measures()
    LOOP
        SELECT * INTO STRICT b FROM kindly_stats.newest_measures() AS n WHERE n.name = o.name;
        known := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(b.grain) AS l);
        IF o.action = 'add' THEN
            PERFORM kindly_stats.check_measure(b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain);
            INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, built_in)
            VALUES (b.name, b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version);
            PERFORM kindly_stats.read_new_columns(b.grain, known);
            PERFORM kindly_stats.notice_kept(b.name);
            PERFORM kindly_stats.append_counts(t.event_table, t.columns, t.grain, b.name, false, false)
               FROM kindly_stats.event_tables() AS t WHERE t.grain = b.grain ORDER BY t.event_table;
        ELSIF o.action = 'update' THEN
            UPDATE kindly_stats.measure AS m
               SET (kinds, keys, member, weight, condition, needed, grain, built_in) =
                   (b.kinds, b.keys, b.member, b.weight, b.condition, b.needed, b.grain, b.version)
             WHERE m.name = b.name;
            PERFORM kindly_stats.read_new_columns(b.grain, known);
            IF EXISTS (SELECT 1 FROM kindly_stats.rollup AS r WHERE r.kept) THEN
                RAISE NOTICE 'events that are gone stay in measure "%" as they were counted', b.name;
            END IF;
            PERFORM kindly_stats.repair(NULL, b.name);
        ELSE
            -- its present definition is not that of this version either
            UPDATE kindly_stats.measure AS m SET built_in = b.version WHERE m.name = b.name;
        END IF;
        measure := o.name;
        action := CASE o.action WHEN 'add' THEN 'added' WHEN 'update' THEN 'updated' ELSE 'left as it was changed by hand' END;
        grains := grains || b.grain;
        RETURN NEXT;
    END LOOP;
    PERFORM kindly_stats.lock_shards(g) FROM (SELECT DISTINCT g FROM unnest(grains) AS g) AS d;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.update_measures() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.update_measures() IS
'brings built-in measures up to the version of the extension, and counts what that changes

After ALTER EXTENSION kindly_stats UPDATE, where health() asks for it.  New measures are added and counted; those that are defined
otherwise are counted anew, but for events that are gone; those that were changed by hand, deleted or added by somebody are left as they
are.  A row for each measure that was looked at.  It blocks writers while it counts.
Errors: 25001 at an isolation level above READ COMMITTED, 42703, 42804 for columns that cannot be read, 55000 without attached tables.';
COMMENT ON FUNCTION kindly_stats.purge(regclass, timestamptz) IS
'deletes old events and keeps their statistics

event_table: an attached table; before: events that occurred before this instant are deleted, or conversations that ended before it.
What they count moves to those rows of kindly_stats.rollup that are kept.
Gives back their number.  A plain DELETE takes events out of the statistics instead.  Of a distributed table each node purges its own part, all at the same time and in a
transaction of its own; in a transaction block it is one transaction instead, in which writers of the table wait.  Errors: 0A000 where a
distributed table has another owner than the rollup and it is one transaction, 22008 for an infinite instant, 40001 where shards were moved again and again meanwhile,
55000 where the table is not attached, or a node could not do it.';
CREATE FUNCTION kindly_stats.compare_counts(internal, measure text, month date, tally kindly_stats.tally, at timestamptz, key text[], member text, weight bigint) RETURNS internal
    LANGUAGE C STABLE COST 100 AS 'MODULE_PATHNAME', 'ks_compare_counts';
CREATE AGGREGATE kindly_stats.compare(measure text, month date, tally kindly_stats.tally, at timestamptz, key text[], member text, weight bigint) (
    SFUNC = kindly_stats.compare_counts, STYPE = internal, SSPACE = 256, FINALFUNC = kindly_stats.compare_final);
REVOKE EXECUTE ON FUNCTION kindly_stats.compare_counts(internal, text, date, kindly_stats.tally, timestamptz, text[], text, bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.compare(text, date, kindly_stats.tally, timestamptz, text[], text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.compare_counts(internal, text, date, kindly_stats.tally, timestamptz, text[], text, bigint) IS 'internal: transition function of compare()';
COMMENT ON AGGREGATE kindly_stats.compare(text, date, kindly_stats.tally, timestamptz, text[], text, bigint) IS
'internal: the measures and months in which stored rows and raw events of a bot differ

A stored row has measure, month and tally, an event of a measure all but tally.  Gives back {{measure, days from 2000-01-01 to the month, total stored,
total recounted}, ...}; NULL where there is no difference.';
CREATE FUNCTION kindly_stats.live_rows(bot bigint, first date) RETURNS TABLE (bot_id bigint, measure text, month date, kept boolean, tally kindly_stats.tally)
    LANGUAGE plpgsql STABLE ROWS 100000 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF bot IS NULL THEN
        RETURN QUERY SELECT r.bot_id, r.measure, r.month, r.kept, r.tally FROM kindly_stats.rollup AS r
                      WHERE NOT r.kept AND (first IS NULL OR r.month >= first OR r.month = '-infinity');
    ELSE
        RETURN QUERY SELECT r.bot_id, r.measure, r.month, r.kept, r.tally FROM kindly_stats.rollup AS r
                      WHERE r.bot_id = bot AND NOT r.kept AND (first IS NULL OR r.month >= first OR r.month = '-infinity');
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.live_rows(bigint, date) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.live_rows(bigint, date) IS 'internal: live rows of the rollup, of all nodes, for verify(); bot, first month: NULL for all';
CREATE FUNCTION kindly_stats.differences(bot bigint, since timestamptz, rollup text, shards jsonb DEFAULT NULL)
    RETURNS TABLE (number bigint, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    -- on most tables, compiling the query takes longer than running it
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    -- tallies are by month
    first date := date_trunc('month', since AT TIME ZONE 'UTC');
    raw text;
BEGIN
    SELECT string_agg(format('SELECT kindly_stats.raw_events(%s, %L, $1, $2%s) AS event', t.event_table::oid, t.grain,
                             CASE WHEN shards IS NOT NULL THEN
                                 format(', %L', ARRAY(SELECT s::oid::regclass FROM jsonb_array_elements_text(shards -> t.event_table::oid::text) AS s ORDER BY 1)) END),
                      ' UNION ALL ') INTO raw FROM kindly_stats.event_tables() AS t;
    raw := format($query$
        SELECT coalesce((u.event).bot_id, (u.event).text_bot::kindly_stats.bot_id::bigint) AS bot_id, date_trunc('month', (u.event).occurred_at AT TIME ZONE 'UTC')::date AS month,
               (u.event).measure, (u.event).occurred_at, (u.event).key, (u.event).member, (u.event).weight
          FROM (%s) AS u
        $query$, coalesce(raw, 'SELECT kindly_stats.raw_events(0, '''', $1, $2) AS event WHERE false'));
    RETURN QUERY EXECUTE format($query$
        WITH both_sides AS (
            SELECT r.bot_id, r.month, r.measure, r.tally, NULL::timestamptz AS occurred_at, NULL::text[] AS key, NULL::text AS member, NULL::bigint AS weight
              FROM %2$s AS r WHERE NOT r.kept AND ($1 IS NULL OR r.bot_id = $1) AND ($3 IS NULL OR r.month >= $3 OR r.month = '-infinity')
            UNION ALL
            SELECT e.bot_id, e.month, e.measure, NULL, e.occurred_at, e.key, e.member, e.weight FROM (%1$s) AS e WHERE $1 IS NULL OR e.bot_id = $1),
        compared AS (
            SELECT b.bot_id, kindly_stats.compare(b.measure, b.month, b.tally, b.occurred_at, b.key, b.member, b.weight) AS differences FROM both_sides AS b GROUP BY 1),
        -- only existing measures and the months that are asked for: a row that spans months has others, too
        different AS MATERIALIZED (
            SELECT d.bot_id, m.name AS measure, d.month, d.stored, d.recounted
              FROM (SELECT c.bot_id, c.differences[n][1] AS measure, date '2000-01-01' + c.differences[n][2]::integer AS month,
                           c.differences[n][3]::bigint AS stored, c.differences[n][4]::bigint AS recounted
                      FROM compared AS c CROSS JOIN generate_subscripts(c.differences, 1) AS n) AS d
              JOIN %3$s AS m ON m.name = d.measure WHERE $3 IS NULL OR d.month >= $3),
        members AS (
            SELECT d.bot_id, d.measure, d.month, count(DISTINCT e.member) AS members
              FROM (%1$s) AS e JOIN different AS d ON d.bot_id = e.bot_id AND d.month = e.month AND d.measure = e.measure
             WHERE EXISTS (SELECT FROM different) GROUP BY 1, 2, 3),
        stored_members AS (
            SELECT d.bot_id, d.measure, d.month,
                   (kindly_stats.series_agg(r.measure, r.tally, ROW(d.measure, ARRAY[d.month AT TIME ZONE 'UTC', (d.month + interval '1 month') AT TIME ZONE 'UTC'],
                                                                                     NULL, true, NULL)::kindly_stats.tally_query, false))[2] AS members
              FROM %2$s AS r JOIN different AS d ON r.bot_id = d.bot_id AND r.month IN (d.month, '-infinity') AND r.measure IN ('', d.measure) AND NOT r.kept
             WHERE EXISTS (SELECT FROM different) GROUP BY 1, 2, 3)
        SELECT d.bot_id, d.measure, d.month, d.stored, d.recounted, coalesce(s.members, 0), coalesce(m.members, 0)
          FROM different AS d
          LEFT JOIN stored_members AS s ON s.bot_id = d.bot_id AND s.month = d.month AND s.measure = d.measure
          LEFT JOIN members AS m ON m.bot_id = d.bot_id AND m.month = d.month AND m.measure = d.measure
         ORDER BY d.measure, d.bot_id, d.month
        $query$, raw, rollup, kindly_stats.rows_here('kindly_stats.measure'))
        USING bot, first::timestamp AT TIME ZONE 'UTC', first;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.differences(bigint, timestamptz, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.differences(bigint, timestamptz, text, jsonb) IS
'internal: where the rollup differs from the raw events

bot, since: as those of verify(); rollup: what to select its rows from; shards: lists of shards of event tables, by the tables'' numbers, that are read instead of
these; NULL for the tables.';
CREATE FUNCTION kindly_stats.verify(bot kindly_stats.bot_id DEFAULT NULL, since timestamptz DEFAULT NULL, local boolean DEFAULT false)
    RETURNS TABLE (bot_id text, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text;
    tables text[];
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        IF EXISTS (SELECT FROM kindly_stats.event_tables()) THEN
            RAISE EXCEPTION 'table kindly_stats.rollup is missing' USING ERRCODE = '55000',
                DETAIL = 'There are tables with the triggers that count, restored without the schema kindly_stats.', HINT = 'Call kindly_stats.rebuild().';
        END IF;
        RETURN;
    END IF;
    place := kindly_stats.place();
    IF place = 'here' THEN
        -- marks tell below which id there are no new rows: if there were, questions would not see them.  Most rows are merged, and ask for none.
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences(bot::bigint, since, '(SELECT s.* FROM kindly_stats.rollup AS s WHERE s.id < 0 OR s.id >= coalesce((
                            SELECT 9223372036854775807 - mark.id FROM kindly_stats.rollup AS mark WHERE mark.bot_id = s.bot_id AND mark.id >= 4611686018427387904
                               AND mark.cluster = kindly_stats.cluster() ORDER BY mark.id LIMIT 1), 0))') AS d;
        RETURN;
    END IF;
    tables := kindly_stats.spread_tables(place = 'worker' OR local);
    IF local THEN
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences_of(ARRAY[kindly_stats.verify_here(bot::bigint, since, tables)]) AS d;
    ELSIF tables IS NOT NULL AND kindly_stats.can_ask_nodes() THEN
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences_of(kindly_stats.verify_nodes(bot::bigint, since, tables)) AS d;
    ELSE
        -- rows are fetched to where tables are read: a query that named the rollup would run elsewhere, with what it calls
        RETURN QUERY SELECT kindly_stats.bot_text(d.number), d.measure, d.month, d.stored, d.recounted, d.stored_members, d.recounted_members
                       FROM kindly_stats.differences(bot::bigint, since, 'kindly_stats.live_rows($1, $3)') AS d;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz, boolean) IS
'counts the raw events anew and lists where the rollup differs

bot: one bot only; NULL for all.  since: only the UTC month of that instant and later ones; NULL for all; local: of bots whose rows are on this node only, where they are
distributed.  Without it each node verifies its own, all at the same time, each in one snapshot, so that writers need not wait; in a transaction block all of it is read here,
and what is written meanwhile may be taken for a difference.  No row means that there is no difference, down to the last key, quarter hour and member.  A measure or table that is
still being counted (view progress) is listed with what it has so far.
What is kept of events that are gone cannot be compared.
bot_id is the id that the user has.
kindly_stats.rebuild() repairs.  Errors: 08006 where a node does not answer, 40001 where shards were moved meanwhile, 55000 where tables were restored without the rollup, and on a
worker while there are attached tables that are the coordinator''s alone.';
CREATE FUNCTION kindly_stats.parts(tally kindly_stats.tally, names text[]) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_parts';
REVOKE EXECUTE ON FUNCTION kindly_stats.parts(kindly_stats.tally, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.parts(kindly_stats.tally, text[]) IS
'internal: a tally without the keys whose first part is none of the names; NULL where there are none';
CREATE OR REPLACE FUNCTION kindly_stats.forget_measures(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names text[] := ARRAY(SELECT m.name FROM kindly_stats.measure AS m);
    x record;
    merged boolean;
BEGIN
    FOR round IN 1 .. 10
    LOOP
        merged := false;
        DELETE FROM kindly_stats.rollup AS r WHERE r.kept AND r.measure <> '' AND (bot IS NULL OR r.bot_id = bot) AND r.measure <> ALL (names);
        -- row by row: each is on the node that has its bot
        FOR x IN SELECT k.bot_id, k.id, k.month, k.tally
                   FROM (SELECT r.bot_id, r.id, r.month, kindly_stats.parts(r.tally, names) AS tally
                           FROM kindly_stats.rollup AS r WHERE r.kept AND r.measure = '' AND (bot IS NULL OR r.bot_id = bot)) AS k WHERE k.tally IS NOT NULL
        LOOP
            DELETE FROM kindly_stats.rollup AS r WHERE r.bot_id = x.bot_id AND r.id = x.id;
            -- compaction, which nothing keeps away on other nodes, has made it part of another row, which has what is to be kept of it, too
            merged := merged OR NOT FOUND;
            CONTINUE WHEN NOT FOUND OR kindly_stats.is_empty(x.tally);
            INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, kept, tally)
            VALUES (x.bot_id, '', x.month, kindly_stats.merged_id(x.month = '-infinity'), true, x.tally);
        END LOOP;
        EXIT WHEN NOT merged;
        IF round = 10 THEN
            RAISE EXCEPTION 'statistics of measures that are there no more were compacted again and again meanwhile' USING ERRCODE = '40001',
                HINT = 'Run kindly_stats.rebuild() again.';
        END IF;
    END LOOP;
END
$$;
CREATE FUNCTION kindly_stats.rebuild(bot kindly_stats.bot_id DEFAULT NULL, local boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables regclass[];
    measures text[];
    changed bigint;
    by_nodes boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('rebuild statistics');
    IF local AND kindly_stats.place() <> 'here' THEN
        RETURN kindly_stats.rebuild_here(bot::bigint);
    END IF;
    IF EXISTS (SELECT FROM kindly_stats.event_tables()) THEN
        -- restored tables have triggers, but perhaps there is no rollup yet
        PERFORM kindly_stats.create_tables();
    ELSIF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    IF EXISTS (SELECT FROM kindly_stats.conversation_tables()) THEN
        PERFORM kindly_stats.create_exported();
    END IF;
    by_nodes := kindly_stats.begin_repair();
    IF NOT by_nodes THEN
        PERFORM kindly_stats.require_owner(t.event_table) FROM kindly_stats.event_tables() AS t WHERE kindly_stats.is_distributed(t.event_table);
        PERFORM kindly_stats.forget_measures(bot::bigint);
    END IF;
    -- what is marked before the snapshot is taken is counted in it
    tables := ARRAY(SELECT c.event_table FROM kindly_stats.counting AS c);
    measures := ARRAY(SELECT m.name FROM kindly_stats.measure AS m WHERE NOT m.counted);
    IF by_nodes THEN
        changed := kindly_stats.repair_nodes(bot::bigint, NULL);
        -- they must not wait for what this transaction has locked
        PERFORM kindly_stats.forget_measures(bot::bigint);
    ELSE
        changed := kindly_stats.repair(bot);
    END IF;
    IF bot IS NULL THEN
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = ANY (tables);
        UPDATE kindly_stats.measure AS m SET counted = true WHERE m.name = ANY (measures);
    END IF;
    -- rows that were written without triggers
    PERFORM kindly_stats.note_all_conversation_bots(bot::bigint);
    RETURN changed;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rebuild(kindly_stats.bot_id, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rebuild(kindly_stats.bot_id, boolean) IS
'counts the events of all attached tables and makes the statistics say the same

bot: one bot only; NULL for all; local: of bots whose rows are on this node only, where they are distributed.  Gives back how many months of bots it had to replace: 0 where all was right, first and last event
included (a month of more than 64 MB is replaced in any case).  What attach_concurrently() and add_measure_concurrently() left undone is done then.  Statistics of events that are gone on purpose are kept.  It blocks nobody: what is written meanwhile stays counted; only
another repair waits, and compaction is put off.
Of distributed tables each node repairs its own, at the same time and in transactions of its own.  In a transaction block, and while there are attached tables that are the
coordinator''s alone, it is one transaction instead, in which writers of distributed tables wait.
Errors: 08006 where a node does not answer, 0A000 where a distributed table has another owner than the rollup and it is one transaction, 25001 at an isolation level above READ COMMITTED, 40001 where shards were
moved, or kept rows of deleted measures compacted, again and again meanwhile, 42501 where the caller must not read all rows of a table, 55000 where no event table has been attached, on a worker without local, or where a node could not do it.';
CREATE FUNCTION kindly_stats.conversation_tables() RETURNS TABLE (conversation_table regclass, columns jsonb)
    LANGUAGE sql STABLE COST 100 ROWS 10
BEGIN ATOMIC
    SELECT t.tgrelid::regclass AS conversation_table, kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) AS columns
      FROM pg_catalog.pg_trigger AS t
     -- after INSERT, for the statement
     WHERE t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure AND t.tgtype = 4 AND t.tgnargs = 2
       AND kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) IS NOT NULL AND NOT kindly_stats.is_shard(t.tgrelid);
END;
COMMENT ON FUNCTION kindly_stats.conversation_tables() IS 'internal: what view kindly_stats.conversation_table shows';
CREATE VIEW kindly_stats.conversation_table AS SELECT t.conversation_table, t.columns FROM kindly_stats.conversation_tables() AS t;
COMMENT ON VIEW kindly_stats.conversation_table IS 'attached tables of conversations, and how they name the documented properties';
CREATE FUNCTION kindly_stats.lock_closing(bot bigint, day date, at_once boolean, rows bigint) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_lock_closing';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_closing(bigint, date, boolean, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_closing(bigint, date, boolean, bigint) IS
'internal: takes the lock of whoever closes a day, on the node where it is worked out

rows: an aggregate over rows of the bot, which has it worked out on the bot''s node; it is given back.  at_once: fail instead of waiting (55006).';
CREATE OR REPLACE FUNCTION kindly_stats.create_exported() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    -- who attaches may hold other locks already: this one is taken only to create the table
    IF to_regclass('kindly_stats.exported') IS NOT NULL AND to_regclass('kindly_stats.conversation_bot') IS NOT NULL THEN
        RETURN;
    END IF;
    -- another session may be doing the same, and finish first
    PERFORM kindly_stats.lock_creation();
    IF to_regclass('kindly_stats.exported') IS NULL THEN
        CREATE TABLE kindly_stats.exported (
            bot_id bigint,
            day date,
            exported_at timestamptz NOT NULL DEFAULT now(),
            bot_name text,
            conversations bigint NOT NULL,
            PRIMARY KEY (bot_id, day)
        );
        COMMENT ON TABLE kindly_stats.exported IS 'UTC days that are closed: their exports say bot_name, and have so many conversations, from then on; rows are made by close_day() and deleted by reopen_day()';
    END IF;
    IF to_regclass('kindly_stats.conversation_bot') IS NULL THEN
        CREATE TABLE kindly_stats.conversation_bot (
            conversation_table regclass NOT NULL,
            bot_id bigint NOT NULL,
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            PRIMARY KEY (bot_id, conversation_table, id)
        );
        -- for tables that were restored without this schema
        PERFORM kindly_stats.note_all_conversation_bots(NULL);
        COMMENT ON TABLE kindly_stats.conversation_bot IS 'which conversation tables and partitions have had rows of which bot, perhaps more than once: a bot''s exports read these alone; lines are added as rows are written, and deleted by detach()';
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.note_all_conversation_bots(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.conversation_table;
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT ROW(c.*)::kindly_stats.conversation_table FROM kindly_stats.conversation_tables() AS c ORDER BY c.conversation_table)
    LOOP
        PERFORM kindly_stats.note_conversation_bots(t.conversation_table, t.columns ->> 'bot_id', bot);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.found_conversation_columns(conversation_table regclass, columns jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    result jsonb := columns;
BEGIN
    FOR c IN SELECT l.logical, l.role, l.required, columns ? l.logical AS mapped, m.physical, a.atttypid
               FROM kindly_stats.conversation_columns() AS l
              CROSS JOIN LATERAL (SELECT CASE WHEN columns ? l.logical THEN columns ->> l.logical ELSE l.logical END AS physical) AS m
               LEFT JOIN pg_attribute AS a ON a.attrelid = conversation_table AND a.attname = m.physical AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        IF c.atttypid IS NULL THEN
            IF c.required OR c.mapped AND c.physical IS NOT NULL THEN
                RAISE EXCEPTION 'table "%" has no column "%"', conversation_table, coalesce(c.physical, c.logical)
                    USING ERRCODE = '42703', HINT = format('Name yours in the argument columns, such as {"%s": "my_name"}%s.', c.logical,
                        CASE WHEN c.required THEN '' ELSE ', or null where there is none' END);
            ELSIF c.logical = 'bot_messages_count' AND NOT c.mapped THEN
                RAISE EXCEPTION 'table "%" has no column "bot_messages_count"', conversation_table
                    USING ERRCODE = '42703', HINT = 'Name yours in the argument columns, or map it to null: then nothing is counted by start.';
            END IF;
        ELSIF NOT kindly_stats.type_fits(c.role, NULL, c.atttypid) THEN
            RAISE EXCEPTION 'column "%" of type % cannot be read as "%"', c.physical, format_type(c.atttypid, NULL), c.logical
                USING ERRCODE = '42804', HINT = CASE
                    WHEN c.role = 'instant' AND kindly_stats.base_type(c.atttypid) = 'timestamp'::regtype THEN
                        format('Its type must be timestamp with time zone, such as a column that is GENERATED ALWAYS AS (%I AT TIME ZONE ''UTC'') STORED.', c.physical)
                    WHEN c.role = 'instant' THEN 'Its type must be timestamp with time zone.'
                    ELSE kindly_stats.fitting_types(c.role, NULL, c.atttypid) END;
        ELSE
            result := result || jsonb_build_object(c.logical, c.physical);
        END IF;
    END LOOP;
    RETURN result;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.guard_conversations(conversation_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    relation regclass;
    renamed name;
    call text;
BEGIN
    FOR relation IN SELECT r FROM kindly_stats.partition_tree(conversation_table) AS r ORDER BY r
    LOOP
        FOR renamed IN SELECT t.tgname FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure
                          AND t.tgname NOT IN ('kindly_stats_closed_insert', 'kindly_stats_closed_update', 'kindly_stats_closed_delete')
        LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', renamed, relation);
        END LOOP;
        call := format('FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.guard_exported(%L, %L%s)', conversation_table::text, columns::text,
                       CASE WHEN relation <> conversation_table THEN ', ''partition''' END);
        EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_closed_insert AFTER INSERT ON %s'
                       ' REFERENCING NEW TABLE AS kindly_stats_new %s', relation, call);
        EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_closed_update AFTER UPDATE ON %s'
                       ' REFERENCING OLD TABLE AS kindly_stats_old NEW TABLE AS kindly_stats_new %s', relation, call);
        EXECUTE format('CREATE OR REPLACE TRIGGER kindly_stats_closed_delete AFTER DELETE ON %s'
                       ' REFERENCING OLD TABLE AS kindly_stats_old %s', relation, call);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.check_exported(conversation_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed record;
BEGIN
    -- one by one: in the query itself they would be counted where the mark is, and other nodes do not have this table yet
    FOR changed IN SELECT x.bot_id, x.day, x.conversations FROM kindly_stats.exported AS x ORDER BY x.bot_id, x.day
    LOOP
        CONTINUE WHEN kindly_stats.conversations_ended(changed.bot_id, changed.day, conversation_table) = 0
                   OR kindly_stats.conversations_ended(changed.bot_id, changed.day) = changed.conversations;
        RAISE EXCEPTION 'table "%" has conversations of bot % that ended on %, which has been exported', conversation_table, kindly_stats.bot_text(changed.bot_id), to_char(changed.day, 'YYYY-MM-DD')
            USING ERRCODE = '55000', HINT = format('Let them end later, or call kindly_stats.reopen_day(%s, %L) first.',
                CASE WHEN changed.bot_id < -4611686018427387904 THEN quote_literal(kindly_stats.bot_text(changed.bot_id)) ELSE changed.bot_id::text END, to_char(changed.day, 'YYYY-MM-DD'));
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.attach_conversations(conversation_table regclass, columns jsonb DEFAULT '{}', replica boolean DEFAULT false)
    RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb;
    wanted jsonb;
    covered regclass[];
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('attach a conversation table');
    PERFORM kindly_stats.require_table(conversation_table);
    PERFORM kindly_stats.check_conversation_mapping(columns);
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.create_exported();
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.refuse_merge(r) FROM kindly_stats.partition_tree(conversation_table) AS r;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', conversation_table);
    -- closing a day counts its conversations in all tables, with or without this one
    PERFORM kindly_stats.lock_exported();
    SELECT t.columns INTO known FROM kindly_stats.conversation_tables() AS t WHERE t.conversation_table = attach_conversations.conversation_table;
    -- exported documents would change
    IF known IS NOT NULL AND EXISTS (
        SELECT FROM jsonb_each_text(columns) AS c
         WHERE c.value <> coalesce(known ->> c.key, c.key) AND c.key <> ALL (kindly_stats.lost_columns(conversation_table, known))) THEN
        RAISE EXCEPTION 'table "%" is attached with other columns', conversation_table
            USING ERRCODE = '55000', HINT = 'Only columns that were renamed or dropped can be mapped anew, and others to null; else detach it first.';
    END IF;
    wanted := kindly_stats.found_conversation_columns(conversation_table, coalesce(known, '{}') || columns);
    SELECT array_agg(DISTINCT a.relation ORDER BY a.relation) INTO covered
      FROM unnest(ARRAY['conversation_start', 'conversation_end']) AS g (grain),
           LATERAL kindly_stats.attach_grain(conversation_table, kindly_stats.grain_columns(wanted, g.grain), g.grain) AS a (relation);
    PERFORM kindly_stats.guard_conversations(conversation_table, wanted);
    IF known IS NULL THEN
        PERFORM kindly_stats.forget_conversation_bots(r) FROM kindly_stats.partition_tree(conversation_table) AS r;
    END IF;
    PERFORM kindly_stats.note_conversation_bots(r, wanted ->> 'bot_id', NULL)
       FROM unnest(CASE WHEN conversation_table = ANY (covered) THEN ARRAY[conversation_table] ELSE covered END) AS r;
    IF known IS DISTINCT FROM wanted THEN
        PERFORM kindly_stats.check_replies(conversation_table, wanted);
    END IF;
    PERFORM kindly_stats.check_exported(conversation_table, wanted);
    IF replica THEN
        PERFORM kindly_stats.create_replica_triggers(r, t.event_table, t.columns, t.grain)
           FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r WHERE t.event_table = conversation_table;
    END IF;
    RETURN QUERY SELECT unnest(covered);
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.check_attach(event_table regclass, columns jsonb, kinds jsonb DEFAULT NULL, tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written jsonb;
BEGIN
    PERFORM kindly_stats.require_table(event_table);
    PERFORM kindly_stats.create_tables();
    written := kindly_stats.written_columns(event_table, columns, kinds, tz, unit);
    PERFORM kindly_stats.wanted_columns(event_table, written, 'event');
    PERFORM kindly_stats.tell_of_kinds(written -> 'kind');
    -- nobody should have to wait for a call that will be refused anyway
    IF NOT has_table_privilege(event_table, 'TRIGGER') OR NOT has_table_privilege(event_table, 'SELECT') THEN
        RAISE EXCEPTION 'permission denied for table %', event_table USING ERRCODE = '42501', HINT = 'Let the table''s owner attach it.';
    END IF;
    RETURN true;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.begin_attach(event_table regclass, columns jsonb, kinds jsonb DEFAULT NULL, tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_within(ARRAY(SELECT r FROM kindly_stats.partition_tree(event_table) AS r ORDER BY r <> event_table, r));
    -- a partition that was added meanwhile is new to all writers
    IF EXISTS (SELECT FROM kindly_stats.create_missing_triggers(event_table,
                   kindly_stats.wanted_columns(event_table, kindly_stats.written_columns(event_table, columns, kinds, tz, unit), 'event'), 'event')) THEN
        INSERT INTO kindly_stats.counting (event_table) VALUES (begin_attach.event_table) ON CONFLICT DO NOTHING;
    END IF;
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.finish_attach(event_table regclass) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    by_nodes boolean := kindly_stats.begin_repair();
BEGIN
    -- somebody else may have finished this, or detached the table
    IF EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = finish_attach.event_table) THEN
        IF by_nodes THEN
            PERFORM kindly_stats.repair_nodes(NULL, NULL);
        ELSE
            PERFORM kindly_stats.repair();
        END IF;
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = finish_attach.event_table;
    END IF;
    RETURN true;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.check_new_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known kindly_stats.measure;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    ELSIF kindly_stats.place() = 'worker' THEN
        -- as lock_repair() says, but before the measure is there
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    SELECT * INTO known FROM kindly_stats.measure AS m WHERE m.name = check_new_measure.name AND NOT m.counted;
    IF NOT FOUND THEN
        PERFORM kindly_stats.check_measure(name, kinds, keys, member, weight, condition, needed, grain);
        PERFORM kindly_stats.notice_kept(name);
    -- to continue, its name is enough
    ELSIF NOT ((kinds, member, weight, condition, needed) IS NULL AND coalesce(keys, '{}') = '{}' AND grain = 'event')
          AND (kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain)
              IS DISTINCT FROM (known.kinds, known.keys, known.member, known.weight, known.condition, known.needed, known.grain) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'It is still being counted, with other arguments: to go on, call it with its name alone.';
    END IF;
    RETURN true;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.begin_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = begin_measure.name AND NOT m.counted) THEN
        RETURN true;
    END IF;
    PERFORM kindly_stats.lock_within(ARRAY(SELECT DISTINCT r FROM kindly_stats.event_tables() AS t, kindly_stats.partition_tree(t.event_table) AS r
                                            WHERE t.grain = begin_measure.grain ORDER BY r));
    PERFORM kindly_stats.insert_measure(name, kinds, keys, member, weight, condition, needed, grain, false);
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.finish_measure(name text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    by_nodes boolean := kindly_stats.begin_repair();
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = finish_measure.name AND NOT m.counted) THEN
        IF by_nodes THEN
            PERFORM kindly_stats.repair_nodes(NULL, name);
        ELSE
            PERFORM kindly_stats.repair(measure => name);
        END IF;
        UPDATE kindly_stats.measure AS m SET counted = true WHERE m.name = finish_measure.name;
    END IF;
    RETURN true;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.counts_replicated(event_table regclass) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_trigger AS t JOIN kindly_stats.partition_tree(event_table) AS r ON t.tgrelid = r
                    WHERE t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure))
$$;
CREATE OR REPLACE FUNCTION kindly_stats.refuse_merge(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    propagation text := current_setting('citus.enable_ddl_propagation', true);
BEGIN
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind = 'p')
       AND NOT EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = relation AND r.rulename = 'kindly_stats_no_merge') THEN
        EXECUTE format('CREATE RULE kindly_stats_no_merge AS ON DELETE TO %s WHERE kindly_stats.is_merge() DO ALSO NOTHING', relation);
        -- Citus takes no rules to other nodes, and would refuse what it cannot take there
        IF kindly_stats.is_distributed(relation) THEN
            PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
        END IF;
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS RULE kindly_stats_no_merge', relation);
        IF kindly_stats.is_distributed(relation) THEN
            PERFORM set_config('citus.enable_ddl_propagation', propagation, true);
        END IF;
        EXECUTE format('COMMENT ON RULE kindly_stats_no_merge ON %s IS %L', relation,
                       'keeps MERGE away, of which PostgreSQL tells triggers wrong rows: use INSERT ... ON CONFLICT, UPDATE and DELETE, or MERGE into the partition');
    END IF;
END
$$;
CREATE VIEW kindly_stats.covered_relation AS
SELECT t.tgrelid AS relation, a.arguments[2] AS grain, kindly_stats.mapping(a.arguments[3]) AS columns, t.tgnargs > 3 AS is_partition
  FROM pg_catalog.pg_trigger AS t, LATERAL (SELECT kindly_stats.trigger_arguments(t.tgargs) AS arguments) AS a
 WHERE t.tgfoid = 'kindly_stats.count_events()'::regprocedure AND t.tgtype = 4 AND t.tgnargs IN (3, 4) AND kindly_stats.mapping(a.arguments[3]) IS NOT NULL
   AND NOT kindly_stats.is_shard(t.tgrelid);
COMMENT ON VIEW kindly_stats.covered_relation IS 'internal: tables and partitions that have counting triggers, and what these were told';
CREATE OR REPLACE FUNCTION kindly_stats.part_tree(top regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    inner_table regclass;
    known record;
BEGIN
    -- attached tables in a tree that is not attached
    SELECT c.relation INTO inner_table FROM kindly_stats.covered_relation AS c JOIN kindly_stats.partition_tree(top) AS r ON r = c.relation
     WHERE r <> top AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS t WHERE t.relation = top) ORDER BY 1 LIMIT 1;
    IF inner_table IS NOT NULL THEN
        RAISE EXCEPTION 'table "%" is attached to kindly_stats, but "%", of which it is to be a partition, is not', inner_table, top
            USING ERRCODE = '55000', HINT = format('What is written through "%s" would not be counted. Attach that first: SELECT kindly_stats.attach(%L).', top, top);
    END IF;
    FOR known IN SELECT c.columns, c.grain FROM kindly_stats.covered_relation AS c WHERE c.relation = top ORDER BY c.grain
    LOOP
        PERFORM kindly_stats.create_triggers(r, top, known.columns, known.grain) FROM kindly_stats.partition_tree(top) AS r;
    END LOOP;
    -- for rows that were written through the tree, its top is listed
    FOR known IN SELECT kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) AS columns FROM pg_trigger AS t
                  WHERE t.tgrelid = top AND t.tgname = 'kindly_stats_closed_insert' AND t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure
    LOOP
        PERFORM kindly_stats.guard_conversations(top, known.columns);
        PERFORM kindly_stats.note_conversation_bots(top, known.columns ->> 'bot_id', NULL);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.adopt(relation regclass, top regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own jsonb;
BEGIN
    SELECT c.columns INTO own FROM kindly_stats.covered_relation AS c WHERE c.relation = adopt.relation AND c.grain = adopt.grain;
    IF own IS DISTINCT FROM adopt.columns AND (pg_relation_size(relation) > 0 OR kindly_stats.is_distributed(relation)) THEN
        PERFORM kindly_stats.require_fresh_snapshots('attach a partition with rows');
        IF own IS NOT NULL THEN
            PERFORM kindly_stats.append_counts(relation, own, grain, NULL, true, false);
        END IF;
        PERFORM kindly_stats.append_counts(relation, columns, grain, NULL, false, false);
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.sync_tree(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    part record;
    known record;
    is_event boolean;
BEGIN
    SELECT bool_or(e.grain = 'event') INTO is_event FROM kindly_stats.event_tables() AS e WHERE e.event_table = top;
    IF is_event IS NULL THEN
        PERFORM kindly_stats.part_tree(top);
        RETURN;
    END IF;
    PERFORM kindly_stats.require_countable(relation);
    PERFORM kindly_stats.require_not_kept(relation);
    PERFORM kindly_stats.check_columns(top, kindly_stats.needed_columns(e.columns, e.grain), e.grain) FROM kindly_stats.event_tables() AS e WHERE e.event_table = top;
    FOR part IN SELECT p.relid, p.isleaf FROM pg_partition_tree(relation) AS p ORDER BY p.level, p.relid
    LOOP
        IF EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = part.relid AND (c.grain = 'event') <> is_event) THEN
            RAISE EXCEPTION 'tables "%" and "%" are attached with different kinds of rows', part.relid, top
                USING ERRCODE = '55000', HINT = 'A tree of tables holds events or conversations, not both; detach one from kindly_stats first.';
        END IF;
        FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_tables() AS e WHERE e.event_table = top ORDER BY e.grain
        LOOP
            IF part.isleaf THEN
                PERFORM kindly_stats.adopt(part.relid, top, known.columns, known.grain);
            END IF;
            PERFORM kindly_stats.create_triggers(part.relid, top, known.columns, known.grain);
        END LOOP;
    END LOOP;
    -- if a partition counts replicated rows, its tree has to, too
    IF kindly_stats.counts_replicated(top) AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = top AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure) THEN
        PERFORM kindly_stats.create_replica_triggers(r, top, e.columns, e.grain) FROM kindly_stats.event_tables() AS e, kindly_stats.partition_tree(top) AS r
          WHERE e.event_table = top;
    END IF;
    -- a table that was half counted alone is half counted in its tree
    WITH half AS (
        DELETE FROM kindly_stats.counting AS c USING pg_partition_tree(sync_tree.relation) AS p WHERE c.event_table = p.relid RETURNING c.since)
    INSERT INTO kindly_stats.counting (event_table, since) SELECT top, min(h.since) FROM half AS h HAVING count(*) > 0 ON CONFLICT DO NOTHING;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_tables() AS c WHERE c.conversation_table = top
    LOOP
        PERFORM kindly_stats.guard_conversations(top, known.columns);
        PERFORM kindly_stats.note_conversation_bots(relation, known.columns ->> 'bot_id', NULL);
        PERFORM kindly_stats.check_replies(relation, known.columns);
        PERFORM kindly_stats.lock_exported();
        PERFORM kindly_stats.check_exported(top, known.columns);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.take_counts(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('change counted columns');
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    PERFORM kindly_stats.append_counts(e.event_table, e.columns, e.grain, NULL, true, false)
       FROM kindly_stats.event_tables() AS e WHERE e.event_table = take_counts.event_table;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.count_anew(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known record;
BEGIN
    FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_tables() AS e WHERE e.event_table = count_anew.event_table ORDER BY e.grain
    LOOP
        PERFORM kindly_stats.check_columns(event_table, kindly_stats.needed_columns(known.columns, known.grain), known.grain);
        PERFORM kindly_stats.append_counts(event_table, known.columns, known.grain, NULL, false, false);
    END LOOP;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_tables() AS c WHERE c.conversation_table = count_anew.event_table
    LOOP
        PERFORM kindly_stats.found_conversation_columns(event_table, known.columns);
        PERFORM kindly_stats.check_replies(event_table, known.columns);
        PERFORM kindly_stats.lock_exported();
        PERFORM kindly_stats.check_exported(event_table, known.columns);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.read_columns(event_table regclass) RETURNS TABLE (logical text, physical text)
    LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.key, kindly_stats.mapped_column(c.value) FROM kindly_stats.event_tables() AS e, jsonb_each(e.columns) AS c
     WHERE e.event_table = read_columns.event_table AND kindly_stats.mapped_column(c.value) IS NOT NULL
    UNION
    SELECT c.key, c.value FROM kindly_stats.conversation_tables() AS e, jsonb_each_text(e.columns) AS c
     WHERE e.conversation_table = read_columns.event_table AND c.value IS NOT NULL
$$;
CREATE OR REPLACE FUNCTION kindly_stats.before_drop(relations oid[], schemas oid[], roles oid[], caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone regclass[];
    part regclass;
    counted record;
BEGIN
    IF cardinality(schemas) + cardinality(roles) > 0 THEN
        relations := ARRAY(SELECT c.oid FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND (c.relnamespace = ANY (schemas) OR c.relowner = ANY (roles)));
    END IF;
    WITH RECURSIVE below AS (
        SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.oid = ANY (relations) AND (pg_has_role(caller, c.relowner, 'USAGE') OR pg_has_role(caller, n.nspowner, 'USAGE'))
        UNION
        SELECT i.inhrelid FROM below AS b JOIN pg_inherits AS i ON i.inhparent = b.oid)
    SELECT array_agg(b.oid ORDER BY b.oid) INTO gone FROM below AS b
     WHERE EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = b.oid AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure);
    IF gone IS NULL THEN
        RETURN;
    END IF;
    PERFORM kindly_stats.require_fresh_snapshots('drop an event table');
    -- Citus makes another table beside it, which takes the rows and then the name
    SELECT g INTO part FROM unnest(gone) AS g JOIN pg_class AS o ON o.oid = g JOIN pg_class AS n ON n.relnamespace = o.relnamespace AND n.oid > o.oid AND n.relkind = o.relkind
     WHERE kindly_stats.is_distributed(g) AND n.relname ~ '_[0-9]+$' AND starts_with(n.relname::text, left(o.relname::text, 40))
       AND n.xmin::text::bigint = pg_current_xact_id()::text::bigint & 4294967295
       AND NOT kindly_stats.is_shard(n.oid) LIMIT 1;
    IF part IS NOT NULL THEN
        RAISE EXCEPTION 'distributed table "%" is attached: its statistics would not go with it', part USING ERRCODE = '0A000',
            HINT = 'SELECT kindly_stats.undistribute() brings all tables back, and distribute() spreads them anew; or detach the table first.';
    END IF;
    PERFORM kindly_stats.exclude_repair();
    -- in the order of DROP TABLE's locks: a partition's parent first
    FOR part IN SELECT DISTINCT i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = ANY (gone) AND NOT i.inhparent = ANY (gone) ORDER BY 1
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        FOR counted IN SELECT r.columns, r.grain FROM kindly_stats.covered_relation AS r JOIN pg_class AS c ON c.oid = r.relation
                        WHERE r.relation = part AND c.relkind = 'r' AND (pg_relation_size(c.oid) > 0 OR kindly_stats.is_distributed(c.oid)) ORDER BY r.grain
        LOOP
            PERFORM kindly_stats.move_counts(part, counted.columns, counted.grain);
        END LOOP;
        RETURN NEXT part;
    END LOOP;
END
$$;
CREATE FUNCTION kindly_stats.require_no_counting(relation regclass, partition regclass, retyped text[]) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    is_fresh boolean;
BEGIN
    IF NOT kindly_stats.is_distributed(relation) THEN
        RETURN;
    END IF;
    -- Citus has just distributed a new partition that was not, and left its rows where they were, too
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = $1 AND p.xmin::text::bigint = pg_current_xact_id()::text::bigint & 4294967295)'
       INTO is_fresh USING partition;
    IF EXISTS (SELECT FROM kindly_stats.read_columns(top) AS c WHERE c.physical = ANY (retyped)) THEN
        RAISE EXCEPTION 'a column of distributed table "%" that is counted cannot change its type', top USING ERRCODE = '0A000',
            HINT = format('SELECT kindly_stats.detach(%L), alter the table, and attach it again.', top);
    -- one that is attached, or comes back, as its parent reads it is counted already
    ELSIF partition <> 0 AND NOT (SELECT c.relispartition FROM pg_class AS c WHERE c.oid = partition)
          AND EXISTS (SELECT FROM kindly_stats.partition_tree(partition) AS r WHERE pg_relation_size(r) > 0 OR kindly_stats.is_distributed(r) AND NOT is_fresh)
          AND EXISTS (SELECT FROM kindly_stats.event_tables() AS e
                       WHERE e.event_table = top AND e.columns IS DISTINCT FROM kindly_stats.attached_columns(partition, e.grain)) THEN
        RAISE EXCEPTION 'partition "%" of distributed table "%" has to be empty', partition, top USING ERRCODE = '0A000',
            HINT = 'Attach a table of this node that has no rows, and insert them then: they are spread and counted as they come.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_no_counting(regclass, regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_no_counting(regclass, regclass, text[]) IS 'internal: refuses ALTER TABLE on distributed tables that would change what is counted (0A000)';
CREATE OR REPLACE FUNCTION kindly_stats.before_alter(relation oid, partition oid, retyped text[], caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass;
    own name;
BEGIN
    IF NOT (kindly_stats.is_covered(relation) OR partition <> 0 AND kindly_stats.is_covered(partition)) OR NOT kindly_stats.may_alter(relation, caller) THEN
        RETURN;
    END IF;
    -- before the tables are locked: a repair that holds this lock may be waiting for them
    PERFORM kindly_stats.exclude_repair();
    IF partition <> 0 AND kindly_stats.is_covered(relation) THEN
        PERFORM kindly_stats.before_partition(relation, caller);
    END IF;
    top := kindly_stats.tree_top(relation);
    PERFORM kindly_stats.require_no_counting(relation, partition, retyped);
    -- PostgreSQL gives a new partition its parent's triggers for rows, and refuses one that has them already
    FOR own IN SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
                   WHERE t.tgrelid = partition AND NOT c.relispartition AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure
                     AND kindly_stats.is_covered(relation) AND kindly_stats.may_alter(partition, caller)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', own, partition::regclass);
    END LOOP;
    IF EXISTS (SELECT FROM kindly_stats.read_columns(top) AS c WHERE c.physical = ANY (retyped)) THEN
        PERFORM kindly_stats.take_counts(top);
        RETURN NEXT top;
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.before_rename_value(enum oid, caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reader regclass;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_type AS t WHERE t.oid = enum AND t.typtype = 'e' AND pg_has_role(caller, t.typowner, 'USAGE')) THEN
        RETURN;
    END IF;
    -- no table's lock makes this wait for an attach in progress, whose table has to be seen
    PERFORM kindly_stats.exclude_repair();
    FOR reader IN
        SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e
          JOIN LATERAL jsonb_each(e.columns) AS c ON true
          JOIN pg_attribute AS a ON a.attrelid = e.event_table AND a.attname = kindly_stats.mapped_column(c.value) AND a.attnum > 0 AND NOT a.attisdropped
         WHERE kindly_stats.base_type(a.atttypid) = enum ORDER BY 1
    LOOP
        PERFORM kindly_stats.take_counts(reader);
        RETURN NEXT reader;
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.warn_of_namesake(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former regclass;
BEGIN
    FOR former IN SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e WHERE to_regclass(e.known_as) = relation AND e.event_table <> relation
    LOOP
        RAISE WARNING 'table "%" is not attached to kindly_stats: what is written to it is not counted', relation
            USING HINT = format('"%s" had that name when it was attached. SELECT kindly_stats.attach(%L).', former, relation);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.after_create(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class record;
BEGIN
    IF kindly_stats.is_shard(relation) THEN
        RETURN;
    END IF;
    SELECT c.relispartition, c.relhassubclass OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid) AS is_related INTO class
      FROM pg_class AS c WHERE c.oid = relation;
    IF class.relispartition THEN
        IF kindly_stats.is_covered(relation) THEN
            PERFORM kindly_stats.exclude_repair();
            PERFORM kindly_stats.sync_tree(relation);
        END IF;
    ELSIF class.is_related AND EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = relation AND kindly_stats.is_covered(i.inhparent)) THEN
        PERFORM kindly_stats.require_countable(i.inhparent) FROM pg_inherits AS i WHERE i.inhrelid = relation AND kindly_stats.is_covered(i.inhparent);
    ELSIF NOT kindly_stats.is_covered(relation) THEN
        PERFORM kindly_stats.warn_of_namesake(relation);
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.after_alter(relation oid, partition oid, checks boolean, switches boolean, added text[], retyped text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    found record;
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.read_columns(top) AS c WHERE c.physical = ANY (retyped)) THEN
        RAISE EXCEPTION 'table "%" was attached to kindly_stats while this statement waited for it', top
            USING ERRCODE = '40001', HINT = 'Try again: it is counted anew then.';
    END IF;
    IF partition <> 0 AND (kindly_stats.is_covered(relation) OR kindly_stats.is_covered(partition)) THEN
        -- it is excluded already, unless the tree was attached while the statement waited for it
        PERFORM kindly_stats.exclude_repair();
        PERFORM kindly_stats.sync_tree(partition);
    END IF;
    IF checks THEN
        PERFORM kindly_stats.require_countable(c) FROM unnest(ARRAY[relation] || ARRAY(SELECT i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = relation)) AS c
          WHERE kindly_stats.is_covered(c);
    END IF;
    -- ENABLE TRIGGER ALL, as in pg_restore, is not meant for the replica triggers: these stay what they are
    FOR found IN SELECT t.tgrelid::regclass AS name, t.tgname FROM kindly_stats.partition_tree(relation) AS r JOIN pg_trigger AS t ON t.tgrelid = r
                  WHERE switches AND t.tgenabled = 'O' AND t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure)
                  ORDER BY t.tgparentid <> 0, 1, 2
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', found.name, found.tgname);
    END LOOP;
    IF switches AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND starts_with(t.tgname::text, 'kindly_stats_') AND t.tgenabled = 'D'
                               AND t.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure)) THEN
        RAISE WARNING 'table "%" has counting triggers that are disabled: what is written to it is not counted', relation::regclass
            USING HINT = format('ALTER TABLE %s ENABLE TRIGGER ALL; then SELECT kindly_stats.rebuild().', relation::regclass);
    END IF;
    FOR found IN SELECT DISTINCT a.name FROM unnest(added) AS a (name), kindly_stats.event_tables() AS e
                  WHERE e.event_table = top AND e.grain = 'event' AND NOT e.columns ? a.name
                    AND a.name IN (SELECT l.logical FROM kindly_stats.logical_columns(e.grain) AS l) ORDER BY 1
    LOOP
        RAISE NOTICE 'column "%" of event table "%" is not counted', found.name, top
            USING HINT = format('SELECT kindly_stats.attach(%L) counts the table anew with it.', top);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.after_rename_column(relation regclass, old_name text, new_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    known record;
BEGIN
    FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_tables() AS e WHERE e.event_table = top ORDER BY e.grain
    LOOP
        IF kindly_stats.renamed_columns(known.columns, old_name, new_name) <> known.columns THEN
            PERFORM kindly_stats.create_triggers(r, top, kindly_stats.renamed_columns(known.columns, old_name, new_name), known.grain)
               FROM kindly_stats.partition_tree(top) AS r;
        END IF;
    END LOOP;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_tables() AS c WHERE c.conversation_table = top
    LOOP
        IF kindly_stats.renamed_columns(known.columns, old_name, new_name) <> known.columns THEN
            PERFORM kindly_stats.guard_conversations(top, kindly_stats.renamed_columns(known.columns, old_name, new_name));
        END IF;
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.after_drop(kept oid[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d WHERE d.object_type IN ('table column', 'trigger')) THEN
        RETURN;
    END IF;
    FOR lost IN
        SELECT DISTINCT format('%I.%I', d.address_names[1], d.address_names[2]) AS name, t.objid, t.original
          FROM pg_event_trigger_dropped_objects() AS d
          LEFT JOIN pg_event_trigger_dropped_objects() AS t ON t.object_type = 'table' AND t.address_names = d.address_names[1:2]
         WHERE d.object_type = 'trigger' AND d.address_names[3] ~ '^kindly_stats_(conversation_(start|end)_)?(insert|update|delete|truncate)$' AND coalesce(t.objid <> ALL (kept), true) ORDER BY 1
    LOOP
        IF lost.original THEN
            RAISE EXCEPTION 'table % was attached to kindly_stats while this statement waited for it', lost.name
                USING ERRCODE = '40001', HINT = 'Try again: its statistics are kept then.';
        ELSIF lost.objid IS NOT NULL THEN
            RAISE EXCEPTION 'cannot drop attached table % along with something else', lost.name
                USING ERRCODE = '55000', HINT = format('Its statistics would be wrong. DROP TABLE %s first, which keeps them, or SELECT kindly_stats.detach(%L).', lost.name, lost.name);
        END IF;
        RAISE WARNING 'table % has lost a counting trigger: its statistics become wrong', lost.name
            USING HINT = 'kindly_stats.attach(), and then kindly_stats.rebuild(), mends that; to count the table no longer, use kindly_stats.detach().';
    END LOOP;
    FOR lost IN
        SELECT d.objid::regclass AS name, c.logical, c.physical, EXISTS (SELECT FROM kindly_stats.conversation_tables() AS v WHERE v.conversation_table = d.objid) AS is_conversation
          FROM pg_event_trigger_dropped_objects() AS d
          JOIN LATERAL kindly_stats.read_columns(d.objid) AS c ON c.physical = d.address_names[3]
         WHERE d.object_type = 'table column' AND kindly_stats.is_covered(d.objid) ORDER BY 1, 2
    LOOP
        RAISE EXCEPTION 'column "%" of attached table "%" is counted', lost.physical, lost.name
            USING ERRCODE = '55000', HINT = CASE WHEN lost.logical IN ('bot_id', 'occurred_at', 'kind', 'conversation_id', 'conversation_start_time', 'conversation_end_time')
                THEN format('Nothing can be counted without it: SELECT kindly_stats.detach(%L) first.', lost.name)
                ELSE format('Count without it first: SELECT kindly_stats.%s(%L, ''{"%s": null}'').',
                    CASE WHEN lost.is_conversation THEN 'attach_conversations' ELSE 'attach' END, lost.name, lost.logical) END;
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_triggers() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- a table that is attached both by itself and through its parent
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('It is attached, and a partition of %s, which is attached, too: its events are counted twice.', a.event_table),
           format('SELECT kindly_stats.detach(%L); SELECT kindly_stats.attach(%L); SELECT kindly_stats.rebuild();', t.event_table, a.event_table)
      FROM kindly_stats.event_tables() AS t
      JOIN kindly_stats.event_tables() AS a ON a.grain = t.grain AND a.event_table <> t.event_table
       AND a.event_table IN (SELECT p.relid FROM pg_partition_ancestors(t.event_table) AS p);
    -- before there was a subscription
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('It is attached, and subscription %I replicates statistics of another server to kindly_stats.rollup: both write there.', s.subname),
           format('DROP SUBSCRIPTION %I; SELECT kindly_stats.rebuild();', s.subname)
      FROM kindly_stats.event_tables() AS t, pg_subscription_rel AS p JOIN pg_subscription AS s ON s.oid = p.srsubid
     WHERE p.srrelid = to_regclass('kindly_stats.rollup');
    RETURN QUERY
    SELECT 'error', r.relation::text,
           CASE WHEN r.relation = t.event_table THEN 'It has not all triggers that count its events: what is written is not counted.'
                ELSE format('This partition of %s has not all triggers that count: what is written straight to it is not counted.', t.event_table) END,
           format('SELECT kindly_stats.%s(%L); SELECT kindly_stats.rebuild();', CASE t.grain WHEN 'event' THEN 'attach' ELSE 'attach_conversations' END, t.event_table)
      FROM kindly_stats.event_tables() AS t, LATERAL kindly_stats.partition_tree(t.event_table) AS r (relation)
     WHERE (SELECT count(*) FROM pg_trigger AS g, unnest(ARRAY['insert', 'update', 'delete']) AS e
             WHERE g.tgrelid = r.relation AND g.tgname = kindly_stats.trigger_name(t.grain, e) AND g.tgfoid = 'kindly_stats.count_events()'::regprocedure) < 3
     ORDER BY 2;
    -- without the INSERT trigger it is not even known as an event table
    RETURN QUERY
    SELECT DISTINCT 'error', g.tgrelid::regclass::text, 'It has lost the trigger that counts what is inserted: what is written is not counted.',
           format('SELECT kindly_stats.attach(%L); SELECT kindly_stats.rebuild();', kindly_stats.tree_top(g.tgrelid)::text)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure) AND NOT kindly_stats.is_shard(g.tgrelid)
       AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = g.tgrelid)
       AND NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE t.event_table = kindly_stats.tree_top(g.tgrelid)) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('trigger %I of %s', g.tgname, g.tgrelid::regclass), 'It is disabled: what happens meanwhile is not counted, or not guarded.',
           format('%sALTER TABLE %s ENABLE TRIGGER %I; SELECT kindly_stats.rebuild();',
                  CASE WHEN kindly_stats.is_distributed(g.tgrelid) THEN 'SET citus.enable_unsafe_triggers = on; ' END, g.tgrelid::regclass, g.tgname)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure,
                        to_regprocedure('kindly_stats.guard_exported()'), 'kindly_stats.measure_changed()'::regprocedure)
       -- a trigger for each row may be one for what is replicated, and nothing else
       AND (g.tgenabled = 'D' OR g.tgenabled = 'R' AND g.tgtype & 1 = 0) AND NOT kindly_stats.is_shard(g.tgrelid)
     ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('trigger %I of %s', g.tgname, g.tgrelid::regclass), 'It is not enabled for replicas: what is replicated is not counted.',
           format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I; SELECT kindly_stats.rebuild();', g.tgrelid::regclass, g.tgname)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure) AND g.tgenabled IN ('D', 'O') ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('event trigger %I', e.evtname), 'It is disabled: tables can change without the statistics following.',
           format('ALTER EVENT TRIGGER %I ENABLE; SELECT kindly_stats.rebuild();', e.evtname)
      FROM pg_event_trigger AS e JOIN pg_depend AS d ON d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e'
      JOIN pg_extension AS x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid AND x.extname = 'kindly_stats'
     WHERE e.evtenabled IN ('D', 'R') ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', r.relation::text, 'The rule is gone that keeps MERGE away: what it moves from partition to partition may not be counted.',
           format('SELECT kindly_stats.refuse_merge(%L);', r.relation::text)
      FROM kindly_stats.event_tables() AS t, LATERAL kindly_stats.partition_tree(t.event_table) AS r (relation) JOIN pg_class AS c ON c.oid = r.relation AND c.relkind = 'p'
     WHERE NOT EXISTS (SELECT FROM pg_rewrite AS w WHERE w.ev_class = r.relation AND w.rulename = 'kindly_stats_no_merge') ORDER BY 2;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_columns() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN QUERY
        SELECT 'error', 'kindly_stats.rollup', format('It is missing, and %s has the triggers that count: it was restored without the schema kindly_stats.', min(t.event_table::text)),
               'SELECT kindly_stats.rebuild();'
          FROM kindly_stats.event_tables() AS t HAVING count(*) > 0;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('Its column "%s" for "%s" was renamed or dropped: writers get an error.', kindly_stats.mapped_column(t.columns -> l), l),
           format('SELECT kindly_stats.%s(%L, %L); -- or with its new name instead of null', CASE t.grain WHEN 'event' THEN 'attach' ELSE 'attach_conversations' END,
                  t.event_table, json_build_object(l, NULL))
      FROM kindly_stats.event_tables() AS t, LATERAL unnest(kindly_stats.lost_columns(t.event_table, t.columns)) AS l
     WHERE t.grain <> 'conversation_end' ORDER BY 2, 3;
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('Its column "%s" for "%s" has become of type %s, which cannot be counted: writers get an error.',
                                                a.attname, l.logical, format_type(a.atttypid, a.atttypmod)),
           -- DDL, while event triggers are enabled, would first count the table as it is
           format('SET session_replication_role = replica; ALTER TABLE %s ALTER COLUMN %I TYPE %s; RESET session_replication_role; SELECT kindly_stats.rebuild();',
                  t.event_table, a.attname,
                  CASE WHEN t.columns -> l.logical -> 'tz' IS NOT NULL THEN 'timestamp' WHEN t.columns -> l.logical -> 'unit' IS NOT NULL THEN 'double precision'
                       WHEN t.columns -> l.logical -> 'path' IS NOT NULL THEN 'jsonb' WHEN l.role = 'instant' THEN 'timestamptz' WHEN l.role = 'condition' THEN 'boolean'
                       WHEN l.role IN ('bot', 'weight') THEN 'bigint' ELSE 'text' END)
      FROM kindly_stats.event_tables() AS t
     CROSS JOIN LATERAL kindly_stats.logical_columns(t.grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = t.event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = CASE WHEN t.columns ? l.logical THEN kindly_stats.mapped_column(t.columns -> l.logical) ELSE l.logical END
     WHERE NOT kindly_stats.type_fits(l.role, t.columns -> l.logical, a.atttypid)
       AND t.grain <> 'conversation_end' ORDER BY 2, 3;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_tables() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT 'warning', c.oid::regclass::text, 'It is unlogged: a crash empties it, and its statistics stay.', format('ALTER TABLE %s SET LOGGED;', c.oid::regclass)
      FROM kindly_stats.event_tables() AS t, LATERAL kindly_stats.partition_tree(t.event_table) AS r JOIN pg_class AS c ON c.oid = r
     WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', p.relid::text, format('It is a foreign table, and a partition of %s: its events are not counted.', t.event_table),
           format('ALTER TABLE %s DETACH PARTITION %s;', p.parentrelid, p.relid)
      FROM kindly_stats.event_tables() AS t, LATERAL pg_partition_tree(t.event_table) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind = 'f' ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'error', i.inhrelid::regclass::text, format('It inherits from %s: what is written straight to it is not counted.', t.event_table),
           format('ALTER TABLE %s NO INHERIT %s; SELECT kindly_stats.rebuild();', i.inhrelid::regclass, t.event_table)
      FROM kindly_stats.event_tables() AS t JOIN pg_inherits AS i ON i.inhparent = t.event_table JOIN pg_class AS c ON c.oid = t.event_table
     WHERE c.relkind = 'r' ORDER BY 2;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_trees() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', c.relation::regclass::text, format('It is attached, but not %s, whose partition it is: what is written through that table is not counted.', kindly_stats.tree_top(c.relation)),
           format('SELECT kindly_stats.detach(%L); SELECT kindly_stats.attach(%L);', c.relation::regclass::text, kindly_stats.tree_top(c.relation)::text)
      FROM kindly_stats.covered_relation AS c JOIN pg_class AS r ON r.oid = c.relation AND r.relispartition
     WHERE NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE t.event_table = kindly_stats.tree_top(c.relation)) ORDER BY 2;
    RETURN QUERY
    SELECT 'notice', i.inhrelid::regclass::text, format('It is half detached from %s: nothing can be written through that table.', i.inhparent::regclass),
           format('ALTER TABLE %s DETACH PARTITION %s FINALIZE;', i.inhparent::regclass, i.inhrelid::regclass)
      FROM pg_inherits AS i WHERE i.inhdetachpending AND i.inhrelid IN (SELECT c.relation FROM kindly_stats.covered_relation AS c) ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', t.event_table::text, format('Table %s, which has its former name, is not attached.', t.known_as), format('SELECT kindly_stats.attach(%L);', t.known_as)
      FROM kindly_stats.event_tables() AS t WHERE to_regclass(t.known_as) <> t.event_table
       AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = to_regclass(t.known_as)) ORDER BY 2;
    RETURN QUERY
    SELECT 'notice', t.event_table::text, format('Its column "%s" is not counted: it was added later.', l.logical), format('SELECT kindly_stats.attach(%L);', t.event_table::text)
      FROM kindly_stats.event_tables() AS t, kindly_stats.logical_columns(t.grain) AS l
     WHERE t.grain = 'event' AND NOT t.columns ? l.logical
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t.event_table AND a.attname = l.logical AND a.attnum > 0 AND NOT a.attisdropped) ORDER BY 2, 3;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_counting() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- a session that is counting holds this lock, see KS_LOCK_OF_REPAIR
    is_running boolean := EXISTS (SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()
                                   WHERE l.locktype = 'advisory' AND l.objsubid = 6 AND l.classid = 0 AND l.objid = 0 AND l.mode = 'ExclusiveLock');
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, c.event_table::text,
           format('Its events from before %s are not counted yet.', to_char(c.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;'
                WHEN EXISTS (SELECT FROM kindly_stats.conversation_tables() AS t WHERE t.conversation_table = c.event_table) THEN 'SELECT kindly_stats.rebuild();'
                ELSE format('CALL kindly_stats.attach_concurrently(%L);', c.event_table) END
      FROM kindly_stats.counting AS c WHERE c.event_table IN (SELECT t.event_table FROM kindly_stats.event_tables() AS t) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', CASE WHEN EXISTS (SELECT FROM pg_class AS r WHERE r.oid = c.event_table) THEN c.event_table::text ELSE format('table with OID %s', c.event_table) END,
           'It was dropped or is not attached any more, and was still being counted: statistics lack some of its events.', 'SELECT kindly_stats.rebuild();'
      FROM kindly_stats.counting AS c WHERE c.event_table NOT IN (SELECT t.event_table FROM kindly_stats.event_tables() AS t) ORDER BY 2;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, format('measure %s', m.name), 'It is still being counted: questions about it are refused.',
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;' ELSE format('CALL kindly_stats.add_measure_concurrently(%L);', m.name) END
      FROM kindly_stats.measure AS m WHERE NOT m.counted ORDER BY 2;
    RETURN QUERY
    SELECT 'warning', format('measure %s', o.name), 'The extension was updated since, and defines it otherwise or anew.', 'SELECT * FROM kindly_stats.update_measures();'
      FROM kindly_stats.outdated_measures() AS o ORDER BY 2;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_rows(enough bigint DEFAULT 1000) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'warning', 'kindly_stats.rollup',
           format('%s months of bots have more than %s rows that are to be merged, bot %s has %s of %s: questions about them are slower than need be.',
                  count(*), enough, kindly_stats.bot_text((array_agg(m.bot_id ORDER BY m.rows DESC))[1]), max(m.rows), coalesce(to_char(nullif((array_agg(m.month ORDER BY m.rows DESC))[1], '-infinity'), 'YYYY-MM'), 'several months')),
           'CALL kindly_stats.compact();'
      FROM (SELECT r.bot_id, r.month, count(*) - count(DISTINCT r.measure) AS rows FROM kindly_stats.rollup AS r
             GROUP BY r.bot_id, r.month, r.kept HAVING count(*) - count(DISTINCT r.measure) > enough) AS m
    HAVING count(*) > 0;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_size(slack bigint DEFAULT 67108864) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size bigint := pg_total_relation_size(to_regclass('kindly_stats.rollup'));
    tallies bigint;
BEGIN
    IF NOT kindly_stats.has_rollup() OR size <= slack THEN
        RETURN;
    END IF;
    -- besides its tally, a row and its index entries have about so many bytes
    SELECT coalesce(sum(pg_column_size(r.tally) + 150), 0) INTO tallies FROM kindly_stats.rollup AS r;
    IF size > slack + 2 * tallies THEN
        RETURN NEXT ROW('warning', 'kindly_stats.rollup', format('It has %s on disk for %s of tallies.', pg_size_pretty(size), pg_size_pretty(tallies)),
                        'VACUUM (FULL) kindly_stats.rollup; -- writers and questions wait for it')::kindly_stats.finding;
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.verify_all() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_differences bigint;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    ELSIF kindly_stats.place() = 'worker' THEN
        -- it has not all tables, and does not note when it was
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    SELECT count(*) INTO found_differences FROM kindly_stats.verify();
    INSERT INTO kindly_stats.verified AS v (differences) VALUES (found_differences)
        ON CONFLICT (is_only) DO UPDATE SET verified_at = EXCLUDED.verified_at, differences = EXCLUDED.differences;
    RETURN found_differences;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_verification() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
BEGIN
    IF NOT EXISTS (SELECT FROM kindly_stats.event_tables()) OR to_regclass('kindly_stats.verified') IS NULL THEN
        RETURN;
    END IF;
    SELECT v.verified_at, v.differences INTO last FROM kindly_stats.verified AS v;
    IF last.differences > 0 THEN
        RETURN NEXT ROW('error', 'kindly_stats.rollup', format('verify_all() found %s differences on %s.', last.differences, to_char(last.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
                        'SELECT kindly_stats.rebuild(); SELECT kindly_stats.verify_all();')::kindly_stats.finding;
    ELSIF last.verified_at IS NULL THEN
        RETURN NEXT ROW('notice', 'kindly_stats.rollup', 'It has never been compared with the events.', 'SELECT kindly_stats.verify_all();')::kindly_stats.finding;
    ELSIF last.verified_at < now() - interval '7 days' THEN
        RETURN NEXT ROW('notice', 'kindly_stats.rollup', format('It was last compared with the events on %s.', to_char(last.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
                        'SELECT kindly_stats.verify_all();')::kindly_stats.finding;
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health_roles(oldest interval DEFAULT '1 year') RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    age interval;
BEGIN
    RETURN QUERY
    SELECT 'warning', format('role %I', r.rolname),
           CASE WHEN NOT w.needs_login THEN 'It can log in, past PostgREST: whoever does says himself which bot he may see.'
                ELSE 'It cannot log in, as PostgREST has to.' END,
           format('ALTER ROLE %I %s;', r.rolname, CASE WHEN w.needs_login THEN 'LOGIN' ELSE 'NOLOGIN' END)
      FROM (VALUES ('kindly_api_authenticator', true), ('kindly_api_anonymous', false), ('kindly_api_user', false), ('kindly_api_guest', false)) AS w (role, needs_login)
      JOIN pg_roles AS r ON r.rolname = w.role WHERE r.rolcanlogin <> w.needs_login ORDER BY 2;
    -- not every monitor may see that table
    IF has_column_privilege(to_regclass('kindly_stats.api_secret'), 'created_at', 'SELECT') THEN
        SELECT now() - s.created_at INTO age FROM kindly_stats.api_secret AS s;
        IF age > oldest THEN
            RETURN NEXT ROW('warning', 'kindly_stats.api_secret', format('The secret that signs tokens is %s days old.', extract(day FROM age)),
                            'SELECT kindly_stats.rotate_signing_secret(); -- and tell PostgREST')::kindly_stats.finding;
        END IF;
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.health() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE COST 1000000 ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM kindly_stats.tree_findings()
    UNION ALL SELECT * FROM kindly_stats.health_counting()
    UNION ALL SELECT * FROM kindly_stats.health_verification()
    UNION ALL SELECT * FROM kindly_stats.health_bots()
    UNION ALL SELECT * FROM kindly_stats.health_rows()
    UNION ALL SELECT * FROM kindly_stats.health_dead_rows()
    UNION ALL SELECT * FROM kindly_stats.health_size()
    UNION ALL SELECT h.* FROM kindly_stats.zone_data() AS z, kindly_stats.health_zones(z.postgresql, z.icu, z.disagreeing) AS h
    UNION ALL SELECT * FROM kindly_stats.health_roles()
    UNION ALL SELECT * FROM kindly_stats.health_nodes();
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.restore_kept() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- the tables are not counted any more, not even half
    IF to_regclass('kindly_stats.counting') IS NOT NULL THEN
        DELETE FROM kindly_stats.counting;
    END IF;
    IF EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'kindly_stats.rollup'::regclass AND a.attname = 'saved' AND NOT a.attisdropped) THEN
        DELETE FROM kindly_stats.rollup WHERE saved IS NULL OR NOT kept;
        ALTER TABLE kindly_stats.rollup ADD COLUMN tally kindly_stats.tally;
        UPDATE kindly_stats.rollup SET tally = (E'\\x' || encode(saved, 'hex'))::kindly_stats.tally;
        ALTER TABLE kindly_stats.rollup ALTER COLUMN tally SET NOT NULL;
        ALTER TABLE kindly_stats.rollup DROP COLUMN saved;
    ELSE
        -- what is left of the rows is of no use; grants and policies are worth keeping
        TRUNCATE kindly_stats.rollup;
        ALTER TABLE kindly_stats.rollup ADD COLUMN tally kindly_stats.tally NOT NULL;
    END IF;
    RAISE NOTICE 'statistics but those of events that are gone were dropped with the extension'
        USING HINT = 'Attach each event table again: the events that it has are counted.';
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.note_kept(event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM kindly_stats.detached AS d
     WHERE d.event_table IN (SELECT kindly_stats.partition_tree(note_kept.event_table)) AND d.grain = note_kept.grain OR NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.event_table);
    -- a partition may leave its tree later, and has been counted then, too
    INSERT INTO kindly_stats.detached (event_table, grain, columns)
    SELECT r, note_kept.grain, note_kept.columns FROM kindly_stats.partition_tree(note_kept.event_table) AS r
$$;
CREATE OR REPLACE FUNCTION kindly_stats.require_not_kept(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    other regclass;
BEGIN
    SELECT d.event_table INTO other FROM kindly_stats.detached AS d JOIN kindly_stats.partition_tree(require_not_kept.event_table) AS r ON r = d.event_table
     ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the events of table "%" are counted already: its statistics were kept when it was detached', other
            USING ERRCODE = '55000', HINT = format('SELECT kindly_stats.forget_kept(%L) takes them out of the statistics; then attach it.', other);
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.forget_kept(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d kindly_stats.detached;
    names text[];
    n record;
    measures text[];
    tallies kindly_stats.tally[];
    -- else partitions came since, which were not kept: those that were are read one by one
    is_whole boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('forget kept statistics');
    IF NOT kindly_stats.has_rollup() OR NOT EXISTS (SELECT FROM kindly_stats.detached AS t WHERE t.event_table = forget_kept.event_table) THEN
        RAISE EXCEPTION 'no statistics of table "%" were kept when it was detached', event_table
            USING ERRCODE = '55000', HINT = 'kindly_stats.detached lists the tables of which they were.';
    END IF;
    PERFORM kindly_stats.lock_repair();
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    is_whole := NOT EXISTS (SELECT FROM kindly_stats.partition_tree(forget_kept.event_table) AS r WHERE NOT EXISTS (SELECT FROM kindly_stats.detached AS t WHERE t.event_table = r));
    FOREACH d IN ARRAY ARRAY(SELECT t FROM kindly_stats.detached AS t WHERE t.event_table IN (SELECT kindly_stats.partition_tree(forget_kept.event_table)) ORDER BY t.event_table, t.grain)
    LOOP
        DELETE FROM kindly_stats.detached AS t WHERE t.event_table = d.event_table AND t.grain = d.grain;
        IF is_whole AND d.event_table = forget_kept.event_table
           OR NOT is_whole AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.event_table AND c.relkind = 'r') THEN
            PERFORM kindly_stats.append_counts(d.event_table, d.columns, d.grain, NULL, true, true);
        END IF;
    END LOOP;
    -- what was taken away lies in rows of its own; months that were not touched are as before.  Each is asked of the node that has its bot.
    names := ARRAY(SELECT m.name FROM kindly_stats.measure AS m);
    FOR n IN SELECT DISTINCT r.bot_id, r.month FROM (SELECT r.bot_id, kindly_stats.months(r.tally) AS month FROM kindly_stats.rollup AS r
                                                      WHERE r.kept AND kindly_stats.has_negative(r.tally)) AS r
    LOOP
        SELECT array_agg(u.measure), array_agg(u.tally) INTO measures, tallies
          FROM (SELECT r.measure, kindly_stats.sum(CASE r.month WHEN '-infinity' THEN kindly_stats.slice(r.tally, n.month::timestamp AT TIME ZONE 'UTC',
                                                                                                         (n.month + interval '1 month') AT TIME ZONE 'UTC') ELSE r.tally END) AS tally
                  FROM kindly_stats.rollup AS r WHERE r.bot_id = n.bot_id AND r.month IN (n.month, '-infinity') AND r.kept GROUP BY r.measure) AS u;
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM unnest(names) AS m (name)
             WHERE kindly_stats.has_negative((SELECT kindly_stats.sum(CASE u.measure WHEN '' THEN kindly_stats.keys_under(u.tally, m.name) ELSE u.tally END)
                                                FROM unnest(measures, tallies) AS u (measure, tally) WHERE u.measure IN ('', m.name))));
        RAISE EXCEPTION 'table "%" has events that were not kept when it was detached', event_table
            USING ERRCODE = '55000', HINT = 'Delete those that were written since, and insert them again once the table is attached.';
    END LOOP;
END
$$;
CREATE FUNCTION kindly_stats.is_distributed(relation regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = $1)' INTO result USING relation;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.is_distributed(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_distributed(regclass) IS 'internal: whether a table is distributed or a reference table';
CREATE FUNCTION kindly_stats.require_place(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_beside boolean;
BEGIN
    IF kindly_stats.place() = 'worker' THEN
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    ELSIF NOT kindly_stats.is_distributed(event_table) THEN
        RETURN;
    END IF;
    EXECUTE $query$SELECT p.partmethod = 'h' AND p.colocationid = (SELECT r.colocationid FROM pg_dist_partition AS r WHERE r.logicalrelid = to_regclass('kindly_stats.rollup'))
                     FROM pg_dist_partition AS p WHERE p.logicalrelid = $1$query$ INTO is_beside USING event_table;
    IF is_beside IS NOT TRUE THEN
        RAISE EXCEPTION 'distributed table "%" does not lie beside the rollup', event_table USING ERRCODE = '0A000',
            HINT = format('SELECT undistribute_table(%L), attach it, and SELECT kindly_stats.distribute().', event_table);
    END IF;
    PERFORM kindly_stats.require_owner(event_table);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_place(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_place(regclass) IS 'internal: refuses a table whose shards cannot write to the rollup, and a worker (0A000, 55000)';
CREATE FUNCTION kindly_stats.shared_tables() RETURNS TABLE (name text, bot_column text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 11 SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('rollup', 'bot_id'), ('known_bot', 'bot_id'), ('interaction', 'bot_id'), ('exported', 'bot_id'),
           -- whoever counts an event has to know what is counted, wherever he is
           ('measure', NULL),
           -- questions are refused where counts are not complete; repairs of all nodes meet here
           ('counting', NULL),
           -- names are unique over all bots
           ('bot_name', NULL),
           -- who sees which bots is asked with each question
           ('bot_grant', NULL), ('api_key', NULL), ('api_secret', NULL)
    -- detached and verified are about what an administrator does on the coordinator, where all DDL is; what conversation_bot says is in
    -- numbers of tables, which each node has of its own, and is not asked then
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.shared_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.shared_tables() IS
'internal: tables that distribute() spreads over nodes

bot_column: by which they are distributed; NULL for those of which each node has a copy.';
CREATE FUNCTION kindly_stats.require_cluster() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
    mine text;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL OR NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'citus') THEN
        RAISE EXCEPTION 'extension citus is not installed in this database' USING ERRCODE = '55000',
            HINT = 'On each node, put citus first into shared_preload_libraries, restart, and CREATE EXTENSION citus; then add the workers with citus_add_node().';
    END IF;
    SELECT e.extversion INTO mine FROM pg_extension AS e WHERE e.extname = 'citus';
    IF split_part(mine, '.', 1)::integer < 13 THEN
        RAISE EXCEPTION 'citus % is too old', mine USING ERRCODE = '0A000', HINT = 'Install version 13 or later, and ALTER EXTENSION citus UPDATE on each node.';
    END IF;
    EXECUTE 'SELECT l.groupid FROM pg_dist_local_group AS l' INTO found;
    IF found.groupid <> 0 THEN
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    EXECUTE $query$SELECT count(*) FILTER (WHERE n.groupid = 0) AS coordinators, count(*) FILTER (WHERE n.shouldhaveshards AND n.isactive) AS owners
                     FROM pg_dist_node AS n WHERE n.noderole = 'primary'$query$ INTO found;
    IF found.coordinators = 0 THEN
        RAISE EXCEPTION 'the workers do not know the coordinator' USING ERRCODE = '55000',
            HINT = 'SELECT citus_set_coordinator_host(''the name by which workers reach it'', port);';
    ELSIF found.owners = 0 THEN
        RAISE EXCEPTION 'there is no node for shards' USING ERRCODE = '55000', HINT = 'Add workers: SELECT citus_add_node(''name'', port);';
    ELSIF current_setting('citus.shard_replication_factor') <> '1' THEN
        RAISE EXCEPTION 'citus.shard_replication_factor is %', current_setting('citus.shard_replication_factor') USING ERRCODE = '0A000',
            HINT = 'Triggers count on one copy of a shard: set it to 1, and replicate nodes with standbys.';
    END IF;
    SELECT e.extversion INTO mine FROM pg_extension AS e WHERE e.extname = 'kindly_stats';
    FOR found IN EXECUTE $query$SELECT n.nodename, n.nodeport, n.groupid, r.success, r.result
                                  FROM run_command_on_all_nodes('SELECT coalesce((SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) ''kindly_stats''), ''none'')'
                                                                ' OPERATOR(pg_catalog.||) CASE WHEN pg_catalog.to_regclass(''kindly_stats.rollup'') IS NULL THEN '''' ELSE '' and tables'' END') AS r
                                  JOIN pg_dist_node AS n USING (nodeid) ORDER BY n.nodeid$query$
    LOOP
        IF NOT found.success THEN
            RAISE EXCEPTION 'node %:% does not answer', found.nodename, found.nodeport USING ERRCODE = '08006', DETAIL = found.result,
                HINT = 'Every node has to be there while tables are distributed.';
        ELSIF found.groupid <> 0 AND found.result LIKE '% and tables' AND kindly_stats.place() = 'here' THEN
            RAISE EXCEPTION 'node %:% has statistics of its own', found.nodename, found.nodeport USING ERRCODE = '55000',
                DETAIL = 'Tables of schema kindly_stats are there already, and would be in the way of those that are to be shared.',
                HINT = 'On that node, if nobody needs them: DROP EXTENSION kindly_stats CASCADE; DROP SCHEMA kindly_stats CASCADE; CREATE EXTENSION kindly_stats;';
        ELSIF replace(found.result, ' and tables', '') <> mine THEN
            RAISE EXCEPTION 'node %:% has kindly_stats in version %, and not %', found.nodename, found.nodeport, replace(found.result, ' and tables', ''), mine USING ERRCODE = '55000',
                HINT = 'Install the same version on every node, and CREATE EXTENSION, or ALTER EXTENSION kindly_stats UPDATE, there.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_cluster() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_cluster() IS 'internal: refuses what is no cluster that tables can be distributed over (08006, 0A000, 55000)';
CREATE FUNCTION kindly_stats.require_owner(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stray record;
BEGIN
    SELECT r AS relation, pg_get_userbyid(o.relowner) AS owner INTO stray
      FROM kindly_stats.partition_tree(event_table) AS r JOIN pg_class AS c ON c.oid = r JOIN pg_class AS o ON o.oid = to_regclass('kindly_stats.rollup')
     WHERE c.relowner <> o.relowner ORDER BY r <> event_table, r LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table "%" belongs to another role than kindly_stats.rollup', stray.relation USING ERRCODE = '0A000',
            HINT = format('On several nodes one role owns events and statistics. Look for code of others in the table, and ALTER TABLE %s OWNER TO %I.', stray.relation, stray.owner);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_owner(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_owner(regclass) IS 'internal: refuses a table of which a part belongs to another role than the rollup (0A000)';
CREATE FUNCTION kindly_stats.number_column(event_table regclass, bot_column name) RETURNS name
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.attname FROM pg_attribute AS a JOIN pg_constraint AS c ON c.conrelid = a.attrelid AND c.contype = 'c' AND c.convalidated
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'bigint'::regtype AND a.attgenerated = ''
       AND pg_get_expr(c.conbin, c.conrelid) IN (format('(%I = ((%I)::kindly_stats.bot_id)::bigint)', a.attname, bot_column),
                                                 format('(((%I)::kindly_stats.bot_id)::bigint = %I)', bot_column, a.attname))
     ORDER BY a.attnum LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.number_column(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.number_column(regclass, name) IS 'internal: a column that a CHECK constraint holds to the numbers of the bots in another, or NULL';
CREATE FUNCTION kindly_stats.bot_column(event_table regclass) RETURNS name
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns jsonb;
    attribute record;
    owner record;
BEGIN
    SELECT t.columns INTO columns FROM kindly_stats.event_tables() AS t WHERE t.event_table = bot_column.event_table ORDER BY t.grain LIMIT 1;
    SELECT a.attname, a.attnum, a.atttypid, a.attgenerated INTO attribute FROM pg_attribute AS a
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = columns ->> 'bot_id';
    IF attribute.atttypid <> 'bigint'::regtype AND kindly_stats.number_column(event_table, attribute.attname) IS NOT NULL THEN
        SELECT a.attname, a.attnum, a.atttypid, a.attgenerated INTO attribute FROM pg_attribute AS a
         WHERE a.attrelid = event_table AND a.attname = kindly_stats.number_column(event_table, attribute.attname);
    END IF;
    IF attribute.attname IS NULL THEN
        RAISE EXCEPTION 'all rows of table "%" are of one bot', event_table USING ERRCODE = '0A000',
            HINT = 'Give it a column of type bigint that has the bot, and attach it with that.';
    ELSIF attribute.atttypid <> 'bigint'::regtype OR attribute.attgenerated <> '' THEN
        RAISE EXCEPTION 'column "%" of table "%" is %', attribute.attname, event_table,
                CASE WHEN attribute.attgenerated <> '' THEN 'generated' ELSE format('of type %s', format_type(attribute.atttypid, NULL)) END
            USING ERRCODE = '0A000', DETAIL = 'Rows are distributed by the number of their bot, which has to stand in an ordinary column of type bigint.',
                  HINT = CASE WHEN attribute.attgenerated = ''
                              THEN format('Add one that every row is written with: ALTER TABLE %s ADD COLUMN bot_number bigint, CHECK (bot_number = %I::kindly_stats.bot_id::bigint); and make it part of the primary key. doc/scale.md shows how.',
                                          event_table, attribute.attname)
                              ELSE 'Attach it with a column that is not generated.' END;
    ELSIF EXISTS (SELECT FROM pg_index AS i JOIN kindly_stats.partition_tree(event_table) AS r ON i.indrelid = r
                   WHERE (i.indisunique OR i.indisexclusion)
                     AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attname = attribute.attname
                                        AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))) THEN
        RAISE EXCEPTION 'table "%" has a primary key or unique index without column "%"', event_table, attribute.attname
            USING ERRCODE = '0A000', HINT = format('Only rows of one bot lie together: make it (%I, ...).', attribute.attname);
    ELSIF EXISTS (SELECT FROM pg_trigger AS t JOIN kindly_stats.partition_tree(event_table) AS r ON t.tgrelid = r
                   WHERE t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure)) THEN
        RAISE EXCEPTION 'table "%" counts what is replicated', event_table USING ERRCODE = '0A000',
            HINT = 'Shards move by replication, and their rows would be counted twice: detach the table, and attach it without replica.';
    END IF;
    PERFORM kindly_stats.require_owner(event_table);
    SELECT r.rolname, r.rolcanlogin INTO owner FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner WHERE c.oid = event_table;
    IF NOT owner.rolcanlogin THEN
        RAISE EXCEPTION 'role "%", which owns table "%", cannot log in', owner.rolname, event_table USING ERRCODE = '55000',
            HINT = format('Nodes ask each other as the role in question: ALTER ROLE %I LOGIN, and let pg_hba.conf let it in between nodes.', owner.rolname);
    END IF;
    RETURN attribute.attname;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.bot_column(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bot_column(regclass) IS 'internal: by which column an attached table is distributed; refuses what cannot be (0A000, 55000)';
CREATE FUNCTION kindly_stats.run_without_triggers(relation regclass, statements text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    states jsonb;
    t record;
    statement text;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('relation', g.tgrelid::regclass::text, 'trigger', g.tgname,
                                        'state', CASE g.tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END)) INTO states
      FROM kindly_stats.partition_tree(relation) AS r JOIN pg_trigger AS g ON g.tgrelid = r
     -- those for TRUNCATE fire for no row, and Citus would not enable them on shards again
     WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND g.tgenabled <> 'D' AND g.tgtype & 32 = 0;
    FOR t IN SELECT s.relation, s.trigger, s.state FROM jsonb_to_recordset(states) AS s (relation text, trigger text, state text)
    LOOP
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s DISABLE TRIGGER %I', t.relation, t.trigger));
    END LOOP;
    FOREACH statement IN ARRAY statements
    LOOP
        PERFORM kindly_stats.run_own(statement);
    END LOOP;
    -- the table may be another by now
    FOR t IN SELECT s.relation, s.trigger, s.state FROM jsonb_to_recordset(states) AS s (relation text, trigger text, state text)
    LOOP
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s %s TRIGGER %I', t.relation, t.state, t.trigger));
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.run_without_triggers(regclass, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.run_without_triggers(regclass, text[]) IS 'internal: runs statements while the triggers of a table and its partitions are disabled';
CREATE FUNCTION kindly_stats.place_table(relation regclass, bot_column name, shard_count integer, with_rollup boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    messages text := current_setting('client_min_messages');
    left_over regclass;
    guards jsonb;
BEGIN
    PERFORM set_config('client_min_messages', 'warning', true);
    PERFORM kindly_stats.rewrite_policies(ARRAY(SELECT r FROM kindly_stats.partition_tree(relation) AS r), true);
    PERFORM kindly_stats.run_without_triggers(relation, ARRAY[
        CASE WHEN bot_column IS NULL THEN format('SELECT create_reference_table(%L)', relation)
             WHEN with_rollup THEN format('SELECT create_distributed_table(%L, %L, colocate_with => ''kindly_stats.rollup'')', relation, bot_column)
             ELSE format('SELECT create_distributed_table(%L, %L, colocate_with => ''none'', shard_count => %s)', relation, bot_column, shard_count) END]);
    FOR left_over IN SELECT r FROM kindly_stats.partition_tree(relation) AS r JOIN pg_class AS c ON c.oid = r
                      WHERE c.relkind = 'r' AND pg_relation_size(r) > 0 ORDER BY r
    LOOP
        SELECT coalesce(jsonb_object_agg(t.tgname, CASE t.tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END), '{}') INTO guards
          FROM pg_trigger AS t WHERE t.tgrelid = left_over AND t.tgtype & 32 <> 0 AND NOT t.tgisinternal AND t.tgenabled <> 'D';
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s DISABLE TRIGGER %I', left_over, g.name)) FROM jsonb_each_text(guards) AS g (name, state);
        PERFORM kindly_stats.run_own(format('SELECT truncate_local_data_after_distributing_table(%L)', left_over));
        PERFORM kindly_stats.run_own(format('ALTER TABLE %s %s TRIGGER %I', left_over, g.state, g.name)) FROM jsonb_each_text(guards) AS g (name, state);
    END LOOP;
    PERFORM set_config('client_min_messages', messages, true);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.place_table(regclass, name, integer, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.place_table(regclass, name, integer, boolean) IS
'internal: spreads a table over nodes, rows and all

bot_column: by which; NULL for a copy on each node; shard_count: of the rollup; with_rollup: rows lie beside those of the rollup.';
CREATE FUNCTION kindly_stats.place_tables(shard_count integer) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
    relation regclass;
BEGIN
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    PERFORM set_config('citus.enable_unsafe_triggers', 'on', true);
    FOR t IN SELECT s.name, s.bot_column FROM kindly_stats.shared_tables() AS s
    LOOP
        relation := to_regclass(format('kindly_stats.%I', t.name));
        CONTINUE WHEN relation IS NULL OR kindly_stats.is_distributed(relation);
        PERFORM kindly_stats.place_table(relation, t.bot_column, shard_count, t.name <> 'rollup');
        RETURN NEXT relation;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.place_tables(integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.place_tables(integer) IS 'internal: spreads those of the extension''s tables over nodes that are not';
CREATE FUNCTION kindly_stats.distribute(shard_count integer DEFAULT 32) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables regclass[];
    event_table regclass;
    bot_columns name[];
    role name;
BEGIN
    IF shard_count IS NULL OR shard_count NOT BETWEEN 1 AND 64000 THEN
        RAISE EXCEPTION 'there must be 1 to 64000 shards' USING ERRCODE = '22023', HINT = 'Twice as many as there will ever be processor cores on all nodes is a good number.';
    END IF;
    PERFORM kindly_stats.require_fresh_snapshots('distribute tables');
    PERFORM kindly_stats.require_cluster();
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.lock_repair();
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    PERFORM set_config('citus.enable_unsafe_triggers', 'on', true);
    PERFORM set_config('citus.enable_ddl_propagation', 'on', true);
    IF EXISTS (SELECT FROM kindly_stats.counting) OR EXISTS (SELECT FROM kindly_stats.measure AS m WHERE NOT m.counted) THEN
        RAISE EXCEPTION 'a table or a measure is still being counted' USING ERRCODE = '55000', HINT = 'kindly_stats.health() says what to call.';
    END IF;
    tables := ARRAY(SELECT DISTINCT t.event_table FROM kindly_stats.event_tables() AS t
                     WHERE NOT kindly_stats.is_distributed(t.event_table) ORDER BY 1);
    FOREACH event_table IN ARRAY tables
    LOOP
        bot_columns := bot_columns || kindly_stats.bot_column(event_table);
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    END LOOP;
    IF NOT kindly_stats.is_distributed('kindly_stats.rollup') THEN
        -- marks speak of this server's transactions
        DELETE FROM kindly_stats.rollup WHERE cluster IS NOT NULL;
    END IF;
    RETURN QUERY SELECT p FROM kindly_stats.place_tables(shard_count) AS p;
    FOR n IN 1 .. cardinality(tables)
    LOOP
        PERFORM kindly_stats.place_table(tables[n], bot_columns[n], NULL, true);
        RETURN NEXT tables[n];
    END LOOP;
    PERFORM kindly_stats.copy_grants();
    -- Citus takes it to the other nodes
    PERFORM kindly_stats.run_own('CREATE OR REPLACE VIEW kindly_stats.bot AS SELECT b.id, b.number, b.name FROM kindly_stats.bots() AS b');
    -- whoever reads statistics reads them through their owner
    FOR role IN SELECT DISTINCT r.rolname FROM pg_class AS c, aclexplode(c.relacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee
                 WHERE NOT r.rolcanlogin AND c.oid IN (SELECT t.event_table FROM kindly_stats.event_tables() AS t) ORDER BY 1
    LOOP
        RAISE NOTICE 'role "%" cannot log in: other nodes do not let it read or write', role
            USING HINT = format('Whoever acts as that role here is that role there, too: ALTER ROLE %I LOGIN, without a password.', role);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.distribute(integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.distribute(integer) IS
'spreads statistics, and events and conversations, over the workers of a Citus cluster, by bot

shard_count: into how many shards, 1 to 64000; it counts the first time alone.  Gives back the tables that were placed.  It can be called again, for tables
that were attached or made since, and for nodes that were added.  All on the coordinator, in one transaction, while nobody writes.  kindly_stats.undistribute() undoes it.
Errors: 08006 where a node does not answer, 0A000 for what cannot be distributed, 22023, 25001 at an isolation level above READ COMMITTED, 55000
where Citus or a node is not ready, a role cannot log in, or a table is still being counted.';
CREATE FUNCTION kindly_stats.undistribute() RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
    names text[];
    name text;
    messages text := current_setting('client_min_messages');
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('bring tables back');
    IF kindly_stats.place() = 'here' THEN
        RETURN;
    END IF;
    PERFORM kindly_stats.require_cluster();
    PERFORM kindly_stats.lock_repair();
    names := ARRAY(SELECT DISTINCT t.event_table::text FROM kindly_stats.event_tables() AS t WHERE kindly_stats.is_distributed(t.event_table) ORDER BY 1);
    FOREACH name IN ARRAY names
    LOOP
        PERFORM kindly_stats.require_owner(name::regclass);
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', name);
    END LOOP;
    names := names || ARRAY(SELECT s.name FROM (SELECT format('kindly_stats.%I', s.name) AS name, row_number() OVER () AS number FROM kindly_stats.shared_tables() AS s) AS s
                             WHERE kindly_stats.is_distributed(to_regclass(s.name)) ORDER BY s.number DESC);
    PERFORM set_config('client_min_messages', 'warning', true);
    FOREACH name IN ARRAY names
    LOOP
        -- a table of the same name takes its place
        PERFORM kindly_stats.run_without_triggers(name::regclass, ARRAY[format('SELECT undistribute_table(%L)', name)]);
        PERFORM kindly_stats.rewrite_policies(ARRAY(SELECT r FROM kindly_stats.partition_tree(name::regclass) AS r), false);
        RETURN NEXT name::regclass;
    END LOOP;
    PERFORM set_config('client_min_messages', messages, true);
    -- nobody has kept it meanwhile
    IF to_regclass('kindly_stats.conversation_bot') IS NOT NULL THEN
        DELETE FROM kindly_stats.conversation_bot;
        PERFORM kindly_stats.note_all_conversation_bots(NULL);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.undistribute() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.undistribute() IS
'brings what distribute() has spread back to the coordinator

Gives back the tables, none where nothing is distributed.  One transaction, while nobody writes; the coordinator needs room for all.
Errors: 08006 where a node does not answer, 0A000 for a table that belongs to another role than the rollup, 25001 at an isolation level above READ COMMITTED, 42501
where policies hide rows from the caller, 55000 on a worker.';
CREATE FUNCTION kindly_stats.health_nodes() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    node record;
    mine text := (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'kindly_stats');
BEGIN
    IF kindly_stats.place() <> 'coordinator' THEN
        RETURN;
    END IF;
    FOR node IN EXECUTE $query$
        SELECT format('node %s:%s', n.nodename, n.nodeport) AS name, r.success, r.result, CASE WHEN r.success THEN r.result::jsonb END AS state,
               CASE WHEN g.success THEN g.result END AS rights,
               CASE WHEN a.success THEN a.result END AS attached
          -- nodes have a search path of their own, and what a stranger made there is no operator of ours
          FROM run_command_on_all_nodes($node$SELECT pg_catalog.json_build_object(
                   'version', (SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname OPERATOR(pg_catalog.=) 'kindly_stats'),
                   'has_view', pg_catalog.to_regclass('kindly_stats.bot') IS NOT NULL,
                   'prepared', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts AS x WHERE x.database OPERATOR(pg_catalog.=) pg_catalog.current_database()
                                   AND x.prepared OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) interval '10 minutes')),
                   'disabled', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t WHERE t.tgenabled OPERATOR(pg_catalog.=) 'D'
                                   AND t.tgfoid OPERATOR(pg_catalog.=) pg_catalog.to_regproc('kindly_stats.count_events')))$node$) AS r
          JOIN pg_dist_node AS n USING (nodeid)
          LEFT JOIN run_command_on_all_nodes('SELECT pg_catalog.md5(kindly_stats.given_rights()::pg_catalog.text)') AS g ON g.nodeid = r.nodeid
          LEFT JOIN run_command_on_all_nodes('SELECT pg_catalog.md5(kindly_stats.attached_here()::pg_catalog.text)') AS a ON a.nodeid = r.nodeid ORDER BY 1$query$
    LOOP
        IF NOT node.success AND node.result LIKE 'ERROR:%' THEN
            RETURN NEXT ROW('error', node.name, format('It does not say how it is: %s', split_part(regexp_replace(node.result, '^ERROR: +', ''), E'\n', 1)),
                            '-- as a role that may read its catalogs, and on that node: SELECT * FROM kindly_stats.health();')::kindly_stats.finding;
        ELSIF NOT node.success THEN
            RETURN NEXT ROW('error', node.name, format('It does not answer: %s', split_part(node.result, E'\n', 1)), 'Start it; its bots can be neither counted nor asked for until then.')::kindly_stats.finding;
        ELSIF node.state ->> 'version' IS DISTINCT FROM mine THEN
            RETURN NEXT ROW('error', node.name, format('It has kindly_stats in version %s, and not %s.', coalesce(node.state ->> 'version', 'none'), mine),
                            'ALTER EXTENSION kindly_stats UPDATE; -- on that node')::kindly_stats.finding;
        ELSIF NOT (node.state ->> 'has_view')::boolean THEN
            RETURN NEXT ROW('warning', node.name, 'It was added since tables were distributed, and lacks view kindly_stats.bot.', 'SELECT kindly_stats.distribute();')::kindly_stats.finding;
        END IF;
        IF (node.state ->> 'has_view')::boolean AND node.rights <> md5(kindly_stats.given_rights()::text) THEN
            RETURN NEXT ROW('warning', node.name, 'Roles have other rights on the extension''s views and functions there than here.', 'SELECT kindly_stats.distribute();')::kindly_stats.finding;
        END IF;
        IF node.attached <> md5(kindly_stats.attached_here()::text) THEN
            RETURN NEXT ROW('error', node.name, 'Other tables are attached there than here, or otherwise.',
                            'SELECT recover_prepared_transactions(); -- and if that did not help, kindly_stats.detach() and attach() the table on the coordinator')::kindly_stats.finding;
        END IF;
        IF (node.state ->> 'prepared')::bigint > 0 THEN
            RETURN NEXT ROW('warning', node.name, format('It has %s prepared transactions that are older than ten minutes.', node.state ->> 'prepared'),
                            'SELECT recover_prepared_transactions();')::kindly_stats.finding;
        END IF;
        IF (node.state ->> 'disabled')::bigint > 0 THEN
            RETURN NEXT ROW('error', node.name, format('%s triggers that count are disabled on its shards.', node.state ->> 'disabled'),
                            'SET citus.enable_unsafe_triggers = on; ALTER TABLE ... ENABLE TRIGGER ALL; on the coordinator, of each attached table; SELECT kindly_stats.rebuild();')::kindly_stats.finding;
        END IF;
    END LOOP;
    RETURN QUERY EXECUTE $query$
        SELECT 'error', t.event_table::text, 'It is distributed, but not beside the rollup: its events cannot be counted.',
               format('SELECT kindly_stats.detach(%L); SELECT undistribute_table(%L); SELECT kindly_stats.attach(%L); SELECT kindly_stats.distribute();', t.event_table, t.event_table, t.event_table)
          FROM (SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e) AS t JOIN pg_dist_partition AS p ON p.logicalrelid = t.event_table
         WHERE p.colocationid <> (SELECT r.colocationid FROM pg_dist_partition AS r WHERE r.logicalrelid = 'kindly_stats.rollup'::regclass)
        UNION ALL
        SELECT 'error', t.event_table::text, 'It is distributed, and it or a partition belongs to another role than the rollup: it can be neither purged nor detached.',
               (SELECT string_agg(format('ALTER TABLE %s OWNER TO %I;', r, pg_get_userbyid(o.relowner)), ' ' ORDER BY r)
                  FROM kindly_stats.partition_tree(t.event_table) AS r JOIN pg_class AS c ON c.oid = r, pg_class AS o WHERE o.oid = 'kindly_stats.rollup'::regclass AND c.relowner <> o.relowner)
          FROM (SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e) AS t
         WHERE kindly_stats.is_distributed(t.event_table)
           AND EXISTS (SELECT FROM kindly_stats.partition_tree(t.event_table) AS r JOIN pg_class AS c ON c.oid = r, pg_class AS o WHERE o.oid = 'kindly_stats.rollup'::regclass AND c.relowner <> o.relowner)
        UNION ALL
        SELECT 'notice', t.event_table::text, 'It lies on the coordinator alone.', 'SELECT kindly_stats.distribute();'
          FROM (SELECT DISTINCT e.event_table FROM kindly_stats.event_tables() AS e) AS t WHERE NOT kindly_stats.is_distributed(t.event_table)
        UNION ALL
        SELECT 'error', format('kindly_stats.%s', s.name), 'It was made since tables were distributed: other nodes do not have it.', 'SELECT kindly_stats.distribute();'
          FROM kindly_stats.shared_tables() AS s, LATERAL to_regclass(format('kindly_stats.%I', s.name)) AS r (relation)
         WHERE r.relation IS NOT NULL AND NOT kindly_stats.is_distributed(r.relation) ORDER BY 1, 2$query$;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_nodes() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_nodes() IS 'internal: part of health(): nodes that lack something, tables that are not where the rollup is';
CREATE FUNCTION kindly_stats.compact_nodes(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    node record;
BEGIN
    FOR node IN EXECUTE $query$SELECT n.nodename, n.nodeport, r.result FROM run_command_on_all_nodes($1) AS r
                                 JOIN pg_dist_node AS n USING (nodeid) WHERE NOT r.success ORDER BY n.nodeid$query$
                  USING format('CALL kindly_stats.compact(%L, local => true)', bot)
    LOOP
        RAISE WARNING 'node %:% was not compacted', node.nodename, node.nodeport USING DETAIL = node.result;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.compact_nodes(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.compact_nodes(bigint) IS 'internal: has all nodes compact their rows, and warns of those that did not

bot: its rows alone; NULL for all.';
CREATE FUNCTION kindly_stats.attached_here() RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT concat_ws(' ', t.event_table, t.grain, t.columns) COLLATE "C" FROM kindly_stats.event_tables() AS t WHERE kindly_stats.is_distributed(t.event_table) ORDER BY 1)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attached_here() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attached_here() IS 'internal: which attached tables, that are distributed, this node knows, and how they are read';
CREATE FUNCTION kindly_stats.spread_tables(required boolean) RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer record;
    result text[];
BEGIN
    IF kindly_stats.place() = 'worker' THEN
        EXECUTE $query$SELECT r.success, r.result FROM run_command_on_coordinator('SELECT pg_catalog.to_json(kindly_stats.spread_tables(false))') AS r$query$ INTO answer;
        IF answer.success IS NOT TRUE THEN
            RAISE EXCEPTION 'the coordinator does not answer' USING ERRCODE = '08006', DETAIL = answer.result, HINT = 'It alone knows which tables are attached.';
        END IF;
        -- no row, or an empty one, is NULL
        result := (SELECT array_agg(t) FROM json_array_elements_text(nullif(answer.result, '')::json) AS t);
        result := CASE WHEN nullif(answer.result, '') IS NOT NULL THEN coalesce(result, '{}') END;
    ELSIF NOT EXISTS (SELECT FROM kindly_stats.event_tables() AS t WHERE NOT kindly_stats.is_distributed(t.event_table)) THEN
        result := kindly_stats.attached_here();
    END IF;
    IF result IS NULL AND required THEN
        RAISE EXCEPTION 'an attached table lies on the coordinator alone' USING ERRCODE = '55000',
            HINT = 'SELECT kindly_stats.distribute() on the coordinator spreads it, too; or call the function there, without local.';
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.spread_tables(boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.spread_tables(boolean) IS
'internal: what the coordinator has attached, if all of it is distributed, else NULL

required: raise instead of giving back NULL (55000).  Error: 08006 where a worker cannot ask the coordinator.';
CREATE FUNCTION kindly_stats.own_shards() RETURNS TABLE (id bigint, first integer, last integer, rollup regclass)
    LANGUAGE C STABLE ROWS 32 AS 'MODULE_PATHNAME', 'ks_own_shards';
REVOKE EXECUTE ON FUNCTION kindly_stats.own_shards() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.own_shards() IS 'internal: the shards of the rollup on this node, and the hash values of their bots, first to last';
CREATE FUNCTION kindly_stats.shard_groups(bot bigint, wanted bigint[]) RETURNS TABLE (id bigint, rollup regclass, tables jsonb)
    LANGUAGE plpgsql STABLE ROWS 32 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE $query$
        SELECT r.id, r.rollup,
               (SELECT coalesce(jsonb_object_agg(s.logicalrelid::oid, to_regclass(CASE n.nspname WHEN 'public' THEN 'public.' ELSE '' END || shard_name(s.logicalrelid, s.shardid))::oid::bigint), '{}')
                  FROM pg_dist_shard AS s JOIN pg_class AS c ON c.oid = s.logicalrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE s.shardminvalue = r.first::text AND s.logicalrelid = ANY ($3))
          FROM kindly_stats.own_shards() AS r
         WHERE ($1 IS NULL OR r.id = get_shard_id_for_distribution_column('kindly_stats.rollup', $1)) AND ($2 IS NULL OR r.id = ANY ($2))
         ORDER BY r.id$query$
        USING bot, wanted, ARRAY(SELECT DISTINCT t.event_table FROM kindly_stats.event_tables() AS t);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.shard_groups(bigint, bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.shard_groups(bigint, bigint[]) IS
'internal: the shards of the rollup on this node, and those beside them

Those beside are of attached tables, by the tables'' numbers, and have the same bots.  bot: the one that has it; wanted: of these; NULL for all.';
CREATE FUNCTION kindly_stats.require_attached(tables text[]) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF kindly_stats.attached_here() IS DISTINCT FROM tables THEN
        RAISE EXCEPTION 'this node does not know the same attached tables as the coordinator' USING ERRCODE = '55000',
            HINT = 'A transaction that attached one may still be prepared here: SELECT recover_prepared_transactions() on the coordinator, and try again.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_attached(text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_attached(text[]) IS 'internal: refuses where other tables are attached than spread_tables() said (55000)';
CREATE FUNCTION kindly_stats.ask_nodes(command text, bot bigint) RETURNS jsonb[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    node record;
    failed text;
    result jsonb[] := '{}';
    missing bigint[];
    failures integer := 0;
BEGIN
    FOR round IN 1 .. 20
    LOOP
        failed := NULL;
        FOR node IN EXECUTE $query$SELECT n.nodename, n.nodeport, r.success, r.result FROM run_command_on_all_nodes($1) AS r JOIN pg_dist_node AS n USING (nodeid) ORDER BY n.nodeid$query$
                      USING format('SELECT %s, %L)', command, missing)
        LOOP
            IF node.success THEN
                result := result || node.result::jsonb;
            ELSE
                failed := format('Node %s:%s: %s', node.nodename, node.nodeport, node.result);
            END IF;
        END LOOP;
        -- as it is by now: shards move, and become others
        EXECUTE $query$SELECT coalesce(array_agg(s.shardid), '{}') FROM pg_dist_shard AS s
                        WHERE s.logicalrelid = 'kindly_stats.rollup'::regclass AND ($1 IS NULL OR s.shardid = get_shard_id_for_distribution_column('kindly_stats.rollup', $1))
                          AND NOT s.shardid = ANY (SELECT e::bigint FROM unnest($2) AS r, jsonb_array_elements_text(r -> 'shards') AS e)$query$ INTO missing USING bot, result;
        EXIT WHEN missing = '{}';
        -- a node that stumbled over a shard that was moved does not do so again
        failures := failures + (failed IS NOT NULL)::integer;
        EXIT WHEN failures = 3;
        PERFORM pg_sleep(0.05 * round);
    END LOOP;
    IF missing <> '{}' THEN
        RAISE EXCEPTION 'some of the bots could not be looked at' USING ERRCODE = CASE WHEN failures = 3 THEN '55000' ELSE '40001' END,
            DETAIL = coalesce(failed, format('Shards of kindly_stats.rollup that were moved meanwhile: %s.', array_to_string(missing, ', '))),
            HINT = 'What other nodes have done stays.  Try again; kindly_stats.health() says what is wrong with nodes.';
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.ask_nodes(text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.ask_nodes(text, bigint) IS
'internal: has all nodes work on their shards, and gives back what they say

command: a call without its last argument, a list of shards or NULL for all, and without the parenthesis; bot: it is about this one; NULL: all.
All work at the same time, again where shards were moved meanwhile.  Errors: 40001 where they were moved again and again, 55000 where a node could not do it.';
CREATE FUNCTION kindly_stats.verify_here(bot bigint, since timestamptz, tables text[], wanted bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
    rollups regclass[];
    shards jsonb;
    differences jsonb;
BEGIN
    PERFORM kindly_stats.require_attached(tables);
    SELECT coalesce(array_agg(g.id ORDER BY g.id), '{}'), array_agg(g.rollup ORDER BY g.id) INTO ids, rollups FROM kindly_stats.shard_groups(bot, wanted) AS g;
    IF ids <> '{}' THEN
        SELECT coalesce(jsonb_object_agg(t.key, t.shards), '{}') INTO shards
          FROM (SELECT e.key, jsonb_agg(e.value) AS shards FROM kindly_stats.shard_groups(bot, wanted) AS g, jsonb_each(g.tables) AS e GROUP BY 1) AS t;
        SELECT jsonb_agg(to_jsonb(d)) INTO differences FROM kindly_stats.differences(bot, since, kindly_stats.counted_rows('kindly_stats.rollup', rollups), shards) AS d;
    END IF;
    RETURN jsonb_build_object('shards', ids, 'differences', coalesce(differences, '[]'));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify_here(bigint, timestamptz, text[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify_here(bigint, timestamptz, text[], bigint[]) IS
'internal: verify() of the shards of this node, as JSON

tables: what spread_tables() said; wanted: of these shards of the rollup; NULL for all.';
CREATE FUNCTION kindly_stats.verify_nodes(bot bigint, since timestamptz, tables text[]) RETURNS jsonb[]
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindly_stats.ask_nodes(format('kindly_stats.verify_here(%L, %L, %L', bot, since, tables), bot)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify_nodes(bigint, timestamptz, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify_nodes(bigint, timestamptz, text[]) IS 'internal: verify_here() of all nodes';
CREATE FUNCTION kindly_stats.differences_of(answers jsonb[])
    RETURNS TABLE (number bigint, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    LANGUAGE sql IMMUTABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT d.* FROM unnest(answers) AS a,
           LATERAL jsonb_to_recordset(a -> 'differences') AS d (number bigint, measure text COLLATE "C", month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
     ORDER BY d.measure, d.number, d.month
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.differences_of(jsonb[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.differences_of(jsonb[]) IS 'internal: the rows in what verify_here() gave';
CREATE FUNCTION kindly_stats.repair_here(bot bigint, measure text, tables text[], wanted bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    groups jsonb;
    g record;
    ids bigint[] := '{}';
    changed bigint := 0;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('rebuild statistics');
    PERFORM kindly_stats.lock_repair_here();
    PERFORM kindly_stats.require_attached(tables);
    IF measure IS NOT NULL AND NOT EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = repair_here.measure) THEN
        RAISE EXCEPTION 'this node does not know measure "%"', measure USING ERRCODE = '55000',
            HINT = 'The transaction that added it may still be prepared here: SELECT recover_prepared_transactions() on the coordinator, and try again.';
    END IF;
    groups := (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'rollup', s.rollup::oid::bigint, 'tables', s.tables) ORDER BY s.id) FROM kindly_stats.shard_groups(bot, wanted) AS s);
    FOR n IN 0 .. coalesce(jsonb_array_length(groups), 0) - 1
    LOOP
        SELECT x.id, x.rollup, x.tables INTO g FROM jsonb_to_record(groups -> n) AS x (id bigint, rollup oid, tables jsonb);
        changed := changed + kindly_stats.repair(bot, measure, g.rollup, g.tables);
        ids := ids || g.id;
    END LOOP;
    RETURN jsonb_build_object('shards', ids, 'changed', changed);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.repair_here(bigint, text, text[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair_here(bigint, text, text[], bigint[]) IS
'internal: repair() of the shards of this node, in a transaction of its own, as JSON

tables: what spread_tables() said; wanted: of these shards of the rollup; NULL for all.';
CREATE FUNCTION kindly_stats.begin_repair() RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF kindly_stats.place() = 'coordinator' AND kindly_stats.can_ask_nodes() AND kindly_stats.spread_tables(false) IS NOT NULL THEN
        PERFORM kindly_stats.lock_repair_of_nodes();
        -- nobody has attached one while this was waited for
        IF kindly_stats.spread_tables(false) IS NOT NULL THEN
            RETURN true;
        END IF;
    END IF;
    PERFORM kindly_stats.lock_repair();
    RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.begin_repair() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.begin_repair() IS 'internal: takes the lock of repairs; whether repair_nodes() is to do it, and not repair()';
CREATE FUNCTION kindly_stats.repair_nodes(bot bigint, measure text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum((r ->> 'changed')::bigint), 0)::bigint
      FROM unnest(kindly_stats.ask_nodes(format('kindly_stats.repair_here(%L, %L, %L', bot, measure, kindly_stats.spread_tables(true)), bot)) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.repair_nodes(bigint, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair_nodes(bigint, text) IS 'internal: repair_here() of all nodes';
CREATE FUNCTION kindly_stats.rebuild_here(bot bigint) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables text[] := kindly_stats.spread_tables(true);
    changed bigint := kindly_stats.repair_here(bot, NULL, tables) ->> 'changed';
BEGIN
    -- whose events were taken for gone, if any came meanwhile
    IF kindly_stats.spread_tables(true) IS DISTINCT FROM tables THEN
        RAISE EXCEPTION 'a table was attached or detached meanwhile' USING ERRCODE = '40001', HINT = 'Try again.';
    END IF;
    RETURN changed;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rebuild_here(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rebuild_here(bigint) IS 'internal: rebuild() of this node alone, which ends nothing that was left undone';
CREATE FUNCTION kindly_stats.purge_shard(event_table regclass, shard regclass, before timestamptz) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_purge_shard';
REVOKE EXECUTE ON FUNCTION kindly_stats.purge_shard(regclass, regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge_shard(regclass, regclass, timestamptz) IS
'internal: purge() of one shard of a table, which nobody moves until the transaction ends

event_table: an attached table; shard: one of it, on this node; before: as that of purge().  Error: 40001 where the shard was moved away.';
CREATE FUNCTION kindly_stats.purge_here(event_table regclass, before timestamptz, wanted bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
    shards regclass[];
    deleted bigint := 0;
BEGIN
    SELECT coalesce(array_agg(g.id ORDER BY g.id), '{}'), array_agg((g.tables ->> purge_here.event_table::oid::text)::oid::regclass ORDER BY g.id) INTO ids, shards
      FROM kindly_stats.shard_groups(NULL, wanted) AS g;
    FOR n IN 1 .. cardinality(ids)
    LOOP
        IF shards[n] IS NULL THEN
            RAISE EXCEPTION 'this node does not know the same attached tables as the coordinator' USING ERRCODE = '55000',
                HINT = 'A transaction that attached one may still be prepared here: SELECT recover_prepared_transactions() on the coordinator, and try again.';
        END IF;
        deleted := deleted + kindly_stats.purge_shard(event_table, shards[n], before);
    END LOOP;
    RETURN jsonb_build_object('shards', ids, 'deleted', deleted);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.purge_here(regclass, timestamptz, bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge_here(regclass, timestamptz, bigint[]) IS
'internal: purge() of the shards of this node, in one transaction, as JSON

wanted: of these shards of the rollup; NULL for all.';
CREATE FUNCTION kindly_stats.purge_nodes(event_table regclass, before timestamptz) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum((r ->> 'deleted')::bigint), 0)::bigint
      FROM unnest(kindly_stats.ask_nodes(format('kindly_stats.purge_here(%L, %L', event_table, before), NULL)) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.purge_nodes(regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge_nodes(regclass, timestamptz) IS 'internal: purge_here() of all nodes';
COMMENT ON FUNCTION kindly_stats.stats_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series, with distinct members

bot: whose; from, to: dates or timestamps, to exclusive, both rounded outward to whole days (hours for granularity hour); tz: time
zone of the buckets, default the session''s; granularity: hour, day, week, month, quarter or year; measure: see
kindly_stats.measure, default messages, whose members are sessions; sources, language_codes: values to include or, with a
leading minus, to exclude, 20,000 at most, and a backslash before a value takes it as it is; key: parts of the key that must be equal, NULL for any; locale: calendar and first day of the week,
default ISO.  A row for every bucket, zeros included: its start, its local label, events (or weight), distinct members in it, and
is_partial, whether the range covers only a part of it or it is not over yet, as of the setting kindly_stats.now or the transaction.  An unknown bot has zeros.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any other argument that makes no sense,
55000 before the first event table is attached.';
COMMENT ON FUNCTION kindly_stats.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure as a time series, each bucket beside one of an earlier range

Arguments up to locale and errors as those of stats_series; compare: previous_period (the range of the same length before it, of as many months where it is of whole
calendar months), previous_year (the same dates a year before) or previous_year_weekday (52 weeks before).  Days and hours are compared with
those of the shifted date, other buckets in order.  previous_ columns, difference (count less previous_count) and ratio (count by previous_count) are NULL where there is
nothing to compare with, such as for 29 February, the ratio also where the earlier count is 0.  is_partial: the ranges cover only a part of either bucket, or it is not over yet, as of the setting kindly_stats.now or the transaction.';
COMMENT ON FUNCTION kindly_stats.stats_retention(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'members by the bucket of their first visit, and how many of them come in each later one

granularity: default week; measure: one that counts members, default users; other arguments and errors as those of stats_series.  A cohort are those whose first event of all time that
passes the filters lies in the bucket; age: how many buckets later, 0 its own; date: that bucket''s label; ratio: part of the cohort, NULL where it is empty; is_partial:
the range covers only a part of either bucket, or it is not over yet.  54000 for more than 2,800 buckets.';
COMMENT ON FUNCTION kindly_stats.period(text, text, timestamptz, text) IS
'local dates of a period by name, to exclusive, and a granularity that suits it

name: today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear or lastYear, in any case; tz: whose date is today, default the session''s; now: default that of the setting kindly_stats.now, or the transaction''s;
locale: calendar and first day of the week, default ISO.  What goes on now, last7days and last30days end with today, the others where it begins.
Errors: 22023 for an unknown name, tz or locale, 22008 for instants outside the years 1 to 9999.';
CREATE FUNCTION kindly_stats.language(code text, by text DEFAULT 'tag') RETURNS text
    -- not immutable: deprecated codes and likely scripts change with ICU
    LANGUAGE C STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'ks_language';
COMMENT ON FUNCTION kindly_stats.language(text, text) IS
'the one spelling of a language code: en-US for en_US, he for iw

code: as a channel or browser said it.  by: tag, the canonical BCP 47 tag with its region, or language, without region and variants:
en for en-GB; zh-Hant for zh-TW, whose script is not the usual one; no for nb and nb-NO, while nn is a language of its own.
What is no language code is given back as it is, NULL for NULL.
Error: 22023 for another by.';
CREATE FUNCTION kindly_stats.languages(bot kindly_stats.bot_id, by text DEFAULT 'tag')
    RETURNS TABLE (language text, language_codes text[])
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 10
BEGIN ATOMIC
    SELECT l.language, array_agg(c.code ORDER BY c.code COLLATE "C")
      FROM kindly_stats.stats_options(bot) AS o, unnest(o.language_codes) AS c (code), kindly_stats.language(regexp_replace(c.code, '^\\', ''), by) AS l (language)
     GROUP BY l.language ORDER BY l.language COLLATE "C";
END;
COMMENT ON FUNCTION kindly_stats.languages(kindly_stats.bot_id, text) IS
'languages of a bot, each with all the codes that its events have for it

bot: whose; by: as for language().  language_codes is what the argument of that name takes, so that distinct members are counted once
in a language, whatever codes they came with.  Events without a code are in none.
Errors: those of stats_options, and 22023 for another by.';
CREATE FUNCTION kindly_stats.language_filter(bot kindly_stats.bot_id, language_codes text[], by text DEFAULT 'language') RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
    SELECT CASE WHEN language_filter.language_codes IS NOT NULL THEN coalesce(array_agg(DISTINCT f.item COLLATE "C" ORDER BY f.item COLLATE "C"), '{}') END
      FROM (SELECT substring(w.item FROM '^-') AS minus, w.item AS asked, regexp_replace(w.item, '^-?\\?', '') AS code FROM unnest(language_filter.language_codes) AS w (item)) AS a
      LEFT JOIN kindly_stats.languages(bot, by) AS l ON l.language = kindly_stats.language(a.code, by) AND a.code <> '',
           LATERAL (SELECT concat(a.minus, c.code) FROM unnest(l.language_codes) AS c (code) UNION ALL SELECT a.asked) AS f (item);
END;
COMMENT ON FUNCTION kindly_stats.language_filter(kindly_stats.bot_id, text[], text) IS
'what to pass as language_codes, so that all codes of a language are one

bot: whose; language_codes: as the argument of that name, {no} or {-en}; by: as for language(), by default language.  Each item
stays, and all codes that the bot has for the same language come with it, as it includes or excludes.  NULL, for all, stays NULL.
Errors: those of stats_options, and 22023 for another by.';
CREATE FOREIGN TABLE kindly_stats.bi_hourly (
    date date,
    hour timestamp,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    weekday integer,
    hour_of_day integer,
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'hour');
COMMENT ON FOREIGN TABLE kindly_stats.bi_hourly IS 'internal: what view bi.hourly shows';
CREATE VIEW bi.hourly AS SELECT * FROM kindly_stats.bi_hourly;
COMMENT ON VIEW bi.hourly IS 'statistics by local hour: a row for each hour from a bot''s first event to its last';
CREATE FOREIGN TABLE kindly_stats.bi_daily (
    date date,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    weekday integer,
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day');
COMMENT ON FOREIGN TABLE kindly_stats.bi_daily IS 'internal: what view bi.daily shows';
CREATE VIEW bi.daily AS SELECT * FROM kindly_stats.bi_daily;
COMMENT ON VIEW bi.daily IS 'statistics by local day: a row for each day from a bot''s first event to its last';
CREATE FOREIGN TABLE kindly_stats.bi_weekly (
    date date,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'week');
COMMENT ON FOREIGN TABLE kindly_stats.bi_weekly IS 'internal: what view bi.weekly shows';
CREATE VIEW bi.weekly AS SELECT * FROM kindly_stats.bi_weekly;
COMMENT ON VIEW bi.weekly IS 'statistics by ISO week: a row for each week, dated by its Monday, from a bot''s first event to its last';
CREATE FOREIGN TABLE kindly_stats.bi_monthly (
    date date,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'month');
COMMENT ON FOREIGN TABLE kindly_stats.bi_monthly IS 'internal: what view bi.monthly shows';
CREATE VIEW bi.monthly AS SELECT * FROM kindly_stats.bi_monthly;
COMMENT ON VIEW bi.monthly IS 'statistics by local month: a row for each month, dated by its first day, from a bot''s first event to its last';
CREATE FOREIGN TABLE kindly_stats.bi_interactions (
    date date,
    bot_id text,
    bot_name text,
    interaction_type text OPTIONS (part '2'),
    interaction_name text OPTIONS (part '3'),
    interaction_id text OPTIONS (part '4'),
    interaction_parent_id text OPTIONS (part '5'),
    story_id text OPTIONS (part '6'),
    reached bigint OPTIONS (measure 'interactions'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'interactions');
COMMENT ON FOREIGN TABLE kindly_stats.bi_interactions IS 'internal: what view bi.interactions shows';
CREATE VIEW bi.interactions AS SELECT * FROM kindly_stats.bi_interactions;
COMMENT ON VIEW bi.interactions IS 'interactions reached (nodes of stories, as ChatBot.com counts them) by local day and interaction';
CREATE VIEW bi.heatmap AS
SELECT h.date, h.weekday, h.hour_of_day, h.bot_id, h.bot_name, h.messages, h.chats, h.replies, h.fallbacks, h.events, h.starts_at, h.tz
  FROM kindly_stats.bi_hourly AS h;
COMMENT ON VIEW bi.heatmap IS 'statistics by local day, weekday and hour of the day: a row for each hour from a bot''s first event to its last';
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname, d.what
          FROM (VALUES
            ('date', 'local day, or the first one of the week or month, in the zone of column tz'),
            ('hour', 'local hour; where the clock is set back, two rows have the same'),
            ('bot_id', 'the id that the user has for the bot, as text'),
            ('bot_name', 'the bot''s name, if kindly_stats.bot_name has one'),
            ('is_partial', 'whether the hour, day, week or month is not over yet'),
            ('starts_at', 'the instant at which it begins'),
            ('tz', 'time zone: the session''s TimeZone, or the one that a condition asks for, as in tz = ''Europe/Oslo'''),
            ('weekday', '1 is Monday, 7 is Sunday'),
            ('hour_of_day', '0 to 23, on the local clock'),
            ('messages', 'messages of users'),
            ('chats', 'sessions with a message of a user; a session counts once in each row'),
            ('users', 'distinct users who wrote, or in bi.ratings who rated; a user counts once in each row'),
            ('new_users', 'users who had no message in any hour, day, week or month before'),
            ('replies', 'replies of the bot'),
            ('fallbacks', 'replies in which the bot did not understand'),
            ('fallback_rate', 'fallbacks per reply, from 0 to 1; NULL without replies'),
            ('handover_requests', 'requests for a human'),
            ('handovers', 'how often a human took over'),
            ('ratings', 'ratings that users gave, of all kinds'),
            ('events', 'events of all kinds'),
            ('source', 'where the user wrote, such as web; NULL where events have none'),
            ('language_code', 'the user''s language; NULL where events have none'),
            ('web_host', 'host of the page that the user wrote on'),
            ('web_path', 'path of the page'),
            ('clicks', 'clicks'),
            ('button_id', 'the button'),
            ('button_type', 'its type'),
            ('dialogue_id', 'the dialogue that it stands in'),
            ('labels', 'how often it was added'),
            ('label_text', 'the label''s text'),
            ('label_id', 'the label'),
            ('topic', 'the topic'),
            ('interaction_type', 'its type'),
            ('interaction_name', 'its name'),
            ('interaction_id', 'the interaction'),
            ('interaction_parent_id', 'what it is a part of'),
            ('story_id', 'the story'),
            ('reached', 'how often it was reached'),
            ('response_id', 'the response'),
            ('sent', 'how often it was sent'),
            ('likes', 'how often it was liked'),
            ('dislikes', 'how often it was disliked'),
            ('rating_type', 'binary or emojis'),
            ('rating', 'the value, as text'),
            ('conversation_status', 'the conversation''s status'),
            ('last_resolution', 'how it was resolved last'),
            ('conversations_started', 'conversations that began then, those in which the bot wrote'),
            ('visitor_messages_started', 'messages of their visitors, of conversations that began then'),
            ('not_understood_started', 'messages that were not understood, of conversations that began then'),
            ('not_understood_rate_started', 'of the visitors'' messages, from 0 to 1; NULL without messages'),
            ('conversations_ended', 'conversations that ended then'),
            ('visitor_messages_ended', 'messages of their visitors, of conversations that ended then'),
            ('not_understood_ended', 'messages that were not understood, of conversations that ended then'),
            ('not_understood_rate_ended', 'of the visitors'' messages, from 0 to 1; NULL without messages')
          ) AS d (name, what)
          JOIN pg_catalog.pg_attribute AS a ON a.attname = d.name
          JOIN pg_catalog.pg_class AS r ON r.oid = a.attrelid AND r.relnamespace = 'bi'::regnamespace AND r.relkind = 'v'
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c.relation, c.attname, c.what);
    END LOOP;
END
$$;
COMMENT ON FUNCTION kindly_stats.svg(text[], double precision[], text, text, text, integer, integer) IS
'a picture of labels and numbers

labels: of the values, or the names of seven weekdays, with 60 characters at most; values: 2,000 at most, NULL is a gap;
kind: line, bar or heatmap, whose values are those of 24 hours of each weekday, in the order of the labels; title, description: for those who see it and who
do not, the latter by default what the highest value is; width, height: in pixels, from 120 to 4000.
It has colours for light and dark screens.  Numbers below zero are drawn as zero.  NULL without values.
Errors: 22023 for another kind or size, and for numbers that are not finite, above 1e300, or too many.';
CREATE OR REPLACE FUNCTION kindly_stats.stats_svg(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL, kind text DEFAULT 'line', title text DEFAULT NULL, width integer DEFAULT 720, height integer DEFAULT 240)
    RETURNS kindly_stats."image/svg+xml"
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
    SELECT CASE WHEN lower(kind) = 'heatmap' THEN
        (SELECT kindly_stats.svg((SELECT array_agg(n.name ORDER BY n.place) FROM kindly_stats.weekdays(locale, 'short') AS n),
                                 array_agg(round(h.mean::numeric, 2)::float8 ORDER BY w.place, h.hour), kind, coalesce(title, measure, 'messages'),
                                 CASE WHEN max(h.mean) > 0 THEN
                                     format('%s in all, by weekday and hour; most on average, %s, on %s at %s:00.', sum(h.count), round(max(h.mean)::numeric, 2)::float8,
                                            (array_agg(w.name ORDER BY h.mean DESC NULLS LAST, w.place, h.hour))[1], to_char((array_agg(h.hour ORDER BY h.mean DESC NULLS LAST, w.place, h.hour))[1], 'FM00')) END, width, height)
           FROM kindly_stats.stats_heatmap(bot, "from", "to", tz, measure, sources, language_codes, key) AS h
           JOIN kindly_stats.weekdays(locale, 'short') AS w ON w.day = h.day)
    ELSE
        (SELECT kindly_stats.svg(array_agg(kindly_stats.bucket_label(s.date, granularity, locale, 'short') ORDER BY s.bucket), coalesce(array_agg(s.count ORDER BY s.bucket), '{}'),
                                 kind, coalesce(title, measure, 'messages'), NULL, width, height)
           FROM kindly_stats.stats_series(bot, "from", "to", tz, granularity, measure, sources, language_codes, key, locale) AS s)
    END;
END;
COMMENT ON FUNCTION kindly_stats.stats_svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) IS
'a picture of a time series, or of the hours of the week

kind: line, bar or heatmap, for which granularity is without meaning, and whose rows are the locale''s week, and whose numbers are averages of as many times as the
hour came in the range; title: by default the measure; width, height: in
pixels, from 120 to 4000.  The other arguments are those of stats_series.
Errors: those of stats_series and of svg().';
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
CREATE FUNCTION kindly_stats.bots() RETURNS TABLE (id text, number bigint, name text)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_list_bots';
COMMENT ON FUNCTION kindly_stats.bots() IS
'bots that have statistics or a name, and that the caller sees

What view kindly_stats.bot shows.  Error: 42501 for who has SELECT neither on it nor on the tables.';
COMMENT ON FUNCTION kindly_stats.visible_bots() IS
'bots that row-level security shows to the caller, ascending

For the roles of API tokens the bot of the token, or those of the role that it is a login of; for all others those that kindly_stats.grant_bot() gave to the role itself or to
a role whose rights it has.  Owners of the tables and superusers see every bot, whatever is listed here.';
COMMENT ON FUNCTION kindly_stats.require_bot(kindly_stats.bot_id) IS 'internal: the bot that is asked for, by default the token''s; a token gets at its own alone';
CREATE FUNCTION kindly_stats.stats_series_by_bot(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bot text, name text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 2000 AS 'MODULE_PATHNAME', 'ks_stats_series_by_bot';
COMMENT ON FUNCTION kindly_stats.stats_series_by_bot(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure as a time series for each bot

bots: which, NULL for all that the caller sees; of others, and of those that have neither statistics nor a name, there is no row.  bot: the id that the user has for it; name: as in
kindly_stats.bot_name.  Other arguments, columns and errors are those of stats_series.';
CREATE FUNCTION kindly_stats.stats_total_by_bot(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bot text, name text, count bigint, distinct_count bigint)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_total_by_bot';
COMMENT ON FUNCTION kindly_stats.stats_total_by_bot(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure in all for each bot, most first

Arguments and errors as those of stats_series_by_bot and stats_total.';
CREATE FUNCTION kindly_stats.stats_series_across_bots(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_series_across_bots';
COMMENT ON FUNCTION kindly_stats.stats_series_across_bots(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure as a time series of many bots together

bots: which, NULL for all that the caller sees; others have nothing.  distinct_count: members, each of
them once, whichever bots it is a member of.  Other arguments, columns and errors are those of stats_series; 54000 where all tallies of the range together exceed 256 MB.';
CREATE FUNCTION kindly_stats.stats_total_across_bots(
    "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day', measure text DEFAULT 'messages',
    bots kindly_stats.bot_id[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (count bigint, distinct_count bigint)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 50000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_stats_total_across_bots';
COMMENT ON FUNCTION kindly_stats.stats_total_across_bots(kindly_stats.moment, kindly_stats.moment, text, text, text, kindly_stats.bot_id[], text[], text[], text[], text) IS
'events of one measure in all of many bots together

Arguments and errors as those of stats_series_across_bots and stats_total.';
CREATE OR REPLACE FUNCTION kindly_stats.create_access_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_tables();
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = to_regclass('kindly_stats.bot_grant') AND t.tgname = 'kindly_stats_changed')
       AND to_regclass('kindly_stats.api_key') IS NOT NULL AND to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        RETURN;
    END IF;
    IF kindly_stats.place() = 'worker' THEN
        RAISE EXCEPTION 'this node is a worker' USING ERRCODE = '55000', HINT = 'Call it on the coordinator.';
    END IF;
    -- another session may be at the same, and be done before us
    PERFORM kindly_stats.lock_creation();
    IF to_regclass('kindly_stats.bot_grant') IS NULL THEN
        -- by name: roles have other oids in the cluster to which a dump is restored
        CREATE TABLE kindly_stats.bot_grant (
            role name NOT NULL,
            bot_id bigint NOT NULL,
            PRIMARY KEY (role, bot_id)
        );
        COMMENT ON TABLE kindly_stats.bot_grant IS
'bots that database roles see where row-level security is enabled

role: the name of the role; bot_id: the number of the bot.
Made by kindly_stats.grant_bot(), and taken away by kindly_stats.revoke_bot().';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = 'kindly_stats.bot_grant'::regclass AND t.tgname = 'kindly_stats_changed') THEN
        CREATE TRIGGER kindly_stats_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kindly_stats.bot_grant
            FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.grants_changed();
    END IF;
    IF to_regclass('kindly_stats.api_key') IS NULL THEN
        CREATE TABLE kindly_stats.api_key (
            prefix text COLLATE "C" PRIMARY KEY,
            bot_id bigint,
            label text,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz,
            revoked_at timestamptz,
            login name,
            CHECK (num_nonnulls(bot_id, login) = 1)
        );
        COMMENT ON TABLE kindly_stats.api_key IS
'API keys, without their secrets

prefix: by which a key is known; bot_id: the number of the bot that it opens; login: or the name of the role whose bots it opens; label: what it is for; hash: SHA-256 of the whole key;
created_at: when it was made; expires_at: when it ends, NULL for never; revoked_at: when it was revoked.';
    END IF;
    IF to_regclass('kindly_stats.api_secret') IS NULL THEN
        CREATE TABLE kindly_stats.api_secret (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            secret text NOT NULL CHECK (length(secret) >= 32),
            created_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE kindly_stats.api_secret IS
'the secret that signs tokens: whoever can read it can make tokens for any bot

is_only: always true, for there is one row; secret: the secret; created_at: when it was made.';
    END IF;
    IF kindly_stats.place() = 'coordinator' THEN
        PERFORM kindly_stats.place_tables(NULL);
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.tables_with_bots() RETURNS TABLE (relation regclass, bot_column name, is_partition boolean)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid::regclass, 'bot_id'::name, false FROM pg_class AS c
     WHERE c.relnamespace = 'kindly_stats'::regnamespace AND c.relname IN ('rollup', 'known_bot', 'bot_name', 'exported', 'interaction') AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT r, (t.columns ->> 'bot_id')::name, r <> t.conversation_table
      FROM kindly_stats.conversation_tables() AS t, kindly_stats.partition_tree(t.conversation_table) AS r
$$;
CREATE FUNCTION kindly_stats.bots_policy(relation regclass, bot_column name, everywhere boolean) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- by name: another table may have taken its place since this was planned
    SELECT CASE WHEN relation::text = 'kindly_stats.rollup'
                THEN format('CREATE POLICY kindly_stats_bots ON %s FOR SELECT USING (kindly_stats.is_one_of(%I, %s))', relation, bot_column,
                            CASE WHEN everywhere THEN 'kindly_stats.visible_bots()' ELSE '(SELECT kindly_stats.visible_bots())' END)
                WHEN everywhere
                -- by name: shards get their policies before their node has the table
                THEN (SELECT format('CREATE POLICY kindly_stats_bots ON %1$s USING (kindly_stats.is_one_of(%2$I, kindly_stats.visible_bots())'
                                    ' OR has_table_privilege(%3$L, ''INSERT, UPDATE, DELETE''))', relation, bot_column, format('%I.%I', n.nspname, c.relname))
                        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation)
                ELSE format('CREATE POLICY kindly_stats_bots ON %1$s USING (%2$s = ANY ((SELECT kindly_stats.visible_bots())::bigint[])'
                            ' OR (SELECT has_table_privilege(%1$L::regclass, ''INSERT, UPDATE, DELETE'')))', relation,
                            format(CASE WHEN kindly_stats.has_text_bots(relation, jsonb_build_object('bot_id', bot_column)) THEN '%I::kindly_stats.bot_id::bigint' ELSE '%I' END, bot_column)) END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.bots_policy(regclass, name, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bots_policy(regclass, name, boolean) IS 'internal: the statement that makes the policy of a table, everywhere as distributed ones may have it';
CREATE FUNCTION kindly_stats.rewrite_policies(relations regclass[], everywhere boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT w.relation, w.bot_column FROM kindly_stats.tables_with_bots() AS w
              WHERE w.relation = ANY (relations) AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = w.relation AND p.polname = 'kindly_stats_bots')
              ORDER BY w.relation
    LOOP
        EXECUTE format('DROP POLICY kindly_stats_bots ON %s', t.relation);
        EXECUTE kindly_stats.bots_policy(t.relation, t.bot_column, everywhere);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rewrite_policies(regclass[], boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rewrite_policies(regclass[], boolean) IS 'internal: makes the policies of tables anew, where they are distributed or brought back';
CREATE OR REPLACE FUNCTION kindly_stats.enable_row_security() RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    PERFORM kindly_stats.create_access_tables();
    FOR t IN SELECT w.relation, w.bot_column, c.relrowsecurity,
                    EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'kindly_stats_bots') AS has_policy
               FROM kindly_stats.tables_with_bots() AS w JOIN pg_class AS c ON c.oid = w.relation
              ORDER BY w.relation::text COLLATE "C"
    LOOP
        IF NOT t.has_policy THEN
            EXECUTE kindly_stats.bots_policy(t.relation, t.bot_column, kindly_stats.is_distributed(t.relation));
        END IF;
        IF NOT t.relrowsecurity THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.relation);
        END IF;
        IF NOT (t.has_policy AND t.relrowsecurity) THEN
            RETURN NEXT t.relation;
        END IF;
    END LOOP;
    PERFORM kindly_stats.admit_administrators();
END
$$;
CREATE FUNCTION kindly_stats.grant_reading(reader name, tables boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, reader) FROM pg_namespace AS n
         WHERE (n.nspname = 'kindly_stats'
                OR tables AND n.oid IN (SELECT c.relnamespace FROM kindly_stats.tables_with_bots() AS t JOIN pg_class AS c ON c.oid = t.relation WHERE NOT t.is_partition)
                OR n.oid IN (SELECT d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
                              WHERE d.classid = 'pg_namespace'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'kindly_stats'))
           AND n.nspname <> 'kindly_api' AND NOT has_schema_privilege(reader, n.oid, 'USAGE')
        UNION ALL
        SELECT format('GRANT SELECT ON %s TO %I', r, reader)
          FROM unnest('kindly_stats.bot'::regclass || ARRAY(SELECT c.oid::regclass FROM pg_class AS c WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind = 'v'
                                                                AND EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))) AS r
         WHERE NOT has_table_privilege(reader, r, 'SELECT')
        UNION ALL
        SELECT format('GRANT SELECT ON %s TO %I', t.relation, reader) FROM kindly_stats.tables_with_bots() AS t
         WHERE tables AND NOT t.is_partition AND NOT has_table_privilege(reader, t.relation, 'SELECT')
        UNION ALL
        SELECT format('GRANT SELECT ON kindly_stats.measure TO %I', reader) WHERE tables AND NOT has_table_privilege(reader, 'kindly_stats.measure', 'SELECT')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_reading(name, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_reading(name, boolean) IS 'internal: the grants that every reader needs and does not have';
CREATE FUNCTION kindly_stats.given_rights() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH member AS (
        SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
         WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'kindly_stats'),
    object AS (
        SELECT 'SCHEMA' AS kind, quote_ident(n.nspname) AS object, n.nspacl AS acl, n.nspowner AS owner
          FROM pg_namespace AS n JOIN member AS m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid
        UNION ALL
        SELECT 'TABLE', c.oid::regclass::text, c.relacl, c.relowner FROM pg_class AS c JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
        UNION ALL
        SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure::text, p.proacl, p.proowner
          FROM pg_proc AS p JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', g.kind, 'object', g.object, 'privilege', g.privilege_type, 'grantee', g.rolname)
                              ORDER BY g.kind COLLATE "C", g.object COLLATE "C", g.privilege_type COLLATE "C", g.rolname COLLATE "C"), '[]')
      FROM (SELECT DISTINCT o.kind, o.object, a.privilege_type, r.rolname
              FROM object AS o, aclexplode(o.acl) AS a JOIN pg_roles AS r ON r.oid = a.grantee WHERE a.grantee <> o.owner) AS g
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.given_rights() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.given_rights() IS 'internal: which rights on the extension''s objects roles have, but for owners and PUBLIC';
CREATE FUNCTION kindly_stats.take_grants(grants jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    g record;
BEGIN
    -- nobody waits for whoever is at the same
    SET LOCAL lock_timeout = '1s';
    SET LOCAL citus.enable_ddl_propagation = off;
    FOR g IN SELECT coalesce(x.grant, y.grant) AS grant, x.grant IS NULL AS is_over
               FROM jsonb_array_elements(grants) AS x ("grant") FULL JOIN jsonb_array_elements(kindly_stats.given_rights()) AS y ("grant") ON x.grant = y.grant
              WHERE (x.grant IS NULL OR y.grant IS NULL) AND to_regrole(quote_ident(coalesce(x.grant, y.grant) ->> 'grantee')) IS NOT NULL
    LOOP
        EXECUTE format(CASE WHEN g.is_over THEN 'REVOKE %s ON %s %s FROM %I' ELSE 'GRANT %s ON %s %s TO %I' END,
                       g.grant ->> 'privilege', g.grant ->> 'kind', g.grant ->> 'object', g.grant ->> 'grantee');
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.take_grants(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.take_grants(jsonb) IS 'internal: gives roles the rights that they have on another node, and no others';
CREATE FUNCTION kindly_stats.copy_grants() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    failed text;
BEGIN
    IF kindly_stats.place() <> 'coordinator' THEN
        RETURN;
    END IF;
    EXECUTE $query$SELECT min(format('%s:%s: %s', n.nodename, n.nodeport, n.result)) FROM run_command_on_workers(format('SELECT kindly_stats.take_grants(%L)', $1)) AS n WHERE NOT n.success$query$
       INTO failed USING kindly_stats.given_rights();
    IF failed IS NOT NULL THEN
        RAISE WARNING 'rights were not given on every node: %', failed USING HINT = 'Readers who connect to the coordinator need none there.  Else call kindly_stats.distribute() once more.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.copy_grants() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.copy_grants() IS
'internal: gives roles the same rights on the extension''s objects on workers

What they have there alone is taken back.  Those of which no worker knows yet are left out.  Not undone when the transaction is rolled back: a right to read of who sees no bot shows nothing.';
CREATE FUNCTION kindly_stats.grant_bot(role name, bot kindly_stats.bot_id, tables boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_row_security();
    IF bot IS NULL OR role IS NULL THEN
        RAISE EXCEPTION '"%" is missing', CASE WHEN role IS NULL THEN 'role' ELSE 'bot' END
            USING ERRCODE = '22004', HINT = 'Pass the name of a role and the bot''s id.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = grant_bot.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    ELSIF role IN ('kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_guest', 'kindly_api_user') THEN
        RAISE EXCEPTION 'bots cannot be granted to role "%" of the API', role
            USING ERRCODE = '22023', HINT = 'What a request sees is what its token says: make a key with kindly_stats.create_api_key() or create_login_key().';
    END IF;
    PERFORM kindly_stats.grant_reading(role, coalesce(tables, false));
    PERFORM kindly_stats.copy_grants();
    PERFORM kindly_stats.note_bot(bot);
    INSERT INTO kindly_stats.bot_grant (role, bot_id) VALUES (grant_bot.role, bot::bigint) ON CONFLICT DO NOTHING;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id, boolean) IS
'lets a database role read the statistics of a bot

role: the role, none of those of the API, whose members that inherit its rights see the bot, too; bot: the bot; tables: whether to grant SELECT on the tables that statistics
are read from as well, conversation tables among them, which exports need, and queries that read these tables themselves.
The role gets USAGE of the schemas and SELECT on view kindly_stats.bot and those of schema bi, which is all that tools list then.
kindly_stats.bot_grant lists what was granted, by the roles'' names.
Errors: 22004, 22023 for a role of the API, 42704 where there is no such role, 55000 before kindly_stats.enable_row_security() was called.';
CREATE OR REPLACE FUNCTION kindly_stats.create_role(role name, options text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known record;
BEGIN
    SELECT r.rolsuper, r.rolbypassrls, r.rolcanlogin INTO known FROM pg_roles AS r WHERE r.rolname = create_role.role;
    IF NOT FOUND THEN
        EXECUTE format('CREATE ROLE %I %s', role, options);
    -- claims of these roles are trusted: nobody else may act as one
    ELSIF known.rolsuper OR known.rolbypassrls OR known.rolcanlogin <> (options LIKE 'LOGIN%') THEN
        RAISE EXCEPTION 'role "%" exists and may do what it should not', role USING ERRCODE = '42710',
            HINT = format('Rename it, or ALTER ROLE %I NOSUPERUSER NOBYPASSRLS %s.', role, options);
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.limit_api_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
BEGIN
    -- so that the server knows the extension's settings: unknown ones can be set only by a superuser
    PERFORM kindly_stats.visible_bots();
    -- At the beginning of a transaction, PostgREST applies the settings of the request's role, but only those that every session knows.  It
    -- would not find the extension's settings, so these are set on the role as which it logs in.
    FOR wanted IN
        SELECT s.role, s.name, s.value
          FROM (VALUES ('kindly_api_user', 'statement_timeout', '15s'), ('kindly_api_user', 'lock_timeout', '1s'),
                       ('kindly_api_guest', 'statement_timeout', '15s'), ('kindly_api_guest', 'lock_timeout', '1s'),
                       ('kindly_api_anonymous', 'statement_timeout', '2s'), ('kindly_api_anonymous', 'lock_timeout', '1s'),
                       ('kindly_api_authenticator', 'kindly_stats.max_buckets', '9000'),
                       ('kindly_api_authenticator', 'kindly_stats.max_limit', '1000'),
                       ('kindly_api_authenticator', 'kindly_stats.wait_for_writers', 'off'),
                       -- a log of statements must not have the headers of requests, among which are keys and tokens
                       ('kindly_api_authenticator', 'log_parameter_max_length', '0'),
                       ('kindly_api_authenticator', 'log_parameter_max_length_on_error', '0')) AS s (role, name, value)
          JOIN pg_roles AS r ON r.rolname = s.role
         -- a value that the operator has set stays
         WHERE NOT EXISTS (SELECT FROM unnest(r.rolconfig) AS c (setting) WHERE starts_with(c.setting, concat(s.name, '=')))
           -- a setting that only a superuser may change
           AND (s.name <> 'log_parameter_max_length' OR (SELECT u.rolsuper FROM pg_roles AS u WHERE u.rolname = current_user))
    LOOP
        EXECUTE format('ALTER ROLE %I SET %s = %L', wanted.role, wanted.name, wanted.value);
    END LOOP;
END
$$;
CREATE OR REPLACE FUNCTION kindly_stats.create_api_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role name;
BEGIN
    PERFORM kindly_stats.require_row_security();
    PERFORM kindly_stats.create_role('kindly_api_authenticator', 'LOGIN NOINHERIT');
    PERFORM kindly_stats.create_role('kindly_api_anonymous', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_api_user', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_api_guest', 'NOLOGIN');
    FOREACH role IN ARRAY '{kindly_api_anonymous,kindly_api_user,kindly_api_guest}'::name[] LOOP
        IF NOT pg_has_role('kindly_api_authenticator', role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO kindly_api_authenticator', role);
        END IF;
    END LOOP;
    GRANT USAGE ON SCHEMA kindly_api TO kindly_api_anonymous, kindly_api_user, kindly_api_guest;
    -- without a token, request() says that one is needed
    GRANT EXECUTE ON FUNCTION kindly_api.auth(), kindly_api.exchange(), kindly_api.health(), kindly_api.request(), kindly_api.request_volatile() TO kindly_api_anonymous;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA kindly_api TO kindly_api_user;
    PERFORM kindly_stats.grant_reading('kindly_api_user', true);
    -- its rights on the tables decide: revoking them closes the API
    REVOKE SELECT ON kindly_stats.bot FROM kindly_api_user;
    -- A link shows the page's statistics: no schemas but these two, so that PostgREST offers nothing else, and no conversation.
    GRANT USAGE ON SCHEMA kindly_stats TO kindly_api_guest;
    -- request() says that it is not for links
    GRANT EXECUTE ON FUNCTION kindly_api.token(), kindly_api.request(), kindly_api.request_volatile(),
        kindly_api.overview(kindly_stats.bot_id, text, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text, text[], integer, text, text[]) TO kindly_api_guest;
    GRANT SELECT ON kindly_stats.rollup, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.interaction, kindly_stats.measure, kindly_stats.counting TO kindly_api_guest;
    -- an export closes its day
    GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO kindly_api_user;
    PERFORM kindly_stats.limit_api_roles();
    NOTIFY pgrst, 'reload config';
    NOTIFY pgrst, 'reload schema';
END
$$;
COMMENT ON FUNCTION kindly_stats.create_api_roles() IS
'creates the roles that PostgREST serves the API with, and gives them their rights

kindly_api_authenticator, as which PostgREST connects (give it a password, or a line in pg_hba.conf); kindly_api_anonymous,
without a token; kindly_api_user, with one; kindly_api_guest, with a link of the page that was shared.  Grant none of them to anybody else.  Calling it once more gives the rights that came
to be needed since, such as those on a conversation table.  It also sets how long a request may take and wait, and how much it may
ask for, for roles that have no such settings: ALTER ROLE ... SET changes them, and calling this again leaves them.  Errors: 42710 where a role of that name exists that may do more, 55000 before
kindly_stats.enable_row_security() was called.';
CREATE FUNCTION kindly_stats.create_login_key(role name, label text DEFAULT NULL, lifetime interval DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    prefix text := left(replace(gen_random_uuid()::text, '-', ''), 12);
    key text := concat('ks_', prefix, '_', kindly_stats.random_text(43));
BEGIN
    IF role IS NULL THEN
        RAISE EXCEPTION '"role" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of a role that bots were granted to.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = create_login_key.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    ELSIF now() + lifetime <= now() THEN
        RAISE EXCEPTION '"lifetime" must be longer than nothing' USING ERRCODE = '22023', HINT = 'Leave it out for a key that does not expire.';
    END IF;
    PERFORM kindly_stats.create_access_tables();
    INSERT INTO kindly_stats.api_key (prefix, login, label, hash, expires_at)
    VALUES (prefix, role, label, sha256(convert_to(key, 'UTF8')), now() + lifetime);
    RETURN key;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_login_key(name, text, interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_login_key(name, text, interval) IS
'makes an API key for all bots of a role, such as a team''s, and shows it this once

role: whose bots it opens, those that kindly_stats.grant_bot() gave to it or to a role whose rights it has, as they are when it is used; the role need not
be able to log in.  label, lifetime: as those of create_api_key().  The page takes it, and exchanges of Sage''s for a token of one of the bots do; in the place of a token it is none.
Errors: 22004 without role, 42704 where there is no such role, 22023 for a lifetime that is over.';
CREATE OR REPLACE FUNCTION kindly_stats.revoke_api_key(prefix text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- also for a whole key: what follows the prefix must not get into any message
    wanted text := left(regexp_replace(prefix, '^ks_', ''), 12);
    -- Citus works out no function within COALESCE
    moment timestamptz := now();
BEGIN
    PERFORM kindly_stats.create_access_tables();
    UPDATE kindly_stats.api_key AS k SET revoked_at = coalesce(k.revoked_at, moment) WHERE k.prefix = wanted;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no API key with prefix "%"', wanted USING ERRCODE = '22023', HINT = 'kindly_stats.api_keys() lists the keys.';
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.revoke_api_key(text) IS
'makes an API key invalid

prefix: the twelve characters after ks_, as kindly_stats.api_keys() lists them, or the whole key.  Tokens that it was exchanged for are valid for the
rest of kindly_stats.token_lifetime; links that were shared with them end at once.  Error: 22023 where there is no such key.';
CREATE FUNCTION kindly_stats.api_keys(bot kindly_stats.bot_id DEFAULT NULL)
    RETURNS TABLE (prefix text, bot_id text, login name, label text, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz, is_valid boolean)
    LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    IF to_regclass('kindly_stats.api_key') IS NOT NULL THEN
        RETURN QUERY
        SELECT k.prefix, kindly_stats.bot_text(k.bot_id), k.login, k.label, k.created_at, k.expires_at, k.revoked_at,
               k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)
          FROM kindly_stats.api_key AS k WHERE bot IS NULL OR k.bot_id = bot::bigint
         ORDER BY k.bot_id, k.login, k.created_at, k.prefix;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.api_keys(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.api_keys(kindly_stats.bot_id) IS 'lists API keys, without their secrets

bot: one bot''s only; NULL for all, and for those of roles (login).  is_valid: neither revoked nor expired.';
CREATE OR REPLACE FUNCTION kindly_stats.is_about_access(function regprocedure) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.proname IN ('create_access_tables', 'enable_row_security', 'admit_administrators', 'require_row_security', 'grant_reading', 'bots_policy', 'rewrite_policies', 'take_grants', 'copy_grants', 'grant_bot',
                         'revoke_bot', 'create_role', 'limit_api_roles', 'create_api_roles', 'random_text', 'create_api_key', 'create_login_key', 'revoke_api_key', 'api_keys',
                         'rotate_signing_secret', 'create_signing_secret', 'signing_secret', 'grants_changed', 'is_about_access',
                         'create_administrator_roles', 'grant_administration', 'allow_restore', 'drop_roles')
      FROM pg_proc AS p WHERE p.oid = function
$$;
CREATE OR REPLACE FUNCTION kindly_stats.grant_administration() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    GRANT USAGE ON SCHEMA kindly_stats, bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON ALL TABLES IN SCHEMA bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.covered_relation TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.bot, kindly_stats.interaction, kindly_stats.exported, kindly_stats.detached, kindly_stats.counting,
        kindly_stats.verified, kindly_stats.event_table, kindly_stats.conversation_table, kindly_stats.progress TO kindly_stats_admin, kindly_stats_monitor;
    GRANT INSERT, DELETE ON kindly_stats.rollup, kindly_stats.detached TO kindly_stats_admin;
    GRANT INSERT, UPDATE, DELETE ON kindly_stats.measure, kindly_stats.bot_name, kindly_stats.interaction, kindly_stats.counting, kindly_stats.verified TO kindly_stats_admin;
    FOR command IN
        SELECT format('GRANT EXECUTE ON %s %s TO kindly_stats_admin', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure)
          FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kindly_stats'
         WHERE p.pronamespace = 'kindly_stats'::regnamespace AND NOT kindly_stats.is_about_access(p.oid)
           -- what event triggers call runs as the extension's owner
           AND p.proname !~ '^(before|after|warn|bi)_' AND NOT 'internal'::regtype = ANY (p.proargtypes) AND NOT has_function_privilege('kindly_stats_admin', p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', f)
          FROM unnest(ARRAY['kindly_stats.verify(kindly_stats.bot_id, timestamptz, boolean)', 'kindly_stats.differences(bigint, timestamptz, text, jsonb)', 'kindly_stats.differences_of(jsonb[])',
                            'kindly_stats.verify_here(bigint, timestamptz, text[], bigint[])', 'kindly_stats.verify_nodes(bigint, timestamptz, text[])', 'kindly_stats.ask_nodes(text, bigint)', 'kindly_stats.can_ask_nodes()',
                            'kindly_stats.spread_tables(boolean)', 'kindly_stats.attached_here()', 'kindly_stats.require_attached(text[])', 'kindly_stats.own_shards()', 'kindly_stats.shard_groups(bigint, bigint[])', 'kindly_stats.counted_rows(regclass, regclass[])',
                            'kindly_stats.compare(text, date, kindly_stats.tally, timestamptz, text[], text, bigint)',
                            'kindly_stats.compare_counts(internal, text, date, kindly_stats.tally, timestamptz, text[], text, bigint)', 'kindly_stats.compare_final(internal)', 'kindly_stats.has_rollup()', 'kindly_stats.require_own_tables()',
                            'kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz, regclass[])', 'kindly_stats.raw_query(regclass, jsonb, text, regclass[])', 'kindly_stats.raw_measure(regclass, jsonb, text, text)', 'kindly_stats.is_distributed(regclass)', 'kindly_stats.rows_here(text)', 'kindly_stats.live_rows(bigint, date)',
                            'kindly_stats.require_columns(regclass, jsonb)', 'kindly_stats.lost_columns(regclass, jsonb)',
                            'kindly_stats.column_expression(regclass, jsonb, text, text)', 'kindly_stats.base_type(oid)', 'kindly_stats.has_text_bots(regclass, jsonb)',
                            'kindly_stats.mapped_column(jsonb)', 'kindly_stats.has_column(regclass, text)', 'kindly_stats.type_fits(text, jsonb, oid)',
                            'kindly_stats.tree_findings()', 'kindly_stats.tree_top(regclass)',
                            'kindly_stats.partition_tree(regclass)', 'kindly_stats.logical_columns(text)']::regprocedure[]) AS f
         WHERE NOT has_function_privilege('kindly_stats_monitor', f, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', p.oid::regprocedure)
          FROM pg_proc AS p
         WHERE p.pronamespace = 'kindly_stats'::regnamespace
           AND (p.proname LIKE 'health%' OR p.proname IN ('relations', 'trigger_name', 'base_type', 'logical_columns', 'horizon_holder', 'outdated_measures', 'newest_measures', 'built_in_measures', 'count_errors', 'zone_data', 'given_rights'))
           AND NOT has_function_privilege('kindly_stats_monitor', p.oid, 'EXECUTE')
    LOOP
        EXECUTE command;
    END LOOP;
    GRANT SELECT ON kindly_stats.health TO kindly_stats_admin, kindly_stats_monitor;
    -- the secret's age, but not the secret
    IF to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        GRANT SELECT (created_at) ON kindly_stats.api_secret TO kindly_stats_admin, kindly_stats_monitor;
    END IF;
END
$$;
CREATE FUNCTION kindly_stats.drop_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role name;
    databases text;
BEGIN
    FOR role IN SELECT r.rolname FROM pg_roles AS r
                 WHERE r.rolname IN ('kindly_api_anonymous', 'kindly_api_authenticator', 'kindly_api_guest', 'kindly_api_user', 'kindly_stats_admin', 'kindly_stats_monitor')
    LOOP
        SELECT string_agg(DISTINCT quote_ident(d.datname), ', ') INTO databases
          FROM pg_shdepend AS s JOIN pg_database AS d ON d.oid = s.dbid JOIN pg_roles AS r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
         WHERE r.rolname = role AND d.datname <> current_database();
        IF databases IS NOT NULL THEN
            RAISE EXCEPTION 'role "%" has rights in other databases, too: %', role, databases USING ERRCODE = '2BP01',
                HINT = format('There, DROP OWNED BY %I first.', role);
        END IF;
        EXECUTE format('DROP OWNED BY %I', role);
        EXECUTE format('DROP ROLE %I', role);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.drop_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.drop_roles() IS
'drops the roles of the API and of administrators, with their rights in this database

Those that create_api_roles() and create_administrator_roles() made.  What they own here goes, too; as they were made, they own nothing.  To uninstall the extension.  Errors: 2BP01 where another database
still gives them rights, 42501.';
COMMENT ON FUNCTION kindly_api.auth() IS
'gives a token for an API key: GET /api/v2/bot/<BOT_ID>/sage/auth, or GET /api/native/login

The second address is for the page: its token is for the key''s bot, or for all bots of the role that the key was made for; with bot=<BOT_ID> only if that is among them.
The header x-original-uri has the path, x-api-key the key; the proxy sets both, the key from Authorization: Bearer <API_KEY>.
The answer is {"jwt": "...", "ttl": <seconds>}, valid for kindly_stats.token_lifetime.
HTTP statuses: 401 for a key that is missing, unknown, expired or revoked; 403 for a key of another bot; 404 for other paths.';
CREATE OR REPLACE FUNCTION kindly_api.token() RETURNS json
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
COMMENT ON FUNCTION kindly_api.token() IS
'says which bot the token is for, and so that it is valid

The answer is {"bot": ...}, its id as the token has it, null for a login''s; it costs next to nothing.  The headers X-Kindly-Bot, its number, and X-Kindly-Key, the latter with the prefix of the
key that the token was given for, are for the proxy, which counts requests by them.  HTTP status: 401 without a token.';
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
CREATE FUNCTION kindly_api.share(bot kindly_stats.bot_id DEFAULT NULL, lifetime interval DEFAULT '7 days') RETURNS json
    LANGUAGE C VOLATILE COST 1000 AS 'MODULE_PATHNAME', 'ks_share_link';
REVOKE EXECUTE ON FUNCTION kindly_api.share(kindly_stats.bot_id, interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.share(kindly_stats.bot_id, interval) IS
'makes a token for a link to the page that others may have: POST /api/native/rpc/share

bot: by default the token''s; lifetime: from now on, between a minute and 366 days.  The answer is {"token": ..., "expires": <seconds since 1970>}.  Whoever has the token may call overview() for that bot and
nothing else, until then, and no longer than the key is valid that the caller''s token was exchanged for.
Errors: 400 for a lifetime that makes no sense, 403 for another bot, and without a valid key.';
CREATE FUNCTION kindly_api.period(name text DEFAULT NULL, tz text DEFAULT NULL, "now" timestamptz DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE ("from" date, "to" date, granularity text)
    LANGUAGE sql STABLE PARALLEL SAFE COST 10 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.period(name, tz, "now", locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.period(text, text, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.period(text, text, timestamptz, text) IS
'local dates of a period by name, to exclusive, and a granularity that suits it

name: today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear or lastYear, in any case; tz: whose
date is today, default the session''s, which the header Prefer: timezone=... sets; now: default the request''s; locale: calendar and first day of the week, default ISO.
Error: 400 for an unknown name, tz or locale.';
CREATE FUNCTION kindly_api.buckets(
    "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    locale text DEFAULT NULL, style text DEFAULT 'long')
    RETURNS TABLE (bucket timestamptz, bucket_end timestamptz, date timestamp, label text, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
    SELECT b.bucket, b.bucket_end, b.date, kindly_stats.bucket_label(b.date, granularity, locale, style), b.is_partial
      FROM kindly_stats.buckets("from", "to", tz, granularity, locale) AS b;
END;
REVOKE EXECUTE ON FUNCTION kindly_api.buckets(kindly_stats.moment, kindly_stats.moment, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.buckets(kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'the buckets of a range, and what each is called in a language

from, to, tz, granularity, locale: as those of stats_series, whose rows have the same bucket and date; style: long, or short for the names of months abbreviated and no year.
Without a locale labels are written as ISO 8601 has them.
Error: 400 for arguments that are missing or make no sense.';
CREATE FUNCTION kindly_api.weekdays(locale text DEFAULT NULL, style text DEFAULT 'long')
    RETURNS TABLE (place integer, day integer, name text)
    LANGUAGE sql STABLE PARALLEL SAFE COST 100 ROWS 7
BEGIN ATOMIC
    SELECT * FROM kindly_stats.weekdays(locale, style);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.weekdays(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.weekdays(text, text) IS
'names of the weekdays in a language, in the order of its week

locale: default English, with weeks from Monday; style: long or short.  place: 1 to 7; day: as stats_heatmap has it, 0 is Sunday.
Error: 400 for an unknown locale or style.';
CREATE FUNCTION kindly_api.stats_series_compared(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL, compare text DEFAULT 'previous_period')
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, previous_bucket timestamptz, previous_date timestamp,
                   previous_count bigint, previous_distinct_count bigint, count_difference bigint, distinct_count_difference bigint,
                   count_ratio double precision, distinct_count_ratio double precision, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 2000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_series_compared(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale, compare);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure as a time series, each bucket beside one of an earlier range

Arguments up to locale and errors as those of stats_series; compare: previous_period (the range of the same length before it, of as many months where it is of whole calendar
months), previous_year (the same dates a year before) or previous_year_weekday (52 weeks before).  previous_ columns, difference (count less previous_count) and ratio (count by
previous_count) are null where there is nothing to compare with, the ratio also where the earlier count is 0.  is_partial: the ranges cover only a part of either bucket, or it is not over yet.';
CREATE FUNCTION kindly_api.stats_total_compared(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL, compare text DEFAULT 'previous_period')
    RETURNS TABLE (count bigint, distinct_count bigint, previous_count bigint, previous_distinct_count bigint, count_difference bigint,
                   distinct_count_difference bigint, count_ratio double precision, distinct_count_ratio double precision,
                   previous_from timestamp, previous_to timestamp, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 2000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_total_compared(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale, compare);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_total_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_total_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure in all, beside an earlier range

Arguments, differences, ratios and errors as those of stats_series_compared.  previous_from, previous_to: the earlier range on the local clock, previous_to exclusive; is_partial: the
range is not over yet.';
CREATE FUNCTION kindly_api.stats_series_by(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    by text DEFAULT 'source', granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL,
    language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (value text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 500
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_series_by(kindly_stats.require_bot(bot), "from", "to", tz, by, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_series_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_series_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series for each source, language or value of a key column

by: source, language_code or a key column of the measure; other arguments and errors as those of stats_series.  Values with most events in the range come first, each with a row for
every bucket; null are events without a value.';
CREATE FUNCTION kindly_api.stats_total_by(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    by text DEFAULT 'source', granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL,
    language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (value text, count bigint, distinct_count bigint, ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 10
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_total_by(kindly_stats.require_bot(bot), "from", "to", tz, by, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_total_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_total_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) IS
'events of one measure in all for each source, language or value of a key column

Arguments and errors as those of stats_series_by.  Ratios are of all events that pass the filters.  A member who has several values is among the distinct members of each.';
CREATE FUNCTION kindly_api.stats_active(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, daily bigint, last_7 bigint, last_28 bigint, last_30 bigint, stickiness double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_active(kindly_stats.require_bot(bot), "from", "to", tz, measure, sources, language_codes, key);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_active(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_active(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'distinct members of each day, and of the 7, 28 and 30 days that end with it

measure: one that counts members, default users; other arguments and errors as those of stats_series.  A row for every local day of the range; what lies before the range counts, too.
stickiness: daily by last_30, null where that is 0.';
CREATE FUNCTION kindly_api.stats_new_returning(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, distinct_count bigint, new_count bigint, returning_count bigint, new_ratio double precision,
                   is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_new_returning(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_new_returning(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_new_returning(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'distinct members of each bucket: those who are new in it, and those who return

measure: one that counts members, default users; other arguments and errors as those of stats_series.  New is whose first event of all time that passes the filters lies in the bucket;
new_ratio is null where there is nobody.';
CREATE FUNCTION kindly_api.stats_retention(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'week', measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (cohort timestamptz, cohort_date timestamp, size bigint, age integer, date timestamp, distinct_count bigint,
                   ratio double precision, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 500
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_retention(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_retention(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_retention(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'members by the bucket of their first visit, and how many of them come in each later one

granularity: default week; measure: one that counts members, default users; other arguments and errors as those of stats_series.  A cohort are those whose first event of all time that
passes the filters lies in the bucket; age: how many buckets later, 0 its own; date: that bucket''s label; ratio: part of the cohort, null where it is empty; is_partial: the range
covers only a part of either bucket, or it is not over yet.';
CREATE FUNCTION kindly_api.stats_funnel(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measures text[] DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (step integer, measure text, distinct_count bigint, ratio double precision, step_ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 ROWS 3
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_funnel(kindly_stats.require_bot(bot), "from", "to", tz, measures, sources, language_codes);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_funnel(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_funnel(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], text[]) IS
'members of a measure, those of them who are members of a second one, too, and so on

measures: 2 to 20 that count values of the same column, {messages,pages}; other arguments and errors as those of stats_series, and 400 for measures whose members differ.  Each step has
the members who were counted by its measure and by all before it in the range, in whatever order of time.  ratio: part of the first step''s, step_ratio: of the step before''s, null where
that is nobody.';
CREATE TYPE kindly_stats.overview_question AS (
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text, granularity text, locale text, sources text[], language_codes text[],
    compare text, previous_from kindly_stats.moment, previous_to kindly_stats.moment, measure text, key text[], top integer
);
COMMENT ON TYPE kindly_stats.overview_question IS 'internal: what kindly_api.overview() was asked for, once it is clear what that is';
CREATE FUNCTION kindly_stats.local_date(instant timestamptz, tz text) RETURNS date
    LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 20
    RETURN (SELECT p."from" FROM kindly_stats.period('today', tz, instant) AS p);
COMMENT ON FUNCTION kindly_stats.local_date(timestamptz, text) IS 'internal: the date that a local clock shows';
CREATE FUNCTION kindly_stats.overview_range(
    INOUT period text, INOUT "from" kindly_stats.moment, INOUT "to" kindly_stats.moment, tz text, INOUT granularity text, locale text, first date, last date,
    OUT from_date date, OUT to_date date)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (SELECT p."from" FROM kindly_stats.period('today', tz) AS p);
    fitting text;
    days integer;
BEGIN
    IF period IS NULL AND "from" IS NULL AND "to" IS NULL THEN
        IF last < today - 29 THEN
            "from" := kindly_stats.moment(last - 29);
            "to" := kindly_stats.moment(last + 1);
        ELSE
            period := 'last30days';
        END IF;
    END IF;
    IF period = 'all' THEN
        from_date := coalesce(first, today);
        to_date := coalesce(last, today) + 1;
    ELSIF period IS NOT NULL THEN
        SELECT p."from", p."to", p.granularity INTO from_date, to_date, fitting FROM kindly_stats.period(period, tz, NULL, locale) AS p;
    END IF;
    IF period IS NOT NULL THEN
        "from" := kindly_stats.moment(from_date);
        "to" := kindly_stats.moment(to_date);
    ELSIF "from" IS NOT NULL AND "to" IS NOT NULL THEN
        IF "from"::text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND "to"::text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
            from_date := "from"::text;
            to_date := "to"::text;
        ELSE
            SELECT kindly_stats.local_date(e.edges[1], tz), kindly_stats.local_date(e.edges[cardinality(e.edges)] - interval '1 microsecond', tz) + 1
              INTO from_date, to_date FROM kindly_stats.edges("from", "to", tz, 'day') AS e (edges);
        END IF;
    END IF;
    days := to_date - from_date;
    IF granularity IS NULL OR (granularity = 'hour' AND days > 7) THEN
        granularity := coalesce(fitting, CASE WHEN days <= 2 THEN 'hour' WHEN days <= 92 THEN 'day' WHEN days <= 550 THEN 'week' WHEN days <= 3000 THEN 'month' WHEN days <= 9000 THEN 'quarter' ELSE 'year' END);
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_range(text, kindly_stats.moment, kindly_stats.moment, text, text, text, date, date) IS 'internal: the range that is meant, and a granularity that suits it';
CREATE FUNCTION kindly_stats.overview_series(q kindly_stats.overview_question, measure text, key text[] DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, previous_date timestamp, count bigint, members bigint, previous_count bigint, previous_members bigint)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000 ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF q.compare IS NULL THEN
        RETURN QUERY SELECT s.bucket, s.date, NULL::timestamp, s.count, s.distinct_count, NULL::bigint, NULL::bigint
          FROM kindly_stats.stats_series(q.bot, q."from", q."to", q.tz, q.granularity, overview_series.measure, q.sources, q.language_codes, overview_series.key, q.locale) AS s;
    ELSE
        RETURN QUERY SELECT s.bucket, s.date, s.previous_date, s.count, s.distinct_count, s.previous_count, s.previous_distinct_count
          FROM kindly_stats.stats_series_compared(q.bot, q."from", q."to", q.tz, q.granularity, overview_series.measure, q.sources, q.language_codes, overview_series.key, q.locale, q.compare) AS s;
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_series(kindly_stats.overview_question, text, text[]) IS 'internal: a measure bucket by bucket, beside those of an earlier range where there is one';
CREATE FUNCTION kindly_stats.overview_total(q kindly_stats.overview_question, measure text, key text[] DEFAULT NULL, OUT count bigint, OUT members bigint, OUT previous_count bigint, OUT previous_members bigint)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF q.compare IS NULL THEN
        SELECT t.count, t.distinct_count INTO count, members
          FROM kindly_stats.stats_total(q.bot, q."from", q."to", q.tz, q.granularity, overview_total.measure, q.sources, q.language_codes, overview_total.key, q.locale) AS t;
    ELSE
        SELECT t.count, t.distinct_count, t.previous_count, t.previous_distinct_count INTO count, members, previous_count, previous_members
          FROM kindly_stats.stats_total_compared(q.bot, q."from", q."to", q.tz, q.granularity, overview_total.measure, q.sources, q.language_codes, overview_total.key, q.locale, q.compare) AS t;
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_total(kindly_stats.overview_question, text, text[]) IS 'internal: a measure in all, beside that of an earlier range where there is one';
CREATE FUNCTION kindly_stats.existing_measure(measure text) RETURNS SETOF text
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100 ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT m.name FROM kindly_stats.measure AS m WHERE m.name = existing_measure.measure;
END
$$;
COMMENT ON FUNCTION kindly_stats.existing_measure(text) IS 'internal: the name of a measure, if there is one of that name';
CREATE FUNCTION kindly_stats.interaction_names(bot bigint) RETURNS TABLE (id text, name text)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_interaction_names';
COMMENT ON FUNCTION kindly_stats.interaction_names(bigint) IS 'internal: ids and names that kindly_stats.interaction has of a bot';
CREATE FUNCTION kindly_stats.overview_list(q kindly_stats.overview_question, measure text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('key', t.key, 'count', t.count, 'members', t.distinct_count, 'ratio', t.ratio)), '[]')
      FROM kindly_stats.existing_measure(overview_list.measure) AS m (name), kindly_stats.stats_top(q.bot, q."from", q."to", q.tz, m.name, q.top, q.sources, q.language_codes) AS t
$$;
COMMENT ON FUNCTION kindly_stats.overview_list(kindly_stats.overview_question, text) IS 'internal: the most frequent keys of a measure as JSON, none where there is no such measure';
CREATE FUNCTION kindly_stats.overview_buttons(q kindly_stats.overview_question) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = pg_catalog, pg_temp AS $$
    WITH button (line, place) AS MATERIALIZED (SELECT b.* FROM json_array_elements(kindly_stats.overview_list(q, 'buttons')) WITH ORDINALITY AS b),
    name (id, name) AS MATERIALIZED (
        SELECT i.id, i.name FROM kindly_stats.interaction_names(q.bot::bigint) AS i
        UNION ALL
        SELECT t.key[3], t.key[2] FROM kindly_stats.existing_measure('interactions') AS m (name), kindly_stats.stats_top(q.bot, q."from", q."to", q.tz, m.name, 1000) AS t
         WHERE t.key[3] IS NOT NULL AND t.key[2] IS NOT NULL AND EXISTS (SELECT FROM button))
    SELECT coalesce(json_agg(b.line::jsonb || jsonb_build_object(
               'name', (SELECT min(n.name) FROM name AS n WHERE n.id = b.line #>> '{key,0}'),
               'dialogue', (SELECT min(n.name) FROM name AS n WHERE n.id = b.line #>> '{key,2}')) ORDER BY b.place), '[]')
      FROM button AS b
$$;
COMMENT ON FUNCTION kindly_stats.overview_buttons(kindly_stats.overview_question) IS 'internal: buttons with the names of interactions that have their, or their dialogues'', ids';
CREATE FUNCTION kindly_stats.overview_breakdown(q kindly_stats.overview_question, by text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 SET search_path = pg_catalog, pg_temp AS $$
    -- values as filters take them: chr(92) is a backslash
    SELECT coalesce(json_agg(json_build_object('value', CASE WHEN t.value IS NOT NULL THEN concat(CASE WHEN t.value = '' OR left(t.value, 1) IN ('-', chr(92)) THEN chr(92) END, t.value) END, 'count', t.count, 'members', t.distinct_count)), '[]')
      FROM kindly_stats.stats_total_by(q.bot, q."from", q."to", q.tz, overview_breakdown.by, 'day', coalesce(q.measure, 'messages'), q.sources, q.language_codes, q.key) AS t
$$;
COMMENT ON FUNCTION kindly_stats.overview_breakdown(kindly_stats.overview_question, text) IS 'internal: a measure, by default messages, by source or language as JSON, most events first';
CREATE FUNCTION kindly_stats.overview_feedback(q kindly_stats.overview_question, "from" kindly_stats.moment, "to" kindly_stats.moment) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
    RETURN sage.feedback_summary((q).bot, "from", "to", (q).tz, array_to_json((q).sources)::text, array_to_json((q).language_codes)::text) -> 'data';
COMMENT ON FUNCTION kindly_stats.overview_feedback(kindly_stats.overview_question, kindly_stats.moment, kindly_stats.moment) IS 'internal: ratings of either scale';
CREATE FUNCTION kindly_stats.overview_rates(q kindly_stats.overview_question, "from" kindly_stats.moment, "to" kindly_stats.moment) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
    RETURN (SELECT row_to_json(m) FROM ultimate.metrics((q).bot, "from", "to", 'end', array_to_json((q).sources)::text, array_to_json((q).language_codes)::text, (q).tz) AS m);
COMMENT ON FUNCTION kindly_stats.overview_rates(kindly_stats.overview_question, kindly_stats.moment, kindly_stats.moment) IS 'internal: rates of conversations that ended';
CREATE FUNCTION kindly_stats.overview_intents(q kindly_stats.overview_question) RETURNS json
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 10000
    RETURN (SELECT coalesce(json_agg(i), '[]') FROM (
        SELECT m.* FROM ultimate.metrics_by_first_meaningful_intent((q).bot, (q)."from", (q)."to", '{}', 'end', (q).tz) AS m LIMIT (q).top) AS i);
COMMENT ON FUNCTION kindly_stats.overview_intents(kindly_stats.overview_question) IS 'internal: conversations by their first meaningful intent';
CREATE FUNCTION kindly_stats.overview_card(card text, q kindly_stats.overview_question) RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 10000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    compared boolean := q.compare IS NOT NULL;
    series json;
    total record;
    more record;
    member text;
BEGIN
    CASE card
    WHEN 'chats', 'messages' THEN
        total := kindly_stats.overview_total(q, 'messages');
        RETURN (SELECT json_build_object('now', json_build_object('chats', total.members, 'messages', total.count, 'series', json_agg(CASE card WHEN 'chats' THEN s.members ELSE s.count END)),
                    'before', CASE WHEN compared THEN json_build_object('chats', total.previous_members, 'messages', total.previous_count, 'series', json_agg(CASE card WHEN 'chats' THEN s.previous_members ELSE s.previous_count END)) END)
                  FROM kindly_stats.overview_series(q, 'messages') AS s);
    WHEN 'row' THEN
        IF q.measure IS NULL THEN
            RETURN NULL;
        END IF;
        total := kindly_stats.overview_total(q, q.measure, q.key);
        member := (SELECT m.member FROM kindly_stats.measure AS m WHERE m.name = q.measure);
        RETURN (SELECT json_build_object('member', member,
                    'now', json_build_object('count', total.count, 'members', total.members, 'series', json_agg(s.count), 'member_series', json_agg(s.members)),
                    'before', CASE WHEN compared THEN json_build_object('count', total.previous_count, 'members', total.previous_members, 'series', json_agg(s.previous_count), 'member_series', json_agg(s.previous_members)) END)
                  FROM kindly_stats.overview_series(q, q.measure, q.key) AS s);
    WHEN 'fallbacks' THEN
        -- ordered, for a join of many buckets is not
        total := kindly_stats.overview_total(q, 'fallbacks');
        more := kindly_stats.overview_total(q, 'replies');
        RETURN (SELECT json_build_object('now', json_build_object('fallbacks', total.count, 'replies', more.count, 'series', json_agg(f.count ORDER BY f.bucket), 'replied', json_agg(r.count ORDER BY f.bucket)),
                    'before', CASE WHEN compared THEN json_build_object('fallbacks', total.previous_count, 'replies', more.previous_count, 'series', json_agg(f.previous_count ORDER BY f.bucket), 'replied', json_agg(r.previous_count ORDER BY f.bucket)) END)
                  FROM kindly_stats.overview_series(q, 'fallbacks') AS f JOIN kindly_stats.overview_series(q, 'replies') AS r USING (bucket));
    WHEN 'handovers' THEN
        SELECT json_object_agg(n.name, json_build_object('now', (SELECT json_build_object('total', sum(s.count), 'series', json_agg(s.count)) FROM kindly_stats.overview_series(q, n.measure) AS s),
                                                         'before', CASE WHEN compared THEN (kindly_stats.overview_total(q, n.measure)).previous_count END)) INTO series
          FROM (VALUES ('requests', 'handover_requests'), ('requests_while_closed', 'handover_requests_closed'), ('started', 'handovers_started'), ('ended', 'handovers_ended')) AS n (name, measure);
        RETURN (SELECT json_build_object(
                    'now', json_build_object('totals', json_object_agg(e.key, e.value #> '{now,total}'), 'series', json_object_agg(e.key, e.value #> '{now,series}')),
                    'before', CASE WHEN compared THEN json_build_object('totals', json_object_agg(e.key, e.value -> 'before')) END) FROM json_each(series) AS e);
    WHEN 'users' THEN
        -- Members who came in the range and never before: all up to its end, less all up to its beginning.
        total := kindly_stats.overview_total(q, 'users');
        RETURN (SELECT json_build_object('now', json_build_object('users', total.members, 'created', until.distinct_count - before.distinct_count, 'series', (SELECT json_agg(s.members) FROM kindly_stats.overview_series(q, 'users') AS s)),
                    'before', CASE WHEN compared THEN json_build_object('users', total.previous_members, 'series', (SELECT json_agg(s.previous_members) FROM kindly_stats.overview_series(q, 'users') AS s)) END)
                  FROM kindly_stats.stats_total(q.bot, '0100-01-01', q."to", q.tz, 'day', 'users', q.sources, q.language_codes) AS until,
                       kindly_stats.stats_total(q.bot, '0100-01-01', q."from", q.tz, 'day', 'users', q.sources, q.language_codes) AS before);
    WHEN 'feedback' THEN
        RETURN json_build_object('now', kindly_stats.overview_feedback(q, q."from", q."to"), 'before', CASE WHEN compared THEN kindly_stats.overview_feedback(q, q.previous_from, q.previous_to) END);
    WHEN 'outcomes' THEN
        RETURN json_build_object('now', json_build_object('rates', kindly_stats.overview_rates(q, q."from", q."to"), 'list', kindly_stats.overview_list(q, 'outcomes_ended')),
            'before', CASE WHEN compared THEN json_build_object('rates', kindly_stats.overview_rates(q, q.previous_from, q.previous_to)) END);
    WHEN 'buttons' THEN
        RETURN json_build_object('now', kindly_stats.overview_buttons(q));
    WHEN 'sources' THEN
        RETURN json_build_object('now', kindly_stats.overview_breakdown(q, 'source'));
    WHEN 'languages' THEN
        RETURN json_build_object('now', kindly_stats.overview_breakdown(q, 'language_code'));
    WHEN 'heatmap' THEN
        -- whose hours are more than may be asked for at once; a day has 25 at times
        IF (SELECT 24 * count(*) + 2 FROM kindly_stats.buckets(q."from", q."to", q.tz, 'day')) > current_setting('kindly_stats.max_buckets')::bigint THEN
            RETURN json_build_object('now', NULL);
        END IF;
        RETURN (SELECT json_build_object('now', json_build_object('counts', json_agg(h.count ORDER BY h.day, h.hour), 'occurrences', json_agg(h.occurrences ORDER BY h.day, h.hour),
                    'days', (SELECT json_agg(w.day ORDER BY w.place) FROM kindly_stats.weekdays(q.locale) AS w)))
                  FROM kindly_stats.stats_heatmap(q.bot, q."from", q."to", q.tz, coalesce(q.measure, 'messages'), q.sources, q.language_codes, q.key) AS h);
    WHEN 'intents' THEN
        -- Left out under filters by channel and language, where there is no conversation table, and for callers who may not read them.
        IF q.sources IS NULL AND q.language_codes IS NULL AND EXISTS (SELECT FROM kindly_stats.conversation_tables()) THEN
            BEGIN
                RETURN json_build_object('now', kindly_stats.overview_intents(q));
            EXCEPTION WHEN insufficient_privilege THEN
                NULL;
            END;
        END IF;
        RETURN json_build_object('now', NULL);
    ELSE
        RETURN json_build_object('now', kindly_stats.overview_list(q, CASE card WHEN 'events' THEN 'triggered_events' ELSE card END));
    END CASE;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_card(text, kindly_stats.overview_question) IS 'internal: what one card of kindly_api.overview() shows';
CREATE FUNCTION kindly_stats.overview_buckets(q kindly_stats.overview_question) RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shape text := CASE q.granularity WHEN 'hour' THEN 'YYYY-MM-DD"T"HH24:MI' ELSE 'YYYY-MM-DD' END;
    named boolean := q.granularity NOT IN ('hour', 'day');
BEGIN
    RETURN (SELECT json_build_object('date', json_agg(to_char(s.date, shape)), 'label', CASE WHEN named THEN json_agg(kindly_stats.bucket_label(s.date, q.granularity, q.locale)) END,
                       'before', CASE WHEN q.compare IS NOT NULL THEN json_agg(to_char(s.previous_date, shape)) END,
                       -- where the last one would end, whether or not the range ends there
                       'end', CASE WHEN named THEN (SELECT kindly_stats.local_date(e.edges[2] - interval '1 microsecond', q.tz) + 1
                            FROM kindly_stats.edges(kindly_stats.moment(max(s.date)::date), kindly_stats.moment(least(max(s.date)::date, date '9997-01-01') + 800), q.tz, q.granularity, q.locale) AS e (edges))
                          ELSE max(s.date)::date + 1 END)
              FROM kindly_stats.overview_series(q, 'messages') AS s);
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_buckets(kindly_stats.overview_question) IS 'internal: labels of the buckets, those that they are compared with, and the day after the last';
CREATE FUNCTION kindly_stats.validated(answer json) RETURNS json
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10 AS 'MODULE_PATHNAME', 'ks_validated';
COMMENT ON FUNCTION kindly_stats.validated(json) IS 'internal: an answer with its validator in the header ETag, or HTTP 304 for who has it';
CREATE FUNCTION kindly_stats.overview_periods(tz text, locale text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 200 SET search_path = pg_catalog, pg_temp AS $$
    SELECT json_object_agg(n.name, json_build_array(p."from", p."to") ORDER BY n.place)
      FROM unnest('{today,yesterday,last7days,last30days,thisWeek,lastWeek,thisMonth,lastMonth,last3Months,thisQuarter,lastQuarter,thisYear,lastYear}'::text[]) WITH ORDINALITY AS n (name, place),
           kindly_stats.period(n.name, overview_periods.tz, NULL, overview_periods.locale) AS p
$$;
COMMENT ON FUNCTION kindly_stats.overview_periods(text, text) IS 'internal: what periods by name are today';
CREATE FUNCTION kindly_api.overview(
    bot kindly_stats.bot_id DEFAULT NULL, period text DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT NULL, compare text DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, locale text DEFAULT NULL,
    cards text[] DEFAULT NULL, top integer DEFAULT 5, measure text DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me kindly_stats.bot_id := kindly_stats.require_bot(bot);
    every text[] := '{chats,messages,fallbacks,handovers,users,feedback,outcomes,row,pages,labels,buttons,sources,languages,heatmap,intents,topics,sentiments,responses,interactions,events,links}';
    unknown text := (SELECT min(c) FROM unnest(cards) AS c WHERE c <> ALL (every));
    q kindly_stats.overview_question;
    life record;
    shown record;
    first date;
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'there is no card "%"', unknown USING ERRCODE = '22023', HINT = concat('There are ', array_to_string(every, ', '), '.');
    ELSIF (measure IS NULL) <> (key IS NULL) THEN
        RAISE EXCEPTION '"measure" and "key" go together' USING ERRCODE = '22023', HINT = 'Pass both, or neither.';
    ELSIF period IS NOT NULL AND ("from" IS NOT NULL OR "to" IS NOT NULL) THEN
        RAISE EXCEPTION '"period" stands in the place of "from" and "to"' USING ERRCODE = '22023', HINT = 'Pass either.';
    END IF;
    SELECT o.* INTO life FROM kindly_stats.stats_options(me) AS o;
    first := kindly_stats.local_date(life.first, tz);
    SELECT r.* INTO shown FROM kindly_stats.overview_range(period, "from", "to", tz, granularity, locale, first, kindly_stats.local_date(life.last, tz)) AS r;
    q := ROW(me, shown."from", shown."to", tz, shown.granularity, locale, sources, language_codes, NULL, NULL, NULL, measure, key, top);
    IF compare IS NOT NULL THEN
        -- a range that begins before the bot's first event is not compared
        SELECT compare, kindly_stats.moment(t.previous_from), kindly_stats.moment(t.previous_to) INTO q.compare, q.previous_from, q.previous_to
          FROM kindly_stats.stats_total_compared(me, q."from", q."to", tz, q.granularity, 'messages', sources, language_codes, compare => overview.compare) AS t
         WHERE t.previous_from >= first;
    END IF;
    RETURN kindly_stats.validated(json_build_object(
        'bot', json_build_object('id', kindly_stats.bot_text(me::bigint), 'name', (SELECT min(n.name) FROM kindly_stats.bot_name AS n WHERE n.bot_id = me::bigint)),
        'range', json_build_object('period', shown.period, 'from', shown.from_date, 'to', shown.to_date, 'granularity', q.granularity, 'today', (SELECT p."from" FROM kindly_stats.period('today', tz) AS p)),
        'before', CASE WHEN q.compare IS NOT NULL THEN json_build_object('from', left(q.previous_from::text, 10), 'to', left(q.previous_to::text, 10)) END,
        'life', CASE WHEN first IS NOT NULL THEN json_build_object('from', first, 'to', kindly_stats.local_date(life.last, tz) + 1) END,
        'sources', life.sources, 'language_codes', life.language_codes, 'periods', kindly_stats.overview_periods(tz, locale),
        'buckets', kindly_stats.overview_buckets(q),
        'cards', (SELECT json_object_agg(c.card, kindly_stats.overview_card(c.card, q)) FROM unnest(coalesce(cards, every)) AS c (card))));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.overview(kindly_stats.bot_id, text, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text, text[], integer, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.overview(kindly_stats.bot_id, text, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text, text[], integer, text, text[]) IS
'many statistics of one range in one answer and of one snapshot, as the page shows them

bot: by default the token''s; period: one of kindly_stats.period(), or all, from the first event to the last; or from, to: as those of stats_series; without either the last 30 days, those that end with
the last event where it is older; tz: default UTC; granularity: as that of stats_series, by default, and where hours would be those of more than a week, what suits the range; compare: as that of
kindly_stats.stats_total_compared(), default nothing, nor where that range begins before the bot''s first event; sources, language_codes, locale: as those of stats_series;
cards: which statistics, default all of chats, messages, fallbacks, handovers, users, feedback, outcomes, row, pages, labels,
buttons, sources, languages, heatmap, intents, topics, sentiments, responses, interactions, events, links; top: lines of lists, default 5; measure, key: one line of a list, whose events row, heatmap, sources and
languages then are of.
The answer says bot, range (period, from, to, granularity, today), before (from, to), life (from, to), sources and language_codes that there are, periods by name as [from, to], all as local dates, to exclusive;
buckets (date, label in the locale''s language, before, end: the day after the last); and cards, each with now, and before where it is compared.  Series are lists of counts, one a bucket; rates parts of 1.  users.created: users who
wrote in the range and never before; sources, languages: null is without one; heatmap: by hour of the week, 168 counts, Sunday first, how often each of these hours was in the range, null where it has more hours than the setting kindly_stats.max_buckets lets through, and days as weeks have them by the locale; outcomes: conversations that ended in the
range; intents: null under a filter, for conversations are not filtered there, and with a link that was shared.  The header ETag has a validator.
Errors: 400 for arguments that are missing or make no sense, 403 for another bot than the token''s.';
CREATE FUNCTION kindly_api.bots() RETURNS TABLE (bot text, name text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100 ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT kindly_stats.bot_text(b.bot), (SELECT min(n.name) FROM kindly_stats.bot_name AS n WHERE n.bot_id = b.bot)
      FROM unnest(kindly_stats.visible_bots()) AS b (bot);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.bots() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.bots() IS
'lists the bots that the token is for

A token of one bot has that, one of a login those that kindly_stats.grant_bot() gave to its role; name: of kindly_stats.bot_name, or NULL.';
CREATE FUNCTION kindly_api.bots_overview(
    period text DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC', compare text DEFAULT NULL,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bots bigint[] := kindly_stats.visible_bots();
    q kindly_stats.overview_question;
    life record;
    shown record;
    previous_from timestamp;
    previous_to timestamp;
BEGIN
    IF period IS NOT NULL AND ("from" IS NOT NULL OR "to" IS NOT NULL) THEN
        RAISE EXCEPTION '"period" stands in the place of "from" and "to"' USING ERRCODE = '22023', HINT = 'Pass either.';
    END IF;
    SELECT min(o.first) AS first, max(o.last) AS last, array_agg(DISTINCT s.value) FILTER (WHERE NOT s.is_language) AS sources, array_agg(DISTINCT s.value) FILTER (WHERE s.is_language) AS language_codes INTO life
      FROM unnest(bots) AS b (bot), kindly_stats.stats_options(b.bot) AS o
      LEFT JOIN LATERAL (SELECT v, false FROM unnest(o.sources) AS v UNION ALL SELECT v, true FROM unnest(o.language_codes) AS v) AS s (value, is_language) ON true;
    SELECT r.* INTO shown FROM kindly_stats.overview_range(period, "from", "to", tz, 'day', locale, kindly_stats.local_date(life.first, tz), kindly_stats.local_date(life.last, tz)) AS r;
    q := ROW(NULL, shown."from", shown."to", tz, 'day', locale, sources, language_codes, compare, NULL, NULL, NULL, NULL, 0);
    IF compare IS NOT NULL AND cardinality(bots) > 0 THEN
        SELECT t.previous_from, t.previous_to INTO previous_from, previous_to
          FROM kindly_stats.stats_total_compared(bots[1], q."from", q."to", tz, 'day', 'messages', compare => bots_overview.compare) AS t;
        -- a range that begins before the first event of all of them is not compared
        IF (previous_from < kindly_stats.local_date(life.first, tz)) IS NOT FALSE THEN
            q.compare := NULL;
        END IF;
    END IF;
    RETURN kindly_stats.validated(json_build_object(
        'range', json_build_object('period', shown.period, 'from', shown.from_date, 'to', shown.to_date, 'granularity', 'day', 'today', (SELECT p."from" FROM kindly_stats.period('today', tz) AS p)),
        'before', CASE WHEN q.compare IS NOT NULL AND cardinality(bots) > 0 THEN json_build_object('from', previous_from::date, 'to', previous_to::date) END,
        'life', CASE WHEN life.first IS NOT NULL THEN json_build_object('from', kindly_stats.local_date(life.first, tz), 'to', kindly_stats.local_date(life.last, tz) + 1) END,
        'sources', coalesce(life.sources, '{}'), 'language_codes', coalesce(life.language_codes, '{}'), 'periods', kindly_stats.overview_periods(tz, locale),
        'bots', (SELECT coalesce(json_agg(json_build_object('id', kindly_stats.bot_text(b.bot), 'name', (SELECT min(n.name) FROM kindly_stats.bot_name AS n WHERE n.bot_id = b.bot),
                        'messages', m.count, 'chats', m.members, 'previous_messages', m.previous_count, 'previous_chats', m.previous_members,
                        'fallbacks', f.count, 'replies', r.count, 'handovers', h.count) ORDER BY m.count DESC, b.place), '[]')
                   FROM unnest(bots) WITH ORDINALITY AS b (bot, place),
                        LATERAL kindly_stats.overview_total(ROW(b.bot, q."from", q."to", q.tz, q.granularity, q.locale, q.sources, q.language_codes, q.compare, NULL, NULL, NULL, NULL, 0)::kindly_stats.overview_question, 'messages') AS m,
                        LATERAL kindly_stats.stats_total(b.bot, q."from", q."to", tz, 'day', 'fallbacks', q.sources, q.language_codes) AS f,
                        LATERAL kindly_stats.stats_total(b.bot, q."from", q."to", tz, 'day', 'replies', q.sources, q.language_codes) AS r,
                        LATERAL kindly_stats.stats_total(b.bot, q."from", q."to", tz, 'day', 'handovers_started', q.sources, q.language_codes) AS h)));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.bots_overview(text, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.bots_overview(text, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text) IS
'a few totals of each bot that the token is for, of one snapshot

Arguments and answer as those of overview(), and in the place of cards bots, those with most messages first: id, name, messages and chats, the same before where there is something to compare with, fallbacks, replies, and handovers that
started.  The header ETag has a validator.
Errors: 400 for arguments that make no sense.';
REVOKE SELECT ON kindly_stats.event_table FROM PUBLIC;
REVOKE SELECT ON kindly_stats.conversation_table FROM PUBLIC;
REVOKE SELECT ON kindly_stats.progress FROM PUBLIC;
