-- kindly_stats: install script, put together from src/sql
\echo Use "CREATE EXTENSION kindly_stats" to load this file. \quit

-- Whoever may create schemas may have made this one before, with tables that the extension would take for its own: triggers and
-- policies on them would run with the rights of whoever uses it.  Tables that are left from an earlier time are welcome, when they
-- belong to somebody who may create tables here.
DO $$
DECLARE
    path text := pg_catalog.current_setting('search_path');
    other record;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT n.oid, n.nspowner, r.rolname INTO STRICT other FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
     WHERE n.nspname = 'kindly_stats';
    -- the database's owner is a stranger, too: he may be somebody who is given databases, and a schema's owner can put anything into it
    IF NOT (other.nspowner = current_user::regrole OR (SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = other.nspowner)) THEN
        RAISE EXCEPTION 'schema kindly_stats belongs to role "%"', other.rolname
            USING ERRCODE = '42501', HINT = 'Drop or rename it, or give it to the role that creates the extension once you have seen what is in it.';
    END IF;
    SELECT o.kind, o.name, r.rolname AS owner INTO other
      FROM (SELECT 'relation' AS kind, c.relname::text AS name, c.relowner AS owner,
                   c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
                   AND c.relname IN ('rollup', 'measure', 'known_bot', 'bot_name', 'counting', 'verified', 'exported', 'conversation_bot', 'detached', 'interaction', 'bot_grant', 'api_key', 'api_secret') AS is_known
              FROM pg_class AS c WHERE c.relnamespace = other.oid AND c.relkind NOT IN ('i', 'I', 't')
            UNION ALL SELECT 'function', p.oid::regprocedure::text, p.proowner, false FROM pg_proc AS p WHERE p.pronamespace = other.oid
            UNION ALL SELECT 'operator', o.oid::regoperator::text, o.oprowner, false FROM pg_operator AS o WHERE o.oprnamespace = other.oid
            UNION ALL SELECT 'type', t.typname::text, t.typowner, false FROM pg_type AS t
                       WHERE t.typnamespace = other.oid AND t.typrelid = 0
                         AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid)) AS o
      JOIN pg_roles AS r ON r.oid = o.owner
     WHERE NOT o.is_known OR NOT (r.rolsuper OR has_schema_privilege(r.oid, other.oid, 'CREATE'))
     ORDER BY o.kind, o.name LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'schema kindly_stats has a % "%" of role "%", which is not the extension''s', other.kind, other.name, other.owner
            USING ERRCODE = '42501', HINT = 'Drop it, or move it to another schema.';
    END IF;
    PERFORM set_config('search_path', path, true);
END
$$;

COMMENT ON SCHEMA kindly_stats IS 'chatbot statistics: event tables, measures, questions, tallies';
-- The tally: a packed multiset of (key, slot, member) -> weight, where a slot is a UTC quarter hour.

CREATE TYPE kindly_stats.tally;

CREATE FUNCTION kindly_stats.tally_in(cstring) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_in';
CREATE FUNCTION kindly_stats.tally_out(kindly_stats.tally) RETURNS cstring
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_out';
CREATE FUNCTION kindly_stats.tally_recv(internal) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_recv';
CREATE FUNCTION kindly_stats.tally_send(kindly_stats.tally) RETURNS bytea
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_send';

-- Storage external: the bytes hardly compress, and a question fetches only the front of them.
CREATE TYPE kindly_stats.tally (
    INPUT = kindly_stats.tally_in,
    OUTPUT = kindly_stats.tally_out,
    RECEIVE = kindly_stats.tally_recv,
    SEND = kindly_stats.tally_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE kindly_stats.tally IS
'packed counts of events by key, UTC quarter hour and member; tallies add, and answer series, totals, distinct counts and top lists';
COMMENT ON FUNCTION kindly_stats.tally_in(cstring) IS 'I/O';
COMMENT ON FUNCTION kindly_stats.tally_out(kindly_stats.tally) IS 'I/O';
COMMENT ON FUNCTION kindly_stats.tally_recv(internal) IS 'I/O';
COMMENT ON FUNCTION kindly_stats.tally_send(kindly_stats.tally) IS 'I/O';

-- Arithmetic

CREATE FUNCTION kindly_stats.tally_add(kindly_stats.tally, kindly_stats.tally) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'ks_tally_add';
CREATE FUNCTION kindly_stats.tally_subtract(kindly_stats.tally, kindly_stats.tally) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'ks_tally_subtract';
CREATE FUNCTION kindly_stats.tally_negate(kindly_stats.tally) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'ks_tally_negate';

CREATE OPERATOR kindly_stats.+ (
    LEFTARG = kindly_stats.tally, RIGHTARG = kindly_stats.tally,
    FUNCTION = kindly_stats.tally_add, COMMUTATOR = OPERATOR(kindly_stats.+)
);
CREATE OPERATOR kindly_stats.- (
    LEFTARG = kindly_stats.tally, RIGHTARG = kindly_stats.tally, FUNCTION = kindly_stats.tally_subtract
);
CREATE OPERATOR kindly_stats.- (
    RIGHTARG = kindly_stats.tally, FUNCTION = kindly_stats.tally_negate
);
COMMENT ON FUNCTION kindly_stats.tally_add(kindly_stats.tally, kindly_stats.tally) IS 'implementation of + operator';
COMMENT ON FUNCTION kindly_stats.tally_subtract(kindly_stats.tally, kindly_stats.tally) IS 'implementation of - operator';
COMMENT ON FUNCTION kindly_stats.tally_negate(kindly_stats.tally) IS 'implementation of - operator';
COMMENT ON OPERATOR kindly_stats.+ (kindly_stats.tally, kindly_stats.tally) IS 'add';
COMMENT ON OPERATOR kindly_stats.- (kindly_stats.tally, kindly_stats.tally) IS 'take away';
COMMENT ON OPERATOR kindly_stats.- (NONE, kindly_stats.tally) IS 'negate';

-- Aggregates.  Their state is a tally (not internal), which a distributed engine can move between nodes; the one
-- transition function of sum() therefore combines, for both.

CREATE FUNCTION kindly_stats.tally_sum(kindly_stats.tally, kindly_stats.tally) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'ks_tally_sum';
COMMENT ON FUNCTION kindly_stats.tally_sum(kindly_stats.tally, kindly_stats.tally) IS 'transition and combine function of sum(tally)';

CREATE AGGREGATE kindly_stats.sum(kindly_stats.tally) (
    SFUNC = kindly_stats.tally_sum, STYPE = kindly_stats.tally, SSPACE = 100000,
    COMBINEFUNC = kindly_stats.tally_sum, PARALLEL = SAFE
);
COMMENT ON AGGREGATE kindly_stats.sum(kindly_stats.tally) IS
'sum of tallies

NULLs are left out; NULL without any.  Errors: 22003 where a weight leaves the range of bigint, 54000 where the sum exceeds
256 MB or 20 million entries of member, quarter hour and key.';

CREATE FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_accumulate';
CREATE FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz, text[]) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_accumulate';
CREATE FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz, text[], text) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_accumulate';
CREATE FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz, text[], text, bigint) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_accumulate';
COMMENT ON FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz) IS 'transition function of tally_agg';
COMMENT ON FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz, text[]) IS 'transition function of tally_agg';
COMMENT ON FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz, text[], text) IS 'transition function of tally_agg';
COMMENT ON FUNCTION kindly_stats.tally_accumulate(kindly_stats.tally, timestamptz, text[], text, bigint) IS 'transition function of tally_agg';

CREATE AGGREGATE kindly_stats.tally_agg(at timestamptz) (
    SFUNC = kindly_stats.tally_accumulate, STYPE = kindly_stats.tally, SSPACE = 100000,
    COMBINEFUNC = kindly_stats.tally_sum, PARALLEL = SAFE
);
CREATE AGGREGATE kindly_stats.tally_agg(at timestamptz, key text[]) (
    SFUNC = kindly_stats.tally_accumulate, STYPE = kindly_stats.tally, SSPACE = 100000,
    COMBINEFUNC = kindly_stats.tally_sum, PARALLEL = SAFE
);
CREATE AGGREGATE kindly_stats.tally_agg(at timestamptz, key text[], member text) (
    SFUNC = kindly_stats.tally_accumulate, STYPE = kindly_stats.tally, SSPACE = 100000,
    COMBINEFUNC = kindly_stats.tally_sum, PARALLEL = SAFE
);
CREATE AGGREGATE kindly_stats.tally_agg(at timestamptz, key text[], member text, weight bigint) (
    SFUNC = kindly_stats.tally_accumulate, STYPE = kindly_stats.tally, SSPACE = 100000,
    COMBINEFUNC = kindly_stats.tally_sum, PARALLEL = SAFE
);
COMMENT ON AGGREGATE kindly_stats.tally_agg(timestamptz) IS
'tally of rows by their instant

Rows whose instant is NULL are left out; NULL without any.  Error: 22008 for an instant outside the years 1 to 9999.';
COMMENT ON AGGREGATE kindly_stats.tally_agg(timestamptz, text[]) IS
'tally of rows by their instant and key

at: when it happened; key: up to 64 texts to filter and group by, any may be NULL, each cut to 2,000 bytes.  Rows whose instant
is NULL are left out.  Errors: 22008 for an instant outside the years 1 to 9999, 54000 for too many parts of a key or too large a tally.';
COMMENT ON AGGREGATE kindly_stats.tally_agg(timestamptz, text[], text) IS
'tally of rows by their instant and key, with members to count distinctly

at: when it happened; key: up to 64 texts to filter and group by, each cut to 2,000 bytes, or NULL; member: whom
distinct_total() counts (kept as a 64-bit hash, BLAKE2b), or NULL.  Rows whose instant is NULL are left out.  Errors: 22008 for an instant outside the years 1 to 9999,
54000 for too many parts of a key or a tally of more than 256 MB or 20 million entries.';
COMMENT ON AGGREGATE kindly_stats.tally_agg(timestamptz, text[], text, bigint) IS
'tally of weights by instant and key, with members to count distinctly

at: when it happened; key: up to 64 texts to filter and group by, or NULL; member: whom distinct_total() counts, or NULL;
weight: what is added up, such as seconds or cents; a member whose weights add up to zero does not count.  Rows whose instant
or weight is NULL or whose weight is zero are left out.  Errors: 22003 where a sum leaves the range of bigint, 22008 for an
instant outside the years 1 to 9999, 54000 for too many parts of a key or a tally of more than 256 MB or 20 million entries.';

-- Asking a tally

CREATE FUNCTION kindly_stats.series(tally kindly_stats.tally, edges timestamptz[], key text[] DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, count bigint, distinct_count bigint)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_tally_series';
COMMENT ON FUNCTION kindly_stats.series(kindly_stats.tally, timestamptz[], text[]) IS
'weight and distinct members of each bucket

tally: what to ask; edges: ascending instants, each two of them a bucket [edge, next edge), as kindly_stats.edges() makes them;
key: parts that must be equal, NULL parts may be anything.  A row for every bucket, zeros included.
Errors: 22023 where edges do not ascend or cut a UTC quarter hour that has events.';

CREATE FUNCTION kindly_stats.total(tally kindly_stats.tally, "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL,
                                   key text[] DEFAULT NULL)
    RETURNS bigint
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 AS 'MODULE_PATHNAME', 'ks_tally_total';
COMMENT ON FUNCTION kindly_stats.total(kindly_stats.tally, timestamptz, timestamptz, text[]) IS
'weight in [from, to)

tally: what to ask; from, to: instants, NULL for open; key: parts that must be equal, NULL parts may be anything.
Errors: 22023 where from is after to, or an end cuts a UTC quarter hour that has events.';

CREATE FUNCTION kindly_stats.distinct_total(tally kindly_stats.tally, "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL,
                                            key text[] DEFAULT NULL)
    RETURNS bigint
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_tally_distinct_total';
COMMENT ON FUNCTION kindly_stats.distinct_total(kindly_stats.tally, timestamptz, timestamptz, text[]) IS
'distinct members in [from, to)

tally: what to ask; from, to: instants, NULL for open; key: parts that must be equal, NULL parts may be anything.
Errors: 22023 where from is after to, or an end cuts a UTC quarter hour that has events.';

CREATE FUNCTION kindly_stats.top(tally kindly_stats.tally, "limit" integer DEFAULT 10, "from" timestamptz DEFAULT NULL,
                                 "to" timestamptz DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (key text[], count bigint, distinct_count bigint)
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10 AS 'MODULE_PATHNAME', 'ks_tally_top';
COMMENT ON FUNCTION kindly_stats.top(kindly_stats.tally, integer, timestamptz, timestamptz, text[]) IS
'heaviest keys in [from, to), heaviest first

tally: what to ask; limit: how many keys at most, NULL for all; from, to: instants, NULL for open; key: parts that must be
equal, NULL parts may be anything.  Keys of equal weight come in bytewise order.
Errors: 22023 for a limit below 1, where from is after to, or an end cuts a UTC quarter hour that has events.';

CREATE FUNCTION kindly_stats.slice(tally kindly_stats.tally, "from" timestamptz, "to" timestamptz) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_tally_slice';
COMMENT ON FUNCTION kindly_stats.slice(kindly_stats.tally, timestamptz, timestamptz) IS
'the part of a tally in [from, to)

from, to: instants on a UTC quarter hour, or -infinity and infinity.  Error: 22023 where one is not, or from is after to.';

CREATE FUNCTION kindly_stats.part(tally kindly_stats.tally, name text) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_tally_part';
COMMENT ON FUNCTION kindly_stats.part(kindly_stats.tally, text) IS
'the keys of a tally that begin with name, without that first part

An empty tally where there are none.';

CREATE FUNCTION kindly_stats.is_empty(tally kindly_stats.tally) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_is_empty';
COMMENT ON FUNCTION kindly_stats.is_empty(kindly_stats.tally) IS 'whether nothing is left in a tally';

CREATE FUNCTION kindly_stats.info(tally kindly_stats.tally, OUT version integer, OUT bytes bigint, OUT keys bigint,
                                  OUT slots bigint, OUT members bigint, OUT total bigint, OUT first timestamptz, OUT last timestamptz)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_info';
COMMENT ON FUNCTION kindly_stats.info(kindly_stats.tally) IS
'what a tally holds

version of the stored format; size in bytes; number of keys, of quarter hours with weight and of members; total weight; first
and last instant that was ever added.';

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
-- always an error: stable, so that it is raised when the query is run and not when it is planned
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
is_partial says that from or to lies within a week or longer unit.  A date that the local clock jumped over has no row.  An hour is
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
-- Whose statistics: src/rollup/bot.c

CREATE TYPE kindly_stats.bot_id;

CREATE FUNCTION kindly_stats.bot_id_in(cstring) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id_out(kindly_stats.bot_id) RETURNS cstring
AS 'MODULE_PATHNAME', 'ks_bot_id_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id_recv(internal) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id_send(kindly_stats.bot_id) RETURNS bytea
AS 'MODULE_PATHNAME', 'ks_bot_id_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE TYPE kindly_stats.bot_id (
	INPUT = kindly_stats.bot_id_in,
	OUTPUT = kindly_stats.bot_id_out,
	RECEIVE = kindly_stats.bot_id_recv,
	SEND = kindly_stats.bot_id_send,
	INTERNALLENGTH = 8,
	PASSEDBYVALUE,
	ALIGNMENT = double,
	STORAGE = plain
);

CREATE FUNCTION kindly_stats.bot_id(text) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_from_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id(bpchar) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_from_bpchar'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id(uuid) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_from_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id(numeric) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_from_numeric'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id(smallint) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_from_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

CREATE FUNCTION kindly_stats.bot_id(integer) RETURNS kindly_stats.bot_id
AS 'MODULE_PATHNAME', 'ks_bot_id_from_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;

