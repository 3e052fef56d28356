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
	# rights that were given and taken are none
	my @entries = grep { !/^-- Name: .*; Type: ACL;/ || /^(?:GRANT|REVOKE)/m } sort map { s/\s+$//r } split /^--\n(?=-- Name: )/m, $dump;
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
my $library = $node->safe_psql('fresh', 'SELECT kindly_stats.library_version()');
is($node->safe_psql('fresh', "SELECT extversion FROM pg_extension WHERE extname = 'kindly_stats'"), $current, 'objects have the version of the control file');
is($library =~ s/\.\d+$//r, $current =~ s/\.\d+$//r, 'and so has the library, but for patches');
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

# Library and objects of different versions.  A library of another version is this one that calls itself otherwise; the
# next version's objects are these and one function.

my ($major, $minor) = split /\./, $current;
my $next = $major . '.' . ($minor + 1) . '.0';
my $objects = "version $next in this database, and the library of this session version $library";
my $count = "SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2026-01-01');";
my $insert = "INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (1, '2025-02-03', 'user_message');";

# What a session prints, and the errors with their hints.
sub answer
{
	my ($database, $sql) = @_;
	my ($status, $out, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$sql", on_error_stop => 0);

	return join "\n", $out, map { s/^psql:\S+ //r } grep { /ERROR|HINT/ } split /\n/, $error;
}

$install->put("kindly_stats--$current--$next.sql",
	"SELECT kindly_stats.require_library();\nCREATE FUNCTION kindly_stats.later() RETURNS text LANGUAGE C AS 'MODULE_PATHNAME', 'ks_library_version';\n");
$node->safe_psql(new_database('served'), "CREATE EXTENSION kindly_stats; SELECT kindly_stats.create_event_table('chat_event'); $insert");

# objects that no library serves any more can be updated, and nothing else
my $oldest = 'old_from_0_1_0';
my $refused = "ERROR:  55000: extension kindly_stats has version 0.1.0 in this database, which version $library of its library does not serve\nHINT:  Run ALTER EXTENSION kindly_stats UPDATE.";
is(answer($oldest, "SELECT kindly_stats.total(NULL);"), "\n$refused", 'objects that are too old: a question');
is(answer($oldest, "CREATE TABLE t (n integer);"), "\n$refused", 'objects that are too old: a definition');
is(answer($oldest, "ALTER EXTENSION kindly_stats UPDATE;"), '', 'objects that are too old can be updated');
is(answer($oldest, "CREATE TABLE t (n integer); SELECT kindly_stats.create_event_table('chat_event'); $insert $count"), "chat_event\n1", 'and go on');
is(answer(new_database('dropped', 'old_from_0_1_0'), "DROP EXTENSION kindly_stats CASCADE;"), '', 'and dropped');

# an update needs the library first
is(answer('served', "ALTER EXTENSION kindly_stats UPDATE TO '$next'; $count"),
	"1\nERROR:  55000: extension kindly_stats has $objects\nHINT:  Connect anew. If that does not help, install version $next of the library; if it is loaded by shared_preload_libraries, restart the server.",
	'an older library refuses newer objects');

# a newer library serves older objects, in new sessions
my $other = "$install->{bindir}/psql -X -q -d '" . $node->connstr('served') . "'";
$install->put_library("$major.$minor.9");
is(answer('served', "SELECT kindly_stats.library_version(); $insert $count"), "$major.$minor.9\n2", 'a library of the same version but for the third number');
$install->put_library($next);
is(answer('served', "SELECT kindly_stats.library_version(); $insert $count ALTER TABLE chat_event ADD COLUMN more text;"), "$next\n3", 'a newer library serves older objects');

# a session that has the older library, while another one updates
$install->put("kindly_stats.so", $install->get('kindly_stats.so'));
$install->put("update.sql", "ALTER EXTENSION kindly_stats UPDATE TO '$next';\n");
my $replace = "cp $install->{pkglibdir}/next.so $install->{pkglibdir}/kindly_stats.so.new && mv $install->{pkglibdir}/kindly_stats.so.new $install->{pkglibdir}/kindly_stats.so";
$install->put_library($next);
rename "$install->{pkglibdir}/kindly_stats.so", "$install->{pkglibdir}/next.so";
$install->put("kindly_stats.so", $install->get('kindly_stats.so'));
my $too_new = "ERROR:  55000: extension kindly_stats has $objects";
my $got = answer('served', "SELECT kindly_stats.library_version(); $insert $count\n\\! $replace\n\\! $other -f $install->{sharedir}/extension/update.sql\n$insert\n$count\n\\! $other -c \"$insert\"\n");
is(join("\n", grep { !/HINT/ } split /\n/, $got), "$library\n4\n$too_new\n$too_new", 'a session that has the older library says so after an update');
is(answer('served', "SELECT kindly_stats.later(); $count"), "$next\n5", 'new sessions go on');
is($node->safe_psql('served', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'and nothing is lost or counted twice');

# Stored bytes and texts of every version of the stored form: read as they are, accepted as text and as binary.

my $samples = new_database('samples');
$node->safe_psql($samples, 'CREATE EXTENSION kindly_stats; CREATE CAST (bytea AS kindly_stats.tally) WITHOUT FUNCTION; CREATE TABLE sample (version integer, name text, bytes text, digest text)');
for my $file (glob "$FindBin::RealBin/../upgrade/tally-*.txt")
{
	my ($version) = $file =~ /-(\d+)\.txt$/;
	$node->safe_psql($samples, join '', "COPY sample FROM stdin;\n", (map { my $line = $_; $line =~ s/\\/\\\\/g; "$version\t$line\n" } split /\n/, slurp_file($file)), "\\.\n");
}
my ($digest) = slurp_file("$FindBin::RealBin/../upgrade/samples.sql") =~ /^\\set digest '(.*)'$/m;
$digest =~ s/\\'/'/g;
cmp_ok($node->safe_psql($samples, 'SELECT count(*) FROM sample'), '>=', 8, 'there are samples');
for my $way ([ 'stored', "decode(substr(bytes, 3), 'hex')::kindly_stats.tally" ], [ 'as text', 'bytes::kindly_stats.tally' ])
{
	is($node->safe_psql($samples, "SET timezone = 'UTC'; SELECT version, name FROM (SELECT version, name, digest, $way->[1] AS tally FROM sample) AS s WHERE digest <> $digest"),
		'', "$way->[0], samples of every version answer as they did");
}
is($node->safe_psql($samples, 'SELECT version, name FROM sample WHERE version = (kindly_stats.info(bytes::kindly_stats.tally)).version AND bytes::kindly_stats.tally::text <> bytes'),
	'', 'those of this version are written as they were');
$node->safe_psql($samples, "COPY (SELECT decode(substr(bytes, 3), 'hex') FROM sample) TO '$install->{root}/samples' (FORMAT binary); CREATE TABLE tally (tally kindly_stats.tally); COPY tally FROM '$install->{root}/samples' (FORMAT binary)");
is($node->safe_psql($samples, 'SELECT count(*) FROM tally'), $node->safe_psql($samples, 'SELECT count(*) FROM sample'), 'all are accepted as binary');

$node->stop;
done_testing();
