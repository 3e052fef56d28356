# Who sees what on a cluster: row-level security that was there before and that comes
# afterwards, grants that open sessions hear of on every node, roles that cannot log in, tokens'
# claims, and the requests of the HTTP API.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Requests;
use SameAnswers;
use Test::More;

my $nodes = NodesOfCitus->new;
my $both = SameAnswers->new($nodes);

# Row-level security is there before the tables are spread.
$nodes->ask($_) for "CREATE ROLE regress_reader LOGIN", "CREATE ROLE regress_tables LOGIN", 'CREATE ROLE regress_team', 'CREATE ROLE regress_member LOGIN IN ROLE regress_team';
$both->load(bots => 6, rows => 3000, seed => 1);
is($nodes->ask('SELECT count(*) FROM kindly_stats.undistribute()'), '9', 'all tables are brought back');
my $enable = 'SELECT count(*) FROM kindly_stats.enable_row_security()';
$nodes->ask($enable);
$nodes->ask("SELECT kindly_stats.grant_bot('regress_reader', 1)");
$nodes->ask('SELECT kindly_stats.create_administrator_roles()');
my $policies = q{SELECT string_agg(concat(polrelid::regclass, ': ', pg_get_expr(polqual, polrelid)), E'\n' ORDER BY polrelid::regclass::text, polname) FROM pg_policy WHERE NOT kindly_stats.is_shard(polrelid)};
my $local = $nodes->ask($policies);
like($local, qr/SELECT kindly_stats.visible_bots/, 'on one server, the list of bots is worked out once a query');
is($nodes->ask('SELECT count(*) FROM kindly_stats.distribute(8)'), '12', 'they are spread, those of access among them');
unlike($nodes->ask($policies), qr/SELECT/, 'policies of distributed tables have no SELECT');
is($nodes->ask($enable), '0', 'nothing is left to do');
is($nodes->ask($policies, node => $_), $nodes->ask($policies), "node $_ has the same policies") for 1, 2;

# ------------------------------------------------------------------ grants

my $total = "SELECT string_agg(concat(b, ':', t.count), ' ' ORDER BY b) FROM generate_series(1, 3) AS b, LATERAL kindly_stats.stats_total(b, '2024-01-01', '2025-01-01', measure => 'events') AS t";
my %count = map { split /:/ } split / /, $nodes->ask($total);
ok((grep { $_ > 0 } values %count) == 3, 'the bots have events');

sub seen { return join ' ', map { my $bot = $_; "$bot:" . ((grep { $_ == $bot } @_) ? $count{$bot} : 0) } 1 .. 3 }

sub as_role
{
	my ($role, $statement, $node) = @_;
	return $nodes->ask("SET ROLE $role; $statement", node => $node);
}

is($nodes->ask("SELECT kindly_stats.grant_bot('$_->[0]', $_->[1], $_->[2])"), '', "$_->[0] sees bot $_->[1]") for [ 'regress_team', 2, 'false' ], [ 'regress_tables', 3, 'true' ];
for my $node (0 .. 2)
{
	is(as_role('regress_reader', $total, $node), seen(1), "node $node: a reader who can log in sees his bot");
	is(as_role('regress_team', $total, $node), seen(2), "node $node: one who cannot does");
	is(as_role('regress_member', $total, $node), seen(2), "node $node: and a member");
	is(as_role('regress_tables', $total, $node), seen(3), "node $node: and who reads tables");
	is(as_role('kindly_stats_monitor', $total, $node), seen(1, 2, 3), "node $node: the monitor sees all");
	is(as_role('regress_tables', 'SELECT string_agg(DISTINCT bot_id::text, \',\') FROM kindly_stats.rollup', $node), '3', "node $node: the table itself shows that bot");
	is(as_role('regress_tables', 'SELECT string_agg(DISTINCT id, \',\') FROM kindly_stats.bot_name', $node), '3', "node $node: and its name");
	is(as_role('regress_tables', 'SELECT string_agg(DISTINCT bot_id::text, \',\') FROM conversation', $node), '3', "node $node: and its conversations");
	is(as_role('regress_tables', 'BEGIN; SELECT string_agg(DISTINCT bot_id::text, \',\') FROM kindly_stats.rollup; COMMIT', $node), '3', "node $node: in a transaction");
	is(as_role('regress_team', 'SELECT string_agg(DISTINCT bot_id, \',\') FROM bi.monthly', $node), '2', "node $node: relations for BI tools show that bot");
	is(as_role('regress_team', "SELECT count FROM kindly_stats.stats_total_across_bots('2024-01-01', '2025-01-01', measure => 'events')", $node), $count{2}, "node $node: across bots, too");
	is(as_role('regress_team', "SELECT count FROM kindly_stats.stats_total_across_bots('2024-01-01', '2025-01-01', measure => 'events', bots => '{1,2,3}')", $node), $count{2}, "node $node: whatever is asked for");
	like(as_role('regress_reader', 'SELECT FROM kindly_stats.rollup', $node), qr/permission denied/, "node $node: tables are not for who has no right on them");
}

