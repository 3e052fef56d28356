# distribute() and undistribute(): what they refuse, what they leave as it was, and that
# they can be called again.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use NodesOfCitus;
use Test::More;

my $nodes = NodesOfCitus->new;

sub both
{
	my ($statement) = @_;
	$nodes->ask($statement);
	$nodes->ask($statement, database => 'plain');
	return;
}

# ---- refusals

is($nodes->ask('SELECT kindly_stats.distribute()', database => 'plain'), 'ERROR: extension citus is not installed in this database', 'no Citus');
is($nodes->ask('SELECT kindly_stats.distribute()', node => 1), 'ERROR: this node is a worker', 'a worker');
is($nodes->ask('SELECT kindly_stats.distribute(0)'), 'ERROR: there must be 1 to 64000 shards', 'no shards');
is($nodes->ask('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT kindly_stats.distribute()'), 'ERROR: cannot distribute tables at isolation level repeatable read', 'an old snapshot');
is($nodes->ask('SET citus.shard_replication_factor = 2; SELECT kindly_stats.distribute()'), 'ERROR: citus.shard_replication_factor is 2', 'copies of shards');
is($nodes->ask('SELECT kindly_stats.undistribute()'), '', 'nothing to bring back');

sub refused
{
	my ($definition, $columns, $error, $name) = @_;
	$nodes->ask("CREATE TABLE strange $definition; SELECT kindly_stats.attach('strange', '$columns')");
	is($nodes->ask('SELECT kindly_stats.distribute()'), "ERROR: $error", $name);
	is($nodes->ask('SELECT kindly_stats.place()'), 'here', "$name: nothing has happened");
	$nodes->ask('DROP TABLE strange');
	return;
}
refused('(bot_id text, occurred_at timestamptz, kind text)', '{}', 'column "bot_id" of table "public.strange" is of type text', 'bots that are texts');
refused('(bot_id integer, occurred_at timestamptz, kind text)', '{}', 'column "bot_id" of table "public.strange" is of type integer', 'bots of another type');
refused('(bot_id bigint, occurred_at timestamptz, kind text, id bigint PRIMARY KEY)', '{}',
	'table "public.strange" has a primary key or unique index without column "bot_id"', 'a key without the bot');
refused('(occurred_at timestamptz, kind text)', '{"bot_id": {"constant": "7"}}', 'all rows of table "public.strange" are of one bot', 'one bot');
refused('(bot_id bigint, occurred_at timestamptz, kind text); CREATE ROLE regress_citus_nologin; ALTER TABLE strange OWNER TO regress_citus_nologin', '{}',
	'table "public.strange" belongs to another role than kindly_stats.rollup', 'a table of others, whose code would run with the rights of who calls');
refused('(bot_id bigint, occurred_at timestamptz, kind text) PARTITION BY RANGE (occurred_at); CREATE TABLE strange_1 PARTITION OF strange DEFAULT; ALTER TABLE strange_1 OWNER TO regress_citus_nologin', '{}',
	'table "public.strange_1" belongs to another role than kindly_stats.rollup', 'a partition of others');
$nodes->ask('GRANT CREATE ON SCHEMA kindly_stats TO regress_citus_nologin; ALTER TABLE kindly_stats.rollup OWNER TO regress_citus_nologin');
refused('(bot_id bigint, occurred_at timestamptz, kind text); ALTER TABLE strange OWNER TO regress_citus_nologin', '{}',
	'role "regress_citus_nologin", which owns table "public.strange", cannot log in', 'an owner who cannot log in');
$nodes->ask('ALTER TABLE kindly_stats.rollup OWNER TO CURRENT_USER; REVOKE CREATE ON SCHEMA kindly_stats FROM regress_citus_nologin');
$nodes->ask("CREATE TABLE strange (bot_id bigint, occurred_at timestamptz, kind text); SELECT kindly_stats.attach('strange', replica => true)");
is($nodes->ask('SELECT kindly_stats.distribute()'), 'ERROR: table "public.strange" counts what is replicated', 'replicated rows');
$nodes->ask('DROP TABLE strange');

# ---- a worker that was a server of its own

$nodes->ask('SET citus.enable_ddl_propagation = off; SELECT kindly_stats.create_tables()', node => 2);
is($nodes->ask('SELECT kindly_stats.distribute()'), 'ERROR: node 127.0.0.1:' . $nodes->worker(2)->port . ' has statistics of its own', 'a worker with tables of its own');
my (undef, undef, $own) = $nodes->coordinator->psql('spread', 'SELECT kindly_stats.distribute()');
my ($remedy) = $own =~ /HINT: .*?: (.*)/;
is($nodes->ask("SET citus.enable_ddl_propagation = off; SET client_min_messages = error; $remedy", node => 2), '', 'what the hint says');

