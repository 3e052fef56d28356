# A hot standby answers as its primary does, and counts once it is promoted.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

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

$standby->promote;
$standby->safe_psql('postgres', q{INSERT INTO event (bot_id, occurred_at, kind, session_id) VALUES (1, '2025-01-21', 'user_message', 'newer'); CALL kindly_stats.compact()});
is($standby->safe_psql('postgres', q{SELECT sum(count) FROM kindly_stats.stats_series(1, '2025-01-01', '2025-02-01')}), '102', 'counts when promoted');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'and rightly');

$standby->stop;
$primary->stop;
done_testing();
