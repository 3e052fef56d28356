# Writers write everything that can be written, through coordinator and workers, while shards are moved and split, tenants isolated, nodes
# added and drained, and each postmaster killed: then statistics are those of the events, and nothing is left prepared.
#
# KINDLY_STATS_STRESS: how many transactions, 50000 in test/full.sh; else a small form.

use strict;
use warnings;

use IPC::Run;
use POSIX qw(WNOHANG);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;

my $wanted = $ENV{KINDLY_STATS_STRESS} || 1500;
my $is_large = $wanted >= 20000;
my $writers = 10;
my $bots = 40;
my $seed = $ENV{KINDLY_STATS_SEED} || 1;
my $shards = 8;

my $citus = NodesOfCitus->new(conf => join "\n", 'restart_after_crash = on', 'max_connections = 200', 'max_prepared_transactions = 100', 'max_worker_processes = 32', 'max_logical_replication_workers = 16',
	'max_replication_slots = 32', 'max_wal_senders = 32', 'shared_buffers = 64MB', 'jit = off');
my $coordinator = $citus->coordinator;
my @places = map { $_->connstr('spread') } @{ $citus->{nodes} };

sub sql { my ($statement) = @_; return $coordinator->safe_psql('spread', $statement); }

sql(qq{
SELECT kindly_stats.create_event_table('event');
SELECT kindly_stats.create_conversation_table('talk');
SELECT kindly_stats.distribute($shards);
});
sql(qq{INSERT INTO event (bot_id, occurred_at, kind, session_id, source) SELECT 1 + n % $bots, timestamptz '2025-01-01' + n * interval '7 minutes', 'user_message', 's' || n % 97, 'web'
  FROM generate_series(1, 4000) AS n});

# ---------------------------------------------------------------- writers

# What stands between two texts of psql is one transaction; its SQLSTATE is told.
sub transaction { my ($text) = @_; return "$text\n\\set state :SQLSTATE\n" . ($text =~ /^BEGIN/ ? "ROLLBACK;\n" : '') . "\\echo :state\n"; }
sub several { return 'BEGIN\\;' . join('\\;', @_) . '\\;COMMIT;'; }
sub any { return $_[ int rand @_ ]; }

sub a_bot { return 1 + int rand $bots; }
sub an_instant { return sprintf q{timestamptz '2025-01-01' + interval '%d seconds'}, rand 86400 * 120; }
sub a_kind { return any(qw(user_message bot_reply button_click label_added feedback)); }

# An event that may be there: number N of its bot has one instant and one id.
sub known
{
	my $n = 1 + int rand 300;
	return (qq{timestamptz '2025-02-01' + $n * interval '91 minutes'}, sprintf "'00000000-0000-0000-0000-%012d'", $n);
}

sub insert
{
	my ($bot, $at, $id) = @_;
	return sprintf 'INSERT INTO event (bot_id, occurred_at, event_id, kind, session_id, user_id, source, is_fallback) VALUES (%d, %s, %s, \'%s\', \'s%d\', \'u%d\', \'%s\', %s)',
	  $bot, $at // an_instant(), $id // 'gen_random_uuid()', a_kind(), rand 200, rand 90, any('web', 'app'), any('true', 'false');
}

sub batch
{
	my ($count, $range) = @_;
	return "INSERT INTO event (bot_id, occurred_at, kind, session_id, button_id) SELECT 1 + (@{[a_bot()]} + n % $range) % $bots, @{[an_instant()]} + n * interval '11 minutes', '@{[a_kind()]}', 's' || n % 13, 'b' || n % 5"
	  . " FROM generate_series(1, $count) AS n";
}

sub copy
{
	my @at = map { sprintf '2025-%02d-%02d %02d:%02d:%02d+00', 1 + rand 4, 1 + rand 28, rand 24, rand 60, rand 60 } 1 .. 60;
	return "COPY event (bot_id, occurred_at, kind, session_id) FROM STDIN;\n" . join('', map { join("\t", a_bot(), $_, a_kind(), 's' . int rand 50) . "\n" } @at) . "\\.";
}

