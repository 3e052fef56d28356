-- Pictures: of any labels and numbers, and of a bot's statistics.

-- PostgREST answers values of this type with this media type.
CREATE DOMAIN kindly_stats."image/svg+xml" AS text;
COMMENT ON DOMAIN kindly_stats."image/svg+xml" IS 'a picture, which PostgREST serves as what its name says';

CREATE FUNCTION kindly_stats.bar(value double precision, maximum double precision, width integer DEFAULT 40) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_bar';
COMMENT ON FUNCTION kindly_stats.bar(double precision, double precision, integer) IS
'a bar of block characters

value: how long, in eighths of a character, never nothing for what is above zero; maximum: what is as long as width, in characters, 500
at most.  Numbers below zero are drawn as zero.
Errors: 22023 for numbers that are not finite, and for another width; 22P05 where the database''s encoding has no block characters.';

CREATE FUNCTION kindly_stats.sparkline("values" double precision[]) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_sparkline';
COMMENT ON FUNCTION kindly_stats.sparkline(double precision[]) IS
'a line of block characters, one for each value

values: in their order, 2,000 at most; NULL is a blank, the lowest block is for zero alone, and numbers below zero are drawn as zero.
Errors: 22023 for numbers that are not finite and for too many; 22P05 where the database''s encoding has no block characters.';

CREATE FUNCTION kindly_stats.svg(
    labels text[], "values" double precision[], kind text DEFAULT 'line', title text DEFAULT NULL, description text DEFAULT NULL,
    width integer DEFAULT 720, height integer DEFAULT 240)
    RETURNS kindly_stats."image/svg+xml"
    -- not strict: texts left out have defaults
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'ks_svg';
COMMENT ON FUNCTION kindly_stats.svg(text[], double precision[], text, text, text, integer, integer) IS
'a picture of labels and numbers

labels: of the values, or the names of seven weekdays, with 60 characters at most; values: 2,000 at most, NULL is a gap;
kind: line, bar or heatmap, whose values are those of 24 hours of each weekday, in the order of the labels; title, description: for those who see it and who
do not, the latter by default what the highest value is; width, height: in pixels, from 120 to 4000.
It has colours for light and dark screens.  Numbers below zero are drawn as zero.  NULL without values.
Errors: 22023 for another kind or size, and for numbers that are not finite, above 1e300, or too many.';

CREATE FUNCTION kindly_stats.bars(
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text DEFAULT NULL, granularity text DEFAULT 'day',
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL,
    locale text DEFAULT NULL, width integer DEFAULT 60)
    RETURNS TABLE (label text, bar text, count bigint)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 100
BEGIN ATOMIC
    SELECT kindly_stats.bucket_label(s.date, granularity, locale), kindly_stats.bar(s.count, greatest(max(s.count) OVER (), 0), width), s.count
      FROM kindly_stats.stats_series(bot, "from", "to", tz, granularity, measure, sources, language_codes, key, locale) AS s ORDER BY s.bucket;
END;
COMMENT ON FUNCTION kindly_stats.bars(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, integer) IS
'a time series as bars of block characters, for psql

width: of the longest bar, in characters.  The other arguments, and errors, are those of stats_series and of bar().';

CREATE FUNCTION kindly_stats.stats_svg(
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
