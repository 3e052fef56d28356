# What a node has not heard of, or does while another does the same: statistics are right, or the
# statement is refused, but nothing is lost in silence.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

my $nodes = NodesOfCitus->new(conf => "kindly_stats.compact_after = 0\ncitus.defer_shard_delete_interval = -1");
my $verify = q{SELECT string_agg(v::text, ' ') FROM kindly_stats.verify() AS v};
my $patience = q{SET statement_timeout = '60s'};
my $total = q{SELECT sum(t.count) FROM generate_series(0, 16) AS b (bot), LATERAL kindly_stats.stats_total(b.bot, '2025-01-01', '2026-01-01', measure => 'events') AS t};

$nodes->ask($_) for q{SELECT kindly_stats.create_event_table('event')},
	q{CREATE TABLE part (bot_id bigint, occurred_at timestamptz, kind text, session text, id integer, PRIMARY KEY (bot_id, occurred_at, id)) PARTITION BY RANGE (occurred_at)},
	q{CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')}, q{CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('2025-02-01') TO ('2026-01-01')},
	q{SELECT kindly_stats.attach('part', '{"session_id": "session"}')}, 'SELECT kindly_stats.distribute(8)',
	q{INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT i % 17, timestamptz '2025-01-01' + i * interval '47 minutes', CASE WHEN i % 4 = 0 THEN 'bot_reply' ELSE 'user_message' END, i % 29
		FROM generate_series(1, 2000) AS i},
	q{INSERT INTO part SELECT i % 17, timestamptz '2025-01-01' + i * interval '31 minutes', 'user_message', i % 5, i FROM generate_series(1, 2000) AS i};
is($nodes->ask($verify), '', 'all is counted');

# the node of a bot, its shard of the rollup, and the other node
my $of_bot = sub {
	my ($bot) = @_;
	my ($shard, $port) = split /\|/, $nodes->ask(qq{SELECT p.shardid, n.nodeport FROM pg_dist_placement AS p JOIN pg_dist_node AS n USING (groupid)
		WHERE p.shardid = get_shard_id_for_distribution_column('kindly_stats.rollup', $bot)});
	my $number = $nodes->worker(1)->port == $port ? 1 : 2;
	return ($shard, $number, 3 - $number);
};
# a node's catalogs say that a shard, and those beside it, are on a node
my $believe = sub {
	my ($node, $shard, $on) = @_;
	$nodes->ask("UPDATE pg_dist_placement AS p SET groupid = (SELECT n.groupid FROM pg_dist_node AS n WHERE n.nodeport = " . $nodes->worker($on)->port . qq{) FROM pg_dist_shard AS s, pg_dist_shard AS r
		WHERE s.shardid = p.shardid AND r.shardid = $shard AND s.shardminvalue = r.shardminvalue}, node => $node);
};

# ---- a node that was told to take a shard, and crashed before it heard that it has it

my ($shard, $from, $to) = $of_bot->(2);
$nodes->ask("SELECT citus_move_shard_placement($shard, '127.0.0.1', " . $nodes->worker($from)->port . ", '127.0.0.1', " . $nodes->worker($to)->port . q{, 'block_writes')});
is(($of_bot->(2))[1], $to, 'a shard has moved, and what was there is left');
my $insert = q{INSERT INTO event (bot_id, occurred_at, kind) VALUES (2, '2025-01-05', 'user_message')};
$believe->($to, $shard, $from);
is($nodes->ask($insert), 'ERROR: this node does not know yet that a shard was moved to it', 'events are not counted where nobody would find them');
like($nodes->ask(q{COPY event (bot_id, occurred_at, kind) FROM PROGRAM 'printf "2\\t2025-01-05\\tuser_message\\n"'}), qr/^ERROR: this node does not know yet/, '... nor those of COPY');
$believe->($to, $shard, $to);
is($nodes->ask($insert), '', 'it has heard of it');
is($nodes->ask($verify), '', 'all is counted');
# the node that had the shard has not heard that it is gone
my $repair = q{SELECT kindly_stats.repair(NULL, NULL, 'kindly_stats.rollup_} . $shard . q{', jsonb_object_agg(s.logicalrelid::oid, to_regclass(shard_name(s.logicalrelid, s.shardid))::oid::bigint))
	FROM pg_dist_shard AS s, pg_dist_shard AS r WHERE r.shardid = } . $shard . q{ AND s.shardminvalue = r.shardminvalue AND s.logicalrelid IN ('event'::regclass, 'part'::regclass)};
