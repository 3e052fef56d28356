# verify(), rebuild() and what is counted concurrently: each node does its own, beside writers and
# shards that move, and says the same as one server.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use IPC::Run;
use NodesOfCitus;
use PostgreSQL::Test::Utils;
use Test::More;

# who compacts holds back repairs until he commits, and one of the writers below does not
my $nodes = NodesOfCitus->new(conf => 'kindly_stats.compact_after = 0');
my $directory = PostgreSQL::Test::Utils::tempdir();

$nodes->ask($_) for q{SELECT kindly_stats.create_event_table('event')},
	q{CREATE TABLE part (bot_id bigint, occurred_at timestamptz, kind text, session text, id integer, PRIMARY KEY (bot_id, occurred_at, id)) PARTITION BY RANGE (occurred_at)},
	q{CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')}, q{SELECT kindly_stats.attach('part', '{"session_id": "session"}')},
	'SELECT kindly_stats.distribute(8)',
	q{INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT i % 17, timestamptz '2025-01-01' + i * interval '47 minutes', CASE WHEN i % 4 = 0 THEN 'bot_reply' ELSE 'user_message' END, i % 29
		FROM generate_series(1, 2000) AS i},
	q{INSERT INTO part SELECT i % 17, timestamptz '2025-01-01' + i * interval '31 minutes', 'user_message', i % 5, i FROM generate_series(1, 1000) AS i};
is($nodes->ask($_), '0', $_) for 'SELECT count(*) FROM kindly_stats.verify()', 'SELECT kindly_stats.rebuild()';

# ---- a fault of every bot

my $harm = 'DELETE FROM kindly_stats.rollup WHERE bot_id % 3 = 0';
my $in_block = $nodes->ask("BEGIN; $harm; SELECT v FROM kindly_stats.verify() AS v; ROLLBACK");
like($in_block, qr/^\(0,events,/, 'what a transaction has done is verified in it');
$nodes->ask($harm);
is($nodes->ask('SELECT v FROM kindly_stats.verify() AS v'), $in_block, 'all nodes together find the same, in the same order');
is($nodes->ask('SELECT v FROM kindly_stats.verify() AS v', node => 2), $in_block, '... also where a worker asks');
my @local = map { $nodes->ask('SELECT v FROM kindly_stats.verify(local => true) AS v', node => $_) } 0 .. 2;
is($local[0], '', 'the coordinator has no bots of its own');
ok($local[1] ne '' && $local[2] ne '', 'both workers have some');
is(join("\n", sort split /\n/, "$local[1]\n$local[2]"), join("\n", sort split /\n/, $in_block), 'together they have all');
for my $bot (2, 3)
{
	is($nodes->ask("SELECT v FROM kindly_stats.verify($bot) AS v"), join("\n", grep { /^\($bot,/ } split /\n/, $in_block), "verify($bot)");
}
is($nodes->ask(q{SELECT v FROM kindly_stats.verify(since => '2025-02-10') AS v}), join("\n", grep { !/,2025-01-01,/ } split /\n/, $in_block), 'verify(since => ...)');
my %months = map { join(',', (split /,/)[0, 2]) => 1 } split /\n/, $in_block;
my %of_3 = map { $_ => 1 } grep { /^\(3,/ } keys %months;
is($nodes->ask('SELECT kindly_stats.rebuild(3)'), scalar(keys %of_3), 'rebuild() of a bot');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify(3)'), '0', 'it is repaired');
my $first = $nodes->ask('SELECT kindly_stats.rebuild(local => true)', node => 1);
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify(local => true)', node => 1), '0', 'a worker has repaired its own');
isnt($nodes->ask('SELECT count(*) FROM kindly_stats.verify(local => true)', node => 2), '0', '... and nobody else\'s');
is($first + $nodes->ask('SELECT kindly_stats.rebuild()'), keys(%months) - keys(%of_3), 'rebuild() has all others do it');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'all is right');

# ---- a writer who does not commit

my $writer = $nodes->coordinator->background_psql('spread');
my $open = q{INSERT INTO event (bot_id, occurred_at, kind) SELECT i, '2025-01-15', 'user_message' FROM generate_series(0, 16) AS i};
$writer->query_safe("BEGIN; $open");
$nodes->ask($harm);
my $patience = q{SET statement_timeout = '60s'};
isnt($nodes->ask("$patience; SELECT count(*) FROM kindly_stats.verify()"), '0', 'verify() does not wait for him');
is($nodes->ask("$patience; SELECT kindly_stats.rebuild()"), keys %months, 'nor does rebuild()');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'his events are neither missing nor too many');
is($nodes->ask(q{SET statement_timeout = '2s'; BEGIN; SELECT kindly_stats.rebuild()}), 'ERROR: canceling statement due to statement timeout', 'in a transaction block it locks writers out');
$writer->query_safe('COMMIT');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'nor are they when he has committed');
is($nodes->ask('SELECT kindly_stats.rebuild()'), '0', 'nothing is left to repair');

# ---- a repair that is not done

my $repair = $nodes->worker(1)->background_psql('spread');
$nodes->ask($harm);
$repair->query_safe('BEGIN; SELECT kindly_stats.rebuild(local => true)');
is($nodes->ask("$patience; $open"), '', 'who writes does not wait for it');
is($nodes->ask(q{SET statement_timeout = '2s'; SELECT kindly_stats.rebuild()}), 'ERROR: canceling statement due to statement timeout', 'another repair does');
$repair->query_safe('COMMIT');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'but on that node, it has repaired, too: what one node has done stays');
is($nodes->ask("$patience; SELECT kindly_stats.rebuild()"), '0', 'it goes on afterwards');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'all is right');
$_->quit for $writer, $repair;

