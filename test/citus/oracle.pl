# Random questions to a single server and to a cluster that has the same events: both answer
# with the same bytes, whichever node is asked, in transactions, views, cursors, beside
# distributed tables.  They depend on a seed alone: KINDLY_STATS_SEED gives others, and
# KINDLY_STATS_QUESTIONS asks more or fewer, in per cent.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Questions;
use SameAnswers;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $percent = $ENV{KINDLY_STATS_QUESTIONS} // 100;
my $bots = 6;
note "KINDLY_STATS_SEED=$seed";

my $nodes = NodesOfCitus->new;
my $both = SameAnswers->new($nodes);
$both->load(bots => $bots, rows => 12000, seed => $seed);

my %catalog = Questions::parse($nodes->ask(Questions::catalog(), database => 'plain'));
cmp_ok(scalar(@{ $catalog{functions} }), '>=', 45, 'all documented functions are asked');
cmp_ok(scalar(@{ $catalog{relations} }), '>=', 15, 'and all relations');

my $round = 0;
sub ask
{
	my ($name, $count) = @_;

	for my $node (0 .. 2)
	{
		my $questions = Questions->new(seed => 100 * $seed + $round++, bots => $bots, worker => $node > 0, %catalog);

		$both->compare($node, $name, map { $questions->next } 1 .. $count * $percent / 100);
	}
	return;
}
ask('as it was written', 200);

$both->on_both($_) for q{DELETE FROM chat_event WHERE session_id LIKE '%7'},
  q{UPDATE chat_event SET source = 'moved' WHERE session_id LIKE '%3' AND bot_id IN (1, 2)},
  q{INSERT INTO chat_event (bot_id, occurred_at, kind, event_id, session_id, user_id) SELECT 1 + n % 9, timestamptz '2024-02-29' + n * interval '1 hour', 'user_message', md5(n::text)::uuid,
	's' || n % 40, 'u' || n % 11 FROM generate_series(1, 2000) AS n},
  q{DELETE FROM conversation WHERE conversation_id LIKE '%9'};
ask('after changes', 100);
is($nodes->ask('CALL kindly_stats.compact()'), '', 'compaction');
ask('compacted', 100);

$nodes->stop;
done_testing();
