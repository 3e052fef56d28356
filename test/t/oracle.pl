# Random questions, answered by the extension and by plain SQL over the raw
# events: both must be equal, to the last count, after every kind of writing.
#
# The events are the real ones where KINDLY_STATS_DATA (default ../shared/data)
# has them, and made-up ones for the kinds that these have not.  Questions and
# changes depend on a seed alone: KINDLY_STATS_SEED gives others, and
# KINDLY_STATS_QUESTIONS asks more or fewer of them in each phase, in per cent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $percent = $ENV{KINDLY_STATS_QUESTIONS} // 100;
my $data = $ENV{KINDLY_STATS_DATA} || '../shared/data';
note "KINDLY_STATS_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('oracle');
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

# ------------------------------------------------------------------ events

my @made_up = (qw(-v table=staged -v bots=2 -v year=2024 -v sessions=1500), '-v', "seed=$seed", qw(-f test/generate.sql));
if (-r "$data/events_real.csv.gz")
{
	my $load = join ' ', map { "'$_'" } @psql, qw(-v table=staged -f test/load_real.sql);
	is(system("gunzip -c '$data/events_real.csv.gz' | $load"), 0, 'the real events are there');
}
else
{
	diag "no real events in $data (KINDLY_STATS_DATA): made-up ones only";
	@made_up = map { s/^(bots|sessions)=.*/$1 eq 'bots' ? 'bots=6' : 'sessions=5000'/er } @made_up;
}
is(system(@psql, @made_up), 0, 'made-up events are there');
is(system(@psql, '-v', "seed=$seed", '-f', 'test/oracle.sql'), 0, 'plain SQL is ready');

# ------------------------------------------------------------------ phases

# Each phase prints "name|questions|refused|different|first differences", or
# "name|rows" where no row is right.
my $phases = <<'SQL';
SET client_min_messages = warning;
SET search_path = public, oracle;
CREATE VIEW every_event AS SELECT * FROM chat_event;
CREATE OR REPLACE VIEW oracle.event AS
SELECT bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback, web_host, web_path,
	button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating::text, NULL::bigint AS weight
FROM every_event;

-- The real events have one source and one language: theirs are made up, by session.
INSERT INTO chat_event (bot_id, occurred_at, kind, event_id, session_id, user_id, source, language_code, is_fallback, web_host, web_path,
	button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating)
SELECT bot_id, occurred_at, kind, event_id, session_id, user_id,
	(ARRAY['web', 'app', 'test', NULL, 'Ünïcode, "quoted"', source])[1 + floor(dice(hashtext(session_id), 101) * 6)::int],
	(ARRAY['nb', 'en', NULL, 'pt-BR', language_code])[1 + floor(dice(hashtext(session_id), 102) * 5)::int],
	is_fallback, web_host, CASE WHEN web_host IS NOT NULL AND dice(hashtext(session_id), 103) < 0.5 THEN '/' || hashtext(session_id) % 7 ELSE web_path END,
	button_id, button_type, dialogue_id, label_id, label_text, rating_type, rating
FROM staged;
ANALYZE chat_event;
SELECT check_answers('after one insert of all', <1500>);
SELECT 'verify after the insert|' || count(*) FROM kindly_stats.verify();

-- A tenth is deleted, another one changed in every way.
SET oracle.outward = on;
BEGIN;
DELETE FROM chat_event WHERE dice(hashtext(event_id::text), 110) < 0.1;
SELECT check_answers('a tenth deleted, not committed', <200>);
SET LOCAL work_mem = '256kB';
UPDATE chat_event AS e SET
	kind = CASE WHEN c.what = 0 THEN pick(ARRAY['user_message', 'bot_reply', 'button_click', 'label_added', 'feedback', 'handover_request',
		'handover_request_closed', 'handover_started', 'handover_ended', 'something else'], c.key, 121) ELSE kind END,
	occurred_at = CASE WHEN c.what = 1 THEN occurred_at + (dice(c.key, 122) - 0.5) * interval '100 days'
		WHEN c.what = 2 THEN date_trunc('hour', occurred_at) ELSE occurred_at END,
	session_id = CASE WHEN c.what = 3 THEN nullif(pick(ARRAY['', 'one for all', session_id || 'x'], c.key, 123), '') ELSE session_id END,
	user_id = CASE WHEN c.what = 3 THEN NULL ELSE user_id END,
	source = CASE WHEN c.what = 4 THEN pick(ARRAY[NULL, 'web', 'new'], c.key, 124) ELSE source END,
	language_code = CASE WHEN c.what = 4 THEN pick(ARRAY[NULL, 'en', 'fo'], c.key, 125) ELSE language_code END,
	bot_id = CASE WHEN c.what = 5 THEN pick((SELECT array_agg(bot ORDER BY bot) FROM subject), c.key, 126) ELSE bot_id END,
	is_fallback = CASE WHEN c.what = 0 THEN dice(c.key, 127) < 0.3 WHEN c.what = 6 THEN NOT is_fallback ELSE is_fallback END,
	button_id = CASE WHEN c.what = 0 THEN 'b' || floor(dice(c.key, 128) * 9) ELSE button_id END,
	button_type = CASE WHEN c.what = 0 THEN pick(ARRAY['quick_reply', NULL], c.key, 129) ELSE button_type END,
	label_text = CASE WHEN c.what = 0 THEN pick(ARRAY['order', 'a"b\c', NULL, ''], c.key, 130) ELSE label_text END,
	label_id = CASE WHEN c.what = 0 THEN pick(ARRAY['1', NULL, '2'], c.key, 131) ELSE label_id END,
	rating_type = CASE WHEN c.what = 0 THEN pick(ARRAY['binary', 'emojis', NULL], c.key, 132) ELSE rating_type END,
	rating = CASE WHEN c.what = 0 THEN 1 + floor(dice(c.key, 133) * 4) ELSE rating END,
	web_path = CASE WHEN c.what = 6 THEN NULL ELSE web_path END
