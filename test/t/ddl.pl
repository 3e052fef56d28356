# DDL by chance: partitions that come and go, columns that change, writers, purges
# and rollbacks.  Most statements make sense, many are refused; after each, the
# statistics are what the tables have, and nothing is below zero.
#
# KINDLY_STATS_SEED and KINDLY_STATS_STEPS choose another run or a longer one.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $steps = $ENV{KINDLY_STATS_STEPS} // 80;
srand $seed;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off\nclient_min_messages = warning\nkindly_stats.compact_after = 5\nlog_statement = none");
$node->start;

my $columns = '(bot_id bigint, occurred_at timestamptz, kind kind, session_id text, source text)';
my @roots = ('a', 'b');
my @heaps = map { "t$_" } 1 .. 6;
$node->safe_psql('postgres', qq{
CREATE EXTENSION kindly_stats;
CREATE TYPE kind AS ENUM ('user_message', 'bot_reply', 'x');
} . join('', map { "CREATE TABLE $_ $columns PARTITION BY RANGE (occurred_at); SELECT kindly_stats.attach('$_');" } @roots)
	. join('', map { "CREATE TABLE $_ $columns;" } @heaps)
	. join('', map { "ALTER TABLE a ATTACH PARTITION t$_ FOR VALUES FROM ('2024-0$_-01') TO ('2024-0" . ($_ + 1) . "-01');" } 1 .. 3) . q{
CREATE FUNCTION wrong() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(x, '; ') FROM (
		SELECT format('verify: %s %s %s, not %s', measure, month, stored, recounted) AS x FROM kindly_stats.verify()
		UNION ALL SELECT format('below zero: %s %s', m.name, s.count)
		  FROM kindly_stats.measure AS m, generate_series(1, 2) AS b, kindly_stats.stats_series(b, '2024-01-01', '2025-01-01', 'UTC', 'month', m.name) AS s
		 WHERE s.count < 0 OR s.distinct_count < 0
		UNION ALL SELECT 'finding: ' || finding FROM kindly_stats.tree_findings() WHERE severity = 'error') AS w $$;
});

sub pick { return $_[ int rand @_ ]; }

