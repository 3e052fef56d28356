-- The type of bots, and bots whose ids are texts
\pset format unaligned
SET client_min_messages = warning;
-- integers, however they come, are their own number
SELECT '42'::kindly_stats.bot_id AS text, 42::kindly_stats.bot_id AS int4, 42::smallint::kindly_stats.bot_id AS int2, 42::bigint::kindly_stats.bot_id AS int8,
       42.00::kindly_stats.bot_id AS "numeric", varchar '42'::kindly_stats.bot_id AS "varchar", char(9) '42'::kindly_stats.bot_id AS bpchar,
       '-7'::kindly_stats.bot_id AS negative, '0'::kindly_stats.bot_id AS zero;
SELECT '9223372036854775807'::kindly_stats.bot_id AS most, '-9223372036854775808'::kindly_stats.bot_id AS least, (-9223372036854775808)::kindly_stats.bot_id AS least_numeric;
-- every other text has a number below -2^62, which is read as what it was written
SELECT t, t::kindly_stats.bot_id AS bot, t::kindly_stats.bot_id::bigint < -4611686018427387904 AS derived, t::kindly_stats.bot_id::text::kindly_stats.bot_id::bigint = t::kindly_stats.bot_id::bigint AS again
  FROM unnest(ARRAY['acme-support', 'Acme-support', '042', '+42', '-0', '--1', '-', ' 42', '42 ', '4e1', '42.0', '9223372036854775808', '-9223372036854775809', '99999999999999999999999',
                    'a/b?c=d&e%20', 'ботик', '🤖', 'NULL', '{1,2}', repeat('x', 2000)]) WITH ORDINALITY AS u (t, n)
 WHERE t IS NOT NULL ORDER BY n;
-- a UUID is the same in upper and lower case, as a text and as a uuid; what only looks like one is not
SELECT b::bigint = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::kindly_stats.bot_id::bigint AS same
  FROM unnest(ARRAY['f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid::kindly_stats.bot_id, 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', 'f81d4fae-7dec-11d0-a765-00A0C91E6BF6',
                    'f81d4fae7dec11d0a76500a0c91e6bf6', '{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}', 'f81d4fae-7dec-11d0-a765-00a0c91e6bg6']::kindly_stats.bot_id[]) WITH ORDINALITY AS u (b, n) ORDER BY n;
SELECT char(20) 'acme-support'::kindly_stats.bot_id::bigint = 'acme-support'::kindly_stats.bot_id::bigint AS trimmed;
-- no bot's id
SELECT ''::kindly_stats.bot_id;
SELECT char(3) ''::kindly_stats.bot_id;
SELECT repeat('x', 2001)::kindly_stats.bot_id;
SELECT 42.5::kindly_stats.bot_id;
SELECT 'NaN'::numeric::kindly_stats.bot_id;
SELECT 1e30::kindly_stats.bot_id;
SELECT true::kindly_stats.bot_id;
SELECT NULL::kindly_stats.bot_id IS NULL AS none, NULL::text::kindly_stats.bot_id IS NULL AS no_text;
-- binary, as clients send it
CREATE TEMP TABLE sent (bot kindly_stats.bot_id);
INSERT INTO sent VALUES (42), ('acme-support'), ('f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid), (7::numeric), (NULL);
SELECT encode(kindly_stats.bot_id_send(bot), 'hex') AS bytes FROM sent;
