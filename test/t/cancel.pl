# What runs long can be cancelled, whatever it is doing.
#
# Each statement is cancelled at a random moment, KINDLY_STATS_STEPS times (1 by
# default), with tallies of KINDLY_STATS_MEMBERS members (200,000).  The times
# are told; only one of several seconds is a failure, for other work may be going
# on on this machine.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $steps = $ENV{KINDLY_STATS_STEPS} || 1;
my $members = $ENV{KINDLY_STATS_MEMBERS} || 200000;
my $enough = 5;

my $node = PostgreSQL::Test::Cluster->new('cancel');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off\nclient_min_messages = error\nmax_wal_size = 4GB\nsearch_path = 'public, kindly_stats'");
$node->start;

$node->safe_psql('postgres', qq{
CREATE EXTENSION kindly_stats;
SELECT create_event_table('chat_event');
SELECT create_conversation_table('conversation');
CREATE TABLE big (n integer, t tally);
-- many members, in one quarter hour and in many; many keys; many below zero
INSERT INTO big SELECT 1, tally_agg('2025-01-01Z'::timestamptz, '{web,en}', n::text) FROM generate_series(1, $members) AS n;
INSERT INTO big SELECT 2, tally_agg('2025-01-01Z'::timestamptz + n * 7919::bigint % 2592000 * interval '1 second', '{web,en}', n::text) FROM generate_series(1, $members) AS n;
INSERT INTO big SELECT 3, tally_agg('2025-01-01Z'::timestamptz + n % 86400 * interval '1 second', ARRAY['web', 'en', n::text], (n % 5000)::text) FROM generate_series(1, $members) AS n;
INSERT INTO big SELECT 4, - t FROM big WHERE n = 2;
INSERT INTO big SELECT 5, slice(t, '2025-01-10', '2025-01-20') FROM big WHERE n = 2;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, language_code, web_host, web_path)
SELECT 1, timestamptz '2025-01-01Z' + n * interval '13 seconds', 'user_message', (n / 2)::text, 'web', 'en', 'h', (n % 50000)::text FROM generate_series(1, $members / 2) AS n;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT 1, n, timestamptz '2025-01-01Z' + n * interval '1 minute', timestamptz '2025-01-01Z' + n * interval '1 minute' FROM generate_series(1, $members / 20) AS n;
CREATE TABLE extra (LIKE chat_event INCLUDING DEFAULTS);
INSERT INTO extra SELECT * FROM chat_event;
INSERT INTO rollup (bot_id, measure, month, tally) SELECT 2, 'messages', '2025-01-01', t FROM big WHERE n IN (1, 2, 5);
INSERT INTO rollup (bot_id, measure, month, tally) SELECT 2, 'pages', '2025-01-01', t FROM big WHERE n = 3;
INSERT INTO rollup (bot_id, measure, month, tally) SELECT 3, 'messages', '2025-01-01', t FROM big WHERE n IN (2, 4, 5);
INSERT INTO bot_name VALUES (2, 'two');
VACUUM ANALYZE;
});

# again and again, so that it is still at work when it is told to stop
sub again { return "SELECT count(*) FROM (SELECT $_[0] AS x FROM big AS b, generate_series(1, 100000) WHERE $_[1] OFFSET 0) AS y WHERE x IS NULL"; }
sub asked { return "SELECT count(*) FROM generate_series(1, 100000) AS g, LATERAL (SELECT $_[0] AS x WHERE g > 0 OFFSET 0) AS y WHERE x IS NULL"; }