like($nodes->ask($repair, node => $from), qr/^ERROR: relation with OID \d+ is no shard any more/, 'what is left of a shard is not repaired');
$believe->($from, $shard, $from);
$nodes->ask('DELETE FROM kindly_stats.rollup WHERE bot_id = 2');
$nodes->ask('SELECT kindly_stats.rebuild()');
$believe->($from, $shard, $to);
$nodes->ask('SELECT kindly_stats.rebuild()');
is($nodes->ask($verify), '', 'two nodes that believe to have a shard do not repair it twice');

# ---- settings of the session

is($nodes->ask("SET citus.enable_ddl_propagation = off; SELECT kindly_stats.detach('event')"), 'event', 'detached by who does not tell other nodes of what he does');
is($nodes->ask($insert), '', 'nothing counts');
is($nodes->ask("SET citus.enable_ddl_propagation = off; SELECT kindly_stats.attach('event')"), 'event', '... and attached');
is($nodes->ask($insert), '', 'an event');
is($nodes->ask($verify), '', '... is counted all the same');
for my $off ('citus.enable_local_execution = off', 'citus.enable_fast_path_router_planner = off', q{citus.multi_shard_modify_mode = 'sequential'}, 'citus.enable_binary_protocol = off', q{citus.force_max_query_parallelization = on})
{
	for my $node (0 .. 2)
	{
		is($nodes->ask("SET $off; BEGIN; INSERT INTO event (bot_id, occurred_at, kind) SELECT i, '2025-01-05', 'user_message' FROM generate_series(0, 16) AS i; SAVEPOINT s;"
			. " INSERT INTO event (bot_id, occurred_at, kind) SELECT i, '2025-01-06', 'user_message' FROM generate_series(0, 16) AS i; ROLLBACK TO s; DELETE FROM event WHERE bot_id = 3 AND occurred_at = '2025-01-05'; COMMIT", node => $node), '', "$off on node $node");
	}
	is($nodes->ask($verify), '', $off);
}
is($nodes->ask(q{SELECT finding FROM kindly_stats.health() WHERE severity = 'error'}), '', 'health() is content');
# ---- a measure that a node hears of late

my $measure = $nodes->coordinator->background_psql('spread');
$measure->query_safe(q{BEGIN; SELECT kindly_stats.add_measure('by_session', '{user_message}', '{}', 'session_id')});
my $locked = q{SET citus.override_table_visibility = off; SELECT count(DISTINCT c.relname) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation WHERE l.mode = 'ShareRowExclusiveLock' AND l.granted AND c.relname ~ '^(event|part)_[0-9]{4,}$'};
is($nodes->ask($locked, node => $_), $nodes->ask(q{SELECT count(*) FROM pg_dist_shard AS s JOIN pg_dist_placement AS p USING (shardid) JOIN pg_dist_node AS n USING (groupid)
	WHERE s.logicalrelid IN ('event'::regclass, 'part'::regclass) AND n.nodeport = } . $nodes->worker($_)->port), "writers wait on node $_, for as long as it has not committed") for 1, 2;
$measure->query_safe('COMMIT');
is($nodes->ask($insert), '', 'an event');
is($nodes->ask($verify), '', '... is counted with it');

# an administrator does not own the tables whose shards are locked
$nodes->ask($_) for 'SELECT kindly_stats.create_administrator_roles()', 'CREATE ROLE regress_admin LOGIN', 'GRANT kindly_stats_admin TO regress_admin', 'GRANT SELECT, DELETE ON event, part TO regress_admin',
	'SELECT kindly_stats.distribute()';
