-- Relations for BI tools, asked for years by number: which days are read, and that each condition says what it says of any table.
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_kindly_bi_year;
CREATE DATABASE regression_kindly_bi_year TEMPLATE template0 ENCODING 'UTF8';
\c regression_kindly_bi_year
SET client_min_messages = warning;
\pset format unaligned
CREATE EXTENSION kindly_stats;
SET timezone = 'Pacific/Auckland';
SET datestyle = 'ISO';
SELECT kindly_stats.create_event_table('chat_event') \g /dev/null
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id)
SELECT 1, timestamptz '2021-12-30 12:00Z' + n * interval '1 day', 'user_message', 's' || n FROM generate_series(0, 1100) AS n;
-- what a condition reads, as the plan says, and whether it leaves what it leaves of the same rows in a table
CREATE TABLE every_day AS SELECT * FROM bi.daily;
CREATE FUNCTION shown(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    read text;
    differ bigint;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT messages FROM bi.daily WHERE ' || condition LOOP
        read := coalesce(read, substring(line FROM 'Range: (.*)'));
    END LOOP;
    EXECUTE format('SELECT count(*) FROM ((SELECT date, messages FROM bi.daily WHERE %1$s EXCEPT ALL SELECT date, messages FROM every_day WHERE %1$s)
        UNION ALL (SELECT date, messages FROM every_day WHERE %1$s EXCEPT ALL SELECT date, messages FROM bi.daily WHERE %1$s)) AS d', condition) INTO differ;
    RETURN concat_ws(' ', read, CASE WHEN differ > 0 THEN differ || ' rows differ' END);
END
$$;
SELECT c AS condition, shown(c) FROM unnest(ARRAY[
    'EXTRACT(YEAR FROM date) = 2023',
    'EXTRACT(year FROM date) = 2023 AND EXTRACT(MONTH FROM date) = 7',
    'CAST(EXTRACT(YEAR FROM date) AS INTEGER) = 2023',
    'CAST(EXTRACT(YEAR FROM CAST(date AS TIMESTAMP)) AS BIGINT) = 2023',
    'EXTRACT(YEAR FROM date)::double precision = 2023',
    'date_part(''year'', date) = 2023',
    'date_part(''year'', starts_at) = 2023',
    'EXTRACT(YEAR FROM starts_at) = 2022',
    'EXTRACT(YEAR FROM starts_at AT TIME ZONE ''Pacific/Honolulu'') = 2022',
    '2022 = EXTRACT(YEAR FROM date)',
    'EXTRACT(YEAR FROM date) > 2023',
    '2023 > EXTRACT(YEAR FROM date)',
    'EXTRACT(YEAR FROM date) >= 2023 AND EXTRACT(YEAR FROM date) <= 2024',
    'EXTRACT(YEAR FROM date) BETWEEN 2022 AND 2023',
    'EXTRACT(YEAR FROM date) IN (2022, 2024)',
    'CAST(EXTRACT(YEAR FROM date) AS INTEGER) = ANY (ARRAY[2022, NULL])',
    'EXTRACT(YEAR FROM date) = 2022 OR date = ''2024-02-29''',
    'EXTRACT(YEAR FROM date) = 1800',
    -- these read everything, and are no error
    'EXTRACT(YEAR FROM date) <> 2023',
    'EXTRACT(YEAR FROM date) = 2023.5',
    'EXTRACT(YEAR FROM date)::numeric(4, -2) = 2000',
    'EXTRACT(YEAR FROM date) > 0',
    'EXTRACT(YEAR FROM date) > -1e30',
    'EXTRACT(YEAR FROM date) < ''NaN''',
    'EXTRACT(YEAR FROM date) < 1e400',
    'EXTRACT(YEAR FROM date) = NULL',
    'EXTRACT(YEAR FROM date) = length(bot_id) + 2022',
    'EXTRACT(YEAR FROM date) NOT IN (2022, 2024)',
    'EXTRACT(ISOYEAR FROM date) = 2023',
    'EXTRACT(DECADE FROM date) = 202']) WITH ORDINALITY AS l (c, n) ORDER BY n;
\c postgres
SET client_min_messages = warning;
DROP DATABASE regression_kindly_bi_year;
