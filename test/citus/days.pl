# Tables of conversations: counted and exported as on one server, and the locks of who closes
# a day and who writes it meet on the node that has the bot.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

my $nodes = NodesOfCitus->new;

sub done
{
	my ($statement, $name, %options) = @_;

	unlike($nodes->same($statement, $name, %options), qr/^ERROR/, "$name: no error");
	return;
}

my $count = q{SELECT b, t.count FROM generate_series(1, 8) AS b, LATERAL kindly_stats.stats_total(b, '2025-01-01', '2025-03-01', measure => 'conversations_ended') AS t ORDER BY 1};

$nodes->same("SELECT kindly_stats.create_conversation_table('conversation')", 'a table of conversations');
unlike($nodes->ask('SELECT string_agg(d::text, \' \') FROM kindly_stats.distribute(4) AS d'), qr/^ERROR/, 'all is spread');
done(q{INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count)
	SELECT i % 8 + 1, 'c' || i, t, CASE WHEN i % 5 > 0 THEN t + interval '1 hour' END, i % 3 FROM (SELECT i, timestamptz '2025-01-01' + i * interval '3 hours' AS t FROM generate_series(1, 300) AS i) AS s},
	'conversations');
done($count, 'they are counted');
done($count, '... says a worker', node => 1);
done(q{UPDATE conversation SET conversation_end_time = '2025-02-20 12:00+00' WHERE conversation_end_time IS NULL AND bot_id < 4}, 'some end');
done($count, 'they are counted, too');
is($nodes->ask('SELECT * FROM kindly_stats.verify()'), '', 'verify() finds nothing');
is($nodes->ask('SELECT kindly_stats.rebuild()'), '0', 'nothing to repair');

# ---- exported days
done(q{SELECT kindly_stats.close_day(1, '2025-01-05')}, 'a day is closed');
done(q{SELECT kindly_stats.close_day(1, '2025-01-05')}, 'only once');
done(q{SELECT bot_id, day, conversations FROM kindly_stats.exported}, 'its mark', node => 2);

# another table, which other nodes do not have at first
done(q{SELECT kindly_stats.create_conversation_table('more')}, 'a table of conversations after distribute(), and after a day was closed');
done(q{INSERT INTO more (bot_id, conversation_id, conversation_start_time, conversation_end_time) SELECT b, 'm', '2025-01-05 10:00+00', '2025-01-05 11:00+00' FROM generate_series(2, 8) AS b}, '... is written to');
$nodes->same(q{INSERT INTO more (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'm', '2025-01-05 10:00+00', '2025-01-05 11:00+00')}, '... but not on that day');
$nodes->ask($_), $nodes->ask($_, database => 'plain')
  for 'CREATE TABLE third (LIKE more INCLUDING ALL)', q{INSERT INTO third (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'm', '2025-01-05 10:00+00', '2025-01-05 11:00+00')};
is($nodes->same(q{SELECT kindly_stats.attach_conversations('third')}, 'one with conversations of that day'), 'ERROR: table "public.third" has conversations of bot 1 that ended on 2025-01-05, which has been exported', '... is refused');
is($nodes->ask(q{SELECT kindly_stats.close_day(2, '2025-01-05')}, node => 1), 'ERROR: a conversation table lies on the coordinator alone', 'a worker, which does not know of it, closes no day');
is($nodes->ask(q{SELECT count(*) FROM kindly_stats.exported WHERE bot_id = 2}, node => 1), '0', '... and leaves no mark');
done(q{SELECT kindly_stats.close_day(2, '2025-01-05')}, 'conversations of both are closed');
done(q{SELECT bot_id, day, conversations FROM kindly_stats.exported ORDER BY 1}, '... and counted');
is($nodes->ask('SELECT kindly_stats.distribute()'), 'more', 'it is spread');
done($count, '... and counted', node => $_) for 0 .. 2;
done(q{SELECT kindly_stats.reopen_day(2, '2025-01-05')}, 'that day is opened again');

for my $node (0 .. 2)
{
	$nodes->same(q{INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'late', '2025-01-05 10:00+00', '2025-01-05 11:00+00')},
		"node $node lets nobody write to it", node => $node);
}
done(q{INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) SELECT b, 'late', '2025-01-05 10:00+00', '2025-01-05 11:00+00' FROM generate_series(2, 8) AS b},
	'other bots are written');
done(q{SELECT kindly_stats.reopen_day(1, '2025-01-05')}, 'it is opened again', node => 1);
done(q{INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'late', '2025-01-05 10:00+00', '2025-01-05 11:00+00')}, '... and written to');
done($count, 'all is counted');
for my $closer (0, 2)
{
	my $writer = $nodes->worker(1)->background_psql('spread');
	$writer->query_safe(q{BEGIN; INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) SELECT b, 'open} . $closer . q{', '2025-01-06 10:00+00', '2025-01-06 11:00+00' FROM generate_series(1, 8) AS b});
	for my $bot (1, 2, 3)
	{
		like($nodes->ask("SET kindly_stats.wait_for_writers = off; SELECT kindly_stats.close_day($bot, '2025-01-06')", node => $closer),
			qr/^ERROR: +day 2025-01-06 of bot $bot is being written or exported right now/, "node $closer closes no day of bot $bot that is being written through another");
	}
	is($nodes->ask("SET kindly_stats.wait_for_writers = off; SELECT kindly_stats.close_day(4, '2025-02-07')", node => $closer), $closer == 0 ? 't' : 'f', "node $closer closes another");
	$writer->query_safe('COMMIT');
	$writer->quit;
}
is($nodes->ask("SELECT kindly_stats.close_day(2, '2025-01-06'); SELECT conversations FROM kindly_stats.exported WHERE bot_id = 2"), "t\n" . $nodes->ask("SELECT count(*) FROM conversation WHERE bot_id = 2 AND conversation_end_time::date = '2025-01-06'"),
	'what was written is in it');
my $closing = $nodes->coordinator->background_psql('spread');
$closing->query_safe("BEGIN; SELECT kindly_stats.close_day(3, '2025-01-06')");
like($nodes->ask(q{SET citus.propagate_set_commands = 'local'; BEGIN; SET LOCAL lock_timeout = '1s'; INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (3, 'wait', '2025-01-06 10:00+00', '2025-01-06 11:00+00')}, node => 2),
	qr/^ERROR: +canceling statement due to lock timeout/, 'writers wait for who closes a day');
$closing->query_safe('COMMIT');
$closing->quit;

# ---- purged, attached, detached
done(q{DELETE FROM kindly_stats.exported; DELETE FROM conversation WHERE conversation_id LIKE 'open%'}, 'days are open again');
done(q{SELECT kindly_stats.purge('conversation', '2025-01-10')}, 'purge()');
done($count, 'statistics stay');
$nodes->same(q{SELECT kindly_stats.close_day(1, '2025-01-05')}, 'a purged day is not closed');
is($nodes->ask('SELECT * FROM kindly_stats.verify()'), '', 'verify() finds nothing');
done(q{SELECT kindly_stats.detach('conversation')}, 'detach()');
done(q{SELECT kindly_stats.attach_conversations('conversation')}, 'attach_conversations()');
done($count, 'the same is counted');
isnt($nodes->ask('SELECT string_agg(u::text, \' \') FROM kindly_stats.undistribute() AS u'), '', 'all comes back');
done($count, 'the same is counted still');
done(q{SELECT count(DISTINCT bot_id) FROM kindly_stats.conversation_bot}, 'bots are listed anew');

$nodes->stop;
done_testing();
