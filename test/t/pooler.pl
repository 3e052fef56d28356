# Behind PgBouncer, sessions are shared: what one client has set, prepared or
# learned must not answer another.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pgbouncer = (grep { -x $_ } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin')[0];
plan skip_all => 'pgbouncer is not installed' unless defined $pgbouncer;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nclient_min_messages = warning");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE ks_one; CREATE ROLE ks_two');
$node->safe_psql('postgres', 'CREATE DATABASE stats');
$node->safe_psql('stats', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id)
SELECT bot, timestamptz '2025-01-10 20:00Z' + n * interval '1 hour', 'user_message', 's' || n FROM generate_series(1, 2) AS bot, generate_series(1, 10 * bot) AS n;
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('ks_one', 1);
SELECT kindly_stats.grant_bot('ks_two', 2);
SELECT kindly_stats.create_api_roles();
});

# One connection to the server for all clients of a database, whichever they are.
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $pidfile = "$dir/pgbouncer.pid";
PostgreSQL::Test::Utils::append_to_file("$dir/pgbouncer.ini", sprintf(<<'INI', ($node->host, $node->port, 'stats') x 2, $dir, $port, $dir, $pidfile));
[databases]
transactions = host=%s port=%s dbname=%s user=ks_pool pool_size=1 pool_mode=transaction
sessions = host=%s port=%s dbname=%s user=ks_pool pool_size=1 pool_mode=session
[pgbouncer]
listen_addr =
unix_socket_dir = %s
listen_port = %s
auth_type = any
logfile = %s/pgbouncer.log
pidfile = %s
INI
$node->safe_psql('stats', 'CREATE ROLE ks_pool LOGIN SUPERUSER');
system_or_bail($pgbouncer, '-q', '-d', "$dir/pgbouncer.ini");

END
{
	my $status = $?;
	kill 'INT', (split(/\n/, slurp_file($pidfile)))[0] if defined $pidfile && -s $pidfile;
	$? = $status;
}

# A client of its own: what it prints, or its first error.
sub client
{
	my ($db, $sql, %setting) = @_;
	my ($out, $err) = ('', '');

	local %ENV = (%ENV, %setting);
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', "host=$dir port=$port dbname=$db user=somebody" ], '<', \$sql, '>', \$out, '2>', \$err);
	chomp $out;
	$err =~ s/^psql:[^:]*:\d+: //;
	$err =~ s/\n.*//s;
	return $err ne '' ? $err : $out;
}

for (1 .. 100)
{
	last if client('transactions', 'SELECT 1') eq '1';
	select(undef, undef, undef, 0.1);
}
my $process = client('transactions', 'SELECT pg_backend_pid()');
like($process, qr/^\d+$/, 'PgBouncer answers');

