# Bots whose ids are texts or UUIDs: tables with a second column that has their numbers are spread by that,
# and answer as on one server.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

my $nodes = NodesOfCitus->new;

sub both
{
	my ($statement, $name) = @_;

	unlike($nodes->same($statement, $name), qr/^ERROR/, "$name: no error");
	return;
}

both($_, 'tables') for
	q{CREATE TABLE event (bot text, occurred_at timestamptz, kind text, session_id text, user_id text, event_id bigint)},
	q{SELECT kindly_stats.attach('event', '{"bot_id": "bot"}')};
is($nodes->ask('SELECT kindly_stats.distribute(8)'), 'ERROR: column "bot" of table "public.event" is of type text', 'a text alone is refused');
my (undef, undef, $hint) = $nodes->coordinator->psql('spread', 'SELECT kindly_stats.distribute(8)');
my ($statement) = $hint =~ /HINT: .*?: (ALTER TABLE .*?;)/;
is($statement, 'ALTER TABLE public.event ADD COLUMN bot_number bigint, CHECK (bot_number = bot::kindly_stats.bot_id::bigint);', '... with what is to be done');
both($statement =~ s/,/, ADD/r, 'which is done');
both($_, $_) for 'ALTER TABLE event ALTER COLUMN bot SET NOT NULL, ADD PRIMARY KEY (bot_number, event_id)';

# of UUIDs, with odd names; and conversations
both($_, 'tables') for
	q{SELECT kindly_stats.create_conversation_table('model')},
	q{CREATE TABLE talk ("the bot" uuid NOT NULL, "its number" bigint, LIKE model INCLUDING DEFAULTS, PRIMARY KEY ("its number", conversation_id), CHECK ("the bot"::kindly_stats.bot_id::bigint = "its number"))},
	'ALTER TABLE talk DROP COLUMN bot_id', q{SELECT kindly_stats.attach_conversations('talk', '{"bot_id": "the bot"}')}, 'DROP TABLE model';
my $events = q{INSERT INTO event (bot, bot_number, occurred_at, kind, session_id, user_id, event_id)
	SELECT b.bot, b.bot::kindly_stats.bot_id::bigint, timestamptz '2025-01-01' + i * interval '47 minutes', CASE WHEN i % 4 = 0 THEN 'bot_reply' ELSE 'user_message' END, i % 29, i % 17, <first> + i
	FROM generate_series(1, 600) AS i, LATERAL (SELECT CASE i % 7 WHEN 0 THEN '42' WHEN 1 THEN 'Acme' WHEN 2 THEN 'acme' WHEN 3 THEN '3f2504e0-4f89-41d3-9a0c-0305e82c3301' ELSE 'bot ' || i % 7 END) AS b (bot)};
both($events =~ s/<first>/0/r, 'events before');
is($nodes->ask('SELECT count(*) FROM kindly_stats.distribute(8)'), '9', 'they are spread');
both($events =~ s/<first>/1000/r, 'events afterwards');
both(q{INSERT INTO event (bot, bot_number, occurred_at, kind, event_id) VALUES ('new', 'new'::kindly_stats.bot_id::bigint, '2025-02-02', 'user_message', 1)}, 'an event of a new bot');
both(q{PREPARE w (text) AS INSERT INTO event (bot, bot_number, occurred_at, kind, event_id) VALUES ($1, $1::kindly_stats.bot_id::bigint, '2025-02-03', 'user_message', 2); EXECUTE w ('new'); EXECUTE w ('Acme'); EXECUTE w ('42')},
	'prepared');
both(q{DELETE FROM event WHERE bot = 'acme' AND occurred_at > '2025-01-15'; UPDATE event SET kind = 'bot_reply' WHERE bot = 'Acme' AND event_id % 3 = 0}, 'rows are found by the text alone, too');
for my $node (0 .. 2)
{
	like($nodes->ask(q{INSERT INTO event (bot, bot_number, occurred_at, kind, event_id) VALUES ('new', 7, '2025-02-02', 'user_message', 9)}, node => $node), qr/violates check constraint/, "node $node refuses another number");
}
both(q{INSERT INTO talk ("the bot", "its number", conversation_id, conversation_start_time, conversation_end_time, channel) SELECT b.bot, b.bot::kindly_stats.bot_id::bigint, 'c' || i, timestamptz '2025-01-01' + i * interval '5 hours', timestamptz '2025-01-01' + i * interval '5 hours 20 minutes', 'chat'
	FROM generate_series(1, 60) AS i, LATERAL (SELECT ('3f2504e0-4f89-41d3-9a0c-0305e82c330' || i % 4)::uuid) AS b (bot)}, 'conversations');

sub agree
{
	my ($name) = @_;

	is($nodes->ask($_), '0', "$name: $_") for 'SELECT count(*) FROM kindly_stats.verify()', q{SELECT count(*) FROM kindly_stats.verify('Acme')};
	for my $node ($nodes->ask('SELECT kindly_stats.place()') eq 'here' ? (0) : (0 .. 2))
	{
		both(q{SELECT b.bot, m.name, t.bucket, t.count, t.distinct_count FROM unnest(ARRAY['42', 'Acme', 'acme', 'new', 'bot 4', '3F2504E0-4F89-41D3-9A0C-0305E82C3301', 'nobody']) AS b (bot), unnest(ARRAY['events', 'messages', 'users']) AS m (name),
			LATERAL kindly_stats.stats_series(b.bot, '2025-01-01', '2025-05-01', granularity => 'month', measure => m.name) AS t ORDER BY b.bot COLLATE "C", m.name COLLATE "C", 3}, "$name, node $node: the same of each bot");
		$nodes->same('SELECT id, number FROM kindly_stats.bots() ORDER BY id COLLATE "C"', "$name, node $node: bots by their ids", node => $node);
		$nodes->same('SELECT bot_id, sum(messages) FROM bi.monthly GROUP BY bot_id ORDER BY bot_id COLLATE "C"', "$name, node $node: for BI tools", node => $node);
	}
	return;
}
agree('spread');
both(q{SELECT ultimate.export('3f2504e0-4f89-41d3-9a0c-0305e82c3301', '2025-01-04')}, 'an export');
both(q{SELECT kindly_stats.close_day('3f2504e0-4f89-41d3-9a0c-0305e82c3301', '2025-01-05')}, 'a day is closed');
$nodes->same(q{INSERT INTO talk ("the bot", "its number", conversation_id, conversation_start_time, conversation_end_time) SELECT '3f2504e0-4f89-41d3-9a0c-0305e82c3301', '3f2504e0-4f89-41d3-9a0c-0305e82c3301'::kindly_stats.bot_id::bigint, 'late', '2025-01-05 10:00Z', '2025-01-05 11:00Z'}, 'nobody writes to it');
$nodes->ask(q{DELETE FROM kindly_stats.rollup WHERE measure = ''});
ok($nodes->ask('SELECT kindly_stats.rebuild()') > 0, 'rebuild()');
agree('rebuilt');
both(q{SELECT kindly_stats.purge('event', '2025-01-06')}, 'purge()');
agree('purged');
unlike($nodes->ask('SELECT count(*) FROM kindly_stats.undistribute()'), qr/^ERROR/, 'undistribute()');
agree('back');

$nodes->stop;
done_testing();
