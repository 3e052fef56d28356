# `make installcheck` on a server that is used for other things: what it makes outside of databases has names of its own,
# is gone afterwards, and roles that somebody uses are not touched.

use strict;
use warnings;

use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# ---------------------------------------------------------------- names, as PostgreSQL wants them of tests

my %wanted = (ROLE => qr/^regress_/, USER => qr/^regress_/, DATABASE => qr/regression/, TABLESPACE => qr/^regress_/, SUBSCRIPTION => qr/^regress_/);
my $names = 0;
for my $file (glob('sql/*.sql test/isolation/specs/*.spec'))
{
	my $text = slurp_file($file);
	while ($text =~ /\bCREATE\s+(ROLE|USER|DATABASE|TABLESPACE|SUBSCRIPTION)\s+(?!MAPPING\b)(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)/gi)
	{
		my ($kind, $name) = (uc $1, $2);
		$names++;
		like($name, $wanted{$kind}, "$file: $kind $name") if $name !~ $wanted{$kind};
	}
	unlike($text, qr/^\s*ALTER SYSTEM\b/mi, "$file leaves the server's settings alone") if $text =~ /ALTER SYSTEM/i;
}
cmp_ok($names, '>', 50, 'roles and databases of tests are named as such');

# ---------------------------------------------------------------- a server of its own

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\n");
$node->start;

my $here = getcwd();
my $dir = tempdir(CLEANUP => 1);
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL VPATH)};
# by a superuser whose name no expected output can know
$node->safe_psql('postgres', 'CREATE ROLE "Somebody" SUPERUSER LOGIN');
@ENV{qw(PGHOST PGPORT PGDATABASE PGUSER)} = ($node->host, $node->port, 'postgres', 'Somebody');

# some of the tests, those that concern the shared roles among them
sub installcheck
{
	my $log = "$dir/log";
	my $status = system('make -s -C ' . "$dir -f $here/Makefile VPATH=$here installcheck PG_CONFIG=" . ($ENV{PG_CONFIG} || 'pg_config')
		. " TAP_TESTS= REGRESS='access administration privilege stranger tree' ISOLATION=grants >$log 2>&1");
	return ($status, slurp_file($log));
}

sub shared
{
	my ($out, $err) = run_command([ 'psql', '-X', '-d', $node->connstr('postgres'), '-f', 'test/shared.sql' ]);
	die $err if $err;
	return $out;
}

my $before = shared();
my ($status, $log) = installcheck();
is($status, 0, 'the tests pass, from an empty folder') or diag($log);
is(shared(), $before, 'and leave the server as it was');

$node->safe_psql('postgres', 'CREATE EXTENSION kindly_stats; SELECT kindly_stats.enable_row_security(); SELECT kindly_stats.create_administrator_roles();');
$before = shared();
($status, $log) = installcheck();
isnt($status, 0, 'where the roles are in use they do not run');
like($log, qr/ERROR: +the tests would change roles that are in use here, by database postgres: run them on another server/, 'which is said');
is(shared(), $before, 'and nothing has changed');

$node->stop;
done_testing();
