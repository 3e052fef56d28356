-- Typed answers about one bot, for SQL and BI tools.  They run with the caller's rights: grants and row-level security on
-- kindly_stats.rollup decide what is seen.

CREATE FUNCTION kindly_stats.stats_series(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_series_sql';
COMMENT ON FUNCTION kindly_stats.stats_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series, with distinct members

bot: whose; from, to: dates or timestamps, to exclusive, both rounded outward to whole days (hours for granularity hour); tz: time
zone of the buckets, default the session''s; granularity: hour, day, week, month, quarter or year; measure: see
kindly_stats.measure, default messages, whose members are sessions; sources, language_codes: values to include or, with a
leading minus, to exclude, 20,000 at most, and a backslash before a value takes it as it is; key: parts of the key that must be equal, NULL for any; locale: calendar and first day of the week,
default ISO.  A row for every bucket, zeros included: its start, its local label, events (or weight), distinct members in it, and
whether the range covers only a part of it.  An unknown bot has zeros.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any other argument that makes no sense,
55000 before the first event table is attached.';

CREATE FUNCTION kindly_stats.stats_total(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL)
    RETURNS TABLE (count bigint, distinct_count bigint)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_stats_total_sql';
COMMENT ON FUNCTION kindly_stats.stats_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure in all, with distinct members

Arguments and errors as those of stats_series; granularity says only to what from and to are rounded outward: hours for hour,
else days.  The counts of a series add up to this count; its distinct counts need not, for a member can be in several buckets.';

CREATE FUNCTION kindly_stats.stats_top(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, measure text DEFAULT 'buttons',
    "limit" integer DEFAULT 5, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (key text[], count bigint, distinct_count bigint, ratio double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5 AS 'MODULE_PATHNAME', 'ks_stats_top_sql';
COMMENT ON FUNCTION kindly_stats.stats_top(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, integer, text[], text[], text[]) IS
'most frequent keys of one measure, most frequent first

bot, from, to, tz, sources, language_codes: as those of stats_series; measure: one with key columns, default buttons; limit: how
many rows at most; key: parts of the key that must be equal, NULL for any.  Ratios are of all events of the measure in the range
that pass the filters, listed or not.  Equal counts come in bytewise order of the key.
Errors: as those of stats_series, and 22023 for a limit below 1.';

CREATE FUNCTION kindly_stats.stats_heatmap(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, measure text DEFAULT 'messages',
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (day integer, hour integer, count bigint, distinct_count bigint)
    LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 168 AS 'MODULE_PATHNAME', 'ks_stats_heatmap_sql';
COMMENT ON FUNCTION kindly_stats.stats_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'events of one measure by weekday and hour of the day

Arguments and errors as those of stats_series; from and to are rounded outward to whole hours.  168 rows: day 0 is Sunday, hour is
that of the local clock, distinct members are counted once in each cell.';

CREATE FUNCTION kindly_stats.stats_options(bot kindly_stats.bot_id)
    RETURNS TABLE (first timestamptz, last timestamptz, sources text[], language_codes text[])
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_stats_options_sql';
COMMENT ON FUNCTION kindly_stats.stats_options(kindly_stats.bot_id) IS
'first and last event of a bot, its sources and languages

sources and language_codes are written as the arguments of these names take them: with a backslash before one that is empty or
begins with a minus or a backslash.  first and last are exact instants, NULL for a bot without events.  After the outermost event was deleted or moved, they are the edge of the
quarter hour of the next one, outward, until kindly_stats.rebuild() has looked at the events.  Errors: 22004 without bot, 55000
before the first event table is attached.';

CREATE FUNCTION kindly_stats.fallback_rate(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (count bigint, rate double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_fallback_rate_sql';
COMMENT ON FUNCTION kindly_stats.fallback_rate(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]) IS
'fallbacks of a bot, and what part of its replies they are

Arguments and errors as those of stats_series.  The rate is NULL where there was no reply.';

CREATE FUNCTION kindly_stats.top_buttons(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, "limit" integer DEFAULT 5,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (button_id text, button_type text, dialogue_id text, count bigint, ratio double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5 AS 'MODULE_PATHNAME', 'ks_top_buttons_sql';
COMMENT ON FUNCTION kindly_stats.top_buttons(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text[], text[]) IS
'most clicked buttons of a bot, most clicked first

Arguments and errors as those of stats_top.  Ratios are of all clicks in the range that pass the filters, listed or not.';

-- fallback_rate(boolean): the same rate over any table.

CREATE FUNCTION kindly_stats.fallback_rate_step(bigint[], boolean) RETURNS bigint[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_rate_step';
CREATE FUNCTION kindly_stats.fallback_rate_combine(bigint[], bigint[]) RETURNS bigint[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_rate_combine';
CREATE FUNCTION kindly_stats.fallback_rate_final(bigint[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN $1[1]::double precision / nullif($1[2], 0)::double precision;
CREATE AGGREGATE kindly_stats.fallback_rate(is_fallback boolean) (
    SFUNC = kindly_stats.fallback_rate_step, STYPE = bigint[], INITCOND = '{0,0}',
    FINALFUNC = kindly_stats.fallback_rate_final, COMBINEFUNC = kindly_stats.fallback_rate_combine, PARALLEL = SAFE
);
COMMENT ON FUNCTION kindly_stats.fallback_rate_step(bigint[], boolean) IS 'internal: transition function of fallback_rate';
COMMENT ON FUNCTION kindly_stats.fallback_rate_combine(bigint[], bigint[]) IS 'internal: combine function of fallback_rate';
COMMENT ON FUNCTION kindly_stats.fallback_rate_final(bigint[]) IS 'internal: final function of fallback_rate';
COMMENT ON AGGREGATE kindly_stats.fallback_rate(boolean) IS
'what part of the rows is true

is_fallback: whether the reply was a fallback; NULLs are left out.  NULL where there is none.';
