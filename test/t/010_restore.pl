# A database that is dumped and restored into a new cluster gives the same
# answers, holds what verify() counts, and goes on counting: with every way of
# dumping, grants, policies, renamed columns, purged and partitioned tables.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Everything that is asked, as one hash a subject.
my $answers = q{
SET timezone = 'UTC';
SET jit = off;
CREATE TEMP VIEW bot AS SELECT DISTINCT bot_id FROM kindly_stats.rollup;
SELECT 'series ' || m.name || ' ' || count(*) || ' ' || coalesce(sum(s.count), 0) || ' ' || md5(string_agg(b.bot_id || s::text, '|' ORDER BY b.bot_id, s.bucket))
  FROM bot AS b, kindly_stats.measure AS m, kindly_stats.stats_series(b.bot_id, '2024-12-01', '2026-02-01', 'Europe/Oslo', measure => m.name) AS s
 GROUP BY m.name ORDER BY m.name;
SELECT 'filtered ' || md5(string_agg(b.bot_id || g || s::text, '|' ORDER BY b.bot_id, g, s.bucket))
  FROM bot AS b, unnest(ARRAY['hour', 'week', 'month']) AS g,
       kindly_stats.stats_series(b.bot_id, '2025-03-01', '2025-06-01', 'America/New_York', g, sources => '{web,app}', language_codes => '{-en}') AS s;
SELECT 'top ' || md5(string_agg(b.bot_id || m.name || s::text, '|' ORDER BY b.bot_id, m.name, s::text COLLATE "C"))
  FROM bot AS b, kindly_stats.measure AS m, kindly_stats.stats_top(b.bot_id, '2024-12-01', '2026-02-01', 'UTC', m.name, 1000) AS s WHERE m.keys <> '{}';
SELECT 'heatmap ' || md5(string_agg(b.bot_id || s::text, '|' ORDER BY b.bot_id, day, hour))
  FROM bot AS b, kindly_stats.stats_heatmap(b.bot_id, '2024-12-01', '2026-02-01', 'Asia/Tokyo') AS s;
SELECT 'options ' || md5(string_agg(b.bot_id || s::text, '|' ORDER BY b.bot_id)) FROM bot AS b, kindly_stats.stats_options(b.bot_id) AS s;
SELECT 'sage ' || md5(string_agg(concat_ws('|', b.bot_id, sage.meta_options(b.bot_id),
		sage.sessions_chats(b.bot_id, '2025-01-01', '2025-12-31'), sage.sessions_messages(b.bot_id, '2025-01-01', '2025-12-31', granularity => 'week'),
		sage.fallbacks_series(b.bot_id, '2025-01-01', '2025-12-31'), sage.fallbacks_total(b.bot_id, '2025-01-01', '2025-12-31'),
		sage.takeovers_series(b.bot_id, '2025-01-01', '2025-12-31'), sage.takeovers_totals(b.bot_id, '2025-01-01', '2025-12-31'),
		sage.feedback_summary(b.bot_id, '2025-01-01', '2025-12-31'), sage.chatbubble_pages(b.bot_id, '2025-01-01', '2025-12-31'),
		sage.buttons_most_clicked(b.bot_id, '2025-01-01', '2025-12-31'), sage.chatlabels_added(b.bot_id, '2025-01-01', '2025-12-31')), '|' ORDER BY b.bot_id))
  FROM bot AS b;
-- and what is around them
SELECT 'trigger ' || tgrelid::regclass || ' ' || md5(string_agg(pg_get_triggerdef(oid), '|' ORDER BY tgname)) FROM pg_trigger
 WHERE NOT tgisinternal GROUP BY tgrelid ORDER BY tgrelid::regclass::text COLLATE "C";
SELECT 'grants ' || c.oid::regclass || ' ' || string_agg(concat_ws(' ', coalesce(r.rolname, 'public'), a.privilege_type), ', ' ORDER BY r.rolname, a.privilege_type)
  FROM pg_class AS c, aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee
 WHERE c.relnamespace::regnamespace IN ('kindly_stats', 'public') GROUP BY c.oid ORDER BY c.oid::regclass::text COLLATE "C";
SELECT 'policy ' || polrelid::regclass || ' ' || polname || ' ' || pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY 1;
SELECT 'kept ' || bot_id || ' ' || sum(kindly_stats.total(tally)) FROM kindly_stats.rollup WHERE kept GROUP BY bot_id ORDER BY bot_id;
SELECT 'event table ' || event_table || ' ' || columns FROM kindly_stats.event_table ORDER BY 1;
SELECT 'bot ' || id || ' ' || number || ' ' || coalesce(name, 'without a name') FROM kindly_stats.bot ORDER BY id COLLATE "C";
SELECT 'messages of ' || id || ' ' || (SELECT count FROM kindly_stats.stats_total(id, '2024-12-01', '2027-02-01', 'UTC', measure => 'events')) FROM kindly_stats.bot WHERE number < -4611686018427387904 ORDER BY id COLLATE "C";
SELECT 'bots of ' || conversation_table || ' ' || string_agg(DISTINCT bot_id::text, ' ') FROM kindly_stats.conversation_bot GROUP BY conversation_table ORDER BY 1;
SELECT 'talks ' || b || ' ' || count(f) FROM unnest(ARRAY[1, 2, 3]) AS b, ultimate.first_last_intent(b, '2025-01-01', '2026-01-01') AS f GROUP BY b ORDER BY b;
SELECT 'interaction ' || concat_ws(' ', bot_id, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id) FROM kindly_stats.interaction ORDER BY 1;
};