my @statements = (
	[ 'tally_agg: members' => "SELECT tally_agg('2025-01-01Z'::timestamptz, NULL, n::text) FROM generate_series(1, 15000000) AS n" ],
	[ 'tally_agg: backwards' => "SELECT tally_agg('2025-01-01Z'::timestamptz - n * interval '1 second', NULL, n::text) FROM generate_series(1, 15000000) AS n" ],
	[ 'tally_agg: keys' => "SELECT tally_agg('2025-01-01Z'::timestamptz, ARRAY[n::text]) FROM generate_series(1, 15000000) AS n" ],
	[ 'sum' => 'SELECT sum(t) FROM big AS b, generate_series(1, 100000)' ],
	[ '+' => again('(b.t + b.t)::text', 'true') ],
	[ '-' => again('(- b.t)', 'true') ],
	[ 'output and input' => again('b.t::text::tally', 'b.n IN (1, 2, 3)') ],
	[ 'send and receive' => again('tally_send(b.t)', 'true') ],
	[ 'series' => again("(SELECT count(*) FROM series(b.t, (SELECT array_agg('2025-01-01Z'::timestamptz + n * interval '1 hour') FROM generate_series(0, 744) AS n)))", 'b.n <> 1') ],
	[ 'series of a key' => again("(SELECT count(*) FROM series(b.t, '{2025-01-01,2025-01-05,2025-02-01}', '{web}'))", 'true') ],
	[ 'total' => again("total(b.t, '2025-01-02', '2025-01-07', '{web}')", 'true') ],
	[ 'distinct_total' => again("distinct_total(b.t, '2025-01-02', '2025-01-07', '{web}')", 'true') ],
	[ 'top' => again("(SELECT count(*) FROM top(b.t, NULL, '2025-01-01', '2025-01-07'))", 'true') ],
	[ 'slice' => again("slice(b.t, '2025-01-01', '2025-01-07')", 'true') ],
	[ 'keys_under' => again("keys_under(b.t, 'web')", 'true') ],
	[ 'with_bounds' => again("with_bounds(b.t, '2025-01-01', '2025-02-01')", 'true') ],
	[ 'buckets' => asked("(SELECT count(*) FROM buckets('1900-01-01', '2900-01-01', left('Europe/Oslo', 11 + 0 * g), 'day'))") ],
	[ 'buckets, ICU' => asked("(SELECT count(*) FROM buckets('0100-01-01', '9900-01-01', left('Europe/Oslo', 11 + 0 * g), 'month', 'fa-IR'))") ],
	[ 'hours' => asked("(SELECT count(*) FROM edges('1990-01-01', '2030-01-01', left('Europe/Oslo', 11 + 0 * g), 'hour'))") ],
	[ 'stats_series' => asked("(SELECT count(*) FROM stats_series(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'hour'))") ],
	[ 'stats_series, taken away' => asked("(SELECT count(*) FROM stats_series(3 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'day'))") ],
	[ 'stats_series, filtered' => asked("(SELECT count(*) FROM stats_series(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'day', 'pages', sources => (SELECT array_agg('s' || n) || '{web}' FROM generate_series(1, 19000) AS n)))") ],
	[ 'stats_top' => asked("(SELECT count(*) FROM stats_top(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'pages', 1000000))") ],
	[ 'stats_heatmap' => asked("(SELECT count(*) FROM stats_heatmap(2 + 0 * g, '2025-01-01', '2025-02-01', 'Europe/Oslo'))") ],
	[ 'stats_active' => asked("(SELECT count(*) FROM stats_active(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'messages'))") ],
	[ 'stats_active, taken away' => asked("(SELECT count(*) FROM stats_active(3 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'messages'))") ],
	[ 'stats_retention' => asked("(SELECT count(*) FROM stats_retention(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'day', 'messages'))") ],
	[ 'stats_funnel' => asked("(SELECT count(*) FROM stats_funnel(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', '{messages,pages}'))") ],
	[ 'stats_series_compared' => asked("(SELECT count(*) FROM stats_series_compared(2 + 0 * g, '2025-01-01', '2025-02-01', 'UTC', 'hour'))") ],
	[ 'stats_options' => asked('(SELECT first FROM stats_options(2 + 0 * g))') ],
	[ 'sage' => asked("length(sage.chatbubble_pages(2 + 0 * g, '2025-01-01', '2025-02-01', \"limit\" => 1000000)::text)") ],
	[ 'chatbot_com' => asked("length(chatbot_com.conversations_heatmap(2 + 0 * g, '2025-01-01', '2025-02-01')::text)") ],
	[ 'logicdialog' => asked("length(logicdialog.\"user\"('2025-01-01', '2025-02-01', left('two', 3 + 0 * g))::text)") ],
	[ 'ultimate.export' => asked("length(ultimate.export(1 + 0 * g, '2025-01-05')::text)") ],
	[ 'ultimate.metrics' => asked("(SELECT count(*) FROM ultimate.metrics(1 + 0 * g, '2025-01-01', '2025-02-01'))") ],
	[ 'meaningful_intent' => asked("ultimate.first_meaningful_intent((SELECT jsonb_agg(jsonb_build_object('intent_name', n, 'not_meaningful', false)) FROM generate_series(1, 100000) AS n), (SELECT array_agg('x' || n) FROM generate_series(1, 20000) AS n))") ],
	[ 'lists' => asked("length(sage.sessions_chats(2, '2025-01-01', '2025-02-01', sources => repeat('a,', 19000) || g)::text)") ],
	[ 'a long list' => "SELECT sage.sessions_chats(2, '2025-01-01', '2025-02-01', sources => repeat('a,', 100000000) || g) FROM generate_series(1, 1000) AS g" ],
	[ 'insert' => "INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, web_host, web_path) SELECT 9, timestamptz '2025-01-01Z' + n * interval '1 second', 'user_message', n::text, 'h', n::text FROM generate_series(1, 20000000) AS n" ],
	[ 'delete' => 'DELETE FROM chat_event' ],
	[ 'attach' => "SELECT attach('extra'), pg_sleep(0.1)" ],
	[ 'detach' => "SELECT detach('chat_event')" ],
	[ 'add_measure' => "SELECT add_measure('by_path', keys => '{web_path,session_id}', member => 'session_id')" ],
	[ 'verify' => 'SELECT count(*) FROM verify()' ],
	[ 'rebuild' => 'SELECT rebuild()' ],
	[ 'purge' => "SELECT purge('chat_event', '2025-02-01')" ],
	[ 'compact' => 'CALL compact()' ]);

