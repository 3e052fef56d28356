# Hours around every change of every clock from 1990 to 2040, against what the
# server itself says that the clock shows: a bucket is all instants between two
# changes with one date and hour, its label; buckets follow one another without
# a hole and begin with their first instant.
#
# Some zones, those with odd changes among them, or all with KINDLY_STATS_LARGE=1;
# KINDLY_STATS_SEED tries others.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $all = $ENV{KINDLY_STATS_LARGE} ? 'true' : 'false';
note "KINDLY_STATS_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('hours');
$node->init;
$node->append_conf('postgresql.conf', "jit = off\nfsync = off\ntimezone = 'UTC'\n");
$node->start;

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION kindly_stats;

-- Of one zone: the hours around its changes, the quarter hours in them, and how many of both are wrong.
CREATE FUNCTION check_zone(zone text, OUT changes bigint, OUT hours bigint, OUT instants bigint, OUT wrong bigint)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('TimeZone', zone, true);
	WITH day AS (
		SELECT d, extract(timezone FROM d) AS ahead
		FROM generate_series(timestamptz '1990-01-01Z', '2040-12-31Z', interval '24 hours') AS d),
	change AS MATERIALIZED (
		SELECT d - interval '24 hours' AS first, d + interval '48 hours' AS last
		FROM (SELECT d, ahead, lead(ahead) OVER (ORDER BY d) AS next FROM day) AS x WHERE ahead <> next),
	hour AS MATERIALIZED (
		SELECT first, last, i.*, lag(ends_at) OVER w AS before, lead(starts_at) OVER w AS after
		FROM change, kindly_stats.intervals(first, last, zone, 'hour') AS i WINDOW w AS (PARTITION BY first ORDER BY starts_at)),
	wrong_hour AS (
		SELECT count(*) FILTER (
			WHERE starts_at <> bucket OR starts_at >= ends_at
				OR CASE WHEN before IS NULL THEN starts_at > first ELSE starts_at <> before END
				OR after IS NULL AND ends_at < last
				-- all of it, and nothing on either side, is one hour between two changes
				OR (date, extract(timezone FROM starts_at)) IS DISTINCT FROM (date_trunc('hour', (ends_at - interval '1 us')::timestamp), extract(timezone FROM ends_at - interval '1 us'))
				OR (date, extract(timezone FROM starts_at)) = (date_trunc('hour', (starts_at - interval '1 us')::timestamp), extract(timezone FROM starts_at - interval '1 us'))
				OR (date, extract(timezone FROM starts_at)) = (date_trunc('hour', ends_at::timestamp), extract(timezone FROM ends_at))) AS wrong,
			count(*) AS hours
		FROM hour),
	instant AS (
		SELECT count(*) FILTER (WHERE date <> date_trunc('hour', at::timestamp)) AS wrong, count(*) AS instants
		FROM hour, generate_series(date_bin('15 minutes', starts_at + interval '15 minutes' - interval '1 us', '2000-01-01Z'), ends_at - interval '1 us', interval '15 minutes') AS at)
	SELECT (SELECT count(*) FROM change), h.hours, i.instants, h.wrong + i.wrong INTO changes, hours, instants, wrong
	FROM wrong_hour AS h, instant AS i;
END
$$;
SQL

my $zones = $node->safe_psql('postgres', <<"SQL");
SELECT name FROM pg_timezone_names
WHERE name NOT LIKE 'posix%'
	AND ($all OR name IN ('Australia/Lord_Howe', 'Pacific/Chatham', 'America/St_Johns', 'Antarctica/Casey', 'Antarctica/Troll', 'America/Caracas', 'Asia/Kathmandu',
						  'Asia/Pyongyang', 'Pacific/Apia', 'Africa/Cairo', 'America/Havana', 'Europe/Oslo', 'CET')
		 OR hashtext(name || $seed) % 40 = 0)
ORDER BY name
SQL
my ($tried, $changes, $instants) = (0, 0, 0);
my @wrong;
for my $zone (split /\n/, $zones)
{
	my ($c, $h, $i, $w) = split /\|/, $node->safe_psql('postgres', "SELECT * FROM check_zone('$zone')");
	$tried++;
	$changes += $c;
	$instants += $i;
	push @wrong, "$zone: $w of $h hours and $i quarter hours" if $w;
}
note "$tried zones, $changes changes, $instants quarter hours";
cmp_ok($changes, '>', 500, 'clocks are changed');
is(join("\n", @wrong), '', 'every quarter hour is in the one hour that the clock shows');

$node->stop;
done_testing();
