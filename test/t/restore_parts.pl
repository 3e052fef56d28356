# A dump that is restored by the owner of the database, who is no superuser, and
# parts of a dump: what the user sees at each step, and whether counts are right.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nclient_min_messages = warning");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE ks_dba LOGIN; CREATE ROLE ks_writer; CREATE ROLE ks_reader');
$node->safe_psql('postgres', 'CREATE DATABASE stats');
$node->safe_psql('stats', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id)
SELECT bot, timestamptz '2025-01-10' + n * interval '1 day', 'user_message', 's' || n FROM generate_series(1, 2) AS bot, generate_series(1, 30) AS n;
CREATE TABLE other_event (bot_id bigint NOT NULL, occurred_at timestamptz NOT NULL, kind text NOT NULL) PARTITION BY RANGE (occurred_at);
CREATE TABLE other_event_1 PARTITION OF other_event DEFAULT;
SELECT kindly_stats.attach('other_event');
INSERT INTO other_event SELECT 3, '2025-01-15', 'user_message' FROM generate_series(1, 7);
SELECT kindly_stats.create_conversation_table('talk');
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) SELECT 1, 't' || n, '2025-01-10', '2025-01-10 01:00' FROM generate_series(1, 5) AS n;
SELECT kindly_stats.purge('chat_event', '2025-01-20');
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('ks_reader', 1);
SELECT kindly_stats.create_api_key(1, 'kept');
});

my $from = $node->connstr('stats');
my $dir = $node->basedir;
my $counts = q{SELECT string_agg((SELECT count FROM kindly_stats.stats_total(bot, '2025-01-01', '2026-01-01', 'UTC'))::text, ' ' ORDER BY bot) || ' | '
	|| (SELECT count(*) FROM ultimate.first_last_intent(1, '2025-01-01', '2026-01-01')) FROM generate_series(1, 3) AS bot};
my $all = '30 30 7 | 5';
# without what was purged
my $rest = '21 21 7 | 5';
is($node->safe_psql('stats', $counts), $all, 'there is something to compare');

my $number = 0;
sub new_database
{
	my (@statements) = @_;
	my $db = 'restored_' . ++$number;
	$node->safe_psql('postgres', "CREATE DATABASE $db OWNER ks_dba TEMPLATE template0");
	$node->safe_psql($db, $_) for @statements;
	return $db;
}