# visible_bots() and plans are kept for the session, which all clients have in common
my $counts = q{SELECT string_agg((SELECT count FROM kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01'))::text, ' ' ORDER BY bot) FROM generate_series(1, 2) AS bot;};
sub asked_as { return "BEGIN; SET LOCAL ROLE $_[0]; $counts COMMIT;"; }
for my $round (1 .. 2)
{
	is(client('transactions', asked_as('ks_one')), '10 0', "a role sees its bot, $round");
	is(client('transactions', asked_as('ks_two')), '0 20', "the next client's role its own, $round");
	is(client('transactions', $counts), '10 20', "and no role is left behind, $round");
}
$node->safe_psql('stats', "SELECT kindly_stats.grant_bot('ks_one', 2)");
is(client('transactions', asked_as('ks_one')), '10 20', 'a grant made elsewhere is seen');
$node->safe_psql('stats', "SELECT kindly_stats.revoke_bot('ks_one', 2)");
is(client('transactions', asked_as('ks_one')), '10 0', 'and gone when it is revoked');

# claims of a request, as PostgREST sets them
my $claims = q{BEGIN; SET LOCAL ROLE kindly_api_user; SELECT set_config('request.jwt.claims', '{"bot":%d,"aud":"kindly_stats","exp":9999999999}', true) \g /dev/null
%s COMMIT;};
is(client('transactions', sprintf($claims, 1, 'SELECT kindly_stats.visible_bots();')), '{1}', 'claims of one client');
is(client('transactions', sprintf($claims, 2, 'SELECT kindly_stats.visible_bots();')), '{2}', 'and those of the next');
is(client('transactions', 'BEGIN; SET LOCAL ROLE kindly_api_user; SELECT kindly_stats.visible_bots(); COMMIT;'), '{}', 'whoever has none sees nothing');

# PgBouncer sets TimeZone for each client, and so the default of tz; it does not know of other settings
my $days = q{SELECT string_agg(to_char(date, 'DD') || ':' || count, ' ' ORDER BY date) FROM kindly_stats.stats_series(1, '2025-01-10', '2025-01-12')};
is(client('transactions', $days, PGTZ => 'UTC'), '10:3 11:7', "a client's time zone");
is(client('transactions', $days, PGTZ => 'Asia/Tokyo'), '10:0 11:10', "the next one's");
is(client('transactions', "SET timezone = 'Asia/Tokyo'; $days"), '10:0 11:10', 'set later');
is(client('transactions', $days, PGTZ => 'UTC'), '10:3 11:7', 'and not left behind');
is(client('transactions', 'SELECT pg_backend_pid()'), $process, 'all that was one session');
like(client('transactions', "BEGIN; SET LOCAL kindly_stats.max_buckets = 1; $days; COMMIT;"), qr/more than 1 buckets/, 'a setting of one transaction');
is(client('transactions', $days, PGTZ => 'UTC'), '10:3 11:7', 'ends with it');
client('transactions', 'SET kindly_stats.max_buckets = 1');
like(client('transactions', $days), qr/more than 1 buckets/, 'one that is set for the session is there for the next client: SET LOCAL, or session mode');
client('transactions', 'RESET kindly_stats.max_buckets');

# writers learn of tables that are attached and changed elsewhere
my $insert = q{INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES (3, '2025-01-15', 'user_message', 'x'), (3, '2025-01-15', 'greeting', 'x');};
my $third = q{SELECT count FROM kindly_stats.stats_total(3, '2025-01-01', '2025-02-01', measure => '%s')};
is(client('transactions', $insert . sprintf($third, 'messages')), '1', 'what is written is counted');
$node->safe_psql('stats', "SELECT kindly_stats.add_measure('greetings', kinds => '{greeting}')");
$node->safe_psql('stats', 'ALTER TABLE chat_event RENAME COLUMN session_id TO conversation');
is(client('transactions', ($insert =~ s/session_id/conversation/r) . sprintf($third, 'greetings')), '2', 'also by a measure that came meanwhile');
is(client('transactions', q{CREATE TABLE more (LIKE chat_event INCLUDING DEFAULTS); INSERT INTO more (bot_id, occurred_at, kind) SELECT 4, '2025-01-15', 'user_message' FROM generate_series(1, 5);
CALL kindly_stats.attach_concurrently('more'); CALL kindly_stats.compact(); SELECT count FROM kindly_stats.stats_total(4, '2025-01-01', '2025-02-01')}),
	'5', 'procedures that commit between their steps');

# session mode ends each client with DISCARD ALL, plans included
for my $round (1 .. 3)
{
	is(client('sessions', "SET kindly_stats.max_limit = 1; SET ROLE ks_one; $counts"), '10 0', "session mode, $round: SET ROLE");
	is(client('sessions', "SHOW kindly_stats.max_limit; $counts"), "2147483647\n10 20", "session mode, $round: nothing is left of it");
}

# statements that drivers prepare by themselves: since 1.21 PgBouncer knows them
PostgreSQL::Test::Utils::append_to_file("$dir/ask.sql", "SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01');\n");
sub bench
{
	my ($mode, $db, $clients) = @_;
	my ($out, $err) = run_command([ 'pgbench', '-n', '-M', $mode, '-c', $clients, '-t', '5', '-f', "$dir/ask.sql", '-h', $dir, '-p', $port, '-U', 'somebody', $db ]);
	return $err =~ /(prepared statement "\S+" (?:already exists|does not exist))/ ? $1 : $out =~ m{actually processed: (\d+)} ? $1 : "$out\n$err";
}
is(bench('extended', 'transactions', 3), '15', 'parameters without prepared statements');
like(bench('prepared', 'transactions', 3), qr/^(15|prepared statement .*)$/, "statements that the driver prepares: PostgreSQL's own error before PgBouncer 1.21");
is(bench('prepared', 'sessions', 1), '5', 'not in session mode');

$node->stop('fast');
done_testing();
