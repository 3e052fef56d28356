# Whatever a reader calls, and with whatever arguments: the server stays up, the
# statement ends, and what is refused is refused with an error that is meant.
#
# KINDLY_STATS_STEPS calls (3000 by default) of every function that a reader may
# execute, with arguments that are in their place, and others that are not.
# KINDLY_STATS_SEED makes a run that failed again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $steps = $ENV{KINDLY_STATS_STEPS} || 3000;
my $seed = $ENV{KINDLY_STATS_SEED} || int(rand(1 << 31));
my $chunk = 500;
srand($seed);
note("KINDLY_STATS_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('hostile');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off\nclient_min_messages = error\nwork_mem = '4MB'\nmax_parallel_workers_per_gather = 2");
$node->start;

$node->safe_psql('postgres', q{
CREATE EXTENSION kindly_stats;
CREATE ROLE ks_hostile LOGIN;
SELECT kindly_stats.create_event_table('chat_event');
SELECT kindly_stats.create_conversation_table('conversation');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path, button_id, button_type, dialogue_id, is_fallback)
SELECT bot, timestamptz '2024-12-20' + n * interval '61 minutes', (ARRAY['user_message', 'bot_reply', 'button_click'])[1 + n % 3],
	's' || n / 4, 'u' || n % 50, (ARRAY['web', 'app', NULL])[1 + n % 3], (ARRAY['nb', 'en'])[1 + n % 2], 'h', '/p' || n % 9, 'b' || n % 5, 'link', 'd', n % 7 = 0
FROM generate_series(1, 2) AS bot, generate_series(1, 1500) AS n;
DELETE FROM chat_event WHERE session_id = 's17';
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count)
SELECT bot, 'c' || n, timestamptz '2025-01-01' + n * interval '3 hours', timestamptz '2025-01-01' + n * interval '3 hours 20 minutes', n % 7
FROM generate_series(1, 2) AS bot, generate_series(1, 200) AS n;
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('ks_hostile', 1);
SELECT kindly_stats.create_api_roles();
SET search_path = public, kindly_stats;
CREATE TABLE tallies (n integer PRIMARY KEY, t kindly_stats.tally);
INSERT INTO tallies
SELECT 0, kindly_stats.tally_agg('2025-01-01Z'::timestamptz) UNION ALL
SELECT 1, kindly_stats.tally_agg('2024-12-20Z'::timestamptz + n * interval '7 minutes', ARRAY['k' || n % 9, NULL], (n % 77)::text) FROM generate_series(1, 5000) AS n UNION ALL
SELECT 2, kindly_stats.tally_agg('2025-01-01Z'::timestamptz + n * interval '1 second', ARRAY['messages', 'web', 'en'], n::text) FROM generate_series(1, 20000) AS n UNION ALL
SELECT 3, kindly_stats.tally_agg('2025-01-01Z'::timestamptz, NULL, 'm', 9223372036854775807) UNION ALL
SELECT 4, - kindly_stats.tally_agg('2025-01-02Z'::timestamptz + n * interval '1 hour', '{web}', n::text, n) FROM generate_series(1, 100) AS n UNION ALL
SELECT 5, kindly_stats.tally_agg('0001-01-01Z'::timestamptz) + kindly_stats.tally_agg('9999-12-31 23:59Z'::timestamptz, '{}', 'last') UNION ALL
SELECT 6, kindly_stats.tally_agg('2025-01-01Z'::timestamptz, array_fill('x'::text, ARRAY[64]), 'x') UNION ALL
SELECT 7, kindly_stats.tally_agg('2025-01-01Z'::timestamptz) - kindly_stats.tally_agg('2025-01-01Z'::timestamptz) UNION ALL
SELECT 8, kindly_stats.tally_agg('2025-01-01Z'::timestamptz + n * interval '15 minutes', ARRAY['web', 'en', n::text], n::text, 1 - n % 3) FROM generate_series(1, 3000) AS n;
GRANT SELECT ON tallies TO ks_hostile, kindly_api_user;
});
my $hex = $node->safe_psql('postgres', 'SELECT t FROM tallies WHERE n = 8');
my $short_hex = $node->safe_psql('postgres', 'SELECT t FROM tallies WHERE n = 6');

# ------------------------------------------------------------------------
# Values
# ------------------------------------------------------------------------

sub one_of { return $_[ int(rand(@_)) ]; }