sub conversation
{
	my $id = int rand 400;
	my $bot = 1 + $id % $bots;
	my $start = qq{timestamptz '2025-03-01' + $id * interval '3 hours'};
	return any(
		"INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time, channel) VALUES ($bot, 'c$id', $start, @{[any('NULL', qq{$start + interval '20 minutes'})]}, 'chat')",
		"UPDATE talk SET conversation_end_time = $start + interval '1 hour' WHERE bot_id = $bot AND conversation_id = 'c$id'",
		"DELETE FROM talk WHERE bot_id = $bot AND conversation_id = 'c$id'");
}

my @kinds = (
	[ 30, sub { insert(a_bot()) . ';' } ],
	[ 6, sub { batch(100, 1) . ';' } ],
	[ 5, sub { batch(60, $bots) . ';' } ],
	[ 4, \&copy ],
	[ 14, sub { insert(a_bot(), known()) . any(' ON CONFLICT DO NOTHING', ' ON CONFLICT (bot_id, occurred_at, event_id) DO UPDATE SET kind = excluded.kind, session_id = excluded.session_id') . ';' } ],
	[ 8, sub { my ($at, $id) = known(); "UPDATE event SET kind = '@{[a_kind()]}', source = NULL WHERE bot_id = @{[a_bot()]} AND occurred_at = $at AND event_id = $id;" } ],
	[ 5, sub { my $at = an_instant(); "UPDATE event SET is_fallback = NOT is_fallback WHERE bot_id = @{[a_bot()]} AND occurred_at BETWEEN $at AND $at + interval '6 hours';" } ],
	[ 6, sub { my $at = an_instant(); "DELETE FROM event WHERE bot_id = @{[a_bot()]} AND occurred_at BETWEEN $at AND $at + interval '8 hours';" } ],
	[ 2, sub { my $at = an_instant(); "DELETE FROM event WHERE occurred_at BETWEEN $at AND $at + interval '10 minutes';" } ],
	[ 8, sub { several(insert(a_bot()), 'SAVEPOINT s', insert(a_bot()), 'ROLLBACK TO s', insert(a_bot()), batch(5, 3)) } ],
	[ 2, sub { 'BEGIN\\;' . insert(a_bot()) . '\\;' . insert(a_bot()) . '\\;ROLLBACK;' } ],
	[ 9, sub { conversation() . ';' } ],
	[ 1, sub { "CALL kindly_stats.compact(@{[a_bot()]});" } ]);

sub any_transaction
{
	my $sum = 0;
	$sum += $_->[0] for @kinds;
	my $dice = rand $sum;
	for my $kind (@kinds)
	{
		return transaction($kind->[1]->()) if ($dice -= $kind->[0]) < 0;
	}
	return;
}

my $test = $$;
my $directory = PostgreSQL::Test::Utils::tempdir();

# A process that writes through one node after the other until a file says that it is enough, and notes each transaction's SQLSTATE.
sub writer
{
	my ($number) = @_;
	srand($seed * 1000 + $number);
	open my $notes, '>', "$directory/writer.$number" or die $!;
	$notes->autoflush(1);
	until (-e "$directory/enough" || getppid() != $test)
	{
		my $place = -e "$directory/calm" ? $places[0] : any(@places);
		my $script = "\\set VERBOSITY verbose\n" . join '', map { any_transaction() } 1 .. 15;
		my ($out, $err) = ('', '');
		eval { IPC::Run::run([ 'psql', '-XqAtb', '-d', $place ], '<', \$script, '>', \$out, '2>', \$err); };
		print $notes join("\n", grep { /^[0-9A-Z]{5}$/ } split /\n/, $out), "\n";
		if ($err ne '')
		{
			append_to_file("$directory/errors.$number", $err);
			sleep 0.2 if $out eq '';
		}
	}
	close $notes;
	return;
}

my @children = map
{
	my $number = $_;
	my $pid = fork // die $!;
	if ($pid == 0)
	{
		writer($number);
		POSIX::_exit(0);
	}
	$pid;
} 1 .. $writers;

# How many transactions ended with which SQLSTATE.
sub ended
{
	my %ended;
	for my $number (1 .. $writers)
	{
		open my $notes, '<', "$directory/writer.$number" or next;
		while (<$notes>)
		{
			chomp;
			$ended{$_}++ if $_ ne '';
		}
		close $notes;
	}
	return \%ended;
}

