# Every kind of write counts, through the coordinator and through a worker, and compaction
# changes nothing.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

my $nodes = NodesOfCitus->new;

$nodes->ask('SELECT kindly_stats.distribute(6)');
$nodes->same("SELECT kindly_stats.create_event_table('event')", 'an event table');
is($nodes->ask('SELECT kindly_stats.distribute()'), 'event', 'it is spread');

sub written
{
	my ($name, $statement) = @_;

	unlike($nodes->same($statement, $name, node => $_ % 2), qr/^ERROR/, "$name: no error") for 1 .. 2;
	$nodes->agree($name);
	return;
}

written('single rows', q{DO $$ BEGIN FOR i IN 1 .. 300 LOOP
	INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (i % 5, timestamptz '2025-01-01' + i * interval '1 hour', 'user_message', 's' || i % 7); END LOOP; END $$});
written('many rows', q{INSERT INTO event (bot_id, occurred_at, kind, user_id) SELECT i % 13, timestamptz '2025-01-01' + i * interval '31 minutes', 'user_message', i % 17 FROM generate_series(1, 5000) AS i});
written('several values', q{INSERT INTO event (bot_id, occurred_at, kind) VALUES (1, '2025-02-01', 'bot_reply'), (2, '2025-02-01', 'bot_reply'), (3, '2025-03-01', 'bot_reply')});
written('COPY', "COPY event (bot_id, occurred_at, kind) FROM PROGRAM 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do for m in 1 2 3 4; do echo \$i,2025-0\$m-01,bot_reply; done; done' (FORMAT csv)");
written('upserts', q{
	INSERT INTO event (bot_id, occurred_at, kind, event_id) VALUES (7, '2025-03-03', 'bot_reply', '00000000-0000-0000-0000-000000000001') ON CONFLICT DO NOTHING;
	INSERT INTO event (bot_id, occurred_at, kind, event_id) VALUES (7, '2025-03-03', 'bot_reply', '00000000-0000-0000-0000-000000000001')
		ON CONFLICT (bot_id, occurred_at, event_id) DO UPDATE SET kind = 'user_message'});
written('UPDATE', q{UPDATE event SET session_id = 'other' WHERE kind = 'user_message' AND occurred_at < '2025-01-04'; UPDATE event SET kind = 'bot_reply' WHERE bot_id = 4});
written('DELETE', q{DELETE FROM event WHERE occurred_at BETWEEN '2025-01-02' AND '2025-01-03'; DELETE FROM event WHERE bot_id = 9});
written('CTE', q{WITH d AS (DELETE FROM event WHERE bot_id = 6 RETURNING *) INSERT INTO event (bot_id, occurred_at, kind) SELECT 5, occurred_at, 'bot_reply' FROM d});
written('interactions', q{INSERT INTO event (bot_id, occurred_at, kind, interaction_id, interaction_name) SELECT i % 9, '2025-02-03', 'interaction', i % 4, 'name' || i % 3 FROM generate_series(1, 60) AS i});
written('interactions that go', q{DELETE FROM event WHERE kind = 'interaction' AND interaction_id IN ('1', '2')});
$nodes->same(q{SELECT DISTINCT bot_id, interaction_id, interaction_name FROM kindly_stats.interaction ORDER BY 1, 2, 3}, 'what is gone is listed');
$nodes->same(q{SELECT b, i.* FROM generate_series(0, 8) AS b, LATERAL kindly_stats.stats_top(b, '2025-02-03', '2025-02-04', measure => 'interactions') AS i ORDER BY 1, 2}, 'and the rest is counted');
written('savepoints', q{BEGIN; INSERT INTO event (bot_id, occurred_at, kind) VALUES (10, '2025-02-02', 'bot_reply'); SAVEPOINT a;
	INSERT INTO event (bot_id, occurred_at, kind) VALUES (11, '2025-02-02', 'bot_reply'); ROLLBACK TO a; INSERT INTO event (bot_id, occurred_at, kind) VALUES (12, '2025-02-02', 'bot_reply'); COMMIT});
written('a rolled back transaction', q{BEGIN; INSERT INTO event (bot_id, occurred_at, kind) SELECT i, '2025-02-02', 'bot_reply' FROM generate_series(0, 12) AS i; ROLLBACK});
written('INSERT from itself', q{INSERT INTO event (bot_id, occurred_at, kind) SELECT bot_id, occurred_at + interval '2 months', 'bot_reply' FROM event WHERE bot_id < 2 AND occurred_at < '2025-01-05'});
written('MERGE', q{CREATE TEMP TABLE IF NOT EXISTS nothing (i integer); MERGE INTO event AS e USING event AS s ON e.bot_id = s.bot_id AND e.event_id = s.event_id AND e.occurred_at = s.occurred_at
	WHEN MATCHED AND e.bot_id = 3 THEN UPDATE SET user_id = 'merged' WHEN MATCHED AND e.bot_id = 2 THEN DELETE}) if $nodes->ask('SHOW server_version_num') >= 150000;
written('REPEATABLE READ', q{BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO event (bot_id, occurred_at, kind) SELECT i, '2025-03-05', 'bot_reply' FROM generate_series(0, 12) AS i; COMMIT});

my $rows = $nodes->ask('SELECT count(*) FROM kindly_stats.rollup');
is($nodes->ask('CALL kindly_stats.compact(1)'), '', 'one bot is compacted from the coordinator');
is($nodes->ask('CALL kindly_stats.compact(local => true)', node => 1), '', 'a node compacts its own rows');
$nodes->agree('one node compacted');
is($nodes->ask('CALL kindly_stats.compact()'), '', 'all are compacted');
cmp_ok($nodes->ask('SELECT count(*) FROM kindly_stats.rollup'), '<', $rows, 'fewer rows are left');
is($nodes->ask('SELECT count(*) FROM kindly_stats.rollup WHERE id >= 0 AND id < 2305843009213693952'), '0', 'none is new on any node');
is($nodes->ask('SELECT count(*) FROM kindly_stats.rollup WHERE cluster IS NOT NULL'), '0', 'and none is a mark');
$nodes->ask('CALL kindly_stats.compact()', database => 'plain');
$nodes->agree('compacted');

is($nodes->ask('TRUNCATE event'), 'ERROR: cannot truncate event table "event"', 'TRUNCATE is refused');
is($nodes->ask('UPDATE event SET bot_id = 1'), 'ERROR: modifying the partition value of rows is not allowed', 'Citus lets no event change its bot');

# measures that are changed in one session are heard of in others
my $writer = $nodes->worker(1)->background_psql('spread');
$writer->query_safe(q{INSERT INTO event (bot_id, occurred_at, kind, country) SELECT i, '2025-03-06', 'user_message', 'NO' FROM generate_series(0, 12) AS i});
is($nodes->ask(q{SELECT kindly_stats.add_measure('by_country', '{user_message}', '{country}')}), '', 'a new measure');
$writer->query_safe(q{INSERT INTO event (bot_id, occurred_at, kind, country) SELECT i, '2025-03-06', 'user_message', 'SE' FROM generate_series(0, 12) AS i});
is($nodes->ask('SELECT * FROM kindly_stats.verify()'), '', 'an open session of a worker counts it');
is($nodes->ask(q{SELECT t.count FROM kindly_stats.stats_total(1, '2025-03-06', '2025-03-07', measure => 'by_country') AS t}, node => 2), '2', 'from there on and from before');
$writer->quit;

$nodes->stop;
done_testing();
