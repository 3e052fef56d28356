
-- Moments and buckets: src/bucket

CREATE TYPE kindly_stats.moment;

CREATE FUNCTION kindly_stats.moment_in(cstring) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_in'
-- depends on DateStyle, and on the clock for 'now'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment_out(kindly_stats.moment) RETURNS cstring
AS 'MODULE_PATHNAME', 'ks_moment_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment_recv(internal) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment_send(kindly_stats.moment) RETURNS bytea
AS 'MODULE_PATHNAME', 'ks_moment_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE TYPE kindly_stats.moment (
	INPUT = kindly_stats.moment_in,
	OUTPUT = kindly_stats.moment_out,
	RECEIVE = kindly_stats.moment_recv,
	SEND = kindly_stats.moment_send,
	INTERNALLENGTH = 16,
	ALIGNMENT = double,
	STORAGE = plain
);

CREATE FUNCTION kindly_stats.moment(text) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_text'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment(date) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment(timestamp) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment(timestamptz) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_timestamptz'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment(bigint) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_bigint'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.moment(integer) RETURNS kindly_stats.moment
AS 'MODULE_PATHNAME', 'ks_moment_from_integer'
-- always an error: stable, so that it is raised when the query runs and not when it is planned
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;

-- Implicit, so that one function with moments takes what any client sends:
-- JDBC binds varchar, others text, SQL has dates and timestamps.
CREATE CAST (text AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(text) AS IMPLICIT;
CREATE CAST (varchar AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(text) AS IMPLICIT;
CREATE CAST (date AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(date) AS IMPLICIT;
CREATE CAST (timestamp AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(timestamp) AS IMPLICIT;
CREATE CAST (timestamptz AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(timestamptz) AS IMPLICIT;
CREATE CAST (bigint AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(bigint) AS IMPLICIT;
CREATE CAST (integer AS kindly_stats.moment)
	WITH FUNCTION kindly_stats.moment(integer) AS IMPLICIT;

CREATE FUNCTION kindly_stats.buckets(
	"from" kindly_stats.moment,
	"to" kindly_stats.moment,
	tz text DEFAULT NULL,
	granularity text DEFAULT 'day',
	locale text DEFAULT NULL)
RETURNS TABLE (bucket timestamptz, bucket_end timestamptz, date timestamp, is_partial boolean)
AS 'MODULE_PATHNAME', 'ks_buckets_sql'
-- not strict: a zone or locale left out means the session's zone, ISO weeks
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 366;

CREATE FUNCTION kindly_stats.intervals(
	"from" kindly_stats.moment,
	"to" kindly_stats.moment,
	tz text DEFAULT NULL,
	granularity text DEFAULT 'day',
	locale text DEFAULT NULL)
RETURNS TABLE (starts_at timestamptz, ends_at timestamptz, bucket timestamptz, date timestamp)
AS 'MODULE_PATHNAME', 'ks_intervals_sql'
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 366;

CREATE FUNCTION kindly_stats.edges(
	"from" kindly_stats.moment,
	"to" kindly_stats.moment,
	tz text DEFAULT NULL,
	granularity text DEFAULT 'day',
	locale text DEFAULT NULL)
RETURNS timestamptz[]
AS 'MODULE_PATHNAME', 'ks_edges_sql'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

CREATE FUNCTION kindly_stats.bucket_label(
	date timestamp,
	granularity text DEFAULT 'day',
	locale text DEFAULT NULL,
	style text DEFAULT 'long')
RETURNS text
AS 'MODULE_PATHNAME', 'ks_bucket_label'
-- not immutable: names change with ICU; not strict: a locale left out means ISO 8601
LANGUAGE C STABLE PARALLEL SAFE COST 100;

CREATE FUNCTION kindly_stats.weekdays(locale text DEFAULT NULL, style text DEFAULT 'long')
RETURNS TABLE (place integer, day integer, name text)
AS 'MODULE_PATHNAME', 'ks_weekdays'
-- not immutable: names change with ICU; not strict: a locale left out means ISO weeks
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 7;

COMMENT ON TYPE kindly_stats.moment IS
'a date or time on the wall clock of a zone yet to be named, or an instant

Without a zone it is local: 2019-07-01, 2019-04-28T07:22:52.825.  With one it is an instant: 2024-04-16T10:57:12.873Z, 2019-07-01
10:00 Europe/Oslo, now (once, when the text is read: write now() in a view).  Dates such as 01/02/2024 are read as DateStyle says.
A number of 13 digits is an instant in milliseconds since 1970, as JavaScript and Grafana have them; 1729900800, in seconds, is refused.
Dates, timestamps, strings and bigint are cast to it implicitly.  Written as ISO 8601, whatever DateStyle and TimeZone are.
Errors: 22007 for what is not a date or time, and for words such as today; 22008 for a field out of range.';

COMMENT ON FUNCTION kindly_stats.moment_in(cstring) IS
'reads a moment from its text

Errors: 22007 for what is not a date or time, 22008 for a field out of range.';
COMMENT ON FUNCTION kindly_stats.moment_out(kindly_stats.moment) IS
'writes a moment as ISO 8601, an instant in UTC with Z';
COMMENT ON FUNCTION kindly_stats.moment_recv(internal) IS
'reads a moment from its binary form

Error: 22P03 for any other bytes.';
COMMENT ON FUNCTION kindly_stats.moment_send(kindly_stats.moment) IS
'writes a moment in its binary form

Microseconds since 2000-01-01 (8 bytes), 0 for local or 1 for an instant (4 bytes), zero (4 bytes).';
COMMENT ON CAST (text AS kindly_stats.moment) IS 'the moment that a text describes';
COMMENT ON CAST (varchar AS kindly_stats.moment) IS 'the moment that a text describes';
COMMENT ON CAST (date AS kindly_stats.moment) IS 'the beginning of a local day';
COMMENT ON CAST (timestamp AS kindly_stats.moment) IS 'a date and time on the local clock';
COMMENT ON CAST (timestamptz AS kindly_stats.moment) IS 'an instant';
COMMENT ON CAST (bigint AS kindly_stats.moment) IS 'an instant in milliseconds since 1970';
COMMENT ON CAST (integer AS kindly_stats.moment) IS 'always an error, which says what numbers are understood';
COMMENT ON FUNCTION kindly_stats.moment(bigint) IS
'an instant in milliseconds since 1970

Error: 22008 for what has not 13 digits, as seconds.';
COMMENT ON FUNCTION kindly_stats.moment(integer) IS
'always an error, which says what numbers are understood

Error: 22008.';
COMMENT ON FUNCTION kindly_stats.moment(text) IS
'the moment that a text describes

Errors: 22007 for what is not a date or time, 22008 for a field out of range.';
COMMENT ON FUNCTION kindly_stats.moment(date) IS
'the beginning of a local day

Error: 22008 for a date beyond the last timestamp.';
COMMENT ON FUNCTION kindly_stats.moment(timestamp) IS
'a date and time on the local clock';
COMMENT ON FUNCTION kindly_stats.moment(timestamptz) IS
'an instant';

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

COMMENT ON FUNCTION kindly_stats.intervals(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'the instants of a range, with the bucket that they belong to: for joins with events

Arguments and errors as of buckets().  An event at an instant with starts_at <= instant < ends_at belongs to that bucket; no
instant of the range is in two rows.  The first and last row end where the range does, also within a week or longer unit.  A local
day has two rows where the clock was set back over midnight.';

COMMENT ON FUNCTION kindly_stats.edges(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'the instants between the buckets of a range, with its two ends

Arguments and errors as of buckets(); bucket i lies between edges i and i + 1.  The first and last edge are those of the range,
also within a week or longer unit.
Error 0A000 where a local day is not one interval, since the clock was set back over midnight.';

COMMENT ON FUNCTION kindly_stats.bucket_label(timestamp, text, text, text) IS
'what a local hour, day, week, month, quarter or year is called

date: the column of that name, or any reading of the local clock within the unit; granularity, locale: those that the bucket was asked
for with.  Without a locale: 2019-07-01 13:00, 2019-07-01, 2019-W27, 2019-07, 2019-Q3, 2019.  With one, in its language, calendar,
week numbers and digits: 1. juli 2019, uke 27, 2019.  A Japanese era is the one of that day.
style: long, or short for the names of months abbreviated and no year, so that a label is that of one bucket only within a year.
An hour that the clock shows twice has one label.  NULL for a date of NULL.
Errors: 22023 for an unknown granularity, locale or style, and a quarter in a calendar that has none; 22008 outside the years 1 to
9999, and before 15 October 1582 in Buddhist, Japanese and Minguo years.';

COMMENT ON FUNCTION kindly_stats.weekdays(text, text) IS
'names of the weekdays in a locale''s language, in the order of its week

locale: such as nb-NO or fa-IR; left out, names are English and weeks begin with Monday.  style: long or short.  place: 1 to 7; day: as stats_heatmap has it,
0 is Sunday; name: as it stands alone, not within a date.
Errors: 22023 for an unknown locale or style.';
