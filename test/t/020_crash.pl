# Twenty times, amid writers and compaction, the server is killed.  After each
# restart the rollup holds exactly what the event table holds.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $rounds = 20;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# Processes are killed, not the machine: what was written stays written without fsync.
$node->append_conf('postgresql.conf', q{
timezone = 'UTC'
jit = off
fsync = off
log_statement = none
max_prepared_transactions = 10
checkpoint_timeout = 30s
max_wal_size = 64MB
kindly_stats.compact_after = 5
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
CREATE FUNCTION differences() RETURNS TABLE (found text) LANGUAGE sql STABLE AS $$
	WITH raw AS (
		SELECT bot_id, 'events' AS measure, occurred_at AT TIME ZONE 'UTC' AS at, NULL AS member FROM event
		UNION ALL
		SELECT bot_id, 'messages', occurred_at AT TIME ZONE 'UTC', session_id FROM event WHERE kind = 'user_message'
		UNION ALL
		SELECT bot_id, 'fallbacks', occurred_at AT TIME ZONE 'UTC', NULL FROM event WHERE kind = 'bot_reply' AND is_fallback),
	plain AS (
		SELECT bot_id, measure, date_trunc('hour', at) AS date, count(*) AS count, count(DISTINCT member) AS members FROM raw GROUP BY 1, 2, 3),
	stored AS (
		SELECT b.bot_id, m.measure, s.date, s.count, coalesce(s.distinct_count, 0) AS members
		  FROM generate_series(1, 3) AS b (bot_id), unnest(ARRAY['events', 'messages', 'fallbacks']) AS m (measure),
			   kindly_stats.stats_series(b.bot_id, '2025-01-01', '2025-04-01', 'UTC', 'hour', m.measure) AS s
		 WHERE s.count <> 0 OR s.distinct_count <> 0)
	SELECT 'plain SQL only: ' || p::text FROM (SELECT * FROM plain EXCEPT ALL SELECT * FROM stored) AS p
	UNION ALL
	SELECT 'rollup only: ' || s::text FROM (SELECT * FROM stored EXCEPT ALL SELECT * FROM plain) AS s
	UNION ALL
	SELECT 'verify: ' || v::text FROM kindly_stats.verify() AS v
$$;
});

# What pgbench runs: name => [weight, script].
my $any = "\\set bot random(1, 3)\n\\set hour random(0, 1500)\n\\set n random(1, 40)\n";
my $at = "timestamptz '2025-01-01 00:00+00' + :hour * interval '1 hour' + :n * interval '90 seconds'";
my %scripts = (
	single => [ 10, "INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (:bot, $at, 'user_message', 's' || :n);" ],
	batch => [ 4, "INSERT INTO event (bot_id, occurred_at, kind, session_id, source, is_fallback)"
		  . " SELECT 1 + i % 3, $at + i * interval '3 hours', CASE i % 2 WHEN 0 THEN 'user_message' ELSE 'bot_reply' END, 's' || i % 7, 'web', i % 5 = 0"
		  . " FROM generate_series(1, 60) AS i;" ],
	update => [ 4, "UPDATE event SET session_id = 's' || :n, occurred_at = occurred_at + interval '1 hour'"
		  . " WHERE bot_id = :bot AND occurred_at >= $at AND occurred_at < $at + interval '2 hours';" ],
	delete => [ 3, "DELETE FROM event WHERE bot_id = :bot AND occurred_at >= $at AND occurred_at < $at + interval '6 hours';" ],
	savepoint => [ 4, "BEGIN;\nINSERT INTO event (bot_id, occurred_at, kind) VALUES (:bot, $at, 'bot_reply');\nSAVEPOINT one;\n"
		  . "DELETE FROM event WHERE bot_id = :bot AND occurred_at = $at;\nINSERT INTO event (bot_id, occurred_at, kind) VALUES (:bot, $at, 'user_message');\n"
		  . "ROLLBACK TO one;\nINSERT INTO event (bot_id, occurred_at, kind, is_fallback) VALUES (:bot, $at, 'bot_reply', true);\nRELEASE one;\nCOMMIT;" ],
	compact => [ 1, "CALL kindly_stats.compact(:bot);" ]);