# One statement; months and tables have one number.
sub statement
{
	my $n = 1 + int rand 6;
	my ($heap, $root, $any) = ("t$n", pick(@roots), pick(@roots, @heaps));
	my $bounds = sprintf "FOR VALUES FROM ('2024-%02d-01') TO ('2024-%02d-01')", $n, $n + 1;
	my $session = "session_id = 's" . int(rand 7) . "'";
	my $insert = sprintf "(bot_id, occurred_at, kind, session_id) SELECT 1 + i %% 2, '2024-%02d-05'::timestamptz + i * interval '1 minute',"
		. " (enum_range(NULL::kind))[1 + i %% 3], 's' || i %% 7 FROM generate_series(1, %d) AS i", $n, 1 + rand 9;
	my $kind = pick('user_message', 'bot_reply', 'x');

	return pick(
		("INSERT INTO $heap $insert", "INSERT INTO $root $insert") x 8,
		("ALTER TABLE $root ATTACH PARTITION $heap $bounds", "CREATE TABLE $heap PARTITION OF $root $bounds", "CREATE TABLE $heap $columns") x 3,
		("ALTER TABLE $root DETACH PARTITION $heap") x 4,
		"DELETE FROM $any WHERE $session", "UPDATE $any SET source = 'u' WHERE $session", "UPDATE $root SET occurred_at = occurred_at + interval '1 month' WHERE $session",
		"ALTER TABLE $root DETACH PARTITION $heap CONCURRENTLY", "DROP TABLE $heap", "ALTER TABLE $heap RENAME TO " . pick(@heaps),
		"SELECT kindly_stats.attach('$heap')", "SELECT kindly_stats.attach('$root')", "SELECT kindly_stats.attach('$any', '{\"source\": " . pick('null', '"source"') . "}')",
		"SELECT kindly_stats.attach('$any', kinds => '{\"x\": \"user_message\", \"other\": null}')", "SELECT kindly_stats.attach('$any', '{\"kind\": \"kind\"}')",
		"SELECT kindly_stats.attach('$any', '{\"topic\": {\"constant\": \"t\"}, \"session_id\": {\"column\": \"session_id\", \"values\": {\"s1\": \"s2\", \"s3\": null}}}')",
		"SELECT kindly_stats.attach('$any', '{\"source\": \"" . pick('source', 'origin') . "->>a\"}')", "UPDATE $any SET source = '{\"a\": \"web\", \"b\": " . int(rand 9) . "}' WHERE $session",
		"SELECT kindly_stats.detach('$any', " . pick('true', 'false') . ')', 'SELECT kindly_stats.rebuild()', 'CALL kindly_stats.compact()',
		sprintf("SELECT kindly_stats.purge('$any', '2024-%02d-05 00:04')", $n),
		"ALTER TABLE $any RENAME COLUMN source TO origin", "ALTER TABLE $any RENAME COLUMN origin TO source", "ALTER TABLE $any DROP COLUMN source",
		"ALTER TABLE $any ADD COLUMN source text DEFAULT 'web'", "ALTER TABLE $any ALTER COLUMN source TYPE text USING source || 'z'",
		"ALTER TABLE $any ALTER COLUMN session_id TYPE varchar(5) USING left(session_id, 2)", "ALTER TABLE $any ALTER COLUMN session_id TYPE text",
		"ALTER TYPE kind RENAME VALUE '$kind' TO 'other'", "ALTER TYPE kind RENAME VALUE 'other' TO '$kind'",
		"ALTER TABLE $heap SET UNLOGGED", "ALTER TABLE $heap SET LOGGED", "ALTER TABLE $any INHERIT " . pick(@heaps),
		"CREATE TABLE ${heap}_sub (LIKE $heap) PARTITION BY LIST (bot_id); CREATE TABLE ${heap}_sub1 PARTITION OF ${heap}_sub DEFAULT; ALTER TABLE $root ATTACH PARTITION ${heap}_sub $bounds",
		"DROP TABLE ${heap}_sub", "DROP TABLE $root; CREATE TABLE $root $columns PARTITION BY RANGE (occurred_at); SELECT kindly_stats.attach('$root')");
}

my $script = '';
for my $step (1 .. $steps)
{
	my @statements = map { statement() } 1 .. pick(1, 1, 1, 2, 3);
	my $all = join '; ', @statements;

	if ($all !~ /CONCURRENTLY|compact/ && rand() < 0.3)
	{
		$all = pick("BEGIN; $all; " . pick('COMMIT', 'ROLLBACK'), "BEGIN; SAVEPOINT one; $statements[0]; ROLLBACK TO one; $all; COMMIT") . '; ROLLBACK';
	}
	$script .= "$all;\nSELECT 'step $step: ' || w || ' after ' || \$body\$$all\$body\$ FROM wrong() AS w WHERE w IS NOT NULL;\n"
		. "SELECT 'counted ' || coalesce(sum(kindly_stats.total(tally)), 0) FROM kindly_stats.rollup;\n";
}
my ($out, $err);
$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
my @wrong = grep { /^step \d+: / } split /\n/, $out;
is($wrong[0] // '', '', "$steps steps of DDL leave the statistics right") or diag("KINDLY_STATS_SEED=$seed");
unlike($err, qr/XX000|cache lookup|could not|server closed|PANIC/, 'and everything that is refused is refused in good order');
my @counted = sort { $b <=> $a } $out =~ /^counted (\d+)$/mg;
cmp_ok($counted[ $steps / 2 ], '>', 0, "something was counted, $counted[0] at most");
is($node->safe_psql('postgres', 'SELECT kindly_stats.rebuild() >= 0; SELECT wrong() IS NULL'), "t\nt", 'and it can be rebuilt');

$node->stop;
done_testing();