sub answers
{
	my ($node, $db) = @_;
	return $node->safe_psql($db, $answers);
}

my @roles = ('ks_restore_app', 'ks_restore_reader');
my $old = PostgreSQL::Test::Cluster->new('old');
my $new = PostgreSQL::Test::Cluster->new('new');
for my $node ($old, $new)
{
	$node->init;
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nkindly_stats.compact_after = 20\nclient_min_messages = warning");
	$node->start;
	$node->safe_psql('postgres', "CREATE ROLE $_") for @roles;
}

$old->safe_psql('postgres', q{CREATE DATABASE "stats"});
$old->safe_psql('stats', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
CREATE SCHEMA "Other app";
CREATE TABLE "Other app"."Event" (dropped text, bot integer, "created at" timestamptz, what text, conversation uuid, topic text, seconds integer)
	PARTITION BY RANGE ("created at");
ALTER TABLE "Other app"."Event" DROP COLUMN dropped;
CREATE TABLE "Other app".first PARTITION OF "Other app"."Event" FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE "Other app".second PARTITION OF "Other app"."Event" DEFAULT;
INSERT INTO "Other app"."Event"
SELECT 100 + n % 2, timestamptz '2025-05-01' + n * interval '311 minutes', CASE n % 3 WHEN 0 THEN 'bot_reply' ELSE 'user_message' END,
	   md5((n / 7)::text)::uuid, 'topic ' || n % 5, n % 100
  FROM generate_series(1, 1000) AS n;
SELECT kindly_stats.attach('"Other app"."Event"', '{"bot_id": "bot", "occurred_at": "created at", "kind": "what", "session_id": "conversation"}');
CREATE TABLE said (bot text, at timestamptz, kind text);
CREATE TABLE said_by_uuid (bot uuid, at timestamptz, kind text);
INSERT INTO said VALUES ('acme-support', '2025-02-01', 'user_message');
SELECT kindly_stats.attach(t, '{"bot_id": "bot", "occurred_at": "at"}') FROM unnest('{said,said_by_uuid}'::regclass[]) AS t;
INSERT INTO said VALUES ('Ünïcode', '2025-02-02', 'user_message'), ('acme-support', '2025-02-03', 'user_message'), ('F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', '2025-02-03', 'user_message');
INSERT INTO said_by_uuid VALUES ('f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '2025-02-04', 'user_message');
INSERT INTO kindly_stats.bot_name VALUES ('acme-support', 'Support'), (1, 'First');
SELECT kindly_stats.create_conversation_table('talk');
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time) SELECT 1 + n % 2, 't' || n, '2025-05-01', '2025-05-02' FROM generate_series(1, 9) AS n;
ALTER TABLE talk RENAME TO "Talk";
SELECT kindly_stats.add_measure('subjects', keys => '{topic}', member => 'session_id');
SELECT kindly_stats.add_measure('seconds', weight => 'seconds');
});
command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', 'table=chat_event', '-v', 'bots=2', '-v', 'sessions=400',
		'-d', $old->connstr('stats'), '-f', 'test/generate.sql' ], 'events are made up');
