# Chance: tables, partitions and DDL, writers, rollbacks, cancels, crashes, purges, attaching and detaching, in an order that a seed
# chooses.  After each step, in one snapshot, the statistics are what plain SQL counts in the attached tables and in the events that
# are gone on purpose; nothing is below zero; and an error is one that the step may have.
#
# KINDLY_STATS_SEED repeats a run, KINDLY_STATS_STEPS says how long it is (200), KINDLY_STATS_VERBOSE=1 shows each step.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run;

my $seed = $ENV{KINDLY_STATS_SEED} || int(rand(1_000_000_000));
my $steps = $ENV{KINDLY_STATS_STEPS} || 200;
srand($seed);
diag("KINDLY_STATS_SEED=$seed KINDLY_STATS_STEPS=$steps");

my $node = PostgreSQL::Test::Cluster->new('machine');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nkindly_stats.compact_after = 4\nclient_min_messages = notice\nfsync = off\n"
	  . "max_prepared_transactions = 5\nlog_error_verbosity = verbose\ndeadlock_timeout = '200ms'");
$node->start;

my $columns = 'id bigint NOT NULL, bot_id integer NOT NULL, occurred_at timestamptz NOT NULL, kind text NOT NULL, session_id text, user_id text, '
  . 'source varchar(20), button_id text';

