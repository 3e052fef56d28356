# Compaction takes the room of what it merged before, in TOAST, too, without VACUUM;
# and never the room of what somebody still sees, or of what was not merged in the end.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
fsync = off
autovacuum = off
log_statement = none
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('event');
CREATE EXTENSION amcheck;
});

# Days of many events each, and a compaction a day, as one session does it.
sub days
{
	my ($from, $to, $each) = @_;
	return join '', map { my $day = $_; qq{
INSERT INTO event (bot_id, occurred_at, kind, session_id, source)
SELECT 1, timestamptz '2025-01-01 00:00Z' + interval '$day days' + n * interval '20 seconds', 'user_message', 's $day ' || n / 3, 'web' FROM generate_series(1, 3000) AS n;
} . $each } $from .. $to;
}

# What the rollup takes on disk, and how many times its tallies that is.
sub bytes { return $node->safe_psql('postgres', q{SELECT pg_total_relation_size('kindly_stats.rollup')}); }

sub times_tallies
{
	return $node->safe_psql('postgres', q{SELECT pg_total_relation_size('kindly_stats.rollup')::float8 / (SELECT sum(pg_column_size(tally)) FROM kindly_stats.rollup)});
}

my $question = q{SELECT sum(count), sum(distinct_count) FROM kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', 'Europe/Oslo')};
my $plain = q{SELECT sum(count), sum(members) FROM (SELECT count(*), count(DISTINCT session_id) AS members
	FROM event GROUP BY date_trunc('day', occurred_at, 'Europe/Oslo')) AS d};

sub is_right
{
	my ($name) = @_;
	is($node->safe_psql('postgres', $question), $node->safe_psql('postgres', $plain), $name);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), '0', "$name: verify");
	is($node->safe_psql('postgres', q{SELECT * FROM verify_heapam('kindly_stats.rollup', check_toast => true)}), '', "$name: rows and chunks are whole");
}

my $compact = 'CALL kindly_stats.compact();';
$node->safe_psql('postgres', days(0, 29, $compact));
my $times = times_tallies();
# each time, old and new rows are there together; dead line pointers leave room for three chunks of four on a page
cmp_ok($times, '<', 4, "a month that is written anew each day does not take all of that ($times times its tallies)");
is_right('compacted each day');

# what a snapshot sees stays where it is
my $holder = $node->background_psql('postgres');
my $seen = $holder->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $question");
$node->safe_psql('postgres', days(30, 39, $compact));
is($holder->query_safe($question), $seen, 'the holder of a snapshot sees what he saw');
is_right('beside a held snapshot');
$holder->query_safe('COMMIT');
$holder->quit;

# whoever deleted while it was held has forgotten by now; VACUUM has not
$node->safe_psql('postgres', 'VACUUM kindly_stats.rollup');
my $bytes = bytes();
$node->safe_psql('postgres', days(40, 49, $compact));
my $grown = bytes() - $bytes;
my $added = $node->safe_psql('postgres', q{SELECT sum(pg_column_size(tally)) FROM kindly_stats.rollup WHERE month = '2025-02-01'});
cmp_ok($grown, '<', $added, "afterwards it grows by less than the month ($grown of $added)");

# a merge that is undone leaves its rows
$node->safe_psql('postgres', days(50, 52, '') . "BEGIN; $compact ROLLBACK;" . days(53, 54, "BEGIN; SAVEPOINT s; $compact ROLLBACK TO s; COMMIT;") . days(55, 58, $compact));
is_right('after merges that were undone');

$node->stop('immediate');
$node->start;
is_right('after a crash');
$node->safe_psql('postgres', days(59, 60, $compact));
is_right('and written again');

# of a month that is over, a row that fits into no other one is not written again for each event that comes late
$node->safe_psql('postgres', q{
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 2, timestamptz '2025-01-03' + n * interval '2 seconds', 'user_message', 's' || n FROM generate_series(1, 700000) AS n;
INSERT INTO event (bot_id, occurred_at, kind, session_id) SELECT 2, timestamptz '2025-01-03' + n * interval '10 seconds', 'user_message', 't' || n FROM generate_series(1, 200000) AS n;
CALL kindly_stats.compact(2);
});
my $large = q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM kindly_stats.rollup WHERE bot_id = 2 AND month = '2025-01-01' AND pg_column_size(tally) > 1000000};
my $rows = $node->safe_psql('postgres', $large);
like($rows, qr/^-\d+ -\d+$/, 'a month takes more than a row can be');
$node->safe_psql('postgres', qq{
SET kindly_stats.compact_after = 1;
INSERT INTO event (bot_id, occurred_at, kind, session_id)
SELECT 2, timestamptz '2025-01-20' + n * interval '10 seconds' + (n > 5000)::int * interval '20 days', 'user_message', 'late $_ ' || n FROM generate_series(1, 6000) AS n;
}) for 1 .. 2;
is($node->safe_psql('postgres', $large), $rows, 'its rows stay');
is($node->safe_psql('postgres', q{SELECT count(*) FROM kindly_stats.verify(2)}), '0', 'and have all');

$node->stop;
done_testing();