$old->safe_psql('stats', q{
INSERT INTO "Other app"."Event" SELECT 100, timestamptz '2025-05-01' + n * interval '3 days', 'user_message', gen_random_uuid(), 'late', 3 FROM generate_series(1, 100) AS n;
DELETE FROM chat_event WHERE occurred_at IN (SELECT min(occurred_at) FROM chat_event GROUP BY bot_id UNION ALL SELECT max(occurred_at) FROM chat_event GROUP BY bot_id);
UPDATE chat_event SET source = 'mail' WHERE session_id LIKE 'a%';
INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name) VALUES (1, 'welcome', 'never reached');
SELECT kindly_stats.purge('chat_event', '2025-03-15');
CALL kindly_stats.compact(1);
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) SELECT bot, timestamptz '2025-12-31 12:00+00' + n * interval '1 minute', 'user_message', 'm' || n
  FROM generate_series(1, 2) AS bot, generate_series(1, 9) AS n;
ALTER TABLE chat_event RENAME COLUMN web_path TO path;
SELECT kindly_stats.attach('chat_event', '{"web_path": "path"}');
ALTER TABLE chat_event RENAME TO "Chat event";
GRANT SELECT, INSERT, UPDATE, DELETE ON "Chat event" TO ks_restore_app;
GRANT USAGE ON SCHEMA kindly_stats, sage TO ks_restore_reader, ks_restore_app;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure TO ks_restore_reader;
GRANT EXECUTE ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) TO ks_restore_app;
GRANT CREATE ON SCHEMA kindly_stats TO ks_restore_app;
ALTER TABLE kindly_stats.rollup OWNER TO ks_restore_app;
ALTER TABLE kindly_stats.rollup ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON kindly_stats.rollup FOR SELECT TO ks_restore_reader USING (bot_id = 1);
});
my $expected = answers($old, 'stats');
like($expected, qr/^series messages \d{3,} \d{4,} /m, 'there is something to compare');
like($expected, qr/^bots of "Talk" 1 2\ntalks 1 4\ntalks 2 5$/m, 'with conversations');
like($expected, qr/^bot acme-support -\d+ Support\n(?:bot .*\n)*messages of acme-support 2\nmessages of f81d4fae-7dec-11d0-a765-00a0c91e6bf6 2$/mi, 'with bots whose ids are texts');
like($expected, qr/^policy kindly_stats.rollup own/m, 'with a policy');
is($old->safe_psql('stats', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'and verify() is content with it');

# What every restored database must do.
sub check_restored
{
	my ($db, $how) = @_;

	is($new->safe_psql($db, 'SELECT * FROM kindly_stats.verify()'), '', "$how: verify() finds nothing");
	is(answers($new, $db), $expected, "$how: the same answers");
	# triggers are there, and work with the rights of the one who owned the rollup
	is( $new->safe_psql($db, q{
SET ROLE ks_restore_app;
INSERT INTO "Chat event" (bot_id, occurred_at, kind, session_id) VALUES (1, '2026-01-05', 'user_message', 'new'), (7, '2026-01-05', 'user_message', 'new');
INSERT INTO "Chat event" (bot_id, occurred_at, kind, session_id) SELECT 7, '2026-01-05', 'user_message', 's' || n FROM generate_series(1, 50) AS n;
UPDATE "Chat event" SET session_id = 's2' WHERE bot_id = 7 AND session_id = 's1';
DELETE FROM "Chat event" WHERE bot_id = 7 AND session_id = 's3';
CALL kindly_stats.compact();
RESET ROLE;
INSERT INTO "Other app".second VALUES (7, '2026-01-06', 'user_message', gen_random_uuid(), 'new', 3);
SELECT count || ' ' || distinct_count FROM kindly_stats.stats_total(7, '2026-01-01', '2026-02-01');
SELECT count(*) FROM kindly_stats.verify();
SET ROLE ks_restore_reader;
SELECT count FROM kindly_stats.stats_total(1, '2026-01-01', '2026-02-01');
SELECT count FROM kindly_stats.stats_total(7, '2026-01-01', '2026-02-01');
}), "51 50\n0\n1\n0", "$how: further events count");
	# texts are the same bots, new ones are noted, and names are theirs
	is( $new->safe_psql($db, q{
INSERT INTO said VALUES ('acme-support', '2026-01-05', 'user_message'), ('new', '2026-01-05', 'user_message');
SELECT b.id, coalesce(b.name, 'none'), (SELECT count FROM kindly_stats.stats_total(b.id, '2025-01-01', '2026-02-01')) FROM kindly_stats.bot AS b WHERE b.id IN ('acme-support', 'new') ORDER BY b.id;
DELETE FROM said WHERE at = '2026-01-05';
SELECT count(*) FROM kindly_stats.verify();
}), "acme-support|Support|3\nnew|none|1\n0", "$how: bots whose ids are texts");
	# measures still reach the triggers
	like( $new->safe_psql($db, q{
SELECT kindly_stats.add_measure('visits', kinds => '{visit}', member => 'session_id');
INSERT INTO "Chat event" (bot_id, occurred_at, kind, session_id) VALUES (7, '2026-01-05', 'visit', 'new');
SELECT count FROM kindly_stats.stats_total(7, '2026-01-01', '2026-02-01', measure => 'visits');
SELECT kindly_stats.rebuild();
SELECT count(*) FROM kindly_stats.verify();
}), qr/^\n1\n\d+\n0$/, "$how: measures can be added");
	return;
}

sub new_database
{
	my ($db) = @_;
	$new->safe_psql('postgres', qq{CREATE DATABASE "$db" TEMPLATE template0});
	return $new->connstr($db);
}

sub run_quietly
{
	my ($what, @command) = @_;
	my ($out, $err) = run_command(\@command);
	is($err, '', $what);
	return;
}

my $dir = $old->basedir;
my $from = $old->connstr('stats');

run_quietly('dump, custom format', 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $from);
run_quietly('restore it', 'pg_restore', '--exit-on-error', '-d', new_database('custom'), "$dir/custom");
check_restored('custom', 'custom format');

run_quietly('dump, plain SQL', 'pg_dump', '-f', "$dir/plain.sql", '-d', $from);
my $plain = new_database('plain');
command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $plain, '-f', "$dir/plain.sql" ], 'restore it in one transaction');
check_restored('plain', 'plain SQL');