# A tally with some bytes changed, left out or added: it must be refused, or be one.
sub damaged
{
	my $bytes = substr(one_of($hex, $short_hex), 2);

	for (1 .. 1 + int(rand(3)))
	{
		my $at = 2 * int(rand(rand() < 0.5 ? 96 : length($bytes) / 2));
		substr($bytes, $at, 2) = sprintf('%02x', one_of(0, 1, 0x7f, 0x80, 0xff, int(rand(256)))) if $at < length($bytes);
	}
	$bytes = substr($bytes, 0, 2 * int(rand(length($bytes) / 2))) if rand() < 0.2;
	$bytes .= 'ff' x 8 if rand() < 0.1;
	return "'\\x$bytes'";
}

my @texts = ("''", "'messages'", "'pages'", "'buttons'", "'day'", "'hour'", "'week'", "'month'", "'year'", "'minute'", "'UTC'", "'Europe/Oslo'", "'Africa/Casablanca'",
	"'right/UTC'", "'+15:59'", "'W. Europe Standard Time'", "'fa-IR'", "'ar-EG-u-ca-islamic'", "'he-IL\@calendar=hebrew'", "'web'", "'-web'", "'{web,app}'", "'[\"web\",\"app\"]'",
	"'[\"web'", "'{'", "'['", "'[1]'", "'{NULL}'", "'-'", "','", "'[\"\\u0000\"]'", "'[\"\\ud800\"]'", "'\"'", "'infinity'", "'%s%n'", "'../..'", "E'\\x01\\t'", "'2025-01-01'",
	"repeat('a,', 30000)", "repeat('x', 1000000)", "repeat('\x{c3}\x{b8}', 70000)", "repeat('[', 100000)", "repeat('{', 100000)", "repeat('-', 70000)");
my @instants = ("'2025-01-01'", "'2025-01-31 23:59'", "'2025-01-01 00:07'", "'2024-10-27 00:30+00'", "'infinity'", "'-infinity'", "'0001-01-01'", "'9999-12-31 23:59:59.999999'",
	"'4714-11-24 00:00 BC'", "'294276-12-31 23:59'", "'1970-01-01'", "'2025-06-01'");
my @bigs = ('0', '1', '2', '-1', '42', '9223372036854775807', "'-9223372036854775808'");
my @huge_text_arrays = ("array_fill('x'::text, ARRAY[100000])", 'array_fill(NULL::text, ARRAY[100000])', "(SELECT array_agg('v' || n) FROM generate_series(1, 20000) AS n)",
	"ARRAY[repeat('x', 1000000)]", "array_fill('x'::text, ARRAY[65])", "array_fill('x'::text, ARRAY[30, 30, 30])");