# ---- odd names, full tables, disabled triggers

both(q{
	CREATE SCHEMA "Odd schema";
	CREATE TABLE "Odd schema"."My ""events"" %s" ("the bot" bigint, "when" timestamptz, "what kind" text, id integer, "select" text, PRIMARY KEY (id, "the bot", "when"));
	SELECT kindly_stats.attach('"Odd schema"."My ""events"" %s"', '{"bot_id": "the bot", "occurred_at": "when", "kind": "what kind", "session_id": "select"}');
	INSERT INTO "Odd schema"."My ""events"" %s" SELECT i % 11, timestamptz '2025-01-01' + i * interval '7 hours', CASE i % 3 WHEN 0 THEN 'bot_reply' ELSE 'user_message' END, i, i % 13 FROM generate_series(1, 400) AS i;
	CREATE TABLE parts (bot_id bigint, occurred_at timestamptz, kind text, id integer, PRIMARY KEY (bot_id, occurred_at, id)) PARTITION BY RANGE (occurred_at);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
	CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
	SELECT kindly_stats.attach('parts');
	INSERT INTO parts SELECT i % 11, timestamptz '2025-01-10' + i * interval '2 hours', 'user_message', i FROM generate_series(1, 300) AS i;
	CREATE TABLE noted (n integer);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO noted VALUES (1); RETURN NULL; END';
	CREATE TRIGGER switched_off AFTER INSERT ON parts FOR EACH STATEMENT EXECUTE FUNCTION note();
	ALTER TABLE parts DISABLE TRIGGER switched_off;
	ALTER TABLE parts_2 ENABLE ALWAYS TRIGGER kindly_stats_truncate;
	ALTER TABLE parts_2 ENABLE ALWAYS TRIGGER kindly_stats_insert;
});
$nodes->agree('before');
is($nodes->ask('SELECT d FROM kindly_stats.distribute(4) AS d'),
	join("\n", qw(kindly_stats.rollup kindly_stats.known_bot kindly_stats.interaction kindly_stats.measure kindly_stats.counting kindly_stats.bot_name),
		'"Odd schema"."My ""events"" %s"', 'parts'), 'full tables are spread');
is($nodes->ask('SELECT kindly_stats.place()', node => $_), $_ == 0 ? 'coordinator' : 'worker', "node $_ knows what it is") for 0 .. 2;
$nodes->ask('CREATE ROLE regress_citus_reader LOGIN; GRANT USAGE ON SCHEMA kindly_stats TO regress_citus_reader; REVOKE SELECT ON pg_dist_partition FROM PUBLIC');
is($nodes->ask(q{SET ROLE regress_citus_reader; DO $$ BEGIN PERFORM kindly_stats.place(); EXCEPTION WHEN insufficient_privilege THEN END $$; RESET ROLE; SELECT kindly_stats.place()}),
	'coordinator', 'a session that could not find out asks again');
