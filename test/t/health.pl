# Who keeps dead rows of the rollup from being removed: health() names him, and what
# it prints ends it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
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
CREATE TABLE other (i integer);
});
my $script = $node->basedir . '/other.sql';
append_to_file($script, "INSERT INTO other VALUES (1);\n");

# Rows that are dead but to a snapshot which is 1,500 transactions old.
sub grow_old
{
	$node->safe_psql('postgres', q{
		INSERT INTO event (bot_id, occurred_at, kind) SELECT 1, timestamptz '2025-01-01' + i * interval '1 minute', 'user_message' FROM generate_series(1, 10) AS i;
		SET kindly_stats.compact_after = 0;
		DO $$ BEGIN FOR i IN 1 .. 50 LOOP INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, '2025-01-01', 'user_message'); END LOOP; END $$;
	});
	$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
	$node->command_ok([ 'pgbench', '-n', '-t', '1500', '-f', $script, '-d', $node->connstr('postgres') ], 'time goes by');
	$node->safe_psql('postgres', 'SELECT pg_stat_force_next_flush()');
}

sub finding
{
	return $node->safe_psql('postgres', q{SELECT severity || '|' || object || '|' || remedy FROM kindly_stats.health_dead_rows(10)});
}

is(finding(), '', 'a fresh database has none');
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
grow_old();
like(finding(), qr/^warning\|process $pid \(.*, idle in transaction\)\|SELECT pg_terminate_backend\($pid\); VACUUM kindly_stats.rollup;$/, 'a process');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
$node->safe_psql('postgres', 'VACUUM kindly_stats.rollup');
is(finding(), '', 'a process: once it is gone, VACUUM removes them');
eval { $session->quit };

$node->safe_psql('postgres', "BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION 'forgotten'");
grow_old();
is(finding(), "warning|prepared transaction forgotten|ROLLBACK PREPARED 'forgotten'; VACUUM kindly_stats.rollup;", 'a prepared transaction');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'forgotten'");
$node->safe_psql('postgres', 'VACUUM kindly_stats.rollup');
is(finding(), '', 'a prepared transaction: likewise');

# A standby that told what it needs, and is gone.
$node->backup('base');
$node->safe_psql('postgres', "SELECT pg_create_physical_replication_slot('gone', true)");
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nwal_receiver_status_interval = 1s\nprimary_slot_name = 'gone'\n");
$standby->start;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.health() WHERE severity = \'error\''), '0', 'a standby answers, too');
$node->poll_query_until('postgres', "SELECT xmin IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'gone'") or die 'no feedback';
$standby->stop;
grow_old();
is(finding(), "warning|replication slot gone|SELECT pg_drop_replication_slot('gone'); VACUUM kindly_stats.rollup;", 'a slot');
$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('gone')");
$node->safe_psql('postgres', 'VACUUM kindly_stats.rollup');
is(finding(), '', 'a slot: likewise');

done_testing();
