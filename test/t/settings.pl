# Settings where the library is not loaded yet, where it is loaded for every session,
# and where a file has one that is wrong: each does what doc/operations.md says.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION kindly_stats; CREATE ROLE ks_somebody LOGIN; CREATE DATABASE ks_owned OWNER ks_somebody');
my $major = $node->safe_psql('postgres', 'SHOW server_version_num') / 10000;

# A session of its own: its output, or its errors and warnings.
sub session
{
	my ($sql, %option) = @_;
	my ($out, $err) = ('', '');

	$node->psql($option{db} // 'postgres', $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $option{user} // $node->safe_psql('postgres', 'SELECT current_user') ]);
	my @said = $err =~ /^psql:[^:]*:\d+: ((?:ERROR|WARNING):  .*)$/mg;
	return @said ? join("\n", @said) : $out;
}

# Any type or function of the extension loads the library.
my $load = q{SELECT '2024-01-01'::kindly_stats.moment \g /dev/null
};
my $show = 'SHOW kindly_stats.compact_after';

# ------------------------------------------------------------- a session that has not loaded it
my $set = 'ALTER SYSTEM SET kindly_stats.compact_after = 32';
SKIP:
{
	skip 'since PostgreSQL 17 it can be set all the same', 1 if int($major) >= 17;
	is(session($set), 'ERROR:  unrecognized configuration parameter "kindly_stats.compact_after"', 'ALTER SYSTEM does not know settings of a library that is not loaded');
}
is(session("LOAD 'kindly_stats'; $set"), '', 'LOAD makes them known');
is(session("LOAD 'kindly_stats'; ALTER SYSTEM SET kindly_stats.compact_after = -1"),
	'ERROR:  -1 is outside the valid range for parameter "kindly_stats.compact_after" (0 .. 1000000)', 'and checks them');
is(session("$load ALTER SYSTEM SET kindly_stats.compact_after = 16"), '', 'so does any function of the extension');
$node->reload;
$node->poll_query_until('postgres', "$load SELECT current_setting('kindly_stats.compact_after') = '16'");
is(session($load . $show), '16', 'sessions have it after a reload');
is(session('ALTER SYSTEM RESET kindly_stats.compact_after'), '', 'RESET needs no library');
$node->reload;
$node->poll_query_until('postgres', "$load SELECT current_setting('kindly_stats.compact_after') = '64'");

is(session('ALTER DATABASE ks_owned SET kindly_stats.compact_after = 8'), '', 'ALTER DATABASE and ALTER ROLE by a superuser need none');
is(session('ALTER DATABASE ks_owned SET kindly_stats.compact_after = 7', user => 'ks_somebody', db => 'ks_owned'),
	'ERROR:  permission denied to set parameter "kindly_stats.compact_after"', "by an owner they do");
is(session("LOAD 'kindly_stats'", user => 'ks_somebody'), 'ERROR:  access to library "kindly_stats" is not allowed', 'who may not LOAD');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA kindly_stats TO ks_somebody');
is(session($load . 'ALTER DATABASE ks_owned SET kindly_stats.compact_after = 7', user => 'ks_somebody'), '', 'but may call a function');
$node->safe_psql('ks_owned', 'CREATE EXTENSION kindly_stats');
is(session($load . $show, db => 'ks_owned'), '7', 'which holds for the sessions of that database');

# what was set before the library came is checked when it comes
is(session("SET kindly_stats.compact_after = 5; $load$show"), '5', 'set before the library is loaded, and after');
is(session("SET kindly_stats.compact_after = -5; $load$show"), 'WARNING:  -5 is outside the valid range for parameter "kindly_stats.compact_after" (0 .. 1000000)', 'a value out of range is dropped with a warning');
is(session("SET kindly_stats.compact_aftre = 5; $load$show"), 'WARNING:  invalid configuration parameter name "kindly_stats.compact_aftre", removing it', 'so is a name that is none');
is(session("$load SET kindly_stats.compact_aftre = 5"), 'ERROR:  invalid configuration parameter name "kindly_stats.compact_aftre"', 'which is an error once it is loaded');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA kindly_stats TO ks_somebody');
is(session("SET kindly_stats.token_lifetime = '1d'; $load SHOW kindly_stats.token_lifetime", user => 'ks_somebody'),
	'WARNING:  permission denied to set parameter "kindly_stats.token_lifetime"', "a superuser's setting cannot be smuggled in before the library is there");

# ------------------------------------------------------------- loaded for every session
for my $preload ('session_preload_libraries', 'shared_preload_libraries')
{
	$node->append_conf('postgresql.conf', "$preload = 'kindly_stats'");
	$node->restart;
	is(session($show), '64', "$preload: settings are known at once");
	is(session($set), '', "$preload: ALTER SYSTEM knows them");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('kindly_stats.compact_after') = '32'");
	is(session($show, user => 'ks_somebody'), '32', "$preload: everybody has the new value");
	is(session('ALTER DATABASE ks_owned SET kindly_stats.compact_after = 6', user => 'ks_somebody'), '', "$preload: an owner sets it for his database");
	is($node->safe_psql('ks_owned', qq{SELECT kindly_stats.create_event_table('chat_event_$preload'); INSERT INTO chat_event_$preload (bot_id, occurred_at, kind) VALUES (1, '2025-01-01', '$preload');
		SELECT count(*) FROM kindly_stats.verify(); SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
		SELECT count >= 1 FROM kindly_stats.stats_total(1, '2025-01-01', '2025-01-02', measure => 'events')}), "chat_event_$preload\n0\nt", "$preload: the extension works");
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET kindly_stats.compact_after');
	$node->append_conf('postgresql.conf', "$preload = ''");
	$node->restart;
}

# ------------------------------------------------------------- a file that is wrong
$node->append_conf('postgresql.conf', "kindly_stats.max_limit = 0\nkindly_stats.max_limits = 5");
$node->reload;
$node->poll_query_until('postgres', q{SELECT current_setting('kindly_stats.max_limits', true) = '5'});
like(session($load . 'SHOW kindly_stats.max_limit'), qr/^WARNING:  0 is outside the valid range for parameter "kindly_stats.max_limit" \(1 .. 2147483647\)$/m,
	'what a file has is checked when a session loads the library');
is($node->safe_psql('postgres', $load . 'SHOW kindly_stats.max_limit'), '2147483647', 'and the default holds');

$node->stop;
done_testing();