# Sessions that are open hear of what is granted, and taken away, wherever they are.
my @sessions = map { my $node = $nodes->{nodes}[$_]; [ $_, $node->background_psql('spread', on_error_stop => 0) ] } 0 .. 2;
sub hears
{
	my ($name, $expected) = @_;

	is($_->[1]->query($total), $expected, "node $_->[0]: $name") for @sessions;
	return;
}
SKIP:
{
	skip 'this PostgreSQL cannot ask sessions in the background', 1 unless PostgreSQL::Test::Cluster->can('background_psql') && ref $sessions[0][1] && $sessions[0][1]->can('query');
	$_->[1]->query('SET ROLE regress_team') for @sessions;
	hears('as it was', seen(2));
	$nodes->ask("SELECT kindly_stats.grant_bot('regress_team', 3)");
	hears('granted', seen(2, 3));
	$nodes->ask("SELECT kindly_stats.revoke_bot('regress_team', 2)");
	hears('revoked', seen(3));
	$nodes->ask("SELECT kindly_stats.revoke_bot('regress_team', 3)");
	hears('all revoked', seen());
	$_->[1]->quit for @sessions;
}

# ------------------------------------------------------------------ what cannot be asked

my $inside = "SELECT sum(t.count) FROM (SELECT DISTINCT bot_id FROM chat_event WHERE bot_id < 4) AS b, LATERAL kindly_stats.stats_total(b.bot_id, '2024-01-01', '2025-01-01', measure => 'events') AS t";
my $all = $count{1} + $count{2} + $count{3};
is($nodes->ask($inside), $all, 'beside a distributed table, outside of a transaction block');
is($nodes->ask("BEGIN READ ONLY; $inside; COMMIT"), $all, 'inside of one that writes nothing');
like($nodes->ask("BEGIN; $inside; COMMIT"), qr/from a query on a shard/, 'inside of another it is refused');
like($nodes->ask("BEGIN; INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (1, '2024-05-05', 'user_message'); SET TRANSACTION READ ONLY; $inside; COMMIT"), qr/from a query on a shard/,
	'and in one that has written before it was to write no more');