# ---- beside writers, while shards move

my $calls = 0;
my @writers = map {
	my $number = $_;
	my $file = "$directory/writer.$number";
	open my $handle, '>', $file or die $!;
	print $handle <<SQL;
\\set bot random(0, 16)
\\set n random(1, 100000)
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (:bot, timestamptz '2025-01-01' + :n * interval '2 minutes', 'user_message', 's' || :n % 50), (:bot, timestamptz '2025-01-01' + :n * interval '3 minutes', 'bot_reply', 's' || :n % 50);
DELETE FROM event WHERE bot_id = :bot AND occurred_at < timestamptz '2025-01-01' + :n * interval '1 minute' AND occurred_at > timestamptz '2025-01-01' + :n * interval '1 minute' - interval '1 hour';
INSERT INTO part SELECT (:bot + i) % 17, timestamptz '2025-01-01' + :n * interval '2 minutes', 'bot_reply', i, $number * 100000000 + nextval('numbers') FROM generate_series(1, 3) AS i;
SQL
	close $handle;
	my $node = $nodes->{nodes}[$number];
	$node->safe_psql('spread', 'SET citus.enable_ddl_propagation = off; CREATE SEQUENCE numbers');
	my ($in, $out, $err) = ('', '', '');
	{ harness => IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', '600', '--max-tries=1000', '-f', $file, '-d', $node->connstr('spread') ], '<', \$in, '>', \$out, '2>', \$err) };
} 0 .. 2;
my $count = 'SELECT count(*) FROM event';
my $before = $nodes->ask($count);
for my $round (1 .. 6)
{
	$nodes->ask($harm) if $round % 2;
	my $shard = $nodes->ask(q{SELECT min(shardid) + } . $round % 8 . q{ FROM pg_dist_shard WHERE logicalrelid = 'kindly_stats.rollup'::regclass});
	my ($in, $out, $err) = ('', '', '');
	my $move = IPC::Run::start([ 'psql', '-XqAt', '-d', $nodes->coordinator->connstr('spread'), '-c', qq{SELECT citus_move_shard_placement($shard, f.nodeid, t.nodeid, 'block_writes') FROM pg_dist_placement AS p
		JOIN pg_dist_node AS f USING (groupid) JOIN pg_dist_node AS t ON t.groupid NOT IN (0, f.groupid) WHERE p.shardid = $shard} ], '<', \$in, '>', \$out, '2>', \$err);
	my $rebuilt = $nodes->ask("$patience; SELECT kindly_stats.rebuild()");
	like($rebuilt, $round % 2 ? qr/^[1-9]/ : qr/^0$/, "round $round: rebuild() beside writers, and a shard that moves, repairs what is wrong and nothing else");
	is($nodes->ask("$patience; SELECT count(*) FROM kindly_stats.verify()"), '0', "round $round: verify() beside them finds nothing");
	IPC::Run::finish($move);
	diag("move: $err") if $err ne '';
}
is($nodes->ask(q{CALL kindly_stats.add_measure_concurrently('by_session', '{user_message}', '{}', 'session_id')}), '', 'a measure is added beside them');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'it has all events');
is($nodes->ask(q{SELECT count(*) FROM kindly_stats.verify(local => true)}, node => $_), '0', "says node $_") for 1, 2;
is($nodes->ask(q{SELECT count(*) FROM kindly_stats.detach('part')}), '2', 'a table is detached');
is($nodes->ask(q{CALL kindly_stats.attach_concurrently('part', '{"session_id": "session"}')}), '', '... and attached beside them');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'it has all events');
isnt($nodes->ask($count), $before, 'writers wrote meanwhile');
$_->{harness}->signal('INT'), IPC::Run::finish($_->{harness}) for @writers;
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'all is right in the end');
$nodes->ask('SELECT kindly_stats.rebuild()');
is($nodes->ask('SELECT kindly_stats.rebuild()'), '0', 'first and last events that were deleted are found once');