my @files;
for my $name (sort keys %scripts)
{
	my $file = $node->basedir . "/$name.sql";
	append_to_file($file, $any . $scripts{$name}[1] . "\n");
	push @files, '-f', "$file\@$scripts{$name}[0]";
}

sub start_writers
{
	my ($seconds) = @_;
	my $log = '';
	return IPC::Run::start([ 'pgbench', '-n', '-c', '6', '-T', $seconds, @files, '-d', $node->connstr('postgres') . ' application_name=writer' ],
		'<', \undef, '>', \$log, '2>&1');
}

# One that nobody has waited for yet is dead all the same.
sub alive
{
	my ($pid) = @_;
	return kill(0, $pid) && !(-r "/proc/$pid/stat" && slurp_file("/proc/$pid/stat") =~ /\) Z /);
}

sub gone
{
	my @pids = @_;
	my $until = time() + 30;
	while (grep { alive($_) } @pids)
	{
		return 0 if time() > $until;
		sleep(0.02);
	}
	return 1;
}

# The three ways to go: the whole server by SIGKILL, at once by its own signal, one backend of several by SIGKILL.
sub kill_server
{
	my ($how, @pids) = @_;
	if ($how eq 'kill')
	{
		my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
		kill('KILL', $postmaster, @pids);
		gone($postmaster, @pids) or die 'processes stay';
		$node->{_pid} = undef;
		# its number may still be taken, see above
		unlink($node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock');
		$node->start;
	}
	elsif ($how eq 'immediate')
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		my $before = -s $node->logfile;
		kill('KILL', $pids[ rand @pids ]);
		# not by asking: a psql that is refused ends before it has read its query, and a broken pipe ends who writes it
		$node->wait_for_log(qr/ready to accept connections/, $before);
	}
	return;
}

$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->restart;
my $written = 0;
for my $round (1 .. $rounds)
{
	my $how = ('kill', 'immediate', 'backend')[ $round % 3 ];
	my $before = $node->safe_psql('postgres', 'SELECT coalesce(max(xmin::text::bigint), 0) FROM event');

	# a transaction that is prepared outlives the crash
	$node->safe_psql('postgres', qq{
BEGIN;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 1, timestamptz '2025-03-20' + n * interval '1 hour', 'user_message', 'p$round' FROM generate_series(1, 5) AS n;
PREPARE TRANSACTION 'round $round';
}) if $round % 4 == 0;
	my $writers = start_writers(60);
	sleep(0.5 + rand(0.6));
	my @pids = split /\n/, $node->safe_psql('postgres',
		$how eq 'backend'
		? q{SELECT pid FROM pg_stat_activity WHERE application_name = 'writer'}
		: 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	kill_server($how, @pids);
	$writers->kill_kill(grace => 1);
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'writer'}) or die 'writers stay';

	is($node->safe_psql('postgres', 'SELECT * FROM differences() LIMIT 5'), '', "round $round, $how: nothing lost, nothing twice");
	if ($round % 4 == 0)
	{
		$node->safe_psql('postgres', $round % 8 == 0 ? "COMMIT PREPARED 'round $round'" : "ROLLBACK PREPARED 'round $round'");
		is($node->safe_psql('postgres', 'SELECT * FROM differences() LIMIT 5'), '', 'nor by a prepared transaction');
	}
	my $after = $node->safe_psql('postgres', 'SELECT coalesce(max(xmin::text::bigint), 0) FROM event');
	$written++ if $after > $before + 50;
}
cmp_ok($written, '>=', $rounds - 2, 'there were writers to be interrupted');

$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
is($node->safe_psql('postgres', 'SELECT * FROM differences() LIMIT 5'), '', 'nor when all is compacted');
is($node->safe_psql('postgres', q{SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0}), '0', 'which it is');
note($node->safe_psql('postgres', q{SELECT count(*) || ' events, ' || max(xmin::text::bigint) || ' transactions' FROM event}));
$node->stop;
done_testing();