# ---------------------------------------------------------------- what happens meanwhile

my %done;

# On the coordinator.  Who writes through a worker that has not the bot holds the shard there and asks for it where it is, and so does who
# moves it: the deadlock is mostly his.  Then he tries again while all write through the coordinator, where it cannot happen; what must not
# fail does so from the beginning.
sub operate
{
	my ($what, $statement, $calm) = @_;
	for my $try (1 .. 8)
	{
		my ($out, $err);
		if ($calm || $try > 1)
		{
			append_to_file("$directory/calm", '');
			sleep 2;
		}
		my $began = time;
		my $status = $coordinator->psql('spread', "SET statement_timeout = '120s'; SET lock_timeout = '60s';\n$statement", stdout => \$out, stderr => \$err, on_error_die => 0);
		unlink "$directory/calm";
		$done{$what}{ $status == 0 ? 'ok' : 'again' }++;
		note(sprintf '%s: %s, %.1f s%s', $what, $status == 0 ? 'done' : 'failed', time - $began, $status == 0 ? '' : ": $err");
		return 1 if $status == 0;
	}
	return 0;
}

# A shard of the events and a node, by their number, that has it and one that has not.
sub a_move
{
	my ($mode) = @_;
	return qq{
SELECT format('SELECT citus_move_shard_placement(%s, %L, %s, %L, %s, ''$mode'')', s.shardid, s.nodename, s.nodeport, n.nodename, n.nodeport)
  FROM citus_shards AS s JOIN pg_dist_node AS n ON n.groupid > 0 AND n.shouldhaveshards AND n.isactive AND (n.nodename, n.nodeport) <> (s.nodename, s.nodeport)
 WHERE s.table_name = 'event'::regclass ORDER BY random() LIMIT 1 \\gexec};
}

# The shard of a bot, split into what lies before it, the bot alone, and what lies behind.
sub a_split
{
	my ($mode, $elsewhere) = @_;
	my $bot = a_bot();
	return qq{
SELECT format('SELECT citus_split_shard_by_split_points(%s, ARRAY[%L], ARRAY[%s, %s], %L)', p.shardid, p.shardminvalue::bigint + (p.shardmaxvalue::bigint - p.shardminvalue::bigint) / 2, o.nodeid, o.nodeid, '$mode')
  FROM pg_dist_shard AS p JOIN citus_shards AS s USING (shardid) JOIN pg_dist_node AS o ON o.groupid > 0 AND o.shouldhaveshards AND ((o.nodename, o.nodeport) <> (s.nodename, s.nodeport)) = $elsewhere
 WHERE p.logicalrelid = 'event'::regclass AND p.shardmaxvalue::bigint - p.shardminvalue::bigint > 1000 ORDER BY random() LIMIT 1 \\gexec};
}

sub an_isolation
{
	my ($mode, $elsewhere) = @_;
	my $bot = a_bot();
	return "SELECT isolate_tenant_to_new_shard('event', $bot, 'CASCADE', shard_transfer_mode => '$mode');" if !$elsewhere;
	return qq{
SELECT format('SELECT citus_split_shard_by_split_points(%s, ARRAY[%L, %L], ARRAY[%s, %4\$s, %4\$s], ''$mode'')', p.shardid, worker_hash(${bot}::bigint)::bigint - 1, worker_hash(${bot}::bigint), o.nodeid)
  FROM pg_dist_shard AS p JOIN citus_shards AS s USING (shardid) JOIN pg_dist_node AS o ON o.groupid > 0 AND o.shouldhaveshards AND (o.nodename, o.nodeport) <> (s.nodename, s.nodeport)
 WHERE p.logicalrelid = 'event'::regclass AND worker_hash(${bot}::bigint) > p.shardminvalue::bigint + 1 AND worker_hash(${bot}::bigint) < p.shardmaxvalue::bigint LIMIT 1 \\gexec};
}

# A process that is gone, though nobody may have waited for it yet.
sub is_gone
{
	my ($pid) = @_;
	open my $stat, '<', "/proc/$pid/stat" or return 1;
	my $line = <$stat> // return 1;
	return $line =~ /\) Z /;
}

