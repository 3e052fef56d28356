# Logical replication, both ways: events are replicated and counted where they arrive, by tables that were attached for it, or the
# statistics are, to a node that has no events at all.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use EveryQuestion;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
my $reports = PostgreSQL::Test::Cluster->new('reports');
$reports->init(allows_streaming => 'logical');
for my $node ($publisher, $subscriber, $reports)
{
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nkindly_stats.compact_after = 8\nclient_min_messages = warning");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION kindly_stats');
}

my $columns = 'bot_id bigint NOT NULL, occurred_at timestamptz NOT NULL, kind text NOT NULL, event_id bigint NOT NULL, session_id text, '
  . 'source text, button_id text, agent text';
my $tables = qq{
CREATE TABLE event ($columns, PRIMARY KEY (bot_id, occurred_at, event_id));
CREATE TABLE whole ($columns);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE parted ($columns, PRIMARY KEY (bot_id, occurred_at, event_id)) PARTITION BY RANGE (occurred_at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE emptied ($columns, PRIMARY KEY (bot_id, occurred_at, event_id));
CREATE TABLE deaf ($columns, PRIMARY KEY (bot_id, occurred_at, event_id));
CREATE TABLE said (n integer PRIMARY KEY, bot_id text, occurred_at timestamptz, kind text);
};
my $attach = q{
SELECT kindly_stats.attach('event'), kindly_stats.attach('whole'), kindly_stats.attach('deaf'), kindly_stats.attach('said');
SELECT kindly_stats.attach('parted');
};
my $answers = q{
SELECT bot, m.name, s.* FROM generate_series(1, 3) AS bot, kindly_stats.measure AS m,
	kindly_stats.stats_total(bot, '2025-01-01', '2025-03-01', measure => m.name) AS s WHERE s.count > 0 ORDER BY 1, 2;
SELECT bot, s.* FROM generate_series(1, 3) AS bot, kindly_stats.stats_series(bot, '2025-01-01', '2025-03-01', 'Asia/Kolkata') AS s WHERE s.count > 0 ORDER BY 1, 2;
SELECT bot, kindly_stats.stats_top(bot, '2025-01-01', '2025-03-01', 'UTC', 'buttons') FROM generate_series(1, 3) AS bot ORDER BY 1, 2;
SELECT bot, kindly_stats.stats_options(bot) FROM generate_series(1, 3) AS bot ORDER BY 1;
SELECT bot, sage.sessions_chats(bot, '2025-01-01', '2025-02-01'), sage.meta_options(bot), sage.buttons_most_clicked(bot, '2025-01-01', '2025-02-01'),
	chatbot_com.conversations_interactions(bot, '2025-01-01', '2025-02-01')
  FROM generate_series(1, 3) AS bot ORDER BY 1;
};

sub wait_for_text
{
	my ($node, $pattern) = @_;
	for (1 .. 600)
	{
		return 1 if slurp_file($node->logfile) =~ $pattern;
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# Events of a table: numbers from-to of a bot, a minute after the other from an instant on.
sub events
{
	my ($table, $bot, $at, $from, $to) = @_;
	return "INSERT INTO $table SELECT $bot, timestamptz '$at' + n * interval '7 minutes 3 seconds', (ARRAY['user_message', 'bot_reply', 'button_click'])[1 + n % 3], n,"
	  . " 's' || n % 17, (ARRAY['web', 'app', NULL])[1 + n % 3], 'b' || n % 4 FROM generate_series($from, $to) AS n;\n";
}

$publisher->safe_psql('postgres', $tables . $attach
	  . events('event', 1, '2025-01-05', 1, 300) . events('whole', 2, '2025-01-05', 1, 200) . events('parted', 3, '2025-01-30', 1, 700)
	  . events('emptied', 1, '2025-01-20', 1, 50) . events('deaf', 3, '2025-01-05', 1, 10)
	  . 'CREATE PUBLICATION events FOR TABLE event, whole, parted, emptied, deaf, said; CREATE PUBLICATION statistics FOR TABLE kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.interaction;');

# ---------------------------------------------------------------- events

$subscriber->safe_psql('postgres', $tables . q{
SELECT kindly_stats.attach('event', replica => true), kindly_stats.attach('whole', '{"source": null}', true);
SELECT kindly_stats.attach('parted', replica => true);
SELECT kindly_stats.attach('emptied', replica => true), kindly_stats.attach('said', replica => true);
SELECT kindly_stats.attach('deaf');
CREATE SUBSCRIPTION events CONNECTION '} . $publisher->connstr . ' dbname=postgres' . q{' PUBLICATION events;
});
$subscriber->wait_for_subscription_sync($publisher, 'events');

my $verify = 'SELECT bot_id, measure, month, stored, recounted FROM kindly_stats.verify() ORDER BY 1, 2, 3';
my $counted = "SELECT bot, count FROM generate_series(1, 3) AS bot, kindly_stats.stats_total(bot, '2025-01-01', '2025-03-01', measure => 'events') ORDER BY 1";
$publisher->wait_for_catchup('events');
is($subscriber->safe_psql('postgres', $counted), "1|350\n2|200\n3|700", 'the initial copy is counted');

sub not_deaf
{
	my ($what) = @_;
	$publisher->wait_for_catchup('events');
	# bot 3 has ten events in table deaf, which nobody counted
	is($subscriber->safe_psql('postgres', 'SELECT bot_id, measure, recounted - stored FROM kindly_stats.verify() ORDER BY measure COLLATE "C"'),
		"3|buttons|3\n3|events|10\n3|messages|3\n3|replies|4\n3|users|3", "$what: verify() misses the events of the table that was not attached for it, and nothing else");
	return;
}
not_deaf('initial copy');

$publisher->safe_psql('postgres', events('event', 1, '2025-01-05', 301, 350) . events('event', 2, '2025-02-05', 1, 5) . events('whole', 2, '2025-01-05', 201, 205)
	  . events('parted', 3, '2025-01-30', 701, 720));
not_deaf('inserts');
is($subscriber->safe_psql('postgres', $counted), "1|400\n2|210\n3|720", 'inserts are counted');

$publisher->safe_psql('postgres', q{
UPDATE event SET kind = 'button_click' WHERE event_id % 5 = 0;
UPDATE event SET occurred_at = occurred_at + interval '10 days', bot_id = 2 WHERE event_id = 17;
UPDATE whole SET session_id = 'other' WHERE event_id < 20;
UPDATE whole SET agent = 'nobody counts that';
-- from one partition to the other
UPDATE parted SET occurred_at = occurred_at + interval '10 days' WHERE occurred_at >= '2025-01-31' AND occurred_at < '2025-02-01' AND event_id % 2 = 0;
UPDATE parted SET source = 'mail' WHERE event_id % 7 = 0;
});
not_deaf('updates');
# bots whose ids are texts are noted by whoever applies their rows
my $texts = q{SELECT b.id, b.number, (SELECT count FROM kindly_stats.stats_total(b.id, '2025-01-01', '2025-03-01')) FROM kindly_stats.bot AS b WHERE b.number < -4611686018427387904 ORDER BY b.id COLLATE "C"};
$publisher->safe_psql('postgres', q{
INSERT INTO said SELECT n, (ARRAY['acme-support', 'Ünïcode', 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6'])[1 + n % 3], '2025-02-01', 'user_message' FROM generate_series(1, 10) AS n;
UPDATE said SET bot_id = 'moved' WHERE n = 10;
});
not_deaf('texts');
like($publisher->safe_psql('postgres', $texts), qr/^acme-support\|-\d+\|3\nf81d4fae-7dec-11d0-a765-00a0c91e6bf6\|-\d+\|3\nmoved\|-\d+\|1\nÜnïcode\|-\d+\|3$/, 'bots whose ids are texts');
is($subscriber->safe_psql('postgres', $texts), $publisher->safe_psql('postgres', $texts), 'and they are the same where they are applied');
$publisher->safe_psql('postgres', q{
DELETE FROM event WHERE event_id BETWEEN 100 AND 150;
DELETE FROM whole WHERE event_id IN (1, 2, 100);
DELETE FROM parted WHERE event_id % 11 = 0;
BEGIN;
DELETE FROM event;
ROLLBACK;
BEGIN;
SAVEPOINT s;
DELETE FROM event;
ROLLBACK TO s;
DELETE FROM event WHERE event_id = 1;
COMMIT;
});
not_deaf('deletes');

# Truncating an attached table is refused; table emptied is not attached here.
$publisher->safe_psql('postgres', 'TRUNCATE emptied');
not_deaf('truncate');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM emptied'), '0', 'TRUNCATE was applied');
$publisher->safe_psql('postgres', events('emptied', 1, '2025-01-20', 60, 70));
not_deaf('after truncate');

# a partition that comes later: triggers for rows come with it
$_->safe_psql('postgres', "CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM ('2025-03-01') TO ('2025-04-01'); SELECT kindly_stats.attach('parted')")
  for $publisher, $subscriber;
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION events REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($publisher, 'events');
$publisher->safe_psql('postgres', events('parted', 3, '2025-03-10', 1, 30) . 'DELETE FROM parted_3 WHERE event_id > 25');
not_deaf('a new partition');

# one that leaves goes on by itself
$subscriber->safe_psql('postgres', 'ALTER TABLE parted DETACH PARTITION parted_3');
is($subscriber->safe_psql('postgres', "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'parted_3'::regclass AND tgname LIKE '%replica%' ORDER BY 1"),
	"kindly_stats_replica|R\nkindly_stats_replica_truncate|R", 'a partition that leaves keeps counting');
$subscriber->safe_psql('postgres', "SELECT kindly_stats.detach('parted_3'); ALTER TABLE parted ATTACH PARTITION parted_3 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01')");
not_deaf('a partition left and came back');

# what is written on the subscriber itself is counted once
$subscriber->safe_psql('postgres', events('event', 1, '2025-01-05', 1000, 1010) . "UPDATE event SET source = 'here' WHERE event_id >= 1000");
not_deaf('written on the subscriber');
$subscriber->safe_psql('postgres', 'DELETE FROM event WHERE event_id >= 1000');
not_deaf('deleted on the subscriber');
# a session with the role of a replica, too
$subscriber->safe_psql('postgres', 'SET session_replication_role = replica;' . events('event', 1, '2025-01-05', 1000, 1010)
	  . "UPDATE event SET source = 'here' WHERE event_id >= 1000;" . "UPDATE parted SET occurred_at = '2025-01-31 12:00' WHERE event_id = 605; UPDATE parted SET occurred_at = '2025-02-20' WHERE event_id = 6 AND occurred_at < '2025-03-01';");
not_deaf('session_replication_role = replica');
$subscriber->safe_psql('postgres', 'SET session_replication_role = replica; DELETE FROM event WHERE event_id >= 1000');

# conversations: a bot is asked for in the tables that have had rows of it, replicated ones, too
my $talk = 'CREATE TABLE talk (bot_id bigint, conversation_id text, conversation_start_time timestamptz, conversation_end_time timestamptz, bot_messages_count integer)';
my $found = q{SELECT bot, count(*) FROM (VALUES (1), (2), (3)) AS b (bot), ultimate.first_last_intent(bot, '2025-01-01', '2025-02-01', attribution => 'start') GROUP BY 1 ORDER BY 1};
$publisher->safe_psql('postgres', "$talk; SELECT kindly_stats.attach_conversations('talk'); INSERT INTO talk VALUES (1, 'a', '2025-01-05', NULL, 1); ALTER PUBLICATION events ADD TABLE talk");
$subscriber->safe_psql('postgres', "$talk; SELECT kindly_stats.attach_conversations('talk', replica => true)");
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION events REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($publisher, 'events');
$publisher->safe_psql('postgres', q{INSERT INTO talk SELECT bot, 'b' || n, '2025-01-06', NULL, 1 FROM generate_series(1, 2) AS bot, generate_series(1, 10) AS n});
$publisher->wait_for_catchup('events');
is($subscriber->safe_psql('postgres', $found), "1|11\n2|10", 'replicated conversations are found by their bots');

# attached once more for it: what was missed before is rebuild()'s
$subscriber->safe_psql('postgres', q{SELECT kindly_stats.attach('deaf', replica => true); SELECT kindly_stats.rebuild()});
$publisher->safe_psql('postgres', events('deaf', 3, '2025-01-05', 11, 15));
$publisher->wait_for_catchup('events');
is($subscriber->safe_psql('postgres', $verify), '', 'a table that is attached for it later, and rebuilt');

# rows of a table with another mapping, measures that come later
$subscriber->safe_psql('postgres', q{SELECT kindly_stats.add_measure('agents', keys => '{agent}')});
$publisher->safe_psql('postgres', q{UPDATE event SET agent = 'a' || event_id % 3 WHERE event_id < 40});
$publisher->wait_for_catchup('events');
is($subscriber->safe_psql('postgres', $verify), '', 'a measure that came later');
is($subscriber->safe_psql('postgres', q{SELECT count > 0 FROM kindly_stats.stats_total(1, '2025-01-01', '2025-03-01', measure => 'agents')}), 't', 'is counted');
$subscriber->safe_psql('postgres', q{DELETE FROM kindly_stats.measure WHERE name = 'agents'; SELECT kindly_stats.rebuild()});

# the same answers on both: the table that only the subscriber counts has events in none of the others' months
$_->safe_psql('postgres', 'DELETE FROM emptied; UPDATE whole SET source = NULL; DELETE FROM parted WHERE event_id IN (6, 605)') for $subscriber, $publisher;
$publisher->wait_for_catchup('events');
$publisher->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
$subscriber->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
is($subscriber->safe_psql('postgres', $answers), $publisher->safe_psql('postgres', $answers), 'publisher and subscriber answer the same');

# detached
$subscriber->safe_psql('postgres', q{SELECT kindly_stats.detach('parted'); SELECT kindly_stats.detach('event')});
is($subscriber->safe_psql('postgres', q{SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'kindly%' AND tgrelid::regclass::text ~ '^(parted|event)'}), '', 'detach() leaves no trigger');
$publisher->safe_psql('postgres', events('event', 1, '2025-01-05', 3000, 3010) . events('parted', 3, '2025-01-10', 3000, 3010));
$publisher->wait_for_catchup('events');
is($subscriber->safe_psql('postgres', $verify), '', 'and nothing is counted from there on');

# ---------------------------------------------------------------- statistics

$reports->safe_psql('postgres', q{
SELECT kindly_stats.create_tables();
-- the measures come with the rest
TRUNCATE kindly_stats.measure;
CREATE SUBSCRIPTION statistics CONNECTION '} . $publisher->connstr . ' dbname=postgres' . q{' PUBLICATION statistics;
});
$reports->wait_for_subscription_sync($publisher, 'statistics');
sub same_reports
{
	my ($what) = @_;
	$publisher->wait_for_catchup('statistics');
	is($reports->safe_psql('postgres', $answers . $texts), $publisher->safe_psql('postgres', $answers . $texts), "$what: the node of reports answers the same");
	return;
}
same_reports('initial copy');
$publisher->safe_psql('postgres', events('event', 2, '2025-01-01', 5000, 5100) . q{CALL kindly_stats.compact(); INSERT INTO kindly_stats.bot_name VALUES (1, 'one'), ('acme-support', 'Acme'); INSERT INTO said VALUES (11, 'new', '2025-02-01', 'user_message');
INSERT INTO kindly_stats.interaction (bot_id, interaction_type, interaction_name) VALUES (1, 'welcome', 'never reached');
SELECT kindly_stats.purge('whole', '2025-01-06')});
same_reports('inserts, compaction and a purge');
$publisher->safe_psql('postgres', q{
DELETE FROM event AS e USING (SELECT bot_id, min(occurred_at) AS first FROM event GROUP BY 1) AS x WHERE e.bot_id = x.bot_id AND e.occurred_at = x.first;
});
same_reports('the first event deleted');
my $first = q{SELECT extract(epoch FROM first)::bigint % 900 FROM kindly_stats.stats_options(1)};
is($publisher->safe_psql('postgres', $first), '0', 'which leaves the edge of a quarter hour');
is($reports->safe_psql('postgres', $first), '0', 'there as here');
$publisher->safe_psql('postgres', 'SELECT kindly_stats.rebuild()');
isnt($publisher->safe_psql('postgres', $first), '0', 'until rebuild()');
same_reports('rebuilt');
$publisher->safe_psql('postgres', q{SELECT kindly_stats.add_measure('agents', keys => '{agent}'); UPDATE event SET agent = 'a' WHERE event_id % 2 = 0});
same_reports('a new measure');
is($reports->safe_psql('postgres', q{SELECT count > 0 FROM kindly_stats.stats_total(1, '2025-01-01', '2025-03-01', measure => 'agents')}), 't', 'which is counted there, too');


# every question, but those that are answered from conversation tables, which are not there
$publisher->safe_psql('postgres', q{INSERT INTO kindly_stats.bot_name VALUES ('2', 'two')});
$publisher->wait_for_catchup('statistics');
my $every = "SET timezone = 'UTC';" . EveryQuestion::every(2, 'two', '2025-01-01', '2025-02-01') =~ s/AND a\.n <= p\.pronargs/AND p.proname !~ 'intent' $&/r;
my $expected = $publisher->safe_psql('postgres', $every);
cmp_ok(($expected =~ tr/\n//), '>', 500, 'every question: there are answers');
ok($reports->safe_psql('postgres', $every) eq $expected, 'and they are the same');

# rows that are merged here would not be found when they are merged there
my ($out, $err);
for my $statement ('CALL kindly_stats.compact()', 'SELECT kindly_stats.rebuild()', q{SELECT kindly_stats.create_event_table('own')}, q{SELECT kindly_stats.add_measure('own')})
{
	$reports->psql('postgres', "\\set VERBOSITY verbose\n$statement", stderr => \$err);
	like($err, qr/55000: statistics of another server are replicated to this one/, "$statement is refused");
}
$publisher->safe_psql('postgres', events('event', 2, '2025-01-03', 6000, 6000));
$publisher->safe_psql('postgres', 'CALL kindly_stats.compact()');
same_reports('after all of that');

# ---------------------------------------------------------------- roles

# who is held by policies copies what he sees, and nobody would notice: row_security = off makes that an error, BYPASSRLS makes it right
$publisher->safe_psql('postgres', q{SELECT kindly_stats.enable_row_security();
CREATE ROLE regress_copier LOGIN REPLICATION;
GRANT USAGE ON SCHEMA kindly_stats TO regress_copier;
GRANT SELECT ON kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.interaction TO regress_copier});
same_reports('row-level security there changes nothing here');
$reports->safe_psql('postgres', q{CREATE DATABASE regression_second});
$reports->safe_psql('regression_second', q{CREATE EXTENSION kindly_stats; SELECT kindly_stats.create_tables(); TRUNCATE kindly_stats.measure;
CREATE SUBSCRIPTION second CONNECTION '} . $publisher->connstr . q{ dbname=postgres user=regress_copier options=-crow_security=off' PUBLICATION statistics});
ok(wait_for_text($reports, qr/query would be affected by row-level security policy/), 'a role that policies hold cannot copy');
$publisher->safe_psql('postgres', 'ALTER ROLE regress_copier BYPASSRLS');
$reports->wait_for_subscription_sync($publisher, 'second', 'regression_second');
is($reports->safe_psql('regression_second', $answers), $publisher->safe_psql('postgres', $answers), 'one that they do not hold copies all');
# grants are each node's own
$reports->safe_psql('regression_second', q{SELECT kindly_stats.enable_row_security(); CREATE ROLE regress_reader LOGIN; SELECT kindly_stats.grant_bot('regress_reader', 1)});
$publisher->safe_psql('postgres', events('event', 1, '2025-01-05', 7000, 7000));
$publisher->wait_for_catchup('second');
is($reports->safe_psql('regression_second', q{SET ROLE regress_reader; SELECT bot, count > 0 FROM generate_series(1, 2) AS bot, kindly_stats.stats_total(bot, '2025-01-01', '2025-03-01', measure => 'events') ORDER BY 1}),
	"1|t\n2|f", 'grants on the node of reports');
$reports->safe_psql('regression_second', 'DROP SUBSCRIPTION second');

# ---------------------------------------------------------------- both at once

# whoever attached a table before is told
$reports->safe_psql('regression_second', q{SELECT kindly_stats.create_event_table('own'); TRUNCATE kindly_stats.rollup, kindly_stats.measure, kindly_stats.known_bot, kindly_stats.bot_name, kindly_stats.interaction;
CREATE SUBSCRIPTION second CONNECTION '} . $publisher->connstr . q{ dbname=postgres' PUBLICATION statistics});
$reports->wait_for_subscription_sync($publisher, 'second', 'regression_second');
is($reports->safe_psql('regression_second', q{SELECT severity, object, finding, remedy FROM kindly_stats.health() WHERE finding ~ 'subscription'}),
	'error|public.own|It is attached, and subscription second replicates statistics of another server to kindly_stats.rollup: both write there.|DROP SUBSCRIPTION second; SELECT kindly_stats.rebuild();', 'health()');
$reports->safe_psql('regression_second', 'DROP SUBSCRIPTION second');
$reports->safe_psql('regression_second', 'SELECT kindly_stats.update_measures(); SELECT kindly_stats.rebuild(); INSERT INTO own (bot_id, occurred_at, kind) VALUES (1, now(), \'user_message\')');
is($reports->safe_psql('regression_second', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'and its remedy');

$_->stop for $reports, $subscriber, $publisher;
done_testing();