my %pool = (
	'boolean' => [ 'true', 'false' ],
	'smallint' => [ '0', '32767' ],
	'integer' => [ '0', '1', '-1', '5', '64', '65', '2147483647', "'-2147483648'" ],
	'bigint' => \@bigs,
	'double precision' => [ '0', "'NaN'", "'-Infinity'", '1e308' ],
	'double precision[]' => [ "'{}'", "'{1,2,3}'", "'{NULL,0,-5,1e300}'", "'{NaN}'", "'{-Infinity}'", "'{{1,2},{3,4}}'", 'array_fill(1::float8, ARRAY[2000])', 'array_fill(NULL::float8, ARRAY[100000])' ],
	'numeric' => [ '0', "'NaN'", '1e1000' ],
	'text' => \@texts,
	'character' => [ "'x'", "''", "'1'" ],
	'uuid' => [ "'8f14e45f-ceea-467f-a8b5-1c1d7a9e0b11'" ],
	'kindly_stats.bot_id[]' => [ "'{}'", "'{1,2}'", "'{a-bot,NULL}'", "'{{1,2},{3,4}}'", "'[5:6]={1,1}'", "array_fill(1::kindly_stats.bot_id, ARRAY[100000])" ],
	'kindly_stats.bot_id' => [ '1', '2', "'a-bot'", "'8f14e45f-ceea-467f-a8b5-1c1d7a9e0b11'", "'-4611686018427387904'", "'9223372036854775807'" ],
	'interval' => [ "'0'", "'1 hour'", "'-1 day'", "'1 month'", "'178000000 years'" ],
	'kindly_stats.overview_question' => [ map({ "ROW($_)::kindly_stats.overview_question" }
		"1, '2025-01-01', '2025-02-01', 'UTC', 'day', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5",
		"1, '2025-01-01', '2025-02-01', 'Europe/Oslo', 'week', 'fa-IR', '{web}', '{-en}', 'previous_period', '2024-12-01', '2025-01-01', 'pages', '{h}', 1000",
		"'a-bot', '2025-01-01', 'infinity', 'x', 'x', 'x', '{NULL}', '{{a}}', 'x', NULL, NULL, 'x', '{NULL,a,b,c}', -1",
		'NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL') ],
	'kindly_stats.top_lines' => [ map({ "ROW($_)::kindly_stats.top_lines" } '0, 1, 5, false, false', '0, 64, 5, true, false', '2, 1, NULL, false, true', '-1, -2147483648, -1, true, true',
		'2147483647, 2147483647, 2147483647, true, true', 'NULL, NULL, NULL, NULL, NULL') ],
	'kindly_stats.tally_query' => [ map({ "ROW($_)::kindly_stats.tally_query" }
		"'chats', ARRAY['2025-01-01', '2025-01-02', '2025-02-01']::timestamptz[], '{0,1}', true, NULL",
		"'messages', ARRAY['2025-01-01', '2025-02-01']::timestamptz[], NULL, false, '{web}'", "'', '{}', '{}', NULL, '{}'",
		"'chats', ARRAY['2025-02-01', '2025-01-01']::timestamptz[], '{0}', true, '{NULL,a}'", "'x', ARRAY['-infinity', 'infinity']::timestamptz[], '{-1,2147483647}', true, '{{a},{b}}'",
		"'chats', ARRAY[NULL, '2025-01-01']::timestamptz[], '{NULL}', true, '{}'", "'chats', ARRAY[[timestamptz '2025-01-01'], ['2025-02-01']], '{{0}}', false, NULL",
		"'chats', ARRAY['2025-01-01', '2025-01-02', '2025-01-03']::timestamptz[], '[5:6]={5,0}', false, NULL",
		"repeat('m', 100000), (SELECT array_agg(timestamptz '2025-01-01' + i * interval '1 minute') FROM generate_series(1, 100000) AS i), NULL, true, NULL",
		'NULL, NULL, NULL, NULL, NULL') ],
	'oid' => [ '0', '1259', "'event'::regclass", '4294967295' ],
	'cstring' => [ grep { !/repeat/ } @texts ],
	'name' => [ "'x'", "''" ],
	'date' => [ "'2025-01-01'", "'2025-01-31'", "'infinity'", "'-infinity'", "'4714-11-24 BC'", "'5874897-12-31'", "'0001-01-01'" ],
	'timestamp with time zone' => \@instants,
	'timestamp without time zone' => \@instants,
	'kindly_stats.moment' => [ @instants, 'now()', "''", "'x'", "'2025-02-30'", "'2025-01-01T00:00:00.5+15:59'", "date '2025-01-01'", "repeat('1', 100000)" ],
	'kindly_stats.tally' => [ map({ "(SELECT t FROM tallies WHERE n = $_)" } 0 .. 8), (\&damaged) x 6 ],
	'jsonb' => [ "'{}'", "'[]'", "'null'", "'[[], {}, 1, \"x\", null]'", "'[{\"intent_name\": \"a\", \"not_meaningful\": false, \"intent_timestamp\": \"2025-01-01T00:00:00Z\"}]'",
		"'[{\"intent_name\": \"a\", \"not_meaningful\": false, \"intent_timestamp\": 1e999}, {\"intent_name\": \"b\", \"not_meaningful\": false, \"intent_timestamp\": \"9999-99-99\"}]'",
		"(repeat('[', 3000) || repeat(']', 3000))::jsonb", "(SELECT jsonb_agg(jsonb_build_object('intent_name', n, 'not_meaningful', false)) FROM generate_series(1, 30000) AS n)" ],
	'json' => [ "'{}'", "'[]'", "'null'" ],
	'bytea' => [ "'\\x'", "'\\x00'", "decode('$short_hex', 'escape')" ],
	'text[]' => [ "'{}'", "'{web}'", "'{-web}'", "'{NULL}'", "'{\"\"}'", "'{web,NULL}'", "'{{web,app},{a,b}}'", "'[5:6]={web,app}'", "'{0+web}'", "'{1-en,0+web,0+app}'", "'{999+a}'", @huge_text_arrays ],
	'bigint[]' => [ "'{}'", "'{1}'", "'{0,0}'", "'{1,2}'", "'{-1,5}'", "'{NULL}'", "'{NULL,NULL}'", "'{{1,2},{3,4}}'", "'[3:4]={1,2}'", "'{3,2,1}'", 'array_fill(NULL::bigint, ARRAY[100000])',
		"'{9223372036854775807,9223372036854775807}'", '(SELECT array_agg(n) FROM generate_series(1, 100000) AS n)', '(SELECT array_agg(-n) FROM generate_series(1, 100000) AS n)' ],
	'integer[]' => [ "'{}'", "'{0}'", "'{0,1}'", "'{-1,0,1}'", "'{-2}'", "'{NULL}'", "'{0,999999}'", "'{1000000}'", "'{{0,1},{1,0}}'", 'array_fill(0, ARRAY[100000])', '(SELECT array_agg(n % 7 - 1) FROM generate_series(1, 744) AS n)' ],
	'timestamp with time zone[]' => [ "'{}'", "'{2025-01-01}'", "'{2025-01-01,2025-01-02}'", "'{-infinity,infinity}'", "'{-infinity,2025-01-01,2025-01-15,infinity}'", "'{2025-01-02,2025-01-01}'",
		"'{2025-01-01,2025-01-01}'", "'{NULL}'", "'{2025-01-01,NULL}'", "'{{2025-01-01,2025-01-02},{2025-01-03,2025-01-04}}'", "'[7:8]={2025-01-01,2025-01-02}'", "'{2025-01-01 00:07,2025-01-02}'",
		"'{4714-11-24 00:00 BC,294276-12-31}'", 'array_fill(NULL::timestamptz, ARRAY[100000])', "(SELECT array_agg('2025-01-01Z'::timestamptz + n * interval '1 hour') FROM generate_series(0, 744) AS n)",
		"(SELECT array_agg('2024-01-01Z'::timestamptz + n * interval '1 second') FROM generate_series(0, 100000) AS n)" ]);