FROM (SELECT event_id, hashtext(event_id::text)::bigint AS key, floor(dice(hashtext(event_id::text), 112) * 7)::int AS what FROM chat_event) AS c
WHERE c.event_id = e.event_id AND dice(c.key, 111) < 0.1;
SELECT check_answers('another tenth changed, not committed', <400>);
COMMIT;
SELECT check_again('both committed', 'another tenth changed, not committed');
SELECT check_answers('both committed, other questions', <200>);

-- Late events, by years; MERGE, and both kinds of ON CONFLICT, with rows that are there and rows that are not.
INSERT INTO chat_event (bot_id, occurred_at, kind, event_id, session_id, user_id, source, is_fallback)
SELECT pick((SELECT array_agg(bot ORDER BY bot) FROM subject), i, 140), timestamptz '2012-03-01 00:00Z' + dice(i, 141) * interval '2000 days',
	pick(ARRAY['user_message', 'bot_reply', 'handover_started'], i, 142), lpad(to_hex(i), 32, 'a')::uuid, 'late' || i % 500, 'u' || i % 77,
	pick(ARRAY['web', 'archive'], i, 143), dice(i, 144) < 0.5
FROM generate_series(1, 5000) AS i;
SELECT check_answers('years late', <200>);
CREATE TEMP TABLE retry AS
SELECT * FROM chat_event WHERE dice(hashtext(event_id::text), 150) < 0.02;
INSERT INTO retry (bot_id, occurred_at, kind, event_id, session_id)
SELECT bot_id, occurred_at, 'user_message', gen_random_uuid(), 'retried'
FROM (SELECT DISTINCT bot_id, occurred_at FROM chat_event WHERE dice(hashtext(event_id::text), 151) < 0.002) AS d;
BEGIN;
MERGE INTO chat_event AS e USING retry AS r ON e.bot_id = r.bot_id AND e.occurred_at = r.occurred_at AND e.event_id = r.event_id
WHEN MATCHED AND dice(hashtext(r.event_id::text), 152) < 0.3 THEN DELETE
WHEN MATCHED AND dice(hashtext(r.event_id::text), 152) < 0.7 THEN UPDATE SET kind = 'bot_reply', is_fallback = true, bot_id = (SELECT min(bot) FROM subject)
WHEN NOT MATCHED THEN INSERT (bot_id, occurred_at, kind, event_id, session_id) VALUES (r.bot_id, r.occurred_at, r.kind, r.event_id, r.session_id);
SELECT check_answers('merged, not committed', <200>);
INSERT INTO chat_event SELECT * FROM retry ON CONFLICT DO NOTHING;
SELECT check_answers('on conflict do nothing, not committed', <200>);
INSERT INTO chat_event SELECT * FROM retry
ON CONFLICT (bot_id, occurred_at, event_id) DO UPDATE SET session_id = 'again', source = 'retry', occurred_at = EXCLUDED.occurred_at + interval '1 day'
	WHERE dice(hashtext(EXCLUDED.event_id::text), 153) < 0.6;
SELECT check_answers('on conflict do update, not committed', <300>);
COMMIT;
SELECT check_again('all committed', 'on conflict do update, not committed');
SELECT 'verify after all writing|' || count(*) FROM kindly_stats.verify();

-- What is rolled back has never been.
BEGIN;
DELETE FROM chat_event WHERE bot_id IN (SELECT bot FROM subject WHERE bot % 2 = 0);
UPDATE chat_event SET kind = 'user_message' WHERE bot_id IN (SELECT bot FROM subject WHERE bot % 3 = 0);
SELECT check_answers('every other bot deleted, not committed', <200>);
ROLLBACK;
SELECT check_again('deleted bots rolled back', 'on conflict do update, not committed');
BEGIN;
DELETE FROM chat_event WHERE dice(hashtext(event_id::text), 160) < 0.02;
SAVEPOINT one;
UPDATE chat_event SET source = 'never', occurred_at = occurred_at - interval '3 hours' WHERE dice(hashtext(event_id::text), 161) < 0.02;
SAVEPOINT two;
INSERT INTO chat_event SELECT * FROM retry ON CONFLICT DO NOTHING;
ROLLBACK TO two;
SELECT check_answers('rolled back to the second savepoint', <200>);
ROLLBACK TO one;
UPDATE chat_event SET session_id = 'kept' WHERE dice(hashtext(event_id::text), 162) < 0.01;
RELEASE one;
SELECT check_answers('rolled back to the first savepoint', <200>);
COMMIT;
SELECT check_again('savepoints committed', 'rolled back to the first savepoint');

