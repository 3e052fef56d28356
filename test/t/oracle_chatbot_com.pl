# Random questions to ChatBot.com's reports, answered by the extension and by
# plain SQL over the raw events: both must be equal, to the last character.
#
# The events are some of the real ones where KINDLY_STATS_DATA (default
# ../shared/data) has them, and made-up ones.  KINDLY_STATS_SEED gives other
# questions, KINDLY_STATS_QUESTIONS more or fewer of them, in per cent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $percent = $ENV{KINDLY_STATS_QUESTIONS} // 100;
my $data = $ENV{KINDLY_STATS_DATA} || '../shared/data';
note "KINDLY_STATS_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('oracle_chatbot_com');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
timezone = 'UTC'
jit = off
fsync = off
max_wal_size = 4GB
shared_buffers = 256MB
autovacuum = off
CONF
$node->start;
my @psql = ('psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'));

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
CREATE UNLOGGED TABLE staged (LIKE chat_event INCLUDING DEFAULTS);
SQL

if (-r "$data/events_real.csv.gz")
{
	my $load = join ' ', map { "'$_'" } @psql, qw(-v table=staged -f test/load_real.sql);
	is(system("gunzip -c '$data/events_real.csv.gz' | $load"), 0, 'the real events are there');
}
else
{
	diag "no real events in $data (KINDLY_STATS_DATA): made-up ones only";
}
is(system(@psql, qw(-v table=staged -v bots=3 -v year=2024 -v sessions=1500), '-v', "seed=$seed", qw(-f test/generate.sql)), 0, 'made-up events are there');
is(system(@psql, '-v', "seed=$seed", '-f', 'test/oracle.sql', '-f', 'test/oracle_chatbot_com.sql'), 0, 'plain SQL is ready');

my $phases = <<'SQL';
SET client_min_messages = warning;
SET search_path = public, chatbot_com_oracle, oracle;
DROP VIEW oracle.event;
CREATE VIEW oracle.event AS SELECT * FROM chat_event;

-- A seventh of the real bots; sources, stories and what is paid are made up, by session, and stories change within some.
INSERT INTO chat_event (bot_id, occurred_at, kind, event_id, session_id, user_id, source, language_code, is_fallback, story_id, paid,
	interaction_id, interaction_name, interaction_type, interaction_parent_id)
SELECT bot_id, occurred_at, CASE WHEN k.interaction THEN 'interaction' ELSE kind END, event_id, session_id, user_id,
	pick(ARRAY['widget', 'slack', 'messenger', NULL, 'Ünïcode, "quoted"'], hashtext(session_id), 301), language_code, is_fallback,
	pick(ARRAY['5b07ffafc2376e30306d9b16', '5b07ff77c2376e30306d9b12', NULL, 'a,b'], hashtext(session_id) + CASE WHEN k.key % 10 = 0 THEN 1 ELSE 0 END, 302),
	CASE WHEN dice(hashtext(session_id), 303) < 0.8 THEN dice(hashtext(session_id), 304) < 0.4 END,
	CASE WHEN k.interaction AND k.key % 3 > 0 THEN 'i' || k.key % 23 END, CASE WHEN k.interaction AND k.key % 11 > 0 THEN 'name ' || k.key % 5 END,
	CASE WHEN k.interaction AND k.key % 3 = 0 THEN pick(ARRAY['fallback', 'welcome', 'contextFallback'], k.key, 305) END,
	CASE WHEN k.interaction AND k.key % 7 = 0 THEN 'i' || k.key % 4 END
FROM staged, LATERAL (SELECT abs(hashtext(event_id::text)::bigint) AS key, dice(hashtext(event_id::text), 306) < 0.3 AS interaction) AS k
WHERE bot_id <= 3 OR dice(bot_id, 307) < 0.15;
ANALYZE chat_event;
SELECT 'bots, but for as many as there should be|' || (count(DISTINCT bot_id) < 3)::int FROM chat_event;
SELECT check_answers('after one insert of all', <600>);

BEGIN;
INSERT INTO gone SELECT bot_id, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id FROM chat_event WHERE kind = 'interaction';
DELETE FROM chat_event WHERE dice(hashtext(event_id::text), 310) < 0.2;
UPDATE chat_event AS e SET
	story_id = CASE WHEN c.what = 0 THEN NULL WHEN c.what = 1 THEN 'new' ELSE story_id END,
	paid = CASE WHEN c.what = 2 THEN NOT coalesce(paid, false) ELSE paid END,
	kind = CASE WHEN c.what = 3 THEN 'user_message' ELSE kind END,
	source = CASE WHEN c.what = 4 THEN 'app' ELSE source END,
	interaction_name = CASE WHEN c.what = 5 THEN 'renamed' ELSE interaction_name END,
	session_id = CASE WHEN c.what = 6 THEN 'one for all' ELSE session_id END
FROM (SELECT event_id, floor(dice(hashtext(event_id::text), 312) * 7)::int AS what FROM chat_event WHERE dice(hashtext(event_id::text), 311) < 0.2) AS c
WHERE c.event_id = e.event_id;
SELECT check_answers('deleted and changed, not committed', <300>);
COMMIT;
CALL kindly_stats.compact();
SELECT check_answers('compacted', <200>);
SELECT 'verify|' || count(*) FROM kindly_stats.verify();
SQL
$phases =~ s/<(\d+)>/int($1 * $percent \/ 100) || 1/ge;

my ($out, $err);
my $status = $node->psql('postgres', $phases, stdout => \$out, stderr => \$err, on_error_stop => 1);
my ($asked, $refused, $telling) = (0, 0, 0);
for my $line (split /\n/, $out)
{
	my ($name, $count, $no, $some, $different, @details) = split /\|/, $line;
	next unless defined $count;
	if (!defined $different)
	{
		is($count, 0, "$name: none");
		next;
	}
	$asked += $count;
	$refused += $no;
	$telling += $some;
	is($different, 0, "$name: $count answers equal plain SQL")
		or diag(join "\n", "KINDLY_STATS_SEED=$seed", @details);
}
is($status, 0, 'all phases went through') or diag("KINDLY_STATS_SEED=$seed\n$err");
cmp_ok($refused, '<', $asked / 5, "$asked questions, and most of them can be answered");
cmp_ok($telling, '>', $asked / 2, 'most answers are not all zeros');
note "$asked questions, $refused of them rightly refused, $telling with something to tell";

$node->stop;
done_testing();