-- Implicit, so that one function takes the id that a client has, as whatever its driver binds it.
CREATE CAST (smallint AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(smallint) AS IMPLICIT;
CREATE CAST (integer AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(integer) AS IMPLICIT;
CREATE CAST (bigint AS kindly_stats.bot_id)
	WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (numeric AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(numeric) AS IMPLICIT;
CREATE CAST (text AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(text) AS IMPLICIT;
CREATE CAST (varchar AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(text) AS IMPLICIT;
CREATE CAST (bpchar AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(bpchar) AS IMPLICIT;
CREATE CAST (uuid AS kindly_stats.bot_id)
	WITH FUNCTION kindly_stats.bot_id(uuid) AS IMPLICIT;
CREATE CAST (kindly_stats.bot_id AS bigint)
	WITHOUT FUNCTION AS ASSIGNMENT;

CREATE FUNCTION kindly_stats.bot_text(number bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ks_bot_text_sql'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION kindly_stats.bot_text(bigint) IS
'the id that the user has for the bot of a number

The number itself where it stands for an integer, or for a text that no table has had yet.';

CREATE FUNCTION kindly_stats.note_bot(bot kindly_stats.bot_id) RETURNS void
AS 'MODULE_PATHNAME', 'ks_note_bot_sql'
LANGUAGE C STRICT;
REVOKE EXECUTE ON FUNCTION kindly_stats.note_bot(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_bot(kindly_stats.bot_id) IS
'internal: notes how the caller wrote a bot''s id, to show it before there are rows';

COMMENT ON TYPE kindly_stats.bot_id IS
'whose statistics: the number of a bot, which may have a number, a text or a UUID for its id

The text of an integer, such as 42, is that number, and so are integers and whole numerics.  Every other text has the number
that doc/format.md derives from it, below -4611686018427387904 (-2^62); a UUID has the same one in upper and lower case.  Integers, text and UUIDs are cast to it
implicitly; it is written as the number, and cast to bigint.
Errors: 22023 for an empty text or one of more than 2,000 bytes, 22003 for a numeric that is not whole or out of bigint''s range.';

COMMENT ON FUNCTION kindly_stats.bot_id_in(cstring) IS
'reads a bot from its id

Error: 22023 for an empty text or one of more than 2,000 bytes.';
COMMENT ON FUNCTION kindly_stats.bot_id_out(kindly_stats.bot_id) IS
'writes a bot as its number';
COMMENT ON FUNCTION kindly_stats.bot_id_recv(internal) IS
'reads a bot from its binary form';
COMMENT ON FUNCTION kindly_stats.bot_id_send(kindly_stats.bot_id) IS
'writes a bot in its binary form

Its number, as bigint (8 bytes).';
COMMENT ON FUNCTION kindly_stats.bot_id(text) IS
'the bot that has a text for its id

Error: 22023 for an empty text or one of more than 2,000 bytes.';
COMMENT ON FUNCTION kindly_stats.bot_id(bpchar) IS
'the bot that has a text for its id, without trailing blanks

Error: 22023 for a text that is empty then or has more than 2,000 bytes.';
COMMENT ON FUNCTION kindly_stats.bot_id(uuid) IS 'the bot that has a UUID for its id';
COMMENT ON FUNCTION kindly_stats.bot_id(numeric) IS
'the bot that has a whole number for its id

Error: 22003 for a number that is not whole or out of bigint''s range.';
COMMENT ON FUNCTION kindly_stats.bot_id(smallint) IS 'the bot that has an integer for its id';
COMMENT ON FUNCTION kindly_stats.bot_id(integer) IS 'the bot that has an integer for its id';
COMMENT ON CAST (smallint AS kindly_stats.bot_id) IS 'the bot that has an integer for its id';
COMMENT ON CAST (integer AS kindly_stats.bot_id) IS 'the bot that has an integer for its id';
COMMENT ON CAST (bigint AS kindly_stats.bot_id) IS 'the bot that has an integer for its id';
COMMENT ON CAST (numeric AS kindly_stats.bot_id) IS 'the bot that has a whole number for its id';
COMMENT ON CAST (text AS kindly_stats.bot_id) IS 'the bot that has a text for its id';
COMMENT ON CAST (varchar AS kindly_stats.bot_id) IS 'the bot that has a text for its id';
COMMENT ON CAST (bpchar AS kindly_stats.bot_id) IS 'the bot that has a text for its id, without trailing blanks';
COMMENT ON CAST (uuid AS kindly_stats.bot_id) IS 'the bot that has a UUID for its id';
COMMENT ON CAST (kindly_stats.bot_id AS bigint) IS 'the number of a bot';
-- Rules: how a logical column is read where it is not simply a column of the table (src/rollup/rule.c).

-- Queries that read raw events call these as the owner of an event table, who need not have any right in our other schemas.
CREATE SCHEMA kindly_rules;
GRANT USAGE ON SCHEMA kindly_rules TO PUBLIC;
COMMENT ON SCHEMA kindly_rules IS 'how values of event tables are read: fields of JSON, instants, booleans and whole numbers; pure functions for everybody';

CREATE FUNCTION kindly_rules.json_field(document text, path text[]) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'ks_json_field';
COMMENT ON FUNCTION kindly_rules.json_field(text, text[]) IS
'the scalar at the end of a path in a text that holds JSON, as text

document: JSON, or else the answer is NULL; path: 1 to 16 names of members or, in decimal digits, numbers of elements from 0 on.  NULL, too, where there is
nothing of that name, null, an object or an array, in documents nested more than 1000 deep, and where an escape stands for no text: \u0000, half a pair, or beyond
ASCII where the database is not UTF-8.  Of members of the same name the last one counts.  Errors: 22023 for a path that is none.';
CREATE FUNCTION kindly_rules.json_field(document jsonb, path text[]) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'ks_jsonb_field';
COMMENT ON FUNCTION kindly_rules.json_field(jsonb, text[]) IS
'the scalar at the end of a path in a jsonb document, as text

document: however deep; path: 1 to 16 names of members or, in decimal digits, numbers of elements from 0 on.  NULL where there is nothing of that name, null, an object or an
array.  Errors: 22023 for a path that is none.';
CREATE FUNCTION kindly_rules.zoned_instant(at timestamp, tz text) RETURNS timestamptz
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'ks_zoned_instant';
COMMENT ON FUNCTION kindly_rules.zoned_instant(timestamp, text) IS
'the instant at which clocks in a zone show a time, as AT TIME ZONE has it

at: a local time: one that comes twice in autumn is taken for the later instant, one that spring leaves out for the time before the change going on; tz: a zone''s
name.  Infinite where it would be no timestamptz.  Errors: 22023 for an unknown zone.';
CREATE FUNCTION kindly_rules.number_instant(number bigint, unit text) RETURNS timestamptz
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_integer_instant';
CREATE FUNCTION kindly_rules.number_instant(number double precision, unit text) RETURNS timestamptz
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_float_instant';
CREATE FUNCTION kindly_rules.number_instant(number numeric, unit text) RETURNS timestamptz
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_numeric_instant';
COMMENT ON FUNCTION kindly_rules.number_instant(bigint, text) IS
'the instant so many seconds or milliseconds after 1970 began in UTC

number: of units, exactly; unit: seconds or milliseconds.  Infinite where it would be no timestamptz.  Errors: 22023 for another unit.';
COMMENT ON FUNCTION kindly_rules.number_instant(double precision, text) IS
'the instant so many seconds or milliseconds after 1970 began in UTC

number: of units, read as to_timestamp() does; NULL for NaN; unit: seconds or milliseconds.  Infinite where it would be no timestamptz.  Errors: 22023 for another unit.';
COMMENT ON FUNCTION kindly_rules.number_instant(numeric, text) IS
'the instant so many seconds or milliseconds after 1970 began in UTC

number: of units, read as double precision; NULL for NaN; unit: seconds or milliseconds.  Infinite where it would be no timestamptz.  Errors: 22023 for another unit.';
CREATE FUNCTION kindly_rules.boolean_of(value text) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_text_boolean';
COMMENT ON FUNCTION kindly_rules.boolean_of(text) IS
'a text as boolean, NULL where it is none

value: what boolean''s input takes, such as true, t, yes, on and 1, in any case, blanks around it; no error for others.';
CREATE FUNCTION kindly_rules.whole_number(value text) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_text_whole_number';
CREATE FUNCTION kindly_rules.whole_number(value numeric) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_numeric_whole_number';
COMMENT ON FUNCTION kindly_rules.whole_number(text) IS
'a text as bigint, NULL where it is no whole number of 64 bits

value: decimal digits, with a sign or zeros after a point at most: 12, -3, 4.0.';
COMMENT ON FUNCTION kindly_rules.whole_number(numeric) IS
'a numeric as bigint, NULL where it is no whole number of 64 bits

value: 12, -3, 4.0; NULL for a fraction, for NaN and for what is infinite.';

-- The column that a logical one is read from, NULL where there is none.
CREATE FUNCTION kindly_stats.mapped_column(mapped jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE jsonb_typeof(mapped) WHEN 'string' THEN mapped #>> '{}' WHEN 'object' THEN mapped ->> 'column' END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.mapped_column(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.mapped_column(jsonb) IS 'internal: the column of a table that a mapping names, also inside a rule';

-- Rules are looked into with ->, since ? takes a column of that name for one.
-- What a type must be so that triggers can read it (type_fits() of src/rollup/measure.c); role: of logical_columns().
CREATE FUNCTION kindly_stats.type_fits(role text, mapped jsonb, type oid) RETURNS boolean
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
           ELSE b.is_integer OR b.is_text OR b.base IN ('name'::regtype, 'uuid'::regtype, 'bool'::regtype, 'numeric'::regtype) OR b.is_enum
           END
      FROM (SELECT t.oid AS base, t.typtype = 'e' AS is_enum, t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AS is_integer,
                   t.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) AS is_text
              FROM pg_type AS t WHERE t.oid = kindly_stats.base_type(type)) AS b
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.type_fits(text, jsonb, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.type_fits(text, jsonb, oid) IS 'internal: whether a column of a type can be read for a role, by a rule or as it is';

CREATE FUNCTION kindly_stats.fitting_types(role text, mapped jsonb, type oid) RETURNS text
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
           WHEN role = 'condition' AND mapped -> 'values' IS NULL THEN 'Its type must be boolean, smallint, integer, bigint, numeric or text.'
           ELSE 'Its type must be text, character varying, uuid, an integer, numeric, boolean or an enum' || CASE
               WHEN kindly_stats.base_type(type) IN ('json'::regtype, 'jsonb'::regtype) THEN '; of a document name a field, such as "my_column->>my_field".'
               ELSE '.' END
           END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.fitting_types(text, jsonb, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.fitting_types(text, jsonb, oid) IS 'internal: a hint where type_fits() says no';

-- What somebody wrote for a logical column, as triggers are told it.

-- The field of a document in SQL's words: payload->a->>b.
CREATE FUNCTION kindly_stats.field_rule(logical text, written text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[] := ARRAY(SELECT CASE WHEN q LIKE '_%_' AND left(q, 1) = '''' AND right(q, 1) = '''' THEN substr(q, 2, length(q) - 2) ELSE q END
                            FROM regexp_split_to_table(written, '->>?') WITH ORDINALITY AS p (p, number), LATERAL btrim(p) AS q ORDER BY number);
BEGIN
    IF written !~ '^[^>]*(->[^>]+)*->>[^>]+$' OR '' = ANY (parts) OR cardinality(parts) > 17 THEN
        RAISE EXCEPTION '"%" names no field of a document for "%"', written, logical
            USING ERRCODE = '22023', HINT = 'Write my_column->>my_field, or my_column->outer->>inner with 16 names at most; or {"column": "my_column", "path": ["outer", "inner"]}.';
    END IF;
    RETURN jsonb_build_object('column', parts[1], 'path', to_jsonb(parts[2:]));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.field_rule(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.field_rule(text, text) IS 'internal: a field of a document, written as in SQL, as a rule (22023)';

CREATE FUNCTION kindly_stats.check_zone(tz text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_rules.zoned_instant('2000-01-01', tz);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_zone(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_zone(text) IS 'internal: refuses a zone that is not known (22023)';

CREATE FUNCTION kindly_stats.refuse_rule(logical text, reason text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'column "%" cannot be mapped like this: %', logical, reason
        USING ERRCODE = '22023', HINT = CASE logical
            WHEN 'occurred_at' THEN 'Write {"column": "my_column", "tz": "Europe/Oslo"} or {"column": "my_column", "unit": "seconds"}.'
            WHEN 'bot_id' THEN 'Map it to a column, or to one and the same bot for all rows: {"constant": 1}.'
            ELSE 'Write {"column": "my_column", "path": ["outer", "inner"]}, {"column": "my_column", "values": {"mine": "documented", "other": null}}, both together, or {"constant": "web"}.' END;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.refuse_rule(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.refuse_rule(text, text) IS 'internal: says what a rule must be (22023)';

CREATE FUNCTION kindly_stats.scalar_texts(logical text, written jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(written) <> 'object' OR EXISTS (SELECT FROM jsonb_each(written) AS v WHERE jsonb_typeof(v.value) IN ('object', 'array')) THEN
        PERFORM kindly_stats.refuse_rule(logical, 'values must be an object of texts or nulls');
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each_text(written) AS v);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.scalar_texts(text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.scalar_texts(text, jsonb) IS 'internal: what values are counted as (22023)';

-- As bots are written elsewhere: of a number its whole, 1 for 1.0.
CREATE FUNCTION kindly_stats.constant_bot(written jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id text := CASE jsonb_typeof(written) WHEN 'number' THEN (written::numeric)::kindly_stats.bot_id::text ELSE written #>> '{}' END;
    number bigint := id::kindly_stats.bot_id::bigint;
BEGIN
    IF number < -4611686018427387904 AND number::text = id THEN
        PERFORM kindly_stats.refuse_rule('bot_id', 'numbers below -4611686018427387904 are those of bots whose ids are texts');
    END IF;
    RETURN id;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.constant_bot(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.constant_bot(jsonb) IS 'internal: the id of the one bot of a table (22003, 22023)';

CREATE FUNCTION kindly_stats.object_rule(logical text, written jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys text[] := ARRAY(SELECT k FROM jsonb_object_keys(written) AS k ORDER BY k COLLATE "C");
    result jsonb := written;
BEGIN
    IF NOT (CASE logical WHEN 'occurred_at' THEN keys IN ('{column}', '{column,tz}', '{column,unit}')
                         WHEN 'bot_id' THEN keys IN ('{column}', '{constant}')
                         ELSE keys IN ('{column}', '{column,path}', '{column,values}', '{column,path,values}', '{constant}') END) THEN
        PERFORM kindly_stats.refuse_rule(logical, format('an object of %s is no rule', coalesce(nullif(array_to_string(keys, ', '), ''), 'nothing')));
    ELSIF written ? 'column' AND jsonb_typeof(written -> 'column') <> 'string' THEN
        PERFORM kindly_stats.refuse_rule(logical, 'column must be a name');
    END IF;
    IF written ? 'constant' THEN
        IF jsonb_typeof(written -> 'constant') IN ('object', 'array', 'null') THEN
            PERFORM kindly_stats.refuse_rule(logical, 'constant must be a text');
        ELSIF logical = 'bot_id' THEN
            RETURN jsonb_build_object('constant', kindly_stats.constant_bot(written -> 'constant'));
        END IF;
        RETURN jsonb_build_object('constant', written ->> 'constant');
    END IF;
    IF written ? 'path' THEN
        IF jsonb_typeof(written -> 'path') <> 'array' OR jsonb_array_length(written -> 'path') NOT BETWEEN 1 AND 16
           OR EXISTS (SELECT FROM jsonb_array_elements(written -> 'path') AS p WHERE jsonb_typeof(p) NOT IN ('string', 'number')) THEN
            PERFORM kindly_stats.refuse_rule(logical, 'path must be an array of 1 to 16 names');
        END IF;
        result := jsonb_set(result, '{path}', to_jsonb(ARRAY(SELECT p FROM jsonb_array_elements_text(written -> 'path') WITH ORDINALITY AS p (p, number) ORDER BY number)));
    END IF;
    IF written ? 'values' THEN
        result := result || jsonb_build_object('values', kindly_stats.scalar_texts(logical, written -> 'values'));
        IF result -> 'values' = '{}' THEN
            result := result - 'values';
        END IF;
    END IF;
    IF written ? 'tz' THEN
        IF jsonb_typeof(written -> 'tz') <> 'string' THEN
            PERFORM kindly_stats.refuse_rule(logical, 'tz must be the name of a zone');
        END IF;
        PERFORM kindly_stats.check_zone(written ->> 'tz');
    END IF;
    IF written ? 'unit' AND written -> 'unit' NOT IN ('"seconds"', '"milliseconds"') THEN
        PERFORM kindly_stats.refuse_rule(logical, 'unit must be seconds or milliseconds');
    END IF;
    RETURN CASE WHEN (SELECT count(*) FROM jsonb_object_keys(result)) = 1 THEN result -> 'column' ELSE result END;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.object_rule(text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.object_rule(text, jsonb) IS 'internal: a rule as triggers are told it (22023)';

CREATE FUNCTION kindly_stats.has_column(event_table regclass, name text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = event_table AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_column(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_column(regclass, text) IS 'internal: whether a table has a column';

-- known: the rule that the kind has otherwise.
CREATE FUNCTION kindly_stats.kinds_rule(known jsonb, kinds jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(kinds) = 'string' THEN
        RETURN jsonb_build_object('constant', kinds #>> '{}');
    ELSIF jsonb_typeof(kinds) <> 'object' THEN
        RAISE EXCEPTION 'kinds must be a JSON object or a text' USING ERRCODE = '22023',
            HINT = 'Map your values to documented kinds, such as {"incoming": "user_message", "note": null}, or count every row as one kind: ''"user_message"''.';
    ELSIF kindly_stats.mapped_column(known) IS NULL THEN
        RAISE EXCEPTION 'kinds need a column that has them' USING ERRCODE = '22023', HINT = 'Name it in the argument columns, such as {"kind": "direction"}.';
    END IF;
    RETURN kindly_stats.object_rule('kind', CASE jsonb_typeof(known) WHEN 'object' THEN known ELSE jsonb_build_object('column', known) END || jsonb_build_object('values', kinds));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.kinds_rule(jsonb, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.kinds_rule(jsonb, jsonb) IS 'internal: how kinds are read (22023)';

CREATE FUNCTION kindly_stats.instant_rule(known jsonb, tz text, unit text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tz IS NOT NULL AND unit IS NOT NULL THEN
        RAISE EXCEPTION 'tz and unit exclude each other' USING ERRCODE = '22023', HINT = 'tz is for timestamp without time zone, unit for numbers, which count from 1970 in UTC.';
    END IF;
    RETURN kindly_stats.object_rule('occurred_at', jsonb_strip_nulls(jsonb_build_object('column', kindly_stats.mapped_column(known), 'tz', tz, 'unit', unit)));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.instant_rule(jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.instant_rule(jsonb, text, text) IS 'internal: how instants are read (22023)';

-- The mapping of an event table, as attach() is told it in all its arguments; what is no mapping at all is left to check_columns().
CREATE FUNCTION kindly_stats.written_columns(event_table regclass, columns jsonb, kinds jsonb, tz text, unit text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := coalesce(kindly_stats.attached_columns(event_table, 'event'), '{}');
    result jsonb := '{}';
    c record;
BEGIN
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        RETURN columns;
    END IF;
    FOR c IN SELECT m.key, m.value, m.value #>> '{}' AS written FROM jsonb_each(columns) AS m
    LOOP
        result := result || jsonb_build_object(c.key, CASE
            WHEN jsonb_typeof(c.value) = 'object' THEN kindly_stats.object_rule(c.key, c.value)
            WHEN jsonb_typeof(c.value) = 'string' AND c.written ~ '->' AND NOT kindly_stats.has_column(event_table, c.written)
                THEN kindly_stats.object_rule(c.key, kindly_stats.field_rule(c.key, c.written))
            ELSE c.value END);
    END LOOP;
    known := '{"kind": "kind", "occurred_at": "occurred_at"}' || known || result;
    IF kinds IS NOT NULL THEN
        IF result -> 'kind' -> 'values' IS NOT NULL OR result -> 'kind' -> 'constant' IS NOT NULL THEN
            RAISE EXCEPTION 'kinds are said twice' USING ERRCODE = '22023', HINT = 'Say them in the argument kinds, or in columns.';
        END IF;
        result := result || jsonb_build_object('kind', kindly_stats.kinds_rule(known -> 'kind', kinds));
    END IF;
    IF tz IS NOT NULL OR unit IS NOT NULL THEN
        IF result -> 'occurred_at' -> 'tz' IS NOT NULL OR result -> 'occurred_at' -> 'unit' IS NOT NULL THEN
            RAISE EXCEPTION 'the zone or unit of instants is said twice' USING ERRCODE = '22023', HINT = 'Say it in the arguments tz or unit, or in columns.';
        END IF;
        result := result || jsonb_build_object('occurred_at', kindly_stats.instant_rule(known -> 'occurred_at', tz, unit));
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.written_columns(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.written_columns(regclass, jsonb, jsonb, text, text) IS 'internal: what attach() was told, as a mapping that triggers understand (22023)';
-- The rollup: aggregates that read it, triggers that write it, compaction.

-- Internal aggregates of which every question is made: one query for one bot whose SELECT list is one of these.
-- measure and tally come from the row; wanted is the measure asked for; edges and bins say where instants go; filter holds
-- conditions such as 0+web or 1-en.

CREATE FUNCTION kindly_stats.fold_series_step(internal, measure text, tally kindly_stats.tally, wanted text, edges timestamptz[],
                                              bins integer[], "distinct" boolean, filter text[], firsts boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_series_step';
CREATE FUNCTION kindly_stats.fold_series_final(internal)
    RETURNS bigint[] LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_series_final';
CREATE AGGREGATE kindly_stats.fold_series(measure text, tally kindly_stats.tally, wanted text, edges timestamptz[],
                                          bins integer[], "distinct" boolean, filter text[], firsts boolean) (
    SFUNC = kindly_stats.fold_series_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.fold_series_final, PARALLEL = SAFE
);

CREATE FUNCTION kindly_stats.fold_top_step(internal, measure text, tally kindly_stats.tally, wanted text, edges timestamptz[],
                                           bins integer[], "distinct" boolean, filter text[], skip integer, take integer, "limit" integer,
                                           spread boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_top_step';
CREATE FUNCTION kindly_stats.fold_top_final(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_top_final';
CREATE AGGREGATE kindly_stats.fold_top(measure text, tally kindly_stats.tally, wanted text, edges timestamptz[],
                                       bins integer[], "distinct" boolean, filter text[], skip integer, take integer, "limit" integer,
                                           spread boolean) (
    SFUNC = kindly_stats.fold_top_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.fold_top_final, PARALLEL = SAFE
);

CREATE FUNCTION kindly_stats.fold_options_step(internal, measure text, tally kindly_stats.tally, wanted text, month date, kept boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_options_step';
CREATE FUNCTION kindly_stats.fold_options_final(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_options_final';
CREATE AGGREGATE kindly_stats.fold_options(measure text, tally kindly_stats.tally, wanted text, month date, kept boolean) (
    SFUNC = kindly_stats.fold_options_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.fold_options_final, PARALLEL = SAFE
);

CREATE FUNCTION kindly_stats.fold_presence_step(internal, measure text, tally kindly_stats.tally, wanted text, edges timestamptz[],
                                                bins integer[], "distinct" boolean, filter text[], windows integer[], cohorts boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_presence_step';
CREATE FUNCTION kindly_stats.fold_presence_final(internal)
    RETURNS bigint[] LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_fold_presence_final';
CREATE AGGREGATE kindly_stats.fold_presence(measure text, tally kindly_stats.tally, wanted text, edges timestamptz[],
                                            bins integer[], "distinct" boolean, filter text[], windows integer[], cohorts boolean) (
    SFUNC = kindly_stats.fold_presence_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.fold_presence_final, PARALLEL = SAFE
);

-- Questions run with the reader's rights, so readers may execute the aggregates; what these are made of is checked of their owner.
REVOKE EXECUTE ON FUNCTION kindly_stats.fold_series_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], boolean),
    kindly_stats.fold_series_final(internal),
    kindly_stats.fold_top_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer, integer, integer, boolean),
    kindly_stats.fold_top_final(internal),
    kindly_stats.fold_presence_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer[], boolean),
    kindly_stats.fold_presence_final(internal),
    kindly_stats.fold_options_step(internal, text, kindly_stats.tally, text, date, boolean),
    kindly_stats.fold_options_final(internal) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.fold_series_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], boolean) IS 'internal: transition function of fold_series';
COMMENT ON FUNCTION kindly_stats.fold_series_final(internal) IS 'internal: final function of fold_series';
COMMENT ON AGGREGATE kindly_stats.fold_series(text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], boolean) IS 'internal: series of one measure from rows of the rollup; firsts: only members new to it';
COMMENT ON FUNCTION kindly_stats.fold_top_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer, integer, integer, boolean) IS 'internal: transition function of fold_top';
COMMENT ON FUNCTION kindly_stats.fold_top_final(internal) IS 'internal: final function of fold_top';
COMMENT ON AGGREGATE kindly_stats.fold_top(text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer, integer, integer, boolean) IS 'internal: top list of one measure from rows of the rollup; spread: a series for each line';
COMMENT ON FUNCTION kindly_stats.fold_presence_step(internal, text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer[], boolean) IS 'internal: transition function of fold_presence';
COMMENT ON FUNCTION kindly_stats.fold_presence_final(internal) IS 'internal: final function of fold_presence';
COMMENT ON AGGREGATE kindly_stats.fold_presence(text, kindly_stats.tally, text, timestamptz[], integer[], boolean, text[], integer[], boolean) IS 'internal: in which bins members of one measure were, from rows of the rollup';
COMMENT ON FUNCTION kindly_stats.fold_options_step(internal, text, kindly_stats.tally, text, date, boolean) IS 'internal: transition function of fold_options';
COMMENT ON FUNCTION kindly_stats.fold_options_final(internal) IS 'internal: final function of fold_options';
COMMENT ON AGGREGATE kindly_stats.fold_options(text, kindly_stats.tally, text, date, boolean) IS 'internal: first and last event, sources and languages from rows of the rollup';

CREATE FUNCTION kindly_stats.cluster() RETURNS bigint LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_cluster';
COMMENT ON FUNCTION kindly_stats.cluster() IS 'internal: a number of this cluster and its timeline, of whose transactions the rollup''s marks speak';

-- Triggers.  Whoever may execute these can attach a table of his own and so write any bot's statistics: not for everybody.

CREATE FUNCTION kindly_stats.count_events() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_count_events';
CREATE FUNCTION kindly_stats.refuse_truncate() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_refuse_truncate';
CREATE FUNCTION kindly_stats.measure_changed() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_measure_changed';
REVOKE EXECUTE ON FUNCTION kindly_stats.count_events() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.refuse_truncate() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.measure_changed() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_events() IS
'trigger of event tables: adds inserted, takes away deleted, corrects updated events

Made by kindly_stats.attach(): AFTER ... FOR EACH STATEMENT, with transition tables; its arguments are the table''s name, the
grain of the measures that count it, and its column names.  It writes with the rights of the rollup''s owner.';
COMMENT ON FUNCTION kindly_stats.refuse_truncate() IS 'trigger of event tables: TRUNCATE would leave the statistics behind, so it is refused (55000)';
COMMENT ON FUNCTION kindly_stats.measure_changed() IS 'trigger of kindly_stats.measure: makes every session read the measures anew';

-- Whoever may ask what is attached may execute these: they show nothing.
CREATE FUNCTION kindly_stats.trigger_arguments(arguments bytea) RETURNS text[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_trigger_arguments';
COMMENT ON FUNCTION kindly_stats.trigger_arguments(bytea) IS 'internal: the arguments of a trigger, as pg_trigger.tgargs has them';

-- Administrators may make triggers with what arguments they like, which must not become an error of whoever asks what is attached.
CREATE FUNCTION kindly_stats.mapping(argument text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    -- names alone, as most have them, are seen sooner
    SELECT CASE WHEN argument ~ $names$^\{("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*": ("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"|null)(, "([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*": ("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"|null))*)?\}\Z$names$ THEN argument::jsonb
                -- put together from the inside: a text T; an object V of texts and nulls; a rule R
                WHEN argument ~ replace(replace(replace(
                    $mapping$^\{T: (?:T|null|R)(?:, T: (?:T|null|R))*\}\Z$mapping$,
                    'R', $rule$\{T: (?:T|\[T(?:, T)*\]|V)(?:, T: (?:T|\[T(?:, T)*\]|V))*\}$rule$),
                    'V', $values$\{T: (?:T|null)(?:, T: (?:T|null))*\}$values$),
                    'T', $text$"(?:[^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(?:0[1-9a-f]|1[0-9a-f]))*"$text$) THEN argument::jsonb END
$$;
COMMENT ON FUNCTION kindly_stats.mapping(text) IS 'internal: the mapping that an argument of a trigger has as attach() writes it, else NULL';

-- The event tables, as their triggers after INSERT for the statement say, whatever these are called by now; partitions are covered by
-- their parent's line.  Arguments are the table, the grain and the columns; a trigger that has others was not made by attach().
CREATE VIEW kindly_stats.event_table AS
SELECT t.tgrelid::regclass AS event_table, kindly_stats.mapping(a.arguments[3]) AS columns, a.arguments[2] AS grain, a.arguments[1] AS known_as
  FROM pg_catalog.pg_trigger AS t, LATERAL (SELECT kindly_stats.trigger_arguments(t.tgargs) AS arguments) AS a
 WHERE t.tgfoid = 'kindly_stats.count_events()'::regprocedure AND t.tgtype = 4
   AND (t.tgnargs = 3
        -- DETACH PARTITION CONCURRENTLY has begun: whoever reads the parent does not see it any more
        OR t.tgnargs = 4 AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = t.tgrelid AND i.inhdetachpending))
   AND a.arguments[2] IN ('event', 'conversation_start', 'conversation_end') AND kindly_stats.mapping(a.arguments[3]) IS NOT NULL;
GRANT SELECT ON kindly_stats.event_table TO PUBLIC;
COMMENT ON VIEW kindly_stats.event_table IS
'attached tables, how they name the columns that measures read, and which measures count them

grain: event; a table of conversations has two lines, conversation_start and conversation_end.  known_as: the name that it had when it
was attached.';

-- Compaction

CREATE PROCEDURE kindly_stats.compact(bot kindly_stats.bot_id DEFAULT NULL) LANGUAGE C AS 'MODULE_PATHNAME', 'ks_compact_all';
REVOKE EXECUTE ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id) IS
'merges the many small rows of each bot, measure and month into few

bot: one bot only; NULL for all.  Each month is a transaction of its own, unless the caller has one open.  Nobody waits for it:
rows that others hold are left for the next time.  It changes no answer, only how fast it comes.  Works as the rollup''s owner.';
-- Event tables: made, attached, detached.  The rollup and the measures are ordinary tables that the first attach creates:
-- members of the extension would be dumped without their rows.

-- Nobody else can create tables in this schema; but one that was there before, or that was given away, could have triggers, rules or
-- policies that run with the rights of whoever uses it.
CREATE FUNCTION kindly_stats.require_own_tables() RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    other record;
BEGIN
    SELECT c.relname, c.relkind, r.rolname, r.rolsuper OR has_schema_privilege(r.oid, c.relnamespace, 'CREATE') AS is_trusted INTO other
      FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
     WHERE c.relnamespace = 'kindly_stats'::regnamespace
       AND c.relname IN ('rollup', 'measure', 'known_bot', 'bot_name', 'counting', 'verified', 'exported', 'conversation_bot', 'detached', 'interaction', 'bot_grant', 'api_key', 'api_secret')
       AND NOT (c.relkind IN ('r', 'p') AND (r.rolsuper OR has_schema_privilege(r.oid, c.relnamespace, 'CREATE')))
     ORDER BY c.relname LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    ELSIF NOT other.is_trusted THEN
        RAISE EXCEPTION 'table kindly_stats.% belongs to role "%", which may not create tables in this schema', other.relname, other.rolname
            USING ERRCODE = '42501', HINT = format('If the role is to be trusted: GRANT CREATE ON SCHEMA kindly_stats TO %I.  Else give the table to another, or drop it.', other.rolname);
    END IF;
    RAISE EXCEPTION 'kindly_stats.% is not a table', other.relname
        USING ERRCODE = '42809', HINT = 'Drop it, or move it to another schema.';
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_own_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_own_tables() IS 'internal: refuses tables of the extension''s names that a stranger made (42501, 42809)';

-- DROP EXTENSION ... CASCADE leaves the rollup without its tallies.
CREATE FUNCTION kindly_stats.has_rollup() RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    RETURN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = to_regclass('kindly_stats.rollup') AND a.attname = 'tally' AND NOT a.attisdropped);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_rollup() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_rollup() IS 'internal: whether a table was attached since the extension was created';

CREATE FUNCTION kindly_stats.lock_creation() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_creation';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_creation() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_creation() IS 'internal: nobody else creates tables of the extension until the end of the transaction';

CREATE FUNCTION kindly_stats.lock_repair() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_repair() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_repair() IS 'internal: nobody else counts tables anew, and nothing is compacted, until the end of the transaction';

CREATE FUNCTION kindly_stats.exclude_repair() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_exclude_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.exclude_repair() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.exclude_repair() IS 'internal: nobody counts tables anew until the end of the transaction';

CREATE FUNCTION kindly_stats.create_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_new boolean := false;
BEGIN
    IF kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    -- another session may be at the same, and be done before us
    PERFORM kindly_stats.lock_creation();
    IF kindly_stats.has_rollup() THEN
        RETURN;
    ELSIF to_regclass('kindly_stats.rollup') IS NULL THEN
        CREATE TABLE kindly_stats.rollup (
            bot_id bigint NOT NULL,
            measure text COLLATE "C" NOT NULL,
            month date NOT NULL,
            -- rows of new events ascend with their transactions, see src/rollup/id.c; what is below zero lies in the other index
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

bot_id: the number of the bot; measure: which one, or '''' for a row that holds several; month: its first day, in UTC; id: below 0 for
merged rows; kept: true for events that are in no table any more; cluster: set in empty rows, which say up to where new rows have
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
            CHECK (member IS NULL OR weight IS NULL)
        );
        -- no secret, and whoever reads the rollup needs it where nothing was counted: is there such a measure at all?
        GRANT SELECT ON kindly_stats.measure TO PUBLIC;
        COMMENT ON TABLE kindly_stats.measure IS
'what is counted: a row for each measure

name: how questions name it; kinds: kinds of events that count, NULL for all; keys: columns to filter and group by, besides source and
language_code; member: column whose distinct values are counted; weight: column that is added up, NULL to count 1 for each event;
condition: column that must be true (a boolean, a number above 0, or a text that says true); needed: column that must not be NULL;
grain: event, or conversation_start or conversation_end for measures that count conversations; counted: false while older events are
still being counted.
kindly_stats.add_measure() adds a row and counts it.';
        INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed) VALUES
            ('events', NULL, '{}', NULL, NULL, NULL, NULL),
            ('messages', '{user_message}', '{}', 'session_id', NULL, NULL, NULL),
            ('users', '{user_message}', '{}', 'user_id', NULL, NULL, NULL),
            ('replies', '{bot_reply}', '{}', NULL, NULL, NULL, NULL),
            ('fallbacks', '{bot_reply}', '{}', NULL, NULL, 'is_fallback', NULL),
            ('pages', '{user_message}', '{web_host,web_path}', 'session_id', NULL, NULL, NULL),
            ('buttons', '{button_click}', '{button_id,button_type,dialogue_id}', NULL, NULL, NULL, NULL),
            ('labels', '{label_added}', '{label_text,label_id}', NULL, NULL, NULL, NULL),
            ('feedback', '{feedback}', '{rating_type,rating}', 'user_id', NULL, NULL, NULL),
            ('handover_requests', '{handover_request}', '{}', NULL, NULL, NULL, NULL),
            ('handover_requests_closed', '{handover_request_closed}', '{}', NULL, NULL, NULL, NULL),
            ('handovers_started', '{handover_started}', '{}', NULL, NULL, NULL, NULL),
            ('handovers_ended', '{handover_ended}', '{}', NULL, NULL, NULL, NULL),
            ('stories', '{user_message}', '{story_id}', 'session_id', NULL, NULL, NULL),
            ('paid_messages', '{user_message}', '{}', 'session_id', NULL, 'paid', NULL),
            ('paid_stories', '{user_message}', '{story_id}', 'session_id', NULL, 'paid', NULL),
            ('interactions', '{interaction}', '{interaction_type,interaction_name,interaction_id,interaction_parent_id,story_id}', NULL, NULL, NULL, NULL),
            ('inputs', '{user_message}', '{matched}', NULL, NULL, NULL, NULL),
            ('topics', '{user_message}', '{topic}', NULL, NULL, NULL, NULL),
            ('sentiments', '{user_message}', '{sentiment}', 'session_id', NULL, NULL, NULL),
            ('countries', '{user_message}', '{country}', 'user_id', NULL, NULL, NULL),
            ('triggered_events', '{event_triggered}', '{event_name}', NULL, NULL, NULL, NULL),
            ('links', '{link_click}', '{url}', NULL, NULL, NULL, NULL),
            ('responses', '{bot_reply}', '{response_id,response_trigger}', NULL, NULL, NULL, NULL),
            ('response_likes', '{response_liked}', '{response_id}', NULL, NULL, NULL, NULL),
            ('response_dislikes', '{response_disliked}', '{response_id}', NULL, NULL, NULL, NULL),
            -- the kind is never NULL: handovers without topic, outcome or agent count, too
            ('interventions', '{handover_started}', '{kind,topic,outcome}', NULL, NULL, NULL, NULL),
            ('handover_seconds', '{handover_ended}', '{kind,agent_id}', NULL, 'duration', NULL, NULL),
            ('timed_handovers', '{handover_ended}', '{kind,agent_id}', NULL, NULL, NULL, 'duration');
        INSERT INTO kindly_stats.measure (name, grain, keys, weight, condition) VALUES
            ('conversations_ended', 'conversation_end', '{}', NULL, NULL),
            ('outcomes_ended', 'conversation_end', '{conversation_status,last_resolution}', NULL, NULL),
            ('visitor_messages_ended', 'conversation_end', '{}', 'visitor_messages_count', NULL),
            ('not_understood_ended', 'conversation_end', '{}', 'not_understood_messages_count', NULL),
            ('conversations_started', 'conversation_start', '{}', NULL, 'bot_messages_count'),
            ('outcomes_started', 'conversation_start', '{conversation_status,last_resolution}', NULL, 'bot_messages_count'),
            ('visitor_messages_started', 'conversation_start', '{}', 'visitor_messages_count', 'bot_messages_count'),
            ('not_understood_started', 'conversation_start', '{}', 'not_understood_messages_count', 'bot_messages_count');
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
        -- no key of its bots: two writers of a new one do not wait for each other, and both leave a line
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
    -- it goes with the extension, whose function it calls
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = 'kindly_stats.bot_name'::regclass AND a.attname = 'bot_id' AND NOT a.attisdropped) THEN
        ALTER TABLE kindly_stats.bot_name ADD COLUMN bot_id bigint UNIQUE GENERATED ALWAYS AS (kindly_stats.bot_id(id)::bigint) STORED;
    END IF;
    IF to_regclass('kindly_stats.bot') IS NULL THEN
        -- each number is found by one look into the primary key, however many rows it has
        CREATE VIEW kindly_stats.bot WITH (security_invoker = true) AS
        WITH RECURSIVE counted (number) AS (
            SELECT min(r.bot_id) FROM kindly_stats.rollup AS r
            UNION ALL
            SELECT (SELECT min(r.bot_id) FROM kindly_stats.rollup AS r WHERE r.bot_id > c.number) FROM counted AS c WHERE c.number IS NOT NULL),
        every (number) AS (
            SELECT c.number FROM counted AS c WHERE c.number IS NOT NULL
            UNION SELECT k.bot_id FROM kindly_stats.known_bot AS k
            UNION SELECT n.bot_id FROM kindly_stats.bot_name AS n)
        SELECT coalesce(n.id, kindly_stats.bot_text(e.number)) AS id, e.number, n.name
          FROM every AS e LEFT JOIN kindly_stats.bot_name AS n ON n.bot_id = e.number;
        COMMENT ON VIEW kindly_stats.bot IS
'bots that have statistics or a name

id: the id that the user has for the bot; number: what stands for it in kindly_stats.rollup; name: as in kindly_stats.bot_name.';
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
        -- no secret, and whoever asks for statistics learns from it that some are incomplete
        GRANT SELECT ON kindly_stats.counting TO PUBLIC;
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
    -- tables that were restored without this schema have their triggers, and nothing of them is counted
    IF is_new THEN
        INSERT INTO kindly_stats.counting (event_table) SELECT DISTINCT t.event_table FROM kindly_stats.event_table AS t ON CONFLICT DO NOTHING;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_tables() IS 'internal: creates what is missing of the tables that hold statistics, and view bot';

-- The logical columns that measures of a grain read, with the role that their type must fit.
CREATE FUNCTION kindly_stats.logical_columns(grain text) RETURNS TABLE (logical text, role text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH counted AS (SELECT * FROM kindly_stats.measure AS m WHERE m.grain = logical_columns.grain)
    SELECT 'bot_id', 'bot' UNION SELECT 'occurred_at', 'instant' UNION SELECT 'kind', 'kind' WHERE logical_columns.grain = 'event'
    UNION SELECT 'source', 'text' UNION SELECT 'language_code', 'text'
    UNION SELECT k, 'text' FROM counted AS m, unnest(m.keys) AS k WHERE k NOT IN ('bot_id', 'occurred_at', 'kind')
    UNION SELECT m.member, 'text' FROM counted AS m WHERE m.member IS NOT NULL
    UNION SELECT m.weight, 'weight' FROM counted AS m WHERE m.weight IS NOT NULL
    UNION SELECT m.condition, 'condition' FROM counted AS m WHERE m.condition IS NOT NULL
    UNION SELECT m.needed, 'needed' FROM counted AS m WHERE m.needed IS NOT NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.logical_columns(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.logical_columns(text) IS 'internal: columns that measures of a grain read, and what their type must be good for';

-- What a domain over domains is in the end.
CREATE FUNCTION kindly_stats.base_type(type oid) RETURNS oid
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE below (oid, is_domain) AS (
        SELECT t.oid, t.typtype = 'd' FROM pg_type AS t WHERE t.oid = base_type.type
        UNION ALL
        SELECT t.oid, t.typtype = 'd' FROM below AS b JOIN pg_type AS d ON d.oid = b.oid JOIN pg_type AS t ON t.oid = d.typbasetype WHERE b.is_domain)
    SELECT b.oid FROM below AS b WHERE NOT b.is_domain
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.base_type(oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.base_type(oid) IS 'internal: the type itself, or what a domain is made of';

CREATE FUNCTION kindly_stats.check_columns(event_table regclass, columns jsonb, grain text) RETURNS void
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
        -- virtual ones are never computed for triggers, and those of partitions only where their columns lie as the parent's do
        ELSIF c.attgenerated = 'v' OR c.relkind = 'p' AND EXISTS (
                SELECT FROM kindly_stats.relations(event_table) AS p JOIN pg_attribute AS a ON a.attrelid = p AND a.attname = c.physical WHERE a.attgenerated <> '') THEN
            RAISE EXCEPTION 'generated column "%" of %table "%" cannot be read as "%"', c.physical,
                    CASE WHEN c.relkind = 'p' THEN 'partitioned ' ELSE '' END, event_table, c.logical
                USING ERRCODE = '0A000', HINT = format('PostgreSQL does not hand its values to triggers. Make it an ordinary column that a BEFORE trigger fills%s, or do not read it: {"%s": null}.',
                    CASE WHEN c.relkind = 'p' THEN '' ELSE ', or a stored one' END, c.logical);
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_columns(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_columns(regclass, jsonb, text) IS 'internal: refuses a table whose columns the measures cannot read (22023, 42703, 42804)';

-- What the triggers are told: every column that is there by its name, so that one that is renamed later is missed, and not
-- taken for one that never was.
CREATE FUNCTION kindly_stats.found_columns(event_table regclass, columns jsonb, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(l.logical, l.logical) FILTER (WHERE a.attnum IS NOT NULL), '{}') || columns
      FROM kindly_stats.logical_columns(grain) AS l
      LEFT JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attname = l.logical AND a.attnum > 0 AND NOT a.attisdropped
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.found_columns(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.found_columns(regclass, jsonb, text) IS 'internal: a mapping of columns, completed with those that have the documented names';

-- Without those that only measures read that are there no more.
CREATE FUNCTION kindly_stats.needed_columns(columns jsonb, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(c.key, c.value), '{}') FROM jsonb_each(columns) AS c
     WHERE c.key IN (SELECT l.logical FROM kindly_stats.logical_columns(grain) AS l)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.needed_columns(jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.needed_columns(jsonb, text) IS 'internal: what measures read of a mapping that triggers were told';

CREATE FUNCTION kindly_stats.lost_columns(event_table regclass, columns jsonb) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(c.key ORDER BY c.key), '{}') FROM jsonb_each(columns) AS c
     WHERE NOT kindly_stats.has_column(event_table, kindly_stats.mapped_column(c.value)) AND kindly_stats.mapped_column(c.value) IS NOT NULL
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lost_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lost_columns(regclass, jsonb) IS 'internal: mapped columns that the table has no more: renamed or dropped ones';

-- A table of conversations has a set of triggers for each grain.
CREATE FUNCTION kindly_stats.trigger_name(grain text, event text) RETURNS name
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(CASE grain WHEN 'event' THEN 'kindly_stats_%2$s' ELSE 'kindly_stats_%1$s_%2$s' END, grain, event)::name
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.trigger_name(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.trigger_name(text, text) IS 'internal: what the trigger is called that counts rows of a grain after INSERT, UPDATE or DELETE';

CREATE FUNCTION kindly_stats.create_triggers(relation regclass, event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    call text := format('FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.count_events(%L, %L, %L%s)', event_table::text, grain, columns::text,
                        CASE WHEN relation <> event_table THEN ', ''partition''' END);
    renamed name;
BEGIN
    -- its owner may call a trigger otherwise, but two would count twice
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
REVOKE EXECUTE ON FUNCTION kindly_stats.create_triggers(regclass, regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_triggers(regclass, regclass, jsonb, text) IS 'internal: puts the counting triggers on one table or partition';

-- A table and all partitions under it that events can be written to.
CREATE FUNCTION kindly_stats.relations(event_table regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT event_table
    UNION
    SELECT p.relid FROM pg_partition_tree(event_table) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind IN ('r', 'p')
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.relations(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.relations(regclass) IS 'internal: a table and its partitions';

CREATE FUNCTION kindly_stats.attached_columns(event_table regclass, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.columns FROM kindly_stats.event_table AS t WHERE t.event_table = attached_columns.event_table AND t.grain = attached_columns.grain
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attached_columns(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attached_columns(regclass, text) IS 'internal: how the triggers of a table name its columns, NULL where it is not attached';

CREATE FUNCTION kindly_stats.cover(event_table regclass, columns jsonb, grain text) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := kindly_stats.attached_columns(event_table, grain);
    covered regclass;
BEGIN
    FOR covered IN SELECT r FROM kindly_stats.relations(event_table) AS r
                    WHERE known IS DISTINCT FROM cover.columns
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
REVOKE EXECUTE ON FUNCTION kindly_stats.cover(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.cover(regclass, jsonb, text) IS 'internal: puts the counting triggers where they are missing or know other columns';

-- Tables that lack counting triggers, of which there are three a grain: what is written straight to them is not counted.
CREATE FUNCTION kindly_stats.bare_partitions(event_table regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r FROM kindly_stats.relations(event_table) AS r
     WHERE (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = r AND t.tgfoid = 'kindly_stats.count_events()'::regprocedure
               AND t.tgname ~ '_(insert|update|delete)$') NOT IN (3, 6)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.bare_partitions(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bare_partitions(regclass) IS 'internal: tables of a tree that lack counting triggers';

CREATE FUNCTION kindly_stats.tree_top(relation regclass) RETURNS regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(pg_partition_root(relation), relation)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tree_top(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tree_top(regclass) IS 'internal: the table whose partition this is in the end, or itself';

-- What no trigger can count, of a table or of what is below it.
CREATE FUNCTION kindly_stats.require_countable(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
BEGIN
    FOR part IN SELECT c.oid::regclass AS name, c.relkind, c.relpersistence, c.reloftype, c.relispartition
                  FROM (SELECT require_countable.relation::oid AS relid UNION SELECT p.relid FROM pg_partition_tree(require_countable.relation) AS p) AS p
                  JOIN pg_class AS c ON c.oid = p.relid ORDER BY c.oid
    LOOP
        IF part.relkind = 'f' THEN
            RAISE EXCEPTION 'partition "%" is a foreign table', part.name
                USING ERRCODE = '42809', HINT = 'What is written to it cannot be counted, nor anything else of its parent: attach tables without foreign partitions.';
        ELSIF part.relpersistence = 'u' THEN
            RAISE EXCEPTION 'table "%" is unlogged', part.name
                USING ERRCODE = '42809', HINT = format('After a crash it is empty, but not its statistics: ALTER TABLE %s SET LOGGED.', part.name);
        ELSIF part.relpersistence = 't' THEN
            RAISE EXCEPTION 'table "%" is temporary', part.name USING ERRCODE = '42809', HINT = 'Other sessions cannot read it.';
        ELSIF part.reloftype <> 0 THEN
            RAISE EXCEPTION 'table "%" is of a type', part.name
                USING ERRCODE = '42809', HINT = format('Its columns change with the type: ALTER TABLE %s NOT OF.', part.name);
        ELSIF EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = part.name) AND part.relkind = 'r' THEN
            RAISE EXCEPTION 'table "%" has inheritance children', part.name
                USING ERRCODE = '42809', HINT = 'What is written straight to a child would not be counted: attach a partitioned table, or tables that inherit nothing.';
        ELSIF EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = part.name) AND NOT part.relispartition THEN
            RAISE EXCEPTION 'table "%" inherits from another', part.name
                USING ERRCODE = '42809', HINT = 'What is written through its parent would not be counted: attach a partitioned table, or tables that inherit nothing.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_countable(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_countable(regclass) IS 'internal: refuses tables whose rows triggers do not see, or that lose them unseen (42809)';

-- A snapshot from before a lock was had does not see what was written until then, which nobody would count.
CREATE FUNCTION kindly_stats.require_fresh_snapshots(action text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'cannot % at isolation level %', action, current_setting('transaction_isolation')
            USING ERRCODE = '25001', HINT = 'Use a transaction at READ COMMITTED: the snapshot of this one may miss events that others have written.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_fresh_snapshots(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_fresh_snapshots(text) IS 'internal: refuses to count events with a snapshot older than the lock on them (25001)';

CREATE FUNCTION kindly_stats.require_table(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class pg_class;
BEGIN
    SELECT * INTO class FROM pg_class AS c WHERE c.oid = event_table;
    IF event_table IS NULL THEN
        RAISE EXCEPTION '"event_table" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of the table.';
    END IF;
    -- below 16384 are the server's own; temporary tables cannot be read by the other sessions that ask for statistics
    IF class.oid IS NULL OR class.relkind NOT IN ('r', 'p') OR class.relnamespace = 'kindly_stats'::regnamespace
       OR class.oid < 16384 OR class.relpersistence = 't' THEN
        RAISE EXCEPTION '"%" cannot be an event table', event_table
            USING ERRCODE = '42809', HINT = 'Attach an ordinary or a partitioned table of your own, not a temporary one.';
    END IF;
    PERFORM kindly_stats.require_countable(event_table);
    IF EXISTS (SELECT FROM kindly_stats.event_table AS t JOIN pg_partition_ancestors(require_table.event_table) AS a ON a.relid = t.event_table
                WHERE a.relid <> require_table.event_table) THEN
        RAISE EXCEPTION 'partition "%" belongs to a table that is attached', event_table
            USING ERRCODE = '55000', HINT = 'Attach that table once more to cover its new partitions.';
    ELSIF EXISTS (SELECT FROM kindly_stats.relations(require_table.event_table) AS r JOIN kindly_stats.event_table AS t ON t.event_table = r
                   WHERE r <> require_table.event_table) THEN
        RAISE EXCEPTION 'table "%" has partitions that are attached on their own', event_table
            USING ERRCODE = '55000', HINT = 'Detach them from kindly_stats first: they would be counted twice.';
    ELSIF class.relispartition THEN
        RAISE EXCEPTION 'table "%" is a partition of "%"', event_table, kindly_stats.tree_top(event_table)
            USING ERRCODE = '55000', HINT = 'What is written through that table would not be counted: attach it instead, it covers its partitions.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_table(regclass) IS 'internal: refuses to attach what is no table of its own (22004, 42809, 55000)';

-- The mapping that the triggers are to have: what they know already, completed; refuses what cannot be.
CREATE FUNCTION kindly_stats.wanted_columns(event_table regclass, columns jsonb, grain text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := kindly_stats.attached_columns(event_table, grain);
    wanted jsonb;
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.event_table AS t
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
REVOKE EXECUTE ON FUNCTION kindly_stats.wanted_columns(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.wanted_columns(regclass, jsonb, text) IS 'internal: the mapping that triggers are to have; refuses what cannot be (22023, 42703, 42804, 55000)';

CREATE FUNCTION kindly_stats.attach_grain(event_table regclass, columns jsonb, grain text) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb;
    wanted jsonb;
    is_counting boolean;
    -- what is counted can no longer be told from the table
    is_lost boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('attach an event table');
    PERFORM kindly_stats.require_table(event_table);
    PERFORM kindly_stats.create_tables();
    -- before the table: whoever repairs holds this one, and then waits for tables
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.refuse_merge(r) FROM kindly_stats.relations(event_table) AS r;
    -- nobody writes while existing events are counted and the triggers appear
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
    -- partitions that are covered below were written to without being counted
    is_lost := is_lost OR known IS NOT NULL AND EXISTS (SELECT FROM kindly_stats.bare_partitions(event_table));
    RETURN QUERY SELECT * FROM kindly_stats.cover(event_table, wanted, grain);
    -- what attach_concurrently() left undone
    IF is_counting THEN
        PERFORM kindly_stats.finish_attach(event_table);
    ELSIF is_lost THEN
        PERFORM kindly_stats.repair();
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach_grain(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attach_grain(regclass, jsonb, text) IS 'internal: counts the rows of a table by the measures of a grain';

CREATE FUNCTION kindly_stats.attach(event_table regclass, columns jsonb DEFAULT '{}', replica boolean DEFAULT false, kinds jsonb DEFAULT NULL,
                                    tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM kindly_stats.attach_grain(event_table, kindly_stats.written_columns(event_table, columns, kinds, tz, unit), 'event');
    IF replica THEN
        PERFORM kindly_stats.create_replica_triggers(r, t.event_table, t.columns, t.grain)
           FROM kindly_stats.event_table AS t, kindly_stats.relations(t.event_table) AS r WHERE t.event_table = attach.event_table;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach(regclass, jsonb, boolean, jsonb, text, text) FROM PUBLIC;
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
row, as a JSON string.  tz: the zone of an occurred_at of type timestamp without time zone.  unit: seconds or milliseconds, for an occurred_at that is a
number since 1970.  These last, too, until the same column is mapped anew.
Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703 or 42804 where a column is missing, unknown or of a type
that cannot be read, 42809 for what is no table, 55000 where it is attached otherwise, or was detached and its statistics kept.';

CREATE FUNCTION kindly_stats.drop_trigger(relation regclass, name name) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_drop_trigger';
REVOKE EXECUTE ON FUNCTION kindly_stats.drop_trigger(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.drop_trigger(regclass, name) IS 'internal: drops a trigger of an attached table, knowing what that means';

CREATE FUNCTION kindly_stats.detach(event_table regclass, keep_statistics boolean DEFAULT false) RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known kindly_stats.event_table;
    covered regclass;
    trigger_name name;
    counted boolean;
    half_counted boolean;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('detach an event table');
    IF NOT EXISTS (SELECT FROM kindly_stats.event_table AS t WHERE t.event_table = detach.event_table) THEN
        RAISE EXCEPTION 'table "%" is not an attached event table', event_table
            USING ERRCODE = '55000', HINT = 'kindly_stats.event_table lists those that are.';
    END IF;
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.allow_merge(r) FROM kindly_stats.relations(event_table) AS r;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    half_counted := EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = detach.event_table);
    IF half_counted AND keep_statistics THEN
        RAISE EXCEPTION 'table "%" is still being counted', event_table USING ERRCODE = '55000',
            HINT = format('CALL kindly_stats.attach_concurrently(%L) ends it; without keep_statistics it can be detached as it is.', event_table);
    END IF;
    FOREACH known IN ARRAY ARRAY(SELECT t FROM kindly_stats.event_table AS t WHERE t.event_table = detach.event_table)
    LOOP
        -- of what is half counted, repair() takes away what is there
        EXIT WHEN half_counted;
        IF keep_statistics THEN
            PERFORM kindly_stats.move_counts(event_table, known.columns, known.grain);
            PERFORM kindly_stats.note_kept(event_table, known.columns, known.grain);
        ELSE
            PERFORM kindly_stats.append_counts(event_table, known.columns, known.grain, NULL, true, false);
        END IF;
    END LOOP;
    FOR covered IN SELECT r FROM kindly_stats.relations(event_table) AS r ORDER BY r
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
REVOKE EXECUTE ON FUNCTION kindly_stats.detach(regclass, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.detach(regclass, boolean) IS
'counts the events of a table no longer

event_table: an attached table; keep_statistics: leave counted what is counted, instead of taking the events that are in the
table out of the statistics; they would be counted twice if it were attached again, which is refused until forget_kept().  Gives back the tables and
partitions that had triggers.
Errors: 25001 at an isolation level above READ COMMITTED, 55000 where it is not attached, or is to be kept and still being counted.';

-- Without SET search_path: the table belongs where the caller creates tables.
CREATE FUNCTION kindly_stats.create_event_table(name text) RETURNS regclass
    LANGUAGE plpgsql AS $$
DECLARE
    parts pg_catalog.text[] := pg_catalog.parse_ident(name);
    qualified pg_catalog.text;
BEGIN
    IF parts IS NULL OR pg_catalog.cardinality(parts) OPERATOR(pg_catalog.>) 2 THEN
        RAISE EXCEPTION 'an event table needs a name' USING ERRCODE = '22023',
            HINT = 'Pass a name such as chat_event, with or without a schema.';
    END IF;
    qualified := pg_catalog.format('%I.%I', COALESCE(parts[pg_catalog.array_length(parts, 1) OPERATOR(pg_catalog.-) 1], pg_catalog.current_schema()::pg_catalog.text),
                                   parts[pg_catalog.array_length(parts, 1)]);
    EXECUTE pg_catalog.format('CREATE TABLE %s (
        bot_id bigint NOT NULL,
        occurred_at pg_catalog.timestamptz NOT NULL,
        kind pg_catalog.text NOT NULL,
        event_id pg_catalog.uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
        session_id pg_catalog.text,
        user_id pg_catalog.text,
        source pg_catalog.text,
        language_code pg_catalog.text,
        is_fallback boolean,
        web_host pg_catalog.text,
        web_path pg_catalog.text,
        button_id pg_catalog.text,
        button_type pg_catalog.text,
        dialogue_id pg_catalog.text,
        label_id pg_catalog.text,
        label_text pg_catalog.text,
        rating_type pg_catalog.text,
        rating smallint,
        topic pg_catalog.text,
        intent pg_catalog.text,
        matched boolean,
        sentiment pg_catalog.text,
        country pg_catalog.text,
        event_name pg_catalog.text,
        response_id pg_catalog.text,
        response_trigger pg_catalog.text,
        url pg_catalog.text,
        agent_id pg_catalog.text,
        outcome pg_catalog.text,
        duration integer,
        story_id pg_catalog.text,
        paid boolean,
        interaction_id pg_catalog.text,
        interaction_name pg_catalog.text,
        interaction_type pg_catalog.text,
        interaction_parent_id pg_catalog.text,
        PRIMARY KEY (bot_id, occurred_at, event_id))', qualified);
    PERFORM kindly_stats.attach(qualified::pg_catalog.regclass);
    RETURN qualified::pg_catalog.regclass;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_event_table(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_event_table(text) IS
'creates a table for chatbot events and attaches it

name: its name, with or without a schema.  The table is yours: add columns, indexes and grants as you like.
Errors: 22023 without a name, 42P07 where it exists.';
-- Counting from the raw events: for attach and new measures, to verify and to repair.
--
-- No loop over a query goes on while a table is read: its cursor has a name, by which code of a table's owner could move it, so that
-- what comes after his table is left out.  What is to be done is listed first.

CREATE FUNCTION kindly_stats.column_expression(event_table regclass, columns jsonb, logical text, type text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule jsonb := CASE jsonb_typeof(columns -> logical) WHEN 'object' THEN columns -> logical ELSE '{}' END;
    base regtype;
    is_text boolean;
    result text;
BEGIN
    IF rule ? 'constant' AND logical = 'bot_id' THEN
        RETURN format('%L::bigint', (rule ->> 'constant')::kindly_stats.bot_id);
    ELSIF rule ? 'constant' THEN
        RETURN format(CASE type WHEN 'boolean' THEN 'kindly_rules.boolean_of(%L)' WHEN 'bigint' THEN 'kindly_rules.whole_number(%L::text)' ELSE '%L::text' END, rule ->> 'constant');
    END IF;
    SELECT format('e.%I', a.attname), kindly_stats.base_type(a.atttypid) INTO result, base FROM pg_attribute AS a
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = kindly_stats.mapped_column(columns -> logical);
    IF NOT FOUND THEN
        RETURN format('NULL::%s', type);
    ELSIF rule ? 'tz' THEN
        RETURN format('kindly_rules.zoned_instant(%s::timestamp, %L)', result, rule ->> 'tz');
    ELSIF rule ? 'unit' THEN
        RETURN format('kindly_rules.number_instant(%s::%s, %L)', result, CASE WHEN base IN ('float8'::regtype, 'numeric'::regtype) THEN base::text ELSE 'bigint' END, rule ->> 'unit');
    END IF;
    is_text := rule ?| '{path,values}' OR base IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype);
    IF rule ? 'path' THEN
        result := format('kindly_rules.json_field(%s::%s, %L)', result, CASE base WHEN 'jsonb'::regtype THEN 'jsonb' ELSE 'text' END,
                         ARRAY(SELECT p FROM jsonb_array_elements_text(rule -> 'path') WITH ORDINALITY AS p (p, number) ORDER BY number));
    ELSIF base = 'numeric'::regtype AND (type = 'text' OR is_text) THEN
        result := format('trim_scale(%s)', result);
    END IF;
    IF rule ? 'values' THEN
        result := format('CASE %1$s::text COLLATE "C" %2$s ELSE %1$s::text END', result,
                         (SELECT string_agg(format('WHEN %L THEN %L', v.key, v.value), ' ' ORDER BY v.key) FROM jsonb_each_text(rule -> 'values') AS v));
    END IF;
    RETURN format(CASE WHEN is_text AND type = 'boolean' THEN 'kindly_rules.boolean_of((%s)::text)'
                       WHEN is_text AND type = 'bigint' THEN 'kindly_rules.whole_number((%s)::text)'
                       WHEN base = 'numeric'::regtype AND type = 'bigint' THEN 'kindly_rules.whole_number(%s)'
                       WHEN rule = '{}' THEN '%s::%s'
                       ELSE '(%s)::%s' END, result, type);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.column_expression(regclass, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.column_expression(regclass, jsonb, text, text) IS 'internal: how a query names a logical column of an event table';

CREATE FUNCTION kindly_stats.has_text_bots(event_table regclass, columns jsonb) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindly_stats.base_type(a.atttypid) IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype) FROM pg_attribute AS a
     WHERE a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = columns ->> 'bot_id'
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_text_bots(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_text_bots(regclass, jsonb) IS 'internal: whether the bots of a table are texts or UUIDs';

CREATE FUNCTION kindly_stats.require_columns(event_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lost text := (kindly_stats.lost_columns(event_table, columns))[1];
BEGIN
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION 'event table % has no column "%" for "%"', event_table, kindly_stats.mapped_column(columns -> lost), lost USING ERRCODE = '42703',
            HINT = format('If it was renamed, attach the table again with its new name, such as {"%s": "new_name"}; if it was dropped, with {"%1$s": null}.', lost);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_columns(regclass, jsonb) IS 'internal: refuses to count a table that has lost a column (42703)';

-- For verify(), which counts in SQL, so that it does not believe what the triggers' code counts.

-- What an event is for one measure: SELECT its row WHERE the measure counts it.  e is the table, h what all measures read of it.
CREATE FUNCTION kindly_stats.raw_measure(event_table regclass, columns jsonb, measure text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m record;
    -- of a condition that is a number
    number_type text;
    keys text[];
BEGIN
    SELECT * INTO STRICT m FROM kindly_stats.measure AS r WHERE r.name = raw_measure.measure;
    SELECT CASE WHEN b.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'bigint' WHEN b.type = 'numeric'::regtype THEN 'numeric' END INTO number_type
      FROM pg_attribute AS a, LATERAL kindly_stats.base_type(a.atttypid) AS b (type)
     WHERE a.attrelid = event_table AND a.attname = columns ->> m.condition AND a.attnum > 0 AND NOT a.attisdropped;
    SELECT array_agg(kindly_stats.column_expression(event_table, columns, k.name, 'text') ORDER BY k.number) INTO keys
      FROM unnest(m.keys) WITH ORDINALITY AS k (name, number);
    RETURN format('SELECT %L::text, ARRAY[%s], %s, %s WHERE true%s%s%s%s', m.name,
        concat_ws(', ', 'h.source', 'h.language_code', array_to_string(keys, ', ')),
        CASE WHEN m.member IS NULL THEN 'NULL::text' ELSE kindly_stats.column_expression(event_table, columns, m.member, 'text') END,
        CASE WHEN m.weight IS NULL THEN '1::bigint' ELSE kindly_stats.column_expression(event_table, columns, m.weight, 'bigint') END,
        CASE WHEN m.kinds IS NOT NULL THEN format(' AND h.kind COLLATE "C" = ANY (%L)', m.kinds) END,
        CASE WHEN m.condition IS NOT NULL THEN format(CASE WHEN number_type IS NOT NULL THEN ' AND %s > 0' ELSE ' AND %s' END,
            CASE number_type WHEN 'numeric' THEN format('e.%I', columns ->> m.condition)
                 ELSE kindly_stats.column_expression(event_table, columns, m.condition, coalesce(number_type, 'boolean')) END) END,
        -- what adds nothing where it is a weight is not there
        CASE WHEN m.needed IS NOT NULL THEN format(' AND %s IS NOT NULL', kindly_stats.column_expression(event_table, columns, m.needed,
            CASE WHEN EXISTS (SELECT FROM kindly_stats.measure AS w WHERE w.grain = m.grain AND w.weight = m.needed) THEN 'bigint' ELSE 'text' END)) END,
        CASE WHEN keys IS NOT NULL THEN format(' AND coalesce(%s) IS NOT NULL', array_to_string(keys, ', ')) END);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_measure(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_measure(regclass, jsonb, text) IS 'internal: the part of raw_query() that is about one measure';

-- SELECT what each measure of a grain adds up: one pass over the table, whose rows come once a measure that counts them.  $1 is a bot or NULL,
-- $2 an instant from which on, or NULL.
CREATE FUNCTION kindly_stats.raw_query(event_table regclass, columns jsonb, grain text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped text;
    measures text;
    is_text boolean := kindly_stats.has_text_bots(event_table, columns);
    -- what the table's owner runs cannot name the extension's functions: texts are left to who asks
    bot text := kindly_stats.column_expression(event_table, columns, 'bot_id', CASE WHEN is_text THEN 'text' ELSE 'bigint' END);
    at text := kindly_stats.column_expression(event_table, columns, 'occurred_at', 'timestamptz');
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    -- what is mapped to null is no event
    IF columns -> 'kind' -> 'values' IS NOT NULL THEN
        SELECT format(' AND coalesce(%s COLLATE "C" <> ALL (%L), true)',
                      kindly_stats.column_expression(event_table, columns #- '{kind,values}', 'kind', 'text'), array_agg(v.key)) INTO dropped
          FROM jsonb_each_text(columns -> 'kind' -> 'values') AS v WHERE v.value IS NULL HAVING count(*) > 0;
    END IF;
    SELECT string_agg(kindly_stats.raw_measure(event_table, columns, m.name), ' UNION ALL ' ORDER BY m.name) INTO measures
      FROM kindly_stats.measure AS m WHERE m.grain = raw_query.grain;
    -- OFFSET 0 has what all measures read worked out once
    RETURN format('SELECT %s, h.occurred_at, m.measure, m.key, m.member, m.weight FROM %s AS e'
                  ' CROSS JOIN LATERAL (SELECT %s AS occurred_at, %s AS kind, %s AS source, %s AS language_code OFFSET 0) AS h'
                  ' CROSS JOIN LATERAL (%s) AS m (measure, key, member, weight)'
                  ' WHERE ($1 IS NULL OR %s) AND %s IS NOT NULL AND h.occurred_at IS NOT NULL AND ($2 IS NULL OR %s >= $2)%s',
        CASE WHEN is_text THEN format('NULL::bigint AS bot_id, %s AS text_bot', bot) ELSE format('%s AS bot_id, NULL::text AS text_bot', bot) END,
        event_table, at,
        kindly_stats.column_expression(event_table, columns, 'kind', 'text'), kindly_stats.column_expression(event_table, columns, 'source', 'text'),
        kindly_stats.column_expression(event_table, columns, 'language_code', 'text'),
        coalesce(measures, 'SELECT NULL::text, NULL::text[], NULL::text, NULL::bigint WHERE false'),
        CASE WHEN is_text THEN 'true' ELSE format('%s = $1', bot) END, bot,
        -- the table's own indexes may know it
        at, dropped);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_query(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_query(regclass, jsonb, text) IS 'internal: the query that reads the raw events once, for all measures of a grain';

CREATE FUNCTION kindly_stats.raw_events(event_table regclass, grain text, bot kindly_stats.bot_id, since timestamptz DEFAULT NULL)
    RETURNS TABLE (bot_id bigint, text_bot text, occurred_at timestamptz, measure text, key text[], member text, weight bigint)
    LANGUAGE C STABLE ROWS 100000 AS 'MODULE_PATHNAME', 'ks_raw_events';
REVOKE EXECUTE ON FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz) IS
'internal: the raw events, each once for each measure that counts it, read as their table''s owner

event_table: an attached table, all of whose rows the caller may read; grain: of the measures, one that counts it; bot: one only, NULL for all; since: events from then on, NULL for
all.  A table whose bots are texts gives all bots, each as text_bot; others give bot_id.
Errors: 22004, 42501 where the caller must not read all rows of the table, 42703 where a
column is missing, 55000 where the table is not counted so.';

-- One pass over a table for all measures, counted as the triggers do it.  The queries that the two functions below run are
-- run as the table's owner: what he put into the table must not run with the caller's rights.

-- SELECT the columns that measures of a grain read; $1 is a bot or NULL.
CREATE FUNCTION kindly_stats.count_query(event_table regclass, columns jsonb, grain text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- whose bots are texts, has all rows read: only who counts them tells whose they are
    condition text := CASE WHEN kindly_stats.has_text_bots(event_table, columns) THEN 'true'
                           ELSE kindly_stats.column_expression(event_table, columns, 'bot_id', 'bigint') || ' = $1' END;
    list text;
BEGIN
    PERFORM kindly_stats.require_columns(event_table, columns);
    SELECT string_agg(format('e.%I AS %I', a.attname, l.logical), ', ' ORDER BY a.attnum, l.logical) INTO list
      FROM kindly_stats.logical_columns(grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = kindly_stats.mapped_column(columns -> l.logical);
    RETURN format('SELECT %s FROM %s AS e WHERE $1 IS NULL OR %s', list, event_table, condition);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_query(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_query(regclass, jsonb, text) IS 'internal: the query that reads the raw events once for all measures';

CREATE FUNCTION kindly_stats.append_counts(event_table regclass, columns jsonb, grain text, measure text, negate boolean, kept boolean)
    RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'ks_append_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.append_counts(regclass, jsonb, text, text, boolean, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.append_counts(regclass, jsonb, text, text, boolean, boolean) IS
'internal: counts the rows of a table and appends the sums to the rollup, or takes them away

event_table: a table that the caller may read; columns: how it names the documented ones; grain: of the measures; measure: one only,
NULL for all; negate: take them away; kept: among the rows about events that are in no table any more.
Errors: 22004, 42501 where the caller must not read all rows of the table, 42703 where a column is missing.';

CREATE FUNCTION kindly_stats.move_counts(relation regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_move_counts';
REVOKE EXECUTE ON FUNCTION kindly_stats.move_counts(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.move_counts(regclass, jsonb, text) IS
'internal: moves what the rows of a table count to those rows of the rollup that are kept

relation: an attached table or a partition; columns: how it names the documented ones; grain: of the measures.';

CREATE FUNCTION kindly_stats.repair(bot kindly_stats.bot_id DEFAULT NULL, measure text DEFAULT NULL) RETURNS bigint
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_repair';
REVOKE EXECUTE ON FUNCTION kindly_stats.repair(kindly_stats.bot_id, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.repair(kindly_stats.bot_id, text) IS
'internal: makes live rows say what the attached tables have, and gives back how many months did not

bot, measure: one only, NULL for all.';

CREATE FUNCTION kindly_stats.lock_out_writers() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_out_writers';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_out_writers() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_out_writers() IS 'internal: locks attached tables and their partitions, whosever they are, against writers';

CREATE FUNCTION kindly_stats.lock_event_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.lock_out_writers();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_event_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_event_tables() IS 'internal: keeps writers of events out until the end of the transaction, and whoever repairs';

CREATE FUNCTION kindly_stats.check_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(name, '') = '' THEN
        RAISE EXCEPTION 'a measure needs a name' USING ERRCODE = '22023', HINT = 'Names are free but for the empty one.';
    ELSIF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = check_measure.name) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'kindly_stats.measure lists the measures; a measure that changes its meaning needs a new name.';
    ELSIF EXISTS (SELECT FROM kindly_stats.rollup AS r WHERE r.measure = name
                  OR r.measure = '' AND NOT kindly_stats.is_empty(kindly_stats.part(r.tally, name))) THEN
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
REVOKE EXECUTE ON FUNCTION kindly_stats.check_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_measure(text, text[], text[], text, text, text, text, text) IS 'internal: refuses what can be no new measure (22023, 42710, 55000)';

CREATE FUNCTION kindly_stats.notice_kept(measure text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.rollup AS r WHERE r.kept) THEN
        RAISE NOTICE 'events that are gone are not in measure "%"', measure;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.notice_kept(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.notice_kept(text) IS 'internal: says so where a new measure cannot have all events that are counted';

-- A column that some measure adds up is there only where it adds something: fractions, and texts that are no numbers, are not.  Measures that need it
-- have been counted with them, if nothing added it up so far.
CREATE FUNCTION kindly_stats.check_weight(name text, weight text, grain text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    needing text;
BEGIN
    SELECT m.name INTO needing FROM kindly_stats.measure AS m
     WHERE m.grain = check_weight.grain AND m.needed = check_weight.weight AND m.name <> check_weight.name ORDER BY m.name LIMIT 1;
    IF FOUND AND NOT EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.grain = check_weight.grain AND m.weight = check_weight.weight AND m.name <> check_weight.name)
       AND EXISTS (SELECT FROM kindly_stats.event_table AS e
                     JOIN pg_attribute AS a ON a.attrelid = e.event_table AND a.attname = kindly_stats.mapped_column(e.columns -> check_weight.weight)
                    WHERE e.grain = check_weight.grain AND (jsonb_typeof(e.columns -> check_weight.weight) = 'object' OR kindly_stats.base_type(a.atttypid) = 'numeric'::regtype)) THEN
        RAISE EXCEPTION 'measure "%" needs column "%", and counts values that cannot be added up', needing, weight
            USING ERRCODE = '55000', HINT = format('Delete the measure "%s" and rebuild(), add this one, and then that one again: it counts whole numbers alone then.', needing);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_weight(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_weight(text, text, text) IS 'internal: refuses a weight that would change what other measures count (55000)';

-- From here on writers count it, once those that know nothing of it are gone.
CREATE FUNCTION kindly_stats.insert_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text, counted boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.event_table;
    wanted jsonb;
    known_columns text[] := ARRAY(SELECT l.logical FROM kindly_stats.logical_columns(grain) AS l);
BEGIN
    INSERT INTO kindly_stats.measure (name, kinds, keys, member, weight, condition, needed, grain, counted)
    VALUES (name, kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain, counted);
    FOREACH t IN ARRAY ARRAY(SELECT e FROM kindly_stats.event_table AS e WHERE e.grain = insert_measure.grain ORDER BY e.event_table)
    LOOP
        -- not what other measures have been counted without
        wanted := kindly_stats.found_columns(t.event_table, '{}', grain) - known_columns || kindly_stats.needed_columns(t.columns, grain);
        PERFORM kindly_stats.check_columns(t.event_table, wanted, grain);
        PERFORM kindly_stats.cover(t.event_table, wanted, grain);
    END LOOP;
    IF EXISTS (SELECT c FROM unnest(coalesce(keys, '{}') || member || weight || condition || needed) AS c
                WHERE c IS NOT NULL AND NOT EXISTS (
                    SELECT FROM kindly_stats.event_table AS e
                     WHERE e.grain = insert_measure.grain AND kindly_stats.column_expression(e.event_table, e.columns, c, 'text') NOT LIKE 'NULL::%'))
       AND EXISTS (SELECT FROM kindly_stats.event_table AS e WHERE e.grain = insert_measure.grain) THEN
        RAISE EXCEPTION 'no attached event table has all columns of measure "%"', name USING ERRCODE = '42703',
            HINT = 'Add the columns to the event table first, and attach it again to read those that were added since.';
    END IF;
    PERFORM kindly_stats.check_weight(name, weight, grain);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.insert_measure(text, text[], text[], text, text, text, text, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.insert_measure(text, text[], text[], text, text, text, text, text, boolean) IS 'internal: adds a measure, of which nothing is counted yet (42703, 42804, 55000)';

CREATE FUNCTION kindly_stats.add_measure(name text, kinds text[] DEFAULT NULL, keys text[] DEFAULT '{}', member text DEFAULT NULL,
                                         weight text DEFAULT NULL, condition text DEFAULT NULL, needed text DEFAULT NULL,
                                         grain text DEFAULT 'event')
    RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('add a measure');
    PERFORM kindly_stats.lock_event_tables();
    PERFORM kindly_stats.check_measure(name, kinds, keys, member, weight, condition, needed, grain);
    PERFORM kindly_stats.insert_measure(name, kinds, keys, member, weight, condition, needed, grain, true);
    PERFORM kindly_stats.notice_kept(name);
    PERFORM kindly_stats.append_counts(t.event_table, t.columns, t.grain, name, false, false)
       FROM kindly_stats.event_table AS t WHERE t.grain = add_measure.grain ORDER BY t.event_table;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.add_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.add_measure(text, text[], text[], text, text, text, text, text) IS
'adds a measure and counts it from the events that are there

name: how questions name it; kinds: kinds of events that count, NULL for all; keys: columns to filter and group by, beyond source
and language_code (an event whose key columns are all NULL does not count); member: column whose distinct values are counted;
weight: integer column to add up instead of counting events, or numeric, of which whole numbers count; condition: boolean column that must be true, number that must be more than 0, or text that says true; needed: column that
must not be NULL; grain: event, or conversation_start or conversation_end to count conversations (which have no kinds) by the one
or the other.
It blocks writers while it counts; kindly_stats.add_measure_concurrently() does not.  Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703, 42804 for columns
that are missing or cannot be read, 42710 where the measure exists, 55000 where one of that name
was deleted and its counts are still there, or where another needs the weight and counts fractions of it.';

CREATE FUNCTION kindly_stats.purge(event_table regclass, before timestamptz) RETURNS bigint
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_purge';
REVOKE EXECUTE ON FUNCTION kindly_stats.purge(regclass, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.purge(regclass, timestamptz) IS
'deletes old events and keeps their statistics

event_table: an attached table; before: events that occurred before this instant are deleted, or conversations that ended before it.
What they count moves to those rows of kindly_stats.rollup that are kept.
Gives back their number.  A plain DELETE takes events out of the statistics instead.  Errors: 22008 for an infinite instant,
55000 where the table is not attached.';

-- A month of a bot may be larger than a tally can be: what is compared is sums of fixed size, of what is stored and of the raw events.

CREATE FUNCTION kindly_stats.compare_counts(internal, measure text, tally kindly_stats.tally, at timestamptz, key text[], member text, weight bigint) RETURNS internal
    LANGUAGE C STABLE COST 100 AS 'MODULE_PATHNAME', 'ks_compare_counts';
CREATE FUNCTION kindly_stats.compare_final(internal) RETURNS text[]
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'ks_compare_final';
CREATE AGGREGATE kindly_stats.compare(measure text, tally kindly_stats.tally, at timestamptz, key text[], member text, weight bigint) (
    SFUNC = kindly_stats.compare_counts, STYPE = internal, SSPACE = 256, FINALFUNC = kindly_stats.compare_final);
REVOKE EXECUTE ON FUNCTION kindly_stats.compare_counts(internal, text, kindly_stats.tally, timestamptz, text[], text, bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.compare_final(internal) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.compare(text, kindly_stats.tally, timestamptz, text[], text, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.compare_counts(internal, text, kindly_stats.tally, timestamptz, text[], text, bigint) IS 'internal: transition function of compare()';
COMMENT ON FUNCTION kindly_stats.compare_final(internal) IS 'internal: final function of compare()';
COMMENT ON AGGREGATE kindly_stats.compare(text, kindly_stats.tally, timestamptz, text[], text, bigint) IS
'internal: the measures in which stored rows and raw events of a bot and month differ

A stored row has measure and tally, an event of a measure all but tally.  Gives back {{measure, total stored, total recounted}, ...}; NULL where there is no difference.';

-- One pass over what is stored, and one over each table, whatever the number of measures.
CREATE FUNCTION kindly_stats.verify(bot kindly_stats.bot_id DEFAULT NULL, since timestamptz DEFAULT NULL)
    RETURNS TABLE (bot_id text, measure text, month date, stored bigint, recounted bigint, stored_members bigint, recounted_members bigint)
    -- to compile the query takes longer than to run it on most tables
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    -- tallies are of months
    first date := date_trunc('month', since AT TIME ZONE 'UTC');
    raw text;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        IF EXISTS (SELECT FROM kindly_stats.event_table) THEN
            RAISE EXCEPTION 'table kindly_stats.rollup is missing' USING ERRCODE = '55000',
                DETAIL = 'There are tables with the triggers that count, restored without the schema kindly_stats.', HINT = 'Call kindly_stats.rebuild().';
        END IF;
        RETURN;
    END IF;
    SELECT string_agg(format('SELECT kindly_stats.raw_events(%s, %L, $1, $2) AS event', t.event_table::oid, t.grain), ' UNION ALL ') INTO raw FROM kindly_stats.event_table AS t;
    raw := format($query$
        SELECT coalesce((u.event).bot_id, (u.event).text_bot::kindly_stats.bot_id::bigint) AS bot_id, date_trunc('month', (u.event).occurred_at AT TIME ZONE 'UTC')::date AS month,
               (u.event).measure, (u.event).occurred_at, (u.event).key, (u.event).member, (u.event).weight
          FROM (%s) AS u
        $query$, coalesce(raw, 'SELECT kindly_stats.raw_events(0, '''', $1, $2) AS event WHERE false'));
    RETURN QUERY EXECUTE format($query$
        WITH both_sides AS (
            SELECT r.bot_id, r.month, r.measure, r.tally, NULL::timestamptz AS occurred_at, NULL::text[] AS key, NULL::text AS member, NULL::bigint AS weight
              FROM kindly_stats.rollup AS r WHERE NOT r.kept AND ($1 IS NULL OR r.bot_id = $1) AND ($3 IS NULL OR r.month >= $3)
            UNION ALL
            SELECT e.bot_id, e.month, e.measure, NULL, e.occurred_at, e.key, e.member, e.weight FROM (%1$s) AS e WHERE $1 IS NULL OR e.bot_id = $1),
        compared AS (
            SELECT b.bot_id, b.month, kindly_stats.compare(b.measure, b.tally, b.occurred_at, b.key, b.member, b.weight) AS differences FROM both_sides AS b GROUP BY 1, 2),
        -- of measures that are there
        different AS MATERIALIZED (
            SELECT c.bot_id, m.name AS measure, c.month, c.differences[n][2]::bigint AS stored, c.differences[n][3]::bigint AS recounted
              FROM compared AS c CROSS JOIN generate_subscripts(c.differences, 1) AS n JOIN kindly_stats.measure AS m ON m.name = c.differences[n][1]),
        members AS (
            SELECT d.bot_id, d.measure, d.month, count(DISTINCT e.member) AS members
              FROM (%1$s) AS e JOIN different AS d ON d.bot_id = e.bot_id AND d.month = e.month AND d.measure = e.measure
             WHERE EXISTS (SELECT FROM different) GROUP BY 1, 2, 3)
        SELECT kindly_stats.bot_text(d.bot_id), d.measure, d.month, d.stored, d.recounted,
               coalesce((SELECT (kindly_stats.fold_series(r.measure, r.tally, d.measure, ARRAY[d.month AT TIME ZONE 'UTC', (d.month + interval '1 month') AT TIME ZONE 'UTC'],
                                                          NULL, true, NULL, false))[2]
                           FROM kindly_stats.rollup AS r
                          WHERE r.bot_id = d.bot_id AND r.month = d.month AND r.measure IN ('', d.measure) AND NOT r.kept), 0),
               coalesce(m.members, 0)
          FROM different AS d LEFT JOIN members AS m ON m.bot_id = d.bot_id AND m.month = d.month AND m.measure = d.measure
         ORDER BY d.measure, d.bot_id, d.month
        $query$, raw)
        USING bot::bigint, first::timestamp AT TIME ZONE 'UTC', first;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify(kindly_stats.bot_id, timestamptz) IS
'counts the raw events anew and lists what the rollup has otherwise

bot: one bot only; NULL for all.  since: only the UTC month of that instant and later ones; NULL for all.  No row means that there is no difference, down to the last key, quarter hour and member.
What is kept of events that are gone cannot be compared.
bot_id is the id that the user has.
kindly_stats.rebuild() repairs.  Error: 55000 where tables were restored without the rollup.';

-- Kept rows of a measure that was deleted: what the tables have of it, repair() takes out.
CREATE FUNCTION kindly_stats.forget_measures(bot bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM kindly_stats.rollup AS r
     WHERE r.kept AND r.measure <> '' AND (bot IS NULL OR r.bot_id = bot) AND NOT EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = r.measure);
    WITH mixed AS (
        DELETE FROM kindly_stats.rollup AS r WHERE r.kept AND r.measure = '' AND (bot IS NULL OR r.bot_id = bot) RETURNING r.bot_id, r.month, r.tally)
    INSERT INTO kindly_stats.rollup (bot_id, measure, month, kept, tally)
    SELECT p.bot_id, p.name, p.month, true, p.tally
      FROM (SELECT x.bot_id, m.name, x.month, kindly_stats.sum(kindly_stats.part(x.tally, m.name)) AS tally
              FROM mixed AS x CROSS JOIN kindly_stats.measure AS m GROUP BY 1, 2, 3) AS p
     WHERE NOT kindly_stats.is_empty(p.tally)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.forget_measures(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.forget_measures(bigint) IS 'internal: deletes what is kept of measures that are there no more';

CREATE FUNCTION kindly_stats.rebuild(bot kindly_stats.bot_id DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tables regclass[];
    measures text[];
    changed bigint;
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('rebuild statistics');
    IF EXISTS (SELECT FROM kindly_stats.event_table) THEN
        -- tables that were restored have triggers, and perhaps nothing that these could count in
        PERFORM kindly_stats.create_tables();
    ELSIF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    IF EXISTS (SELECT FROM kindly_stats.conversation_table) THEN
        PERFORM kindly_stats.create_exported();
    END IF;
    PERFORM kindly_stats.lock_repair();
    PERFORM kindly_stats.forget_measures(bot::bigint);
    -- what is marked before the snapshot is counted in it
    tables := ARRAY(SELECT c.event_table FROM kindly_stats.counting AS c);
    measures := ARRAY(SELECT m.name FROM kindly_stats.measure AS m WHERE NOT m.counted);
    changed := kindly_stats.repair(bot);
    IF bot IS NULL THEN
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = ANY (tables);
        UPDATE kindly_stats.measure AS m SET counted = true WHERE m.name = ANY (measures);
    END IF;
    -- rows that came without triggers
    PERFORM kindly_stats.note_all_conversation_bots(bot::bigint);
    RETURN changed;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rebuild(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rebuild(kindly_stats.bot_id) IS
'counts the events of all attached tables and makes the statistics say the same

bot: one bot only; NULL for all.  Gives back how many months of bots it had to replace: 0 where all was right, first and last event
included (a month of more than 64 MB is replaced in any case).  What attach_concurrently() and add_measure_concurrently() left undone is done then.  Statistics of events that are gone on purpose are kept.  It blocks nobody: what is written meanwhile stays counted; only
another repair waits, and compaction is put off.
Errors: 25001 at an isolation level above READ COMMITTED, 42501 where the caller must not read all rows of a table, 55000 where no event
table has been attached.';
-- Tables of conversations, with the properties that Ultimate's Data Export API documents: counted where they begin and where
-- they end, and unchangeable once the day on which they ended has been exported.

-- Triggers and days.  Whoever may close days can shut writers out of them, whoever may reopen them can change what was
-- exported: not for everybody.

CREATE FUNCTION kindly_stats.guard_exported() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_guard_exported';
REVOKE EXECUTE ON FUNCTION kindly_stats.guard_exported() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.guard_exported() IS
'trigger of conversation tables: notes their bots, refuses what cannot be exported

That is what would change an exported day (55000), and replies and intents that cannot be understood (22023, 22P02, 22007, 22008).

Made by kindly_stats.attach_conversations(): AFTER ... FOR EACH STATEMENT, with transition tables; its arguments are the table''s
name and its column names.  It reads kindly_stats.exported, and writes kindly_stats.conversation_bot, with the rights of their owners.';

-- As their triggers say, whatever these are called by now; partitions are covered by their parent's line.  Arguments of a trigger are
-- the table and the columns; a trigger that has others was not made by attach_conversations().
CREATE VIEW kindly_stats.conversation_table AS
SELECT t.tgrelid::regclass AS conversation_table, kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) AS columns
  FROM pg_catalog.pg_trigger AS t
 -- after INSERT, for the statement
 WHERE t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure AND t.tgtype = 4 AND t.tgnargs = 2
   AND kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) IS NOT NULL;
GRANT SELECT ON kindly_stats.conversation_table TO PUBLIC;
COMMENT ON VIEW kindly_stats.conversation_table IS 'attached tables of conversations, and how they name the documented properties';

CREATE FUNCTION kindly_stats.close_day(bot kindly_stats.bot_id, day date) RETURNS boolean
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_close_day';
REVOKE EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) IS
'makes the conversations of a bot that ended on a day unchangeable, as its first export does

bot: whose; day: a UTC day that is over, empty or not.  It waits for transactions that have written conversations of that bot and day,
and for nobody else, or fails at once with kindly_stats.wait_for_writers = off (55006).  Gives back false where the day is closed already.  Errors: 22004 and 22023 for a missing argument, 22023 for a day
that is not over, 22008 for one outside the years 1 to 9999, 25001 above READ COMMITTED, 25006 in a read-only transaction, 42501
where row-level security of kindly_stats.exported hides the bot from the caller, 55000 where conversations of the day have been purged or no conversation
table is attached.';

CREATE FUNCTION kindly_stats.reopen_day(bot kindly_stats.bot_id, day date) RETURNS boolean
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_reopen_day';
REVOKE EXECUTE ON FUNCTION kindly_stats.reopen_day(kindly_stats.bot_id, date) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.reopen_day(kindly_stats.bot_id, date) IS
'lets an exported day be changed: to erase a person, or to correct a mistake

bot: whose; day: a UTC day.  Whoever has imported that day must import it again once it has been closed again.  Gives back false
where the day is not closed.  Errors: 22004 and 22023 for a missing argument, 22008, 55000 where no conversation table is attached.';

CREATE FUNCTION kindly_stats.conversations_ended(bot bigint, day date, conversation_table regclass DEFAULT NULL) RETURNS bigint
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_conversations_ended_sql';
REVOKE EXECUTE ON FUNCTION kindly_stats.conversations_ended(bigint, date, regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.conversations_ended(bigint, date, regclass) IS 'internal: how many conversations of a bot ended on a UTC day, in one conversation table or in all';

CREATE FUNCTION kindly_stats.lock_exported() RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_lock_exported';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_exported() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_exported() IS 'internal: no day is closed until the end of the transaction';

-- An ordinary table, so that marks are dumped with the conversations that they are about.
CREATE FUNCTION kindly_stats.create_exported() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    -- whoever attaches may hold other locks already: this one is for who really creates
    IF to_regclass('kindly_stats.exported') IS NOT NULL AND to_regclass('kindly_stats.conversation_bot') IS NOT NULL THEN
        RETURN;
    END IF;
    -- another session may be at the same, and be done before us
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
        -- of tables that were restored without this schema
        PERFORM kindly_stats.note_all_conversation_bots(NULL);
        COMMENT ON TABLE kindly_stats.conversation_bot IS 'which conversation tables and partitions have had rows of which bot, perhaps more than once: a bot''s exports read these alone; lines are added as rows are written, and deleted by detach()';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_exported() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_exported() IS 'internal: creates kindly_stats.exported and conversation_bot where they are missing';

CREATE FUNCTION kindly_stats.note_conversation_bots(relation regclass, bot_column name, bot bigint) RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_note_conversation_bots';
REVOKE EXECUTE ON FUNCTION kindly_stats.note_conversation_bots(regclass, name, bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_conversation_bots(regclass, name, bigint) IS
'internal: lists the bots of a table''s rows, all or one, in kindly_stats.conversation_bot';

CREATE FUNCTION kindly_stats.note_all_conversation_bots(bot bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t kindly_stats.conversation_table;
BEGIN
    FOREACH t IN ARRAY ARRAY(SELECT c FROM kindly_stats.conversation_table AS c ORDER BY c.conversation_table)
    LOOP
        PERFORM kindly_stats.note_conversation_bots(t.conversation_table, t.columns ->> 'bot_id', bot);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.note_all_conversation_bots(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_all_conversation_bots(bigint) IS 'internal: the same for all attached tables';

CREATE FUNCTION kindly_stats.forget_conversation_bots(relation regclass) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_forget_conversation_bots';
REVOKE EXECUTE ON FUNCTION kindly_stats.forget_conversation_bots(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.forget_conversation_bots(regclass) IS
'internal: takes a table, and those that are there no more, out of kindly_stats.conversation_bot';

CREATE FUNCTION kindly_stats.check_replies(relation regclass, columns jsonb) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_check_replies';
REVOKE EXECUTE ON FUNCTION kindly_stats.check_replies(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_replies(regclass, jsonb) IS
'internal: refuses a table with replies or intents that cannot be read (22023, 22P02, 22007, 22008)';

-- Attaching

-- The documented properties that a table has columns for (bot_name is the bot's).
CREATE FUNCTION kindly_stats.conversation_columns() RETURNS TABLE (logical text, role text, required boolean)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 24 SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('bot_id', 'bot', true), ('conversation_id', 'text', true), ('platform_conversation_id', 'text', false),
           ('conversation_start_time', 'instant', true), ('conversation_end_time', 'instant', true),
           ('language', 'text', false), ('channel', 'text', false), ('labels', 'texts', false), ('conversations_data', 'json', false),
           ('test_mode', 'boolean', false), ('conversation_status', 'text', false), ('last_resolution', 'text', false),
           ('triggered_replies', 'list', false), ('triggered_intent_replies', 'list', false), ('is_llm_conversation', 'boolean', false),
           ('llm_notUnderstood_count', 'integer', false), ('llm_responseGenerated_count', 'integer', false),
           ('llm_errorOccurred_count', 'integer', false), ('llm_escalationRequired_count', 'integer', false),
           ('llm_fallback_count', 'integer', false), ('bot_messages_count', 'integer', false),
           ('visitor_messages_count', 'integer', false), ('not_understood_messages_count', 'integer', false)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.conversation_columns() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.conversation_columns() IS 'internal: documented properties of conversations, and what their types must be good for';

CREATE FUNCTION kindly_stats.conversation_type_fits(role text, type oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE role
           WHEN 'bot' THEN b.base IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'uuid'::regtype)
           WHEN 'integer' THEN b.base IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
           WHEN 'instant' THEN b.base = 'timestamptz'::regtype
           WHEN 'boolean' THEN b.base = 'bool'::regtype
           WHEN 'json' THEN b.base IN ('json'::regtype, 'jsonb'::regtype)
           WHEN 'list' THEN b.base IN ('json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'varchar'::regtype,
                                       'json[]'::regtype, 'jsonb[]'::regtype, 'text[]'::regtype, 'varchar[]'::regtype)
           WHEN 'texts' THEN b.base IN ('text[]'::regtype, 'varchar[]'::regtype)
           ELSE b.base IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype, 'uuid'::regtype,
                           'int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'bool'::regtype) OR b.kind = 'e'
           END
      FROM (SELECT t.oid AS base, t.typtype AS kind FROM pg_type AS t WHERE t.oid = kindly_stats.base_type(type)) AS b
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.conversation_type_fits(text, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.conversation_type_fits(text, oid) IS 'internal: whether a column of a type can be read as a property of conversations';

CREATE FUNCTION kindly_stats.check_conversation_mapping(columns jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns must be a JSON object'
            USING ERRCODE = '22023', HINT = 'Map documented names to your own, such as {"conversation_id": "id", "labels": null}.';
    END IF;
    FOR c IN SELECT k.key, jsonb_typeof(k.value) AS type, l.logical
               FROM jsonb_each(columns) AS k LEFT JOIN kindly_stats.conversation_columns() AS l ON l.logical = k.key
    LOOP
        IF c.logical IS NULL THEN
            RAISE EXCEPTION 'conversations have no property "%"', c.key
                USING ERRCODE = '22023', HINT = format('Columns that can be mapped are: %s.',
                    (SELECT string_agg(l.logical, ', ') FROM kindly_stats.conversation_columns() AS l));
        ELSIF c.type NOT IN ('string', 'null') THEN
            RAISE EXCEPTION 'column "%" must be mapped to a name or to null', c.key USING ERRCODE = '22023',
                HINT = 'Map documented names to your own, such as {"conversation_id": "id", "labels": null}.';
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_conversation_mapping(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_conversation_mapping(jsonb) IS 'internal: refuses a mapping of columns that makes no sense (22023)';

-- A mapping, completed with the columns that have the documented names.
CREATE FUNCTION kindly_stats.found_conversation_columns(conversation_table regclass, columns jsonb) RETURNS jsonb
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
        ELSIF NOT kindly_stats.conversation_type_fits(c.role, c.atttypid) THEN
            RAISE EXCEPTION 'column "%" of type % cannot be read as "%"', c.physical, format_type(c.atttypid, NULL), c.logical
                USING ERRCODE = '42804', HINT = 'Its type must be ' || CASE c.role
                    WHEN 'bot' THEN 'smallint, integer, bigint, text, character varying or uuid'
                    WHEN 'integer' THEN 'smallint, integer or bigint'
                    WHEN 'instant' THEN 'timestamp with time zone' || CASE WHEN kindly_stats.base_type(c.atttypid) = 'timestamp'::regtype
                        THEN format(', such as a column that is GENERATED ALWAYS AS (%I AT TIME ZONE ''UTC'') STORED', c.physical) ELSE '' END
                    WHEN 'boolean' THEN 'boolean'
                    WHEN 'json' THEN 'jsonb or json'
                    WHEN 'list' THEN 'jsonb, json, text, character varying, or an array of one of these'
                    WHEN 'texts' THEN 'text[] or character varying[]'
                    ELSE 'text, character varying, uuid, an integer, boolean or an enum' END || '.';
        ELSE
            result := result || jsonb_build_object(c.logical, c.physical);
        END IF;
    END LOOP;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.found_conversation_columns(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.found_conversation_columns(regclass, jsonb) IS 'internal: a mapping completed with what the table has; refuses what cannot be read (42703, 42804)';

-- The same mapping in the words of measures, whose instant, source and language are properties of other names here.
CREATE FUNCTION kindly_stats.grain_columns(columns jsonb, grain text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(l.logical, columns -> l.logical) FILTER (WHERE columns ? l.logical)
           || jsonb_build_object('occurred_at', columns -> (grain || '_time'), 'source', columns -> 'channel', 'language_code', columns -> 'language')
      FROM kindly_stats.logical_columns(grain) AS l
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grain_columns(jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grain_columns(jsonb, text) IS 'internal: what attach_grain() is to be told of a table of conversations';

CREATE FUNCTION kindly_stats.guard_conversations(conversation_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    relation regclass;
    renamed name;
    call text;
BEGIN
    FOR relation IN SELECT r FROM kindly_stats.relations(conversation_table) AS r ORDER BY r
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
REVOKE EXECUTE ON FUNCTION kindly_stats.guard_conversations(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.guard_conversations(regclass, jsonb) IS 'internal: puts the triggers that guard exported days on a table and its partitions';

-- A table that comes back with what was exported from it is welcome; one that brings more, or less, is not.
CREATE FUNCTION kindly_stats.check_exported(conversation_table regclass, columns jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed record;
BEGIN
    FOR changed IN
        SELECT x.bot_id, to_char(x.day, 'YYYY-MM-DD') AS day FROM kindly_stats.exported AS x
         WHERE kindly_stats.conversations_ended(x.bot_id, x.day, conversation_table) > 0
           AND kindly_stats.conversations_ended(x.bot_id, x.day) <> x.conversations ORDER BY 1, 2 LIMIT 1
    LOOP
        RAISE EXCEPTION 'table "%" has conversations of bot % that ended on %, which has been exported', conversation_table, kindly_stats.bot_text(changed.bot_id), changed.day
            USING ERRCODE = '55000', HINT = format('Let them end later, or call kindly_stats.reopen_day(%s, %L) first.',
                CASE WHEN changed.bot_id < -4611686018427387904 THEN quote_literal(kindly_stats.bot_text(changed.bot_id)) ELSE changed.bot_id::text END, changed.day);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_exported(regclass, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_exported(regclass, jsonb) IS 'internal: refuses a table whose conversations would change an exported day (55000)';

CREATE FUNCTION kindly_stats.attach_conversations(conversation_table regclass, columns jsonb DEFAULT '{}', replica boolean DEFAULT false)
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
    PERFORM kindly_stats.refuse_merge(r) FROM kindly_stats.relations(conversation_table) AS r;
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', conversation_table);
    -- who closes a day counts its conversations in all tables, this one among them or not
    PERFORM kindly_stats.lock_exported();
    SELECT t.columns INTO known FROM kindly_stats.conversation_table AS t WHERE t.conversation_table = attach_conversations.conversation_table;
    -- what has been exported would be said otherwise
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
        PERFORM kindly_stats.forget_conversation_bots(r) FROM kindly_stats.relations(conversation_table) AS r;
    END IF;
    PERFORM kindly_stats.note_conversation_bots(r, wanted ->> 'bot_id', NULL)
       FROM unnest(CASE WHEN conversation_table = ANY (covered) THEN ARRAY[conversation_table] ELSE covered END) AS r;
    IF known IS DISTINCT FROM wanted THEN
        PERFORM kindly_stats.check_replies(conversation_table, wanted);
    END IF;
    PERFORM kindly_stats.check_exported(conversation_table, wanted);
    IF replica THEN
        PERFORM kindly_stats.create_replica_triggers(r, t.event_table, t.columns, t.grain)
           FROM kindly_stats.event_table AS t, kindly_stats.relations(t.event_table) AS r WHERE t.event_table = conversation_table;
    END IF;
    RETURN QUERY SELECT unnest(covered);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.attach_conversations(regclass, jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.attach_conversations(regclass, jsonb, boolean) IS
'counts the conversations of a table, those that are in it and those to come, and guards exported days

conversation_table: an ordinary or partitioned table with at least bot_id, conversation_id, conversation_start_time and
conversation_end_time, and bot_messages_count (or null for it); columns: a JSON object from documented property names to the table''s
own columns, null for one not to be read.  An export says null for what the table does not have.  Gives back the tables and
partitions that it covered with triggers; call it once more for a new partition, or for a column that was renamed or dropped, as
attach().  replica: count also what logical replication applies, as attach() does; exported days are not guarded against that.
kindly_stats.detach() undoes it.
Errors: 25001 at an isolation level above READ COMMITTED, 22023, 42703 or 42804 where a column is missing, unknown or of a type
that cannot be read, 22023, 22P02, 22007 or 22008 where replies or intents of its rows cannot be understood, 42809 for what is no
table, 55000 where it is attached otherwise or would change an exported day.';

-- Without SET search_path: the table belongs where the caller creates tables.
CREATE FUNCTION kindly_stats.create_conversation_table(name text) RETURNS regclass
    LANGUAGE plpgsql AS $$
DECLARE
    parts pg_catalog.text[] := pg_catalog.parse_ident(name);
    qualified pg_catalog.text;
BEGIN
    IF parts IS NULL OR pg_catalog.cardinality(parts) OPERATOR(pg_catalog.>) 2 THEN
        RAISE EXCEPTION 'a conversation table needs a name' USING ERRCODE = '22023',
            HINT = 'Pass a name such as conversation, with or without a schema.';
    END IF;
    qualified := pg_catalog.format('%I.%I', COALESCE(parts[pg_catalog.array_length(parts, 1) OPERATOR(pg_catalog.-) 1], pg_catalog.current_schema()::pg_catalog.text),
                                   parts[pg_catalog.array_length(parts, 1)]);
    EXECUTE pg_catalog.format($table$CREATE TABLE %s (
        bot_id bigint,
        conversation_id pg_catalog.text,
        platform_conversation_id pg_catalog.text,
        conversation_start_time pg_catalog.timestamptz NOT NULL,
        conversation_end_time pg_catalog.timestamptz CHECK (conversation_end_time OPERATOR(pg_catalog.>=) conversation_start_time),
        language pg_catalog.text,
        channel pg_catalog.text CHECK (channel OPERATOR(pg_catalog.=) ANY ('{chat,ticket}'::pg_catalog.text[])),
        labels pg_catalog.text[] CHECK (pg_catalog.array_ndims(labels) OPERATOR(pg_catalog.=) 1 AND pg_catalog.array_position(labels, NULL) IS NULL),
        conversations_data pg_catalog.jsonb CHECK (pg_catalog.jsonb_typeof(conversations_data) OPERATOR(pg_catalog.=) 'object'),
        test_mode boolean NOT NULL DEFAULT false,
        conversation_status pg_catalog.text,
        last_resolution pg_catalog.text,
        triggered_replies pg_catalog.jsonb,
        triggered_intent_replies pg_catalog.jsonb,
        is_llm_conversation boolean,
        "llm_notUnderstood_count" integer NOT NULL DEFAULT 0,
        "llm_responseGenerated_count" integer NOT NULL DEFAULT 0,
        "llm_errorOccurred_count" integer NOT NULL DEFAULT 0,
        "llm_escalationRequired_count" integer NOT NULL DEFAULT 0,
        llm_fallback_count integer NOT NULL DEFAULT 0,
        bot_messages_count integer NOT NULL DEFAULT 0,
        visitor_messages_count integer NOT NULL DEFAULT 0,
        not_understood_messages_count integer NOT NULL DEFAULT 0,
        PRIMARY KEY (bot_id, conversation_id))$table$, qualified);
    EXECUTE pg_catalog.format('CREATE INDEX ON %s (bot_id, conversation_end_time)', qualified);
    PERFORM kindly_stats.attach_conversations(qualified::pg_catalog.regclass);
    RETURN qualified::pg_catalog.regclass;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_conversation_table(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_conversation_table(text) IS
'creates a table for conversations and attaches it

name: its name, with or without a schema.  A conversation is a row, open while conversation_end_time is NULL.  The table is yours:
add columns, indexes and grants as you like.
Errors: 22023 without a name, 42P07 where it exists.';
-- Counting while others write: src/rollup/concurrent.c runs these functions, each in a transaction of its own.

CREATE FUNCTION kindly_stats.lock_within(tables regclass[]) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_lock_within';
REVOKE EXECUTE ON FUNCTION kindly_stats.lock_within(regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.lock_within(regclass[]) IS
'internal: locks tables against writers within lock_timeout, or half a second where that is 0 (55P03)';

-- A table

CREATE FUNCTION kindly_stats.check_attach(event_table regclass, columns jsonb, kinds jsonb DEFAULT NULL, tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_table(event_table);
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.wanted_columns(event_table, kindly_stats.written_columns(event_table, columns, kinds, tz, unit), 'event');
    -- nobody is to wait for somebody who will be refused anyway
    IF NOT has_table_privilege(event_table, 'TRIGGER') OR NOT has_table_privilege(event_table, 'SELECT') THEN
        RAISE EXCEPTION 'permission denied for table %', event_table USING ERRCODE = '42501', HINT = 'Let the table''s owner attach it.';
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_attach(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_attach(regclass, jsonb, jsonb, text, text) IS 'internal: first step of attach_concurrently(): refuses what cannot be attached';

CREATE FUNCTION kindly_stats.begin_attach(event_table regclass, columns jsonb, kinds jsonb DEFAULT NULL, tz text DEFAULT NULL, unit text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_within(ARRAY(SELECT r FROM kindly_stats.relations(event_table) AS r ORDER BY r <> event_table, r));
    -- a partition that has come since is new to all writers
    IF EXISTS (SELECT FROM kindly_stats.cover(event_table,
                   kindly_stats.wanted_columns(event_table, kindly_stats.written_columns(event_table, columns, kinds, tz, unit), 'event'), 'event')) THEN
        INSERT INTO kindly_stats.counting (event_table) VALUES (begin_attach.event_table) ON CONFLICT DO NOTHING;
    END IF;
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.begin_attach(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.begin_attach(regclass, jsonb, jsonb, text, text) IS 'internal: second step of attach_concurrently(): triggers, mark; false where writers are in the way';

CREATE FUNCTION kindly_stats.finish_attach(event_table regclass) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_repair();
    -- somebody else may have ended it, or have detached the table
    IF EXISTS (SELECT FROM kindly_stats.counting AS c WHERE c.event_table = finish_attach.event_table) THEN
        PERFORM kindly_stats.repair();
        DELETE FROM kindly_stats.counting AS c WHERE c.event_table = finish_attach.event_table;
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.finish_attach(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.finish_attach(regclass) IS 'internal: last step of attach_concurrently(): counts what is older than the triggers';

CREATE PROCEDURE kindly_stats.attach_concurrently(event_table regclass, columns jsonb DEFAULT '{}', kinds jsonb DEFAULT NULL,
                                                  tz text DEFAULT NULL, unit text DEFAULT NULL)
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_attach_concurrently';
REVOKE EXECUTE ON PROCEDURE kindly_stats.attach_concurrently(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.attach_concurrently(regclass, jsonb, jsonb, text, text) IS
'counts the events of a table from now on, and those that are in it, while others write

event_table, columns, kinds, tz, unit: as those of kindly_stats.attach().  Writers wait only while triggers are made, behind a lock that is tried for lock_timeout, or half a
second, again and again for some minutes.  Then all attached tables are counted in one snapshot, which is why the caller must be allowed to read
each of them; kindly_stats.progress shows how far it has come.  Until it is done, statistics have only what was written since,
and where more was deleted than that questions are refused (55000); the mark is in kindly_stats.counting.  After an error, a cancel or a crash, calling it again goes on from there, and kindly_stats.detach() undoes it.
Errors: those of attach() and of rebuild(), 25001 inside a transaction block, 55P03 where writers never made room.';

-- A measure

CREATE FUNCTION kindly_stats.check_new_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known kindly_stats.measure;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    SELECT * INTO known FROM kindly_stats.measure AS m WHERE m.name = check_new_measure.name AND NOT m.counted;
    IF NOT FOUND THEN
        PERFORM kindly_stats.check_measure(name, kinds, keys, member, weight, condition, needed, grain);
        PERFORM kindly_stats.notice_kept(name);
    -- to go on, its name will do
    ELSIF NOT ((kinds, member, weight, condition, needed) IS NULL AND coalesce(keys, '{}') = '{}' AND grain = 'event')
          AND (kinds, coalesce(keys, '{}'), member, weight, condition, needed, grain)
              IS DISTINCT FROM (known.kinds, known.keys, known.member, known.weight, known.condition, known.needed, known.grain) THEN
        RAISE EXCEPTION 'measure "%" exists already', name USING ERRCODE = '42710',
            HINT = 'It is still being counted, with other arguments: to go on, call it with its name alone.';
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_new_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_new_measure(text, text[], text[], text, text, text, text, text) IS 'internal: first step of add_measure_concurrently(): refuses what can be no new measure';

CREATE FUNCTION kindly_stats.begin_measure(name text, kinds text[], keys text[], member text, weight text, condition text, needed text, grain text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = begin_measure.name AND NOT m.counted) THEN
        RETURN true;
    END IF;
    PERFORM kindly_stats.lock_within(ARRAY(SELECT DISTINCT r FROM kindly_stats.event_table AS t, kindly_stats.relations(t.event_table) AS r
                                            WHERE t.grain = begin_measure.grain ORDER BY r));
    PERFORM kindly_stats.insert_measure(name, kinds, keys, member, weight, condition, needed, grain, false);
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.begin_measure(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.begin_measure(text, text[], text[], text, text, text, text, text) IS 'internal: second step of add_measure_concurrently(); false where writers are in the way';

CREATE FUNCTION kindly_stats.finish_measure(name text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.lock_repair();
    IF EXISTS (SELECT FROM kindly_stats.measure AS m WHERE m.name = finish_measure.name AND NOT m.counted) THEN
        PERFORM kindly_stats.repair(measure => name);
        UPDATE kindly_stats.measure AS m SET counted = true WHERE m.name = finish_measure.name;
    END IF;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.finish_measure(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.finish_measure(text) IS 'internal: last step of add_measure_concurrently(): counts what is older than the measure';

CREATE PROCEDURE kindly_stats.add_measure_concurrently(name text, kinds text[] DEFAULT NULL, keys text[] DEFAULT '{}', member text DEFAULT NULL,
                                                       weight text DEFAULT NULL, condition text DEFAULT NULL, needed text DEFAULT NULL,
                                                       grain text DEFAULT 'event')
    LANGUAGE C AS 'MODULE_PATHNAME', 'ks_add_measure_concurrently';
REVOKE EXECUTE ON PROCEDURE kindly_stats.add_measure_concurrently(text, text[], text[], text, text, text, text, text) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.add_measure_concurrently(text, text[], text[], text, text, text, text, text) IS
'adds a measure and counts it from the events that are there, while others write

Arguments: those of kindly_stats.add_measure().  Writers wait only for an instant, as for attach_concurrently().  Until it is done, questions about
the measure are refused (55000); kindly_stats.progress shows how far it has come.  After an error, a cancel or a crash, calling it again
with the name alone goes on from there; deleting its row from kindly_stats.measure, and then rebuild(), undoes it.
Errors: those of add_measure(), 25001 inside a transaction block, 55P03 where writers never made room.';

-- How far it has come.  It is reported as COPY's progress is, with a mark; who may see that of others is PostgreSQL's to say.
CREATE VIEW kindly_stats.progress AS
SELECT p.pid,
       (ARRAY['count', 'rebuild', 'attach_concurrently', 'add_measure_concurrently'])[p.param12] AS command,
       nullif(p.relid, 0)::regclass AS event_table,
       (ARRAY['waiting for writers', 'counting events', 'writing statistics'])[p.param11] AS phase,
       p.param3 AS events,
       (SELECT sum(greatest(c.reltuples, 0))::bigint FROM pg_catalog.pg_class AS c
         WHERE c.oid = p.relid AND c.relkind <> 'p' OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(p.relid::regclass) AS t WHERE t.isleaf)) AS events_estimated
  FROM pg_catalog.pg_stat_get_progress_info('COPY') AS p
  JOIN pg_catalog.pg_database AS d ON d.oid = p.datid AND d.datname = current_database()
 WHERE p.param20 = 118100567813241;
GRANT SELECT ON kindly_stats.progress TO PUBLIC;
COMMENT ON VIEW kindly_stats.progress IS
'sessions that count whole tables right now: which table, how many of about how many events they have read of it

command: attach_concurrently, add_measure_concurrently, rebuild, or count for attach(), detach() and add_measure(); phase: waiting for writers, counting
events, writing statistics.  Of other users'' sessions it shows what pg_stat_progress_copy does.';
-- What PostgreSQL's triggers for statements do not hear of: rows that logical replication applies, and MERGE on partitions.

-- Row triggers, for workers that apply changes: they run no statements.
CREATE FUNCTION kindly_stats.count_replicated() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_count_replicated';
REVOKE EXECUTE ON FUNCTION kindly_stats.count_replicated() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_replicated() IS
'trigger of event tables: counts rows that are written where session_replication_role is replica

Made by kindly_stats.attach(..., replica => true): AFTER ... FOR EACH ROW, ENABLE REPLICA; its arguments are those of count_events().
It writes with the rights of the rollup''s owner.';

-- A TRUNCATE that is applied cannot be refused without stopping the replication.
CREATE FUNCTION kindly_stats.take_truncated() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_take_truncated';
REVOKE EXECUTE ON FUNCTION kindly_stats.take_truncated() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.take_truncated() IS
'trigger of event tables: takes what an applied TRUNCATE is about to delete out of the statistics

Made by kindly_stats.attach(..., replica => true): BEFORE TRUNCATE, ENABLE REPLICA; its arguments are those of count_events().';

-- A partition that leaves its tree loses the triggers for rows, and keeps the other.
CREATE FUNCTION kindly_stats.counts_replicated(event_table regclass) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_trigger AS t JOIN kindly_stats.relations(event_table) AS r ON t.tgrelid = r
                    WHERE t.tgfoid IN ('kindly_stats.count_replicated()'::regprocedure, 'kindly_stats.take_truncated()'::regprocedure))
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.counts_replicated(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.counts_replicated(regclass) IS 'internal: whether a table was attached with replica => true';

-- PostgreSQL itself copies row triggers to partitions, those to come among them; TRUNCATE has none.
CREATE FUNCTION kindly_stats.create_replica_triggers(relation regclass, event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    arguments text := format('(%L, %L, %L)', event_table::text, grain, columns::text);
BEGIN
    IF relation = event_table THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION kindly_stats.count_replicated%s',
                       kindly_stats.trigger_name(grain, 'replica'), relation, arguments);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', relation, kindly_stats.trigger_name(grain, 'replica'));
    END IF;
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind = 'r') THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION kindly_stats.take_truncated%s',
                       kindly_stats.trigger_name(grain, 'replica_truncate'), relation, arguments);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', relation, kindly_stats.trigger_name(grain, 'replica_truncate'));
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_replica_triggers(regclass, regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_replica_triggers(regclass, regclass, jsonb, text) IS 'internal: puts the triggers that count what is replicated on a table or partition';

-- PostgreSQL hands statement triggers wrong rows of a MERGE that moves rows between partitions, and nothing tells a trigger that it is one.
-- But it refuses MERGE on every table that has a rule, when it reads the statement.  This one does nothing to DELETE, WITH, RETURNING
-- and ON CONFLICT included; its condition is never asked, and makes it go with the extension.
CREATE FUNCTION kindly_stats.is_merge() RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'SELECT false';
REVOKE EXECUTE ON FUNCTION kindly_stats.is_merge() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_merge() IS 'internal: the condition of a rule that keeps MERGE away from partitioned tables';

CREATE FUNCTION kindly_stats.refuse_merge(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind = 'p')
       AND NOT EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = relation AND r.rulename = 'kindly_stats_no_merge') THEN
        EXECUTE format('CREATE RULE kindly_stats_no_merge AS ON DELETE TO %s WHERE kindly_stats.is_merge() DO ALSO NOTHING', relation);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS RULE kindly_stats_no_merge', relation);
        EXECUTE format('COMMENT ON RULE kindly_stats_no_merge ON %s IS %L', relation,
                       'keeps MERGE away, of which PostgreSQL tells triggers wrong rows: use INSERT ... ON CONFLICT, UPDATE and DELETE, or MERGE into the partition');
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.refuse_merge(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.refuse_merge(regclass) IS 'internal: makes PostgreSQL refuse MERGE on a partitioned table (0A000)';

CREATE FUNCTION kindly_stats.allow_merge(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = relation AND r.rulename = 'kindly_stats_no_merge') THEN
        EXECUTE format('DROP RULE kindly_stats_no_merge ON %s', relation);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.allow_merge(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.allow_merge(regclass) IS 'internal: takes back refuse_merge()';
-- DDL on attached tables: counted in the same transaction, refused, or warned of.  Event triggers hand over what a statement is about
-- (src/rollup/tree.c); what stands here runs as the owner of these functions, and reads tables as their owners.

-- Attached tables and their partitions, a line a grain.
CREATE VIEW kindly_stats.covered_relation AS
SELECT t.tgrelid AS relation, a.arguments[2] AS grain, kindly_stats.mapping(a.arguments[3]) AS columns, t.tgnargs > 3 AS is_partition
  FROM pg_catalog.pg_trigger AS t, LATERAL (SELECT kindly_stats.trigger_arguments(t.tgargs) AS arguments) AS a
 WHERE t.tgfoid = 'kindly_stats.count_events()'::regprocedure AND t.tgtype = 4 AND t.tgnargs IN (3, 4) AND kindly_stats.mapping(a.arguments[3]) IS NOT NULL;
COMMENT ON VIEW kindly_stats.covered_relation IS 'internal: tables and partitions that have counting triggers, and what these were told';

CREATE FUNCTION kindly_stats.is_covered(relation regclass) RETURNS boolean
    LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'ks_is_covered';
REVOKE EXECUTE ON FUNCTION kindly_stats.is_covered(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_covered(regclass) IS 'internal: whether a table, or one whose partition it is, is attached';

-- Trees

-- The top of a tree that is not attached: it has just left one that is, or attached tables have come into it.
CREATE FUNCTION kindly_stats.part_tree(top regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    inner_table regclass;
    known record;
BEGIN
    -- attached tables in a tree that is not
    SELECT c.relation INTO inner_table FROM kindly_stats.covered_relation AS c JOIN kindly_stats.relations(top) AS r ON r = c.relation
     WHERE r <> top AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS t WHERE t.relation = top) ORDER BY 1 LIMIT 1;
    IF inner_table IS NOT NULL THEN
        RAISE EXCEPTION 'table "%" is attached to kindly_stats, but "%", of which it is to be a partition, is not', inner_table, top
            USING ERRCODE = '55000', HINT = format('What is written through "%s" would not be counted. Attach that first: SELECT kindly_stats.attach(%L).', top, top);
    END IF;
    FOR known IN SELECT c.columns, c.grain FROM kindly_stats.covered_relation AS c WHERE c.relation = top ORDER BY c.grain
    LOOP
        PERFORM kindly_stats.create_triggers(r, top, known.columns, known.grain) FROM kindly_stats.relations(top) AS r;
    END LOOP;
    -- of rows that were written through the tree its top is listed
    FOR known IN SELECT kindly_stats.mapping((kindly_stats.trigger_arguments(t.tgargs))[2]) AS columns FROM pg_trigger AS t
                  WHERE t.tgrelid = top AND t.tgname = 'kindly_stats_closed_insert' AND t.tgfoid = 'kindly_stats.guard_exported()'::regprocedure
    LOOP
        PERFORM kindly_stats.guard_conversations(top, known.columns);
        PERFORM kindly_stats.note_conversation_bots(top, known.columns ->> 'bot_id', NULL);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.part_tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.part_tree(regclass) IS 'internal: makes what left an attached tree an attached table of its own (55000)';

-- Counts the rows of one table in the words of its new parent, whatever it was counted as until now.
CREATE FUNCTION kindly_stats.adopt(relation regclass, top regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own jsonb;
BEGIN
    SELECT c.columns INTO own FROM kindly_stats.covered_relation AS c WHERE c.relation = adopt.relation AND c.grain = adopt.grain;
    IF own IS DISTINCT FROM adopt.columns AND pg_relation_size(relation) > 0 THEN
        PERFORM kindly_stats.require_fresh_snapshots('attach a partition with rows');
        IF own IS NOT NULL THEN
            PERFORM kindly_stats.append_counts(relation, own, grain, NULL, true, false);
        END IF;
        PERFORM kindly_stats.append_counts(relation, columns, grain, NULL, false, false);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.adopt(regclass, regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.adopt(regclass, regclass, jsonb, text) IS 'internal: counts what a new partition has';

-- relation: a table, or a tree of them, that became a partition or ceased to be one.
CREATE FUNCTION kindly_stats.sync_tree(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    part record;
    known record;
    is_event boolean;
BEGIN
    SELECT bool_or(e.grain = 'event') INTO is_event FROM kindly_stats.event_table AS e WHERE e.event_table = top;
    IF is_event IS NULL THEN
        PERFORM kindly_stats.part_tree(top);
        RETURN;
    END IF;
    PERFORM kindly_stats.require_countable(relation);
    PERFORM kindly_stats.require_not_kept(relation);
    PERFORM kindly_stats.check_columns(top, kindly_stats.needed_columns(e.columns, e.grain), e.grain) FROM kindly_stats.event_table AS e WHERE e.event_table = top;
    FOR part IN SELECT p.relid, p.isleaf FROM pg_partition_tree(relation) AS p ORDER BY p.level, p.relid
    LOOP
        IF EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = part.relid AND (c.grain = 'event') <> is_event) THEN
            RAISE EXCEPTION 'tables "%" and "%" are attached with different kinds of rows', part.relid, top
                USING ERRCODE = '55000', HINT = 'A tree of tables holds events or conversations, not both; detach one from kindly_stats first.';
        END IF;
        FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_table AS e WHERE e.event_table = top ORDER BY e.grain
        LOOP
            IF part.isleaf THEN
                PERFORM kindly_stats.adopt(part.relid, top, known.columns, known.grain);
            END IF;
            PERFORM kindly_stats.create_triggers(part.relid, top, known.columns, known.grain);
        END LOOP;
    END LOOP;
    -- a partition that counts what is replicated makes its tree do so
    IF kindly_stats.counts_replicated(top) AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = top AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure) THEN
        PERFORM kindly_stats.create_replica_triggers(r, top, e.columns, e.grain) FROM kindly_stats.event_table AS e, kindly_stats.relations(top) AS r
          WHERE e.event_table = top;
    END IF;
    -- what was half counted alone is so as a part of its tree
    WITH half AS (
        DELETE FROM kindly_stats.counting AS c USING pg_partition_tree(sync_tree.relation) AS p WHERE c.event_table = p.relid RETURNING c.since)
    INSERT INTO kindly_stats.counting (event_table, since) SELECT top, min(h.since) FROM half AS h HAVING count(*) > 0 ON CONFLICT DO NOTHING;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_table AS c WHERE c.conversation_table = top
    LOOP
        PERFORM kindly_stats.guard_conversations(top, known.columns);
        PERFORM kindly_stats.note_conversation_bots(relation, known.columns ->> 'bot_id', NULL);
        PERFORM kindly_stats.check_replies(relation, known.columns);
        PERFORM kindly_stats.lock_exported();
        PERFORM kindly_stats.check_exported(top, known.columns);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.sync_tree(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.sync_tree(regclass) IS 'internal: counts what came into an attached tree, and what left it as a table of its own';

-- Columns

-- Whether the caller may do what he is about to: else nothing is done, and nobody waits, for a statement that is refused.
CREATE FUNCTION kindly_stats.may_alter(relation oid, caller oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND pg_has_role(caller, c.relowner, 'USAGE'))
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.may_alter(oid, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.may_alter(oid, oid) IS 'internal: whether a role may alter a table';

-- Takes away what a table has counted, until count_anew().
CREATE FUNCTION kindly_stats.take_counts(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_fresh_snapshots('change counted columns');
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', event_table);
    PERFORM kindly_stats.append_counts(e.event_table, e.columns, e.grain, NULL, true, false)
       FROM kindly_stats.event_table AS e WHERE e.event_table = take_counts.event_table;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.take_counts(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.take_counts(regclass) IS 'internal: takes what a table has counted out of the statistics';

CREATE FUNCTION kindly_stats.count_anew(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known record;
BEGIN
    FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_table AS e WHERE e.event_table = count_anew.event_table ORDER BY e.grain
    LOOP
        PERFORM kindly_stats.check_columns(event_table, kindly_stats.needed_columns(known.columns, known.grain), known.grain);
        PERFORM kindly_stats.append_counts(event_table, known.columns, known.grain, NULL, false, false);
    END LOOP;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_table AS c WHERE c.conversation_table = count_anew.event_table
    LOOP
        PERFORM kindly_stats.found_conversation_columns(event_table, known.columns);
        PERFORM kindly_stats.check_replies(event_table, known.columns);
        PERFORM kindly_stats.lock_exported();
        PERFORM kindly_stats.check_exported(event_table, known.columns);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_anew(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_anew(regclass) IS 'internal: counts a table whose counts were taken away';

-- All that a table's triggers read: own names of columns.
CREATE FUNCTION kindly_stats.read_columns(event_table regclass) RETURNS TABLE (logical text, physical text)
    LANGUAGE sql STABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.key, kindly_stats.mapped_column(c.value) FROM kindly_stats.event_table AS e, jsonb_each(e.columns) AS c
     WHERE e.event_table = read_columns.event_table AND kindly_stats.mapped_column(c.value) IS NOT NULL
    UNION
    SELECT c.key, c.value FROM kindly_stats.conversation_table AS e, jsonb_each_text(e.columns) AS c
     WHERE e.conversation_table = read_columns.event_table AND c.value IS NOT NULL
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.read_columns(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.read_columns(regclass) IS 'internal: documented columns that are read from an attached table, and what it calls them';

CREATE FUNCTION kindly_stats.renamed_columns(columns jsonb, old_name text, new_name text) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(c.key, CASE WHEN c.value = to_jsonb(old_name) THEN to_jsonb(new_name)
                                        WHEN c.value -> 'column' = to_jsonb(old_name) THEN jsonb_set(c.value, '{column}', to_jsonb(new_name))
                                        ELSE c.value END) FROM jsonb_each(columns) AS c
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.renamed_columns(jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.renamed_columns(jsonb, text, text) IS 'internal: a mapping after a column was renamed';

-- Before statements

CREATE FUNCTION kindly_stats.before_drop(relations oid[], schemas oid[], roles oid[], caller oid) RETURNS SETOF oid
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
    PERFORM kindly_stats.exclude_repair();
    -- in the order in which DROP TABLE takes its locks: a partition's parent first
    FOR part IN SELECT DISTINCT i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = ANY (gone) AND NOT i.inhparent = ANY (gone) ORDER BY 1
    LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        FOR counted IN SELECT r.columns, r.grain FROM kindly_stats.covered_relation AS r JOIN pg_class AS c ON c.oid = r.relation
                        WHERE r.relation = part AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0 ORDER BY r.grain
        LOOP
            PERFORM kindly_stats.move_counts(part, counted.columns, counted.grain);
        END LOOP;
        RETURN NEXT part;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_drop(oid[], oid[], oid[], oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_drop(oid[], oid[], oid[], oid) IS
'internal: keeps what tables have counted that are about to be dropped

relations, schemas, roles: the tables, or those of schemas and owners; caller: who drops them.  Gives back those tables.';

-- PostgreSQL copies triggers for rows to new partitions as whoever makes them, who must be allowed to call their function.
CREATE FUNCTION kindly_stats.before_partition(parent oid, caller oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.may_alter(parent, caller) THEN
        RETURN;
    END IF;
    PERFORM kindly_stats.exclude_repair();
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = parent AND t.tgfoid = 'kindly_stats.count_replicated()'::regprocedure)
       AND NOT has_function_privilege(caller, 'kindly_stats.count_replicated()', 'EXECUTE') THEN
        EXECUTE (SELECT format('GRANT EXECUTE ON FUNCTION kindly_stats.count_replicated() TO %I', r.rolname)
                   FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner WHERE c.oid = parent);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_partition(oid, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_partition(oid, oid) IS
'internal: prepares for CREATE TABLE ... PARTITION OF, and for ATTACH PARTITION

parent: an attached table, or a part of it; caller: who makes a partition of it.  The owner of a table that counts what is replicated may make triggers that do so.';

CREATE FUNCTION kindly_stats.before_alter(relation oid, partition oid, retyped text[], caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass;
    own name;
BEGIN
    IF NOT (kindly_stats.is_covered(relation) OR partition <> 0 AND kindly_stats.is_covered(partition)) OR NOT kindly_stats.may_alter(relation, caller) THEN
        RETURN;
    END IF;
    -- before the tables are locked: a repair that has this one may be waiting for them
    PERFORM kindly_stats.exclude_repair();
    IF partition <> 0 AND kindly_stats.is_covered(relation) THEN
        PERFORM kindly_stats.before_partition(relation, caller);
    END IF;
    top := kindly_stats.tree_top(relation);
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
REVOKE EXECUTE ON FUNCTION kindly_stats.before_alter(oid, oid, text[], oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_alter(oid, oid, text[], oid) IS
'internal: prepares for ALTER TABLE

relation: the table; partition: one to attach or detach, or 0; retyped: columns whose values change; caller: who alters it.  Gives back
the table whose counts were taken away, to be counted anew.';

CREATE FUNCTION kindly_stats.before_rename_value(enum oid, caller oid) RETURNS SETOF oid
    LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reader regclass;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_type AS t WHERE t.oid = enum AND t.typtype = 'e' AND pg_has_role(caller, t.typowner, 'USAGE')) THEN
        RETURN;
    END IF;
    -- no lock on a table is waited for: one that is being attached must be there to be seen
    PERFORM kindly_stats.exclude_repair();
    FOR reader IN
        SELECT DISTINCT e.event_table FROM kindly_stats.event_table AS e
          JOIN LATERAL jsonb_each(e.columns) AS c ON true
          JOIN pg_attribute AS a ON a.attrelid = e.event_table AND a.attname = kindly_stats.mapped_column(c.value) AND a.attnum > 0 AND NOT a.attisdropped
         WHERE kindly_stats.base_type(a.atttypid) = enum ORDER BY 1
    LOOP
        PERFORM kindly_stats.take_counts(reader);
        RETURN NEXT reader;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.before_rename_value(oid, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.before_rename_value(oid, oid) IS 'internal: takes away the counts of tables that have columns of an enum, and gives back those tables';

-- After statements

CREATE FUNCTION kindly_stats.warn_of_namesake(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    former regclass;
BEGIN
    FOR former IN SELECT DISTINCT e.event_table FROM kindly_stats.event_table AS e WHERE to_regclass(e.known_as) = relation AND e.event_table <> relation
    LOOP
        RAISE WARNING 'table "%" is not attached to kindly_stats: what is written to it is not counted', relation
            USING HINT = format('"%s" had that name when it was attached. SELECT kindly_stats.attach(%L).', former, relation);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.warn_of_namesake(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.warn_of_namesake(regclass) IS 'internal: warns of a table that took the name of an attached one';

-- A table that is new, or has a new name.
CREATE FUNCTION kindly_stats.after_create(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    class record;
BEGIN
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
REVOKE EXECUTE ON FUNCTION kindly_stats.after_create(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_create(regclass) IS 'internal: looks at a table that was created or renamed';

CREATE FUNCTION kindly_stats.after_alter(relation oid, partition oid, checks boolean, switches boolean, added text[], retyped text[]) RETURNS void
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
    -- ENABLE TRIGGER ALL, as pg_restore has it, means others: those for replicas stay what they are
    FOR found IN SELECT t.tgrelid::regclass AS name, t.tgname FROM kindly_stats.relations(relation) AS r JOIN pg_trigger AS t ON t.tgrelid = r
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
    FOR found IN SELECT DISTINCT a.name FROM unnest(added) AS a (name), kindly_stats.event_table AS e
                  WHERE e.event_table = top AND e.grain = 'event' AND NOT e.columns ? a.name
                    AND a.name IN (SELECT l.logical FROM kindly_stats.logical_columns(e.grain) AS l) ORDER BY 1
    LOOP
        RAISE NOTICE 'column "%" of event table "%" is not counted', found.name, top
            USING HINT = format('SELECT kindly_stats.attach(%L) counts the table anew with it.', top);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_alter(oid, oid, boolean, boolean, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_alter(oid, oid, boolean, boolean, text[], text[]) IS
'internal: looks at a table after ALTER TABLE

relation: the table; partition: one that was attached or detached, or 0; checks: it may be one now that cannot be counted; switches:
triggers were enabled or disabled; added: new columns; retyped: columns whose values changed, though before_alter() was not told.
Errors: 40001 where the table was attached in between.';

CREATE FUNCTION kindly_stats.after_rename_column(relation regclass, old_name text, new_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top regclass := kindly_stats.tree_top(relation);
    known record;
BEGIN
    FOR known IN SELECT e.columns, e.grain FROM kindly_stats.event_table AS e WHERE e.event_table = top ORDER BY e.grain
    LOOP
        IF kindly_stats.renamed_columns(known.columns, old_name, new_name) <> known.columns THEN
            PERFORM kindly_stats.create_triggers(r, top, kindly_stats.renamed_columns(known.columns, old_name, new_name), known.grain)
               FROM kindly_stats.relations(top) AS r;
        END IF;
    END LOOP;
    FOR known IN SELECT c.columns FROM kindly_stats.conversation_table AS c WHERE c.conversation_table = top
    LOOP
        IF kindly_stats.renamed_columns(known.columns, old_name, new_name) <> known.columns THEN
            PERFORM kindly_stats.guard_conversations(top, kindly_stats.renamed_columns(known.columns, old_name, new_name));
        END IF;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_rename_column(regclass, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_rename_column(regclass, text, text) IS 'internal: tells the triggers of a table what a column is called now';

CREATE FUNCTION kindly_stats.after_rename_trigger(relation regclass, name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = relation AND t.tgname = name
                  AND t.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.guard_exported()'::regprocedure)) THEN
        RAISE EXCEPTION 'a trigger of kindly_stats on table "%" must keep its name', relation
            USING ERRCODE = '55000', HINT = 'It is made anew under this name; kindly_stats.detach() drops it.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.after_rename_trigger(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_rename_trigger(regclass, text) IS 'internal: refuses another name for a counting trigger (55000)';

CREATE FUNCTION kindly_stats.after_drop(kept oid[]) RETURNS void
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
        SELECT d.objid::regclass AS name, c.logical, c.physical, EXISTS (SELECT FROM kindly_stats.conversation_table AS v WHERE v.conversation_table = d.objid) AS is_conversation
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
REVOKE EXECUTE ON FUNCTION kindly_stats.after_drop(oid[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.after_drop(oid[]) IS
'internal: refuses what would leave wrong statistics behind (55000), warns of triggers that are gone

kept: dropped tables whose statistics are kept.';

-- Event triggers.  Whoever alters a table runs them, and need not be allowed to execute their functions.

CREATE FUNCTION kindly_stats.ddl_started() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_ddl_started';
CREATE FUNCTION kindly_stats.ddl_ended() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_ddl_ended';
CREATE FUNCTION kindly_stats.ddl_dropped() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_ddl_dropped';
REVOKE EXECUTE ON FUNCTION kindly_stats.ddl_started() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.ddl_ended() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.ddl_dropped() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.ddl_started() IS 'event trigger: prepares for DDL on attached tables';
COMMENT ON FUNCTION kindly_stats.ddl_ended() IS 'event trigger: counts what DDL on attached tables changed, or refuses it';
COMMENT ON FUNCTION kindly_stats.ddl_dropped() IS 'event trigger: refuses what would leave wrong statistics behind';

CREATE EVENT TRIGGER kindly_stats_ddl_started ON ddl_command_start EXECUTE FUNCTION kindly_stats.ddl_started();
CREATE EVENT TRIGGER kindly_stats_ddl_ended ON ddl_command_end EXECUTE FUNCTION kindly_stats.ddl_ended();
CREATE EVENT TRIGGER kindly_stats_ddl_dropped ON sql_drop EXECUTE FUNCTION kindly_stats.ddl_dropped();
COMMENT ON EVENT TRIGGER kindly_stats_ddl_started IS 'keeps statistics true when attached tables are altered or dropped';
COMMENT ON EVENT TRIGGER kindly_stats_ddl_ended IS 'keeps statistics true when attached tables are altered';
COMMENT ON EVENT TRIGGER kindly_stats_ddl_dropped IS 'keeps statistics true when something is dropped with attached tables';
-- What is wrong, or will be: one row a finding.  Nothing here reads an event table, so that nothing of its owner's is run.

CREATE TYPE kindly_stats.finding AS (severity text, object text, finding text, remedy text);
COMMENT ON TYPE kindly_stats.finding IS
'what kindly_stats.health() finds: how bad it is, what it is about, a sentence, and what mends it

severity: error, where figures are wrong or will be; warning, where something gets slower or is about to fail; notice.';

CREATE FUNCTION kindly_stats.health_triggers() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- a table that is attached for itself and through its parent
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('It is attached, and a partition of %s, which is attached, too: its events are counted twice.', a.event_table),
           format('SELECT kindly_stats.detach(%L); SELECT kindly_stats.attach(%L); SELECT kindly_stats.rebuild();', t.event_table, a.event_table)
      FROM kindly_stats.event_table AS t
      JOIN kindly_stats.event_table AS a ON a.grain = t.grain AND a.event_table <> t.event_table
       AND a.event_table IN (SELECT p.relid FROM pg_partition_ancestors(t.event_table) AS p);
    RETURN QUERY
    SELECT 'error', r.relation::text,
           CASE WHEN r.relation = t.event_table THEN 'It has not all triggers that count its events: what is written is not counted.'
                ELSE format('This partition of %s has not all triggers that count: what is written straight to it is not counted.', t.event_table) END,
           format('SELECT kindly_stats.%s(%L); SELECT kindly_stats.rebuild();', CASE t.grain WHEN 'event' THEN 'attach' ELSE 'attach_conversations' END, t.event_table)
      FROM kindly_stats.event_table AS t, LATERAL kindly_stats.relations(t.event_table) AS r (relation)
     WHERE (SELECT count(*) FROM pg_trigger AS g, unnest(ARRAY['insert', 'update', 'delete']) AS e
             WHERE g.tgrelid = r.relation AND g.tgname = kindly_stats.trigger_name(t.grain, e) AND g.tgfoid = 'kindly_stats.count_events()'::regprocedure) < 3
     ORDER BY 2;
    -- without the trigger for INSERT it is not even known as an event table
    RETURN QUERY
    SELECT DISTINCT 'error', g.tgrelid::regclass::text, 'It has lost the trigger that counts what is inserted: what is written is not counted.',
           format('SELECT kindly_stats.attach(%L); SELECT kindly_stats.rebuild();', kindly_stats.tree_top(g.tgrelid)::text)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure)
       AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = g.tgrelid)
       AND NOT EXISTS (SELECT FROM kindly_stats.event_table AS t WHERE t.event_table = kindly_stats.tree_top(g.tgrelid)) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', format('trigger %I of %s', g.tgname, g.tgrelid::regclass), 'It is disabled: what happens meanwhile is not counted, or not guarded.',
           format('ALTER TABLE %s ENABLE TRIGGER %I; SELECT kindly_stats.rebuild();', g.tgrelid::regclass, g.tgname)
      FROM pg_trigger AS g
     WHERE g.tgfoid IN ('kindly_stats.count_events()'::regprocedure, 'kindly_stats.refuse_truncate()'::regprocedure,
                        to_regprocedure('kindly_stats.guard_exported()'), 'kindly_stats.measure_changed()'::regprocedure)
       -- a trigger for each row may be one for what is replicated, and nothing else
       AND (g.tgenabled = 'D' OR g.tgenabled = 'R' AND g.tgtype & 1 = 0)
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
      FROM kindly_stats.event_table AS t, LATERAL kindly_stats.relations(t.event_table) AS r (relation) JOIN pg_class AS c ON c.oid = r.relation AND c.relkind = 'p'
     WHERE NOT EXISTS (SELECT FROM pg_rewrite AS w WHERE w.ev_class = r.relation AND w.rulename = 'kindly_stats_no_merge') ORDER BY 2;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_triggers() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_triggers() IS 'internal: part of health(): triggers that are missing, doubled or disabled';

CREATE FUNCTION kindly_stats.health_columns() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN QUERY
        SELECT 'error', 'kindly_stats.rollup', format('It is missing, and %s has the triggers that count: it was restored without the schema kindly_stats.', min(t.event_table::text)),
               'SELECT kindly_stats.rebuild();'
          FROM kindly_stats.event_table AS t HAVING count(*) > 0;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('Its column "%s" for "%s" was renamed or dropped: writers get an error.', kindly_stats.mapped_column(t.columns -> l), l),
           format('SELECT kindly_stats.%s(%L, %L); -- or with its new name instead of null', CASE t.grain WHEN 'event' THEN 'attach' ELSE 'attach_conversations' END,
                  t.event_table, json_build_object(l, NULL))
      FROM kindly_stats.event_table AS t, LATERAL unnest(kindly_stats.lost_columns(t.event_table, t.columns)) AS l
     WHERE t.grain <> 'conversation_end' ORDER BY 2, 3;
    RETURN QUERY
    SELECT 'error', t.event_table::text, format('Its column "%s" for "%s" has become of type %s, which cannot be counted: writers get an error.',
                                                a.attname, l.logical, format_type(a.atttypid, a.atttypmod)),
           -- DDL that is followed would count the table as it is first
           format('SET session_replication_role = replica; ALTER TABLE %s ALTER COLUMN %I TYPE %s; RESET session_replication_role; SELECT kindly_stats.rebuild();',
                  t.event_table, a.attname,
                  CASE WHEN t.columns -> l.logical -> 'tz' IS NOT NULL THEN 'timestamp' WHEN t.columns -> l.logical -> 'unit' IS NOT NULL THEN 'double precision'
                       WHEN t.columns -> l.logical -> 'path' IS NOT NULL THEN 'jsonb' WHEN l.role = 'instant' THEN 'timestamptz' WHEN l.role = 'condition' THEN 'boolean'
                       WHEN l.role IN ('bot', 'weight') THEN 'bigint' ELSE 'text' END)
      FROM kindly_stats.event_table AS t
     CROSS JOIN LATERAL kindly_stats.logical_columns(t.grain) AS l
      JOIN pg_attribute AS a ON a.attrelid = t.event_table AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attname = CASE WHEN t.columns ? l.logical THEN kindly_stats.mapped_column(t.columns -> l.logical) ELSE l.logical END
     WHERE NOT kindly_stats.type_fits(l.role, t.columns -> l.logical, a.atttypid)
       AND t.grain <> 'conversation_end' ORDER BY 2, 3;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_columns() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_columns() IS 'internal: part of health(): columns that are gone or of a wrong type, a missing rollup';

CREATE FUNCTION kindly_stats.health_tables() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT 'warning', c.oid::regclass::text, 'It is unlogged: a crash empties it, and its statistics stay.', format('ALTER TABLE %s SET LOGGED;', c.oid::regclass)
      FROM kindly_stats.event_table AS t, LATERAL kindly_stats.relations(t.event_table) AS r JOIN pg_class AS c ON c.oid = r
     WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', p.relid::text, format('It is a foreign table, and a partition of %s: its events are not counted.', t.event_table),
           format('ALTER TABLE %s DETACH PARTITION %s;', p.parentrelid, p.relid)
      FROM kindly_stats.event_table AS t, LATERAL pg_partition_tree(t.event_table) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind = 'f' ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'error', i.inhrelid::regclass::text, format('It inherits from %s: what is written straight to it is not counted.', t.event_table),
           format('ALTER TABLE %s NO INHERIT %s; SELECT kindly_stats.rebuild();', i.inhrelid::regclass, t.event_table)
      FROM kindly_stats.event_table AS t JOIN pg_inherits AS i ON i.inhparent = t.event_table JOIN pg_class AS c ON c.oid = t.event_table
     WHERE c.relkind = 'r' ORDER BY 2;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_tables() IS 'internal: part of health(): unlogged tables, foreign partitions, inheritance children';

CREATE FUNCTION kindly_stats.health_trees() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', c.relation::regclass::text, format('It is attached, but not %s, whose partition it is: what is written through that table is not counted.', kindly_stats.tree_top(c.relation)),
           format('SELECT kindly_stats.detach(%L); SELECT kindly_stats.attach(%L);', c.relation::regclass::text, kindly_stats.tree_top(c.relation)::text)
      FROM kindly_stats.covered_relation AS c JOIN pg_class AS r ON r.oid = c.relation AND r.relispartition
     WHERE NOT EXISTS (SELECT FROM kindly_stats.event_table AS t WHERE t.event_table = kindly_stats.tree_top(c.relation)) ORDER BY 2;
    RETURN QUERY
    SELECT 'notice', i.inhrelid::regclass::text, format('It is half detached from %s: nothing can be written through that table.', i.inhparent::regclass),
           format('ALTER TABLE %s DETACH PARTITION %s FINALIZE;', i.inhparent::regclass, i.inhrelid::regclass)
      FROM pg_inherits AS i WHERE i.inhdetachpending AND i.inhrelid IN (SELECT c.relation FROM kindly_stats.covered_relation AS c) ORDER BY 2;
    RETURN QUERY
    SELECT DISTINCT 'warning', t.event_table::text, format('Table %s, which has its former name, is not attached.', t.known_as), format('SELECT kindly_stats.attach(%L);', t.known_as)
      FROM kindly_stats.event_table AS t WHERE to_regclass(t.known_as) <> t.event_table
       AND NOT EXISTS (SELECT FROM kindly_stats.covered_relation AS c WHERE c.relation = to_regclass(t.known_as)) ORDER BY 2;
    RETURN QUERY
    SELECT 'notice', t.event_table::text, format('Its column "%s" is not counted: it was added later.', l.logical), format('SELECT kindly_stats.attach(%L);', t.event_table::text)
      FROM kindly_stats.event_table AS t, kindly_stats.logical_columns(t.grain) AS l
     WHERE t.grain = 'event' AND NOT t.columns ? l.logical
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t.event_table AND a.attname = l.logical AND a.attnum > 0 AND NOT a.attisdropped) ORDER BY 2, 3;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_trees() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_trees() IS 'internal: part of health(): parents and namesakes that are not attached, columns that came later';

-- What can be wrong with attached tables although DDL on them is followed: event triggers can be disabled.
CREATE FUNCTION kindly_stats.tree_findings() RETURNS SETOF kindly_stats.finding
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM kindly_stats.health_triggers()
    UNION ALL SELECT * FROM kindly_stats.health_columns()
    UNION ALL SELECT * FROM kindly_stats.health_tables()
    UNION ALL SELECT * FROM kindly_stats.health_trees()
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tree_findings() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tree_findings() IS 'internal: part of health(): all about attached tables and their partitions';

CREATE FUNCTION kindly_stats.health_counting() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- whoever counts has this lock, see KS_LOCK_OF_REPAIR
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
                WHEN EXISTS (SELECT FROM kindly_stats.conversation_table AS t WHERE t.conversation_table = c.event_table) THEN 'SELECT kindly_stats.rebuild();'
                ELSE format('CALL kindly_stats.attach_concurrently(%L);', c.event_table) END
      FROM kindly_stats.counting AS c WHERE c.event_table IN (SELECT t.event_table FROM kindly_stats.event_table AS t) ORDER BY 2;
    RETURN QUERY
    SELECT 'error', CASE WHEN EXISTS (SELECT FROM pg_class AS r WHERE r.oid = c.event_table) THEN c.event_table::text ELSE format('table with OID %s', c.event_table) END,
           'It was dropped or is not attached any more, and was still being counted: statistics lack some of its events.', 'SELECT kindly_stats.rebuild();'
      FROM kindly_stats.counting AS c WHERE c.event_table NOT IN (SELECT t.event_table FROM kindly_stats.event_table AS t) ORDER BY 2;
    RETURN QUERY
    SELECT CASE WHEN is_running THEN 'notice' ELSE 'error' END, format('measure %s', m.name), 'It is still being counted: questions about it are refused.',
           CASE WHEN is_running THEN 'SELECT * FROM kindly_stats.progress;' ELSE format('CALL kindly_stats.add_measure_concurrently(%L);', m.name) END
      FROM kindly_stats.measure AS m WHERE NOT m.counted ORDER BY 2;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_counting() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_counting() IS 'internal: part of health(): tables and measures that are half counted';

-- Writers refuse an id whose number is another's, but not one that another transaction is writing just then.
CREATE FUNCTION kindly_stats.health_bots() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'error', 'kindly_stats.known_bot', format('Bots "%s" and "%s" have the same number, and so one statistic.', min(s.id), max(s.id)),
           format('-- in its tables, give one another id, such as: UPDATE ... SET bot_id = ... WHERE bot_id = %1$L; then'
                  ' DELETE FROM kindly_stats.known_bot WHERE id = %1$L; SELECT kindly_stats.rebuild();', max(s.id))
      FROM (SELECT k.bot_id, CASE WHEN k.id ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' THEN lower(k.id) ELSE k.id END AS id
              FROM kindly_stats.known_bot AS k) AS s
     GROUP BY s.bot_id HAVING min(s.id) <> max(s.id);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_bots() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_bots() IS 'internal: part of health(): texts that have one number';

CREATE FUNCTION kindly_stats.health_rows(enough bigint DEFAULT 1000) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'warning', 'kindly_stats.rollup',
           format('%s months of bots have more than %s rows that are to be merged, bot %s has %s of %s: questions about them are slower than need be.',
                  count(*), enough, kindly_stats.bot_text((array_agg(m.bot_id ORDER BY m.rows DESC))[1]), max(m.rows), to_char((array_agg(m.month ORDER BY m.rows DESC))[1], 'YYYY-MM')),
           'CALL kindly_stats.compact();'
      FROM (SELECT r.bot_id, r.month, count(*) - count(DISTINCT r.measure) AS rows FROM kindly_stats.rollup AS r
             GROUP BY r.bot_id, r.month, r.kept HAVING count(*) - count(DISTINCT r.measure) > enough) AS m
    HAVING count(*) > 0;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_rows(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_rows(bigint) IS 'internal: part of health(): months that await compaction; enough: so many rows may do so';

-- The oldest of what keeps dead rows from being removed.
CREATE FUNCTION kindly_stats.horizon_holder() RETURNS TABLE (object text, age integer, remedy text)
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.object, age(h.xmin), h.remedy
      FROM (SELECT format('process %s (%s, %s)', a.pid, coalesce(nullif(a.application_name, ''), a.backend_type), coalesce(a.state, 'running')), a.backend_xmin,
                   format('SELECT pg_terminate_backend(%s);', a.pid)
              FROM pg_stat_activity AS a
             WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid() AND (a.datname = current_database() OR a.datname IS NULL)
            UNION ALL
            SELECT format('replication slot %s', s.slot_name), s.xmin, format('SELECT pg_drop_replication_slot(%L);', s.slot_name)
              FROM pg_replication_slots AS s WHERE s.xmin IS NOT NULL
            UNION ALL
            SELECT format('prepared transaction %s', p.gid), p.transaction, format('ROLLBACK PREPARED %L;', p.gid)
              FROM pg_prepared_xacts AS p WHERE p.database = current_database()) AS h (object, xmin, remedy)
     ORDER BY age(h.xmin) DESC LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.horizon_holder() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.horizon_holder() IS 'internal: process, slot or prepared transaction with the oldest snapshot, its age, and what ends it';

CREATE FUNCTION kindly_stats.health_dead_rows(enough bigint DEFAULT 10000) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dead bigint := pg_stat_get_dead_tuples(to_regclass('kindly_stats.rollup'));
    live bigint := pg_stat_get_live_tuples(to_regclass('kindly_stats.rollup'));
    holder record;
BEGIN
    IF dead > greatest(enough, live) THEN
        SELECT * INTO holder FROM kindly_stats.horizon_holder() AS h WHERE h.age > 1000;
        RETURN NEXT ROW('warning', coalesce(holder.object, 'kindly_stats.rollup'),
            format('The rollup has %s dead rows beside %s live ones%s.', dead, live,
                   CASE WHEN holder.object IS NULL THEN ', which questions step over' ELSE format(', which cannot be removed: the snapshot of %s is %s transactions old', holder.object, holder.age) END),
            concat(holder.remedy || ' ', 'VACUUM kindly_stats.rollup;'))::kindly_stats.finding;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_dead_rows(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_dead_rows(bigint) IS 'internal: part of health(): dead rows and what keeps them; enough: so many may be there';

CREATE FUNCTION kindly_stats.health_size(slack bigint DEFAULT 67108864) RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size bigint := pg_total_relation_size(to_regclass('kindly_stats.rollup'));
    tallies bigint;
BEGIN
    IF NOT kindly_stats.has_rollup() OR size <= slack THEN
        RETURN;
    END IF;
    -- beside its tally, a row and its entry in the index have about so many bytes
    SELECT coalesce(sum(pg_column_size(r.tally) + 150), 0) INTO tallies FROM kindly_stats.rollup AS r;
    IF size > slack + 2 * tallies THEN
        RETURN NEXT ROW('warning', 'kindly_stats.rollup', format('It has %s on disk for %s of tallies.', pg_size_pretty(size), pg_size_pretty(tallies)),
                        'VACUUM (FULL) kindly_stats.rollup; -- writers and questions wait for it')::kindly_stats.finding;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_size(bigint) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_size(bigint) IS 'internal: part of health(): a rollup much larger than what is in it; slack: bytes that it may have';

CREATE FUNCTION kindly_stats.verify_all() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_differences bigint;
BEGIN
    IF NOT kindly_stats.has_rollup() THEN
        RAISE EXCEPTION 'no event table has been attached' USING ERRCODE = '55000',
            HINT = 'Create one with kindly_stats.create_event_table(), or attach yours with kindly_stats.attach().';
    END IF;
    SELECT count(*) INTO found_differences FROM kindly_stats.verify();
    INSERT INTO kindly_stats.verified AS v (differences) VALUES (found_differences)
        ON CONFLICT (is_only) DO UPDATE SET verified_at = EXCLUDED.verified_at, differences = EXCLUDED.differences;
    RETURN found_differences;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.verify_all() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.verify_all() IS
'runs verify() over everything, and notes when it was and how many differences there were: for cron

health() says so where that is more than a week ago, or found something.  Errors: those of verify(), 55000 where no event table has been attached.';

CREATE FUNCTION kindly_stats.health_verification() RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
BEGIN
    IF NOT EXISTS (SELECT FROM kindly_stats.event_table) OR to_regclass('kindly_stats.verified') IS NULL THEN
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
REVOKE EXECUTE ON FUNCTION kindly_stats.health_verification() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_verification() IS 'internal: part of health(): when verify_all() ran last, and what it found';

CREATE FUNCTION kindly_stats.zone_data(OUT postgresql text, OUT icu text, OUT disagreeing text[])
    LANGUAGE C STABLE COST 1000000 AS 'MODULE_PATHNAME', 'ks_zone_data';
REVOKE EXECUTE ON FUNCTION kindly_stats.zone_data() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.zone_data() IS
'how new the time zones of PostgreSQL and of ICU are, and which differ

postgresql, icu: versions such as 2025b; disagreeing: zones with other offsets within a year from now.  postgresql is NULL where its database does not say its version.  Statistics use PostgreSQL''s offsets alone; ICU is asked for calendars.';

CREATE FUNCTION kindly_stats.health_zones(postgresql text, icu text, disagreeing text[]) RETURNS SETOF kindly_stats.finding
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN cardinality(disagreeing) > 0 THEN 'warning' ELSE 'notice' END, 'time zones',
           format('PostgreSQL''s time zones are of %s, ICU''s of %s%s.', coalesce(postgresql, 'an unknown version'), icu,
                  CASE WHEN cardinality(disagreeing) > 0 THEN format('; within a year they differ in %s%s',
                      array_to_string(disagreeing[:5], ', '), CASE WHEN cardinality(disagreeing) > 5 THEN format(' and %s more', cardinality(disagreeing) - 5) END) END),
           'Update the package tzdata, or PostgreSQL where it has time zones of its own, and restart PostgreSQL.'
     WHERE coalesce(icu > postgresql, cardinality(disagreeing) > 0)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health_zones(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_zones(text, text, text[]) IS 'internal: part of health(): time zones that are older than ICU''s; arguments: what zone_data() says';

CREATE FUNCTION kindly_stats.health_roles(oldest interval DEFAULT '1 year') RETURNS SETOF kindly_stats.finding
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    age interval;
BEGIN
    RETURN QUERY
    SELECT 'warning', format('role %I', r.rolname),
           CASE WHEN NOT w.needs_login THEN 'It can log in, past PostgREST: whoever does says himself which bot he may see.'
                ELSE 'It cannot log in, as PostgREST has to.' END,
           format('ALTER ROLE %I %s;', r.rolname, CASE WHEN w.needs_login THEN 'LOGIN' ELSE 'NOLOGIN' END)
      FROM (VALUES ('kindly_api_authenticator', true), ('kindly_api_anonymous', false), ('kindly_api_user', false)) AS w (role, needs_login)
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
REVOKE EXECUTE ON FUNCTION kindly_stats.health_roles(interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health_roles(interval) IS 'internal: part of health(): roles that cannot log in, or must not; a secret older than oldest';

CREATE FUNCTION kindly_stats.health() RETURNS SETOF kindly_stats.finding
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
    UNION ALL SELECT * FROM kindly_stats.health_roles();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.health() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.health() IS
'what is wrong, or will be, and what mends it: a row a finding; none means that all is well

severity: error, where figures are wrong or will be, or cannot be had; warning, where something gets slower or is about to fail; notice.
object: what it is about; finding: a sentence; remedy: the statements that mend it.  It reads catalogs and the rollup, and no event
table: verify_all() does that, and its last result is among the findings.  Dead rows'' keepers are seen by members of pg_read_all_stats,
the secret''s age by members of kindly_stats_monitor.';

CREATE VIEW kindly_stats.health AS SELECT h.severity, h.object, h.finding, h.remedy FROM kindly_stats.health() AS h;
COMMENT ON VIEW kindly_stats.health IS 'kindly_stats.health() for monitoring tools that read tables; whoever selects needs EXECUTE on the function';

-- For everybody who may ask over HTTP: only how many, and only what is found quickly.
CREATE FUNCTION kindly_stats.count_errors() RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM (SELECT * FROM kindly_stats.tree_findings()
                UNION ALL SELECT * FROM kindly_stats.health_counting()
                UNION ALL SELECT * FROM kindly_stats.health_verification()) AS f WHERE f.severity = 'error'
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.count_errors() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_errors() IS 'internal: how many findings of health() are errors';
-- Kept statistics, of events that are in no attached table any more: what becomes of them when the extension is dropped, and when a
-- table that was detached comes back.

-- DROP EXTENSION ... CASCADE takes the column of tallies from the rollup.  Live rows can be counted again, kept ones cannot.
CREATE FUNCTION kindly_stats.save_kept() RETURNS event_trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_save_kept';
REVOKE EXECUTE ON FUNCTION kindly_stats.save_kept() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.save_kept() IS 'event trigger: puts what is kept where it stays while the extension is dropped';

CREATE EVENT TRIGGER kindly_stats_save_kept ON ddl_command_start WHEN TAG IN ('DROP EXTENSION') EXECUTE FUNCTION kindly_stats.save_kept();
COMMENT ON EVENT TRIGGER kindly_stats_save_kept IS 'keeps the statistics of purged events while the extension is dropped and created again';

CREATE FUNCTION kindly_stats.restore_kept() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- nothing is counted of the tables now, not even half
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
        -- what is left of the rows says nothing; grants and policies are worth keeping
        TRUNCATE kindly_stats.rollup;
        ALTER TABLE kindly_stats.rollup ADD COLUMN tally kindly_stats.tally NOT NULL;
    END IF;
    RAISE NOTICE 'statistics but those of events that are gone were dropped with the extension'
        USING HINT = 'Attach each event table again: the events that it has are counted.';
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.restore_kept() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.restore_kept() IS 'internal: gives kindly_stats.rollup its tallies back, those of events that are gone';

-- Tables that were detached and whose events stayed counted.

CREATE FUNCTION kindly_stats.note_kept(event_table regclass, columns jsonb, grain text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM kindly_stats.detached AS d
     WHERE d.event_table IN (SELECT kindly_stats.relations(note_kept.event_table)) AND d.grain = note_kept.grain OR NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.event_table);
    -- a partition may leave its tree later, and is counted then, too
    INSERT INTO kindly_stats.detached (event_table, grain, columns)
    SELECT r, note_kept.grain, note_kept.columns FROM kindly_stats.relations(note_kept.event_table) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.note_kept(regclass, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.note_kept(regclass, jsonb, text) IS 'internal: remembers that the events of a table are counted though it is not attached';

CREATE FUNCTION kindly_stats.require_not_kept(event_table regclass) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    other regclass;
BEGIN
    SELECT d.event_table INTO other FROM kindly_stats.detached AS d JOIN kindly_stats.relations(require_not_kept.event_table) AS r ON r = d.event_table
     ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the events of table "%" are counted already: its statistics were kept when it was detached', other
            USING ERRCODE = '55000', HINT = format('SELECT kindly_stats.forget_kept(%L) takes them out of the statistics; then attach it.', other);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_not_kept(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_not_kept(regclass) IS 'internal: refuses to count events twice (55000)';

CREATE FUNCTION kindly_stats.has_negative(tally kindly_stats.tally) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_has_negative';
REVOKE EXECUTE ON FUNCTION kindly_stats.has_negative(kindly_stats.tally) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_negative(kindly_stats.tally) IS 'internal: whether some weight of a tally is below zero';

CREATE FUNCTION kindly_stats.forget_kept(event_table regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d kindly_stats.detached;
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
    is_whole := NOT EXISTS (SELECT FROM kindly_stats.relations(forget_kept.event_table) AS r WHERE NOT EXISTS (SELECT FROM kindly_stats.detached AS t WHERE t.event_table = r));
    FOREACH d IN ARRAY ARRAY(SELECT t FROM kindly_stats.detached AS t WHERE t.event_table IN (SELECT kindly_stats.relations(forget_kept.event_table)) ORDER BY t.event_table, t.grain)
    LOOP
        DELETE FROM kindly_stats.detached AS t WHERE t.event_table = d.event_table AND t.grain = d.grain;
        IF is_whole AND d.event_table = forget_kept.event_table
           OR NOT is_whole AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = d.event_table AND c.relkind = 'r') THEN
            PERFORM kindly_stats.append_counts(d.event_table, d.columns, d.grain, NULL, true, true);
        END IF;
    END LOOP;
    -- what was taken away lies in rows of its own; months that were not touched are as before
    IF EXISTS (SELECT FROM (SELECT DISTINCT n.bot_id, n.month FROM kindly_stats.rollup AS n WHERE n.kept AND kindly_stats.has_negative(n.tally)) AS n,
                           kindly_stats.measure AS m,
                           LATERAL (SELECT kindly_stats.sum(CASE r.measure WHEN '' THEN kindly_stats.part(r.tally, m.name) ELSE r.tally END) AS tally
                                      FROM kindly_stats.rollup AS r
                                     WHERE r.bot_id = n.bot_id AND r.month = n.month AND r.measure IN ('', m.name) AND r.kept) AS s
                WHERE kindly_stats.has_negative(s.tally)) THEN
        RAISE EXCEPTION 'table "%" has events that were not kept when it was detached', event_table
            USING ERRCODE = '55000', HINT = 'Delete those that were written since, and insert them again once the table is attached.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.forget_kept(regclass) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.forget_kept(regclass) IS
'takes the events of a detached table out of what was kept, so that it can be attached again

event_table: a table that was detached with keep_statistics and has the events that it had then, or some of them: what was deleted since
stays counted.
Errors: 25001 at an isolation level above READ COMMITTED, 55000 where nothing was kept of the table, or less than it has now.';
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
nothing to compare with, such as for 29 February, the ratio also where the earlier count is 0.  is_partial: the ranges cover only a part of either bucket, or it is not over yet.';

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
the range covers only a part of either bucket.  54000 for more than 2,800 buckets.';

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

name: today, yesterday, last7days, last30days, thisWeek, lastWeek, thisMonth, lastMonth, last3Months, thisQuarter, lastQuarter, thisYear or lastYear, in any case; tz: whose date is today, default the session''s; now: default the transaction''s;
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
-- Languages: which of a bot's codes are one.

CREATE FUNCTION kindly_stats.language(code text, by text DEFAULT 'tag') RETURNS text
    -- not immutable: what is deprecated or likely changes with ICU
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
-- Relations for tools that list tables and views: src/bi.  Foreign tables, so that conditions are handed over and decide what is read
-- of the rollup; views over them, since some tools list nothing else.  Whoever asks, it is the caller's rights on the rollup that
-- count, as with every question.

CREATE FUNCTION kindly_stats.bi_handler() RETURNS fdw_handler
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_bi_handler';
CREATE FUNCTION kindly_stats.bi_validator(text[], oid) RETURNS void
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_bi_validator';
REVOKE EXECUTE ON FUNCTION kindly_stats.bi_handler(), kindly_stats.bi_validator(text[], oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bi_handler() IS 'internal: handler of foreign data wrapper kindly_stats';
COMMENT ON FUNCTION kindly_stats.bi_validator(text[], oid) IS 'internal: checks options of its tables and columns';

CREATE FOREIGN DATA WRAPPER kindly_stats HANDLER kindly_stats.bi_handler VALIDATOR kindly_stats.bi_validator;
COMMENT ON FOREIGN DATA WRAPPER kindly_stats IS 'statistics as relations, read from kindly_stats.rollup';
CREATE SERVER kindly_stats FOREIGN DATA WRAPPER kindly_stats;
COMMENT ON SERVER kindly_stats IS 'statistics as relations, read from kindly_stats.rollup';

CREATE SCHEMA bi;
COMMENT ON SCHEMA bi IS 'statistics as relations, for BI tools';

-- Options of a table: unit; rows, the measures that decide which rows there are, by default events.  Of a column: measure, with value
-- (members or newcomers, by default events) and per, which makes it a rate; part, a part of the measures' key, of which 0 is the source.

CREATE FOREIGN TABLE kindly_stats.bi_hourly (
    date date,
    hour timestamp,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'newcomers'),
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
    new_users bigint OPTIONS (measure 'users', value 'newcomers'),
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
    new_users bigint OPTIONS (measure 'users', value 'newcomers'),
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
    new_users bigint OPTIONS (measure 'users', value 'newcomers'),
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

CREATE FOREIGN TABLE kindly_stats.bi_daily_by_source (
    date date,
    bot_id text,
    bot_name text,
    source text OPTIONS (part '0'),
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
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
) SERVER kindly_stats OPTIONS (unit 'day');
COMMENT ON FOREIGN TABLE kindly_stats.bi_daily_by_source IS 'internal: what view bi.daily_by_source shows';
CREATE VIEW bi.daily_by_source AS SELECT * FROM kindly_stats.bi_daily_by_source;
COMMENT ON VIEW bi.daily_by_source IS 'statistics by local day and source: a row for each source that had an event that day';

CREATE FOREIGN TABLE kindly_stats.bi_daily_by_language (
    date date,
    bot_id text,
    bot_name text,
    language_code text OPTIONS (part '1'),
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
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
) SERVER kindly_stats OPTIONS (unit 'day');
COMMENT ON FOREIGN TABLE kindly_stats.bi_daily_by_language IS 'internal: what view bi.daily_by_language shows';
CREATE VIEW bi.daily_by_language AS SELECT * FROM kindly_stats.bi_daily_by_language;
COMMENT ON VIEW bi.daily_by_language IS 'statistics by local day and language: a row for each language that had an event that day';

CREATE FOREIGN TABLE kindly_stats.bi_pages (
    date date,
    bot_id text,
    bot_name text,
    web_host text OPTIONS (part '2'),
    web_path text OPTIONS (part '3'),
    messages bigint OPTIONS (measure 'pages'),
    chats bigint OPTIONS (measure 'pages', value 'members'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'pages');
COMMENT ON FOREIGN TABLE kindly_stats.bi_pages IS 'internal: what view bi.pages shows';
CREATE VIEW bi.pages AS SELECT * FROM kindly_stats.bi_pages;
COMMENT ON VIEW bi.pages IS 'messages and chats by local day and page';

CREATE FOREIGN TABLE kindly_stats.bi_buttons (
    date date,
    bot_id text,
    bot_name text,
    button_id text OPTIONS (part '2'),
    button_type text OPTIONS (part '3'),
    dialogue_id text OPTIONS (part '4'),
    clicks bigint OPTIONS (measure 'buttons'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'buttons');
COMMENT ON FOREIGN TABLE kindly_stats.bi_buttons IS 'internal: what view bi.buttons shows';
CREATE VIEW bi.buttons AS SELECT * FROM kindly_stats.bi_buttons;
COMMENT ON VIEW bi.buttons IS 'clicks by local day and button';

CREATE FOREIGN TABLE kindly_stats.bi_labels (
    date date,
    bot_id text,
    bot_name text,
    label_text text OPTIONS (part '2'),
    label_id text OPTIONS (part '3'),
    labels bigint OPTIONS (measure 'labels'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'labels');
COMMENT ON FOREIGN TABLE kindly_stats.bi_labels IS 'internal: what view bi.labels shows';
CREATE VIEW bi.labels AS SELECT * FROM kindly_stats.bi_labels;
COMMENT ON VIEW bi.labels IS 'labels added by local day and label';

CREATE FOREIGN TABLE kindly_stats.bi_topics (
    date date,
    bot_id text,
    bot_name text,
    topic text OPTIONS (part '2'),
    messages bigint OPTIONS (measure 'topics'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'topics');
COMMENT ON FOREIGN TABLE kindly_stats.bi_topics IS 'internal: what view bi.topics shows';
CREATE VIEW bi.topics AS SELECT * FROM kindly_stats.bi_topics;
COMMENT ON VIEW bi.topics IS 'messages by local day and topic';

CREATE FOREIGN TABLE kindly_stats.bi_intents (
    date date,
    bot_id text,
    bot_name text,
    interaction_type text OPTIONS (part '2'),
    interaction_name text OPTIONS (part '3'),
    interaction_id text OPTIONS (part '4'),
    interaction_parent_id text OPTIONS (part '5'),
    story_id text OPTIONS (part '6'),
    triggered bigint OPTIONS (measure 'interactions'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'interactions');
COMMENT ON FOREIGN TABLE kindly_stats.bi_intents IS 'internal: what view bi.intents shows';
CREATE VIEW bi.intents AS SELECT * FROM kindly_stats.bi_intents;
COMMENT ON VIEW bi.intents IS 'interactions (intents, entities and other building blocks) triggered, by local day';

CREATE FOREIGN TABLE kindly_stats.bi_responses (
    date date,
    bot_id text,
    bot_name text,
    response_id text OPTIONS (part '2'),
    sent bigint OPTIONS (measure 'responses'),
    likes bigint OPTIONS (measure 'response_likes'),
    dislikes bigint OPTIONS (measure 'response_dislikes'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'responses,response_likes,response_dislikes');
COMMENT ON FOREIGN TABLE kindly_stats.bi_responses IS 'internal: what view bi.responses shows';
CREATE VIEW bi.responses AS SELECT * FROM kindly_stats.bi_responses;
COMMENT ON VIEW bi.responses IS 'responses sent, liked and disliked by local day and response';

CREATE FOREIGN TABLE kindly_stats.bi_ratings (
    date date,
    bot_id text,
    bot_name text,
    rating_type text OPTIONS (part '2'),
    rating text OPTIONS (part '3'),
    ratings bigint OPTIONS (measure 'feedback'),
    users bigint OPTIONS (measure 'feedback', value 'members'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'feedback');
COMMENT ON FOREIGN TABLE kindly_stats.bi_ratings IS 'internal: what view bi.ratings shows';
CREATE VIEW bi.ratings AS SELECT * FROM kindly_stats.bi_ratings;
COMMENT ON VIEW bi.ratings IS 'ratings by local day, kind and value';

CREATE FOREIGN TABLE kindly_stats.bi_conversations_daily (
    date date,
    bot_id text,
    bot_name text,
    conversations_started bigint OPTIONS (measure 'conversations_started'),
    visitor_messages_started bigint OPTIONS (measure 'visitor_messages_started'),
    not_understood_started bigint OPTIONS (measure 'not_understood_started'),
    not_understood_rate_started double precision OPTIONS (measure 'not_understood_started', per 'visitor_messages_started'),
    conversations_ended bigint OPTIONS (measure 'conversations_ended'),
    visitor_messages_ended bigint OPTIONS (measure 'visitor_messages_ended'),
    not_understood_ended bigint OPTIONS (measure 'not_understood_ended'),
    not_understood_rate_ended double precision OPTIONS (measure 'not_understood_ended', per 'visitor_messages_ended'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'conversations_started,conversations_ended');
COMMENT ON FOREIGN TABLE kindly_stats.bi_conversations_daily IS 'internal: what view bi.conversations_daily shows';
CREATE VIEW bi.conversations_daily AS SELECT * FROM kindly_stats.bi_conversations_daily;
COMMENT ON VIEW bi.conversations_daily IS 'conversations by the local day of their start and of their end';

CREATE FOREIGN TABLE kindly_stats.bi_outcomes_daily (
    date date,
    bot_id text,
    bot_name text,
    conversation_status text OPTIONS (part '2'),
    last_resolution text OPTIONS (part '3'),
    conversations_started bigint OPTIONS (measure 'outcomes_started'),
    conversations_ended bigint OPTIONS (measure 'outcomes_ended'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'outcomes_started,outcomes_ended');
COMMENT ON FOREIGN TABLE kindly_stats.bi_outcomes_daily IS 'internal: what view bi.outcomes_daily shows';
CREATE VIEW bi.outcomes_daily AS SELECT * FROM kindly_stats.bi_outcomes_daily;
COMMENT ON VIEW bi.outcomes_daily IS 'conversations by outcome and the local day of their start and of their end';

CREATE VIEW bi.heatmap AS
SELECT h.date, h.weekday, h.hour_of_day, h.bot_id, h.bot_name, h.messages, h.chats, h.replies, h.fallbacks, h.events, h.starts_at, h.tz
  FROM kindly_stats.bi_hourly AS h;
COMMENT ON VIEW bi.heatmap IS 'statistics by local day, weekday and hour of the day: a row for each hour from a bot''s first event to its last';

-- What tools show beside a column's name is its comment.
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
            ('users', 'distinct users; a user counts once in each row'),
            ('new_users', 'users who had no message in any hour, day, week or month before'),
            ('replies', 'replies of the bot'),
            ('fallbacks', 'replies in which the bot did not understand'),
            ('fallback_rate', 'fallbacks per reply, from 0 to 1; NULL without replies'),
            ('handover_requests', 'requests for a human'),
            ('handovers', 'conversations that a human took over'),
            ('ratings', 'ratings that users gave'),
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
            ('triggered', 'how often it was triggered'),
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
-- Pictures: of any labels and numbers, and of a bot's statistics.

-- PostgREST answers what has this type with this media type.
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

labels: of the values, or the names of the weekdays from Sunday, with 60 characters at most; values: 2,000 at most, NULL is a gap;
kind: line, bar or heatmap, whose values are those of 24 hours of each weekday; title, description: for those who see it and who
do not, the latter by default what the highest value is; width, height: in pixels, from 120 to 4000.
It has colours for light and dark screens.  Numbers below zero are drawn as zero.  NULL without values.
Errors: 22023 for another kind or size, and for numbers that are not finite or too many.';

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
        (SELECT kindly_stats.svg('{Sun,Mon,Tue,Wed,Thu,Fri,Sat}', array_agg(h.count ORDER BY h.day, h.hour), kind, coalesce(title, measure, 'messages'), NULL, width, height)
           FROM kindly_stats.stats_heatmap(bot, "from", "to", tz, measure, sources, language_codes, key) AS h)
    ELSE
        (SELECT kindly_stats.svg(array_agg(kindly_stats.bucket_label(s.date, granularity, locale, 'short') ORDER BY s.bucket), coalesce(array_agg(s.count ORDER BY s.bucket), '{}'),
                                 kind, coalesce(title, measure, 'messages'), NULL, width, height)
           FROM kindly_stats.stats_series(bot, "from", "to", tz, granularity, measure, sources, language_codes, key, locale) AS s)
    END;
END;
COMMENT ON FUNCTION kindly_stats.stats_svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) IS
'a picture of a time series, or of the hours of the week

kind: line, bar or heatmap, for which granularity and locale are without meaning; title: by default the measure; width, height: in
pixels, from 120 to 4000.  The other arguments are those of stats_series.
Errors: those of stats_series and of svg().';
-- Kindly's Sage Statistics API.  Every argument is named and has a default: PostgREST finds a function by names, and what is
-- missing is answered by the function itself.

CREATE SCHEMA sage;
COMMENT ON SCHEMA sage IS 'chatbot statistics as the Sage Statistics API documents them';

CREATE FUNCTION sage.meta_options(bot kindly_stats.bot_id DEFAULT NULL) RETURNS json
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_meta_options';
COMMENT ON FUNCTION sage.meta_options(kindly_stats.bot_id) IS
'what the other statistics can be filtered by

bot: whose.  first, last: instants of its first and last event, in UTC, null without events; language_codes, sources: values that
its events have, written as lists take them (with a backslash before one that is empty or begins with a minus or a backslash), in
bytewise order; granularities: hour, day and week, as documented (time series take month, quarter and year, too).
Error: 22004 without bot.';

CREATE FUNCTION sage.sessions_chats(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_sessions_chats';
COMMENT ON FUNCTION sage.sessions_chats(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number of chats in which users engaged with the bot, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: distinct sessions with a user message in the bucket; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.sessions_messages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_sessions_messages';
COMMENT ON FUNCTION sage.sessions_messages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number of messages from users, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: user messages in the bucket; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.fallbacks_series(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_fallbacks_series';
COMMENT ON FUNCTION sage.fallbacks_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number and fraction of bot replies that are fallbacks, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: fallbacks in the bucket; rate: what part of the bot''s replies they are, 0.0 without replies; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.takeovers_series(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_takeovers_series';
COMMENT ON FUNCTION sage.takeovers_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'number of handovers, as a time series

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day (an hour) counts that day (hour) whole; tz:
time zone, default UTC; granularity: hour (for a week or less: on the local clock between dates and times without a zone, else of
time that elapses), day, week, month, quarter or year; sources, language_codes: lists
such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
requests (while open), requests_while_closed, started and ended handovers in the bucket; date: local start of the bucket; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.fallbacks_total(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_fallbacks_total';
COMMENT ON FUNCTION sage.fallbacks_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'number and fraction of bot replies that are fallbacks, in all

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; sources, language_codes: lists such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
count: fallbacks; rate: what part of the bot''s replies they are, 0.0 without replies.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.takeovers_totals(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_takeovers_totals';
COMMENT ON FUNCTION sage.takeovers_totals(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'number of handovers, in all

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; sources, language_codes: lists such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
requests (while open), requests_while_closed, started and ended handovers.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.feedback_summary(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_feedback_summary';
COMMENT ON FUNCTION sage.feedback_summary(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'ratings given by users

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; sources, language_codes: lists such as web,app or ["web","app"], where a leading minus excludes;
a backslash before a value takes it as it is.
binary (1, 2) and emojis (1, 2, 3): count of each rating, and its ratio of all ratings of its type, 0.0 without any.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.chatbubble_pages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    "limit" integer DEFAULT 3, sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_chatbubble_pages';
COMMENT ON FUNCTION sage.chatbubble_pages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text) IS
'web pages where most interactions with the bot happened

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; limit: how many at most, default 3; sources, language_codes: lists such as web,app or ["web","app"], where a leading
minus excludes; a backslash before a value takes it as it is.
messages: user messages on the page; sessions: distinct sessions they belong to; web_host, web_path: the page; most frequent first.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.buttons_most_clicked(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    "limit" integer DEFAULT 5, sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_buttons_most_clicked';
COMMENT ON FUNCTION sage.buttons_most_clicked(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text) IS
'buttons that users clicked most

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; limit: how many at most, default 5; sources, language_codes: lists such as web,app or ["web","app"], where a leading
minus excludes; a backslash before a value takes it as it is.
button_id, button_type, dialogue_id: the button; count: clicks; ratio: what part of all clicks they are, listed or not; most frequent first.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';

CREATE FUNCTION sage.chatlabels_added(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    "limit" integer DEFAULT 5, sources text DEFAULT NULL, language_codes text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_sage_chatlabels_added';
COMMENT ON FUNCTION sage.chatlabels_added(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text) IS
'labels most frequently added to chats

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; tz: time zone,
default UTC; limit: how many at most, default 5; sources, language_codes: lists such as web,app or ["web","app"], where a leading
minus excludes; a backslash before a value takes it as it is.
label_id, label_text: the label; count: how often it was added; most frequent first.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any
other argument that is missing or makes no sense.';
-- ChatBot.com's Reports.  Every argument is named and has a default: PostgREST finds a function by names, and what is missing is
-- answered by the function itself.

CREATE SCHEMA chatbot;
COMMENT ON SCHEMA chatbot IS 'chatbot statistics as the ChatBot.com Reports API documents them';

CREATE FUNCTION chatbot.conversations(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_conversations';
COMMENT ON FUNCTION chatbot.conversations(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'conversations in which users wrote to the bot, as data points with a summary

bot: whose; from (default 1974-01-01), to (default now): dates or timestamps, to exclusive, one inside a day (an hour) counts that
day (hour) whole; period, where neither is given: today, yesterday, last7days, last30days, thisMonth, lastMonth, last3Months,
thisYear or lastYear; dimension: auto, year, month, day or hour; group: source or storyId, for data points of each; source, storyId:
lists such as widget,slack or ["widget","slack"], where a leading minus excludes and a backslash before a value takes it as it is; tz: time zone, default UTC.
value: distinct sessions with a user message in the bucket; date: its start; every bucket is there.
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any other argument that makes no sense.';

CREATE FUNCTION chatbot.conversations_paid(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_conversations_paid';
COMMENT ON FUNCTION chatbot.conversations_paid(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'paid conversations in which users wrote to the bot, as data points with a summary

Arguments and errors as those of chatbot.conversations.
value: distinct sessions with a user message in the bucket that is marked paid; date: its start; every bucket is there.';

CREATE FUNCTION chatbot.conversations_messages(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_conversations_messages';
COMMENT ON FUNCTION chatbot.conversations_messages(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users, as data points with a summary

Arguments and errors as those of chatbot.conversations.
value: user messages in the bucket; date: its start; every bucket is there.';

CREATE FUNCTION chatbot.conversations_avg(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', dimension text DEFAULT 'day', "group" text DEFAULT NULL, source text DEFAULT NULL,
    "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_conversations_avg';
COMMENT ON FUNCTION chatbot.conversations_avg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text, text, text) IS
'messages from users in each conversation on average, as data points with a summary

Arguments and errors as those of chatbot.conversations.
value: user messages in the bucket for each distinct session they belong to, two decimals, 0 without sessions; date: its start;
every bucket is there.';

CREATE FUNCTION chatbot.conversations_heatmap(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "offset" integer DEFAULT NULL, source text DEFAULT NULL, "storyId" text DEFAULT NULL,
    tz text DEFAULT NULL)
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 10000 AS 'MODULE_PATHNAME', 'ks_chatbot_conversations_heatmap';
COMMENT ON FUNCTION chatbot.conversations_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text, text, text) IS
'conversations by weekday and hour of the day

bot, from, to, period, source, storyId, errors: as those of chatbot.conversations, but that from and to inside an hour count that
hour whole; offset: minutes that the clock is ahead of UTC, a multiple of 15 from -720 to 720, default 0 (events are counted by
quarter hours); tz: a time zone instead.
Seven arrays of 24 cells, Sunday (day 0) first.  value: distinct sessions with a user message in the cell; usage: percent of the
sum of all cells, two decimals.';

CREATE FUNCTION chatbot.conversations_interactions(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    period text DEFAULT 'last30days', "storyId" text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_chatbot_conversations_interactions';
COMMENT ON FUNCTION chatbot.conversations_interactions(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'interactions of the bot, most used first

bot, from, to, period, storyId, tz, errors: as those of chatbot.conversations.
All interactions that the bot ever had, and those of kindly_stats.interaction, in these stories, if there is a list of them.  parentId,
type, name, id: which one, without those that it does not have, the name being the last one that the id had; usage: percent of the
sum of all values, two decimals; value: how often it was used.  Further error: 42501 without SELECT on kindly_stats.interaction.';
-- LogicDialog's Analytics API.  Every argument is named and has a default: PostgREST finds a function by names, and what is
-- missing is answered by the function itself.  Answers are {"dateFrom", "dateTo", "client", "resolution", "data"}; dates are
-- instants in UTC, of buckets their start.

CREATE SCHEMA logicdialog;
COMMENT ON SCHEMA logicdialog IS 'chatbot statistics as the LogicDialog Analytics API documents them';

CREATE FUNCTION logicdialog."user"(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_user';
COMMENT ON FUNCTION logicdialog."user"(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'users created and active, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, created: users whose first message of all time lies in the bucket, active: distinct users with a message in it.  Who
never sent a message is in neither; every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.nlp(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_nlp';
COMMENT ON FUNCTION logicdialog.nlp(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'natural language inputs that matched an intent, and that did not, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, matched, unmatched: user messages whose column matched is true, false; those where it is NULL are no natural
language.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.message(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_message';
COMMENT ON FUNCTION logicdialog.message(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'chat messages sent by users, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, messages: user messages; every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.active_channel(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_active_channel';
COMMENT ON FUNCTION logicdialog.active_channel(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'channels used by users, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, channels: those used in the bucket, each with channel (the source, null where unknown), users: distinct users with a
message there, messages; those with most messages in the whole range first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.message_groups(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_message_groups';
COMMENT ON FUNCTION logicdialog.message_groups(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'topics that users asked about, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, topics: those asked about in the bucket, each with topic, messages: user messages about it; those with most messages in
the whole range first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.sentiment(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_sentiment';
COMMENT ON FUNCTION logicdialog.sentiment(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'positive, negative and neutral conversations, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, positive, negative, neutral: distinct sessions with a user message of that sentiment in the bucket; a session counts in
each that it showed.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.events(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_events';
COMMENT ON FUNCTION logicdialog.events(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how often each event was triggered

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: event, count; most frequent first.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.user_detail(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_user_detail';
COMMENT ON FUNCTION logicdialog.user_detail(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'users by channel, country, language and rating

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: channel, country, language: lists of name, users: distinct users with a message, and rating: a list of ratingType, rating,
users: distinct users who gave it; most users first.  Channels and languages are null where unknown; users without a country are not
among the countries.  Events that do not know their user are left out.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.response(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_response';
COMMENT ON FUNCTION logicdialog.response(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'responses shown: views, likes, dislikes, and what triggered them

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: response, views, likes, dislikes, triggers: how many of the views a button and natural language (naturalLanguage) led to;
most views first.  A response that was only liked or disliked in the range is listed, too.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.url_tracking(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_url_tracking';
COMMENT ON FUNCTION logicdialog.url_tracking(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how often links in responses were clicked

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: url, clicks; most frequent first.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.blocks(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_blocks';
COMMENT ON FUNCTION logicdialog.blocks(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'responses shown, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, responses: those shown in the bucket, each with response, views; those with most views in the whole range first.  Every
bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention';
COMMENT ON FUNCTION logicdialog.intervention(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'interventions of live agents, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, interventions: handovers started; every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention_average_time_by_agent_series(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention_average_time_by_agent_series';
COMMENT ON FUNCTION logicdialog.intervention_average_time_by_agent_series(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how long handovers to each agent took, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, agents: those of handovers that ended in the bucket, each with agent (null where unknown), interventions: handovers that
ended and have a duration, averageSeconds (rounded to hundredths), seconds; those with most interventions in the whole range
first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention_detail(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention_detail';
COMMENT ON FUNCTION logicdialog.intervention_detail(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'channel, topic and outcome of interventions

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: channel (the source), topic, outcome, each null where unknown, interventions: handovers started in the range; most frequent
first.  The outcome belongs to the event that started the handover and is written to it by UPDATE when it is known.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.intervention_average_time(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_intervention_average_time';
COMMENT ON FUNCTION logicdialog.intervention_average_time(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'how long handovers to agents took, in all

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: interventions: handovers that ended in the range and have a duration, averageSeconds (rounded to hundredths, null without
any), seconds.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';

CREATE FUNCTION logicdialog.active_user_language(
    "dateFrom" kindly_stats.moment DEFAULT NULL, "dateTo" kindly_stats.moment DEFAULT NULL, client text DEFAULT NULL,
    resolution text DEFAULT 'day', tz text DEFAULT 'UTC')
    RETURNS json LANGUAGE C STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_logicdialog_active_user_language';
COMMENT ON FUNCTION logicdialog.active_user_language(kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'languages of users, as a time series

dateFrom, dateTo: dates (YYYY-MM-DD) or timestamps; dateFrom goes back to the start of its unit of resolution, dateTo, exclusive,
on to the end of its day (for hour: of its hour); client: the workspace, a name in kindly_stats.bot_name; resolution: hour, day, week
(ISO), month or quarter, default day; tz: time zone of these units, default UTC.
data: date, languages: those used in the bucket, each with language (null where unknown), users: distinct users with a message in
it, messages; those with most messages in the whole range first.  Every bucket is there.
Errors: 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes no sense, 55000
before the first event table is attached.';
-- Ultimate's Data Export API, and the metrics that its page suggests.

CREATE SCHEMA ultimate;
COMMENT ON SCHEMA ultimate IS 'conversations and their metrics as the Data Export API documents them';

-- Volatile, for the first export of a day closes it: with the caller's right to execute kindly_stats.close_day(), without which
-- it changes nothing.

CREATE FUNCTION ultimate.export_rows(bot kindly_stats.bot_id DEFAULT NULL, day date DEFAULT NULL) RETURNS SETOF json
    LANGUAGE C VOLATILE COST 1000 ROWS 10000 AS 'MODULE_PATHNAME', 'ks_ultimate_export_rows';
COMMENT ON FUNCTION ultimate.export_rows(kindly_stats.bot_id, date) IS
'the conversations of a bot that ended on a day, a JSON object each, in the order in which they ended

bot: whose; day: a UTC day that is over.  In the SELECT list, as in COPY (SELECT ultimate.export_rows(42, ''2024-10-27'')) TO STDOUT,
rows are streamed.  Properties and types are the documented ones.  The first export of a day that has any closes it: its answer stays the
same from then on, since nobody can change those conversations any more (see kindly_stats.close_day() and reopen_day()).
Errors: those of kindly_stats.close_day() where the day has not been closed, and 42501 where the caller may not execute that;
55000 where conversations that had been exported are gone; 22023, 22P02, 22007 or 22008 where replies or intents that no trigger
has seen cannot be understood.';

CREATE FUNCTION ultimate.export(bot kindly_stats.bot_id DEFAULT NULL, day date DEFAULT NULL) RETURNS json
    LANGUAGE C VOLATILE COST 100000 AS 'MODULE_PATHNAME', 'ks_ultimate_export';
COMMENT ON FUNCTION ultimate.export(kindly_stats.bot_id, date) IS
'the document of all conversations of a bot that ended on a day: a JSON array

Arguments, properties and errors as those of ultimate.export_rows(), which needs no memory for all of it; and 54000 for a document
of more than a gigabyte.  A day without conversations has an empty array.';

CREATE FUNCTION ultimate.metrics(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    attribution text DEFAULT 'end', channels text DEFAULT NULL, languages text DEFAULT NULL, tz text DEFAULT 'UTC')
    RETURNS TABLE (total_conversations bigint, bot_handled_conversations bigint, bot_handled_rate double precision,
                   deflection_rate double precision, escalation_rate double precision, failed_escalation_rate double precision,
                   informed_rate double precision, automation_rate double precision, messages_understood_rate double precision)
    LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'ks_ultimate_metrics';
COMMENT ON FUNCTION ultimate.metrics(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text) IS
'how many conversations there were, and what part of them was handled, deflected, escalated and so on

bot: whose; from, to: dates (YYYY-MM-DD) or timestamps, to exclusive; one inside a day counts that day whole; attribution: end for
conversations that ended then, as exports have them, start for those that began then and have bot messages, as the
dashboard has them; channels, languages: lists such as chat,ticket, where a leading minus excludes and a backslash before a value
takes it as it is; tz: time zone, default UTC.
Rates are parts of 1, NULL without conversations (messages_understood_rate without visitor messages).
Errors: 22004 without bot, 22008 for instants outside the years 1 to 9999, 22023 for any other argument that is missing or makes
no sense, 55000 before the first table is attached.';

-- Restricted, because they read the conversations as their tables' owner, which a worker cannot become.

CREATE FUNCTION ultimate.first_last_intent(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    attribution text DEFAULT 'end', tz text DEFAULT 'UTC')
    RETURNS TABLE (conversation_id text, first_intent text, last_intent text)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10000 AS 'MODULE_PATHNAME', 'ks_ultimate_first_last_intent';
COMMENT ON FUNCTION ultimate.first_last_intent(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text) IS
'the first and the last of the intents that each conversation triggered, as its list has them

Arguments and errors as those of ultimate.metrics().  A line for every conversation, in the order in which they ended (or began),
NULLs without intents.  It reads the conversations, those that the caller may see.';

CREATE FUNCTION ultimate.metrics_by_first_meaningful_intent(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    excluded text DEFAULT NULL, attribution text DEFAULT 'end', tz text DEFAULT 'UTC')
    RETURNS TABLE (first_meaningful_intent text, total_conversations bigint, bot_handled_rate double precision)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_ultimate_metrics_by_first';
COMMENT ON FUNCTION ultimate.metrics_by_first_meaningful_intent(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'conversations, and what part of them the bot handled, by their first meaningful intent

excluded: a list of intents that do not count, such as Greeting,Help, where a backslash before a name takes it as it is; other
arguments and errors as those of ultimate.metrics().
Which intent it is says ultimate.first_meaningful_intent(); conversations without one are left out.  Most conversations first,
then by name.  It reads the conversations, those that the caller may see.';

CREATE FUNCTION ultimate.metrics_by_last_meaningful_intent(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL,
    excluded text DEFAULT NULL, attribution text DEFAULT 'end', tz text DEFAULT 'UTC')
    RETURNS TABLE (last_meaningful_intent text, total_conversations bigint, bot_handled_rate double precision)
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_ultimate_metrics_by_last';
COMMENT ON FUNCTION ultimate.metrics_by_last_meaningful_intent(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text) IS
'conversations, and what part of them the bot handled, by their last meaningful intent

Arguments, order and errors as those of ultimate.metrics_by_first_meaningful_intent().';

-- Immutable: an intent's time without a zone is UTC, whatever the session's settings.

CREATE FUNCTION ultimate.first_meaningful_intent(triggered_intent_replies jsonb DEFAULT NULL, excluded text[] DEFAULT '{}') RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_first_meaningful_intent';
COMMENT ON FUNCTION ultimate.first_meaningful_intent(jsonb, text[]) IS
'the name of the first intent of a conversation that is meaningful

triggered_intent_replies: an array of objects with intent_name, intent_timestamp and not_meaningful, or of their JSON texts; excluded:
names that do not count, where a backslash before one takes it as it is.  Those count whose not_meaningful is false.  The earliest
intent_timestamp (ISO 8601, UTC where it has no zone or ends in UTC, or a number of seconds since 1970) is first, of equal ones the
first in the array; those without a time come last.  NULL where there is none.
Errors: 22023 for a NULL, a leading minus or an empty name in excluded, and for what is no such array; 22P02 for a text that is no
JSON; 22007 for a time that cannot be read, 22008 for a number outside the years 2000 to 2099.';

CREATE FUNCTION ultimate.last_meaningful_intent(triggered_intent_replies jsonb DEFAULT NULL, excluded text[] DEFAULT '{}') RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_last_meaningful_intent';
COMMENT ON FUNCTION ultimate.last_meaningful_intent(jsonb, text[]) IS
'the name of the last intent of a conversation that is meaningful

Arguments and errors as those of ultimate.first_meaningful_intent().  The latest intent_timestamp is last, of equal ones the last
in the array; those without a time are only taken where there is no other.';
-- Who sees which bots: grants, row-level security, API keys, tokens.  Tables are made on demand, as those of events are: members
-- of the extension would be dumped without their rows.  Roles belong to the whole cluster, so that only a call makes them.

-- The caller's bots

CREATE FUNCTION kindly_stats.visible_bots() RETURNS bigint[]
    LANGUAGE C STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_visible_bots';
CREATE FUNCTION kindly_stats.is_one_of(bot bigint, bots bigint[]) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'ks_is_one_of';
CREATE FUNCTION kindly_stats.require_bot(bot kindly_stats.bot_id) RETURNS kindly_stats.bot_id
    LANGUAGE C STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'ks_require_bot';
CREATE FUNCTION kindly_stats.grants_changed() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_grants_changed';
REVOKE EXECUTE ON FUNCTION kindly_stats.grants_changed() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.visible_bots() IS
'bots that row-level security shows to the caller, ascending

For the role of API tokens the bot of the token; for all others those that kindly_stats.grant_bot() gave to the role itself or to
a role whose rights it has.  Owners of the tables and superusers see every bot, whatever is listed here.';
COMMENT ON FUNCTION kindly_stats.is_one_of(bigint, bigint[]) IS 'internal: whether a list that ascends has the bot';
COMMENT ON FUNCTION kindly_stats.require_bot(kindly_stats.bot_id) IS 'internal: the bot that is asked for, by default the token''s; a token gets at no other (HTTP 403)';
COMMENT ON FUNCTION kindly_stats.grants_changed() IS 'trigger of kindly_stats.bot_grant: makes every session read the grants anew';

-- Tables

CREATE FUNCTION kindly_stats.create_access_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_tables();
    IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = to_regclass('kindly_stats.bot_grant') AND t.tgname = 'kindly_stats_changed')
       AND to_regclass('kindly_stats.api_key') IS NOT NULL AND to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        RETURN;
    END IF;
    -- another session may be at the same, and be done before us
    PERFORM kindly_stats.lock_creation();
    IF to_regclass('kindly_stats.bot_grant') IS NULL THEN
        -- by name: a role's number is another one in the cluster that a dump is restored to
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
            bot_id bigint NOT NULL,
            label text,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz,
            revoked_at timestamptz
        );
        COMMENT ON TABLE kindly_stats.api_key IS
'API keys, without their secrets

prefix: by which a key is known; bot_id: the number of the bot that it opens; label: what it is for; hash: SHA-256 of the whole key;
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
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_access_tables() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_access_tables() IS 'internal: creates kindly_stats.bot_grant, api_key and api_secret where they are missing';

-- Row-level security

-- The tables that it is about, and their bot columns.  Readers need rights on a table, but not on its partitions.
CREATE FUNCTION kindly_stats.tables_with_bots() RETURNS TABLE (relation regclass, bot_column name, is_partition boolean)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid::regclass, 'bot_id'::name, false FROM pg_class AS c
     WHERE c.relnamespace = 'kindly_stats'::regnamespace AND c.relname IN ('rollup', 'known_bot', 'bot_name', 'exported', 'interaction') AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT r, (t.columns ->> 'bot_id')::name, r <> t.conversation_table
      FROM kindly_stats.conversation_table AS t, kindly_stats.relations(t.conversation_table) AS r
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.tables_with_bots() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.tables_with_bots() IS 'internal: tables that row-level security covers, and their bot columns';

CREATE FUNCTION kindly_stats.has_row_security() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) > 0 AND bool_and(c.relrowsecurity AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'kindly_stats_bots'))
      FROM kindly_stats.tables_with_bots() AS t JOIN pg_class AS c ON c.oid = t.relation
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_row_security() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_row_security() IS 'internal: whether row-level security covers all tables that it is about';

-- Who looks after all bots sees all bots.
CREATE FUNCTION kindly_stats.admit_administrators() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t regclass;
BEGIN
    IF to_regrole('kindly_stats_admin') IS NULL OR to_regrole('kindly_stats_monitor') IS NULL THEN
        RETURN;
    END IF;
    FOR t IN SELECT w.relation FROM kindly_stats.tables_with_bots() AS w
              WHERE EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = w.relation AND p.polname = 'kindly_stats_bots')
                AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = w.relation AND p.polname = 'kindly_stats_administrators')
              ORDER BY w.relation
    LOOP
        EXECUTE format('CREATE POLICY kindly_stats_administrators ON %s TO kindly_stats_admin, kindly_stats_monitor USING (true)', t);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.admit_administrators() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.admit_administrators() IS 'internal: policies that show kindly_stats_admin and kindly_stats_monitor every bot';

CREATE FUNCTION kindly_stats.enable_row_security() RETURNS SETOF regclass
    LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t record;
BEGIN
    PERFORM kindly_stats.create_access_tables();
    FOR t IN SELECT w.relation, w.bot_column, c.relrowsecurity,
                    EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'kindly_stats_bots') AS has_policy,
                    kindly_stats.has_text_bots(w.relation, jsonb_build_object('bot_id', w.bot_column)) AS is_text
               FROM kindly_stats.tables_with_bots() AS w JOIN pg_class AS c ON c.oid = w.relation
              ORDER BY w.relation::text COLLATE "C"
    LOOP
        -- The list of bots is worked out once a query.  Questions find the rollup's rows by their bot, and a list that the index
        -- is to be searched for, too, would slow them where it is long; other tables are also read without naming a bot.  Who may
        -- write these goes on doing so, for all bots, and sees what there is to write.
        IF t.has_policy THEN
            NULL;
        ELSIF t.relation = 'kindly_stats.rollup'::regclass THEN
            EXECUTE format('CREATE POLICY kindly_stats_bots ON %s FOR SELECT USING (kindly_stats.is_one_of(%I, (SELECT kindly_stats.visible_bots())))',
                           t.relation, t.bot_column);
        ELSE
            EXECUTE format('CREATE POLICY kindly_stats_bots ON %1$s USING (%2$s = ANY ((SELECT kindly_stats.visible_bots())::bigint[])'
                           ' OR (SELECT has_table_privilege(%1$L::regclass, ''INSERT, UPDATE, DELETE'')))', t.relation,
                           format(CASE WHEN t.is_text THEN '%I::kindly_stats.bot_id::bigint' ELSE '%I' END, t.bot_column));
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
REVOKE EXECUTE ON FUNCTION kindly_stats.enable_row_security() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.enable_row_security() IS
'shows each database role only the bots that it was granted, and each API token only its own

Row-level security on kindly_stats.rollup, known_bot, bot_name, interaction and exported, and on attached conversation tables, by policies named
kindly_stats_bots.  Gives back the tables that it has changed; call it once more when a conversation table was attached.  From then on
a role without grants sees zeros: see kindly_stats.grant_bot().  Owners of the tables and superusers go on seeing everything, and who
may write conversations goes on writing them.';

CREATE FUNCTION kindly_stats.require_row_security() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT kindly_stats.has_row_security() THEN
        RAISE EXCEPTION 'row-level security is not enabled' USING ERRCODE = '55000',
            HINT = 'Call kindly_stats.enable_row_security() first: without it, whoever may read statistics reads those of every bot.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.require_row_security() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.require_row_security() IS 'internal: refuses to let anybody read where that would show every bot (55000)';

-- What a reader needs, whichever bots it sees: the schemas of typed functions, dialects and tables, and the tables that have bots.
CREATE FUNCTION kindly_stats.grant_reading(reader name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, reader) FROM pg_namespace AS n
         WHERE (n.nspname = 'kindly_stats'
                OR n.oid IN (SELECT c.relnamespace FROM kindly_stats.tables_with_bots() AS t JOIN pg_class AS c ON c.oid = t.relation WHERE NOT t.is_partition)
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
         WHERE NOT t.is_partition AND NOT has_table_privilege(reader, t.relation, 'SELECT')
        UNION ALL
        -- everybody has it, but for where a dump was restored without privileges
        SELECT format('GRANT SELECT ON %s TO %I', r, reader) FROM unnest(ARRAY['kindly_stats.measure', 'kindly_stats.counting']::regclass[]) AS r
         WHERE NOT has_table_privilege(reader, r, 'SELECT')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_reading(name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_reading(name) IS 'internal: the grants that every reader needs and does not have';

CREATE FUNCTION kindly_stats.grant_bot(role name, bot kindly_stats.bot_id) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_row_security();
    IF bot IS NULL OR role IS NULL THEN
        RAISE EXCEPTION '"%" is missing', CASE WHEN role IS NULL THEN 'role' ELSE 'bot' END
            USING ERRCODE = '22004', HINT = 'Pass the name of a role and the bot''s id.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = grant_bot.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    END IF;
    PERFORM kindly_stats.grant_reading(role);
    PERFORM kindly_stats.note_bot(bot);
    INSERT INTO kindly_stats.bot_grant (role, bot_id) VALUES (grant_bot.role, bot::bigint) ON CONFLICT DO NOTHING;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_bot(name, kindly_stats.bot_id) IS
'lets a database role read the statistics of a bot

role: the role, whose members that inherit its rights see the bot, too; bot: the bot.  The role also gets USAGE of the schemas and
SELECT on the tables that statistics are read from, conversation tables among them.  kindly_stats.bot_grant lists what was granted,
by the roles'' names.
Errors: 22004, 42704 where there is no such role, 55000 before kindly_stats.enable_row_security() was called.';

CREATE FUNCTION kindly_stats.revoke_bot(role name, bot kindly_stats.bot_id) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_access_tables();
    DELETE FROM kindly_stats.bot_grant AS g WHERE g.role = revoke_bot.role AND g.bot_id = bot::bigint;
    RETURN FOUND;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.revoke_bot(name, kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.revoke_bot(name, kindly_stats.bot_id) IS
'takes back what kindly_stats.grant_bot() gave

role: the role; bot: the bot.  False where it was not granted to this very role.  It holds from the next query on.';

-- Roles of the API

CREATE FUNCTION kindly_stats.create_role(role name, options text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known record;
BEGIN
    SELECT r.rolsuper, r.rolbypassrls, r.rolcanlogin INTO known FROM pg_roles AS r WHERE r.rolname = create_role.role;
    IF NOT FOUND THEN
        EXECUTE format('CREATE ROLE %I %s', role, options);
    -- claims are believed of these roles: nobody else may act as one
    ELSIF known.rolsuper OR known.rolbypassrls OR known.rolcanlogin <> (options LIKE 'LOGIN%') THEN
        RAISE EXCEPTION 'role "%" exists and may do what it should not', role USING ERRCODE = '42710',
            HINT = format('Rename it, or ALTER ROLE %I NOSUPERUSER NOBYPASSRLS %s.', role, options);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_role(name, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_role(name, text) IS 'internal: creates a role of the extension, or checks the one that is there';

CREATE FUNCTION kindly_stats.limit_api_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
BEGIN
    -- that the server knows the extension's settings, of which only a superuser may set unknown ones
    PERFORM kindly_stats.visible_bots();
    -- PostgREST sets what the role of a request has at the begin of its transaction, but only what any session knows; the settings of
    -- the extension it does not find there, so that they are set where it logs in.
    FOR wanted IN
        SELECT s.role, s.name, s.value
          FROM (VALUES ('kindly_api_user', 'statement_timeout', '15s'), ('kindly_api_user', 'lock_timeout', '1s'),
                       ('kindly_api_anonymous', 'statement_timeout', '2s'), ('kindly_api_anonymous', 'lock_timeout', '1s'),
                       ('kindly_api_authenticator', 'kindly_stats.max_buckets', '9000'),
                       ('kindly_api_authenticator', 'kindly_stats.max_limit', '1000'),
                       ('kindly_api_authenticator', 'kindly_stats.wait_for_writers', 'off'),
                       -- a log of statements must not have the headers of requests, among which are keys and tokens
                       ('kindly_api_authenticator', 'log_parameter_max_length', '0'),
                       ('kindly_api_authenticator', 'log_parameter_max_length_on_error', '0')) AS s (role, name, value)
          JOIN pg_roles AS r ON r.rolname = s.role
         -- a value of the operator's own stays
         WHERE NOT EXISTS (SELECT FROM unnest(r.rolconfig) AS c (setting) WHERE starts_with(c.setting, concat(s.name, '=')))
           -- one that only a superuser may give
           AND (s.name <> 'log_parameter_max_length' OR (SELECT u.rolsuper FROM pg_roles AS u WHERE u.rolname = current_user))
    LOOP
        EXECUTE format('ALTER ROLE %I SET %s = %L', wanted.role, wanted.name, wanted.value);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.limit_api_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.limit_api_roles() IS 'internal: gives roles of the API those of their settings that they do not have';

CREATE FUNCTION kindly_stats.create_api_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_row_security();
    PERFORM kindly_stats.create_role('kindly_api_authenticator', 'LOGIN NOINHERIT');
    PERFORM kindly_stats.create_role('kindly_api_anonymous', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_api_user', 'NOLOGIN');
    IF NOT (pg_has_role('kindly_api_authenticator', 'kindly_api_anonymous', 'MEMBER')
            AND pg_has_role('kindly_api_authenticator', 'kindly_api_user', 'MEMBER')) THEN
        GRANT kindly_api_anonymous, kindly_api_user TO kindly_api_authenticator;
    END IF;
    GRANT USAGE ON SCHEMA kindly_api TO kindly_api_anonymous, kindly_api_user;
    -- without a token, request() says that one is needed
    GRANT EXECUTE ON FUNCTION kindly_api.auth(), kindly_api.exchange(), kindly_api.health(), kindly_api.request(), kindly_api.request_volatile() TO kindly_api_anonymous;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA kindly_api TO kindly_api_user;
    PERFORM kindly_stats.grant_reading('kindly_api_user');
    -- an export closes its day
    GRANT EXECUTE ON FUNCTION kindly_stats.close_day(kindly_stats.bot_id, date) TO kindly_api_user;
    PERFORM kindly_stats.limit_api_roles();
    NOTIFY pgrst, 'reload config';
    NOTIFY pgrst, 'reload schema';
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_api_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_api_roles() IS
'creates the roles that PostgREST serves the API with, and gives them their rights

kindly_api_authenticator, as which PostgREST connects (give it a password, or a line in pg_hba.conf); kindly_api_anonymous,
without a token; kindly_api_user, with one.  Grant none of them to anybody else.  Calling it once more gives the rights that came
to be needed since, such as those on a conversation table.  It also sets how long a request may take and wait, and how much it may
ask for, for roles that have no such settings: ALTER ROLE ... SET changes them, and calling this again leaves them.  Errors: 42710 where a role of that name exists that may do more, 55000 before
kindly_stats.enable_row_security() was called.';

-- API keys

CREATE FUNCTION kindly_stats.random_text(length integer) RETURNS text
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'ks_random_text';
REVOKE EXECUTE ON FUNCTION kindly_stats.random_text(integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.random_text(integer) IS 'internal: so many characters of six random bits each';

CREATE FUNCTION kindly_stats.create_api_key(bot kindly_stats.bot_id, label text DEFAULT NULL, lifetime interval DEFAULT NULL) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    prefix text := left(replace(gen_random_uuid()::text, '-', ''), 12);
    key text := concat('ks_', prefix, '_', kindly_stats.random_text(43));
BEGIN
    IF bot IS NULL THEN
        RAISE EXCEPTION '"bot" is missing' USING ERRCODE = '22004', HINT = 'Pass the bot''s id.';
    ELSIF now() + lifetime <= now() THEN
        RAISE EXCEPTION '"lifetime" must be longer than nothing' USING ERRCODE = '22023', HINT = 'Leave it out for a key that does not expire.';
    END IF;
    PERFORM kindly_stats.create_access_tables();
    PERFORM kindly_stats.note_bot(bot);
    INSERT INTO kindly_stats.api_key (prefix, bot_id, label, hash, expires_at)
    VALUES (prefix, bot::bigint, label, sha256(convert_to(key, 'UTF8')), now() + lifetime);
    RETURN key;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_api_key(kindly_stats.bot_id, text, interval) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_api_key(kindly_stats.bot_id, text, interval) IS
'makes an API key for a bot and shows it this once

bot: whose statistics it opens; label: what it is for; lifetime: when it expires from now on, NULL for never.  The key is
ks_<prefix>_<secret>: the prefix stays visible in kindly_stats.api_keys(), of the whole only a hash is stored, and the secret has
258 random bits.  Errors: 22004 without bot, 22023 for a lifetime that is over.';

CREATE FUNCTION kindly_stats.revoke_api_key(prefix text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- of a whole key, too: what is behind the prefix must get into no message
    wanted text := left(regexp_replace(prefix, '^ks_', ''), 12);
BEGIN
    PERFORM kindly_stats.create_access_tables();
    UPDATE kindly_stats.api_key AS k SET revoked_at = coalesce(k.revoked_at, now()) WHERE k.prefix = wanted;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no API key with prefix "%"', wanted USING ERRCODE = '22023', HINT = 'kindly_stats.api_keys() lists the keys.';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.revoke_api_key(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.revoke_api_key(text) IS
'makes an API key invalid

prefix: the twelve characters after ks_, as kindly_stats.api_keys() lists them, or the whole key.  Tokens that it was exchanged for are valid for the
rest of kindly_stats.token_lifetime.  Error: 22023 where there is no such key.';

CREATE FUNCTION kindly_stats.api_keys(bot kindly_stats.bot_id DEFAULT NULL)
    RETURNS TABLE (prefix text, bot_id text, label text, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz, is_valid boolean)
    LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.require_own_tables();
    IF to_regclass('kindly_stats.api_key') IS NOT NULL THEN
        RETURN QUERY
        SELECT k.prefix, kindly_stats.bot_text(k.bot_id), k.label, k.created_at, k.expires_at, k.revoked_at,
               k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)
          FROM kindly_stats.api_key AS k WHERE bot IS NULL OR k.bot_id = bot::bigint
         ORDER BY k.bot_id, k.created_at, k.prefix;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.api_keys(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.api_keys(kindly_stats.bot_id) IS 'lists API keys, without their secrets

bot: one bot''s only; NULL for all.  is_valid: neither revoked nor expired.';

-- The secret that signs tokens

CREATE FUNCTION kindly_stats.rotate_signing_secret() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_access_tables();
    INSERT INTO kindly_stats.api_secret AS s (secret) VALUES (kindly_stats.random_text(64))
        ON CONFLICT (is_only) DO UPDATE SET secret = EXCLUDED.secret, created_at = EXCLUDED.created_at;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.rotate_signing_secret() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.rotate_signing_secret() IS
'replaces the secret that signs tokens

All tokens become invalid once PostgREST knows the new one: put kindly_stats.signing_secret() into its configuration and reload it.';

CREATE FUNCTION kindly_stats.create_signing_secret() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_access_tables();
    IF NOT EXISTS (SELECT FROM kindly_stats.api_secret) THEN
        PERFORM kindly_stats.rotate_signing_secret();
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_signing_secret() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_signing_secret() IS
'makes the secret that signs tokens, where there is none

384 random bits, in a table that is readable by its owner only.';

CREATE FUNCTION kindly_stats.signing_secret() RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result text;
BEGIN
    PERFORM kindly_stats.require_own_tables();
    IF to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        SELECT s.secret INTO result FROM kindly_stats.api_secret AS s;
    END IF;
    IF result IS NULL THEN
        RAISE EXCEPTION 'there is no secret to sign tokens with' USING ERRCODE = '55000',
            HINT = 'Make one with kindly_stats.create_signing_secret().';
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.signing_secret() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.signing_secret() IS
'shows the secret that signs tokens, for the configuration of PostgREST (jwt-secret)

Whoever knows it can make tokens for any bot.  Error: 55000 where there is none.';
-- Roles for those who look after an installation without being superusers.  Roles belong to the whole cluster, so that only a call makes
-- them.  What maintenance calls inside it calls with the same rights, so that a grant on a single function is not enough.

-- Functions whose rights follow from those of others: not for administrators of statistics.
CREATE FUNCTION kindly_stats.is_about_access(function regprocedure) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.proname IN ('create_access_tables', 'enable_row_security', 'admit_administrators', 'require_row_security', 'grant_reading', 'grant_bot',
                         'revoke_bot', 'create_role', 'limit_api_roles', 'create_api_roles', 'random_text', 'create_api_key', 'revoke_api_key', 'api_keys',
                         'rotate_signing_secret', 'create_signing_secret', 'signing_secret', 'grants_changed', 'is_about_access',
                         'create_administrator_roles', 'grant_administration', 'allow_restore')
      FROM pg_proc AS p WHERE p.oid = function
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.is_about_access(regprocedure) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.is_about_access(regprocedure) IS 'internal: whether a function gives rights, or shows secrets';

CREATE FUNCTION kindly_stats.grant_administration() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    GRANT USAGE ON SCHEMA kindly_stats, bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON ALL TABLES IN SCHEMA bi TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.covered_relation TO kindly_stats_admin, kindly_stats_monitor;
    GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.bot, kindly_stats.interaction, kindly_stats.exported, kindly_stats.detached, kindly_stats.counting,
        kindly_stats.verified TO kindly_stats_admin, kindly_stats_monitor;
    GRANT INSERT, DELETE ON kindly_stats.rollup, kindly_stats.detached TO kindly_stats_admin;
    GRANT INSERT, UPDATE, DELETE ON kindly_stats.measure, kindly_stats.bot_name, kindly_stats.interaction, kindly_stats.counting, kindly_stats.verified TO kindly_stats_admin;
    FOR command IN
        SELECT format('GRANT EXECUTE ON %s %s TO kindly_stats_admin', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure)
          FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kindly_stats'
         WHERE p.pronamespace = 'kindly_stats'::regnamespace AND NOT kindly_stats.is_about_access(p.oid)
           -- what event triggers call they call as the extension's owner
           AND p.proname !~ '^(before|after|warn|bi)_' AND NOT 'internal'::regtype = ANY (p.proargtypes) AND NOT has_function_privilege('kindly_stats_admin', p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', f)
          FROM unnest(ARRAY['kindly_stats.verify(kindly_stats.bot_id, timestamptz)', 'kindly_stats.compare(text, kindly_stats.tally, timestamptz, text[], text, bigint)',
                            'kindly_stats.compare_counts(internal, text, kindly_stats.tally, timestamptz, text[], text, bigint)', 'kindly_stats.compare_final(internal)', 'kindly_stats.has_rollup()', 'kindly_stats.require_own_tables()',
                            'kindly_stats.raw_events(regclass, text, kindly_stats.bot_id, timestamptz)', 'kindly_stats.raw_query(regclass, jsonb, text)', 'kindly_stats.raw_measure(regclass, jsonb, text)',
                            'kindly_stats.require_columns(regclass, jsonb)', 'kindly_stats.lost_columns(regclass, jsonb)',
                            'kindly_stats.column_expression(regclass, jsonb, text, text)', 'kindly_stats.base_type(oid)', 'kindly_stats.has_text_bots(regclass, jsonb)',
                            'kindly_stats.mapped_column(jsonb)', 'kindly_stats.has_column(regclass, text)', 'kindly_stats.type_fits(text, jsonb, oid)',
                            'kindly_stats.tree_findings()', 'kindly_stats.tree_top(regclass)',
                            'kindly_stats.relations(regclass)', 'kindly_stats.logical_columns(text)']::regprocedure[]) AS f
         WHERE NOT has_function_privilege('kindly_stats_monitor', f, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO kindly_stats_monitor', p.oid::regprocedure)
          FROM pg_proc AS p
         WHERE p.pronamespace = 'kindly_stats'::regnamespace
           AND (p.proname LIKE 'health%' OR p.proname IN ('relations', 'trigger_name', 'base_type', 'logical_columns', 'horizon_holder', 'count_errors', 'zone_data'))
           AND NOT has_function_privilege('kindly_stats_monitor', p.oid, 'EXECUTE')
    LOOP
        EXECUTE command;
    END LOOP;
    GRANT SELECT ON kindly_stats.health TO kindly_stats_admin, kindly_stats_monitor;
    -- how old the secret is, but not the secret
    IF to_regclass('kindly_stats.api_secret') IS NOT NULL THEN
        GRANT SELECT (created_at) ON kindly_stats.api_secret TO kindly_stats_admin, kindly_stats_monitor;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.grant_administration() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.grant_administration() IS 'internal: what kindly_stats_admin and kindly_stats_monitor need and do not have';

CREATE FUNCTION kindly_stats.create_administrator_roles() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_stats.create_tables();
    PERFORM kindly_stats.create_exported();
    PERFORM kindly_stats.create_role('kindly_stats_admin', 'NOLOGIN');
    PERFORM kindly_stats.create_role('kindly_stats_monitor', 'NOLOGIN');
    PERFORM kindly_stats.grant_administration();
    PERFORM kindly_stats.admit_administrators();
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.create_administrator_roles() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.create_administrator_roles() IS
'creates the roles kindly_stats_admin and kindly_stats_monitor, and gives them their rights

Members of kindly_stats_admin may attach and detach tables, add measures, purge, compact, rebuild, verify, close and reopen days, name
bots, and list interactions; of an event table they need what they do to it themselves: to be its owner to attach and detach, SELECT and DELETE to purge, SELECT of
all rows to count anew.  Members of kindly_stats_monitor may call health(), verify, with SELECT on the event tables, and read the statistics of all bots; what
others'' sessions keep from being removed they see as members of pg_read_all_stats.
Neither may give rights, make API keys or see the secret that signs tokens.  Call it once more after an update of the extension.
Errors: 42710 where a role of that name exists that may do more.';

-- What a dump has besides the extension: tables in its schema, and triggers, rules and policies that call its functions.
CREATE FUNCTION kindly_stats.allow_restore(role name) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    called regprocedure;
BEGIN
    IF role IS NULL THEN
        RAISE EXCEPTION '"role" is missing' USING ERRCODE = '22004', HINT = 'Pass the name of the role that restores, such as the database''s owner.';
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = allow_restore.role) THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = '42704', HINT = 'Create the role first.';
    ELSIF to_regclass('kindly_stats.rollup') IS NOT NULL THEN
        RAISE EXCEPTION 'table kindly_stats.rollup exists already' USING ERRCODE = '55000',
            HINT = 'Restore into a database in which nothing has been attached since the extension was created.';
    END IF;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA kindly_stats TO %I', role);
    FOR called IN
        SELECT p.oid FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'kindly_stats'
         WHERE p.pronamespace = 'kindly_stats'::regnamespace AND (p.prorettype = 'trigger'::regtype OR p.proname = 'is_merge')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', called, role);
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.allow_restore(name) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.allow_restore(name) IS
'lets a role that is no superuser restore a dump of a database that has the extension

role: who restores, such as the database''s owner.  It gets CREATE on the schema kindly_stats, and EXECUTE on what triggers and rules call.  The
tables of the extension become its own, so that it decides what the statistics say and who reads them, as a superuser else does, and what it
puts there runs with the rights of whoever uses it: only for a role that is trusted.
Call it in the new database after CREATE EXTENSION and before anything is attached.
Errors: 22004, 42704 where there is no such role, 55000 where the tables are there already.';
-- The schema that PostgREST exposes.  Nothing in it is for everybody: kindly_stats.create_api_roles() says who may call what.

CREATE SCHEMA kindly_api;
COMMENT ON SCHEMA kindly_api IS
'kindly_stats

Chatbot statistics of one bot, which the token says: exact time series, distinct counts and top lists in any time zone.';

CREATE FUNCTION kindly_api.request() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_request';
REVOKE EXECUTE ON FUNCTION kindly_api.request() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.request() IS
'answers a documented URL, such as /api/v1/stats/bot/<BOT_ID>/sessions/chats?from=...&to=...

The header x-original-uri, which the proxy sets, has path and query; the bot must be the token''s.
HTTP statuses: 400 for parameters that are unknown, missing, malformed or given twice; 401 without a token; 403 for another bot;
404 for unknown paths; 405 for other methods than GET; 409 for what cannot be answered as things are; 414 for more than 8192 bytes;
503 and 504 for what would have to wait, or take, too long.';

CREATE FUNCTION kindly_api.request_volatile() RETURNS json
    LANGUAGE C COST 1000 AS 'MODULE_PATHNAME', 'ks_request_volatile';
REVOKE EXECUTE ON FUNCTION kindly_api.request_volatile() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.request_volatile() IS
'answers a documented URL whose answer is written down: /api/v1/export/bot/<BOT_ID>/<YYYY-MM-DD>

As request(); the proxy turns GET into POST, which PostgREST lets write.';

CREATE FUNCTION kindly_api.auth() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_auth';
REVOKE EXECUTE ON FUNCTION kindly_api.auth() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.auth() IS
'gives a token for an API key: GET /api/v2/bot/<BOT_ID>/sage/auth

The header x-original-uri has the path, x-api-key the key; the proxy sets both, the key from Authorization: Bearer <API_KEY>.
The answer is {"jwt": "...", "ttl": <seconds>}, valid for kindly_stats.token_lifetime.
HTTP statuses: 401 for a key that is missing, unknown, expired or revoked; 403 for a key of another bot; 404 for other paths.';

CREATE FUNCTION kindly_api.exchange() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'ks_exchange';
REVOKE EXECUTE ON FUNCTION kindly_api.exchange() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.exchange() IS
'gives the proxy a token for the API key that came in the place of one

The header x-api-key has the key; the proxy sets it.  The answer is {"bot": ...}, the key''s bot; the headers X-Kindly-Bot and X-Kindly-Key are
those of token(), and X-Kindly-Token has a token for a minute.
HTTP status: 401 for a key that is missing, unknown, expired or revoked.';

-- Not in SQL: a body that was inlined into a cached plan is run without asking for EXECUTE again.
CREATE FUNCTION kindly_api.token() RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bot text := kindly_stats.require_bot(NULL)::bigint;
    claims json := nullif(current_setting('request.jwt.claims', true), '');
    key text := claims ->> 'key';
BEGIN
    -- A token whose key is not known is counted by itself as one of its bot's.
    PERFORM set_config('response.headers', json_build_array(json_build_object('X-Kindly-Bot', bot), json_build_object('X-Kindly-Key',
        CASE WHEN key ~ '^[0-9A-Za-z_.-]{1,64}$' THEN key ELSE concat('bot:', bot) END))::text, true);
    RETURN json_build_object('bot', claims -> 'bot');
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.token() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.token() IS
'says which bot the token is for, and so that it is valid

The answer is {"bot": ...}, its id as the token has it; it costs next to nothing.  The headers X-Kindly-Bot, its number, and X-Kindly-Key, the latter with the prefix of the
key that the token was given for, are for the proxy, which counts requests by them.  HTTP status: 401 without a token.';

CREATE FUNCTION kindly_api.health() RETURNS json
    LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 AS 'MODULE_PATHNAME', 'ks_health';
REVOKE EXECUTE ON FUNCTION kindly_api.health() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.health() IS
'says whether the statistics are right, as far as is known: GET /health, without a token

For load balancers: {"status": "ok"}, or with HTTP status 503 {"status": "error", "errors": <number>}, of the errors that kindly_stats.health() lists, but for what
takes long to find.';

CREATE FUNCTION kindly_stats.routes() RETURNS TABLE (path text, schema text, function text, parameter text, argument text, is_list boolean)
    LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 200 AS 'MODULE_PATHNAME', 'ks_list_routes';
COMMENT ON FUNCTION kindly_stats.routes() IS
'lists the documented URLs that kindly_api.request() answers

path: segments that begin with a colon stand for any; schema, function: what answers; parameter: of the query, argument: what it
becomes; is_list: it may come several times, with or without [].  A path without parameters has one row.  Sage''s paths also accept
the parameters of each other, which are not listed and not read.';

-- PostgREST's own way: typed rows, with its order, limit, offset, filters and formats.  Arguments of one name mean what they mean in
-- kindly_stats; `top` is there `limit`, which PostgREST keeps for itself.  Every argument has a default, or one that is missing would
-- make PostgREST look for another function.

CREATE FUNCTION kindly_api.stats_series(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, count bigint, distinct_count bigint, is_partial boolean)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 100
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_series(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_series(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure as a time series, with distinct members

bot: by default the token''s; from, to: dates or timestamps, to exclusive, both rounded outward to whole days (hours for granularity
hour); tz: time zone of the buckets, default the session''s, which the header Prefer: timezone=... sets; granularity: hour, day, week,
month, quarter or year; measure: default messages, whose members are sessions; sources, language_codes: {web,app} to include or,
with a leading minus, to exclude, and a backslash before a value takes it as it is; key: parts of the key that must be equal; locale: calendar and first day of the week, default ISO.
A row for every bucket, zeros included.
Errors: 400 for arguments that are missing or make no sense, 403 for another bot than the token''s.';

CREATE FUNCTION kindly_api.stats_total(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS TABLE (count bigint, distinct_count bigint)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_total(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_total(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text) IS
'events of one measure in all, with distinct members

Arguments and errors as those of stats_series; granularity says only to what from and to are rounded outward: hours for hour, else
days.';

CREATE FUNCTION kindly_api.stats_top(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measure text DEFAULT 'buttons', top integer DEFAULT 5, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL)
    RETURNS TABLE (key text[], count bigint, distinct_count bigint, ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 5
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_top(kindly_stats.require_bot(bot), "from", "to", tz, measure, top, sources, language_codes, key);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_top(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, integer, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_top(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, integer, text[], text[], text[]) IS
'most frequent keys of one measure, most frequent first

bot, from, to, tz, sources, language_codes: as those of stats_series; measure: one with key columns, default buttons; top: how many
are counted out at most, default 5 (limit shortens what is answered, as everywhere); key: parts of the key that must be equal.
Ratios are of all events of the measure in the range that pass the filters, listed or not.
Errors: as those of stats_series, and 400 for a top below 1.';

CREATE FUNCTION kindly_api.stats_heatmap(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS TABLE (day integer, hour integer, count bigint, distinct_count bigint, occurrences bigint, mean double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 10000 ROWS 168
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_heatmap(kindly_stats.require_bot(bot), "from", "to", tz, measure, sources, language_codes, key);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_heatmap(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text[]) IS
'events of one measure by weekday and hour of the day

Arguments and errors as those of stats_series.  168 rows: day 0 is Sunday, hour is that of the local clock, distinct members are
counted once in each cell.  occurrences: how often that hour of the week was in the range; mean: the count for each of them.';

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

CREATE FUNCTION kindly_api.svg(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    granularity text DEFAULT 'day', measure text DEFAULT 'messages', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    key text[] DEFAULT NULL, locale text DEFAULT NULL, kind text DEFAULT 'line', title text DEFAULT NULL, width integer DEFAULT 720, height integer DEFAULT 240)
    RETURNS kindly_stats."image/svg+xml"
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
    SELECT kindly_stats.stats_svg(kindly_stats.require_bot(bot), "from", "to", tz, granularity, measure, sources, language_codes, key, locale, kind, title, width, height);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.svg(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text[], text, text, text, integer, integer) IS
'a picture of a time series, or of the hours of the week, as image/svg+xml

kind: line, bar or heatmap; title: by default the measure; width, height: in pixels, from 120 to 4000.  The other arguments are those
of stats_series.
Errors: as those of stats_series, and 400 for another kind or size.';

CREATE FUNCTION kindly_api.stats_options(bot kindly_stats.bot_id DEFAULT NULL)
    RETURNS TABLE (first timestamptz, last timestamptz, sources text[], language_codes text[])
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.stats_options(kindly_stats.require_bot(bot));
END;
REVOKE EXECUTE ON FUNCTION kindly_api.stats_options(kindly_stats.bot_id) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.stats_options(kindly_stats.bot_id) IS
'first and last event, sources and languages

bot: by default the token''s.  Error: 403 for another bot.';

CREATE FUNCTION kindly_api.fallback_rate(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (count bigint, rate double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1
BEGIN ATOMIC
    SELECT * FROM kindly_stats.fallback_rate(kindly_stats.require_bot(bot), "from", "to", tz, sources, language_codes);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.fallback_rate(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.fallback_rate(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]) IS
'bot replies that are fallbacks, and what part of all replies they are

Arguments and errors as those of stats_series.  The rate is null without replies.';

CREATE FUNCTION kindly_api.top_buttons(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    top integer DEFAULT 5, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL)
    RETURNS TABLE (button_id text, button_type text, dialogue_id text, count bigint, ratio double precision)
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 5
BEGIN ATOMIC
    SELECT * FROM kindly_stats.top_buttons(kindly_stats.require_bot(bot), "from", "to", tz, top, sources, language_codes);
END;
REVOKE EXECUTE ON FUNCTION kindly_api.top_buttons(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.top_buttons(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, integer, text[], text[]) IS
'buttons that users clicked most

Arguments and errors as those of stats_top.  Ratios are of all clicks in the range that pass the filters, listed or not.';

-- What the page for people shows, in one answer and of one snapshot.

CREATE FUNCTION kindly_stats.overview_list(
    measure text, bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text, sources text[], language_codes text[], top integer)
    RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('key', t.key, 'count', t.count, 'members', t.distinct_count, 'ratio', t.ratio)), '[]')
      FROM kindly_stats.measure AS m,
           kindly_stats.stats_top(overview_list.bot, overview_list."from", overview_list."to", overview_list.tz, m.name, overview_list.top,
                                  overview_list.sources, overview_list.language_codes) AS t
     WHERE m.name = overview_list.measure
$$;
COMMENT ON FUNCTION kindly_stats.overview_list(text, kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[], integer) IS
'internal: the most frequent keys of a measure as JSON, none where there is no such measure';

-- Filters by values that a filter leaves out already would answer figures that are not shown anywhere else.
CREATE FUNCTION kindly_stats.overview_breakdown(
    column_name text, bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text, sources text[], language_codes text[])
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_source boolean := column_name = 'source';
    filter text[] := CASE WHEN is_source THEN sources ELSE language_codes END;
    is_included boolean := EXISTS (SELECT FROM unnest(filter) AS f WHERE f NOT LIKE '-%');
    every text[];
    lines json;
BEGIN
    SELECT coalesce(CASE WHEN is_source THEN o.sources ELSE o.language_codes END, '{}') INTO every FROM kindly_stats.stats_options(bot) AS o;
    SELECT json_agg(json_build_object('value', v.value, 'messages', t.count, 'chats', t.distinct_count) ORDER BY t.count DESC, v.value COLLATE "C") INTO lines
      FROM (SELECT e AS value, ARRAY[e] AS wanted FROM unnest(every) AS e
             WHERE filter IS NULL OR CASE WHEN is_included THEN e = ANY (filter) ELSE '-' || e <> ALL (filter) END
            UNION ALL
            -- what has no value is what is left when all values are left out
            SELECT NULL, CASE WHEN cardinality(every) > 0 THEN ARRAY(SELECT '-' || e FROM unnest(every) AS e) END WHERE NOT is_included) AS v,
           kindly_stats.stats_total(bot, "from", "to", tz, 'day', 'messages', CASE WHEN is_source THEN v.wanted ELSE sources END,
                                    CASE WHEN is_source THEN language_codes ELSE v.wanted END) AS t
     WHERE t.count > 0;
    RETURN coalesce(lines, '[]');
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_breakdown(text, kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text[], text[]) IS
'internal: messages and chats by source or language as JSON, most messages first';

-- Of a button there is its id, and of its dialogue: names are those of the interactions that have these ids.
CREATE FUNCTION kindly_stats.overview_buttons(bot kindly_stats.bot_id, buttons json, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = pg_catalog, pg_temp AS $$
    WITH name (id, name) AS MATERIALIZED (
        SELECT i.interaction_id, i.interaction_name FROM kindly_stats.interaction AS i
         WHERE i.bot_id = overview_buttons.bot::bigint AND i.interaction_id IS NOT NULL AND i.interaction_name IS NOT NULL
        UNION ALL
        SELECT t.key[3], t.key[2] FROM kindly_stats.measure AS m,
               kindly_stats.stats_top(overview_buttons.bot, overview_buttons."from", overview_buttons."to", overview_buttons.tz, m.name, 1000) AS t
         WHERE m.name = 'interactions' AND t.key[3] IS NOT NULL AND t.key[2] IS NOT NULL)
    SELECT coalesce(json_agg(b.line::jsonb || jsonb_build_object(
               'button_name', (SELECT min(n.name) FROM name AS n WHERE n.id = b.line ->> 'button_id'),
               'dialogue_name', (SELECT min(n.name) FROM name AS n WHERE n.id = b.line ->> 'dialogue_id')) ORDER BY b.place), '[]')
      FROM json_array_elements(overview_buttons.buttons) WITH ORDINALITY AS b (line, place)
$$;
COMMENT ON FUNCTION kindly_stats.overview_buttons(kindly_stats.bot_id, json, kindly_stats.moment, kindly_stats.moment, text) IS
'internal: buttons with the names of interactions that have their, or their dialogues'', ids';

CREATE FUNCTION kindly_stats.overview_card(
    card text, bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text, granularity text, sources text[], language_codes text[], top integer)
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 10000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s text := array_to_json(sources)::text;
    l text := array_to_json(language_codes)::text;
    total record;
BEGIN
    CASE card
    WHEN 'chats', 'messages' THEN
        SELECT t.* INTO total FROM kindly_stats.stats_total(bot, "from", "to", tz, granularity, 'messages', sources, language_codes) AS t;
        RETURN json_build_object('chats', total.distinct_count, 'messages', total.count, 'series',
            CASE card WHEN 'chats' THEN sage.sessions_chats(bot, "from", "to", tz, granularity, s, l) ELSE sage.sessions_messages(bot, "from", "to", tz, granularity, s, l) END -> 'data');
    WHEN 'fallbacks' THEN
        RETURN json_build_object('series', sage.fallbacks_series(bot, "from", "to", tz, granularity, s, l) -> 'data', 'total', sage.fallbacks_total(bot, "from", "to", tz, s, l) -> 'data',
            'replies', (SELECT json_agg(r.count) FROM kindly_stats.stats_series(bot, "from", "to", tz, granularity, 'replies', sources, language_codes) AS r));
    WHEN 'handovers' THEN
        RETURN json_build_object('series', sage.takeovers_series(bot, "from", "to", tz, granularity, s, l) -> 'data', 'totals', sage.takeovers_totals(bot, "from", "to", tz, s, l) -> 'data');
    WHEN 'users' THEN
        -- Whoever came in the range and never before: all up to its end, less all up to its begin.
        RETURN (SELECT json_build_object('users', now.distinct_count, 'created', until.distinct_count - before.distinct_count,
                       'series', (SELECT json_agg(json_build_object('date', u.date, 'count', u.distinct_count))
                                    FROM kindly_stats.stats_series(bot, "from", "to", tz, granularity, 'users', sources, language_codes) AS u))
                  FROM kindly_stats.stats_total(bot, "from", "to", tz, 'day', 'users', sources, language_codes) AS now,
                       kindly_stats.stats_total(bot, '0100-01-01', "to", tz, 'day', 'users', sources, language_codes) AS until,
                       kindly_stats.stats_total(bot, '0100-01-01', "from", tz, 'day', 'users', sources, language_codes) AS before);
    WHEN 'feedback' THEN
        RETURN sage.feedback_summary(bot, "from", "to", tz, s, l) -> 'data';
    WHEN 'pages' THEN
        RETURN sage.chatbubble_pages(bot, "from", "to", tz, top, s, l) -> 'data';
    WHEN 'labels' THEN
        RETURN sage.chatlabels_added(bot, "from", "to", tz, top, s, l) -> 'data';
    WHEN 'buttons' THEN
        RETURN kindly_stats.overview_buttons(bot, sage.buttons_most_clicked(bot, "from", "to", tz, top, s, l) -> 'data', "from", "to", tz);
    WHEN 'sources' THEN
        RETURN kindly_stats.overview_breakdown('source', bot, "from", "to", tz, sources, language_codes);
    WHEN 'languages' THEN
        RETURN kindly_stats.overview_breakdown('language_code', bot, "from", "to", tz, sources, language_codes);
    WHEN 'heatmap' THEN
        RETURN (SELECT json_agg(h.count ORDER BY h.day, h.hour) FROM kindly_stats.stats_heatmap(bot, "from", "to", tz, 'messages', sources, language_codes) AS h);
    WHEN 'outcomes' THEN
        RETURN json_build_object('rates', (SELECT row_to_json(m) FROM ultimate.metrics(bot, "from", "to", 'end', s, l, tz) AS m),
            'list', kindly_stats.overview_list('outcomes_ended', bot, "from", "to", tz, sources, language_codes, top));
    WHEN 'intents' THEN
        -- conversations are not filtered by channel and language there
        RETURN CASE WHEN sources IS NULL AND language_codes IS NULL THEN
            (SELECT coalesce(json_agg(i), '[]') FROM (SELECT m.* FROM ultimate.metrics_by_first_meaningful_intent(bot, "from", "to", '{}', 'end', tz) AS m LIMIT top) AS i) END;
    ELSE
        RETURN kindly_stats.overview_list(CASE card WHEN 'events' THEN 'triggered_events' ELSE card END, bot, "from", "to", tz, sources, language_codes, top);
    END CASE;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_card(text, kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], integer) IS
'internal: what one card of kindly_api.overview() shows, of one range';

CREATE FUNCTION kindly_api.overview(
    bot kindly_stats.bot_id DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT 'day', sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL,
    before_from kindly_stats.moment DEFAULT NULL, before_to kindly_stats.moment DEFAULT NULL, cards text[] DEFAULT NULL, top integer DEFAULT 5)
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me kindly_stats.bot_id := kindly_stats.require_bot(bot);
    -- those that are compared come first
    every text[] := '{chats,messages,fallbacks,handovers,users,feedback,outcomes,pages,labels,buttons,sources,languages,heatmap,intents,topics,sentiments,responses,interactions,events,links}';
    unknown text := (SELECT min(c) FROM unnest(cards) AS c WHERE c <> ALL (every));
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'there is no card "%"', unknown USING ERRCODE = '22023', HINT = concat('There are ', array_to_string(every, ', '), '.');
    ELSIF (before_from IS NULL) <> (before_to IS NULL) THEN
        RAISE EXCEPTION 'before_from and before_to go together' USING ERRCODE = '22023', HINT = 'Pass both, or neither.';
    END IF;
    RETURN (SELECT json_object_agg(c.card, json_build_object(
                'now', kindly_stats.overview_card(c.card, me, "from", "to", tz, granularity, sources, language_codes, top),
                'before', CASE WHEN before_from IS NOT NULL AND c.card = ANY (every[:7]) THEN
                    kindly_stats.overview_card(c.card, me, before_from, before_to, tz, granularity, sources, language_codes, top) END))
              FROM unnest(coalesce(cards, every)) AS c (card));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.overview(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], kindly_stats.moment, kindly_stats.moment, text[], integer) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.overview(kindly_stats.bot_id, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], kindly_stats.moment, kindly_stats.moment, text[], integer) IS
'many statistics of one range in one answer and of one snapshot, as the page shows them

bot: by default the token''s; from, to, tz (default UTC), granularity, sources, language_codes: as those of stats_series; before_from, before_to: a range to
compare with; cards: which statistics, default all of chats, messages, fallbacks, handovers, users, feedback, outcomes, pages, labels,
buttons, sources, languages, heatmap, intents, topics, sentiments, responses, interactions, events, links; top: lines of lists, default 5.
A member a card: now, and before for the first seven where there is a range to compare with, else null.  Counts are of events, rates parts of 1.  users.created: users who
wrote in the range and never before; sources, languages: null is without one; heatmap: messages by hour of the week, 168 counts, Sunday first; outcomes: conversations that ended in the
range; intents: null under a filter, for conversations are not filtered there.
Errors: 400 for arguments that are missing or make no sense, 403 for another bot than the token''s.';
