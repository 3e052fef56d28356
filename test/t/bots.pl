# Bots with random ids, of numbers, texts and UUIDs at once: after random
# statements, each id has what plain SQL counts of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_SEED} // int(rand(1_000_000));
note("KINDLY_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off\nclient_min_messages = warning\nkindly_stats.compact_after = 8");
$node->start;

$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
CREATE TABLE numbers (bot_id integer, occurred_at timestamptz, kind text, session_id text);
CREATE TABLE texts (bot_id text, occurred_at timestamptz, kind text, session_id text);
CREATE TABLE padded (bot_id char(60), occurred_at timestamptz, kind text, session_id text) PARTITION BY HASH (bot_id);
CREATE TABLE padded_0 PARTITION OF padded FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE padded_1 PARTITION OF padded FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE uuids (bot_id uuid, occurred_at timestamptz, kind text, session_id text);
SELECT kindly_stats.attach(t) FROM unnest('{numbers,texts,padded}'::regclass[]) AS t;

-- ids as users have them: hostile ones, such as look like others, and the same in several tables
CREATE TABLE candidate (n serial, id text);
INSERT INTO candidate (id) SELECT n::text FROM generate_series(-3, 3) AS n;
INSERT INTO candidate (id) VALUES ('007'), ('+1'), ('1.0'), ('-0'), (' 1'), ('9223372036854775807'), ('9223372036854775808'), ('-4611686018427387904'), ('NULL'), ('null'), ('{}'),
	('a'), ('A'), ('ä'), (E'a\u0308'), (E'tab\tline\nend'), ('quo''te"d'), (E'back\\slash'), ('$1'), ('%s'), (';--'), ('🤖'), ('f81d4fae7dec11d0a76500a0c91e6bf6');
INSERT INTO candidate (id) SELECT md5(n::text)::uuid::text FROM generate_series(1, 5) AS n;
INSERT INTO candidate (id) SELECT upper(md5(n::text)::uuid::text) FROM generate_series(3, 7) AS n;
INSERT INTO candidate (id) SELECT repeat(chr(97 + n), 60 + n) FROM generate_series(1, 8) AS n;

-- the same id for the same bot
CREATE FUNCTION same(id text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN id ~ '^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$' THEN lower(id) ELSE id END $$;
CREATE VIEW every AS
	SELECT bot_id::text AS id, occurred_at, kind, session_id FROM numbers UNION ALL SELECT same(bot_id), occurred_at, kind, session_id FROM texts
	UNION ALL SELECT same(bot_id::text), occurred_at, kind, session_id FROM padded UNION ALL SELECT bot_id::text, occurred_at, kind, session_id FROM uuids;

CREATE FUNCTION ids(t text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT c.id FROM candidate AS c WHERE CASE t WHEN 'numbers' THEN c.id ~ '^(0|-?[1-9][0-9]?)$' WHEN 'uuids' THEN c.id ~ '^[0-9A-Fa-f]{8}-' WHEN 'padded' THEN length(c.id) <= 60 ELSE true END
$$;
CREATE PROCEDURE churn(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	t text;
	type text;
	one text;
	other text;
BEGIN
	FOR i IN 1..rounds LOOP
		t := (ARRAY['numbers', 'texts', 'texts', 'padded', 'uuids'])[1 + floor(random() * 5)];
		type := CASE t WHEN 'numbers' THEN 'integer' WHEN 'uuids' THEN 'uuid' WHEN 'padded' THEN 'char(60)' ELSE 'text' END;
		SELECT r INTO one FROM ids(t) AS r ORDER BY random() LIMIT 1;
		SELECT r INTO other FROM ids(t) AS r ORDER BY random() LIMIT 1;
		BEGIN
			IF random() < 0.6 THEN
				EXECUTE format('INSERT INTO %1$I SELECT r::%2$s, timestamptz ''2025-01-30'' + n * interval ''3 hours'', ''user_message'', ''s'' || n %% 5 FROM generate_series(1, %3$s) AS n, ids(%1$L) AS r WHERE random() < 0.1', t, type, 1 + floor(random() * 40));
			ELSIF random() < 0.5 THEN
				EXECUTE format('UPDATE %1$I SET bot_id = $1::%2$s, session_id = ''u'' WHERE bot_id = $2::%2$s AND random() < 0.7', t, type) USING one, other;
			ELSE
				EXECUTE format('DELETE FROM %1$I WHERE bot_id = $1::%2$s AND random() < 0.7', t, type) USING one;
			END IF;
			IF random() < 0.2 THEN
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
		IF random() < 0.1 THEN
			ROLLBACK;
		ELSIF random() < 0.3 THEN
			COMMIT;
		END IF;
	END LOOP;
END
$$;
});

# What the statistics have otherwise than plain SQL.
my $differences = q{
SELECT c.id, s.count, s.distinct_count, e.count, e.sessions FROM (SELECT DISTINCT same(id) AS id FROM candidate) AS c
  CROSS JOIN LATERAL kindly_stats.stats_total(c.id, '2025-01-01', '2026-01-01') AS s
  CROSS JOIN LATERAL (SELECT count(*), count(DISTINCT session_id) AS sessions FROM every AS e WHERE e.id = c.id) AS e
 WHERE (s.count, s.distinct_count) IS DISTINCT FROM (e.count, e.sessions);
SELECT 'series', c.id, d.day, s.count, d.count FROM (SELECT DISTINCT same(id) AS id FROM candidate) AS c
  CROSS JOIN LATERAL kindly_stats.stats_series(c.id, '2025-01-30', '2025-02-07', 'Europe/Oslo') AS s
  JOIN LATERAL (SELECT s.date::date AS day, count(*) FROM every AS e WHERE e.id = c.id AND (e.occurred_at AT TIME ZONE 'Europe/Oslo')::date = s.date::date) AS d ON d.count <> s.count;
SELECT 'shown', e.id FROM (SELECT DISTINCT id FROM every) AS e WHERE NOT EXISTS (SELECT FROM kindly_stats.bot AS b WHERE b.id = e.id AND b.number = e.id::kindly_stats.bot_id::bigint);
SELECT 'verify', * FROM kindly_stats.verify();
};

my $setseed = "SELECT setseed(" . ($seed / 1_000_000) . ") \\g /dev/null\n";
$node->safe_psql('postgres', "${setseed}CALL churn(60)");
$node->safe_psql('postgres', q{SELECT kindly_stats.attach('uuids')});
is($node->safe_psql('postgres', $differences), '', 'one table attached with its rows');
$node->safe_psql('postgres', "${setseed}CALL churn(300)");
isnt($node->safe_psql('postgres', 'SELECT count(DISTINCT id) FROM every'), '0', 'there are bots');
is($node->safe_psql('postgres', $differences), '', 'after random statements');
$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
is($node->safe_psql('postgres', $differences), '', 'compacted');
$node->safe_psql('postgres', q{TRUNCATE kindly_stats.known_bot; DELETE FROM kindly_stats.rollup WHERE bot_id < 0});
is($node->safe_psql('postgres', 'SELECT kindly_stats.rebuild() > 0'), 't', 'rebuilt');
is($node->safe_psql('postgres', $differences), '', 'rebuilt from the tables, with the list of ids');
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', "${setseed}CALL churn(50)");
is($node->safe_psql('postgres', $differences), '', 'after a crash');

$node->stop;
done_testing();
