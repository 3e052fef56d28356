# A table is attached, a measure is added and statistics are rebuilt while others
# write; what stops it halfway leaves a mark, and a second call ends it.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $rows = 200_000;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
timezone = 'UTC'
jit = off
fsync = off
log_statement = none
kindly_stats.compact_after = 5
restart_after_crash = on
});
$node->start;
$node->safe_psql('postgres', qq{
CREATE EXTENSION kindly_stats;
CREATE TABLE event (bot_id bigint, occurred_at timestamptz, kind text, session_id text, topic text) PARTITION BY RANGE (occurred_at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2025-02-01') TO ('2025-04-01');
INSERT INTO event SELECT 1 + i % 20, timestamptz '2025-01-01' + i * interval '30 seconds', CASE i % 3 WHEN 0 THEN 'bot_reply' ELSE 'user_message' END,
	's' || i % 999, 't' || i % 7 FROM generate_series(1, $rows) AS i;
CREATE INDEX ON event (bot_id, occurred_at);
});

my $any = "\\set bot random(1, 20)\n\\set hour random(0, 1600)\n\\set n random(1, 40)\n";
my $at = "timestamptz '2025-01-01' + :hour * interval '1 hour' + :n * interval '90 seconds'";
my %scripts = (
	insert => [ 8, "INSERT INTO event VALUES (:bot, $at, 'user_message', 's' || :n, 't' || :n);" ],
	straight => [ 2, "INSERT INTO event_2 VALUES (:bot, timestamptz '2025-02-10' + :hour * interval '1 minute', 'bot_reply', NULL, 't1');" ],
	batch => [ 1, "INSERT INTO event SELECT :bot, $at + i * interval '3 hours', 'user_message', 's' || i % 7, 't2' FROM generate_series(1, 30) AS i;" ],
	update => [ 3, "UPDATE event SET session_id = 's' || :n, topic = 't' || :n, occurred_at = occurred_at + interval '1 hour'"
		  . " WHERE bot_id = :bot AND occurred_at >= $at AND occurred_at < $at + interval '1 hour';" ],
	delete => [ 2, "DELETE FROM event WHERE bot_id = :bot AND occurred_at >= $at AND occurred_at < $at + interval '2 hours';" ],
	rolled_back => [ 1, "BEGIN;\nDELETE FROM event WHERE bot_id = :bot AND occurred_at >= $at AND occurred_at < $at + interval '9 hours';\nROLLBACK;" ],
	compact => [ 1, "CALL kindly_stats.compact(:bot);" ]);
my @files;
for my $name (sort keys %scripts)
{
	my $file = $node->basedir . "/$name.sql";
	append_to_file($file, $any . $scripts{$name}[1] . "\n");
	push @files, '-f', "$file\@$scripts{$name}[0]";
}

# What they say goes to a file: nobody reads a pipe meanwhile.
my $said_by_writers = $node->basedir . '/writers.log';

sub start_writers
{
	return IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '600', @files, '-d', $node->connstr('postgres') . ' application_name=writer' ],
		'>', $said_by_writers, '2>&1');
}

sub stop_writers
{
	my ($run) = @_;
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'writer'");
	$run->finish;
	my @other = grep { /ERROR|FATAL/ && !/terminating connection/ } split /\n/, slurp_file($said_by_writers);
	is(join("\n", @other), '', 'no writer failed');
}

sub verify
{
	my ($name) = @_;
	is($node->safe_psql('postgres', 'SELECT * FROM kindly_stats.verify()'), '', "$name: verify() finds nothing");
}

# What is added and taken away is nothing at all once it is compacted.
sub nothing_left
{
	my ($name) = @_;
	$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.rollup WHERE NOT kept'), '0', "$name: nothing is left");
}

# A statement in a session of its own, to be stopped.
sub start_call
{
	my ($log, $statement) = @_;
	return IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres') . ' application_name=caller', '-c', $statement ], '>', $log, '2>', $log);
}

sub stop_call
{
	my ($how) = @_;
	return $node->safe_psql('postgres', "SELECT $how(pid) FROM pg_stat_activity WHERE application_name = 'caller'");
}

my $attach = "CALL kindly_stats.attach_concurrently('event')";
my $add = "CALL kindly_stats.add_measure_concurrently('by_topic', keys => '{topic}', member => 'session_id')";

# A writer's open transaction: the lock is tried, others pass between, a cancel leaves nothing behind.
my $open = $node->background_psql('postgres');
$open->query_safe("BEGIN; INSERT INTO event VALUES (1, '2025-01-01', 'user_message', 's', 't')");
my $said = '';
my $call = start_call(\$said, $attach);
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM kindly_stats.progress WHERE command = 'attach_concurrently' AND phase = 'waiting for writers'
	AND event_table = 'event'::regclass)") or die "it does not wait: $said";
