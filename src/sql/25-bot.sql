-- Whose statistics: src/base/bot.c

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

The number itself where it stands for an integer, for a text that no table has had yet, or for a bot that the caller does not see.';

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
