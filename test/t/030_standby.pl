# A hot standby answers every question as its primary does, hears in open sessions of what changes there, refuses what writes, and
# counts once it is promoted.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use EveryQuestion;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nkindly_stats.compact_after = 2");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $answers = q{
SELECT * FROM kindly_stats.stats_series(1, '2025-01-01', '2025-02-01');
SELECT * FROM kindly_stats.stats_options(1);
SELECT sage.sessions_chats(1, '2025-01-01', '2025-02-01'), sage.meta_options(1);
SELECT count(*) FROM kindly_stats.verify();
};
sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
	return;
}

$primary->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
INSERT INTO event (bot_id, occurred_at, kind, session_id, source) SELECT 1, timestamptz '2025-01-01' + n * interval '3 hours', 'user_message', 's' || n % 9, 'web' FROM generate_series(1, 100) AS n;
DELETE FROM event WHERE occurred_at = (SELECT min(occurred_at) FROM event);
});
catch_up();
is($standby->safe_psql('postgres', $answers), $primary->safe_psql('postgres', $answers), 'the same answers');

$primary->safe_psql('postgres', q{
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-20', 'user_message', 'new');
CALL kindly_stats.compact();
});
catch_up();
is($standby->safe_psql('postgres', $answers), $primary->safe_psql('postgres', $answers), 'and after compaction');
$primary->safe_psql('postgres', q{
SET kindly_stats.compact_after = 0;
INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-20', 'user_message', 'new');
});
catch_up();
my ($out, $err);
is($standby->psql('postgres', 'CALL kindly_stats.compact()', stderr => \$err), 3, 'nothing is compacted on a standby') or diag($err);
like($err, qr/read-only|recovery/, 'which is said');

# ---------------------------------------------------------------- every question

my $every = "SET timezone = 'UTC';" . EveryQuestion::every(1, 'shop', '2025-01-01', '2025-02-01')
  . q{SELECT b.id, o.* FROM kindly_stats.bot AS b, kindly_stats.stats_options(b.id) AS o ORDER BY 1;};

sub same_answers
{
	my ($what) = @_;
	catch_up();
	my $expected = $primary->safe_psql('postgres', $every);
	cmp_ok(($expected =~ tr/\n//), '>', 1000, "$what: there are answers");
	ok($standby->safe_psql('postgres', $every) eq $expected, "$what: every question is answered the same");
	return;
}
$primary->safe_psql('postgres', q{
SELECT kindly_stats.create_conversation_table('talk');
INSERT INTO kindly_stats.bot_name VALUES ('1', 'shop');
INSERT INTO event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path, button_id, button_type, label_text, rating_type, rating, topic, sentiment)
SELECT 1 + n % 2, timestamptz '2025-01-02 03:04:05' + n * interval '37 minutes',
	(ARRAY['user_message', 'bot_reply', 'button_click', 'label_added', 'feedback', 'handover_request', 'handover_started'])[1 + n % 7], 's' || n / 9, 'u' || n % 23,
	(ARRAY['web', 'app'])[1 + n % 2], (ARRAY['en', 'nb'])[1 + n % 3], n % 5 = 0, 'h', '/' || n % 4, 'b' || n % 6, 'link', 'l' || n % 3, 'binary', 1 + n % 2, 't' || n % 3, (ARRAY['positive', 'negative'])[1 + n % 2]
  FROM generate_series(1, 1500) AS n;
INSERT INTO talk (bot_id, conversation_id, conversation_start_time, conversation_end_time)
SELECT 1, 'c' || n, timestamptz '2025-01-02' + n * interval '5 hours', timestamptz '2025-01-02 01:00' + n * interval '5 hours' FROM generate_series(1, 80) AS n;
});
same_answers('written');
$primary->safe_psql('postgres', q{CALL kindly_stats.compact(); SELECT kindly_stats.purge('event', '2025-01-10'); DELETE FROM event WHERE event_id IN (SELECT event_id FROM event LIMIT 30)});
same_answers('compacted, purged, deleted');

# ---------------------------------------------------------------- what writes is refused

$primary->safe_psql('postgres', q{SELECT ultimate.export(1, '2025-01-05'); SELECT kindly_stats.enable_row_security(); CREATE ROLE regress_reader LOGIN; SELECT kindly_stats.grant_bot('regress_reader', 1)});
catch_up();
my $closed = q{SELECT ultimate.export(1, '2025-01-05')};
is($standby->safe_psql('postgres', $closed), $primary->safe_psql('postgres', $closed), 'a day that was exported before is exported again');
for my $statement (q{SELECT ultimate.export(1, '2025-01-06')}, q{SELECT kindly_stats.close_day(1, '2025-01-06')}, q{SELECT kindly_stats.verify_all()}, q{SELECT kindly_stats.rebuild()},
	q{SELECT kindly_stats.grant_bot('regress_reader', 2)}, q{SELECT kindly_stats.purge('event', '2025-01-11')}, q{SELECT kindly_stats.create_api_key(1)})
{
	$standby->psql('postgres', "\\set VERBOSITY verbose\n$statement", stderr => \$err);
	like($err, qr/25006/, "$statement: 25006");
}
is($standby->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.health()'), $primary->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.health()'), 'health() works');