sub processes_of
{
	my ($postmaster) = @_;
	return grep { (eval { slurp_file("/proc/$_/stat") } // '') =~ /\) \S $postmaster / } map { m{/proc/(\d+)} } glob '/proc/[0-9]*';
}

# All of a node dies at once, as when its machine has no power.
sub crash
{
	my ($node) = @_;
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @pids = ($postmaster, processes_of($postmaster));
	kill 'KILL', @pids;
	for (1 .. 500)
	{
		last if !grep { !is_gone($_) } @pids;
		sleep 0.02;
	}
	$node->{_pid} = undef;
	# its number may still be taken
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	return;
}

# A node crashes and comes back, perhaps amid a move.
sub kill_node
{
	my ($node, $amid) = @_;
	my $moving;
	if ($amid)
	{
		open my $script, '>', "$directory/move.sql" or die $!;
		print $script "SET statement_timeout = '60s';\n", a_move('force_logical'), "\n";
		close $script;
		# no pipes: servers that are started meanwhile would hold their ends
		$moving = fork // die $!;
		if ($moving == 0)
		{
			open STDOUT, '>', "$directory/move.out";
			open STDERR, '>&', \*STDOUT;
			exec 'psql', '-XqAt', '-d', $coordinator->connstr('spread'), '-f', "$directory/move.sql";
		}
	}
	sleep 0.4 if $amid;
	crash($node);
	sleep 1;
	$node->start;
	waitpid $moving, 0 if $amid;
	$done{"$_ killed"}{ok}++ for $node->name;
	note($node->name . ' killed' . ($amid ? ' amid a move: ' . slurp_file("$directory/move.out") : ''));
	operate('leftovers cleaned up', 'CALL citus_cleanup_orphaned_resources();');
	return;
}

sub add_worker
{
	my $node = $citus->start_node('worker3');
	$node->safe_psql('postgres', 'SET citus.enable_create_database_propagation = off; CREATE DATABASE spread');
	$node->safe_psql('spread', 'CREATE EXTENSION citus');
	operate('node added', sprintf q{SELECT citus_add_node('127.0.0.1', %d);}, $node->port) or die 'cannot add a node';
	push @places, $node->connstr('spread');
	operate('reference tables copied', q{SELECT replicate_reference_tables();});
	operate('moved, online', a_move('force_logical')) for 1 .. 2;
	operate('rebalanced', q{SELECT rebalance_table_shards('event', shard_transfer_mode => 'force_logical');});
	return $node;
}

sub drain_worker
{
	my ($node) = @_;
	operate('node drained', sprintf q{SELECT citus_drain_node('127.0.0.1', %d, 'force_logical');}, $node->port);
	operate('leftovers cleaned up', 'CALL citus_cleanup_orphaned_resources();');
	return;
}

my $rounds = $is_large ? 2 : 1;
for my $round (1 .. $rounds)
{
	operate('moved, blocking', a_move('block_writes')) for 1 .. ($is_large ? 4 : 1);
	operate('moved, online', a_move('force_logical')) for 1 .. ($is_large ? 4 : 1);
	operate('repaired', 'SELECT kindly_stats.rebuild();') for 1 .. ($is_large ? 5 : 2);
	is(sql('SELECT * FROM kindly_stats.verify() LIMIT 10'), '', 'beside writers, statistics are those of the events');
	kill_node($coordinator, 0);
	operate('split, blocking', a_split('block_writes', 'false'));
	operate('split, online, to another node', a_split('force_logical', 'true'), 1) if $is_large;
	operate('isolated, blocking', an_isolation('block_writes', 0));
	operate('isolated, online, to another node', an_isolation('force_logical', 1), 1);
	kill_node($_, $round % 2) for @{ $citus->{nodes} }[ 1 .. $#{ $citus->{nodes} } ];
	if ($is_large && $round == 1)
	{
		my $node = add_worker();
		kill_node($node, 0);
		drain_worker($node);
		operate('node given shards again', sprintf q{SELECT citus_set_node_property('127.0.0.1', %d, 'shouldhaveshards', true);}, $node->port);
		operate('moved, online', a_move('force_logical')) for 1 .. 3;
	}
}

# ---------------------------------------------------------------- the end

my $deadline = time + ($is_large ? 7200 : 600);
my $committed = 0;
do
{
	sleep 0.5;
	$committed = ended()->{'00000'} // 0;
} until $committed >= $wanted || time > $deadline;
open my $enough, '>', "$directory/enough" or die $!;
close $enough;
waitpid $_, 0 for @children;

my $ended = ended();
$committed = delete $ended->{'00000'};
note("$committed transactions committed by $writers writers");
note("failed with $_: $ended->{$_}") for sort keys %$ended;
note(join ', ', map { my $what = $_; "$what: " . join ' ', map { "$_ $done{$what}{$_}" } sort keys %{ $done{$what} } } sort keys %done);
# a node that is down, a shard that is another's by now, a deadlock, a key that is there: anything else is a fault
my $foreseen = join '|', 'connection to (the remote node|server)', 'connection not open', 'SSL SYSCALL error', 'failure on connection', 'postmaster was shut down', 'cannot abort transaction', 'shut(ting)? down', 'starting up', 'not yet accepting',
  'recovery mode', 'unexpected postmaster exit', 'terminating connection', 'server closed the connection', 'connection to client lost', 'because of crash of another', 'failed to COPY to shard',
  'could not find valid entry for shard', 'shard for the given value does not exist', 'placement .* was (moved|changed)', 'does not know yet that a shard was moved', 'deadlock', 'duplicate key value violates unique constraint "talk_pkey';
my (%texts, %whole);
for my $file (glob "$directory/errors.*")
{
	# an error, with what psql says of where it was met and of its statement
	for my $error (split /^(?=.*(?:ERROR|FATAL|PANIC):)/m, slurp_file($file))
	{
		my ($text) = $error =~ /^(.*(?:ERROR|FATAL|PANIC):.*)$/m or next;
		for ($text)
		{
			s/^psql:<stdin>:\d+: //;
			s/(ERROR|FATAL|WARNING|PANIC):\s+[0-9A-Z]{5}: /$1: /;
			s{/\S+/\.s\.PGSQL}{.s.PGSQL}g;
			s{\@/\S+:}{\@node:}g;
			s/\d+/N/g;
		}
		$texts{$text}++;
		$whole{$text} = $error;
	}
}
note("$texts{$_} times $_") for sort { $texts{$b} <=> $texts{$a} } keys %texts;

cmp_ok($committed, '>=', $wanted, "$wanted transactions");
is(join("\n", map { "$texts{$_} times $whole{$_}" } grep { !/$foreseen/ } sort keys %texts), '', 'transactions failed for what happened around them alone');
for my $what (sort keys %done)
{
	ok($done{$what}{ok}, $what);
}

# Citus finishes what a crash has left between the two phases of a commit.
my $prepared = 1;
for (1 .. 120)
{
	sql('SELECT recover_prepared_transactions()');
	$prepared = 0;
	$prepared += $_->safe_psql('spread', 'SELECT count(*) FROM pg_prepared_xacts') for @{ $citus->{nodes} };
	last if !$prepared;
	sleep 1;
}
is($prepared, 0, 'no prepared transaction is left');
sql('CALL citus_cleanup_orphaned_resources()');
is(sql('SELECT * FROM kindly_stats.verify() LIMIT 10'), '', 'statistics are those of the events');
is(sql(q{SELECT * FROM kindly_stats.health() WHERE severity = 'error'}), '', 'health() finds no error');
is( sql(qq{WITH bots AS MATERIALIZED (SELECT bot FROM generate_series(1, $bots) AS bot), counted AS MATERIALIZED (
SELECT bot, count FROM bots, kindly_stats.stats_total(bot, '2024-01-01', '2026-01-01', measure => 'events')), there AS MATERIALIZED (SELECT bot_id, count(*) AS count FROM event GROUP BY 1)
SELECT count(*) FROM counted AS c LEFT JOIN there AS t ON t.bot_id = c.bot WHERE c.count <> coalesce(t.count, 0)}), '0', 'questions count them');
note(sql('SELECT count(*) FROM event') . ' events, ' . sql('SELECT count(*) FROM kindly_stats.rollup') . ' rows of the rollup, '
	  . sql(q{SELECT count(*) FROM citus_shards WHERE table_name = 'event'::regclass}) . ' shards');
$citus->stop;
done_testing();
