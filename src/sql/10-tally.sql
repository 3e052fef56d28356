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

CREATE FUNCTION kindly_stats.keys_under(tally kindly_stats.tally, name text) RETURNS kindly_stats.tally
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_tally_keys_under';
COMMENT ON FUNCTION kindly_stats.keys_under(kindly_stats.tally, text) IS
'the keys of a tally that begin with name, without that first part

An empty tally where there are none.';

CREATE FUNCTION kindly_stats.is_empty(tally kindly_stats.tally) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_is_empty';
COMMENT ON FUNCTION kindly_stats.is_empty(kindly_stats.tally) IS 'whether nothing is left in a tally';

CREATE FUNCTION kindly_stats.months(tally kindly_stats.tally) RETURNS SETOF date
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 12 AS 'MODULE_PATHNAME', 'ks_tally_months';
COMMENT ON FUNCTION kindly_stats.months(kindly_stats.tally) IS
'the UTC months that a tally is about, ascending

Each is given as its first day.  It may have nothing left in some: what was added and taken away again.';

CREATE FUNCTION kindly_stats.entries(tally kindly_stats.tally) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_entries';
COMMENT ON FUNCTION kindly_stats.entries(kindly_stats.tally) IS
'how many weights a tally has: of keys in quarter hours, and of members under keys in quarter hours

Up to 2,048 of them stand in one row of the rollup, whatever the measure, and whatever the month.';

CREATE FUNCTION kindly_stats.info(tally kindly_stats.tally, OUT version integer, OUT bytes bigint, OUT keys bigint,
                                  OUT quarters bigint, OUT members bigint, OUT total bigint, OUT first timestamptz, OUT last timestamptz)
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_tally_info';
COMMENT ON FUNCTION kindly_stats.info(kindly_stats.tally) IS
'what a tally holds

version of the stored format; size in bytes; number of keys, of quarter hours with weight and of members; total weight; first
and last instant that was ever added.';
