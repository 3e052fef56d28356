--
-- Language codes: language(), languages(), language_filter()
--
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned
\pset null NULL

SELECT code, kindly_stats.language(code) AS tag, kindly_stats.language(code, 'language') AS language
FROM unnest(ARRAY['en', 'en_US', 'EN-us', 'en-GB', 'eng', 'iw', 'iw_IL', 'he', 'in', 'no', 'nb', 'nb_NO', 'nob', 'no-NO', 'nn', 'nn-NO', 'zh-TW', 'zh_CN', 'zh-Hant', 'zh-Hans-CN', 'cmn', 'sr-Latn-RS', 'sr',
	'pt-BR', 'es-419', 'mo', 'ji', 'tl', 'de-1996', 'th-TH-u-nu-thai', 'sgn-us', 'i-klingon']) WITH ORDINALITY AS c (code, n) ORDER BY n;
-- what is no code of a language stays what it is
SELECT count(*) FILTER (WHERE kindly_stats.language(code, by) IS DISTINCT FROM code) AS changed
FROM unnest(ARRAY['', ' ', '-', '\', 'English (US)', 'und', 'root', 'C', 'a', 'en--US', '-en', 'en US', 'ñ', E'en\n', 'en_US.UTF-8', '%s', repeat('x', 100), repeat('en-', 100000), NULL]) AS code,
	unnest(ARRAY['tag', 'language', 'TAG', NULL]) AS by;
-- a spelling is its own
SELECT count(*) FROM unnest(ARRAY['en_US', 'iw', 'nb', 'zh-TW', 'cmn-TW', 'sr-Latn', 'tl', 'mo']) AS code, unnest(ARRAY['tag', 'language']) AS by
WHERE kindly_stats.language(kindly_stats.language(code, by), by) <> kindly_stats.language(code, by);

SELECT kindly_stats.create_event_table('language_event');
-- each session writes in two codes of one language, and every third in English as well
INSERT INTO language_event (bot_id, occurred_at, kind, session_id, language_code)
SELECT 5100, timestamptz '2024-05-01 00:00Z' + n * interval '20 minutes', 'user_message', 's' || n % 40, code
FROM generate_series(1, 400) AS n, unnest(CASE n % 40 % 4 WHEN 0 THEN ARRAY['no', 'nb_NO'] WHEN 1 THEN ARRAY['nb', 'no'] WHEN 2 THEN ARRAY['en_US', 'en-US'] ELSE ARRAY['iw', 'he', '-x', NULL, '', '\'] END || CASE WHEN n % 3 = 0 THEN ARRAY['en-GB'] ELSE '{}' END) AS code;

SELECT * FROM kindly_stats.languages(5100);
SELECT * FROM kindly_stats.languages(5100, 'language');
SELECT * FROM kindly_stats.languages(5101);

-- members are counted once in a language, and no event is lost
SELECT l.language, t.count, t.distinct_count, t = (SELECT (count(*), count(DISTINCT session_id)) FROM language_event WHERE kindly_stats.language(language_code, 'language') = l.language) AS exact
FROM kindly_stats.languages(5100, 'language') AS l, kindly_stats.stats_total(5100, '2024-05-01', '2024-06-01', 'UTC', language_codes => l.language_codes) AS t;
SELECT asked, kindly_stats.language_filter(5100, asked) AS by_language, kindly_stats.language_filter(5100, asked, 'tag') AS by_tag
FROM unnest(ARRAY['no', 'nb', '-nb', 'en', 'en-us', 'nn', '\-x', '-\-x', '-', '', '\', 'he']) WITH ORDINALITY AS i (item, n), LATERAL (SELECT ARRAY[item]) AS a (asked) ORDER BY n;
SELECT kindly_stats.language_filter(5100, NULL), kindly_stats.language_filter(5100, '{}'), kindly_stats.language_filter(5100, '{NULL}'), kindly_stats.language_filter(5101, '{no}'), kindly_stats.language_filter(5100, '{nb,-en}');
SELECT item, t.*, t = (SELECT (count(*), count(DISTINCT session_id)) FROM language_event
	WHERE CASE WHEN item LIKE '-%' THEN kindly_stats.language(language_code, 'language') IS DISTINCT FROM substr(item, 2) ELSE kindly_stats.language(language_code, 'language') = item END) AS exact
FROM unnest(ARRAY['no', '-no', 'en', '-en', 'he', 'sv', '-sv']) AS item,
	kindly_stats.stats_total(5100, '2024-05-01', '2024-06-01', 'UTC', language_codes => kindly_stats.language_filter(5100, ARRAY[item])) AS t;

\set VERBOSITY terse
SELECT kindly_stats.language('en', 'region');
SELECT * FROM kindly_stats.languages(5100, '');
SELECT * FROM kindly_stats.languages(NULL);
SELECT * FROM kindly_stats.stats_total(5100, '2024-05-01', '2024-06-01', language_codes => kindly_stats.language_filter(5100, '{nb,-no}'));
SELECT * FROM kindly_stats.stats_total(5100, '2024-05-01', '2024-06-01', language_codes => kindly_stats.language_filter(5100, '{}'));

DELETE FROM language_event;
DROP TABLE language_event;
