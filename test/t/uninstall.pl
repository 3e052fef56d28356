# The three statements of doc/uninstall.md leave nothing behind: catalogs are what
# they were before the extension was installed.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('uninstall');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nclient_min_messages = warning\ntimezone = 'UTC'\n");
$node->start;

# All that a dump says, and how many rows each catalog has that objects are in.
sub catalogs
{
	my @dumps = map { s/^\\(un)?restrict .*\n//mgr } map { (run_command($_))[0] }
		[ 'pg_dump', '--schema-only', '-d', $node->connstr('postgres') ], [ 'pg_dumpall', '--globals-only', '-d', $node->connstr('postgres') ];
	# statistics and large objects say nothing of it, tables of TOAST go by numbers
	my $counts = $node->safe_psql('postgres', q{
SELECT string_agg(format('SELECT %L, count(*) FROM %s', c.relname, c.oid::regclass), ' UNION ALL ' ORDER BY c.relname)
  FROM pg_class AS c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND c.relname !~ '^pg_(statistic|largeobject)'
});
	return join "\n", @dumps, $node->safe_psql('postgres', "$counts ORDER BY 1");
}

my $page = slurp_file("$FindBin::RealBin/../../doc/uninstall.md");
my ($statements, $afterwards) = $page =~ /```sql\n(.*?)```/sg;
is(scalar(() = $statements =~ /;$/mg), 3, 'there are three statements');

$node->safe_psql('postgres', q{
CREATE TABLE event (bot_id bigint, occurred_at timestamptz, kind text, session_id text) PARTITION BY RANGE (occurred_at);
CREATE TABLE event_1 PARTITION OF event DEFAULT;
CREATE ROLE customer LOGIN;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_conversation_table('talk');
SELECT kindly_stats.create_event_table('chat_event');
});
$node->safe_psql('postgres', $statements);
my $before = catalogs();
$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.attach('event', replica => true);
SELECT kindly_stats.attach_conversations('talk');
INSERT INTO event VALUES (1, '2025-01-01', 'user_message', 's'), (1, '2026-01-01', 'user_message', 't');
SELECT kindly_stats.attach('chat_event');
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'c', '2025-01-01', '2025-01-02');
SELECT kindly_stats.purge('event', '2025-06-01');
SELECT kindly_stats.add_measure('more');
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.create_administrator_roles();
SELECT kindly_stats.create_signing_secret();
SELECT kindly_stats.create_api_key(1, 'one');
SELECT kindly_stats.grant_bot('customer', 1);
CALL kindly_stats.compact();
SELECT kindly_stats.verify_all();
});
isnt(catalogs(), $before, 'an extension in use is seen');
my ($status, $out, $error) = $node->psql('postgres', $statements, on_error_stop => 1);
is("$status$error", '0', 'the statements run');
$node->safe_psql('postgres', $afterwards);
my $after = catalogs();
ok($after eq $before, 'nothing is left') or do
{
	my %before = map { $_ => 1 } split /\n/, $before;
	my %after = map { $_ => 1 } split /\n/, $after;
	diag(join "\n", (map { "+ $_" } grep { !$before{$_} } split /\n/, $after), (map { "- $_" } grep { !$after{$_} } split /\n/, $before));
};
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM talk)'), '1|1', 'but the events');
$node->safe_psql('postgres', "CREATE EXTENSION kindly_stats; SELECT kindly_stats.attach('event'); SELECT kindly_stats.create_api_roles() WHERE false;");
is($node->safe_psql('postgres', "SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2027-01-01')"), '1', 'installed again, it begins anew');

# Roles that another database goes on using lose their rights in this one.
my ($drop_owned) = $page =~ /`(DROP OWNED BY [^`]+)`/;
my $roles = 'SELECT kindly_stats.enable_row_security(); SELECT kindly_stats.create_api_roles(); SELECT kindly_stats.create_administrator_roles();';
$node->safe_psql('postgres', "CREATE DATABASE another");
$node->safe_psql('another', "CREATE EXTENSION kindly_stats; SELECT kindly_stats.create_conversation_table('talk'); $roles");
$node->safe_psql('postgres', "SELECT kindly_stats.attach_conversations('talk'); $roles");
like(($node->psql('postgres', $statements, on_error_stop => 1))[2], qr/ERROR:  role "kindly_\w+" has rights in other databases, too: another/, 'roles that are in use elsewhere are not dropped');
$node->safe_psql('postgres', $statements =~ s/.*drop_roles.*/$drop_owned;/r);
$node->safe_psql('postgres', $afterwards);
my $rights = q{SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid::regrole::text ~ '^kindly_' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())};
is($node->safe_psql('postgres', $rights), '0', 'they have no rights in this database');
cmp_ok($node->safe_psql('another', $rights), '>', 10, 'and theirs in the other');

# Names that are taken are said, and left as they are.
$node->safe_psql('postgres', 'CREATE DATABASE taken');
my @answers = ($node->psql('taken', "SET client_min_messages = notice; CREATE SCHEMA sage; CREATE TABLE sage.mine (n integer); CREATE EXTENSION kindly_stats;"))[2];
like($answers[0], qr/ERROR:  schema "sage" exists already, of role "\w+"\nDETAIL:  The extension makes the schemas .*\nHINT:  Rename it, with ALTER SCHEMA sage RENAME TO/, 'a schema that is there');
@answers = $node->psql('taken', "SET client_min_messages = notice; ALTER SCHEMA sage RENAME TO herbs; CREATE EXTENSION kindly_stats; SELECT count(*) FROM herbs.mine;");
like($answers[2], qr/^\S*\s*NOTICE:  extension kindly_stats makes the schemas kindly_stats, .*sage/, 'the installation says which schemas it makes');
is($answers[1], '0', 'beside what was there');
is(($node->psql('taken', "SET client_min_messages = warning; DROP EXTENSION kindly_stats CASCADE; CREATE EXTENSION kindly_stats;"))[2], '', 'and is silent where it is asked to be');

$node->stop;
done_testing();