is($nodes->ask("SET ROLE regress_admin; $_"), '', "an administrator: $_") for q{SELECT kindly_stats.add_measure('by_admin', '{user_message}', '{}', 'session_id')},
	q{CALL kindly_stats.add_measure_concurrently('by_admin_too', '{user_message}', '{}', 'session_id')};
is($nodes->ask(q{SET ROLE regress_admin; SELECT kindly_stats.purge('event', '2025-01-01 12:00')}), 15, '... purges');
is($nodes->ask($verify), '', 'all is right');

# ---- compaction of a bot, and repair

my ($shard_3, $of_3) = $of_bot->(3);
my $repairing = $nodes->worker($of_3)->background_psql('spread');
$repairing->query_safe('BEGIN; SELECT kindly_stats.rebuild(3, local => true)');
my $rows = $nodes->ask('SELECT count(*) FROM kindly_stats.rollup WHERE bot_id = 3');
is($nodes->ask("$patience; CALL kindly_stats.compact(3)"), '', 'while a node repairs');
is($nodes->ask('SELECT count(*) FROM kindly_stats.rollup WHERE bot_id = 3'), $rows, '... nobody compacts there');
$repairing->query_safe('COMMIT');
is($nodes->ask('CALL kindly_stats.compact(3)'), '', 'afterwards');
cmp_ok($nodes->ask('SELECT count(*) FROM kindly_stats.rollup WHERE bot_id = 3'), '<', $rows, '... somebody does');
is($nodes->ask('BEGIN; INSERT INTO event (bot_id, occurred_at, kind) SELECT 3, \'2025-01-05\', \'user_message\' FROM generate_series(1, 20); CALL kindly_stats.compact(3); ' . $verify . '; COMMIT'), '', 'in a transaction block, with what it has written');
is($nodes->ask($verify), '', 'all is right');

# ---- purge beside writers

my $before = $nodes->ask($total);
my $writer = $nodes->coordinator->background_psql('spread');
$writer->query_safe(q{BEGIN; INSERT INTO event (bot_id, occurred_at, kind) SELECT i, '2025-01-03', 'user_message' FROM generate_series(0, 16) AS i});
cmp_ok($nodes->ask("$patience; SELECT kindly_stats.purge('event', '2025-01-10')"), '>', 100, 'purge() does not wait for who writes');
cmp_ok($nodes->ask("$patience; SELECT kindly_stats.purge('part', '2025-02-03')"), '>', 100, '... of partitions');
is($nodes->ask($total), $before, 'their statistics stay');
is($nodes->ask(q{SELECT count(*) FROM event WHERE occurred_at < '2025-01-10'}) + $nodes->ask(q{SELECT count(*) FROM part WHERE occurred_at < '2025-02-03'}), 0, 'they are gone');
is($nodes->ask($verify), '', 'all is right');
is($nodes->ask(q{SET statement_timeout = '2s'; BEGIN; SELECT kindly_stats.purge('event', '2025-01-11')}), 'ERROR: canceling statement due to statement timeout', 'in a transaction block it locks writers out');
$writer->query_safe('COMMIT');
is($nodes->ask($total), $before + 17, 'what was written meanwhile is counted');
is($nodes->ask("SELECT kindly_stats.purge('event', '2025-01-10')"), 17, '... and purged later');
is($nodes->ask($verify), '', 'all is right');
# a shard waits for who purges it
my $purging = $nodes->worker($of_3)->background_psql('spread');
my $shards = $nodes->ask(qq{SELECT e.shardid FROM pg_dist_shard AS e, pg_dist_shard AS r WHERE r.shardid = $shard_3 AND e.shardminvalue = r.shardminvalue AND e.logicalrelid = 'event'::regclass});
$purging->query_safe(qq{BEGIN; SELECT kindly_stats.purge_shard('event', 'event_$shards', '2025-01-12')});
my $move = "SELECT citus_move_shard_placement($shard_3, '127.0.0.1', " . $nodes->worker($of_3)->port . ", '127.0.0.1', " . $nodes->worker(3 - $of_3)->port . q{, 'block_writes')};
is($nodes->ask("SET statement_timeout = '2s'; $move"), 'ERROR: canceling statement due to statement timeout', 'a shard is not moved while it is purged');
$purging->query_safe('COMMIT');
is($nodes->ask($move), '', 'afterwards it is');
like($nodes->ask("SELECT kindly_stats.purge_shard('event', 'event_$shards', '2025-01-12')", node => $of_3), qr/^ERROR: this node does not know yet/, 'what is left of it is not purged');
is($nodes->ask($verify), '', 'all is right');

