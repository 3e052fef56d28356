-- Languages: which of a bot's codes are one.

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