my $least = 0.1;
my @late;
my $number = 0;

for my $statement (@statements)
{
	my ($name, $sql) = @$statement;
	my @times;
	my $alone = 0;

	for (1 .. $steps)
	{
		my ($out, $err) = ('', '');
		my $application = 'ks_cancelled_' . ++$number;
		my $wait = $least + rand(0.7);
		my $backend = IPC::Run::start([ 'env', "PGAPPNAME=$application", 'psql', '-X', '-d', $node->connstr('postgres'), '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(180));

		sleep($wait);
		my $cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '$application' AND state = 'active' AND leader_pid IS NULL";
		my $since = time;
		for (1 .. 50)
		{
			last if $node->safe_psql('postgres', $cancel) eq 't' || !$backend->pumpable;
			sleep(0.1);
			$since = time;
		}
		$backend->finish;
		if ($err =~ /canceling statement due to user request/) { push @times, time - $since; }
		else { $alone++; note("$name: $err") if $err ne ''; }
	}
	my ($worst) = sort { $b <=> $a } @times, 0;
	push @late, $name if $worst > $enough;
	note(sprintf('%-26s %s%s', $name, join(' ', map { sprintf '%.0f ms', 1000 * $_ } @times), $alone ? " ended by itself: $alone" : ''));
}
is(join(', ', @late), '', 'everything ends soon after it was cancelled');
is($node->safe_psql('postgres', 'SELECT count(*) FROM verify(1)'), '0', 'and leaves right statistics');

$node->stop;
done_testing();
