-- Typed answers about one bot, for SQL and BI tools.  They run with the caller's rights: grants and row-level security on
-- kindly_stats.rollup decide what he sees.

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
is_partial, whether the range covers only a part of it or it is not over yet, as of the setting kindly_stats.now or the transaction.  An unknown bot has zeros.
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
    RETURNS TABLE (day integer, hour integer, count bigint, distinct_count bigint, occurrences bigint, mean double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 168 AS 'MODULE_PATHNAME', 'ks_stats_heatmap_sql';
COMMENT ON FUNCTION kindly_stats.stats_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'events of one measure by weekday and hour of the day

Arguments and errors as those of stats_series; from and to are rounded outward to whole hours.  168 rows: day 0 is Sunday, hour is
that of the local clock, distinct members are counted once in each cell.  occurrences says how often that hour of the week was in the
range: once a week, but not where the clock was set forward over it, and twice where it was set back.  mean is the count for each of them, NULL
where there was none.';

-- Beside an earlier range.

CREATE FUNCTION kindly_stats.stats_series_compared(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL, compare text DEFAULT 'previous_period')
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, previous_bucket timestamptz, previous_date timestamp,
                   previous_count bigint, previous_distinct_count bigint, count_difference bigint, distinct_count_difference bigint,
                   count_ratio double precision, distinct_count_ratio double precision, is_partial boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 2000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_series_compared_sql';
COMMENT ON FUNCTION kindly_stats.stats_series_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure as a time series, each bucket beside one of an earlier range

Arguments up to locale and errors as those of stats_series; compare: previous_period (the range of the same length before it, of as many months where it is of whole
calendar months), previous_year (the same dates a year before) or previous_year_weekday (52 weeks before).  Days and hours are compared with
those of the shifted date, other buckets in order.  previous_ columns, difference (count less previous_count) and ratio (count by previous_count) are NULL where there is
nothing to compare with, such as for 29 February, the ratio also where the earlier count is 0.  is_partial: the ranges cover only a part of either bucket, or it is not over yet, as of the setting kindly_stats.now or the transaction.';

CREATE FUNCTION kindly_stats.stats_total_compared(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL, compare text DEFAULT 'previous_period')
    RETURNS TABLE (count bigint, distinct_count bigint, previous_count bigint, previous_distinct_count bigint, count_difference bigint,
                   distinct_count_difference bigint, count_ratio double precision, distinct_count_ratio double precision,
                   previous_from timestamp, previous_to timestamp, is_partial boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 2000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_stats_total_compared_sql';
COMMENT ON FUNCTION kindly_stats.stats_total_compared(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text) IS
'events of one measure in all, beside an earlier range

Arguments, differences, ratios and errors as those of stats_series_compared.  previous_from and previous_to are the earlier range on the local clock, previous_to exclusive.  is_partial: the
range is not over yet.';

-- By source, language or key.

CREATE FUNCTION kindly_stats.stats_series_by(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, by text DEFAULT 'source',
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (value text, bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 500 AS 'MODULE_PATHNAME', 'ks_stats_series_by_sql';
COMMENT ON FUNCTION kindly_stats.stats_series_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series for each source, language or value of a key column

by: source, language_code or a key column of the measure; other arguments and errors as those of stats_series.  Values with most events in the range come first, each
with a row for every bucket; NULL are events without a value.  54000 where values and buckets are more than 8,760,000 together.';

CREATE FUNCTION kindly_stats.stats_total_by(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, by text DEFAULT 'source',
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (value text, count bigint, distinct_count bigint, ratio double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 10 AS 'MODULE_PATHNAME', 'ks_stats_total_by_sql';
COMMENT ON FUNCTION kindly_stats.stats_total_by(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text[], text[], text[], text) IS
'events of one measure in all for each source, language or value of a key column

Arguments and errors as those of stats_series_by.  Ratios are of all events that pass the filters.  A member who has several values is among the distinct members of each.';

-- Who was there when.

CREATE FUNCTION kindly_stats.stats_active(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, measure text DEFAULT 'users',
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, daily bigint, last_7 bigint, last_28 bigint, last_30 bigint, stickiness double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_active_sql';
COMMENT ON FUNCTION kindly_stats.stats_active(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'distinct members of each day, and of the 7, 28 and 30 days that end with it

measure: one that counts members, default users; other arguments and errors as those of stats_series.  A row for every local day of the range; what lies before
the range counts, too.  stickiness is daily by last_30, NULL where that is 0.  A measure without members has zeros.';

CREATE FUNCTION kindly_stats.stats_new_returning(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, distinct_count bigint, new_count bigint, returning_count bigint, new_ratio double precision,
                   is_partial boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_stats_new_returning_sql';
COMMENT ON FUNCTION kindly_stats.stats_new_returning(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'distinct members of each bucket: those who are new in it, and those who return

measure: one that counts members, default users; other arguments and errors as those of stats_series.  New is whose first event of all time that passes the filters lies in the
bucket; new_ratio is NULL where there is nobody.';

CREATE FUNCTION kindly_stats.stats_retention(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'week',
    measure text DEFAULT 'users', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL)
    RETURNS TABLE (cohort timestamptz, cohort_date timestamp, size bigint, age integer, date timestamp, distinct_count bigint,
                   ratio double precision, is_partial boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 500 AS 'MODULE_PATHNAME', 'ks_stats_retention_sql';
COMMENT ON FUNCTION kindly_stats.stats_retention(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'members by the bucket of their first visit, and how many of them come in each later one

granularity: default week; measure: one that counts members, default users; other arguments and errors as those of stats_series.  A cohort are those whose first event of all time that
passes the filters lies in the bucket; age: how many buckets later, 0 its own; date: that bucket''s label; ratio: part of the cohort, NULL where it is empty; is_partial:
the range covers only a part of either bucket, or it is not over yet.  54000 for more than 2,800 buckets.';

CREATE FUNCTION kindly_stats.stats_funnel(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, measures text[] DEFAULT NULL,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (step integer, measure text, distinct_count bigint, ratio double precision, step_ratio double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 5000 ROWS 3 AS 'MODULE_PATHNAME', 'ks_stats_funnel_sql';
COMMENT ON FUNCTION kindly_stats.stats_funnel(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], text[]) IS
'members of a measure, those of them who are members of a second one, too, and so on

measures: 2 to 20 that count values of the same column; other arguments and errors as those of stats_series, and 22023 for measures whose members differ.  Each step has the members
who were counted by its measure and by all before it in the range, in whatever order of time.  ratio: part of the first step''s, step_ratio: of the
step before''s, NULL where that is nobody.';

-- Periods by name.

CREATE FUNCTION kindly_stats.period(name text, tz text DEFAULT NULL, "now" timestamptz DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE ("from" date, "to" date, granularity text)
    LANGUAGE C STABLE PARALLEL SAFE COST 10 ROWS 1 AS 'MODULE_PATHNAME', 'ks_period_sql';
COMMENT ON FUNCTION kindly_stats.period(text, text, timestamptz, text) IS
'local dates of a period by name, to exclusive, and a granularity that suits it

name: today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear or lastYear, in any case; tz: whose date is today, default the session''s; now: default that of the setting kindly_stats.now, or the transaction''s;
locale: calendar and first day of the week, default ISO.  What goes on now, last7days and last30days end with today, the others where it begins.
Errors: 22023 for an unknown name, tz or locale, 22008 for instants outside the years 1 to 9999.';

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