$node->safe_psql('postgres', qq{
CREATE EXTENSION kindly_stats;
CREATE SEQUENCE number;
CREATE TABLE one ($columns, PRIMARY KEY (id));
CREATE TABLE two ($columns, PRIMARY KEY (id));
CREATE TABLE parted ($columns, PRIMARY KEY (id, occurred_at, bot_id)) PARTITION BY RANGE (occurred_at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2025-02-01') TO ('2025-03-01') PARTITION BY LIST (bot_id);
CREATE TABLE parted_2_one PARTITION OF parted_2 FOR VALUES IN (1);
CREATE TABLE parted_2_more PARTITION OF parted_2 DEFAULT;
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
SELECT kindly_stats.attach('one');
SELECT kindly_stats.attach('two', replica => true);
SELECT kindly_stats.attach('parted', replica => true);
} . q{
-- events that are in no attached table any more, and count
CREATE TABLE gone (bot_id bigint, occurred_at timestamptz, kind text, session_id text, user_id text, source text, button_id text, former text);

-- how a table names a column that is counted
CREATE FUNCTION named(m jsonb, logical text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(quote_ident(m ->> logical), 'NULL')
$$;
CREATE FUNCTION events_of(relation regclass) RETURNS SETOF gone LANGUAGE plpgsql AS $$
DECLARE
	m jsonb;
BEGIN
	SELECT e.columns INTO m FROM kindly_stats.event_table AS e WHERE e.event_table = coalesce(pg_partition_root(relation), relation);
	IF FOUND THEN
		RETURN QUERY EXECUTE format('SELECT %s::bigint, %s, %s::text, %s::text, %s::text, %s::text, %s::text, %L::text FROM %s',
			named(m, 'bot_id'), named(m, 'occurred_at'), named(m, 'kind'), named(m, 'session_id'), named(m, 'user_id'), named(m, 'source'),
			named(m, 'button_id'), relation::text, relation);
	END IF;
END $$;
CREATE FUNCTION truth() RETURNS SETOF gone LANGUAGE plpgsql AS $$
DECLARE
	r regclass;
BEGIN
	RETURN QUERY SELECT * FROM gone;
	FOR r IN SELECT e.event_table FROM kindly_stats.event_table AS e LOOP
		RETURN QUERY SELECT * FROM events_of(r);
	END LOOP;
END $$;

-- what is wrong, in the caller's snapshot
CREATE FUNCTION wrong(tz text) RETURNS SETOF text LANGUAGE plpgsql SET jit = off AS $$
BEGIN
	RETURN QUERY SELECT 'verify ' || v::text FROM kindly_stats.verify() AS v LIMIT 5;
	CREATE TEMP TABLE fact AS SELECT t.* FROM truth() AS t WHERE t.bot_id IS NOT NULL AND t.occurred_at IS NOT NULL;
	RETURN QUERY
	WITH expected AS (
		SELECT f.bot_id, m.name, (f.occurred_at AT TIME ZONE tz)::date AS day, count(*) AS count,
			   CASE m.member WHEN 'session_id' THEN count(DISTINCT f.session_id) WHEN 'user_id' THEN count(DISTINCT f.user_id) ELSE 0 END AS members
		  FROM fact AS f
		  JOIN (VALUES ('events', NULL, NULL), ('messages', 'user_message', 'session_id'), ('users', 'user_message', 'user_id'),
					   ('replies', 'bot_reply', NULL), ('buttons', 'button_click', NULL)) AS m (name, kind, member)
			ON (m.kind IS NULL OR m.kind = f.kind) AND (m.name <> 'buttons' OR f.button_id IS NOT NULL)
		 GROUP BY f.bot_id, m.name, m.member, day),
	answered AS (
		SELECT bot AS bot_id, name, s.date::date AS day, s.count, s.distinct_count AS members
		  FROM generate_series(1, 3) AS bot, unnest(ARRAY['events', 'messages', 'users', 'replies', 'buttons']) AS name,
			   kindly_stats.stats_series(bot, '2024-12-01', '2025-08-01', tz, measure => name) AS s WHERE s.count <> 0 OR s.distinct_count <> 0)
	SELECT format('series: bot %s, %s on %s: %s %s, answered %s %s', bot_id, name, day, e.count, e.members, a.count, a.members)
	  FROM expected AS e FULL JOIN answered AS a USING (bot_id, name, day)
	 WHERE (e.count, e.members) IS DISTINCT FROM (a.count, a.members) LIMIT 5;
	RETURN QUERY
	WITH expected AS (SELECT f.bot_id, f.button_id, count(*) AS count FROM fact AS f WHERE f.kind = 'button_click' AND f.button_id IS NOT NULL GROUP BY 1, 2),
	answered AS (SELECT bot::bigint AS bot_id, s.key[1] AS button_id, s.count FROM generate_series(1, 3) AS bot,
				 kindly_stats.stats_top(bot, '2024-12-01', '2025-08-01', tz, 'buttons', 1000) AS s)
	SELECT format('top: bot %s, %s: %s, answered %s', bot_id, button_id, e.count, a.count)
	  FROM expected AS e FULL JOIN answered AS a USING (bot_id, button_id) WHERE e.count IS DISTINCT FROM a.count LIMIT 5;
	RETURN QUERY
	SELECT format('options of bot %s: %s to %s, %s; answered %s to %s, %s', bot, (SELECT min(f.occurred_at) FROM fact AS f WHERE f.bot_id = bot),
				  (SELECT max(f.occurred_at) FROM fact AS f WHERE f.bot_id = bot),
				  (SELECT array_agg(DISTINCT f.source ORDER BY f.source) FROM fact AS f WHERE f.bot_id = bot AND f.source IS NOT NULL), o.first, o.last, o.sources)
	  FROM generate_series(1, 3) AS bot, kindly_stats.stats_options(bot) AS o
	 WHERE o.sources IS DISTINCT FROM coalesce((SELECT array_agg(DISTINCT f.source COLLATE "C" ORDER BY f.source COLLATE "C") FROM fact AS f WHERE f.bot_id = bot AND f.source IS NOT NULL), '{}')
		OR o.first > (SELECT min(f.occurred_at) FROM fact AS f WHERE f.bot_id = bot) OR o.last < (SELECT max(f.occurred_at) FROM fact AS f WHERE f.bot_id = bot);
	RETURN QUERY
	SELECT format('below zero: bot %s, %s', bot, m.name) FROM generate_series(1, 3) AS bot, kindly_stats.measure AS m,
		   kindly_stats.stats_total(bot, '2024-12-01', '2025-08-01', measure => m.name) AS s WHERE s.count < 0 OR s.distinct_count < 0;
	DROP TABLE fact;
END $$;

-- writes events, whatever the columns are called by now
CREATE FUNCTION column_of(relation regclass, VARIADIC names text[]) RETURNS text LANGUAGE sql AS $$
	SELECT quote_ident(a.attname) FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname = ANY (names) AND NOT a.attisdropped LIMIT 1
$$;
CREATE FUNCTION insert_into(relation regclass, first date, days int, events int, upsert text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	sid text := column_of(relation, 'session_id', 'sid');
	src text := column_of(relation, 'source');
BEGIN
	EXECUTE format('INSERT INTO %s (id, bot_id, occurred_at, kind, %s, user_id%s, button_id) SELECT nextval(''number''), 1 + (random() * 2.4)::int %% 3,'
		' $1 + random() * $2 * interval ''1 day'', (ARRAY[''user_message'', ''bot_reply'', ''button_click''])[1 + (random() * 2.9)::int %% 3],'
		' nullif(''s'' || (random() * 9)::int, ''s0''), ''u'' || (random() * 5)::int%s, ''b'' || (random() * 3)::int FROM generate_series(1, $3) %s',
		relation, sid, ', ' || src, CASE WHEN src IS NOT NULL THEN ', (ARRAY[''web'', ''app'', NULL])[1 + (random() * 2.9)::int % 3]' END, upsert)
		USING first::timestamptz, days, events;
END $$;
});

# ---------------------------------------------------------------- what there is

# name => {kind, attached, top, kept, replica, parent}
sub tables
{
	my %found;
	my $rows = $node->safe_psql('postgres', q{
SELECT c.relname, c.relkind, (SELECT count(*) FROM kindly_stats.event_table AS e WHERE e.event_table = coalesce(pg_partition_root(c.oid), c.oid)),
	   coalesce(pg_partition_root(c.oid)::regclass::text, c.relname),
	   (SELECT count(*) FROM pg_class AS d WHERE d.relname = 'detached' AND d.relnamespace = 'kindly_stats'::regnamespace
		  AND EXISTS (SELECT FROM kindly_stats.detached AS x WHERE x.event_table IN (c.oid, pg_partition_root(c.oid)))),
	   (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'kindly_stats_replica'), c.relispartition
  FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname ~ '^(one|two|parted)' ORDER BY 1});
	for (split /\n/, $rows)
	{
		my @f = split /\|/;
		$found{$f[0]} = { name => $f[0], kind => $f[1], attached => $f[2], top => $f[3], kept => $f[4], replica => $f[5], part => $f[6] eq 't' };
	}
	return %found;
}
my %table;

sub pick { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# One of the tables that a condition holds for, or undef.
sub some
{
	my ($condition) = @_;
	my @found = grep { $condition->($table{$_}) } sort keys %table;
	return @found ? pick(@found) : undef;
}
# Whoever is detached with its statistics kept is left alone: what is written then is not known to forget_kept().
sub written { return some(sub { !$_[0]->{kept} }); }

# The months that a table may have events of, as (first day, days).
sub months
{
	my ($name) = @_;
	return ("2025-0$1-01", 28) if $name =~ /^parted_([1-9])/;
	return ('2025-01-01', 90);
}
sub insert_of
{
	my ($name, $events, $upsert) = @_;
	my ($first, $days) = months($name);
	return "SELECT insert_into('$name', '$first', $days, $events, '" . ($upsert // '') . "');\n";
}
sub condition { return pick('id % 7 = ' . int(rand(7)), 'bot_id = ' . (1 + int(rand(3))) . ' AND id % 3 = 0', 'id > (SELECT max(id) - 5 FROM gone_ids)'); }
sub where { my $c = condition(); return $c =~ /gone_ids/ ? 'id > (SELECT last_value - 9 FROM number)' : $c; }

# One writing statement.
sub write_to
{
	my ($name) = @_;
	my $session = "column_of('$name', 'session_id', 'sid')";
	return pick(
		sub { insert_of($name, 1) },
		sub { insert_of($name, 1 + int(rand(40))) },
		sub { insert_of($name, 5, 'ON CONFLICT DO NOTHING') },
		sub { "UPDATE $name SET kind = 'user_message' WHERE " . where() . ";\n" },
		sub { "UPDATE $name SET bot_id = 1 + bot_id % 3 WHERE " . where() . ";\n" },
		sub { "UPDATE $name SET occurred_at = occurred_at + interval '5 days' WHERE extract(day FROM occurred_at) < 20 AND " . where() . ";\n" },
		sub { "UPDATE $name SET occurred_at = date_trunc('month', occurred_at) + interval '35 days' WHERE occurred_at < '2025-03-01' AND " . where() . ";\n" },
		sub { "UPDATE $name SET id = id WHERE " . where() . ";\n" },
		sub { "DELETE FROM $name WHERE " . where() . ";\n" },
		sub { "INSERT INTO $name SELECT * FROM $name WHERE " . where() . ($name =~ /^parted/ ? '' : " ON CONFLICT (id) DO UPDATE SET kind = 'bot_reply', user_id = 'u9'") . ";\n" },
		sub { "MERGE INTO $name AS t USING (SELECT id, occurred_at, bot_id FROM $name WHERE " . where() . ") AS s ON t.id = s.id"
			  . " WHEN MATCHED AND t.id % 2 = 0 THEN UPDATE SET kind = 'button_click' WHEN MATCHED THEN DELETE;\n" },
		sub { "WITH gone AS (DELETE FROM $name WHERE " . where() . " RETURNING *) INSERT INTO $name SELECT * FROM gone;\n" },
		sub { "SAVEPOINT s;\nDELETE FROM $name;\nROLLBACK TO s;\n" },
	)->();
}
my @write_errors = (
	qr/^23514: (no partition of relation|new row for relation "parted\w*" violates partition constraint)/,
	qr/^23505: duplicate key/,
	qr/^0A000: cannot execute MERGE on relation "parted/,
	qr/^25P01: SAVEPOINT can only be used in transaction blocks/,
	qr/^42P10: /,
	qr/^42601: INSERT has more expressions/);

sub in_transaction
{
	my ($body) = @_;
	my $isolation = pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
	return $body if chance(0.4) && $body !~ /SAVEPOINT/;
	return "BEGIN ISOLATION LEVEL $isolation;\n$body" . (chance(0.25) ? 'ROLLBACK' : 'COMMIT') . ";\n";
}

# ---------------------------------------------------------------- steps: each gives SQL and the errors it may have, or undef

my %step = (
	write => [ 40, sub {
		my $name = written() // return;
		return (in_transaction(join('', map { write_to($name) } 1 .. 1 + int(rand(3)))), @write_errors);
	} ],
	# a session with the role of a replica, into tables that count what is replicated
	replicated => [ 6, sub {
		my $name = some(sub { !$_[0]->{kept} && ($_[0]->{replica} || !$_[0]->{attached}) }) // return;
		return ("SET session_replication_role = replica;\n" . in_transaction(write_to($name)), @write_errors);
	} ],
	replicated_truncate => [ 1, sub {
		my $name = some(sub { !$_[0]->{kept} && $_[0]->{replica} && $_[0]->{kind} eq 'r' }) // return;
		return "SET session_replication_role = replica;\nTRUNCATE $name;\n";
	} ],
	truncate => [ 1, sub {
		my $name = some(sub { $_[0]->{attached} }) // return;
		return ("TRUNCATE $name;\n", qr/^55000: cannot truncate event table/);
	} ],
	writers => [ 6, \&writers ],
	cancelled => [ 4, sub {
		my $name = written() // return;
		my $what = pick(insert_of($name, 3000), "UPDATE $name SET bot_id = 1 + bot_id % 3;\n", "SELECT kindly_stats.rebuild();\n", "CALL kindly_stats.compact();\n",
			"DELETE FROM $name;\n");
		return ("SET statement_timeout = '" . (1 + int(rand(30))) . "ms';\n$what", qr/^57014: /, @write_errors);
	} ],
	crash => [ 1, \&crash ],
	prepared => [ 1, sub {
		my $name = written() // return;
		return ("BEGIN;\n" . insert_of($name, 10) . "PREPARE TRANSACTION 'p';\nSELECT count(*) FROM kindly_stats.verify();\n" . pick('COMMIT', 'ROLLBACK') . " PREPARED 'p';\n",
			@write_errors, qr/^42704: prepared transaction/);
	} ],
	compact => [ 4, sub { return "CALL kindly_stats.compact(" . pick('', '1', '2') . ");\n"; } ],
	rebuild => [ 3, sub { return "SELECT kindly_stats.rebuild(" . pick('', '1', 'bot => 3') . ");\n"; } ],
	purge => [ 6, sub {
		my $name = some(sub { $_[0]->{attached} && !$_[0]->{part} }) // return;
		my $before = sprintf('2025-%02d-%02d', 1 + int(rand(3)), 1 + int(rand(28)));
		return "BEGIN;\nINSERT INTO gone SELECT * FROM events_of('$name') WHERE occurred_at < '$before';\nSELECT kindly_stats.purge('$name', '$before');\n"
		  . (chance(0.2) ? 'ROLLBACK' : 'COMMIT') . ";\n";
	} ],
	purge_of_a_part => [ 1, sub {
		my $name = some(sub { $_[0]->{attached} && $_[0]->{part} }) // return;
		return ("SELECT kindly_stats.purge('$name', '2025-02-01');\n", qr/^55000: table "\w+" is not an attached event table/);
	} ],
	attach => [ 6, sub {
		my $name = some(sub { !$_[0]->{part} && chance($_[0]->{attached} ? 0.2 : 1) }) // return;
		return ("SELECT kindly_stats.attach('$name', replica => " . pick('true', 'false') . ");\n", qr/^55000: the events of table "public\.\w+" are counted already/);
	} ],
	attach_again => [ 2, sub {
		my $name = some(sub { $_[0]->{attached} && !$_[0]->{part} }) // return;
		return ("SELECT kindly_stats.attach('$name', '" . pick('{"source": null}', '{"source": "source"}', '{"user_id": null}', '{"user_id": "user_id"}') . "');\n",
			qr/^42703: table "public\.\w+" has no column/);
	} ],
	detach => [ 3, sub {
		my $name = some(sub { $_[0]->{attached} && !$_[0]->{part} }) // return;
		return "SELECT kindly_stats.detach('$name');\n";
	} ],
	detach_and_keep => [ 2, sub {
		my $name = some(sub { $_[0]->{attached} && !$_[0]->{part} }) // return;
		return "BEGIN;\nINSERT INTO gone SELECT * FROM events_of('$name');\nSELECT kindly_stats.detach('$name', keep_statistics => true);\nCOMMIT;\n"
		  . "UPDATE gone SET former = '$name kept' WHERE former = '$name' AND NOT EXISTS (SELECT FROM gone AS g WHERE g.former = '$name kept');\n" if 0;
		return "BEGIN;\nINSERT INTO gone SELECT bot_id, occurred_at, kind, session_id, user_id, source, button_id, 'kept ' || former FROM events_of('$name');\n"
		  . "SELECT kindly_stats.detach('$name', keep_statistics => true);\nCOMMIT;\n";
	} ],
	forget => [ 3, sub {
		my $name = some(sub { $_[0]->{kept} && !$_[0]->{part} }) // return;
		return ("BEGIN;\nSELECT kindly_stats.forget_kept('$name');\nDELETE FROM gone WHERE former = 'kept $name';\n"
			  . (chance(0.7) ? "SELECT kindly_stats.attach('$name');\n" : '') . "COMMIT;\n");
	} ],
	# partitions
	leave => [ 4, sub {
		my $name = some(sub { $_[0]->{part} && !$_[0]->{kept} }) // return;
		my $parent = $name =~ /^(parted_2)_/ ? $1 : 'parted';
		return ("ALTER TABLE $parent DETACH PARTITION $name;\n", qr/^42P01: relation "\w+" is not a partition of relation/);
	} ],
	come => [ 6, sub {
		my $name = some(sub { $_[0]->{name} =~ /^parted_/ && !$_[0]->{part} && !$_[0]->{kept} && !$table{parted}{kept} }) // return;
		my ($first) = months($name);
		return (($name =~ /^parted_2_(one|more)/ ? "ALTER TABLE parted_2 ATTACH PARTITION $name " . ($1 eq 'one' ? 'FOR VALUES IN (1)' : 'DEFAULT')
			: "ALTER TABLE parted ATTACH PARTITION $name FOR VALUES FROM ('$first') TO (timestamptz '$first' + interval '1 month')") . ";\n",
			qr/^23514: partition constraint of relation "\w+" is violated by some row/,
			qr/^23514: updated partition constraint for default partition "\w+" would be violated by some row/,
			qr/^42804: /, qr/^42P17: table "parted_2" is not partitioned/, qr/^42P01: relation "parted\w*" does not exist/,
			qr/^42P17: partition "\w+" (would overlap|conflicts with)/,
			qr/^55000: table "\S+" is attached to kindly_stats, but "\S+", of which it is to be a partition, is not/,
			qr/^42710: trigger "kindly_stats_replica" for relation "\w+" already exists/);
	} ],
	new_part => [ 3, sub {
		my ($month) = grep { !exists $table{"parted_$_"} } 1 .. 5;
		return if !defined $month || $table{parted}{kept};
		my $range = sprintf("FOR VALUES FROM ('2025-%02d-01') TO ('2025-%02d-01')", $month, $month + 1);
		return ("CREATE TABLE parted_$month PARTITION OF parted $range;\n", qr/^42P17: partition "\w+" would overlap/) if chance(0.4);
		return ("BEGIN;\nCREATE TABLE parted_$month (LIKE parted INCLUDING ALL);\n" . insert_of("parted_$month", 20)
			  . "ALTER TABLE parted ATTACH PARTITION parted_$month $range;\nCOMMIT;\n", qr/^42P17: partition "\w+" would overlap/);
	} ],
	drop_part => [ 2, sub {
		my $name = some(sub { $_[0]->{name} =~ /^parted_[1-9]/ && !$_[0]->{kept} }) // return;
		return "BEGIN;\nINSERT INTO gone SELECT * FROM events_of('$name');\nDROP TABLE $name;\n" . (chance(0.3) ? 'ROLLBACK' : 'COMMIT') . ";\n";
	} ],
	drop_table => [ 1, sub {
		my $name = pick('one', 'two');
		return if !exists $table{$name} || $table{$name}{kept};
		return "BEGIN;\nINSERT INTO gone SELECT * FROM events_of('$name');\nDROP TABLE $name;\nCREATE TABLE $name ($columns, PRIMARY KEY (id));\nSELECT kindly_stats.attach('$name', replica => true);\nCOMMIT;\n";
	} ],
	swap => [ 1, sub {
		my $name = pick('one', 'two');
		return if $table{$name}{kept};
		return "BEGIN;\nCREATE TABLE fresh (LIKE $name INCLUDING ALL);\nINSERT INTO fresh SELECT * FROM $name;\nALTER TABLE $name RENAME TO former;\nALTER TABLE fresh RENAME TO $name;\nCOMMIT;\n"
		  . insert_of($name, 5) . "BEGIN;\nDROP TABLE $name;\nALTER TABLE former RENAME TO $name;\nCOMMIT;\n";
	} ],
	# columns
	rename_column => [ 3, sub {
		my $name = some(sub { !$_[0]->{part} && !$_[0]->{kept} && $_[0]->{name} !~ /^parted_/ }) // return;
		return "DO \$\$ BEGIN EXECUTE format('ALTER TABLE $name RENAME COLUMN %s TO %s', column_of('$name', 'session_id', 'sid'),"
		  . " CASE column_of('$name', 'session_id', 'sid') WHEN 'sid' THEN 'session_id' ELSE 'sid' END); END \$\$;\n" if $name !~ /^parted/;
		return;
	} ],
	add_column => [ 2, sub {
		my $name = pick('one', 'two');
		return if $table{$name}{kept};
		return "ALTER TABLE $name ADD COLUMN IF NOT EXISTS source varchar(20) DEFAULT " . pick("'tv'", 'NULL') . ";\n";
	} ],
	drop_column => [ 2, sub {
		my $name = pick('one', 'two');
		return if $table{$name}{kept};
		return ("ALTER TABLE $name DROP COLUMN IF EXISTS source;\n", qr/^55000: column "source" of attached table "\S+" is counted/) if chance(0.5);
		return ("BEGIN;\nSELECT kindly_stats.attach('$name', '{\"source\": null}');\nALTER TABLE $name DROP COLUMN IF EXISTS source;\nCOMMIT;\n") if $table{$name}{attached};
		return;
	} ],
	change_type => [ 2, sub {
		my $name = pick('one', 'two');
		return if $table{$name}{kept};
		return ("ALTER TABLE $name " . pick(
			"ALTER COLUMN bot_id TYPE " . pick('bigint', 'integer'), "ALTER COLUMN user_id TYPE text USING 'x' || user_id", "ALTER COLUMN source TYPE varchar(30)",
			"ALTER COLUMN occurred_at TYPE timestamptz(" . pick(0, 6) . ")", "ALTER COLUMN button_id TYPE text COLLATE \"C\"") . ";\n", qr/^42703: column "source" of relation/);
	} ],
	useless_ddl => [ 3, sub {
		my $name = some(sub { !$_[0]->{kept} }) // return;
		return ("ALTER TABLE $name " . pick("ADD COLUMN IF NOT EXISTS remark text", "DROP COLUMN IF EXISTS remark", "SET LOGGED", "ALTER COLUMN kind SET STATISTICS 50") . ";\n",
			qr/^42P16: (cannot (add|drop)|column must)/, qr/^42809: /, qr/^42601: INSERT has more/);
	} ],
	unlogged => [ 1, sub {
		my $name = some(sub { $_[0]->{attached} && $_[0]->{kind} eq 'r' }) // return;
		return ("ALTER TABLE $name SET UNLOGGED;\n", qr/^42809: table "\S+" is unlogged/, qr/^55000: /);
	} ],
	inherited => [ 1, sub {
		my $name = pick('one', 'two');
		return if !$table{$name}{attached};
		return ("CREATE TABLE child () INHERITS ($name);\n", qr/^42809: table "\S+" has inheritance children/);
	} ],
	# triggers that are off, which is warned of, and rebuild(), which mends it
	disabled => [ 1, sub {
		my $name = some(sub { $_[0]->{attached} && $_[0]->{kind} eq 'r' && !$_[0]->{part} }) // return;
		return ("ALTER TABLE $name DISABLE TRIGGER kindly_stats_insert;\n" . insert_of($name, 5) . "ALTER TABLE $name ENABLE TRIGGER kindly_stats_insert;\nSELECT kindly_stats.rebuild();\n", @write_errors);
	} ],
	measure => [ 1, sub {
		return "BEGIN;\nSELECT kindly_stats.add_measure('everybody', member => 'user_id');\nCOMMIT;\nDELETE FROM kindly_stats.measure WHERE name = 'everybody';\nSELECT kindly_stats.rebuild();\n";
	} ],
	# the extension goes and comes back: what is kept stays, the rest is counted again
	extension => [ 1, sub {
		my @attached = grep { $table{$_}{attached} && !$table{$_}{part} } sort keys %table;
		my %mapping = split /[|\n]/, $node->safe_psql('postgres', 'SELECT event_table, columns FROM kindly_stats.event_table');
		return "BEGIN;\nDROP EXTENSION kindly_stats CASCADE;\nROLLBACK;\n" if chance(0.3);
		return "DROP EXTENSION kindly_stats CASCADE;\nCREATE EXTENSION kindly_stats;\nSELECT kindly_stats.create_tables();\n"
		  . join('', map { "SELECT kindly_stats.attach('$_', '$mapping{$_}', $table{$_}{replica} > 0);\n" } @attached);
	} ],
);

# ---------------------------------------------------------------- running

# Starts psql on a script; what it says goes to $out.
sub start_script
{
	my ($sql, $out) = @_;
	return IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$sql, '>', $out, '2>', $out);
}

# Errors of a script that are none of those expected.
sub surprises
{
	my ($out, @expected) = @_;
	return grep { my $e = $_; !grep { $e =~ $_ } @expected } $out =~ /ERROR:  (.*)/g, $out =~ /((?:FATAL|PANIC):  .*)/g;
}

# Several sessions at once; nobody may fail but for reasons of his own.
sub writers
{
	my @scripts = map {
		my $name = written();
		join('', map { in_transaction(write_to($name)) } 1 .. 4)
	} 1 .. 3;
	push @scripts, pick("CALL kindly_stats.compact();\n", "SELECT kindly_stats.rebuild();\n", "SELECT kindly_stats.rebuild();\nCALL kindly_stats.compact();\n");
	my @out = map { my $o = ''; \$o } @scripts;
	my @running = map { start_script($scripts[$_], $out[$_]) } 0 .. $#scripts;
	$_->finish for @running;
	my @wrong = map { surprises(${ $out[$_] }, @write_errors, qr/^40001: /, qr/^40P01: /) } 0 .. $#scripts;
	return { script => join("-- beside that\n", @scripts), wrong => \@wrong };
}

# The server dies while somebody writes.
sub crash
{
	my $name = written();
	my ($out, $sql) = ('', join('', map { write_to($name) } 1 .. 3) . insert_of($name, 20000));
	my $running = start_script($sql, \$out);
	select(undef, undef, undef, rand(0.2));
	$node->stop('immediate');
	eval { $running->finish };
	$node->start;
	return { script => "$sql-- and a crash\n", wrong => [] };
}

my @deck = map { ($_) x $step{$_}[0] } sort keys %step;
my %count;
my $failed = 0;
for my $number (1 .. $steps)
{
	%table = tables();
	my $kind = pick(@deck);
	my ($sql, @expected) = $step{$kind}[1]->();
	next if !defined $sql;
	my @wrong;
	my $out = '';
	if (ref $sql)
	{
		@wrong = @{ $sql->{wrong} };
		$sql = $sql->{script};
	}
	else
	{
		# chance in SQL is the seed's, too
		$sql = 'SELECT setseed(' . (2 * rand() - 1) . ");\n$sql";
		start_script($sql, \$out)->finish;
		@wrong = surprises($out, @expected);
	}
	$count{$kind}{ $out =~ /ERROR:/ ? 'refused' : 'done' }++;
	my $tz = pick('UTC', 'Asia/Kolkata', 'America/New_York');
	my ($answer, $err) = ('', '');
	$node->psql('postgres', "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT * FROM wrong('$tz');\nCOMMIT;", stdout => \$answer, stderr => \$err);
	push @wrong, $answer if $answer ne '';
	push @wrong, $err if $err =~ /ERROR/;
	diag("step $number, $kind: $sql$out") if $ENV{KINDLY_STATS_VERBOSE};
	if (@wrong)
	{
		fail("step $number, $kind");
		diag("KINDLY_STATS_SEED=$seed, step $number, $kind:\n$sql\nit said:\n$out\nwrong:\n" . join("\n", @wrong));
		$failed = 1;
		last;
	}
}
ok(!$failed, "$steps steps, all true (KINDLY_STATS_SEED=$seed)");
note(sprintf('%-20s %5d done %5d refused', $_, $count{$_}{done} // 0, $count{$_}{refused} // 0)) for sort keys %count;
cmp_ok(scalar(keys %count), '>', $steps >= 200 ? 20 : 0, 'of many kinds') if !$failed;

$node->stop;
done_testing();