run_quietly('dump, directory format, parallel', 'pg_dump', '-Fd', '-j', '2', '-f', "$dir/directory", '-d', $from);
run_quietly('restore it in parallel', 'pg_restore', '--exit-on-error', '-j', '2', '-d', new_database('directory'), "$dir/directory");
check_restored('directory', 'in parallel');

my $parts = new_database('parts');
run_quietly('restore the schema', 'pg_restore', '--exit-on-error', '--schema-only', '-d', $parts, "$dir/custom");
run_quietly('then the data', 'pg_restore', '--exit-on-error', '--data-only', '--disable-triggers', '-d', $parts, "$dir/custom");
check_restored('parts', 'schema first');

# over what is there
run_quietly('restore over what is there', 'pg_restore', '--exit-on-error', '--clean', '--if-exists', '-d', $parts, "$dir/custom");
check_restored('parts', 'over what was there');

# Without --disable-triggers the data's events are counted beside their statistics: verify() says so, and rebuild() mends it.
my $twice = new_database('twice');
run_quietly('restore the schema', 'pg_restore', '--exit-on-error', '--schema-only', '-d', $twice, "$dir/custom");
run_quietly('then the data, with triggers', 'pg_restore', '--exit-on-error', '--data-only', '-d', $twice, "$dir/custom");
isnt($new->safe_psql('twice', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'with triggers: verify() sees events counted twice');
$new->safe_psql('twice', 'SELECT kindly_stats.rebuild()');
# which knows first and last event exactly again, after their outermost ones were deleted
$old->safe_psql('stats', 'SELECT kindly_stats.rebuild()');
$expected = answers($old, 'stats');
check_restored('twice', 'with triggers, rebuilt');

$old->stop;
$new->stop;
done_testing();
