# Repair, purge, attaching and detaching, new measures, and DDL: on the cluster as on one
# server, or refused with a way to do it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

# the coordinator has shards of its own, beside the tables that stand for all
my $nodes = NodesOfCitus->new(workers => 2, own_shards => 1);

sub done
{
	my ($statement, $name) = @_;

	unlike($nodes->same($statement, $name), qr/^ERROR/, "$name: no error");
	$nodes->agree($name);
	return;
}

$nodes->same("SELECT kindly_stats.create_event_table('event')", 'an event table');
$nodes->same(q{CREATE TABLE part (bot_id bigint, occurred_at timestamptz, kind text, session text, id integer, PRIMARY KEY (bot_id, occurred_at, id)) PARTITION BY RANGE (occurred_at);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2025-02-01'); SELECT kindly_stats.attach('part', '{"session_id": "session"}')}, 'a partitioned table');
unlike($nodes->ask('SELECT string_agg(d::text, \' \') FROM kindly_stats.distribute(4) AS d'), qr/^ERROR/, 'all is spread');
done(q{INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT i % 13, timestamptz '2025-01-01' + i * interval '47 minutes', CASE WHEN i % 4 = 0 THEN 'bot_reply' ELSE 'user_message' END, i % 29
	FROM generate_series(1, 3000) AS i}, 'events');
done(q{INSERT INTO part SELECT i % 13, timestamptz '2025-01-01' + i * interval '11 minutes', 'user_message', i % 5, i FROM generate_series(1, 2000) AS i}, 'events in partitions');

# repair
is($nodes->ask('SELECT kindly_stats.rebuild()'), '0', 'nothing to repair');
$nodes->ask('DELETE FROM kindly_stats.rollup WHERE bot_id IN (3, 4)');
$nodes->ask('DELETE FROM kindly_stats.rollup WHERE bot_id IN (3, 4)', database => 'plain');
like($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), qr/^[1-9]/, 'verify() finds what is missing');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify()'), $nodes->ask('SELECT count(*) FROM kindly_stats.verify()', database => 'plain'), '... as on one server');
is($nodes->ask('SELECT count(*) FROM kindly_stats.verify(3)', node => 1), $nodes->ask('SELECT count(*) FROM kindly_stats.verify(3)'), '... on a worker, too');
done('SELECT kindly_stats.rebuild()', 'rebuild()');

# a worker does not know of a table that is the coordinator's own, whose events it would take for gone
done(q{CREATE TABLE own (bot_id bigint, occurred_at timestamptz, kind text); SELECT kindly_stats.attach('own'); INSERT INTO own SELECT i % 13, '2025-03-01', 'user_message' FROM generate_series(1, 50) AS i}, 'a table of the coordinator');
is($nodes->ask($_, node => 1), 'ERROR: this node is a worker', "$_ on a worker is refused")
  for 'SELECT kindly_stats.rebuild()', 'SELECT kindly_stats.rebuild(3)', q{SELECT kindly_stats.add_measure('on_a_worker', '{user_message}')}, q{CALL kindly_stats.add_measure_concurrently('on_a_worker', '{user_message}')},
  'SELECT kindly_stats.verify_all()';
$nodes->agree('nothing was taken for gone');
done(q{DROP TABLE own; SELECT kindly_stats.rebuild()}, 'the table goes, its statistics stay');

# purge
done(q{SELECT kindly_stats.purge('event', '2025-01-20')}, 'purge()');
done(q{SELECT kindly_stats.purge('part', '2025-01-05')}, 'purge() of a partitioned table');
done(q{SELECT kindly_stats.rebuild()}, 'rebuild() after purge()');
done(q{SELECT sum(kindly_stats.total(CASE measure WHEN '' THEN kindly_stats.keys_under(tally, 'events') ELSE tally END)) FROM kindly_stats.rollup WHERE kept AND measure IN ('', 'events')}, 'as much is kept');

# measures
done(q{SELECT kindly_stats.add_measure('by_session', '{user_message}', '{}', 'session_id')}, 'add_measure()');
done(q{CALL kindly_stats.add_measure_concurrently('replies_by_session', '{bot_reply}', '{}', 'session_id')}, 'add_measure_concurrently()');
done(q{DELETE FROM kindly_stats.measure WHERE name = 'by_session'; SELECT kindly_stats.rebuild() > 0}, 'a deleted measure');

# partitions
done(q{CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')}, 'a new partition');
done(q{INSERT INTO part SELECT i % 13, timestamptz '2025-02-01' + i * interval '11 minutes', 'user_message', i % 5, i FROM generate_series(1, 500) AS i}, '... is written through its parent');
done(q{INSERT INTO part_2 SELECT i % 13, timestamptz '2025-02-01' + i * interval '11 minutes', 'bot_reply', i % 5, 1000 + i FROM generate_series(1, 500) AS i}, '... and straight');
done(q{CREATE TABLE part_3 (LIKE part INCLUDING ALL); ALTER TABLE part ATTACH PARTITION part_3 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01')}, 'an empty table becomes a partition');
done(q{INSERT INTO part_3 SELECT i % 13, timestamptz '2025-03-01' + i * interval '11 minutes', 'bot_reply', i % 5, 1000 + i FROM generate_series(1, 500) AS i}, '... and is written to');
$nodes->ask(q{CREATE TABLE full_of_rows (LIKE part INCLUDING ALL); INSERT INTO full_of_rows VALUES (1, '2025-04-01', 'bot_reply', 'x', 1)});
is($nodes->ask(q{ALTER TABLE part ATTACH PARTITION full_of_rows FOR VALUES FROM ('2025-04-01') TO ('2025-05-01')}),
	'ERROR: partition "public.full_of_rows" of distributed table "public.part" has to be empty', 'one with rows does not');
done(q{ALTER TABLE part DETACH PARTITION part_1}, 'a partition leaves');
done(q{INSERT INTO part_1 VALUES (1, '2025-01-30', 'bot_reply', 'x', -1)}, '... and counts');
done(q{ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')}, '... and comes back');
done(q{DROP TABLE part_2}, 'a partition is dropped: its statistics stay');

# columns
done(q{ALTER TABLE event RENAME session_id TO conversation; INSERT INTO event (bot_id, occurred_at, kind, conversation) SELECT i, '2025-02-20', 'user_message', 'x' FROM generate_series(0, 12) AS i}, 'a column gets a new name');
is($nodes->ask(q{ALTER TABLE event ALTER COLUMN conversation TYPE varchar(10)}), 'ERROR: a column of distributed table "public.event" that is counted cannot change its type', 'a counted column keeps its type');
done(q{ALTER TABLE event ADD COLUMN more integer}, 'another column');
is($nodes->ask(q{ALTER TABLE event DROP COLUMN conversation}), $nodes->ask(q{ALTER TABLE event DROP COLUMN conversation}, database => 'plain'), 'a counted column is not dropped');

# detached and attached
done(q{SELECT kindly_stats.detach('event')}, 'detach()');
done(q{INSERT INTO event (bot_id, occurred_at, kind, conversation) SELECT i, '2025-02-21', 'user_message', 'x' FROM generate_series(0, 12) AS i}, 'nothing is counted then');
done(q{SELECT kindly_stats.attach('event', '{"session_id": "conversation"}')}, 'attach(), with rows');
done(q{SELECT kindly_stats.detach('event', true)}, 'detach(), statistics kept');
$nodes->same(q{SELECT kindly_stats.attach('event', '{"session_id": "conversation"}')}, 'they would be counted twice');
done(q{SELECT kindly_stats.forget_kept('event')}, 'forget_kept()');
done(q{CALL kindly_stats.attach_concurrently('event', '{"session_id": "conversation"}')}, 'attach_concurrently()');
done(q{SELECT kindly_stats.attach('event', '{"session_id": null}')}, 'with other columns');
done(q{DROP TABLE part}, 'a table is dropped: its statistics stay');
is($nodes->ask(q{SELECT * FROM kindly_stats.health() WHERE severity = 'error'}), '', 'health() is content');
is($nodes->ask(q{SELECT string_agg(event_table::text, ' ') FROM kindly_stats.event_table}), 'event', 'shards of this node are no tables of their own');

# what Citus would do with an attached table without us
for my $call ("undistribute_table('event')", "alter_distributed_table('event', shard_count := 3, cascade_to_colocated := false)")
{
	is($nodes->ask("SET client_min_messages = error; SELECT $call"), 'ERROR: distributed table "public.event" is attached: its statistics would not go with it', "$call is refused");
}
$nodes->agree('still there');

# a table that lies elsewhere
is($nodes->ask(q{CREATE TABLE apart (bot_id bigint, occurred_at timestamptz, kind text); SET client_min_messages = error; SELECT create_distributed_table('apart', 'bot_id', colocate_with => 'none')}), '', 'a table not beside the rollup');
is($nodes->ask(q{SELECT kindly_stats.attach('apart')}), 'ERROR: distributed table "public.apart" does not lie beside the rollup', 'it cannot be attached');
is($nodes->ask(q{SELECT kindly_stats.attach('event')}, node => 1), 'ERROR: this node is a worker', 'a worker attaches nothing');

# a node is down
$nodes->worker(2)->stop('immediate');
like($nodes->ask(q{SELECT finding FROM kindly_stats.health_nodes()}), qr/^It does not answer/, 'health() names a node that is down');
$nodes->worker(2)->start;
$nodes->agree('it is back');

$nodes->stop;
done_testing();