# ---- a table that is the coordinator's alone

$nodes->ask(q{CREATE TABLE own (bot_id bigint, occurred_at timestamptz, kind text); SELECT kindly_stats.attach('own'); INSERT INTO own SELECT i % 17, '2025-03-01', 'user_message' FROM generate_series(1, 50) AS i});
my $alone = 'ERROR: an attached table lies on the coordinator alone';
is($nodes->ask($_, node => 1), $alone, "a worker: $_") for 'SELECT kindly_stats.verify()', 'SELECT kindly_stats.verify(3, local => true)', 'SELECT kindly_stats.rebuild(local => true)';
is($nodes->ask('SELECT kindly_stats.rebuild(local => true)'), $alone, 'the coordinator, of its own alone');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), '0', 'the coordinator sees all of them');
is($nodes->ask('SELECT kindly_stats.rebuild()'), '0', '... and repairs in one transaction');
$nodes->ask('DROP TABLE own');

# ---- what cannot be

is($nodes->ask(q{SELECT kindly_stats.repair_here(NULL, NULL, '{}')}, node => 1), 'ERROR: this node does not know the same attached tables as the coordinator', 'a node that missed a table takes no events for gone');
is($nodes->ask(q{SELECT kindly_stats.repair_here(NULL, 'nothing', kindly_stats.attached_here())}, node => 1), 'ERROR: this node does not know measure "nothing"', '... nor counts a measure that it missed');
is($nodes->ask(q{SELECT kindly_stats.repair(NULL, NULL, 'pg_class', '{}')}, node => 1) =~ /ERROR: relation with OID \d+ is no shard any more/, 1, 'only shards stand for the rollup');
$nodes->worker(2)->stop('immediate');
is($nodes->ask('SELECT kindly_stats.rebuild()'), 'ERROR: some of the bots could not be looked at', 'a node that is down');
$nodes->worker(2)->start;
is($nodes->ask('SELECT kindly_stats.rebuild()'), '0', 'it is back');

$nodes->stop;
done_testing();
