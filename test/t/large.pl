# A month of a bot that is larger than a tally can be: nothing that looks after statistics has such a limit.
#
# It takes minutes and gigabytes: test/full.sh runs it, or KINDLY_STATS_LARGE=1.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'KINDLY_STATS_LARGE is not set' if !$ENV{KINDLY_STATS_LARGE};

my $node = PostgreSQL::Test::Cluster->new('large');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off\nmax_wal_size = '4GB'\nmaintenance_work_mem = '64MB'\nwork_mem = '512MB'\nclient_min_messages = warning");
$node->start;
my $events = 150_000;
my $answers = q{
SELECT count(*), sum(count), count(DISTINCT key) FROM kindly_stats.stats_top(1, '2025-03-01', '2025-04-01', 'UTC', 'pages', 1000000);
SELECT count, distinct_count FROM kindly_stats.stats_total(1, '2025-03-01', '2025-04-01', measure => 'pages');
SELECT count(*), sum(count), max(count), sum(distinct_count) FROM kindly_stats.stats_series(1, '2025-03-01', '2025-04-01', 'Asia/Kolkata', measure => 'pages') WHERE count > 0;
SELECT count FROM kindly_stats.stats_total(2, '2025-03-01', '2025-04-01');
};
my $size = q{SELECT sum(pg_column_size(tally)) > 268435456 FROM kindly_stats.rollup WHERE measure = 'pages' AND bot_id = 1};

$node->safe_psql('postgres', qq{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
INSERT INTO event (bot_id, occurred_at, kind, session_id, web_host, web_path)
SELECT 1, timestamptz '2025-03-01' + n * interval '17 seconds', 'user_message', 's' || n, 'host', repeat(md5(n::text), 62) FROM generate_series(1, $events) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 2, timestamptz '2025-03-01' + n * interval '17 seconds', 'user_message', 's' FROM generate_series(1, 10) AS n;
});
is($node->safe_psql('postgres', $size), 't', 'a month that no tally holds');
my $expected = $node->safe_psql('postgres', $answers);
like($expected, qr/^$events\|$events\|$events\n$events\|$events\n/, 'is answered from several rows');
is($node->safe_psql('postgres', 'SELECT * FROM kindly_stats.verify()'), '', 'verified');

for my $what ('CALL kindly_stats.compact()', 'SELECT kindly_stats.rebuild()', q{SELECT kindly_stats.detach('event'); SELECT kindly_stats.attach('event')},
	# compaction leaves large rows alone, those that take away what others have among them: a repair writes them anew
	'SELECT kindly_stats.rebuild()', q{UPDATE event SET source = 'web' WHERE bot_id = 1}, 'SELECT kindly_stats.rebuild(1)', 'CALL kindly_stats.compact()',
	q{BEGIN; SELECT kindly_stats.purge('event', '2025-03-10'); ROLLBACK})
{
	$node->safe_psql('postgres', $what);
	is($node->safe_psql('postgres', $answers), $expected, "$what: the same answers");
	is($node->safe_psql('postgres', 'SELECT * FROM kindly_stats.verify()'), '', 'verified');
}

# what is wrong is found
$node->safe_psql('postgres', q{ALTER TABLE event DISABLE TRIGGER ALL; UPDATE event SET session_id = 'other' WHERE bot_id = 1 AND session_id = 's77'; ALTER TABLE event ENABLE TRIGGER ALL});
is($node->safe_psql('postgres', 'SELECT bot_id, measure, stored, recounted FROM kindly_stats.verify()'), "1|messages|$events|$events\n1|pages|$events|$events", 'one member of one event');
$node->safe_psql('postgres', q{ALTER TABLE event DISABLE TRIGGER ALL; DELETE FROM event WHERE bot_id = 1 AND session_id = 'other'; ALTER TABLE event ENABLE TRIGGER ALL});
is($node->safe_psql('postgres', q{SELECT stored, recounted, stored_members, recounted_members FROM kindly_stats.verify() WHERE measure = 'pages'}),
	join('|', $events, $events - 1, $events, $events - 1), 'an event that is missing, and its member');
$node->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
is($node->safe_psql('postgres', 'SELECT * FROM kindly_stats.verify()'), '', 'and mended');
$expected = $node->safe_psql('postgres', $answers);

# dumped and restored
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-Z', '0', '-f', $dump, '-d', $node->connstr('postgres') ], 'dumped');
$node->safe_psql('postgres', 'DROP TABLE event; DROP EXTENSION kindly_stats CASCADE; DROP SCHEMA kindly_stats CASCADE');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'restored');
is($node->safe_psql('restored', $answers), $expected, 'restored: the same answers');
is($node->safe_psql('restored', 'SELECT * FROM kindly_stats.verify()'), '', 'restored: verified');
# kept, and kept beyond the extension
$node->safe_psql('restored', q{SELECT kindly_stats.purge('event', '2025-04-01'); DROP EXTENSION kindly_stats CASCADE; CREATE EXTENSION kindly_stats; SELECT kindly_stats.create_tables()});
is($node->safe_psql('restored', $answers), $expected, 'purged, dropped and created: the same answers');

$node->stop;
done_testing();