# What makes sense, by the argument's name.
my %sane = (
	bot => [ '1' ], from => [ "'2025-01-01'", "'2024-12-15'", "'2025-01-30'" ], to => [ "'2025-02-01'", "'2025-01-05'" ], tz => [ "'UTC'", "'Europe/Oslo'", "'Pacific/Chatham'", 'NULL' ],
	granularity => [ "'day'", "'hour'", "'week'", "'month'" ], locale => [ 'NULL', "'en-US'", "'fa-IR'" ], measure => [ "'messages'", "'pages'", "''" ], wanted => [ "'messages'", "'pages'" ],
	limit => [ '5', '1000000' ], key => [ 'NULL' ], sources => [ 'NULL' ], language_codes => [ 'NULL' ], buckets => [ 'NULL' ], filter => [ 'NULL' ], first_seen => [ 'false' ],
	document => [ "'{\"a\": {\"b\": [1, \"x\"]}}'", "'{\"a\": 1, \"a\": 2}'", "repeat('[', 1000) || repeat(']', 1000)" ], path => [ "'{a}'", "'{a,b,1}'", "'{0,0,0}'" ], unit => [ "'seconds'", "'milliseconds'" ],
	kind => [ "'line'", "'bar'", "'heatmap'" ], style => [ "'long'", "'short'" ], by => [ "'tag'", "'language'", "'source'", "'language_code'", "'web_path'" ], measures => [ "'{messages,pages}'", "'{messages,replies,pages}'" ], name => [ "'lastMonth'", "'thisYear'" ],
	compare => [ "'previous_period'", "'previous_year'", "'previous_year_weekday'" ], width => [ '60', '400' ], height => [ '200' ],
	day => [ "'2025-01-05'" ], at => [ "'2025-01-01'" ], edges => [ "'{2025-01-01,2025-01-15,2025-02-01}'", "'{-infinity,infinity}'" ]);

sub value
{
	my ($type, $name, $wild) = @_;
	my $values = rand() >= $wild && $sane{$name} ? $sane{$name} : $pool{$type};
	my $value = rand() < 0.08 ? 'NULL' : one_of(@$values);

	$value = $value->() if ref $value;
	return "($value)::$type";
}

# ------------------------------------------------------------------------
# Calls
# ------------------------------------------------------------------------