$node->safe_psql('postgres', "INSERT INTO event VALUES (2, '2025-01-02', 'user_message', 's', 't')");
pass('who comes later need not wait until it has its lock');
stop_call('pg_cancel_backend');
$call->finish;
like($said, qr/canceling statement/, 'it can be cancelled while it waits');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.event_table'), '0', 'nothing is attached then');
$said = '';
$call = start_call(\$said, $attach);
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM kindly_stats.progress WHERE command = 'attach_concurrently')");
$open->query_safe('COMMIT');
$open->quit;
$call->finish;
unlike($said, qr/ERROR/, 'once the writer is gone it goes on');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.counting'), '0', 'to its end');
verify('after a writer that was in the way');
$node->safe_psql('postgres', "SELECT kindly_stats.detach('event')");
nothing_left('detached');

# Stopped between its steps: another session has the lock that counting needs.
sub stopped_between
{
	my ($statement, $how) = @_;
	my $other = $node->background_psql('postgres');
	$other->query_safe('BEGIN; SELECT kindly_stats.lock_repair()');
	my $log = '';
	my $stopped = start_call(\$log, $statement);
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
		WHERE a.application_name = 'caller' AND l.locktype = 'advisory' AND NOT l.granted)") or die "it does not come so far: $log";
	if ($how eq 'kill')
	{
		my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'caller'");
		my $before = -s $node->logfile;
		kill 'KILL', $pid;
		$stopped->finish;
		eval { $other->quit };
		# a psql that is refused ends before it has read its query, and a broken pipe ends who writes it
		$node->wait_for_log(qr/ready to accept connections/, $before);
	}
	else
	{
		stop_call($how);
		$stopped->finish;
		$other->query_safe('ROLLBACK');
		$other->quit;
	}
}

sub marks
{
	return $node->safe_psql('postgres', "SELECT (SELECT count(*) FROM kindly_stats.counting) || ' ' || (SELECT count(*) FROM kindly_stats.measure WHERE NOT counted)");
}

for my $how ('pg_cancel_backend', 'pg_terminate_backend', 'kill')
{
	stopped_between($attach, $how);
	is(marks(), '1 0', "$how: the table is marked");
	isnt($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', "$how: and verify() says what is missing");
	my $writers = start_writers();
	sleep 1;
	$node->safe_psql('postgres', $attach);
	stop_writers($writers);
	is(marks(), '0 0', "$how: a second call ends it");
	verify("$how of attach");

	stopped_between($add, $how);
	is(marks(), '0 1', "$how: the measure is marked");
	my ($code, $out, $err) = $node->psql('postgres', "SELECT * FROM kindly_stats.stats_total(1, '2025-01-01', '2025-04-01', 'UTC', measure => 'by_topic')");
	like($err, qr/measure "by_topic" is still being counted/, "$how: and questions about it are refused");
	$writers = start_writers();
	sleep 1;
	$node->safe_psql('postgres', "CALL kindly_stats.add_measure_concurrently('by_topic')");
	stop_writers($writers);
	is(marks(), '0 0', "$how: a second call ends it");
	verify("$how of add_measure");
	$node->safe_psql('postgres', "DELETE FROM kindly_stats.measure WHERE name = 'by_topic'; SELECT kindly_stats.rebuild(); SELECT kindly_stats.detach('event')");
	nothing_left("$how, all undone");
}

# Other ways to end what is half done.
stopped_between($attach, 'pg_cancel_backend');
is($node->safe_psql('postgres', "SELECT kindly_stats.detach('event') IS NOT NULL LIMIT 1"), 't', 'detach() undoes it');
nothing_left('detached half counted');
stopped_between($attach, 'pg_cancel_backend');
$node->safe_psql('postgres', "SELECT kindly_stats.purge('event', '2025-01-10')");
$node->safe_psql('postgres', "SELECT * FROM kindly_stats.attach('event')");
is(marks(), '0 0', 'attach() ends it');
verify('attach() after a purge of a table half counted');
stopped_between($add, 'pg_cancel_backend');
$node->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
is(marks(), '0 0', 'rebuild() ends it');
verify('rebuild() after a measure half counted');
$node->safe_psql('postgres', "DELETE FROM kindly_stats.measure WHERE name = 'by_topic'; SELECT kindly_stats.rebuild(); SELECT kindly_stats.detach('event')");

# All of it beside writers, in snapshots that go on being taken.
my $writers = start_writers();
sleep 1;
$node->safe_psql('postgres', $attach);
verify('amid writers, attached');
$node->safe_psql('postgres', $add);
verify('amid writers, with a measure more');
for my $turn (1 .. 3)
{
	$node->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
	verify("amid writers, rebuilt $turn");
}
stop_writers($writers);
verify('after all');
is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.progress'), '0', 'nobody counts any more');

done_testing();