$nodes->ask('GRANT SELECT ON pg_dist_partition TO PUBLIC');
$nodes->agree('spread');
is($nodes->ask('SELECT kindly_stats.distribute()'), '', 'again: nothing is left to do');
is($nodes->ask(q{SELECT sum(pg_relation_size(c.oid)) FROM pg_class AS c WHERE c.relname IN ('rollup', 'parts_1', 'parts_2', 'My "events" %s')}), '0', 'nothing is left behind');
is($nodes->ask(q{SELECT string_agg(DISTINCT t.tgname::text, ' ') FROM pg_trigger AS t WHERE t.tgenabled = 'D' AND NOT t.tgisinternal}), 'switched_off', 'what was switched off stays so');
is($nodes->ask(q{SELECT string_agg(concat(t.tgrelid::regclass, ' ', t.tgname), ', ' ORDER BY t.tgname) FROM pg_trigger AS t WHERE t.tgenabled = 'A'}), 'parts_2 kindly_stats_insert, parts_2 kindly_stats_truncate', 'what fires always does');
is($nodes->ask(q{SELECT string_agg(DISTINCT r.result, ' ') FROM run_command_on_workers($$SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D' AND tgname !~ 'switched_off'$$) AS r}), '0', '... and nothing else, on no shard');
is($nodes->ask(q{SELECT count(*) FROM kindly_stats.health() WHERE severity = 'error'}), '0', 'health() is content');

both(q{INSERT INTO "Odd schema"."My ""events"" %s" SELECT i % 11, timestamptz '2025-02-01' + i * interval '1 hour', 'user_message', 1000 + i, i % 5 FROM generate_series(1, 300) AS i});
both(q{INSERT INTO parts SELECT i % 11, timestamptz '2025-01-10' + i * interval '2 hours', 'bot_reply', 1000 + i FROM generate_series(1, 300) AS i});
$nodes->agree('written to');

# ---- attached since

both(q{
	SELECT kindly_stats.create_event_table('later');
	INSERT INTO later (bot_id, occurred_at, kind) SELECT i % 5, timestamptz '2025-03-01' + i * interval '1 hour', 'user_message' FROM generate_series(1, 50) AS i});
$nodes->agree('a table of the coordinator');
is($nodes->ask(q{SELECT finding FROM kindly_stats.health() WHERE object = 'public.later'}), 'It lies on the coordinator alone.', 'health() tells of it');
is($nodes->ask('SELECT kindly_stats.distribute()'), 'later', 'it is spread, too');
both(q{INSERT INTO later (bot_id, occurred_at, kind) SELECT i % 5, timestamptz '2025-03-01' + i * interval '1 hour', 'bot_reply' FROM generate_series(1, 50) AS i});
$nodes->agree('a table that came later');
is($nodes->ask(q{SELECT count(*) FROM later}, node => 2), '100', 'another node reads it');

# ---- a table that is given to another role since

$nodes->ask('CREATE ROLE regress_citus_other LOGIN; ALTER TABLE parts_2 OWNER TO regress_citus_other');
is($nodes->ask("SELECT object || ': ' || remedy FROM kindly_stats.health() WHERE severity = 'error'"), 'public.parts: ALTER TABLE public.parts_2 OWNER TO ' . $nodes->ask('SELECT quote_ident(CURRENT_USER)') . ';',
	'health() tells of a partition of others');
is($nodes->ask($_), 'ERROR: table "public.parts_2" belongs to another role than kindly_stats.rollup', "$_ is refused")
  for 'SELECT kindly_stats.undistribute()', "SELECT kindly_stats.attach('parts')", "SELECT kindly_stats.detach('parts')", 'BEGIN; SELECT kindly_stats.rebuild()';
is($nodes->ask($_), '0', "$_ is not: each node reads its own part as its owner") for 'SELECT kindly_stats.rebuild()', 'SELECT count(*) FROM kindly_stats.verify()';
$nodes->ask('ALTER TABLE parts_2 OWNER TO CURRENT_USER');
is($nodes->ask('BEGIN; SELECT kindly_stats.rebuild(); COMMIT'), '0', '... and not afterwards');

# ---- operators of strangers, in the search path of other nodes

$nodes->ask(q{SET citus.enable_ddl_propagation = off; CREATE TABLE public.hijacked (n integer); CREATE FUNCTION public.hijack(oid, regproc) RETURNS boolean LANGUAGE sql AS 'INSERT INTO public.hijacked VALUES (1); SELECT true';
	CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regproc, FUNCTION = public.hijack)}, node => 1);
$nodes->ask('SET citus.enable_unsafe_triggers = on; ALTER TABLE later DISABLE TRIGGER kindly_stats_delete');
like($nodes->ask("SELECT finding FROM kindly_stats.health() WHERE severity = 'error'"), qr/triggers that count are disabled on its shards/, 'health() asks all nodes');
is($nodes->ask('SELECT count(*) FROM public.hijacked', node => 1), '0', '... and runs nothing of strangers there');
my @remedies = grep { /ALTER TABLE public.later/ } split /\n/, $nodes->ask("SELECT remedy FROM kindly_stats.health() WHERE severity = 'error'");
is(scalar(@remedies), 1, 'it has a remedy');
is($nodes->ask($remedies[0]), '0', '... which works');
is($nodes->ask("SELECT finding FROM kindly_stats.health() WHERE severity = 'error'"), '', '... and is enough');

# ---- a node that answers, but not what it is asked

$nodes->ask($_) for 'CREATE ROLE regress_citus_monitor LOGIN', 'GRANT USAGE ON SCHEMA kindly_stats TO regress_citus_monitor', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA kindly_stats TO regress_citus_monitor',
	'SELECT kindly_stats.distribute()';
$nodes->ask('REVOKE SELECT ON pg_catalog.pg_prepared_xacts FROM PUBLIC', node => 1);
is($nodes->ask(q{SET ROLE regress_citus_monitor; SELECT object || ': ' || finding FROM kindly_stats.health_nodes() WHERE severity = 'error'}),
	'node 127.0.0.1:' . $nodes->worker(1)->port . ': It does not say how it is: permission denied for view pg_prepared_xacts', 'health() has a row of it');
$nodes->ask('GRANT SELECT ON pg_catalog.pg_prepared_xacts TO PUBLIC', node => 1);

# ---- shards that move

is($nodes->ask(q{
	CREATE TABLE moves AS SELECT min(s.shardid) AS shard, s.nodename, s.nodeport FROM citus_shards AS s WHERE s.table_name = 'later'::regclass GROUP BY 2, 3 ORDER BY 3 LIMIT 1;
	SELECT citus_move_shard_placement(m.shard, m.nodename, m.nodeport, '127.0.0.1', } . $nodes->worker(2)->port . q{, 'block_writes') FROM moves AS m}), '', 'a shard moves');
both(q{INSERT INTO later (bot_id, occurred_at, kind) SELECT i % 5, timestamptz '2025-03-02' + i * interval '1 hour', 'bot_reply' FROM generate_series(1, 50) AS i});
is($nodes->ask(q{SELECT citus_move_shard_placement(m.shard, '127.0.0.1', } . $nodes->worker(2)->port . q{, m.nodename, m.nodeport, 'force_logical') FROM moves AS m}), '', '... and back, while others could write');
both(q{INSERT INTO later (bot_id, occurred_at, kind) SELECT i % 5, timestamptz '2025-03-03' + i * interval '1 hour', 'bot_reply' FROM generate_series(1, 50) AS i});
both('CALL kindly_stats.compact()');
$nodes->agree('moved');

# ---- dropping the extension

is($nodes->ask('DROP EXTENSION kindly_stats CASCADE'), 'ERROR: cannot drop extension kindly_stats while its tables are spread over several nodes', 'the extension is not dropped with them');
$nodes->agree('nothing is lost');

# ---- and back

isnt($nodes->ask('SELECT string_agg(u::text, \' \') FROM kindly_stats.undistribute() AS u'), '', 'all comes back');
is($nodes->ask('SELECT kindly_stats.place()'), 'here', 'it is one server again');
$nodes->agree('back');
both(q{INSERT INTO "Odd schema"."My ""events"" %s" SELECT i % 11, timestamptz '2025-02-01' + i * interval '1 hour', 'user_message', 2000 + i, i % 5 FROM generate_series(1, 300) AS i});
both(q{DELETE FROM parts WHERE bot_id = 3});
$nodes->agree('back and written to');
is($nodes->ask(q{SELECT string_agg(DISTINCT t.tgname::text, ' ') FROM pg_trigger AS t WHERE t.tgenabled = 'D' AND NOT t.tgisinternal}), 'switched_off', 'what was switched off is so still');
like($nodes->ask('SELECT string_agg(d::text, \' \') FROM kindly_stats.distribute(2) AS d'), qr/^kindly_stats\.rollup .* parts$/, 'spread once more');
$nodes->agree('spread once more');

# ---- without the extension, and with it again

both(q{SELECT kindly_stats.purge('later', '2025-03-02')});
isnt($nodes->ask('SELECT string_agg(u::text, \' \') FROM kindly_stats.undistribute() AS u'), '', 'all comes back once more');
# what has moved, Citus removes later, and CREATE EXTENSION finds a schema with tables of others until then
$nodes->ask('CALL citus_cleanup_orphaned_resources()');
$nodes->same($_) for 'SET client_min_messages = error; DROP EXTENSION kindly_stats CASCADE', 'SET client_min_messages = error; CREATE EXTENSION kindly_stats';
both(q{SELECT kindly_stats.attach('"Odd schema"."My ""events"" %s"', '{"bot_id": "the bot", "occurred_at": "when", "kind": "what kind", "session_id": "select"}');
	SELECT kindly_stats.attach('parts'); SELECT kindly_stats.attach('later')});
$nodes->agree('dropped, and created again');
like($nodes->ask('SELECT string_agg(d::text, \' \') FROM kindly_stats.distribute(2) AS d'), qr/^kindly_stats\.rollup .* parts$/, 'spread by the new one');
$nodes->agree('spread by the new one');

# ---- policies that hold the owner, who is no superuser

$nodes->ask($_) for 'GRANT USAGE, CREATE ON SCHEMA kindly_stats, public, "Odd schema" TO regress_citus_other', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA kindly_stats TO regress_citus_other',
  q{DO $$ DECLARE r regclass; BEGIN FOR r IN SELECT logicalrelid FROM pg_dist_partition LOOP EXECUTE format('ALTER TABLE %s OWNER TO regress_citus_other', r); END LOOP; END $$},
  'ALTER TABLE later ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY one ON later USING (bot_id = 1)';
is($nodes->ask('SET ROLE regress_citus_other; SELECT kindly_stats.undistribute()'), 'ERROR: query would be affected by row-level security policy for table "later"', 'rows that nobody sees are not left behind');
$nodes->ask('ALTER TABLE later NO FORCE ROW LEVEL SECURITY');
isnt($nodes->ask('SET ROLE regress_citus_other; SELECT count(*) FROM kindly_stats.undistribute()'), '0', 'the owner brings all back');
$nodes->agree('all are there');

$nodes->stop;
done_testing();