# ---- kept rows of a measure that was deleted, merged while they are looked at

$nodes->ask("CALL kindly_stats.compact()");
$nodes->ask(q{SELECT kindly_stats.purge('event', '2025-01-20')});
$nodes->ask(q{SELECT kindly_stats.purge('event', '2025-01-30')});
$before = $nodes->ask($total);
$nodes->ask(q{DELETE FROM kindly_stats.measure WHERE name = 'by_session'});
# the first that is replaced is locked, so that others can be merged before they are
my ($bot, $id) = split /\|/, $nodes->ask(q{SELECT k.bot_id, k.id FROM (SELECT r.bot_id, r.id FROM kindly_stats.rollup AS r WHERE r.kept AND r.measure = '') AS k LIMIT 1});
my $locking = $nodes->coordinator->background_psql('spread');
$locking->query_safe("BEGIN; SELECT r.id FROM kindly_stats.rollup AS r WHERE r.bot_id = $bot AND r.id = $id FOR UPDATE");
my $rebuilding = $nodes->coordinator->background_psql('spread');
$rebuilding->query_until(qr/begun/, "\\echo begun\nSELECT kindly_stats.rebuild();\n");
$nodes->coordinator->poll_query_until('spread', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'SELECT kindly_stats.rebuild()%' AND state = 'active'});
sleep 3;
is($nodes->ask("$patience; CALL kindly_stats.compact(" . ($bot == 3 ? 4 : 3) . ')'), '', 'rows are merged while rebuild() waits for another');
$locking->query_safe('COMMIT');
$rebuilding->query_safe('SELECT 1');
is($nodes->ask($total), $before, 'none of them counts twice');
is($nodes->ask($verify), '', 'all is right');
$_->quit for $measure, $repairing, $writer, $purging, $locking, $rebuilding;

# ---- bots that are texts

$nodes->ask($_) for q{CREATE TABLE chat (bot text, bot_number bigint, event_id bigint, occurred_at timestamptz, kind text, PRIMARY KEY (bot_number, event_id), CONSTRAINT right_number CHECK (bot_number = bot::kindly_stats.bot_id::bigint))},
	q{SELECT kindly_stats.attach('chat', '{"bot_id": "bot"}')}, 'SELECT kindly_stats.distribute()', q{ALTER TABLE chat DROP CONSTRAINT right_number};
my $stray = $nodes->ask(q{SELECT b FROM generate_series(1, 50) AS b WHERE get_shard_id_for_distribution_column('chat', b) <> get_shard_id_for_distribution_column('chat', 'x'::kindly_stats.bot_id::bigint) LIMIT 1});
like($nodes->ask("INSERT INTO chat VALUES ('x', $stray, 1, '2025-02-01', 'user_message')"), qr/^ERROR: an event of bot -?\d+ is to lie where other bots are/, 'without its CHECK constraint, a row that lies with other bots is refused');
is($nodes->ask(q{INSERT INTO chat VALUES ('x', 'x'::kindly_stats.bot_id::bigint, 1, '2025-02-01', 'user_message')}), '', 'others are not');
is($nodes->ask($verify), '', 'all is right');

$nodes->stop;
done_testing();
