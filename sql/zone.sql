--
-- Which names of zones are accepted, and what they mean
--
SET timezone = 'America/New_York';
SET datestyle = 'ISO, MDY';
SET search_path = kindly_stats, public;

CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;

-- when 2024-07-01 begins, in UTC
CREATE FUNCTION pg_temp.begins(tz text, locale text DEFAULT NULL) RETURNS timestamp LANGUAGE sql AS $$
	SELECT bucket AT TIME ZONE 'UTC' FROM kindly_stats.buckets('2024-07-01', '2024-07-02', tz, 'day', locale) $$;

-- none: the session's
SELECT pg_temp.begins(NULL);
SET timezone = 'Asia/Tokyo';
SELECT pg_temp.begins(NULL);
SET timezone = 'FOO+5';
SELECT pg_temp.begins(NULL);
SET timezone = 'UTC';

-- any case
SELECT tz, pg_temp.begins(tz) FROM unnest(ARRAY[
	'Europe/Oslo', 'europe/oslo', 'EUROPE/OSLO', 'utc', 'Utc', 'UTC', 'gmt', 'zulu', 'america/argentina/buenos_aires',
	'Etc/GMT+5', 'etc/gmt-14', 'EST5EDT', 'est5edt', 'gmt0']) tz;

-- offsets have the sign of ISO 8601
SELECT tz, pg_temp.begins(tz) FROM unnest(ARRAY[
	'+00:00', '-00:00', '+02:00', '-03:30', '+05:45', '+14:00', '-12:00', '+15:59', '-15:59']) tz;

-- Windows names, by region; the names that CLDR keeps are today's
SELECT tz, locale, pg_temp.begins(tz, locale) FROM (VALUES
	('W. Europe Standard Time', NULL), ('W. Europe Standard Time', 'nb-NO'), ('Eastern Standard Time', NULL),
	('India Standard Time', 'en-IN'), ('Nepal Standard Time', NULL), ('Central Standard Time (Mexico)', 'es-MX'),
	('Central Standard Time', 'es-MX'), ('UTC', NULL), ('UTC-11', NULL), ('Dateline Standard Time', NULL),
	('Greenland Standard Time', NULL), ('Tonga Standard Time', 'de')) v(tz, locale);

-- whatever pg_timezone_names lists is accepted and means what SET TimeZone
-- makes of it (AT TIME ZONE takes CET and its like for abbreviations)
CREATE FUNCTION pg_temp.session_begins(tz text) RETURNS timestamp LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', tz, true);
	RETURN ('2024-07-01'::timestamp)::timestamptz AT TIME ZONE 'UTC';
END $$;
SELECT name, expected FROM pg_timezone_names, LATERAL pg_temp.session_begins(name) expected
	WHERE expected IS DISTINCT FROM pg_temp.begins(name)
	ORDER BY name COLLATE "C";
SELECT pg_temp.begins('CET'), pg_temp.session_begins('CET'), timestamp '2024-07-01' AT TIME ZONE 'CET' AT TIME ZONE 'UTC' AS abbreviation;
SET timezone = 'UTC';
SELECT count(*) FROM pg_timezone_names WHERE edges('2024-07-01', '2024-07-02', name) IS NULL;

-- what PostgreSQL takes for a POSIX specification or for leap second time
SELECT tz, pg_temp.failure(format('SELECT kindly_stats.edges(%L, %L, %L)', '2024-07-01', '2024-07-02', tz)) FROM unnest(ARRAY[
	'Oslo5', 'oslo', 'FOO+5', 'CEST-2', '<+02>-2', 'right/Europe/Oslo', 'RIGHT/UTC', 'CEST', ':Europe/Oslo', ':UTC']) tz;

-- near matches
SELECT tz, pg_temp.failure(format('SELECT kindly_stats.edges(%L, %L, %L)', '2024-07-01', '2024-07-02', tz)) FROM unnest(ARRAY[
	'Europ/Oslo', 'Europe/Olso', 'new york', 'New_York', 'kathmandoo', 'Calcuta', 'Buenos Aires', 'xx', 'nowhere at all',
	'W. europe standard time', 'Indiana']) tz;

-- offsets that are none
SELECT tz, pg_temp.failure(format('SELECT kindly_stats.edges(%L, %L, %L)', '2024-07-01', '2024-07-02', tz)) FROM unnest(ARRAY[
	'+2', '+02', '+0200', '02:00', '+16:00', '+02:60', '+02:00:00', '+-2:00', '+02:0x', 'UTC+2', '+99999999:00']) tz;

-- hostile names
SELECT left(tz, 24) AS tz, length(tz), pg_temp.failure(format('SELECT kindly_stats.edges(%L, %L, %L)', '2024-07-01', '2024-07-02', tz)) FROM unnest(ARRAY[
	'', ' ', '/', '.', '..', '/etc/passwd', '../../etc/passwd', 'Europe/../Europe/Oslo', 'Europe/', 'Europe', '/Europe/Oslo',
	'Europe//Oslo', 'zone.tab', 'tzdata.zi', 'leapseconds', E'Europe/\nOslo', E'\x01', '%s%n', '"', 'Osló', repeat('x', 255),
	repeat('x', 256), repeat('Europe/', 40), repeat('+', 100000)]) tz;

-- what dashboards call the zone of each reader
SELECT tz, pg_temp.failure(format('SELECT kindly_stats.edges(%L, %L, %L)', '2024-07-01', '2024-07-02', tz)) FROM unnest(ARRAY['browser', 'Browser']) tz;