# Per role, what it may execute: "oid|schema.name|kind|set|defaults|name:type,..."
sub functions_of
{
	my $role = shift;
	my @lines = split /\n/, $node->safe_psql('postgres', qq{
SELECT concat_ws('|', format('%I.%I', n.nspname, p.proname), p.prokind, p.proretset, p.pronargdefaults,
	(SELECT string_agg(coalesce(nullif(p.proargnames[a.i], ''), 'x') || ':' || format_type(a.t, NULL), ';' ORDER BY a.i) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, i)))
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'kindly_stats'
WHERE has_schema_privilege('$role', n.oid, 'USAGE') AND has_function_privilege('$role', p.oid, 'EXECUTE')
AND NOT 'internal'::regtype = ANY (p.proargtypes) ORDER BY p.oid});
	return map {
		my ($name, $kind, $set, $defaults, $arguments) = split /\|/;
		{ name => $name, kind => $kind, set => $set eq 't', defaults => $defaults, arguments => [ map { [ split /:/, $_, 2 ] } split /;/, $arguments // '' ] }
	} @lines;
}

sub arguments
{
	my ($function, $wild) = @_;
	my @arguments = @{ $function->{arguments} };

	# those with defaults may be left out
	splice(@arguments, @arguments - int(rand($function->{defaults} + 1))) if $function->{defaults} > 0 && rand() < 0.5;
	return map { value($_->[1], $_->[0], $wild) } @arguments;
}

sub call
{
	my $function = shift;
	my $wild = one_of(0.1, 0.3, 1);
	my @arguments = arguments($function, $wild);
	my $list = join(', ', @arguments);

	return 'SELECT count(*) FROM ' . "$function->{name}($list) AS f" if $function->{set} && rand() < 0.7;
	return "SELECT $function->{name}($list)" if $function->{kind} ne 'a';

	# an argument may change from row to row
	my @others = map { value($_->[1], $_->[0], $wild) } @{ $function->{arguments} };
	my @changing = map { rand() < 0.3 ? "CASE n % 3 WHEN 0 THEN $arguments[$_] ELSE $others[$_] END" : $arguments[$_] } 0 .. $#arguments;
	my $plain = join(', ', @changing);
	my $form = int(rand(7));
	my $aggregate = $form == 0 ? "$function->{name}($plain) FILTER (WHERE n % 2 = 0)"
		: $form == 1 ? "$function->{name}(DISTINCT $plain)"
		: $form == 2 ? "$function->{name}($plain ORDER BY n DESC)"
		: $form == 3 ? "$function->{name}($plain) OVER (ORDER BY n)"
		: $form == 4 ? "$function->{name}($plain) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)"
		: "$function->{name}($plain)";

	return "SELECT $aggregate FROM generate_series(1, " . one_of(0, 1, 3, 10) . ') AS n' . ($form == 5 ? ' GROUP BY n % 2' : '');
}

# ------------------------------------------------------------------------
# Sessions
# ------------------------------------------------------------------------

my (%states, %called, $slowest, $total);
$slowest = 0;

sub run_calls
{
	my ($role, @calls) = @_;
	my $script = "SET SESSION AUTHORIZATION $role; SET statement_timeout = '10s'; SET request.jwt.claims = '{\"bot\": 1}';\n" . join('', map { "$_;\n" } @calls);
	my $file = $node->basedir . '/calls.sql';
	my ($out, $err, $ended) = ('', '', 0);

	open my $handle, '>', $file or die $!;
	print $handle "\\set VERBOSITY sqlstate\n\\timing on\n\\o /dev/null\n", $script;
	close $handle;
	eval {
		$ended = IPC::Run::run([ 'psql', '-X', '-d', $node->connstr('postgres'), '-f', $file ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(600)) || 1;
	};
	ok($ended && $err !~ /server closed|terminat|recovery/ && $node->safe_psql('postgres', 'SELECT 1') eq '1', "$role: " . scalar(@calls) . ' calls, and the server is up')
		or diag(substr($err, -300));
	while ($out =~ /^Time: ([0-9.]+) ms/mg)
	{
		$slowest = $1 if $1 > $slowest;
	}
	while ($err =~ /^psql:[^:]*:(\d+): ERROR:  (\w{5})/mg)
	{
		my ($line, $state) = ($1, $2);
		$states{$state}++;
		# the three lines before, and the settings
		diag("$state: " . substr($calls[ $line - 5 ], 0, 2000)) if $state =~ /^(XX|57P|53200|58)/;
	}
	$total += @calls;
	return;
}

for my $role ('ks_hostile', 'kindly_api_user')
{
	my @functions = functions_of($role);
	my $count = $role eq 'ks_hostile' ? $steps : int($steps / 4);
	my @calls;

	cmp_ok(scalar(@functions), '>', 20, "$role may execute functions");
	my %unknown = map { $_->[1] => 1 } grep { !$pool{ $_->[1] } } map { @{ $_->{arguments} } } @functions;
	is(join(' ', sort keys %unknown), '', "$role: there are values for every type");
	next if %unknown;
	for my $i (0 .. $count - 1)
	{
		push @calls, call($functions[ $i % @functions ]);
		next if @calls < $chunk && $i < $count - 1;
		run_calls($role, @calls);
		@calls = ();
	}
}

is(join(' ', grep { /^(XX|57P|53200|58)/ } sort keys %states), '', 'no internal error, no lack of memory');
cmp_ok($total - (eval { my $n = 0; $n += $_ for values %states; $n } // 0), '>', $total / 5, 'a good part of the calls has an answer');
note("slowest: $slowest ms; states: " . join(', ', map { "$_ $states{$_}" } sort keys %states));

$node->stop;
done_testing();