# The errors of a program, each in one line.
sub errors_of
{
	my ($out, $err) = run_command([@_]);
	return join "\n", map { s/^.*?ERROR:  //r } grep { /ERROR:/ } split /\n/, $err;
}

sub dump_to
{
	my ($file, @options) = @_;
	is(errors_of('pg_dump', '-Fc', '-f', "$dir/$file", @options, '-d', $from), '', "dump $file");
	return "$dir/$file";
}

sub restore
{
	my ($db, $file, @options) = @_;
	return errors_of('pg_restore', '-d', $node->connstr($db), @options, $file);
}

sub error_of
{
	my ($db, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql($db, $sql, stdout => \$out, stderr => \$err);
	return join ' | ', $err =~ /^.*?ERROR:  (.*)$/m, $err =~ /^HINT:  (.*)$/m;
}

sub is_right
{
	my ($db, $expected, $what) = @_;
	is($node->safe_psql($db, $counts), $expected, "$what: counts");
	is($node->safe_psql($db, 'SELECT count(*) FROM kindly_stats.verify()'), '0', "$what: verify() finds nothing");
	is($node->safe_psql($db, q{SELECT object, finding FROM kindly_stats.health() WHERE severity = 'error'}), '', "$what: health() finds no error");
	is($node->safe_psql($db, q{GRANT INSERT ON chat_event TO ks_writer; SET ROLE ks_writer;
		INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (9, '2025-03-01', 'user_message'), (9, '2025-03-01', 'bot_reply'); RESET ROLE;
		SELECT count FROM kindly_stats.stats_total(9, '2025-01-01', '2026-01-01', 'UTC', measure => 'events')}), '2', "$what: further events count");
	return;
}

# ------------------------------------------------------------- dumped by the owner of the database
$node->safe_psql('postgres', 'ALTER DATABASE stats OWNER TO ks_dba');
$node->safe_psql('stats', 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO ks_dba');
sub dump_as_owner { return errors_of('pg_dump', '-Fc', '-f', "$dir/owners", '-U', 'ks_dba', '-d', $from); }
is(dump_as_owner(), 'permission denied for schema kindly_stats', 'an owner cannot read what he dumps');
$node->safe_psql('postgres', 'GRANT pg_read_all_data TO ks_dba');
like(dump_as_owner(), qr/^query would be affected by row-level security policy for table "\w+"$/, 'or not all rows');
$node->safe_psql('postgres', 'ALTER ROLE ks_dba BYPASSRLS');
is(dump_as_owner(), '', 'unless he is allowed to');
$node->safe_psql('postgres', 'REVOKE pg_read_all_data FROM ks_dba; ALTER ROLE ks_dba NOBYPASSRLS; ALTER DATABASE stats OWNER TO CURRENT_USER');
$node->safe_psql('stats', 'REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM ks_dba');

my $whole = dump_to('whole');

# ------------------------------------------------------------- the owner of the database
my $owned = new_database();
like(restore($owned, $whole, '-U', 'ks_dba', '--no-owner', '--no-privileges'), qr/^permission denied to create extension "kindly_stats"$/m, 'an owner cannot create the extension');

$owned = new_database('CREATE EXTENSION kindly_stats');
my $refused = restore($owned, $whole, '-U', 'ks_dba', '--no-owner', '--no-privileges');
like($refused, qr/^permission denied for schema kindly_stats$/m, 'nor restore its tables, unless he is allowed to');
$owned = new_database('CREATE EXTENSION kindly_stats', 'GRANT pg_read_all_data TO ks_dba');
$refused = restore($owned, $whole, '-U', 'ks_dba', '--no-owner', '--no-privileges');
like($refused, qr/^permission denied for function kindly_stats\.count_events$/m, 'nor triggers, which he is told in other words where he reads all data');
$node->safe_psql('postgres', 'REVOKE pg_read_all_data FROM ks_dba');

$owned = new_database('CREATE EXTENSION kindly_stats', q{SELECT kindly_stats.allow_restore('ks_dba')});
is(restore($owned, "$dir/owners", '-U', 'ks_dba', '--no-owner', '--no-privileges'),
	"schema \"kindly_stats\" already exists\nmust be owner of schema kindly_stats\nmust be owner of extension kindly_stats",
	'allowed to, he restores all but what is there');
is_right($owned, $all, 'restored by its owner');
is($node->safe_psql($owned, q{SELECT count(*) FROM kindly_stats.api_keys(1); SET ROLE ks_dba; SELECT kindly_stats.visible_bots()}), "1\n{}", 'keys are there');
$node->safe_psql($owned, q{SELECT kindly_stats.create_administrator_roles(); GRANT kindly_stats_admin TO ks_dba});
is($node->safe_psql($owned, q{SET ROLE ks_dba; SELECT count(*) FROM kindly_stats.verify(); SELECT kindly_stats.rebuild() >= 0;
	CREATE TABLE third_event (LIKE chat_event); SELECT kindly_stats.attach('third_event'); SELECT kindly_stats.detach('third_event')}),
	"0\nt\nthird_event\nthird_event", 'as an administrator of statistics, he looks after them');
$node->safe_psql($owned, q{SELECT kindly_stats.grant_bot('ks_reader', 1)});
is($node->safe_psql($owned, "SET ROLE ks_reader; SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2026-01-01', 'UTC'); SELECT count FROM kindly_stats.stats_total(2, '2025-01-01', '2026-01-01', 'UTC')"),
	"30\n0", 'row-level security was restored, and grants can be made again');
is(error_of($owned, q{SELECT kindly_stats.allow_restore('ks_dba')}),
	'table kindly_stats.rollup exists already | Restore into a database in which nothing has been attached since the extension was created.', 'allow_restore() is for empty databases');
is(error_of($owned, q{SELECT kindly_stats.allow_restore('ks_nobody')}), 'role "ks_nobody" does not exist | Create the role first.', 'and for roles that are there');
is(error_of($owned, q{SELECT kindly_stats.allow_restore(NULL)}), q{"role" is missing | Pass the name of the role that restores, such as the database's owner.}, 'and for a role at all');

$owned = new_database('CREATE EXTENSION kindly_stats', q{SELECT kindly_stats.allow_restore('ks_dba')});
like(restore($owned, $whole, '-U', 'ks_dba', '--no-privileges'), qr/^must be (?:member of|able to SET ROLE)/m, 'owners of before cannot be had');
is_right($owned, $all, 'restored with the owners of before');

# a list without the three entries, so that the first error ends it all
my ($filter) = slurp_file('doc/restore.md') =~ /^pg_restore -l dump \| (grep .*?) >list$/m;
command_ok([ 'sh', '-c', "pg_restore -l '$whole' | $filter >'$dir/list'" ], 'a list as doc/restore.md makes it');
$owned = new_database('CREATE EXTENSION kindly_stats', q{SELECT kindly_stats.allow_restore('ks_dba')});
is(restore($owned, $whole, '-U', 'ks_dba', '--no-owner', '--no-privileges', '--single-transaction', '-L', "$dir/list"), '', 'in one transaction');
is_right($owned, $all, 'restored in one transaction');

# ------------------------------------------------------------- event tables alone
my $public = dump_to('public', '-t', 'public.*');
my $db = new_database();
like(restore($db, $public), qr/^schema "kindly_stats" does not exist$/m, 'tables without the extension: their triggers are errors');
$node->safe_psql($db, q{CREATE EXTENSION kindly_stats; SELECT kindly_stats.attach('chat_event'), kindly_stats.attach('other_event'); SELECT kindly_stats.attach_conversations('talk')});
is_right($db, $rest, 'tables first, then the extension and attach');

$db = new_database('CREATE EXTENSION kindly_stats');
is(restore($db, $public), '', 'tables beside a new extension');
my $missing = 'Call kindly_stats.rebuild().';
like(error_of($db, $counts), qr/^no event table has been attached \| .* Where tables were restored without the schema kindly_stats, call kindly_stats.rebuild\(\)\.$/, 'questions say what to do');
like(error_of($db, q{INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (1, now(), 'x')}), qr/^no event table has been attached \| .*call kindly_stats.rebuild/, 'writers do');
is(error_of($db, 'SELECT * FROM kindly_stats.verify()'), "table kindly_stats.rollup is missing | $missing", 'verify() does');
is($node->safe_psql($db, q{SELECT object, remedy FROM kindly_stats.health() WHERE severity = 'error'}), 'kindly_stats.rollup|SELECT kindly_stats.rebuild();', 'health() does');
like($node->safe_psql($db, 'SELECT kindly_stats.rebuild()'), qr/^[1-9]/, 'rebuild() does it');
is_right($db, $rest, 'tables alone, rebuilt');

$db = new_database('CREATE EXTENSION kindly_stats');
restore($db, $public);
is($node->safe_psql($db, q{SELECT kindly_stats.attach('chat_event')}), '', 'attach has no trigger to make');
is($node->safe_psql($db, q{SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2026-01-01', 'UTC')}), '21', 'but counts the table');
is($node->safe_psql($db, q{SELECT string_agg(object || ' ' || remedy, ', ' ORDER BY object) FROM kindly_stats.health() WHERE severity = 'error'}),
	"public.other_event CALL kindly_stats.attach_concurrently('public.other_event');, public.talk SELECT kindly_stats.rebuild();", 'what is not counted yet is known');
$node->safe_psql($db, q{CALL kindly_stats.attach_concurrently('other_event')});
$node->safe_psql($db, q{SELECT kindly_stats.attach_conversations('talk')});
is_right($db, $rest, 'tables alone, attached');

$db = new_database('CREATE EXTENSION kindly_stats', q{SELECT kindly_stats.create_event_table('here')});
is(restore($db, $public), '', 'tables beside others');
isnt($node->safe_psql($db, 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'verify() knows that they are not counted');
$node->safe_psql($db, 'SELECT kindly_stats.rebuild()');
is_right($db, $rest, 'tables beside others, rebuilt');

my $partition = dump_to('partition', '-t', 'other_event_1');
$db = new_database('CREATE EXTENSION kindly_stats');
is(restore($db, $partition), 'relation "public.other_event" does not exist', 'a partition alone');
$node->safe_psql($db, q{SELECT kindly_stats.attach('other_event_1')});
is($node->safe_psql($db, q{SELECT count FROM kindly_stats.stats_total(3, '2025-01-01', '2026-01-01', 'UTC'); SELECT count(*) FROM kindly_stats.verify()}), "7\n0", 'is a table of its own');

# ------------------------------------------------------------- statistics alone
my $statistics = dump_to('statistics', '-n', 'kindly_stats');
$db = new_database();
like(restore($db, $statistics), qr/^type "kindly_stats.tally" does not exist$/m, 'statistics without the extension');

$db = new_database('CREATE EXTENSION kindly_stats');
is(restore($db, $statistics), qq{schema "kindly_stats" already exists\nrelation "public.talk" does not exist}, 'statistics beside the extension: all but the list of tables');
is($node->safe_psql($db, $counts =~ s/ \|\| ' \| '.*?(?= FROM generate_series)//sr), '30 30 7', 'answer as before');
is(restore($db, $public), '', 'then the tables');
is($node->safe_psql($db, $counts), '30 30 7 | 0', 'which are counted, but not listed for exports');
$node->safe_psql($db, 'SELECT kindly_stats.rebuild()');
is_right($db, $all, 'statistics, then tables, rebuilt');

$db = new_database('CREATE EXTENSION kindly_stats');
restore($db, $public);
is(restore($db, $statistics), 'schema "kindly_stats" already exists', 'statistics after the tables');
is_right($db, $all, 'tables, then statistics');

# A mark behind which all that this cluster wrote later would lie: what is restored lies before it.
$db = new_database('CREATE EXTENSION kindly_stats', q{SELECT kindly_stats.create_event_table('chat_event');
INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (1, '2025-01-31', 'user_message')}, 'CALL kindly_stats.compact()', q{
INSERT INTO kindly_stats.rollup (bot_id, measure, month, id, cluster, tally)
SELECT 1, '', date '2025-01-01', 4611686018427387904, kindly_stats.cluster(), kindly_stats.sum(tally) FROM kindly_stats.rollup});
is(restore($db, $statistics, '--data-only', '-t', 'rollup'), '', 'statistics beside others');
$node->safe_psql($db, 'CALL kindly_stats.compact()');
is($node->safe_psql($db, q{SELECT count FROM kindly_stats.stats_total(1, '2025-01-01', '2026-01-01', 'UTC')}), '31', 'add up once they are compacted');

# ------------------------------------------------------------- into another encoding
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin', q{
SET client_encoding = 'UTF8';
CREATE EXTENSION kindly_stats;
CREATE TABLE latin_event (bot_id text, occurred_at timestamptz, kind text, source text);
SELECT kindly_stats.attach('latin_event');
INSERT INTO latin_event VALUES ('ascii', '2025-01-10', 'user_message', 'bar'), (U&'b\00F8rs', '2025-01-10', 'user_message', U&'b\00E5r');
});
is(errors_of('pg_dump', '-Fc', '-f', "$dir/latin", '-d', $node->connstr('latin')), '', 'dump in another encoding');
$db = new_database();
like(restore($db, "$dir/latin"), qr/^tally has a key .*not valid in encoding "UTF8"$/, 'statistics with texts in another encoding are refused');
$node->safe_psql($db, 'SELECT kindly_stats.rebuild()');
is($node->safe_psql($db, q{SELECT o.sources::text FROM unnest(ARRAY['ascii', U&'b\00F8rs']) AS bot, kindly_stats.stats_options(bot) AS o; SELECT count(*) FROM kindly_stats.verify()}),
	"{bar}\n{b\xc3\xa5r}\n0", 'and counted anew');

$node->stop;
done_testing();
