# Questions about many bots: each shard is asked once, whatever the number of bots, and the answers are those of one server.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

my $nodes = NodesOfCitus->new();

$nodes->same("SELECT kindly_stats.create_event_table('event')", 'an event table');
$nodes->ask('SELECT kindly_stats.distribute(4)');
is($nodes->same($_, 'events, and names'), '', '... without an error') for q{INSERT INTO event (bot_id, occurred_at, kind, session_id, source) SELECT i % 211, timestamptz '2025-01-01' + i * interval '7 minutes',
	CASE WHEN i % 4 = 0 THEN 'bot_reply' ELSE 'user_message' END, i % 29, 'web' || i % 3 FROM generate_series(1, 5000) AS i},
	q{INSERT INTO kindly_stats.bot_name (id, name) VALUES ('5', 'five'), ('5000', 'without events')}, 'CALL kindly_stats.compact()';

my @questions = map { "SELECT * FROM kindly_stats.stats_$_" } q{total_by_bot('2025-01-01', '2026-01-01')}, q{total_by_bot('2025-01-01', '2026-01-01', measure => 'users', sources => '{web1}')},
	q{total_by_bot('2025-01-01 05:00', '2025-01-02 06:00', granularity => 'hour')}, q{total_by_bot('2025-01-01', '2026-01-01', bots => '{7,3,3,5000,77777}')},
	q{total_by_bot('2025-01-01', '2026-01-01', bots => '{}')}, q{total_by_bot('2025-01-01', '2026-01-01', language_codes => '{en}')},
	q{series_by_bot('2025-01-01', '2025-02-01', 'Europe/Oslo', 'week')}, q{series_by_bot('2025-01-01', '2025-03-01', granularity => 'month', measure => 'users', bots => '{1,2,5,5000}')},
	q{total_by_bot('2025-01-01', '2026-01-01', measure => 'none of that name')}, q{total_by_bot('2025-01-01', '2026-01-01', key => '{a,b,c,d}')}, q{series_by_bot('2025-02-01', '2025-01-01')};
for my $question (@questions)
{
	$nodes->same($question, $question, node => $_) for 0, 1;
}
$nodes->same("BEGIN; INSERT INTO event (bot_id, occurred_at, kind) VALUES (3, '2025-01-02', 'user_message'); $questions[0]; ROLLBACK", 'in a transaction, with what it has written');

# bot by bot says the same
for my $database ('spread', 'plain')
{
	is($nodes->ask(q{SELECT s.* FROM kindly_stats.stats_series_by_bot('2025-01-01', '2025-02-01', granularity => 'week') AS s}, database => $database),
		$nodes->ask(q{SELECT b.id, b.name, s.* FROM kindly_stats.bots() AS b, kindly_stats.stats_series(b.number::kindly_stats.bot_id, '2025-01-01', '2025-02-01', granularity => 'week') AS s ORDER BY b.id COLLATE "C", s.bucket},
			database => $database), "each by itself, in $database");
}

# who sees some of them
$nodes->ask(q{CREATE ROLE regress_some LOGIN}, database => 'spread');
for my $database ('spread', 'plain')
{
	$nodes->ask($_, database => $database) for q{GRANT USAGE ON SCHEMA kindly_stats TO regress_some}, q{GRANT SELECT ON ALL TABLES IN SCHEMA kindly_stats TO regress_some},
		'SELECT kindly_stats.enable_row_security()', q{SELECT kindly_stats.grant_bot('regress_some', b) FROM unnest('{3,5,9}'::kindly_stats.bot_id[]) AS b};
}
my $seen = $nodes->same("SET ROLE regress_some; $questions[0]", 'who sees three bots');
is(scalar(my @three = split /\n/, $seen), 3, '... is told of three') or diag($seen);

# one query for each shard
my ($status, $out, $messages) = $nodes->coordinator->psql('spread', "SET citus.log_remote_commands = on; $questions[0]");
my @asked = grep { /issuing SELECT.*series_agg.* GROUP BY bot_id/ } split /\n/, $messages;
is(scalar(@asked), 4, 'a shard is asked once, of all bots, and adds up their rows itself') or diag($messages);

$nodes->stop;
done_testing();
