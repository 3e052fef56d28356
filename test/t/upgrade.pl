# From one version to the next: a database that was updated has the same catalog as
# one where the version was installed, no statement of an upgrade script can be left
# out, and library and objects of different versions go together or say why not.
#
# A few statements are left out one by one, or all with KINDLY_STATS_LARGE=1;
# KINDLY_STATS_SEED tries others.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../upgrade";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivateInstall;
use Statements;
use Test::More;

my $install = PrivateInstall->new(PostgreSQL::Test::Utils::tempdir());
my ($current) = $install->get('kindly_stats.control') =~ /default_version = '([\d.]+)'/;
my @snapshots = map { /--([\d.]+)\.sql$/ } glob "$FindBin::RealBin/../upgrade/kindly_stats--*.sql";
my @scripts = map { /--([\d.]+)--([\d.]+)\.sql$/ ? [ $1, $2 ] : () } glob "$FindBin::RealBin/../../src/upgrade/kindly_stats--*.sql";

# The installation scripts of earlier versions are not installed.
$install->put("kindly_stats--$_.sql", slurp_file("$FindBin::RealBin/../upgrade/kindly_stats--$_.sql")) for @snapshots;

my $node = PostgreSQL::Test::Cluster->new('upgrade', install_path => $install->path);
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nclient_min_messages = warning\ntimezone = 'UTC'\n");
$node->start;

sub new_database
{
	my ($name, $template) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE " . ($template // 'template0'));
	return $name;
}

# All that can be said about the extension's objects: what pg_upgrade would make of them, and catalog.sql.
sub catalog
{
	my ($database) = @_;
	my ($dump, $error) = run_command([ "$install->{bindir}/pg_dump", '--binary-upgrade', '--schema-only', '-d', $node->connstr($database) ]);

	# without what has numbers that are another database's
	$dump =~ s/^SELECT pg_catalog\.binary_upgrade_set_next.*\n//mg;
	$dump =~ s/^-- For binary upgrade, must preserve.*\n//mg;
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	my @entries = sort map { s/\s+$//r } split /^--\n(?=-- Name: )/m, $dump;
	return join("\n", @entries) . "\n" . $node->safe_psql($database, slurp_file("$FindBin::RealBin/../upgrade/catalog.sql"));
}

# The first lines in which two texts differ.
sub difference
{
	my ($got, $wanted) = @_;
	my %wanted = map { $_ => 1 } split /\n/, $wanted;
	my %got = map { $_ => 1 } split /\n/, $got;
	my @lines = ((map { "+ $_" } grep { !$wanted{$_} } split /\n/, $got), (map { "- $_" } grep { !$got{$_} } split /\n/, $wanted));

	return join "\n", @lines > 40 ? @lines[ 0 .. 39 ] : @lines;
}

# Every way from an earlier version leads to the same catalog.

$node->safe_psql(new_database('fresh'), 'CREATE EXTENSION kindly_stats');
my $fresh = catalog('fresh');
like($fresh, qr/^CREATE FUNCTION "?kindly_stats"?\.\S*stats_series\(/m, 'a catalog has functions');
like($fresh, qr/^depends\|function\|kindly_stats\.stats_series\(/m, 'and dependencies');
is($node->safe_psql('fresh', "SELECT extversion, kindly_stats.library_version() FROM pg_extension WHERE extname = 'kindly_stats'"),
	"$current|$current", 'objects and library have the version of the control file');
cmp_ok(scalar @scripts, '>', 0, 'there are upgrade scripts');

for my $version (@snapshots)
{
	my $database = 'from_' . $version =~ tr/./_/r;
	$node->safe_psql(new_database($database), "CREATE EXTENSION kindly_stats VERSION '$version'");
	new_database("old_$database", $database);
	$node->safe_psql($database, 'ALTER EXTENSION kindly_stats UPDATE');
	my $upgraded = catalog($database);
	ok($upgraded eq $fresh, "from $version to $current: the same catalog") or diag(difference($upgraded, $fresh));
}

# No statement of the last step can be left out.

my ($last) = grep { $_->[1] eq $current } @scripts;
SKIP:
{
	skip "no upgrade script leads to $current", 1 unless $last;
	my $name = "kindly_stats--$last->[0]--$last->[1].sql";
	my $template = 'old_from_' . $last->[0] =~ tr/./_/r;
	my @statements = Statements::read_file("$FindBin::RealBin/../../src/upgrade/$name");
	my @tried = grep { $statements[$_] !~ /^(?:SELECT|DO)\b/ } 0 .. $#statements;
	my $seed = $ENV{KINDLY_STATS_SEED} // 1;

	note "KINDLY_STATS_SEED=$seed";
	srand $seed;
	splice @tried, int(rand @tried), 1 while @tried > 6 && !$ENV{KINDLY_STATS_LARGE};
	for my $left_out (@tried)
	{
		$install->put($name, join ";\n", (map { $statements[$_] } grep { $_ != $left_out } 0 .. $#statements), '');
		my ($status, $out, $error) = $node->psql(new_database('shorter', $template), 'ALTER EXTENSION kindly_stats UPDATE');
		ok($status != 0 || catalog('shorter') ne $fresh, 'left out, it is missed: ' . substr($statements[$left_out], 0, 60) =~ s/\n.*//sr);
		$node->safe_psql('postgres', 'DROP DATABASE shorter');
	}
	$install->put($name, $install->get($name));
}

$node->stop;
done_testing();
