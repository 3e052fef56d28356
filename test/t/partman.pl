# pg_partman makes partitions, moves rows into them, detaches and drops them: the
# statistics say the same all the while, and verify() finds nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nclient_min_messages = warning");
$node->start;
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_partman'}) eq '0')
{
	$node->stop;
	plan skip_all => 'pg_partman is not installed (postgresql-NN-partman)';
}

my $version = $node->safe_psql('postgres', q{SELECT split_part(default_version, '.', 1) FROM pg_available_extensions WHERE name = 'pg_partman'});
$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
CREATE SCHEMA partman;
CREATE EXTENSION pg_partman SCHEMA partman;
CREATE TABLE chat_event (bot_id bigint NOT NULL, occurred_at timestamptz NOT NULL, kind text, session_id text, source text) PARTITION BY RANGE (occurred_at);
SELECT kindly_stats.attach('chat_event');
});

sub counted
{
	return $node->safe_psql('postgres', q{SELECT sum(e.count) || ' ' || sum(m.distinct_count) FROM generate_series(1, 3) AS b,
		kindly_stats.stats_total(b, now() - interval '2 years', now() + interval '1 year', measure => 'events') AS e,
		kindly_stats.stats_total(b, now() - interval '2 years', now() + interval '1 year', measure => 'messages') AS m});
}

sub check
{
	my ($what, $count) = @_;

	is(counted(), "$count 600", "$what: the same statistics");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', "$what: verify() finds nothing");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.tree_findings()'), '0', "$what: nothing to be mended");
	return;
}

# months that are there, and rows of half a year before them, which go to the default partition
$node->safe_psql('postgres', $version >= 5
	? q{SELECT partman.create_parent('public.chat_event', 'occurred_at', '1 month', p_start_partition => to_char(now() - interval '2 months', 'YYYY-MM-01'))}
	: q{SELECT partman.create_parent('public.chat_event', 'occurred_at', 'native', 'monthly', p_start_partition => to_char(now() - interval '2 months', 'YYYY-MM-01'))});
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'chat_event'::regclass}), '>', 5, 'partitions were made');
$node->safe_psql('postgres', q{
INSERT INTO chat_event SELECT 1 + n % 3, date_trunc('month', now()) - interval '8 months' + n * interval '190 minutes', 'user_message', 's' || n % 200 || ' ' || n % 3, 'web'
  FROM generate_series(1, 1550) AS n});
check('written', 1550);
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM chat_event_default'), '>', 500, 'most of it to the default partition');

# partition_data_proc commits as it goes
$node->safe_psql('postgres', q{CALL partman.partition_data_proc('public.chat_event')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM chat_event_default'), '0', 'rows moved from the default partition');
is($node->safe_psql('postgres', 'SELECT count(*) FROM chat_event'), '1550', 'none of them was lost');
check('moved', 1550);
$node->safe_psql('postgres', q{UPDATE chat_event SET source = 'app' WHERE session_id LIKE 's1%'; SELECT kindly_stats.rebuild()});
check('rebuilt', 1550);

# retention that keeps tables: they are attached tables of their own
$node->safe_psql('postgres', q{
UPDATE partman.part_config SET retention = '6 months', retention_keep_table = true, infinite_time_partitions = true WHERE parent_table = 'public.chat_event';
CALL partman.run_maintenance_proc();
});
my $left = $node->safe_psql('postgres', 'SELECT count(*) FROM chat_event');
cmp_ok($left, '<', 1550, 'partitions were detached');
check('detached', 1550);
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.event_table'), '>', 1, 'and are attached tables');

# retention that drops them: a purge
$node->safe_psql('postgres', q{
UPDATE partman.part_config SET retention = '4 months', retention_keep_table = false WHERE parent_table = 'public.chat_event';
CALL partman.run_maintenance_proc();
});
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM chat_event'), '<', $left, 'partitions were dropped');
check('dropped', 1550);
$node->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
check('dropped and rebuilt', 1550);

# and events go on being counted, in partitions made by maintenance
$node->safe_psql('postgres', q{INSERT INTO chat_event SELECT 1, now() + n * interval '1 day', 'bot_reply' FROM generate_series(1, 100) AS n});
check('written to once more', 1650);

$node->stop;
done_testing();