my (undef, undef, $hint) = $nodes->coordinator->psql('spread', "BEGIN; $inside");
like($hint, qr/HINT:  Let a MATERIALIZED CTE read the distributed tables/, 'with the way out');
is($nodes->ask("BEGIN; WITH b AS MATERIALIZED (SELECT DISTINCT bot_id FROM chat_event WHERE bot_id < 4)
	SELECT sum(t.count) FROM b, LATERAL kindly_stats.stats_total(b.bot_id, '2024-01-01', '2025-01-01', measure => 'events') AS t; COMMIT"), $all, 'which it is');
$nodes->ask($_) for 'CREATE ROLE regress_writer LOGIN', 'GRANT INSERT ON chat_event TO regress_writer', "SELECT kindly_stats.grant_bot('regress_writer', 1)";
(undef, undef, $hint) = $nodes->coordinator->psql('spread', "SET ROLE regress_writer; BEGIN; INSERT INTO chat_event (bot_id, occurred_at, kind) VALUES (1, '2024-05-05', 'user_message'); $total");
like($hint, qr/HINT:  Statistics are read through their owner here: ask in a transaction that has written no events before/, 'who sees some bots does not read what he has written in the same transaction');

# ------------------------------------------------------------------ where it is added up

sub plan { return $nodes->ask("EXPLAIN (VERBOSE, COSTS OFF) $_[0]") }
like(plan('SELECT kindly_stats.total(kindly_stats.sum(tally)) FROM kindly_stats.rollup'), qr/coord_combine_agg.*worker_partial_agg.*Aggregate/s, 'sums of tallies are made by the nodes, and combined');
like(plan("SELECT r.month, kindly_stats.sum(kindly_stats.keys_under(r.tally, 'messages')) FROM kindly_stats.rollup AS r WHERE r.measure = '' GROUP BY 1"), qr/worker_partial_agg.*HashAggregate|worker_partial_agg.*GroupAggregate/s,
	'by month, too');
# what functions ask themselves
my (undef, $out, $log) = $nodes->coordinator->psql('spread', q{LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET client_min_messages = log;
	SELECT * FROM kindly_stats.stats_total_across_bots('2024-01-01', '2025-01-01'); SELECT sum(messages) FROM bi.monthly});
like($log, qr/Task Count: 8\n.*?->  Aggregate/s, 'totals across bots are added up where the rows are');
like($log, qr/Task Count: \d\n.*?->  (Group|Hash)Aggregate.*?Group Key: r?\.?bot_id/s, 'and relations without a condition on bots');

# ------------------------------------------------------------------ the HTTP API

$both->on_both($enable);
$both->on_both($_) for 'SELECT kindly_stats.create_api_roles()', "SELECT kindly_stats.grant_bot('regress_team', 1)", "SELECT kindly_stats.grant_bot('regress_team', 2)";
is($nodes->ask('SELECT count(*) FROM kindly_stats.distribute()'), '0', 'roles have their rights on every node');
my @paths = split /\n/, $nodes->ask('SELECT DISTINCT path FROM kindly_stats.routes() ORDER BY 1');
$both->compare($_, 'requests', map { Requests::all(bot => $_, other => $_ + 1, paths => \@paths) } 1, 3) for 0 .. 2;
is($nodes->ask(q{SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolname LIKE 'kindly_api_%' AND rolcanlogin}), 'kindly_api_authenticator', 'none of the roles of requests can log in');

# ------------------------------------------------------------------ rights by hand

my $rights = "SELECT count(*) FROM kindly_stats.health() WHERE finding LIKE 'Roles have other rights%'";
is($nodes->ask($rights), '0', 'all nodes have the same rights');
my $grant = 'EXECUTE ON FUNCTION kindly_stats.has_rollup()';
for my $change ([ "GRANT $grant TO regress_reader", 't' ], [ "REVOKE $grant FROM regress_reader", 'f' ])
{
	$nodes->ask($change->[0]);
	is($nodes->ask($rights), '2', "$change->[0]: health() names the workers, which have not heard of it");
	$nodes->ask('SELECT kindly_stats.distribute()');
	is($nodes->ask($rights), '0', '... until distribute()');
	is($nodes->ask(q{SELECT has_function_privilege('regress_reader', 'kindly_stats.has_rollup()', 'EXECUTE')}, node => $_), $change->[1], "... says node $_") for 0 .. 2;
}

# ------------------------------------------------------------------ and back

is($nodes->ask('SELECT count(*) FROM kindly_stats.undistribute()'), '12', 'all are brought back');
is($nodes->ask($policies), $local, 'with the policies that they had');
is(as_role('regress_reader', $total), seen(1), 'who show the same');

$nodes->stop;
done_testing();
