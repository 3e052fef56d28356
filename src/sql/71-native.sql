-- PostgREST's own way, continued: comparisons, breakdowns, members from day to day, and what buckets and weekdays are called.

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

-- Beside an earlier range

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

-- By source, language or key

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

-- Who was there when

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
