# While anybody holds an old snapshot, no row of the rollup that was merged can be
# removed.  Questions and inserts do not step over all of them, and whoever holds the snapshot goes
# on seeing what he saw.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
fsync = off
autovacuum = off
log_statement = none
max_prepared_transactions = 2
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
});
my $script = $node->basedir . '/event.sql';
append_to_file($script, <<'SQL');
\set session random(1, 1000)
\set minute random(1, 600)
INSERT INTO event (bot_id, occurred_at, kind, session_id, source) VALUES (1, timestamptz '2025-01-31 20:00Z' + :minute * interval '1 minute', 'user_message', 's' || :session, 'web');
SQL

sub write_events
{
	my ($transactions, $clients) = @_;
	$clients //= 1;
	$node->command_ok([ 'pgbench', '-n', '-M', 'prepared', '-c', $clients, '-t', $transactions, '-f', $script, '-d', $node->connstr('postgres') ],
		"$transactions events by $clients");
	$node->safe_psql('postgres', 'SELECT pg_stat_force_next_flush()');
}

# Statistics say that a bot has a row or two, as most of them have.
$node->safe_psql('postgres', q{
INSERT INTO event (bot_id, occurred_at, kind) SELECT n, '2025-01-15', 'user_message' FROM generate_series(10001, 13000) AS n;
ANALYZE kindly_stats.rollup;
});

my $question = q{SELECT sum(count), sum(distinct_count) FROM kindly_stats.stats_series(1, '2025-01-01', '2025-03-01', 'Europe/Oslo')};
my $plain = q{SELECT sum(count), sum(members) FROM (SELECT count(*), count(DISTINCT session_id) AS members
	FROM event WHERE bot_id = 1 GROUP BY date_trunc('day', occurred_at, 'Europe/Oslo')) AS d};

# Pages that a question touches, once its plan is there.
sub pages_of_question
{
	my $output = $node->safe_psql('postgres', "$question;\nEXPLAIN (ANALYZE, BUFFERS) $question");
	return $output =~ /Buffers: shared hit=(\d+)/ ? $1 : die $output;
}

# Pages of the rollup that have been touched.
sub pages_touched
{
	return $node->safe_psql('postgres', q{SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read FROM pg_statio_user_tables WHERE relid = 'kindly_stats.rollup'::regclass});
}

# Entries of its key that have been read.
sub entries_read
{
	return $node->safe_psql('postgres', q{SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelid = 'kindly_stats.rollup_pkey'::regclass});
}

sub answers_are_right
{
	my ($name) = @_;
	is($node->safe_psql('postgres', $question), $node->safe_psql('postgres', $plain), $name);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', "$name: verify");
}

write_events(1000);
my $holder = $node->background_psql('postgres');
my $seen = $holder->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $question");
write_events(5000);
my $touched = pages_touched();
my $read = entries_read();
write_events(1000);
my $insert = (pages_touched() - $touched) / 1000;
cmp_ok($insert, '<', 60, "an insert touches few pages ($insert)");
$read = (entries_read() - $read) / 1000;
cmp_ok($read, '<', 10, "and what it merges is not looked for among what was merged ($read)");
my $pages = pages_of_question();
my $dead = $node->safe_psql('postgres', q{SELECT pg_stat_get_dead_tuples('kindly_stats.rollup'::regclass)});
cmp_ok($dead, '>', 5000, "rows were merged ($dead)");
cmp_ok($pages, '<', 500, "a question steps over few of them ($pages pages)");
answers_are_right('with a mark');
is($holder->query_safe($question), $seen, 'the holder sees what he saw');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM kindly_stats.rollup WHERE cluster = kindly_stats.cluster()'), 't', 'there is a mark');

# marks that went with a dump to a younger cluster and come back from there say nothing of the rows that were written there meanwhile
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', 'fsync = off');
$other->start;
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dumped');
$other->command_ok([ 'pg_restore', '-d', $other->connstr('postgres'), $dump ], 'restored in another cluster');
$other->safe_psql('postgres', q{
SET kindly_stats.compact_after = 0;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 1, '2025-01-14Z', 'user_message', 'elsewhere';
});
is($other->safe_psql('postgres', $question), $other->safe_psql('postgres', $plain), 'which counts on');
$other->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $other->connstr('postgres') ], 'dumped there');
$other->stop;
$node->safe_psql('postgres', 'CREATE DATABASE back');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('back'), $dump ], 'and come back');
is($node->safe_psql('back', q{SELECT count(*) > 0 FROM kindly_stats.rollup WHERE cluster IS NOT NULL}), 't', 'with marks');
is($node->safe_psql('back', $question), $node->safe_psql('back', $plain), 'what was counted there is seen');
is($node->safe_psql('back', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'and nothing is wrong');
# nor do marks of a table that was emptied and filled again
$node->safe_psql('back', 'UPDATE kindly_stats.rollup SET cluster = kindly_stats.cluster() WHERE cluster IS NOT NULL');
isnt($node->safe_psql('back', $question), $node->safe_psql('back', $plain), 'marks of this table would hide it');
$node->safe_psql('back', 'CREATE TABLE copied AS TABLE kindly_stats.rollup; TRUNCATE kindly_stats.rollup; INSERT INTO kindly_stats.rollup TABLE copied');
is($node->safe_psql('back', $question), $node->safe_psql('back', $plain), 'those of a table that was emptied since do not');

# what other clusters' marks say is not believed
$node->safe_psql('postgres', q{
UPDATE kindly_stats.rollup SET cluster = cluster + 1 WHERE cluster IS NOT NULL;
INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, cluster, tally)
SELECT 1, '', '2025-01-01', 4611686018427387904, 1, r.tally FROM kindly_stats.rollup AS r WHERE r.cluster IS NOT NULL;
});
answers_are_right('with the marks of another cluster');
is($holder->query_safe($question), $seen, 'nor does the holder');
write_events(500);
answers_are_right('and with a new one beside them');