# ---------------------------------------------------------------- open sessions

# A statement on the primary, from within a session on the standby, which then waits until it was applied there.
sub meanwhile
{
	my ($statement) = @_;
	my $lsn = "$PostgreSQL::Test::Utils::tmp_check/lsn";
	return '\\! psql -XqAt -d "' . $primary->connstr('postgres') . qq{" -c "$statement" -c "SELECT pg_current_wal_flush_lsn()" | tail -n 1 > $lsn\n}
	  . "\\set lsn `cat $lsn`\n"
	  . "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), :'lsn') < 0 AS wait \\gset\n"
	  . "SELECT format('DO \$\$BEGIN WHILE pg_wal_lsn_diff(pg_last_wal_replay_lsn(), %L) < 0 LOOP PERFORM pg_sleep(0.02); END LOOP; END\$\$', :'lsn') \\gexec\n";
}
is( $standby->safe_psql('postgres', q{SET ROLE regress_reader;
SELECT bot, count > 0 FROM generate_series(1, 2) AS bot, kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01', measure => 'events') ORDER BY 1;
} . meanwhile(q{SELECT kindly_stats.grant_bot('regress_reader', 2); SELECT kindly_stats.revoke_bot('regress_reader', 1)}) . q{
SELECT bot, count > 0 FROM generate_series(1, 2) AS bot, kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01', measure => 'events') ORDER BY 1;}),
	"1|t\n2|f\n1|f\n2|t", 'grants are heard in open sessions of the standby');
is( $standby->safe_psql('postgres', q{SELECT count > 0 FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01');
} . meanwhile(q{SELECT kindly_stats.add_measure('by_topic', kinds => '{user_message}', keys => '{topic}')}) . q{
SELECT count > 0 FROM kindly_stats.stats_total(1, '2025-01-01', '2025-02-01', measure => 'by_topic');}), "t\nt", 'measures, too');

# ---------------------------------------------------------------- promoted

catch_up();
my $expected_sum = 1 + $primary->safe_psql('postgres', q{SELECT sum(count) FROM kindly_stats.stats_series(1, '2025-01-01', '2025-02-01')});
$standby->promote;
$standby->safe_psql('postgres', q{INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-21', 'user_message', 'newer'); CALL kindly_stats.compact()});
is($standby->safe_psql('postgres', q{SELECT sum(count) FROM kindly_stats.stats_series(1, '2025-01-01', '2025-02-01')}), $expected_sum, 'counts when promoted');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'and rightly');

# what the old primary knew of its transactions is not believed on the new timeline: the same statements, the same answers
$primary->safe_psql('postgres', q{INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-21', 'user_message', 'newer')});
for my $node ($primary, $standby)
{
	$node->safe_psql('postgres', qq{INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-22 00:00:$_', 'user_message', 's$_')}) for 10 .. 59;
	$node->safe_psql('postgres', q{DELETE FROM event WHERE occurred_at = '2025-01-22 00:00:30'; CALL kindly_stats.compact()});
}
ok($standby->safe_psql('postgres', $every) eq $primary->safe_psql('postgres', $every), 'and goes on as the primary would have');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'without a difference');

$standby->stop;
$primary->stop;
done_testing();