-- Small statements, each with inline compaction more often than not.
SET kindly_stats.compact_after = 2;
DO $$
DECLARE
	i int;
	e record;
BEGIN
	FOR i IN 1 .. 1500 LOOP
		SELECT bot, first, last INTO e FROM oracle.subject ORDER BY bot OFFSET i % (SELECT count(*) FROM oracle.subject) LIMIT 1;
		CASE i % 5
			WHEN 0 THEN
				DELETE FROM chat_event WHERE (bot_id, occurred_at, event_id) IN (SELECT bot_id, occurred_at, event_id FROM chat_event
					WHERE bot_id = e.bot AND occurred_at >= e.last - dice(i, 170) * interval '30 days' ORDER BY occurred_at LIMIT 3);
			WHEN 1 THEN
				UPDATE chat_event SET kind = 'user_message', session_id = 's' || i % 10 WHERE (bot_id, occurred_at, event_id) IN (SELECT bot_id, occurred_at, event_id
					FROM chat_event WHERE bot_id = e.bot AND occurred_at >= e.last - dice(i, 171) * interval '30 days' ORDER BY occurred_at LIMIT 3);
			ELSE
				INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source)
				VALUES (e.bot, e.last - dice(i, 172) * interval '30 days', 'user_message', 's' || i % 10, 'u', 'drip');
		END CASE;
		IF i % 10 = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
END
$$;
RESET kindly_stats.compact_after;
SELECT check_answers('after 1500 small statements', <300>);

-- Compaction changes no answer, and leaves a row a bot, measure and month.
CALL kindly_stats.compact();
SELECT 'bots, measures and months in more than one row|' || count(*) FROM (
	-- but for rows that say of instants alone that they are gone
	SELECT FROM kindly_stats.rollup WHERE NOT kindly_stats.is_empty(tally) OR cluster IS NOT NULL GROUP BY bot_id, month, kept
	HAVING count(*) > count(DISTINCT measure) OR bool_or(id BETWEEN 0 AND 2305843009213693951 OR cluster IS NOT NULL) OR min(measure) = '' AND max(measure) <> '') AS crowded;
SELECT check_again('compacted', 'after 1500 small statements');
SELECT check_answers('compacted, other questions', <300>);
SELECT 'verify after compaction|' || count(*) FROM kindly_stats.verify();

-- Purged events stay counted, whatever the zone of the session that purges.  From
-- here on plain SQL reads them from a copy.
SET TimeZone = 'America/Los_Angeles';
CREATE TABLE gone AS SELECT * FROM chat_event WHERE occurred_at < '2024-03-01 02:10Z';
CREATE INDEX ON gone (bot_id, occurred_at);
ANALYZE gone;
SELECT 'purged, but for as many as there were|' || kindly_stats.purge('chat_event', '2024-03-01 02:10:00Z') - (SELECT count(*) FROM gone);
CREATE OR REPLACE VIEW every_event AS SELECT * FROM chat_event UNION ALL SELECT * FROM gone;
SELECT check_again('purged', 'compacted, other questions');
SELECT check_answers('purged, other questions', <300>);
SELECT 'verify after the purge|' || count(*) FROM kindly_stats.verify();
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id)
SELECT bot_id, occurred_at + interval '1 second', 'user_message', 'later than late' FROM gone WHERE dice(hashtext(event_id::text), 180) < 0.02;
DELETE FROM chat_event WHERE dice(hashtext(event_id::text), 181) < 0.05;
SELECT check_answers('late events among the purged ones', <200>);
SELECT kindly_stats.rebuild() AS replaced \gset
SET oracle.outward = off;
SELECT check_again('rebuilt', 'late events among the purged ones');
SELECT check_answers('rebuilt, other questions', <200>);
SELECT 'verify after the rebuild|' || count(*) FROM kindly_stats.verify();
SQL
$phases =~ s/<(\d+)>/int($1 * $percent \/ 100) || 1/ge;

my ($out, $err);
my $status = $node->psql('postgres', $phases, stdout => \$out, stderr => \$err, on_error_stop => 1);
my $asked = 0;
my $refused = 0;
for my $line (split /\n/, $out)
{
	my ($name, $count, $no, $different, @details) = split /\|/, $line;
	next unless defined $count;
	if (!defined $different)
	{
		is($count, 0, "$name: none");
		next;
	}
	$asked += $count;
	$refused += $no;
	is($different, 0, "$name: $count answers equal plain SQL")
		or diag(join "\n", "KINDLY_STATS_SEED=$seed", @details);
}
is($status, 0, "all phases went through") or diag("KINDLY_STATS_SEED=$seed\n$err");
cmp_ok($refused, '<', $asked / 5, "$asked questions, and most of them can be answered");
note "$asked questions, $refused of them rightly refused";

$node->stop;
done_testing();