# transactions that began long ago, and commit rows below where others have been merged
my $writer = $node->background_psql('postgres');
$writer->query_safe(q{BEGIN; INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-10Z', 'user_message', 'late')});
$node->safe_psql('postgres', q{BEGIN; INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-11Z', 'user_message', 'prepared'); PREPARE TRANSACTION 'late'});
write_events(2000);
answers_are_right('beside open writers');
$writer->query_safe(q{INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-12Z', 'user_message', 'later'); COMMIT});
answers_are_right('a writer has committed');
$node->safe_psql('postgres', q{COMMIT PREPARED 'late'});
answers_are_right('a prepared one, too');
is($holder->query_safe($question), $seen, 'the holder sees nothing of them');
$writer->quit;

# many at once: what one of them finds to be the first new row, another one merges meanwhile
{
	local $ENV{PGOPTIONS} = '-c kindly_stats.compact_after=2';
	for (1 .. 3)
	{
		write_events(1000, 8);
		answers_are_right('after writers who compact beside each other');
	}
}

# marks of transactions whose numbers are 2^19 apart would be the same row, for which one would wait until the other has ended
{
	local $ENV{PGOPTIONS} = '-c kindly_stats.compact_after=0';
	my $burn = 'DO $$ BEGIN FOR i IN 1 .. %d LOOP BEGIN PERFORM pg_current_xact_id(); INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$';
	my $open = $node->background_psql('postgres');
	$node->safe_psql('postgres', 'CREATE TABLE burnt (n integer); CALL kindly_stats.compact()');
	$node->safe_psql('postgres', sprintf($burn, 1000));
	my $id = $open->query_safe(q{BEGIN; INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-14Z', 'user_message', 'open'); CALL kindly_stats.compact(1); SELECT pg_current_xact_id()});
	$node->safe_psql('postgres', sprintf($burn, $id + 524288 - 3 - $node->safe_psql('postgres', 'SELECT pg_current_xact_id()')));
	$node->safe_psql('postgres', 'DROP TABLE burnt');
	my $other_id = $node->safe_psql('postgres', q{
SET lock_timeout = '1s';
BEGIN;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-14Z', 'user_message', 'much later') RETURNING pg_current_xact_id();
CALL kindly_stats.compact(1);
COMMIT;
});
	is($other_id - $id, 524288, 'a transaction that much later');
	$open->query_safe('COMMIT');
	$open->quit;
	answers_are_right('does not wait for the one that is open');
}

# a mark that is wrong hides rows from questions: verify() does not look past it, and rebuild() mends it
$node->safe_psql('postgres', q{
SET kindly_stats.compact_after = 0;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 1, '2025-01-13Z', 'user_message', 'hidden';
INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, cluster, tally)
SELECT 1, '', '2025-01-01', 9223372036854775807 - 2305843009213693000, kindly_stats.cluster(), r.tally FROM kindly_stats.rollup AS r WHERE r.cluster IS NOT NULL ORDER BY r.id LIMIT 1;
});
isnt($node->safe_psql('postgres', $question), $node->safe_psql('postgres', $plain), 'a mark that is too far hides rows');
isnt($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'verify() says so');
isnt($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify(1)'), '0', 'of the bot, too');
$node->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
answers_are_right('rebuilt');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.rollup WHERE cluster IS NOT NULL'), '0', 'without marks');
write_events(500);
answers_are_right('and with another one');

# on demand
$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
answers_are_right('compacted');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0 AND cluster IS NULL'), '0', 'no new row is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.rollup WHERE cluster IS NOT NULL'), '1', 'and one mark');
write_events(10);
answers_are_right('new rows behind it');
$node->restart;
answers_are_right('after a restart');
$node->safe_psql('postgres', 'VACUUM kindly_stats.rollup');
$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
answers_are_right('compacted once nobody holds a snapshot');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0'), '0', 'without a mark');

$node->stop;
done_testing();
